"""Agreement taken apart: by class, week, channel and message; and single conversions on which the two differ.

Every sum is in the one currency of the study.
"""

from math import sqrt

import polars as pl

from klavnb.agreement.classes import AGREEING, NOT_COMPARED
from klavnb.agreement.study import AgreementStudy
from klavnb.breakdowns import name_messages
from klavnb.comparison import Interval
from klavnb.labels import tidy_names
from klavnb.schemas import AGREEMENTS

__all__ = [
    "count_agreement",
    "count_agreement_channels",
    "count_agreement_messages",
    "count_agreement_weeks",
    "estimate_agreement",
    "pick_disagreements",
]

SIDES = ("agree", "differ", "not_compared")
EXACT = 6
"""Digits that a sum of money keeps: the last ones differ from run to run, and would decide the order of equal rows."""

NORMAL = 1.959964
"""So many standard deviations hold 95 % of a normal distribution."""

CLASS = pl.col("agreement").cast(pl.String)
SIDE = (
    pl.when(CLASS.is_in(AGREEING))
    .then(pl.lit("agree"))
    .when(CLASS.is_in(NOT_COMPARED))
    .then(pl.lit("not_compared"))
    .otherwise(pl.lit("differ"))
    .cast(pl.Enum(SIDES))
)
"""What a class says: the two agree, they differ, or they cannot be compared."""


def count_agreement(study: AgreementStudy) -> pl.LazyFrame:
    """Count the conversions of each class.

    One row per class that holds a conversion, in the order of `AGREEMENTS`: `agreement`, `side` (`agree`, `differ`,
    `not_compared`), `count_conversions`, `value`.
    """
    return (
        study.agreements.group_by("agreement")
        .agg(count_conversions=pl.len(), value=pl.col("value").sum().round(EXACT))
        .with_columns(side=SIDE)
        .sort(pl.col("agreement").cast(pl.Enum(AGREEMENTS)))
    )


def estimate_agreement(study: AgreementStudy) -> Interval | None:
    """Estimate the share of conversions on which the two agree, of those that can be compared.

    A part of 1, with Wilson's interval for 95 %; None where none can be compared.
    """
    size = study.count_compared
    if not size:
        return None
    agree = study.agreements.select((SIDE == "agree").sum()).collect().item()
    share, square = agree / size, NORMAL**2
    middle = (share + square / (2 * size)) / (1 + square / size)
    reach = NORMAL / (1 + square / size) * sqrt(share * (1 - share) / size + square / (4 * size**2))
    return Interval(estimate=share, low=max(middle - reach, 0.0), high=min(middle + reach, 1.0))


def count_agreement_weeks(study: AgreementStudy) -> pl.LazyFrame:
    """Count by week of the conversion how many agree, differ or cannot be compared.

    One row per week (`week_on`, its Monday, UTC) from the first to the last, and side: `count_conversions`, `value`.
    The first and the last week may be cut by the period.
    """
    by_week = study.agreements.group_by(week_on=pl.col("converted_at").dt.truncate("1w").dt.date(), side=SIDE).agg(
        count_conversions=pl.len(), value=pl.col("value").sum()
    )
    weeks = by_week.select(
        week_on=pl.date_range(pl.col("week_on").min(), pl.col("week_on").max(), interval="1w", closed="both")
    )
    return (
        weeks.join(pl.LazyFrame({"side": SIDES}, schema={"side": pl.Enum(SIDES)}), how="cross")
        .join(by_week, on=["week_on", "side"], how="left")
        .with_columns(pl.col("count_conversions", "value").fill_null(0))
        .sort("week_on", "side")
    )


def count_agreement_channels(study: AgreementStudy) -> pl.LazyFrame:
    """Compare by channel what Klaviyo recorded with what the model credits, of the conversions that can be compared.

    One row per channel that either credits: `count_recorded`, `recorded_value`, `count_credited`, `credited_value`
    and `count_same` (conversions of which both credit the same touch). Where several touches share a conversion, it
    counts for the channel of the latest.
    """
    compared = study.agreements.filter(SIDE != "not_compared")
    sides = [
        compared.filter(pl.col(column).is_not_null()).select(
            "value", "agreement", channel=pl.col(column), side=pl.lit(side)
        )
        for side, column in (("recorded", "recorded_channel"), ("credited", "channel"))
    ]
    is_recorded = pl.col("side") == "recorded"
    return (
        pl.concat(sides)
        .group_by("channel")
        .agg(
            count_recorded=is_recorded.sum(),
            recorded_value=pl.col("value").filter(is_recorded).sum().round(EXACT),
            count_credited=is_recorded.not_().sum(),
            credited_value=pl.col("value").filter(is_recorded.not_()).sum().round(EXACT),
            count_same=(is_recorded & (pl.col("agreement") == "same_event")).sum(),
        )
        .sort("channel")
    )


