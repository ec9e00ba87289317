"""The settings that reproduce best what Klaviyo recorded, found by a search over all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import combinations, product
from typing import get_args

import numpy as np
import polars as pl

from klavnb.agreement.boxes import SEARCHED_MODELS, Boxes, Rules, find_boxes
from klavnb.agreement.evidence import Evidence, Flags, Numbers
from klavnb.attribution import Model
from klavnb.settings import Anchor, Settings
from klavnb.windows import PRESETS

__all__ = ["Fit", "SettingsFit", "fit_settings", "list_rules"]

Windows = tuple[int, ...]
"""A step of the grid per kind of touch; 0 is: no window."""

NEAR = pl.Schema(
    [("kind", pl.String()), ("window", pl.Duration("us")), ("count_agreeing", pl.Int64()), ("is_best", pl.Boolean())]
)

OTHER_NAMES = {"last_touch": "cooperative"}
"""A model's other name → the one under which it is tried."""

MOST_ROUNDS = 20
"""Each round but the last reproduces more conversions; far fewer are needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The best windows under one model, anchor and choice of filters.

    Parameters
    ----------
    rules
        Model, anchor and filters.
    windows
        The best step per kind.
    count_agreeing
        Conversions that these settings reproduce exactly.
    """

    rules: Rules
    windows: Windows
    count_agreeing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFit:
    """Which settings reproduce what Klaviyo recorded, the best first.

    Parameters
    ----------
    evidence
        What they were judged by.
    fits
        The best windows under every model, anchor and choice of filters, by falling agreement.
    near
        One row per kind and window: how many conversions the best settings reproduce with this one window changed.
    count_compared
        Conversions that were compared.
    margin
        How many more conversions the best settings reproduce than any others that were tried; 0: several tie.
    count_by_given
        Conversions that the settings and the model given reproduce; None: this model is not one of those tried.
    """

    evidence: Evidence
    fits: tuple[Fit, ...]
    near: pl.DataFrame
    count_compared: int
    margin: int
    count_by_given: int | None

    @property
    def best(self) -> Fit:
        """The best settings; of several that tie those nearest to the settings given."""
        return self.fits[0]

    @property
    def tied(self) -> tuple[Fit, ...]:
        """All models, anchors and filters that reproduce as many conversions as the best."""
        return tuple(fit for fit in self.fits if fit.count_agreeing == self.best.count_agreeing)

    def find_window(self, kind: str, fit: Fit) -> timedelta | None:
        """Return a kind's window in a fit; None: it has none."""
        step = fit.windows[self.evidence.kinds.index(kind)]
        return self.evidence.grid[step - 1] if step else None

    def apply(self, settings: Settings, fit: Fit | None = None) -> Settings:
        """Return the settings of a fit, the best unless named; kinds that no conversion follows keep their windows."""
        chosen = fit or self.best
        return replace(
            settings.with_windows({kind: self.find_window(kind, chosen) for kind in self.evidence.kinds}),
            anchor=chosen.rules.anchor,
            exclude_machine_opens=chosen.rules.exclude_machine_opens,
            exclude_bot_clicks=chosen.rules.exclude_bot_clicks,
        )


@dataclass(frozen=True, slots=True)
class _Counted:
    """Boxes without their conversions: those that are alike once, with how many there are."""

    lowest: Numbers
    highest: Numbers
    weight: Numbers

    def count(self, windows: Windows) -> int:
        """Count the conversions that a setting reproduces."""
        point = np.asarray(windows)
        return int(self.weight[((self.lowest <= point) & (point <= self.highest)).all(axis=1)].sum())

    def count_pair(self, windows: Windows, pair: tuple[int, ...], steps: int) -> Numbers:
        """Count them for every choice of the windows of a pair of kinds (or of one), the others as they are.

        A box adds its weight to a rectangle: at its corners, which are then summed up.
        """
        point = np.asarray(windows)
        outside: Flags = (self.lowest > point) | (point > self.highest)
        held = outside.sum(axis=1) == outside[:, pair].sum(axis=1)
        counts = np.zeros((steps + 1,) * len(pair), dtype=np.int64)
        low, high, weight = self.lowest[held][:, pair], self.highest[held][:, pair] + 1, self.weight[held]
        for corner in product((False, True), repeat=len(pair)):
            sign = -1 if sum(corner) % 2 else 1
            np.add.at(counts, tuple(np.where(corner, high, low).T), sign * weight)
        for axis in range(len(pair)):
            counts = counts.cumsum(axis=axis)
        return counts[(slice(None, -1),) * len(pair)]


