"""What the models that learn find for the channels, and how far to trust it."""

import polars as pl

from klavnb.channels import CHANNEL_WORDS
from klavnb.findings.finding import Finding, say_money
from klavnb.learned import LEAST_CONVERSIONS
from klavnb.wording import format_count, format_share

__all__ = ["state_learned"]


def state_learned(learned: pl.LazyFrame, channels: pl.LazyFrame, *, currency: str | None) -> Finding:
    """Say what Markov and Shapley find for the channels, and how far to trust it; too few orders teach nothing.

    Parameters
    ----------
    learned, channels
        As `klavnb.learn_channels` and `klavnb.value_channels` give them.
    """
    rows = learned.drop_nulls("share").collect()
    count = learned.select(pl.col("count_conversions").first()).collect().to_series().to_list()
    orders = count[0] if count and count[0] is not None else 0
    if orders < LEAST_CONVERSIONS or rows.is_empty():
        return Finding(
            f"## Too few orders to learn from: {format_count(orders, 'order')} with an open touch\n\n"
            f"Two models learn from the journeys of all customers how much each channel earns. With fewer than {LEAST_CONVERSIONS} "
            "orders a share could swing by more than ten points of a hundred for no reason but chance, so none is shown here."
        )
    first = rows.sort("share", descending=True).row(0, named=True)["channel"]
    markov, shapley = (rows.filter(model=model, channel=first).row(0, named=True) for model in ("markov", "shapley"))
    rule = dict(
        channels.filter(pl.col("model") == "cooperative")
        .select(pl.col("channel").cast(pl.String), "share")
        .collect()
        .iter_rows()
    )
    outside = [
        f"{CHANNEL_WORDS[row['channel']]} ({format_share(rule[row['channel']], 1)})"
        for row in rows.filter(model="markov").drop_nulls("low").to_dicts()
        if not row["low"] <= rule.get(row["channel"], row["low"]) <= row["high"]
    ]
    apart = (
        f"The cooperative model’s share lies outside the interval of the Markov model for {', '.join(outside)}: there the two rules "
        "differ by more than chance moves the Markov model."
        if outside
        else "The cooperative model’s shares all lie within the intervals of the Markov model: they differ by no more than chance moves it."
    )
    one = " With one channel there is nothing to learn: it earns all." if rows["channel"].n_unique() == 1 else ""
    return Finding(
        f"## Learned from {format_count(orders, 'order')}: {CHANNEL_WORDS[first]} earns {_tell_share(markov)} by Markov, "
        f"{_tell_share(shapley)} by Shapley\n\n"
        f"In brackets: with other customers like these, the share would lie within it in 95 of 100 cases. "
        f"In money that is {say_money(markov['value'], currency)} and {say_money(shapley['value'], currency)} of the same revenue that the "
        f"cooperative model hands out. {apart}{one}\n\n"
        f"*How far to trust this?* The intervals say how far chance reaches, not whether the model is right. The Markov model looks at "
        f"{format_count(first_count(learned), 'journey')} of customers, also those that ended in no order, and at nothing but which channel "
        "follows which; it counts orders, not their worth. The Shapley model shares each order evenly among its channels, however often each was touched. Both "
        "know only who was touched, not who would have bought anyway. They speak of channels: for single messages there are too few journeys."
    )


def first_count(learned: pl.LazyFrame) -> int:
    """The ways that were learned from."""
    return int(learned.select(pl.col("count_ways").first()).collect().item())


def _tell_share(row: dict[str, float | None]) -> str:
    share, low, high = (100 * (row[name] or 0.0) for name in ("share", "low", "high"))
    return f"{share:.0f} % ({low:.0f} to {high:.0f} %)" if row["low"] is not None else f"{share:.0f} %"
