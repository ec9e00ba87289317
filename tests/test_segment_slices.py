"""An account evaluated some profiles at a time gives what it gives as a whole, and reads each event once."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import polars as pl
import pytest
from builders import Row, briefly
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from segment_builders import account, asks, count, happened, measure, person, show
from segment_histories import calendars, groups, histories, some_definitions

from klavnb.definitions import ordered_item, single_order_at_least
from klavnb.definitions.conditions import (
    Condition,
    DateFilter,
    Definition,
    ExistenceFilter,
    FunnelCondition,
    FunnelStep,
    Group,
    GroupMembershipCondition,
    NumericFilter,
    PropertyCondition,
    PropertyFilter,
    SegmentCondition,
)
from klavnb.errors import DefinitionError
from klavnb.export import Export
from klavnb.filling import load_store
from klavnb.schemas import Event, list_types
from klavnb.segments import (
    Calendar,
    add_changes,
    count_slice,
    evaluate_slice,
    evaluation,
    find_memberships,
    list_moments,
    measure_overlap,
    membership,
    plan_slices,
    reading,
    segment_members,
    segment_sizes,
    slices,
)
from klavnb.segments.opposites import find_opposite, is_about_everyone
from klavnb.segments.slices import find_stays
from klavnb.store import read_export

quickly = hypothesis_settings(briefly, phases=[Phase.generate])

IN_90_DAYS = DateFilter(operator="in-the-last", quantity=90)
LARGE = single_order_at_least(100, days=30)
MEDIUM = ordered_item("Size", "medium", days=60)
ENGAGED = asks(count(metric="Opened Email", timeframe=IN_90_DAYS), name="Engaged")
LAPSED = asks(SegmentCondition(segment="Engaged"), count("equals", 0, timeframe=IN_90_DAYS), name="Lapsed")
NEVER = asks(count("equals", 0), name="Never ordered")
ALL = [LARGE, MEDIUM, ENGAGED, LAPSED, NEVER]


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a slice be as small as it can be."""
    monkeypatch.setattr(slices, "ROWS", 1)


@pytest.fixture(scope="module")
def sample() -> Export:
    return read_export("sample")


# The same, whatever the slices


@quickly
@given(histories(), some_definitions(groups, 4), calendars, st.sampled_from([1, 7]))
def test_slices_give_row_for_row_what_the_whole_gives(
    history: tuple[list[Row], list[Row], list[Row]], definitions: list[Definition], calendar: Calendar, size: int
) -> None:
    data, first, last = account(*history), date(2024, 2, 20), date(2024, 4, 20)

    def evaluate() -> list[pl.LazyFrame]:
        return [
            find_memberships(data, definitions, calendar=calendar),
            segment_sizes(data, definitions, start=first, end=last, every="3d", calendar=calendar),
            segment_members(data, definitions[1], as_of=last, definitions=definitions, calendar=calendar),
        ]

    expected = pl.collect_all(evaluate())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "ROWS", size)
        patch.setattr(reading, "ROWS_OF_JSON", 2)
        found = pl.collect_all(evaluate())
    for one, other in zip(found, expected, strict=True):
        assert_frame_equal(one, other)


