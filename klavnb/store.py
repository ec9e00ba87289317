"""An export as typed frames, and as a store: a folder of Parquet files with a manifest, and back."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import dataframely as dy
import msgspec
import polars as pl

from klavnb.bundled import find_sample
from klavnb.cleaning import clean
from klavnb.errors import ExportError, SettingsError, StoreError, name_some
from klavnb.folders import remove_folder, remove_stale, swap_folder
from klavnb.formats import MANIFEST, MARK, STORE_FILES, is_store, list_foreign, read_files
from klavnb.metrics import METRICS, RENAMED_METRICS
from klavnb.schemas import Event, GroupMember, Message, Profile, Reject
from klavnb.settings import Settings
from klavnb.summary import LoadSummary, renew_notes, summarise
from klavnb.wording import format_count

__all__ = ["SCHEMA_VERSION", "Export", "LoadSummary", "read_export", "read_store", "write_store"]

SCHEMA_VERSION: Final = 2
SAMPLE: Final = "sample"
FRAMES: Final[dict[str, type[dy.Schema]]] = {
    "events": Event,
    "profiles": Profile,
    "messages": Message,
    "groups": GroupMember,
    "rejects": Reject,
}
RELOAD: Final = "Load the export again into this folder."
ANEW: Final = "Load the export again into another folder: this one no longer proves that klavnb wrote it."


@dataclass(frozen=True, slots=True)
class Export:
    """A Klaviyo account as exported: typed frames that hold their contracts, and how they came about."""

    events: dy.LazyFrame[Event]
    profiles: dy.LazyFrame[Profile]
    messages: dy.LazyFrame[Message]
    groups: dy.LazyFrame[GroupMember]
    rejects: dy.LazyFrame[Reject]
    summary: LoadSummary


class Manifest(msgspec.Struct, kw_only=True):
    """The manifest of a store, as its JSON has it."""

    klavnb_store: int  # the schema version
    summary: LoadSummary


def read_export(paths: str | Path | Sequence[str | Path], *, settings: Settings | None = None) -> Export:
    """Read an export, in any of its formats, or a store made from one.

    Formats are recognised by content: pages, resources or lines of Klaviyo's API as JSON, and Fivetran's
    tables as CSV or Parquet; each also gzipped. Nothing is lost unsaid: what cannot be used is a row of
    `rejects` with its reason, and what is kept in part or absent is a sentence of `summary.notes`.

    Parameters
    ----------
    paths
        A file, a folder (searched to the bottom, in the order of names, formats mixed), several of them,
        a store by itself, or the word `sample` for the sample export; a folder of that
        name needs its whole path.
    settings
        Say which metrics are about messages and which is the conversion; by default those of 2022.
        A store was typed when it was made: for it they change the notes about missing metrics only.

    Returns
    -------
    Export
        One row per event, profile, message, member of a list or segment, and reject. Times are UTC, money
        is in the row's currency. An event id that comes twice is kept once. What an export does not say is null.

    Raises
    ------
    ExportError
        When a path is missing or may not be read, a file given by name is no export, or there is not one
        event that can be used.
    StoreError
        When a store is damaged or of another version.
    SettingsError
        When the settings name metrics of messages that a store was loaded without.

    Examples
    --------
    >>> export = read_export("sample")
    >>> summary = export.summary
    >>> summary.rows_in == summary.rows_kept + sum(summary.rejected.values())
    True
    >>> export.events.select("metric").unique().collect()["metric"].is_in(["Placed Order"]).any()
    True
    """
    chosen = [paths] if isinstance(paths, str | Path) else list(paths)
    found = [find_sample() if str(path) == SAMPLE else Path(path).expanduser() for path in chosen]
    stores = [path for path in found if is_store(path)]
    if stores and len(found) > 1:
        raise ExportError(
            f"{name_some(stores)}: expected files of an export, found a store beside {name_some(found)}.",
            hint="Give one store by itself, or all exports at once.",
        )
    if stores:
        return read_store(stores[0]) if settings is None else _suit(stores[0], settings)
    return _load(found, settings or Settings.preset("2022"))


def _suit(store: Path, settings: Settings) -> Export:
    """Read a store for some settings, unless they name metrics of messages that it was not loaded with."""
    export = read_store(store)
    summary = export.summary
    loaded = {RENAMED_METRICS.get(name, name): role for name, role in summary.named_metrics.items()}
    named = {RENAMED_METRICS.get(name, name) for name in settings.metrics} & summary.metrics.keys()
    other = sorted(name for name in named if settings.roles[name] != {**METRICS, **loaded}.get(name))
    if other:
        raise SettingsError(
            f"The settings name metrics ({name_some(other)}) that are in the store {store}, but the store was loaded "
            "without them, so it does not know their messages.",
            hint="Load the export again with --settings FILE.",
        )
    return replace(export, summary=renew_notes(summary, settings=settings))


def _load(paths: Sequence[Path], settings: Settings) -> Export:
    files = read_files(paths)
    cleaned = clean(files.raw, settings=settings)
    summary = summarise(files, cleaned, settings=settings)
    if not summary.rows_kept:
        rejected = [f"{reason}: {count}" for reason, count in summary.rejected.items()]
        found = f"{summary.rows_in} of which none can be used ({name_some(rejected)})" if rejected else "none"
        profiles = format_count(summary.count_profiles, "profile")
        others = f" It holds {profiles}, but without events nothing can be attributed."
        raise ExportError(
            f"{name_some([path.name or str(path) for path in paths])}: expected events, found {found}."
            f"{others if summary.count_profiles else ''}",
            hint="Export the events too, each with its id, profile, metric and time (Klaviyo's Get Events).",
        )
    return Export(
        cleaned.events.lazy(),
        cleaned.profiles.lazy(),
        cleaned.messages.lazy(),
        cleaned.groups.lazy(),
        cleaned.rejects.lazy(),
        summary,
    )


def write_store(export: Export, folder: str | Path) -> None:
    """Write an export into a folder as a store: zstd Parquet files, and a manifest.

    Everything is written beside the folder and swapped in at the end, so that a store that was there
    before stays whole whatever happens. Its sources are named by their base names only.

    Raises
    ------
    StoreError
        When the folder holds anything but a store's own files, or it cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> export = read_export("sample")
    >>> with TemporaryDirectory() as folder:
    ...     write_store(export, f"{folder}/store")
    ...     read_export(f"{folder}/store").summary == export.summary
    True
    """
    target = Path(folder).expanduser().resolve()
    try:
        _refuse_foreign(target)
        remove_stale(target, known=STORE_FILES)
        beside = target.with_name(f".{target.name}.new-{os.getpid()}")
        former = target.with_name(f".{target.name}.former-{os.getpid()}")
        try:
            beside.mkdir(parents=True)
            for name, frame in _frames(export).items():
                _write_frame(frame, beside / f"{name}.parquet")
            manifest = msgspec.json.encode(Manifest(klavnb_store=SCHEMA_VERSION, summary=export.summary))
            (beside / MANIFEST).write_bytes(msgspec.json.format(manifest, indent=2))
            swap_folder(beside, target, former)
        finally:
            remove_folder(beside)
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise StoreError(
            f"The store {target} could not be written: {error}. What was there before is untouched.",
            hint="Make room, or choose a folder that can be written.",
        ) from error


def _refuse_foreign(target: Path) -> None:
    if not target.exists():
        return
    foreign = list_foreign(target) if target.is_dir() else ["a file"]
    if foreign:
        raise StoreError(
            f"{target}: expected a store, an empty folder or none, found something else: {name_some(foreign)}.",
            hint="Choose another folder: nothing that klavnb did not write is overwritten.",
        )


def _frames(export: Export) -> dict[str, pl.LazyFrame]:
    return {name: getattr(export, name) for name in FRAMES}


def _write_frame(frame: pl.LazyFrame, path: Path) -> None:
    frame.sink_parquet(path, compression="zstd")


def read_store(folder: str | Path) -> Export:
    """Read a store as lazy frames: nothing but its manifest and the files' ends is read until it is asked for.

    Raises
    ------
    StoreError
        When there is none, it is of another version, or one of its files is missing or damaged.
    """
    store = Path(folder).expanduser()
    manifest = _read_manifest(store)
    return Export(
        Event.cast(_scan(store, "events")),
        Profile.cast(_scan(store, "profiles")),
        Message.cast(_scan(store, "messages")),
        GroupMember.cast(_scan(store, "groups")),
        Reject.cast(_scan(store, "rejects")),
        manifest.summary,
    )


def _read_manifest(store: Path) -> Manifest:
    try:
        content = (store / MANIFEST).read_bytes()
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
        raise StoreError(f"{store / MANIFEST}: expected the manifest of a store; {error}.", hint=ANEW) from error


def _scan(store: Path, name: str) -> pl.LazyFrame:
    path = store / f"{name}.parquet"
    try:
        found = dict(pl.read_parquet_schema(path))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"{path}: expected a table of the store, found none or a damaged one.", hint=RELOAD) from error
    expected = dict(FRAMES[name].create_empty().schema)
    if found != expected:
        differing = [column for column in {**expected, **found} if expected.get(column) != found.get(column)]
        raise StoreError(f"{path}: the columns {name_some(differing)} are not those of this version.", hint=RELOAD)
    return pl.scan_parquet(path)
