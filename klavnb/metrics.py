"""Klaviyo's metrics (types of event): their names, and which of them are receipts and touches.

Source: Klaviyo's help centre on metrics, and public connectors.
"""

from collections.abc import Mapping
from types import MappingProxyType

from klavnb.channels import CHANNELS, KINDS

__all__ = ["METRICS", "OUTCOME_METRICS", "RENAMED_METRICS", "ROLES"]

RENAMED_METRICS: Mapping[str, str] = MappingProxyType(
    {
        "Received Text Message": "Received SMS",
        "Clicked Text Message": "Clicked SMS",
        "Opened Text Message": "Opened Text",
        "Failed to Deliver Text Message": "Failed to Deliver SMS",
        "Subscribed to Text Messaging Marketing": "Subscribed to SMS Marketing",
        "Unsubscribed from Text Messaging Marketing": "Unsubscribed from SMS Marketing",
        "Unsubscribed from SMS": "Unsubscribed from SMS Marketing",
        "Unsubscribed from Email": "Unsubscribed",
        "Unsubscribed from Email Marketing": "Unsubscribed",
        "Sent Text Message": "Sent SMS",
    }
)
"""A metric's other name → the one klavnb keeps. Klaviyo renamed the SMS metrics in July 2026."""

METRICS: Mapping[str, str] = MappingProxyType(
    {
        "Received Email": "email.received",
        "Opened Email": "email.open",
        "Clicked Email": "email.click",
        "Received SMS": "sms.received",
        "Clicked SMS": "sms.click",
        "Opened Text": "sms.open",
        "Received Push": "push.received",
        "Opened Push": "push.open",
        "Received WhatsApp": "whatsapp.received",
        "Opened WhatsApp": "whatsapp.open",
        "Clicked WhatsApp": "whatsapp.click",
        "Active on Site": "session.session",
    }
)
"""Metric → what it is: `channel.received` for a receipt, else `channel.kind`.

A receipt is also a touch of kind `delivery` where that kind has a window. `Sent SMS` is absent on
purpose: it is the customer's own text to the shop. The names of push and WhatsApp metrics are
unconfirmed: name your account's in the settings.
"""

ROLES = frozenset(f"{channel}.{kind}" for channel in CHANNELS for kind in (*KINDS, "received"))
"""Every role that a metric can have."""

OUTCOME_METRICS: Mapping[str, str] = MappingProxyType(
    {
        "Bounced Email": "email.bounced",
        "Dropped Email": "email.dropped",
        "Marked Email as Spam": "email.spam",
        "Unsubscribed": "email.unsubscribed",
        "Unsubscribed from List": "email.unsubscribed",
        "Failed to Deliver SMS": "sms.failed",
        "Unsubscribed from SMS Marketing": "sms.unsubscribed",
        "Bounced Push": "push.bounced",
    }
)
"""Metric → what it says of the message that it names, as `channel.kind`; the names are those that loading keeps.

Klaviyo's other names of the same metrics are in `RENAMED_METRICS`. Names of WhatsApp are not confirmed.
"""
