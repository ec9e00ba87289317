"""Everything that the checks of an export rest on: a few small tables, counted in as few passes as can be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import polars as pl

from klavnb.export import Export
from klavnb.formats.contract import BROKEN
from klavnb.metrics import RENAMED_METRICS
from klavnb.quality.checks import Limits
from klavnb.quality.days import find_period
from klavnb.quality.matching import count_receipts, count_recorded, count_seconds
from klavnb.quality.orders import bin_values, count_orders, count_outliers, count_repeats
from klavnb.quality.people import count_profiles
from klavnb.segments import find_instant
from klavnb.segments.calendar import AsOf
from klavnb.settings import Settings
from klavnb.summary import LoadSummary
from klavnb.touches import find_touches

__all__ = ["Survey", "survey_export"]

FLAGS: Final = ("is_machine_open", "is_bot_click")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was counted in an export: small frames, of which every check is made.

    Parameters
    ----------
    as_of
        When the export was made, as far as is known: what is later lies in the future.
    conversion
        The conversion metric, under the name that loading keeps.
    first_on, last_on
        The days of the usual period, both included: without stray early events and without the future.
    ends_at
        The last event that does not lie in the future; None where there is none.
    count_stray
        Events before the usual period.
    days
        One row per metric and day (`on`) with events: `count_events`, `count_messageless`. The whole export.
    metrics
        One row per metric, the most frequent first: its `role` (null: none that attribution uses), `count_events`,
        `count_messageless`, `count_midnight`, `count_future`, `first_at`, `last_at`, and of each flag
        (`is_machine_open`, `is_bot_click`) how often it is known to hold and how often it is unknown.
    receipts
        One row per channel and kind of touches whose window runs from the receipt: `count_touches`, and of these
        those with a `received_event`, else a `send_cohort`, else a `handoff`, else none of them (`touch`).
    orders
        One row per currency (null: not said), the most orders first: `count_orders`, `count_no_value`, `count_zero`,
        `count_negative`, `value`, `median` of the values above 0, `count_outliers`, `outlier_value`.
    values
        One row per currency and step of value (`lower`, 1-2-5 steps; null: no value): `count_orders`.
    repeats
        Orders there more than once: `count_repeats` (beyond the first), `repeated_value`, `count_numberless` orders.
    recorded
        `count_orders`, of which Klaviyo's own attribution is `known`, `credited` (to something), and `dangling` (to an
        event that is not in the export); `provisional` and `early` orders.
    seconds
        One row per metric with a crowded second: `occurred_at`, `count_events`.
    profiles
        Counts of profiles, and the one with the most events: see `klavnb.quality.people.count_profiles`.
    messages, groups
        `count_messages`, `count_nameless`; `count_groups`, `count_members`.
    broken_files
        Names of the files that were broken or cut short, sorted.
    """

    settings: Settings
    limits: Limits
    summary: LoadSummary
    as_of: datetime
    conversion: str
    first_on: date
    last_on: date
    ends_at: datetime | None
    count_stray: int
    days: pl.DataFrame
    metrics: pl.DataFrame
    receipts: pl.DataFrame
    orders: pl.DataFrame
    values: pl.DataFrame
    repeats: Mapping[str, Any]
    recorded: Mapping[str, Any]
    seconds: pl.DataFrame
    profiles: Mapping[str, Any]
    messages: Mapping[str, int]
    groups: Mapping[str, int]
    broken_files: tuple[str, ...]

    @property
    def count_events(self) -> int:
        """All events."""
        return int(self.metrics["count_events"].sum())

    @property
    def count_days(self) -> int:
        """Days of the usual period."""
        return (self.last_on - self.first_on).days + 1


