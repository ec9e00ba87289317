"""Touches and conversions → credits: one expression per model, all on the same open touches."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

import dataframely as dy
import polars as pl

from klavnb.errors import SettingsError
from klavnb.schemas import REASONS, Conversion, Credit, Touch
from klavnb.settings import Settings

__all__ = ["MODELS", "Model", "attribute", "find_candidates", "find_last_channel", "summarise_credits"]

Model = Literal["old", "cooperative", "linear"]

ORDER = ["touched_at", "kind", "touch_id"]
"""The order of a profile's touches. Klaviyo's times are whole seconds and its order of ties is
undocumented: at the same second a click counts as later than an open, and that than a delivery; then the id."""

STEP = pl.int_range(1, pl.len() + 1).over("conversion_id")
LENGTH = pl.len().over("conversion_id")
CHANNEL_STEP = pl.int_range(1, pl.len() + 1).over("conversion_id", "channel")
CHANNEL_LENGTH = pl.len().over("conversion_id", "channel")

MODELS: Mapping[str, pl.Expr] = MappingProxyType(
    {
        # Klaviyo, "Introducing—and explaining—Klaviyo's updated multichannel attribution model", 2022-03-21:
        # until then the last channel alone was looked at …
        "old": ((pl.col("channel") == pl.col("last_channel")) & (CHANNEL_STEP == CHANNEL_LENGTH)).cast(pl.Float64),
        # … and since then each channel by its own window; the most recent open touch earns.
        "cooperative": (STEP == LENGTH).cast(pl.Float64),
        # Klaviyo's help centre on multi-touch models: every open touch an equal share.
        "linear": 1 / LENGTH,
    }
)
"""Model → the credit of each open touch, as an expression over a conversion's open touches in `ORDER`."""


def attribute(
    touches: dy.LazyFrame[Touch], conversions: dy.LazyFrame[Conversion], *, model: Model, settings: Settings
) -> dy.LazyFrame[Credit]:
    """Credit each conversion to touches of the same profile that are open when it happens.

    One row per conversion and credited touch, by time of conversion; a conversion without credit is one
    row with a reason: `no_touch` (none at or before it), `windows_closed` (none open), `last_channel_closed`
    (old model only: a touch of another channel is open). A conversion at the very second of a touch, or
    at the last instant of its window, counts as within.

    Where the old model credits a touch, the cooperative model nearly always credits the same one. It
    need not where a channel's later touch can close before an older one of it: a late open under the
    anchor `received`, or kinds with windows of different length. Then another channel's open touch may
    lie between the two; the old model does not look at it, the cooperative model credits it. It never
    credits less. Every open touch has a share of its own under `linear`, also two of one message.

    Parameters
    ----------
    touches, conversions
        As found under the same settings.
    model
        `old` (Klaviyo until March 2022), `cooperative` (since), `linear`.
    settings
        Only the longest window is used: how far to look back.

    Raises
    ------
    SettingsError
        When there is no such model.

    Examples
    --------
    >>> from klavnb.store import read_export
    >>> from klavnb.touches import find_conversions, find_touches
    >>> events, settings = read_export("sample").events, Settings()
    >>> touches = find_touches(events, settings=settings)
    >>> conversions = find_conversions(events, settings=settings)
    >>> old, new = (
    ...     attribute(touches, conversions, model=model, settings=settings).collect()["attributed_value"].sum()
    ...     for model in ("old", "cooperative")
    ... )
    >>> old < new
    True
    """
    if model not in MODELS:
        raise SettingsError(f"There is no model {model!r}.", hint=f"Choose one of {', '.join(MODELS)}.")
    placed = find_last_channel(touches, conversions)
    opened = find_candidates(touches, placed, lookback=settings.longest_window).filter(
        pl.col("converted_at") <= pl.col("closes_at")
    )
    credited = (
        opened.sort("conversion_id", *ORDER)
        .with_columns(credit=MODELS[model])
        .filter(pl.col("credit") > 0)
        .drop("profile_id", "converted_at", "value", "currency", "last_channel")
    )
    was_open = opened.select("conversion_id", was_open=pl.lit(value=True)).unique()
    reason = (
        pl.when(pl.col("touch_id").is_not_null())
        .then(None)
        .when(pl.col("last_channel").is_null())
        .then(pl.lit("no_touch"))
        .when(pl.col("was_open"))
        .then(pl.lit("last_channel_closed"))
        .otherwise(pl.lit("windows_closed"))
    )
    return Credit.cast(
        placed.join(credited, on="conversion_id", how="left")
        .join(was_open, on="conversion_id", how="left")
        .with_columns(pl.col("credit").fill_null(0.0), model=pl.lit(model), reason=reason.cast(pl.Enum(REASONS)))
        .with_columns(attributed_value=pl.col("value") * pl.col("credit"))
        .sort("converted_at", "conversion_id", *ORDER)
    )


def summarise_credits(credited: dy.LazyFrame[Credit]) -> pl.LazyFrame:
    """Add up one model's credits.

    One row per currency: `count_conversions` and `value` of all conversions, `count_attributed` and
    `attributed_value` of those credited, and a count of those not credited for each reason.
    """
    by_conversion = credited.group_by("conversion_id", "currency").agg(
        pl.col("value", "reason").first(), pl.col("attributed_value").sum()
    )
    return (
        by_conversion.group_by("currency")
        .agg(
            pl.col("value", "attributed_value").sum(),
            count_conversions=pl.len(),
            count_attributed=pl.col("reason").is_null().sum(),
            **{reason: (pl.col("reason") == reason).sum() for reason in REASONS},
        )
        .sort("currency")
    )


def find_last_channel(touches: dy.LazyFrame[Touch], conversions: dy.LazyFrame[Conversion]) -> pl.LazyFrame:
    """Add `last_channel` to conversions: the channel of the profile's last touch at or before it, open or not.

    Null where the profile had no touch yet.
    """
    return (
        conversions.sort("converted_at")
        .join_asof(
            touches.sort(ORDER).select("profile_id", "touched_at", last_channel="channel"),
            left_on="converted_at",
            right_on="touched_at",
            by="profile_id",
            coalesce=True,
            check_sortedness=False,
        )
        .drop("touched_at", strict=False)
    )


def find_candidates(touches: dy.LazyFrame[Touch], conversions: pl.LazyFrame, *, lookback: timedelta) -> pl.LazyFrame:
    """Pair each conversion with the touches of its profile from `lookback` before it up to its very second.

    One row per pair, in no order, open or not; conversions without such a touch are absent.
    """
    # A touch falls into its own span of one lookback and into the next: an equality join then finds each
    # pair once, and looks at no touch older than two lookbacks.
    span = int(lookback.total_seconds() * 1_000_000)
    spans = pl.col("touched_at").dt.epoch("us") // span
    spread = touches.with_columns(span=pl.concat_list(spans, spans + 1)).explode("span")
    return (
        conversions.with_columns(span=pl.col("converted_at").dt.epoch("us") // span)
        .join(spread, on=["profile_id", "span"])
        .filter(pl.col("converted_at").is_between(pl.col("touched_at"), pl.col("touched_at") + lookback))
        .drop("span")
    )
