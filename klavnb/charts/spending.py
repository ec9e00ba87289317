"""Charts of orders by customer: one large order against several small ones, and who ordered which item."""

import altair as alt
import polars as pl

from klavnb.charts.ink import BAND, DARK, FAINT, FULL, INK, WIDTH, Picture, name_unit
from klavnb.charts.stacks import rank_parts
from klavnb.labels import tell_apart
from klavnb.privacy import mask
from klavnb.wording import format_count, name_window

__all__ = ["draw_item_buyers", "draw_spending"]


def _name_windows(frame: pl.DataFrame) -> pl.DataFrame:
    windows = frame["window_days"].unique(maintain_order=True).to_list()
    names = {days: name_window(days) for days in windows}
    return frame.with_columns(
        window=pl.col("window_days").replace_strict(names, default=names.get(None, ""), return_dtype=pl.String)
    )


def draw_spending(spending: pl.LazyFrame, *, currency: str | None, least: int) -> Picture | None:
    """Draw how many reach each amount with one order, and how many only with several.

    Parameters
    ----------
    spending
        As `klavnb.compare_spending` gives it.
    least
        Smaller groups are not drawn. Where none is as large, None is returned.
    """
    parts = {"count_single": "with one order", "count_only_total": "only with several together"}
    rows = _name_windows(
        spending.with_columns(count_only_total=pl.col("count_total") - pl.col("count_both"))
        .unpivot(list(parts), index=["window_days", "threshold"], variable_name="part", value_name="count_profiles")
        .filter(pl.col("count_profiles") >= least)
        .with_columns(
            part=pl.col("part").replace_strict(parts),
        )
        .collect()
    )
    if rows.is_empty():
        return None
    named = {amount: f"{amount:,.12g} or more" for amount in rows["threshold"].unique().sort()}
    rows = rows.with_columns(amount=pl.col("threshold").replace_strict(named))
    amounts = list(named.values())
    rises = alt.Y("amount:N", title=None, sort=amounts, scale=alt.Scale(domain=amounts))
    panels = [
        alt.Chart(rows.filter(window=window))
        .transform_calculate(place=rank_parts(list(parts.values())))
        .mark_bar(stroke=INK, strokeWidth=0.5)
        .encode(
            x=alt.X("count_profiles:Q", title="Customers", axis=alt.Axis(tickMinStep=1)),
            y=rises,
            color=alt.ColorValue(INK),
            opacity=alt.Opacity(
                "part:N",
                title="Reached",
                scale=alt.Scale(type="ordinal", domain=list(parts.values()), range=[FULL, FAINT / 2]),
                sort=list(parts.values()),
            ),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip("window:N", title="Window"),
                alt.Tooltip("amount:N", title=f"Amount{name_unit(currency)}"),
                alt.Tooltip("part:N", title="Reached"),
                alt.Tooltip("count_profiles:Q", title="Customers", format=","),
            ],
        )
        .properties(width=WIDTH - 60, height=BAND * 0.8 * len(amounts), title=window.capitalize())
        for window in rows["window"].unique(maintain_order=True)
    ]
    several = rows.filter(part=parts["count_only_total"]).sort("count_profiles", descending=True, maintain_order=True)
    title = (
        f"No amount is reached by {format_count(least, 'customer')} or more only with several orders"
        if several.is_empty()
        else f"{several['count_profiles'][0]:,} reach {f'{currency} ' if currency else ''}"
        f"{several['amount'][0].removesuffix(' or more')} only with several orders ({several['window'][0]})"
    )
    told = "; ".join(
        f"{row['window']}, {row['amount']}: {row['count_profiles']:,}" for row in several.head(6).to_dicts()
    )
    return alt.vconcat(
        *panels,
        spacing=22,
        title=title,
        description="Bars of customers by amount: dark, who reached it with one order; light, who needed several. "
        f"Most needed several: {told or 'nowhere'}. Groups of fewer than {least} are not drawn.",
    )


def draw_item_buyers(buyers: pl.LazyFrame, *, item_property: str, least: int) -> Picture | None:
    """Draw how many ordered an item of each value, by window.

    Parameters
    ----------
    buyers
        As `klavnb.count_item_buyers` gives it.
    least
        Smaller groups are not drawn. Where none is as large, None is returned.
    """
    rows = _name_windows(buyers.filter(pl.col("count_profiles") >= least).collect())
    if rows.is_empty():
        return None
    named, what = tell_apart(rows["item_value"]), mask(item_property)
    rows = rows.with_columns(pl.col("item_value").replace_strict(named))
    values = list(named.values())
    windows = rows["window"].unique(maintain_order=True).to_list()
    base = alt.Chart(rows).encode(
        x=alt.X("window:N", title=None, sort=windows, axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("item_value:N", title=what, sort=values),
        tooltip=[
            alt.Tooltip("item_value:N", title=what),
            alt.Tooltip("window:N", title="Window"),
            alt.Tooltip("count_profiles:Q", title="Customers", format=","),
        ],
    )
    most = int(rows.select(pl.col("count_profiles").max()).item())
    is_dark = alt.ColorValue("#000", condition={"test": alt.datum.count_profiles < DARK * most, "value": "#fff"})
    squares = base.mark_rect().encode(
        color=alt.Color(
            "count_profiles:Q", title="Customers", scale=alt.Scale(scheme="viridis", domain=[0, most]), legend=None
        )
    )
    texts = base.mark_text(fontSize=13).encode(text=alt.Text("count_profiles:Q", format=","), color=is_dark)
    top = rows.filter(window=windows[0]).sort("count_profiles", descending=True, maintain_order=True)
    told = "; ".join(f"{row['item_value']}, {row['window']}: {row['count_profiles']:,}" for row in rows.to_dicts()[:16])
    return alt.layer(
        squares,
        texts,
        width=110 * len(windows),
        height=BAND * 1.3 * len(values),
        title=f"{what} “{top['item_value'][0]}” has the most customers"
        f"{'' if windows[0] == 'ever' else f' in the {windows[0]}'}: {top['count_profiles'][0]:,}",
        description=f"Customers who ordered an item, by {what} and window. {told}.",
    )
