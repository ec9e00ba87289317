"""Klaviyo’s published workaround, replayed on an account, beside the segments that it stands for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import dataframely as dy
import polars as pl

from klavnb.definitions import ordered_item, single_order_at_least
from klavnb.errors import SettingsError
from klavnb.recipes import WHYS, RecipeCount, RecipeVerdict, compare_recipe, count_recipe, filter_verdicts
from klavnb.segments.calendar import read_date
from klavnb.studies import SegmentStudy

__all__ = ["Workaround", "study_workaround"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workaround:
    """What the recipe finds and misses of some segments.

    Parameters
    ----------
    goal
        The name of the segment of large orders.
    labels
        The names of all segments, this one first, then those of item values → a short name of each.
    days
        The window of the segments; None: ever.
    today
        Counts at the moment of the study, one row per variant and goal that anybody ever met.
    counts
        The same at the end of each day of the study’s period, from `live_on` on.
    people
        One row: how many different customers the segments hold at the moment of the study (`count_exact`), how
        many of them the recipe as published misses in at least one (`count_missed`), and for which reason: a
        customer who is missed in two segments may count for two.
    live_on
        The day on which the flow went live; None: before the first order.
    time_zone
        Whose days the study counts; the recipe’s are those of UTC in any case.
    """

    goal: str
    labels: Mapping[str, str]
    days: int | None
    today: dy.LazyFrame[RecipeCount]
    counts: dy.LazyFrame[RecipeCount]
    people: pl.LazyFrame
    live_on: date | None = None
    time_zone: str = "UTC"


def study_workaround(
    study: SegmentStudy,
    *,
    threshold: float,
    days: int | None,
    item_values: Sequence[str],
    live_from: str = "",
    items: str = "Items",
    item_property: str = "Size",
    metric: str = "Placed Order",
) -> Workaround:
    """Replay the recipe over all orders, and compare its segments with the exact ones, day by day.

    The flow and its segments count days in UTC, as Klaviyo does, whatever the calendar of the study.

    Parameters
    ----------
    threshold
        What a large order is, in the currency of the orders.
    days
        The window of the segments; None: ever.
    item_values
        Values of the item property, such as sizes.
    live_from
        The day on which the flow went live, YYYY-MM-DD; empty: before the first order.
    items, item_property, metric
        Where orders keep their items; as in `klavnb.compare_recipe`.

    Raises
    ------
    SettingsError
        When `live_from` is no day or one after the last event, or two item values would be written to one property.
    """
    live_on, last_at = read_date(live_from) if live_from else None, study.export.summary.last_event_at
    if live_on and last_at and live_on > last_at.astimezone(UTC).date():
        raise SettingsError(
            f"The flow would go live on {live_on}, after the last event of the export, on "
            f"{last_at.astimezone(UTC):%Y-%m-%d}.",
            hint="Name the day on which it went live, or none.",
        )
    verdicts = compare_recipe(
        study.export,
        thresholds=[threshold],
        days=days,
        sizes=item_values,
        live_from=None if live_on is None else datetime(live_on.year, live_on.month, live_on.day, tzinfo=UTC),
        metric=metric,
        items=items,
        item_property=item_property,
    )
    goal = single_order_at_least(threshold, days=days, metric=metric).name
    labels = {goal: f"one order of {threshold:,.12g} or more"}
    labels |= {
        ordered_item(item_property, value, days=days, items=items, metric=metric).name: f"{item_property} “{value}”"
        for value in item_values
    }
    kept = RecipeVerdict.cast(verdicts.collect().lazy())
    first_on = max(study.start_on, live_on or study.start_on)
    counted = (
        count_recipe(kept, start=first, end=last)
        for first, last in ((study.as_of, study.as_of), (min(first_on, study.end_on), study.end_on))
    )
    today, counts = (RecipeCount.cast(each.collect().lazy()) for each in counted)
    return Workaround(
        goal=goal,
        labels=labels,
        days=days,
        today=today,
        counts=counts if first_on <= study.end_on else RecipeCount.create_empty().lazy(),
        live_on=live_on,
        time_zone=study.calendar.time_zone,
        people=_count_people(filter_verdicts(kept, as_of=study.as_of)),
    )


def _count_people(verdicts: dy.LazyFrame[RecipeVerdict]) -> pl.LazyFrame:
    """Count different customers, whatever the number of segments they are in."""
    customer = pl.col("profile_id")
    return (
        verdicts.filter(pl.col("variant") == "as_published")
        .select(
            count_exact=customer.filter(pl.col("outcome") != "wrongly_included").n_unique(),
            count_missed=customer.filter(pl.col("outcome") == "missed").n_unique(),
            **{f"count_{why}": customer.filter(pl.col("reason") == why).n_unique() for why in WHYS},
        )
        .collect()
        .lazy()
    )
