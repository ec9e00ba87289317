"""Checks of records: what was rejected or came again, profiles, consent, lists."""

from collections.abc import Iterator
from typing import Final

from klavnb.errors import name_some
from klavnb.formats.contract import BROKEN
from klavnb.quality.checks import UNJUDGED, Check, agree, grade
from klavnb.quality.survey import Survey
from klavnb.wording import format_count, format_share

__all__ = ["check_records"]

REPEATED: Final = "repeated event id"
"""How loading calls an event that is there already."""


def check_records(survey: Survey) -> Iterator[Check]:
    """Check the records of an export besides its events."""
    yield _check_repeated_events(survey)
    yield _check_rejects(survey)
    yield _check_busiest(survey)
    yield _check_profiles(survey)
    yield _check_consent(survey)
    yield _check_groups(survey)


def _check_repeated_events(survey: Survey) -> Check:
    rows = survey.summary.rows_in
    count = sum(count for reason, count in survey.summary.rejected.items() if reason.startswith(REPEATED))
    return Check(
        name="repeated_events",
        level=grade(count, rows, look=survey.limits.look_repeated_events),
        found=f"{count:,} of {format_count(rows, 'row')} ({format_share(count, rows)}) "
        f"{agree(count, rows, 'repeats', 'repeat')} an event id.",
        effect="None on the numbers: each event is kept once." if count else "",
        advice="Exports overlap more than they need to, or one was loaded twice." if count else "",
        count=count,
        of_count=rows,
    )


def _check_rejects(survey: Survey) -> Check:
    rows = survey.summary.rows_in
    reasons = {reason: count for reason, count in survey.summary.rejected.items() if not reason.startswith(REPEATED)}
    count = sum(reasons.values())
    others = {reason: of_reason for reason, of_reason in reasons.items() if not reason.startswith(BROKEN)}
    lost = sum(others.values())
    told = name_some([f"{reason} {of_reason:,}" for reason, of_reason in others.items()])
    rest = (
        f"{format_count(lost, 'row')} of {rows:,} ({format_share(lost, rows)}) could not be used: {told}."
        if lost
        else ""
    )
    broken = survey.broken_files
    if broken:
        files = f"{format_count(len(broken), 'file')} {agree(len(broken), 0, 'is', 'are')} broken or cut short: {name_some(broken)}. "
        effect = "What could not be read there counts nowhere, and how much that was is not known."
        advice = "Copy or export these files again, and load the whole export anew."
    else:
        files = ""
        effect = "What is in these rows counts nowhere." if count else ""
        advice = (
            "klavnb load writes them into the store’s rejects.parquet, each with file, line and reason; mend or export them again."
            if count
            else ""
        )
    return Check(
        name="rejects",
        level="serious" if broken else grade(count, rows, look=0, serious=survey.limits.serious_rejects),
        found=f"{files}{rest}".strip()
        or f"Every one of {format_count(rows, 'row')} could be used, or was there already.",
        effect=effect,
        advice=advice,
        count=count,
        of_count=rows,
        parts=reasons,
    )


def _check_busiest(survey: Survey) -> Check:
    people, limits, total = survey.profiles, survey.limits, survey.count_events
    count, orders = people["busiest_events"], people["busiest_orders"]
    usual = people["median_events"] or 0
    if people["count_active"] <= 1:
        found = "There is only one profile, so there is none to compare it with."
        return Check(name="busy_profile", level=UNJUDGED, found=found, count=count, of_count=total)
    is_busy = count >= limits.busy_profile * total and count >= limits.busy_times * usual
    found = f"The busiest profile has {format_count(count, 'event')}, {format_share(count, total)} of all"
    if not is_busy:
        return Check(name="busy_profile", level="good", found=f"{found}.", count=count, of_count=total)
    return Check(
        name="busy_profile",
        level=grade(count, total, look=0, serious=limits.serious_share),
        found=f"{found}, and {format_count(orders, 'order')}; half of the profiles have {usual:,.0f} or fewer.",
        effect="It is hardly one person: a test account, or an address that many orders share. Its orders and touches count.",
        advice="Its id is in the answer of klavnb check --json; look at it in Klaviyo, and leave it out of the next export.",
        count=count,
        of_count=total,
        parts={str(people["busiest"]): count},
    )


def _check_profiles(survey: Survey) -> Check:
    people, limits = survey.profiles, survey.limits
    missing, active, idle = people["count_recordless"], people["count_active"], people["count_idle"]
    return Check(
        name="profile_records",
        level="look" if grade(missing, active, look=limits.look_share) != "good" else "good",
        found=f"{missing:,} of {format_count(active, 'profile')} with events ({format_share(missing, active)}) "
        f"{agree(missing, active, 'has', 'have')} no record; {format_count(idle, 'record')} without events.",
        effect="Attribution does not mind. Conditions of segments on properties do not find them, and an audience has no address "
        "for them."
        if missing
        else "",
        advice="Put the answers of /api/profiles, or a profile CSV of Klaviyo's, beside the events." if missing else "",
        count=missing,
        of_count=active,
        parts={"with events": active, "with a record": people["count_profiles"], "without events": idle},
    )


def _check_consent(survey: Survey) -> Check:
    count, total = survey.profiles["count_consent"], survey.profiles["count_profiles"]
    return Check(
        name="consent",
        level="good" if count else "look",
        found=f"{count:,} of {format_count(total, 'profile record')} ({format_share(count, total)}) "
        f"{agree(count, total, 'says', 'say')} who may be sent what."
        if count
        else "The export does not say who may be sent what.",
        effect=""
        if count
        else "Conditions on consent cannot be judged, and an audience that asks for consent is empty.",
        advice="" if count else "Export profiles with additional-fields[profile]=subscriptions.",
        count=count,
        of_count=total,
    )


def _check_groups(survey: Survey) -> Check:
    groups, members = survey.groups["count_groups"], survey.groups["count_members"]
    return Check(
        name="groups",
        level="good" if groups else UNJUDGED,
        found=f"The members of {format_count(groups, 'list or segment', 'lists and segments')} of Klaviyo’s are there: {members:,}."
        if groups
        else "There are no members of Klaviyo’s lists or segments.",
        effect="" if groups else "Only segments that ask for a list mind: they cannot be judged.",
        advice="" if groups else "Where one does, put the answers of /api/lists/…/profiles beside the events.",
        count=members,
        of_count=0,
    )
