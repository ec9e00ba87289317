"""Checks of messages: metrics, receipts, opens and clicks that no person made, what Klaviyo itself recorded."""

from collections.abc import Iterator
from typing import Final

import polars as pl

from klavnb.channels import CHANNEL_WORDS
from klavnb.errors import name_some
from klavnb.metrics import RENAMED_METRICS
from klavnb.quality.checks import NO_ORDERS, UNJUDGED, Check, Level, agree, grade
from klavnb.quality.survey import Survey
from klavnb.wording import format_count, format_share

__all__ = ["check_messages"]

KNOWN: Final = (
    "Bounced Email",
    "Dropped Email",
    "Marked Email as Spam",
    "Subscribed to Email Marketing",
    "Unsubscribed",
    "Unsubscribed from List",
    "Failed to Deliver SMS",
    "Sent SMS",
    "Bounced Push",
    "Refunded Order",
    "Cancelled Order",
)
"""Klaviyo’s own metrics that klavnb knows, though they are neither receipts nor touches."""

TOUCH_LIKE: Final = r"(?i)\b(?:open|click|receiv)"
"""How the names of receipts and touches begin in English."""


def check_messages(survey: Survey) -> Iterator[Check]:
    """Check what attribution needs of messages."""
    yield _check_metrics(survey)
    yield _check_unknown_metrics(survey)
    yield _check_receipts(survey)
    yield _check_messageless(survey)
    yield _check_flag(
        survey,
        name="machine_opens",
        flag="is_machine_open",
        kind="open",
        look=survey.limits.look_machine_opens,
        whom="a machine, such as Apple Mail Privacy Protection",
        is_excluded=survey.settings.exclude_machine_opens,
    )
    yield _check_flag(
        survey,
        name="bot_clicks",
        flag="is_bot_click",
        kind="click",
        look=survey.limits.look_share,
        whom="a bot",
        is_excluded=survey.settings.exclude_bot_clicks,
    )
    yield _check_recorded(survey)
    yield _check_names(survey)


def _check_metrics(survey: Survey) -> Check:
    roles = set(survey.metrics["role"].drop_nulls())
    touched = {role.partition(".")[0] for role in roles & survey.settings.windows.keys()}
    missing: dict[str, Level] = {}
    if survey.conversion not in survey.metrics["metric"]:
        missing[f"no events of the conversion metric {survey.conversion}: nothing can be attributed"] = "serious"
    if not touched:
        missing["no opens or clicks that could earn an order: nothing can be attributed"] = "serious"
    for channel in sorted(touched - {"session", "push"}):
        if survey.settings.anchor == "received" and f"{channel}.received" not in roles:
            word = CHANNEL_WORDS[channel]
            missing[f"no Received events of {word}: its windows run from the send time or the touch"] = "look"
    if "email.open" in roles and "email.click" not in roles:
        missing["no clicks of e-mails: only opens can earn an order"] = "look"
    messages = touched - {"session"}
    if len(messages) == 1:
        word = CHANNEL_WORDS[next(iter(messages))]
        missing[f"touches of {word} alone: with one channel the two models cannot differ"] = "look"
    if not missing:
        return Check(name="metrics", level="good", found="Every metric that attribution needs is there.")
    return Check(
        name="metrics",
        level="serious" if "serious" in missing.values() else "look",
        found=f"There are {'; '.join(missing)}.",
        effect="What is not in the export cannot be counted or credited.",
        advice="Export these metrics too; if the account uses other names, give them in a settings file, under [metrics].",
        count=len(missing),
    )


def _check_unknown_metrics(survey: Survey) -> Check:
    known = [survey.conversion, *KNOWN, *RENAMED_METRICS.values()]
    unknown = survey.metrics.filter(pl.col("role").is_null(), ~pl.col("metric").is_in(known))
    count = int(unknown["count_events"].sum())
    alike = unknown.filter(
        pl.col("metric").str.contains(TOUCH_LIKE) | (pl.col("count_messageless") < pl.col("count_events"))
    )["metric"].to_list()
    total = survey.count_events
    found = (
        f"klavnb does not know what {format_count(unknown.height, 'metric')} {'stands' if unknown.height == 1 else 'stand'} for, with {format_count(count, 'event')} "
        f"({format_share(count, total)}): {name_some(unknown['metric'].to_list())}."
        if unknown.height
        else "klavnb knows every metric of the export."
    )
    return Check(
        name="unknown_metrics",
        level="look" if alike else "good",
        found=f"{found} These look like touches or receipts: {name_some(alike)}." if alike else found,
        effect="If they are, orders after them are credited to other messages or to none. Segments can ask for any metric."
        if alike
        else "",
        advice='Say what they are in a settings file, such as "Opened Web Push" = "push.open" under [metrics].'
        if alike
        else "",
        count=count,
        of_count=total,
        parts=dict(unknown.select("metric", "count_events").iter_rows()),
    )


