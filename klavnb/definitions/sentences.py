"""Definitions in words: one sentence that someone who has never seen the JSON understands."""

import re
from collections.abc import Iterable, Mapping
from functools import singledispatch
from types import MappingProxyType
from typing import Final

from klavnb.definitions.conditions import (
    Condition,
    ConsentCondition,
    ConsentFilter,
    Definition,
    FunnelCondition,
    FunnelStep,
    Group,
    GroupMembershipCondition,
    MetricCondition,
    NumericFilter,
    PermissionCondition,
    PredictionCondition,
    PropertyCondition,
    PropertyFilter,
    RegionCondition,
    SegmentCondition,
)
from klavnb.definitions.phrases import compare, predicate, quote, quote_some, timeframe

__all__ = ["describe_condition", "describe_definition"]

NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})
EACH: Final = "[*]"
HOURS_A_DAY: Final = 24
OWN_PROPERTY: Final = re.compile(r"""(?P<of>location|properties)\[(?P<quote>['"])(?P<name>.+)(?P=quote)\]""", re.DOTALL)
NEVER: Final = NumericFilter(operator="equals", value=0)

MEASURED: Final[Mapping[str, str]] = {
    "sum": "a total",
    "max": "a highest",
    "min": "a lowest",
    "average": "an average",
    "last": "a latest",
}
DETAILS: Final[Mapping[str, str]] = {"is_double_opt_in": "double opt-in", "is_rcs_capable": "RCS capability"}
WHATSAPP: Final[Mapping[str, str]] = {
    "whatsapp_marketing": "WhatsApp marketing",
    "whatsapp_transactional": "WhatsApp transactional messages",
}
REGIONS: Final[Mapping[str, str]] = {"european_union": "the European Union", "united_states": "the United States"}
CHANNELS: Final[Mapping[str, str]] = {"email": "email", "sms": "SMS", "push": "push", "whatsapp": "WhatsApp"}


def describe_definition(definition: Definition, *, metric_names: Mapping[str, str] = NO_NAMES) -> str:
    """Say in a sentence whom a segment holds; brackets show what belongs together.

    The text is as the definition has it: what shows it has to escape it.

    Parameters
    ----------
    definition
        Any; of a list of more than five values, the first five are named.
    metric_names
        The names of metrics by their ids; a metric that is not there is called as the definition does.

    Examples
    --------
    >>> region = RegionCondition(in_region=True, region="european_union")
    >>> lapsed = SegmentCondition(segment="Lapsed", is_member=False)
    >>> describe_definition(Definition(name="Europe", root=Group(match="all", parts=(region, lapsed))))
    'Is in the European Union and is not in the segment “Lapsed”.'
    """
    sentence, _ = _describe_group(definition.root, metric_names)
    return f"{sentence[0].upper()}{sentence[1:]}."


def describe_condition(condition: Condition, *, metric_names: Mapping[str, str] = NO_NAMES) -> str:
    """Say in words what one condition asks; see `describe_definition`.

    Examples
    --------
    >>> describe_condition(RegionCondition(in_region=False, region="united_states"))
    'is not in the United States'
    """
    return _tell(condition, metric_names)


def _describe_group(group: Group, names: Mapping[str, str]) -> tuple[str, bool]:
    """What a group asks, and whether it needs brackets beside others."""
    told = [
        _describe_group(part, names) if isinstance(part, Group) else (_tell(part, names), _needs_brackets(part))
        for part in group.parts
    ]
    if len(told) == 1:
        joined, is_joined = told[0]
    else:
        word = " and " if group.match == "all" else " or "
        joined, is_joined = word.join(f"({text})" if brackets else text for text, brackets in told), True
    return (f"not ({joined})", False) if group.match == "none" else (joined, is_joined)


def _needs_brackets(condition: Condition) -> bool:
    """Tell whether words of a condition could be taken for those of the next one."""
    return isinstance(condition, FunnelCondition) or (
        isinstance(condition, MetricCondition) and bool(condition.metric_filters)
    )


@singledispatch
def _tell(condition: Condition, _names: Mapping[str, str]) -> str:
    """What a condition asks, with the names of metrics."""
    raise TypeError(f"{type(condition).__name__} is no condition.")


@_tell.register
def _(condition: MetricCondition, names: Mapping[str, str]) -> str:
    asked = condition.measurement_filter
    if condition.measurement != "count":
        amount = f"with {MEASURED[condition.measurement]} {_name_measured(condition.measured)} "
        amount += f"of {compare(asked.operator, asked.value)}"
    elif asked == NEVER:
        amount = "zero times"
    else:
        amount = compare(asked.operator, asked.value, "time")
    where = _describe_filters(condition.metric_filters)
    metric = names.get(condition.metric, condition.metric)
    return f"{metric} {amount} {timeframe(condition.timeframe)}{f' where {where}' if where else ''}"


