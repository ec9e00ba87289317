"""Clusters on the command line: who works, and where the parts of an answer go that they write."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Final
from uuid import uuid4

from cyclopts import Parameter

from klavnb.cli.console import heard
from klavnb.errors import SettingsError
from klavnb.folders import remove_folder
from klavnb.remote import Place, is_remote, list_files, remove_files, to_place

if TYPE_CHECKING:  # it brings polars, which `klavnb --help` does not need
    from klavnb.cluster import Cluster

__all__ = ["ClusterAddress", "check_store", "open_parts", "open_workers", "to_file"]

LOCAL: Final = "local"
ENDINGS: Final = (".parquet", ".csv")

ClusterAddress = Annotated[
    str | None,
    Parameter(
        help="Let a dask cluster do the work: the address of its scheduler, tcp://…, or local for one on this machine. "
        "Its workers must reach the data under the same paths."
    ),
]


@contextmanager
def open_workers(address: str, workers: int | None = None) -> Iterator["Cluster"]:
    """Open a cluster, and say where its progress is seen."""
    from klavnb.cluster import open_cluster  # noqa: PLC0415 - it brings polars, which `klavnb --help` does not need

    with open_cluster(address, workers=workers) as cluster:
        if cluster.dashboard is not None:
            heard.print(f"Dashboard: {cluster.dashboard}")
        yield cluster


def to_file(out: str | None, cluster: str | None) -> Path | None:
    """Take the name of the one file that an answer is written to; None: there is none, or a folder of parts.

    Raises
    ------
    SettingsError
        When parts are asked for without a cluster, or one file at an address elsewhere.
    """
    is_file = out is not None and out.lower().endswith(ENDINGS)
    if out is None or (cluster is not None and not is_file):
        return None
    if is_remote(out):
        hint = "An address is a folder, such as s3://bucket/answer, for the parts that workers write: add --cluster."
        raise SettingsError(f"{out}: expected a file of this machine, found an address.", hint=hint)
    return Path(out).expanduser()


def check_store(data: str) -> str:
    """Return where a store is, in the words that every worker understands.

    Raises
    ------
    SettingsError
        When it is no store: workers read its files one by one.
    """
    from klavnb.formats.folders import is_store  # noqa: PLC0415 - it brings polars, which `klavnb --help` does not need

    place = to_place(data)
    if isinstance(place, Path) and not place.exists():
        raise SettingsError(f"There is no file or folder {data}.", hint="See that the path is right.")
    if not is_store(place):
        raise SettingsError(
            f"{data}: expected a store, found none: a cluster works on the files of one.",
            hint="Make one with klavnb load DATA --out STORE.",
        )
    return str(place.resolve() if isinstance(place, Path) else place)


@contextmanager
def open_parts(out: str | None, cluster: str, *, option: str) -> Iterator[str]:
    """Give the folder for the parts of an answer; what is in it afterwards goes, unless the folder was asked for.

    Parameters
    ----------
    out
        What the option says.
    option
        The option that names the file or folder for the answer.

    Raises
    ------
    SettingsError
        When there is no folder that workers of other machines reach, or the one that was asked for is not empty.
    """
    if out is None and cluster != LOCAL:
        raise SettingsError(
            "--cluster: its workers write parts of the answer, and need a folder for them that all of them reach.",
            hint=f"Name it with {option}: a file in a shared folder, or a folder for the parts.",
        )
    file = to_file(out, cluster)
    if out is None:
        with TemporaryDirectory(prefix="klavnb-") as folder:
            yield folder
        return
    place: Place = file.resolve().with_name(f".{file.name}.{uuid4().hex}") if file else to_place(out)
    if isinstance(place, Path):
        place = place.resolve()
    is_new = isinstance(place, Path) and not place.exists()
    if list_files(place):
        raise SettingsError(f"{out}: expected an empty folder or none, found files.", hint="Choose another folder.")
    is_done = False
    try:
        yield str(place)
        is_done = True
    finally:
        if isinstance(place, Path) and is_new and (file or not is_done):
            remove_folder(place)
        elif not is_done:
            remove_files(place, list_files(place))
