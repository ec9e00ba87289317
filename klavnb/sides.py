"""What the two sides of a comparison are called: each model in plain words, and the settings in which they differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from klavnb.channels import CHANNEL_WORDS, CHANNELS
from klavnb.errors import SettingsError
from klavnb.models import MODELS, Model
from klavnb.settings import Settings
from klavnb.weights import describe_shares
from klavnb.windows import describe_window
from klavnb.wording import format_count

__all__ = ["MODEL_WORDS", "OLD_AND_COOPERATIVE", "Sides", "check_sides", "name_sides"]

MODEL_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "old": "old",
        "cooperative": "cooperative",
        "first_touch": "first-touch",
        "last_touch": "last-touch",
        "linear": "linear",
        "time_decay": "time-decay",
        "position_based": "position-based",
        "first_click": "first-click",
        "last_click": "last-click",
        "markov": "Markov",
        "shapley": "Shapley",
    }
)
"""Model → the word before “model” in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """What the two sides of a comparison are called in a sentence, after “the”.

    Parameters
    ----------
    baseline, candidate
        Such as `cooperative model`, or `cooperative model with e-mail 3 days` where the settings differ.
    """

    baseline: str
    candidate: str

    @property
    def titles(self) -> tuple[str, str]:
        """Both, as a legend or the head of a column begins with them."""
        return self.baseline[0].upper() + self.baseline[1:], self.candidate[0].upper() + self.candidate[1:]

    @property
    def marks(self) -> tuple[str, str]:
        """What tells the two apart, to follow “credited”: the model, or of one model the settings alone.

        Examples
        --------
        >>> OLD_AND_COOPERATIVE.marks
        ('by the old model', 'by the cooperative model')
        >>> Sides(baseline="old model with e-mail 5 days", candidate="old model with e-mail 3 days").marks
        ('with e-mail 5 days', 'with e-mail 3 days')
        """
        (own, with_own, settings), (other, with_other, others) = (
            side.partition(" with ") for side in (self.baseline, self.candidate)
        )
        if own == other and with_own and with_other:
            return f"with {settings}", f"with {others}"
        return f"by the {self.baseline}", f"by the {self.candidate}"


OLD_AND_COOPERATIVE = Sides(baseline="old model", candidate="cooperative model")
"""The sides of the announcement, on which klavnb has more to say than on any other two."""


def name_sides(baseline: Model, candidate: Model, *, settings: Settings, candidate_settings: Settings) -> Sides:
    """Name both sides, with the settings in which they differ.

    Examples
    --------
    >>> usual = Settings.preset("2022")
    >>> shorter = usual.with_windows({"email": timedelta(days=3)})
    >>> sides = name_sides("cooperative", "cooperative", settings=usual, candidate_settings=shorter)
    >>> sides.baseline, sides.candidate
    ('cooperative model with e-mail 5 days', 'cooperative model with e-mail 3 days')
    """
    named = [
        f"{MODEL_WORDS[model]} model" + (" with " + ", ".join(parts) if parts else "")
        for model, parts in (
            (baseline, list(_find_differences(settings, candidate_settings))),
            (candidate, list(_find_differences(candidate_settings, settings))),
        )
    ]
    return Sides(baseline=named[0], candidate=named[1])


def check_sides(baseline: Model, candidate: Model, *, settings: Settings, candidate_settings: Settings) -> None:
    """Refuse to compare what is the same by definition, or what does not count the same orders.

    Raises
    ------
    SettingsError
        When both are one model under the same settings (under other names too: `last_touch` is `cooperative`), or the
        settings find other orders or give them other values.
    """
    own, other = settings, candidate_settings
    if (own.conversion_metric, own.net_of_refunds) != (other.conversion_metric, other.net_of_refunds):
        raise SettingsError(
            "The two settings do not count the same orders: conversion_metric and net_of_refunds should be the same in "
            f"both, found {own.conversion_metric!r} and {other.conversion_metric!r}, {_say(net=own.net_of_refunds)} "
            f"and {_say(net=other.net_of_refunds)}.",
            hint="Compare two runs of klavnb attribute instead.",
        )
    of_touches = ("windows", "anchor", "exclude_machine_opens", "exclude_bot_clicks", "excluded_messages", "roles")
    same_touches = all(getattr(own, name) == getattr(other, name) for name in of_touches)
    if same_touches and MODELS[baseline](own).meta.eq(MODELS[candidate](other)):
        names = (
            f"Both sides are the model {baseline} under the same settings"
            if baseline == candidate
            else f"{baseline} and {candidate} are one model by two names, under the same settings"
        )
        raise SettingsError(
            f"{names}, so nothing could differ.",
            hint="Choose another baseline or candidate, or other windows for the candidate: "
            "-p candidate_windows=email=3d.",
        )


def _say(*, net: bool) -> str:
    return "net of refunds" if net else "gross"


def _find_differences(own: Settings, other: Settings) -> Iterator[str]:
    """Say what one side's settings are where the other's are not the same; each part can follow “with”."""
    for channel in CHANNELS:
        yield from _compare_windows(channel, _of_channel(own, channel), _of_channel(other, channel))
    parts = {
        "windows from the receipt": own.anchor == "received" != other.anchor,
        "windows from the touch": own.anchor == "touched" != other.anchor,
        "machine opens left out": own.exclude_machine_opens and not other.exclude_machine_opens,
        "machine opens counted": other.exclude_machine_opens and not own.exclude_machine_opens,
        "bot clicks left out": own.exclude_bot_clicks and not other.exclude_bot_clicks,
        "bot clicks counted": other.exclude_bot_clicks and not own.exclude_bot_clicks,
        f"{format_count(len(own.excluded_messages), 'message')} left out by id": own.excluded_messages
        != other.excluded_messages,
        f"a half-life of {describe_window(own.half_life)}": own.half_life != other.half_life,
        f"shares of {describe_shares(own.position_shares)}": own.position_shares != other.position_shares,
        "its own names of metrics": own.roles != other.roles,
    }
    yield from (part for part, differs in parts.items() if differs)


def _of_channel(settings: Settings, channel: str) -> dict[str, timedelta]:
    named = ((name.split("."), window) for name, window in settings.windows.items())
    return {kind: window for (of, kind), window in named if of == channel}


def _compare_windows(channel: str, own: dict[str, timedelta], other: dict[str, timedelta]) -> Iterator[str]:
    word = CHANNEL_WORDS[channel]
    if own == other:
        return
    if not own:
        yield f"no window for {word}"
    elif own.keys() == other.keys() and len(set(own.values())) == 1:
        yield f"{word} {describe_window(next(iter(own.values())))}"
    else:
        changed = [kind for kind in sorted({*own, *other}) if own.get(kind) != other.get(kind)]
        yield from (
            f"{word} {kind} {describe_window(own[kind])}" if kind in own else f"no window for {word} {kind}"
            for kind in changed
        )
