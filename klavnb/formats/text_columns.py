"""Decoded JSON values → columns of raw frames, quickly where most of a column is text or null."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from itertools import count
from types import NoneType

import dataframely as dy
import polars as pl

from klavnb.formats.contract import to_lists
from klavnb.formats.decoded import to_text

__all__ = ["fill_frame", "to_sparse_lists", "to_texts"]


def to_texts(column: Sequence[object]) -> pl.Series:
    """Make decoded values a column of text.

    Examples
    --------
    >>> to_texts(["a", None, 1, {"b": True}]).to_list(), to_texts([True, None]).to_list()
    (['a', None, '1', '{"b":true}'], ['true', None])
    """
    if isinstance(next(filter(None, column), ""), str):  # most columns: no look at each value in Python
        with suppress(TypeError):
            return pl.Series(column, dtype=pl.String)
    kinds = set(map(type, column)) - {NoneType}
    for kind, dtype in ((bool, pl.Boolean), (int, pl.Int64)):
        if kinds == {kind}:
            with suppress(TypeError, OverflowError):
                return pl.Series(column, dtype=dtype).cast(pl.String)
    return pl.Series(
        [value if value is None or type(value) is str else to_text(value) for value in column], dtype=pl.String
    )


def to_sparse_lists(values: Sequence[Sequence[object] | None]) -> pl.Series:
    """Make lists of ids a column, as `to_lists` does, quickly where most are null or empty.

    Examples
    --------
    >>> to_sparse_lists([None, [], ["a", "b"], None]).to_list()
    [None, [], ['a', 'b'], None]
    """
    number = count(1)
    places = [None if value is None else next(number) if value else 0 for value in values]
    return to_lists([[], *filter(None, values)]).gather(pl.Series(places, dtype=pl.UInt32))


@cache
def _nulls(contract: type[dy.Schema]) -> Mapping[str, pl.Series]:
    return {name: pl.Series(name, [None], dtype=kind) for name, kind in contract.create_empty().schema.items()}


def fill_frame(contract: type[dy.Schema], height: int, columns: Mapping[str, pl.Series]) -> pl.DataFrame:
    """Make a frame of a contract of its columns; those that are not given are null.

    It takes a hundredth of the time of `contract.build`, which counts where there are many small frames.

    Examples
    --------
    >>> from klavnb.formats.contract import RawMetric
    >>> fill_frame(RawMetric, 2, {"metric_id": to_texts(["m1", "m2"])}).rows()
    [('m1', None), ('m2', None)]
    """
    return pl.DataFrame(
        [
            columns[name].alias(name) if name in columns else null.new_from_index(0, height)
            for name, null in _nulls(contract).items()
        ]
    )
