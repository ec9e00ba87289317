"""Events and credits of messages, each on its day: counted once, and looked at from every side afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, get_args

import polars as pl

from klavnb.comparison import ModelComparison
from klavnb.errors import SettingsError
from klavnb.export import Export
from klavnb.performance.outcomes import MESSAGE_KINDS, find_known, find_message_roles
from klavnb.performance.periods import Period, plan_period
from klavnb.performance.sendings import KIND, find_campaigns, find_message_events, find_sending, find_sent_day
from klavnb.segments import UTC_CALENDAR, Calendar
from klavnb.segments.calendar import find_day

__all__ = ["DatedBy", "MessageStudy", "study_messages"]

DatedBy = Literal["sent", "event"]

OF_MESSAGE: Final = ("channel", "message_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStudy:
    """What messages did in a period and in the one before.

    Parameters
    ----------
    export, comparison, calendar, dated_by
        What was asked.
    period
        The days.
    roles
        Metric → `channel.kind`, of the metrics that are about messages.
    known
        Kind of event → the channels of which the export has such events.
    tally
        One row per part (`current`, `previous`), message, variation and profile: the number of its events of each
        kind, of opens and clicks not known to be a machine's, and of events whose sending is not known (`undated`).
    credits
        One row per conversion and credited touch: its message, both models' credit and value, `sent_on` (the day on
        which the message was sent, or the visit was) and `converted_on`; all of time.
    messages
        One row per message and channel: `message_type`, `campaign_id`, `flow_id` and the names, where known.
    receipts_from
        Channel → the day of its first receipt in the export.
    """

    export: Export
    comparison: ModelComparison
    calendar: Calendar
    dated_by: DatedBy
    period: Period
    roles: Mapping[str, str]
    known: Mapping[str, tuple[str, ...]]
    tally: pl.LazyFrame
    credits: pl.LazyFrame
    messages: pl.LazyFrame
    receipts_from: Mapping[str, date]

    @property
    def credit_day(self) -> str:
        """The column of `credits` that says on which day an order counts."""
        return "sent_on" if self.dated_by == "sent" else "converted_on"


def study_messages(
    export: Export,
    comparison: ModelComparison,
    *,
    dated_by: DatedBy = "sent",
    start: str = "",
    end: str = "",
    days: int = 0,
    calendar: Calendar = UTC_CALENDAR,
    outcomes: Mapping[str, str] | None = None,
) -> MessageStudy:
    """Count what became of the messages of a period: one pass over the events.

    An event belongs to the message that it names (`message_id`, and its variation); what names none is left out, and
    so is what lies after the comparison's `as_of`. The day of a campaign's message is that on which the campaign was
    sent; of any other that of its sending to the profile: the send cohort, the handoff, the receipt. Where
    the export says none of them, an event counts on its own day.

    Parameters
    ----------
    comparison
        The credits of two models. Make it of all time: orders count by this study's days, not by the comparison's.
    dated_by
        `sent`: everything counts on the day on which its message was sent, as in Klaviyo's reports of campaigns and
        flows. `event`: everything counts on its own day, as in Klaviyo's reports of metrics.
    start, end, days
        The period, in days of the calendar: see `klavnb.performance.plan_period`.
    outcomes
        The account's own metrics of outcomes: see `klavnb.performance.find_message_roles`.

    Raises
    ------
    SettingsError
        When the period or an outcome is not one, or `dated_by` is neither of the two.

    Notes
    -----
    Source: Klaviyo's overview of its Reporting API: performance in its pages goes by send date; its endpoint of metric
    aggregates by the time of the event, which does not match them.

    Examples
    --------
    >>> from klavnb.comparison import compare_models
    >>> from klavnb.settings import Settings
    >>> from klavnb.store import read_export
    >>> export = read_export("sample")
    >>> study = study_messages(export, compare_models(export, settings=Settings()), days=90)
    >>> print(study.period.first_on, study.period.last_on, study.known["open"])
    2026-06-03 2026-08-31 ('email', 'push')
    """
    if dated_by not in get_args(DatedBy):
        raise SettingsError(f"Messages are dated by sent or event; found {dated_by!r}.", hint="Write sent or event.")
    roles = find_message_roles(comparison.settings, outcomes)
    period = plan_period(
        data_from=comparison.data_from, as_of=comparison.as_of, calendar=calendar, start=start, end=end, days=days
    )
    events = find_message_events(export, comparison, roles)
    day = find_sent_day(calendar) if dated_by == "sent" else find_day(pl.col("occurred_at"), calendar)
    tally = _tally(events.with_columns(part=period.find_part(day)).filter(pl.col("part").is_not_null()))
    seen = events.group_by(OF_MESSAGE).agg(
        *(pl.col(name).min() for name in ("message_type", "campaign_id", "flow_id")),
        first_received_at=pl.col("occurred_at").filter(KIND == "received").min(),
    )
    credited = _find_credits(export, comparison, calendar)
    counted, found, credits_found = pl.collect_all([tally, seen, credited], engine="streaming")
    receipts = (
        found.group_by("channel")
        .agg(first_on=find_day(pl.col("first_received_at").min(), calendar))
        .filter(pl.col("first_on").is_not_null())
        .cast({"channel": pl.String})
    )
    return MessageStudy(
        export=export,
        comparison=comparison,
        calendar=calendar,
        dated_by=dated_by,
        period=period,
        roles=roles,
        known=find_known(roles, export.summary.metrics),
        tally=counted.lazy(),
        credits=credits_found.lazy(),
        messages=_describe(found, export),
        receipts_from=dict(receipts.iter_rows()),
    )


def _tally(events: pl.LazyFrame) -> pl.LazyFrame:
    by_people = {
        "human_open": (KIND == "open") & pl.col("is_machine_open").fill_null(value=False).not_(),
        "human_click": (KIND == "click") & pl.col("is_bot_click").fill_null(value=False).not_(),
    }
    return events.group_by("part", *OF_MESSAGE, "variation_id", "profile_id").agg(
        **{kind: KIND.eq(kind).sum().cast(pl.Int64) for kind in MESSAGE_KINDS},
        **{name: holds.sum().cast(pl.Int64) for name, holds in by_people.items()},
        undated=find_sending().is_null().sum().cast(pl.Int64),
    )


def _find_credits(export: Export, comparison: ModelComparison, calendar: Calendar) -> pl.LazyFrame:
    """Lay each credit beside what the event of its touch says of the message."""
    touches = export.events.filter(pl.col("metric").is_in(list(comparison.settings.roles))).select(
        "variation_id", "occurred_at", "sent_at", "handed_off_at", "receipt_at", touch_id="event_id"
    )
    return (
        comparison.changes.filter(pl.col("touch_id").is_not_null())
        .select(
            "conversion_id",
            "profile_id",
            "converted_at",
            "touch_id",
            "touched_at",
            "channel",
            "message_id",
            "baseline_credit",
            "candidate_credit",
            "baseline_value",
            "candidate_value",
        )
        .join(touches, on="touch_id", how="left")
        .join(find_campaigns(export), on="message_id", how="left")
        # a delivery that earns an order is sent as it is received, and a visit is its own sending
        .with_columns(kind=pl.lit("received"), occurred_at=pl.coalesce("occurred_at", "touched_at"))
        .with_columns(sent_on=find_sent_day(calendar), converted_on=find_day(pl.col("converted_at"), calendar))
        .drop("kind", "occurred_at", "sent_at", "handed_off_at", "receipt_at", "campaign_sent_at", "touch_id")
    )


def _describe(found: pl.DataFrame, export: Export) -> pl.LazyFrame:
    """Say of each message what the events and the export's resources know of it, events first."""
    named = export.messages.select(
        "message_id",
        "name",
        "campaign_name",
        "flow_name",
        said_type="message_type",
        said_campaign="campaign_id",
        said_flow="flow_id",
    )
    is_flow, is_campaign = (pl.col("message_type") == kind for kind in ("flow", "campaign"))
    return (
        found.lazy()
        .join(named, on="message_id", how="left")
        .with_columns(message_type=pl.coalesce("message_type", "said_type").cast(pl.String))
        .select(
            *OF_MESSAGE,
            "message_type",
            "name",
            "campaign_name",
            "flow_name",
            # some exports name a campaign by its message alone
            campaign_id=pl.when(is_campaign).then(pl.coalesce("campaign_id", "said_campaign", "message_id")),
            flow_id=pl.when(is_flow).then(pl.coalesce("flow_id", "said_flow", "message_id")),
        )
    )
