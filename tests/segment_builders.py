"""Small accounts for the tests of segments: an export as if it had just been loaded."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from builders import Row, lazy

from klavnb.definitions.conditions import Condition, DateFilter, Definition, Group, MetricCondition, NumericFilter
from klavnb.export import Export
from klavnb.schemas import Event, GroupMember, Message, Profile, Reject
from klavnb.segments import UTC_CALENDAR, Calendar, find_memberships
from klavnb.summary import LoadSummary

NAMES = {"PLCORD": "Placed Order", "VIEWED": "Viewed Product"}


def account(events: Sequence[Row], profiles: Sequence[Row] = (), groups: Sequence[Row] = ()) -> Export:
    metrics = [event["metric"] for event in events]
    summary = LoadSummary(
        sources=(),
        rows_in=len(events),
        rows_kept=len(events),
        rejected={},
        count_profiles=len(profiles),
        count_messages=0,
        first_event_at=None,
        last_event_at=None,
        metrics={metric: metrics.count(metric) for metric in metrics},
        notes=(),
        fingerprint="",
        metric_names=NAMES,
    )
    return Export(
        lazy(Event, events),
        lazy(Profile, profiles),
        Message.create_empty().lazy(),
        lazy(GroupMember, groups),
        Reject.create_empty().lazy(),
        summary,
    )


def utc(text: str) -> datetime:
    """A moment of UTC: `2026-03-01`, or `2026-03-01 12:00:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def happened(
    time: str | datetime,
    metric: str = "Placed Order",
    *,
    who: str = "ann",
    value: float | None = None,
    event_id: str | None = None,
    **properties: object,
) -> Row:
    """One event; its properties by keyword."""
    at = utc(time) if isinstance(time, str) else time
    return {
        **dict.fromkeys(Event.column_names()),
        "event_id": event_id or f"{who} {metric} {at:%Y%m%d%H%M%S%f}",
        "profile_id": who,
        "metric": metric,
        "occurred_at": at,
        "value": value,
        "properties": json.dumps(properties) if properties else None,
    }


def person(who: str = "ann", **columns: object) -> Row:
    """One profile; JSON columns as the objects that they are written from."""
    unknown = set(columns) - set(Profile.column_names())
    assert not unknown, f"Profile has no column {unknown}"
    written = {name: json.dumps(value) if isinstance(value, Mapping) else value for name, value in columns.items()}
    return {**dict.fromkeys(Profile.column_names()), "profile_id": who, **written}


def asks(
    *conditions: Condition | Group, match: str = "all", name: str = "segment", key: str | None = None
) -> Definition:
    return Definition(name=name, id=key, root=Group(match=match, parts=conditions))


def count(operator: str = "greater-than-or-equal", value: float = 1, **fields: Any) -> MetricCondition:  # noqa: ANN401 - any field of a condition
    return measure("count", operator, value, **fields)


def measure(measurement: str, operator: str, value: float, **fields: Any) -> MetricCondition:  # noqa: ANN401 - as above
    defaults = {"metric": "Placed Order", "timeframe": DateFilter(operator="alltime")}
    return MetricCondition(
        **{
            **defaults,
            "measurement": measurement,
            "measurement_filter": NumericFilter(operator=operator, value=value),
            **fields,
        }
    )


def members(
    definition: Definition | Condition,
    data: Export,
    as_of: str | datetime,
    *,
    calendar: Calendar = UTC_CALENDAR,
    others: Sequence[Definition] = (),
) -> list[str]:
    """Who is in a segment at a moment, from its stays."""
    asked = definition if isinstance(definition, Definition) else asks(definition)
    moment = utc(as_of) if isinstance(as_of, str) else as_of
    stays = find_memberships(data, [asked, *others], calendar=calendar).collect()
    return [
        who
        for segment, who, since, until in stays.iter_rows()
        if segment == asked.name and since <= moment and (until is None or moment < until)
    ]


def stays_of(
    definition: Definition | Condition, data: Export, *, calendar: Calendar = UTC_CALENDAR
) -> list[tuple[str, ...]]:
    """The stays in a segment: who, from when, until when, to the microsecond where it matters."""
    asked = definition if isinstance(definition, Definition) else asks(definition)
    found = find_memberships(data, [asked], calendar=calendar).collect().drop("segment")
    return [(who, show(since), show(until)) for who, since, until in found.iter_rows()]


def show(time: datetime | None) -> str:
    if time is None:
        return "now"
    plain = time.replace(tzinfo=None)
    return f"{plain:%Y-%m-%d}" if plain.time() == datetime.min.time() else str(plain)


SECOND = timedelta(seconds=1)
