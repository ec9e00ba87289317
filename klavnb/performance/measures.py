"""What became of messages: by channel, campaign, flow, message or variation, one row each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

import dataframely as dy
import polars as pl

from klavnb.channels import CHANNEL_NAMES
from klavnb.errors import SettingsError
from klavnb.labels import tidy_names
from klavnb.performance.outcomes import MESSAGE_KINDS
from klavnb.performance.study import OF_MESSAGE, MessageStudy
from klavnb.schemas import MessageMeasure

__all__ = ["LEVELS", "Level", "Part", "measure_messages"]

Level = Literal["channel", "campaign", "flow", "message", "variation"]
Part = Literal["current", "previous"]

LEVELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "channel": ("channel",),
        "campaign": ("campaign_id",),
        "flow": ("flow_id",),
        "message": ("channel", "message_id"),
        "variation": ("channel", "message_id", "variation_id"),
    }
)
"""What is measured → the columns that tell one from the other."""

OF_KIND: Final[Mapping[str, str]] = {
    **{kind: kind for kind in MESSAGE_KINDS},
    "human_open": "open",
    "human_click": "click",
}
"""A column of a study's tally → the kind of event that must be in the export for it to be known."""

IDS: Final = ("channel", "message_type", "campaign_id", "flow_id", "message_id", "variation_id")
VALUES: Final = ("baseline_value", "candidate_value")
REACHED: Final = pl.col("count_reached")
SENT: Final = pl.col("count_sent")


def measure_messages(
    study: MessageStudy, *, by: Level = "message", part: Part = "current"
) -> dy.LazyFrame[MessageMeasure]:
    """Measure what became of the messages of a study, by falling revenue.

    One row per channel, campaign, flow, message or variation that something happened to in the period. The rows of
    `channel`, `message` and `variation` hold all money that the comparison's models credit in the period; visits to the
    shop are one of them, without a message. A message that is known to be neither of a campaign nor of a flow is in
    these only. What each column means, and whether it counts profiles or events, stands in `klavnb.MessageMeasure`.

    What the export has no event of is null, never 0: without receipts there are no recipients and no rates. In a
    row of several channels (a flow) a count is the sum over the channels that are known, and rates are null, as an
    e-mail's opens say nothing of a text.

    Parameters
    ----------
    part
        `current`: the period of the study; `previous`: the one of the same length before it.

    Raises
    ------
    SettingsError
        When `by` is none of the five.

    Examples
    --------
    >>> from klavnb.comparison import compare_models
    >>> from klavnb.performance.study import study_messages
    >>> from klavnb.settings import Settings
    >>> from klavnb.store import read_export
    >>> export = read_export("sample")
    >>> comparison = compare_models(export, settings=Settings())
    >>> channels = measure_messages(study_messages(export, comparison), by="channel").collect()
    >>> credited = comparison.changes.select(pl.col("candidate_value").sum()).collect().item()
    >>> abs(channels["candidate_value"].sum() - credited) < 0.01
    True
    >>> channels.filter(channel="sms")["open_rate"].to_list()
    [None]
    """
    if by not in LEVELS:
        raise SettingsError(f"Messages are measured by {', '.join(LEVELS)}; found {by!r}.", hint="Write message.")
    keys = list(LEVELS[by])
    earned = _place(study.credits.filter(study.period.find_part(pl.col(study.credit_day)) == part), study, by)
    # a message whose orders count in the period has a row, also where nothing else of it does
    happened = pl.concat(
        [
            study.tally.filter(part=part).drop("part", "undated"),
            study.credits.filter(study.period.find_part(pl.col(study.credit_day)) == part).select(
                *OF_MESSAGE, "variation_id", "profile_id"
            ),
        ],
        how="diagonal",
    ).with_columns(
        pl.when(pl.col("channel").cast(pl.String).is_in(list(study.known[kind]))).then(pl.col(name).fill_null(0))
        for name, kind in OF_KIND.items()
    )
    placed = _place(happened, study, by)
    measured = (
        _count(placed, keys)
        .join(_identify(placed, keys), on=keys, how="left", nulls_equal=True)
        .join(_add_money(earned, keys), on=keys, how="left", nulls_equal=True)
        .with_columns(pl.col(*VALUES, "candidate_error", "count_baseline", "count_candidate").fill_null(0))
        .with_columns(
            pl.when(REACHED > 0).then(pl.col(f"{side}_value") / REACHED).alias(f"{side}_per_recipient")
            for side in ("baseline", "candidate")
        )
    )
    order = ["candidate_value", "baseline_value", "label", "channel", "message_id", "variation_id"]
    ordered = measured.select(MessageMeasure.column_names()).sort(
        *(pl.col(name).round(6) for name in order[:2]),
        *order[2:],
        descending=[True, True, *[False] * 4],
        nulls_last=True,
    )
    # a sentence, a chart and three tables would each count again
    return MessageMeasure.cast(ordered.collect().lazy())


