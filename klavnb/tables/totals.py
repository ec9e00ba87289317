"""Tables of Klaviyo's own totals beside what is counted here."""

import polars as pl
from great_tables import GT

from klavnb.agreement import AgreementStudy
from klavnb.agreement.describing import MEASURE_NAMES
from klavnb.tables.layout import add_unit, tabulate

__all__ = ["tabulate_campaign_totals", "tabulate_totals"]


def tabulate_totals(compared: pl.LazyFrame, *, study: AgreementStudy) -> GT | None:
    """Add up Klaviyo's own totals and what is counted here, by measure; None where there are none.

    Parameters
    ----------
    compared
        As `klavnb.agreement.compare_totals` gives it.
    """
    rows = (
        compared.group_by("measure")
        .agg(
            count_campaigns=pl.len(),
            count_same=(pl.col("difference").abs() < 0.005).sum(),  # noqa: PLR2004 - half a cent
            total=pl.col("total").sum(),
            counted=pl.col("counted").sum(),
            difference=pl.col("difference").sum(),
        )
        .sort("measure")
        .with_columns(pl.col("measure").cast(pl.String).replace_strict(_name_measures(study)))
        .collect()
    )
    if rows.is_empty():
        return None
    return (
        tabulate(rows, name="totals")
        .cols_label(
            measure="Counted",
            count_campaigns="Campaigns",
            count_same="… with the same total",
            total="Klaviyo’s total",
            counted="This report",
            difference="Difference",
        )
        .fmt_number(["count_campaigns", "count_same", "total", "counted"], decimals=0)
        .fmt_number("difference", decimals=0, force_sign=True)
    )


def tabulate_campaign_totals(compared: pl.LazyFrame, *, top: int, study: AgreementStudy) -> GT | None:
    """List the campaigns whose totals differ most; None where none differs.

    Parameters
    ----------
    compared
        As `klavnb.agreement.compare_totals` gives it.
    top
        How many rows to list: campaigns by what is counted, the largest difference for its size first.
    """
    rows = (
        compared.filter(pl.col("difference").abs() >= 0.005)  # noqa: PLR2004 - half a cent
        .with_columns(share=pl.col("difference").abs() / pl.max_horizontal("total", "counted"))
        .sort("share", "name", "measure", descending=[True, False, False])
        .head(top)
        .select(
            "name",
            pl.col("sent_at").dt.date().alias("sent_on"),
            pl.col("measure").cast(pl.String).replace_strict(_name_measures(study)),
            "total",
            "counted",
            "difference",
        )
        .collect()
    )
    if rows.is_empty():
        return None
    return (
        tabulate(rows, name="campaign-totals")
        .cols_label(
            name="Campaign",
            sent_on="Sent on",
            measure="Counted",
            total="Klaviyo’s total",
            counted="This report",
            difference="Difference",
        )
        .fmt_number(["total", "counted"], decimals=0)
        .fmt_number("difference", decimals=0, force_sign=True)
        .sub_missing(missing_text="–")
    )


def _name_measures(study: AgreementStudy) -> dict[str, str]:
    return {**MEASURE_NAMES, "revenue": MEASURE_NAMES["revenue"] + add_unit(study.comparison.currency)}
