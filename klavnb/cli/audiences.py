"""The commands that write files for Klaviyo; loaded when they are called."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

import polars as pl
from cyclopts import Parameter
from rich.table import Table

from klavnb.audiences import (
    IMPORT_NOTE,
    AudienceManifest,
    ManifestFile,
    Split,
    check_attributes,
    check_folder,
    make_audience,
    make_backfill,
    write_audience,
    write_profiles,
)
from klavnb.audiences.gaps import note_absent_metrics, note_days
from klavnb.cli.console import Data, check_outside, check_target, heard, said, tidy
from klavnb.cli.segments import HISTORY, make_calendar, pick_definitions, read_data, read_day
from klavnb.definitions import Definition, read_definitions, single_order_at_least
from klavnb.errors import SettingsError, name_some
from klavnb.export import Export
from klavnb.recipes import backfill_properties
from klavnb.segments import UTC_CALENDAR

__all__ = ["audience", "backfill"]

COMPUTED: Final = re.compile(r"(?:(?P<days>\d+)_day_|(?P<ever>ever_))?highest_order_(?:value|date)|\w+_order_date")
"""Attributes that may be among the properties of Recipe 11."""

HIGHEST_DATE: Final = re.compile(r"(?:\d+_day_|ever_)?highest_order_date")
EVER: Final = "ever"
SEED: Final = "klavnb"
WORDS: Final[Mapping[str, str]] = {
    "excluded": "in an excluded segment",
    "no_address": "without an address that can be used",
    "sms_only": "subscribed to SMS only",
    "suppressed": "suppressed",
    "unsubscribed": "unsubscribed",
    "never_subscribed": "never subscribed",
    "unknown_consent": "consent not known",
    "repeated_address": "with the address of another",
}
BLANK_NOTE: Final = "A blank cell sets nothing: whether Klaviyo clears an older value is not documented."


def audience(
    data: Data,
    *,
    definition: Path,
    as_of: str,
    out: Path,
    segment: str | None = None,
    exclude: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
    consent: Literal["email", "sms", "any"] | None = None,
    split: str | None = None,
    split_seed: str | None = None,
    attributes: str = "",
    item_property: str = "Size",
    time_zone: str = "UTC",
) -> None:
    """Write the members of a segment as CSV files for Klaviyo.

    A manifest beside them says what became of everyone in the segment, and how the files were made.

    Parameters
    ----------
    definition
        A JSON file of the segment's definition, as Klaviyo's API has it.
    as_of
        The day, YYYY-MM-DD: everything that happened on it counts. Addresses and consent are those of the export.
    out
        The folder for the files; an audience that is there is replaced once the new one is whole.
    segment
        The name of the segment, where the file holds several.
    exclude
        A file of definitions whose members are left out; may repeat.
    consent
        Keep only who is subscribed to email, or to sms (then phone numbers are written). With any, e-mail addresses
        are written, and who is subscribed to SMS only is left out and counted apart.
    split
        The arms and their shares in per cent, such as treatment=80,control=20.
    split_seed
        Any text: the same one puts a person into the same arm in every export. “klavnb” unless given.
    attributes
        More columns, with commas between: fields such as first_name, properties of the profiles by their names,
        and those that klavnb backfill computes: highest_order_value is that of the last 30 days; there are
        60_day_highest_order_value and the like, ever_highest_order_value, and their dates.
    item_property
        What is asked of items, for attributes such as medium_order_date.
    time_zone
        Whose day is meant, such as Europe/Vienna. Klaviyo's own segments know UTC only.
    """
    names = [name.strip() for name in attributes.split(",")] if attributes else []
    check_attributes(names)
    calendar = make_calendar(time_zone)
    now = read_day("--as-of", as_of, calendar)
    definitions = read_definitions(definition)
    chosen = _pick_one(pick_definitions(definitions, segment))
    excluded = [read_definitions(path) for path in exclude]
    arms = _read_split(split, split_seed)
    check_folder(out)
    export = read_data(data)
    with heard.status("Evaluating …"):
        made = make_audience(
            export,
            chosen,
            as_of=now,
            definitions=definitions,
            exclusions=excluded,
            consent=consent,
            split=arms,
            attributes=names,
            computed=_compute(export, names, as_of=now, item_property=item_property),
            calendar=calendar,
        )
        written = write_audience(made, out)
    said.print(f"{tidy(written.segment)}, {as_of} ({time_zone}): {tidy(written.sentence)}")
    for told in written.history:
        if told.history != "exact":
            said.print(tidy(f"  {HISTORY[told.history]}: {told.condition}. {told.why}"))
    said.print(_tabulate_people(written))
    for excluded_one in written.exclusions:
        said.print(tidy(f"Excluded: {excluded_one.name}, {excluded_one.count_members:,} members on that day."))
    said.print(_tabulate_files(written.files))
    for note in written.notes:
        said.print(tidy(f"Note: {note}"))
    said.print(str(out))


def backfill(
    data: Data,
    *,
    as_of: str,
    out: Path,
    windows: str = "30,60,90",
    item_property: str = "Size",
) -> None:
    """Write the right properties of Recipe 11 as CSV for Klaviyo.

    For every customer: the highest order of each window and its date, and for each value of an item's property
    the date of the last order with such an item.

    Parameters
    ----------
    as_of
        The day, YYYY-MM-DD: everything that happened on it counts.
    out
        The CSV file; one that would be too large for Klaviyo becomes several, numbered.
    windows
        In days, with commas between; `ever` is one too.
    item_property
        What is asked of items.
    """
    days = [_read_window(text.strip()) for text in windows.split(",")]
    now = read_day("--as-of", as_of, UTC_CALENDAR)
    if out.suffix.lower() != ".csv":
        raise SettingsError(f"Profiles are written as .csv, found {str(out)!r}.", hint="Change the ending.")
    check_outside(out, data)
    export = read_data(data)
    with heard.status("Computing …"):
        computed = backfill_properties(export, as_of=now, windows=days, item_property=item_property)
        rows, left_out = make_backfill(export, computed)
        _check_backfill(out, rows.columns)
        files = write_profiles(rows, out)
    table = Table(f"Customers, {as_of}", "")
    table.columns[1].justify = "right"
    table.add_row("with an order", f"{rows.height + sum(left_out.values()):,}")
    _add_reasons(table, left_out)
    table.add_row("written", f"{rows.height:,}")
    said.print(table)
    said.print(_tabulate_files(files))
    said.print(tidy("Properties: " + ", ".join(rows.columns[1:])))
    for note in (IMPORT_NOTE, BLANK_NOTE, *_note_backfill(export, rows.columns, now, item_property)):
        said.print(tidy(f"Note: {note}"))
    for file in files:
        said.print(str(out.with_name(file.name)))


def _pick_one(definitions: Sequence[Definition]) -> Definition:
    if len(definitions) > 1:
        names = tidy(name_some([each.name for each in definitions]))
        raise SettingsError(
            f"--definition: expected one segment, found {len(definitions)}: {names}.",
            hint="Pick one with --segment NAME.",
        )
    return definitions[0]


def _check_backfill(out: Path, columns: Sequence[str]) -> None:
    """Refuse to replace what is no backfill: the columns of one depend on its windows and on the export's items."""
    for path in (out, out.with_name(f"{out.stem}-1.csv")):
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace") as file:
                found = file.readline().rstrip("\r\n").split(",")
            of_ours = found[:1] == ["Email"] and len(found) > 1 and all(COMPUTED.fullmatch(name) for name in found[1:])
            if not of_ours:
                check_target(path, [columns])


