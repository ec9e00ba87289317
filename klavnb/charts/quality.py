"""Charts of an export's quality: days and their gaps, receipts, values of orders."""

from datetime import date, timedelta
from typing import Final

import altair as alt
import polars as pl

from klavnb.channels import CHANNEL_NAMES
from klavnb.charts.ink import BAND, FAINT, FULL, INK, LABEL, WIDTH, Picture, at_height
from klavnb.charts.stacks import rank_parts
from klavnb.labels import tell_apart, tidy_names
from klavnb.quality import ANY, SMALLEST, STEPS, Survey, fill_days, find_gaps, list_watched
from klavnb.theme import LOSS_COLOUR
from klavnb.wording import format_count, format_share

__all__ = ["draw_days", "draw_order_values", "draw_receipts"]

MOST_METRICS: Final = 8
MOST_POINTS: Final = 550
"""Longer periods are drawn by the week."""

ALL: Final = "All events"

SOURCES: Final = {
    "received_event": "Received event",
    "send_cohort": "Sending",
    "handoff": "Hand-over to the provider",
    "touch": "None of them",
}
"""Where a receipt is known from → what a reader calls it."""


def draw_days(survey: Survey) -> Picture:
    """Draw how many events each day has, of all metrics and of those of attribution, with missing days marked."""
    metrics = list_watched(survey)[:MOST_METRICS]
    days = fill_days(survey.days, metrics, first_on=survey.first_on, last_on=survey.last_on)
    gaps = find_gaps(survey).filter(pl.col("metric").is_in([ANY, *metrics]))
    step = "1w" if survey.count_days > MOST_POINTS else "1d"
    rows = days.group_by("metric", pl.col("on").dt.truncate(step), maintain_order=True).agg(
        pl.col("count_events").sum()
    )
    names = {ANY: ALL, **tell_apart(metrics)}
    missing = _list_days(gaps)
    domain = [_name_day(survey.first_on), _name_day(survey.last_on + timedelta(days=1))]
    panels = []
    for metric, name in names.items():
        x = alt.X(
            "on:T", title=None, axis=alt.Axis(format="%b %Y", tickCount=6, labelAngle=0), scale=alt.Scale(domain=domain)
        )
        area = (
            alt.Chart(rows.filter(metric=metric))
            .mark_area(line={"color": INK, "strokeWidth": 1.5}, color=INK, opacity=0.18, interpolate="step-after")
            .encode(
                x=x,
                y=alt.Y("count_events:Q", title="Events", axis=alt.Axis(tickCount=3, tickMinStep=1, format="~s")),
                tooltip=[
                    alt.Tooltip("on:T", title="Day" if step == "1d" else "Week of", format="%-d %b %Y"),
                    alt.Tooltip("count_events:Q", title="Events", format=","),
                ],
            )
        )
        marks = (
            alt.Chart(missing.filter(metric=metric))
            .mark_point(shape="triangle-down", filled=True, size=60, color=LOSS_COLOUR, opacity=1)
            .encode(x=x, y=at_height(6), tooltip=[alt.Tooltip("on:T", title="Missing day", format="%-d %b %Y")])
        )
        panels.append(
            (area + marks if missing.filter(metric=metric).height else area).properties(
                width=WIDTH, height=70, title=name
            )
        )
    count = missing.filter(metric=ANY).height
    of_metrics = missing.filter(pl.col("metric") != ANY)
    title = (
        f"{format_count(count, 'day')} without any event"
        if count
        else f"{format_count(of_metrics['on'].n_unique(), 'day')} without a metric that is usual on them"
        if of_metrics.height
        else f"No day of {survey.count_days:,} is missing"
    )
    by_metric = missing.group_by("metric", maintain_order=True).len()
    told = "; ".join(f"{names[metric]}: {format_count(days, 'missing day')}" for metric, days in by_metric.iter_rows())
    return alt.vconcat(
        *panels,
        spacing=18,
        title=title,
        description=f"Events by {'day' if step == '1d' else 'week'}, each metric on its own scale: "
        f"{', '.join(names.values())}. "
        f"Triangles mark missing days. {told or 'There are none'}.",
    )


def _list_days(gaps: pl.DataFrame) -> pl.DataFrame:
    """One row per metric and missing day."""
    return gaps.select("metric", on=pl.date_ranges("first_on", "last_on")).explode("on", empty_as_null=False)


def _name_day(on: date) -> alt.DateTime:
    return alt.DateTime(year=on.year, month=on.month, date=on.day)


