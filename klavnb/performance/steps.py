"""The steps of a flow: at each of its messages, who orders, who leaves, and who goes on to the next."""

from typing import Final

import polars as pl

from klavnb.labels import tidy_names
from klavnb.performance.sendings import KIND, find_message_events, find_sent_day
from klavnb.performance.study import MessageStudy
from klavnb.segments.calendar import find_day

__all__ = ["STEP_PARTS", "measure_steps"]

STEP_PARTS: Final = ("ordered", "left", "went_on", "recent", "ended")
"""What comes of a receipt of a flow's message; of several, the first in this order counts."""

LEAVING: Final = ("unsubscribed", "spam")
PERSON: Final = ["flow_id", "profile_id"]


def measure_steps(study: MessageStudy) -> pl.LazyFrame:
    """Count at each message of each flow what came of its receipts in the period.

    One row per flow and message, in the order of the steps: `flow_id`, `flow`, `message_id`, `channel`, `label`,
    `step` (from 1), `delay` (the median time since the flow's entry), `count_received` and, adding up to it,
    `count_ordered` (an order that the candidate credits to this message), `count_left` (unsubscribed or marked it as
    spam), `count_went_on` (received a later message of the flow before the flow began anew), `count_recent` (none of
    these, but so close to the end of the data that it may come), `count_ended` (none of these). All count receipts:
    whoever passes a flow twice counts twice. `count_orders` counts the orders of those who ordered: one receipt may
    earn several. A flow without receipts in the export is absent.

    The export does not know the order of a flow's messages. It is taken from their delay: the median time
    since the profile last received the message with which most begin. Ties go by message id.

    Examples
    --------
    >>> from klavnb.comparison import compare_models
    >>> from klavnb.performance import study_messages
    >>> from klavnb.settings import Settings
    >>> from klavnb.store import read_export
    >>> export = read_export("sample")
    >>> steps = measure_steps(study_messages(export, compare_models(export, settings=Settings()))).collect()
    >>> steps.filter(flow="Abandoned Cart").select("step", "channel").rows()
    [(1, 'email'), (2, 'sms'), (3, 'email')]
    """
    receipts, leavings = _find_receipts(study)
    credited = study.credits.filter(pl.col("candidate_credit") > 0).select(
        "profile_id", "message_id", "conversion_id", at="touched_at"
    )
    placed = _order_steps(receipts)
    ordered = _match(placed, credited).group_by("receipt").agg("conversion_id")
    left = _match(placed, leavings).select(pl.col("receipt").unique()).collect().to_series()
    following = pl.col("step").shift(-1).over(PERSON, order_by=["at", "step"])
    outcomes = placed.join(ordered, on="receipt", how="left").with_columns(
        has_gone_on=(following > pl.col("step")).fill_null(value=False),
        has_ordered=pl.col("conversion_id").is_not_null(),
        has_left=pl.col("receipt").is_in(left.implode()),
        # the next step may lie weeks ahead, and an order may come as long as a window is open
        is_recent=study.comparison.as_of - pl.col("at")
        < pl.max_horizontal(
            pl.col("delay").max().over("flow_id") - pl.col("delay"),
            pl.lit(study.comparison.settings.longest_window, pl.Duration("us")),
        ),
    )
    part = (
        pl.when("has_ordered")
        .then(pl.lit("ordered"))
        .when("has_left")
        .then(pl.lit("left"))
        .when("has_gone_on")
        .then(pl.lit("went_on"))
        .when("is_recent")
        .then(pl.lit("recent"))
        .otherwise(pl.lit("ended"))
    )
    names = study.messages.select(
        "channel",
        "message_id",
        flow=tidy_names(pl.coalesce("flow_name", "flow_id")),
        label=tidy_names(pl.coalesce("name", "message_id")),
    )
    return (
        outcomes.with_columns(part=part)
        .filter(study.period.find_part(pl.col("day")) == "current")
        .group_by("flow_id", "message_id", "channel", "step", "delay")
        .agg(
            count_received=pl.len().cast(pl.Int64),
            **{f"count_{name}": (pl.col("part") == name).sum().cast(pl.Int64) for name in STEP_PARTS},
            count_orders=pl.col("conversion_id").explode().drop_nulls().n_unique().cast(pl.Int64),
        )
        .join(names, on=["channel", "message_id"], how="left")
        .sort("flow", "flow_id", "step")
    )


def _find_receipts(study: MessageStudy) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Find the receipts of flows, whenever they were, and the events by which people leave."""
    flows = study.messages.filter(message_type="flow").group_by("message_id").agg(in_flow=pl.col("flow_id").min())
    own_day = find_day(pl.col("occurred_at"), study.calendar)
    found = (
        find_message_events(study.export, study.comparison, study.roles)
        .filter(KIND.is_in(["received", *LEAVING]))
        .join(flows, on="message_id")
        .select(
            "profile_id",
            "message_id",
            "channel",
            "kind",
            flow_id="in_flow",
            at="occurred_at",
            day=find_sent_day(study.calendar) if study.dated_by == "sent" else own_day,
        )
        .collect()
    )
    receipts = found.filter(kind="received").sort("flow_id", "profile_id", "at", "message_id").with_row_index("receipt")
    return receipts.lazy(), found.filter(KIND.is_in(LEAVING)).select("profile_id", "message_id", "at").lazy()


def _order_steps(receipts: pl.LazyFrame) -> pl.LazyFrame:
    """Add `step` and `delay` to receipts."""
    entries = (
        receipts.group_by(PERSON)
        .agg(pl.col("message_id").sort_by("at", "message_id").first())
        .group_by("flow_id", "message_id")
        .len()
        .sort("len", "message_id", descending=[True, False])
        .group_by("flow_id", maintain_order=True)
        .agg(entry_id=pl.col("message_id").first())
    )
    entered_at = (
        pl.when(pl.col("message_id") == pl.col("entry_id")).then("at").forward_fill().over(PERSON, order_by="at")
    )
    steps = (
        receipts.join(entries, on="flow_id")
        .with_columns(since=pl.col("at") - entered_at)
        .group_by("flow_id", "message_id")
        .agg(delay=pl.col("since").median().fill_null(pl.duration()).cast(pl.Duration("us")))
        .sort("flow_id", "delay", "message_id")
        .with_columns(step=pl.int_range(1, pl.len() + 1).over("flow_id"))
    )
    return receipts.join(steps, on=["flow_id", "message_id"])


def _match(receipts: pl.LazyFrame, happened: pl.LazyFrame) -> pl.LazyFrame:
    """Add to what happened the receipt that it came of: of the same profile and message, the last one before it."""
    return (
        happened.sort("at")
        .join_asof(
            receipts.select("profile_id", "message_id", "at", "receipt").sort("at"),
            on="at",
            by=["profile_id", "message_id"],
            check_sortedness=False,
        )
        .filter(pl.col("receipt").is_not_null())
    )
