"""The pieces in which a file of an export is read, each by one worker, and their bytes chunk by chunk."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

from klavnb.formats.contents import HEAD, UNREADABLE, Source
from klavnb.formats.cutting import cut_lines, cut_rows
from klavnb.formats.unpacking import BLOCK, BOM, UnreadableError, decode

__all__ = [
    "CHUNK",
    "HEAD",
    "PIECE",
    "UNREADABLE",
    "Piece",
    "Source",
    "UnreadableError",
    "read_chunks",
    "split_lines",
    "split_rows",
    "whole",
]

CHUNK: Final = 8 << 20
"""Bytes that a reader takes apart at once."""

PIECE: Final = 32 << 20
"""Bytes of a file that one worker reads."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one worker reads of a file: all of it, or the bytes from `start` to `stop`, which part whole records.

    Pieces of one file come in its order. The numbers of lines that a reader gives start at 1 in each piece.
    """

    source: Source
    start: int = 0
    stop: int | None = None


def whole(source: Source) -> list[Piece]:
    """Read a file in one piece."""
    return [Piece(source)]


def split_lines(source: Source, *, size: int = PIECE) -> list[Piece]:
    """Split a file at ends of lines, where it is not packed.

    Raises
    ------
    ExportError
        When the file may not be read.
    """
    if not source.is_plain():
        return whole(source)
    ends: list[int] = []
    with source.open_plain() as file:
        length = file.seek(0, io.SEEK_END)
        while (at := (ends[-1] if ends else 0) + size) < length:
            file.seek(at)
            while (line := file.readline(BLOCK)) and not line.endswith(b"\n"):
                pass
            ends.append(file.tell())
    return _between(source, ends, length)


def split_rows(source: Source, *, size: int = CHUNK) -> list[Piece]:
    """Split a CSV at ends of rows, where it is not packed; a line end between quotes is none.

    Pieces after the first lack the header. They are as long as a chunk, so that nobody needs to look
    for quotes again; a file with a row that cannot be held is left whole, for its reader to set aside.

    Raises
    ------
    ExportError
        When the file may not be read.
    """
    if not source.is_plain():
        return whole(source)
    with source.open_plain() as file:
        mark = len(BOM) if file.read(len(BOM)) == BOM else 0
        length = file.seek(0, io.SEEK_END)
    if length <= size:
        return whole(source)
    rows = cut_rows(_read_range(source, mark, length), size=size)
    try:
        return _between(source, list(accumulate(map(len, rows), initial=mark))[1:], length)
    except UnreadableError:
        return whole(source)


def _between(source: Source, ends: list[int], length: int) -> list[Piece]:
    inner = [end for end in ends if end < length]
    return [Piece(source, start, stop) for start, stop in pairwise([0, *inner, length])] if inner else whole(source)


def read_chunks(piece: Piece, *, size: int = CHUNK, is_quoted: bool = False) -> Iterator[bytes]:
    """Read a piece chunk by chunk, each of whole lines, or of whole rows of CSV; the last may lack its line end.

    A line that is longer than a chunk comes whole, in a chunk of its own length.

    Parameters
    ----------
    piece
        What to read.
    size
        Bytes of a chunk, about.
    is_quoted
        Whether line ends between quotes are no ends of rows, as in CSV.

    Raises
    ------
    UnreadableError
        When the file turns out to be broken, or one line of it is longer than can be held; the whole
        lines before it came.
    ExportError
        When the file may not be read, or unpacks to far more than it may.
    """
    blocks: Iterator[bytes]
    if piece.stop is None:
        blocks = piece.source.read_blocks()
    else:
        blocks = _read_range(piece.source, piece.start, piece.stop)
        if piece.start == 0:
            blocks = decode(blocks)
        if piece.stop - piece.start <= size + 2 * BLOCK:
            yield b"".join(blocks)
            return
    yield from (cut_rows if is_quoted else cut_lines)(blocks, size=size)


def _read_range(source: Source, start: int, stop: int) -> Iterator[bytes]:
    with source.open_plain() as file:
        file.seek(start)
        while start < stop:
            block = file.read(min(BLOCK, stop - start))
            if not block:
                raise UnreadableError("the file became shorter while it was read")
            start += len(block)
            yield block
