"""What the choice of a model does: in all, by channel, campaign, flow and message; what is learned; what to decide."""

from typing import Final

import polars as pl

from klavnb.channels import CHANNEL_NAMES
from klavnb.choices import SAME_REVENUE, ModelStudy
from klavnb.escaping import escape_markdown
from klavnb.findings.figures import list_figures
from klavnb.findings.finding import Facts, Finding, say_money
from klavnb.findings.pairs import CENT
from klavnb.sides import MODEL_WORDS
from klavnb.wording import format_count, format_money, format_share

__all__ = [
    "collect_choice_facts",
    "state_campaign_choice",
    "state_channel_choice",
    "state_choice",
    "state_dependence",
    "state_flow_choice",
    "state_ranks",
]

STEADY: Final = 0.1
"""A message of which less than this part hangs on the model hardly depends on it."""

NAMED: Final = 3
"""So many campaigns are named in a sentence."""


def state_choice(values: pl.LazyFrame, *, study: ModelStudy, currency: str | None) -> Finding:
    """Say how much of the revenue goes elsewhere under another model, and what some models leave out.

    Parameters
    ----------
    values
        As `klavnb.value_models` gives it.
    """
    rows = {row["model"]: row for row in values.collect().to_dicts()}
    in_use = study.models[0]
    usual = rows.get(in_use)
    if usual is None or usual["value"] < CENT:
        return Finding(
            f"## The {_word(in_use)} model credits nothing\n\nNo order of the period has an open touch that it counts."
        )
    others = [rows[model] for model in SAME_REVENUE if model in rows and model != in_use]
    widest = max(others, key=lambda row: row["moved_value"])
    same = rows.get("cooperative", usual)
    less = [
        f"the {_word(model)} model {say_money(same['value'] - rows[model]['value'], currency)} less "
        f"({format_count(rows[model]['count_conversions'], 'order')})"
        for model in ("old", "first_click", "last_click")
        if model in rows and same["value"] - rows[model]["value"] >= CENT
    ]
    left = (
        f" Others credit fewer orders: {', '.join(less)}. What they leave out is in no message’s figure."
        if less
        else ""
    )
    moves = ", ".join(f"the {_word(row['model'])} model {say_money(row['moved_value'], currency)}" for row in others)
    return Finding(
        f"## Another model gives up to {say_money(widest['moved_value'], currency)} "
        f"({format_share(widest['moved_value'], usual['value'])}) to other messages\n\n"
        f"All {len(SAME_REVENUE)} models that credit every order with an open touch hand out the same "
        f"{say_money(same['value'], currency)} from {format_count(same['count_conversions'], 'order')}: the choice among them makes no "
        f"message’s work worth more, it shares the same money out in another way. Compared with the {_word(in_use)} model, which is in "
        f"use here, so much goes to other messages: {moves}.{left}"
    )


def state_channel_choice(channels: pl.LazyFrame, *, currency: str | None) -> Finding:
    """Say between what and what each channel earns, by model.

    Parameters
    ----------
    channels
        As `klavnb.value_channels` gives it.
    """
    rows = (
        channels.filter(pl.col("model").is_in(SAME_REVENUE))
        .sort("model")
        .group_by("channel")
        .agg(
            least=pl.col("value").min(),
            most=pl.col("value").max(),
            least_share=pl.col("share").min(),
            most_share=pl.col("share").max(),
            least_model=pl.col("model").get(pl.col("value").arg_min()),
            most_model=pl.col("model").get(pl.col("value").arg_max()),
        )
        .sort(pl.col("most") - pl.col("least"), "channel", descending=[True, False])
        .collect()
        .to_dicts()
    )
    if not rows:
        return Finding("## No channel earns anything")
    first = rows[0]
    if first["most"] - first["least"] < CENT:
        return Finding("## The channels earn the same under every model that credits every order")
    told = "\n".join(
        f"- **{CHANNEL_NAMES[row['channel']]}:** {say_money(row['least'], currency)} ({format_share(row['least_share'], 1)}, by the "
        f"{_word(row['least_model'])} model) to {say_money(row['most'], currency)} ({format_share(row['most_share'], 1)}, by the "
        f"{_word(row['most_model'])} model)"
        for row in rows
    )
    return Finding(
        f"## {CHANNEL_NAMES[first['channel']]} earns {say_money(first['least'], currency)} to {say_money(first['most'], currency)}, "
        "by model\n\n"
        f"Among the {len(SAME_REVENUE)} models that hand out the same revenue by a rule (what learns from data stands further down):\n\n"
        f"{told}\n\nA bar is shorter where a model credits fewer orders."
    )