def _place(rows: pl.LazyFrame, study: MessageStudy, by: Level) -> pl.LazyFrame:
    """Add what is known of the message; keep the rows of the level, each with the label of its group."""
    placed = rows.join(study.messages, on=OF_MESSAGE, how="left", nulls_equal=True)
    in_flow = pl.concat_str(pl.coalesce("flow_name", "flow_id"), pl.coalesce("name", "message_id"), separator=" › ")
    in_campaign = pl.coalesce("campaign_name", "name", "message_id", pl.lit("Visits to the shop"))
    label = {
        "channel": pl.col("channel").cast(pl.String).replace_strict(dict(CHANNEL_NAMES)),
        "campaign": in_campaign,
        "flow": pl.coalesce("flow_name", "flow_id"),
    }.get(by, pl.when(pl.col("message_type") == "flow").then(in_flow).otherwise(in_campaign))
    if by == "variation":
        label = pl.concat_str(label, pl.lit(" › variation ") + pl.col("variation_id"), ignore_nulls=True)
    kept = placed.filter(pl.col("message_type") == by) if by in {"campaign", "flow"} else placed
    return kept.with_columns(label=tidy_names(label))


def _identify(placed: pl.LazyFrame, keys: list[str]) -> pl.LazyFrame:
    """Say what all messages of a row have in common; null where they differ."""
    return (
        placed.select(*IDS, "label")
        .unique()
        .group_by(keys)
        .agg(
            pl.col("label").min(),
            *(
                pl.when(pl.col(name).n_unique() == 1).then(pl.col(name).first()).alias(name)
                for name in IDS
                if name not in keys
            ),
        )
    )


def _count(placed: pl.LazyFrame, keys: list[str]) -> pl.LazyFrame:
    by_message = placed.group_by(list(dict.fromkeys((*keys, *OF_MESSAGE, "profile_id")))).agg(
        _add(name) for name in OF_KIND
    )
    by_profile = by_message.group_by(*keys, "profile_id").agg(_add(name) for name in OF_KIND)
    shares = by_message.group_by(keys).agg(
        count_channels=pl.col("channel").n_unique(),
        count_reached=_count_some("received"),
        open_rate=_find_share("open"),
        human_open_rate=_find_share("human_open"),
        click_rate=_find_share("click"),
        human_click_rate=_find_share("human_click"),
        click_to_open_rate=_find_share("human_click", of="human_open"),
        unsubscribe_rate=_find_share("unsubscribed"),
        spam_rate=_find_share("spam"),
    )
    counts = by_profile.group_by(keys).agg(
        count_recipients=_count_some("received"),
        count_delivered=_add("received"),
        count_bounced=_add("bounced"),
        count_dropped=_add("dropped"),
        count_failed=_add("failed"),
        count_opened=_count_some("open"),
        count_opens=_add("open"),
        count_human_opened=_count_some("human_open"),
        count_human_opens=_add("human_open"),
        count_clicked=_count_some("click"),
        count_clicks=_add("click"),
        count_human_clicked=_count_some("human_click"),
        count_human_clicks=_add("human_click"),
        count_unsubscribed=_count_some("unsubscribed"),
        count_marked_spam=_count_some("spam"),
    )
    return (
        counts.join(shares, on=keys, nulls_equal=True)
        .with_columns(
            count_sent=pl.when(pl.col("count_delivered").is_not_null()).then(
                pl.sum_horizontal("count_delivered", "count_bounced", "count_failed")
            )
        )
        .with_columns(
            bounce_rate=pl.when(SENT > 0).then(pl.col("count_bounced") / SENT),
            failure_rate=pl.when(SENT > 0).then(pl.col("count_failed") / SENT),
        )
        .with_columns(pl.when(pl.col("count_channels") == 1).then(pl.selectors.ends_with("_rate")))
    )


def _add(name: str) -> pl.Expr:
    """Add up what is known; nothing known is not 0."""
    return pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name)


def _count_some(name: str) -> pl.Expr:
    """Count the rows with such an event, where the export can know."""
    return pl.when(pl.col(name).count() > 0).then((pl.col(name) > 0).sum())


def _find_share(name: str, *, of: str = "received") -> pl.Expr:
    """Say what part of the rows that received (or opened) has such an event; where some received, and it is known."""
    whole = pl.col(of) > 0
    is_known = (pl.col(name).count() > 0) & (whole.sum() > 0)
    return pl.when(is_known).then(((pl.col(name) > 0) & whole).sum() / whole.sum())


def _add_money(earned: pl.LazyFrame, keys: list[str]) -> pl.LazyFrame:
    by_profile = (
        earned.group_by(*keys, "profile_id")
        .agg(pl.col("candidate_value").sum())
        .group_by(keys)
        # the deviation of a Poisson bootstrap over profiles (`klavnb.comparison.estimate_difference`), without drawing
        .agg(candidate_error=pl.col("candidate_value").pow(2).sum().sqrt())
    )
    of_credit = {
        f"count_{side}": pl.col("conversion_id").filter(pl.col(f"{side}_credit") > 0).n_unique()
        for side in ("baseline", "candidate")
    }
    of_order = {
        # an order that is credited in part counts in part
        f"{side}_order_value": pl.when(pl.col(f"{side}_credit").sum() > 0).then(
            pl.col(f"{side}_value").sum() / pl.col(f"{side}_credit").sum()
        )
        for side in ("baseline", "candidate")
    }
    sums = earned.group_by(keys).agg(pl.col(VALUES).sum(), **of_credit, **of_order)
    return sums.join(by_profile, on=keys, nulls_equal=True)
