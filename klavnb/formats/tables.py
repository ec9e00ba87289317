"""A table of any file kind as columns of text under squeezed names, and columns written back into JSON."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import polars as pl

from klavnb.formats.contract import build, cut
from klavnb.formats.source import Source, UnreadableError
from klavnb.schemas import Reject

__all__ = ["Table", "read_columns", "read_csv", "read_table", "rebuild_json", "squeeze"]

PARQUET: Final = b"PAR1"
ODD_BYTES: Final = "surrogateescape"
"""How bytes that are not UTF-8 travel in text until their row is set aside."""

NUMBER: Final = r"^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$"
ESCAPES: Final[Mapping[str, str]] = {"\\": "\\\\", '"': '\\"'} | {chr(code): f"\\u{code:04x}" for code in range(0x20)}


@dataclass(frozen=True, slots=True)
class Table:
    """One file as text columns under their squeezed names, in lower case and without underscores.

    Parameters
    ----------
    file
        What messages call it.
    rows
        The columns as text; empty fields are null.
    lines
        The ordinal of each row in the file, from 1.
    spelling
        Squeezed name → name in the file, in lower case.
    """

    file: str
    rows: pl.DataFrame
    lines: pl.Series
    spelling: Mapping[str, str]

    def texts(self, name: str) -> pl.Series:
        """Return a column; nulls where the table has none."""
        if name in self.rows.columns:
            return self.rows[name]
        return pl.Series(name, [None] * self.rows.height, dtype=pl.String)

    def filter(self, mask: pl.Series) -> "Table":
        """Return the rows that the mask holds for."""
        return Table(self.file, self.rows.filter(mask), self.lines.filter(mask), self.spelling)


def squeeze(column: str) -> str:
    """Return a column's name as all its spellings have it.

    Examples
    --------
    >>> squeeze("property_value"), squeeze("PROPERTYVALUE")
    ('propertyvalue', 'propertyvalue')
    """
    return column.strip().lower().replace("_", "")


def read_columns(source: Source, head: bytes) -> set[str]:
    """Return the squeezed names of a file's columns; of a file that is no table, whatever its first line holds."""
    if not head.startswith(PARQUET):
        return {squeeze(column) for column in next(csv.reader(head.decode(errors="replace").splitlines()), [])}
    try:
        return {squeeze(column) for column in pl.read_parquet_schema(source.path)}
    except (pl.exceptions.PolarsError, OSError):
        return set()


def read_table(source: Source) -> tuple[Table, pl.DataFrame]:
    """Read CSV or Parquet; rows of CSV with more or fewer fields than the header, or not in UTF-8, are rejects.

    Raises
    ------
    UnreadableError
        When the file as a whole is broken.
    """
    content = source.read()
    try:
        rows, lines, rejects = _read_parquet(content) if content.startswith(PARQUET) else read_csv(source, content)
    except (pl.exceptions.PolarsError, csv.Error) as error:
        raise UnreadableError("a damaged table") from error
    spelling: dict[str, str] = {}
    for column in rows.columns:
        spelling.setdefault(squeeze(column), column)
    squeezed = rows.select(pl.col(column).alias(name) for name, column in spelling.items())
    lowered = {name: column.strip().lower() for name, column in spelling.items()}
    return Table(source.name, squeezed, lines, lowered), rejects


def _read_parquet(content: bytes) -> tuple[pl.DataFrame, pl.Series, pl.DataFrame]:
    rows = pl.read_parquet(io.BytesIO(content))
    texts = rows.select(_to_text(name, dtype) for name, dtype in rows.schema.items())
    return texts, _number(rows), build(Reject, file=[])


def _to_text(name: str, dtype: pl.DataType) -> pl.Expr:
    if not isinstance(dtype, pl.List | pl.Array | pl.Struct):
        return pl.col(name).cast(pl.String)
    wrapped = pl.struct(pl.col(name).alias("_")).struct.json_encode()
    return pl.when(pl.col(name).is_not_null()).then(wrapped.str.slice(len('{"_":')).str.head(-1)).alias(name)


