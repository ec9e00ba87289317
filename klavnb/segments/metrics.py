"""What profiles did, measured in a time frame that moves: events of a metric → spans in which they measure up."""

from dataclasses import replace
from typing import Final, Literal

import polars as pl

from klavnb.definitions.conditions import MetricCondition, NumericFilter, PropertyFilter
from klavnb.segments.account import Account, find_events
from klavnb.segments.combining import FAR, complement, find_spans, note_changes, unite
from klavnb.segments.exact import compare_average, compare_sum, to_units
from klavnb.segments.matching import VALUE, find_matches, is_value_true, split_filters
from klavnb.segments.opposites import find_opposite
from klavnb.segments.timeframes import place_events
from klavnb.segments.values import COMPARISONS, compare_number

__all__ = ["find_filtered", "find_metric_spans"]

ONE: Final = pl.lit(1, pl.Int32)
NUMBER: Final = pl.col("number")
YEARLY: Final = ("anniversary-last", "anniversary-next")


def find_metric_spans(condition: MetricCondition, account: Account) -> pl.DataFrame:
    """Find the spans of the as-of moment in which a profile's events measure up.

    An event enters the measure when the time frame takes it in, and never before it has happened. Of
    events without a value, `count` counts them and `sum` adds 0; the other measures pass them over, and are
    true of no profile without a value. A condition that no events satisfy too, such as `count` equals 0, holds of
    every profile of the universe from the start. `last` is the latest event, of those at one time that of the
    larger id. Sums and averages are exact to 1/10,000.
    """
    opposite = find_opposite(condition)
    if isinstance(opposite, MetricCondition):
        return complement(find_metric_spans(opposite, account), account.profiles)
    asked = condition.measurement_filter
    is_last = condition.measurement == "last"
    measured = None if condition.measurement == "count" else condition.measured
    rows = find_filtered(condition.metric, condition.metric_filters, account, measured=measured, with_id=is_last)
    if measured is not None and condition.measurement != "sum":
        rows = rows.filter(NUMBER.is_not_null())
    if is_last:
        return _find_last(rows, condition, account)
    placed = place_events(rows, condition.timeframe, account)
    if condition.measurement == "count" and _asks_for_any(asked):
        return unite(placed)
    return _measure(placed, condition.measurement, asked)


def find_filtered(
    metric: str,
    filters: tuple[PropertyFilter, ...],
    account: Account,
    *,
    measured: str | None = None,
    with_id: bool = False,
) -> pl.DataFrame:
    """Find the events of a metric that satisfy all filters: `profile`, `time`, and the `number` that is measured.

    One row per event; of a number that is measured through a list of items, one per item's number.
    """
    events = find_events(account, metric)
    on_value, on_properties = split_filters(filters)
    inside = None if measured in {None, VALUE} else measured
    found = events.rows.filter(*is_value_true(on_value))
    number = "value"
    if on_properties or inside is not None:
        matches = find_matches(found["row"], events.values, on_properties, measured=inside)
        found = matches.join(found, on="row", maintain_order="left")
        number = "value" if inside is None else "number"
    return found.select("profile", "time", *(["event_id"] if with_id else []), number=number)


def _asks_for_any(asked: NumericFilter) -> bool:
    """Whether a count satisfies the filter exactly when it is not 0."""
    one, two = (COMPARISONS[asked.operator](count, asked.value) for count in (1, 2))
    return bool(one and two and asked.operator not in {"less-than", "less-than-or-equal"})


def _measure(
    placed: pl.DataFrame, measurement: Literal["count", "sum", "max", "min", "average", "last"], asked: NumericFilter
) -> pl.DataFrame:
    """Add up what spans bring and take, and find where the measure satisfies the filter; never where there is none."""
    count = pl.col("count")
    match measurement:
        case "count":
            return find_spans(note_changes(placed, {"count": ONE}), compare_number(count, asked))
        case "sum":
            return find_spans(note_changes(placed, {"total": to_units(NUMBER)}), compare_sum(pl.col("total"), asked))
        case "average":
            changes = note_changes(placed, {"count": ONE, "total": to_units(NUMBER)})
            return find_spans(changes, (count > 0) & compare_average(pl.col("total"), count, asked))
        case _:
            return _measure_extreme(placed, measurement, asked)


def _measure_extreme(placed: pl.DataFrame, measurement: str, asked: NumericFilter) -> pl.DataFrame:
    """Compare the largest or smallest number by counting how many lie beyond the threshold, on it and before it."""
    sign = 1 if measurement == "max" else -1
    number, threshold = NUMBER * sign, asked.value * sign
    changes = note_changes(
        placed,
        {
            "beyond": (number > threshold).cast(pl.Int32),
            "on": (number == threshold).cast(pl.Int32),
            "before": (number < threshold).cast(pl.Int32),
        },
    )
    # the extreme is beyond the threshold as soon as one number is, and on it if one is on it and none beyond
    order = (
        pl.when(pl.col("beyond") > 0).then(sign).when(pl.col("on") > 0).then(0).when(pl.col("before") > 0).then(-sign)
    )
    return find_spans(changes, compare_number(order, replace(asked, value=0.0)))


def _find_last(rows: pl.DataFrame, condition: MetricCondition, account: Account) -> pl.DataFrame:
    """Compare the latest number: each counts until a later one enters."""
    ordered = rows.sort("profile", "time", "event_id", maintain_order=True).with_row_index("rank")
    placed = place_events(ordered, condition.timeframe, account)
    satisfies = compare_number(NUMBER, condition.measurement_filter)
    if condition.timeframe.operator in YEARLY:
        return _find_last_of_many(placed, satisfies)
    following = pl.when(pl.col("profile") == pl.col("profile").shift(-1)).then(pl.col("start").shift(-1))
    return unite(placed.with_columns(end=pl.min_horizontal("end", following.fill_null(FAR))).filter(satisfies))


def _find_last_of_many(placed: pl.DataFrame, satisfies: pl.Expr) -> pl.DataFrame:
    """The same where each time has many spans, so that an earlier one may be the latest once more."""
    later = placed.select("profile", later="rank", since="start", until="end")
    overlaps = (
        placed.lazy()
        .join(later.lazy(), on="profile")
        .filter(pl.col("later") > pl.col("rank"), pl.col("since") < pl.col("end"), pl.col("until") > pl.col("start"))
        .select("rank", start=pl.max_horizontal("start", "since"), end=pl.min_horizontal("end", "until"))
        .collect()
    )
    own = placed.filter(satisfies)
    covered = unite(overlaps.join(own, on="rank", how="semi").select("start", "end", profile="rank"))
    changes = pl.concat(
        [
            note_changes(own.select("start", "end", profile="rank"), {"depth": ONE}),
            note_changes(covered, {"depth": -ONE}),
        ]
    )
    latest = find_spans(changes, pl.col("depth") == 1).rename({"profile": "rank"})
    return unite(latest.join(own.select("rank", "profile").unique(), on="rank"))
