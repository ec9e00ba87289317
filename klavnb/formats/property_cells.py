"""The properties of events in one column of a table, as JSON objects."""

import polars as pl

from klavnb.formats.decoded import UNUSABLE
from klavnb.formats.event_properties import PROPERTIES, Properties, describe_properties, list_fields
from klavnb.formats.json_cells import spread

__all__ = ["join_objects", "read_property_cells"]


def read_property_cells(cells: pl.Series) -> tuple[pl.Series, dict[str, pl.Series]]:
    """Read the properties of events in cells of JSON.

    Returns
    -------
    Series, dict
        The cells that hold an object, null elsewhere; and the columns of raw events that these say.

    Examples
    --------
    >>> objects, columns = read_property_cells(pl.Series(['{"$value": 7}', "{", None]))
    >>> objects.to_list(), columns["value"].to_list()
    (['{"$value": 7}', None, None], ['7', None, None])
    """
    tidy = cells.str.strip_chars()
    known = [_decode(cell) for cell in tidy]
    is_object = pl.Series([each is not None for each in known], dtype=pl.Boolean)
    columns = describe_properties(list_fields([each for each in known if each is not None]))
    return (
        spread(tidy.filter(is_object), is_object),
        {name: spread(column, is_object) for name, column in columns.items()},
    )


def _decode(cell: str | None) -> Properties | None:
    try:
        return None if cell is None else PROPERTIES.decode(cell)
    except UNUSABLE:
        return None


def join_objects(first: pl.Series, second: pl.Series) -> pl.Series:
    """Put the members of JSON objects together, row by row; what is null or empty adds nothing.

    Examples
    --------
    >>> join_objects(pl.Series(['{"a":1}', "{}", None]), pl.Series(['{"b":2}', None, '{"b":2}'])).to_list()
    ['{"a":1,"b":2}', '{}', '{"b":2}']
    """
    one, other = pl.lit(first), pl.lit(second)
    inner = one.str.slice(1).str.head(-1).str.strip_chars()
    joined = pl.lit("{") + inner + pl.lit(",") + other.str.slice(1)
    return pl.select(
        pl.when((inner != "") & other.is_not_null()).then(joined).otherwise(pl.coalesce(one, other))
    ).to_series()
