"""Segments of one account looked at together: a period, its sizes and moves, what the members are worth."""

from collections.abc import Sequence
from datetime import date
from functools import cache

import polars as pl
import pytest
from builders import ANNOUNCED, HOUR, MICROSECOND
from segment_builders import asks, count, happened, person, utc
from study_builders import bought, loaded

from klavnb.audiences.gaps import find_absent_metrics
from klavnb.bundled import find_definitions, find_sample
from klavnb.comparison import compare_models
from klavnb.definitions import (
    ConsentCondition,
    DateFilter,
    Definition,
    FunnelCondition,
    FunnelStep,
    GroupMembershipCondition,
    PropertyCondition,
    SegmentCondition,
    TextFilter,
    read_definitions,
)
from klavnb.errors import SettingsError
from klavnb.export import Export
from klavnb.schemas import Membership, SegmentSize
from klavnb.segments import Calendar
from klavnb.store import read_export
from klavnb.studies import (
    SegmentStudy,
    count_moves,
    describe_segments,
    find_members,
    pick_definition,
    study_segments,
    value_segments,
)

RECENT = asks(count(timeframe=DateFilter(operator="in-the-last", unit="day", quantity=10)), name="Recent")
REPEAT = asks(count(value=2), name="Repeat")
NEVER = asks(count("equals", 0), name="Never ordered")
CITY = asks(PropertyCondition(property="location['city']", filter=TextFilter(operator="equals", values=("Graz",))))
ASKED = (REPEAT, RECENT, NEVER)

ORDERS = (
    bought("2026-01-05 08:00:00", 50.0, who="ann"),
    bought("2026-01-30 12:00:00", 20.0, who="ann"),
    bought("2026-02-27 23:30:00", 70.0, who="bob"),
    bought("2026-03-03 12:00:00", 10.0, who="cid"),
    happened("2026-03-10 23:00:00", "Viewed Product", who="dan"),
)


def study(*definitions: Definition, rows: Sequence[object] = ORDERS, **options: object) -> SegmentStudy:
    return study_segments(loaded(*rows), definitions or ASKED, **options)


@cache
def tiny() -> Export:
    return read_export(find_sample().parent / "tiny")


# The period


def test_without_days_the_last_day_of_the_export_is_looked_at_and_all_days_before_it() -> None:
    made = study()
    assert (made.start_on, made.end_on, made.as_of_on) == (date(2026, 1, 5), date(2026, 3, 10), date(2026, 3, 10))
    assert made.as_of == utc("2026-03-11") - MICROSECOND


def test_without_a_start_the_period_is_a_year_at_most() -> None:
    long = study(rows=[bought("2023-01-01"), bought("2026-03-10")])
    assert (long.start_on, long.end_on) == (date(2025, 3, 11), date(2026, 3, 10))


def test_the_period_ends_with_the_day_that_is_looked_at_unless_said_otherwise() -> None:
    past = study(as_of="2026-02-01")
    assert (past.start_on, past.end_on, past.as_of_on) == (date(2026, 1, 5), date(2026, 2, 1), date(2026, 2, 1))
    apart = study(as_of="2026-02-01", start="2025-12-31", end="2026-03-01")
    assert (apart.start_on, apart.end_on, apart.as_of_on) == (date(2025, 12, 31), date(2026, 3, 1), date(2026, 2, 1))


def test_days_are_those_of_the_calendar() -> None:
    vienna = study(calendar=Calendar("Europe/Vienna"))
    assert (vienna.start_on, vienna.end_on) == (date(2026, 1, 5), date(2026, 3, 11))
    assert vienna.as_of == utc("2026-03-11 23:00:00") - MICROSECOND


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"start": "2026-03-01", "end": "2026-02-01"}, "begin on 2026-03-01 and end on 2026-02-01"),
        ({"as_of": "2025-12-01"}, "begin on 2026-01-05 and end on 2025-12-01"),
        ({"start": "2026-03-11"}, "begin on 2026-03-11 and end on 2026-03-10"),
    ],
)
def test_a_period_that_ends_before_it_begins_is_refused(options: dict[str, str], found: str) -> None:
    with pytest.raises(SettingsError) as raised:
        study(**options)
    assert str(raised.value) == (
        f"The period would {found}; events lie between 2026-01-05 and 2026-03-10.\n\nHint: Change start, end or as_of."
    )


