"""The report on messages: sentences that say their numbers, described charts, tables that can be read back."""

import json

import polars as pl
import pytest
from builders import at, email_click, email_open, order, received_email, received_sms, sms_click, visit
from performance_builders import LATER, SPRING, WELCOME, bounce, failure, study, unsubscribe

import klavnb as kn
from klavnb.bundled import find_notebooks, find_sample
from klavnb.performance import MessageStudy
from klavnb.rendering import CHART, FACTS, TABLE
from klavnb.segments import Calendar

HOSTILE = "<script>alert(1)</script> [x](javascript:alert(2)) jane@example.com"
PEOPLE = [{"profile_id": f"p{number}"} for number in range(20)]


def account(**more: object) -> list[dict[str, object]]:
    """A campaign to twenty, a flow of an e-mail and a text; twelve order after the campaign, one after the flow."""
    rows = [received_email(day=8, **SPRING, **who) for who in PEOPLE]
    rows += [email_open(day=8.1, **SPRING, **who) for who in PEOPLE[:12]]
    rows += [email_click(day=8.2, **SPRING, **who) for who in PEOPLE[:6]]
    rows += [order(day=9, value=50.0, **{**who, **more}) for who in PEOPLE[:12]]
    rows += [
        received_email(day=6.5, variation_id=f"v{number % 2}", **WELCOME, **who) for number, who in enumerate(PEOPLE)
    ]
    rows += [received_sms(day=7, **LATER, **who) for who in PEOPLE[10:]]
    rows += [sms_click(day=7.1, **LATER, **PEOPLE[15]), order(day=7.2, value=30.0, **{**PEOPLE[15], **more})]
    rows += [unsubscribe(day=7, **WELCOME, **PEOPLE[0]), bounce(day=8, **SPRING), failure(day=7, **LATER)]
    return [*rows, received_email(day=0, **LATER, **PEOPLE[0])]


def show(studied: MessageStudy, *, least: int = 5) -> dict[str, object]:
    """Make everything that the notebook shows."""
    p, currency = kn.performance, studied.comparison.currency
    told = {"study": studied, "currency": currency}
    levels = {
        by: p.leave_out_small(kn.measure_messages(studied, by=by), least=least)
        for by in ("channel", "campaign", "flow", "message")
    }
    messages = p.leave_out_small(p.measure_variations(studied), least=least)
    rates, steps = p.add_median(p.list_rates(levels["message"]), least=least), p.measure_steps(studied)
    changes, dates = p.compare_periods(studied), p.compare_dates(studied)
    f, c, t = kn.findings, kn.charts, kn.tables
    return {
        "period": f.state_message_period(studied, data="sample").text,
        "facts": f.collect_message_facts(dates, study=studied),
        "answer": f.state_performance(levels["channel"], dates, **told).text,
        "campaigns": f.state_campaigns(levels["campaign"], **told).text,
        "flows": f.state_flows(levels["flow"], **told).text,
        "flow messages": f.state_flow_messages(messages, **told).text,
        "steps": f.state_steps(steps, least=least).text,
        "deliveries": f.state_deliveries(levels["channel"]).text,
        "unusual": f.state_unusual(rates, currency=currency).text,
        "changes": f.state_message_changes(changes, **told).text,
        "dates": f.state_message_dates(dates, **told).text,
        "caveats": f.list_message_caveats(studied, least=least, currency=currency).text,
        "earnings chart": c.draw_earnings(levels["campaign"], top=5, **told),
        "rates chart": c.draw_rates(rates, measure="human_open_rate", top=5, study=studied),
        "steps chart": c.draw_steps(steps, top=5, least=least, study=studied),
        "channels table": t.tabulate_channels(levels["channel"], **told),
        "earnings table": t.tabulate_earnings(messages, name="flow-messages", top=9, **told),
        "engagement table": t.tabulate_engagement(messages, name="read", top=9),
        "opens table": t.tabulate_opens(messages, name="opens", top=9),
        "deliveries table": t.tabulate_deliveries(messages, name="delivered", top=9),
        "steps table": t.tabulate_steps(steps, least=least),
        "unusual table": t.tabulate_unusual(rates, currency=currency),
        "changes table": t.tabulate_message_changes(changes, currency=currency),
        "provenance table": t.tabulate_message_provenance(studied),
    }


