"""Checks of the period: missing days, metrics that come and go, the two ends."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Final

import polars as pl

from klavnb.errors import name_some
from klavnb.quality.checks import NO_ORDERS, UNJUDGED, Check, Level, agree, grade
from klavnb.quality.days import ANY, WEEK, find_edges, find_gaps, list_watched, measure_end
from klavnb.quality.survey import Survey
from klavnb.windows import describe_window
from klavnb.wording import format_count, format_share

__all__ = ["check_period"]

TOO_SHORT: Final = "The period is too short to tell what is usual on a day."
NONE_WATCHED: Final = "There is no metric that attribution needs."


def check_period(survey: Survey) -> Iterator[Check]:
    """Check the period of an export, its gaps and its two ends."""
    gaps = find_gaps(survey)
    yield _check_length(survey)
    yield _check_gaps(survey, gaps.filter(metric=ANY))
    yield _check_metric_gaps(survey, gaps.filter(pl.col("metric") != ANY))
    yield _check_metric_edges(survey)
    yield _check_thin_end(survey)
    yield _check_missing_events(survey)
    yield _check_provisional(survey)
    yield _check_run_up(survey)


def _check_length(survey: Survey) -> Check:
    ends = f"; the last event is of {survey.ends_at:%H:%M} UTC" if survey.ends_at else ""
    is_short = survey.count_days < survey.limits.least_days
    return Check(
        name="period",
        level="look" if is_short else "good",
        found=f"Events from {_say(survey.first_on)} to {_say(survey.last_on)}, "
        f"{format_count(survey.count_days, 'day')}{ends}.",
        effect="So short a period cannot show missing days or a thin end, and most of its orders lack earlier touches."
        if is_short
        else "",
        advice=f"Export {survey.limits.least_days} days or more." if is_short else "",
        count=survey.count_days,
    )


def _check_gaps(survey: Survey, gaps: pl.DataFrame) -> Check:
    if survey.count_days <= WEEK:
        return Check(name="gaps", level=UNJUDGED, found=TOO_SHORT, of_count=survey.count_days)
    missing = int(gaps["count_days"].sum())
    if not missing:
        return Check(name="gaps", level="good", found="No day of the period is missing.", of_count=survey.count_days)
    return Check(
        name="gaps",
        level=grade(missing, survey.count_days, look=0, serious=survey.limits.serious_gap),
        found=f"{format_count(missing, 'day')} of {survey.count_days:,} without any event, where some are usual: "
        f"{_name_stretches(gaps)}.",
        effect="Orders and touches of these days count nowhere, and orders soon after them may be credited too little.",
        advice="Export these days again and load them with the rest.",
        count=missing,
        of_count=survey.count_days,
        parts=_list_stretches(gaps),
    )


def _check_metric_gaps(survey: Survey, gaps: pl.DataFrame) -> Check:
    if unjudged := _find_nothing_to_watch(survey, longer_than=WEEK):
        return Check(name="metric_gaps", level=UNJUDGED, found=unjudged, of_count=survey.count_days)
    if gaps.is_empty():
        found = "No metric that attribution needs stops for days while others go on."
        return Check(name="metric_gaps", level="good", found=found, of_count=survey.count_days)
    by_metric = gaps.partition_by("metric", maintain_order=True)
    told = [f"{of_metric['metric'][0]} {_name_stretches(of_metric)}" for of_metric in by_metric]
    longest = max(int(of_metric["count_days"].sum()) for of_metric in by_metric)
    return Check(
        name="metric_gaps",
        level=grade(longest, survey.count_days, look=0, serious=survey.limits.serious_gap),
        found=f"Missing for days while other events go on: {'; '.join(told)}.",
        effect=_say_effect(survey, gaps["metric"]),
        advice="Export these metrics for these days again; if Klaviyo shows none there either, nothing is wrong.",
        count=longest,
        of_count=survey.count_days,
        parts=_list_stretches(gaps),
    )


def _find_nothing_to_watch(survey: Survey, *, longer_than: int) -> str:
    """Say why the days of metrics cannot be judged; nothing if they can."""
    if not list_watched(survey):
        return NONE_WATCHED
    return TOO_SHORT if survey.count_days <= longer_than else ""


def _check_metric_edges(survey: Survey) -> Check:
    if unjudged := _find_nothing_to_watch(survey, longer_than=survey.limits.edge.days):
        return Check(name="metric_edges", level=UNJUDGED, found=unjudged)
    edges = find_edges(survey)
    if edges.is_empty():
        found = (
            "No metric that attribution needs, and that has events often enough to tell, begins "
            f"{format_count(survey.limits.edge.days, 'day')} or more after the period’s begin or ends as long before its end."
        )
        return Check(name="metric_edges", level="good", found=found)
    told = [
        f"{row['metric']} {'begins only' if row['edge'] == 'begins' else 'ends already'} on {_say(row['on'])}"
        for row in edges.to_dicts()
    ]
    return Check(
        name="metric_edges",
        level="serious" if _lose_receipts(survey, edges) or survey.conversion in edges["metric"] else "look",
        found=f"{name_some(told)}.",
        effect=_say_effect(survey, edges["metric"]),
        advice="If the shop did not begin or stop it then, export it for the whole period; else ask only about the days "
        "that have it.",
        count=edges.height,
        parts={f"{row['metric']} {row['edge']} {row['on']}": row["count_days"] for row in edges.to_dicts()},
    )


def _lose_receipts(survey: Survey, edges: pl.DataFrame) -> bool:
    """Tell whether a channel’s receipts are absent while its opens or clicks go on."""
    roles = dict(survey.metrics.select("metric", "role").drop_nulls().iter_rows())
    channels = {
        metric: role.partition(".")[0] for metric, role in roles.items() if role.partition(".")[2] != "received"
    }
    for row in edges.to_dicts():
        channel, _, kind = roles.get(row["metric"], "").partition(".")
        touches = [metric for metric, of_channel in channels.items() if of_channel == channel]
        without = pl.col("on") < row["on"] if row["edge"] == "begins" else pl.col("on") > row["on"]
        inside = pl.col("on").is_between(survey.first_on, survey.last_on)
        count = survey.days.filter(pl.col("metric").is_in(touches), inside, without)["count_events"].sum()
        if kind == "received" and count >= survey.limits.least_usual:
            return True
    return False


def _say_effect(survey: Survey, metrics: Iterable[str]) -> str:
    """Say what the absence of metrics does, by what they are."""
    found = set(metrics)
    roles = survey.metrics.filter(pl.col("metric").is_in(list(found)))["role"].drop_nulls()
    is_receipt = roles.str.ends_with(".received")
    told = {
        "Revenue of these days is missing.": survey.conversion in found,
        "Windows run from the sending or the touch instead of the receipt, which credits more.": is_receipt.any(),
        "Orders of these days, and soon after, are credited to other messages or to none.": (~is_receipt).any(),
    }
    return " ".join(text for text, holds in told.items() if holds)


def _check_thin_end(survey: Survey) -> Check:
    count, usual = measure_end(survey)
    if usual < survey.limits.least_usual:
        few = "Too few events a day name no message to tell whether the last days are full."
        found = TOO_SHORT if survey.count_days <= survey.limits.least_days else few
        return Check(name="thin_end", level=UNJUDGED, found=found, count=count, of_count=usual)
    level = _grade_end(count / usual, survey.limits.thin_end)
    if level == "good":
        found = "The last days are as full as such days usually are."
        return Check(name="thin_end", level="good", found=found, count=count, of_count=usual)
    return Check(
        name="thin_end",
        level=level,
        found=f"The last three full days hold {format_count(count, 'event')} without a message, where about {usual:,} would "
        "be usual.",
        effect="The last orders and touches are missing: the export was cut, or events arrive late.",
        advice="Export the last days again, or end the report before them.",
        count=count,
        of_count=usual,
    )


def _grade_end(share: float, thin: float) -> Level:
    if share >= thin:
        return "good"
    return "look" if share >= thin / 5 else "serious"


def _check_missing_events(survey: Survey) -> Check:
    people, limits = survey.profiles, survey.limits
    lacking, dated, later = people["count_lacking"], people["count_dated"], people["count_later"]
    if not dated + later:
        found = "The export does not say when profiles were last active, so events that are missing do not show there."
        advice = "The answers of /api/profiles, put beside the events, say it."
        return Check(name="missing_events", level=UNJUDGED, found=found, advice=advice)
    after = f"{format_count(later, 'profile')} did something after the export’s last event." if later else ""
    if not dated:
        found = f"{after} No profile was last active in the period, so there is nothing to compare."
        return Check(name="missing_events", level=UNJUDGED, found=found)
    if not lacking:
        found = "Each profile’s last event, as its record has it, is in the export."
        return Check(name="missing_events", level="good", found=after or found, of_count=dated)
    return Check(
        name="missing_events",
        level=grade(lacking, dated, look=limits.look_share, serious=limits.serious_share),
        found=f"Of {format_count(dated, 'profile')} last active in the period, {lacking:,} "
        f"({format_share(lacking, dated)}) {agree(lacking, dated, 'lacks', 'lack')} that event. {after}".rstrip(),
        effect="Events happened that the export does not hold: metrics were left out, or were not yet there when it was made."
        if lacking
        else "",
        advice="Export all metrics, after the last day has passed; what is not needed can be ignored."
        if lacking
        else "",
        count=lacking,
        of_count=dated,
    )


def _check_provisional(survey: Survey) -> Check:
    recent, orders = survey.recorded["provisional"], survey.recorded["count_orders"]
    if not orders:
        return Check(name="provisional", level=UNJUDGED, found=NO_ORDERS)
    length = describe_window(survey.limits.provisional)
    return Check(
        name="provisional",
        level=grade(recent, orders, look=survey.limits.look_share),
        found=f"{_part(recent, orders)} {agree(recent, orders, 'is', 'are')} of the last {length}.",
        effect="Late touches may still change what is credited for them; Klaviyo revises its own figures too."
        if recent
        else "",
        advice="End a report a few days before the export’s last day, or export again later." if recent else "",
        count=recent,
        of_count=orders,
    )


def _check_run_up(survey: Survey) -> Check:
    early, orders = survey.recorded["early"], survey.recorded["count_orders"]
    if not orders:
        return Check(name="run_up", level=UNJUDGED, found=NO_ORDERS)
    window = survey.settings.longest_window
    begin = survey.first_on + timedelta(days=-(-window // timedelta(days=1)))
    return Check(
        name="run_up",
        level=grade(early, orders, look=survey.limits.look_share),
        found=f"{_part(early, orders)} {agree(early, orders, 'is', 'are')} of the first {describe_window(window)}, the longest "
        "window.",
        effect="Touches before the export’s begin are not known, so these orders may be credited too little."
        if early
        else "",
        advice=f"Begin a report on {_say(begin)} or later." if early else "",
        count=early,
        of_count=orders,
    )


def _part(count: int, orders: int) -> str:
    return f"{count:,} of {format_count(orders, 'order')} ({format_share(count, orders)})"


def _say(on: date) -> str:
    return f"{on:%-d %B %Y}"


def _name_stretches(gaps: pl.DataFrame) -> str:
    """Name the longest stretches, as a person would."""
    longest = gaps.sort("count_days", "first_on", descending=[True, False])
    told = [
        _say(row["first_on"]) if row["count_days"] == 1 else f"{_say(row['first_on'])} to {_say(row['last_on'])}"
        for row in longest.to_dicts()
    ]
    return name_some(told)


def _list_stretches(gaps: pl.DataFrame) -> dict[str, int]:
    return {
        f"{row['metric']} {row['first_on']} to {row['last_on']}".strip(): row["count_days"] for row in gaps.to_dicts()
    }
