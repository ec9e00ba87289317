"""Tables of what became of messages: step by step, what is unusual, what changed, and where the numbers come from."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import polars as pl
from great_tables import GT, loc

from klavnb.performance import CHANGES, PER_RECIPIENT, RATES, STEP_PARTS, MessageStudy
from klavnb.performance.words import MEASURE_NAMES, say_dating, say_days
from klavnb.tables.layout import add_unit, tabulate
from klavnb.tables.performance import NAME_STYLE, UNKNOWN, is_money
from klavnb.tables.provenance import list_provenance

__all__ = ["tabulate_message_changes", "tabulate_message_provenance", "tabulate_steps", "tabulate_unusual"]

SMALL_RATES: Final = ("bounce_rate", "failure_rate", "unsubscribe_rate", "spam_rate")
"""Rates so small that a difference would be lost in rounding to one decimal."""

PLACES: Final = {name: place for place, name in enumerate(MEASURE_NAMES)}


def tabulate_steps(steps: pl.LazyFrame, *, least: int) -> GT | None:
    """List what came of each message of each flow, step by step; None where no step is large enough.

    Parameters
    ----------
    steps
        As `klavnb.performance.measure_steps` gives it.
    least
        Steps of fewer receipts are left out.
    """
    rows = (
        steps.filter(pl.col("count_received") >= least)
        .select(
            pl.format("{} › {}", "flow", "label").alias("label"),
            "step",
            pl.col("delay") / timedelta(days=1),
            "count_received",
            "count_ordered",
            "count_orders",
            *(f"count_{part}" for part in STEP_PARTS if part != "ordered"),
        )
        .collect()
    )
    if rows.is_empty():
        return None
    return (
        tabulate(rows, name="steps")
        .cols_label(
            label="Name",
            step="Step",
            delay="Days after the first",
            count_received="Delivered",
            count_ordered="Ordered",
            count_orders="Their orders",
            count_left="Left",
            count_went_on="Went on",
            count_recent="Too recent to say",
            count_ended="None of these",
        )
        .fmt_number("delay", decimals=1)
        .fmt_number([name for name in rows.columns if name.startswith("count_")], decimals=0)
        .tab_style(NAME_STYLE, loc.body(columns="label"))
    )


def tabulate_unusual(rates: pl.LazyFrame, *, currency: str | None) -> GT | None:
    """List what lies apart from the account's own median; None where nothing does.

    Parameters
    ----------
    rates
        As `klavnb.performance.add_median` gives it.
    """
    values = ["estimate", "low", "high", "median"]
    rows = (
        rates.filter(pl.col("verdict").is_in(["above", "below"]))
        .sort(pl.col("measure").replace_strict(PLACES), "estimate", descending=[False, True])
        .select("label", "measure", "estimate", "low", "high", "median", "verdict")
        .collect()
    )
    if rows.is_empty():
        return None
    of_money, of_shares = _find_rows(rows, [PER_RECIPIENT]), _find_rows(rows, RATES)
    return (
        tabulate(rows.with_columns(pl.col("measure").replace_strict(_name_measures(currency))), name="unusual")
        .cols_label(
            label="Name",
            measure="Measure",
            estimate="Here",
            low="… from",
            high="… to",
            median="Median of its kind",
            verdict="It is",
        )
        .fmt_percent(values, rows=of_shares, decimals=2, incl_space=True)
        .fmt_number(values, rows=of_money, decimals=2)
    )


def tabulate_message_changes(changes: pl.LazyFrame, *, currency: str | None) -> GT | None:
    """List what changed since the period before; None where nothing can be compared.

    Parameters
    ----------
    changes
        As `klavnb.performance.compare_periods` gives it.
    """
    rows = changes.select("label", "measure", "previous", "current", "change", "difference", "low", "high").collect()
    if rows.is_empty():
        return None
    kinds = {unit: [name for name, its in CHANGES.items() if its == unit] for unit in CHANGES.values()}
    shares, single = _find_rows(rows, kinds["share"]), _find_rows(rows, kinds["money per one"])
    small = _find_rows(rows, SMALL_RATES)
    # what is a difference of shares is said in points, and only there
    points = pl.when(pl.col("measure").is_in(kinds["share"])).then(pl.col("difference", "low", "high") * 100)
    shown = rows.with_columns(points).with_columns(pl.col("measure").replace_strict(_name_measures(currency)))
    return (
        tabulate(shown, name="changes")
        .cols_label(
            label="Channel",
            measure="Measure",
            previous="Before",
            current="Now",
            change="Change",
            difference="Change, points",
            low="… from",
            high="… to",
        )
        .fmt_number(["previous", "current"], decimals=0)
        .fmt_percent(["previous", "current"], rows=shares, decimals=1, incl_space=True)
        .fmt_percent(["previous", "current"], rows=small, decimals=2, incl_space=True)
        .fmt_number(["previous", "current"], rows=single, decimals=2)
        .fmt_percent("change", decimals=1, force_sign=True, incl_space=True)
        .fmt_number(["difference", "low", "high"], decimals=1, force_sign=True)
        .fmt_number(["difference", "low", "high"], rows=small, decimals=2, force_sign=True)
        .sub_missing(missing_text=UNKNOWN)
    )


def tabulate_message_provenance(study: MessageStudy) -> GT:
    """List where the numbers of a report on messages come from: data, rows, days, settings, versions."""
    comparison = study.comparison
    return list_provenance(
        study.export,
        {
            "Messages": f"{say_days(study.period)}, {say_dating(study)}",
            "Models": f"{comparison.baseline} and {comparison.candidate}",
            "Settings": comparison.settings.describe(),
        },
    )


def _name_measures(currency: str | None) -> dict[str, str]:
    """Name measures with their unit, as the candidate has them."""
    return {name: words + (add_unit(currency) if is_money(name) else "") for name, words in MEASURE_NAMES.items()}


def _find_rows(rows: pl.DataFrame, measures: Iterable[str]) -> list[int]:
    """Find the places of the rows of some measures."""
    return rows.with_row_index("place").filter(pl.col("measure").is_in(list(measures)))["place"].to_list()
