"""What a reader is shown of the agreement with Klaviyo: sentences, charts and tables, also of data that mean harm."""

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from builders import ANNOUNCED, Row, at, email_click, email_open, event, push_open, received_email
from test_agreement import LATE, ordered
from test_breakdowns import export
from test_findings import HOSTILE

import klavnb as kn
from klavnb.agreement.describing import CLASS_NAMES, MEASURE_NAMES
from klavnb.rendering import CHART, FACTS
from klavnb.schemas import AGREEMENTS, CampaignTotal, list_types
from klavnb.settings import Settings

AGREED = (received_email(day=1), email_open(day=1.25), ordered(["email open d1.25"], value=80.0))
DIFFERS = (
    email_open(day=8, profile_id="profile-bob", event_id="bob's open"),
    push_open(day=8.5, profile_id="profile-bob"),
    ordered(["bob's open"], day=9, profile_id="profile-bob", event_id="bob's order", value=20.0),
)
LOST = (ordered(["lost"], day=20, profile_id="profile-cid", event_id="cid's order", value=5.0),)
CHANGED = tuple(
    row
    for day in range(60)
    for row in (
        email_click(day=day, profile_id=f"p{day}", event_id=f"k{day}"),
        ordered([f"k{day}"] if day < 33 else [], day=day + 2.1, profile_id=f"p{day}", event_id=f"c{day}"),
    )
)
"""An e-mail window that let two days pass up to a day, and no longer from then on."""


def show(
    *rows: Row,
    totals: list[dict[str, object]] | None = None,
    settings: Settings = ANNOUNCED,
    model: str = "cooperative",
) -> dict[str, Any]:
    """Everything that the notebook shows of some events: name → text, chart, table, or nothing."""
    given = pl.DataFrame(
        [{"file": "campaigns.csv", **total} for total in totals or []], schema=list_types(CampaignTotal)
    )
    data = replace(export(*rows), totals=CampaignTotal.cast(given.lazy()))
    study = kn.agreement.study_agreement(data, settings=settings, model=model)
    touches = kn.agreement.find_wide_touches(study)
    fit = kn.agreement.fit_settings(kn.agreement.find_evidence(study, touches), settings=settings, model=model)
    drift = kn.agreement.find_drift(fit)
    counts, channels = kn.agreement.count_agreement(study), kn.agreement.count_agreement_channels(study)
    weeks, messages = kn.agreement.count_agreement_weeks(study), kn.agreement.count_agreement_messages(study)
    lags, examples = kn.agreement.measure_recorded_lags(study, touches), kn.agreement.pick_disagreements(study)
    compared = kn.agreement.compare_totals(study)
    reasons = kn.agreement.count_mismatch_reasons(study, compared)
    findings, charts, tables = kn.findings, kn.charts, kn.tables
    return {
        "facts": findings.collect_agreement_facts(study, fit=fit, drift=drift),
        "answer": findings.state_agreement(counts, channels, study=study),
        "weeks": findings.state_agreement_weeks(weeks, study=study),
        "messages": findings.state_agreement_messages(messages, study=study),
        "lags": findings.state_recorded_lags(kn.agreement.find_cutoffs(lags), study=study),
        "fit": findings.state_fit(fit, study=study),
        "drift": findings.state_drift(drift, fit=fit, study=study),
        "advice": findings.advise_on_agreement(fit, drift, study=study),
        "examples": findings.state_disagreements(examples, study=study),
        "totals": findings.state_totals(compared, reasons, study=study),
        "classes chart": charts.draw_agreement(counts, study=study),
        "weeks chart": charts.draw_agreement_weeks(weeks, study=study),
        "lags chart": charts.draw_recorded_lags(lags, fit=fit),
        "drift chart": charts.draw_drift(drift),
        "classes table": tables.tabulate_agreement(counts, study=study),
        "channels table": tables.tabulate_agreement_channels(channels, study=study),
        "messages table": tables.tabulate_agreement_messages(messages, top=5, study=study),
        "settings table": tables.tabulate_settings(fit, study=study),
        "fits table": tables.tabulate_fits(fit, top=5, study=study),
        "examples table": tables.tabulate_disagreements(examples, study=study),
        "totals table": tables.tabulate_totals(compared, study=study),
        "campaigns table": tables.tabulate_campaign_totals(compared, top=5, study=study),
        "provenance table": tables.tabulate_agreement_provenance(study),
    }


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    return show(*AGREED, *DIFFERS, *LOST, LATE)


