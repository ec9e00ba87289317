"""Attribution on many machines: ranges of days of a store, a task each, and a look back for what one alone cannot know.

Every task reads what it needs from the store and writes its part; only counts come back. A range takes along the events
of the longest window before it, so that it knows every touch that may earn something. Whether somebody had a touch
longer ago, in another range, tells the reason of what earned nothing: the parts say who is asked for, and who touched
what last in each range; one task joins the two, and the parts that it has an answer for are written anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

import dataframely as dy
import numpy as np
import polars as pl

from klavnb.cluster import Cluster
from klavnb.distribution.places import check_places
from klavnb.latest import NONE, Profiles
from klavnb.manifest import EventFile, list_event_files, scan_events
from klavnb.models import Model, check_models
from klavnb.progress import NO_PROGRESS, Progress
from klavnb.remote import list_files, remove_files, scan_parts, to_place, write_part
from klavnb.schemas import Conversion, Credit, Event
from klavnb.settings import Settings
from klavnb.slicing import Crediting, find_converting, name_channels, remember, stream_credits
from klavnb.touches import TAKEN_BACK, find_conversion_metric, find_conversions, find_earning

__all__ = ["RANGES_OF_A_THREAD", "attribute_on", "plan_ranges"]

RANGES_OF_A_THREAD: Final = 4
"""Ranges, at most, for each thread of the workers: enough that all have work until the end."""

CREDITS, CONVERTING, LAST, SEEN = "credits", "converting", "last", "seen"
"""Parts: the credits of a range; who converts in it; whose last touch in it was of which channel; and who had a touch
before it, in another range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeTask:
    """Some days of a store to be attributed.

    Parameters
    ----------
    store, folder
        Where the events are and where the parts go: paths that mean the same to every worker.
    first, end
        The first instant, and the first that is no longer in.
    number, count
        Which of the ranges it is, from 0, and of how many.
    """

    store: str
    folder: str
    models: tuple[Model, ...]
    settings: Settings
    first: datetime
    end: datetime
    number: int
    count: int

    def name(self, what: str, number: int | None = None) -> str:
        """Name a part of this range, or of another."""
        return f"{self.folder}/{what}-{self.number if number is None else number:05d}.parquet"

    def scan_events(self, *, before: timedelta = timedelta(0)) -> dy.LazyFrame[Event]:
        """Scan the events of the range, and those of some time before it."""
        return scan_events(self.store, first=self.first - before, end=self.end)

    def find_net_conversions(self) -> dy.LazyFrame[Conversion]:
        """Find the conversions of the range, net of what was taken back, whenever that was."""
        is_inside = pl.col("occurred_at").is_between(self.first, self.end, closed="left")
        events = scan_events(self.store).filter(is_inside | pl.col("metric").is_in(TAKEN_BACK))
        found = find_conversions(Event.cast(events), settings=self.settings).filter(pl.col("converted_at") < self.end)
        return Conversion.cast(found.collect().lazy())


def attribute_on(
    cluster: Cluster,
    store: str,
    folder: str,
    *,
    models: Sequence[Model],
    settings: Settings,
    progress: Progress = NO_PROGRESS,
) -> dy.LazyFrame[Credit]:
    """Credit every conversion of a store on a cluster.

    The rows are those of `scan_credits`, in the same order, bit for bit.

    Parameters
    ----------
    cluster
        The workers.
    store
        A store's path, the same for all workers: on a disk that they share, or an address that fsspec knows.
    folder
        An empty folder for the parts of the answer, as the store's path: Parquet, in the order of their names.
    models, settings
        As of `scan_credits`.
    progress
        Is told `attributing`, the share of the ranges that are done, and the conversions in them.

    Raises
    ------
    SettingsError
        When there is no such model, none is named, or one twice.
    StoreError
        When there is no store, or a file of it is missing or damaged.
    KlavnbError
        When a worker does not reach the store or the folder; or as `Cluster.map` does.
    """
    check_places(cluster, store, folder)
    asked = tuple(check_models(models))
    count = RANGES_OF_A_THREAD * cluster.count_threads()
    ranges = plan_ranges(list_event_files(store), settings=settings, count=count)
    tasks = [
        RangeTask(
            store=store,
            folder=folder,
            models=asked,
            settings=settings,
            first=first,
            end=end,
            number=number,
            count=len(ranges),
        )
        for number, (first, end) in enumerate(ranges)
    ]
    list(cluster.map(write_converting, tasks, label="converting"))
    done = 0
    for number, count_conversions in enumerate(cluster.map(write_credits, tasks, label="attribute"), start=1):
        done += count_conversions
        progress("attributing", number / len(tasks), done)
    [answered] = cluster.map(settle, [tasks], label="look back")
    list(cluster.map(rewrite_credits, [tasks[number] for number in answered], label="reasons"))
    place = to_place(folder)
    remove_files(place, [name for name in list_files(place) if not name.startswith(f"{CREDITS}-")])
    return Credit.cast(scan_parts(task.name(CREDITS) for task in tasks))


