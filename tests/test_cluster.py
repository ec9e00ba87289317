"""Work on a dask cluster of two processes: the same answer, bit for bit, even where one of them is killed."""

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from needs import needs_linux
from polars.testing import assert_frame_equal
from processes import list_processes
from stand_ins import hide_packages

from klavnb.bundled import find_definitions, find_sample
from klavnb.cli import main
from klavnb.cluster import Cluster, open_cluster, opening
from klavnb.definitions import read_definitions
from klavnb.distribution import attribute_on
from klavnb.errors import ExportError, KlavnbError, SettingsError, StoreError
from klavnb.export import read_store
from klavnb.filling import load_store
from klavnb.loading import LoadOptions, matching, slices
from klavnb.models import Model
from klavnb.settings import Settings
from klavnb.slicing import scan_credits

pytestmark = needs_linux

MODELS: list[Model] = ["old", "cooperative"]
DATABASE = "postgresql://reader@127.0.0.1:1/warehouse"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with open_cluster("local", workers=2) as opened:
        yield opened


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fourth of the tiny sample's events in six files, with a table between them, so that each is a task."""
    folder = tmp_path_factory.mktemp("export")
    resources: dict[tuple[str, str], Mapping[str, Any]] = {}
    for path in sorted((find_sample().parent / "tiny").glob("*.json.gz")):
        page = json.loads(gzip.decompress(path.read_bytes()))
        for resource in [*page["data"], *page.get("included", [])]:
            resources.setdefault((resource["type"], resource["id"]), resource)
    events = [resource for resource in resources.values() if resource["type"] == "event"]
    lines = [json.dumps(resource) for resource in events[::4]]
    for number in range(6):
        place = folder / str(number)
        place.mkdir()
        (place / "events.jsonl").write_text("\n".join([*lines[number::6], lines[0], "{broken"]), encoding="utf-8")
        (place / "metric.csv").write_text("id,name\nM0,Nothing\n", encoding="utf-8")
    return folder


@pytest.fixture
def many_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the little there is as if it were much: slices of days, buckets of profiles."""
    monkeypatch.setattr(slices, "ROWS", 100)
    monkeypatch.setattr(matching, "ROWS", 300)


def read_files(store: Path) -> tuple[dict[str, bytes], Mapping[str, Any]]:
    """All files of a store's data, byte by byte, and its manifest, but for the random name of the folder of data."""
    manifest = json.loads((store / "manifest.json").read_bytes())
    data = store / manifest.pop("data")
    files = {path.relative_to(data).as_posix(): path.read_bytes() for path in data.rglob("*") if path.is_file()}
    return files, manifest


def start_two(number: int) -> tuple[int, int, str]:
    time.sleep(0.05)
    return number, os.getpid(), os.environ["POLARS_MAX_THREADS"]


def fail_at(number: int, *, last: int = 3) -> int:
    if number == last:
        raise StoreError("No room.", hint="Make some.")
    return number


def read_nothing(folder: Path) -> bytes:
    return (folder / "nothing").read_bytes()


def write_later(path: Path) -> None:
    time.sleep(0.5)
    path.touch()


def work_slowly(_number: int) -> None:
    time.sleep(60)


def test_results_come_in_the_order_of_the_arguments_from_processes_with_a_core_each(cluster: Cluster) -> None:
    results = list(cluster.map(start_two, range(9), label="attribute"))
    assert [number for number, _, _ in results] == list(range(9))
    assert {process for _, process, _ in results} == set(cluster.client.run(os.getpid).values())
    assert {int(threads) for *_, threads in results} == {max(1, (os.cpu_count() or 1) // 2)}
    assert cluster.count_threads() == 2


def test_the_dashboard_names_tasks_by_their_label(cluster: Cluster) -> None:
    futures = cluster.map(start_two, range(2), label="credits")
    next(futures)
    prefixes = cluster.client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.task_prefixes))
    futures.close()
    assert "credits" in prefixes


def test_an_error_of_ours_comes_back_as_it_was_and_nothing_is_left_at_work(cluster: Cluster) -> None:
    results: list[int] = []
    with pytest.raises(StoreError) as raised:
        results.extend(cluster.map(fail_at, range(20)))
    assert (raised.value.message, raised.value.hint) == ("No room.", "Make some.")
    assert not any(cluster.client.processing().values())


