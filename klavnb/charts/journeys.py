"""Single customers' ways to an order, in the manner of the timelines of Klaviyo's announcement."""

from datetime import timedelta

import altair as alt
import polars as pl

from klavnb.channels import CHANNEL_NAMES
from klavnb.charts.ink import INK, WIDTH, Picture, at_height, colour_channels
from klavnb.sides import OLD_AND_COOPERATIVE, Sides
from klavnb.wording import format_count, format_days, format_money, format_share

__all__ = ["draw_journeys"]

LANE = 44
"""Of one channel, in pixels."""

WHOLE = 1 - 1e-9
"""From here on a touch earns the whole order: shares may miss their sum by a last digit."""

WINDOW = 18
"""Of the bar of a window, in pixels."""


def draw_journeys(
    journeys: pl.LazyFrame, *, currency: str | None, sides: Sides = OLD_AND_COOPERATIVE
) -> Picture | None:
    """Draw single customers' ways to an order: touches on their channel's lane, windows as bars, the order as a line.

    Parameters
    ----------
    journeys
        As `klavnb.pick_journeys` gives it. Without a row there is nothing to draw, and None is returned.
    sides
        What the two models or settings are called.
    """
    if journeys.collect().is_empty():
        return None
    day = timedelta(days=1)
    rows = journeys.with_columns(
        (pl.col("touched", "opened", "closes") / day).name.suffix("_days"),
        lane=pl.col("channel").cast(pl.String).replace_strict(CHANNEL_NAMES),
        what=_tell_credit("candidate_credit"),
        before=_tell_credit("baseline_credit"),
    ).collect()
    customers = rows["customer"].unique().sort()
    pictures = [_draw_journey(rows.filter(customer=customer), currency, sides) for customer in customers]
    told = " ".join(_tell_journey(rows.filter(customer=customer), currency, sides) for customer in customers)
    outcome = rows["outcome"][0]
    title = {
        "gained": "the old model credited to nothing"
        if sides == OLD_AND_COOPERATIVE
        else f"only the {sides.candidate} credits",
        "lost": f"only the {sides.baseline} credits",
        "moved": "both credit, but not alike",
    }[outcome]
    return alt.vconcat(
        *pictures,
        spacing=34,
        title=f"{format_count(len(pictures), 'order')} that {title}",
        description=f"Timelines of the days before an order. {told.replace('.;', '.')}",
    )


def _tell_credit(credit: str) -> pl.Expr:
    """What a touch gets of the order."""
    whole, nothing = pl.col(credit) > WHOLE, pl.col(credit) == 0
    return (
        pl.when(whole)
        .then(pl.lit("earns the order"))
        .when(nothing)
        .then(pl.lit("earns nothing"))
        .otherwise(pl.format("earns {} %", (100 * pl.col(credit)).round(1)))
    )


def _draw_journey(rows: pl.DataFrame, currency: str | None, sides: Sides) -> Picture:
    """One customer's picture; time runs in days to the order, which lies at 0."""
    lanes = rows["lane"].unique(maintain_order=True).to_list()
    starts, ends = rows.select(starts=pl.col("opened_days").min(), ends=pl.col("closes_days").max()).row(0)
    y = alt.Y("lane:N", title=None, sort=lanes)
    base = alt.Chart(rows.drop("touched", "opened", "closes")).encode(
        y=y,
        color=colour_channels("lane", None, CHANNEL_NAMES.values()),
        tooltip=[
            alt.Tooltip("lane:N", title="Channel"),
            alt.Tooltip("label:N", title="Message"),
            alt.Tooltip("kind:N", title="Touch"),
            alt.Tooltip("touched_days:Q", title="Days to the order", format=".2f"),
            alt.Tooltip("closes_days:Q", title="Window closes at day", format=".2f"),
            alt.Tooltip("what:N", title=sides.titles[1]),
            *([] if sides == OLD_AND_COOPERATIVE else [alt.Tooltip("before:N", title=sides.titles[0])]),
        ],
    )
    x = alt.X(
        "opened_days:Q",
        title="Days before and after the order",
        scale=alt.Scale(domain=[min(-1.0, starts), max(0.5, ends)], nice=False, padding=16),
    )
    windows = base.mark_bar(size=WINDOW, opacity=0.35).encode(x=x, x2=alt.X2("closes_days:Q"))
    touches = base.mark_point(filled=True, opacity=1, size=90).encode(x=alt.X("touched_days:Q"))
    ring = (
        base.transform_filter("datum.is_credited")
        .mark_point(filled=False, size=320, strokeWidth=2, color=INK)
        .encode(x=alt.X("touched_days:Q"), color=alt.ColorValue(INK))
    )
    order = alt.Chart(
        pl.DataFrame({"opened_days": [0.0], "text": [f"Order, {format_money(rows['value'][0], currency)}"]})
    )
    line = order.mark_rule(strokeWidth=2, color=INK).encode(x=x)
    name = order.mark_text(align="left", baseline="bottom", dx=4, color=INK).encode(
        x=x, y=at_height(-4), text=alt.Text("text:N", title="Order")
    )
    told = _tell_journey(rows, currency, sides).split(": ", 1)
    return alt.layer(
        windows,
        touches,
        ring,
        line,
        name,
        width=WIDTH,
        height=LANE * len(lanes),
        title=alt.Title(told[0], subtitle=[part.strip() for part in told[1].split(";")]),
    )


def _tell_journey(rows: pl.DataFrame, currency: str | None, sides: Sides) -> str:
    """Customer, order and what each model said, in one sentence of three parts."""
    last = rows.row(-1, named=True)
    if sides != OLD_AND_COOPERATIVE or last["outcome"] != "gained":
        before, after = sides.titles
        return (
            f"Customer {last['customer']}, order of {format_money(last['value'], currency)}: "
            f"{before}: {_tell_shares(rows, 'baseline_credit')}.; {after}: {_tell_shares(rows, 'candidate_credit')}."
        )
    credited = rows.filter("is_credited").row(0, named=True)
    return (
        f"Customer {last['customer']}, order of {format_money(last['value'], currency)}: "
        f"Old model: nothing. {last['lane']} came last, and its window had closed "
        f"{format_days(-last['closes'])} before the order.; "
        f"Cooperative model: {credited['lane']}, touched {format_days(-credited['touched'])} before, its window "
        "still open."
    )


def _tell_shares(rows: pl.DataFrame, credit: str) -> str:
    """What each credited touch gets, in their order; many are told by channel."""
    credited = rows.filter(pl.col(credit) > 0)
    if credited.is_empty():
        return "nothing"
    if credited.height == 1:
        only = credited.row(0, named=True)
        return f"{only['lane']}, touched {format_days(-only['touched'])} before"
    by_lane = credited.group_by("lane", maintain_order=True).agg(pl.col(credit).sum(), count=pl.len())
    return ", ".join(
        f"{lane} {format_share(share, 1)} in {format_count(count, 'touch', 'touches')}"
        for lane, share, count in by_lane.iter_rows()
    )