@pytest.mark.parametrize("size", [800, 2000])
def test_the_sample_gives_the_same_in_slices(sample: Export, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    expected = find_memberships(sample, ALL).collect()
    sizes = segment_sizes(sample, ALL, start="2026-06-01", end="2026-08-31").collect()
    monkeypatch.setattr(slices, "ROWS", size)
    assert len(plan_slices(sample, ALL)) > 3
    assert_frame_equal(find_memberships(sample, ALL).collect(), expected)
    assert_frame_equal(segment_sizes(sample, ALL, start="2026-06-01", end="2026-08-31").collect(), sizes)


def test_stays_are_in_the_order_of_profiles_then_of_definitions_and_time() -> None:
    rows = [happened("2026-03-09", who="ann"), happened("2026-03-01", who="ann"), happened("2026-03-01", who="ben")]
    two = [asks(count(timeframe=DateFilter(operator="in-the-last", quantity=1)), name=name) for name in ("Z", "A")]
    found = find_memberships(account(rows), two).select("profile_id", "segment", "entered_at").collect()
    assert [(who, segment, show(since)) for who, segment, since in found.iter_rows()] == [
        ("ann", "Z", "2026-03-01"),
        ("ann", "Z", "2026-03-09"),
        ("ann", "A", "2026-03-01"),
        ("ann", "A", "2026-03-09"),
        ("ben", "Z", "2026-03-01"),
        ("ben", "A", "2026-03-01"),
    ]


@pytest.mark.usefixtures("one_by_one")
def test_profiles_without_events_and_events_without_profiles_are_in_some_slice() -> None:
    data = account(
        [happened("2026-03-01", who="cid"), happened("2026-03-01", who="eve", metric="Other")], [person("ann")]
    )
    found = find_memberships(data, [asks(count("equals", 0))]).collect()
    assert [(who, show(since), until and show(until)) for _, who, since, until in found.iter_rows()] == [
        ("ann", "1970-01-01", None),
        ("eve", "2026-03-01", None),
    ]


@pytest.mark.usefixtures("one_by_one")
def test_anniversaries_of_every_slice_are_listed_until_ten_years_after_the_last_thing_known_of_all() -> None:
    data = account([happened("2020-03-01", who="ann"), happened("2026-03-01", who="ben")])
    yearly = asks(count(timeframe=DateFilter(operator="anniversary-last", quantity=1)))
    ends = find_memberships(data, [yearly]).group_by("profile_id").agg(pl.col("left_at").dt.year().max()).collect()
    assert sorted(ends.rows()) == [("ann", 2037), ("ben", 2037)]


@pytest.mark.usefixtures("one_by_one")
def test_a_list_is_known_to_be_exported_in_slices_without_a_member() -> None:
    joined = [happened("2026-03-01", "Subscribed to List", who=who, List="L1") for who in ("ann", "ben")]
    data = account(joined, groups=[{"group_id": "L1", "profile_id": "ann", "group_name": None, "joined_at": None}])
    found = find_memberships(data, [asks(GroupMembershipCondition(is_member=True, group_ids=("L1",)))])
    assert found.collect()["profile_id"].to_list() == ["ann"]


# The plan


def test_a_small_account_is_one_slice(sample: Export) -> None:
    (whole,) = plan_slices(sample, ALL)
    assert (whole.profiles.first, whole.profiles.end) == (None, None)


def test_slices_hold_every_profile_once_and_about_as_many_events_each(
    sample: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "ROWS", 3000)
    plan = plan_slices(sample, ALL)
    ranges = [part.profiles for part in plan]
    assert (ranges[0].first, ranges[-1].end) == (None, None)
    assert all(one.end == other.first for one, other in pairwise(ranges))
    borders = [each.first for each in ranges[1:]]
    assert borders == sorted(set(borders))
    asked = sample.events.filter(pl.col("metric").is_in(["Placed Order", "Opened Email"]))
    weights = [
        sum(each.narrow(frame).select(pl.len()).collect().item() for frame in (asked, sample.profiles))
        for each in ranges
    ]
    assert sum(weights) == asked.select(pl.len()).collect().item() + sample.summary.count_profiles
    assert 2000 < min(weights) <= max(weights) < 4500
    assert plan_slices(sample, ALL) == plan


@pytest.mark.usefixtures("one_by_one")
def test_only_who_is_asked_about_decides_about_the_slices() -> None:
    rows = [happened("2026-03-01", who="ann"), happened("2026-03-01", "Opened Email", who="ben")]
    data = account(rows, [person("ann"), person("cid"), person("dan")])
    borders = {
        each.name: [part.profiles.first for part in plan_slices(data, [each], definitions=[ENGAGED])]
        for each in (LARGE, LAPSED, NEVER)
    }
    assert borders == {LARGE.name: [None], "Lapsed": [None, "ben"], "Never ordered": [None, "ann", "cid", "dan"]}


@pytest.mark.usefixtures("one_by_one")
def test_events_of_one_profile_are_one_slice_however_many() -> None:
    plan = plan_slices(account([happened(f"2026-03-{day:02d}") for day in range(1, 30)]), [asks(count())])
    assert [part.profiles.first for part in plan] == [None, "ann"]


# What is read, and how often


def refuse_to_read(column: str, data: Export) -> Export:
    """An export of which a column cannot be read."""

    def refuse(_values: pl.Series) -> pl.Series:
        raise AssertionError(column)

    events = data.events.with_columns(pl.col(column).map_batches(refuse, return_dtype=list_types(Event)[column]))
    return replace(data, events=events)


@pytest.mark.parametrize("definitions", [[LARGE], [ENGAGED, LAPSED]])
def test_properties_are_read_only_where_a_definition_asks_for_one(definitions: list[Definition]) -> None:
    data = refuse_to_read(
        "properties", account([happened("2026-03-01", value=200.0), happened("2026-03-01", "Opened Email")])
    )
    assert find_memberships(data, definitions).collect().height > 0
    with pytest.raises(AssertionError, match="properties"):
        find_memberships(data, [MEDIUM]).collect()


@pytest.fixture
def looked_into(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], list[str]]]:
    """The properties that were read, and the paths that were looked up in them."""
    found: list[tuple[list[str], list[str]]] = []
    find_values = reading.find_values

    def note(properties: pl.Series, paths: Sequence[str]) -> pl.DataFrame:
        found.append((properties.to_list(), list(paths)))
        return find_values(properties, paths)

    monkeypatch.setattr(reading, "find_values", note)
    return found


