"""Raw frames → typed events, profiles and messages: every rule of typing, once for all formats.

What cannot be used becomes a reject with a reason; what can be used in part is kept and noted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import dataframely as dy
import polars as pl

from klavnb.errors import name_some
from klavnb.formats.contract import LONGEST_RAW, RawExport
from klavnb.gathering import (
    clean_profiles,
    find_campaigns,
    find_channels,
    find_names,
    gather_groups,
    gather_messages,
    resolve_attributions,
)
from klavnb.metrics import RENAMED_METRICS
from klavnb.reading import fill_blank, from_unix, parse_time
from klavnb.schemas import Event, GroupMember, Message, Profile, Reject
from klavnb.settings import Settings

__all__ = ["Cleaned", "clean"]

LAST_YEAR: Final = 9998
"""Times are shown by Python too, whose last year is 9999, in any zone."""

REPEATED: Final = "repeated event id"

MESSAGE_OF_EVENT_ID: Final = r"^([^:\s]+):([^:\s]+)(?::[^:]*)?$"
COHORT: Final = r"^(\d{9,11}):(.+)$"

TRUE: Final = ("true", "1", "1.0", "yes")
FALSE: Final = ("false", "0", "0.0", "no")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Typed frames that hold their contracts, the rejects, and what was noticed on the way."""

    events: dy.DataFrame[Event]
    profiles: dy.DataFrame[Profile]
    messages: dy.DataFrame[Message]
    groups: dy.DataFrame[GroupMember]
    rejects: dy.DataFrame[Reject]
    metric_names: Mapping[str, str]
    notes: tuple[str, ...]


def clean(raw: RawExport, *, settings: Settings) -> Cleaned:
    """Type everything of an export, set aside what cannot be used, and keep repeated events once.

    Events keep the order of the export. An event id that comes twice is kept once: the first one if
    both say the same, else the one of the later file. The settings say which metrics are of messages.
    """
    names = find_names(raw)
    channels = find_channels(settings)
    typed = (
        raw.events.lazy()
        .with_row_index("row")
        .with_columns(_name_metric(names), recorded_event_ids=resolve_attributions(raw))
        .with_columns(occurred_at=parse_time(pl.col("occurred_at")))
        .with_columns(occurred_at=pl.coalesce("occurred_at", _read_second_time()))
        .with_columns(*_type_plain_columns())
        .with_columns(is_message=pl.col("metric").is_in(list(channels)).fill_null(value=False))
        .with_columns(*_find_message())
        .with_columns(*_describe_message(find_campaigns(raw)))
        .with_columns(reason=_find_reason())
        .collect()
    )
    usable = typed.filter(pl.col("reason").is_null())
    once, repeated = _keep_once(usable)
    events, broken = _hold_contract(once)
    set_aside = pl.concat(
        rows.select("row", "reason") for rows in (typed.filter(pl.col("reason").is_not_null()), repeated, broken)
    )
    profiles, profile_rejects = clean_profiles(raw.profiles)
    rejects = pl.concat([raw.rejects, _to_rejects(raw.events, set_aside), profile_rejects])
    return Cleaned(
        events=events,
        profiles=profiles,
        messages=gather_messages(raw, once, channels),
        groups=gather_groups(raw),
        metric_names={key: RENAMED_METRICS.get(name, name) for key, name in sorted(names.items())},
        rejects=Reject.cast(rejects),
        notes=tuple(_note(raw, usable, repeated, names)),
    )


def _name_metric(names: Mapping[str, str]) -> pl.Expr:
    """Name the metric; an id without a name stays the name, so that no event is lost."""
    name, metric_id = fill_blank("metric_name"), fill_blank("metric_id")
    known = dict(names)
    found = pl.coalesce(
        name.replace_strict(known, default=None, return_dtype=pl.String),
        name,
        metric_id.replace_strict(known, default=None, return_dtype=pl.String),
        metric_id,
    )
    return found.replace(dict(RENAMED_METRICS)).alias("metric")


def _read_second_time() -> pl.Expr:
    """Read the second column of times, only where the first says nothing: reading times is most of the work."""
    return parse_time(pl.when(pl.col("occurred_at").is_null()).then("occurred_unix"))


def _type_plain_columns() -> list[pl.Expr]:
    value = fill_blank("value").cast(pl.Float64, strict=False)
    return [
        fill_blank("event_id"),
        fill_blank("profile_id"),
        fill_blank("currency"),
        pl.when(value.is_finite()).then(value).alias("value"),
        (fill_blank("value").is_not_null() & value.is_finite().fill_null(value=False).not_()).alias(
            "is_value_unreadable",
        ),
        parse_time(pl.col("handed_off_at")).alias("handed_off_at"),
        _read_flag("machine_open").alias("is_machine_open"),
        _read_flag("bot_click").alias("is_bot_click"),
        fill_blank("variation").alias("variation_id"),
    ]


def _read_flag(name: str) -> pl.Expr:
    text = pl.col(name).str.strip_chars().str.to_lowercase()
    return pl.when(text.is_in(TRUE)).then(statement=True).when(text.is_in(FALSE)).then(statement=False)


