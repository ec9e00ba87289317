"""What a reader is told of any two models or settings, and of all models: true words, also of data that mean harm."""

import pytest
from builders import ANNOUNCED, email_open, order, sms_click
from test_breakdowns import EUR, KEPT, RECOVERED, UNTOUCHED, export
from test_findings import HOSTILE

import klavnb as kn
from klavnb.rendering import CHART, FACTS

SHORTER = {"baseline": "cooperative", "candidate": "cooperative", "candidate_windows": "email=2d"}
SHARED = (
    email_open(day=0, profile_id="eve", event_id="eve opens"),
    sms_click(day=0.5, profile_id="eve", event_id="eve clicks"),
    order(day=1, value=50.0, profile_id="eve", event_id="eve orders", **EUR),
)
"""Two open touches on two channels."""


def compare(*rows: object, candidate_windows: str = "", **sides: str) -> kn.ModelComparison:
    theirs = ANNOUNCED.with_options(windows=candidate_windows)
    return kn.compare_models(export(*rows), settings=ANNOUNCED, candidate_settings=theirs, **sides)


def show(*rows: object, **sides: str) -> dict[str, object]:
    """Everything that the report on two models shows: name → text, chart or table."""
    data, comparison = export(*rows), compare(*rows, **sides)
    currency, named = comparison.currency, comparison.sides
    summary, caveats = kn.summarise_changes(comparison.changes), kn.find_caveats(data, comparison)
    channels, difference = kn.count_channels(comparison), kn.estimate_difference(comparison.changes)
    bridge, messages, weeks = (part(comparison) for part in (kn.bridge_models, kn.compare_messages, kn.compare_weeks))
    journeys, filters = kn.pick_journeys(comparison), kn.compare_filters(comparison)
    sweep = kn.sweep_windows(comparison.touches, comparison.conversions, settings=ANNOUNCED)
    extra = kn.value_extra_days(sweep, settings=ANNOUNCED)
    said = {"currency": currency, "sides": named}
    return {
        "period": kn.findings.state_period(comparison).text,
        "answer": kn.findings.state_answer(summary, channels, difference=difference, **said).text,
        "bridge": kn.findings.state_bridge(bridge, **said).text,
        "messages": kn.findings.state_messages(messages, **said).text,
        "weeks": kn.findings.state_weeks(weeks, **said).text,
        "sweep": kn.findings.state_sweep(extra, comparison=comparison).text,
        "journeys": kn.findings.state_journeys(journeys, sides=named).text,
        "filters": kn.findings.state_filters(filters, **said).text,
        "advice": kn.findings.advise(comparison).text,
        "facts": kn.findings.collect_facts(summary, caveats, export=data, comparison=comparison),
        "split chart": kn.charts.draw_split(kn.split_value(comparison), **said),
        "bridge chart": kn.charts.draw_bridge(bridge, summary=summary, **said),
        "messages chart": kn.charts.draw_messages(messages, top=5, **said),
        "weeks chart": kn.charts.draw_weeks(weeks, **said),
        "journeys chart": kn.charts.draw_journeys(journeys, **said),
        "messages table": kn.tables.tabulate_messages(messages, top=5, **said),
        "filters table": kn.tables.tabulate_filters(filters, **said),
        "provenance table": kn.tables.tabulate_pair_provenance(data, comparison=comparison),
    }


def words(shown: dict[str, object]) -> dict[str, str]:
    """Every text of it, also of charts and tables."""
    return {
        name: str(part)
        if isinstance(part, str)
        else part.as_raw_html()
        if name.endswith("table")
        else str(part._repr_mimebundle_())
        for name, part in shown.items()
        if part is not None
    }


# Any two models or settings


def test_a_shorter_window_is_told_as_what_it_loses() -> None:
    shown = show(*RECOVERED, *KEPT, *UNTOUCHED, **SHORTER)
    before, after = "cooperative model with e-mail 5 days", "cooperative model with e-mail 2 days"
    assert f"The {after} credits EUR 80 less than the {before}: EUR 100 became EUR 20" in shown["answer"]
    assert f"**1 order** worth EUR 80 that only the {before} credits" in shown["answer"]
    assert "**80.0 % less attributed revenue**" in shown["answer"]
    assert "Those of 1 of the 3 customers who ordered." in shown["answer"]
    assert "E-mail loses most: EUR 80" in shown["bridge"]
    assert shown["messages"].startswith("## “Spring” loses most: EUR 80")
    assert "EUR 80 less" in shown["weeks"]
    assert f"1 order that only the {before} credits" in shown["journeys"]
    assert f"framed field is the setting of this report, which the {before} has" in shown["sweep"]
    assert f"**This report compares** the **{before}** with the **{after}**." in shown["period"]
    assert shown["facts"]._repr_mimebundle_()[FACTS]["headline"] == f"EUR 80 (80.0 %) less under the {after}"
    title = shown["split chart"].to_dict()["title"]
    assert title == "76.2 % of all revenue is credited only with e-mail 5 days"


