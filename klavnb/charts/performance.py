"""Charts of what became of messages: what they earned, how their rates lie to the median, the steps of flows."""

from typing import Final

import altair as alt
import dataframely as dy
import polars as pl

from klavnb.channels import CHANNEL_NAMES
from klavnb.charts.ink import BAND, FAINT, FULL, INK, LABEL, WIDTH, Picture, colour_channels, name_unit
from klavnb.charts.stacks import rank_parts
from klavnb.performance import STEP_PARTS, MessageStudy
from klavnb.performance.words import MEASURE_NAMES, name_model, say_dating
from klavnb.schemas import MessageMeasure
from klavnb.theme import CHANNEL_COLOURS, LOSS_COLOUR
from klavnb.wording import format_count, format_money, format_share

__all__ = ["draw_earnings", "draw_rates", "draw_steps"]

CHANNEL: Final = pl.col("channel").cast(pl.String).replace_strict(dict(CHANNEL_NAMES)).fill_null("several")

STEP_NAMES: Final = {
    "ordered": "Ordered",
    "left": "Unsubscribed or marked as spam",
    "went_on": "Went on to a later message",
    "recent": "Too recent to say",
    "ended": "None of these (hollow)",
}
"""What comes of a receipt → in words; `STEP_PARTS` has them in this order."""

TOLD: Final = 5
"""How many rows a description tells."""


def draw_earnings(
    measures: dy.LazyFrame[MessageMeasure], *, top: int, study: MessageStudy, currency: str | None
) -> Picture | None:
    """Draw what campaigns, flows or messages earned under both models, most first.

    Parameters
    ----------
    measures
        As `klavnb.measure_messages` gives it, of one level.
    top
        How many to draw. Where none earned anything there is nothing to draw, and None is returned.
    """
    earned = measures.filter((pl.col("candidate_value") > 0) | (pl.col("baseline_value") > 0)).collect()
    if earned.is_empty():
        return None
    rows = _tell_apart(earned.head(top).with_columns(named_channel=CHANNEL)).with_columns(
        pl.col("baseline_value", "candidate_value").round(2)
    )
    old, new = (name_model(model).capitalize() for model in (study.comparison.baseline, study.comparison.candidate))
    base = alt.Chart(rows).encode(
        y=alt.Y("name:N", title=None, sort=rows["name"].to_list(), axis=alt.Axis(labelLimit=LABEL)),
        color=_colour(rows),
        tooltip=[
            alt.Tooltip("name:N", title="Name"),
            alt.Tooltip("named_channel:N", title="Channel"),
            alt.Tooltip("baseline_value:Q", title=f"{old}{name_unit(currency)}", format=",.0f"),
            alt.Tooltip("candidate_value:Q", title=f"{new}{name_unit(currency)}", format=",.0f"),
            alt.Tooltip("count_candidate:Q", title="Orders", format=","),
            alt.Tooltip("count_recipients:Q", title="Recipients", format=","),
        ],
    )
    x = alt.X(
        "baseline_value:Q", title=f"Attributed revenue{name_unit(currency)}; ring: {old.lower()}, dot: {new.lower()}"
    )
    line = base.mark_rule(strokeWidth=3).encode(x=x, x2=alt.X2("candidate_value:Q"))
    ring = base.mark_point(size=70, filled=False).encode(x=x)
    dot = base.mark_point(size=70, filled=True, opacity=1).encode(x=alt.X("candidate_value:Q"))
    shown, total = (float(frame["candidate_value"].sum()) for frame in (rows, earned))
    part = f"The first {rows.height} of {earned.height}" if earned.height > rows.height else f"All {earned.height}"
    told = "; ".join(
        f"{row['name']}: {format_money(row['baseline_value'], currency)} and "
        f"{format_money(row['candidate_value'], currency)}"
        for row in rows.head(TOLD).to_dicts()
    )
    return alt.layer(
        line,
        ring,
        dot,
        width=WIDTH - 300,
        height=BAND * rows.height,
        title=_write_title(f"{part} earned {format_share(shown, total)} of the revenue", study),
        description=f"Attributed revenue under the {old.lower()} and the {new.lower()}. "
        f"{_say_part(rows.height)}{told}.",
    )