def _check_receipts(survey: Survey) -> Check:
    touches, none = (int(survey.receipts[name].sum()) for name in ("count_touches", "touch"))
    by_event = int(survey.receipts["received_event"].sum())
    limits, from_receipt = survey.limits, survey.settings.anchor == "received"
    level = grade(none, touches, look=limits.look_share, serious=limits.serious_receipts) if from_receipt else "good"
    if not touches:
        return Check(name="receipts", level=UNJUDGED, found="There are no touches whose window runs from a receipt.")
    return Check(
        name="receipts",
        level=level,
        found=f"{format_share(by_event, touches)} of {format_count(touches, 'touch', 'touches')} have their Received event, "
        f"{format_share(touches - by_event - none, touches)} a time of sending, {format_share(none, touches)} ({none:,}) neither.",
        effect=""
        if not none
        else "The window of a touch without either runs from the touch itself, which is later, so it earns more."
        if from_receipt
        else "None with these settings: windows run from the touch.",
        advice="Export the Received metrics, from before the first touch on." if level != "good" else "",
        count=none,
        of_count=touches,
        parts={
            f"{row['channel']}.{row['kind']}": row["touch"]
            for row in survey.receipts.select("channel", "kind", "touch").to_dicts()
        },
    )


def _check_messageless(survey: Survey) -> Check:
    is_touch = pl.col("role").is_in([role for role in survey.settings.windows if not role.startswith("session.")])
    touches = survey.metrics.filter(is_touch)
    count, total = int(touches["count_messageless"].sum()), int(touches["count_events"].sum())
    limits = survey.limits
    if not total:
        return Check(name="messageless", level=UNJUDGED, found="There are no opens or clicks of messages.")
    return Check(
        name="messageless",
        level=grade(count, total, look=limits.look_share, serious=limits.serious_share),
        found=f"{count:,} of {format_count(total, 'open or click', 'opens and clicks')} ({format_share(count, total)}) "
        f"{agree(count, total, 'names', 'name')} no message.",
        effect="They can earn nothing, as it is not known what would be credited." if count else "",
        advice="Export with the property $message, or the table that names it." if count else "",
        count=count,
        of_count=total,
        parts=dict(touches.select("metric", "count_messageless").iter_rows()),
    )


def _check_flag(survey: Survey, *, name: str, flag: str, kind: str, look: float, whom: str, is_excluded: bool) -> Check:
    """Check opens or clicks that no person made."""
    # pushes and visits are not fetched by mail programs, and Klaviyo says nothing of them
    roles = [f"email.{kind}"] if kind == "open" else ["email.click", "sms.click"]
    found = survey.metrics.filter(pl.col("role").is_in(roles))
    total, known, unknown = (
        int(found[column].sum()) for column in ("count_events", f"{flag}_known", f"{flag}_unknown")
    )
    what = f"{kind}s of e-mails" if kind == "open" else "clicks of e-mails and SMS"
    if not total:
        return Check(name=name, level=UNJUDGED, found=f"There are no {what}.")
    level = max(
        "good" if is_excluded else grade(known, total, look=look),
        grade(unknown, total, look=survey.limits.look_unknown),
        key=("good", "look").index,
    )
    of_known = f", and {format_share(unknown, total)} may be: the export does not say" if unknown else ""
    if is_excluded:
        effect = "Known ones are left out, by these settings." if known else ""
    else:
        effect = "They count like a person’s, by these settings, so messages are credited that perhaps nobody has read."
    return Check(
        name=name,
        level=level,
        found=f"{format_share(known, total)} of {total:,} {what} are known to be made by {whom}{of_known}.",
        effect=effect if known + unknown else "",
        advice=f"Look at the figures with and without them: exclude_{name}." if level != "good" else "",
        count=known,
        of_count=total,
        parts={"known": known, "unknown": unknown},
    )


def _check_recorded(survey: Survey) -> Check:
    counts = survey.recorded
    orders, known, credited = counts["count_orders"], counts["known"], counts["credited"]
    if not orders:
        return Check(name="recorded_attribution", level=UNJUDGED, found=NO_ORDERS)
    if not known:
        return Check(
            name="recorded_attribution",
            level="look",
            found="The export does not say what Klaviyo itself credited.",
            effect="Nothing can be compared with Klaviyo’s own figures.",
            advice="Export with include=attributions, and load events and attributions together, in one load.",
            of_count=orders,
        )
    dangling = counts["dangling"]
    outside = (
        f" {format_count(dangling, 'credited event')} {'is' if dangling == 1 else 'are'} not in the export."
        if dangling
        else ""
    )
    of_orders = "all" if known == orders else f"{known:,} of"
    share = "" if known == orders else f" ({format_share(known, orders)})"
    return Check(
        name="recorded_attribution",
        level="look" if grade(orders - known, orders, look=survey.limits.look_share) != "good" else "good",
        found=f"The export says what Klaviyo credited for {of_orders} {format_count(orders, 'order')}{share}: it credited "
        f"{credited:,}.{outside}",
        effect="Only these can be compared with Klaviyo’s own figures." if known < orders else "",
        advice="Export all orders with include=attributions." if known < orders else "",
        count=known,
        of_count=orders,
        parts={"known": known, "credited": credited, "outside the export": dangling},
    )


def _check_names(survey: Survey) -> Check:
    nameless, total = survey.messages["count_nameless"], survey.messages["count_messages"]
    if not total:
        return Check(name="message_names", level=UNJUDGED, found="There are no messages.")
    return Check(
        name="message_names",
        level=grade(nameless, total, look=survey.limits.look_share),
        found=f"{nameless:,} of {format_count(total, 'message')} ({format_share(nameless, total)}) "
        f"{agree(nameless, total, 'has', 'have')} no name.",
        effect=f"No number is wrong; reports show {agree(nameless, total, 'it by its id', 'these messages by their ids')}."
        if nameless
        else "",
        advice="Put the answers of /api/campaigns and /api/flows beside the events." if nameless else "",
        count=nameless,
        of_count=total,
    )
