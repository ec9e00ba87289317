"""One large order against many small ones, and who ordered which item: the same people as the segments have."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

import hypothesis.strategies as st
import polars as pl
import pytest
from builders import MICROSECOND, SECOND, Row, by_chance
from hypothesis import given
from segment_builders import happened, members, utc
from study_builders import EUR, bought, loaded

from klavnb.definitions import ordered_item, single_order_at_least, total_spent_at_least
from klavnb.errors import SettingsError
from klavnb.export import Export
from klavnb.lists import read_list, read_numbers, read_windows
from klavnb.segments import Calendar, find_instant, find_memberships
from klavnb.spending import (
    compare_spending,
    count_item_buyers,
    read_threshold,
)
from klavnb.store import read_export

AS_OF = utc("2026-06-30 23:59:59.999999")
VIENNA = Calendar("Europe/Vienna")
WINDOWS = (1, 30, None)
THRESHOLDS = (100.0, 200.0, 500.0, 1000.0)


@cache
def sample() -> Export:
    return read_export("sample")


def compare(data: Export, *, days: int | None = None, threshold: float = 1000.0, **options: object) -> dict[str, float]:
    """The figures of one window and threshold."""
    chosen = {"as_of": AS_OF, "currency": EUR, **options}
    (row,) = compare_spending(data, thresholds=[threshold], windows=[days], **chosen).collect().to_dicts()
    return {name: value for name, value in row.items() if name not in {"window_days", "threshold"}}


def count_members(data: Export, definitions: Sequence[object], as_of: datetime, calendar: Calendar) -> dict[str, int]:
    stays = find_memberships(data, definitions, calendar=calendar)
    is_in = pl.col("left_at").is_null() | (pl.col("left_at") > as_of)
    counted = stays.filter(pl.col("entered_at") <= as_of, is_in).group_by("segment").len().collect()
    return dict(counted.iter_rows())


def check_against_the_segments(
    data: Export, *, thresholds: Sequence[float], as_of: datetime, calendar: Calendar
) -> None:
    rows = compare_spending(
        data, thresholds=thresholds, windows=WINDOWS, as_of=as_of, currency=EUR, calendar=calendar
    ).collect()
    cells = [(days, threshold) for days in WINDOWS for threshold in thresholds]
    assert rows.select("window_days", "threshold").rows() == cells
    single = {cell: single_order_at_least(cell[1], days=cell[0]) for cell in cells}
    total = {cell: total_spent_at_least(cell[1], days=cell[0]) for cell in cells}
    sizes = count_members(data, [*single.values(), *total.values()], as_of, calendar)
    for column, of_cell in (("count_single", single), ("count_total", total)):
        assert rows[column].to_list() == [sizes.get(of_cell[cell].name, 0) for cell in cells], column


# One large order or many small ones


def test_fifty_orders_of_20_come_to_as_much_as_one_of_1000_but_are_not_one() -> None:
    small = [bought(utc("2026-06-01") + timedelta(hours=hour), 20.0, who="many") for hour in range(50)]
    found = compare(loaded(*small, bought("2026-06-02", 1000.0, who="one")))
    assert found == {
        "count_single": 1,
        "count_total": 2,
        "count_both": 1,
        "value_single": 1000.0,
        "value_total": 2000.0,
    }


def test_who_has_a_large_order_counts_with_all_that_was_spent_in_the_window() -> None:
    data = loaded(bought("2026-06-02", 1000.0), bought("2026-06-03", 5.0), bought("2026-01-03", 900.0))
    assert compare(data, days=30)["value_single"] == 1005.0
    assert compare(data)["value_single"] == 1905.0


def test_ten_times_a_tenth_comes_to_one() -> None:
    data = loaded(*(bought(utc("2026-06-01") + timedelta(hours=hour), 0.1) for hour in range(10)))
    assert compare(data, threshold=1.0)["count_total"] == 1


@pytest.mark.parametrize("value", [None, 0.0, -5.0], ids=["no value", "zero", "below zero"])
def test_an_order_that_is_worth_nothing_reaches_no_amount(value: float | None) -> None:
    assert compare(loaded(bought("2026-06-01", value)), threshold=1.0)["count_total"] == 0


def test_currencies_are_not_mixed() -> None:
    data = loaded(
        bought("2026-06-01", 600.0),
        bought("2026-06-02", 600.0, currency="USD"),
        bought("2026-06-03", 5.0, currency=None),
    )
    assert compare(data, threshold=600.0)["value_total"] == 600.0
    assert compare(data, threshold=1000.0)["count_total"] == 0
    assert compare(data, threshold=600.0, currency="USD")["count_single"] == 1
    assert compare(data, threshold=5.0, currency=None)["value_total"] == 5.0


def test_only_events_of_the_metric_up_to_the_moment_count() -> None:
    data = loaded(
        bought("2026-06-01", 7.0, metric="Ordered"),
        bought("2026-06-01", 70.0),
        bought(AS_OF + MICROSECOND, 700.0, metric="Ordered"),
    )
    assert compare(data, threshold=1.0, metric="Ordered")["value_total"] == 7.0


@pytest.mark.parametrize(
    ("first", "calendar", "as_of"),
    [
        ("2026-05-31 00:00:00", Calendar(), AS_OF),
        ("2026-05-31 00:00:00", Calendar(), utc("2026-06-30 00:00:00")),
        ("2026-05-30 22:00:00", VIENNA, find_instant("2026-06-30", VIENNA)),
        ("2026-02-27 23:00:00", VIENNA, find_instant("2026-03-30", VIENNA)),
    ],
    ids=["UTC", "UTC at midnight", "Vienna", "Vienna over the change of clocks"],
)
def test_a_window_begins_with_the_first_second_of_its_first_day(
    first: str, calendar: Calendar, as_of: datetime
) -> None:
    for time, count in ((utc(first), 1), (utc(first) - SECOND, 0)):
        data = loaded(bought(time))
        options = {"as_of": as_of, "calendar": calendar}
        assert compare(data, days=30, threshold=100.0, **options)["count_single"] == count
        definition = single_order_at_least(100, days=30)
        assert len(members(definition, data, as_of, calendar=calendar)) == count


def test_the_last_instant_that_is_looked_at_counts() -> None:
    assert compare(loaded(bought(AS_OF)), threshold=100.0)["count_single"] == 1


def test_every_window_and_threshold_has_a_row_also_where_nobody_ordered() -> None:
    rows = compare_spending(
        loaded(bought("2026-01-01", 1.0)), thresholds=[5.0, 2.0], windows=[30, None], as_of=AS_OF, currency=EUR
    ).collect()
    assert rows.select("window_days", "threshold").rows() == [(30, 2.0), (30, 5.0), (None, 2.0), (None, 5.0)]
    assert rows.drop("window_days", "threshold").sum_horizontal().to_list() == [0.0] * 4


@pytest.mark.parametrize("calendar", [Calendar(), VIENNA], ids=lambda calendar: calendar.time_zone)
@pytest.mark.parametrize("on", ["2026-08-31", "2026-03-15"])
def test_the_counts_of_the_sample_are_the_sizes_of_its_segments(on: str, calendar: Calendar) -> None:
    as_of = find_instant(on, calendar)
    check_against_the_segments(sample(), thresholds=THRESHOLDS, as_of=as_of, calendar=calendar)


orders = st.builds(
    lambda hour, value, who: bought(utc("2026-06-29") + timedelta(hours=hour), value, who=who),
    st.integers(-32 * 24, 26),
    st.sampled_from([None, 0.0, 0.1, 0.2, 20.0, 30.0, 49.99, 50.0, 99.9999, 100.0]),
    st.sampled_from(["ann", "bob", "cid", "dan"]),
)


@by_chance
@given(st.lists(orders, min_size=1, max_size=40), st.sampled_from([Calendar(), VIENNA]))
def test_the_counts_of_any_orders_are_the_sizes_of_their_segments(rows: list[Row], calendar: Calendar) -> None:
    check_against_the_segments(
        loaded(*rows), thresholds=(0.1, 0.3, 50.0, 100.0), as_of=find_instant("2026-06-29", calendar), calendar=calendar
    )


# Who ordered which item


def count_buyers(data: Export, **options: object) -> list[tuple[int | None, str, int]]:
    return count_item_buyers(data, **{"windows": [30, None], "as_of": AS_OF, **options}).collect().rows()


ITEMS = loaded(
    bought("2026-06-20", 1.0, "small", "small", "medium", who="ann"),
    bought("2026-06-21", 1.0, "medium", who="ann"),
    bought("2026-06-21", 1.0, "medium", who="bob"),
    bought("2026-01-01", 1.0, "large", who="cid"),
    bought("2026-01-01", 1.0, "medium", who="cid"),
    bought(AS_OF + MICROSECOND, 1.0, "xlarge", who="dan"),
)


def test_a_customer_counts_once_for_each_value_ordered_the_most_frequent_first() -> None:
    assert count_buyers(ITEMS) == [
        (30, "medium", 2),
        (30, "large", 0),
        (30, "small", 1),
        (None, "medium", 3),
        (None, "large", 1),
        (None, "small", 1),
    ]


def test_values_that_are_asked_for_come_in_their_order_found_or_not() -> None:
    assert count_buyers(ITEMS, values=["xlarge", "small"], windows=[30]) == [(30, "xlarge", 0), (30, "small", 1)]


def test_without_asking_ten_values_are_counted_and_none_that_is_a_sign_only() -> None:
    sizes = [*(f"s{number:02}" for number in range(12)), "-", "", " "]
    found = count_buyers(loaded(bought("2026-06-20", 1.0, *sizes)), windows=[30])
    assert [value for _, value, _ in found] == [f"s{number:02}" for number in range(10)]


def test_without_such_items_there_are_no_rows() -> None:
    found = count_item_buyers(loaded(bought("2026-06-20")), windows=[30, None], as_of=AS_OF).collect()
    assert found.is_empty()
    assert found.columns == ["window_days", "item_value", "count_profiles"]


def test_another_property_of_other_items_of_another_event_may_be_asked() -> None:
    row = happened("2026-06-20", "Bought", value=1.0, Lines=[{"Colour": "red"}, {"Colour": 7}])
    options = {"metric": "Bought", "items": "Lines", "item_property": "Colour", "windows": [None]}
    assert count_buyers(loaded(row), **options) == [(None, "7", 1), (None, "red", 1)]


@pytest.mark.parametrize("calendar", [Calendar(), VIENNA], ids=lambda calendar: calendar.time_zone)
def test_the_buyers_of_the_sample_are_the_members_of_the_segments_by_item(calendar: Calendar) -> None:
    as_of, sizes = find_instant("2026-07-15", calendar), ["small", "medium", "large", "xlarge", "none such"]
    cells = [(days, size) for days in WINDOWS for size in sizes]
    asked = {cell: ordered_item("Size", cell[1], days=cell[0]) for cell in cells}
    expected = count_members(sample(), list(asked.values()), as_of, calendar)
    found = count_buyers(sample(), values=sizes, windows=WINDOWS, as_of=as_of, calendar=calendar)
    assert found == [(*cell, expected.get(asked[cell].name, 0)) for cell in cells]


# What a user writes


@pytest.mark.parametrize(
    ("text", "windows"),
    [("30, 60, ever", [30, 60, None]), (" EVER ,7,", [None, 7]), ("1", [1]), ("36500", [36_500])],
)
def test_windows_are_read_in_their_order(text: str, windows: list[int | None]) -> None:
    assert read_windows(text) == windows


@pytest.mark.parametrize("text", ["", " , ", "0", "-30", "30.5", "a month", "30, 30", "30, 030", "³", "36501"])
def test_windows_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_windows(text)
    assert str(raised.value) == (
        f"Windows: expected different numbers of days, or ever, between commas; found {text!r}.\n\n"
        "Hint: Write 30, 60, 90, ever."
    )


@pytest.mark.parametrize(
    ("text", "numbers"), [("", []), ("200, 100,100", [100.0, 200.0]), ("0.5", [0.5]), (" 1e3 ", [1000.0])]
)
def test_amounts_are_read_rising_and_once_each(text: str, numbers: list[float]) -> None:
    assert read_numbers(text) == numbers


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "EUR 100", "100; 200", "1,000"])
def test_amounts_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_numbers(text)
    assert str(raised.value) == (
        f"Amounts: expected numbers above 0 between commas, found {text!r}.\n\nHint: Write 100, 200, 500."
    )


def test_texts_are_read_in_their_order_and_once_each() -> None:
    assert read_list(" small, medium,,small ") == ["small", "medium"]
    assert read_list(" ") == []


def test_a_large_order_is_what_the_user_says() -> None:
    assert read_threshold(" 1000 ", loaded(bought("2026-06-01"))) == 1000.0


@pytest.mark.parametrize("text", ["1,500", "100, 200", ","])
def test_a_large_order_is_one_amount(text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_threshold(text, loaded(bought("2026-06-01")))
    assert str(raised.value) == f"A large order: expected one amount, found {text!r}.\n\nHint: Write 1000."


@pytest.mark.parametrize(
    ("values", "large"),
    [
        ([*range(10, 110, 10)], 100.0),
        ([12.0], 10.0),
        ([16.0], 20.0),
        ([740.0], 500.0),
        ([760.0], 1000.0),
        ([0.04], 0.05),
        ([50.0, 0.0, None, -9.0], 50.0),
    ],
)
def test_else_it_is_about_what_one_order_in_ten_reaches(values: list[float], large: float) -> None:
    rows = [bought("2026-06-01", value) for value in values]
    data = loaded(*rows, bought("2026-06-01", 9e9, currency="USD"), bought("2026-06-01", 9e9, metric="Other"))
    assert read_threshold("", data, currency=EUR) == pytest.approx(large)


def test_without_a_value_there_is_no_large_order() -> None:
    with pytest.raises(SettingsError) as raised:
        read_threshold("", loaded(bought("2026-06-01", 0.0)), currency=EUR)
    assert str(raised.value) == (
        "No 'Placed Order' event of the export has a value above 0, so there is no large order to ask about.\n\n"
        "Hint: Name the amount, such as 1000, or another metric of orders."
    )


def test_items_are_read_whatever_the_properties_hold() -> None:
    odd = [None, "[]", "{", json.dumps({"Items": "small"}), json.dumps({"Items": [{"Size": ["small"]}, 3]})]
    rows = [{**bought("2026-06-01"), "properties": text} for text in odd]
    assert count_buyers(loaded(*rows, bought("2026-06-02", 1.0, "small")), windows=[None]) == [(None, "small", 1)]
