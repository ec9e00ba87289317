"""The key figures that pages say of themselves: written with their units, and with their change."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

__all__ = ["KeyFigure", "find_previous", "read_figures", "write_change", "write_figures", "write_small"]

CURRENCY = re.compile("[A-Z]{3}")
MOST = 12
FREE = ("data",)
"""Parameters that may differ between two runs of which one is compared with the other: another export of an account."""

ROUND = 100
"""From here on, figures are shown without decimals."""


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One figure: its name, its value (None: unknown, or too small to be shown), and its unit.

    The unit is a currency's code, `%`, a noun in the plural, or empty.
    """

    name: str
    value: float | None
    unit: str

    def __str__(self) -> str:
        """Write it with its unit."""
        return "–" if self.value is None else _write(self.value, self.unit)


def read_figures(facts: Mapping[str, Any]) -> list[KeyFigure]:
    """Read the key figures out of a report's facts; what is none is passed over.

    Examples
    --------
    >>> facts = {"figures": [{"name": "Revenue", "value": 1610.8, "unit": "EUR"}, {"name": "Share", "value": "?"}]}
    >>> [f"{figure.name}: {figure}" for figure in read_figures(facts)]
    ['Revenue: EUR 1,611']
    """
    listed = facts.get("figures")
    found = [figure for figure in listed if isinstance(figure, Mapping)] if isinstance(listed, Sequence) else []
    return [
        KeyFigure(str(figure["name"]), figure["value"], str(figure.get("unit") or ""))
        for figure in found[:MOST]
        if "name" in figure and (figure.get("value", "") is None or type(figure.get("value")) in (int, float))
    ]


def write_change(now: KeyFigure, before: KeyFigure | None) -> str:
    """Write how a figure has changed, with an arrow and a sign; empty where that cannot be said.

    Shares change by percentage points; all else by its unit, and by a share of what was before.

    Examples
    --------
    >>> write_change(KeyFigure("Orders", 60, "orders"), KeyFigure("Orders", 50, "orders"))
    '▲ +10 (+20.0 %)'
    >>> write_change(KeyFigure("Share", 24.0, "%"), KeyFigure("Share", 25.5, "%"))
    '▼ −1.5 points'
    """
    if before is None or now.value is None or before.value is None or now.unit != before.unit:
        return ""
    change = now.value - before.value
    if not change:
        return "unchanged"
    arrow, sign = ("▲", "+") if change > 0 else ("▼", "−")
    if now.unit == "%":
        return f"{arrow} {sign}{abs(change):.1f} points"
    share = f" ({sign}{abs(100 * change / before.value):,.1f} %)" if before.value > 0 else ""
    return f"{arrow} {sign}{_write(abs(change), now.unit)}{share}"


def find_previous(
    earlier: Mapping[str, Any] | None, *, facts: Mapping[str, Any], parameters: Mapping[str, str]
) -> dict[str, Any] | None:
    """Find what a new page is compared with: the page that it replaces, if that was about older data.

    A page of the same data was compared with something itself, which is kept. One with other parameters, the data
    apart, says something else: nothing is compared then.

    Parameters
    ----------
    earlier
        What the earlier page says of itself.
    facts, parameters
        Of the new page.

    Returns
    -------
    dict
        `data_as_of` and `figures` of what is compared with.
    """
    if earlier is None or _drop(earlier.get("parameters")) != _drop(parameters):
        return None
    told = earlier.get("facts")
    told = told if isinstance(told, Mapping) else {}
    if told.get("data_as_of") == facts.get("data_as_of"):
        kept = earlier.get("previous")
        return dict(kept) if isinstance(kept, Mapping) else None
    is_older = str(told.get("data_as_of") or "") < str(facts.get("data_as_of") or "")
    return {"data_as_of": told.get("data_as_of"), "figures": told.get("figures") or []} if is_older else None


def write_figures(summary: Mapping[str, Any]) -> str:
    """Write a page's key figures as HTML, each with its change since the earlier data where that is known."""
    previous = summary.get("previous") or {}
    before = {figure.name: figure for figure in read_figures(previous)}
    items = "".join(
        f"<div><dt>{escape(figure.name)}</dt><dd>{escape(str(figure))}{_say_change(figure, before)}</dd></div>"
        for figure in read_figures(summary.get("facts") or {})
    )
    since = escape(str(previous.get("data_as_of") or ""))
    note = f'<p class="more">Change since the data of {since}.</p>' if before and since else ""
    return f'<dl class="figures">{items}</dl>{note}' if items else ""


def write_small(change: str) -> str:
    """Write a change as HTML, its numbers kept on one line with their units."""
    return f'<span class="more">{escape(re.sub("(?<=[0-9A-Z]) (?=[0-9%p])", chr(0xA0), change))}</span>'


def _say_change(figure: KeyFigure, before: Mapping[str, KeyFigure]) -> str:
    change = write_change(figure, before.get(figure.name))
    return f" {write_small(change)}" if change else ""


def _drop(parameters: object) -> dict[str, object]:
    given = parameters if isinstance(parameters, Mapping) else {}
    return {name: value for name, value in given.items() if name not in FREE}


def _write(value: float, unit: str) -> str:
    sign = "−" if value < 0 else ""
    if unit == "%":
        return f"{sign}{abs(value):.1f} %"
    number = f"{abs(value):,.0f}" if abs(value) >= ROUND or value == int(value) else f"{abs(value):,.2f}"
    return f"{sign}{unit} {number}" if CURRENCY.fullmatch(unit) else f"{sign}{number}"
