"""Sums of money without rounding: whole ten-thousandths, and thresholds among them."""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from typing import Final

import polars as pl

from klavnb.definitions.conditions import NumericFilter
from klavnb.segments.values import COMPARISONS

__all__ = ["compare_average", "compare_sum", "to_units"]

UNITS: Final = 10_000
LARGEST: Final = 1e15
"""Values beyond count as this much, so that sums of them stay whole numbers that can be held."""

BOUND: Final = 10**37
SUM: Final = pl.Int128
DECIMALS: Final = Decimal("1e-12")
DIGITS: Final = 60

ROUNDED: Final[dict[str, str]] = {
    "greater-than": ROUND_FLOOR,
    "greater-than-or-equal": ROUND_CEILING,
    "less-than": ROUND_CEILING,
    "less-than-or-equal": ROUND_FLOOR,
}
"""A whole number is compared with one that is not by its neighbour: above 1.5 is above 1, below 1.5 is below 2."""


def to_units(value: pl.Expr) -> pl.Expr:
    """Write a value as whole ten-thousandths, rounded; null and what is no number are 0."""
    bounded = value.fill_nan(0).fill_null(0).clip(-LARGEST, LARGEST)
    return (bounded * UNITS).round().cast(SUM)


def compare_sum(total: pl.Expr, asked: NumericFilter) -> pl.Expr:
    """Compare a sum of ten-thousandths with a number, exactly."""
    units = Decimal(repr(asked.value)) * UNITS
    whole = units.to_integral_value(rounding=ROUNDED.get(asked.operator, ROUND_FLOOR))
    if asked.operator in {"equals", "not-equals"} and whole != units:
        return pl.lit(asked.operator == "not-equals")
    return _compare(total, asked, max(-BOUND, min(BOUND, int(whole))))


def compare_average(total: pl.Expr, count: pl.Expr, asked: NumericFilter) -> pl.Expr:
    """Compare an average with a number, without dividing; the number is read to twelve decimals."""
    bounded = max(-10 * LARGEST, min(10 * LARGEST, asked.value))
    with localcontext(prec=DIGITS):
        units = Decimal(repr(bounded)).quantize(DECIMALS) * UNITS
    numerator, denominator = units.as_integer_ratio()
    return _compare(total * pl.lit(denominator, SUM), asked, count.cast(SUM) * pl.lit(numerator, SUM))


def _compare(left: pl.Expr, asked: NumericFilter, right: int | pl.Expr) -> pl.Expr:
    compare: Callable[[pl.Expr, pl.Expr], pl.Expr] = COMPARISONS[asked.operator]
    return compare(left, right if isinstance(right, pl.Expr) else pl.lit(right, SUM))
