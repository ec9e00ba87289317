"""How far to believe a report on messages: what is counted, what the export does not tell, caveats, facts."""

from datetime import timedelta
from typing import Final

import polars as pl

from klavnb.caveats import PROVISIONAL
from klavnb.channels import CHANNEL_WORDS
from klavnb.escaping import escape_markdown
from klavnb.findings.figures import list_figures
from klavnb.findings.finding import Facts, Finding, say_money
from klavnb.findings.trust import tell_age
from klavnb.performance import MessageStudy
from klavnb.performance.words import say_dating, say_days
from klavnb.privacy import mask
from klavnb.wording import format_count, format_money, format_share

__all__ = ["collect_message_facts", "list_message_caveats", "state_message_period"]

EXPECTED: Final = {
    "email": ("received", "open", "click", "bounced", "unsubscribed", "spam"),
    "sms": ("received", "click", "failed", "unsubscribed"),
    "push": ("received", "open", "bounced"),
    "whatsapp": ("received", "open", "click"),
}
"""What an export of a channel usually holds events of."""

KIND_WORDS: Final = {
    "received": "receipts",
    "open": "opens",
    "click": "clicks",
    "bounced": "bounces",
    "failed": "failed deliveries",
    "unsubscribed": "unsubscriptions",
    "spam": "spam complaints",
}


def state_message_period(study: MessageStudy, *, data: str = "") -> Finding:
    """Say which messages, days and settings the report is about, and what the export does not tell.

    Parameters
    ----------
    data
        What the user named as the data; the sample is told to be invented.
    """
    comparison, period = study.comparison, study.period
    what = (
        f"messages sent from {say_days(period)}, and all that came of them, on whatever day"
        if study.dated_by == "sent"
        else f"what happened from {say_days(period)}, whenever the message was sent"
    )
    currency = f" Money is in {escape_markdown(comparison.currency)}." if comparison.currency else ""
    parts = [
        f"**What is counted:** {what} ({say_dating(study)}). An order is one "
        f"“{escape_markdown(mask(comparison.settings.conversion_metric))}” event.{currency}",
        f"**Settings of this report:** {escape_markdown(comparison.settings.describe())}",
    ]
    if data == "sample":
        parts.insert(0, "**The data are invented:** this is the sample shop that comes with klavnb.")
    if comparison.other_currencies:
        left = ", ".join(
            f"{count:,} in {escape_markdown(mask(name))}" for name, count in comparison.other_currencies.items()
        )
        parts.append(f"**Left out**, since money of different currencies cannot be added: {left}.")
    unheard = _list_unknown(study)
    if unheard:
        parts.append(
            f"**Not in the export:** {'; '.join(unheard)}. Nobody can tell whether there were none or they were not exported, so they are "
            "shown as a dash, never as 0."
        )
    return Finding("\n\n".join(parts))


def _list_unknown(study: MessageStudy) -> list[str]:
    """Say by channel which events the export has none of."""
    told = []
    for channel, kinds in EXPECTED.items():
        missing = [KIND_WORDS[kind] for kind in kinds if channel not in study.known[kind]]
        if 0 < len(missing) < len(kinds):
            effect = ", so no recipients and no rates" if channel not in study.known["received"] else ""
            told.append(f"no {' and no '.join(missing)} of {CHANNEL_WORDS[channel]}{effect}")
    return told


