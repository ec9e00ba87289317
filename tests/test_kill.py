"""A load that is killed at any moment leaves the former store whole, or the new one; a load again sets all right."""

import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from load_server import LoadProcess, LoadServer, serve_loads
from needs import needs_linux
from polars.testing import assert_frame_equal
from processes import assert_nothing_runs, find_workers

from klavnb.bundled import find_sample
from klavnb.export import Export, read_store
from klavnb.filling import load_store
from klavnb.loading import LoadOptions

pytestmark = needs_linux

FRAMES = ("events", "profiles", "messages", "groups", "rejects")
COPIES = 2
"""Parts of an export, which different workers read."""
SHARE_FREE = LoadOptions()

RANDOM = random.Random(9)
MOMENTS = [
    (share, 2 if number % 4 == 0 else 1) for number, share in enumerate(sorted(RANDOM.uniform(0, 1) for _ in range(20)))
]
"""When a load is killed, as a share of what it takes from its first file on; and its processes."""
MOMENTS_OF_ADDING = sorted(RANDOM.uniform(0, 1) for _ in range(2))

Resource = Mapping[str, Any]


class Case(NamedTuple):
    """A store, an export that is loaded into it, and what then is in it; `seconds` is what that takes `workers`."""

    store: Path
    export: Path
    options: Sequence[str]
    before: Export
    after: Export
    workers: int = 2
    seconds: float = 0.0


@pytest.fixture(scope="module")
def server() -> Iterator[LoadServer]:
    with serve_loads() as server:
        yield server


def read_sample() -> list[Resource]:
    """A third of the events of the tiny sample, and every other resource, each once."""
    found: dict[tuple[str, str], Resource] = {}
    for path in sorted((find_sample().parent / "tiny").glob("*.json.gz")):
        page = json.loads(gzip.decompress(path.read_bytes()))
        for resource in [*page["data"], *page.get("included", [])]:
            found.setdefault((resource["type"], resource["id"]), resource)
    events = [each for each in found.values() if each["type"] == "event"]
    return [*events[::3], *(each for each in found.values() if each["type"] != "event")]


def write_export(folder: Path, resources: Sequence[Resource]) -> Path:
    """Write resources as lines, the events several times under other ids; with a table between, each file is a task."""
    for copy in range(COPIES):
        copied = [
            {**each, "id": f"{each['id']}-{copy}"} if each["type"] == "event" and copy else each for each in resources
        ]
        (folder / f"{copy}").mkdir(parents=True)
        lines = "".join(json.dumps(each) + "\n" for each in copied)
        (folder / f"{copy}" / "events.jsonl").write_text(lines + "{broken\n", encoding="utf-8")
        (folder / f"{copy}" / "metric.csv").write_text("id,name\nM0,Nothing\n", encoding="utf-8")
    return folder


def start(server: LoadServer, case: Case, store: Path) -> LoadProcess:
    """Begin a load, and wait until it has written its first file or folder."""
    known = set(store.glob("data-*"))
    process = server.start(str(case.export), "--out", str(store), "--workers", str(case.workers), *case.options)
    while process.is_running() and not set(store.glob("data-*")) - known:
        time.sleep(0.002)
    return process


def make_case(folder: Path, before: Sequence[Resource], after: Sequence[Resource], *, is_added: bool) -> Case:
    first, second = write_export(folder / "before", before), write_export(folder / "after", after)
    store, expected = folder / "store", folder / "expected"
    load_store(first, store)
    if is_added:
        shutil.copytree(store, expected)
    load_store(second, expected, append=is_added)
    return Case(store, second, ["--append"] if is_added else [], read_store(store), read_store(expected))


def measure_load(server: LoadServer, case: Case, store: Path) -> Case:
    """Note what a load takes that nobody kills."""
    shutil.copytree(case.store, store)
    process = start(server, case, store)
    begun = time.monotonic()
    assert process.wait(timeout=60) == 0
    assert_same(read_store(store), case.after)
    return case._replace(seconds=time.monotonic() - begun)


@pytest.fixture(scope="module")
def replacing(server: LoadServer, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Case]:
    """By its processes."""
    resources = read_sample()
    half = [each for number, each in enumerate(resources) if each["type"] != "event" or number % 2]
    folder = tmp_path_factory.mktemp("replacing")
    case = make_case(folder, half, resources, is_added=False)
    return {
        workers: measure_load(server, case._replace(workers=workers), folder / f"timed-{workers}") for workers in (1, 2)
    }