@pytest.fixture(scope="module")
def changed() -> dict[str, Any]:
    return show(*CHANGED, event("look", "Viewed Product", day=90))


def test_every_class_and_every_measure_has_a_name() -> None:
    assert set(CLASS_NAMES) == set(AGREEMENTS)
    assert set(MEASURE_NAMES) == set(kn.agreement.MEASURES)


def test_each_part_is_told_with_its_numbers(shown: dict[str, Any]) -> None:
    answer = shown["answer"].text
    assert answer.startswith("## Klaviyo recorded what the cooperative model says on 1 of 2 orders (50.0 %)")
    assert "They differ on 1 order, worth EUR 20" in answer
    assert "add up to **EUR 100**, this report’s to **EUR 100**" in answer
    assert "1 more order cannot be compared (credited to an event outside the export: 1)" in answer
    assert "with them, this report credits EUR 100 in all" in answer
    assert "9.5 % to 90.5 %" in answer  # Wilson's interval of 1 in 2
    assert "most in that of 7 March 2022" in shown["weeks"].text
    assert "Klaviyo credits it EUR 100, this report EUR 20 less" in shown["messages"].text
    assert (
        "Klaviyo credited no e-mail open whose message came more than 2.0 days before the order" in shown["lags"].text
    )
    assert "2 orders that stand out" in shown["examples"].text
    assert "No totals of Klaviyo’s own pages were given" in shown["totals"].text
    assert "No sign that the account’s settings changed" in shown["drift"].text


def test_other_settings_that_fit_better_are_named_with_the_parameters_that_set_them(shown: dict[str, Any]) -> None:
    fit = shown["fit"].text
    assert fit.startswith("## Other settings fit better: 2 of 2 orders instead of 1")
    assert "`-p windows=push.open=none" in fit
    assert "Several settings fit equally well" in fit
    assert "Not decided, or hardly: model" in fit
    assert "Use the settings that fit better" in shown["advice"].text
    assert "Other settings than those of this report" in shown["facts"].values["banner"]


def test_a_change_of_settings_is_told_with_its_day_and_drawn(changed: dict[str, Any]) -> None:
    drift = changed["drift"].text
    assert drift.startswith("## The account’s settings seem to have changed about 5 April 2022")
    assert "window of E-mail click 5 days → 2 days" in drift
    assert "on 5 April 2022, give or take a day" in drift
    assert "That is the smallest of" in drift  # any window of two days or less would do after it
    assert "ends the day before, keep the settings of this report" in drift
    assert "begins on the day, add `-p windows=email.click=2d`" in drift
    assert "Do not compare across the day of the change" in changed["advice"].text
    assert "5 April 2022" in changed["facts"].values["banner"]
    assert "5 April 2022" in changed["drift chart"].to_dict()["title"]


def test_an_export_without_a_record_is_told_in_one_paragraph_and_nothing_else_is_shown() -> None:
    found = show(email_open(day=1), ordered(None), LATE)
    answer = found["answer"].text
    assert answer.startswith("## This export does not say what Klaviyo credited")
    assert "`include=attributions`" in answer
    assert len(answer.split("\n\n")) == 2
    kept = {"facts", "answer", "totals", "provenance table"}
    assert {name for name, part in found.items() if part is not None} == kept
    assert found["facts"].values["headline"] == "Klaviyo’s own attribution is not in the export"


def test_where_nothing_can_be_compared_the_report_says_so() -> None:
    found = show(*LOST, LATE)
    assert found["answer"].text.startswith("## No order can be compared with what Klaviyo recorded")
    assert found["fit"] is found["drift"] is found["settings table"] is None
    assert found["classes chart"] is not None