def list_message_caveats(study: MessageStudy, *, least: int, currency: str | None) -> Finding:
    """Say what could mislead a reader, most of it counted in the data.

    Parameters
    ----------
    least
        Smaller groups are not shown.
    """
    comparison, period = study.comparison, study.period
    window = comparison.settings.longest_window
    counted = study.tally.filter(part="current").select(
        undated=pl.col("undated").sum(), total=pl.sum_horizontal("received", "open", "click", "bounced").sum()
    )
    undated, total = counted.collect().row(0)
    visits = (
        study.credits.filter(pl.col("channel") == "session", period.find_part(pl.col(study.credit_day)) == "current")
        .select(pl.col("candidate_value").sum())
        .collect()
        .item()
    )
    nameless = study.messages.filter(pl.col("message_type").is_null()).select(pl.len()).collect().item()
    run_up = window if study.dated_by == "event" else timedelta(0)
    is_early = period.is_open or period.data_from_on + run_up > period.first_on
    is_late = (comparison.as_of.date() - period.last_on) < window
    by_send_date = study.dated_by == "sent"
    texts = {
        f"- **Not over yet:** messages of the last {window.days} days before the end of the data, {comparison.as_of:%-d %B %Y}, are still "
        "being opened, and their orders still come. Klaviyo revises attribution for up to "
        f"{PROVISIONAL.days} days.": is_late,
        "- **The beginning is cut:** the export begins within this period, or just before it. What came of its first messages may be "
        "there without the messages, and the first orders without the touches that earned them.": is_early,
        f"- **Sending not known:** for {format_count(undated or 0, 'event')} ({format_share(undated or 0, total or 0)}) the export does not say when "
        "the message was sent; they count on their own day.": by_send_date and bool(undated),
        "- **Other people’s messages:** by event date the opens and orders of a period come from messages of earlier days too, so a rate "
        "looks only at those who also received the message in the period.": not by_send_date,
        f"- **Visits:** {say_money(visits, currency)} more is credited to visits to the shop, which no message earned.": bool(
            visits
        ),
        f"- **No kind:** {format_count(nameless, 'message')} of the export {'is' if nameless == 1 else 'are'} known to be neither of a campaign "
        "nor of a flow; only the channels count them.": bool(nameless),
    }
    always = [
        "- **Machine opens** are made by mail programs that fetch every picture, **bot clicks** by scanners that follow every link. Left out are "
        "those known to be; what is not known stays, so rates without machines may still be too high.",
        "- **Of those who received it:** rates look only at people whose receipt is in the export, so that a lost receipt bends no rate. "
        "Klaviyo divides all opens by all deliveries, which may give a little more.",
        "- **Recipients and messages received:** a recipient counts once in a row, however many messages came. Messages of a channel or a "
        "flow reach the same people, so their recipients do not add up; messages received do. A flow message that reached someone twice is "
        "one message received, but two delivered.",
        "- **Many comparisons:** of a hundred intervals five miss by chance. A message that stands out once is a question, not an answer.",
        "- **The order of a flow’s steps** is not in the export; it is taken from when people receive them.",
        "- **Attribution is not cause:** a credited order followed a message; it might have come without it.",
        f"- **Small groups:** rows of fewer than {least:,} people are not shown.",
    ]
    noted = [f"- **The export:** {escape_markdown(mask(note))}" for note in study.export.summary.notes]
    shown = [text for text, holds in texts.items() if holds]
    return Finding("## Before you rely on this\n\n" + "\n".join([*shown, *noted, *always]))


def collect_message_facts(dates: pl.LazyFrame, *, study: MessageStudy) -> Facts:
    """Collect what the index and the banner of a report on messages say of it.

    Parameters
    ----------
    dates
        As `klavnb.performance.compare_dates` gives it.
    """
    comparison, period = study.comparison, study.period
    total = dates.filter(dated_by=study.dated_by).collect().row(0, named=True)
    is_late = comparison.as_of.date() - period.last_on < PROVISIONAL
    notices = [
        f"Provisional: messages of the last {PROVISIONAL.days} days, up to {comparison.as_of:%-d %B %Y}, had not finished earning when the "
        "export was made."
        if is_late
        else "",
        tell_age(comparison.as_of.date()),
    ]
    reached = study.tally.filter(pl.col("part") == "current", pl.col("received") > 0)
    delivered, left = reached.select(pl.col("received").sum(), pl.col("unsubscribed").sum()).collect().row(0)
    has_receipts = bool(study.known["received"])
    money = format_money(total["candidate_value"], comparison.currency)
    return Facts(
        {
            "headline": f"Messages earned {money} ({say_dating(study)})",
            "data_as_of": f"{comparison.as_of:%Y-%m-%d}",
            "status": "provisional" if is_late else "final",
            "banner": " ".join(filter(None, notices)) or None,
            "period": f"{period.first_on} to {period.last_on}",
            "figures": list_figures(
                [
                    ("Earned by messages, cooperative model", total["candidate_value"], comparison.currency),
                    ("Earned by messages, old model", total["baseline_value"], comparison.currency),
                    ("Orders of messages", total["count_candidate"], "orders"),
                    ("Messages delivered", delivered if has_receipts else None, "messages"),
                    ("Unsubscriptions", left if study.known["unsubscribed"] else None, "unsubscriptions"),
                ]
            ),
        }
    )
