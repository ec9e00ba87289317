"""What every format hands on: raw frames of text, one contract for all, typed elsewhere and once.

A format module finds the fields and names them; it decides nothing about their types. Text is as
the export has it; null is what the export does not say. `file` and `line` say where a row stood.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import dataframely as dy
import polars as pl

from klavnb.formats.decoded import to_text
from klavnb.schemas import Reject, list_types

__all__ = [
    "BROKEN",
    "RawAttribution",
    "RawCampaign",
    "RawCampaignTotal",
    "RawEvent",
    "RawExport",
    "RawFlow",
    "RawFlowAction",
    "RawGroup",
    "RawGroupMember",
    "RawMessage",
    "RawMetric",
    "RawProfile",
    "build",
    "cut",
    "describe_broken",
    "to_lists",
]

SEPARATOR: Final = "\n"
LONGEST_RAW: Final = 1024
"""Characters of a rejected record that are kept."""

BROKEN: Final = "broken file: "
"""How the reason of a reject begins that stands for a file, or for what is missing in it."""


class RawEvent(dy.Schema):
    """One row per event record, repeated ones included."""

    file = dy.String()
    line = dy.Int64(nullable=True)  # line of a text file, or ordinal of the record, from 1
    event_id = dy.String(nullable=True)
    profile_id = dy.String(nullable=True)
    metric_id = dy.String(nullable=True)
    metric_name = dy.String(nullable=True)
    occurred_at = dy.String(nullable=True)
    occurred_unix = dy.String(nullable=True)  # looked at where occurred_at cannot be read
    value = dy.String(nullable=True)
    currency = dy.String(nullable=True)
    source_event_id = dy.String(nullable=True)  # $event_id: message:transmission[:time], or the shop's number
    order_id = dy.String(nullable=True)
    message = dy.String(nullable=True)  # $message
    flow = dy.String(nullable=True)  # $flow; blank: a campaign
    variation = dy.String(nullable=True)
    transmission_id = dy.String(nullable=True)
    send_cohort = dy.String(nullable=True)  # unix seconds:message
    handed_off_at = dy.String(nullable=True)
    machine_open = dy.String(nullable=True)
    bot_click = dy.String(nullable=True)
    campaign_name = dy.String(nullable=True)
    subject = dy.String(nullable=True)
    campaign_id = dy.String(nullable=True)  # this and the next two: of tables and of the old API, not of properties
    flow_id = dy.String(nullable=True)
    flow_message_id = dy.String(nullable=True)
    attribution_ids = dy.List(dy.String(), nullable=True)  # to be found among the attributions; null: not asked for
    recorded_event_ids = dy.List(dy.String(), nullable=True)  # of the old shape, inside the properties
    properties = dy.String(nullable=True)


class RawMetric(dy.Schema):
    """One row per metric record."""

    metric_id = dy.String()
    name = dy.String(nullable=True)


class RawProfile(dy.Schema):
    """One row per profile record: a profile repeats on each page that names it."""

    file = dy.String()
    line = dy.Int64(nullable=True)
    profile_id = dy.String(nullable=True)
    email = dy.String(nullable=True)
    phone_number = dy.String(nullable=True)
    external_id = dy.String(nullable=True)
    first_name = dy.String(nullable=True)
    created_at = dy.String(nullable=True)
    updated_at = dy.String(nullable=True)
    last_event_at = dy.String(nullable=True)
    location = dy.String(nullable=True)
    predictions = dy.String(nullable=True)
    consent = dy.String(nullable=True)
    properties = dy.String(nullable=True)


class RawAttribution(dy.Schema):
    """One row per attribution record: that Klaviyo credited `attributed_event_id` with `event_id`."""

    attribution_id = dy.String(nullable=True)
    event_id = dy.String(nullable=True)
    attributed_event_id = dy.String(nullable=True)


class RawCampaign(dy.Schema):
    """One row per campaign record."""

    campaign_id = dy.String()
    name = dy.String(nullable=True)
    subject = dy.String(nullable=True)
    channel = dy.String(nullable=True)
    sent_at = dy.String(nullable=True)


class RawCampaignTotal(dy.Schema):
    """One row per row of a campaign CSV of Klaviyo's own pages; numbers are plain, without signs of thousands."""

    file = dy.String()
    line = dy.Int64(nullable=True)
    campaign_id = dy.String(nullable=True)
    name = dy.String(nullable=True)
    variation = dy.String(nullable=True)
    subject = dy.String(nullable=True)
    channel = dy.String(nullable=True)
    sent_at = dy.String(nullable=True)
    count_recipients = dy.String(nullable=True)
    count_delivered = dy.String(nullable=True)
    count_bounced = dy.String(nullable=True)
    count_opens = dy.String(nullable=True)
    count_opened = dy.String(nullable=True)
    count_clicks = dy.String(nullable=True)
    count_clicked = dy.String(nullable=True)
    count_unsubscribed = dy.String(nullable=True)
    count_marked_spam = dy.String(nullable=True)
    conversion_metric = dy.String(nullable=True)
    count_conversions = dy.String(nullable=True)
    count_converted = dy.String(nullable=True)
    revenue = dy.String(nullable=True)
    currency = dy.String(nullable=True)
    properties = dy.String(nullable=True)


class RawFlow(dy.Schema):
    """One row per flow record."""

    flow_id = dy.String()
    name = dy.String(nullable=True)


class RawMessage(dy.Schema):
    """One row per message record of a campaign or flow, or per mention of one."""

    message_id = dy.String()
    name = dy.String(nullable=True)
    subject = dy.String(nullable=True)
    channel = dy.String(nullable=True)
    message_type = dy.String(nullable=True)
    campaign_id = dy.String(nullable=True)
    flow_id = dy.String(nullable=True)
    action_id = dy.String(nullable=True)  # the step of a flow that sends it


