"""What became of messages: where flows lose people, what is unusual, what changed, and by which day it counts."""

import math
from typing import Any, Final

import dataframely as dy
import polars as pl

from klavnb.channels import CHANNEL_NAMES
from klavnb.escaping import escape_markdown
from klavnb.findings.finding import Finding, say_money
from klavnb.findings.performance import pick_date, say_price
from klavnb.performance import PER_RECIPIENT, MessageStudy, find_wilson
from klavnb.performance.words import MEASURE_NAMES, say_dating, say_days
from klavnb.schemas import MessageMeasure
from klavnb.wording import format_count, format_share

__all__ = ["state_deliveries", "state_message_changes", "state_message_dates", "state_steps", "state_unusual"]

HOW_STEPS: Final = (
    "Each bar is one message of a flow, in the order in which people receive them, with the number delivered. Each delivered "
    "message counts once, an order first: whoever ordered and also received the next message counts as ordered, not as gone on. "
    "So the next step may have more deliveries than went on here; people who entered before the period are in it too. "
    "An order of a message whose receipt the export lacks is missing here. Most flows end for people who order in the "
    "meantime, or who cannot be reached on the next channel."
)
"""How the steps are counted, beneath any finding."""


def state_steps(steps: pl.LazyFrame, *, least: int) -> Finding:
    """Say where in the flows most order, and where most leave.

    Parameters
    ----------
    steps
        As `klavnb.performance.measure_steps` gives it.
    least
        Steps of fewer receipts are not spoken of.
    """
    rows = steps.filter(pl.col("count_received") >= least).collect()
    if rows.is_empty():
        return Finding(
            "## No flow can be followed step by step\n\nThe export holds too few receipts of flows in this period."
        )
    bounds = find_wilson(pl.col("rate"), pl.col("count_received"))
    by_order = (
        rows.with_columns(rate=pl.col("count_ordered") / pl.col("count_received"))
        .with_columns(low=bounds[0], high=bounds[1])
        .sort("rate", "label", descending=[True, False])
        .to_dicts()
    )
    best = by_order[0]
    left = rows.sort("count_left", "label", descending=[True, False]).row(0, named=True)
    lost = int(rows["count_left"].sum())
    leaving = (
        f"After {format_count(lost, 'message')} of flows the reader unsubscribed or complained of spam, most often after "
        f"“{escape_markdown(left['label'])}” ({left['count_left']:,} of {left['count_received']:,})."
        if lost
        else "No message of a flow was followed by an unsubscription or a spam complaint."
    )
    if not best["count_ordered"]:
        return Finding(f"## No message of a flow earned an order\n\n{leaving}\n\n{HOW_STEPS}{_say_branches(rows)}")
    ordered, orders = (int(rows[name].sum()) for name in ("count_ordered", "count_orders"))
    several = (
        f"{format_count(ordered, 'delivered message')} of flows earned {format_count(orders, 'order')}, since one may earn several. "
        if orders > ordered
        else ""
    )
    return Finding(
        f"## “{escape_markdown(best['label'])}” leads to an order most often: {format_share(best['rate'], 1)} "
        f"({best['count_ordered']:,} of {best['count_received']:,})\n\n"
        f"With other people like these, it would lie between {format_share(best['low'], 1)} and {format_share(best['high'], 1)} in 95 of "
        f"100 cases{_say_next(by_order)}. {several}{leaving}\n\n{HOW_STEPS}{_say_branches(rows)}"
    )


def _say_next(by_order: list[dict[str, Any]]) -> str:
    """Say which message comes next, and whether the difference is more than chance (Newcombe's method 10)."""
    if len(by_order) == 1:
        return ""
    best, following = by_order[:2]
    swing = math.hypot(best["rate"] - best["low"], following["high"] - following["rate"])
    sure = "is clearly lower" if best["rate"] - following["rate"] > swing else "is so near that the lead is not certain"
    return f"; “{escape_markdown(following['label'])}” with {format_share(following['rate'], 1)} {sure}"


