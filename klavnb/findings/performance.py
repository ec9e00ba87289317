"""What messages earned: all of them, by channel, campaign and flow."""

import math
from typing import Any

import dataframely as dy
import polars as pl

from klavnb.channels import CHANNEL_NAMES
from klavnb.escaping import escape_markdown
from klavnb.findings.finding import Finding, say_money
from klavnb.performance import FEW_ORDERS, PER_RECIPIENT, MessageStudy
from klavnb.performance.words import name_model, say_dating, say_days
from klavnb.schemas import MessageMeasure
from klavnb.wording import format_count, format_share

__all__ = [
    "pick_date",
    "say_price",
    "state_campaigns",
    "state_flow_messages",
    "state_flows",
    "state_performance",
]

SAME = 0.005
"""Of money: less than a cent apart."""

Z = 1.96
"""Standard errors to each side of an estimate that hold it in 95 of 100 cases."""


def state_performance(
    channels: dy.LazyFrame[MessageMeasure], dates: pl.LazyFrame, *, study: MessageStudy, currency: str | None
) -> Finding:
    """Say what the messages of the period earned under both models, and by which channel.

    Parameters
    ----------
    channels
        As `klavnb.measure_messages` gives it, by channel.
    dates
        As `klavnb.performance.compare_dates` gives it.
    """
    total = pick_date(dates, study.dated_by)
    whose, what = (
        ("Messages sent", "earned") if study.dated_by == "sent" else ("Orders", "that messages earned are worth")
    )
    candidate, baseline = (name_model(model) for model in (study.comparison.candidate, study.comparison.baseline))
    money = {side: say_money(total[f"{side}_value"], currency) for side in ("candidate", "baseline")}
    heading = (
        f"## {whose} from {say_days(study.period)} {what} {money['candidate']} ({say_dating(study)})\n\n"
        f"That is by the {candidate}, from {format_count(total['count_candidate'], 'order')}; by the {baseline} it is "
        f"{money['baseline']} from {format_count(total['count_baseline'], 'order')}. {_say_sure(total, currency)}"
    )
    rows = channels.filter(pl.col("channel") != "session").collect().to_dicts()
    parts = [
        f"- **{CHANNEL_NAMES[row['channel']]}:** {say_money(row['candidate_value'], currency)} "
        f"({format_share(row['candidate_value'], total['candidate_value'])})"
        + (
            f" from {format_count(row['count_recipients'], 'recipient')} of {format_count(row['count_reached'], 'message')}, "
            f"{say_price(row[PER_RECIPIENT], currency)} per message received"
            if row["count_reached"]
            else ", recipients not known"
        )
        for row in rows
    ]
    note = (
        "The table has every measure by channel. A dash is what the export does not tell: it is not 0. Rates, and revenue per message, "
        "are of the *messages received*: one message that reached one person. Someone who received two messages is one recipient, but two "
        "messages received."
    )
    return Finding("\n\n".join([heading, "\n".join(parts) or "No message of the period is in the export.", note]))


def state_campaigns(campaigns: dy.LazyFrame[MessageMeasure], *, study: MessageStudy, currency: str | None) -> Finding:
    """Say which campaign earned most, and how much hangs on the first ones."""
    return _state_best(campaigns, one="campaign", study=study, currency=currency)


def state_flows(flows: dy.LazyFrame[MessageMeasure], *, study: MessageStudy, currency: str | None) -> Finding:
    """Say which flow earned most, and how much hangs on the first ones."""
    told = _state_best(flows, one="flow", study=study, currency=currency)
    return Finding(
        f"{told.text} A flow may send by several channels; its rates stand with its messages, since an open of an e-mail says "
        "nothing of a text."
    )


def state_flow_messages(
    messages: dy.LazyFrame[MessageMeasure], *, study: MessageStudy, currency: str | None
) -> Finding:
    """Say which message of a flow earned most, and whether messages have variations.

    Parameters
    ----------
    messages
        As `klavnb.performance.measure_variations` gives it.
    """
    rows = messages.collect()
    repeated = rows.filter(pl.len().over("channel", "message_id") > 1)
    is_whole = pl.int_range(pl.len()).over("channel", "message_id") == 0
    told = _state_best(rows.filter(is_whole).lazy(), one="flow message", study=study, currency=currency)
    tried = repeated.n_unique(["channel", "message_id"]) if repeated.height else 0
    many = (
        f"Of {format_count(tried, 'message')} several variations were sent; they stand beneath it, and are part of its row."
        if tried
        else "No message was sent in several variations."
    )
    return Finding(f"{told.text} {many}{_say_best_price(rows.filter(is_whole), currency)}")


