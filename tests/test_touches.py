"""Which events are touches, when their message was received, and which events are conversions."""

from dataclasses import replace

import oracle
import polars as pl
import pytest
from builders import (
    ANNOUNCED,
    DAY,
    FROM_TOUCH,
    HOUR,
    Row,
    any_settings,
    at,
    batches,
    by_chance,
    cancel,
    chance_events,
    email_click,
    email_open,
    event,
    events,
    frame,
    order,
    push_open,
    received_email,
    received_push,
    received_sms,
    refund,
    sms_click,
    sms_from_customer,
    sms_open,
    thoroughly,
    visit,
)
from hypothesis import given
from polars.testing import assert_frame_equal

from klavnb.schemas import Conversion, Touch, list_types
from klavnb.settings import Settings
from klavnb.touches import find_conversions, find_touches

OF_2024 = Settings.preset("2024")
OF_2026 = Settings.preset("2026")
NET = replace(ANNOUNCED, net_of_refunds=True)


def touches(*rows: Row, settings: Settings = ANNOUNCED) -> pl.DataFrame:
    found = find_touches(events(*rows, settings=settings), settings=settings).collect()
    assert found.schema == list_types(Touch)
    return Touch.validate(found).sort("touched_at", "touch_id")


def touch_ids(*rows: Row, settings: Settings = ANNOUNCED) -> list[str]:
    return touches(*rows, settings=settings)["touch_id"].to_list()


def receipt(*rows: Row, settings: Settings = ANNOUNCED) -> tuple[float, str]:
    """Day and source of the receipt of the last touch."""
    last = touches(*rows, settings=settings).row(-1, named=True)
    return (last["received_at"] - at(0)) / DAY, last["receipt_source"]


def closing_day(*rows: Row, settings: Settings = ANNOUNCED) -> float:
    """The day on which the last touch closes."""
    return (touches(*rows, settings=settings)["closes_at"][-1] - at(0)) / DAY


def conversions(*rows: Row, settings: Settings = ANNOUNCED) -> pl.DataFrame:
    found = find_conversions(events(*rows), settings=settings).collect()
    assert found.schema == list_types(Conversion)
    return Conversion.validate(found).sort("converted_at", "conversion_id")


def value(*rows: Row, settings: Settings = NET) -> float:
    return conversions(*rows, settings=settings)["value"].item()


# What is a touch


def test_a_touch_carries_what_its_event_says_of_the_message() -> None:
    opened = email_open(
        day=2,
        message_type="flow",
        campaign_id="a campaign",
        flow_id="a flow",
        flow_message_id="a flow message",
        is_machine_open=True,
        is_bot_click=False,
    )
    expected = {
        "touch_id": "email open d2",
        "profile_id": "ann",
        "channel": "email",
        "kind": "open",
        "touched_at": at(2),
        "received_at": at(1),
        "receipt_source": "received_event",
        "closes_at": at(6),
        "message_id": "an email",
        "message_type": "flow",
        "campaign_id": "a campaign",
        "flow_id": "a flow",
        "flow_message_id": "a flow message",
        "is_machine_open": True,
        "is_bot_click": False,
    }
    assert_frame_equal(touches(received_email(day=1), opened), frame(Touch, [expected]))


@pytest.mark.parametrize(
    ("metric", "channel", "kind"),
    [
        ("Opened Email", "email", "open"),
        ("Clicked Email", "email", "click"),
        ("Received SMS", "sms", "delivery"),
        ("Clicked SMS", "sms", "click"),
        ("Opened Text", "sms", "open"),
        ("Opened Push", "push", "open"),
        ("Opened WhatsApp", "whatsapp", "open"),
        ("Clicked WhatsApp", "whatsapp", "click"),
        ("Active on Site", "session", "session"),
    ],
)
def test_a_metric_with_a_role_and_a_window_makes_touches(metric: str, channel: str, kind: str) -> None:
    found = touches(event("it", metric, message_id="m"), settings=OF_2026)
    assert found.select("channel", "kind").rows() == [(channel, kind)]


@pytest.mark.parametrize(
    "metric",
    [
        "Sent SMS",
        "Received Email",
        "Bounced Email",
        "Dropped Email",
        "Marked Email as Spam",
        "Unsubscribed",
        "Unsubscribed from List",
        "Failed to Deliver SMS",
        "Unsubscribed from SMS Marketing",
        "Bounced Push",
        "Received Push",
        "Placed Order",
        "opened email",
    ],
)
def test_other_metrics_never_make_touches(metric: str) -> None:
    assert touch_ids(event("it", metric, message_id="m"), settings=OF_2026) == []


def test_a_kind_without_a_window_is_no_touch() -> None:
    rows = (sms_open(day=0), visit(day=1), received_sms(day=2), sms_click(day=3))
    assert touch_ids(*rows, settings=ANNOUNCED) == ["sms click d3"]


