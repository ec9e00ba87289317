"""A table of any file kind as columns of text under squeezed names, and what every format of tables needs of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import polars as pl

from klavnb.formats.contract import RawExport, build, cut, describe_broken
from klavnb.formats.csv_rows import find_first_end, read_parts, split_header
from klavnb.formats.json_cells import write_objects
from klavnb.formats.parquet_rows import MAGIC, read_names, read_slices, split_parquet
from klavnb.formats.source import Piece, Source, UnreadableError, split_rows
from klavnb.schemas import Reject

__all__ = ["Table", "make_table", "read_each", "read_headers", "read_tables", "rebuild_json", "split_table", "squeeze"]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one file as text columns under their squeezed names, in lower case and without underscores.

    Of columns that differ only so, the first has the squeezed name, the others keep theirs, in lower case.

    Parameters
    ----------
    file
        What messages call it.
    rows
        The columns as text; empty fields are null.
    lines
        The line of its piece in which each row begins, from 1, the header's included; without lines, its ordinal.
    spelling
        Column → name in the file, in lower case.
    names
        Column → name in the file.
    """

    file: str
    rows: pl.DataFrame
    lines: pl.Series
    spelling: Mapping[str, str]
    names: Mapping[str, str]

    def texts(self, name: str) -> pl.Series:
        """Return a column; nulls where the table has none."""
        return self.first(name)

    def first(self, *names: str) -> pl.Series:
        """Return the first of some columns that says something, row by row; nulls where the table has none of them."""
        found = [self.rows[name] for name in names if name in self.rows.columns]
        if not found:
            return pl.Series([None], dtype=pl.String).new_from_index(0, self.rows.height)
        if len(found) == 1:
            return found[0]
        return pl.select(pl.coalesce(found)).to_series()

    def filter(self, mask: pl.Series) -> "Table":
        """Return the rows that the mask holds for."""
        return Table(self.file, self.rows.filter(mask), self.lines.filter(mask), self.spelling, self.names)


def squeeze(column: str) -> str:
    """Return a column's name as all its spellings have it.

    Examples
    --------
    >>> squeeze("property_value"), squeeze("PROPERTYVALUE")
    ('propertyvalue', 'propertyvalue')
    """
    return column.strip().lower().replace("_", "")


def read_headers(source: Source, head: bytes) -> list[str]:
    """Return the names of a file's columns, as spelled; of a file that is no table, whatever its first line holds."""
    if head.startswith(MAGIC):
        return read_names(source)
    with suppress(UnreadableError):
        return split_header(head[: find_first_end(head)])
    return []


def split_table(source: Source) -> list[Piece]:
    """Split a CSV at ends of rows, Parquet by its rows, so that several workers read one file."""
    return split_parquet(source) if _is_parquet(source) else split_rows(source)


def _is_parquet(source: Source) -> bool:
    with suppress(UnreadableError):
        return source.read_head().startswith(MAGIC)
    return False


def read_tables(piece: Piece) -> Iterator[tuple[Table, pl.DataFrame, int]]:
    """Read a piece of CSV or Parquet, some rows at a time: each time a table, its rejects, and how many lines it took.

    Raises
    ------
    UnreadableError
        When the file is broken; what came before it is good.
    """
    source = piece.source
    if not _is_parquet(source):
        for part in read_parts(piece):
            yield make_table(source.name, part.rows, part.lines), part.rejects, part.count_lines
        return
    passed = 0
    for rows in read_slices(piece):
        lines = pl.int_range(passed + 1, passed + rows.height + 1, dtype=pl.Int64, eager=True)
        passed += rows.height
        yield make_table(source.name, rows, lines), build(Reject), rows.height


def make_table(file: str, rows: pl.DataFrame, lines: pl.Series | None = None) -> Table:
    """Make a table of columns of text; without lines, the rows are numbered from 1."""
    names: dict[str, str] = {}
    for column in rows.columns:
        squeezed = squeeze(column)
        names[column if squeezed in names else squeezed] = column
    return Table(
        file,
        rows.select(pl.col(column).alias(name) for name, column in names.items()),
        pl.int_range(1, rows.height + 1, dtype=pl.Int64, eager=True) if lines is None else lines,
        {name: column.strip().lower() for name, column in names.items()},
        names,
    )


def read_each(pieces: Sequence[Piece], read: Callable[[Piece], Iterator[RawExport]]) -> Iterator[RawExport]:
    """Read pieces one after the other; a broken one is a reject, after what was read before."""
    for piece in pieces:
        try:
            yield from read(piece)
        except UnreadableError as error:
            name, raw = piece.source.name, cut(error.rest.decode(errors="replace"))
            reason = describe_broken(name, str(error))
            yield RawExport(rejects=build(Reject, file=name, line=[None], reason=[reason], raw=[raw or None]))


def rebuild_json(table: Table, names: Mapping[str, str], *, always_text: Sequence[str] = ()) -> pl.Series:
    """Write columns back into one JSON object per row, without what is null; null where all is.

    Parameters
    ----------
    table
        The table; columns that it does not have are passed over.
    names
        Column → name in the object.
    always_text
        Names in the object whose cells are text even where they read as something else, such as ids.
    """
    known = {column: name for column, name in names.items() if column in table.rows.columns}
    return write_objects(table.rows, known, always_text=always_text)