def filtered(path: str, *, least: float | None = None) -> Condition:
    is_set = PropertyFilter(path=path, filter=ExistenceFilter(is_set=True))
    value = PropertyFilter(path="$value", filter=NumericFilter(operator="greater-than-or-equal", value=least or 0.0))
    return count(metric_filters=(is_set,) if least is None else (value, is_set))


def test_the_properties_of_an_event_are_read_once_for_all_definitions(
    looked_into: list[tuple[list[str], list[str]]],
) -> None:
    data = account([happened("2026-03-01", A=1), happened("2026-03-02", B=2), happened("2026-03-03", "Other", C=3)])
    last = measure("last", "equals", 2, measured="B")
    step = FunnelStep(
        metric="PLCORD",
        metric_exists=True,
        metric_filters=(PropertyFilter(path="C", filter=ExistenceFilter(is_set=True)),),
    )
    funnel = FunnelCondition(timeframe=DateFilter(operator="alltime"), steps=(step,))
    definitions = [asks(filtered("A"), name="A"), asks(filtered("A"), last, name="B"), asks(funnel, name="C")]
    found = find_memberships(data, definitions).collect()
    read = [(texts, paths) for texts, paths in looked_into if texts]
    assert read == [(['{"A": 1}', '{"B": 2}'], ["A", "B", "C"])]
    assert found["segment"].to_list() == ["A", "B"]


def test_properties_are_read_of_the_events_that_a_filter_on_the_value_leaves_to_some_condition(
    looked_into: list[tuple[list[str], list[str]]],
) -> None:
    data = account([happened(f"2026-03-0{day}", value=day * 10.0, A=day) for day in (1, 2, 3)])
    find_memberships(data, [asks(filtered("A", least=30)), asks(filtered("B", least=20), name="B")])
    assert [texts for texts, _ in looked_into if texts] == [['{"A": 2}', '{"A": 3}']]


