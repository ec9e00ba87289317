"""Any definition that can be read from JSON, for property tests."""

from typing import get_args

from hypothesis import strategies as st

from klavnb.definitions import (
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
from klavnb.definitions.conditions import Measurement
from klavnb.definitions.consents import CONSENTS, FIELDS, REACHABLE, Details
from klavnb.definitions.filters import (
    DATES,
    EVENT_FILTERS,
    FUNNEL_TIMES,
    JOIN_TIMES,
    LENGTHS,
    MANY_TEXTS,
    METRIC_TIMES,
    NUMBERS,
    PATTERNS,
    PROPERTY_FILTERS,
    SETS,
    Place,
)
from klavnb.definitions.on_events import COMPLETION_HOURS
from klavnb.definitions.on_profiles import AFFINITY_CHANNELS, FIGURES, GENDERS, RANKS, REGIONS

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
WORDS = ANY_TEXT.filter(str.strip)
METRICS = st.sampled_from(["Placed Order", "Opened Email", "Viewed Product", "PLCORD"]) | WORDS
PATHS = st.sampled_from(["$value", "ProductName", "Items[*].Size", "Items[*].Quantity", "a.b", "[*]"]) | WORDS
PROPERTIES = st.sampled_from(["email", "first_name", "location['city']"]) | WORDS.map("properties['{}']".format)
NUMBER = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-1000, 1000).map(float)
QUANTITIES = st.integers(0, 400)
PATTERN = st.sampled_from(["^a", r"\d+$", "(small|medium)", "."])


def definitions(*, max_leaves: int = 8) -> st.SearchStrategy[Definition]:
    """Definitions in the shape in which they are read: all of groups, each any of its parts, and exclusions."""
    parts = st.lists(groups(max_leaves=max_leaves), min_size=1, max_size=3).map(tuple)
    any_of = st.lists(parts.map(lambda some: Group(match="any", parts=some)), min_size=1, max_size=3)
    exclusions = st.none() | parts.map(lambda some: Group(match="none", parts=some))
    roots = st.builds(
        lambda some, none: Group(match="all", parts=(*some, *([] if none is None else [none]))), any_of, exclusions
    )
    return st.builds(Definition, name=WORDS, root=roots, id=st.none() | WORDS)


def groups(*, max_leaves: int = 8) -> st.SearchStrategy[Condition | Group]:
    """A condition, or groups of conditions in one another."""
    return st.recursive(
        conditions(),
        lambda inner: st.builds(
            Group,
            match=st.sampled_from(["all", "any", "none"]),
            parts=st.lists(inner, min_size=1, max_size=3).map(tuple),
        ),
        max_leaves=max_leaves,
    )


def conditions() -> st.SearchStrategy[Condition]:
    """Any condition."""
    metric_filters = st.lists(st.builds(PropertyFilter, path=PATHS, filter=filters(EVENT_FILTERS)), max_size=3).map(
        tuple
    )
    first = st.builds(FunnelStep, metric=METRICS, metric_exists=st.just(value=True), metric_filters=metric_filters)
    step = st.builds(FunnelStep, metric=METRICS, metric_exists=st.booleans(), metric_filters=metric_filters)
    measured = st.sampled_from([name for name in get_args(Measurement) if name != "count"])
    common = {
        "metric": METRICS,
        "measurement_filter": filters(NUMBERS),
        "timeframe": filters(METRIC_TIMES),
        "metric_filters": metric_filters,
    }
    return st.one_of(
        st.builds(MetricCondition, measurement=st.just("count"), **common),
        st.builds(MetricCondition, measurement=measured, measured=PATHS, **common),
        st.builds(
            FunnelCondition,
            timeframe=filters(FUNNEL_TIMES),
            steps=st.tuples(first) | st.tuples(first, step) | st.tuples(first, step, step),
            completion_window_hours=st.none() | st.sampled_from(list(COMPLETION_HOURS.values())),
        ),
        st.builds(PropertyCondition, property=PROPERTIES, filter=filters(PROPERTY_FILTERS)),
        st.booleans().flatmap(_memberships),
        st.sampled_from(list(CONSENTS)).flatmap(_consents),
        st.sampled_from(list(REACHABLE)).flatmap(_permissions),
        st.builds(RegionCondition, in_region=st.booleans(), region=st.sampled_from(REGIONS)),
        _predictions(),
        st.builds(SegmentCondition, segment=WORDS, is_member=st.booleans()),
    )


def filters(place: Place) -> st.SearchStrategy[Filter]:
    """Any filter that a place allows."""
    return st.one_of([_filter(kind, operator) for kind, operators in place.items() for operator in operators])


