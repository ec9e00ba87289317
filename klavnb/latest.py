"""The latest open touch of each channel, for many conversions at once: in linear time, however many touches one has."""

from collections.abc import Iterator

import numpy as np
import polars as pl

__all__ = ["find_before", "find_latest_open"]


def find_latest_open(touches: pl.DataFrame, conversions: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Find each channel's latest touch that is open at a conversion, and the channel of the latest touch of all.

    A touch that closes before an older one, as a late open does where windows start at the receipt, hides nothing: the
    older one is found behind it.

    Parameters
    ----------
    touches
        `profile_id`, `channel`, `touched_at`, `closes_at`; in the order in which touches of a profile count as later.
    conversions
        `profile_id`, `converted_at`; in the order of time.

    Returns
    -------
    tuple
        One row per conversion and channel with an open touch: `conversion` and `touch`, the places of both in the
        frames, from 0. And one row per conversion that has a touch at or before it, open or not: `conversion`,
        `last_channel`.

    Examples
    --------
    >>> from datetime import datetime
    >>> days = [datetime(2026, 1, day) for day in range(1, 8)]
    >>> touches = pl.DataFrame({
    ...     "profile_id": ["p", "p"],
    ...     "channel": ["email", "sms"],
    ...     "touched_at": [days[0], days[1]],
    ...     "closes_at": [days[5], days[2]],
    ... })
    >>> conversions = pl.DataFrame({"profile_id": ["p", "q"], "converted_at": [days[4], days[4]]})
    >>> opened, last = find_latest_open(touches, conversions)
    >>> opened.rows(), last.rows()
    ([(0, 0)], [(0, 'sms')])
    """
    ids = [frame["profile_id"] for frame in (touches, conversions)]
    found = _find(touches, conversions, [number_profiles(each) for each in ids])
    # two profiles of one hash would show as a touch of somebody else's
    if any((ids[0].gather(each["touch"]) != ids[1].gather(each["conversion"])).any() for each in found):
        numbers = pl.concat(ids).rank("dense")
        found = _find(touches, conversions, [numbers.head(touches.height), numbers.tail(conversions.height)])
    opened, last = found
    return opened, last.select("conversion", last_channel=touches["channel"].gather(last["touch"]))


def number_profiles(ids: pl.Series) -> pl.Series:
    """Give every id a number; two ids may share one, if hardly ever. It is that of this process and is kept nowhere."""
    return ids.hash()


def _find(
    touches: pl.DataFrame, conversions: pl.DataFrame, profiles: list[pl.Series]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Find the touches, profiles being numbers: joins on numbers take a fraction of the time of joins on text."""
    of_touches, of_conversions = profiles
    placed = conversions.select("converted_at", profile=of_conversions).with_row_index("conversion")
    numbered = touches.select("channel", "touched_at", "closes_at", profile=of_touches).with_row_index("touch")
    nothing = pl.DataFrame(schema={"conversion": pl.UInt32, "touch": pl.UInt32})
    opened, latest = [nothing], [nothing]
    for of_channel in numbered.partition_by("channel", maintain_order=True):
        last = placed.join_asof(
            of_channel.drop("channel"),
            left_on="converted_at",
            right_on="touched_at",
            by="profile",
            coalesce=False,
            check_sortedness=False,
        ).filter(pl.col("touch").is_not_null())
        latest.append(last.select("conversion", "touch"))
        opened.append(last.filter(pl.col("closes_at") >= pl.col("converted_at")).select("conversion", "touch"))
        opened += _look_behind(last, of_channel)
    return pl.concat(opened), pl.concat(latest).group_by("conversion").agg(pl.col("touch").max())


def _look_behind(last: pl.DataFrame, touches: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Find the latest open touch behind one that is closed, where there may be one."""
    span = pl.col("closes_at") - pl.col("touched_at")
    shortest, longest = touches.select(span.min().alias("shortest"), span.max().alias("longest")).row(0)
    if shortest == longest:  # none closes before an older one
        return
    at = pl.col("converted_at")
    hidden = last.filter(pl.col("closes_at") < at, pl.col("touched_at") >= at - longest)
    behind = (
        touches.join(hidden.select("profile").unique(), on="profile", how="semi", maintain_order="left")
        .sort("profile", maintain_order=True)
        .with_row_index("place")
        .with_columns(first=pl.when(pl.col("profile") != pl.col("profile").shift(1)).then("place").forward_fill())
        .with_columns(pl.col("first").fill_null(0))
    )
    started = hidden.select("conversion", "converted_at", "touch").join(
        behind.select("touch", "place", "first"), on="touch", how="inner"
    )
    place = find_before(
        behind["closes_at"].to_physical().to_numpy(),
        *(started[name].to_physical().to_numpy() for name in ("place", "first", "converted_at")),
    )
    found = started.select("conversion", place=pl.Series(place, dtype=pl.Int64)).filter(pl.col("place") >= 0)
    yield found.select("conversion", touch=behind["touch"].gather(found["place"]))


def find_before(
    values: "np.typing.NDArray[np.int64]",
    starts: "np.typing.NDArray[np.int64]",
    firsts: "np.typing.NDArray[np.int64]",
    bounds: "np.typing.NDArray[np.int64]",
) -> "np.typing.NDArray[np.int64]":
    """Find the last place before each start, and not before its first, whose value reaches its bound; -1 if none.

    Maxima of 1, 2, 4, … values are passed over, the longest first: n log n steps whatever the values.

    Examples
    --------
    >>> find_before(*(np.array(each) for each in ([9, 5, 3, 1], [3, 3, 3], [0, 1, 0], [4, 9, 9])))
    array([ 1, -1,  0])
    """
    at = starts.astype(np.int64) - 1
    first = firsts.astype(np.int64)
    maxima = [values]
    while (length := 1 << (len(maxima) - 1)) < int((at - first).max(initial=0)) + 1:
        longer = maxima[-1].copy()
        np.maximum(longer[length:], maxima[-1][:-length], out=longer[length:])
        maxima.append(longer)
    for level in reversed(range(len(maxima))):
        length = 1 << level
        is_inside = at - length + 1 >= first
        is_passed = is_inside & (maxima[level][np.maximum(at, 0)] < bounds)
        at -= np.where(is_passed, length, 0)
    is_found = (at >= first) & (values[np.maximum(at, 0)] >= bounds) if len(values) else np.zeros(len(at), dtype=bool)
    return np.where(is_found, at, -1)
