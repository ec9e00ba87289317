"""Blocks of bytes put together into chunks of whole lines, or of whole rows of CSV."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from klavnb.formats.unpacking import UnreadableError

__all__ = ["LONGEST", "cut_lines", "cut_rows"]

QUOTE, COMMA, LINE_FEED, CARRIAGE_RETURN, LETTER = b'",\n\rx'

LONGEST: Final = 64 << 20
"""Bytes that one line or row may have: the whole of it must be held."""

WORD: Final = 64
SHIFTS: Final = tuple(np.uint64(shift) for shift in (1, 2, 4, 8, 16, 32))
FIRST: Final = np.uint64(1)
TO_LAST: Final = np.uint64(WORD - 1)

Bits = npt.NDArray[np.uint64]
"""One bit per byte of a block, the lowest first."""


def cut_lines(blocks: Iterable[bytes], *, size: int) -> Iterator[bytes]:
    r"""Yield chunks of whole lines, of about `size` bytes; the last may lack its line end.

    Examples
    --------
    >>> list(cut_lines([b"a\nbc", b"d\ne"], size=4))
    [b'a\n', b'bcd\n', b'e']

    Raises
    ------
    UnreadableError
        When a line is longer than can be held; and what comes out of the blocks, after the lines before it.
    """
    held: list[bytes] = []
    length = 0
    try:
        for block in blocks:
            length += len(block)
            end = block.rfind(b"\n") + 1 if length >= size else 0
            if end:
                yield b"".join([*held, block[:end]])
                held, length = [block[end:]], len(block) - end
            else:
                held.append(block)
                _refuse_endless(length)
    except UnreadableError as error:
        rest = b"".join(held)
        if end := rest.rfind(b"\n") + 1:
            yield rest[:end]
        error.rest = rest[end:]
        raise
    if rest := b"".join(held):
        yield rest


def cut_rows(blocks: Iterable[bytes], *, size: int) -> Iterator[bytes]:
    r"""Yield chunks of whole rows of CSV, as `cut_lines` does of lines: a line end between quotes ends no row.

    A quote opens a field only where the field begins. Anywhere else in an unquoted field it is a sign
    like any other, as in `27" screen`; Python's own reader of CSV has it so too.

    Examples
    --------
    >>> list(cut_rows([b'a,"b\nc"\n', b'27" d,"e\nf"\n'], size=1))
    [b'a,"b\nc"\n', b'27" d,"e\nf"\n']
    """
    held: list[bytes] = []
    length = last_end = 0
    is_open, may_open = False, True
    try:
        for block in blocks:
            end, is_open, may_open = _scan(block, is_open=is_open, may_open=may_open)
            last_end = length + end if end else last_end
            length += len(block)
            if end and length >= size:
                yield b"".join([*held, block[:end]])
                held, length, last_end = [block[end:]], len(block) - end, 0
            else:
                held.append(block)
                _refuse_endless(length)
    except UnreadableError as error:
        rest = b"".join(held)
        if last_end:
            yield rest[:last_end]
        error.rest = rest[last_end:]
        raise
    if rest := b"".join(held):
        yield rest


def _refuse_endless(length: int) -> None:
    if length > LONGEST:
        raise UnreadableError(f"a line, or a field in quotes, of more than {LONGEST >> 20} MB")


def _scan(block: bytes, *, is_open: bool, may_open: bool) -> tuple[int, bool, bool]:
    """Return where the last row of a block ends, 0 where none does; and, for the next block, whether a field is open.

    The last answer is whether a quote at the start of the next block opens a field, or opens it again:
    two quotes inside a field stand for one, and close and open it here.
    """
    if not block:
        return 0, is_open, may_open
    signs = np.frombuffer(block, dtype=np.uint8)
    inside, may_follow, is_sound = _find_inside(signs, is_open=is_open, may_open=may_open)
    if not is_sound:
        signs = _drop_literal(signs, is_open=is_open, may_open=may_open)
        inside, may_follow, _ = _find_inside(signs, is_open=is_open, may_open=may_open)
    ends = _to_bits(signs == LINE_FEED) & ~inside
    words = np.flatnonzero(ends)
    end = int(words[-1]) * WORD + int(ends[words[-1]]).bit_length() if words.size else 0
    return end, _has(inside, len(block) - 1), _has(may_follow, len(block) - 1)


def _find_inside(signs: npt.NDArray[np.uint8], *, is_open: bool, may_open: bool) -> tuple[Bits, Bits, bool]:
    """Return which bytes stand in quotes, after which ones a quote opens, and whether all that open a field may.

    A byte is inside where the count of quotes up to it is odd: a running exclusive or, 64 bytes at a time.
    """
    quotes = _to_bits(signs == QUOTE)
    inside = quotes.copy()
    for shift in SHIFTS:
        inside ^= inside << shift
    odd = np.bitwise_xor.accumulate(inside >> TO_LAST)
    carried = np.concatenate([[np.uint64(is_open)], odd[:-1] ^ np.uint64(is_open)])
    inside ^= np.uint64(0) - carried  # all ones where a field was open
    may_follow = _to_bits((signs == COMMA) | (signs == LINE_FEED) | (signs == CARRIAGE_RETURN)) & ~inside
    may_follow |= quotes & ~inside
    before = may_follow << FIRST
    before[1:] |= may_follow[:-1] >> TO_LAST
    before[0] |= np.uint64(may_open)
    return inside, may_follow, not (quotes & inside & ~before).any()


def _drop_literal(signs: npt.NDArray[np.uint8], *, is_open: bool, may_open: bool) -> npt.NDArray[np.uint8]:
    """Write a letter over the quotes that stand inside unquoted fields: one by one, as few files have any."""
    dropped = signs.copy()
    openers = frozenset((COMMA, LINE_FEED, CARRIAGE_RETURN))
    closed_at = -1 if may_open else -2
    for at in np.flatnonzero(signs == QUOTE).tolist():
        if is_open:
            is_open, closed_at = False, at
        elif closed_at == at - 1 or (at and int(signs[at - 1]) in openers):
            is_open = True
        else:
            dropped[at] = LETTER
    return dropped


def _to_bits(mask: npt.NDArray[np.bool_]) -> Bits:
    packed = np.packbits(mask, bitorder="little")
    bits = np.zeros(-(-mask.size // WORD), dtype="<u8")
    bits.view(np.uint8)[: packed.size] = packed
    return bits


def _has(bits: Bits, at: int) -> bool:
    return bool(int(bits[at // WORD]) >> at % WORD & 1)
