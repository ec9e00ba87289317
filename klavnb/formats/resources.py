"""The resources of Klaviyo's API since 2022 (`type`, `attributes`, `relationships`), each into its records."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from msgspec import Raw, Struct

from klavnb.formats.decoded import dig
from klavnb.formats.records import NOTHING, Batch, EventRecord, Properties, keep_text

__all__ = ["ANYTHING", "PROPERTIES", "RESOURCES", "Envelope", "Page", "find_group"]


class Reference(Struct, gc=False):
    """The id of another resource."""

    id: object = None


class ToOne(Struct, gc=False):
    """A relationship to one resource."""

    data: Reference | None = None


class ToMany(Struct, gc=False):
    """A relationship to several resources; without `data` the export did not ask for it."""

    data: list[Reference] | None = None


class Envelope(Struct, gc=False):
    """What any record may be: a page, a resource of the API, one of the first API, or a wrapped one."""

    type: object = None
    old_type: object = msgspec.field(name="object", default=None)
    id: object = None
    attributes: Raw = NOTHING
    relationships: Raw = NOTHING
    data: Raw = NOTHING
    included: Raw = NOTHING
    errors: Raw = NOTHING


class Page(Struct, gc=False):
    """A response page with its resources as they are."""

    data: list[Raw]
    included: list[Raw] = []
    links: object = None


class EventAttributes(Struct, gc=False):
    """The attributes of an event; a time may be text or unix seconds."""

    datetime: object = None
    timestamp: object = None
    event_properties: Raw = NOTHING


class EventRelationships(Struct, gc=False):
    """What an event refers to."""

    profile: ToOne | None = None
    metric: ToOne | None = None
    attributions: ToMany | None = None


class ProfileAttributes(Struct, gc=False):
    """The attributes of a profile that klavnb keeps."""

    email: object = None
    phone_number: object = None
    external_id: object = None
    first_name: object = None
    created: object = None
    updated: object = None
    last_event_date: object = None
    location: Raw = NOTHING
    properties: Raw = NOTHING
    predictive_analytics: Raw = NOTHING
    subscriptions: Raw = NOTHING
    joined_group_at: object = None


# numbers stay the text that the export has: no rounding, and 1e999 is refused later, with the others
ATTRIBUTES: Final = msgspec.json.Decoder(EventAttributes | None, float_hook=str)
RELATIONSHIPS: Final = msgspec.json.Decoder(EventRelationships | None)
PROFILE: Final = msgspec.json.Decoder(ProfileAttributes | None)
PROPERTIES: Final = msgspec.json.Decoder(Properties | None, float_hook=str)
ANYTHING: Final = msgspec.json.Decoder()
GROUP: Final = re.compile(r"/(?:lists|segments)/([^/?]+)/profiles\b")


def _add_event(batch: Batch, record: Envelope, line: int) -> None:
    attributes = ATTRIBUTES.decode(record.attributes) or EventAttributes()
    relationships = RELATIONSHIPS.decode(record.relationships) or EventRelationships()
    attributions = None if relationships.attributions is None else relationships.attributions.data
    batch.events.append(
        EventRecord(
            line,
            record.id,
            _find_id(relationships.profile),
            _find_id(relationships.metric),
            attributes.datetime,
            attributes.timestamp,
            attributes.event_properties,
            PROPERTIES.decode(attributes.event_properties) or Properties(),
            attribution_ids=None if attributions is None else [reference.id for reference in attributions],
        ),
    )


def _add_profile(batch: Batch, record: Envelope, line: int) -> None:
    said = record.id, bytes(record.attributes)
    if batch.group_id is None and record.id is not None and said in batch.said_profiles:
        return
    batch.said_profiles.add(said)
    profile = PROFILE.decode(record.attributes) or ProfileAttributes()
    if batch.group_id is not None:
        batch.group_members.append((batch.group_id, record.id, profile.joined_group_at))
    batch.profiles.append(
        (
            batch.file,
            line,
            record.id,
            profile.email,
            profile.phone_number,
            profile.external_id,
            profile.first_name,
            profile.created,
            profile.updated,
            profile.last_event_date,
            keep_text(profile.location),
            keep_text(profile.predictive_analytics),
            keep_text(profile.subscriptions),
            keep_text(profile.properties),
        ),
    )


def find_group(page: Page) -> str | None:
    """Find the list or segment whose profiles a page answers with: its own address says it, nothing else does."""
    address = dig(page.links, "self")
    found = GROUP.search(address) if isinstance(address, str) else None
    return found[1] if found else None


def _add_group(batch: Batch, record: Envelope, _line: int) -> None:
    batch.groups.append((record.id, dig(ANYTHING.decode(record.attributes), "name")))


def _add_metric(batch: Batch, record: Envelope, _line: int) -> None:
    batch.metrics.append((record.id, dig(ANYTHING.decode(record.attributes), "name")))


def _add_attribution(batch: Batch, record: Envelope, _line: int) -> None:
    relationships = ANYTHING.decode(record.relationships)
    credited = (dig(relationships, name, "data", "id") for name in ("event", "attributed-event"))
    batch.attributions.append((record.id, *credited))


def _add_campaign(batch: Batch, record: Envelope, _line: int) -> None:
    attributes, relationships = ANYTHING.decode(record.attributes), ANYTHING.decode(record.relationships)
    channel = dig(attributes, "channel")
    sent_at = dig(attributes, "send_time")
    batch.campaigns.append((record.id, dig(attributes, "name"), dig(attributes, "subject"), channel, sent_at))
    linked = _list_ids(dig(relationships, "campaign-messages", "data"))
    for message_id in (dig(attributes, "message"), *linked):
        if message_id:
            batch.messages.append((message_id, None, None, channel, "campaign", record.id, None))


def _add_campaign_message(batch: Batch, record: Envelope, _line: int) -> None:
    attributes, relationships = ANYTHING.decode(record.attributes), ANYTHING.decode(record.relationships)
    campaign_id = dig(relationships, "campaign", "data", "id") or dig(attributes, "campaign_id")
    batch.messages.append((record.id, *_describe_message(attributes), "campaign", campaign_id, None))


def _add_flow(batch: Batch, record: Envelope, _line: int) -> None:
    batch.flows.append((record.id, dig(ANYTHING.decode(record.attributes), "name")))
    for action_id in _list_ids(dig(ANYTHING.decode(record.relationships), "flow-actions", "data")):
        batch.flow_of_action[action_id] = record.id


def _add_flow_action(batch: Batch, record: Envelope, _line: int) -> None:
    relationships = ANYTHING.decode(record.relationships)
    flow_id = dig(relationships, "flow", "data", "id")
    if flow_id:
        batch.flow_of_action[record.id] = flow_id
    linked = _list_ids(dig(relationships, "flow-messages", "data")) or _list_ids(
        [dig(relationships, "flow-message", "data")],
    )
    for message_id in linked:
        batch.action_of_message[message_id] = record.id


def _add_flow_message(batch: Batch, record: Envelope, _line: int) -> None:
    attributes, relationships = ANYTHING.decode(record.attributes), ANYTHING.decode(record.relationships)
    flow_id = dig(relationships, "flow", "data", "id")
    batch.messages.append((record.id, *_describe_message(attributes), "flow", None, flow_id))
    action_id = dig(relationships, "flow-action", "data", "id")
    if action_id:
        batch.action_of_message[record.id] = action_id


def _describe_message(attributes: object) -> tuple[object, object, object]:
    """Find name, subject and channel, in the definition of later revisions or beside it."""
    definition = dig(attributes, "definition")
    found = [
        next(
            (value for value in (dig(place, *way) for place in (definition, attributes) for way in ways) if value),
            None,
        )
        for ways in ((("label",), ("name",)), (("content", "subject"), ("subject",)), (("channel",),))
    ]
    return found[0], found[1], found[2]


def _find_id(relationship: ToOne | None) -> object:
    return relationship.data.id if relationship is not None and relationship.data is not None else None


def _list_ids(references: object) -> list[object]:
    return [found for item in references if (found := dig(item, "id"))] if isinstance(references, list) else []


RESOURCES: Final[Mapping[str, Callable[[Batch, Envelope, int], None]]] = {
    "event": _add_event,
    "profile": _add_profile,
    "metric": _add_metric,
    "attribution": _add_attribution,
    "campaign": _add_campaign,
    "campaign-message": _add_campaign_message,
    "flow": _add_flow,
    "flow-action": _add_flow_action,
    "flow-message": _add_flow_message,
    "list": _add_group,
    "segment": _add_group,
}
