"""Ids that look like Klaviyo's and derive from what they name, so that they repeat and pack well."""

import hashlib

__all__ = [
    "make_attribution_id",
    "make_event_id",
    "make_short_id",
    "make_ulid",
    "make_uuid",
    "number_event",
]

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BASE62 = "0123456789" + LETTERS + LETTERS.lower()

ULID_MIDDLE = "K1AVNBSAMP1E"
"""The part of a real ULID that is random; here it says where the id comes from."""

UUID_EPOCH = 12_219_292_800  # seconds from 1582-10-15, where version 1 of a UUID starts counting, to 1970
IDS_PER_SECOND = 64
IDS_FROM = 1_577_836_800  # 2020-01-01


def _spell(number: int, digits: str, width: int) -> str:
    spelt = ""
    while number or len(spelt) < width:
        number, rest = divmod(number, len(digits))
        spelt = digits[rest] + spelt
    return spelt


def make_ulid(at: int, number: int) -> str:
    """Return the 26 characters that Klaviyo gives to profiles, campaigns and messages.

    Parameters
    ----------
    at
        When the thing was made, in unix seconds; the first ten characters spell it.
    number
        The thing's own number among all that are made in that second.

    Examples
    --------
    >>> make_ulid(1756684800, 1)
    '01K4195M00K1AVNBSAMP1E0001'
    """
    return _spell(at * 1000, CROCKFORD, 10) + ULID_MIDDLE + _spell(number, CROCKFORD, 4)


def make_short_id(*words: object) -> str:
    """Return the six characters that Klaviyo gives to metrics, flows, flow messages and lists.

    Examples
    --------
    >>> len(make_short_id("metric", "Placed Order"))
    6
    """
    digest = hashlib.sha256(":".join(str(word) for word in words).encode()).digest()
    return LETTERS[digest[0] % 26] + "".join(BASE62[byte % 62] for byte in digest[1:6])


def make_event_id(number: int) -> str:
    """Return the eight or so characters that Klaviyo gives to events.

    Examples
    --------
    >>> make_event_id(0)
    '3q000000'
    """
    return "3q" + _spell(number, BASE62, 6)


def number_event(at: int, previous: int) -> int:
    """Return the number behind an event's id: it grows with time, and is larger than the previous event's."""
    return max((at - IDS_FROM) * IDS_PER_SECOND, previous + 1)


def make_uuid(at: int, number: int) -> str:
    """Return a UUID of version 1, whose first half is the time of the event.

    Examples
    --------
    >>> make_uuid(1756684800, 5)
    '9a5e4000-86c6-11f0-8001-6b6c00000005'
    """
    ticks = (at + UUID_EPOCH) * 10_000_000
    low, middle, high = ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48
    return f"{low:08x}-{middle:04x}-1{high:03x}-8001-6b6c{number:08x}"


def make_attribution_id(event_id: str, attributed_event_id: str) -> str:
    """Return the 32 hexadecimal digits that Klaviyo gives to an attribution."""
    return hashlib.sha256(f"{event_id}:{attributed_event_id}".encode()).hexdigest()[:32]
