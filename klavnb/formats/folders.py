"""The files of an export: what lies in the folders that were asked for; and which folders are stores."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from klavnb.errors import ExportError
from klavnb.formats.source import UNREADABLE, Source

__all__ = ["MANIFEST", "MARK", "STORE_FILES", "is_store", "list_foreign", "list_sources"]

MANIFEST: Final = "manifest.json"
MARK: Final = "klavnb_store"
"""The file, and its key, that make a folder a store; a store among the files of an export is passed over."""

STORE_FILES: Final = frozenset(
    {
        *(f"{name}.parquet" for name in ("events", "profiles", "messages", "groups", "rejects")),
        MANIFEST,
    }
)
"""All that a store is made of."""


def is_store(folder: Path) -> bool:
    """Tell whether a folder is a store that klavnb wrote; one whose manifest is damaged is one too."""
    try:
        content = (folder / MANIFEST).read_bytes()
    except OSError:
        return False
    version = _read_version(content)
    return isinstance(version, int) or (version is None and f'"{MARK}"'.encode() in content)


def list_foreign(folder: Path) -> list[str]:
    """List what a folder holds beside a store's own files; all of it where no manifest says that it is one."""
    entries = sorted(folder.iterdir())
    try:
        is_ours = isinstance(_read_version((folder / MANIFEST).read_bytes()), int)
    except OSError:
        is_ours = False
    return [entry.name for entry in entries if not (is_ours and entry.name in STORE_FILES and entry.is_file())]


def _read_version(content: bytes) -> object:
    """Return the version that a manifest gives, or words where it gives none; None where it is no JSON."""
    try:
        manifest: object = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    version = manifest.get(MARK) if isinstance(manifest, dict) else None
    return version if isinstance(version, int) and not isinstance(version, bool) else "no version"


def list_sources(paths: Iterable[Path]) -> tuple[list[Source], list[str]]:
    """List the files under some paths, each once, and the stores that are passed over.

    Raises
    ------
    ExportError
        When a path is missing, or a folder cannot be read: what lies in it would be lost unsaid.
    """
    sources: dict[Path, Source] = {}
    skipped: list[str] = []
    for path in paths:
        if path.is_file():
            sources.setdefault(path.resolve(), Source(path, path.name))
        elif path.is_dir():
            files, stores = _walk(path)
            skipped += [f"{store.relative_to(path)} (a store of klavnb)" for store in stores]
            for found in files:
                sources.setdefault(found.resolve(), Source(found, found.relative_to(path).as_posix()))
        else:
            raise ExportError(
                f"There is no file or folder {path}.",
                hint="Give the way to the files of a Klaviyo export, or the word sample.",
            )
    return _tell_apart(list(sources.values())), skipped


def _walk(top: Path) -> tuple[list[Path], list[Path]]:
    """Return the files of a folder to its bottom, by name, and the stores in it; nothing that is hidden."""
    files: list[Path] = []
    stores: list[Path] = []
    try:
        for place, folders, names in os.walk(top, onerror=_fail):
            folder = Path(place)
            if is_store(folder):
                stores.append(folder)
                folders.clear()
                continue
            folders[:] = [name for name in folders if not name.startswith(".")]
            files += [folder / name for name in names if not name.startswith(".") and (folder / name).is_file()]
    except OSError as error:
        raise ExportError(
            f"{error.filename or top}: expected a folder that can be read, found: {error.strerror or error}.",
            hint=UNREADABLE,
        ) from error
    return sorted(files), sorted(stores)


def _fail(error: OSError) -> None:
    raise error


def _tell_apart(sources: Sequence[Source]) -> list[Source]:
    """Name files of different folders that share a name by their folder as well."""
    shared = Counter(source.name for source in sources)
    return [
        source
        if shared[source.name] == 1
        else Source(source.path, f"{source.path.absolute().parent.name}/{source.name}")
        for source in sources
    ]
