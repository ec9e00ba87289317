"""Events → orders with the values of their items, which is what the recipe's flow looks at."""

import dataframely as dy
import polars as pl

from klavnb.metrics import RENAMED_METRICS
from klavnb.properties import find_values
from klavnb.recipes.contracts import Order
from klavnb.schemas import Event

__all__ = ["find_orders"]


def find_orders(
    events: dy.LazyFrame[Event],
    *,
    metric: str = "Placed Order",
    items: str = "Items",
    item_property: str = "Size",
) -> dy.LazyFrame[Order]:
    """Find the orders of an account, with one property of their items.

    One row per event of the metric. The orders are collected: their raw JSON is read here.

    Parameters
    ----------
    events
        All events of the account, or those of the metric.
    metric
        The name of the metric that starts the flow.
    items, item_property
        Where an order keeps its items, and what is asked of them, as the shop writes them:
        upper and lower case differ. An item without the property, or with a list or an object there,
        adds nothing; a number counts by its JSON text.

    Examples
    --------
    >>> from klavnb.store import read_export
    >>> orders = find_orders(read_export("sample").events).collect()
    >>> orders.columns
    ['event_id', 'profile_id', 'ordered_at', 'value', 'item_values']
    >>> orders["item_values"].explode().is_in(["small", "medium", "large", "xlarge"]).any()
    True
    """
    orders = (
        events.filter(pl.col("metric") == RENAMED_METRICS.get(metric, metric))
        .select("event_id", "profile_id", "value", "properties", ordered_at=pl.col("occurred_at"))
        .collect()
        .with_row_index("row")
    )
    found = find_values(orders["properties"], [f"{items}[*].{item_property}"])
    by_order = (
        found.lazy()
        .filter(pl.col("text").is_not_null())
        .group_by("row")
        .agg(item_values=pl.col("text").sort_by("item"))
    )
    return Order.cast(
        orders.lazy()
        .drop("properties")
        .join(by_order, on="row", how="left", maintain_order="left")
        .with_columns(pl.col("item_values").fill_null([]))
    )
