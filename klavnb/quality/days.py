"""Days: which of them are the usual period, and which of those have no events although some would be usual."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from klavnb.quality.checks import Limits

if TYPE_CHECKING:  # the survey needs the period that is found here
    from klavnb.quality.survey import Survey

__all__ = ["ANY", "fill_days", "find_edges", "find_gaps", "find_period", "list_watched", "measure_end"]

ANY: Final = ""
"""Stands for all metrics together."""

WEEK: Final = 7
WEEKS: Final = 4
"""How many weeks before and after a day say what is usual on its week-day."""

LONG: Final = 2 * WEEK
"""From so many days on, a stretch without events would itself decide what is usual near it."""

MOST_LONG: Final = 0.5
"""Where more of the days lie in such stretches, events are not usual, but days without."""

USUAL: Final = 0.25
"""Campaigns make single days large: what is usual is reached by three of four days, not by half of them."""


def find_period(by_day: pl.DataFrame, *, limits: Limits, last_on: date) -> tuple[date, date, int]:
    """Find the first and last day of the usual period, and how many events lie before it.

    Stray are events before the first account could be, and early ones after which nothing follows for long,
    if they are few: a wrong clock, or an import with a default date. The period ends with the last event up to
    `last_on`. Where all events are stray or in the future, all count.

    Parameters
    ----------
    by_day
        `on` and `count_events`, several rows a day or one.
    """
    counts = by_day.group_by("on").agg(pl.col("count_events").sum().cast(pl.Int64)).sort("on")
    past = counts.filter(pl.col("on") <= last_on)
    kept = past if past.height else counts
    if kept.is_empty():
        return last_on, last_on, 0
    total = int(kept["count_events"].sum())
    is_stray = (pl.col("on") < limits.earliest_on) | (
        (pl.col("on").shift(-1) - pl.col("on") > limits.straggling)
        & (pl.col("count_events").cum_sum() <= limits.straggling_share * total)
    )
    last_stray = kept.filter(is_stray)["on"].max()
    usual = kept if last_stray is None else kept.filter(pl.col("on") > last_stray)
    if usual.is_empty():
        usual = kept
    days = usual["on"].to_list()
    return days[0], days[-1], total - int(usual["count_events"].sum())


def list_watched(survey: "Survey") -> list[str]:
    """List the metrics whose days are watched: those of receipts, of touches, and the conversion's."""
    watched = pl.col("role").is_not_null() | (pl.col("metric") == survey.conversion)
    return survey.metrics.filter(watched)["metric"].to_list()


def fill_days(days: pl.DataFrame, metrics: Sequence[str], *, first_on: date, last_on: date) -> pl.DataFrame:
    """Give every metric a row for every day of a period, also where nothing happened.

    Columns: `metric` (`ANY` for all events together), `on`, `count_events`.
    """
    calendar = pl.DataFrame({"on": pl.date_range(first_on, last_on, eager=True)})
    total = (
        days.group_by("on").agg(pl.col("count_events").sum()).select(pl.lit(ANY).alias("metric"), "on", "count_events")
    )
    counts = pl.concat([total, days.select("metric", "on", "count_events")])
    return (
        pl.DataFrame({"metric": [ANY, *metrics]}, schema={"metric": pl.String})
        .join(calendar, how="cross")
        .join(counts, on=["metric", "on"], how="left", maintain_order="left")
        .with_columns(pl.col("count_events").fill_null(0).cast(pl.Int64))
    )