def test_a_worker_that_lacks_a_file_says_so(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(KlavnbError, match=r"A worker \(.*, process \d+\) could not read or write: .*nothing: No such"):
        list(cluster.map(read_nothing, [tmp_path]))


def test_a_folder_that_workers_do_not_see_is_named_before_anything_is_read(cluster: Cluster, tmp_path: Path) -> None:
    cluster.check_paths([tmp_path], writable=tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KlavnbError, match=r"The worker tcp://.* cannot reach .*elsewhere\.") as raised:
        cluster.check_paths([tmp_path / "elsewhere"], writable=tmp_path)
    assert "a folder that all of them mount" in str(raised.value)


def test_stopping_waits_for_what_is_at_work_and_takes_the_rest_back(cluster: Cluster, tmp_path: Path) -> None:
    results = cluster.map(write_later, [tmp_path / str(number) for number in range(8)])
    threading.Timer(0.1, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        list(results)
    written = {path.name for path in tmp_path.iterdir()}
    time.sleep(0.7)
    assert {path.name for path in tmp_path.iterdir()} == written == {"0", "1"}


@pytest.mark.usefixtures("many_slices")
def test_a_store_that_a_cluster_made_is_the_same_bit_for_bit_though_a_worker_is_killed_in_each_half(
    cluster: Cluster, export: Path, tmp_path: Path
) -> None:
    expected = load_store(export, tmp_path / "alone")
    killed: dict[str, int] = {}

    def kill_one(step: str, share: float, _events: int) -> None:
        """Kill a worker that is at a task of the step."""
        if step in killed or not 0.2 < share < 0.7:
            return
        while not (busy := [worker for worker, keys in cluster.client.processing().items() if keys]):
            time.sleep(0.01)
        killed[step] = cluster.client.run(os.getpid, workers=busy[:1])[busy[0]]
        os.kill(killed[step], signal.SIGKILL)

    found = load_store(export, tmp_path / "store", cluster=cluster, progress=kill_one)
    assert set(killed) == {"reading", "finishing"}
    assert not {each.number for each in list_processes()} & set(killed.values())
    assert len(read_files(tmp_path / "alone")[0]) > 8
    assert read_files(tmp_path / "store") == read_files(tmp_path / "alone")
    assert found.summary == expected.summary


@pytest.mark.usefixtures("many_slices")
def test_credits_of_a_cluster_are_the_same_bit_for_bit_though_a_worker_is_killed(
    cluster: Cluster, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    expected = scan_credits(load_store(find_sample().parent / "tiny", store).events, models=MODELS, settings=Settings())
    killed: list[int] = []

    def kill_one(_step: str, share: float, _conversions: int) -> None:
        if not killed and share > 0.2:
            while not (busy := [worker for worker, keys in cluster.client.processing().items() if keys]):
                time.sleep(0.01)
            killed.append(cluster.client.run(os.getpid, workers=busy[:1])[busy[0]])
            os.kill(killed[0], signal.SIGKILL)

    places = str(store), str(tmp_path / "parts")
    found = attribute_on(cluster, *places, models=MODELS, settings=Settings(), progress=kill_one)
    assert killed
    assert_frame_equal(found.collect(), expected.collect(), check_exact=True)
    assert len(list((tmp_path / "parts").iterdir())) > 4


def test_segments_of_a_cluster_are_those_of_one_machine(cluster: Cluster, tmp_path: Path) -> None:
    load_store(find_sample().parent / "tiny", tmp_path / "store")
    definitions = read_definitions(find_definitions())
    answers = []
    for name, how in (("alone", []), ("by-cluster", ["--cluster", cluster.client.scheduler.address])):
        out = tmp_path / name
        command = ["segment", str(tmp_path / "store"), "--definition", str(find_definitions()), *how]
        main([*command, "--as-of", "2026-07-31", "--members", str(out / "members.csv")])
        main([*command, "--sizes", str(out / "sizes.csv"), "--start", "2026-05-01", "--end", "2026-08-31"])
        answers.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert answers[0] == answers[1]
    assert set(answers[0]) == {"members.csv", "sizes.csv"}
    members = pl.read_csv(tmp_path / "alone" / "members.csv")
    assert 3 < members["segment"].n_unique() <= len(definitions)


@pytest.mark.usefixtures("many_slices")
def test_a_cluster_adds_to_a_store_as_one_machine_does(
    cluster: Cluster, export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(export)
    first: Sequence[str] = [str(number) for number in range(5)]
    for name, used in (("alone", None), ("store", cluster)):
        load_store(first, tmp_path / name, cluster=used)
        load_store(["5"], tmp_path / name, append=True, cluster=used)
    assert read_files(tmp_path / "store") == read_files(tmp_path / "alone")


def test_a_load_on_a_cluster_that_fails_leaves_the_former_store(cluster: Cluster, export: Path, tmp_path: Path) -> None:
    former = load_store(export / "0", tmp_path / "store")
    with pytest.raises(ExportError, match="Mend it, or load the rest"):
        load_store(export, tmp_path / "store", options=LoadOptions(on_error="stop"), cluster=cluster)
    assert read_store(tmp_path / "store").summary == former.summary
    assert len(list((tmp_path / "store").glob("data-*"))) == 1


def test_a_cluster_makes_a_store_that_is_sent_elsewhere(cluster: Cluster, export: Path, tmp_path: Path) -> None:
    found = load_store(export / "0", "memory://cluster/store", cluster=cluster)
    expected = load_store(export / "0", tmp_path / "store")
    assert_frame_equal(found.events.collect(), expected.events.collect())
    assert found.summary == expected.summary


def test_a_database_is_not_read_by_a_cluster(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="a database is not read by a cluster"):
        load_store(DATABASE, tmp_path / "store", cluster=cluster)


def test_a_cluster_that_was_there_goes_on_and_its_workers_must_be_alike(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = cluster.client.scheduler.address
    with open_cluster(address) as opened:
        assert list(opened.map(fail_at, range(3))) == [0, 1, 2]
    assert len(cluster.client.run(os.getpid)) == 2
    monkeypatch.setattr(pl, "__version__", "1.0.0")
    with pytest.raises(KlavnbError, match=r"The worker tcp://\S+ has polars \S+, expected 1\.0\.0 as here"):
        open_cluster(address).__enter__()
    with pytest.raises(KlavnbError, match=r"has polars \S+, expected 1\.0\.0 as here"):  # one that came later
        list(cluster.map(fail_at, range(2)))


def test_a_scheduler_that_does_not_answer_is_named() -> None:
    with pytest.raises(KlavnbError, match=r"No dask scheduler answers at tcp://127\.0\.0\.1:9"):
        open_cluster("tcp://127.0.0.1:9", patience=0.3).__enter__()


def test_what_answers_but_is_no_scheduler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MOMENT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with (
            pytest.raises(KlavnbError, match=r"No dask scheduler answers at .*: nothing that speaks as a"),
            open_cluster(address, patience=0.5),
        ):
            pytest.fail("it opened")


@pytest.mark.parametrize(("address", "workers"), [("here", None), ("local", 0), ("tcp://127.0.0.1:9", 2)])
def test_what_is_no_cluster_is_refused(address: str, workers: int | None) -> None:
    with pytest.raises(SettingsError):
        open_cluster(address, workers=workers).__enter__()


def test_without_the_extra_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hide_packages(monkeypatch, "dask", "distributed")
    with pytest.raises(SystemExit) as ended:
        main(["load", "sample", "--out", str(tmp_path / "store"), "--cluster", "local"])
    assert ended.value.code == 1
    assert "pip install 'klavnb[cluster]'" in capsys.readouterr().err
    assert not (tmp_path / "store").exists()


def test_nothing_of_the_extra_is_imported_where_no_cluster_is_used() -> None:
    script = (
        "import sys, klavnb.filling, klavnb.cluster, klavnb.cli.exports; "
        "print(sorted({'dask', 'distributed', 'fsspec', 'obstore', 'boto3'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout == b"[]\n"
