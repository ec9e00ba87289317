"""One account in every format that klavnb reads: each loads to the same store, but for what the format cannot carry."""

import csv
import gzip
import json
import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import polars as pl
import pytest
import sample_formats_json as jsons
import sample_formats_tables as tables
import test_postgresql as postgres
import zstandard
from needs import SHARED, needs_shared
from polars.testing import assert_frame_equal

import klavnb as kn
from klavnb.cli import main
from klavnb.errors import ExportError, SettingsError
from klavnb.export import Export
from klavnb.formats import FORMATS, find_files
from klavnb.formats.klaviyo_names import OWN_NAMES

ROOT = Path(__file__).parent.parent
FLOATS = json.JSONDecoder(parse_int=float)
TINY = ROOT / "data" / "tiny"
FIXTURES = ROOT / "tests" / "fixtures"

METRICS = (
    *("Received Email", "Opened Email", "Clicked Email", "Received SMS", "Received Text Message", "Clicked SMS"),
    *("Received Push", "Opened Push", "Viewed Product", "Placed Order"),
)
"""Of the tiny sample's, one of each kind and of each channel: in Klaviyo's CSV each is a file."""

EVENTS = 1085
"""Events of them, each once."""

COMPARED = ("events", "profiles", "messages", "groups")
JSON_COLUMNS = ("properties", "location", "predictions", "consent")

Frames = dict[str, pl.DataFrame]
Json = dict[str, Any]


# ------------------------------------------------------------------------- what a format cannot carry


class Lack(NamedTuple):
    """What a store has instead of the pages' column: an expression over these, or a change of its JSON."""

    column: str
    instead: pl.Expr | Callable[[Json], Json]
    why: str


def without(*names: str) -> Callable[[Json], Json]:
    return lambda members: {name: value for name, value in members.items() if name not in names}


def shorten_consent(consent: Json) -> Json:
    """Consent as the columns of a profile CSV say it: a state for e-mail and texts, and that someone is suppressed."""
    states = {channel: consent[channel]["marketing"] for channel in ("email", "sms")}
    return {
        channel: {
            "marketing": {
                "consent": state["consent"],
                "suppression": [{"reason": "SUPPRESSED"}] if state.get("suppression") else [],
            }
        }
        for channel, state in states.items()
    }


NOTHING = pl.lit(None)
IS_CAMPAIGN = pl.col("message_type") == "campaign"
IS_EMAIL = pl.col("channel") == "email"
NO_MEMBERS = Lack("groups.profile_id", NOTHING, "no table that klavnb reads says who is in a list")
OWN_CAMPAIGNS = [
    Lack(f"{frame}.campaign_id", pl.when(IS_CAMPAIGN).then("message_id"), "a campaign goes by its message's id")
    for frame in ("events", "messages")
]

FIVETRAN = (
    *OWN_CAMPAIGNS,
    Lack("messages.name", pl.when(IS_CAMPAIGN | IS_EMAIL).then("name"), "no table of a flow's messages; mails say it"),
    NO_MEMBERS,
)
EVENT_CSV = (
    *OWN_CAMPAIGNS,
    Lack("messages.name", pl.when(IS_EMAIL).then("name"), "no table of messages; events of mails say it"),
    Lack("messages.campaign_name", pl.when(IS_EMAIL).then("campaign_name"), "no table of campaigns, as before"),
    Lack("messages.flow_name", NOTHING, "no table of flows"),
    Lack("messages.sent_at", pl.when(IS_CAMPAIGN).then("first_sent_at"), "the first sending that events know of"),
    Lack("profiles.updated_at", NOTHING, "a profile CSV does not say when a profile changed"),
    Lack("profiles.location", without("timezone"), "a profile CSV has no zone of a place"),
    Lack("profiles.predictions", without("churn_probability", "expected_date_of_next_order"), "no column of these"),
    Lack("profiles.consent", shorten_consent, "columns of states"),
    NO_MEMBERS,
)
"""Column → what takes its place, and why; everything else must be equal to the store of the pages."""

VERBATIM, PARSED, CELLS = "verbatim", "parsed", "cells"
"""How JSON is compared: to the letter; as parsed; or as cells of a table can hold its members.

Cells know no null and no empty text, and a text in them may read as a number; `property_shoe_size` was any of
`Shoe Size` and `$shoe-size`, where Klaviyo does not own the name; what Klaviyo credited is always among them.
"""

RESPELLED = {"ItemCount": "Item Count"}
"""Names that squeezed columns give back as Klaviyo's connectors for other shops spell them."""

CONSENT_COLUMNS = ("Email Marketing Consent", "SMS Marketing Consent", "Email Suppressions")
"""Columns of a profile CSV that are read, and stay properties as well: their spelling may be one that is not known."""


