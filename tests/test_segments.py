import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeAlias

import dataframely as dy
import polars as pl
import pytest
from builders import MICROSECOND
from polars.testing import assert_frame_equal
from segment_builders import account, asks, count, happened, measure, members, person, stays_of, utc

from klavnb.definitions import (
    ordered_item,
    parse_definition,
    read_definitions,
    single_order_at_least,
    total_spent_at_least,
)
from klavnb.definitions.conditions import (
    BooleanFilter,
    ConsentCondition,
    ConsentFilter,
    DateFilter,
    Definition,
    ExistenceFilter,
    Filter,
    FunnelCondition,
    FunnelStep,
    Group,
    GroupMembershipCondition,
    ListFilter,
    ListOperator,
    NumericFilter,
    PredictionCondition,
    PropertyCondition,
    PropertyFilter,
    RegionCondition,
    SegmentCondition,
    TextFilter,
)
from klavnb.errors import DefinitionError, SettingsError
from klavnb.export import Export
from klavnb.schemas import Membership, SegmentSize
from klavnb.segments import (
    Calendar,
    describe_history,
    find_instant,
    find_memberships,
    measure_overlap,
    segment_members,
    segment_sizes,
)
from klavnb.segments.calendar import read_date
from klavnb.segments.countries import COUNTRIES
from klavnb.store import read_export

LeapDay: TypeAlias = Literal["28 February", "1 March", "never"]

VIENNA = Calendar("Europe/Vienna")
SECOND = timedelta(seconds=1)
ALLTIME = DateFilter(operator="alltime")
MARCH_10 = "2026-03-10 12:00:00"


def last(days: int, unit: str = "day") -> DateFilter:
    return DateFilter(operator="in-the-last", quantity=days, unit=unit)


def of_value(operator: str, value: float) -> PropertyFilter:
    return PropertyFilter(path="$value", filter=NumericFilter(operator=operator, value=value))


def text(operator: str, *values: str) -> TextFilter:
    return TextFilter(operator=operator, values=values)


def read(condition: Mapping[str, Any]) -> Definition:
    return parse_definition({"condition_groups": [{"conditions": [condition]}]})


# Moments and days


def test_a_day_means_its_end_and_a_moment_itself() -> None:
    assert find_instant("2026-03-01") == datetime(2026, 3, 1, 23, 59, 59, 999_999, tzinfo=UTC)
    assert find_instant(date(2026, 3, 1)) == find_instant("2026-03-01")
    assert find_instant(utc("2026-03-01 12:00:00")) == utc("2026-03-01 12:00:00")
    assert find_instant(date.max).year == 9999


def test_the_end_of_a_day_is_that_of_the_calendar_s_zone() -> None:
    assert find_instant("2026-03-28", VIENNA) + MICROSECOND == utc("2026-03-28 23:00:00")
    assert find_instant("2026-03-29", VIENNA) + MICROSECOND == utc("2026-03-29 22:00:00")


def test_a_day_may_begin_where_clocks_leap_over_midnight() -> None:
    assert find_instant("2018-11-03", Calendar("America/Sao_Paulo")) + MICROSECOND == utc("2018-11-04 03:00:00")
    assert find_instant("2018-11-04", Calendar("America/Sao_Paulo")) + MICROSECOND == utc("2018-11-05 02:00:00")


