"""Segment definitions: what is read, what is refused and how, and what is said about it."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from builders import by_chance, thoroughly
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from segment_strategies import conditions, definitions, groups

from klavnb.definitions import (
    BooleanFilter,
    Condition,
    ConsentCondition,
    ConsentFilter,
    DateFilter,
    Definition,
    FunnelCondition,
    FunnelStep,
    Group,
    GroupMembershipCondition,
    MetricCondition,
    NumericFilter,
    PredictionCondition,
    PropertyCondition,
    PropertyFilter,
    RegionCondition,
    SegmentCondition,
    check_names,
    describe_condition,
    describe_definition,
    find_conditions,
    ordered_item,
    parse_definition,
    read_definitions,
    single_order_at_least,
    to_document,
    total_spent_at_least,
)
from klavnb.errors import DefinitionError

Json = dict[str, Any]

hundreds = hypothesis_settings(by_chance, max_examples=300)
"""There are many kinds of conditions and filters, and each example is quick."""

SHIPPED = Path(__file__).parents[1] / "data" / "segments"

LAST_30_DAYS = DateFilter(operator="in-the-last", unit="day", quantity=30)
ALL_TIME = DateFilter(operator="alltime")
ONCE = NumericFilter(operator="greater-than-or-equal", value=1)

IN_30_DAYS = {"type": "date", "operator": "in-the-last", "unit": "day", "quantity": 30}
AT_LEAST_ONE = {"type": "numeric", "operator": "greater-than-or-equal", "value": 1}
REGION = {"type": "profile-region", "in_region": True, "region": "european_union"}


def metric(**fields: object) -> Json:
    """A condition on orders, with some fields changed."""
    return {
        "type": "profile-metric",
        "metric_id": "Placed Order",
        "measurement": "count",
        "measurement_filter": AT_LEAST_ONE,
        "timeframe_filter": IN_30_DAYS,
        **fields,
    }


def of_event(path: str, /, **asked: object) -> Json:
    return metric(metric_filters=[{"property": path, "filter": asked}])


def of_profile(name: str = "properties['Size']", /, **asked: object) -> Json:
    return {"type": "profile-property", "property": name, "filter": asked}


def consent(channel: str, subscription: str, *filters: Json, reached: bool = True, **more: object) -> Json:
    status = {"subscription": subscription, **({"filters": list(filters)} if filters else {}), **more}
    return {
        "type": "profile-marketing-consent",
        "consent": {"channel": channel, "can_receive_marketing": reached, "consent_status": status},
    }


def permission(status: str, **more: object) -> Json:
    return {
        "type": "profile-permissions",
        "channel": "whatsapp_marketing",
        "permission": {"reachable_status": status, **more},
    }


def prediction(dimension: str, **fields: object) -> Json:
    return {"type": "profile-predictive-analytics", "dimension": dimension, **fields}


def funnel(*steps: Json, **fields: object) -> Json:
    return {"type": "profile-metric-funnel", "timeframe_filter": IN_30_DAYS, "steps": list(steps), **fields}


def step(name: str, *, happened: bool = True) -> Json:
    return {"metric_exists": happened, "metric_id": name}


def group(match: str, *parts: Json) -> Json:
    return {"type": "klavnb-group", "match": match, "conditions": list(parts)}


def definition(*conditions: Json, **more: object) -> Json:
    """One group of conditions."""
    return {"condition_groups": [{"conditions": list(conditions)}], **more}


def parse(condition: Json) -> Condition | Group:
    """The one condition of a definition."""
    root = parse_definition(definition(condition)).root
    assert root.match == "all"
    assert root.parts[0].match == "any"
    return root.parts[0].parts[0]


def refused(document: object) -> str:
    """The whole message of a definition that is called Lapsed."""
    with pytest.raises(DefinitionError) as caught:
        parse_definition(document, name="Lapsed")
    return str(caught.value)


def refused_condition(condition: Json) -> str:
    """The message of one condition, without where it stands."""
    message = refused(definition(condition))
    place = 'segment "Lapsed", group 1, condition 1'
    assert message.startswith(place)
    return message.removeprefix(place).removeprefix(", ").removeprefix(": ")


def write(folder: Path, document: object, name: str = "lapsed.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def refused_file(path: Path) -> str:
    with pytest.raises(DefinitionError) as caught:
        read_definitions(path)
    return str(caught.value)


# What is read: the literal examples of Klaviyo's specification

LITERAL: dict[str, tuple[Json, Condition, str]] = {
    "one order of at least 1,000 in 30 days": (
        {
            "type": "profile-metric",
            "metric_id": "PLCORD",
            "measurement": "count",
            "measurement_filter": {"type": "numeric", "operator": "greater-than-or-equal", "value": 1},
            "timeframe_filter": {"type": "date", "operator": "in-the-last", "unit": "day", "quantity": 30},
            "metric_filters": [
                {
                    "property": "$value",
                    "filter": {"type": "numeric", "operator": "greater-than-or-equal", "value": 1000},
                }
            ],
        },
        MetricCondition(
            metric="PLCORD",
            measurement="count",
            measurement_filter=ONCE,
            timeframe=LAST_30_DAYS,
            metric_filters=(
                PropertyFilter(path="$value", filter=NumericFilter(operator="greater-than-or-equal", value=1000)),
            ),
        ),
        "PLCORD at least 1 time in the last 30 days where $value is at least 1,000",
    ),
    "more than 200 in total": (
        {
            "type": "profile-metric",
            "metric_id": "PLCORD",
            "measurement": "sum",
            "measurement_filter": {"type": "numeric", "operator": "greater-than", "value": 200},
            "timeframe_filter": {"type": "date", "operator": "alltime"},
            "metric_filters": None,
        },
        MetricCondition(
            metric="PLCORD",
            measurement="sum",
            measurement_filter=NumericFilter(operator="greater-than", value=200),
            timeframe=ALL_TIME,
        ),
        "PLCORD with a total $value of more than 200 over all time",
    ),
    "no order between 30 and 90 days ago": (
        {
            "type": "profile-metric",
            "metric_id": "PLCORD",
            "measurement": "count",
            "measurement_filter": {"type": "numeric", "operator": "equals", "value": 0},
            "timeframe_filter": {"type": "date", "operator": "between", "start": 30, "end": 90, "unit": "day"},
        },
        MetricCondition(
            metric="PLCORD",
            measurement="count",
            measurement_filter=NumericFilter(operator="equals", value=0),
            timeframe=DateFilter(operator="between", nearest=30, farthest=90),
        ),
        "PLCORD zero times between 30 and 90 days ago",
    ),
    "viewed, not ordered": (
        {
            "type": "profile-metric-funnel",
            "timeframe_filter": {"type": "date", "operator": "in-the-last", "unit": "day", "quantity": 30},
            "completion_window_seconds": "DAYS_3",
            "steps": [
                {"metric_exists": True, "metric_id": "VIEWED"},
                {"metric_exists": False, "metric_id": "PLCORD", "metric_filters": None},
            ],
        },
        FunnelCondition(
            timeframe=LAST_30_DAYS,
            steps=(FunnelStep(metric="VIEWED", metric_exists=True), FunnelStep(metric="PLCORD", metric_exists=False)),
            completion_window_hours=72,
        ),
        "VIEWED, then no PLCORD, all within 3 days, in the last 30 days",
    ),
    "a date property": (
        {
            "type": "profile-property",
            "property": "properties['highest_order_date']",
            "filter": {"type": "date", "operator": "in-the-last", "unit": "day", "quantity": 30},
        },
        PropertyCondition(property="properties['highest_order_date']", filter=LAST_30_DAYS),
        "property “highest_order_date” is in the last 30 days",
    ),
    "joined a list": (
        {
            "type": "profile-group-membership",
            "is_member": True,
            "group_ids": ["G2B2C2"],
            "timeframe_filter": {"type": "date", "operator": "in-the-last", "quantity": 10, "unit": "day"},
        },
        GroupMembershipCondition(
            is_member=True,
            group_ids=("G2B2C2",),
            timeframe=DateFilter(operator="in-the-last", unit="day", quantity=10),
        ),
        "is in the list or segment “G2B2C2” (joined in the last 10 days)",
    ),
    "subscribed twice over": (
        {
            "type": "profile-marketing-consent",
            "consent": {
                "channel": "email",
                "can_receive_marketing": True,
                "consent_status": {
                    "subscription": "subscribed",
                    "filters": [
                        {
                            "field": "is_double_opt_in",
                            "filter": {"type": "boolean", "operator": "equals", "value": True},
                        }
                    ],
                },
            },
        },
        ConsentCondition(
            channel="email",
            can_receive_marketing=True,
            subscription="subscribed",
            filters=(ConsentFilter(field="is_double_opt_in", filter=BooleanFilter(value=True)),),
        ),
        "can receive email marketing (subscribed; double opt-in is true)",
    ),
    "predicted value": (
        {
            "type": "profile-predictive-analytics",
            "dimension": "predicted_clv",
            "filter": {"type": "numeric", "operator": "greater-than-or-equal", "value": 100},
        },
        PredictionCondition(
            dimension="predicted_clv", filter=NumericFilter(operator="greater-than-or-equal", value=100)
        ),
        "predicted CLV is at least 100",
    ),
}


@pytest.mark.parametrize(("document", "expected", "sentence"), LITERAL.values(), ids=LITERAL)
def test_every_literal_example_is_read_and_told(document: Json, expected: Condition, sentence: str) -> None:
    assert parse(document) == expected
    assert describe_condition(expected) == sentence


# What is read: every type, every filter, and what is said about it


def test_groups_all_hold_and_of_each_any_condition() -> None:
    two_groups = {"condition_groups": [{"conditions": [REGION, metric()]}, {"conditions": [metric()]}]}
    root = parse_definition(two_groups, name="Both").root
    assert root.match == "all"
    assert [(part.match, len(part.parts)) for part in root.parts] == [("any", 2), ("any", 1)]


FILTERS_OF_EVENTS: list[tuple[Json, str]] = [
    ({"type": "string", "operator": "equals", "value": "a"}, "is “a”"),
    ({"type": "string", "operator": "not-equals", "value": "a"}, "is not “a”"),
    ({"type": "string", "operator": "equals", "value": None}, "is “”"),
    ({"type": "string", "operator": "contains", "value": "a"}, "contains “a”"),
    ({"type": "string", "operator": "not-contains", "value": "a"}, "does not contain “a”"),
    ({"type": "string", "operator": "starts-with", "value": "a"}, "starts with “a”"),
    ({"type": "string", "operator": "not-starts-with", "value": "a"}, "does not start with “a”"),
    ({"type": "string", "operator": "ends-with", "value": "a"}, "ends with “a”"),
    ({"type": "string", "operator": "not-ends-with", "value": "a"}, "does not end with “a”"),
    ({"type": "string", "operator": "regex", "value": "^a"}, "matches the pattern “^a”"),
    ({"type": "string", "operator": "nregex", "value": "^a"}, "does not match the pattern “^a”"),
    ({"type": "string", "operator": "in", "value": ["a", "b"]}, "is one of “a”, “b”"),
    ({"type": "string", "operator": "not-in", "value": ["a", "b"]}, "is none of “a”, “b”"),
    ({"type": "string", "operator": "in", "value": list("abcdefg")}, "is one of “a”, “b”, “c”, “d”, “e” and 2 more"),
    ({"type": "numeric", "operator": "equals", "value": 2}, "is 2"),
    ({"type": "numeric", "operator": "not-equals", "value": 2.5}, "is not 2.5"),
    ({"type": "numeric", "operator": "greater-than", "value": 12000}, "is more than 12,000"),
    ({"type": "numeric", "operator": "greater-than-or-equal", "value": -2}, "is at least −2"),
    ({"type": "numeric", "operator": "less-than", "value": 2}, "is less than 2"),
    ({"type": "numeric", "operator": "less-than-or-equal", "value": 2}, "is at most 2"),
    ({"type": "boolean", "operator": "equals", "value": False}, "is false"),
    ({"type": "existence", "operator": "is-set"}, "is set"),
    ({"type": "existence", "operator": "not-set"}, "is not set"),
    ({"type": "list", "operator": "length-equals", "value": 1}, "has exactly 1 element"),
    ({"type": "list", "operator": "length-greater-than", "value": 2}, "has more than 2 elements"),
    ({"type": "list", "operator": "length-greater-than-or-equal", "value": 2}, "has at least 2 elements"),
    ({"type": "list", "operator": "length-less-than", "value": 2}, "has less than 2 elements"),
    ({"type": "list", "operator": "length-less-than-or-equal", "value": 2}, "has at most 2 elements"),
]
ONLY_OF_EVENTS: list[tuple[Json, str]] = [
    ({"type": "list", "operator": "contains-any", "value": ["a", "b"]}, "contains any of “a”, “b”"),
    ({"type": "list", "operator": "contains-all", "value": ["a", "b"]}, "contains all of “a”, “b”"),
    ({"type": "list", "operator": "not-contains-any", "value": ["a", "b"]}, "contains none of “a”, “b”"),
    ({"type": "list", "operator": "not-contains-all", "value": ["a", "b"]}, "does not contain all of “a”, “b”"),
    ({"type": "list", "operator": "contains-substring", "value": "a"}, "has an element that contains “a”"),
    ({"type": "list", "operator": "not-contains-substring", "value": "a"}, "has no element that contains “a”"),
]
DATES: list[tuple[Json, str]] = [
    ({"type": "date", "operator": "before", "date": "2026-01-31T00:00:00+00:00"}, "is before 2026-01-31"),
    ({"type": "date", "operator": "after", "date": "2026-01-31"}, "is after 2026-01-31"),
    (
        {"type": "date", "operator": "between-static", "start": "2026-01-01T00:00:00Z", "end": "2026-01-31T09:00:00Z"},
        "lies from 2026-01-01 to 2026-01-31",
    ),
    ({"type": "date", "operator": "in-the-last", "unit": "day", "quantity": 1}, "is in the last 1 day"),
    ({"type": "date", "operator": "at-least", "unit": "week", "quantity": 2}, "is at least 2 weeks ago"),
    ({"type": "date", "operator": "in-the-next", "unit": "hour", "quantity": 36}, "is in the next 36 hours"),
    (
        {"type": "date", "operator": "between", "start": 30, "end": 90, "unit": "day"},
        "is between 30 and 90 days ago",
    ),
    ({"type": "date", "operator": "anniversary"}, "has its anniversary today"),
    ({"type": "date", "operator": "anniversary-month"}, "has its anniversary this month"),
    (
        {"type": "date", "operator": "anniversary-last", "unit": "day", "quantity": 7},
        "has its anniversary in the last 7 days",
    ),
    (
        {"type": "date", "operator": "anniversary-next", "unit": "day", "quantity": 7},
        "has its anniversary in the next 7 days",
    ),
    ({"type": "date", "operator": "calendar-month", "value": 2}, "is in February of any year"),
]
ONLY_OF_PROFILES: list[tuple[Json, str]] = [
    *DATES,
    ({"type": "list", "operator": "contains", "value": "a"}, "contains “a”"),
    ({"type": "list", "operator": "contains", "value": 3}, "contains 3"),
    ({"type": "list", "operator": "not-contains", "value": None}, "does not contain “”"),
    (
        {"type": "string", "operator": "phone-country-code-in", "value": ["US", "GB"]},
        "has a country code among “US”, “GB”",
    ),
    (
        {"type": "string", "operator": "phone-country-code-not-in", "value": ["US"]},
        "has a country code not among “US”",
    ),
]


@pytest.mark.parametrize(("asked", "words"), [*FILTERS_OF_EVENTS, *ONLY_OF_EVENTS])
def test_every_filter_of_an_event_is_read_and_told(asked: Json, words: str) -> None:
    told = describe_condition(parse(of_event("Size", **asked)))
    assert told == f"Placed Order at least 1 time in the last 30 days where Size {words}"


@pytest.mark.parametrize(("asked", "words"), [*FILTERS_OF_EVENTS, *ONLY_OF_PROFILES])
def test_every_filter_of_a_profile_is_read_and_told(asked: Json, words: str) -> None:
    assert describe_condition(parse(of_profile(**asked))) == f"property “Size” {words}"


@pytest.mark.parametrize(("asked", "words"), ONLY_OF_EVENTS)
def test_filters_on_sets_are_for_events_only(asked: Json, words: str) -> None:
    assert words
    assert "filter.operator: expected one of" in refused_condition(of_profile(**asked))


@pytest.mark.parametrize(("asked", "words"), ONLY_OF_PROFILES)
def test_filters_on_dates_single_elements_and_countries_are_for_profiles_only(asked: Json, words: str) -> None:
    assert words
    assert refused_condition(of_event("Size", **asked)).startswith("metric filter 1, filter.")


METRIC_TIMES = {
    "before": ({"date": "2026-01-31"}, "before 2026-01-31"),
    "after": ({"date": "2026-01-31"}, "after 2026-01-31"),
    "between-static": ({"start": "2026-01-01", "end": "2026-01-31"}, "from 2026-01-01 to 2026-01-31"),
    "in-the-last": ({"unit": "hour", "quantity": 6}, "in the last 6 hours"),
    "at-least": ({"unit": "day", "quantity": 30}, "at least 30 days ago"),
    "in-the-next": ({"unit": "day", "quantity": 30}, "in the next 30 days"),
    "between": ({"unit": "week", "start": 1, "end": 2}, "between 1 and 2 weeks ago"),
    "anniversary-last": ({"unit": "day", "quantity": 7}, "on a day with its anniversary in the last 7 days"),
    "anniversary-next": ({"unit": "day", "quantity": 7}, "on a day with its anniversary in the next 7 days"),
    "alltime": ({}, "over all time"),
}


@pytest.mark.parametrize("operator", METRIC_TIMES)
def test_every_time_frame_of_events_is_read_and_told(operator: str) -> None:
    fields, words = METRIC_TIMES[operator]
    condition = parse(metric(timeframe_filter={"type": "date", "operator": operator, **fields}))
    assert describe_condition(condition) == f"Placed Order at least 1 time {words}"


MEASURED = {
    ("count", "equals", 3): "exactly 3 times",
    ("count", "equals", 0): "zero times",
    ("count", "not-equals", 1): "not exactly 1 time",
    ("count", "greater-than", 1): "more than 1 time",
    ("count", "less-than", 2): "less than 2 times",
    ("count", "less-than-or-equal", 2): "at most 2 times",
    ("sum", "equals", 0): "with a total $value of exactly 0",
    ("max", "greater-than-or-equal", 500): "with a highest $value of at least 500",
    ("min", "less-than", 5): "with a lowest $value of less than 5",
    ("average", "greater-than", 49.5): "with an average $value of more than 49.5",
    ("last", "less-than-or-equal", 20): "with a latest $value of at most 20",
}


@pytest.mark.parametrize("asked", MEASURED)
def test_every_measurement_is_read_and_told(asked: tuple[str, str, float]) -> None:
    measurement, operator, value = asked
    number = {"type": "numeric", "operator": operator, "value": value}
    condition = parse(metric(measurement=measurement, measurement_filter=number))
    assert describe_condition(condition) == f"Placed Order {MEASURED[asked]} in the last 30 days"


def test_another_number_than_the_value_can_be_measured() -> None:
    condition = parse(metric(measurement="max", measured="Items[*].ItemPrice"))
    assert isinstance(condition, MetricCondition)
    assert condition.measured == "Items[*].ItemPrice"
    assert describe_condition(condition) == (
        "Placed Order with a highest ItemPrice in Items of at least 1 in the last 30 days"
    )


def test_filters_on_one_list_of_items_are_told_as_asking_about_the_same_item() -> None:
    size = {"property": "Items[*].Size", "filter": {"type": "string", "operator": "equals", "value": "medium"}}
    value = {"property": "$value", "filter": {"type": "numeric", "operator": "less-than", "value": 50}}
    more = {"property": "Items[*].Quantity", "filter": {"type": "numeric", "operator": "greater-than", "value": 1}}
    tag = {"property": "Tags[*]", "filter": {"type": "string", "operator": "equals", "value": "gift"}}
    assert describe_condition(parse(metric(metric_filters=[size, value, more, tag]))) == (
        "Placed Order at least 1 time in the last 30 days where Items has an item whose Size is “medium” "
        "and whose Quantity is more than 1 and $value is less than 50 and Tags has an item that is “gift”"
    )


def test_a_property_that_is_called_with_a_bracket_is_a_property() -> None:
    told = describe_condition(parse(of_event("[*] odd", type="existence", operator="is-set")))
    assert told.endswith("where [*] odd is set")


def test_a_filter_that_asks_nothing_is_left_out() -> None:
    condition = parse(metric(metric_filters=[{"property": "$value", "filter": None}, {"property": "Size"}]))
    assert isinstance(condition, MetricCondition)
    assert condition.metric_filters == ()


def test_metrics_are_told_by_their_names_where_these_are_known() -> None:
    steps = funnel(step("VIEWED"), step("PLCORD", happened=False))
    root = parse_definition(definition(metric(metric_id="PLCORD"), steps))
    assert describe_definition(root, metric_names={"PLCORD": "Placed Order", "VIEWED": "Viewed Product"}) == (
        "Placed Order at least 1 time in the last 30 days "
        "or (Viewed Product, then no Placed Order, in the last 30 days)."
    )


@pytest.mark.parametrize(
    ("written", "hours", "words"),
    [
        ("HOURS_1", 1, "1 hour"),
        ("DAYS_1", 24, "1 day"),
        ("DAYS_3", 72, "3 days"),
        ("DAYS_5", 120, "5 days"),
        ("WEEKS_1", 168, "7 days"),
        ("DAYS_30", 720, "30 days"),
        ("DAYS_90", 2160, "90 days"),
        ("DAYS_180", 4320, "180 days"),
        ("YEARS_1", 8760, "365 days"),
    ],
)
def test_every_window_of_a_funnel_is_read_and_told(written: str, hours: int, words: str) -> None:
    condition = parse(funnel(step("Viewed Product"), step("Placed Order"), completion_window_seconds=written))
    assert isinstance(condition, FunnelCondition)
    assert condition.completion_window_hours == hours
    assert describe_condition(condition) == (
        f"Viewed Product, then Placed Order, all within {words}, in the last 30 days"
    )


def test_a_funnel_tells_the_filters_of_its_steps() -> None:
    size = {"property": "Size", "filter": {"type": "existence", "operator": "is-set"}}
    viewed = {**step("Viewed Product"), "metric_filters": [size]}
    assert describe_condition(parse(funnel(viewed, step("Placed Order", happened=False)))) == (
        "Viewed Product (where Size is set), then no Placed Order, in the last 30 days"
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("email", "email is set"),
        ("first_name", "first name is set"),
        ("location['city']", "location city is set"),
        ("properties['Customer Type']", "property “Customer Type” is set"),
        ('properties["Customer Type"]', "property “Customer Type” is set"),
        ("properties['it's']", "property “it's” is set"),
    ],
)
def test_every_kind_of_profile_property_is_read_and_told(name: str, words: str) -> None:
    assert describe_condition(parse(of_profile(name, type="existence", operator="is-set"))) == words


def test_memberships_of_lists_are_told() -> None:
    some = {"type": "profile-group-membership", "is_member": False, "group_ids": ["A1", "B2"]}
    assert parse(some) == GroupMembershipCondition(is_member=False, group_ids=("A1", "B2"))
    assert describe_condition(parse(some)) == "is in none of the lists or segments “A1”, “B2”"
    assert describe_condition(parse({**some, "is_member": True})) == "is in any of the lists or segments “A1”, “B2”"
    assert describe_condition(parse({**some, "group_ids": ["A1"]})) == "is not in the list or segment “A1”"


STATUS_DATE = {"field": "status_date", "filter": IN_30_DAYS}
BOUNCED = {"field": "bounce_date", "filter": {"type": "existence", "operator": "is-set"}}
BY_FORM = {"field": "method", "method": "form", "filter": {"type": "string", "operator": "in", "value": ["F1"]}}
BY_SHOPIFY = {
    "field": "method",
    "method": "integration",
    "filter": {"type": "string", "operator": "in", "value": ["shopify"]},
}
BY_CONSTANT_CONTACT = {
    **BY_SHOPIFY,
    "filter": {"type": "string", "operator": "in", "value": ["constant_contact"]},
}
CONSENTS: list[tuple[Json, str]] = [
    (consent("email", "any", filters=None), "can receive email marketing"),
    (consent("email", "never_subscribed"), "can receive email marketing (never subscribed)"),
    (
        consent("email", "subscribed", STATUS_DATE, {"field": "method", "method": "back_in_stock"}),
        "can receive email marketing (subscribed; status date is in the last 30 days; method is back in stock)",
    ),
    (
        consent("email", "subscribed", BY_FORM, BY_SHOPIFY),
        (
            "can receive email marketing (subscribed; method is form, which is one of “F1”; "
            "method is integration, which is one of “shopify”)"
        ),
    ),
    (consent("email", "any", BOUNCED, reached=False), "cannot receive email marketing (bounce date is set)"),
    (
        consent("email", "unsubscribed", BY_CONSTANT_CONTACT, reached=False),
        "cannot receive email marketing (unsubscribed; method is integration, which is one of “constant_contact”)",
    ),
    (
        consent("email", "never_subscribed", BOUNCED, reached=False),
        "cannot receive email marketing (never subscribed; bounce date is set)",
    ),
    (
        consent("email", "subscribed", filters=[], reached=False),
        "cannot receive email marketing (subscribed)",
    ),
    (
        consent(
            "sms",
            "subscribed",
            {"field": "is_rcs_capable", "filter": {"type": "boolean", "operator": "equals", "value": True}},
        ),
        "can receive SMS marketing (subscribed; RCS capability is true)",
    ),
    (consent("sms", "any", reached=False), "cannot receive SMS marketing"),
    (
        consent("sms", "unsubscribed", {"field": "method", "method": "carrier_deactivation"}, reached=False),
        "cannot receive SMS marketing (unsubscribed; method is carrier deactivation)",
    ),
    (consent("sms", "never_subscribed", reached=False), "cannot receive SMS marketing (never subscribed)"),
    (consent("push", "any", STATUS_DATE), "can receive push marketing (status date is in the last 30 days)"),
    (consent("push", "any", reached=False), "cannot receive push marketing"),
]


@pytest.mark.parametrize(("document", "words"), CONSENTS)
def test_every_situation_of_a_consent_is_read_and_told(document: Json, words: str) -> None:
    assert describe_condition(parse(document)) == words


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (permission("implicitly_reachable"), "is implicitly reachable by WhatsApp marketing"),
        (
            permission("implicitly_or_explicitly_unreachable"),
            "is implicitly or explicitly unreachable by WhatsApp marketing",
        ),
        (
            permission(
                "explicitly_reachable",
                filters=[
                    {"field": "effective_date", "filter": IN_30_DAYS},
                    {"field": "subscribe_method", "method": "form"},
                ],
            ),
            (
                "is explicitly reachable by WhatsApp marketing "
                "(effective date is in the last 30 days; subscribe method is form)"
            ),
        ),
        (
            {**permission("explicitly_unreachable", filters=[]), "channel": "whatsapp_transactional"},
            "is explicitly unreachable by WhatsApp transactional messages",
        ),
    ],
)
def test_permissions_are_read_and_told(document: Json, words: str) -> None:
    assert describe_condition(parse(document)) == words


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (prediction("historic_clv", filter=AT_LEAST_ONE), "historic CLV is at least 1"),
        (prediction("average_days_between_orders", filter=AT_LEAST_ONE), "average days between orders is at least 1"),
        (
            prediction("expected_date_of_next_purchase", filter={**IN_30_DAYS, "operator": "in-the-next"}),
            "expected date of next purchase is in the next 30 days",
        ),
        (
            prediction(
                "predicted_gender", filter={"type": "string", "operator": "not-equals", "value": "likely_female"}
            ),
            "predicted gender is not “likely female”",
        ),
        (
            prediction(
                "channel_affinity",
                measurement="priority",
                predicted_channel="whatsapp",
                filter={"type": "numeric", "operator": "equals", "value": 1},
            ),
            "the place of WhatsApp among the preferred channels is 1",
        ),
        (
            prediction(
                "channel_affinity",
                measurement="rank",
                predicted_channel="email",
                filter={"type": "string", "operator": "equals", "value": "high"},
            ),
            "affinity for email is “high”",
        ),
    ],
)
def test_predictions_are_read_and_told(document: Json, words: str) -> None:
    assert describe_condition(parse(document)) == words


def test_a_time_counts_as_its_day_in_utc() -> None:
    late = parse(of_profile(type="date", operator="after", date="2026-01-01T00:30:00+02:00"))
    assert late == PropertyCondition(
        property="properties['Size']", filter=DateFilter(operator="after", start_on=date(2025, 12, 31))
    )


# What is read: older spellings


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (
            {"type": "profile-attribute", "field": "email", "filter": {"type": "existence", "operator": "is-set"}},
            of_profile("email", type="existence", operator="is-set"),
        ),
        (
            {"type": "profile-property", "field": "email", "filter": {"type": "existence", "operator": "is-set"}},
            of_profile("email", type="existence", operator="is-set"),
        ),
        ({"type": "profile-region", "in_region": True, "region_id": "european_union"}, REGION),
        (
            consent(
                "email",
                "subscribed",
                {"field": "is_double_optin", "filter": {"type": "boolean", "operator": "equals", "value": True}},
            ),
            consent(
                "email",
                "subscribed",
                {"field": "is_double_opt_in", "filter": {"type": "boolean", "operator": "equals", "value": True}},
            ),
        ),
        (
            of_profile(type="date", operator="before", value="2026-01-31"),
            of_profile(type="date", operator="before", date="2026-01-31"),
        ),
    ],
)
def test_an_older_spelling_says_the_same(older: Json, newer: Json) -> None:
    assert parse(older) == parse(newer)


# What is read: ours


def test_groups_lie_in_groups_and_brackets_show_it() -> None:
    nested = group("all", REGION, group("any", metric(), group("none", REGION, metric())))
    root = parse_definition(definition(metric(), nested), name="Nested")
    assert describe_definition(root) == (
        "Placed Order at least 1 time in the last 30 days or (is in the European Union and "
        "(Placed Order at least 1 time in the last 30 days or "
        "not (is in the European Union or Placed Order at least 1 time in the last 30 days)))."
    )


def test_a_condition_with_filters_stands_in_brackets_beside_others() -> None:
    large = of_event("$value", type="numeric", operator="greater-than", value=100)
    root = parse_definition({"condition_groups": [{"conditions": [large]}, {"conditions": [REGION]}]})
    assert describe_definition(root) == (
        "(Placed Order at least 1 time in the last 30 days where $value is more than 100) and is in the European Union."
    )


def test_exclusions_are_a_last_group_of_which_none_holds() -> None:
    other = {"type": "klavnb-segment", "segment": "Lapsed", "is_member": True}
    root = parse_definition(definition(metric(), exclusions=[REGION, other])).root
    europe = RegionCondition(in_region=True, region="european_union")
    assert root.parts[-1] == Group(match="none", parts=(europe, SegmentCondition(segment="Lapsed")))
    assert describe_definition(Definition(name="x", root=root)) == (
        "Placed Order at least 1 time in the last 30 days and "
        "not (is in the European Union or is in the segment “Lapsed”)."
    )


def test_conditions_are_found_at_any_depth_in_their_order() -> None:
    nested = group("any", metric(metric_id="b"), group("none", metric(metric_id="c")))
    root = parse_definition(definition(metric(metric_id="a"), nested, metric(metric_id="d"))).root
    assert [condition.metric for condition in find_conditions(root)] == ["a", "b", "c", "d"]


# What is refused: each message says where, what was expected and what was found


def test_an_error_names_file_segment_group_condition_and_field(tmp_path: Path) -> None:
    wrong = metric(timeframe_filter={**IN_30_DAYS, "operator": "in-last"})
    groups = {"condition_groups": [{"conditions": [REGION]}, {"conditions": [wrong]}]}
    assert refused_file(write(tmp_path, {"name": "Lapsed", "definition": groups})) == (
        'lapsed.json, segment "Lapsed", group 2, condition 1, timeframe_filter.operator: expected one of '
        "in-the-last, before, after, between-static, at-least and 5 more, found 'in-last'.\n\n"
        "Hint: Did you mean in-the-last? There is before, after, between-static, in-the-last, at-least, in-the-next, "
        "between, anniversary-last, anniversary-next, alltime."
    )


def test_every_mistake_is_told_up_to_five() -> None:
    wrong = [metric(measurement_filter={**AT_LEAST_ONE, "value": str(number)}) for number in range(7)]
    assert refused({"condition_groups": [{"conditions": wrong[:4]}, {"conditions": [REGION, *wrong[4:]]}]}) == (
        "segment \"Lapsed\", group 1, condition 1, measurement_filter.value: expected a number, found '0'.\n"
        "segment \"Lapsed\", group 1, condition 2, measurement_filter.value: expected a number, found '1'.\n"
        "segment \"Lapsed\", group 1, condition 3, measurement_filter.value: expected a number, found '2'.\n"
        "segment \"Lapsed\", group 1, condition 4, measurement_filter.value: expected a number, found '3'.\n"
        "segment \"Lapsed\", group 2, condition 2, measurement_filter.value: expected a number, found '4'.\n"
        "2 more like these."
    )


REFUSED_WHOLE: dict[str, tuple[Json, str]] = {
    "a type that is close to one": (
        {"type": "profile-metrics"},
        (
            "type: expected one of profile-metric, profile-metric-funnel, profile-property, profile-attribute, "
            "profile-group-membership and 6 more, found 'profile-metrics'.\n\n"
            "Hint: Did you mean profile-metric? There is profile-metric, profile-metric-funnel, profile-property, "
            "profile-attribute, profile-group-membership, profile-marketing-consent, profile-permissions, "
            "profile-region, profile-predictive-analytics, klavnb-segment, klavnb-group."
        ),
    ),
    "custom objects": (
        {"type": "profile-has-custom-object", "object_type_id": "A", "filters": []},
        (
            "conditions on custom objects cannot be evaluated, because exports do not hold the objects.\n\n"
            "Hint: Leave the segment out, or write what it asks about to a profile property and ask for that."
        ),
    ),
    "distances": (
        {"type": "profile-postal-code-distance", "country_code": "DE", "unit": "kilometers"},
        (
            "conditions on the distance to a postal code cannot be evaluated, because klavnb knows no map.\n\n"
            "Hint: Ask for location['zip'] or location['city'] with a list of values instead "
            "(profile-property, operator in)."
        ),
    ),
    "a field that is not there": (
        metric(timeframe={}),
        (
            "there is no field 'timeframe' here.\n\nHint: Did you mean timeframe_filter? The fields are type, "
            "metric_id, measurement, measurement_filter, timeframe_filter, metric_filters, measured."
        ),
    ),
    "a date on an event": (
        of_event("Delivered On", **IN_30_DAYS),
        (
            "metric filter 1, filter.type: expected one of string, numeric, boolean, list, existence, found 'date'.\n\n"
            "Hint: There are no filters by date here; on events, use the condition's timeframe_filter."
        ),
    ),
    "a pattern that does not compile": (
        of_event("Size", type="string", operator="regex", value="(a"),
        (
            "metric filter 1, filter.value: the pattern '(a' cannot be used: unclosed group.\n\n"
            "Hint: Patterns have neither look-around nor back-references; a sign that stands for itself needs a \\."
        ),
    ),
    "a range that ends before it starts": (
        of_profile(type="date", operator="between-static", start="2026-02-01", end="2026-01-01"),
        (
            "filter.end: expected the day of start, 2026-02-01, or a later one, found '2026-01-01'.\n\n"
            "Hint: Swap start and end."
        ),
    ),
    "a relative range that ends before it starts": (
        of_profile(type="date", operator="between", start=90, end=30, unit="day"),
        "filter.end: expected 90, the number of start, or more, found 30.\n\nHint: Swap start and end.",
    ),
    "a funnel that begins with what did not happen": (
        funnel(step("Viewed Product", happened=False), step("Placed Order")),
        (
            "steps: the first step of a funnel has to be something that happened.\n\n"
            "Hint: Begin with a step whose metric_exists is true; the time of that event starts the funnel."
        ),
    ),
    "when one who is not in a list joined": (
        {"type": "profile-group-membership", "is_member": False, "group_ids": ["A"], "timeframe_filter": IN_30_DAYS},
        "there is no field 'timeframe_filter' here.\n\nHint: The fields are type, is_member, group_ids.",
    ),
    "a subscription that a channel does not have": (
        consent("sms", "any"),
        (
            "consent.consent_status.subscription: expected subscribed, found 'any'.\n\n"
            "Hint: With channel sms and can_receive_marketing true it is subscribed."
        ),
    ),
    "a count of a property": (
        metric(measured="Quantity"),
        (
            "measured: a count measures no property.\n\n"
            "Hint: Leave measured out, or measure sum, max, min, average or last."
        ),
    ),
    "a property that is no name": (
        of_profile("my size", type="existence", operator="is-set"),
        (
            "property: expected a profile's own property, such as email or location['city'], or properties['…'], "
            "found 'my size'.\n\nHint: A property of your own is written properties['my size']."
        ),
    ),
}


@pytest.mark.parametrize(("condition", "message"), REFUSED_WHOLE.values(), ids=REFUSED_WHOLE)
def test_a_message_says_what_is_wrong_and_what_to_do(condition: Json, message: str) -> None:
    assert refused_condition(condition) == message


def without(document: Json, field: str) -> Json:
    return {name: value for name, value in document.items() if name != field}


def number(value: object) -> Json:
    return metric(measurement_filter={**AT_LEAST_ONE, "value": value})


def dated(**fields: object) -> Json:
    return of_profile(**{"type": "date", "unit": "day", **fields})


REFUSED: list[tuple[Json, str]] = [
    (without(REGION, "type"), "type: expected one of profile-metric,"),
    (without(metric(), "timeframe_filter"), "timeframe_filter: expected this field, found nothing."),
    (metric(metric_id=7), "metric_id: expected a text, found 7."),
    (metric(metric_id=" "), "metric_id: expected a text, found ' '."),
    (metric(measurement="median"), "measurement: expected one of count, sum, max, min, average and 1 more"),
    (metric(timeframe_filter=None), "timeframe_filter: expected an object, found null."),
    (metric(timeframe_filter={"type": "date", "operator": "anniversary"}), "timeframe_filter.operator: expected one"),
    (metric(timeframe_filter={"type": "date", "operator": "alltime", "unit": "day"}), "timeframe_filter: there is no"),
    (metric(metric_filters={}), "metric_filters: expected a list, found an empty object."),
    (metric(metric_filters=["$value"]), "metric filter 1: expected an object, found '$value'."),
    (number(value=True), "measurement_filter.value: expected a number, found true."),
    (number("1"), "measurement_filter.value: expected a number, found '1'."),
    (number(float("nan")), "measurement_filter.value: expected a finite number, found nan."),
    (number(float("inf")), "measurement_filter.value: expected a finite number, found inf."),
    (number(10**400), "measurement_filter.value: expected a number below 1e308, found 1000"),
    (of_event("$value", type="text", operator="equals", value="a"), "metric filter 1, filter.type: expected one of"),
    (of_event("$value", type="string", operator="is", value="a"), "metric filter 1, filter.operator: expected one of"),
    (of_event("Size", type="string", operator="equals", value=3), "metric filter 1, filter.value: expected a text"),
    (of_event("Size", type="string", operator="in", value="a"), "metric filter 1, filter.value: expected a list"),
    (of_event("Size", type="string", operator="in", value=[]), "metric filter 1, filter.value: expected a list"),
    (
        of_event("Size", type="string", operator="in", value=["a", 3]),
        "metric filter 1, filter.value 2: expected a text",
    ),
    (of_event("Size", type="boolean", operator="equals", value=1), "metric filter 1, filter.value: expected true or"),
    (of_event("Size", type="existence", operator="is-set", value=1), "metric filter 1, filter: there is no field"),
    (of_event("Size", type="list", operator="length-equals", value=1.5), "metric filter 1, filter.value: expected a w"),
    (of_event("Size", type="list", operator="length-equals", value=-1), "metric filter 1, filter.value: expected a w"),
    (of_profile(type="list", operator="contains", value=True), "filter.value: expected a text, found true."),
    (dated(operator="in-the-last", quantity=-1), "filter.quantity: expected a whole number from 0 to 36500, found -1."),
    (dated(operator="in-the-last", quantity=1.5), "filter.quantity: expected a whole number from 0 to 36500"),
    (dated(operator="in-the-last", quantity=True), "filter.quantity: expected a whole number from 0 to 36500"),
    (dated(operator="in-the-last", quantity=10**30), "filter.quantity: expected a whole number from 0 to 36500"),
    (dated(operator="in-the-last", unit="month", quantity=1), "filter.unit: expected one of hour, day, week, found"),
    (dated(operator="between", start=1), "filter.end: expected this field, found nothing."),
    (of_profile(type="date", operator="calendar-month", value=13), "filter.value: expected a whole number from 1 to"),
    (of_profile(type="date", operator="before"), "filter.date: expected this field, found nothing."),
    (of_profile(type="date", operator="before", date="31.1.2026"), "filter.date: expected a date such as 2026-01-31"),
    (of_profile(type="date", operator="before", date="2026-02-30"), "filter.date: expected a date such as"),
    (of_profile(type="date", operator="before", date="0001-01-01T00:00:00+09:00"), "filter.date: expected a date such"),
    (of_profile(type="date", operator="before", date=20260131), "filter.date: expected a text, found 20260131."),
    (of_profile(type="date", operator="alltime"), "filter.operator: expected one of"),
    (funnel(), "steps: expected a list with at least one step, found an empty list."),
    (funnel(step("a"), {"metric_id": "b"}), "step 2, metric_exists: expected this field, found nothing."),
    (funnel(step("a"), completion_window_seconds="DAYS_2"), "completion_window_seconds: expected one of"),
    (funnel(step("a"), completion_window_seconds=3600), "completion_window_seconds: expected one of"),
    (
        funnel(step("a"), timeframe_filter={"type": "date", "operator": "alltime"}),
        "timeframe_filter.operator: expected",
    ),
    ({"type": "profile-group-membership", "is_member": True, "group_ids": []}, "group_ids: expected a list with at"),
    ({"type": "profile-group-membership", "is_member": 1, "group_ids": ["A"]}, "is_member: expected true or false"),
    ({**REGION, "region": "europe"}, "region: expected one of european_union, united_states, found 'europe'."),
    ({**REGION, "in_region": None}, "in_region: expected true or false, found null."),
    (consent("letter", "any"), "consent.channel: expected one of email, sms, push, found 'letter'."),
    (consent("email", "subscribed", BOUNCED), "consent filter 1, field: expected one of is_double_opt_in,"),
    (consent("email", "subscribed", BY_CONSTANT_CONTACT), "consent filter 1, filter.value 1: expected shopify, found"),
    (consent("email", "subscribed", without(BY_SHOPIFY, "filter")), "consent filter 1, filter: expected this field"),
    (consent("email", "subscribed", {"field": "method", "method": "fax"}), "consent filter 1, method: expected one of"),
    (consent("email", "subscribed", reached=False), "consent.consent_status.filters: expected this field, found"),
    (consent("push", "any", STATUS_DATE, reached=False), "consent.consent_status: there is no field 'filters' here."),
    (
        consent("sms", "unsubscribed", {"field": "method", "method": "sftp", "filter": {}}, reached=False),
        "consent filter 1: there is no field 'filter' here.",
    ),
    (permission("reachable"), "permission.reachable_status: expected one of explicitly_reachable"),
    (permission("explicitly_reachable"), "permission.filters: expected this field, found nothing."),
    (permission("implicitly_reachable", filters=[]), "permission: there is no field 'filters' here."),
    ({**permission("implicitly_reachable"), "channel": "sms"}, "channel: expected one of whatsapp_marketing,"),
    (prediction("clv", filter=AT_LEAST_ONE), "dimension: expected one of"),
    (prediction("predicted_clv", filter=IN_30_DAYS), "filter.type: expected numeric, found 'date'."),
    (prediction("channel_affinity", filter=AT_LEAST_ONE), "measurement: expected this field, found nothing."),
    (
        prediction(
            "channel_affinity",
            measurement="priority",
            predicted_channel="email",
            filter={"type": "numeric", "operator": "equals", "value": 0},
        ),
        "filter.value: expected a whole number from 1 to 4, found 0.",
    ),
    (
        prediction("predicted_gender", filter={"type": "string", "operator": "equals", "value": "male"}),
        "filter.value: expected one of likely_female, likely_male, uncertain, found 'male'.",
    ),
    (group("some", REGION), "match: expected one of all, any, none, found 'some'."),
    (group("any"), "conditions: expected a list with at least one part, found an empty list."),
    (group("any", REGION, {"type": "klavnb-segment"}), "part 2, segment: expected this field, found nothing."),
]


@pytest.mark.parametrize(("condition", "message"), REFUSED)
def test_what_breaks_the_specification_is_refused_where_it_stands(condition: Json, message: str) -> None:
    assert refused_condition(condition).startswith(message)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"condition_groups": []}, "condition_groups: expected a list with at least one group, found an empty list."),
        ({"condition_groups": None}, "condition_groups: expected a list with at least one group, found null."),
        (
            {"condition_groups": [{"conditions": []}]},
            "group 1, conditions: expected a list with at least one condition, found an empty list.",
        ),
        (definition("odd"), "group 1, condition 1: expected an object, found 'odd'."),
        (definition(REGION, exclusions=[]), "exclusions: expected a list with at least one exclusion, found an"),
        (definition(REGION, exclusions=[{}]), "exclusion 1, type: expected one of"),
    ],
)
def test_what_holds_no_condition_is_refused(document: Json, message: str) -> None:
    assert refused(document).startswith(f'segment "Lapsed", {message}')


def nest(depth: int) -> Json:
    nested = REGION
    for _ in range(depth):
        nested = group("any", nested)
    return nested


def test_groups_lie_at_most_fifty_deep_in_one_another() -> None:
    deepest = parse_definition(definition(nest(50)))
    assert describe_definition(deepest) == "Is in the European Union."
    assert parse_definition(to_document(deepest)) == deepest
    assert "groups lie more than 50 deep in one another here." in refused(definition(nest(51)))


@pytest.mark.parametrize("depth", [300, 1_000, 100_000])
def test_a_file_of_objects_deep_in_one_another_is_refused(tmp_path: Path, depth: int) -> None:
    head, tail = '{"type": "klavnb-group", "match": "any", "conditions": [', "]}"
    nested = f'{{"condition_groups": [{{"conditions": [{head * depth}{tail * depth}]}}]}}'
    path = tmp_path / "deep.json"
    path.write_text(nested, encoding="utf-8")
    assert " deep in one another" in refused_file(path)


# Files


def test_a_file_holds_one_definition_that_is_called_like_it(tmp_path: Path) -> None:
    assert [found.name for found in read_definitions(write(tmp_path, definition(REGION), "Our Europe.json"))] == [
        "Our Europe"
    ]


NAMED = {"name": "Europe", "definition": definition(REGION)}
OTHER = {"name": "Orders", "definition": definition(metric())}


@pytest.mark.parametrize(
    ("document", "names"),
    [
        (NAMED, ["Europe"]),
        ({**NAMED, "note": "Those nearby."}, ["Europe"]),
        ([NAMED, OTHER], ["Europe", "Orders"]),
        ({"segments": [NAMED, OTHER]}, ["Europe", "Orders"]),
        ([definition(REGION)], ["lapsed"]),
        ([{"definition": definition(REGION)}], ["lapsed"]),
    ],
)
def test_a_file_holds_one_definition_or_many(tmp_path: Path, document: object, names: list[str]) -> None:
    assert [found.name for found in read_definitions(write(tmp_path, document))] == names


def resource(name: str | None, conditions: Json, segment_id: str) -> Json:
    """A segment as Klaviyo's API answers."""
    return {
        "type": "segment",
        "id": segment_id,
        "attributes": {
            "name": name,
            "definition": conditions,
            "created": "2026-01-31T00:00:00+00:00",
            "is_active": True,
            "is_processing": False,
            "is_starred": False,
        },
        "relationships": {},
        "links": {"self": "https://api.example.com/segments/A1"},
    }


