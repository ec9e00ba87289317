"""Whatever is in a file, a load ends in an export that accounts for every row, or in an error of ours."""

import csv
import gzip
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis.strategies as st
import pytest
import zstandard
from builders import by_chance
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from polars.testing import assert_frame_equal

from klavnb.bundled import find_sample
from klavnb.errors import ExportError, KlavnbError
from klavnb.export import Export
from klavnb.filling import load_store
from klavnb.loading import LoadOptions
from klavnb.sample import write_sample
from klavnb.schemas import Event, GroupMember, Message, Profile, Reject
from klavnb.store import read_export

FRAMES = {"events": Event, "profiles": Profile, "messages": Message, "groups": GroupMember, "rejects": Reject}
Resource = dict[str, Any]

in_time = hypothesis_settings(by_chance, max_examples=3, phases=[Phase.generate])
"""Each example is loaded twice, which takes a quarter of a second: to look for a smaller one would take minutes."""


def attempt(work: Callable[[], Export]) -> Export | KlavnbError:
    """Load, or give our error; any other is a fault."""
    try:
        return work()
    except KlavnbError as error:
        return error


def load_twice(path: Path) -> Export | KlavnbError:
    """Read an export into memory and into a store: both say the same, and account for every row."""
    with TemporaryDirectory() as folder:
        held = attempt(lambda: read_export(path))
        stored = attempt(lambda: load_store(path, f"{folder}/store", options=LoadOptions()))
        if isinstance(held, KlavnbError) or isinstance(stored, KlavnbError):
            assert str(stored) == str(held)
            assert isinstance(held, KlavnbError)
            assert held.hint
            assert not Path(f"{folder}/store").exists()
            return held
        assert stored.summary == held.summary
        for name, schema in FRAMES.items():
            frame = schema.validate(getattr(held, name).collect())
            assert_frame_equal(getattr(stored, name).collect(), frame, check_row_order=name != "rejects")
    summary = held.summary
    assert summary.rows_in == summary.rows_kept + sum(summary.rejected.values())
    assert summary.rows_kept == held.events.collect().height
    assert sum(summary.rejected.values()) == held.rejects.collect().height
    return held


# Bytes


@cache
def read_sample() -> Mapping[str, bytes]:
    """File name → content, of small exports of each kind."""
    page = json.loads(gzip.decompress(next((find_sample().parent / "tiny").glob("events*.json.gz")).read_bytes()))
    some = {"data": page["data"][:20], "included": page["included"][:20], "links": page["links"]}
    lines = "".join(json.dumps(each) + "\n" for each in [*some["data"], *some["included"]]).encode()
    with TemporaryDirectory() as folder:
        write_sample(Path(folder) / "tables", profiles=20, days=30, layout="fivetran")
        tables = {path.name: path.read_bytes() for path in sorted((Path(folder) / "tables").rglob("*.csv"))}
    table = b"".join(tables["event.csv"].splitlines(keepends=True)[:20])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("page.json", json.dumps(some))
        archive.writestr("event.csv", table)
    return {
        "events.jsonl": lines,
        "page.json": json.dumps(some).encode(),
        "event.csv": table,
        "events.jsonl.gz": gzip.compress(lines, mtime=0),
        "events.jsonl.zst": zstandard.compress(lines),
        "export.zip": packed.getvalue(),
        "events16.jsonl": lines.decode().encode("utf-16"),
    }


ODD_BYTES = st.binary(max_size=6) | st.sampled_from(
    [b"\x00", b"\n", b"\r\n", b'"', b'\\"', b"\\", b"{", b"}", b"[" * 3, b"]", b",", b"null", b"\xff", b"\xef\xbb\xbf"]
)
CHANGES = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from([0, 1, 1, 5, 400]), ODD_BYTES), min_size=1, max_size=4
)
"""Where, how many bytes are taken away, and what is put there."""


def change_bytes(content: bytes, changes: Sequence[tuple[float, int, bytes]]) -> bytes:
    for place, length, new in changes:
        at = int(place * len(content))
        content = content[:at] + new + content[at + length :]
    return content


@pytest.mark.parametrize("name", ["events.jsonl", "page.json", "event.csv", "export.zip"])
@in_time
@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_any_bytes_are_no_export_and_say_so(name: str, content: bytes) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(content)
        assert isinstance(load_twice(Path(folder) / name), ExportError)


@pytest.mark.parametrize("name", list(read_sample()))
@in_time
@given(changes=CHANGES)
def test_a_damaged_file_is_read_as_far_as_it_goes(name: str, changes: Sequence[tuple[float, int, bytes]]) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(change_bytes(read_sample()[name], changes))
        load_twice(Path(folder) / name)


