"""What is wrong with an export is set aside with its reason, the rest is loaded, and no former store is harmed."""

import csv
import gzip
import io
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard
from needs import act_as_nobody, needs_linux, needs_unix
from polars.testing import assert_frame_equal
from processes import assert_nothing_runs, find_workers

from klavnb.bundled import find_sample
from klavnb.cli import main
from klavnb.errors import ExportError, KlavnbError, StoreError
from klavnb.export import Export, read_store
from klavnb.filling import load_store
from klavnb.loading import LoadOptions
from klavnb.store import read_export

Resource = dict[str, Any]

FRAMES = ("events", "profiles", "messages", "groups", "rejects")
START = datetime(2024, 5, 1, 12, tzinfo=UTC)
SHARE_FREE = LoadOptions()
"""Any share of the records may be set aside: here most are bad."""


def event(
    key: object, *, time: object = None, metric: object = "M1", profile: object = "P1", **said: object
) -> Resource:
    """An event as the API writes it, by default a placed order at noon."""
    return {
        "type": "event",
        "id": key,
        "attributes": {"datetime": START.isoformat() if time is None else time, "event_properties": said},
        "relationships": {
            "profile": {"data": {"type": "profile", "id": profile}},
            "metric": {"data": {"type": "metric", "id": metric}},
        },
    }


METRIC: Resource = {"type": "metric", "id": "M1", "attributes": {"name": "Placed Order"}}
HEADER = ("id", "person_id", "datetime", "type", "property_value", "property_note")


def to_lines(*records: object) -> str:
    """One resource a line; text stands as it is."""
    return "".join((each if isinstance(each, str) else json.dumps(each, ensure_ascii=False)) + "\n" for each in records)