def survey_export(
    export: Export, *, settings: Settings, limits: Limits | None = None, as_of: AsOf | None = None
) -> Survey:
    """Count in an export all that the checks need.

    `properties` is never read, and nothing is held in memory but counts by metric and day, 28 bytes for each profile,
    and what the orders need.

    Parameters
    ----------
    settings
        The metric names, windows and the conversion of the attribution that the export is meant for.
    limits
        What is a matter of judgement; some of it decides what is counted.
    as_of
        When the export was made: a moment, or a day (a date, or text such as 2026-08-31), which means its end.
        By default, and where the text is empty, now.

    Raises
    ------
    SettingsError
        When a text is no day.

    Examples
    --------
    >>> from klavnb.store import read_export
    >>> survey = survey_export(read_export("sample"), settings=Settings())
    >>> survey.first_on, survey.last_on, survey.count_stray
    (datetime.date(2025, 9, 1), datetime.date(2026, 8, 31), 0)
    """
    judged, now = limits or Limits(), find_instant(as_of or datetime.now(UTC))
    conversion = RENAMED_METRICS.get(settings.conversion_metric, settings.conversion_metric)
    events = export.events.lazy()
    by_day = _count_days(events, now).collect(engine="streaming")
    first_on, last_on, count_stray = find_period(by_day, limits=judged, last_on=now.date())
    metrics = _sum_metrics(by_day, settings)
    past = by_day.filter(pl.col("count_events") > pl.col("count_future"))["last_past_at"].max()
    ends_at = past if isinstance(past, datetime) else None
    starts_at = datetime(first_on.year, first_on.month, first_on.day, tzinfo=UTC)

    touches: Any = export.events.filter(_is_touch(settings))  # the contract holds for fewer rows too
    conversions = events.filter(pl.col("metric") == conversion)
    medians = count_orders(conversions).collect(engine="streaming")
    found = [
        # one after the other: side by side they would need the memory of all
        query.collect(engine="streaming")
        for query in (
            count_outliers(conversions, medians, limits=judged),
            bin_values(conversions),
            count_repeats(conversions),
            count_recorded(
                events,
                conversions,
                early=starts_at + settings.longest_window,
                recent=(ends_at or now) - judged.provisional,
            ),
            count_receipts(find_touches(touches, settings=settings).lazy()),
            count_seconds(events, by_day, metrics, limits=judged),
            export.messages.lazy().select(count_messages=pl.len(), count_nameless=pl.col("name").is_null().sum()),
            export.groups.lazy().select(count_groups=pl.col("group_id").n_unique(), count_members=pl.len()),
            export.rejects.lazy().filter(pl.col("reason").str.starts_with(BROKEN)).select("file").unique().sort("file"),
        )
    ]
    outliers, values, repeats, recorded, receipts, seconds, messages, groups, broken = found
    return Survey(
        settings=settings,
        limits=judged,
        summary=export.summary,
        as_of=now,
        conversion=conversion,
        first_on=first_on,
        last_on=last_on,
        ends_at=ends_at,
        count_stray=count_stray,
        days=by_day.select("metric", "on", "count_events", "count_messageless"),
        metrics=metrics,
        receipts=receipts,
        orders=medians.join(outliers, on="currency", how="left", nulls_equal=True, maintain_order="left").with_columns(
            pl.col("count_outliers", "outlier_value").fill_null(0)
        ),
        values=values,
        repeats=repeats.row(0, named=True),
        recorded=recorded.row(0, named=True),
        seconds=seconds,
        profiles=count_profiles(
            events, export.profiles.lazy(), conversion=conversion, starts_at=starts_at, ends_at=ends_at or now
        ),
        messages=messages.row(0, named=True),
        groups=groups.row(0, named=True),
        broken_files=tuple(broken["file"]),
    )


def _is_touch(settings: Settings) -> pl.Expr:
    """Tell touches early, by their metric: the rest of an export need not be looked at for them."""
    return pl.col("metric").is_in([metric for metric, role in settings.roles.items() if role in settings.windows])


def _count_days(events: pl.LazyFrame, now: datetime) -> pl.LazyFrame:
    """Count by metric and day, the only pass over all events and more than three columns."""
    at = pl.col("occurred_at")
    return (
        events.group_by("metric", on=at.dt.date())
        .agg(
            count_events=pl.len(),
            count_messageless=pl.col("message_id").is_null().sum(),
            count_midnight=(at == at.dt.truncate("1d")).sum(),
            count_future=(at > now).sum(),
            first_at=at.min(),
            last_at=at.max(),
            last_past_at=at.filter(at <= now).max(),
            **{f"{flag}_known": pl.col(flag).fill_null(value=False).sum() for flag in FLAGS},
            **{f"{flag}_unknown": pl.col(flag).is_null().sum() for flag in FLAGS},
        )
        .sort("metric", "on")
    )


def _sum_metrics(by_day: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    counts = pl.selectors.starts_with("count_", "is_")
    return (
        by_day.group_by("metric")
        .agg(counts.sum().cast(pl.Int64), pl.col("first_at").min(), pl.col("last_at").max())
        .with_columns(role=pl.col("metric").replace_strict(settings.roles, default=None, return_dtype=pl.String))
        .sort("count_events", "metric", descending=[True, False])
    )
