"""What each export format says, and that every format says it the same way."""

import csv
import gzip
import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from needs import SHARED, needs_shared
from polars.testing import assert_frame_equal

from klavnb.errors import ExportError
from klavnb.export import Export
from klavnb.formats import events_api
from klavnb.formats.contract import RawExport
from klavnb.formats.source import Source
from klavnb.sample import write_sample
from klavnb.schemas import Event, Message, Profile, Reject
from klavnb.settings import Settings
from klavnb.store import read_export

Resource = dict[str, Any]

FIXTURES = Path(__file__).parent / "fixtures"

METRICS = {
    "M1": "Received Email",
    "M2": "Opened Email",
    "M3": "Placed Order",
    "M4": "Clicked SMS",
    "M5": "Viewed Product",
}


def to_one(kind: str, key: str) -> Resource:
    return {"data": {"type": kind, "id": key}}


def event(
    key: str,
    metric: str = "M3",
    *,
    profile: str = "P1",
    properties: object = None,
    attributions: Sequence[str] | None = None,
    **attributes: object,
) -> Resource:
    """One event as the API writes it; `attributions` names its attribution resources."""
    relationships: Resource = {"profile": to_one("profile", profile), "metric": to_one("metric", metric)}
    if attributions is not None:
        relationships["attributions"] = {"data": [{"type": "attribution", "id": name} for name in attributions]}
    said = {"datetime": "2024-05-01T12:00:00+00:00", "event_properties": properties or {}} | attributes
    return {"type": "event", "id": key, "attributes": said, "relationships": relationships}


def metrics() -> list[Resource]:
    return [{"type": "metric", "id": key, "attributes": {"name": name}} for key, name in METRICS.items()]


def attribution(key: str, *, of: str, to: str) -> Resource:
    return {
        "type": "attribution",
        "id": key,
        "relationships": {"event": to_one("event", of), "attributed-event": to_one("event", to)},
    }


def page(data: Sequence[Resource], included: Sequence[Resource] = ()) -> Resource:
    return {"data": list(data), "included": list(included), "links": {"self": "https://a.klaviyo.com/api/events"}}


def write(path: Path, content: object) -> Path:
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def load(tmp_path: Path, *resources: Resource, settings: Settings | None = None) -> Export:
    return read_export(write(tmp_path / "page.json", page(resources, metrics())), settings=settings)


