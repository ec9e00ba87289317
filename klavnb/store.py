"""An export as typed frames, and as a store: a folder of Parquet files with a manifest, and back."""

import atexit
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

import dataframely as dy
import msgspec
import polars as pl

from klavnb.bundled import SAMPLE, find_sample
from klavnb.cluster import Cluster
from klavnb.errors import ExportError, SettingsError, StoreError, name_some
from klavnb.files import PART
from klavnb.folders import remove_folder
from klavnb.formats import DatabaseSource, is_address
from klavnb.formats.contract import build
from klavnb.formats.folders import DATA, LOCK, is_store
from klavnb.handover import find_handed_over
from klavnb.kept import find_kept_sample
from klavnb.layout import commit, new_data
from klavnb.loading import (
    ASIDE,
    NO_PROGRESS,
    Base,
    BaseFile,
    Loaded,
    LoadOptions,
    Progress,
    load,
    plan_slices,
    write_events,
)
from klavnb.manifest import (
    SCHEMA_VERSION,
    EventFile,
    Manifest,
    list_event_files,
    read_manifest,
    scan_events,
    scan_frame,
)
from klavnb.metrics import METRICS, RENAMED_METRICS
from klavnb.remote import Place, RemoteSource, fetch, is_in_object_store, join, to_place
from klavnb.schemas import CampaignTotal, Event, GroupMember, Message, Profile, Reject
from klavnb.settings import Settings
from klavnb.staging import fetch_sources, stage_store
from klavnb.summary import LoadSummary, count_doubled_orders, renew_notes, summarise
from klavnb.tally import tally_events
from klavnb.wording import format_count

__all__ = [
    "SCHEMA_VERSION",
    "EventFile",
    "Export",
    "LoadSummary",
    "find_paths",
    "list_event_files",
    "load_store",
    "read_export",
    "read_store",
    "scan_events",
    "write_store",
]

DEFAULT_OPTIONS: Final = LoadOptions(max_rejects=0.05)
OF_THE_SYSTEM: Final = "os error"
"""What polars says of a failure of the system, such as a full disk, whichever of its errors it raises."""

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


