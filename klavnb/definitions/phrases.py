"""The filter of a condition in words: “is at least 1,000”, “in the last 30 days”."""

from collections.abc import Mapping, Sequence
from typing import Final

from klavnb.definitions.conditions import (
    BooleanFilter,
    DateFilter,
    ExistenceFilter,
    Filter,
    ListFilter,
    NumericFilter,
    TextFilter,
)
from klavnb.errors import name_some

__all__ = ["compare", "predicate", "quote", "quote_some", "timeframe", "write_number"]

COMPARED: Final[Mapping[str, str]] = {
    "equals": "exactly {}",
    "not-equals": "not exactly {}",
    "greater-than": "more than {}",
    "greater-than-or-equal": "at least {}",
    "less-than": "less than {}",
    "less-than-or-equal": "at most {}",
}
ONE_TEXT: Final[Mapping[str, str]] = {
    "equals": "is {}",
    "not-equals": "is not {}",
    "contains": "contains {}",
    "not-contains": "does not contain {}",
    "starts-with": "starts with {}",
    "not-starts-with": "does not start with {}",
    "ends-with": "ends with {}",
    "not-ends-with": "does not end with {}",
    "regex": "matches the pattern {}",
    "nregex": "does not match the pattern {}",
    "in": "is one of {}",
    "not-in": "is none of {}",
    "phone-country-code-in": "has a country code among {}",
    "phone-country-code-not-in": "has a country code not among {}",
}
ONE_LIST: Final[Mapping[str, str]] = {
    "contains": "contains {}",
    "not-contains": "does not contain {}",
    "contains-any": "contains any of {}",
    "contains-all": "contains all of {}",
    "not-contains-any": "contains none of {}",
    "not-contains-all": "does not contain all of {}",
    "contains-substring": "has an element that contains {}",
    "not-contains-substring": "has no element that contains {}",
}
TIMES: Final[Mapping[str, str]] = {
    "in-the-last": "in the last {span}",
    "at-least": "at least {span} ago",
    "in-the-next": "in the next {span}",
    "between": "between {nearest} and {farthest} {unit}s ago",
    "before": "before {start}",
    "after": "after {start}",
    "between-static": "from {start} to {end}",
    "anniversary": "on a day with its anniversary today",
    "anniversary-month": "in this month of any year",
    "anniversary-last": "on a day with its anniversary in the last {span}",
    "anniversary-next": "on a day with its anniversary in the next {span}",
    "calendar-month": "in {month} of any year",
    "alltime": "over all time",
}
DATED: Final[Mapping[str, str]] = {
    **{operator: f"is {told}" for operator, told in TIMES.items()},
    "between-static": "lies from {start} to {end}",
    "anniversary": "has its anniversary today",
    "anniversary-month": "has its anniversary this month",
    "anniversary-last": "has its anniversary in the last {span}",
    "anniversary-next": "has its anniversary in the next {span}",
    "alltime": "is set",
}
MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
LARGEST_EXACT: Final = 1e15


def predicate(asked: Filter) -> str:
    """Say what a filter asks of the thing it is asked about, as the rest of a sentence.

    Examples
    --------
    >>> predicate(NumericFilter(operator="greater-than-or-equal", value=1000.0))
    'is at least 1,000'
    >>> predicate(TextFilter(operator="not-in", values=("small", "large")))
    'is none of “small”, “large”'
    """
    match asked:
        case NumericFilter():
            told = f"is {compare(asked.operator, asked.value).replace('exactly ', '')}"
        case TextFilter():
            told = ONE_TEXT[asked.operator].format(quote_some(asked.values))
        case ListFilter() if asked.operator.startswith("length-"):
            told = f"has {compare(asked.operator.removeprefix('length-'), float(asked.values[0]), 'element')}"
        case ListFilter():
            told = ONE_LIST[asked.operator].format(quote_some(asked.values))
        case BooleanFilter():
            told = f"is {str(asked.value).lower()}"
        case ExistenceFilter():
            told = f"is {'' if asked.is_set else 'not '}set"
        case DateFilter():
            told = _fill(DATED[asked.operator], asked)
    return told


def compare(operator: str, number: float, noun: str = "") -> str:
    """Say how much it is, or how many things there are.

    Examples
    --------
    >>> compare("greater-than-or-equal", 1, "time"), compare("equals", 0, "time"), compare("less-than", 5)
    ('at least 1 time', 'exactly 0 times', 'less than 5')
    """
    things = f" {noun}{'' if number == 1 else 's'}" if noun else ""
    return COMPARED[operator].format(f"{write_number(number)}{things}")


def timeframe(asked: DateFilter) -> str:
    """Say when, with the word that joins it to what happened.

    Examples
    --------
    >>> timeframe(DateFilter(operator="between", unit="week", nearest=2, farthest=4))
    'between 2 and 4 weeks ago'
    """
    return _fill(TIMES[asked.operator], asked)


def quote(value: object) -> str:
    """Put a text between quotes; a number stays as it is.

    Examples
    --------
    >>> quote("medium"), quote(3)
    ('“medium”', '3')
    """
    return f"“{value}”" if isinstance(value, str) else write_number(float(str(value)))


def quote_some(values: Sequence[object]) -> str:
    """Put some texts between quotes; of more than five the first five, and how many follow."""
    return name_some([quote(value) for value in values])


def write_number(number: float) -> str:
    """Write a number with its thousands apart, and no more decimals than it has.

    Examples
    --------
    >>> write_number(1000.0), write_number(0.25), write_number(-1234567.5)
    ('1,000', '0.25', '−1,234,567.5')
    """
    is_whole = abs(number) < LARGEST_EXACT and float(number).is_integer()
    written = f"{int(abs(number)):,}" if is_whole else f"{abs(number):,}"
    return f"−{written}" if number < 0 else written


def _fill(told: str, asked: DateFilter) -> str:
    """Put what a filter by date asks for into its words."""
    return told.format(
        span=f"{asked.quantity:,} {asked.unit}{'' if asked.quantity == 1 else 's'}",
        nearest=f"{asked.nearest:,}",
        farthest=f"{asked.farthest:,}",
        unit=asked.unit,
        start=asked.start_on,
        end=asked.end_on,
        month=MONTHS[(asked.month or 1) - 1],
    )
