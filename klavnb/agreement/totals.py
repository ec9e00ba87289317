"""What Klaviyo's own pages count for each campaign, beside what is counted here."""

import dataframely as dy
import polars as pl

from klavnb.agreement.study import AgreementStudy
from klavnb.caveats import PROVISIONAL
from klavnb.labels import tidy_names
from klavnb.schemas import CampaignTotal

__all__ = ["MEASURES", "compare_totals", "count_mismatch_reasons"]

MEASURES = (
    "count_recipients",
    "count_delivered",
    "count_opens",
    "count_opened",
    "count_clicks",
    "count_clicked",
    "count_conversions",
    "count_converted",
    "revenue",
)
"""What a campaign CSV counts and the events of an export can be counted for."""

TOLERANCE = 0.005
"""Half a cent: revenue that differs by less is the same."""

REFUSED = ("Bounced Email", "Dropped Email", "Failed to Deliver SMS", "Bounced Push")
"""What becomes of a message that a recipient does not get."""


def compare_totals(study: AgreementStudy) -> pl.LazyFrame:
    """Lay what Klaviyo's campaign CSV counts beside what the events of the export give.

    One row per campaign and measure that the CSV has: `campaign_id`, `name`, `sent_at` (in the account's zone),
    `measure` (one of `MEASURES`), `total` (Klaviyo's), `counted`, `difference` (counted less Klaviyo's). A campaign
    with variations is the row of all of them where there is one, else their sum. Orders and revenue are those that the
    model credits to the campaign, in the period and currency of the study, whenever it was sent; all else is counted
    over the whole export. A campaign without an id, or of which the export holds no event, is absent.
    """
    totals = _add_variations(study.export.totals)
    counted = _count_events(study).join(_count_credits(study), on="campaign_id", how="left")
    sides = [
        frame.unpivot(MEASURES, index="campaign_id", variable_name="measure", value_name=side).filter(
            pl.col(side).is_not_null()
        )
        for side, frame in (
            ("total", totals.with_columns(pl.col(MEASURES).cast(pl.Float64))),
            (
                "counted",
                counted.with_columns(
                    pl.col("count_conversions", "count_converted", "revenue").fill_null(0)
                ).with_columns(pl.col(MEASURES).cast(pl.Float64)),
            ),
        )
    ]
    return (
        sides[0]
        .join(sides[1], on=["campaign_id", "measure"])
        .join(totals.select("campaign_id", "name", "sent_at"), on="campaign_id")
        .select(
            "campaign_id",
            "sent_at",
            "total",
            "counted",
            name=tidy_names(pl.coalesce("name", "campaign_id")),
            measure=pl.col("measure").cast(pl.Enum(MEASURES)),
            difference=(pl.col("counted") - pl.col("total")).round(6),
        )
        .sort("sent_at", "campaign_id", "measure", nulls_last=True)
    )


def count_mismatch_reasons(study: AgreementStudy, compared: pl.LazyFrame) -> pl.LazyFrame:
    """Count for each usual reason of a mismatch the campaigns of the CSV that it may touch.

    One row per reason that touches a campaign, in this order: `reason`, `count_campaigns`.

    - `machine_opens`: some of its opens are known to be a machine's, and the account may leave them out
    - `windows`: an order of it differs between the model and what Klaviyo recorded, so settings may differ
    - `provisional`: sent in the last five days of the data, whose attribution Klaviyo may still revise
    - `cut_off`: sent before the first event of the export, or less than a longest window before its last one
    - `period`: the study's period leaves out orders that came after the campaign was sent
    - `currency`: the CSV gives its revenue in another currency than the study's
    - `metric`: the CSV counts conversions of another metric
    - `not_compared`: in the CSV, but with no event in the export or no id

    Parameters
    ----------
    compared
        As `compare_totals` gives it.
    """
    comparison, settings = study.comparison, study.settings
    zone = pl.duration(hours=14)  # the times of the CSV are the account's, up to so far from UTC
    campaigns = _add_variations(study.export.totals).join(compared.select("campaign_id").unique(), on="campaign_id")
    machine = study.export.events.filter("is_machine_open").select("campaign_id").unique()
    differing = study.agreements.filter(
        pl.col("agreement").is_in(
            ["same_message", "same_channel", "other_channel", "recorded_only", "model_only", "session_touch"]
        )
    )
    messages = comparison.messages.select("message_id", "campaign_id").drop_nulls()
    touched = pl.concat(
        [differing.select(message_id=pl.col(name)) for name in ("message_id", "recorded_message_id")]
    ).join(messages, on="message_id")
    sent = pl.col("sent_at")
    tests = {
        "machine_opens": campaigns.join(machine, on="campaign_id", how="semi"),
        "windows": campaigns.join(touched, on="campaign_id", how="semi"),
        "provisional": campaigns.filter(sent + zone > comparison.data_to - PROVISIONAL),
        "cut_off": campaigns.filter(
            (sent - zone < comparison.data_from) | (sent + settings.longest_window > comparison.data_to)
        ),
        "period": campaigns.filter(
            (sent.dt.date() < comparison.first_on) | ((sent + settings.longest_window).dt.date() > comparison.last_on)
        ),
        "currency": campaigns.filter(pl.col("currency") != (comparison.currency or "")),
        "metric": campaigns.filter(pl.col("conversion_metric") != settings.conversion_metric),
        "not_compared": _name_uncompared(study.export.totals, compared),
    }
    return (
        pl.concat([frame.select(reason=pl.lit(reason), count_campaigns=pl.len()) for reason, frame in tests.items()])
        .group_by("reason", maintain_order=True)
        .agg(pl.col("count_campaigns").sum())
        .filter(pl.col("count_campaigns") > 0)
    )