def draw_rates(rates: pl.LazyFrame, *, measure: str, top: int, study: MessageStudy) -> Picture | None:
    """Draw a rate of each message with its interval, beside the median of its kind.

    Parameters
    ----------
    rates
        As `klavnb.performance.add_median` gives it.
    measure
        The rate, one of `klavnb.performance.RATES`.
    top
        How many to draw: those apart from the median first, then those of most recipients. Where none is known there is
        nothing to draw: None.
    """
    known = rates.filter(measure=measure).collect()
    if known.is_empty():
        return None
    is_apart = pl.col("verdict").is_in(["above", "below"]).fill_null(value=False)
    chosen = (
        known.sort(is_apart, "of_count", "label", descending=[True, True, False])
        .head(top)
        .sort("channel", "estimate", descending=True)
    )
    rows = _tell_apart(chosen.with_columns(named_channel=CHANNEL))
    words = MEASURE_NAMES[measure]
    base = alt.Chart(rows).encode(
        y=alt.Y("name:N", title=None, sort=rows["name"].to_list(), axis=alt.Axis(labelLimit=LABEL)),
        tooltip=[
            alt.Tooltip("name:N", title="Name"),
            alt.Tooltip("estimate:Q", title=words, format=".1%"),
            alt.Tooltip("low:Q", title="Between", format=".1%"),
            alt.Tooltip("high:Q", title="and", format=".1%"),
            alt.Tooltip("median:Q", title="Median of its kind", format=".1%"),
            alt.Tooltip("of_count:Q", title="Of how many", format=","),
        ],
    )
    x = alt.X("low:Q", title=f"{words}; line: 95 % interval, tick: median of its kind", axis=alt.Axis(format="%"))
    line = base.mark_rule(strokeWidth=3, opacity=FAINT).encode(x=x, x2=alt.X2("high:Q"), color=_colour(rows))
    dot = base.mark_point(size=60, filled=True, opacity=1).encode(x=alt.X("estimate:Q"), color=_colour(rows))
    tick = base.mark_tick(thickness=2, size=BAND - 10, color=INK).encode(x=alt.X("median:Q"))
    apart = known.filter(is_apart).height
    told = "; ".join(
        f"{row['name']}: {row['estimate']:.1%} ({row['low']:.1%} to {row['high']:.1%}, median {row['median']:.1%})"
        for row in rows.head(TOLD).to_dicts()
    )
    return alt.layer(
        line,
        dot,
        tick,
        width=WIDTH - 300,
        height=BAND * rows.height,
        title=_write_title(f"{apart or 'None'} of {known.height} clearly apart from the median", study),
        description=f"{words} with its 95 % interval, and the median of the same channel and kind. "
        f"{_say_part(rows.height)}{told}.",
    )


def draw_steps(steps: pl.LazyFrame, *, top: int, least: int, study: MessageStudy) -> Picture | None:
    """Draw what comes of each message of each flow: who orders, leaves, goes on.

    Parameters
    ----------
    steps
        As `klavnb.performance.measure_steps` gives it.
    top
        How many flows to draw, those with most receipts.
    least
        Steps of fewer receipts are left out. Where none is left, None is returned.
    """
    shown = steps.filter(pl.col("count_received") >= least).collect()
    if shown.is_empty():
        return None
    flows = (
        shown.group_by("flow_id", "flow")
        .agg(pl.col("count_received", "count_ordered", "count_left").sum())
        .sort("count_received", "flow_id", descending=[True, False])
        .head(top)
    )
    parts = shown.with_columns(
        name=pl.format("{}. {} ({})", "step", "label", "count_received"), total="count_received"
    ).unpivot(
        [f"count_{part}" for part in STEP_PARTS],
        index=["flow_id", "name", "step", "total"],
        variable_name="part",
        value_name="count_part",
    )
    names = {f"count_{part}": STEP_NAMES[part] for part in STEP_PARTS}
    rows = parts.with_columns(
        part=pl.col("part").replace_strict(names), share=pl.col("count_part") / pl.col("total")
    ).sort("flow_id", "step")
    panels = [
        _draw_flow(rows.filter(flow_id=flow_id), title=flow)
        for flow_id, flow in flows.select("flow_id", "flow").iter_rows()
    ]
    ordered, left, received = (int(shown[f"count_{name}"].sum()) for name in ("ordered", "left", "received"))
    told = "; ".join(
        f"{row['flow']}, step {row['step']}: {format_share(row['count_ordered'], row['count_received'])} ordered, "
        f"{format_share(row['count_left'], row['count_received'])} left, "
        f"{format_share(row['count_went_on'], row['count_received'])} went on"
        for row in shown.join(flows.select("flow_id"), on="flow_id", maintain_order="left").to_dicts()
    )
    return alt.vconcat(
        *panels,
        spacing=14,
        title=_write_title(
            f"{format_share(ordered, received)} of {format_count(received, 'message')} earned an order, "
            f"{format_share(left, received)} lost the reader",
            study,
        ),
        description=f"Bars by flow and step: what came of each message that arrived. {told}.",
    )


