"""The command that evaluates segments; loaded when it is called."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl
from rich.table import Table

from klavnb.audiences.gaps import note_absent_metrics, note_days
from klavnb.cli.clusters import ClusterAddress, check_store, open_parts, open_workers, to_file
from klavnb.cli.console import Data, check_ending, check_outside, check_target, heard, said, tidy
from klavnb.definitions import (
    Definition,
    GroupMembershipCondition,
    SegmentCondition,
    describe_definition,
    find_conditions,
    read_definitions,
)
from klavnb.distribution import find_members_on, segment_sizes_on
from klavnb.errors import SettingsError, name_some
from klavnb.export import Export
from klavnb.files import replace_file
from klavnb.formats.profile_cells import TIME_FORMAT, defuse
from klavnb.segments import HISTORIES, Calendar, describe_history, find_instant, list_members, segment_sizes
from klavnb.segments.calendar import find_day
from klavnb.store import read_export

__all__ = ["HISTORY", "make_calendar", "pick_definitions", "read_data", "read_day", "segment"]

HISTORY: Final[Mapping[str, str]] = {
    "exact": "exact",
    "approximate": "approximate",
    "current_only": "current values only",
}
"""How well a segment's past is known → as it is shown."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which segments are asked for, of which export, and who evaluates them: a cluster, if one is named."""

    store: str
    export: Export
    chosen: Sequence[Definition]
    definitions: Sequence[Definition]
    calendar: Calendar
    cluster: str | None

    def find_members(self, out: str | None, *, as_of: str) -> pl.DataFrame:
        """One row per segment and member, by segment, then by profile: `profile_id`, `segment`, `entered_at`."""
        order = pl.col("segment").cast(pl.Enum([each.name for each in self.chosen]))
        with ExitStack() as opened:
            if self.cluster is None:
                found = list_members(
                    self.export, self.chosen, as_of=as_of, definitions=self.definitions, calendar=self.calendar
                )
            else:
                parts = opened.enter_context(open_parts(out, self.cluster, option="--members"))
                found = find_members_on(
                    opened.enter_context(open_workers(self.cluster)),
                    self.store,
                    parts,
                    self.chosen,
                    as_of=as_of,
                    definitions=self.definitions,
                    calendar=self.calendar,
                )
            with heard.status("Evaluating …"):
                return found.select("profile_id", "segment", "entered_at").sort(order, "profile_id").collect()

    def measure(self, *, start: str, end: str, every: str) -> pl.DataFrame:
        """The sizes of the segments chosen, each with its day."""
        with ExitStack() as opened:
            if self.cluster is not None:
                measure = partial(segment_sizes_on, opened.enter_context(open_workers(self.cluster)), self.store)
            else:
                measure = partial(segment_sizes, self.export)
            with heard.status("Evaluating …"):
                sizes = measure(self.definitions, start=start, end=end, every=every, calendar=self.calendar)
                day = find_day(pl.col("as_of"), self.calendar).alias("day")
                asked = sizes.filter(pl.col("segment").is_in([each.name for each in self.chosen]))
                return asked.select("segment", day, pl.exclude("segment")).collect()


def segment(
    data: Data,
    *,
    definition: Path,
    segment: str | None = None,
    as_of: str | None = None,
    members: str | None = None,
    sizes: Path | None = None,
    start: str | None = None,
    end: str | None = None,
    every: str = "1d",
    time_zone: str = "UTC",
    cluster: ClusterAddress = None,
) -> None:
    """Say how large segments are, on a day or over time.

    Parameters
    ----------
    definition
        A JSON file of one definition or several, as Klaviyo's API has them, or a folder of such files.
    segment
        The name of one of them; all unless given.
    as_of
        The day, YYYY-MM-DD: everything that happened on it counts.
    members
        The file for the members on that day, .csv or .parquet: profile_id, then segment where there are
        several, and since when. With --cluster also a folder, here or in an object store (s3://…), for the Parquet
        files that its workers write: segment, profile_id and entered_at, by profile.
    sizes
        The file for the sizes over time, .csv or .parquet, one row per segment and day; with --start
        and --end, and without --as-of.
    start
        The first day of the sizes, YYYY-MM-DD.
    end
        The last day of the sizes.
    every
        How far apart the days of the sizes are, such as 1d, 7d or 1mo.
    time_zone
        Whose days are meant, such as Europe/Vienna. Klaviyo's own segments know UTC only.
    """
    _check_question(as_of=as_of, members=members, sizes=sizes, start=start, end=end)
    file = to_file(members, cluster)
    check_ending(file, "Members")
    check_ending(sizes, "Sizes")
    check_outside(file, data)
    check_outside(sizes, data)
    calendar = make_calendar(time_zone)
    asked = {"--as-of": as_of, "--start": start, "--end": end}
    moments = [read_day(option, day, calendar) for option, day in asked.items() if day is not None]
    definitions = read_definitions(definition)
    chosen = pick_definitions(definitions, segment)
    store = data if cluster is None else check_store(data)
    export = read_data(data)
    histories = _name_histories(definitions, export)
    shown = {each.name: histories[each.name] for each in chosen}
    question = Question(store, export, chosen, definitions, calendar, cluster)
    if as_of is not None:
        found = question.find_members(members, as_of=as_of)
        if file is not None:
            _write_table(found if len(chosen) > 1 else found.drop("segment"), file)
        table = _tabulate_members(found, shown, day=f"{as_of}, {time_zone}")
    if sizes is not None and start is not None and end is not None:
        found = question.measure(start=start, end=end, every=every)
        _write_table(found, sizes)
        table = _tabulate_sizes(found, shown)
    said.print(table)
    _explain(chosen, definitions, export)
    for note in (*note_absent_metrics(_follow(chosen, definitions), export), *note_days(moments, export, calendar)):
        said.print(tidy(f"Note: {note}"))
    for written in (members, sizes):
        if written is not None:
            said.print(str(written))