@pytest.fixture(scope="module")
def adding(server: LoadServer, tmp_path_factory: pytest.TempPathFactory) -> Case:
    resources = read_sample()
    events = sorted(
        (each for each in resources if each["type"] == "event"), key=lambda each: each["attributes"]["datetime"]
    )
    others = [each for each in resources if each["type"] != "event"]
    cut = len(events) * 2 // 3
    older, newer = [*others, *events[:cut]], [*others, *events[cut - 20 :]]
    folder = tmp_path_factory.mktemp("adding")
    return measure_load(server, make_case(folder, older, newer, is_added=True), folder / "timed")


def assert_same(found: Export, expected: Export, frames: Sequence[str] = FRAMES) -> None:
    for name in frames:
        frame = getattr(expected, name).collect()
        assert_frame_equal(getattr(found, name).collect(), frame, check_row_order=name != "rejects")


def kill_and_check(server: LoadServer, case: Case, store: Path, share: float) -> bool:
    """Kill a load into a copy of the store, and tell whether the new one was already in its place."""
    shutil.copytree(case.store, store)
    process = start(server, case, store)
    time.sleep(share * case.seconds)
    process.kill()
    assert process.wait() in (0, -signal.SIGKILL)
    found = read_store(store)
    is_new = found.summary.fingerprint != case.before.summary.fingerprint
    assert found.summary == (case.after if is_new else case.before).summary
    assert_same(found, case.after if is_new else case.before, ["events"])
    assert_nothing_runs(process.pid)
    return is_new


@pytest.mark.parametrize(("share", "workers"), MOMENTS, ids=lambda each: str(each) if each in (1, 2) else f"{each:.0%}")
def test_a_load_that_is_killed_leaves_a_whole_store_and_a_load_again_sets_it_right(
    server: LoadServer, replacing: dict[int, Case], tmp_path: Path, share: float, workers: int
) -> None:
    case = replacing[workers]
    kill_and_check(server, case, tmp_path / "store", share)
    again = load_store(case.export, tmp_path / "store")
    assert again.summary == case.after.summary
    assert_same(again, case.after)
    assert len(list((tmp_path / "store").glob("data-*"))) == 1


@pytest.mark.parametrize("share", MOMENTS_OF_ADDING, ids=lambda share: f"{share:.0%}")
def test_adding_that_is_killed_leaves_a_whole_store_and_adding_again_sets_it_right(
    server: LoadServer, adding: Case, tmp_path: Path, share: float
) -> None:
    is_new = kill_and_check(server, adding, tmp_path / "store", share)
    again = load_store(adding.export, tmp_path / "store", options=SHARE_FREE, append=True)
    # what was added is known a second time, where it was there already
    assert_same(again, adding.after, ("events", "profiles", "messages", "groups") if is_new else FRAMES)
    assert again.summary.fingerprint == adding.after.summary.fingerprint
    assert len(list((tmp_path / "store").glob("data-*"))) == 1


def test_a_first_load_that_is_killed_leaves_a_folder_that_can_be_loaded_into(
    server: LoadServer, replacing: dict[int, Case], tmp_path: Path
) -> None:
    case = replacing[2]
    process = start(server, case, tmp_path / "store")
    time.sleep(case.seconds / 2)
    process.kill()
    process.wait()
    assert len(list((tmp_path / "store").glob("data-*"))) == 1
    assert not (tmp_path / "store" / "manifest.json").exists()
    assert_same(load_store(case.export, tmp_path / "store"), case.after)
    assert len(list((tmp_path / "store").glob("data-*"))) == 1
    assert_nothing_runs(process.pid)


def test_a_worker_that_is_killed_ends_the_load_with_a_sentence_and_leaves_the_former_store(
    replacing: dict[int, Case], tmp_path: Path
) -> None:
    case = replacing[2]
    shutil.copytree(case.store, tmp_path / "store")
    command = [sys.executable, "-m", "klavnb", "load", str(case.export), "--out", str(tmp_path / "store")]
    process = subprocess.Popen(
        [*command, "--workers", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (workers := find_workers(process.pid)) and process.poll() is None:
        time.sleep(0.01)
    os.kill(workers[0], signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "A process of the load was ended from outside" in said
    assert "Hint: Load again with --workers 1" in said
    assert_same(read_store(tmp_path / "store"), case.before)
    assert len(list((tmp_path / "store").glob("data-*"))) == 1
    assert_nothing_runs(process.pid)
