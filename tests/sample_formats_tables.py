"""The sample export written again as the tables of other formats, and what these cannot carry.

- Fivetran: an event's campaign is its message; names of properties lose signs and capitals, and those that Klaviyo
  does not own stay so; members of lists are absent; a text that reads as a number becomes one, null members go.
- Airbyte: members of lists are absent.
- CSV of events and profiles: metrics have no ids, campaigns and flows no names of their own, profiles no time of
  their latest change, and only part of consent and predictions; properties as with Fivetran, but for their names.
"""

import csv
import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

__all__ = ["read_resources", "write_airbyte", "write_event_csvs", "write_fivetran"]

Resource = dict[str, Any]
Resources = Mapping[str, Sequence[Resource]]

STREAMS = {
    "event": "events_detailed",
    "profile": "profiles",
    "metric": "metrics",
    "campaign": "campaigns",
    "campaign-message": "campaign_messages",
    "flow": "flows",
    "flow-action": "flow_actions",
    "flow-message": "flow_messages",
    "list": "lists",
}
LOCATION = {
    "address1": "Address",
    "address2": "Address 2",
    "city": "City",
    "region": "State / Region",
    "country": "Country",
    "zip": "Zip Code",
    "latitude": "Latitude",
    "longitude": "Longitude",
}


def read_resources(folder: Path) -> Resources:
    """Type → the resources of an export of pages, each once, in the state that says most."""
    found: dict[tuple[str, str], Resource] = {}
    for path in sorted(folder.glob("*.json.gz")):
        page = json.loads(gzip.decompress(path.read_bytes()))
        for resource in (*page["data"], *page.get("included", ())):
            key = resource["type"], resource["id"]
            if len(json.dumps(resource)) >= len(json.dumps(found.get(key, {}))):
                found[key] = resource
    resources = defaultdict(list)
    for (kind, _), resource in found.items():
        resources[kind].append(resource)
    return resources


def write_fivetran(resources: Resources, folder: Path, *, as_parquet: bool = False) -> None:
    """Write event, person, metric, campaign and flow, as CSV or as Parquet."""
    credited = _find_credited(resources)
    names = _name_metrics(resources)
    events = [
        {
            "id": event["id"],
            "person_id": _follow(event, "profile"),
            "datetime": event["attributes"]["datetime"],
            "metric_id": _follow(event, "metric"),
            "type": names[_follow(event, "metric")],
            "property_attribution": _describe_attribution(event, credited),
            **{
                f"property_{_snake(name)}": value
                for name, value in event["attributes"]["event_properties"].items()
                if name != "$attribution"
            },
            "_fivetran_deleted": False,
        }
        for event in resources["event"]
    ]
    people = [
        {
            "id": profile["id"],
            **{
                name: profile["attributes"].get(name)
                for name in ("email", "phone_number", "external_id", "first_name", "created", "updated")
            },
            "last_event_date": profile["attributes"].get("last_event_date"),
            "predictive_analytics": profile["attributes"].get("predictive_analytics"),
            "subscriptions": profile["attributes"].get("subscriptions"),
            **(profile["attributes"].get("location") or {}),
            **{
                f"custom_{_snake(name)}": value
                for name, value in (profile["attributes"].get("properties") or {}).items()
            },
        }
        for profile in resources["profile"]
    ]
    tables = {
        "event": events,
        "person": people,
        "metric": [{"id": key, "name": name, "integration_id": "I"} for key, name in names.items()],
        "campaign": [
            {
                "id": message,
                "name": campaign["attributes"]["name"],
                "send_time": campaign["attributes"]["send_time"],
                "campaign_type": "Regular",
            }
            for campaign in resources["campaign"]
            for message in _follow_all(campaign, "campaign-messages")
        ],
        "flow": [
            {"id": flow["id"], "name": flow["attributes"]["name"], "trigger_type": "Metric"}
            for flow in resources["flow"]
        ],
    }
    for name, rows in tables.items():
        _write_table(rows, folder / f"{name}.{'parquet' if as_parquet else 'csv'}", as_struct=False)


