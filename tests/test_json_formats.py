"""JSON in all its shapes: lines and documents, Airbyte, Singer, payloads; the quick way and the careful way."""

import gzip
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from needs import SHARED, needs_shared
from polars.testing import assert_frame_equal
from sample_formats_json import WRITERS

from klavnb.formats import airbyte_jsonl, events_api, json_files, json_values, singer
from klavnb.formats.contract import FRAMES, RawExport
from klavnb.formats.json_lines import NotUsualError
from klavnb.formats.profile_ids import make_profile_id
from klavnb.formats.source import PIECE, Piece, Source
from klavnb.settings import Settings
from klavnb.store import read_export

Record = dict[str, Any]

TINY = Path(__file__).parents[1] / "data" / "tiny"

TIME = "2024-05-01T12:00:00+00:00"


def event(key: str = "e1", properties: object = None, **said: object) -> Record:
    attributes = {"timestamp": 1714564800, "datetime": TIME, "event_properties": properties or {}} | said
    refers = {"profile": {"data": {"type": "profile", "id": "P1"}}, "metric": {"data": {"type": "metric", "id": "M1"}}}
    return {"type": "event", "id": key, "attributes": attributes, "relationships": refers}


def resource(kind: str, key: str, **attributes: object) -> Record:
    return {"type": kind, "id": key, "attributes": attributes}


def write(path: Path, *lines: object, end: str = "\n") -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_bytes("".join(text + end for text in texts).encode())
    return path


def read_parts(*paths: Path, module: ModuleType = events_api) -> list[RawExport]:
    pieces = [piece for path in paths for piece in module.split(Source(path, path.name))]
    return list(module.read(pieces, settings=Settings()))


def read(*paths: Path, module: ModuleType = events_api) -> RawExport:
    return RawExport.join(read_parts(*paths, module=module))


def read_lines(tmp_path: Path, *lines: object, module: ModuleType = events_api) -> RawExport:
    return read(write(tmp_path / "some.jsonl", *lines), module=module)


def rejected(raw: RawExport) -> list[tuple[object, ...]]:
    return raw.rejects.select("line", "reason").rows()


def is_read_by(module: ModuleType, *lines: object) -> bool:
    head = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines).encode()
    found: bool = module.recognises(Source(Path("some.jsonl"), "some.jsonl"), head)
    return found


# --- the sample in every shape


def content(raw: RawExport) -> dict[str, pl.DataFrame]:
    """What was read, without where it stood, each record once, in an order of its own."""
    frames = {name: frame.drop("file", "line", strict=False) for name, frame in raw.frames().items()}
    return {name: frame.unique().sort(pl.col(pl.String)) for name, frame in frames.items()}