@pytest.mark.parametrize("name", ["as_of", "start", "end"])
def test_a_day_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=r"expected a day such as 2026-08-31, found '31\.8\.2026'"):
        study(**{name: "31.8.2026"})


def test_an_export_without_events_has_no_segments() -> None:
    with pytest.raises(SettingsError, match="no segment has a history"):
        study_segments(loaded(*ORDERS, first_event_at=None, last_event_at=None), ASKED)


def test_a_study_holds_its_contracts() -> None:
    made = study()
    Membership.validate(made.memberships.collect())
    SegmentSize.validate(made.sizes.collect())


def test_everyone_is_who_was_created_or_seen_up_to_the_day() -> None:
    people = [
        person("ann", created_at=utc("2026-03-09")),  # ordered before her profile says that she was created
        person("eve", created_at=utc("2026-02-01")),
        person("fay", created_at=utc("2026-02-02")),
        person("gus"),  # nobody knows since when
    ]
    data = loaded(*ORDERS, profiles=people)
    assert study_segments(data, ASKED, as_of="2026-02-01").count_profiles == 3
    assert study_segments(data, ASKED).count_profiles == 7


def test_whoever_never_ordered_is_one_of_everyone() -> None:
    data = loaded(happened("2026-03-10", "Viewed Product"), profiles=[person("ann"), person("bob")])
    made = study_segments(data, [NEVER])
    assert find_members(made).collect().height == made.count_profiles == 2


# Sizes and moves


def test_the_size_of_a_day_is_the_number_of_members_on_it() -> None:
    whole = study()
    sizes = whole.sizes.collect()
    for day in ("2026-01-05", "2026-01-15", "2026-01-30", "2026-02-27", "2026-03-09", "2026-03-10"):
        members = dict(find_members(study(as_of=day)).group_by("segment").len().collect().iter_rows())
        moment = utc(f"{day} 23:59:59.999999")
        of_day = dict(sizes.filter(as_of=moment).select("segment", "count_members").iter_rows())
        assert of_day == {definition.name: members.get(definition.name, 0) for definition in ASKED}, day


def test_members_are_found_at_the_end_of_the_day() -> None:
    found = find_members(study(as_of="2026-02-01")).collect().sort("segment", "profile_id").rows()
    assert found == [("Recent", "ann"), ("Repeat", "ann")]


def test_who_leaves_or_enters_at_the_last_instant_of_the_day_has_done_so() -> None:
    rows = [happened("2026-01-05", "Viewed Product"), bought(utc("2026-02-01") - MICROSECOND)]
    assert find_members(study(NEVER, rows=rows, as_of="2026-01-31")).collect().is_empty()
    assert find_members(study(NEVER, rows=rows, as_of="2026-01-30")).collect().height == 1
    assert find_members(study(RECENT, rows=rows, as_of="2026-01-31")).collect().height == 1


def test_moves_are_counted_month_by_month_in_the_order_of_the_definitions() -> None:
    moves = count_moves(study(REPEAT, RECENT, start="2026-01-05"))
    assert moves.collect().rows() == [
        ("Repeat", date(2026, 1, 1), 1, 0, date(2026, 1, 31), 1),
        ("Repeat", date(2026, 2, 1), 0, 0, date(2026, 2, 28), 1),
        ("Repeat", date(2026, 3, 1), 0, 0, date(2026, 3, 10), 1),
        ("Recent", date(2026, 1, 1), 2, 1, date(2026, 1, 31), 1),
        ("Recent", date(2026, 2, 1), 1, 1, date(2026, 2, 28), 1),
        ("Recent", date(2026, 3, 1), 1, 1, date(2026, 3, 10), 1),
    ]


