"""A filter on a value → whether it is true, over the columns that `find_values` gives."""

from collections.abc import Callable, Mapping
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final, TypeAlias

import polars as pl

from klavnb.definitions.conditions import BooleanFilter, Filter, ListFilter, NumericFilter, TextFilter
from klavnb.errors import DefinitionError
from klavnb.segments.countries import find_phone_country

__all__ = ["COMPARISONS", "NEGATED", "compare_number", "is_true"]

Comparison: TypeAlias = Callable[[Any, Any], Any]

COMPARISONS: Final[Mapping[str, Comparison]] = {
    "equals": eq,
    "not-equals": ne,
    "greater-than": gt,
    "greater-than-or-equal": ge,
    "less-than": lt,
    "less-than-or-equal": le,
}
NEGATED: Final[Mapping[str, str]] = {
    "equals": "not-equals",
    "not-equals": "equals",
    "greater-than": "less-than-or-equal",
    "greater-than-or-equal": "less-than",
    "less-than": "greater-than-or-equal",
    "less-than-or-equal": "greater-than",
}

TEXT, TEXTS = pl.col("text"), pl.col("texts")


def is_true(asked: Filter) -> pl.Expr:
    """Say of each value whether a filter on it is true; false, never null, where it says nothing of the kind.

    A number also satisfies a filter on text, by its JSON text. An empty text is not set, so no filter is true of it.

    Raises
    ------
    DefinitionError
        When the filter asks for a date or for existence: those are no questions to a single value.
    """
    match asked:
        case NumericFilter():
            answer = compare_number(pl.col("number"), asked)
        case TextFilter():
            answer = (TEXT != "") & _compare_text(asked)
        case ListFilter():
            answer = _compare_list(asked)
        case BooleanFilter():
            answer = pl.col("flag") == asked.value
        case _:
            raise DefinitionError(
                "A filter on a value: expected one of number, text, list or truth, found one of date or existence.",
                hint="Klaviyo has no filters by date on the properties of events; ask for a time frame instead.",
            )
    return answer.fill_null(value=False)


def compare_number(number: pl.Expr, asked: NumericFilter) -> pl.Expr:
    """Compare a number; null where there is none."""
    answer: pl.Expr = COMPARISONS[asked.operator](number, asked.value)
    return answer


def _compare_text(asked: TextFilter) -> pl.Expr:
    if asked.operator.startswith("phone-country-code"):
        is_in = find_phone_country(TEXT).is_in([value.upper() for value in asked.values])
        return ~is_in if asked.operator.endswith("not-in") else is_in
    positive = asked.operator.removeprefix("not-")
    value = asked.values[0] if asked.values else ""
    answers: dict[str, pl.Expr] = {
        "equals": TEXT.eq(value),
        "contains": TEXT.str.contains(value, literal=True),
        "starts-with": TEXT.str.starts_with(value),
        "ends-with": TEXT.str.ends_with(value),
        "in": TEXT.is_in(list(asked.values)),
        "regex": TEXT.str.contains(value),
        "nregex": ~TEXT.str.contains(value),
    }
    return answers[positive] if positive == asked.operator else ~answers[positive]


def _compare_list(asked: ListFilter) -> pl.Expr:
    if asked.operator.startswith("length-"):
        (length,) = asked.values
        compared: pl.Expr = COMPARISONS[asked.operator.removeprefix("length-")](TEXTS.list.len(), length)
        return compared
    positive = asked.operator.removeprefix("not-")
    values = [str(value) for value in asked.values]
    each = [TEXTS.list.contains(value) for value in values]
    answers: dict[str, pl.Expr] = {
        "contains": pl.any_horizontal(each),
        "contains-any": pl.any_horizontal(each),
        "contains-all": pl.all_horizontal(each),
        "contains-substring": TEXTS.list.eval(pl.element().str.contains(values[0], literal=True)).list.any(),
    }
    # a list that is not set has no answer, so neither has the opposite
    answer = pl.when(TEXTS.is_not_null()).then(answers[positive])
    return answer if positive == asked.operator else ~answer
