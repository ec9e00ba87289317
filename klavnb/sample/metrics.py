"""The metrics of the sample account, and the day on which Klaviyo renamed those of text messages."""

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["METRICS", "RENAMED", "RENAMED_AT", "name_metric"]

RENAMED_AT = 1_783_987_200  # 2026-07-14T00:00:00+00:00, a Tuesday in the month of the change

RENAMED: Mapping[str, str] = MappingProxyType(
    {
        "Received SMS": "Received Text Message",
        "Clicked SMS": "Clicked Text Message",
        "Failed to Deliver SMS": "Failed to Deliver Text Message",
        "Sent SMS": "Sent Text Message",
        "Subscribed to SMS Marketing": "Subscribed to Text Messaging Marketing",
        "Unsubscribed from SMS Marketing": "Unsubscribed from Text Messaging Marketing",
    }
)
"""Name until the renaming → name since. The sample gives each name a metric id of its own."""

_KLAVIYO = (
    "Received Email",
    "Opened Email",
    "Clicked Email",
    "Bounced Email",
    "Dropped Email",
    "Marked Email as Spam",
    "Subscribed to Email Marketing",
    "Unsubscribed from Email Marketing",
    *RENAMED,
    *RENAMED.values(),
    "Received Push",
    "Opened Push",
    "Bounced Push",
    "Active on Site",
)
_SHOP = (
    "Viewed Product",
    "Started Checkout",
    "Placed Order",
    "Ordered Product",
    "Refunded Order",
    "Cancelled Order",
)

METRICS: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(_KLAVIYO, "Klaviyo") | dict.fromkeys(_SHOP, "API")  # the shop reports through the API
)
"""Metric → the integration that reports it."""


def name_metric(name: str, at: int) -> str:
    """Return what Klaviyo called this metric at this moment.

    Examples
    --------
    >>> name_metric("Clicked SMS", RENAMED_AT - 1), name_metric("Clicked SMS", RENAMED_AT)
    ('Clicked SMS', 'Clicked Text Message')
    """
    return RENAMED.get(name, name) if at >= RENAMED_AT else name
