"""What a reader is shown: sentences, charts and tables of any data, also of data that mean harm."""

from datetime import timedelta
from html.parser import HTMLParser

import polars as pl
import pytest
from builders import ANNOUNCED, email_open, order, push_open
from test_breakdowns import EUR, KEPT, RECOVERED, UNTOUCHED, compare, export

import klavnb as kn
from klavnb.rendering import CHART, FACTS, TABLE

HOSTILE = '<script>alert(1)</script> [x](javascript:alert(1)) `$a$` | "quoted" & \u202e=cmd()'


def show(*rows: object, **options: str) -> dict[str, object]:
    """Everything that the notebook shows of some events: name → text, chart or table."""
    data, comparison = export(*rows), compare(*rows, **options)
    currency = comparison.currency
    summary, caveats = kn.summarise_changes(comparison.changes), kn.find_caveats(data, comparison)
    messages, weeks, gaps = kn.compare_messages(comparison), kn.compare_weeks(comparison), kn.measure_gaps(comparison)
    bridge, journeys = kn.bridge_models(comparison), kn.pick_journeys(comparison)
    sweep = kn.sweep_windows(comparison.touches, comparison.conversions, settings=ANNOUNCED)
    extra = kn.value_extra_days(sweep, settings=ANNOUNCED)
    difference = kn.estimate_difference(comparison.changes)
    channels = kn.count_channels(comparison)
    return {
        "period": kn.findings.state_period(comparison).text,
        "answer": kn.findings.state_answer(summary, channels, difference=difference, currency=currency).text,
        "bridge": kn.findings.state_bridge(bridge, currency=currency).text,
        "messages": kn.findings.state_messages(messages, currency=currency).text,
        "weeks": kn.findings.state_weeks(weeks, currency=currency).text,
        "gaps": kn.findings.state_gaps(gaps, settings=ANNOUNCED).text,
        "sweep": kn.findings.state_sweep(extra, comparison=comparison).text,
        "journeys": kn.findings.state_journeys(journeys).text,
        "filters": kn.findings.state_filters(kn.compare_filters(comparison), currency=currency).text,
        "caveats": kn.findings.list_caveats(caveats, export=data, comparison=comparison).text,
        "facts": kn.findings.collect_facts(summary, caveats, export=data, comparison=comparison),
        "split chart": kn.charts.draw_split(kn.split_value(comparison), currency=currency),
        "bridge chart": kn.charts.draw_bridge(bridge, summary=summary, currency=currency),
        "messages chart": kn.charts.draw_messages(messages, top=5, currency=currency),
        "weeks chart": kn.charts.draw_weeks(weeks, currency=currency),
        "gaps chart": kn.charts.draw_gaps(gaps, settings=ANNOUNCED, currency=currency),
        "sweep chart": kn.charts.draw_sweep(sweep, settings=ANNOUNCED, currency=currency),
        "journeys chart": kn.charts.draw_journeys(journeys, currency=currency),
        "messages table": kn.tables.tabulate_messages(messages, top=5, currency=currency),
        "extra days table": kn.tables.tabulate_extra_days(extra, settings=ANNOUNCED, currency=currency),
        "filters table": kn.tables.tabulate_filters(kn.compare_filters(comparison), currency=currency),
        "provenance table": kn.tables.tabulate_provenance(data, comparison=comparison),
    }


def test_the_recovered_order_is_told_in_every_part() -> None:
    shown = show(*RECOVERED, *KEPT, *UNTOUCHED)
    assert "credits EUR 80 more than the old one: EUR 20 became EUR 100" in shown["answer"]
    assert "**1 order** that the old model credited to no message" in shown["answer"]
    assert "1 of 3 who ordered. 1 of them have an order that does differ" in shown["answer"]
    assert "Hardly: it hangs on 1 order" in shown["answer"]
    assert "E-mail earns EUR 80 more where SMS came last" in shown["bridge"]
    assert "“Spring” gains most: EUR 80, from 1 order" in shown["messages"]
    assert "The models differ in 1 of 2 weeks, most in that of 28 February 2022" in shown["weeks"]
    assert "1 order that only the cooperative model credits" in shown["journeys"]
    assert "For 1 of them the change is one order" in shown["messages"]
    assert "Without machine opens, messages earn EUR 100 instead of EUR 100" in shown["filters"]
    assert "These windows are Klaviyo’s defaults of 2022" in shown["period"]


