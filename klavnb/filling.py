"""An export → typed frames in memory, or a store: a folder of Parquet files with a manifest."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

import dataframely as dy
import msgspec
import polars as pl

from klavnb.cluster import Cluster
from klavnb.errors import ExportError, SettingsError, StoreError, name_some
from klavnb.export import Export, Found, find_paths, find_stores, read_store, refuse_unfinished
from klavnb.files import PART
from klavnb.folders import remove_folder
from klavnb.formats import DatabaseSource
from klavnb.formats.contract import build
from klavnb.formats.folders import is_store
from klavnb.layout import commit, new_data
from klavnb.loading import ASIDE, Base, BaseFile, Loaded, LoadOptions, load, plan_slices, write_events
from klavnb.manifest import SCHEMA_VERSION, EventFile, Manifest, read_manifest
from klavnb.progress import NO_PROGRESS, Progress
from klavnb.remote import to_place
from klavnb.schemas import CampaignTotal, Event, GroupMember, Message, Profile, Reject
from klavnb.settings import Settings
from klavnb.staging import fetch_sources, stage_store
from klavnb.summary import LoadSummary, count_doubled_orders, summarise
from klavnb.tally import tally_events
from klavnb.wording import format_count

__all__ = ["load_export", "load_store", "write_store"]

DEFAULT_OPTIONS: Final = LoadOptions(max_rejects=0.05)
OF_THE_SYSTEM: Final = "os error"
"""What polars says of a failure of the system, such as a full disk, whichever of its errors it raises."""


def load_export(found: Sequence[Found], *, settings: Settings) -> Export:
    """Load an export into memory.

    Parameters
    ----------
    found
        The files, folders and databases, as `find_paths` gives them.
    settings
        As for `klavnb.read_export`.

    Raises
    ------
    ExportError
        As there.
    """
    with fetch_sources(found) as paths:
        loaded = load(paths, settings=settings, options=LoadOptions())
        summary = _summarise(loaded, paths, settings)
    return Export(
        Event.cast(_join(Event, [events for events, _ in loaded.events])),
        Profile.cast(_join(Profile, loaded.profiles)),
        Message.cast(loaded.messages.lazy()),
        GroupMember.cast(loaded.groups.lazy()),
        Reject.cast(loaded.rejects.collect().lazy()),
        summary,
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
    >>> from klavnb.store import read_export
    >>> with TemporaryDirectory() as folder:
    ...     stored = load_store("sample", f"{folder}/store")
    >>> stored.summary == read_export("sample").summary
    True
    """
    chosen = settings or Settings.preset("2022")
    how = options or DEFAULT_OPTIONS
    found = find_paths(paths, schema=how.schema)
    stores = find_stores(found)
    if stores:
        raise ExportError(f"{name_some(stores)}: expected an export, found a store.", hint="It is loaded already.")
    refuse_unfinished(found)
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
    >>> from klavnb.store import read_export
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
