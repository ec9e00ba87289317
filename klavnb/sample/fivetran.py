"""The account as Fivetran's tables: event, metric, campaign, flow, person, one CSV file each."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from klavnb.sample.account import Account
from klavnb.sample.api import describe_attribution, describe_old_attribution
from klavnb.sample.customers import Customer
from klavnb.sample.events import Event
from klavnb.sample.ids import make_short_id
from klavnb.sample.metrics import METRICS
from klavnb.sample.profiles import describe_predictions, describe_subscriptions
from klavnb.sample.recorded import RECORDED_METRICS
from klavnb.sample.resources import find_metric_id
from klavnb.sample.shop import DAY

__all__ = ["PROPERTY_COLUMNS", "write_fivetran"]

PROPERTY_COLUMNS: Mapping[str, str] = {
    "$value": "property_value",
    "$currency_code": "property_currency_code",
    "$event_id": "property_event_id",
    "$message": "property_message",
    "$flow": "property_flow",
    "$_cohort$message_send_cohort": "property_cohort_message_send_cohort",
    "$internal": "property_internal",
    "Transmission ID": "property_transmission_id",
    "Subject": "property_subject",
    "Campaign Name": "property_campaign_name",
    "Message Name": "property_message_name",
    "Email Domain": "property_email_domain",
    "Client Type": "property_client_type",
    "Client OS": "property_client_os",
    "Client Name": "property_client_name",
    "machine_open": "property_machine_open",
    "Bot Click": "property_bot_click",
    "URL": "property_url",
    "Bounce Type": "property_bounce_type",
    "Message Body": "property_message_body",
    "List": "property_list",
    "OrderId": "property_order_id",
    "Items": "property_items",
    "ItemCount": "property_item_count",
    "ProductName": "property_product_name",
    "SKU": "property_sku",
    "Size": "property_size",
    "Quantity": "property_quantity",
    "ItemPrice": "property_item_price",
    "Price": "property_price",
    "Reason": "property_reason",
    "browser": "property_browser",
    "os": "property_os",
}
"""Event property → Fivetran's column; `$variation` and `$attribution` have their own places."""

Row = dict[str, object]


def write_fivetran(account: Account, folder: Path) -> None:
    """Write `event.csv`, `metric.csv`, `campaign.csv`, `flow.csv` and `person.csv` into a folder."""
    synced = _write_time(account.shop.end)
    shared: Row = {"_fivetran_deleted": False, "_fivetran_synced": synced}
    tables: Mapping[str, Iterable[Row]] = {
        "event": (_describe_event(event, account.old_shape_until) | shared for event in account.events),
        "metric": (
            {
                "id": find_metric_id(name),
                "name": name,
                "integration_id": make_short_id("integration", integration),
                "created": _write_time(account.shop.start),
                "updated": _write_time(account.shop.start),
                "integration_category": "Internal" if integration == "Klaviyo" else "API",
                "integration_name": integration,
                **shared,
            }
            for name, integration in METRICS.items()
        ),
        "campaign": (
            {
                "id": campaign.id,
                "campaign_type": "Regular",
                "status": "sent",
                "status_label": "Sent",
                "from_name": "The Print Room",
                "from_email": "hello@example.com",
                "subject": campaign.messages[0].subject,
                "name": campaign.name,
                "channel": campaign.channel,
                "created": _write_time(campaign.sent_at - 4 * DAY),
                "updated": _write_time(campaign.sent_at),
                "send_time": _write_time(campaign.sent_at),
                "sent_at": _write_time(campaign.sent_at),
                "archived": False,
                "scheduled": _write_time(campaign.sent_at - 4 * DAY),
                **shared,
            }
            for campaign in account.shop.campaigns
        ),
        "flow": (
            {
                "id": flow.id,
                "name": flow.name,
                "status": "live",
                "created": _write_time(account.shop.start - DAY),
                "updated": _write_time(account.shop.start - DAY),
                "customer_filter": None,
                "archived": False,
                "trigger_type": flow.trigger,
                **shared,
            }
            for flow in account.shop.flows.values()
        ),
        "person": (_describe_person(customer) | shared for customer in account.customers),
    }
    for name, rows in tables.items():
        _write(folder / f"{name}.csv", list(rows))


def _describe_event(event: Event, old_shape_until: int) -> Row:
    message = None if event.sending is None or "$message" not in event.properties else event.sending.message
    row: Row = {
        "id": event.id,
        "person_id": event.customer.id,
        "campaign_id": message.campaign.id if message is not None and message.campaign is not None else None,
        "flow_id": message.flow.id if message is not None and message.flow is not None else None,
        "flow_message_id": message.id if message is not None and message.flow is not None else None,
        "uuid": event.uuid,
        "datetime": _write_time(event.at),
        "timestamp": _write_time(event.at),
        "metric_id": find_metric_id(event.metric),
        "type": event.metric,
        "_variation": event.properties.get("$variation"),
        "property_attribution": None,
    }
    if event.metric in RECORDED_METRICS and event.at < old_shape_until:
        old = describe_old_attribution(event.recorded)
        row["property_attribution"] = {name.removeprefix("$"): value for name, value in old.items()}
    elif event.metric in RECORDED_METRICS:
        described = [describe_attribution(event, recorded) for recorded in event.recorded]
        row["property_attribution"] = described[0] if described else {}
    return row | {column: event.properties.get(name) for name, column in PROPERTY_COLUMNS.items()}


def _describe_person(customer: Customer) -> Row:
    city, region, country, timezone = customer.city
    updated_at = max(customer.created_at, customer.last_event_at or 0)
    return {
        "id": customer.id,
        "email": customer.email,
        "phone_number": customer.phone_number,
        "external_id": f"shop-{customer.number}",
        "first_name": f"Sample {customer.number}",
        "last_name": None,
        "created": _write_time(customer.created_at),
        "updated": _write_time(updated_at),
        "last_event_date": None if customer.last_event_at is None else _write_time(customer.last_event_at),
        "city": city,
        "region": region,
        "country": country,
        "timezone": timezone,
        "custom_favourite_size": customer.favourite_size,
        "custom_customer_type": "studio" if customer.is_studio else "private",
        "custom_planted": customer.is_planted,
        "subscriptions": describe_subscriptions(customer),
        "predictive_analytics": describe_predictions(customer),
    }


def _write_time(at: int) -> str:
    """Write a moment as Fivetran does, in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}.000"


def _write(path: Path, rows: Sequence[Row]) -> None:
    """Write rows with a header; a list or an object is its JSON text, a truth value as Fivetran spells it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _spell(value) for name, value in row.items()})


def _spell(value: object) -> object:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return value
