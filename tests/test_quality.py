"""Is an export good enough to believe: each check by a small account that has just that fault, and one without."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from builders import ANNOUNCED, FROM_TOUCH, Row, event
from builders import events as as_loaded
from segment_builders import person
from study_builders import loaded

import klavnb as kn
from klavnb.errors import SettingsError
from klavnb.export import Export
from klavnb.quality import LEVELS, SIGNS, TITLES, Check, Limits, Survey, find_gaps, find_worst, survey_export
from klavnb.schemas import Reject, list_types
from klavnb.settings import Settings

FIRST = datetime(2026, 1, 5, 12, tzinfo=UTC)  # a Monday
LATER = datetime(2026, 9, 1, tzinfo=UTC)
EVERY_DAY = range(70)


def at(day: float) -> datetime:
    return FIRST + timedelta(days=day)


def happened(metric: str, day: float, *, who: str = "ann", **columns: object) -> Row:
    return {**event(metric, metric, profile_id=who, **columns), "occurred_at": at(day)}


def visits(days: Sequence[int] | range = EVERY_DAY, per_day: int = 12) -> list[Row]:
    """A shop's everyday life: people come by, every day."""
    return daily("Active on Site", days, per_day)


def daily(metric: str, days: Sequence[int] | range = EVERY_DAY, per_day: int = 12, **columns: object) -> list[Row]:
    return [
        happened(metric, day + number / 1000, who=f"p{number}", **columns) for day in days for number in range(per_day)
    ]


def orders(days: Sequence[int] | range = EVERY_DAY, **columns: object) -> list[Row]:
    shared = {"value": 100.0, "currency": "EUR", "recorded_event_ids": [], **columns}
    return [happened("Placed Order", day, order_id=f"o{day}", **shared) for day in days]


def messages(days: Sequence[int] | range = EVERY_DAY, **columns: object) -> list[Row]:
    """A receipt, an open by a person and a click by a person, every day."""
    return [
        row
        for day in days
        for row in (
            happened("Received Email", day, message_id=f"m{day}"),
            happened("Opened Email", day + 0.01, message_id=f"m{day}", is_machine_open=False, **columns),
            happened("Clicked Email", day + 0.02, message_id=f"m{day}", is_bot_click=False),
            happened("Received SMS", day + 0.03, message_id=f"s{day}"),
            happened("Clicked SMS", day + 0.04, message_id=f"s{day}", is_bot_click=False),
        )
    ]


SOUND = (*visits(), *orders(), *messages())


def export(*rows: Row, profiles: Sequence[Row] = (), **summary: object) -> Export:
    """An export as it lies in a store: with the receipts that loading finds."""
    made = loaded(*rows, profiles=profiles, **summary)
    numbered = made.events.collect().to_dicts()
    return replace(made, events=as_loaded(*numbered))


def survey(*rows: Row, settings: Settings = ANNOUNCED, as_of: datetime | None = LATER, **parts: Any) -> Survey:  # noqa: ANN401 - as export
    return survey_export(export(*rows, **parts), settings=settings, as_of=as_of)


def find(name: str, *rows: Row, **options: Any) -> Check:  # noqa: ANN401 - as survey
    """One check of these events."""
    (found,) = [check for check in kn.judge_survey(survey(*rows, **options)) if check.name == name]
    return found


def name_unjudged(checks: Sequence[Check]) -> list[str]:
    return [check.name for check in checks if check.level == "not judged"]


# All of them


def test_a_sound_export_has_nothing_against_it() -> None:
    people = [person(f"p{number}", consent={"email": {}}) for number in range(12)]
    checks = kn.check_export(
        export(*SOUND, profiles=[*people, person("ann", consent={"email": {}})]), settings=ANNOUNCED, as_of=LATER
    )
    assert [(check.name, check.found) for check in checks if check.level not in ("good", "not judged")] == [
        ("provisional", "5 of 70 orders (7.1 %) are of the last 5 days."),
        ("run_up", "5 of 70 orders (7.1 %) are of the first 5 days, the longest window."),
    ]
    assert name_unjudged(checks) == ["missing_events", "message_names", "groups"]


