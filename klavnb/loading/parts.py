"""What was read of one piece: its events, typed and in the order of time, in memory or laid aside in a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

import polars as pl

from klavnb.cleaning import TYPED, type_events
from klavnb.files import write_whole
from klavnb.formats import DatabaseSource, read_database, read_pieces
from klavnb.formats.contract import RawEvent, RawExport, RawProfile, build
from klavnb.formats.source import Piece
from klavnb.schemas import Reject
from klavnb.settings import Settings

__all__ = ["Part", "Task", "lay_aside", "lazy", "read_task", "scan_events", "scan_profiles"]

BATCH: Final = 1 << 11
"""Rows of a file laid aside that are read together."""


@dataclass(frozen=True, slots=True)
class Task:
    """Some pieces of one format that one worker reads, one after the other.

    Parameters
    ----------
    number
        Its place among all tasks: what comes later is the later word.
    format
        The name of the format.
    pieces
        Either one piece of a file that is split, or whole files.
    size
        Bytes on the disk, for the progress.
    database
        The database that is read instead of pieces.
    """

    number: int
    format: str
    pieces: tuple[Piece, ...]
    size: int
    database: DatabaseSource | None = None

    def list_names(self) -> list[str]:
        """List the names of what it reads."""
        return [piece.source.name for piece in self.pieces] if self.database is None else [self.database.name]

    def read(self, settings: Settings) -> Iterator[RawExport]:
        """Read it, part by part."""
        if self.database is not None:
            return read_database(self.database.address, schema=self.database.schema)
        return read_pieces(self.format, self.pieces, settings=settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What was read at once of a task.

    Parameters
    ----------
    format
        The name of the format.
    task
        The number of the task.
    files
        Names of the files that the task reads.
    events
        Typed events in the order of time, or the file in which they are if there are any; without the columns that
        are empty.
    columns
        Those of the events that are there.
    profiles
        Raw profiles, or the file in which they are; None where there are none.
    days
        `day` and `count_events`, in the order of time.
    names
        The pairs of `metric_id` and `metric_name` of the events; that of the latest event is the last.
    rejects
        What could not be used, or the file in which it is; None where there is nothing.
    rejected
        `file`, `reason` and `count_rows` of the rejects.
    rest
        All else, without events, profiles and rejects.
    lines_before
        What the numbers of lines lack: the piece is not the first of its file.
    """

    format: str
    task: int
    files: frozenset[str]
    events: pl.DataFrame | Path
    columns: frozenset[str]
    profiles: pl.DataFrame | Path | None
    rejects: pl.DataFrame | Path | None
    days: pl.DataFrame
    names: pl.DataFrame
    rejected: pl.DataFrame
    rest: RawExport
    lines_before: int = 0

    @property
    def count_events(self) -> int:
        """Rows of events."""
        return int(self.days["count_events"].sum())

    @property
    def has_content(self) -> bool:
        """Whether anything but rejects was read."""
        return (
            bool(self.count_events)
            or self.profiles is not None
            or any(not held.is_empty() for held in self.rest.frames().values())
        )

    def scan_rejects(self) -> pl.LazyFrame:
        """Scan the rejects, their lines numbered in the whole file."""
        return lazy(self.rejects if self.rejects is not None else build(Reject)).with_columns(
            pl.col("line") + self.lines_before
        )


def lazy(held: pl.DataFrame | Path) -> pl.LazyFrame:
    """Scan a frame that is in memory or laid aside."""
    return held.lazy() if isinstance(held, pl.DataFrame) else pl.scan_ipc(held, glob=False)


def read_task(task: Task, *, folder: Path | None, settings: Settings) -> list[Part]:
    """Read and type the pieces of a task.

    Parameters
    ----------
    task
        What to read.
    folder
        Where events and profiles are laid aside; None: they stay in memory.
    settings
        Those of the format.
    """
    return [
        _make_part(raw, task, None if folder is None else folder / f"{task.number:06d}-{number:04d}")
        for number, raw in enumerate(task.read(settings))
    ]


def _make_part(raw: RawExport, task: Task, place: Path | None) -> Part:
    typed, rejects = (_no_events(), build(Reject)) if raw.events.is_empty() else type_events(raw.events)
    events = typed if typed["occurred_at"].is_sorted() else typed.sort("occurred_at", maintain_order=True)
    days = events.group_by(day=pl.col("occurred_at").dt.date(), maintain_order=True).agg(
        count_events=pl.len().cast(pl.Int64)
    )
    names = events.select("metric_id", "metric_name").unique(keep="last", maintain_order=True)
    set_aside = pl.concat([raw.rejects, rejects])
    filled = [name for name in events.columns if events[name].null_count() < max(events.height, 1)]
    return Part(
        format=task.format,
        task=task.number,
        files=frozenset(task.list_names()),
        events=lay_aside(events.select(filled), None if events.is_empty() else place, "events"),
        columns=frozenset(filled),
        profiles=None if raw.profiles.is_empty() else lay_aside(raw.profiles, place, "profiles"),
        rejects=None if set_aside.is_empty() else lay_aside(set_aside, place, "rejects"),
        days=days,
        names=names,
        rejected=set_aside.group_by("file", "reason", maintain_order=True).agg(count_rows=pl.len()),
        rest=replace(raw, events=build(RawEvent), profiles=build(RawProfile), rejects=build(Reject)),
    )


def lay_aside(frame: pl.DataFrame, place: Path | None, name: str) -> pl.DataFrame | Path:
    """Write a frame to a file beside a place, or keep it in memory where there is none."""
    if place is None:
        return frame
    path = place.with_name(f"{place.name}.{name}")
    with write_whole(path) as part:
        frame.write_ipc(part, record_batch_size=BATCH)
    return path


def scan_events(
    parts: Sequence[Part], *, columns: Sequence[str] = TYPED, first: date | None = None, last: date | None = None
) -> pl.LazyFrame:
    """Scan the typed events of some parts, with `part`, the place of each part; of some days, both included."""
    none = _no_events().lazy().select(columns).with_columns(part=pl.lit(0, dtype=pl.UInt32))
    return pl.concat([none, *_scan_each(parts, columns, first, last)])


@cache
def _no_events() -> pl.DataFrame:
    return type_events(build(RawEvent))[0]


def _scan_each(
    parts: Sequence[Part], columns: Sequence[str], first: date | None, last: date | None
) -> Iterator[pl.LazyFrame]:
    for number, part in enumerate(parts):
        frame = lazy(part.events)
        if first is not None and last is not None:
            before = int(part.days.filter(pl.col("day") < first)["count_events"].sum())
            inside = int(part.days.filter(pl.col("day").is_between(first, last))["count_events"].sum())
            if not inside:
                continue
            frame = frame.slice(before, inside)
        chosen = frame.select(
            name if name in part.columns else pl.lit(None, dtype=_no_events().schema[name]).alias(name)
            for name in columns
        )
        if part.lines_before and "line" in columns:
            chosen = chosen.with_columns(pl.col("line") + part.lines_before)
        yield chosen.with_columns(part=pl.lit(number, dtype=pl.UInt32))


def scan_profiles(parts: Sequence[Part]) -> pl.LazyFrame:
    """Scan the raw profiles of some parts, in their order."""
    return pl.concat([build(RawProfile).lazy(), *(lazy(part.profiles) for part in parts if part.profiles is not None)])
