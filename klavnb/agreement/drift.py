"""From which day on other settings than before reproduce what Klaviyo recorded: a change of the account's settings."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from math import exp

import numpy as np
import polars as pl

from klavnb.agreement.boxes import Rules, find_boxes
from klavnb.agreement.evidence import Evidence, Numbers
from klavnb.agreement.fitting import Fit, SettingsFit, Windows
from klavnb.windows import PRESETS

__all__ = ["LEAST_GAIN", "MOST_CHANCE", "Drift", "find_drift", "measure_drift"]

LEAST_GAIN = 8
"""A change must explain so many conversions more than any one setting does over the whole period …"""

MOST_CHANCE = 1e-4
"""… and that the conversions which tell the two settings apart lie so far apart in time must be no more likely by
chance than this (Kolmogorov and Smirnov's test of two samples, its limiting form). So small, because some hundred
settings are tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The best single change of settings, whether or not there is enough to believe in it.

    Parameters
    ----------
    before, after
        The settings on either side, with the conversions of their side that each reproduces.
    changed_on
        The first day of the new settings: the middle of the days that fit as well.
    earliest_on, latest_on
        The first and the last of these days.
    gain
        Conversions that the change reproduces more than the best settings without a change.
    count_differing
        Conversions that one of the two settings reproduces and the other does not.
    chance
        How likely those would lie so far apart in time if nothing had changed.
    count_tied
        Pairs of settings, of those tried, that fit as well with the change on that day; the nearest pair is named.
    days
        One row per day with such a conversion: `day_on`, `count_before` and `count_after`, reproduced only by the
        settings before and only by those after.
    """

    before: Fit
    after: Fit
    changed_on: date
    earliest_on: date
    latest_on: date
    gain: int
    count_differing: int
    chance: float
    count_tied: int
    days: pl.DataFrame

    @property
    def is_change(self) -> bool:
        """Whether it is a change of settings and not what chance does."""
        return self.gain >= LEAST_GAIN and self.chance <= MOST_CHANCE


def find_drift(fit: SettingsFit) -> Drift | None:
    """Find the day and the pair of settings that reproduce most, if the settings changed once on that day.

    Tried on either side are the best settings; these with one window changed, or all windows of one channel; the
    windows of the presets; and under every other model, anchor and choice of filters its own best windows, those of the
    best settings and those of the presets. None is returned where there is no conversion, or only one day.

    Parameters
    ----------
    fit
        As `fit_settings` gives it.

    Notes
    -----
    One pass: conversions reproduced are summed by day for each setting, then cumulated. The best setting before a day
    has the most up to it, the best after it the most from it on, and every day is tried.
    """
    evidence = fit.evidence
    if not evidence.count_conversions or not evidence.kinds or not evidence.days.max():
        return None
    tried = _list_settings(fit)
    by_day = np.stack([counts for _, _, counts in tried])
    until = np.concatenate([np.zeros((len(tried), 1), dtype=np.int64), by_day.cumsum(axis=1)], axis=1)
    since = until[:, -1:] - until
    score = until.max(axis=0) + since.max(axis=0)
    best = int(score.argmax())
    gain = int(score[best] - until[:, -1].max())
    if not gain:  # the best settings alone do as well
        return None
    befores = np.flatnonzero(until[:, best] == until[:, best].max())
    afters = np.flatnonzero(since[:, best] == since[:, best].max())
    before, after = _choose_nearest(tried, befores, afters, fit)
    same = np.flatnonzero(until[before] + since[after] == score[best])
    first, last = _find_run(same, best)
    only_before, only_after = _count_only(evidence, tried[before], tried[after])
    return Drift(
        before=Fit(rules=tried[before][0], windows=tried[before][1], count_agreeing=int(until[before, best])),
        after=Fit(rules=tried[after][0], windows=tried[after][1], count_agreeing=int(since[after, best])),
        changed_on=evidence.first_on + timedelta(days=(first + last + 1) // 2),
        earliest_on=evidence.first_on + timedelta(days=first),
        latest_on=evidence.first_on + timedelta(days=last),
        gain=gain,
        count_differing=int(only_before.sum() + only_after.sum()),
        chance=_measure_chance(only_before, only_after, (first + last + 1) // 2),
        count_tied=len(befores) * len(afters),
        days=_list_days(evidence, only_before, only_after),
    )


def measure_drift(drift: Drift) -> pl.DataFrame:
    """Add up, day by day, how many more conversions the settings before reproduce than those after.

    One row per day with a conversion that tells them apart: `day_on`, `count_before`, `count_after`, `lead` (the sum of
    the differences up to and with the day). It rises before the change and falls after it.
    """
    return drift.days.with_columns(lead=(pl.col("count_before") - pl.col("count_after")).cum_sum())


Tried = tuple[Rules, Windows, Numbers]
"""A setting, and how many conversions it reproduces on each day."""


def _list_settings(fit: SettingsFit) -> list[Tried]:
    """The settings that are tried, the best first."""
    evidence, best = fit.evidence, fit.best
    presets = [
        tuple(evidence.grid.index(windows[kind]) + 1 if kind in windows else 0 for kind in evidence.kinds)
        for windows in PRESETS.values()
    ]
    steps = range(len(evidence.grid) + 1)
    channels = [kind.split(".")[0] for kind in evidence.kinds]
    by_kind = [
        tuple(step if kind == changed else old for kind, old in enumerate(best.windows))
        for changed in range(len(evidence.kinds))
        for step in steps
    ]
    by_channel = [
        tuple(step if channel == changed and old else old for channel, old in zip(channels, best.windows, strict=True))
        for changed in dict.fromkeys(channels)
        for step in steps
    ]
    tried = []
    for other in fit.fits:
        windows = [other.windows, best.windows, *presets]
        if other is best:
            windows += [*by_kind, *by_channel]
        boxes = find_boxes(evidence, other.rules)
        days = evidence.days[boxes.conversion]
        size = int(evidence.days.max()) + 1
        tried += [
            (other.rules, chosen, np.bincount(days[boxes.hold(chosen)], minlength=size))
            for chosen in dict.fromkeys(windows)
        ]
    return tried


def _choose_nearest(tried: list[Tried], befores: Numbers, afters: Numbers, fit: SettingsFit) -> tuple[int, int]:
    """Of settings that do equally well, choose the pair that differs least, then the nearest to the best settings."""

    def measure(one: Tried, other: Tried) -> int:
        rules: int = sum(
            getattr(one[0], name) != getattr(other[0], name)
            for name in ("model", "anchor", "exclude_machine_opens", "exclude_bot_clicks")
        )
        windows: int = sum(mine != theirs for mine, theirs in zip(one[1], other[1], strict=True))
        return rules + windows

    def reach(one: Tried, other: Tried) -> int:
        return sum(abs(mine - theirs) for mine, theirs in zip(one[1], other[1], strict=True))

    best: Tried = (fit.best.rules, fit.best.windows, np.zeros(0, dtype=np.int64))
    pairs = ((int(before), int(after)) for before in befores for after in afters)
    return min(
        pairs,
        key=lambda pair: (
            measure(tried[pair[0]], tried[pair[1]]),
            measure(tried[pair[0]], best) + measure(tried[pair[1]], best),
            reach(tried[pair[0]], tried[pair[1]]),
            pair,
        ),
    )


def _find_run(same: Numbers, best: int) -> tuple[int, int]:
    """The first and the last of the days in a row, the best one among them, that do equally well."""
    runs = groupby(enumerate(same.tolist()), key=lambda pair: pair[1] - pair[0])
    found = next(run for _, days in runs if best in (run := [day for _, day in days]))
    return found[0], found[-1]


def _count_only(evidence: Evidence, before: Tried, after: Tried) -> tuple[Numbers, Numbers]:
    """Count by day the conversions that only one of two settings reproduces."""
    size = int(evidence.days.max()) + 1
    reproduced = []
    for rules, windows, _ in (before, after):
        boxes = find_boxes(evidence, rules)
        agrees = np.zeros(evidence.count_conversions, dtype=np.bool_)
        agrees[boxes.conversion[boxes.hold(windows)]] = True
        reproduced.append(agrees)
    old, new = reproduced
    return (
        np.bincount(evidence.days[old & ~new], minlength=size),
        np.bincount(evidence.days[new & ~old], minlength=size),
    )


def _measure_chance(only_before: Numbers, only_after: Numbers, day: int) -> float:
    """How likely two samples of days would lie so far apart at the day if they were of one distribution."""
    count_before, count_after = int(only_before.sum()), int(only_after.sum())
    if not count_before or not count_after:
        return 1.0
    distance = only_before[:day].sum() / count_before - only_after[:day].sum() / count_after
    size = count_before * count_after / (count_before + count_after)
    return min(1.0, 2 * exp(-2 * size * max(float(distance), 0.0) ** 2))


def _list_days(evidence: Evidence, only_before: Numbers, only_after: Numbers) -> pl.DataFrame:
    return (
        pl.DataFrame({"count_before": only_before, "count_after": only_after})
        .cast(pl.Int64)
        .with_columns(day_on=pl.lit(evidence.first_on) + pl.duration(days=pl.int_range(pl.len())))
        .filter((pl.col("count_before") > 0) | (pl.col("count_after") > 0))
        .select("day_on", "count_before", "count_after")
    )
