"""Write the bench's events as a load does, into a store, and as Parquet in no order; both in bounded memory."""

import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from functools import reduce
from operator import add
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import polars as pl
from events import (
    BASE,
    CHANNELS,
    EMAIL_CLICK,
    FLOWS,
    METRICS,
    NONE,
    OPEN_OR_CLICK,
    START,
    Base,
    Shop,
    make_slices,
)

from klavnb.layout import commit, new_data
from klavnb.loading import ASIDE, write_events
from klavnb.manifest import SCHEMA_VERSION, EventFile, Manifest
from klavnb.schemas import CampaignTotal, Event, GroupMember, Message, Profile, Reject
from klavnb.settings import Settings
from klavnb.summary import summarise
from klavnb.tally import Tally, tally_events

NEEDED: Final = (*("event_id", "profile_id", "metric", "occurred_at", "value", "currency", "message_id", "receipt_at"),)
"""What attribution reads of events: the columns of the unsorted Parquet."""

ROWS_OF_A_PART: Final = 1_000_000
ROWS_OF_PROFILES: Final = 1_000_000
ID_DIGITS, ID_BITS, ID_FACTOR = 13, 40, 0x9E3779B1


def write_shop(shop: Shop, store: Path, unsorted: Path) -> int:
    """Write the shop as a store and as a folder of unsorted Parquet; return how many events it has."""
    unsorted.mkdir(parents=True)
    parts = [unsorted / f"{number:04d}.part" for number in range(1 + shop.events // ROWS_OF_A_PART)]
    with new_data(store) as data, ThreadPoolExecutor(2) as threads:
        for name in ("events", "profiles", ASIDE):
            (data / name).mkdir()
        scatter = np.random.default_rng([shop.seed, 0xA])
        written: list[Future[EventFile]] = []
        for events in make_slices(shop):
            written.append(threads.submit(write_slice, events, data / "events"))
            scatter_events(events, parts, scatter)
            if len(written) > 2:  # noqa: PLR2004 - two at work, one waiting: more would only fill the memory
                written[-3].result()
        files = [each.result() for each in written]
        write_others(shop, data)
        shutil.rmtree(data / ASIDE)
        list(threads.map(mix_part, parts, [np.random.default_rng([shop.seed, 0xB, at]) for at in range(len(parts))]))
        summary = summarise(
            reduce(add, (file.tally for file in files), Tally()),
            sources=("events",),
            skipped=(),
            count_profiles=shop.profiles,
            count_messages=shop.messages,
            digests=(),
            metric_names={},
            count_doubled=0,
            settings=Settings.preset("2022"),
        )
        manifest = Manifest(
            klavnb_store=SCHEMA_VERSION,
            data=data.name,
            events=files,
            profiles=sorted(path.name for path in (data / "profiles").iterdir()),
            summary=summary,
        )
        commit(data, msgspec.json.encode(manifest))
    return summary.rows_kept


def write_slice(events: Base, folder: Path) -> EventFile:
    """Write some days as a load does, and count them as it does."""
    named = name_events(events).sort("occurred_at", "event_id").collect()
    return EventFile(write_events(named, folder).name, tally_events(named))


def scatter_events(events: Base, parts: list[Path], chance: np.random.Generator) -> None:
    """Add each event to a part by chance."""
    part_of = chance.integers(len(parts), size=len(events))
    order = np.argsort(part_of, kind="stable")
    ends = np.searchsorted(part_of[order], np.arange(1, len(parts)))
    for path, rows in zip(parts, np.split(events[order], ends), strict=True):
        with path.open("ab") as file:
            rows.tofile(file)


def mix_part(part: Path, chance: np.random.Generator) -> None:
    """Write a part as Parquet, in no order."""
    events = chance.permutation(np.fromfile(part, dtype=BASE))
    name_events(events).select(NEEDED).collect().write_parquet(part.with_suffix(".parquet"), compression_level=1)
    part.unlink()


def write_others(shop: Shop, data: Path) -> None:
    """Write everything that a store has beside events."""
    for number, first in enumerate(range(0, shop.profiles, ROWS_OF_PROFILES)):
        ranks = pl.int_range(first, min(first + ROWS_OF_PROFILES, shop.profiles), eager=True).alias("profile")
        profiles = fill(pl.LazyFrame(ranks).select(profile_id=name_profiles()), Profile)
        profiles.collect().write_parquet(data / "profiles" / f"{number:04d}.parquet")
    codes = pl.DataFrame({"message": range(shop.messages)}, schema={"message": pl.Int32})
    messages = codes.lazy().select(
        **name_messages(),
        name=pl.format("Message {}", "message"),
        channel=pl.Series(CHANNELS).gather(codes["message"] % len(CHANNELS)).cast(pl.Enum(Message.channel.categories)),
    )
    fill(messages, Message).collect().write_parquet(data / "messages.parquet")
    for name, schema in (("groups", GroupMember), ("totals", CampaignTotal), ("rejects", Reject)):
        schema.create_empty().write_parquet(data / f"{name}.parquet")


def name_events(events: Base) -> pl.LazyFrame:
    """Say events with everything that a load makes of them, in their order."""
    codes = pl.DataFrame({name: np.ascontiguousarray(events[name]) for name in BASE.names or ()})
    metric = pl.Series(METRICS).gather(codes["metric"])
    is_order, has_message = pl.col("cents") != NONE, pl.col("message") != NONE
    is_touch = pl.col("metric").is_between(OPEN_OR_CLICK, EMAIL_CLICK)
    named = codes.lazy().select(
        event_id=name_ids("number"),
        profile_id=name_profiles(),
        metric=metric,
        occurred_at=tell_time("at"),
        value=pl.when(is_order).then(pl.col("cents") / 100),
        currency=pl.when(is_order).then(pl.lit("EUR")),
        order_id=pl.when(is_order).then(pl.format("#{}", "number")),
        **{name: pl.when(has_message).then(text) for name, text in name_messages().items()},
        transmission_id=pl.when(has_message).then(pl.format("01T{}", "sending")),
        receipt_at=pl.when(is_touch & (pl.col("receipt") != NONE)).then(tell_time("receipt")),
        is_machine_open=pl.when(pl.col("metric") == OPEN_OR_CLICK).then(pl.col("number") % 3 == 0),
        properties=pl.concat_str(pl.lit('{"$event_id": "'), "number", pl.lit('", "source": "'), metric, pl.lit('"}')),
    )
    return fill(named, Event)


def name_ids(number: str) -> pl.Expr:
    """Ids that are each one's own, and in no order."""
    mixed = pl.col(number).cast(pl.UInt64) * ID_FACTOR % (1 << ID_BITS)
    return mixed.cast(pl.String).str.zfill(ID_DIGITS)


def name_profiles() -> pl.Expr:
    """Ids as long as Klaviyo's."""
    return pl.concat_str(pl.lit("01J0000000000"), name_ids("profile"))


def name_messages() -> dict[str, pl.Expr]:
    """Say the message of a code, and its campaign or flow."""
    is_flow = pl.col("message") < FLOWS
    of_type = pl.when(is_flow).then(pl.lit("flow")).otherwise(pl.lit("campaign"))
    return {
        "message_id": pl.format("01M{}", "message"),
        "message_type": of_type.cast(pl.Enum(["campaign", "flow"])),
        "campaign_id": pl.when(~is_flow).then(pl.format("01C{}", "message")),
        "flow_id": pl.when(is_flow).then(pl.format("F{}", pl.col("message") // 3)),
    }


def tell_time(seconds: str) -> pl.Expr:
    """Say a number of seconds as a time."""
    return pl.lit(START).cast(pl.Datetime("us", "UTC")) + pl.duration(seconds=seconds)


def fill(frame: pl.LazyFrame, schema: type[Event | Message | Profile]) -> pl.LazyFrame:
    """Add the columns that a contract has beside; nothing is known of them."""
    types = schema.create_empty().schema
    named = frame.collect_schema().names()
    absent = {name: pl.lit(None, kind) for name, kind in types.items() if name not in named}
    return frame.with_columns(**absent).select(pl.col(name).cast(kind) for name, kind in types.items())