class Layout(NamedTuple):
    """A format as it lies in a folder: who writes it, the name of its format by file, and what it cannot carry."""

    write: Callable[[Path, Path], object]
    format: str
    json: str = VERBATIM
    lacks: Sequence[Lack] = ()
    others: Mapping[str, str] = {}

    def find_format(self, name: str) -> str:
        return next((other for start, other in self.others.items() if name.startswith(start)), self.format)


def write_account(folder: Path) -> Path:
    """Write the pages of the tiny sample with the events of some metrics only, and with records of every kind."""
    resources = tables.read_resources(TINY)
    kept = {metric["id"] for metric in resources["metric"] if metric["attributes"]["name"] in METRICS}
    for path in TINY.glob("*.json.gz"):
        page = json.loads(gzip.decompress(path.read_bytes()))
        if path.name.startswith("events"):
            page["data"] = [each for each in page["data"] if each["relationships"]["metric"]["data"]["id"] in kept]
        (folder / path.name).write_bytes(gzip.compress(json.dumps(page).encode(), compresslevel=1))
    assert {each.type for each in jsons.list_resources(folder)} == jsons.STREAMS.keys() - {"segment"}
    return folder


def write_pages(account: Path, folder: Path) -> None:
    for path in account.glob("*.json.gz"):
        (folder / path.stem).write_bytes(gzip.decompress(path.read_bytes()))


def write_pretty_pages(account: Path, folder: Path) -> None:
    for path in account.glob("*.json.gz"):
        (folder / path.stem).write_bytes(msgspec.json.format(gzip.decompress(path.read_bytes()), indent=2))


def write_fivetran(account: Path, folder: Path, *, as_parquet: bool = False) -> None:
    tables.write_fivetran(tables.read_resources(account), folder, as_parquet=as_parquet)


def write_fivetran_without_underscores(account: Path, folder: Path) -> None:
    write_fivetran(account, folder)
    header, rows = (folder / "event.csv").read_text(encoding="utf-8").split("\n", 1)
    spelled = re.sub(r"property_\w+", lambda found: found[0].replace("_", ""), header)
    assert spelled.count("propertyitems") == 1
    (folder / "event.csv").write_text(f"{spelled}\n{rows}", encoding="utf-8")


def write_airbyte_tables(account: Path, folder: Path, *, as_parquet: bool = False) -> None:
    tables.write_airbyte(tables.read_resources(account), folder, as_parquet=as_parquet)