def count_agreement_messages(study: AgreementStudy) -> pl.LazyFrame:
    """Compare by message what Klaviyo recorded with what the model credits, of the conversions that can be compared.

    One row per message that either credits, by falling size of the difference: `label`, `channel`, `count_recorded`,
    `recorded_value`, `count_credited`, `credited_value`, `difference` (credited less recorded) and `count_differing`
    (conversions that only one of the two credits to it). Where several touches share a conversion, it counts for the
    message of the latest.
    """
    compared = study.agreements.filter(SIDE != "not_compared")
    differs = pl.col("recorded_message_id").eq_missing(pl.col("message_id")).not_()
    sides = [
        compared.filter(pl.col(message).is_not_null()).select(
            "value", differs=differs, message=pl.col(message), of_channel=pl.col(channel), side=pl.lit(side)
        )
        for side, message, channel in (
            ("recorded", "recorded_message_id", "recorded_channel"),
            ("credited", "message_id", "channel"),
        )
    ]
    is_recorded = pl.col("side") == "recorded"
    return (
        pl.concat(sides)
        .group_by(message_id="message")
        .agg(
            channel=pl.col("of_channel").first(),
            count_recorded=is_recorded.sum(),
            recorded_value=pl.col("value").filter(is_recorded).sum().round(EXACT),
            count_credited=is_recorded.not_().sum(),
            credited_value=pl.col("value").filter(is_recorded.not_()).sum().round(EXACT),
            count_differing=pl.col("differs").sum(),
        )
        .with_columns(difference=(pl.col("credited_value") - pl.col("recorded_value")).round(EXACT))
        .join(name_messages(study.comparison), on="message_id", how="left")
        .with_columns(pl.coalesce("label", tidy_names(pl.col("message_id"))))
        .sort(
            "count_differing",
            pl.col("difference").abs(),
            "recorded_value",
            "message_id",
            descending=[True, True, True, False],
        )
    )


def pick_disagreements(study: AgreementStudy, *, count: int = 8) -> pl.LazyFrame:
    """Pick conversions on which the two do not agree, of each class in turn, the dearest first.

    One row per conversion: `customer` (a pseudonym, A to Z), `agreement`, `value`; of what Klaviyo recorded
    `recorded_channel`, `recorded_kind`, `recorded_label`, `recorded_before` (how long before the conversion); of what
    the model credits `channel`, `label`, `before`. What is not there is null.

    Parameters
    ----------
    count
        How many, 26 at most.
    """
    named = name_messages(study.comparison)
    shown = study.agreements.filter(CLASS.is_in([*AGREEING, "unsaid", "provisional"]).not_())
    return (
        shown.sort("value", "conversion_id", descending=[True, False])
        .with_columns(turn=pl.int_range(pl.len()).over("agreement"))
        .sort("turn", pl.col("agreement").cast(pl.Enum(AGREEMENTS)), "conversion_id")
        .head(min(count, 26))
        .with_row_index("customer")
        .join(
            named.rename({"message_id": "recorded_message_id", "label": "recorded_label"}),
            on="recorded_message_id",
            how="left",
        )
        .join(named, on="message_id", how="left")
        .sort("customer")
        .select(
            "agreement",
            "value",
            "recorded_channel",
            "recorded_kind",
            "channel",
            customer=pl.lit("ABCDEFGHIJKLMNOPQRSTUVWXYZ").str.slice("customer", 1),
            recorded_label=pl.coalesce("recorded_label", tidy_names(pl.col("recorded_message_id"))),
            label=pl.coalesce("label", tidy_names(pl.col("message_id"))),
            recorded_before=pl.when(pl.col("agreement") != "self_attributed").then(
                pl.col("converted_at") - pl.col("recorded_touched_at")
            ),
            before=pl.col("converted_at") - pl.col("touched_at"),
        )
    )