def test_every_check_always_comes_and_has_a_title() -> None:
    for rows in (SOUND, [happened("Viewed Product", 0)]):
        checks = kn.judge_survey(survey(*rows))
        assert [check.name for check in checks] == list(TITLES)
    assert list(SIGNS) == list(LEVELS)


def test_what_speaks_against_an_export_says_what_it_does_and_what_to_do() -> None:
    bad = [
        *visits(range(30)),
        *orders(range(10), value=None),
        happened("Opened Web Push", 3, message_id="w"),
        happened("Placed Order", 400),
    ]
    for check in kn.judge_survey(survey(*bad, as_of=at(100))):
        if check.level in ("look", "serious"):
            assert check.effect, check.name
            assert check.advice, check.name


def test_what_has_nothing_to_look_at_is_not_judged_and_says_nothing_either_way() -> None:
    checks = kn.judge_survey(survey(happened("Viewed Product", 0)))
    of_orders = ["order_values", "outliers", "currencies", "repeated_orders"]
    of_messages = ["receipts", "messageless", "machine_opens", "bot_clicks", "recorded_attribution", "message_names"]
    of_days = ["gaps", "metric_gaps", "metric_edges", "thin_end", "missing_events", "provisional", "run_up"]
    expected = [*of_days, *of_messages, *of_orders, "midnight", "same_second", "busy_profile", "groups"]
    assert name_unjudged(checks) == expected
    assert find_worst([check for check in checks if check.name in expected]) == "good"
    assert kn.checks_to_frame(checks).filter(level="not judged")["name"].to_list() == expected


def test_orders_that_name_no_currency_or_have_no_value_are_not_judged_by_it() -> None:
    check = find("currencies", *orders(currency=None))
    assert (check.level, check.found) == ("not judged", "No order names a currency.")
    assert check.effect == "If the values are in several currencies, they are added up as if they were one."
    assert find("currencies", *orders(value=None)).found == "There are no orders with a value."
    check = find("outliers", *orders(value=0.0))
    assert (check.level, check.found) == ("not judged", "No order has a value above 0.")


@pytest.mark.parametrize(
    ("times", "found"),
    [
        (1, "1 of 1 order (100.0 %) is of the last 5 days."),
        (2, "2 of 2 orders (100.0 %) are of the last 5 days."),
    ],
)
def test_a_single_one_has_a_verb_of_its_own(times: int, found: str) -> None:
    assert find("provisional", *orders(range(times))).found == found


def test_a_single_message_without_a_name_is_told_of_as_one() -> None:
    made = survey(*SOUND)
    (check,) = [
        check
        for check in kn.judge_survey(replace(made, messages={"count_messages": 1, "count_nameless": 1}))
        if check.name == "message_names"
    ]
    assert check.found == "1 of 1 message (100.0 %) has no name."
    assert check.effect == "No number is wrong; reports show it by its id."


def test_checks_as_a_table() -> None:
    frame = kn.checks_to_frame(kn.judge_survey(survey(*SOUND)))
    assert frame.columns == ["name", "level", "found", "effect", "advice", "count", "of_count", "parts"]
    assert frame["name"].to_list() == list(TITLES)
    assert frame.filter(name="currencies")["parts"].to_list() == [[{"part": "EUR", "count": 70}]]


def test_the_order_of_the_rows_changes_nothing() -> None:
    assert kn.judge_survey(survey(*SOUND)) == kn.judge_survey(survey(*reversed(SOUND)))


def test_an_account_without_orders_or_messages_is_told_so_and_nothing_breaks() -> None:
    check = find("metrics", *visits())
    assert check.level == "serious"
    assert check.found == (
        "There are no events of the conversion metric Placed Order: nothing can be attributed; "
        "no opens or clicks that could earn an order: nothing can be attributed."
    )
    assert find("order_values", *visits()).found == "There are no orders to look at."


# Days


