"""Reports by period: whole periods only, a folder each, a page that compares them; key figures and their change."""

import re
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pages import write_quarters, write_small_report
from small_notebooks import write_notebook

from klavnb.cli.reports import find_periods
from klavnb.errors import ReportError, SettingsError
from klavnb.report import Length, Period, ReportResult, lint_page, list_periods, make_reports, write_index
from klavnb.report.key_figures import KeyFigure, find_previous, read_figures, write_change

QUARTERS = [
    Period("quarter", "2026-Q1", date(2026, 1, 1), date(2026, 3, 31)),
    Period("quarter", "2026-Q2", date(2026, 4, 1), date(2026, 6, 30)),
]
NO_ORDERS = "x.ipynb, cell 3 (import klavnb): No 'Placed Order' from 2026-01-01 to 2026-03-31; found none. All of"


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("length", "first", "last", "names"),
    [
        ("quarter", date(2025, 9, 1), date(2026, 8, 31), ["2025-Q4", "2026-Q1", "2026-Q2"]),
        ("quarter", date(2026, 1, 1), date(2026, 3, 31), ["2026-Q1"]),
        ("month", date(2025, 11, 2), date(2026, 2, 28), ["2025-12", "2026-01", "2026-02"]),
        ("half-year", date(2025, 1, 1), date(2026, 8, 31), ["2025-H1", "2025-H2", "2026-H1"]),
    ],
)
def test_only_whole_periods_of_the_data_count(length: Length, first: date, last: date, names: list[str]) -> None:
    periods = list_periods(first, last, length=length)
    assert [period.name for period in periods] == names
    assert all(first <= period.start < period.end <= last for period in periods)


def test_data_without_a_whole_period_get_a_sentence() -> None:
    with pytest.raises(SettingsError, match="expected a whole quarter in them, found none"):
        list_periods(date(2026, 1, 2), date(2026, 3, 31), length="quarter")


def test_the_periods_of_an_export_are_those_between_its_first_and_last_day() -> None:
    assert [period.name for period in find_periods("data/tiny", "month")] == ["2026-06", "2026-07", "2026-08"]


class TestRun:
    @pytest.fixture
    def given(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, object]]:
        """What each run was given; instead of a kernel, a page is written, but for a quarter without orders."""
        good = write_notebook(tmp_path / "good.ipynb")
        other = write_notebook(tmp_path / "other.ipynb")
        other.write_text(read(other).replace("end: str", "until: str"), encoding="utf-8")
        monkeypatch.setattr("klavnb.report.runner.find_notebooks", lambda: {"good": good, "other": other})
        monkeypatch.setattr("klavnb.report.runner.load_beside", nullcontext)
        given: dict[str, dict[str, object]] = {}

        def run(
            notebook: Path, parameters: dict[str, object], _worker: object, *, out: Path, **_options: object
        ) -> str:
            given[out.name] = parameters
            if "2026-01-01" in parameters.values():
                raise ReportError(NO_ORDERS)
            return notebook.stem

        def write(name: str, *, out: Path, **_options: object) -> ReportResult:
            path = write_small_report(out / "good.html", figures=[("Revenue", 1500.0, "EUR")])
            return ReportResult(name=name, path=path, title="Good", parameters={}, seconds=0.1)

        monkeypatch.setattr("klavnb.report.runner.run_notebook", run)
        monkeypatch.setattr("klavnb.report.runner.write_report", write)
        return given

    def test_each_period_has_its_folder_and_its_days(self, given: dict[str, Any], tmp_path: Path) -> None:
        results = make_reports([], parameters={"top_n": 5}, out=tmp_path / "out", periods=QUARTERS)
        assert given["2026-Q2"] == {"top_n": 5, "start": "2026-04-01", "end": "2026-06-30"}
        assert [(result.period, result.name) for result in results] == [("2026-Q1", "good"), ("2026-Q2", "good")]
        assert "Compared by quarter" in read(tmp_path / "out" / "index.html")
        assert '<a href="../index.html">' in read(tmp_path / "out" / "2026-Q2" / "index.html")

    def test_a_quarter_without_orders_is_said_and_no_failure(self, given: dict[str, Any], tmp_path: Path) -> None:
        results = make_reports(["good"], parameters={}, out=tmp_path, periods=QUARTERS)
        assert [result.status for result in results] == ["no orders", "final"]
        compared = read(tmp_path / "by-quarter.html")
        assert '<th scope="row" class="date">2026-Q1</th><td>no orders</td>' in compared
        assert '<a href="2026-Q2/good.html">2026-Q2</a></th><td>EUR 1,500</td>' in compared
        assert "<strong>no orders</strong>" in read(tmp_path / "2026-Q1" / "index.html")
        assert set(given) == {"2026-Q1", "2026-Q2"}

    @pytest.mark.parametrize(
        ("names", "parameters", "message"),
        [
            (["other"], {}, "other: expected a report with a start and an end"),
            (["good"], {"start": "2026-01-01"}, "--period sets start and end"),
        ],
    )
    @pytest.mark.usefixtures("given")
    def test_what_a_period_cannot_be_set_for_is_refused(
        self, tmp_path: Path, names: list[str], parameters: dict[str, object], message: str
    ) -> None:
        with pytest.raises(SettingsError, match=message):
            make_reports(names, parameters=parameters, out=tmp_path / "out", periods=QUARTERS)
        assert not (tmp_path / "out").exists()


