"""What moved: all of it, by channel, by message, by week."""

import polars as pl

from klavnb.channels import CHANNEL_NAMES, CHANNEL_WORDS
from klavnb.comparison import Interval, ModelComparison
from klavnb.escaping import escape_markdown
from klavnb.findings.finding import Finding, say_money
from klavnb.findings.pairs import FEW, tell_answer, tell_bridge, tell_messages, tell_weeks
from klavnb.privacy import mask
from klavnb.settings import Settings
from klavnb.sides import OLD_AND_COOPERATIVE, Sides
from klavnb.wording import format_count, format_share

__all__ = ["advise", "state_answer", "state_bridge", "state_messages", "state_period", "state_weeks"]


def state_period(comparison: ModelComparison, *, data: str = "") -> Finding:
    """Say which orders and which settings the report is about.

    Parameters
    ----------
    data
        What the user named as the data; the sample is told to be invented.
    """
    settings = comparison.settings
    of_whom = (
        " These windows are Klaviyo’s defaults of 2022; an account may have others. The report “agreement” shows which ones fit what "
        "Klaviyo recorded for this account."
        if settings.windows == Settings.preset("2022").windows
        else ""
    )
    parts = [
        f"**What is counted:** orders from {comparison.first_on:%-d %B %Y} to {comparison.last_on:%-d %B %Y} (UTC)"
        + (f", in {escape_markdown(comparison.currency)}" if comparison.currency else "")
        + f". An order is one “{escape_markdown(mask(settings.conversion_metric))}” event.",
        f"**Settings of this report:** {escape_markdown(settings.describe())}{of_whom}",
    ]
    if comparison.sides != OLD_AND_COOPERATIVE:
        parts.insert(
            0,
            f"**This report compares** the **{comparison.sides.baseline}** with the **{comparison.sides.candidate}**.",
        )
    if comparison.candidate_settings != settings:
        parts.append(
            f"**Settings of the {comparison.sides.candidate}:** {escape_markdown(comparison.candidate_settings.describe())}"
        )
    if data == "sample":
        parts.insert(0, "**The data are invented:** this is the sample shop that comes with klavnb.")
    if comparison.other_currencies:
        left = ", ".join(
            f"{count:,} in {escape_markdown(mask(name))}" for name, count in comparison.other_currencies.items()
        )
        parts.append(f"**Left out**, since money of different currencies cannot be added: {left}.")
    if comparison.count_future:
        parts.append(
            f"**Left out**, since their time lies in the future: {format_count(comparison.count_future, 'order')}."
        )
    if comparison.first_on < comparison.data_from.date():
        parts.append(
            f"**The export begins on {comparison.data_from:%-d %B %Y}:** there are no orders from before that day to count."
        )
    return Finding("\n\n".join(parts))


def state_answer(
    summary: pl.LazyFrame,
    channels: pl.LazyFrame,
    *,
    difference: Interval,
    currency: str | None,
    sides: Sides = OLD_AND_COOPERATIVE,
) -> Finding:
    """Say how much the candidate, the cooperative model unless told otherwise, credits that the baseline did not.

    Parameters
    ----------
    summary, channels
        As `klavnb.summarise_changes` and `klavnb.count_channels` give them, in one currency.
    difference
        As `klavnb.estimate_difference` gives it.
    sides
        What the two models or settings are called.
    """
    total = summary.collect().row(0, named=True)
    several, everyone = (
        channels.filter(kept).select(pl.col("count_profiles").sum()).collect().item()
        for kept in (pl.col("count_channels") > 1, True)
    )
    if sides != OLD_AND_COOPERATIVE:
        return tell_answer(total, everyone=everyone, difference=difference, currency=currency, sides=sides)
    money = {
        name: say_money(total[name], currency) for name in ("baseline_value", "candidate_value", "value", "difference")
    }
    changed = total["count_gained"] + total["count_lost"] + total["count_moved"]
    who = (
        f"*Whose orders can differ?* Only those of customers who opened or clicked on two channels or more: {several:,} of "
        f"{everyone:,} who ordered. {total['count_profiles_changed']:,} of them have an order that does differ. For everyone "
        "else both models give the same answer."
    )
    if not changed:
        return Finding(
            f"## Both models credit the same: {money['candidate_value']}\n\n"
            f"That is {format_share(total['candidate_value'], total['value'])} of all revenue ({money['value']} from "
            f"{format_count(total['count_conversions'], 'order')}). No order is credited to another message.\n\n{who}"
        )
    low, high = (say_money(bound, currency) for bound in (difference.low, difference.high))
    sure = (
        f"With other customers of the same kind, the difference would lie between {low} and {high} in 95 of 100 cases (estimated "
        "by drawing the customers anew at random, a bootstrap)."
        if changed >= FEW
        else f"Hardly: it hangs on {format_count(changed, 'order')}, too few to say how far it would swing."
    )
    more = format_share(total["difference"], total["baseline_value"])
    relative = f"**{more} more attributed revenue**, and " if total["baseline_value"] else ""
    return Finding(
        f"## The cooperative model credits {money['difference']} more than the old one: "
        f"{money['baseline_value']} became {money['candidate_value']}\n\n"
        f"That is {relative}{format_share(total['difference'], total['value'])} of all revenue ({money['value']} from "
        f"{format_count(total['count_conversions'], 'order')}). It comes from "
        f"**{format_count(total['count_gained'], 'order')}** that the old model credited to no message: "
        f"attributed orders went from {total['count_baseline']:,} to {total['count_candidate']:,}. "
        f"The share of revenue that messages can claim went from {format_share(total['baseline_value'], total['value'])} "
        f"to {format_share(total['candidate_value'], total['value'])}.\n\n*How sure?* {sure}\n\n{who}"
    )


