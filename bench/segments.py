"""Measure segments over time against one day: medians of rounds in which each contestant runs once.

The sizes of a segment on 730 days come from its membership intervals; they must cost at most twice its members
on one day. `make bench` prints the table.
"""

import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import polars as pl

from klavnb.definitions import Definition, single_order_at_least
from klavnb.definitions.conditions import DateFilter, Group, MetricCondition, NumericFilter
from klavnb.export import Export
from klavnb.schemas import Event, GroupMember, Message, Profile, Reject
from klavnb.segments import segment_members, segment_sizes
from klavnb.summary import LoadSummary

ROUNDS = 3
ORDERS, PROFILES, DAYS = 1_000_000, 200_000, 730
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
LAST = date(2025, 12, 30)
ALLOWED = 2.0


def make_export() -> Export:
    """A million orders of 200,000 profiles over 730 days, by chance, of most people few."""
    number = pl.int_range(ORDERS, eager=True).alias("number")
    drawn = pl.DataFrame({"number": number}).select(
        event_id=pl.format("event-{}", "number"),
        person=(pl.col("number").hash(1) % PROFILES) * (pl.col("number").hash(2) % PROFILES) // PROFILES,
        second=(pl.col("number").hash(3) % (DAYS * 86_400)).cast(pl.Int64),
        value=(pl.col("number").hash(4) % 20_000).cast(pl.Float64) / 100,
    )
    columns = {
        "event_id": pl.col("event_id"),
        "profile_id": pl.format("01HPROFILE{}", "person"),
        "metric": pl.lit("Placed Order"),
        "occurred_at": pl.lit(FIRST).cast(pl.Datetime("us", "UTC")) + pl.duration(seconds="second"),
        "value": pl.col("value"),
    }
    missing = {name: pl.lit(None, kind) for name, kind in Event.create_empty().schema.items() if name not in columns}
    events = drawn.select(**columns, **missing).select(Event.column_names())
    summary = LoadSummary(
        sources=(),
        rows_in=ORDERS,
        rows_kept=ORDERS,
        rejected={},
        count_profiles=0,
        count_messages=0,
        first_event_at=None,
        last_event_at=None,
        metrics={"Placed Order": ORDERS},
        notes=(),
        fingerprint="",
    )
    return Export(
        Event.cast(events.lazy()),
        Profile.create_empty().lazy(),
        Message.create_empty().lazy(),
        GroupMember.create_empty().lazy(),
        Reject.create_empty().lazy(),
        summary,
    )


def list_definitions() -> list[Definition]:
    """One condition; and three, of which one counts, one adds up, and one must not hold."""

    def measure(measurement: str, operator: str, value: float, days: int) -> MetricCondition:
        return MetricCondition(
            metric="Placed Order",
            measurement=measurement,
            measurement_filter=NumericFilter(operator=operator, value=value),
            timeframe=DateFilter(operator="in-the-last", quantity=days),
        )

    twice = measure("count", "greater-than-or-equal", 2, 90)
    spent = measure("sum", "greater-than-or-equal", 300, 365)
    lately = measure("count", "greater-than-or-equal", 1, 30)
    compound = Group(match="all", parts=(twice, spent, Group(match="none", parts=(lately,))))
    return [
        single_order_at_least(100, days=30),
        Definition(name="Two orders in 90 days and 300 in a year, none in 30 days", root=compound),
    ]


def measure(work: Callable[[], pl.LazyFrame]) -> float:
    """Seconds of wall time."""
    started = time.perf_counter()
    work().collect()
    return time.perf_counter() - started


def main() -> None:
    """Run the rounds after one that is not counted, print the table, and fail if the days cost too much."""
    export, definitions = make_export(), list_definitions()
    contestants: dict[tuple[str, str], Callable[[], pl.LazyFrame]] = {}
    for definition in definitions:
        contestants[definition.name, "one day"] = lambda asked=definition: segment_members(export, asked, as_of=LAST)
        contestants[definition.name, f"{DAYS} days"] = lambda asked=definition: segment_sizes(
            export, [asked], start=LAST - timedelta(days=DAYS - 1), end=LAST
        )
    rounds = [{name: measure(work) for name, work in contestants.items()} for _ in range(ROUNDS + 1)][1:]
    wall = {name: statistics.median(each[name] for each in rounds) for name in contestants}
    print(f"{ORDERS:,} orders of up to {PROFILES:,} profiles over {DAYS} days. Medians of {ROUNDS} rounds, ", end="")
    print(f"Python {platform.python_version()}, polars {pl.__version__}, {platform.system()} {platform.machine()}\n")
    print(f"| segment | one day, wall s | {DAYS} days, wall s | ratio |")
    print("|---|---|---|---|")
    ratios = []
    for definition in definitions:
        day, days = wall[definition.name, "one day"], wall[definition.name, f"{DAYS} days"]
        ratios.append(days / day)
        print(f"| {definition.name} | {day:.2f} | {days:.2f} | {days / day:.2f} |")
    if max(ratios) > ALLOWED:
        sys.exit(f"The sizes of {DAYS} days cost {max(ratios):.2f} times one day; at most {ALLOWED:g} is allowed.")


if __name__ == "__main__":
    main()
