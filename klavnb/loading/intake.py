"""The first half of a load: files → parts, and whether what was set aside allows to go on."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl

from klavnb.errors import ExportError, name_some
from klavnb.formats import DatabaseSource, FoundFiles, describe_expected
from klavnb.formats.contract import BROKEN, describe_broken
from klavnb.loading.options import LoadOptions
from klavnb.loading.parts import Part, read_task
from klavnb.loading.pool import Workers
from klavnb.loading.tasks import plan_tasks
from klavnb.progress import Progress
from klavnb.settings import Settings

__all__ = ["check_rejects", "find_foreign", "read_files"]


def read_files(
    found: FoundFiles,
    pool: Workers,
    *,
    settings: Settings,
    options: LoadOptions,
    folder: Path | None,
    progress: Progress,
) -> list[Part]:
    """Read all files; lines of later pieces of a file are numbered on from the pieces before."""
    tasks = list(plan_tasks(found))
    size = sum(task.size for task in tasks) or 1
    parts: list[Part] = []
    lines: Counter[str] = Counter()
    done = events = 0
    for task, read in zip(tasks, pool.map(partial(read_task, folder=folder, settings=settings), tasks), strict=True):
        name = task.list_names()[0]
        shifted = [replace(part, lines_before=lines[name]) for part in read]
        if options.on_error == "stop":
            _stop_at_first(shifted)
        if any(piece.stop is not None for piece in task.pieces):
            lines[name] += sum(part.rest.count_lines for part in read)
        parts += shifted
        done, events = done + task.size, events + sum(part.count_events for part in read)
        progress("reading", min(1.0, done / size), events)
    return parts


def _stop_at_first(parts: Iterable[Part]) -> None:
    for part in parts:
        kept = part.scan_rejects().filter(
            ~pl.col("file").is_in(part.rest.foreign) | pl.col("reason").str.starts_with(BROKEN)
        )
        for reject in kept.head(1).collect().iter_rows(named=True):
            _refuse_broken(reject)
            raise ExportError(
                f"{_locate(reject)}: expected a record that can be used, found: {reject['reason']}.",
                hint="Mend it, or load the rest with --on-error quarantine, which sets such records aside.",
            )


def _refuse_broken(reject: Mapping[str, object]) -> None:
    """Raise an error where a reject stands for a broken file."""
    file, reason = str(reject["file"]), str(reject["reason"])
    if reason.startswith(BROKEN):
        why = reason.removeprefix(describe_broken(file, ""))
        raise ExportError(
            f"{file}: expected a file of an export that is whole, found: {why}.",
            hint="Copy, download or export it again; what can be read beside it loads with --on-error quarantine.",
        )


def _locate(reject: Mapping[str, object]) -> str:
    return str(reject["file"]) if reject["line"] is None else f"{reject['file']}, line {reject['line']}"


def find_foreign(parts: Sequence[Part], found: FoundFiles) -> list[str]:
    """Find the files that turned out to be no export.

    A large file is none where each of its parts says so; small files that are read together are in one part each.

    Raises
    ------
    ExportError
        When one of them was asked for by its name.
    """
    said: dict[int, set[str]] = {}
    for part in parts:
        said.setdefault(part.task, set()).update(part.rest.foreign)
    useful: set[str] = set()
    for part in parts:
        useful |= part.files - (set(part.rest.foreign) if len(part.files) == 1 else said[part.task])
    # a file that breaks off is never passed over, whatever was found before that
    broken = {file for part in parts for file in part.rejected.filter(pl.col("reason").str.starts_with(BROKEN))["file"]}
    foreign = sorted(set().union(*said.values()) - useful - broken)
    asked = [name for name in foreign if name in found.asked]
    if asked:
        raise describe_expected(name_some(asked), "JSON of another kind")
    return foreign


def check_rejects(
    paths: Sequence[Path | DatabaseSource],
    parts: Sequence[Part],
    read: Sequence[str],
    skipped: Sequence[str],
    options: LoadOptions,
) -> None:
    """Say so where nothing is left, or less than the options allow."""
    if not read:
        raise describe_expected(
            name_some([path.name or str(path) for path in paths]), f"{name_some(skipped)}, of which none is one"
        )
    rejected = pl.concat([part.rejected for part in parts])
    if rejected.height and not any(part.has_content for part in parts):
        first = next(part for part in parts if part.rejects is not None).scan_rejects().head(1).collect()
        reject = first.row(0, named=True)
        _refuse_broken(reject)
        raise describe_expected(_locate(reject), str(reject["reason"]))
    events, rows = sum(part.count_events for part in parts), int(rejected["count_rows"].sum())
    if options.max_rejects is not None and rows > options.max_rejects * (events + rows):
        counts = (
            rejected.group_by("reason").agg(pl.col("count_rows").sum()).sort("count_rows", "reason", descending=True)
        )
        reasons = [f"{reason}: {count:,}" for reason, count in counts.iter_rows()]
        raise ExportError(
            f"{name_some([path.name or str(path) for path in paths])}: expected at most {options.max_rejects:.1%} of "
            f"the records to be of no use, found {rows / (events + rows):.1%}: {rows:,} of {events + rows:,} "
            f"({name_some(reasons)}).",
            hint="Export what is broken again, or allow more, as with --max-rejects 0.5."
            if counts["reason"].str.starts_with(BROKEN).any()
            else "See what is wrong with the export, or allow more, as with --max-rejects 0.5.",
        )
