"""Customers' ways by channel, to an order or to none: what the models that learn from data learn from."""

import polars as pl

from klavnb.attribution import find_candidates
from klavnb.comparison import ModelComparison
from klavnb.export import Export
from klavnb.models import ORDER
from klavnb.touches import find_conversions

__all__ = ["find_paths"]


def find_paths(export: Export, *, comparison: ModelComparison) -> pl.LazyFrame:
    """Find the ways of customers through the channels, those that ended in an order and those that did not.

    One row per way: `profile_id`; `path`, its channels in the order of the touches, a channel that comes several times
    in a row once; `is_converted`; `value` of the order, 0 without one. Settings, period and currency are those of the
    comparison's baseline.

    - A way *with* an order holds the touches that are open at it: the very touches that every model shares the order
      among. An order without an open touch has no way. A touch that is open at two orders is on the way to both.
    - A way *without* an order is made of touches of the period that were open at no order at all, whatever its day and
      currency. It goes on as long as each touch comes while one before it is still open. Touches whose window is still
      open when the data end are left out: an order may yet come. So are touches that were closed when they came.

    Notes
    -----
    What a channel's repetitions are worth, neither model asks: without them the chances of an order in the Markov
    chain are the same, and a Shapley value looks at which channels there are.
    """
    settings, touches = comparison.settings, comparison.touches
    orders = find_conversions(export.events, settings=settings)
    opened = (
        find_candidates(touches, orders, lookback=settings.longest_window)
        .filter(pl.col("converted_at") <= pl.col("closes_at"))
        .collect()
        .lazy()
    )
    with_order = (
        opened.join(comparison.conversions.select("conversion_id"), on="conversion_id", how="semi")
        .sort("conversion_id", *ORDER)
        .group_by(way="conversion_id", maintain_order=True)
        .agg(pl.col("profile_id", "value").first(), pl.col("channel"), is_converted=pl.lit(value=True))
    )
    until = pl.col("closes_at").cum_max().shift(1).over("profile_id")
    without_order = (
        touches.join(opened.select("touch_id"), on="touch_id", how="anti")
        .filter(
            pl.col("touched_at").dt.date().is_between(comparison.first_on, comparison.last_on),
            pl.col("closes_at").is_between("touched_at", pl.lit(comparison.as_of)),
        )
        .sort("profile_id", *ORDER)
        .with_columns(begins=until.is_null() | (pl.col("touched_at") > until))
        .group_by("profile_id", way=pl.col("begins").cum_sum().cast(pl.String), maintain_order=True)
        .agg(pl.col("channel"), value=pl.lit(0.0), is_converted=pl.lit(value=False))
    )
    columns = ["profile_id", "channel", "is_converted", "value"]
    # the runs of equal channels, each by its first
    path = pl.col("channel").list.eval(pl.element().filter(pl.element().ne_missing(pl.element().shift(1))))
    return (
        pl.concat([with_order.select(columns), without_order.select(columns)])
        .with_columns(path=path)
        .select("profile_id", "path", "is_converted", "value")
    )
