"""Files that are either whole or not there: written under another name, then renamed."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

__all__ = ["replace_file"]


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file at once: whoever reads it sees the earlier or the new one, never a part.

    Parameters
    ----------
    path
        The file; its folder is made where it is missing.
    write
        Writes all of the new file to the path it is handed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     replace_file(Path(folder, "note.txt"), lambda part: part.write_text("whole"))
    ...     Path(folder, "note.txt").read_text()
    'whole'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        write(part)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
