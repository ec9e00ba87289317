"""Frames → tables for a reader."""

import platform
from datetime import timedelta
from importlib.metadata import version

import polars as pl
from great_tables import GT

from klavnb.channels import CHANNEL_NAMES
from klavnb.comparison import ModelComparison
from klavnb.errors import name_some
from klavnb.privacy import mask
from klavnb.store import Export

__all__ = ["tabulate_extra_days", "tabulate_filters", "tabulate_messages", "tabulate_provenance"]

LIBRARIES = ("klavnb", "polars", "altair", "great-tables", "papermill", "nbconvert")


def tabulate_messages(messages: pl.LazyFrame, *, top: int, currency: str | None) -> GT | None:
    """List the messages that earn most differently, with what both models credit them.

    Parameters
    ----------
    messages
        As `klavnb.compare_messages` gives it.
    top
        How many to list. Where no message changed there is nothing to list, and None is returned.
    """
    rows = (
        messages.filter(pl.col("difference") != 0)
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
        _tabulate(rows, name="messages")
        .cols_label(
            label="Message",
            channel="Channel",
            message_type="Kind",
            baseline_value="Old model" + _unit(currency),
            candidate_value="Cooperative model" + _unit(currency),
            difference="Difference" + _unit(currency),
            count_added="Orders added",
        )
        .fmt_number(money[:2], decimals=0)
        .fmt_number(["difference", "count_added"], decimals=0, force_sign=True)
        .sub_missing(missing_text="–")
    )


def tabulate_extra_days(extra: pl.LazyFrame, *, currency: str | None) -> GT | None:
    """List what each length of a window credits, and what it adds to the length before.

    Parameters
    ----------
    extra
        As `klavnb.value_extra_days` gives it. Without a row there is nothing to list, and None is returned.
    """
    rows = extra.select(
        pl.col("channel").replace_strict(CHANNEL_NAMES),
        (pl.col("window") / timedelta(days=1)),
        "old_value",
        "old_gain",
        "cooperative_value",
        "cooperative_gain",
    ).collect()
    if rows.is_empty():
        return None
    return (
        _tabulate(rows, name="extra-days")
        .cols_label(
            channel="Channel",
            window="Window, days",
            old_value="Old model" + _unit(currency),
            old_gain="… over the row above",
            cooperative_value="Cooperative model" + _unit(currency),
            cooperative_gain="… over the row above",
        )
        .fmt_number("window", decimals=1, drop_trailing_zeros=True)
        .fmt_number(["old_value", "cooperative_value"], decimals=0)
        .fmt_number(["old_gain", "cooperative_gain"], decimals=0, force_sign=True)
        .sub_missing(missing_text="–")
    )


def tabulate_filters(filters: pl.LazyFrame, *, currency: str | None) -> GT:
    """List what both models would credit without machine opens and bot clicks.

    Parameters
    ----------
    filters
        As `klavnb.compare_filters` gives it.
    """
    return (
        _tabulate(filters.collect(), name="filters")
        .cols_label(
            choice="Touches",
            baseline_value="Old model" + _unit(currency),
            candidate_value="Cooperative model" + _unit(currency),
            difference="Difference" + _unit(currency),
        )
        .fmt_number(["baseline_value", "candidate_value"], decimals=0)
        .fmt_number("difference", decimals=0, force_sign=True)
    )


def tabulate_provenance(export: Export, *, comparison: ModelComparison) -> GT:
    """List where the numbers come from: data, rows, settings, versions."""
    summary = export.summary
    rejected = "; ".join(f"{reason}: {count:,}" for reason, count in summary.rejected.items()) or "none"
    metrics = ", ".join(f"{name} {count:,}" for name, count in summary.metrics.items())
    rows = {
        "Data": name_some(summary.sources),
        "Fingerprint": summary.fingerprint,
        "Events": f"{summary.rows_in:,} in = {summary.rows_kept:,} kept + {sum(summary.rejected.values()):,} rejected",
        "Rejected": rejected,
        "Period of the data": f"{comparison.data_from:%Y-%m-%d %H:%M} to {comparison.data_to:%Y-%m-%d %H:%M} UTC",
        "Metrics": metrics,
        "Models": f"{comparison.baseline} against {comparison.candidate}",
        "Settings": comparison.settings.describe(),
        "Notes of the load": " ".join(summary.notes) or "none",
        "Versions": f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    }
    frame = pl.DataFrame({"what": list(rows), "value": [mask(text) for text in rows.values()]})
    return _tabulate(frame, name="provenance").cols_label(what="", value="")


def _tabulate(rows: pl.DataFrame, *, name: str) -> GT:
    """A table with a fixed id, so that the same rows give the same page; great-tables escapes what is in the cells."""
    return GT(rows, id=f"table-{name}")


def _unit(currency: str | None) -> str:
    return f", {currency}" if currency else ""
