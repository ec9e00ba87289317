"""CSV as frames of text, chunk by chunk: fast where it is well formed, row by row where it is not.

polars makes nulls of missing fields without a word, refuses a chunk for one field too many, and is lenient
about quotes. So its result is taken only where that cannot have happened; anything else is counted row by row.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import polars as pl

from klavnb.formats.contract import build
from klavnb.formats.csv_counting import UNCLOSED, Part, allow_length, count_fields, count_lines
from klavnb.formats.cutting import cut_rows
from klavnb.formats.source import CHUNK, Piece, Source, UnreadableError, read_chunks
from klavnb.schemas import Reject

__all__ = ["Part", "find_first_end", "read_header", "read_parts", "split_header"]

QUOTE: Final = b'"'
LINE_END: Final = b"\n"
HEAD: Final = 1 << 16
"""Bytes in which the header is looked for first."""

SMALLEST: Final = 1 << 18
"""A block with a faulty row is halved down to about so many bytes, which are then taken apart in Python."""

WELL_FORMED: Final = re.compile(rb'(?:[^"]*+(?<![^,\n])(?:"[^"]*+")++(?=[,\r\n]|\Z))*+[^"]*+')
"""Each quote opens a field, closes one, or is one of a pair inside."""


def read_header(source: Source) -> tuple[list[str], int]:
    """Return the names of the columns as the file spells them, and how many bytes the header takes.

    Raises
    ------
    UnreadableError
        When there is none, or it is not UTF-8, never ends, or names a column twice.
    """
    beginning = next(read_chunks(Piece(source), size=HEAD, is_quoted=True), b"")
    header = beginning[: find_first_end(beginning)]
    if header.count(QUOTE) % 2:
        raise UnreadableError(f"a header with {UNCLOSED}")
    if b"\r" in header.rstrip(b"\r\n") and QUOTE not in header:
        raise UnreadableError("lines that end in a carriage return alone")
    names = split_header(header)
    if not names:
        raise UnreadableError("a header without a name")
    if repeated := sorted(name for name, count in Counter(names).items() if count > 1):
        raise UnreadableError(f"a header that names {repeated[0]!r} twice")
    return names, len(header)


def split_header(content: bytes) -> list[str]:
    """Read the names of the columns from the start of a file, as the file spells them.

    Raises
    ------
    UnreadableError
        When they are not UTF-8.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise UnreadableError("a header that is not UTF-8") from error
    with allow_length(text):
        return next(csv.reader(io.StringIO(text, newline="")), [])


def read_parts(piece: Piece) -> Iterator[Part]:
    """Read a piece of a CSV, about a chunk at a time.

    Raises
    ------
    UnreadableError
        When the header cannot be read, or the file turns out to be broken; what came before it is good.
    """
    header, size = read_header(piece.source)
    passed, passing = 0, size if piece.start == 0 else 0
    for chunk in read_chunks(piece, is_quoted=True):
        of_header = count_lines(chunk[:passing])
        passed += of_header
        for part in _read_rows(piece.source, header, chunk[passing:], passed):
            passed += part.count_lines
            yield replace(part, count_lines=part.count_lines + of_header)
            of_header = 0
        passing = 0


def _read_rows(source: Source, header: Sequence[str], block: bytes, passed: int) -> Iterator[Part]:
    """Read whole rows; what follows a quote that never closes is read anew from the next line, as it may be long."""
    part, rest = _read_block(source, header, block, passed)
    yield part
    passed += part.count_lines
    for chunk in _cut(rest, CHUNK):
        for following in _read_rows(source, header, chunk, passed):
            passed += following.count_lines
            yield following


def _cut(block: bytes, size: int) -> Iterator[bytes]:
    return cut_rows((block[start : start + size] for start in range(0, len(block), size)), size=size)


def find_first_end(content: bytes) -> int:
    """Return where the first row ends; the end of the content where none does."""
    start, is_open = 0, False
    while True:
        quote = content.find(QUOTE, start)
        stop = quote if quote >= 0 else len(content)
        if not is_open and (end := content.find(LINE_END, start, stop)) >= 0:
            return end + 1
        if quote < 0:
            return len(content)
        start, is_open = quote + 1, not is_open


def _read_block(source: Source, header: Sequence[str], block: bytes, passed: int) -> tuple[Part, bytes]:
    """Read rows as far as a quote that never closes, and return what follows its line."""
    is_well_formed = WELL_FORMED.fullmatch(block) is not None and (
        b"\r" not in block or block.count(b"\r") == block.count(b"\r\n")  # alone it ends a row: polars does not know
    )
    if is_well_formed:
        return _read_well_formed(source, header, block, passed), b""
    return count_fields(source, header, block, passed)


def _read_well_formed(source: Source, header: Sequence[str], block: bytes, passed: int) -> Part:
    rows = _parse(header, block)
    if rows is not None:
        return Part(rows, _number_rows(block, rows.height) + passed, build(Reject), count_lines(block))
    halves = list(_cut(block, len(block) // 2 + 1)) if len(block) > SMALLEST else []
    if len(halves) <= 1:
        return count_fields(source, header, block, passed)[0]
    first = _read_well_formed(source, header, halves[0], passed)
    return _join(first, _read_well_formed(source, header, b"".join(halves[1:]), passed + first.count_lines))


def _number_rows(block: bytes, height: int) -> pl.Series:
    """Return the line in which each row begins, from 1; a row with line ends in quotes takes several."""
    if count_lines(block) == height:
        return pl.int_range(1, height + 1, eager=True, dtype=pl.Int64)
    signs = np.frombuffer(block, dtype=np.uint8)
    line_ends = np.flatnonzero(signs == LINE_END[0])
    is_in_quotes = np.cumsum(signs == QUOTE[0], dtype=np.uint8)[line_ends] % 2  # odd stays odd where it overflows
    begins = np.concatenate([[0], np.flatnonzero(is_in_quotes == 0) + 1])[:height]
    return pl.Series(begins + 1, dtype=pl.Int64)


def _join(first: Part, second: Part) -> Part:
    return Part(
        pl.concat([first.rows, second.rows]),
        pl.concat([first.lines, second.lines]),
        pl.concat([first.rejects, second.rejects]),
        first.count_lines + second.count_lines,
    )


def _parse(header: Sequence[str], block: bytes) -> pl.DataFrame | None:
    """Read rows of well-formed quotes; None where not each has as many fields as the header, or is not UTF-8."""
    schema = dict.fromkeys(header, pl.String)
    try:
        rows = pl.read_csv(block, has_header=False, schema=schema, null_values="")  # also where it stands in quotes
    except pl.exceptions.PolarsError:
        return None
    return rows if _is_full(rows, block) else None


def _is_full(rows: pl.DataFrame, block: bytes) -> bool:
    """Tell whether no row is short: as none is long, it is enough that the separators outside quotes add up."""
    if not rows.to_series(-1).has_nulls():
        return True
    outside = b"".join(block.split(QUOTE)[::2]) if QUOTE in block else block
    return rows.width > 1 and outside.count(b",") == rows.height * (rows.width - 1)