def _say_branches(rows: pl.DataFrame) -> str:
    """Name the steps that nobody goes on from, though their flow has a later one."""
    last = pl.col("step").max().over("flow_id")
    ends = rows.filter(pl.col("step") < last, pl.col("count_went_on") == 0)["label"].to_list()
    return (
        f" From {', '.join(f'“{escape_markdown(label)}”' for label in ends)} nobody went on to the later message of the flow: it looks as if the "
        "flow branches there, and a person receives one or the other."
        if ends
        else ""
    )


def state_deliveries(measures: dy.LazyFrame[MessageMeasure]) -> Finding:
    """Say how many messages did not arrive, and how many people left.

    Parameters
    ----------
    measures
        As `klavnb.measure_messages` gives it, by channel.
    """
    rows = measures.filter(pl.col("channel") != "session").collect().to_dicts()
    words = {
        "count_bounced": ("message bounced", "messages bounced"),
        "count_dropped": ("message was dropped before it was sent", "messages were dropped before they were sent"),
        "count_failed": ("text was not delivered", "texts were not delivered"),
        "count_unsubscribed": ("person unsubscribed", "people unsubscribed"),
        "count_marked_spam": ("person marked a message as spam", "people marked a message as spam"),
    }
    told = [
        f"- **{CHANNEL_NAMES[row['channel']]}:** "
        + ", ".join(format_count(row[name], *how) for name, how in words.items() if row[name] is not None)
        for row in rows
        if any(row[name] is not None for name in words)
    ]
    if not told:
        return Finding(
            "## The export does not say who left\n\nIt holds no bounce, unsubscription or spam complaint of a message."
        )
    left = sum(row["count_unsubscribed"] or 0 for row in rows)
    lost = sum((row["count_bounced"] or 0) + (row["count_failed"] or 0) for row in rows)
    dropped = sum(row["count_dropped"] or 0 for row in rows)
    unsent = (
        f" Klaviyo dropped {format_count(dropped, 'message')} before sending: "
        f"{'it is' if dropped == 1 else 'they are'} not among the {lost:,} that were sent but not delivered."
        if dropped
        else ""
    )
    return Finding(
        f"## {format_count(left, 'unsubscription')}, {format_count(lost, 'message')} not delivered\n\n"
        + "\n".join(told)
        + "\n\nSomeone who unsubscribed from e-mails and from texts counts in both. Only what names a message counts here: an "
        f"unsubscription on the shop’s own page names none.{unsent}"
    )


def state_unusual(rates: pl.LazyFrame, *, currency: str | None) -> Finding:
    """Say which messages lie apart from the account's own median.

    Parameters
    ----------
    rates
        As `klavnb.performance.add_median` gives it.
    """
    judged = rates.filter(pl.col("verdict").is_not_null()).collect()
    unjudged = (
        rates.filter(pl.col("verdict").is_null())
        .group_by("measure")
        .len()
        .sort("len", "measure", descending=[True, False])
    )
    counts = {MEASURE_NAMES[measure]: count for measure, count in unjudged.collect().iter_rows()}
    too_few = sum(counts.values())
    kinds = ", ".join(f"{name[0].lower()}{name[1:]} {count:,}" for name, count in counts.items())
    how = (
        "Each is compared with the median of its kind in this account and period: the same channel, campaigns with campaigns, "
        "flows with flows. It is apart only if its whole 95 % interval is. "
        f"{format_count(too_few, 'figure')} of too few events or orders are not judged{f' ({kinds})' if kinds else ''}."
    )
    if judged.is_empty():
        return Finding(
            f"## Too few messages to say what is usual\n\n{how} Three messages of a kind are needed, with five events or ten orders each."
        )
    apart = judged.filter(pl.col("verdict") != "usual")
    if apart.is_empty():
        return Finding(f"## Every message is much like the others\n\n{how} Of {judged.height:,} comparisons none is.")
    chance = f"By chance alone about {round(judged.height / 20):,} would be."
    first = apart.sort("of_count", "label", descending=[True, False]).row(0, named=True)
    name = MEASURE_NAMES[first["measure"]]
    value, low, high, median = (
        _say_measure(first, column, currency) for column in ("estimate", "low", "high", "median")
    )
    return Finding(
        f"## {format_count(apart.height, 'figure')} of {judged.height:,} lie apart from what is usual here\n\n{how} {chance} The one that "
        f"most people received: “{escape_markdown(first['label'])}”, {name[0].lower()}{name[1:]}: {value} ({low} to {high}), while the median "
        f"is {median}."
    )


