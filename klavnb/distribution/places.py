"""Where a cluster reads and writes: what is on a disk, all its workers must reach."""

from pathlib import Path

from klavnb.cluster import Cluster
from klavnb.remote import to_place

__all__ = ["check_places"]


def check_places(cluster: Cluster, store: str, folder: str | None = None) -> None:
    """Make sure that every worker reaches the store, and the folder to write into, which is made where it is missing.

    Raises
    ------
    KlavnbError
        When one does not; what is in an object store is not looked at.
    """
    read, written = to_place(store), None if folder is None else to_place(folder)
    writable = written if isinstance(written, Path) else None
    if writable is not None:
        writable.mkdir(parents=True, exist_ok=True)
    cluster.check_paths([read] if isinstance(read, Path) else [], writable=writable)