def fit_settings(evidence: Evidence, *, settings: Settings, model: Model | str = "cooperative") -> SettingsFit:
    """Search the settings that reproduce best what Klaviyo recorded.

    Tried are the models `old`, `cooperative` and `linear`, both anchors, machine opens and bot clicks in and out, and
    under each of these 24 the windows of a grid (12 hours to 30 days, those of the presets and of the settings, and
    none) for every kind of touch. A setting is better when it reproduces more conversions exactly: the touches that
    Klaviyo recorded, or none where it recorded none.

    Parameters
    ----------
    evidence
        As `find_evidence` gives it.
    settings, model
        Where the search starts; of settings that tie, those that change least of these are named first.

    Notes
    -----
    The windows of two kinds at a time are chosen best among all pairs of theirs, the others kept, until no pair makes
    it better; from the settings and from each preset. That ends at the best setting unless three windows or more would
    have to change at once for any gain.
    """
    starts = [_place(evidence, windows) for windows in (settings.windows, *PRESETS.values())]
    asked = OTHER_NAMES.get(model, model)
    counted = {rules: _count(find_boxes(evidence, rules)) for rules in list_rules(settings, model=asked)}
    given = next(iter(counted))  # the nearest of all: the rules asked for, unless the model is not tried
    fits = [_climb(boxes, starts, rules, steps=len(evidence.grid) + 1) for rules, boxes in counted.items()]
    fits.sort(key=lambda fit: -fit.count_agreeing)  # stable: the rules nearest to the settings first
    best = fits[0]
    near = _vary(counted[best.rules], best, evidence)
    others = [fit.count_agreeing for fit in fits[1:]]
    others += near.filter(~pl.col("is_best"))["count_agreeing"].to_list()
    return SettingsFit(
        evidence=evidence,
        fits=tuple(fits),
        near=near,
        count_compared=evidence.count_conversions,
        margin=best.count_agreeing - max(others, default=0),
        count_by_given=counted[given].count(starts[0]) if given.model == asked else None,
    )


def list_rules(settings: Settings, *, model: str = "cooperative") -> list[Rules]:
    """List every model, anchor and choice of filters, those nearest to what is asked first; the model weighs most.

    Examples
    --------
    >>> rules = list_rules(Settings.preset("2022"))
    >>> len(rules), rules[0].model, rules[0].anchor, rules[0].exclude_bot_clicks
    (24, 'cooperative', 'received', False)
    """
    rules = [
        Rules(model=name, anchor=anchor, exclude_machine_opens=machine, exclude_bot_clicks=bot)
        for name, anchor, machine, bot in product(SEARCHED_MODELS, get_args(Anchor), (False, True), (False, True))
    ]

    def measure(rule: Rules) -> int:
        pairs = (
            (rule.anchor, settings.anchor),
            (rule.exclude_machine_opens, settings.exclude_machine_opens),
            (rule.exclude_bot_clicks, settings.exclude_bot_clicks),
        )
        return sum(one != other for one, other in pairs) + 4 * (rule.model != model)

    return sorted(rules, key=measure)


def _place(evidence: Evidence, windows: Mapping[str, timedelta]) -> Windows:
    return tuple(evidence.grid.index(windows[kind]) + 1 if kind in windows else 0 for kind in evidence.kinds)


def _count(boxes: Boxes) -> _Counted:
    count_kinds = boxes.lowest.shape[1]
    rows = pl.DataFrame(np.hstack([boxes.lowest, boxes.highest]))
    if not count_kinds:  # without a touch there is one way to be reproduced: no credit
        none = np.zeros((1, 0), dtype=np.int64)
        return _Counted(none, none, np.array([len(boxes.conversion)]))
    alike = rows.group_by(rows.columns, maintain_order=True).len()
    bounds = alike.drop("len").cast(pl.Int64).to_numpy()
    return _Counted(bounds[:, :count_kinds], bounds[:, count_kinds:], alike["len"].cast(pl.Int64).to_numpy())


def _climb(boxes: _Counted, starts: Sequence[Windows], rules: Rules, *, steps: int) -> Fit:
    """Change two windows at a time to the best pair, until no pair makes it better."""
    best = max(starts, key=boxes.count)  # of equals the first: the settings
    most = boxes.count(best)
    kinds = range(len(best))
    pairs = [*combinations(kinds, 2)] if len(kinds) > 1 else [(kind,) for kind in kinds]
    for _ in range(MOST_ROUNDS):
        before = most
        for pair in pairs:
            counts = boxes.count_pair(best, pair, steps)
            if counts.max() > most:
                most = int(counts.max())
                chosen = dict(zip(pair, np.unravel_index(int(counts.argmax()), counts.shape), strict=True))
                best = tuple(int(chosen.get(kind, step)) for kind, step in enumerate(best))
        if most == before:
            break
    return Fit(rules=rules, windows=_settle(boxes, best, starts[0], steps=steps), count_agreeing=most)


def _settle(boxes: _Counted, best: Windows, start: Windows, *, steps: int) -> Windows:
    """Take, of windows that do equally well, the nearest to those that the search started from."""
    for kind, first in enumerate(start):
        counts = boxes.count_pair(best, (kind,), steps)
        tied = np.flatnonzero(counts == counts.max())
        nearest = int(tied[np.abs(tied - first).argmin()])
        best = (*best[:kind], nearest, *best[kind + 1 :])
    return best


def _vary(boxes: _Counted, fit: Fit, evidence: Evidence) -> pl.DataFrame:
    """Change one window of a fit at a time: one row per kind and window."""
    steps = len(evidence.grid) + 1
    rows = [
        {
            "kind": kind,
            "window": evidence.grid[step - 1] if step else None,
            "count_agreeing": int(count),
            "is_best": step == fit.windows[place],
        }
        for place, kind in enumerate(evidence.kinds)
        for step, count in enumerate(boxes.count_pair(fit.windows, (place,), steps))
    ]
    return pl.DataFrame(rows, schema=NEAR)
