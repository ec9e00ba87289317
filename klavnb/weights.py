"""How much a touch weighs for its age or its place: the two numbers that models of several touches ask for."""

import re
from datetime import timedelta
from typing import Final

from klavnb.errors import SettingsError
from klavnb.windows import parse_window

__all__ = ["LONGEST_HALF_LIFE", "PositionShares", "check_weights", "describe_shares", "parse_half_life", "parse_shares"]

PositionShares = tuple[float, float, float]
"""Parts of a conversion's credit for its first open touch, for all between, and for its last; their sum is 1."""

LONGEST_HALF_LIFE: Final = timedelta(days=90)
"""As long as the longest window: beyond it every open touch weighs nearly the same, which is the linear model."""

SHARES_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*[-–/]\s*(\d+(?:\.\d+)?)\s*[-–/]\s*(\d+(?:\.\d+)?)", re.ASCII)
TOLERANCE = 1e-9


def parse_half_life(text: str) -> timedelta:
    """Read a half-life such as `12h` or `7d`: the age at which a touch weighs half as much.

    Raises
    ------
    SettingsError
        When the text is no length of time above nothing, or longer than 90 days.

    Examples
    --------
    >>> parse_half_life("7d")
    datetime.timedelta(days=7)
    """
    try:
        half_life = parse_window(text)
    except SettingsError:
        half_life = None
    if half_life is None:
        raise SettingsError(
            f"A half-life is a number and a unit (m, h or d), above nothing and at most {LONGEST_HALF_LIFE.days} days; "
            f"found {text!r}.",
            hint="Write 12h or 7d.",
        )
    return half_life


def parse_shares(text: str) -> PositionShares:
    """Read what the first touch, those between and the last get, in per cent, such as `40-20-40`.

    Raises
    ------
    SettingsError
        When the text is not three numbers that add up to 100.

    Examples
    --------
    >>> parse_shares("40-20-40")
    (0.4, 0.2, 0.4)
    """
    found = SHARES_PATTERN.fullmatch(text.strip())
    first, between, last = (float(part) / 100 for part in found.groups()) if found else (0.0, 0.0, 0.0)
    if abs(first + between + last - 1) > TOLERANCE:
        raise SettingsError(
            "Position shares are three numbers in per cent that add up to 100: the first touch, all between, the last; "
            f"found {text!r}.",
            hint="Write 40-20-40.",
        )
    return first, between, last


def describe_shares(shares: PositionShares) -> str:
    """Say the parts of a position based model as they are typed.

    Examples
    --------
    >>> describe_shares((0.4, 0.2, 0.4)), describe_shares((0.5, 0.125, 0.375))
    ('40-20-40', '50-12.5-37.5')
    """
    return "-".join(f"{100 * share:.4g}" for share in shares)


def check_weights(half_life: timedelta, shares: PositionShares) -> None:
    """Refuse weights that are none.

    Raises
    ------
    SettingsError
        When the half-life is nothing or longer than 90 days, or the shares are not three parts of one.
    """
    if not timedelta(0) < half_life <= LONGEST_HALF_LIFE:
        raise SettingsError(
            f"The half-life of the time decay is not between nothing and {LONGEST_HALF_LIFE.days} days; "
            f"found {half_life}.",
            hint="Klaviyo names none; seven days is the usual one.",
        )
    if len(shares) != 3 or min(shares) < 0 or not abs(sum(shares) - 1) <= TOLERANCE:  # noqa: PLR2004 - first, between, last
        raise SettingsError(
            f"The position shares are not three parts that add up to 1; found {shares}.",
            hint="Give (0.4, 0.2, 0.4): the first touch, all between, the last.",
        )
