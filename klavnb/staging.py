"""Stores that are not on this machine: made here, then sent; and sources that are fetched to be read.

Objects do not change names, so that the manifest is the moment here too: it is written last, which an object store
does at once, and until then names the former data. There is no lock: two loads into one store at once may each take
the other's place, and the last one to write its manifest stands. What a load that was killed had sent stays, and is
named by no manifest.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from klavnb.errors import KlavnbError, StoreError, name_some
from klavnb.formats import DatabaseSource
from klavnb.formats.folders import DATA, MANIFEST, is_store
from klavnb.remote import RemoteSource, fetch, join, list_files, read_bytes, remove_files, send, write_bytes

__all__ = ["fetch_sources", "stage_store"]

NAMED: Final = re.compile(rf'"({DATA.pattern})"')
"""The folder of data that a manifest names."""


@contextmanager
def fetch_sources(paths: Sequence[Path | DatabaseSource | RemoteSource]) -> Iterator[list[Path | DatabaseSource]]:
    """Copy what is elsewhere into a folder of this machine, which is removed in the end; the rest stays as it is."""
    here = [path for path in paths if not isinstance(path, RemoteSource)]
    if len(here) == len(paths):
        yield here
        return
    with TemporaryDirectory(prefix="klavnb-") as folder:
        yield [
            fetch(path.address, Path(folder, str(number))) if isinstance(path, RemoteSource) else path
            for number, path in enumerate(paths)
        ]


@contextmanager
def stage_store(address: str, *, is_added: bool) -> Iterator[Path]:
    """Make a store in a folder of this machine; where that succeeds, it takes the place of the one at the address.

    Parameters
    ----------
    address
        Where the store is, or shall be.
    is_added
        Whether the former store is needed, and fetched.

    Raises
    ------
    StoreError
        When there is anything but a store at the address.
    KlavnbError
        When nobody answers there, or it cannot be written; the former store is as it was.
    """
    present = list_files(address)
    foreign = [name for name in present if name != MANIFEST and not DATA.fullmatch(name.partition("/")[0])]
    if foreign or (MANIFEST in present and not is_store(address)):
        raise StoreError(
            f"{address}: expected a store or nothing, found something else: {name_some(foreign or [MANIFEST])}.",
            hint="Choose another address: nothing that klavnb did not write is overwritten.",
        )
    former = _find_data(read_bytes(join(address, MANIFEST))) if MANIFEST in present else ""
    with TemporaryDirectory(prefix="klavnb-") as folder:
        store = Path(folder, "store")
        if former and is_added:
            store.mkdir()
            fetch(f"{address}/{former}", store)
            (store / MANIFEST).write_bytes(read_bytes(join(address, MANIFEST)))
        yield store
        manifest = (store / MANIFEST).read_bytes()
        data = _find_data(manifest)
        try:
            send(store / data, f"{address}/{data}")
        except BaseException:  # an interrupt too
            with suppress(KlavnbError):
                remove_files(f"{address}/{data}", list_files(f"{address}/{data}"))
            raise
        write_bytes(f"{address}/{MANIFEST}", manifest)
    if former:
        remove_files(address, [name for name in present if name.startswith(f"{former}/")])


def _find_data(manifest: bytes) -> str:
    """Return the folder of data that a manifest names; none, where it is damaged or of an older version."""
    found = NAMED.search(manifest.decode(errors="replace"))
    return "" if found is None else found[1]