def test_months_are_those_of_the_calendar() -> None:
    rows = [bought("2026-02-28 23:30:00"), bought("2026-03-31 12:00:00", who="bob")]
    for calendar, months in ((Calendar(), [2, 3]), (Calendar("Europe/Vienna"), [3])):
        found = count_moves(study(REPEAT, rows=rows, calendar=calendar)).collect()
        assert [day.month for day in found["month_on"]] == months


def test_moves_are_the_change_of_the_size_and_add_up_over_the_period() -> None:
    made = study_segments(tiny(), read_definitions(find_definitions()))
    moves = count_moves(made).collect()
    change = pl.col("count_members").diff().over("segment")
    changed = moves.with_columns(change=change).drop_nulls("change")
    assert changed.height > 10
    assert changed.filter(pl.col("count_entered") - pl.col("count_left") != pl.col("change")).is_empty()
    before = made.start_on.isoformat() + "T00:00:00"
    for segment in moves["segment"].unique():
        of_segment = moves.filter(segment=segment)
        stays = made.memberships.filter(pl.col("segment") == segment).collect()
        is_within = pl.lit(before).str.to_datetime(time_unit="us", time_zone="UTC")
        assert (
            of_segment["count_entered"].sum()
            == stays.filter(pl.col("entered_at").is_between(is_within, pl.lit(made.as_of))).height
        )
        assert (
            of_segment["count_left"].sum()
            == stays.filter(pl.col("left_at").is_between(is_within, pl.lit(made.as_of))).height
        )


# What the segments ask


def test_segments_are_described_in_the_order_of_their_definitions() -> None:
    rows = describe_segments(study()).collect()
    assert rows.drop("sentence").rows() == [
        ("Repeat", 1, 0.25, "exact", None),
        ("Recent", 1, 0.25, "exact", None),
        ("Never ordered", 1, 0.25, "exact", None),
    ]
    assert rows["sentence"][0] == "Placed Order at least 2 times over all time."


def test_the_weakest_conditions_say_how_well_the_past_is_known() -> None:
    agreed = ConsentCondition(channel="email", can_receive_marketing=True, subscription="subscribed")
    listed = GroupMembershipCondition(is_member=True, group_ids=("L1",))
    made = study(asks(count(), agreed, listed, name="Agreed"), asks(*CITY.root.parts, agreed, name="Near"), REPEAT)
    agreed_to, near, repeat = describe_segments(made).select("history", "why").collect().rows()
    whys = [
        "Only the latest change of each profile is known; before it, nobody counts as subscribed.",
        "Present members count from the day they joined; those who have left since are not known.",
        "The export names no members of: L1.",
    ]
    assert agreed_to == ("approximate", " ".join(whys))
    assert near == ("current_only", "An export has the present value of this location only; it stands for every day.")
    assert repeat == ("exact", None)


def test_a_segment_of_segments_is_as_exact_as_the_weakest_of_them() -> None:
    inner = asks(*CITY.root.parts, name="Near")
    middle = asks(SegmentCondition(segment="Near"), name="Middle")
    outer = asks(SegmentCondition(segment="Middle", is_member=False), count(), name="Outer")
    histories = describe_segments(study(outer, middle, inner)).select("segment", "history").collect().rows()
    assert histories == [("Outer", "current_only"), ("Middle", "current_only"), ("Near", "current_only")]


def test_a_metric_without_an_event_is_named_by_its_name() -> None:
    steps = tuple(FunnelStep(metric=metric, metric_exists=True) for metric in ("VIEWED", "Clicked Text Message"))
    funnel = FunnelCondition(timeframe=DateFilter(operator="alltime"), steps=steps)
    asked = asks(count(metric="Clicked SMS"), count(metric="PLCORD"), count(metric="None such"), funnel)
    account = study(asked).export
    assert find_absent_metrics([asked], account) == ["Clicked SMS", "None such"]
    assert find_absent_metrics([asks(count(metric="PLCORD"))], account) == []


