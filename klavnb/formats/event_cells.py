"""Cells of a table of events that hold JSON of Klaviyo's: when a message was handed over, and what it recorded."""

from typing import Final

import msgspec
import polars as pl

from klavnb.formats.contract import to_lists
from klavnb.formats.decoded import dig, list_recorded_events, to_text
from klavnb.formats.json_cells import spread

__all__ = ["find_handoffs", "find_recorded"]

HANDOFF: Final = "Handoff Time"


def find_handoffs(internals: pl.Series) -> pl.Series:
    """Find when a message was handed over, in cells of `$internal`; null where they do not say.

    Examples
    --------
    >>> find_handoffs(pl.Series(['{"Handoff Time": 1680000000}', "{", None])).to_list()
    ['1680000000', None, None]
    """
    places = internals.str.contains(HANDOFF, literal=True).fill_null(value=False)
    found = [to_text(dig(_decode(cell), HANDOFF)) for cell in internals.filter(places)]
    return spread(pl.Series(found, dtype=pl.String), places)


def find_recorded(attributions: pl.Series) -> pl.Series:
    """List the events that Klaviyo credited, from cells of `$attribution`; null where there is no cell.

    Examples
    --------
    >>> find_recorded(pl.Series(['{"$attributed_event_id": "e1"}', "{}", None])).to_list()
    [['e1'], [], None]
    """
    cells = attributions.drop_nulls()
    known = {cell: list_recorded_events(_decode(cell)) for cell in cells.unique()}  # most say that there is none
    return spread(to_lists(known[cell] for cell in cells), attributions.is_not_null())


def _decode(text: str) -> object:
    """Decode JSON inside a cell; what is none is null."""
    try:
        decoded: object = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return decoded
