"""Klaviyo's API as JSON: response pages, single resources, one resource per line, or an array of them.

Resources are recognised by their `type`, whichever file they are in. The objects of the first API
(`object: event`) and what webhooks bring hold the same and are read too.
"""

from klavnb.formats.json_files import read, split
from klavnb.formats.source import Source

__all__ = ["read", "recognises", "split"]


def recognises(_source: Source, head: bytes) -> bool:
    """Tell whether a file may be JSON; whether it is Klaviyo's shows when it is read."""
    return head.lstrip()[:1] in (b"{", b"[")
