"""Text → value: times in all of Klaviyo's spellings, and blanks."""

from typing import Final

import polars as pl

from klavnb.schemas import UTC

__all__ = ["fill_blank", "from_unix", "parse_time", "read_times"]

USUAL: Final = "%Y-%m-%dT%H:%M:%S%z"
OFFSET: Final = r":\d\d(?:\.\d+)?[+-]\d\d:?\d\d$"
UNIX_SECONDS: Final = r"^\d{9,10}(?:\.\d+)?$"
UNIX_MILLISECONDS: Final = r"^\d{12,13}$"


def parse_time(text: pl.Expr) -> pl.Expr:
    """Read a time in any of Klaviyo's spellings as UTC; one without a zone is UTC; null where there is none.

    Examples
    --------
    >>> texts = pl.Series(["2022-11-08T01:23:45+01:00", "2023-07-18 12:43:52 UTC", "1586116963", "yesterday"])
    >>> [str(time) for time in pl.select(parse_time(pl.lit(texts))).to_series()]
    ['2022-11-08 00:23:45+00:00', '2023-07-18 12:43:52+00:00', '2020-04-05 20:02:43+00:00', 'None']
    """
    return pl.coalesce(_parse_usual(text), _parse_other(text))


def read_times(texts: pl.Series) -> pl.Series:
    """Read times as `parse_time` does, the usual spelling first, and others only where there are any.

    Examples
    --------
    >>> texts = pl.Series(["2022-11-08T01:23:45+01:00", None, "1586116963000"])
    >>> [str(time) for time in read_times(texts)]
    ['2022-11-08 00:23:45+00:00', 'None', '2020-04-05 20:02:43+00:00']
    """
    usual = pl.select(_parse_usual(pl.lit(texts))).to_series()
    if usual.null_count() == texts.null_count():
        return usual
    left = (usual.is_null() & texts.is_not_null()).arg_true()
    others = pl.select(_parse_other(pl.lit(texts.gather(left)))).to_series()
    return usual.scatter(left, others)


def _parse_usual(text: pl.Expr) -> pl.Expr:
    return text.str.to_datetime(USUAL, time_unit="us", time_zone=UTC, strict=False)


def _parse_other(text: pl.Expr) -> pl.Expr:
    tidy = text.str.strip_chars().str.strip_suffix("UTC").str.strip_suffix("Z").str.strip_chars_end()
    spaced = tidy.str.replace("T", " ", literal=True)
    zoned = pl.when(tidy.str.contains(OFFSET)).then(spaced).otherwise(spaced + "+00:00")
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
