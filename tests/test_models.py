"""Each model by a worked example, what it asks of the settings, and what many models on the same orders say."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import oracle
import polars as pl
import pytest
from builders import (
    ANNOUNCED,
    DAY,
    HOUR,
    Row,
    any_settings,
    batches,
    briefly,
    by_chance,
    chance_events,
    email_click,
    email_open,
    events,
    order,
    push_open,
    sms_click,
)
from hypothesis import given
from polars.testing import assert_frame_equal
from test_breakdowns import EUR, KEPT, RECOVERED, UNTOUCHED, export

from klavnb.attribution import attribute
from klavnb.breakdowns import compare_filters, pick_journeys, split_value
from klavnb.bundled import find_sample
from klavnb.choices import (
    SAME_REVENUE,
    ModelStudy,
    measure_dependence,
    study_models,
    value_campaigns,
    value_channels,
    value_flows,
    value_messages,
    value_models,
)
from klavnb.cli import main
from klavnb.comparison import compare_models, summarise_changes
from klavnb.errors import SettingsError
from klavnb.learned import LEAST_CONVERSIONS, learn_channels
from klavnb.models import MODELS, check_model
from klavnb.paths import find_paths
from klavnb.settings import Settings
from klavnb.sides import OLD_AND_COOPERATIVE
from klavnb.store import read_export
from klavnb.touches import find_conversions, find_touches

TINY = str(find_sample().parent / "tiny")


def shares(*rows: Row, model: str, settings: Settings = ANNOUNCED) -> dict[str | None, float]:
    """Touch → its credit; None → 0 where nothing is credited."""
    history = events(*rows)
    found = find_touches(history, settings=settings), find_conversions(history, settings=settings)
    credits_ = attribute(*found, model=model, settings=settings).collect()
    return dict(credits_.select("touch_id", pl.col("credit").round(12)).iter_rows())


def reason(*rows: Row, model: str) -> str:
    history = events(*rows)
    found = find_touches(history, settings=ANNOUNCED), find_conversions(history, settings=ANNOUNCED)
    return attribute(*found, model=model, settings=ANNOUNCED).collect()["reason"].item()


WAY = (
    email_open(day=0, message_id="first"),
    sms_click(day=1, message_type="flow"),
    email_click(day=1.5, message_type="campaign"),
    email_open(day=1.75, message_id="last"),
    order(day=2),
)
"""Four open touches, of which two are clicks."""


# The rules


@pytest.mark.parametrize(
    ("model", "winner"),
    [
        ("first_touch", "email open d0"),
        ("last_touch", "email open d1.75"),
        ("cooperative", "email open d1.75"),
        ("first_click", "sms click d1"),
        ("last_click", "email click d1.5"),
    ],
)
def test_a_model_of_one_touch_gives_it_all(model: str, winner: str) -> None:
    assert shares(*WAY, model=model) == {winner: 1.0}


def test_with_time_decay_a_touch_of_a_half_life_before_weighs_half() -> None:
    settings = replace(ANNOUNCED, half_life=2 * DAY)
    rows = (email_open(day=0), email_open(day=2), email_open(day=4), order(day=4))
    assert shares(*rows, model="time_decay", settings=settings) == {
        "email open d0": round(1 / 7, 12),
        "email open d2": round(2 / 7, 12),
        "email open d4": round(4 / 7, 12),
    }


def test_time_decay_asks_for_the_age_of_the_touch_not_of_the_receipt() -> None:
    early, late = email_open(day=0, message_id="a"), email_open(day=1, message_id="b")
    found = shares(early, late, order(day=1), model="time_decay", settings=replace(ANNOUNCED, half_life=DAY))
    assert found == {"email open d0": round(1 / 3, 12), "email open d1": round(2 / 3, 12)}


def test_a_half_life_of_a_minute_is_the_last_touch_and_loses_no_credit() -> None:
    settings = replace(ANNOUNCED.with_windows({"email": 90 * DAY}), half_life=timedelta(minutes=1))
    rows = (email_open(day=0), email_open(day=40), order(day=89))
    assert shares(*rows, model="time_decay", settings=settings) == {"email open d40": 1.0}


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, [1.0]), (2, [0.5, 0.5]), (3, [0.4, 0.2, 0.4]), (4, [0.4, 0.1, 0.1, 0.4])],
)
def test_position_based_gives_to_the_ends_and_shares_the_rest_between(count: int, expected: list[float]) -> None:
    rows = [email_open(day=day, event_id=f"open {day}") for day in range(count)]
    assert list(shares(*rows, order(day=4), model="position_based").values()) == expected


@pytest.mark.parametrize(
    ("of_ends", "two", "three"),
    [((0.1, 0.6, 0.3), [0.25, 0.75], [0.1, 0.6, 0.3]), ((0.0, 1.0, 0.0), [0.5, 0.5], [1.0])],
)
def test_two_touches_share_as_the_ends_do(of_ends: tuple[float, ...], two: list[float], three: list[float]) -> None:
    settings = replace(ANNOUNCED, position_shares=of_ends)
    rows = [email_open(day=day, event_id=f"open {day}") for day in range(3)]
    assert list(shares(*rows[:2], order(day=4), model="position_based", settings=settings).values()) == two
    assert list(shares(*rows, order(day=4), model="position_based", settings=settings).values()) == three


@pytest.mark.parametrize("model", ["first_click", "last_click"])
def test_an_order_after_opens_alone_has_no_click_to_credit(model: str) -> None:
    assert reason(email_open(day=0), push_open(day=1), order(day=1.5), model=model) == "no_click"
    assert reason(email_click(day=0), email_open(day=5), order(day=6), model=model) == "no_click"
    assert reason(email_click(day=0), order(day=6), model=model) == "windows_closed"
    assert reason(order(day=6), model=model) == "no_touch"


def test_at_the_same_second_a_click_is_the_last_touch_and_the_id_decides_between_clicks() -> None:
    rows = (email_click(event_id="b"), sms_click(event_id="a"), email_open(event_id="z"), order(day=0.5))
    assert shares(*rows, model="first_touch") == {"z": 1.0}
    assert shares(*rows, model="first_click") == {"a": 1.0}
    assert shares(*rows, model="last_click") == shares(*rows, model="last_touch") == {"b": 1.0}


def test_an_unknown_model_is_refused_with_the_nearest() -> None:
    assert [check_model(name) for name in MODELS] == list(MODELS)
    with pytest.raises(SettingsError, match=r"Did you mean last_click\? There are old, cooperative"):
        check_model("Last click")
    with pytest.raises(SettingsError, match="There is no model ''"):
        check_model("")


# The settings of two models


def test_weights_are_read_from_a_file_from_options_and_told(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('half_life = "36h"\nposition_shares = "30-20-50"', encoding="utf-8")
    settings = Settings.read_toml(file)
    assert (settings.half_life, settings.position_shares) == (36 * HOUR, (0.3, 0.2, 0.5))
    assert Settings.from_options(half_life="36h", position_shares="30 - 20 - 50") == settings
    assert Settings.from_options(file=file, half_life="1d").half_life == DAY
    assert settings.describe().endswith("Time decay: half the weight after 36 hours. Position based: 30-20-50.")
    assert ANNOUNCED.half_life == 7 * DAY
    assert "half" not in ANNOUNCED.describe()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"half_life": "none"}, "A half-life is a number and a unit"),
        ({"half_life": "400d"}, "at most 90 days; found '400d'"),
        ({"position_shares": "40-40"}, "three numbers in per cent that add up to 100"),
        ({"position_shares": "40-20-41"}, "found '40-20-41'"),
        ({"position_shares": "-40-100-40"}, "found '-40-100-40'"),
    ],
)
def test_weights_that_are_none_are_refused_with_what_was_found(wrong: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Settings.from_options(**wrong)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"half_life": timedelta(0)}, "half-life of the time decay"),
        ({"half_life": timedelta(days=91)}, "half-life of the time decay"),
        ({"position_shares": (0.5, 0.5)}, "not three parts"),
        ({"position_shares": (0.7, -0.1, 0.4)}, "not three parts"),
        ({"position_shares": (float("nan"), 0.5, 0.5)}, "not three parts"),
    ],
)
def test_settings_with_weights_that_are_none_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Settings(**wrong)


def test_a_file_with_weights_that_are_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("half_life = 7", encoding="utf-8")
    with pytest.raises(SettingsError, match="half_life should be text in quotes, found 7"):
        Settings.read_toml(file)


@pytest.mark.parametrize("model", ["time_decay", "last_click"])
def test_the_command_takes_a_model_by_name_and_its_weights(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["attribute", TINY, "--model", model, "--half-life", "3d", "--position-shares", "30-40-30"])
    printed = capsys.readouterr().out
    assert f"Model: {model}. " in printed
    assert ("no_click" in printed) == model.endswith("_click")


def test_the_command_names_the_nearest_model(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["attribute", TINY, "--model", "timedecay"])
    assert stopped.value.code == 2
    assert "Did you mean time_decay?" in capsys.readouterr().err


# Any two models or settings


def test_a_shorter_window_is_compared_with_the_window_as_it_is() -> None:
    shorter = ANNOUNCED.with_options(windows="email=2d")
    both = {"baseline": "cooperative", "candidate": "cooperative"}
    comparison = compare_models(export(*RECOVERED, *KEPT), settings=ANNOUNCED, candidate_settings=shorter, **both)
    total = summarise_changes(comparison.changes).collect().row(0, named=True)
    assert (total["baseline_value"], total["candidate_value"], total["count_lost"], total["lost_value"]) == (
        100,
        20,
        1,
        80,
    )
    assert (comparison.sides.baseline, comparison.sides.candidate) == (
        "cooperative model with e-mail 5 days",
        "cooperative model with e-mail 2 days",
    )
    (told,) = pick_journeys(comparison).filter("is_credited").collect().to_dicts()
    assert (told["outcome"], told["baseline_credit"], told["candidate_credit"], told["closes"]) == (
        "lost",
        1,
        0,
        2 * DAY,
    )


@pytest.mark.parametrize(
    ("own", "other", "told"),
    [
        ({"windows": "email.open=1d"}, {}, "e-mail open 1 day"),
        ({"windows": "sms=none"}, {}, "no window for SMS"),
        ({"windows": "email.open=none"}, {}, "no window for e-mail open"),
        ({"anchor": "touched"}, {}, "windows from the touch"),
        ({"anchor": "received"}, {"anchor": "touched"}, "windows from the receipt"),
        ({"exclude_machine_opens": "yes"}, {}, "machine opens left out"),
        ({}, {"exclude_bot_clicks": "yes"}, "bot clicks counted"),
        ({"half_life": "1d"}, {}, "a half-life of 1 day"),
        ({"position_shares": "50-0-50"}, {}, "shares of 50-0-50"),
    ],
)
def test_a_side_is_named_by_what_its_settings_have_alone(own: dict[str, str], other: dict[str, str], told: str) -> None:
    models = {"baseline": "linear", "candidate": "old"}
    settings, theirs = ANNOUNCED.with_options(**other), ANNOUNCED.with_options(**own)
    comparison = compare_models(export(*KEPT), settings=settings, candidate_settings=theirs, **models)
    assert comparison.sides.candidate == f"old model with {told}"


def test_empty_sides_are_the_old_and_the_cooperative_model() -> None:
    assert compare_models(export(*KEPT), settings=ANNOUNCED).sides == OLD_AND_COOPERATIVE


@pytest.mark.parametrize(
    ("sides", "theirs", "words"),
    [
        ({"baseline": "linear", "candidate": "linear"}, ANNOUNCED, "Both sides are the model linear"),
        ({"baseline": "last_touch", "candidate": ""}, None, "last_touch and cooperative are one model by two names"),
        ({"baseline": "linear", "candidate": "linear"}, replace(ANNOUNCED, half_life=DAY), "Both sides are the model"),
        ({}, replace(ANNOUNCED, net_of_refunds=True), "do not count the same orders"),
        ({}, replace(ANNOUNCED, conversion_metric="Booked"), "'Placed Order' and 'Booked'"),
        ({"baseline": "newest"}, None, "There is no model 'newest'"),
    ],
)
def test_sides_that_cannot_differ_or_be_compared_are_refused(
    sides: dict[str, str], theirs: Settings | None, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        compare_models(export(*KEPT), settings=ANNOUNCED, candidate_settings=theirs, **sides)


def test_one_model_under_two_weights_is_a_comparison() -> None:
    theirs = replace(ANNOUNCED, half_life=DAY)
    comparison = compare_models(
        export(*WAY), settings=ANNOUNCED, baseline="time_decay", candidate="time_decay", candidate_settings=theirs
    )
    assert summarise_changes(comparison.changes).collect()["count_moved"].item() == 1


def test_credit_that_moves_within_a_message_moves_to_no_other_message() -> None:
    rows = (email_open(day=0), email_open(day=1), order(day=2, **EUR))
    comparison = compare_models(export(*rows), settings=ANNOUNCED, baseline="first_touch", candidate="linear")
    total = summarise_changes(comparison.changes).collect().row(0, named=True)
    assert (total["count_moved"], total["moved_value"]) == (1, 0)


def test_the_parts_of_the_revenue_name_what_both_credit_otherwise_and_why_neither_does() -> None:
    opened = (email_open(day=1, profile_id="dan"), order(day=2, profile_id="dan", event_id="dan's", **EUR))
    comparison = compare_models(
        export(*WAY, *UNTOUCHED, *opened), settings=ANNOUNCED, baseline="first_click", candidate="last_click"
    )
    assert split_value(comparison).collect()["part"].to_list() == ["moved", "no_click", "no_touch"]


def test_filters_run_each_side_under_its_own_settings() -> None:
    theirs = ANNOUNCED.with_options(windows="email=2d")
    comparison = compare_models(
        export(*RECOVERED), settings=ANNOUNCED, baseline="cooperative", candidate="linear", candidate_settings=theirs
    )
    as_set, *_, without = compare_filters(comparison).collect().to_dicts()
    assert (as_set["baseline_value"], as_set["candidate_value"]) == (80, 0)
    assert (without["baseline_value"], without["candidate_value"]) == (80, 0)


# Many models on the same orders


def study(*rows: Row, baseline: str = "cooperative", candidate: str = "linear") -> ModelStudy:
    return study_models(compare_models(export(*rows), settings=ANNOUNCED, baseline=baseline, candidate=candidate))


def value(frame: pl.LazyFrame, **of: str) -> float:
    return frame.filter(**of).collect()["value"].item()


def test_a_study_has_every_model_once_the_two_of_the_decision_first() -> None:
    assert study(*WAY, baseline="last_touch", candidate="old").models[:2] == ("cooperative", "old")
    assert sorted(study(*WAY).models) == sorted(set(MODELS) - {"last_touch"})


def test_the_values_of_channels_campaigns_flows_and_messages_are_those_of_the_models() -> None:
    found = study(*WAY, *UNTOUCHED)
    assert value(value_channels(found), channel="sms", model="linear") == 25.0
    assert value(value_channels(found), channel="sms", model="cooperative") == 0.0
    assert value(value_campaigns(found), label="Spring", model="linear") == 25.0
    assert value(value_flows(found), label="Cart", model="first_click") == 100.0
    ranks = value_messages(found).filter(model="first_touch").collect()
    assert dict(ranks.select("label", "rank").iter_rows())["first"] == 1
    assert ranks["rank"].to_list() == [1, 2, 2, 2]


def test_what_a_model_gives_to_other_messages_is_what_they_gain() -> None:
    rows = {row["model"]: row for row in value_models(study(*WAY)).collect().to_dicts()}
    assert (rows["cooperative"]["moved_value"], rows["linear"]["moved_value"]) == (0, 75)
    assert (rows["last_click"]["value"], rows["last_click"]["difference"]) == (100, 0)
    alone = value_models(study(email_open(day=1), order(day=2, **EUR))).filter(model="last_click").collect()
    assert alone.select("value", "difference", "count_conversions").rows() == [(0.0, -100.0, 0)]


def test_how_much_hangs_on_the_model_is_asked_of_those_that_hand_out_the_same_revenue() -> None:
    rows = {row["label"]: row for row in measure_dependence(value_messages(study(*WAY))).collect().to_dicts()}
    last = rows["last"]
    assert (last["least_value"], last["least_model"], last["most_value"], last["most_model"]) == (
        0,
        "first_touch",
        100,
        "cooperative",
    )
    assert (last["span"], last["share"], last["best_rank"]) == (100, 1, 1)
    assert rows["Cart › Cart 1"]["most_value"] < 30


def test_every_breakdown_of_the_sample_adds_up_to_what_the_models_attribute() -> None:
    comparison = compare_models(read_export(TINY), settings=ANNOUNCED, baseline="cooperative", candidate="linear")
    found = study_models(comparison)
    attributed = dict(found.credits.group_by("model").agg(pl.col("attributed_value").sum()).collect().iter_rows())
    for breakdown in (value_channels, value_messages):
        summed = dict(breakdown(found).group_by("model").agg(pl.col("value").sum()).collect().iter_rows())
        assert all(summed.get(model, 0) == pytest.approx(attributed[model], abs=1e-3) for model in attributed)
    assert len({round(attributed[model], 6) for model in SAME_REVENUE}) == 1


# Ways, and what is learned from them


def ways(*rows: Row, settings: Settings = ANNOUNCED) -> list[tuple[str, list[str], bool, float]]:
    data = export(*rows)
    comparison = compare_models(data, settings=settings)
    found = find_paths(data, comparison=comparison).with_columns(pl.col("path").cast(pl.List(pl.String))).collect()
    return sorted(found.iter_rows())


def test_a_way_to_an_order_holds_the_open_touches_and_no_channel_twice_in_a_row() -> None:
    assert ways(*WAY) == [("ann", ["email", "sms", "email"], True, 100.0)]


def test_a_way_to_nothing_goes_on_while_a_touch_is_open_and_an_order_needs_none_of_it() -> None:
    late = order(day=30, profile_id="zoe", event_id="late", **EUR)
    rows = (
        email_open(day=1),
        sms_click(day=2),  # closes on day 3; the e-mail on day 6
        email_open(day=5, message_id="b"),  # closes on day 10
        email_open(day=11, message_id="c"),
        late,
    )
    first = order(day=0, profile_id="zoe", event_id="first", **EUR)
    assert ways(first, *rows) == [("ann", ["email"], False, 0.0), ("ann", ["email", "sms", "email"], False, 0.0)]


def test_a_touch_whose_window_is_open_at_the_end_or_that_another_order_needed_is_on_no_way_to_nothing() -> None:
    dollars = order(day=2, currency="USD", event_id="dollars")
    euros = (order(day=5, profile_id="zoe", **EUR), order(day=6, profile_id="zoe", event_id="more", **EUR))
    assert ways(email_open(day=1), dollars, email_open(day=4, profile_id="bob"), *euros) == []


def learned(*of: tuple[Sequence[str], bool, float], **options: int) -> pl.DataFrame:
    frame = pl.LazyFrame(
        {
            "profile_id": [f"p{place}" for place in range(len(of))],
            "path": [list(path) for path, _, _ in of],
            "is_converted": [converted for _, converted, _ in of],
            "value": [float(worth) for _, _, worth in of],
        },
        schema={"profile_id": pl.String, "path": pl.List(pl.String), "is_converted": pl.Boolean, "value": pl.Float64},
    )
    return learn_channels(frame, **options).collect()


def by_channel(frame: pl.DataFrame, model: str, column: str = "share") -> dict[str, float]:
    return dict(frame.filter(model=model).select(pl.col("channel").cast(pl.String), column).iter_rows())


def test_a_removal_effect_is_the_chance_of_an_order_that_goes_with_the_channel() -> None:
    # By e-mail: 3 of 4 ways; the chance of an order is 1/2. Without e-mail only the way by SMS alone is left: 1/4 of
    # the starts, of which 1 of 2 leaves for an order. Without SMS, 3/4 of the starts and 1/3 of the steps from e-mail.
    found = learned(
        (["email"], True, 10), (["email"], False, 0), (["email", "sms"], True, 10), (["sms"], False, 0), resamples=10
    )
    without_email, without_sms = 1 / 4 * 1 / 2, 3 / 4 * 1 / 3
    effects = {"email": 1 - without_email / 0.5, "sms": 1 - without_sms / 0.5}
    expected = {channel: effect / sum(effects.values()) for channel, effect in effects.items()}
    assert by_channel(found, "markov") == pytest.approx(expected)
    assert by_channel(found, "markov", "value") == pytest.approx({name: 20 * part for name, part in expected.items()})


def test_a_shapley_value_shares_what_no_channel_earned_alone() -> None:
    found = learned((["email"], True, 60), (["email", "sms", "email"], True, 30), (["sms"], False, 0), resamples=10)
    assert by_channel(found, "shapley", "value") == pytest.approx({"email": 75, "sms": 15})


any_ways = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["email", "sms", "push", "whatsapp", "session"]), min_size=1, max_size=5),
        st.booleans(),
        st.sampled_from([10.0, 25.5, 80.0]),
    ).map(lambda way: (way[0], way[1], way[2] if way[1] else 0.0)),
    min_size=1,
    max_size=30,
)


@by_chance
@given(any_ways, st.randoms(use_true_random=False))
def test_both_learning_models_equal_the_oracle_and_repeated_touches_and_the_order_of_the_ways_teach_nothing(
    of: list[tuple[list[str], bool, float]],
    random,  # noqa: ANN001 - drawn above
) -> None:
    found = learned(*of, resamples=5)
    stretched = [([channel for channel in path for _ in range(random.randint(1, 3))], *rest) for path, *rest in of]
    again = learned(*random.sample(stretched, len(stretched)), resamples=5)
    columns = ["model", "channel", "share", "value"]
    assert_frame_equal(found.select(columns), again.select(columns))
    total = sum(worth for _, _, worth in of)
    if not any(converted for _, converted, _ in of):
        assert found["share"].null_count() == found.height
        return
    values = oracle.value_channels(of)
    assert by_channel(found, "shapley", "value") == pytest.approx(values)
    assert by_channel(found, "markov") == pytest.approx(oracle.remove_channels(of), abs=1e-9)
    for model in ("markov", "shapley"):
        assert sum(by_channel(found, model, "value").values()) == pytest.approx(total)


@briefly
@given(batches(profiles=8), any_settings)
def test_the_ways_equal_the_oracle_s_and_both_models_hand_out_what_the_cooperative_model_does(
    rows: list[Row], settings: Settings
) -> None:
    history = chance_events(rows)
    orders = oracle.find_conversions(rows, settings)
    data = replace(export(email_open()), events=history)
    comparison = compare_models(data, settings=settings)
    counted = [row for row in orders if row["currency"] == comparison.currency]
    touches = oracle.find_touches(rows, settings)
    period = comparison.first_on, comparison.last_on
    expected = oracle.find_paths(touches, orders, counted, period, comparison.as_of)
    found = find_paths(data, comparison=comparison).with_columns(pl.col("path").cast(pl.List(pl.String))).collect()
    assert sorted(found.iter_rows()) == sorted((profile_id, *way) for profile_id, way in expected)
    attributed = comparison.changes.select(pl.col("candidate_value").sum()).collect().item()
    taught = learn_channels(find_paths(data, comparison=comparison), resamples=5)
    for value_ in taught.drop_nulls("value").group_by("model").agg(pl.col("value").sum()).collect()["value"]:
        assert value_ == pytest.approx(attributed)


def test_the_interval_holds_the_share_narrows_with_more_customers_and_the_seed_repeats_it() -> None:
    few = [(["email"], True, 10.0), (["sms"], True, 10.0), (["email", "sms"], False, 0.0)] * 15
    first, again, many = learned(*few), learned(*few), learned(*few, *few, *few, *few)
    assert_frame_equal(first, again)
    assert (first["low"] < first["share"]).all()
    assert (first["share"] < first["high"]).all()
    widths = [frame["high"].to_numpy() - frame["low"].to_numpy() for frame in (first, many)]
    assert np.all(widths[1] < 0.7 * widths[0])


def test_customers_with_the_same_ways_are_drawn_together_as_if_each_were_drawn() -> None:
    generator = np.random.default_rng(5)
    path = [(["email"], True, 10.0), (["sms"], True, 10.0)] * 40
    draws = generator.poisson(1.0, size=(4000, 80))
    parts = draws[:, ::2].sum(axis=1) / draws.sum(axis=1)
    low, high = np.percentile(parts, [2.5, 97.5])
    row = learned(*path, resamples=4000).filter(model="shapley", channel="email").row(0, named=True)
    assert (row["low"], row["high"]) == pytest.approx((low, high), abs=0.01)


def test_without_a_way_there_is_nothing_to_learn_and_with_one_channel_it_has_all() -> None:
    assert learned().height == 0
    assert by_channel(learned((["sms"], True, 5), (["sms"], False, 0), resamples=5), "markov") == {"sms": 1.0}
    free = learned((["sms"], True, 0), resamples=5)
    assert by_channel(free, "shapley") == {"sms": None}
    assert LEAST_CONVERSIONS == 100
