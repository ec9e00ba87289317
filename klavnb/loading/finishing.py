"""The second half of a load: parts → finished slices, and files of a store that stay as they are."""

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl

from klavnb.formats.contract import RawExport
from klavnb.loading.base import Base, BaseFile, Changes, find_changes, plan_changed
from klavnb.loading.known import Known, share
from klavnb.loading.matching import match_all_receipts, narrow_events
from klavnb.loading.parts import Part
from klavnb.loading.pool import Workers
from klavnb.loading.slices import Old, Slice, SliceTask, finish_slice, plan_slices
from klavnb.progress import Progress

__all__ = ["finish", "lighten"]


@dataclass(frozen=True, slots=True)
class Span:
    """Some days that are finished together, both included, and the file of a store that they are in."""

    first: date
    last: date
    file: BaseFile | None = None
    is_first_of_file: bool = True


def lighten(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Leave of parts what slices need: they travel to every process."""
    return tuple(replace(part, rest=RawExport(), profiles=None, rejects=None) for part in parts if part.count_events)


def finish(
    known: Known,
    repeats: pl.DataFrame,
    pool: Workers,
    *,
    base: Base | None,
    folder: Path | None,
    progress: Progress,
) -> list[Slice]:
    """Finish all days, slice by slice, in the order of time.

    Parameters
    ----------
    known
        The new events, and what they need of the whole.
    repeats
        Rows of them that are dropped.
    pool
        Where the work is done.
    base
        The store that they are added to: its files that do not change are linked, not written again.
    folder
        Where `events/` and `aside/` are; None: all stays in memory.
    progress
        Is told how far it is.
    """
    progress("finishing", 0.0, 0)
    shared = share(known, folder)
    days = _count_days(known)
    if base is None:
        spans = [Span(*days_) for days_ in (plan_slices(days) if folder is not None else _whole(days))]
        receipts = match_all_receipts(known, repeats, pool, shared=shared, folder=folder)
        changes = Changes(dropped={}, receipts={}, new=receipts)
        kept: list[Slice] = []
    else:
        changes = find_changes(base, narrow_events(known, repeats), roles=known.roles)
        changed = plan_changed(base, changes, days)
        spans = [
            Span(first, last, file, number == 0)
            for file, of_file in changed
            for number, (first, last) in enumerate(plan_slices(of_file))
        ]
        unchanged = [file for file in base.files if file not in [each for each, _ in changed]]
        kept = [_link(file, folder) for file in unchanged if folder is not None]
    total = int(days["count_events"].sum()) or 1
    slices: list[Slice] = []
    done = 0
    for finished in pool.map(finish_slice, _hand_out(spans, known, repeats, changes, shared=shared, folder=folder)):
        slices.append(finished)
        done += sum(finished.tally.metrics.values())
        progress("finishing", min(1.0, done / total), done)
    return sorted([*kept, *slices], key=lambda each: each.events.name if isinstance(each.events, Path) else "")


def _count_days(known: Known) -> pl.DataFrame:
    no_days = pl.DataFrame(schema={"day": pl.Date, "count_events": pl.Int64})
    counted = pl.concat([no_days, *(part.days for part in known.parts)])
    return counted.group_by("day").agg(pl.col("count_events").sum()).sort("day")


def _whole(days: pl.DataFrame) -> list[tuple[date, date]]:
    return [] if days.is_empty() else [(days["day"].item(0), days["day"].item(-1))]


def _link(file: BaseFile, folder: Path) -> Slice:
    """Take a file over as it is."""
    path = folder / "events" / file.path.name
    try:
        os.link(file.path, path)
    except OSError:  # file systems without hard links
        shutil.copyfile(file.path, path)
    # what differed in earlier loads is part of the whole store's count, which is added once
    return Slice(events=path, rejects=None, seen=None, tally=replace(file.tally, count_differing=0))


def _hand_out(
    spans: Iterable[Span],
    known: Known,
    repeats: pl.DataFrame,
    changes: Changes,
    *,
    shared: Known | Path,
    folder: Path | None,
) -> Iterator[SliceTask]:
    """Hand out slices, each with the rows that it is about."""
    by_part = {number: part.days for number, part in enumerate(known.parts)}
    for span in spans:
        is_inside = pl.col("day").is_between(span.first, span.last)
        touched = [number for number, of_part in by_part.items() if not of_part.filter(is_inside).is_empty()]
        is_here = pl.col("part").is_in(touched)
        old = None
        if span.file is not None:
            path = span.file.path
            tally = span.file.tally if span.is_first_of_file else None
            old = Old(path=path, dropped=changes.dropped[path], receipts=changes.receipts[path], tally=tally)
        yield SliceTask(
            first=span.first,
            last=span.last,
            known=shared,
            repeats=repeats.filter(is_here),
            receipts=changes.new.filter(is_here),
            old=old,
            folder=folder,
        )
