"""One JSON value of a file, a line or a whole document: taken out of its wrappings and read record by record.

This is the careful way, for any shape and for what is broken; `json_lines` is the quick one. Both must
read the same from the same bytes.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from itertools import islice
from typing import Final

import msgspec
from msgspec import Raw, Struct

from klavnb.formats.decoded import NOTHING, UNUSABLE, is_object
from klavnb.formats.first_api import OBJECTS
from klavnb.formats.flattened import add_flattened
from klavnb.formats.payloads import add_bulk, add_created, name_topic
from klavnb.formats.records import Batch
from klavnb.formats.resources import RESOURCES, Resource, find_group
from klavnb.formats.wrappings import MESSAGES

__all__ = ["Envelope", "add_records", "decode_value", "describe", "read_heads"]

MESSAGE_KINDS: Final = frozenset(MESSAGES.values())
BULK: Final = "event-bulk-create-job"


class Envelope(Resource, gc=False):
    """What any record may be: a resource of the API, an object of the first API, or something wrapped.

    `data` wraps a resource in a page or Airbyte's line, `_airbyte_data` in the files that Airbyte's
    destinations write, `record` in a message of Singer or Airbyte, `payload` in a webhook.
    """

    type: object = None
    old_type: object = msgspec.field(name="object", default=None)
    data: Raw = NOTHING
    airbyte_data: Raw = msgspec.field(name="_airbyte_data", default=NOTHING)
    included: Raw = NOTHING
    record: Raw = NOTHING
    payload: Raw = NOTHING
    errors: Raw = NOTHING
    stream: object = None
    topic: object = None
    external_id: object = None


class Page(Struct, gc=False):
    """A response page with its resources as they are."""

    data: list[Raw]
    included: list[Raw] = []
    links: object = None
    type: None = None  # what has one is a record itself, and so is what Airbyte wrapped
    airbyte_data: None = msgspec.field(name="_airbyte_data", default=None)


ENVELOPE: Final = msgspec.json.Decoder(Envelope, float_hook=str)
PAGE: Final = msgspec.json.Decoder(Page)
RECORDS: Final = msgspec.json.Decoder(list[Raw] | None)

FIRST_LINES: Final = 50


def decode_value(text: bytes) -> tuple[list[Raw], str | None]:
    """Take a page, an array or an answer about one resource apart, data first.

    Returns
    -------
    list of Raw, str or None
        The records; and the list or segment whose profiles they are.

    Raises
    ------
    UNUSABLE
        When the text is not JSON, not UTF-8, or nested too deeply.
    """
    if not text.isascii():
        text.decode()
    if text.lstrip()[:1] == b"[":
        return RECORDS.decode(text) or [], None
    with suppress(msgspec.ValidationError):
        page = PAGE.decode(text)
        return [*page.data, *page.included], find_group(page.links)
    record = ENVELOPE.decode(text)
    is_other = record.stream is not None or record.type is not None or record.airbyte_data != NOTHING
    if is_object(record.data) and not is_other:
        return [record.data, *(RECORDS.decode(record.included) or [])], None
    return [Raw(text)], None


def add_records(batch: Batch, records: Sequence[Raw], lines: Sequence[int]) -> None:
    """Add records one by one; what cannot be used is set aside with its reason."""
    for raw, line in zip(records, lines, strict=True):
        try:
            _add_record(batch, raw, line)
        except UNUSABLE as error:
            batch.reject(line, describe(error), bytes(raw))


def describe(error: Exception) -> str:
    """Say why a text cannot be used."""
    if isinstance(error, RecursionError):
        return "JSON nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "text that is not UTF-8"
    what = "a record of another shape" if isinstance(error, msgspec.ValidationError) else "not JSON"
    return f"{what}: {str(error).partition(' (byte')[0]}"


def read_heads(head: bytes) -> Iterator[Envelope]:
    r"""Read the first lines of a file, of which some may be cut, as far as they are objects.

    Examples
    --------
    >>> [line.type for line in read_heads(b'{"ty\n\n{"type": "STATE"}\n{"type": "REC')]
    ['STATE']
    """
    for line in islice(BytesIO(head), FIRST_LINES):
        with suppress(*UNUSABLE):
            yield ENVELOPE.decode(line)


def _add_record(batch: Batch, raw: Raw, line: int) -> None:
    envelope = ENVELOPE.decode(raw)
    if isinstance(envelope.type, str):
        _add_typed(batch, envelope, raw, line)
    elif is_object(envelope.airbyte_data):
        _add_of_stream(batch, envelope.airbyte_data, envelope.stream, line)
    elif is_object(envelope.data) and envelope.stream is not None:
        _add_of_stream(batch, envelope.data, envelope.stream, line)
    elif bytes(envelope.data)[:1] in (b"{", b"["):  # an answer in an array of them
        _add_answer(batch, raw, line)
    elif is_object(envelope.payload):
        _add_webhook(batch, envelope, line)
    elif not _add_known(batch, envelope, raw, line):
        batch.reject(line, "no resource of Klaviyo's API", bytes(raw))


def _add_answer(batch: Batch, raw: Raw, line: int) -> None:
    records, group_id = decode_value(bytes(raw))
    if records == [raw]:
        batch.reject(line, "no resource of Klaviyo's API", bytes(raw))
        return
    outer, batch.group_id = batch.group_id, group_id
    add_records(batch, records, [line] * len(records))
    batch.group_id = outer


def _add_typed(batch: Batch, envelope: Envelope, raw: Raw, line: int) -> None:
    """Add a record that says what it is: a resource, or a message of Singer or Airbyte."""
    if envelope.type in MESSAGE_KINDS:
        batch.ignore(f"{envelope.type} message")
    elif envelope.type == "RECORD" and is_object(envelope.record):
        inner = ENVELOPE.decode(envelope.record)
        if inner.stream is not None and is_object(inner.data):
            _add_of_stream(batch, inner.data, inner.stream, line)
        else:
            _add_of_stream(batch, envelope.record, envelope.stream, line)
    elif not _add_known(batch, envelope, raw, line):
        batch.reject(line, "no resource of Klaviyo's API", bytes(raw))


def _add_of_stream(batch: Batch, raw: Raw, stream: object, line: int) -> None:
    """Add the record of a line of Singer or Airbyte; one of a stream that is not known is passed over."""
    envelope = ENVELOPE.decode(raw)
    if _is_flattened(envelope) and add_flattened(batch, raw, stream, line):
        batch.is_foreign = False
    elif not _add_known(batch, envelope, raw, line):
        if isinstance(stream, str):
            batch.ignore(f"{stream} record")
        else:
            batch.reject(line, "no resource of Klaviyo's API", bytes(raw))


def _is_flattened(envelope: Envelope) -> bool:
    is_whole = envelope.attributes != NOTHING or envelope.relationships != NOTHING or envelope.errors != NOTHING
    return not is_whole and envelope.old_type is None


def _add_webhook(batch: Batch, envelope: Envelope, line: int) -> None:
    """Add what a webhook brings, an answer about an event; its topic names the metric where that is not included."""
    records, _ = decode_value(bytes(envelope.payload))
    before, metrics = len(batch.events), len(batch.rows["metrics"])
    add_records(batch, records, [line] * len(records))
    for event in batch.events[before:]:
        if event.event_id is None:
            event.event_id = envelope.external_id
        if event.metric_name is None and len(batch.rows["metrics"]) == metrics:
            event.metric_name = name_topic(envelope.topic)


def _add_known(batch: Batch, envelope: Envelope, raw: Raw, line: int) -> bool:
    """Add a resource of the API, or an object of the first; count one of another kind; False for anything else."""
    kind, old_kind = envelope.type, envelope.old_type
    if isinstance(kind, str) and kind in RESOURCES:
        if kind != "event" or envelope.relationships != NOTHING or not add_created(batch, envelope, line):
            RESOURCES[kind](batch, envelope, line)
    elif kind == BULK:
        add_bulk(batch, envelope, line)
    elif isinstance(old_kind, str) and old_kind in OBJECTS:
        OBJECTS[old_kind](batch, raw, line)
    elif envelope.errors != NOTHING:
        batch.reject(line, "an error message of the API", bytes(raw))
    elif envelope.id is not None and isinstance(old_kind, str):
        batch.ignore(old_kind)
    elif isinstance(kind, str) and (envelope.attributes != NOTHING or envelope.relationships != NOTHING):
        batch.ignore(kind)
    else:
        return False
    batch.is_foreign = False
    return True
