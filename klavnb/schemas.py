"""Every contract of klavnb: one class per frame, with its grain, columns, units and rules.

All times are UTC. All ids are text, as Klaviyo writes them. Money is in the currency of the row,
in major units (12.5 is twelve euros and fifty cents), and is never converted.
"""

from functools import cache

import dataframely as dy
import polars as pl

from klavnb.channels import CHANNELS, KINDS

__all__ = [
    "AGREEMENTS",
    "OUTCOMES",
    "REASONS",
    "RECEIPT_SOURCES",
    "Agreement",
    "CampaignTotal",
    "Change",
    "Conversion",
    "Credit",
    "Event",
    "GroupMember",
    "Membership",
    "Message",
    "MessageMeasure",
    "Profile",
    "Reject",
    "SegmentSize",
    "Touch",
    "list_types",
]


@cache
def list_types(contract: type[dy.Schema]) -> pl.Schema:
    """Return the types of a contract's columns, by their names: of each contract dataframely takes 2 ms for them.

    Examples
    --------
    >>> list_types(GroupMember)["joined_at"]
    Datetime(time_unit='us', time_zone='UTC')
    """
    return contract.create_empty().schema


RECEIPT_SOURCES = ("received_event", "send_cohort", "handoff", "touch")
"""Where the receipt time of a touch was found, best first; `touch` means nowhere, so the touch itself."""

REASONS = ("no_touch", "windows_closed", "last_channel_closed", "no_click")
"""Why a conversion is credited to nothing."""

OUTCOMES = ("unattributed", "unchanged", "gained", "lost", "moved")
"""What became of a conversion from one model to another."""

AGREEMENTS = (
    "same_event",
    "both_none",
    "same_message",
    "same_channel",
    "other_channel",
    "recorded_only",
    "model_only",
    "session_touch",
    "self_attributed",
    "outside_export",
    "provisional",
    "unsaid",
)
"""How a model's answer for a conversion stands to what Klaviyo recorded; `klavnb.agreement` says what each means."""

CREDIT_TOLERANCE = 1e-9

UTC = "UTC"


class Event(dy.Schema):
    """One row per event of one profile, as exported; `event_id` is the key."""

    event_id = dy.String(primary_key=True, min_length=1)
    profile_id = dy.String(min_length=1)
    metric = dy.String(min_length=1)  # renamed metrics under one name; unknown ones as exported
    occurred_at = dy.Datetime(time_zone=UTC)
    value = dy.Float64(nullable=True)  # $value, in `currency`
    currency = dy.String(nullable=True)
    order_id = dy.String(nullable=True)  # of an order, refund or cancel: the shop's own number
    message_id = dy.String(nullable=True)
    message_type = dy.Enum(["campaign", "flow"], nullable=True)
    campaign_id = dy.String(nullable=True)
    flow_id = dy.String(nullable=True)
    flow_message_id = dy.String(nullable=True)
    variation_id = dy.String(nullable=True)
    transmission_id = dy.String(nullable=True)  # one sending of one message to one profile
    sent_at = dy.Datetime(nullable=True, time_zone=UTC)  # from $_cohort$message_send_cohort
    handed_off_at = dy.Datetime(nullable=True, time_zone=UTC)  # from $internal."Handoff Time"
    receipt_at = dy.Datetime(nullable=True, time_zone=UTC)  # of a touch: its message's Received event, if there is one
    is_machine_open = dy.Bool(nullable=True)  # null: not known
    is_bot_click = dy.Bool(nullable=True)  # null: not known
    recorded_event_ids = dy.List(dy.String(), nullable=True)
    """The touches that Klaviyo itself credited; empty: it recorded none; null: the export does not say."""
    properties = dy.String(nullable=True)  # the event properties, raw JSON text


class Profile(dy.Schema):
    """One row per profile, in its latest exported state; `profile_id` is the key."""

    profile_id = dy.String(primary_key=True, min_length=1)
    email = dy.String(nullable=True)
    phone_number = dy.String(nullable=True)
    external_id = dy.String(nullable=True)
    first_name = dy.String(nullable=True)
    created_at = dy.Datetime(nullable=True, time_zone=UTC)
    updated_at = dy.Datetime(nullable=True, time_zone=UTC)
    last_event_at = dy.Datetime(nullable=True, time_zone=UTC)
    location = dy.String(nullable=True)  # raw JSON text, as the next three
    predictions = dy.String(nullable=True)
    consent = dy.String(nullable=True)
    properties = dy.String(nullable=True)


