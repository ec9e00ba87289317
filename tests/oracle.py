"""Attribution a second time: plain Python, one row after the other, written from Klaviyo's own description.

It shares nothing with klavnb but the settings, and is as slow as it is plain. Where the two disagree,
Klaviyo's description decides. Rows are dicts with the columns of `klavnb.schemas`.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise, permutations
from typing import Any

from klavnb.settings import Settings

Row = Mapping[str, Any]

USUAL_WEIGHTS = Settings()

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
        if other["profile_id"] == event["profile_id"]
        and other["message_id"] is not None
        and other["message_id"] == event["message_id"]
        and settings.roles.get(other["metric"]) == f"{channel}.received"
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


def attribute(
    touches: Sequence[Row], conversions: Sequence[Row], model: str, settings: Settings = USUAL_WEIGHTS
) -> list[Row]:
    return [row for conversion in conversions for row in credit_conversion(conversion, touches, model, settings)]


def credit_conversion(conversion: Row, touches: Sequence[Row], model: str, settings: Settings) -> list[Row]:
    before = [
        touch
        for touch in touches
        if touch["profile_id"] == conversion["profile_id"] and touch["touched_at"] <= conversion["converted_at"]
    ]
    before.sort(key=lambda touch: (touch["touched_at"], WEAKEST_FIRST.index(touch["kind"]), touch["touch_id"]))
    still_open = [touch for touch in before if conversion["converted_at"] <= touch["closes_at"]]
    last_channel = before[-1]["channel"] if before else None
    shares = share_conversion(conversion, still_open, last_channel, model, settings)
    winners = [(touch, share) for touch, share in zip(still_open, shares, strict=True) if share > 0]
    whole = {**conversion, "model": model, "last_channel": last_channel}
    if winners:
        return [
            whole
            | {column: touch[column] for column in WHAT_A_CREDIT_KEEPS}
            | {"credit": share, "attributed_value": conversion["value"] * share, "reason": None}
            for touch, share in winners
        ]
    if not before:
        reason = "no_touch"
    elif still_open:
        reason = "last_channel_closed" if model == "old" else "no_click"
    else:
        reason = "windows_closed"
    nothing = dict.fromkeys(WHAT_A_CREDIT_KEEPS)
    return [whole | nothing | {"credit": 0.0, "attributed_value": 0.0, "reason": reason}]


def share_conversion(
    conversion: Row, still_open: Sequence[Row], last_channel: str | None, model: str, settings: Settings
) -> list[float]:
    """What each of the open touches earns, in their order."""
    places = list(range(len(still_open)))
    clicks = [place for place in places if still_open[place]["kind"] == "click"]
    on_the_last_channel = [place for place in places if still_open[place]["channel"] == last_channel]
    winners = {
        "cooperative": places[-1:],
        "last_touch": places[-1:],
        "first_touch": places[:1],
        "old": on_the_last_channel[-1:],
        "first_click": clicks[:1],
        "last_click": clicks[-1:],
    }
    if model in winners:
        return [1.0 if place in winners[model] else 0.0 for place in places]
    weights = {"linear": [1.0 for _ in places], "position_based": weigh_by_position(len(places), settings)}
    weights["time_decay"] = [
        2 ** -((conversion["converted_at"] - touch["touched_at"]) / settings.half_life) for touch in still_open
    ]
    return [weight / sum(weights[model]) for weight in weights[model]]


def weigh_by_position(count: int, settings: Settings) -> list[float]:
    first, between, last = settings.position_shares
    if count == 1 or (count == 2 and not first + last):
        return [1.0] * count
    return [first, *([between / (count - 2)] * (count - 2)), last] if count > 2 else [first, last][:count]


def compare_credits(baseline: Sequence[Row], candidate: Sequence[Row]) -> list[Row]:
    changes = []
    for conversion in {row["conversion_id"]: row for row in baseline}.values():
        before = {row["touch_id"]: row for row in baseline if row["conversion_id"] == conversion["conversion_id"]}
        after = {row["touch_id"]: row for row in candidate if row["conversion_id"] == conversion["conversion_id"]}
        outcome = name_outcome(
            {touch_id: row["credit"] for touch_id, row in before.items() if touch_id is not None},
            {touch_id: row["credit"] for touch_id, row in after.items() if touch_id is not None},
        )
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


def name_outcome(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """Name what became of a conversion, from what the two models give to which touch of it."""
    if before.keys() == after.keys() and all(abs(share - after[touch_id]) < 1e-9 for touch_id, share in before.items()):
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


# What is learned: a way is a list of channels, whether an order ended it, and the order's value.

Way = tuple[Sequence[str], bool, float]


def is_open(touch: Row, at: datetime) -> bool:
    return touch["touched_at"] <= at <= touch["closes_at"]


def find_paths(
    touches: Sequence[Row], orders: Sequence[Row], counted: Sequence[Row], period: tuple[date, date], as_of: datetime
) -> list[tuple[str, Way]]:
    """The ways of all profiles: with the orders that are counted, and without any order."""
    ordered = sorted(
        touches, key=lambda touch: (touch["touched_at"], WEAKEST_FIRST.index(touch["kind"]), touch["touch_id"])
    )
    ways: list[tuple[str, Way]] = []
    used = set()
    for order in orders:
        on_the_way = [
            touch
            for touch in ordered
            if touch["profile_id"] == order["profile_id"] and is_open(touch, order["converted_at"])
        ]
        used |= {touch["touch_id"] for touch in on_the_way}
        if on_the_way and order["conversion_id"] in {row["conversion_id"] for row in counted}:
            ways.append((order["profile_id"], (skip_repeats(on_the_way), True, order["value"])))
    idle = [
        touch
        for touch in ordered
        if touch["touch_id"] not in used
        and touch["touched_at"] <= touch["closes_at"] <= as_of
        and period[0] <= touch["touched_at"].date() <= period[1]
    ]
    for profile_id in {touch["profile_id"] for touch in idle}:
        runs: list[list[Row]] = []
        for touch in (touch for touch in idle if touch["profile_id"] == profile_id):
            if runs and any(is_open(before, touch["touched_at"]) for before in runs[-1]):
                runs[-1].append(touch)
            else:
                runs.append([touch])
        ways += [(profile_id, (skip_repeats(run), False, 0.0)) for run in runs]
    return ways


def skip_repeats(touches: Sequence[Row]) -> list[str]:
    channels = [touch["channel"] for touch in touches]
    return [channel for place, channel in enumerate(channels) if place == 0 or channels[place - 1] != channel]


def remove_channels(ways: Sequence[Way]) -> dict[str, float]:
    """Each channel's part of the removal effects, by walking the chain step after step until nobody is on it."""
    moves: dict[str, Counter[str]] = {}
    for path, converted, _ in ways:
        for since, to in pairwise(["start", *path, "order" if converted else "none"]):
            moves.setdefault(since, Counter())[to] += 1

    def chance(removed: str | None) -> float:
        here, arrived = {"start": 1.0}, 0.0
        while sum(here.values()) > 1e-15:
            there: dict[str, float] = {}
            for state, part in here.items():
                for to, count in moves[state].items():
                    step = part * count / sum(moves[state].values())
                    if to == "order":
                        arrived += step
                    elif to not in {"none", removed}:
                        there[to] = there.get(to, 0.0) + step
            here = there
        return arrived

    effects = {channel: 1 - chance(channel) / chance(None) for channel in moves if channel != "start"}
    return {channel: effect / sum(effects.values()) for channel, effect in effects.items()}


def value_channels(ways: Sequence[Way]) -> dict[str, float]:
    """Each channel's Shapley value: what it adds when the channels join one by one, over all orders of joining."""
    channels = sorted({channel for path, _, _ in ways for channel in path})

    def worth(group: Collection[str]) -> float:
        return sum(value for path, converted, value in ways if converted and set(path) <= set(group))

    joinings = list(permutations(channels))
    return {
        channel: sum(
            worth(joining[: joining.index(channel) + 1]) - worth(joining[: joining.index(channel)])
            for joining in joinings
        )
        / len(joinings)
        for channel in channels
    }
