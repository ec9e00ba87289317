"""Touches and conversions → credits: every model on the same open touches."""

from collections.abc import Sequence
from datetime import timedelta

import dataframely as dy
import numpy as np
import polars as pl

from klavnb.latest import NONE, Places, Profiles, find_latest_open, order_touches, to_index
from klavnb.models import LATEST, MODELS, ORDER, WHY_NOT, Model, check_model, check_models
from klavnb.schemas import REASONS, Conversion, Credit, Touch
from klavnb.settings import Settings

__all__ = [
    "MODELS",
    "ORDER",
    "Model",
    "attribute",
    "attribute_models",
    "check_model",
    "credit_latest",
    "find_candidates",
    "find_last_channel",
    "pair_latest",
    "summarise_credits",
]

OF_TOUCH = [
    "touch_id",
    "channel",
    "kind",
    "message_id",
    "message_type",
    "campaign_id",
    "flow_id",
    "flow_message_id",
    "touched_at",
    "received_at",
]
"""What a credit says of its touch."""


def attribute(
    touches: dy.LazyFrame[Touch], conversions: dy.LazyFrame[Conversion], *, model: Model, settings: Settings
) -> dy.LazyFrame[Credit]:
    """Credit each conversion to touches of the same profile that are open when it happens.

    One row per conversion and credited touch, by time of conversion; a conversion without credit is one
    row with a reason: `no_touch` (none at or before it), `windows_closed` (none open), `last_channel_closed`
    (old model only: a touch of another channel is open), `no_click` (first and last click only: the open touches are
    opens, deliveries or visits). A conversion at the very second of a touch, or
    at the last instant of its window, counts as within.

    Where the old model credits a touch, the cooperative model nearly always credits the same one. It
    need not where a channel's later touch can close before an older one of it: a late open under the
    anchor `received`, or kinds with windows of different length. Then another channel's open touch may
    lie between the two; the old model does not look at it, the cooperative model credits it. It never
    credits less. Every open touch has a share of its own under the models that share, also two of one message.

    Parameters
    ----------
    touches, conversions
        As found under the same settings.
    model
        `old` (Klaviyo until March 2022), `cooperative` (since; `last_touch` is the same), `first_touch`; `linear`,
        `time_decay`, `position_based`, which share; `first_click`, `last_click`, which look at clicks alone.
    settings
        The longest window says how far to look back; `half_life` and `position_shares` say how two models share.

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
    return attribute_models(touches, conversions, models=[model], settings=settings)


def attribute_models(
    touches: dy.LazyFrame[Touch],
    conversions: dy.LazyFrame[Conversion],
    *,
    models: Sequence[Model],
    settings: Settings,
) -> dy.LazyFrame[Credit]:
    """Credit each conversion by several models at once; touches and conversions are paired once for all of them.

    One row per model, conversion and credited touch, by model in the order asked for, then as `attribute` has them.

    Parameters
    ----------
    touches, conversions, settings
        As of `attribute`.
    models
        Names of models, each once.

    Raises
    ------
    SettingsError
        When there is no such model.

    Examples
    --------
    >>> from klavnb.store import read_export
    >>> from klavnb.touches import find_conversions, find_touches
    >>> events, settings = read_export("sample").events, Settings()
    >>> found = find_touches(events, settings=settings), find_conversions(events, settings=settings)
    >>> credited = attribute_models(*found, models=["cooperative", "linear"], settings=settings).collect()
    >>> by_model = credited.group_by("model").agg(pl.col("attributed_value").sum().round(2))
    >>> by_model["attributed_value"].n_unique()
    1
    """
    asked = pl.Enum(check_models(models))
    if LATEST.issuperset(models):
        found, converted = pl.collect_all([touches, conversions.sort("converted_at", "conversion_id")])
        profiles = Profiles(converted["profile_id"])
        earning = profiles.number(found)
        credited_latest = credit_latest(earning, profiles.number(converted), order_touches(earning), models=models)
        return Credit.cast(credited_latest.lazy())
    placed = find_last_channel(touches, conversions)
    opened = (
        find_candidates(touches, placed, lookback=settings.longest_window)
        .filter(pl.col("converted_at") <= pl.col("closes_at"))
        .sort("conversion_id", *ORDER)
        .select("conversion_id", *OF_TOUCH, **{model: MODELS[model](settings) for model in asked.categories})
    )
    credited = (
        opened.unpivot(
            list(asked.categories), index=["conversion_id", *OF_TOUCH], variable_name="model", value_name="credit"
        )
        .filter(pl.col("credit") > 0)
        .with_columns(pl.col("model").cast(asked))
    )
    was_open = opened.select("conversion_id", was_open=pl.lit(value=True)).unique()
    return Credit.cast(
        placed.join(was_open, on="conversion_id", how="left")
        .join(pl.LazyFrame({"model": asked.categories.cast(asked)}), how="cross")
        .join(credited, on=["conversion_id", "model"], how="left")
        .with_columns(pl.col("credit").fill_null(0.0), reason=_find_reason(pl.col("model")))
        .with_columns(attributed_value=pl.col("value") * pl.col("credit"))
        .sort("model", "converted_at", "conversion_id", *ORDER)
    )


def credit_latest(
    touches: pl.DataFrame,
    conversions: pl.DataFrame,
    order: Places,
    *,
    models: Sequence[Model],
    seen: pl.Series | None = None,
    count_seen: int = 0,
) -> pl.DataFrame:
    """Credit conversions by models that look at the latest open touch of a channel alone (`LATEST`).

    Rows as of `attribute_models`; of what describes a touch, the columns that `touches` has.

    Parameters
    ----------
    touches
        With the number of the profile: `profile`.
    conversions
        By time and id, with `profile`.
    order
        The places of the touches in `ORDER`.
    seen
        The channel of the last touch of an earlier time, by conversion: of those that are left out, since their windows
        are closed, and of the first `count_seen` of these touches.
    """
    found = find_latest_open(touches, conversions, order)
    last_channel = touches["channel"].gather(to_index(np.where(found.last >= count_seen, found.last, NONE)))
    last_channel = last_channel if seen is None else last_channel.zip_with(last_channel.is_not_null(), seen)
    of_last = np.full(conversions.height, NONE)
    for channel, places in found.opened.items():
        is_last = (last_channel.to_physical() == channel).fill_null(value=False)
        of_last = np.where(is_last, places, of_last)
    known = conversions.drop("profile").with_columns(
        last_channel.alias("last_channel"), was_open=pl.Series(found.latest != NONE)
    )
    described = touches.select([name for name in OF_TOUCH if name in touches.columns])
    return pl.concat(
        pl.concat([known, described.select(pl.all().gather(to_index(winner)))], how="horizontal").with_columns(
            model=pl.lit(model, dtype=pl.Enum(models)),
            reason=_find_reason(pl.lit(model)),
            credit=pl.col("touch_id").is_not_null().cast(pl.Float64),
            attributed_value=pl.when(pl.col("touch_id").is_not_null()).then("value").otherwise(0.0),
        )
        for model, winner in ((model, of_last if model == "old" else found.latest) for model in models)
    )


def pair_latest(touches: dy.LazyFrame[Touch], conversions: dy.LazyFrame[Conversion]) -> pl.LazyFrame:
    """Pair each conversion with the latest touch of each channel at or before it, open or not.

    One row per conversion and channel that its profile touched before, in no order: the columns of both.
    """
    found, converted = pl.collect_all([touches, conversions])
    profiles = Profiles(converted["profile_id"])
    earning, placed = profiles.number(found), profiles.number(converted)
    latest = find_latest_open(earning, placed, order_touches(earning))
    described = earning.drop("profile_id", "profile")
    nothing = pl.concat([placed.clear(), described.clear()], how="horizontal")
    pairs = [
        pl.concat([placed.filter(places != NONE), described[places[places != NONE]]], how="horizontal")
        for places in latest.touched.values()
    ]
    found_pairs: pl.DataFrame = pl.concat([nothing, *pairs])
    return found_pairs.lazy()


def _find_reason(model: pl.Expr) -> pl.Expr:
    """Say why a row has no touch."""
    return (
        pl.when(pl.col("touch_id").is_not_null())
        .then(None)
        .when(pl.col("last_channel").is_null())
        .then(pl.lit("no_touch"))
        .when(pl.col("was_open"))
        .then(model.cast(pl.String).replace_strict(WHY_NOT, default=None))
        .otherwise(pl.lit("windows_closed"))
        .cast(pl.Enum(REASONS))
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
