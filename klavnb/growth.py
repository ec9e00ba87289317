"""Which segments grew or shrank, told only where the export goes back far enough to know."""

from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from klavnb.definitions import (
    Condition,
    DateFilter,
    Definition,
    FunnelCondition,
    MetricCondition,
    SegmentCondition,
    find_conditions,
)
from klavnb.segments import find_instant
from klavnb.studies import SegmentStudy

__all__ = ["compare_sizes"]

RECENT: Final = timedelta(days=90)
UNITS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}


def compare_sizes(study: SegmentStudy) -> pl.LazyFrame:
    """Compare the size of each segment on an earlier day with that at the end of the period.

    One row per segment that can be compared, in the order of the definitions: `segment`, `count_days` (from the earlier
    day to the last), `first`, `last`. The earlier day is the first of the period; where no segment can be compared with
    that, it is 90 days before the end; where none can with that either, there is no row.

    Notes
    -----
    A segment can be compared with a day on which the export already covered all that it looks back over. One that looks
    back over all time never can: it grows with the export. So it is with a segment that asks for other segments.
    """
    begins_at = study.export.summary.first_event_at
    spans = {definition.name: _find_span(definition) for definition in study.definitions}
    from_on, names = study.end_on, list[str]()
    if begins_at:
        begins_on = begins_at.astimezone(ZoneInfo(study.calendar.time_zone)).date()
        for day in (max(study.start_on, study.end_on - RECENT), study.start_on):
            known = _list_known(spans, day - begins_on)
            from_on, names = (day, known) if known else (from_on, names)
    return (
        study.sizes.filter(pl.col("as_of") >= find_instant(from_on, study.calendar), pl.col("segment").is_in(names))
        .group_by("segment", maintain_order=True)
        .agg(first=pl.col("count_members").first(), last=pl.col("count_members").last())
        .with_columns(count_days=pl.lit(_count_days(from_on, study.end_on), dtype=pl.Int64))
        .select("segment", "count_days", "first", "last")
    )


def _count_days(first_on: date, last_on: date) -> int:
    return (last_on - first_on).days


def _list_known(spans: dict[str, timedelta | None], age: timedelta) -> list[str]:
    """List the segments that look back no further than an export of this age does."""
    return [name for name, span in spans.items() if span is not None and span <= age]


def _find_span(definition: Definition) -> timedelta | None:
    """Find how far back a segment looks; None: without end, or not known."""
    spans = [_measure(condition) for condition in find_conditions(definition.root)]
    known = [span for span in spans if span is not None]
    return max(known, default=timedelta(0)) if len(known) == len(spans) else None


def _measure(condition: Condition) -> timedelta | None:
    match condition:
        case MetricCondition(timeframe=timeframe):
            return _measure_frame(timeframe)
        case FunnelCondition(timeframe=timeframe, completion_window_hours=hours):
            span = _measure_frame(timeframe)
            return None if span is None else span + timedelta(hours=hours or 0)
        case SegmentCondition():
            return None
        case _:  # what it asks is of the profile, not of events
            return timedelta(0)


def _measure_frame(timeframe: DateFilter) -> timedelta | None:
    match timeframe.operator:
        case "in-the-last":
            return timeframe.quantity * UNITS[timeframe.unit]
        case "between":
            return timeframe.farthest * UNITS[timeframe.unit]
        case _:
            return None
