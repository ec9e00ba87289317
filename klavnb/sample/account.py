"""The whole invented account: every customer, every event in order, what Klaviyo recorded, the answers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from klavnb.errors import SettingsError
from klavnb.sample.customers import Customer, invent_customer
from klavnb.sample.dice import Dice
from klavnb.sample.events import Event
from klavnb.sample.ids import make_event_id, make_uuid, number_event
from klavnb.sample.journeys import live
from klavnb.sample.planted import Answer, plant
from klavnb.sample.recorded import record
from klavnb.sample.scenarios import SCENARIOS
from klavnb.sample.shop import DAY, END, Shop, open_shop

__all__ = ["Account", "invent_account"]

FEWEST_PROFILES = 20
FEWEST_DAYS = 30
MOST_DAYS = 365 * 6  # the ids of events count from 2020
MOST_PROFILES = 1_000_000  # the ids of profiles have four characters for the number


@dataclass(frozen=True, slots=True)
class Account:
    """Everything that an export is written from."""

    shop: Shop
    customers: Sequence[Customer]
    events: Sequence[Event]
    answers: Sequence[Answer]
    old_shape_until: int  # unix seconds: what Klaviyo recorded before this is in the old shape

    def count_metrics(self) -> Mapping[str, int]:
        """Return how many events there are of each metric, by name."""
        return dict(sorted(Counter(event.metric for event in self.events).items()))


def invent_account(*, profiles: int, days: int, seed: int) -> Account:
    """Invent an account that ends at `shop.END`; the planted journeys are the last of its profiles.

    Raises
    ------
    SettingsError
        When there is no room for the planted journeys, or the numbers are beyond what ids can spell.
    """
    if not FEWEST_PROFILES <= profiles <= MOST_PROFILES:
        raise SettingsError(
            f"A sample has from {FEWEST_PROFILES} to {MOST_PROFILES:,} profiles; found {profiles}.",
            hint=f"{len(SCENARIOS)} profiles are journeys with known answers; leave room for a few more.",
        )
    if not FEWEST_DAYS <= days <= MOST_DAYS:
        raise SettingsError(
            f"A sample has from {FEWEST_DAYS} to {MOST_DAYS} days; found {days}.",
            hint="The journeys with known answers take up to 18 days; a year shows the seasons.",
        )
    shop = open_shop(END - days * DAY, END)
    customers: list[Customer] = []
    events: list[Event] = []
    answers: list[Answer] = []
    first_planted = profiles - len(SCENARIOS) + 1
    for number in range(1, profiles + 1):
        dice = Dice(seed, "customer", number)
        customer = invent_customer(number, shop, dice, is_planted=number >= first_planted)
        customers.append(customer)
        if customer.is_planted:
            planted = plant(SCENARIOS[number - first_planted], number - first_planted, customer, shop, dice)
            events += planted.events
            answers += planted.answers
        else:
            events += live(customer, shop, dice)
    events = [event for event in events if shop.start <= event.at < shop.end]
    events.sort(key=lambda event: event.at)  # stable: customers in order within a second
    previous = 0
    for position, event in enumerate(events):
        previous = number_event(event.at, previous)
        event.id, event.uuid = make_event_id(previous), make_uuid(event.at, position)
        event.customer.last_event_at = event.at
    record(events, Dice(seed, "recorded"))
    return Account(shop, customers, events, answers, old_shape_until=shop.start + days * DAY // 3)