@pytest.mark.parametrize("shape", WRITERS)
def test_an_export_reads_the_same_in_every_shape_and_the_quick_way(
    tmp_path: Path, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = content(read(*sorted(TINY.glob("*.json.gz"))))
    paths = sorted(WRITERS[shape](TINY, tmp_path / "out").iterdir())
    monkeypatch.setattr(json_files, "_add_line", refuse)
    found = content(read(*paths))
    assert found["events"].height > 1000
    for name, frame in expected.items():
        assert_frame_equal(found[name], frame)


def refuse(*_: object) -> None:
    raise AssertionError


def test_an_export_in_another_shape_loads_to_the_same_events(tmp_path: Path) -> None:
    expected, found = (read_export(each) for each in (TINY, WRITERS["singer"](TINY, tmp_path / "out")))
    assert_frame_equal(found.events.sort("event_id").collect(), expected.events.sort("event_id").collect())
    assert_frame_equal(found.groups.collect(), expected.groups.collect())


# --- the quick way and the careful way read the same


ODD: Sequence[object] = (None, 1, 1.5, True, "", "x", [], {}, {"a": 1}, [1], 10**30, "1e999", "\ud83d", {"data": None})


def make_event(rng: random.Random, key: str) -> Record:
    made = event(
        key,
        rng.choice(
            [
                None,
                {"$value": rng.choice([1, 1.5, "1,2", None, {}]), "$attribution": rng.choice([{}, "", 0, None])},
                {"$message": "m", "Bot Click": rng.choice([True, 1, "true"]), "$internal": {"Handoff Time": 5}},
                {"OrderId": rng.choice([1, "a"]), "order_id": "b", "$attribution": {"$attributed_event_id": "t"}},
            ]
        ),
        timestamp=rng.choice([1, 1.5, "4", None]),
    )
    if rng.random() < 0.3:
        named = {"id": "a2", "relationships": {"attributed-event": {"data": {"id": "t9"}}}}
        made["relationships"]["attributions"] = {"data": rng.choice([None, [], [{"id": "a1"}], [named]])}
        made["relationships"]["metric"]["data"]["name"] = "Placed Order"
    return made


def make_other(rng: random.Random) -> Record:
    kind = rng.choice(
        ["profile", "metric", "campaign", "flow-action", "flow-message", "list", "attribution", "template"]
    )
    made = resource(kind, f"x{rng.randrange(3)}", name="n", email=rng.choice(["a@example.com", 1]))
    return made | {"relationships": {"flow": {"data": {"id": "f"}}, "attributed-event": {"data": {"id": "e"}}}}


def wrap(record: Record, way: int) -> Record:
    stream = "events" if record.get("type") == "event" else "others"
    return [
        record,
        {"stream": stream, "data": record, "emitted_at": 1},
        {"_airbyte_raw_id": "1", "_airbyte_data": record},
        {"type": "RECORD", "record": {"stream": stream, "data": record}},
        {"type": "RECORD", "stream": stream, "record": record},
    ][way]


def spoil(rng: random.Random, value: object) -> None:
    """Take something out of a record, or put something odd into it."""
    if isinstance(value, dict) and value:
        key = rng.choice(list(value))
        if isinstance(value[key], dict | list) and rng.random() < 0.6:
            spoil(rng, value[key])
        elif rng.random() < 0.4:
            del value[key]
        else:
            value[rng.choice([key, "data", "type", "stream", "object", "list_id"])] = rng.choice(ODD)
    elif isinstance(value, list) and value:
        value[0] = rng.choice(ODD)


def spoil_text(rng: random.Random, text: str) -> str:
    place = rng.randrange(len(text) + 1)
    return rng.choice(
        [
            text[:place],
            f"{text[:place]}\n{text[place:]}",
            text + text,
            text[:place] + rng.choice(['"', "{", "}", "\x00", "\r", "\u00ff", "NaN", "\\ud83d"]) + text[place:],
            text.replace('"id"', '"id":"twice","id"', 1),
            f" {text} \r",
            text.replace("1", "NaN", 1),
        ]
    )


def make_lines(rng: random.Random) -> bytes:
    way, is_clean = rng.randrange(5), rng.random() < 0.5
    lines: list[str] = []
    for number in range(rng.randrange(1, 9)):
        record = make_event(rng, f"e{number}") if rng.random() < 0.7 else make_other(rng)
        if not is_clean and rng.random() < 0.2:
            spoil(rng, record)
        wrapped = wrap(record, way)
        if way > 2 and rng.random() < 0.2:
            lines.append(json.dumps({"type": rng.choice(["STATE", "SCHEMA", "LOG"]), "value": {}}))
        if not is_clean and rng.random() < 0.1:
            wrapped = {"data": [make_event(rng, "p1")] * rng.choice([1, 9]), "links": {"self": "/lists/L/profiles"}}
        text = json.dumps(wrapped, ensure_ascii=rng.random() < 0.7)
        lines.append(spoil_text(rng, text) if not is_clean and rng.random() < 0.1 else text)
        lines += [""] * (rng.random() < 0.05)
    return rng.choice(["\n", "\r\n"]).join(lines).encode(errors="surrogatepass") + rng.choice([b"\n", b""])


def read_bytes(path: Path, content: bytes, *, is_careful: bool) -> RawExport:
    def never(*_: object) -> None:
        raise NotUsualError

    path.write_bytes(content)
    with (
        patch.object(json_files, "add_lines", never if is_careful else json_files.add_lines),
        patch.object(json_files, "add_usual", never if is_careful else json_files.add_usual),
    ):
        return read(path)


def assert_both_ways_agree(path: Path, content: bytes) -> None:
    quick, careful = (read_bytes(path, content, is_careful=each) for each in (False, True))
    for name in FRAMES:  # an attribution that an event carries may come before others; nothing else moves
        assert_frame_equal(quick.frames()[name], careful.frames()[name], check_row_order=name != "attributions")
    for name in ("ignored", "foreign", "count_lines"):
        assert getattr(quick, name) == getattr(careful, name)


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rng=st.randoms(use_true_random=False))
def test_lines_read_the_same_the_quick_and_the_careful_way(tmp_path: Path, rng: random.Random) -> None:
    assert_both_ways_agree(tmp_path / "some.jsonl", make_lines(rng))


@hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rng=st.randoms(use_true_random=False))
def test_a_document_reads_the_same_the_quick_and_the_careful_way(tmp_path: Path, rng: random.Random) -> None:
    records = [make_event(rng, f"e{number}") if rng.random() < 0.7 else make_other(rng) for number in range(10)]
    if rng.random() < 0.5:
        spoil(rng, rng.choice(records))
    document: object = records if rng.random() < 0.3 else {"data": records, "links": {"self": "/segments/S/profiles"}}
    text = json.dumps(document, indent=rng.choice([None, 1]))
    assert_both_ways_agree(tmp_path / "some.json", text.encode(errors="surrogatepass"))


# --- lines and documents


def test_a_bad_line_costs_only_itself_and_keeps_its_number(tmp_path: Path) -> None:
    good = [json.dumps(event(f"e{number}")) for number in range(20)]
    raw = read_lines(tmp_path, *good[:10], '{"type": "event", "id": NaN}', "", *good[10:])
    assert rejected(raw) == [(11, "not JSON: JSON is malformed: invalid character")]
    assert raw.events["line"].to_list() == [*range(1, 11), *range(13, 23)]
    assert raw.count_lines == 22


def test_a_bad_line_in_a_long_file_sends_few_others_the_careful_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [json.dumps(event(f"e{number}", {"text": "x" * 1000})) for number in range(2000)]
    lines[1234] = lines[1234][:50]
    careful: list[bytes] = []

    def note(text: bytes) -> object:
        careful.append(text)
        return json_values.decode_value(text)

    monkeypatch.setattr(json_files, "decode_value", note)
    raw = read_lines(tmp_path, *lines)
    assert [line for line, _ in rejected(raw)] == [1235]
    assert raw.events["line"].to_list() == [number for number in range(1, 2001) if number != 1235]
    assert 1 <= len(careful) < 100


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_json_has_no_numbers_for_is_rejected(tmp_path: Path, number: str) -> None:
    line = json.dumps(event("e2", {"$value": "HERE"})).replace('"HERE"', number)
    raw = read_lines(tmp_path, event("e1"), line)
    assert [line for line, _ in rejected(raw)] == [2]
    assert raw.events["event_id"].to_list() == ["e1"]


def test_nul_bytes_deep_nesting_and_keys_that_come_twice_break_nothing(tmp_path: Path) -> None:
    deep = json.dumps(event("deep", {"q": "HERE"})).replace('"HERE"', "[" * 1000 + "]" * 1000)
    twice = json.dumps(event("twice", {"$value": 1})).replace('"$value": 1', '"$value": 1, "$value": 2')
    raw = read_lines(tmp_path, event("e1"), deep, json.dumps(event("nul")) + "\0", twice, event("e2"))
    assert rejected(raw) == [(2, "JSON nested too deeply"), (3, "not JSON: JSON is malformed: trailing characters")]
    assert raw.events.select("event_id", "value").rows() == [("e1", None), ("twice", "2"), ("e2", None)]


def test_a_very_long_line_is_read(tmp_path: Path) -> None:
    long = json.dumps(event("long", {"text": "x" * 20_000_000}))
    path = write(tmp_path / "some.jsonl", event("e1"), long, long[:-9], event("e2"))
    raw = RawExport.join(list(events_api.read([Piece(Source(path, path.name))], settings=Settings())))
    assert raw.events["event_id"].to_list() == ["e1", "long", "e2"]
    assert [line for line, _ in rejected(raw)] == [3]
    assert raw.rejects["raw"].str.len_chars().to_list() == [1024]


def test_an_emoji_that_was_cut_in_half_does_not_cost_the_event(tmp_path: Path) -> None:
    line = json.dumps(event("e1", {"Subject": "Sale \ud83d", "whole": "\U0001f600"}))
    raw = read_lines(tmp_path, line, event("e2"))
    assert raw.events.select("event_id", "subject").rows() == [("e1", "Sale \ufffd"), ("e2", None)]
    assert json.loads(raw.events["properties"][0])["whole"] == "\U0001f600"


def test_properties_are_kept_to_the_letter_whatever_they_are(tmp_path: Path) -> None:
    texts = ['{ "a" : 1.50, "b":"\\u00fc\u00fc" }', "null", "{}", '{"Items":[{"x":1}] }']
    lines = [json.dumps(event(f"e{n}", {"q": 1})).replace('{"q": 1}', text) for n, text in enumerate(texts)]
    assert read_lines(tmp_path, *lines).events["properties"].to_list() == [texts[0], None, *texts[2:]]


