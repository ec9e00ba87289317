"""A load of any size gives what the export says, on one process or several, at once or day by day."""

import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from needs import needs_unix
from polars.testing import assert_frame_equal

import klavnb as kn
from klavnb.bundled import find_sample
from klavnb.errors import ExportError, SettingsError, StoreError
from klavnb.export import Export, read_store
from klavnb.filling import load_store
from klavnb.formats import find_files, source
from klavnb.loading import LoadOptions, matching, plan_slices, pool, slices, tasks
from klavnb.loading import repeats as repeats_module
from klavnb.settings import Settings
from klavnb.store import read_export

FRAMES = ("events", "profiles", "messages", "groups", "rejects")
START = datetime(2024, 5, 1, 12, tzinfo=UTC)

Resource = dict[str, Any]


def event(key: str, *, day: float = 0, metric: str = "M1", profile: str = "P1", **properties: object) -> Resource:
    return {
        "type": "event",
        "id": key,
        "attributes": {"datetime": (START + timedelta(days=day)).isoformat(), "event_properties": properties},
        "relationships": {
            "profile": {"data": {"type": "profile", "id": profile}},
            "metric": {"data": {"type": "metric", "id": metric}},
        },
    }


def metric(key: str, name: str) -> Resource:
    return {"type": "metric", "id": key, "attributes": {"name": name}}


NAMES = [metric("M1", "Placed Order"), metric("M2", "Received Email"), metric("M3", "Opened Email")]