@pytest.fixture(scope="module")
def shown() -> dict[str, object]:
    return show(study(*account(), start="2022-03-06", calendar=Calendar("Europe/Vienna")))


def read_cells(table: object) -> list[list[str]]:
    output = table._repr_mimebundle_()[TABLE]
    return pl.read_csv(output["csv"].encode(), infer_schema=False).rows()


def test_the_headings_say_what_was_earned_by_which_day_and_in_which_zone(shown: dict[str, object]) -> None:
    assert (
        "## Messages sent from 6 March to 10 March 2022 earned EUR 630 (by send date, Europe/Vienna)" in shown["answer"]
    )
    assert "from 13 orders" in shown["answer"]
    assert "it would lie between EUR 285 and EUR 975 in 95 of 100 cases" in shown["answer"]
    assert (
        "- **E-mail:** EUR 600 (95.2 %) from 20 recipients of 40 messages, EUR 15&#46;00 per message received"
        in shown["answer"]
    )
    assert "messages sent from 6 March to 10 March 2022, and all that came of them" in shown["period"]


def test_the_best_are_named_and_what_hangs_on_few_orders_is_told(shown: dict[str, object]) -> None:
    assert "## “Spring” earned most of the campaigns: EUR 600" in shown["campaigns"]
    assert "between EUR 261 and EUR 939 in 95 of 100 cases" in shown["campaigns"]
    assert "## “Welcome” earned most of the flows: EUR 30" in shown["flows"]
    assert "It hangs on 1 order: too few" in shown["flows"]
    assert "Of 1 message several variations were sent" in shown["flow messages"]
    assert (
        "“Welcome › How is it” earned most: EUR 3&#46;00 (EUR 30 by 10 messages). That is not certain"
        in shown["flow messages"]
    )


def test_the_steps_say_where_people_order_and_leave(shown: dict[str, object]) -> None:
    assert "## “How is it” leads to an order most often: 10.0 % (1 of 10)" in shown["steps"]
    assert "it would lie between 1.8 % and 40.4 % in 95 of 100 cases" in shown["steps"]
    assert "“Hello” with 0.0 % is so near that the lead is not certain" in shown["steps"]
    assert "After 1 message of flows the reader unsubscribed or complained of spam" in shown["steps"]
    assert "most often after “Hello” (1 of 20)" in shown["steps"]
    assert "1 unsubscription, 2 messages not delivered" in shown["deliveries"]


def test_both_ways_of_dating_are_set_beside_each_other(shown: dict[str, object]) -> None:
    assert "## By send date EUR 630, by event date EUR 630: both are right" in shown["dates"]
    by_event = study(*account(), start="2022-03-10", dated_by="event")
    dates, told = kn.performance.compare_dates(by_event), {"study": by_event, "currency": "EUR"}
    channels = kn.measure_messages(by_event, by="channel")
    heading = "## Orders from 10 March to 10 March 2022 that messages earned are worth EUR 600 (by event date, UTC)"
    assert heading in kn.findings.state_performance(channels, dates, **told).text
    assert "## By send date EUR 0, by event date EUR 600" in kn.findings.state_message_dates(dates, **told).text
    assert "what happened from 10 March to 10 March 2022" in kn.findings.state_message_period(by_event).text
    assert "**Other people’s messages:**" in kn.findings.list_message_caveats(by_event, least=5, currency="EUR").text


def test_every_chart_is_described_and_dated_and_names_no_person(shown: dict[str, object]) -> None:
    for name in ("earnings chart", "rates chart", "steps chart"):
        output = shown[name]._repr_mimebundle_()[CHART]
        assert output["description"], name
        assert output["title"]["subtitle"] == "By send date, Europe/Vienna", name
        assert "profile_id" not in json.dumps(output), name


