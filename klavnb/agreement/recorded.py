"""What Klaviyo recorded for each conversion, as far as the export says, and the touches it names."""

import dataframely as dy
import polars as pl

from klavnb.channels import CHANNELS
from klavnb.schemas import Conversion, Event
from klavnb.settings import Settings

__all__ = ["find_recorded"]


def find_recorded(
    events: dy.LazyFrame[Event], conversions: dy.LazyFrame[Conversion], *, settings: Settings
) -> pl.LazyFrame:
    """Find the events that Klaviyo credited with each conversion.

    One row per conversion and event that Klaviyo credited; a conversion for which it recorded none, or for which
    the export does not say, is one row without an event: `conversion_id`, `is_said`, `recorded_id`, `is_known` (the
    export holds the event), `channel` and `kind` (null where its metric is no touch), `message_id`, `touched_at`. A
    receipt is a touch of kind `delivery`.
    """
    role = pl.col("metric").replace_strict(settings.roles, default=None, return_dtype=pl.String)
    parts = role.str.replace(".received", ".delivery", literal=True).str.split(".")
    said = (
        events.join(conversions.select(event_id="conversion_id"), on="event_id", how="semi")
        .select(
            conversion_id="event_id",
            is_said=pl.col("recorded_event_ids").is_not_null(),
            recorded_id=pl.col("recorded_event_ids").list.unique(),
        )
        .explode("recorded_id", empty_as_null=True)
    )
    named = events.join(said.select(event_id="recorded_id").unique(), on="event_id", how="semi").select(
        "message_id",
        recorded_id="event_id",
        is_known=pl.lit(value=True),
        channel=parts.list.get(0).cast(pl.Enum(CHANNELS)),
        kind=parts.list.get(1),
        touched_at="occurred_at",
    )
    return said.join(named, on="recorded_id", how="left").with_columns(pl.col("is_known").fill_null(value=False))
