"""Charts of a model beside what Klaviyo recorded: by class and by week."""

from typing import Final

import altair as alt
import polars as pl

from klavnb.agreement import AgreementStudy
from klavnb.agreement.describing import CLASS_NAMES
from klavnb.charts.ink import BAND, FAINT, FULL, INK, LABEL, WIDTH, Picture
from klavnb.charts.stacks import rank_parts
from klavnb.theme import CHANNEL_COLOURS, LOSS_COLOUR
from klavnb.wording import format_count, format_share

__all__ = ["draw_agreement", "draw_agreement_weeks"]

SIDE_NAMES: Final = {"differ": "They differ", "agree": "They agree", "not_compared": "Not compared"}
SIDE_COLOURS: Final = {"differ": LOSS_COLOUR, "agree": INK, "not_compared": CHANNEL_COLOURS["session"]}
SIDE_INK: Final = {"differ": FULL, "agree": FAINT, "not_compared": FAINT}


def draw_agreement(counts: pl.LazyFrame, *, study: AgreementStudy) -> Picture | None:
    """Draw the orders by class of agreement.

    Parameters
    ----------
    counts
        As `klavnb.agreement.count_agreement` gives it. Where the export records nothing there is nothing to draw, and
        None is returned.
    """
    if not study.count_said:
        return None
    rows = counts.with_columns(
        pl.col("agreement", "side").cast(pl.String), pl.col("count_conversions").cast(pl.Int64)
    ).collect()
    total = int(rows["count_conversions"].sum())
    rows = rows.with_columns(
        what=pl.col("agreement").replace_strict(CLASS_NAMES),
        told=pl.col("side").replace_strict(SIDE_NAMES),
        share=pl.col("count_conversions") / total,
    )
    sides = [side for side in SIDE_NAMES if side in rows["side"].to_list()]
    base = alt.Chart(rows).encode(
        y=alt.Y("what:N", title=None, sort=rows["what"].to_list(), axis=alt.Axis(labelLimit=LABEL)),
        x=alt.X("count_conversions:Q", title="Orders", axis=alt.Axis(tickCount=5)),
        tooltip=[
            alt.Tooltip("what:N", title="Class"),
            alt.Tooltip("told:N", title="So"),
            alt.Tooltip("count_conversions:Q", title="Orders", format=","),
            alt.Tooltip("share:Q", title="Share", format=".1%"),
        ],
    )
    bars = base.mark_bar(size=BAND - 8, stroke=INK, strokeWidth=0.7).encode(
        color=_colour_sides(sides), opacity=_shade_sides(sides)
    )
    labels = base.mark_text(align="left", dx=6, color=INK).encode(text=alt.Text("count_conversions:Q", format=","))
    count_differ = rows.filter(side="differ").select(pl.col("count_conversions").sum()).item()
    described = "; ".join(
        f"{row['what'][0].lower()}{row['what'][1:]}: {row['count_conversions']:,} "
        f"({format_share(row['count_conversions'], total)})"
        for row in rows.to_dicts()
    )
    return alt.layer(
        bars,
        labels,
        width=WIDTH - 300,
        height=BAND * rows.height,
        title=f"They differ on {count_differ:,} of {format_count(study.count_compared, 'order')} that can be compared",
        description=f"Bars of orders by how this report stands to what Klaviyo recorded: {described}.",
    )


def draw_agreement_weeks(weeks: pl.LazyFrame, *, study: AgreementStudy) -> Picture | None:
    """Draw by week how many orders agree, differ or cannot be compared.

    Parameters
    ----------
    weeks
        As `klavnb.agreement.count_agreement_weeks` gives it. Where the export records nothing None is returned.
    """
    if not study.count_said:
        return None
    rows = (
        weeks.with_columns(pl.col("side").cast(pl.String), pl.col("count_conversions").cast(pl.Int64))
        .with_columns(told=pl.col("side").replace_strict(SIDE_NAMES))
        .collect()
    )
    sides = [
        side for side in SIDE_NAMES if rows.filter(side=side)["count_conversions"].sum()
    ]  # a legend names what is there
    shown = rows.filter(pl.col("side").is_in(sides))
    days = rows["week_on"].unique().sort().to_list()
    mondays = [alt.DateTime(year=day.year, month=day.month, date=day.day) for day in days]
    differing = rows.filter(pl.col("side") == "differ", pl.col("count_conversions") > 0)
    size = max(2, min(14, (WIDTH - 40) // max(1, len(days))))
    bars = (
        alt.Chart(shown)
        .mark_bar(size=size, stroke=INK, strokeWidth=0.7)
        .encode(
            x=alt.X(
                "week_on:T",
                title="Week of the order, by its Monday",
                axis=alt.Axis(values=mondays, format="%-d %b %y", labelOverlap="greedy", labelSeparation=12),
            ),
            y=alt.Y("count_conversions:Q", title="Orders", stack=True),
            color=_colour_sides(sides),
            opacity=_shade_sides(sides),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip("week_on:T", title="Week of", format="%-d %b %Y"),
                alt.Tooltip("told:N", title="So"),
                alt.Tooltip("count_conversions:Q", title="Orders", format=","),
            ],
        )
        .transform_calculate(place=rank_parts(list(SIDE_NAMES.values()), "told"))
    )
    title = (
        f"They differ in {differing.height:,} of {format_count(len(days), 'week')}"
        if differing.height
        else f"They differ in none of {format_count(len(days), 'week')}"
    )
    return alt.layer(
        bars,
        width=WIDTH,
        height=220,
        title=title,
        description=f"Bars by week, {days[0]:%-d %B %Y} to {days[-1]:%-d %B %Y}: orders on which Klaviyo’s record and "
        f"this report differ, at the bottom, those on which they agree, and those that cannot be compared. {title}.",
    )


def _colour_sides(sides: list[str]) -> alt.Color:
    names, colours = ([words[side] for side in sides] for words in (SIDE_NAMES, SIDE_COLOURS))
    return alt.Color("told:N", title=None, scale=alt.Scale(domain=names, range=colours), sort=names)


def _shade_sides(sides: list[str]) -> alt.Opacity:
    names = [SIDE_NAMES[side] for side in sides]
    return alt.Opacity(
        "told:N", title=None, scale=alt.Scale(domain=names, range=[SIDE_INK[side] for side in sides]), sort=names
    )