def test_tables_can_be_read_back_with_variations_beneath_their_message(shown: dict[str, object]) -> None:
    earned = read_cells(shown["earnings table"])
    assert [cells[0] for cells in earned] == [
        "Welcome › How is it",
        "Welcome › Hello",
        "Welcome › Hello › variation v0",
        "Welcome › Hello › variation v1",
    ]
    assert earned[0][1:] == ("30.0", "3.0", None, None, "10", "10", "1", "30.0", "30.0")
    assert read_cells(shown["steps table"]) == [
        ("Welcome › Hello", "1", "0.0", "20", "0", "0", "1", "10", "9", "0"),
        ("Welcome › How is it", "2", "0.5", "10", "1", "1", "0", "0", "9", "0"),
    ]
    opened = {cells[0]: cells[1:] for cells in read_cells(shown["opens table"])}
    assert opened["Welcome › How is it"][4:] == ("1", "1", "1", "1")
    channels = dict(cells[:2] for cells in read_cells(shown["channels table"]))
    assert channels["Revenue, cooperative model, EUR"] == "600.0"
    assert channels["Opened, profiles, without machines"] == "12.0"


def test_a_rate_stands_below_what_it_divides(shown: dict[str, object]) -> None:
    channels = {cells[0]: cells[1] for cells in read_cells(shown["channels table"])}
    received = float(channels["Messages received, once a person"])
    opened = float(channels["Messages opened, without machines"])
    assert (opened, received) == (12, 40)
    assert float(channels["Open rate, without machines, of those received"]) == opened / received
    revenue = float(channels["Revenue, cooperative model, EUR"])
    assert float(channels["Revenue per message received, cooperative model, EUR"]) == revenue / received


def test_what_the_export_does_not_tell_is_a_dash_and_said(shown: dict[str, object]) -> None:
    assert "no spam complaints of e-mail" in shown["period"]
    spam = {cells[0]: cells[1:] for cells in read_cells(shown["channels table"])}["Marked as spam, profiles"]
    assert spam == (None, None)
    silent = show(study(email_open(**SPRING), email_click(day=0.5, **SPRING), order(day=1)), least=1)
    assert (
        "no receipts and no bounces and no unsubscriptions and no spam complaints of e-mail, so no recipients"
        in silent["period"]
    )
    assert "recipients not known" in silent["answer"]
    assert "## The export does not say who left" in silent["deliveries"]
    assert "## No flow can be followed step by step" in silent["steps"]
    assert silent["rates chart"] is silent["steps chart"] is silent["deliveries table"] is None


def test_a_period_is_compared_only_where_the_export_goes_back_far_enough(shown: dict[str, object]) -> None:
    assert "## EUR 600 more than in the 5 days before\n" in shown["changes"]

    def tell(studied: MessageStudy) -> str:
        changes = kn.performance.compare_periods(studied)
        assert kn.tables.tabulate_message_changes(changes, currency="EUR") is None
        return kn.findings.state_message_changes(changes, study=studied, currency="EUR").text

    early = tell(study(*account(), start="2022-03-02"))
    assert "## The period before cannot be compared" in early
    assert "but the export begins on 1 March 2022" in early
    assert "## There is no period before this one" in tell(study(*account()))


