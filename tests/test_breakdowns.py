"""A comparison taken apart: the parts add up, and say what happened."""

from datetime import date, timedelta

import polars as pl
import pytest
from builders import (
    ANNOUNCED,
    DAY,
    HOUR,
    cancel,
    email_click,
    email_open,
    events,
    order,
    push_open,
    received_email,
    received_sms,
    refund,
    sms_click,
)
from polars.testing import assert_frame_equal

from klavnb.breakdowns import (
    bridge_models,
    compare_filters,
    compare_messages,
    compare_weeks,
    measure_gaps,
    pick_journeys,
    split_value,
)
from klavnb.caveats import count_channels, find_caveats
from klavnb.comparison import ModelComparison, compare_models, estimate_difference, summarise_changes
from klavnb.errors import SettingsError
from klavnb.export import Export
from klavnb.schemas import GroupMember, Message, Profile, Reject, list_types
from klavnb.sensitivity import sweep_windows, value_extra_days
from klavnb.settings import Settings
from klavnb.store import read_export
from klavnb.summary import LoadSummary

EUR = {"currency": "EUR"}


def export(*rows: object) -> Export:
    """An export of these events, without profiles and with two named messages."""
    frame = events(*rows)
    last = frame.select(pl.col("occurred_at").max()).collect().item()
    messages = Message.cast(
        pl.DataFrame(
            [
                {"message_id": "an email", "message_type": "campaign", "campaign_name": "Spring", "name": "Spring 1"},
                {"message_id": "an sms", "message_type": "flow", "flow_name": "Cart", "name": "Cart 1"},
            ],
            schema=list_types(Message),
            strict=False,
        ).lazy()
    )
    summary = LoadSummary(
        sources=("made by hand",),
        rows_in=len(rows),
        rows_kept=len(rows),
        rejected={},
        count_profiles=0,
        count_messages=2,
        first_event_at=last,
        last_event_at=last,
        metrics=dict(frame.group_by("metric").len().collect().iter_rows()),
        notes=(),
        fingerprint="0" * 12,
    )
    return Export(
        events=frame,
        profiles=Profile.create_empty(lazy=True),
        messages=messages,
        groups=GroupMember.create_empty().lazy(),
        rejects=Reject.create_empty(lazy=True),
        summary=summary,
    )


def compare(*rows: object, settings: Settings = ANNOUNCED, **options: str) -> ModelComparison:
    return compare_models(export(*rows), settings=settings, **options)


RECOVERED = (
    received_email(day=1),
    email_open(day=1.25),
    received_sms(day=1.25),
    sms_click(day=1.5),
    order(day=4, value=80.0, **EUR),
)
"""The announcement's own case: an e-mail, then an SMS whose window has closed at the order."""
KEPT = (email_open(day=2, profile_id="bob"), order(day=3, value=20.0, profile_id="bob", event_id="kept", **EUR))
UNTOUCHED = (order(day=12, value=5.0, profile_id="cid", event_id="untouched", **EUR),)


def test_the_parts_of_the_revenue_are_all_of_it() -> None:
    assert_frame_equal(
        split_value(compare(*RECOVERED, *KEPT, *UNTOUCHED)).collect().with_columns(pl.col("part").cast(pl.String)),
        pl.DataFrame(
            {
                "part": ["both", "candidate_only", "no_touch"],
                "count_conversions": [1, 1, 1],
                "value": [20.0, 80.0, 5.0],
            },
            schema_overrides={"count_conversions": pl.UInt32},
        ),
    )


def test_the_bridge_names_the_channel_that_gains_and_the_one_that_came_last() -> None:
    (row,) = bridge_models(compare(*RECOVERED, *KEPT)).collect().to_dicts()
    assert row == {
        "channel": "email",
        "last_channel": "sms",
        "outcome": "gained",
        "difference": 80.0,
        "count_conversions": 1,
    }


def test_the_messages_go_by_campaign_or_by_flow_and_message() -> None:
    bob = {"profile_id": "bob"}
    texted = (sms_click(day=3, event_id="texted", **bob), order(day=3.5, value=7.0, event_id="second", **bob, **EUR))
    rows = compare_messages(compare(*RECOVERED, *texted)).collect()
    assert rows.select("label", "difference").rows() == [("Spring", 80.0), ("Cart › Cart 1", 0.0)]