def _explain(chosen: Sequence[Definition], definitions: Sequence[Definition], export: Export) -> None:
    """Say in words what each segment asks, and which of its conditions' past is not known exactly."""
    for each in chosen:
        sentence = describe_definition(each, metric_names=export.summary.metric_names)
        said.print(f"{tidy(each.name)}: {tidy(sentence)}")
        for condition, history, why in describe_history(each, data=export, definitions=definitions).iter_rows():
            if history != "exact":
                said.print(tidy(f"  {HISTORY[history]}: {condition}. {why}"))


def make_calendar(time_zone: str) -> Calendar:
    """Take the time zone of an option."""
    try:
        return Calendar(time_zone)
    except SettingsError as error:
        raise SettingsError(error.message.replace("calendar, time_zone:", "--time-zone:"), hint=error.hint) from None


def read_day(option: str, day: str, calendar: Calendar) -> datetime:
    """Take the day of an option: its last moment."""
    try:
        return find_instant(day, calendar)
    except SettingsError as error:
        raise SettingsError(error.message.replace("A date:", f"{option}:"), hint=error.hint) from None


def read_data(data: str) -> Export:
    """Read what segments are evaluated on."""
    with heard.status("Reading …"):
        return read_export(data)


def pick_definitions(definitions: Sequence[Definition], name: str | None) -> Sequence[Definition]:
    """Pick the one that is asked for by its name; without a name all of them."""
    found = [each for each in definitions if name is None or each.name == name]
    if not found:
        names = tidy(name_some([each.name for each in definitions]))
        raise SettingsError(
            f"--segment: there is no {tidy(str(name))!r} in the definitions, but {names}.",
            hint="Write the name as it stands there.",
        )
    return found


def _check_question(
    *, as_of: str | None, members: str | None, sizes: Path | None, start: str | None, end: str | None
) -> None:
    """Refuse what is neither one question nor the other."""
    if as_of is None and sizes is None:
        raise SettingsError(
            "klavnb segment: expected a day, or a file for the sizes over time; found neither.",
            hint="Give --as-of 2026-08-31, or --sizes FILE with --start and --end.",
        )
    if as_of is not None and sizes is not None:
        raise SettingsError(
            "klavnb segment: --as-of asks about one day, --sizes about many.", hint="Ask one after the other."
        )
    if sizes is None and (start is not None or end is not None):
        raise SettingsError("--start and --end belong to --sizes.", hint="Add --sizes FILE, and leave out --as-of.")
    if sizes is not None and (start is None or end is None):
        raise SettingsError("--sizes needs the first and the last day.", hint="Add --start and --end, as YYYY-MM-DD.")
    if sizes is not None and members is not None:
        raise SettingsError("--members are those of one day.", hint="Give --as-of instead of --sizes.")


def _write_table(table: pl.DataFrame, path: Path) -> None:
    """Write Parquet, or CSV that no spreadsheet executes; a table of other columns is not replaced."""
    check_target(path, [table.columns])
    if path.suffix.lower() == ".parquet":
        replace_file(path, table.write_parquet)
        return
    texts = table.with_columns(defuse(pl.col(name)) for name, dtype in table.schema.items() if dtype == pl.String)
    replace_file(path, lambda part: texts.write_csv(part, datetime_format=TIME_FORMAT))


def _follow(chosen: Sequence[Definition], definitions: Sequence[Definition]) -> Sequence[Definition]:
    """The segments chosen, those that they name, and so on."""
    conditions = [condition for each in chosen for condition in find_conditions(each.root)]
    names = {condition.segment for condition in conditions if isinstance(condition, SegmentCondition)}
    groups = {
        group
        for condition in conditions
        if isinstance(condition, GroupMembershipCondition)
        for group in condition.group_ids
    }
    more = [each for each in definitions if each in chosen or each.name in names or each.id in groups]
    return chosen if len(more) == len(chosen) else _follow(more, definitions)


def _name_histories(definitions: Sequence[Definition], export: Export) -> dict[str, str]:
    """Segment → how well the past of the least exact of its conditions is known, segments that it names included."""

    def judge(definition: Definition) -> str:
        told = describe_history(definition, data=export, definitions=definitions)["history"].to_list()
        return max(told, key=HISTORIES.index, default=HISTORIES[0])

    return {each.name: HISTORY[judge(each)] for each in definitions}


def _tabulate_members(members: pl.DataFrame, histories: Mapping[str, str], *, day: str) -> Table:
    counts = dict(members["segment"].value_counts().iter_rows())
    table = Table("Segment", f"Members, {day}", "History")
    table.columns[1].justify = "right"
    for name, history in histories.items():
        table.add_row(tidy(name), f"{counts.get(name, 0):,}", history)
    return table


def _tabulate_sizes(sizes: pl.DataFrame, histories: Mapping[str, str]) -> Table:
    """The first, the last, the smallest and the largest size of each segment."""
    table = Table("Segment", "First", "Last", "Smallest", "Largest", "History")
    for column in table.columns[1:-1]:
        column.justify = "right"
    for name, history in histories.items():
        counts = sizes.filter(segment=name).sort("as_of")["count_members"].to_list()
        shown = (counts[0], counts[-1], min(counts), max(counts))
        table.add_row(tidy(name), *(f"{number:,}" for number in shown), history)
    return table
