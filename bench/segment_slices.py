"""Measure segments of a store whole process by whole process: one day, every day of two years, all stays.

Give it a store, such as one that `attribution.py --folder` keeps: `segment_slices.py STORE`. Sizes of 730 days must
cost at most twice the members of one, in processor time.
"""

import statistics
import sys
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import polars as pl
from load import measure

import klavnb as kn
from klavnb.definitions import Definition, single_order_at_least
from klavnb.definitions.conditions import (
    DateFilter,
    ExistenceFilter,
    Group,
    MetricCondition,
    NumericFilter,
    PropertyFilter,
)
from klavnb.export import Export
from klavnb.segments import list_members

ROUNDS: Final = 3
DAYS: Final = 730
ALLOWED: Final = 2.0


def ask(
    metric: str, measurement: str, operator: str, value: float, days: int, *filters: PropertyFilter
) -> MetricCondition:
    """What a metric's events of some days come to."""
    return MetricCondition(
        metric=metric,
        measurement=measurement,
        measurement_filter=NumericFilter(operator=operator, value=value),
        timeframe=DateFilter(operator="in-the-last", quantity=days),
        metric_filters=filters,
    )


def define(name: str, *conditions: MetricCondition) -> Definition:
    """A segment of which all conditions hold."""
    return Definition(name=name, root=Group(match="all", parts=conditions))


AT_LEAST: Final = "greater-than-or-equal"
DEFINITIONS: Final = [
    single_order_at_least(100, days=30),
    define(
        "Two orders and 300",
        ask("Placed Order", "count", AT_LEAST, 2, 90),
        ask("Placed Order", "sum", AT_LEAST, 300, 365),
    ),
    define(
        "Opened, did not order",
        ask("Opened Email", "count", AT_LEAST, 1, 90),
        ask("Placed Order", "count", "equals", 0, 90),
    ),
]
NEVER: Final = define("Did not order", ask("Placed Order", "count", "equals", 0, 90))
INSIDE: Final = [
    define(
        f"Orders with {path}",
        ask("Placed Order", "count", AT_LEAST, 1, 90, PropertyFilter(path=path, filter=ExistenceFilter(is_set=True))),
    )
    for path in ("source", "$event_id", "Items[*].Size")
]


def find_last_day(data: Export) -> date:
    """The day of the last event."""
    day: date = data.events.select(pl.col("occurred_at").max().dt.date()).collect().item()
    return day


def find_members(data: Export, _out: Path) -> None:
    """Find the members of each segment on the last day."""
    list_members(data, DEFINITIONS, as_of=find_last_day(data)).collect()


def find_sizes(data: Export, definitions: list[Definition]) -> None:
    """Find the sizes of some segments on every day."""
    last = find_last_day(data)
    kn.segment_sizes(data, definitions, start=last - timedelta(days=DAYS - 1), end=last).collect()


WORKS: Final[dict[str, Callable[[Export, Path], None]]] = {
    "nothing": lambda _data, _out: None,
    "members of 3 segments on one day": find_members,
    f"sizes of 3 segments on {DAYS} days": lambda data, _out: find_sizes(data, DEFINITIONS),
    f"sizes of one that asks about everyone on {DAYS} days": lambda data, _out: find_sizes(data, [NEVER]),
    f"sizes of 3 that read properties on {DAYS} days": lambda data, _out: find_sizes(data, INSIDE),
    "stays of 3 segments, as Parquet": lambda data, out: kn.find_memberships(data, DEFINITIONS).sink_parquet(out),
}


def main(store: str) -> None:
    """Run the rounds, print the table, and fail if the days cost too much."""
    with tempfile.TemporaryDirectory() as folder:
        commands = {name: [sys.executable, __file__, store, name, f"{folder}/stays.parquet"] for name in WORKS}
        rounds = [{name: measure(command) for name, command in commands.items()} for _ in range(ROUNDS)]
    count = kn.read_export(store).summary.rows_kept
    print(f"{count:,} events, medians of {ROUNDS} rounds, whole processes, polars {pl.__version__}\n")
    print("| work | wall s | processor s | peak MB |")
    print("|---|---|---|---|")
    processor = {}
    for name in WORKS:
        wall, used, peak = (
            statistics.median(figures) for figures in zip(*(each[name] for each in rounds), strict=True)
        )
        processor[name] = used
        print(f"| {name} | {wall:.1f} | {used:.1f} | {peak:.0f} |")
    nothing, day, days = list(processor.values())[:3]
    ratio = (days - nothing) / (day - nothing)
    print(f"\n{DAYS} days cost {ratio:.2f} times one day.")
    if ratio > ALLOWED:
        sys.exit(f"At most {ALLOWED:g} is allowed.")


if __name__ == "__main__":
    if len(sys.argv) > 2:  # noqa: PLR2004 - a process that is measured: store, work, file
        WORKS[sys.argv[2]](kn.read_export(sys.argv[1]), Path(sys.argv[3]))
    else:
        main(sys.argv[1])
