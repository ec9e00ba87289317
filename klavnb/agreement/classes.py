"""How the model's answer for each conversion stands to what Klaviyo recorded: one class each."""

from datetime import datetime

import dataframely as dy
import polars as pl

from klavnb.caveats import PROVISIONAL
from klavnb.schemas import AGREEMENTS, Agreement, Change

__all__ = ["AGREEING", "NOT_COMPARED", "classify_conversions"]

AGREEING = ("same_event", "both_none")
"""Classes in which the model says what Klaviyo recorded."""

NOT_COMPARED = ("unsaid", "provisional", "self_attributed", "outside_export")
"""Classes that say nothing for or against the model: they count in no rate of agreement, and in no search."""

SHOWN = ["touch_id", "channel", "message_id", "touched_at"]


def classify_conversions(
    changes: dy.LazyFrame[Change], recorded: pl.LazyFrame, *, as_of: datetime
) -> dy.LazyFrame[Agreement]:
    """Put every conversion into one class of agreement between the model and what Klaviyo recorded.

    One row per conversion, by time. The first class in this list that fits is taken:

    1. `unsaid`: the export does not say what Klaviyo recorded
    2. `provisional`: younger than five days at the end of the data, so that Klaviyo may still revise it
    3. `self_attributed`: Klaviyo credited the conversion to itself
    4. `outside_export`: Klaviyo credited an event that the export does not hold
    5. `same_event`: both credit the same touch, or the same touches; `both_none`: neither credits any
    6. `session_touch`: Klaviyo credited a visit, and the model does not credit the same one
    7. `recorded_only`, `model_only`: one of the two credits nothing
    8. `same_message`: another touch of the same message; `same_channel`: another message of the same channel;
       `other_channel`: all else. Where several touches share the credit, one message or channel in common is enough.

    Parameters
    ----------
    changes
        A comparison whose candidate is the model to be judged.
    recorded
        As `find_recorded` gives it, of the same conversions.
    as_of
        The end of the data.
    """
    credited = pl.col("candidate_credit") > 0
    latest = pl.col("touched_at").arg_max()
    of_model = changes.group_by("conversion_id").agg(
        pl.col("profile_id", "converted_at", "value", "currency").first(),
        ids=pl.col("touch_id").filter(credited),
        messages=pl.col("message_id").filter(credited).drop_nulls(),
        channels=pl.col("channel").filter(credited).cast(pl.String),
        **{name: pl.col(name).filter(credited).sort_by(pl.col("touched_at").filter(credited)).last() for name in SHOWN},
    )
    of_klaviyo = recorded.group_by("conversion_id").agg(
        is_said=pl.col("is_said").first(),
        recorded_ids=pl.col("recorded_id").drop_nulls(),
        is_outside=(pl.col("recorded_id").is_not_null() & ~pl.col("is_known")).any(),
        recorded_messages=pl.col("message_id").drop_nulls(),
        recorded_channels=pl.col("channel").drop_nulls().cast(pl.String),
        recorded_touch_id=pl.coalesce(pl.col("recorded_id").get(latest, null_on_oob=True), pl.col("recorded_id").max()),
        recorded_channel=pl.col("channel").get(latest, null_on_oob=True),
        recorded_kind=pl.col("kind").get(latest, null_on_oob=True),
        recorded_message_id=pl.col("message_id").get(latest, null_on_oob=True),
        recorded_touched_at=pl.col("touched_at").max(),
    )
    count_recorded, count_credited = pl.col("recorded_ids").list.len(), pl.col("ids").list.len()
    rules = {
        "unsaid": pl.col("is_said").not_().fill_null(value=True),
        "provisional": pl.col("converted_at") > as_of - PROVISIONAL,
        "self_attributed": pl.col("recorded_ids").list.contains(pl.col("conversion_id")),
        "outside_export": pl.col("is_outside"),
        "both_none": (count_recorded == 0) & (count_credited == 0),
        "same_event": pl.col("recorded_ids").list.set_symmetric_difference("ids").list.len() == 0,
        "session_touch": pl.col("recorded_channels").list.contains("session"),
        "recorded_only": count_credited == 0,
        "model_only": count_recorded == 0,
        "same_message": pl.col("recorded_messages").list.set_intersection("messages").list.len() > 0,
        "same_channel": pl.col("recorded_channels").list.set_intersection("channels").list.len() > 0,
    }
    agreement = pl.coalesce(
        *(pl.when(holds).then(pl.lit(name)) for name, holds in rules.items()), pl.lit("other_channel")
    )
    return Agreement.cast(
        of_model.join(of_klaviyo, on="conversion_id", how="left")
        .with_columns(
            agreement=agreement.cast(pl.Enum(AGREEMENTS)),
            count_recorded=pl.when(pl.col("is_said")).then(count_recorded),
            count_credited=count_credited,
        )
        .sort("converted_at", "conversion_id")
    )
