"""Tables of any kind: CSV and Parquet row by row, and what Fivetran, Airbyte and Klaviyo's CSV files say."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import hypothesis.strategies as st
import polars as pl
import pytest
from builders import by_chance
from hypothesis import given
from polars.testing import assert_frame_equal
from sample_formats_tables import read_resources, write_airbyte, write_event_csvs, write_fivetran

from klavnb.errors import ExportError, SettingsError
from klavnb.formats import airbyte_tables, campaign_csv, csv_rows, event_csv, events_api, fivetran, profile_csv
from klavnb.formats.contract import RawEvent, RawExport, RawProfile, build
from klavnb.formats.json_cells import write_objects
from klavnb.formats.made_ids import make_event_ids
from klavnb.formats.metric_files import find_file_metric
from klavnb.formats.parquet_rows import read_slices, split_parquet
from klavnb.formats.profile_merging import make_profile_ids, merge_made_ids
from klavnb.formats.source import Source, split_rows
from klavnb.schemas import CampaignTotal
from klavnb.settings import COLUMNS, Settings
from klavnb.store import read_export

ROOT = Path(__file__).parent.parent
TINY = ROOT / "data" / "tiny"
FORMATS = (airbyte_tables, fivetran, campaign_csv, event_csv, profile_csv)
"""In the order in which they are asked whether a file is theirs."""


def source(path: Path) -> Source:
    return Source(path, path.name)


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def read(module: ModuleType, path: Path, *, settings: Settings | None = None) -> RawExport:
    parts: Iterator[RawExport] = module.read(module.split(source(path)), settings=settings or Settings())
    return RawExport.join(list(parts))


def read_folder(folder: Path) -> RawExport:
    """What the files of a folder hold, each in the first format that says it is its own."""
    parts = []
    for path in sorted(folder.iterdir()):
        head = source(path).read_head()
        module = next((module for module in FORMATS if module.recognises(source(path), head)), events_api)
        parts.append(read(module, path))
    return RawExport.join(parts)


def parse(path: Path, *, size: int = 1 << 20) -> tuple[list[Any], list[Any], int]:
    """Rows of a CSV with the lines in which they begin, its rejects, and how many lines were passed."""
    rows, rejects, before = [], [], 0
    for piece in split_rows(source(path), size=size):
        passed = 0
        for part in csv_rows.read_parts(piece):
            passed += part.count_lines
            rows += [(line + before, *row) for line, row in zip(part.lines, part.rows.rows(), strict=True)]
            rejects += [(line + before, reason) for line, reason in part.rejects.select("line", "reason").rows()]
        before += passed
    return rows, rejects, before


# --- CSV, row by row

ROWS = ("a,b,c\n", '"a,b",x,y\r\n', '"q\nr","s""t",\n', ",,\n", "\n", "a,b\n", "a,b,c,d\n", 'a,"",c\n', "é,b\0,c\n")
BROKEN = ('a,5" x,c\n', '"b"x,c,d\n', ",", '"', "\n", '""', '"open,b,c\n', 'a,"b"\n')


def expect(body: str) -> tuple[list[Any], list[Any], int]:
    """The same by Python's reader of CSV."""
    reader = csv.reader(io.StringIO(f"x,y,z\n{body}", newline=""))
    next(reader)
    found, line = [], 2
    for row in reader:
        found.append((line, row))
        line = reader.line_num + 1
    rows = [(line, *(cell or None for cell in row)) for line, row in found if len(row) == 3]
    rejects = [
        (line, f"{'fewer' if len(row) < 3 else 'more'} fields than the header")
        for line, row in found
        if row and len(row) != 3
    ]
    return rows, rejects, reader.line_num


@by_chance
@given(body=st.lists(st.sampled_from(ROWS), max_size=12).map("".join), size=st.sampled_from([5, 17, 1 << 20]))
def test_each_row_is_kept_or_rejected_by_the_line_in_which_it_begins(
    tmp_path_factory: pytest.TempPathFactory, body: str, size: int
) -> None:
    path = write(tmp_path_factory.mktemp("csv") / "rows.csv", "x,y,z\n" + body)
    assert parse(path, size=size) == expect(body)


