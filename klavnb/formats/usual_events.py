"""Events as Klaviyo's API answers with them, many at once: decoded by their types, no Python for each event."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

import msgspec
import polars as pl
from msgspec import Raw, Struct

from klavnb.formats.contract import RawEvent
from klavnb.formats.decoded import NOTHING
from klavnb.formats.event_properties import PROPERTIES, Properties, describe_properties, list_fields
from klavnb.formats.text_columns import fill_frame, to_sparse_lists, to_texts

__all__ = ["Event", "UsualEvents", "to_usual_frame"]


SAID: Final = ("event_id", "profile_id", "metric_id", "metric_name", "occurred_at", "occurred_unix")
"""Columns of the contract that an event says itself."""

NONE_KNOWN: Final = Properties()
RAW_LINES: Final = msgspec.json.Decoder(Raw)


class Reference(Struct, gc=False):
    """The id of another resource; Airbyte's detailed events have the name of the metric beside it."""

    id: str
    name: str | None = None


class ToOne(Struct, gc=False):
    """A relationship to one resource."""

    data: Reference


class Attribution(Struct, gc=False):
    """The id of an attribution; Airbyte's detailed events have its relationships beside it."""

    id: str
    relationships: Raw = NOTHING


class ToAttributions(Struct, gc=False):
    """The relationship of an event to its attributions; without `data` the export did not ask for it."""

    data: list[Attribution] | None = None


class Relationships(Struct, gc=False):
    """What an event refers to."""

    profile: ToOne
    metric: ToOne
    attributions: ToAttributions | None = None


class Attributes(Struct, gc=False):
    """The attributes of an event."""

    datetime: str | None = None
    timestamp: object = None
    event_properties: Raw = NOTHING


class Event(Struct, gc=False, tag="event"):
    """An event; what is of another type than here makes the decoder raise."""

    id: str
    attributes: Attributes
    relationships: Relationships


@dataclass(slots=True)
class UsualEvents:
    """Events of one file as columns, which grow block by block: the decoded objects are dropped while they are fresh.

    Parameters
    ----------
    file
        Name of the file.
    lines
        The events' lines, or ordinals.
    raw
        The properties of each block as they stand there, one event's after the other, with line ends between.
    said
        What the events say themselves: id, profile, metric, its name, time, and time in unix seconds.
    known
        Their properties, field by field.
    named
        The attributions that they name.
    """

    file: str
    lines: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.Int64))
    raw: list[bytes] = field(default_factory=list)
    said: list[list[object]] = field(default_factory=lambda: [[] for _ in SAID])
    known: list[list[object]] = field(default_factory=lambda: [[] for _ in Properties.__struct_fields__])
    named: list[ToAttributions | None] = field(default_factory=list)

    def add(self, events: Sequence[Event]) -> None:
        """Add a block of events.

        Raises
        ------
        UNUSABLE
            When the properties of one are no object.
        """
        if not events:
            return
        raw = b"\n".join([event.attributes.event_properties for event in events])
        known = [each or NONE_KNOWN for each in PROPERTIES.decode_lines(raw)]
        self.raw.append(raw)
        said: tuple[Sequence[object], ...] = (
            [event.id for event in events],
            [event.relationships.profile.data.id for event in events],
            [event.relationships.metric.data.id for event in events],
            [event.relationships.metric.data.name for event in events],
            [event.attributes.datetime for event in events],
            [event.attributes.timestamp for event in events],
        )
        for column, values in zip(self.said, said, strict=True):
            column.extend(values)
        for column, values in zip(self.known, list_fields(known).values(), strict=True):
            column.extend(values)
        self.named += [event.relationships.attributions for event in events]


def to_usual_frame(parts: Sequence[UsualEvents]) -> pl.DataFrame:
    """Make raw events of events, part by part."""
    height = sum(len(part.lines) for part in parts)
    files = [pl.Series([part.file], dtype=pl.String).new_from_index(0, len(part.lines)) for part in parts]
    said = [_join([part.said[place] for part in parts]) for place in range(len(SAID))]
    known = [_join([part.known[place] for part in parts]) for place in range(len(Properties.__struct_fields__))]
    named = [None if each is None else each.data for part in parts for each in part.named]
    columns = {
        "file": pl.concat(files),
        "line": pl.concat([part.lines for part in parts]),
        "properties": _keep_properties(parts, height),
        **{name: to_texts(column) for name, column in zip(SAID, said, strict=True)},
        **describe_properties(dict(zip(Properties.__struct_fields__, known, strict=True))),
    }
    if any(map(any, (part.named for part in parts))):
        ids = [None if each is None else [one.id for one in each] for each in named]
        columns["attribution_ids"] = to_sparse_lists(ids)
    return fill_frame(RawEvent, height, columns)


def _join(lists: Sequence[list[object]]) -> list[object]:
    return lists[0] if len(lists) == 1 else list(chain.from_iterable(lists))


def _keep_properties(parts: Sequence[UsualEvents], height: int) -> pl.Series:
    """Return the properties to the letter."""
    raw = b"\n".join([block for part in parts for block in part.raw])
    texts = pl.read_lines(raw).to_series()
    if len(texts) != height:  # there are line ends inside, which part no values: one by one
        texts = pl.Series([str(each, "utf-8") for each in RAW_LINES.decode_lines(raw)], dtype=pl.String)
    is_null = texts == "null"
    return texts.set(is_null, None) if is_null.any() else texts
