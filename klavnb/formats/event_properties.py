"""The event properties that mean something to Klaviyo, of many events at once: JSON → columns of the contract."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Final

import msgspec
import polars as pl
from msgspec import UNSET, Struct
from msgspec.structs import astuple

from klavnb.formats.decoded import dig, list_recorded_events
from klavnb.formats.text_columns import to_sparse_lists, to_texts

__all__ = ["PROPERTIES", "Properties", "describe_properties", "list_fields"]


class Properties(Struct, gc=False):
    """The event properties that mean something to Klaviyo; the shop's own stay in the raw text."""

    value: object = msgspec.field(name="$value", default=None)
    currency_code: object = msgspec.field(name="$currency_code", default=None)
    value_currency: object = msgspec.field(name="$value_currency", default=None)
    value_currency_plain: object = msgspec.field(name="value_currency", default=None)
    source_event_id: object = msgspec.field(name="$event_id", default=None)
    order_id: object = msgspec.field(name="OrderId", default=None)
    order_id_snake: object = msgspec.field(name="order_id", default=None)
    order_id_spaced: object = msgspec.field(name="Order ID", default=None)
    message: object = msgspec.field(name="$message", default=None)
    flow: object = msgspec.field(name="$flow", default=None)
    variation: object = msgspec.field(name="$variation", default=None)
    old_variation: object = msgspec.field(name="_variation", default=None)
    transmission_id: object = msgspec.field(name="Transmission ID", default=None)
    send_cohort: object = msgspec.field(name="$_cohort$message_send_cohort", default=None)
    internal: object = msgspec.field(name="$internal", default=None)
    machine_open: object = None
    bot_click: object = msgspec.field(name="Bot Click", default=None)
    campaign_name: object = msgspec.field(name="Campaign Name", default=None)
    subject: object = msgspec.field(name="Subject", default=None)
    attribution: object = msgspec.field(name="$attribution", default=UNSET)


# numbers stay the text that the export has: no rounding, and 1e999 is refused later, with the others
PROPERTIES: Final = msgspec.json.Decoder(Properties | None, float_hook=str)

SAME: Final = (
    "value",
    "source_event_id",
    "message",
    "flow",
    "transmission_id",
    "send_cohort",
    "machine_open",
    "bot_click",
    "campaign_name",
    "subject",
)
"""Columns of the contract that are one property."""

FIRST: Final = {
    "currency": ("currency_code", "value_currency", "value_currency_plain"),
    "order_id": ("order_id", "order_id_snake", "order_id_spaced"),
    "variation": ("variation", "old_variation"),
}
"""Columns of the contract that are the first of several properties that says something."""


def list_fields(known: Sequence[Properties]) -> dict[str, Sequence[object]]:
    """Return the fields of some events' properties, field by field."""
    rows = zip(*map(astuple, known), strict=True)
    return dict(zip(Properties.__struct_fields__, rows, strict=True)) if known else {}


def describe_properties(fields: Mapping[str, Sequence[object]]) -> dict[str, pl.Series]:
    """Return the columns of raw events that the properties say; those that no event has are left out.

    Parameters
    ----------
    fields
        Field of `Properties` → its value in each event.

    Examples
    --------
    >>> known = [PROPERTIES.decode(text) for text in ('{"$value": 1.50, "order_id": 7}', '{"OrderId": "a"}')]
    >>> {name: column.to_list() for name, column in describe_properties(list_fields(known)).items()}
    {'value': ['1.50', None], 'order_id': ['7', 'a']}
    """
    if not fields:
        return {}
    columns = {
        **{name: fields[name] for name in SAME},
        **{name: _find_first([fields[each] for each in names]) for name, names in FIRST.items()},
    }
    if any(fields["internal"]):
        columns["handed_off_at"] = [dig(inner, "Handoff Time") if inner else None for inner in fields["internal"]]
    texts = {name: to_texts(column) for name, column in columns.items() if any(column) or not _is_empty(column)}
    attributions = fields["attribution"]
    if attributions.count(UNSET) < len(attributions):
        texts["recorded_event_ids"] = to_sparse_lists(
            [None if said is UNSET else list_recorded_events(said) for said in attributions]
        )
    return texts


def _is_empty(column: Sequence[object]) -> bool:
    return column.count(None) == len(column)


def _find_first(columns: Sequence[Sequence[object]]) -> Sequence[object]:
    """Return each event's first value that says something; empty where none does."""
    filled = [column for column in columns if any(column)]
    return reduce(lambda first, then: [a or b for a, b in zip(first, then, strict=True)], filled) if filled else ()
