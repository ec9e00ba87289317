"""What became of messages: where flows lose people, what is unusual, what changed, and by which day it counts."""

from typing import Any

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
    by_order = rows.sort(pl.col("count_ordered") / pl.col("count_received"), "label", descending=[True, False])
    best = by_order.row(0, named=True)
    left = rows.sort("count_left", "label", descending=[True, False]).row(0, named=True)
    lost = int(rows["count_left"].sum())
    bounds = find_wilson(pl.lit(best["count_ordered"] / best["count_received"]), pl.lit(best["count_received"]))
    low, high = pl.select(low=bounds[0], high=bounds[1]).row(0)
    sure = f"Were it other people, it would lie between {format_share(low, 1)} and {format_share(high, 1)} in 95 of 100 cases. "
    leaving = (
        f"After {format_count(lost, 'message')} of flows the reader unsubscribed or complained of spam, most often after "
        f"“{escape_markdown(left['label'])}” ({left['count_left']:,} of {left['count_received']:,})."
        if lost
        else "No message of a flow was followed by an unsubscription or a spam complaint."
    )
    heading = (
        f"## Most convert at “{escape_markdown(best['label'])}”: {format_share(best['count_ordered'], best['count_received'])} "
        f"({best['count_ordered']:,} of {best['count_received']:,})"
        if best["count_ordered"]
        else "## No message of a flow earned an order"
    )
    return Finding(
        f"{heading}\n\n{sure if best['count_ordered'] else ''}{leaving} Each bar is one message of a flow, in the order in which people receive them, with the number "
        "that arrived. An order comes first: whoever ordered and went on counts as an order. Who goes on has received a later "
        "message; most flows end for people who order in the meantime, or who cannot be reached on the next channel."
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
    return Finding(
        f"## {format_count(left, 'unsubscription')}, {format_count(lost, 'message')} not delivered\n\n"
        + "\n".join(told)
        + "\n\nSomeone who unsubscribed from e-mails and from texts counts in both. Only what names a message counts here: an "
        "unsubscription on the shop’s own page names none."
    )


def state_unusual(rates: pl.LazyFrame, *, currency: str | None) -> Finding:
    """Say which messages lie apart from the account's own median.

    Parameters
    ----------
    rates
        As `klavnb.performance.add_median` gives it.
    """
    judged = rates.filter(pl.col("verdict").is_not_null()).collect()
    too_few = rates.select(pl.col("verdict").is_null().sum()).collect().item()
    how = (
        "Each is compared with the median of its kind in this account and period: the same channel, campaigns with campaigns, "
        "flows with flows. It is apart only if its whole 95 % interval is. "
        f"{format_count(too_few, 'figure')} of too few events or orders are not judged."
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
    value, median = (_say_measure(first, column, currency) for column in ("estimate", "median"))
    return Finding(
        f"## {format_count(apart.height, 'figure')} of {judged.height:,} lie apart from what is usual here\n\n{how} {chance} The one of most "
        f"people: “{escape_markdown(first['label'])}”, {name[0].lower()}{name[1:]}: {value}, and the median is {median}."
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
    return Finding(
        f"## {more} than in the {period.count_days:,} days before{relative}\n\n"
        f"Compared are {say_days(period)} and {days}, {say_dating(study)}: {say_money(now, currency)} after {say_money(before, currency)}. "
        f"Of {format_count(of, 'rate')} {sure or 'none'} changed by more than chance would explain. Amounts have no interval "
        f"here: they change with the season, and with how much was sent.{left_out}"
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
    """Write a rate as a share, revenue per recipient as money."""
    return say_price(row[column], currency) if row["measure"] == PER_RECIPIENT else format_share(row[column], 1)
