"""A filter by date → the moments at which it is true of a time: spans of the as-of moment.

Klaviyo asks at one moment T which times lie in a window; here each time says at which T it lies in it. Days
are those of the calendar: D is the day of T, and d that of the time.
"""

from datetime import date, timedelta
from typing import Final

import polars as pl

from klavnb.definitions.conditions import DateFilter
from klavnb.segments.account import Account
from klavnb.segments.anniversaries import DAYS_OF, YEARLY, list_anniversaries
from klavnb.segments.calendar import Calendar, find_day, find_midnight
from klavnb.segments.combining import FAR, LONG_AGO, TIME

__all__ = ["place_dates", "place_events"]

MICROSECOND: Final = timedelta(microseconds=1)
ALWAYS: Final = (pl.lit(LONG_AGO, TIME), pl.lit(FAR, TIME))


def place_dates(times: pl.DataFrame, timeframe: DateFilter, account: Account) -> pl.DataFrame:
    """Say when a filter is true of times, be they past or to come.

    Rows as in `times`, with `start` and `end`; of a filter that recurs every year, a row for each time that it
    is true, and these never overlap. Rows of which it is never true are left out.

    Parameters
    ----------
    times
        Any rows with a column `time`; without a null.
    """
    if timeframe.operator in YEARLY:
        return list_anniversaries(times, timeframe, account)
    start, end = _find_window(timeframe, account.calendar)
    return times.with_columns(start=start, end=end).filter(pl.col("start") < pl.col("end"))


def place_events(times: pl.DataFrame, timeframe: DateFilter, account: Account) -> pl.DataFrame:
    """Say when a filter is true of events: as `place_dates`, but never before an event has happened."""
    placed = place_dates(times, timeframe, account).with_columns(start=pl.max_horizontal("start", "time"))
    return placed.filter(pl.col("start") < pl.col("end"))


def _find_window(timeframe: DateFilter, calendar: Calendar) -> tuple[pl.Expr, pl.Expr]:
    """The span of T in which a time lies in the window, over the column `time`."""
    if timeframe.operator in ("before", "after", "between-static", "calendar-month", "alltime"):
        holds = _is_in(timeframe, calendar)
        return ALWAYS[0], pl.when(holds).then(ALWAYS[1]).otherwise(ALWAYS[0])
    if timeframe.unit == "hour":
        return _find_rolling(timeframe)
    return _find_floored(timeframe, calendar)


def _is_in(timeframe: DateFilter, calendar: Calendar) -> pl.Expr:
    """Whether a time is in a window that does not move."""
    time = pl.col("time")
    match timeframe.operator:
        case "before":
            return time < _midnight(timeframe.start_on, 0, calendar)
        case "after":
            return time >= _midnight(timeframe.start_on, 1, calendar)
        case "between-static":
            ends = _midnight(timeframe.end_on, 1, calendar)
            return (time >= _midnight(timeframe.start_on, 0, calendar)) & (time < ends)
        case "calendar-month":
            return find_day(time, calendar).dt.month() == timeframe.month
        case _:
            return time.is_not_null()


def _midnight(day: date | None, later: int, calendar: Calendar) -> pl.Expr:
    return find_midnight(pl.lit(day, pl.Date) + timedelta(days=later), calendar)


def _find_floored(timeframe: DateFilter, calendar: Calendar) -> tuple[pl.Expr, pl.Expr]:
    """Windows of whole days: d >= D − N means D <= d + N, which ends at the midnight after that day."""
    time, unit = pl.col("time"), DAYS_OF[timeframe.unit]

    def begin(amount: int, *, later: int = 0) -> pl.Expr:
        """The midnight with which the day that lies so many units after d begins, or one some days later."""
        return find_midnight(find_day(time, calendar) + timedelta(days=amount * unit + later), calendar)

    match timeframe.operator:
        case "in-the-last":  # D − N <= d, and time <= T
            return time, begin(timeframe.quantity, later=1)
        case "at-least":  # d < D − N
            return begin(timeframe.quantity, later=1), ALWAYS[1]
        case "in-the-next":  # T <= time, and d <= D + N
            return begin(-timeframe.quantity), time + MICROSECOND
        case _:  # between: D − farthest <= d <= D − nearest
            return begin(timeframe.nearest), begin(timeframe.farthest, later=1)


def _find_rolling(timeframe: DateFilter) -> tuple[pl.Expr, pl.Expr]:
    """Windows of hours, both ends closed."""
    time, hours = pl.col("time"), timedelta(hours=timeframe.quantity)
    match timeframe.operator:
        case "in-the-last":  # T − N <= time <= T
            return time, time + hours + MICROSECOND
        case "at-least":  # time < T − N
            return time + hours + MICROSECOND, ALWAYS[1]
        case "in-the-next":  # T <= time <= T + N
            return time - hours, time + MICROSECOND
        case _:  # between: T − farthest <= time <= T − nearest
            near, far = timedelta(hours=timeframe.nearest), timedelta(hours=timeframe.farthest)
            return time + near, time + far + MICROSECOND
