"""Ids for profiles that an export gives none: made of what tells who they are, so that no report shows it."""

import hashlib
from typing import Final

__all__ = ["make_profile_id"]

DIGITS: Final = 16
CASELESS: Final = ("email", "phone")


def make_profile_id(kind: str, identifier: str) -> str:
    """Return the id of a profile of which nothing but an identifier is known.

    Parameters
    ----------
    kind
        What it is: `email`, `phone`, or another word of ours. E-mail addresses are the same in any case.
    identifier
        The address or number itself.

    Examples
    --------
    >>> make_profile_id("email", " Ann@example.com") == make_profile_id("email", "ann@example.com")
    True
    >>> make_profile_id("external", "A1") == make_profile_id("external", "a1")
    False
    """
    tidy = identifier.strip()
    known = tidy.lower() if kind in CASELESS else tidy
    return f"{kind}:{hashlib.sha256(known.encode()).hexdigest()[:DIGITS]}"
