"""Names from the data, fit to be shown."""

from collections import Counter
from collections.abc import Iterable
from functools import reduce

import polars as pl

from klavnb.privacy import PERSONAL

__all__ = ["tell_apart", "tidy_names"]

UNSEEN = r"[\x00-\x1f\x7f-\x9f\x{200b}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}\x{feff}]+"
LONGEST_NAME = 120


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


def tell_apart(names: Iterable[str]) -> dict[str, str]:
    """Make names fit to be shown, and number those that become the same by it: name → what is shown.

    Examples
    --------
    >>> tell_apart(["For jane@example.com", "For joe@example.com", "Sale", "Sale"])
    {'For jane@example.com': 'For [e-mail]', 'For joe@example.com': 'For [e-mail] (2)', 'Sale': 'Sale'}
    """
    different = list(dict.fromkeys(names))
    tidied = pl.select(tidy_names(pl.lit(pl.Series(different, dtype=pl.String)))).to_series()
    seen = Counter[str]()
    shown = {}
    for name, short in zip(different, tidied, strict=True):
        seen[short] += 1
        shown[name] = short if seen[short] == 1 else f"{short} ({seen[short]})"
    return shown
