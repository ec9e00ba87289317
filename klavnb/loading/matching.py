"""The receipts of all touches of a load, in bounded memory: profiles in buckets, one bucket at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from klavnb.cleaning import finish_events
from klavnb.loading.known import ASIDE, Known, open_known
from klavnb.loading.parts import lay_aside, lazy, scan_events
from klavnb.loading.pool import Workers
from klavnb.receipts import match_receipts
from klavnb.schemas import UTC

__all__ = ["ROWS", "match_all_receipts", "narrow_events"]

RECEIPTS: Final[Mapping[str, type[pl.DataType] | pl.DataType]] = {
    "part": pl.UInt32,
    "row": pl.UInt32,
    "receipt_at": pl.Datetime("us", UTC),
}
RECEIPT_COLUMNS: Final = (
    "row",
    "event_id",
    "profile_id",
    "metric_id",
    "metric_name",
    "occurred_at",
    "message",
    "flow",
    "source_event_id",
    "order_id",
    "campaign_id",
    "flow_id",
    "flow_message_id",
    "likely_message_id",
    "likely_transmission_id",
    "transmission_id",
    "cohort_message_id",
    "cohort_at",
)
ROWS: Final = 1_000_000
"""Events, about, whose receipts are matched at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Parts whose events are spread over buckets by their profiles.

    Parameters
    ----------
    known
        What it needs of the whole.
    first, last
        The numbers of the parts, the last not included.
    repeats
        `part` and `row` of events that are dropped.
    buckets
        How many there are.
    folder
        Where they are.
    """

    known: Known | Path
    first: int
    last: int
    repeats: pl.DataFrame
    buckets: int
    folder: Path


def narrow_events(known: Known, repeats: pl.DataFrame, *, first: int = 0, last: int | None = None) -> pl.LazyFrame:
    """Scan of some parts, each event once, what receipts are matched by; with `part` and `row`."""
    unused = (pl.lit(None, dtype=pl.String).alias(name) for name in ("campaign_name", "subject"))
    scanned = scan_events(known.parts[first:last], columns=RECEIPT_COLUMNS).with_columns(
        *unused, pl.col("part") + first
    )
    narrow = finish_events(scanned, known.knowledge).select(
        "part", "row", "event_id", "profile_id", "metric", "occurred_at", "message_id", "transmission_id"
    )
    return narrow.join(repeats.lazy(), on=["part", "row"], how="anti") if repeats.height else narrow


def match_all_receipts(
    known: Known, repeats: pl.DataFrame, pool: Workers, *, shared: Known | Path, folder: Path | None
) -> pl.DataFrame:
    """Find the receipt of every touch, over all parts: `part`, `row`, `receipt_at`.

    Parameters
    ----------
    known, shared
        What is known of the whole, here and for other processes.
    repeats
        `part` and `row` of events that are dropped.
    folder
        Where buckets are laid aside; None: all is matched at once, in memory.
    """
    buckets = 1 + sum(part.count_events for part in known.parts) // ROWS
    if folder is None or buckets == 1:
        return _match(_keep_messages(narrow_events(known, repeats), known).collect(), known.roles)
    spread = (
        Spread(
            known=shared,
            first=first,
            last=last,
            repeats=repeats.filter(pl.col("part").is_between(first, last - 1)),
            buckets=buckets,
            folder=folder / ASIDE,
        )
        for first, last in _group_parts(known)
    )
    written: dict[int, list[pl.DataFrame | Path]] = {}
    for held in pool.map(_spread, spread):
        for bucket, events in held.items():
            written.setdefault(bucket, []).append(events)
    found = pool.map(_match_bucket, ((held, known.roles) for held in written.values()))
    return pl.concat([pl.DataFrame(schema=RECEIPTS), *found])


def _keep_messages(narrow: pl.LazyFrame, known: Known) -> pl.LazyFrame:
    is_of_message = pl.col("metric").is_in(list(known.roles)) & pl.col("message_id").is_not_null()
    return narrow.filter(is_of_message).drop("event_id")


def _match(events: pl.DataFrame, roles: Mapping[str, str]) -> pl.DataFrame:
    if events.is_empty():
        return pl.DataFrame(schema=RECEIPTS)
    return match_receipts(events, roles=roles).select(*RECEIPTS)


def _group_parts(known: Known) -> Iterator[tuple[int, int]]:
    """Put neighbouring parts together, as many as may be looked at at once."""
    first, rows = 0, 0
    for number, part in enumerate(known.parts):
        if rows and rows + part.count_events > ROWS:
            yield first, number
            first, rows = number, 0
        rows += part.count_events
    yield first, len(known.parts)


def _spread(task: Spread) -> dict[int, pl.DataFrame | Path]:
    """Lay the events of some parts aside, bucket by bucket: bucket → file."""
    known = open_known(task.known)
    narrow = narrow_events(known, task.repeats, first=task.first, last=task.last)
    # the hash is that of this load's processes, which are of one version, and is kept nowhere
    bucket = pl.col("profile_id").hash() % task.buckets
    by_bucket = _keep_messages(narrow, known).with_columns(bucket=bucket).collect().partition_by("bucket", as_dict=True)
    return {
        number: lay_aside(frame.drop("bucket"), task.folder / f"{number:06d}-{task.first:06d}", "receipts")
        for (number,), frame in by_bucket.items()
    }


def _match_bucket(task: tuple[list[pl.DataFrame | Path], Mapping[str, str]]) -> pl.DataFrame:
    """Match what was laid aside of one bucket."""
    held, roles = task
    return _match(pl.concat([lazy(events) for events in held]).collect(), roles)