def test_a_day_without_any_event_is_missing_where_its_week_day_usually_has_some() -> None:
    without = [day for day in EVERY_DAY if day not in (20, 21)]
    check = find("gaps", *visits(without))
    assert check.found == "2 days of 70 without any event, where some are usual: 25 January 2026 to 26 January 2026."
    assert (check.level, check.count, check.parts) == ("serious", 2, {"2026-01-25 to 2026-01-26": 2})


def test_one_missing_day_of_a_long_period_is_worth_a_look() -> None:
    check = find("gaps", *visits([day for day in range(200) if day != 20]))
    assert (check.level, check.count, check.of_count) == ("look", 1, 200)


def test_a_shop_that_rests_on_sundays_misses_none() -> None:
    assert find("gaps", *visits([day for day in EVERY_DAY if day % 7 != 6])).level == "good"


def test_a_quiet_shop_misses_no_day_but_a_quiet_week() -> None:
    assert find("gaps", *visits([day for day in EVERY_DAY if day != 20], per_day=2)).level == "good"
    assert find("gaps", *visits([day for day in EVERY_DAY if day not in range(20, 27)], per_day=2)).count == 7


def test_a_month_that_is_missing_does_not_become_usual() -> None:
    check = find("gaps", *visits([day for day in range(140) if day not in range(40, 85)]))
    assert check.count == 45


def test_receipts_that_stop_for_days_while_opens_go_on_are_told_of() -> None:
    receipts = daily("Received Email", [day for day in EVERY_DAY if day not in (30, 31)], message_id="m")
    check = find("metric_gaps", *visits(), *receipts, *daily("Opened Email", message_id="m"))
    assert check.found == (
        "Missing for days while other events go on: Received Email 4 February 2026 to 5 February 2026."
    )
    assert check.effect == "Windows run from the sending or the touch instead of the receipt, which credits more."
    assert check.parts == {"Received Email 2026-02-04 to 2026-02-05": 2}


def test_a_day_that_is_missing_altogether_is_told_once() -> None:
    without = [day for day in EVERY_DAY if day != 30]
    rows = [*visits(without), *daily("Opened Email", without, message_id="m")]
    assert find("gaps", *rows).count == 1
    assert find("metric_gaps", *rows).level == "good"


def test_the_days_between_two_campaigns_are_no_gap() -> None:
    campaigns = [row for day in range(0, 70, 14) for row in daily("Received SMS", [day], 80, message_id="s")]
    assert find("metric_gaps", *visits(), *campaigns).level == "good"


def test_gaps_are_the_same_found_by_hand() -> None:
    found = find_gaps(survey(*visits([day for day in EVERY_DAY if day not in (20, 40, 41)])))
    assert found.select("metric", "first_on", "last_on", "count_days", "count_usual").rows() == [
        ("", date(2026, 1, 25), date(2026, 1, 25), 1, 12),
        ("", date(2026, 2, 14), date(2026, 2, 15), 2, 24),
    ]


def test_a_metric_that_begins_late_is_told_of_and_receipts_seriously() -> None:
    late = range(30, 70)
    check = find("metric_edges", *visits(), *daily("Clicked SMS", late, 2, message_id="s"))
    assert (check.level, check.found) == ("look", "Clicked SMS begins only on 4 February 2026.")
    rows = [*daily("Opened Email", per_day=1, message_id="m"), *daily("Received Email", late, 1, message_id="m")]
    check = find("metric_edges", *visits(), *rows)
    assert (check.level, check.found) == ("serious", "Received Email begins only on 4 February 2026.")


def test_a_metric_of_a_few_events_may_begin_when_it_likes() -> None:
    assert find("metric_edges", *visits(), *daily("Clicked SMS", [40, 60], 1, message_id="s")).level == "good"


def test_orders_that_end_early_are_serious() -> None:
    assert find("metric_edges", *visits(), *orders(range(50))).level == "serious"


