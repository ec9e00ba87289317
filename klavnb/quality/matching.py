"""What belongs together: touches and receipts, orders and the touches that Klaviyo credited, events of one second."""

from datetime import datetime

import polars as pl

from klavnb.channels import ANCHORED_ON_TOUCH
from klavnb.quality.checks import Limits
from klavnb.schemas import RECEIPT_SOURCES

__all__ = ["count_receipts", "count_recorded", "count_seconds"]


def count_receipts(touches: pl.LazyFrame) -> pl.LazyFrame:
    """Count, by channel and kind, the touches whose window runs from the receipt by where that is known from."""
    from_touch = pl.col("channel").is_in(ANCHORED_ON_TOUCH) | (pl.col("kind") == "delivery")
    return (
        touches.filter(~from_touch)
        .group_by("channel", "kind")
        .agg(
            pl.len().cast(pl.Int64).alias("count_touches"),
            *((pl.col("receipt_source") == name).sum().cast(pl.Int64).alias(name) for name in RECEIPT_SOURCES),
        )
        .sort("channel", "kind", descending=[False, True])
    )


def count_recorded(
    events: pl.LazyFrame, conversions: pl.LazyFrame, *, early: datetime, recent: datetime
) -> pl.LazyFrame:
    """Count the orders by what Klaviyo itself recorded of them, and those at either end of the period."""
    recorded = pl.col("recorded_event_ids")
    credited = conversions.select(event_id=recorded).explode("event_id", empty_as_null=False).drop_nulls().unique()
    counts = conversions.select(
        count_orders=pl.len().cast(pl.Int64),
        known=recorded.is_not_null().sum().cast(pl.Int64),
        credited=(recorded.list.len() > 0).sum().cast(pl.Int64),
        early=(pl.col("occurred_at") < early).sum().cast(pl.Int64),
        provisional=(pl.col("occurred_at") > recent).sum().cast(pl.Int64),
    )
    there = events.select("event_id").join(credited, on="event_id", how="semi").select(there=pl.len().cast(pl.Int64))
    asked = credited.select(asked=pl.len().cast(pl.Int64))
    return pl.concat([counts, asked, there], how="horizontal").with_columns(dangling=pl.col("asked") - pl.col("there"))


def count_seconds(events: pl.LazyFrame, by_day: pl.DataFrame, metrics: pl.DataFrame, *, limits: Limits) -> pl.LazyFrame:
    """Find the metrics that have very many events in one second, and that second.

    Messages are sent, received and refused by the thousand at a time; those metrics are not looked at. A crowded
    second makes its day crowded, so only such days are searched.
    """
    least = pl.max_horizontal(pl.col("total") * limits.same_second, pl.lit(limits.least_same_second))
    is_touch = pl.col("role").is_not_null() & ~pl.col("role").str.ends_with(".received")
    searched = metrics.filter(is_touch | (pl.col("count_messageless") > pl.col("count_events") / 2))
    days = (
        by_day.join(searched.select("metric", total="count_events"), on="metric")
        .with_columns(least=least)
        .filter(pl.col("count_events") >= pl.col("least"))
        .select("metric", "on", "least")
    )
    return (
        events.select("metric", "occurred_at", on=pl.col("occurred_at").dt.date())
        .join(days.lazy(), on=["metric", "on"])
        .group_by("metric", "occurred_at")
        .agg(count_events=pl.len().cast(pl.Int64), least=pl.col("least").first())
        .filter(pl.col("count_events") >= pl.col("least"))
        .group_by("metric")
        .agg(pl.all().sort_by("count_events", "occurred_at").last())
        .drop("least")
        .sort("count_events", "metric", descending=[True, False])
    )
