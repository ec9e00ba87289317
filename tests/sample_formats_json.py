"""An export of API pages, such as the sample, written anew in each of the other shapes of JSON."""

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Raw

STREAMS = {
    "event": "events",
    "profile": "profiles",
    "metric": "metrics",
    "campaign": "campaigns",
    "campaign-message": "campaign_messages",
    "flow": "flows",
    "flow-action": "flow_actions",
    "flow-message": "flow_messages",
    "list": "lists",
    "segment": "segments",
    "attribution": "attributions",
}
MEMBERS = "list-*.json*"
"""Answers about the profiles of a list: their own address says of which, so that they go as they are."""


class Resource(NamedTuple):
    """A resource, to the letter."""

    type: str
    raw: bytes


class _Page(msgspec.Struct):
    data: list[Raw]
    included: list[Raw] = []


class _Type(msgspec.Struct):
    type: str


def list_resources(export: Path) -> Iterator[Resource]:
    """List the resources of an export of pages, each once."""
    said: set[bytes] = set()
    members = set(export.glob(MEMBERS))
    for path in sorted(set(export.glob("*.json*")) - members):
        page = msgspec.json.decode(_unpack(path), type=_Page)
        for raw in map(bytes, [*page.data, *page.included]):
            if raw not in said:
                said.add(raw)
                yield Resource(msgspec.json.decode(raw, type=_Type).type, raw)


def write_jsonl(export: Path, folder: Path) -> Path:
    """Write one resource a line."""
    return _write(export, folder, "resources.jsonl", [each.raw for each in list_resources(export)])


def write_array(export: Path, folder: Path) -> Path:
    """Write all resources as one array."""
    text = b"[" + b",\n".join(each.raw for each in list_resources(export)) + b"]"
    return _write(export, folder, "resources.json", [text])


def write_airbyte(export: Path, folder: Path) -> Path:
    """Write Airbyte's lines."""
    lines = [
        b'{"stream": "%s", "data": %s, "emitted_at": 1663367156487}' % (STREAMS[each.type].encode(), each.raw)
        for each in list_resources(export)
    ]
    return _write(export, folder, "airbyte.jsonl", lines)


def write_airbyte_messages(export: Path, folder: Path) -> Path:
    """Write the messages of Airbyte's connector, other messages between the records."""
    records = [
        b'{"type": "RECORD", "record": {"stream": "%s", "data": %s, "emitted_at": 1663367156487}}'
        % (STREAMS[each.type].encode(), each.raw)
        for each in list_resources(export)
    ]
    log = b'{"type": "LOG", "log": {"level": "INFO", "message": "Syncing stream: events"}}'
    state = b'{"type": "STATE", "state": {"type": "STREAM", "stream": {}}}'
    return _write(export, folder, "airbyte-messages.jsonl", [log, *records, state])


def write_airbyte_files(export: Path, folder: Path) -> Path:
    """Write the lines of the files of Airbyte's destinations."""
    lines = [
        b'{"_airbyte_raw_id": "0-%d", "_airbyte_extracted_at": 1663367156487, "_airbyte_data": %s}' % (number, each.raw)
        for number, each in enumerate(list_resources(export))
    ]
    return _write(export, folder, "airbyte-files.jsonl", lines)


def write_singer(export: Path, folder: Path) -> Path:
    """Write Singer's messages."""
    said: set[str] = set()
    lines: list[bytes] = []
    for each in list_resources(export):
        stream = STREAMS[each.type]
        if stream not in said:
            said.add(stream)
            lines.append(msgspec.json.encode({"type": "SCHEMA", "stream": stream, "schema": {}, "key_properties": []}))
        lines.append(b'{"type": "RECORD", "stream": "%s", "record": %s}' % (stream.encode(), each.raw))
    return _write(export, folder, "singer.jsonl", [*lines, b'{"type": "STATE", "value": {"bookmarks": {}}}'])


def _write(export: Path, folder: Path, name: str, lines: Sequence[bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"\n".join(lines) + b"\n")
    for path in export.glob(MEMBERS):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def _unpack(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


WRITERS: Mapping[str, Callable[[Path, Path], Path]] = {
    "jsonl": write_jsonl,
    "array": write_array,
    "airbyte": write_airbyte,
    "airbyte messages": write_airbyte_messages,
    "airbyte files": write_airbyte_files,
    "singer": write_singer,
}
"""Name → the function that writes an export of pages in that shape into a folder."""