def to_table(*rows: Sequence[object]) -> str:
    """Fivetran's table of events."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([HEADER, *rows])
    return text.getvalue()


def row(key: str, *, value: object = 1, note: str = "") -> Sequence[object]:
    return key, "P1", "2024-05-01 12:00:00", "Placed Order", value, note


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def load(path: Path) -> Export:
    """Read an export into memory and into a store: both say the same, and account for every row."""
    with tempfile.TemporaryDirectory() as folder:
        held = read_export(path)
        stored = load_store(path, f"{folder}/store", options=SHARE_FREE)
        assert stored.summary == held.summary
        for name in FRAMES:
            frames = [getattr(export, name).collect() for export in (held, stored)]
            assert_frame_equal(*frames, check_row_order=name != "rejects")
    summary = held.summary
    assert summary.rows_in == summary.rows_kept + sum(summary.rejected.values())
    assert summary.rows_kept == held.events.collect().height
    assert sum(summary.rejected.values()) == held.rejects.collect().height
    return held


def list_events(export: Export) -> list[str]:
    return export.events.collect()["event_id"].to_list()


def list_rejects(export: Export) -> list[tuple[int | None, str]]:
    return sorted(export.rejects.select("line", "reason").collect().rows(), key=lambda each: each[0] or 0)


def assert_same(found: Export, expected: Export) -> None:
    for name in FRAMES:
        assert_frame_equal(getattr(found, name).collect(), getattr(expected, name).collect())


LINES = to_lines(METRIC, *(event(f"e{number}", note=f"Größe {number}") for number in range(6)))
TABLE = to_table(*(row(f"e{number}", note=f"Größe {number}") for number in range(6)))
KINDS = pytest.mark.parametrize(
    ("name", "content"), [("events.jsonl", LINES), ("event.csv", TABLE)], ids=["JSONL", "CSV"]
)


# Bytes


def test_a_file_of_lines_cut_short_loses_the_line_that_is_cut(tmp_path: Path) -> None:
    export = load(write(tmp_path / "events.jsonl", LINES[:-40]))
    assert list_events(export) == ["e0", "e1", "e2", "e3", "e4"]
    assert list_rejects(export) == [(7, "not JSON: Input data was truncated")]


def test_a_table_cut_short_loses_the_row_that_is_cut(tmp_path: Path) -> None:
    export = load(write(tmp_path / "event.csv", TABLE[: TABLE.index("Placed", TABLE.index("e5"))]))
    assert list_events(export) == ["e0", "e1", "e2", "e3", "e4"]
    assert list_rejects(export) == [(7, "fewer fields than the header")]


PAGE = {"data": [event(f"p{number}", note='"}]{') for number in range(4)], "included": [METRIC]}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.json", lambda text: text),
        ("a.json.gz", lambda text: gzip.compress(text + b" " * 99)[:-12]),
        ("a.json.zst", lambda text: zstandard.compress(text)[:-1]),
    ],
    ids=["plain", "gzip", "zstd"],
)
def test_of_a_page_cut_short_the_records_before_the_cut_are_read_and_the_file_is_named(
    tmp_path: Path, indent: int | None, name: str, pack: Callable[[bytes], bytes]
) -> None:
    text = json.dumps(PAGE, indent=indent)
    write(tmp_path / name, pack(text[: text.index("datetime", text.index("p3"))].encode()))
    write(tmp_path / "b.jsonl", LINES)
    export = load(tmp_path)
    kept = [key for key in list_events(export) if key.startswith("p")]
    if name.endswith("zst"):  # its frame is one block, which does not unpack in part
        assert kept in ([], ["p0", "p1", "p2"])
    else:
        assert kept == ["p0", "p1", "p2"]
    file, line, reason, raw = export.rejects.collect().row(0)
    assert (file, line, reason.startswith(f"broken file: {name}: ")) == (name, None, True)
    assert not kept or ("p3" in raw and "records that were read before that: 3" in reason)
    (note,) = (note for note in export.summary.notes if note.startswith("Files that are broken or cut short: "))
    assert name in note


def test_a_page_that_is_damaged_inside_is_read_as_far_as_it_is_whole(tmp_path: Path) -> None:
    text = json.dumps(PAGE)
    export = load(write(tmp_path / "a.json", text[: text.index("p2")] + "\x00" + text[text.index("p2") :]))
    assert list_events(export) == ["p0", "p1"]
    assert list_rejects(export)[0][1].startswith("broken file: a.json: not JSON: ")


def to_zip(content: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("events.jsonl", content)
    return held.getvalue()


def to_parquet(*rows: Sequence[object]) -> bytes:
    held = io.BytesIO()
    pl.DataFrame([list(map(str, row)) for row in rows], schema=HEADER, orient="row").write_parquet(held)
    return held.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("x.zip", to_zip(LINES), "the zip is broken or cut short"),
        ("x.parquet", to_parquet(row("p1"), row("p2")), "a damaged table"),
        ("x.gz", gzip.compress(b"pack my box with five dozen liquor jugs"), "the gzip is broken or cut short"),
        ("x.zst", zstandard.compress(os.urandom(5000)), "the zstd is cut short"),
    ],
    ids=["zip", "Parquet", "gzip", "zstd"],
)
def test_a_packed_file_cut_short_beside_good_ones_is_a_reject_and_no_foreign_file(
    tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    write(tmp_path / name, content[: len(content) * 3 // 4])
    write(tmp_path / "good.jsonl", LINES)
    export = load(tmp_path)
    assert list_events(export) == [f"e{number}" for number in range(6)]
    ((file, line, reason, _),) = export.rejects.collect().rows()
    assert (file, line, reason.startswith(f"broken file: {name}: {why}")) == (name, None, True)
    assert any(note.startswith(f"Files that are broken or cut short: {name}: {why}") for note in export.summary.notes)
    assert not any("being no export" in note for note in export.summary.notes)
    with pytest.raises(ExportError, match=rf"^{name}: expected a file of an export that is whole, found: {why}"):
        load_store(tmp_path, tmp_path / "store", options=LoadOptions(on_error="stop"))


def test_a_table_of_events_cut_short_beside_a_table_of_metrics_is_named(tmp_path: Path) -> None:
    content = to_parquet(*(row(f"e{number}") for number in range(9)))
    write(tmp_path / "event.parquet", content[: len(content) // 2])
    write(tmp_path / "metric.csv", "id,name,integration_id\nM1,Placed Order,I1\n")
    with pytest.raises(ExportError, match=r"event\.parquet: a damaged table"):
        load(tmp_path)


def test_a_whole_file_of_another_kind_is_foreign_also_where_it_is_packed(tmp_path: Path) -> None:
    write(tmp_path / "notes.txt.gz", gzip.compress(b"pack my box"))
    write(tmp_path / "plan.xlsx", to_zip("no sheet"))
    write(tmp_path / "good.jsonl", LINES)
    export = load(tmp_path)
    assert (export.summary.rejected, export.summary.notes[-1]) == (
        {},
        "Passed over, being no export: notes.txt.gz, plan.xlsx.",
    )


@pytest.mark.parametrize("kept", [0.5, 0.999])
def test_a_broken_gzip_is_read_as_far_as_it_goes_and_is_one_reject(tmp_path: Path, kept: float) -> None:
    packed = gzip.compress(to_lines(METRIC, *(event(f"e{number:05}") for number in range(5000))).encode())
    export = load(write(tmp_path / "events.jsonl.gz", packed[: int(len(packed) * kept)]))
    ((line, reason),) = list_rejects(export)
    assert (line, reason.partition(" (")[0]) == (
        None,
        "broken file: events.jsonl.gz: the gzip is broken or cut short",
    )
    assert export.summary.rows_kept > 5000 * kept * 0.9
    assert list_events(export) == [f"e{number:05}" for number in range(export.summary.rows_kept)]


def test_a_file_that_only_calls_itself_gzip_is_refused_when_it_is_all_there_is(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"events\.jsonl\.gz: .* found: the gzip is broken or cut short"):
        load(write(tmp_path / "events.jsonl.gz", b"\x1f\x8b and nothing more"))


@pytest.mark.parametrize("content", ["", "\n \r\n\n", "\ufeff"], ids=["nothing", "blank lines", "a byte order mark"])
def test_an_empty_file_is_refused_by_its_name_and_passed_over_in_a_folder(tmp_path: Path, content: str) -> None:
    empty = write(tmp_path / "events.jsonl", content)
    with pytest.raises(ExportError, match=r"events\.jsonl: .* found an empty file"):
        load(empty)
    with pytest.raises(ExportError, match=r"found events\.jsonl \(empty\), of which none is one"):
        load(tmp_path)
    write(tmp_path / "good.jsonl", LINES)
    assert load(tmp_path).summary.notes[-1] == "Passed over, being no export: events.jsonl (empty)."


@KINDS
def test_a_byte_order_mark_changes_nothing(tmp_path: Path, name: str, content: str) -> None:
    plain = read_export(write(tmp_path / "plain" / name, content))
    assert_same(load(write(tmp_path / "marked" / name, content.encode("utf-8-sig"))), plain)


@pytest.mark.parametrize(
    ("name", "content", "encoding"), [("events.jsonl", LINES, "utf-16-le"), ("event.csv", TABLE, "utf-16-be")]
)
def test_utf_16_with_its_mark_reads_as_utf_8_does(tmp_path: Path, name: str, content: str, encoding: str) -> None:
    plain = read_export(write(tmp_path / "plain" / name, content))
    assert_same(load(write(tmp_path / "wide" / name, f"\ufeff{content}".encode(encoding))), plain)


@KINDS
def test_of_a_file_in_latin_1_each_line_with_an_umlaut_is_a_reject(tmp_path: Path, name: str, content: str) -> None:
    mixed = content.replace("Größe 2", "Size 2").encode("latin-1")
    export = load(write(tmp_path / name, mixed))
    assert list_events(export) == ["e2"]
    assert list_rejects(export) == [(2 + number, "text that is not UTF-8") for number in range(6) if number != 2]


@KINDS
def test_line_ends_of_windows_change_nothing(tmp_path: Path, name: str, content: str) -> None:
    plain = read_export(write(tmp_path / "plain" / name, content))
    assert_same(load(write(tmp_path / "windows" / name, content.replace("\n", "\r\n"))), plain)


def test_nul_bytes_at_the_end_as_a_crash_leaves_them_are_one_reject(tmp_path: Path) -> None:
    export = load(write(tmp_path / "events.jsonl", LINES + "\x00" * 4096))
    assert export.summary.rows_kept == 6
    assert list_rejects(export) == [(8, "not JSON: JSON is malformed: invalid character")]


def test_a_nul_byte_inside_a_text_costs_its_line_in_json_and_nothing_where_it_is_written_as_json_has_it(
    tmp_path: Path,
) -> None:
    odd = LINES.replace("Größe 1", "Gr\x00e 1").replace("Größe 2", "Gr\\u0000e 2")
    export = load(write(tmp_path / "events.jsonl", odd))
    assert list_events(export) == ["e0", "e2", "e3", "e4", "e5"]
    assert list_rejects(export) == [(3, "not JSON: JSON is malformed: invalid character")]
    assert '"Gr\\u0000e 2"' in export.events.collect()["properties"][1]


def test_a_nul_byte_in_a_cell_is_kept(tmp_path: Path) -> None:
    export = load(write(tmp_path / "event.csv", TABLE.replace("Größe 1", "Gr\x00e 1")))
    assert export.summary.rows_kept == 6
    assert json.loads(export.events.collect()["properties"][1])["note"] == "Gr\x00e 1"


# What cannot be held or decoded


def test_a_line_of_50_mb_is_kept_to_the_letter(tmp_path: Path) -> None:
    properties = f'{{"note": "{"0123456789" * 5_000_000}"}}'
    long = to_lines(event("long")).replace("{}", properties)
    path = write(tmp_path / "events.jsonl", to_lines(METRIC, event("a")) + long + to_lines(event("z")))
    events = load_store(path, tmp_path / "store").events.select("event_id", "properties").collect()
    assert events["event_id"].to_list() == ["a", "long", "z"]
    assert events["properties"][1] == properties


def test_a_line_of_50_mb_that_is_broken_is_one_reject_of_a_kilobyte(tmp_path: Path) -> None:
    broken = '{"type": "event", "id": "' + "0123456789" * 5_000_000
    path = write(tmp_path / "events.jsonl", to_lines(METRIC, event("a"), broken, event("z")))
    stored = load_store(path, tmp_path / "store", options=SHARE_FREE)
    assert list_events(stored) == ["a", "z"]
    assert stored.rejects.collect().rows() == [("events.jsonl", 3, "not JSON: Input data was truncated", broken[:1024])]


def nest(depth: int, opening: str, closing: str) -> str:
    """Write an event with a property of lists, or of objects, inside each other."""
    return to_lines(event(f"deep {opening}")).replace("{}", f'{{"a":{opening * depth}1{closing * depth}}}')


def test_nesting_100_deep_is_kept_to_the_letter(tmp_path: Path) -> None:
    deep = [nest(100, "[", "]"), nest(100, '{"b":', "}")]
    export = load(write(tmp_path / "events.jsonl", LINES + "".join(deep)))
    assert export.summary.rejected == {}
    kept = export.events.filter(pl.col("event_id").str.starts_with("deep")).collect()["properties"]
    assert sorted(kept) == sorted(line[line.index('{"a"') : line.index('}, "relationships')] for line in deep)


def test_nesting_1000_deep_and_deeper_is_one_reject_each(tmp_path: Path) -> None:
    deep = [nest(depth, *signs) for depth in (1_000, 100_000) for signs in (("[", "]"), ('{"b":', "}"))]
    export = load(write(tmp_path / "events.jsonl", "".join(deep) + LINES))
    assert export.summary.rows_kept == 6
    assert list_rejects(export) == [(line, "JSON nested too deeply") for line in (1, 2, 3, 4)]


def test_a_million_distinct_keys_of_one_event_are_kept(tmp_path: Path) -> None:
    numbers = pl.int_range(1_000_000)
    members = pl.select(pl.format('"key {}": {}', numbers, numbers).str.join(", ")).item()
    keys = f"{{{members}}}"
    assert keys.startswith('{"key 0": 0, "key 1": 1, ')
    lines = to_lines(METRIC) + to_lines(event("e1")).replace("{}", keys) + to_lines(event("e2"))
    stored = load_store(write(tmp_path / "events.jsonl", lines), tmp_path / "store")
    assert list_events(stored) == ["e1", "e2"]
    assert stored.events.collect()["properties"][0] == keys


def test_a_million_distinct_keys_of_many_events_are_kept_and_take_no_column_each(tmp_path: Path) -> None:
    line = to_lines(event("e%", **{f"key %-{place}": place for place in range(100)}))
    events = "".join(line.replace("%", f"{number:05}") for number in range(10_000))
    stored = load_store(write(tmp_path / "events.jsonl", to_lines(METRIC) + events), tmp_path / "store")
    assert stored.summary.rows_kept == 10_000
    assert stored.events.collect()["properties"][-1].startswith('{"key 09999-0": 0')


# Values


def read_values(path: Path, values: Sequence[str]) -> tuple[dict[str, float | None], int]:
    """Load an event for each value, as JSON spells it; give what was read, and how many were counted as no number."""
    events = [
        to_lines(event(f"e{number:02}")).replace("{}", f'{{"$value": {value}}}') for number, value in enumerate(values)
    ]
    export = load(write(path, to_lines(METRIC) + "".join(events)))
    assert export.events.collect()["properties"].to_list() == [f'{{"$value": {value}}}' for value in values]
    return dict(zip(values, export.events.collect()["value"], strict=True)), export.summary.tally.count_unreadable


def test_a_plain_number_is_read_as_number_or_text_and_nothing_is_nothing(tmp_path: Path) -> None:
    expected = {
        "12.5": 12.5,
        '"12.50"': 12.5,
        "-3": -3.0,
        '"-3"': -3.0,
        "0": 0.0,
        '" 7 "': 7.0,
        "1e15": 1e15,
        "-1e15": -1e15,
        "1e-400": 0.0,
        '"1e3"': 1000.0,
        "null": None,
        '""': None,
    }
    assert read_values(tmp_path / "events.jsonl", list(expected)) == (expected, 0)


def test_a_value_that_is_no_plain_amount_of_money_is_not_guessed_but_left_out_and_counted(tmp_path: Path) -> None:
    numbers = (
        '"1,234.56"',
        '"12,50"',
        '"1.234,56"',
        '"€12"',
        '"1 234"',
        '"much"',
        "{}",
        '{"amount": 1}',
        "[1]",
        "true",
    )
    endless = ('"NaN"', '"-Infinity"', '"inf"', "1e999", '"1e999"', "-1e999")
    huge = ("1e308", "-1e308", "1.1e15", '"-1e16"', "123456789012345678901234567890")
    values = [*numbers, *endless, *huge]
    assert read_values(tmp_path / "events.jsonl", values) == (dict.fromkeys(values), len(values))
    assert load(tmp_path).summary.notes[1] == (
        f"Events whose value is no plain number, or beyond any amount of money: {len(values)}; they are kept without a "
        "value."
    )


def test_a_table_is_read_by_the_same_rule(tmp_path: Path) -> None:
    values = {"12.50": 12.5, "-3": -3.0, "": None} | dict.fromkeys(
        ("1,234.56", "12,50", "NaN", "Infinity", "1e999", "1e308", "much")
    )
    rows = [row(f"e{number}", value=value) for number, value in enumerate(values)]
    export = load(write(tmp_path / "event.csv", to_table(*rows)))
    assert export.events.collect()["value"].to_list() == list(values.values())
    assert export.summary.tally.count_unreadable == 7


def test_one_key_may_be_text_number_null_and_object_in_turn(tmp_path: Path) -> None:
    said = ("1,234.56", 12.5, "12,50", {}, None, "7")
    records = [event(f"e{number}", **{"$value": value, "size": value}) for number, value in enumerate(said)]
    export = load(write(tmp_path / "events.jsonl", to_lines(METRIC, *records)))
    events = export.events.collect()
    assert events["value"].to_list() == [None, 12.5, None, None, None, 7.0]
    assert [json.loads(text)["size"] for text in events["properties"]] == list(said)
    assert any("beyond any amount of money: 3;" in note for note in export.summary.notes)


def test_what_json_has_no_numbers_for_costs_its_line(tmp_path: Path) -> None:
    numbers = ("NaN", "Infinity", "-Infinity")
    bad = [to_lines(event("bad")).replace("{}", f'{{"$value": {number}}}') for number in numbers]
    export = load(write(tmp_path / "events.jsonl", LINES + "".join(bad)))
    assert list_rejects(export) == [(line, "not JSON: JSON is malformed: invalid character") for line in (8, 9, 10)]
    assert export.rejects.sort("line").collect()["raw"].to_list() == [line.strip() for line in bad]


# Times


def read_moments(path: Path, times: Sequence[object]) -> list[str | None]:
    """Load an event for each time; give what was read, null where it was rejected."""
    events = [event(f"e{number:02}", time=time) for number, time in enumerate(times)]
    export = load(write(path, to_lines(METRIC, event("good"), *events)))
    read = dict(
        export.events.select("event_id", pl.col("occurred_at").dt.strftime("%Y-%m-%dT%H:%M:%S%.f")).collect().rows()
    )
    assert list_rejects(export) == [
        (line, "no time that can be read") for line, each in enumerate(events, start=3) if each["id"] not in read
    ]
    return [read.get(each["id"]) for each in events]


@pytest.mark.parametrize(
    "moments",
    [
        {
            "2024-05-01T12:00:00+00:00": "2024-05-01T12:00:00",
            "2024-05-01T12:00:00Z": "2024-05-01T12:00:00",
            "2024-05-01T12:00:00-0500": "2024-05-01T17:00:00",
            "2024-05-01T12:00:00.603888+02:00": "2024-05-01T10:00:00.603888",
            "2024-05-01T12:00:00.123456789Z": "2024-05-01T12:00:00.123456",
            "2024-05-01 12:00:00+00:00": "2024-05-01T12:00:00",
            "2024-05-01 12:00:00+02": "2024-05-01T10:00:00",
            "2024-05-01 12:00:00.5-05": "2024-05-01T17:00:00.500",
            "2024-05-01 12:00:00 +0200": "2024-05-01T10:00:00",
            "2024-05-01 12:00:00 UTC": "2024-05-01T12:00:00",
            " 2024-05-01T12:00:00Z ": "2024-05-01T12:00:00",
        },
        {
            "2024-05-01T12:00:00": "2024-05-01T12:00:00",
            "2024-05-01 12:00:00.250": "2024-05-01T12:00:00.250",
            "2024-05-01 12:00": "2024-05-01T12:00:00",
        },
        {
            1714564800: "2024-05-01T12:00:00",
            "1714564800": "2024-05-01T12:00:00",
            1714564800.25: "2024-05-01T12:00:00.250",
        },
        {1714564800250: "2024-05-01T12:00:00.250", "1714564800250": "2024-05-01T12:00:00.250"},
        {
            "1970-01-01T00:00:00+00:00": "1970-01-01T00:00:00",
            "1969-12-31T23:59:59Z": "1969-12-31T23:59:59",
            "2262-04-11T23:47:16.854775Z": "2262-04-11T23:47:16.854775",
            "2262-04-12T00:00:00Z": "2262-04-12T00:00:00",
            9223372036854: "2262-04-11T23:47:16.854",
            "9998-12-31T23:59:59Z": "9998-12-31T23:59:59",
            "1900-01-01T00:00:00Z": "1900-01-01T00:00:00",
            0: "1970-01-01T00:00:00",
            "0.5": "1970-01-01T00:00:00.500",
        },
        {
            "2024-03-31T01:59:59+01:00": "2024-03-31T00:59:59",
            "2024-03-31T03:00:00+02:00": "2024-03-31T01:00:00",
            "2024-03-31 02:30:00": "2024-03-31T02:30:00",
            "2024-10-27T02:30:00+02:00": "2024-10-27T00:30:00",
            "2024-10-27T02:30:00+01:00": "2024-10-27T01:30:00",
            "2024-03-10T01:59:59-05:00": "2024-03-10T06:59:59",
            "2024-03-10T03:00:00-04:00": "2024-03-10T07:00:00",
        },
        {"2016-12-31T23:59:60Z": "2017-01-01T00:00:00", "2024-02-29T12:00:00Z": "2024-02-29T12:00:00"},
    ],
    ids=[
        "with a zone",
        "without a zone",
        "in seconds",
        "in milliseconds",
        "in years far away",
        "on days when clocks change",
        "in leap seconds and on leap days",
    ],
)
def test_times_are_read_in_every_spelling_and_without_a_zone_as_utc(tmp_path: Path, moments: dict[object, str]) -> None:
    assert read_moments(tmp_path / "events.jsonl", list(moments)) == list(moments.values())


def test_a_time_that_is_none_is_a_reject(tmp_path: Path) -> None:
    times = [
        *("", "soon", "05/01/2024", "2024-05-01", "2024-02-30T12:00:00Z", "2023-02-29T12:00:00Z"),
        *("2024-05-01T24:00:00Z", "2024-05-01T12:00:00+25:00", "10000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        *(
            "9999-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z",
            "1899-12-31T23:59:59Z",
            -1,
            1e300,
            "99999999999999999999",
            True,
            {},
        ),
    ]
    assert read_moments(tmp_path / "events.jsonl", times) == [None] * len(times)


def test_times_in_all_spellings_beside_each_other_are_read_as_each_is_by_itself(tmp_path: Path) -> None:
    said = [
        "2024-05-01T12:00:00+00:00",
        1714564800,
        "2024-05-01 12:00",
        "2024-05-01 14:00:00+02",
        1714564800000,
        "soon",
    ]
    records = [event(f"e{number}", time=text) for number, text in enumerate(said * 50)]
    export = load(write(tmp_path / "events.jsonl", to_lines(METRIC, *records)))
    assert export.summary.rejected == {"no time that can be read": 50}
    assert export.events.select(pl.col("occurred_at").unique()).collect().rows() == [(START,)]


# Ids, metrics, profiles


def test_an_event_without_an_id_profile_or_metric_is_a_reject(tmp_path: Path) -> None:
    bad = (
        event(""),
        event(" "),
        event(None),
        event("e1", profile=""),
        event("e1", metric=""),
        event("e1", metric=None),
    )
    export = load(write(tmp_path / "events.jsonl", to_lines(METRIC, event("good"), *bad)))
    assert list_rejects(export) == [
        (3, "no event id"),
        (4, "no event id"),
        (5, "no event id"),
        (6, "no profile id"),
        (7, "no metric"),
        (8, "no metric"),
    ]
    assert export.rejects.sort("line").collect()["raw"][0].startswith('{"event_id":"","profile_id":"P1"')


def test_of_an_id_with_different_content_the_later_file_and_the_later_line_count(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", to_lines(METRIC, event("e1", **{"$value": 1}), event("e1", **{"$value": 2})))
    write(tmp_path / "b.jsonl", to_lines(event("e1", **{"$value": 3}), event("e1", **{"$value": 4}), event("e2")))
    export = load(tmp_path)
    assert export.events.select("event_id", "value").collect().rows() == [("e1", 4.0), ("e2", None)]
    assert export.summary.rejected == {"repeated event id": 3}
    assert "Events that come again with other content: 3; the one of the later file is kept." in export.summary.notes


def test_an_id_may_be_a_number_or_hold_any_sign(tmp_path: Path) -> None:
    keys = [7, "a:b", "Größe 🖼", "with\nline end", 'with "quotes"', "nul\x00"]
    export = load(write(tmp_path / "events.jsonl", to_lines(METRIC, *map(event, keys))))
    assert sorted(list_events(export)) == sorted(map(str, keys))


def test_a_metric_that_nobody_names_keeps_its_id_and_is_noted(tmp_path: Path) -> None:
    nameless = [{"type": "metric", "id": key, "attributes": {"name": name}} for key, name in (("M2", ""), ("M3", None))]
    records = [METRIC, *nameless, *(event(f"e{number}", metric=f"M{number}") for number in range(1, 5))]
    export = load(write(tmp_path / "events.jsonl", to_lines(*records)))
    assert export.events.collect()["metric"].to_list() == ["Placed Order", "M2", "M3", "M4"]
    assert (
        "Events of metrics that the export does not name: 3; their metric is its id (M2, M3, M4)."
        in export.summary.notes
    )


def profile(key: str, *, updated: str = "2024-05-01T00:00:00+00:00", **attributes: object) -> Resource:
    return {"type": "profile", "id": key, "attributes": {"updated": updated, **attributes}}


def test_events_of_a_profile_that_was_merged_away_are_kept_under_the_id_that_they_name(tmp_path: Path) -> None:
    records = [METRIC, event("e1", profile="OLD"), event("e2", profile="NEW"), profile("NEW", email="ann@example.com")]
    export = load(write(tmp_path / "events.jsonl", to_lines(*records)))
    assert export.events.select("event_id", "profile_id").collect().rows() == [("e1", "OLD"), ("e2", "NEW")]
    assert export.profiles.collect()["profile_id"].to_list() == ["NEW"]
    assert export.summary.rejected == {}


def test_a_profile_that_comes_under_two_ids_stays_two(tmp_path: Path) -> None:
    records = [
        METRIC,
        event("e1", profile="OLD"),
        profile("OLD", email="ann@example.com"),
        profile("NEW", email="ann@example.com", updated="2024-06-01T00:00:00+00:00"),
    ]
    export = load(write(tmp_path / "events.jsonl", to_lines(*records)))
    assert export.profiles.select("profile_id", "email").collect().rows() == [
        ("NEW", "ann@example.com"),
        ("OLD", "ann@example.com"),
    ]


def test_an_event_by_an_address_finds_the_profile_that_has_it_in_the_store_that_it_is_added_to(tmp_path: Path) -> None:
    sent = {"email": "ann@example.com"}
    payload = {
        "type": "event",
        "attributes": {
            "time": START.isoformat(),
            "properties": {},
            "unique_id": "u1",
            "metric": {"data": {"type": "metric", "attributes": {"name": "Placed Order"}}},
            "profile": {"data": {"type": "profile", "attributes": sent}},
        },
    }
    first = write(tmp_path / "a.jsonl", to_lines(METRIC, event("e1"), profile("P1", email="Ann@example.com")))
    load_store(first, tmp_path / "store")
    grown = load_store(write(tmp_path / "b.json", json.dumps({"data": payload})), tmp_path / "store", append=True)
    assert grown.events.collect()["profile_id"].to_list() == ["P1", "P1"]
    assert grown.profiles.collect()["profile_id"].to_list() == ["P1"]


def test_records_that_name_an_empty_id_harm_nothing(tmp_path: Path) -> None:
    named = {"attributes": {"name": "Odd", "channel": "email"}}
    kinds = ("profile", "metric", "campaign", "campaign-message", "flow", "flow-action", "flow-message", "list")
    records = [{"type": kind, "id": key, **named} for kind in kinds for key in ("", " ", None)]
    export = load(write(tmp_path / "events.jsonl", to_lines(METRIC, event("e1"), *records)))
    assert export.summary.rejected == {"no profile id, of a profile": 3}
    assert export.messages.collect().is_empty()


# Files and folders


def test_a_zip_that_unpacks_to_more_than_100_times_its_size_is_refused_with_a_next_step(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("events.jsonl", LINES + " " * (70 << 20))
    with pytest.raises(ExportError, match=r"export\.zip: .* unpacks to more than 100 times its size") as caught:
        load(tmp_path)
    assert caught.value.hint == "Unpack it by hand if it is yours and is meant to be so, and load what comes out."


def test_a_gzip_that_unpacks_to_more_than_100_times_its_size_ends_the_load_and_leaves_no_store(tmp_path: Path) -> None:
    path = write(tmp_path / "events.jsonl.gz", gzip.compress(LINES.encode() + b" " * (70 << 20)))
    with pytest.raises(ExportError, match=r"events\.jsonl\.gz: .* unpacks to more than 100 times its size"):
        load_store(path, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    names = ["-n.jsonl", "a\nb.jsonl", "größe 🖼 {x} 100%.jsonl", 'it\'s "quoted" & spaced [1]*.jsonl']
    for number, name in enumerate(names):
        write(tmp_path / name, to_lines(METRIC, event(f"e{number}"), "{broken"))
    export = load(tmp_path)
    assert export.summary.sources == tuple(sorted(names))
    assert sorted(export.rejects.collect()["file"]) == sorted(names)
    assert export.summary.rows_kept == 4


def test_a_store_may_have_any_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a" / "events.jsonl", LINES)
    more = write(tmp_path / "b" / "more.jsonl", to_lines(METRIC, event("e0", **{"$value": 1}), event("e9")))
    store = tmp_path / "year=2024" / 'it\'s a "store" [x]* {y} 100% größe'
    before = load_store(path, store)
    assert_same(before, read_export(path))
    load_store(more, store, append=True)
    assert list_events(read_store(store)) == ["e0", "e1", "e2", "e3", "e4", "e5", "e9"]


def test_a_table_in_parquet_may_have_any_name(tmp_path: Path) -> None:
    rows = pl.DataFrame([row(f"e{number}") for number in range(3)], schema=HEADER, orient="row")
    folder = tmp_path / "[x] it's {a}*"
    folder.mkdir()
    rows.write_parquet(folder / "event [1].parquet")
    export = load(folder / "event [1].parquet")
    assert (export.summary.rows_kept, export.summary.rejected) == (3, {})


@needs_unix
def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    write(tmp_path / "export" / "deep" / "events.jsonl", LINES)
    (tmp_path / "export" / "deep" / "up").symlink_to(tmp_path / "export")
    (tmp_path / "export" / "deep" / "self").symlink_to("self")
    export = load(tmp_path / "export")
    assert export.summary.sources == ("events.jsonl",)
    assert export.summary.rejected == {}
    assert export.summary.notes[-1] == "Passed over, being no export: deep/self (a link to nothing)."


@needs_unix
def test_an_export_without_permission_to_read_it_is_refused(public_folder: Path) -> None:
    path = write(public_folder / "export" / "events.jsonl", LINES)
    path.chmod(0)
    with act_as_nobody(), pytest.raises(ExportError, match=r"events\.jsonl: .* found: Permission denied") as caught:
        load_store(path.parent, public_folder / "store")
    assert caught.value.hint == "Make it readable, or name the files that are to be read."
    assert not (public_folder / "store").exists()


@needs_unix
@pytest.mark.parametrize("is_new", [True, False])
def test_a_store_without_permission_to_write_it_is_refused_and_stays(public_folder: Path, is_new: bool) -> None:
    path = write(public_folder / "events.jsonl", LINES)
    closed = public_folder / "closed"
    before = None if is_new else load_store(path, closed).summary
    closed.mkdir(exist_ok=True)
    closed.chmod(0o555)
    with (
        act_as_nobody(),
        pytest.raises(StoreError, match=r"closed.* could not be written: .*Permission denied") as caught,
    ):
        load_store(path, closed / "store" if is_new else closed)
    assert caught.value.hint == "Make room, or choose a folder that can be written."
    assert before is None or read_store(closed).summary == before


# A full disk


TINY = find_sample().parent / "tiny"


@contextmanager
def mount(folder: Path, size: str) -> Iterator[bool]:
    """Put a small disk in a place, where that is allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    try:
        is_mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        is_mounted = False
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def limit_files(size: int) -> Iterator[None]:
    """Let no file become larger: what a full disk is where none can be mounted."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)


def assert_refused_and_untouched(store: Path, work: Callable[[], object], before: Export) -> None:
    with pytest.raises(StoreError, match="What was there before is untouched") as caught:
        work()
    assert str(store) in caught.value.message
    assert caught.value.hint == "Make room, or choose a folder that can be written."
    assert_same(read_store(store), before)
    assert len(list(store.glob("data-*"))) == 1


@needs_unix
@pytest.mark.parametrize(("size", "is_appended"), [("180k", False), ("500k", True), ("1000k", False), ("1000k", True)])
def test_a_disk_that_becomes_full_leaves_the_former_store_and_says_what_to_do(
    tmp_path: Path, size: str, is_appended: bool
) -> None:
    before = read_export(write(tmp_path / "before.jsonl", LINES))
    with mount(tmp_path / "disk", size) as is_mounted:
        store = tmp_path / "disk" / "store"
        load_store(tmp_path / "before.jsonl", store)
        with limit_files(sys.maxsize if is_mounted else 4 * int(size[:-1])):
            assert_refused_and_untouched(store, lambda: load_store(TINY, store, append=is_appended), before)


@needs_unix
@pytest.mark.parametrize("size", [100, 20_000, 100_000])
def test_a_file_that_may_not_grow_leaves_the_former_store_and_says_what_to_do(tmp_path: Path, size: int) -> None:
    before = load_store(write(tmp_path / "before.jsonl", LINES), tmp_path / "store")
    with limit_files(size):
        assert_refused_and_untouched(tmp_path / "store", lambda: load_store(TINY, tmp_path / "store"), before)


@needs_unix
def test_a_disk_that_becomes_full_under_several_processes_is_said_in_a_sentence(tmp_path: Path) -> None:
    code = (
        "import resource, sys\n"
        "from klavnb.cli import main\n"
        "if __name__ == '__main__':\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "    main(sys.argv[1:])\n"
    )
    script = write(tmp_path / "limited.py", code)
    table = write(tmp_path / "metric.csv", "id,name\nM0,Nothing\n")  # of another format, so for another process
    exports = [str(TINY), str(table)]
    command = [sys.executable, str(script), "load", *exports, "--out", str(tmp_path / "store"), "--workers", "2"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "could not be written: File too large" in ended.stderr
    assert "Hint: Make room" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "store").exists()


# Ctrl-C, and two loads at once


SLOW = 40_000
"""Events whose load takes about a second."""


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export in files of two formats, one after the other: different workers read them."""
    folder = tmp_path_factory.mktemp("slow")
    line = to_lines(event("e%", note="x" * 200))
    lines = [line.replace("%", str(number)) for number in range(SLOW)]
    for number, start in enumerate(range(0, SLOW, SLOW // 2)):
        write(folder / f"{number}" / "events.jsonl", to_lines(METRIC) + "".join(lines[start : start + SLOW // 2]))
        write(folder / f"{number}" / "metric.csv", "id,name\nM0,Nothing\n")
    return folder


def start_load(export: Path, store: Path, *options: str) -> "subprocess.Popen[str]":
    """Begin a load in a process of its own, and wait until it has begun to write."""
    command = [sys.executable, "-m", "klavnb", "load", str(export), "--out", str(store), *options]
    known = set(store.glob("data-*"))
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while process.poll() is None and not set(store.glob("data-*")) - known:
        time.sleep(0.01)
    return process


@needs_linux
@pytest.mark.parametrize("to_all", [False, True], ids=["to the process", "from the keyboard"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_leaves_the_former_store_and_no_process_behind(
    tmp_path: Path, slow: Path, workers: str, to_all: bool
) -> None:
    before = load_store(write(tmp_path / "before.jsonl", LINES), tmp_path / "store")
    process = start_load(slow, tmp_path / "store", "--workers", workers)
    while workers == "2" and not find_workers(process.pid) and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.1)
    if to_all:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=60)
    assert (process.returncode, printed, said) == (130, "", "Stopped. What was there before is as it was.\n")
    assert_same(read_store(tmp_path / "store"), before)
    assert len(list((tmp_path / "store").glob("data-*"))) == 1
    assert_nothing_runs(process.pid)


@needs_unix
def test_a_second_load_into_one_store_is_told_to_wait_and_the_first_ends_well(
    tmp_path: Path, slow: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    process = start_load(slow, tmp_path / "store", "--workers", "1")
    process.send_signal(signal.SIGSTOP)  # it is amid its work for as long as it takes
    path = write(tmp_path / "events.jsonl", LINES)
    with pytest.raises(SystemExit) as stopped:
        main(["load", str(path), "--out", str(tmp_path / "store"), "--workers", "1"])
    assert stopped.value.code == 1
    said = capsys.readouterr().err
    assert "another load is writing this store" in said
    assert "Hint: Wait until it has ended, then load again" in said
    process.send_signal(signal.SIGCONT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, "")
    assert read_store(tmp_path / "store").summary.rows_kept == SLOW
    load_store(path, tmp_path / "store")
    assert read_store(tmp_path / "store").summary.rows_kept == 6


# Rejects, and how many of them


def test_rejects_lie_in_the_store_with_file_line_reason_and_raw_text(tmp_path: Path) -> None:
    write(tmp_path / "export" / "a.jsonl", to_lines(METRIC, event("good"), "{broken", event("", note="x")))
    write(tmp_path / "export" / "event.csv", to_table(row("e1"), row("e2")[:3]))
    load_store(tmp_path / "export", tmp_path / "store", options=SHARE_FREE)
    (path,) = (tmp_path / "store").glob("data-*/rejects.parquet")
    rejects = pl.read_parquet(path).sort("file", "line")
    assert rejects.select("file", "line", "reason").rows() == [
        ("a.jsonl", 3, "not JSON: JSON is malformed: object keys must be strings"),
        ("a.jsonl", 4, "no event id"),
        ("event.csv", 3, "fewer fields than the header"),
    ]
    assert rejects["raw"][0] == "{broken"
    assert '"properties":{"note": "x"}' in rejects["raw"][1]
    assert "e2" in rejects["raw"][2]


def test_a_reject_for_its_time_shows_the_time_as_the_file_has_it_and_no_id_that_was_made(tmp_path: Path) -> None:
    late = event("late")
    late["attributes"] = {"timestamp": 9223372036854775807, "event_properties": {}}
    write(tmp_path / "a.jsonl", to_lines(METRIC, event("good"), late, event("odd", time="soon")))
    write(tmp_path / "Placed Order.csv", "Profile Email,Timestamp,$value\nann@example.com,05/13/2026,7\n")
    rejects = load(tmp_path).rejects.sort("file", "line").collect()
    assert rejects["reason"].unique().to_list() == ["no time that can be read"]
    assert [json.loads(raw)["event_id"] for raw in rejects["raw"]] == [None, "late", "odd"]
    assert "05/13/2026" in rejects["raw"][0]
    assert "9223372036854775807" in rejects["raw"][1]
    assert '"soon"' in rejects["raw"][2]


def test_the_line_of_a_row_is_the_one_of_the_file_in_which_it_begins(tmp_path: Path) -> None:
    rows = [
        row("e0", note="two\nlines"),
        row("bad")[:3],
        row("e1"),
        ("", *row("e2", note="a\nb\nc")[1:]),
        row("e3")[:2],
    ]
    path = write(tmp_path / "event.csv", to_table(*rows))
    assert list_rejects(load(path)) == [
        (4, "fewer fields than the header"),
        (6, "no event id"),
        (9, "fewer fields than the header"),
    ]
    good = [row(f"g{number}", note="one\ntwo") for number in range(5)]
    path = write(tmp_path / "event.csv", to_table(*good, ("", *row("e2")[1:])))
    assert list_rejects(load(path)) == [(12, "no event id")]
    text = path.read_text(encoding="utf-8").split("\n")
    assert text[12 - 1].startswith(",P1")


def test_the_raw_text_of_a_reject_has_at_most_1024_signs_and_none_is_cut(tmp_path: Path) -> None:
    signs = ("x", "ö", "漢", "🖼")
    broken = [f'{{"broken {sign * 5000}' for sign in signs]
    records = [METRIC, event("good"), *broken, *(event("", note=sign * 5000) for sign in signs)]
    rejects = load(write(tmp_path / "events.jsonl", to_lines(*records))).rejects.sort("line").collect()
    assert rejects["raw"].str.len_chars().to_list() == [1024] * 8
    assert rejects["raw"].to_list()[:4] == [text[:1024] for text in broken]
    assert not rejects["raw"].str.contains("\ufffd").any()


def run(*arguments: str) -> int:
    """Run a command in this process and give its exit code."""
    try:
        main(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_on_error_stop_ends_the_command_at_the_first_of_it_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "events.jsonl", LINES + "{broken\n{again\n")
    arguments = ("load", str(path), "--out", str(tmp_path / "store"), "--workers", "1")
    assert run(*arguments, "--on-error", "stop") == 1
    said = capsys.readouterr().err
    assert "events.jsonl, line 8: expected a record that can be used, found: not JSON" in said
    assert "--on-error quarantine" in said
    assert not (tmp_path / "store").exists()
    assert run(*arguments, "--max-rejects", "0.5") == 0


def test_max_rejects_is_a_share_of_which_five_in_a_hundred_are_the_default(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = [event(f"e{number}") for number in range(18)]
    path = write(tmp_path / "events.jsonl", to_lines(METRIC, *good, "{a", "{b"))
    arguments = ("load", str(path), "--out", str(tmp_path / "store"), "--workers", "1")
    assert run(*arguments) == 1
    said = capsys.readouterr().err
    assert "expected at most 5.0% of the records to be of no use, found 10.0%: 2 of 20 (not JSON" in said
    assert "--max-rejects 0.5" in said
    assert not (tmp_path / "store").exists()
    assert run(*arguments, "--max-rejects", "0.1") == 0
    assert "│ rejected: not JSON" in capsys.readouterr().out


@pytest.mark.parametrize("append", [False, True])
def test_too_many_rejects_leave_the_former_store(tmp_path: Path, append: bool) -> None:
    before = load_store(write(tmp_path / "before.jsonl", LINES), tmp_path / "store")
    path = write(tmp_path / "events.jsonl", LINES + "{broken\n")
    with pytest.raises(ExportError, match=r"expected at most 5\.0% of the records"):
        load_store(path, tmp_path / "store", append=append)
    assert_same(read_store(tmp_path / "store"), before)


# Stores of another version


@pytest.mark.parametrize("version", [1, 2, 99])
def test_a_store_of_another_version_is_refused_with_a_sentence_also_where_it_is_added_to(
    tmp_path: Path, version: int
) -> None:
    path = write(tmp_path / "events.jsonl", LINES)
    load_store(path, tmp_path / "store")
    manifest = tmp_path / "store" / "manifest.json"
    said = json.loads(manifest.read_text(encoding="utf-8")) | {"klavnb_store": version}
    manifest.write_text(json.dumps(said), encoding="utf-8")
    refusals: Sequence[Callable[[], object]] = (
        lambda: read_export(tmp_path / "store"),
        lambda: load_store(path, tmp_path / "store", append=True),
    )
    for refused in refusals:
        with pytest.raises(StoreError, match=f"expected a store of version .*, found version {version}") as caught:
            refused()
        assert caught.value.hint is not None
    assert json.loads(manifest.read_text(encoding="utf-8")) == said
    assert load_store(path, tmp_path / "store").summary.rows_kept == 6


def test_every_refusal_says_what_to_do_next(tmp_path: Path) -> None:
    write(tmp_path / "empty.jsonl", "")
    write(tmp_path / "words.jsonl", "hello\n")
    write(tmp_path / "profiles.jsonl", to_lines(profile("P1")))
    write(tmp_path / "bad.jsonl", to_lines(METRIC, event("")))
    for path in (*sorted(tmp_path.glob("*.jsonl")), tmp_path / "nowhere"):
        with pytest.raises(KlavnbError) as caught:
            load(path)
        assert caught.value.hint, path


def test_the_latest_pull_of_a_profile_counts_and_older_ones_complete_nothing(tmp_path: Path) -> None:
    later = (START + timedelta(days=1)).isoformat()
    records = [
        METRIC,
        event("e1"),
        profile("P1", updated=later, email="new@example.com"),
        profile("P1", email="old@example.com", first_name="Ann"),
    ]
    export = load(write(tmp_path / "events.jsonl", to_lines(*records)))
    assert export.profiles.select("email", "first_name").collect().rows() == [("new@example.com", None)]
