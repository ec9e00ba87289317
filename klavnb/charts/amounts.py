"""Charts of money: all of it, from one model to the other, by message, by week."""

from collections.abc import Mapping

import altair as alt
import polars as pl

from klavnb.channels import CHANNEL_NAMES
from klavnb.charts.ink import BAND, FAINT, FULL, INK, LABEL, WIDTH, Picture, colour_channels, name_unit
from klavnb.wording import format_count, format_money, format_share

__all__ = ["draw_bridge", "draw_messages", "draw_split", "draw_weeks"]

PART_NAMES: Mapping[str, str] = {
    "both": "Credited by both models",
    "candidate_only": "Credited only by the cooperative model",
    "baseline_only": "Credited only by the old model",
    "windows_closed": "Not credited: every window had closed",
    "no_touch": "Not credited: no message touched before",
}


def draw_split(split: pl.LazyFrame, *, currency: str | None) -> Picture:
    """Draw all revenue by what the two models say of it.

    Parameters
    ----------
    split
        As `klavnb.split_value` gives it.
    """
    rows = split.collect().with_columns(pl.col("part").cast(pl.String))
    total = rows.select(pl.col("value").sum()).item()
    rows = rows.with_columns(
        what=pl.col("part").replace_strict(PART_NAMES),
        share=pl.col("value") / (total or 1),
        place=pl.int_range(pl.len()),
    )
    added = rows.filter(part="candidate_only").select(pl.col("value").sum()).item()
    order = [name for part, name in PART_NAMES.items() if part in rows["part"].to_list()]
    base = alt.Chart(rows).encode(
        y=alt.Y("what:N", title=None, sort=order, axis=alt.Axis(labelLimit=LABEL)),
        x=alt.X("value:Q", title=f"Revenue{name_unit(currency)}"),
        tooltip=[
            alt.Tooltip("what:N", title="Revenue"),
            alt.Tooltip("value:Q", title=f"Value{name_unit(currency)}", format=",.0f"),
            alt.Tooltip("share:Q", title="Share", format=".1%"),
            alt.Tooltip("count_conversions:Q", title="Orders", format=","),
        ],
    )
    bars = base.mark_bar(size=BAND - 8, color=INK).encode(
        opacity=alt.condition("datum.part == 'candidate_only'", alt.value(FULL), alt.value(FAINT))
    )
    labels = base.mark_text(align="left", dx=6, color=INK).encode(text=alt.Text("share:Q", format=".1%"))
    title = f"{format_share(added, total)} of all revenue is credited only by the cooperative model"
    described = "; ".join(
        f"{row['what'].lower()}: {format_money(row['value'], currency)} ({format_share(row['value'], total)})"
        for row in rows.iter_rows(named=True)
    )
    return alt.layer(bars, labels).properties(
        width=WIDTH - 300, height=BAND * max(len(order), 1), title=title, description=f"Bars of revenue: {described}."
    )


def draw_bridge(bridge: pl.LazyFrame, *, summary: pl.LazyFrame, currency: str | None) -> Picture:
    """Draw the steps from the old model's attributed revenue to the cooperative model's.

    Parameters
    ----------
    bridge
        As `klavnb.bridge_models` gives it.
    summary
        As `klavnb.summarise_changes` gives it, in one currency.
    """
    total = summary.collect().row(0, named=True)
    old_value, new_value = total["baseline_value"], total["candidate_value"]
    channel, last = (pl.col(name).cast(pl.String).replace_strict(CHANNEL_NAMES) for name in ("channel", "last_channel"))
    moved = (
        pl.when(pl.col("difference") < 0).then(pl.lit(", moved to another channel")).otherwise(pl.lit(", moved here"))
    )
    steps = (
        bridge.with_columns(
            what=pl.when(pl.col("outcome") == "gained")
            .then(pl.format("{}, where {} came last", channel, last))
            .otherwise(channel + moved),
            credited=channel,
            till=old_value + pl.col("difference").cum_sum(),
        )
        .with_columns(since=pl.col("till") - pl.col("difference"))
        .with_columns(pl.col("difference", "till", "since").round(2))  # sums of many orders end in stray digits
        .collect()
    )
    ends = pl.DataFrame(
        {"what": ["Old model", "Cooperative model"], "till": [round(old_value, 2), round(new_value, 2)]}
    )
    order = ["Old model", *steps["what"].to_list(), "Cooperative model"]
    y = alt.Y("what:N", title=None, sort=order, axis=alt.Axis(labelLimit=LABEL))
    x = alt.X(
        "till:Q",
        title=f"Attributed revenue{name_unit(currency)}; the axis does not start at 0",
        scale=alt.Scale(zero=False, padding=60),
        axis=alt.Axis(tickCount=5),
    )
    bars = (
        alt.Chart(steps)
        .mark_bar(size=BAND - 12)
        .encode(
            y=y,
            x=x,
            x2=alt.X2("since:Q"),
            color=colour_channels("credited", "Credited channel", steps["credited"].unique().to_list()),
            tooltip=[
                alt.Tooltip("what:N", title="Step"),
                alt.Tooltip("difference:Q", title=f"Difference{name_unit(currency)}", format="+,.0f"),
                alt.Tooltip("count_conversions:Q", title="Orders", format=","),
            ],
        )
    )
    marks = alt.Chart(ends).mark_tick(thickness=4, size=BAND - 8, color=INK).encode(y=y, x=x)
    step_labels = (
        alt.Chart(steps)
        .mark_text(align="left", dx=8, color=INK)
        .encode(y=y, x=x, text=alt.Text("difference:Q", format="+,.0f"))
    )
    end_labels = (
        alt.Chart(ends)
        .mark_text(align="left", dx=8, color=INK)
        .encode(y=y, x=x, text=alt.Text("till:Q", format=",.0f"))
    )
    biggest = steps.head(1).to_dicts()
    title = (
        f"{format_share(biggest[0]['difference'], new_value - old_value)} of the difference: {biggest[0]['what']}"
        if biggest
        else "Both models credit the same revenue"
    )
    told = "; ".join(f"{row['what']}: {format_money(row['difference'], currency)}" for row in steps.to_dicts())
    return alt.layer(bars, marks, step_labels, end_labels).properties(
        width=WIDTH - 200,
        height=BAND * len(order),
        title=title,
        description=f"Steps from {format_money(old_value, currency)} under the old model to "
        f"{format_money(new_value, currency)} under the cooperative model. {told or 'No step lies between them'}.",
    )