class Message(dy.Schema):
    """One row per message of a campaign or flow; `message_id` is the key."""

    message_id = dy.String(primary_key=True, min_length=1)
    name = dy.String(nullable=True)
    subject = dy.String(nullable=True)
    channel = dy.Enum(CHANNELS, nullable=True)
    message_type = dy.Enum(["campaign", "flow"], nullable=True)
    campaign_id = dy.String(nullable=True)
    campaign_name = dy.String(nullable=True)
    flow_id = dy.String(nullable=True)
    flow_name = dy.String(nullable=True)
    sent_at = dy.Datetime(nullable=True, time_zone=UTC)  # campaigns only


class GroupMember(dy.Schema):
    """One row per profile and list or segment of Klaviyo's that it was in when it was exported."""

    group_id = dy.String(primary_key=True, min_length=1)
    profile_id = dy.String(primary_key=True, min_length=1)
    group_name = dy.String(nullable=True)
    joined_at = dy.Datetime(nullable=True, time_zone=UTC)  # null: not said


class CampaignTotal(dy.Schema):
    """One row per row of a campaign CSV of Klaviyo's own pages: what it counted, to compare a load with.

    A campaign with variations is one row for each, and perhaps one for all of them, which has no `variation`.
    """

    file = dy.String()
    line = dy.Int64(nullable=True)  # the ordinal of the row, from 1
    campaign_id = dy.String(nullable=True)  # null: older files have none
    name = dy.String(nullable=True)
    variation = dy.String(nullable=True)
    subject = dy.String(nullable=True)
    channel = dy.Enum(CHANNELS, nullable=True)
    sent_at = dy.Datetime(nullable=True, time_zone=UTC)  # as the file writes it: in the account's zone, taken for UTC
    count_recipients = dy.Int64(nullable=True)
    count_delivered = dy.Int64(nullable=True)
    count_bounced = dy.Int64(nullable=True)
    count_opens = dy.Int64(nullable=True)
    count_opened = dy.Int64(nullable=True)  # profiles who opened it
    count_clicks = dy.Int64(nullable=True)
    count_clicked = dy.Int64(nullable=True)  # profiles who clicked
    count_unsubscribed = dy.Int64(nullable=True)
    count_marked_spam = dy.Int64(nullable=True)
    conversion_metric = dy.String(nullable=True)
    count_conversions = dy.Int64(nullable=True)
    count_converted = dy.Int64(nullable=True)  # profiles who did
    revenue = dy.Float64(nullable=True)  # in `currency`
    currency = dy.String(nullable=True)  # null: the file does not say
    properties = dy.String(nullable=True)  # the other columns, as JSON text


class Reject(dy.Schema):
    """One row per record of an export that could not be used, with the reason."""

    file = dy.String()
    line = dy.Int64(nullable=True)  # line of a text file or ordinal of the record, from 1
    reason = dy.String()
    raw = dy.String(nullable=True)  # the record's text, cut to 1 KB


class Touch(dy.Schema):
    """One row per interaction of a profile with a message that can earn a conversion; key `touch_id`."""

    touch_id = dy.String(primary_key=True)  # the event_id
    profile_id = dy.String()
    channel = dy.Enum(CHANNELS)
    kind = dy.Enum(KINDS)
    touched_at = dy.Datetime(time_zone=UTC)
    received_at = dy.Datetime(time_zone=UTC)
    receipt_source = dy.Enum(RECEIPT_SOURCES)
    closes_at = dy.Datetime(time_zone=UTC)  # the last instant at which it can earn, included
    message_id = dy.String(nullable=True)
    message_type = dy.Enum(["campaign", "flow"], nullable=True)
    campaign_id = dy.String(nullable=True)
    flow_id = dy.String(nullable=True)
    flow_message_id = dy.String(nullable=True)
    is_machine_open = dy.Bool(nullable=True)
    is_bot_click = dy.Bool(nullable=True)


class Conversion(dy.Schema):
    """One row per event of the conversion metric; key `conversion_id`."""

    conversion_id = dy.String(primary_key=True)  # the event_id
    profile_id = dy.String()
    converted_at = dy.Datetime(time_zone=UTC)
    value = dy.Float64()  # an event without a value counts as 0
    currency = dy.String(nullable=True)


