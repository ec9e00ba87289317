"""Conditions on what profiles are: properties, lists, regions, and Klaviyo's figures about them."""

import re
from typing import Final, Literal, cast

from klavnb.definitions.checking import Spot
from klavnb.definitions.conditions import (
    GroupMembershipCondition,
    PredictionCondition,
    PropertyCondition,
    RegionCondition,
)
from klavnb.definitions.filters import (
    DATES,
    JOIN_TIMES,
    NUMBERS,
    PROPERTY_FILTERS,
    SAME_OR_NOT,
    parse_date_filter,
    parse_filter,
)

__all__ = [
    "AFFINITY_CHANNELS",
    "FIGURES",
    "GENDERS",
    "RANKS",
    "REGIONS",
    "parse_membership",
    "parse_prediction",
    "parse_property",
    "parse_region",
]

FIGURES: Final = (
    "average_days_between_orders",
    "average_order_value",
    "churn_probability",
    "historic_clv",
    "historic_number_of_orders",
    "predicted_clv",
    "predicted_number_of_orders",
    "total_clv",
)
NEXT_PURCHASE: Final = "expected_date_of_next_purchase"
GENDER: Final = "predicted_gender"
AFFINITY: Final = "channel_affinity"
GENDERS: Final = ("likely_female", "likely_male", "uncertain")
RANKS: Final = ("high", "medium", "low")
AFFINITY_CHANNELS: Final = ("email", "push", "sms", "whatsapp")
REGIONS: Final = ("european_union", "united_states")

PROPERTY_FORM: Final = re.compile(r"""[A-Za-z_$][\w$]*|(?:location|properties)\[(['"]).+\1\]""", re.DOTALL)


def parse_property(spot: Spot) -> PropertyCondition:
    """Take a condition on a property of the profile."""
    name = _older(spot, "property", "field")
    spot.expect("type", name, "filter")
    asked = spot.get(name).text()
    if not PROPERTY_FORM.fullmatch(asked):
        spot.get(name).refuse(
            "a profile's own property, such as email or location['city'], or properties['…']",
            hint=f"A property of your own is written properties['{asked}'].",
        )
    return PropertyCondition(property=asked, filter=parse_filter(spot.get("filter"), PROPERTY_FILTERS))


def parse_membership(spot: Spot) -> GroupMembershipCondition:
    """Take a condition on lists and segments."""
    is_member = spot.get("is_member").flag()
    spot.expect("type", "is_member", "group_ids", optional=("timeframe_filter",) if is_member else ())
    dated = is_member and spot.has("timeframe_filter")
    return GroupMembershipCondition(
        is_member=is_member,
        group_ids=spot.get("group_ids").each("list or segment", Spot.text),
        timeframe=parse_date_filter(spot.get("timeframe_filter"), JOIN_TIMES) if dated else None,
    )


def parse_region(spot: Spot) -> RegionCondition:
    """Take a condition on a part of the world."""
    name = _older(spot, "region", "region_id")
    spot.expect("type", "in_region", name)
    region = cast('Literal["european_union", "united_states"]', spot.get(name).choose(REGIONS))
    return RegionCondition(in_region=spot.get("in_region").flag(), region=region)


def parse_prediction(spot: Spot) -> PredictionCondition:
    """Take a condition on one of Klaviyo's figures about a profile."""
    dimension = spot.get("dimension").choose((*FIGURES, NEXT_PURCHASE, GENDER, AFFINITY))
    if dimension == AFFINITY:
        return _parse_affinity(spot)
    spot.expect("type", "dimension", "filter")
    asked = spot.get("filter")
    match dimension:
        case "expected_date_of_next_purchase":
            found = parse_filter(asked, DATES)
        case "predicted_gender":
            found = parse_filter(asked, SAME_OR_NOT, GENDERS)
        case _:
            found = parse_filter(asked, NUMBERS)
    return PredictionCondition(dimension=dimension, filter=found)


def _parse_affinity(spot: Spot) -> PredictionCondition:
    """The channel that a profile is most likely to buy through: by its place among all, or by its strength."""
    spot.expect("type", "dimension", "measurement", "predicted_channel", "filter")
    measurement = cast('Literal["priority", "rank"]', spot.get("measurement").choose(("priority", "rank")))
    asked = spot.get("filter")
    if measurement == "priority":
        found = parse_filter(asked, {"numeric": ("equals",)})
        asked.get("value").whole(1, len(AFFINITY_CHANNELS))
    else:
        found = parse_filter(asked, SAME_OR_NOT, RANKS)
    return PredictionCondition(
        dimension=AFFINITY,
        filter=found,
        measurement=measurement,
        predicted_channel=spot.get("predicted_channel").choose(AFFINITY_CHANNELS),
    )


def _older(spot: Spot, name: str, older: str) -> str:
    """Name the field as this document does: as it is called now, or as it was."""
    return older if spot.has(older) and not spot.has(name) else name
