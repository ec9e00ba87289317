"""Recipe 11: what its flow stores, whom its segments miss and why, and the properties put right."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, get_args

import hypothesis.strategies as st
import polars as pl
import pytest
import recipe_oracle as oracle
from builders import DAY, HOUR, MICROSECOND, START, Row, at, by_chance, events, frame, order, thoroughly
from hypothesis import given
from polars.testing import assert_frame_equal
from recipe_oracle import Bought

from klavnb.bundled import find_sample
from klavnb.definitions import ordered_item, single_order_at_least
from klavnb.errors import SettingsError
from klavnb.export import Export
from klavnb.recipes import (
    COMPARISONS,
    VARIANTS,
    WHYS,
    Comparison,
    Order,
    RecipeCount,
    RecipeVerdict,
    StoredProperty,
    Variant,
    backfill_properties,
    compare_recipe,
    count_recipe,
    filter_verdicts,
    find_orders,
    name_item_dates,
    replay_recipe,
)
from klavnb.schemas import Profile
from klavnb.segments import find_memberships
from klavnb.store import read_export

AT_LEAST_1000 = single_order_at_least(1000, days=30).name
MEDIUM = ordered_item("Size", "medium", days=30).name


def bought(day: float, value: float | None, *sizes: str, **columns: object) -> Row:
    """An order of items of these sizes."""
    properties = json.dumps({"$value": value, "Items": [{"ProductName": "Print", "Size": size} for size in sizes]})
    return order(**{"day": day, "value": value, "properties": properties, **columns})


@cache
def tiny() -> Export:
    return read_export(find_sample().parent / "tiny")


def account(*rows: Row, profiles: Iterable[Row] = ()) -> Export:
    people = frame(Profile, ({**dict.fromkeys(Profile.column_names()), **row} for row in profiles))
    return replace(tiny(), events=events(*rows), profiles=Profile.validate(people).lazy())


def replay(*rows: Row, **options: object) -> pl.DataFrame:
    stored = replay_recipe(find_orders(events(*rows)), **options).collect()
    return StoredProperty.validate(stored)


def stored_on(day: float, *rows: Row, **options: object) -> dict[str, str]:
    """What one profile stores at a moment, by property."""
    moment = at(day)
    held = replay(*rows, **options).filter(
        pl.col("changed_at") <= moment, pl.col("replaced_at").is_null() | (pl.col("replaced_at") > moment)
    )
    return dict(held.select("property", "value").iter_rows())


def judge(day: float, *rows: Row, goal: str = AT_LEAST_1000, **options: object) -> dict[str, tuple[str, str | None]]:
    """Outcome and reason of one profile at a moment, by variant."""
    verdicts = RecipeVerdict.validate(compare_recipe(account(*rows), **options).collect())
    now = filter_verdicts(verdicts.lazy(), as_of=at(day)).filter(pl.col("goal") == goal).collect()
    return {variant: (outcome, why) for variant, outcome, why in now.select("variant", "outcome", "reason").iter_rows()}


def text(day: float) -> str:
    return at(day).strftime("%Y-%m-%dT%H:%M:%S.%f")


MISSED_BY_TEXT = {"as_published": ("missed", "text_comparison"), "mended": ("both", None)}


def missed(why: str) -> dict[str, tuple[str, str]]:
    return dict.fromkeys(VARIANTS, ("missed", why))


# What the flow stores


def test_the_article_s_own_order_is_stored_as_its_template_writes_it() -> None:
    moment = datetime(2022, 9, 22, 20, 41, 17, 298858, tzinfo=UTC)
    row = bought(0, 1359, "small", "medium", "small", occurred_at=moment)
    date = "2022-09-22T20:41:17.298858"
    expected = {
        "highest_order_value": "1359",
        "highest_order_date": date,
        "small_order_date": date + date,
        "medium_order_date": date,
        "large_order_date": "",
        "xlarge_order_date": "",
    }
    rows = [
        {"profile_id": "ann", "property": name, "changed_at": moment, "replaced_at": None, "value": value}
        for name, value in expected.items()
    ]
    assert_frame_equal(replay(row), frame(StoredProperty, rows))


def test_a_change_ends_what_was_stored_before() -> None:
    found = replay(bought(0, 20), bought(40, 12.5), sizes=()).filter(pl.col("property") == "highest_order_value")
    assert found.select("value", "changed_at", "replaced_at").rows() == [("20", at(0), at(40)), ("12.5", at(40), None)]


def test_what_is_written_again_unchanged_is_no_change() -> None:
    found = replay(bought(0, 20), bought(40, 20), bought(80, 20))
    assert found["property"].value_counts().sort("count", "property").rows() == [
        ("highest_order_value", 1),
        ("large_order_date", 1),
        ("medium_order_date", 1),
        ("small_order_date", 1),
        ("xlarge_order_date", 1),
        ("highest_order_date", 3),
    ]


@pytest.mark.parametrize(("day", "value"), [(30, "900"), (31, "800")], ids=["in the past 30 days", "longer ago"])
def test_an_order_is_written_whatever_is_stored_if_it_is_the_only_one_in_the_past_days(day: int, value: str) -> None:
    assert stored_on(day, bought(0, 900), bought(day, 800))["highest_order_value"] == value


@pytest.mark.parametrize(("before_midnight", "value"), [(0, "900"), (1, "800")], ids=["at midnight", "just before it"])
def test_the_past_days_begin_at_midnight(before_midnight: int, value: str) -> None:
    midnight = START.replace(hour=0)
    earlier = bought(0, 900, occurred_at=midnight - before_midnight * MICROSECOND)
    later = bought(1, 800, occurred_at=midnight + 31 * DAY - MICROSECOND)
    assert stored_on(40, earlier, later)["highest_order_value"] == value


def test_orders_of_one_instant_count_in_the_order_of_their_ids() -> None:
    rows = (bought(0, 30, event_id="b"), bought(0, 20, event_id="a"), bought(0, 25, event_id="c"))
    assert stored_on(0, *rows)["highest_order_value"] == "30"
    assert replay(*rows).height == 6


def test_an_order_of_another_profile_changes_nothing() -> None:
    rows = (bought(0, 900, "small"), bought(1, 20, "medium", event_id="bob's", profile_id="bob"))
    assert_frame_equal(replay(*rows).filter(pl.col("profile_id") == "ann"), replay(rows[0]))
    assert_frame_equal(replay(*rows).filter(pl.col("profile_id") == "bob"), replay(rows[1]))


def test_a_window_of_other_days_has_properties_of_its_own() -> None:
    assert set(stored_on(0, bought(0, 900), days=60, sizes=())) == {
        "60_day_highest_order_value",
        "60_day_highest_order_date",
    }
    assert stored_on(90, bought(0, 900), bought(90, 800), days=None)["ever_highest_order_value"] == "900"


def test_an_order_without_a_value_writes_an_empty_text_that_any_value_replaces() -> None:
    only = stored_on(0, bought(0, None), sizes=())
    assert only == {"highest_order_value": "", "highest_order_date": text(0)}
    for comparison in get_args(Comparison):
        rows = (bought(0, None), bought(1, 5))
        assert stored_on(1, *rows, comparison=comparison)["highest_order_value"] == "5"
        assert stored_on(2, *rows, bought(2, None), comparison=comparison)["highest_order_value"] == "5"


def test_a_value_never_stored_is_smaller_than_any_though_there_were_orders_before_the_flow() -> None:
    rows = (bought(0, 900), bought(5, 100))
    assert stored_on(5, *rows, live_from=at(1))["highest_order_value"] == "100"


def test_an_order_at_the_very_moment_of_going_live_is_written() -> None:
    assert stored_on(0, bought(0, 900), live_from=at(0))["highest_order_value"] == "900"
    assert stored_on(0, bought(0, 900), live_from=at(0) + MICROSECOND) == {}


@pytest.mark.parametrize(
    ("value", "formatted"),
    [(0.5, "1"), (1.5, "2"), (2.5, "3"), (0.49999999999999994, "0"), (-0.4, "0"), (-0.5, "-1"), (1e22, f"{10**22}")],
)
def test_values_are_compared_as_django_rounds_them(value: float, formatted: str) -> None:
    assert pl.DataFrame({"value": [value]}).select(COMPARISONS["as_published"]).item() == formatted


def test_a_start_without_a_time_zone_is_refused() -> None:
    with pytest.raises(SettingsError, match="expected one with a time zone"):
        replay(bought(0, 900), live_from=at(0).replace(tzinfo=None))


def test_no_orders_store_nothing() -> None:
    assert replay().height == 0


# The five faults


def test_fault_1_a_larger_order_is_not_written_as_text_is_compared() -> None:
    rows = (bought(0, 900), bought(10, 1359))
    assert stored_on(10, *rows)["highest_order_value"] == "900"
    assert stored_on(10, *rows, comparison="mended")["highest_order_value"] == "1359"
    assert judge(10, *rows) == MISSED_BY_TEXT


def test_fault_1_a_smaller_order_overwrites_a_larger_as_text_is_compared() -> None:
    rows = (bought(0, 1359), bought(10, 900))
    assert stored_on(10, *rows)["highest_order_value"] == "900"
    assert judge(9, *rows) == dict.fromkeys(VARIANTS, ("both", None))
    assert judge(10, *rows) == MISSED_BY_TEXT


def test_fault_1_values_that_round_to_the_same_are_not_told_apart() -> None:
    rows = (bought(0, 100.2), bought(10, 100.4))
    goal = single_order_at_least(100.3, days=30).name
    assert judge(10, *rows, goal=goal, thresholds=[100.3]) == {
        "as_published": ("missed", "rounding"),
        "mended": ("both", None),
    }


def test_fault_2_a_maximum_that_left_the_window_blocks_smaller_newer_orders() -> None:
    rows = (bought(0, 900), bought(20, 500), bought(40, 600))
    goal = single_order_at_least(550, days=30).name
    assert judge(40, *rows, goal=goal, thresholds=[550]) == missed("stale_maximum")


def test_the_recipe_as_published_is_now_and_then_right_by_accident() -> None:
    rows = (bought(0, 10_000), bought(20, 1359), bought(40, 20))
    assert stored_on(40, *rows)["highest_order_value"] == "20"
    assert judge(31, *rows[:2]) == {"as_published": ("both", None), "mended": ("missed", "stale_maximum")}


def test_fault_2_is_the_reason_where_mending_the_comparison_would_not_help() -> None:
    rows = (bought(0, 1500), bought(20, 500), bought(40, 1359))
    assert judge(40, *rows) == missed("stale_maximum")


def test_fault_3_two_matching_items_run_their_dates_together() -> None:
    rows = (bought(0, 50, "medium", "small", "medium"),)
    assert stored_on(0, *rows)["medium_order_date"] == text(0) * 2
    assert judge(0, *rows, goal=MEDIUM) == missed("doubled_date")


def test_fault_4_an_order_without_such_an_item_blanks_the_date() -> None:
    rows = (bought(0, 50, "medium"), bought(10, 50, "small"))
    assert stored_on(10, *rows)["medium_order_date"] == ""
    assert judge(9, *rows, goal=MEDIUM) == dict.fromkeys(VARIANTS, ("both", None))
    assert judge(10, *rows, goal=MEDIUM) == missed("blanked_date")


def test_fault_5_orders_from_before_the_flow_are_missing() -> None:
    rows = (bought(0, 1359, "medium"),)
    assert judge(10, *rows, live_from=at(1)) == missed("before_live")
    assert judge(10, *rows, live_from=at(1), goal=MEDIUM) == missed("before_live")


def test_what_was_ordered_before_the_flow_is_no_excuse_for_what_was_ordered_since() -> None:
    rows = (bought(0, 1359, "medium"), bought(5, 900, "small"), bought(10, 1400, "medium", "medium"))
    assert judge(10, *rows, live_from=at(1)) == MISSED_BY_TEXT
    assert judge(10, *rows, live_from=at(1), goal=MEDIUM) == missed("doubled_date")


def test_a_profile_that_no_fault_touches_is_in_both_until_the_day_after_the_window() -> None:
    verdicts = compare_recipe(account(bought(0, 1000, "medium")), sizes=["medium"]).collect()
    left = START.replace(hour=0) + 31 * DAY
    rows = [
        {"variant": variant, "goal": goal, "profile_id": "ann", "entered_at": at(0), "left_at": left, "outcome": "both"}
        for variant in VARIANTS
        for goal in (AT_LEAST_1000, MEDIUM)
    ]
    assert_frame_equal(verdicts, frame(RecipeVerdict, rows), check_row_order=False)


def test_an_order_ever_is_never_left() -> None:
    verdicts = compare_recipe(account(bought(0, 1000, "medium")), sizes=["medium"], days=None).collect()
    assert verdicts.select("outcome", "left_at").unique().rows() == [("both", None)]


def test_an_item_s_number_matches_its_text() -> None:
    row = order(properties=json.dumps({"items": [{"Width": 40}, {"Width": None}, {"Width": [40]}, {}, 7]}))
    found = find_orders(events(row), items="items", item_property="Width").collect()
    assert found["item_values"].to_list() == [["40"]]


def test_an_order_without_items_is_an_order() -> None:
    rows = (order(day=1, properties=None), order(day=2, properties="{}"), bought(3, 1, ""))
    assert find_orders(events(*rows)).collect()["item_values"].to_list() == [[], [], [""]]


def test_sizes_of_one_property_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"found A_4_order_date for 'A 4', 'A/4'"):
        name_item_dates(["A 4", "A/4"])
    for value in ("highest", "60 day highest", "ever_highest", " ", '"'):
        with pytest.raises(SettingsError, match="each to name a property of its own"):
            name_item_dates([value])
    with pytest.raises(SettingsError, match="each to name a property of its own"):
        replay(sizes=["A 4", "A/4"])


# By chance

SIZES = ("small", "medium")
VALUES = (900.0, 1359.0, 100.0, 99.6, 100.4, 99.5, 20.0, 1000.0, -3.0, 0.5, None)
THRESHOLDS = (100.0, 99.55, 1000.0)

hours = st.sampled_from([0, 0.25, 11, 12, 23]).flatmap(
    lambda hour: st.integers(0, 9).map(lambda day: timedelta(days=day, hours=hour))
)
histories = st.lists(
    st.tuples(hours, st.sampled_from(VALUES), st.lists(st.sampled_from(SIZES), max_size=3).map(tuple)),
    min_size=1,
    max_size=7,
)
batches = st.lists(histories, min_size=16, max_size=16)
windows = st.sampled_from([1, 2, 3, None])
going_live = st.sampled_from([None, None, START, START + 2 * DAY, START + 4 * DAY + HOUR])

Batch = dict[str, list[Bought]]


def name_orders(batch: Sequence[Sequence[tuple[timedelta, float | None, tuple[str, ...]]]]) -> Batch:
    """Orders by profile; the text order of their ids is not that of their rows."""
    return {
        f"p{number}": [
            Bought(f"e{(number * 7 + place) * 7919 % 1009}", START + since, value, sizes)
            for place, (since, value, sizes) in enumerate(history)
        ]
        for number, history in enumerate(batch)
    }


def to_rows(batch: Batch) -> list[Row]:
    return [
        bought(0, one.value, *one.sizes, profile_id=profile, event_id=one.event_id, occurred_at=one.ordered_at)
        for profile, orders in batch.items()
        for one in orders
    ]


def find_moments(orders: Sequence[Bought], days: int | None) -> list[datetime]:
    """Where something may change, and the instant before."""
    changes = {one.ordered_at for one in orders}
    changes |= {(moment + (days or 0) * DAY).replace(hour=0) + DAY for moment in changes}
    return sorted(changes | {moment - MICROSECOND for moment in changes})


@thoroughly
@given(batches.map(name_orders), st.sampled_from(get_args(Comparison)), windows, going_live)
def test_what_is_stored_equals_the_oracle_s(
    batch: Batch, comparison: Comparison, days: int | None, live_from: datetime | None
) -> None:
    options: dict[str, Any] = {"comparison": comparison, "days": days, "sizes": SIZES, "live_from": live_from}
    found = replay(*to_rows(batch), **options).drop("replaced_at")
    expected = []
    for profile, orders in batch.items():
        before: oracle.Stored = {}
        by_moment = dict(oracle.replay(orders, **options))
        for moment, stored in by_moment.items():
            expected += [(profile, name, moment, value) for name, value in stored.items() if before.get(name) != value]
            before = stored
    rows = pl.DataFrame(expected, schema=found.schema, orient="row")
    assert_frame_equal(found, rows, check_row_order=False)


@thoroughly
@given(batches.map(name_orders), windows, going_live)
def test_verdicts_equal_the_oracle_s_at_every_moment_of_change(
    batch: Batch, days: int | None, live_from: datetime | None
) -> None:
    compared = compare_recipe(
        account(*to_rows(batch)), thresholds=THRESHOLDS, days=days, sizes=SIZES, live_from=live_from
    )
    verdicts = RecipeVerdict.validate(compared.collect())
    stays: dict[tuple[str, str, str], list[tuple[Any, ...]]] = {}
    for variant, goal, profile, *stay in verdicts.iter_rows():
        stays.setdefault((variant, goal, profile), []).append(tuple(stay))
    highest = {threshold: single_order_at_least(threshold, days=days).name for threshold in THRESHOLDS}
    of_size = {size: ordered_item("Size", size, days=days).name for size in SIZES}

    def look(variant: Variant, goal: str, profile: str, moment: datetime) -> tuple[str, str | None] | None:
        held = [
            (outcome, why)
            for entered, left, outcome, why in stays.get((variant, goal, profile), [])
            if entered <= moment and (left is None or moment < left)
        ]
        assert len(held) <= 1
        return held[0] if held else None

    when: dict[str, Any] = {"days": days, "live_from": live_from}
    for profile, orders in batch.items():
        for moment in find_moments(orders, days):
            for variant in VARIANTS:
                for threshold, goal in highest.items():
                    expected = oracle.judge_highest(orders, moment, variant=variant, threshold=threshold, **when)
                    assert look(variant, goal, profile, moment) == expected
                for size, goal in of_size.items():
                    assert look(variant, goal, profile, moment) == oracle.judge_size(orders, moment, size=size, **when)


@by_chance
@given(batches.map(name_orders), windows, going_live)
def test_nobody_is_wrongly_included_and_with_numbers_compared_no_comparison_is_to_blame(
    batch: Batch, days: int | None, live_from: datetime | None
) -> None:
    verdicts = compare_recipe(
        account(*to_rows(batch)), thresholds=THRESHOLDS, days=days, sizes=SIZES, live_from=live_from
    ).collect()
    assert "wrongly_included" not in verdicts["outcome"].to_list()
    reasons = verdicts.filter(pl.col("variant") == "mended")["reason"].drop_nulls().unique()
    assert not set(reasons) & {"text_comparison", "rounding"}


rare = st.lists(
    st.tuples(st.integers(31, 90), st.sampled_from([2000.0, 900.0, 1359.0]), st.sampled_from(["small", "medium"])),
    min_size=1,
    max_size=5,
)


@by_chance
@given(st.lists(rare, min_size=12, max_size=12))
def test_recipe_and_exact_agree_where_no_fault_applies(people: list[list[tuple[int, float, str]]]) -> None:
    rows = []
    for number, history in enumerate(people):
        day = 0
        for gap, value, size in history:
            day += gap
            rows.append(bought(day, value, size, profile_id=f"p{number}", event_id=f"e{len(rows)}"))
    data = account(*rows)
    verdicts = compare_recipe(data, sizes=SIZES).collect()
    assert verdicts["outcome"].unique().to_list() == ["both"]
    exact = find_memberships(
        data, [single_order_at_least(1000, days=30), *(ordered_item("Size", size, days=30) for size in SIZES)]
    ).select("profile_id", "entered_at", "left_at", goal="segment")
    for variant in VARIANTS:
        found = verdicts.filter(pl.col("variant") == variant).select("profile_id", "entered_at", "left_at", "goal")
        assert_frame_equal(found, exact.collect(), check_row_order=False)


@by_chance
@given(batches.map(name_orders), windows, going_live)
def test_counts_are_those_of_the_verdicts_that_hold(batch: Batch, days: int | None, live_from: datetime | None) -> None:
    verdicts = compare_recipe(
        account(*to_rows(batch)), thresholds=THRESHOLDS, days=days, sizes=SIZES, live_from=live_from
    )
    start, end = START.replace(hour=0), START + 15 * DAY
    counts = RecipeCount.validate(count_recipe(verdicts, start=start, end=end, every="12h").collect())
    goals = verdicts.select("variant", "goal").unique().collect().height
    assert counts.height == counts["as_of"].n_unique() * goals == 32 * goals
    stays = verdicts.collect().rows(named=True)
    for row in counts.iter_rows(named=True):
        held = [
            (stay["outcome"], stay["reason"])
            for stay in stays
            if (stay["variant"], stay["goal"]) == (row["variant"], row["goal"])
            and stay["entered_at"] <= row["as_of"]
            and (stay["left_at"] is None or row["as_of"] < stay["left_at"])
        ]
        outcomes = [outcome for outcome, _ in held]
        assert row["count_exact"] == len(held)
        assert row["count_both"] == row["count_recipe"] == outcomes.count("both")
        assert row["recall"] == (outcomes.count("both") / len(held) if held else None)
        assert [row[f"count_{why}"] for why in WHYS] == [held.count(("missed", why)) for why in WHYS]


def test_a_date_means_the_end_of_its_day() -> None:
    verdicts = compare_recipe(account(bought(0, 1000)), sizes=())
    counts = count_recipe(verdicts, start="2022-02-28", end="2022-04-02").collect()
    published = counts.filter(pl.col("variant") == "as_published")
    assert published["as_of"].first() == datetime(2022, 2, 28, 23, 59, 59, 999999, tzinfo=UTC)
    assert published["count_exact"].to_list() == [0] + [1] * 31 + [0, 0]
    assert published["recall"].to_list() == [None] + [1.0] * 31 + [None] * 2


# The offline process


def backfill(day: float, *rows: Row, profiles: Iterable[Row] = (), **options: object) -> pl.DataFrame:
    return backfill_properties(account(*rows, profiles=profiles), as_of=at(day), **options).collect()


def test_every_customer_gets_the_right_properties_and_null_where_there_is_no_such_order() -> None:
    ann = {"profile_id": "ann", "email": "ann@example.com", "phone_number": None}
    rows = (
        bought(0, 1359, "small"),
        bought(40, 900, "medium", "medium"),
        bought(50, 20, "small"),
        bought(0, 5, profile_id="bob", event_id="bob's"),
        bought(99, 9999, "large"),
    )
    found = backfill(60, *rows, profiles=[ann], windows=[30, 60, None], values=["small", "medium", "xlarge"])
    expected = {
        "profile_id": ["ann", "bob"],
        "email": ["ann@example.com", None],
        "phone_number": pl.Series([None, None], dtype=pl.String),
        "highest_order_value": [900.0, None],
        "highest_order_date": [at(40), None],
        "60_day_highest_order_value": [1359.0, 5.0],
        "60_day_highest_order_date": [at(0), at(0)],
        "ever_highest_order_value": [1359.0, 5.0],
        "ever_highest_order_date": [at(0), at(0)],
        "small_order_date": [at(50), None],
        "medium_order_date": [at(40), None],
        "xlarge_order_date": pl.Series([None, None], dtype=pl.Datetime("us", "UTC")),
    }
    assert_frame_equal(found, pl.DataFrame(expected))


def test_of_equal_values_the_latest_order_counts_and_one_without_a_value_does_not() -> None:
    found = backfill(20, bought(0, 50), bought(10, 50), bought(15, 49), bought(16, None), windows=[30])
    assert found.select("highest_order_value", "highest_order_date").rows() == [(50.0, at(10))]
    unvalued = backfill(20, bought(0, None), windows=[30])
    assert unvalued.select("highest_order_value", "highest_order_date").rows() == [(None, None)]


def test_all_values_found_get_a_property_unless_they_are_blank() -> None:
    found = backfill(9, bought(0, 1, "b", " ", "A", "", "a"), bought(10, 1, "later"), windows=[])
    assert found.columns == ["profile_id", "email", "phone_number", "A_order_date", "a_order_date", "b_order_date"]


def test_an_item_property_with_too_many_values_is_refused_unless_some_are_named() -> None:
    row = bought(0, 1, *(f"sku{number}" for number in range(101)))
    with pytest.raises(SettingsError, match=r"Items\[\*\]\.Size: expected at most 100 values.* found 101"):
        backfill(1, row)
    assert backfill(1, row, values=["sku7"])["sku7_order_date"].to_list() == [at(0)]


@pytest.mark.parametrize("wrong", [[30, 30], [0], [None, None]])
def test_windows_that_make_no_sense_are_refused(wrong: list[int | None]) -> None:
    with pytest.raises(SettingsError, match="windows: expected days"):
        backfill(1, bought(0, 1), windows=wrong)


def test_an_account_without_orders_has_no_customers() -> None:
    assert backfill(1).height == 0


@thoroughly
@given(batches.map(name_orders), st.sampled_from([0, 1.5, 4.25, 9]))
def test_segments_on_the_backfilled_properties_are_the_exact_ones_on_that_day(batch: Batch, day: float) -> None:
    days_and_none = (1, 3, 30, None)
    data = account(*to_rows(batch))
    now = at(day)
    found = backfill_properties(data, as_of=now, windows=days_and_none, values=SIZES).collect()
    assert found["profile_id"].to_list() == sorted(
        profile for profile, orders in batch.items() if any(one.ordered_at <= now for one in orders)
    )
    definitions = {
        (days, threshold): single_order_at_least(threshold, days=days)
        for days in days_and_none
        for threshold in THRESHOLDS
    }
    sizes = {(days, size): ordered_item("Size", size, days=days) for days in days_and_none for size in SIZES}
    exact = (
        find_memberships(data, [*definitions.values(), *sizes.values()])
        .filter(pl.col("entered_at") <= now, pl.col("left_at").is_null() | (pl.col("left_at") > now))
        .collect()
    )
    for (days, threshold), definition in definitions.items():
        value_name, date_name = oracle.names(days)
        start = oracle.window_start(now, days)
        members = found.filter(pl.col(value_name) >= threshold, pl.col(date_name).is_between(start, now))
        expected = exact.filter(pl.col("segment") == definition.name)["profile_id"]
        assert set(members["profile_id"]) == set(expected)
    for (days, size), definition in sizes.items():
        recent = pl.col(f"{size}_order_date").is_between(oracle.window_start(now, days), now)
        expected = exact.filter(pl.col("segment") == definition.name)["profile_id"]
        assert set(found.filter(recent)["profile_id"]) == set(expected)


@by_chance
@given(batches.map(name_orders), st.sampled_from([0, 1.5, 4.25, 9]))
def test_backfilled_properties_equal_the_oracle_s(batch: Batch, day: float) -> None:
    now = at(day)
    found = backfill(day, *to_rows(batch), windows=[2, None], values=SIZES)
    for row in found.iter_rows(named=True):
        orders = [one for one in batch[row["profile_id"]] if one.ordered_at <= now]
        for days in (2, None):
            inside = [
                (one.value, one.ordered_at)
                for one in orders
                if one.value is not None and one.ordered_at >= oracle.window_start(now, days)
            ]
            assert tuple(row[name] for name in oracle.names(days)) == max(inside, default=(None, None))
        for size in SIZES:
            assert row[f"{size}_order_date"] == max(
                (one.ordered_at for one in orders if size in one.sizes), default=None
            )


# The sample


def test_on_the_sample_the_recipe_misses_people_and_mending_it_misses_fewer() -> None:
    counts = count_recipe(
        compare_recipe(read_export("sample"), thresholds=[100]), start="2026-08-31", end="2026-08-31"
    ).collect()
    goal = single_order_at_least(100, days=30).name
    recall = dict(counts.filter(pl.col("goal") == goal).select("variant", "recall").iter_rows())
    assert 0 < recall["as_published"] < recall["mended"] <= 1
    assert counts["count_wrongly_included"].sum() == 0


def test_the_order_of_the_rows_changes_nothing() -> None:
    rows = (bought(0, 900, "medium"), bought(5, 1359), bought(9, 20), bought(9, 21, event_id="another"))
    forth, back = (find_orders(events(*given_rows)) for given_rows in (rows, rows[::-1]))
    assert Order.validate(forth.collect()).height == 4
    assert_frame_equal(replay_recipe(forth).collect(), replay_recipe(back).collect())
