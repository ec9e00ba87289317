"""A file of an export: its name for messages, and its bytes, unpacked."""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from klavnb.errors import ExportError

__all__ = ["UNREADABLE", "Source", "UnreadableError"]

GZIP: Final = b"\x1f\x8b"
BOM: Final = b"\xef\xbb\xbf"
HEAD: Final = 1 << 16
UNREADABLE: Final = "Make it readable, or name the files that are to be read."


class UnreadableError(Exception):
    """A file cannot be unpacked or read as what it is; caught inside the package, and reported by its reason."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file.

    Parameters
    ----------
    path
        Where it is.
    name
        What messages and rejects call it: the way to it from the folder that was asked for.
    """

    path: Path
    name: str

    @property
    def stem(self) -> str:
        """The file's own name without its endings, in lower case."""
        return self.path.name.partition(".")[0].lower()

    def read_head(self) -> bytes:
        """Return the first 64 KB, unpacked, without a byte order mark.

        Raises
        ------
        UnreadableError
            When its gzip is broken from the start.
        ExportError
            When the file may not be read: what it holds would be lost unsaid.
        """
        return self._read(HEAD)

    def read(self) -> bytes:
        """Return the whole content, unpacked, without a byte order mark.

        Raises
        ------
        UnreadableError
            When its gzip is broken or cut short.
        ExportError
            When the file may not be read.
        """
        return self._read(-1)

    def _read(self, size: int) -> bytes:
        try:
            with self.path.open("rb") as file:
                packed = file.read(len(GZIP)) == GZIP
            with gzip.open(self.path) if packed else self.path.open("rb") as file:
                return file.read(size).removeprefix(BOM)
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise UnreadableError(f"the gzip is broken or cut short ({error})") from error
        except OSError as error:
            raise ExportError(
                f"{self.name}: expected a file that can be read, found: {error.strerror or error}.",
                hint=UNREADABLE,
            ) from error
