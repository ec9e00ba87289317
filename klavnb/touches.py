"""Events → touches and conversions: which interactions can earn an order, from when, and until when."""

from collections.abc import Mapping, Sequence
from typing import Final

import dataframely as dy
import polars as pl

from klavnb.channels import ANCHORED_ON_TOUCH, CHANNELS, KINDS
from klavnb.metrics import RENAMED_METRICS
from klavnb.schemas import RECEIPT_SOURCES, Conversion, Event, Touch
from klavnb.settings import Settings

__all__ = [
    "TAKEN_BACK",
    "count_interactions",
    "find_anchor",
    "find_conversion_metric",
    "find_conversions",
    "find_earning",
    "find_touches",
    "select_touches",
]

ROLE = pl.col("role")
CHANNEL, KIND = (ROLE.str.split(".").list.get(part) for part in (0, 1))

TAKEN_BACK: Final = ("Refunded Order", "Cancelled Order")
"""Metrics of events that take an order back, in part or whole."""


def find_touches(events: dy.LazyFrame[Event], *, settings: Settings) -> dy.LazyFrame[Touch]:
    """Find the interactions that can earn a conversion, with the time of receipt and of closing.

    One row per event whose metric is a kind of touch with a window in the settings. Absent are
    interactions that name no message (visits need none), those that the settings exclude, and every
    receipt, unless deliveries have a window.

    The receipt of a touch is, in this order: `receipt_at`, the `Received …` event that was matched when
    the export was loaded (see `klavnb.receipts`); the send
    cohort; the handoff time; the touch itself. It is never later than the touch. A window is closed at
    both ends: `touched_at <= t <= closes_at`; Klaviyo does not document the boundary.

    Parameters
    ----------
    events
        Events of the account; each with its receipt.
    settings
        Windows, anchor, filters and names of metrics.

    Notes
    -----
    Source: Klaviyo's help articles on attribution; which receipt belongs to a touch is undocumented,
    apart from the example that proves the window to run from the receipt.

    Examples
    --------
    >>> from klavnb.store import read_export
    >>> events = read_export("sample").events
    >>> touches = find_touches(events, settings=Settings()).collect()
    >>> touches.filter(pl.col("channel") == "sms")["kind"].unique().to_list()
    ['click']
    """
    return Touch.cast(select_touches(events, settings=settings))


def select_touches(events: pl.LazyFrame, *, settings: Settings, also: Sequence[str] = ()) -> pl.LazyFrame:
    """Do what `find_touches` does, and keep further columns of the events; rows stay in their order."""
    earning = find_earning(settings)
    metric = pl.col("metric")
    channels, kinds = ([role.split(".")[part] for role in earning.values()] for part in (0, 1))
    windows = [settings.windows[role] for role in earning.values()]
    needs_no_message = [name for name, channel in zip(earning, channels, strict=True) if channel == "session"]
    # the metric's place in the list: looking up text once, not for each of what is said of it
    place = metric.cast(pl.Enum(list(earning))).to_physical()
    touches = events.filter(
        metric.is_in(list(earning)),
        pl.col("message_id").is_not_null() | metric.is_in(needs_no_message),
        pl.col("message_id").is_in(list(settings.excluded_messages)).not_().fill_null(value=True),
        *_filters(settings),
    ).select(
        "profile_id",
        "message_id",
        "message_type",
        "campaign_id",
        "flow_id",
        "flow_message_id",
        "sent_at",
        "handed_off_at",
        "receipt_at",
        "is_machine_open",
        "is_bot_click",
        *also,
        touch_id=pl.col("event_id"),
        channel=pl.lit(pl.Series(channels, dtype=pl.Enum(CHANNELS))).gather(place),
        kind=pl.lit(pl.Series(kinds, dtype=pl.Enum(KINDS))).gather(place),
        window=pl.lit(pl.Series(windows, dtype=pl.Duration("us"))).gather(place),
        touched_at=pl.col("occurred_at"),
    )
    return _choose_receipt(touches).with_columns(closes_at=find_anchor(settings) + pl.col("window"))


def find_earning(settings: Settings) -> Mapping[str, str]:
    """Find the metrics of which an event can be a touch, each with its role."""
    # a receipt is the touch of a channel that counts deliveries
    roles = {metric: role.replace(".received", ".delivery") for metric, role in settings.roles.items()}
    return {metric: role for metric, role in roles.items() if role in settings.windows}


def find_anchor(settings: Settings) -> pl.Expr:
    """Say where the window of a touch starts, over the columns of `Touch`: its receipt, or the touch itself."""
    if settings.anchor == "touched":
        return pl.col("touched_at")
    return pl.when(pl.col("channel").is_in(ANCHORED_ON_TOUCH)).then("touched_at").otherwise("received_at")