def test_a_receipt_is_a_touch_where_delivery_has_a_window() -> None:
    rows = (received_email(day=0), received_sms(day=1))
    assert touch_ids(*rows, settings=ANNOUNCED) == []
    assert touch_ids(*rows, settings=OF_2024) == ["sms received d1"]


def test_an_interaction_without_a_message_is_no_touch() -> None:
    assert touch_ids(email_open(message_id=None), sms_click(message_id=None), push_open(message_id=None)) == []


def test_a_delivery_without_a_message_is_no_touch() -> None:
    assert touch_ids(received_sms(message_id=None), settings=OF_2024) == []


def test_a_visit_needs_no_message() -> None:
    assert touch_ids(visit(day=1), settings=OF_2026) == ["visit d1"]


def test_an_account_names_its_own_metrics() -> None:
    settings = replace(ANNOUNCED, metrics={"Geöffnete E-Mail": "email.open"})
    opened = event("own open", "Geöffnete E-Mail", message_id="m")
    assert touch_ids(opened, email_open(day=1), settings=settings) == ["own open d0", "email open d1"]


def test_an_account_gives_a_metric_another_role() -> None:
    settings = replace(OF_2026, metrics={"Opened Text": "whatsapp.open"})
    assert touches(sms_open(), settings=settings)["channel"].to_list() == ["whatsapp"]


def test_a_touch_on_the_account_s_own_metric_finds_the_receipt_on_its_own_metric() -> None:
    settings = replace(ANNOUNCED, metrics={"Erhaltene E-Mail": "email.received"})
    received = event("own receipt", "Erhaltene E-Mail", day=1, message_id="an email")
    assert receipt(received, email_open(day=2), settings=settings) == (1, "received_event")


def test_no_events_no_touches() -> None:
    assert touch_ids() == []


# Filters


def test_machine_opens_are_touches_unless_excluded() -> None:
    known = email_open(day=0, is_machine_open=True)
    human = email_open(day=1, is_machine_open=False)
    unknown = email_open(day=2, is_machine_open=None)
    without = replace(ANNOUNCED, exclude_machine_opens=True)
    assert touch_ids(known, human, unknown) == ["email open d0", "email open d1", "email open d2"]
    assert touch_ids(known, human, unknown, settings=without) == ["email open d1", "email open d2"]


def test_bot_clicks_are_touches_unless_excluded() -> None:
    known = email_click(day=0, is_bot_click=True)
    also_known = sms_click(day=1, is_bot_click=True)
    human = sms_click(day=2, is_bot_click=False)
    unknown = email_click(day=3, is_bot_click=None)
    without = replace(ANNOUNCED, exclude_bot_clicks=True)
    assert len(touch_ids(known, also_known, human, unknown)) == 4
    assert touch_ids(known, also_known, human, unknown, settings=without) == ["sms click d2", "email click d3"]


def test_each_filter_leaves_the_other_s_events_alone() -> None:
    rows = (email_open(is_machine_open=True), email_click(day=1, is_bot_click=True))
    assert touch_ids(*rows, settings=replace(ANNOUNCED, exclude_machine_opens=True)) == ["email click d1"]
    assert touch_ids(*rows, settings=replace(ANNOUNCED, exclude_bot_clicks=True)) == ["email open d0"]


def test_excluded_messages_make_no_touches() -> None:
    settings = replace(OF_2026, excluded_messages=("a receipt", "an sms"))
    rows = (
        email_open(day=0, message_id="a receipt"),
        email_open(day=1),
        received_sms(day=2),
        sms_click(day=3),
        visit(day=4),
    )
    assert touch_ids(*rows, settings=settings) == ["email open d1", "visit d4"]


# When the message was received: its Received event


def test_a_touch_s_receipt_is_the_received_event_of_its_message() -> None:
    assert receipt(received_email(day=1), email_open(day=3)) == (1, "received_event")


def test_a_received_event_is_preferred_to_the_send_and_the_handoff() -> None:
    opened = email_open(day=3, sent_at=at(2), handed_off_at=at(2.5))
    assert receipt(received_email(day=1), opened) == (1, "received_event")


@pytest.mark.parametrize(
    "other",
    [
        received_email(day=1, profile_id="bob"),
        received_email(day=1, message_id="another email"),
        received_email(day=1, message_id=None),
        received_sms(day=1, message_id="an email"),
        sms_from_customer(day=1, message_id="an email"),
        email_click(day=1),
    ],
    ids=["another profile's", "another message's", "of no message", "another channel's", "inbound", "no receipt"],
)
def test_a_receipt_is_of_the_same_profile_channel_and_message(other: Row) -> None:
    assert receipt(other, email_open(day=3)) == (3, "touch")


