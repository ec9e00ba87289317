"""Segments of one account looked at together: how large, who comes and goes, what they are worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import dataframely as dy
import polars as pl

from klavnb.comparison import ModelComparison
from klavnb.definitions import (
    Definition,
    SegmentCondition,
    describe_definition,
    find_conditions,
)
from klavnb.errors import SettingsError, name_some
from klavnb.export import Export
from klavnb.schemas import Membership, SegmentSize
from klavnb.segments import HISTORIES, UTC_CALENDAR, Calendar, describe_history, find_instant, find_memberships
from klavnb.segments.calendar import find_day, read_date
from klavnb.segments.sizes import count_sizes, list_moments

__all__ = [
    "SegmentStudy",
    "count_moves",
    "describe_segments",
    "find_members",
    "pick_definition",
    "study_segments",
    "value_segments",
]

A_YEAR: Final = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentStudy:
    """Segments of an account, evaluated over a period.

    Parameters
    ----------
    export, definitions, calendar
        What was asked.
    memberships
        Who was in which segment, from when to when; all of history.
    sizes
        The size of each segment at the end of each day from `start_on` to `end_on`.
    as_of
        The moment at which the segments are looked at: the end of a day.
    start_on, end_on
        First and last day of the period, both included, in the calendar's time zone.
    count_profiles
        Everyone known at `as_of`: created, or first seen, up to then.
    """

    export: Export
    definitions: tuple[Definition, ...]
    memberships: dy.LazyFrame[Membership]
    sizes: dy.LazyFrame[SegmentSize]
    calendar: Calendar
    as_of: datetime
    as_of_on: date
    start_on: date
    end_on: date
    count_profiles: int


def study_segments(
    export: Export,
    definitions: Sequence[Definition],
    *,
    as_of: str = "",
    start: str = "",
    end: str = "",
    calendar: Calendar = UTC_CALENDAR,
) -> SegmentStudy:
    """Evaluate segments over a period: once, for every day of it.

    Parameters
    ----------
    definitions
        They may refer to each other by name.
    as_of
        The day, YYYY-MM-DD, at whose end the segments are looked at; empty: that of the export's last event.
    start, end
        First and last day of the period; empty: the year up to `as_of`, as far as the export goes.

    Raises
    ------
    SettingsError
        When a day is no day, or the period ends before it begins.
    """
    first_at, last_at = export.summary.first_event_at, export.summary.last_event_at
    if first_at is None or last_at is None:  # no load of klavnb's makes one
        raise SettingsError("There are no events, so no segment has a history.", hint="Load an export with events.")
    first_on, last_on = (pl.select(find_day(pl.lit(at), calendar)).item() for at in (first_at, last_at))
    as_of_on = read_date(as_of) if as_of else last_on
    end_on = read_date(end) if end else as_of_on
    start_on = read_date(start) if start else max(first_on, date.fromordinal(end_on.toordinal() - A_YEAR + 1))
    if start_on > end_on:
        raise SettingsError(
            f"The period would begin on {start_on} and end on {end_on}; events lie between {first_on} and {last_on}.",
            hint="Change start, end or as_of.",
        )
    moment = find_instant(as_of_on, calendar)
    memberships = Membership.cast(find_memberships(export, definitions, calendar=calendar).collect().lazy())
    moments = list_moments(start_on, end_on, every="1d", calendar=calendar)
    sizes = count_sizes(memberships, [definition.name for definition in definitions], moments)
    first_seen = export.events.group_by("profile_id").agg(first_at=pl.col("occurred_at").min())
    known = export.profiles.select("profile_id", "created_at").join(
        first_seen, on="profile_id", how="full", coalesce=True
    )
    since = pl.min_horizontal("created_at", "first_at")
    return SegmentStudy(
        export=export,
        definitions=tuple(definitions),
        memberships=memberships,
        sizes=SegmentSize.cast(sizes.collect().lazy()),
        calendar=calendar,
        as_of=moment,
        as_of_on=as_of_on,
        start_on=start_on,
        end_on=end_on,
        count_profiles=known.filter(since.is_null() | (since <= moment)).select(pl.len()).collect().item(),
    )


def pick_definition(definitions: Sequence[Definition], name: str = "") -> Definition:
    """Pick a definition by its name; without one, the first.

    Raises
    ------
    SettingsError
        When none has this name.
    """
    found = next((definition for definition in definitions if not name or definition.name == name), None)
    if found is None:
        names = [definition.name for definition in definitions]
        raise SettingsError(f"There is no segment called {name!r}.", hint=f"There are: {name_some(names)}.")
    return found


def describe_segments(study: SegmentStudy) -> pl.LazyFrame:
    """Say what each segment asks, how large it is, and how well its past is known.

    One row per segment, in the order of the definitions: `segment`, `sentence`, `count_members` and `share` (of
    everyone known) at `as_of`, `history` (the weakest of its conditions, and of those of the segments that it refers
    to), `why` (of all conditions that are as weak; null where exact).
    """
    names = study.export.summary.metric_names
    asked = pl.LazyFrame(
        {
            "segment": [definition.name for definition in study.definitions],
            "sentence": [describe_definition(definition, metric_names=names) for definition in study.definitions],
        },
        schema={"segment": pl.String, "sentence": pl.String},
    )
    rank = pl.col("history").cast(pl.String).replace_strict({name: place for place, name in enumerate(HISTORIES)})
    own = {definition.name: describe_history(definition, data=study.export) for definition in study.definitions}
    referred = _find_referred(study.definitions)
    histories = pl.concat(
        [own[other].lazy().with_columns(segment=pl.lit(name)) for name in own for other in _follow([name], referred)]
    )
    weakest = (
        histories.filter((rank == rank.max()).over("segment"))
        .group_by("segment", maintain_order=True)
        .agg(pl.col("history").cast(pl.String).first(), pl.col("why").unique(maintain_order=True).str.join(" "))
    )
    members = find_members(study).group_by("segment").agg(count_members=pl.len().cast(pl.Int64))
    return (
        asked.join(members, on="segment", how="left", maintain_order="left")
        .join(weakest, on="segment", how="left", maintain_order="left")
        .with_columns(pl.col("count_members").fill_null(0), why=pl.when(pl.col("history") != "exact").then("why"))
        .with_columns(share=pl.col("count_members") / max(study.count_profiles, 1))
        .select("segment", "sentence", "count_members", "share", "history", "why")
    )


def _find_referred(definitions: Sequence[Definition]) -> dict[str, list[str]]:
    """Find the segments that each names as conditions."""
    return {
        definition.name: [
            condition.segment
            for condition in find_conditions(definition.root)
            if isinstance(condition, SegmentCondition)
        ]
        for definition in definitions
    }


def _follow(names: list[str], referred: Mapping[str, list[str]]) -> list[str]:
    """List segments, those that they name, those that these name, and so on."""
    more = list(dict.fromkeys([*names, *(other for name in names for other in referred[name])]))
    return names if len(more) == len(names) else _follow(more, referred)


def find_members(study: SegmentStudy) -> pl.LazyFrame:
    """Find who is in which segment at `as_of`: one row per segment and member, `segment` and `profile_id`."""
    return study.memberships.filter(
        pl.col("entered_at") <= study.as_of,
        pl.col("left_at").is_null() | (pl.col("left_at") > study.as_of),
    ).select("segment", "profile_id")


def count_moves(study: SegmentStudy) -> pl.LazyFrame:
    """Count who entered and left each segment, month by month of the period.

    One row per segment, in the order of the definitions, and month that the period touches: `segment`, `month_on`
    (its first day), `count_entered`, `count_left`, `last_on` (the last day of the month that the period has),
    `count_members` at the end of this day. A profile may enter more than once.
    """
    day = find_day(pl.col("as_of"), study.calendar)
    return (
        study.sizes.with_columns(day=day)
        .with_columns(month_on=pl.col("day").dt.truncate("1mo"))
        .group_by("segment", "month_on", maintain_order=True)
        .agg(
            pl.col("count_entered", "count_left").sum(),
            pl.col("day").last().alias("last_on"),
            pl.col("count_members").last(),
        )
    )


def value_segments(study: SegmentStudy, comparison: ModelComparison) -> pl.LazyFrame:
    """Say what the members of each segment ordered in a comparison's period, and what either model credits of it.

    One row per segment, in the order of the definitions, and first of all everyone (`segment` null): `count_members`
    at `as_of`, `count_buyers` and `count_orders` in the period of the comparison, `value` of these orders,
    `baseline_value`, `candidate_value`, `difference`. Whoever is in a segment at `as_of` counts with all
    orders of the period, those from before the entry included; a profile in two segments counts in both.
    """
    ordered = comparison.conversions.group_by("profile_id").agg(pl.col("value").sum(), count_orders=pl.len())
    credited = comparison.changes.group_by("profile_id").agg(pl.col("baseline_value", "candidate_value").sum())
    worth = ordered.join(credited, on="profile_id", how="left")
    figures = [
        pl.col("profile_id").n_unique().cast(pl.Int64).alias("count_members"),
        pl.col("count_orders").is_not_null().sum().cast(pl.Int64).alias("count_buyers"),
        pl.col("count_orders").sum().cast(pl.Int64),
        pl.col("value", "baseline_value", "candidate_value").sum(),
    ]
    everyone = worth.select(
        pl.lit(None, dtype=pl.String).alias("segment"),
        pl.lit(study.count_profiles, dtype=pl.Int64).alias("count_members"),
        *figures[1:],
    )
    of_segments = find_members(study).join(worth, on="profile_id", how="left").group_by("segment").agg(figures)
    named = pl.LazyFrame(
        {"segment": [definition.name for definition in study.definitions]}, schema={"segment": pl.String}
    )
    return pl.concat(
        [
            everyone,
            named.join(of_segments, on="segment", how="left", maintain_order="left").with_columns(
                pl.exclude("segment").fill_null(0)
            ),
        ]
    ).with_columns(difference=pl.col("candidate_value") - pl.col("baseline_value"))