@_tell.register
def _(condition: FunnelCondition, names: Mapping[str, str]) -> str:
    steps = ", then ".join(_describe_step(step, names) for step in condition.steps)
    hours = condition.completion_window_hours
    within = "" if hours is None else f", all within {_write_hours(hours)}"
    return f"{steps}{within}, {timeframe(condition.timeframe)}"


def _describe_step(step: FunnelStep, names: Mapping[str, str]) -> str:
    where = _describe_filters(step.metric_filters)
    metric = names.get(step.metric, step.metric)
    return f"{'' if step.metric_exists else 'no '}{metric}{f' (where {where})' if where else ''}"


def _describe_filters(filters: Iterable[PropertyFilter]) -> str:
    """What is asked of an event; what is asked of one and the same item stands together, where it is first asked."""
    told: dict[str, list[str]] = {}
    for number, each in enumerate(filters):
        items, mark, rest = each.path.partition(EACH)
        if items and mark:
            subject = f"whose {rest.removeprefix('.')}" if rest else "that"
            told.setdefault(f"{items} has an item ", []).append(f"{subject} {predicate(each.filter)}")
        else:
            told[str(number)] = [f"{each.path} {predicate(each.filter)}"]
    return " and ".join(f"{start if start.endswith(' ') else ''}{' and '.join(asked)}" for start, asked in told.items())


def _name_measured(path: str) -> str:
    """What is measured, in words: the property, or that of the items in a list."""
    items, mark, rest = path.partition(EACH)
    return f"{rest.removeprefix('.')} in {items}" if items and mark and rest else path


@_tell.register
def _(condition: GroupMembershipCondition, _names: Mapping[str, str]) -> str:
    if len(condition.group_ids) == 1:
        of = f"{'in' if condition.is_member else 'not in'} the list or segment {quote(condition.group_ids[0])}"
    else:
        some = "in any" if condition.is_member else "in none"
        of = f"{some} of the lists or segments {quote_some(condition.group_ids)}"
    joined = "" if condition.timeframe is None else f" (joined {timeframe(condition.timeframe)})"
    return f"is {of}{joined}"


@_tell.register
def _(condition: ConsentCondition, _names: Mapping[str, str]) -> str:
    can = "can" if condition.can_receive_marketing else "cannot"
    details = [_describe_detail(each) for each in condition.filters]
    if condition.subscription != "any":
        details.insert(0, _space(condition.subscription))
    return f"{can} receive {CHANNELS[condition.channel]} marketing{_bracket(details)}"


@_tell.register
def _(condition: PermissionCondition, _names: Mapping[str, str]) -> str:
    details = [_describe_detail(each) for each in condition.filters]
    return f"is {_space(condition.reachable_status)} by {WHATSAPP[condition.channel]}{_bracket(details)}"


@_tell.register
def _(condition: PropertyCondition, _names: Mapping[str, str]) -> str:
    return f"{_name_property(condition.property)} {predicate(condition.filter)}"


@_tell.register
def _(condition: RegionCondition, _names: Mapping[str, str]) -> str:
    return f"is {'' if condition.in_region else 'not '}in {REGIONS[condition.region]}"


@_tell.register
def _(condition: SegmentCondition, _names: Mapping[str, str]) -> str:
    return f"is {'' if condition.is_member else 'not '}in the segment {quote(condition.segment)}"


def _describe_detail(each: ConsentFilter) -> str:
    if each.method is None:
        asked = "is set" if each.filter is None else predicate(each.filter)
        return f"{DETAILS.get(each.field, _space(each.field))} {asked}"
    narrowed = "" if each.filter is None else f", which {predicate(each.filter)}"
    return f"{_space(each.field)} is {_space(each.method)}{narrowed}"


@_tell.register
def _(condition: PredictionCondition, _names: Mapping[str, str]) -> str:
    asked = predicate(condition.filter)
    if condition.predicted_channel is None:
        return f"{_space(condition.dimension).replace('clv', 'CLV')} {_space(asked)}"
    channel = CHANNELS[condition.predicted_channel]
    if condition.measurement == "priority":
        return f"the place of {channel} among the preferred channels {asked}"
    return f"affinity for {channel} {asked}"


def _name_property(name: str) -> str:
    """A property as Klaviyo's pages call it; one of the shop's own between quotes."""
    own = OWN_PROPERTY.fullmatch(name)
    if own is None:
        return _space(name)
    return f"property {quote(own['name'])}" if own["of"] == "properties" else f"location {_space(own['name'])}"


def _bracket(details: list[str]) -> str:
    return f" ({'; '.join(details)})" if details else ""


def _space(name: str) -> str:
    return name.replace("_", " ")


def _write_hours(hours: int) -> str:
    return f"{hours // HOURS_A_DAY} day{'' if hours == HOURS_A_DAY else 's'}" if hours >= HOURS_A_DAY else "1 hour"