def load_event(
    tmp_path: Path,
    metric: str,
    properties: Mapping[str, object],
    attributes: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """The only event of an export, as a row."""
    resource = event("e1", metric, properties=properties)
    resource["attributes"] |= attributes or {}
    export = load(tmp_path, resource)
    assert export.summary.rejected == {}
    return export.events.collect().row(0, named=True)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def reasons(export: Export) -> list[str]:
    return export.rejects.collect()["reason"].to_list()


# --- the API's shapes


def write_lines(path: Path, resources: Sequence[Resource]) -> Path:
    return write(path, "\n".join(json.dumps(resource) for resource in resources) + "\n")


EVENTS = [event("e1", "M1", properties={"$message": "C1"}), event("e2", properties={"$value": 12.5})]


def test_a_page_lines_an_array_single_resources_and_gzip_load_to_the_same_events(tmp_path: Path) -> None:
    as_page = read_export(write(tmp_path / "page.json", page(EVENTS, metrics()))).events.collect()
    assert as_page["metric"].to_list() == ["Received Email", "Placed Order"]
    others = {
        "lines": write_lines(tmp_path / "lines.jsonl", [*EVENTS, *metrics()]),
        "array": write(tmp_path / "array.json", [*EVENTS, *metrics()]),
        "packed": write(tmp_path / "page.json.gz", page(EVENTS, metrics())),
        "pretty": write(tmp_path / "pretty.json", json.dumps(page(EVENTS, metrics()), indent=2)),
        "pages by line": write_lines(tmp_path / "pages.jsonl", [page(EVENTS), page(metrics())]),
        "airbyte": write_lines(
            tmp_path / "airbyte.jsonl",
            [{"stream": "s", "data": each} for each in EVENTS + metrics()],
        ),
    }
    pretty = others.pop("pretty")
    for path in others.values():
        assert_frame_equal(read_export(path).events.collect(), as_page)
    assert_frame_equal(read_export(pretty).events.drop("properties").collect(), as_page.drop("properties"))
    singles = tmp_path / "singles"
    singles.mkdir()
    for number, resource in enumerate([*EVENTS, *metrics()]):
        write(singles / f"{number}.json", {"data": resource} if number % 2 else resource)
    assert_frame_equal(read_export(singles).events.collect(), as_page)


def test_names_of_metrics_and_attributions_are_found_in_other_files(tmp_path: Path) -> None:
    write(tmp_path / "1.json", page([event("e1", attributions=["A1"]), event("e2", attributions=[])]))
    write(tmp_path / "2.json", page([attribution("A1", of="e1", to="t1")]))
    write(tmp_path / "3.json", page(metrics()))
    events = read_export(tmp_path).events.select("event_id", "metric", "recorded_event_ids").collect()
    expected = pl.DataFrame(
        {"event_id": ["e1", "e2"], "metric": ["Placed Order"] * 2, "recorded_event_ids": [["t1"], []]},
        schema_overrides={"recorded_event_ids": pl.List(pl.String)},
    )
    assert_frame_equal(events, expected)


def test_a_metric_without_a_name_keeps_its_id_and_is_noted(tmp_path: Path) -> None:
    export = load(tmp_path, event("e1", "M99"))
    assert export.summary.metrics == {"M99": 1}
    assert any("does not name: 1" in note and "M99" in note for note in export.summary.notes)


def test_an_attribution_that_is_only_named_is_not_taken_for_none(tmp_path: Path) -> None:
    export = load(tmp_path, event("e1", attributions=["A1"]))
    assert export.events.collect()["recorded_event_ids"].to_list() == [None]
    assert any("only names: 1" in note for note in export.summary.notes)


@pytest.mark.parametrize(
    ("attribution", "recorded"),
    [
        ({"$attributed_event_id": "t1", "$flow": ""}, ["t1"]),
        ({"$attributed_event_id": "", "$send_ts": 0}, []),
        ({"$attributed_event_id": 0}, []),
        ("", []),
        (0, []),
        (None, []),
    ],
)
def test_the_old_attribution_lies_among_the_properties(
    tmp_path: Path,
    attribution: object,
    recorded: list[str],
) -> None:
    assert load_event(tmp_path, "M3", {"$attribution": attribution})["recorded_event_ids"] == recorded


def test_an_event_without_any_word_on_attribution_does_not_say(tmp_path: Path) -> None:
    assert load_event(tmp_path, "M3", {})["recorded_event_ids"] is None


def test_the_first_api_loads_with_its_people(tmp_path: Path) -> None:
    old = {
        "object": "event",
        "id": "e1",
        "statistic_id": "M2",
        "timestamp": 1621295008,
        "event_name": "Opened Email",
        "event_properties": {"$event_id": "C1:77:1621295008"},
        "person": {"object": "person", "id": "P1", "$email": "profile-1@example.com", "$city": "Oslo", "age": 40},
        "flow_id": "F1",
    }
    export = read_export(write_lines(tmp_path / "v1.jsonl", [old, {"object": "flow", "id": "F1", "name": "Welcome"}]))
    row = export.events.collect().row(0, named=True)
    assert (row["metric"], row["message_id"], row["flow_id"], row["transmission_id"]) == (
        "Opened Email",
        "C1",
        "F1",
        "77",
    )
    assert row["occurred_at"] == at("2021-05-17 23:43:28")
    profile = export.profiles.select("email", "location", "properties").collect().row(0)
    assert profile == ("profile-1@example.com", '{"city":"Oslo"}', '{"age":40}')
    assert export.messages.select("message_type", "flow_name").collect().row(0) == ("flow", "Welcome")


# --- typing


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2022-11-08T01:23:45+00:00", "2022-11-08 01:23:45"),
        ("2022-11-08T01:23:45-05:00", "2022-11-08 06:23:45"),
        ("2023-08-14 15:50:46+00:00", "2023-08-14 15:50:46"),
        ("2020-04-05 20:02:45.000", "2020-04-05 20:02:45"),
        ("2023-07-18 12:43:52 UTC", "2023-07-18 12:43:52"),
        ("2024-04-01T17:09:03.603888Z", "2024-04-01 17:09:03.603888"),
        (1586116963, "2020-04-05 20:02:43"),
        (None, "2020-04-05 20:02:43"),
        ("yesterday", "2020-04-05 20:02:43"),
    ],
)
def test_times_are_read_in_all_spellings_as_utc_else_from_the_unix_seconds(
    tmp_path: Path,
    text: object,
    moment: str,
) -> None:
    assert load_event(tmp_path, "M3", {}, {"datetime": text, "timestamp": 1586116963})["occurred_at"] == at(moment)


@pytest.mark.parametrize(
    ("value", "read"),
    [(12.5, 12.5), ("12.50", 12.5), (-3, -3.0), (" 7 ", 7.0), (None, None), ("", None)],
)
def test_a_value_is_a_number_or_its_text(tmp_path: Path, value: object, read: float | None) -> None:
    assert load_event(tmp_path, "M3", {"$value": value})["value"] == read


@pytest.mark.parametrize("value", ["1,234.56", {}, [], True, "NaN", "inf", "1e999", 1e308, -1.1e15])
def test_a_value_that_is_no_amount_of_money_is_null_and_noted(tmp_path: Path, value: object) -> None:
    export = load(tmp_path, event("e1", properties={"$value": value}))
    assert export.events.collect()["value"].to_list() == [None]
    assert any("no plain number, or beyond any amount of money: 1;" in note for note in export.summary.notes)


@pytest.mark.parametrize("name", ["$currency_code", "$value_currency", "value_currency"])
def test_the_currency_has_three_names(tmp_path: Path, name: str) -> None:
    assert load_event(tmp_path, "M3", {name: "EUR"})["currency"] == "EUR"


@pytest.mark.parametrize(
    ("flag", "read"),
    [(True, True), ("true", True), (1, True), ("1.0", True), (False, False), (0, False), ("0.0", False), (None, None)],
)
def test_bot_clicks_and_machine_opens_are_known_or_not(tmp_path: Path, flag: object, read: bool | None) -> None:
    row = load_event(tmp_path, "M4", {"Bot Click": flag, "machine_open": flag})
    assert (row["is_bot_click"], row["is_machine_open"]) == (read, read)


