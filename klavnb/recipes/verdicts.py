"""The recipe's segments against the exact ones: whom it misses, why, and from when to when."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

import dataframely as dy
import polars as pl

from klavnb.definitions import Definition, ordered_item, single_order_at_least
from klavnb.export import Export
from klavnb.recipes.contracts import OUTCOMES, SIZES, VARIANTS, WHYS, Order, RecipeVerdict, StoredProperty, Variant
from klavnb.recipes.orders import find_orders
from klavnb.recipes.replay import Comparison, replay_recipe
from klavnb.recipes.stays import find_highest_stays, find_item_stays, find_text_stays, merge_stays
from klavnb.schemas import Event
from klavnb.segments import find_memberships

__all__ = ["compare_recipe"]

KEY: Final = ["goal", "profile_id"]


def compare_recipe(
    data: Export,
    *,
    thresholds: Sequence[float] = (1000,),
    days: int | None = 30,
    sizes: Sequence[str] = SIZES,
    live_from: datetime | None = None,
    metric: str = "Placed Order",
    items: str = "Items",
    item_property: str = "Size",
) -> dy.LazyFrame[RecipeVerdict]:
    """Compare the segments built on the recipe's properties with the exact ones, at any moment.

    One row per variant (the recipe as published, and with its comparison mended), goal, profile and
    stretch of time in which at least one of the two segments has the profile. A goal is one order of at
    least a threshold, or an item of a size, in the past days; its name is that of the exact definition
    (`klavnb.single_order_at_least`, `klavnb.ordered_item`). Sizes do not hang on the comparison: both
    variants say the same of them.

    Parameters
    ----------
    data
        The account. Its orders are collected here.
    thresholds
        Least values, in the currency of the orders, which is not converted.
    days
        The window of the goals, and of the flow that is to serve them; None: ever.
    sizes
        Values of the item property, as they are written.
    live_from
        When the flow went live. None: before the first order.
    metric, items, item_property
        As in `find_orders`.

    Raises
    ------
    SettingsError
        When two sizes would be written to one property, or `live_from` names no time zone.
    DefinitionError
        When a threshold is no finite number, or the days are no whole number from 1 on.

    Notes
    -----
    The reasons are found by counterfactuals and leave no rest. A stored value and date are those of one
    real order, so whom the recipe has the exact segment has too, and nobody is wrongly included by a goal of
    “at least”. An order that qualifies while the flow is live can only be missing as a larger one is stored
    (with numbers compared: one that has left the window, for otherwise that one would qualify), or as
    the comparison took it for smaller: told apart by replaying with the comparison mended, in part and in
    full. A size is missed where no live order qualifies, or where the last order of all wrote no date or several.

    Examples
    --------
    >>> from klavnb.store import read_export
    >>> verdicts = compare_recipe(read_export("sample"), thresholds=[100]).collect()
    >>> sorted(verdicts["variant"].unique())
    ['as_published', 'mended']
    """
    single = partial(single_order_at_least, days=days, metric=metric)
    ordered = partial(ordered_item, item_property, days=days, items=items, metric=metric)
    by_threshold = {single(threshold): float(threshold) for threshold in thresholds}
    by_size = {ordered(size): size for size in sizes}
    highest = [(definition.name, threshold) for definition, threshold in by_threshold.items()]
    of_size = [(definition.name, size) for definition, size in by_size.items()]
    definitions = [*by_threshold, *by_size]

    orders = find_orders(data.events, metric=metric, items=items, item_property=item_property)
    replay = partial(_keep_replay, orders, days=days, live_from=live_from)
    published = replay(comparison="as_published", sizes=sizes)
    item_stays = find_item_stays(published, sizes=of_size, days=days)
    texts = find_text_stays(published, sizes=of_size)
    find_highest = partial(find_highest_stays, thresholds=highest, days=days)

    exact = _keep(_find_exact(data, definitions))
    live = exact if live_from is None else _find_exact(_keep_from(data, live_from), definitions)
    stays = {
        "exact": exact,
        "live": live,
        "as_published": pl.concat([find_highest(published), item_stays]),
        "rounded": find_highest(replay(comparison="rounded", sizes=())),
        "mended": pl.concat([find_highest(replay(comparison="mended", sizes=())), item_stays]),
        "blank": texts.filter("is_blank"),
        "doubled": texts.filter(~pl.col("is_blank")),
    }
    timeline = _keep(_lay_side_by_side(stays).with_columns(of_size=pl.col("goal").is_in([goal for goal, _ in of_size])))
    return RecipeVerdict.cast(pl.concat(_judge(timeline, variant) for variant in VARIANTS))


def _keep_replay(
    orders: dy.LazyFrame[Order],
    *,
    comparison: Comparison,
    days: int | None,
    sizes: Sequence[str],
    live_from: datetime | None,
) -> dy.LazyFrame[StoredProperty]:
    stored = replay_recipe(orders, comparison=comparison, days=days, sizes=sizes, live_from=live_from)
    return StoredProperty.cast(_keep(stored))


def _keep(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Work a frame out, once, that is looked at from several sides."""
    return frame.collect().lazy()


