"""What a JSON file holds, kind by kind, while it is being read; and how that becomes raw frames."""

import gc
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, Literal

import dataframely as dy
import polars as pl
from msgspec import Raw, Struct

from klavnb.formats.contract import FRAMES, LONGEST_RAW, RawEvent, RawExport, cut
from klavnb.formats.decoded import keep_text
from klavnb.formats.event_properties import Properties, describe_properties, list_fields
from klavnb.formats.made_ids import make_event_ids
from klavnb.formats.text_columns import fill_frame, to_sparse_lists, to_texts
from klavnb.formats.usual_events import UsualEvents, to_usual_frame

__all__ = ["Batch", "EventRecord", "Said", "no_collection", "to_export"]

MOST_SAID: Final = 200_000
"""Records of profiles that are remembered, so that their repetitions are passed over; then it begins anew."""

TEXTS: Final = (
    "event_id",
    "profile_id",
    "metric_id",
    "metric_name",
    "occurred_at",
    "occurred_unix",
    "campaign_id",
    "flow_id",
    "flow_message_id",
)
"""Columns of the contract that are a field of the record, under the same name."""


Said = set[tuple[str | None, bytes]]
"""Ids and digests of records of profiles."""


class EventRecord(Struct, gc=False, kw_only=True):
    """One event of any shape, still as decoded.

    `made_of` says what an event without an id gets one made of: all of its content, or the number that its
    sender gave it among the events of the profile and metric; None: it is rejected later.
    """

    line: int
    event_id: object
    profile_id: object
    metric_id: object
    occurred_at: object
    occurred_unix: object = None
    properties: Raw
    known: Properties
    metric_name: object = None
    attribution_ids: list[object] | None = None
    campaign_id: object = None
    flow_id: object = None
    flow_message_id: object = None
    made_of: Literal["content", "number"] | None = None


@dataclass(slots=True)
class Batch:
    """What some lines, or one document, of a file hold.

    Parameters
    ----------
    file
        Name of the file.
    said_profiles, newly_said
        Ids and digests of the records of profiles that were read before, in this file or another, and of those read by
        this batch: pages of events name the same profiles again.
    group_id
        The list or segment whose profiles are being read.
    events
        Events read one by one; usual ones before them are in `before`.
    rows
        Name of a frame → its rows, as decoded, in the order of the contract's columns.
    count_lines
        Lines, or records of a document, that were passed.
    is_foreign
        Whether nothing of Klaviyo's was found.
    """

    file: str
    said_profiles: Said = field(default_factory=set)
    newly_said: list[tuple[str | None, bytes]] = field(default_factory=list)
    group_id: str | None = None
    events: list[EventRecord] = field(default_factory=list)
    before: list[UsualEvents | list[EventRecord]] = field(default_factory=list)
    rows: defaultdict[str, list[tuple[object, ...]]] = field(default_factory=lambda: defaultdict(list))
    ignored: Counter[str] = field(default_factory=Counter)
    count_lines: int = 0
    is_foreign: bool = True

    def add(self, frame: str, *values: object) -> None:
        """Add a row to a frame."""
        self.rows[frame].append(values)

    def reject(self, line: int | None, reason: str, raw: bytes) -> None:
        """Set a record aside."""
        self.add("rejects", self.file, line, reason, cut(raw[: 4 * LONGEST_RAW].decode(errors="replace")))

    def ignore(self, kind: str) -> None:
        """Count a record that klavnb has no use for."""
        self.is_foreign = False
        self.ignored[kind] += 1

    def add_usual(self, events: UsualEvents) -> None:
        """Add usual events, behind those that were read one by one."""
        self.before += [self.events, events]
        self.events = []

    def fork(self) -> "Batch":
        """Begin a batch of the same file, whose records count only once they are absorbed."""
        return Batch(self.file, self.said_profiles, group_id=self.group_id)

    def absorb(self, other: "Batch") -> None:
        """Take over what another batch of the file holds."""
        self.before += [self.events, *other.before]
        self.events = other.events
        for name, rows in other.rows.items():
            self.rows[name] += rows
        self.ignored += other.ignored
        self.is_foreign &= other.is_foreign
        self.newly_said += other.newly_said

    def discard(self) -> None:
        """Forget what was read, as if it never had been."""
        self.said_profiles.difference_update(self.newly_said)

    def say(self, profile: tuple[str | None, bytes]) -> None:
        """Remember a profile's record, by id and digest."""
        if len(self.said_profiles) >= MOST_SAID:
            self.said_profiles.clear()
        self.said_profiles.add(profile)
        self.newly_said.append(profile)


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep Python from looking for garbage in circles: decoding makes many objects, and hardly a circle."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def to_export(batches: Sequence[Batch]) -> RawExport:
    """Turn what was read into raw frames, in its order; of a foreign file there are rejects only."""
    frames = {
        name: _to_frame(contract, [row for batch in batches for row in batch.rows[name]])
        for name, contract in FRAMES.items()
        if name != "events"
    }
    events = list(_to_event_frames(batches))
    return RawExport(
        events=pl.concat([fill_frame(RawEvent, 0, {}), *events]),
        **frames,
        ignored=sum((batch.ignored for batch in batches), Counter[str]()),
        foreign=tuple(dict.fromkeys(batch.file for batch in batches if batch.is_foreign)),
        count_lines=sum(batch.count_lines for batch in batches),
        remarks=frozenset(),
    )


