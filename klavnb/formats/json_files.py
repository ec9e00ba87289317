"""Files of JSON, whatever they hold: told into lines and documents, read piece by piece in bounded memory."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import chain, groupby, islice
from typing import Final

import msgspec
from msgspec import Raw

from klavnb.formats.contract import RawExport, describe_broken
from klavnb.formats.cut_json import decode_document, mend_cut
from klavnb.formats.decoded import UNUSABLE, mend_halves
from klavnb.formats.json_lines import NotUsualError, add_lines, add_usual, cut_lines
from klavnb.formats.json_values import add_records, decode_value, describe
from klavnb.formats.records import Batch, Said, no_collection, to_export
from klavnb.formats.source import CHUNK, PIECE, Piece, Source, UnreadableError, read_chunks, split_lines, whole
from klavnb.settings import Settings

__all__ = ["read", "split"]

FIRST_LINES: Final = 50
"""Lines, blank ones not counted, of which one must be whole: those before it may be cut."""

FEW: Final = 8
"""Records of one line that are read one by one, without trying the quick way."""

SMALL: Final = 1 << 15
"""Bytes of lines that are read one by one where one of them is odd."""

CUT_SHORT: Final = "Input data was truncated"
"""What msgspec says of a text that is JSON as far as it goes."""

ONE_VALUE: Final = msgspec.json.Decoder(Raw)

Chunk = bytes | UnreadableError
"""Some of a file, or why there is no more of it."""


def split(source: Source) -> list[Piece]:
    """Split a file of lines at ends of lines, where it is not packed; a document is one piece.

    Raises
    ------
    ExportError
        When the file may not be read.
    """
    if not source.is_plain() or source.path.stat().st_size <= PIECE:
        return whole(source)
    try:
        chunks = read_chunks(Piece(source))
        is_by_line = _is_by_line(next(chunks), is_all=next(chunks, None) is None)
    except UnreadableError:
        return whole(source)
    return split_lines(source) if is_by_line else whole(source)


def read(pieces: Sequence[Piece], *, settings: Settings) -> Iterator[RawExport]:  # noqa: ARG001 - one way for all
    """Read pieces of JSON files into raw frames, part by part.

    A line of JSONL that is not JSON is rejected by its number. A page, an array or a single resource that is
    not JSON is one reject, and so is a file that cannot be unpacked to its end; the records before the fault are read.
    A record that is none of Klaviyo's is a reject too. A part in which nothing of a file is Klaviyo's calls that
    file foreign.

    Parameters
    ----------
    pieces
        What to read. Small files make one part together, a long file makes several.
    settings
        Not looked at.

    Raises
    ------
    ExportError
        When a file may not be read, or unpacks to far more than it may.
    """
    said: Said = set()
    # small files make one part together; a piece of a file of lines is by itself, for its lines are counted
    for _, together in groupby(pieces, key=lambda piece: None if piece.stop is None else piece):
        batches = chain.from_iterable(_read_piece(piece, said) for piece in together)
        while (part := _read_part(batches)) is not None:
            yield part


def _read_part(batches: Iterator[tuple[Batch, int]]) -> RawExport | None:
    held: list[Batch] = []
    size = 0
    with no_collection():
        for batch, length in batches:
            held.append(batch)
            size += length
            if size >= CHUNK:
                break
        return to_export(held) if held else None


def _read_piece(piece: Piece, said: Said) -> Iterator[tuple[Batch, int]]:
    """Yield what is in a piece, with the number of bytes that it took."""
    chunks = _read_chunks(piece)
    head, more = next(chunks, b""), next(chunks, None)
    following = chunks if more is None else chain((more,), chunks)
    name = piece.source.name
    if piece.start == 0 and (isinstance(head, UnreadableError) or not _is_by_line(head, is_all=more is None)):
        yield from _read_document(name, *_join(chain((head,), following)), said)
        return
    first_line = 1
    for chunk in chain((head,), following):
        batch = Batch(name, said)
        if isinstance(chunk, UnreadableError):
            _set_aside(batch, str(chunk), chunk.rest)
        else:
            batch.count_lines = _add_chunk(batch, chunk, first_line)
            first_line += batch.count_lines
        yield batch, 0 if isinstance(chunk, UnreadableError) else len(chunk)


def _read_chunks(piece: Piece) -> Iterator[Chunk]:
    try:
        yield from read_chunks(piece)
    except UnreadableError as error:
        yield error


def _is_by_line(head: bytes, *, is_all: bool) -> bool:
    """Tell lines from one document by its beginning: of lines, one of the first is a whole object.

    A document may have a record in each line too, but is one value from end to end.
    """
    if is_all and head.find(b"\n", 0, -1) < 0:
        return False
    fault = _find_fault(head)
    if fault is None:
        return not is_all
    if fault == CUT_SHORT and (not is_all or mend_cut(head) is not None):
        return False
    lines = list(islice(filter(bytes.strip, BytesIO(head)), FIRST_LINES))
    is_whole = (line.lstrip()[:1] == b"{" and _find_fault(line) is None for line in lines)
    return (len(lines) > 1 or not is_all) and any(is_whole)


def _find_fault(text: bytes) -> str | None:
    """Say why a text is not one JSON value; None where it is."""
    try:
        ONE_VALUE.decode(text)
    except UNUSABLE as error:
        mended = mend_halves(text)
        return str(error) if mended == text else _find_fault(mended)
    return None


def _join(chunks: Iterator[Chunk]) -> tuple[bytes, UnreadableError | None]:
    """Return a document as far as it can be read, and why there is no more of it."""
    read: list[bytes] = []
    for chunk in chunks:
        if isinstance(chunk, UnreadableError):
            return b"".join([*read, chunk.rest]), chunk
        read.append(chunk)
    return b"".join(read), None


def _read_document(name: str, content: bytes, fault: UnreadableError | None, said: Said) -> Iterator[tuple[Batch, int]]:
    """Yield the records of a document, numbered from 1, some at a time; before them a reject for what is broken."""
    length = len(content)
    records, group_id, error, lost = decode_document(content)
    broken = fault or error
    if broken is not None or not records:
        batch = Batch(name, said)
        if broken is not None:
            told = f"; records that were read before that: {len(records):,}" if records and error is not None else ""
            why = _describe_fault(broken)
            _set_aside(batch, f"{why}{told}", lost)
        yield batch, 0
    at_once = max(1, CHUNK * len(records) // max(1, length))
    for start in range(0, len(records), at_once):
        some = records[start : start + at_once]
        batch = Batch(name, said, group_id=group_id, count_lines=len(some))
        _add_some(batch, some, range(start + 1, start + len(some) + 1))
        yield batch, length * len(some) // len(records)


def _describe_fault(error: Exception) -> str:
    if isinstance(error, UnreadableError):
        return str(error)
    return "the JSON is cut short" if str(error) == CUT_SHORT else describe(error)


def _set_aside(batch: Batch, why: str, content: bytes) -> None:
    batch.is_foreign = False
    batch.reject(None, describe_broken(batch.file, why), content)


def _add_chunk(batch: Batch, chunk: bytes, first_line: int) -> int:
    """Add a chunk of lines, and return how many it has; what the quick way refuses, smaller and smaller."""
    if (count := _try_lines(batch, chunk, first_line)) is not None:
        return count
    parts = list(cut_lines(chunk, size=max(SMALL, len(chunk) // 16)))
    if len(parts) == 1:
        return _add_line_by_line(batch, chunk, first_line)
    following = first_line
    for part in parts:
        following += _add_chunk(batch, bytes(part), following)
    return following - first_line


def _add_line_by_line(batch: Batch, chunk: bytes, first_line: int) -> int:
    lines = mend_halves(chunk).split(b"\n")
    if not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, start=first_line):
        if text := line.strip():
            _add_line(batch, text, number)
    return len(lines)


def _try_lines(batch: Batch, chunk: bytes, first_line: int) -> int | None:
    found = batch.fork()
    try:
        count = add_lines(found, chunk, first_line)
    except NotUsualError:
        found.discard()
        return None
    batch.absorb(found)
    return count


def _add_line(batch: Batch, text: bytes, number: int) -> None:
    """Add the records of one line."""
    try:
        records, batch.group_id = decode_value(text)
    except UNUSABLE as error:
        batch.reject(number, describe(error), text)
    else:
        _add_some(batch, records, [number] * len(records))
        batch.group_id = None


def _add_some(batch: Batch, records: Sequence[Raw], lines: Sequence[int]) -> None:
    """Add records, the quick way where there are many, and of the usual shapes."""
    if len(records) >= FEW:
        found = batch.fork()
        try:
            add_usual(found, records, lines)
        except NotUsualError:
            found.discard()
        else:
            batch.absorb(found)
            return
    add_records(batch, records, lines)
