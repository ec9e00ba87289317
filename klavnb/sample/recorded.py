"""What Klaviyo itself recorded: the account's own attribution, as it was set up over time.

A few lines of plain Python that share nothing with `klavnb.attribution`, so that the two can be compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from klavnb.sample.dice import Dice
from klavnb.sample.events import Event, Recorded
from klavnb.sample.ids import make_event_id
from klavnb.sample.shop import DAY

__all__ = ["RECORDED_METRICS", "TIMELINE", "AccountSettings", "record"]


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """The attribution settings of the account from a moment on: cooperative model, from receipt."""

    since: int  # unix seconds
    windows: Mapping[str, int]  # channel.kind → seconds


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


def record(events: Sequence[Event], dice: Dice) -> None:
    """Write into every order and checkout which event Klaviyo credited; events come in order, with ids.

    Two orders are credited to themselves and two to an event that is not in the export, as happens in
    real accounts.
    """
    touches: dict[int, list[Event]] = {}
    for event in events:
        if event.touch is not None:
            touches.setdefault(event.customer.number, []).append(event)
    for event in events:
        if event.metric in RECORDED_METRICS:
            _credit(event, touches.get(event.customer.number, ()))
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


def _credit(conversion: Event, touches: Sequence[Event]) -> None:
    windows = next(settings.windows for settings in reversed(TIMELINE) if settings.since <= conversion.at)
    best: tuple[tuple[int, int, str], Event] | None = None
    for touch in touches:
        role, sending = touch.touch, touch.sending
        if role is None or sending is None or role not in windows:
            continue
        anchor = touch.at if role.startswith("push.") else sending.received_at
        if touch.at <= conversion.at <= anchor + windows[role]:
            rank = (touch.at, STRENGTH[role.partition(".")[2]], touch.id)
            if best is None or rank > best[0]:
                best = (rank, touch)
    if best is not None and best[1].sending is not None:
        sending = best[1].sending
        sent_at = sending.received_at if sending.cohort_at is None else sending.cohort_at
        conversion.recorded = (Recorded(best[1].id, sending.message, sending.message.channel, sent_at),)
