"""Whose days are counted: the time zone of a day, and what becomes of 29 February."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

import polars as pl

from klavnb.errors import SettingsError

__all__ = ["UTC_CALENDAR", "AsOf", "Calendar", "find_day", "find_instant", "find_midnight", "read_date"]

AsOf: TypeAlias = datetime | date | str
"""A moment; or a day, as a date or as YYYY-MM-DD, which means its end."""

DAY: Final = timedelta(days=1)
MICROSECOND: Final = timedelta(microseconds=1)
LEAP_DAYS: Final = ("28 February", "1 March", "never")


@dataclass(frozen=True, slots=True)
class Calendar:
    """How moments become days.

    Parameters
    ----------
    time_zone
        Whose midnights part the days. Klaviyo's segments know UTC only: any other is for reports of our own.
    leap_day
        On which day of a common year 29 February has its anniversary; Klaviyo does not say.

    Examples
    --------
    >>> Calendar("Europe/Vienna").leap_day
    '28 February'
    """

    time_zone: str = "UTC"
    leap_day: Literal["28 February", "1 March", "never"] = "28 February"

    def __post_init__(self) -> None:
        """Refuse a zone that nobody knows, and a leap day that is none of the three."""
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise SettingsError(
                f"calendar, time_zone: expected the name of a time zone, found {self.time_zone!r}.",
                hint="Write it as the time zone database does, such as Europe/Vienna.",
            ) from error
        if self.leap_day not in LEAP_DAYS:
            raise SettingsError(
                f"calendar, leap_day: expected one of {', '.join(LEAP_DAYS)}, found {self.leap_day!r}.",
                hint="Say on which day of a common year those born on 29 February have their anniversary.",
            )


UTC_CALENDAR: Final = Calendar()
"""Klaviyo's own."""


def read_date(text: str) -> date:
    """Read a day written YYYY-MM-DD.

    Raises
    ------
    SettingsError
        When it is not written so, or there is no such day.
    """
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise SettingsError(
            f"A date: expected a day such as 2026-08-31, found {text!r}.",
            hint="Write year, month and day with dashes: YYYY-MM-DD.",
        ) from error


def find_instant(as_of: AsOf, calendar: Calendar = UTC_CALENDAR) -> datetime:
    """Say which moment is meant, in UTC: a moment is itself, a day is its end.

    The end of a day is one microsecond before the next midnight in the calendar's time zone, so that all
    that happened on the day counts.

    Raises
    ------
    SettingsError
        When a moment names no time zone, or a text is no day written YYYY-MM-DD.

    Examples
    --------
    >>> print(find_instant("2026-08-31", UTC_CALENDAR))
    2026-08-31 23:59:59.999999+00:00
    >>> print(find_instant(date(2026, 8, 31), Calendar("Europe/Vienna")))
    2026-08-31 21:59:59.999999+00:00
    """
    if isinstance(as_of, datetime):
        if as_of.tzinfo is None:
            raise SettingsError(
                f"A moment: expected one with a time zone, found {as_of}.",
                hint="Add tzinfo=datetime.UTC, or give a date, which means the end of that day.",
            )
        return as_of.astimezone(UTC)
    day = read_date(as_of) if isinstance(as_of, str) else as_of
    if day == date.max:
        return datetime.max.replace(tzinfo=UTC)
    following = day + DAY
    midnight = datetime(following.year, following.month, following.day, tzinfo=ZoneInfo(calendar.time_zone))
    return midnight.astimezone(UTC) - MICROSECOND


def find_day(time: pl.Expr, calendar: Calendar) -> pl.Expr:
    """Say on which day of the calendar a moment falls."""
    return time.dt.convert_time_zone(calendar.time_zone).dt.date()


def find_midnight(day: pl.Expr, calendar: Calendar) -> pl.Expr:
    """Say when a day of the calendar begins, in UTC: its first instant.

    Where clocks go forward over midnight, that is the instant of the change; where they go back over it,
    the earlier of the two midnights.
    """
    midnight = day.cast(pl.Datetime("us"))
    if calendar.time_zone == "UTC":
        return midnight.dt.replace_time_zone("UTC")
    # a midnight that the clocks leap over is 24 hours after the one before it
    leapt = _place(midnight - DAY, calendar) + DAY
    return pl.coalesce(_place(midnight, calendar), leapt)


def _place(local: pl.Expr, calendar: Calendar) -> pl.Expr:
    placed = local.dt.replace_time_zone(calendar.time_zone, ambiguous="earliest", non_existent="null")
    return placed.dt.convert_time_zone("UTC")