def state_bridge(bridge: pl.LazyFrame, *, currency: str | None, sides: Sides = OLD_AND_COOPERATIVE) -> Finding:
    """Say which channel gained, and which channel had stood in its way."""
    steps = bridge.collect()
    if sides != OLD_AND_COOPERATIVE:
        return tell_bridge(steps, currency=currency, sides=sides)
    gained = steps.filter(outcome="gained")
    moved = steps.filter(pl.col("outcome") == "moved", pl.col("difference") > 0)
    count_moved = moved.select(pl.col("count_conversions").sum()).item()
    also = (
        f" In {format_count(count_moved, 'more order')} both models credit a message, but not the same one: the bars "
        "“moved” show where that money came from and where it went."
        if count_moved
        else ""
    )
    if gained.is_empty():
        return Finding(f"## No channel gained\n\nNo order is credited by the cooperative model alone.{also}")
    first = gained.row(0, named=True)
    channel, last = CHANNEL_WORDS[first["channel"]], CHANNEL_WORDS[first["last_channel"]]
    return Finding(
        f"## {CHANNEL_NAMES[first['channel']]} earns {say_money(first['difference'], currency)} more where {last} came last\n\n"
        f"In {format_count(first['count_conversions'], 'order')} the customer’s last touch was by {last}, whose window had "
        "closed before the order. The old model stopped there and credited nothing. The cooperative model also looks "
        f"at the other channels: the window of {channel} was still open. Each bar is one such pair: the channel that gains, "
        f"and the channel that came last.{also}"
    )


def state_messages(messages: pl.LazyFrame, *, currency: str | None, sides: Sides = OLD_AND_COOPERATIVE) -> Finding:
    """Say which campaign or flow message gained most."""
    if sides != OLD_AND_COOPERATIVE:
        return tell_messages(messages.collect(), currency=currency, sides=sides)
    changed = messages.filter(pl.col("difference") != 0).collect()
    if changed.is_empty():
        return Finding("## No campaign and no flow gains or loses")
    best = changed.sort("difference", descending=True).row(0, named=True)
    flows, campaigns = (
        say_money(changed.filter(message_type=kind).select(pl.col("difference").sum()).item(), currency)
        for kind in ("flow", "campaign")
    )
    of = messages.select(pl.len()).collect().item()
    added = pl.col("count_candidate").cast(pl.Int64) - pl.col("count_baseline").cast(pl.Int64)
    count_single = changed.select((added.abs() == 1).sum()).item()
    single = (
        f" For {count_single:,} of them the change is one order, which is chance more than a pattern."
        if count_single
        else ""
    )
    best_count = changed.sort("difference", descending=True).select(added).item(0, 0)
    from_orders = f", from {format_count(best_count, 'order')}" if best_count > 0 else ""
    return Finding(
        f"## “{escape_markdown(best['label'])}” gains most: {say_money(best['difference'], currency)}{from_orders}\n\n"
        f"Of {format_count(of, 'message')} with any credit, {changed.height:,} earn a different amount: messages of flows "
        f"{flows} more in all, campaigns {campaigns} more.{single} In the chart the ring is the old model’s amount, the dot the "
        "cooperative model’s."
    )


def state_weeks(weeks: pl.LazyFrame, *, currency: str | None, sides: Sides = OLD_AND_COOPERATIVE) -> Finding:
    """Say in which week the difference was largest, and how even it is."""
    rows = weeks.collect()
    if sides != OLD_AND_COOPERATIVE:
        return tell_weeks(rows, currency=currency, sides=sides)
    best = rows.sort("difference", "week_on", descending=[True, False]).row(0, named=True)
    count_changed = rows.filter(pl.col("difference") != 0).height
    if not count_changed:
        return Finding("## No week changes\n\nThe two models credit the same revenue in every week.")
    return Finding(
        f"## The models differ in {count_changed} of {format_count(rows.height, 'week')}, most in that of {best['week_on']:%-d %B %Y}\n\n"
        f"In that week the old model credits {say_money(best['baseline_value'], currency)}; the cooperative model credits "
        f"{say_money(best['difference'], currency)} more. The period may cut the first and the last week short."
    )


def advise(comparison: ModelComparison) -> Finding:
    """Say what to do with the comparison."""
    sides = comparison.sides
    first = (
        "**Judge the messages named above by the cooperative figures**, if they were judged by the old ones: part of what they "
        "earned was counted nowhere."
        if sides == OLD_AND_COOPERATIVE
        else f"**Judge a message by one model all year.** Figures by the {sides.baseline} and by the {sides.candidate} cannot be "
        "compared: a message that “grew” when the model or a window changed did not grow."
    )
    return Finding(
        "## What to do with this\n\n"
        f"- {first}\n"
        "- **Do not widen a window to look better.** A wider window claims more orders; it does not cause one.\n"
        "- **Look at the figures with and without machine opens** before a decision hangs on opens.\n"
        "- **Use your account’s own settings:** its windows and filters stand in Klaviyo’s attribution settings; give them as "
        "parameters.\n"
        "- **Look again each quarter or half year**, as Klaviyo advises: data, privacy rules and settings change."
    )
