"""What a load took in, kept and set aside, and what its attribution will lack."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import polars as pl

from klavnb.errors import name_some
from klavnb.formats.contract import BROKEN
from klavnb.metrics import RENAMED_METRICS
from klavnb.settings import Settings
from klavnb.tally import Tally, describe_tally, fingerprint, sort_counts

__all__ = ["LoadSummary", "count_doubled_orders", "find_gaps", "find_missing", "renew_notes", "summarise"]

MISSING: Final = "There are no "
"""How the notes about missing metrics begin, and no other: they depend on the settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSummary:
    """What a load took in, kept and set aside.

    Parameters
    ----------
    sources
        Base names of the files, sorted.
    rows_in
        Event records, and all other records that were rejected: a broken line may have been anything.
        `rows_in == rows_kept + sum(rejected.values())`, always.
    rows_kept
        Events.
    rejected
        Reason → rows, the most frequent first.
    count_profiles, count_messages
        Rows after merging: profiles and messages come many times over in an export, and merge.
    first_event_at, last_event_at
        Of the events kept, both included, UTC; None where there is none.
    metrics
        Metric → events kept, the most frequent first.
    notes
        Sentences on what was kept in part, and on what attribution will lack.
    fingerprint
        12 hexadecimal digits that stand for the content: the same for a store and for the export it
        was made from, whatever the files' names and order.
    metric_names
        Klaviyo's metric id → name, where the export says it: segments name metrics by their ids.
    named_metrics
        The account's own metric names of the settings at loading → role: which events are about messages.
    tally
        The counts that all of this was made from; those of several loads add up.
    """

    sources: tuple[str, ...]
    rows_in: int
    rows_kept: int
    rejected: dict[str, int]
    count_profiles: int
    count_messages: int
    first_event_at: datetime | None
    last_event_at: datetime | None
    metrics: dict[str, int]
    notes: tuple[str, ...]
    fingerprint: str
    named_metrics: Mapping[str, str] = field(default_factory=dict)
    metric_names: Mapping[str, str] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)

    def to_frame(self) -> pl.DataFrame:
        """Return the summary as a table: one row per figure, in the order in which a person reads it.

        Columns: `section` (rows, rejected, period, metrics, notes), `name`, and `value` as text.
        """
        rows = [
            ("rows", "in", str(self.rows_in)),
            ("rows", "kept", str(self.rows_kept)),
            *(("rejected", reason, str(count)) for reason, count in self.rejected.items()),
            ("rows", "profiles", str(self.count_profiles)),
            ("rows", "messages", str(self.count_messages)),
            ("period", "from", _describe(self.first_event_at)),
            ("period", "to", _describe(self.last_event_at)),
            *(("metrics", metric, str(count)) for metric, count in self.metrics.items()),
            *(("notes", "", note) for note in self.notes),
        ]
        return pl.DataFrame(rows, schema=["section", "name", "value"], orient="row")


def summarise(
    tally: Tally,
    *,
    sources: Collection[str],
    skipped: Sequence[str],
    count_profiles: int,
    count_messages: int,
    digests: Sequence[str],
    metric_names: Mapping[str, str],
    count_doubled: int,
    settings: Settings,
) -> LoadSummary:
    """Say what came of the files, and what attribution with these settings will lack.

    Parameters
    ----------
    tally
        What was counted of all events and rejects.
    sources, skipped
        Base names of the files that were read; names of those that are no export.
    count_profiles, count_messages
        Rows after merging.
    digests
        Of the other frames of the export.
    metric_names
        Klaviyo's metric id → name as exported.
    count_doubled
        Orders that are there under more than one event id, see `count_doubled_orders`.
    settings
        Those of the load.
    """
    kept = sum(tally.metrics.values())
    passed_over = f"Passed over, being no export: {name_some(skipped)}." if skipped else ""
    return LoadSummary(
        sources=tuple(sorted(sources)),
        rows_in=kept + sum(tally.rejected.values()),
        rows_kept=kept,
        rejected=sort_counts(tally.rejected),
        count_profiles=count_profiles,
        count_messages=count_messages,
        first_event_at=tally.first_event_at,
        last_event_at=tally.last_event_at,
        metrics=sort_counts(tally.metrics),
        notes=(
            *find_missing(tally.metrics, settings=settings),
            *_describe_broken(tally.rejected),
            *describe_tally(tally),
            *find_gaps(tally, settings=settings),
            *_describe_doubled(count_doubled),
            *filter(None, [passed_over]),
        ),
        fingerprint=fingerprint([*(f"{day}{digest}" for day, digest in sorted(tally.days.items())), *digests]),
        named_metrics=dict(sorted(settings.metrics.items())),
        metric_names={key: RENAMED_METRICS.get(name, name) for key, name in sorted(metric_names.items())},
        tally=tally,
    )


