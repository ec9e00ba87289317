"""Files that are either whole or not there: written under another name, then renamed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

from klavnb.errors import KlavnbError

__all__ = ["PART", "replace_file", "write_whole"]

PART: Final = ".part"
"""How the name of a file ends that is not whole yet; it begins with a dot."""


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file at once: whoever reads it sees the earlier or the new one, never a part.

    Parameters
    ----------
    path
        The file; its folder is made where it is missing.
    write
        Writes all of the new file to the path it is handed.

    Raises
    ------
    KlavnbError
        When the file cannot be written; an earlier one is as it was.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     replace_file(Path(folder, "note.txt"), lambda part: part.write_text("whole"))
    ...     Path(folder, "note.txt").read_text()
    'whole'
    """
    if path.is_dir():
        raise KlavnbError(f"{path} should be a file, but it is a folder.", hint="Name the file in it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with write_whole(path) as part:
            write(part)
    except OSError as error:
        raise KlavnbError(
            f"{path} cannot be written: {error.strerror or error}.", hint="What was there before is as it was."
        ) from error


@contextmanager
def write_whole(path: Path) -> Iterator[Path]:
    """Write a file under another name, which it has until it is whole: that of the same task may be written twice."""
    part = path.with_name(f".{path.name}.{uuid4().hex}{PART}")
    try:
        yield part
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
