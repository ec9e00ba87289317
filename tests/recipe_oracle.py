"""Recipe 11 in plain Python, after the article: templates rendered as text, one order after the other.

Slow and literal on purpose: every moment is worked out anew, from all orders up to it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

Stored = dict[str, str]


@dataclass(frozen=True)
class Bought:
    """An order, as the template sees it."""

    event_id: str
    ordered_at: datetime
    value: float | None
    sizes: tuple[str, ...]


def float_format(text: str) -> str:
    """Django's `floatformat:0`, for what a template renders."""
    if not text:
        return ""
    rounded = Decimal(text).quantize(Decimal(1), ROUND_HALF_UP)
    return str(abs(rounded) if rounded == 0 else rounded)


def render(value: float | None) -> str:
    if value is None:
        return ""
    text = repr(value)
    return text.removesuffix(".0")


def _number(text: str) -> Decimal:
    return Decimal(text) if text else Decimal("-Infinity")


COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "as_published": lambda stored, new: float_format(stored) < float_format(new),
    "rounded": lambda stored, new: _number(float_format(stored)) < _number(float_format(new)),
    "mended": lambda stored, new: _number(stored) < _number(new),
}


def in_order(orders: Sequence[Bought]) -> list[Bought]:
    return sorted(orders, key=lambda order: (order.ordered_at, order.event_id))


def window_start(moment: datetime, days: int | None) -> datetime:
    if days is None:
        return datetime.min.replace(tzinfo=UTC)
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)


def names(days: int | None) -> tuple[str, str]:
    prefix = "ever_" if days is None else "" if days == 30 else f"{days}_day_"
    return prefix + "highest_order_value", prefix + "highest_order_date"


def replay(
    orders: Sequence[Bought], *, comparison: str, days: int | None, sizes: Sequence[str], live_from: datetime | None
) -> Iterator[tuple[datetime, Stored]]:
    """What the profile stores after each order that the flow saw."""
    value_name, date_name = names(days)
    stored: Stored = {}
    seen: list[Bought] = []
    for order in in_order(orders):
        seen.append(order)
        if live_from is not None and order.ordered_at < live_from:
            continue
        date = order.ordered_at.strftime("%Y-%m-%dT%H:%M:%S.%f")
        new = render(order.value)
        start = window_start(order.ordered_at, days)
        recent = [other for other in seen if other.ordered_at >= start]
        is_smaller = value_name not in stored or COMPARISONS[comparison](stored[value_name], new)
        if len(recent) <= 1 or is_smaller:
            stored |= {value_name: new, date_name: date}
        for size in sizes:
            stored[f"{size}_order_date"] = "".join(date for item in order.sizes if item == size)
        yield order.ordered_at, dict(stored)


def stored_at(
    orders: Sequence[Bought],
    moment: datetime,
    *,
    comparison: str,
    days: int | None,
    sizes: Sequence[str],
    live_from: datetime | None,
) -> Stored:
    up_to_now = [order for order in orders if order.ordered_at <= moment]
    latest: Stored = {}
    for _, stored in replay(up_to_now, comparison=comparison, days=days, sizes=sizes, live_from=live_from):
        latest = stored
    return latest


def read_date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None


def _is_recent(text: str | None, moment: datetime, days: int | None) -> bool:
    date = read_date(text or "")
    return date is not None and window_start(moment, days) <= date <= moment


def recipe_has_highest(stored: Stored, moment: datetime, *, threshold: float, days: int | None) -> bool:
    value_name, date_name = names(days)
    value = stored.get(value_name) or "-Infinity"
    return float(value) >= threshold and _is_recent(stored.get(date_name), moment, days)


def recipe_has_size(stored: Stored, moment: datetime, *, size: str, days: int | None) -> bool:
    return _is_recent(stored.get(f"{size}_order_date"), moment, days)


def _in_window(orders: Sequence[Bought], moment: datetime, days: int | None) -> list[Bought]:
    start = window_start(moment, days)
    return [order for order in orders if start <= order.ordered_at <= moment]


def exact_has_highest(orders: Sequence[Bought], moment: datetime, *, threshold: float, days: int | None) -> bool:
    return any(order.value is not None and order.value >= threshold for order in _in_window(orders, moment, days))


def exact_has_size(orders: Sequence[Bought], moment: datetime, *, size: str, days: int | None) -> bool:
    return any(size in order.sizes for order in _in_window(orders, moment, days))


def _seen_live(orders: Sequence[Bought], live_from: datetime | None) -> list[Bought]:
    return [order for order in orders if live_from is None or order.ordered_at >= live_from]


def judge_highest(
    orders: Sequence[Bought],
    moment: datetime,
    *,
    variant: str,
    threshold: float,
    days: int | None,
    live_from: datetime | None,
) -> tuple[str, str | None] | None:
    """Outcome and reason at a moment; None where neither segment has the profile."""

    def has(comparison: str) -> bool:
        stored = stored_at(orders, moment, comparison=comparison, days=days, sizes=(), live_from=live_from)
        return recipe_has_highest(stored, moment, threshold=threshold, days=days)

    exact = exact_has_highest(orders, moment, threshold=threshold, days=days)
    if has(variant):
        return ("both" if exact else "wrongly_included"), None
    if not exact:
        return None
    if not exact_has_highest(_seen_live(orders, live_from), moment, threshold=threshold, days=days):
        return "missed", "before_live"
    if not has("mended"):
        return "missed", "stale_maximum"
    return "missed", "text_comparison" if has("rounded") else "rounding"


def judge_size(
    orders: Sequence[Bought], moment: datetime, *, size: str, days: int | None, live_from: datetime | None
) -> tuple[str, str | None] | None:
    """As `judge_highest`, of an item's size."""
    stored = stored_at(orders, moment, comparison="mended", days=days, sizes=(size,), live_from=live_from)
    exact = exact_has_size(orders, moment, size=size, days=days)
    if recipe_has_size(stored, moment, size=size, days=days):
        return ("both" if exact else "wrongly_included"), None
    if not exact:
        return None
    if not exact_has_size(_seen_live(orders, live_from), moment, size=size, days=days):
        return "missed", "before_live"
    return "missed", "doubled_date" if stored[f"{size}_order_date"] else "blanked_date"
