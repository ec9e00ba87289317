"""Klaviyo's API as JSON: response pages, single resources, one resource per line, or an array of them.

Resources are recognised by their `type`, whichever file they are in. The objects of the first API
(`object: event`) and Airbyte's envelope (`stream`, `data`) hold the same and are read too.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from itertools import islice, zip_longest
from typing import Final

import msgspec
from msgspec import Raw

from klavnb.formats.contract import RawExport, RawMessage, build
from klavnb.formats.first_api import OBJECTS
from klavnb.formats.records import NOTHING, Batch, to_frames
from klavnb.formats.resources import RESOURCES, Envelope, Page, find_group
from klavnb.formats.source import Source, UnreadableError

__all__ = ["read", "recognises"]

LONGEST_HEAD: Final = 1 << 24
"""Bytes in which the ends of the first lines are looked for, to tell lines from one document."""

FIRST_LINES: Final = 50
"""Lines, blank ones not counted, of which one must be whole: those before it may be cut."""

ENVELOPE: Final = msgspec.json.Decoder(Envelope)
PAGE: Final = msgspec.json.Decoder(Page)
ONE_VALUE: Final = msgspec.json.Decoder(Raw)
RECORDS: Final = msgspec.json.Decoder(list[Raw] | None)
EVENTS_AT_ONCE: Final = 100_000
"""Events that are held as objects before they become a frame."""

UNUSABLE: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


def recognises(_source: Source, head: bytes) -> bool:
    """Tell whether a file may be JSON; whether it is Klaviyo's shows when it is read."""
    return head.lstrip()[:1] in (b"{", b"[")


def read(sources: Sequence[Source]) -> RawExport:
    """Read files of the API into raw frames.

    A line of JSONL that is not JSON is rejected by its number; a page, an array or a single resource
    that is not JSON is one reject. A record that is none of Klaviyo's is a reject, unless the whole
    file has nothing of Klaviyo's: then the file is foreign.
    """
    parts: list[RawExport] = []
    pending: list[Batch] = []
    flow_of_action: dict[object, object] = {}
    action_of_message: dict[object, object] = {}
    said_profiles: set[tuple[object, bytes]] = set()
    for source, content in _read_ahead(sources):
        batch = _read_file(source, content, said_profiles)
        flow_of_action |= batch.flow_of_action
        action_of_message |= batch.action_of_message
        pending.append(batch)
        if sum(len(waiting.events) for waiting in pending) >= EVENTS_AT_ONCE:
            parts.append(to_frames(pending))
            pending = []
    mentions = build(
        RawMessage,
        message_id=[message for message, action in action_of_message.items() if action in flow_of_action],
        message_type="flow",
        flow_id=[flow_of_action[action] for action in action_of_message.values() if action in flow_of_action],
    )
    return RawExport.join([*parts, to_frames(pending), RawExport(messages=mentions)])


def _read_ahead(sources: Sequence[Source]) -> Iterator[tuple[Source, bytes | UnreadableError]]:
    """Unpack the next file while the one before it is taken apart; never more than these two are held."""
    with ThreadPoolExecutor(max_workers=1) as reader:
        following = [reader.submit(_unpack, source) for source in sources[:1]]
        for source, after in zip_longest(sources, sources[1:]):
            content = following.pop().result()
            if after is not None:
                following.append(reader.submit(_unpack, after))
            yield source, content


def _unpack(source: Source) -> bytes | UnreadableError:
    try:
        return source.read()
    except UnreadableError as error:
        return error


def _read_file(source: Source, content: bytes | UnreadableError, said_profiles: set[tuple[object, bytes]]) -> Batch:
    batch = Batch(source.name, said_profiles=said_profiles)
    if isinstance(content, UnreadableError):
        batch.is_foreign = False
        batch.reject(None, str(content), b"")
        return batch
    if _is_by_line(content):
        for line, text in enumerate(content.splitlines(), start=1):
            if text and not text.isspace():
                _add_text(batch, text, line)
    elif not _add_text(batch, content, None):
        batch.is_foreign = False
    return batch


def _is_by_line(content: bytes) -> bool:
    """Tell JSONL from one document: one of its first lines is a whole object, and the whole is not one value."""
    filled = (line for line in BytesIO(content[:LONGEST_HEAD]) if line.strip())
    lines = list(islice(filled, FIRST_LINES))
    return len(lines) > 1 and any(_decodes(line) for line in lines) and not _is_one_value(content)


def _is_one_value(content: bytes) -> bool:
    try:
        ONE_VALUE.decode(content)
    except UNUSABLE:
        return False
    return True


def _decodes(line: bytes) -> bool:
    try:
        ENVELOPE.decode(line)
    except UNUSABLE:
        return False
    return True


def _add_text(batch: Batch, text: bytes, line: int | None) -> bool:
    """Add the records of one JSON value; False where it is not JSON."""
    try:
        if not text.isascii():
            text.decode()
        records, batch.group_id = _split(text)
    except UNUSABLE as error:
        batch.reject(line, _describe(error), text)
        return False
    for ordinal, raw in enumerate(records, start=1):
        try:
            _add_record(batch, raw, ordinal if line is None else line)
        except UNUSABLE as error:
            batch.reject(ordinal if line is None else line, _describe(error), bytes(raw))
    return True


def _split(text: bytes) -> tuple[list[Raw], str | None]:
    """Take a page, an envelope or an array apart, data first; and say which list or segment its profiles are in."""
    if text.lstrip()[:1] == b"[":
        return RECORDS.decode(text) or [], None
    with suppress(msgspec.ValidationError):
        page = PAGE.decode(text)
        return [*page.data, *page.included], find_group(page)
    record = ENVELOPE.decode(text)
    is_wrapped = bytes(record.data)[:1] == b"{"
    return [record.data if is_wrapped else Raw(text), *(RECORDS.decode(record.included) or [])], None


def _describe(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "JSON nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "text that is not UTF-8"
    what = "a record of another shape" if isinstance(error, msgspec.ValidationError) else "not JSON"
    return f"{what}: {str(error).partition(' (byte')[0]}"


def _add_record(batch: Batch, raw: Raw, line: int) -> None:
    record = ENVELOPE.decode(raw)
    if bytes(record.data)[:1] == b"{":  # wrapped once more, as in an array of Airbyte's lines
        raw, record = record.data, ENVELOPE.decode(record.data)
    if isinstance(record.type, str) and record.type in RESOURCES:
        batch.is_foreign = False
        RESOURCES[record.type](batch, record, line)
    elif isinstance(record.old_type, str) and record.old_type in OBJECTS:
        batch.is_foreign = False
        OBJECTS[record.old_type](batch, raw, line)
    elif record.errors != NOTHING:
        batch.is_foreign = False
        batch.reject(line, "an error message of the API", bytes(raw))
    elif record.id is not None and isinstance(record.old_type, str):
        batch.is_foreign = False
        batch.ignored[record.old_type] += 1
    elif isinstance(record.type, str) and (record.attributes != NOTHING or record.relationships != NOTHING):
        batch.is_foreign = False
        batch.ignored[record.type] += 1
    else:
        batch.reject(line, "no resource of Klaviyo's API", bytes(raw))
