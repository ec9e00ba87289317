"""The days that a study of messages looks at, those of the same number before, and whether the two compare."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import polars as pl

from klavnb.errors import SettingsError
from klavnb.segments.calendar import Calendar, find_day, read_date

__all__ = ["Period", "plan_period"]

DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A period and the one of the same length before it, in days of the account.

    Parameters
    ----------
    first_on, last_on
        Its first and last day, both included.
    is_open
        It has no first day of its own: whatever came before counts too, and no period is before it.
    data_from_on
        The day of the export's first event.
    """

    first_on: date
    last_on: date
    is_open: bool
    data_from_on: date

    @property
    def count_days(self) -> int:
        """Days of the period."""
        return (self.last_on - self.first_on).days + 1

    @property
    def previous_first_on(self) -> date:
        """First day of the period before."""
        return self.first_on - self.count_days * DAY

    @property
    def previous_last_on(self) -> date:
        """Last day of the period before."""
        return self.first_on - DAY

    @property
    def has_previous(self) -> bool:
        """Whether the export goes back to the first day of the period before."""
        return not self.is_open and self.data_from_on <= self.previous_first_on

    def find_part(self, day: pl.Expr) -> pl.Expr:
        """Say of a day whether it is in the period (`current`) or in the one before (`previous`); else null."""
        first_on = date.min if self.is_open else self.first_on
        return (
            pl.when(day.is_between(first_on, self.last_on))
            .then(pl.lit("current"))
            .when(day.is_between(self.previous_first_on, self.previous_last_on))
            .then(pl.lit("previous"))
        )


def plan_period(
    *, data_from: datetime, as_of: datetime, calendar: Calendar, start: str = "", end: str = "", days: int = 0
) -> Period:
    """Choose the days of a study.

    Parameters
    ----------
    data_from, as_of
        The first and the last moment that the export knows of.
    start, end
        First and last day, YYYY-MM-DD, in the calendar's time zone; an empty end: the day of `as_of`.
    days
        Where start is empty: so many days up to the end; 0: without a limit.

    Raises
    ------
    SettingsError
        When a day is no day, the period ends before it begins, or `days` is below 0.

    Examples
    --------
    >>> from datetime import UTC
    >>> moments = {"data_from": datetime(2026, 1, 1, tzinfo=UTC), "as_of": datetime(2026, 8, 31, 22, 30, tzinfo=UTC)}
    >>> period = plan_period(**moments, calendar=Calendar("Europe/Vienna"), days=30)
    >>> print(period.first_on, period.last_on, period.previous_first_on, period.has_previous)
    2026-08-03 2026-09-01 2026-07-04 True
    """
    from_on, as_of_on = pl.select(
        find_day(pl.lit(data_from), calendar).alias("from"), find_day(pl.lit(as_of), calendar).alias("as_of")
    ).row(0)
    if days < 0:
        raise SettingsError(f"The days of the period: expected 0 or more, found {days}.", hint="0 means all days.")
    last_on = read_date(end) if end else as_of_on
    first_on = read_date(start) if start else last_on - (days - 1) * DAY if days else min(from_on, last_on)
    if first_on > last_on:
        raise SettingsError(
            f"The period would begin on {first_on} and end on {last_on}; events lie between {from_on} and {as_of_on}.",
            hint="Change start or end.",
        )
    return Period(first_on=first_on, last_on=last_on, is_open=not start and not days, data_from_on=from_on)