def test_small_groups_and_empty_periods_leave_nothing_to_show() -> None:
    p, f, c, t = kn.performance, kn.findings, kn.charts, kn.tables
    studied = study(*account(), start="2022-03-06")
    told = {"study": studied, "currency": "EUR"}
    few = {by: p.leave_out_small(kn.measure_messages(studied, by=by), least=21) for by in ("channel", "campaign")}
    assert c.draw_earnings(few["campaign"], top=5, **told) is t.tabulate_channels(few["channel"], **told) is None
    for tabulate in (t.tabulate_engagement, t.tabulate_opens, t.tabulate_deliveries):
        assert tabulate(few["campaign"], name="few", top=9) is None
    assert "Nothing that the export holds" in f.state_campaigns(few["campaign"], **told).text
    studied = study(*account(), order(day=60), start="2022-04-20")
    told, nothing = {"study": studied, "currency": "EUR"}, kn.measure_messages(studied, by="channel")
    assert "earned EUR 0" in f.state_performance(nothing, p.compare_dates(studied), **told).text
    assert t.tabulate_earnings(nothing, name="nothing", top=9, **told) is None
    assert t.tabulate_unusual(p.add_median(p.list_rates(nothing)), currency="EUR") is None


def test_names_that_mean_harm_are_only_text() -> None:
    names = [
        {"message_id": "spring", "message_type": "campaign", "campaign_id": "c1", "campaign_name": HOSTILE},
        {"message_id": "welcome", "message_type": "flow", "flow_id": "f1", "flow_name": HOSTILE, "name": HOSTILE},
        {"message_id": "later", "message_type": "flow", "flow_id": "f1", "flow_name": HOSTILE, "name": HOSTILE},
    ]
    shown = show(study(*account(currency="<b>"), messages=names, start="2022-03-06"))
    for name, part in shown.items():
        text = (
            part.as_raw_html() if name.endswith("table") and part is not None else part if isinstance(part, str) else ""
        )
        assert "<script" not in text, name
        assert "<b>" not in text, name
        assert "](javascript" not in text or name.endswith("table"), name  # no Markdown in a table
        assert "jane@" not in str(part.to_dict() if name.endswith("chart") else text), name


def test_the_facts_give_the_index_its_key_figures(shown: dict[str, object]) -> None:
    facts = shown["facts"]._repr_mimebundle_()[FACTS]
    assert facts["headline"] == "Messages earned EUR 630 (by send date, Europe/Vienna)"
    assert (facts["period"], facts["status"]) == ("2022-03-06 to 2022-03-10", "provisional")
    assert facts["figures"][0] == {"name": "Earned by messages, cooperative model", "value": 630.0, "unit": "EUR"}
    assert {"name": "Messages delivered", "value": 50, "unit": "messages"} in facts["figures"]


def test_caveats_count_what_could_mislead(shown: dict[str, object]) -> None:
    assert "**Not over yet:** messages of the last 5 days" in shown["caveats"]
    assert "rows of fewer than 5 people are not shown" in shown["caveats"]
    assert "The beginning is cut" not in shown["caveats"]
    whole = study(*account())
    assert "The beginning is cut" in kn.findings.list_message_caveats(whole, least=5, currency="EUR").text
    stray = {"message_id": "stray", "profile_id": "ann"}
    visits = kn.Settings.preset("2026")
    more = [{**email_open(day=8, **stray), "occurred_at": at(8)}, unsubscribe(day=8, **stray)]
    more += [visit(day=8.05, profile_id="ann"), order(day=8.1, profile_id="ann")]
    studied = study(*account(), *more, settings=visits, start="2022-03-06")
    told = kn.findings.list_message_caveats(studied, least=5, currency="EUR").text
    assert "**No kind:** 1 message of the export is known to be neither" in told
    assert "**Visits:** EUR 100 more is credited to visits" in told
    assert "**Sending not known:** for 3 events" in told


def test_the_cells_of_the_report_run_with_other_parameters() -> None:
    cells = json.loads(find_notebooks()["messages"].read_text(encoding="utf-8"))["cells"]
    names: dict[str, object] = {}
    given = {"dated_by": "event", "time_zone": "America/New_York", "period_days": 0, "top_n": 3, "min_group": 2}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)  # noqa: S102 - our own notebook, without the time that a kernel takes
        if cell["id"] == "parameters":
            names |= {"data": str(find_sample().parent / "tiny"), **given}
    assert names["study"].dated_by == "event"
    assert names["study"].calendar.time_zone == "America/New_York"
    assert names["changes"].collect().is_empty()
