"""The invented shop for photo prints: what it sells, when people buy, and what it writes to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

from klavnb.sample.ids import make_short_id, make_ulid

__all__ = ["END", "PRODUCTS", "SIZES", "Campaign", "Flow", "Message", "Shop", "Step", "open_shop", "weigh_season"]

END = 1_788_220_800
"""The sample ends here, exclusive: 2026-09-01T00:00:00+00:00. Its last day is 2026-08-31."""

HOUR = 3600
DAY = 24 * HOUR

SIZES: Mapping[str, float] = MappingProxyType({"small": 12.9, "medium": 24.5, "large": 49.0, "xlarge": 98.0})
"""Size → price of a plain print, in euros."""

PRODUCTS = (
    ("Brooklyn Bridge Canvas Print", "CAN-BRB", 1.6),
    ("Alpine Lake Canvas Print", "CAN-ALP", 1.6),
    ("Your Photo on Canvas", "CAN-OWN", 1.8),
    ("Your Photo on Wood", "WOO-OWN", 1.7),
    ("Your Photo, Framed", "FRA-OWN", 1.5),
    ("Forest Path Poster", "POS-FOR", 0.8),
    ("City Map Poster", "POS-MAP", 0.9),
    ("Photo Calendar", "CAL-OWN", 1.1),
    ("Postcard Set", "CAR-SET", 0.7),
    ("Photo Book", "BOO-OWN", 1.4),
)
"""Name, stock keeping unit, factor on the price of its size."""

SEASONS = (
    ((11, 24), (12, 1), 4.5),  # the week of Black Friday
    ((11, 10), (11, 24), 1.7),
    ((12, 1), (12, 19), 2.4),
    ((12, 19), (12, 27), 0.8),
    ((2, 5), (2, 15), 1.5),  # Valentine's day
    ((5, 1), (5, 11), 1.6),  # Mother's day
    ((7, 1), (8, 16), 0.75),
)
"""From a day, up to and without another, this many times as many visits."""

THEMES = (
    ("New Year, New Walls", "Photo Books", "Winter Light", "Small Prints Week"),
    ("Valentine Prints", "Two for One Cards", "Frames", "Wood Prints"),
    ("Spring Colours", "City Maps", "Canvas Weekend", "Wall Planner"),
    ("Easter Cards", "Large Format", "Your Photo on Wood", "Studio News"),
    ("Mother's Day", "Garden Posters", "Frames in Oak", "Holiday Albums"),
    ("Summer Postcards", "Alpine Lakes", "Father's Day", "Travel Books"),
    ("Summer Sale", "Beach Prints", "City Nights", "Calendar Preview"),
    ("Back Home Albums", "Late Summer", "School Start", "Large Format Again"),
    ("Autumn Walls", "Forest Paths", "Framing Guide", "Wedding Books"),
    ("Calendar Season", "Harvest Colours", "Canvas Days", "Early Gifts"),
    ("Gift Guide", "Early Black Friday", "Singles' Day", "Black Friday"),
    ("Last Orders", "Advent Cards", "Gift Vouchers", "Between the Years"),
)
"""Twelve months of themes, four a month."""

FIRST_MONDAY = date(2020, 1, 6)
PEAK_WEEKS = range(46, 51)  # by ISO: Singles' Day to the week before Christmas
SUFFIXES = MappingProxyType({"email": "e-mail", "sms": "text", "push": "app"})


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """One message of a campaign or flow; its id is the `$message` of its events."""

    id: str
    name: str
    subject: str
    channel: str
    campaign: "Campaign | None" = None
    flow: "Flow | None" = None
    variation: str = ""


@dataclass(slots=True, eq=False)
class Campaign:
    """One sending to many at once."""

    id: str
    name: str
    channel: str
    sent_at: int
    messages: list[Message] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One message of a flow, and how many seconds after the trigger it is sent."""

    message: Message
    delay: int


@dataclass(slots=True, eq=False)
class Flow:
    """A series of messages that something a customer does sets off."""

    id: str
    name: str
    trigger: str
    steps: list[Step] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Shop:
    """The shop in a period, in unix seconds; the end is exclusive."""

    start: int
    end: int
    campaigns: tuple[Campaign, ...]
    flows: Mapping[str, Flow]