def test_what_several_definitions_ask_alike_is_evaluated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Condition] = []
    find_metric_spans = evaluation.find_metric_spans
    monkeypatch.setattr(
        evaluation,
        "find_metric_spans",
        lambda condition, looked_at: seen.append(condition) or find_metric_spans(condition, looked_at),
    )
    definitions = [asks(count(), name="A"), asks(count(), count(value=2), name="B"), asks(count(value=2), name="C")]
    find_memberships(account([happened("2026-03-01")]), definitions)
    assert seen == [count(), count(value=2)]


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The first ids of the slices that were evaluated for memberships, in turn."""
    found: list[str | None] = []

    def note(data: Export, part: slices.SegmentSlice) -> pl.DataFrame:
        found.append(part.profiles.first)
        return find_stays(data, part)

    monkeypatch.setattr(membership, "find_stays", note)
    return found


@pytest.mark.usefixtures("one_by_one")
def test_a_large_account_is_read_when_its_stays_are_collected_and_no_further_than_they_are(
    evaluated: list[str | None],
) -> None:
    stays = find_memberships(
        account([happened("2026-03-01", who=who) for who in ("ann", "ben", "cid")]), [asks(count())]
    )
    assert evaluated == []
    assert stays.head(1).collect()["profile_id"].to_list() == ["ann"]
    assert "cid" not in evaluated
    late = stays.filter(pl.col("profile_id") > "ann").select("profile_id").collect()
    assert late["profile_id"].to_list() == ["ben", "cid"]


@pytest.mark.usefixtures("one_by_one")
def test_an_overlap_looks_at_each_slice_once(evaluated: list[str | None]) -> None:
    rows = [happened("2026-03-01", who=who) for who in ("ann", "ben")]
    definitions = [asks(count(), name="A"), asks(count("equals", 0), name="B")]
    found = measure_overlap(find_memberships(account(rows), definitions), as_of="2026-03-02").collect()
    assert found.select("segment", "other", "count_both").rows() == [("A", "A", 2)]
    assert len(evaluated) == len(set(evaluated)) > 1


@pytest.mark.usefixtures("one_by_one")
def test_what_cannot_be_answered_is_refused_before_an_event_is_read() -> None:
    data = refuse_to_read("value", account([happened("2026-03-01", who=who) for who in ("ann", "ben")]))
    never = FunnelStep(metric="Placed Order", metric_exists=False)
    with pytest.raises(DefinitionError, match="first step"):
        find_memberships(data, [asks(FunnelCondition(timeframe=DateFilter(operator="alltime"), steps=(never,)))])
    with pytest.raises(DefinitionError, match="More than one segment"):
        plan_slices(data, [asks(count()), asks(count(value=2))])


# Who must be looked at


def test_of_what_profiles_did_and_did_not_do_only_those_who_did_matter() -> None:
    assert not is_about_everyone(asks(count(), count("equals", 0, metric="Viewed Product")).root)
    assert not is_about_everyone(asks(count(), Group(match="none", parts=(count(value=5),))).root)
    assert not is_about_everyone(asks(count(), count(value=2), match="any").root)


@pytest.mark.parametrize(
    "asked",
    [
        asks(),
        asks(count("equals", 0)),
        asks(count(), count("less-than", 2), match="any"),
        asks(count(), match="none"),
        asks(count(timeframe=DateFilter(operator="anniversary-last", quantity=1))),
        asks(count(), PropertyCondition(property="email", filter=ExistenceFilter(is_set=False))),
    ],
)
def test_everyone_matters_where_doing_nothing_makes_a_member_or_a_profile_is_asked_about(asked: Definition) -> None:
    assert is_about_everyone(asked.root)


@pytest.mark.parametrize(
    ("operator", "value", "opposite"),
    [("equals", 0, "not-equals"), ("less-than", 3, "greater-than-or-equal"), ("not-equals", 1, "equals")],
)
def test_a_count_that_nothing_satisfies_too_is_the_opposite_of_one_that_something_must(
    operator: str, value: float, opposite: str
) -> None:
    assert find_opposite(count(operator, value)) == count(opposite, value)
    assert find_opposite(count(opposite, value)) is None
    assert find_opposite(measure("max", operator, value)) is None


# Elsewhere


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ProcessPoolExecutor]:
    """A process that shares nothing with this one."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop") / "store"
    load_store("sample", folder)
    return folder


def test_another_process_gives_the_same_stays_from_a_slice_and_a_store(
    elsewhere: ProcessPoolExecutor, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = read_export(stored)
    expected = find_memberships(data, ALL).collect()
    monkeypatch.setattr(slices, "ROWS", 4000)
    plan = plan_slices(data, ALL)
    assert len(plan) > 2
    found = pl.concat(elsewhere.map(evaluate_slice, [str(stored)] * len(plan), plan))
    assert_frame_equal(found, expected)


def test_changes_that_another_process_counts_add_up_to_the_sizes_in_any_order(
    elsewhere: ProcessPoolExecutor, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = read_export(stored)
    expected = segment_sizes(data, ALL, start="2026-08-01", end="2026-08-31").collect()
    monkeypatch.setattr(slices, "ROWS", 4000)
    moments = list_moments("2026-08-01", "2026-08-31", every="1d", calendar=Calendar())
    plan = plan_slices(data, ALL, until=moments[-1])[::-1]
    changes = elsewhere.map(count_slice, [stored] * len(plan), plan, [moments] * len(plan))
    assert_frame_equal(add_changes(changes, ALL, moments).collect(), expected)