def _to_frame(contract: type[dy.Schema], rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    columns = dict(zip(contract.column_names(), zip(*rows, strict=True), strict=True)) if rows else {}
    texts = {name: to_texts(held) for name, held in columns.items() if name != "line"}
    lines = {name: pl.Series(held, dtype=pl.Int64) for name, held in columns.items() if name == "line"}
    return fill_frame(contract, len(rows), texts | lines)


def _to_event_frames(batches: Sequence[Batch]) -> Iterator[pl.DataFrame]:
    """Make frames of events in their order, one of all usual ones that follow each other, even of several files."""
    runs = ((batch.file, run) for batch in batches for run in (*batch.before, batch.events) if run)
    for is_usual, following in groupby(runs, key=lambda run: isinstance(run[1], UsualEvents)):
        if is_usual:
            yield to_usual_frame([run for _, run in following if isinstance(run, UsualEvents)])
        else:
            yield from (_to_event_frame(file, run) for file, run in following if isinstance(run, list))


def _to_event_frame(file: str, events: Sequence[EventRecord]) -> pl.DataFrame:
    columns = {
        "file": pl.Series([file], dtype=pl.String).new_from_index(0, len(events)),
        "line": pl.Series([event.line for event in events], dtype=pl.Int64),
        "properties": pl.Series([keep_text(event.properties) for event in events], dtype=pl.String),
        "attribution_ids": to_sparse_lists([event.attribution_ids for event in events]),
        **{name: to_texts([getattr(event, name) for event in events]) for name in TEXTS},
        **describe_properties(list_fields([event.known for event in events])),
    }
    frame = fill_frame(RawEvent, len(events), columns)
    return frame.with_columns(event_id=_make_ids(frame, events))


def _make_ids(frame: pl.DataFrame, events: Sequence[EventRecord]) -> pl.Series:
    """Make the ids of events that come from payloads, which carry none."""
    made_of = pl.Series([event.made_of for event in events], dtype=pl.String)
    if made_of.null_count() == len(made_of):
        return frame["event_id"]
    content = ("occurred_at", "occurred_unix", "value", "currency", "properties")
    told_apart = frame.with_columns(pl.when(made_of != "number").then(pl.col(content)))
    return make_event_ids(told_apart).zip_with(made_of.is_not_null(), frame["event_id"])
