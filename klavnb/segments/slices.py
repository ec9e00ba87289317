"""An account of any size, some profiles at a time: all that a condition asks is about one profile.

A slice says by itself what is asked of whom, so that any process that can read the store can evaluate it. What the
slices give, one after the other, is what the whole account would give.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

import polars as pl

from klavnb.definitions import check_names
from klavnb.definitions.conditions import Definition
from klavnb.export import Export, read_store
from klavnb.schemas import Membership
from klavnb.segments.account import EVERYONE, ProfileRange, find_horizon, look_at
from klavnb.segments.asking import find_referred, list_questions
from klavnb.segments.calendar import UTC_CALENDAR, Calendar
from klavnb.segments.combining import FAR
from klavnb.segments.evaluation import Evaluation
from klavnb.segments.opposites import is_about_everyone
from klavnb.segments.reading import group_questions

__all__ = ["ROWS", "SegmentSlice", "check_slice", "evaluate_slice", "find_stays", "list_spans", "plan_slices"]

ROWS: Final = 2_000_000
"""Events that are asked for, about, that are looked at together, and profiles where all of them matter.

A single profile is never split.
"""

SAMPLED: Final = 1_000
"""How many ids a slice's borders are chosen from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSlice:
    """What is asked, and of which profiles; it can be sent to another process.

    Parameters
    ----------
    asked
        The segments to find.
    definitions
        All that they may refer to, themselves included.
    calendar
        Whose days are counted.
    until
        Up to when what recurs every year is listed; the same for all slices.
    profiles
        The profiles to look at.
    """

    asked: tuple[Definition, ...]
    definitions: tuple[Definition, ...]
    calendar: Calendar
    until: datetime
    profiles: ProfileRange


def plan_slices(
    data: Export,
    asked: Sequence[Definition],
    *,
    definitions: Sequence[Definition] = (),
    calendar: Calendar = UTC_CALENDAR,
    until: datetime | None = None,
    count: int = 1,
) -> list[SegmentSlice]:
    """Part the profiles of an account into ranges of ids, each with about `ROWS` events that are asked for.

    One slice per range, in the order of the ids; together they hold every profile once. A small account is one slice.
    Which events are asked for decides about the number, a sample of their profiles' ids about the borders: the same
    export and definitions always give the same slices.

    Parameters
    ----------
    data
        The export.
    asked
        The segments to find.
    definitions
        Others that they may refer to.
    calendar
        Whose days are counted.
    until
        Up to when anniversaries are listed at least; ten years beyond the last thing known of the account anyway.
    count
        How many slices there are at least, as far as there are profiles: more of them work side by side.

    Raises
    ------
    DefinitionError
        When definitions share a name, or refer to one that is not there, or to each other in a circle.

    Examples
    --------
    >>> from klavnb.definitions import single_order_at_least
    >>> from klavnb.store import read_export
    >>> [part.profiles for part in plan_slices(read_export("sample"), [single_order_at_least(100)])]
    [ProfileRange(first=None, end=None)]
    """
    whole = SegmentSlice(
        asked=tuple(asked),
        definitions=(*asked, *(each for each in definitions if each not in asked)),
        calendar=calendar,
        until=find_horizon(data, until),
        profiles=EVERYONE,
    )
    check_names(whole.definitions)
    referred = find_referred(whole.asked, whole.definitions)
    metrics = list(group_questions(data, list_questions(referred)))
    weighed = [data.events.filter(pl.col("metric").is_in(metrics)).select("profile_id")]
    rows = sum(data.summary.metrics.get(metric, 0) for metric in metrics)
    if _is_about_everyone(referred):
        weighed.append(data.profiles.select("profile_id"))
        rows += data.summary.count_profiles
    parts = max(count, -(-rows // ROWS))
    if parts == 1:
        return [whole]
    borders = _find_borders(weighed, parts, step=max(1, rows // (parts * SAMPLED)))
    return [replace(whole, profiles=ProfileRange(first, end)) for first, end in pairwise([None, *borders, None])]


def _is_about_everyone(referred: Sequence[Definition]) -> bool:
    return any(is_about_everyone(each.root) for each in referred)


def _find_borders(weighed: Sequence[pl.LazyFrame], count: int, *, step: int) -> list[str]:
    """Find the ids that part profiles into so many ranges, or fewer, of about as many rows; every `step`th is read."""
    sampled = [
        ids.with_row_index().filter(pl.col("index") % step == 0).select("profile_id").collect(engine="streaming")
        for ids in weighed
    ]
    ids = pl.concat(sampled).to_series().sort()
    places = [place * ids.len() // count for place in range(1, count)] if ids.len() else []
    return ids.gather(places).unique(maintain_order=True).to_list()


def evaluate_slice(store: str | Path, part: SegmentSlice) -> pl.DataFrame:
    """Find the stays of a slice's profiles in a store, in whichever process: rows as of `find_stays`.

    Raises
    ------
    StoreError
        When the folder is no store, or a damaged one.
    DefinitionError
        When a definition asks what cannot be answered.
    """
    return find_stays(read_store(store), part)


def find_stays(data: Export, part: SegmentSlice) -> pl.DataFrame:
    """Find the stays of a slice's profiles in the segments that are asked for.

    One row per segment, profile and stay, as `Membership` has it, by profile, then in the order of the definitions and
    of time.

    Raises
    ------
    DefinitionError
        When a definition asks what cannot be answered.
    """
    evaluation = _evaluate(data, part)
    profiles = evaluation.account.profiles["profile_id"]
    names = pl.Series([definition.name for definition in part.asked], dtype=pl.String)
    stays = [
        evaluation.find_spans(definition).select(
            "profile", place=pl.lit(place, pl.UInt32), entered_at="start", left_at=_find_end()
        )
        for place, definition in enumerate(part.asked)
    ]
    if not stays:
        return Membership.create_empty()
    together = stays[0] if len(stays) == 1 else pl.concat(stays).sort("profile", "place", maintain_order=True)
    return together.select(
        segment=names.gather(together["place"]),
        profile_id=profiles.gather(together["profile"]),
        entered_at="entered_at",
        left_at="left_at",
    )


def list_spans(data: Export, part: SegmentSlice) -> Iterator[pl.LazyFrame]:
    """List the stays of a slice's profiles, segment by segment, without saying whose they are."""
    evaluation = _evaluate(data, part)
    for definition in part.asked:
        spans = evaluation.find_spans(definition).lazy()
        yield spans.select(segment=pl.lit(definition.name), entered_at="start", left_at=_find_end())


def _find_end() -> pl.Expr:
    return pl.when(pl.col("end") < FAR).then("end")


def check_slice(data: Export, part: SegmentSlice) -> None:
    """Raise what evaluating a slice would raise of its definitions, without reading an event."""
    nothing = replace(data, events=data.events.clear(), profiles=data.profiles.clear(), groups=data.groups.clear())
    find_stays(nothing, part)


def _evaluate(data: Export, part: SegmentSlice) -> Evaluation:
    referred = find_referred(part.asked, part.definitions)
    account = look_at(
        data,
        list_questions(referred),
        calendar=part.calendar,
        until=part.until,
        within=part.profiles,
        is_everyone_asked=_is_about_everyone(referred),
    )
    return Evaluation(account, part.definitions)