def test_a_message_is_named_by_its_property(tmp_path: Path) -> None:
    row = load_event(
        tmp_path,
        "M2",
        {
            "$message": "msg",
            "$flow": "flow",
            "$variation": "var",
            "Transmission ID": "t1",
            "$_cohort$message_send_cohort": "1586116963:msg",
            "$internal": {"Handoff Time": 1586116970},
        },
    )
    found = {name: row[name] for name in ("message_id", "message_type", "campaign_id", "flow_id", "flow_message_id")}
    assert found == {
        "message_id": "msg",
        "message_type": "flow",
        "campaign_id": None,
        "flow_id": "flow",
        "flow_message_id": "msg",
    }
    assert (row["variation_id"], row["transmission_id"]) == ("var", "t1")
    assert (row["sent_at"], row["handed_off_at"]) == (at("2020-04-05 20:02:43"), at("2020-04-05 20:02:50"))


def test_a_message_is_named_by_the_event_id_of_a_message_metric(tmp_path: Path) -> None:
    row = load_event(tmp_path, "M2", {"$event_id": "msg:77:1586116963", "$flow": ""})
    assert (row["message_id"], row["transmission_id"], row["message_type"]) == ("msg", "77", "campaign")
    assert (row["campaign_id"], row["order_id"]) == ("msg", None)


def test_the_event_id_of_an_order_is_its_number_and_no_message(tmp_path: Path) -> None:
    row = load_event(tmp_path, "M3", {"$event_id": "shop:1001"})
    assert (row["order_id"], row["message_id"], row["message_type"]) == ("shop:1001", None, None)


@pytest.mark.parametrize("name", ["OrderId", "order_id", "Order ID"])
def test_an_order_number_goes_by_three_names(tmp_path: Path, name: str) -> None:
    assert load_event(tmp_path, "M3", {name: 1001, "$event_id": "other"})["order_id"] == "1001"


def test_a_send_cohort_of_another_message_says_nothing(tmp_path: Path) -> None:
    row = load_event(tmp_path, "M2", {"$message": "msg", "$_cohort$message_send_cohort": "1586116963:other"})
    assert row["sent_at"] is None


def test_metrics_that_klaviyo_renamed_have_one_name(tmp_path: Path) -> None:
    renamed = {"type": "metric", "id": "M9", "attributes": {"name": "Clicked Text Message"}}
    export = load(tmp_path, event("e1", "M4"), event("e2", "M9"), renamed)
    assert export.summary.metrics == {"Clicked SMS": 2}


def test_the_settings_say_which_other_metrics_are_of_messages(tmp_path: Path) -> None:
    own = {"type": "metric", "id": "M9", "attributes": {"name": "Geöffnete E-Mail"}}
    opened = event("e1", "M9", properties={"$event_id": "msg:77"})
    assert load(tmp_path, opened, own).events.collect()["message_id"].to_list() == [None]
    settings = Settings(metrics={"Geöffnete E-Mail": "email.open"})
    assert load(tmp_path, opened, own, settings=settings).events.collect()["message_id"].to_list() == ["msg"]


def test_properties_are_kept_to_the_letter(tmp_path: Path) -> None:
    raw = '{ "b" : 1.50,"a":"ü\\u00fc", "deep": [ {"x":null} ] }'
    line = json.dumps(event("e1", properties="HERE")).replace('"HERE"', raw)
    export = read_export(write(tmp_path / "one.jsonl", f"{line}\n{json.dumps(event('e2'))}\n"))
    assert export.events.collect()["properties"].to_list() == [raw, "{}"]


# --- what cannot be used


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (event("", "M3"), "no event id"),
        (event("e1", "M3", profile=""), "no profile id"),
        (event("e1", ""), "no metric"),
        (event("e1", datetime="yesterday"), "no time that can be read"),
        (event("e1", datetime="9999-12-31T23:59:59+00:00"), "no time that can be read"),
        ({"type": "event", "id": "e1"}, "no profile id"),
        ({"no": "resource"}, "no resource of Klaviyo's API"),
        ({"errors": [{"title": "throttled"}]}, "an error message of the API"),
    ],
)
def test_a_record_that_cannot_be_used_is_rejected_with_its_reason(
    tmp_path: Path,
    resource: Resource,
    reason: str,
) -> None:
    export = load(tmp_path, event("good"), resource)
    rejects = export.rejects.collect()
    assert rejects.select("file", "line", "reason").rows() == [("page.json", 2, reason)]
    assert rejects["raw"].str.starts_with("{").all()
    assert (export.summary.rows_in, export.summary.rows_kept, export.summary.rejected) == (2, 1, {reason: 1})


def test_the_raw_text_of_a_reject_is_cut_to_a_kilobyte(tmp_path: Path) -> None:
    export = load(tmp_path, event("good"), event("", properties={"long": "x" * 5000}))
    assert export.rejects.collect()["raw"].str.len_chars().to_list() == [1024]


