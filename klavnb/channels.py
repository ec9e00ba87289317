"""The channels of a message and the kinds of touch: the field's words, and a reader's."""

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["ANCHORED_ON_TOUCH", "CHANNELS", "CHANNEL_NAMES", "CHANNEL_WORDS", "KINDS"]

CHANNELS = ("email", "sms", "push", "whatsapp", "session")
"""The channels a touch can come by; a session is a visit to the shop (Active on Site)."""

KINDS = ("session", "delivery", "open", "click")
"""The kinds of touch, weakest first: at the same second the later one in this order counts as later."""

ANCHORED_ON_TOUCH = ("push", "session")
"""Channels whose window runs from the touch whatever the anchor: a push from its open, a visit from itself."""

CHANNEL_NAMES: Mapping[str, str] = MappingProxyType(
    {"email": "E-mail", "sms": "SMS", "push": "Push", "whatsapp": "WhatsApp", "session": "Visit"}
)
"""Channel → what a reader calls it."""

CHANNEL_WORDS: Mapping[str, str] = MappingProxyType(
    {"email": "e-mail", "sms": "SMS", "push": "push", "whatsapp": "WhatsApp", "session": "visit"}
)
"""Channel → what it is called inside a sentence."""
