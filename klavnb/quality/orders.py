"""Orders: their values and currencies, and the same one under two ids."""

from typing import Final

import polars as pl

from klavnb.quality.checks import Limits

__all__ = ["SMALLEST", "STEPS", "bin_values", "count_orders", "count_outliers", "count_repeats"]

STEPS: Final = [float(step * 10**power) for power in range(7) for step in (1, 2, 5)]
"""Where the steps of the values of orders begin; below the first is a step too, from 0 on."""

SMALLEST: Final = 0.01
"""Where the step below the first begins, so that 0 is none of its values."""

VALUE: Final = pl.col("value")


def count_orders(conversions: pl.LazyFrame) -> pl.LazyFrame:
    """Count the orders of each currency by what their values are."""
    return (
        conversions.group_by("currency")
        .agg(
            count_orders=pl.len().cast(pl.Int64),
            count_no_value=VALUE.is_null().sum().cast(pl.Int64),
            count_zero=(VALUE == 0).sum().cast(pl.Int64),
            count_negative=(VALUE < 0).sum().cast(pl.Int64),
            value=VALUE.sum(),
            median=VALUE.filter(VALUE > 0).median(),
        )
        .sort("count_orders", "currency", descending=[True, False])
    )


def count_outliers(conversions: pl.LazyFrame, orders: pl.DataFrame, *, limits: Limits) -> pl.LazyFrame:
    """Count the orders whose value is out of all proportion to the middle one of their currency."""
    highest = orders.lazy().select("currency", highest=pl.col("median") * limits.outlier)
    return (
        conversions.select("currency", "value")
        .join(highest, on="currency", nulls_equal=True)
        .filter(VALUE.abs() > pl.col("highest"))
        .group_by("currency")
        .agg(count_outliers=pl.len().cast(pl.Int64), outlier_value=VALUE.abs().sum())
    )


def bin_values(conversions: pl.LazyFrame) -> pl.LazyFrame:
    """Count the orders of each currency by steps of their value: null, below 0 (−1), 0, and the step it is in."""
    place = pl.lit(pl.Series(STEPS)).search_sorted(VALUE, side="right")
    lower = (
        pl.when(VALUE.is_null())
        .then(None)
        .when(VALUE < 0)
        .then(-1.0)
        .when(VALUE == 0)
        .then(0.0)
        .otherwise(place.replace_strict(dict(enumerate([SMALLEST, *STEPS])), default=None))
    )
    return (
        conversions.group_by("currency", lower=lower)
        .agg(count_orders=pl.len().cast(pl.Int64))
        .sort("currency", "lower", nulls_last=False)
    )


def count_repeats(conversions: pl.LazyFrame) -> pl.LazyFrame:
    """Count the orders that are there again under another event id.

    The same are orders of one profile with one order number; where there is none, of one second and one value.
    """
    no_number = pl.col("order_id").is_null()
    key = ["profile_id", "order_id", *(pl.when(no_number).then(name).alias(name) for name in ("occurred_at", "value"))]
    alike = (
        conversions.with_columns(money=VALUE.fill_null(0).abs())
        .group_by(key)
        .agg(size=pl.len().cast(pl.Int64), money=pl.col("money").max())
    )
    again = pl.col("size") - 1
    return alike.select(
        count_repeats=again.sum(),
        repeated_value=(again * pl.col("money")).sum(),
        count_numberless=pl.col("size").filter(pl.col("order_id").is_null()).sum(),
    )
