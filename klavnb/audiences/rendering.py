"""Rows of cells → the bytes of CSV files that Klaviyo takes: a header in each, and none too large."""

import re
from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl

from klavnb.errors import KlavnbError
from klavnb.formats.profile_cells import defuse_name

__all__ = ["LARGEST_FILE", "render_files"]

LARGEST_FILE: Final = 50_000_000
"""Bytes. Klaviyo takes files up to 50 MB, and does not say whether its MB are of 1,000 or 1,024."""

NEEDS_QUOTES: Final = r'[",\r\n]|^\s|\s$'


def render_files(cells: pl.DataFrame, *, largest: int = LARGEST_FILE) -> Iterator[tuple[int, bytes]]:
    r"""Write cells as CSV in UTF-8: one file, or several where one would be larger than allowed.

    One pair of the count of rows and the content per file; each begins with the same header. Nulls are blank
    cells. Without rows there is one file, of the header. Lines end with a line feed; quotes stand where they must.

    Parameters
    ----------
    cells
        Text, written and defused already, under the names of the columns as the reader is to see them; those
        are defused here.
    largest
        What no file may reach, in bytes.

    Raises
    ------
    KlavnbError
        When a single row is too large.

    Examples
    --------
    >>> cells = pl.DataFrame({"Email": ["ann@example.com"], "=Note": ['so "it" is']})
    >>> list(render_files(cells))
    [(1, b'Email,\'=Note\nann@example.com,"so ""it"" is"\n')]
    """
    header = (",".join(_quote_name(defuse_name(name)) for name in cells.columns) + "\n").encode()
    lines = cells.select(
        pl.concat_str(
            pl.concat_str((_quote(pl.col(name)).fill_null("") for name in cells.columns), separator=","), pl.lit("\n")
        )
    ).to_series()
    ends = lines.str.len_bytes().cast(pl.Int64).cum_sum().to_numpy()
    start = 0
    while start < lines.len():
        before = int(ends[start - 1]) if start else 0
        stop = int(np.searchsorted(ends, before + largest - len(header), side="left"))
        if stop == start:
            raise KlavnbError(
                f"Row {start + 1:,}: expected fewer than {largest:,} bytes with the header, found "
                f"{int(ends[start]) - before + len(header):,}; no file that Klaviyo takes can hold it.",
                hint="Leave out the attribute with the longest text.",
            )
        yield stop - start, header + "".join(lines[start:stop]).encode()
        start = stop
    if lines.is_empty():
        yield 0, header


def _quote(cell: pl.Expr) -> pl.Expr:
    quoted = pl.concat_str(pl.lit('"'), cell.str.replace_all('"', '""', literal=True), pl.lit('"'))
    return pl.when(cell.str.contains(NEEDS_QUOTES)).then(quoted).otherwise(cell)


def _quote_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if re.search(NEEDS_QUOTES, name) else name
