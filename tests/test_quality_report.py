"""What a reader is shown of an export's quality: sentences, charts, tables, the command, the report."""

import html
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from builders import ANNOUNCED
from test_quality import EVERY_DAY, SOUND, at, export, happened, orders, survey, visits

import klavnb as kn
from klavnb.bundled import find_notebooks, find_sample
from klavnb.cli import main
from klavnb.quality import TITLES, Check, Limits, Survey
from klavnb.rendering import CHART, FACTS, render
from klavnb.report import make_reports

TINY = find_sample().parent / "tiny"
HOSTILE = "Opened <script>alert(1)</script> *bold* [x](javascript:alert(1)) $a$ | jane@example.com"
SHOWN = "Opened <script>alert(1)</script> *bold* [x](javascript:alert(1)) $a$ | [e-mail]"
"""The same as a reader sees it."""

GAPPED = [*visits([day for day in EVERY_DAY if day not in (20, 21)]), *orders(), *orders([1])]


def judge(made: Survey) -> tuple[Check, ...]:
    return kn.judge_survey(made)


def run(*arguments: str) -> int:
    try:
        main(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def columns(chart: dict[str, Any]) -> set[str]:
    return {name for rows in chart["datasets"].values() for row in rows for name in row}


# Sentences


def test_the_verdict_says_whether_to_believe_the_export() -> None:
    made = survey(*SOUND)
    told = kn.findings.state_quality(judge(made), survey=made, data="sample").text
    assert told.startswith("## Good enough to believe: 4 things to know first\n\n**The data are invented:**")
    assert (
        "**What was looked at:** 1,260 events of 13 profiles from 5 January 2026 to 15 March 2026 (UTC), 70 orders"
        in told
    )
    assert "Of 30 checks, 23 found nothing that speaks against the export (✓)." in told
    assert told.endswith(
        "**Not judged** (–), as the export does not hold what they look at: Events that are not there, names of "
        "messages, lists and segments."
    )


def test_a_serious_finding_is_the_heading_and_the_banner() -> None:
    made = survey(*GAPPED)
    checks = judge(made)
    told = kn.findings.state_quality(checks, survey=made).text
    assert told.startswith("## Not to be believed yet: 3 findings are serious\n")
    assert (
        "**Serious** (✗), since it makes numbers wrong until it is mended: Days without a metric, missing metrics"
        in told
    )
    facts = kn.findings.collect_quality_facts(checks, survey=made)._repr_mimebundle_()[FACTS]
    assert facts["headline"] == "3 serious problems; 4 of 30 checks need your attention"
    assert facts["banner"].startswith("Not to be believed yet: ")
    assert facts["data_as_of"] == "2026-03-15"


def test_a_part_tells_its_checks_with_sign_and_word() -> None:
    checks = judge(survey(*GAPPED))
    told = html.unescape(kn.findings.state_quality_part(checks, part="orders").text)
    assert told.startswith("## Orders: orders there twice (serious)\n\n- ✓ **Values of orders** (good): ")
    assert "- ✗ **Orders there twice** (serious): 1 order (1.4 %), worth 100, came again" in told
    told = kn.findings.state_quality_part(checks, part="clocks").text
    assert told.startswith("## Clocks: nothing speaks against them\n")


def test_every_check_is_told_in_one_part() -> None:
    checks = judge(survey(*SOUND))
    parts = ("days", "receipts", "metrics", "orders", "flags", "clocks", "records")
    told = "\n".join(kn.findings.state_quality_part(checks, part=part).text for part in parts)
    assert [told.count(f"**{title}**") for title in TITLES.values()] == [1] * len(TITLES)


def test_the_list_says_what_each_finding_does_and_the_serious_come_first() -> None:
    made = survey(*GAPPED, notes=("Passed over: a_file.txt.",))
    told = html.unescape(kn.findings.list_quality(judge(made), survey=made).text)
    headings = re.findall(r"^### (.) .*\((\w+)\)$", told, flags=re.MULTILINE)
    assert [level for _, level in headings] == ["serious"] * 3 + ["look"] * 4
    assert told.count("**What it does to the numbers:**") == told.count("**What to do:**") == 7
    assert "**What loading noted:**\n\n- Passed over: a_file.txt." in told


def test_a_part_of_which_nothing_could_be_judged_says_so() -> None:
    checks = judge(survey(*visits()))
    told = kn.findings.state_quality_part(checks, part="orders").text
    assert told.startswith("## Orders: could not be judged\n\n- – **Values of orders** (not judged): There are no")
    told = kn.findings.state_quality_part(judge(survey(*SOUND)), part="metrics").text
    assert told.startswith("## Metrics: nothing speaks against them, 1 of 3 checks not judged\n")


def test_the_list_ends_with_what_was_not_judged() -> None:
    made = survey(*SOUND)
    told = kn.findings.list_quality(judge(made), survey=made).text
    _, unjudged = told.split("**Not judged, which speaks neither for the export nor against it:**\n\n")
    assert [line.partition(":**")[0] for line in unjudged.splitlines()] == [
        "- **Events that are not there",
        "- **Names of messages",
        "- **Lists and segments",
    ]


def test_the_report_says_the_limits_in_words_and_they_are_those_that_hold() -> None:
    cells = json.loads(find_notebooks()["data_quality"].read_text(encoding="utf-8"))["cells"]
    words = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    limits = Limits()
    for share in (limits.look_share, limits.serious_share, limits.serious_gap, limits.serious_repeats):
        assert f"{share:.0%}".replace("%", " %") in words
    assert limits.serious_gap == limits.serious_repeats == limits.serious_rejects
    assert "klavnb.quality" not in words


def test_names_from_the_data_stay_text_everywhere() -> None:
    made = survey(*SOUND, happened(HOSTILE, 1), happened(HOSTILE, 1, message_id="m"))
    checks = judge(made)
    texts = [
        kn.findings.state_quality(checks, survey=made).text,
        *(kn.findings.state_quality_part(checks, part=part).text for part in ("metrics", "clocks")),
        kn.findings.list_quality(checks, survey=made).text,
        kn.tables.tabulate_metrics(made, top=100).as_raw_html(),
    ]
    assert not [text for text in texts if "<script>alert" in text or "jane@example.com" in text]
    assert SHOWN in html.unescape(re.sub("</?span>", "", texts[1]))


# Charts and tables


def test_missing_days_are_marked_in_the_chart_and_in_its_words() -> None:
    chart = render(kn.charts.draw_days(survey(*GAPPED)).to_dict())
    assert chart[CHART]["title"] == "2 days without a metric that is usual on them"
    assert "Active on Site: 2 missing days." in chart["text/plain"]
    shapes = json.dumps(chart[CHART])
    assert "triangle-down" in shapes
    sound = render(kn.charts.draw_days(survey(*SOUND)).to_dict())
    assert sound[CHART]["title"] == "No day of 70 is missing"
    assert "triangle-down" not in json.dumps(sound[CHART])


def test_a_long_period_is_drawn_by_the_week() -> None:
    chart = render(kn.charts.draw_days(survey(*visits(range(600), 1), as_of=at(700))).to_dict())
    assert chart["text/plain"].startswith("Events by week")
    assert max(len(rows) for rows in chart[CHART]["datasets"].values()) == 86


def test_the_receipts_are_drawn_by_where_they_are_known_from() -> None:
    chart = kn.charts.draw_receipts(survey(*SOUND))
    assert chart is not None
    shown = render(chart.to_dict())[CHART]
    assert shown["title"] == "100.0 % have their Received event"
    assert columns(shown) == {"touch_kind", "source", "share", "count_part"}
    assert kn.charts.draw_receipts(survey(*visits())) is None


def test_values_are_drawn_in_steps_and_doubtful_ones_apart() -> None:
    odd = [happened("Placed Order", 1, value=value, currency="EUR") for value in (None, -3.0, 0.0, 0.5, 2e7)]
    chart = kn.charts.draw_order_values(survey(*orders(), *odd))
    assert chart is not None
    shown = render(chart.to_dict())
    assert shown["text/plain"] == (
        "Bars: 75 orders by their value, EUR. no value: 1; below 0: 1; 0: 1; below 1: 1; 100 to 200: 70; "
        "5,000,000 or more: 1."
    )
    assert shown[CHART]["title"] == "The most frequent value: 100 to 200, 93.3 %"
    assert kn.charts.draw_order_values(survey(*visits())) is None


def test_tables_say_what_metrics_are_used_as_and_who_opened() -> None:
    made = survey(*SOUND, happened("Viewed Product", 1))
    listed = kn.tables.tabulate_metrics(made, top=100).as_raw_html()
    for word in ("E-mail receipt", "SMS click", "order", "visit"):
        assert f">{word}<" in listed
    flags = kn.tables.tabulate_flags(made)
    assert flags is not None
    assert "By a person" in flags.as_raw_html()
    assert kn.tables.tabulate_flags(survey(*visits())) is None
    assert "2026-01-05 12:00:00" in kn.tables.tabulate_clocks(made).as_raw_html()
    assert "2026-09-01 00:00 UTC" in kn.tables.tabulate_quality_provenance(export(*SOUND), survey=made).as_raw_html()


# The command


def test_check_prints_every_check_and_a_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(TINY), "--as-of", "2026-09-01") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Missing days" in printed
    assert "! look" in printed
    assert "✓ good" in printed
    assert "Good enough to believe" in printed
    assert "– not judged" in printed
    assert "30 checks: 2 look, 27 good, 1 not judged." in printed


