"""For which windows a setting reproduces what Klaviyo recorded: per conversion a box in the space of windows.

A conversion is reproduced when the touches that Klaviyo credited are open and those that would come before them are
closed. Both are thresholds on the window of their own kind. So, model, anchor and filters given, the windows that
reproduce a conversion are those between a lowest and a highest step for each kind: a box. How many conversions a
setting reproduces is the number of boxes that hold it, and no setting needs an attribution of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from klavnb.agreement.evidence import Evidence, Flags, Numbers
from klavnb.settings import Anchor

__all__ = ["SEARCHED_MODELS", "Boxes", "Rules", "SearchedModel", "find_boxes"]

SearchedModel = Literal["cooperative", "old", "linear"]

SEARCHED_MODELS: tuple[SearchedModel, ...] = get_args(SearchedModel)
"""The models that are tried: what Klaviyo says it uses or used. The record names touches and not their shares, so
every model that shares a conversion among all its open touches looks like `linear`."""

Steps = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The part of the settings that is no window."""

    model: SearchedModel
    anchor: Anchor
    exclude_machine_opens: bool
    exclude_bot_clicks: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Boxes:
    """Boxes of windows in which a conversion is reproduced; boxes of one conversion never overlap.

    Parameters
    ----------
    conversion
        Per box: the place of its conversion.
    lowest, highest
        Per box and kind: the first and the last step that it holds; step 0 is a kind without a window.
    """

    conversion: Numbers
    lowest: Steps
    highest: Steps

    def hold(self, windows: Sequence[int]) -> Flags:
        """Tell which boxes hold a setting: a step per kind."""
        point = np.asarray(windows, dtype=np.int8)
        held = ((self.lowest <= point) & (point <= self.highest)).all(axis=1)
        return np.asarray(held, dtype=np.bool_)


def find_boxes(evidence: Evidence, rules: Rules) -> Boxes:
    """Find the windows under which each conversion is reproduced, by one model, anchor and choice of filters."""
    kept = np.ones(len(evidence.kind), dtype=np.bool_)
    if rules.exclude_machine_opens:
        kept &= ~evidence.is_machine
    if rules.exclude_bot_clicks:
        kept &= ~evidence.is_bot
    conversion, kind, step = evidence.conversion[kept], evidence.kind[kept], evidence.steps[rules.anchor][kept]
    recorded = evidence.is_recorded[kept]
    size, count_kinds = evidence.count_conversions, len(evidence.kinds)
    found = np.bincount(conversion[recorded], minlength=size)
    shares = rules.model == "linear"
    # a recorded touch that is no candidate here can be credited by none of these settings
    possible = (found == evidence.count_recorded) & (shares | (evidence.count_recorded <= 1))
    rank = np.arange(len(kind))
    credited = np.full(size, -1)
    credited[conversion[recorded]] = rank[recorded]
    must_close = ~recorded if shares else rank > credited[conversion]
    nothing, unreached = 0, len(evidence.grid) + 1
    lowest = np.full((size, count_kinds), nothing)
    highest = np.full((size, count_kinds), len(evidence.grid))
    np.maximum.at(lowest, (conversion[recorded], kind[recorded]), step[recorded])
    np.minimum.at(highest, (conversion[must_close], kind[must_close]), step[must_close] - 1)
    lowest[~possible] = unreached
    if rules.model != "old" or not count_kinds:
        return _keep(np.arange(size), lowest, highest)
    last = np.full((size, count_kinds), -1)
    np.maximum.at(last, (conversion, kind), rank)
    return _split_by_last_channel(evidence, last, lowest, highest)


def _split_by_last_channel(evidence: Evidence, last: Numbers, lowest: Numbers, highest: Numbers) -> Boxes:
    """Take the old model's cases apart: which kind was touched last decides which channel is looked at.

    A kind without a window is no touch. So there is a case for each kind, from the last touched back: those
    touched later have no window, it has one, and only its channel must fit; and the case that none has a window.
    """
    channels = np.array([kind.split(".")[0] for kind in evidence.kinds])
    count_kinds = len(channels)
    by_time = np.argsort(-last, axis=1, kind="stable")
    rows = np.arange(len(last))
    touched = last >= 0
    is_credited = evidence.count_recorded > 0
    credited_kind = np.argmax(lowest, axis=1)  # the one kind with a lowest step, where a touch is credited
    parts = []
    later = np.zeros_like(touched)  # kinds that have no window in this case
    for turn in range(count_kinds):
        decisive = by_time[:, turn]
        same_channel = channels[None, :] == channels[decisive][:, None]
        low, high = lowest.copy(), np.where(same_channel, highest, len(evidence.grid))
        high[later] = 0
        low[rows, decisive] = np.maximum(low[rows, decisive], 1)
        fits = touched[rows, decisive] & (~is_credited | (channels[credited_kind] == channels[decisive]))
        parts.append(_keep(rows[fits], low[fits], high[fits]))
        later[rows, decisive] = touched[rows, decisive]
    nothing = ~is_credited
    parts.append(_keep(rows[nothing], lowest[nothing], np.where(touched, 0, len(evidence.grid))[nothing]))
    return Boxes(
        conversion=np.concatenate([part.conversion for part in parts]),
        lowest=np.concatenate([part.lowest for part in parts]),
        highest=np.concatenate([part.highest for part in parts]),
    )


def _keep(conversion: Numbers, lowest: Numbers, highest: Numbers) -> Boxes:
    """Drop boxes that hold nothing."""
    holds = (lowest <= highest).all(axis=1)
    return Boxes(
        conversion=conversion[holds], lowest=lowest[holds].astype(np.int8), highest=highest[holds].astype(np.int8)
    )
