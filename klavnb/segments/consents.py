"""Who agreed to what, and since when: the present state of each profile, and the events that changed it."""

from typing import Final

import polars as pl

from klavnb.definitions.conditions import (
    BooleanFilter,
    ConsentCondition,
    ConsentFilter,
    DateFilter,
    PermissionCondition,
    TextFilter,
)
from klavnb.reading import parse_time
from klavnb.segments.account import Account, find_events, number_profiles
from klavnb.segments.combining import FAR, LONG_AGO, SPANS, TIME, clip, complement, intersect, no_spans
from klavnb.segments.consent_records import read_consents
from klavnb.segments.timeframes import place_dates

__all__ = ["CONSENT_EVENTS", "find_consent_spans", "find_permission_spans"]

IN_JSON: Final = {"email": "email", "sms": "sms", "push": "mobile_push"}
CONSENT_EVENTS: Final = {
    "email": {"Subscribed to Email Marketing": "SUBSCRIBED", "Unsubscribed": "UNSUBSCRIBED"},
    "sms": {"Subscribed to SMS Marketing": "SUBSCRIBED", "Unsubscribed from SMS Marketing": "UNSUBSCRIBED"},
    "push": {"Subscribed to Push": "SUBSCRIBED", "Unsubscribed from Push": "UNSUBSCRIBED"},
}
"""Channel → the metrics whose events change a consent, under the names klavnb keeps; those of push are unconfirmed."""

SUPPRESSED: Final = {
    "bounce_date": "HARD_BOUNCE",
    "manual_suppression_date": "USER_SUPPRESSED",
    "invalid_email_date": "INVALID_EMAIL",
}
REACHABLE: Final = {
    "explicitly_reachable": (True, True),
    "implicitly_reachable": (True, False),
    "implicitly_or_explicitly_reachable": (True, None),
    "explicitly_unreachable": (False, True),
    "implicitly_unreachable": (False, False),
    "implicitly_or_explicitly_unreachable": (False, None),
}
"""Status → whether the channel reaches the profile, and whether the profile itself said so."""

STATUS: Final = pl.col("status")


def find_consent_spans(condition: ConsentCondition, account: Account) -> pl.DataFrame:
    """Find the spans in which a profile's consent is as asked, as far as the export tells.

    The consent of a profile changes with events that say so, and at the time of its present status. Before the
    first change it was never given. Of a profile about whose channel the export says nothing, nothing is true.

    Who may receive marketing: by e-mail, whoever is not suppressed and has not unsubscribed, those who never
    subscribed included; by SMS and push, subscribers. Past suppressions that were lifted are not known, and a
    suppression without a date has always been.

    Details such as the method or double opt-in belong to the present status only. What the export does not tell of
    them (a form's id, RCS) is never true.
    """
    records = _read_records(account, IN_JSON[condition.channel], "marketing")
    stays = _find_stays(records, condition.channel, account)
    asked = stays
    if condition.subscription != "any":
        asked = stays.filter(condition.subscription.upper() == STATUS)
    suppressed = _find_suppressed(records, account)
    for each in condition.filters:
        asked = (
            _keep_suppression(asked, records, each, account)
            if each.field in SUPPRESSED
            else _keep(asked, each, account)
        )
    matching = clip(asked.select(list(SPANS)), account.profiles)
    open_to = stays.filter(
        STATUS != "UNSUBSCRIBED" if condition.channel == "email" else STATUS == "SUBSCRIBED",
    )
    reached = clip(open_to.select(list(SPANS)), account.profiles)
    if suppressed.height and reached.height:
        reached = intersect([reached, complement(suppressed, account.profiles)])
    if condition.can_receive_marketing:
        return _both(matching, reached)
    return _both(matching, complement(reached, account.profiles))


def find_permission_spans(condition: PermissionCondition, account: Account) -> pl.DataFrame:
    """Find the profiles whom WhatsApp can reach, or cannot, by their present state.

    Reached *explicitly* are subscribers, *implicitly* all others; unreachable *explicitly* are those who unsubscribed.
    Nothing is true of a profile about whose WhatsApp consent the export says nothing.
    """
    purpose = condition.channel.removeprefix("whatsapp_")
    records = _read_records(account, "whatsapp", purpose)
    reaches, said_so = REACHABLE[condition.reachable_status]
    own_word = ("SUBSCRIBED" if reaches else "UNSUBSCRIBED") == STATUS
    found = records.filter(pl.col("can_receive") == reaches).with_columns(start=pl.lit(LONG_AGO, TIME), end=_far())
    if said_so is not None:
        found = found.filter(own_word == said_so)
    for each in condition.filters:
        found = _keep(found, each, account)
    return clip(found.select(list(SPANS)), account.profiles)


def _far() -> pl.Expr:
    return pl.lit(FAR, TIME)


