"""The resources of Klaviyo's API since 2022 (`type`, `attributes`, `relationships`), each into its records."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Raw, Struct
from xxhash import xxh3_128_digest

from klavnb.formats.decoded import NOTHING, dig, keep_text, to_text
from klavnb.formats.event_properties import PROPERTIES, Properties
from klavnb.formats.records import Batch, EventRecord

__all__ = ["ANYTHING", "RESOURCES", "Resource", "add_attributions", "find_group"]


class Reference(Struct, gc=False):
    """The id of another resource, to which connectors add that resource's own fields."""

    id: object = None
    name: object = None
    relationships: Raw = NOTHING


class ToOne(Struct, gc=False):
    """A relationship to one resource."""

    data: Reference | None = None


class ToMany(Struct, gc=False):
    """A relationship to several resources; without `data` the export did not ask for it."""

    data: list[Reference] | None = None


class Resource(Struct, gc=False):
    """A resource of the API; the last five are what connectors put beside it, in the place of a relationship."""

    id: object = None
    attributes: Raw = NOTHING
    relationships: Raw = NOTHING
    list_id: object = None
    campaign_id: object = None
    flow_id: object = None
    flow_action_id: object = None
    campaign_messages: Raw = NOTHING


class EventAttributes(Struct, gc=False):
    """The attributes of an event; a time may be text or unix seconds. The ids are of revisions before 2023-06."""

    datetime: object = None
    timestamp: object = None
    event_properties: Raw = NOTHING
    profile_id: object = None
    metric_id: object = None


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


# numbers stay the text that the export has, as among the properties
ATTRIBUTES: Final = msgspec.json.Decoder(EventAttributes | None, float_hook=str)
RELATIONSHIPS: Final = msgspec.json.Decoder(EventRelationships | None, float_hook=str)
PROFILE: Final = msgspec.json.Decoder(ProfileAttributes | None)
ANYTHING: Final = msgspec.json.Decoder()
MESSAGES: Final = msgspec.json.Decoder(list[Resource] | None)
GROUP: Final = re.compile(r"/(?:lists|segments)/([^/?]+)/profiles\b")


def _add_event(batch: Batch, record: Resource, line: int) -> None:
    attributes = ATTRIBUTES.decode(record.attributes) or EventAttributes()
    relationships = RELATIONSHIPS.decode(record.relationships) or EventRelationships()
    known = PROPERTIES.decode(attributes.event_properties) or Properties()
    metric = relationships.metric and relationships.metric.data
    profile = relationships.profile and relationships.profile.data
    attributions = None if relationships.attributions is None else relationships.attributions.data
    add_attributions(batch, record.id, [(each.id, each.relationships) for each in attributions or ()])
    batch.events.append(
        EventRecord(
            line=line,
            event_id=record.id,
            profile_id=profile.id if profile else attributes.profile_id,
            metric_id=metric.id if metric else attributes.metric_id,
            metric_name=metric.name if metric else None,
            occurred_at=attributes.datetime,
            occurred_unix=attributes.timestamp,
            properties=attributes.event_properties,
            known=known,
            attribution_ids=None if attributions is None else [reference.id for reference in attributions],
        ),
    )


def add_attributions(batch: Batch, event_id: object, named: Iterable[tuple[object, Raw]]) -> None:
    """Add the attributions, by id, that an event carries with their relationships, as Airbyte's detailed events do."""
    for attribution_id, relationships in named:
        if relationships != NOTHING:
            credited = dig(ANYTHING.decode(relationships), "attributed-event", "data", "id")
            batch.add("attributions", attribution_id, event_id, credited)


def _add_profile(batch: Batch, record: Resource, line: int) -> None:
    group_id = batch.group_id if batch.group_id is not None else record.list_id
    said = to_text(record.id), xxh3_128_digest(record.attributes)
    if group_id is None and record.id is not None and said in batch.said_profiles:
        return
    profile = PROFILE.decode(record.attributes) or ProfileAttributes()
    batch.say(said)
    if group_id is not None:
        batch.add("group_members", group_id, record.id, profile.joined_group_at)
    batch.add(
        "profiles",
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
    )


