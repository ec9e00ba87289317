"""Charts of the recipe's workaround: how much of a segment it finds, and why it misses the rest."""

import altair as alt
import polars as pl

from klavnb.charts.ink import BAND, INK, LABEL, WIDTH, Picture
from klavnb.charts.stacks import rank_parts
from klavnb.privacy import mask
from klavnb.theme import LOSS_COLOUR
from klavnb.wording import RECIPE_REASONS, format_count, format_share
from klavnb.workaround import Workaround

__all__ = ["draw_recipe", "draw_recipe_reasons"]


def draw_recipe(workaround: Workaround, *, least: int) -> Picture | None:
    """Draw the segment of large orders through time: as it is, and as the recipe's properties have it.

    Parameters
    ----------
    workaround
        As `klavnb.study_workaround` gives it.
    least
        Smaller groups are not drawn. Where none is as large, None is returned.
    """
    of_goal = workaround.counts.filter(pl.col("goal") == workaround.goal)
    label = mask(workaround.labels[workaround.goal])
    lines = {"exact": "exact", "as_published": "recipe as published", "mended": "recipe, comparison mended"}
    rows = (
        pl.concat(
            [
                of_goal.filter(pl.col("variant") == "as_published").select(
                    "as_of", line=pl.lit("exact"), count_members="count_exact"
                ),
                of_goal.select("as_of", line=pl.col("variant").cast(pl.String), count_members="count_recipe"),
            ]
        )
        # a day that is not shown stays as a null, at which the line breaks
        .with_columns(
            pl.col("line").replace_strict(lines),
            pl.when(pl.col("count_members") >= least).then("count_members").alias("count_members"),
        )
        .collect()
    )
    if rows["count_members"].null_count() == rows.height:
        return None
    names = list(lines.values())
    chart: Picture = (
        alt.Chart(rows)
        .mark_line(interpolate="step-after")
        .encode(
            x=alt.X("as_of:T", title=None, axis=alt.Axis(format="%b %Y", tickCount=6, labelAngle=0)),
            y=alt.Y("count_members:Q", title="Customers in the segment"),
            color=alt.Color("line:N", title=None, scale=alt.Scale(domain=names, range=[INK, LOSS_COLOUR, INK])),
            # a wide pale band below thin lines: where they lie on each other, all can be seen
            strokeWidth=alt.StrokeWidth(
                "line:N", title=None, scale=alt.Scale(type="ordinal", domain=names, range=[9, 2, 2])
            ),
            opacity=alt.Opacity("line:N", title=None, scale=alt.Scale(type="ordinal", domain=names, range=[0.3, 1, 1])),
            strokeDash=alt.StrokeDash(
                "line:N", title=None, scale=alt.Scale(domain=names, range=[[1, 0], [1, 0], [4, 3]])
            ),
            tooltip=[
                alt.Tooltip("line:N", title="Segment"),
                alt.Tooltip("as_of:T", title="Day", format="%-d %b %Y"),
                alt.Tooltip("count_members:Q", title="Customers", format=","),
            ],
        )
    )
    found = (
        of_goal.group_by("variant")
        .agg(pl.col("count_both", "count_exact").sum())
        .collect()
        .with_columns(pl.col("variant").cast(pl.String))
    )
    shares = {row["variant"]: format_share(row["count_both"], row["count_exact"]) for row in found.to_dicts()}
    period = f"from {workaround.live_on:%-d %B %Y} on" if workaround.live_on else "over the period"
    return chart.properties(
        width=WIDTH,
        height=240,
        title=f"Large orders: {period} the recipe finds {shares['as_published']} of the members",
        description=f"Lines over time of the segment “{label}”: its exact size, what the recipe as published has, and "
        f"with the comparison mended. Found {period}: {shares['as_published']} and {shares['mended']}.",
    )


def draw_recipe_reasons(workaround: Workaround, *, least: int) -> Picture | None:
    """Draw why the recipe as published misses customers, segment by segment, at the moment of the study.

    Parameters
    ----------
    workaround
        As `klavnb.study_workaround` gives it.
    least
        Smaller groups are not drawn. Where none is as large, None is returned.
    """
    reasons = [f"count_{name}" for name in RECIPE_REASONS]
    labels = {goal: mask(label) for goal, label in workaround.labels.items()}
    rows = (
        workaround.today.filter(pl.col("variant") == "as_published")
        .with_columns(pl.col("goal").replace_strict(labels))
        .unpivot(
            ["count_both", *reasons], index=["goal", "count_exact"], variable_name="part", value_name="count_profiles"
        )
        .filter(pl.col("count_profiles") >= least)
        .with_columns(
            part=pl.col("part")
            .str.strip_prefix("count_")
            .replace_strict({"both": "found by the recipe", **RECIPE_REASONS}),
        )
        .collect()
    )
    if rows.is_empty():
        return None
    parts = ["found by the recipe", *RECIPE_REASONS.values()]
    present = [part for part in parts if part in set(rows["part"])]
    palette = dict(zip(parts, (INK, "#7d828a", LOSS_COLOUR, "#8a6d3b", "#c2660c", "#b0559f", "#3b82d0"), strict=True))
    present_goals = set(rows["goal"])
    goals = [label for label in labels.values() if label in present_goals]
    chart: Picture = (
        alt.Chart(rows)
        .transform_calculate(place=rank_parts(parts))
        .mark_bar(size=BAND - 10)
        .encode(
            x=alt.X("count_profiles:Q", title="Customers of the exact segment", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("goal:N", title=None, sort=goals, axis=alt.Axis(labelLimit=LABEL)),
            color=alt.Color(
                "part:N",
                title=None,
                scale=alt.Scale(domain=present, range=[palette[part] for part in present]),
                legend=alt.Legend(columns=1, labelLimit=400),
            ),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip("goal:N", title="Segment"),
                alt.Tooltip("part:N", title="What"),
                alt.Tooltip("count_profiles:Q", title="Customers", format=","),
            ],
        )
    )
    missed = rows.filter(pl.col("part") != parts[0])
    told = "; ".join(f"{row['goal']}, {row['part']}: {row['count_profiles']:,}" for row in missed.to_dicts()[:12])
    people = workaround.people.collect().row(0, named=True)
    worst = max(RECIPE_REASONS, key=lambda name: int(people[f"count_{name}"]))
    if not people["count_missed"]:
        title = "The workaround misses nobody on the day"
    elif people[f"count_{worst}"] < least:
        title = f"No one reason explains {format_count(least, 'customer')} or more"
    else:
        title = f"{people[f'count_{worst}']:,} are missed because {RECIPE_REASONS[worst]}"
    return chart.properties(
        width=WIDTH - 220,
        height=BAND * len(goals),
        title=title,
        description="Bars of customers by segment: found by the recipe, and missed by reason. "
        f"{told or 'No group that is missed is large enough to be drawn'}. Groups of fewer than {least} are not "
        "drawn, so a bar may end before the size of its segment.",
    )
