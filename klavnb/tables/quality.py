"""Tables of an export's quality: metrics, what is known of opens and clicks, clocks, and where it comes from."""

from typing import Final

import polars as pl
from great_tables import GT

from klavnb.channels import CHANNEL_NAMES
from klavnb.export import Export
from klavnb.labels import tidy_names
from klavnb.quality import Survey, list_watched
from klavnb.tables.layout import tabulate
from klavnb.tables.provenance import list_provenance

__all__ = ["tabulate_clocks", "tabulate_flags", "tabulate_metrics", "tabulate_quality_provenance"]

FLAGS: Final = {"email.open": "is_machine_open", "email.click": "is_bot_click", "sms.click": "is_bot_click"}


def tabulate_metrics(survey: Survey, *, top: int) -> GT:
    """List the metrics of the export: what attribution takes them for, how many events, from when to when.

    Parameters
    ----------
    top
        How many to list, the most frequent first.
    """
    channel, kind = (pl.col("role").str.split(".").list.get(part) for part in (0, 1))
    used = (
        pl.when(pl.col("metric") == survey.conversion)
        .then(pl.lit("order"))
        .when(channel == "session")
        .then(pl.lit("visit"))
        .when(kind == "received")
        .then(pl.concat_str(channel.replace_strict(CHANNEL_NAMES, default=""), pl.lit(" receipt")))
        .otherwise(pl.concat_str(channel.replace_strict(CHANNEL_NAMES, default=""), pl.lit(" "), kind))
    )
    rows = survey.metrics.head(top).select(
        tidy_names(pl.col("metric")),
        used.alias("used"),
        "count_events",
        (pl.col("count_events") - pl.col("count_messageless")).alias("count_messages"),
        pl.col("first_at").dt.date(),
        pl.col("last_at").dt.date(),
    )
    return (
        tabulate(rows, name="metrics")
        .cols_label(
            metric="Metric",
            used="Used as",
            count_events="Events",
            count_messages="… that name a message",
            first_at="First day",
            last_at="Last day",
        )
        .fmt_number(["count_events", "count_messages"], decimals=0)
        .sub_missing(missing_text="–")
    )


def tabulate_flags(survey: Survey) -> GT | None:
    """List what is known of opens and clicks: made by a machine or bot, by a person, or not said.

    Where there are no opens and clicks of e-mails and SMS there is nothing to list, and None is returned.
    """
    found = survey.metrics.filter(pl.col("role").is_in(list(FLAGS)))
    if found.is_empty():
        return None
    flag = pl.col("role").replace_strict(FLAGS, default=None)
    known, unknown = (
        pl.coalesce(pl.when(flag == name).then(f"{name}_{part}") for name in dict.fromkeys(FLAGS.values()))
        for part in ("known", "unknown")
    )
    rows = found.select(
        tidy_names(pl.col("metric")),
        "count_events",
        count_machine=known,
        count_person=pl.col("count_events") - known - unknown,
        count_unknown=unknown,
        share=known / pl.col("count_events"),
    )
    return (
        tabulate(rows, name="flags")
        .cols_label(
            metric="Metric",
            count_events="Events",
            count_machine="By a machine or bot",
            count_person="By a person",
            count_unknown="Not said",
            share="Machine or bot, at least",
        )
        .fmt_number(["count_events", "count_machine", "count_person", "count_unknown"], decimals=0)
        .fmt_percent("share", decimals=1, incl_space=True)
    )


def tabulate_clocks(survey: Survey) -> GT:
    """List the first and last time of each metric of attribution, and how many of its times cannot be right."""
    rows = survey.metrics.filter(pl.col("metric").is_in(list_watched(survey))).select(
        tidy_names(pl.col("metric")),
        pl.col("first_at", "last_at").dt.strftime("%Y-%m-%d %H:%M:%S"),
        "count_midnight",
        (pl.col("count_midnight") / pl.col("count_events")).alias("share"),
        "count_future",
    )
    return (
        tabulate(rows, name="clocks")
        .cols_label(
            metric="Metric",
            first_at="First event, UTC",
            last_at="Last event, UTC",
            count_midnight="At 00:00:00",
            share="… of its events",
            count_future="In the future",
        )
        .fmt_number(["count_midnight", "count_future"], decimals=0)
        .fmt_percent("share", decimals=1, incl_space=True)
    )


def tabulate_quality_provenance(export: Export, *, survey: Survey) -> GT:
    """List where the numbers of a report on quality come from: data, rows, settings, versions."""
    return list_provenance(
        export,
        {
            "Made before": f"{survey.as_of:%Y-%m-%d %H:%M} UTC",
            "Settings": survey.settings.describe(),
        },
    )
