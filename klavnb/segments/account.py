"""An account as conditions look at it: its profiles by number, since when each is known, and its events."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import polars as pl

from klavnb.export import Export
from klavnb.segments.calendar import Calendar
from klavnb.segments.reading import EventQuestion, MetricEvents, group_questions, read_events, resolve_metric

__all__ = [
    "EVER",
    "EVERYONE",
    "Account",
    "ProfileRange",
    "find_events",
    "find_horizon",
    "look_at",
    "number_profiles",
]

PROFILE_IDS: Final = pl.DataFrame(schema={"profile_id": pl.String})

EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when a profile is known of which neither creation nor events are."""

FORESEEN: Final = timedelta(days=3653)
"""How long after the last thing known of an account anniversaries are listed, unless more is asked for."""


@dataclass(frozen=True, slots=True)
class ProfileRange:
    """The profiles whose ids lie between two, in the order of their letters.

    Parameters
    ----------
    first, end
        The first id that is in it, and the first that no longer is; None: there is no bound.
    """

    first: str | None = None
    end: str | None = None

    def narrow(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Leave the rows of these profiles, of any frame with a `profile_id`."""
        if self.first is not None:
            frame = frame.filter(pl.col("profile_id") >= self.first)
        return frame if self.end is None else frame.filter(pl.col("profile_id") < self.end)


EVERYONE: Final = ProfileRange()


@dataclass(frozen=True, slots=True)
class Account:
    """An export, with what all conditions need of it, for some of its profiles.

    Parameters
    ----------
    profiles
        One row per profile, sorted by `profile_id`: `profile` (its number, the row), `profile_id` and, if everyone is
        asked for, `since`, when it was created or, if that is earlier, did something; `EVER` if neither is known.
    within
        The profiles that are looked at.
    until
        Up to when memberships are asked for; what recurs every year is listed until then.
    events
        Metric, by the name that its events bear → its events, of the metrics that are asked for.
    """

    export: Export
    calendar: Calendar
    profiles: pl.DataFrame
    within: ProfileRange
    until: datetime
    events: dict[str, MetricEvents]


def find_horizon(export: Export, until: datetime | None = None) -> datetime:
    """Say up to when anniversaries are listed: some years beyond the last thing known of an account, or longer."""
    last = export.events.select(pl.col("occurred_at").max()).collect().item()
    people = export.profiles.select(pl.col("created_at", "updated_at").max()).collect().row(0)
    latest = max([time for time in (last, *people) if isinstance(time, datetime)], default=EVER)
    horizon = latest + FORESEEN
    return max(horizon, until) if until else horizon


def look_at(
    export: Export,
    questions: Iterable[EventQuestion],
    *,
    calendar: Calendar,
    until: datetime,
    within: ProfileRange,
    is_everyone_asked: bool,
) -> Account:
    """Read what conditions ask of some profiles: their events, and, if everyone is asked for, since when each is known.

    Parameters
    ----------
    is_everyone_asked
        Whether profiles without an event that is asked for matter, and since when each is known.
    """
    read = read_events(within.narrow(export.events), group_questions(export, questions))
    if is_everyone_asked:
        profiles = _find_everyone(export, within)
    else:
        ids = [each.rows.select("profile_id") for each in read.values()]
        profiles = pl.concat([PROFILE_IDS, *ids]).unique().sort("profile_id").with_row_index("profile")
    account = Account(export, calendar, profiles, within, until, {})
    for metric, each in read.items():
        account.events[metric] = MetricEvents(number_profiles(each.rows.lazy(), account).collect(), each.values)
    return account


def _find_everyone(export: Export, within: ProfileRange) -> pl.DataFrame:
    firsts = within.narrow(export.events).group_by("profile_id").agg(first=pl.col("occurred_at").min())
    return (
        within.narrow(export.profiles)
        .select("profile_id", "created_at")
        .join(firsts, on="profile_id", how="full", coalesce=True)
        .sort("profile_id")
        .with_row_index("profile")
        .select("profile", "profile_id", since=pl.min_horizontal("created_at", "first").fill_null(EVER))
        .collect(engine="streaming")
    )


def find_events(account: Account, metric: str) -> MetricEvents:
    """Find the events of a metric, by its id or any of its names, of those that were asked for."""
    return account.events[resolve_metric(account.export, metric)]


def number_profiles(rows: pl.LazyFrame, account: Account) -> pl.LazyFrame:
    """Replace `profile_id` by the profile's number; rows of profiles that are not looked at are left out."""
    numbers = account.profiles.lazy().select("profile", "profile_id")
    return rows.join(numbers, on="profile_id", maintain_order="left").select(
        "profile", pl.exclude("profile", "profile_id")
    )