def test_weeks_without_an_order_are_there_with_zeros() -> None:
    weeks = compare_weeks(compare(*RECOVERED, *KEPT, order(day=25, event_id="later", **EUR))).collect()
    assert weeks["week_on"].to_list() == [date(2022, 2, 28) + timedelta(weeks=week) for week in range(4)]
    assert weeks["candidate_value"].to_list() == [100.0, 0.0, 0.0, 0.0]
    assert weeks["difference"].to_list() == [80.0, 0.0, 0.0, 0.0]


def test_a_gap_runs_from_the_receipt_and_a_lag_from_the_touch() -> None:
    rows = measure_gaps(compare(*RECOVERED)).sort("channel").select("channel", "gap", "lag", "is_open").collect()
    assert rows.rows() == [("email", 3 * DAY, 2.75 * DAY, True), ("sms", 2.75 * DAY, 2.5 * DAY, False)]


def test_a_journey_is_told_relative_to_its_order_and_under_a_letter() -> None:
    rows = pick_journeys(compare(*RECOVERED, *KEPT)).collect().to_dicts()
    assert [(row["customer"], row["label"], row["is_credited"]) for row in rows] == [
        ("A", "Spring", True),
        ("A", "Cart › Cart 1", False),
    ]
    assert (rows[0]["touched"], rows[0]["opened"], rows[0]["closes"]) == (-2.75 * DAY, -3 * DAY, 2 * DAY)


def test_journeys_are_of_different_kinds_first() -> None:
    other = (
        email_open(day=2, profile_id="dan", event_id="dan opens"),
        push_open(day=2.5, profile_id="dan", event_id="dan pushed"),
        order(day=5, profile_id="dan", event_id="dan orders", value=1.0, **EUR),
    )
    again = tuple({**row, "profile_id": "eve", "event_id": f"eve {row['event_id']}"} for row in RECOVERED)
    rows = pick_journeys(compare(*RECOVERED, *again, *other), count=2).collect()
    assert set(rows["channel"].to_list()) == {"email", "sms", "push"}


def test_filters_say_what_leaving_machines_out_would_do() -> None:
    machine = ({**row, "is_machine_open": True} if row["metric"] == "Opened Email" else row for row in RECOVERED)
    rows = compare_filters(compare(*machine)).collect()
    assert dict(rows.select("choice", "candidate_value").iter_rows()) == {
        "as set": 80.0,
        "without machine opens": 0.0,
        "without bot clicks": 80.0,
        "without both": 0.0,
    }


def test_each_extra_day_is_worth_what_it_adds() -> None:
    comparison = compare(*RECOVERED)
    sweep = sweep_windows(comparison.touches, comparison.conversions, settings=ANNOUNCED)
    extra = value_extra_days(sweep, settings=ANNOUNCED).filter(channel="email").collect()
    assert extra["cooperative_gain"].to_list() == [None, 0.0, 80.0, 0.0, 0.0, 0.0, 0.0]
    assert extra["old_gain"].drop_nulls().sum() == 0


def test_a_channel_that_is_off_has_no_extra_days_and_leaves_the_others_theirs() -> None:
    settings = ANNOUNCED.with_windows({"sms": None})
    comparison = compare(*RECOVERED, settings=settings)
    sweep = sweep_windows(comparison.touches, comparison.conversions, settings=settings)
    assert value_extra_days(sweep, settings=settings).collect()["channel"].unique().to_list() == ["email"]


def test_only_profiles_of_two_channels_can_change() -> None:
    rows = count_channels(compare(*RECOVERED, *KEPT, *UNTOUCHED)).select("count_channels", "count_profiles").collect()
    assert rows.rows() == [(0, 1), (1, 1), (2, 1)]


def test_a_touch_after_the_last_order_does_not_make_a_second_channel() -> None:
    rows = count_channels(compare(*KEPT, sms_click(day=9, profile_id="bob"))).select("count_channels").collect()
    assert rows["count_channels"].to_list() == [1]


@pytest.mark.parametrize(
    ("caveat", "rows", "count", "of_count"),
    [
        ("provisional", (*RECOVERED, order(day=8.9, event_id="second", **EUR)), 2, 2),
        ("provisional", (*RECOVERED, order(day=9 + 1e-5, event_id="second", **EUR)), 1, 2),
        ("no_receipt", (*RECOVERED, *KEPT), 1, 3),
        ("machine_opens", (email_open(is_machine_open=True), email_open(day=1), order(day=2)), 1, 2),
        ("bot_clicks", (email_click(is_bot_click=True), sms_click(day=1), order(day=2)), 1, 2),
        ("messageless", (email_open(message_id=None), sms_click(day=1), order(day=2)), 1, 2),
        ("ties", (email_open(day=1), sms_click(day=1), order(day=1 + 0.1)), 1, 1),
        ("ties", (email_open(day=1), email_click(day=1), order(day=1 + 0.1)), 0, 1),
        ("refunds", (*RECOVERED, refund(day=5, value=3.0, **EUR), cancel(day=4.1, **EUR)), 1, 1),
        ("no_value", (order(value=None), order(day=1, value=0.0), order(day=2)), 2, 3),
    ],
)
def test_a_caveat_counts_what_it_speaks_of(caveat: str, rows: tuple[object, ...], count: int, of_count: int) -> None:
    found = find_caveats(export(*rows), compare(*rows)).filter(caveat=caveat).collect().row(0, named=True)
    assert (found["count"], found["of_count"]) == (count, of_count)


