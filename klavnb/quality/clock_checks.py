"""Checks of clocks: times that cannot be, and times that are too round."""

from collections.abc import Iterator

import polars as pl

from klavnb.errors import name_some
from klavnb.quality.checks import UNJUDGED, Check, grade
from klavnb.quality.survey import Survey
from klavnb.wording import format_count, format_share

__all__ = ["check_clocks"]


def check_clocks(survey: Survey) -> Iterator[Check]:
    """Check the times of events."""
    yield _check_future(survey)
    yield _check_stray(survey)
    yield _check_midnight(survey)
    yield _check_seconds(survey)


def _check_future(survey: Survey) -> Check:
    late = survey.metrics.filter(pl.col("count_future") > 0)
    count, total = int(late["count_future"].sum()), survey.count_events
    if not count:
        return Check(name="future", level="good", found="No event lies in the future.", of_count=total)
    return Check(
        name="future",
        level=grade(count, total, look=0, serious=survey.limits.serious_gap),
        found=f"Later than {survey.as_of:%-d %B %Y %H:%M} UTC: {format_count(count, 'event')} ({format_share(count, total)}), "
        f"{_name_metrics(late, 'count_future')}.",
        effect="A clock was wrong. Reports leave such orders out, and the export seems to end later than it does.",
        advice="Find what sends them; give a report an end.",
        count=count,
        of_count=total,
        parts=dict(late.select("metric", "count_future").iter_rows()),
    )


def _check_stray(survey: Survey) -> Check:
    count, total = survey.count_stray, survey.count_events
    if not count:
        return Check(name="stray", level="good", found="No event lies long before all others.", of_count=total)
    stray = survey.days.filter(pl.col("on") < survey.first_on)
    first_on, last_on = (f"{on:%-d %B %Y}" for on in (stray["on"].sort()[0], stray["on"].sort()[-1]))
    span = f"of {first_on}" if first_on == last_on else f"from {first_on} to {last_on}"
    by_metric = (
        stray.group_by("metric")
        .agg(pl.col("count_events").sum())
        .sort("count_events", "metric", descending=[True, False])
    )
    return Check(
        name="stray",
        level="look",
        found=f"{format_count(count, 'event')} {span}, long before "
        f"the others begin on {survey.first_on:%-d %B %Y}: {_name_metrics(by_metric, 'count_events')}.",
        effect="An import without times, or a wrong clock. The export seems to begin earlier than it does, so “ever” "
        "and the orders without a run-up are misjudged.",
        advice=f"Give a report a start of {survey.first_on:%Y-%m-%d} or later.",
        count=count,
        of_count=total,
        parts=dict(by_metric.select("metric", pl.col("count_events").cast(pl.Int64)).iter_rows()),
    )


def _check_midnight(survey: Survey) -> Check:
    limits = survey.limits
    if _has_few(survey, limits.least_usual):
        found = f"No metric has {limits.least_usual} events or more, so that round times could show."
        return Check(name="midnight", level=UNJUDGED, found=found, of_count=survey.count_events)
    # a handful of events may fall on a second by chance
    round_ones = survey.metrics.filter(
        pl.col("count_midnight") >= limits.least_usual,
        pl.col("count_midnight") >= limits.midnight * pl.col("count_events"),
    )
    count, total = int(round_ones["count_midnight"].sum()), int(round_ones["count_events"].sum())
    if not count:
        found = "No metric has many events at exactly midnight."
        return Check(name="midnight", level="good", found=found, of_count=survey.count_events)
    used = round_ones.filter(pl.col("role").is_not_null() | (pl.col("metric") == survey.conversion))
    worst = (used["count_midnight"] / used["count_events"]).max() or 0
    return Check(
        name="midnight",
        level="serious" if isinstance(worst, float) and worst >= limits.serious_share else "look",
        found=f"{format_count(count, 'event')} are of exactly 00:00:00 UTC: {_name_metrics(round_ones, 'count_midnight')}.",
        effect="Their time of day is lost: an order may seem to come before the click that led to it, and windows are wrong "
        "by up to a day.",
        advice="Export these metrics with their times, by the API instead of a table of days.",
        count=count,
        of_count=total,
        parts=dict(round_ones.select("metric", "count_midnight").iter_rows()),
    )


def _check_seconds(survey: Survey) -> Check:
    least = survey.limits.least_same_second
    if _has_few(survey, least):
        found = f"No metric has {least} events or more, so that an import at once could show."
        return Check(name="same_second", level=UNJUDGED, found=found, of_count=survey.count_events)
    if survey.seconds.is_empty():
        found = "No metric has very many events in one second."
        return Check(name="same_second", level="good", found=found, of_count=survey.count_events)
    told = [
        f"{row['count_events']:,} of {row['metric']} at {row['occurred_at']:%-d %B %Y %H:%M:%S}"
        for row in survey.seconds.to_dicts()
    ]
    return Check(
        name="same_second",
        level="look",
        found=f"Very many events in one second: {name_some(told)} UTC.",
        effect="They were imported at once, or their time is that of the import: their order and windows mean nothing.",
        advice="Import with the times at which it happened; begin a report after that second.",
        count=int(survey.seconds["count_events"].sum()),
        of_count=survey.count_events,
        parts=dict(survey.seconds.select("metric", "count_events").iter_rows()),
    )


def _has_few(survey: Survey, least: int) -> bool:
    """Tell whether every metric has fewer events than that."""
    return survey.metrics.filter(pl.col("count_events") >= least).is_empty()


def _name_metrics(metrics: pl.DataFrame, column: str) -> str:
    return name_some([f"{name} {count:,}" for name, count in metrics.select("metric", column).iter_rows()])
