"""Tables of what became of messages: what they earned, who opened and clicked, who could not be reached or left."""

from typing import Final

import dataframely as dy
import polars as pl
from great_tables import GT, loc, style

from klavnb.performance import PER_RECIPIENT, MessageStudy, find_wilson, list_rates
from klavnb.performance.words import MEASURE_NAMES, name_model
from klavnb.schemas import MessageMeasure
from klavnb.tables.layout import add_unit, tabulate

__all__ = [
    "NAME_STYLE",
    "UNKNOWN",
    "is_money",
    "tabulate_channels",
    "tabulate_deliveries",
    "tabulate_earnings",
    "tabulate_engagement",
    "tabulate_opens",
]

UNKNOWN: Final = "–"
NAME_STYLE: Final = style.css("min-width: 8rem")
"""Beside many columns a name would be broken into a line a word."""
BOUNDS: Final = {"low": "… from", "high": "… to"}
"""The ends of an interval, in the columns after its estimate."""
COUNTED: Final = {
    "human_open_rate": ("Messages opened, without machines", "count_reached"),
    "open_rate": ("Messages opened, with machines", "count_reached"),
    "human_click_rate": ("Messages clicked, without bots", "count_reached"),
    "click_rate": ("Messages clicked, with bots", "count_reached"),
    "unsubscribe_rate": ("Messages followed by an unsubscription", "count_reached"),
}
"""A rate of the messages received → its numerator in words, and what it is divided by."""
SIDES: Final = ("candidate", "baseline")


def tabulate_channels(
    channels: dy.LazyFrame[MessageMeasure], *, study: MessageStudy, currency: str | None
) -> GT | None:
    """List every measure of each channel: a row per measure, a column per channel; visits are left out.

    Before a rate of the messages received stands how many it counts, so that it can be rebuilt.

    Where no message has a channel there is nothing to list, and None is returned.
    """
    kept = channels.filter(pl.col("channel") != "session").collect()
    if kept.is_empty():
        return None
    listed = [part for name in MEASURE_NAMES for part in ([f"{name}_counted", name] if name in COUNTED else [name])]
    counted = [(pl.col(rate) * pl.col(of)).round().alias(f"{rate}_counted") for rate, (_, of) in COUNTED.items()]
    values = (
        kept.with_columns(counted)
        .select(pl.col(listed).cast(pl.Float64))
        .transpose(include_header=True, header_name="measure", column_names=kept["label"].to_list())
    )
    models = {side: name_model(getattr(study.comparison, side)) for side in SIDES}
    names = {
        measure: f"{name}, {models[side]}" if (side := _find_side(measure)) else name
        for measure, name in MEASURE_NAMES.items()
    } | {f"{rate}_counted": name for rate, (name, _) in COUNTED.items()}
    names |= {rate: f"{names[rate]}, of those received" for rate in COUNTED}
    words = {measure: name + (add_unit(currency) if is_money(measure) else "") for measure, name in names.items()}
    places = {measure: place for place, measure in enumerate(values["measure"])}
    labels = kept["label"].to_list()
    rates, small = (
        [place for measure, place in places.items() if measure.endswith(end)] for end in ("_rate", "_per_recipient")
    )
    return (
        tabulate(values.with_columns(pl.col("measure").replace_strict(words)), name="channels")
        .cols_label(measure="Measure")
        .fmt_number(labels, decimals=0)
        .fmt_percent(labels, rows=rates, decimals=1, incl_space=True)
        .fmt_number(labels, rows=small, decimals=2)
        .sub_missing(missing_text=UNKNOWN)
    )


def tabulate_earnings(
    measures: dy.LazyFrame[MessageMeasure], *, name: str, top: int, study: MessageStudy, currency: str | None
) -> GT | None:
    """List what campaigns, flows or messages earned, under both models.

    Parameters
    ----------
    measures
        As `klavnb.measure_messages` gives it; in this order.
    name
        Of the table, within its report.
    top
        How many to list. Without a row there is nothing to list, and None is returned.
    """
    ids = ["channel", "campaign_id", "flow_id", "message_id", "variation_id"]
    sure = list_rates(measures).filter(measure=PER_RECIPIENT).select(*ids, "low", "high")
    rows = (
        measures.head(top)
        .join(sure, on=ids, how="left", nulls_equal=True, maintain_order="left")
        .select(
            "label",
            "candidate_value",
            PER_RECIPIENT,
            "low",
            "high",
            "count_reached",
            "count_recipients",
            "count_candidate",
            "candidate_order_value",
            "baseline_value",
        )
        .collect()
    )
    if rows.is_empty():
        return None
    unit = add_unit(currency)
    baseline = name_model(study.comparison.baseline)
    return (
        tabulate(rows, name=name)
        .cols_label(
            label="Name",
            count_reached="Messages received",
            count_recipients="Recipients",
            count_candidate="Orders",
            candidate_value=f"Revenue{unit}",
            baseline_value=f"By the {baseline}",
            candidate_per_recipient="Per message received",
            low="… from",
            high="… to",
            candidate_order_value="Average order",
        )
        .fmt_number(
            ["count_reached", "count_recipients", "count_candidate", "candidate_value", "baseline_value"], decimals=0
        )
        .fmt_number([PER_RECIPIENT, "low", "high", "candidate_order_value"], decimals=2)
        .sub_missing(missing_text=UNKNOWN)
        .tab_style(NAME_STYLE, loc.body(columns="label"))
    )


