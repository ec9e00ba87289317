"""Attribution windows: how long a kind of touch can earn a conversion; Klaviyo's defaults; reading and saying them."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

from klavnb.channels import CHANNELS, KINDS
from klavnb.errors import SettingsError
from klavnb.wording import format_count

__all__ = [
    "LONGEST_WINDOW",
    "PRESETS",
    "WINDOW_NAMES",
    "Preset",
    "describe_window",
    "parse_window",
    "parse_windows",
]

Preset = Literal["2022", "2024", "2026"]

LONGEST_WINDOW = timedelta(days=90)
"""The longest attribution window that Klaviyo allows."""

WINDOW_NAMES = frozenset(f"{channel}.{kind}" for channel in CHANNELS for kind in KINDS)
"""Every kind of touch that can have a window."""

DAYS_PER = {"m": 1 / 1440, "h": 1 / 24, "d": 1}
WINDOW_PATTERN = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[mhd])", re.ASCII)

_WINDOWS_2022 = {
    "email.open": timedelta(days=5),
    "email.click": timedelta(days=5),
    "sms.click": timedelta(days=1),
    "push.open": timedelta(days=1),
}
_WINDOWS_2024 = _WINDOWS_2022 | {"sms.click": timedelta(days=5), "sms.delivery": timedelta(hours=12)}
_WINDOWS_2026 = _WINDOWS_2024 | {
    "sms.open": timedelta(days=1),
    "whatsapp.click": timedelta(days=5),
    "whatsapp.open": timedelta(hours=12),
    "session.session": timedelta(days=1),
}

PRESETS: Mapping[str, Mapping[str, timedelta]] = MappingProxyType(
    {
        "2022": MappingProxyType(_WINDOWS_2022),
        "2024": MappingProxyType(_WINDOWS_2024),
        "2026": MappingProxyType(_WINDOWS_2026),
    }
)
"""Klaviyo's default windows: the announcement of 2022, accounts from 2024-10-09, April 2026."""


def parse_window(text: str) -> timedelta | None:
    """Read a window such as `90m`, `12h`, `5d` or `1.5d`; `none` means: this kind earns nothing.

    Raises
    ------
    SettingsError
        When the text is no window, the window is zero, or it is longer than 90 days.

    Examples
    --------
    >>> parse_window("12h")
    datetime.timedelta(seconds=43200)
    >>> parse_window("none") is None
    True
    """
    if text.strip().lower() == "none":
        return None
    found = WINDOW_PATTERN.fullmatch(text.strip())
    if found is None:
        raise SettingsError(
            f"A window is a number and a unit (m, h or d), or none; found {text!r}.", hint="Write 90m, 12h, 5d or none."
        )
    # compared in days first: timedelta itself refuses what is longer than a billion days
    days = float(found["number"]) * DAYS_PER[found["unit"]]
    if days > LONGEST_WINDOW.days or not (window := timedelta(days=days)):
        raise SettingsError(
            f"A window is longer than nothing and at most {LONGEST_WINDOW.days} days, the longest that Klaviyo "
            f"allows; found {text!r}.",
            hint="To switch a kind of touch off, write none.",
        )
    return window


def parse_windows(pairs: Iterable[str]) -> dict[str, timedelta | None]:
    """Read windows such as `email.open=5d`, `email=3d` (every kind of the channel that is on) or `sms.click=none`.

    Returns
    -------
    dict
        Name → window; a bare channel stays a bare channel, to be applied to its kinds.

    Raises
    ------
    SettingsError
        When a name is not a channel and kind, or a window cannot be read.

    Examples
    --------
    >>> parse_windows(["sms.click=12h"])
    {'sms.click': datetime.timedelta(seconds=43200)}
    """
    windows: dict[str, timedelta | None] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip()
        if not equals:
            raise SettingsError(
                f"A window is given as channel.kind=length; found {pair!r}.", hint="Write email.open=5d."
            )
        if name not in WINDOW_NAMES and name not in CHANNELS:
            raise SettingsError(
                f"There is no kind of touch called {name!r}.",
                hint=f"A channel ({', '.join(CHANNELS)}), or channel.kind with a kind of {', '.join(reversed(KINDS))}.",
            )
        windows[name] = parse_window(text)
    return windows


def describe_window(window: timedelta) -> str:
    """Say a window in words.

    Examples
    --------
    >>> describe_window(timedelta(days=5)), describe_window(timedelta(hours=12)), describe_window(timedelta(days=1))
    ('5 days', '12 hours', '1 day')
    """
    seconds = round(window.total_seconds())
    sizes = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
    return next(format_count(seconds // size, unit) for size, unit in sizes if seconds % size == 0)
