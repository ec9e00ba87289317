"""Tiny builders: events by the day they happen on, frames by their contract, histories by chance.

`email_open(day=1)` is an event of one profile; keywords name any other column of `Event`. Its id says
what it is ("email open d1"), so that an expected frame reads as a sentence.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from typing import Any, TypeVar

import dataframely as dy
import hypothesis.strategies as st
import polars as pl
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from klavnb.receipts import add_receipts
from klavnb.schemas import Event, list_types
from klavnb.settings import Settings

Row = Mapping[str, Any]

START = datetime(2022, 3, 1, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

ANNOUNCED = Settings.preset("2022")
"""Klaviyo's windows at the announcement: email 5 days, SMS and push 1 day, all from the receipt."""
FROM_TOUCH = replace(ANNOUNCED, anchor="touched")


def at(day: float) -> datetime:
    return START + timedelta(days=day)


def event(name: str, metric: str, /, *, day: float = 0, profile_id: str = "ann", **columns: object) -> Row:
    """One event; `name` and `day` make its id unless `event_id` is given."""
    unknown = set(columns) - set(Event.column_names())
    assert not unknown, f"Event has no column {unknown}"
    return {
        **dict.fromkeys(Event.column_names()),
        "event_id": f"{name} d{day:g}",
        "profile_id": profile_id,
        "metric": metric,
        "occurred_at": at(day),
        **columns,
    }


received_email = partial(event, "email received", "Received Email", message_id="an email")
email_open = partial(event, "email open", "Opened Email", message_id="an email")
email_click = partial(event, "email click", "Clicked Email", message_id="an email")
received_sms = partial(event, "sms received", "Received SMS", message_id="an sms")
sms_click = partial(event, "sms click", "Clicked SMS", message_id="an sms")
sms_open = partial(event, "sms open", "Opened Text", message_id="an sms")
sms_from_customer = partial(event, "sms from customer", "Sent SMS", message_id="an sms")
received_push = partial(event, "push received", "Received Push", message_id="a push")
push_open = partial(event, "push open", "Opened Push", message_id="a push")
visit = partial(event, "visit", "Active on Site")


def order(*, day: float = 0, value: float | None = 100.0, **columns: object) -> Row:
    return event("order", "Placed Order", **{"day": day, "value": value, "currency": "EUR", **columns})


def refund(*, day: float = 0, value: float | None = None, **columns: object) -> Row:
    return event("refund", "Refunded Order", **{"day": day, "value": value, "currency": "EUR", **columns})


def cancel(*, day: float = 0, value: float | None = None, **columns: object) -> Row:
    return event("cancel", "Cancelled Order", **{"day": day, "value": value, "currency": "EUR", **columns})


S = TypeVar("S", bound=dy.Schema)


def frame(schema: type[dy.Schema], rows: Iterable[Row]) -> pl.DataFrame:
    """Rows as a frame of the contract's columns and types, unchecked."""
    return pl.DataFrame(list(rows), schema=list_types(schema))


def lazy(schema: type[S], rows: Iterable[Row]) -> dy.LazyFrame[S]:
    """Rows as a lazy frame that keeps its keys and has all it must have: what `validate` takes 20 ms for."""
    made = frame(schema, rows)
    assert made.n_unique(schema.primary_key()) == made.height
    assert not any(made[name].null_count() for name, column in schema.columns().items() if not column.nullable)
    return schema.cast(made).lazy()


def events(*rows: Row, settings: Settings = ANNOUNCED) -> dy.LazyFrame[Event]:
    """Events as a load with these settings gives them: each touch with its receipt."""
    return Event.cast(add_receipts(lazy(Event, rows), roles=settings.roles).collect()).lazy()


# What follows makes histories by chance, for comparison with the oracle: whole seconds from a small
# range, so that ties are common, and few messages and sendings, so that receipts are found and missed.

LAST_SECOND = 12
CURRENCIES = (None, "EUR", "USD")
PROFILES = 24

