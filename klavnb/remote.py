"""Files that are not of this machine: object stores, and whatever else fsspec knows, by their addresses.

`s3://`, `gs://` and `az://` go by the variables of the environment that their vendors name (`AWS_ENDPOINT_URL`,
`AWS_ACCESS_KEY_ID`, …), as polars does when it reads Parquet there.
"""

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import unquote, urlsplit

from klavnb.errors import KlavnbError
from klavnb.files import replace_file

if TYPE_CHECKING:  # fsspec is an extra, and polars slow to import
    import polars as pl
    from fsspec import AbstractFileSystem

__all__ = [
    "Place",
    "RemoteSource",
    "fetch",
    "is_in_object_store",
    "is_remote",
    "join",
    "list_files",
    "read_bytes",
    "remove_files",
    "scan_parts",
    "send",
    "to_place",
    "write_bytes",
    "write_part",
]

Place: TypeAlias = Path | str
"""A path of this machine, or the address of a file or folder elsewhere."""

ADDRESS: Final = re.compile(r"(?P<protocol>[a-z][a-z0-9+.-]+)://(?P<path>.*)", re.IGNORECASE | re.DOTALL)
DATABASES: Final = ("postgres", "postgresql")
OBJECT_STORES: Final = ("s3", "s3a", "gs", "az", "abfs", "abfss")
"""Protocols by which polars reads Parquet itself."""

NOT_INSTALLED: Final = "Install it: pip install 'klavnb[cluster]'."
CHECK: Final = (
    "See that the address is right, and that the environment names how to come in: AWS_ACCESS_KEY_ID, "
    "AWS_SECRET_ACCESS_KEY, AWS_REGION and, for a server of your own, AWS_ENDPOINT_URL."
)
BLOCK: Final = 8 << 20
SAID: Final = 300
"""Characters of what others say of a failure; the rest is their innards."""


@dataclass(frozen=True, slots=True)
class RemoteSource:
    """A file or folder of an export that is not of this machine."""

    address: str

    @property
    def name(self) -> str:
        """What it is called, without where it is."""
        return PurePosixPath(self.address).name

    def __str__(self) -> str:
        """Return the address."""
        return self.address


def is_remote(path: object) -> bool:
    """Tell whether something is the address of a file or folder that is not of this machine.

    Examples
    --------
    >>> [is_remote(path) for path in ("s3://bucket/store", "exports/2026", "file:///exports", "postgresql://host/db")]
    [True, False, False, False]
    """
    found = ADDRESS.fullmatch(path) if isinstance(path, str) else None
    return found is not None and found["protocol"].lower() not in ("file", *DATABASES)


def is_in_object_store(address: str) -> bool:
    """Tell whether polars reads Parquet there itself, without fetching whole files."""
    return address.partition("://")[0].lower() in OBJECT_STORES


def to_place(path: str | Path) -> Place:
    """Return an address as it is, without a slash at its end, and all else as a path of this machine.

    Examples
    --------
    >>> to_place("s3://bucket/store/"), to_place("file:///exports/of%20may").name
    ('s3://bucket/store', 'of may')
    """
    if isinstance(path, str) and is_remote(path):
        return path.rstrip("/")
    if isinstance(path, str) and path.lower().startswith("file://"):
        return Path(unquote(urlsplit(path).path))
    return Path(path).expanduser()


def join(place: Place, *names: str) -> Place:
    """Return the place of something in a folder."""
    return place.joinpath(*names) if isinstance(place, Path) else "/".join([place, *names])


def read_bytes(place: Place) -> bytes:
    """Read a small file.

    Raises
    ------
    OSError
        When there is none.
    KlavnbError
        When nobody answers at the address, or not for us.
    """
    if isinstance(place, Path):
        return place.read_bytes()
    with _say_what_failed(place):
        files, path = _open(place)
        return bytes(files.cat_file(path))


def write_bytes(place: Place, content: bytes) -> None:
    """Write a small file at once: whoever reads it sees the earlier or the new one."""
    if isinstance(place, Path):
        replace_file(place, lambda part: part.write_bytes(content))
        return
    with _say_what_failed(place):
        files, path = _open(place)
        files.pipe_file(path, content)


def write_part(frame: "pl.LazyFrame", path: str | Path) -> None:
    """Write a frame as Parquet at once: whoever reads it sees the earlier or the new one, never a part.

    Parameters
    ----------
    frame
        What is written, a part of something larger; not what is read from the same file.
    path
        The file, or its address; its folder is made where it is missing.

    Raises
    ------
    KlavnbError
        When it cannot be written.

    Examples
    --------
    >>> import polars as pl
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for number in range(2):
    ...         write_part(pl.LazyFrame({"number": [number]}), f"{folder}/parts/{number}.parquet")
    ...     scan_parts(f"{folder}/parts/{number}.parquet" for number in range(2)).collect()["number"].to_list()
    [0, 1]
    """
    place = to_place(path)
    if isinstance(place, Path):
        replace_file(place, lambda part: frame.sink_parquet(part, compression="zstd", compression_level=1))
    elif is_in_object_store(place):
        with _say_what_failed(place):
            frame.sink_parquet(place, compression="zstd", compression_level=1)
    else:
        with NamedTemporaryFile(suffix=".parquet") as copy, _say_what_failed(place):
            frame.sink_parquet(copy.name, compression="zstd", compression_level=1)
            files, name = _open(place)
            files.put_file(copy.name, name)


