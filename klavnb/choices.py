"""What the choice of a model decides: the same orders under every model, by channel, campaign, flow and message.

Every sum is in the one currency of the comparison.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import dataframely as dy
import polars as pl

from klavnb.attribution import attribute_models
from klavnb.breakdowns import EXACT, name_messages
from klavnb.comparison import ModelComparison
from klavnb.labels import tidy_names
from klavnb.models import MODELS, Model
from klavnb.schemas import Credit

__all__ = [
    "SAME_REVENUE",
    "ModelStudy",
    "measure_dependence",
    "study_models",
    "value_campaigns",
    "value_channels",
    "value_flows",
    "value_messages",
    "value_models",
]

DISTINCT: Final[tuple[Model, ...]] = tuple(model for model in MODELS if model != "last_touch")  # type: ignore[misc]  # the keys are the names of models
"""Every model once: `last_touch` is `cooperative`."""

SAME_REVENUE: Final = ("cooperative", "first_touch", "linear", "time_decay", "position_based")
"""The models that credit every order with an open touch: they hand out the same revenue, each in its own way."""

VISITS = "Visits to the shop"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStudy:
    """The orders of a comparison under every model.

    Parameters
    ----------
    credits
        The credits of all models.
    comparison
        The two models that the decision is between; the study has its orders, its touches and its settings.
    models
        The models, in the order in which they are shown: the two of the decision first.
    """

    credits: dy.LazyFrame[Credit]
    comparison: ModelComparison
    models: tuple[Model, ...]


def study_models(comparison: ModelComparison) -> ModelStudy:
    """Attribute the orders of a comparison by every model, in one pass over touches and orders.

    Examples
    --------
    >>> from klavnb.comparison import compare_models
    >>> from klavnb.settings import Settings
    >>> from klavnb.store import read_export
    >>> comparison = compare_models(
    ...     read_export("sample"), settings=Settings(), baseline="cooperative", candidate="linear"
    ... )
    >>> study_models(comparison).models
    ('cooperative', 'linear', 'old', 'first_touch', 'time_decay', 'position_based', 'first_click', 'last_click')
    """
    decided = [_tell_apart(model) for model in (comparison.baseline, comparison.candidate)]
    models = tuple(dict.fromkeys([*decided, *DISTINCT]))
    credited = attribute_models(comparison.touches, comparison.conversions, models=models, settings=comparison.settings)
    return ModelStudy(credits=Credit.cast(credited.collect().lazy()), comparison=comparison, models=models)


def value_models(study: ModelStudy) -> pl.LazyFrame:
    """Say what each model attributes in all, and how much of it to other messages than the model in use.

    One row per model, in the order of the study: `value`, `count_conversions` (credited), `difference` from the
    baseline's value, and `moved_value`: what messages earn more than by the baseline, added up.
    """
    in_use = study.models[0]
    by_message = value_messages(study)
    moved = by_message.join(
        by_message.filter(pl.col("model") == in_use).select("message_id", "channel", usual="value"),
        on=["message_id", "channel"],
        nulls_equal=True,
    )
    return (
        moved.group_by("model")
        .agg(
            pl.col("value").sum().round(EXACT),
            difference=(pl.col("value") - pl.col("usual")).sum().round(EXACT),
            moved_value=(pl.col("value") - pl.col("usual")).clip(lower_bound=0).sum().round(EXACT),
        )
        .join(
            study.credits.filter(pl.col("touch_id").is_not_null())
            .group_by(pl.col("model").cast(pl.Enum(study.models)))
            .agg(count_conversions=pl.col("conversion_id").n_unique()),
            on="model",
            how="left",
        )
        .with_columns(pl.col("count_conversions").fill_null(0))
        .sort("model")
    )


def value_channels(study: ModelStudy) -> pl.LazyFrame:
    """Say what each channel earns under each model.

    One row per channel that any model credits and model: `channel`, `model`, `value`, `share` of what the model
    attributes, `rank` among the channels, the most first; equal values share the better rank.
    """
    return _value(study, ["channel"]).with_columns(share=pl.col("value") / pl.col("value").sum().over("model"))


def value_campaigns(study: ModelStudy) -> pl.LazyFrame:
    """Say what each campaign earns under each model.

    One row per campaign that any model credits and model: `campaign_id` (the message's id where there is none),
    `label`, `model`, `value`, `rank`.
    """
    return _value_groups(study, message_type="campaign", of="campaign_id", named="campaign_name")


def value_flows(study: ModelStudy) -> pl.LazyFrame:
    """Say what each flow earns under each model, all its messages together.

    One row per flow that any model credits and model: `flow_id` (the message's id where there is none), `label`,
    `model`, `value`, `rank`.
    """
    return _value_groups(study, message_type="flow", of="flow_id", named="flow_name")


def value_messages(study: ModelStudy) -> pl.LazyFrame:
    """Say what each message earns under each model.

    One row per message that any model credits and model: `message_id` (null for visits), `label`, `channel`,
    `message_type`, `model`, `value`, `rank`.
    """
    credited = study.credits.filter(pl.col("touch_id").is_not_null())
    kinds = credited.group_by("message_id", "channel").agg(pl.col("message_type").drop_nulls().first())
    return (
        _value(study, ["message_id", "channel"])
        .join(kinds, on=["message_id", "channel"], how="left", nulls_equal=True)
        .join(name_messages(study.comparison), on="message_id", how="left")
        .with_columns(pl.coalesce("label", tidy_names(pl.col("message_id")), pl.lit(VISITS)))
        .sort("model", "rank", "message_id")
    )


def measure_dependence(messages: pl.LazyFrame) -> pl.LazyFrame:
    """Measure how much of what a message earns hangs on the model, among the models that hand out the same revenue.

    Absent are `old`, `first_click` and `last_click`: they credit fewer orders, so that nearly every message earns least
    by one of them. One row per message, by falling span: `message_id`, `label`, `channel`, `message_type`;
    `least_value` and `least_model`, `most_value` and `most_model` (of several the first); `span` in money, `share` (the
    span as a part of the most); `best_rank` and `worst_rank`.

    Parameters
    ----------
    messages
        As `value_messages` gives it.
    """
    return (
        messages.filter(pl.col("model").is_in(SAME_REVENUE))
        .sort("model")
        .group_by("message_id", "label", "channel", "message_type")
        .agg(
            least_value=pl.col("value").min(),
            least_model=pl.col("model").get(pl.col("value").arg_min()),
            most_value=pl.col("value").max(),
            most_model=pl.col("model").get(pl.col("value").arg_max()),
            best_rank=pl.col("rank").min(),
            worst_rank=pl.col("rank").max(),
        )
        .with_columns(span=(pl.col("most_value") - pl.col("least_value")).round(EXACT))
        .with_columns(
            share=pl.when(pl.col("most_value") > 0).then(pl.col("span") / pl.col("most_value")).otherwise(0.0)
        )
        .sort(["span", "most_value", "message_id"], descending=[True, True, False])
    )


def _tell_apart(model: Model) -> Model:
    return "cooperative" if model == "last_touch" else model


def _value(study: ModelStudy, by: Sequence[str]) -> pl.LazyFrame:
    """Add up the credits by what identifies a channel or message; what a model does not credit earns 0 under it."""
    models = pl.Enum(study.models)
    earned = (
        study.credits.filter(pl.col("touch_id").is_not_null())
        .group_by(*by, pl.col("model").cast(models))
        .agg(pl.col("attributed_value").sum().round(EXACT).alias("value"))
    )
    grid = earned.select(by).unique().join(pl.LazyFrame({"model": study.models}, schema={"model": models}), how="cross")
    return (
        grid.join(earned, on=[*by, "model"], how="left", nulls_equal=True)
        .with_columns(pl.col("value").fill_null(0.0))
        .with_columns(rank=pl.col("value").rank("min", descending=True).over("model").cast(pl.Int64))
        .sort("model", "rank", *by)
    )


def _value_groups(study: ModelStudy, *, message_type: str, of: str, named: str) -> pl.LazyFrame:
    """Add up the credits of campaigns or flows, under their names."""
    of_type = study.credits.filter(pl.col("touch_id").is_null() | (pl.col("message_type") == message_type))
    grouped = ModelStudy(
        credits=Credit.cast(of_type.with_columns(pl.coalesce(of, "message_id").alias(of))),
        comparison=study.comparison,
        models=study.models,
    )
    ids = [study.comparison.messages.select(pl.col(key).alias(of), named) for key in (of, "message_id")]
    names = pl.concat(ids).drop_nulls().group_by(of).agg(pl.col(named).min())
    return (
        _value(grouped, [of])
        .join(names, on=of, how="left")
        .select(of, "model", "value", "rank", label=tidy_names(pl.coalesce(named, of)))
        .sort("model", "rank", of)
    )
