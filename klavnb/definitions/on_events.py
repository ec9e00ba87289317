"""Conditions on what profiles did: the events of a metric, and steps in an order."""

from collections.abc import Mapping
from typing import Final, cast, get_args

from klavnb.definitions.checking import Spot
from klavnb.definitions.conditions import FunnelCondition, FunnelStep, Measurement, MetricCondition, PropertyFilter
from klavnb.definitions.filters import (
    EVENT_FILTERS,
    FUNNEL_TIMES,
    METRIC_TIMES,
    parse_date_filter,
    parse_filter,
    parse_numeric_filter,
)

__all__ = ["COMPLETION_HOURS", "VALUE", "parse_funnel", "parse_metric"]

VALUE: Final = "$value"
"""What is measured unless a condition says otherwise."""

COMPLETION_HOURS: Final[Mapping[str, int]] = {
    "HOURS_1": 1,
    "DAYS_1": 24,
    "DAYS_3": 72,
    "DAYS_5": 120,
    "WEEKS_1": 168,
    "DAYS_30": 720,
    "DAYS_90": 2160,
    "DAYS_180": 4320,
    "YEARS_1": 8760,
}


def parse_metric(spot: Spot) -> MetricCondition:
    """Take a condition on the events of one metric."""
    spot.expect(
        "type",
        "metric_id",
        "measurement",
        "measurement_filter",
        "timeframe_filter",
        optional=("metric_filters", "measured"),
    )
    measurement = cast("Measurement", spot.get("measurement").choose(get_args(Measurement)))
    if measurement == "count" and spot.has("measured"):
        spot.get("measured").reject(
            "a count measures no property.", hint="Leave measured out, or measure sum, max, min, average or last."
        )
    return MetricCondition(
        metric=spot.get("metric_id").text(),
        measurement=measurement,
        measurement_filter=parse_numeric_filter(spot.get("measurement_filter")),
        timeframe=parse_date_filter(spot.get("timeframe_filter"), METRIC_TIMES),
        metric_filters=_parse_metric_filters(spot),
        measured=spot.get("measured").text() if spot.has("measured") else VALUE,
    )


def _parse_metric_filters(spot: Spot) -> tuple[PropertyFilter, ...]:
    """The filters on an event; one that names a property and asks nothing about it is left out."""
    if not spot.has("metric_filters"):
        return ()
    return tuple(
        filter(None, spot.get("metric_filters").each("metric filter", _parse_metric_filter, least=0)),
    )


def _parse_metric_filter(spot: Spot) -> PropertyFilter | None:
    spot.expect("property", optional=("filter",))
    path = spot.get("property").text()
    return (
        PropertyFilter(path=path, filter=parse_filter(spot.get("filter"), EVENT_FILTERS))
        if spot.has("filter")
        else None
    )


def parse_funnel(spot: Spot) -> FunnelCondition:
    """Take a condition on steps in an order, of which the first has to have happened."""
    spot.expect("type", "timeframe_filter", "steps", optional=("completion_window_seconds",))
    window = spot.get("completion_window_seconds")
    steps = spot.get("steps").each("step", _parse_step)
    if not steps[0].metric_exists:
        spot.get("steps").reject(
            "the first step of a funnel has to be something that happened.",
            hint="Begin with a step whose metric_exists is true; the time of that event starts the funnel.",
        )
    return FunnelCondition(
        timeframe=parse_date_filter(spot.get("timeframe_filter"), FUNNEL_TIMES),
        steps=steps,
        completion_window_hours=COMPLETION_HOURS[window.choose(tuple(COMPLETION_HOURS))]
        if spot.has("completion_window_seconds")
        else None,
    )


def _parse_step(spot: Spot) -> FunnelStep:
    spot.expect("metric_exists", "metric_id", optional=("metric_filters",))
    return FunnelStep(
        metric=spot.get("metric_id").text(),
        metric_exists=spot.get("metric_exists").flag(),
        metric_filters=_parse_metric_filters(spot),
    )
