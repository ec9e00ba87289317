"""Raw frames → typed events: every rule of typing, once for all formats, in two steps.

What a row says by itself is typed where it is read (`type_events`), in as many places at once as there are; what
needs the rest of the export, such as the name of a metric, is found when all of it is there (`finish_events`).
What cannot be used becomes a reject with a reason; what can be used in part is kept and noted.
"""

from collections.abc import Mapping
from typing import Final

import polars as pl

from klavnb.formats.contract import LONGEST_RAW, build
from klavnb.formats.made_ids import MADE
from klavnb.knowledge import Knowledge
from klavnb.metrics import RENAMED_METRICS
from klavnb.reading import fill_blank, from_unix, read_times
from klavnb.schemas import Reject, list_types

__all__ = ["REPEATED", "TYPED", "finish_events", "reject_events", "type_events"]

FIRST_YEAR: Final = 1900
"""What is before it is no time but the zero of some calendar, such as the first second of the year 1."""

LAST_YEAR: Final = 9998
"""Times are shown by Python too, whose last year is 9999, in any zone."""

MOST_MONEY: Final = 1e15
"""A value beyond it, above or below 0, is no amount of money: sums of such would lose cents, or have no end."""

REPEATED: Final = "repeated event id"

MESSAGE_OF_EVENT_ID: Final = r"^(?<message>[^:\s]+):(?<transmission>[^:\s]+)(?::[^:]*)?$"
COHORT: Final = r"^(?<second>\d{9,11}):(?<message>.+)$"

TRUE: Final = ("true", "1", "1.0", "yes")
FALSE: Final = ("false", "0", "0.0", "no")

SAID: Final = ("event_id", "profile_id", "metric_id", "metric_name", "occurred_at", "occurred_unix")
PLAIN: Final = (
    "event_id",
    "profile_id",
    "metric_id",
    "metric_name",
    "currency",
    "source_event_id",
    "order_id",
    "message",
    "flow",
    "campaign_name",
    "subject",
    "campaign_id",
    "flow_id",
    "flow_message_id",
)
"""Text that stays text."""


