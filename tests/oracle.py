"""Attribution a second time: plain Python, one row after the other, written from Klaviyo's own description.

It shares nothing with klavnb but the settings, and is as slow as it is plain. Where the two disagree,
Klaviyo's description decides. Rows are dicts with the columns of `klavnb.schemas`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from klavnb.settings import Settings

Row = Mapping[str, Any]

WEAKEST_FIRST = ["session", "delivery", "open", "click"]
WHAT_A_TOUCH_KEEPS = (
    "message_id",
    "message_type",
    "campaign_id",
    "flow_id",
    "flow_message_id",
    "is_machine_open",
    "is_bot_click",
)
WHAT_A_CREDIT_KEEPS = (
    "touch_id",
    "channel",
    "kind",
    "message_id",
    "message_type",
    "campaign_id",
    "flow_id",
    "flow_message_id",
    "touched_at",
    "received_at",
)
WHAT_A_CHANGE_KEEPS = ("touch_id", "channel", "message_id", "message_type", "touched_at")


def find_touches(events: Sequence[Row], settings: Settings) -> list[Row]:
    return [describe_touch(event, events, settings) for event in events if is_touch(event, settings)]


def name_touch(event: Row, settings: Settings) -> tuple[str, str] | None:
    """Channel and kind of what could be a touch."""
    role = settings.roles.get(event["metric"])
    if role is None:
        return None
    channel, kind = role.split(".")
    return channel, "delivery" if kind == "received" else kind


def is_touch(event: Row, settings: Settings) -> bool:
    named = name_touch(event, settings)
    if named is None:
        return False
    channel, kind = named
    if f"{channel}.{kind}" not in settings.windows:
        return False
    if event["message_id"] is None and channel != "session":
        return False
    if settings.exclude_machine_opens and event["is_machine_open"] is True:
        return False
    if settings.exclude_bot_clicks and event["is_bot_click"] is True:
        return False
    return event["message_id"] not in settings.excluded_messages


def describe_touch(event: Row, events: Sequence[Row], settings: Settings) -> Row:
    channel, kind = name_touch(event, settings)
    touched_at = event["occurred_at"]
    if kind == "delivery":
        received_at, source = touched_at, "received_event"
    else:
        received_at, source = find_receipt(event, channel, events, settings)
    received_at = min(received_at, touched_at)
    runs_from_receipt = settings.anchor == "received" and channel not in {"push", "session"}
    anchored_at = received_at if runs_from_receipt else touched_at
    return {
        "touch_id": event["event_id"],
        "profile_id": event["profile_id"],
        "channel": channel,
        "kind": kind,
        "touched_at": touched_at,
        "received_at": received_at,
        "receipt_source": source,
        "closes_at": anchored_at + settings.windows[f"{channel}.{kind}"],
        **{column: event[column] for column in WHAT_A_TOUCH_KEEPS},
    }


def find_receipt(event: Row, channel: str, events: Sequence[Row], settings: Settings) -> tuple[datetime, str]:
    of_the_message = [
        other
        for other in events
        if settings.roles.get(other["metric"]) == f"{channel}.received"
        and other["profile_id"] == event["profile_id"]
        and other["message_id"] is not None
        and other["message_id"] == event["message_id"]
    ]
    sending = event["transmission_id"]
    of_the_sending = [
        other["occurred_at"] for other in of_the_message if sending is not None and other["transmission_id"] == sending
    ]
    if of_the_sending:
        return min(of_the_sending), "received_event"
    of_an_unknown_sending = [
        other["occurred_at"]
        for other in of_the_message
        if (sending is None or other["transmission_id"] is None) and other["occurred_at"] <= event["occurred_at"]
    ]
    if of_an_unknown_sending:
        return max(of_an_unknown_sending), "received_event"
    if event["sent_at"] is not None:
        return event["sent_at"], "send_cohort"
    if event["handed_off_at"] is not None:
        return event["handed_off_at"], "handoff"
    return event["occurred_at"], "touch"


def find_conversions(events: Sequence[Row], settings: Settings) -> list[Row]:
    return [
        {
            "conversion_id": event["event_id"],
            "profile_id": event["profile_id"],
            "converted_at": event["occurred_at"],
            "value": find_value(event, events, settings),
            "currency": event["currency"],
        }
        for event in events
        if event["metric"] == settings.conversion_metric
    ]


def find_value(order: Row, events: Sequence[Row], settings: Settings) -> float:
    value = order["value"] or 0.0
    if not settings.net_of_refunds or order["order_id"] is None:
        return value
    returned = 0.0
    for event in events:
        if event["profile_id"] != order["profile_id"] or event["order_id"] != order["order_id"]:
            continue
        if event["metric"] == "Cancelled Order" and event["value"] is None:
            return 0.0
        if event["currency"] not in (None, order["currency"]):
            continue
        if event["metric"] in {"Cancelled Order", "Refunded Order"}:
            returned += event["value"] or 0.0
    return max(value - returned, 0.0)


def attribute(touches: Sequence[Row], conversions: Sequence[Row], model: str) -> list[Row]:
    return [row for conversion in conversions for row in credit_conversion(conversion, touches, model)]


def credit_conversion(conversion: Row, touches: Sequence[Row], model: str) -> list[Row]:
    before = [
        touch
        for touch in touches
        if touch["profile_id"] == conversion["profile_id"] and touch["touched_at"] <= conversion["converted_at"]
    ]
    before.sort(key=lambda touch: (touch["touched_at"], WEAKEST_FIRST.index(touch["kind"]), touch["touch_id"]))
    still_open = [touch for touch in before if conversion["converted_at"] <= touch["closes_at"]]
    last_channel = before[-1]["channel"] if before else None
    on_the_last_channel = [touch for touch in still_open if touch["channel"] == last_channel]
    winners = {"cooperative": still_open[-1:], "old": on_the_last_channel[-1:], "linear": still_open}[model]
    whole = {**conversion, "model": model, "last_channel": last_channel}
    if winners:
        return [
            whole
            | {column: touch[column] for column in WHAT_A_CREDIT_KEEPS}
            | {"credit": 1 / len(winners), "attributed_value": conversion["value"] / len(winners), "reason": None}
            for touch in winners
        ]
    if not before:
        reason = "no_touch"
    elif still_open:
        reason = "last_channel_closed"
    else:
        reason = "windows_closed"
    nothing = dict.fromkeys(WHAT_A_CREDIT_KEEPS)
    return [whole | nothing | {"credit": 0.0, "attributed_value": 0.0, "reason": reason}]


def compare_credits(baseline: Sequence[Row], candidate: Sequence[Row]) -> list[Row]:
    changes = []
    for conversion in {row["conversion_id"]: row for row in baseline}.values():
        before = {row["touch_id"]: row for row in baseline if row["conversion_id"] == conversion["conversion_id"]}
        after = {row["touch_id"]: row for row in candidate if row["conversion_id"] == conversion["conversion_id"]}
        outcome = name_outcome(set(before) - {None}, set(after) - {None})
        reason = conversion["reason"]
        either = before | after
        if outcome != "unattributed":
            either.pop(None, None)
        for touch_id, row in either.items():
            change = {column: row[column] for column in ("profile_id", "converted_at", "currency", "value")}
            change |= {column: row[column] for column in WHAT_A_CHANGE_KEEPS}
            change |= {"conversion_id": conversion["conversion_id"], "last_channel": row["last_channel"]}
            change |= {
                "baseline_credit": before[touch_id]["credit"] if touch_id in before else 0.0,
                "candidate_credit": after[touch_id]["credit"] if touch_id in after else 0.0,
                "baseline_value": before[touch_id]["attributed_value"] if touch_id in before else 0.0,
                "candidate_value": after[touch_id]["attributed_value"] if touch_id in after else 0.0,
                "baseline_reason": reason,
                "outcome": outcome,
            }
            changes.append(change)
    return changes


def name_outcome(before: set[str], after: set[str]) -> str:
    """Name what became of a conversion, from the touches that the two models credit for it."""
    if before == after:
        return "unchanged" if before else "unattributed"
    if before and after:
        return "moved"
    return "lost" if before else "gained"


def sweep_windows(
    events: Sequence[Row],
    email_windows: Sequence[timedelta],
    sms_windows: Sequence[timedelta],
    settings: Settings,
) -> list[Row]:
    """Attribute everything anew for each pair of windows."""
    cells = []
    conversions = find_conversions(events, settings)
    for email_window in email_windows:
        for sms_window in sms_windows:
            asked = {"email.open": email_window, "email.click": email_window, "sms.click": sms_window}
            on = {name: window for name, window in asked.items() if name in settings.windows}
            touches = find_touches(events, settings.with_windows(on))
            for currency in {conversion["currency"] for conversion in conversions}:
                cell = {"email_window": email_window, "sms_window": sms_window, "currency": currency}
                orders = [conversion for conversion in conversions if conversion["currency"] == currency]
                for model in ("old", "cooperative"):
                    credited = [row for row in attribute(touches, orders, model) if row["touch_id"] is not None]
                    cell[f"{model}_value"] = sum(row["attributed_value"] for row in credited)
                    cell[f"{model}_count"] = len(credited)
                cells.append(cell)
    return cells
