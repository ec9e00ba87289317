"""Orders → the profile properties that the recipe's flow would have stored, and when."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

import dataframely as dy
import polars as pl

from klavnb.recipes.contracts import SIZES, Order, StoredProperty
from klavnb.recipes.names import name_highest, name_item_dates
from klavnb.segments import find_instant

__all__ = ["COMPARISONS", "DATE_FORMAT", "Comparison", "replay_recipe"]

Comparison: TypeAlias = Literal["as_published", "rounded", "mended"]

VALUE: Final = pl.col("value")

FORMATTED: Final = VALUE.round(0, mode="half_away_from_zero").cast(pl.Int128)
"""Django's `floatformat` "0": halves away from zero, on the value's decimal text."""

COMPARISONS: Final[dict[Comparison, pl.Expr]] = {
    "as_published": FORMATTED.cast(pl.String).fill_null(""),
    "rounded": FORMATTED.cast(pl.Float64).fill_null(float("-inf")),
    "mended": VALUE.fill_null(float("-inf")),
}
"""What of a stored and of a new value the flow compares; it writes where the new one is strictly larger.

`as_published` compares text, because `floatformat` yields text: "900" is larger than "1359". `mended`
compares the numbers. `rounded`, between the two, compares the rounded values as numbers: it tells what
the rounding alone costs. An order without a value formats as an empty text, the smallest of all.
"""

DATE_FORMAT: Final = "%Y-%m-%dT%H:%M:%S%.6f"
LARGEST_WHOLE: Final = 1e15

RUN_HEIGHT: Final = 2**32
"""Added up run by run, so that one running maximum over all orders begins anew with each: no rank reaches it."""


def replay_recipe(
    orders: dy.LazyFrame[Order],
    *,
    comparison: Comparison = "as_published",
    days: int | None = 30,
    sizes: Sequence[str] = SIZES,
    live_from: datetime | None = None,
) -> dy.LazyFrame[StoredProperty]:
    """Replay the flow of Recipe 11 over all orders, and say what each profile stored at any moment.

    One row per profile, property and text that it held; what was stored on a day is a filter. The
    properties are the highest value and its date (see `name_highest`) and one date per size (see
    `name_item_dates`). Each order, when it is placed and at once,

    - writes its value and date, if it is the only order of the profile in the past `days`; else only if
      the stored value is smaller, as `comparison` has it. A value that was never stored is smaller than any;
    - writes for each size its date as often as items match, run together: an empty text where none does.

    Values are written as the shortest decimal text, whole ones without a point; dates as ISO 8601 text in
    UTC with microseconds and without a zone, as in the article's own example. An order without a value
    writes an empty text. What is written again unchanged is not a change; of changes at one instant the
    last is kept.

    Parameters
    ----------
    orders
        Of one metric; orders of one instant are placed in the order of their ids.
    comparison
        `as_published` or `mended`; see `COMPARISONS`.
    days
        How far back the flow counts orders: from midnight UTC, that many days ago, as Klaviyo counts them.
        None: all orders ever.
    sizes
        The values of the item property that the template names, compared as they are written.
    live_from
        When the flow went live: earlier orders write nothing, though they are counted. None: always.

    Raises
    ------
    SettingsError
        When two sizes would be written to one property, or `live_from` names no time zone.

    Notes
    -----
    Source: Klaviyo's Solution Recipe 11 (2022-09-27), rendered with stock Django templates.
    The rule is a fold over a profile's orders, and yet has a columnar form: from one order that writes
    whatever is stored to the next such order, “write if larger” is a running maximum in the order of the
    comparison, and numbers and texts both have ranks. So a single profile with very many orders costs no
    more than many profiles with few.

    Examples
    --------
    An order of 1359 does not replace one of 900, since "900" < "1359" is false:

    >>> from datetime import UTC
    >>> orders = pl.LazyFrame(
    ...     {
    ...         "event_id": ["a", "b"],
    ...         "profile_id": ["ann", "ann"],
    ...         "ordered_at": [datetime(2022, 9, 1, tzinfo=UTC), datetime(2022, 9, 22, tzinfo=UTC)],
    ...         "value": [900.0, 1359.0],
    ...         "item_values": [["small"], ["small"]],
    ...     }
    ... )
    >>> highest = pl.col("property") == "highest_order_value"
    >>> replay_recipe(Order.cast(orders)).filter(highest).collect()["value"].to_list()
    ['900']
    >>> replay_recipe(Order.cast(orders), comparison="mended").filter(highest).collect()["value"].to_list()
    ['900', '1359']
    """
    first = None if live_from is None else find_instant(live_from)
    placed = orders.sort("profile_id", "ordered_at", "event_id").with_columns(is_only=_is_only_order(days))
    live = placed if first is None else placed.filter(pl.col("ordered_at") >= first)
    starts_run = pl.col("is_only") | (pl.col("profile_id") != pl.col("profile_id").shift()).fill_null(value=True)
    height = starts_run.cum_sum().cast(pl.Int64) * RUN_HEIGHT + COMPARISONS[comparison].rank("dense")
    written = live.with_columns(height=height, date=pl.col("ordered_at").dt.strftime(DATE_FORMAT)).with_columns(
        is_highest=(pl.col("height") > pl.col("height").cum_max().shift()).fill_null(value=True)
    )
    value_name, date_name = name_highest(days)
    texts = {
        value_name: pl.when("is_highest").then(_print_value()),
        date_name: pl.when("is_highest").then("date"),
        **{name: _print_dates(size) for size, name in name_item_dates(sizes).items()},
    }
    changes = [
        written.select("profile_id", changed_at=pl.col("ordered_at"), property=pl.lit(name), value=text)
        for name, text in texts.items()
    ]
    return StoredProperty.cast(pl.concat(_keep_changes(each) for each in changes))


def _is_only_order(days: int | None) -> pl.Expr:
    """Whether the profile placed at most this one in the past days: then the order before is older than that."""
    before = pl.col("ordered_at").shift().over("profile_id")
    if days is None:
        return before.is_null()
    start = pl.col("ordered_at").dt.truncate("1d") - timedelta(days=days)
    return (before < start).fill_null(value=True)


def _print_value() -> pl.Expr:
    is_whole = (VALUE.floor() == VALUE) & (VALUE.abs() < LARGEST_WHOLE)
    whole = VALUE.cast(pl.Int64, strict=False).cast(pl.String)
    return pl.when(is_whole).then(whole).otherwise(VALUE.cast(pl.String)).fill_null("")


def _print_dates(size: str) -> pl.Expr:
    return pl.col("date").repeat_by(pl.col("item_values").list.count_matches(size)).list.join("")


def _keep_changes(written: pl.LazyFrame) -> pl.LazyFrame:
    """From what was written to one property, by profile and in order, to how long it was stored."""
    next_is_same = (pl.col("profile_id") == pl.col("profile_id").shift(-1)).fill_null(value=False)
    at_once = next_is_same & (pl.col("changed_at") == pl.col("changed_at").shift(-1))
    unchanged = (pl.col("profile_id") == pl.col("profile_id").shift()) & (pl.col("value") == pl.col("value").shift())
    return (
        written.filter(pl.col("value").is_not_null())
        .filter(~at_once.fill_null(value=False))
        .filter(~unchanged.fill_null(value=False))
        .with_columns(replaced_at=pl.when(next_is_same).then(pl.col("changed_at").shift(-1)))
    )