def find_group(links: object) -> str | None:
    """Find the list or segment whose profiles a page answers with: its own address says it, nothing else does."""
    address = dig(links, "self")
    found = GROUP.search(address) if isinstance(address, str) else None
    return found[1] if found else None


def _add_group(batch: Batch, record: Resource, _line: int) -> None:
    batch.add("groups", record.id, dig(ANYTHING.decode(record.attributes), "name"))


def _add_metric(batch: Batch, record: Resource, _line: int) -> None:
    batch.add("metrics", record.id, dig(ANYTHING.decode(record.attributes), "name"))


def _add_attribution(batch: Batch, record: Resource, _line: int) -> None:
    relationships = ANYTHING.decode(record.relationships)
    credited = (dig(relationships, name, "data", "id") for name in ("event", "attributed-event"))
    batch.add("attributions", record.id, *credited)


def _add_campaign(batch: Batch, record: Resource, line: int) -> None:
    attributes, relationships = ANYTHING.decode(record.attributes), ANYTHING.decode(record.relationships)
    channel = dig(attributes, "channel")
    sent_at = dig(attributes, "send_time")
    batch.add("campaigns", record.id, dig(attributes, "name"), dig(attributes, "subject"), channel, sent_at)
    linked = _list_ids(dig(relationships, "campaign-messages", "data"))
    for message_id in (dig(attributes, "message"), *linked):
        if message_id:
            batch.add("messages", message_id, None, None, channel, "campaign", record.id, None, None)
    for message in MESSAGES.decode(record.campaign_messages) or ():  # of Airbyte's detailed campaigns
        message.campaign_id = record.id
        _add_campaign_message(batch, message, line)


def _add_campaign_message(batch: Batch, record: Resource, _line: int) -> None:
    attributes, relationships = ANYTHING.decode(record.attributes), ANYTHING.decode(record.relationships)
    campaign_id = dig(relationships, "campaign", "data", "id") or dig(attributes, "campaign_id") or record.campaign_id
    batch.add("messages", record.id, *_describe_message(attributes), "campaign", campaign_id, None, None)


def _add_flow(batch: Batch, record: Resource, _line: int) -> None:
    batch.add("flows", record.id, dig(ANYTHING.decode(record.attributes), "name"))
    for action_id in _list_ids(dig(ANYTHING.decode(record.relationships), "flow-actions", "data")):
        batch.add("actions", action_id, record.id)


def _add_flow_action(batch: Batch, record: Resource, _line: int) -> None:
    relationships = ANYTHING.decode(record.relationships)
    flow_id = dig(relationships, "flow", "data", "id") or record.flow_id
    if flow_id:
        batch.add("actions", record.id, flow_id)
    linked = _list_ids(dig(relationships, "flow-messages", "data")) or _list_ids(
        [dig(relationships, "flow-message", "data")],
    )
    for message_id in linked:
        batch.add("messages", message_id, None, None, None, "flow", None, None, record.id)


def _add_flow_message(batch: Batch, record: Resource, _line: int) -> None:
    attributes, relationships = ANYTHING.decode(record.attributes), ANYTHING.decode(record.relationships)
    flow_id = dig(relationships, "flow", "data", "id") or record.flow_id
    action_id = dig(relationships, "flow-action", "data", "id") or record.flow_action_id
    batch.add("messages", record.id, *_describe_message(attributes), "flow", None, flow_id, action_id)


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


def _list_ids(references: object) -> list[object]:
    return [found for item in references if (found := dig(item, "id"))] if isinstance(references, list) else []


RESOURCES: Final[Mapping[str, Callable[[Batch, Resource, int], None]]] = {
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
