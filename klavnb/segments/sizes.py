"""How large segments are over time, from who enters and who leaves: the cost grows with stays, not with days."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import dataframely as dy
import polars as pl

from klavnb.definitions.conditions import Definition
from klavnb.errors import SettingsError
from klavnb.export import Export, read_store
from klavnb.schemas import Membership, SegmentSize
from klavnb.segments.calendar import UTC_CALENDAR, AsOf, Calendar, find_instant, read_date
from klavnb.segments.slices import SegmentSlice, list_spans, plan_slices

__all__ = ["add_changes", "count_changes", "count_sizes", "count_slice", "list_moments", "segment_sizes"]

NO_CHANGES: Final = pl.DataFrame(
    schema={"segment": pl.String, "place": pl.UInt32, "count_entered": pl.Int64, "count_left": pl.Int64}
)


def segment_sizes(
    data: Export,
    definitions: Sequence[Definition],
    *,
    start: AsOf,
    end: AsOf,
    every: str = "1d",
    calendar: Calendar = UTC_CALENDAR,
) -> dy.LazyFrame[SegmentSize]:
    """Find how many are in each segment at each of many moments, and how many came and went in between.

    One row per segment and moment, in the order of the definitions and of time; a segment without members has
    its rows too. `count_entered` and `count_left` count stays that began or ended after the moment before, up to
    and with `as_of`; in the first row, after the moment that would have come before it. So each size is the one
    before, plus those who entered, minus those who left.

    Parameters
    ----------
    data, definitions, calendar
        As for `find_memberships`.
    start, end
        The first moment, and the last at the latest: two days, of which each moment is the end of one, or two moments.
    every
        How far moments are apart: `1d`, `1w`, `1mo`, `1q`, `1y`, or, between moments, hours such as `6h`.

    Raises
    ------
    DefinitionError
        As `find_memberships` does.
    SettingsError
        When the end is before the start, one is a day and the other a moment, or `every` is no such step.

    Examples
    --------
    >>> from klavnb.definitions import single_order_at_least
    >>> from klavnb.store import read_export
    >>> large = single_order_at_least(100, days=30)
    >>> sizes = segment_sizes(read_export("sample"), [large], start="2026-06-30", end="2026-08-31", every="1mo")
    >>> sizes.select(pl.col("as_of").dt.date()).collect().to_series().to_list()
    [datetime.date(2026, 6, 30), datetime.date(2026, 7, 30), datetime.date(2026, 8, 30)]
    """
    moments = list_moments(start, end, every=every, calendar=calendar)
    parts = plan_slices(data, definitions, calendar=calendar, until=moments[-1])
    return add_changes([count_changes(data, part, moments) for part in parts], definitions, moments)


def list_moments(start: AsOf, end: AsOf, *, every: str, calendar: Calendar) -> pl.Series:
    """List the moments from a start to an end, and before them the one that would have come first.

    Raises
    ------
    SettingsError
        When the end is before the start, one is a day and the other a moment, or `every` is no step.
    """
    first, last = (read_date(each) if isinstance(each, str) else each for each in (start, end))
    if isinstance(first, datetime) != isinstance(last, datetime):
        raise SettingsError(
            f"start and end: expected two days or two moments, found {start} and {end}.",
            hint="Give both as YYYY-MM-DD, or both as moments with a time zone.",
        )
    if find_instant(last, calendar) < find_instant(first, calendar):
        raise SettingsError(f"end: expected {start} or later, found {end}.", hint="Swap start and end.")
    try:
        if isinstance(first, datetime):
            local = pl.Series([first, last]).dt.convert_time_zone(calendar.time_zone)
            steps = pl.datetime_range(local[0], local[1], every, eager=True)
            before = local.head(1).dt.offset_by(f"-{every}")
            return pl.concat([before, steps]).dt.convert_time_zone("UTC").dt.cast_time_unit("us")
        days = pl.date_range(first, last, every, eager=True)
        grid = pl.concat([pl.Series([first]).dt.offset_by(f"-{every}"), days])
    except pl.exceptions.PolarsError as error:
        raise SettingsError(
            f"every: expected a step such as 1d, 1w, 1mo or 1q, found {every!r}.",
            hint="Days, weeks, months, quarters and years step between days; hours only between moments.",
        ) from error
    return pl.Series([find_instant(day, calendar) for day in grid], dtype=pl.Datetime("us", "UTC"))


def count_slice(store: str | Path, part: SegmentSlice, moments: pl.Series) -> pl.DataFrame:
    """Count the changes of a slice's profiles in a store, in whichever process: rows as of `count_changes`.

    Raises
    ------
    StoreError
        When the folder is no store, or a damaged one.
    DefinitionError
        When a definition asks what cannot be answered.
    """
    return count_changes(read_store(store), part, moments)


def count_changes(data: Export, part: SegmentSlice, moments: pl.Series) -> pl.DataFrame:
    """Count, of some profiles, who enters and leaves each segment between moments.

    One row per segment and moment at which something changed: `segment`, `place` (of the first moment that knows of
    it, from 0), `count_entered`, `count_left`. What comes after the last moment has the place after it.

    Parameters
    ----------
    data
        The export.
    part
        What is asked of whom, as `plan_slices` gives it.
    moments
        As `list_moments` gives them.

    Raises
    ------
    DefinitionError
        When a definition asks what cannot be answered.
    """
    return pl.concat([NO_CHANGES, *(_count(spans, moments).collect() for spans in list_spans(data, part))])


def add_changes(
    changes: Iterable[pl.DataFrame], segments: Sequence[Definition], moments: pl.Series
) -> dy.LazyFrame[SegmentSize]:
    """Add up what `count_changes` found of all profiles, to the sizes at each moment but the first.

    One row per segment and moment, as of `segment_sizes`.

    Parameters
    ----------
    changes
        Those of all slices of a plan, in any order.
    segments
        The segments, in the order in which they are wanted.
    moments
        The same for which the changes were counted.
    """
    return _add(pl.concat([NO_CHANGES, *changes]).lazy(), [segment.name for segment in segments], moments)


def count_sizes(
    stays: dy.LazyFrame[Membership], segments: Sequence[str], moments: pl.Series
) -> dy.LazyFrame[SegmentSize]:
    """Count, from stays, who is in at each moment but the first, which only says since when changes are counted."""
    return _add(_count(stays, moments), segments, moments)


def _count(stays: pl.LazyFrame, moments: pl.Series) -> pl.LazyFrame:
    entered, left = (
        stays.drop_nulls(column)
        .select("segment", place=_find_place(column, moments))
        .group_by("segment", "place")
        .agg(pl.len().cast(pl.Int64).alias(name))
        for column, name in (("entered_at", "count_entered"), ("left_at", "count_left"))
    )
    return pl.concat([entered, left], how="diagonal").select(
        "segment", "place", pl.col("count_entered", "count_left").fill_null(0)
    )


def _add(changes: pl.LazyFrame, segments: Sequence[str], moments: pl.Series) -> dy.LazyFrame[SegmentSize]:
    grid = pl.LazyFrame({"segment": list(segments)}, schema={"segment": pl.String}).join(
        pl.LazyFrame({"as_of": moments}).with_row_index("place"), how="cross", maintain_order="left_right"
    )
    summed = changes.group_by("segment", "place").agg(pl.col("count_entered", "count_left").sum())
    sizes = (
        grid.join(summed, on=["segment", "place"], how="left", maintain_order="left")
        .with_columns(pl.col("count_entered", "count_left").fill_null(0))
        .with_columns(count_members=(pl.col("count_entered") - pl.col("count_left")).cum_sum().over("segment"))
        .filter(pl.col("place") > 0)
        .select("segment", "as_of", "count_members", "count_entered", "count_left")
    )
    return SegmentSize.cast(sizes)


def _find_place(column: str, moments: pl.Series) -> pl.Expr:
    """The first moment that knows of a change, as its place; past the end: none does."""
    return pl.lit(moments.to_physical()).search_sorted(pl.col(column).to_physical(), side="left").cast(pl.UInt32)
