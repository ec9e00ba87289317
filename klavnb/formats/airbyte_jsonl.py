"""Lines of Airbyte's Klaviyo source: its streams as resources of the API, each in one of Airbyte's wrappings.

- `{"stream": "events", "data": {…}, "emitted_at": …}`: the record alone;
- `{"type": "RECORD", "record": {"stream": "events", "data": {…}, "emitted_at": …}}`: the connector's own messages,
  between which stand STATE, LOG, TRACE and others, which are counted and passed over;
- `{"_airbyte_raw_id": …, "_airbyte_extracted_at": …, "_airbyte_data": {…}}`: the files of its destinations.

What the connector adds to the resources (airbytehq/airbyte, source-klaviyo, `components.py` at 2d2f71e8, and its
tests of the stream): in `events_detailed`, what was included is put where it is referred to, so that
`relationships.metric.data` has the metric's `name`, and each of `relationships.attributions.data` its own
`relationships`; in `campaigns_detailed` the messages are in `campaign_messages`; `flow_messages` have
a `flow_action_id`. Older versions of the connector wrote objects of the first API.
"""

from typing import Final

from klavnb.formats.decoded import is_object
from klavnb.formats.json_files import read, split
from klavnb.formats.json_values import Envelope, read_heads
from klavnb.formats.source import Source

__all__ = ["read", "recognises", "split"]

OWN_MESSAGES: Final = frozenset(("LOG", "TRACE", "CATALOG", "CONTROL", "SPEC", "CONNECTION_STATUS"))


def recognises(_source: Source, head: bytes) -> bool:
    """Tell whether one of the first lines is one of Airbyte's."""
    return any(map(_is_airbyte, read_heads(head)))


def _is_airbyte(line: Envelope) -> bool:
    if isinstance(line.type, str):
        return line.type in OWN_MESSAGES or (line.type == "RECORD" and line.stream is None)
    return is_object(line.airbyte_data) or (isinstance(line.stream, str) and is_object(line.data))
