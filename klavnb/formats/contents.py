"""A file of an export: its name for messages, and its content, unpacked."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import zstandard

from klavnb.errors import ExportError
from klavnb.formats.archives import ENDING, ZIP, open_member
from klavnb.formats.unpacking import BLOCK, UnreadableError, decode, is_coded, is_packed, unpack

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["HEAD", "UNREADABLE", "Source"]

PACKINGS: Final = (".gz", ".zst", ENDING)
HEAD: Final = 1 << 16
LONGEST_MAGIC: Final = 4
BROKEN_ZIP: Final = "the zip is broken or cut short"
UNREADABLE: Final = "Make it readable, or name the files that are to be read."


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or one member of a zip archive.

    Parameters
    ----------
    path
        Where the file is.
    name
        What messages and rejects call it: the way to it from the folder that was asked for.
    member
        Its name inside the archive that the file is; None where the file is itself meant.
    """

    path: Path
    name: str
    member: str | None = None

    @property
    def base(self) -> str:
        """The file's own name without the endings of packing, in lower case."""
        name = (self.member or self.path.name).rpartition("/")[2].lower()
        for packing in PACKINGS:
            name = name.removesuffix(packing)
        return name

    @property
    def stem(self) -> str:
        """The file's own name without its endings, in lower case."""
        return self.base.partition(".")[0]

    def read_blocks(self) -> Generator[bytes, None, None]:
        """Yield the content: unpacked, without a byte order mark, UTF-16 turned into UTF-8.

        Raises
        ------
        UnreadableError
            When what it is packed in is broken or cut short, after all that came before.
        ExportError
            When the file may not be read, as what it holds would be lost unsaid; or unpacks to far
            more than it may.
        """
        try:
            with self._open_packed() as (packed, size):
                yield from decode(unpack(packed, size=size, name=self.name))
        except zipfile.BadZipFile as error:
            raise UnreadableError(BROKEN_ZIP) from error
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            is_zip = self.member is not None and not self.member.lower().endswith(".gz")
            raise UnreadableError(BROKEN_ZIP if is_zip else f"the gzip is broken or cut short ({error})") from error
        except zstandard.ZstdError as error:
            raise UnreadableError(f"the zstd is broken ({error})") from error
        except OSError as error:
            raise self._refuse(error) from error

    @contextmanager
    def _open_packed(self) -> Iterator[tuple[io.BufferedIOBase, int]]:
        if self.member is not None:
            with open_member(self.path, self.member) as opened:
                yield opened
            return
        with self.path.open("rb") as file:
            if file.peek(len(ZIP)).startswith(ZIP):
                # one that is whole, and named as one, was taken apart into its members
                is_named = self.path.name.lower().endswith(ENDING)
                raise UnreadableError(BROKEN_ZIP if is_named else f"a zip that is not named {ENDING}")
            yield file, self.path.stat().st_size

    def _refuse(self, error: OSError) -> ExportError:
        return ExportError(
            f"{self.name}: expected a file that can be read, found: {error.strerror or error}.", hint=UNREADABLE
        )

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the content as a stream of what `read_blocks` gives; its errors come up while it is read."""
        with io.BufferedReader(_Stream(self.read_blocks()), BLOCK) as stream:
            yield stream

    def read_head(self) -> bytes:
        """Return the first 64 KB; as much as there is where the rest is broken.

        Raises
        ------
        UnreadableError
            When what it is packed in is broken from the start.
        ExportError
            When the file may not be read.
        """
        head, fault = self._read_head()
        if fault is not None and not head:
            raise fault
        return head

    def is_broken(self) -> bool:
        """Tell whether the file is packed, and broken within the first 64 KB of what it holds.

        Raises
        ------
        ExportError
            When the file may not be read.
        """
        return self._is_packed() and self._read_head()[1] is not None

    def _is_packed(self) -> bool:
        if self.member is not None:
            return True
        with self.open_plain() as file:
            start = file.read(LONGEST_MAGIC)
        # a zip of another name may be a document of an office program, which is no export, broken or not
        return is_packed(start) or (start == ZIP and self.path.name.lower().endswith(ENDING))

    def _read_head(self) -> tuple[bytes, UnreadableError | None]:
        head = b""
        blocks = self.read_blocks()
        try:
            while len(head) < HEAD and (block := next(blocks, b"")):
                head += block[:HEAD]
        except UnreadableError as error:
            return head[:HEAD], error
        finally:
            blocks.close()
        return head[:HEAD], None

    def read(self) -> bytes:
        """Return the whole content.

        Raises
        ------
        UnreadableError
            When what it is packed in is broken or cut short.
        ExportError
            When the file may not be read.
        """
        return b"".join(self.read_blocks())

    def is_plain(self) -> bool:
        """Tell whether the bytes of the file are the content, but for a byte order mark: only then is it split.

        Raises
        ------
        ExportError
            When the file may not be read.
        """
        if self.member is not None:
            return False
        with self.open_plain() as file:
            start = file.read(LONGEST_MAGIC)
        return not is_coded(start) and start != ZIP

    @contextmanager
    def open_plain(self) -> Iterator[IO[bytes]]:
        """Open the file as it lies on the disk; only to read of it inside.

        Raises
        ------
        ExportError
            When the file may not be read.
        """
        try:
            with self.path.open("rb") as file:
                yield file
        except OSError as error:
            raise self._refuse(error) from error


class _Stream(io.RawIOBase):
    """Blocks as a stream."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._rest = blocks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        target = memoryview(buffer)
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = memoryview(block)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
