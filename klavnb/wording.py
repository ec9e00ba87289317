"""Numbers and names in a reader's words, the same in every chart, table and sentence."""

from datetime import timedelta

__all__ = [
    "format_count",
    "format_days",
    "format_money",
    "format_share",
]


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
