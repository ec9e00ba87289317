"""How far to believe the numbers: filters, caveats, freshness."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from klavnb.caveats import PROVISIONAL
from klavnb.comparison import ModelComparison
from klavnb.escaping import escape_markdown
from klavnb.export import Export
from klavnb.findings.figures import list_figures
from klavnb.findings.finding import Facts, Finding, say_money
from klavnb.findings.pairs import CENT
from klavnb.privacy import mask
from klavnb.sides import OLD_AND_COOPERATIVE, Sides
from klavnb.wording import format_count, format_money, format_share

__all__ = ["collect_facts", "list_caveats", "state_filters", "tell_age"]

OLD_DATA_DAYS = 30
"""When the last event is older than this, a report says that its data are old."""


def state_filters(filters: pl.LazyFrame, *, currency: str | None, sides: Sides = OLD_AND_COOPERATIVE) -> Finding:
    """Say what leaving machine opens out would do to the difference.

    Parameters
    ----------
    filters
        As `klavnb.compare_filters` gives it.
    sides
        What the two models or settings are called.
    """
    what = (
        "A machine open is made by a mail program that fetches every picture, such as Apple Mail Privacy Protection, and not by "
        "a person. Whether to count them is a setting of the account; the table says what each choice would credit. "
    )
    if sides != OLD_AND_COOPERATIVE:
        values = dict(filters.select("choice", "candidate_value").collect().iter_rows())
        usual, human = (say_money(values[choice], currency) for choice in ("as set", "without machine opens"))
        return Finding(
            f"## Without machine opens, the {sides.candidate} credits {human} instead of {usual}\n\n{what}"
            "Both sides are run without them."
        )
    (usual, usual_more), (human, human_more) = (
        (say_money(row["candidate_value"], currency), say_money(row["difference"], currency))
        for choice in ("as set", "without machine opens")
        for row in filters.filter(pl.col("choice") == choice).collect().to_dicts()
    )
    return Finding(
        f"## Without machine opens, messages earn {human} instead of {usual}\n\n"
        f"That is by the cooperative model. What it credits more than the old one would be {human_more} instead of {usual_more}. "
        f"{what}Both models may lose the same amount; then the difference stays as it is."
    )


def list_caveats(caveats: pl.LazyFrame, *, export: Export, comparison: ModelComparison) -> Finding:
    """Say what could mislead a reader, most of it counted in the data.

    Parameters
    ----------
    caveats
        As `klavnb.find_caveats` gives it.
    """
    rows = {row["caveat"]: row for row in caveats.collect().to_dicts()}

    def part(name: str) -> str:
        return f"{rows[name]['count']:,} ({format_share(rows[name]['count'], rows[name]['of_count'])})"

    def money(name: str) -> str:
        return say_money(rows[name]["value"] or 0, comparison.currency)

    refunds = rows["refunds"]["count"]
    texts = {
        "provisional": f"**Provisional:** {part('provisional')} of the orders, worth {money('provisional')}, are younger than "
        f"{PROVISIONAL.days} days at the export’s last event. Klaviyo revises attribution for up to {PROVISIONAL.days} days, as late "
        "touches arrive.",
        "early": f"**No run-up:** {part('early')} of the orders, worth {money('early')}, come so soon after the export’s first event "
        "that earlier touches may be missing. They may be credited too little.",
        "visits": f"**Visits:** {part('visits')} of the credited orders go to a visit to the shop, not to a message, since these "
        "settings count visits. Leave them out with windows=session=none.",
        "no_receipt": f"**No receipt:** for {part('no_receipt')} of the touches the export does not say when the message arrived; "
        "their window runs from the touch, which is more generous.",
        "machine_opens": f"**Machine opens:** {part('machine_opens')} of the opens that can earn an order (of e-mails and pushes) are known to "
        "be made by a machine.",
        "bot_clicks": f"**Bot clicks:** {part('bot_clicks')} of the clicks that can earn an order are known to be made by a bot.",
        "messageless": f"**No message:** {part('messageless')} of the interactions name no message and can earn nothing.",
        "ties": f"**Ties:** in {part('ties')} of the orders with an open touch, worth {money('ties')}, two messages were touched in the "
        "same second. Klaviyo does not say which it takes; here a click comes after an open, then the event’s id decides.",
        "refunds": f"**Gross:** {format_count(refunds, 'refund or cancel', 'refunds and cancels')} of the period, worth "
        f"{money('refunds')}, {'is' if refunds == 1 else 'are'} not subtracted, as Klaviyo does not either.",
        "no_value": f"**No value:** {part('no_value')} of the orders have no value, or one of 0.",
        "other_currency": f"**Other currencies:** {part('other_currency')} of the orders are left out.",
    }
    shown = [f"- {text}" for name, text in texts.items() if rows[name]["count"]]
    noted = [f"- **The export:** {escape_markdown(mask(note))}" for note in export.summary.notes]
    always = [
        "- **Attribution is not cause:** a credited order followed a touch; it might have come without it.",
        "- **Not Klaviyo’s own figures:** everything is computed from the exported events by Klaviyo’s published rules. "
        "What Klaviyo leaves undocumented (ties, which receipt belongs to a touch) is chosen as the documentation of "
        "klavnb says.",
        "- **Dates:** orders count on the day of the order, UTC. Klaviyo’s message reports count on the day of sending, in the "
        "account’s time zone, so their weeks differ.",
        "- **Rounding:** figures are rounded one by one, so a sum may be off by one.",
    ]
    return Finding("## Before you rely on this\n\n" + "\n".join([*shown, *noted, *always]))


def collect_facts(
    summary: pl.LazyFrame, caveats: pl.LazyFrame, *, export: Export, comparison: ModelComparison
) -> Facts:
    """Collect what the index and the banner of a report say of it."""
    total = summary.collect().row(0, named=True)
    provisional = caveats.filter(pl.col("caveat") == "provisional").collect()["count"].item()
    rejected = sum(export.summary.rejected.values())
    notices = [
        f"Provisional: {format_count(provisional, 'order')} of the export’s last {PROVISIONAL.days} days, up to "
        f"{comparison.as_of:%-d %B %Y}, may have been revised since."
        if provisional
        else "",
        tell_age(comparison.as_of.date()),
        f"{format_count(rejected, 'row')} of the export could not be used." if rejected else "",
    ]
    return Facts(
        {
            "headline": _tell_headline(total, comparison=comparison),
            "data_as_of": f"{comparison.as_of:%Y-%m-%d}",
            "status": "provisional" if provisional else "final",
            "banner": " ".join(notice for notice in notices if notice) or None,
            "period": f"{comparison.first_on} to {comparison.last_on}",
            "figures": list_figures(
                [
                    (f"Attributed, {comparison.sides.candidate}", total["candidate_value"], comparison.currency),
                    (f"Attributed, {comparison.sides.baseline}", total["baseline_value"], comparison.currency),
                    ("Difference of the models", total["difference"], comparison.currency),
                    ("Revenue of all orders", total["value"], comparison.currency),
                    ("Orders", total["count_conversions"], "orders"),
                    ("Share of revenue attributed", _find_percent(total), "%"),
                ]
            ),
        }
    )


def tell_age(last_on: date, *, what: str = "The data end") -> str:
    """Say how many days before today (UTC), as the index counts them, the data end; nothing of fresh data."""
    age = (datetime.now(UTC).date() - last_on).days
    told = f"{what} {age} days before this report was made: a newer export would give current figures."
    return told if age > OLD_DATA_DAYS else ""


def _find_percent(total: dict[str, float]) -> float | None:
    return 100 * total["candidate_value"] / total["value"] if total["value"] else None


def _tell_headline(total: Mapping[str, Any], *, comparison: ModelComparison) -> str:
    """What the index says in one line."""
    candidate, difference = comparison.sides.candidate, total["difference"]
    if abs(difference) < CENT and total["count_moved"]:
        moved = format_money(total["moved_value"], comparison.currency)
        return f"{moved} to other messages under the {candidate}"
    share = format_share(abs(difference), total["baseline_value"])
    more = f" ({share})" if total["baseline_value"] else ""
    word = "less" if difference <= -CENT else "more"
    return f"{format_money(abs(difference), comparison.currency)}{more} {word} under the {candidate}"
