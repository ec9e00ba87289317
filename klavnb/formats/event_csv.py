"""CSV files of events: Klaviyo's bulk export of one metric, and the history that shops import into it.

Of the export the headers are not documented: what a column holds is guessed from its header, in many spellings,
or said in the settings (`columns`). Of the import they are: `Person//Email` or `Person//ID`, `Timestamp`, `$event_id`,
`$value`. All other columns are event properties, those that begin with `Person//` properties of the profile. The
metric is a column, else the file's (`find_file_metric`).

Such a file may know its people by an address only, and its events by nothing: both get ids that are made of what the
row says, the same each time. The address is also a profile's, so that the profile can be found in other files.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import polars as pl

from klavnb.errors import name_some
from klavnb.formats.contract import RawEvent, RawExport, RawProfile, build
from klavnb.formats.event_cells import find_handoffs, find_recorded
from klavnb.formats.json_cells import write_objects
from klavnb.formats.klaviyo_names import IDS, OWN_NAMES, PROPERTY_COLUMNS, restore_property_name, squeeze_property_name
from klavnb.formats.made_ids import make_event_ids
from klavnb.formats.metric_files import find_file_metric, is_metric_file
from klavnb.formats.profile_merging import make_profile_ids
from klavnb.formats.property_cells import join_objects, read_property_cells
from klavnb.formats.source import Piece, Source, UnreadableError
from klavnb.formats.tables import Table, read_each, read_headers, read_tables, split_table
from klavnb.settings import Settings

__all__ = ["read", "recognises", "recognises_named", "split"]

GUESSES: Final[Mapping[str, tuple[str, ...]]] = {
    "event_id": ("eventid", "klaviyoeventid", "eventuuid", "id"),
    "profile_id": ("profileid", "klaviyoid", "klaviyoprofileid", "personid"),
    "email": ("email", "emailaddress", "profileemail", "profileemailaddress", "person//email", "$email"),
    "phone_number": (
        "phonenumber",
        "phone",
        "profilephonenumber",
        "profilephone",
        "person//phone",
        "person//phonenumber",
        "$phonenumber",
    ),
    "external_id": ("externalid", "profileexternalid", "person//id", "person//externalid", "$id"),
    "metric_id": ("metricid", "statisticid"),
    "metric_name": ("metric", "metricname", "eventname", "event", "eventtype"),
    "occurred_at": (
        "timestamp",
        "datetime",
        "eventtimestamp",
        "eventdatetime",
        "eventtime",
        "occurredat",
        "time",
        "eventdate",
        "date",
    ),
    "value": ("$value", "value", "eventvalue"),
    "currency": ("$currencycode", "currencycode", "currency", "$valuecurrency", "valuecurrency"),
    "properties": ("eventproperties",),
}
"""What a column may hold → its headers in lower case, without blanks and signs but `$` and `//`; the first counts."""

PEOPLE: Final = ("profile_id", "email", "phone_number", "external_id")
PROOFS: Final = ("event_id", "metric_id", "metric_name", "properties")
OF_OTHERS: Final = (
    "campaign|cart|checkout|customer|flow|list|message|metric|order|person|product|profile|segment|session|"
    "statistic|transmission|variant|variation"
)
LIKE_ID: Final = re.compile(rf"(?i)^(?!.*(?:{OF_OTHERS})).*(?:\b|_|(?-i:(?<=[a-z])(?=[A-Z])))(?:id|uuid|key)$")
LIKE_VALUE: Final = re.compile(r"(?i)value|amount|total|revenue|betrag|umsatz")
"""Headers that sound like what they may hold; only a remark is made of it."""

BARE_ID: Final = "id"
"""A header that is of the event only where another one is of the profile: it proves nothing about a file."""

PERSON: Final = "person//"
FIRST_NAMES: Final = ("firstname",)
MONEY: Final[Mapping[str, str]] = {"value": "$value", "currency": "$currency_code"}
"""Columns of an event that are properties as well → the property, where the header is none of Klaviyo's own."""