@pytest.mark.parametrize("text", ["2026-13-01", "1 March", "2026-02-29", "", "2026-03-01T00:00:00"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="YYYY-MM-DD"):
        read_date(text)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(SettingsError, match="time zone"):
        find_instant(datetime(2026, 3, 1))  # noqa: DTZ001 - that is what is refused


@pytest.mark.parametrize("zone", ["Vienna", "", "../etc", "Europe"])
def test_a_zone_that_nobody_knows_is_refused(zone: str) -> None:
    with pytest.raises(SettingsError, match="Europe/Vienna"):
        Calendar(zone)


def test_a_leap_day_that_is_none_of_the_three_is_refused() -> None:
    with pytest.raises(SettingsError, match="never"):
        Calendar("UTC", "29 February")


# The boundaries of each date operator: an event of 10 March 2026, noon, and the moments at which it counts

BOUNDARIES = [
    ("in the last 3 days", last(3), MARCH_10, "2026-03-14"),
    ("in the last 0 days", last(0), MARCH_10, "2026-03-11"),
    ("in the last 2 weeks", last(2, "week"), MARCH_10, "2026-03-25"),
    ("in the last 5 hours", last(5, "hour"), MARCH_10, "2026-03-10 17:00:00.000001"),
    ("at least 3 days ago", DateFilter(operator="at-least", quantity=3), "2026-03-14", None),
    ("at least 0 days ago", DateFilter(operator="at-least", quantity=0), "2026-03-11", None),
    (
        "at least 5 hours ago",
        DateFilter(operator="at-least", quantity=5, unit="hour"),
        "2026-03-10 17:00:00.000001",
        None,
    ),
    ("between 2 and 4 days ago", DateFilter(operator="between", nearest=2, farthest=4), "2026-03-12", "2026-03-15"),
    ("between 0 and 4 days ago", DateFilter(operator="between", nearest=0, farthest=4), MARCH_10, "2026-03-15"),
    (
        "between 1 and 2 weeks ago",
        DateFilter(operator="between", nearest=1, farthest=2, unit="week"),
        "2026-03-17",
        "2026-03-25",
    ),
    (
        "between 2 and 4 hours ago",
        DateFilter(operator="between", nearest=2, farthest=4, unit="hour"),
        "2026-03-10 14:00:00",
        "2026-03-10 16:00:00.000001",
    ),
    ("at any time", ALLTIME, MARCH_10, None),
    ("before 11 March", DateFilter(operator="before", start_on=date(2026, 3, 11)), MARCH_10, None),
    ("after 9 March", DateFilter(operator="after", start_on=date(2026, 3, 9)), MARCH_10, None),
    (
        "from 10 to 10 March",
        DateFilter(operator="between-static", start_on=date(2026, 3, 10), end_on=date(2026, 3, 10)),
        MARCH_10,
        None,
    ),
]


@pytest.mark.parametrize(
    ("timeframe", "since", "until"), [row[1:] for row in BOUNDARIES], ids=[row[0] for row in BOUNDARIES]
)
def test_an_event_counts_from_one_moment_to_another(timeframe: DateFilter, since: str, until: str | None) -> None:
    data = account([happened(MARCH_10)])
    condition = count(timeframe=timeframe)
    for offset in (MICROSECOND, SECOND):
        assert members(condition, data, utc(since) - offset) == []
        assert members(condition, data, utc(since) + offset) == ["ann"]
        if until:
            assert members(condition, data, utc(until) - offset) == ["ann"]
            assert members(condition, data, utc(until) + offset) == []
    assert members(condition, data, since) == ["ann"]
    assert until is None or members(condition, data, until) == []


@pytest.mark.parametrize(
    "timeframe",
    [
        DateFilter(operator="before", start_on=date(2026, 3, 10)),
        DateFilter(operator="after", start_on=date(2026, 3, 10)),
        DateFilter(operator="between-static", start_on=date(2026, 3, 11), end_on=date(2026, 3, 12)),
        DateFilter(operator="between-static", start_on=date(2026, 3, 8), end_on=date(2026, 3, 9)),
    ],
    ids=["before its day", "after its day", "range after it", "range before it"],
)
def test_an_event_outside_a_fixed_window_never_counts(timeframe: DateFilter) -> None:
    assert stays_of(count(timeframe=timeframe), account([happened(MARCH_10)])) == []


FIXED = [
    ("before", DateFilter(operator="before", start_on=date(2026, 3, 10)), "2026-03-09 23:59:59", "2026-03-10"),
    ("after", DateFilter(operator="after", start_on=date(2026, 3, 10)), "2026-03-11", "2026-03-10 23:59:59"),
    (
        "between-static, start",
        DateFilter(operator="between-static", start_on=date(2026, 3, 10), end_on=date(2026, 3, 12)),
        "2026-03-10",
        "2026-03-09 23:59:59",
    ),
    (
        "between-static, end",
        DateFilter(operator="between-static", start_on=date(2026, 3, 8), end_on=date(2026, 3, 10)),
        "2026-03-10 23:59:59",
        "2026-03-11",
    ),
]


@pytest.mark.parametrize(("timeframe", "inside", "outside"), [row[1:] for row in FIXED], ids=[row[0] for row in FIXED])
def test_a_fixed_window_begins_and_ends_at_midnight(timeframe: DateFilter, inside: str, outside: str) -> None:
    data = account([happened(inside, who="inside"), happened(outside, who="outside")])
    assert members(count(timeframe=timeframe), data, "2026-06-01") == ["inside"]


def test_a_window_of_days_takes_in_the_whole_of_its_first_day() -> None:
    data = account([happened("2026-03-07 23:59:59", who="too early"), happened("2026-03-08", who="first second")])
    assert members(count(timeframe=last(2)), data, "2026-03-10 18:00:00") == ["first second"]


def test_two_windows_that_touch_are_one_stay() -> None:
    data = account([happened("2026-03-10 12:00:00"), happened("2026-03-12")])
    assert stays_of(count(timeframe=last(1)), data) == [("ann", "2026-03-10 12:00:00", "2026-03-14")]


# The same operators on a date of the profile, which may lie ahead

AHEAD = [
    ("in the next 3 days", DateFilter(operator="in-the-next", quantity=3), "2026-03-07", "2026-03-10 12:00:00.000001"),
    (
        "in the next 5 hours",
        DateFilter(operator="in-the-next", quantity=5, unit="hour"),
        "2026-03-10 07:00:00",
        "2026-03-10 12:00:00.000001",
    ),
    ("in the last 3 days", last(3), MARCH_10, "2026-03-14"),
    ("at least 3 days ago", DateFilter(operator="at-least", quantity=3), "2026-03-14", "now"),
    ("between 0 and 1 days ago", DateFilter(operator="between", nearest=0, farthest=1), "2026-03-10", "2026-03-12"),
    ("before 11 March", DateFilter(operator="before", start_on=date(2026, 3, 11)), "2020-01-01", "now"),
    ("after 9 March", DateFilter(operator="after", start_on=date(2026, 3, 9)), "2020-01-01", "now"),
    ("in March", DateFilter(operator="calendar-month", month=3), "2020-01-01", "now"),
]


@pytest.mark.parametrize(("timeframe", "since", "until"), [row[1:] for row in AHEAD], ids=[row[0] for row in AHEAD])
def test_a_date_of_a_profile_counts_from_one_moment_to_another(timeframe: DateFilter, since: str, until: str) -> None:
    data = account([], [person(created_at=utc("2020-01-01"), properties={"Visit": "2026-03-10T12:00:00"})])
    condition = PropertyCondition(property="properties['Visit']", filter=timeframe)
    assert stays_of(condition, data) == [("ann", since, until)]


def yearly(operator: str, days: int = 0, unit: str = "day") -> PropertyCondition:
    timeframe = DateFilter(operator=operator, quantity=days, unit=unit)
    return PropertyCondition(property="properties['Birthday']", filter=timeframe)


YEARLY = [
    ("anniversary", yearly("anniversary"), "2026-03-10", "2026-03-11"),
    ("anniversary-month", yearly("anniversary-month"), "2026-03-01", "2026-04-01"),
    ("anniversary-last 2 days", yearly("anniversary-last", 2), "2026-03-10", "2026-03-13"),
    ("anniversary-last 1 week", yearly("anniversary-last", 1, "week"), "2026-03-10", "2026-03-18"),
    ("anniversary-last 2 hours", yearly("anniversary-last", 2, "hour"), "2026-03-10", "2026-03-10 02:00:00.000001"),
    ("anniversary-next 2 days", yearly("anniversary-next", 2), "2026-03-08", "2026-03-10"),
    ("anniversary-next 2 hours", yearly("anniversary-next", 2, "hour"), "2026-03-09 22:00:00", "2026-03-10"),
]


@pytest.mark.parametrize(("condition", "since", "until"), [row[1:] for row in YEARLY], ids=[row[0] for row in YEARLY])
def test_an_anniversary_counts_every_year_anew(condition: PropertyCondition, since: str, until: str) -> None:
    data = account([], [person(created_at=utc("2026-01-01"), properties={"Birthday": "1990-03-10"})])
    stays = stays_of(condition, data)
    assert stays[0] == ("ann", since, until)
    assert stays[1] == ("ann", since.replace("2026", "2027"), until.replace("2026", "2027"))
    for moment, expected in ((since, ["ann"]), (until, [])):
        assert members(condition, data, utc(moment)) == expected
        assert members(condition, data, utc(moment) - SECOND) != expected


@pytest.mark.parametrize(
    ("leap_day", "common", "leap"),
    [
        ("28 February", "2027-02-28", "2028-02-29"),
        ("1 March", "2027-03-01", "2028-02-29"),
        ("never", None, "2028-02-29"),
    ],
)
def test_29_february_has_its_anniversary_where_the_calendar_says(
    leap_day: LeapDay, common: str | None, leap: str
) -> None:
    data = account([], [person(created_at=utc("2027-01-01"), properties={"Birthday": "2000-02-29"})])
    days = [since for _, since, _ in stays_of(yearly("anniversary"), data, calendar=Calendar("UTC", leap_day))]
    assert days[: 2 if common else 1] == [day for day in (common, leap) if day]


def test_28_february_is_no_leap_day() -> None:
    data = account([], [person(created_at=utc("2027-01-01"), properties={"Birthday": "2000-02-28"})])
    days = [since for _, since, _ in stays_of(yearly("anniversary"), data, calendar=Calendar("UTC", "never"))]
    assert days[:2] == ["2027-02-28", "2028-02-28"]


def test_windows_reach_over_29_february() -> None:
    data = account([happened("2024-02-28 12:00:00")])
    assert stays_of(count(timeframe=last(1)), data) == [("ann", "2024-02-28 12:00:00", "2024-03-01")]
    assert stays_of(count(timeframe=last(1)), account([happened("2026-02-28 12:00:00")]))[0][2] == "2026-03-02"
    data = account([happened("2024-02-29 12:00:00")])
    assert stays_of(count(timeframe=last(366)), data)[0][2] == "2025-03-02"


def test_anniversaries_are_listed_up_to_the_moment_asked_for() -> None:
    data = account([], [person(created_at=utc("2026-01-01"), properties={"Birthday": "1990-03-10"})])
    found = segment_members(data, asks(yearly("anniversary")), as_of="2071-03-10").collect()
    assert found["profile_id"].to_list() == ["ann"]


# Whose days: a change of the clocks in Vienna


def test_days_are_those_of_the_calendar_when_clocks_go_forward() -> None:
    data = account([happened("2026-03-28 12:00:00")])
    assert stays_of(count(timeframe=last(0)), data, calendar=VIENNA)[0][2] == "2026-03-28 23:00:00"
    assert stays_of(count(timeframe=last(1)), data, calendar=VIENNA)[0][2] == "2026-03-29 22:00:00"
    assert stays_of(count(timeframe=last(1)), data)[0][2] == "2026-03-30"


def test_days_are_those_of_the_calendar_when_clocks_go_back() -> None:
    data = account([happened("2026-10-24 22:30:00")])  # 25 October in Vienna, a day of 25 hours
    assert stays_of(count(timeframe=last(0)), data, calendar=VIENNA)[0][2] == "2026-10-25 23:00:00"
    assert stays_of(count(timeframe=last(24, "hour")), data, calendar=VIENNA)[0][2] == "2026-10-25 22:30:00.000001"


# Measures


def test_one_large_order_is_told_from_many_small_ones() -> None:
    rows = [happened("2026-03-01", value=1000.0, who="one")]
    rows += [happened(utc("2026-03-01") + n * SECOND, value=20.0, who="fifty") for n in range(50)]
    data = account(rows)
    assert members(single_order_at_least(1000), data, "2026-03-02") == ["one"]
    assert members(total_spent_at_least(1000), data, "2026-03-02") == ["fifty", "one"]


def test_count_equal_to_0_starts_from_everybody_who_is_known() -> None:
    data = account(
        [happened("2026-03-10"), happened("2026-03-05", "Viewed Product", who="ben")],
        [person("ann", created_at=utc("2026-03-01")), person("cem", created_at=utc("2026-03-03"))],
    )
    assert stays_of(count("equals", 0, timeframe=last(1)), data) == [
        ("ann", "2026-03-01", "2026-03-10"),
        ("ann", "2026-03-12", "now"),
        ("ben", "2026-03-05", "now"),
        ("cem", "2026-03-03", "now"),
    ]


def test_a_sum_without_events_is_0() -> None:
    data = account([happened("2026-03-10", value=5.0)], [person("ann", created_at=utc("2026-03-01"))])
    for operator, value in (("less-than", 5), ("equals", 0), ("less-than-or-equal", 4.99), ("not-equals", 5)):
        condition = measure("sum", operator, value)
        assert stays_of(condition, data) == [("ann", "2026-03-01", "2026-03-10")]


@pytest.mark.parametrize("measurement", ["max", "min", "average", "last"])
@pytest.mark.parametrize("operator", ["less-than", "not-equals", "less-than-or-equal", "equals"])
def test_no_other_measure_is_true_without_a_value(measurement: str, operator: str) -> None:
    data = account([happened("2026-03-10")], [person("ben", created_at=utc("2026-03-01"))])
    value = 0 if operator == "equals" else 5
    assert stays_of(measure(measurement, operator, value), data) == []


def test_sums_of_money_are_exact() -> None:
    data = account([happened(f"2026-03-{day:02}", value=value) for day, value in ((1, 0.1), (2, 0.2))])
    assert members(measure("sum", "equals", 0.3), data, "2026-03-03") == ["ann"]
    assert members(measure("sum", "greater-than", 0.3), data, "2026-03-03") == []
    assert members(measure("average", "equals", 0.15), data, "2026-03-03") == ["ann"]
    cents = [happened(utc("2026-03-01") + n * SECOND, value=19.99) for n in range(1000)]
    assert members(measure("sum", "equals", 19990), account(cents), "2026-03-02") == ["ann"]
    assert members(measure("average", "equals", 19.99), account(cents), "2026-03-02") == ["ann"]


def test_a_threshold_between_two_sums_is_neither() -> None:
    data = account([happened("2026-03-01", value=0.3)])
    between = 0.30004
    assert members(measure("sum", "less-than", between), data, "2026-03-02") == ["ann"]
    assert members(measure("sum", "greater-than", between), data, "2026-03-02") == []
    assert members(measure("sum", "equals", between), data, "2026-03-02") == []
    assert members(measure("sum", "not-equals", between), data, "2026-03-02") == ["ann"]


@pytest.mark.parametrize("measurement", ["sum", "max", "min", "average", "last"])
def test_the_largest_numbers_are_no_error(measurement: str) -> None:
    huge = account([happened("2026-03-01", value=1e308), happened("2026-03-02", value=1.7e308)])
    assert members(measure(measurement, "greater-than", 1e14), huge, "2026-03-03") == ["ann"]
    assert members(measure(measurement, "less-than", -1e300), huge, "2026-03-03") == []
    small = account([happened("2026-03-01", value=1.0)])
    assert members(measure(measurement, "less-than", 1e308), small, "2026-03-03") == ["ann"]


def test_events_without_a_value_are_counted_and_add_nothing() -> None:
    data = account([happened("2026-03-01"), happened("2026-03-02", value=10.0)])
    assert members(count("equals", 2), data, "2026-03-03") == ["ann"]
    assert members(measure("sum", "equals", 10), data, "2026-03-03") == ["ann"]
    assert members(measure("min", "equals", 10), data, "2026-03-03") == ["ann"]
    assert members(measure("average", "equals", 10), data, "2026-03-03") == ["ann"]


@pytest.mark.parametrize("operator", ["equals", "not-equals", "less-than", "greater-than-or-equal"])
def test_no_filter_on_the_value_is_true_of_an_event_without_one(operator: str) -> None:
    data = account([happened("2026-03-01")])
    assert stays_of(count(metric_filters=(of_value(operator, 0),)), data) == []


def test_each_measure_moves_with_its_window() -> None:
    data = account([happened("2026-03-01", value=30.0), happened("2026-03-03", value=10.0)])
    assert stays_of(measure("max", "equals", 10, timeframe=last(3)), data) == [("ann", "2026-03-05", "2026-03-07")]
    assert stays_of(measure("min", "equals", 30, timeframe=last(3)), data) == [("ann", "2026-03-01", "2026-03-03")]
    assert stays_of(measure("average", "equals", 20, timeframe=last(3)), data) == [("ann", "2026-03-03", "2026-03-05")]
    assert stays_of(measure("last", "equals", 30, timeframe=last(3)), data) == [("ann", "2026-03-01", "2026-03-03")]
    assert stays_of(count("equals", 2, timeframe=last(3)), data) == [("ann", "2026-03-03", "2026-03-05")]


def test_of_two_events_at_one_time_the_larger_id_is_the_last() -> None:
    rows = [happened("2026-03-01", value=1.0, event_id="b"), happened("2026-03-01", value=2.0, event_id="a")]
    assert members(measure("last", "equals", 1), account(rows), "2026-03-02") == ["ann"]


def test_the_order_of_the_events_changes_nothing() -> None:
    rows = [happened(f"2026-03-{day:02}", value=float(day)) for day in range(1, 20)]
    condition = measure("sum", "greater-than", 50, timeframe=last(4))
    assert stays_of(condition, account(rows)) == stays_of(condition, account(rows[::-1])) != []


def test_a_metric_goes_by_its_id_and_its_former_name_too() -> None:
    data = account([happened("2026-03-01"), happened("2026-03-01", "Unsubscribed")])
    assert members(count(metric="PLCORD"), data, "2026-03-02") == ["ann"]
    assert members(count(metric="Unsubscribed from Email Marketing"), data, "2026-03-02") == ["ann"]
    assert members(count(metric="Nothing Of The Kind"), data, "2026-03-02") == []


# Filters on events


def test_filters_of_one_condition_are_about_the_same_event() -> None:
    data = account([happened("2026-03-01", value=5.0, Size="large"), happened("2026-03-02", value=50.0, Size="small")])
    both = (of_value("greater-than", 10), PropertyFilter(path="Size", filter=text("equals", "large")))
    assert stays_of(count(metric_filters=both), data) == []
    assert members(asks(*(count(metric_filters=(each,)) for each in both)), data, "2026-03-03") == ["ann"]


ITEMS = [{"Size": "medium", "Quantity": 1}, {"Size": "small", "Quantity": "3"}]


def of_item(name: str, asked: Filter) -> PropertyFilter:
    return PropertyFilter(path=f"Items[*].{name}", filter=asked)


def test_filters_on_one_list_are_about_the_same_item() -> None:
    data = account([happened("2026-03-01", Items=ITEMS)])
    many = of_item("Quantity", NumericFilter(operator="greater-than", value=1))
    assert members(count(metric_filters=(of_item("Size", text("equals", "small")), many)), data, "2026-03-02") == [
        "ann"
    ]
    assert members(count(metric_filters=(of_item("Size", text("equals", "medium")), many)), data, "2026-03-02") == []


def test_an_order_with_two_matching_items_is_one_order() -> None:
    data = account([happened("2026-03-01", Items=[{"Size": "small"}, {"Size": "small"}])])
    of_size = of_item("Size", text("equals", "small"))
    assert members(count("equals", 1, metric_filters=(of_size,)), data, "2026-03-02") == ["ann"]


def test_what_is_measured_of_items_is_of_those_that_match() -> None:
    data = account([happened("2026-03-01", Items=ITEMS)])
    small = (of_item("Size", text("equals", "small")),)
    pieces = "Items[*].Quantity"
    assert members(measure("sum", "equals", 4, measured=pieces), data, "2026-03-02") == ["ann"]
    assert members(measure("sum", "equals", 3, measured=pieces, metric_filters=small), data, "2026-03-02") == ["ann"]


def test_recipe_11_s_goals_need_no_stored_property() -> None:
    sizes = [{"ProductName": "Canvas", "Size": size} for size in ("small", "medium", "small")]
    data = account([happened("2026-03-01", value=1359.0, Items=sizes), happened("2026-03-02", value=5.0, who="ben")])
    assert members(single_order_at_least(1000, days=30), data, "2026-03-31 23:59:59") == ["ann"]
    assert members(single_order_at_least(1000, days=30), data, "2026-04-01") == []
    assert members(ordered_item("Size", "medium", days=30), data, "2026-03-31") == ["ann"]
    assert members(ordered_item("Size", "large", days=30), data, "2026-03-31") == []


TEXTS = [
    (text("equals", "Blue"), True),
    (text("equals", "blue"), False),
    (text("not-equals", "blue"), True),
    (text("contains", "lu"), True),
    (text("contains", "L"), False),
    (text("not-contains", "x"), True),
    (text("starts-with", "Bl"), True),
    (text("not-starts-with", "Bl"), False),
    (text("ends-with", "ue"), True),
    (text("not-ends-with", "ue"), False),
    (text("regex", "^B.*e$"), True),
    (text("regex", "^l"), False),
    (text("nregex", "^l"), True),
    (text("in", "Red", "Blue"), True),
    (text("not-in", "Red", "Blue"), False),
]


@pytest.mark.parametrize(("asked", "expected"), TEXTS, ids=[f"{each.operator} {each.values[0]}" for each, _ in TEXTS])
def test_texts_are_compared_by_case_and_never_when_unset(asked: TextFilter, *, expected: bool) -> None:
    rows = [
        person("ann", properties={"Colour": "Blue"}),
        person("absent"),
        person("empty", properties={"Colour": ""}),
        person("null", properties={"Colour": None}),
    ]
    condition = PropertyCondition(property="properties['Colour']", filter=asked)
    assert members(condition, account([], rows), "2026-03-01") == (["ann"] if expected else [])


LISTS = [
    ("contains", ["red"], ["both", "red"]),
    ("not-contains", ["red"], ["none"]),
    ("contains-any", ["blue", "x"], ["both"]),
    ("contains-all", ["blue", "red"], ["both"]),
    ("not-contains-any", ["blue", "x"], ["none", "red"]),
    ("not-contains-all", ["blue", "red"], ["none", "red"]),
    ("contains-substring", ["lu"], ["both"]),
    ("not-contains-substring", ["lu"], ["none", "red"]),
    ("length-equals", [0], ["none"]),
    ("length-greater-than", [1], ["both"]),
    ("length-greater-than-or-equal", [1], ["both", "red"]),
    ("length-less-than", [1], ["none"]),
    ("length-less-than-or-equal", [1], ["none", "red"]),
]


@pytest.mark.parametrize(("operator", "values", "expected"), LISTS, ids=[row[0] for row in LISTS])
def test_lists_are_compared_and_never_when_unset(
    operator: ListOperator, values: list[str | int], expected: list[str]
) -> None:
    rows = [
        person("both", properties={"Tags": ["red", "blue"]}),
        person("none", properties={"Tags": []}),
        person("red", properties={"Tags": ["red"]}),
        person("text", properties={"Tags": "red"}),
        person("unset"),
    ]
    asked = ListFilter(operator=operator, values=tuple(values))
    condition = PropertyCondition(property="properties['Tags']", filter=asked)
    assert members(condition, account([], rows), "2026-03-01") == expected


# What profiles are


def test_a_number_stored_as_text_is_compared_as_a_number() -> None:
    rows = [person("text", properties={"Highest": "900"}), person("number", properties={"Highest": 1359})]
    asked = NumericFilter(operator="greater-than", value=899)
    condition = PropertyCondition(property="properties['Highest']", filter=asked)
    assert members(condition, account([], rows), "2026-03-01") == ["number", "text"]


def test_properties_are_found_where_klaviyo_s_spelling_says() -> None:
    rows = [
        person("ann", email="ann@example.com", location={"city": "Vienna"}, properties={"It's": "x"}, first_name="Ann"),
        person("ben"),
    ]
    data = account([], rows)
    for name in ("email", "location['city']", "properties['It's']", "first_name"):
        assert members(PropertyCondition(property=name, filter=ExistenceFilter(is_set=True)), data, "2026-03-01") == [
            "ann"
        ]
        unset = PropertyCondition(property=name, filter=ExistenceFilter(is_set=False))
        assert members(unset, data, "2026-03-01") == ["ben"]


def test_a_phone_s_country_goes_by_the_beginning_of_its_number() -> None:
    numbers = {
        "at": "+43 1 5550100",
        "ca": "+1 (204) 555-0100",
        "us": "+12005550100",
        "none": None,
        "local": "015550100",
    }
    data = account([], [person(who, phone_number=number) for who, number in numbers.items()])
    within = PropertyCondition(property="phone_number", filter=text("phone-country-code-in", "CA", "AT"))
    outside = PropertyCondition(property="phone_number", filter=text("phone-country-code-not-in", "CA", "AT"))
    assert members(within, data, "2026-03-01") == ["at", "ca"]
    assert members(outside, data, "2026-03-01") == ["us"]
    assert all(len(code) == 2 for code in COUNTRIES.values())


def test_a_region_goes_by_the_country_s_name_or_code() -> None:
    countries = {"at": "Austria", "us": "US", "ch": "Switzerland", "none": None, "empty": ""}
    data = account([], [person(who, location={"country": name}) for who, name in countries.items()])
    assert members(RegionCondition(in_region=True, region="european_union"), data, "2026-03-01") == ["at"]
    assert members(RegionCondition(in_region=False, region="european_union"), data, "2026-03-01") == ["ch", "us"]
    assert members(RegionCondition(in_region=True, region="united_states"), data, "2026-03-01") == ["us"]


def test_figures_of_past_orders_are_computed_anew_for_each_day() -> None:
    rows = [happened("2026-03-01", value=30.0), happened("2026-03-03", value=10.0)]
    data = account(rows, [person("ann", predictions={"historic_clv": 999, "predicted_clv": 50})])
    at_least = lambda value: NumericFilter(operator="greater-than-or-equal", value=value)  # noqa: E731 - a short name
    for dimension, value, since in (
        ("historic_clv", 40, "2026-03-03"),
        ("historic_number_of_orders", 2, "2026-03-03"),
        ("average_order_value", 20, "2026-03-01"),
    ):
        condition = PredictionCondition(dimension=dimension, filter=at_least(value))
        assert stays_of(condition, data) == [("ann", since, "now")]
    assert members(PredictionCondition(dimension="predicted_clv", filter=at_least(50)), data, "2026-03-01") == ["ann"]
    assert members(PredictionCondition(dimension="total_clv", filter=at_least(0)), data, "2026-03-01") == []


def test_the_next_order_s_date_is_found_under_its_name_in_the_profile() -> None:
    expected = {"expected_date_of_next_order": "2026-03-10T12:00:00+00:00"}
    data = account([], [person("ann", predictions=expected)])
    asked = DateFilter(operator="in-the-next", quantity=1)
    condition = PredictionCondition(dimension="expected_date_of_next_purchase", filter=asked)
    assert stays_of(condition, data) == [("ann", "2026-03-09", "2026-03-10 12:00:00.000001")]


# Since when a profile is known


def test_a_profile_is_known_from_its_creation_or_an_earlier_event() -> None:
    rows = [
        person("created", created_at=utc("2026-03-02")),
        person("earlier", created_at=utc("2026-03-02")),
        person("always"),
    ]
    seen = [
        happened("2026-03-01", who="earlier"),
        happened("2026-03-05", who="created"),
        happened("2026-03-04", who="events"),
    ]
    everybody = asks(count("equals", 0, metric="Viewed Product"))
    assert stays_of(everybody, account(seen, rows)) == [
        ("always", "1970-01-01", "now"),
        ("created", "2026-03-02", "now"),
        ("earlier", "2026-03-01", "now"),
        ("events", "2026-03-04", "now"),
    ]


def test_no_stay_begins_before_the_profile_is_known() -> None:
    data = account([], [person(created_at=utc("2026-03-02"), email="ann@example.com")])
    condition = PropertyCondition(property="email", filter=ExistenceFilter(is_set=True))
    assert stays_of(condition, data) == [("ann", "2026-03-02", "now")]


# Groups of conditions, and segments of segments


def test_groups_hold_all_any_or_none_of_their_parts() -> None:
    rows = [happened("2026-03-01", who="both"), happened("2026-03-01", "Viewed Product", who="both")]
    rows += [happened("2026-03-01", who="order"), happened("2026-03-01", "Viewed Product", who="view")]
    data = account(rows, [person("nothing", created_at=utc("2026-03-01"))])
    parts = (count(), count(metric="Viewed Product"))
    assert members(asks(*parts, match="all"), data, "2026-03-02") == ["both"]
    assert members(asks(*parts, match="any"), data, "2026-03-02") == ["both", "order", "view"]
    assert members(asks(*parts, match="none"), data, "2026-03-02") == ["nothing"]
    nested = asks(Group(match="any", parts=parts), Group(match="none", parts=(Group(match="all", parts=parts),)))
    assert members(nested, data, "2026-03-02") == ["order", "view"]


def test_a_segment_may_be_a_condition_of_another_by_name_or_as_a_group_by_id() -> None:
    data = account([happened("2026-03-01"), happened("2026-03-02", "Viewed Product", who="ben")])
    buyers = asks(count(), name="Buyers", key="S1")
    for condition in (SegmentCondition(segment="Buyers"), GroupMembershipCondition(is_member=True, group_ids=("S1",))):
        assert members(asks(condition), data, "2026-03-03", others=[buyers]) == ["ann"]
    other = asks(SegmentCondition(segment="Buyers", is_member=False))
    assert members(other, data, "2026-03-03", others=[buyers]) == ["ben"]
    found = segment_members(data, other, as_of="2026-03-03", definitions=[buyers]).collect()
    assert found.rows() == [("segment", "ben", utc("2026-03-02"))]


def test_segments_that_refer_to_each_other_as_groups_are_refused() -> None:
    one = asks(GroupMembershipCondition(is_member=True, group_ids=("S2",)), name="One", key="S1")
    two = asks(GroupMembershipCondition(is_member=True, group_ids=("S1",)), name="Two", key="S2")
    with pytest.raises(DefinitionError, match="circle"):
        find_memberships(account([]), [one, two])


def test_segments_of_one_name_and_segments_that_are_not_there_are_refused() -> None:
    with pytest.raises(DefinitionError, match="More than one"):
        find_memberships(account([]), [asks(count()), asks(count("equals", 0))])
    with pytest.raises(DefinitionError, match="not among"):
        find_memberships(account([]), [asks(SegmentCondition(segment="Elsewhere"))])


# Funnels


def funnel(*steps: str, days: int | None = 3, timeframe: DateFilter = ALLTIME) -> FunnelCondition:
    """Steps by metric; a name after a minus is a step that does not exist."""
    return FunnelCondition(
        timeframe=timeframe,
        steps=tuple(
            FunnelStep(metric=name.removeprefix("-"), metric_exists=not name.startswith("-")) for name in steps
        ),
        completion_window_hours=days and days * 24,
    )


VIEW, ORDER = "Viewed Product", "Placed Order"


def test_a_funnel_is_entered_with_its_last_step() -> None:
    data = account([happened("2026-03-01 12:00:00", VIEW), happened("2026-03-04 12:00:00", ORDER)])
    assert stays_of(funnel(VIEW, ORDER), data) == [("ann", "2026-03-04 12:00:00", "now")]


def test_the_completion_window_ends_with_its_last_second() -> None:
    data = account([happened("2026-03-01 12:00:00", VIEW), happened("2026-03-04 12:00:01", ORDER)])
    assert stays_of(funnel(VIEW, ORDER), data) == []
    assert stays_of(funnel(VIEW, ORDER, days=None), data) == [("ann", "2026-03-04 12:00:01", "now")]


def test_a_step_comes_strictly_after_the_one_before() -> None:
    data = account([happened("2026-03-01", VIEW), happened("2026-03-01", ORDER)])
    assert stays_of(funnel(VIEW, ORDER), data) == []


def test_who_has_not_ordered_yet_is_in_until_the_order_comes() -> None:
    data = account(
        [happened("2026-03-01", VIEW), happened("2026-03-02", ORDER), happened("2026-03-05", VIEW, who="ben")]
    )
    assert stays_of(funnel(VIEW, "-" + ORDER), data) == [
        ("ann", "2026-03-01", "2026-03-02"),
        ("ben", "2026-03-05", "now"),
    ]


def test_an_order_after_the_window_does_not_end_a_funnel_without_order() -> None:
    data = account([happened("2026-03-01", VIEW), happened("2026-03-05", ORDER)])
    assert stays_of(funnel(VIEW, "-" + ORDER), data) == [("ann", "2026-03-01", "now")]


def test_the_time_frame_asks_for_the_first_step() -> None:
    data = account([happened("2026-03-01", VIEW), happened("2026-03-03", ORDER)])
    assert stays_of(funnel(VIEW, ORDER, timeframe=last(4)), data) == [("ann", "2026-03-03", "2026-03-06")]


def test_a_step_that_must_not_be_between_two_others_bars_the_way() -> None:
    data = account(
        [happened("2026-03-01", VIEW), happened("2026-03-02", "Started Checkout"), happened("2026-03-03", ORDER)]
    )
    assert stays_of(funnel(VIEW, "-Started Checkout", ORDER), data) == []
    assert stays_of(funnel(VIEW, "-Unsubscribed", ORDER), data) == [("ann", "2026-03-03", "now")]


def test_a_later_view_may_succeed_where_an_earlier_one_was_barred() -> None:
    rows = [
        happened("2026-03-01", VIEW),
        happened("2026-03-02", "Started Checkout"),
        happened("2026-03-02 12:00:00", VIEW),
    ]
    data = account([*rows, happened("2026-03-03", ORDER)])
    assert stays_of(funnel(VIEW, "-Started Checkout", ORDER), data) == [("ann", "2026-03-03", "now")]


def test_a_later_middle_step_may_succeed_where_an_earlier_one_was_barred() -> None:
    rows = [
        happened("2026-03-01", VIEW),
        happened("2026-03-02", "Started Checkout"),
        happened("2026-03-02 06:00:00", "Left"),
    ]
    again = [happened("2026-03-02 12:00:00", "Started Checkout"), happened("2026-03-03", ORDER)]
    steps = (VIEW, "Started Checkout", "-Left", ORDER)
    assert stays_of(funnel(*steps), account([*rows, again[1]])) == []
    assert stays_of(funnel(*steps), account([*rows, *again])) == [("ann", "2026-03-03", "now")]
    assert stays_of(funnel(*steps[:3]), account([*rows, *again])) == [
        ("ann", "2026-03-02", "2026-03-02 06:00:00"),
        ("ann", "2026-03-02 12:00:00", "now"),
    ]


def test_an_order_in_the_last_second_of_the_window_ends_a_funnel_without_order() -> None:
    data = account([happened("2026-03-01", VIEW), happened("2026-03-04", ORDER)])
    assert stays_of(funnel(VIEW, "-" + ORDER), data) == [("ann", "2026-03-01", "2026-03-04")]


def test_a_funnel_begins_with_a_step_that_exists() -> None:
    with pytest.raises(DefinitionError, match="first step"):
        stays_of(funnel("-" + VIEW, ORDER), account([]))


# Lists


def in_list(*groups: str, is_member: bool = True, timeframe: DateFilter | None = None) -> GroupMembershipCondition:
    return GroupMembershipCondition(is_member=is_member, group_ids=groups, timeframe=timeframe)


def member(who: str, joined_at: str | None, group: str = "L1") -> dict[str, object]:
    return {
        "group_id": group,
        "profile_id": who,
        "group_name": "Newsletter",
        "joined_at": joined_at and utc(joined_at),
    }


def test_members_of_a_list_are_in_it_since_they_joined() -> None:
    people = [person(who, created_at=utc("2026-01-01")) for who in ("ann", "ben", "cem")]
    data = account([], people, [member("ann", "2026-03-01"), member("ben", None)])
    assert stays_of(in_list("L1", "L2"), data) == [("ann", "2026-03-01", "now"), ("ben", "2026-01-01", "now")]
    assert stays_of(in_list("L1", is_member=False), data) == [
        ("ann", "2026-01-01", "2026-03-01"),
        ("cem", "2026-01-01", "now"),
    ]
    assert stays_of(in_list("L1", timeframe=last(10)), data) == [("ann", "2026-03-01", "2026-03-12")]


def test_events_of_a_list_tell_who_joined_and_left() -> None:
    rows = [
        happened("2026-03-01", "Subscribed to List", List="Newsletter"),
        happened("2026-03-05", "Unsubscribed from List", List="Newsletter"),
        happened("2026-03-02", "Subscribed to List", List="Another", who="ben"),
    ]
    data = account(rows, [person("cem", created_at=utc("2026-01-01"))], [member("cem", "2026-02-01")])
    both = [("ann", "2026-03-01", "2026-03-05"), ("cem", "2026-02-01", "now")]
    assert stays_of(in_list("L1"), data) == both
    assert stays_of(in_list("Newsletter"), data) == both  # by the name that the export gives the list


def test_who_joined_and_is_not_on_the_exported_list_has_not_stayed() -> None:
    rows = [happened("2026-03-01", "Subscribed to List", List="Newsletter", who=who) for who in ("ann", "cem")]
    data = account(rows, [], [member("cem", None)])
    assert stays_of(in_list("L1"), data) == [("cem", "2026-03-01", "now")]


# Consent


def record(status: str, since: str | None, *, can_receive: bool, **fields: object) -> dict[str, object]:
    return {
        "email": {
            "marketing": {
                "consent": status,
                "consent_timestamp": since,
                "can_receive_email_marketing": can_receive,
                "suppression": [],
                **fields,
            }
        }
    }


def may_receive(subscription: str = "any", *filters: ConsentFilter, can: bool = True) -> ConsentCondition:
    return ConsentCondition(channel="email", can_receive_marketing=can, subscription=subscription, filters=filters)


def test_a_subscription_counts_from_its_time_and_nobody_was_subscribed_before() -> None:
    consent = record("SUBSCRIBED", "2026-03-01T00:00:00+00:00", can_receive=True)
    data = account([], [person(created_at=utc("2026-01-01"), consent=consent)])
    assert stays_of(may_receive("subscribed"), data) == [("ann", "2026-03-01", "now")]
    assert stays_of(may_receive("never_subscribed"), data) == [("ann", "2026-01-01", "2026-03-01")]
    assert stays_of(may_receive(), data) == [("ann", "2026-01-01", "now")]


def test_events_tell_of_changes_before_the_latest() -> None:
    consent = record("UNSUBSCRIBED", "2026-03-05T00:00:00+00:00", can_receive=False)
    rows = [happened("2026-02-01", "Subscribed to Email Marketing")]
    data = account(rows, [person(created_at=utc("2026-01-01"), consent=consent)])
    assert stays_of(may_receive("subscribed"), data) == [("ann", "2026-02-01", "2026-03-05")]
    assert stays_of(may_receive("unsubscribed", can=False), data) == [("ann", "2026-03-05", "now")]


def test_a_bounce_ends_what_can_be_received_though_the_subscription_stays() -> None:
    bounce = [{"reason": "HARD_BOUNCE", "timestamp": "2026-03-05T00:00:00+00:00"}]
    consent = record("SUBSCRIBED", "2026-03-01T00:00:00+00:00", can_receive=False, suppression=bounce)
    data = account([], [person(created_at=utc("2026-01-01"), consent=consent)])
    assert stays_of(may_receive("subscribed"), data) == [("ann", "2026-03-01", "2026-03-05")]
    bounced = ConsentFilter(field="bounce_date", filter=last(1))
    assert stays_of(may_receive("subscribed", bounced, can=False), data) == [("ann", "2026-03-05", "2026-03-07")]


def test_details_are_those_of_the_present_status() -> None:
    doubly = {"double_optin": True, "method": "FORM", "method_detail": "f1"}
    consent = record("SUBSCRIBED", "2026-03-01T00:00:00+00:00", can_receive=True, **doubly)
    data = account([], [person(created_at=utc("2026-01-01"), consent=consent)])
    for asked, expected in (
        (ConsentFilter(field="method", method="form"), True),
        (ConsentFilter(field="method", method="api"), False),
        (ConsentFilter(field="method", method="form", filter=text("in", "f1", "f2")), True),
        (ConsentFilter(field="method", method="form", filter=text("in", "f2")), False),
        (ConsentFilter(field="is_rcs_capable", filter=ExistenceFilter(is_set=True)), False),
    ):
        assert bool(stays_of(may_receive("subscribed", asked), data)) is expected


def test_an_event_that_says_the_same_again_is_no_change() -> None:
    consent = record("SUBSCRIBED", "2026-03-01T00:00:00+00:00", can_receive=True, double_optin=True)
    rows = [happened("2026-03-01 00:00:02", "Subscribed to Email Marketing")]
    data = account(rows, [person(created_at=utc("2026-01-01"), consent=consent)])
    doubly = ConsentFilter(field="is_double_opt_in", filter=BooleanFilter(value=True))
    assert stays_of(may_receive("subscribed", doubly), data) == [("ann", "2026-03-01", "now")]
    lately = ConsentFilter(field="status_date", filter=last(1))
    assert stays_of(may_receive("subscribed", lately), data) == [("ann", "2026-03-01", "2026-03-03")]


def test_nothing_is_true_of_a_profile_whose_consent_the_export_does_not_tell() -> None:
    data = account([], [person(created_at=utc("2026-01-01"))])
    for can in (True, False):
        assert stays_of(may_receive("any", can=can), data) == []


# Every example of Klaviyo's, literally, with members found by hand

EXAMPLES: list[tuple[str, dict[str, Any], list[str]]] = [
    (
        "one order of 1,000 in 30 days",
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
        ["ann"],
    ),
    (
        "orders of more than 200, ever",
        {
            "type": "profile-metric",
            "metric_id": "PLCORD",
            "measurement": "sum",
            "measurement_filter": {"type": "numeric", "operator": "greater-than", "value": 200},
            "timeframe_filter": {"type": "date", "operator": "alltime"},
            "metric_filters": None,
        },
        ["ann", "ben"],
    ),
    (
        "no order between 30 and 90 days ago",
        {
            "type": "profile-metric",
            "metric_id": "PLCORD",
            "measurement": "count",
            "measurement_filter": {"type": "numeric", "operator": "equals", "value": 0},
            "timeframe_filter": {"type": "date", "operator": "between", "start": 30, "end": 90, "unit": "day"},
        },
        ["ann", "cem"],
    ),
    (
        "viewed, and did not order within 3 days",
        {
            "type": "profile-metric-funnel",
            "timeframe_filter": {"type": "date", "operator": "in-the-last", "unit": "day", "quantity": 30},
            "completion_window_seconds": "DAYS_3",
            "steps": [
                {"metric_exists": True, "metric_id": "VIEWED"},
                {"metric_exists": False, "metric_id": "PLCORD", "metric_filters": None},
            ],
        },
        ["cem"],
    ),
    (
        "the stored date of the highest order in 30 days",
        {
            "type": "profile-property",
            "property": "properties['highest_order_date']",
            "filter": {"type": "date", "operator": "in-the-last", "unit": "day", "quantity": 30},
        },
        ["ben"],
    ),
    (
        "joined a list in 10 days",
        {
            "type": "profile-group-membership",
            "is_member": True,
            "group_ids": ["G2B2C2"],
            "timeframe_filter": {"type": "date", "operator": "in-the-last", "quantity": 10, "unit": "day"},
        },
        ["cem"],
    ),
    (
        "subscribed by double opt-in",
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
        ["ann"],
    ),
    (
        "predicted value of 100",
        {
            "type": "profile-predictive-analytics",
            "dimension": "predicted_clv",
            "filter": {"type": "numeric", "operator": "greater-than-or-equal", "value": 100},
        },
        ["ben"],
    ),
]


@pytest.fixture
def shop() -> Export:
    """As of 10 March: Ann ordered once for 1,000, Ben eleven times for 20 in January, Cem never."""
    started = utc("2026-01-20")
    rows = [happened("2026-03-01", value=1000.0), happened("2026-02-28", VIEW)]
    rows += [happened(started + n * SECOND, value=20.0, who="ben") for n in range(11)]
    rows += [happened("2026-03-05", VIEW, who="cem")]
    subscribed = record("SUBSCRIBED", "2026-01-01T00:00:00+00:00", can_receive=True, double_optin=True)
    once = record("SUBSCRIBED", "2026-01-01T00:00:00+00:00", can_receive=True, double_optin=False)
    people = [
        person("ann", created_at=started, consent=subscribed, properties={"highest_order_date": "2026-01-30"}),
        person("ben", created_at=started, consent=once, properties={"highest_order_date": "2026-02-20 10:00:00"}),
        person("cem", created_at=started, predictions={"predicted_clv": 99.99}),
    ]
    people[1] = {**people[1], "predictions": json.dumps({"predicted_clv": 100})}
    return account(rows, people, [member("cem", "2026-03-01", "G2B2C2"), member("ben", "2026-02-01", "G2B2C2")])


@pytest.mark.parametrize(("condition", "expected"), [row[1:] for row in EXAMPLES], ids=[row[0] for row in EXAMPLES])
def test_every_example_of_klaviyo_s_is_evaluated(shop: Export, condition: dict[str, Any], expected: list[str]) -> None:
    assert members(read(condition), shop, "2026-03-10") == expected


# Sizes over time


def test_sizes_are_counted_at_the_end_of_each_day() -> None:
    data = account([happened("2026-03-01 12:00:00"), happened("2026-03-02", who="ben")])
    found = segment_sizes(data, [asks(count(timeframe=last(1)))], start="2026-03-01", end="2026-03-04").collect()
    assert SegmentSize.is_valid(found)
    assert found.select(pl.col("as_of").dt.date(), "count_members", "count_entered", "count_left").rows() == [
        (date(2026, 3, 1), 1, 1, 0),
        (date(2026, 3, 2), 2, 1, 0),
        (date(2026, 3, 3), 1, 0, 1),
        (date(2026, 3, 4), 0, 0, 1),
    ]
    assert found["as_of"][0] == find_instant("2026-03-01")


def test_changes_in_the_first_row_are_those_since_the_step_before_it() -> None:
    data = account([happened("2026-02-01"), happened("2026-03-01 12:00:00", who="ben")])
    found = segment_sizes(data, [asks(count())], start="2026-03-01", end="2026-03-01").collect()
    assert found.select("count_members", "count_entered", "count_left").rows() == [(2, 1, 0)]


def test_an_empty_segment_has_its_rows_too() -> None:
    data = account([happened("2026-03-01")])
    two = [asks(count(), name="some"), asks(count("greater-than", 5), name="none")]
    found = segment_sizes(data, two, start="2026-03-01", end="2026-03-02").collect()
    assert found.select("segment", "count_members").rows() == [("some", 1), ("some", 1), ("none", 0), ("none", 0)]


@pytest.mark.parametrize(
    ("every", "days"),
    [
        ("1w", ["2026-01-31", "2026-02-07", "2026-02-14"]),
        ("1mo", ["2026-01-31"]),
        ("10d", ["2026-01-31", "2026-02-10"]),
    ],
)
def test_moments_are_a_step_apart(every: str, days: list[str]) -> None:
    data = account([happened("2026-03-01")])
    found = segment_sizes(data, [asks(count())], start="2026-01-31", end="2026-02-14", every=every).collect()
    assert found["as_of"].to_list() == [find_instant(day) for day in days]


def test_months_and_quarters_keep_the_day_of_the_month() -> None:
    data = account([happened("2026-03-01")])
    for every, days in (("1mo", ["2025-11-15", "2025-12-15", "2026-01-15"]), ("1q", ["2025-11-15"])):
        found = segment_sizes(data, [asks(count())], start="2025-11-15", end="2026-01-20", every=every).collect()
        assert found["as_of"].to_list() == [find_instant(day) for day in days]


def test_days_end_in_the_calendar_s_zone() -> None:
    data = account([happened("2026-03-01 22:59:59.999999"), happened("2026-03-01 23:00:00", who="ben")])
    found = segment_sizes(data, [asks(count())], start="2026-03-01", end="2026-03-02", calendar=VIENNA).collect()
    assert found["count_members"].to_list() == [1, 2]


def test_moments_may_be_hours_apart() -> None:
    data = account([happened("2026-03-01 05:00:00")])
    start, end = utc("2026-03-01"), utc("2026-03-01 12:00:00")
    found = segment_sizes(data, [asks(count())], start=start, end=end, every="6h").collect()
    assert found["as_of"].to_list() == [start, utc("2026-03-01 06:00:00"), end]
    assert found["count_members"].to_list() == [0, 1, 1]


def test_what_is_no_period_or_no_step_is_refused() -> None:
    data, asked = account([]), [asks(count())]
    with pytest.raises(SettingsError, match="Swap"):
        segment_sizes(data, asked, start="2026-03-02", end="2026-03-01")
    with pytest.raises(SettingsError, match="two days or two moments"):
        segment_sizes(data, asked, start="2026-03-02", end=utc("2026-03-03"))
    for every in ("fortnight", "0d", "-1d", ""):
        with pytest.raises(SettingsError, match="every"):
            segment_sizes(data, asked, start="2026-03-01", end="2026-03-02", every=every)


# Overlap, and how exact a history is


def test_overlap_counts_who_is_in_both_at_a_moment() -> None:
    rows = [happened("2026-03-01"), happened("2026-03-01", VIEW), happened("2026-03-02", VIEW, who="ben")]
    both = [asks(count(), name="ordered"), asks(count(metric=VIEW), name="viewed")]
    found = measure_overlap(find_memberships(account(rows), both), as_of="2026-03-02").collect()
    assert found.rows() == [
        ("ordered", "ordered", 1, 1),
        ("ordered", "viewed", 1, 1),
        ("viewed", "ordered", 1, 2),
        ("viewed", "viewed", 2, 2),
    ]
    before = measure_overlap(find_memberships(account(rows), both), as_of="2026-02-01").collect()
    assert before.select("count_both", "count_segment").unique().rows() == [(0, 0)]


def test_each_condition_says_how_exact_its_past_is() -> None:
    data = account([happened("2026-03-01")])
    buyers = asks(count(), name="Buyers", key="S1")
    located = asks(PropertyCondition(property="location['city']", filter=text("equals", "Vienna")), name="Viennese")
    mixed = asks(
        count(metric="VIEWED"),
        located.root.parts[0],
        may_receive(),
        in_list("L1"),
        SegmentCondition(segment="Buyers"),
        SegmentCondition(segment="Viennese"),
        in_list("S1"),
        PredictionCondition(dimension="historic_clv", filter=NumericFilter(operator="equals", value=0)),
        PredictionCondition(dimension="total_clv", filter=NumericFilter(operator="equals", value=0)),
    )
    found = describe_history(mixed, data=data, definitions=[buyers, located])
    assert found["history"].to_list() == [
        "exact",
        "current_only",
        "approximate",
        "approximate",
        "exact",
        "current_only",
        "exact",
        "exact",
        "current_only",
    ]
    assert "It holds none of: VIEWED." in found["why"][0]
    assert all(why.endswith(".") for why in found["why"])
    assert found["condition"].null_count() == 0


# On the sample


@pytest.fixture(scope="module")
def sample() -> Export:
    return read_export("sample")


def test_stays_hold_their_contract_and_equal_the_members_of_any_day(sample: Export) -> None:
    asked = [single_order_at_least(100, days=30), ordered_item("Size", "medium", days=30)]
    stays = find_memberships(sample, asked)
    found = stays.collect()
    assert Membership.is_valid(found)
    assert isinstance(stays, dy.LazyFrame | pl.LazyFrame)
    for day in ("2026-01-15", "2026-08-31"):
        moment = find_instant(day)
        still_in = pl.col("left_at").is_null() | (pl.col("left_at") > moment)
        expected = found.filter(pl.col("segment") == asked[0].name, pl.col("entered_at") <= moment, still_in)
        members_then = segment_members(sample, asked[0], as_of=day).collect()
        assert_frame_equal(members_then, expected.drop("left_at"))
        assert members_then.height > 0


def test_the_size_of_a_day_is_what_plain_polars_counts(sample: Export) -> None:
    sizes = segment_sizes(sample, [single_order_at_least(100, days=30)], start="2026-06-01", end="2026-06-30").collect()
    orders = sample.events.filter(pl.col("metric") == "Placed Order", pl.col("value") >= 100).collect()
    for as_of, size in sizes.select("as_of", "count_members").iter_rows():
        since = as_of.date() - timedelta(days=30)
        window = pl.col("occurred_at").dt.date().is_between(since, as_of.date())
        assert size == orders.filter(window)["profile_id"].n_unique()


def test_the_shipped_definitions_are_evaluated(sample: Export) -> None:
    folder = Path(__file__).parent.parent / "data" / "segments"
    definitions = [each for path in sorted(folder.glob("*.json")) for each in read_definitions(path)]
    sizes = segment_sizes(sample, definitions, start="2026-08-31", end="2026-08-31").collect()
    assert sizes.height == len(definitions) > 0
    assert sizes["count_members"].max() < 2000