def read_csv(source: Source, content: bytes) -> tuple[pl.DataFrame, pl.Series, pl.DataFrame]:
    """Read CSV fast where its fields need no counting.

    polars makes nulls of missing fields without a word, so wherever the last column holds a null, and
    where polars gives up, the fields are counted.
    """
    try:
        rows = pl.read_csv(content, infer_schema=False)
    except pl.exceptions.ComputeError:
        return _count_fields(source, content)
    if rows.width and rows.to_series(-1).has_nulls():
        return _count_fields(source, content)
    return rows, _number(rows), build(Reject, file=[])


def _number(rows: pl.DataFrame) -> pl.Series:
    return pl.Series(range(1, rows.height + 1), dtype=pl.Int64)


def _count_fields(source: Source, content: bytes) -> tuple[pl.DataFrame, pl.Series, pl.DataFrame]:
    header, *body = _split_fields(content.decode(errors=ODD_BYTES))
    if not _is_text(header):
        raise UnreadableError("a header that is not UTF-8")
    judged = [(line, row, _find_fault(header, row)) for line, row in enumerate(body, start=1) if row]
    whole = [(line, row) for line, row, fault in judged if fault is None]
    faulty = [(line, row, fault) for line, row, fault in judged if fault is not None]
    columns: Iterable[Iterable[str]] = zip(*(row for _, row in whole), strict=True) if whole else [()] * len(header)
    rows = pl.DataFrame(
        [
            pl.Series(name, [field or None for field in fields], dtype=pl.String)
            for name, fields in zip(header, columns, strict=True)
        ],
    )
    rejects = build(
        Reject,
        file=source.name,
        line=[line for line, _, _ in faulty],
        reason=[fault for _, _, fault in faulty],
        raw=[cut(",".join(row)).encode(errors=ODD_BYTES).decode(errors="replace") for _, row, _ in faulty],
    )
    return rows, pl.Series([line for line, _ in whole], dtype=pl.Int64), rejects


def _split_fields(text: str) -> list[list[str]]:
    """Split CSV into rows of fields; a field may be as long as the text."""
    former = csv.field_size_limit(max(len(text), csv.field_size_limit()))
    try:
        return list(csv.reader(io.StringIO(text, newline="")))
    finally:
        csv.field_size_limit(former)


def _find_fault(header: Sequence[str], row: Sequence[str]) -> str | None:
    if len(row) != len(header):
        return f"{'more' if len(row) > len(header) else 'fewer'} fields than the header"
    return None if _is_text(row) else "text that is not UTF-8"


def _is_text(row: Sequence[str]) -> bool:
    """Tell whether no field holds a byte that could not be decoded."""
    joined = "".join(row)
    try:
        joined.encode()
    except UnicodeEncodeError:
        return False
    return True


def rebuild_json(table: Table, names: Mapping[str, str], *, always_text: Iterable[str] = ()) -> pl.Series:
    """Write columns back into one JSON object per row, without what is null; null where all is.

    A cell that reads as a number, a truth value, a list or an object is written as such, all else as
    text: the cells of a table do not say which they were.

    Parameters
    ----------
    table
        The table; columns that it does not have are passed over.
    names
        Column → name in the object.
    always_text
        Names in the object whose cells are text even where they read as something else, such as ids.
    """
    texts = set(always_text)
    members = [
        pl.lit(f"{msgspec.json.encode(name).decode()}:") + _render(table.rows[column], is_text=name in texts)
        for column, name in names.items()
        if column in table.rows.columns
    ]
    if not members or table.rows.is_empty():
        return pl.Series([None] * table.rows.height, dtype=pl.String)
    joined = pl.concat_str(members, separator=",", ignore_nulls=True)
    return table.rows.select(pl.when(joined != "").then(pl.lit("{") + joined + pl.lit("}"))).to_series()


def _render(cells: pl.Series, *, is_text: bool) -> pl.Expr:
    text = pl.lit(cells)
    quoted = pl.lit('"') + text.str.replace_many(ESCAPES) + pl.lit('"')
    if is_text:
        return quoted
    lowered = text.str.to_lowercase()
    is_container = pl.lit(pl.Series([cell is not None and _is_container(cell) for cell in cells], dtype=pl.Boolean))
    return (
        pl.when(lowered.is_in(["true", "false"]))
        .then(lowered)
        .when(is_container | text.str.contains(NUMBER))
        .then(text)
        .otherwise(quoted)
    )


def _is_container(cell: str) -> bool:
    if cell[:1] not in ("{", "["):
        return False
    try:
        msgspec.json.decode(cell, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
