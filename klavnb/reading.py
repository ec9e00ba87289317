"""Text → value: times in all of Klaviyo's spellings, and blanks."""

from collections.abc import Callable
from functools import partial
from typing import Final

import polars as pl

from klavnb.schemas import UTC

__all__ = ["fill_blank", "from_unix", "parse_time", "read_times"]

USUAL: Final = ("%Y-%m-%dT%H:%M:%S+00:00", "%Y-%m-%d %H:%M:%S+00:00", "%Y-%m-%d %H:%M:%S")
OFFSET: Final = r":\d\d(?:\.\d+)?[+-]\d\d:?\d\d$"
OFFSET_OF_HOURS: Final = r":\d\d(?:\.\d+)?[+-]\d\d$"
NO_SECONDS: Final = r" \d\d:\d\d$"
UNIX_SECONDS: Final = r"^(?:0|\d{9,10})(?:\.\d+)?$"
UNIX_MILLISECONDS: Final = r"^\d{12,13}$"


def parse_time(text: pl.Expr) -> pl.Expr:
    """Read a time in any of Klaviyo's spellings as UTC; one without a zone is UTC; null where there is none.

    Examples
    --------
    >>> texts = pl.Series(["2022-11-08T01:23:45+01:00", "2023-07-18 12:43:52 UTC", "1586116963", "yesterday"])
    >>> [str(time) for time in pl.select(parse_time(pl.lit(texts))).to_series()]
    ['2022-11-08 00:23:45+00:00', '2023-07-18 12:43:52+00:00', '2020-04-05 20:02:43+00:00', 'None']
    """
    return pl.coalesce(_parse(text, USUAL[0]), _parse_other(text))


def read_times(texts: pl.Series) -> pl.Series:
    """Read times as `parse_time` does, the usual spelling first, and others only where there are any left.

    Examples
    --------
    >>> texts = pl.Series(["2022-11-08T01:23:45+01:00", None, "1586116963000"])
    >>> [str(time) for time in read_times(texts)]
    ['2022-11-08 00:23:45+00:00', 'None', '2020-04-05 20:02:43+00:00']
    """
    times = pl.select(_parse(pl.lit(texts), USUAL[0])).to_series()
    others: list[Callable[[pl.Expr], pl.Expr]] = [partial(_parse, spelling=spelling) for spelling in USUAL[1:]]
    for parse in (*others, _parse_other):
        left = (times.is_null() & texts.is_not_null()).arg_true()
        if left.is_empty():
            return times
        times = times.scatter(left, pl.select(parse(pl.lit(texts.gather(left)))).to_series())
    return times


def _parse(text: pl.Expr, spelling: str) -> pl.Expr:
    # without a zone to read, and each text by itself, it is five times as fast
    return text.str.to_datetime(spelling, time_unit="us", strict=False, cache=False).dt.replace_time_zone(UTC)


def _parse_other(text: pl.Expr) -> pl.Expr:
    tidy = text.str.strip_chars().str.strip_suffix("UTC").str.strip_suffix("Z").str.strip_chars_end()
    spaced = tidy.str.replace("T", " ", literal=True)
    joined = spaced.str.replace(" +", "+", literal=True).str.replace(" -", "-", literal=True)
    zoned = (
        pl.when(joined.str.contains(OFFSET))
        .then(joined)
        .when(joined.str.contains(OFFSET_OF_HOURS))  # as databases write it
        .then(joined + ":00")
        .when(joined.str.contains(NO_SECONDS))
        .then(joined + ":00+00:00")
        .otherwise(joined + "+00:00")
    )
    spelled = zoned.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%z", time_unit="us", time_zone=UTC, strict=False)
    seconds = from_unix(pl.when(tidy.str.contains(UNIX_SECONDS)).then(tidy))
    milliseconds = pl.when(tidy.str.contains(UNIX_MILLISECONDS)).then(tidy).cast(pl.Int64, strict=False)
    return pl.coalesce(spelled, seconds, (milliseconds * 1000).cast(pl.Datetime("us", UTC)))


def from_unix(text: pl.Expr) -> pl.Expr:
    """Read seconds since 1970, fractions included, as UTC; null where there is no number."""
    micros = (text.cast(pl.Float64, strict=False) * 1_000_000).round().cast(pl.Int64, strict=False)
    return micros.cast(pl.Datetime("us", UTC))


def fill_blank(name: str) -> pl.Expr:
    """Return a text column with blanks as nulls."""
    return pl.col(name).str.strip_chars().replace("", None)
