r"""What looks like a person's in a name from the data: masked before it is shown.

A campaign may be called after a customer's address or carry a phone number. A page that shows either is refused by
its last check; so names are masked where they are made, and the report is written.
"""

import re
from collections.abc import Mapping
from functools import reduce
from types import MappingProxyType

import polars as pl

__all__ = ["PERSONAL", "mask", "tidy_names"]

PERSONAL: Mapping[str, str] = MappingProxyType(
    {
        "[e-mail]": r"[^\s@\x{ff20}]+[@\x{ff20}](?:[\w-]+\.)+[^\W\d_]{2,}",
        "[phone]": r"\+[1-9](?:[ ()/-]{0,2}\d){7,14}",
        "[address]": r"(?:\d{1,3}\.){3}\d{1,3}",
    }
)
"""What a reader sees instead → what it stands for: e-mail addresses, phone numbers, IPv4 addresses."""

UNSEEN = r"[\x00-\x1f\x7f-\x9f\x{200b}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}\x{feff}]+"
LONGEST_NAME = 120


def mask(text: str) -> str:
    """Mask what looks like a person's in a text.

    Examples
    --------
    >>> mask("Thanks, jane@example.com, call +1 555 0100 123"), mask("Spring 2026")
    ('Thanks, [e-mail], call [phone]', 'Spring 2026')
    """
    patterns = ((instead, pattern.replace(r"\x{ff20}", "\uff20")) for instead, pattern in PERSONAL.items())
    return reduce(lambda masked, pair: re.sub(pair[1], pair[0], masked), patterns, text)


def tidy_names(names: pl.Expr) -> pl.Expr:
    """Make names from the data fit to be shown: masked, without signs that cannot be seen, at most 120 long.

    Examples
    --------
    >>> names = pl.Series(["Sale\u2028now", "For jane@example.com", None, "x" * 500])
    >>> tidied = pl.select(tidy_names(pl.lit(names))).to_series()
    >>> tidied.to_list()[:3], tidied.str.len_chars()[3]
    (['Sale now', 'For [e-mail]', None], 120)
    """
    masked = reduce(lambda text, pair: text.str.replace_all(pair[1], pair[0]), PERSONAL.items(), names)
    seen = masked.str.replace_all(UNSEEN, " ").str.strip_chars()
    cut = pl.concat_str(seen.str.head(LONGEST_NAME - 1), pl.lit("…"))
    return pl.when(seen.str.len_chars() > LONGEST_NAME).then(cut).otherwise(seen)