def scan_parts(paths: Iterable[str | Path]) -> "pl.LazyFrame":
    """Scan parts of one frame, in the order given; at least one."""
    import polars as pl  # noqa: PLC0415 - slow to import, for all who only ask what is remote

    places = [to_place(path) for path in paths]
    if any(isinstance(place, str) and not is_in_object_store(place) for place in places):
        return pl.scan_parquet([read_bytes(place) for place in places], glob=False)
    return pl.scan_parquet([str(place) for place in places], glob=False)


def list_files(folder: Place) -> list[str]:
    """List the files under a folder, to the bottom, by their names in it; of none there is nothing.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_bytes(join(Path(folder), "of may", "0.parquet"), b"")
    ...     list_files(Path(folder))
    ['of may/0.parquet']
    """
    if isinstance(folder, Path):
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    with _say_what_failed(folder):
        files, path = _open(folder)
        try:
            found = files.find(path)
        except FileNotFoundError:
            return []
    # an object of a folder's own name, or one of nothing but a slash, stands for the folder
    names = [str(name).removeprefix(path).lstrip("/") for name in found if not str(name).endswith("/")]
    return sorted(name for name in names if name)


def remove_files(folder: Place, names: Sequence[str]) -> None:
    """Remove files of a folder, by their names in it; one that is gone already is no error."""
    if isinstance(folder, Path):
        for name in names:
            folder.joinpath(name).unlink(missing_ok=True)
        return
    with _say_what_failed(folder):
        files, path = _open(folder)
        for name in names:
            try:
                files.rm_file(f"{path}/{name}")
            except FileNotFoundError:
                continue


def fetch(address: str, folder: Path) -> Path:
    """Copy a file, or all under a folder, into a folder of this machine, a block at a time.

    Returns
    -------
    Path
        What was copied, under its own name.

    Raises
    ------
    KlavnbError
        When there is nothing, nobody answers, or a name would lead out of the folder.
    """
    top = folder / (RemoteSource(address).name or "export")
    names = list_files(address)
    with _say_what_failed(address):
        files, path = _open(address)
        if not names and not files.isfile(path):
            raise KlavnbError(f"There is no file or folder {address}.", hint=CHECK)
        for name in names or [""]:  # without a name it is the file itself
            if ".." in PurePosixPath(name).parts:
                raise KlavnbError(f"{address}: found the name {name!r}, which leads elsewhere.", hint="Change it.")
            target = top / name if name else top
            target.parent.mkdir(parents=True, exist_ok=True)
            with files.open(f"{path}/{name}" if name else path, "rb") as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy, BLOCK)
    return top


def send(folder: Path, address: str) -> None:
    """Copy all under a folder of this machine to an address."""
    with _say_what_failed(address):
        files, path = _open(address)
        for name in list_files(folder):
            files.put_file(str(folder / name), f"{path}/{name}")


def _open(address: str) -> tuple["AbstractFileSystem", str]:
    """Open the file system of an address: with it, what the address is called there."""
    found = ADDRESS.fullmatch(address)
    if found is None:
        raise KlavnbError(f"{address!r} is no address.", hint="An address looks like s3://bucket/folder.")
    protocol = found["protocol"].lower()
    files = _open_protocol(protocol)
    if protocol in OBJECT_STORES:
        return files, found["path"].rstrip("/")
    return files, str(files._strip_protocol(address))  # noqa: SLF001 - what fsspec's own `url_to_fs` does


@lru_cache(maxsize=8)
def _open_protocol(protocol: str) -> "AbstractFileSystem":
    try:
        import fsspec  # noqa: PLC0415 - an extra

        if protocol in OBJECT_STORES:
            from obstore.fsspec import FsspecStore  # noqa: PLC0415 - as above

            # a server of one's own may have no certificate; whether it has is said by its address
            return FsspecStore(protocol, client_options={"allow_http": True})
        return fsspec.filesystem(protocol)
    except ImportError as error:
        raise KlavnbError(
            f"{protocol}:// needs a library that is not installed: {error}.", hint=NOT_INSTALLED
        ) from error
    except ValueError as error:
        raise KlavnbError(f"{protocol}:// is nothing that fsspec knows: {error}.", hint=CHECK) from error


@contextmanager
def _say_what_failed(address: str) -> Iterator[None]:
    try:
        yield
    except (KlavnbError, FileNotFoundError):
        raise
    except Exception as error:
        # obstore, polars and the libraries behind fsspec each raise errors of their own
        said = str(error).strip().partition("\n")[0][:SAID]
        raise KlavnbError(
            f"{address} cannot be read or written: {said or type(error).__name__}.", hint=CHECK
        ) from error
