"""Tables of a model beside what Klaviyo recorded: by class, channel, message, and single orders."""

from datetime import timedelta

import polars as pl
from great_tables import GT

from klavnb.agreement import AgreementStudy
from klavnb.agreement.describing import (
    CLASS_NAMES,
)
from klavnb.channels import CHANNEL_NAMES
from klavnb.tables.layout import add_unit, tabulate
from klavnb.tables.provenance import list_provenance

__all__ = [
    "tabulate_agreement",
    "tabulate_agreement_channels",
    "tabulate_agreement_messages",
    "tabulate_agreement_provenance",
    "tabulate_disagreements",
]

SIDE_NAMES = {"agree": "✓ agree", "differ": "✗ differ", "not_compared": "– not compared"}


def tabulate_agreement(counts: pl.LazyFrame, *, study: AgreementStudy) -> GT | None:
    """List the orders by class of agreement; None where the export records nothing.

    Parameters
    ----------
    counts
        As `klavnb.agreement.count_agreement` gives it.
    """
    if not study.count_said:
        return None
    rows = counts.select(
        pl.col("agreement").cast(pl.String).replace_strict(CLASS_NAMES),
        pl.col("side").cast(pl.String).replace_strict(SIDE_NAMES),
        "count_conversions",
        (pl.col("count_conversions") / pl.col("count_conversions").sum()).alias("share"),
        "value",
    ).collect()
    return (
        tabulate(rows, name="agreement")
        .cols_label(
            agreement="Klaviyo’s record and this report",
            side="So they",
            count_conversions="Orders",
            share="Share",
            value="Value" + add_unit(study.comparison.currency),
        )
        .fmt_number(["count_conversions", "value"], decimals=0)
        .fmt_percent("share", decimals=1, incl_space=True)
    )


def tabulate_agreement_channels(channels: pl.LazyFrame, *, study: AgreementStudy) -> GT | None:
    """List by channel what Klaviyo recorded and what the model credits; None where neither credits anything.

    Parameters
    ----------
    channels
        As `klavnb.agreement.count_agreement_channels` gives it.
    """
    rows = channels.with_columns(
        pl.col("channel").cast(pl.String).replace_strict(CHANNEL_NAMES),
        difference=pl.col("credited_value") - pl.col("recorded_value"),
    ).collect()
    if rows.is_empty():
        return None
    unit = add_unit(study.comparison.currency)
    return (
        tabulate(rows, name="agreement-channels")
        .cols_label(
            channel="Channel",
            count_recorded="Orders, Klaviyo",
            recorded_value="Revenue, Klaviyo" + unit,
            count_credited="Orders, this report",
            credited_value="Revenue, this report" + unit,
            count_same="Same touch",
            difference="Difference" + unit,
        )
        .fmt_number(["count_recorded", "recorded_value", "count_credited", "credited_value", "count_same"], decimals=0)
        .fmt_number("difference", decimals=0, force_sign=True)
    )


def tabulate_agreement_messages(messages: pl.LazyFrame, *, top: int, study: AgreementStudy) -> GT | None:
    """List the messages that differ on most orders; None where none differs.

    Parameters
    ----------
    messages
        As `klavnb.agreement.count_agreement_messages` gives it.
    top
        How many to list.
    """
    rows = (
        messages.filter(pl.col("count_differing") > 0)
        .head(top)
        .select(
            "label",
            pl.col("channel").cast(pl.String).replace_strict(CHANNEL_NAMES, default=None),
            "count_recorded",
            "count_credited",
            "count_differing",
            "recorded_value",
            "credited_value",
            "difference",
        )
        .collect()
    )
    if rows.is_empty():
        return None
    unit = add_unit(study.comparison.currency)
    return (
        tabulate(rows, name="agreement-messages")
        .cols_label(
            label="Message",
            channel="Channel",
            count_recorded="Orders, Klaviyo",
            count_credited="Orders, this report",
            count_differing="Orders that differ",
            recorded_value="Revenue, Klaviyo" + unit,
            credited_value="Revenue, this report" + unit,
            difference="Difference" + unit,
        )
        .fmt_number(
            ["count_recorded", "count_credited", "count_differing", "recorded_value", "credited_value"], decimals=0
        )
        .fmt_number("difference", decimals=0, force_sign=True)
        .sub_missing(missing_text="–")
    )


def tabulate_disagreements(picked: pl.LazyFrame, *, study: AgreementStudy) -> GT | None:
    """List single orders on which the two do not agree; None where there is none.

    Parameters
    ----------
    picked
        As `klavnb.agreement.pick_disagreements` gives it.
    """
    day = timedelta(days=1)
    rows = picked.select(
        "customer",
        pl.col("agreement").cast(pl.String).replace_strict(CLASS_NAMES),
        "value",
        _name_touch("recorded_channel", "recorded_label").alias("recorded"),
        (pl.col("recorded_before") / day).alias("recorded_before"),
        _name_touch("channel", "label").alias("credited"),
        (pl.col("before") / day).alias("before"),
    ).collect()
    if rows.is_empty():
        return None
    return (
        tabulate(rows, name="disagreements")
        .cols_label(
            customer="Customer",
            agreement="How they differ",
            value="Order" + add_unit(study.comparison.currency),
            recorded="Klaviyo credits",
            recorded_before="… days before",
            credited="This report credits",
            before="… days before the order",
        )
        .fmt_number("value", decimals=0)
        .fmt_number(["recorded_before", "before"], decimals=1)
        .sub_missing(missing_text="–")
    )


def tabulate_agreement_provenance(study: AgreementStudy) -> GT:
    """List where the numbers of a report on agreement come from: data, rows, settings, versions."""
    return list_provenance(
        study.export,
        {
            "Model": study.comparison.sides.candidate,
            "Settings": study.settings.describe(),
            "Orders": f"{study.count_said:,} with Klaviyo’s record, {study.count_compared:,} of them compared",
        },
    )


def _name_touch(channel: str, label: str) -> pl.Expr:
    """Channel and message of a touch, as far as they are known."""
    named = pl.col(channel).cast(pl.String).replace_strict(CHANNEL_NAMES, default=None)
    return pl.when(pl.col(channel).is_not_null()).then(pl.concat_str(named, label, separator=": ", ignore_nulls=True))
