"""Orders → the right values of the recipe's properties, for every customer: what the flow cannot know."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from klavnb.errors import SettingsError, name_some
from klavnb.export import Export
from klavnb.recipes.names import name_highest, name_item_dates
from klavnb.recipes.orders import find_orders
from klavnb.segments.calendar import AsOf, find_instant

__all__ = ["backfill_properties"]

MOST_VALUES: Final = 100
"""Each value becomes a property of every customer; one with more values is a product number or the like."""


def backfill_properties(
    data: Export,
    *,
    as_of: AsOf,
    windows: Sequence[int | None] = (30, 60, 90),
    items: str = "Items",
    item_property: str = "Size",
    values: Sequence[str] | None = None,
    metric: str = "Placed Order",
) -> pl.LazyFrame:
    """Find what the recipe's properties should say of every customer.

    One row per profile with an order up to `as_of`, ordered by its id: `profile_id`, `email`, `phone_number`; per
    window the highest value and its date (see `name_highest`); per value of the item property the date of
    the last order with such an item (see `name_item_dates`), however long ago. Dates are UTC.

    A window is `[D0 − days, as_of]`, where D0 is midnight UTC of the day: so the segment “highest value ≥ X
    and its date in the last days” on these properties has, at `as_of`, exactly the profiles with one order
    of at least X in these days. Later it does not: the highest order leaves the window and a smaller one
    is not known, so make it anew each day. Of equal values the latest order counts; an order without a value
    does not. Null means that the profile has no such order: what writes this out must clear the property, as an
    older value may stand there.

    Parameters
    ----------
    data
        The account. Its orders are collected here.
    as_of
        A moment; or a date, which means the end of that day, in UTC.
    windows
        In days; None: ever.
    values
        Values of the item property, as they are written. None: all that were found, in the order of their text,
        but for blank ones.
    metric, items, item_property
        As in `find_orders`.

    Raises
    ------
    SettingsError
        When two values would become one property, when more than 100 values are found, or when a window is given
        twice or is not of at least one day.

    Examples
    --------
    >>> from klavnb.store import read_export
    >>> properties = backfill_properties(read_export("sample"), as_of="2026-08-31", windows=[30, None])
    >>> properties.collect().columns[:7]
    ['profile_id', 'email', 'phone_number', 'highest_order_value', 'highest_order_date',
    'ever_highest_order_value', 'ever_highest_order_date']
    """
    _check_windows(windows)
    now = find_instant(as_of)
    orders = (
        find_orders(data.events, metric=metric, items=items, item_property=item_property)
        .filter(pl.col("ordered_at") <= now)
        .collect()
    )
    found = orders["item_values"].explode(empty_as_null=False).unique().sort() if values is None else values
    names = name_item_dates([value for value in found if value.strip()] if values is None else values)
    if len(names) > MOST_VALUES:
        raise SettingsError(
            f"{items}[*].{item_property}: expected at most {MOST_VALUES} values, each to become a property of every "
            f"customer, found {len(names)}: {name_some(list(names))}.",
            hint="Name the values that you need, or choose an item property with fewer.",
        )
    placed = orders.lazy()
    highest = [
        aggregate
        for days in windows
        for aggregate in _find_highest(days, midnight=now.replace(hour=0, minute=0, second=0, microsecond=0))
    ]
    last = [
        pl.col("ordered_at").filter(pl.col("item_values").list.contains(value)).max().alias(name)
        for value, name in names.items()
    ]
    return (
        placed.group_by("profile_id")
        .agg(*highest, *last)
        .join(data.profiles.select("profile_id", "email", "phone_number"), on="profile_id", how="left")
        .sort("profile_id")
        .select("profile_id", "email", "phone_number", pl.exclude("profile_id", "email", "phone_number"))
    )


def _check_windows(windows: Sequence[int | None]) -> None:
    wrong = [days for days in windows if days is not None and days < 1]
    if wrong or len(set(windows)) < len(windows):
        raise SettingsError(
            f"windows: expected days, each once and at least 1, found {name_some(list(windows))}.",
            hint="Give for example 30, 60, 90.",
        )


def _find_highest(days: int | None, *, midnight: datetime) -> list[pl.Expr]:
    value, at = pl.col("value"), pl.col("ordered_at")
    is_inside = pl.lit(value=True) if days is None else at >= midnight - timedelta(days=days)
    inside = pl.when(is_inside).then(value)
    value_name, date_name = name_highest(days)
    return [inside.max().alias(value_name), at.filter(inside == inside.max()).max().alias(date_name)]
