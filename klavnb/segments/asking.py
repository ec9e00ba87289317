"""Definitions → what they ask of events: which metrics, which of their columns, which paths of their properties."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from klavnb.definitions import find_conditions
from klavnb.definitions.conditions import (
    Condition,
    ConsentCondition,
    Definition,
    FunnelCondition,
    GroupMembershipCondition,
    MetricCondition,
    PredictionCondition,
    PropertyFilter,
    SegmentCondition,
)
from klavnb.segments.consents import CONSENT_EVENTS
from klavnb.segments.groups import JOINING, LEAVING, NAMES
from klavnb.segments.matching import VALUE, list_paths, split_filters
from klavnb.segments.profiles import ORDERS, RECOMPUTED
from klavnb.segments.reading import EventQuestion

__all__ = ["find_referred", "list_questions"]


def find_referred(asked: Sequence[Definition], definitions: Sequence[Definition]) -> list[Definition]:
    """Find the definitions that matter: those asked for, and all that they refer to, by name or by id."""
    found: dict[str, Definition] = {}
    ahead = deque(asked)
    while ahead:
        each = ahead.popleft()
        if each.name in found:
            continue
        found[each.name] = each
        for condition in find_conditions(each.root):
            match condition:
                case SegmentCondition(segment=name):
                    ahead += [other for other in definitions if other.name == name]
                case GroupMembershipCondition(group_ids=groups):
                    ahead += [other for other in definitions if other.id in groups]
                case _:
                    pass
    return list(found.values())


def list_questions(definitions: Iterable[Definition]) -> Iterator[EventQuestion]:
    """List what definitions ask of events, condition by condition; one that comes again is listed again."""
    for definition in definitions:
        for condition in find_conditions(definition.root):
            yield from _list(condition)


def _list(condition: Condition) -> Iterator[EventQuestion]:
    match condition:
        case MetricCondition(metric=metric, metric_filters=filters, measurement=measurement):
            measured = None if measurement == "count" else condition.measured
            yield _ask(metric, filters, measured=measured, needs_id=measurement == "last")
        case FunnelCondition(steps=steps):
            yield from (_ask(step.metric, step.metric_filters) for step in steps)
        case PredictionCondition(dimension=dimension) if dimension in RECOMPUTED:
            yield EventQuestion(metric=ORDERS)
        case ConsentCondition(channel=channel):
            yield from (EventQuestion(metric=metric) for metric in CONSENT_EVENTS[channel])
        case GroupMembershipCondition():
            yield from (EventQuestion(metric=metric, paths=NAMES) for metric in (JOINING, LEAVING))
        case _:
            pass


def _ask(
    metric: str, filters: Sequence[PropertyFilter], *, measured: str | None = None, needs_id: bool = False
) -> EventQuestion:
    on_value, on_properties = split_filters(filters)
    inside = None if measured == VALUE else measured
    paths = list_paths(on_properties, measured=inside)
    return EventQuestion(metric=metric, on_value=tuple(on_value), paths=tuple(paths), needs_id=needs_id)
