"""A condition's JSON → the typed condition, one function per type; groups of them."""

from collections.abc import Callable, Mapping
from typing import Final, Literal, cast

from klavnb.definitions.checking import Spot
from klavnb.definitions.conditions import Condition, Group, SegmentCondition
from klavnb.definitions.consents import parse_consent, parse_permission
from klavnb.definitions.on_events import parse_funnel, parse_metric
from klavnb.definitions.on_profiles import parse_membership, parse_prediction, parse_property, parse_region

__all__ = ["parse_groups"]

DEEPEST: Final = 50
"""How many groups may lie in one another."""

REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    "profile-has-custom-object": (
        "conditions on custom objects cannot be evaluated, because exports do not hold the objects.",
        "Leave the segment out, or write what it asks about to a profile property and ask for that.",
    ),
    "profile-postal-code-distance": (
        "conditions on the distance to a postal code cannot be evaluated, because klavnb knows no map.",
        "Ask for location['zip'] or location['city'] with a list of values instead (profile-property, operator in).",
    ),
}


def parse_groups(definition: Spot) -> Group:
    """Take a segment's `condition_groups`, all of which hold, and *ours*, its `exclusions`, none of which does.

    Examples
    --------
    >>> region = {"type": "profile-region", "in_region": True, "region": "united_states"}
    >>> parse_groups(Spot({"condition_groups": [{"conditions": [region]}]}, "here")).parts[0].match
    'any'
    """
    definition.expect("condition_groups", optional=("exclusions",))

    def parse_group(group: Spot) -> Group:
        group.expect("conditions")
        return Group(match="any", parts=group.get("conditions").each("condition", _parse_part))

    groups = definition.get("condition_groups").each("group", parse_group)
    if not definition.has("exclusions"):
        return Group(match="all", parts=groups)
    excluded = definition.get("exclusions").each("exclusion", _parse_part)
    return Group(match="all", parts=(*groups, Group(match="none", parts=excluded)))


def _parse_part(spot: Spot, depth: int = 1) -> Condition | Group:
    """A condition, or *ours*, a group of them."""
    kind = spot.get("type")
    if kind.value == "klavnb-group":
        if depth > DEEPEST:
            spot.reject(
                f"groups lie more than {DEEPEST} deep in one another here.",
                hint="A group whose only part is a group asks the same as that group.",
            )
        spot.expect("type", "match", "conditions")
        match = cast('Literal["all", "any", "none"]', spot.get("match").choose(("all", "any", "none")))
        parts = spot.get("conditions").each("part", lambda part: _parse_part(part, depth + 1))
        return Group(match=match, parts=parts)
    if isinstance(kind.value, str) and kind.value in REFUSED:
        sentence, hint = REFUSED[kind.value]
        spot.reject(sentence, hint=hint)
    return PARSERS[kind.choose((*PARSERS, "klavnb-group"))](spot)


def _parse_segment(spot: Spot) -> SegmentCondition:
    spot.expect("type", "segment", "is_member")
    return SegmentCondition(segment=spot.get("segment").text(), is_member=spot.get("is_member").flag())


PARSERS: Final[Mapping[str, Callable[[Spot], Condition]]] = {
    "profile-metric": parse_metric,
    "profile-metric-funnel": parse_funnel,
    "profile-property": parse_property,
    "profile-attribute": parse_property,
    "profile-group-membership": parse_membership,
    "profile-marketing-consent": parse_consent,
    "profile-permissions": parse_permission,
    "profile-region": parse_region,
    "profile-predictive-analytics": parse_prediction,
    "klavnb-segment": _parse_segment,
}