class Credit(dy.Schema):
    """One row per conversion and credited touch; an unattributed conversion is one row without a touch.

    `value` is the whole conversion's on each of its rows: add up `attributed_value` instead.
    """

    conversion_id = dy.String()
    profile_id = dy.String()
    converted_at = dy.Datetime(time_zone=UTC)
    value = dy.Float64()
    currency = dy.String(nullable=True)
    model = dy.String()
    touch_id = dy.String(nullable=True)
    channel = dy.Enum(CHANNELS, nullable=True)
    kind = dy.Enum(KINDS, nullable=True)
    message_id = dy.String(nullable=True)
    message_type = dy.Enum(["campaign", "flow"], nullable=True)
    campaign_id = dy.String(nullable=True)
    flow_id = dy.String(nullable=True)
    flow_message_id = dy.String(nullable=True)
    touched_at = dy.Datetime(nullable=True, time_zone=UTC)
    received_at = dy.Datetime(nullable=True, time_zone=UTC)
    last_channel = dy.Enum(CHANNELS, nullable=True)  # of the profile's last touch before the conversion
    credit = dy.Float64(min=0, max=1)
    attributed_value = dy.Float64()
    reason = dy.Enum(REASONS, nullable=True)

    @dy.rule()
    def credited_or_reasoned(cls) -> pl.Expr:
        """A row has either a touch and a credit, or a reason and none."""
        credited = cls.touch_id.col.is_not_null() & (cls.credit.col > 0) & cls.reason.col.is_null()
        reasoned = cls.touch_id.col.is_null() & (cls.credit.col == 0) & cls.reason.col.is_not_null()
        return credited | reasoned

    @dy.rule()
    def credits_sum_to_one_or_zero(cls) -> pl.Expr:
        """A conversion is credited whole or not at all."""
        total = cls.credit.col.sum().over("conversion_id", "model")
        return ((total - 1).abs() < CREDIT_TOLERANCE) | (total == 0)


class Change(dy.Schema):
    """One row per conversion and touch that either of two models credits; a null touch where neither does.

    `outcome` speaks of the whole conversion: `unattributed` by both, `unchanged`, `gained` (only the
    candidate credits it), `lost` (only the baseline does), `moved` (both do, to different touches).
    """

    conversion_id = dy.String()
    profile_id = dy.String()
    converted_at = dy.Datetime(time_zone=UTC)
    currency = dy.String(nullable=True)
    value = dy.Float64()  # the whole conversion's
    touch_id = dy.String(nullable=True)
    channel = dy.Enum(CHANNELS, nullable=True)
    message_id = dy.String(nullable=True)
    message_type = dy.Enum(["campaign", "flow"], nullable=True)
    touched_at = dy.Datetime(nullable=True, time_zone=UTC)
    last_channel = dy.Enum(CHANNELS, nullable=True)
    baseline_credit = dy.Float64(min=0, max=1)  # of this touch, by the baseline …
    candidate_credit = dy.Float64(min=0, max=1)  # … and by the candidate
    baseline_value = dy.Float64()  # the same in money
    candidate_value = dy.Float64()
    baseline_reason = dy.Enum(REASONS, nullable=True)
    outcome = dy.Enum(OUTCOMES)


class Agreement(dy.Schema):
    """One row per conversion: what Klaviyo recorded, what the model credits, and how the two agree.

    Where several touches share a conversion, the columns of a touch are those of the latest one.
    """

    conversion_id = dy.String(primary_key=True)
    profile_id = dy.String()
    converted_at = dy.Datetime(time_zone=UTC)
    value = dy.Float64()
    currency = dy.String(nullable=True)
    agreement = dy.Enum(AGREEMENTS)
    count_recorded = dy.Int64(nullable=True)  # touches that Klaviyo credited; null: the export does not say
    count_credited = dy.Int64(min=0)  # touches that the model credits
    recorded_touch_id = dy.String(nullable=True)  # null: none, or not said; it may be absent from the export
    recorded_channel = dy.Enum(CHANNELS, nullable=True)
    recorded_kind = dy.String(nullable=True)  # null: not a touch that klavnb knows
    recorded_message_id = dy.String(nullable=True)
    recorded_touched_at = dy.Datetime(nullable=True, time_zone=UTC)
    touch_id = dy.String(nullable=True)  # the model's
    channel = dy.Enum(CHANNELS, nullable=True)
    message_id = dy.String(nullable=True)
    touched_at = dy.Datetime(nullable=True, time_zone=UTC)


class Membership(dy.Schema):
    """One row per profile and stay in a segment; stays of one profile in one segment never touch."""

    segment = dy.String(primary_key=True)
    profile_id = dy.String(primary_key=True)
    entered_at = dy.Datetime(primary_key=True, time_zone=UTC)  # the first instant inside
    left_at = dy.Datetime(nullable=True, time_zone=UTC)  # the first instant outside; null: still in

    @dy.rule()
    def leaves_after_entering(cls) -> pl.Expr:
        """A stay lasts some time."""
        return cls.left_at.col.is_null() | (cls.left_at.col > cls.entered_at.col)


class SegmentSize(dy.Schema):
    """One row per segment and moment: how many are in it then, and who came and went since the moment before."""

    segment = dy.String(primary_key=True)
    as_of = dy.Datetime(primary_key=True, time_zone=UTC)
    count_members = dy.Int64(min=0)
    count_entered = dy.Int64(min=0)  # after the row before, up to and with as_of; a profile may enter more than once
    count_left = dy.Int64(min=0)


