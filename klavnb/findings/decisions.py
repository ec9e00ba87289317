"""What the choice of a model means for the decision at hand: what would change, what stays, how to choose."""

from typing import Final

import polars as pl

from klavnb.channels import CHANNEL_WORDS
from klavnb.choices import SAME_REVENUE, ModelStudy
from klavnb.comparison import estimate_difference
from klavnb.escaping import escape_markdown
from klavnb.findings.finding import Finding, say_money
from klavnb.findings.models import find_best
from klavnb.findings.pairs import CENT, FEW, tell_more
from klavnb.schemas import Change
from klavnb.sides import MODEL_WORDS
from klavnb.wording import format_count

__all__ = ["advise_choice", "state_decision"]

NAMED: Final = 3
"""So many campaigns are named in a sentence."""


def state_decision(
    channels: pl.LazyFrame,
    campaigns: pl.LazyFrame,
    messages: pl.LazyFrame,
    *,
    study: ModelStudy,
    top: int,
    currency: str | None,
) -> Finding:
    """Say what changes if messages are judged by the model considered instead of the one in use, and what stays.

    Parameters
    ----------
    channels, campaigns, messages
        As `klavnb.value_channels`, `klavnb.value_campaigns` and `klavnb.value_messages` give them.
    """
    in_use, considered = study.models[:2]
    moved = _subtract(channels, "channel", study=study)
    by_message = _subtract(messages, "message_id", study=study)
    heading = (
        f"## By the {_word(considered)} model instead of the {_word(in_use)} one, no channel earns a different amount"
    )
    bullets = []
    if not moved.is_empty():
        first = moved.sort(pl.col("difference").abs(), descending=True).row(0, named=True)
        changes = study.comparison.changes.filter(pl.col("channel") == first["channel"])
        interval = estimate_difference(Change.cast(changes))
        count = changes.filter(pl.col("outcome").is_in(["gained", "lost", "moved"])).select(
            pl.col("conversion_id").n_unique()
        )
        enough = count.collect().item() >= FEW
        sure = (
            f" ({say_money(interval.low, currency)} to {say_money(interval.high, currency)} in 95 of 100 cases)"
            if enough
            else ""
        )
        heading = (
            f"## By the {_word(considered)} model instead of the {_word(in_use)} one, {CHANNEL_WORDS[first['channel']]} earns "
            f"{tell_more(first['difference'], currency)}{sure}"
        )
        shares = ", ".join(
            f"{CHANNEL_WORDS[row['channel']]} {tell_more(row['difference'], currency)}" for row in moved.to_dicts()
        )
        bullets.append(f"**A budget shared by channel** would move: {shares}.")
    if not by_message.is_empty():
        best, worst = by_message.row(0, named=True), by_message.row(-1, named=True)
        told = [
            f"“{escape_markdown(row['label'])}” {verb} most ({say_money(abs(row['difference']), currency)})"
            for row, verb, holds in (
                (best, "gains", best["difference"] > 0),
                (worst, "loses", worst["difference"] < 0),
            )
            if holds
        ]
        bullets.append(f"**Messages to judge anew:** {', '.join(told)}.")
    bullets += _tell_campaigns(campaigns, study=study, top=top)
    return Finding(f"{heading}\n\n" + "\n".join(f"- {bullet}" for bullet in bullets))


def advise_choice(study: ModelStudy) -> Finding:
    """Say how to choose a model."""
    in_use = _word(study.models[0])
    return Finding(
        "## How to choose\n\n"
        "- **By the question.** Which message closes orders? The cooperative or the last-click model. Which one starts them? First "
        "touch. Which takes part? Linear, time decay or position based.\n"
        f"- **Then stay with it.** Compare this quarter with the last by one model, here the {in_use} one; a change of model looks like a "
        "change of the message.\n"
        "- **Act on what all models agree on** first; where they disagree, test: leave the message out for a part of the customers and "
        "count their orders. No model can replace that.\n"
        "- **No model says what would not have been bought.** All of them share out orders that were placed."
    )


def _word(model: str) -> str:
    return MODEL_WORDS[model]


def _subtract(values: pl.LazyFrame, key: str, *, study: ModelStudy) -> pl.DataFrame:
    """What each earns more by the model considered than by the one in use, the most first; what is the same is absent."""
    in_use, considered = study.models[:2]
    label = ["label"] if "label" in values.collect_schema() else []
    return (
        values.group_by(key, *label)
        .agg(
            difference=pl.col("value").filter(pl.col("model") == considered).sum()
            - pl.col("value").filter(pl.col("model") == in_use).sum()
        )
        .filter(pl.col("difference").abs() >= CENT)
        .sort("difference", key, descending=[True, False])
        .collect()
    )


def _tell_campaigns(campaigns: pl.LazyFrame, *, study: ModelStudy, top: int) -> list[str]:
    found = campaigns.sort("model", "rank", "campaign_id").collect()
    in_use, considered = study.models[:2]
    best, others = (find_best(found, model, top=top) for model in (in_use, considered))
    if best.is_empty():
        return []
    ids = others["campaign_id"].to_list()
    kept = best.filter(pl.col("campaign_id").is_in(ids)).height
    everywhere = best
    for model in SAME_REVENUE:
        of_model = find_best(found, model, top=best.height)["campaign_id"].to_list()
        everywhere = everywhere.filter(pl.col("campaign_id").is_in(of_model))
    told = [
        f"**Campaigns:** {kept} of the {format_count(best.height, 'best campaign')} by the {_word(in_use)} model stay among the "
        f"{best.height} best by the {_word(considered)} one."
    ]
    if not everywhere.is_empty():
        names = ", ".join(f"“{escape_markdown(label)}”" for label in everywhere["label"].head(NAMED))
        more = f" and {everywhere.height - NAMED} more" if everywhere.height > NAMED else ""
        told.append(
            f"**Safe whichever of them is right:** {names}{more} are among the best by all {len(SAME_REVENUE)} models that credit every "
            "order with an open touch. Those that ask for clicks may rank them otherwise."
        )
    return told