def plan_ranges(files: Sequence[EventFile], *, settings: Settings, count: int) -> list[tuple[datetime, datetime]]:
    """Part the days of a store into ranges with about as many touches and conversions each, at most `count`.

    A range is at least as long as the longest window: a shorter one would read more of the days before it than of its
    own. Ranges begin where files do.

    Returns
    -------
    list
        The first instant of each range, and the first that is no longer in.
    """
    metrics = [*find_earning(settings), find_conversion_metric(settings)]
    weighed = [
        (tally.first_event_at, tally.last_event_at, sum(tally.metrics.get(metric, 0) for metric in metrics))
        for tally in (file.tally for file in files)
        if tally.first_event_at is not None and tally.last_event_at is not None
    ]
    if not weighed:
        return []
    fair = sum(weight for *_, weight in weighed) / count
    starts, held = [weighed[0][0]], 0
    for first, _, weight in weighed:
        if held >= fair and first - starts[-1] >= settings.longest_window:
            starts.append(first)
            held = 0
        held += weight
    return list(pairwise([*starts, weighed[-1][1] + datetime.resolution]))


def write_converting(task: RangeTask) -> None:
    """Write who converts in a range, a row each."""
    converting = find_converting(task.scan_events(), settings=task.settings)
    write_part(converting.lazy().select(pl.col("profile_id").sort()), task.name(CONVERTING))


def write_credits(task: RangeTask) -> int:
    """Write the credits of a range, and the last channel of those who touched something in it.

    Returns
    -------
    int
        How many conversions it has.
    """
    # what a later range asks for is about those who convert there
    converting = scan_parts(task.name(CONVERTING, number) for number in range(task.number, task.count))
    crediting = Crediting(
        models=task.models,
        settings=task.settings,
        wanted=Credit.column_names(),
        profiles=Profiles(converting.collect(engine="streaming")["profile_id"]),
        since=task.first,
        net=task.find_net_conversions() if task.settings.net_of_refunds else None,
    )
    events = task.scan_events(before=task.settings.longest_window)
    write_part(stream_credits(lambda _: crediting.credit(events)), task.name(CREDITS))
    touched = np.flatnonzero(crediting.last != NONE)
    last = {"profile_id": crediting.profiles.ids.gather(touched), "channel": name_channels(crediting.last[touched])}
    write_part(pl.LazyFrame(last), task.name(LAST))
    return crediting.done


def settle(tasks: Sequence[RangeTask]) -> list[int]:
    """Find who had a touch in an earlier range and none since; return the ranges that have somebody to ask for."""
    asked = scan_numbered(tasks, CREDITS).filter(pl.col("reason") == "no_touch").select("number", "profile_id").unique()
    asked = asked.collect(engine="streaming").lazy().sort("number")
    touched = scan_numbered(tasks, LAST).join(asked, on="profile_id", how="semi").sort("number")
    answers = asked.join_asof(
        touched, on="number", by="profile_id", allow_exact_matches=False, check_sortedness=False
    ).drop_nulls("channel")
    found = answers.select("number", "profile_id", seen="channel").collect().partition_by("number", as_dict=True)
    for (number,), seen in found.items():
        write_part(seen.lazy(), tasks[number].name(SEEN))
    return sorted(number for (number,) in found)


def rewrite_credits(task: RangeTask) -> None:
    """Give the reasons of a range what is known of earlier ones."""
    seen = scan_parts([task.name(SEEN)]).select("profile_id", "seen")
    credited = scan_parts([task.name(CREDITS)]).join(seen, on="profile_id", how="left", maintain_order="left")
    # collected, as the file is read from that is written
    write_part(remember(credited).collect().lazy(), task.name(CREDITS))


def scan_numbered(tasks: Sequence[RangeTask], what: str) -> pl.LazyFrame:
    """Scan parts, with the number of the range."""
    return pl.concat(scan_parts([task.name(what)]).with_columns(number=pl.lit(task.number)) for task in tasks)