def draw_messages(messages: pl.LazyFrame, *, top: int, currency: str | None) -> Picture | None:
    """Draw what the messages that changed most earn under both models.

    Parameters
    ----------
    messages
        As `klavnb.compare_messages` gives it.
    top
        How many messages to show. Where no message changed there is nothing to draw, and None is returned.
    """
    changed = messages.filter(pl.col("difference") != 0).collect()
    if changed.is_empty():
        return None
    rows = (
        changed.sort(pl.col("difference").abs(), descending=True)
        .head(top)
        .sort("difference", descending=True)
        .with_columns(
            credited=pl.col("channel").cast(pl.String).replace_strict(CHANNEL_NAMES),
        )
        # each message has a row of its own, whatever it is called
        .with_columns(
            name=pl.when(pl.col("label").is_duplicated())
            .then(pl.format("{} ({})", "label", "credited"))
            .otherwise("label")
        )
        .with_columns(
            name=pl.when(pl.col("name").is_duplicated())
            .then(pl.format("{}, {}", "name", "message_id"))
            .otherwise("name")
        )
    )
    tooltip = [
        alt.Tooltip("name:N", title="Message"),
        alt.Tooltip("baseline_value:Q", title=f"Old model{name_unit(currency)}", format=",.0f"),
        alt.Tooltip("candidate_value:Q", title=f"Cooperative model{name_unit(currency)}", format=",.0f"),
        alt.Tooltip("difference:Q", title="Difference", format="+,.0f"),
    ]
    base = alt.Chart(rows).encode(
        y=alt.Y("name:N", title=None, sort=rows["name"].to_list(), axis=alt.Axis(labelLimit=LABEL)),
        color=colour_channels("credited", "Channel", rows["credited"].unique().to_list()),
        tooltip=tooltip,
    )
    old = alt.X("baseline_value:Q", title=f"Attributed revenue{name_unit(currency)}")
    line = base.mark_rule(strokeWidth=3).encode(x=old, x2=alt.X2("candidate_value:Q"))
    ring = base.mark_point(size=70, filled=False).encode(x=old)
    dot = base.mark_point(size=70, filled=True, opacity=1).encode(x=alt.X("candidate_value:Q"))
    shown, total = (frame.select(pl.col("difference").sum()).item() for frame in (rows, changed))
    share = format_share(shown, total)
    title = f"{rows.height} of {format_count(changed.height, 'message')} that changed: {share} of the difference"
    told = "; ".join(
        f"{row['name']}: {format_money(row['baseline_value'], currency)} to "
        f"{format_money(row['candidate_value'], currency)}"
        for row in rows.head(5).to_dicts()
    )
    return alt.layer(line, ring, dot).properties(
        width=WIDTH - 300,
        height=BAND * max(rows.height, 1),
        title=title,
        description=f"Attributed revenue by message under the old and the cooperative model. {told}.",
    )


def draw_weeks(weeks: pl.LazyFrame, *, currency: str | None) -> Picture:
    """Draw attributed revenue by week under both models; a brush over the lower part zooms the upper one.

    Parameters
    ----------
    weeks
        As `klavnb.compare_weeks` gives it.
    """
    wide = weeks.collect()
    names = {"baseline_value": "Old model", "difference": "Added by the cooperative model"}
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
        f"The cooperative model added most in the week of {best['week_on']:%-d %B %Y}: "
        f"{format_money(best['difference'], currency)}"
        if best["difference"]
        else "In no week does the cooperative model add anything"
    )
    return alt.vconcat(upper, lower.add_params(brush)).properties(
        title=title,
        description=f"Bars by week, {weeks_on[0]:%-d %B %Y} to {weeks_on[-1]:%-d %B %Y}: revenue "
        "that the old model credits, and on top what the cooperative model adds, up to "
        f"{format_money(best['difference'], currency)} a week.",
    )