def test_credit_that_only_moves_is_told_as_what_goes_to_other_messages() -> None:
    shown = show(*SHARED, *KEPT, baseline="cooperative", candidate="linear")
    assert "## Both credit EUR 70, but EUR 25 of it to other messages" in shown["answer"]
    assert "E-mail gains most: EUR 25" in shown["bridge"]
    assert "e-mail EUR 25 more, SMS EUR 25 less" in shown["bridge"]
    assert "“Spring” gains most: EUR 25; “Cart › Cart 1” loses most: EUR 25" in shown["messages"]
    assert "No week changes" in shown["weeks"]
    assert "1 order that both credit, but not alike" in shown["journeys"]
    assert "Linear model: E-mail 50.0 % in 1 touch, SMS 50.0 % in 1 touch" in words(shown)["journeys chart"]
    assert shown["facts"]._repr_mimebundle_()[FACTS]["headline"] == "EUR 25 to other messages under the linear model"


def test_no_sentence_title_or_legend_speaks_of_a_model_that_is_not_compared() -> None:
    sides = {"baseline": "first_click", "candidate": "position_based", "candidate_windows": "sms=none"}
    shown = words(show(*RECOVERED, *KEPT, *UNTOUCHED, *SHARED, **sides))
    del shown["sweep"]  # it tries the windows under the old and the cooperative model, and says so
    told = " ".join(shown.values()).lower()
    assert "old model" not in told
    assert "cooperative" not in told


def test_where_nothing_differs_the_report_says_so() -> None:
    shown = show(*KEPT, baseline="linear", candidate="time_decay")
    assert shown["answer"].startswith("## Both sides credit the same: EUR 20")
    assert shown["messages chart"] is shown["journeys chart"] is shown["messages table"] is None
    assert "No channel gains or loses" in shown["bridge"]
    assert "No order is judged differently" in shown["journeys"]
    assert "Both credit every channel the same revenue" in words(shown)["bridge chart"]


def test_a_lost_order_is_a_step_down_and_not_a_move() -> None:
    chart = show(*RECOVERED, *KEPT, baseline="cooperative", candidate="old")["bridge chart"]
    assert "E-mail, lost where SMS came last: −EUR 80" in chart.to_dict()["description"]


# All models


def study(*rows: object, **sides: str) -> dict[str, object]:
    """Everything that the report on all models shows."""
    data, comparison = export(*rows), compare(*rows, **{"baseline": "cooperative", "candidate": "linear", **sides})
    found, currency = kn.study_models(comparison), comparison.currency
    values, channels, campaigns = kn.value_models(found), kn.value_channels(found), kn.value_campaigns(found)
    flows, messages = kn.value_flows(found), kn.value_messages(found)
    dependence, learned = kn.measure_dependence(messages), kn.learn_channels(kn.find_paths(data, comparison=comparison))
    return {
        "answer": kn.findings.state_choice(values, study=found, currency=currency).text,
        "channels": kn.findings.state_channel_choice(channels, currency=currency).text,
        "campaigns": kn.findings.state_campaign_choice(campaigns, study=found, top=3).text,
        "flows": kn.findings.state_flow_choice(flows, study=found, top=3).text,
        "dependence": kn.findings.state_dependence(dependence, study=found, currency=currency).text,
        "ranks": kn.findings.state_ranks(messages, study=found, top=3).text,
        "learned": kn.findings.state_learned(learned, channels, currency=currency).text,
        "decision": kn.findings.state_decision(
            channels, campaigns, messages, study=found, top=3, currency=currency
        ).text,
        "advice": kn.findings.advise_choice(found).text,
        "facts": kn.findings.collect_choice_facts(values, kn.findings.Facts({}), study=found, currency=currency),
        "models table": kn.tables.tabulate_models(values, currency=currency),
        "campaigns table": kn.tables.tabulate_campaign_values(campaigns, top=3, currency=currency),
        "flows table": kn.tables.tabulate_flow_values(flows, top=3, currency=currency),
        "dependence table": kn.tables.tabulate_dependence(dependence, top=3, currency=currency),
        "ranks table": kn.tables.tabulate_ranks(messages, top=3),
        "learned table": kn.tables.tabulate_learned(learned, currency=currency),
        "glossary table": kn.tables.tabulate_model_glossary(ANNOUNCED),
        "channels chart": kn.charts.draw_model_channels(channels, currency=currency),
        "dependence chart": kn.charts.draw_dependence(dependence, messages, study=found, top=3, currency=currency),
        "learned chart": kn.charts.draw_learned(learned, channels),
    }


