"""What every chart looks like: colours that hold on white and on dark, ink that follows the page."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["CHANNEL_COLOURS", "CONFIG", "LOSS_COLOUR"]

CHANNEL_COLOURS: Mapping[str, str] = MappingProxyType(
    {"email": "#3b82d0", "sms": "#c2660c", "push": "#2a8f5b", "whatsapp": "#b0559f", "session": "#7d828a"}
)
"""Channel → its colour in every chart; each holds 3.8:1 or more on white and on the dark page."""

LOSS_COLOUR = "#d64545"
"""For what is lost or wrong: the one colour that is no channel's."""

INK = "currentColor"

CONFIG: Mapping[str, Any] = MappingProxyType(
    {
        "background": "transparent",
        "font": "system-ui, sans-serif",
        "view": {"stroke": None, "continuousWidth": 680, "continuousHeight": 260, "step": 24},
        "title": {
            "anchor": "start",
            "frame": "group",
            "color": INK,
            "fontSize": 15,
            "fontWeight": 600,
            "subtitleColor": INK,
            "subtitleFontSize": 12.5,
            "subtitlePadding": 6,
            "offset": 14,
        },
        "axis": {
            "labelColor": INK,
            "labelFontSize": 12,
            "labelLimit": 220,
            "maxExtent": 320,
            "titleColor": INK,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "grid": False,
            "gridColor": INK,
            "gridOpacity": 0.14,
            "domainColor": INK,
            "domainOpacity": 0.45,
            "tickColor": INK,
            "tickOpacity": 0.45,
        },
        "axisQuantitative": {"grid": True, "domain": False, "ticks": False},
        "legend": {
            "orient": "top",
            "labelColor": INK,
            "labelFontSize": 12,
            "labelLimit": 280,
            "titleColor": INK,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
        },
        "header": {"labelColor": INK, "labelFontSize": 12, "labelFontWeight": 600, "titleColor": INK},
        "mark": {"color": CHANNEL_COLOURS["email"]},
        "text": {"color": INK, "fontSize": 12},
        "rule": {"color": INK},
        "range": {"category": [*CHANNEL_COLOURS.values(), LOSS_COLOUR]},
        "selection": {"interval": {"mark": {"fill": INK, "fillOpacity": 0.1, "stroke": INK, "strokeOpacity": 0.5}}},
    }
)
"""What every chart looks like unless it says otherwise: ink follows the page (light, dark, print)."""
