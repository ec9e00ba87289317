"""What became of messages: each measure by its definition, sums that hold, and an oracle on histories by chance."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from builders import (
    ANNOUNCED,
    DAY,
    START,
    at,
    briefly,
    email_click,
    email_open,
    order,
    push_open,
    received_email,
    received_push,
    received_sms,
    sms_click,
    visit,
)
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from performance_builders import (
    LATER,
    MESSAGES,
    SPRING,
    WELCOME,
    WITH_VISITS,
    bounce,
    drop,
    failure,
    histories,
    make_export,
    number,
    opt_out,
    spam,
    study,
    unsubscribe,
)
from performance_oracle import measure

from klavnb.bundled import find_sample
from klavnb.comparison import compare_models
from klavnb.errors import SettingsError
from klavnb.performance import (
    STEP_PARTS,
    MessageStudy,
    add_median,
    compare_dates,
    compare_periods,
    find_wilson,
    leave_out_small,
    list_rates,
    measure_messages,
    measure_steps,
    measure_variations,
    plan_period,
    read_outcomes,
    study_messages,
)
from klavnb.schemas import MessageMeasure
from klavnb.segments import UTC_CALENDAR, Calendar
from klavnb.settings import Settings
from klavnb.store import read_export

VIENNA = Calendar("Europe/Vienna")
TINY = find_sample().parent / "tiny"
LEVELS = ("channel", "campaign", "flow", "message", "variation")

ANN, BOB, CID = ({"profile_id": name} for name in ("ann", "bob", "cid"))


def row(studied: MessageStudy, *, by: str = "message", part: str = "current", **wanted: str) -> dict[str, object]:
    return measure_messages(studied, by=by, part=part).filter(**wanted).collect().row(0, named=True)


def pick(measured: dict[str, object], *names: str) -> dict[str, object]:
    return {name: measured[name] for name in names}


CAMPAIGN = (
    received_email(**SPRING, **ANN),
    email_open(day=0.1, is_machine_open=True, **SPRING, **ANN),
    email_open(day=0.2, **SPRING, **ANN),
    email_open(day=0.3, **SPRING, **ANN),
    email_click(day=0.3, **SPRING, **ANN),
    received_email(**SPRING, **BOB),
    email_open(day=0.1, is_machine_open=True, **SPRING, **BOB),
    email_click(day=0.1, is_bot_click=True, **SPRING, **BOB),
    received_email(**SPRING, **CID),
    unsubscribe(day=0.5, **SPRING, **CID),
    spam(day=0.6, **SPRING, **CID),
    bounce(**SPRING, profile_id="dan"),
    drop(**SPRING, profile_id="eve"),
    order(day=1, value=80.0, **ANN),
    order(day=2, value=40.0, **ANN),
)


def test_every_measure_of_a_campaign_is_what_it_says() -> None:
    measured = row(study(*CAMPAIGN), by="campaign")
    third = pytest.approx(1 / 3)
    assert measured == {
        "label": "Spring",
        "channel": "email",
        "message_type": "campaign",
        "campaign_id": "c1",
        "flow_id": None,
        "message_id": "spring",
        "variation_id": None,
        "count_recipients": 3,
        "count_reached": 3,
        "count_sent": 4,
        "count_delivered": 3,
        "count_bounced": 1,
        "count_dropped": 1,
        "count_failed": None,
        "count_opened": 2,
        "count_opens": 4,
        "count_human_opened": 1,
        "count_human_opens": 2,
        "count_clicked": 2,
        "count_clicks": 2,
        "count_human_clicked": 1,
        "count_human_clicks": 1,
        "count_unsubscribed": 1,
        "count_marked_spam": 1,
        "open_rate": pytest.approx(2 / 3),
        "human_open_rate": third,
        "click_rate": pytest.approx(2 / 3),
        "human_click_rate": third,
        "click_to_open_rate": 1.0,
        "bounce_rate": 0.25,
        "failure_rate": None,
        "unsubscribe_rate": third,
        "spam_rate": third,
        "count_baseline": 2,
        "count_candidate": 2,
        "baseline_value": 120.0,
        "candidate_value": 120.0,
        "candidate_error": 120.0,
        "baseline_per_recipient": 40.0,
        "candidate_per_recipient": 40.0,
        "baseline_order_value": 60.0,
        "candidate_order_value": 60.0,
    }


def test_texts_have_failures_and_opt_outs() -> None:
    texts = (
        received_sms(**SPRING, **ANN),
        received_sms(**SPRING, **BOB),
        sms_click(day=0.1, **SPRING, **ANN),
        failure(**SPRING, **CID),
        opt_out(day=1, **SPRING, **BOB),
        order(day=3, **ANN),
    )
    measured = row(study(*texts), by="channel")
    assert pick(measured, "count_sent", "count_failed", "count_unsubscribed") == {
        "count_sent": 3,
        "count_failed": 1,
        "count_unsubscribed": 1,
    }
    assert pick(measured, "failure_rate", "unsubscribe_rate", "open_rate", "count_opens", "candidate_value") == {
        "failure_rate": pytest.approx(1 / 3),
        "unsubscribe_rate": 0.5,
        "open_rate": None,
        "count_opens": None,
        "candidate_value": 0.0,
    }


def test_without_receipts_there_are_no_recipients_and_no_rates() -> None:
    measured = row(study(email_open(**SPRING), order(day=1)))
    unknown = ["count_recipients", "count_delivered", "count_sent", "open_rate", "candidate_per_recipient"]
    assert pick(measured, *unknown) == dict.fromkeys(unknown)
    assert pick(measured, "count_opened", "candidate_value") == {"count_opened": 1, "candidate_value": 100.0}


def test_an_open_without_its_receipt_is_counted_and_bends_no_rate() -> None:
    measured = row(study(received_email(**SPRING, **ANN), email_open(day=1, **SPRING, **BOB), order(day=9)))
    assert pick(measured, "count_opened", "open_rate") == {"count_opened": 1, "open_rate": 0.0}


def test_rates_of_several_messages_are_of_those_who_received_each() -> None:
    both = [received_email(**place, **who) for place in (WELCOME, LATER) for who in (ANN, BOB)]
    measured = row(study(*both, email_open(day=1, **WELCOME, **ANN), order(day=9)), by="channel")
    assert pick(measured, "count_recipients", "count_reached", "open_rate") == {
        "count_recipients": 2,
        "count_reached": 4,
        "open_rate": 0.25,
    }


def test_a_flow_of_several_channels_has_counts_but_no_rates() -> None:
    flow = (received_email(**WELCOME), received_sms(day=1, **LATER), sms_click(day=2, **LATER), order(day=9))
    measured = row(study(*flow), by="flow")
    assert pick(measured, "label", "channel", "count_recipients", "count_delivered", "click_rate") == {
        "label": "Welcome",
        "channel": None,
        "count_recipients": 1,
        "count_delivered": 2,
        "click_rate": None,
    }


def test_an_order_counts_on_the_day_of_its_message_or_on_its_own() -> None:
    late = (received_email(**SPRING), email_open(day=1, **SPRING), order(day=3, value=80.0), order(day=20, value=1.0))
    period = {"start": "2022-03-01", "end": "2022-03-02"}
    assert row(study(*late, dated_by="sent", **period))["candidate_value"] == 80.0
    assert row(study(*late, dated_by="event", **period))["candidate_value"] == 0.0
    values = dict(compare_dates(study(*late, **period)).select("dated_by", "candidate_value").collect().iter_rows())
    assert values == {"sent": 80.0, "event": 0.0}


def test_a_message_whose_orders_count_has_a_row_though_nothing_else_of_it_does() -> None:
    early = (received_email(**SPRING), email_open(day=1, **SPRING), order(day=3, value=80.0))
    measured = row(study(*early, dated_by="event", start="2022-03-04"))
    assert pick(measured, "label", "count_recipients", "count_opens", "candidate_value", "candidate_per_recipient") == {
        "label": "Spring",
        "count_recipients": 0,
        "count_opens": 0,
        "candidate_value": 80.0,
        "candidate_per_recipient": None,
    }


def test_days_are_those_of_the_account() -> None:
    evening = received_email(occurred_at=datetime(2022, 3, 1, 23, 30, tzinfo=UTC), **SPRING)
    first_day = {"start": "2022-03-01", "end": "2022-03-01"}
    rows = (evening, received_email(day=-1, **WELCOME), order(day=9))
    assert measure_messages(study(*rows, **first_day)).collect()["label"].to_list() == ["Spring"]
    assert measure_messages(study(*rows, calendar=VIENNA, **first_day)).collect().is_empty()


def test_all_of_a_campaign_counts_on_the_day_on_which_it_was_sent() -> None:
    rows = (received_email(day=1, sent_at=at(1), **SPRING), email_open(day=2, sent_at=at(1), **SPRING), order(day=9))
    sent = ({**MESSAGES[0], "sent_at": at(0)},)
    assert row(study(*rows, messages=sent, end="2022-03-01"))["count_opens"] == 1
    assert measure_messages(study(*rows, end="2022-03-01")).collect().is_empty()


@pytest.mark.parametrize("said", ["sent_at", "handed_off_at", "receipt_at"])
def test_a_sending_is_known_from_the_cohort_the_handoff_or_the_receipt(said: str) -> None:
    receipt = (received_email(transmission_id="t", **SPRING),) if said == "receipt_at" else ()
    opened = email_open(day=2, transmission_id="t", **({} if receipt else {said: at(0)}), **SPRING)
    studied = study(*receipt, opened, order(day=9), end="2022-03-01")
    assert row(studied)["count_opens"] == 1
    assert studied.tally.select(pl.col("undated").sum()).collect().item() == 0


def test_what_nobody_knows_the_sending_of_counts_on_its_own_day_and_is_counted() -> None:
    studied = study(email_open(day=2, **SPRING), unsubscribe(day=3, **SPRING), order(day=9), start="2022-03-03")
    assert row(studied)["count_unsubscribed"] == 1
    assert studied.tally.select(pl.col("undated").sum()).collect().item() == 2


def test_variations_stand_beneath_their_message_and_add_up_to_it() -> None:
    tried = [
        received_email(variation_id=variation, profile_id=name, **WELCOME)
        for variation, name in (("v1", "ann"), ("v1", "bob"), ("v2", "cid"))
    ]
    opened = email_open(day=1, variation_id="v2", **WELCOME, **CID)
    rows = measure_variations(study(*tried, received_email(**LATER), opened, order(day=2, **CID))).collect()
    assert rows.select("label", "count_delivered", "candidate_value").rows() == [
        ("Welcome › Hello", 3, 100.0),
        ("Welcome › Hello › variation v2", 1, 100.0),
        ("Welcome › Hello › variation v1", 2, 0.0),
        ("Welcome › How is it", 1, 0.0),
    ]


def test_an_order_shared_by_messages_is_one_order_of_each_and_a_part_of_the_money() -> None:
    shared = (email_open(**SPRING), email_open(day=1, **WELCOME), order(day=2, value=100.0))
    export = make_export(number(shared))
    linear = compare_models(export, settings=ANNOUNCED, candidate="linear")
    measured = row(study_messages(export, linear), by="campaign")
    assert pick(measured, "count_candidate", "candidate_value", "candidate_order_value") == {
        "count_candidate": 1,
        "candidate_value": 50.0,
        "candidate_order_value": 100.0,
    }


def test_an_order_that_only_one_model_credits_is_an_order_of_that_one() -> None:
    recovered = (email_open(**SPRING), sms_click(day=0.5, **WELCOME), order(day=3, value=80.0))
    assert pick(row(study(*recovered), by="campaign"), "count_baseline", "count_candidate", "baseline_value") == {
        "count_baseline": 0,
        "count_candidate": 1,
        "baseline_value": 0.0,
    }


def test_without_a_first_day_messages_from_before_the_export_count_too() -> None:
    early = (email_open(sent_at=at(-3), **SPRING), order(day=1, value=80.0))
    assert row(study(*early))["candidate_value"] == 80.0
    assert measure_messages(study(*early, start="2022-03-01")).collect().is_empty()


def test_visits_are_a_row_of_their_own_without_a_message() -> None:
    studied = study(visit(day=1), order(day=1.5), settings=WITH_VISITS)
    measured = row(studied)
    assert pick(measured, "label", "channel", "message_id", "candidate_value", "count_recipients") == {
        "label": "Visits to the shop",
        "channel": "session",
        "message_id": None,
        "candidate_value": 100.0,
        "count_recipients": None,
    }
    assert compare_dates(studied).collect()["candidate_value"].to_list() == [0.0, 0.0]


def test_the_accounts_own_outcomes_count_too() -> None:
    left = (received_email(**SPRING), {**unsubscribe(day=1, **SPRING), "metric": "Abgemeldet"}, order(day=9))
    own = read_outcomes("Abgemeldet=email.unsubscribed")
    assert row(study(*left))["count_unsubscribed"] is None
    assert row(study(*left, outcomes=own))["count_unsubscribed"] == 1


def test_small_groups_are_left_out() -> None:
    rows = leave_out_small(measure_messages(study(*CAMPAIGN, received_email(**WELCOME))), least=2).collect()
    assert rows["label"].to_list() == ["Spring"]


@given(histories)
@hypothesis_settings(briefly, max_examples=3)
def test_measures_are_those_of_the_oracle(rows: list[dict[str, object]]) -> None:
    sent_at = START + timedelta(days=2)
    export = make_export(rows, messages=[{**MESSAGES[0], "sent_at": sent_at}, *MESSAGES[1:]], settings=WITH_VISITS)
    comparison = compare_models(export, settings=WITH_VISITS)
    events, changes = export.events.collect().to_dicts(), comparison.changes.collect().to_dicts()
    first_on, last_on = date(2022, 3, 3), date(2022, 3, 8)
    for dated_by, calendar in (("sent", UTC_CALENDAR), ("event", VIENNA)):
        studied = study_messages(
            export, comparison, dated_by=dated_by, start=str(first_on), end=str(last_on), calendar=calendar
        )
        for by in LEVELS:
            measured = MessageMeasure.validate(measure_messages(studied, by=by).collect()).to_dicts()
            expected = measure(
                events,
                changes,
                by=by,
                dated_by=dated_by,
                zone=calendar.time_zone,
                first_on=first_on,
                last_on=last_on,
                campaigns={"spring": sent_at},
            )
            keys = {
                "channel": ["channel"],
                "campaign": ["campaign_id"],
                "flow": ["flow_id"],
                "message": ["channel", "message_id"],
                "variation": ["channel", "message_id", "variation_id"],
            }[by]
            found = {tuple(each[key] for key in keys): each for each in measured}
            assert set(found) == set(expected)
            for key, wanted in expected.items():
                assert pick(found[key], *wanted) == pytest.approx(wanted, nan_ok=False), (by, dated_by, key)


COUNTED = [name for name in MessageMeasure.column_names() if name.startswith("count_")]
EVENTS = ["count_sent", "count_delivered", "count_bounced", "count_dropped", "count_failed", "count_opens"]
EVENTS += ["count_human_opens", "count_clicks", "count_human_clicks", "baseline_value", "candidate_value"]


@pytest.fixture(scope="module")
def tiny() -> MessageStudy:
    export = read_export(TINY)
    return study_messages(export, compare_models(export, settings=Settings()))


def sums(measured: pl.LazyFrame, *keys: str) -> list[dict[str, float]]:
    return measured.group_by(keys).agg(pl.col(EVENTS).sum().round(6)).sort(keys).collect().to_dicts()


def test_events_and_money_add_up_from_level_to_level(tiny: MessageStudy) -> None:
    by = {level: measure_messages(tiny, by=level) for level in LEVELS}
    assert sums(by["variation"], "channel", "message_id") == sums(by["message"], "channel", "message_id")
    assert sums(by["message"], "channel") == sums(by["channel"], "channel")
    flows = by["message"].filter(message_type="flow")
    assert sums(flows, "flow_id") == sums(by["flow"], "flow_id")
    total = tiny.comparison.changes.select(pl.col("baseline_value", "candidate_value").sum()).collect().row(0)
    for level in ("channel", "message", "variation"):
        assert by[level].select(pl.col("baseline_value", "candidate_value").sum()).collect().row(0) == pytest.approx(
            total
        )


def test_profiles_of_a_whole_are_at_most_those_of_its_parts_and_at_least_those_of_each(tiny: MessageStudy) -> None:
    profiles = ["count_recipients", "count_opened", "count_clicked", "count_unsubscribed"]
    of_messages = measure_messages(tiny, by="message").group_by("channel")
    highest = of_messages.agg(pl.col(profiles).max()).sort("channel").collect()
    added = of_messages.agg(pl.col(profiles).sum()).sort("channel").collect()
    whole = measure_messages(tiny, by="channel").sort("channel").collect()
    for name in profiles:
        assert (whole[name].fill_null(0) >= highest[name].fill_null(0)).all(), name
        assert (whole[name].fill_null(0) <= added[name]).all(), name


def test_over_all_time_both_ways_of_dating_give_the_same(tiny: MessageStudy) -> None:
    other = study_messages(tiny.export, tiny.comparison, dated_by="event")
    for by in ("channel", "variation"):
        one, two = (measure_messages(studied, by=by).collect() for studied in (tiny, other))
        assert one.select(pl.selectors.float().round(6), *COUNTED).equals(
            two.select(pl.selectors.float().round(6), *COUNTED)
        )


def test_measures_hold_their_contract_and_do_not_hang_on_the_order_of_events(tiny: MessageStudy) -> None:
    turned = study_messages(replace(tiny.export, events=tiny.export.events.reverse()), tiny.comparison)
    for by in LEVELS:
        measured = MessageMeasure.validate(measure_messages(tiny, by=by).collect())
        again = measure_messages(turned, by=by).collect()
        assert measured.with_columns(pl.selectors.float().round(6)).equals(
            again.with_columns(pl.selectors.float().round(6))
        )


def test_an_interval_holds_its_share_and_shrinks_with_more_people() -> None:
    shares = [place / 20 for place in range(21)]
    frame = pl.DataFrame({"share": shares})
    widths = []
    for of in (5, 50, 500):
        low, high = find_wilson(pl.col("share"), pl.lit(of))
        bounds = frame.select("share", low=low, high=high)
        assert bounds.filter(pl.col("share").is_between("low", "high")).height == len(shares)
        assert bounds.select(pl.col("low").min(), pl.col("high").max()).row(0) == (0.0, 1.0)
        widths.append(bounds.select((pl.col("high") - pl.col("low")).mean()).item())
    assert all(wide > narrow for wide, narrow in pairwise(widths))


def test_an_interval_is_that_of_the_literature() -> None:
    low, high = find_wilson(pl.lit(81 / 263), pl.lit(263))  # Newcombe 1998, table I, method 3
    assert pl.select(low.round(4).alias("low"), high.round(4).alias("high")).row(0) == (0.2553, 0.3662)


def campaign(name: str, *, opened: int, of: int, day: float = 0) -> list[dict[str, object]]:
    place = {"message_id": name, "message_type": "campaign", "campaign_id": name}
    received = [received_email(day=day, profile_id=f"p{person}", **place) for person in range(of)]
    return [*received, *(email_open(day=day + 0.1, profile_id=f"p{person}", **place) for person in range(opened))]


def test_what_lies_apart_from_the_median_of_its_kind_is_told_and_what_is_too_rare_is_not() -> None:
    rows = [
        *campaign("low", opened=2, of=100),
        *campaign("usual", opened=30, of=100),
        *campaign("near", opened=33, of=100),
    ]
    rows += [*campaign("high", opened=60, of=100), *campaign("few", opened=1, of=3), order(day=9)]
    judged = add_median(list_rates(measure_messages(study(*rows))), least=2).filter(measure="open_rate").collect()
    assert judged.is_empty()  # without machines it says the same
    judged = add_median(list_rates(measure_messages(study(*rows))), least=2).filter(measure="human_open_rate").collect()
    assert dict(judged.select("label", "verdict").iter_rows()) == {
        "low": "below",
        "usual": "usual",
        "near": "usual",
        "high": "above",
        "few": None,
    }
    assert judged["median"].unique().to_list() == [0.33]
    assert judged["count_compared"].unique().to_list() == [5]


def test_two_messages_are_too_few_to_say_what_is_usual() -> None:
    rows = [*campaign("low", opened=10, of=100), *campaign("high", opened=90, of=100), order(day=9)]
    judged = add_median(list_rates(measure_messages(study(*rows))))
    assert judged.select(pl.col("verdict").is_null().all()).collect().item()


def test_money_has_an_interval_from_ten_orders_on() -> None:
    place = {"message_id": "sale", "message_type": "campaign", "campaign_id": "sale"}

    def bought(count: int) -> tuple[float | None, float | None]:
        people = [{"profile_id": f"p{person}"} for person in range(count)]
        rows = [received_email(**place, **who) for who in people] + [
            email_open(day=1, **place, **who) for who in people
        ]
        studied = study(*rows, *(order(day=2, **who) for who in people))
        money = list_rates(measure_messages(studied)).filter(measure="candidate_per_recipient").collect()
        return money.select("low", "high").row(0)

    assert bought(9) == (None, None)
    assert bought(16) == pytest.approx((100 - 1.96 * 25, 100 + 1.96 * 25), abs=0.01)


def test_the_difference_of_two_periods_has_the_interval_of_the_literature() -> None:
    rows = [*campaign("old", opened=48, of=80), *campaign("new", opened=56, of=70, day=10), order(day=19)]
    studied = study(*rows, start="2022-03-11", end="2022-03-20")
    (opened,) = compare_periods(studied).filter(measure="human_open_rate").collect().to_dicts()
    assert (opened["current"], opened["previous"]) == (0.8, 0.6)
    # Newcombe 1998 on differences, table II, method 10
    assert (round(opened["low"], 4), round(opened["high"], 4)) == (0.0524, 0.3339)
    (reached,) = compare_periods(studied).filter(measure="count_reached").collect().to_dicts()
    assert (reached["change"], reached["low"]) == (pytest.approx(-0.125), None)


def test_a_period_that_the_export_does_not_go_back_to_is_not_compared() -> None:
    rows = [*campaign("old", opened=5, of=8), *campaign("new", opened=5, of=8, day=10), order(day=19)]
    late = study(*rows, start="2022-03-10", end="2022-03-20")
    assert not late.period.has_previous
    assert compare_periods(late).collect().is_empty()
    assert compare_periods(study(*rows)).collect().is_empty()


def test_a_channel_whose_receipts_begin_later_is_not_compared() -> None:
    mails = [*campaign("old", opened=5, of=8), *campaign("new", opened=5, of=8, day=10)]
    pushes = [received_push(day=day, **SPRING) for day in (2, 10)] + [push_open(day=11, **SPRING)]
    studied = study(*mails, *pushes, order(day=19), start="2022-03-11", end="2022-03-20")
    assert compare_periods(studied).collect()["channel"].unique().to_list() == ["email"]


def test_at_each_step_of_a_flow_people_order_leave_go_on_or_end() -> None:
    def first(name: str, day: float = 0) -> dict[str, object]:
        return received_email(day=day, profile_id=name, **WELCOME)

    def second(name: str, day: float = 2) -> dict[str, object]:
        return received_sms(day=day, profile_id=name, **LATER)

    rows = [first(name) for name in ("ann", "bob", "cid", "dan", "eve")]
    rows += [second(name) for name in ("ann", "cid", "dan")]
    rows += [email_open(day=1, **WELCOME, **ANN), order(day=1.5, **ANN)]  # ordered, and went on all the same
    rows += [unsubscribe(day=1, **WELCOME, **BOB)]
    rows += [first("eve", day=20), second("eve", day=22)]  # once more from the beginning
    rows += [first("fay", day=59), order(day=60, profile_id="gus")]
    steps = measure_steps(study(*rows)).collect()
    names = [
        "step",
        "label",
        "count_received",
        "count_ordered",
        "count_left",
        "count_went_on",
        "count_recent",
        "count_ended",
    ]
    assert steps.select(names).rows() == [(1, "Hello", 7, 1, 1, 3, 1, 1), (2, "How is it", 4, 0, 0, 0, 0, 4)]
    assert steps["delay"].to_list() == [timedelta(0), 2 * DAY]
    period = measure_steps(study(*rows, start="2022-03-20", end="2022-03-24")).collect()
    assert period.select("step", "count_received", "count_went_on").rows() == [(1, 1, 1), (2, 1, 0)]


def test_a_step_is_too_recent_to_judge_while_the_next_one_may_still_come() -> None:
    rows = [received_email(day=0, **WELCOME, **ANN), received_email(day=20, **LATER, **ANN)]
    rows += [received_email(day=25, **WELCOME, **BOB), received_email(day=25, **LATER, **CID), order(day=35)]
    steps = measure_steps(study(*rows)).collect()
    assert steps.select("step", "count_went_on", "count_recent", "count_ended").rows() == [(1, 1, 1, 0), (2, 0, 0, 2)]


def test_the_steps_of_the_sample_add_up(tiny: MessageStudy) -> None:
    steps = measure_steps(tiny).collect()
    parts = [f"count_{part}" for part in STEP_PARTS]
    assert steps.select(pl.sum_horizontal(parts)).to_series().equals(steps["count_received"], check_names=False)
    delivered = measure_messages(tiny, by="message").filter(message_type="flow").select(pl.col("count_delivered").sum())
    assert steps["count_received"].sum() == delivered.collect().item()
    assert (steps["count_orders"] >= steps["count_ordered"]).all()


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"start": "2022-03-09", "end": "2022-03-01"}, "would begin on 2022-03-09 and end on 2022-03-01"),
        ({"start": "March"}, "'March'"),
        ({"days": -1}, "found -1"),
    ],
)
def test_a_period_that_is_none_is_refused(options: dict[str, object], found: str) -> None:
    with pytest.raises(SettingsError, match=found):
        plan_period(data_from=at(0), as_of=at(9), calendar=UTC_CALENDAR, **options)


def test_what_is_asked_wrongly_is_refused_with_what_there_is() -> None:
    with pytest.raises(SettingsError, match="sent or event; found 'day'"):
        study(*CAMPAIGN, dated_by="day")
    with pytest.raises(SettingsError, match="found 'person'"):
        measure_messages(study(*CAMPAIGN), by="person")
    with pytest.raises(SettingsError, match=r"one of bounced, dropped, .*found email\.gone"):
        study(*CAMPAIGN, outcomes={"Gone": "email.gone"})
    with pytest.raises(SettingsError, match="found email"):
        read_outcomes("email.unsubscribed")