def test_where_both_agree_on_everything_nothing_is_made_up() -> None:
    found = show(*AGREED, LATE)
    assert "There is no order on which they differ" in found["answer"].text
    assert "They differ in no week" in found["weeks"].text
    assert "No message is credited differently" in found["messages"].text
    assert found["messages table"] is found["examples table"] is None
    assert found["fit"].text.startswith("## The settings of this report fit as well as any: 1 of 1 order")
    assert "There is no order to look at more closely" in found["examples"].text
    assert found["facts"].values["banner"].startswith("The data end")


def test_a_model_that_is_not_tried_is_compared_all_the_same() -> None:
    found = show(*AGREED, LATE, model="first_click")
    assert "first-click model" in found["answer"].text
    assert found["fit"].text.startswith("## The settings of this report fit as well as any")


def test_totals_are_told_with_the_reasons_that_may_explain_them() -> None:
    rows = [{**row, "campaign_id": "spring"} if row["message_id"] else row for row in AGREED]
    total = {"campaign_id": "spring", "name": "Spring", "count_opens": 5, "count_conversions": 2, "sent_at": at(1)}
    found = show(*rows, LATE, totals=[total, {"name": "No id"}])
    text = found["totals"].text
    assert "## Orders: 0 of 1 campaign have Klaviyo’s own total" in text
    assert "**Not compared:**" in text
    assert "**Time zone:**" in text
    cells = found["campaigns table"].as_raw_html()
    assert "Spring" in cells
    assert "Opens" in cells
    assert "Klaviyo’s total" in found["totals table"].as_raw_html()


def test_every_chart_is_described_titled_and_names_nobody(shown: dict[str, Any], changed: dict[str, Any]) -> None:
    for name, chart in [*shown.items(), *changed.items()]:
        if name.endswith("chart") and chart is not None:
            output = chart._repr_mimebundle_()
            assert output[CHART]["description"], name
            assert output[CHART]["title"], name
            assert "profile-" not in str(output), name


def test_no_profile_is_named_anywhere(shown: dict[str, Any]) -> None:
    for name, part in shown.items():
        text = part.as_raw_html() if name.endswith("table") and part is not None else getattr(part, "text", "")
        assert "profile-" not in text, name


def test_names_that_mean_harm_are_only_text() -> None:
    rows = [
        {**row, "message_id": HOSTILE, "campaign_id": HOSTILE} if row["message_id"] == "an email" else row
        for row in (*AGREED, *DIFFERS)
    ]
    rows = [{**row, "currency": "<b>"} if row["metric"] == "Placed Order" else row for row in rows]
    totals = [{"campaign_id": HOSTILE, "name": HOSTILE, "count_opens": 9}]
    for name, part in show(*rows, LATE, totals=totals).items():
        text = part.as_raw_html() if name.endswith("table") and part is not None else getattr(part, "text", "")
        assert "<script" not in text, name
        assert "](javascript" not in text or name.endswith("table"), name  # no Markdown in a table
        assert "<b>" not in text, name


def test_the_facts_of_the_index_say_the_share_and_how_fresh_the_data_are(shown: dict[str, Any]) -> None:
    facts = shown["facts"]._repr_mimebundle_()[FACTS]
    assert facts["headline"] == "Matches Klaviyo on 1 of the 2 orders that can be compared (of 3)"
    assert facts["data_as_of"] == "2022-04-30"
    assert facts["status"] == "final"
    assert {figure["name"]: figure["value"] for figure in facts["figures"]} == {
        "Match with Klaviyo’s record": 50.0,
        "Orders that match": 1,
        "Orders compared": 2,
        "Orders of the period": 3,
    }


def test_orders_of_the_last_days_make_the_report_provisional() -> None:
    recent = ordered([], day=58, profile_id="profile-bob", event_id="bob's order")
    facts = show(*AGREED, recent, LATE)["facts"].values
    assert facts["status"] == "provisional"
    assert "Provisional: 1 order of the export’s last 5 days" in facts["banner"]
    assert facts["headline"] == "Matches Klaviyo on all 1 order that can be compared (of 2)"