@pytest.mark.parametrize(
    "broken",
    [
        '{"type": "event", "id": "e',
        "[1, 2",
        '{"type": "event", "id": NaN}',
        '{"type": "event", "attributes": 7}',
        "[" * 5000,
    ],
)
def test_a_broken_line_is_rejected_by_its_number(tmp_path: Path, broken: str) -> None:
    lines = [json.dumps(event("e1")), broken, "", json.dumps(event("e2"))]
    export = read_export(write(tmp_path / "some.jsonl", "\n".join(lines)))
    assert export.rejects.select("file", "line").collect().rows() == [("some.jsonl", 2)]
    assert export.events.collect()["event_id"].to_list() == ["e1", "e2"]


def test_a_line_that_is_not_utf8_is_rejected_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    good = json.dumps(event("e1")).encode()
    path.write_bytes(good + b"\n" + good.replace(b"P1", b"\xff\xfe") + b"\n")
    assert read_export(path).rejects.select("line", "reason").collect().rows() == [(2, "text that is not UTF-8")]


@pytest.mark.parametrize("start", ['\n\n{"type": "ev\n', '{"type": "ev\n{"type": "event", "id\n', "{}}\n" * 40])
def test_lines_are_lines_even_where_the_first_ones_are_blank_or_cut(tmp_path: Path, start: str) -> None:
    good = json.dumps(event("e1")) + "\n"
    assert read_export(write(tmp_path / "some.jsonl", start + good)).summary.rows_kept == 1
    assert read_export(write(tmp_path / "some.jsonl", good + "\n" + start + good)).summary.rows_in >= 2


def test_an_array_with_a_record_in_each_line_is_one_document(tmp_path: Path) -> None:
    text = f"[\n{json.dumps(event('e1'))}\n,\n{json.dumps(event('e2'))}\n]"
    assert read_export(write(tmp_path / "array.json", text)).summary.rejected == {}


def test_a_long_field_of_csv_is_read_and_a_line_that_is_not_utf8_rejected(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    good = "e1,P1,2020-04-05 20:02:45.000,Placed Order,M3,1,," + "x" * 200_000 + ","
    path = write_events(tmp_path, good, good.replace("e1", "e2").replace("x" * 200_000, "Caf\u00e9"))
    assert read_export(path).summary.rows_kept == 2
    path.write_bytes(path.read_bytes().replace("\u00e9".encode(), b"\xe9"))
    export = read_export(path)
    assert export.events.collect()["event_id"].to_list() == ["e1"]
    assert export.rejects.select("line", "reason").collect().rows() == [(3, "text that is not UTF-8")]
    assert csv.field_size_limit() == limit


def test_a_folder_or_file_that_may_not_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "page.json", page([event("e1")], metrics()))
    (tmp_path / "closed").mkdir()
    closed = write(tmp_path / "closed" / "page.txt", page([event("e2")], metrics()))
    scan, read = os.scandir, Path.open

    def refuse_folder(path: str) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    def refuse_file(path: Path, mode: str = "r", buffering: int = -1) -> object:
        if path == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path, mode, buffering)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", refuse_folder)
        with pytest.raises(ExportError, match=r"closed: expected a folder that can be read, found: Permission denied"):
            read_export(tmp_path)
    monkeypatch.setattr(Path, "open", refuse_file)
    with pytest.raises(ExportError, match=r"closed/page\.txt: expected a file that can be read, found: Permission"):
        read_export(tmp_path)


def test_a_broken_page_among_others_is_one_reject_and_what_is_whole_of_it_is_read(tmp_path: Path) -> None:
    write(tmp_path / "good.json", page([event("e1")], metrics()))
    write(tmp_path / "short.json", json.dumps(page([event("e2")], metrics()))[:-40])
    packed = write(tmp_path / "short.json.gz", page([event("e3")]))
    packed.write_bytes(packed.read_bytes()[:-12])
    export = read_export(tmp_path)
    assert export.events.collect()["event_id"].to_list() == ["e1", "e2", "e3"]
    assert export.rejects.select("file", "line").collect().rows() == [("short.json", None), ("short.json.gz", None)]
    assert export.summary.rows_in == 5


def test_an_event_that_comes_twice_is_kept_once_the_first_if_both_say_the_same(tmp_path: Path) -> None:
    write(tmp_path / "a.json", page([event("e1"), event("e2", properties={"$value": 1})], metrics()))
    write(tmp_path / "b.json", page([event("e1"), event("e2", properties={"$value": 2})]))
    export = read_export(tmp_path)
    assert export.events.select("event_id", "value").collect().rows() == [("e1", None), ("e2", 2.0)]
    rejects = export.rejects.select("file", "line", "reason").collect()
    assert rejects.rows() == [("a.json", 2, "repeated event id"), ("b.json", 1, "repeated event id")]
    assert any("with other content: 1" in note for note in export.summary.notes)


# --- profiles and messages


def profile(key: str, **attributes: object) -> Resource:
    return {"type": "profile", "id": key, "attributes": attributes}