def tabulate_engagement(measures: dy.LazyFrame[MessageMeasure], *, name: str, top: int) -> GT | None:
    """List what part of the recipients opened and clicked, machines left out; None without a row that knows of either.

    Parameters
    ----------
    measures, name, top
        As of `klavnb.tables.tabulate_earnings`.
    """
    rates = ("human_open_rate", "human_click_rate")
    rows = (
        measures.filter(pl.any_horizontal(pl.col("count_opened", "count_clicked").is_not_null()))
        .head(top)
        .select(
            "label",
            "count_recipients",
            *(column for rate in rates for column in (pl.col(rate), *_find_bounds(rate))),
            "click_to_open_rate",
        )
        .collect()
    )
    if rows.is_empty():
        return None
    return (
        tabulate(rows, name=name)
        .cols_label(
            cases={
                **{measure: MEASURE_NAMES[measure] for measure in (*rates, "click_to_open_rate")},
                "label": "Name",
                "count_recipients": "Recipients",
                **{f"{rate}_{end}": words for rate in rates for end, words in BOUNDS.items()},
            }
        )
        .fmt_percent([column for column in rows.columns if "_rate" in column], decimals=1, incl_space=True)
        .fmt_number("count_recipients", decimals=0)
        .sub_missing(missing_text=UNKNOWN)
        .tab_style(NAME_STYLE, loc.body(columns="label"))
    )


def tabulate_opens(measures: dy.LazyFrame[MessageMeasure], *, name: str, top: int) -> GT | None:
    """List how many people opened and clicked, and how often, with machines and without; None where nothing is known.

    Parameters
    ----------
    measures, name, top
        As of `klavnb.tables.tabulate_earnings`.
    """
    counts = [
        f"count_{side}{what}" for of in ("open", "click") for what in (f"{of}ed", f"{of}s") for side in ("human_", "")
    ]
    rows = (
        measures.filter(pl.any_horizontal(pl.col("count_opened", "count_clicked").is_not_null()))
        .head(top)
        .select("label", *counts)
        .collect()
    )
    if rows.is_empty():
        return None
    return (
        tabulate(rows, name=name)
        .cols_label(cases={**{measure: MEASURE_NAMES[measure] for measure in counts}, "label": "Name"})
        .fmt_number(counts, decimals=0)
        .sub_missing(missing_text=UNKNOWN)
        .tab_style(NAME_STYLE, loc.body(columns="label"))
    )


def tabulate_deliveries(measures: dy.LazyFrame[MessageMeasure], *, name: str, top: int) -> GT | None:
    """List what was delivered, what was not, and who left; None without a row.

    Parameters
    ----------
    measures, name, top
        As of `klavnb.tables.tabulate_earnings`.
    """
    counts = ["count_delivered", "count_bounced", "count_dropped", "count_failed"]
    people, rate = ["count_unsubscribed", "count_marked_spam"], "unsubscribe_rate"
    rows = (
        measures.filter(pl.any_horizontal(pl.col(counts + people).is_not_null()))
        .head(top)
        .select("label", *counts, people[0], rate, *_find_bounds(rate), people[1])
        .collect()
    )
    if rows.is_empty():
        return None
    return (
        tabulate(rows, name=name)
        .cols_label(
            cases={
                "count_delivered": "Delivered",
                "count_bounced": "Bounced",
                "count_dropped": "Dropped",
                "count_failed": "Texts failed",
                "count_unsubscribed": "People who left",
                rate: MEASURE_NAMES[rate],
                "count_marked_spam": "Marked as spam",
                **{f"{rate}_{end}": words for end, words in BOUNDS.items()},
                "label": "Name",
            }
        )
        .fmt_number([*counts, *people], decimals=0)
        .fmt_percent([column for column in rows.columns if "_rate" in column], decimals=1, incl_space=True)
        .sub_missing(missing_text=UNKNOWN)
        .tab_style(NAME_STYLE, loc.body(columns="label"))
    )


def is_money(measure: str) -> bool:
    """Tell whether a measure has the unit of a currency."""
    return measure.endswith(("_value", "_per_recipient"))


def _find_side(measure: str) -> str:
    return next((side for side in SIDES if side in measure), "")


def _find_bounds(rate: str) -> list[pl.Expr]:
    """Find the interval of a rate of recipients; null where there is no rate."""
    bounds = find_wilson(pl.col(rate), pl.col("count_recipients"))
    return [bound.alias(f"{rate}_{end}") for bound, end in zip(bounds, BOUNDS, strict=True)]
