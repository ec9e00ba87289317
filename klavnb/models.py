"""The models: how much each open touch of a conversion earns of it, in one expression and with one citation each."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, Literal, get_args

import polars as pl

from klavnb.errors import SettingsError
from klavnb.settings import Settings

__all__ = ["LATEST", "MODELS", "ORDER", "WHY_NOT", "Model", "check_model", "check_models"]

Model = Literal[
    "old",
    "cooperative",
    "first_touch",
    "last_touch",
    "linear",
    "time_decay",
    "position_based",
    "first_click",
    "last_click",
]

ORDER = ["touched_at", "kind", "touch_id"]
"""The order of a profile's touches. Klaviyo's times are whole seconds and its order of ties is
undocumented: at the same second a click counts as later than an open, and that than a delivery; then the id."""

STEP = pl.int_range(1, pl.len() + 1).over("conversion_id")
LENGTH = pl.len().over("conversion_id")
CHANNEL_STEP = pl.int_range(1, pl.len() + 1).over("conversion_id", "channel")
CHANNEL_LENGTH = pl.len().over("conversion_id", "channel")
IS_CLICK = pl.col("kind") == "click"
CLICK_STEP = pl.int_range(1, pl.len() + 1).over("conversion_id", "kind")
CLICK_LENGTH = pl.len().over("conversion_id", "kind")
# The age counts from the youngest open touch instead of the conversion: the parts stay the same, and however short
# the half-life, that touch weighs 1, so that no weight is lost to rounding.
AGE = pl.col("touched_at").max().over("conversion_id") - pl.col("touched_at")


def _decay(half_life: timedelta) -> pl.Expr:
    weight = 0.5 ** (AGE.dt.total_microseconds() / (half_life / timedelta(microseconds=1)))
    return weight / weight.sum().over("conversion_id")


def _by_position(first: float, between: float, last: float) -> pl.Expr:
    ends = first + last
    at_ends = pl.when(STEP == 1).then(first).when(STEP == LENGTH).then(last)
    return (
        pl.when(LENGTH == 1)
        .then(1.0)
        .when(LENGTH == 2)  # noqa: PLR2004 - nothing lies between two, so what the ends get is all
        .then(at_ends / ends if ends else 0.5)
        .otherwise(at_ends.otherwise(between / (LENGTH - 2)))
    )


MODELS: Mapping[str, Callable[[Settings], pl.Expr]] = MappingProxyType(
    {
        # Klaviyo, "Introducing—and explaining—Klaviyo's updated multichannel attribution model", 2022-03-21:
        # until then the last channel alone was looked at …
        "old": lambda _: ((pl.col("channel") == pl.col("last_channel")) & (CHANNEL_STEP == CHANNEL_LENGTH)).cast(
            pl.Float64
        ),
        # … and since then each channel by its own window; the most recent open touch earns.
        "cooperative": lambda _: (STEP == LENGTH).cast(pl.Float64),
        # The same article lists the usual models: first touch,
        "first_touch": lambda _: (STEP == 1).cast(pl.Float64),
        # last touch: on touches judged by their own channels' windows that is the cooperative model, by another name;
        "last_touch": lambda _: (STEP == LENGTH).cast(pl.Float64),
        # and linear; Klaviyo's help centre on multi-touch models: every open touch an equal share.
        "linear": lambda _: 1 / LENGTH,
        # Google, Analytics Help, "About the default MCF attribution models": 2 to the power of minus age per half-life.
        "time_decay": lambda settings: _decay(settings.half_life),
        # The same page: 40 % to the first, 40 % to the last, 20 % evenly to those between. One touch alone gets all;
        # two share all of it as the ends do.
        "position_based": lambda settings: _by_position(*settings.position_shares),
        # Google Ads Help, "About attribution models": the first click, …
        "first_click": lambda _: (IS_CLICK & (CLICK_STEP == 1)).cast(pl.Float64),
        # … or the last one, takes all. An opened push is an open, as Klaviyo names it.
        "last_click": lambda _: (IS_CLICK & (CLICK_STEP == CLICK_LENGTH)).cast(pl.Float64),
    }
)
"""Model → the credit of each open touch, as an expression over a conversion's open touches in `ORDER`; what a model
takes from the settings stands in it."""

WHY_NOT: Mapping[str, str] = MappingProxyType(
    {"old": "last_channel_closed", "first_click": "no_click", "last_click": "no_click"}
)
"""Model that may credit nothing although a touch is open → the reason."""


LATEST: Final = frozenset({"old", "cooperative", "last_touch"})
"""Models that credit the latest open touch of a channel: no other touch changes what they say."""


def check_model(name: str) -> Model:
    """Return the model of this name.

    Raises
    ------
    SettingsError
        When there is none; the message names the nearest.

    Examples
    --------
    >>> check_model("linaer")
    Traceback (most recent call last):
    klavnb.errors.SettingsError: There is no model 'linaer'.
    <BLANKLINE>
    Hint: Did you mean linear? There are old, cooperative, first_touch, last_touch, linear, time_decay, \
position_based, first_click, last_click.
    """
    for model in get_args(Model):
        if name == model:
            return model  # type: ignore[no-any-return]  # one of the literals above
    close = get_close_matches(name.lower().replace("-", "_").replace(" ", "_"), MODELS, n=1)
    raise SettingsError(
        f"There is no model {name!r}.",
        hint=(f"Did you mean {close[0]}? " if close else "") + f"There are {', '.join(MODELS)}.",
    )


def check_models(names: Sequence[str]) -> list[Model]:
    """Return the models of some names: at least one, and each once.

    Raises
    ------
    SettingsError
        When there is no name, one comes twice, or there is no such model.
    """
    models = [check_model(name) for name in names]
    if not models or len(set(models)) < len(models):
        found = ", ".join(models) or "none"
        raise SettingsError(f"models: expected one or several, each once, found {found}.", hint="Name each once.")
    return models
