r"""What looks like a person's in a name from the data: masked before it is shown.

A campaign may be called after a customer's address or carry a phone number. A page that shows either is refused by
its last check; so names are masked where they are made, and the report is written.
"""

import re
from collections.abc import Mapping
from functools import reduce
from types import MappingProxyType

__all__ = ["PERSONAL", "mask"]

PERSONAL: Mapping[str, str] = MappingProxyType(
    {
        "[e-mail]": r"[^\s@\x{ff20}]+[@\x{ff20}](?:[\w-]+\.)+[^\W\d_]{2,}",
        "[phone]": r"\+[1-9](?:[ ()/-]{0,2}\d){7,14}",
        "[address]": r"(?:\d{1,3}\.){3}\d{1,3}",
    }
)
"""What a reader sees instead → what it stands for: e-mail addresses, phone numbers, IPv4 addresses."""


def mask(text: str) -> str:
    """Mask what looks like a person's in a text.

    Examples
    --------
    >>> mask("Thanks, jane@example.com, call +1 555 0100 123"), mask("Spring 2026")
    ('Thanks, [e-mail], call [phone]', 'Spring 2026')
    """
    patterns = ((instead, pattern.replace(r"\x{ff20}", "\uff20")) for instead, pattern in PERSONAL.items())
    return reduce(lambda masked, pair: re.sub(pair[1], pair[0], masked), patterns, text)
