"""How sure a rate is, and what stands out: intervals, the account's own median."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import dataframely as dy
import polars as pl

from klavnb.schemas import MessageMeasure

__all__ = ["FEW_ORDERS", "PER_RECIPIENT", "RATES", "add_median", "find_wilson", "list_rates"]

Z: Final = 1.959963984540054
"""Of a normal distribution: 95 % lie within so many deviations of its middle."""

FEW_ORDERS: Final = 10
"""With fewer credited orders an interval of money says more than it knows, and there is none."""

TOLERANCE: Final = 1e-6

LEAST_COMPARED: Final = 3
"""With fewer messages of a kind a median says nothing of what is usual."""

LEAST_EVENTS: Final = 5
"""Of a rate: with fewer events, here or as usual, one more or less would turn the verdict."""

PER_RECIPIENT: Final = "candidate_per_recipient"

RATES: Mapping[str, str] = MappingProxyType(
    {
        "open_rate": "count_recipients",
        "human_open_rate": "count_recipients",
        "click_rate": "count_recipients",
        "human_click_rate": "count_recipients",
        "click_to_open_rate": "count_human_opened",
        "bounce_rate": "count_sent",
        "failure_rate": "count_sent",
        "unsubscribe_rate": "count_recipients",
        "spam_rate": "count_recipients",
    }
)
"""Rate → of how many it is sure: profiles, since what one person does with several messages is not independent."""


def find_wilson(share: pl.Expr, of: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Find the bounds between which a share lies with 95 % confidence, by Wilson's score.

    Never below 0 or above 1, and of use for few; null where the whole is 0 or the share is not known.

    Notes
    -----
    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.

    Examples
    --------
    >>> low, high = find_wilson(pl.lit(0.1), pl.lit(50))
    >>> pl.select(low.round(3).alias("low"), high.round(3).alias("high")).row(0)
    (0.043, 0.214)
    """
    whole = pl.when(of > 0).then(of)
    scale = 1 + Z**2 / whole
    middle = (share + Z**2 / (2 * whole)) / scale
    half = Z * (share * (1 - share) / whole + Z**2 / (4 * whole**2)).sqrt() / scale
    # the last digits of a difference of equals would lie above 0
    return (middle - half).round(12).clip(0, 1), (middle + half).round(12).clip(0, 1)


def list_rates(measures: dy.LazyFrame[MessageMeasure]) -> pl.LazyFrame:
    """List the rates of each row of measures with their intervals, and its revenue per recipient.

    One row per row of measures and rate that is known: the ids and label, `measure` (one of `RATES`, or
    `candidate_per_recipient`), `estimate`, `of_count` (of how many), `low` and `high` (95 % confidence). Those of money
    are null below ten credited orders; they say how far the revenue would swing among customers like these, as a
    bootstrap over profiles does, without drawing.
    """
    ids = ["label", "channel", "message_type", "campaign_id", "flow_id", "message_id", "variation_id"]
    shares = []
    for rate, whole in RATES.items():
        low, high = find_wilson(pl.col(rate), pl.col(whole))
        shares.append(
            measures.select(
                *ids, measure=pl.lit(rate), estimate=pl.col(rate), of_count=pl.col(whole), low=low, high=high
            )
        )
    per_one = pl.when(pl.col("count_candidate") >= FEW_ORDERS).then(
        Z * pl.col("candidate_error") / pl.col("count_reached")
    )
    money = measures.select(
        *ids,
        measure=pl.lit(PER_RECIPIENT),
        estimate=pl.col(PER_RECIPIENT),
        of_count=pl.col("count_recipients"),
        low=(pl.col(PER_RECIPIENT) - per_one).clip(lower_bound=0),
        high=pl.col(PER_RECIPIENT) + per_one,
    )
    return pl.concat([*shares, money]).filter(pl.col("estimate").is_not_null())


def add_median(rates: pl.LazyFrame, *, least: int = 1) -> pl.LazyFrame:
    """Compare each rate with the account's own median: of the same channel, campaigns with campaigns, flows with flows.

    Adds `median`, `count_compared` (how many rows it is of, this one included) and `verdict`: `above` or `below` where
    the whole interval is, else `usual`. The verdict is null where nobody can tell: without an interval, with fewer than
    three rows to compare, or where neither the rate nor the median comes to five events. Ties with the median
    are usual. Rates that count machines are left out: those without them say the same, and better.

    Parameters
    ----------
    rates
        As `klavnb.performance.list_rates` gives it.
    least
        Rows of fewer recipients are left out, of the median too.
    """
    alike = ["channel", "message_type", "measure"]
    most = pl.max_horizontal("estimate", "median") * pl.col("of_count")
    is_rare = (pl.col("measure") != PER_RECIPIENT) & (most < LEAST_EVENTS - TOLERANCE)
    verdict = (
        pl.when((pl.col("count_compared") < LEAST_COMPARED) | pl.col("low").is_null() | is_rare)
        .then(None)
        .when(pl.col("low") > pl.col("median"))
        .then(pl.lit("above"))
        .when(pl.col("high") < pl.col("median"))
        .then(pl.lit("below"))
        .otherwise(pl.lit("usual"))
    )
    return (
        rates.filter(pl.col("of_count") >= least, pl.col("measure").is_in(["open_rate", "click_rate"]).not_())
        .with_columns(
            median=pl.col("estimate").median().over(alike), count_compared=pl.len().over(alike).cast(pl.Int64)
        )
        .with_columns(verdict=verdict)
    )