def _find_message() -> list[pl.Expr]:
    """Find message, sending and order; a table's own columns speak of a message on its metrics only.

    On a placed order, the columns of older exports hold what Klaviyo credited, not the order's message.
    """
    of_event_id = pl.when("is_message").then(fill_blank("source_event_id"))
    of_table = pl.when("is_message").then(pl.coalesce(fill_blank("flow_message_id"), fill_blank("campaign_id")))
    of_order = pl.when(pl.col("is_message").not_()).then(fill_blank("source_event_id"))
    return [
        pl.coalesce(fill_blank("message"), of_event_id.str.extract(MESSAGE_OF_EVENT_ID, 1), of_table).alias(
            "message_id",
        ),
        pl.coalesce(
            fill_blank("transmission_id"),
            of_event_id.str.extract(MESSAGE_OF_EVENT_ID, 2),
        ).alias("transmission_id"),
        pl.coalesce(fill_blank("order_id"), of_order).alias("order_id"),
        pl.coalesce(fill_blank("flow"), pl.when("is_message").then(fill_blank("flow_id"))).alias("flow_id"),
        pl.when("is_message").then(fill_blank("campaign_id")).alias("campaign_id"),
        pl.when("is_message").then(fill_blank("flow_message_id")).alias("flow_message_id"),
    ]


def _describe_message(campaigns: Mapping[str, str]) -> list[pl.Expr]:
    message_id = pl.col("message_id")
    is_flow = pl.col("flow_id").is_not_null() | pl.col("flow_message_id").is_not_null()
    campaign_id = pl.coalesce(
        message_id.replace_strict(campaigns, default=None, return_dtype=pl.String),
        "campaign_id",
        message_id,
    )
    seconds = pl.col("send_cohort").str.extract(COHORT, 1)
    is_own_cohort = pl.col("send_cohort").str.extract(COHORT, 2) == message_id
    return [
        pl.when(message_id.is_not_null())
        .then(pl.when(is_flow).then(pl.lit("flow")).otherwise(pl.lit("campaign")))
        .cast(pl.Enum(["campaign", "flow"]))
        .alias("message_type"),
        pl.when(message_id.is_not_null() & ~is_flow).then(campaign_id).alias("campaign_id"),
        pl.when(is_flow).then(message_id).alias("flow_message_id"),
        pl.when(is_own_cohort).then(from_unix(seconds)).alias("sent_at"),
    ]


def _find_reason() -> pl.Expr:
    missing = {
        "no event id": pl.col("event_id"),
        "no profile id": pl.col("profile_id"),
        "no metric": pl.col("metric"),
        "no time that can be read": pl.when(pl.col("occurred_at").dt.year().is_between(1, LAST_YEAR)).then(
            "occurred_at",
        ),
    }
    return pl.coalesce(pl.when(column.is_null()).then(pl.lit(reason)) for reason, column in missing.items())


def _keep_once(usable: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the events without repetitions, and the repetitions with `is_same`: whether they say the same."""
    judged = (
        usable.filter(pl.col("event_id").is_duplicated())
        .with_columns(content=pl.struct(Event.column_names()).hash())
        .select(
            "row",
            is_same=pl.col("content").n_unique().over("event_id") == 1,
            first=pl.col("row").min().over("event_id"),
            last=pl.col("row").max().over("event_id"),
        )
    )
    dropped = judged.filter(pl.col("row") != pl.when("is_same").then("first").otherwise("last"))
    return (
        usable.join(dropped, on="row", how="anti", maintain_order="left"),
        dropped.select("row", "is_same", reason=pl.lit(REPEATED)),
    )


def _hold_contract(events: pl.DataFrame) -> tuple[dy.DataFrame[Event], pl.DataFrame]:
    """Return the events that hold the contract; the others, should there be any, with the reason."""
    held, failure = Event.filter(events.select(Event.column_names()), cast=True)
    rules = name_some(sorted(failure.counts()))
    broken = events.join(failure.invalid(), on="event_id", how="semi")
    return held, broken.select("row", reason=pl.lit(f"against the contract: {rules}"))


def _to_rejects(events: pl.DataFrame, set_aside: pl.DataFrame) -> pl.DataFrame:
    """Write events set aside as rejects; `raw` is what was read of the record, as JSON, cut to 1 KB."""
    said = pl.struct("event_id", "profile_id", "metric_id", "metric_name", "occurred_at", "occurred_unix")
    raw = (
        said.struct.json_encode().str.strip_suffix("}")
        + pl.lit(',"properties":')
        + pl.col("properties").fill_null("null")
        + pl.lit("}")
    )
    return (
        events.with_row_index("row")
        .join(set_aside, on="row", maintain_order="left")
        .select("file", "line", "reason", raw=raw.str.head(LONGEST_RAW))
    )


def _note(raw: RawExport, usable: pl.DataFrame, repeated: pl.DataFrame, names: Mapping[str, str]) -> Iterator[str]:
    """Say what was kept in part."""
    nameless = usable.filter(
        pl.col("metric_name").fill_null("").str.strip_chars() == "",
        ~pl.col("metric_id").is_in(list(names)),
    )
    if nameless.height:
        ids = nameless["metric_id"].unique().sort().to_list()
        yield (
            f"Events of metrics that the export does not name: {nameless.height}; "
            f"their metric is its id ({name_some(ids)})."
        )
    unreadable = usable["is_value_unreadable"].sum()
    if unreadable:
        yield f"Events whose value is no finite number: {unreadable}; they are kept without a value."
    differing = repeated.filter(~pl.col("is_same")).height
    if differing:
        yield f"Events that come again with other content: {differing}; the one of the later file is kept."
    unresolved = usable.filter(pl.col("attribution_ids").list.len() > 0, pl.col("recorded_event_ids").is_null()).height
    if unresolved:
        yield (
            f"Events with an attribution that the export only names: {unresolved}; what Klaviyo credited there is "
            "not known. Export with include=attributions."
        )
    if raw.ignored:
        kinds = [f"{count} {kind}" for kind, count in sorted(raw.ignored.items())]
        yield f"Records that klavnb has no use for were left out: {name_some(kinds)}."