def write_airbyte(resources: Resources, folder: Path, *, as_parquet: bool = False) -> None:
    """Write the streams, as CSV with JSON in its cells, or as Parquet with structs."""
    attributions = {resource["id"]: resource for resource in resources["attribution"]}
    metrics = {metric["id"]: metric["attributes"]["name"] for metric in resources["metric"]}
    for kind, stream in STREAMS.items():
        rows = [
            {"_airbyte_raw_id": f"r{ordinal}", "_airbyte_meta": "{}", **_detail(resource, attributions, metrics)}
            for ordinal, resource in enumerate(resources[kind])
        ]
        _write_table(rows, folder / f"{stream}.{'parquet' if as_parquet else 'csv'}", as_struct=as_parquet)


def write_event_csvs(resources: Resources, folder: Path) -> None:
    """Write a CSV of events for each metric, gzipped and named after it, and one of all profiles."""
    credited = _find_credited(resources)
    names = _name_metrics(resources)
    by_metric = defaultdict(list)
    for event in resources["event"]:
        attribution = _describe_attribution(event, credited)
        by_metric[names[_follow(event, "metric")]].append(
            {
                "Event ID": event["id"],
                "Profile ID": _follow(event, "profile"),
                "Timestamp": event["attributes"]["datetime"],
                **event["attributes"]["event_properties"],
                **({} if attribution is None else {"$attribution": attribution}),
            }
        )
    for metric, rows in by_metric.items():
        path = folder / f"{metric}.csv"
        _write_table(rows, path, as_struct=False)
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    profiles = [
        {
            "Email": attributes.get("email"),
            "Klaviyo ID": profile["id"],
            "First Name": attributes.get("first_name"),
            "Phone Number": attributes.get("phone_number"),
            **{LOCATION[name]: value for name, value in (attributes.get("location") or {}).items() if name in LOCATION},
            "Profile Created On": attributes.get("created"),
            "Last Active": attributes.get("last_event_date"),
            **(attributes.get("properties") or {}),
        }
        for profile in resources["profile"]
        for attributes in (profile["attributes"],)
    ]
    _write_table(profiles, folder / "profiles.csv", as_struct=False)


def _write_table(rows: Sequence[Mapping[str, Any]], path: Path, *, as_struct: bool) -> None:
    if not rows:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    header = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows([_cell(row.get(name)) for name in header] for row in rows)
        return
    columns = {name: [row.get(name) for row in rows] for name in header}
    if as_struct:  # but for what has no fixed members: that is text, as the destinations write it
        columns = {
            name: [_fix(value) if isinstance(value, dict) else value for value in values]
            for name, values in columns.items()
        }
    else:
        columns = {name: [_cell(value) or None for value in values] for name, values in columns.items()}
    pl.DataFrame(columns, infer_schema_length=None, strict=False).write_parquet(path)


def _fix(value: Mapping[str, Any]) -> dict[str, Any]:
    anything = ("event_properties", "properties", "location", "predictive_analytics", "subscriptions")
    return {name: json.dumps(inner) if name in anything else inner for name, inner in value.items()}


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value)


def _detail(resource: Resource, attributions: Mapping[str, Resource], metrics: Mapping[str, str]) -> Resource:
    """Put what was included where it is referred to, as the stream of detailed events does."""
    if resource["type"] != "event":
        return resource
    relationships = dict(resource["relationships"])
    metric = relationships["metric"]["data"]
    relationships["metric"] = {"data": {**metric, "name": metrics[metric["id"]]}}
    if "attributions" in relationships:
        named = relationships["attributions"]["data"]
        relationships["attributions"] = {
            "data": [{**each, "relationships": attributions[each["id"]]["relationships"]} for each in named]
        }
    return {**resource, "relationships": relationships}


def _find_credited(resources: Resources) -> Mapping[str, str]:
    return {_follow(each, "event"): _follow(each, "attributed-event") for each in resources["attribution"]}


def _describe_attribution(event: Resource, credited: Mapping[str, str]) -> dict[str, Any] | None:
    """Say what Klaviyo credited, where the export was asked for it: nothing, or one event; or as the properties do."""
    if "attributions" not in event["relationships"]:
        said: dict[str, Any] | None = event["attributes"]["event_properties"].get("$attribution")
        return said
    return {"$attributed_event_id": credited[event["id"]]} if event["id"] in credited else {}


def _name_metrics(resources: Resources) -> Mapping[str, str]:
    return {metric["id"]: metric["attributes"]["name"] for metric in resources["metric"]}


def _follow(resource: Resource, name: str) -> str:
    return str(resource["relationships"][name]["data"]["id"])


def _follow_all(resource: Resource, name: str) -> Iterable[str]:
    return (each["id"] for each in resource["relationships"][name]["data"])


def _snake(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
