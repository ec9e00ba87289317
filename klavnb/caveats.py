"""What a reader must know before believing the numbers, counted in the data itself."""

from datetime import timedelta

import polars as pl

from klavnb.attribution import attribute
from klavnb.channels import ANCHORED_ON_TOUCH
from klavnb.comparison import ModelComparison
from klavnb.export import Export
from klavnb.touches import TAKEN_BACK, count_interactions

__all__ = ["PROVISIONAL", "count_channels", "count_provisional", "find_caveats"]

PROVISIONAL = timedelta(days=5)
"""Klaviyo attributes within three hours and revises for up to five days, when late touches arrive."""


def count_channels(comparison: ModelComparison) -> pl.LazyFrame:
    """Count the profiles that converted by the number of channels they touched up to their last conversion.

    One row per number of channels (0, 1, 2, …): `count_profiles`, `value` of their conversions. Only
    profiles of two channels or more can get different answers from the old and the cooperative model.
    """
    buyers = comparison.conversions.group_by("profile_id").agg(
        pl.col("value").sum(), last_at=pl.col("converted_at").max()
    )
    return (
        buyers.join(comparison.touches.select("profile_id", "channel", "touched_at"), on="profile_id", how="left")
        .group_by("profile_id")
        .agg(
            pl.col("value").first(),
            count_channels=pl.col("channel").filter(pl.col("touched_at") <= pl.col("last_at")).drop_nulls().n_unique(),
        )
        .group_by("count_channels")
        .agg(count_profiles=pl.len(), value=pl.col("value").sum())
        .sort("count_channels")
    )


def find_caveats(export: Export, comparison: ModelComparison) -> pl.LazyFrame:
    """Count what could mislead a reader of the comparison.

    One row per caveat, in a fixed order, also where its count is 0: `caveat`, `count`, `of_count` (what it is a part
    of) and `value` (money of the period in question, null where none is).

    - `provisional`: conversions younger than five days at the export's last event, of all conversions
    - `early`: conversions within one longest window after the export's first event, of all conversions
    - `visits`: conversions that the candidate credits to a visit, of those it credits
    - `no_receipt`: touches that should count from their receipt, but no receipt is known, of such touches
    - `machine_opens`: opens known to be a machine's, of all opens; `bot_clicks`: clicks known to be a bot's
    - `messageless`: interactions that name no message and so earn nothing, of all interactions
    - `ties`: conversions whose credited touch shares its second with an open touch of another message
    - `refunds`: refunds and cancels in the period, not subtracted; 0 where the settings subtract them
    - `no_value`: conversions without a value or with one of 0
    - `other_currency`: conversions of the period in other currencies, left out
    """
    settings, touches, conversions = comparison.settings, comparison.touches, comparison.conversions
    recent = _find_recent(comparison)
    longest = max(settings.longest_window, comparison.candidate_settings.longest_window)
    early = pl.col("converted_at") < comparison.data_from + longest
    credited = comparison.changes.filter(pl.col("candidate_credit") > 0)
    from_receipt = pl.col("channel").is_in(ANCHORED_ON_TOUCH).not_() & (settings.anchor == "received")
    interactions = count_interactions(export.events, settings=settings)
    latest = attribute(touches, conversions, model="cooperative", settings=settings).drop_nulls("touch_id")
    rivals = touches.select("profile_id", "touched_at", "closes_at", other_id="message_id")
    tied = (
        latest.join(rivals, on=["profile_id", "touched_at"])
        .filter(pl.col("converted_at") <= pl.col("closes_at"))
        .group_by("conversion_id")
        .agg(pl.col("value").first(), messages=pl.col("other_id").n_unique())
    )
    is_tied = pl.col("messages") > 1
    refunds = export.events.filter(
        pl.col("metric").is_in(TAKEN_BACK),
        pl.col("occurred_at").dt.date().is_between(comparison.first_on, comparison.last_on),
        pl.col("currency").eq_missing(pl.lit(comparison.currency, dtype=pl.String)),
        pl.lit(not settings.net_of_refunds),
    )
    other = sum(comparison.other_currencies.values())
    rows = {
        "provisional": conversions.select(
            count=recent.sum(), of_count=pl.len(), value=pl.col("value").filter(recent).sum()
        ),
        "early": conversions.select(count=early.sum(), of_count=pl.len(), value=pl.col("value").filter(early).sum()),
        "visits": credited.select(count=(pl.col("channel") == "session").sum(), of_count=pl.len()),
        "no_receipt": touches.select(
            count=(from_receipt & (pl.col("receipt_source") == "touch")).sum(), of_count=from_receipt.sum()
        ),
        "machine_opens": touches.select(
            count=pl.col("is_machine_open").fill_null(value=False).sum(), of_count=(pl.col("kind") == "open").sum()
        ),
        "bot_clicks": touches.select(
            count=pl.col("is_bot_click").fill_null(value=False).sum(), of_count=(pl.col("kind") == "click").sum()
        ),
        "messageless": interactions.select(
            count=pl.col("count_messageless").sum(), of_count=pl.col("count_interactions").sum()
        ),
        "ties": tied.select(count=is_tied.sum(), of_count=pl.len(), value=pl.col("value").filter(is_tied).sum()),
        "refunds": refunds.select(count=pl.len(), of_count=pl.len(), value=pl.col("value").abs().sum()),
        "no_value": conversions.select(count=(pl.col("value") == 0).sum(), of_count=pl.len()),
        "other_currency": conversions.select(count=pl.lit(other), of_count=pl.len() + other),
    }
    counted = pl.concat(
        [frame.with_columns(caveat=pl.lit(name)) for name, frame in rows.items()], how="diagonal_relaxed"
    ).select(
        "caveat", pl.col("count").cast(pl.Int64), pl.col("of_count").cast(pl.Int64), pl.col("value").cast(pl.Float64)
    )
    return counted.collect().lazy()  # what several sentences would each run again


def count_provisional(comparison: ModelComparison) -> int:
    """Count the conversions younger than five days at the export's last event: Klaviyo may yet revise their credit."""
    return int(comparison.conversions.select(_find_recent(comparison).sum()).collect().item())


def _find_recent(comparison: ModelComparison) -> pl.Expr:
    return pl.col("converted_at") > comparison.as_of - PROVISIONAL