def _both(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    return intersect([one, other]) if one.height and other.height else no_spans()


def _read_records(account: Account, channel: str, purpose: str) -> pl.DataFrame:
    chosen = account.within.narrow(account.export.profiles).select("profile_id", "consent")
    profiles = number_profiles(chosen, account).collect()
    records = read_consents(profiles["consent"], channel, purpose)
    return records.with_columns(profile=profiles["profile"].gather(records["row"])).filter(STATUS.is_not_null())


def _find_stays(records: pl.DataFrame, channel: str, account: Account) -> pl.DataFrame:
    """The spans of each status: `profile`, `start`, `end`, `status`, and of the present status its details."""
    events = pl.concat(
        find_events(account, metric).rows.select("profile", "time", status=pl.lit(status), is_own=pl.lit(value=False))
        for metric, status in CONSENT_EVENTS[channel].items()
    )
    never = pl.concat([records.select("profile"), events.select("profile")]).unique()
    changes = (
        pl.concat(
            [
                never.with_columns(
                    time=pl.lit(LONG_AGO, TIME), status=pl.lit("NEVER_SUBSCRIBED"), is_own=pl.lit(value=False)
                ),
                events,
                records.with_columns(time=pl.col("changed_at").fill_null(LONG_AGO), is_own=pl.lit(value=True)),
            ],
            how="diagonal",
        )
        .with_columns(pl.col("is_own").fill_null(value=False))
        .sort("profile", "time", "is_own", "status")
    )
    is_same = (STATUS.shift(1) == STATUS) & (pl.col("profile") == pl.col("profile").shift(1))
    following = pl.when(pl.col("profile") == pl.col("profile").shift(-1)).then(pl.col("time").shift(-1))
    return (
        changes.filter(~is_same.fill_null(value=False) | pl.col("is_own"))
        .with_columns(start="time", end=following.fill_null(FAR))
        .filter(pl.col("start") < pl.col("end"))
    )


def _find_suppressed(records: pl.DataFrame, account: Account) -> pl.DataFrame:
    """The spans in which profiles are suppressed: none of whoever is said to be reached now."""
    listed = _list_suppressions(records.filter(pl.col("can_receive").fill_null(value=False).not_()))
    unexplained = records.filter(
        ~pl.col("can_receive"), STATUS != "UNSUBSCRIBED", pl.col("suppressions").list.len() == 0
    ).select("profile", time=pl.lit(LONG_AGO, TIME))
    spans = pl.concat([listed.select("profile", "time"), unexplained]).select("profile", start="time", end=_far())
    return clip(spans, account.profiles)


def _list_suppressions(records: pl.DataFrame) -> pl.DataFrame:
    each = records.select("profile", "suppressions").explode("suppressions").unnest("suppressions")
    said = each.filter(pl.col("reason").is_not_null())
    return said.select("profile", "reason", said_at=parse_time(pl.col("timestamp"))).with_columns(
        time=pl.col("said_at").fill_null(LONG_AGO)
    )


def _keep_suppression(
    stays: pl.DataFrame, records: pl.DataFrame, asked: ConsentFilter, account: Account
) -> pl.DataFrame:
    """What of the stays lies in a suppression of some kind, of which a filter by date or existence is true."""
    of_kind = _list_suppressions(records).filter(pl.col("reason") == SUPPRESSED[asked.field])
    match asked.filter:
        case DateFilter() as timeframe:
            dated = of_kind.with_columns(time="said_at").drop_nulls("time")
            placed = place_dates(dated, timeframe, account).with_columns(start=pl.max_horizontal("start", "time"))
        case _:
            placed = of_kind.with_columns(start="time", end=_far())
    within = clip(placed.select(list(SPANS)), account.profiles)
    return _cut(stays, within)


def _keep(stays: pl.DataFrame, asked: ConsentFilter, account: Account) -> pl.DataFrame:
    """What of the stays satisfies a filter on a detail."""
    match asked:
        case ConsentFilter(field="is_double_opt_in", filter=BooleanFilter(value=value)):
            return stays.filter(pl.col("is_double_opt_in") == value)
        case ConsentFilter(field="custom_source", filter=TextFilter(values=values)):
            return stays.filter(pl.col("custom_method_detail").is_in(list(values)))
        case ConsentFilter(field="method" | "subscribe_method", method=str(method)):
            of_method = stays.filter(pl.col("method") == method)
            if isinstance(asked.filter, TextFilter):
                return of_method.filter(pl.col("method_detail").is_in(list(asked.filter.values)))
            return of_method
        case ConsentFilter(filter=DateFilter() as timeframe):
            return _keep_dated(stays, asked.field, timeframe, account)
        case _:
            return stays.clear()


def _keep_dated(stays: pl.DataFrame, field: str, timeframe: DateFilter, account: Account) -> pl.DataFrame:
    """What of the stays lies where a filter is true of the date of the status, or of its record."""
    said = {
        "status_date": pl.col("start").replace(LONG_AGO, None),
        "effective_date": pl.col("changed_at"),
        "recorded_date": pl.coalesce("created_at", "updated_at"),
    }
    dated = stays.with_columns(time=said.get(field, pl.lit(None, TIME))).drop_nulls("time")
    placed = place_dates(dated.rename({"start": "from", "end": "to"}), timeframe, account)
    return _narrow(placed).select(stays.columns)


def _cut(stays: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """What of the stays lies within spans."""
    cut = stays.rename({"start": "from", "end": "to"}).join(spans, on="profile")
    return _narrow(cut).select(stays.columns)


def _narrow(placed: pl.DataFrame) -> pl.DataFrame:
    """What of the spans `start` to `end` lies between `from` and `to`."""
    start, end = pl.max_horizontal("start", "from"), pl.min_horizontal("end", "to")
    return placed.with_columns(start=start, end=end).filter(pl.col("start") < pl.col("end"))
