"""The account as files of the API's answers, revision 2026-07-15: pages of events, and the other resources."""

import base64
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from klavnb.sample.account import Account
from klavnb.sample.events import Event, Recorded
from klavnb.sample.ids import make_attribution_id
from klavnb.sample.profiles import NEWSLETTER, describe_list, describe_list_members, describe_profile
from klavnb.sample.recorded import RECORDED_METRICS
from klavnb.sample.resources import (
    HOST,
    Resource,
    describe_campaign,
    describe_flow,
    describe_metrics,
    find_metric_id,
    link,
    write_time,
)

__all__ = ["describe_attribution", "describe_old_attribution", "write_api"]

EVENTS_PER_PAGE = 1000
"""Klaviyo's largest page; the smaller pages of the other resources are joined into one file each."""

QUERY = (
    f"fields%5Bprofile%5D=email&include=profile%2Cmetric%2Cattributions&sort=datetime&page%5Bsize%5D={EVENTS_PER_PAGE}"
)
PROFILE_QUERY = "additional-fields%5Bprofile%5D=subscriptions%2Cpredictive_analytics"


def write_api(account: Account, folder: Path) -> None:
    """Write `events-0001.json.gz` and so on, and one file of each other resource, into a folder."""
    pages = [
        account.events[first : first + EVENTS_PER_PAGE] for first in range(0, len(account.events), EVENTS_PER_PAGE)
    ]
    metrics = describe_metrics()
    starts = [page[0].id for page in pages]
    for number, page in enumerate(pages):
        links = {"self": _link_events(starts[number] if number else None)}
        if number + 1 < len(pages):
            links["next"] = _link_events(starts[number + 1])
        if number:
            links["prev"] = _link_events(starts[number - 1] if number > 1 else None)
        answer: Resource = {
            "data": [describe_event(event, account.old_shape_until) for event in page],
            "links": links,
            "included": _include(page, metrics, account.old_shape_until),
        }
        _write(folder / f"events-{number + 1:04d}.json.gz", answer)
    _write(folder / "metrics.json.gz", {"data": list(metrics.values()), "links": {"self": f"{HOST}/metrics"}})
    profiles = [describe_profile(customer) for customer in account.customers]
    _write(folder / "profiles.json.gz", {"data": profiles, "links": {"self": f"{HOST}/profiles?{PROFILE_QUERY}"}})
    _write(folder / "lists.json.gz", {"data": [describe_list(NEWSLETTER)], "links": {"self": f"{HOST}/lists"}})
    _write(folder / "list-newsletter.json.gz", describe_list_members(account.customers))
    _write(folder / "campaigns.json.gz", _join("campaigns", map(describe_campaign, account.shop.campaigns)))
    _write(folder / "flows.json.gz", _join("flows", map(describe_flow, account.shop.flows.values())))


def describe_event(event: Event, old_shape_until: int) -> Resource:
    """Return one event; what Klaviyo credited it to is among its properties before a day, a relation since."""
    properties = dict(event.properties)
    relationships: dict[str, object] = {
        "profile": {"data": {"type": "profile", "id": event.customer.id}},
        "metric": {"data": {"type": "metric", "id": find_metric_id(event.metric)}},
    }
    if event.metric in RECORDED_METRICS:
        if event.at < old_shape_until:
            properties["$attribution"] = describe_old_attribution(event.recorded)
        else:
            relationships["attributions"] = {
                "data": [
                    {"type": "attribution", "id": make_attribution_id(event.id, recorded.event_id)}
                    for recorded in event.recorded
                ]
            }
    return {
        "type": "event",
        "id": event.id,
        "attributes": {
            "timestamp": event.at,
            "event_properties": properties,
            "datetime": write_time(event.at),
            "uuid": event.uuid,
        },
        "relationships": relationships,
        "links": link("events", event.id),
    }


def describe_old_attribution(recorded: Sequence[Recorded]) -> Resource:
    """Return the `$attribution` of API revisions before 2024-10-15; empty text and 0 mean none."""
    for credit in recorded:
        flow = credit.message.flow
        return {
            "$attributed_event_id": credit.event_id,
            "$send_ts": credit.sent_at,
            "$message": credit.message.id,
            "$flow": "" if flow is None else flow.id,
            "$variation": credit.message.variation or 0,
            "$attributed_channel": credit.channel,
        }
    names = ("$attributed_event_id", "$message", "$flow", "$variation", "$attributed_channel")
    return {**dict.fromkeys(names, ""), "$send_ts": 0}


def describe_attribution(event: Event, recorded: Recorded) -> Resource:
    """Return the `attribution` resource of API revisions since 2024-10-15."""
    message = recorded.message
    relations = {"event": ("event", event.id), "attributed-event": ("event", recorded.event_id)}
    if message.campaign is not None:
        relations |= {
            "campaign": ("campaign", message.campaign.id),
            "campaign-message": ("campaign-message", message.id),
        }
    if message.flow is not None:
        relations |= {"flow": ("flow", message.flow.id), "flow-message": ("flow-message", message.id)}
        if message.variation:
            relations["flow-message-variation"] = ("flow-message", message.variation)
    identity = make_attribution_id(event.id, recorded.event_id)
    return {
        "type": "attribution",
        "id": identity,
        "relationships": {name: {"data": {"type": kind, "id": key}} for name, (kind, key) in relations.items()},
        "links": link("attributions", identity),
    }


def _include(page: Sequence[Event], metrics: Mapping[str, Resource], old_shape_until: int) -> list[Resource]:
    """Return the metrics, profiles (their address only, as asked for) and attributions of a page."""
    names = sorted({event.metric for event in page})
    customers = sorted({event.customer.number: event.customer for event in page}.items())
    profiles: list[Resource] = [
        {
            "type": "profile",
            "id": customer.id,
            "attributes": {"email": customer.email},
            "links": link("profiles", customer.id),
        }
        for _, customer in customers
    ]
    attributions = [
        describe_attribution(event, recorded)
        for event in page
        if event.at >= old_shape_until
        for recorded in event.recorded
    ]
    return [*(metrics[name] for name in names), *profiles, *attributions]


def _join(kind: str, described: Iterator[tuple[Resource, list[Resource]]]) -> Resource:
    parts = list(described)
    return {
        "data": [resource for resource, _ in parts],
        "links": {"self": f"{HOST}/{kind}"},
        "included": [resource for _, included in parts for resource in included],
    }


def _link_events(start: str | None) -> str:
    cursor = (
        "" if start is None else "&page%5Bcursor%5D=" + base64.urlsafe_b64encode(start.encode()).decode().rstrip("=")
    )
    return f"{HOST}/events?{QUERY}{cursor}"


def _write(path: Path, answer: Resource) -> None:
    """Write an answer, packed so that the same answer gives the same bytes."""
    text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    with path.open("wb") as file, gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=0) as packed:
        packed.write(text.encode())
