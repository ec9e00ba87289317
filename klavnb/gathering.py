"""Records that repeat or refer to each other: names of metrics, attributions, profiles, messages."""

from collections.abc import Mapping
from typing import Final

import dataframely as dy
import polars as pl

from klavnb.channels import CHANNELS
from klavnb.formats.contract import RawExport
from klavnb.reading import fill_blank, parse_time
from klavnb.schemas import GroupMember, Message, Profile
from klavnb.settings import Settings

__all__ = [
    "clean_profiles",
    "find_campaigns",
    "find_channels",
    "find_names",
    "gather_groups",
    "gather_messages",
    "resolve_attributions",
]

OUTCOMES: Final[Mapping[str, str]] = {
    "Bounced Email": "email",
    "Dropped Email": "email",
    "Marked Email as Spam": "email",
    "Unsubscribed": "email",
    "Unsubscribed from List": "email",
    "Failed to Deliver SMS": "sms",
    "Unsubscribed from SMS Marketing": "sms",
    "Bounced Push": "push",
}
"""Metrics of a message that are neither a receipt nor a touch → channel."""

CHANNEL_NAMES: Final[Mapping[str, str]] = {
    "email": "email",
    "sms": "sms",
    "text": "sms",
    "mobile_push": "push",
    "mobile-push": "push",
    "push": "push",
    "whatsapp": "whatsapp",
}
"""A channel as resources name it → as klavnb does."""


def find_channels(settings: Settings) -> dict[str, str]:
    """Return metric → channel, of the metrics that are about a message."""
    roles = {metric: role.partition(".")[0] for metric, role in settings.roles.items()}
    return {metric: channel for metric, channel in {**OUTCOMES, **roles}.items() if channel != "session"}


def find_campaigns(raw: RawExport) -> dict[str, str]:
    """Return message → campaign, where the export's resources say it."""
    said = raw.messages.filter(pl.col("campaign_id").is_not_null())
    return dict(said.select("message_id", "campaign_id").iter_rows())


def find_names(raw: RawExport) -> dict[str, str]:
    """Metric id → name, from the metrics, and from events that have both."""
    said = raw.events.select("metric_id", name="metric_name").unique(maintain_order=True)
    both = pl.concat([said, raw.metrics.select("metric_id", "name")])
    return dict(both.filter(pl.col("metric_id") != "", pl.col("name") != "").iter_rows())


def resolve_attributions(raw: RawExport) -> pl.Series:
    """List the events that Klaviyo credited, in each event's row: from resources, else from the properties.

    Null where the export does not say: nothing was asked for, or what is named is not in the export.
    """
    events = raw.events.select("event_id", "attribution_ids", "recorded_event_ids").with_row_index("row")
    known = raw.attributions.filter(pl.col("attributed_event_id").is_not_null())
    named = (
        events.select("row", attribution_id="attribution_ids")
        .explode("attribution_id", empty_as_null=False)
        .join(known, on="attribution_id")
    )
    found = pl.concat(
        [
            part.select("row", "attributed_event_id")
            for part in (named, events.join(known.filter(pl.col("event_id").is_not_null()), on="event_id"))
        ],
    )
    credited = (
        found.sort("row", "attributed_event_id")
        .group_by("row", maintain_order=True)
        .agg(credited=pl.col("attributed_event_id").unique(maintain_order=True))
    )
    inside = pl.col("recorded_event_ids")
    return (
        events.join(credited, on="row", how="left", maintain_order="left")
        .select(
            pl.when(pl.col("credited").is_not_null())
            .then("credited")
            .when(inside.list.len() > 0)
            .then(inside)
            .when(pl.col("attribution_ids").list.len() > 0)
            .then(None)
            .otherwise(pl.coalesce(inside, "attribution_ids")),
        )
        .to_series()
    )


def clean_profiles(profiles: pl.DataFrame) -> tuple[dy.DataFrame[Profile], pl.DataFrame]:
    """Keep each profile in the state with the latest `updated_at`, and reject those without an id.

    Records of the same state complete each other, field by field, the later one first: a profile beside
    an event says less than the same profile asked for by itself.
    """
    times = ("created_at", "updated_at", "last_event_at")
    fields = [name for name in Profile.column_names() if name != "profile_id"]
    typed = profiles.with_columns(fill_blank("profile_id"), *(parse_time(pl.col(name)).alias(name) for name in times))
    latest = (
        typed.filter(pl.col("profile_id").is_not_null())
        .unique(["profile_id", *fields], maintain_order=True)
        .filter(pl.col("updated_at").eq_missing(pl.col("updated_at").max().over("profile_id")))
        .group_by("profile_id", maintain_order=True)
        .agg(pl.col(name).drop_nulls().last() for name in fields)
    )
    rejects = profiles.filter(fill_blank("profile_id").is_null()).select(
        "file",
        "line",
        reason=pl.lit("no profile id, of a profile"),
        raw=pl.lit(None, dtype=pl.String),
    )
    return Profile.validate(latest, cast=True), rejects


