"""Messages of Singer taps for Klaviyo, as Meltano and Stitch run them: RECORD lines, with SCHEMA and STATE between.

`{"type": "RECORD", "stream": "events", "record": {…}, "time_extracted": …}`: the record is a resource of the API or
one that is flattened; `flattened` says how. SCHEMA, STATE, ACTIVATE_VERSION and BATCH lines, and records of streams
that klavnb has no use for, are counted and passed over.
"""

from typing import Final

from klavnb.formats.decoded import is_object
from klavnb.formats.json_files import read, split
from klavnb.formats.json_values import Envelope, read_heads
from klavnb.formats.source import Source

__all__ = ["read", "recognises", "split"]

OWN_MESSAGES: Final = frozenset(("SCHEMA", "ACTIVATE_VERSION", "BATCH"))


def recognises(_source: Source, head: bytes) -> bool:
    """Tell whether one of the first lines is one of Singer's."""
    return any(map(_is_singer, read_heads(head)))


def _is_singer(line: Envelope) -> bool:
    is_record = line.type == "RECORD" and isinstance(line.stream, str) and is_object(line.record)
    return is_record or (isinstance(line.type, str) and line.type in OWN_MESSAGES)