class TestComparison:
    def test_every_figure_stands_beside_that_of_the_period_before(self, tmp_path: Path) -> None:
        write_quarters(tmp_path)
        page = read(tmp_path / "by-quarter.html")
        assert "<h2>Revenue: EUR 1,200 in 2026-Q1, EUR 1,500 in 2026-Q2; ▲ +EUR 300 (+25.0 %)</h2>" in page
        cells = re.findall(r"<td>(.*?)</td>", page)
        assert [re.sub("<[^>]*>", " ", cell).replace("\u00a0", " ").strip() for cell in cells] == [
            "EUR 1,200",
            "–",
            "EUR 1,500  ▲ +EUR 300 (+25.0 %)",
            "–",
        ]
        assert lint_page(page) == []

    def test_names_of_figures_are_text(self, tmp_path: Path) -> None:
        write_small_report(tmp_path / "2026-Q1" / "x.html", figures=[("<script>alert(1)</script>", 1.0, "<b>")])
        write_index(tmp_path / "2026-Q1", kind="period", label="<i>", failed={"y": "<b>it</b> broke"})
        index = write_index(tmp_path)
        for page in (tmp_path / "2026-Q1" / "index.html", index):
            assert not re.search("<script>alert|<b>|<i>", read(page))
            assert lint_page(read(page)) == []


class TestKeyFigures:
    @pytest.mark.parametrize(
        ("now", "before", "change"),
        [
            ((10.0, "%"), (12.5, "%"), "▼ −2.5 points"),
            ((1500.0, "EUR"), (1200.0, "EUR"), "▲ +EUR 300 (+25.0 %)"),
            ((3.0, "orders"), (0.0, "orders"), "▲ +3"),
            ((5.0, "orders"), (5.0, "orders"), "unchanged"),
            ((5.0, "EUR"), (5.0, "USD"), ""),
            ((None, "EUR"), (5.0, "EUR"), ""),
            ((5.0, "EUR"), (None, "EUR"), ""),
        ],
    )
    def test_a_change_has_an_arrow_a_sign_and_its_unit(
        self, now: tuple[Any, str], before: tuple[Any, str], change: str
    ) -> None:
        assert write_change(KeyFigure("x", *now), KeyFigure("x", *before)) == change

    def test_what_is_no_figure_is_passed_over(self) -> None:
        listed = [{"name": "Orders", "value": 3, "unit": "orders"}, {"value": 1}, "x", {"name": "y", "value": "<b>"}]
        assert [str(figure) for figure in read_figures({"figures": listed})] == ["3"]
        assert read_figures({"figures": "none"}) == read_figures({}) == []

    def test_a_page_is_compared_with_the_one_of_older_data_that_it_replaces(self) -> None:
        earlier = {"parameters": {"data": "may", "end": "x"}, "facts": {"data_as_of": "2026-05-31", "figures": [1]}}
        facts = {"data_as_of": "2026-06-30"}
        found = find_previous(earlier, facts=facts, parameters={"data": "june", "end": "x"})
        assert found == {"data_as_of": "2026-05-31", "figures": [1]}
        again = {"parameters": {"data": "june", "end": "x"}, "facts": facts, "previous": found}
        assert find_previous(again, facts=facts, parameters={"data": "june", "end": "x"}) == found
        assert find_previous(earlier, facts=facts, parameters={"data": "june", "end": "y"}) is None
        assert find_previous(earlier, facts={"data_as_of": "2026-04-30"}, parameters={"end": "x"}) is None