def write_klaviyo_csvs(account: Path, folder: Path) -> None:
    """Write the bulk export of events, one metric a file, and a profile CSV with all that klavnb knows of it."""
    resources = tables.read_resources(account)
    tables.write_event_csvs(resources, folder)
    with (folder / "profiles.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    attributes = {profile["id"]: profile["attributes"] for profile in resources["profile"]}
    known = {row["Klaviyo ID"]: attributes[row["Klaviyo ID"]] for row in rows}
    for row in rows:
        said = known[row["Klaviyo ID"]]
        email, sms = (said["subscriptions"][channel]["marketing"] for channel in ("email", "sms"))
        row |= {"External ID": said["external_id"] or ""}
        row |= dict(zip(CONSENT_COLUMNS, (email["consent"], sms["consent"], email["suppression"]), strict=True))
        row["Email Suppressions"] = json.dumps([each["reason"] for each in email["suppression"]])
        row |= {header: said["predictive_analytics"][name] for header, name in PREDICTIONS.items()}
    write_rows(folder / "profiles.csv", rows)


PREDICTIONS = {
    "Historic Customer Lifetime Value": "historic_clv",
    "Predicted Customer Lifetime Value": "predicted_clv",
    "Total Customer Lifetime Value": "total_clv",
    "Historic Number Of Orders": "historic_number_of_orders",
    "Predicted Number Of Orders": "predicted_number_of_orders",
    "Average Order Value": "average_order_value",
    "Average Days Between Orders": "average_days_between_orders",
}


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    header = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


MEMBERS = {"list-": "events_api"}
LAYOUTS: Mapping[str, Layout] = {
    "API pages": Layout(write_pages, "events_api"),
    "pretty-printed": Layout(write_pretty_pages, "events_api", PARSED),
    "JSONL": Layout(jsons.write_jsonl, "events_api"),
    "one array": Layout(jsons.write_array, "events_api"),
    "Airbyte records": Layout(jsons.write_airbyte, "airbyte_jsonl", others=MEMBERS),
    "Airbyte messages": Layout(jsons.write_airbyte_messages, "airbyte_jsonl", others=MEMBERS),
    "Airbyte files": Layout(jsons.write_airbyte_files, "airbyte_jsonl", others=MEMBERS),
    "Airbyte CSV": Layout(write_airbyte_tables, "airbyte_tables", PARSED, [NO_MEMBERS]),
    "Airbyte Parquet": Layout(partial(write_airbyte_tables, as_parquet=True), "airbyte_tables", PARSED, [NO_MEMBERS]),
    "Singer": Layout(jsons.write_singer, "singer", others=MEMBERS),
    "Fivetran CSV": Layout(write_fivetran, "fivetran", CELLS, FIVETRAN),
    "Fivetran CSV, squeezed": Layout(write_fivetran_without_underscores, "fivetran", CELLS, FIVETRAN),
    "Fivetran Parquet": Layout(partial(write_fivetran, as_parquet=True), "fivetran", CELLS, FIVETRAN),
    "Klaviyo's CSV": Layout(write_klaviyo_csvs, "event_csv", CELLS, EVENT_CSV, {"profiles": "profile_csv"}),
}


# -------------------------------------------------------------------------------------- comparison


def collect(export: Export) -> Frames:
    return {name: getattr(export, name).collect() for name in COMPARED}


def load(paths: Path | str | Sequence[Path], folder: Path, **options: Any) -> Export:  # noqa: ANN401 - load's own
    """Load into a store, and see that every row is accounted for."""
    export = kn.load_store(paths, folder, options=kn.LoadOptions(**options))
    account(export)
    return export


def account(export: Export) -> None:
    summary = export.summary
    rejects = export.rejects.collect()
    assert summary.rows_in == summary.rows_kept + rejects.height
    assert summary.rows_kept == export.events.select(pl.len()).collect().item()
    assert summary.rejected == Counter(rejects["reason"])


def assert_same(found: Frames, pages: Frames, *, json: str = VERBATIM, lacks: Iterable[Lack] = ()) -> None:
    """Compare stores frame by frame: all columns, all rows, their order and types."""
    expected = expect(pages, lacks)
    for name in COMPARED:
        assert_frame_equal(tidy(found[name], json), tidy(expected[name], json), check_exact=True)


def expect(pages: Frames, lacks: Iterable[Lack]) -> Frames:
    expected = dict(pages)
    sendings = pages["events"].group_by("message_id").agg(first_sent_at=pl.col("sent_at").min())
    expected["messages"] = pages["messages"].join(sendings, on="message_id", how="left", maintain_order="left")
    for lack in lacks:
        name, column = lack.column.split(".")
        frame = expected[name]
        if isinstance(lack.instead, pl.Expr):
            frame = frame.with_columns(lack.instead.cast(frame.schema[column]).alias(column))
        else:
            frame = frame.with_columns(change(frame[column], lack.instead))
        expected[name] = frame.clear() if lack is NO_MEMBERS else frame
    return {name: frame.select(pages[name].columns) for name, frame in expected.items()}


def tidy(frame: pl.DataFrame, way: str) -> pl.DataFrame:
    rules = {PARSED: as_they_are, CELLS: as_cells}
    if way == VERBATIM:
        return frame
    return frame.with_columns(change(frame[name], rules[way]) for name in JSON_COLUMNS if name in frame.columns)


def change(texts: pl.Series, rule: Callable[[Json], Json]) -> pl.Series:
    return pl.Series(texts.name, [None if text is None else rewrite(text, rule) for text in texts], dtype=pl.String)


@cache
def rewrite(text: str, rule: Callable[[Json], Json]) -> str | None:
    """Each text once: what was found and what was expected are mostly alike, from test to test too."""
    members = rule(FLOATS.decode(text))
    return json.dumps(members, sort_keys=True) if members else None


def as_they_are(members: Json) -> Json:
    return members


def as_cells(members: Json) -> Json:
    kept = {
        RESPELLED.get(name, name if name in OWN_NAMES else re.sub("[^a-z0-9]", "", name.lower())): as_cell(value)
        for name, value in members.items()
        if name not in ("$attribution", *CONSENT_COLUMNS)
    }
    return {name: value for name, value in kept.items() if value not in (None, "")}


def as_cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return FLOATS.decode(value)
    except ValueError:
        return value


@dataclass(frozen=True)
class Sample:
    """An account: its store as the API's pages give it, and the folder of each layout, loaded when asked for."""

    account: Path
    pages: Export
    frames: Frames
    folders: Mapping[str, Path]
    place: Path

    def load(self, name: str) -> Export:
        """Load a layout by itself, once."""
        store = self.place / name
        return kn.read_export(store) if store.exists() else load(self.folders[name], store)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    place, account = tmp_path_factory.mktemp("sample"), write_account(tmp_path_factory.mktemp("account"))
    pages = load(account, place / "pages")
    frames = collect(pages)
    heights = {name: frame.height for name, frame in frames.items()}
    assert heights == {"events": EVENTS, "profiles": 150, "messages": 39, "groups": 117}
    assert (pages.summary.rejected, len(pages.summary.metrics)) == ({}, len(METRICS) - 1)  # two are names of one
    folders = {name: tmp_path_factory.mktemp("layout") for name in LAYOUTS}
    for name, folder in folders.items():
        LAYOUTS[name].write(account, folder)
    return Sample(account, pages, frames, folders, place)


# ---------------------------------------------------------------------------------- each by itself


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_sample_in_this_format_loads_to_the_same_store(name: str, sample: Sample) -> None:
    layout, export = LAYOUTS[name], sample.load(name)
    assert_same(collect(export), sample.frames, json=layout.json, lacks=layout.lacks)
    assert export.summary.rows_in == EVENTS
    assert sorted(export.summary.sources) == sorted(path.name for path in sample.folders[name].iterdir())
    if layout.json == VERBATIM:
        assert export.summary.fingerprint == sample.pages.summary.fingerprint


def pack(source: Path, folder: Path, ending: str) -> Path:
    """Pack each file of a folder, those in a packing already first unpacked; a zip holds all of them."""
    files = {path.name: path.read_bytes() for path in source.iterdir()}
    plain = {
        name.removesuffix(".gz"): gzip.decompress(held) if name.endswith(".gz") else held
        for name, held in files.items()
    }
    folder.mkdir()
    if ending == ".zip":
        with zipfile.ZipFile(folder / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in plain.items():
                archive.writestr(f"2026/{name}", content)
        return folder
    press = gzip.compress if ending == ".gz" else zstandard.compress
    for name, content in plain.items():
        (folder / f"{name}{ending}").write_bytes(press(content))
    return folder


PACKED = [
    *product(("API pages", "pretty-printed", "JSONL", "one array", "Airbyte Parquet"), (".gz", ".zst", ".zip")),
    *product(("Singer", "Fivetran CSV", "Klaviyo's CSV"), (".zst", ".zip")),
]


@pytest.mark.parametrize(("name", "ending"), PACKED)
def test_a_packed_format_loads_to_the_same_store(name: str, ending: str, sample: Sample, tmp_path: Path) -> None:
    layout = LAYOUTS[name]
    export = load(pack(sample.folders[name], tmp_path / "packed", ending), tmp_path / "store")
    assert_same(collect(export), sample.frames, json=layout.json, lacks=layout.lacks)
    assert export.summary.rows_in == EVENTS


server = postgres.server


@pytest.fixture(scope="module")
def address(server: postgres.Server, sample: Sample) -> str:
    """The tables of the sample in a real database."""
    folder = sample.folders["Fivetran CSV"]
    made = "".join(postgres.write_table(folder / f"{name}.csv", "sample") for name in postgres.TABLES)
    server.run(f"CREATE SCHEMA sample;{made}")
    return server.url


def test_fivetrans_tables_in_a_database_load_to_the_same_store(address: str, sample: Sample, tmp_path: Path) -> None:
    export = load(address, tmp_path / "store", schema="sample")
    assert_same(collect(export), sample.frames, json=CELLS, lacks=FIVETRAN)
    assert export.summary.rows_in == EVENTS
    assert postgres.SECRET not in str(export.summary)


# ------------------------------------------------------------------------- history as it is imported


def write_history(account: Path, folder: Path) -> None:
    """Write the CSV with which a shop imports its history: people by address, events without ids of Klaviyo's."""
    resources = tables.read_resources(account)
    tables.write_event_csvs(resources, folder)
    (folder / "profiles.csv").unlink()
    emails = {profile["id"]: profile["attributes"]["email"] for profile in resources["profile"]}
    for path in folder.glob("*.csv.gz"):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            rows = [{"Person//Email": emails[row.pop("Profile ID")].title(), **row} for row in csv.DictReader(file)]
        path.unlink()
        for row in rows:
            del row["Event ID"]
        write_rows(path.with_suffix(""), rows)


def test_a_history_as_it_is_imported_loads_to_the_same_events_under_ids_of_our_own(
    sample: Sample, tmp_path: Path
) -> None:
    folder = tmp_path / "history"
    folder.mkdir()
    write_history(sample.account, folder)
    for path in sample.account.glob("*.json.gz"):
        if not path.name.startswith("events"):
            shutil.copy(path, folder)
    export = load(folder, tmp_path / "store")
    found = collect(export)
    ids = found["events"]["event_id"]
    assert ids.str.contains("^made:[0-9a-f]{16}$").all()
    assert ids.n_unique() == EVENTS
    assert {name: frame.height for name, frame in found.items()} == {
        name: frame.height for name, frame in sample.frames.items()
    }
    assert_same(set_ids_apart(found), set_ids_apart(sample.frames), json=CELLS)


def set_ids_apart(frames: Frames) -> Frames:
    """The events under one id, in the order of what they say."""
    events = tidy(frames["events"], CELLS).with_columns(event_id=pl.lit("any"))
    return {**frames, "events": events.sort("occurred_at", "profile_id", "metric", "properties")}


# ------------------------------------------------------------------------------ several at once


def copy(source: Path, folder: Path, pattern: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    found = list(source.glob(pattern))
    assert found
    for path in found:
        shutil.copy(path, folder)


def test_a_folder_may_take_each_kind_of_record_from_another_format(sample: Sample, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    copy(sample.folders["Klaviyo's CSV"], mixed / "events of 2026", "*.csv.gz")
    copy(sample.folders["Airbyte Parquet"], mixed, "profiles.parquet")
    copy(sample.folders["Airbyte CSV"], mixed / "campaigns", "campaign_messages.csv")
    copy(sample.folders["Fivetran CSV"], mixed / "campaigns", "campaign.csv")  # by the ids of their messages
    copy(sample.folders["Fivetran CSV"], mixed / "campaigns", "metric.csv")
    copy(sample.account, mixed, "flows.json.gz")
    copy(sample.account, mixed, "list*.json.gz")
    export = load(mixed, tmp_path / "store")
    assert_same(collect(export), sample.frames, json=CELLS)
    assert export.summary.rows_in == EVENTS


PAIRS = [
    ("API pages", "Fivetran CSV", ()),
    ("Fivetran Parquet", "Airbyte Parquet", [NO_MEMBERS]),
    ("Klaviyo's CSV", "Singer", ()),
    ("Singer", "Klaviyo's CSV", ()),
]
"""What one of the two says of campaigns, flows, messages and lists completes what the other says."""


@pytest.mark.parametrize(("former", "later", "lacks"), PAIRS)
def test_of_one_period_in_two_formats_every_event_is_kept_once_as_the_later_file_says_it(
    former: str,
    later: str,
    lacks: Sequence[Lack],
    sample: Sample,
    tmp_path: Path,
) -> None:
    both = tmp_path / "both"
    copy(sample.folders[former], both / "1", "*")
    copy(sample.folders[later], both / "2", "*")
    export = load(both, tmp_path / "store")
    found = collect(export)
    assert (export.summary.rows_in, export.summary.rejected) == (2 * EVENTS, {"repeated event id": EVENTS})
    assert export.rejects.select(pl.col("file").str.starts_with("1/").all()).collect().item()
    assert found["events"]["properties"].equals(collect(sample.load(later))["events"]["properties"], null_equal=True)
    assert_same(found, sample.frames, json=CELLS, lacks=lacks)


def test_where_two_formats_say_the_same_the_first_file_is_kept(sample: Sample, tmp_path: Path) -> None:
    export = load([sample.folders["JSONL"], sample.folders["Singer"]], tmp_path / "store")
    assert_same(collect(export), sample.frames)
    assert set(export.rejects.collect()["file"]) == {"singer.jsonl"}
    assert not any("other content" in note for note in export.summary.notes)


SINCE, UNTIL = "2026-06-20", "2026-07-20"
"""The days that both exports of an overlapping period hold."""


@pytest.fixture(scope="module")
def periods(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, int]:
    """Two exports: all up to a day as lines of the API, with profiles as they were then; and all since an earlier one
    as Singer's messages. And how many events are in both."""
    first, second = (tmp_path_factory.mktemp(name) for name in ("first", "second"))
    resources = list(jsons.list_resources(sample.account))
    days = {each.raw: json.loads(each.raw)["attributes"]["datetime"][:10] for each in resources if each.type == "event"}
    former = [each.raw for each in resources if days.get(each.raw, "") < UNTIL and each.type != "profile"]
    people = [json.loads(each.raw) for each in resources if each.type == "profile"]
    for person in people:
        person["attributes"] |= {"first_name": "Before", "properties": {}, "updated": "2020-01-01T00:00:00+00:00"}
    (first / "lines.jsonl").write_bytes(b"\n".join([*former, *(msgspec.json.encode(person) for person in people)]))
    later = [each for each in resources if days.get(each.raw, SINCE) >= SINCE]
    records = [
        b'{"type":"RECORD","stream":"%s","record":%s}' % (jsons.STREAMS[each.type].encode(), each.raw) for each in later
    ]
    (second / "singer.jsonl").write_bytes(b"\n".join(records))
    shutil.copy(sample.account / "list-newsletter.json.gz", second)
    in_both = sum(SINCE <= day < UNTIL for day in days.values())
    assert 100 < in_both < EVENTS - 200
    return first, second, in_both


def test_overlapping_periods_in_two_formats_are_the_whole_period(
    periods: tuple[Path, Path, int], sample: Sample, tmp_path: Path
) -> None:
    first, second, in_both = periods
    export = load([first, second], tmp_path / "store")
    assert_same(collect(export), sample.frames)
    assert (export.summary.rows_in, export.summary.rejected) == (EVENTS + in_both, {"repeated event id": in_both})


def test_a_later_period_in_another_format_is_added_to_a_store(
    periods: tuple[Path, Path, int], sample: Sample, tmp_path: Path
) -> None:
    first, second, in_both = periods
    before = load(first, tmp_path / "store")
    assert before.profiles.collect()["first_name"].unique().to_list() == ["Before"]
    export = kn.load_store(second, tmp_path / "store", append=True)
    account(export)
    assert_same(collect(export), sample.frames)
    assert export.summary.rejected == {"repeated event id": in_both}


# ------------------------------------------------------------------------- Klaviyo's own totals


CHANNELS = {"email": "Email", "sms": "SMS", "push": "Mobile Push"}


def list_totals(base: Frames) -> Sequence[Mapping[str, object]]:
    """The rows of the campaign CSV, counted in the events; its times are those of an account two hours ahead of UTC."""
    role = pl.col("metric").str.extract("^(Received|Opened|Clicked)")
    of_campaigns = base["events"].filter(IS_CAMPAIGN).group_by("campaign_id")
    counted = of_campaigns.agg(
        delivered=(role == "Received").sum(),
        opened=pl.col("profile_id").filter(role == "Opened").n_unique(),
        opens=(role == "Opened").sum(),
        clicked=pl.col("profile_id").filter(role == "Clicked").n_unique(),
        clicks=(role == "Clicked").sum(),
    )
    campaigns = base["messages"].filter(IS_CAMPAIGN).join(counted, on="campaign_id")
    return [
        {
            "Campaign Name": row["campaign_name"],
            "Tags": "",
            "Subject": row["subject"] or "",
            "List": "Newsletter",
            "Send Time": f"{row['sent_at'] + timedelta(hours=2):%Y-%m-%d %H:%M:%S}",
            "Total Recipients": f"{row['delivered']:,}",
            "Successful Deliveries": row["delivered"],
            "Unique Opens": row["opened"],
            "Total Opens": row["opens"],
            "Unique Clicks": row["clicked"],
            "Total Clicks": row["clicks"],
            "Campaign ID": row["campaign_id"],
            "Campaign Channel": CHANNELS[row["channel"]],
        }
        for row in campaigns.to_dicts()
    ]


@pytest.mark.parametrize("left_out", [(), ("Campaign ID",), ("Campaign ID", "Campaign Channel", "Tags", "List")])
def test_klaviyos_own_totals_lie_beside_the_campaigns_they_are_of_and_change_nothing_else(
    left_out: Sequence[str], sample: Sample, tmp_path: Path
) -> None:
    rows = list_totals(sample.frames)
    assert len(rows) == 26
    shown = [{name: value for name, value in row.items() if name not in left_out} for row in rows]
    path = write_rows(tmp_path / "campaigns.csv", shown)
    export = load([sample.account, path], tmp_path / "store")
    assert_same(collect(export), sample.frames)
    names = {"Campaign ID": "campaign_id", "Campaign Name": "name", "Successful Deliveries": "count_delivered"}
    names |= {"Unique Opens": "count_opened", "Total Opens": "count_opens"}
    names |= {"Unique Clicks": "count_clicked", "Total Clicks": "count_clicks"}
    found = export.totals.collect()
    assert_frame_equal(
        found.select(names.values()),
        pl.DataFrame([{column: row[name] for name, column in names.items()} for row in rows]),
        check_dtypes=False,
    )
    assert found["count_recipients"].to_list() == found["count_delivered"].to_list()
    assert found["channel"].null_count() == (26 if "Campaign Channel" in left_out else 0)


def test_klaviyos_csv_files_know_a_campaign_by_two_ids_and_its_totals_find_its_events(
    sample: Sample, tmp_path: Path
) -> None:
    """Events name the message, totals the campaign; names are on events of mails only."""
    rows = list_totals(sample.frames)
    path = write_rows(tmp_path / "campaigns.csv", rows)
    export = load([sample.folders["Klaviyo's CSV"], path], tmp_path / "store")
    found = collect(export)
    is_met = pl.col("message_id").is_in(sample.frames["messages"]["message_id"].to_list())
    of_others = found["messages"].filter(~is_met)["campaign_id"].sort().to_list()
    assert of_others == sorted(row["Campaign ID"] for row in rows if row["Campaign Channel"] != "Email")
    met = {**found, "messages": found["messages"].filter(is_met)}
    assert_same(met, sample.frames, json=CELLS, lacks=EVENT_CSV)
    received = (
        found["events"].filter(metric="Received Email").group_by("campaign_id").agg(count=pl.len().cast(pl.Int64))
    )
    mails = export.totals.collect().filter(IS_EMAIL).join(received, on="campaign_id")
    assert mails.height == 13
    assert mails["count_delivered"].equals(mails["count"])


# --------------------------------------------------------------------------------- recognition


def recognise(folder: Path) -> dict[str, str]:
    found = find_files([folder])
    assert found.skipped == ()
    return {source.name: name for source, name in found.files}


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_file_is_recognised_as_what_it_is(name: str, sample: Sample) -> None:
    expected = {path.name: LAYOUTS[name].find_format(path.name) for path in sample.folders[name].iterdir()}
    assert recognise(sample.folders[name]) == expected


MISLEADING = ("person.csv", "events.parquet", "Placed Order.csv.gz", "campaigns.json", "profiles", "singer.jsonl.zst")


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_file_is_recognised_by_what_it_holds_whatever_its_name_says(
    name: str, sample: Sample, tmp_path: Path
) -> None:
    expected = {}
    for number, path in enumerate(sorted(sample.folders[name].iterdir())):
        for other in MISLEADING:
            place = tmp_path / f"{number}"
            place.mkdir(exist_ok=True)
            shutil.copy(path, place / other)
            expected[f"{number}/{other}"] = LAYOUTS[name].find_format(path.name)
    assert recognise(tmp_path) == expected


def test_the_campaigns_of_klaviyos_pages_and_imported_history_are_recognised_too(
    sample: Sample, tmp_path: Path
) -> None:
    write_rows(tmp_path / "person.csv", list_totals(sample.frames))
    history = tmp_path / "history"
    history.mkdir()
    write_history(sample.account, history)
    (history / "Placed Order.csv").rename(history / "profiles.csv")
    found = recognise(tmp_path)
    assert found.pop("person.csv") == "campaign_csv"
    assert set(found.values()) == {"event_csv"}
    assert "history/profiles.csv" in found


@pytest.mark.parametrize("name", ["JSONL", "Airbyte messages", "Airbyte Parquet", "Singer", "Fivetran CSV"])
def test_a_format_that_is_named_reads_what_it_would_have_been_recognised_as(
    name: str, sample: Sample, tmp_path: Path
) -> None:
    export = load(sample.folders[name], tmp_path / "store", format=LAYOUTS[name].format)
    assert export.summary.fingerprint == sample.load(name).summary.fingerprint


BASKETS = [
    {"Email": "ann@example.com", "Timestamp": "2026-05-05 12:00:00", "Size": "small"},
    {"Email": "bob@example.com", "Timestamp": "2026-05-06 12:00:00", "Size": "large"},
]


def test_a_file_that_nothing_proves_is_read_as_the_format_that_is_named(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "Filled Basket.csv", BASKETS)
    assert recognise(path) == {"Filled Basket.csv": "profile_csv"}
    with pytest.raises(ExportError, match="without events nothing can be attributed"):
        load(path, tmp_path / "store")
    assert (
        main(["load", str(path), "--out", str(tmp_path / "store"), "--format", "event_csv", "--workers", "1"]) is None
    )
    export = kn.read_export(tmp_path / "store")
    events = export.events.select("metric", "properties").collect().rows()
    assert events == [("Filled Basket", '{"Size":"small"}'), ("Filled Basket", '{"Size":"large"}')]
    assert export.profiles.collect()["email"].sort().to_list() == ["ann@example.com", "bob@example.com"]


@pytest.mark.parametrize("chosen", FORMATS)
@pytest.mark.parametrize("name", ["Singer", "Klaviyo's CSV", "Airbyte Parquet"])
def test_a_format_that_is_named_wrongly_ends_in_an_error_of_ours_or_accounts_for_every_row(
    name: str, chosen: str, sample: Sample, tmp_path: Path
) -> None:
    try:
        export = load(sample.folders[name], tmp_path / "store", format=chosen, max_rejects=None)
    except ExportError:
        assert not (tmp_path / "store" / "manifest.json").exists()
    else:
        assert export.summary.rows_in > 0


def test_a_format_that_there_is_not_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expected one of airbyte_jsonl"):
        load(TINY, tmp_path / "store", format="excel")


# ------------------------------------------------------------------------------------- fixtures


class Counts(NamedTuple):
    rows_in: int
    kept: int
    rejected: Mapping[str, int]
    profiles: int
    messages: int


AGAIN = {"repeated event id": 4}
LOADED = {
    "dbt_klaviyo": Counts(8, 4, AGAIN, 2, 3),
    "dbt_klaviyo/event.csv": Counts(4, 4, {}, 0, 1),
    "dbt_klaviyo/event_norename.csv": Counts(4, 4, {}, 0, 1),
    "dbt_shopify_holistic_reporting": Counts(8, 4, AGAIN, 2, 3),
    "dbt_shopify_holistic_reporting/klaviyo_event.csv": Counts(4, 4, {}, 0, 1),
    "dbt_shopify_holistic_reporting/klaviyo_event_norename.csv": Counts(4, 4, {}, 0, 1),
    "klaviyo_openapi": Counts(1, 1, {}, 1, 0),
}
SHARED_LOADED = {
    **{name: counts for name, counts in LOADED.items() if not name.startswith("klaviyo_openapi")},
    "airbyte_source_klaviyo": Counts(7, 6, {"repeated event id": 1}, 4, 3),
    "airbyte_source_klaviyo/expected_records_v1_mixed.jsonl": Counts(2, 2, {}, 2, 1),
    "airbyte_source_klaviyo/expected_records_v2_events.jsonl": Counts(4, 4, {}, 0, 0),
    "airbyte_source_klaviyo/get_events.json": Counts(1, 1, {}, 1, 0),
}
"""Fixture → rows in = kept + rejected, profiles and messages. The folders of dbt hold their events in two spellings."""


@pytest.mark.parametrize("name", LOADED)
def test_a_fixture_loads_and_every_row_is_accounted_for(name: str, tmp_path: Path) -> None:
    assert count(FIXTURES / name, tmp_path) == LOADED[name]


@needs_shared
@pytest.mark.parametrize("name", SHARED_LOADED)
def test_a_fixture_that_is_tested_in_place_loads_and_every_row_is_accounted_for(name: str, tmp_path: Path) -> None:
    assert count(SHARED / name, tmp_path) == SHARED_LOADED[name]


def count(path: Path, folder: Path) -> Counts:
    summary = load(path, folder / "store").summary
    return Counts(summary.rows_in, summary.rows_kept, summary.rejected, summary.count_profiles, summary.count_messages)


def test_every_fixture_with_events_is_among_them() -> None:
    files = {path.relative_to(FIXTURES).as_posix() for path in FIXTURES.glob("*/*") if "event" in path.name}
    assert files - LOADED.keys() == {"klaviyo_openapi/get_events_example.json"}  # the only one of its folder
    assert {path.name for path in FIXTURES.iterdir() if path.is_dir()} <= LOADED.keys()


@needs_shared
def test_a_specification_among_the_fixtures_is_no_export() -> None:
    with pytest.raises(ExportError, match="of which none is one"):
        load(SHARED / "klaviyo_openapi", Path("never written"))


TABLES = ("campaign", "flow", "metric", "person", "event")


def test_dbts_tables_load_to_the_same_store_in_every_layout(server: postgres.Server, tmp_path: Path) -> None:
    places = {name: tmp_path / name for name in ("spelled", "squeezed", "parquet")}
    for name, place in places.items():
        place.mkdir()
        for table in TABLES:
            file = "event_norename" if (name, table) == ("squeezed", "event") else table
            source = FIXTURES / "dbt_shopify_holistic_reporting" / f"klaviyo_{file}.csv"
            if name == "parquet":
                pl.read_csv(source, infer_schema=False).write_parquet(place / f"{table}.parquet")
            else:  # without the mark of the byte order, which no table of a database has
                (place / f"{table}.csv").write_text(source.read_text(encoding="utf-8-sig"), encoding="utf-8")
    made = "".join(postgres.write_table(places["spelled"] / f"{table}.csv", "dbt") for table in TABLES)
    server.run(f"CREATE SCHEMA dbt;{made}")
    expected = collect(load(places["spelled"], tmp_path / "store"))
    assert [expected[name].height for name in ("events", "profiles", "messages")] == [4, 2, 3]
    assert_same(collect(load(places["parquet"], tmp_path / "store")), expected)
    assert_same(collect(load(places["squeezed"], tmp_path / "store")), expected, json=CELLS)
    assert_same(collect(load(server.url, tmp_path / "store", schema="dbt")), expected, json=CELLS)