def _draw_flow(rows: pl.DataFrame, *, title: str) -> alt.Chart:
    names = list(STEP_NAMES.values())
    scale = alt.Scale(domain=names, range=[INK, LOSS_COLOUR, INK, INK, "transparent"])
    # whoever is neither ordered, gone nor on the way is hollow, so that no two greys need telling apart
    opacity = alt.Scale(type="ordinal", domain=names, range=[FULL, FULL, FAINT, 0.2, FULL])
    legend = alt.Legend(columns=3, symbolStrokeColor=INK, symbolStrokeWidth=0.5)
    chart: alt.Chart = (
        alt.Chart(rows)
        .transform_calculate(place=rank_parts(names))
        .mark_bar(size=BAND - 12, stroke=INK, strokeWidth=0.5)
        .encode(
            x=alt.X(
                "share:Q",
                title="Part of the messages that arrived",
                axis=alt.Axis(format="%", tickCount=4),
                scale=alt.Scale(domain=[0, 1]),
            ),
            y=alt.Y(
                "name:N",
                title=None,
                sort=rows["name"].unique(maintain_order=True).to_list(),
                axis=alt.Axis(labelLimit=LABEL),
            ),
            color=alt.Color("part:N", title=None, sort=names, scale=scale, legend=legend),
            opacity=alt.Opacity("part:N", title=None, sort=names, scale=opacity, legend=legend),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip("name:N", title="Message"),
                alt.Tooltip("part:N", title="What came of it"),
                alt.Tooltip("count_part:Q", title="How many", format=","),
                alt.Tooltip("share:Q", title="Part", format=".1%"),
            ],
        )
        .properties(width=WIDTH - 300, height=BAND * rows["name"].n_unique(), title=title)
    )
    return chart


def _say_part(drawn: int) -> str:
    """Say how many of those drawn a description tells, where it is not all."""
    return f"The first {TOLD} of {drawn}: " if drawn > TOLD else ""


def _write_title(words: str, study: MessageStudy) -> alt.TitleParams:
    """Write a title with the way of dating beneath it."""
    return alt.TitleParams(words, subtitle=say_dating(study)[0].upper() + say_dating(study)[1:])


def _tell_apart(rows: pl.DataFrame) -> pl.DataFrame:
    """Give each row a name of its own, whatever it is called."""
    identity = pl.coalesce("variation_id", "message_id", "campaign_id", "flow_id", pl.lit(""))
    return rows.with_columns(
        name=pl.when(pl.col("label").is_duplicated())
        .then(pl.format("{} ({})", "label", identity))
        .otherwise(pl.col("label"))
    )


def _colour(rows: pl.DataFrame) -> alt.Color:
    """Colour by channel; what goes by several has the colour of ink."""
    names = rows["named_channel"].unique().to_list()
    colour = colour_channels("named_channel", "Channel", names)
    if "several" not in names:
        return colour
    known = [name for name in CHANNEL_NAMES.values() if name in names]
    return alt.Color(
        "named_channel:N",
        title="Channel",
        scale=alt.Scale(
            domain=[*known, "several"],
            range=[*(CHANNEL_COLOURS[channel] for channel, name in CHANNEL_NAMES.items() if name in known), INK],
        ),
    )
