"""Events of messages, and the day on which each message was sent."""

from collections.abc import Mapping
from typing import Final

import polars as pl

from klavnb.channels import CHANNELS
from klavnb.comparison import ModelComparison
from klavnb.export import Export
from klavnb.performance.outcomes import MESSAGE_KINDS
from klavnb.segments import Calendar
from klavnb.segments.calendar import find_day

__all__ = ["KIND", "find_campaigns", "find_message_events", "find_sending", "find_sent_day"]

KIND = pl.col("kind")

AT_SENDING: Final = ("received", "bounced", "dropped", "failed")
"""What happens as the message goes out, so that its own time stands for that of the sending."""


def find_message_events(export: Export, comparison: ModelComparison, roles: Mapping[str, str]) -> pl.LazyFrame:
    """Find the events that say something of a message, up to the comparison's `as_of`.

    One row per event whose metric has a role and that names a message: its profile, message and times, `channel`,
    `kind` and, of a campaign, `campaign_sent_at`.
    """
    role = pl.col("metric").replace_strict(dict(roles), default=None, return_dtype=pl.String)
    return (
        export.events.filter(
            pl.col("metric").is_in(list(roles)),
            pl.col("message_id").is_not_null(),
            pl.col("occurred_at") <= comparison.as_of,
        )
        .with_columns(role=role)
        .select(
            "profile_id",
            "occurred_at",
            "message_id",
            "message_type",
            "campaign_id",
            "flow_id",
            "variation_id",
            "sent_at",
            "handed_off_at",
            "receipt_at",
            "is_machine_open",
            "is_bot_click",
            channel=pl.col("role").str.split(".").list.first().cast(pl.Enum(CHANNELS)),
            kind=pl.col("role").str.split(".").list.last().cast(pl.Enum(MESSAGE_KINDS)),
        )
        .join(find_campaigns(export), on="message_id", how="left")
    )


def find_campaigns(export: Export) -> pl.LazyFrame:
    """Find when each campaign was sent: `message_id` and `campaign_sent_at`."""
    return export.messages.filter(message_type="campaign").select("message_id", campaign_sent_at="sent_at")


def find_sending() -> pl.Expr:
    """Say when the message of an event was sent, as far as the export knows.

    All of a campaign is sent when the campaign is, as in Klaviyo's reports, though it may take hours to go out.
    """
    own = pl.when(KIND.is_in(AT_SENDING)).then("occurred_at")
    return pl.coalesce("campaign_sent_at", "sent_at", "handed_off_at", "receipt_at", own)


def find_sent_day(calendar: Calendar) -> pl.Expr:
    """Say on which day the message of an event was sent; where nobody knows, the event's own day."""
    # nothing can happen to a message before it is sent, whatever a clock says
    return find_day(pl.min_horizontal(find_sending(), "occurred_at"), calendar)