@in_time
@given(name=st.sampled_from(list(read_sample())), place=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_short_anywhere_costs_no_other_file_anything(name: str, place: float) -> None:
    content = read_sample()[name]
    with TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(content[: int(place * len(content))])
        whole = Path(folder) / "other" / "whole.jsonl"
        whole.parent.mkdir()
        whole.write_bytes(read_sample()["events.jsonl"])
        found = load_twice(Path(folder))
        assert isinstance(found, Export)
        missing = read_export(whole).events.collect().join(found.events.collect(), on="event_id", how="anti")
        assert missing.is_empty()


# Records

TO_ONE: Callable[[str, str], Resource] = lambda kind, key: {"data": {"type": kind, "id": key}}  # noqa: E731 - a name
RESOURCES: Sequence[Resource] = (
    {
        "type": "event",
        "id": "e1",
        "attributes": {
            "timestamp": 1714564800,
            "datetime": "2024-05-01T12:00:00+00:00",
            "event_properties": {
                "$value": 12.5,
                "$value_currency": "EUR",
                "$event_id": "m1:t1:1714564800",
                "$message": "m1",
                "$flow": "f1",
                "$variation": "v1",
                "Transmission ID": "t1",
                "$_cohort$message_send_cohort": "1714564790:m1",
                "$internal": {"Handoff Time": 1714564795},
                "machine_open": True,
                "Bot Click": "1.0",
                "OrderId": "o1",
                "Campaign Name": "Spring",
                "Subject": "Hello",
                "$attribution": {"$attributed_event_id": "e2", "$message": "m1"},
            },
        },
        "relationships": {
            "profile": TO_ONE("profile", "p1"),
            "metric": TO_ONE("metric", "M1"),
            "attributions": {"data": [{"type": "attribution", "id": "a1"}]},
        },
    },
    {
        "type": "profile",
        "id": "p1",
        "attributes": {
            "email": "ann@example.com",
            "phone_number": "+15005550006",
            "external_id": "x1",
            "first_name": "Ann",
            "created": "2024-01-01T00:00:00+00:00",
            "updated": "2024-05-01T00:00:00+00:00",
            "last_event_date": "2024-05-01T00:00:00+00:00",
            "location": {"city": "Bonn"},
            "properties": {"size": "M"},
            "predictive_analytics": {"historic_clv": 1.5},
            "subscriptions": {"email": {"marketing": {"consent": "SUBSCRIBED"}}},
            "joined_group_at": "2024-02-01T00:00:00+00:00",
        },
    },
    {"type": "metric", "id": "M1", "attributes": {"name": "Placed Order"}},
    {
        "type": "attribution",
        "id": "a1",
        "relationships": {"event": TO_ONE("event", "e1"), "attributed-event": TO_ONE("event", "e2")},
    },
    {
        "type": "campaign",
        "id": "c1",
        "attributes": {"name": "Spring", "channel": "email", "send_time": "2024-05-01T00:00:00+00:00"},
        "relationships": {"campaign-messages": {"data": [{"type": "campaign-message", "id": "m2"}]}},
    },
    {
        "type": "campaign-message",
        "id": "m2",
        "attributes": {"definition": {"label": "A", "channel": "sms", "content": {"subject": "Hello"}}},
        "relationships": {"campaign": TO_ONE("campaign", "c1")},
    },
    {
        "type": "flow",
        "id": "f1",
        "attributes": {"name": "Welcome"},
        "relationships": {"flow-actions": {"data": [{"type": "flow-action", "id": "s1"}]}},
    },
    {"type": "flow-action", "id": "s1", "relationships": {"flow-messages": {"data": [{"id": "m1"}]}}},
    {
        "type": "flow-message",
        "id": "m1",
        "attributes": {"name": "First", "channel": "email"},
        "relationships": {"flow-action": TO_ONE("flow-action", "s1")},
    },
    {"type": "list", "id": "l1", "attributes": {"name": "Newsletter"}},
    {
        "object": "event",
        "id": "e3",
        "statistic_id": "M1",
        "timestamp": 1714564800,
        "event_name": "Placed Order",
        "event_properties": {"$value": 3, "$attribution": ""},
        "datetime": "2024-05-01 12:00:00+00:00",
        "uuid": "u1",
        "person": {"object": "person", "id": "p1", "email": "ann@example.com"},
        "flow_id": None,
        "campaign_id": "c1",
        "flow_message_id": None,
    },
    {
        "data": {
            "type": "event",
            "attributes": {
                "properties": {"$value": 1},
                "time": "2024-05-01T12:00:00+00:00",
                "value": 9.99,
                "unique_id": "q1",
                "metric": {"data": {"type": "metric", "attributes": {"name": "Placed Order"}}},
                "profile": {"data": {"type": "profile", "attributes": {"email": "ann@example.com"}}},
            },
        }
    },
)
ODD_VALUES = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1.5, 10**30, 1e308, -0.0, [], {}, [[]], [None], {"": None}, {"data": None}),
        *("", " ", "\x00", "\ud83d", "0", "1", "NaN", "inf", "null", "{}", "[]", "1,5", "a:b", "a:b:c", "\n", '"'),
        *("event", "profile", "metric", "p1", "e1", "M1", "M2", "e9", "m1", "RECORD", "STATE", "email", "Opened Email"),
        *("2024-05-01", "2024-05-01 12:00", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "1e12", "12:00"),
        *("99999999999", "253402300799999", "-62135596800", "9" * 25, "9999999999:m1", 1714564800000, 253402300800),
        *({"data": []}, {"data": {"id": 7}}, {"data": [{"id": None}, 3]}, {"id": "e9"}, {"type": "event"}),
    ]
)
ANYTHING = ODD_VALUES | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PICKS = st.lists(st.integers(0, 30), max_size=6)
"""A way into a record: at each step, which of the values; it ends where it ends."""


