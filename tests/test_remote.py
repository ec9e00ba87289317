"""Exports and stores in S3, on a server of this machine; and at other addresses that fsspec knows."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from stand_ins import Twice, hide_packages

from klavnb import remote
from klavnb.bundled import find_sample
from klavnb.cli import main
from klavnb.distribution import attribute_on
from klavnb.errors import ExportError, KlavnbError, StoreError
from klavnb.export import Export, read_store
from klavnb.filling import load_store, write_store
from klavnb.manifest import list_event_files, scan_events
from klavnb.remote import fetch, join, list_files, read_bytes, scan_parts, write_bytes, write_part
from klavnb.report.parameters import check_parameters
from klavnb.report.signature import list_parameters
from klavnb.settings import Settings
from klavnb.slicing import scan_credits
from klavnb.store import read_export

FRAMES = ("events", "profiles", "messages", "groups", "totals", "rejects")
BUCKET = "s3://bucket"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """An S3 server that answers on this machine only; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.05)
    request = urllib.request.Request(f"http://127.0.0.1:{port}/bucket", method="PUT")
    urllib.request.urlopen(request).close()  # noqa: S310 - our own server
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A place in the bucket that is empty, with what the environment says of the server."""
    names = {"ENDPOINT_URL": server, "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "REGION": "us-east-1"}
    for name, value in names.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    yield BUCKET
    remote.remove_files(BUCKET, list_files(BUCKET))


@pytest.fixture(scope="module")
def tiny() -> Path:
    return find_sample().parent / "tiny"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Export:
    return load_store(tiny, tmp_path_factory.mktemp("local") / "store")


def assert_same(found: Export, expected: Export) -> None:
    assert found.summary == expected.summary
    for name in FRAMES:
        assert_frame_equal(getattr(found, name).collect(), getattr(expected, name).collect())


def send_export(folder: Path, address: str) -> None:
    for name in list_files(folder):
        write_bytes(join(address, name), (folder / name).read_bytes())


def test_an_export_in_s3_loads_into_a_store_in_s3_which_reads_as_one_of_this_machine(
    bucket: str, tiny: Path, local: Export, capsys: pytest.CaptureFixture[str]
) -> None:
    send_export(tiny, f"{bucket}/an export")
    main(["load", f"{bucket}/an export", "--out", f"{bucket}/a/store/", "--workers", "1"])
    assert capsys.readouterr().out.endswith(f"{bucket}/a/store/\n")
    assert_same(read_export(f"{bucket}/a/store"), local)
    assert_same(read_export(f"{bucket}/an export"), read_export(tiny))


def test_a_store_in_s3_is_replaced_and_added_to_and_only_what_its_manifest_names_stays(
    bucket: str, tiny: Path, tmp_path: Path
) -> None:
    files = sorted(tiny.glob("events*.json.gz"))
    for store in (f"{bucket}/store", tmp_path / "store"):
        load_store(files[-1:], store)
        load_store(files[:-1], store)
        load_store(files[-1:], store, append=True)
    assert_same(read_store(f"{bucket}/store"), read_store(tmp_path / "store"))
    names = list_files(f"{bucket}/store")
    data = json.loads(read_bytes(f"{bucket}/store/manifest.json"))["data"]
    assert {name.partition("/")[0] for name in names} == {"manifest.json", data}
    assert len(names) == 1 + len(list_files(tmp_path / "store" / next((tmp_path / "store").glob("data-*")).name))


def test_a_load_into_s3_that_fails_leaves_the_former_store(
    bucket: str, tiny: Path, local: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_store(local, f"{bucket}/store")
    before = list_files(f"{bucket}/store")

    def fail(folder: Path, address: str) -> None:
        write_bytes(f"{address}/events/half.parquet", b"half")
        raise KlavnbError(f"{folder} cannot be sent.")

    monkeypatch.setattr("klavnb.staging.send", fail)
    with pytest.raises(KlavnbError, match="cannot be sent"):
        load_store(tiny, f"{bucket}/store")
    assert list_files(f"{bucket}/store") == before
    assert_same(read_store(f"{bucket}/store"), local)


def test_what_is_no_store_in_s3_is_never_overwritten(bucket: str, tiny: Path) -> None:
    write_bytes(f"{bucket}/folder/notes.txt", b"mine")
    with pytest.raises(StoreError, match=r"expected a store or nothing, found something else: notes\.txt"):
        load_store(tiny, f"{bucket}/folder")
    write_bytes(f"{bucket}/other/manifest.json", b'{"name": "an app"}')
    with pytest.raises(StoreError, match=r"found something else: manifest\.json"):
        load_store(tiny, f"{bucket}/other")
    assert list_files(bucket) == ["folder/notes.txt", "other/manifest.json"]


def test_a_store_in_s3_that_lacks_a_file_says_which(bucket: str, local: Export) -> None:
    write_store(local, f"{bucket}/store")
    name = next(name for name in list_files(f"{bucket}/store") if name.endswith("messages.parquet"))
    remote.remove_files(f"{bucket}/store", [name, name])
    with pytest.raises(StoreError, match=rf"{bucket}/store/{name}: expected a table of the store"):
        read_store(f"{bucket}/store")
    with pytest.raises(StoreError, match=r"expected a store, found no manifest\.json"):
        read_store(f"{bucket}/nothing")


def test_an_export_in_s3_that_is_not_there_says_so(bucket: str) -> None:
    with pytest.raises(KlavnbError, match=f"There is no file or folder {bucket}/nothing"):
        read_export(f"{bucket}/nothing")
    with pytest.raises(KlavnbError, match=r"(?s)s3://no-such-bucket/export cannot be read .*AWS_ENDPOINT_URL"):
        read_export("s3://no-such-bucket/export")
    write_bytes(f"{bucket}/export/notes.txt", b"mine")
    with pytest.raises(ExportError):
        read_export(f"{bucket}/export")


@pytest.mark.parametrize("place", ["s3", "here", "memory"])
def test_parts_are_written_whole_listed_scanned_in_order_and_removed(place: str, bucket: str, tmp_path: Path) -> None:
    folder = {"s3": f"{bucket}/parts", "here": str(tmp_path / "parts"), "memory": "memory://parts/of"}[place]
    paths = [f"{folder}/{number:02d}.parquet" for number in range(12)]
    for number, path in enumerate(paths):
        write_part(pl.LazyFrame({"number": [0]}), path)
        write_part(pl.LazyFrame({"number": [number]}), path)
    assert scan_parts(paths[::-1]).collect()["number"].to_list() == [*range(11, -1, -1)]
    found = remote.to_place(folder)
    assert list_files(found) == [path.rpartition("/")[2] for path in paths]
    remote.remove_files(found, list_files(found)[1:])
    assert list_files(found) == ["00.parquet"]


def test_events_of_some_time_are_read_from_the_files_that_hold_them(
    bucket: str, local: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("klavnb.loading.slices.ROWS", 500)
    write_store(local, f"{bucket}/store")
    files = list_event_files(f"{bucket}/store")
    assert len(files) > 3
    first, end = files[1].tally.first_event_at, files[2].tally.last_event_at
    names = [name for name in list_files(f"{bucket}/store") if "/events/" in name]
    remote.remove_files(
        f"{bucket}/store", [name for name in names if not name.endswith((files[1].name, files[2].name))]
    )
    found = scan_events(f"{bucket}/store", first=first, end=end).collect()
    is_inside = (pl.col("occurred_at") >= first) & (pl.col("occurred_at") < end)
    assert_frame_equal(found, local.events.filter(is_inside).collect())


def test_a_store_in_s3_is_attributed_by_one_machine_and_by_parts_written_there(
    bucket: str, local: Export, capsys: pytest.CaptureFixture[str]
) -> None:
    write_store(local, f"{bucket}/store")
    expected = scan_credits(local.events, models=["old"], settings=Settings()).collect()
    parts = attribute_on(Twice(), f"{bucket}/store", f"{bucket}/parts", models=["old"], settings=Settings())  # type: ignore[arg-type]  # of a cluster it needs no more
    assert_frame_equal(parts.collect(), expected, check_exact=True)
    assert all(name.startswith("credits-") for name in list_files(f"{bucket}/parts"))
    main(["attribute", f"{bucket}/store", "--model", "old"])
    assert f"{expected['touch_id'].count():,}" in capsys.readouterr().out


def test_a_report_takes_the_address_of_a_store(bucket: str) -> None:
    listed = list_parameters('data: str = "sample"  # the export')
    assert check_parameters(listed, {"data": f"{bucket}/store"}, where="a") == {"data": f"{bucket}/store"}


def test_a_store_at_any_address_that_fsspec_knows_is_copied_and_read(tiny: Path, tmp_path: Path, local: Export) -> None:
    store = load_store(tiny, "memory://shop/store")
    assert_same(store, local)
    shutil.copytree(tiny, tmp_path / "of may")
    assert_same(read_export((tmp_path / "of may").as_uri()), read_export(tiny))


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bytes("memory://evil/export/a.json", b"[]")
    monkeypatch.setattr("klavnb.remote.list_files", lambda _folder: ["../../a.json"])
    with pytest.raises(KlavnbError, match="which leads elsewhere"):
        fetch("memory://evil/export", tmp_path)
    assert not list(tmp_path.rglob("*.json"))


def test_without_the_extra_an_address_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_packages(monkeypatch, "fsspec", "obstore")
    with pytest.raises(KlavnbError, match=r"pip install 'klavnb\[cluster\]'"):
        read_export("gs://bucket/export")  # which nobody opened before
    with pytest.raises(KlavnbError, match=r"pip install 'klavnb\[cluster\]'"):
        read_export("sftp://host/export")


def test_a_protocol_that_nobody_knows_is_named() -> None:
    with pytest.raises(KlavnbError, match="nowhere:// is nothing that fsspec knows"):
        read_export("nowhere://export")
