"""Names from the data, fit to be shown."""

from functools import reduce

import polars as pl

from klavnb.privacy import PERSONAL

__all__ = ["tidy_names"]

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