def change_value(record: object, way: Sequence[int], new: object) -> object:
    """Put another value in one place of a record, however deep."""
    if not way or not isinstance(record, dict | list) or not record:
        return new
    keys: Sequence[Any] = list(record) if isinstance(record, dict) else range(len(record))
    chosen = keys[way[0] % len(keys)]
    changed = change_value(record[chosen], way[1:], new)
    if isinstance(record, list):
        return [changed if place == chosen else value for place, value in enumerate(record)]
    return {key: changed if key == chosen else value for key, value in record.items()}


CHANGED_RECORDS = st.builds(change_value, st.sampled_from(RESOURCES), PICKS, ANYTHING)
CHANGED_WITH_IDS = st.builds(change_value, st.sampled_from(RESOURCES[:-1]), PICKS, ANYTHING)
"""Without the event as it is sent to Klaviyo: an id that was made of an address stays what it was in a store."""

WRAPPERS: Mapping[str, Callable[[Sequence[object]], str]] = {
    "lines": lambda records: "".join(json.dumps(each) + "\n" for each in records),
    "page": lambda records: json.dumps(
        {"data": records, "included": [], "links": {"self": "https://a.klaviyo.com/api/lists/l1/profiles/"}}
    ),
    "array": json.dumps,
    "airbyte": lambda records: "".join(
        json.dumps({"type": "RECORD", "record": {"stream": "events", "data": each, "emitted_at": 0}}) + "\n"
        for each in records
    ),
    "singer": lambda records: "".join(
        json.dumps({"type": "RECORD", "stream": "event", "record": each}) + "\n" for each in records
    ),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@hypothesis_settings(in_time, max_examples=3)
@given(changed=st.lists(CHANGED_RECORDS, min_size=1, max_size=10), is_among_good=st.booleans())
def test_records_with_anything_in_any_place_are_kept_or_set_aside(
    wrapper: str, changed: Sequence[object], is_among_good: bool
) -> None:
    records = [*RESOURCES, *changed] if is_among_good else changed
    with TemporaryDirectory() as folder:
        path = Path(folder) / "export.json"
        path.write_text(WRAPPERS[wrapper](records), encoding="utf-8")
        found = load_twice(path)
        assert isinstance(found, Export) or not is_among_good


CELLS = ODD_VALUES.map(lambda value: value if isinstance(value, str) else json.dumps(value)) | st.text(max_size=8)


@in_time
@given(changes=st.lists(st.tuples(st.integers(0, 400), CELLS), min_size=1, max_size=12))
def test_tables_with_anything_in_any_cell_keep_or_set_aside_each_row(changes: Sequence[tuple[int, str]]) -> None:
    header, *rows = csv.reader(io.StringIO(read_sample()["event.csv"].decode(), newline=""))
    for number, cell in changes:
        rows[number // len(header) % len(rows)][number % len(header)] = cell.replace("\ud83d", "?")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "event.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        found = load_twice(path)
        assert isinstance(found, KlavnbError) or found.summary.rows_in == len(rows)


@hypothesis_settings(in_time, max_examples=2)
@given(
    before=st.lists(CHANGED_WITH_IDS, max_size=6),
    after=st.lists(CHANGED_WITH_IDS, min_size=1, max_size=6),
)
def test_a_store_that_anything_is_added_to_is_the_store_loaded_at_once(
    before: Sequence[object], after: Sequence[object]
) -> None:
    with TemporaryDirectory() as folder:
        place = Path(folder)
        for name, records in (("a", [*RESOURCES, *before]), ("b", [*RESOURCES, *after])):
            (place / "whole").mkdir(exist_ok=True)
            (place / f"{name}.jsonl").write_text(WRAPPERS["lines"](records), encoding="utf-8")
            shutil.copy(place / f"{name}.jsonl", place / "whole")
        load_store(place / "a.jsonl", place / "store", options=LoadOptions())
        grown = load_store(place / "b.jsonl", place / "store", options=LoadOptions(), append=True)
        whole = load_store(place / "whole", place / "at-once", options=LoadOptions())
        events = [each.events.drop("recorded_event_ids").collect() for each in (grown, whole)]
        assert_frame_equal(*events)
        assert grown.summary.rows_in == grown.summary.rows_kept + sum(grown.summary.rejected.values())
