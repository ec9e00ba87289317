"""The measures of messages in a reader's words, the same in every table, chart and sentence."""

from collections.abc import Mapping
from types import MappingProxyType

from klavnb.performance.periods import Period
from klavnb.performance.study import MessageStudy

__all__ = ["MEASURE_NAMES", "name_model", "say_dating", "say_days"]

MEASURE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "count_recipients": "Recipients, profiles",
        "count_reached": "Messages received, once a person",
        "count_delivered": "Delivered, messages",
        "count_bounced": "Bounced, messages",
        "bounce_rate": "Bounced, of those sent",
        "count_dropped": "Dropped before sending, messages",
        "count_failed": "Not delivered, texts",
        "failure_rate": "Not delivered, of those sent",
        "count_human_opened": "Opened, profiles, without machines",
        "count_opened": "Opened, profiles, with machines",
        "count_human_opens": "Opens, without machines",
        "count_opens": "Opens, with machines",
        "human_open_rate": "Open rate, without machines",
        "open_rate": "Open rate, with machines",
        "count_human_clicked": "Clicked, profiles, without bots",
        "count_clicked": "Clicked, profiles, with bots",
        "count_human_clicks": "Clicks, without bots",
        "count_clicks": "Clicks, with bots",
        "human_click_rate": "Click rate, without bots",
        "click_rate": "Click rate, with bots",
        "click_to_open_rate": "Clicked, of those who opened",
        "count_candidate": "Orders",
        "count_baseline": "Orders",
        "candidate_value": "Revenue",
        "baseline_value": "Revenue",
        "candidate_per_recipient": "Revenue per message received",
        "baseline_per_recipient": "Revenue per message received",
        "candidate_order_value": "Average order",
        "baseline_order_value": "Average order",
        "count_unsubscribed": "Unsubscribed, profiles",
        "unsubscribe_rate": "Unsubscribe rate",
        "count_marked_spam": "Marked as spam, profiles",
        "spam_rate": "Spam rate",
    }
)
"""Measure → what a reader calls it, in the order in which a reader wants them; of which model, is not said."""


def name_model(model: str) -> str:
    """Name an attribution model inside a sentence.

    Examples
    --------
    >>> name_model("cooperative"), name_model("first_touch")
    ('cooperative model', 'first touch model')
    """
    return f"{model.replace('_', ' ')} model"


def say_days(period: Period) -> str:
    """Say a period: its first and its last day.

    Examples
    --------
    >>> from datetime import date
    >>> on = date(2026, 8, 31)
    >>> say_days(Period(first_on=date(2026, 6, 3), last_on=on, is_open=False, data_from_on=on))
    '3 June to 31 August 2026'
    """
    first, last = period.first_on, period.last_on
    year = f" {first:%Y}" if first.year != last.year else ""
    return f"{first:%-d %B}{year} to {last:%-d %B %Y}"


def say_dating(study: MessageStudy) -> str:
    """Say for a title by which day things count, and in which time zone."""
    way = "send date" if study.dated_by == "sent" else "event date"
    return f"by {way}, {study.calendar.time_zone}"