def _name_uncompared(totals: dy.LazyFrame[CampaignTotal], compared: pl.LazyFrame) -> pl.LazyFrame:
    """One row per campaign of the CSV that could not be compared."""
    return (
        totals.join(compared, on="campaign_id", how="anti")
        .select(key=pl.coalesce("campaign_id", pl.concat_str("name", "sent_at", ignore_nulls=True)))
        .unique()
    )


def _add_variations(totals: dy.LazyFrame[CampaignTotal]) -> pl.LazyFrame:
    """One row per campaign with an id: its own row if it has one, else its variations added up."""
    is_whole = pl.col("variation").is_null()
    whole = [pl.col(name).filter(is_whole).first() for name in MEASURES]
    added = [pl.when(pl.col(name).is_not_null().any()).then(pl.col(name).sum()) for name in MEASURES]
    return (
        totals.filter(pl.col("campaign_id").is_not_null())
        .group_by("campaign_id")
        .agg(
            pl.col("name", "sent_at", "conversion_metric", "currency").drop_nulls().first(),
            *(
                pl.when(is_whole.any()).then(one).otherwise(total).alias(name)
                for name, one, total in zip(MEASURES, whole, added, strict=True)
            ),
        )
    )


def _count_events(study: AgreementStudy) -> pl.LazyFrame:
    """What happened to each campaign, over the whole export: of opens and clicks all of them, machines' too."""
    role = pl.col("metric").replace_strict(study.settings.roles, default=None, return_dtype=pl.String)
    kind = role.str.split(".").list.get(1)
    profile = pl.col("profile_id")
    is_received, is_open, is_click = (pl.col("kind") == name for name in ("received", "open", "click"))
    return (
        study.export.events.filter(pl.col("campaign_id").is_not_null())
        .with_columns(kind=pl.when(pl.col("metric").is_in(REFUSED)).then(pl.lit("refused")).otherwise(kind))
        .filter(pl.col("kind").is_not_null())
        .group_by("campaign_id")
        .agg(
            count_recipients=profile.filter(is_received | (pl.col("kind") == "refused")).n_unique(),
            count_delivered=profile.filter(is_received).n_unique(),
            count_opens=is_open.sum(),
            count_opened=profile.filter(is_open).n_unique(),
            count_clicks=is_click.sum(),
            count_clicked=profile.filter(is_click).n_unique(),
        )
    )


def _count_credits(study: AgreementStudy) -> pl.LazyFrame:
    """What the model credits to each campaign; shares of a conversion count as such in the money only."""
    messages = study.comparison.messages.select("message_id", "campaign_id").drop_nulls()
    return (
        study.comparison.changes.filter(pl.col("candidate_credit") > 0)
        .join(messages, on="message_id")
        .group_by("campaign_id")
        .agg(
            count_conversions=pl.col("conversion_id").n_unique(),
            count_converted=pl.col("profile_id").n_unique(),
            revenue=pl.col("candidate_value").sum(),
        )
    )
