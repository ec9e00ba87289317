"""The folder of a store: a manifest that names the folder of the data; both change hands at one moment.

A load writes a new folder of data beside the one in use and then puts a new manifest in the place of the old one,
which the file system does at once: whatever ends a load, and whenever, the manifest names data that is whole.
What a load that was ended left behind is removed by the next.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

from klavnb.errors import StoreError, name_some
from klavnb.formats.folders import DATA, FORMER_FILES, LOCK, MANIFEST, list_foreign

__all__ = ["commit", "new_data"]


@contextmanager
def new_data(store: Path) -> Iterator[Path]:
    """Make a new folder of data in a store, which is the only one that is being written, or none.

    It is removed at the end, unless a manifest names it; so is a folder of a store that was not there before.

    Raises
    ------
    StoreError
        When the folder holds anything but a store's own files, or another load is writing it.
    """
    _refuse_foreign(store)
    is_new = not store.exists()
    store.mkdir(parents=True, exist_ok=True)
    lock = FileLock(store / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise StoreError(
            f"{store}: another load is writing this store.",
            hint="Wait until it has ended, then load again; or choose another folder.",
        ) from error
    data = store / f"data-{uuid4().hex[:12]}"
    try:
        _remove_others(store)
        data.mkdir()
        yield data
    finally:
        _remove_others(store)
        lock.release()
        if is_new and not (store / MANIFEST).exists():
            shutil.rmtree(store, ignore_errors=True)


def commit(data: Path, manifest: bytes) -> None:
    """Make the new data the store's: from this moment on, and not before."""
    part = data / MANIFEST
    part.write_bytes(manifest)
    part.replace(data.parent / MANIFEST)


def _refuse_foreign(store: Path) -> None:
    if not store.exists():
        return
    foreign = list_foreign(store) if store.is_dir() else ["a file"]
    if foreign:
        raise StoreError(
            f"{store}: expected a store, an empty folder or none, found something else: {name_some(foreign)}.",
            hint="Choose another folder: nothing that klavnb did not write is overwritten.",
        )


def _remove_others(store: Path) -> None:
    """Remove the data that the manifest does not name."""
    try:
        manifest = (store / MANIFEST).read_text(encoding="utf-8")
    except OSError:
        manifest = ""
    for entry in store.iterdir():
        if DATA.fullmatch(entry.name) and f'"{entry.name}"' not in manifest:
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name in FORMER_FILES and '"data-' in manifest:
            entry.unlink(missing_ok=True)
