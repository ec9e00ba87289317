"""Which receipt belongs to which touch: decided once, when an export is loaded, over all of its events.

A receipt may be far older than the touch, so a look at some weeks of events cannot tell a receipt that is
missing from one that is only earlier.
"""

from collections.abc import Mapping
from typing import Final

import polars as pl

__all__ = ["add_receipts", "match_receipts"]

MESSAGE: Final = ["profile_id", "channel", "message_id"]


def match_receipts(events: pl.DataFrame, *, roles: Mapping[str, str]) -> pl.DataFrame:
    """Find the time at which the message of a touch was received, by a `Received …` event of the export.

    It is that of the same profile, channel and message: of the same transmission where both name one (its first
    receipt), else the latest at or before the touch, of those that name no transmission if the touch names one.
    Which receipt belongs to a touch is undocumented.

    Parameters
    ----------
    events
        One row per event: `profile_id`, `metric`, `occurred_at`, `message_id`, `transmission_id`; other columns
        are handed through, and should tell the rows apart.
    roles
        Metric → channel and kind, such as `email.open`.

    Returns
    -------
    DataFrame
        The rows of touches that have a receipt, with `receipt_at`.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> events = pl.DataFrame(
    ...     {
    ...         "event_id": ["r", "o"],
    ...         "profile_id": ["ann", "ann"],
    ...         "metric": ["Received Email", "Opened Email"],
    ...         "occurred_at": [datetime(2022, 3, 1, tzinfo=UTC), datetime(2022, 3, 4, tzinfo=UTC)],
    ...         "message_id": ["m", "m"],
    ...         "transmission_id": [None, None],
    ...     },
    ...     schema_overrides={"transmission_id": pl.String},
    ... )
    >>> roles = {"Received Email": "email.received", "Opened Email": "email.open"}
    >>> match_receipts(events, roles=roles).select("event_id", "receipt_at").rows()
    [('o', datetime.datetime(2022, 3, 1, 0, 0, tzinfo=zoneinfo.ZoneInfo(key='UTC')))]
    """
    role = pl.col("metric").replace_strict(dict(roles), default=None, return_dtype=pl.String)
    of_messages = (
        events.filter(pl.col("message_id").is_not_null())
        .with_columns(role=role)
        .filter(pl.col("role").is_not_null())
        .with_columns(
            channel=pl.col("role").str.split(".").list.get(0), is_receipt=pl.col("role").str.ends_with(".received")
        )
    )
    receipts = of_messages.filter("is_receipt").sort("occurred_at")
    touches = of_messages.filter(~pl.col("is_receipt")).sort("occurred_at").drop("role", "is_receipt")
    # numbers join many times faster than three texts; that two messages share one is unlikely, and is seen
    number = pl.struct(MESSAGE).hash()
    found = _join(touches.with_columns(key=number), receipts.with_columns(key=number))
    if not _are_of_the_same(found, receipts):
        text = pl.struct(MESSAGE).struct.json_encode()
        found = _join(touches.with_columns(key=text), receipts.with_columns(key=text))
    return found.filter(pl.col("receipt_at").is_not_null()).drop("channel", "key", "receipt")


def _join(touches: pl.DataFrame, receipts: pl.DataFrame) -> pl.DataFrame:
    """Add `receipt_at` and `receipt`, the place of the receipt among the receipts, which are in the order of time."""
    placed = receipts.select("key", "transmission_id", at="occurred_at").with_row_index("receipt")
    first = placed.filter(pl.col("transmission_id").is_not_null()).group_by("key", "transmission_id")
    transmitted = first.agg(pl.col("receipt").min().alias("transmitted"))
    latest = placed.select("key", pl.col("receipt").alias("latest"), latest_at="at")
    unnamed = placed.filter(pl.col("transmission_id").is_null()).select(
        "key", pl.col("receipt").alias("unnamed"), unnamed_at="at"
    )
    chosen = pl.coalesce(
        "transmitted", pl.when(pl.col("transmission_id").is_null()).then("latest").otherwise("unnamed")
    )
    return (
        touches.join(transmitted, on=["key", "transmission_id"], how="left", maintain_order="left")
        .join_asof(latest, left_on="occurred_at", right_on="latest_at", by="key", check_sortedness=False)
        .join_asof(unnamed, left_on="occurred_at", right_on="unnamed_at", by="key", check_sortedness=False)
        .with_columns(receipt=chosen)
        .with_columns(receipt_at=pl.lit(placed["at"]).gather(pl.col("receipt")))
        .drop("transmitted", "latest", "latest_at", "unnamed", "unnamed_at")
    )


def _are_of_the_same(found: pl.DataFrame, receipts: pl.DataFrame) -> bool:
    """Tell whether every touch got a receipt of its own profile, channel and message."""
    place = pl.col("receipt")
    return bool(
        found.filter(place.is_not_null())
        .select(pl.all_horizontal((pl.lit(receipts[name]).gather(place) == pl.col(name)).all() for name in MESSAGE))
        .item()
    )


def add_receipts(events: pl.LazyFrame, *, roles: Mapping[str, str]) -> pl.LazyFrame:
    """Return events with `receipt_at`, matched anew; their order is kept."""
    narrow = events.select("event_id", "profile_id", "metric", "occurred_at", "message_id", "transmission_id")
    found = match_receipts(narrow.collect(), roles=roles).select("event_id", "receipt_at")
    without = events.drop("receipt_at", strict=False)
    return without.join(found.lazy(), on="event_id", how="left", maintain_order="left")
