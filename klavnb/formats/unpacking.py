"""Blocks of bytes out of packed files: gzip and zstd taken off, UTF-16 and byte order marks turned into UTF-8."""

import codecs
import gzip
from collections.abc import Iterable, Iterator
from io import BufferedIOBase
from typing import Final

import zstandard

from klavnb.errors import ExportError

__all__ = [
    "BLOCK",
    "BOM",
    "UNPACKED_LIMIT",
    "UnreadableError",
    "decode",
    "is_coded",
    "is_packed",
    "refuse_bomb",
    "unpack",
]

BLOCK: Final = 1 << 18
"""Bytes that are asked of a file at once."""

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
ZSTD_SKIPPED: Final = (b"\x2a\x4d\x18", range(0x50, 0x60))
"""A frame without content, which parallel compressors write first: the bytes 1 to 3, and what byte 0 may be."""

LONGEST_MAGIC: Final = 4
BOM: Final = codecs.BOM_UTF8
UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

UNPACKED_LIMIT: Final = 100
UNPACKED_FREE: Final = 64 << 20
"""A packed file may unpack to so many times its size, and in any case to so many bytes."""

ZSTD_BLOCK: Final = 1 << 12
"""Bytes of zstd that are unpacked at once: four of them can stand for 128 KB, so these for 128 MB."""


class UnreadableError(Exception):
    """A file cannot be unpacked or read as what it is; caught inside the package, and reported by its reason.

    `rest` is what was read of the line, or row, in which it breaks off.
    """

    rest: bytes = b""


def is_coded(start: bytes) -> bool:
    """Tell by the first four bytes whether the bytes of a file are not its text: packed, or UTF-16."""
    return is_packed(start) or start.startswith(UTF_16)


def is_packed(start: bytes) -> bool:
    """Tell by the first four bytes whether a file is gzip or zstd."""
    return start.startswith(GZIP) or _is_zstd(start)


def unpack(packed: BufferedIOBase, *, size: int, name: str) -> Iterator[bytes]:
    """Yield what a stream holds, with gzip or zstd taken off, which are known by the first bytes.

    Parameters
    ----------
    packed
        A stream at its start.
    size
        Its length, of which the limit is a multiple.
    name
        What an error calls it.

    Raises
    ------
    UnreadableError
        When it is broken or cut short; all that came before it was yielded.
    ExportError
        When it unpacks to more than the limit.
    """
    start = packed.read(LONGEST_MAGIC)
    packed.seek(0)
    if start.startswith(GZIP):
        yield from _limit(_unpack_gzip(packed), size=size, name=name)
    elif _is_zstd(start):
        yield from _limit(_unpack_zstd(packed), size=size, name=name)
    else:
        while block := packed.read1(BLOCK):
            yield block


def _is_zstd(start: bytes) -> bool:
    rest, first = ZSTD_SKIPPED
    return start.startswith(ZSTD) or (start[1:LONGEST_MAGIC] == rest and start[0] in first)


def _unpack_gzip(packed: BufferedIOBase) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=packed) as stream:
        # one step at a time: read() would lose what it has when the next step finds the file broken
        while block := stream.read1(BLOCK):
            yield block


def _unpack_zstd(packed: BufferedIOBase) -> Iterator[bytes]:
    """Unpack frame by frame: the library's own stream ends without a word where a frame is cut short."""
    frame = zstandard.ZstdDecompressor().decompressobj()
    is_begun = False
    while block := packed.read(ZSTD_BLOCK):
        while block:
            if frame.eof:
                frame, is_begun = zstandard.ZstdDecompressor().decompressobj(), False
            unpacked = frame.decompress(block)
            block, is_begun = frame.unused_data if frame.eof else b"", True
            if unpacked:
                yield unpacked
    if is_begun and not frame.eof:
        raise UnreadableError("the zstd is cut short")


def _limit(blocks: Iterable[bytes], *, size: int, name: str) -> Iterator[bytes]:
    unpacked = 0
    for block in blocks:
        unpacked += len(block)
        refuse_bomb(unpacked, size=size, name=name)
        yield block


def refuse_bomb(unpacked: int, *, size: int, name: str) -> None:
    """Raise an error where so many unpacked bytes are far more than a file of this size may hold."""
    if unpacked > max(UNPACKED_FREE, UNPACKED_LIMIT * size):
        raise ExportError(
            f"{name}: expected a packed export, found one that unpacks to more than {UNPACKED_LIMIT} times its size.",
            hint="Unpack it by hand if it is yours and is meant to be so, and load what comes out.",
        )


def decode(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield UTF-8 without a byte order mark; bytes without a mark as they are.

    Examples
    --------
    >>> list(decode(iter(["Größe".encode("utf-16")]))) == ["Größe".encode()]
    True

    Raises
    ------
    UnreadableError
        When UTF-16 is damaged or cut short.
    """
    start = b""
    while len(start) < len(BOM) and (block := next(blocks, b"")):
        start += block
    if not start.startswith(UTF_16):
        yield start.removeprefix(BOM)
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder("utf-16")()
    try:
        yield decoder.decode(start).encode()
        for block in blocks:
            yield decoder.decode(block).encode()
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise UnreadableError("UTF-16 that is cut short or damaged") from error