def draw_receipts(survey: Survey) -> Picture | None:
    """Draw where the receipt of touches is known from; where there are no such touches, None is returned."""
    total = int(survey.receipts["count_touches"].sum())
    if not total:
        return None
    channel = pl.col("channel").cast(pl.String).replace_strict(CHANNEL_NAMES)
    rows = (
        survey.receipts.with_columns(touch_kind=pl.concat_str(channel, pl.lit(" "), pl.col("kind").cast(pl.String)))
        .unpivot(list(SOURCES), index=["touch_kind", "count_touches"], variable_name="source", value_name="count_part")
        .with_columns(pl.col("source").replace_strict(SOURCES), share=pl.col("count_part") / pl.col("count_touches"))
    )
    names = list(SOURCES.values())
    chart: Picture = (
        alt.Chart(rows)
        .transform_calculate(place=rank_parts(names, "source"))
        .mark_bar(size=BAND - 12, stroke=INK, strokeWidth=0.5)
        .encode(
            x=alt.X(
                "share:Q",
                title="Part of the touches",
                axis=alt.Axis(format="%", tickCount=4),
                scale=alt.Scale(domain=[0, 1]),
            ),
            y=alt.Y("touch_kind:N", title=None, axis=alt.Axis(labelLimit=LABEL)),
            color=alt.Color(
                "source:N",
                title="Receipt known from",
                sort=names,
                scale=alt.Scale(domain=names, range=[INK, INK, INK, LOSS_COLOUR]),
            ),
            opacity=alt.Opacity(
                "source:N",
                title="Receipt known from",
                sort=names,
                scale=alt.Scale(type="ordinal", domain=names, range=[FULL, FAINT, 0.2, FULL]),
            ),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip("touch_kind:N", title="Touches"),
                alt.Tooltip("source:N", title="Receipt known from"),
                alt.Tooltip("count_part:Q", title="How many", format=","),
                alt.Tooltip("share:Q", title="Part", format=".1%"),
            ],
        )
    )
    sums = {source: int(survey.receipts[name].sum()) for name, source in SOURCES.items()}
    told = "; ".join(f"{source}: {format_share(count, total)}" for source, count in sums.items())
    return chart.properties(
        width=WIDTH - 160,
        height=BAND * survey.receipts.height,
        title=f"{format_share(sums[SOURCES['received_event']], total)} have their Received event",
        description="Bars by channel and kind of touch: where the time of receipt is known from. "
        f"Of {format_count(total, 'touch', 'touches')}: {told}.",
    )


def draw_order_values(survey: Survey) -> Picture | None:
    """Draw how the orders are spread over values, in the currency with the most of them; None without orders."""
    if survey.orders.is_empty():
        return None
    currency = survey.orders["currency"][0]
    rows = (
        survey.values.filter(pl.col("currency").eq_missing(pl.lit(currency, dtype=pl.String)))
        .sort("lower", nulls_last=False)
        .with_columns(step=_name_step(pl.col("lower")), is_doubtful=pl.col("lower").fill_null(-1) <= 0)
    )
    total = int(rows["count_orders"].sum())
    most = rows.sort("count_orders", descending=True, maintain_order=True).row(0, named=True)
    shown = tidy_names(pl.lit(currency, dtype=pl.String))
    unit = f", {pl.select(shown).item()}" if currency else ""
    told = "; ".join(f"{step}: {count:,}" for step, count in rows.select("step", "count_orders").iter_rows())
    chart: Picture = (
        alt.Chart(rows)
        .mark_bar()
        .encode(
            x=alt.X(
                "step:N", title=f"Value of the order{unit}", sort=rows["step"].to_list(), axis=alt.Axis(labelAngle=-35)
            ),
            y=alt.Y("count_orders:Q", title="Orders", axis=alt.Axis(format="~s", tickMinStep=1)),
            color=alt.Color(
                "is_doubtful:N",
                title=None,
                legend=None,
                scale=alt.Scale(domain=[False, True], range=[INK, LOSS_COLOUR]),
            ),
            opacity=at_height(0.7),
            tooltip=[
                alt.Tooltip("step:N", title="Value"),
                alt.Tooltip("count_orders:Q", title="Orders", format=","),
            ],
        )
    )
    return chart.properties(
        width=WIDTH - 60,
        height=200,
        title=f"The most frequent value: {most['step']}, {format_share(most['count_orders'], total)}",
        description=f"Bars: {format_count(total, 'order')} by their value{unit}. {told}.",
    )


def _name_step(lower: pl.Expr) -> pl.Expr:
    """Name a step of values by its two ends."""
    ends = dict(zip([SMALLEST, *STEPS], [*STEPS, None], strict=True))
    names = {
        low: f"below {high:,.0f}"
        if low < 1
        else f"{low:,.0f} or more"
        if high is None
        else f"{low:,.0f} to {high:,.0f}"
        for low, high in ends.items()
    }
    return lower.replace_strict({-1.0: "below 0", 0.0: "0", **names}, default=None).fill_null("no value")
