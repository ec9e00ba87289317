"""What recurs every year: the day and month of a time, year after year."""

from datetime import timedelta
from typing import Final

import polars as pl

from klavnb.definitions.conditions import DateFilter
from klavnb.segments.account import Account
from klavnb.segments.calendar import Calendar, find_day, find_midnight
from klavnb.segments.combining import unite

__all__ = ["DAYS_OF", "YEARLY", "list_anniversaries"]

YEARLY: Final = ("anniversary", "anniversary-month", "anniversary-last", "anniversary-next")
DAYS_OF: Final = {"day": 1, "week": 7}
"""How many days a unit is; hours are none."""

LONGEST: Final = 3000
"""Every date, even 29 February around 1900, has an anniversary within so many days: a longer window asks no more."""

HOURS_OF_DAY: Final = 24
DAYS_OF_YEAR: Final = 365
FEBRUARY, LEAP_DAY = 2, 29
MICROSECOND: Final = timedelta(microseconds=1)


def list_anniversaries(times: pl.DataFrame, timeframe: DateFilter, account: Account) -> pl.DataFrame:
    """Say in which spans of T the day and month of a time are asked for, year by year, the time's own year included.

    One row per row of `times` and span; the spans of a row do not overlap. They are listed from the first year in which
    anyone was known to the account's `until`, whatever the year of the time.

    - `anniversary`: T is on the day; `anniversary-month`: T is in the month.
    - `anniversary-last` N: the day's midnight is in [D0 − N, T]; `anniversary-next` N: in (T, D0 + N + 1 day). Of
      hours: in [T − N, T], and in (T, T + N].
    """
    reach = min(_count_days(timeframe) + 1, LONGEST)
    first = account.profiles.select(pl.col("since").dt.year().min()).item()
    margin = reach // DAYS_OF_YEAR + 1
    years = range((account.until.year if first is None else first) - margin, account.until.year + margin + 1)
    numbered = times.with_row_index("place")
    day = _find_day_of_year(find_day(pl.col("time"), account.calendar), timeframe, account.calendar)
    spans = (
        numbered.lazy()
        .join(pl.LazyFrame({"year": years}, schema={"year": pl.Int32}), how="cross")
        .select("place", day=day)
        .drop_nulls()
        .with_columns(**_find_window(timeframe, account.calendar))
        .select(pl.col("start", "end"), profile="place")
        .collect()
    )
    placed = unite(spans)
    return numbered.join(placed, left_on="place", right_on="profile", maintain_order="left").drop("place")


def _count_days(timeframe: DateFilter) -> int:
    """How long the window is, at most."""
    hours = timeframe.quantity // HOURS_OF_DAY + 1
    return hours if timeframe.unit == "hour" else timeframe.quantity * DAYS_OF[timeframe.unit]


def _find_day_of_year(day: pl.Expr, timeframe: DateFilter, calendar: Calendar) -> pl.Expr:
    """The day of a date in the column `year`; null where the year has none."""
    year = pl.col("year")
    if timeframe.operator == "anniversary-month":
        return pl.date(year, day.dt.month(), 1)
    is_leap_day = (day.dt.month() == FEBRUARY) & (day.dt.day() == LEAP_DAY)
    is_common_year = ~pl.date(year, 1, 1).dt.is_leap_year()
    kept = pl.when(is_leap_day & is_common_year).then(LEAP_DAY - 1).otherwise(day.dt.day())
    same = pl.date(year, day.dt.month(), kept)
    match calendar.leap_day:
        case "28 February":
            return same
        case "1 March":
            return pl.when(is_leap_day & is_common_year).then(pl.date(year, FEBRUARY + 1, 1)).otherwise(same)
        case "never":
            return pl.when(~(is_leap_day & is_common_year)).then(same)


def _find_window(timeframe: DateFilter, calendar: Calendar) -> dict[str, pl.Expr]:
    day = pl.col("day")
    midnight = find_midnight(day, calendar)
    if timeframe.operator == "anniversary-month":
        return {"start": midnight, "end": find_midnight(day.dt.offset_by("1mo"), calendar)}
    if timeframe.operator == "anniversary":
        return {"start": midnight, "end": find_midnight(day + timedelta(days=1), calendar)}
    if timeframe.unit == "hour":
        hours = timedelta(hours=min(timeframe.quantity, LONGEST * HOURS_OF_DAY))
        if timeframe.operator == "anniversary-last":
            return {"start": midnight, "end": midnight + hours + MICROSECOND}
        return {"start": midnight - hours, "end": midnight}
    days = timedelta(days=min(_count_days(timeframe), LONGEST))
    if timeframe.operator == "anniversary-last":
        return {"start": midnight, "end": find_midnight(day + days + timedelta(days=1), calendar)}
    return {"start": find_midnight(day - days, calendar), "end": midnight}
