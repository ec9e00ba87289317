"""Which metric the events of a file are of, where no column says it."""

import re
from collections.abc import Sequence
from typing import Final

from klavnb.formats.source import Source
from klavnb.metrics import METRICS, RENAMED_METRICS
from klavnb.settings import Settings

__all__ = ["find_file_metric", "is_metric_file"]

USUAL: Final = (
    *METRICS,
    *RENAMED_METRICS,
    *RENAMED_METRICS.values(),
    "Added to Cart",
    "Bounced Email",
    "Bounced Push",
    "Cancelled Order",
    "Checkout Started",
    "Dropped Email",
    "Failed to Deliver SMS",
    "Fulfilled Order",
    "Marked Email as Spam",
    "Ordered Product",
    "Placed Order",
    "Refunded Order",
    "Started Checkout",
    "Subscribed to Back in Stock",
    "Subscribed to Email Marketing",
    "Subscribed to List",
    "Unsubscribed",
    "Unsubscribed from List",
    "Viewed Product",
)
"""Names of metrics as Klaviyo spells them."""

NEUTRAL: Final = re.compile(
    "all|bulk|csv|data|download|events?|exports?|history|historical|import|job|klaviyo|metrics?|output|part|profiles?|"
    "results?|sample|utc|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|january|february|march|april|june|july|"
    "august|september|october|november|december",
    re.IGNORECASE,
)
"""Words in a file's name that say nothing about the metric."""


def find_file_metric(source: Source, *, settings: Settings) -> str | None:
    """Find the metric that all events of a file are of; None where neither the settings nor its name say it.

    The settings count first. A name of Klaviyo's own, or of the settings', is found in any spelling, as in
    `placed_order-2026-01.csv.gz`; any other name is taken as it is, without numbers, dates and words such as
    “events” and “export”.
    """
    given = {name.lower(): metric for name, metric in settings.file_metrics.items()}
    for name in (source.path.name.lower(), (source.member or "").rpartition("/")[2].lower(), source.base, source.stem):
        if name in given:
            return given[name]
    words = _list_words(source)
    own = (*settings.metrics, settings.conversion_metric)
    return _find_name(words, own) or " ".join(_strip(words, from_start=True)) or None


def is_metric_file(source: Source) -> bool:
    """Tell whether a file is named after one of Klaviyo's usual metrics."""
    return _find_name(_list_words(source), ()) is not None


def _find_name(words: Sequence[str], own: Sequence[str]) -> str | None:
    """Find the metric that words are the name of, perhaps among neutral ones."""
    names = {_squeeze(name): name for name in (*USUAL, *own)}
    candidates = (words, _strip(words, from_start=False), _strip(words, from_start=True))
    return next((names[key] for each in candidates if (key := _squeeze("".join(each))) in names), None)


def _strip(words: Sequence[str], *, from_start: bool) -> list[str]:
    """Leave out neutral words at the end; also those at the start."""
    rest = list(words)
    while rest and NEUTRAL.fullmatch(rest[-1]):
        rest.pop()
    while from_start and rest and NEUTRAL.fullmatch(rest[0]):
        rest.pop(0)
    return rest


def _list_words(source: Source) -> list[str]:
    """List the words of a file's name as it spells them, without numbers, dates and ids."""
    name = (source.member or source.path.name).rpartition("/")[2].partition(".")[0]
    return [word for word in re.findall(r"[^\W_]+", name) if word.isalpha()]


def _squeeze(name: str) -> str:
    return re.sub(r"[\W\d_]", "", name.lower())