class RawFlowAction(dy.Schema):
    """One row per mention of a flow's step: which flow it is of."""

    action_id = dy.String()
    flow_id = dy.String(nullable=True)


class RawGroup(dy.Schema):
    """One row per record of a list or segment."""

    group_id = dy.String()
    name = dy.String(nullable=True)


class RawGroupMember(dy.Schema):
    """One row per profile that an answer about the profiles of one list or segment names."""

    group_id = dy.String()
    profile_id = dy.String(nullable=True)
    joined_at = dy.String(nullable=True)


@cache
def _nothing(contract: type[dy.Schema]) -> pl.DataFrame:
    return pl.DataFrame(schema=list_types(contract))


@dataclass(frozen=True, slots=True, kw_only=True)
class RawExport:
    """Everything that was read from some files, in their order; frames of the contracts of this module.

    `ignored` counts records of kinds that klavnb has no use for; `foreign` names files that turned
    out to be no export once they were read; `count_lines` are those that the reader passed in the piece, so
    that the lines of the next piece of the file get their numbers; `remarks` say what was not understood of a file.
    """

    events: pl.DataFrame = field(default_factory=lambda: build(RawEvent))
    metrics: pl.DataFrame = field(default_factory=lambda: build(RawMetric))
    profiles: pl.DataFrame = field(default_factory=lambda: build(RawProfile))
    attributions: pl.DataFrame = field(default_factory=lambda: build(RawAttribution))
    campaigns: pl.DataFrame = field(default_factory=lambda: build(RawCampaign))
    campaign_totals: pl.DataFrame = field(default_factory=lambda: build(RawCampaignTotal))
    flows: pl.DataFrame = field(default_factory=lambda: build(RawFlow))
    messages: pl.DataFrame = field(default_factory=lambda: build(RawMessage))
    actions: pl.DataFrame = field(default_factory=lambda: build(RawFlowAction))
    groups: pl.DataFrame = field(default_factory=lambda: build(RawGroup))
    group_members: pl.DataFrame = field(default_factory=lambda: build(RawGroupMember))
    rejects: pl.DataFrame = field(default_factory=lambda: build(Reject))
    ignored: Counter[str] = field(default_factory=Counter)
    foreign: tuple[str, ...] = ()
    count_lines: int = 0
    remarks: frozenset[str] = frozenset()

    @classmethod
    def join(cls, parts: Sequence["RawExport"]) -> "RawExport":
        """Put several behind each other."""
        frames = {
            name: pl.concat([frame, *(getattr(part, name) for part in parts)]) for name, frame in cls().frames().items()
        }
        return cls(
            **frames,
            ignored=sum((part.ignored for part in parts), Counter[str]()),
            foreign=tuple(name for part in parts for name in part.foreign),
            count_lines=sum(part.count_lines for part in parts),
            remarks=frozenset().union(*(part.remarks for part in parts)),
        )

    def frames(self) -> dict[str, pl.DataFrame]:
        """Name → frame, of those that hold something or not."""
        return {name: getattr(self, name) for name in FRAMES}


FRAMES: Final[Mapping[str, type[dy.Schema]]] = {
    "events": RawEvent,
    "metrics": RawMetric,
    "profiles": RawProfile,
    "attributions": RawAttribution,
    "campaigns": RawCampaign,
    "campaign_totals": RawCampaignTotal,
    "flows": RawFlow,
    "messages": RawMessage,
    "actions": RawFlowAction,
    "groups": RawGroup,
    "group_members": RawGroupMember,
    "rejects": Reject,
}


def build(contract: type[dy.Schema], **columns: Sequence[object] | pl.Series | str) -> pl.DataFrame:
    """Build a frame of a contract; a column given as one text has it in every row, an absent one is null.

    Examples
    --------
    >>> build(RawMetric, metric_id=["m1", "m2"]).rows()
    [('m1', None), ('m2', None)]
    """
    if not columns:
        return _nothing(contract)
    schema = list_types(contract)
    height = max((len(values) for values in columns.values() if not isinstance(values, str)), default=0)
    given = {name: columns.get(name) for name in schema}
    return pl.DataFrame(
        [
            pl.Series(name, [values], dtype=schema[name]).new_from_index(0, height)
            if values is None or isinstance(values, str)
            else pl.Series(name, values, dtype=schema[name])
            for name, values in given.items()
        ],
    )


def to_lists(values: Iterable[Sequence[object] | None]) -> pl.Series:
    """Build a column of lists of text; ids hold no line breaks.

    polars makes a series of each list that it is given, so the lists travel as joined text.

    Examples
    --------
    >>> to_lists([["a", "b"], [], None]).to_list()
    [['a', 'b'], [], None]
    """
    joined = [None if value is None else SEPARATOR.join(to_text(item) or "" for item in value) for value in values]
    return pl.Series(joined, dtype=pl.String).str.split(SEPARATOR).list.filter(pl.element() != "")


def describe_broken(file: str, why: str) -> str:
    """Give the reason of the one reject that stands for a file that cannot be read, or not to its end.

    The reason names the file: what was counted by reason is all that later notes and checks know.

    Examples
    --------
    >>> describe_broken("orders.zip", "the zip is broken or cut short")
    'broken file: orders.zip: the zip is broken or cut short'
    """
    return f"{BROKEN}{file}: {why}"


def cut(raw: str) -> str:
    """Cut the text of a rejected record to what is kept of it."""
    return raw[:LONGEST_RAW]
