"""The filter of a condition: which operators are allowed at which place, and what each of them needs."""

from collections.abc import Collection, Mapping
from typing import Final, TypeAlias, cast, get_args

import polars as pl

from klavnb.definitions.checking import Spot
from klavnb.definitions.conditions import (
    BooleanFilter,
    DateFilter,
    DateOperator,
    ExistenceFilter,
    Filter,
    ListFilter,
    ListOperator,
    NumericFilter,
    NumericOperator,
    TextFilter,
    TextOperator,
    Unit,
)

__all__ = [
    "DATES",
    "EVENT_FILTERS",
    "FUNNEL_TIMES",
    "JOIN_TIMES",
    "LENGTHS",
    "LISTED_TEXT",
    "MANY_TEXTS",
    "METRIC_TIMES",
    "NUMBERS",
    "ONE_TEXT",
    "PATTERNS",
    "PROPERTY_FILTERS",
    "SAME_OR_NOT",
    "SETS",
    "Place",
    "parse_date_filter",
    "parse_filter",
    "parse_numeric_filter",
]

Place: TypeAlias = Mapping[str, Collection[str]]
"""The filter types that a place allows, each with its operators, as Klaviyo's specification lists them."""

RELATIVE: Final = ("in-the-last", "at-least", "in-the-next", "between")
FIXED: Final = ("before", "after", "between-static")
RECURRENT: Final = ("anniversary-last", "anniversary-next")
YEARLY: Final = (*RECURRENT, "anniversary", "anniversary-month", "calendar-month")
LENGTHS: Final = tuple(operator for operator in get_args(ListOperator) if operator.startswith("length-"))
SETS: Final = ("contains-any", "contains-all", "not-contains-any", "not-contains-all")
COUNTRIES: Final = ("phone-country-code-in", "phone-country-code-not-in")
MANY_TEXTS: Final = ("in", "not-in", *COUNTRIES)
PATTERNS: Final = ("regex", "nregex")
TEXTS: Final = tuple(operator for operator in get_args(TextOperator) if operator not in COUNTRIES)

NUMBERS: Final[Place] = {"numeric": get_args(NumericOperator)}
DATES: Final[Place] = {"date": (*FIXED, *RELATIVE, *YEARLY)}
ONE_TEXT: Final[Place] = {"string": ("equals",)}
LISTED_TEXT: Final[Place] = {"string": ("in",)}
SAME_OR_NOT: Final[Place] = {"string": ("equals", "not-equals")}
METRIC_TIMES: Final[Place] = {"date": (*FIXED, *RELATIVE, *RECURRENT, "alltime")}
FUNNEL_TIMES: Final[Place] = {"date": ("between-static", *RELATIVE)}
JOIN_TIMES: Final[Place] = {"date": (*FIXED, *RELATIVE)}
EVENT_FILTERS: Final[Place] = {
    "string": TEXTS,
    **NUMBERS,
    "boolean": ("equals",),
    "list": (*SETS, "contains-substring", "not-contains-substring", *LENGTHS),
    "existence": ("is-set", "not-set"),
}
PROPERTY_FILTERS: Final[Place] = {
    "string": (*TEXTS, *COUNTRIES),
    **NUMBERS,
    "boolean": ("equals",),
    **DATES,
    "list": ("contains", "not-contains", *LENGTHS),
    "existence": ("is-set", "not-set"),
}

A_CENTURY: Final[Mapping[str, int]] = {"hour": 876_000, "day": 36_500, "week": 5_200}
LONGEST_LIST: Final = 1_000_000
MONTHS: Final = 12

DATELESS: Final = "There are no filters by date here; on events, use the condition's timeframe_filter."


def parse_filter(spot: Spot, place: Place, values: Collection[str] = ()) -> Filter:
    """Take a filter of a type and an operator that its place allows.

    A null where Klaviyo's specification wants a text, but allows null, is read as the empty text: what
    Klaviyo makes of it is not documented.

    Parameters
    ----------
    spot
        Where the filter stands.
    place
        The types and operators that are allowed there.
    values
        The only texts that are allowed there; any, if there are none.

    Examples
    --------
    >>> parse_filter(Spot({"type": "numeric", "operator": "less-than", "value": 3}, "here"), NUMBERS)
    NumericFilter(operator='less-than', value=3.0)
    """
    kind = spot.get("type").choose(tuple(place), hint=None if "date" in place else _explain_dates(spot))
    operator = spot.get("operator").choose(place[kind])
    if kind == "date":
        return _parse_date(spot, operator)
    if kind == "existence":
        spot.expect("type", "operator")
        return ExistenceFilter(is_set=operator == "is-set")
    spot.expect("type", "operator", "value")
    value = spot.get("value")
    if kind == "numeric":
        return NumericFilter(operator=cast("NumericOperator", operator), value=value.number())
    if kind == "boolean":
        return BooleanFilter(value=value.flag())
    if kind == "list":
        return ListFilter(operator=cast("ListOperator", operator), values=_take_listed(value, operator))
    return TextFilter(operator=cast("TextOperator", operator), values=_take_texts(value, operator, values))


