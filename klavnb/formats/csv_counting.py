"""CSV row by row, in Python: slow, but it knows where each row begins and how many fields it has."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import polars as pl

from klavnb.formats.contract import build, cut
from klavnb.formats.source import Source
from klavnb.schemas import Reject

__all__ = ["UNCLOSED", "Part", "allow_length", "count_fields", "count_lines"]

ODD_BYTES: Final = "surrogateescape"
"""How bytes that are not UTF-8 travel in text until their row is set aside."""

LINE: Final = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
LAST_LINE: Final = "\x00the last line\x00"
UNCLOSED: Final = "a quote that is never closed"


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a CSV in their order.

    Parameters
    ----------
    rows
        The columns as text, under the names of the header; empty fields are null.
    lines
        The line of its piece in which each row begins, from 1; of the first piece, the header is the first.
    rejects
        Rows with more or fewer fields than the header, not in UTF-8, or with a quote that is never closed.
    count_lines
        How many lines were passed: those of the header, of `rows` and of `rejects`, and blank ones.
    """

    rows: pl.DataFrame
    lines: pl.Series
    rejects: pl.DataFrame
    count_lines: int


def count_fields(source: Source, header: Sequence[str], block: bytes, passed: int) -> tuple[Part, bytes]:
    """Take whole rows apart as far as a quote that never closes, and return what follows its line.

    Parameters
    ----------
    source, header
        The file, and the names of its columns.
    block
        The rows.
    passed
        How many lines of the piece came before.
    """
    text = block.decode(errors=ODD_BYTES)
    found, unclosed = _split_rows(text)
    judged = [(passed + line, row, _find_fault(header, row)) for line, row in found if row]
    kept = [(line, row) for line, row, fault in judged if fault is None]
    faulty = [(line, row, fault) for line, row, fault in judged if fault is not None]
    rest = b"" if unclosed is None else unclosed[2].encode(errors=ODD_BYTES)
    if unclosed is not None:
        faulty.append((passed + unclosed[0], [unclosed[1]], UNCLOSED))
    columns: Iterable[Iterable[str]] = zip(*(row for _, row in kept), strict=True) if kept else [()] * len(header)
    part = Part(
        pl.DataFrame(
            [
                pl.Series(name, [field or None for field in fields], dtype=pl.String)
                for name, fields in zip(header, columns, strict=True)
            ],
        ),
        pl.Series([line for line, _ in kept], dtype=pl.Int64),
        build(
            Reject,
            file=source.name,
            line=[line for line, _, _ in faulty],
            reason=[fault for _, _, fault in faulty],
            raw=[_show(row) for _, row, _ in faulty],
        ),
        count_lines(block[: len(block) - len(rest)]),
    )
    return part, rest


def count_lines(block: bytes) -> int:
    r"""Count the lines of a text, of which the last may lack its end.

    Examples
    --------
    >>> count_lines(b"a\nb\n"), count_lines(b"a\nb"), count_lines(b"")
    (2, 2, 0)
    """
    return block.count(b"\n") + (not block.endswith(b"\n") and block != b"")


def _split_rows(text: str) -> tuple[list[tuple[int, list[str]]], tuple[int, str, str] | None]:
    """Split text into rows of fields, each with the line in which it begins, from 1.

    Where a quote never closes, return also the line in which it opens, by number and text, and what follows it.
    """
    places: list[int] = []
    rows: list[tuple[int, list[str]]] = []
    start = opened = 0
    line, counted = 1, 0
    with allow_length(text):
        reader = csv.reader(_list_lines(text, places))
        for row in reader:
            begins = places[start] if start < len(places) else len(text)
            line, counted = line + text.count("\n", counted, begins), begins
            rows.append((line, row))
            opened, start = start, reader.line_num
    rows.pop()
    if opened == len(places):  # the last row began behind all lines
        return rows, None
    ends = places[opened + 1] if opened + 1 < len(places) else len(text)
    return rows, (line, text[places[opened] : ends], text[ends:])


def _list_lines(text: str, places: list[int]) -> Iterator[str]:
    """Yield lines one by one, noting where each begins, and behind them one that ends no field in quotes."""
    for found in LINE.finditer(text):
        places.append(found.start())
        yield found[0]
    yield LAST_LINE


@contextmanager
def allow_length(text: str) -> Iterator[None]:
    """Let a field be as long as the text, while it is read."""
    former = csv.field_size_limit()
    csv.field_size_limit(max(len(text) + len(LAST_LINE), former))
    try:
        yield
    finally:
        csv.field_size_limit(former)


def _find_fault(header: Sequence[str], row: Sequence[str]) -> str | None:
    if len(row) != len(header):
        return f"{'more' if len(row) > len(header) else 'fewer'} fields than the header"
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return "text that is not UTF-8"
    return None


def _show(row: Sequence[str]) -> str:
    return cut(",".join(row)).encode(errors=ODD_BYTES).decode(errors="replace")
