"""JSON documents that break off, or are damaged in one place: what is whole before it."""

import re
from contextlib import suppress
from typing import Final

import msgspec
from msgspec import Raw

from klavnb.formats.contract import LONGEST_RAW
from klavnb.formats.decoded import UNUSABLE, mend_halves
from klavnb.formats.json_values import decode_value

__all__ = ["decode_document", "mend_cut"]

SIGN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["{}\[\]]', re.DOTALL)
"""A text in quotes, a bracket, or a quote that is never closed."""

QUOTE, OBJECT, ARRAY, OBJECT_END = b'"{[}'
CLOSINGS: Final = {b"[": b"]", b"{[": b"]}"}
"""Brackets that are open around a record, in an array or a page → what closes them."""

DEPTH: Final = 3
"""Brackets that are looked at: one more than there may be."""


FAULT_PLACE: Final = re.compile(r"\(byte (\d+)\)$")
"""Where msgspec says that a text is no JSON."""


def decode_document(content: bytes) -> tuple[list[Raw], str | None, Exception | None, bytes]:
    """Take a document apart as `decode_value` does; of one that breaks off or is damaged, what is whole before that.

    Returns
    -------
    list of Raw, str or None, Exception or None, bytes
        The records; the list or segment whose profiles they are; why there are no more; and what was lost,
        its beginning at least.

    Examples
    --------
    >>> records, _, error, lost = decode_document(b'[{"id": "a"}, {"id"')
    >>> list(map(bytes, records)), str(error), lost
    ([b'{"id": "a"}'], 'Input data was truncated', b', {"id"')
    """
    try:
        return *_decode_mended(content), None, b""
    except UNUSABLE as error:
        place = FAULT_PLACE.search(str(error))
        stop = error.start if isinstance(error, UnicodeDecodeError) else int(place[1]) if place else len(content)
        if not isinstance(error, msgspec.ValidationError) and (mended := mend_cut(content[:stop])) is not None:
            with suppress(*UNUSABLE):
                return *_decode_mended(mended[0]), error, mended[1] + content[stop : stop + LONGEST_RAW]
        return [], None, error, content


def _decode_mended(text: bytes) -> tuple[list[Raw], str | None]:
    try:
        return decode_value(text)
    except UNUSABLE:
        mended = mend_halves(text)
        if mended == text:
            raise
        return decode_value(mended)


def mend_cut(text: bytes) -> tuple[bytes, bytes] | None:
    """Close a page or an array behind its last whole record; None where it has none before it breaks off.

    Returns
    -------
    tuple of bytes
        The document that is whole again, and what was left out of it: the record that is cut, and all behind.

    Examples
    --------
    >>> mend_cut(b'{"data": [{"id": "]}"}, {"id": "b", "links": []}, {"id": "c')
    (b'{"data": [{"id": "]}"}, {"id": "b", "links": []}]}', b', {"id": "c')
    >>> mend_cut(b'[{"id": "a"') is None
    True
    """
    opened, end, closing = bytearray(), 0, b""
    for found in SIGN.finditer(text):
        sign = text[found.start()]
        if sign == QUOTE:
            if found.end() - found.start() == 1:
                break
        elif sign in (OBJECT, ARRAY):
            opened.append(sign)
        elif not opened:
            break
        else:
            opened.pop()
            if sign == OBJECT_END and (brackets := bytes(opened[:DEPTH])) in CLOSINGS:
                end, closing = found.end(), CLOSINGS[brackets]
    return (text[:end] + closing, text[end:]) if end else None