def state_campaign_choice(campaigns: pl.LazyFrame, *, study: ModelStudy, top: int) -> Finding:
    """Say how many of the best campaigns stay among the best under another model.

    Parameters
    ----------
    campaigns
        As `klavnb.value_campaigns` gives it.
    """
    return _state_best(campaigns, key="campaign_id", what="campaign", study=study, top=top)


def state_flow_choice(flows: pl.LazyFrame, *, study: ModelStudy, top: int) -> Finding:
    """Say how many of the best flows stay among the best under another model.

    Parameters
    ----------
    flows
        As `klavnb.value_flows` gives it.
    """
    return _state_best(flows, key="flow_id", what="flow", study=study, top=top)


def state_dependence(dependence: pl.LazyFrame, *, study: ModelStudy, currency: str | None) -> Finding:
    """Say which message depends most on the model, and how many hardly do.

    Parameters
    ----------
    dependence
        As `klavnb.measure_dependence` gives it.
    """
    rows = dependence.collect()
    hanging = rows.filter(pl.col("span") >= CENT)
    if hanging.is_empty():
        return Finding(
            "## No message depends on the model\n\nEvery order has one open touch, which earns it under every model."
        )
    first = hanging.row(0, named=True)
    steady = rows.filter(pl.col("share") < STEADY).height
    return Finding(
        f"## “{escape_markdown(first['label'])}” depends most on the model: {say_money(first['least_value'], currency)} to "
        f"{say_money(first['most_value'], currency)}\n\n"
        f"The least is by the {_word(first['least_model'])} model, the most by the {_word(first['most_model'])} model. Of "
        f"{format_count(rows.height, 'message')}, {hanging.height:,} earn a different amount by another model that hands out the same "
        f"revenue; {rows.height - steady:,} of the {rows.height:,} differ by a tenth or more of what they earn at most. In the chart a tick is a "
        f"model, the dot the {_word(study.models[0])} model (in use), the ring the {_word(study.models[1])} model (considered)."
    )


def state_ranks(messages: pl.LazyFrame, *, study: ModelStudy, top: int) -> Finding:
    """Say whether the best message stays the best, and which of the best moves most.

    Parameters
    ----------
    messages
        As `klavnb.value_messages` gives it.
    """
    in_use = study.models[0]
    wide = messages.filter(pl.col("model").is_in([*SAME_REVENUE, in_use])).collect()
    if wide.is_empty():
        return Finding("## No message is ranked")
    best = (
        wide.group_by("message_id", "channel", "label")
        .agg(
            usual=pl.col("rank").filter(pl.col("model") == in_use).first(),
            least=pl.col("rank").min(),
            most=pl.col("rank").max(),
        )
        .filter(pl.col("usual") <= top)
        .sort("usual", "message_id")
    )
    moved = best.filter(pl.col("least") != pl.col("most"))
    if moved.is_empty():
        return Finding(f"## None of the {format_count(best.height, 'best message')} changes its rank by another model")
    widest = moved.sort(pl.col("most") - pl.col("least"), descending=True, maintain_order=True).row(0, named=True)
    first = best.row(0, named=True)
    stays = (
        f"“{escape_markdown(first['label'])}” is first by every one of these models."
        if first["most"] == 1
        else f"“{escape_markdown(first['label'])}”, first by the {_word(in_use)} model, is ranked {first['most']} by another."
    )
    return Finding(
        f"## {moved.height} of the {format_count(best.height, 'best message')} change their rank by another model\n\n"
        f"{stays} “{escape_markdown(widest['label'])}” moves most: between rank {widest['least']} and {widest['most']}. This counts only the "
        "models that hand out the same revenue; the table also has those that credit fewer orders."
    )


