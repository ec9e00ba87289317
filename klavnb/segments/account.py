"""An account as conditions look at it: its profiles by number, since when each is known, and its events."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import polars as pl

from klavnb.metrics import RENAMED_METRICS
from klavnb.segments.calendar import Calendar
from klavnb.store import Export

__all__ = ["EVER", "Account", "find_events", "find_metric", "look_at", "number_profiles", "resolve_metric"]

EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when a profile is known of which neither creation nor events are."""

FORESEEN: Final = timedelta(days=3653)
"""How long after the last thing known of an account anniversaries are listed, unless more is asked for."""


@dataclass(frozen=True, slots=True)
class Account:
    """An export, with what all conditions need of it.

    Parameters
    ----------
    profiles
        The universe, one row per profile, sorted by `profile_id`: `profile` (its number, the row), `profile_id`
        and `since`, when it was created or, if that is earlier, did something; `EVER` if neither is known.
    until
        Up to when memberships are asked for; what recurs every year is listed until then.
    found
        Metric → its events, of those that have been asked for.
    """

    export: Export
    calendar: Calendar
    profiles: pl.DataFrame
    until: datetime
    found: dict[str, pl.DataFrame] = field(default_factory=dict)


def look_at(export: Export, calendar: Calendar, *, until: datetime | None = None) -> Account:
    """Number the profiles of an export, and find since when each is known."""
    firsts = export.events.group_by("profile_id").agg(first=pl.col("occurred_at").min())
    known = (
        export.profiles.select("profile_id", "created_at", "updated_at")
        .join(firsts, on="profile_id", how="full", coalesce=True)
        .sort("profile_id")
        .with_row_index("profile")
        .with_columns(since=pl.min_horizontal("created_at", "first").fill_null(EVER))
        .collect()
    )
    last = export.events.select(pl.col("occurred_at").max()).collect().item()
    times = [last, known["updated_at"].max(), known["since"].max()]
    latest = max([time for time in times if isinstance(time, datetime)], default=EVER)
    horizon = latest + FORESEEN
    return Account(
        export=export,
        calendar=calendar,
        profiles=known.select("profile", "profile_id", "since"),
        until=max(horizon, until) if until else horizon,
    )


def resolve_metric(account: Account, metric: str) -> str:
    """Find the name that a metric's events bear, from the metric's id or any of its names."""
    name = account.export.summary.metric_names.get(metric, metric)
    return RENAMED_METRICS.get(name, name)


def find_events(account: Account, metrics: Sequence[str], *columns: str) -> pl.LazyFrame:
    """Find the events of some metrics: `profile_id`, `time`, and further columns of theirs."""
    names = [resolve_metric(account, metric) for metric in metrics]
    is_asked = pl.col("metric") == names[0] if len(names) == 1 else pl.col("metric").is_in(names)
    return account.export.events.filter(is_asked).select("profile_id", *columns, time="occurred_at")


def find_metric(account: Account, metric: str) -> pl.DataFrame:
    """Find all events of a metric, by profile and time: `profile`, `time`, `value`; once for all who ask."""
    name = resolve_metric(account, metric)
    if name not in account.found:
        events = number_profiles(find_events(account, [metric], "value"), account)
        account.found[name] = events.sort("profile", "time").collect()
    return account.found[name]


def number_profiles(rows: pl.LazyFrame, account: Account) -> pl.LazyFrame:
    """Replace `profile_id` by the profile's number; rows of profiles that nobody knows are left out."""
    numbers = account.profiles.lazy().select("profile", "profile_id")
    return rows.join(numbers, on="profile_id").select("profile", pl.exclude("profile", "profile_id"))
