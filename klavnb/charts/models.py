"""Charts of many models: the channels under each, the messages that depend most on the choice, what is learned."""

import altair as alt
import polars as pl

from klavnb.channels import CHANNEL_NAMES
from klavnb.charts.ink import BAND, INK, LABEL, WIDTH, Picture, colour_channels, name_unit
from klavnb.choices import SAME_REVENUE, ModelStudy
from klavnb.learned import LEAST_CONVERSIONS
from klavnb.sides import MODEL_WORDS
from klavnb.wording import format_count, format_money, format_share

__all__ = ["draw_dependence", "draw_learned", "draw_model_channels"]

MODEL_NAMES = {model: word[0].upper() + word[1:] for model, word in MODEL_WORDS.items()}
"""Model → what an axis calls it."""

NAMED = pl.col("channel").cast(pl.String).replace_strict(CHANNEL_NAMES)


def draw_model_channels(channels: pl.LazyFrame, *, currency: str | None) -> Picture:
    """Draw what each channel earns under each model, a bar a model.

    Parameters
    ----------
    channels
        As `klavnb.value_channels` gives it.
    """
    rows = channels.with_columns(
        name=NAMED,
        what=pl.col("model").cast(pl.String).replace_strict(MODEL_NAMES),
        place=pl.col("channel").to_physical(),
    ).collect()
    models = rows["what"].unique(maintain_order=True).to_list()
    widest = (
        rows.filter(pl.col("model").is_in(SAME_REVENUE))
        .group_by("name")
        .agg(least=pl.col("share").min(), most=pl.col("share").max())
        .sort(pl.col("most") - pl.col("least"), "name", descending=[True, False])
        .head(1)
        .to_dicts()
    )
    title = (
        f"{widest[0]['name']} earns {format_share(widest[0]['least'], 1)} to {format_share(widest[0]['most'], 1)} of "
        "the attributed revenue, by model"
        if widest
        else "No model credits anything"
    )
    told = "; ".join(
        f"{model}: " + ", ".join(f"{row['name']} {format_money(row['value'], currency)}" for row in of_model.to_dicts())
        for model, of_model in ((model, rows.filter(what=model)) for model in models)
    )
    bars: alt.Chart = (
        alt.Chart(rows)
        .mark_bar(size=BAND - 10)
        .encode(
            y=alt.Y("what:N", title=None, sort=models, axis=alt.Axis(labelLimit=LABEL)),
            x=alt.X("value:Q", title=f"Attributed revenue{name_unit(currency)}"),
            color=colour_channels("name", "Channel", rows["name"].unique().to_list()),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip("what:N", title="Model"),
                alt.Tooltip("name:N", title="Channel"),
                alt.Tooltip("value:Q", title=f"Revenue{name_unit(currency)}", format=",.0f"),
                alt.Tooltip("share:Q", title="Of what the model attributes", format=".1%"),
            ],
        )
    )
    return bars.properties(
        width=WIDTH - 140,
        height=BAND * max(len(models), 1),
        title=title,
        description=f"Bars of attributed revenue by channel under each model. {told}.",
    )