@pytest.mark.parametrize(("per_day", "level"), [(12, "good"), (4, "look"), (1, "serious")])
def test_thin_last_days_mean_that_the_export_was_cut(per_day: int, level: str) -> None:
    check = find("thin_end", *visits(range(66)), *visits(range(66, 70), per_day))
    assert (check.level, check.count, check.of_count) == (level, 3 * per_day, 36)


def test_the_last_day_may_be_thin_since_the_export_ends_within_it() -> None:
    assert find("thin_end", *visits(range(69)), *visits([69], 1)).level == "good"


def test_a_profile_whose_last_event_is_not_there_shows_that_events_are_missing() -> None:
    known = [person(f"p{number}", last_event_at=at(69.5)) for number in range(6)]
    check = find("missing_events", *visits(), profiles=known, as_of=at(80))
    assert (check.level, check.count) == ("not judged", 0)
    assert check.found == (
        "6 profiles did something after the export’s last event. "
        "No profile was last active in the period, so there is nothing to compare."
    )
    seen = person("p7", last_event_at=at(69.007))
    check = find("missing_events", *visits(), profiles=[*known, seen], as_of=at(80))
    assert (check.level, check.found) == ("good", "6 profiles did something after the export’s last event.")
    missing = [person("p1", last_event_at=at(69) + timedelta(seconds=86.4)), person("bob", last_event_at=at(50))]
    check = find("missing_events", *visits(), profiles=missing)
    assert (check.level, check.count, check.of_count) == ("serious", 1, 2)
    assert check.found == "Of 2 profiles last active in the period, 1 (50.0 %) lacks that event."


def test_provisional_and_first_orders_are_counted_to_the_second() -> None:
    rows = [*orders([0, 30]), *(happened("Placed Order", day) for day in (4.49, 4.5, 65, 65.001)), *visits(range(71))]
    made = survey(*rows, as_of=at(90))
    assert made.ends_at == at(70.011)
    assert made.recorded["provisional"] == 0
    made = survey(*rows[:-12], as_of=at(90))
    assert (made.recorded["early"], made.recorded["provisional"]) == (2, 2)


# Messages


def test_receipts_are_counted_as_attribution_counts_them() -> None:
    rows = [
        happened("Received Email", 0, message_id="a"),
        happened("Opened Email", 1, message_id="a"),
        happened("Opened Email", 1.1, message_id="b", sent_at=at(0)),
        happened("Opened Email", 1.2, message_id="c", handed_off_at=at(0)),
        happened("Opened Email", 1.3, message_id="d"),
        happened("Opened Push", 1.4, message_id="e"),
        happened("Opened Email", 1.5),
    ]
    check = find("receipts", *rows)
    assert check.found == "25.0 % of 4 touches have their Received event, 50.0 % a time of sending, 25.0 % (1) neither."
    assert (check.level, check.count, check.parts) == ("look", 1, {"email.open": 1})
    touches = kn.find_touches(export(*rows).events, settings=ANNOUNCED).collect()
    assert touches.filter(pl.col("channel") == "email", pl.col("receipt_source") == "touch").height == check.count


def test_without_receipts_at_all_windows_are_wrong_unless_they_run_from_the_touch() -> None:
    rows = daily("Opened Email", message_id="m")
    assert find("receipts", *rows).level == "serious"
    assert find("receipts", *rows, settings=FROM_TOUCH).level == "good"


def test_metrics_that_attribution_lacks_are_named() -> None:
    check = find("metrics", *orders(), *daily("Opened Email", message_id="m"))
    assert check.level == "look"
    assert check.found == (
        "There are no Received events of e-mail: its windows run from the send time or the touch; "
        "no clicks of e-mails: only opens can earn an order; "
        "touches of e-mail alone: with one channel the two models cannot differ."
    )


def test_a_metric_that_looks_like_a_touch_is_pointed_out_and_others_only_counted() -> None:
    assert find("unknown_metrics", *SOUND, happened("Viewed Product", 1)).level == "good"
    check = find("unknown_metrics", *SOUND, happened("Opened Web Push", 1), happened("Geklickt", 2, message_id="m"))
    assert check.level == "look"
    assert check.found.endswith("These look like touches or receipts: Geklickt, Opened Web Push.")
    named = Settings(metrics={"Opened Web Push": "push.open", "Geklickt": "sms.click"})
    assert find("unknown_metrics", *SOUND, happened("Opened Web Push", 1), settings=named).level == "good"


