"""Make the events of an invented shop of any size, in numbers, day by day, in bounded memory.

The shop is as uneven as real ones: a power law says how much of each profile there is, and one profile, a test
account, has one event in a hundred. Sends bring touches minutes to days later, touches bring orders, times are whole
seconds; the test account's come in rounds of five minutes, so that its ties are common. The same seed makes the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from klavnb.loading import plan_slices

START: Final = datetime(2024, 1, 1, tzinfo=UTC)
DAY: Final = 86_400
NONE: Final = -1
CHANNELS: Final = ("email", "sms", "push")
METRICS: Final = (
    *("Received Email", "Received SMS", "Received Push"),
    *("Opened Email", "Clicked SMS", "Opened Push", "Clicked Email"),
    *("Placed Order", "Viewed Product", "Active on Site"),
)
OPEN_OR_CLICK, EMAIL_CLICK, ORDER, OTHERS = 3, 6, 7, (8, 9)

# Shares of all events: 56 % touches, 5 % orders, the rest receipts, looks at the shop and visits.
SENDS, FIRST_TOUCHES, SECOND_CLICKS, LED_ORDERS, OTHER_ORDERS, REST = 0.31, 0.52, 0.04, 0.025, 0.025, 0.09
RECEIVED: Final = 0.97
OF_CHANNEL: Final = (0.78, 0.17, 0.05)
OF_CAMPAIGN, OF_BOTH, OF_CLICK, AT_ONCE, OF_TESTS = 0.6, 0.2, 0.25, 0.1, 0.01
LATEST_TOUCH, LATEST_ORDER = 14 * DAY, 10 * DAY
BEFORE: Final = 24
"""Days that are made before the first, so that it has late touches too."""

FLOWS: Final = 30
ROUND: Final = 300
SKEW: Final = 2.0
EVENTS_OF_A_PROFILE: Final = 10
BASE: Final = np.dtype(
    [
        ("number", "u8"),
        ("at", "i8"),
        ("receipt", "i8"),
        ("profile", "u4"),
        ("message", "i4"),
        ("sending", "i8"),
        ("cents", "i4"),
        ("metric", "u1"),
    ]
)
"""An event in numbers: seconds since the start, ranks and codes; `NONE` for what it does not have."""

Base = np.ndarray[tuple[int], np.dtype[np.void]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What is made: about so many events, over so many days."""

    events: int
    days: int = 400
    seed: int = 5

    @property
    def profiles(self) -> int:
        """How many people there are."""
        return max(2, self.events // EVENTS_OF_A_PROFILE)

    @property
    def messages(self) -> int:
        """How many flows and campaigns there are, those before the first day too."""
        return FLOWS + (BEFORE + self.days) * len(CHANNELS)

    @property
    def daily(self) -> float:
        """Events of a day, about."""
        return self.events / self.days


def make_slices(shop: Shop) -> Iterator[Base]:
    """Make the shop's days one after the other; give as many at a time as a load would put into one file."""
    days = pl.DataFrame({"day": [START.date() + timedelta(days=number) for number in range(shop.days)]})
    planned = plan_slices(days.with_columns(count_events=pl.lit(round(shop.daily))))
    made = make_days(shop)
    number = 0
    for first, last in planned:
        held = [next(made) for _ in range((last - first).days + 1)]
        events = np.concatenate(held)
        events["number"] = np.arange(number, number + len(events))
        number += len(events)
        yield events


def make_days(shop: Shop) -> Iterator[Base]:
    """Make the events of each day: what is sent on it, and what sends of the days before bring."""
    late = np.empty(0, BASE)
    for day in range(-BEFORE, shop.days):
        chance = np.random.default_rng([shop.seed, day + BEFORE])
        sends = make_sends(shop, day, chance)
        touches = make_touches(sends, chance)
        orders = make_orders(shop, day, touches, chance)
        receipts = sends[sends["receipt"] != NONE]
        events = np.concatenate([late, receipts, touches, orders, make_rest(shop, day, chance)])
        is_later = events["at"] >= (day + 1) * DAY
        late = events[is_later]
        if day >= 0:
            yield events[~is_later]


def make_some(shop: Shop, share: float, day: int, chance: np.random.Generator) -> Base:
    """Make a day's events of some share, of profiles and at times by chance."""
    events = np.zeros(chance.poisson(shop.daily * share), BASE)
    count = len(events)
    is_test = chance.random(count) < OF_TESTS
    # of rank r there is as much as r to the power of 1 / SKEW - 1
    rank = 1 + ((shop.profiles - 1) * chance.random(count) ** SKEW).astype("u4")
    events["profile"] = np.where(is_test, 0, rank)
    events["at"] = day * DAY + chance.integers(DAY, size=count)
    events["receipt"] = events["message"] = events["sending"] = events["cents"] = NONE
    return round_tests(events)


def round_tests(events: Base) -> Base:
    """Let the test account's events come in rounds."""
    at = events["at"]
    events["at"] = np.where(events["profile"] == 0, at - at % ROUND, at)
    return events


def make_sends(shop: Shop, day: int, chance: np.random.Generator) -> Base:
    """Make what is sent on a day: a campaign of each channel, and flows. A receipt may be missing."""
    once = make_some(shop, SENDS / (1 + OF_BOTH), day, chance)
    of_once = chance.choice(len(CHANNELS), size=len(once), p=OF_CHANNEL)
    is_both = chance.random(len(once)) < OF_BOTH  # an SMS beside an e-mail is where the models differ
    sends = np.concatenate([once, once[is_both]])
    channel = np.concatenate([of_once, np.where(of_once[is_both] == 0, 1, 0)])
    count = len(sends)
    is_campaign = chance.random(count) < OF_CAMPAIGN
    flow = chance.integers(FLOWS // len(CHANNELS), size=count) * len(CHANNELS)
    hours = chance.integers(6, 20, size=len(CHANNELS))
    sent = day * DAY + hours[channel] * 3600 + chance.integers(1800, size=count)
    sends["at"] = np.where(is_campaign, sent, sends["at"])
    sends["metric"] = channel
    sends["message"] = np.where(is_campaign, FLOWS + (day + BEFORE) * len(CHANNELS), flow) + channel
    sends["sending"] = ((day + BEFORE) << 32) + np.arange(count)
    round_tests(sends)
    is_there = (chance.random(count) < RECEIVED) & (day >= 0)
    sends["receipt"] = np.where(is_there, sends["at"], NONE)
    return sends


def make_touches(sends: Base, chance: np.random.Generator) -> Base:
    """Make what people do with what they were sent; an opened e-mail may be clicked in the same second."""
    touches = np.repeat(sends, chance.poisson(FIRST_TOUCHES / SENDS, size=len(sends)))
    count = len(touches)
    touches["at"] += draw_delays(LATEST_TOUCH, count, chance)
    is_click = (touches["metric"] == 0) & (chance.random(count) < OF_CLICK)
    touches["metric"] = np.where(is_click, EMAIL_CLICK, OPEN_OR_CLICK + touches["metric"])
    round_tests(touches)
    opens = touches[touches["metric"] == OPEN_OR_CLICK]
    second = opens[chance.random(len(opens)) < SECOND_CLICKS / (FIRST_TOUCHES * OF_CHANNEL[0] * (1 - OF_CLICK))]
    second["metric"] = EMAIL_CLICK
    return np.concatenate([touches, second])


def make_orders(shop: Shop, day: int, touches: Base, chance: np.random.Generator) -> Base:
    """Make the orders that follow a touch, some in the same second, and those that nothing led to."""
    led = touches[chance.random(len(touches)) < LED_ORDERS / (FIRST_TOUCHES + SECOND_CLICKS)]
    led["at"] += np.where(chance.random(len(led)) < AT_ONCE, 0, draw_delays(LATEST_ORDER, len(led), chance))
    orders = np.concatenate([led, make_some(shop, OTHER_ORDERS, day, chance)])
    orders["receipt"] = orders["message"] = orders["sending"] = NONE
    orders["metric"] = ORDER
    orders["cents"] = 500 + chance.exponential(6000, size=len(orders)).astype("i4")
    return round_tests(orders)


def make_rest(shop: Shop, day: int, chance: np.random.Generator) -> Base:
    """Make what is neither about a message nor an order."""
    rest = make_some(shop, REST, day, chance)
    rest["metric"] = chance.choice(OTHERS, size=len(rest))
    return rest


def draw_delays(longest: int, count: int, chance: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Draw seconds from a minute to the longest, as many between one and ten as between ten and a hundred minutes."""
    return np.exp(chance.uniform(np.log(60), np.log(longest), size=count)).astype("i8")
