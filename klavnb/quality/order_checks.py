"""Checks of orders: values, currencies, the same order twice."""

import math
from collections.abc import Iterator

from klavnb.errors import name_some
from klavnb.quality.checks import NO_ORDERS, UNJUDGED, Check, grade
from klavnb.quality.survey import Survey
from klavnb.wording import format_count, format_money, format_share

__all__ = ["check_orders"]


def check_orders(survey: Survey) -> Iterator[Check]:
    """Check the orders that attribution adds up."""
    yield _check_values(survey)
    yield _check_outliers(survey)
    yield _check_currencies(survey)
    yield _check_repeats(survey)


def _check_values(survey: Survey) -> Check:
    kinds = {
        "without a value": "count_no_value",
        "with a value of 0": "count_zero",
        "with a negative value": "count_negative",
    }
    counts = {told: int(survey.orders[name].sum()) for told, name in kinds.items()}
    orders, bad = int(survey.orders["count_orders"].sum()), sum(counts.values())
    told = ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)
    limits = survey.limits
    if not orders:
        return Check(name="order_values", level=UNJUDGED, found=NO_ORDERS)
    return Check(
        name="order_values",
        level=grade(bad, orders, look=limits.look_values, serious=limits.serious_values),
        found=f"Of {format_count(orders, 'order')}: {told} ({format_share(bad, orders)})."
        if bad
        else f"{orders:,} of {format_count(orders, 'order')} have a value above 0.",
        effect="An order without a value counts as 0, and a negative one is taken from the revenue." if bad else "",
        advice="See in Klaviyo whether these events carry $value; free orders and tests are best left as they are."
        if bad
        else "",
        count=bad,
        of_count=orders,
        parts=counts,
    )


def _check_outliers(survey: Survey) -> Check:
    count, orders = (int(survey.orders[name].sum()) for name in ("count_outliers", "count_orders"))
    times = f"{survey.limits.outlier:g} times"
    if survey.orders["median"].null_count() == survey.orders.height:
        found = "No order has a value above 0." if orders else NO_ORDERS
        return Check(name="outliers", level=UNJUDGED, found=found, of_count=orders)
    if not count:
        found = f"No order is more than {times} the middle one."
        return Check(name="outliers", level="good", found=found, of_count=orders)
    rows = survey.orders.filter(survey.orders["count_outliers"] > 0).to_dicts()
    # sums of absurd values may leave the range of numbers
    shares = [
        row["outlier_value"] / row["value"] if math.isfinite(row["value"]) and row["value"] > 0 else 1.0 for row in rows
    ]
    told = name_some(
        [
            f"{row['count_outliers']:,} of {_currency(row['currency'])}, worth {format_share(share, 1)} of its revenue"
            for row, share in zip(rows, shares, strict=True)
        ]
    )
    return Check(
        name="outliers",
        level="serious" if max(shares) >= survey.limits.serious_outliers else "look",
        found=f"{format_count(count, 'order')} of more than {times} the middle one: {told}.",
        effect="A single such order decides what its message earns.",
        advice="Look at them: a price in cents, a test, or really so large an order?",
        count=count,
        of_count=orders,
        parts={_currency(row["currency"]): row["count_outliers"] for row in rows},
    )


def _check_currencies(survey: Survey) -> Check:
    rows = survey.orders.to_dicts()
    orders = sum(row["count_orders"] for row in rows)
    valued = [row for row in rows if row["count_orders"] > row["count_no_value"]]
    named = [row for row in valued if row["currency"] is not None]
    parts = {_currency(row["currency"]): row["count_orders"] for row in valued}
    if not named:
        told = "No order names a currency." if valued else "There are no orders with a value."
        return Check(
            name="currencies",
            level=UNJUDGED,
            found=told if orders else NO_ORDERS,
            effect="If the values are in several currencies, they are added up as if they were one." if valued else "",
            advice="If the shop sells in several, export the orders with their currency." if valued else "",
            parts=parts,
        )
    if len(valued) == 1:
        found = f"All orders are in {named[0]['currency']}."
        return Check(name="currencies", level="good", found=found, count=1, parts=parts)
    told = name_some(
        [
            f"{_currency(row['currency'])} {row['count_orders']:,} ({format_money(row['value'], row['currency'])})"
            for row in valued
        ]
    )
    return Check(
        name="currencies",
        level="look",
        found=f"Orders are in {len(valued)} currencies: {told}.",
        effect="They are never converted or added: a report is about one of them, the others are left out and counted.",
        advice="Make a report for each that matters, with the parameter currency.",
        count=orders - valued[0]["count_orders"],
        of_count=orders,
        parts=parts,
    )


def _currency(name: str | None) -> str:
    return name or "no currency"


def _check_repeats(survey: Survey) -> Check:
    count, orders = survey.repeats["count_repeats"], survey.recorded["count_orders"]
    numberless = survey.repeats["count_numberless"] or 0
    unsure = (
        f" {format_share(numberless, orders)} have no order number and were compared by second and value."
        if numberless
        else ""
    )
    if not orders:
        return Check(name="repeated_orders", level=UNJUDGED, found=NO_ORDERS)
    if not count:
        return Check(name="repeated_orders", level="good", found=f"No order is there twice.{unsure}", of_count=orders)
    value = survey.repeats["repeated_value"]
    worth = f", worth {value:,.0f}" if math.isfinite(value) else ""
    return Check(
        name="repeated_orders",
        level=grade(count, orders, look=0, serious=survey.limits.serious_repeats),
        found=f"{format_count(count, 'order')} ({format_share(count, orders)}){worth}, came again under another event id, for "
        f"the same profile and order number.{unsure}",
        effect="They count twice: revenue and attribution are too high.",
        advice="Two integrations may report the same orders: export one of them, or one way of export.",
        count=count,
        of_count=orders,
    )
