"""What klavnb does beyond two models: `works.py grid|segments STORE OUT` writes seconds or ratios as JSON."""

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

import polars as pl
from segment_slices import DAYS, DEFINITIONS, find_last_day

import klavnb as kn
from klavnb.segments import list_members

ROUNDS: Final = 3
EMAIL_HOURS: Final = 400
SMS_HOURS: Final = 300
"""Windows of each channel, hour by hour: 120,000 pairs."""


def time_in_turn(*works: Callable[[], pl.LazyFrame]) -> list[float]:
    """Seconds of wall time of each, medians of rounds."""
    rounds = []
    for _ in range(ROUNDS):
        times = [time.perf_counter()]
        for work in works:
            work().collect()
            times.append(time.perf_counter())
        rounds.append([end - start for start, end in pairwise(times)])
    return [statistics.median(seconds) for seconds in zip(*rounds, strict=True)]


def sweep_grid(store: Path) -> dict[str, float]:
    """Attribute under 120,000 pairs of windows, and under one; what they differ by is the cost after the gaps."""
    settings = kn.Settings()
    events = kn.read_export(store).events
    touches = kn.find_touches(events, settings=settings).collect().lazy()
    conversions = kn.find_conversions(events, settings=settings).collect().lazy()

    def sweep(email_hours: list[int], sms_hours: list[int]) -> pl.LazyFrame:
        return kn.sweep_windows(
            touches,
            conversions,
            settings=settings,
            email_windows=[timedelta(hours=hours) for hours in email_hours],
            sms_windows=[timedelta(hours=hours) for hours in sms_hours],
        )

    # the same gaps, as the longest windows are the same
    one, whole = time_in_turn(
        lambda: sweep([EMAIL_HOURS], [SMS_HOURS]),
        lambda: sweep(list(range(1, EMAIL_HOURS + 1)), list(range(1, SMS_HOURS + 1))),
    )
    return {"grid_one_cell": one, "grid_whole": whole, "grid": max(whole - one, 0.0)}


def size_segments(store: Path) -> dict[str, float]:
    """Find the sizes of three segments on every one of 730 days, and the members of each on one."""
    data = kn.read_export(store)
    last = find_last_day(data)
    start = last - timedelta(days=DAYS - 1)
    day, days = time_in_turn(
        lambda: list_members(data, DEFINITIONS, as_of=last),
        lambda: kn.segment_sizes(data, DEFINITIONS, start=start, end=last),
    )
    return {"segments_one_day": day, "segments_all_days": days, "segments": days / day}


WORKS: Final = {"grid": sweep_grid, "segments": size_segments}

if __name__ == "__main__":
    Path(sys.argv[3]).write_text(json.dumps(WORKS[sys.argv[1]](Path(sys.argv[2]))), encoding="utf-8")
