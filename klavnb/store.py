"""Whatever is given as data, as typed frames: a store, or an export in any format."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from klavnb.errors import ExportError, SettingsError, name_some
from klavnb.export import Export, find_paths, find_stores, read_store, refuse_unfinished
from klavnb.handover import find_handed_over
from klavnb.kept import find_kept_sample
from klavnb.metrics import METRICS, RENAMED_METRICS
from klavnb.remote import Place
from klavnb.settings import Settings
from klavnb.summary import renew_notes

__all__ = ["read_export"]


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
    stores = find_stores(found)
    if stores and len(found) > 1:
        raise ExportError(
            f"{name_some(stores)}: expected files of an export, found a store beside {name_some(found)}.",
            hint="Give one store by itself, or all exports at once.",
        )
    if stores:
        return read_store(stores[0]) if settings is None else _suit(stores[0], settings)
    refuse_unfinished(found)
    chosen = settings or Settings.preset("2022")
    kept = find_kept_sample(found, settings=chosen)
    if kept is not None and kept.is_whole():
        return _suit(kept.store, chosen)
    loaded = find_handed_over(found, settings=chosen)
    if loaded is not None:
        return _suit(loaded, chosen)
    from klavnb.filling import load_export  # noqa: PLC0415 - all formats, which who reads a store does not need

    return load_export(found, settings=chosen)


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
