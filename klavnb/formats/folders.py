"""The files of an export: what lies in the folders that were asked for; and which folders are stores."""

import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from klavnb.errors import ExportError
from klavnb.formats.archives import ENDING, list_members
from klavnb.formats.source import UNREADABLE, Source
from klavnb.remote import Place, join, read_bytes

__all__ = ["DATA", "FORMER_FILES", "LOCK", "MANIFEST", "MARK", "is_store", "list_foreign", "list_sources"]

MANIFEST: Final = "manifest.json"
MARK: Final = "klavnb_store"
"""The file, and its key, that make a folder a store; a store among the files of an export is passed over."""

LOCK: Final = ".lock"
DATA: Final = re.compile(r"data-[0-9a-f]{12}")
"""All that a store is made of: the manifest, folders of data, and the lock of whoever writes it."""

FORMER_FILES: Final = frozenset(f"{name}.parquet" for name in ("events", "profiles", "messages", "groups", "rejects"))
"""What lay beside the manifest of stores up to version 2."""


def is_store(folder: Place) -> bool:
    """Tell whether a folder, here or elsewhere, is a store of klavnb's; one whose manifest is damaged is one too."""
    try:
        content = read_bytes(join(folder, MANIFEST))
    except OSError:
        return False
    version = _read_version(content)
    return isinstance(version, int) or (version is None and f'"{MARK}"'.encode() in content)


def list_foreign(folder: Path) -> list[str]:
    """List what a folder holds beside a store's own files; a manifest that says nothing of a store is foreign too."""
    try:
        is_known = isinstance(_read_version((folder / MANIFEST).read_bytes()), int)
    except OSError:
        is_known = False
    ours = {LOCK, MANIFEST, *FORMER_FILES} if is_known else {LOCK}
    return [
        entry.name
        for entry in sorted(folder.iterdir())
        if not (entry.is_dir() if DATA.fullmatch(entry.name) else entry.is_file() and entry.name in ours)
    ]


def _read_version(content: bytes) -> object:
    """Return the version that a manifest gives, or words where it gives none; None where it is no JSON."""
    try:
        manifest: object = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    version = manifest.get(MARK) if isinstance(manifest, dict) else None
    return version if isinstance(version, int) and not isinstance(version, bool) else "no version"


def list_sources(paths: Iterable[Path]) -> tuple[list[Source], list[str]]:
    """List the files under some paths, by name and each once, and what is passed over, with the reason.

    The files of a zip archive stand in its place. A link is followed; a folder that was seen, as in a
    loop of links, is not looked at again. Nothing that is hidden is listed or mentioned.

    Raises
    ------
    ExportError
        When a path is missing or neither file nor folder; when a folder or an archive cannot be read, as
        what lies in it would be lost unsaid; or when an archive unpacks to far more than it may.
    """
    found: dict[Path, _Found] = {}
    skipped: list[str] = []
    for path in paths:
        try:
            if path.is_file():
                found.setdefault(path.resolve(), _Found(path, path.name, path.absolute().parent))
            elif path.is_dir():
                files, remarks = _walk(path)
                skipped += remarks
                for file in files:
                    each = _Found(file, file.relative_to(path).as_posix(), path.absolute())
                    found.setdefault(file.resolve(), each)
            else:
                raise _refuse(path)
        except OSError as error:
            raise ExportError(
                f"{error.filename or path}: expected a folder that can be read, found: {error.strerror or error}.",
                hint=UNREADABLE,
            ) from error
    sources: list[Source] = []
    for each in _tell_apart(list(found.values())):
        members, remarks = _list_members(each)
        sources += members
        skipped += remarks
    return sources, skipped


@dataclass(frozen=True, slots=True)
class _Found:
    """A file, what it is called, and the folder from which it is called so."""

    path: Path
    name: str
    top: Path


def _refuse(path: Path) -> ExportError:
    if path.exists():
        return ExportError(
            f"{path}: expected a file or a folder, found {_describe(path)}.",
            hint="Write what comes out of it to a file, and load that.",
        )
    return ExportError(
        f"There is no file or folder {path}.",
        hint="Give the way to the files of a Klaviyo export, or the word sample.",
    )


def _walk(top: Path) -> tuple[list[Path], list[str]]:
    """Return the files of a folder to its bottom, by name, and what is passed over; nothing that is hidden."""
    files: list[Path] = []
    skipped: list[str] = []
    seen: set[tuple[int, int]] = set()
    for place, folders, names in os.walk(top, onerror=_fail, followlinks=True):
        folder = Path(place)
        status = folder.stat()
        key = status.st_dev, status.st_ino
        if key in seen:
            folders.clear()
        elif is_store(folder):
            folders.clear()
            skipped.append(f"{folder.relative_to(top) if folder != top else folder.name} (a store of klavnb)")
        else:
            # a folder of data without its manifest is what a load left that was ended
            folders[:] = sorted(name for name in folders if not name.startswith(".") and not DATA.fullmatch(name))
            shown = [folder / name for name in names if not name.startswith(".")]
            files += [path for path in shown if path.is_file()]
            skipped += [f"{path.relative_to(top)} ({_describe(path)})" for path in shown if not path.is_file()]
        seen.add(key)
    return sorted(files), sorted(skipped)


def _describe(path: Path) -> str:
    """Say what something that is neither file nor folder is; to open it could wait for ever."""
    kinds = {"a pipe": path.is_fifo, "a socket": path.is_socket}
    kind = next((kind for kind, is_so in kinds.items() if is_so()), "a device")
    return kind if path.exists() else "a link to nothing"


def _fail(error: OSError) -> None:
    raise error


def _tell_apart(found: Sequence[_Found]) -> list[_Found]:
    """Name files that share a name by as many of the folders above as tell them apart."""
    names = [each.name for each in found]
    for depth in range(1, max((len(each.top.parts) for each in found), default=0) + 1):
        shared = Counter(names)
        names = [
            name if shared[name] == 1 else "/".join([*each.top.parts[-depth:], each.name]).removeprefix("/")
            for name, each in zip(names, found, strict=True)
        ]
    return [replace(each, name=name) for name, each in zip(names, found, strict=True)]


def _list_members(found: _Found) -> tuple[list[Source], list[str]]:
    """Return a file, or the files in it where it is an archive; one that is broken stands for itself."""
    itself = Source(found.path, found.name)
    if not found.name.lower().endswith(ENDING):
        return [itself], []
    try:
        members, remarks = list_members(found.path, found.name)
    except zipfile.BadZipFile:
        return [itself], []
    except OSError as error:
        raise ExportError(
            f"{found.name}: expected an archive that can be read, found: {error.strerror or error}.", hint=UNREADABLE
        ) from error
    return [Source(found.path, f"{found.name}/{member}", member) for member in members], remarks
