"""One large order, or many small ones: what a segment by total spent takes for the same; and who ordered which item."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import floor, log10

import polars as pl

from klavnb.errors import SettingsError
from klavnb.export import Export
from klavnb.lists import read_numbers
from klavnb.recipes import find_orders
from klavnb.segments import UTC_CALENDAR, Calendar
from klavnb.segments.calendar import find_day, find_midnight

__all__ = ["compare_spending", "count_item_buyers", "read_threshold"]

STEPS = (1.0, 2.0, 5.0, 10.0)


def read_threshold(text: str, export: Export, *, metric: str = "Placed Order", currency: str | None = None) -> float:
    """Read what a large order is; without a text, pick what this shop may call one.

    Picked is the value that one order in ten reaches, rounded to 1, 2 or 5 and zeros.

    Parameters
    ----------
    metric, currency
        Of the orders; a currency of None: those that name none.

    Raises
    ------
    SettingsError
        When the text is not one number above 0, or when without one no order has a value above 0.

    Examples
    --------
    >>> from klavnb.store import read_export
    >>> read_threshold("1000", read_export("sample"))
    1000.0
    >>> read_threshold("", read_export("sample"), currency="EUR") > 0
    True
    """
    if text.strip():
        numbers = read_numbers(text)
        if len(numbers) != 1:
            raise SettingsError(f"A large order: expected one amount, found {text!r}.", hint="Write 1000.")
        return numbers[0]
    of_currency = pl.col("currency").eq_missing(pl.lit(currency, dtype=pl.String))
    values = export.events.filter(pl.col("metric") == metric, pl.col("value") > 0, of_currency).select("value")
    high = values.select(pl.col("value").quantile(0.9)).collect().item()
    if high is None:
        raise SettingsError(
            f"No {metric!r} event of the export has a value above 0, so there is no large order to ask about.",
            hint="Name the amount, such as 1000, or another metric of orders.",
        )
    scale: float = 10.0 ** floor(log10(high))
    return min((step * scale for step in STEPS), key=lambda step: abs(step - high))


def compare_spending(
    export: Export,
    *,
    thresholds: Sequence[float],
    windows: Sequence[int | None],
    as_of: datetime,
    currency: str | None = None,
    metric: str = "Placed Order",
    calendar: Calendar = UTC_CALENDAR,
) -> pl.LazyFrame:
    """Count who ordered for a value at once, and who for as much in total.

    One row per window and threshold: `window_days` (null: ever), `threshold`, `count_single` (profiles with one
    order of at least the threshold), `count_total` (profiles whose orders come to it together), `count_both`,
    `value_single` and `value_total`: what these profiles spent in the window. A window is `[D0 − days, as_of]`, as
    Klaviyo has it, D0 being midnight of the day; the segments are those of `klavnb.single_order_at_least` and
    `klavnb.total_spent_at_least` at that moment, but orders of other currencies are left out.

    Parameters
    ----------
    currency
        Of the orders that count; None: those that name none.
    """
    orders = export.events.filter(
        pl.col("metric") == metric,
        pl.col("occurred_at") <= as_of,
        pl.col("currency").eq_missing(pl.lit(currency, dtype=pl.String)),
    ).select("profile_id", "occurred_at", pl.col("value").fill_null(0))
    asked = pl.LazyFrame({"threshold": list(thresholds)}, schema={"threshold": pl.Float64})
    is_single, is_total = (pl.col(name) >= pl.col("threshold") for name in ("largest", "spent"))
    return pl.concat(
        [
            orders.filter(_reaches(days, as_of, calendar))
            .group_by("profile_id")
            .agg(largest=pl.col("value").max(), spent=_add_exactly("value"))
            .join(asked, how="cross")
            .group_by("threshold")
            .agg(
                count_single=is_single.sum().cast(pl.Int64),
                count_total=is_total.sum().cast(pl.Int64),
                count_both=(is_single & is_total).sum().cast(pl.Int64),
                value_single=pl.col("spent").filter(is_single).sum(),
                value_total=pl.col("spent").filter(is_total).sum(),
            )
            .join(asked, on="threshold", how="right")
            .with_columns(pl.exclude("threshold").fill_null(0))
            .select(pl.lit(days, dtype=pl.Int64).alias("window_days"), "threshold", pl.exclude("threshold"))
            .sort("threshold")
            for days in windows
        ]
    )


def _add_exactly(name: str) -> pl.Expr:
    """Add money in whole ten-thousandths, so that ten times 0.1 reaches 1."""
    return (pl.col(name) * 10_000).round().sum() / 10_000


def count_item_buyers(
    export: Export,
    *,
    windows: Sequence[int | None],
    as_of: datetime,
    values: Sequence[str] = (),
    items: str = "Items",
    item_property: str = "Size",
    metric: str = "Placed Order",
    calendar: Calendar = UTC_CALENDAR,
) -> pl.LazyFrame:
    """Count who ordered an item with a property of each value.

    One row per window and value: `window_days` (null: ever), `item_value`, `count_profiles`. Without `values` those are
    taken that occur, the most frequent first, ten at most; one without a letter or digit, such as “-”, is none.

    Notes
    -----
    The segments are those of `klavnb.ordered_item` at that moment.
    """
    bought = (
        find_orders(export.events, metric=metric, items=items, item_property=item_property)
        .filter(pl.col("ordered_at") <= as_of)
        .select("profile_id", "ordered_at", item_value="item_values")
        .explode("item_value", empty_as_null=False)
        .group_by("profile_id", "item_value")
        .agg(occurred_at=pl.col("ordered_at").max())
        .collect()
        .lazy()
    )
    if values:
        asked = pl.LazyFrame({"item_value": list(values)}, schema={"item_value": pl.String})
    else:
        told = bought.filter(pl.col("item_value").str.contains(r"[\pL\pN]"))
        frequent = told.group_by("item_value").len().sort("len", "item_value", descending=[True, False])
        asked = frequent.head(10).select("item_value")
    return pl.concat(
        [
            asked.join(
                bought.filter(_reaches(days, as_of, calendar))
                .group_by("item_value")
                .agg(count_profiles=pl.col("profile_id").n_unique().cast(pl.Int64)),
                on="item_value",
                how="left",
                maintain_order="left",
            )
            .with_columns(pl.col("count_profiles").fill_null(0), window_days=pl.lit(days, dtype=pl.Int64))
            .select("window_days", "item_value", "count_profiles")
            for days in windows
        ]
    )


def _reaches(days: int | None, as_of: datetime, calendar: Calendar) -> pl.Expr:
    """Tell whether an event lies in the window; whole days before midnight of the day that is looked at."""
    if days is None:
        return pl.lit(value=True)
    first_on = find_day(pl.lit(as_of), calendar) - timedelta(days=days)
    return pl.col("occurred_at") >= find_midnight(first_on, calendar)
