"""What happened: an event, the sending it belongs to, and how each kind of message event reads."""

from dataclasses import dataclass, field

from klavnb.sample.customers import Customer
from klavnb.sample.dice import Dice
from klavnb.sample.metrics import name_metric
from klavnb.sample.shop import Message

__all__ = ["TRANSMISSION", "Event", "Recorded", "Sending", "describe_sending", "log_receipt", "log_touch", "send"]

METRIC_OF = {
    "email.received": "Received Email",
    "email.open": "Opened Email",
    "email.click": "Clicked Email",
    "sms.received": "Received SMS",
    "sms.click": "Clicked SMS",
    "push.received": "Received Push",
    "push.open": "Opened Push",
}

TRANSMISSION = 325_688_435_042_320_941_348_463_595_497_000_000_000
"""Real ones are numbers of 39 digits; the sample's differ in the last nine."""

CLIENTS = (
    ("Mobile", "iOS", "Apple Mail"),
    ("Mobile", "Android", "Gmail"),
    ("Desktop", "Windows", "Outlook"),
    ("Desktop", "OS X", "Apple Mail"),
    ("Webmail", "Linux", "Gmail"),
)

BOT_SPELLINGS = (True, "true", 1, "1.0")


@dataclass(slots=True, eq=False)
class Sending:
    """One message on its way to one customer, with the traces that the export keeps of it."""

    customer: Customer
    message: Message
    received_at: int
    transmission: str
    cohort_at: int | None
    handed_off_at: int | None
    names_transmission: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """What Klaviyo recorded for an event: the event it credited, and that event's message."""

    event_id: str
    message: Message
    channel: str
    sent_at: int


@dataclass(slots=True, eq=False)
class Event:
    """One event; its id is known once all events are in order."""

    at: int
    customer: Customer
    metric: str
    properties: dict[str, object]
    sending: Sending | None = None
    touch: str | None = None  # channel.kind where it is an interaction with a known message
    id: str = ""
    uuid: str = ""
    recorded: tuple[Recorded, ...] = field(default=())


def send(customer: Customer, message: Message, at: int, dice: Dice, *, number: int) -> Sending:
    """Send a message that is received at this second; now and then its cohort is not in the export."""
    return Sending(
        customer=customer,
        message=message,
        received_at=at,
        transmission=str(TRANSMISSION + customer.number * 1000 + number % 1000),
        cohort_at=at - dice.between(2, 35) if dice.chance(0.985) else None,
        handed_off_at=at - 1 if dice.chance(0.1) else None,
        names_transmission=dice.chance(0.5),
    )


def describe_sending(sending: Sending, *, opened_at: int | None = None) -> dict[str, object]:
    """Return the properties that every event of this sending carries."""
    message = sending.message
    identity = f"{message.id}:{sending.transmission}"
    properties: dict[str, object] = {"Subject": message.subject} if message.channel == "email" else {}
    properties["Campaign Name" if message.channel == "email" else "Message Name"] = message.name
    if message.channel == "email":
        properties["Email Domain"] = "example.com"
    properties["$message"] = message.id
    if message.flow is not None:
        properties["$flow"] = message.flow.id
    elif sending.names_transmission:
        properties["$flow"] = ""
    if message.variation:
        properties["$variation"] = message.variation
    if sending.names_transmission:
        properties["Transmission ID"] = sending.transmission
    if sending.cohort_at is not None:
        properties["$_cohort$message_send_cohort"] = f"{sending.cohort_at}:{message.id}"
    if sending.handed_off_at is not None:
        properties["$internal"] = {"Handoff Time": sending.handed_off_at}
    properties["$event_id"] = identity if opened_at is None else f"{identity}:{opened_at}"
    return properties


def log_receipt(sending: Sending) -> Event:
    """Return the event of the message's receipt."""
    metric = name_metric(METRIC_OF[f"{sending.message.channel}.received"], sending.received_at)
    return Event(sending.received_at, sending.customer, metric, describe_sending(sending), sending)


def log_touch(
    sending: Sending, at: int, kind: str, dice: Dice, *, is_machine: bool = False, names_message: bool = True
) -> Event:
    """Return the event of an open or click.

    Parameters
    ----------
    is_machine
        An open that the mail program made, or a click that a scanner made.
    names_message
        Without it the event does not say which message was touched: Klaviyo can credit nothing.
    """
    message = sending.message
    role = f"{message.channel}.{kind}"
    properties = describe_sending(sending, opened_at=at if kind == "open" else None)
    if role == "email.open":
        device, system, program = CLIENTS[0] if is_machine else dice.pick(CLIENTS)
        properties |= {"Client Type": device, "Client OS": system, "Client Name": program}
        if is_machine or dice.chance(0.8):
            properties["machine_open"] = is_machine
    if kind == "click":
        properties["URL"] = "https://prints.example.com/new"
        if is_machine:
            properties["Bot Click"] = dice.pick(BOT_SPELLINGS)
        elif dice.chance(0.25):
            properties["Bot Click"] = False
    if not names_message:
        kept = ("Email Domain", "Client Type", "Client OS", "Client Name", "machine_open", "URL", "Bot Click")
        properties = {name: value for name, value in properties.items() if name in kept} | {"$event_id": str(at)}
    touch = role if names_message else None
    return Event(at, sending.customer, name_metric(METRIC_OF[role], at), properties, sending, touch)
