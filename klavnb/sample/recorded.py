"""What Klaviyo itself recorded: the account's own attribution, as it was set up over time.

A few lines of plain Python that share nothing with `klavnb.attribution`, so that the two can be compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from klavnb.sample.dice import Dice
from klavnb.sample.events import BOT_SPELLINGS, Event, Recorded
from klavnb.sample.ids import make_event_id
from klavnb.sample.shop import DAY

__all__ = ["RECORDED_METRICS", "TIMELINE", "AccountSettings", "record"]


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """The attribution settings of the account from a moment on."""

    since: int  # unix seconds
    windows: Mapping[str, int]  # channel.kind → seconds
    model: Literal["old", "cooperative", "linear"] = "cooperative"
    anchor: Literal["received", "touched"] = "received"
    exclude_machine_opens: bool = False
    exclude_bot_clicks: bool = False


TIMELINE = (
    AccountSettings(
        since=0,
        windows=MappingProxyType(
            {"email.open": 5 * DAY, "email.click": 5 * DAY, "sms.click": DAY, "push.open": DAY},
        ),
    ),
)
"""The settings in force, oldest first; a conversion is judged by those of its own time."""

RECORDED_METRICS = ("Placed Order", "Ordered Product", "Started Checkout")
"""The metrics for whose events the export says what they were credited to."""

STRENGTH = {"open": 1, "click": 2}


def record(events: Sequence[Event], dice: Dice, timeline: Sequence[AccountSettings] = TIMELINE) -> None:
    """Write into every order and checkout which event Klaviyo credited; events come in order, with ids.

    Two orders are credited to themselves and two to an event that is not in the export, as happens in
    real accounts. What was recorded before is replaced.
    """
    touches: dict[int, list[Event]] = {}
    for event in events:
        if event.touch is not None:
            touches.setdefault(event.customer.number, []).append(event)
    for event in events:
        if event.metric in RECORDED_METRICS:
            _credit(event, touches.get(event.customer.number, ()), timeline)
    orders = [event for event in events if event.metric == "Placed Order" and not event.customer.is_planted]
    credited = [event for event in orders if event.recorded]
    for position in (len(credited) // 6, len(credited) * 5 // 6):
        for event in credited[position : position + 1]:
            own = event.recorded[0]
            event.recorded = (Recorded(event.id, own.message, own.channel, own.sent_at),)
    for position in (len(credited) // 5, len(credited) * 4 // 5):
        for event in credited[position : position + 1]:
            own = event.recorded[0]
            lost = make_event_id(dice.between(0, 62**4))
            event.recorded = (Recorded(lost, own.message, own.channel, own.sent_at),)


def _credit(conversion: Event, touches: Sequence[Event], timeline: Sequence[AccountSettings]) -> None:
    settings = next(settings for settings in reversed(timeline) if settings.since <= conversion.at)
    before = [touch for touch in touches if touch.at <= conversion.at and _counts(touch, settings)]
    before.sort(key=_rank)
    if settings.model == "old" and before:
        last = _find_role(before[-1]).partition(".")[0]
        before = [touch for touch in before if _find_role(touch).partition(".")[0] == last]
    still_open = [touch for touch in before if conversion.at <= _close(touch, settings)]
    credited = still_open if settings.model == "linear" else still_open[-1:]
    conversion.recorded = tuple(_describe(touch) for touch in credited)


def _counts(touch: Event, settings: AccountSettings) -> bool:
    """Whether a touch can earn anything at all."""
    if settings.exclude_machine_opens and touch.properties.get("machine_open") is True:
        return False
    if settings.exclude_bot_clicks and touch.properties.get("Bot Click") in BOT_SPELLINGS:
        return False
    return touch.touch in settings.windows


def _rank(touch: Event) -> tuple[int, int, str]:
    return touch.at, STRENGTH[_find_role(touch).partition(".")[2]], touch.id


def _find_role(touch: Event) -> str:
    return touch.touch or ""


def _close(touch: Event, settings: AccountSettings) -> int:
    role, sending = _find_role(touch), touch.sending
    runs_from_touch = settings.anchor == "touched" or role.startswith("push.") or sending is None
    return (touch.at if runs_from_touch or sending is None else sending.received_at) + settings.windows[role]


def _describe(touch: Event) -> Recorded:
    sending = touch.sending
    if sending is None:
        raise ValueError(touch.id)  # only what was sent can be touched
    sent_at = sending.received_at if sending.cohort_at is None else sending.cohort_at
    return Recorded(touch.id, sending.message, sending.message.channel, sent_at)
