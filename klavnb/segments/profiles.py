"""What profiles are: properties, region and predictions, of which an export knows the present state only."""

import re
from collections.abc import Mapping
from typing import Final, Literal

import polars as pl

from klavnb.definitions.conditions import (
    DateFilter,
    ExistenceFilter,
    Filter,
    MetricCondition,
    NumericFilter,
    PredictionCondition,
    PropertyCondition,
    RegionCondition,
)
from klavnb.properties import find_values
from klavnb.reading import parse_time
from klavnb.segments.account import Account, number_profiles
from klavnb.segments.calendar import Calendar, find_midnight
from klavnb.segments.combining import FAR, LONG_AGO, TIME, clip, complement
from klavnb.segments.countries import REGIONS
from klavnb.segments.metrics import find_metric_spans
from klavnb.segments.timeframes import place_dates
from klavnb.segments.values import compare_number, is_true

__all__ = [
    "ORDERS",
    "RECOMPUTED",
    "find_prediction_spans",
    "find_property_spans",
    "find_region_spans",
    "find_value_spans",
    "locate_property",
    "read_time",
]

TEXT_COLUMNS: Final = {
    "email": "email",
    "phone_number": "phone_number",
    "phone": "phone_number",
    "first_name": "first_name",
    "external_id": "external_id",
    "id": "profile_id",
}
TIME_COLUMNS: Final = {
    "created": "created_at",
    "updated": "updated_at",
    "last_event_date": "last_event_at",
}
QUOTED: Final = re.compile(r"""^(properties|location)\[(['"])(.*)\2\]$""", re.DOTALL)
ONLY_DAY: Final = r"^\d{4}-\d\d-\d\d$"
ORDERS: Final = "Placed Order"

RECOMPUTED: Final[Mapping[str, Literal["sum", "count", "average"]]] = {
    "historic_clv": "sum",
    "historic_number_of_orders": "count",
    "average_order_value": "average",
}
"""Predictions that are no predictions: what they measure of the orders so far."""
RENAMED: Final = {"expected_date_of_next_purchase": "expected_date_of_next_order"}


def locate_property(name: str) -> tuple[str, str | None]:
    """Say where a property stands: a column of the profile, and the path inside it where that is JSON.

    A name that is none of Klaviyo's own is looked up among the custom properties.

    Examples
    --------
    >>> locate_property("email"), locate_property("location['city']"), locate_property("properties['Shoe Size']")
    (('email', None), ('location', 'city'), ('properties', 'Shoe Size'))
    """
    quoted = QUOTED.match(name)
    if quoted:
        return quoted[1], quoted[3]
    known = {**TEXT_COLUMNS, **TIME_COLUMNS}
    return (known[name], None) if name in known else ("properties", name)


def find_property_spans(condition: PropertyCondition, account: Account) -> pl.DataFrame:
    """Find the spans in which a property satisfies a filter: the present value is taken for all times.

    Only a filter by date moves, with the as-of moment. `not-set` is true of what is absent, null or an empty text;
    every other filter, in its `not-` form too, is never true of it.
    """
    column, path = locate_property(condition.property)
    return find_value_spans(_read_property(column, path, account), condition.filter, account)


def find_region_spans(condition: RegionCondition, account: Account) -> pl.DataFrame:
    """Find the profiles whose country is, or is not, in a region; a profile without a country is neither."""
    countries = list(REGIONS[condition.region])
    found = _read_property("location", "country", account).filter(pl.col("text") != "")
    is_in = pl.col("text").str.strip_chars().str.to_lowercase().is_in(countries)
    return _always(found.filter(is_in == condition.in_region), account)


def find_prediction_spans(condition: PredictionCondition, account: Account) -> pl.DataFrame:
    """Find the spans in which one of Klaviyo's figures satisfies a filter.

    `historic_clv`, `historic_number_of_orders` and `average_order_value` are measured anew on the orders up to the
    as-of moment: the sum and number of orders are 0 without one. All others are the present figures, for all times.
    The rank of a channel (`high`, `medium`, `low`) is not in a profile's data: a filter on it is never true.
    """
    measurement = RECOMPUTED.get(condition.dimension)
    if measurement is not None and isinstance(condition.filter, NumericFilter):
        timeframe = DateFilter(operator="alltime")
        orders = MetricCondition(
            metric=ORDERS, measurement=measurement, measurement_filter=condition.filter, timeframe=timeframe
        )
        return find_metric_spans(orders, account)
    if condition.dimension == "channel_affinity":
        return _find_affinity(condition, account)
    path = RENAMED.get(condition.dimension, condition.dimension)
    return find_value_spans(_read_property("predictions", path, account), condition.filter, account)


def _find_affinity(condition: PredictionCondition, account: Account) -> pl.DataFrame:
    """The place of a channel among those ranked for a profile, the best one being 1."""
    ranked = _read_property("predictions", "ranked_channel_affinity[*]", account)
    of_channel = ranked.filter(pl.col("text") == condition.predicted_channel)
    if condition.measurement != "priority" or not isinstance(condition.filter, NumericFilter):
        return _always(of_channel.clear(), account)
    return _always(of_channel.filter(compare_number(pl.col("item").cast(pl.Int64) + 1, condition.filter)), account)


def _read_property(column: str, path: str | None, account: Account) -> pl.DataFrame:
    """One row per profile that has the property, as `find_values` gives values, with its `profile` and `time`."""
    chosen = account.within.narrow(account.export.profiles).select("profile_id", value=column)
    profiles = number_profiles(chosen, account).collect()
    if path is not None:
        values = find_values(profiles["value"], [path])
        return values.with_columns(
            profile=profiles["profile"].gather(values["row"]), time=read_time(pl.col("text"), account.calendar)
        )
    if column in TIME_COLUMNS.values():
        found = profiles.drop_nulls().select("profile", time="value", text=pl.col("value").dt.to_string("iso"))
    else:
        found = profiles.drop_nulls().select("profile", text="value", time=read_time(pl.col("value"), account.calendar))
    return found.with_columns(
        kind=pl.lit("text"),
        number=pl.col("text").cast(pl.Float64, strict=False),
        flag=pl.lit(None, pl.Boolean),
        texts=pl.lit(None, pl.List(pl.String)),
    )


def read_time(text: pl.Expr, calendar: Calendar) -> pl.Expr:
    """Read a date or a time of a property; a date alone begins with the calendar's day."""
    tidy = text.str.strip_chars()
    day = pl.when(tidy.str.contains(ONLY_DAY)).then(tidy).str.to_date("%Y-%m-%d", strict=False)
    return pl.coalesce(find_midnight(day, calendar), parse_time(tidy))


def find_value_spans(values: pl.DataFrame, asked: Filter, account: Account) -> pl.DataFrame:
    """Find the spans in which one of a profile's values satisfies a filter, within the universe.

    Parameters
    ----------
    values
        Rows as `find_values` gives them, with `profile` and `time`.
    """
    match asked:
        case DateFilter():
            dated = values.filter(pl.col("time").is_not_null())
            return clip(place_dates(dated, asked, account).select("profile", "start", "end"), account.profiles)
        case ExistenceFilter(is_set=is_set):
            present = _always(values.filter((pl.col("kind") != "text") | (pl.col("text") != "")), account)
            return present if is_set else complement(present, account.profiles)
        case _:
            return _always(values.filter(is_true(asked)), account)


def _always(values: pl.DataFrame, account: Account) -> pl.DataFrame:
    """All of a profile's time in the universe, for those who have a row."""
    return clip(values.select("profile", start=pl.lit(LONG_AGO, TIME), end=pl.lit(FAR, TIME)), account.profiles)