def test_a_definition_is_picked_by_its_name_or_the_first_one() -> None:
    assert pick_definition(ASKED) is REPEAT
    assert pick_definition(ASKED, "Never ordered") is NEVER


def test_a_definition_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(SettingsError) as raised:
        pick_definition(ASKED, "Repeats")
    assert str(raised.value) == (
        "There is no segment called 'Repeats'.\n\nHint: There are: Repeat, Recent, Never ordered."
    )


# What the members are worth


TOUCHED = (
    {**happened("2026-03-02 10:00:00", "Clicked Email", who="cid"), "message_id": "an email"},
    {**happened("2026-03-02 11:00:00", "Clicked SMS", who="cid"), "message_id": "an sms"},
    {**happened("2026-03-02 09:00:00", "Received Email", who="cid"), "message_id": "an email"},
    {**happened("2026-03-01 09:00:00", "Received SMS", who="cid"), "message_id": "an sms"},
)


def test_each_member_counts_with_the_orders_of_the_period_in_each_of_its_segments() -> None:
    data = loaded(*ORDERS, *TOUCHED)
    made = study_segments(data, ASKED, as_of="2026-02-01")
    values = value_segments(made, compare_models(data, settings=ANNOUNCED, start="2026-01-20")).collect()
    figures = ["segment", "count_members", "count_buyers", "count_orders", "value"]
    assert values.select(figures).rows() == [
        (None, 1, 3, 3, 100.0),
        ("Repeat", 1, 1, 1, 20.0),
        ("Recent", 1, 1, 1, 20.0),
        ("Never ordered", 0, 0, 0, 0.0),
    ]


def test_what_a_model_credits_of_the_members_orders_is_added_up() -> None:
    """The SMS was received more than a day before the order, so the old model credits nothing: the e-mail is older."""
    data = loaded(*ORDERS, *TOUCHED)
    values = value_segments(study_segments(data, ASKED), compare_models(data, settings=ANNOUNCED)).collect()
    money = ["segment", "value", "baseline_value", "candidate_value", "difference"]
    assert values.select(money).rows() == [
        (None, 150.0, 0.0, 10.0, 10.0),
        ("Repeat", 70.0, 0.0, 0.0, 0.0),
        ("Recent", 10.0, 0.0, 10.0, 10.0),
        ("Never ordered", 0.0, 0.0, 0.0, 0.0),
    ]


def test_everyone_s_figures_are_those_of_the_comparison() -> None:
    data = tiny()
    comparison = compare_models(data, settings=ANNOUNCED, start="2026-06-01", end="2026-08-15")
    everyone_asked = asks(count(value=0), name="Everyone")
    made = study_segments(data, [everyone_asked, REPEAT])
    everyone, same, repeat = value_segments(made, comparison).collect().to_dicts()
    conversions = comparison.conversions.collect()
    assert everyone["value"] == pytest.approx(conversions["value"].sum())
    assert (everyone["count_orders"], everyone["count_buyers"]) == (
        conversions.height,
        conversions["profile_id"].n_unique(),
    )
    totals = comparison.changes.select(pl.col("baseline_value", "candidate_value").sum()).collect().row(0)
    assert (everyone["baseline_value"], everyone["candidate_value"]) == pytest.approx(totals)
    assert everyone["difference"] == pytest.approx(totals[1] - totals[0])
    assert {**same, "segment": None} == pytest.approx(everyone)
    assert 0 < repeat["value"] < everyone["value"]


def test_orders_at_the_very_end_and_the_very_start_are_in_the_year_of_the_study() -> None:
    rows = [bought("2026-01-01 00:00:00"), bought(utc("2026-02-01") - MICROSECOND), bought(utc("2026-02-01") + HOUR)]
    made = study(REPEAT, rows=rows, as_of="2026-01-31")
    assert made.sizes.collect()["count_members"].to_list() == [0] * 30 + [1]