def _say_best_price(rows: pl.DataFrame, currency: str | None) -> str:
    """Say which message earned most per message received, and whether that is sure; nothing if none earned."""
    ranked = rows.filter(pl.col(PER_RECIPIENT) > 0).sort(PER_RECIPIENT, "label", descending=[True, False])
    if ranked.is_empty():
        return ""
    best, *others = ranked.to_dicts()
    said = (
        f"\n\n**Per message received,** “{escape_markdown(best['label'])}” earned most: {say_price(best[PER_RECIPIENT], currency)} "
        f"({say_money(best['candidate_value'], currency)} by {format_count(best['count_reached'], 'message')})."
    )
    if best["count_candidate"] < FEW_ORDERS:
        return f"{said} That is not certain: it rests on {format_count(best['count_candidate'], 'order')}."
    low, high = (max(best[PER_RECIPIENT] + sign * _find_swing(best), 0.0) for sign in (-1, 1))
    said = (
        f"{said} With other customers like these, it would lie between {say_price(low, currency)} and {say_price(high, currency)} "
        "in 95 of 100 cases"
    )
    if not others:
        return f"{said}."
    following = others[0]
    next_best = f"“{escape_markdown(following['label'])}” with {say_price(following[PER_RECIPIENT], currency)}"
    gap = best[PER_RECIPIENT] - following[PER_RECIPIENT]
    is_sure = following["count_candidate"] >= FEW_ORDERS and gap > math.hypot(_find_swing(best), _find_swing(following))
    return f"{said}; {next_best} is next, and {'clearly lower' if is_sure else 'the lead is not certain'}."


def _find_swing(row: dict[str, Any]) -> float:
    """How far revenue per message received would swing to each side in 95 of 100 cases."""
    return float(Z * row["candidate_error"] / row["count_reached"])


def _state_best(measures: pl.LazyFrame, *, one: str, study: MessageStudy, currency: str | None) -> Finding:
    rows = measures.collect()
    if rows.is_empty():
        return Finding(
            f"## No {one} in this period\n\nNothing that the export holds of {say_days(study.period)} names one."
        )
    total = float(rows["candidate_value"].sum())
    if total <= 0:
        return Finding(
            f"## No {one} earned an order\n\nThe {name_model(study.comparison.candidate)} credits none of the "
            f"{format_count(rows.height, one)} of the period with an order ({say_dating(study)})."
        )
    best = rows.row(0, named=True)
    first = rows.head(3)
    few = (
        f"It hangs on {format_count(best['count_candidate'], 'order')}: too few to say how far it would swing. "
        if best["count_candidate"] < FEW_ORDERS
        else f"Among customers like these it would lie between {_say_range(best, currency)} in 95 of 100 cases. "
    )
    three = (
        f"Of {format_count(rows.height, one)}, the first three earned {format_share(float(first['candidate_value'].sum()), total)} "
        f"of {say_money(total, currency)}. "
        if rows.height > first.height
        else ""
    )
    return Finding(
        f"## “{escape_markdown(best['label'])}” earned most of the {one}s: {say_money(best['candidate_value'], currency)} in {format_count(study.period.count_days, 'day')}\n\n"
        f"{_say_other(best, study, currency)} {few}{three}Dates: {say_dating(study)}."
    )


def _say_other(best: dict[str, Any], study: MessageStudy, currency: str | None) -> str:
    """Say what the other model credits."""
    candidate, baseline = (name_model(model) for model in (study.comparison.candidate, study.comparison.baseline))
    if abs(best["candidate_value"] - best["baseline_value"]) < SAME:
        return f"The {candidate} and the {baseline} agree on it."
    return f"That is by the {candidate}; the {baseline} credits it with {say_money(best['baseline_value'], currency)}."


def _say_sure(total: dict[str, Any], currency: str | None) -> str:
    if total["count_candidate"] < FEW_ORDERS:
        return "That is too few to say how far it would swing."
    return f"With other customers like these, it would lie between {_say_range(total, currency)} in 95 of 100 cases."


def _say_range(row: dict[str, Any], currency: str | None) -> str:
    low, high = (row["candidate_value"] + sign * Z * row["candidate_error"] for sign in (-1, 1))
    return f"{say_money(max(low, 0.0), currency)} and {say_money(high, currency)}"


def pick_date(dates: pl.LazyFrame, dated_by: str) -> dict[str, Any]:
    """Pick one way of dating out of what `klavnb.performance.compare_dates` gives."""
    return dates.filter(dated_by=dated_by).collect().row(0, named=True)


def say_price(value: float, currency: str | None) -> str:
    """Write a small amount of money, with cents."""
    return escape_markdown(f"{currency} {value:,.2f}" if currency else f"{value:,.2f}")