def collect_choice_facts(values: pl.LazyFrame, facts: Facts, *, study: ModelStudy, currency: str | None) -> Facts:
    """Collect what the index says of the report: the facts of the comparison, under the headline of the study.

    Parameters
    ----------
    facts
        As `collect_facts` gives them of the comparison.
    """
    rows = values.filter(pl.col("model").is_in(SAME_REVENUE)).collect()
    widest = rows.select(pl.col("moved_value").max()).item() or 0.0
    total = rows.select(pl.col("value").max()).item() or 0.0
    headline = f"The choice of model moves up to {format_money(widest, currency)} of {format_money(total, currency)} between messages"
    figures = [
        ("Attributed, models that credit every order with an open touch", total, currency),
        ("Moved between messages, at most", widest, currency),
        ("Moved between messages, at most, share", 100 * widest / total if total else None, "%"),
        ("Orders credited", rows.select(pl.col("count_conversions").max()).item() or 0, "orders"),
        ("Models compared", len(study.models), "models"),
    ]
    return Facts({**facts.values, "headline": headline, "figures": list_figures(figures)})


def _word(model: str) -> str:
    return MODEL_WORDS[model]


def find_best(values: pl.DataFrame, model: str, *, top: int) -> pl.DataFrame:
    return values.filter(pl.col("model") == model, pl.col("value") > 0).head(top)


def _state_best(values: pl.LazyFrame, *, key: str, what: str, study: ModelStudy, top: int) -> Finding:
    found = values.sort("model", "rank", key).collect()
    in_use = study.models[0]
    best = find_best(found, in_use, top=top)
    if best.is_empty():
        return Finding(f"## No {what} earns anything by the {_word(in_use)} model")
    others = [model for model in SAME_REVENUE if model != in_use]
    kept = {
        model: best.filter(pl.col(key).is_in(find_best(found, model, top=best.height)[key].to_list())).height
        for model in others
    }
    least = min(kept, key=lambda model: kept[model])
    first = best.row(0, named=True)
    leads = [model for model in others if find_best(found, model, top=1)[key].to_list() == [first[key]]]
    alike = f"{len(others) + 1} models that hand out the same revenue"
    lead = (
        f"“{escape_markdown(first['label'])}” earns most by all {alike}."
        if len(leads) == len(others)
        else f"“{escape_markdown(first['label'])}” earns most by {len(leads) + 1} of the {alike}."
    )
    if best.height == found[key].n_unique():
        ranks = found.filter(pl.col("model").is_in([in_use, *others])).group_by(key).agg(pl.col("rank").n_unique())
        changing = ranks.filter(pl.col("rank") > 1).height
        heading = f"## {changing} of {format_count(best.height, what)} change places among {alike}"
    else:
        heading = f"## {kept[least]} to {max(kept.values())} of the {format_count(best.height, f'best {what}')} stay among the best"
        if kept[least] == max(kept.values()):
            heading = f"## {kept[least]} of the {format_count(best.height, f'best {what}')} stay among the best"
        heading += f", fewest by the {_word(least)} model" if kept[least] < best.height else f" by all {alike}"
    return Finding(
        f"{heading}\n\n{lead} The models that credit fewer orders are in the table, but not counted here. It starts with the {_word(in_use)} model, "
        f"which is in use, and the {_word(study.models[1])} model, which is considered."
    )
