"""Charts of segments: how large they are, who comes and goes, how they overlap, what they are worth."""

from collections.abc import Sequence
from datetime import date, timedelta

import altair as alt
import polars as pl

from klavnb.charts.ink import BAND, DARK, FAINT, FULL, INK, LABEL, WIDTH, Picture, name_unit
from klavnb.charts.stacks import rank_parts
from klavnb.labels import tell_apart
from klavnb.theme import LOSS_COLOUR
from klavnb.wording import format_count, format_money, format_share, say_number, say_people

__all__ = ["draw_moves", "draw_overlap", "draw_segment_values", "draw_sizes"]

DAYS_AXIS = alt.Axis(format="%b %Y", tickCount=6, labelAngle=0)


def draw_sizes(sizes: pl.LazyFrame, *, least: int, changes: pl.LazyFrame | None = None) -> Picture | None:
    """Draw the size of each segment day by day, each on a scale of its own.

    Parameters
    ----------
    sizes
        As `klavnb.segment_sizes` gives it, or the `sizes` of a study.
    least
        Smaller groups are not drawn; the line is cut there. Where none is as large, None is returned.
    changes
        As `klavnb.compare_sizes` gives it, for the title; without a row, the title tells how large the largest is.
    """
    days = _name_apart(sizes)
    is_shown = pl.col("count_members") >= least
    # a day that is not shown stays as a null, at which the line breaks
    rows = days.filter(is_shown.any().over("segment")).select(
        "segment", "as_of", pl.when(is_shown).then("count_members").alias("count_members")
    )
    if rows.is_empty():
        return None
    ends = (
        days.group_by("segment", maintain_order=True)
        .agg(last=pl.col("count_members").last())
        .join(rows, on="segment", how="semi", maintain_order="left")
    )
    span = days.select(
        pl.col("as_of").min().alias("first"), (pl.col("as_of").max() + timedelta(days=1)).alias("last")
    ).row(0)
    lines = [
        alt.Chart(rows.filter(segment=name))
        .mark_area(line={"color": INK, "strokeWidth": 2}, color=INK, opacity=0.18, interpolate="step-after")
        .encode(
            x=alt.X("as_of:T", title=None, axis=DAYS_AXIS, scale=alt.Scale(domain=_name_moments(span))),
            y=alt.Y(
                "count_members:Q",
                title="Profiles",
                axis=alt.Axis(tickCount=3, tickMinStep=1, format="~s"),
                scale=alt.Scale(nice=3),
            ),
            tooltip=[
                alt.Tooltip("segment:N", title="Segment"),
                alt.Tooltip("as_of:T", title="Day", format="%-d %b %Y"),
                alt.Tooltip("count_members:Q", title="Profiles", format=","),
            ],
        )
        .properties(width=WIDTH, height=90, title=name)
        for name in ends["segment"]
    ]
    told = [
        f"“{row['segment']}”: {say_people(row['last'], least=least, one='profile')}"
        for row in ends.sort("last", descending=True, maintain_order=True).to_dicts()
    ]
    title = "" if changes is None else _tell_change(changes, least=least)
    return alt.vconcat(
        *lines,
        spacing=22,
        title=title or f"{told[0]} on the last day",
        description="The size of each segment at the end of each day, each on its own scale. On the last day: "
        f"{'; '.join(told[:8])}. "
        f"Days with fewer than {least} profiles are not drawn.",
    )


def _tell_change(changes: pl.LazyFrame, *, least: int) -> str:
    """Say how the segment that changed most changed; nothing where none can be compared, or none changed by as much."""
    change = (pl.col("last") - pl.col("first")).abs()
    rows = _name_apart(changes).filter(change >= least).sort(change, descending=True, maintain_order=True)
    if rows.is_empty():
        return ""
    row = rows.row(0, named=True)
    return (
        f"“{row['segment']}”: {say_people(row['first'], least=least, one='profile')} "
        f"{format_count(row['count_days'], 'day')} before the last, {say_number(row['last'], least=least)} on the last"
    )


def _name_apart(frame: pl.LazyFrame) -> pl.DataFrame:
    """Collect a frame with names of segments that are fit to be shown, none the same as another."""
    rows = frame.collect()
    columns = [name for name in ("segment", "other") if name in rows.columns]
    names = tell_apart(pl.concat([rows[name] for name in columns]).drop_nulls())
    return rows.with_columns(pl.col(columns).replace_strict(names, default=None, return_dtype=pl.String))


