"""Records of Singer's taps for Klaviyo: resources of the API, whole or flattened, and objects of the first API.

What the taps write (their schemas and streams, read at the revisions named):

- MeltanoLabs/tap-klaviyo (017e9332): the resource with `id`, `type` and `attributes`, and without the rest: of
  an event `attributes.profile_id` and `attributes.metric_id`, where the revision of the API still gave them
  (before 2023-06). The streams are `events`, `profiles`, `metrics`, `campaigns`, `campaign_messages`, `flows`,
  `flow_actions`, `flow_messages`, `lists`, `segments`, and `listperson`: a profile's id with its `list_id`.
- singer-io/tap-klaviyo from 1.0 (00a04ba3): one stream for each metric (`receive`, `open`, `click`, …), `campaigns`,
  `profiles`, `lists`, `global_exclusions`. The attributes are written beside `id` and `type`, and so are the
  relationships that were asked for: `profile` and `metric` are lists of one flattened resource each.
- singer-io/tap-klaviyo before 1.0 (036462ad): the objects of the first API (`object: event`, with `event_name`
  and `person`), and `list_members`: `id`, `email`, `phone_number` and `list_id`.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Raw, Struct

from klavnb.formats.decoded import NOTHING, dig
from klavnb.formats.event_properties import PROPERTIES, Properties
from klavnb.formats.first_api import OBJECTS
from klavnb.formats.records import Batch, EventRecord
from klavnb.formats.resources import ANYTHING, RESOURCES, Resource

__all__ = ["add_flattened"]

STREAMS: Final[Mapping[str, str]] = {
    "events": "event",
    "profiles": "profile",
    "global_exclusions": "profile",
    "list_members": "profile",
    "listperson": "profile",
    "metrics": "metric",
    "campaigns": "campaign",
    "campaign_messages": "campaign-message",
    "flows": "flow",
    "flow_actions": "flow-action",
    "flow_messages": "flow-message",
    "lists": "list",
    "segments": "segment",
}
"""Stream → the type of its records, where they do not say it themselves."""


class Flattened(Struct, gc=False):
    """The fields of a flattened record that say what it is; of an event, all that it says."""

    type: object = None
    id: object = None
    list_id: object = None
    campaign_id: object = None
    email: object = None
    email_of_first_api: object = msgspec.field(name="$email", default=None)
    datetime: object = None
    timestamp: object = None
    event_properties: Raw = NOTHING
    profile: list[Raw] | None = None
    metric: list[Raw] | None = None
    event_name: object = None
    campaign_messages: object = msgspec.field(name="campaign-messages", default=None)


RECORD: Final = msgspec.json.Decoder(Flattened, float_hook=str)


def add_flattened(batch: Batch, raw: Raw, stream: object, line: int) -> bool:
    """Add a record whose attributes stand beside its id; False where it is of no kind that is known."""
    record = RECORD.decode(raw)
    kind = record.type if isinstance(record.type, str) else None
    if kind not in RESOURCES:
        kind = STREAMS.get(stream) if isinstance(stream, str) else None
    if record.event_properties != NOTHING:
        _add_event(batch, record, line)
    elif kind == "profile" and record.email_of_first_api is not None:
        OBJECTS["person"](batch, raw, line)
    elif kind is not None and kind != "event":
        relationships = {"campaign-messages": {"data": record.campaign_messages}} if record.campaign_messages else None
        RESOURCES[kind](
            batch,
            Resource(
                id=record.id,
                attributes=raw,
                relationships=Raw(msgspec.json.encode(relationships)),
                list_id=record.list_id,
                campaign_id=record.campaign_id,
            ),
            line,
        )
    else:
        return False
    return True


def _add_event(batch: Batch, record: Flattened, line: int) -> None:
    profile, metric = (next(iter(each or ()), NOTHING) for each in (record.profile, record.metric))
    profile_id = dig(ANYTHING.decode(profile), "id")
    if profile_id is not None:
        RESOURCES["profile"](batch, Resource(id=profile_id, attributes=profile), line)
    of_metric = ANYTHING.decode(metric)
    batch.events.append(
        EventRecord(
            line=line,
            event_id=record.id,
            profile_id=profile_id,
            metric_id=dig(of_metric, "id"),
            metric_name=dig(of_metric, "name"),
            occurred_at=record.datetime,
            occurred_unix=record.timestamp,
            properties=record.event_properties,
            known=PROPERTIES.decode(record.event_properties) or Properties(),
        )
    )