def _keep_from(data: Export, moment: datetime) -> Export:
    return replace(data, events=Event.cast(data.events.filter(pl.col("occurred_at") >= moment)))


def _find_exact(data: Export, definitions: Sequence[Definition]) -> pl.LazyFrame:
    return find_memberships(data, definitions).select("profile_id", "entered_at", "left_at", goal="segment")


def _lay_side_by_side(stays: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    """One row per goal, profile and stretch of time, with a truth value per kind of stay: whether it lasts then.

    Stays of one kind never overlap, so each kind is one binary digit of a whole number: added where a stay begins
    and taken away where it ends. Summed up over time the number says which kinds last.
    """
    digits = {kind: 2**place for place, kind in enumerate(stays)}
    edges = [
        edge
        for kind, of_kind in stays.items()
        for edge in (
            of_kind.select(*KEY, "entered_at", lasting=pl.lit(digits[kind])),
            of_kind.drop_nulls("left_at").select(*KEY, entered_at="left_at", lasting=pl.lit(-digits[kind])),
        )
    ]
    next_is_same = (pl.col("history") == pl.col("history").shift(-1)).fill_null(value=False)
    return (
        pl.concat(edges)
        .group_by(*KEY, "entered_at")
        .agg(pl.col("lasting").sum())
        .sort(*KEY, "entered_at")
        .with_columns(history=pl.struct(KEY).rle_id())
        .with_columns(
            pl.col("lasting").cum_sum().over("history"),
            left_at=pl.when(next_is_same).then(pl.col("entered_at").shift(-1)),
        )
        .select(
            *KEY,
            "entered_at",
            "left_at",
            *(((pl.col("lasting") & digit) > 0).alias(kind) for kind, digit in digits.items()),
        )
    )


def _judge(timeline: pl.LazyFrame, variant: Variant) -> pl.LazyFrame:
    """The verdicts on one variant; stretches where neither segment has the profile are left out."""
    in_recipe, is_exact = pl.col(variant), pl.col("exact")
    outcome = pl.when(in_recipe & is_exact).then(pl.lit("both")).when(is_exact).then(pl.lit("missed"))
    mending_helps = pl.col("mended") if variant == "as_published" else pl.lit(value=False)
    reason = (
        pl.when(~pl.col("live"))
        .then(pl.lit("before_live"))
        .when("of_size")
        .then(pl.when("blank").then(pl.lit("blanked_date")).when("doubled").then(pl.lit("doubled_date")))
        .when(~mending_helps)
        .then(pl.lit("stale_maximum"))
        .when(~pl.col("rounded"))
        .then(pl.lit("rounding"))
        .otherwise(pl.lit("text_comparison"))
    )
    verdicts = (
        timeline.filter(in_recipe | is_exact)
        .with_columns(outcome=outcome.otherwise(pl.lit("wrongly_included")).cast(pl.Enum(OUTCOMES)))
        .with_columns(reason=pl.when(pl.col("outcome") == "missed").then(reason).cast(pl.Enum(WHYS)))
    )
    return merge_stays(verdicts, "outcome", "reason").with_columns(variant=pl.lit(variant, dtype=pl.Enum(VARIANTS)))
