"""Klaviyo's workaround on an account: whom it misses on the day, over the period, and why."""

from collections.abc import Sequence
from datetime import date
from functools import cache

import polars as pl
import pytest
from segment_builders import utc
from study_builders import bought, loaded

from klavnb.bundled import find_sample
from klavnb.definitions import ordered_item, single_order_at_least
from klavnb.errors import SettingsError
from klavnb.recipes import WHYS, RecipeCount
from klavnb.segments import Calendar, find_memberships
from klavnb.store import read_export
from klavnb.studies import SegmentStudy, study_segments
from klavnb.workaround import Workaround, study_workaround

GOAL = single_order_at_least(1000, days=30)
SMALL, MEDIUM = (ordered_item("Size", size, days=30) for size in ("small", "medium"))

ORDERS = (
    # both sizes in one order, and neither is found: two dates of small run together, and 1,359 is no more than 900
    bought("2026-06-02", 900.0, who="ann"),
    bought("2026-06-10", 1359.0, "small", "small", "medium", who="ann"),
    # found
    bought("2026-06-11", 2000.0, "small", who="bob"),
    # the date of medium is wiped
    bought("2026-06-12", 1500.0, "medium", who="cid"),
    bought("2026-06-13", 10.0, "small", who="cid"),
    # out of the window on the day
    bought("2026-05-01", 5000.0, "small", who="dan"),
)


def study(*rows: object, **options: object) -> SegmentStudy:
    return study_segments(loaded(*(rows or ORDERS)), [GOAL], as_of="2026-06-30", **options)


def replay(
    made: SegmentStudy | None = None, *, item_values: Sequence[str] = ("small", "medium"), **options: object
) -> Workaround:
    chosen = {"threshold": 1000, "days": 30, **options}
    return study_workaround(made or study(), item_values=item_values, **chosen)


def tell_today(workaround: Workaround, variant: str = "as_published") -> dict[str, dict[str, int]]:
    """Per segment what is not zero on the day, without `count_` before it."""
    rows = workaround.today.filter(pl.col("variant") == variant).collect().to_dicts()
    return {
        row["goal"]: {
            name.removeprefix("count_"): number
            for name, number in row.items()
            if name.startswith("count_") and name != "count_recipe" and number
        }
        for row in rows
    }


def tell_people(workaround: Workaround) -> dict[str, int]:
    (row,) = workaround.people.collect().to_dicts()
    return {name.removeprefix("count_"): number for name, number in row.items() if number}


def test_each_segment_is_counted_on_the_day_with_whom_the_recipe_misses_by_reason() -> None:
    assert tell_today(replay()) == {
        GOAL.name: {"exact": 3, "both": 2, "missed": 1, "text_comparison": 1},
        SMALL.name: {"exact": 3, "both": 2, "missed": 1, "doubled_date": 1},
        MEDIUM.name: {"exact": 2, "both": 1, "missed": 1, "blanked_date": 1},
    }


def test_with_the_comparison_mended_the_large_order_is_found_and_the_items_are_missed_as_before() -> None:
    published, mended = (tell_today(replay(), variant) for variant in ("as_published", "mended"))
    assert mended == published | {GOAL.name: {"exact": 3, "both": 3}}


def test_people_are_counted_once_however_many_segments_they_are_in() -> None:
    assert tell_people(replay()) == {
        "exact": 3,
        "missed": 2,
        "text_comparison": 1,
        "doubled_date": 1,
        "blanked_date": 1,
    }


def test_nobody_in_any_segment_is_a_row_of_zeros() -> None:
    workaround = replay(study(bought("2026-06-02", 1.0)))
    (row,) = workaround.people.collect().to_dicts()
    assert row == {"count_exact": 0, "count_missed": 0, **{f"count_{why}": 0 for why in WHYS}}
    assert workaround.today.collect().is_empty()
    assert workaround.counts.collect().is_empty()


def test_segments_are_labelled_the_large_order_first_then_the_items_in_their_order() -> None:
    workaround = replay(item_values=["medium", "small"])
    assert workaround.goal == GOAL.name
    assert list(workaround.labels.items()) == [
        (GOAL.name, "one order of 1,000 or more"),
        (MEDIUM.name, "Size “medium”"),
        (SMALL.name, "Size “small”"),
    ]
    assert replay(threshold=12.5).labels[single_order_at_least(12.5, days=30).name] == "one order of 12.5 or more"


def test_without_items_the_large_order_is_all() -> None:
    workaround = replay(item_values=())
    assert list(tell_today(workaround)) == list(workaround.labels) == [GOAL.name]


def test_other_items_of_other_orders_over_all_time_may_be_asked() -> None:
    row = bought("2026-01-02", 7.0, metric="Bought")
    row = {**row, "properties": '{"Lines": [{"Colour": "red"}]}'}
    workaround = replay(
        study(row), threshold=5, days=None, item_values=["red"], metric="Bought", items="Lines", item_property="Colour"
    )
    single = single_order_at_least(5, metric="Bought").name
    red = ordered_item("Colour", "red", items="Lines", metric="Bought").name
    assert workaround.labels == {single: "one order of 5 or more", red: "Colour “red”"}
    assert tell_today(workaround) == {single: {"exact": 1, "both": 1}, red: {"exact": 1, "both": 1}}


