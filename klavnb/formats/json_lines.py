"""Many records at once, the quick way: all lines of a chunk decoded by their types, with no Python for each event.

It reads the resources of the API as Klaviyo, Airbyte and Singer write them, and raises `NotUsualError` for
anything else, be it one line of a chunk: `json_values` then reads these lines one by one. What both
read is the same.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import compress
from typing import Any, Final

import polars as pl
from msgspec import Raw

from klavnb.formats.decoded import NOTHING, UNUSABLE
from klavnb.formats.records import Batch
from klavnb.formats.resources import RESOURCES, add_attributions
from klavnb.formats.usual_events import Event, UsualEvents
from klavnb.formats.wrappings import MESSAGES, OTHERS, RESOURCE, WRAPPINGS, Wrapping

__all__ = ["NotUsualError", "add_lines", "add_usual", "cut_lines"]


BLOCK: Final = 1 << 16
"""Bytes that are decoded at once: what comes of them stays in the processor's cache until it is used."""

RECORDS: Final = 100
"""Records of a document that are decoded at once, for the same reason."""


class NotUsualError(Exception):
    """Some of the records are not of the usual shapes: what was added of them is to be discarded."""


def add_lines(batch: Batch, chunk: bytes, first_line: int) -> int:
    """Add the records of a chunk of whole lines, one record a line; return how many lines it has.

    Raises
    ------
    NotUsualError
        When one of the lines is not of a usual shape, or not JSON, or not UTF-8.
    """
    try:
        lines = pl.read_lines(chunk).to_series()
    except pl.exceptions.PolarsError as error:  # not UTF-8
        raise NotUsualError from error
    is_filled = lines != ""
    filled = lines if is_filled.all() else lines.filter(is_filled)
    # a line end between } and { parts two values, so that as many values as such lines are one a line
    if not (filled.str.starts_with("{") & filled.str.ends_with("}")).all():
        raise NotUsualError
    wrapping = _find_wrapping(next(cut_lines(chunk, size=BLOCK), memoryview(b"")))
    _add_blocks(batch, cut_lines(chunk, size=BLOCK), wrapping, is_filled.arg_true().cast(pl.Int64) + first_line)
    return len(lines)


def add_usual(batch: Batch, records: Sequence[Raw], lines: Sequence[int]) -> None:
    """Add resources that were already found in a document, or in one line.

    Raises
    ------
    NotUsualError
        When one of them is not of a usual shape.
    """
    starts = range(0, len(records), RECORDS)
    blocks = (b"\n".join(records[start : start + RECORDS]) for start in starts)
    _add_blocks(batch, blocks, RESOURCE, pl.Series(lines, dtype=pl.Int64))


def cut_lines(chunk: bytes, *, size: int) -> Iterator[memoryview]:
    r"""Cut a chunk at ends of lines into parts of some bytes or more, without copying it.

    Examples
    --------
    >>> [bytes(part) for part in cut_lines(b"a\nbc\nd", size=2)]
    [b'a\n', b'bc\n', b'd']
    """
    start, view = 0, memoryview(chunk)
    while start < len(chunk):
        stop = chunk.find(b"\n", min(start + size - 1, len(chunk) - 1)) + 1 or len(chunk)
        yield view[start:stop]
        start = stop


def _find_wrapping(block: memoryview) -> Wrapping:
    """Find how lines are wrapped: the wrong ways fail at the first."""
    for wrapping in WRAPPINGS:
        with suppress(*UNUSABLE):
            wrapping.decoder.decode_lines(block)
            return wrapping
    raise NotUsualError


def _add_blocks(batch: Batch, blocks: Iterable[bytes | memoryview], wrapping: Wrapping, lines: pl.Series) -> None:
    """Add the records of blocks of lines, one record a line."""
    events = UsualEvents(batch.file)
    is_event: list[bool] = []
    others: list[tuple[int, Any]] = []
    try:
        for block in blocks:
            found = wrapping.unwrap(wrapping.decoder.decode_lines(block))
            are_events = [type(each) is Event for each in found]
            if all(are_events):
                events.add(found)
            else:
                events.add(list(compress(found, are_events)))
                others += [
                    (place, each) for place, each in enumerate(found, start=len(is_event)) if type(each) is not Event
                ]
            is_event += are_events
        if len(is_event) != len(lines):
            raise NotUsualError
        events.lines = lines.filter(pl.Series(is_event, dtype=pl.Boolean)) if others else lines
        _add_attributions(batch, events)
        numbers = lines.to_list() if others else []
        for place, other in others:
            _add_other(batch, other, numbers[place])
    except UNUSABLE as error:
        raise NotUsualError from error
    batch.add_usual(events)
    batch.is_foreign = False


def _add_attributions(batch: Batch, events: UsualEvents) -> None:
    """Add the attributions that events carry whole."""
    if any(events.named):
        for event_id, asked in zip(events.said[0], events.named, strict=True):
            if asked is not None and asked.data:
                add_attributions(batch, event_id, [(each.id, each.relationships) for each in asked.data])


def _add_other(batch: Batch, other: Any, line: int) -> None:  # noqa: ANN401 - of one of the types made in `wrappings`
    if (message := MESSAGES.get(type(other))) is not None:
        batch.ignore(f"{message} message")
        return
    if other.attributes == NOTHING and other.relationships == NOTHING:  # it may be flattened
        raise NotUsualError
    RESOURCES[OTHERS[type(other)]](batch, other, line)
