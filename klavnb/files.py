"""Files that are either whole or not there: written under another name, then renamed."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from klavnb.errors import KlavnbError

__all__ = ["replace_file"]


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
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        write(part)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise KlavnbError(
            f"{path} cannot be written: {error.strerror or error}.", hint="What was there before is as it was."
        ) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
