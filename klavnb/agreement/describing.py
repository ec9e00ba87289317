"""Classes and settings in a reader's words, and as the parameters that would set them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType

from klavnb.agreement.boxes import Rules
from klavnb.agreement.fitting import Fit, SettingsFit
from klavnb.channels import CHANNEL_NAMES
from klavnb.settings import Settings
from klavnb.windows import describe_window

__all__ = [
    "CLASS_NAMES",
    "MEASURE_NAMES",
    "RULE_NAMES",
    "describe_changes",
    "describe_kind",
    "describe_rule",
    "describe_windows",
    "join_windows",
    "write_parameters",
]

CLASS_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "same_event": "Both credit the same touch",
        "both_none": "Neither credits anything",
        "same_message": "Same message, another touch of it",
        "same_channel": "Same channel, another message",
        "other_channel": "Another channel",
        "recorded_only": "Only Klaviyo credits it",
        "model_only": "Only this report credits it",
        "session_touch": "Klaviyo credits a visit",
        "self_attributed": "Credited by Klaviyo to the order itself",
        "outside_export": "Credited to an event outside the export",
        "provisional": "Provisional: of the last 5 days",
        "unsaid": "The export does not say",
    }
)
"""Class of agreement → what a reader calls it."""

MEASURE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "count_recipients": "Recipients",
        "count_delivered": "Delivered",
        "count_opens": "Opens",
        "count_opened": "Customers who opened",
        "count_clicks": "Clicks",
        "count_clicked": "Customers who clicked",
        "count_conversions": "Orders",
        "count_converted": "Customers who ordered",
        "revenue": "Revenue",
    }
)
"""Measure of a campaign CSV → what a reader calls it."""

RULE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "model": "Model",
        "anchor": "A window runs from",
        "exclude_machine_opens": "Machine opens",
        "exclude_bot_clicks": "Bot clicks",
    }
)
"""A setting that is no window → what a reader calls it."""

SHORT = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def describe_rule(name: str, value: object) -> str:
    """Say one setting that is no window.

    Examples
    --------
    >>> describe_rule("anchor", "received"), describe_rule("exclude_bot_clicks", True)
    ('the receipt', 'left out')
    """
    words = {"received": "the receipt", "touched": "the touch", True: "left out", False: "counted"}
    return words.get(value, str(value)) if name != "model" else str(value)


def describe_kind(kind: str) -> str:
    """Say a kind of touch.

    Examples
    --------
    >>> describe_kind("email.open"), describe_kind("session.session")
    ('E-mail open', 'Visit')
    """
    channel, name = kind.split(".")
    return CHANNEL_NAMES[channel] if channel == name else f"{CHANNEL_NAMES[channel]} {name}"


def join_windows(windows: Sequence[timedelta | None]) -> str:
    """Say windows of which any may be the one.

    Examples
    --------
    >>> join_windows([timedelta(days=5)]), join_windows([None]), join_windows([None, timedelta(hours=12)])
    ('5 days', 'no window', 'no window or 12 hours')
    """
    said = ["no window" if window is None else describe_window(window) for window in windows]
    return " or ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def describe_windows(fit: SettingsFit, chosen: Fit) -> str:
    """Say the windows of a fit, kind by kind."""
    kinds = fit.evidence.kinds
    return ", ".join(f"{describe_kind(kind)} {join_windows([fit.find_window(kind, chosen)])}" for kind in kinds)


def describe_changes(fit: SettingsFit, before: Fit, after: Fit) -> list[str]:
    """Say what differs between two settings, in parts of a sentence."""
    rules = [
        f"{RULE_NAMES[name].lower()} {describe_rule(name, getattr(before.rules, name))} → "
        f"{describe_rule(name, getattr(after.rules, name))}"
        for name in RULE_NAMES
        if getattr(before.rules, name) != getattr(after.rules, name)
    ]
    windows = [
        f"window of {describe_kind(kind)} {join_windows([fit.find_window(kind, before)])} → "
        f"{join_windows([fit.find_window(kind, after)])}"
        for kind in fit.evidence.kinds
        if fit.find_window(kind, before) != fit.find_window(kind, after)
    ]
    return [*rules, *windows]


def write_parameters(fit: SettingsFit, settings: Settings, chosen: Fit | None = None) -> str:
    """Write the parameters of a report that turn the settings given into those of a fit; empty: none is needed."""
    found = chosen or fit.best
    wanted = fit.apply(settings, found)
    windows = [
        f"{kind}={_write_window(wanted.windows.get(kind))}"
        for kind in fit.evidence.kinds
        if wanted.windows.get(kind) != settings.windows.get(kind)
    ]
    rules: Rules = found.rules
    parameters = {
        "windows": ",".join(windows),
        "anchor": rules.anchor if rules.anchor != settings.anchor else "",
        **{
            name: ("yes" if getattr(rules, name) else "no") if getattr(rules, name) != getattr(settings, name) else ""
            for name in ("exclude_machine_opens", "exclude_bot_clicks")
        },
    }
    return " ".join(f"-p {name}={value}" for name, value in parameters.items() if value)


def _write_window(window: timedelta | None) -> str:
    """Write a window as it is given: 5d, 12h, 90m, none."""
    if window is None:
        return "none"
    unit = next(unit for unit, size in reversed(SHORT.items()) if not window % size)
    return f"{window // SHORT[unit]}{unit}"