def test_the_customer_s_own_text_is_no_receipt_of_an_sms() -> None:
    assert receipt(sms_from_customer(day=1), sms_click(day=3)) == (3, "touch")


def test_a_receipt_counts_though_deliveries_are_touches() -> None:
    assert receipt(received_sms(day=1), sms_click(day=3), settings=OF_2024) == (1, "received_event")


def test_a_receipt_counts_though_a_bot_is_said_to_have_made_it() -> None:
    settings = replace(OF_2024, exclude_machine_opens=True)
    rows = (received_sms(day=1, is_bot_click=True, is_machine_open=True), sms_click(day=3))
    assert touch_ids(*rows, settings=settings) == ["sms click d3"]
    assert receipt(*rows, settings=settings) == (1, "received_event")


def test_a_message_sent_twice_was_received_at_the_latest_receipt_before_the_touch() -> None:
    twice = (received_email(day=1), received_email(day=2), received_email(day=4))
    assert receipt(*twice, email_open(day=3)) == (2, "received_event")


def test_a_receipt_at_the_very_time_of_the_touch_counts() -> None:
    assert receipt(received_email(day=3), email_open(day=3)) == (3, "received_event")


def test_a_receipt_after_the_touch_does_not_count() -> None:
    assert receipt(received_email(day=4), email_open(day=3)) == (3, "touch")


def test_the_receipt_of_the_same_sending_is_preferred_to_a_later_one() -> None:
    first = received_email(day=1, transmission_id="first")
    unknown = received_email(day=2)
    assert receipt(first, unknown, email_open(day=3, transmission_id="first")) == (1, "received_event")


def test_the_earliest_of_several_receipts_of_the_same_sending_counts() -> None:
    rows = (
        received_email(day=2, transmission_id="first"),
        received_email(day=1, transmission_id="first"),
        email_open(day=3, transmission_id="first"),
    )
    assert receipt(*rows) == (1, "received_event")


def test_the_receipt_of_another_sending_never_counts() -> None:
    second = received_email(day=2, transmission_id="second")
    assert receipt(second, email_open(day=3, transmission_id="first")) == (3, "touch")
    assert receipt(received_email(day=1), second, email_open(day=3, transmission_id="first")) == (1, "received_event")


def test_where_one_side_does_not_tell_its_sending_the_latest_receipt_counts() -> None:
    first, second = received_email(day=1, transmission_id="first"), received_email(day=2, transmission_id="second")
    assert receipt(first, second, email_open(day=3)) == (2, "received_event")
    assert receipt(received_email(day=1), email_open(day=3, transmission_id="first")) == (1, "received_event")


def test_a_receipt_of_the_same_sending_after_the_touch_is_taken_back_to_the_touch() -> None:
    late = received_email(day=4, transmission_id="first")
    assert receipt(late, email_open(day=3, transmission_id="first")) == (3, "received_event")
    assert receipt(received_email(day=1), late, email_open(day=3, transmission_id="first")) == (3, "received_event")


def test_a_delivery_is_its_own_receipt() -> None:
    rows = (
        received_sms(day=1, transmission_id="first"),
        received_sms(day=2, transmission_id="first", sent_at=at(0), handed_off_at=at(0)),
    )
    found = touches(*rows, settings=OF_2024)
    assert found["received_at"].to_list() == [at(1), at(2)]
    assert found["receipt_source"].to_list() == ["received_event", "received_event"]


# When the message was received: without a Received event


def test_without_a_receipt_the_send_cohort_counts_then_the_handoff_then_the_touch() -> None:
    assert receipt(email_open(day=3, sent_at=at(1), handed_off_at=at(2))) == (1, "send_cohort")
    assert receipt(email_open(day=3, handed_off_at=at(2))) == (2, "handoff")
    assert receipt(email_open(day=3)) == (3, "touch")


def test_a_send_or_handoff_after_the_touch_is_taken_back_to_the_touch() -> None:
    assert receipt(email_open(day=3, sent_at=at(4), handed_off_at=at(2))) == (3, "send_cohort")
    assert receipt(email_open(day=3, handed_off_at=at(4))) == (3, "handoff")


# When the window closes


def test_the_window_runs_from_the_receipt_or_from_the_touch_as_set() -> None:
    rows = (received_email(day=1), email_open(day=3))
    assert closing_day(*rows, settings=ANNOUNCED) == 6
    assert closing_day(*rows, settings=FROM_TOUCH) == 8


def test_the_receipt_is_reported_whatever_the_anchor() -> None:
    assert receipt(received_email(day=1), email_open(day=3), settings=FROM_TOUCH) == (1, "received_event")


def test_a_push_runs_from_its_open_though_the_anchor_is_the_receipt() -> None:
    rows = (received_push(day=1), push_open(day=3))
    assert closing_day(*rows) == 4
    assert receipt(*rows) == (1, "received_event")


