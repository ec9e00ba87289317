"""How exact a segment's past is: condition by condition, and why."""

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Final

import polars as pl

from klavnb.definitions import describe_condition, find_conditions
from klavnb.definitions.conditions import (
    Condition,
    ConsentCondition,
    Definition,
    FunnelCondition,
    GroupMembershipCondition,
    MetricCondition,
    PermissionCondition,
    PredictionCondition,
    PropertyCondition,
    RegionCondition,
    SegmentCondition,
)
from klavnb.errors import name_some
from klavnb.export import Export
from klavnb.metrics import RENAMED_METRICS
from klavnb.segments.consents import CONSENT_EVENTS
from klavnb.segments.groups import JOINING
from klavnb.segments.profiles import RECOMPUTED, locate_property

__all__ = ["HISTORIES", "describe_history"]

HISTORIES: Final = ("exact", "approximate", "current_only")
"""How well a condition's past is known: from events; from the latest change; not at all, the present stands for it."""

ORDERS: Final = "Placed Order"
CONSTANT: Final = ("id", "created")


def describe_history(definition: Definition, *, data: Export, definitions: Sequence[Definition] = ()) -> pl.DataFrame:
    """Say of each condition of a segment how exact its past is, and why.

    One row per condition, in the order they are written: `condition` (in words), `history` (exact, approximate,
    current_only) and `why`, a sentence. Another segment as a condition is as exact as its least exact condition.

    Parameters
    ----------
    data
        The export that the segment is evaluated on: what its events tell decides.
    definitions
        Others that the segment refers to, by name or, as a group, by id.

    Examples
    --------
    >>> from klavnb.definitions import single_order_at_least
    >>> from klavnb.store import read_export
    >>> describe_history(single_order_at_least(100, days=30), data=read_export("sample"))["history"].to_list()
    ['exact']
    """
    conditions = list(find_conditions(definition.root))
    names = data.summary.metric_names
    words = [describe_condition(condition, metric_names=names) for condition in conditions]
    judged = [_judge_in(condition, data, definitions) for condition in conditions]
    return pl.DataFrame(
        {
            "condition": pl.Series(words, dtype=pl.String),
            "history": pl.Series([history for history, _ in judged], dtype=pl.Enum(HISTORIES)),
            "why": pl.Series([why for _, why in judged], dtype=pl.String),
        }
    )


def _judge_in(condition: Condition, data: Export, definitions: Sequence[Definition]) -> tuple[str, str]:
    """Judge a condition; one on other segments by what these ask."""
    match condition:
        case SegmentCondition(segment=name):
            referred = [each for each in definitions if each.name == name]
        case GroupMembershipCondition(group_ids=groups):
            referred = [each for each in definitions if each.id in groups]
        case _:
            referred = []
    if not referred:
        return _judge(condition, data)
    inner = [part for each in referred for part in find_conditions(each.root)]
    histories = [_judge_in(part, data, definitions)[0] for part in inner]
    names = name_some([f"“{each.name}”" for each in referred])
    return max(histories, key=HISTORIES.index, default="exact"), f"It is as exact as the conditions of {names} are."


PRESENT: Final[Mapping[type, str]] = {PermissionCondition: "permission", RegionCondition: "location"}
"""Conditions on what an export has the present state of only."""


@singledispatch
def _judge(condition: Condition, _data: Export) -> tuple[str, str]:
    return "current_only", f"An export has the present {PRESENT[type(condition)]} only; it stands for every day."


@_judge.register
def _(condition: MetricCondition, data: Export) -> tuple[str, str]:
    return "exact", _tell_events([condition.metric], data)


@_judge.register
def _(condition: FunnelCondition, data: Export) -> tuple[str, str]:
    return "exact", _tell_events([step.metric for step in condition.steps], data)


@_judge.register
def _(condition: PredictionCondition, data: Export) -> tuple[str, str]:
    if condition.dimension in RECOMPUTED:
        return "exact", f"It is computed anew from the orders up to each moment. {_tell_events([ORDERS], data)}"
    if condition.measurement == "rank":
        return "current_only", "A profile's data do not tell this rank, so the condition is never true."
    return "current_only", "An export has Klaviyo's present figure only; it stands for every day."


@_judge.register
def _(condition: PropertyCondition, _data: Export) -> tuple[str, str]:
    if condition.property in CONSTANT:
        return "exact", "It never changes."
    column, _path = locate_property(condition.property)
    kind = "location" if column == "location" else "property"
    return "current_only", f"An export has the present value of this {kind} only; it stands for every day."


@_judge.register
def _(condition: GroupMembershipCondition, data: Export) -> tuple[str, str]:
    if _has(JOINING, data):
        return "approximate", "Events tell who joined and left a list; whoever did so without one counts as now."
    known = data.groups.select("group_id", "group_name").unique().collect()
    names = {*known["group_id"], *known["group_name"].drop_nulls()}
    absent = [group for group in condition.group_ids if group not in names]
    told = "Present members count from the day they joined; those who have left since are not known."
    return "approximate", f"{told} The export names no members of: {name_some(absent)}." if absent else told


@_judge.register
def _(condition: ConsentCondition, data: Export) -> tuple[str, str]:
    told = "Only the latest change of each profile is known"
    if any(_has(metric, data) for metric in CONSENT_EVENTS[condition.channel]):
        return "approximate", f"{told}, and the changes that events tell of."
    return "approximate", f"{told}; before it, nobody counts as subscribed."


@_judge.register
def _(condition: SegmentCondition, _data: Export) -> tuple[str, str]:
    return "approximate", f"It depends on “{condition.segment}”, whose definition is not at hand."


def _tell_events(metrics: list[str], data: Export) -> str:
    absent = [metric for metric in dict.fromkeys(metrics) if not _has(metric, data)]
    told = "Events tell when it was so, if the export holds all of them."
    return f"{told} It holds none of: {name_some(absent)}." if absent else told


def _has(metric: str, data: Export) -> bool:
    name = data.summary.metric_names.get(metric, metric)
    return RENAMED_METRICS.get(name, name) in data.summary.metrics
