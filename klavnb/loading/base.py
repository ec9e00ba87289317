"""A store to which an export is added: which of its files change, and what the new events change in them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from klavnb.formats.contract import RawCampaign, RawExport, RawFlow, RawMessage, RawProfile, build
from klavnb.receipts import match_receipts
from klavnb.tally import Tally

__all__ = [
    "Base",
    "BaseFile",
    "Changes",
    "carry_over",
    "find_changes",
    "keep_groups",
    "plan_changed",
    "to_raw_messages",
    "to_raw_profiles",
]

NARROW: Final = ("event_id", "profile_id", "metric", "occurred_at", "message_id", "transmission_id", "receipt_at")
TIMES: Final = ("created_at", "updated_at", "last_event_at")
ISO: Final = "%Y-%m-%dT%H:%M:%S%.f+00:00"


@dataclass(frozen=True, slots=True)
class BaseFile:
    """One file of the store's events, from its first day on, and what was counted in it."""

    path: Path
    first: date
    tally: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A store as a load sees it that adds to it."""

    files: tuple[BaseFile, ...]
    profiles: pl.LazyFrame
    messages: pl.DataFrame
    groups: pl.DataFrame
    totals: pl.DataFrame
    rejects: pl.LazyFrame
    metric_names: Mapping[str, str]
    sources: tuple[str, ...]
    tally: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What new events change in a store.

    Parameters
    ----------
    dropped
        File → `event_id` of its events that come again: the later word counts.
    receipts
        File → `event_id` and `receipt_at` of its touches whose receipt is now another one.
    new
        `part`, `row` and `receipt_at` of new touches.
    """

    dropped: Mapping[Path, pl.DataFrame]
    receipts: Mapping[Path, pl.DataFrame]
    new: pl.DataFrame


def find_changes(base: Base, new: pl.LazyFrame, *, roles: Mapping[str, str]) -> Changes:
    """Find what new events change.

    Parameters
    ----------
    base
        The store.
    new
        The new events, each once: `part`, `row`, and the columns from which receipts are matched.
    roles
        Metric → channel and kind.
    """
    fresh = new.collect(engine="streaming")
    ids = fresh.select("event_id").lazy()
    of_messages = fresh.filter(pl.col("message_id").is_not_null()).select("profile_id", "message_id").unique().lazy()
    dropped: dict[Path, pl.DataFrame] = {}
    met: list[pl.DataFrame] = [fresh.with_columns(file=pl.lit(None, dtype=pl.UInt32), former_at=None)]
    for number, file in enumerate(base.files):
        known = pl.scan_parquet(file.path, glob=False)
        dropped[file.path] = known.select("event_id").join(ids, on="event_id", how="semi").collect(engine="streaming")
        met.append(
            known.select(NARROW)
            .join(of_messages, on=["profile_id", "message_id"], how="semi")
            .join(dropped[file.path].lazy(), on="event_id", how="anti")
            .rename({"receipt_at": "former_at"})
            .with_columns(file=pl.lit(number, dtype=pl.UInt32))
            .collect(engine="streaming")
        )
    everything = pl.concat(met, how="diagonal_relaxed")
    found = match_receipts(everything, roles=roles)
    moved = (
        everything.filter(pl.col("file").is_not_null())
        .join(found.select("event_id", "receipt_at"), on="event_id", how="left")
        .filter(pl.col("receipt_at").ne_missing(pl.col("former_at")))
    )
    return Changes(
        dropped=dropped,
        receipts={
            file.path: moved.filter(pl.col("file") == number).select("event_id", "receipt_at")
            for number, file in enumerate(base.files)
        },
        new=found.filter(pl.col("file").is_null()).select("part", "row", "receipt_at"),
    )


def plan_changed(base: Base, changes: Changes, days: pl.DataFrame) -> list[tuple[BaseFile, pl.DataFrame]]:
    """List the files that change, each with the days and counts of all its events, old and new.

    Every day is of one file: of the last that begins on it or before, or of the first.
    """
    starts = [file.first for file in base.files]
    place = pl.lit(pl.Series(starts)).search_sorted(pl.col("day"), side="right").cast(pl.Int64) - 1
    of_file = days.with_columns(file=pl.max_horizontal(place, pl.lit(0)))
    changed: list[tuple[BaseFile, pl.DataFrame]] = []
    for number, file in enumerate(base.files):
        new = of_file.filter(pl.col("file") == number).select("day", "count_events")
        if new.is_empty() and changes.dropped[file.path].is_empty() and changes.receipts[file.path].is_empty():
            continue
        old = (
            pl.scan_parquet(file.path, glob=False)
            .group_by(day=pl.col("occurred_at").dt.date())
            .agg(count_events=pl.len().cast(pl.Int64))
            .collect(engine="streaming")
        )
        changed.append((file, pl.concat([old, new]).group_by("day").agg(pl.col("count_events").sum()).sort("day")))
    return changed


def to_raw_profiles(base: Base) -> pl.LazyFrame:
    """Write the store's profiles as records of an export, which later ones complete or replace."""
    return base.profiles.select(
        pl.lit("").alias("file"),
        pl.lit(None, dtype=pl.Int64).alias("line"),
        *(
            pl.col(name).dt.strftime(ISO) if name in TIMES else pl.col(name)
            for name in RawProfile.column_names()
            if name not in ("file", "line")
        ),
    )


def to_raw_messages(base: Base) -> RawExport:
    """Write the store's messages, campaigns and flows as records of an export."""
    messages = base.messages
    campaigns = messages.filter(pl.col("campaign_id").is_not_null())
    flows = messages.filter(pl.col("flow_id").is_not_null())
    sent_at = campaigns["sent_at"].dt.strftime(ISO)
    return RawExport(
        messages=build(RawMessage).vstack(
            messages.select(
                *("message_id", "name", "subject"),
                pl.col("channel", "message_type").cast(pl.String),
                *("campaign_id", "flow_id"),
                action_id=pl.lit(None, dtype=pl.String),
            )
        ),
        campaigns=build(
            RawCampaign, campaign_id=campaigns["campaign_id"], name=campaigns["campaign_name"], sent_at=sent_at
        ),
        flows=build(RawFlow, flow_id=flows["flow_id"], name=flows["flow_name"]),
    )


def keep_groups(base: Base, groups: pl.DataFrame) -> pl.DataFrame:
    """Put the members of lists and segments together; of one that comes again, the later answer is the whole."""
    others = base.groups.filter(~pl.col("group_id").is_in(groups["group_id"].unique().to_list()))
    return pl.concat([others, groups]).sort("group_id", "profile_id")


def carry_over(tally: Tally) -> Tally:
    """Return what was counted of a file and cannot be counted again from it."""
    return replace(
        Tally(),
        nameless=tally.nameless,
        count_unreadable=tally.count_unreadable,
        count_unresolved=tally.count_unresolved,
    )