def test_a_visit_runs_from_itself_though_the_anchor_is_the_receipt() -> None:
    assert closing_day(visit(day=3, sent_at=at(1)), settings=OF_2026) == 4


def test_every_kind_has_its_own_window() -> None:
    rows = (received_sms(day=1), sms_open(day=3), sms_click(day=3))
    found = touches(*rows, settings=OF_2026)
    assert dict(found.select("kind", pl.col("closes_at") - at(1)).rows()) == {
        "delivery": 12 * HOUR,
        "open": DAY,
        "click": 5 * DAY,
    }


# Conversions


def test_every_event_of_the_conversion_metric_is_a_conversion() -> None:
    rows = (order(day=1, value=12.5), order(day=2, value=1, currency="USD", profile_id="bob"), email_open())
    expected = frame(
        Conversion,
        [
            {
                "conversion_id": "order d1",
                "profile_id": "ann",
                "converted_at": at(1),
                "value": 12.5,
                "currency": "EUR",
            },
            {
                "conversion_id": "order d2",
                "profile_id": "bob",
                "converted_at": at(2),
                "value": 1.0,
                "currency": "USD",
            },
        ],
    )
    assert_frame_equal(conversions(*rows), expected)


def test_any_metric_can_be_the_conversion() -> None:
    settings = replace(ANNOUNCED, conversion_metric="Booked a Table")
    rows = (order(day=1), event("booking", "Booked a Table", day=2))
    assert conversions(*rows, settings=settings)["conversion_id"].to_list() == ["booking d2"]


def test_a_conversion_without_a_value_counts_as_zero() -> None:
    assert value(order(value=None), settings=ANNOUNCED) == 0
    assert value(order(value=None, order_id="1"), settings=NET) == 0


def test_value_is_gross_unless_asked_for_net() -> None:
    rows = (order(order_id="1"), refund(day=1, value=30, order_id="1"))
    assert value(*rows, settings=ANNOUNCED) == 100
    assert value(*rows, settings=NET) == 70


def test_every_refund_and_cancel_of_the_order_is_subtracted() -> None:
    rows = (refund(day=1, value=30, order_id="1"), refund(day=2, value=5, order_id="1"))
    assert value(order(order_id="1"), *rows, cancel(day=3, value=15, order_id="1")) == 50


def test_a_value_does_not_go_below_zero() -> None:
    assert value(order(order_id="1"), refund(day=1, value=130, order_id="1")) == 0


def test_a_cancel_without_a_value_cancels_the_whole_value() -> None:
    assert value(order(order_id="1"), cancel(day=1, order_id="1")) == 0
    assert value(order(order_id="1"), refund(day=1, value=30, order_id="1"), cancel(day=2, order_id="1")) == 0


def test_a_refund_without_a_value_subtracts_nothing() -> None:
    assert value(order(order_id="1"), refund(day=1, order_id="1")) == 100


@pytest.mark.parametrize(
    "other",
    [
        refund(day=1, value=30, order_id="2"),
        refund(day=1, value=30, order_id="1", profile_id="bob"),
        cancel(day=1, order_id=None),
        event("return", "Returned Item", day=1, value=30, order_id="1"),
    ],
    ids=["another order's", "another profile's", "of no order", "another metric"],
)
def test_a_refund_is_of_the_same_order_of_the_same_profile(other: Row) -> None:
    assert value(order(order_id="1"), other) == 100


def test_an_order_without_a_number_keeps_its_value() -> None:
    assert value(order(order_id=None), refund(day=1, value=30, order_id=None), cancel(day=2, order_id=None)) == 100


def test_no_events_no_conversions() -> None:
    assert conversions().height == 0
    assert conversions(settings=NET).height == 0


# By chance


@thoroughly
@given(batches(), any_settings)
def test_touches_and_conversions_equal_the_oracle_s(rows: list[Row], settings: Settings) -> None:
    history = chance_events(rows)
    found = Touch.validate(find_touches(history, settings=settings).collect())
    converted = Conversion.validate(find_conversions(history, settings=settings).collect())
    assert_frame_equal(found, frame(Touch, oracle.find_touches(rows, settings)), check_row_order=False)
    assert_frame_equal(converted, frame(Conversion, oracle.find_conversions(rows, settings)), check_row_order=False)


@by_chance
@given(batches())
def test_the_cases_made_by_chance_keep_the_contract_of_events(rows: list[Row]) -> None:
    events(*rows)


def test_windows_of_kinds_that_no_metric_stands_for_find_nothing() -> None:
    settings = Settings(windows={"push.click": DAY})
    assert find_touches(events(email_open(day=0), sms_click(day=1)), settings=settings).collect().is_empty()