def test_an_answer_of_the_api_is_read_with_ids(tmp_path: Path) -> None:
    pages = {
        "data": [resource("Europe", definition(REGION), "A1"), resource(None, definition(metric()), "B2")],
        "links": {"next": None},
    }
    found = read_definitions(write(tmp_path, pages))
    assert [(each.name, each.id) for each in found] == [("Europe", "A1"), ("B2", "B2")]
    one = read_definitions(write(tmp_path, {"data": resource("Europe", definition(REGION), "A1")}))
    assert one == found[:1]
    assert parse_definition(resource("Europe", definition(REGION), "A1")) == found[0]


def test_a_folder_holds_the_definitions_of_its_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    reference = definition({"type": "klavnb-segment", "segment": "Europe", "is_member": False})
    write(tmp_path, reference, "elsewhere.json")
    write(tmp_path, [NAMED, OTHER], "both.json")
    assert [found.name for found in read_definitions(tmp_path)] == ["Europe", "Orders", "elsewhere"]


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "europe.json"
    path.write_text(json.dumps(NAMED), encoding="utf-8-sig")
    assert read_definitions(path)[0].name == "Europe"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "lapsed.json: expected JSON, found an empty file."),
        (b'{"condition_groups": [', "lapsed.json: expected JSON, found something else"),
        (b'{"condition_groups": NaN}', "lapsed.json: expected JSON, found something else"),
        (b'{"condition_groups": 1e999}', "lapsed.json: expected JSON, found something else"),
        (b'"\xff"', "lapsed.json: expected JSON, found something else"),
        (b"7", "lapsed.json: expected an object or a list, found 7."),
        (b"[]", "lapsed.json: expected a list with at least one segment, found an empty list."),
        (b"[7]", "lapsed.json, segment 1: expected a definition, found 7."),
        (b"{}", "lapsed.json: expected a definition, found an object with no fields."),
        (b'{"conditions": []}', "lapsed.json: expected a definition, found an object with conditions."),
        (b'{"data": {"type": "list", "attributes": {}}}', "lapsed.json, type: expected segment, found 'list'."),
        (b'{"name": "A", "definition": null}', 'lapsed.json, segment "A", definition: expected an object, found null.'),
        (b'{"name": 7, "definition": {}}', "lapsed.json, name: expected a text, found 7."),
        (b'{"name": "A", "definition": {}}', 'lapsed.json, segment "A", condition_groups: expected this field, found'),
    ],
)
def test_a_file_that_holds_no_definition_is_refused(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "lapsed.json"
    path.write_bytes(text)
    assert refused_file(path).startswith(message)


def test_among_many_every_definition_needs_a_name(tmp_path: Path) -> None:
    assert refused_file(write(tmp_path, [NAMED, definition(REGION)])) == (
        "lapsed.json, segment 2, name: expected a name, found nothing.\n\n"
        "Hint: Only the single definition of a file may do without."
    )


def test_mistakes_of_several_segments_are_told_together(tmp_path: Path) -> None:
    wrong = [{"name": name, "definition": definition({**REGION, "region": "x"})} for name in ("A", "B")]
    assert refused_file(write(tmp_path, [wrong[0], NAMED, wrong[1]])) == (
        'lapsed.json, segment "A", group 1, condition 1, region: expected one of european_union, united_states, '
        "found 'x'.\n"
        'lapsed.json, segment "B", group 1, condition 1, region: expected one of european_union, united_states, '
        "found 'x'."
    )


def test_a_name_cannot_break_the_lines_of_a_message() -> None:
    with pytest.raises(DefinitionError, match=r'^segment "two lines", condition_groups: expected'):
        parse_definition({"condition_groups": []}, name="two\nlines")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "cannot be read: No such file or directory." in refused_file(tmp_path / "none.json")
    assert "holds no JSON file." in refused_file(tmp_path)


# Names


def refers(name: str, *others: str) -> Definition:
    parts = tuple(SegmentCondition(segment=other) for other in others)
    europe = RegionCondition(in_region=True, region="european_union")
    return Definition(name=name, root=Group(match="all", parts=(Group(match="any", parts=(europe, *parts)),)))


def test_segments_may_refer_to_others_in_any_order() -> None:
    check_names([refers("A", "B", "C"), refers("B", "C"), refers("C")])


@pytest.mark.parametrize(
    ("given_definitions", "message"),
    [
        (
            [refers("A"), refers("B"), refers("A")],
            'More than one segment is called "A".\n\nHint: Give each its own name: results are told apart by it.',
        ),
        (
            [refers("Lapsed", "Activ"), refers("Active")],
            'Segment "Lapsed" refers to "Activ", which is not among the definitions.\n\nHint: Did you mean "Active"?',
        ),
        (
            [refers("Lapsed", "Europe")],
            'Segment "Lapsed" refers to "Europe", which is not among the definitions.\n\nHint: There is "Lapsed".',
        ),
        (
            [refers("A", "B"), refers("B", "C"), refers("C", "A")],
            (
                'Segments refer to each other in a circle: "A" → "B" → "C" → "A".\n\n'
                "Hint: Take one of these conditions out."
            ),
        ),
        (
            [refers("A", "A")],
            'Segments refer to each other in a circle: "A" → "A".\n\nHint: Take one of these conditions out.',
        ),
    ],
)
def test_names_that_do_not_add_up_are_refused(given_definitions: list[Definition], message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        check_names(given_definitions)
    assert str(caught.value) == message


def test_a_long_chain_of_segments_is_no_circle() -> None:
    check_names([*(refers(str(number), str(number + 1)) for number in range(5_000)), refers("5000")])


def test_the_names_of_a_file_are_checked(tmp_path: Path) -> None:
    assert refused_file(write(tmp_path, [NAMED, NAMED])).startswith(
        'lapsed.json: More than one segment is called "Europe".'
    )


# Back to JSON


@given(conditions())
@hundreds
def test_every_condition_is_written_so_that_it_reads_back_the_same(condition: Condition) -> None:
    known = Definition(name="one", root=Group(match="all", parts=(Group(match="any", parts=(condition,)),)))
    assert parse_definition(json.loads(json.dumps(to_document(known)))) == known


@given(definitions())
@thoroughly
def test_every_definition_reads_back_the_same_and_can_be_told(known: Definition) -> None:
    assert parse_definition(json.loads(json.dumps(to_document(known))), name="another") == known
    sentence = describe_definition(known)
    assert sentence.endswith(".")
    for condition in find_conditions(known.root):
        assert describe_condition(condition)[1:] in sentence  # the first letter of a sentence is a capital


@given(groups())
@thoroughly
def test_a_root_of_another_shape_reads_back_as_asking_the_same(part: Condition | Group) -> None:
    root = part if isinstance(part, Group) else Group(match="none", parts=(part,))
    found = parse_definition(to_document(Definition(name="odd", root=root)))
    assert describe_definition(found) == describe_definition(Definition(name="odd", root=root))


# Goals, and the definitions that are shipped


def test_goals_ask_for_one_order_for_all_orders_and_for_an_item() -> None:
    assert describe_definition(single_order_at_least(1000, days=30)) == (
        "Placed Order at least 1 time in the last 30 days where $value is at least 1,000."
    )
    assert describe_definition(total_spent_at_least(1000)) == (
        "Placed Order with a total $value of at least 1,000 over all time."
    )
    assert describe_definition(ordered_item("Size", "medium", days=30)) == (
        "Placed Order at least 1 time in the last 30 days where Items has an item whose Size is “medium”."
    )
    assert describe_definition(ordered_item("Size", "M", items="Lines", metric="Fulfilled Order")) == (
        "Fulfilled Order at least 1 time over all time where Lines has an item whose Size is “M”."
    )


def test_a_goal_is_the_definition_that_klaviyo_would_write() -> None:
    asked, expected, _ = LITERAL["one order of at least 1,000 in 30 days"]
    goal = single_order_at_least(1000, days=30, metric="PLCORD")
    assert goal.root == Group(match="all", parts=(Group(match="any", parts=(expected,)),))
    assert to_document(goal)["definition"] == definition(asked)


def test_goals_have_names_that_tell_them_apart() -> None:
    goals = [
        single_order_at_least(1000, days=30),
        single_order_at_least(1000, days=1),
        single_order_at_least(99.5),
        single_order_at_least(99.5, metric="Started Checkout"),
        total_spent_at_least(1000, days=30),
        total_spent_at_least(1000),
        ordered_item("Size", "medium", days=30),
        ordered_item("Size", "medium", metric="Ordered Product"),
    ]
    assert [goal.name for goal in goals] == [
        "One order of at least 1,000 in the last 30 days",
        "One order of at least 1,000 in the last day",
        "One order of at least 99.5, ever",
        "One Started Checkout of at least 99.5, ever",
        "Orders of at least 1,000 in total in the last 30 days",
        "Orders of at least 1,000 in total, ever",
        "An item with Size “medium” ordered in the last 30 days",
        "An item with Size “medium” ordered by Ordered Product, ever",
    ]
    check_names(goals)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "1000"])
