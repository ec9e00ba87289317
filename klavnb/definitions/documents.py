"""Typed conditions → the JSON of Klaviyo's segment definitions, and of our additions to them."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import singledispatch
from typing import Any, Final, TypeAlias

from klavnb.definitions.conditions import (
    BooleanFilter,
    Condition,
    ConsentCondition,
    ConsentFilter,
    DateFilter,
    Definition,
    ExistenceFilter,
    Filter,
    FunnelCondition,
    Group,
    GroupMembershipCondition,
    ListFilter,
    MetricCondition,
    NumericFilter,
    PermissionCondition,
    PredictionCondition,
    PropertyCondition,
    PropertyFilter,
    RegionCondition,
    SegmentCondition,
    TextFilter,
)
from klavnb.definitions.consents import CONSENTS, REACHABLE
from klavnb.definitions.filters import MANY_TEXTS, SETS
from klavnb.definitions.on_events import COMPLETION_HOURS, VALUE

__all__ = ["to_document"]

Document: TypeAlias = dict[str, Any]
Part: TypeAlias = Condition | Group | Filter | PropertyFilter | ConsentFilter

COMPLETION_NAMES: Final[Mapping[int, str]] = {hours: name for name, hours in COMPLETION_HOURS.items()}


def to_document(definition: Definition) -> Document:
    """Write a definition as `{"name": …, "definition": …}`, which reads back as the same definition.

    Where nothing of ours is used, the value of `definition` is what Klaviyo's API takes. A root of another shape
    than a definition that was read, `all` of groups that are each `any` of their parts, and a last group `none`,
    is written as a group of one part; what is read back then asks the same.

    Examples
    --------
    >>> europe = RegionCondition(in_region=True, region="european_union")
    >>> to_document(Definition(name="Europe", root=Group(match="any", parts=(europe,))))["definition"]
    {'condition_groups': [{'conditions': [{'type': 'klavnb-group', 'match': 'any',
     'conditions': [{'type': 'profile-region', 'in_region': True, 'region': 'european_union'}]}]}]}
    """
    named: Document = {"name": definition.name, "definition": _write_root(definition.root)}
    return named if definition.id is None else {"id": definition.id, **named}


def _write_root(root: Group) -> Document:
    """The groups that all hold, and the exclusions."""
    groups = [part for part in root.parts if isinstance(part, Group)]
    excluded = groups.pop() if groups and groups[-1].match == "none" else None
    if (
        root.match != "all"
        or len(groups) + bool(excluded) != len(root.parts)
        or {group.match for group in groups} != {"any"}
    ):
        return {"condition_groups": [{"conditions": [_write(root)]}]}
    document: Document = {"condition_groups": [{"conditions": _write_all(group.parts)} for group in groups]}
    return document if excluded is None else {**document, "exclusions": _write_all(excluded.parts)}


def _write_all(parts: Sequence[Part]) -> list[Document]:
    return [_write(part) for part in parts]


@singledispatch
def _write(part: Part) -> Document:
    raise TypeError(f"{type(part).__name__} is no part of a definition.")


@_write.register
def _(part: Group) -> Document:
    return {"type": "klavnb-group", "match": part.match, "conditions": _write_all(part.parts)}


@_write.register
def _(part: SegmentCondition) -> Document:
    return {"type": "klavnb-segment", "segment": part.segment, "is_member": part.is_member}


@_write.register
def _(part: MetricCondition) -> Document:
    return {
        "type": "profile-metric",
        "metric_id": part.metric,
        "measurement": part.measurement,
        **({"measured": part.measured} if part.measured != VALUE else {}),
        "measurement_filter": _write(part.measurement_filter),
        "timeframe_filter": _write(part.timeframe),
        **_write_filters(part.metric_filters, "metric_filters"),
    }


@_write.register
def _(part: FunnelCondition) -> Document:
    window = part.completion_window_hours
    steps = [
        {
            "metric_exists": step.metric_exists,
            "metric_id": step.metric,
            **_write_filters(step.metric_filters, "metric_filters"),
        }
        for step in part.steps
    ]
    return {
        "type": "profile-metric-funnel",
        "timeframe_filter": _write(part.timeframe),
        **({} if window is None else {"completion_window_seconds": COMPLETION_NAMES[window]}),
        "steps": steps,
    }


@_write.register
def _(part: PropertyCondition) -> Document:
    return {"type": "profile-property", "property": part.property, "filter": _write(part.filter)}


@_write.register
def _(part: GroupMembershipCondition) -> Document:
    return {
        "type": "profile-group-membership",
        "is_member": part.is_member,
        "group_ids": list(part.group_ids),
        **({} if part.timeframe is None else {"timeframe_filter": _write(part.timeframe)}),
    }


@_write.register
def _(part: ConsentCondition) -> Document:
    required = CONSENTS[part.channel, part.can_receive_marketing, part.subscription].required
    return {
        "type": "profile-marketing-consent",
        "consent": {
            "channel": part.channel,
            "can_receive_marketing": part.can_receive_marketing,
            "consent_status": {
                "subscription": part.subscription,
                **_write_filters(part.filters, "filters", required=required),
            },
        },
    }


@_write.register
def _(part: PermissionCondition) -> Document:
    required = REACHABLE[part.reachable_status] is not None
    return {
        "type": "profile-permissions",
        "channel": part.channel,
        "permission": {
            "reachable_status": part.reachable_status,
            **_write_filters(part.filters, "filters", required=required),
        },
    }


@_write.register
def _(part: RegionCondition) -> Document:
    return {"type": "profile-region", "in_region": part.in_region, "region": part.region}


@_write.register
def _(part: PredictionCondition) -> Document:
    affinity = {"measurement": part.measurement, "predicted_channel": part.predicted_channel}
    return {
        "type": "profile-predictive-analytics",
        "dimension": part.dimension,
        **({} if part.measurement is None else affinity),
        "filter": _write(part.filter),
    }


@_write.register
def _(part: PropertyFilter) -> Document:
    return {"property": part.path, "filter": _write(part.filter)}


@_write.register
def _(part: ConsentFilter) -> Document:
    return {
        "field": part.field,
        **({} if part.method is None else {"method": part.method}),
        **({} if part.filter is None else {"filter": _write(part.filter)}),
    }


@_write.register
def _(part: NumericFilter) -> Document:
    value = int(part.value) if float(part.value).is_integer() else part.value
    return {"type": "numeric", "operator": part.operator, "value": value}


@_write.register
def _(part: TextFilter) -> Document:
    many = part.operator in MANY_TEXTS
    return {"type": "string", "operator": part.operator, "value": list(part.values) if many else part.values[0]}


@_write.register
def _(part: ListFilter) -> Document:
    many = part.operator in SETS
    return {"type": "list", "operator": part.operator, "value": list(part.values) if many else part.values[0]}


@_write.register
def _(part: BooleanFilter) -> Document:
    return {"type": "boolean", "operator": "equals", "value": part.value}


@_write.register
def _(part: ExistenceFilter) -> Document:
    return {"type": "existence", "operator": "is-set" if part.is_set else "not-set"}


@_write.register
def _(part: DateFilter) -> Document:
    operator = part.operator
    document: Document = {"type": "date", "operator": operator}
    match operator:
        case "before" | "after":
            document |= {"date": _midnight(part.start_on)}
        case "between-static":
            document |= {"start": _midnight(part.start_on), "end": _midnight(part.end_on)}
        case "between":
            document |= {"start": part.nearest, "end": part.farthest, "unit": part.unit}
        case "in-the-last" | "at-least" | "in-the-next" | "anniversary-last" | "anniversary-next":
            document |= {"unit": part.unit, "quantity": part.quantity}
        case "calendar-month":
            document |= {"value": part.month}
    return document


def _write_filters(parts: Sequence[Part], field: str, *, required: bool = False) -> Document:
    """A field of filters; left out where there is none, unless it has to be there."""
    return {field: _write_all(parts)} if parts or required else {}


def _midnight(day: date | None) -> str:
    return f"{day}T00:00:00+00:00"