def draw_moves(moves: pl.LazyFrame, *, least: int) -> Picture | None:
    """Draw how many entered and left each segment, month by month.

    Parameters
    ----------
    moves
        As `klavnb.count_moves` gives it.
    least
        Smaller numbers are not drawn. Where none is as large, None is returned.
    """
    ways = {"count_entered": "entered", "count_left": "left"}
    rows = (
        _name_apart(moves)
        .unpivot(list(ways), index=["segment", "month_on"], variable_name="way", value_name="count_moves")
        .with_columns(
            pl.col("way").replace_strict(ways),
            total=pl.col("count_moves").sum().over("segment", "way"),
            change=pl.when(pl.col("way") == "count_left").then(-pl.col("count_moves")).otherwise("count_moves"),
        )
        .filter(pl.col("count_moves") >= least)
    )
    if rows.is_empty():
        return None
    names = rows["segment"].unique(maintain_order=True).to_list()
    half = timedelta(days=15)
    span = (
        moves.select(pl.col("month_on").min() - half, (pl.col("month_on").max() + half).alias("last")).collect().row(0)
    )
    bars = [
        alt.Chart(rows.filter(segment=name))
        .mark_bar(size=14)
        .encode(
            x=alt.X("month_on:T", title=None, axis=DAYS_AXIS, scale=alt.Scale(domain=_name_moments(span))),
            y=alt.Y(
                "change:Q", title="left · entered", axis=alt.Axis(tickCount=3, format="~s"), scale=alt.Scale(nice=3)
            ),
            color=alt.Color(
                "way:N",
                title="In the month",
                scale=alt.Scale(domain=list(ways.values()), range=[INK, LOSS_COLOUR]),
            ),
            tooltip=[
                alt.Tooltip("segment:N", title="Segment"),
                alt.Tooltip("month_on:T", title="Month", format="%b %Y"),
                alt.Tooltip("way:N", title="What"),
                alt.Tooltip("count_moves:Q", title="Times", format=","),
            ],
        )
        .properties(width=WIDTH, height=80, title=name)
        for name in names
    ]
    totals = rows.select("segment", "way", "total").unique(maintain_order=True)
    by_segment = totals.sort("segment", "way", maintain_order=True).head(12).to_dicts()
    told = "; ".join(f"{row['segment']}: {row['total']:,} {row['way']}" for row in by_segment)
    busiest = totals.sort("total", descending=True, maintain_order=True).row(0, named=True)
    return alt.vconcat(
        *bars,
        spacing=22,
        title=f"Most moves: {format_count(busiest['total'], 'time')} someone {busiest['way']} “{busiest['segment']}”",
        description=f"Bars by month: up, how many entered a segment; down, how many left it. {told}. Months with "
        f"fewer than {least} are not drawn.",
    )


def _name_moments(span: Sequence[date]) -> list[alt.DateTime]:
    """Two moments or days as a scale's ends."""
    return [alt.DateTime(year=end.year, month=end.month, date=end.day) for end in span]


