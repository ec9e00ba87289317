"""How time decides: from a message to the order, what a longer window would claim, and single journeys."""

from datetime import timedelta

import polars as pl

from klavnb.channels import ANCHORED_ON_TOUCH, CHANNEL_NAMES, CHANNEL_WORDS
from klavnb.comparison import ModelComparison
from klavnb.findings.finding import Finding, say_money
from klavnb.findings.pairs import tell_journeys
from klavnb.sensitivity import find_set_windows
from klavnb.settings import Settings
from klavnb.sides import OLD_AND_COOPERATIVE, Sides
from klavnb.windows import describe_window
from klavnb.wording import format_count, format_days

__all__ = ["state_gaps", "state_journeys", "state_sweep"]


def state_gaps(gaps: pl.LazyFrame, *, settings: Settings) -> Finding:
    """Say how long before their orders customers were reached, by channel.

    Parameters
    ----------
    gaps
        As `klavnb.measure_gaps` gives it.
    """
    rows = (
        gaps.group_by("channel")
        .agg(median=pl.col("gap").median(), is_open=pl.col("is_open").mean(), size=pl.len())
        .sort("size", descending=True)
        .collect()
        .to_dicts()
    )
    if not rows:
        return Finding("## No order follows a touch within ten days")
    from_receipt = settings.anchor == "received"
    start = "its receipt" if from_receipt and rows[0]["channel"] not in ANCHORED_ON_TOUCH else "the touch"
    which = " (the message’s receipt; for pushes and visits the touch)" if from_receipt else " (the touch)"
    told = [
        f"- **{CHANNEL_NAMES[row['channel']]}:** {format_count(row['size'], 'order')}, half of them within "
        f"{format_days(row['median'])}; the window was still open at {100 * row['is_open']:.0f} % of them"
        for row in rows
    ]
    first = rows[0]
    return Finding(
        f"## Half of the orders after {CHANNEL_WORDS[first['channel']]} came within {format_days(first['median'])} of {start}\n\n"
        "These are the orders with a touch in the ten days before, by the last touch of each channel. The time runs from where the "
        f"window starts{which}. An order after touches on two channels counts in both, so the numbers overlap.\n\n"
        + "\n".join(told)
        + "\n\nWhat lies right of a dashed line came after that window had closed."
    )


def state_sweep(extra: pl.LazyFrame, *, comparison: ModelComparison) -> Finding:
    """Say what one more day of the e-mail window would be worth.

    Parameters
    ----------
    extra
        As `klavnb.value_extra_days` gives it.
    """
    email, sms = (find_set_windows(comparison.settings, channel) for channel in ("email", "sms"))
    if not email | sms:
        return Finding("## Neither e-mail nor SMS has a window\n\nSo there is none to try other lengths of.")
    caution = (
        "A wider window can only add orders, so a higher figure is no sign of a better window: the added orders might have "
        "come anyway."
    )
    if len(email) > 1:
        return Finding(
            "## How much hangs on the windows\n\n"
            f"Opens and clicks of e-mails have different windows here. The figures below give both the same one, so none of "
            f"them is the setting of this report. {caution}"
        )
    differ = comparison.candidate_settings != comparison.settings
    also = f", which the {comparison.sides.baseline} has" if differ else ""
    longest = max(email, default=timedelta(0))
    after = extra.filter(pl.col("channel") == "email", pl.col("window") > longest).collect()
    if after.is_empty():
        return Finding(
            f"## How much hangs on the windows\n\n{caution} The framed field is the setting of this report{also}."
        )
    step = after.row(0, named=True)
    gain, old_gain = (say_money(step[name], comparison.currency) for name in ("cooperative_gain", "old_gain"))
    before = extra.filter(pl.col("channel") == "email", pl.col("window") < longest).collect().tail(1)
    now = extra.filter(pl.col("channel") == "email", pl.col("window") == longest).collect()
    less = (
        f", one of {describe_window(before['window'][0])} "
        f"{say_money(now['cooperative_value'][0] - before['cooperative_value'][0], comparison.currency)} less"
        if before.height and now.height
        else ""
    )
    return Finding(
        f"## An e-mail window of {describe_window(step['window'])} instead of {describe_window(longest)} would claim {gain} more{less}\n\n"
        f"That is under the cooperative model; under the old one the longer window would claim {old_gain} more. The table below compares "
        f"every length, longer or shorter, with the window as it is set. {caution} The framed field is the setting of this report{also}."
    )


def state_journeys(journeys: pl.LazyFrame, *, sides: Sides = OLD_AND_COOPERATIVE) -> Finding:
    """Introduce single recovered orders, or others that two sides judge differently; say so where there is none."""
    if sides != OLD_AND_COOPERATIVE or not journeys.filter(pl.col("outcome") != "gained").collect().is_empty():
        return tell_journeys(journeys.collect(), sides=sides)
    count = journeys.select(pl.col("customer").n_unique()).collect().item()
    if not count:
        return Finding("## No order was recovered\n\nThere is no journey to show.")
    return Finding(
        f"## {format_count(count, 'order')} that only the cooperative model credits, seen from the customer’s side\n\n"
        "Each lane is a channel. A point is a touch; its bar is the message’s window, from where it starts (the receipt, "
        "for e-mail and SMS) to its end, darker where the bars of two touches overlap. The line at 0 is the order. Where the bar of the last "
        "touch ends before that line, the old model gave up; the ringed touch is the one that the cooperative model "
        "credits. Customers are shown as letters."
    )
