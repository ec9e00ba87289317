"""The account's resources, worded as Klaviyo's API words them: metric, campaign, flow."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from klavnb.sample.ids import make_short_id
from klavnb.sample.metrics import METRICS, RENAMED, RENAMED_AT
from klavnb.sample.shop import DAY, END, Campaign, Flow, Message

__all__ = [
    "ACCOUNT_MADE_AT",
    "HOST",
    "Resource",
    "describe_campaign",
    "describe_flow",
    "describe_metrics",
    "find_metric_id",
    "link",
    "write_time",
]

Resource = dict[str, object]

HOST = "https://a.klaviyo.com/api"
ACCOUNT_MADE_AT = END - 4 * 365 * DAY
FLOW_ACTIONS = {"email": "SEND_EMAIL", "sms": "SEND_SMS", "push": "SEND_PUSH_NOTIFICATION"}
CAMPAIGN_CHANNELS = {"email": "email", "sms": "sms", "push": "mobile_push"}


def write_time(at: int) -> str:
    """Write a moment as Klaviyo does.

    Examples
    --------
    >>> write_time(1756684800)
    '2025-09-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(at, UTC).isoformat()


def link(kind: str, identity: str) -> dict[str, str]:
    """Return the `links` of a resource."""
    return {"self": f"{HOST}/{kind}/{identity}"}


def find_metric_id(name: str) -> str:
    """Return the id of a metric of the sample account; the two names of a renamed one have two ids."""
    return make_short_id("metric", name)


def describe_metrics() -> dict[str, Resource]:
    """Return the metrics by name."""
    new_names = set(RENAMED.values())
    return {
        name: {
            "type": "metric",
            "id": find_metric_id(name),
            "attributes": {
                "name": name,
                "created": write_time(RENAMED_AT if name in new_names else ACCOUNT_MADE_AT),
                "updated": write_time(RENAMED_AT if name in new_names else ACCOUNT_MADE_AT),
                "integration": {
                    "object": "integration",
                    "id": make_short_id("integration", integration),
                    "name": integration,
                    "category": "Internal" if integration == "Klaviyo" else "API",
                },
            },
            "links": link("metrics", find_metric_id(name)),
        }
        for name, integration in METRICS.items()
    }


def describe_campaign(campaign: Campaign) -> tuple[Resource, list[Resource]]:
    """Return a campaign, and its messages."""
    made_at, sent_at = write_time(campaign.sent_at - 4 * DAY), write_time(campaign.sent_at)
    resource: Resource = {
        "type": "campaign",
        "id": campaign.id,
        "attributes": {
            "name": campaign.name,
            "status": "Sent",
            "archived": False,
            "audiences": {"included": [make_short_id("list", "Newsletter")], "excluded": []},
            "send_options": {"use_smart_sending": True},
            "tracking_options": {"is_tracking_opens": True, "is_tracking_clicks": True},
            "send_strategy": {"method": "static", "datetime": sent_at, "options": {"is_local": False}},
            "created_at": made_at,
            "scheduled_at": made_at,
            "updated_at": sent_at,
            "send_time": sent_at,
        },
        "relationships": {
            "campaign-messages": {
                "data": [{"type": "campaign-message", "id": message.id} for message in campaign.messages]
            }
        },
        "links": link("campaigns", campaign.id),
    }
    messages: list[Resource] = [
        {
            "type": "campaign-message",
            "id": message.id,
            "attributes": {
                "definition": {
                    "channel": CAMPAIGN_CHANNELS[message.channel],
                    "label": message.name,
                    "content": _describe_content(message),
                },
                "send_times": [{"datetime": sent_at, "is_local": False}],
                "created_at": made_at,
                "updated_at": sent_at,
            },
            "relationships": {"campaign": {"data": {"type": "campaign", "id": campaign.id}}},
            "links": link("campaign-messages", message.id),
        }
        for message in campaign.messages
    ]
    return resource, messages


def describe_flow(flow: Flow) -> tuple[Resource, list[Resource]]:
    """Return a flow, and its actions and messages."""
    times = {"created": write_time(ACCOUNT_MADE_AT), "updated": write_time(ACCOUNT_MADE_AT)}
    included = list(_describe_steps(flow, times))
    actions = [{"type": "flow-action", "id": part["id"]} for part in included if part["type"] == "flow-action"]
    resource: Resource = {
        "type": "flow",
        "id": flow.id,
        "attributes": {"name": flow.name, "status": "live", "archived": False, **times, "trigger_type": flow.trigger},
        "relationships": {"flow-actions": {"data": actions}},
        "links": link("flows", flow.id),
    }
    return resource, included


def _describe_steps(flow: Flow, times: Mapping[str, str]) -> Iterator[Resource]:
    for number, step in enumerate(flow.steps, start=1):
        message, action_id = step.message, str(70_000_000 + int.from_bytes(flow.id.encode()) % 999_983 * 10 + number)
        yield {
            "type": "flow-action",
            "id": action_id,
            "attributes": {"action_type": FLOW_ACTIONS[message.channel], "status": "live", **times},
            "relationships": {
                "flow": {"data": {"type": "flow", "id": flow.id}},
                "flow-messages": {"data": [{"type": "flow-message", "id": message.id}]},
            },
            "links": link("flow-actions", action_id),
        }
        yield {
            "type": "flow-message",
            "id": message.id,
            "attributes": {
                "name": message.name,
                "channel": message.channel,
                "content": _describe_content(message),
                **times,
            },
            "relationships": {"flow-action": {"data": {"type": "flow-action", "id": action_id}}},
            "links": link("flow-messages", message.id),
        }


def _describe_content(message: Message) -> Resource:
    if message.channel != "email":
        return {"body": message.subject}
    sender = "hello@example.com"
    return {
        "subject": message.subject,
        "preview_text": "",
        "from_email": sender,
        "from_label": "The Print Room",
        "reply_to_email": sender,
    }
