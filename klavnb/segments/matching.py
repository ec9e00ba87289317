"""Events whose properties satisfy filters: all of them on one event, and on one item where they share a list."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from klavnb.definitions.conditions import ExistenceFilter, NumericFilter, PropertyFilter
from klavnb.errors import DefinitionError
from klavnb.segments.values import compare_number, is_true

__all__ = ["VALUE", "find_matches", "is_value_true", "list_paths", "split_filters"]

VALUE: Final = "$value"
EACH: Final = "[*]"


def split_filters(filters: Sequence[PropertyFilter]) -> tuple[list[PropertyFilter], list[PropertyFilter]]:
    """Part filters into those on the typed value, and those that need the raw properties."""
    on_value = [each for each in filters if each.path == VALUE]
    return on_value, [each for each in filters if each.path != VALUE]


def is_value_true(filters: Sequence[PropertyFilter]) -> list[pl.Expr]:
    """Say, over the column `value`, whether filters on `$value` are true; none is true of an event without a value.

    Raises
    ------
    DefinitionError
        When a filter compares `$value` with anything but a number.
    """
    return [_is_value_true(each) for each in filters]


def _is_value_true(asked: PropertyFilter) -> pl.Expr:
    match asked.filter:
        case NumericFilter() as numeric:
            return compare_number(pl.col("value"), numeric).fill_null(value=False)
        case ExistenceFilter(is_set=is_set):
            return pl.col("value").is_not_null() if is_set else pl.col("value").is_null()
        case _:
            raise DefinitionError(
                f"metric_filters, {VALUE}: expected a filter on a number, found another.",
                hint="The value of an event is a number; use a filter of type numeric or existence.",
            )


def list_paths(filters: Sequence[PropertyFilter], *, measured: str | None) -> list[str]:
    """List the paths whose values `find_matches` needs, each once.

    Examples
    --------
    >>> list_paths([PropertyFilter(path="Items[*].Size", filter=ExistenceFilter(is_set=True))], measured="Tax")
    ['Items[*].Size', 'Items[*]', 'Tax']
    """
    paths = [each.path for each in filters] + [f"{name}{EACH}" for name in _list_lists(filters)]
    return list(dict.fromkeys([*paths, measured] if measured else paths))


def find_matches(
    events: pl.Series, values: pl.DataFrame, filters: Sequence[PropertyFilter], *, measured: str | None
) -> pl.DataFrame:
    """Find the events that satisfy all filters, and what is measured of them.

    One row per event (`row`, its number), with a null `number`; or, if something is measured, one row
    per number found: several where the path goes through a list, and then only of items that satisfy the
    filters on that list. An event without such a number has one row with a null `number`.

    A filter on a path through a list is true if it is of some item. All filters on one list speak of one item.

    Parameters
    ----------
    events
        The numbers of the events, rising.
    values
        What `find_values` finds in their properties, at the paths of `list_paths` or more, by the events' numbers.
    measured
        The path of the number; None: there is nothing to measure but the event.
    """
    rows = pl.DataFrame({"row": events})
    for each in filters:
        if EACH not in each.path:
            rows = _keep(rows, values, each, ["row"])
    items = {}
    for name in _list_lists(filters):
        candidates = values.filter(pl.col("path") == f"{name}{EACH}").select("row", "item")
        for each in filters:
            if EACH in each.path and _name_list(each.path) == name:
                candidates = _keep(candidates, values, each, ["row", "item"])
        items[name] = candidates
        rows = rows.join(candidates, on="row", how="semi")
    if measured is None:
        return rows.with_columns(number=pl.lit(None, pl.Float64))
    numbers = values.filter(pl.col("path") == measured, pl.col("number").is_not_null())
    if EACH in measured and _name_list(measured) in items:
        numbers = numbers.join(items[_name_list(measured)], on=["row", "item"], how="semi")
    return rows.join(numbers.select("row", "item", "number"), on="row", how="left").sort("row", "item").drop("item")


def _list_lists(filters: Sequence[PropertyFilter]) -> list[str]:
    return list(dict.fromkeys(_name_list(each.path) for each in filters if EACH in each.path))


def _name_list(path: str) -> str:
    return path.split(EACH, maxsplit=1)[0]


def _keep(rows: pl.DataFrame, values: pl.DataFrame, asked: PropertyFilter, key: list[str]) -> pl.DataFrame:
    """The rows, or items of rows, of which a filter is true."""
    found = values.filter(pl.col("path") == asked.path)
    if isinstance(asked.filter, ExistenceFilter):
        is_set = found.filter((pl.col("kind") != "text") | (pl.col("text") != ""))
        return rows.join(is_set, on=key, how="semi" if asked.filter.is_set else "anti")
    return rows.join(found.filter(is_true(asked.filter)), on=key, how="semi")