def test_long_files_of_lines_are_read_in_pieces_and_parts_of_bounded_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "some.jsonl", *(event(f"e{number}") for number in range(3000)))
    monkeypatch.setattr(json_files, "PIECE", 100_000)
    monkeypatch.setattr(json_files, "split_lines", lambda source: split_at(source, 300_000))
    pieces = events_api.split(Source(path, path.name))
    assert len(pieces) > 2
    parts = [list(events_api.read([piece], settings=Settings())) for piece in pieces]
    joined = RawExport.join([part for found in parts for part in found])
    assert joined.events["event_id"].to_list() == [f"e{number}" for number in range(3000)]
    assert joined.count_lines == 3000
    assert [found[0].events["line"][0] for found in parts] == [1] * len(pieces)


def split_at(source: Source, size: int) -> list[Piece]:
    text = source.path.read_bytes()
    ends = [text.find(b"\n", at) + 1 for at in range(size, len(text), size)]
    return [Piece(source, start, stop) for start, stop in zip([0, *ends], [*ends, len(text)], strict=True)]


def test_a_long_document_is_one_piece_even_with_a_record_in_each_line(tmp_path: Path) -> None:
    line = json.dumps(event("e1", {"text": "x" * 4000}))
    path = tmp_path / "page.json"
    path.write_text('{"data": [\n' + ",\n".join([line] * (PIECE // 4000)) + "\n]}\n")
    assert path.stat().st_size > PIECE
    assert len(events_api.split(Source(path, path.name))) == 1
    parts = read_parts(path)
    assert sum(part.events.height for part in parts) == PIECE // 4000
    assert len(parts) > 2
    assert RawExport.join(parts).events["line"].is_sorted()


def test_a_packed_file_of_lines_that_is_cut_short_keeps_what_came_before(tmp_path: Path) -> None:
    text = "".join(
        json.dumps(event(f"e{number}", {"text": random.Random(number).random()})) + "\n" for number in range(10_000)
    )
    path = tmp_path / "some.jsonl.gz"
    path.write_bytes(gzip.compress(text.encode())[:-1000])
    raw = read(path)
    assert 8_000 < raw.events.height < 10_000
    assert [line for line, reason in rejected(raw) if "gzip" in str(reason)] == [None]


def test_a_document_that_is_not_json_is_one_reject(tmp_path: Path) -> None:
    raw = read(write(tmp_path / "page.json", json.dumps({"data": [event()]}, indent=1)[:-9]))
    assert rejected(raw) == [(None, "broken file: page.json: the JSON is cut short")]


def test_a_file_with_nothing_of_klaviyos_is_foreign_and_its_records_are_set_aside(tmp_path: Path) -> None:
    other, ours = write(tmp_path / "a.jsonl", {"a": 1}, {"b": 2}), write(tmp_path / "b.jsonl", event())
    raw = read(other, ours)
    assert raw.foreign == ("a.jsonl",)
    assert rejected(raw) == [(1, "no resource of Klaviyo's API"), (2, "no resource of Klaviyo's API")]


def test_profiles_that_come_again_and_again_are_read_once(tmp_path: Path) -> None:
    said = resource("profile", "P1", email="p1@example.com")
    pages = [write(tmp_path / f"{n}.json", {"data": [event(f"e{n}")], "included": [said]}) for n in range(3)]
    assert read(*pages).profiles.height == 1
    assert read_lines(tmp_path, *[said] * 5, resource("profile", "P1", email="new@example.com")).profiles.height == 2


def test_a_page_of_a_lists_profiles_says_nothing_of_the_lines_after_it(tmp_path: Path) -> None:
    said = resource("profile", "P1", email="p1@example.com")
    page = {"data": [said], "links": {"self": "https://a.klaviyo.com/api/lists/L1/profiles"}}
    others = [resource("profile", f"Q{number}", text="x" * 1000) for number in range(100)]
    raw = read_lines(tmp_path, page, *others)
    assert raw.group_members.rows() == [("L1", "P1", None)]
    assert raw.profiles.height == 101


def test_a_record_of_an_odd_shape_is_rejected_each_time_it_comes(tmp_path: Path) -> None:
    odd = {"type": "profile", "id": {}, "attributes": 7}
    assert len(rejected(read_lines(tmp_path, odd, odd, event()))) == 2


def test_an_array_of_answers_gives_all_that_each_includes(tmp_path: Path) -> None:
    answers = [
        {"data": event("e1"), "included": [resource("metric", "M1", name="Placed Order")]},
        {"data": [event("e2")], "links": {}},
    ]
    raw = read(write(tmp_path / "answers.json", answers))
    assert raw.events["event_id"].to_list() == ["e1", "e2"]
    assert raw.metrics.rows() == [("M1", "Placed Order")]


def test_an_answer_of_an_odd_type_is_one_reject(tmp_path: Path) -> None:
    raw = read_lines(tmp_path, event(), {"type": 5, "data": {"id": "x"}}, {"type": 5, "data": [event()]})
    assert rejected(raw) == [(2, "no resource of Klaviyo's API"), (3, "no resource of Klaviyo's API")]


# --- Airbyte


LOG = {"type": "LOG", "log": {"level": "INFO", "message": "Syncing stream: events"}}
STATE = {"type": "STATE", "state": {"type": "STREAM"}}


def to_airbyte(record: Record, stream: str = "events") -> Record:
    return {"stream": stream, "data": record, "emitted_at": 1663367156487}


AIRBYTE: Sequence[Callable[[Record], Record]] = (
    to_airbyte,
    lambda record: {"type": "RECORD", "record": to_airbyte(record)},
    lambda record: {"_airbyte_raw_id": "1", "_airbyte_extracted_at": 1, "_airbyte_data": record},
    lambda record: {"_airbyte_ab_id": "1", "_airbyte_emitted_at": 1, "_airbyte_data": record},
)


@pytest.mark.parametrize("way", AIRBYTE)
def test_airbytes_lines_are_recognised_and_read_in_each_wrapping(
    tmp_path: Path, way: Callable[[Record], Record]
) -> None:
    lines = [way(each) for each in (event("e1"), resource("metric", "M1", name="Placed Order"), event("e2"))]
    assert is_read_by(airbyte_jsonl, *lines)
    assert not is_read_by(singer, *lines)
    raw = read_lines(tmp_path, *lines, module=airbyte_jsonl)
    assert raw.events["event_id"].to_list() == ["e1", "e2"]
    assert raw.events["line"].to_list() == [1, 3]
    assert raw.metrics.rows() == [("M1", "Placed Order")]


def test_airbytes_other_messages_are_counted_and_passed_over(tmp_path: Path) -> None:
    record = {"type": "RECORD", "record": to_airbyte(event())}
    assert is_read_by(airbyte_jsonl, LOG, record)
    raw = read_lines(tmp_path, LOG, record, STATE, STATE, module=airbyte_jsonl)
    assert raw.events["line"].to_list() == [2]
    assert raw.ignored == {"LOG message": 1, "STATE message": 2}
    assert raw.rejects.is_empty()


def test_airbytes_detailed_events_name_their_metric_and_carry_their_attributions(tmp_path: Path) -> None:
    detailed = event("order") | {"datetime": TIME}
    detailed["relationships"]["metric"]["data"] |= {"name": "Placed Order", "integration": {"name": "Shopify"}}
    credited = {"event": {"data": {"id": "order"}}, "attributed-event": {"data": {"type": "event", "id": "touch"}}}
    detailed["relationships"]["attributions"] = {
        "data": [{"type": "attribution", "id": "A1", "relationships": credited}],
    }
    raw = read_lines(tmp_path, to_airbyte(detailed, "events_detailed"), to_airbyte(event("e2"), "events_detailed"))
    assert raw.events.select("metric_name", "attribution_ids").rows() == [("Placed Order", ["A1"]), (None, None)]
    assert raw.attributions.rows() == [("A1", "order", "touch")]


def test_airbytes_detailed_events_load_with_the_touch_that_klaviyo_credited(tmp_path: Path) -> None:
    detailed = event("order")
    detailed["relationships"]["metric"]["data"]["name"] = "Placed Order"
    credited = {"attributed-event": {"data": {"id": "touch"}}}
    detailed["relationships"]["attributions"] = {"data": [{"id": "A1", "relationships": credited}]}
    export = read_export(write(tmp_path / "some.jsonl", to_airbyte(detailed, "events_detailed")))
    assert export.events.select("metric", "recorded_event_ids").collect().rows() == [("Placed Order", ["touch"])]


def test_airbytes_detailed_campaigns_carry_their_messages(tmp_path: Path) -> None:
    message = resource("campaign-message", "CM1", label="Sale mail", channel="email", content={"subject": "Now on"})
    campaign = resource("campaign", "C1", name="Sale") | {
        "campaign_messages": [message],
        "estimated_recipient_count": 7,
    }
    flow_message = resource("flow-message", "FM1", name="First", channel="sms") | {"flow_action_id": "FA1"}
    raw = read_lines(tmp_path, to_airbyte(campaign, "campaigns_detailed"), to_airbyte(flow_message, "flow_messages"))
    assert raw.messages.select("message_id", "name", "subject", "campaign_id", "action_id").rows() == [
        ("CM1", "Sale mail", "Now on", "C1", None),
        ("FM1", "First", None, None, "FA1"),
    ]


def test_records_of_other_streams_of_airbyte_are_counted(tmp_path: Path) -> None:
    template = to_airbyte(resource("template", "T1", name="Mail"), "email_templates")
    report = to_airbyte({"campaign_id": "C1", "opens": 7}, "campaign_values_reports")
    raw = read_lines(tmp_path, to_airbyte(event()), template, report)
    assert raw.ignored == {"template": 1, "campaign_values_reports record": 1}
    assert raw.rejects.is_empty()


@needs_shared
def test_airbytes_own_records_read_whole() -> None:
    folder = SHARED / "airbyte_source_klaviyo"
    paths = sorted(folder.glob("*.jsonl"))
    for path in paths:
        assert airbyte_jsonl.recognises(Source(path, path.name), path.read_bytes())
    raw = read(*paths, module=airbyte_jsonl)
    assert raw.rejects.is_empty()
    assert raw.events["event_id"].n_unique() == 5
    assert raw.groups["name"].to_list() == ["Newsletter", "Newsletter"]
    assert raw.profiles["profile_id"].null_count() == 0


# --- Singer


def to_singer(record: Record, stream: str = "events") -> Record:
    return {"type": "RECORD", "stream": stream, "record": record, "time_extracted": TIME}


SCHEMA = {"type": "SCHEMA", "stream": "events", "schema": {"properties": {}}, "key_properties": ["id"]}


def test_singers_messages_are_recognised_and_their_resources_read(tmp_path: Path) -> None:
    lines = [
        SCHEMA,
        to_singer(event("e1")),
        {"type": "ACTIVATE_VERSION", "stream": "events", "version": 1},
        to_singer(resource("metric", "M1", name="Placed Order"), "metrics"),
        {"type": "STATE", "value": {}},
    ]
    assert is_read_by(singer, *lines)
    assert is_read_by(singer, lines[1])
    assert not is_read_by(airbyte_jsonl, *lines)
    raw = read_lines(tmp_path, *lines, module=singer)
    assert raw.events.select("event_id", "line").rows() == [("e1", 2)]
    assert raw.metrics.rows() == [("M1", "Placed Order")]
    assert raw.ignored == {"SCHEMA message": 1, "ACTIVATE_VERSION message": 1, "STATE message": 1}


def test_meltanos_events_name_profile_and_metric_among_their_attributes(tmp_path: Path) -> None:
    record = event("e1", profile_id="P7", metric_id="M7") | {"datetime": TIME}
    del record["relationships"]
    raw = read_lines(tmp_path, to_singer(record), module=singer)
    assert raw.events.select("event_id", "profile_id", "metric_id").rows() == [("e1", "P7", "M7")]


def test_meltanos_list_persons_are_members_of_their_list(tmp_path: Path) -> None:
    person = {"type": "profile", "id": "P1", "list_id": "L1"}
    raw = read_lines(tmp_path, to_singer(event()), to_singer(person, "listperson"), module=singer)
    assert raw.group_members.rows() == [("L1", "P1", None)]


def test_flattened_records_are_read_by_their_fields(tmp_path: Path) -> None:
    flattened = {
        "type": "event",
        "id": "e1",
        "uuid": "u",
        "timestamp": 1714564800,
        "datetime": "2024-05-01 12:00:00+00:00",
        "event_properties": {"$message": "m", "$value": 1.50},
        "profile": [{"type": "profile", "id": "P1", "email": "p1@example.com", "properties": {"size": "small"}}],
        "metric": [{"type": "metric", "id": "M2", "name": "Opened Email"}],
    }
    campaign = {"type": "campaign", "id": "C1", "name": "Sale", "send_time": TIME, "campaign-messages": [{"id": "CM1"}]}
    raw = read_lines(
        tmp_path,
        to_singer(flattened, "open"),
        to_singer(campaign, "campaigns"),
        to_singer({"id": "L1", "name": "Newsletter"}, "lists"),
        to_singer({"type": "profile", "id": "P2", "email": "p2@example.com"}, "profiles"),
        module=singer,
    )
    said = ("event_id", "profile_id", "metric_id", "metric_name", "occurred_at", "value", "message")
    assert raw.events.select(said).rows() == [("e1", "P1", "M2", "Opened Email", flattened["datetime"], "1.5", "m")]
    assert raw.profiles.select("profile_id", "email", "properties").rows() == [
        ("P1", "p1@example.com", '{"size": "small"}'),
        ("P2", "p2@example.com", None),
    ]
    assert raw.campaigns.select("campaign_id", "name", "sent_at").rows() == [("C1", "Sale", TIME)]
    assert raw.messages.select("message_id", "campaign_id").rows() == [("CM1", "C1")]
    assert raw.groups.rows() == [("L1", "Newsletter")]


def test_objects_of_the_first_api_come_by_singer_too(tmp_path: Path) -> None:
    person = {"id": "P1", "$email": "p1@example.com", "$city": "Oslo", "size": "small"}
    old = {"object": "event", "id": "e1", "event_name": "Opened Email", "timestamp": 1, "person": {"id": "P1"}}
    member = {"id": "P1", "email": "p1@example.com", "list_id": "L1"}
    raw = read_lines(
        tmp_path,
        to_singer(old, "open"),
        to_singer(person, "profiles"),
        to_singer(member, "list_members"),
        module=singer,
    )
    assert raw.events.select("event_id", "metric_name").rows() == [("e1", "Opened Email")]
    assert raw.profiles.filter(pl.col("location").is_not_null())["properties"].to_list() == ['{"size":"small"}']
    assert raw.group_members.rows() == [("L1", "P1", None)]


def test_records_of_streams_that_nobody_needs_are_counted(tmp_path: Path) -> None:
    raw = read_lines(tmp_path, to_singer(event()), to_singer({"id": 1, "name": "x"}, "coupons"), module=singer)
    assert raw.ignored == {"coupons record": 1}
    assert raw.rejects.is_empty()


# --- payloads


def created(**said: object) -> Record:
    """The body of Create Event."""
    attributes = {
        "properties": {"Brand": "Kids Book", "ProductID": 1111},
        "time": TIME,
        "value": 9.90,
        "value_currency": "USD",
        "metric": {"data": {"type": "metric", "attributes": {"name": "Placed Order"}}},
        "profile": {"data": {"type": "profile", "attributes": {"email": "Ann@example.com", "first_name": "Ann"}}},
    }
    return {"data": {"type": "event", "attributes": attributes | said}}


def test_an_event_as_it_is_sent_to_klaviyo_is_read_with_its_profile(tmp_path: Path) -> None:
    raw = read_lines(tmp_path, created(unique_id="1001"))
    row = raw.events.row(0, named=True)
    person = make_profile_id("email", "ann@example.com")
    said = ("profile_id", "metric_name", "occurred_at", "value", "currency", "source_event_id")
    assert [row[name] for name in said] == [person, "Placed Order", TIME, "9.9", "USD", "1001"]
    assert row["properties"] == (
        '{"$value":9.9,"$value_currency":"USD","$event_id":"1001","Brand": "Kids Book", "ProductID": 1111}'
    )
    assert raw.profiles.select("profile_id", "email", "first_name").rows() == [(person, "Ann@example.com", "Ann")]


def test_an_event_that_was_sent_twice_gets_the_same_id_and_is_kept_once(tmp_path: Path) -> None:
    sent = [created(), created(), created(time="2024-05-02T12:00:00+00:00")]
    ids = read_lines(tmp_path, *sent).events["event_id"]
    assert ids.str.contains("^made:[0-9a-f]{16}$").all()
    assert ids[0] == ids[1] != ids[2]
    assert read_export(tmp_path / "some.jsonl").summary.rejected == {"repeated event id": 1}


def test_the_senders_number_tells_events_of_one_metric_and_profile_apart(tmp_path: Path) -> None:
    fulfilled = {"data": {"type": "metric", "attributes": {"name": "Fulfilled Order"}}}
    sent = [
        created(unique_id="1001"),
        created(unique_id="1001", time="2024-05-02T12:00:00+00:00"),
        created(unique_id="1002"),
        created(unique_id="1001", metric=fulfilled),
    ]
    ids = read_lines(tmp_path, *sent).events["event_id"].to_list()
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("identifiers", "profile_id"),
    [
        ({"email": " ANN@example.com"}, make_profile_id("email", "ann@example.com")),
        ({"phone_number": "+15005550006"}, make_profile_id("phone", "+15005550006")),
        ({"external_id": "A1"}, make_profile_id("external", "A1")),
        ({"anonymous_id": "x"}, make_profile_id("anonymous", "x")),
        ({}, None),
    ],
)
def test_a_profile_without_an_id_goes_by_what_tells_who_it_is(
    tmp_path: Path, identifiers: Record, profile_id: str | None
) -> None:
    raw = read_lines(tmp_path, created(profile={"data": {"type": "profile", "attributes": identifiers}}))
    assert raw.events["profile_id"].to_list() == [profile_id]
    assert raw.profiles["profile_id"].to_list() == [profile_id] * (profile_id is not None)


def test_a_bulk_of_events_is_read_profile_by_profile(tmp_path: Path) -> None:
    attributes = created(unique_id="1")["data"]["attributes"]
    profile = attributes.pop("profile")
    events = {"data": [{"type": "event", "attributes": attributes | {"unique_id": key}} for key in ("1", "2")]}
    part = {"type": "event-bulk-create", "attributes": {"profile": profile, "events": events}}
    bulk = {"data": {"type": "event-bulk-create-job", "attributes": {"events-bulk-create": {"data": [part]}}}}
    raw = read(write(tmp_path / "bulk.json", bulk))
    assert raw.events["source_event_id"].to_list() == ["1", "2"]
    assert raw.events["profile_id"].unique().to_list() == [make_profile_id("email", "ann@example.com")]
    assert raw.rejects.is_empty()


def webhook(*events: Record, topic: str = "event:klaviyo.opened_email", included: Sequence[Record] = ()) -> Record:
    payloads = [{"data": each, "included": list(included)} for each in events]
    data = [{"external_id": f"x{n}", "topic": topic, "payload": payload} for n, payload in enumerate(payloads)]
    return {"data": data, "meta": {"klaviyo_account_id": "A", "timestamp": TIME, "version": "2024-06-28"}}


def test_what_a_system_webhook_brings_is_read_as_answers_about_events(tmp_path: Path) -> None:
    bare = event("e2")
    del bare["id"]
    raw = read_lines(tmp_path, webhook(event("e1"), bare))
    assert raw.events.select("event_id", "metric_id", "metric_name").rows() == [
        ("e1", "M1", "Opened Email"),
        ("x1", "M1", "Opened Email"),
    ]
    named = webhook(event("e1"), topic="event:klaviyo.email_delivered", included=[resource("metric", "M1", name="Own")])
    export = read_export(write(tmp_path / "named.json", named))
    assert export.summary.metrics == {"Own": 1}


def test_a_payload_that_says_nothing_of_klaviyos_is_no_export(tmp_path: Path) -> None:
    raw = read_lines(tmp_path, {"order": 7, "payload": {"customer": "x"}})
    assert raw.foreign == ("some.jsonl",)


@needs_shared
@pytest.mark.parametrize("name", ["create_event", "bulk_create_events"])
def test_examples_made_of_klaviyos_own_specification_are_read(tmp_path: Path, name: str) -> None:
    specification = json.loads((SHARED / "klaviyo_openapi" / f"{name}.json").read_text())
    schemas = specification["components"]["schemas"]
    path = next(iter(specification["paths"].values()))
    body = path["post"]["requestBody"]["content"]["application/vnd.api+json"]["schema"]
    raw = read(write(tmp_path / "body.json", example(body, schemas)))
    row = raw.events.row(0, named=True)
    assert (row["metric_name"], row["occurred_at"], row["currency"]) == (
        "Viewed Product",
        "2022-11-08T00:00:00+00:00",
        "USD",
    )
    assert raw.rejects.is_empty()
    assert raw.profiles["phone_number"].to_list() == ["+15005550006"]


def example(schema: Record, schemas: Record) -> object:
    """Make the example that a schema describes."""
    if "$ref" in schema and "example" not in schema:
        return example(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "example" in schema:
        return schema["example"]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "array":
        return [example(schema["items"], schemas)]
    if "properties" in schema:
        return {name: example(each, schemas) for name, each in schema["properties"].items() if name != "id"}
    return None


# --- the first API


def test_a_list_of_the_first_api_has_its_name(tmp_path: Path) -> None:
    old = {"object": "list", "id": "L1", "name": "Newsletter", "list_type": "list"}
    assert read_lines(tmp_path, old).groups.rows() == [("L1", "Newsletter")]


def test_the_first_lines_tell_a_format_even_where_some_are_cut() -> None:
    assert is_read_by(singer, '{"type": "RECO', to_singer(event()))
    assert not is_read_by(singer, event())
    assert not is_read_by(airbyte_jsonl, event())
    assert is_read_by(events_api, event())


def test_heads_are_read_as_far_as_they_go() -> None:
    lines = [json.dumps(event()).encode(), b"[1]", b"{"]
    assert [line.type for line in json_values.read_heads(b"\n".join(lines))] == ["event"]
