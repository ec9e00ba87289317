"""Attribution by ranges of days, a task each, gives what one machine gives, to the last bit and in the same order."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from builders import Row, any_settings, batches, briefly, chance_events, email_open, events, order, sms_click
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from stand_ins import Twice
from test_slicing import stretch_times, stretch_windows

from klavnb.bundled import find_sample
from klavnb.cli.clusters import open_parts
from klavnb.distribution import attribute_on
from klavnb.distribution.credits import plan_ranges
from klavnb.export import Export
from klavnb.filling import write_store
from klavnb.loading import slices
from klavnb.manifest import list_event_files
from klavnb.models import Model
from klavnb.remote import write_part
from klavnb.schemas import Event, GroupMember, Message, Profile, Reject
from klavnb.settings import Settings
from klavnb.slicing import scan_credits
from klavnb.store import read_export

MODELS: list[Model] = ["old", "cooperative"]
SHARING: list[Model] = ["old", "linear", "last_click"]


def store_of(rows: pl.LazyFrame, folder: Path, *, files_of: int = 1) -> str:
    """Write a store with a file for every day, or for some events."""
    made = rows.sort("occurred_at", "event_id").collect()
    summary = replace(read_export(find_sample().parent / "tiny").summary, rows_kept=made.height)
    export = Export(
        events=Event.cast(made.lazy()),
        profiles=Profile.create_empty(lazy=True),
        messages=Message.create_empty(lazy=True),
        groups=GroupMember.create_empty(lazy=True),
        rejects=Reject.create_empty(lazy=True),
        summary=summary,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "ROWS", files_of)
        write_store(export, folder / "store")
    return str(folder / "store")


def attribute_twice(store: str, folder: Path, models: list[Model], settings: Settings) -> pl.DataFrame:
    return attribute_on(Twice(), store, str(folder / "parts"), models=models, settings=settings).collect()  # type: ignore[arg-type]  # of a cluster it needs no more


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tiny sample, with some days in each file."""
    return store_of(read_export(find_sample().parent / "tiny").events, tmp_path_factory.mktemp("year"), files_of=40)


@briefly
@given(batches(), any_settings, st.sampled_from([MODELS, SHARING]))
def test_ranges_give_what_one_pass_gives(rows: list[Row], settings: Settings, models: list[Model]) -> None:
    wide = stretch_windows(settings)
    with TemporaryDirectory() as name:
        store = store_of(chance_events(stretch_times(rows)), Path(name))
        found = attribute_twice(store, Path(name), models, wide)
        expected = scan_credits(read_export(store).events, models=models, settings=wide).collect()
    assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize("settings", [Settings(), Settings(net_of_refunds=True, anchor="touched")])
def test_a_year_in_ranges_is_the_year_at_once(year: str, tmp_path: Path, settings: Settings) -> None:
    found = attribute_twice(year, tmp_path, MODELS, settings)
    expected = scan_credits(read_export(year).events, models=MODELS, settings=settings).collect()
    assert_frame_equal(found, expected, check_exact=True)
    assert {"no_touch", "windows_closed"} <= set(expected["reason"].drop_nulls())
    kinds = [path.name.partition("-")[0] for path in (tmp_path / "parts").iterdir()]
    assert len(kinds) > 8
    assert set(kinds) == {"credits"}


def test_a_touch_of_a_range_long_ago_makes_the_difference_between_no_touch_and_a_closed_window(tmp_path: Path) -> None:
    history = events(
        email_open(day=0), sms_click(day=20), order(day=40), order(day=41, profile_id="ben", event_id="by ben")
    )
    found = attribute_twice(store_of(history, tmp_path), tmp_path, ["cooperative"], Settings())
    assert found.select("profile_id", "reason", "last_channel").rows() == [
        ("ann", "windows_closed", "sms"),
        ("ben", "no_touch", None),
    ]


@pytest.mark.parametrize("count", [1, 5, 40, 1000])
def test_ranges_hold_every_instant_once_and_are_as_long_as_the_longest_window(year: str, count: int) -> None:
    ranges = plan_ranges(list_event_files(year), settings=Settings(), count=count)
    times = read_export(year).events.select("occurred_at").collect()["occurred_at"]
    assert ranges[0][0] == times.first()
    assert ranges[-1][1] == times.last() + timedelta(microseconds=1)  # type: ignore[operator]  # both are moments
    assert [end for _, end in ranges[:-1]] == [start for start, _ in ranges[1:]]
    assert len(ranges) <= count
    assert all(end - start >= Settings().longest_window for start, end in ranges[:-1])
    assert len(ranges) == 1 or count > 1


@pytest.mark.parametrize("is_there", [True, False])
def test_an_empty_folder_for_parts_stays_as_it_was_when_the_work_fails(tmp_path: Path, *, is_there: bool) -> None:
    folder = tmp_path / "parts"
    if is_there:
        folder.mkdir()
    with suppress(KeyboardInterrupt), open_parts(str(folder), "local", option="--out") as parts:
        write_part(pl.LazyFrame({"number": [1]}), f"{parts}/credits-00000.parquet")
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == (["parts"] if is_there else [])
    assert not is_there or not list(folder.iterdir())
