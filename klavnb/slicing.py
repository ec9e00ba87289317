"""Attribution of an export of any size: some events at a time, in bounded memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl

from klavnb.attribution import OF_TOUCH, attribute_models, credit_latest
from klavnb.channels import CHANNELS
from klavnb.errors import ExportError
from klavnb.latest import NONE, Profiles, order_touches, to_index
from klavnb.models import LATEST, ORDER, Model, check_models
from klavnb.progress import NO_PROGRESS, Progress
from klavnb.schemas import REASONS, Conversion, Credit, Event, Touch
from klavnb.settings import Settings
from klavnb.streams import stream
from klavnb.touches import find_conversion_metric, find_conversions, find_earning, select_touches

__all__ = ["ROWS", "Crediting", "find_converting", "name_channels", "remember", "scan_credits", "stream_credits"]

Item = TypeVar("Item")

ROWS: Final = 250_000
"""Touches and conversions that are looked at together. A single second is never split."""

RECEIPTS: Final = ("receipt_at", "sent_at", "handed_off_at")
ALWAYS: Final = ("event_id", "profile_id", "metric", "occurred_at", "value", "message_id")
"""Columns of events that every attribution reads; others, where the settings or the answer ask for them."""


def scan_credits(
    events: dy.LazyFrame[Event], *, models: Sequence[Model], settings: Settings, progress: Progress = NO_PROGRESS
) -> dy.LazyFrame[Credit]:
    """Credit every conversion of an export, some hundred thousand touches at a time.

    It is what `attribute_models` gives, by time and id of the conversion, then by model: one row per model, conversion
    and credited touch. Nothing is read before it is asked for, and of the events only the columns that the answer
    needs; no more is held than a slice, the touches that are still open then, and the ids of those who convert.

    Parameters
    ----------
    events
        In the order of time, as those of an export are.
    models
        Names of models, each once.
    settings
        Windows, anchor, filters, conversion metric.
    progress
        Is told `attributing`, the share of the conversions that are done, and how many these are.

    Raises
    ------
    SettingsError
        When there is no such model, none is named, or one twice.
    ExportError
        When it is collected: the events are in another order.

    Examples
    --------
    >>> from klavnb.store import read_export
    >>> credited = scan_credits(read_export("sample").events, models=["old", "cooperative"], settings=Settings())
    >>> by_model = credited.group_by("model").agg(pl.col("attributed_value").sum()).sort("attributed_value").collect()
    >>> by_model["model"].to_list()
    ['old', 'cooperative']
    """
    asked = check_models(models)

    def credit(wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        converting = find_converting(events, settings=settings)
        count, profiles = int(converting["count_conversions"].sum()), Profiles(converting["profile_id"])
        del converting  # of a large export it is large
        crediting = Crediting(models=asked, settings=settings, wanted=wanted, profiles=profiles)
        for credited in crediting.credit(events):
            progress("attributing", crediting.done / max(1, count), crediting.done)
            yield credited

    return stream_credits(credit)


def stream_credits(credit: Callable[[Sequence[str]], Iterator[pl.DataFrame]]) -> dy.LazyFrame[Credit]:
    """Make a lazy frame of credits that are found slice by slice, once they are asked for, from the columns wanted."""
    return Credit.cast(stream(credit, Credit.create_empty().schema))


def find_converting(events: pl.LazyFrame, *, settings: Settings) -> pl.DataFrame:
    """Find who converts: one row per `profile_id`, with `count_conversions`, in no order."""
    converting = events.filter(pl.col("metric") == find_conversion_metric(settings)).group_by("profile_id")
    return converting.agg(count_conversions=pl.len()).collect(engine="streaming")


@dataclass(slots=True, kw_only=True)
class Crediting:
    """Credits conversions slice by slice, and remembers what a later slice has to know of the earlier ones.

    Parameters
    ----------
    models
        Names of models, each once.
    wanted
        Columns of `Credit`.
    profiles
        Those who convert, at least: of others no touch is looked at. Most never convert.
    since
        Conversions before it are not credited; None: all are.
    net
        All conversions, net of what was taken back; None: they are found where the settings ask for them.
    last
        The number of the channel of each profile's last touch so far; `NONE` where there is none.
    done
        Conversions credited so far.
    """

    models: Sequence[Model]
    settings: Settings
    wanted: Sequence[str]
    profiles: Profiles
    since: datetime | None = None
    net: dy.LazyFrame[Conversion] | None = None
    last: npt.NDArray[np.int8] = field(init=False)
    done: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Know of no touch yet."""
        self.last = np.full(len(self.profiles), NONE, dtype=np.int8)

    def credit(self, events: dy.LazyFrame[Event]) -> Iterator[pl.DataFrame]:
        """Credit the conversions of events that are in the order of time, slice by slice."""
        if self.net is None and self.settings.net_of_refunds:  # what takes an order back may come long after it
            self.net = Conversion.cast(find_conversions(events, settings=self.settings).collect().lazy())
        schema = Credit.create_empty().schema
        is_quick = LATEST.issuperset(self.models)
        carried: list[pl.DataFrame] = []
        # the next slice is read and typed while this one is credited
        for found, placed, end in _work_ahead(self._prepare(events)):
            around = pl.concat([*carried, found])
            count_seen = around.height - found.height
            order = order_touches(around)
            seen = name_channels(self.last[placed["profile"]])
            credited = (
                credit_latest(around, placed, order, models=self.models, seen=seen, count_seen=count_seen)
                if is_quick
                else _share(around, placed, models=self.models, settings=self.settings, seen=seen)
            )
            in_slice = order[order >= count_seen]
            self.last[around["profile"].to_numpy()[in_slice]] = around["channel"].to_physical().to_numpy()[in_slice]
            self.done += placed.height
            wanted = credited.select(pl.col(name).cast(schema[name]) for name in self.wanted)
            yield _by_conversion(wanted, len(self.models)) if is_quick else wanted
            may_be_last = pl.col("touched_at") >= end - self.settings.longest_window
            carried = [around.filter(pl.col("closes_at") >= end if is_quick else may_be_last)]

    def _prepare(self, events: pl.LazyFrame) -> Iterator[tuple[pl.DataFrame, pl.DataFrame, datetime]]:
        """Find the touches and conversions of each slice, with the number of the profile, and when the slice ends."""
        is_quick = LATEST.issuperset(self.models)
        describing = [name for name in OF_TOUCH if name in self.wanted or not is_quick]
        read = {
            "currency": "currency" in self.wanted,
            **dict.fromkeys(RECEIPTS, self.settings.anchor == "received" or "received_at" in describing),
            "is_machine_open": self.settings.exclude_machine_opens or not is_quick,
            "is_bot_click": self.settings.exclude_bot_clicks or not is_quick,
        }
        columns = dict.fromkeys([*ALWAYS, *(name for name, is_read in read.items() if is_read), *describing])
        kept = dict.fromkeys([*ORDER, "channel", "closes_at", *describing] if is_quick else Touch.column_names())
        for rows in _read_slices(events, self.settings, columns):
            known = _complete(self.profiles.number(rows))
            touches = select_touches(known, settings=self.settings, also=["profile"]).select("profile", *kept)
            conversions = self._find_conversions(known, rows["occurred_at"])
            found, converted = pl.collect_all([touches, conversions.sort("converted_at", "conversion_id")])
            yield found, self.profiles.number(converted), rows.select(pl.col("occurred_at").last()).item()

    def _find_conversions(self, known: dy.LazyFrame[Event], times: pl.Series) -> pl.LazyFrame:
        at = pl.col("converted_at")
        is_asked = pl.lit(value=True) if self.since is None else at >= self.since
        if self.net is None:
            return find_conversions(known, settings=self.settings).filter(is_asked)
        return self.net.filter(is_asked, at.is_between(times.first(), times.last()))