FLOW = [{**row, "message_type": "flow"} if row["message_id"] == "an sms" else row for row in SHARED]
BOTH = [{**row, "message_type": "campaign"} if row["message_id"] == "an email" else row for row in FLOW]


@pytest.fixture(scope="module")
def two_orders() -> dict[str, object]:
    """One order of two touches, one of a single touch."""
    return study(*BOTH, *KEPT)


@pytest.fixture(scope="module")
def one_touch() -> dict[str, object]:
    return study(*KEPT)


def test_the_study_tells_what_goes_elsewhere_and_who_depends_on_the_model(two_orders: dict[str, object]) -> None:
    shown = two_orders
    assert "## Another model gives up to EUR 50 (71.4 %) to other messages" in shown["answer"]
    assert "the last-click model EUR 20 less (1 orders)" not in shown["answer"]
    assert "the last-click model EUR 20 less (1 order)" in shown["answer"]
    assert "E-mail earns EUR 20 to EUR 70, by model" in shown["channels"]
    assert "“Spring” depends most on the model: EUR 20 to EUR 70" in shown["dependence"]
    assert "“Cart” earns most by 4 of the 5 models that hand out the same revenue" in shown["flows"]
    assert "2 of the 2 differ by a tenth or more" in shown["dependence"]
    assert "e-mail earns EUR 25 more" in shown["decision"]
    assert "95 of 100" not in shown["decision"]  # one order is too few for an interval
    assert "“Spring” gains most (EUR 25), “Cart › Cart 1” loses most (EUR 25)" in shown["decision"]


def test_the_index_is_told_how_much_the_choice_moves_of_how_much(two_orders: dict[str, object]) -> None:
    facts = two_orders["facts"]._repr_mimebundle_()[FACTS]
    assert facts["headline"] == "The choice of model moves up to EUR 50 of EUR 70 between messages"
    assert "Difference of the models" not in [figure["name"] for figure in facts["figures"]]
    assert {"name": "Moved between messages, at most", "value": 50.0, "unit": "EUR"} in facts["figures"]


def test_too_few_orders_teach_nothing_and_nothing_of_it_is_shown(two_orders: dict[str, object]) -> None:
    shown = two_orders
    assert "Too few orders to learn from: 2 orders with an open touch" in shown["learned"]
    assert shown["learned chart"] is shown["learned table"] is None


def test_enough_orders_teach_a_share_with_its_interval() -> None:
    shop = [
        {**row, "profile_id": f"p{number}", "event_id": f"{row['event_id']} {number}"}
        for number in range(110)
        for row in (BOTH if number % 3 else KEPT)
    ]
    shown = study(*shop)
    assert "## Learned from 110 orders: e-mail earns" in shown["learned"]
    assert "by Shapley" in shown["learned"]
    assert "Markov: " in shown["learned chart"].to_dict()["description"]
    assert "profile_id" not in str(shown["learned chart"]._repr_mimebundle_()[CHART])
    assert "in 95 of 100 cases" in shown["decision"]


def test_orders_of_one_touch_hang_on_no_model(one_touch: dict[str, object]) -> None:
    shown = one_touch
    assert "No message depends on the model" in shown["dependence"]
    assert "None of the 1 best message changes its rank" in shown["ranks"]
    assert "no channel earns a different amount" in shown["decision"]
    assert shown["dependence chart"] is shown["dependence table"] is None


def test_without_a_credited_order_every_part_says_so() -> None:
    shown = study(*UNTOUCHED)
    assert "The cooperative model credits nothing" in shown["answer"]
    assert "No channel earns anything" in shown["channels"]
    assert "No campaign earns anything" in shown["campaigns"]
    assert shown["campaigns table"] is shown["ranks table"] is shown["learned chart"] is None


def test_names_that_mean_harm_are_only_text() -> None:
    rows = [{**row, "message_id": HOSTILE} if row["message_id"] == "an email" else row for row in BOTH]
    rows = [{**row, "currency": "<b>"} if row["metric"] == "Placed Order" else row for row in rows]
    for name, part in {**study(*rows), **show(*rows, baseline="cooperative", candidate="linear")}.items():
        text = part.as_raw_html() if name.endswith("table") and part else part if isinstance(part, str) else ""
        assert "<script" not in text, name
        assert "](javascript" not in text or name.endswith("table"), name
        assert "<b>" not in text, name


def test_every_model_has_its_line_in_the_glossary_with_a_source(one_touch: dict[str, object]) -> None:
    told = one_touch["glossary table"].as_raw_html()
    for name in ("Old", "Cooperative", "First-touch", "Linear", "Time-decay", "Position-based", "Last-click", "Markov"):
        assert f">{name}<" in told
    assert "halves with each 7 days of its age" in told
    assert "40-20-40" in told