def test_every_length_of_a_window_is_compared_with_the_one_that_is_set() -> None:
    comparison = compare(*RECOVERED, *KEPT)
    sweep = kn.sweep_windows(comparison.touches, comparison.conversions, settings=ANNOUNCED)
    extra = kn.value_extra_days(sweep, settings=ANNOUNCED)
    table = kn.tables.tabulate_extra_days(extra, settings=ANNOUNCED, currency="EUR")
    rows = pl.read_csv(table._repr_mimebundle_()[TABLE]["csv"].encode())
    changes = rows.filter(Channel="E-mail").select("Window, days", pl.col("^.*cooperative_change.*$")).rows()
    value = dict(rows.filter(Channel="E-mail").select("Window, days", "Cooperative model, EUR").rows())
    assert changes == [(days, None if days == 5 else value[days] - value[5]) for days in value]


def test_the_hours_to_an_order_run_from_where_the_window_of_the_channel_starts() -> None:
    rows = (push_open(day=1), email_open(day=1), order(day=1.5))
    gaps = kn.measure_gaps(compare(*rows))
    spec = kn.charts.draw_gaps(gaps, settings=ANNOUNCED, currency="EUR").to_dict()
    axes = {panel["title"]: panel["layer"][0]["encoding"]["x"]["title"] for panel in spec["vconcat"]}
    assert axes == {
        "E-mail": "Hours from the message’s receipt to the order",
        "Push": "Hours from the touch to the order",
    }


def test_every_chart_is_described_titled_and_in_the_form_that_pages_and_jupyterlab_draw() -> None:
    for name, chart in show(*RECOVERED, *KEPT, *UNTOUCHED).items():
        if name.endswith("chart"):
            output = chart._repr_mimebundle_()
            assert output[CHART]["description"], name
            assert output[CHART]["title"], name
            assert "profile_id" not in str(output), name


@pytest.mark.parametrize("rows", [KEPT, UNTOUCHED, (*KEPT, *UNTOUCHED)])
def test_where_the_models_agree_the_report_says_so_and_draws_what_there_is(rows: tuple[object, ...]) -> None:
    shown = show(*rows)
    assert shown["answer"].startswith("## Both models credit the same")
    assert shown["messages chart"] is shown["journeys chart"] is shown["messages table"] is None
    assert "No channel gained" in shown["bridge"]
    assert "No week changes" in shown["weeks"]
    assert "No order was recovered" in shown["journeys"]
    assert "EUR 0 more" not in shown["answer"]


def test_names_that_mean_harm_are_only_text() -> None:
    rows = [{**row, "message_id": HOSTILE} if row["message_id"] == "an email" else row for row in RECOVERED]
    rows = [{**row, "currency": "<b>"} if row["metric"] == "Placed Order" else row for row in rows]
    shown = show(*rows)
    for name, part in shown.items():
        text = part.as_raw_html() if name.endswith("table") else part if isinstance(part, str) else ""
        assert "<script" not in text, name
        assert "](javascript" not in text or name.endswith("table"), name  # no Markdown in a table
        assert "<b>" not in text, name
    assert HOSTILE.split(" ", maxsplit=1)[0] not in shown["messages"]


def test_a_table_can_be_read_back_as_its_rows() -> None:
    class Cells(HTMLParser):
        found: list[str]

        def handle_data(self, data: str) -> None:
            self.found.append(data.strip())

    cells = Cells()
    cells.found = []
    cells.feed(show(*RECOVERED)["messages table"].as_raw_html())
    assert [text for text in cells.found if text][-7:] == ["Spring", "E-mail", "–", "0", "80", "+80", "+1"]


def test_the_facts_of_the_index_say_how_fresh_the_data_are() -> None:
    facts = show(*RECOVERED)["facts"]._repr_mimebundle_()[FACTS]
    assert facts["data_as_of"] == "2022-03-05"
    assert facts["status"] == "provisional"
    assert "Provisional: 1 order of the export’s last 5 days, up to 5 March 2022" in facts["banner"]
    assert "days before this report was made" in facts["banner"]
    assert facts["headline"] == "EUR 80 more under the cooperative model"


