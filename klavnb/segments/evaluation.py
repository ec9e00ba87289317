"""Definitions → spans of time, by profile: each condition by its own module, groups by combining."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from klavnb.definitions import check_names
from klavnb.definitions.conditions import (
    Condition,
    ConsentCondition,
    Definition,
    FunnelCondition,
    Group,
    GroupMembershipCondition,
    MetricCondition,
    PermissionCondition,
    PredictionCondition,
    PropertyCondition,
    RegionCondition,
    SegmentCondition,
)
from klavnb.errors import DefinitionError
from klavnb.segments.account import Account
from klavnb.segments.combining import complement, intersect, no_spans, subtract, unite
from klavnb.segments.consents import find_consent_spans, find_permission_spans
from klavnb.segments.funnels import find_funnel_spans
from klavnb.segments.groups import find_group_spans
from klavnb.segments.metrics import find_metric_spans
from klavnb.segments.opposites import find_opposite
from klavnb.segments.profiles import find_prediction_spans, find_property_spans, find_region_spans

__all__ = ["Evaluation"]


@dataclass(slots=True)
class Evaluation:
    """Evaluates definitions of one account; a definition that others refer to is evaluated once.

    Parameters
    ----------
    definitions
        All that may refer to each other: by name as a segment, or by Klaviyo's id as a group.

    Raises
    ------
    DefinitionError
        When definitions share a name, refer to one that is not there, or to each other in a circle.
    """

    account: Account
    definitions: Sequence[Definition]
    _done: dict[str, pl.DataFrame] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)
    _conditions: dict[Condition, pl.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the names before anything is computed."""
        check_names(self.definitions)

    def find_spans(self, definition: Definition) -> pl.DataFrame:
        """Find the spans in which each profile is in a segment, disjoint and in order, within the universe."""
        name = definition.name
        if name in self._open:
            circle = " → ".join(f'"{each}"' for each in [*self._open[self._open.index(name) :], name])
            raise DefinitionError(
                f"Segments refer to each other in a circle: {circle}.", hint="Take one of these conditions out."
            )
        if name not in self._done:
            self._open.append(name)
            self._done[name] = self._find_group(definition.root)
            self._open.pop()
        return self._done[name]

    def _find_group(self, group: Group) -> pl.DataFrame:
        if group.match == "all":
            return self._find_all(group.parts)
        united = self._find_any(group.parts)
        return complement(united, self.account.profiles) if group.match == "none" else united

    def _find_all(self, parts: Sequence[Condition | Group]) -> pl.DataFrame:
        """What is true of whoever did nothing is taken away from the rest, so that nobody else is looked at."""
        opposites = [find_opposite(part) for part in parts]
        held = [self._find_part(part) for part, opposite in zip(parts, opposites, strict=True) if opposite is None]
        excluded = [opposite for opposite in opposites if opposite is not None]
        if not held:
            return complement(self._find_any(excluded), self.account.profiles)
        inside = held[0] if len(held) == 1 else intersect(held)
        return subtract(inside, self._find_any(excluded)) if excluded else inside

    def _find_any(self, parts: Sequence[Condition | Group]) -> pl.DataFrame:
        found = [self._find_part(part) for part in parts]
        return found[0] if len(found) == 1 else unite(pl.concat([no_spans(), *found]))

    def _find_part(self, part: Condition | Group) -> pl.DataFrame:
        return self._find_group(part) if isinstance(part, Group) else self._find(part)

    def _find(self, condition: Condition) -> pl.DataFrame:
        if condition not in self._conditions:
            self._conditions[condition] = self._evaluate(condition)
        return self._conditions[condition]

    def _evaluate(self, condition: Condition) -> pl.DataFrame:
        match condition:
            case MetricCondition():
                found = find_metric_spans(condition, self.account)
            case FunnelCondition():
                found = find_funnel_spans(condition, self.account)
            case PropertyCondition():
                found = find_property_spans(condition, self.account)
            case GroupMembershipCondition(group_ids=groups):
                own = {each.id: each for each in self.definitions if each.id in groups}
                segments = {key: self.find_spans(each) for key, each in own.items() if key is not None}
                found = find_group_spans(condition, self.account, segments)
            case ConsentCondition():
                found = find_consent_spans(condition, self.account)
            case PermissionCondition():
                found = find_permission_spans(condition, self.account)
            case RegionCondition():
                found = find_region_spans(condition, self.account)
            case PredictionCondition():
                found = find_prediction_spans(condition, self.account)
            case SegmentCondition(segment=name, is_member=is_member):
                (definition,) = (each for each in self.definitions if each.name == name)
                spans = self.find_spans(definition)
                found = spans if is_member else complement(spans, self.account.profiles)
        return found
