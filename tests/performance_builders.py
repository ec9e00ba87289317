"""Exports of messages by hand and by chance: campaigns, flows with variations, and what can become of them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial

import dataframely as dy
import hypothesis.strategies as st
import polars as pl
from builders import ANNOUNCED, DAY, START, Row, event, frame

from klavnb.comparison import compare_models
from klavnb.export import Export
from klavnb.performance import MessageStudy, study_messages
from klavnb.receipts import add_receipts
from klavnb.schemas import Event, GroupMember, Message, Profile, Reject, list_types
from klavnb.segments import UTC_CALENDAR, Calendar
from klavnb.settings import Settings
from klavnb.summary import LoadSummary

SPRING = {"message_id": "spring", "message_type": "campaign", "campaign_id": "c1"}
WELCOME = {"message_id": "welcome", "message_type": "flow", "flow_id": "f1", "flow_message_id": "welcome"}
LATER = {**WELCOME, "message_id": "later", "flow_message_id": "later"}
STRAY = {"message_id": "stray"}

MESSAGES = (
    {"message_id": "spring", "message_type": "campaign", "campaign_id": "c1", "campaign_name": "Spring"},
    {"message_id": "welcome", "message_type": "flow", "flow_id": "f1", "flow_name": "Welcome", "name": "Hello"},
    {"message_id": "later", "message_type": "flow", "flow_id": "f1", "flow_name": "Welcome", "name": "How is it"},
)

bounce = partial(event, "bounce", "Bounced Email")
drop = partial(event, "drop", "Dropped Email")
spam = partial(event, "spam", "Marked Email as Spam")
unsubscribe = partial(event, "unsubscribe", "Unsubscribed")
failure = partial(event, "failure", "Failed to Deliver SMS")
opt_out = partial(event, "opt-out", "Unsubscribed from SMS Marketing")


def number(rows: Iterable[Row]) -> list[Row]:
    """Give every event an id of its own."""
    return [{**row, "event_id": f"e{place * 7919 % 100_003}"} for place, row in enumerate(rows)]


def make_export(rows: Iterable[Row], *, messages: Iterable[Row] = MESSAGES, settings: Settings = ANNOUNCED) -> Export:
    given = frame(Event, rows)
    events: dy.LazyFrame[Event] = Event.cast(add_receipts(given.lazy(), roles=settings.roles).collect().lazy())
    named = pl.DataFrame(list(messages), schema=list_types(Message), strict=False)
    first, last = given.select(first=pl.col("occurred_at").min(), last=pl.col("occurred_at").max()).row(0)
    summary = LoadSummary(
        sources=("made by hand",),
        rows_in=given.height,
        rows_kept=given.height,
        rejected={},
        count_profiles=0,
        count_messages=named.height,
        first_event_at=first,
        last_event_at=last,
        metrics=dict(given.group_by("metric").len().iter_rows()),
        notes=(),
        fingerprint="0" * 12,
    )
    return Export(
        events=events,
        profiles=Profile.create_empty(lazy=True),
        messages=Message.cast(named.lazy()),
        groups=GroupMember.create_empty().lazy(),
        rejects=Reject.create_empty(lazy=True),
        summary=summary,
    )


def study(
    *rows: Row,
    settings: Settings = ANNOUNCED,
    messages: Iterable[Row] = MESSAGES,
    calendar: Calendar = UTC_CALENDAR,
    outcomes: Mapping[str, str] | None = None,
    days: int = 0,
    **options: str,
) -> MessageStudy:
    export = make_export(number(rows), messages=messages, settings=settings)
    comparison = compare_models(export, settings=settings)
    return study_messages(export, comparison, calendar=calendar, outcomes=outcomes, days=days, **options)


# What follows makes histories by chance: few people and messages over ten days, in steps of six hours, so
# that midnights of both time zones lie between them.

METRICS = (
    "Received Email",
    "Received Email",
    "Opened Email",
    "Opened Email",
    "Clicked Email",
    "Bounced Email",
    "Dropped Email",
    "Marked Email as Spam",
    "Unsubscribed",
    "Received SMS",
    "Clicked SMS",
    "Failed to Deliver SMS",
    "Unsubscribed from SMS Marketing",
    "Received Push",
    "Opened Push",
    "Active on Site",
)
PLACES = (SPRING, SPRING, WELCOME, WELCOME, LATER, STRAY, {"message_id": None})
STEPS = 40
QUARTER = timedelta(hours=6)

WITH_VISITS = replace(
    ANNOUNCED.with_windows({"session.session": DAY, "sms.delivery": timedelta(hours=12)}), exclude_bot_clicks=True
)


def _happen(
    metric: str, place: Row, profile: str, step: int, *, variation: str | None, sent: int | None, machine: bool | None
) -> Row:
    at = START + step * QUARTER
    return {
        **event("", metric, profile_id=profile),
        **(place if metric != "Active on Site" else {}),
        "variation_id": variation if place.get("message_type") == "flow" and metric != "Active on Site" else None,
        "occurred_at": at,
        "sent_at": None if sent is None else at - sent * QUARTER,
        "is_machine_open": machine if metric == "Opened Email" else None,
        "is_bot_click": machine if metric.startswith("Clicked") else None,
    }


def _order(profile: str, step: int, value: float) -> Row:
    return {
        **event("", "Placed Order", profile_id=profile, value=value, currency="EUR"),
        "occurred_at": START + step * QUARTER,
    }


_people = st.sampled_from([f"p{place}" for place in range(6)])
_steps = st.integers(0, STEPS)

histories = st.tuples(
    st.lists(
        st.builds(
            _happen,
            st.sampled_from(METRICS),
            st.sampled_from(PLACES),
            _people,
            _steps,
            variation=st.sampled_from([None, "v1", "v2"]),
            sent=st.sampled_from([None, None, 0, 1, 5]),
            machine=st.sampled_from([None, None, False, True]),
        ),
        min_size=60,
        max_size=120,
    ),
    st.lists(st.builds(_order, _people, _steps, st.sampled_from([10.0, 25.5, 0.0])), min_size=5, max_size=15),
).map(lambda both: number([*both[0], *both[1]]))
"""The events of one account, with orders."""