def state_message_changes(changes: pl.LazyFrame, *, study: MessageStudy, currency: str | None) -> Finding:
    """Say what the messages earned compared with the period before; or why nobody can.

    Parameters
    ----------
    changes
        As `klavnb.performance.compare_periods` gives it, by channel.
    """
    period = study.period
    if period.is_open:
        return Finding(
            "## There is no period before this one\n\nThis report begins with the first day of the export. Give it a start, or "
            "fewer days, to compare."
        )
    days = f"{period.previous_first_on:%-d %B %Y} to {period.previous_last_on:%-d %B %Y}"
    if not period.has_previous:
        return Finding(
            f"## The period before cannot be compared\n\nIt would be {days}, but the export begins on "
            f"{period.data_from_on:%-d %B %Y}: what came before that day is missing, and a part looks like growth."
        )
    rows = changes.collect()
    late = [
        f"{CHANNEL_NAMES[channel]} (first receipt on {on:%-d %B %Y})"
        for channel, on in study.receipts_from.items()
        if on > period.previous_first_on
    ]
    left_out = (
        f" Left out, since the export has their receipts only from later on: {', '.join(sorted(late))}." if late else ""
    )
    earned = rows.filter(measure="candidate_value").sort("current", descending=True)
    if earned.is_empty():
        return Finding(f"## The period before cannot be compared\n\nNo channel has messages in both.{left_out}")
    now, before = (float(earned[name].sum()) for name in ("current", "previous"))
    sure = rows.filter((pl.col("low") > 0) | (pl.col("high") < 0)).height
    of = rows.filter(pl.col("low").is_not_null()).height
    relative = f" ({format_share(now - before, before)})" if before else ""
    more = f"{say_money(abs(now - before), currency)} {'more' if now >= before else 'less'}"
    window = study.comparison.settings.longest_window
    late_orders = (
        f" Orders that the messages of the last {window.days} days still earn are missing from the later period, and from it alone."
        if study.dated_by == "sent" and study.comparison.as_of.date() - period.last_on < window
        else ""
    )
    return Finding(
        f"## {more} than in the {period.count_days:,} days before{relative}\n\n"
        f"This compares {say_days(period)} with {days}, {say_dating(study)}: {say_money(now, currency)} after {say_money(before, currency)}. "
        f"Of {format_count(of, 'rate')} {sure or 'none'} changed by more than chance would explain. Amounts are not judged "
        f"here, as they change with the season and with how much was sent: the difference in money may be chance.{late_orders}{left_out}"
    )


def state_message_dates(dates: pl.LazyFrame, *, study: MessageStudy, currency: str | None) -> Finding:
    """Say what the other way of dating would give, and which of Klaviyo's pages it matches."""
    sent, event = (pick_date(dates, way) for way in ("sent", "event"))
    gap = abs(sent["candidate_value"] - event["candidate_value"])
    return Finding(
        f"## By send date {say_money(sent['candidate_value'], currency)}, by event date {say_money(event['candidate_value'], currency)}: both are right\n\n"
        f"Klaviyo’s reports of campaigns and flows count an order on the day on which its message was *sent*, in the account’s time "
        "zone. Its reports of metrics count it on the day of the *order*. "
        f"For {say_days(study.period)} the two differ by {say_money(gap, currency)}, as orders follow their messages by days, over both ends of "
        f"the period. This report goes {say_dating(study)}; over all time both ways add up to the same. Compare it only with a page that "
        "goes the same way, and give the account’s time zone as a parameter."
    )


def _say_measure(row: dict[str, Any], column: str, currency: str | None) -> str:
    """Write a rate as a share, fine enough to tell it from its median; revenue per message as money."""
    return say_price(row[column], currency) if row["measure"] == PER_RECIPIENT else f"{100 * row[column]:.2f} %"
