"""Numbers and names in a reader's words, the same in every chart, table and sentence."""

from collections.abc import Mapping
from datetime import timedelta

__all__ = [
    "LEFT_OUT_REASONS",
    "RECIPE_REASONS",
    "format_count",
    "format_days",
    "format_money",
    "format_share",
    "name_window",
    "say_number",
    "say_people",
]


RECIPE_REASONS: Mapping[str, str] = {
    "before_live": "they ordered before the flow went live",
    "stale_maximum": "an older, larger order is still stored",
    "rounding": "the amounts are equal once rounded",
    "text_comparison": "amounts are compared as text",
    "blanked_date": "a later order without such an item wiped the date",
    "doubled_date": "an order with two items of one size spoils the date",
}
"""Reasons why the recipe misses customers, in words that follow “because”."""


LEFT_OUT_REASONS: Mapping[str, str] = {
    "excluded": "in an excluded segment",
    "no_address": "no usable address",
    "sms_only": "subscribed to SMS only",
    "suppressed": "suppressed",
    "unsubscribed": "unsubscribed",
    "never_subscribed": "never subscribed",
    "unknown_consent": "consent not known",
    "repeated_address": "an address that another profile has too",
}
"""Reasons why a member of a segment is not in its audience, in words."""


def format_money(value: float, currency: str | None) -> str:
    """Write money without cents, with its currency's code, thousands apart.

    Examples
    --------
    >>> format_money(12345.6, "EUR"), format_money(-80, None)
    ('EUR 12,346', '−80')
    """
    number = f"{abs(value):,.0f}"
    sign = "−" if value < 0 and number != "0" else ""
    return f"{sign}{currency} {number}" if currency else f"{sign}{number}"


def format_share(part: float, whole: float) -> str:
    """Write a part of a whole in per cent with one decimal; without a whole, a dash.

    Examples
    --------
    >>> format_share(1, 8), format_share(1, 0)
    ('12.5 %', '–')
    """
    return f"{100 * part / whole:.1f} %" if whole else "–"


def format_count(number: int, one: str, many: str | None = None) -> str:
    """Write a number of things.

    Examples
    --------
    >>> format_count(1, "order"), format_count(1200, "order"), format_count(2, "push", "pushes")
    ('1 order', '1,200 orders', '2 pushes')
    """
    return f"{number:,} {one}" if number == 1 else f"{number:,} {many or one + 's'}"


def format_days(span: timedelta) -> str:
    """Write a span of time as hours below two days, else as days with one decimal.

    Examples
    --------
    >>> format_days(timedelta(hours=30)), format_days(timedelta(days=2, hours=12)), format_days(timedelta(minutes=20))
    ('30 hours', '2.5 days', '20 minutes')
    """
    hours = span.total_seconds() / 3600
    if hours < 1:
        return f"{hours * 60:.0f} minutes"
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.1f} days"  # noqa: PLR2004 - two days, as said above


def name_window(days: int | None) -> str:
    """Say a window in words.

    Examples
    --------
    >>> name_window(30), name_window(1), name_window(None)
    ('last 30 days', 'last day', 'ever')
    """
    if days is None:
        return "ever"
    return "last day" if days == 1 else f"last {days:,} days"


def say_number(number: int, *, least: int) -> str:
    """Write a number of people without saying of whom, as in “none of the 47”.

    Examples
    --------
    >>> say_number(1200, least=5), say_number(3, least=5), say_number(0, least=5)
    ('1,200', 'fewer than 5', 'none')
    """
    if number == 0:
        return "none"
    return f"fewer than {least:,}" if number < least else f"{number:,}"


def say_people(number: int, *, least: int, one: str = "customer") -> str:
    """Write a number of people; a group that is smaller than may be shown is not counted out.

    Examples
    --------
    >>> say_people(1200, least=5), say_people(3, least=5), say_people(0, least=5)
    ('1,200 customers', 'fewer than 5 customers', 'no customers')
    """
    if number == 0:
        return f"no {one}s"
    return f"fewer than {least:,} {one}s" if number < least else format_count(number, one)