def write_lines(path: Path, records: Iterable[object]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def collect(export: Export) -> dict[str, pl.DataFrame]:
    return {name: getattr(export, name).collect() for name in FRAMES}


def assert_same(found: Export, expected: Export, *, but: Iterable[str] = ()) -> None:
    for name, frame in collect(expected).items():
        if name not in but:
            assert_frame_equal(collect(found)[name], frame, check_row_order=name != "rejects")


def sample_lines() -> list[Mapping[str, Any]]:
    """The tiny sample as one resource per line, each once."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    import gzip  # noqa: PLC0415 - only here

    for path in sorted((find_sample().parent / "tiny").glob("*.json.gz")):
        page = json.loads(gzip.decompress(path.read_bytes()))
        for resource in [*page["data"], *page.get("included", [])]:
            found.setdefault((resource["type"], resource["id"]), resource)
    return list(found.values())


# Slices


def days(*counts: int, first: date = date(2024, 1, 31)) -> pl.DataFrame:
    return pl.DataFrame(
        {"day": [first + timedelta(days=number) for number in range(len(counts))], "count_events": counts},
        schema_overrides={"count_events": pl.Int64},
    )


def test_small_months_are_one_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "ROWS", 10)
    assert list(plan_slices(days(4, 3, 3))) == [(date(2024, 1, 31), date(2024, 2, 2))]


def test_a_month_that_does_not_fit_begins_a_slice_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "ROWS", 10)
    assert list(plan_slices(days(5, 3, 3))) == [
        (date(2024, 1, 31), date(2024, 1, 31)),
        (date(2024, 2, 1), date(2024, 2, 2)),
    ]


def test_a_month_too_large_is_cut_between_days_and_a_day_never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "ROWS", 10)
    assert list(plan_slices(days(1, 6, 6, 30, 2))) == [
        (date(2024, 1, 31), date(2024, 2, 1)),
        (date(2024, 2, 2), date(2024, 2, 2)),
        (date(2024, 2, 3), date(2024, 2, 3)),
        (date(2024, 2, 4), date(2024, 2, 4)),
    ]


def test_no_days_no_slices() -> None:
    assert list(plan_slices(days())) == []


# However it is cut


@pytest.fixture
def in_small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces, slices and passes so small that the tiny sample has many of each."""
    monkeypatch.setattr(slices, "ROWS", 200)
    monkeypatch.setattr(matching, "ROWS", 1000)
    monkeypatch.setattr(repeats_module, "ROWS_AT_ONCE", 1000)
    monkeypatch.setattr(source, "PIECE", 200_000)


@pytest.mark.usefixtures("in_small_steps")
def test_a_store_made_in_many_small_steps_is_the_export_read_at_once(tmp_path: Path) -> None:
    lines = sample_lines()
    random.Random(1).shuffle(lines)
    path = write_lines(tmp_path / "export.jsonl", [*lines, *lines[:50]])
    stored = load_store(path, tmp_path / "store")
    expected = read_export(path)
    assert len(list((tmp_path / "store").glob("data-*/events/*"))) > 5
    assert stored.summary == expected.summary
    assert_same(stored, expected)


def test_several_processes_make_the_same_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = find_sample().parent / "tiny"
    one = load_store(tiny, tmp_path / "one")
    monkeypatch.setattr(tasks, "PIECE", 500_000)
    assert len(list(tasks.plan_tasks(find_files([tiny])))) > 1  # a single one is worked on where it is
    two = load_store(tiny, tmp_path / "two", options=LoadOptions(workers=2))
    assert two.summary == one.summary
    assert_same(two, one)


@needs_unix
def test_ctrl_c_that_another_thread_is_told_of_waits_until_a_process_has_started() -> None:
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    steps: list[str] = []
    try:
        with pytest.raises(KeyboardInterrupt), pool.without_ctrl_c():  # noqa: PT012 - where it comes up is the question
            steps.append("begun")
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            steps.append("started")
    finally:
        ended.set()
        thread.join()
    assert steps == ["begun", "started"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_order_of_the_files_and_rows_changes_nothing_but_who_comes_later(tmp_path: Path) -> None:
    lines = sample_lines()
    shuffled = random.Random(2).sample(lines, len(lines))
    straight = read_export(write_lines(tmp_path / "a.jsonl", lines))
    mixed = read_export(write_lines(tmp_path / "b.jsonl", shuffled))
    assert mixed.summary.fingerprint == straight.summary.fingerprint
    assert_same(mixed, straight)


def test_a_receipt_is_found_however_long_before_the_touch_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "ROWS", 1)
    path = write_lines(
        tmp_path / "export.jsonl",
        [*NAMES, event("o", metric="M3", day=400, **{"$message": "m"}), event("r", metric="M2", **{"$message": "m"})],
    )
    stored = load_store(path, tmp_path / "store")
    assert stored.events.select("event_id", "receipt_at").collect().rows() == [("r", None), ("o", START)]


# Adding to a store


def split_by_day(
    lines: list[Mapping[str, Any]], share: float
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    events = sorted(
        (each for each in lines if each["type"] == "event"), key=lambda each: each["attributes"]["datetime"]
    )
    others = [each for each in lines if each["type"] != "event"]
    cut = int(len(events) * share)
    return [*others, *events[:cut]], [*others, *events[cut:]]


@pytest.mark.usefixtures("in_small_steps")
@pytest.mark.parametrize("share", [0.05, 0.5, 0.97])
def test_a_store_that_grew_is_the_store_loaded_at_once(tmp_path: Path, share: float) -> None:
    lines = sample_lines()
    before, after = split_by_day(lines, share)
    load_store(write_lines(tmp_path / "a.jsonl", before), tmp_path / "store")
    grown = load_store(write_lines(tmp_path / "b.jsonl", after), tmp_path / "store", append=True)
    whole = load_store(write_lines(tmp_path / "whole.jsonl", lines), tmp_path / "whole")
    assert_same(grown, whole)
    assert replace(grown.summary, sources=()) == replace(whole.summary, sources=())


@pytest.mark.usefixtures("in_small_steps")
def test_older_events_may_come_later_and_bring_the_receipts_of_newer_ones(tmp_path: Path) -> None:
    before, after = split_by_day(sample_lines(), 0.6)
    load_store(write_lines(tmp_path / "b.jsonl", after), tmp_path / "store")
    grown = load_store(write_lines(tmp_path / "a.jsonl", before), tmp_path / "store", append=True)
    whole = load_store(write_lines(tmp_path / "whole.jsonl", sample_lines()), tmp_path / "whole")
    assert_same(grown, whole)


def test_what_comes_again_counts_once_and_the_later_word_counts(tmp_path: Path) -> None:
    first = [*NAMES, event("e1", **{"$value": 10}), event("e2", **{"$value": 20})]
    load_store(write_lines(tmp_path / "a.jsonl", first), tmp_path / "store")
    again = [*NAMES, event("e2", **{"$value": 25}), event("e3", day=1, **{"$value": 30})]
    grown = load_store(write_lines(tmp_path / "b.jsonl", again), tmp_path / "store", append=True)
    assert grown.events.select("event_id", "value").collect().rows() == [("e1", 10.0), ("e2", 25.0), ("e3", 30.0)]
    assert grown.summary.rejected == {"repeated event id": 1}
    assert grown.summary.rows_in == 4
    assert grown.rejects.collect()["file"].to_list() == ["the store before"]


def count_differing(path: Path, *, append: bool) -> int:
    export = load_store(path, path.parent / "store", append=append)
    assert any("come again with other content" in note for note in export.summary.notes) == bool(
        export.summary.tally.count_differing
    )
    return export.summary.tally.count_differing


def test_what_is_added_with_other_content_is_counted_as_in_one_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "ROWS", 1)
    names = [*NAMES, event("old", day=40, **{"$value": 1})]
    first = [event("same", **{"$value": 10}), event("worth", **{"$value": 20}), event("when", **{"$value": 30})]
    again = [event("same", **{"$value": 10}), event("worth", **{"$value": 25}), event("when", day=3, **{"$value": 30})]
    assert count_differing(write_lines(tmp_path / "a.jsonl", [*names, *first]), append=False) == 0
    assert count_differing(write_lines(tmp_path / "b.jsonl", [*NAMES, *again]), append=True) == 2
    # a file that does not change keeps nothing of the count, and one that does adds what is new
    assert count_differing(write_lines(tmp_path / "c.jsonl", [*NAMES, event("new", day=80)]), append=True) == 2
    assert count_differing(write_lines(tmp_path / "d.jsonl", [*NAMES, again[1], first[2]]), append=True) == 3
    at_once = tmp_path / "at_once"
    at_once.mkdir()
    assert count_differing(write_lines(at_once / "e.jsonl", [*names, *first, *again]), append=False) == 2


def test_events_that_all_come_again_on_other_days_leave_a_store_that_can_grow(tmp_path: Path) -> None:
    load_store(write_lines(tmp_path / "a.jsonl", [*NAMES, event("e1", day=40)]), tmp_path / "store")
    for day in (41, 2):
        path = write_lines(tmp_path / f"{day}.jsonl", [*NAMES, event("e1", day=day)])
        grown = load_store(path, tmp_path / "store", append=True)
        assert grown.events.select("event_id", "occurred_at").collect().rows() == [("e1", START + timedelta(days=day))]
    assert grown.summary.rejected == {"repeated event id": 2}
    assert grown.summary.tally.count_differing == 2


def test_attributions_that_come_later_do_not_complete_a_store_and_the_note_says_what_to_do(tmp_path: Path) -> None:
    order = event("e1")
    order["relationships"]["attributions"] = {"data": [{"type": "attribution", "id": "a1"}]}
    attribution = {
        "type": "attribution",
        "id": "a1",
        "relationships": {
            "event": {"data": {"type": "event", "id": "e1"}},
            "attributed-event": {"data": {"type": "event", "id": "e0"}},
        },
    }
    load_store(write_lines(tmp_path / "a.jsonl", [*NAMES, order]), tmp_path / "store")
    later = write_lines(tmp_path / "b.jsonl", [*NAMES, attribution, event("e2")])
    grown = load_store(later, tmp_path / "store", append=True)
    (note,) = [note for note in grown.summary.notes if "only names" in note]
    assert note.endswith(
        "Export with include=attributions, and load all exports at once: attributions that come later by --append "
        "do not complete events of the store."
    )
    together = load_store([tmp_path / "a.jsonl", later], tmp_path / "whole")
    assert not [note for note in together.summary.notes if "only names" in note]


@pytest.mark.parametrize("left", ["data-0123456789ab/events/2024-05-01.parquet", ".lock"])
def test_a_store_whose_first_load_was_killed_is_called_so_and_can_be_loaded_again(tmp_path: Path, left: str) -> None:
    store = tmp_path / "store"
    (store / left).parent.mkdir(parents=True)
    (store / left).touch()
    for read in (read_export, lambda folder: load_store(folder, tmp_path / "other")):
        with pytest.raises(ExportError, match="a store whose first load was ended before it was whole") as told:
            read(store)
        assert f"klavnb load EXPORT --out {store}" in str(told.value)
    path = write_lines(tmp_path / "a.jsonl", [*NAMES, event("e1")])
    assert load_store(path, store).summary.rows_kept == 1
    assert read_export(store).summary.rows_kept == 1


def test_files_of_months_that_do_not_change_are_taken_over_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "ROWS", 1)
    load_store(write_lines(tmp_path / "a.jsonl", [*NAMES, event("e1"), event("e2", day=40)]), tmp_path / "store")
    before = {path.name: path.stat().st_ino for path in (tmp_path / "store").glob("data-*/events/*")}
    load_store(write_lines(tmp_path / "b.jsonl", [*NAMES, event("e3", day=41)]), tmp_path / "store", append=True)
    after = {path.name: path.stat().st_ino for path in (tmp_path / "store").glob("data-*/events/*")}
    assert after["2024-05-01.parquet"] == before["2024-05-01.parquet"]
    assert sorted(after) == ["2024-05-01.parquet", "2024-06-10.parquet", "2024-06-11.parquet"]