def draw_overlap(overlap: pl.LazyFrame, *, least: int) -> Picture | None:
    """Draw which part of one segment is in another, as a field of squares.

    Parameters
    ----------
    overlap
        As `klavnb.measure_overlap` gives it.
    least
        Smaller groups are left empty. Where none is as large, None is returned.
    """
    rows = (
        _name_apart(overlap.filter(pl.col("segment") != pl.col("other")))
        .filter(pl.col("count_both") >= least)
        .with_columns(share=pl.col("count_both") / pl.col("count_segment"))
        .with_columns(percent=pl.format("{} %", (100 * pl.col("share")).round().cast(pl.Int64)))
    )
    if rows.is_empty():
        return None
    base = alt.Chart(rows).encode(
        x=alt.X("other:N", title="… is also in", axis=alt.Axis(labelAngle=-35, orient="top", labelLimit=LABEL)),
        y=alt.Y("segment:N", title="Of this segment", axis=alt.Axis(labelLimit=LABEL)),
        tooltip=[
            alt.Tooltip("segment:N", title="Segment"),
            alt.Tooltip("other:N", title="Also in"),
            alt.Tooltip("count_both:Q", title="In both", format=","),
            alt.Tooltip("percent:N", title="Part of the segment"),
        ],
    )
    squares = base.mark_rect().encode(
        color=alt.Color("share:Q", title="Part", scale=alt.Scale(scheme="viridis", domain=[0, 1]), legend=None)
    )
    texts = base.mark_text().encode(
        text=alt.Text("percent:N"),
        color=alt.ColorValue("#000", condition={"test": alt.datum.share < DARK, "value": "#fff"}),
    )
    # a segment that lies inside another does so by its definition, mostly
    partly = rows.filter(pl.col("share") < 1)
    most = (
        (rows if partly.is_empty() else partly).sort("share", descending=True, maintain_order=True).row(0, named=True)
    )
    told = "; ".join(
        f"{100 * row['share']:.0f} % of {row['segment']} is in {row['other']}"
        for row in rows.sort("share", descending=True, maintain_order=True).head(6).to_dicts()
    )
    step = 52
    return alt.layer(
        squares,
        texts,
        width=step * rows["other"].n_unique(),
        height=step * rows["segment"].n_unique(),
        title=f"{100 * most['share']:.0f} % of “{most['segment']}” is also in “{most['other']}”",
        description=f"Squares: the part of the row's segment that is also in the column's. {told}.",
    )


def draw_segment_values(values: pl.LazyFrame, *, currency: str | None, least: int) -> Picture | None:
    """Draw what the members of each segment ordered: credited by the old model, added by the cooperative, uncredited.

    Parameters
    ----------
    values
        As `klavnb.value_segments` gives it.
    least
        Segments with fewer buyers are not drawn. Where none has as many, None is returned.
    """
    parts = {
        "baseline_value": "Credited by the old model",
        "difference": "Added by the cooperative model",
        "uncredited": "Credited by neither",
    }
    shown = (
        _name_apart(values)
        .filter(pl.col("segment").is_not_null(), pl.col("count_buyers") >= least)
        .with_columns(uncredited=pl.col("value") - pl.col("candidate_value"))
    )
    if shown.is_empty():
        return None
    rows = (
        shown.lazy()
        .unpivot(list(parts), index="segment", variable_name="part", value_name="revenue")
        .with_columns(
            part=pl.col("part").replace_strict(parts),
            revenue=pl.col("revenue").round(2),
        )
        .collect()
    )
    chart: Picture = (
        alt.Chart(rows)
        .transform_calculate(place=rank_parts(list(parts.values())))
        .mark_bar(size=BAND - 12, stroke=INK, strokeWidth=0.5)
        .encode(
            x=alt.X("revenue:Q", title=f"Revenue of the period{name_unit(currency)}"),
            y=alt.Y("segment:N", title=None, sort=shown["segment"].to_list(), axis=alt.Axis(labelLimit=LABEL)),
            color=alt.ColorValue(INK),
            opacity=alt.Opacity(
                "part:N",
                title=None,
                scale=alt.Scale(type="ordinal", domain=list(parts.values()), range=[FAINT, FULL, 0.12]),
                sort=list(parts.values()),
            ),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip("segment:N", title="Segment"),
                alt.Tooltip("part:N", title="Part"),
                alt.Tooltip("revenue:Q", title=f"Revenue{name_unit(currency)}", format=",.0f"),
            ],
        )
    )
    best = shown.sort(pl.col("difference").abs(), descending=True, maintain_order=True).row(0, named=True)
    change = (
        f"{format_money(abs(best['difference']), currency)} {'more' if best['difference'] > 0 else 'less'} credited"
    )
    part = format_share(abs(best["difference"]), best["value"])
    told = "; ".join(
        f"{row['segment']}: {format_money(row['value'], currency)} from {format_count(row['count_buyers'], 'buyer')}, "
        f"{format_money(row['baseline_value'], currency)} credited by the old model, "
        f"{format_money(row['candidate_value'], currency)} by the cooperative"
        for row in shown.head(6).to_dicts()
    )
    return chart.properties(
        width=WIDTH - 160,
        height=BAND * shown.height,
        title=f"“{best['segment']}”: {change}, {part} of what it ordered"
        if round(best["difference"])
        else f"Both models credit the same in every segment of {format_count(least, 'buyer')} or more",
        description=f"Bars of revenue by segment. {told}.",
    )