def read_export(paths: str | Path | Sequence[str | Path], *, settings: Settings | None = None) -> Export:
    """Read an export, in any of its formats, or a store made from one.

    Formats are recognised by content: pages, resources or lines of Klaviyo's API as JSON, and Fivetran's
    tables as CSV or Parquet; each also gzipped. Nothing is lost unsaid: what cannot be used is a row of
    `rejects` with its reason, and what is kept in part or absent is a sentence of `summary.notes`.

    Parameters
    ----------
    paths
        A file, a folder (searched to the bottom, in the order of names, formats mixed), several of them,
        a store by itself, the address of a PostgreSQL database with Fivetran's tables in a schema `klaviyo`
        (`postgresql://…`; `load_store` takes other schemas), or the word `sample` for the sample export; a
        folder of that name needs its whole path. Files, folders and stores may be elsewhere, `s3://bucket/folder`,
        or at any other address that fsspec knows: stores in object stores are read there, as far as they are asked
        for; all else is copied into a temporary folder first.
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
    found = find_paths(paths)
    stores = _find_stores(found)
    if stores and len(found) > 1:
        raise ExportError(
            f"{name_some(stores)}: expected files of an export, found a store beside {name_some(found)}.",
            hint="Give one store by itself, or all exports at once.",
        )
    if stores:
        return read_store(stores[0]) if settings is None else _suit(stores[0], settings)
    _refuse_unfinished(found)
    chosen = settings or Settings.preset("2022")
    loaded = find_kept_sample(found, settings=chosen)
    if loaded is not None and is_store(loaded):
        with suppress(StoreError):  # whoever cleans a cache may have taken a part of it
            return _suit(loaded, chosen)
    loaded = find_handed_over(found, settings=chosen)
    if loaded is not None:
        return _suit(loaded, chosen)
    with fetch_sources(found) as here:
        return _load(here, chosen)


def find_paths(paths: str | Path | Sequence[str | Path], *, options: LoadOptions = DEFAULT_OPTIONS) -> list[Found]:
    """Find what is meant by the paths of an export: files, folders, here or elsewhere, databases, the sample.

    Examples
    --------
    >>> find_paths(["exports/2026", "sample"])[1].name
    'sample'
    """
    return [_find_one(path, options) for path in ([paths] if isinstance(paths, str | Path) else paths)]


def _find_one(path: str | Path, options: LoadOptions) -> Found:
    if isinstance(path, str) and is_address(path):
        return DatabaseSource(path, options.schema)
    place = find_sample() if str(path) == SAMPLE else to_place(path)
    return RemoteSource(place) if isinstance(place, str) else place


def _find_stores(found: Sequence[Found]) -> list[Place]:
    places = [path.address if isinstance(path, RemoteSource) else path for path in found]
    return [place for place in places if not isinstance(place, DatabaseSource) and is_store(place)]


def _refuse_unfinished(paths: Sequence[Found]) -> None:
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


def _suit(store: Place, settings: Settings) -> Export:
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


def _load(paths: Sequence[Path | DatabaseSource], settings: Settings) -> Export:
    """Read an export into memory."""
    loaded = load(paths, settings=settings, options=LoadOptions())
    return Export(
        Event.cast(_join(Event, [events for events, _ in loaded.events])),
        Profile.cast(_join(Profile, loaded.profiles)),
        Message.cast(loaded.messages.lazy()),
        GroupMember.cast(loaded.groups.lazy()),
        Reject.cast(loaded.rejects.collect().lazy()),
        _summarise(loaded, paths, settings),
        CampaignTotal.cast(loaded.totals.lazy()),
    )


def _scan_held(events: pl.DataFrame | Path) -> pl.LazyFrame:
    return events.lazy() if isinstance(events, pl.DataFrame) else pl.scan_parquet(events, glob=False)


def _join(schema: type[dy.Schema], frames: Sequence[pl.DataFrame | Path]) -> pl.LazyFrame:
    held = [frame for frame in frames if isinstance(frame, pl.DataFrame)]
    return pl.concat([build(schema), *held]).lazy()


def _summarise(loaded: Loaded, paths: Sequence[Path | DatabaseSource], settings: Settings) -> LoadSummary:
    frames = [_scan_held(events) for events, _ in loaded.events]
    events = pl.concat([build(Event).lazy(), *frames])
    summary = summarise(
        loaded.tally,
        sources=loaded.sources,
        skipped=loaded.skipped,
        count_profiles=loaded.count_profiles,
        count_messages=loaded.messages.height,
        digests=loaded.digests,
        metric_names=loaded.metric_names,
        count_doubled=count_doubled_orders(events, settings=settings),
        settings=settings,
    )
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
    return summary


def load_store(
    paths: str | Path | Sequence[str | Path],
    folder: str | Path,
    *,
    settings: Settings | None = None,
    options: LoadOptions | None = None,
    append: bool = False,
    cluster: Cluster | None = None,
    progress: Progress = NO_PROGRESS,
) -> Export:
    """Load an export of any size into a store, in bounded memory.

    The store has one Parquet file per month of events, or several where a month is large, in the order of time and
    id, each touch with its receipt; profiles, messages, members of groups and rejects; and a manifest. It is written
    beside what was there before and takes its place at one moment: until then, and whatever happens, the former
    store is whole.

    Parameters
    ----------
    paths
        As for `read_export`; no stores.
    folder
        Where the store is, or shall be. One elsewhere (`s3://bucket/store`) is made in a temporary folder first,
        for which there must be room, and then sent; the former one is whole until its manifest is replaced. Nothing
        locks it: load into it once at a time.
    settings
        As for `read_export`.
    options
        What happens to what cannot be used, and how many processes work; unless given, what cannot be used is set
        aside, up to 5 % of the records, and one process works.
    append
        Add the export to the store that is in the folder, if there is one, instead of replacing it. An event that
        comes again, a profile of the same or a later state, and an answer about a list or segment are the later
        word. Only the files of months that change are written anew. Settings that name metrics must be those that
        the store was loaded with.
    cluster
        The cluster whose workers do the work, instead of processes of this one: see `klavnb.cluster.open_cluster`.
        All of them must reach the export and the store under the same paths, and the folder for temporary files if
        one of these is elsewhere. The store is the same, whoever makes it.
    progress
        Is told the step, how much of it is done (0 to 1), and the events so far.

    Returns
    -------
    Export
        The store.

    Raises
    ------
    ExportError
        As for `read_export`; and when more was set aside than the options allow.
    StoreError
        When the folder holds anything but a store's own files, another load is writing it, or it cannot be written.
    KlavnbError
        When an address does not answer, or a worker of the cluster does not reach the files.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     stored = load_store("sample", f"{folder}/store")
    >>> stored.summary == read_export("sample").summary
    True
    """
    chosen = settings or Settings.preset("2022")
    how = options or DEFAULT_OPTIONS
    found = find_paths(paths, options=how)
    stores = _find_stores(found)
    if stores:
        raise ExportError(f"{name_some(stores)}: expected an export, found a store.", hint="It is loaded already.")
    _refuse_unfinished(found)
    place = to_place(folder)
    with fetch_sources(found) as here:
        if isinstance(place, Path):
            _fill(place.resolve(), here, chosen, how, append=append, cluster=cluster, progress=progress)
        else:
            with stage_store(place, is_added=append) as store:
                _fill(store, here, chosen, how, append=append, cluster=cluster, progress=progress)
    return read_store(place)


def _fill(
    store: Path,
    paths: Sequence[Path | DatabaseSource],
    settings: Settings,
    options: LoadOptions,
    *,
    append: bool,
    cluster: Cluster | None,
    progress: Progress,
) -> None:
    """Load files into a store of this machine."""
    if cluster is not None:  # workers may be in other folders
        paths = [path.absolute() if isinstance(path, Path) else path for path in paths]
        _refuse_databases(paths)
    with _say_what_failed(store), new_data(store) as data:
        if cluster is not None:
            cluster.check_paths([path for path in paths if isinstance(path, Path)], writable=data)
        base = _open_base(store, settings) if append and is_store(store) else None
        loaded = load(
            paths, settings=settings, options=options, folder=data, base=base, cluster=cluster, progress=progress
        )
        summary = _summarise(loaded, paths, settings)
        for name, frame in (("messages", loaded.messages), ("groups", loaded.groups), ("totals", loaded.totals)):
            _write_frame(frame.lazy(), data / f"{name}.parquet")
        _write_frame(loaded.rejects, data / "rejects.parquet")
        remove_folder(data / ASIDE)
        for left in (data / "events").glob(f".*{PART}"):  # what a lost worker had begun
            left.unlink()
        _commit(data, [EventFile(Path(str(path)).name, tally) for path, tally in loaded.events], summary)


def _refuse_databases(paths: Sequence[Path | DatabaseSource]) -> None:
    found = [path for path in paths if isinstance(path, DatabaseSource)]
    if found:
        raise ExportError(
            f"{name_some(found)}: a database is not read by a cluster, whose workers do not have its password.",
            hint="Load it without --cluster.",
        )


def _open_base(store: Path, settings: Settings) -> Base:
    """Open a store that is added to."""
    export = read_store(store)
    if dict(export.summary.named_metrics) != dict(settings.metrics):
        raise SettingsError(
            f"{store}: expected the metric names with which the store was loaded, found other ones.",
            hint="Append with the same settings file, or load everything again.",
        )
    manifest = read_manifest(store)
    folder = store / manifest.data / "events"
    return Base(
        files=tuple(
            BaseFile(folder / file.name, date.fromisoformat(Path(file.name).stem), file.tally)
            for file in manifest.events
        ),
        profiles=export.profiles,
        messages=export.messages.collect(),
        groups=export.groups.collect(),
        totals=export.totals.collect(),
        rejects=export.rejects,
        metric_names=export.summary.metric_names,
        sources=export.summary.sources,
        tally=export.summary.tally,
    )


def write_store(export: Export, folder: str | Path) -> None:
    """Write an export that is in memory, or a store, into a folder as a store: see `load_store`.

    Raises
    ------
    StoreError
        When the folder holds anything but a store's own files, another load is writing it, or it cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> export = read_export("sample")
    >>> with TemporaryDirectory() as folder:
    ...     write_store(export, f"{folder}/store")
    ...     read_export(f"{folder}/store").summary == export.summary
    True
    """
    place = to_place(folder)
    if isinstance(place, Path):
        _write_here(export, place.resolve())
        return
    with stage_store(place, is_added=False) as store:
        _write_here(export, store)


def _write_here(export: Export, store: Path) -> None:
    with _say_what_failed(store), new_data(store) as data:
        (data / "events").mkdir()
        (data / "profiles").mkdir()
        day = pl.col("occurred_at").dt.date()
        days = export.events.group_by(day=day).agg(count_events=pl.len()).sort("day").collect(engine="streaming")
        files: list[EventFile] = []
        for first, last in plan_slices(days):
            events = export.events.filter(day.is_between(first, last)).sort("occurred_at", "event_id").collect()
            files.append(EventFile(write_events(events, data / "events").name, tally_events(events)))
        _write_frame(export.profiles, data / "profiles" / "0000.parquet")
        for name in ("messages", "groups", "totals", "rejects"):
            _write_frame(getattr(export, name), data / f"{name}.parquet")
        _commit(data, files, export.summary)


@contextmanager
def _say_what_failed(store: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        if not isinstance(error, OSError) and OF_THE_SYSTEM not in str(error):
            raise
        raise StoreError(
            f"The store {store} could not be written: {error}. What was there before is untouched.",
            hint="Make room, or choose a folder that can be written.",
        ) from error


def _commit(data: Path, events: list[EventFile], summary: LoadSummary) -> None:
    profiles = sorted(path.name for path in (data / "profiles").iterdir())
    manifest = Manifest(klavnb_store=SCHEMA_VERSION, data=data.name, events=events, profiles=profiles, summary=summary)
    commit(data, msgspec.json.format(msgspec.json.encode(manifest), indent=2))


def _write_frame(frame: pl.LazyFrame, path: Path) -> None:
    frame.sink_parquet(path, compression="zstd")


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