def test_a_goal_needs_a_number(value: float) -> None:
    with pytest.raises(DefinitionError, match="The value of an order should be a finite number, found"):
        single_order_at_least(value)


@pytest.mark.parametrize("days", [0, -1, 1.5, True, 36_501])
def test_a_goal_needs_whole_days(days: int) -> None:
    with pytest.raises(DefinitionError, match="The days should be a whole number from 1 to 36,500, found"):
        total_spent_at_least(1000, days=days)


def test_the_shipped_definitions_say_what_they_ask() -> None:
    assert {found.name: describe_definition(found) for found in read_definitions(SHIPPED)} == {
        "Engaged but never ordered": (
            "Placed Order zero times over all time and (Clicked Email at least 1 time in the last 60 days "
            "or Clicked SMS at least 1 time in the last 60 days or (Opened Email at least 2 times in the last 60 days "
            "and (Viewed Product at least 1 time in the last 60 days "
            "or Active on Site at least 2 times in the last 60 days)))."
        ),
        "High value at risk": (
            "Placed Order at least 2 times over all time "
            "and Placed Order with a total $value of at least 200 over all time "
            "and Placed Order zero times in the last 90 days "
            "and Placed Order at least 1 time between 90 and 365 days ago."
        ),
        "Lapsed customers": (
            "Placed Order at least 1 time over all time and Placed Order zero times in the last 180 days."
        ),
        "Medium print in 30 days": (
            "Placed Order at least 1 time in the last 30 days where Items has an item whose Size is “medium”."
        ),
        "Repeat buyers": "Placed Order at least 2 times over all time.",
        "Single large order": "Placed Order at least 1 time in the last 90 days where $value is at least 300.",
    }


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.json")), ids=lambda path: path.stem)
def test_a_shipped_definition_has_a_note_and_is_written_as_klavnb_writes_it(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document.pop("note")
    assert to_document(read_definitions(path)[0]) == document