def _work_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Give items, each of which is made while the one before it is used."""
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(next, items, None)
        while (item := waiting.result()) is not None:
            waiting = thread.submit(next, items, None)
            yield item


def name_channels(numbers: npt.NDArray[np.int8]) -> pl.Series:
    """Name the channels of some numbers; `NONE` is null."""
    return pl.Series(CHANNELS, dtype=pl.Enum(CHANNELS)).gather(to_index(numbers))


def _read_slices(events: pl.LazyFrame, settings: Settings, names: Iterable[str]) -> Iterator[pl.DataFrame]:
    """Read touches and conversions in the order of time, about `ROWS` at a time."""
    types = events.collect_schema()
    columns = [name for name in names if name in types]
    of_metric = pl.col("metric").is_in([*find_earning(settings), find_conversion_metric(settings)])
    held = pl.DataFrame(schema={name: types[name] for name in columns})
    for batch in events.filter(of_metric).select(columns).collect_batches(chunk_size=ROWS):
        rows = pl.concat([held, batch])
        times = rows["occurred_at"]
        if not times.is_sorted():
            raise ExportError(
                "Events: expected them in the order of time, found another.",
                hint='Sort them: events.sort("occurred_at", "event_id").',
            )
        whole = int((times < times.last()).sum())  # more may be of the last instant
        held = rows.slice(whole)
        if whole:
            yield rows.head(whole)
    if not held.is_empty():
        yield held


def _complete(rows: pl.DataFrame) -> dy.LazyFrame[Event]:
    """Add the columns of events that were not read."""
    missing = {name: kind for name, kind in Event.create_empty().schema.items() if name not in rows.columns}
    return rows.lazy().with_columns(pl.lit(None, kind).alias(name) for name, kind in missing.items())  # type: ignore[return-value]  # with the number of the profile beside


def _by_conversion(credited: pl.DataFrame, count_models: int) -> pl.DataFrame:
    """Put rows by model, of which each has one for each conversion, by conversion."""
    return credited[np.arange(credited.height).reshape(count_models, -1).T.ravel()]


def _share(
    touches: pl.DataFrame, conversions: pl.DataFrame, *, models: Sequence[Model], settings: Settings, seen: pl.Series
) -> pl.DataFrame:
    """Credit by models that look at every open touch; else as `credit_latest` does."""
    credited = attribute_models(
        Touch.cast(touches.lazy()), Conversion.cast(conversions.lazy()), models=models, settings=settings
    )
    found = credited.join(conversions.lazy().select("conversion_id", seen=seen), on="conversion_id")
    return remember(found).sort("converted_at", "conversion_id", "model", *ORDER).collect()


def remember(credited: pl.LazyFrame) -> pl.LazyFrame:
    """Correct what earned nothing by `seen`, the last channel of touches too old to earn: its window was closed."""
    had_one = (pl.col("reason") == "no_touch") & pl.col("seen").is_not_null()
    return credited.with_columns(
        last_channel=pl.when(had_one).then("seen").otherwise("last_channel"),
        reason=pl.when(had_one).then(pl.lit("windows_closed", dtype=pl.Enum(REASONS))).otherwise("reason"),
    ).drop("seen")
