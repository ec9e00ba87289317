"""A store says what the export said, and no failure harms the one that was there."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from polars.testing import assert_frame_equal

from klavnb.bundled import find_sample
from klavnb.errors import ExportError, SettingsError, StoreError
from klavnb.export import Export, find_paths, read_store
from klavnb.filling import write_store
from klavnb.manifest import SCHEMA_VERSION
from klavnb.settings import Settings
from klavnb.store import read_export

FRAMES = ("events", "profiles", "messages", "rejects")

Resource = dict[str, Any]


def event(key: object, **properties: object) -> Resource:
    return {
        "type": "event",
        "id": key,
        "attributes": {"datetime": "2024-05-01T12:00:00+00:00", "event_properties": properties},
        "relationships": {
            "profile": {"data": {"type": "profile", "id": "P1"}},
            "metric": {"data": {"type": "metric", "id": "M1"}},
        },
    }


METRIC = {"type": "metric", "id": "M1", "attributes": {"name": "Placed Order"}}
PROFILE = {"type": "profile", "id": "P1", "attributes": {"email": "profile-1@example.com"}}


def write_lines(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


@pytest.fixture
def export(tmp_path: Path) -> Export:
    odd = {"$value": "much", "name": "Ærø 🖼", "$attribution": ""}
    records = [event("e1", **odd), event("e2"), event("e2"), event(""), METRIC, PROFILE]
    return read_export(write_lines(tmp_path / "export.jsonl", *records))


def find_data(folder: Path) -> Path:
    """The folder of a store in which its frames are."""
    (data,) = folder.glob("data-*")
    return data


def assert_same(found: Export, expected: Export) -> None:
    assert found.summary == expected.summary
    for name in FRAMES:
        assert_frame_equal(getattr(found, name).collect(), getattr(expected, name).collect())


def test_a_store_gives_back_what_was_written(export: Export, tmp_path: Path) -> None:
    write_store(export, tmp_path / "store")
    assert_same(read_store(tmp_path / "store"), export)
    assert_same(read_export(str(tmp_path / "store")), export)


def test_an_export_of_one_event_has_nothing_else_and_still_makes_a_store(tmp_path: Path) -> None:
    bare = read_export(write_lines(tmp_path / "bare.json", event("e1")))
    write_store(bare, tmp_path / "store")
    assert_same(read_store(tmp_path / "store"), bare)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([METRIC], "empty.jsonl: expected events, found none.\n"),
        ([PROFILE], "found none. It holds 1 profile, but without events"),
        ([event(""), event(""), METRIC], "found 2 of which none can be used (no event id: 2)."),
    ],
)
def test_an_export_without_a_usable_event_is_refused(tmp_path: Path, records: list[Resource], message: str) -> None:
    with pytest.raises(ExportError, match=re.escape(message)):
        read_export(write_lines(tmp_path / "empty.jsonl", *records))


def test_the_word_sample_means_the_sample_as_a_path_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_paths([Path("sample")]) == find_paths("sample") == [find_sample()]
    tiny = find_sample().parent / "tiny"
    monkeypatch.setattr("klavnb.export.find_sample", lambda: tiny)
    assert read_export([Path("sample")]).summary == read_export("sample").summary == read_export(tiny).summary


def test_a_store_is_parquet_and_a_manifest_without_any_path(export: Export, tmp_path: Path) -> None:
    write_store(export, tmp_path / "store")
    data = find_data(tmp_path / "store")
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == [".lock", data.name, "manifest.json"]
    assert sorted(path.relative_to(data).as_posix() for path in data.rglob("*.parquet")) == [
        "events/2024-05-01.parquet",
        "groups.parquet",
        "messages.parquet",
        "profiles/0000.parquet",
        "rejects.parquet",
        "totals.parquet",
    ]
    manifest = (tmp_path / "store" / "manifest.json").read_text(encoding="utf-8")
    assert json.loads(manifest)["klavnb_store"] == SCHEMA_VERSION
    assert json.loads(manifest)["summary"]["sources"] == ["export.jsonl"]
    assert str(tmp_path) not in manifest


def test_a_later_store_takes_the_place_of_the_former_even_when_made_from_it(export: Export, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    write_store(export, folder)
    write_store(read_store(folder), folder)
    assert_same(read_store(folder), export)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export.jsonl", "store"]


@pytest.mark.parametrize(
    "failure",
    [OSError("disk full"), pl.exceptions.ComputeError("disk full (os error 28)"), KeyboardInterrupt()],
)
def test_an_interrupted_write_leaves_the_former_store(
    export: Export,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
) -> None:
    folder = tmp_path / "store"
    write_store(export, folder)

    def fail(_frame: pl.LazyFrame, path: Path) -> None:
        path.write_bytes(b"half of it")
        if path.stem == "messages":
            raise failure

    monkeypatch.setattr("klavnb.filling._write_frame", fail)
    with pytest.raises((StoreError, KeyboardInterrupt)):
        write_store(read_export(write_lines(tmp_path / "other.jsonl", event("e9"))), folder)
    assert_same(read_store(folder), export)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export.jsonl", "other.jsonl", "store"]


def test_a_manifest_that_cannot_be_put_in_its_place_leaves_the_former_store(
    export: Export,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "store"
    write_store(export, folder)

    def fail(_path: Path, _target: Path) -> Path:
        raise OSError("no")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(StoreError, match="What was there before is untouched"):
            write_store(export, folder)
    assert_same(read_store(folder), export)
    assert find_data(folder).is_dir()


def test_a_fault_of_ours_is_not_taken_for_one_of_the_disk(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_frame: pl.LazyFrame, _path: Path) -> None:
        raise pl.exceptions.ColumnNotFoundError("x")

    monkeypatch.setattr("klavnb.filling._write_frame", fail)
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        write_store(export, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_folder_that_is_no_store_is_never_overwritten(export: Export, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "manifest.json").write_text("{}")
    for place in (tmp_path / "photos", tmp_path / "export.jsonl"):
        with pytest.raises(StoreError, match="found something else"):
            write_store(export, place)
    assert (tmp_path / "photos" / "manifest.json").read_text() == "{}"


def test_a_store_with_anything_else_in_it_is_not_replaced(export: Export, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    write_store(export, folder)
    (folder / "sub").mkdir()
    (folder / "my-notes.txt").write_text("keep")
    with pytest.raises(StoreError, match=r"found something else: my-notes\.txt, sub\."):
        write_store(export, folder)
    assert (folder / "my-notes.txt").read_text() == "keep"
    assert_same(read_store(folder), export)


@pytest.mark.parametrize("manifest", ['{"about": "klavnb_store"}', '"klavnb_store"', '{"klavnb_store": ', "[]"])
def test_a_manifest_that_only_mentions_stores_makes_none(export: Export, tmp_path: Path, manifest: str) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.json").write_text(manifest)
    with pytest.raises(StoreError, match=r"found something else: manifest\.json"):
        write_store(export, tmp_path / "other")
    assert (tmp_path / "other" / "manifest.json").read_text() == manifest


def test_a_store_is_written_where_a_dot_or_a_link_points(
    export: Export,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "here")
    write_store(export, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert_same(read_store(tmp_path / "here"), export)
    monkeypatch.chdir(tmp_path / "here")
    write_store(export, ".")
    assert_same(read_store(tmp_path / "here"), export)


def test_what_a_killed_load_left_is_removed_by_the_next(export: Export, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    write_store(export, folder)
    left = folder / "data-0123456789ab"
    left.mkdir()
    (left / "messages.parquet").write_bytes(b"half of it")
    assert_same(read_store(folder), export)
    write_store(export, folder)
    assert not left.exists()
    assert_same(read_store(folder), export)


def test_a_first_load_that_was_killed_is_no_store_and_no_export_and_can_be_loaded_into(
    export: Export, tmp_path: Path
) -> None:
    folder = tmp_path / "store"
    (folder / "data-0123456789ab" / "events").mkdir(parents=True)
    (folder / ".lock").touch()
    with pytest.raises(ExportError, match="found no file"):
        read_export(folder)
    write_store(export, folder)
    assert_same(read_store(folder), export)


def test_a_store_of_version_2_is_refused_and_replaced_whole(export: Export, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"klavnb_store": 2, "summary": {}}')
    for name in ("events", "profiles", "messages", "groups", "rejects"):
        (folder / f"{name}.parquet").write_bytes(b"as it was")
    with pytest.raises(StoreError, match="expected a store of version 3, found version 2"):
        read_store(folder)
    write_store(export, folder)
    assert sorted(path.name for path in folder.iterdir()) == [".lock", find_data(folder).name, "manifest.json"]


OWN_NAMES = Settings(metrics={"Geöffnet": "email.open", "Not there": "email.click"})


def test_a_store_knows_the_metrics_that_it_was_loaded_with(tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "own.jsonl", event("e1", **{"$message": "m"}), named("Geöffnet"))
    write_store(read_export(lines), tmp_path / "plain")
    with pytest.raises(SettingsError, match=r"metrics \(Geöffnet\).* loaded without them"):
        read_export(tmp_path / "plain", settings=OWN_NAMES)
    assert read_export(tmp_path / "plain", settings=Settings()).summary == read_export(lines).summary
    export = read_export(lines, settings=OWN_NAMES)
    write_store(export, tmp_path / "named")
    assert_same(read_export(tmp_path / "named", settings=OWN_NAMES), export)


def test_a_manifest_from_before_metrics_were_named_counts_as_without(export: Export, tmp_path: Path) -> None:
    write_store(export, tmp_path / "store")
    path = tmp_path / "store" / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    del manifest["summary"]["named_metrics"]
    path.write_text(json.dumps(manifest), encoding="utf-8")
    assert_same(read_export(tmp_path / "store", settings=Settings()), export)


def test_notes_on_missing_metrics_follow_the_settings_at_reading(export: Export, tmp_path: Path) -> None:
    write_store(export, tmp_path / "store")
    notes = read_export(tmp_path / "store", settings=Settings(conversion_metric="Paid")).summary.notes
    assert "There are no events of the conversion metric Paid: nothing can be attributed." in notes


def damage_events(folder: Path) -> None:
    path = find_data(folder) / "events" / "2024-05-01.parquet"
    path.write_bytes(path.read_bytes()[:100])


def drop_messages(folder: Path) -> None:
    (find_data(folder) / "messages.parquet").unlink()


def rename_column(folder: Path) -> None:
    path = find_data(folder) / "events" / "2024-05-01.parquet"
    pl.read_parquet(path).rename({"value": "worth"}).write_parquet(path)


def break_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"klavnb_store": 1, "summary": ')


def empty_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"klavnb_store": 3}')


def raise_version(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"klavnb_store": 99}))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (damage_events, "2024-05-01.parquet: expected a table"),
        (drop_messages, "messages.parquet: expected a table"),
        (rename_column, "the columns value, worth are not"),
        (break_manifest, "expected the manifest of a store"),
        (empty_manifest, "expected the manifest of a store"),
        (raise_version, "expected a store of version 3, found version 99"),
        (shutil.rmtree, "expected a store, found no manifest.json"),
    ],
)
def test_a_store_that_is_missing_damaged_or_of_another_version_is_refused(
    export: Export,
    tmp_path: Path,
    harm: Callable[[Path], None],
    message: str,
) -> None:
    folder = tmp_path / "store"
    write_store(export, folder)
    harm(folder)
    with pytest.raises(StoreError, match=message) as caught:
        read_store(folder)
    assert "\n\nHint: " in str(caught.value)


def test_a_store_stands_alone(export: Export, tmp_path: Path) -> None:
    write_store(export, tmp_path / "store")
    with pytest.raises(ExportError, match="found a store beside"):
        read_export([tmp_path / "store", tmp_path / "export.jsonl"])
    assert read_export(tmp_path).summary.notes[-1] == "Passed over, being no export: store (a store of klavnb)."


# --- the summary


def test_the_summary_is_a_table_in_the_order_a_person_reads_it(export: Export) -> None:
    expected = [
        ("rows", "in", "4"),
        ("rows", "kept", "2"),
        ("rejected", "no event id", "1"),
        ("rejected", "repeated event id", "1"),
        ("rows", "profiles", "1"),
        ("rows", "messages", "0"),
        ("period", "from", "2024-05-01 12:00:00 UTC"),
        ("period", "to", "2024-05-01 12:00:00 UTC"),
        ("metrics", "Placed Order", "2"),
        ("notes", "", "There are no SMS events at all: nothing can be attributed to SMS."),
        (
            "notes",
            "",
            "Events whose value is no plain number, or beyond any amount of money: 1; they are kept without a value.",
        ),
    ]
    assert export.summary.to_frame().rows() == expected


def named(metric: str) -> Resource:
    return {"type": "metric", "id": "M1", "attributes": {"name": metric}}


def test_notes_say_what_attribution_will_lack(tmp_path: Path) -> None:
    opened = read_export(write_lines(tmp_path / "opened.jsonl", event("e1"), named("Opened Email"))).summary.notes
    assert any("no Received events of e-mail" in note for note in opened)
    assert any("no SMS events" in note for note in opened)
    assert any("conversion metric Placed Order" in note for note in opened)
    silent = read_export(write_lines(tmp_path / "silent.jsonl", event("e1"), METRIC)).summary.notes
    assert any("does not say what Klaviyo itself credited" in note for note in silent)


def test_several_currencies_are_noted(tmp_path: Path) -> None:
    orders = [event(key, **{"$value": 1, "$currency_code": key}) for key in ("USD", "EUR")]
    notes = read_export(write_lines(tmp_path / "orders.jsonl", *orders, METRIC)).summary.notes
    assert any("several currencies (EUR, USD)" in note for note in notes)


def test_the_fingerprint_is_of_the_content_whatever_the_files(tmp_path: Path) -> None:
    records = [event("e1"), event("e2", **{"$value": 3}), METRIC, PROFILE]
    whole = read_export(write_lines(tmp_path / "whole.jsonl", *records))
    (tmp_path / "parts").mkdir()
    for number, record in enumerate(reversed(records)):
        write_lines(tmp_path / "parts" / f"{number}.jsonl", record)
    parts = read_export(tmp_path / "parts")
    assert parts.summary.fingerprint == whole.summary.fingerprint
    assert len(whole.summary.fingerprint) == 12
    write_store(parts, tmp_path / "store")
    assert read_store(tmp_path / "store").summary.fingerprint == whole.summary.fingerprint
    other = read_export(
        write_lines(tmp_path / "other.jsonl", event("e1"), event("e2", **{"$value": 4}), METRIC, PROFILE),
    )
    assert other.summary.fingerprint != whole.summary.fingerprint


# --- whatever comes in, it adds up

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(["", "e1", "M1", "P1", "true", "1e999", "1586116963:m", "m:t:1", "2024-05-01T12:00:00Z"]),
)
JSON_VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
KEYS = (
    ("id",),
    ("type",),
    ("attributes",),
    ("attributes", "datetime"),
    ("attributes", "timestamp"),
    ("attributes", "event_properties"),
    *(("attributes", "event_properties", key) for key in ("$value", "$message", "$flow", "$event_id", "$attribution")),
    *(("attributes", "event_properties", key) for key in ("$_cohort$message_send_cohort", "$internal", "Bot Click")),
    ("relationships",),
    ("relationships", "profile"),
    ("relationships", "metric", "data"),
    ("relationships", "attributions"),
)


def mutate(record: Resource, way: tuple[str, ...], value: object) -> Resource:
    changed: Resource = json.loads(json.dumps(record))
    place: Any = changed
    for key in way[:-1]:
        place = place.setdefault(key, {})
    place[way[-1]] = value
    return changed


MUTATED = st.builds(mutate, st.sampled_from(["e1", "e2", "e3"]).map(event), st.sampled_from(KEYS), JSON_VALUES)


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(MUTATED, max_size=5), broken=st.booleans())
def test_every_record_that_comes_in_is_kept_or_rejected(
    tmp_path: Path,
    records: list[Resource],
    *,
    broken: bool,
) -> None:
    path = write_lines(tmp_path / "mutated.jsonl", event("sound"), *records, METRIC)
    if broken:
        path.write_text(path.read_text(encoding="utf-8") + '{"type": "event"', encoding="utf-8")
    export = read_export(path)
    summary = export.summary
    rejects = export.rejects.collect()
    of_other_kinds = sum(record.get("type") != "event" for record in records) - sum(
        line is not None and 2 <= line <= len(records) + 1 and records[line - 2].get("type") != "event"
        for line in rejects["line"]
    )
    assert summary.rows_in == summary.rows_kept + sum(summary.rejected.values())
    assert summary.rows_in == 1 + len(records) + broken - of_other_kinds
    assert sum(summary.rejected.values()) == rejects.height
    assert summary.rows_kept == export.events.collect().height
