"""Charts of money: all of it, from one model to the other, by message."""

from collections.abc import Mapping

import altair as alt
import polars as pl

from klavnb.channels import CHANNEL_NAMES
from klavnb.charts.ink import BAND, FAINT, FULL, INK, LABEL, WIDTH, Picture, colour_channels, name_unit
from klavnb.sides import OLD_AND_COOPERATIVE, Sides
from klavnb.wording import format_count, format_money, format_share

__all__ = ["draw_bridge", "draw_messages", "draw_split"]

CENT = 0.005
"""Less than this is no money."""


def name_parts(sides: Sides) -> Mapping[str, str]:
    """What a reader calls the parts of all revenue, in their order."""
    before, after = sides.marks
    return {
        "both": "Credited by both models" if sides == OLD_AND_COOPERATIVE else "Credited by both, and alike",
        "moved": "Credited by both, but not alike",
        "candidate_only": f"Credited only {after}",
        "baseline_only": f"Credited only {before}",
        "no_click": "Not credited: no open touch is a click",
        "last_channel_closed": "Not credited: the last channel’s window had closed",
        "windows_closed": "Not credited: every window had closed",
        "no_touch": "Not credited: no message touched before",
    }


def draw_split(split: pl.LazyFrame, *, currency: str | None, sides: Sides = OLD_AND_COOPERATIVE) -> Picture:
    """Draw all revenue by what the two models say of it.

    Parameters
    ----------
    split
        As `klavnb.split_value` gives it.
    sides
        What the two models or settings are called.
    """
    names = name_parts(sides)
    rows = split.collect().with_columns(pl.col("part").cast(pl.String))
    total = rows.select(pl.col("value").sum()).item()
    rows = rows.with_columns(
        what=pl.col("part").replace_strict(names),
        percent=pl.format("{} %", (100 * pl.col("value") / (total or 1)).round(1)),
    )
    of_part = dict(rows.select("part", "value").iter_rows())
    found = "candidate_only"
    if sides != OLD_AND_COOPERATIVE:
        found = max(("candidate_only", "baseline_only", "moved"), key=lambda part: of_part.get(part, 0.0))
    order = [name for part, name in names.items() if part in of_part]
    base = alt.Chart(rows).encode(
        y=alt.Y("what:N", title=None, sort=order, axis=alt.Axis(labelLimit=LABEL)),
        x=alt.X("value:Q", title=f"Revenue{name_unit(currency)}"),
        tooltip=[
            alt.Tooltip("what:N", title="Revenue"),
            alt.Tooltip("value:Q", title=f"Value{name_unit(currency)}", format=",.0f"),
            alt.Tooltip("percent:N", title="Share"),
            alt.Tooltip("count_conversions:Q", title="Orders", format=","),
        ],
    )
    bars = base.mark_bar(size=BAND - 8, color=INK).encode(
        opacity=alt.OpacityValue(FAINT, condition={"test": f"datum.part == '{found}'", "value": FULL})
    )
    labels = base.mark_text(align="left", dx=6, color=INK).encode(text=alt.Text("percent:N"))
    title = (
        f"{format_share(of_part.get(found, 0.0), total)} of all revenue is {names[found][0].lower()}{names[found][1:]}"
    )
    described = "; ".join(
        f"{row['what'].lower()}: {format_money(row['value'], currency)} ({format_share(row['value'], total)})"
        for row in rows.iter_rows(named=True)
    )
    return alt.layer(
        bars,
        labels,
        width=WIDTH - 300,
        height=BAND * max(len(order), 1),
        title=title,
        description=f"Bars of revenue: {described}.",
    )