def test_adding_to_nothing_is_a_load(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [*NAMES, event("e1")])
    assert load_store(path, tmp_path / "store", append=True).summary == read_export(path).summary


def test_a_store_is_added_to_with_the_metric_names_that_it_was_loaded_with(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [*NAMES, event("e1")])
    load_store(path, tmp_path / "store")
    own = replace(Settings(), metrics={"Erhaltene E-Mail": "email.received"})
    with pytest.raises(SettingsError, match="expected the metric names with which the store was loaded"):
        load_store(path, tmp_path / "store", settings=own, append=True)


def test_a_store_is_not_loaded_into_a_store(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [*NAMES, event("e1")])
    load_store(path, tmp_path / "store")
    with pytest.raises(ExportError, match="expected an export, found a store"):
        load_store(tmp_path / "store", tmp_path / "other")


# What cannot be used


def test_more_rejects_than_allowed_stop_the_load_and_say_why(tmp_path: Path) -> None:
    good = [event(f"e{number}") for number in range(94)]
    path = write_lines(tmp_path / "a.jsonl", [*NAMES, *good, *(event("") for _ in range(6))])
    with pytest.raises(
        ExportError, match=r"at most 5.0% of the records to be of no use, found 6.0%: 6 of 100 \(no event"
    ):
        load_store(path, tmp_path / "store")
    assert not (tmp_path / "store").exists()
    allowed = load_store(path, tmp_path / "store", options=LoadOptions(max_rejects=0.06))
    assert allowed.summary.rejected == {"no event id": 6}