@by_chance
@given(st.lists(st.sampled_from(ROWS + BROKEN), max_size=12).map("".join))
def test_with_quotes_in_wrong_places_rows_are_what_python_reads_or_are_rejected(
    tmp_path_factory: pytest.TempPathFactory, body: str
) -> None:
    path = write(tmp_path_factory.mktemp("csv") / "rows.csv", "x,y,z\n" + body)
    rows, rejects, count = parse(path)
    if any("never closed" in reason for _, reason in rejects):
        numbers = sorted([row[0] for row in rows] + [line for line, _ in rejects])
        assert len(set(numbers)) == len(numbers)
        assert not numbers or numbers[-1] <= count
    else:
        assert (rows, rejects, count) == expect(body)


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_a_file_cut_inside_quotes_loses_one_row_and_says_so(tmp_path: Path, start: bytes) -> None:
    path = write(tmp_path / "rows.csv", start + b'x,y\n1,2\n"3,4\n5,6\n7,8\n')
    assert parse(path) == ([(2, "1", "2"), (4, "5", "6"), (5, "7", "8")], [(3, "a quote that is never closed")], 5)


def test_one_bad_row_among_many_is_found_by_its_line(tmp_path: Path) -> None:
    rows = [f"{number},{'x' * 40}" for number in range(20_000)]
    rows[12_345] = "12345"
    rows[17_000] += ",more"
    path = write(tmp_path / "rows.csv", "\n".join(["a,b", *rows]).encode().replace(b"15000,x", b"15000,\xff"))
    kept, rejects, count = parse(path)
    assert (len(kept), count) == (19_997, 20_001)
    assert rejects == [
        (12_347, "fewer fields than the header"),
        (15_002, "text that is not UTF-8"),
        (17_002, "more fields than the header"),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a,b,a\n1,2,3\n", "a header that names 'a' twice"),
        (b"\xff,b\n1,2\n", "a header that is not UTF-8"),
        (b'"a,b\n1,2\n', "a header with a quote that is never closed"),
        (b"a,b\r1,2\r", "lines that end in a carriage return alone"),
        (b"\na,b\n", "a header without a name"),
    ],
)
def test_a_header_that_cannot_be_read_is_one_reject(tmp_path: Path, content: bytes, reason: str) -> None:
    rejects = read(profile_csv, write(tmp_path / "list.csv", content)).rejects
    assert rejects.select("line", "reason").rows() == [(None, f"broken file: list.csv: {reason}")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"Email;Person ID\na@example.com;1\n", "whose columns are separated by semicolons: save it anew as"),
        (b"Email\tPerson ID\na@example.com\t1\n", "whose columns are separated by tabs: save it anew as"),
        ("Prénom,Nom\na,b\n".encode("latin-1"), "whose text is not UTF-8: save it anew as"),
        (b"first,second\n1,2\n", "found a file that begins with 'first,second'\\."),
        (b"<p style='a:b;c:d;'>\n", "found a file that begins with \"<p style='a:b;c:d;'>\"\\."),
        (b"\x89PNG\r\n\x1a\n", "found a file that begins with '.PNG.r'\\."),
        (("a," + "\u00e9" * 100_000).encode(), "found a file that begins with 'a,\u00e9+'\\."),
    ],
)
def test_a_table_of_another_kind_is_refused_with_what_to_do(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(ExportError, match=said):
        read_export(write(tmp_path / "table.txt", content))


def test_a_broken_file_is_a_reject_and_the_next_is_read(tmp_path: Path) -> None:
    cut = write(tmp_path / "a.csv.gz", gzip.compress(b"id,name,integration_id\nm1,Placed Order,I\n" * 99)[:-20])
    good = write(tmp_path / "b.csv", "id,name,integration_id\nm2,Placed Order,I\n")
    pieces = [piece for path in (cut, good) for piece in fivetran.split(source(path))]
    raw = RawExport.join(list(fivetran.read(pieces, settings=Settings())))
    assert raw.metrics["metric_id"].to_list()[-1] == "m2"
    assert raw.rejects.select("file", "line").rows()[-1] == ("a.csv.gz", None)


# --- columns back into JSON


@by_chance
@given(st.lists(st.tuples(*[st.one_of(st.none(), st.text(), st.text('0123456789.-eE{}[]":,truefalsTF\\ \n'))] * 2)))
def test_a_row_becomes_the_object_that_its_cells_read_as(rows: list[tuple[str | None, str | None]]) -> None:
    frame = pl.DataFrame(rows, schema={"a": pl.String, "b": pl.String}, orient="row")
    written = write_objects(frame, {"a": "x", "b": 'y"'}, always_text=['y"'])
    for (first, second), text in zip(rows, written, strict=True):
        expected = {} if first is None else {"x": guess(first)}
        expected |= {} if second is None else {'y"': second}
        assert (json.loads(text) if text else {}) == expected


def guess(cell: str) -> object:
    """What a cell reads as: a number as JSON spells it, a truth value, a list or object of valid JSON, else text."""
    if cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    try:
        decoded = json.loads(cell, parse_constant=lambda _: "")
    except (ValueError, RecursionError):
        return cell
    is_kept = cell == cell.strip() or cell[0] in "[{"
    return decoded if is_kept and isinstance(decoded, int | float | list | dict) else cell


# --- Parquet


def test_pieces_of_parquet_are_rows_and_no_row_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "event.parquet"
    pl.DataFrame({"id": [f"e{number}" for number in range(10_000)], "person_id": "P1"}).write_parquet(path)
    pieces = split_parquet(source(path), size=5_000)
    assert len(pieces) > 1
    slices = [rows for piece in pieces for rows in read_slices(piece, count=700)]
    assert max(rows.height for rows in slices) == 700
    assert_frame_equal(pl.concat(slices), pl.read_parquet(path))


def test_parquet_is_read_from_a_zip_and_a_gzip_too(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    pl.DataFrame({"id": ["m1"], "name": ["Placed Order"], "integration_id": ["I"]}).write_parquet(buffer)
    packed = write(tmp_path / "metric.parquet.gz", gzip.compress(buffer.getvalue()))
    with zipfile.ZipFile(tmp_path / "metric.zip", "w") as archive:
        archive.writestr("metric.parquet", buffer.getvalue())
    member = Source(tmp_path / "metric.zip", "metric.zip/metric.parquet", member="metric.parquet")
    for each in (source(packed), member):
        (part,) = fivetran.read(fivetran.split(each), settings=Settings())
        assert part.metrics.rows() == [("m1", "Placed Order")]


def test_damaged_parquet_is_one_reject(tmp_path: Path) -> None:
    rejects = read(fivetran, write(tmp_path / "event.parquet", b"PAR1 and no more")).rejects
    assert rejects.select("line", "reason").rows() == [(None, "broken file: event.parquet: a damaged table")]


# --- Fivetran


def test_a_long_table_reads_the_same_in_pieces(tmp_path: Path) -> None:
    header = "id,person_id,datetime,type,property_value,property_items"
    rows = [f'e{number},P1,2026-01-01,Placed Order,{number},"[{{""Size"":""small""}}]"' for number in range(2_000)]
    path = write(tmp_path / "event.csv", "\n".join([header, *rows]))
    whole = read(fivetran, path)
    pieces = split_rows(source(path), size=9_000)
    parts = [list(fivetran.read([piece], settings=Settings())) for piece in pieces]
    assert len(pieces) > 1
    split = RawExport.join([part for each in parts for part in each])
    assert_frame_equal(split.events.drop("line"), whole.events.drop("line"))
    assert (split.count_lines, whole.count_lines) == (2_001, 2_001)
    assert parts[1][0].events["line"][0] == 1


def test_columns_whose_names_differ_in_underscores_only_are_both_kept(tmp_path: Path) -> None:
    text = "id,person_id,type,property_shoe_size,property_shoesize\ne1,P1,Visited,38,39\n"
    (event,) = read(fivetran, write(tmp_path / "event.csv", text)).events.to_dicts()
    assert json.loads(event["properties"]) == {"shoe_size": 38, "shoesize": 39}


def test_a_frame_of_a_database_is_read_as_its_table_is() -> None:
    frame = pl.DataFrame(
        {
            "ID": ["e1", "e2"],
            "PERSON_ID": ["P1", "P1"],
            "TYPE": ["Placed Order", "Placed Order"],
            "DATETIME": [datetime(2026, 1, 1, 12, tzinfo=UTC), None],
            "PROPERTY_VALUE": [12.5, None],
            "PROPERTY_ITEMS": [[{"Size": "small"}], None],
            "_FIVETRAN_DELETED": [False, True],
        }
    )
    raw = fivetran.read_frame("klaviyo.event", "event", frame)
    (event,) = raw.events.to_dicts()
    assert (event["occurred_at"][:19], event["value"]) == ("2026-01-01 12:00:00", "12.5")
    assert json.loads(event["properties"]) == {"$value": 12.5, "Items": [{"Size": "small"}]}
    assert raw.rejects.select("file", "line", "reason").rows() == [("klaviyo.event", 2, "deleted at the source")]
    assert raw.count_lines == 2


# --- events as CSV

HISTORY = (
    "Person//Email,Person//First Name,Person//Plan,Timestamp,$event_id,$value,Quantity,Items\n"
    'Ann@example.com,Ann,gold,2026-03-10 08:55:01,12425,49.00,2,"[""Poster"", ""Canvas""]"\n'
    "bob@example.com,,,2026-03-11 08:55:01,,20,1,\n"
)


def test_history_as_it_is_imported_becomes_events_and_their_people(tmp_path: Path) -> None:
    path = write(tmp_path / "Placed Order.csv", HISTORY)
    raw = read(event_csv, path)
    first, second = raw.events.to_dicts()
    assert (first["metric_name"], first["occurred_at"], first["value"], first["source_event_id"]) == (
        "Placed Order",
        "2026-03-10 08:55:01",
        "49.00",
        "12425",
    )
    assert json.loads(first["properties"]) == {
        "$event_id": "12425",
        "$value": 49.0,
        "Quantity": 2,
        "Items": ["Poster", "Canvas"],
    }
    assert first["profile_id"] == "email:71d4f55f72fa128d"
    assert raw.profiles.select("profile_id", "email", "first_name", "properties").rows() == [
        (first["profile_id"], "Ann@example.com", "Ann", '{"Plan":"gold"}'),
        (second["profile_id"], "bob@example.com", None, None),
    ]


def test_events_without_ids_get_the_same_ones_each_time(tmp_path: Path) -> None:
    first = read(event_csv, write(tmp_path / "Placed Order.csv", HISTORY)).events
    header, ann, bob = HISTORY.splitlines()
    again = read(event_csv, write(tmp_path / "placed_order-2026-03.csv", f"{header}\n{bob}\n{ann}")).events
    assert first["event_id"].str.contains("^made:[0-9a-f]{16}$").all()
    assert again["event_id"].to_list() == first["event_id"].reverse().to_list()
    other = first.with_columns(event_id=pl.lit(None, dtype=pl.String), value=pl.lit("50"))
    assert not set(make_event_ids(other)) & set(first["event_id"])


def test_a_bulk_export_is_read_by_its_headers(tmp_path: Path) -> None:
    text = (
        "event_id,Profile ID,Email Address,event_timestamp,$message,Transmission ID,machine_open,$attribution,"
        "Shoe Size\n"
        "e1,01ANN,ann@example.com,2026-01-01T00:00:00+00:00,M1,123,true,{},38\n"
    )
    path = write(tmp_path / "Opened Email.csv.gz", gzip.compress(text.encode()))
    assert event_csv.recognises(source(path), source(path).read_head())
    (event,) = read(event_csv, path).events.to_dicts()
    said = ("event_id", "profile_id", "metric_name", "message", "transmission_id", "machine_open", "recorded_event_ids")
    assert [event[name] for name in said] == ["e1", "01ANN", "Opened Email", "M1", "123", "true", []]
    assert json.loads(event["properties"])["Transmission ID"] == "123"
    assert json.loads(event["properties"])["Shoe Size"] == 38


BULK: Final = "id,profile_id,profile_email,metric_name,datetime,event_properties,source\n"


def test_a_bulk_export_has_its_properties_in_one_column_of_json(tmp_path: Path) -> None:
    cells = ('"{""$value"": 7.5, ""$event_id"": ""1001"", ""Items"": [1]}"', "{odd", "")
    rows = [f"E{number},P1,,Placed Order,2026-01-01T00:00:00,{cell},web" for number, cell in enumerate(cells)]
    path = write(tmp_path / "x.csv", BULK + "\n".join(rows))
    assert event_csv.recognises(source(path), source(path).read_head())
    events = read(event_csv, path).events
    assert events.select("event_id", "value", "source_event_id").rows() == [
        ("E0", "7.5", "1001"),
        ("E1", None, None),
        ("E2", None, None),
    ]
    assert [json.loads(text) for text in events["properties"]] == [
        {"$value": 7.5, "$event_id": "1001", "Items": [1], "source": "web"},
        {"source": "web", "event_properties": "{odd"},
        {"source": "web"},
    ]


def test_headers_that_sound_like_an_id_or_a_value_and_are_not_taken_for_one_are_named(tmp_path: Path) -> None:
    header = "Profile ID,Timestamp,Row UUID,Grand Total,Item Price,List ID,Quiz"
    write(tmp_path / "Placed Order.csv", f"{header}\nP1,2026-01-01 10:00:00,7,12.5,3,L1,a\n")
    notes = read_export(tmp_path).summary.notes
    assert [note.partition("]")[2] for note in notes if note.startswith("No column of Placed Order.csv")] == [
        ", as event_id: Row UUID.",
        ", as value: Grand Total.",
    ]
    columns = {"event_id": "Row UUID", "value": "Grand Total"}
    export = read_export(tmp_path, settings=Settings(columns=columns))
    assert export.events.select("event_id", "value").collect().rows() == [("7", 12.5)]
    assert not any("No column" in note for note in export.summary.notes)


def test_a_column_called_id_is_not_the_events_where_it_may_be_the_profiles(tmp_path: Path) -> None:
    text = "id,email,datetime,metric_name\n7,ann@example.com,2026-01-01T00:00:00,Quiz\n"
    events = read(event_csv, write(tmp_path / "x.csv", text)).events
    assert events["event_id"][0].startswith("made:")
    orders = write(tmp_path / "orders.csv", "id,email,date,total\n7,ann@example.com,2026-01-01T00:00:00,5\n")
    assert not event_csv.recognises(source(orders), source(orders).read_head())


def test_a_csv_is_recognised_by_the_headers_that_the_settings_name(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "Nr,Who,Wann,Art\n1,P1,2026-01-01 10:00:00,Quiz\n")
    with pytest.raises(ExportError, match=r"as in \[columns\] profile_id = "):
        read_export(path)
    columns = {"event_id": "nr", "profile_id": "who", "occurred_at": "wann", "metric_name": "art"}
    export = read_export(path, settings=Settings(columns=columns))
    assert export.events.select("event_id", "profile_id", "metric").collect().rows() == [("1", "P1", "Quiz")]


def test_headers_that_nobody_could_guess_are_named_in_the_settings(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "Nr,Who,Wann,Betrag,Art\n1,P1,2026-01-01,5,Quiz\n")
    assert not event_csv.recognises(source(path), source(path).read_head())
    refused = read(event_csv, path).rejects
    assert refused["reason"].to_list() == [
        "broken file: x.csv: no column of times: name its header for occurred_at in the settings' columns"
    ]
    columns = {
        "event_id": "nr",
        "profile_id": "who",
        "occurred_at": "wann",
        "value": "betrag",
        "metric_name": "art",
    }
    (event,) = read(event_csv, path, settings=Settings(columns=columns)).events.to_dicts()
    assert [event[name] for name in columns] == ["1", "P1", "2026-01-01", "5", "Quiz"]
    assert json.loads(event["properties"]) == {"$value": 5}


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("Placed Order.csv.gz", "Placed Order"),
        ("placed_order-2026-01-31.csv", "Placed Order"),
        ("klaviyo_events_opened_email (2).csv", "Opened Email"),
        ("Subscribed to List export.csv", "Subscribed to List"),
        ("Submitted Quiz 2026.csv", "Submitted Quiz"),
        ("kassenbon.csv", "Kassenbon"),
        ("events-01J8ZKQ.csv", None),
        ("shop.csv", "Ordered in the Shop"),
    ],
)
def test_a_files_name_says_of_which_metric_it_is(name: str, metric: str | None) -> None:
    settings = Settings(conversion_metric="Kassenbon", file_metrics={"SHOP": "Ordered in the Shop"})
    assert find_file_metric(source(Path(name)), settings=settings) == metric


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.csv", "Email,Date Added,Spent\na@example.com,2026-01-01,3\n"),
        ("diary.csv", "Email,Date,Note\na@example.com,2026-01-01,3\n"),
        ("orders.csv", "order,total\n1,2\n"),
    ],
)
def test_other_tables_are_not_taken_for_events(tmp_path: Path, name: str, text: str) -> None:
    path = write(tmp_path / name, text)
    assert not event_csv.recognises(source(path), source(path).read_head())


