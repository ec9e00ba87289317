"""How a line of JSONL wraps a resource of the API: not at all, in one of Airbyte's ways, or in Singer's.

Each is a decoder by types, which refuses what is wrapped in another way at the first line.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from klavnb.formats.resources import RESOURCES, Resource
from klavnb.formats.usual_events import Event

__all__ = ["MESSAGES", "OTHERS", "RESOURCE", "WRAPPINGS", "Wrapping"]

OTHERS: Final[Mapping[type[Struct], str]] = {
    msgspec.defstruct(kind, [], bases=(Resource,), tag=kind, gc=False): kind for kind in RESOURCES if kind != "event"
}
"""A type for each resource that is no event; these are few, and read one by one."""

MESSAGES: Final[Mapping[type[Struct], str]] = {
    msgspec.defstruct(kind, [], tag=kind, gc=False): kind
    for kind in (
        *("STATE", "SCHEMA", "ACTIVATE_VERSION", "BATCH"),
        *("LOG", "TRACE", "CATALOG", "CONTROL", "SPEC", "CONNECTION_STATUS"),
    )
}
"""A type for each message of Singer or Airbyte that is no record."""

# unions that are made at run time, so that there is one list of kinds: mypy cannot know them
ANY_RESOURCE: Any = reduce(or_, OTHERS, Event)
ANY_MESSAGE: Any = reduce(or_, MESSAGES)


class AirbyteLine(Struct, gc=False):
    """A record of Airbyte's; what has a type, or is wrapped in its other way too, is something else."""

    data: ANY_RESOURCE
    stream: str
    type: None = None
    airbyte_data: None = msgspec.field(name="_airbyte_data", default=None)


class AirbyteFileLine(Struct, gc=False):
    """A line of the files that Airbyte's destinations write."""

    data: ANY_RESOURCE = msgspec.field(name="_airbyte_data")
    type: None = None


class AirbyteMessage(Struct, gc=False, tag="RECORD"):
    """A record among the messages of an Airbyte connector."""

    record: AirbyteLine


class SingerMessage(Struct, gc=False, tag="RECORD"):
    """A record among the messages of a Singer tap."""

    record: ANY_RESOURCE


class Wrapping(NamedTuple):
    """A way of wrapping: the decoder of a line, and what is in the lines as decoded: resources, or messages."""

    decoder: msgspec.json.Decoder[Any]
    unwrap: Callable[[Sequence[Any]], Sequence[Any]]


RESOURCE: Final = Wrapping(msgspec.json.Decoder(ANY_RESOURCE, float_hook=str), lambda lines: lines)
WRAPPINGS: Final = (
    RESOURCE,
    Wrapping(msgspec.json.Decoder(AirbyteLine, float_hook=str), lambda lines: [line.data for line in lines]),
    Wrapping(msgspec.json.Decoder(AirbyteFileLine, float_hook=str), lambda lines: [line.data for line in lines]),
    Wrapping(
        msgspec.json.Decoder(AirbyteMessage | ANY_MESSAGE, float_hook=str),
        lambda lines: [line.record.data if type(line) is AirbyteMessage else line for line in lines],
    ),
    Wrapping(
        msgspec.json.Decoder(SingerMessage | ANY_MESSAGE, float_hook=str),
        lambda lines: [line.record if type(line) is SingerMessage else line for line in lines],
    ),
)
"""All ways, in the order in which they are tried."""
