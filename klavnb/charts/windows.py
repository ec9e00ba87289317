"""Charts of time: how long before an order a touch was, and how much hangs on the windows."""

from datetime import timedelta

import altair as alt
import polars as pl

from klavnb.channels import ANCHORED_ON_TOUCH, CHANNEL_NAMES
from klavnb.charts.ink import DARK, INK, WIDTH, Picture, at_height, name_unit
from klavnb.sensitivity import find_set_windows
from klavnb.settings import Settings
from klavnb.theme import CHANNEL_COLOURS, LOSS_COLOUR
from klavnb.windows import describe_window
from klavnb.wording import format_count, format_money

__all__ = ["draw_gaps", "draw_sweep"]


def draw_gaps(gaps: pl.LazyFrame, *, settings: Settings, currency: str | None, days: int = 10) -> Picture:
    """Draw how long before an order each channel was touched last, with the channel's windows.

    Parameters
    ----------
    gaps
        As `klavnb.measure_gaps` gives it.
    days
        Where the axis ends; longer gaps are left out of the picture and counted in its description.
    """
    hours = 6
    in_reach = pl.col("gap") < timedelta(days=days)
    binned = (
        gaps.with_columns(hour=(pl.col("gap").dt.total_minutes() // (60 * hours)) * hours)
        .filter(in_reach)
        .group_by("channel", "hour")
        .agg(count_conversions=pl.len(), value=pl.col("value").sum())
        .with_columns(
            until=pl.col("hour") + hours, name=pl.col("channel").cast(pl.String).replace_strict(CHANNEL_NAMES)
        )
        .sort("channel", "hour")
        .collect()
    )
    beyond = gaps.filter(in_reach.not_()).select(pl.len()).collect().item()
    windows = (
        pl.DataFrame(
            [
                {
                    "channel": name.split(".")[0],
                    "hour": window / timedelta(hours=1),
                    "text": f"{name.split('.')[1]}: {describe_window(window)}",
                }
                for name, window in sorted(settings.windows.items())
            ]
        )
        .group_by("channel", "hour", maintain_order=True)
        .agg(text=pl.col("text").str.join(", "))
    )
    from_receipt = settings.anchor == "received"
    reach = alt.Scale(domain=[0, days * 24])
    rows = []
    for channel in binned["channel"].unique(maintain_order=True):
        start = "the message’s receipt" if from_receipt and channel not in ANCHORED_ON_TOUCH else "the touch"
        axis = f"Hours from {start} to the order"
        of_channel = binned.filter(pl.col("channel") == channel)
        of_windows = windows.filter(pl.col("channel") == channel)
        bars = (
            alt.Chart(of_channel)
            .mark_bar(color=CHANNEL_COLOURS[channel], stroke=INK, strokeOpacity=0.25)
            .encode(
                x=alt.X("hour:Q", bin="binned", title=axis, scale=reach),
                x2=alt.X2("until:Q"),
                y=alt.Y("count_conversions:Q", title="Orders"),
                tooltip=[
                    alt.Tooltip("name:N", title="Channel"),
                    alt.Tooltip("hour:Q", title="From hour"),
                    alt.Tooltip("until:Q", title="To hour"),
                    alt.Tooltip("count_conversions:Q", title="Orders", format=","),
                    alt.Tooltip("value:Q", title=f"Value{name_unit(currency)}", format=",.0f"),
                ],
            )
        )
        rule = (
            alt.Chart(of_windows)
            .mark_rule(strokeDash=[5, 3], strokeWidth=2, color=INK)
            .encode(x=alt.X("hour:Q", title=axis, scale=reach))
        )
        # below each other, so that windows of nearly the same length can be read
        texts = [
            alt.Chart(of_windows[place])
            .mark_text(align="left", baseline="top", dx=5, color=INK)
            .encode(
                x=alt.X("hour:Q", title=axis, scale=reach),
                y=at_height(14 * place),
                text=alt.Text("text:N", title="Window"),
            )
            for place in range(of_windows.height)
        ]
        rows.append(alt.layer(bars, rule, *texts, width=WIDTH, height=110, title=CHANNEL_NAMES[channel]))
    starts = "the message’s receipt (for pushes and visits: the touch)" if from_receipt else "the touch"
    late = gaps.filter(pl.col("is_open").not_()).select("channel").collect()["channel"].value_counts(sort=True)
    count_late = late.select(pl.col("count").sum()).item()
    title = (
        f"{format_count(count_late, 'last touch', 'last touches')} of a channel earned nothing: the window had closed "
        "before the order"
        if late.height
        else "Every last touch was still open at the order"
    )
    told = "; ".join(f"{CHANNEL_NAMES[row['channel']]} {row['count']:,} past the window" for row in late.to_dicts())
    return alt.vconcat(
        *rows,
        spacing=28,
        title=title,
        description=f"Histograms by channel of the hours from {starts} to the order, for the last touch of the "
        f"channel, windows as dashed lines. {told}. Not drawn: {format_count(beyond, 'order')} for which that is more "
        f"than {days} days.",
    )


def draw_sweep(sweep: pl.LazyFrame, *, settings: Settings, currency: str | None) -> Picture | None:
    """Draw attributed revenue over the e-mail window and the SMS window, a field for each model.

    Parameters
    ----------
    sweep
        As `klavnb.sweep_windows` gives it.
    settings
        The windows that are framed. Where neither channel has one there is nothing to draw, and None is returned.
    """
    if not any(find_set_windows(settings, channel) for channel in ("email", "sms")):
        return None
    models = {"old_value": "Old model", "cooperative_value": "Cooperative model"}
    lengths = {f"{channel}_days": pl.col(f"{channel}_window") / timedelta(days=1) for channel in ("email", "sms")}
    cells = (
        sweep.with_columns(**lengths)
        .unpivot(list(models), index=list(lengths), variable_name="model", value_name="revenue")
        .with_columns(
            pl.col("model").replace_strict(models),
            is_set=_is_set(settings, "email") & _is_set(settings, "sms"),
            is_dark=pl.col("revenue") < (1 - DARK) * pl.col("revenue").min() + DARK * pl.col("revenue").max(),
        )
        .collect()
    )
    base = alt.Chart().encode(
        x=alt.X("email_days:O", title="E-mail window, days", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("sms_days:O", title="SMS window, days", sort="descending"),
    )
    fields = base.mark_rect().encode(
        color=alt.Color(
            "revenue:Q", title=f"Attributed revenue{name_unit(currency)}", scale=alt.Scale(scheme="viridis")
        ),
        tooltip=[
            alt.Tooltip("model:N", title="Model"),
            alt.Tooltip("email_days:O", title="E-mail window, days"),
            alt.Tooltip("sms_days:O", title="SMS window, days"),
            alt.Tooltip("revenue:Q", title=f"Revenue{name_unit(currency)}", format=",.0f"),
        ],
    )
    frames = base.mark_rect(filled=False, stroke=LOSS_COLOUR, strokeWidth=3).transform_filter("datum.is_set")
    numbers = base.mark_text(fontSize=10).encode(
        text=alt.Text("revenue:Q", format=".3s"),
        color=alt.ColorValue("#000", condition={"test": "datum.is_dark", "value": "#fff"}),
    )
    least, most = cells.select(least=pl.col("revenue").min(), most=pl.col("revenue").max()).row(0)
    as_set = cells.filter("is_set", model="Old model")["revenue"]
    told = (
        f". The windows as set are framed: the old model credits {format_money(as_set.item(), currency)}"
        if len(as_set) == 1
        else ""
    )
    return (
        alt.layer(fields, frames, numbers, data=cells, width=WIDTH - 200, height=170)
        .facet(row=alt.Row("model:N", title=None, sort=list(models.values()), header=alt.Header(orient="top")))
        .properties(
            title=f"{format_money(least, currency)} to {format_money(most, currency)}: what the windows alone decide",
            description="One field for each model: attributed revenue for each pair of an e-mail and an SMS window, "
            f"from {format_money(least, currency)} to {format_money(most, currency)}{told}.",
        )
    )


def _is_set(settings: Settings, channel: str) -> pl.Expr:
    """Whether a field has the channel's one window; with none or several there is no such field."""
    (window,) = found if len(found := find_set_windows(settings, channel)) == 1 else (None,)
    return pl.lit(value=False) if window is None else pl.col(f"{channel}_days") == window / timedelta(days=1)
