"""The latest open touch of each channel, for many conversions at once: in linear time, however many touches one has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from klavnb.channels import KINDS

__all__ = ["NONE", "Latest", "Places", "Profiles", "find_before", "find_latest_open", "order_touches", "to_index"]

Places: TypeAlias = npt.NDArray[np.int64]

NONE = -1
"""The place of what is not there."""

PLACE_BITS = 32
"""A touch's place takes so many bits of its number in the order of profile and place; the profile, those above."""


@dataclass(frozen=True, slots=True)
class Latest:
    """What was found of conversions, in their order: places in the frame of the touches, from 0, or `NONE`.

    Parameters
    ----------
    opened
        Number of the channel → the place of its latest touch that is open at the conversion.
    latest
        The place of the latest open touch of any channel.
    touched, last
        The same of the latest touch at or before the conversion, open or not: of each channel, and of any.
    """

    opened: Mapping[int, Places]
    latest: Places
    touched: Mapping[int, Places]
    last: Places


class Profiles:
    """Numbers from 0 for some profiles: joins and sorts of numbers take a fraction of the time of those of text.

    Parameters
    ----------
    ids
        Their `profile_id`, which may repeat; afterwards each once, in the order of the numbers.

    Examples
    --------
    >>> profiles = Profiles(pl.Series(["p", "q", "p"]))
    >>> rows = profiles.number(pl.DataFrame({"profile_id": ["q", "r", "p", "q"]}))
    >>> rows["profile_id"].to_list(), rows["profile"].n_unique(), len(profiles)
    (['q', 'p', 'q'], 2, 2)
    """

    def __init__(self, ids: pl.Series) -> None:
        unique = ids.unique()
        known = pl.DataFrame({"profile_id": unique, "hash": hash_ids(unique)}).sort("hash")
        self.ids = known["profile_id"]
        self._is_unique = known["hash"].n_unique() == len(unique)
        self._hashes = np.append(known["hash"].to_numpy(), np.iinfo(np.uint64).max)  # whatever is looked up ends here
        # hashes are spread evenly: their first bits say nearly where one stands
        bits = max(1, len(unique).bit_length())
        self._shift = np.uint64(64 - bits)
        firsts = np.arange(1 << bits, dtype=np.uint64) << self._shift
        self._starts = np.searchsorted(self._hashes[:-1], firsts).astype(np.int32)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.ids)

    def number(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Keep the rows of these profiles, in their order, and add `profile`, the number of the `profile_id`."""
        if self._is_unique:
            places, is_known = self._look_up(hash_ids(rows["profile_id"]).to_numpy())
            numbered = rows.filter(is_known).with_columns(profile=places[is_known])
            # an id that is none of these may have the hash of one
            if (numbered["profile_id"] == self.ids.gather(numbered["profile"])).all():
                return numbered
        numbers = pl.DataFrame({"profile_id": self.ids, "profile": np.arange(len(self))})
        return rows.join(numbers, on="profile_id", maintain_order="left")

    def _look_up(self, hashes: npt.NDArray[np.uint64]) -> tuple[Places, npt.NDArray[np.bool_]]:
        """Find where each hash stands, and whether it does."""
        places = self._starts[hashes >> self._shift]
        before = np.flatnonzero(self._hashes[places] < hashes)
        while len(before):
            places[before] += 1
            before = before[self._hashes[places[before]] < hashes[before]]
        return places, (self._hashes[places] == hashes) & (places < len(self))


def hash_ids(ids: pl.Series) -> pl.Series:
    """Hash ids; two may share one, if hardly ever. A hash is that of this process and is kept nowhere."""
    return ids.hash()


def order_touches(touches: pl.DataFrame) -> Places:
    """Order touches by `touched_at`, `kind` and `touch_id`: their places in that order.

    By a number first, which is quick where they come in the order of time; by the id, which is text, only where that
    leaves a choice.
    """
    number = pl.col("touched_at").to_physical() * len(KINDS) + pl.col("kind").to_physical()
    numbers = touches.select(number).to_series().to_numpy()
    order = np.argsort(numbers, kind="stable")
    is_same = np.append(np.diff(numbers[order]) == 0, values=False)  # as the next one
    tied = np.flatnonzero(is_same | np.roll(is_same, 1))
    ties = pl.DataFrame(
        {"number": numbers[order[tied]], "touch_id": touches["touch_id"][order[tied]], "place": order[tied]}
    )
    order[tied] = ties.sort("number", "touch_id")["place"]
    return order


def find_latest_open(touches: pl.DataFrame, conversions: pl.DataFrame, order: Places) -> Latest:
    """Find each channel's latest touch that is open at a conversion, and the latest touch of all.

    A touch that closes before an older one, as a late open does where windows start at the receipt, hides nothing: the
    older one is found behind it.

    Parameters
    ----------
    touches
        `profile` and `channel` (numbers), `touched_at`, `closes_at`.
    conversions
        `profile`, `converted_at`.
    order
        The places of the touches in the order of time; of two that are of one instant, the latter counts as later.

    Examples
    --------
    >>> from datetime import datetime
    >>> days = [datetime(2026, 1, day) for day in range(1, 8)]
    >>> touches = pl.DataFrame({
    ...     "profile": [0, 0],
    ...     "channel": [4, 7],
    ...     "touched_at": [days[0], days[1]],
    ...     "closes_at": [days[5], days[2]],
    ... })
    >>> conversions = pl.DataFrame({"profile": [0, 1], "converted_at": [days[4], days[4]]})
    >>> found = find_latest_open(touches, conversions, np.array([0, 1]))
    >>> {channel: places.tolist() for channel, places in found.opened.items()}
    {4: [0, -1], 7: [-1, -1]}
    >>> found.latest.tolist(), found.last.tolist()
    ([0, -1], [1, -1])
    """
    touched, at = _to_numbers(touches, "touched_at"), _to_numbers(conversions, "converted_at")
    profiles, converting = _to_numbers(touches, "profile")[order], _to_numbers(conversions, "profile")
    is_asked = np.zeros(max(profiles.max(initial=0), converting.max(initial=0)) + 1, dtype=np.bool_)
    is_asked[converting] = True
    order, profiles = (each[is_asked[profiles]] for each in (order, profiles))
    by_profile = np.sort(profiles << PLACE_BITS | np.arange(len(order)))
    converting = converting << PLACE_BITS
    # where the profile of each conversion begins among them, and where its first later touch stands or would
    firsts = np.searchsorted(by_profile, converting)
    starts = np.searchsorted(by_profile, converting | np.searchsorted(touched[order], at, side="right"))
    places = order[by_profile & ((1 << PLACE_BITS) - 1)]
    touched, closes = touched[places], _to_numbers(touches, "closes_at")[places]
    channels = touches["channel"].to_physical().to_numpy()[places]
    latest = np.full(len(at), NONE)
    opened: dict[int, Places] = {}
    touched_last: dict[int, Places] = {}
    for channel in touches["channel"].to_physical().unique().sort():
        is_of = channels == channel
        of_channel = np.flatnonzero(is_of)
        count_before = np.concatenate([[0], np.cumsum(is_of)])
        before = np.where(count_before[starts] > count_before[firsts], count_before[starts] - 1, NONE)
        touched_last[channel] = _take(places, _take(of_channel, before))
        found = _find_open(touched[of_channel], closes[of_channel], before, firsts=count_before[firsts], at=at)
        position = _take(of_channel, found)
        latest = np.maximum(latest, position)
        opened[channel] = _take(places, position)
    last = _take(places, np.where(starts > firsts, starts - 1, NONE))
    return Latest(opened=opened, latest=_take(places, latest), touched=touched_last, last=last)


def to_index(places: npt.NDArray[np.integer[Any]]) -> pl.Series:
    """Turn places into what rows are gathered by: nothing is null."""
    index = pl.Series(places)
    return index.set(index == NONE, None)


def _to_numbers(frame: pl.DataFrame, column: str) -> Places:
    return frame[column].to_physical().to_numpy().astype(np.int64, copy=False)


def _take(values: Places, places: Places) -> Places:
    """Take the values at places; nothing where there is none."""
    if not len(values):
        return np.full(len(places), NONE, dtype=np.int64)
    return np.where(places == NONE, NONE, values[places])


def _find_open(touched: Places, closes: Places, latest: Places, *, firsts: Places, at: Places) -> Places:
    """Find the last touch up to the latest, and not before the first, that is open; touches of one channel."""
    is_closed = (latest != NONE) & (_take(closes, latest) < at)
    found = np.where(is_closed, NONE, latest)
    spans = closes - touched
    if len(spans) and spans.min() < spans.max():  # one may close before an older one, and hide it
        hidden = np.flatnonzero(is_closed & (_take(touched, latest) >= at - spans.max()))
        behind = _list_covered(firsts[hidden], latest[hidden])
        starts, firsts = (np.searchsorted(behind, places) for places in (latest[hidden], firsts[hidden]))
        found[hidden] = _take(behind, find_before(closes[behind], starts, firsts, at[hidden]))
    return found


def _list_covered(firsts: Places, ends: Places) -> Places:
    """List the places that lie in any of some spans; the ends are not in."""
    steps = np.zeros(int(ends.max(initial=0)) + 1, dtype=np.int64)
    np.add.at(steps, firsts, 1)
    np.add.at(steps, ends, -1)
    return np.flatnonzero(np.cumsum(steps) > 0)


def find_before(values: Places, starts: Places, firsts: Places, bounds: Places) -> Places:
    """Find the last place before each start, and not before its first, whose value reaches its bound; -1 if none.

    Maxima of 1, 2, 4, … values are passed over, the longest first: n log n steps whatever the values.

    Examples
    --------
    >>> find_before(*(np.array(each) for each in ([9, 5, 3, 1], [3, 3, 3], [0, 1, 0], [4, 9, 9])))
    array([ 1, -1,  0])
    """
    if not len(values):
        return np.full(len(starts), NONE, dtype=np.int64)
    at = starts - 1
    maxima = [values]
    while (length := 1 << (len(maxima) - 1)) < int((at - firsts).max(initial=0)) + 1:
        longer = maxima[-1].copy()
        np.maximum(longer[length:], maxima[-1][:-length], out=longer[length:])
        maxima.append(longer)
    for level in reversed(range(len(maxima))):
        length = 1 << level
        is_inside = at - length + 1 >= firsts
        is_passed = is_inside & (maxima[level][np.maximum(at, 0)] < bounds)
        at = at - np.where(is_passed, length, 0)
    return np.where((at >= firsts) & (values[np.maximum(at, 0)] >= bounds), at, NONE)
