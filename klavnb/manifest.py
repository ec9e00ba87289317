"""The manifest of a store, and the frames that it names: files of Parquet, here or in an object store."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Final

import dataframely as dy
import msgspec
import polars as pl

from klavnb.errors import StoreError, name_some
from klavnb.formats.contract import build
from klavnb.formats.folders import MANIFEST, MARK
from klavnb.remote import Place, join, read_bytes, scan_parts, to_place
from klavnb.schemas import CampaignTotal, Event, GroupMember, Message, Profile, Reject
from klavnb.summary import LoadSummary
from klavnb.tally import Tally

__all__ = [
    "SCHEMA_VERSION",
    "EventFile",
    "Manifest",
    "list_event_files",
    "read_manifest",
    "scan_events",
    "scan_frame",
]

SCHEMA_VERSION: Final = 3
FRAMES: Final[dict[str, type[dy.Schema]]] = {
    "events": Event,
    "profiles": Profile,
    "messages": Message,
    "groups": GroupMember,
    "totals": CampaignTotal,
    "rejects": Reject,
}
AT_ONCE: Final = 16
"""Files elsewhere whose ends are read at once."""

RELOAD: Final = "Load the export again into this folder."
ANEW: Final = "Load the export again into another folder: this one no longer proves that klavnb wrote it."


class EventFile(msgspec.Struct):
    """One file of events of a store, and what was counted in it."""

    name: str
    tally: Tally


class Manifest(msgspec.Struct, kw_only=True):
    """The manifest of a store, as its JSON has it."""

    klavnb_store: int  # the schema version
    data: str  # the folder beside it in which the frames are
    events: list["EventFile"]  # in the order of time
    profiles: list[str]
    summary: LoadSummary


def list_event_files(folder: str | Path) -> list[EventFile]:
    """List the files of events of a store, in the order of time, with what was counted in each.

    Raises
    ------
    StoreError
        When there is no store, or it is of another version.
    """
    return read_manifest(to_place(folder)).events


def scan_events(
    folder: str | Path, *, first: datetime | None = None, end: datetime | None = None
) -> dy.LazyFrame[Event]:
    """Scan events of a store, from the files that hold any of the time asked for.

    Parameters
    ----------
    folder
        The store, or its address in an object store.
    first, end
        The first instant, and the first that is no longer in; None: from the beginning, to the end.

    Raises
    ------
    StoreError
        When there is no store, it is of another version, or one of these files is missing or damaged.
    """
    store = to_place(folder)
    manifest = read_manifest(store)
    files = [
        file.name
        for file in manifest.events
        if (end is None or file.tally.first_event_at is None or file.tally.first_event_at < end)
        and (first is None or file.tally.last_event_at is None or file.tally.last_event_at >= first)
    ]
    scanned = scan_frame(join(store, manifest.data), "events", files)
    if first is not None:
        scanned = scanned.filter(pl.col("occurred_at") >= first)
    if end is not None:
        scanned = scanned.filter(pl.col("occurred_at") < end)
    return Event.cast(scanned)


def read_manifest(store: Place) -> Manifest:
    """Read the manifest of a store.

    Raises
    ------
    StoreError
        When there is no store, its manifest is damaged, or it is of another version.
    """
    try:
        content = read_bytes(join(store, MANIFEST))
        version = msgspec.json.decode(content, type=dict[str, object]).get(MARK)
        if version != SCHEMA_VERSION:
            raise StoreError(
                f"{store}: expected a store of version {SCHEMA_VERSION}, found version {version}.",
                hint="Load the export again: this klavnb cannot read it.",
            )
        return msgspec.json.decode(content, type=Manifest)
    except OSError as error:
        raise StoreError(
            f"{store}: expected a store, found no {MANIFEST}.",
            hint="Make one with klavnb load.",
        ) from error
    except msgspec.DecodeError as error:
        raise StoreError(f"{join(store, MANIFEST)}: expected the manifest of a store; {error}.", hint=ANEW) from error


def scan_frame(data: Place, name: str, files: Sequence[str] | None) -> pl.LazyFrame:
    """Scan a frame: one file of its name, or those in the folder of its name.

    Raises
    ------
    StoreError
        When one of the files is missing, damaged or of other columns.
    """
    paths = [join(data, f"{name}.parquet")] if files is None else [join(data, name, file) for file in files]
    nothing = build(FRAMES[name])
    expected = dict(nothing.schema)
    for path, found in _read_schemas(paths):
        if found != expected:
            differing = [column for column in {**expected, **found} if expected.get(column) != found.get(column)]
            raise StoreError(f"{path}: the columns {name_some(differing)} are not those of this version.", hint=RELOAD)
    return scan_parts(paths) if paths else nothing.lazy()


def _read_schemas(paths: Sequence[Place]) -> Iterator[tuple[Place, dict[str, pl.DataType]]]:
    """Read the columns of files, those elsewhere several at once: each takes two questions."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        far = any(isinstance(path, str) for path in paths)
        yield from zip(paths, (threads.map if far else map)(_read_schema, paths), strict=True)


def _read_schema(path: Place) -> dict[str, pl.DataType]:
    try:
        return dict(pl.scan_parquet(path, glob=False).collect_schema())
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"{path}: expected a table of the store, found none or a damaged one.", hint=RELOAD) from error
