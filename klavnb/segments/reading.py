"""The events that conditions ask for, read once for all: one row per event, one per value found in its properties."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from klavnb.definitions.conditions import PropertyFilter
from klavnb.export import Export
from klavnb.metrics import RENAMED_METRICS
from klavnb.properties import find_values
from klavnb.segments.matching import is_value_true

__all__ = ["EventQuestion", "MetricEvents", "group_questions", "read_events", "resolve_metric"]

ROWS_OF_JSON: Final = 50_000
"""Events, about, whose properties are held at once: those of an order may be several KB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuestion:
    """What a condition asks of the events of a metric.

    Parameters
    ----------
    metric
        Its id, or any of its names.
    on_value
        Filters on `$value`: the properties of events of which they are not true need not be read.
    paths
        Where in the properties values are looked up; none: the properties are not read.
    needs_id
        Whether events are told apart by their ids.
    """

    metric: str
    on_value: tuple[PropertyFilter, ...] = ()
    paths: tuple[str, ...] = ()
    needs_id: bool = False


@dataclass(frozen=True, slots=True)
class MetricEvents:
    """The events of one metric, as far as they are asked for.

    Parameters
    ----------
    rows
        One row per event: `row` (its number), `profile_id` or, once profiles are numbered, `profile`, `time`, `value`,
        and `event_id` where it is asked for.
    values
        What `find_values` finds at all paths that are asked for, by `row`.
    """

    rows: pl.DataFrame
    values: pl.DataFrame


def resolve_metric(export: Export, metric: str) -> str:
    """Find the name that a metric's events bear, from the metric's id or any of its names."""
    name = export.summary.metric_names.get(metric, metric)
    return RENAMED_METRICS.get(name, name)


def group_questions(export: Export, questions: Iterable[EventQuestion]) -> dict[str, list[EventQuestion]]:
    """Put the questions about one metric together, by the name that its events bear; each once."""
    found: dict[str, dict[EventQuestion, None]] = {}
    for question in questions:
        name = resolve_metric(export, question.metric)
        found.setdefault(name, {})[replace(question, metric=name)] = None
    return {name: list(asked) for name, asked in found.items()}


def read_events(events: pl.LazyFrame, asked: Mapping[str, Sequence[EventQuestion]]) -> dict[str, MetricEvents]:
    """Read the events of some metrics: the columns that are asked for, and properties only of metrics that need them.

    Parameters
    ----------
    events
        Of an export, or of some of its profiles.
    asked
        The questions by metric, as `group_questions` gives them.
    """
    needs_id = any(each.needs_id for questions in asked.values() for each in questions)
    columns = ["metric", "profile_id", "value", *(["event_id"] if needs_id else [])]
    inside = {metric: each for metric, each in asked.items() if any(question.paths for question in each)}
    plain = [metric for metric in asked if metric not in inside]
    found = _read_plain(_find(events, plain, columns), plain) if plain else {}
    return found | (_read_inside(_find(events, list(inside), [*columns, "properties"]), inside) if inside else {})


def _find(events: pl.LazyFrame, metrics: Sequence[str], columns: Sequence[str]) -> pl.LazyFrame:
    is_asked = pl.col("metric") == metrics[0] if len(metrics) == 1 else pl.col("metric").is_in(metrics)
    return events.filter(is_asked).select(*columns, time="occurred_at")


def _read_plain(events: pl.LazyFrame, metrics: Sequence[str]) -> dict[str, MetricEvents]:
    nothing = find_values(pl.Series([], dtype=pl.String), [])
    rows = events.collect().with_row_index("row")
    return {metric: MetricEvents(_of(rows, metric), nothing) for metric in metrics}


def _of(rows: pl.DataFrame, metric: str) -> pl.DataFrame:
    return rows.filter(pl.col("metric") == metric).drop("metric")


def _read_inside(events: pl.LazyFrame, asked: Mapping[str, Sequence[EventQuestion]]) -> dict[str, MetricEvents]:
    """Read events some at a time: of their properties, only what is found in them is held."""
    nothing = events.collect_schema().to_frame()
    batches = [nothing.drop("properties")]
    values = {metric: [_look_inside(nothing, metric, questions, 0)] for metric, questions in asked.items()}
    count = 0
    for batch in events.collect_batches(chunk_size=ROWS_OF_JSON):
        batches.append(batch.drop("properties"))
        for metric, questions in asked.items():
            values[metric].append(_look_inside(batch, metric, questions, count))
        count += batch.height
    rows = pl.concat(batches).with_row_index("row")
    return {metric: MetricEvents(_of(rows, metric), pl.concat(values[metric])) for metric in asked}


def _look_inside(batch: pl.DataFrame, metric: str, asked: Sequence[EventQuestion], first: int) -> pl.DataFrame:
    """Find the values of a metric's events at all paths, in those that some question's filters on `$value` leave."""
    looking = [question for question in asked if question.paths]
    is_left = pl.any_horizontal(
        pl.all_horizontal(pl.lit(value=True), *is_value_true(question.on_value)) for question in looking
    )
    left = batch.with_row_index("row", first).filter(pl.col("metric") == metric, is_left)
    paths = dict.fromkeys(path for question in looking for path in question.paths)
    values = find_values(left["properties"], list(paths))
    return values.with_columns(row=left["row"].gather(values["row"]))