def _filter(kind: str, operator: str) -> st.SearchStrategy[Filter]:
    if kind == "date":
        return _dates(operator)
    if kind in ("boolean", "existence"):
        kinds = {"boolean": (BooleanFilter(value=True), BooleanFilter(value=False))}
        return st.sampled_from(kinds.get(kind, (ExistenceFilter(is_set=operator == "is-set"),)))
    if kind == "numeric":
        return st.builds(NumericFilter, operator=st.just(operator), value=NUMBER)
    several = st.lists(ANY_TEXT, min_size=1, max_size=7).map(tuple)
    if kind == "list":
        one = ANY_TEXT | st.integers(-9, 9) if operator in ("contains", "not-contains") else ANY_TEXT
        values = st.tuples(QUANTITIES if operator in LENGTHS else one)
        return st.builds(ListFilter, operator=st.just(operator), values=several if operator in SETS else values)
    one = st.tuples(PATTERN if operator in PATTERNS else ANY_TEXT)
    return st.builds(TextFilter, operator=st.just(operator), values=several if operator in MANY_TEXTS else one)


def _dates(operator: str) -> st.SearchStrategy[DateFilter]:
    units = st.sampled_from(["hour", "day", "week"])
    two_days = st.tuples(st.dates(), st.dates()).map(sorted)
    two_numbers = st.tuples(QUANTITIES, QUANTITIES).map(sorted)
    match operator:
        case "before" | "after":
            return st.builds(DateFilter, operator=st.just(operator), start_on=st.dates())
        case "between-static":
            return two_days.map(lambda days: DateFilter(operator="between-static", start_on=days[0], end_on=days[1]))
        case "between":
            return st.builds(
                lambda unit, ago: DateFilter(operator="between", unit=unit, nearest=ago[0], farthest=ago[1]),
                units,
                two_numbers,
            )
        case "calendar-month":
            return st.builds(DateFilter, operator=st.just(operator), month=st.integers(1, 12))
        case "alltime" | "anniversary" | "anniversary-month":
            return st.just(DateFilter(operator=operator))
    return st.builds(DateFilter, operator=st.just(operator), unit=units, quantity=QUANTITIES)


def _memberships(is_member: bool) -> st.SearchStrategy[Condition]:
    return st.builds(
        GroupMembershipCondition,
        is_member=st.just(is_member),
        group_ids=st.lists(WORDS, min_size=1, max_size=3).map(tuple),
        timeframe=st.none() | filters(JOIN_TIMES) if is_member else st.none(),
    )


def _consents(situation: tuple[str, bool, str]) -> st.SearchStrategy[Condition]:
    channel, reached, subscription = situation
    shop = "constant_contact" if (channel, subscription) == ("email", "unsubscribed") else "shopify"
    return st.builds(
        ConsentCondition,
        channel=st.just(channel),
        can_receive_marketing=st.just(reached),
        subscription=st.just(subscription),
        filters=_details(CONSENTS[situation], "method", shop),
    )


def _permissions(status: str) -> st.SearchStrategy[Condition]:
    return st.builds(
        PermissionCondition,
        channel=st.sampled_from(["whatsapp_marketing", "whatsapp_transactional"]),
        reachable_status=st.just(status),
        filters=_details(REACHABLE[status] or Details(), "subscribe_method", None),
    )


def _details(details: Details, method: str, shop: str | None) -> st.SearchStrategy[tuple[ConsentFilter, ...]]:
    each = [st.builds(ConsentFilter, field=st.just(field), filter=filters(FIELDS[field])) for field in details.fields]
    for way, place in details.methods.items():
        if place is None:
            narrowed = st.none()
        elif way == "integration" and shop:
            narrowed = st.just(TextFilter(operator="in", values=(shop,)))
        else:
            narrowed = st.none() | filters(place)
        each.append(st.builds(ConsentFilter, field=st.just(method), method=st.just(way), filter=narrowed))
    return st.lists(st.one_of(each), max_size=3).map(tuple) if each else st.just(())


def _predictions() -> st.SearchStrategy[Condition]:
    same_or_not = st.sampled_from(["equals", "not-equals"])

    def one_of(words: tuple[str, ...]) -> st.SearchStrategy[Filter]:
        return st.builds(TextFilter, operator=same_or_not, values=st.tuples(st.sampled_from(words)))

    place = st.integers(1, 4).map(lambda number: NumericFilter(operator="equals", value=float(number)))
    channel = st.sampled_from(AFFINITY_CHANNELS)
    affinity = {"dimension": st.just("channel_affinity"), "predicted_channel": channel}
    return st.one_of(
        st.builds(PredictionCondition, dimension=st.sampled_from(FIGURES), filter=filters(NUMBERS)),
        st.builds(PredictionCondition, dimension=st.just("expected_date_of_next_purchase"), filter=filters(DATES)),
        st.builds(PredictionCondition, dimension=st.just("predicted_gender"), filter=one_of(GENDERS)),
        st.builds(PredictionCondition, measurement=st.just("priority"), filter=place, **affinity),
        st.builds(PredictionCondition, measurement=st.just("rank"), filter=one_of(RANKS), **affinity),
    )
