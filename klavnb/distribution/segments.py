"""Segments on many machines: ranges of profiles of a store, a task each; sizes add up, members are written in parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import dataframely as dy
import polars as pl

from klavnb.cluster import Cluster
from klavnb.definitions.conditions import Definition
from klavnb.distribution.places import check_places
from klavnb.export import read_store
from klavnb.remote import scan_parts, write_part
from klavnb.schemas import SegmentSize
from klavnb.segments import (
    UTC_CALENDAR,
    AsOf,
    Calendar,
    SegmentSlice,
    add_changes,
    count_slice,
    evaluate_slice,
    find_instant,
    list_moments,
    pick_members,
    plan_slices,
)

__all__ = ["find_members_on", "segment_sizes_on"]

SLICES_OF_A_THREAD = 4
"""Slices, at least, for each thread of the workers: enough that all have work until the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTask:
    """Some profiles of a store whose changes are counted between moments."""

    store: str
    part: SegmentSlice
    moments: pl.Series


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersTask:
    """Some profiles of a store of whom the members at a moment are written."""

    store: str
    part: SegmentSlice
    moment: datetime
    path: str


def segment_sizes_on(
    cluster: Cluster,
    store: str,
    definitions: Sequence[Definition],
    *,
    start: AsOf,
    end: AsOf,
    every: str = "1d",
    calendar: Calendar = UTC_CALENDAR,
) -> dy.LazyFrame[SegmentSize]:
    """Find the sizes of segments over time on a cluster: rows as of `segment_sizes`.

    Parameters
    ----------
    cluster
        The workers.
    store
        A store's path, the same for all workers: on a disk that they share, or an address that fsspec knows.
    definitions, start, end, every, calendar
        As of `segment_sizes`.

    Raises
    ------
    DefinitionError, SettingsError
        As `segment_sizes` does.
    StoreError
        When there is no store, or a file of it is missing or damaged.
    KlavnbError
        When a worker does not reach the store; or as `Cluster.map` does.
    """
    check_places(cluster, store)
    moments = list_moments(start, end, every=every, calendar=calendar)
    count = SLICES_OF_A_THREAD * cluster.count_threads()
    parts = plan_slices(read_store(store), definitions, calendar=calendar, until=moments[-1], count=count)
    tasks = [CountTask(store=store, part=part, moments=moments) for part in parts]
    return add_changes(cluster.map(count_changes_of, tasks, label="sizes"), definitions, moments)


def find_members_on(
    cluster: Cluster,
    store: str,
    folder: str,
    asked: Sequence[Definition],
    *,
    as_of: AsOf,
    definitions: Sequence[Definition] = (),
    calendar: Calendar = UTC_CALENDAR,
) -> pl.LazyFrame:
    """Find who is in each segment at a moment on a cluster: rows as of `list_members`.

    Parameters
    ----------
    cluster, store
        As of `segment_sizes_on`.
    folder
        An empty folder for the parts of the answer, as the store's path: Parquet, in the order of their names.
    asked, as_of, definitions, calendar
        As of `list_members`.

    Raises
    ------
    DefinitionError, SettingsError
        As `list_members` does.
    StoreError
        When there is no store, or a file of it is missing or damaged.
    KlavnbError
        When a worker does not reach the store or the folder; or as `Cluster.map` does.
    """
    check_places(cluster, store, folder)
    moment = find_instant(as_of, calendar)
    count = SLICES_OF_A_THREAD * cluster.count_threads()
    data = read_store(store)
    parts = plan_slices(data, asked, definitions=definitions, calendar=calendar, until=moment, count=count)
    paths = [f"{folder}/members-{number:05d}.parquet" for number in range(len(parts))]
    tasks = [
        MembersTask(store=store, part=part, moment=moment, path=path) for part, path in zip(parts, paths, strict=True)
    ]
    list(cluster.map(write_members, tasks, label="members"))
    return scan_parts(paths)


def count_changes_of(task: CountTask) -> pl.DataFrame:
    """Count the changes of a task's profiles; a few rows per moment."""
    return count_slice(task.store, task.part, task.moments)


def write_members(task: MembersTask) -> None:
    """Write the members among a task's profiles."""
    write_part(pick_members(evaluate_slice(task.store, task.part).lazy(), task.moment), task.path)
