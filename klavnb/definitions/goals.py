"""What shops want to ask and Klaviyo cannot: the goals of its recipe for single orders and item sizes, exactly."""

from math import isfinite
from typing import Final

from klavnb.definitions.conditions import (
    DateFilter,
    Definition,
    Group,
    Measurement,
    MetricCondition,
    NumericFilter,
    PropertyFilter,
    TextFilter,
)
from klavnb.definitions.phrases import quote, write_number
from klavnb.errors import DefinitionError

__all__ = ["ordered_item", "single_order_at_least", "total_spent_at_least"]

ORDERS: Final = "Placed Order"
LONGEST: Final = 36_500
ONCE: Final = NumericFilter(operator="greater-than-or-equal", value=1.0)


def single_order_at_least(value: float, *, days: int | None = None, metric: str = ORDERS) -> Definition:
    """Define the segment of those with one order of at least a value: one of 1,000, not fifty of 20.

    Parameters
    ----------
    value
        In the currency of the orders.
    days
        How many days back, floored to midnight; None: ever.
    metric
        The event that is an order, by name or id.

    Raises
    ------
    DefinitionError
        When the value is no finite number, or the days are no whole number from 1 to 36,500.

    Examples
    --------
    >>> single_order_at_least(1000, days=30).name
    'One order of at least 1,000 in the last 30 days'
    """
    least = _check_value(value)
    at_least = PropertyFilter(path="$value", filter=least)
    name = f"One {_name_event(metric)} of at least {write_number(least.value)}{_name_days(days)}"
    return _define(name, metric, days, filters=(at_least,))


def total_spent_at_least(value: float, *, days: int | None = None, metric: str = ORDERS) -> Definition:
    """Define the segment of those whose orders come to at least a value together.

    Parameters
    ----------
    value, days, metric
        As for `single_order_at_least`.

    Raises
    ------
    DefinitionError
        As for `single_order_at_least`.

    Examples
    --------
    >>> total_spent_at_least(1000).name
    'Orders of at least 1,000 in total, ever'
    """
    least = _check_value(value)
    orders = _name_event(metric)
    name = f"{orders[0].upper()}{orders[1:]}s of at least {write_number(least.value)} in total{_name_days(days)}"
    return _define(name, metric, days, measurement="sum", least=least)


def ordered_item(
    item_property: str, value: str, *, days: int | None = None, items: str = "Items", metric: str = ORDERS
) -> Definition:
    """Define the segment of those who ordered an item with a property of a value.

    Parameters
    ----------
    item_property
        Such as Size.
    value
        Such as medium; upper and lower case are told apart.
    days, metric
        As for `single_order_at_least`.
    items
        The order's property that holds its items.

    Raises
    ------
    DefinitionError
        As for `single_order_at_least`.

    Examples
    --------
    >>> ordered_item("Size", "medium", days=30).name
    'An item with Size “medium” ordered in the last 30 days'
    """
    has_value = PropertyFilter(
        path=f"{items}[*].{item_property}", filter=TextFilter(operator="equals", values=(value,))
    )
    of = "" if metric == ORDERS else f" by {metric}"
    name = f"An item with {item_property} {quote(value)} ordered{of}{_name_days(days)}"
    return _define(name, metric, days, filters=(has_value,))


def _define(
    name: str,
    metric: str,
    days: int | None,
    *,
    measurement: Measurement = "count",
    least: NumericFilter = ONCE,
    filters: tuple[PropertyFilter, ...] = (),
) -> Definition:
    """A segment of one condition, in the shape in which Klaviyo writes it."""
    condition = MetricCondition(
        metric=metric,
        measurement=measurement,
        measurement_filter=least,
        timeframe=DateFilter(operator="alltime")
        if days is None
        else DateFilter(operator="in-the-last", unit="day", quantity=days),
        metric_filters=filters,
    )
    return Definition(name=name, root=Group(match="all", parts=(Group(match="any", parts=(condition,)),)))


def _check_value(value: float) -> NumericFilter:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise DefinitionError(f"The value of an order should be a finite number, found {value!r}.")
    return NumericFilter(operator="greater-than-or-equal", value=float(value))


def _name_days(days: int | None) -> str:
    """The end of a goal's name, and a check on the days."""
    if days is None:
        return ", ever"
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= LONGEST:
        raise DefinitionError(
            f"The days should be a whole number from 1 to {LONGEST:,}, found {days!r}.", hint="Leave days out for ever."
        )
    return " in the last day" if days == 1 else f" in the last {days:,} days"


def _name_event(metric: str) -> str:
    return "order" if metric == ORDERS else metric
