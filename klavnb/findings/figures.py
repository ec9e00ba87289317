"""Key figures that a report hands over in its facts, so that an index can compare them over time and across accounts."""

from collections.abc import Iterable
from typing import Any

__all__ = ["list_figures"]


def list_figures(figures: Iterable[tuple[str, float | None, str | None]]) -> list[dict[str, Any]]:
    """List key figures for the facts of a report, under `figures`, in the order in which they are shown.

    Parameters
    ----------
    figures
        Name, value and unit of each. The name stays the same from period to period, so no number is in it. The unit
        is a currency's code, `%` (the value then is in per cent, 25.4), or a noun in the plural, such as orders; money
        without a known currency has no unit. A value is None where it is unknown, or too small to be shown.

    Examples
    --------
    >>> list_figures([("Orders", 52, "orders")])
    [{'name': 'Orders', 'value': 52, 'unit': 'orders'}]
    """
    return [
        {"name": name, "value": None if value is None else round(value, 6), "unit": unit or ""}
        for name, value, unit in figures
    ]
