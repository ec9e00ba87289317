"""What moved between any two models or settings: the sentences of a report that compares others than the old and the cooperative model."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from klavnb.channels import CHANNEL_NAMES, CHANNEL_WORDS
from klavnb.comparison import Interval
from klavnb.escaping import escape_markdown
from klavnb.findings.finding import Finding, say_money
from klavnb.sides import Sides
from klavnb.wording import format_count, format_share

__all__ = ["CENT", "FEW", "tell_answer", "tell_bridge", "tell_journeys", "tell_messages", "tell_more", "tell_weeks"]

FEW = 10
"""With fewer changed orders an interval says more than it knows."""

CENT = 0.005
"""Less than this is no money."""


def tell_more(value: float, currency: str | None) -> str:
    """Write a difference as an amount and more or less."""
    return f"{say_money(abs(value), currency)} {'less' if value < 0 else 'more'}"


def tell_answer(
    total: Mapping[str, Any], *, everyone: int, difference: Interval, currency: str | None, sides: Sides
) -> Finding:
    """Say how much one side credits that the other does not, and how much goes to other messages.

    Parameters
    ----------
    total
        The one row of `klavnb.summarise_changes`.
    everyone
        The customers who ordered.
    """
    money = {name: say_money(total[name], currency) for name in ("baseline_value", "candidate_value", "value")}
    gained, lost, moved = (total[f"count_{name}"] for name in ("gained", "lost", "moved"))
    who = (
        f"*Whose orders differ?* Those of {total['count_profiles_changed']:,} of the {format_count(everyone, 'customer')} who "
        "ordered."
    )
    same = abs(total["difference"]) < CENT and total["moved_value"] < CENT
    if not gained + lost and same:
        return Finding(
            f"## Both sides credit the same: {money['candidate_value']}\n\n"
            f"The {sides.baseline} and the {sides.candidate} credit every order to the same messages: "
            f"{format_share(total['candidate_value'], total['value'])} of all revenue ({money['value']} from "
            f"{format_count(total['count_conversions'], 'order')})."
        )
    parts = [
        f"**{format_count(gained, 'order')}** worth {say_money(total['gained_value'], currency)} that only the {sides.candidate} "
        "credits"
        if gained
        else "",
        f"**{format_count(lost, 'order')}** worth {say_money(total['lost_value'], currency)} that only the {sides.baseline} credits"
        if lost
        else "",
        f"**{format_count(moved, 'order')}** that both credit, but not alike: {say_money(total['moved_value'], currency)} goes to other "
        "messages"
        if moved
        else "",
    ]
    came = "What differs: " + "; ".join(part for part in parts if part) + "."
    if abs(total["difference"]) < CENT:
        return Finding(
            f"## Both credit {money['candidate_value']}, but {say_money(total['moved_value'], currency)} of it to other messages\n\n"
            f"This compares the {sides.baseline} with the {sides.candidate}. {came} That is "
            f"{format_share(total['moved_value'], total['candidate_value'])} of the attributed revenue, and "
            f"{format_share(total['moved_value'], total['value'])} of all revenue ({money['value']} from "
            f"{format_count(total['count_conversions'], 'order')}).\n\n{who}"
        )
    sure = (
        f"With other customers of the same kind, the difference would lie between {_tell_interval(difference, currency)} in 95 of "
        "100 cases (estimated by drawing the customers anew at random, a bootstrap)."
        if gained + lost >= FEW
        else f"Hardly: it hangs on {format_count(gained + lost, 'order')}, too few to say how far it would swing."
    )
    share = format_share(abs(total["difference"]), total["baseline_value"])
    word = "less" if total["difference"] < 0 else "more"
    relative = f"That is **{share} {word} attributed revenue**. " if total["baseline_value"] else ""
    return Finding(
        f"## The {sides.candidate} credits {tell_more(total['difference'], currency)} than the {sides.baseline}: "
        f"{money['baseline_value']} became {money['candidate_value']}\n\n"
        f"{relative}{came} Attributed orders went from {total['count_baseline']:,} to {total['count_candidate']:,}, and the "
        f"share of all revenue ({money['value']} from {format_count(total['count_conversions'], 'order')}) that messages can claim "
        f"from {format_share(total['baseline_value'], total['value'])} to "
        f"{format_share(total['candidate_value'], total['value'])}.\n\n*How sure?* {sure}\n\n{who}"
    )


def tell_bridge(steps: pl.DataFrame, *, currency: str | None, sides: Sides) -> Finding:
    """Say which channel gains and which loses most."""
    by_channel = (
        steps.drop_nulls("channel")
        .group_by("channel")
        .agg(pl.col("difference").sum())
        .filter(pl.col("difference").abs() >= CENT)
        .sort("difference", "channel", descending=[True, False])
        .to_dicts()
    )
    if not by_channel:
        return Finding("## No channel gains or loses\n\nWhat moves, moves between messages of the same channel.")
    widest = max(by_channel, key=lambda row: abs(row["difference"]))
    told = ", ".join(f"{CHANNEL_WORDS[row['channel']]} {tell_more(row['difference'], currency)}" for row in by_channel)
    verb = "loses" if widest["difference"] < 0 else "gains"
    return Finding(
        f"## {CHANNEL_NAMES[widest['channel']]} {verb} most: {say_money(abs(widest['difference']), currency)}\n\n"
        f"By the {sides.candidate} instead of the {sides.baseline}: {told}. Each bar is one step from one to the other: orders "
        "that only one side credits, by the channel that earns them and the channel touched last before the order; and money "
        "that both credit, but to another channel."
    )


def tell_messages(messages: pl.DataFrame, *, currency: str | None, sides: Sides) -> Finding:
    """Say which message gains and which loses most."""
    changed = messages.filter(pl.col("difference").abs() >= CENT).sort("difference", descending=True)
    if changed.is_empty():
        return Finding("## No campaign and no flow gains or loses")
    best, worst = changed.row(0, named=True), changed.row(-1, named=True)
    gains = f"“{escape_markdown(best['label'])}” gains most: {say_money(best['difference'], currency)}"
    loses = f"“{escape_markdown(worst['label'])}” loses most: {say_money(-worst['difference'], currency)}"
    ups, downs = best["difference"] > 0, worst["difference"] < 0
    heading = f"{gains}; {loses}" if ups and downs else gains if ups else loses
    flows, campaigns = (
        tell_more(changed.filter(message_type=kind).select(pl.col("difference").sum()).item(), currency)
        for kind in ("flow", "campaign")
    )
    return Finding(
        f"## {heading}\n\n"
        f"Of {format_count(messages.height, 'message')} with any credit, {changed.height:,} earn a different amount by the "
        f"{sides.candidate}: messages of flows {flows} in all, campaigns {campaigns}. In the chart the ring is the amount of the "
        f"{sides.baseline}, the dot that of the {sides.candidate}."
    )


def tell_weeks(rows: pl.DataFrame, *, currency: str | None, sides: Sides) -> Finding:
    """Say in which week the difference is largest."""
    changed = rows.filter(pl.col("difference").abs() >= CENT).height
    if not changed:
        return Finding(
            "## No week changes\n\nBoth credit the same revenue in every week; what moves, moves between messages."
        )
    best = rows.sort(pl.col("difference").abs(), "week_on", descending=[True, False]).row(0, named=True)
    return Finding(
        f"## The two differ in {changed} of {format_count(rows.height, 'week')}, most in that of {best['week_on']:%-d %B %Y}\n\n"
        f"In that week the {sides.baseline} credits {say_money(best['baseline_value'], currency)}; the {sides.candidate} credits "
        f"{tell_more(best['difference'], currency)}. The period may cut the first and the last week short."
    )


def tell_journeys(journeys: pl.DataFrame, *, sides: Sides) -> Finding:
    """Introduce single orders that the two sides judge differently."""
    if journeys.is_empty():
        return Finding("## No order is judged differently\n\nThere is no journey to show.")
    count, outcome = journeys["customer"].n_unique(), journeys["outcome"][0]
    what = {
        "gained": f"that only the {sides.candidate} credits",
        "lost": f"that only the {sides.baseline} credits",
        "moved": "that both credit, but not alike",
    }[outcome]
    by = sides.baseline if outcome == "lost" else sides.candidate
    return Finding(
        f"## {format_count(count, 'order')} {what}\n\n"
        "Each lane is a channel. A point is a touch; its bar is the message’s window, from where it starts to its end, darker where "
        f"the bars of two touches overlap. The line at 0 is the order. The ringed touches are those that the {by} credits, and the "
        "windows are those of its settings. Customers are shown as letters."
    )


def _tell_interval(difference: Interval, currency: str | None) -> str:
    """Write an interval of a difference by the words more and less, where it lies on one side of nothing."""
    low, high = difference.low, difference.high
    if high <= 0:
        return f"{say_money(-high, currency)} and {say_money(-low, currency)} less"
    more = " more" if low >= 0 else ""
    return f"{say_money(low, currency)} and {say_money(high, currency)}{more}"