def test_the_settings_name_columns_that_events_have() -> None:
    people = {"email", "phone_number", "external_id"}
    assert set(COLUMNS) - people <= set(RawEvent.column_names())
    assert people < set(RawProfile.column_names())


def test_columns_and_files_are_read_from_a_settings_file(tmp_path: Path) -> None:
    text = '[columns]\nevent_id = "Nr."\n\n[file_metrics]\n"shop.2026" = "Placed Order"\n'
    settings = Settings.read_toml(write(tmp_path / "settings.toml", text))
    assert (settings.columns, settings.file_metrics) == ({"event_id": "Nr."}, {"shop.2026": "Placed Order"})


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"when": "Wann"}, "nothing called when"),
        ({"event_id": ""}, "event_id: expected a name"),
        ({"event_id": "Nr", "order_id": "nr"}, "'nr' is named for two things"),
    ],
)
def test_columns_that_could_hold_nothing_are_refused(columns: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Settings(columns=columns)


# --- who is who


def test_made_ids_become_the_one_that_another_file_gives_the_address() -> None:
    people = build(
        RawProfile,
        file="a.csv",
        email=["ann@example.com", None, None, "new@example.com", None],
        phone_number=[None, "+15550100123", None, "+15550100199", "+15550100199"],
        external_id=[None, None, "7", None, None],
    )
    made = people.with_columns(profile_id=make_profile_ids(people))
    known = build(
        RawProfile,
        file="b.json",
        profile_id=["01B", "01A", "01C", "01D"],
        email=[" ANN@example.com", "ann@example.com", None, None],
        phone_number=[None, None, "+15550100123", None],
        external_id=[None, None, None, "7"],
    )
    ann, by_phone, by_number, new, new_by_phone = made["profile_id"]
    assert merge_made_ids(pl.concat([made, known])) == {
        ann: "01A",
        by_phone: "01C",
        by_number: "01D",
        new_by_phone: new,
    }
    assert merge_made_ids(known) == {}


# --- campaigns

TOTALS = (
    "Campaign Name,Tags,Subject,List,Send Time,Send Weekday,Total Recipients,Unique Placed Order,Placed Order Rate,"
    "Revenue,Unique Opens,Open Rate,Total Opens,Unique Clicks,Click Rate,Total Clicks,Unsubscribes,Spam Complaints,"
    "Spam Complaints Rate,Successful Deliveries,Bounces,Bounce Rate,Campaign ID,Campaign Channel\n"
    '"May, sale",promo,Deals,"All, VIP",2026-05-06 11:00:00,Wednesday,"1,401.0",23.0,0.02%,"€1,222.91",586.0,48.43%,'
    "837.0,77.0,0.64%,92.0,4.0,1.0,0.01%,1390.0,11.0,0.24%,01CAMP,Email\n"
    "Old,,Hello,All,2026-04-06 11:00:00,Monday,12,,,0,1,,1,1,,1,,,,12,0,,,Mobile Push\n"
)


def test_klaviyos_own_totals_are_read_and_the_campaigns_that_have_ids(tmp_path: Path) -> None:
    path = write(tmp_path / "campaigns.csv", TOTALS)
    raw = read(campaign_csv, path)
    assert raw.campaigns.rows() == [("01CAMP", "May, sale", "Deals", "email", "2026-05-06 11:00:00")]
    totals = raw.campaign_totals
    counted = totals.select("count_recipients", "count_delivered", "count_opened", "count_opens", "count_clicked")
    assert counted.rows() == [("1401", "1390", "586", "837", "77"), ("12", "12", "1", "1", "1")]
    money = totals.select("conversion_metric", "count_converted", "revenue", "currency")
    assert money.rows() == [("Placed Order", "23", "1222.91", None), ("Placed Order", None, "0", None)]
    assert json.loads(totals["properties"][0])["List"] == "All, VIP"
    typed = totals.with_columns(
        pl.col("sent_at").str.to_datetime(time_zone="UTC"),
        pl.col("channel").replace("mobile_push", "push"),
    )
    assert CampaignTotal.validate(typed.select(CampaignTotal.column_names()), cast=True).height == 2


def test_totals_without_an_id_find_the_one_campaign_of_their_name_and_time() -> None:
    sent = datetime(2026, 5, 6, 11, tzinfo=UTC)
    totals = pl.DataFrame(
        {"campaign_id": ["c0", None, None], "name": ["May", "May", "June"], "sent_at": [sent, sent, sent]}
    )
    known = pl.DataFrame(
        {
            "campaign_id": ["c1", "c2", "c3", "c4"],
            "name": ["May", "May", "June", "June"],
            "sent_at": [sent.replace(hour=9), sent.replace(month=4), sent.replace(hour=8), sent.replace(hour=20)],
        }
    )
    assert campaign_csv.match_campaigns(totals, known)["campaign_id"].to_list() == ["c0", "c1", None]


# --- the sample in each format


@cache
def read_sample() -> pl.DataFrame:
    return read_folder(TINY).events.sort("event_id")


@pytest.mark.parametrize("as_parquet", [False, True])
def test_airbytes_tables_of_the_sample_say_what_its_pages_do(tmp_path: Path, as_parquet: bool) -> None:
    write_airbyte(read_resources(TINY), tmp_path, as_parquet=as_parquet)
    raw, pages = read_folder(tmp_path), read_folder(TINY)
    same = [name for name in RawEvent.column_names() if name not in ("file", "line", "metric_name", "properties")]
    events = raw.events.sort("event_id")
    assert_frame_equal(events.select(same), read_sample().select(same))
    assert decode(events) == decode(read_sample())
    for name in ("metrics", "attributions", "campaigns", "flows", "messages", "actions", "groups"):
        frame: pl.DataFrame = getattr(raw, name).unique()
        assert_frame_equal(frame, getattr(pages, name).unique(), check_row_order=False)
    assert raw.rejects.is_empty()
    headers = 0 if as_parquet else len(list(tmp_path.glob("**/*.csv")))
    rows = sum(len(found) for kind, found in read_resources(TINY).items() if kind != "attribution")
    assert raw.count_lines == rows + headers


TOLD_OTHERWISE = (
    "file",
    "line",
    "metric_id",
    "metric_name",
    "occurred_unix",
    "attribution_ids",
    "recorded_event_ids",
    "flow",
    "properties",
)
"""Columns of raw events that tables fill in their own way."""


@pytest.mark.parametrize("layout", ["fivetran CSV", "fivetran Parquet", "event CSV"])
def test_other_tables_of_the_sample_say_the_same_of_its_events(tmp_path: Path, layout: str) -> None:
    resources = read_resources(TINY)
    if layout == "event CSV":
        write_event_csvs(resources, tmp_path)
    else:
        write_fivetran(resources, tmp_path, as_parquet=layout.endswith("Parquet"))
    raw = read_folder(tmp_path)
    events, pages = raw.events.sort("event_id"), read_sample()
    other = (
        "file",
        "line",
        "metric_id",
        "metric_name",
        "occurred_unix",
        "attribution_ids",
        "recorded_event_ids",
        "flow",
    )
    same = [name for name in RawEvent.column_names() if name not in (*other, "properties")]
    assert_frame_equal(events.select(same), pages.select(same))
    assert events["flow"].to_list() == [flow or None for flow in pages["flow"]]  # a blank cell is none
    names = {metric["id"]: metric["attributes"]["name"] for metric in resources["metric"]}
    assert events["metric_name"].to_list() == [names[key] for key in pages["metric_id"]]
    properties = ("$value", "Items", "machine_open", "$_cohort$message_send_cohort", "Transmission ID", "$event_id")
    for mine, theirs in zip(decode(events), decode(pages), strict=True):
        assert [mine.get(name) for name in properties] == [theirs.get(name) for name in properties]
    assert raw.profiles.height == len(resources["profile"])
    assert set(raw.profiles["email"]) == {profile["attributes"]["email"] for profile in resources["profile"]}
    assert raw.rejects.is_empty()


def decode(events: pl.DataFrame) -> Sequence[dict[str, Any]]:
    return [json.loads(text) for text in events["properties"]]


def test_a_row_of_airbytes_that_is_no_resource_is_rejected_by_its_line(tmp_path: Path) -> None:
    good = '{"type": "metric", "id": "m1",\n "attributes": {"name": "Placed Order"}}'
    rows = [["x", good], ["y", "{"], ["z"], ["v", "[]"], ["w", good.replace("m1", "m2")]]
    text = io.StringIO()
    csv.writer(text).writerows([["_airbyte_raw_id", "_airbyte_data"], *rows])
    raw = read(airbyte_tables, write(tmp_path / "metrics.csv", text.getvalue()))
    assert raw.metrics["metric_id"].to_list() == ["m1", "m2"]
    assert sorted(raw.rejects["line"]) == [4, 5, 6]
    assert raw.count_lines == 8
