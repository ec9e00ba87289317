"""The invented customers: who they are, which channels reach them, how much they do."""

from dataclasses import dataclass, field
from math import sqrt

from klavnb.sample.dice import Dice
from klavnb.sample.ids import make_ulid
from klavnb.sample.shop import DAY, SIZES, Shop

__all__ = ["CITIES", "Consent", "Customer", "invent_customer"]

CITIES = (
    (22, ("Berlin", "Berlin", "Germany", "Europe/Berlin")),
    (14, ("Hamburg", "Hamburg", "Germany", "Europe/Berlin")),
    (12, ("Vienna", "Vienna", "Austria", "Europe/Vienna")),
    (12, ("Amsterdam", "North Holland", "Netherlands", "Europe/Amsterdam")),
    (12, ("Lyon", "Auvergne-Rhône-Alpes", "France", "Europe/Paris")),
    (10, ("Dublin", "Leinster", "Ireland", "Europe/Dublin")),
    (8, ("Milan", "Lombardy", "Italy", "Europe/Rome")),
    (6, ("Zurich", "Zurich", "Switzerland", "Europe/Zurich")),
    (4, ("New York", "New York", "United States", "America/New_York")),
)
"""Weight, then city, region, country, time zone: nothing finer than a city."""

REACH = (
    (12, ()),
    (46, ("email",)),
    (19, ("email", "sms")),
    (8, ("email", "push")),
    (7, ("email", "sms", "push")),
    (5, ("sms",)),
    (3, ("push",)),
)
"""Weight, then the channels a customer agreed to."""

MOST_ACTIVE = 6.0
AREA_CODES = 800
FICTIONAL = 100  # the numbers 555-0100 to 555-0199 of an area code belong to nobody


@dataclass(slots=True)
class Consent:
    """What a customer said about one channel, and when; what ended it, if anything did."""

    given_at: int
    ended_at: int | None = None
    reason: str = ""


@dataclass(slots=True, eq=False)
class Customer:
    """One customer; the last fields are filled as the year goes by."""

    number: int
    id: str
    created_at: int
    city: tuple[str, str, str, str]
    engagement: float  # 0 to 1: how much of what is sent is read
    activity: float  # heavy-tailed: how often the shop is visited
    is_studio: bool  # orders in bulk
    has_machine_opens: bool  # reads with a mail program that opens everything by itself
    favourite_size: str
    consents: dict[str, Consent]
    is_planted: bool = False
    orders: list[tuple[int, float]] = field(default_factory=list)  # unix seconds, value
    last_event_at: int | None = None

    @property
    def email(self) -> str:
        """An address that cannot belong to anybody."""
        return f"profile-{self.number:04d}@example.com"

    @property
    def phone_number(self) -> str | None:
        """A number of the range kept free for fiction, for those who agreed to texts."""
        area, line = divmod(self.number, FICTIONAL)
        return f"+1{200 + area}55501{line:02d}" if "sms" in self.consents and area < AREA_CODES else None

    def can_receive(self, channel: str) -> bool:
        """Say whether messages of this channel may be sent now."""
        consent = self.consents.get(channel)
        return consent is not None and consent.ended_at is None


def invent_customer(number: int, shop: Shop, dice: Dice, *, is_planted: bool = False) -> Customer:
    """Invent a customer; most were there before the period began, the others join during it."""
    joined_before = is_planted or dice.chance(0.62)
    age = dice.between(1, 3 * 365 * DAY)
    span = shop.end - shop.start
    created_at = shop.start - age if joined_before else shop.start + int(dice.share() * span)
    activity = min(MOST_ACTIVE, 0.4 / sqrt(1 - dice.share()))
    reach = ("email", "sms", "push") if is_planted else dice.weigh(REACH)
    return Customer(
        number=number,
        id=make_ulid(created_at, number),
        created_at=created_at,
        city=dice.weigh(CITIES),
        engagement=dice.share() * dice.share() * 0.6 + min(0.4, activity / 5),
        activity=activity,
        is_studio=dice.chance(0.025),
        has_machine_opens=dice.chance(0.3),
        favourite_size=dice.weigh(tuple(zip((30, 38, 22, 10), SIZES, strict=True))),
        consents={channel: Consent(created_at) for channel in reach},
        is_planted=is_planted,
    )
