"""The latest open touch of each channel: what a look at every touch finds, in any order of closing."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from builders import thoroughly
from hypothesis import given
from hypothesis import strategies as st

from klavnb import latest
from klavnb.channels import CHANNELS
from klavnb.latest import Profiles, find_before, find_latest_open, order_touches

START = datetime(2024, 1, 1, tzinfo=UTC)
CHANNEL = pl.Enum(CHANNELS)

touch = st.tuples(
    st.sampled_from(["ann", "ben", "cid"]),
    st.sampled_from(["email", "sms", "push"]),
    st.integers(0, 30),
    st.integers(0, 12),
)
conversion = st.tuples(st.sampled_from(["ann", "ben", "dan"]), st.integers(0, 40))


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def to_frames(
    touches: list[tuple[str, str, int, int]], conversions: list[tuple[str, int]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    touched = sorted(touches, key=lambda each: each[2])
    converted = sorted(conversions, key=lambda each: each[1])
    moment = pl.Datetime("us", "UTC")
    return (
        pl.DataFrame(
            [
                (who, channel, at(hour), at(hour + hours), place % 2, f"{place * 7 % 10}{place:03d}")
                for place, (who, channel, hour, hours) in enumerate(touched)
            ],
            schema={
                "profile_id": pl.String,
                "channel": CHANNEL,
                "touched_at": moment,
                "closes_at": moment,
                "kind": pl.UInt8,
                "touch_id": pl.String,
            },
            orient="row",
        ),
        pl.DataFrame(
            [(who, at(hour)) for who, hour in converted],
            schema={"profile_id": pl.String, "converted_at": moment},
            orient="row",
        ),
    )


Found = tuple[set[tuple[int, int]], dict[int, int], dict[int, int]]
"""Open touches by conversion, the latest of them, and the last touch of all."""


def look_up(touches: pl.DataFrame, conversions: pl.DataFrame) -> Found:
    profiles = Profiles(conversions["profile_id"])
    numbered = profiles.number(touches.with_row_index("place"))
    found = find_latest_open(numbered, profiles.number(conversions), order_touches(numbered))
    original = numbered["place"].to_list()
    opened, latest, last = (
        [(order, original[place]) for order, place in enumerate(places.tolist()) if place >= 0]
        for places in (np.concatenate([[], *found.opened.values()]).astype(int), found.latest, found.last)
    )
    return {(order % conversions.height, place) for order, place in opened}, dict(latest), dict(last)


def look_at_all(touches: pl.DataFrame, conversions: pl.DataFrame) -> Found:
    opened: dict[tuple[int, str], int] = {}
    latest: dict[int, int] = {}
    last: dict[int, int] = {}
    in_order = touches.with_row_index("place").sort("touched_at", "kind", "touch_id")
    for order, (who, then) in enumerate(conversions.iter_rows()):
        for place, whose, channel, touched, closes, *_ in in_order.iter_rows():
            if whose == who and touched <= then:
                last[order] = place
                if closes >= then:
                    opened[order, channel] = latest[order] = place
    return {(order, place) for (order, _), place in opened.items()}, latest, last


@thoroughly
@given(st.lists(touch, max_size=30), st.lists(conversion, max_size=12))
def test_it_finds_what_a_look_at_every_touch_finds(
    touches: list[tuple[str, str, int, int]], conversions: list[tuple[str, int]]
) -> None:
    frames = to_frames(touches, conversions)
    assert look_up(*frames) == look_at_all(*frames)


def test_an_older_touch_that_is_still_open_is_found_behind_any_number_of_closed_ones() -> None:
    late = [("ann", "email", hour, 1) for hour in range(1, 90)]
    frames = to_frames([("ann", "email", 0, 200), *late], [("ann", 95)])
    assert look_up(*frames) == ({(0, 0)}, {0: 0}, {0: 89})


@pytest.mark.parametrize("known", [["ann", "cid"], ["ann"]])
def test_profiles_whose_hashes_meet_are_told_apart(monkeypatch: pytest.MonkeyPatch, known: list[str]) -> None:
    monkeypatch.setattr(latest, "hash_ids", lambda ids: pl.Series([7] * len(ids), dtype=pl.UInt64))
    rows = pl.DataFrame({"profile_id": ["cid", "ben", "ann", "cid"]})
    found = Profiles(pl.Series(known)).number(rows)
    assert found["profile_id"].to_list() == [name for name in rows["profile_id"] if name in known]
    assert found.n_unique() == len(known)


@pytest.mark.parametrize("seed", range(3))
def test_the_last_value_that_reaches_a_bound_is_found_between_two_places(seed: int) -> None:
    dice = np.random.default_rng(seed)
    values = dice.integers(0, 1000, 200)
    starts = dice.integers(0, 200, 500)
    firsts = np.minimum(dice.integers(0, 200, 500), starts)
    bounds = dice.integers(0, 1100, 500)
    expected = [
        max((place for place in range(first, start) if values[place] >= bound), default=-1)
        for start, first, bound in zip(starts, firsts, bounds, strict=True)
    ]
    assert find_before(values, starts, firsts, bounds).tolist() == expected