def test_orders_from_before_the_flow_went_live_are_missed() -> None:
    workaround = replay(live_from="2026-06-11")
    assert tell_today(workaround)[GOAL.name] == {"exact": 3, "both": 2, "missed": 1, "before_live": 1}
    assert tell_people(workaround) == {"exact": 3, "missed": 2, "before_live": 1, "blanked_date": 1}


def test_the_flow_goes_live_at_midnight() -> None:
    data = study(bought("2026-06-10 23:59:59", 1000.0), bought("2026-06-11", 1000.0, who="bob"))
    counts = tell_today(replay(data, live_from="2026-06-11", item_values=()))[GOAL.name]
    assert counts == {"exact": 2, "both": 1, "missed": 1, "before_live": 1}


def test_the_day_and_the_period_are_those_of_the_study() -> None:
    workaround = replay(study(start="2026-06-01", end="2026-06-20"))
    RecipeCount.validate(workaround.counts.collect())
    assert workaround.today.select(pl.col("as_of").unique()).collect().item() == utc("2026-06-30 23:59:59.999999")
    days = workaround.counts.filter(pl.col("goal") == GOAL.name, pl.col("variant") == "as_published")
    assert days.select("as_of", "count_exact").collect()["count_exact"].to_list() == [0] * 9 + [1, 2] + [3] * 9


def test_a_window_counts_in_utc_as_klaviyo_does_whatever_the_calendar() -> None:
    """On 30 June at the end of the day in Vienna it is still 30 June in UTC, and 31 May 00:30 UTC is 30 days ago."""
    rows = (bought("2026-05-31 00:30:00", 1000.0), bought("2026-05-30 22:30:00", 1000.0, who="bob"))
    vienna = study(*rows, calendar=Calendar("Europe/Vienna"))
    assert tell_today(replay(vienna, item_values=()))[GOAL.name] == {"exact": 1, "both": 1}


def test_a_day_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="expected a day such as 2026-08-31, found 'spring'"):
        replay(live_from="spring")


def test_a_day_after_the_last_event_is_refused() -> None:
    with pytest.raises(SettingsError, match="go live on 2026-06-14, after the last event of the export, on 2026-06-13"):
        replay(live_from="2026-06-14")
    assert replay(live_from="2026-06-13").live_on == date(2026, 6, 13)


def test_days_before_the_flow_went_live_do_not_count() -> None:
    workaround = replay(study(start="2026-06-01", end="2026-06-20"), live_from="2026-06-11")
    assert workaround.counts.select(pl.col("as_of").dt.date().min()).collect().item() == date(2026, 6, 11)
    before = replay(study(start="2026-06-01", end="2026-06-10"), live_from="2026-06-11")
    assert before.counts.collect().is_empty()


def test_two_values_for_one_property_are_refused() -> None:
    with pytest.raises(
        SettingsError, match="each to name a property of its own, found s_1_order_date for 's 1', 's-1'"
    ):
        replay(item_values=["s 1", "s-1"])


@cache
def of_the_sample() -> tuple[SegmentStudy, Workaround]:
    made = study_segments(read_export(find_sample()), [single_order_at_least(200, days=30)], start="2026-03-01")
    return made, replay(made, threshold=200, item_values=("small", "medium", "large", "xlarge"))


def test_in_the_sample_found_and_missed_are_the_exact_segment_on_every_day() -> None:
    made, workaround = of_the_sample()
    counts = workaround.counts.collect()
    assert counts["goal"].n_unique() == 5
    assert counts["as_of"].n_unique() == (made.end_on - made.start_on).days + 1 == 184
    assert (counts["count_missed"] + counts["count_both"]).equals(counts["count_exact"])
    assert counts.select(pl.sum_horizontal(f"count_{why}" for why in WHYS)).to_series().equals(counts["count_missed"])
    published = counts.filter(variant="as_published")
    sizes = made.sizes.select("as_of", "count_members").collect()
    assert published.filter(goal=workaround.goal)["count_exact"].equals(sizes["count_members"], null_equal=False)
    last = published.filter(as_of=made.as_of)
    today = workaround.today.filter(pl.col("variant") == "as_published").collect()
    assert dict(today.select("goal", "count_missed").iter_rows()) == dict(
        last.select("goal", "count_missed").iter_rows()
    )


def test_people_of_the_sample_are_those_of_its_segments_together() -> None:
    made, workaround = of_the_sample()
    items = [ordered_item("Size", size, days=30) for size in ("small", "medium", "large", "xlarge")]
    stays = find_memberships(made.export, [*made.definitions, *items])
    is_in = pl.col("left_at").is_null() | (pl.col("left_at") > made.as_of)
    together = stays.filter(pl.col("entered_at") <= made.as_of, is_in).select(pl.col("profile_id").n_unique())
    people, today = tell_people(workaround), tell_today(workaround).values()
    assert people["exact"] == together.collect().item()
    assert max(row["missed"] for row in today) <= people["missed"] <= sum(row["missed"] for row in today)