def recognises(source: Source, head: bytes) -> bool:
    """Tell whether a file is a CSV of events: it says who and when, and of which metric or event, or is named so."""
    held = _guess(read_headers(source, head), {})
    if not _says_who_and_when(held):
        return False
    has_proof = any(_squeeze(held[proof]) != BARE_ID for proof in PROOFS if proof in held)
    return has_proof or any(PERSON in header.lower() for header in held.values()) or is_metric_file(source)


def recognises_named(source: Source, head: bytes, columns: Mapping[str, str]) -> bool:
    """Tell whether a file is a CSV of events by the headers that the settings name: it has one, and says who and when.

    Examples
    --------
    >>> from pathlib import Path
    >>> source, head = Source(Path("x.csv"), "x.csv"), b"Wer,Wann,Betrag"
    >>> recognises_named(source, head, {"profile_id": "Wer", "occurred_at": "Wann"}), recognises_named(source, head, {})
    (True, False)
    """
    headers = read_headers(source, head)
    lowered = {header.strip().lower() for header in headers}
    return any(header.lower() in lowered for header in columns.values()) and _says_who_and_when(
        _guess(headers, columns)
    )


def _remark_unused(file: str, headers: Sequence[str], held: Mapping[str, str]) -> Iterator[str]:
    """Say which headers sound like an id or a value where no column was taken for it: they are properties only."""
    own = {*map(squeeze_property_name, OWN_NAMES), *(squeeze_property_name(header) for header in held.values())}
    others = [name for name in headers if squeeze_property_name(name) not in own and PERSON not in name.lower()]
    for what, sounds, missing in (("event_id", LIKE_ID, "ids of events"), ("value", LIKE_VALUE, "values")):
        if what not in held and (found := [name for name in others if sounds.search(name)]):
            yield (
                f"No column of {file} is known to hold {missing}. If one of these does, name it in the settings under "
                f"[columns], as {what}: {name_some(found)}."
            )


def _says_who_and_when(held: Mapping[str, str]) -> bool:
    return any(when in held for when in ("occurred_at", "occurred_unix")) and any(who in held for who in PEOPLE)


def split(source: Source) -> list[Piece]:
    """Split a file into the pieces in which it is read."""
    return split_table(source)


def read(pieces: Sequence[Piece], *, settings: Settings) -> Iterator[RawExport]:
    """Read events, and the profiles that they name, some rows at a time.

    An event that the file gives no id gets one, and so does a profile. Rows with more or fewer fields than the
    header are rejects; a file is one where no column says when its events were, or whose.
    """

    def read_piece(piece: Piece) -> Iterator[RawExport]:
        metric = find_file_metric(piece.source, settings=settings)
        for table, rejects, count in read_tables(piece):
            held = _guess(list(table.names.values()), settings.columns)
            _check_held(held)
            events, profiles = _build(table, held, metric)
            remarks = frozenset(_remark_unused(table.file, list(table.names.values()), held))
            yield RawExport(events=events, profiles=profiles, rejects=rejects, count_lines=count, remarks=remarks)

    return read_each(pieces, read_piece)