FLOWS: Mapping[str, tuple[str, str, tuple[tuple[str, int, str], ...]]] = MappingProxyType(
    {
        "welcome": (
            "Welcome Series",
            "Added to List",
            (
                ("email", 5 * 60, "Welcome to the print room"),
                ("email", 3 * DAY, "How to choose a size"),
                ("sms", 4 * DAY, "10 % off the first print"),
                ("push", 6 * DAY, "Your first print is waiting"),
            ),
        ),
        "cart": (
            "Abandoned Cart",
            "Metric",
            (
                ("email", HOUR, "You left a print behind"),
                ("sms", 23 * HOUR, "Your cart is still here"),
                ("email", 2 * DAY, "Last call for your cart"),
            ),
        ),
        "browse": (
            "Browse Abandonment",
            "Metric",
            (("email", 4 * HOUR, "Still thinking about it?"), ("push", 28 * HOUR, "Seen and not forgotten")),
        ),
        "thanks": (
            "Post-Purchase",
            "Metric",
            (("email", 3 * DAY, "How to hang a print"), ("email", 20 * DAY, "How does it look?")),
        ),
        "winback": (
            "Winback",
            "Metric",
            (("email", 90 * DAY, "We miss your photos"), ("sms", 91 * DAY, "15 % off until Sunday")),
        ),
    }
)
"""Flow → its name, trigger and messages: channel, seconds after the trigger, subject."""


def weigh_season(at: int) -> float:
    """Return how many times as many people visit the shop on this day.

    Examples
    --------
    >>> weigh_season(int(datetime(2025, 11, 28, tzinfo=UTC).timestamp()))
    4.5
    """
    day = datetime.fromtimestamp(at, UTC)
    return next((weight for first, last, weight in SEASONS if first <= (day.month, day.day) < last), 1.0)


def open_shop(start: int, end: int) -> Shop:
    """Set up the shop with the campaigns of a period; ids and names do not depend on the seed."""
    return Shop(start, end, tuple(_plan_campaigns(start, end)), _plan_flows())


def _plan_campaigns(start: int, end: int) -> list[Campaign]:
    """Write most weeks: an e-mail on Tuesday, in many a text a day later, in others a push."""
    campaigns: list[Campaign] = []
    first = (datetime.fromtimestamp(start, UTC).date() - FIRST_MONDAY).days // 7
    for week in range(first, first + (end - start) // (7 * DAY) + 2):
        monday = FIRST_MONDAY + timedelta(weeks=week)
        theme = THEMES[monday.month - 1][min(3, (monday.day - 1) // 7)]
        is_peak = monday.isocalendar().week in PEAK_WEEKS
        plan = [("email", 1, 9, theme)] if week % 4 != 3 or is_peak else []  # noqa: PLR2004 - the fourth week is off
        plan += [("sms", 2, 10, theme)] if week % 2 == 0 or is_peak else []
        plan += [("push", 2, 16, theme)] if week % 4 == 1 else []
        plan += [("email", 4, 8, f"{theme}, Reminder")] if is_peak else []
        for channel, weekday, hour, name in plan:
            day = monday + timedelta(days=weekday)
            sent_at = int(datetime(day.year, day.month, day.day, hour, tzinfo=UTC).timestamp())
            if start <= sent_at < end - DAY:
                campaigns.append(_write_campaign(channel, sent_at, f"{day:%Y-%m-%d} {name} ({SUFFIXES[channel]})"))
    return campaigns


def _write_campaign(channel: str, sent_at: int, name: str) -> Campaign:
    number = {"email": 1, "sms": 2, "push": 3}[channel]
    campaign = Campaign(make_ulid(sent_at - 4 * DAY, number), name, channel, sent_at)
    title = name.split(" ", 1)[1].rsplit(" (", 1)[0]
    subject = f"{title}: have a look"
    campaign.messages.append(
        Message(make_ulid(sent_at - 4 * DAY + 1, number), name, subject, channel, campaign=campaign)
    )
    return campaign


def _plan_flows() -> Mapping[str, Flow]:
    flows = {}
    for key, (name, trigger, steps) in FLOWS.items():
        flow = Flow(make_short_id("flow", key), name, trigger)
        for number, (channel, delay, subject) in enumerate(steps, start=1):
            variation = make_short_id("variation", key, number) if key == "cart" and channel == "email" else ""
            identity = make_short_id("flow-message", key, number)
            label = f"{name} {number} ({SUFFIXES[channel]})"
            message = Message(identity, label, subject, channel, flow=flow, variation=variation)
            flow.steps.append(Step(message, delay))
        flows[key] = flow
    return MappingProxyType(flows)
