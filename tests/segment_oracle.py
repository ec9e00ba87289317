# ruff: noqa: C901, PLR0911, PLR0912 - a rule is one list of cases, plainest in one place
"""Segments a second time: one definition, one profile, one moment, in plain Python, from Klaviyo's own description.

It shares nothing with klavnb but the definitions' types and the names of countries: it looks from the moment back at
the events, where klavnb looks from each event ahead at the moments. As slow as it is plain. Rows are dicts with
the columns of `klavnb.schemas`.
"""

import json
import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Self
from zoneinfo import ZoneInfo

from klavnb.definitions.conditions import (
    BooleanFilter,
    Condition,
    ConsentCondition,
    ConsentFilter,
    DateFilter,
    Definition,
    ExistenceFilter,
    Filter,
    FunnelCondition,
    FunnelStep,
    Group,
    GroupMembershipCondition,
    ListFilter,
    MetricCondition,
    NumericFilter,
    PermissionCondition,
    PredictionCondition,
    PropertyCondition,
    PropertyFilter,
    RegionCondition,
    SegmentCondition,
    TextFilter,
)
from klavnb.segments import UTC_CALENDAR, Calendar
from klavnb.segments.countries import REGIONS

Row = Mapping[str, Any]

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
COMPARE = {
    "equals": operator.eq,
    "not-equals": operator.ne,
    "greater-than": operator.gt,
    "greater-than-or-equal": operator.ge,
    "less-than": operator.lt,
    "less-than-or-equal": operator.le,
}
NUMBER = re.compile(r"\s*-?[0-9]+(\.[0-9]+)?\s*")
ABSENT = object()


