"""Klaviyo's own names of event properties, which tables squeeze, and the columns of an event that they become."""

import re
from collections.abc import Mapping
from typing import Final

__all__ = ["IDS", "NAMES", "PROPERTY_COLUMNS", "restore_property_name", "squeeze_property_name"]

IDS: Final = ("$event_id", "$message", "$flow", "$variation", "Transmission ID", "OrderId", "ProductID", "SKU")
"""Properties that are text, also where they read as numbers."""

OWN_NAMES: Final = (
    "$_cohort$message_send_cohort",
    "$_cohort$variation_send_cohort",
    "$attribution",
    "$currency_code",
    "$event_id",
    "$extra",
    "$flow",
    "$internal",
    "$message",
    "$value",
    "$value_currency",
    "$variation",
    "Bot Click",
    "Bounce Type",
    "Brand",
    "Brands",
    "Campaign Name",
    "Categories",
    "Client Canonical",
    "Client Name",
    "Client OS",
    "Client OS Family",
    "Client Type",
    "Collections",
    "Discount Codes",
    "Email Domain",
    "From Number",
    "Item Count",
    "ItemNames",
    "ItemPrice",
    "Items",
    "List",
    "Message Body",
    "Message Format",
    "Message Interaction",
    "Message Name",
    "Message Type",
    "Name",
    "OrderId",
    "Price",
    "ProductID",
    "ProductName",
    "Quantity",
    "Reason",
    "SKU",
    "Shipping Rate",
    "Size",
    "Source Name",
    "Subject",
    "Title",
    "To Number",
    "Total Discounts",
    "Transmission ID",
    "URL",
    "machine_open",
)


def squeeze_property_name(name: str) -> str:
    """Return a property's name as all its spellings have it: its letters alone.

    Examples
    --------
    >>> squeeze_property_name("$event_id"), squeeze_property_name("Transmission ID")
    ('eventid', 'transmissionid')
    """
    return re.sub(r"[^a-z]", "", name.lower())


NAMES: Final[Mapping[str, str]] = {squeeze_property_name(name): name for name in OWN_NAMES}
"""A property's name as squeezed → as Klaviyo writes it."""

PROPERTY_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "value": ("value",),
    "currency": ("currencycode", "valuecurrency"),
    "source_event_id": ("eventid",),
    "order_id": ("orderid",),
    "message": ("message",),
    "flow": ("flow",),
    "variation": ("variation",),
    "transmission_id": ("transmissionid",),
    "send_cohort": ("cohortmessagesendcohort",),
    "machine_open": ("machineopen",),
    "bot_click": ("botclick",),
    "campaign_name": ("campaignname",),
    "subject": ("subject",),
}
"""Column of a raw event → squeezed names of the properties that say it, the first that does so counts."""


def restore_property_name(name: str) -> str:
    """Return Klaviyo's own spelling of a property's name; any other name as it is.

    Examples
    --------
    >>> restore_property_name("event_id"), restore_property_name("shoe_size")
    ('$event_id', 'shoe_size')
    """
    return NAMES.get(squeeze_property_name(name)) or name