def test_money_of_one_currency_is_reported_and_the_other_counted() -> None:
    rows = (order(**EUR), order(day=1, **EUR), order(day=2, currency="USD", event_id="dollars"))
    comparison = compare(*rows)
    assert (comparison.currency, comparison.other_currencies) == ("EUR", {"USD": 1})
    assert find_caveats(export(*rows), comparison).filter(caveat="other_currency").collect()["count"].item() == 1
    assert compare(*rows, currency="USD").conversions.collect().height == 1


def test_a_period_includes_its_first_and_its_last_day() -> None:
    midnight = -0.5  # the builders' days start at noon
    rows = [order(day=midnight + day, event_id=f"order {day}", **EUR) for day in (0, 1, 2 - 1e-6, 2)]
    found = compare(*rows, start="2022-03-01", end="2022-03-02").conversions.collect()
    assert found["conversion_id"].to_list() == ["order 0", "order 1", "order 1.999999"]


@pytest.mark.parametrize(
    ("options", "said"),
    [({"currency": "USD"}, "1 in EUR"), ({"start": "2023-01-01", "end": "2023-02-01"}, "2022-03-05")],
)
def test_a_period_or_currency_without_orders_says_what_there_is(options: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        compare(*RECOVERED, **options)


def test_an_export_without_the_conversion_metric_says_which_metrics_it_holds() -> None:
    with pytest.raises(SettingsError, match="Opened Email"):
        compare(email_open())


def test_the_interval_holds_the_difference_and_the_seed_repeats_it() -> None:
    comparison = compare_models(read_export("sample"), settings=ANNOUNCED)
    first, second = (estimate_difference(comparison.changes, seed=7) for _ in range(2))
    assert first == second
    assert first.low < first.estimate < first.high
    assert first.estimate == pytest.approx(summarise_changes(comparison.changes).collect()["difference"].item())


def test_without_a_difference_the_interval_is_nothing() -> None:
    interval = estimate_difference(compare(*KEPT).changes)
    assert (interval.low, interval.estimate, interval.high) == (0, 0, 0)


def test_every_breakdown_of_the_sample_adds_up_to_the_same_difference() -> None:
    comparison = compare_models(read_export("sample"), settings=ANNOUNCED)
    total = summarise_changes(comparison.changes).collect().row(0, named=True)
    for name, parts in {
        "bridge": bridge_models(comparison),
        "messages": compare_messages(comparison),
        "weeks": compare_weeks(comparison),
    }.items():
        assert parts.collect()["difference"].sum() == pytest.approx(total["difference"]), name
    split = split_value(comparison).collect()
    assert split["value"].sum() == pytest.approx(total["value"])
    assert split["count_conversions"].sum() == total["count_conversions"]
    assert measure_gaps(comparison).collect()["gap"].max() > HOUR


def test_an_order_of_the_future_is_left_out_and_told() -> None:
    comparison = compare(*RECOVERED, order(day=365 * 900, event_id="wrong clock", **EUR))
    assert (comparison.count_future, comparison.conversions.collect().height) == (1, 1)
    assert comparison.as_of.year < 2900
    assert compare_weeks(comparison).collect().height == 1


def test_a_refund_in_another_currency_is_not_subtracted() -> None:
    net = Settings.from_options(net_of_refunds="yes")
    rows = (order(order_id="7", **EUR), refund(day=1, value=50.0, order_id="7", currency="USD"))
    assert compare(*rows, settings=net).conversions.collect()["value"].to_list() == [100.0]


def test_a_test_account_with_thousands_of_touches_is_drawn_by_its_last() -> None:
    crowd = [email_open(day=1.3 + place / 1e5, event_id=f"open {place}") for place in range(3000)]
    assert pick_journeys(compare(*RECOVERED, *crowd)).collect().height <= 51
