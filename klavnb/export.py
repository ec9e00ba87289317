"""An account as it was exported: its typed frames, where they may lie, and those of a store."""

import atexit
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import dataframely as dy

from klavnb.bundled import SAMPLE, find_sample
from klavnb.errors import ExportError
from klavnb.formats import FIVETRAN, DatabaseSource, is_address
from klavnb.formats.folders import DATA, LOCK, is_store
from klavnb.manifest import read_manifest, scan_frame
from klavnb.remote import Place, RemoteSource, fetch, is_in_object_store, join, to_place
from klavnb.schemas import CampaignTotal, Event, GroupMember, Message, Profile, Reject
from klavnb.summary import LoadSummary

__all__ = ["Export", "Found", "find_paths", "find_stores", "read_store", "refuse_unfinished"]

Found: TypeAlias = Path | DatabaseSource | RemoteSource
"""What may be meant by a path of an export."""


@dataclass(frozen=True, slots=True)
class Export:
    """A Klaviyo account as exported: typed frames that hold their contracts, and how they came about."""

    events: dy.LazyFrame[Event]
    profiles: dy.LazyFrame[Profile]
    messages: dy.LazyFrame[Message]
    groups: dy.LazyFrame[GroupMember]
    rejects: dy.LazyFrame[Reject]
    summary: LoadSummary
    totals: dy.LazyFrame[CampaignTotal] = field(default_factory=lambda: CampaignTotal.create_empty(lazy=True))


def read_store(folder: str | Path) -> Export:
    """Read a store as lazy frames: nothing but its manifest and the files' ends is read until it is asked for.

    Parameters
    ----------
    folder
        The folder, or its address. What polars cannot read where it is, which is all but object stores, is copied into
        a temporary folder, which goes when the process ends.

    Raises
    ------
    StoreError
        When there is none, it is of another version, or one of its files is missing or damaged.
    """
    store = to_place(folder)
    manifest = read_manifest(store)
    if isinstance(store, str) and not is_in_object_store(store):
        copy = TemporaryDirectory(prefix="klavnb-")
        atexit.register(copy.cleanup)
        store = fetch(store, Path(copy.name))
    data = join(store, manifest.data)
    return Export(
        Event.cast(scan_frame(data, "events", [file.name for file in manifest.events])),
        Profile.cast(scan_frame(data, "profiles", manifest.profiles)),
        Message.cast(scan_frame(data, "messages", None)),
        GroupMember.cast(scan_frame(data, "groups", None)),
        Reject.cast(scan_frame(data, "rejects", None)),
        manifest.summary,
        CampaignTotal.cast(scan_frame(data, "totals", None)),
    )


def find_paths(paths: str | Path | Sequence[str | Path], *, schema: str = FIVETRAN) -> list[Found]:
    """Find what is meant by the paths of an export: files, folders, here or elsewhere, databases, the sample.

    Examples
    --------
    >>> find_paths(["exports/2026", "sample"])[1].name
    'sample'
    """
    return [_find_one(path, schema) for path in ([paths] if isinstance(paths, str | Path) else paths)]


def _find_one(path: str | Path, schema: str) -> Found:
    if isinstance(path, str) and is_address(path):
        return DatabaseSource(path, schema)
    place = find_sample() if str(path) == SAMPLE else to_place(path)
    return RemoteSource(place) if isinstance(place, str) else place


def find_stores(found: Sequence[Found]) -> list[Place]:
    """Find those that are stores."""
    places = [path.address if isinstance(path, RemoteSource) else path for path in found]
    return [place for place in places if not isinstance(place, DatabaseSource) and is_store(place)]


def refuse_unfinished(paths: Sequence[Found]) -> None:
    """Refuse folders that hold nothing but what a first load had written when it was ended."""
    for path in paths:
        try:
            names = [entry.name for entry in path.iterdir()] if isinstance(path, Path) else []
        except OSError:  # a file; or what may not be read, which is told later
            continue
        shown = [name for name in names if not name.startswith(".")]
        is_begun = LOCK in names or bool(shown)
        if is_begun and all(DATA.fullmatch(name) for name in shown):
            raise ExportError(
                f"{path}: expected an export or a store, found no file but those of a store whose first load was ended "
                "before it was whole, or is still going on.",
                hint=f"Load the export again (klavnb load EXPORT --out {path}); what is left over is removed then.",
            )