def draw_dependence(
    dependence: pl.LazyFrame, messages: pl.LazyFrame, *, study: ModelStudy, top: int, currency: str | None
) -> Picture | None:
    """Draw the messages that depend most on the model: from the least to the most, with a tick for each model.

    Parameters
    ----------
    dependence, messages
        As `klavnb.measure_dependence` and `klavnb.value_messages` give them.
    study
        The dot is the model in use, the ring the one considered.
    top
        How many messages to show. Where no message depends on the model there is nothing to draw, and None is returned.
    """
    shown = dependence.filter(pl.col("span") > 0).head(top).with_row_index("place").collect()
    if shown.is_empty():
        return None
    in_use, considered = study.models[:2]
    names = shown.with_columns(
        name=pl.when(pl.col("label").is_duplicated())
        .then(pl.format("{}, {}", "label", "message_id"))
        .otherwise("label"),
        credited=NAMED,
    )
    rows = (
        messages.filter(pl.col("model").is_in([*SAME_REVENUE, in_use, considered]))
        .collect()
        .join(names.select("message_id", "channel", "name", "credited"), on=["message_id", "channel"], nulls_equal=True)
        .with_columns(what=pl.col("model").cast(pl.String).replace_strict(MODEL_NAMES))
    )
    y = alt.Y("name:N", title=None, sort=names["name"].to_list(), axis=alt.Axis(labelLimit=LABEL))
    colour = colour_channels("credited", "Channel", names["credited"].unique().to_list())
    axis = f"Attributed revenue{name_unit(currency)}"
    line = (
        alt.Chart(names)
        .mark_rule(strokeWidth=3)
        .encode(y=y, x=alt.X("least_value:Q", title=axis), x2=alt.X2("most_value:Q"), color=colour)
    )
    base = alt.Chart(rows).encode(
        y=y,
        x=alt.X("value:Q", title=axis),
        color=colour,
        tooltip=[
            alt.Tooltip("name:N", title="Message"),
            alt.Tooltip("what:N", title="Model"),
            alt.Tooltip("value:Q", title=f"Revenue{name_unit(currency)}", format=",.0f"),
            alt.Tooltip("rank:Q", title="Rank by this model"),
        ],
    )
    ticks = base.mark_tick(thickness=2, size=14)
    dot = base.transform_filter(f"datum.model == '{in_use}'").mark_point(size=80, filled=True, opacity=1)
    ring = base.transform_filter(f"datum.model == '{considered}'").mark_point(size=130, filled=False, opacity=1)
    best = names.row(0, named=True)
    told = "; ".join(
        f"{row['name']}: {format_money(row['least_value'], currency)} ({MODEL_NAMES[row['least_model']]}) to "
        f"{format_money(row['most_value'], currency)} ({MODEL_NAMES[row['most_model']]})"
        for row in names.head(5).to_dicts()
    )
    return alt.layer(
        line,
        ticks,
        ring,
        dot,
        width=WIDTH - 300,
        height=BAND * names.height,
        title=f"Up to {format_money(best['span'], currency)} of one message’s revenue hang on the model",
        description="Attributed revenue of the messages that depend most on the model: a line from the least to the "
        f"most, a tick for each model, a dot for {MODEL_NAMES[in_use]}, a ring for {MODEL_NAMES[considered]}. {told}.",
    )


def draw_learned(learned: pl.LazyFrame, channels: pl.LazyFrame) -> Picture | None:
    """Draw each channel's share as the learning models find it, with intervals, beside two that follow a rule.

    Parameters
    ----------
    learned, channels
        As `klavnb.learn_channels` and `klavnb.value_channels` give them. With fewer orders than can be learned from
        there is nothing to draw, and None is returned.
    """
    found = learned.drop_nulls("share").with_columns(name=NAMED).collect()
    if found.is_empty() or found["count_conversions"][0] < LEAST_CONVERSIONS:
        return None
    by_rule = (
        channels.filter(pl.col("model").is_in(["cooperative", "linear"]))
        .select(name=NAMED, model=pl.col("model").cast(pl.String), share="share")
        .collect()
    )
    rows = (
        pl.concat([by_rule, found.select("name", "model", "share", "low", "high")], how="diagonal")
        .filter(pl.col("name").is_in(found["name"].to_list()))
        .with_columns(what=pl.col("model").replace_strict(MODEL_NAMES))
    )
    order = [MODEL_NAMES[model] for model in ("cooperative", "linear", "markov", "shapley")]
    base = alt.Chart(rows).encode(
        y=alt.Y("what:N", title=None, sort=order),
        color=colour_channels("name", None, CHANNEL_NAMES.values()),
        tooltip=[
            alt.Tooltip("name:N", title="Channel"),
            alt.Tooltip("what:N", title="Model"),
            alt.Tooltip("share:Q", title="Share", format=".1%"),
            alt.Tooltip("low:Q", title="Interval from", format=".1%"),
            alt.Tooltip("high:Q", title="to", format=".1%"),
        ],
    )
    axis = "Share of the attributed revenue, with the interval of 95 % where the model learns"
    intervals = (
        base.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=3)
        .encode(x=alt.X("low:Q", title=axis, axis=alt.Axis(format=".0%")), x2=alt.X2("high:Q"))
    )
    points = base.mark_point(size=80, filled=True, opacity=1, stroke=INK).encode(
        x=alt.X("share:Q", title=axis, axis=alt.Axis(format=".0%"))
    )
    shown = [name for name in CHANNEL_NAMES.values() if name in set(found["name"])]
    told = "; ".join(
        f"{row['name']}, {MODEL_NAMES[row['model']]}: {format_share(row['share'], 1)} ({format_share(row['low'], 1)} "
        f"to {format_share(row['high'], 1)})"
        for row in found.drop_nulls("low").to_dicts()
    )
    return (
        alt.layer(intervals, points, data=rows, width=WIDTH - 140, height=24 * len(order))
        .facet(row=alt.Row("name:N", title=None, sort=shown, header=alt.Header(orient="top")))
        .properties(
            title=f"What {format_count(found['count_conversions'][0], 'order')} teach of the channels",
            description=f"One field for each channel: its share under each model, as a point. {told}.",
        )
    )