def test_repeated_events_are_no_reason_to_stop(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [*NAMES, *[event("e1")] * 20])
    assert load_store(path, tmp_path / "store").summary.rejected == {"repeated event id": 19}


def test_on_error_stop_ends_the_load_at_the_first_of_it(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [*NAMES, event("e1"), event(""), event("")])
    with pytest.raises(ExportError, match=r"a\.jsonl, line 5: expected a record that can be used, found: no event id"):
        load_store(path, tmp_path / "store", options=LoadOptions(on_error="stop"))
    assert not (tmp_path / "store").exists()


@pytest.mark.usefixtures("in_small_steps")
def test_rejects_of_a_file_that_is_read_in_pieces_have_its_lines(tmp_path: Path) -> None:
    lines = [json.dumps(event(f"e{number}", note="x" * 2000)) for number in range(300)]
    lines[250] = "{broken"
    lines[120] = json.dumps(event(""))
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    rejects = load_store(path, tmp_path / "store").rejects.sort("line").collect()
    assert rejects["line"].to_list() == [121, 251]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"format": "xlsx"}, "format: expected one of airbyte_jsonl, singer, events_api"),
        ({"on_error": "ignore"}, "on_error: expected"),
        ({"max_rejects": 5.0}, "max_rejects: expected a share from 0 to 1"),
        ({"workers": 0}, "workers: expected 1 or more"),
    ],
)
def test_options_that_are_none_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        LoadOptions(**wrong)


def test_a_second_load_into_the_same_store_is_told_to_wait(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [*NAMES, event("e1")])

    def load_again(*_: object) -> None:
        with pytest.raises(StoreError, match="another load is writing this store"):
            load_store(path, tmp_path / "store")

    load_store(path, tmp_path / "store", progress=load_again)
    assert read_store(tmp_path / "store").summary.rows_kept == 1


def test_progress_goes_from_nothing_to_all(tmp_path: Path) -> None:
    told: list[tuple[str, float, int]] = []
    kn.load_store(find_sample().parent / "tiny", tmp_path / "store", progress=lambda *step: told.append(step))
    assert [step for step, _, _ in told] == sorted((step for step, _, _ in told), reverse=True)
    assert [share for step, share, _ in told if step == "reading"][-1] == 1.0
    assert told[-1] == ("finishing", 1.0, read_store(tmp_path / "store").summary.rows_kept)