def test_a_profile_is_kept_in_its_latest_state_completed_by_records_of_the_same_state(tmp_path: Path) -> None:
    old, new = "2024-01-01T00:00:00+00:00", "2024-02-01T00:00:00+00:00"
    export = load(
        tmp_path,
        event("e1"),
        profile("P1", email="new@example.com", updated=new, location={"city": "Oslo"}),
        profile("P1", email="old@example.com", updated=old, phone_number="+15005550006"),
        profile("P1", updated=new, properties={"size": "small"}),
        profile("P1", email="undated@example.com"),
    )
    row = export.profiles.collect().row(0, named=True)
    assert {name: value for name, value in row.items() if value is not None} == {
        "profile_id": "P1",
        "email": "new@example.com",
        "updated_at": at("2024-02-01"),
        "location": '{"city": "Oslo"}',
        "properties": '{"size": "small"}',
    }


def campaign(key: str, name: str, *messages: str, **attributes: object) -> Resource:
    linked = {"campaign-messages": {"data": [{"type": "campaign-message", "id": each} for each in messages]}}
    return {"type": "campaign", "id": key, "attributes": {"name": name} | attributes, "relationships": linked}


def test_messages_are_described_by_resources_and_else_by_their_events(tmp_path: Path) -> None:
    definition = {"channel": "email", "label": "Sale mail", "content": {"subject": "Now on"}}
    sent = {"$_cohort$message_send_cohort": "1586116963:FM2", "$message": "FM2", "$flow": "F1"}
    export = load(
        tmp_path,
        event("e1", "M1", properties=sent | {"Campaign Name": "Second mail", "Subject": "Hello again"}),
        event("e2", "M4", properties={"$message": "alone", "$flow": "", "Campaign Name": "Flash sale"}),
        event("e3", "M2", properties={"$message": "CM1"}),
        campaign("C1", "Sale", "CM1", send_time="2024-04-01T17:32:25+00:00"),
        {"type": "campaign-message", "id": "CM1", "attributes": {"definition": definition}},
        {"type": "flow", "id": "F1", "attributes": {"name": "Welcome"}},
        {"type": "flow-action", "id": "FA1", "relationships": {"flow": to_one("flow", "F1")}},
        {
            "type": "flow-message",
            "id": "FM1",
            "attributes": {"name": "First text", "channel": "sms"},
            "relationships": {"flow-action": to_one("flow-action", "FA1")},
        },
    )
    base = dict.fromkeys(Message.column_names())
    expected = [
        base
        | {
            "message_id": "CM1",
            "name": "Sale mail",
            "subject": "Now on",
            "channel": "email",
            "message_type": "campaign",
            "campaign_id": "C1",
            "campaign_name": "Sale",
            "sent_at": at("2024-04-01 17:32:25"),
        },
        base
        | {
            "message_id": "FM1",
            "name": "First text",
            "channel": "sms",
            "message_type": "flow",
            "flow_id": "F1",
            "flow_name": "Welcome",
        },
        base
        | {
            "message_id": "FM2",
            "name": "Second mail",
            "subject": "Hello again",
            "channel": "email",
            "message_type": "flow",
            "flow_id": "F1",
            "flow_name": "Welcome",
        },
        base
        | {
            "message_id": "alone",
            "name": "Flash sale",
            "channel": "sms",
            "message_type": "campaign",
            "campaign_id": "alone",
            "campaign_name": "Flash sale",
        },
    ]
    found = export.messages.collect()
    assert_frame_equal(found, pl.DataFrame(expected, schema=found.schema))
    campaigns = export.events.select("event_id", "campaign_id").collect().rows()
    assert campaigns == [("e1", None), ("e2", "alone"), ("e3", "C1")]


def test_records_of_no_use_are_noted(tmp_path: Path) -> None:
    export = load(tmp_path, event("e1"), {"type": "tag", "id": "T1", "attributes": {"name": "Autumn"}})
    assert export.summary.rejected == {}
    assert any("1 tag" in note for note in export.summary.notes)


# --- Fivetran's tables

HEADER = "id,person_id,datetime,type,metric_id,property_value,property_machine_open,property_os,_fivetran_deleted"


