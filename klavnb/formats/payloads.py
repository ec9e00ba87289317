"""Events as they are sent, not as they are answered: to Klaviyo by shops, and by Klaviyo's webhooks.

A shop that creates events keeps what it sent: bodies of Klaviyo's Create Event and Bulk Create Events
(OpenAPI specification, `create_event` and `bulk_create_events`, revision 2026-07-15). There the
metric goes by its name, the profile by an address, and nothing has an id yet:

    {"data": {"type": "event", "attributes": {"properties": {…}, "time": …, "value": …, "value_currency": …,
      "unique_id": …, "metric": {"data": {"attributes": {"name": …}}}, "profile": {"data": {"attributes": {…}}}}}}

A system webhook (Klaviyo's guide "Working with system webhooks") brings up to 1,000 events, each as an
answer about one event: `{"data": [{"external_id": …, "topic": "event:klaviyo.opened_email", "payload":
{"data": {"type": "event", …}}}], "meta": {…}}`.
"""

from typing import Final

import msgspec
from msgspec import Raw, Struct

from klavnb.formats.decoded import NOTHING, is_object, to_text
from klavnb.formats.event_properties import PROPERTIES, Properties
from klavnb.formats.profile_ids import make_profile_id
from klavnb.formats.records import Batch, EventRecord
from klavnb.formats.resources import RESOURCES, Resource

__all__ = ["add_bulk", "add_created", "name_topic"]

IDENTIFIERS: Final = {"email": "email", "phone_number": "phone", "external_id": "external", "anonymous_id": "anonymous"}
"""What tells who a profile without an id is, the best first → the beginning of the id that is made of it."""

SMALL_WORDS: Final = frozenset(("a", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to"))
INITIALS: Final = frozenset(("rcs", "sms"))


class Sent(Struct, gc=False):
    """A resource inside the attributes of another."""

    id: object = None
    attributes: Raw = NOTHING


class One(Struct, gc=False):
    """The place of a resource inside attributes."""

    data: Sent | None = None


class Many(Struct, gc=False):
    """The place of several."""

    data: list[Sent] = []


class CreatedEvent(Struct, gc=False):
    """The attributes of an event that is sent."""

    properties: Raw = NOTHING
    time: object = None
    value: Raw = NOTHING
    value_currency: Raw = NOTHING
    unique_id: Raw = NOTHING
    metric: One | None = None
    profile: One | None = None


class BulkProfile(Struct, gc=False):
    """The attributes of one profile's part of a bulk: who it is, and its events."""

    profile: One | None = None
    events: Many | None = None


class Bulk(Struct, gc=False):
    """The attributes of a bulk."""

    parts: Many | None = msgspec.field(name="events-bulk-create", default=None)


class Name(Struct, gc=False):
    """The attributes of a metric."""

    name: object = None


class Identity(Struct, gc=False):
    """The attributes of a profile that say who it is."""

    email: object = None
    phone_number: object = None
    external_id: object = None
    anonymous_id: object = None


EMPTY: Final = Raw(b'""')
EVENT: Final = msgspec.json.Decoder(CreatedEvent, float_hook=str)
BULK: Final = msgspec.json.Decoder(Bulk)
BULK_PROFILE: Final = msgspec.json.Decoder(BulkProfile | None)
METRIC: Final = msgspec.json.Decoder(Name | None)
IDENTITY: Final = msgspec.json.Decoder(Identity | None)


def add_created(batch: Batch, resource: Resource, line: int, *, profile: One | None = None) -> bool:
    """Add an event as it is sent to Klaviyo; False where the resource is none.

    As Klaviyo does, its value, currency and number become the properties `$value`, `$value_currency` and
    `$event_id`. It gets an id made of metric, profile and its number, which tells it from others there,
    else of all that it says: so that it is kept once however often it is loaded.
    """
    if not is_object(resource.attributes):
        return False
    event = EVENT.decode(resource.attributes)
    if event.metric is None or event.metric.data is None:
        return False
    metric = METRIC.decode(event.metric.data.attributes) or Name()
    properties = _complete(event)
    known = PROPERTIES.decode(properties) or Properties()
    batch.events.append(
        EventRecord(
            line=line,
            event_id=resource.id,
            profile_id=_add_profile(batch, profile or event.profile, line),
            metric_id=event.metric.data.id,
            metric_name=metric.name,
            occurred_at=event.time,
            properties=properties,
            known=known,
            made_of="number" if event.unique_id not in (NOTHING, EMPTY) else "content",
        )
    )
    return True


def add_bulk(batch: Batch, resource: Resource, line: int) -> None:
    """Add the events of a bulk, profile by profile."""
    bulk = BULK.decode(resource.attributes)
    for part in bulk.parts.data if bulk.parts else ():
        of_profile = BULK_PROFILE.decode(part.attributes) or BulkProfile()
        for sent in of_profile.events.data if of_profile.events else ():
            event = Resource(id=sent.id, attributes=sent.attributes)
            if not add_created(batch, event, line, profile=of_profile.profile):
                batch.reject(line, "an event without a metric, of a bulk", bytes(sent.attributes))


def _complete(event: CreatedEvent) -> Raw:
    """Write what Klaviyo makes properties of in front of an event's own, where these do not say it."""
    known = PROPERTIES.decode(event.properties) or Properties()
    added = [
        b'"%s":%s' % (name, bytes(given))
        for name, given, own in (
            (b"$value", event.value, known.value),
            (b"$value_currency", event.value_currency, known.value_currency),
            (b"$event_id", event.unique_id, known.source_event_id),
        )
        if given != NOTHING and own is None
    ]
    inner = bytes(event.properties)[1:-1].strip() if event.properties != NOTHING else b""
    return Raw(b"{%s}" % b",".join([*added, *([inner] if inner else [])])) if added else event.properties


def _add_profile(batch: Batch, place: One | None, line: int) -> str | None:
    """Add the profile of an event, and return its id: Klaviyo's, or one made of what tells who it is."""
    if place is None or place.data is None:
        return None
    identity = IDENTITY.decode(place.data.attributes) or Identity()
    given = {kind: to_text(getattr(identity, name)) for name, kind in IDENTIFIERS.items()}
    made = (make_profile_id(kind, text) for kind, text in given.items() if text and text.strip())
    profile_id = to_text(place.data.id) or next(made, None)
    if profile_id is not None:
        RESOURCES["profile"](batch, Resource(id=profile_id, attributes=place.data.attributes), line)
    return profile_id


def name_topic(topic: object) -> str | None:
    """Return the name of the metric that a webhook's topic is about, as far as the topic tells.

    Examples
    --------
    >>> name_topic("event:klaviyo.marked_email_as_spam"), name_topic("event:klaviyo.received_sms"), name_topic(7)
    ('Marked Email as Spam', 'Received SMS', None)
    """
    if not isinstance(topic, str) or not topic.startswith("event:"):
        return None
    words = topic.rpartition(".")[2].split("_")
    named = (
        word.upper() if word in INITIALS else word if word in SMALL_WORDS and place else word.capitalize()
        for place, word in enumerate(words)
    )
    return " ".join(named)
