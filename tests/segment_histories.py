"""Histories of a few profiles, and definitions that ask about them, by chance."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import segment_oracle as oracle
from builders import MICROSECOND, SECOND, Row
from hypothesis import strategies as st

from klavnb.definitions.conditions import (
    BooleanFilter,
    Condition,
    ConsentCondition,
    ConsentFilter,
    DateFilter,
    Definition,
    ExistenceFilter,
    FunnelCondition,
    FunnelStep,
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
from klavnb.schemas import Event, Profile
from klavnb.segments import Calendar

FIRST = datetime(2024, 2, 24, tzinfo=UTC)
DAYS = 45
"""The history spans 29 February and, in Vienna, the change of the clocks on 31 March."""

METRICS = ("Placed Order", "Viewed Product", "Started Checkout")
PROFILES = tuple(f"p{number}" for number in range(5))
GROUPS = ("L1", "L2")


def numbers() -> st.SearchStrategy[float]:
    return st.sampled_from([0.0, 10.0, 10.1, 20.2, 0.1, 0.3, -5.0, 1000.0, 19.9999])


thresholds = st.sampled_from([0.0, 1.0, 2.0, 0.5, 3.0, 10.0, 10.1, 20.2, 30.3, 0.4, -5.0, 1000.0, 15.05])


@st.composite
def times(draw: st.DrawFn) -> datetime:
    """Often on, before or after a midnight of either zone, so that every boundary is met."""
    day = FIRST + timedelta(days=draw(st.integers(0, DAYS)))
    hour = draw(st.sampled_from([0, 0, 22, 23, 10, 13]))
    offset = draw(st.sampled_from([timedelta(0), timedelta(0), -SECOND, SECOND, -MICROSECOND, MICROSECOND]))
    return day + timedelta(hours=hour) + offset


item = st.fixed_dictionaries(
    {"Quantity": st.sampled_from([1, 2, 3, "3", 2.5, "x", None])},
    optional={"Size": st.sampled_from(["small", "small", "medium", "", None])},
)
properties = st.fixed_dictionaries(
    {"Items": st.lists(item, min_size=1, max_size=3) | st.lists(item, max_size=3) | st.just("none")},
    optional={
        "Size": st.sampled_from(["small", "medium", "", None, 5]),
        "Price": st.sampled_from([5, "7.50", 20.2, "n/a", None]),
        "Gift": st.sampled_from([True, False, "true", "False", "maybe"]),
        "Tags": st.sampled_from([[], ["red"], ["red", "dark blue"], ["blue", 5], "red"]),
        "List": st.sampled_from(["L1", "L2", "Newsletter"]),
    },
).map(json.dumps)
OF_CONSENT = ("Subscribed to Email Marketing", "Unsubscribed", "Subscribed to List", "Unsubscribed from List")


@st.composite
def histories(
    draw: st.DrawFn, metrics: Sequence[str] = (*METRICS, *OF_CONSENT)
) -> tuple[list[Row], list[Row], list[Row]]:
    events, profiles, groups = [], [], []
    for name in PROFILES:
        events += draw(st.lists(event_rows(name, metrics), max_size=10))
        if draw(st.integers(0, 3)):
            profiles.append(draw(profile_rows(name)))
        groups += [draw(member_rows(name, group)) for group in GROUPS if draw(st.integers(0, 3)) == 0]
    events = [{**event, "event_id": f"e{place * 7919 % 1009}"} for place, event in enumerate(events)]
    known = {row["profile_id"] for row in events + profiles}
    return events, profiles, [row for row in groups if row["profile_id"] in known]


def member_rows(name: str, group: str) -> st.SearchStrategy[Row]:
    return st.fixed_dictionaries(
        {
            "group_id": st.just(group),
            "profile_id": st.just(name),
            "group_name": st.just("Newsletter" if group == "L1" else None),
            "joined_at": st.none() | times(),
        }
    )


def event_rows(name: str, metrics: Sequence[str]) -> st.SearchStrategy[Row]:
    empty = {column: st.none() for column in Event.column_names()}
    return st.fixed_dictionaries(
        {
            **empty,
            "profile_id": st.just(name),
            "metric": st.sampled_from(metrics),
            "occurred_at": times(),
            "value": st.none() | numbers(),
            "properties": st.none() | properties,
        }
    )


spelled_times = times().map(lambda time: time.isoformat()) | times().map(lambda time: time.date().isoformat())
date_texts = spelled_times | st.sampled_from(["1980-02-29", "1999-03-31", "2025-02-28T12:00:00", "soon", ""])


@st.composite
def consents(draw: st.DrawFn) -> str:
    def record(flag: str) -> dict[str, object]:
        status = draw(st.sampled_from(["SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED"]))
        reasons = draw(st.lists(st.sampled_from(["HARD_BOUNCE", "USER_SUPPRESSED"]), max_size=2))
        return {
            "consent": status,
            "consent_timestamp": draw(st.none() | times().map(lambda time: time.isoformat())),
            flag: draw(st.booleans()),
            "method": draw(st.sampled_from(["FORM", "API", None])),
            "method_detail": draw(st.sampled_from(["f1", "f2", None])),
            "custom_method_detail": draw(st.sampled_from(["stall", None])),
            "double_optin": draw(st.sampled_from([True, False, None])),
            "suppression": [
                {"reason": reason, "timestamp": draw(times()).isoformat()} for reason in dict.fromkeys(reasons)
            ],
        }

    document = {
        "email": {"marketing": record("can_receive_email_marketing")},
        "sms": {"marketing": record("can_receive_sms_marketing")},
        "mobile_push": None,
        "whatsapp": {"marketing": record("can_receive")},
    }
    return json.dumps({name: document[name] for name in draw(st.sets(st.sampled_from(sorted(document))))})


@st.composite
def profile_rows(draw: st.DrawFn, name: str) -> Row:
    own = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "Birthday": date_texts,
                "Size": st.sampled_from(["small", "medium", "", None]),
                "Points": st.sampled_from([0, 10, "10", "12.5", "many", None]),
                "Tags": st.sampled_from([[], ["red"], ["red", "blue"]]),
            },
        )
    )
    predictions = {
        "predicted_clv": draw(st.none() | numbers()),
        "expected_date_of_next_order": draw(st.none() | spelled_times),
        "ranked_channel_affinity": draw(st.none() | st.permutations(["email", "sms"])),
    }
    location = {"country": draw(st.sampled_from(["Austria", "US", "Switzerland", "", None])), "city": "Vienna"}
    return {
        **dict.fromkeys(Profile.column_names()),
        "profile_id": name,
        "email": draw(st.sampled_from([None, f"{name}@example.com"])),
        "phone_number": draw(st.sampled_from([None, "+4315550100", "+12045550100"])),
        "created_at": draw(st.none() | times()),
        "location": json.dumps(location),
        "predictions": json.dumps(predictions),
        "consent": draw(st.none() | consents()),
        "properties": json.dumps(own),
    }


# Definitions by chance, about what is in the histories


def amounts(unit: str) -> st.SearchStrategy[int]:
    return {
        "day": st.sampled_from([0, 1, 2, 7, 30, 400]),
        "week": st.sampled_from([0, 1, 2]),
        "hour": st.sampled_from([0, 1, 24, 49]),
    }[unit]


@st.composite
def timeframes(draw: st.DrawFn, operators: Sequence[str]) -> DateFilter:
    name = draw(st.sampled_from(operators))
    unit = draw(st.sampled_from(["day", "day", "week", "hour"]))
    near, far = sorted([draw(amounts(unit)), draw(amounts(unit))])
    start_on, end_on = sorted([draw(times()).date(), draw(times()).date()])
    match name:
        case "before" | "after":
            return DateFilter(operator=name, start_on=start_on)
        case "between-static":
            return DateFilter(operator=name, start_on=start_on, end_on=end_on)
        case "calendar-month":
            return DateFilter(operator=name, month=draw(st.integers(2, 4)))
        case "alltime" | "anniversary" | "anniversary-month":
            return DateFilter(operator=name)
        case "between":
            return DateFilter(operator=name, unit=unit, nearest=near, farthest=far)
        case _:
            return DateFilter(operator=name, unit=unit, quantity=far)


moving = ("in-the-last", "at-least", "between", "in-the-next")
fixed = ("before", "after", "between-static")
yearly = ("anniversary-last", "anniversary-next")
event_times = timeframes([*moving[:3], *moving[:3], *moving, *fixed, *yearly, "alltime", "alltime"])
funnel_times = timeframes([*moving, "between-static", *yearly])
property_times = timeframes([*moving, *fixed, *yearly, "anniversary", "anniversary-month", "calendar-month"])

numeric = st.builds(NumericFilter, operator=st.sampled_from(sorted(oracle.COMPARE)), value=thresholds)
existence = st.builds(ExistenceFilter, is_set=st.booleans())
text = st.builds(
    lambda operator, value: TextFilter(operator=operator, values=(value,)),
    st.sampled_from(
        [
            "equals",
            "contains",
            "starts-with",
            "ends-with",
            "regex",
            "nregex",
            "in",
            "not-equals",
            "not-contains",
            "not-starts-with",
            "not-ends-with",
            "not-in",
        ]
    ),
    st.sampled_from(["small", "m", "al", "Small", "5"]),
)
lists = st.builds(
    lambda operator, value: ListFilter(operator=operator, values=(value,)),
    st.sampled_from(
        [
            "contains",
            "not-contains",
            "contains-any",
            "contains-all",
            "not-contains-any",
            "not-contains-all",
            "contains-substring",
            "not-contains-substring",
        ]
    ),
    st.sampled_from(["red", "blue", "5"]),
) | st.builds(
    lambda operator, value: ListFilter(operator=f"length-{operator}", values=(value,)),
    st.sampled_from(sorted(set(oracle.COMPARE) - {"not-equals"})),
    st.integers(0, 2),
)
boolean = st.builds(BooleanFilter, value=st.booleans())
filters = st.one_of(
    st.builds(PropertyFilter, path=st.just("$value"), filter=numeric | existence),
    st.builds(PropertyFilter, path=st.sampled_from(["Size", "Price"]), filter=text | existence | numeric),
    st.builds(PropertyFilter, path=st.just("Gift"), filter=boolean),
    st.builds(PropertyFilter, path=st.just("Tags"), filter=lists),
    st.builds(PropertyFilter, path=st.just("Items[*].Size"), filter=text | existence),
    st.builds(PropertyFilter, path=st.just("Items[*].Quantity"), filter=numeric | existence),
)
metric_filters = st.just(()) | st.lists(filters, max_size=2).map(tuple)

metric_conditions = st.builds(
    MetricCondition,
    metric=st.sampled_from(["Placed Order", "Placed Order", "VIEWED"]),
    measurement=st.sampled_from(["count", "count", "sum", "sum", "max", "min", "average", "last"]),
    measurement_filter=numeric,
    timeframe=event_times,
    metric_filters=metric_filters,
    measured=st.sampled_from(["$value", "$value", "$value", "Price", "Items[*].Quantity"]),
)


@st.composite
def funnels(draw: st.DrawFn) -> FunnelCondition:
    metrics = st.sampled_from(METRICS)
    first = st.builds(FunnelStep, metric=metrics, metric_exists=st.just(value=True), metric_filters=metric_filters)
    others = st.lists(st.builds(FunnelStep, metric=metrics, metric_exists=st.booleans()), max_size=4)
    steps = [draw(first), *draw(others)]
    return FunnelCondition(
        timeframe=draw(funnel_times),
        steps=tuple(steps),
        completion_window_hours=draw(st.sampled_from([None, 1, 24, 72, 8760])),
    )


property_conditions = st.one_of(
    st.builds(PropertyCondition, property=st.just("properties['Birthday']"), filter=property_times | existence),
    st.builds(PropertyCondition, property=st.just("created"), filter=property_times | existence),
    st.builds(PropertyCondition, property=st.sampled_from(["properties['Size']", "email"]), filter=text | existence),
    st.builds(PropertyCondition, property=st.just("properties['Points']"), filter=numeric | text),
    st.builds(PropertyCondition, property=st.just("properties['Tags']"), filter=lists | existence),
)
details = st.one_of(
    st.builds(ConsentFilter, field=st.just("is_double_opt_in"), filter=boolean),
    st.builds(ConsentFilter, field=st.just("status_date"), filter=property_times),
    st.builds(
        ConsentFilter, field=st.just("custom_source"), filter=st.just(TextFilter(operator="equals", values=("stall",)))
    ),
    st.builds(
        ConsentFilter,
        field=st.just("method"),
        method=st.sampled_from(["form", "api"]),
        filter=st.none() | st.just(TextFilter(operator="in", values=("f1",))),
    ),
    st.builds(ConsentFilter, field=st.sampled_from(["bounce_date", "manual_suppression_date"]), filter=property_times),
    st.builds(ConsentFilter, field=st.just("bounce_date"), filter=st.just(ExistenceFilter(is_set=True))),
)
other_conditions = st.one_of(
    st.builds(
        ConsentCondition,
        channel=st.sampled_from(["email", "email", "sms", "push"]),
        can_receive_marketing=st.booleans(),
        subscription=st.sampled_from(["any", "subscribed", "unsubscribed", "never_subscribed"]),
        filters=st.lists(details, max_size=2).map(tuple),
    ),
    st.builds(
        PermissionCondition,
        channel=st.just("whatsapp_marketing"),
        reachable_status=st.sampled_from(
            [
                "explicitly_reachable",
                "implicitly_reachable",
                "implicitly_or_explicitly_reachable",
                "explicitly_unreachable",
                "implicitly_unreachable",
                "implicitly_or_explicitly_unreachable",
            ]
        ),
        filters=st.just(())
        | st.builds(ConsentFilter, field=st.just("effective_date"), filter=property_times).map(lambda one: (one,)),
    ),
    st.builds(RegionCondition, in_region=st.booleans(), region=st.sampled_from(["european_union", "united_states"])),
    st.builds(
        GroupMembershipCondition,
        is_member=st.booleans(),
        group_ids=st.lists(st.sampled_from([*GROUPS, "S1"]), min_size=1, max_size=2, unique=True).map(tuple),
    ),
    st.builds(
        GroupMembershipCondition,
        is_member=st.just(value=True),
        group_ids=st.lists(st.sampled_from(GROUPS), min_size=1, max_size=2, unique=True).map(tuple),
        timeframe=timeframes([*moving, *fixed]),
    ),
    st.builds(
        PredictionCondition,
        dimension=st.sampled_from(
            ["predicted_clv", "historic_clv", "historic_number_of_orders", "average_order_value"]
        ),
        filter=numeric,
    ),
    st.builds(PredictionCondition, dimension=st.just("expected_date_of_next_purchase"), filter=property_times),
    st.builds(
        PredictionCondition,
        dimension=st.just("channel_affinity"),
        measurement=st.just("priority"),
        predicted_channel=st.just("sms"),
        filter=st.builds(NumericFilter, operator=st.just("equals"), value=st.sampled_from([1.0, 2.0])),
    ),
    st.builds(SegmentCondition, segment=st.just("Referred"), is_member=st.booleans()),
)
conditions: st.SearchStrategy[Condition] = st.one_of(
    metric_conditions, metric_conditions, metric_conditions, funnels(), property_conditions, other_conditions
)


def group_of(parts: st.SearchStrategy[Condition | Group]) -> st.SearchStrategy[Group]:
    some = st.lists(parts, min_size=1, max_size=3).map(tuple)
    return st.builds(Group, match=st.sampled_from(["all", "any", "none"]), parts=some)


def just(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Group]:
    return parts.map(lambda part: Group(match="all", parts=(part,)))


groups = group_of(st.one_of(conditions, conditions, group_of(conditions)))
REFERRED = Definition(
    name="Referred",
    id="S1",
    root=Group(
        match="all",
        parts=(
            MetricCondition(
                metric="Viewed Product",
                measurement="count",
                measurement_filter=NumericFilter(operator="greater-than", value=0),
                timeframe=DateFilter(operator="in-the-last", quantity=3),
            ),
        ),
    ),
)


def some_definitions(root: st.SearchStrategy[Group], count: int) -> st.SearchStrategy[list[Definition]]:
    return st.lists(root, min_size=count, max_size=count).map(
        lambda roots: [REFERRED, *(Definition(name=f"segment {place}", root=each) for place, each in enumerate(roots))]
    )


calendars = st.builds(
    Calendar,
    st.sampled_from(["UTC", "UTC", "Europe/Vienna"]),
    st.sampled_from(["28 February", "1 March", "never"]),
)
