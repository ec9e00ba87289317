"""The planted journeys as events: each is one customer to whom nothing else happens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from klavnb.sample.customers import Customer
from klavnb.sample.dice import Dice
from klavnb.sample.events import TRANSMISSION, Event, Sending, log_receipt, log_touch
from klavnb.sample.orders import log_order, make_item
from klavnb.sample.scenarios import SCENARIOS, Scenario, Touched
from klavnb.sample.shop import DAY, Message, Shop

__all__ = ["Answer", "Planted", "plant"]

LONGEST = 13 * DAY
"""No journey takes longer; the last five days of the period are kept free, for they are provisional."""

PROVISIONAL = 5 * DAY


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of the answers: what a model credits to one touch of one order, or nothing at all."""

    scenario: str
    conversion: Event
    model: str
    anchor: str
    touch: Event | None
    credit: float


@dataclass(frozen=True, slots=True)
class Planted:
    """The events of one journey and the answers for its order."""

    events: list[Event]
    answers: list[Answer]


@dataclass(slots=True)
class _Journey:
    """A journey on its way: what was sent so far, and what happened."""

    start: int
    customer: Customer
    messages: Mapping[str, Sequence[Message]]
    dice: Dice
    sendings: dict[tuple[str, int], Sending] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def touch(self, touched: Touched) -> Event:
        """Touch a message, which is received before it the first time."""
        channel, _, kind = touched.role.partition(".")
        sending = self.sendings.get((channel, touched.message))
        if sending is None:
            sending = self.sendings[channel, touched.message] = self.send(channel, touched)
            if touched.trace == "event":
                self.events.append(log_receipt(sending))
        event = log_touch(
            sending,
            self.start + touched.touched,
            kind,
            self.dice,
            is_machine=touched.is_machine,
            names_message=touched.names_message,
        )
        self.events.append(event)
        return event

    def send(self, channel: str, touched: Touched) -> Sending:
        """Send a message that leaves the traces of its receipt that the scenario asks for."""
        received_at = self.start + (touched.touched if touched.trace == "none" else touched.received)
        return Sending(
            customer=self.customer,
            message=self.messages[channel][touched.message],
            received_at=received_at,
            transmission=str(TRANSMISSION + self.customer.number * 1000 + len(self.sendings)),
            cohort_at=received_at - 12 if touched.trace in {"event", "cohort"} else None,
            handed_off_at=received_at - 1 if touched.trace == "handoff" else None,
            names_transmission=True,
        )


def plant(scenario: Scenario, number: int, customer: Customer, shop: Shop, dice: Dice) -> Planted:
    """Let one customer live one journey, at a day of the period that depends on the scenario's number."""
    room = (shop.end - shop.start - PROVISIONAL - LONGEST) // DAY
    start = shop.start + (number * room // len(SCENARIOS)) * DAY
    journey = _Journey(start, customer, _find_messages(shop), dice)
    touches = {touched.name: journey.touch(touched) for touched in scenario.touches}
    item = make_item("Your Photo on Canvas", "CAN-OWN-M", "medium", 1, scenario.value)
    order, *lines = log_order(customer, start + scenario.ordered, [item])
    answers = [
        Answer(scenario.name, order, model, anchor, touches[name] if name else None, 1 / len(names) if name else 0.0)
        for model, anchor, names in scenario.answers()
        for name in names or ("",)
    ]
    return Planted([*journey.events, order, *lines], answers)


def _find_messages(shop: Shop) -> Mapping[str, Sequence[Message]]:
    """Return the flows' messages by channel: they are sent at any time."""
    messages: dict[str, list[Message]] = {}
    for flow in shop.flows.values():
        for step in flow.steps:
            messages.setdefault(step.message.channel, []).append(step.message)
    return messages
