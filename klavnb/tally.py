"""What is counted while an export is loaded, slice by slice, and adds up: counts, and digests of the content."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import polars as pl
import xxhash

from klavnb.errors import name_some

__all__ = [
    "Tally",
    "count_differing",
    "describe_tally",
    "digest_rows",
    "fingerprint",
    "sort_counts",
    "tally_events",
    "tally_noticed",
    "total",
]

DIGITS: Final = 12
MOST_REMARKS: Final = 5
NULL, END_OF_VALUE, END_OF_ROW = "\x00", "\x1f", "\x1e"
BITS: Final = 128

SAID: Final = (
    "event_id",
    "profile_id",
    "metric",
    "occurred_at",
    "value",
    "currency",
    "message_id",
    "campaign_id",
    "flow_id",
    "recorded_event_ids",
    "properties",
)
"""What an event says; the other columns follow from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was counted of some events and rejects.

    Parameters
    ----------
    metrics
        Metric → events kept.
    rejected
        Reason → rows.
    first_event_at, last_event_at
        Of the events kept, both included, UTC; None where there is none.
    nameless
        Metric id that nothing names → events.
    recorded
        Metric → events of which the export says what Klaviyo credited.
    currencies
        Those of values, sorted.
    count_unreadable
        Events whose value is no plain number, or beyond any amount of money.
    count_unresolved
        Events with an attribution that the export only names.
    count_differing
        Rejected repetitions that say something else than what was kept.
    ignored
        Kind → records that klavnb has no use for.
    days
        Day → digest of its events.
    remarks
        Sentences on what was not understood of a file, sorted.
    """

    metrics: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    first_event_at: datetime | None = None
    last_event_at: datetime | None = None
    nameless: dict[str, int] = field(default_factory=dict)
    recorded: dict[str, int] = field(default_factory=dict)
    currencies: tuple[str, ...] = ()
    count_unreadable: int = 0
    count_unresolved: int = 0
    count_differing: int = 0
    ignored: dict[str, int] = field(default_factory=dict)
    days: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __add__(self, other: "Tally") -> "Tally":
        """Add up the tallies of events that have no day in common."""
        firsts, lasts = (
            [at for at in (getattr(self, name), getattr(other, name)) if at is not None]
            for name in ("first_event_at", "last_event_at")
        )
        return Tally(
            metrics=_add(self.metrics, other.metrics),
            rejected=_add(self.rejected, other.rejected),
            first_event_at=min(firsts, default=None),
            last_event_at=max(lasts, default=None),
            nameless=_add(self.nameless, other.nameless),
            recorded=_add(self.recorded, other.recorded),
            currencies=tuple(sorted({*self.currencies, *other.currencies})),
            count_unreadable=self.count_unreadable + other.count_unreadable,
            count_unresolved=self.count_unresolved + other.count_unresolved,
            count_differing=self.count_differing + other.count_differing,
            ignored=_add(self.ignored, other.ignored),
            days=self.days | other.days,
            remarks=tuple(sorted({*self.remarks, *other.remarks})),
        )


def _add(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return dict(Counter(one) + Counter(other))


def sort_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts, the largest first, those that are equal by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def count(names: pl.Series) -> dict[str, int]:
    """Count each text of a column, but for nulls."""
    return dict(names.drop_nulls().alias("name").value_counts().sort("name").iter_rows())


def tally_events(events: pl.DataFrame) -> Tally:
    """Count the events of some days, which come in the order of time and id."""
    times = events["occurred_at"]
    first, last = times.min(), times.max()
    return Tally(
        metrics=count(events["metric"]),
        first_event_at=first if isinstance(first, datetime) else None,
        last_event_at=last if isinstance(last, datetime) else None,
        recorded=count(events.filter(pl.col("recorded_event_ids").is_not_null())["metric"]),
        currencies=tuple(sorted(events.filter(pl.col("value").is_not_null())["currency"].drop_nulls().unique())),
        days=_digest_days(events),
    )


def count_differing(dropped: pl.DataFrame, kept: pl.DataFrame) -> int:
    """Count the dropped events that say something else than the kept ones of the same id, or of which none is kept."""
    pairs = dropped.select(SAID).join(kept.select(SAID), on="event_id", how="left", suffix=" kept")
    said = [name for name in SAID if name != "event_id"]
    return pairs.filter(pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name} kept")) for name in said)).height


def tally_noticed(finished: pl.DataFrame) -> Tally:
    """Count what was noticed of events: `is_nameless`, `is_value_unreadable`, attributions that are only named."""
    is_unresolved = (pl.col("attribution_ids").list.len() > 0) & pl.col("recorded_event_ids").is_null()
    return Tally(
        nameless=count(finished.filter("is_nameless")["metric_id"]),
        count_unreadable=int(finished["is_value_unreadable"].sum()),
        count_unresolved=int(finished.select(is_unresolved.fill_null(value=False).sum()).item()),
    )


def describe_tally(tally: Tally) -> Iterator[str]:
    """Say what was kept in part; one sentence each."""
    if tally.nameless:
        yield (
            f"Events of metrics that the export does not name: {sum(tally.nameless.values())}; "
            f"their metric is its id ({name_some(sorted(tally.nameless))})."
        )
    if tally.count_unreadable:
        yield (
            f"Events whose value is no plain number, or beyond any amount of money: {tally.count_unreadable}; they are "
            "kept without a value."
        )
    if tally.count_differing:
        yield f"Events that come again with other content: {tally.count_differing}; the one of the later file is kept."
    if tally.count_unresolved:
        yield (
            f"Events with an attribution that the export only names: {tally.count_unresolved}; what Klaviyo credited "
            "there is not known. Export with include=attributions, and load all exports at once: attributions "
            "that come later by --append do not complete events of the store."
        )
    yield from tally.remarks[:MOST_REMARKS]
    if tally.ignored:
        kinds = [f"{number} {kind}" for kind, number in sorted(tally.ignored.items())]
        yield f"Records that klavnb has no use for were left out: {name_some(kinds)}."


def _digest_days(events: pl.DataFrame) -> dict[str, str]:
    """Digest the events of each day, which come in the order of time and id; a column that a day lacks adds nothing."""
    said = [name for name in SAID if events[name].null_count() < events.height]
    by_day = (
        events.lazy()
        .group_by(day=pl.col("occurred_at").dt.date(), maintain_order=True)
        .agg(
            pl.when(pl.col(name).is_not_null().any())
            .then(_write(name, events.schema[name]).str.join(END_OF_VALUE))
            .alias(name)
            for name in said
        )
        .collect()
    )
    digests: dict[str, str] = {}
    for day, *texts in by_day.iter_rows():
        digest = xxhash.xxh3_128()
        for name, text in zip(said, texts, strict=True):
            if text is not None:
                digest.update(f"{name}{END_OF_ROW}{text}".encode())
        digests[str(day)] = digest.hexdigest()
    return digests


def digest_rows(rows: pl.DataFrame) -> int:
    """Digest rows whatever their order: the digests of several frames add up, and so do those of their parts.

    Examples
    --------
    >>> frame = pl.DataFrame({"key": ["a", "b"], "value": [1.5, None]})
    >>> digest_rows(frame) == digest_rows(frame[1:]) + digest_rows(frame[:1])
    True
    """
    texts = rows.select(_write_rows(rows).cast(pl.Binary)).to_series().to_list()
    return sum(map(xxhash.xxh3_128_intdigest, texts))


def _write_rows(rows: pl.DataFrame) -> pl.Expr:
    """Write each row as one text that tells it from all others."""
    return pl.concat_str([_write(name, dtype) for name, dtype in rows.schema.items()], separator=END_OF_VALUE)


def _write(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.List):
        column = column.list.join(",")
    elif isinstance(dtype, pl.Datetime):
        column = column.dt.epoch("us").cast(pl.String)
    elif dtype != pl.String:
        column = column.cast(pl.String)
    return column.fill_null(NULL)


def fingerprint(parts: Sequence[str]) -> str:
    """Return 12 hexadecimal digits for some digests, in their order."""
    return xxhash.xxh3_128_hexdigest(END_OF_VALUE.join(parts).encode())[:DIGITS]


def total(digests: Sequence[int]) -> str:
    """Write the digest of several parts of a frame, added up."""
    return f"{sum(digests) % (1 << BITS):032x}"
