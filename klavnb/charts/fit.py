"""Charts of the settings that fit: how old the touches were that Klaviyo credited, and the day of a change."""

from datetime import timedelta
from typing import Final

import altair as alt
import polars as pl

from klavnb.agreement import Drift, SettingsFit, count_lags, measure_drift
from klavnb.channels import CHANNEL_NAMES
from klavnb.charts.ink import INK, WIDTH, Picture, at_height
from klavnb.theme import CHANNEL_COLOURS, LOSS_COLOUR
from klavnb.windows import describe_window
from klavnb.wording import format_count

__all__ = ["draw_drift", "draw_recorded_lags"]

ANCHORED: Final = {"receipt": "from the receipt", "touch": "from the touch"}

BIN: Final = timedelta(hours=12)
REACH: Final = (timedelta(days=7), timedelta(days=14), timedelta(days=30), timedelta(days=90))
"""Where the axis of ages may end: at the first that holds all of them."""


def draw_recorded_lags(lags: pl.LazyFrame, *, fit: SettingsFit) -> Picture | None:
    """Draw how long before the order the touches were that Klaviyo credited, from receipt and touch, by channel.

    Parameters
    ----------
    lags
        As `klavnb.agreement.measure_recorded_lags` gives it. Without a row there is nothing to draw: None is returned.
    fit
        As `klavnb.agreement.fit_settings` gives it: its windows are the dashed lines.
    """
    oldest = lags.select(pl.max_horizontal(pl.col("from_receipt", "from_touch").max())).collect().item()
    if oldest is None:
        return None
    shown = lags.select(pl.col("from_touch").max()).collect().item()
    longest = next((reach for reach in REACH if shown * 1.2 < reach), REACH[-1])
    rows = count_lags(lags, bin_size=BIN, longest=longest).collect()
    windows = _list_windows(fit, longest)
    channels = rows["channel"].unique(maintain_order=True).to_list()
    pictures = [
        _draw_channel(
            rows.filter(pl.col("channel") == channel), windows.filter(pl.col("channel") == channel), longest=longest
        )
        for channel in channels
    ]
    told = "; ".join(
        f"{CHANNEL_NAMES[channel]}: "
        + (", ".join(windows.filter(pl.col("channel") == channel)["text"].to_list()) or "no window")
        for channel in channels
    )
    beyond = lags.filter(pl.col("from_receipt") > longest).select(pl.len()).collect().item()
    return alt.vconcat(
        *pictures,
        spacing=28,
        title="How old the touches were that Klaviyo credited",
        description="Histograms by channel of the days from the message’s receipt, and from the touch, to the order, "
        f"for the touches that Klaviyo credited. The windows that fit best are dashed lines: {told}. "
        f"Receipts beyond the axis: {beyond:,}.",
    )


def _draw_channel(rows: pl.DataFrame, windows: pl.DataFrame, *, longest: timedelta) -> Picture:
    """One channel: wide bars from the receipt, thin lines from the touch."""
    day = timedelta(days=1)
    channel = str(rows["channel"][0])
    wide = rows.select(
        "count_touches",
        channel=pl.col("channel").cast(pl.String).replace_strict(CHANNEL_NAMES),
        counted=pl.col("start").replace_strict(ANCHORED),
        day_from=pl.col("bin_from") / day,
        day_to=pl.col("bin_to") / day,
    )
    reach = alt.Scale(domain=[0, longest / day], nice=False)
    axis = alt.Axis(tickCount=8, format="~g")
    x = alt.X("day_from:Q", title="Days before the order", scale=reach, bin="binned", axis=axis)
    base = alt.Chart(wide).encode(
        x=x,
        x2=alt.X2("day_to:Q"),
        y=alt.Y("count_touches:Q", title="Credits"),
        tooltip=[
            alt.Tooltip("channel:N", title="Channel"),
            alt.Tooltip("counted:N", title="Days counted"),
            alt.Tooltip("day_from:Q", title="From day", format="~g"),
            alt.Tooltip("day_to:Q", title="To day", format="~g"),
            alt.Tooltip("count_touches:Q", title="Credits", format=","),
        ],
    )
    filled = base.transform_filter(f"datum.counted == '{ANCHORED['receipt']}'").mark_bar(
        color=CHANNEL_COLOURS[channel], opacity=0.7
    )
    outlined = base.transform_filter(f"datum.counted == '{ANCHORED['touch']}'").mark_rule(strokeWidth=2.5, color=INK)
    lines = (
        alt.Chart(windows)
        .mark_rule(strokeDash=[5, 3], strokeWidth=2, color=INK)
        .encode(x=alt.X("day_from:Q", title="Days before the order", scale=reach))
    )
    texts = [
        alt.Chart(windows[place])
        .mark_text(align="left", baseline="top", dx=5, color=INK)
        .encode(
            x=alt.X("day_from:Q", title="Days before the order", scale=reach),
            y=at_height(14 * place),
            text=alt.Text("text:N", title="Window"),
        )
        for place in range(windows.height)
    ]
    return alt.layer(
        filled,
        outlined,
        lines,
        *texts,
        width=WIDTH,
        height=110,
        title=alt.Title(
            CHANNEL_NAMES[channel],
            subtitle=["Wide bars: days from the receipt.", "Thin lines: days from the touch."],
        ),
    )