def parse_date_filter(spot: Spot, place: Place) -> DateFilter:
    """Take a filter by date."""
    spot.get("type").choose(tuple(place))
    return _parse_date(spot, spot.get("operator").choose(place["date"]))


def parse_numeric_filter(spot: Spot) -> NumericFilter:
    """Take a filter by number."""
    spot.get("type").choose(tuple(NUMBERS))
    operator = spot.get("operator").choose(NUMBERS["numeric"])
    spot.expect("type", "operator", "value")
    return NumericFilter(operator=cast("NumericOperator", operator), value=spot.get("value").number())


def _parse_date(spot: Spot, name: str) -> DateFilter:
    """The fields that belong to one operator, and the filter they make."""
    operator = cast("DateOperator", name)
    if name in ("before", "after"):
        field = "date" if spot.has("date") or not spot.has("value") else "value"
        spot.expect("type", "operator", field)
        return DateFilter(operator=operator, start_on=spot.get(field).day())
    if name == "between-static":
        spot.expect("type", "operator", "start", "end")
        start_on, end_on = spot.get("start").day(), spot.get("end").day()
        if end_on < start_on:
            spot.get("end").refuse(f"the day of start, {start_on}, or a later one", hint="Swap start and end.")
        return DateFilter(operator=operator, start_on=start_on, end_on=end_on)
    if name == "calendar-month":
        spot.expect("type", "operator", "value")
        return DateFilter(operator=operator, month=spot.get("value").whole(1, MONTHS))
    if name in ("alltime", "anniversary", "anniversary-month"):
        spot.expect("type", "operator")
        return DateFilter(operator=operator)
    amounts = ("start", "end") if name == "between" else ("quantity",)
    spot.expect("type", "operator", "unit", *amounts)
    unit = cast("Unit", spot.get("unit").choose(tuple(A_CENTURY)))
    quantities = [spot.get(amount).whole(0, A_CENTURY[unit]) for amount in amounts]
    if name == "between":
        if quantities[1] < quantities[0]:
            spot.get("end").refuse(f"{quantities[0]}, the number of start, or more", hint="Swap start and end.")
        return DateFilter(operator=operator, unit=unit, nearest=quantities[0], farthest=quantities[1])
    return DateFilter(operator=operator, unit=unit, quantity=quantities[0])


def _take_texts(spot: Spot, operator: str, values: Collection[str]) -> tuple[str, ...]:
    """The texts of a text filter: a list for the operators that choose among some, else one."""
    if operator in MANY_TEXTS:
        return spot.each("value", lambda each: each.choose(values) if values else _take_text(each))
    if values:
        return (spot.choose(values),)
    if operator in PATTERNS:
        return (_take_pattern(spot),)
    return ("",) if spot.value is None else (_take_text(spot),)


def _take_listed(spot: Spot, operator: str) -> tuple[str | int | float, ...]:
    """The values of a list filter, by its operator."""
    if operator in LENGTHS:
        return (spot.whole(0, LONGEST_LIST),)
    if operator in SETS:
        return spot.each("value", _take_text)
    if operator in ("contains", "not-contains") and isinstance(spot.value, int) and not isinstance(spot.value, bool):
        return (spot.value,)
    return ("",) if spot.value is None else (_take_text(spot),)


def _take_text(spot: Spot) -> str:
    """A text, which may be empty here."""
    return spot.value if isinstance(spot.value, str) else spot.refuse("a text")


def _take_pattern(spot: Spot) -> str:
    """A regular expression that the evaluation understands."""
    pattern = spot.text()
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as error:
        reasons = (line.removeprefix("error: ") for line in str(error).splitlines() if line.startswith("error: "))
        spot.reject(
            f"the pattern {pattern!r} cannot be used: {next(reasons, 'it is not understood')}.",
            hint="Patterns have neither look-around nor back-references; a sign that stands for itself needs a \\.",
        )
    return pattern


def _explain_dates(spot: Spot) -> str | None:
    """Why a filter by date is not allowed where others are."""
    return DATELESS if spot.get("type").value == "date" else None
