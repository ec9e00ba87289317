"""Two models side by side, conversion by conversion, and under other windows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import hypothesis.strategies as st
import oracle
import polars as pl
import pytest
from builders import (
    ANNOUNCED,
    DAY,
    FROM_TOUCH,
    HOUR,
    SECOND,
    Row,
    any_settings,
    at,
    batches,
    briefly,
    by_chance,
    chance_events,
    email_click,
    email_open,
    events,
    frame,
    order,
    push_open,
    received_email,
    received_sms,
    sms_click,
)
from hypothesis import given
from polars.testing import assert_frame_equal

from klavnb.attribution import attribute
from klavnb.comparison import compare_credits
from klavnb.schemas import Change, Credit, list_types
from klavnb.sensitivity import sweep_windows
from klavnb.settings import Settings
from klavnb.touches import find_conversions, find_touches

OF_2024 = Settings.preset("2024")
MODELS = st.sampled_from(["old", "cooperative", "linear", "time_decay", "position_based", "last_click"])
BY_CELL = ["email_window", "sms_window", "currency"]


def compare(*rows: Row, baseline: str = "old", candidate: str = "cooperative", settings: Settings = ANNOUNCED):  # noqa: ANN201 - a frame, said by its use
    """The changes from one model to another, checked against their contract."""
    history = events(*rows)
    touches, conversions = find_touches(history, settings=settings), find_conversions(history, settings=settings)
    before, after = (attribute(touches, conversions, model=model, settings=settings) for model in (baseline, candidate))
    changes = compare_credits(before, after).collect()
    assert changes.schema == list_types(Change)
    return Change.validate(changes).sort("conversion_id", "touch_id")


def outcome(*rows: Row, baseline: str = "old", candidate: str = "cooperative", settings: Settings = ANNOUNCED) -> str:
    changes = compare(*rows, baseline=baseline, candidate=candidate, settings=settings)
    return changes["outcome"].unique().item()


def money(*rows: Row, baseline: str = "old", candidate: str = "cooperative", settings: Settings = ANNOUNCED) -> dict:
    """Touch → money by the baseline, money by the candidate."""
    changes = compare(*rows, baseline=baseline, candidate=candidate, settings=settings)
    return {row["touch_id"]: (row["baseline_value"], row["candidate_value"]) for row in changes.iter_rows(named=True)}


GAINED = (email_open(day=1, message_type="flow"), sms_click(day=1.5), order(day=3))
MOVED = (
    received_email(day=0, message_id="old email"),
    email_open(day=6, message_id="new email"),
    sms_click(day=6.5),
    email_open(day=7, message_id="old email"),
    order(day=7.2),
)


# What became of a conversion


def test_a_conversion_that_only_the_candidate_credits_is_gained() -> None:
    expected = {
        "conversion_id": "order d3",
        "profile_id": "ann",
        "converted_at": at(3),
        "currency": "EUR",
        "value": 100.0,
        "touch_id": "email open d1",
        "channel": "email",
        "message_id": "an email",
        "message_type": "flow",
        "touched_at": at(1),
        "last_channel": "sms",
        "baseline_credit": 0.0,
        "candidate_credit": 1.0,
        "baseline_value": 0.0,
        "candidate_value": 100.0,
        "baseline_reason": "last_channel_closed",
        "outcome": "gained",
    }
    assert_frame_equal(compare(*GAINED), frame(Change, [expected]))


def test_a_conversion_that_only_the_baseline_credits_is_lost() -> None:
    changes = compare(*GAINED, baseline="cooperative", candidate="old")
    shown = changes.select(
        "touch_id", "channel", "last_channel", "baseline_value", "candidate_value", "baseline_reason", "outcome"
    )
    assert shown.rows() == [("email open d1", "email", "sms", 100.0, 0.0, None, "lost")]


def test_a_conversion_that_both_credit_to_different_touches_is_moved() -> None:
    assert outcome(*MOVED) == "moved"
    assert money(*MOVED) == {"email open d6": (100.0, 0.0), "sms click d6.5": (0.0, 100.0)}
    assert compare(*MOVED)["baseline_reason"].to_list() == [None, None]
    assert compare(*MOVED)["last_channel"].to_list() == ["email", "email"]


def test_a_conversion_that_both_credit_to_the_same_touch_is_unchanged() -> None:
    rows = (sms_click(day=1), email_open(day=2), order(day=3))
    assert outcome(*rows) == "unchanged"
    assert money(*rows) == {"email open d2": (100.0, 100.0)}


@pytest.mark.parametrize(
    ("rows", "reason", "last_channel"),
    [
        ((order(day=9),), "no_touch", None),
        ((email_open(day=1), sms_click(day=2), order(day=9)), "windows_closed", "sms"),
    ],
)
def test_a_conversion_that_neither_credits_is_one_row_without_a_touch(
    rows: tuple[Row, ...], reason: str, last_channel: str | None
) -> None:
    expected = {
        **dict.fromkeys(Change.column_names()),
        "conversion_id": "order d9",
        "profile_id": "ann",
        "converted_at": at(9),
        "currency": "EUR",
        "value": 100.0,
        "last_channel": last_channel,
        "baseline_credit": 0.0,
        "candidate_credit": 0.0,
        "baseline_value": 0.0,
        "candidate_value": 0.0,
        "baseline_reason": reason,
        "outcome": "unattributed",
    }
    assert_frame_equal(compare(*rows), frame(Change, [expected]))


def test_shared_credit_is_moved_credit() -> None:
    rows = (email_open(day=1), email_open(day=2), order(day=3))
    assert outcome(*rows, baseline="old", candidate="linear") == "moved"
    assert money(*rows, baseline="old", candidate="linear") == {
        "email open d1": (0.0, 50.0),
        "email open d2": (100.0, 50.0),
    }


def test_credit_shared_among_one_is_unchanged() -> None:
    assert outcome(email_open(day=1), order(day=2), baseline="old", candidate="linear") == "unchanged"


def test_a_gain_shared_by_several_touches_is_one_row_each() -> None:
    rows = (email_open(day=1), email_open(day=2), sms_click(day=3), order(day=5))
    changes = compare(*rows, baseline="old", candidate="linear")
    shown = changes.select("touch_id", "candidate_value", "baseline_reason", "outcome")
    assert shown.rows() == [
        ("email open d1", 50.0, "last_channel_closed", "gained"),
        ("email open d2", 50.0, "last_channel_closed", "gained"),
    ]


def test_the_outcome_speaks_of_credit_not_of_money() -> None:
    free = order(day=3, value=0)
    assert outcome(*GAINED[:2], free) == "gained"
    assert outcome(*GAINED[:2], free, baseline="cooperative", candidate="old") == "lost"
    assert outcome(*MOVED[:4], order(day=7.2, value=0)) == "moved"
    assert outcome(email_open(day=2), free) == "unchanged"
    assert outcome(free) == "unattributed"


def test_a_model_compared_with_itself_changes_nothing() -> None:
    changes = compare(*GAINED, *MOVED, order(day=20), baseline="linear", candidate="linear")
    assert set(changes["outcome"]) == {"unchanged", "unattributed"}


def test_no_credits_no_changes() -> None:
    assert compare(email_open()).height == 0


@by_chance
@given(batches(), any_settings, MODELS, MODELS)
def test_the_changes_of_any_two_models_equal_the_oracle_s_and_their_money_adds_up(
    rows: list[Row], settings: Settings, baseline: str, candidate: str
) -> None:
    touches, conversions = oracle.find_touches(rows, settings), oracle.find_conversions(rows, settings)
    plain = [oracle.attribute(touches, conversions, model) for model in (baseline, candidate)]
    before, after = (frame(Credit, credits_) for credits_ in plain)
    changes = compare_credits(Credit.cast(before.lazy()), Credit.cast(after.lazy())).collect()
    found = Change.validate(changes).sort("conversion_id", "touch_id")
    expected = frame(Change, oracle.compare_credits(*plain)).sort("conversion_id", "touch_id")
    assert_frame_equal(found, expected)
    assert found["baseline_value"].sum() == pytest.approx(before["attributed_value"].sum())
    assert found["candidate_value"].sum() == pytest.approx(after["attributed_value"].sum())


# Under other windows


def sweep(
    *rows: Row, email: Sequence[timedelta], sms: Sequence[timedelta], settings: Settings = ANNOUNCED
) -> pl.DataFrame:
    history = events(*rows)
    return sweep_windows(
        find_touches(history, settings=settings),
        find_conversions(history, settings=settings),
        email_windows=email,
        sms_windows=sms,
        settings=settings,
    ).collect()


def sweep_value(*rows: Row, email: timedelta, sms: timedelta, settings: Settings = ANNOUNCED) -> tuple[float, float]:
    """Money attributed by old and by cooperative under one pair of windows."""
    cell = sweep(*rows, email=[email], sms=[sms], settings=settings).row(0, named=True)
    return cell["old_value"], cell["cooperative_value"]


def test_a_sweep_has_a_row_for_every_pair_of_windows_and_every_currency() -> None:
    rows = (
        email_open(day=1),
        sms_click(day=1.5),
        order(day=3),
        order(day=3.5, value=40),
        order(day=9, currency="USD"),
        order(day=9, currency=None, event_id="of no currency"),
    )
    found = sweep(*rows, email=[DAY, 2 * DAY, 5 * DAY], sms=[DAY, 2 * DAY])
    assert found.height == 3 * 2 * 3
    assert found.schema["email_window"] == found.schema["sms_window"] == pl.Duration("us")
    euros = found.filter(pl.col("currency") == "EUR").sort(BY_CELL)
    assert euros.select(*BY_CELL[:2], "old_value", "cooperative_value", "old_count", "cooperative_count").rows() == [
        (DAY, DAY, 0, 0, 0, 0),
        (DAY, 2 * DAY, 140, 140, 2, 2),
        (2 * DAY, DAY, 0, 100, 0, 1),
        (2 * DAY, 2 * DAY, 140, 140, 2, 2),
        (5 * DAY, DAY, 0, 140, 0, 2),
        (5 * DAY, 2 * DAY, 140, 140, 2, 2),
    ]
    others = found.filter(pl.col("currency").ne_missing("EUR"))
    assert others.select("old_value", "cooperative_value", "old_count", "cooperative_count").unique().rows() == [
        (0, 0, 0, 0)
    ]


def test_a_swept_window_ends_with_its_last_instant() -> None:
    rows = (email_open(day=1), order(day=3))
    assert sweep_value(*rows, email=2 * DAY, sms=DAY) == (100, 100)
    assert sweep_value(*rows, email=2 * DAY - timedelta(microseconds=1), sms=DAY) == (0, 0)


def test_a_swept_window_runs_from_where_the_settings_say() -> None:
    rows = (received_email(day=0), email_open(day=2), order(day=3))
    assert sweep_value(*rows, email=2 * DAY, sms=DAY, settings=ANNOUNCED) == (0, 0)
    assert sweep_value(*rows, email=2 * DAY, sms=DAY, settings=FROM_TOUCH) == (100, 100)


def test_a_sweep_looks_beyond_the_windows_of_the_settings() -> None:
    rows = (email_open(day=1), order(day=61))
    assert sweep_value(*rows, email=60 * DAY, sms=DAY) == (100, 100)
    assert sweep_value(*rows, email=59 * DAY, sms=DAY) == (0, 0)


def test_windows_that_are_not_swept_stay_as_they_are() -> None:
    pushed = (push_open(day=1), order(day=1.9))
    assert sweep_value(*pushed, email=HOUR, sms=HOUR) == (100, 100)
    delivered = (received_sms(day=1), order(day=1.4))
    assert sweep_value(*delivered, email=HOUR, sms=HOUR, settings=OF_2024) == (100, 100)
    assert sweep_value(received_sms(day=1), order(day=1.6), email=5 * DAY, sms=5 * DAY, settings=OF_2024) == (0, 0)


def test_a_kind_that_is_off_stays_off_in_every_cell() -> None:
    no_clicks = ANNOUNCED.with_windows({"email.click": None, "sms": None})
    rows = (email_click(day=1), sms_click(day=1), order(day=1.5))
    assert sweep_value(*rows, email=5 * DAY, sms=5 * DAY, settings=no_clicks) == (0, 0)


def test_a_sweep_of_one_cell_at_the_settings_windows_is_the_attribution_itself() -> None:
    cell = sweep(*GAINED, email=[5 * DAY], sms=[DAY]).row(0, named=True)
    assert (cell["old_value"], cell["old_count"]) == (0, 0)
    assert (cell["cooperative_value"], cell["cooperative_count"]) == (100, 1)


def test_a_sweep_without_conversions_is_empty() -> None:
    assert sweep(email_open(), email=[DAY], sms=[DAY]).height == 0


swept = st.sets(st.sampled_from([1, 2, 3, 5, 8, 20]), min_size=1, max_size=3).map(
    lambda numbers: [number * SECOND for number in sorted(numbers)]
)


@by_chance
@given(batches(12), any_settings, swept, swept)
def test_every_cell_of_a_sweep_is_what_the_oracle_attributes_with_those_windows(
    rows: list[Row], settings: Settings, email: list[timedelta], sms: list[timedelta]
) -> None:
    history = chance_events(rows)
    found = sweep_windows(
        find_touches(history, settings=settings),
        find_conversions(history, settings=settings),
        email_windows=email,
        sms_windows=sms,
        settings=settings,
    ).collect()
    expected = oracle.sweep_windows(rows, email, sms, settings)
    columns = [*BY_CELL, "old_value", "cooperative_value", "old_count", "cooperative_count"]
    by_cell = {column: found.schema[column] for column in columns}
    assert_frame_equal(
        found.select(columns).sort(BY_CELL), pl.DataFrame(expected, schema=by_cell).select(columns).sort(BY_CELL)
    )


@briefly
@given(batches(), any_settings, swept, swept, st.data())
def test_a_cell_of_a_sweep_is_what_a_run_with_those_windows_attributes(
    rows: list[Row], settings: Settings, email: list[timedelta], sms: list[timedelta], data: st.DataObject
) -> None:
    history = chance_events(rows)
    conversions = find_conversions(history, settings=settings)
    whole = sweep_windows(
        find_touches(history, settings=settings), conversions, email_windows=email, sms_windows=sms, settings=settings
    )
    email_window, sms_window = data.draw(st.sampled_from(email)), data.draw(st.sampled_from(sms))
    asked = {"email.open": email_window, "email.click": email_window, "sms.click": sms_window}
    changed = replace(settings, windows={name: asked.get(name, window) for name, window in settings.windows.items()})
    touches = find_touches(history, settings=changed)
    old, cooperative = (
        attribute(touches, conversions, model=model, settings=changed)
        .group_by("currency")
        .agg(
            pl.col("attributed_value").sum().alias(f"{model}_value"),
            pl.col("touch_id").count().cast(pl.Int64).alias(f"{model}_count"),
        )
        for model in ("old", "cooperative")
    )
    expected = old.join(cooperative, on="currency", nulls_equal=True, validate="1:1")
    cell = whole.filter(pl.col("email_window") == email_window, pl.col("sms_window") == sms_window).select(
        "currency",
        "old_value",
        pl.col("old_count").cast(pl.Int64),
        "cooperative_value",
        pl.col("cooperative_count").cast(pl.Int64),
    )
    assert_frame_equal(*pl.collect_all([cell, expected]), check_row_order=False)