def test_opens_and_clicks_without_a_message_are_counted() -> None:
    rows = [*daily("Opened Email", [1], 3, message_id="m"), *daily("Opened Email", [2], 1), *visits([1])]
    check = find("messageless", *rows)
    assert (check.level, check.count, check.of_count) == ("look", 1, 4)


@pytest.mark.parametrize(
    ("flags", "excludes", "level"),
    [
        ([True, False, False, False], False, "look"),
        ([True, False, False, False], True, "good"),
        ([False] * 4, False, "good"),
        ([None, None, False, False], False, "look"),
        ([None, None, True, False], True, "look"),
    ],
)
def test_machine_opens_and_what_is_unknown_of_them(flags: list[bool | None], excludes: bool, level: str) -> None:
    rows = [happened("Opened Email", day, message_id="m", is_machine_open=flag) for day, flag in enumerate(flags)]
    check = find("machine_opens", *rows, settings=replace(ANNOUNCED, exclude_machine_opens=excludes))
    assert (check.level, check.parts) == (level, {"known": flags.count(True), "unknown": flags.count(None)})


def test_bot_clicks_are_those_of_e_mails_and_sms() -> None:
    rows = [
        happened("Clicked Email", 1, message_id="m", is_bot_click=True),
        happened("Clicked SMS", 1, message_id="s", is_bot_click=False),
        happened("Opened Email", 1, message_id="m"),
    ]
    check = find("bot_clicks", *rows)
    assert check.found == "50.0 % of 2 clicks of e-mails and SMS are known to be made by a bot."


def test_what_klaviyo_itself_recorded_is_counted_and_what_is_not_there() -> None:
    rows = [
        happened("Opened Email", 1, message_id="m"),
        happened("Placed Order", 2, recorded_event_ids=["e0"]),
        happened("Placed Order", 3, recorded_event_ids=["elsewhere"]),
        happened("Placed Order", 4, recorded_event_ids=[]),
        happened("Placed Order", 5),
    ]
    check = find("recorded_attribution", *rows)
    assert check.level == "look"
    assert check.found == (
        "The export says what Klaviyo credited for 3 of 4 orders (75.0 %): it credited 2. "
        "1 credited event is not in the export."
    )
    assert find("recorded_attribution", *rows[-1:]).found == "The export does not say what Klaviyo itself credited."


# Orders


def test_orders_without_value_are_counted_by_kind() -> None:
    rows = [*orders(), *(happened("Placed Order", 3, value=value) for value in (None, 0.0, -5.0))]
    check = find("order_values", *rows)
    assert check.found == "Of 73 orders: 1 without a value, 1 with a value of 0, 1 with a negative value (4.1 %)."
    assert (check.level, check.parts) == (
        "look",
        {"without a value": 1, "with a value of 0": 1, "with a negative value": 1},
    )
    assert find("order_values", *orders(value=None)).level == "serious"


@pytest.mark.parametrize("value", [10_001.0, 1e308])
def test_one_absurd_order_is_told_of(value: float) -> None:
    rows = [*orders(), *(happened("Placed Order", 3, value=value, currency="EUR") for _ in range(2))]
    check = find("outliers", *rows)
    assert (check.level, check.count) == ("serious", 2)
    assert "nan" not in check.found
    assert "inf" not in check.found


def test_an_order_of_just_a_hundred_times_the_middle_one_is_none() -> None:
    assert find("outliers", *orders(), happened("Placed Order", 3, value=10_000.0, currency="EUR")).level == "good"


def test_outliers_are_judged_in_their_own_currency() -> None:
    yen = [happened("Placed Order", day, value=15_000.0, currency="JPY", order_id=f"j{day}") for day in range(40)]
    assert find("outliers", *orders(), *yen).level == "good"


