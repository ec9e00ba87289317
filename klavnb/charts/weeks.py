"""Charts of money over time: attributed revenue by week under two models."""

import altair as alt
import polars as pl

from klavnb.charts.ink import FAINT, FULL, INK, WIDTH, Picture, name_unit
from klavnb.sides import OLD_AND_COOPERATIVE, Sides
from klavnb.wording import format_money

__all__ = ["draw_weeks"]

CENT = 0.005
"""Less than this is no money."""


def draw_weeks(weeks: pl.LazyFrame, *, currency: str | None, sides: Sides = OLD_AND_COOPERATIVE) -> Picture:
    """Draw attributed revenue by week under both models; a brush over the lower part zooms the upper one.

    Where the candidate takes nothing away, its addition stands on the baseline's bar; else each model has a line.

    Parameters
    ----------
    weeks
        As `klavnb.compare_weeks` gives it.
    sides
        What the two models or settings are called.
    """
    wide = weeks.collect()
    if (wide["difference"] <= -CENT).any():
        return _draw_lines(wide, currency=currency, sides=sides)
    names = {"baseline_value": sides.titles[0], "difference": f"Added by the {sides.candidate}"}
    rows = wide.unpivot(
        list(names), index=["week_on", "value", "candidate_value"], variable_name="part", value_name="revenue"
    ).with_columns(
        model=pl.col("part").replace_strict(names),
        place=pl.col("part").replace_strict({"baseline_value": 0, "difference": 1}),
    )
    brush = alt.selection_interval(encodings=["x"])
    mondays = [alt.DateTime(year=day.year, month=day.month, date=day.day) for day in wide["week_on"].to_list()]
    dates = alt.Axis(values=mondays, format="%-d %b %y", labelOverlap="greedy", labelSeparation=12)
    week = alt.X("week_on:T", title="Week of the order, by its Monday", axis=dates)
    stacked = (
        alt.Chart(rows)
        .mark_bar(color=INK, size=8)
        .encode(
            y=alt.Y("revenue:Q", title=f"Attributed revenue{name_unit(currency)}"),
            opacity=alt.Opacity(
                "model:N",
                title=None,
                scale=alt.Scale(domain=list(names.values()), range=[FAINT, FULL]),
                sort=list(names.values()),
            ),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip("week_on:T", title="Week of", format="%-d %b %Y"),
                alt.Tooltip("model:N", title="Part"),
                alt.Tooltip("revenue:Q", title=f"Revenue{name_unit(currency)}", format=",.0f"),
                alt.Tooltip("candidate_value:Q", title="Both parts", format=",.0f"),
                alt.Tooltip("value:Q", title="All orders of the week", format=",.0f"),
            ],
        )
    )
    upper = stacked.encode(x=week.scale(domain=brush)).properties(width=WIDTH, height=220)
    lower = stacked.encode(
        x=alt.X("week_on:T", title="Drag here to look at fewer weeks", axis=dates),
        y=alt.Y("revenue:Q", title=None, axis=None),
    ).properties(width=WIDTH, height=44)
    weeks_on = wide["week_on"].to_list()
    best = wide.sort("difference", "week_on", descending=[True, False]).row(0, named=True)
    title = (
        f"The {sides.candidate} added most in the week of {best['week_on']:%-d %B %Y}: "
        f"{format_money(best['difference'], currency)}"
        if best["difference"] >= CENT
        else f"In no week does the {sides.candidate} add anything"
    )
    return alt.vconcat(upper, lower.add_params(brush)).properties(
        title=title,
        description=f"Bars by week, {weeks_on[0]:%-d %B %Y} to {weeks_on[-1]:%-d %B %Y}: revenue "
        f"that the {sides.baseline} credits, and on top what the {sides.candidate} adds, up to "
        f"{format_money(best['difference'], currency)} a week.",
    )


def _draw_lines(wide: pl.DataFrame, *, currency: str | None, sides: Sides) -> Picture:
    """A line for each model; the baseline's is dashed."""
    before, after = sides.titles
    names = {"baseline_value": before, "candidate_value": after}
    rows = wide.unpivot(
        list(names), index=["week_on", "value"], variable_name="part", value_name="revenue"
    ).with_columns(model=pl.col("part").replace_strict(names))
    best = wide.sort(pl.col("difference").abs(), "week_on", descending=[True, False]).row(0, named=True)
    word = "less" if best["difference"] < 0 else "more"
    lines: alt.Chart = (
        alt.Chart(rows)
        .mark_line(color=INK, strokeWidth=2, point=alt.OverlayMarkDef(color=INK, size=30))
        .encode(
            x=alt.X("week_on:T", title="Week of the order, by its Monday", axis=alt.Axis(format="%-d %b %y")),
            y=alt.Y("revenue:Q", title=f"Attributed revenue{name_unit(currency)}"),
            strokeDash=alt.StrokeDash(
                "model:N",
                title=None,
                scale=alt.Scale(domain=[before, after], range=[[5, 4], [1, 0]]),
                legend=alt.Legend(symbolStrokeColor=INK, labelLimit=420),
            ),
            tooltip=[
                alt.Tooltip("week_on:T", title="Week of", format="%-d %b %Y"),
                alt.Tooltip("model:N", title="By"),
                alt.Tooltip("revenue:Q", title=f"Revenue{name_unit(currency)}", format=",.0f"),
                alt.Tooltip("value:Q", title="All orders of the week", format=",.0f"),
            ],
        )
    )
    weeks_on = wide["week_on"].to_list()
    return lines.properties(
        width=WIDTH,
        height=240,
        title=f"Most apart in the week of {best['week_on']:%-d %B %Y}: "
        f"{format_money(abs(best['difference']), currency)} {word} under the {sides.candidate}",
        description=f"Two lines by week, {weeks_on[0]:%-d %B %Y} to {weeks_on[-1]:%-d %B %Y}: revenue credited by the "
        f"{sides.baseline} (dashed) and by the {sides.candidate}.",
    )
