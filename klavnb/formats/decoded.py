"""Decoded JSON: ways into it, its text, and what Klaviyo recorded in it about an attribution."""

import msgspec

__all__ = ["dig", "list_recorded_events", "to_text"]


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
    named = [event for event in found if event is not None]
    if not named:
        return None
    text = to_text(named[0]) or ""
    return [] if text in ("", "0") else [text]