def _describe_broken(rejected: Mapping[str, int]) -> Iterator[str]:
    """Say which files could not be read, or not to their end."""
    broken = sorted(reason.removeprefix(BROKEN) for reason in rejected if reason.startswith(BROKEN))
    if broken:
        yield (
            f"Files that are broken or cut short: {name_some(broken)}. What cannot be read of them counts nowhere; "
            "export them again."
        )


def _describe(time: datetime | None) -> str:
    return "no events" if time is None else f"{time:%Y-%m-%d %H:%M:%S} UTC"


def renew_notes(summary: LoadSummary, *, settings: Settings) -> LoadSummary:
    """Say what is missing for these settings, instead of those that the export was loaded with."""
    others = (note for note in summary.notes if not note.startswith(MISSING))
    return replace(summary, notes=(*find_missing(summary.metrics, settings=settings), *others))


def find_missing(metrics: Collection[str], *, settings: Settings) -> Iterator[str]:
    """Say which metrics attribution will lack; one sentence each."""
    found = {role for metric, role in settings.roles.items() if metric in metrics}
    for channel, name in (("email", "e-mail"), ("sms", "SMS"), ("whatsapp", "WhatsApp")):
        is_touched = {f"{channel}.open", f"{channel}.click"} & found
        if is_touched and f"{channel}.received" not in found:
            yield (
                f"{MISSING}Received events of {name}: its windows run from the send cohort, the handoff or, "
                "where neither is known, the touch."
            )
    if not any(role.startswith("sms.") for role in found):
        yield f"{MISSING}SMS events at all: nothing can be attributed to SMS."
    if settings.conversion_metric not in metrics:
        yield f"{MISSING}events of the conversion metric {settings.conversion_metric}: nothing can be attributed."


def find_gaps(tally: Tally, *, settings: Settings) -> Iterator[str]:
    """Say what the events cannot be compared with, and what must not be added up; one sentence each."""
    metric = RENAMED_METRICS.get(settings.conversion_metric, settings.conversion_metric)
    if tally.metrics.get(metric) and not tally.recorded.get(metric):
        yield (
            "The export does not say what Klaviyo itself credited, so nothing can be compared with it; "
            "export with include=attributions."
        )
    if len(tally.currencies) > 1:
        yield f"Values are in several currencies ({name_some(tally.currencies)}); they are never added up across them."


def count_doubled_orders(events: pl.LazyFrame, *, settings: Settings) -> int:
    """Count the orders that came by two routes: conversions of one profile and order number with several event ids."""
    metric = RENAMED_METRICS.get(settings.conversion_metric, settings.conversion_metric)
    orders = events.filter(pl.col("metric") == metric, pl.col("order_id").is_not_null())
    numbers = orders.group_by("profile_id", "order_id").agg(times=pl.len())
    doubled = numbers.filter(pl.col("times") > 1).select(pl.len())
    return int(doubled.collect(engine="streaming").item())


def _describe_doubled(count: int) -> Iterator[str]:
    if count:
        yield (
            f"Orders that are there under more than one event id: {count}; each counts more than once. They may have "
            "come by two routes: load only one of them. klavnb check says more."
        )
