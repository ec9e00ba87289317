"""Attribution of an export of any size: some days at a time, in bounded memory."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

import dataframely as dy
import polars as pl
from polars.io.plugins import register_io_source

from klavnb.attribution import attribute_models
from klavnb.models import ORDER, Model
from klavnb.schemas import REASONS, Conversion, Credit, Event, Touch
from klavnb.settings import Settings
from klavnb.touches import find_conversions, find_touches

__all__ = ["ROWS", "scan_credits"]

ROWS: Final = 1_000_000
"""Events, about, that are looked at together. A single day is never split."""


def scan_credits(events: dy.LazyFrame[Event], *, models: Sequence[Model], settings: Settings) -> dy.LazyFrame[Credit]:
    """Credit every conversion of an export, slice of days by slice of days.

    It is what `attribute_models` gives, in the order of time: one row per model, conversion and credited touch. Nothing
    is read before it is asked for, and no more than a slice, with the touches that are still open then, is held.

    Parameters
    ----------
    events
        Those of an export; of a store, each slice reads only the files that it needs.
    models
        Names of models, each once.
    settings
        Windows, anchor, filters, conversion metric.

    Examples
    --------
    >>> from klavnb.store import read_export
    >>> credited = scan_credits(read_export("sample").events, models=["old", "cooperative"], settings=Settings())
    >>> by_model = credited.group_by("model").agg(pl.col("attributed_value").sum()).sort("attributed_value").collect()
    >>> by_model["model"].to_list()
    ['old', 'cooperative']
    """

    def read(
        columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, _batch: int | None
    ) -> Iterator[pl.DataFrame]:
        left = rows
        for credits_ in _attribute_slices(events, models, settings):
            found = credits_ if predicate is None else credits_.filter(predicate)
            found = found if columns is None else found.select(columns)
            yield found if left is None else found.head(left)
            left = None if left is None else left - found.height
            if left is not None and left <= 0:
                return

    return Credit.cast(register_io_source(read, schema=Credit.create_empty().schema))


def _attribute_slices(
    events: dy.LazyFrame[Event], models: Sequence[Model], settings: Settings
) -> Iterator[pl.DataFrame]:
    all_conversions = find_conversions(events, settings=settings)
    if settings.net_of_refunds:  # what takes an order back may come long after it
        all_conversions = Conversion.cast(all_conversions.collect().lazy())
    # whoever never converts is left out from the start: most are
    converting = all_conversions.select("profile_id").unique().collect(engine="streaming").lazy()
    carried = pl.DataFrame(Touch.create_empty())
    seen = carried.select("profile_id", last_channel="channel")
    for first, end in _plan(events):
        inside = Event.cast(events.filter(pl.col("occurred_at").is_between(first, end, closed="left")))
        conversions = (
            all_conversions.filter(pl.col("converted_at").is_between(first, end, closed="left"))
            if settings.net_of_refunds
            else find_conversions(inside, settings=settings)
        )
        of_converting = Event.cast(inside.join(converting, on="profile_id", how="semi"))
        found, converted = pl.collect_all([find_touches(of_converting, settings=settings), conversions])
        touches = found.sort(ORDER)
        around = pl.concat([carried, touches])
        credited = attribute_models(
            Touch.cast(around.lazy()), Conversion.cast(converted.lazy()), models=models, settings=settings
        )
        yield _recall(credited.collect(), seen)
        of_slice = touches.select("profile_id", last_channel="channel")
        seen = pl.concat([seen, of_slice]).unique("profile_id", keep="last", maintain_order=True)
        carried = around.filter(pl.col("touched_at") >= end - settings.longest_window)


def _plan(events: dy.LazyFrame[Event]) -> Iterator[tuple[datetime, datetime]]:
    """Put days together, about `ROWS` events: the first instant, and the first that is no longer in."""
    counted = events.group_by(day=pl.col("occurred_at").dt.truncate("1d")).agg(pl.len())
    days: list[tuple[datetime, int]] = list(counted.sort("day").collect(engine="streaming").iter_rows())
    first: datetime | None = None
    rows = 0
    for day, count in days:
        if first is not None and rows + count > ROWS:
            yield first, day
            first, rows = None, 0
        first, rows = first or day, rows + count
    if first is not None:
        yield first, days[-1][0] + timedelta(days=1)


def _recall(credited: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Remember touches too old to earn anything: whoever had one has a last channel, and its window is closed."""
    had_one = (pl.col("reason") == "no_touch") & pl.col("seen").is_not_null()
    return (
        credited.join(seen.rename({"last_channel": "seen"}), on="profile_id", how="left", maintain_order="left")
        .with_columns(
            last_channel=pl.coalesce("last_channel", pl.when(had_one).then("seen")),
            reason=pl.when(had_one).then(pl.lit("windows_closed", dtype=pl.Enum(REASONS))).otherwise("reason"),
        )
        .select(credited.columns)
    )
