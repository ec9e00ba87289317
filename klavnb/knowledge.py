"""What the rows of events need of the rest of an export: names of metrics, channels, who is who, attributions."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from klavnb.formats.contract import RawAttribution, RawExport, build
from klavnb.metrics import OUTCOME_METRICS
from klavnb.settings import Settings

__all__ = ["Knowledge", "find_channels", "gather", "resolve_attributions"]


def find_channels(settings: Settings) -> dict[str, str]:
    """Return metric → channel, of the metrics that are about a message."""
    roles = {**OUTCOME_METRICS, **settings.roles}
    channels = {metric: role.partition(".")[0] for metric, role in roles.items()}
    return {metric: channel for metric, channel in channels.items() if channel != "session"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What rows of events need of the rest of the export.

    Parameters
    ----------
    metric_names
        Metric id → name as exported.
    channels
        Metric → channel, of the metrics that are about a message.
    campaigns
        Message → campaign, where the export's resources say it.
    profile_ids
        An id that was made of an address → Klaviyo's id of the same profile, where the export has one.
    attributions
        One row per `attribution_id`, or per `event_id`, and `attributed_event_id`.
    """

    metric_names: Mapping[str, str]
    channels: Mapping[str, str]
    campaigns: Mapping[str, str] = field(default_factory=dict)
    profile_ids: Mapping[str, str] = field(default_factory=dict)
    attributions: pl.DataFrame = field(default_factory=lambda: build(RawAttribution))


def gather(raw: RawExport, said: pl.DataFrame, *, settings: Settings) -> Knowledge:
    """Gather what rows of events need of the rest.

    Parameters
    ----------
    raw
        Everything but the events.
    said
        `metric_id` and `metric_name` as events have them, each pair once.
    settings
        Say which metrics are of messages.
    """
    pairs = pl.concat([said.select("metric_id", name="metric_name"), raw.metrics.select("metric_id", "name")])
    named = pairs.filter(pl.col("metric_id") != "", pl.col("name") != "")
    of_campaigns = raw.messages.filter(pl.col("campaign_id") != "").select("message_id", "campaign_id")
    return Knowledge(
        metric_names=dict(named.iter_rows()),
        channels=find_channels(settings),
        campaigns=dict(of_campaigns.iter_rows()),
        attributions=raw.attributions.filter(pl.col("attributed_event_id").is_not_null()).unique(maintain_order=True),
    )


def resolve_attributions(events: pl.DataFrame, attributions: pl.DataFrame) -> pl.Series:
    """List the events that Klaviyo credited, in each event's row: from resources, else from the properties.

    Null where the export does not say: nothing was asked for, or what is named is not in the export.
    """
    if attributions.is_empty() and events["attribution_ids"].null_count() == events.height:
        return events["recorded_event_ids"]
    rows = events.select("event_id", "attribution_ids", "recorded_event_ids").with_row_index("place")
    named = (
        rows.select("place", attribution_id="attribution_ids")
        .explode("attribution_id", empty_as_null=False)
        .join(attributions, on="attribution_id")
    )
    by_event = rows.join(attributions.filter(pl.col("event_id").is_not_null()), on="event_id")
    credited = (
        pl.concat([part.select("place", "attributed_event_id") for part in (named, by_event)])
        .sort("place", "attributed_event_id")
        .group_by("place", maintain_order=True)
        .agg(credited=pl.col("attributed_event_id").unique(maintain_order=True))
    )
    inside = pl.col("recorded_event_ids")
    return (
        rows.join(credited, on="place", how="left", maintain_order="left")
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
