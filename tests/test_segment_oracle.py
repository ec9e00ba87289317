"""Membership intervals against evaluating each moment anew, over definitions and histories made by chance."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import segment_oracle as oracle
import segment_strategies
from builders import MICROSECOND, SECOND, Row, by_chance
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from segment_builders import NAMES, account, asks
from segment_histories import (
    FIRST,
    METRICS,
    OF_CONSENT,
    calendars,
    funnels,
    groups,
    histories,
    just,
    metric_conditions,
    other_conditions,
    property_conditions,
    some_definitions,
    times,
)

from klavnb.definitions.conditions import (
    Condition,
    Definition,
    SegmentCondition,
)
from klavnb.errors import DefinitionError
from klavnb.schemas import Membership
from klavnb.segments import Calendar, find_memberships, segment_members, segment_sizes

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
quickly = hypothesis_settings(by_chance, max_examples=6, phases=[Phase.generate])
"""A failure names the definition and the moment: to shrink it would take longer than to read it."""


def list_moments(
    events: Sequence[Row], stays: pl.DataFrame, calendar: Calendar, chosen: Sequence[datetime]
) -> list[datetime]:
    """Moments chosen by chance; every boundary found, and what lies just around it; and the events themselves."""
    edges = sorted({*stays["entered_at"], *stays["left_at"].drop_nulls()})
    apart = max(1, len(edges) // 12)
    edges = [*edges[::apart], *sorted(event["occurred_at"] for event in events)[::5]]
    midnights = [datetime(2024, 2, 29, tzinfo=ZoneInfo(calendar.time_zone)), datetime(2025, 2, 28, tzinfo=UTC)]
    near = {edge + offset for edge in [*edges, *midnights] for offset in (-MICROSECOND, 0 * SECOND, SECOND)}
    return sorted(
        {
            time.astimezone(UTC)
            for time in near | set(chosen)
            if datetime(2000, 1, 1, tzinfo=UTC) < time < datetime(2030, 1, 1, tzinfo=UTC)
        }
    )


def people(history: tuple[list[Row], list[Row], list[Row]]) -> dict[str, oracle.Person]:
    events, profiles, groups_ = history
    names = {"L1": "Newsletter"}
    exported = {row["group_id"]: frozenset(filter(None, [names.get(row["group_id"])])) for row in groups_}
    return {
        name: oracle.Person(
            next((row for row in profiles if row["profile_id"] == name), None),
            [row for row in events if row["profile_id"] == name],
            [row for row in groups_ if row["profile_id"] == name],
            exported,
        )
        for name in {row["profile_id"] for row in events + profiles}
    }


def check(
    history: tuple[list[Row], list[Row], list[Row]],
    definitions: list[Definition],
    calendar: Calendar,
    chosen: Sequence[datetime],
) -> None:
    stays = Membership.validate(find_memberships(account(*history), definitions, calendar=calendar).collect())
    touching = stays.sort("segment", "profile_id", "entered_at").filter(
        pl.col("left_at").shift(1).over("segment", "profile_id").fill_null(pl.lit(NEVER)) >= pl.col("entered_at"),
        pl.int_range(pl.len()).over("segment", "profile_id") > 0,
    )
    assert touching.is_empty()
    asked = oracle.Question(FIRST, calendar, definitions, NAMES)
    everyone = people(history)
    for definition in definitions:
        own = stays.filter(pl.col("segment") == definition.name)
        spans = [(name, since, until or NEVER) for _, name, since, until in own.iter_rows()]
        for moment in list_moments(history[0], own, calendar, chosen):
            found = {name for name, since, until in spans if since <= moment < until}
            question = replace(asked, moment=moment)
            expected = {name for name, person in everyone.items() if oracle.is_member(definition, person, question)}
            assert found == expected, f"{definition}\nas of {moment}"


some_moments = st.lists(times() | times().map(lambda time: time + timedelta(days=366)), min_size=6, max_size=6)


@quickly
@given(histories(METRICS[:2]), some_definitions(just(metric_conditions), 12), calendars, some_moments)
def test_metric_conditions_hold_when_the_oracle_says_so(
    history: tuple[list[Row], list[Row], list[Row]],
    definitions: list[Definition],
    calendar: Calendar,
    chosen: list[datetime],
) -> None:
    check(history, definitions, calendar, chosen)


@quickly
@given(histories(METRICS), some_definitions(just(funnels()), 12), calendars, some_moments)
def test_funnels_hold_when_the_oracle_says_so(
    history: tuple[list[Row], list[Row], list[Row]],
    definitions: list[Definition],
    calendar: Calendar,
    chosen: list[datetime],
) -> None:
    check(history, definitions, calendar, chosen)


@quickly
@given(
    histories(OF_CONSENT), some_definitions(just(property_conditions | other_conditions), 12), calendars, some_moments
)
def test_conditions_on_profiles_hold_when_the_oracle_says_so(
    history: tuple[list[Row], list[Row], list[Row]],
    definitions: list[Definition],
    calendar: Calendar,
    chosen: list[datetime],
) -> None:
    check(history, definitions, calendar, chosen)


@quickly
@given(histories(), some_definitions(groups, 8), calendars, some_moments)
def test_any_definition_holds_when_the_oracle_says_so(
    history: tuple[list[Row], list[Row], list[Row]],
    definitions: list[Definition],
    calendar: Calendar,
    chosen: list[datetime],
) -> None:
    check(history, definitions, calendar, chosen)


@quickly
@given(histories(), some_definitions(groups, 1), calendars, st.sampled_from(["1d", "3d", "1w", "1mo"]))
def test_sizes_over_days_are_those_of_each_day_anew(
    history: tuple[list[Row], list[Row], list[Row]], definitions: list[Definition], calendar: Calendar, every: str
) -> None:
    data, start, end = account(*history), date(2024, 2, 27), date(2024, 3, 10)
    sizes = segment_sizes(data, definitions, start=start, end=end, every=every, calendar=calendar).collect()
    assert sizes.height % len(definitions) == 0
    everyone = people(history)
    asked = oracle.Question(FIRST, calendar, definitions, NAMES)
    before: dict[str, int] = {}
    for segment, as_of, members, entered, left in sizes.iter_rows():
        (definition,) = (each for each in definitions if each.name == segment)
        question = replace(asked, moment=as_of)
        expected = {name for name, person in everyone.items() if oracle.is_member(definition, person, question)}
        assert members == len(expected), f"{definition}\nas of {as_of}"
        assert members == before.get(segment, members - entered + left) + entered - left
        before[segment] = members
        day = as_of.astimezone(ZoneInfo(calendar.time_zone)).date()
        if as_of == sizes["as_of"].max():
            there = segment_members(data, definition, as_of=day, definitions=definitions, calendar=calendar)
            assert set(there.collect()["profile_id"]) == expected


@quickly
@given(histories(), st.lists(segment_strategies.conditions(), min_size=5, max_size=5))
def test_whatever_can_be_read_is_evaluated_or_refused_in_a_sentence(
    history: tuple[list[Row], list[Row], list[Row]], some: list[Condition]
) -> None:
    data = account(*history)
    for condition in some:
        if isinstance(condition, SegmentCondition):
            continue
        try:
            found = find_memberships(data, [asks(condition)])
        except DefinitionError as error:
            assert error.hint  # noqa: PT017 - either outcome is right
        else:
            Membership.validate(found.collect())
