"""Records that repeat or refer to each other: profiles, members of groups, messages, totals of campaigns."""

from collections.abc import Mapping, Sequence
from typing import Final

import dataframely as dy
import polars as pl

from klavnb.channels import CHANNELS
from klavnb.formats.campaign_csv import match_campaigns
from klavnb.formats.contract import RawExport
from klavnb.reading import fill_blank, parse_time
from klavnb.schemas import UTC, CampaignTotal, GroupMember, Message, Profile

__all__ = [
    "clean_profiles",
    "gather_groups",
    "gather_messages",
    "gather_totals",
    "join_seen",
    "see_messages",
]

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


def gather_groups(raw: RawExport, profile_ids: Mapping[str, str]) -> dy.DataFrame[GroupMember]:
    """Gather who is in which list or segment; of several answers about one, the latest joining counts.

    Parameters
    ----------
    raw
        Everything but the events.
    profile_ids
        Id that was made of an address → the profile's own.
    """
    known = fill_blank("profile_id").replace(dict(profile_ids)) if profile_ids else fill_blank("profile_id")
    members = (
        raw.group_members.select(fill_blank("group_id"), known, joined_at=parse_time(pl.col("joined_at")))
        .filter(pl.col("group_id").is_not_null() & pl.col("profile_id").is_not_null())
        .group_by("group_id", "profile_id", maintain_order=True)
        .agg(pl.col("joined_at").max())
        .join(_once(raw.groups, "group_id").select("group_id", group_name="name"), on="group_id", how="left")
        .sort("group_id", "profile_id")
    )
    return GroupMember.validate(members.select(GroupMember.column_names()), cast=True)