def test_check_answers_in_json_with_keys_that_stay(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(TINY), "--json", "--as-of", "2026-09-01") == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == [
        "verdict",
        "as_of",
        "first_on",
        "last_on",
        "fingerprint",
        "rows_in",
        "rows_kept",
        "notes",
        "checks",
    ]
    assert answer["verdict"] == "look"
    assert answer["as_of"] == "2026-09-01T23:59:59.999999Z"
    assert [check["name"] for check in answer["checks"]] == list(TITLES)
    keys = ["name", "level", "found", "effect", "advice", "count", "of_count", "parts"]
    assert {tuple(check) for check in answer["checks"]} == {tuple(keys)}


def test_check_fails_over_what_is_serious_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    early = ("check", str(TINY), "--as-of", "2026-07-01")
    assert run(*early) == 0
    assert "Not to be believed yet" in capsys.readouterr().out
    assert run(*early, "--strict") == 1
    captured = capsys.readouterr()
    assert "1 finding is serious: Events in the future." in captured.err
    assert "✗ serious" in captured.out
    assert run("check", str(TINY), "--strict") == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--as-of", "yesterday"), "--as-of"),
        (("--settings", "nowhere.toml"), "nowhere.toml"),
    ],
)
def test_check_refuses_what_is_no_day_or_no_file(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check", str(TINY), *arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_check_judges_a_store_as_it_judges_the_export(tmp_path: Path) -> None:
    raw = kn.read_export(TINY)
    kn.write_store(raw, tmp_path / "store")
    from_raw, from_store = (
        kn.check_export(data, settings=ANNOUNCED, as_of=datetime(2026, 9, 1, tzinfo=UTC))
        for data in (raw, kn.read_export(tmp_path / "store"))
    )
    assert from_raw == from_store


# The report


def test_the_report_is_made_of_any_export_and_names_what_is_serious(tmp_path: Path) -> None:
    parameters = {"data": str(TINY), "exported_on": "2026-07-01", "windows": "sms=none", "top_n": 3}
    (result,) = make_reports(["data_quality"], parameters=parameters, out=tmp_path)
    assert result.error is None
    page = result.path.read_text(encoding="utf-8")
    assert "Not to be believed yet: 1 finding is serious" in page
    assert "Events in the future" in page
    assert "Where these numbers come from" in page
