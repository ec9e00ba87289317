"""Decoded JSON: ways into it, its text, and what Klaviyo recorded in it about an attribution."""

import re
from typing import Final

import msgspec
from msgspec import Raw

__all__ = ["NOTHING", "UNUSABLE", "dig", "is_object", "keep_text", "list_recorded_events", "mend_halves", "to_text"]

NOTHING: Final = Raw(b"null")
"""A value that is null or absent."""

UNUSABLE: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
"""What decoding raises where a text is not JSON, not of the wanted shape, nested too deeply, or not UTF-8."""

HALF: Final = re.compile(
    rb"(?<!\\)((?:\\\\)*)(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
"""Half of a sign that JSON escapes in two halves, such as an emoji, without the other half."""


def to_text(value: object) -> str | None:
    """Write a decoded JSON value as text: text as it is, null as null, all else as JSON.

    Examples
    --------
    >>> to_text("12"), to_text(12), to_text(True), to_text({"a": None}), to_text(None)
    ('12', '12', 'true', '{"a":null}', None)
    """
    if value is None or type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    return msgspec.json.encode(value).decode()


def keep_text(raw: Raw) -> str | None:
    """Return a value's JSON text as it is; None where it is null or absent."""
    return None if raw == NOTHING else str(raw, "utf-8")


def is_object(raw: Raw) -> bool:
    """Tell whether a JSON value is an object."""
    return bytes(raw)[:1] == b"{"


def dig(value: object, *keys: str) -> object:
    """Follow keys into nested objects; None where there is no such way.

    Examples
    --------
    >>> dig({"data": {"id": "a"}}, "data", "id"), dig([], "data"), dig({"data": None}, "data", "id")
    ('a', None, None)
    """
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def mend_halves(text: bytes) -> bytes:
    r"""Replace halves of a sign that lack the other half: a text was cut inside an emoji, and is no Unicode so.

    Examples
    --------
    >>> mend_halves(rb'"cut \ud83d" "whole \ud83d\ude00" "a \\ud83d"')
    b'"cut \\ufffd" "whole \\ud83d\\ude00" "a \\\\ud83d"'
    """
    return HALF.sub(rb"\1\\ufffd", text) if b"\\ud" in text or b"\\uD" in text else text


def list_recorded_events(attribution: object) -> list[str] | None:
    """List the events that an attribution inside the properties credits, in any of its shapes.

    Returns
    -------
    list of str or None
        Empty where Klaviyo recorded none (`{}`, `""`, `0`, null); None where it recorded something
        without saying which event.

    Examples
    --------
    >>> list_recorded_events({"$attributed_event_id": "e1", "$message": "m1"})
    ['e1']
    >>> list_recorded_events({"relationships": {"attributed-event": {"data": {"type": "event", "id": "e1"}}}})
    ['e1']
    >>> list_recorded_events({}), list_recorded_events(""), list_recorded_events({"$message": "m1"})
    ([], [], None)
    """
    if type(attribution) is dict and type(named := attribution.get("$attributed_event_id")) is str:  # nearly always
        return [] if named in ("", "0") else [named]
    if isinstance(attribution, list):
        parts = [list_recorded_events(part) for part in attribution]
        return None if None in parts else [event for part in parts if part for event in part]
    if not attribution or attribution in ("0", "{}", "[]"):
        return []
    found = (
        dig(attribution, *way)
        for way in (
            ("$attributed_event_id",),
            ("attributed_event_id",),
            ("relationships", "attributed-event", "data", "id"),
        )
    )
    events = [event for event in found if event is not None]
    if not events:
        return None
    text = to_text(events[0]) or ""
    return [] if text in ("", "0") else [text]