def draw_drift(drift: Drift | None) -> Picture | None:
    """Draw how the settings after a change overtake those before it.

    Parameters
    ----------
    drift
        As `klavnb.agreement.find_drift` gives it. Where there is no change there is nothing to draw: None is returned.
    """
    if drift is None or not drift.is_change:
        return None
    rows = measure_drift(drift)
    lead = (
        alt.Chart(rows)
        .mark_line(interpolate="step-after", strokeWidth=2, color=INK)
        .encode(
            x=alt.X("day_on:T", title="Day of the order", axis=alt.Axis(format="%-d %b %y")),
            y=alt.Y("lead:Q", title="Orders, old settings less new, added up"),
            tooltip=[
                alt.Tooltip("day_on:T", title="Day", format="%-d %b %Y"),
                alt.Tooltip("count_before:Q", title="Only by the settings before", format=","),
                alt.Tooltip("count_after:Q", title="Only by the settings after", format=","),
                alt.Tooltip("lead:Q", title="Added up", format="+,"),
            ],
        )
    )
    span = pl.DataFrame(
        {"day_on": [drift.earliest_on], "until_on": [drift.latest_on + timedelta(days=1)], "text": ["changed here"]}
    )
    band = (
        alt.Chart(span)
        .mark_rect(color=LOSS_COLOUR, opacity=0.35)
        .encode(x=alt.X("day_on:T", title="Day of the order"), x2=alt.X2("until_on:T"))
    )
    label = (
        alt.Chart(span)
        .mark_text(align="left", baseline="top", dx=6, color=INK)
        .encode(x=alt.X("day_on:T", title="Day of the order"), y=at_height(2), text=alt.Text("text:N"))
    )
    title = f"Before {drift.changed_on:%-d %B %Y} the old settings fit, from then on the new ones"
    return alt.layer(
        band,
        lead,
        label,
        width=WIDTH,
        height=200,
        title=title,
        description="A line by day: orders that only the settings before reproduce, less those that only the settings "
        f"after do, added up. It rises until the change and falls after it. {title}; "
        f"{format_count(drift.count_differing, 'order')} tell the two apart.",
    )


def _list_windows(fit: SettingsFit, longest: timedelta) -> pl.DataFrame:
    """One row per channel and length of the windows that fit best, as far as the axis goes."""
    found = [
        {
            "channel": kind.split(".")[0],
            "kind": kind.split(".")[1],
            "length": describe_window(window),
            "day_from": window / timedelta(days=1),
        }
        for kind in fit.evidence.kinds
        if (window := fit.find_window(kind, fit.best)) is not None and window <= longest
    ]
    columns = {"channel": pl.String, "kind": pl.String, "length": pl.String, "day_from": pl.Float64}
    return (
        pl.DataFrame(found, schema=pl.Schema([(name, kind()) for name, kind in columns.items()]))
        .group_by("channel", "day_from", "length", maintain_order=True)
        .agg(kinds=pl.col("kind").str.join(", "))
        .select("channel", "day_from", text=pl.format("{}: {}", "kinds", "length"))
    )
