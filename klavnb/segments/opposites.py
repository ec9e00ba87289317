"""What is true of whoever did nothing: the opposite of a condition, and who must be known to tell."""

from dataclasses import replace
from typing import cast

from klavnb.definitions.conditions import (
    Condition,
    FunnelCondition,
    Group,
    MetricCondition,
    NumericOperator,
    SegmentCondition,
)
from klavnb.segments.anniversaries import YEARLY
from klavnb.segments.values import COMPARISONS, NEGATED

__all__ = ["find_opposite", "is_about_everyone"]


def find_opposite(part: Condition | Group) -> Condition | Group | None:
    """Find what a part is the opposite of, where it is true of profiles without events or stays; None: it is not.

    Examples
    --------
    >>> find_opposite(SegmentCondition(segment="Buyers", is_member=False))
    SegmentCondition(segment='Buyers', is_member=True)
    """
    match part:
        case Group(match="none"):
            return replace(part, match="any")
        case SegmentCondition(is_member=False):
            return replace(part, is_member=True)
        case MetricCondition(measurement="count" | "sum", measurement_filter=asked) if COMPARISONS[asked.operator](
            0, asked.value
        ):
            operator = cast("NumericOperator", NEGATED[asked.operator])
            return replace(part, measurement_filter=replace(asked, operator=operator))
        case _:
            return None


def is_about_everyone(part: Condition | Group) -> bool:
    """Whether a part asks since when profiles are known, so that all of them must be looked at, events or none.

    It does not where what profiles did makes them members: of "opened, and did not order" only those who opened
    matter. Segments that a part refers to are not looked into.
    """
    match part:
        case Group(match="all", parts=parts):
            opposites = [find_opposite(each) for each in parts]
            held = [each for each, opposite in zip(parts, opposites, strict=True) if opposite is None]
            excluded = [opposite for opposite in opposites if opposite is not None]
            return not held or any(is_about_everyone(each) for each in [*held, *excluded])
        case Group(match="any", parts=parts):
            return any(is_about_everyone(each) for each in parts)
        case MetricCondition(timeframe=timeframe) | FunnelCondition(timeframe=timeframe):
            return find_opposite(part) is not None or timeframe.operator in YEARLY
        case SegmentCondition(is_member=True):
            return False
        case _:
            return True