def _note_backfill(export: Export, columns: Sequence[str], now: datetime, item_property: str) -> list[str]:
    metrics = note_absent_metrics([single_order_at_least(0)], export)
    has_items = any(name.endswith("_order_date") and not HIGHEST_DATE.fullmatch(name) for name in columns)
    items = [] if has_items or metrics else [f"No order has an item with “{item_property}”."]
    return [*metrics, *items, *note_days([now], export, UTC_CALENDAR)]


def _read_split(split: str | None, seed: str | None) -> Split | None:
    if split is None:
        if seed is not None:
            raise SettingsError("--split-seed belongs to --split.", hint="Add --split treatment=80,control=20.")
        return None
    return Split.parse(split, seed=SEED if seed is None else seed)


def _compute(export: Export, names: Sequence[str], *, as_of: datetime, item_property: str) -> pl.LazyFrame | None:
    """Compute the properties of Recipe 11 where an attribute may be one, with the windows that it names."""
    matches = [match for name in names if (match := COMPUTED.fullmatch(name))]
    if not matches:
        return None
    days = {None if match["ever"] else int(match["days"] or 30) for match in matches}
    windows = sorted(days, key=lambda window: (window is None, window))
    computed = backfill_properties(export, as_of=as_of, windows=windows, item_property=item_property)
    return computed.drop("email", "phone_number")


def _read_window(text: str) -> int | None:
    if text == EVER:
        return None
    if not text.isdecimal():
        raise SettingsError(
            f"--windows: expected days with commas between, found {text!r}.", hint="Write them as 30,60,90 or 30,ever."
        )
    return int(text)


def _tabulate_people(manifest: AudienceManifest) -> Table:
    table = Table("People", "")
    table.columns[1].justify = "right"
    table.add_row("in the segment", f"{manifest.count_members:,}")
    _add_reasons(table, manifest.left_out)
    table.add_row("written", f"{manifest.count_kept:,}")
    for arm, count in (manifest.arms or {}).items():
        table.add_row(f"  {arm}", f"{count:,}")
    return table


def _add_reasons(table: Table, left_out: Mapping[str, int]) -> None:
    for reason, count in left_out.items():
        if count:
            table.add_row(f"left out: {WORDS[reason]}", f"{count:,}")


def _tabulate_files(files: Sequence[ManifestFile]) -> Table:
    table = Table("File", "Rows", "Bytes")
    for column in table.columns[1:]:
        column.justify = "right"
    for file in files:
        table.add_row(file.name, f"{file.rows:,}", f"{file.bytes:,}")
    return table
