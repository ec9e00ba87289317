"""Which events are a message's, and what each says of it: received, opened, bounced, left."""

from collections.abc import Mapping
from typing import Final

from klavnb.channels import CHANNELS
from klavnb.errors import SettingsError, name_some
from klavnb.metrics import OUTCOME_METRICS, RENAMED_METRICS
from klavnb.settings import Settings

__all__ = ["MESSAGE_KINDS", "OUTCOME_METRICS", "find_known", "find_message_roles", "read_outcomes"]

TOUCH_KINDS: Final = ("received", "open", "click")
OUTCOME_KINDS: Final = ("bounced", "dropped", "failed", "unsubscribed", "spam")

MESSAGE_KINDS: Final = (*TOUCH_KINDS, *OUTCOME_KINDS)
"""What an event can say of a message. `dropped` never left Klaviyo; `failed` is a text that was not delivered."""


def find_message_roles(settings: Settings, outcomes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Say which metrics are about messages: metric → `channel.kind`, a kind being one of `MESSAGE_KINDS`.

    Receipts, opens and clicks are those of the settings; visits are no messages.

    Parameters
    ----------
    outcomes
        Metrics of this account that are outcomes, in addition to `OUTCOME_METRICS`: metric → `channel.kind`.

    Raises
    ------
    SettingsError
        When a role is not one of a channel and an outcome.

    Examples
    --------
    >>> roles = find_message_roles(Settings(), {"Abgemeldet": "email.unsubscribed"})
    >>> roles["Opened Email"], roles["Abgemeldet"], "Active on Site" in roles
    ('email.open', 'email.unsubscribed', False)
    """
    given = dict(outcomes or {})
    known = {f"{channel}.{kind}" for channel in CHANNELS if channel != "session" for kind in OUTCOME_KINDS}
    wrong = sorted(set(given.values()) - known)
    if wrong:
        raise SettingsError(
            f"Outcomes: expected a channel and one of {', '.join(OUTCOME_KINDS)}, found {name_some(wrong)}.",
            hint="Write it like email.unsubscribed or sms.failed.",
        )
    own = {RENAMED_METRICS.get(metric, metric): role for metric, role in given.items()}
    touches = {metric: role for metric, role in settings.roles.items() if not role.startswith("session.")}
    return {**OUTCOME_METRICS, **touches, **own}


def read_outcomes(text: str) -> dict[str, str]:
    """Read the account's own outcomes from a parameter: `metric=channel.kind`, with commas between them.

    Raises
    ------
    SettingsError
        When a part is not written so.

    Examples
    --------
    >>> read_outcomes("Abgemeldet=email.unsubscribed, Stopped Texts = sms.unsubscribed")
    {'Abgemeldet': 'email.unsubscribed', 'Stopped Texts': 'sms.unsubscribed'}
    """
    parts = [part.rpartition("=") for part in text.split(",") if part.strip()]
    wrong = [role.strip() for metric, _, role in parts if not metric.strip()]
    if wrong:
        raise SettingsError(
            f"Outcomes: expected metric=channel.kind, found {name_some(wrong)}.",
            hint="Write for example Abgemeldet=email.unsubscribed.",
        )
    return {metric.strip(): role.strip() for metric, _, role in parts}


def find_known(roles: Mapping[str, str], metrics: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """Say what the export can say: kind → the channels with an event of it.

    What has no event may not have happened, or not have been exported: nobody can tell, so it is not known.

    Parameters
    ----------
    metrics
        Metric → number of events, as a load counts them.

    Examples
    --------
    >>> known = find_known(find_message_roles(Settings()), {"Received Email": 9, "Clicked SMS": 2})
    >>> known["received"], known["click"], known["spam"]
    (('email',), ('sms',), ())
    """
    present = {role for metric, role in roles.items() if metrics.get(metric)}
    return {kind: tuple(channel for channel in CHANNELS if f"{channel}.{kind}" in present) for kind in MESSAGE_KINDS}
