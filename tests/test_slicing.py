"""Attribution in slices of days gives what attribution of everything at once gives."""

from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl
import pytest
from builders import START, Row, any_settings, batches, by_chance, chance_events, email_open, events, order, sms_click
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from klavnb import slicing
from klavnb.attribution import attribute_models
from klavnb.bundled import find_sample
from klavnb.errors import ExportError, SettingsError
from klavnb.models import ORDER, Model
from klavnb.schemas import Event
from klavnb.settings import Settings
from klavnb.slicing import scan_credits
from klavnb.store import read_export
from klavnb.touches import find_conversions, find_touches

MODELS = ["old", "cooperative", "linear", "last_click"]
SECOND_AS = timedelta(hours=12)
KEY = ["model", "converted_at", "conversion_id", *ORDER]


@pytest.fixture
def day_by_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slicing, "ROWS", 1)


def attribute_at_once(rows: pl.LazyFrame, settings: Settings) -> pl.DataFrame:
    all_events = Event.cast(rows)
    touches, conversions = (find(all_events, settings=settings) for find in (find_touches, find_conversions))
    return attribute_models(touches, conversions, models=MODELS, settings=settings).collect().sort(KEY)


def stretch_times(rows: list[Row]) -> list[Row]:
    """Make days of seconds, so that a history has several slices."""
    return [
        {
            name: START + (value - START) / timedelta(seconds=1) * SECOND_AS if isinstance(value, datetime) else value
            for name, value in row.items()
        }
        for row in rows
    ]


def stretch_windows(settings: Settings) -> Settings:
    windows = {name: window / timedelta(seconds=1) * SECOND_AS for name, window in settings.windows.items()}
    return replace(settings, windows=windows)


@by_chance
@given(batches(), any_settings, st.sampled_from([1, 5]))
def test_slices_give_what_everything_at_once_gives(rows: list[Row], settings: Settings, size: int) -> None:
    stretched, wide = chance_events(stretch_times(rows)).sort("occurred_at", "event_id"), stretch_windows(settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slicing, "ROWS", size)
        found = scan_credits(stretched, models=MODELS, settings=wide).collect().sort(KEY)
    assert_frame_equal(found, attribute_at_once(stretched, wide))


@pytest.mark.usefixtures("day_by_day")
def test_a_touch_from_long_ago_makes_the_difference_between_no_touch_and_a_closed_window() -> None:
    history = events(email_open(day=0), order(day=30), order(day=31, profile_id="ben"))
    found = scan_credits(history, models=["cooperative"], settings=Settings()).sort("profile_id").collect()
    assert found.select("profile_id", "reason", "last_channel").rows() == [
        ("ann", "windows_closed", "email"),
        ("ben", "no_touch", None),
    ]


@pytest.mark.usefixtures("day_by_day")
def test_a_touch_of_another_day_earns_an_order_while_its_window_is_open() -> None:
    history = events(email_open(day=0), sms_click(day=1), order(day=3), order(day=6))
    found = scan_credits(history, models=["old", "cooperative"], settings=Settings()).collect()
    assert found.sort(KEY).select("model", "channel", "reason").rows() == [
        ("cooperative", "email", None),
        ("cooperative", None, "windows_closed"),
        ("old", None, "last_channel_closed"),
        ("old", None, "windows_closed"),
    ]


def test_a_store_gives_the_same_whatever_the_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    export, settings = read_export(find_sample().parent / "tiny"), Settings()
    expected = attribute_at_once(export.events, settings)
    monkeypatch.setattr(slicing, "ROWS", 300)
    found = scan_credits(export.events, models=MODELS, settings=settings)
    assert_frame_equal(found.collect(engine="streaming").sort(KEY), expected)
    narrow = found.filter(pl.col("model") == "old").select("attributed_value").sum().collect().item()
    assert narrow == pytest.approx(expected.filter(pl.col("model") == "old")["attributed_value"].sum())
    assert found.head(3).collect().height == 3


def test_nothing_is_read_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("it was read")

    monkeypatch.setattr(slicing, "select_touches", refuse)
    scan_credits(events(order(day=1)), models=["old"], settings=Settings())


@pytest.mark.usefixtures("day_by_day")
def test_events_in_another_order_are_refused() -> None:
    history = events(order(day=3), email_open(day=0))
    with pytest.raises(ExportError, match="expected them in the order of time"):
        scan_credits(history, models=["old"], settings=Settings()).collect()


@pytest.mark.usefixtures("day_by_day")
def test_credits_come_by_time_id_and_model_whatever_the_slices() -> None:
    history = events(email_open(day=0), order(day=1), order(day=1, profile_id="ben", event_id="o"), order(day=3))
    found = scan_credits(history, models=["old", "cooperative"], settings=Settings()).collect()
    ordered = found.sort("converted_at", "conversion_id", pl.col("model").cast(pl.Enum(["old", "cooperative"])))
    assert_frame_equal(found, ordered)


@pytest.mark.usefixtures("day_by_day")
def test_it_tells_how_many_conversions_are_done() -> None:
    told: list[tuple[str, float, int]] = []
    history = events(order(day=1), order(day=3), order(day=5), email_open(day=9))
    scan_credits(history, models=["old"], settings=Settings(), progress=lambda *each: told.append(each)).collect()
    assert told == [
        ("attributing", 1 / 3, 1),
        ("attributing", 2 / 3, 2),
        ("attributing", 1.0, 3),
        ("attributing", 1.0, 3),
    ]


@pytest.mark.parametrize("models", [[], ["old", "old"]])
def test_models_are_named_once(models: list[Model]) -> None:
    with pytest.raises(SettingsError, match="expected one or several, each once"):
        scan_credits(events(order(day=1)), models=models, settings=Settings())
