"""Tables of two models side by side."""

from datetime import timedelta

import polars as pl
from great_tables import GT

from klavnb.channels import CHANNEL_NAMES
from klavnb.comparison import ModelComparison
from klavnb.export import Export
from klavnb.sensitivity import find_set_windows
from klavnb.settings import Settings
from klavnb.sides import OLD_AND_COOPERATIVE, Sides
from klavnb.tables.layout import add_unit, tabulate
from klavnb.tables.provenance import list_provenance, tabulate_provenance

__all__ = ["tabulate_extra_days", "tabulate_filters", "tabulate_messages", "tabulate_pair_provenance"]


def tabulate_messages(
    messages: pl.LazyFrame, *, top: int, currency: str | None, sides: Sides = OLD_AND_COOPERATIVE
) -> GT | None:
    """List the messages that earn most differently, with what both models credit them.

    Parameters
    ----------
    messages
        As `klavnb.compare_messages` gives it.
    top
        How many to list. Where no message changed there is nothing to list, and None is returned.
    sides
        What the two models or settings are called.
    """
    before, after = sides.titles
    rows = (
        messages.filter(pl.col("difference").abs() >= 0.005)  # noqa: PLR2004 - less than half a cent is no money
        .sort(pl.col("difference").abs(), descending=True)
        .head(top)
        .sort("difference", descending=True)
        .select(
            "label",
            pl.col("channel").cast(pl.String).replace_strict(CHANNEL_NAMES),
            pl.col("message_type").cast(pl.String),
            "baseline_value",
            "candidate_value",
            "difference",
            count_added=pl.col("count_candidate").cast(pl.Int64) - pl.col("count_baseline").cast(pl.Int64),
        )
        .collect()
    )
    if rows.is_empty():
        return None
    money = ["baseline_value", "candidate_value", "difference"]
    return (
        tabulate(rows, name="messages")
        .cols_label(
            label="Message",
            channel="Channel",
            message_type="Kind",
            baseline_value=before + add_unit(currency),
            candidate_value=after + add_unit(currency),
            difference="Difference" + add_unit(currency),
            count_added="Orders added",
        )
        .fmt_number(money[:2], decimals=0)
        .fmt_number(["difference", "count_added"], decimals=0, force_sign=True)
        .sub_missing(missing_text="–")
    )


def tabulate_extra_days(extra: pl.LazyFrame, *, settings: Settings, currency: str | None) -> GT | None:
    """List what each length of a window credits, and how much more or less that is than under the window as it is set.

    Parameters
    ----------
    extra
        As `klavnb.value_extra_days` gives it. Without a row there is nothing to list, and None is returned.
    settings
        The windows that the others are compared with. Of a channel whose kinds have several there is none.
    """
    windows = {channel: find_set_windows(settings, channel) for channel in ("email", "sms")}
    set_to = {channel: next(iter(found)) for channel, found in windows.items() if len(found) == 1}
    is_set = pl.col("window") == pl.col("channel").replace_strict(set_to, default=None, return_dtype=pl.Duration("us"))
    rows = extra.select(
        pl.col("channel").replace_strict(CHANNEL_NAMES),
        (pl.col("window") / timedelta(days=1)),
        "old_value",
        _compare_with("old_value", is_set).alias("old_change"),
        "cooperative_value",
        _compare_with("cooperative_value", is_set).alias("cooperative_change"),
    ).collect()
    if rows.is_empty():
        return None
    return (
        tabulate(rows, name="extra-days")
        .cols_label(
            channel="Channel",
            window="Window, days",
            old_value="Old model" + add_unit(currency),
            old_change="… against the window as set",
            cooperative_value="Cooperative model" + add_unit(currency),
            cooperative_change="… against the window as set",
        )
        .fmt_number("window", decimals=1, drop_trailing_zeros=True)
        .fmt_number(["old_value", "cooperative_value"], decimals=0)
        .fmt_number(["old_change", "cooperative_change"], decimals=0, force_sign=True)
        .sub_missing(missing_text="–")
    )


def _compare_with(value: str, is_set: pl.Expr) -> pl.Expr:
    """How much a value is above that of the window as it is set; null at that window, and where there is none."""
    change = pl.col(value) - pl.col(value).filter(is_set).first().over("channel")
    return pl.when(~is_set).then(change)


def tabulate_filters(filters: pl.LazyFrame, *, currency: str | None, sides: Sides = OLD_AND_COOPERATIVE) -> GT:
    """List what both models would credit without machine opens and bot clicks.

    Parameters
    ----------
    filters
        As `klavnb.compare_filters` gives it.
    sides
        What the two models or settings are called.
    """
    before, after = sides.titles
    return (
        tabulate(filters.collect(), name="filters")
        .cols_label(
            choice="Touches",
            baseline_value=before + add_unit(currency),
            candidate_value=after + add_unit(currency),
            difference="Difference" + add_unit(currency),
        )
        .fmt_number(["baseline_value", "candidate_value"], decimals=0)
        .fmt_number("difference", decimals=0, force_sign=True)
    )


def tabulate_pair_provenance(export: Export, *, comparison: ModelComparison) -> GT:
    """List where the numbers of a comparison come from; where its sides have different settings, those of both."""
    if comparison.candidate_settings == comparison.settings:
        return tabulate_provenance(export, comparison=comparison)
    before, after = comparison.sides.titles
    return list_provenance(
        export,
        {before: comparison.settings.describe(), after: comparison.candidate_settings.describe()},
    )