class MessageMeasure(dy.Schema):
    """One row per channel, campaign, flow, message or variation: what became of it in a period.

    A count of profiles counts each once, however often; a count of events counts each time. Null is not known: the
    export has no such event of the channel. An id or the channel is null where the row's messages differ in it.
    Rates are shares (0 to 1) of `count_reached`, unless said otherwise: of those who received a message, who opened
    it. They are null in a row of several channels, or where nothing is known to be received.
    """

    label = dy.String(nullable=True)
    channel = dy.Enum(CHANNELS, nullable=True)
    message_type = dy.Enum(["campaign", "flow"], nullable=True)
    campaign_id = dy.String(nullable=True)  # of a campaign without one: its message's
    flow_id = dy.String(nullable=True)
    message_id = dy.String(nullable=True)
    variation_id = dy.String(nullable=True)
    count_recipients = dy.Int64(nullable=True, min=0)  # profiles with a receipt
    count_reached = dy.Int64(nullable=True, min=0)  # the same of each message, added up
    count_sent = dy.Int64(nullable=True, min=0)  # events: delivered, bounced or failed
    count_delivered = dy.Int64(nullable=True, min=0)  # events: receipts
    count_bounced = dy.Int64(nullable=True, min=0)  # events
    count_dropped = dy.Int64(nullable=True, min=0)  # events: messages that Klaviyo did not send out
    count_failed = dy.Int64(nullable=True, min=0)  # events: texts that were not delivered
    count_opened = dy.Int64(nullable=True, min=0)  # profiles with an open, be it a machine's
    count_opens = dy.Int64(nullable=True, min=0)  # events
    count_human_opened = dy.Int64(nullable=True, min=0)  # profiles with an open that is not known to be a machine's
    count_human_opens = dy.Int64(nullable=True, min=0)  # events
    count_clicked = dy.Int64(nullable=True, min=0)  # profiles with a click, be it a bot's
    count_clicks = dy.Int64(nullable=True, min=0)  # events
    count_human_clicked = dy.Int64(nullable=True, min=0)  # profiles with a click that is not known to be a bot's
    count_human_clicks = dy.Int64(nullable=True, min=0)  # events
    count_unsubscribed = dy.Int64(nullable=True, min=0)  # profiles
    count_marked_spam = dy.Int64(nullable=True, min=0)  # profiles
    open_rate = dy.Float64(nullable=True, min=0, max=1)  # those with an open …
    human_open_rate = dy.Float64(nullable=True, min=0, max=1)  # … not known to be a machine's
    click_rate = dy.Float64(nullable=True, min=0, max=1)  # those with a click …
    human_click_rate = dy.Float64(nullable=True, min=0, max=1)  # … not known to be a bot's
    click_to_open_rate = dy.Float64(nullable=True, min=0, max=1)  # of those who opened: who clicked; no machines
    bounce_rate = dy.Float64(nullable=True, min=0, max=1)  # of `count_sent`
    failure_rate = dy.Float64(nullable=True, min=0, max=1)  # of `count_sent`
    unsubscribe_rate = dy.Float64(nullable=True, min=0, max=1)
    spam_rate = dy.Float64(nullable=True, min=0, max=1)
    count_baseline = dy.Int64(min=0)  # orders that the comparison's baseline credits, be it in part …
    count_candidate = dy.Int64(min=0)  # … and those that the candidate does
    baseline_value = dy.Float64()  # attributed revenue by the baseline …
    candidate_value = dy.Float64()  # … and by the candidate
    candidate_error = dy.Float64(min=0)  # standard error of `candidate_value`, by a bootstrap over profiles
    baseline_per_recipient = dy.Float64(nullable=True)  # attributed revenue / `count_reached`
    candidate_per_recipient = dy.Float64(nullable=True)
    baseline_order_value = dy.Float64(nullable=True)  # attributed revenue / credited orders; null without one
    candidate_order_value = dy.Float64(nullable=True)

    @dy.rule()
    def profiles_up_to_events(cls) -> pl.Expr:
        """A profile is counted for an event that happened."""
        pairs = [("recipients", "delivered"), ("opened", "opens"), ("human_opened", "human_opens")]
        pairs += [("clicked", "clicks"), ("human_clicked", "human_clicks")]
        return pl.all_horizontal(
            (pl.col(f"count_{few}") <= pl.col(f"count_{many}")).fill_null(value=True) for few, many in pairs
        )

    @dy.rule()
    def people_up_to_all(cls) -> pl.Expr:
        """Without machines there are never more."""
        return pl.all_horizontal(
            (pl.col(f"count_human_{name}") <= pl.col(f"count_{name}")).fill_null(value=True)
            for name in ("opened", "opens", "clicked", "clicks")
        )