def test_currencies_are_counted_and_a_free_order_without_one_is_none() -> None:
    check = find("currencies", *orders(), *orders([1, 2], currency="USD"), happened("Placed Order", 3))
    assert check.found == "Orders are in 2 currencies: EUR 70 (EUR 7,000), USD 2 (USD 200)."
    assert check.parts == {"EUR": 70, "USD": 2}
    assert find("currencies", *orders(), happened("Placed Order", 3)).found == "All orders are in EUR."
    assert find("currencies", *orders(currency=None)).found == "No order names a currency."


def test_the_same_order_under_two_event_ids_counts_twice_and_is_told() -> None:
    check = find("repeated_orders", *orders(), *orders([1, 2]), *orders([2]))
    assert (check.level, check.count) == ("serious", 3)
    assert check.found.startswith("3 orders (4.1 %), worth 300, came again under another event id")


def test_the_same_number_of_another_profile_is_another_order() -> None:
    other = happened("Placed Order", 1, who="bob", order_id="o1", value=100.0, currency="EUR")
    assert find("repeated_orders", *orders(), other).count == 0


def test_orders_without_a_number_are_the_same_by_second_and_value() -> None:
    plain = {"order_id": None, "value": 50.0, "currency": "EUR"}
    twice = [happened("Placed Order", 1, **plain), happened("Placed Order", 1, **plain)]
    check = find("repeated_orders", *twice, happened("Placed Order", 1.1, **plain), happened("Placed Order", 1))
    assert check.count == 1
    assert check.found.endswith("100.0 % have no order number and were compared by second and value.")


# Clocks


def test_events_of_the_future_are_told_of_and_are_no_days_of_the_period() -> None:
    made = survey(*visits(), happened("Placed Order", 4000), as_of=at(80))
    assert (made.first_on, made.last_on) == (date(2026, 1, 5), date(2026, 3, 15))
    check = find("future", *visits(), happened("Placed Order", 4000), as_of=at(80))
    assert check.found.startswith("Later than 26 March 2026 12:00 UTC: 1 event (0.1 %), Placed Order 1.")
    assert check.level == "look"


def test_the_day_of_an_export_means_its_end() -> None:
    rows = [*visits(), happened("Placed Order", 75)]
    assert find("future", *rows, as_of="2026-03-21").count == 0
    assert find("future", *rows, as_of=date(2026, 3, 20)).count == 1
    with pytest.raises(SettingsError, match="YYYY-MM-DD"):
        survey(*rows, as_of="yesterday")


def test_events_of_1970_are_stray_and_make_no_gap_of_fifty_years() -> None:
    rows = [*visits(), {**happened("Placed Order", 1), "occurred_at": datetime(1970, 1, 1, tzinfo=UTC)}]
    check = find("stray", *rows)
    assert check.found == ("1 event of 1 January 1970, long before the others begin on 5 January 2026: Placed Order 1.")
    assert find("gaps", *rows).level == "good"
    assert find("period", *rows).count == 70


def test_a_few_events_a_year_before_all_others_are_stray_and_many_are_a_gap() -> None:
    assert survey(*visits(range(400)), happened("Placed Order", -300)).count_stray == 1
    assert survey(*visits(range(400)), *visits([-300])).count_stray == 0


def test_an_export_of_the_future_alone_still_has_a_period() -> None:
    made = survey(*visits(), as_of=at(-10))
    assert (made.first_on, made.ends_at) == (date(2026, 1, 5), None)
    assert len(kn.judge_survey(made)) == len(TITLES)


def test_dates_without_a_time_show_at_midnight() -> None:
    midnight = [happened("Placed Order", day + 0.5) for day in range(20)]
    check = find("midnight", *visits(), *midnight)
    assert (check.level, check.parts) == ("serious", {"Placed Order": 20})
    assert find("midnight", *visits(), *midnight[:5]).level == "good"