def gather_messages(raw: RawExport, seen: pl.DataFrame) -> dy.DataFrame[Message]:
    """Gather one row per message: what resources say of it, and for the rest what its events say.

    A campaign that no message and no event names stands for its own message, as in the first API.

    Parameters
    ----------
    raw
        Everything but the events.
    seen
        What `see_messages` found in the events.
    """
    actions = _once(raw.actions, "action_id").select("action_id", action_flow_id="flow_id")
    said = (
        _once(raw.messages, "message_id")
        .join(actions, on="action_id", how="left")
        .with_columns(flow_id=pl.coalesce("flow_id", "action_flow_id"))
    )
    named = said.join(seen, on="message_id", how="full", coalesce=True).with_columns(
        pl.coalesce("campaign_id", "seen_campaign_id").alias("campaign_id"),
        pl.coalesce("flow_id", "seen_flow_id").alias("flow_id"),
        pl.coalesce("message_type", "seen_type").alias("message_type"),
    )
    campaigns = _once(_own_campaign_ids(raw.campaigns, named), "campaign_id").select(
        "campaign_id",
        campaign_name="name",
        campaign_subject="subject",
        campaign_channel="channel",
        campaign_sent_at=parse_time(pl.col("sent_at")),
    )
    flows = _once(raw.flows, "flow_id").select("flow_id", flow_name="name")
    alone = (
        campaigns.join(named, on="campaign_id", how="anti")
        .select("campaign_id", message_id="campaign_id", message_type=pl.lit("campaign"))
        .join(named, on="message_id", how="anti")
    )
    is_campaign = pl.col("message_type") == "campaign"
    channel = pl.coalesce(
        *(_name_channel(name) for name in ("channel", "campaign_channel")),
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


def _own_campaign_ids(campaigns: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """Give records of campaigns the ids that messages know them by.

    In Fivetran's tables a campaign goes by its message's id, which another file may know better. In CSV files of
    Klaviyo's pages it has its own, where events know the message's only: there the name and the time tell which it is,
    and the events say better when it was sent.
    """
    own = messages.filter(pl.col("campaign_id").is_not_null())
    named = campaigns.with_columns(
        pl.col("campaign_id").replace(dict(own.select("message_id", "campaign_id").iter_rows()))
    )
    strange = _once(named.join(own, on="campaign_id", how="anti"), "campaign_id").select(
        "name",
        strange_id="campaign_id",
        campaign_id=pl.lit(None, dtype=pl.String),
        sent_at=parse_time(pl.col("sent_at")),
    )
    lone = own.filter(pl.col("campaign_id") == pl.col("message_id")).select(
        "campaign_id", name="seen_name", sent_at="seen_sent_at"
    )
    found = match_campaigns(strange, lone).drop_nulls("campaign_id").unique("campaign_id", keep="none")
    known = dict(found.select("strange_id", "campaign_id").iter_rows())
    return named.with_columns(
        pl.col("campaign_id").replace(known),
        pl.when(~pl.col("campaign_id").is_in(list(known))).then("sent_at"),
    )


def gather_totals(raw: RawExport, messages: pl.DataFrame) -> dy.DataFrame[CampaignTotal]:
    """Gather what Klaviyo's own pages counted of campaigns, with the campaign's id where its name and time say it."""
    totals = CampaignTotal.cast(
        raw.campaign_totals.with_columns(
            _name_channel("channel"),
            *(
                pl.col(name).cast(dtype, strict=False)
                for name, dtype in CampaignTotal.create_empty().schema.items()
                if dtype in (pl.Int64, pl.Float64)
            ),
            sent_at=parse_time(pl.col("sent_at")),
        )
    )
    campaigns = (
        messages.filter(pl.col("campaign_id").is_not_null())
        .select("campaign_id", "sent_at", name="campaign_name")
        .unique("campaign_id", maintain_order=True)
    )
    is_known = totals["campaign_id"].is_in(campaigns["campaign_id"].to_list())
    matched = match_campaigns(totals.with_columns(pl.when(is_known).then("campaign_id")), campaigns)
    return CampaignTotal.cast(matched.with_columns(pl.coalesce("campaign_id", totals["campaign_id"])))


def _name_channel(name: str) -> pl.Expr:
    return pl.col(name).str.to_lowercase().replace_strict(CHANNEL_NAMES, default=None, return_dtype=pl.String)


def _once(records: pl.DataFrame, key: str) -> pl.DataFrame:
    """Merge the records of one id, field by field, the later one first."""
    return (
        records.with_columns(fill_blank(key))
        .filter(pl.col(key).is_not_null())
        .group_by(key, maintain_order=True)
        .agg(pl.exclude(key).replace("", None).drop_nulls().last())
    )


def see_messages(events: pl.DataFrame, channels: Mapping[str, str]) -> pl.DataFrame:
    """One row per message that events name, with what they say of it; earlier events are asked first."""
    said = {
        "seen_name": "campaign_name",
        "seen_subject": "subject",
        "seen_channel": "metric",
        "seen_type": "message_type",
        "seen_campaign_id": "campaign_id",
        "seen_flow_id": "flow_id",
        "seen_sent_at": "sent_at",
    }
    once = (
        events.lazy()
        .filter(pl.col("message_id").is_not_null())
        .group_by("message_id", *said.values())
        .agg(pl.col("occurred_at").min(), pl.col("event_id").min())
        .sort("occurred_at", "event_id")
        .with_columns(
            pl.col("metric").replace_strict(dict(channels), default=None, return_dtype=pl.String),
            pl.col("message_type").cast(pl.String),
        )
    )
    return (
        once.group_by("message_id", maintain_order=True)
        .agg(
            *(pl.col(of).drop_nulls().first().alias(name) for name, of in said.items() if of != "sent_at"),
            seen_sent_at=pl.col("sent_at").min(),
        )
        .collect()
    )


def join_seen(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Put together what several slices of the events, in the order of time, say of messages."""
    return (
        pl.concat([_see_nothing(), *parts])
        .group_by("message_id", maintain_order=True)
        .agg(pl.exclude("seen_sent_at").drop_nulls().first(), pl.col("seen_sent_at").min())
    )


def _see_nothing() -> pl.DataFrame:
    texts = (
        "message_id",
        *(f"seen_{name}" for name in ("name", "subject", "channel", "type", "campaign_id", "flow_id")),
    )
    return pl.DataFrame(schema={**dict.fromkeys(texts, pl.String), "seen_sent_at": pl.Datetime("us", UTC)})
