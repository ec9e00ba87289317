"""Slices of whole days: finished one by one, each by itself, into the typed events of a store."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from klavnb.cleaning import REPEATED, finish_events, reject_events
from klavnb.files import write_whole
from klavnb.formats.contract import build
from klavnb.gathering import see_messages
from klavnb.knowledge import resolve_attributions
from klavnb.loading.base import carry_over
from klavnb.loading.known import ASIDE, Known, open_known
from klavnb.loading.parts import lay_aside, scan_events
from klavnb.schemas import Event, Reject
from klavnb.tally import Tally, count_differing, tally_events, tally_noticed

__all__ = [
    "ROWS",
    "Old",
    "Slice",
    "SliceTask",
    "finish_slice",
    "plan_slices",
    "write_events",
]

ROWS: Final = 200_000
"""Events of a slice, about: what one process holds at once. A single day is never split."""

NOTICED: Final = (
    "is_nameless",
    "is_value_unreadable",
    "attribution_ids",
    "metric_id",
    "campaign_name",
    "subject",
)
"""What is counted or gathered of events beside what is kept of them."""

ROW_GROUP: Final = 1 << 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Old:
    """A file of a store that changes.

    Parameters
    ----------
    path
        Where it is.
    dropped
        `event_id` of its events that come again.
    receipts
        `event_id` and `receipt_at` of its touches whose receipt is another one now.
    tally
        What was counted of it, for the first slice of its days; None for the others.
    """

    path: Path
    dropped: pl.DataFrame
    receipts: pl.DataFrame
    tally: Tally | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceTask:
    """Some days to be finished.

    Parameters
    ----------
    first, last
        The days, both included.
    known
        What it needs of the whole, or the file in which that is.
    repeats, receipts
        `part` and `row` of events that are dropped, with `is_same`; and of touches, with `receipt_at`.
    old
        The file of a store that the days are added to.
    folder
        Where `events/` and `aside/` are; None: all stays in memory.
    """

    first: date
    last: date
    known: Known | Path
    repeats: pl.DataFrame
    receipts: pl.DataFrame
    old: Old | None
    folder: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Some finished days: the events in the order of time, or their file; and what was counted."""

    events: pl.DataFrame | Path
    rejects: pl.DataFrame | Path | None
    seen: pl.DataFrame | None
    tally: Tally


def plan_slices(days: pl.DataFrame) -> Iterator[tuple[date, date]]:
    """Put days together: as many whole months as fit, and of a month that does not fit as many days as do.

    Parameters
    ----------
    days
        `day` and `count_events`, in the order of time.
    """
    if days.is_empty():
        return
    held: tuple[date, date] | None = None
    rows = 0
    for of_month in days.with_columns(month=pl.col("day").dt.truncate("1mo")).partition_by("month"):
        spans = [of_month] if of_month["count_events"].sum() <= ROWS else of_month.partition_by("day")
        for span in spans:
            first, last, count = span["day"].item(0), span["day"].item(-1), int(span["count_events"].sum())
            if held is not None and rows + count > ROWS:
                yield held
                held, rows = None, 0
            held, rows = (first if held is None else held[0], last), rows + count
    if held is not None:
        yield held


def finish_slice(task: SliceTask) -> Slice:
    """Finish the events of some days: named, with their receipts, each once, in the order of time and id."""
    known = open_known(task.known)
    typed = scan_events(known.parts, first=task.first, last=task.last).collect()
    repeated = typed.clear()
    if task.repeats.height:
        repeated = typed.join(task.repeats, on=["part", "row"], how="semi", maintain_order="left")
        typed = typed.join(task.repeats, on=["part", "row"], how="anti", maintain_order="left")
    receipts = typed.select("part", "row").join(task.receipts, on=["part", "row"], how="left", maintain_order="left")
    recorded = resolve_attributions(typed, known.knowledge.attributions)
    finished = (
        finish_events(typed.lazy(), known.knowledge)
        .with_columns(pl.lit(receipts["receipt_at"]), recorded_event_ids=pl.lit(recorded))
        .select(*Event.column_names(), *NOTICED)
        .collect()
    )
    del typed
    seen, tally = see_messages(finished, known.knowledge.channels), tally_noticed(finished)
    events: pl.DataFrame = Event.cast(finished.select(Event.column_names()))
    del finished
    set_aside = build(Reject) if repeated.is_empty() else reject_events(repeated.with_columns(reason=pl.lit(REPEATED)))
    if task.old is not None:
        kept, again = _read_old(task.old, task.first, task.last)
        # one whose later word is of another day says something else too
        tally += carry_over(task.old.tally or Tally()) + Tally(count_differing=count_differing(again, events))
        events = pl.concat([kept, events])
        set_aside = pl.concat([set_aside, _reject_again(again)])
    events = events.sort("occurred_at", "event_id")
    aside = None if task.folder is None else task.folder / ASIDE / f"{task.first:%Y-%m-%d}"
    return Slice(
        events=Event.validate(events)
        if task.folder is None
        else write_events(events, task.folder / "events", first=task.first),
        rejects=None if set_aside.is_empty() else lay_aside(set_aside, aside, "rejects"),
        seen=seen,
        tally=tally + tally_events(events),
    )


def _read_old(old: Old, first: date, last: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read some days of a file that changes: the events that stay, and those that come again."""
    of_days = pl.read_parquet(old.path, glob=False).filter(pl.col("occurred_at").dt.date().is_between(first, last))
    kept = of_days.join(old.dropped, on="event_id", how="anti", maintain_order="left")
    if old.receipts.height:
        kept = kept.update(old.receipts, on="event_id", how="left", include_nulls=True)
    return kept, of_days.join(old.dropped, on="event_id", how="semi", maintain_order="left")


def _reject_again(again: pl.DataFrame) -> pl.DataFrame:
    return reject_events(
        again.with_columns(
            file=pl.lit("the store before"),
            line=pl.lit(None, dtype=pl.Int64),
            reason=pl.lit(REPEATED),
            metric_id=pl.lit(None, dtype=pl.String),
            metric_name="metric",
        )
    )


def write_events(events: pl.DataFrame, folder: Path, *, first: date | None = None) -> Path:
    """Write some days of events, in the order of time, into a file that is named by the first day.

    Where that day is given there may be no events: those of a store may be of other days, now that they came again.
    """
    day: date = events["occurred_at"].dt.date().item(0) if first is None else first
    path = folder / f"{day:%Y-%m-%d}.parquet"
    with write_whole(path) as part:
        events.write_parquet(part, compression="zstd", compression_level=1, row_group_size=ROW_GROUP)
    return path
