"""What became of messages, once more in plain Python: one event at a time, one group at a time.

It takes the credits as given; those have an oracle of their own.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

Row = Mapping[str, Any]
Key = tuple[str | None, ...]

ROLES = {
    "Received Email": ("email", "received"),
    "Opened Email": ("email", "open"),
    "Clicked Email": ("email", "click"),
    "Bounced Email": ("email", "bounced"),
    "Dropped Email": ("email", "dropped"),
    "Marked Email as Spam": ("email", "spam"),
    "Unsubscribed": ("email", "unsubscribed"),
    "Received SMS": ("sms", "received"),
    "Clicked SMS": ("sms", "click"),
    "Failed to Deliver SMS": ("sms", "failed"),
    "Unsubscribed from SMS Marketing": ("sms", "unsubscribed"),
    "Received Push": ("push", "received"),
    "Opened Push": ("push", "open"),
}
AS_IT_GOES_OUT = {"received", "bounced", "dropped", "failed"}


def find_key(by: str, row: Row) -> Key | None:
    """Say to which group a row belongs; None: to none of this level."""
    if by == "channel":
        return (row["channel"],)
    if by == "message":
        return (row["channel"], row["message_id"])
    if by == "variation":
        return (row["channel"], row["message_id"], row["variation_id"])
    return (row[f"{by}_id"],) if row["message_type"] == by else None


def find_day(row: Row, kind: str, *, dated_by: str, zone: str, campaigns: Mapping[str, datetime]) -> date:
    at = row["occurred_at"]
    if dated_by == "sent":
        own = at if kind in AS_IT_GOES_OUT else None
        told = [campaigns.get(row["message_id"]), row["sent_at"], row["handed_off_at"], row["receipt_at"], own]
        at = min(next((moment for moment in told if moment), at), at)
    return at.astimezone(ZoneInfo(zone)).date()


def share(some: set[Any], whole: set[Any]) -> float | None:
    return len(some & whole) / len(whole) if whole else None


def measure(
    events: Sequence[Row],
    changes: Iterable[Row],
    *,
    by: str,
    dated_by: str,
    zone: str,
    first_on: date,
    last_on: date,
    campaigns: Mapping[str, datetime],
) -> dict[Key, dict[str, Any]]:
    known = {ROLES[row["metric"]] for row in events if row["metric"] in ROLES}
    by_id = {row["event_id"]: row for row in events}
    options: Any = {"dated_by": dated_by, "zone": zone, "campaigns": campaigns}

    happened: dict[Key, list[tuple[str, Row]]] = {}
    channels: dict[Key, set[str]] = {}
    for row in events:
        if row["metric"] not in ROLES or row["message_id"] is None:
            continue
        channel, kind = ROLES[row["metric"]]
        placed = {**row, "channel": channel}
        key = find_key(by, placed)
        if key is not None and first_on <= find_day(row, kind, **options) <= last_on:
            happened.setdefault(key, []).append((kind, placed))
            channels.setdefault(key, set()).add(channel)

    earned: dict[Key, list[Row]] = {}
    for change in changes:
        if change["touch_id"] is None:
            continue
        touch = by_id[change["touch_id"]]
        placed = {**touch, "channel": change["channel"]}
        day = (
            find_day(touch, "received", **options)
            if dated_by == "sent"
            else change["converted_at"].astimezone(ZoneInfo(zone)).date()
        )
        key = find_key(by, placed)
        if key is not None and first_on <= day <= last_on:
            earned.setdefault(key, []).append(change)
            channels.setdefault(key, set()).add(change["channel"])

    return {
        key: {
            **count(happened.get(key, []), channels[key], known),
            **add_up(earned.get(key, [])),
        }
        for key in channels
    }


def count(rows: Sequence[tuple[str, Row]], channels: set[str], known: set[tuple[str, str]]) -> dict[str, Any]:
    def is_known(kind: str) -> bool:
        return any((channel, kind) in known for channel in channels)

    def of(kind: str, flag: str = "") -> list[Row]:
        return [row for its, row in rows if its == kind and not (flag and row[flag])]

    def people(found: Iterable[Row]) -> set[Any]:
        return {row["profile_id"] for row in found}

    def reached(found: Iterable[Row]) -> set[Any]:
        return {(row["profile_id"], row["channel"], row["message_id"]) for row in found}

    opens, clicks = of("open", "is_machine_open"), of("click", "is_bot_click")
    whole = reached(of("received"))
    single = len(channels) == 1

    def rate(kind: str, found: Iterable[Row], base: set[Any]) -> float | None:
        return share(reached(found), base) if single and is_known("received") and is_known(kind) else None

    measures: dict[str, Any] = {}
    for kind, profiles, events in (
        ("received", "count_recipients", "count_delivered"),
        ("open", "count_opened", "count_opens"),
        ("click", "count_clicked", "count_clicks"),
        ("unsubscribed", "count_unsubscribed", ""),
        ("spam", "count_marked_spam", ""),
        ("bounced", "", "count_bounced"),
        ("dropped", "", "count_dropped"),
        ("failed", "", "count_failed"),
    ):
        if profiles:
            measures[profiles] = len(people(of(kind))) if is_known(kind) else None
        if events:
            measures[events] = len(of(kind)) if is_known(kind) else None
    for kind, found, noun in (("open", opens, "open"), ("click", clicks, "click")):
        measures[f"count_human_{noun}ed"] = len(people(found)) if is_known(kind) else None
        measures[f"count_human_{noun}s"] = len(found) if is_known(kind) else None
    return {
        **measures,
        "open_rate": rate("open", of("open"), whole),
        "human_open_rate": rate("open", opens, whole),
        "click_rate": rate("click", of("click"), whole),
        "human_click_rate": rate("click", clicks, whole),
        "unsubscribe_rate": rate("unsubscribed", of("unsubscribed"), whole),
        "spam_rate": rate("spam", of("spam"), whole),
        "click_to_open_rate": share(reached(clicks), reached(opens)) if single and is_known("click") else None,
    }


def add_up(changes: Sequence[Row]) -> dict[str, Any]:
    by_profile: dict[str, float] = {}
    for row in changes:
        by_profile[row["profile_id"]] = by_profile.get(row["profile_id"], 0.0) + row["candidate_value"]
    return {
        "baseline_value": sum(row["baseline_value"] for row in changes),
        "candidate_value": sum(row["candidate_value"] for row in changes),
        "count_baseline": len({row["conversion_id"] for row in changes if row["baseline_credit"] > 0}),
        "count_candidate": len({row["conversion_id"] for row in changes if row["candidate_credit"] > 0}),
        "candidate_error": sum(value**2 for value in by_profile.values()) ** 0.5,
    }