def gather_groups(raw: RawExport) -> dy.DataFrame[GroupMember]:
    """Gather who is in which list or segment; of several answers about one, the latest joining counts."""
    members = (
        raw.group_members.select("group_id", fill_blank("profile_id"), joined_at=parse_time(pl.col("joined_at")))
        .filter(pl.col("profile_id").is_not_null())
        .group_by("group_id", "profile_id", maintain_order=True)
        .agg(pl.col("joined_at").max())
        .join(_once(raw.groups, "group_id").select("group_id", group_name="name"), on="group_id", how="left")
        .sort("group_id", "profile_id")
    )
    return GroupMember.validate(members.select(GroupMember.column_names()), cast=True)


def gather_messages(raw: RawExport, events: pl.DataFrame, channels: Mapping[str, str]) -> dy.DataFrame[Message]:
    """Gather one row per message: what resources say of it, and for the rest what its events say.

    A campaign that no message and no event names stands for its own message, as in the first API.
    """
    campaigns = _once(raw.campaigns, "campaign_id").select(
        "campaign_id",
        campaign_name="name",
        campaign_subject="subject",
        campaign_channel="channel",
        campaign_sent_at=parse_time(pl.col("sent_at")),
    )
    flows = _once(raw.flows, "flow_id").select("flow_id", flow_name="name")
    said = _once(raw.messages, "message_id")
    seen = _see_messages(events, channels)
    named = said.join(seen, on="message_id", how="full", coalesce=True).with_columns(
        pl.coalesce("campaign_id", "seen_campaign_id").alias("campaign_id"),
        pl.coalesce("flow_id", "seen_flow_id").alias("flow_id"),
        pl.coalesce("message_type", "seen_type").alias("message_type"),
    )
    alone = campaigns.join(named, on="campaign_id", how="anti").select(
        "campaign_id",
        message_id="campaign_id",
        message_type=pl.lit("campaign"),
    )
    is_campaign = pl.col("message_type") == "campaign"
    channel = pl.coalesce(
        *(
            pl.col(name).str.to_lowercase().replace_strict(CHANNEL_NAMES, default=None, return_dtype=pl.String)
            for name in ("channel", "campaign_channel")
        ),
        "seen_channel",
    )
    messages = (
        pl.concat([named, alone], how="diagonal")
        .join(campaigns, on="campaign_id", how="left")
        .join(flows, on="flow_id", how="left")
        .select(
            "message_id",
            "message_type",
            "campaign_id",
            "flow_id",
            "flow_name",
            name=pl.coalesce("name", "seen_name", "campaign_name"),
            subject=pl.coalesce("subject", "seen_subject", "campaign_subject"),
            channel=channel.cast(pl.Enum(CHANNELS)),
            campaign_name=pl.when(is_campaign).then(pl.coalesce("campaign_name", "seen_name")),
            sent_at=pl.when(is_campaign).then(pl.coalesce("campaign_sent_at", "seen_sent_at")),
        )
        .sort("message_id")
    )
    return Message.validate(messages.select(Message.column_names()), cast=True)


def _once(records: pl.DataFrame, key: str) -> pl.DataFrame:
    """Merge the records of one id, field by field, the later one first."""
    return (
        records.filter(pl.col(key).is_not_null())
        .group_by(key, maintain_order=True)
        .agg(pl.exclude(key).replace("", None).drop_nulls().last())
    )


def _see_messages(events: pl.DataFrame, channels: Mapping[str, str]) -> pl.DataFrame:
    """One row per message that events name, with what they say of it."""
    return (
        events.filter(pl.col("message_id").is_not_null())
        .group_by("message_id", maintain_order=True)
        .agg(
            seen_name=fill_blank("campaign_name").drop_nulls().first(),
            seen_subject=fill_blank("subject").drop_nulls().first(),
            seen_channel=pl.col("metric")
            .replace_strict(dict(channels), default=None, return_dtype=pl.String)
            .drop_nulls()
            .first(),
            seen_type=pl.col("message_type").cast(pl.String).drop_nulls().first(),
            seen_campaign_id=pl.col("campaign_id").drop_nulls().first(),
            seen_flow_id=pl.col("flow_id").drop_nulls().first(),
            seen_sent_at=pl.col("sent_at").min(),
        )
    )
