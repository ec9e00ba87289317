"""What a question asks for and the export does not know: metrics without events, and days outside of it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Final
from zoneinfo import ZoneInfo

from klavnb.definitions import Condition, Definition, FunnelCondition, MetricCondition, find_conditions
from klavnb.errors import SettingsError, name_some
from klavnb.export import Export
from klavnb.metrics import RENAMED_METRICS
from klavnb.privacy import mask
from klavnb.segments import Calendar

__all__ = ["find_absent_metrics", "note_absent_metrics", "note_days", "refuse_absent_metrics"]

CLOSE: Final = 0.6


def note_absent_metrics(definitions: Iterable[Definition], data: Export) -> list[str]:
    """Say of each metric that is asked for and has no event: it counts as never happened; one sentence each.

    Examples
    --------
    >>> from klavnb.definitions import single_order_at_least
    >>> from klavnb.store import read_export
    >>> note_absent_metrics([single_order_at_least(9, metric="Place Order")], read_export("sample"))
    ['The export has no event of “Place Order”, so it counts as never happened; did you mean Placed Order?']
    """
    return [
        f"The export has no event of “{mask(metric)}”, so it counts as never happened; {_hint(metric, data)}"
        for metric in find_absent_metrics(definitions, data)
    ]


def refuse_absent_metrics(exclusion: Definition, data: Export) -> None:
    """Refuse to leave out by a metric without events: it would keep whom it was meant to leave out.

    Raises
    ------
    SettingsError
        When the definition asks for such a metric.
    """
    absent = find_absent_metrics([exclusion], data)
    if absent:
        raise SettingsError(
            f"--exclude, segment “{mask(exclusion.name)}”: expected metrics that the export has events of, found "
            f"{name_some([mask(metric) for metric in absent])}; people who should be left out would be written.",
            hint=f"Correct the name ({_hint(absent[0], data)}), or do without this exclusion.",
        )


def note_days(moments: Sequence[datetime], data: Export, calendar: Calendar) -> list[str]:
    """Say which of the days that are asked for lie outside the export, by the calendar; at most two sentences."""
    first_at, last_at = data.summary.first_event_at, data.summary.last_event_at
    if first_at is None or last_at is None:
        return []
    zone = ZoneInfo(calendar.time_zone)
    first_on, last_on = (at.astimezone(zone).date() for at in (first_at, last_at))
    days = [moment.astimezone(zone).date() for moment in moments]
    before = f"The export begins on {first_on}; what came before is not known."
    after = f"The export ends on {last_on}; what came after is not known."
    return [
        *([before] if any(day < first_on for day in days) else []),
        *([after] if any(day > last_on for day in days) else []),
    ]


def find_absent_metrics(definitions: Iterable[Definition], data: Export) -> list[str]:
    """Find the metrics that definitions ask for and no event of the export has: they count as never happened."""
    named = [
        data.summary.metric_names.get(metric, metric)
        for definition in definitions
        for condition in find_conditions(definition.root)
        for metric in _list_metrics(condition)
    ]
    names = dict.fromkeys(RENAMED_METRICS.get(name, name) for name in named)
    return [name for name in names if name not in data.summary.metrics]


def _list_metrics(condition: Condition) -> list[str]:
    match condition:
        case MetricCondition(metric=metric):
            return [metric]
        case FunnelCondition(steps=steps):
            return [step.metric for step in steps]
        case _:
            return []


def _hint(metric: str, data: Export) -> str:
    folded = {name.casefold(): name for name in data.summary.metrics}
    close = get_close_matches(metric.casefold(), folded, n=1, cutoff=CLOSE)
    if close:
        return f"did you mean {mask(folded[close[0]])}?"
    return f"there are {mask(name_some(list(data.summary.metrics)))}."