def type_events(raw: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Type what each row says by itself, and set aside the rows that cannot be used.

    Returns
    -------
    tuple
        The usable rows, in their order, with the columns of `TYPED`; and the rejects.
    """
    # a column that is empty is one value for polars from here on: most columns of most exports are
    empty = [name for name in raw.columns if raw[name].null_count() == raw.height]
    given = raw.lazy().with_columns(pl.lit(None, dtype=raw.schema[name]).alias(name) for name in empty)
    typed = (
        given.with_row_index("row")
        .with_columns(
            *(fill_blank(name) for name in PLAIN if name not in empty),
            *_take_apart(),
            occurred_at=pl.lit(_read_time(raw)),
            handed_off_at=pl.lit(read_times(raw["handed_off_at"])),
        )
        .with_columns(*_type_values(), *_find_message(), reason=_find_reason())
        .collect()
    )
    is_usable = typed["reason"].is_null()
    if is_usable.all():
        return typed.select(TYPED), build(Reject)
    # an id that was made for an event is not what the file says
    given_id = pl.when(~pl.col("event_id").str.starts_with(MADE)).then("event_id")
    rejects = reject_events(raw.with_columns(given_id, reason=typed["reason"]).filter(~is_usable))
    return typed.filter(is_usable).select(TYPED), rejects


def _read_time(raw: pl.DataFrame) -> pl.Series:
    """Read the time; the second column of times only where the first says nothing: reading is most of the work."""
    first = read_times(raw["occurred_at"])
    if not first.has_nulls():
        return first
    second = raw.select(pl.when(first.is_null()).then("occurred_unix")).to_series()
    return first.zip_with(first.is_not_null(), read_times(second))


def _type_values() -> list[pl.Expr]:
    text = fill_blank("value")
    value = text.cast(pl.Float64, strict=False)
    is_money = value.abs() <= MOST_MONEY  # neither is NaN
    return [
        pl.when(is_money).then(value).alias("value"),
        (text.is_not_null() & is_money.fill_null(value=False).not_()).alias("is_value_unreadable"),
        _read_flag("machine_open").alias("is_machine_open"),
        _read_flag("bot_click").alias("is_bot_click"),
        fill_blank("variation").alias("variation_id"),
    ]


def _read_flag(name: str) -> pl.Expr:
    text = pl.col(name).str.strip_chars().str.to_lowercase()
    return pl.when(text.is_in(TRUE)).then(statement=True).when(text.is_in(FALSE)).then(statement=False)


def _take_apart() -> list[pl.Expr]:
    return [
        pl.when(pl.col("source_event_id").str.contains(":", literal=True))
        .then("source_event_id")
        .str.extract_groups(MESSAGE_OF_EVENT_ID)
        .alias("named"),
        pl.col("send_cohort").str.extract_groups(COHORT).alias("cohort"),
    ]


def _find_message() -> list[pl.Expr]:
    """Find the message and the sending that a row names if its metric is one of messages; that shows later."""
    named, cohort = pl.col("named").struct, pl.col("cohort").struct
    return [
        pl.coalesce(named.field("message"), "flow_message_id", "campaign_id").alias("likely_message_id"),
        named.field("transmission").alias("likely_transmission_id"),
        fill_blank("transmission_id"),
        cohort.field("message").alias("cohort_message_id"),
        from_unix(cohort.field("second")).alias("cohort_at"),
    ]


def _find_reason() -> pl.Expr:
    missing = {
        "no event id": pl.col("event_id"),
        "no profile id": pl.col("profile_id"),
        "no metric": pl.coalesce("metric_name", "metric_id"),
        "no time that can be read": pl.when(pl.col("occurred_at").dt.year().is_between(FIRST_YEAR, LAST_YEAR)).then(
            "occurred_at",
        ),
    }
    return pl.coalesce(pl.when(column.is_null()).then(pl.lit(reason)) for reason, column in missing.items())


def reject_events(rows: pl.DataFrame) -> pl.DataFrame:
    """Write rows with a `reason` as rejects; `raw` is what was read of the record, as JSON, cut to 1 KB."""
    said = pl.struct(pl.col(name).cast(pl.String) for name in SAID if name in rows.columns)
    raw = (
        said.struct.json_encode().str.strip_suffix("}")
        + pl.lit(',"properties":')
        + pl.col("properties").fill_null("null")
        + pl.lit("}")
    )
    return rows.select("file", "line", "reason", raw=raw.str.head(LONGEST_RAW)).cast(list_types(Reject))


TYPED: Final = (
    "file",
    "line",
    "row",
    *PLAIN,
    "occurred_at",
    "value",
    "is_value_unreadable",
    "handed_off_at",
    "is_machine_open",
    "is_bot_click",
    "variation_id",
    "likely_message_id",
    "likely_transmission_id",
    "transmission_id",
    "cohort_message_id",
    "cohort_at",
    "attribution_ids",
    "recorded_event_ids",
    "properties",
)
"""The columns of events between the two steps; `row` is the place in the part that was read, from 0."""


def finish_events(typed: pl.LazyFrame, known: Knowledge) -> pl.LazyFrame:
    """Name metrics, messages and campaigns, and put profiles that were met without their id to those who they are.

    Adds the columns of `Event`, all but the receipt and the recorded attribution, and `is_nameless`: nothing in the
    export names the row's metric.
    """
    return (
        typed.with_columns(_name_metric(known.metric_names), is_nameless=_is_nameless(known.metric_names))
        .with_columns(is_message=pl.col("metric").is_in(list(known.channels)).fill_null(value=False))
        .with_columns(*_settle_message(), *_settle_profile(known.profile_ids))
        .with_columns(*_describe_message(known.campaigns))
    )


def _name_metric(names: Mapping[str, str]) -> pl.Expr:
    """Name the metric; an id without a name stays the name, so that no event is lost."""
    name, metric_id = pl.col("metric_name"), pl.col("metric_id")
    known = dict(names)
    found = pl.coalesce(
        name.replace_strict(known, default=None, return_dtype=pl.String),
        name,
        metric_id.replace_strict(known, default=None, return_dtype=pl.String),
        metric_id,
    )
    return found.replace(dict(RENAMED_METRICS)).alias("metric")


def _is_nameless(names: Mapping[str, str]) -> pl.Expr:
    return pl.col("metric_name").is_null() & ~pl.col("metric_id").is_in(list(names))


def _settle_message() -> list[pl.Expr]:
    """Find message, sending and order; a table's own columns speak of a message on its metrics only.

    On a placed order, the columns of older exports hold what Klaviyo credited, not the order's message.
    """
    return [
        pl.coalesce("message", pl.when("is_message").then("likely_message_id")).alias("message_id"),
        pl.coalesce("transmission_id", pl.when("is_message").then("likely_transmission_id")).alias("transmission_id"),
        pl.coalesce("order_id", pl.when(pl.col("is_message").not_()).then("source_event_id")).alias("order_id"),
        pl.coalesce("flow", pl.when("is_message").then("flow_id")).alias("flow_id"),
        pl.when("is_message").then("campaign_id").alias("campaign_id"),
        pl.when("is_message").then("flow_message_id").alias("flow_message_id"),
    ]


def _settle_profile(profile_ids: Mapping[str, str]) -> list[pl.Expr]:
    return [pl.col("profile_id").replace(dict(profile_ids))] if profile_ids else []


def _describe_message(campaigns: Mapping[str, str]) -> list[pl.Expr]:
    message_id = pl.col("message_id")
    is_flow = pl.col("flow_id").is_not_null() | pl.col("flow_message_id").is_not_null()
    campaign_id = pl.coalesce(
        message_id.replace_strict(dict(campaigns), default=None, return_dtype=pl.String),
        "campaign_id",
        message_id,
    )
    return [
        pl.when(message_id.is_not_null())
        .then(pl.when(is_flow).then(pl.lit("flow")).otherwise(pl.lit("campaign")))
        .cast(pl.Enum(["campaign", "flow"]))
        .alias("message_type"),
        pl.when(message_id.is_not_null() & ~is_flow).then(campaign_id).alias("campaign_id"),
        pl.when(is_flow).then(message_id).alias("flow_message_id"),
        pl.when(pl.col("cohort_message_id") == message_id).then("cohort_at").alias("sent_at"),
    ]