def _guess(headers: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Find what is held by which header: as the settings say, else by the guesses."""
    lowered = {header.strip().lower(): header for header in reversed(headers)}
    held = {name: lowered[header.lower()] for name, header in columns.items() if header.lower() in lowered}
    spelled = {_squeeze(header): header for header in reversed(headers) if header not in held.values()}
    for name, guesses in GUESSES.items():
        found = next((spelled[guess] for guess in guesses if guess in spelled), None)
        if found is not None and name not in held:
            held[name] = found
    if "profile_id" not in held and "event_id" not in columns and _squeeze(held.get("event_id", "")) == BARE_ID:
        del held["event_id"]  # it may be the profile's
    return held


def _squeeze(header: str) -> str:
    return re.sub(r"[^\w$/]|_", "", header.lower())


def _check_held(held: Mapping[str, str]) -> None:
    if "occurred_at" not in held and "occurred_unix" not in held:
        raise UnreadableError("no column of times: name its header for occurred_at in the settings' columns")
    if not any(who in held for who in PEOPLE):
        raise UnreadableError("no column of profiles: name its header for profile_id or email in the settings' columns")


def _build(table: Table, held: Mapping[str, str], metric: str | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    column_of = {header: column for column, header in table.names.items()}
    said = {name: table.rows[column_of[header]] for name, header in held.items()}
    cells = said.pop("properties", table.first())
    objects, in_cells = read_property_cells(cells)
    people, personal = _build_people(table, said, column_of)
    taken = {header for name, header in held.items() if name not in PROPERTY_COLUMNS and name != "currency"}
    properties = _name_properties([header for header in table.names.values() if header not in taken | personal], held)
    named = {squeeze_property_name(name): header for header, name in properties.items() if name in OWN_NAMES}

    def take(*names: str) -> pl.Series:
        return table.first(*(column_of[named[name]] for name in names if name in named))

    found = {name: take(*names) for name, names in PROPERTY_COLUMNS.items()} | {
        name: texts for name, texts in said.items() if name not in PEOPLE
    }
    for name, texts in in_cells.items():
        found[name] = pl.select(pl.coalesce(found[name], texts)).to_series() if name in found else texts
    if "metric_name" not in said and "metric_id" not in said and metric is not None:
        found["metric_name"] = pl.Series([metric]).new_from_index(0, table.rows.height)
    columns = {column_of[header]: name for header, name in properties.items()}
    rows = table.rows
    if "properties" in held and (is_odd := cells.is_not_null() & objects.is_null()).any():  # a property like others
        rows = rows.with_columns(pl.when(is_odd).then(cells.name).alias(cells.name))
        columns[cells.name] = held["properties"]
    own = write_objects(rows, columns, always_text=IDS)
    events = build(
        RawEvent,
        **(
            {
                "handed_off_at": find_handoffs(take("internal")),
                "recorded_event_ids": find_recorded(take("attribution")),
            }
            | found
        ),
        file=table.file,
        line=table.lines,
        profile_id=people["profile_id"],
        properties=join_objects(objects, own),
    )
    known = people.filter(pl.any_horizontal(pl.exclude("file", "line", "profile_id").is_not_null()))
    return (
        events.with_columns(make_event_ids(events)),
        known.unique([name for name in known.columns if name != "line"], keep="first", maintain_order=True),
    )


def _build_people(
    table: Table, said: Mapping[str, pl.Series], column_of: Mapping[str, str]
) -> tuple[pl.DataFrame, set[str]]:
    """Build a profile for each row; and tell which headers are of people."""
    personal = {header for header in table.names.values() if header.strip().lower().startswith(PERSON)}
    taken = {texts.name for texts in said.values()}
    others = {
        column_of[header]: header.strip()[len(PERSON) :]
        for header in table.names.values()
        if header in personal and column_of[header] not in taken
    }
    first_names = [column for column, name in others.items() if _squeeze(name) in FIRST_NAMES]
    people = build(
        RawProfile,
        **{name: said[name] for name in PEOPLE if name in said},
        file=table.file,
        line=table.lines,
        first_name=table.first(*first_names),
        properties=write_objects(
            table.rows, {column: name for column, name in others.items() if column not in first_names}
        ),
    )
    own = people["profile_id"].str.strip_chars().replace("", None)
    ids = own.zip_with(own.is_not_null(), make_profile_ids(people)) if own.has_nulls() else own
    return people.with_columns(profile_id=ids), personal


def _name_properties(headers: Sequence[str], held: Mapping[str, str]) -> dict[str, str]:
    """Header → the property's name: Klaviyo's own where the header is spelled as by a machine, else the header."""
    names: dict[str, str] = {}
    money = {held[name]: own for name, own in MONEY.items() if name in held}
    for header in headers:
        restored = restore_property_name(header)
        is_own = header == header.lower() or restored.lower() == header.lower()
        name = restored if is_own and restored in OWN_NAMES else money.get(header, header)
        names[header] = header if name in names.values() else name
    return names
