"""Zip archives: which files lie in one, and what they hold. Nothing is unpacked to the disk."""

import errno
import os
import struct
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from io import BufferedIOBase
from pathlib import Path
from typing import Final, cast

from klavnb.formats.unpacking import UnreadableError, refuse_bomb

__all__ = ["ENDING", "ZIP", "list_members", "open_member"]

ENDING: Final = ".zip"
ZIP: Final = b"PK\x03\x04"

OF_MACOS: Final = "__MACOSX"
"""The folder in which macOS puts what it knows of the files."""

ENCRYPTED: Final = 0x1
"""The bit of a member's flags that says so."""

KNOWN_PACKINGS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What tools write by default; the library cannot bound what the others unpack to."""


def list_members(path: Path, name: str) -> tuple[list[str], list[str]]:
    """Return the files in an archive by name, and remarks on what is lost in it; nothing that is hidden.

    Raises
    ------
    zipfile.BadZipFile
        When it is no zip archive, or broken or cut short.
    ExportError
        When it says of itself that it unpacks to far more than it may.
    OSError
        When it cannot be opened.
    """
    infos = [info for info in _open(path).infolist() if not info.is_dir()]
    refuse_bomb(sum(info.file_size for info in infos), size=path.stat().st_size, name=name)
    times = Counter(info.filename for info in infos)
    members = sorted(member for member in times if not _is_hidden(member))
    twice = [f"{name}/{member} (there {times[member]} times; the last is read)" for member in members]
    remarks = [remark for remark, member in zip(twice, members, strict=True) if times[member] > 1]
    return members, remarks or ([] if members else [f"{name} (an archive without files)"])


def _is_hidden(member: str) -> bool:
    return any(part == OF_MACOS or part.startswith(".") for part in member.split("/"))


@contextmanager
def open_member(path: Path, member: str) -> Iterator[tuple[BufferedIOBase, int]]:
    """Open a file in an archive, and tell how long it says that it is.

    Raises
    ------
    UnreadableError
        When the file in it is encrypted, packed in a rare way, or gone.
    zipfile.BadZipFile
        When the archive is broken.
    OSError
        When the archive cannot be opened.
    """
    archive = _open(path)
    info = archive.NameToInfo.get(member)
    if info is None:
        raise UnreadableError("it is in the zip no more")
    if info.flag_bits & ENCRYPTED:
        raise UnreadableError("the zip is encrypted: unpack it by hand")
    if info.compress_type not in KNOWN_PACKINGS:
        raise UnreadableError("the zip is packed in a rare way: unpack it by hand")
    with _finding_damage():
        stream = archive.open(info)
    with stream:
        yield cast("BufferedIOBase", stream), info.file_size


def _open(path: Path) -> zipfile.ZipFile:
    return _open_version(path, path.stat().st_mtime_ns, os.getpid())


@lru_cache(maxsize=1)
def _open_version(path: Path, changed_at: int, process: int) -> zipfile.ZipFile:  # noqa: ARG001 - parts of the key
    """Open an archive once for all its files, as its list of them is long; anew in each process, which has its place.

    Without this, an archive of ten thousand pages would be listed ten thousand times.
    """
    with _finding_damage():
        return zipfile.ZipFile(path)


@contextmanager
def _finding_damage() -> Iterator[None]:
    """Raise the library's own error for all that it raises where a list of files is damaged."""
    try:
        yield
    except (struct.error, ValueError, NotImplementedError, OverflowError, EOFError) as error:
        raise zipfile.BadZipFile(str(error)) from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # it looked for a file before the start of the archive
            raise zipfile.BadZipFile(str(error)) from error
        raise
