"""What one JSON file holds, kind by kind, while it is being read; and how that becomes raw frames."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from types import NoneType
from typing import Final

import dataframely as dy
import msgspec
import polars as pl
from msgspec import Raw, Struct

from klavnb.formats.contract import (
    LONGEST_RAW,
    RawAttribution,
    RawCampaign,
    RawEvent,
    RawExport,
    RawFlow,
    RawGroup,
    RawGroupMember,
    RawMessage,
    RawMetric,
    RawProfile,
    build,
    cut,
    to_lists,
)
from klavnb.formats.decoded import dig, list_recorded_events, to_text
from klavnb.schemas import Reject

__all__ = ["NOTHING", "Batch", "EventRecord", "Properties", "keep_text", "to_frames"]

NOTHING: Final = Raw(b"null")
"""A value that is null or absent."""

EVENT_TEXTS: Final = (
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
PROPERTY_TEXTS: Final = (
    "value",
    "source_event_id",
    "message",
    "flow",
    "transmission_id",
    "send_cohort",
    "machine_open",
    "bot_click",
    "campaign_name",
    "subject",
)
"""Columns of the contract that are one field of the record, or of its properties, under the same name."""


class Properties(Struct, gc=False):
    """The event properties that mean something to Klaviyo; the shop's own stay in the raw text."""

    value: object = msgspec.field(name="$value", default=None)
    currency_code: object = msgspec.field(name="$currency_code", default=None)
    value_currency: object = msgspec.field(name="$value_currency", default=None)
    value_currency_plain: object = msgspec.field(name="value_currency", default=None)
    source_event_id: object = msgspec.field(name="$event_id", default=None)
    order_id: object = msgspec.field(name="OrderId", default=None)
    order_id_snake: object = msgspec.field(name="order_id", default=None)
    order_id_spaced: object = msgspec.field(name="Order ID", default=None)
    message: object = msgspec.field(name="$message", default=None)
    flow: object = msgspec.field(name="$flow", default=None)
    variation: object = msgspec.field(name="$variation", default=None)
    old_variation: object = msgspec.field(name="_variation", default=None)
    transmission_id: object = msgspec.field(name="Transmission ID", default=None)
    send_cohort: object = msgspec.field(name="$_cohort$message_send_cohort", default=None)
    internal: object = msgspec.field(name="$internal", default=None)
    machine_open: object = None
    bot_click: object = msgspec.field(name="Bot Click", default=None)
    campaign_name: object = msgspec.field(name="Campaign Name", default=None)
    subject: object = msgspec.field(name="Subject", default=None)
    attribution: object = msgspec.field(name="$attribution", default=msgspec.UNSET)


class EventRecord(Struct, gc=False):
    """One event of either API, still as decoded."""

    line: int
    event_id: object
    profile_id: object
    metric_id: object
    occurred_at: object
    occurred_unix: object
    properties: Raw
    known: Properties
    metric_name: object = None
    attribution_ids: list[object] | None = None
    campaign_id: object = None
    flow_id: object = None
    flow_message_id: object = None


@dataclass(slots=True)
class Batch:
    """What one file holds, kind by kind, while it is being read; tuples are rows of the contract.

    `group_id` is the list or segment whose profiles are being read; `said_profiles` are the records of
    profiles that were read before, in this file or another: pages of events name the same profiles again.
    """

    file: str
    events: list[EventRecord] = field(default_factory=list)
    profiles: list[tuple[object, ...]] = field(default_factory=list)
    metrics: list[tuple[object, ...]] = field(default_factory=list)
    attributions: list[tuple[object, ...]] = field(default_factory=list)
    campaigns: list[tuple[object, ...]] = field(default_factory=list)
    flows: list[tuple[object, ...]] = field(default_factory=list)
    messages: list[tuple[object, ...]] = field(default_factory=list)
    group_members: list[tuple[object, ...]] = field(default_factory=list)
    groups: list[tuple[object, ...]] = field(default_factory=list)
    group_id: str | None = None
    said_profiles: set[tuple[object, bytes]] = field(default_factory=set)
    flow_of_action: dict[object, object] = field(default_factory=dict)
    action_of_message: dict[object, object] = field(default_factory=dict)
    rejects: list[tuple[object, ...]] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    is_foreign: bool = True

    def reject(self, line: int | None, reason: str, raw: bytes) -> None:
        """Set a record aside."""
        self.rejects.append((self.file, line, reason, cut(raw[: 4 * LONGEST_RAW].decode(errors="replace"))))


def to_frames(batches: Sequence[Batch]) -> RawExport:
    """Turn what some files held into raw frames, in the order of the files."""
    ours = [batch for batch in batches if not batch.is_foreign]
    return RawExport(
        events=_to_event_frame(ours),
        metrics=_to_frame(RawMetric, [row for batch in ours for row in batch.metrics]),
        profiles=_to_frame(RawProfile, [row for batch in ours for row in batch.profiles]),
        attributions=_to_frame(RawAttribution, [row for batch in ours for row in batch.attributions]),
        campaigns=_to_frame(RawCampaign, [row for batch in ours for row in batch.campaigns]),
        flows=_to_frame(RawFlow, [row for batch in ours for row in batch.flows]),
        messages=_to_frame(RawMessage, [row for batch in ours for row in batch.messages]),
        group_members=_to_frame(RawGroupMember, [row for batch in ours for row in batch.group_members]),
        groups=_to_frame(RawGroup, [row for batch in ours for row in batch.groups]),
        rejects=_to_frame(Reject, [row for batch in ours for row in batch.rejects]),
        ignored=sum((batch.ignored for batch in ours), Counter[str]()),
        foreign=tuple(batch.file for batch in batches if batch.is_foreign),
    )


def _to_frame(contract: type[dy.Schema], rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    columns = zip(*rows, strict=True) if rows else [()] * len(contract.column_names())
    return build(
        contract,
        **{
            name: values if name == "line" else _to_texts(values)
            for name, values in zip(contract.column_names(), columns, strict=True)
        },
    )


def _to_event_frame(batches: Sequence[Batch]) -> pl.DataFrame:
    events = [event for batch in batches for event in batch.events]
    known = [event.known for event in events]
    texts: dict[str, Iterable[object]] = {
        **{name: map(attrgetter(name), events) for name in EVENT_TEXTS},
        **{name: map(attrgetter(name), known) for name in PROPERTY_TEXTS},
        "currency": (each.currency_code or each.value_currency or each.value_currency_plain for each in known),
        "order_id": (each.order_id or each.order_id_snake or each.order_id_spaced for each in known),
        "variation": (each.variation or each.old_variation for each in known),
        "handed_off_at": (each.internal and dig(each.internal, "Handoff Time") for each in known),
    }
    return build(
        RawEvent,
        file=[batch.file for batch in batches for _ in batch.events],
        line=[event.line for event in events],
        properties=[keep_text(event.properties) for event in events],
        attribution_ids=to_lists(event.attribution_ids for event in events),
        recorded_event_ids=to_lists(
            None if each.attribution is msgspec.UNSET else list_recorded_events(each.attribution) for each in known
        ),
        **{name: _to_texts(values) for name, values in texts.items()},
    )


def _to_texts(values: Iterable[object]) -> list[object]:
    found = list(values)
    if set(map(type, found)) <= {str, NoneType}:  # most columns: no look at each value in Python
        return found
    return [to_text(value) for value in found]


def keep_text(raw: Raw) -> str | None:
    """Return a value's JSON text as it is; None where it is null or absent."""
    return None if raw == NOTHING else str(raw, "utf-8")
