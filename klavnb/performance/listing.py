"""Measures as a reader is shown them: no group that is too small, and variations beneath their message."""

import dataframely as dy
import polars as pl

from klavnb.performance.measures import measure_messages
from klavnb.performance.study import MessageStudy
from klavnb.schemas import MessageMeasure

__all__ = ["leave_out_small", "measure_variations"]


def leave_out_small(measures: dy.LazyFrame[MessageMeasure], *, least: int) -> dy.LazyFrame[MessageMeasure]:
    """Leave out the rows of fewer people than may be shown.

    The people of a row are its recipients; where these are not known or fewer, those who opened or clicked, or the
    orders. A row of nobody (nothing but bounces) is left out too.
    """
    people = pl.max_horizontal("count_recipients", "count_opened", "count_clicked", "count_baseline", "count_candidate")
    return MessageMeasure.cast(measures.filter(people >= max(least, 1)))


def measure_variations(study: MessageStudy) -> dy.LazyFrame[MessageMeasure]:
    """Measure the messages of flows with their variations beneath, where a message has several.

    One row per message, by falling revenue, each followed by its variations. So sums over all rows count a message
    with variations twice.
    """
    messages = measure_messages(study, by="message").filter(message_type="flow").with_row_index("place")
    variations = (
        measure_messages(study, by="variation")
        .filter(pl.len().over("channel", "message_id") > 1)
        .join(messages.select("place", "channel", "message_id"), on=["channel", "message_id"])
    )
    rows = pl.concat(
        [messages.with_columns(is_part=False), variations.with_columns(is_part=True)], how="diagonal"
    ).sort("place", "is_part", maintain_order=True)
    return MessageMeasure.cast(rows.drop("place", "is_part"))
