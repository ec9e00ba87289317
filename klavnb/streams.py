"""Lazy frames of what is found slice by slice: nothing is found before it is asked for."""

from collections.abc import Callable, Iterator, Sequence

import polars as pl
from polars.io.plugins import register_io_source

__all__ = ["stream"]


def stream(make: Callable[[Sequence[str]], Iterator[pl.DataFrame]], schema: pl.Schema) -> pl.LazyFrame:
    """Make a lazy frame of the frames that a function gives, one after the other; each use of it asks anew.

    Parameters
    ----------
    make
        Is told the columns that are wanted, and gives frames with these at least.
    schema
        All columns, and their types, which the frames have.

    Examples
    --------
    >>> def count(_wanted):
    ...     yield from (pl.DataFrame({"number": [number]}) for number in range(3))
    >>> stream(count, pl.Schema({"number": pl.Int64})).filter(pl.col("number") > 0).collect()["number"].to_list()
    [1, 2]
    """

    def read(
        columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, _batch: int | None
    ) -> Iterator[pl.DataFrame]:
        left = rows
        wanted = schema.names() if columns is None else columns
        for part in make(wanted):
            found = (part if predicate is None else part.filter(predicate)).select(wanted)
            yield found if left is None else found.head(left)
            left = None if left is None else left - found.height
            if left is not None and left <= 0:
                return

    return register_io_source(read, schema=schema)