def write_events(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    return write(tmp_path / "event.csv", "\n".join([header, *rows]) + "\n")


def test_all_spellings_of_fivetrans_columns_are_one(tmp_path: Path) -> None:
    row = "e1,P1,2020-04-05 20:02:45.000,Placed Order,M3,12.5,TRUE,Mac OS,FALSE"
    expected = read_export(write_events(tmp_path, row)).events.drop("properties").collect()
    assert expected["value"].to_list() == [12.5]
    for header in (
        HEADER.replace("property_", "property"),
        HEADER.upper(),
        "\ufeff" + HEADER,
        HEADER.upper().replace("_", ""),
    ):
        found = read_export(write_events(tmp_path, row, header=header)).events.drop("properties").collect()
        assert_frame_equal(found, expected)


def test_parquet_is_read_as_csv_is(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {
            "id": ["e1"],
            "person_id": ["P1"],
            "datetime": [at("2020-04-05 20:02:45")],
            "type": ["Placed Order"],
            "property_value": [12.5],
            "property_items": [[{"Size": "small"}]],
            "_fivetran_deleted": [False],
        },
    )
    rows.write_parquet(tmp_path / "event.parquet")
    row = read_export(tmp_path).events.collect().row(0, named=True)
    assert (row["occurred_at"], row["value"]) == (at("2020-04-05 20:02:45"), 12.5)
    assert row["properties"] == '{"$value":12.5,"Items":[{"Size":"small"}]}'


def test_properties_get_klaviyos_own_names_back(tmp_path: Path) -> None:
    header = (
        "id,person_id,datetime,type,property_value,property_event_id,property_bot_click,property_items,property_own"
    )
    row = 'e1,P1,2020-04-05 20:02:45,Placed Order,12.50,1001,FALSE,"[{""Size"": ""small""}]","say ""hi""\\"'
    export = read_export(write_events(tmp_path, row, header=header))
    (text,) = export.events.collect()["properties"]
    assert text.startswith('{"$value":12.50,"$event_id":"1001","Bot Click":false,"Items":[{"Size": "small"}]')
    assert json.loads(text)["own"] == 'say "hi"\\'


def test_rows_deleted_at_the_source_and_rows_of_another_width_are_rejected(tmp_path: Path) -> None:
    path = write_events(
        tmp_path,
        "e1,P1,2020-04-05 20:02:45.000,Placed Order,M3,1,,,FALSE",
        "e2,P1,2020-04-05 20:02:45.000,Placed Order,M3,1,,,TRUE",
        "e3,P1,2020-04-05 20:02:45.000,Placed Order",
        "e4,P1,2020-04-05 20:02:45.000,Placed Order,M3,1,,,FALSE,more",
        "e5,P1,2020-04-05 20:02:45.000,Placed Order,M3,1,,,FALSE",
    )
    export = read_export(path)
    assert export.events.collect()["event_id"].to_list() == ["e1", "e5"]
    assert export.rejects.select("line", "reason").collect().sort("line").rows() == [
        (3, "deleted at the source"),
        (4, "fewer fields than the header"),
        (5, "more fields than the header"),
    ]
    assert export.summary.rows_in == 5


def test_a_metric_is_named_by_its_type_or_by_the_table_of_metrics(tmp_path: Path) -> None:
    write_events(
        tmp_path,
        "e1,P1,2020-04-05 20:02:45.000,Opened Email,M2,,,,FALSE",
        "e2,P1,2020-04-05 20:02:45.000,,M3,,,,FALSE",
        "e3,P1,2020-04-05 20:02:45.000,M4,,,,,FALSE",
    )
    write(tmp_path / "metric.csv", "id,name,integration_id\nM3,Placed Order,I1\nM4,Clicked SMS,I1\n")
    assert read_export(tmp_path).events.collect()["metric"].to_list() == ["Opened Email", "Placed Order", "Clicked SMS"]


def test_the_message_of_an_event_is_in_the_tables_own_columns(tmp_path: Path) -> None:
    header = "id,person_id,datetime,type,campaign_id,flow_id,flow_message_id"
    write_events(
        tmp_path,
        "e1,P1,2020-04-05 20:02:45,Received Email,C1,,",
        "e2,P1,2020-04-05 20:02:45,Bounced Email,,F1,FM1",
        "e3,P1,2020-04-05 20:02:45,Placed Order,C1,,",
        header=header,
    )
    columns = ("message_id", "message_type", "campaign_id", "flow_id", "flow_message_id")
    rows = read_export(tmp_path).events.select(columns).collect().rows()
    assert rows == [("C1", "campaign", "C1", None, None), ("FM1", "flow", None, "F1", "FM1"), (None,) * 5]


FIVETRAN_EVENTS = {
    "event_id": ["3gBNHPJn", "4gBNHPJn", "3gBNHPGp", "event123"],
    "metric": ["Received Email", "Placed Order", "Received Email", "Received Email"],
    "occurred_at": [at("2020-04-05 20:02:43")] * 2 + [at("2020-04-05 20:02:45")] * 2,
    "value": [None, None, 15.0, 20.0],
    "message_id": ["LyZ7re", None, "LyZ7re", "LyZ7re"],
    "campaign_id": ["LyZ7re", None, "ZZ7re", "LyZ7re"],
    "transmission_id": [
        "325682810555835891208873492218887818568",
        None,
        "325688435042320941348463595497466121544",
        "325688435042320941348463595497466121544",
    ],
    "recorded_event_ids": [["event123"], ["3gBNHPGp"], None, []],
}


@pytest.mark.parametrize(
    "file",
    [
        "dbt_klaviyo/event.csv",
        "dbt_klaviyo/event_norename.csv",
        "dbt_shopify_holistic_reporting/klaviyo_event.csv",
        "dbt_shopify_holistic_reporting/klaviyo_event_norename.csv",
    ],
)
def test_dbts_seeds_load_whole_in_both_spellings(file: str) -> None:
    export = read_export(FIXTURES / file)
    expected = pl.DataFrame(FIVETRAN_EVENTS).with_columns(pl.col("occurred_at").cast(pl.Datetime("us", "UTC")))
    assert_frame_equal(export.events.select(list(FIVETRAN_EVENTS)).collect(), expected)
    assert export.summary.rejected == {}


@pytest.mark.parametrize("folder", ["dbt_klaviyo", "dbt_shopify_holistic_reporting"])
def test_a_folder_of_tables_joins_people_campaigns_and_flows(folder: str) -> None:
    export = read_export(FIXTURES / folder)
    assert (export.summary.rows_in, export.summary.rows_kept) == (8, 4)
    assert export.summary.rejected == {"repeated event id": 4}
    profiles = export.profiles.collect()
    assert profiles["email"].to_list() == ["profile-1@example.com", "profile-2@example.com"]
    assert profiles["last_event_at"].to_list() == [at("2023-07-18 12:43:52"), at("2023-09-08 09:19:46")]
    assert json.loads(profiles["properties"][1])["expected_date_of_next_order"] == "05/16/2021"
    campaigns = export.messages.select("message_id", "campaign_name").collect().rows()
    assert campaigns == [("LyZ7re", "Instagram Live"), ("WMddDe", "Jan-2 Email"), ("WViD3c", "camp")]


def test_the_example_of_the_openapi_specification_loads() -> None:
    export = read_export(FIXTURES / "klaviyo_openapi" / "get_events_example.json")
    row = export.events.select("event_id", "metric", "occurred_at", "recorded_event_ids").collect().row(0)
    assert row == ("string", "string", at("2022-11-08 01:23:45"), ["string"])
    assert export.profiles.collect()["email"].to_list() == ["profile-1@example.com"]


@needs_shared
def test_airbytes_records_of_both_apis_load_without_losing_one() -> None:
    export = read_export(SHARED / "airbyte_source_klaviyo")
    assert (export.summary.rows_in, export.summary.rows_kept) == (7, 6)
    assert export.summary.rejected == {"repeated event id": 1}
    assert export.summary.metrics == {"Clicked Email": 5, "string": 1}
    assert (export.summary.count_profiles, export.summary.count_messages) == (4, 3)
    assert not any("no use" in note for note in export.summary.notes)


@needs_shared
@pytest.mark.parametrize("file", ["klaviyo_openapi/get_events.json", "klaviyo_openapi/create_event.json"])
def test_a_specification_is_no_export(file: str) -> None:
    with pytest.raises(ExportError, match="JSON of another kind"):
        read_export(SHARED / file)


# --- files and folders


def test_files_that_are_no_export_are_passed_over_in_a_folder_and_named(tmp_path: Path) -> None:
    write(tmp_path / "page.json", page([event("e1")], metrics()))
    write(tmp_path / "README.md", "# Export")
    write(tmp_path / "answers.csv", "question,answer\nwhy,because\n")
    write(tmp_path / "package.json", {"name": "shop", "type": "module"})
    write(tmp_path / ".hidden.json", "{")
    write(tmp_path / "empty.json", "")
    export = read_export(tmp_path)
    assert export.summary.sources == ("page.json",)
    assert export.summary.notes[-1] == (
        "Passed over, being no export: README.md, answers.csv, empty.json (empty), package.json."
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [("README.md", "# Export"), ("answers.csv", "a,b\n1,2\n"), ("empty.json", ""), ("other.json", '{"name": "shop"}')],
)
def test_a_file_given_by_name_must_be_an_export(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(ExportError, match=rf"^{name}: expected .*, found .*\n\nHint: "):
        read_export(write(tmp_path / name, content))


def test_a_file_cut_short_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    text = json.dumps(page([event("e1")]))
    with pytest.raises(
        ExportError, match=r"^page\.json: expected a file .* whole, found: the JSON is cut short"
    ) as caught:
        read_export(write(tmp_path / "page.json", text[: text.index("relationships")]))
    assert "--format" not in str(caught.value)


def test_nothing_at_all_is_an_error_that_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"expected .*, found no file"):
        read_export(tmp_path)
    with pytest.raises(ExportError, match="There is no file or folder"):
        read_export(tmp_path / "nowhere")


def test_folders_are_read_to_the_bottom_and_a_file_named_twice_once(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    write(tmp_path / "deep" / "er" / "1.json", page([event("e1"), event("e2", datetime="?")]))
    second = write(tmp_path / "2.json", page([event("e3")], metrics()))
    export = read_export([tmp_path, second])
    assert export.summary.sources == ("1.json", "2.json")
    assert sorted(export.events.collect()["event_id"]) == ["e1", "e3"]
    assert export.rejects.collect()["file"].to_list() == ["deep/er/1.json"]


def test_files_of_one_name_in_two_folders_are_told_apart(tmp_path: Path) -> None:
    for folder in ("may", "june"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "1.json", page([event(folder), event("", "M1")], metrics()))
    export = read_export([tmp_path / "may", tmp_path / "june" / "1.json"])
    assert export.rejects.collect()["file"].to_list() == ["may/1.json", "june/1.json"]


def test_a_manifest_of_something_else_makes_no_store(tmp_path: Path) -> None:
    write(tmp_path / "manifest.json", {"name": "shop"})
    write(tmp_path / "page.json", page([event("e1")], metrics()))
    assert read_export(tmp_path).summary.rows_kept == 1


def test_formats_may_be_mixed(tmp_path: Path) -> None:
    write(tmp_path / "page.json", page([event("e1")], metrics()))
    write_events(tmp_path, "e2,P1,2020-04-05 20:02:45.000,,M2,,,,FALSE")
    metric_of = dict(read_export(tmp_path).events.select("event_id", "metric").collect().iter_rows())
    assert metric_of == {"e1": "Placed Order", "e2": "Opened Email"}


def test_the_raw_frames_hold_what_was_read_and_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path / "page.json", page([event("e1", properties={"$value": "?"})]))
    raw = RawExport.join(list(events_api.read(events_api.split(Source(path, path.name)), settings=Settings())))
    assert raw.events.select("file", "line", "event_id", "metric_id", "value").rows() == [
        ("page.json", 1, "e1", "M3", "?"),
    ]


# --- the sample in both layouts

BOTH_CARRY = [name for name in Event.column_names() if name not in ("campaign_id", "properties")]
"""Fivetran's `campaign_id` is the message's, so campaigns differ; its properties are rebuilt."""


def test_both_layouts_of_the_sample_load_to_the_same_events(tmp_path: Path) -> None:
    exports = {}
    for layout in ("api", "fivetran"):
        write_sample(tmp_path / layout, profiles=60, days=60, layout=layout)
        exports[layout] = read_export(tmp_path / layout)
        summary = exports[layout].summary
        assert summary.rows_in == summary.rows_kept + sum(summary.rejected.values()) == summary.rows_kept
    api, fivetran = (exports[layout].events.sort("event_id").collect() for layout in ("api", "fivetran"))
    assert_frame_equal(fivetran.select(BOTH_CARRY), api.select(BOTH_CARRY))
    assert exports["api"].summary.notes == exports["fivetran"].summary.notes
    same = ["profile_id", "email", "first_name", "created_at", "updated_at", "last_event_at"]
    people = [exports[layout].profiles.select(same).sort("profile_id").collect() for layout in ("api", "fivetran")]
    assert_frame_equal(*people)
    keys = ("$value", "Items", "machine_open", "$_cohort$message_send_cohort", "Transmission ID", "$event_id")
    for key in keys:
        rebuilt, exported = (
            [json.loads(text).get(key) for text in frame["properties"].fill_null("{}")] for frame in (fivetran, api)
        )
        assert rebuilt == exported, key


def test_every_frame_holds_its_contract(tmp_path: Path) -> None:
    export = load(tmp_path, event("e1", "M1", properties={"$message": "m"}), event("", "M1"), profile("P1"))
    Event.validate(export.events.collect())
    Profile.validate(export.profiles.collect())
    Message.validate(export.messages.collect())
    Reject.validate(export.rejects.collect())


# --- lists and segments


def members(group: str, joined: Mapping[str, str | None]) -> Resource:
    """The answer about the profiles of a list (`lists/…`) or segment (`segments/…`)."""
    profiles = [
        {"type": "profile", "id": key, "attributes": {"email": f"{key.lower()}@example.com", "joined_group_at": at}}
        for key, at in joined.items()
    ]
    address = f"https://a.klaviyo.com/api/{group}/profiles?page%5Bsize%5D=100"
    return {"data": profiles, "links": {"self": address, "next": None}}


def test_who_is_in_a_list_or_segment_is_read_from_the_address_of_the_answer(tmp_path: Path) -> None:
    write(tmp_path / "events.json", page([event("e1")], metrics()))
    write(tmp_path / "a.json", members("lists/L1", {"P1": "2024-04-01T00:00:00+00:00", "P2": None}))
    write(tmp_path / "b.json", members("segments/S1", {"P1": "2024-04-03T00:00:00+00:00"}))
    write(tmp_path / "c.json", {"data": [{"type": "list", "id": "L1", "attributes": {"name": "Newsletter"}}]})
    export = read_export(tmp_path)
    assert export.groups.collect().rows() == [
        ("L1", "P1", "Newsletter", at("2024-04-01")),
        ("L1", "P2", "Newsletter", None),
        ("S1", "P1", None, at("2024-04-03")),
    ]
    assert sorted(export.profiles.collect()["profile_id"]) == ["P1", "P2"]
    assert export.summary.rejected == {}


def test_of_two_answers_about_a_list_the_later_joining_counts(tmp_path: Path) -> None:
    write(tmp_path / "events.json", page([event("e1")], metrics()))
    write(tmp_path / "a.json", members("lists/L1", {"P1": "2024-04-01T00:00:00+00:00"}))
    write(tmp_path / "b.json", members("lists/L1", {"P1": "2024-05-01T00:00:00+00:00"}))
    assert read_export(tmp_path).groups.collect()["joined_at"].to_list() == [at("2024-05-01")]


def test_a_profile_that_every_page_names_again_is_read_once_and_still_grows(tmp_path: Path) -> None:
    says = [
        {"type": "profile", "id": "P1", "attributes": attributes}
        for attributes in ({"email": "p1@example.com"}, {"first_name": "Sample"}, {"email": "p1@example.com"})
    ]
    for number, profile in enumerate(says):
        write(tmp_path / f"{number}.json", page([event(f"e{number}")], [*metrics(), profile]))
    (row,) = read_export(tmp_path).profiles.collect().to_dicts()
    assert (row["email"], row["first_name"]) == ("p1@example.com", "Sample")


def test_metric_ids_keep_their_names_for_segments(tmp_path: Path) -> None:
    assert load(tmp_path, event("e1")).summary.metric_names == METRICS
