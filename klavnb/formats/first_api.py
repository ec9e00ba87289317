"""The objects of Klaviyo's first API, retired in 2024 (`object: event`), each into the same records."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from msgspec import Raw, Struct

from klavnb.formats.decoded import NOTHING, dig, to_text
from klavnb.formats.event_properties import PROPERTIES, Properties
from klavnb.formats.records import Batch, EventRecord
from klavnb.formats.resources import ANYTHING

__all__ = ["OBJECTS"]


class OldEvent(Struct, gc=False):
    """An event of the first API, which carries its profile."""

    id: object = None
    event_name: object = None
    statistic_id: object = None
    datetime: object = None
    timestamp: object = None
    event_properties: Raw = NOTHING
    person: Raw = NOTHING
    person_id: object = None
    campaign_id: object = None
    flow_id: object = None
    flow_message_id: object = None


EVENT: Final = msgspec.json.Decoder(OldEvent, float_hook=str)
LOCATION: Final = ("address1", "address2", "city", "country", "latitude", "longitude", "region", "timezone", "zip")
PERSON_FIELDS: Final = ("object", "id", "email", "first_name", "last_name", "created", "updated")


def _add_event(batch: Batch, raw: Raw, line: int) -> None:
    event = EVENT.decode(raw)
    person = ANYTHING.decode(event.person)
    profile_id = dig(person, "id") or event.person_id
    known = PROPERTIES.decode(event.event_properties) or Properties()
    batch.events.append(
        EventRecord(
            line=line,
            event_id=event.id,
            profile_id=profile_id,
            metric_id=event.statistic_id,
            occurred_at=event.datetime,
            occurred_unix=event.timestamp,
            properties=event.event_properties,
            known=known,
            metric_name=event.event_name,
            campaign_id=event.campaign_id,
            flow_id=event.flow_id,
            flow_message_id=event.flow_message_id,
        ),
    )
    if isinstance(person, dict) and profile_id:
        _add_person(batch, event.person, line)


def _add_person(batch: Batch, raw: Raw, line: int) -> None:
    """Add a person of the first API: fields with a dollar are Klaviyo's own, the others the shop's."""
    person = ANYTHING.decode(raw)
    own = {name.removeprefix("$"): value for name, value in person.items() if name.startswith("$") and value != ""}
    location = {name: own[name] for name in LOCATION if name in own}
    properties = {
        name: value for name, value in person.items() if not name.startswith("$") and name not in PERSON_FIELDS
    }
    given = [person.get(name) or own.get(name) for name in ("email", "phone_number", "external_id", "first_name")]
    batch.add(
        "profiles",
        batch.file,
        line,
        person.get("id"),
        *given,
        person.get("created"),
        person.get("updated"),
        None,
        to_text(location or None),
        None,
        None,
        to_text(properties or None),
    )


def _add_campaign(batch: Batch, raw: Raw, _line: int) -> None:
    """Add a campaign of the first API, where the campaign is its own message."""
    campaign = ANYTHING.decode(raw)
    name, subject, channel = (dig(campaign, key) for key in ("name", "subject", "message_type"))
    sent_at = dig(campaign, "send_time") or dig(campaign, "sent_at")
    batch.add("campaigns", campaign.get("id"), name, subject, channel, sent_at)


def _add_flow(batch: Batch, raw: Raw, _line: int) -> None:
    flow = ANYTHING.decode(raw)
    batch.add("flows", flow.get("id"), flow.get("name"))


def _add_list(batch: Batch, raw: Raw, _line: int) -> None:
    found = ANYTHING.decode(raw)
    batch.add("groups", found.get("id"), found.get("name"))


OBJECTS: Final[Mapping[str, Callable[[Batch, Raw, int], None]]] = {
    "event": _add_event,
    "person": _add_person,
    "campaign": _add_campaign,
    "flow": _add_flow,
    "list": _add_list,
}
