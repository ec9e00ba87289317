"""What the charts share: sizes, ink that follows the page, and a channel's one colour."""

from collections.abc import Iterable
from typing import Final

import altair as alt

from klavnb.channels import CHANNEL_NAMES
from klavnb.theme import CHANNEL_COLOURS

__all__ = [
    "BAND",
    "DARK",
    "FAINT",
    "FULL",
    "INK",
    "LABEL",
    "WIDTH",
    "Picture",
    "at_height",
    "colour_channels",
    "name_unit",
]

Picture = alt.Chart | alt.LayerChart | alt.FacetChart | alt.VConcatChart
"""What altair makes of a chart, alone or of parts."""

WIDTH: Final = 640
"""Of a chart with its axis, in pixels."""

BAND: Final = 30
"""Of one row of a chart with rows, in pixels."""

LABEL: Final = 290
"""Of the words beside a row, at most, in pixels."""

INK: Final = "currentColor"

DARK: Final = 0.43
"""Part of viridis up to which white numbers are more legible on it than black; there both have 4.5:1."""

FAINT, FULL = 0.5, 1.0
"""Opacities of ink: what is as before, and what is the finding; 0.5 holds 3:1 on white and on dark."""


def colour_channels(field: str, title: str | None, names: Iterable[str]) -> alt.Color:
    """Colour by channel; the legend shows the channels that are there, if it has a title and there are several."""
    shown = [channel for channel, name in CHANNEL_NAMES.items() if name in set(names)]
    return alt.Color(
        f"{field}:N",
        title=title,
        scale=alt.Scale(
            domain=[CHANNEL_NAMES[channel] for channel in shown], range=[CHANNEL_COLOURS[channel] for channel in shown]
        ),
        legend=None if title is None or len(shown) < 2 else alt.Legend(),  # noqa: PLR2004 - one colour needs no key
    )


def at_height(pixels: float) -> alt.YValue:
    """Place a mark so far below the upper edge."""
    return alt.YValue(pixels)  # type: ignore[no-untyped-call]  # altair wrote no type here


def name_unit(currency: str | None) -> str:
    """What an axis adds to the word revenue."""
    return f", {currency}" if currency else ""