def find_conversions(events: dy.LazyFrame[Event], *, settings: Settings) -> dy.LazyFrame[Conversion]:
    """Find the events of the conversion metric.

    One row per event. A missing value counts as 0. With `net_of_refunds`, the values of refunds and
    cancels (whatever their sign) that the same profile has under the same order number are subtracted,
    down to 0, if they are in the order's currency or name none; a cancel without a value takes all of it.
    Orders that share a number each lose the whole.

    Examples
    --------
    >>> from klavnb.store import read_export
    >>> conversions = find_conversions(read_export("sample").events, settings=Settings())
    >>> conversions.collect().columns
    ['conversion_id', 'profile_id', 'converted_at', 'value', 'currency']
    """
    conversions = events.filter(pl.col("metric") == find_conversion_metric(settings)).select(
        "profile_id",
        "currency",
        "order_id",
        conversion_id=pl.col("event_id"),
        converted_at=pl.col("occurred_at"),
        value=pl.col("value").fill_null(0.0),
    )
    if settings.net_of_refunds:
        taken_back = events.filter(pl.col("metric").is_in(TAKEN_BACK), pl.col("order_id").is_not_null()).select(
            "profile_id",
            "order_id",
            taken_in=pl.col("currency"),
            taken=pl.col("value").abs(),
            takes_all=(pl.col("metric") == "Cancelled Order") & pl.col("value").is_null(),
        )
        by_conversion = (
            conversions.join(taken_back, on=["profile_id", "order_id"])
            .filter(
                pl.col("taken_in").eq_missing(pl.col("currency")) | pl.col("taken_in").is_null() | pl.col("takes_all")
            )
            .group_by("conversion_id")
            .agg(pl.col("taken").sum(), pl.col("takes_all").any())
        )
        conversions = conversions.join(by_conversion, on="conversion_id", how="left").with_columns(
            value=pl.when("takes_all")
            .then(0.0)
            .when(pl.col("taken").is_not_null())
            .then((pl.col("value") - pl.col("taken")).clip(lower_bound=0))
            .otherwise("value")
        )
    return Conversion.cast(conversions)


def find_conversion_metric(settings: Settings) -> str:
    """Find the name that the conversion metric has in an export."""
    return RENAMED_METRICS.get(settings.conversion_metric, settings.conversion_metric)


def count_interactions(events: dy.LazyFrame[Event], *, settings: Settings) -> pl.LazyFrame:
    """Count the interactions by what keeps them from being a touch, or would under the filters.

    One row per channel that interacted: `count_interactions` (events of a kind with a window),
    `count_messageless` (they name no message, so they are no touches), `count_machine_opens`,
    `count_bot_clicks` (known ones, whether excluded or not).

    Examples
    --------
    >>> from klavnb.store import read_export
    >>> counts = count_interactions(read_export("sample").events, settings=Settings()).collect()
    >>> counts["count_messageless"].sum() > 0
    True
    """
    return (
        events.with_columns(role=pl.col("metric").replace_strict(settings.roles, default=None))
        .filter(ROLE.is_in(list(settings.windows)))
        .group_by(channel=CHANNEL.cast(pl.Enum(CHANNELS)))
        .agg(
            count_interactions=pl.len(),
            count_messageless=(pl.col("message_id").is_null() & (CHANNEL != "session")).sum(),
            count_machine_opens=(pl.col("is_machine_open").fill_null(value=False) & (KIND == "open")).sum(),
            count_bot_clicks=(pl.col("is_bot_click").fill_null(value=False) & (KIND == "click")).sum(),
        )
        .sort("channel")
    )


def _filters(settings: Settings) -> list[pl.Expr]:
    """What the account leaves out; an open or click of unknown origin stays."""
    known = {"is_machine_open": settings.exclude_machine_opens, "is_bot_click": settings.exclude_bot_clicks}
    return [pl.col(flag).not_().fill_null(value=True) for flag, excluded in known.items() if excluded]


def _choose_receipt(touches: pl.LazyFrame) -> pl.LazyFrame:
    """Add `received_at`, never after the touch, and `receipt_source`."""
    by_event = pl.when(pl.col("kind") == "delivery").then("touched_at").otherwise("receipt_at")
    found = dict(
        zip(RECEIPT_SOURCES, (by_event, pl.col("sent_at"), pl.col("handed_off_at"), pl.col("touched_at")), strict=True)
    )
    source = pl.coalesce(
        pl.when(at.is_not_null()).then(pl.lit(name, dtype=pl.Enum(RECEIPT_SOURCES))) for name, at in found.items()
    )
    return touches.with_columns(
        received_at=pl.min_horizontal(pl.coalesce(*found.values()), "touched_at"), receipt_source=source
    )
