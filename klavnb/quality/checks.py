"""What a check is, from where on it is worth a look or serious, and checks as a table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Literal

import polars as pl

__all__ = [
    "LEVELS",
    "NO_ORDERS",
    "SIGNS",
    "TITLES",
    "UNJUDGED",
    "Check",
    "Level",
    "Limits",
    "agree",
    "checks_to_frame",
    "find_worst",
    "grade",
]

Level = Literal["not judged", "good", "look", "serious"]

LEVELS: Final[tuple[Level, ...]] = ("not judged", "good", "look", "serious")
"""There is nothing to look at; nothing speaks against it; know it before you rely on the numbers; the numbers are
wrong until it is mended."""

UNJUDGED: Final = LEVELS[0]

SIGNS: Final[Mapping[Level, str]] = {"not judged": "–", "good": "✓", "look": "!", "serious": "✗"}
"""A level beside its word: neither needs a colour."""

TITLES: Final[Mapping[str, str]] = {
    "period": "Period",
    "gaps": "Missing days",
    "metric_gaps": "Days without a metric",
    "metric_edges": "Metrics that begin late or end early",
    "thin_end": "Thin last days",
    "missing_events": "Events that are not there",
    "provisional": "Provisional orders",
    "run_up": "Orders without a run-up",
    "metrics": "Missing metrics",
    "unknown_metrics": "Unknown metrics",
    "receipts": "Receipts",
    "messageless": "Touches without a message",
    "machine_opens": "Machine opens",
    "bot_clicks": "Bot clicks",
    "recorded_attribution": "Klaviyo’s own attribution",
    "message_names": "Names of messages",
    "order_values": "Values of orders",
    "outliers": "Absurd values",
    "currencies": "Currencies",
    "repeated_orders": "Orders there twice",
    "future": "Events in the future",
    "stray": "Events of long ago",
    "midnight": "Events at midnight",
    "same_second": "Events of one second",
    "repeated_events": "Repeated events",
    "rejects": "Rows that could not be used",
    "busy_profile": "Busiest profile",
    "profile_records": "Records of profiles",
    "consent": "Consent",
    "groups": "Lists and segments",
}
"""Check → what a reader calls it."""


NO_ORDERS: Final = "There are no orders to look at."


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at in an export, in plain text: what was found, and what follows from it.

    Parameters
    ----------
    name
        The check, always the same word.
    level
        One of `LEVELS`.
    found
        What was found, with its numbers. It may hold names from the data.
    effect
        What it does to the numbers; empty where it does nothing.
    advice
        What to do about it; empty where there is nothing to do.
    count, of_count
        The number that decides, and what it is a part of; `of_count` is 0 where there is no whole.
    parts
        What the number is made of: a metric, a reason, a currency or a stretch of days → how many.
    """

    name: str
    level: Level
    found: str
    effect: str = ""
    advice: str = ""
    count: int = 0
    of_count: int = 0
    parts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on a check is worth a look, or serious: what is a matter of judgement.

    Every share is between 0 and 1 and is reached by being equal.

    Parameters
    ----------
    least_days
        A shorter period cannot be judged well.
    least_usual
        Days without an event are a gap if at least so many events would be usual on them.
    serious_gap
        Share of the days of the period: as many days of gaps are serious.
    edge
        A metric that begins so much after the others, or ends so much before, is told of.
    thin_end
        The last full days are thin below this share of what is usual on their week-days; serious below a fifth of it.
    provisional
        Orders younger than this at the export's end may still be credited otherwise by Klaviyo.
    look_share, serious_share
        For whatever is missing or doubtful, unless another limit is named for it here.
    look_values, serious_values
        Share of the orders without a value, or with one of 0 or below.
    serious_repeats
        Share of the orders that are there twice.
    serious_rejects
        Share of the rows that were set aside, repeated events apart.
    look_repeated_events
        Share of the rows that repeat an event; overlapping exports do, and it harms nothing.
    look_machine_opens
        Share of the opens known to be a machine's.
    look_unknown
        Share of the opens or clicks of which nothing says whether a person made them.
    serious_receipts
        Share of the touches without any time of receipt.
    outlier
        How many times the middle order (median) a value must be to be out of all proportion.
    serious_outliers
        Share of the money in such orders.
    earliest_on
        Before this day nobody had an account: Klaviyo was founded in 2012.
    straggling, straggling_share
        Events are stray where no other follows for so long, and they are at most this share of all.
    midnight
        Share of a metric's events at exactly midnight; dates without a time are read as that.
    same_second, least_same_second
        Share of a metric's events in one second, and how many there must be at least.
    busy_profile, busy_times
        Share of all events that is one profile's, and how many times the median profile's events those must be.
    """

    least_days: int = 28
    least_usual: int = 10
    serious_gap: float = 0.01
    edge: timedelta = timedelta(days=7)
    thin_end: float = 0.5
    provisional: timedelta = timedelta(days=5)
    look_share: float = 0.05
    serious_share: float = 0.30
    look_values: float = 0.01
    serious_values: float = 0.20
    serious_repeats: float = 0.01
    serious_rejects: float = 0.01
    look_repeated_events: float = 0.20
    look_machine_opens: float = 0.20
    look_unknown: float = 0.50
    serious_receipts: float = 0.50
    outlier: float = 100.0
    serious_outliers: float = 0.10
    earliest_on: date = date(2012, 1, 1)
    straggling: timedelta = timedelta(days=90)
    straggling_share: float = 0.001
    midnight: float = 0.05
    same_second: float = 0.01
    least_same_second: int = 50
    busy_profile: float = 0.01
    busy_times: float = 100.0


def grade(count: float, of_count: float, *, look: float, serious: float = float("inf")) -> Level:
    """Say how bad a share is; without a whole nothing speaks against it.

    Examples
    --------
    >>> grade(1, 100, look=0.05, serious=0.3), grade(5, 100, look=0.05, serious=0.3), grade(3, 0, look=0)
    ('good', 'look', 'good')
    """
    share = count / of_count if of_count else 0.0
    if not of_count or not count or share < look:
        return "good"
    return "serious" if share >= serious else "look"


def agree(count: int, of_count: int, one: str, many: str) -> str:
    """Choose the verb that follows a part and its whole.

    Examples
    --------
    >>> [agree(*counts, "has", "have") for counts in ((1, 3), (2, 3), (0, 3), (0, 1))]
    ['has', 'have', 'have', 'has']
    """
    return one if 1 in (count, of_count) else many


def find_worst(checks: Iterable[Check]) -> Level:
    """Find the worst level of some checks; what could not be judged says nothing either way.

    Examples
    --------
    >>> find_worst([Check(name="gaps", level="look", found="…"), Check(name="clocks", level="good", found="…")])
    'look'
    >>> find_worst([Check(name="groups", level="not judged", found="…")])
    'good'
    """
    return max((check.level for check in checks if check.level != UNJUDGED), key=LEVELS.index, default="good")


def checks_to_frame(checks: Iterable[Check]) -> pl.DataFrame:
    """Return checks as a table, one row per check in their order.

    Columns: `name`, `level`, `found`, `effect`, `advice` (empty text where there is none), `count`, `of_count`
    and `parts` (a list of `part` and `count`).

    Examples
    --------
    >>> checks_to_frame([Check(name="gaps", level="good", found="No day is missing.")])["level"].to_list()
    ['good']
    """
    rows = [
        {
            "name": check.name,
            "level": check.level,
            "found": check.found,
            "effect": check.effect,
            "advice": check.advice,
            "count": check.count,
            "of_count": check.of_count,
            "parts": [{"part": part, "count": count} for part, count in check.parts.items()],
        }
        for check in checks
    ]
    texts = dict.fromkeys(("found", "effect", "advice"), pl.String)
    return pl.DataFrame(
        rows,
        schema={
            "name": pl.String,
            "level": pl.Enum(LEVELS),
            **texts,
            "count": pl.Int64,
            "of_count": pl.Int64,
            "parts": pl.List(pl.Struct({"part": pl.String, "count": pl.Int64})),
        },
    )