@dataclass(frozen=True)
class Person:
    """All that is known of one profile; `profile` is None for one that appears in events only."""

    profile: Row | None
    events: Sequence[Row]
    groups: Sequence[Row] = ()
    exported_groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The groups of which the export names any members, each with its names."""


@dataclass(frozen=True)
class Question:
    """A moment, and whose days and names are meant."""

    moment: datetime
    calendar: Calendar = UTC_CALENDAR
    definitions: Sequence[Definition] = ()
    metric_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def today(self) -> date:
        return self.day_of(self.moment)

    def day_of(self, time: datetime) -> date:
        return time.astimezone(ZoneInfo(self.calendar.time_zone)).date()

    def midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.calendar.time_zone)).astimezone(UTC)


def is_member(definition: Definition, person: Person, question: Question) -> bool:
    return is_known(person, question) and holds_group(definition.root, person, question)


def is_known(person: Person, question: Question) -> bool:
    created = person.profile["created_at"] if person.profile else None
    times = [event["occurred_at"] for event in person.events] + ([created] if created else [])
    return not times or min(times) <= question.moment


def holds_group(group: Group, person: Person, question: Question) -> bool:
    answers = [
        holds_group(part, person, question) if isinstance(part, Group) else holds(part, person, question)
        for part in group.parts
    ]
    return {"all": all(answers), "any": any(answers), "none": not any(answers)}[group.match]


def holds(condition: Condition, person: Person, question: Question) -> bool:
    match condition:
        case MetricCondition():
            return measures_up(condition, person, question)
        case FunnelCondition():
            return went_through(condition, person, question)
        case PropertyCondition(property=name, filter=asked):
            return satisfies(read_property(name, person), asked, question)
        case RegionCondition(in_region=in_region, region=region):
            country = read_property("location['country']", person)
            if not isinstance(country, str) or not country:
                return False
            return (country.strip().lower() in REGIONS[region]) == in_region
        case PredictionCondition():
            return holds_prediction(condition, person, question)
        case GroupMembershipCondition():
            return is_in_groups(condition, person, question)
        case ConsentCondition():
            return has_consent(condition, person, question)
        case PermissionCondition():
            return has_permission(condition, person, question)
        case SegmentCondition(segment=name, is_member=wanted):
            (definition,) = (each for each in question.definitions if each.name == name)
            return is_member(definition, person, question) == wanted


# Dates


def lies_in(time: datetime, asked: DateFilter, question: Question) -> bool:
    now, today = question.moment, question.today
    hours = asked.unit == "hour"
    days = DAY * (7 if asked.unit == "week" else 1)
    match asked.operator:
        case "alltime":
            return True
        case "before":
            return time < question.midnight(asked.start_on)
        case "after":
            return time >= question.midnight(asked.start_on + DAY)
        case "between-static":
            return question.midnight(asked.start_on) <= time < question.midnight(asked.end_on + DAY)
        case "calendar-month":
            return question.day_of(time).month == asked.month
        case "anniversary-month":
            return question.day_of(time).month == today.month
        case "anniversary":
            return today == anniversary(question.day_of(time), today.year, question.calendar)
        case "in-the-last" if hours:
            return now - asked.quantity * HOUR <= time <= now
        case "at-least" if hours:
            return time < now - asked.quantity * HOUR
        case "in-the-next" if hours:
            return now <= time <= now + asked.quantity * HOUR
        case "between" if hours:
            return now - asked.farthest * HOUR <= time <= now - asked.nearest * HOUR
        case "in-the-last":
            return question.midnight(today - asked.quantity * days) <= time <= now
        case "at-least":
            return time < question.midnight(today - asked.quantity * days)
        case "in-the-next":
            return now <= time < question.midnight(today + asked.quantity * days + DAY)
        case "between":
            begins = question.midnight(today - asked.farthest * days)
            return begins <= time < question.midnight(today - asked.nearest * days + DAY)
        case "anniversary-last":
            begins = now - asked.quantity * HOUR if hours else question.midnight(today - asked.quantity * days)
            return any(begins <= each <= now for each in list_anniversaries(time, asked, question))
        case "anniversary-next":
            if hours:
                return any(
                    now < each <= now + asked.quantity * HOUR for each in list_anniversaries(time, asked, question)
                )
            ends = question.midnight(today + asked.quantity * days + DAY)
            return any(now < each < ends for each in list_anniversaries(time, asked, question))


def anniversary(day: date, year: int, calendar: Calendar) -> date | None:
    try:
        return day.replace(year=year)
    except ValueError:
        return {"28 February": date(year, 2, 28), "1 March": date(year, 3, 1), "never": None}[calendar.leap_day]


def list_anniversaries(time: datetime, asked: DateFilter, question: Question) -> list[datetime]:
    around = asked.quantity * 7 // 365 + 2
    day = question.day_of(time)
    years = range(question.today.year - around, question.today.year + around + 1)
    found = [anniversary(day, year, question.calendar) for year in years]
    return [question.midnight(each) for each in found if each]


# Events


def name_metric(metric: str, question: Question) -> str:
    return question.metric_names.get(metric, metric)


def find_events(
    metric: str, filters: Sequence[PropertyFilter], person: Person, question: Question
) -> list[tuple[Row, list[Any]]]:
    """The events so far of a metric that satisfy the filters, each with the items that do, list by list."""
    found = []
    for event in person.events:
        if event["metric"] == name_metric(metric, question) and event["occurred_at"] <= question.moment:
            items = match_event(event, filters, question)
            if items is not None:
                found.append((event, items))
    return found


def match_event(event: Row, filters: Sequence[PropertyFilter], question: Question) -> dict[str, list[Any]] | None:
    properties = read_json(event["properties"])
    for each in filters:
        if each.path == "$value":
            if not satisfies(ABSENT if event["value"] is None else event["value"], each.filter, question):
                return None
        elif "[*]" not in each.path and not satisfies(properties.get(each.path, ABSENT), each.filter, question):
            return None
    matching = {}
    for name in {each.path.split("[*].")[0] for each in filters if "[*]" in each.path}:
        items = properties.get(name)
        about = [each for each in filters if each.path.startswith(f"{name}[*].")]
        matching[name] = [
            item
            for item in (items if isinstance(items, list) else [])
            if item is not None
            and all(
                satisfies(
                    item.get(each.path.split("[*].")[1], ABSENT) if isinstance(item, dict) else ABSENT,
                    each.filter,
                    question,
                )
                for each in about
            )
        ]
        if not matching[name]:
            return None
    return matching


def list_numbers(event: Row, items: Mapping[str, list[Any]], path: str) -> list[float]:
    if path == "$value":
        return [] if event["value"] is None else [event["value"]]
    properties = read_json(event["properties"])
    if "[*]" not in path:
        found = [properties.get(path)]
    else:
        name, inner = path.split("[*].")
        every = properties.get(name)
        candidates = items.get(name, every if isinstance(every, list) else [])
        found = [item.get(inner) for item in candidates if isinstance(item, dict)]
    return [number for number in map(to_number, found) if number is not None]


def measures_up(condition: MetricCondition, person: Person, question: Question) -> bool:
    found = [
        (event, items)
        for event, items in find_events(condition.metric, condition.metric_filters, person, question)
        if lies_in(event["occurred_at"], condition.timeframe, question)
    ]
    found.sort(key=lambda pair: (pair[0]["occurred_at"], pair[0]["event_id"]))
    asked = condition.measurement_filter
    compare = COMPARE[asked.operator]
    if condition.measurement == "count":
        return compare(len(found), asked.value)
    numbers = [number for event, items in found for number in list_numbers(event, items, condition.measured)]
    exact = [Decimal(repr(number)).quantize(Decimal("1e-4")) for number in numbers]
    if condition.measurement == "sum":
        return compare(sum(exact, Decimal(0)), Decimal(repr(asked.value)))
    if not numbers:
        return False
    match condition.measurement:
        case "max":
            return compare(max(numbers), asked.value)
        case "min":
            return compare(min(numbers), asked.value)
        case "last":
            return compare(numbers[-1], asked.value)
        case _:
            average = sum(map(Fraction, exact)) / len(exact)
            return compare(average, Fraction(Decimal(repr(asked.value))))


def went_through(condition: FunnelCondition, person: Person, question: Question) -> bool:
    hours = condition.completion_window_hours

    def go_on(steps: Sequence[FunnelStep], since: datetime, closes: datetime | None, barred: list[datetime]) -> bool:
        """Whether the steps left can follow: `barred` are the events that must not come before the next step."""
        if not steps:
            return not any(since < time and (closes is None or time <= closes) for time in barred)
        step, *rest = steps
        times = list_times(step, person, question)
        if not step.metric_exists:
            return go_on(rest, since, closes, barred + times)
        return any(
            go_on(rest, time, closes, [])
            for time in times
            if since < time and (closes is None or time <= closes) and not any(since < bar < time for bar in barred)
        )

    first, *further = condition.steps
    return any(
        go_on(further, time, None if hours is None else time + hours * HOUR, [])
        for time in list_times(first, person, question)
        if lies_in(time, condition.timeframe, question)
    )


def list_times(step: FunnelStep, person: Person, question: Question) -> list[datetime]:
    return [event["occurred_at"] for event, _ in find_events(step.metric, step.metric_filters, person, question)]


# Values


def read_json(text: str | None) -> dict[str, Any]:
    try:
        document = json.loads(text or "{}", parse_float=Written, parse_int=Written)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


class Written(float):
    """A number that remembers how it is written."""

    text: str

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number


def to_number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    return float(value) if isinstance(value, str) and NUMBER.fullmatch(value) else None


def to_text(value: object) -> str | None:
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case Written():
            return value.text
        case _:
            return None


def satisfies(value: object, asked: Filter, question: Question) -> bool:
    """Whether a filter is true of a value; `ABSENT`, null and empty text are unset."""
    is_set = value is not ABSENT and value is not None and value != ""
    if isinstance(asked, ExistenceFilter):
        return is_set == asked.is_set
    if not is_set:
        return False
    match asked:
        case NumericFilter():
            number = to_number(value)
            return number is not None and COMPARE[asked.operator](number, asked.value)
        case BooleanFilter():
            known = {"true": True, "false": False}
            return (
                isinstance(value, bool | str)
                and known.get(str(value).strip().lower()) is not None
                and known[str(value).strip().lower()] == asked.value
            )
        case TextFilter():
            text = to_text(value)
            return text is not None and satisfies_text(text, asked)
        case ListFilter():
            return isinstance(value, list) and satisfies_list(value, asked)
        case DateFilter():
            time = value if isinstance(value, datetime) else to_time(to_text(value), question)
            return time is not None and lies_in(time, asked, question)


def satisfies_text(text: str, asked: TextFilter) -> bool:
    value = asked.values[0]
    answers = {
        "equals": text == value,
        "contains": value in text,
        "starts-with": text.startswith(value),
        "ends-with": text.endswith(value),
        "in": text in asked.values,
    }
    match asked.operator:
        case "regex":
            return bool(re.search(value, text))
        case "nregex":
            return not re.search(value, text)
        case positive if positive in answers:
            return answers[positive]
        case negative:
            return not answers[negative.removeprefix("not-")]


def satisfies_list(elements: list[Any], asked: ListFilter) -> bool:
    texts = [to_text(element) for element in elements if element is not None]
    if asked.operator.startswith("length-"):
        return COMPARE[asked.operator.removeprefix("length-")](len(texts), asked.values[0])
    wanted = [str(value) for value in asked.values]
    answers = {
        "contains": wanted[0] in texts,
        "contains-any": any(value in texts for value in wanted),
        "contains-all": all(value in texts for value in wanted),
        "contains-substring": any(wanted[0] in text for text in texts),
    }
    positive = asked.operator.removeprefix("not-")
    return answers[positive] if positive == asked.operator else not answers[positive]


def to_time(text: str | None, question: Question) -> datetime | None:
    if text is None:
        return None
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return question.midnight(date.fromisoformat(text))
        if not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]", text):
            return None
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


# What profiles are


def read_property(name: str, person: Person) -> object:
    if person.profile is None:
        return ABSENT
    quoted = re.fullmatch(r"(properties|location)\['(.*)'\]", name)
    if quoted:
        return read_json(person.profile[quoted[1]]).get(quoted[2], ABSENT)
    column = {"created": "created_at", "updated": "updated_at", "last_event_date": "last_event_at"}.get(name, name)
    value = person.profile[column]
    return ABSENT if value is None else value


def holds_prediction(condition: PredictionCondition, person: Person, question: Question) -> bool:
    recomputed = {"historic_clv": "sum", "historic_number_of_orders": "count", "average_order_value": "average"}
    if condition.dimension in recomputed:
        orders = MetricCondition(
            metric="Placed Order",
            measurement=recomputed[condition.dimension],
            measurement_filter=condition.filter,
            timeframe=DateFilter(operator="alltime"),
        )
        return measures_up(orders, person, question)
    predictions = read_json(person.profile["predictions"]) if person.profile else {}
    if condition.dimension == "channel_affinity":
        ranked = predictions.get("ranked_channel_affinity") or []
        if condition.measurement != "priority" or condition.predicted_channel not in ranked:
            return False
        return ranked.index(condition.predicted_channel) + 1 == condition.filter.value
    name = condition.dimension.replace("next_purchase", "next_order")
    return satisfies(predictions.get(name, ABSENT), condition.filter, question)


def is_in_groups(condition: GroupMembershipCondition, person: Person, question: Question) -> bool:
    joined = [time for group in condition.group_ids for time in find_joins(group, person, question)]
    if condition.timeframe is not None:
        joined = [time for time in joined if time is not None and lies_in(time, condition.timeframe, question)]
    return bool(joined) == condition.is_member


def find_joins(group: str, person: Person, question: Question) -> list[datetime | None]:
    """When the stays began that last at the moment; None: nobody knows."""
    own = [each for each in question.definitions if each.id == group]
    if own:
        return [None] if is_member(own[0], person, question) else []
    rows = [row for row in person.groups if row["group_id"] == group]
    names = {group, *person.exported_groups.get(group, ())}
    told = sorted(
        (event["occurred_at"], event["metric"] == "Unsubscribed from List")
        for event in person.events
        if event["metric"] in {"Subscribed to List", "Unsubscribed from List"}
        and read_json(event["properties"]).get("List") in names
    )
    stays: list[tuple[datetime, datetime | None]] = []
    for time, leaves in told:
        is_in = bool(stays) and stays[-1][1] is None
        if leaves and is_in:
            stays[-1] = (stays[-1][0], time)
        elif not leaves and not is_in:
            stays.append((time, None))
    if group in person.exported_groups and not rows:
        stays = [stay for stay in stays if stay[1] is not None]
    is_told = bool(stays) and stays[-1][1] is None
    joins: list[datetime | None] = [
        began for began, ended in stays if began <= question.moment and (ended is None or question.moment < ended)
    ]
    for row in rows:
        if row["joined_at"] is not None and row["joined_at"] <= question.moment:
            joins.append(row["joined_at"])
        if row["joined_at"] is None and not is_told:
            joins.append(None)
    return joins


# Consent


def read_consent(person: Person, channel: str, purpose: str) -> dict[str, Any] | None:
    consent = read_json(person.profile["consent"]) if person.profile else {}
    return (consent.get(channel) or {}).get(purpose)


def has_consent(condition: ConsentCondition, person: Person, question: Question) -> bool:
    in_json = {"email": "email", "sms": "sms", "push": "mobile_push"}[condition.channel]
    record = read_consent(person, in_json, "marketing")
    metrics = {
        "email": {"Subscribed to Email Marketing": "SUBSCRIBED", "Unsubscribed": "UNSUBSCRIBED"},
        "sms": {
            "Subscribed to SMS Marketing": "SUBSCRIBED",
            "Unsubscribed from SMS Marketing": "UNSUBSCRIBED",
        },
        "push": {},
    }[condition.channel]
    changes = [
        (event["occurred_at"], 0, metrics[event["metric"]]) for event in person.events if event["metric"] in metrics
    ]
    if record is None and not changes:
        return False
    if record is not None:
        at = to_time(record.get("consent_timestamp"), question)
        changes.append((at or datetime.min.replace(tzinfo=UTC), 1, record["consent"]))
    status, is_own, since = "NEVER_SUBSCRIBED", False, None
    for time, own, changed in sorted(changes):
        if time <= question.moment and (changed != status or own):
            status, is_own, since = changed, bool(own), time
    suppressions = (record or {}).get("suppression") or []
    flag = next((value for key, value in (record or {}).items() if key.startswith("can_receive")), None)
    in_effect = [
        each
        for each in suppressions
        if each["timestamp"] is None or to_time(each["timestamp"], question) <= question.moment
    ]
    suppressed = flag is not True and bool(in_effect)
    if flag is False and record["consent"] != "UNSUBSCRIBED" and not suppressions:
        suppressed = True
    allowed = status != "UNSUBSCRIBED" if condition.channel == "email" else status == "SUBSCRIBED"
    if (allowed and not suppressed) != condition.can_receive_marketing:
        return False
    if condition.subscription not in {"any", status.lower()}:
        return False
    own_record = record if is_own else {}
    return all(has_detail(each, own_record, since, in_effect, question) for each in condition.filters)


def has_detail(
    asked: ConsentFilter, record: Row, since: datetime | None, suppressions: list[Row], question: Question
) -> bool:
    reasons = {
        "bounce_date": "HARD_BOUNCE",
        "manual_suppression_date": "USER_SUPPRESSED",
        "invalid_email_date": "INVALID_EMAIL",
    }
    match asked.field:
        case "is_double_opt_in":
            return record.get("double_optin") is asked.filter.value
        case "custom_source":
            return record.get("custom_method_detail") in asked.filter.values
        case "method" | "subscribe_method":
            if (record.get("method") or "").lower() != asked.method:
                return False
            return asked.filter is None or record.get("method_detail") in asked.filter.values
        case "status_date":
            return since is not None and since.year > 1 and lies_in(since, asked.filter, question)
        case "effective_date":
            time = to_time(record.get("consent_timestamp"), question)
            return time is not None and lies_in(time, asked.filter, question)
        case "recorded_date":
            time = to_time(record.get("created_timestamp") or record.get("last_updated"), question)
            return time is not None and lies_in(time, asked.filter, question)
        case name if name in reasons:
            of_kind = [each for each in suppressions if each["reason"] == reasons[name]]
            if isinstance(asked.filter, ExistenceFilter):
                return bool(of_kind)
            times = [to_time(each["timestamp"], question) for each in of_kind]
            return any(time is not None and lies_in(time, asked.filter, question) for time in times)
        case _:
            return False


def has_permission(condition: PermissionCondition, person: Person, question: Question) -> bool:
    record = read_consent(person, "whatsapp", condition.channel.removeprefix("whatsapp_"))
    if record is None:
        return False
    reachable, status = record["can_receive"], record["consent"]
    answers = {
        "explicitly_reachable": reachable and status == "SUBSCRIBED",
        "implicitly_reachable": reachable and status != "SUBSCRIBED",
        "implicitly_or_explicitly_reachable": reachable,
        "explicitly_unreachable": not reachable and status == "UNSUBSCRIBED",
        "implicitly_unreachable": not reachable and status != "UNSUBSCRIBED",
        "implicitly_or_explicitly_unreachable": not reachable,
    }
    return answers[condition.reachable_status] and all(
        has_detail(each, record, None, [], question) for each in condition.filters
    )
