"""What a load took in, kept and set aside, and what its attribution will lack."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import polars as pl

from klavnb.cleaning import Cleaned
from klavnb.errors import name_some
from klavnb.formats import RawFiles
from klavnb.settings import Settings

__all__ = ["LoadSummary", "find_gaps", "find_missing", "fingerprint_frames", "renew_notes", "summarise"]

DIGITS: Final = 12
MISSING: Final = "There are no "
"""How the notes about missing metrics begin, and no other: they depend on the settings."""

NULL, END_OF_VALUE = "\x00", "\x1f"


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
        12 hexadecimal digits of the BLAKE2b of the content: the same for a store and for the export it
        was made from, whatever the files' names and order.
    metric_names
        Klaviyo's metric id → name, where the export says it: segments name metrics by their ids.
    named_metrics
        The account's own metric names of the settings at loading → role: which events are about messages.
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


def summarise(files: RawFiles, cleaned: Cleaned, *, settings: Settings) -> LoadSummary:
    """Say what came of the files, and what attribution with these settings will lack."""
    events, rejects = cleaned.events, cleaned.rejects
    metrics = _count(events["metric"])
    skipped = f"Passed over, being no export: {name_some(files.skipped)}." if files.skipped else ""
    return LoadSummary(
        sources=files.sources,
        rows_in=events.height + rejects.height,
        rows_kept=events.height,
        rejected=_count(rejects["reason"]),
        count_profiles=cleaned.profiles.height,
        count_messages=cleaned.messages.height,
        first_event_at=_to_time(events["occurred_at"].min()),
        last_event_at=_to_time(events["occurred_at"].max()),
        metrics=metrics,
        notes=(
            *find_missing(metrics, settings=settings),
            *cleaned.notes,
            *find_gaps(events, settings=settings),
            *filter(None, [skipped]),
        ),
        fingerprint=fingerprint_frames(events, cleaned.profiles, cleaned.messages, cleaned.groups),
        named_metrics=dict(sorted(settings.metrics.items())),
        metric_names=cleaned.metric_names,
    )


def _count(names: pl.Series) -> dict[str, int]:
    counts = names.rename("name").value_counts().sort("count", "name", descending=[True, False])
    return dict(counts.iter_rows())


def _to_time(value: object) -> datetime | None:
    return value if isinstance(value, datetime) else None


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


def find_gaps(events: pl.DataFrame, *, settings: Settings) -> Iterator[str]:
    """Say what the events cannot be compared with, and what must not be added up; one sentence each."""
    conversions = events.filter(pl.col("metric") == settings.conversion_metric)
    if conversions.height and conversions["recorded_event_ids"].null_count() == conversions.height:
        yield (
            "The export does not say what Klaviyo itself credited, so nothing can be compared with it; "
            "export with include=attributions."
        )
    currencies = events.filter(pl.col("value").is_not_null())["currency"].drop_nulls().unique().sort().to_list()
    if len(currencies) > 1:
        yield f"Values are in several currencies ({name_some(currencies)}); they are never added up across them."


def fingerprint_frames(*frames: pl.DataFrame) -> str:
    """Return 12 hexadecimal digits of the BLAKE2b of frames, whatever the order of their rows.

    Each frame is sorted by its first two columns, which must tell its rows apart. Columns are worked
    through side by side; each has a digest of its own, and the whole is the digest of these.

    Examples
    --------
    >>> frame = pl.DataFrame({"key": ["a", "b"], "value": [1.5, None]})
    >>> fingerprint_frames(frame) == fingerprint_frames(frame.reverse())
    True
    """
    columns = [column for frame in frames for column in frame.sort(frame.columns[:2]).iter_columns()]
    with ThreadPoolExecutor() as threads:
        digests = list(threads.map(_digest, columns))
    return hashlib.blake2b(b"".join(digests)).hexdigest()[:DIGITS]


def _digest(column: pl.Series) -> bytes:
    texts = column.list.join(",") if column.dtype == pl.List else _to_texts(column)
    return hashlib.blake2b(texts.fill_null(NULL).str.join(END_OF_VALUE).item().encode()).digest()


def _to_texts(column: pl.Series) -> pl.Series:
    exact = column.dt.epoch("us") if column.dtype == pl.Datetime else column
    return exact.cast(pl.String)