def test_a_comparison_without_a_currency_is_told_without_one() -> None:
    rows = [{**row, "currency": None} for row in RECOVERED]
    shown = show(*rows)
    assert "credits 80 more than the old one: 0 became 80" in shown["answer"]
    assert compare(*rows).currency is None


def test_a_touch_in_a_visit_has_no_message_and_still_a_name() -> None:
    settings = kn.Settings.preset("2026")
    visit = {**RECOVERED[1], "metric": "Active on Site", "message_id": None, "event_id": "visit"}
    comparison = compare(visit, {**RECOVERED[-1], "occurred_at": visit["occurred_at"]}, settings=settings)
    assert kn.compare_messages(comparison).collect()["label"].to_list() == ["Visits to the shop"]


def test_messages_of_the_same_name_keep_rows_of_their_own() -> None:
    twins = pl.LazyFrame(
        {
            "message_id": ["a", "b", "c"],
            "channel": ["email", "email", "sms"],
            "label": ["Sale", "Sale", "Sale"],
            "baseline_value": [0.0, 0.0, 0.0],
            "candidate_value": [1.0, 2.0, 3.0],
            "difference": [1.0, 2.0, 3.0],
        }
    )
    spec = kn.charts.draw_messages(twins, top=5, currency=EUR["currency"]).to_dict()
    (rows,) = spec["datasets"].values()
    assert len({row["name"] for row in rows}) == 3


def test_windows_of_different_length_in_one_channel_are_no_field_of_the_sweep() -> None:
    settings = ANNOUNCED.with_windows({"email.open": timedelta(days=3)})
    comparison = compare(*RECOVERED, settings=settings)
    sweep = kn.sweep_windows(comparison.touches, comparison.conversions, settings=settings)
    extra = kn.value_extra_days(sweep, settings=settings)
    told = kn.findings.state_sweep(extra, comparison=comparison).text
    assert "Opens and clicks of e-mails have different windows here" in told
    assert "framed" not in kn.charts.draw_sweep(sweep, settings=settings, currency="EUR").to_dict()["description"]
    assert extra.collect()["channel"].unique().to_list() == ["email"]


def test_without_windows_of_email_and_sms_there_is_no_sweep_to_show() -> None:
    settings = ANNOUNCED.with_windows({"email": None, "sms": None})
    comparison = compare(*RECOVERED, settings=settings)
    sweep = kn.sweep_windows(comparison.touches, comparison.conversions, settings=settings)
    extra = kn.value_extra_days(sweep, settings=settings)
    assert kn.charts.draw_sweep(sweep, settings=settings, currency="EUR") is None
    assert kn.tables.tabulate_extra_days(extra, settings=settings, currency="EUR") is None
    assert "Neither e-mail nor SMS has a window" in kn.findings.state_sweep(extra, comparison=comparison).text


def test_visits_that_earn_orders_and_orders_without_a_run_up_are_told() -> None:
    settings = kn.Settings.preset("2026")
    visit = {**RECOVERED[1], "metric": "Active on Site", "message_id": None, "event_id": "visit"}
    rows = (visit, {**RECOVERED[-1], "occurred_at": visit["occurred_at"]})
    data, comparison = export(*rows), compare(*rows, settings=settings)
    told = kn.findings.list_caveats(kn.find_caveats(data, comparison), export=data, comparison=comparison).text
    assert "1 (100.0 %) of the credited orders go to a visit" in told
    assert "**No run-up:** 1 (100.0 %)" in told


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Thanks jane@example.com", "Thanks [e-mail]"),
        ("Call +1 555 0100 123 now", "Call [phone] now"),
        ("Spring v 1.2.3.4", "Spring v [address]"),
        ("two\u2028lines", "two lines"),
    ],
)
def test_what_looks_personal_or_cannot_be_seen_in_a_name_is_masked(name: str, shown: str) -> None:
    rows = [{**row, "message_id": name} if row["message_id"] == "an email" else row for row in RECOVERED]
    messages = kn.compare_messages(compare(*rows)).collect()
    assert messages["label"].to_list() == [shown]
