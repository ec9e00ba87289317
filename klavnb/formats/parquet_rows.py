"""Parquet as frames of text, some rows at a time. Pieces of a Parquet file count rows where others count bytes."""

import io
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import polars as pl

from klavnb.formats.json_cells import write_objects
from klavnb.formats.source import PIECE, Piece, Source, UnreadableError, whole

__all__ = ["MAGIC", "is_broken_parquet", "read_names", "read_slices", "split_parquet", "to_texts"]

MAGIC: Final = b"PAR1"
ROWS_AT_ONCE: Final = 50_000
ANY_JSON: Final = ("event_properties", "location", "predictive_analytics", "properties", "subscriptions")
"""Members of resources whose own members are not known beforehand: tables keep them as JSON text."""


def read_names(source: Source) -> list[str]:
    """Return the names of a file's columns; none where it cannot be read. A packed file is unpacked whole for it."""
    try:
        held = source.path if source.is_plain() else io.BytesIO(source.read())
        return pl.scan_parquet(held, glob=False).collect_schema().names()
    except (pl.exceptions.PolarsError, OSError, UnreadableError):
        return []


def is_broken_parquet(source: Source, head: bytes) -> bool:
    """Tell whether a file begins as Parquet and cannot be read as such: its columns stand at its end."""
    return head.startswith(MAGIC) and not read_names(source)


def split_parquet(source: Source, *, size: int = PIECE) -> list[Piece]:
    """Split a file that is not packed into about so many bytes each, by the numbers of its rows."""
    if not source.is_plain():
        return whole(source)
    try:
        height = _count_rows(source.path)
    except (pl.exceptions.PolarsError, OSError):
        return whole(source)
    count = min(source.path.stat().st_size // size + 1, max(height, 1))
    ends = [height * ordinal // count for ordinal in range(count + 1)]
    return [Piece(source, start, stop) for start, stop in pairwise(ends)]


def read_slices(piece: Piece, *, count: int = ROWS_AT_ONCE) -> Iterator[pl.DataFrame]:
    """Read the rows of a piece in their order, so many at a time; a packed file is read whole.

    Raises
    ------
    UnreadableError
        When the file is damaged; what came before is good.
    """
    try:
        if piece.stop is None:
            rows = pl.read_parquet(io.BytesIO(piece.source.read()))
            yield from (to_texts(part) for part in rows.iter_slices(count))
            return
        lazy = pl.scan_parquet(piece.source.path, glob=False)
        for start in range(piece.start, piece.stop, count):
            yield to_texts(lazy.slice(start, min(count, piece.stop - start)).collect())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableError("a damaged table") from error


def to_texts(rows: pl.DataFrame) -> pl.DataFrame:
    """Turn columns of any type into text: lists and structs into JSON, times as polars writes them, in UTC.

    Blank text is null. Members of a struct that are null are left out; those that may hold any JSON, such as
    the properties of an event, are JSON also where they are text.

    Examples
    --------
    >>> attributes = [{"event_properties": '{"a":1}', "uuid": "7"}, None]
    >>> rows = pl.DataFrame({"a": [1, None], "b": [["x"], None], "c": attributes, "d": ["", "x"]})
    >>> to_texts(rows).rows()
    [('1', '["x"]', '{"event_properties":{"a":1},"uuid":"7"}', None), (None, None, None, 'x')]
    """
    return _write_columns(rows).select(pl.when(pl.all() != "").then(pl.all()))


def _count_rows(path: Path) -> int:
    height: int = pl.scan_parquet(path, glob=False).select(pl.len()).collect().item()
    return height


def _write_columns(rows: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame([_write_column(rows[name]) for name in rows.columns])


def _write_column(cells: pl.Series) -> pl.Series:
    dtype = cells.dtype
    if isinstance(dtype, pl.Struct):
        members = cells.struct.unnest()
        texts = [name for name, kind in members.schema.items() if kind == pl.String and name not in ANY_JSON]
        objects = write_objects(_write_columns(members), {name: name for name in members.columns}, always_text=texts)
        return objects.fill_null("{}").set(cells.is_null(), None).alias(cells.name)
    if isinstance(dtype, pl.List | pl.Array):
        wrapped = pl.struct(pl.col(cells.name).alias("_")).struct.json_encode()
        bare = wrapped.str.slice(len('{"_":')).str.head(-1)
        return cells.to_frame().select(pl.when(pl.all().is_not_null()).then(bare).alias(cells.name)).to_series()
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        cells = cells.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return cells.cast(pl.String, strict=dtype != pl.Binary)