def find_gaps(survey: "Survey") -> pl.DataFrame:
    """Find the days that are missing: stretches without events where some would be usual.

    One row per stretch: `metric` (empty text: no event of any metric), `first_on`, `last_on` (both included),
    `count_days`, `count_usual` (how many events would have been usual). What is usual on a day is reached on three of
    four such week-days in the four weeks before and after; for a stretch of two weeks or longer, in the whole period
    outside such stretches. A metric is watched from its first to its last day, on days when there are other events.

    Examples
    --------
    >>> from klavnb.quality.survey import survey_export
    >>> from klavnb.settings import Settings
    >>> from klavnb.store import read_export
    >>> find_gaps(survey_export(read_export("sample"), settings=Settings())).height
    0
    """
    filled = fill_days(survey.days, list_watched(survey), first_on=survey.first_on, last_on=survey.last_on)
    count, empty = pl.col("count_events"), pl.col("count_events") == 0
    begun, ended = count.cum_sum() > 0, count.cum_sum(reverse=True) == 0
    near = [count.shift(WEEK * weeks).over("metric") for weeks in range(-WEEKS, WEEKS + 1) if weeks]
    watched = filled.with_columns(
        near=pl.concat_list(near).list.eval(pl.element().quantile(USUAL, "lower")).list.first().fill_null(0),
        run=empty.rle_id().over("metric"),
        is_silent=((pl.col("metric") == ANY) & empty).any().over("on"),
    ).filter((begun & ~ended).over("metric"))
    is_long = pl.col("is_long")
    # what happens on a few days a month, as campaigns do, is not usual on the others
    ever = pl.when(is_long.mean().over("metric") <= MOST_LONG).then(
        count.filter(~is_long).quantile(USUAL, "lower").over("metric", pl.col("on").dt.weekday())
    )
    days = (
        watched.with_columns(is_long=empty & (pl.len().over("metric", "run") >= LONG))
        .with_columns(usual=pl.when(is_long).then(pl.max_horizontal("near", ever)).otherwise("near"))
        .filter(empty, (pl.col("metric") == ANY) | ~pl.col("is_silent"))
    )
    return (
        days.group_by("metric", "run")
        .agg(
            first_on=pl.col("on").min(),
            last_on=pl.col("on").max(),
            count_days=pl.len().cast(pl.Int64),
            count_usual=pl.col("usual").sum().round().cast(pl.Int64),
        )
        .filter(pl.col("count_usual") >= survey.limits.least_usual)
        .sort("metric", "first_on")
        .drop("run")
    )


def find_edges(survey: "Survey") -> pl.DataFrame:
    """Find the watched metrics that begin late or end early in the period, though some events would be usual by then.

    One row per metric and edge: `metric`, `edge` (`begins` or `ends`), `on` (its first or last day), `count_days`
    without it, at the period's edge.
    """
    inside = survey.days.filter(pl.col("on").is_between(survey.first_on, survey.last_on))
    spans = (
        inside.filter(pl.col("metric").is_in(list_watched(survey)))
        .group_by("metric")
        .agg(pl.col("count_events").sum(), begins=pl.col("on").min(), ends=pl.col("on").max())
        .with_columns(per_day=pl.col("count_events") / ((pl.col("ends") - pl.col("begins")).dt.total_days() + 1))
    )
    edges = {
        "begins": (pl.col("begins") - survey.first_on).dt.total_days(),
        "ends": (pl.lit(survey.last_on) - pl.col("ends")).dt.total_days(),
    }
    found = [
        spans.select("metric", "per_day", edge=pl.lit(edge), on=pl.col(edge), count_days=days)
        for edge, days in edges.items()
    ]
    return (
        pl.concat(found)
        .filter(
            pl.col("count_days") >= survey.limits.edge / timedelta(days=1),
            pl.col("count_days") * pl.col("per_day") >= survey.limits.least_usual,
        )
        .sort("metric", "edge")
        .drop("per_day")
    )


def measure_end(survey: "Survey") -> tuple[int, int]:
    """Count the events of the last three full days, and what would be usual on them.

    Looked at are events that name no message: how many messages are sent differs from day to day. Usual is the
    median of the week-day in the four weeks before; the very last day is left out, as an export ends within it.
    """
    days = survey.days.select("metric", "on", count_events="count_messageless")
    last_on = survey.last_on - timedelta(days=1)
    if survey.count_days <= WEEK * WEEKS:
        return 0, 0
    filled = fill_days(days, [], first_on=survey.first_on, last_on=last_on)
    before = [pl.col("count_events").shift(WEEK * weeks) for weeks in range(1, WEEKS + 1)]
    ends = filled.with_columns(usual=pl.concat_list(before).list.drop_nulls().list.median()).tail(3)
    return int(ends["count_events"].sum()), round(ends["usual"].sum())