TEMPLATES = [
    {
        "metric": metric,
        "message_id": message_id,
        "transmission_id": transmission_id,
        "sent_at": sent,
        "handed_off_at": handed_off,
        "is_machine_open": machine,
        "is_bot_click": bot,
    }
    for metric, message_id, transmission_id, sent, handed_off, machine, bot in product(
        (
            "Opened Email",
            "Clicked SMS",
            "Received Email",
            "Received SMS",
            "Clicked Email",
            "Clicked SMS",
            "Opened Push",
            "Received Email",
            "Opened Text",
            "Received SMS",
            "Active on Site",
            "Received Push",
            "Opened Email",
            "Sent SMS",
            "Unsubscribed",
        ),
        ("m1", "m2", "m1", "m2", "m1", None),
        (None, "t1", "t2"),
        (None, None, None, 2, 9),
        (None, None, 4),
        (None, None, False, True),
        (None, None, False, True),
    )
]
ORDER_TEMPLATES = [
    {"metric": metric, "value": value, "order_id": order_id, "currency": currency}
    for metric, value, order_id, currency in product(
        ("Placed Order", "Placed Order", "Placed Order", "Refunded Order", "Cancelled Order"),
        (100.0, 0.0, 33.4, None),
        (None, "o1", "o2"),
        CURRENCIES,
    )
]
USUALLY_ON = ("email.open", "email.click", "sms.click", "sms.open", "push.open", "session.session")
USUALLY_OFF = ("sms.delivery", "email.delivery")


def _second(number: int) -> datetime:
    return START + number * SECOND


def _dated(second: int, template: Row) -> Row:
    sent, handed_off = template.get("sent_at"), template.get("handed_off_at")
    return {
        **dict.fromkeys(Event.column_names()),
        **template,
        "occurred_at": _second(second),
        "sent_at": None if sent is None else _second(sent),
        "handed_off_at": None if handed_off is None else _second(handed_off),
    }


def _dated_between(earliest: int, latest: int, templates: Sequence[Row]) -> st.SearchStrategy[Row]:
    # `sampled_from` would look at each of the many templates before the first case
    template = st.integers(0, len(templates) - 1).map(templates.__getitem__)
    return st.builds(_dated, st.integers(earliest, latest), template)


def _join(batch: list[tuple[list[Row], list[Row]]]) -> list[Row]:
    """Give every history a profile of its own, and every event an id whose text order is not the row order."""
    rows = [
        {**row, "profile_id": f"p{number}"}
        for number, (interactions, orders) in enumerate(batch)
        for row in interactions + orders
    ]
    return [{**row, "event_id": f"e{number * 7919 % 1009}"} for number, row in enumerate(rows)]


def batches(profiles: int = PROFILES) -> st.SearchStrategy[list[Row]]:
    """The events of several profiles, none of whom knows of the others though their messages are the same."""
    history = st.tuples(
        st.lists(_dated_between(0, LAST_SECOND, TEMPLATES), min_size=2, max_size=12),
        st.lists(_dated_between(3, LAST_SECOND + 3, ORDER_TEMPLATES), min_size=1, max_size=4),
    )
    return st.lists(history, min_size=profiles, max_size=profiles).map(_join)


def _switch_on(kinds: Mapping[str, timedelta | None]) -> dict[str, timedelta]:
    return {name: window for name, window in kinds.items() if window is not None} or {"email.open": SECOND}


windows = st.fixed_dictionaries(
    {name: st.sampled_from([1, 10, 2, 10, 5, None]) for name in USUALLY_ON}
    | {name: st.sampled_from([None, None, 1, 3]) for name in USUALLY_OFF}
).map(lambda kinds: _switch_on({name: number and number * SECOND for name, number in kinds.items()}))

any_settings = st.builds(
    Settings,
    windows=windows,
    anchor=st.sampled_from(["received", "touched"]),
    exclude_machine_opens=st.booleans(),
    exclude_bot_clicks=st.booleans(),
    excluded_messages=st.sampled_from([(), (), ("m2",)]),
    net_of_refunds=st.booleans(),
)

MORE = int(os.environ.get("KLAVNB_MORE_EXAMPLES", "1"))
"""How many times as many cases as usual are tried."""

by_chance = hypothesis_settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=7 * MORE,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""The same cases in every run: few, as each holds many histories, and in their own time."""

thoroughly = hypothesis_settings(by_chance, max_examples=10 * MORE)
"""For the comparisons with the oracle."""
briefly = hypothesis_settings(by_chance, max_examples=4 * MORE)
"""For what follows from another comparison, and takes long."""


def chance_events(rows: Iterable[Row]) -> dy.LazyFrame[Event]:
    return Event.cast(add_receipts(frame(Event, rows).lazy(), roles=ANNOUNCED.roles))
