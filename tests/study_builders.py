"""Small accounts as a load leaves them, and orders of items, for the tests of what a report of segments shows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from builders import Row
from segment_builders import account, happened

from klavnb.export import Export
from klavnb.schemas import Event

EUR = "EUR"


def loaded(*events: Row, profiles: Sequence[Row] = (), groups: Sequence[Row] = (), **summary: object) -> Export:
    """An export of these events, with the period and the sources that a load would note."""
    data = account(numbered(events), profiles, groups)
    times = sorted(event["occurred_at"] for event in events)
    noted = {"sources": ("made by hand",), "first_event_at": times[0], "last_event_at": times[-1], **summary}
    return replace(data, summary=replace(data.summary, **noted))


def numbered(rows: Sequence[Row]) -> list[Row]:
    """The same events, each with an id of its own."""
    return [{**row, "event_id": f"e{number}"} for number, row in enumerate(rows)]


def bought(
    time: str | datetime,
    value: float | None = 100.0,
    *sizes: str,
    who: str = "ann",
    currency: str | None = EUR,
    metric: str = "Placed Order",
) -> Row:
    """An order, with items of these sizes."""
    items = {"Items": [{"ProductName": "Print", "Size": size} for size in sizes]} if sizes else {}
    row = {**happened(time, metric, who=who, value=value, **items), "currency": currency}
    assert set(row) == set(Event.column_names())
    return row
