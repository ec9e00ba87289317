"""Profiles: those with events and those with records, what the records say, and the one with the most events."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

__all__ = ["count_profiles"]

TOLERANCE: Final = timedelta(minutes=1)
"""A profile's last event is noted a little later than it happened."""

NO_CONSENT: Final = 2
"""Bytes of an empty object: a record of consent has more."""

KEY: Final = pl.col("profile_id").hash()
"""8 bytes instead of an id of 26: half the time and memory. Two that share them by chance move a count by one."""


def count_profiles(
    events: pl.LazyFrame, profiles: pl.LazyFrame, *, conversion: str, starts_at: datetime, ends_at: datetime
) -> Mapping[str, Any]:
    """Count profiles by what is there of them, and find the one with the most events.

    Returns
    -------
    dict
        `count_profiles` (records), `count_consent` (records with consent), `count_active` (profiles with events),
        `count_recordless` (of these without a record), `count_idle` (records without events), `count_later` (records
        whose last event comes after the export's), `count_dated` (records whose last event lies in the period),
        `count_lacking` (of these, whose last event is not in the export), `median_events` of an active profile,
        and `busiest`, the id of the profile with the most events, with `busiest_events` and `busiest_orders`.
    """
    active = (
        events.group_by(key=KEY)
        .agg(
            size=pl.len().cast(pl.Int64),
            latest=pl.col("occurred_at").max(),
            count_orders=(pl.col("metric") == conversion).sum().cast(pl.Int64),
        )
        .collect(engine="streaming")
    )
    counts = _match_records(active, profiles, starts_at=starts_at, ends_at=ends_at)
    top = active.top_k(1, by=["size", "key"]).to_dicts()
    found = {"busiest": None, "busiest_events": 0, "busiest_orders": 0}
    if top:
        (most,) = top
        name = events.filter(most["key"] == KEY).select(pl.col("profile_id").first()).collect(engine="streaming")
        found = {"busiest": name.item(), "busiest_events": most["size"], "busiest_orders": most["count_orders"]}
    return {**counts, **found, "median_events": active["size"].median()}


def _match_records(
    active: pl.DataFrame, profiles: pl.LazyFrame, *, starts_at: datetime, ends_at: datetime
) -> dict[str, Any]:
    records = profiles.select(
        "last_event_at",
        key=KEY,
        has_record=pl.lit(value=True),
        has_consent=pl.col("consent").str.len_bytes().fill_null(0) > NO_CONSENT,
    )
    has_record, has_events = (pl.col(name).is_not_null() for name in ("has_record", "size"))
    dated = pl.col("last_event_at").is_between(starts_at, ends_at)
    lacking = pl.col("latest").is_null() | (pl.col("latest") + TOLERANCE < pl.col("last_event_at"))
    counts = {
        "count_profiles": has_record,
        "count_consent": pl.col("has_consent"),
        "count_active": has_events,
        "count_recordless": has_events & ~has_record,
        "count_idle": has_record & ~has_events,
        "count_later": pl.col("last_event_at") > ends_at + TOLERANCE,
        "count_dated": dated,
        "count_lacking": dated & lacking,
    }
    return (
        active.lazy()
        .join(records, on="key", how="full", coalesce=True)
        .select(**{name: holds.fill_null(value=False).sum().cast(pl.Int64) for name, holds in counts.items()})
        .collect(engine="streaming")
        .row(0, named=True)
    )