def draw_bridge(
    bridge: pl.LazyFrame, *, summary: pl.LazyFrame, currency: str | None, sides: Sides = OLD_AND_COOPERATIVE
) -> Picture:
    """Draw the steps from the attributed revenue of one model, the old one unless told otherwise, to the other's.

    Parameters
    ----------
    bridge
        As `klavnb.bridge_models` gives it.
    summary
        As `klavnb.summarise_changes` gives it, in one currency.
    sides
        What the two models or settings are called.
    """
    before, after = sides.titles
    total = summary.collect().row(0, named=True)
    old_value, new_value = total["baseline_value"], total["candidate_value"]
    channel, last = (pl.col(name).cast(pl.String).replace_strict(CHANNEL_NAMES) for name in ("channel", "last_channel"))
    is_moved = pl.col("outcome") == "moved"
    moved = (
        pl.when(pl.col("difference") < 0).then(pl.lit(", moved to another channel")).otherwise(pl.lit(", moved here"))
    )
    steps = (
        # what moves between two messages of one channel is no step of that channel's
        bridge.group_by("channel", "outcome", last_channel=pl.when(~is_moved).then("last_channel"))
        .agg(pl.col("difference", "count_conversions").sum())
        .filter(pl.col("difference").abs() >= CENT)
        .sort("difference", "channel", "last_channel", descending=[True, False, False])
        .with_columns(
            what=pl.when(pl.col("outcome") == "gained")
            .then(pl.format("{}, where {} came last", channel, last))
            .when(pl.col("outcome") == "lost")
            .then(pl.format("{}, lost where {} came last", channel, last))
            .otherwise(channel + moved),
            credited=channel,
            till=old_value + pl.col("difference").cum_sum(),
        )
        .with_columns(since=pl.col("till") - pl.col("difference"))
        .with_columns(edge=pl.max_horizontal("till", "since"))
        .with_columns(pl.col("difference", "till", "since", "edge").round(2))  # sums of many orders end in stray digits
        .collect()
    )
    ends = pl.DataFrame({"what": [before, after], "till": [round(old_value, 2), round(new_value, 2)]})
    order = [before, *steps["what"].to_list(), after]
    y = alt.Y("what:N", title=None, sort=order, axis=alt.Axis(labelLimit=LABEL))
    x, edge = (
        alt.X(
            f"{field}:Q",
            title=f"Attributed revenue{name_unit(currency)}; the axis does not start at 0",
            scale=alt.Scale(zero=False, padding=60),
            axis=alt.Axis(tickCount=5),
        )
        for field in ("till", "edge")
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
                alt.Tooltip("since:Q", title=f"Before the step{name_unit(currency)}", format=",.0f"),
                alt.Tooltip("difference:Q", title=f"Difference{name_unit(currency)}", format="+,.0f"),
                alt.Tooltip("count_conversions:Q", title="Orders", format=","),
            ],
        )
    )
    marks = alt.Chart(ends).mark_tick(thickness=4, size=BAND - 8, color=INK).encode(y=y, x=x)
    step_labels = (
        alt.Chart(steps)
        .mark_text(align="left", dx=8, color=INK)
        .encode(y=y, x=edge, text=alt.Text("difference:Q", format="+,.0f"))
    )
    end_labels = (
        alt.Chart(ends)
        .mark_text(align="left", dx=8, color=INK)
        .encode(y=y, x=x, text=alt.Text("till:Q", format=",.0f"))
    )
    biggest = steps.sort(pl.col("difference").abs(), descending=True, maintain_order=True).head(1).to_dicts()
    one_way = steps["difference"].min() is not None and (steps["difference"] > 0).n_unique() == 1
    title = (
        f"{format_share(biggest[0]['difference'], new_value - old_value)} of the difference: {biggest[0]['what']}"
        if one_way
        else f"{biggest[0]['what']}: {format_money(biggest[0]['difference'], currency)} is the widest step"
        if biggest
        else "Both models credit the same revenue"
        if sides == OLD_AND_COOPERATIVE
        else "Both credit every channel the same revenue"
    )
    told = "; ".join(f"{row['what']}: {format_money(row['difference'], currency)}" for row in steps.to_dicts())
    return alt.layer(
        bars,
        marks,
        step_labels,
        end_labels,
        width=WIDTH - 200,
        height=BAND * len(order),
        title=title,
        description=f"Steps from {format_money(old_value, currency)} under the {sides.baseline} to "
        f"{format_money(new_value, currency)} under the {sides.candidate}. {told or 'No step lies between them'}.",
    )


def draw_messages(
    messages: pl.LazyFrame, *, top: int, currency: str | None, sides: Sides = OLD_AND_COOPERATIVE
) -> Picture | None:
    """Draw what the messages that changed most earn under both models.

    Parameters
    ----------
    messages
        As `klavnb.compare_messages` gives it.
    top
        How many messages to show. Where no message changed there is nothing to draw, and None is returned.
    sides
        What the two models or settings are called.
    """
    before, after = sides.titles
    changed = messages.filter(pl.col("difference").abs() >= CENT).collect()
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
        alt.Tooltip("baseline_value:Q", title=f"{before}{name_unit(currency)}", format=",.0f"),
        alt.Tooltip("candidate_value:Q", title=f"{after}{name_unit(currency)}", format=",.0f"),
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
    shown, total = (frame.select(pl.col("difference").abs().sum()).item() for frame in (rows, changed))
    what = "the difference" if (changed["difference"] > 0).all() else "all gains and losses"
    of = format_count(changed.height, "message")
    title = f"{rows.height} of {of} that changed: {format_share(shown, total)} of {what}"
    told = "; ".join(
        f"{row['name']}: {format_money(row['baseline_value'], currency)} to "
        f"{format_money(row['candidate_value'], currency)}"
        for row in rows.head(5).to_dicts()
    )
    return alt.layer(
        line,
        ring,
        dot,
        width=WIDTH - 300,
        height=BAND * max(rows.height, 1),
        title=title,
        description=f"Attributed revenue by message under {tell_both(sides)}. {told}.",
    )


def tell_both(sides: Sides) -> str:
    """Name both sides in a sentence, after a preposition."""
    if sides == OLD_AND_COOPERATIVE:
        return "the old and the cooperative model"
    return f"the {sides.baseline} and the {sides.candidate}"