def test_an_import_in_one_second_is_told_of_and_a_campaign_is_none() -> None:
    check = find("same_second", *visits(), *(happened("Viewed Product", 3, who=f"p{n}") for n in range(60)))
    assert check.found == "Very many events in one second: 60 of Viewed Product at 8 January 2026 12:00:00 UTC."
    sent = [happened("Received Email", 3, who=f"p{n}", message_id="m") for n in range(60)]
    assert find("same_second", *visits(), *sent).level == "good"


# Rows and profiles


def test_repeated_events_harm_nothing_and_other_rejects_do() -> None:
    rejected = {"rows_in": 1000, "rejected": {"repeated event id": 100, "no time that can be read": 9}}
    check = find("repeated_events", *SOUND, **rejected)
    assert (check.level, check.found) == ("good", "100 of 1,000 rows (10.0 %) repeat an event id.")
    check = find("rejects", *SOUND, **rejected)
    assert (check.level, check.parts) == ("look", {"no time that can be read": 9})
    assert check.found == "9 rows of 1,000 (0.9 %) could not be used: no time that can be read 9."


def test_a_broken_file_is_serious_whatever_it_is_a_part_of_and_is_named() -> None:
    made = export(*SOUND, rows_in=100_000, rejected={"broken file: may.zip: cut": 1, "no event id": 2})
    broken = {"file": "may.zip", "line": None, "reason": "broken file: may.zip: cut", "raw": None}
    rejects = Reject.cast(pl.DataFrame([broken, {**broken, "file": "a.parquet"}], schema=list_types(Reject)))
    checks = kn.check_export(replace(made, rejects=rejects.lazy()), settings=ANNOUNCED, as_of=LATER)
    (check,) = [check for check in checks if check.name == "rejects"]
    assert check.level == "serious"
    assert check.found == (
        "2 files are broken or cut short: a.parquet, may.zip. "
        "2 rows of 100,000 (0.0 %) could not be used: no event id 2."
    )
    assert check.advice == "Copy or export these files again, and load the whole export anew."


def test_what_to_do_about_rejects_holds_for_a_raw_export_too() -> None:
    advice = find("rejects", *SOUND, rows_in=1000, rejected={"no event id": 1}).advice
    assert advice.startswith("klavnb load writes them into the store’s rejects.parquet")


def test_a_test_account_stands_out() -> None:
    crowd = [happened("Viewed Product", number % 60, who=f"c{number}") for number in range(300)]
    test = [happened("Viewed Product", number % 60, who="tester") for number in range(150)]
    check = find("busy_profile", *crowd, *test)
    assert (check.level, check.parts) == ("serious", {"tester": 150})
    assert find("busy_profile", *crowd, *test[:50]).level == "good"


def test_profiles_without_records_and_records_without_events_are_counted() -> None:
    rows = [happened("Viewed Product", 1, who=who) for who in ("ann", "bob")]
    check = find("profile_records", *rows, profiles=[person("ann"), person("cid"), person("dan")])
    assert (check.level, check.count) == ("look", 1)
    assert check.parts == {"with events": 2, "with a record": 3, "without events": 2}


def test_consent_and_lists_are_there_or_not() -> None:
    assert find("consent", *SOUND, profiles=[person("ann", consent={})]).level == "look"
    assert find("consent", *SOUND, profiles=[person("ann", consent={"email": {}})]).level == "good"
    assert find("groups", *SOUND).found == "There are no members of Klaviyo’s lists or segments."


# The limits


def test_limits_can_be_set() -> None:
    rows = [*visits([day for day in EVERY_DAY if day != 20])]
    made = survey_export(export(*rows), settings=ANNOUNCED, as_of=LATER, limits=Limits(least_usual=13))
    assert find_gaps(made).is_empty()


def test_raw_properties_are_never_read() -> None:
    made = export(*SOUND)
    without = replace(made, events=made.events.drop("properties"))  # type: ignore[arg-type]  # reading it would fail
    assert survey_export(without, settings=ANNOUNCED, as_of=LATER).count_events == len(SOUND)


def test_a_period_is_a_day_long_at_least() -> None:
    made = survey(happened("Viewed Product", 0))
    assert (made.count_days, made.first_on) == (1, FIRST.date())
