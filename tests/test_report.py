"""Reports: parameters are checked before anything runs; a page is whole, foreign to nothing, and names nobody."""

import json
import re
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from nbformat import NotebookNode
from small_notebooks import HOSTILE_NAMES, SETUP, add_output, build_notebook, write_notebook

from klavnb.errors import ReportError, SettingsError
from klavnb.rendering import CHART, FACTS, TABLE
from klavnb.report import (
    check_parameters,
    lint_page,
    make_reports,
    read_parameters,
    run_report,
    split_assignments,
    write_index,
)
from klavnb.report.bundle import read_bundle
from klavnb.report.exporter import ReportExporter
from klavnb.report.figures import dump_json
from klavnb.report.glossary import read_words
from klavnb.report.shell import read_summary
from klavnb.report.signature import list_parameters
from klavnb.report.tables import check_folder, lint_tables, write_tables

LISTED = list_parameters(
    'data: str = "sample"  # the export\nstart: str = ""\nend: str = ""\nas_of: str = ""\nwindows: str = ""\n'
    'preset: str = "2022"\nanchor: str = "received"\ntop_n: int = 10\nshare: float = 0.5\nmachine: bool = False\n'
    'settings_file: str = ""\n'
)
ROWS = [{"campaign": name, "revenue": place + 0.5} for place, name in enumerate(HOSTILE_NAMES)]
DRAWN = {
    "description": "Revenue by campaign.",
    "mark": "bar",
    "data": {"values": ROWS},
    "encoding": {"x": {"field": "revenue", "title": "Revenue (USD)"}, "y": {"field": "campaign"}},
}


def check(**given: object) -> dict[str, object]:
    return dict(check_parameters(LISTED, given, where="attribution"))


def export(notebook: NotebookNode, **page: object) -> tuple[str, dict[str, Any]]:
    resources = {"metadata": {"name": "small"}, "klavnb": page}
    text, resources = ReportExporter().from_notebook_node(notebook, resources)
    return text, resources["klavnb"]


def page_of(*outputs: dict[str, Any]) -> str:
    notebook = build_notebook("## First")
    for data in outputs:
        add_output(notebook, data)
    return export(notebook)[0]


class TestParameters:
    @pytest.mark.parametrize(
        ("given", "read"),
        [
            ({"top_n": "5"}, 5),
            ({"top_n": 5}, 5),
            ({"share": "0.25"}, 0.25),
            ({"share": 1}, 1.0),
            ({"machine": "True"}, True),
            ({"machine": "no"}, False),
            ({"start": "2026-02-28"}, "2026-02-28"),
            ({"start": ""}, ""),
            ({"windows": "email=3d,sms.click=12h"}, "email=3d,sms.click=12h"),
            ({"preset": "2024"}, "2024"),
            ({"anchor": "touched"}, "touched"),
            ({"data": "sample"}, "sample"),
            ({"settings_file": ""}, ""),
        ],
    )
    def test_text_is_read_as_the_parameters_type(self, given: dict[str, object], read: object) -> None:
        (value,) = check(**given).values()
        assert value == read
        assert type(value) is type(read)

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"topn": "5"}, "attribution has no parameter 'topn'.\n\nHint: Did you mean top_n?"),
            ({"a=1;open('x','w')": "5"}, "attribution has no parameter"),
            ({"top_n": "many"}, "top_n should be a whole number, found 'many'"),
            ({"top_n": True}, "top_n should be a whole number, found True"),
            ({"top_n": 2.0}, "top_n should be a whole number, found 2.0"),
            ({"top_n": "0"}, "top_n should be from 1 to 100, found 0"),
            ({"top_n": "101"}, "top_n should be from 1 to 100, found 101"),
            ({"share": "nan"}, "share should be a number, found 'nan'"),
            ({"machine": "2"}, "machine should be true or false, found '2'"),
            ({"preset": 2022}, "preset should be text, found 2022"),
            ({"preset": "2023"}, "There is no preset '2023'.\n\nHint: Choose one of 2022, 2024, 2026."),
            ({"preset": "x\n1"}, "preset should be text"),
            ({"anchor": "recieved"}, "The anchor is received or touched; found 'recieved'."),
            ({"start": "2026-02-30"}, "start should be a date, found '2026-02-30'"),
            ({"start": "20260228"}, "start should be a date, found '20260228'"),
            ({"as_of": "today"}, "as_of should be a date, found 'today'"),
            ({"start": "2026-03-02", "end": "2026-03-01"}, "the period ends (2026-03-01) before it starts"),
            ({"windows": "email=400d"}, "A window is longer than nothing and at most 90 days"),
            ({"windows": "mail=3d"}, "There is no kind of touch called 'mail'"),
            ({"windows": "email"}, "A window is given as channel.kind=length"),
            ({"data": "no/such/export"}, "data should be a file or folder, but 'no/such/export' is not there"),
        ],
    )
    def test_what_is_wrong_gets_a_sentence(self, given: dict[str, object], message: str) -> None:
        with pytest.raises(SettingsError, match=re.escape(message)):
            check(**given)

    def test_a_path_becomes_absolute_since_the_notebook_runs_elsewhere(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "export").mkdir()
        monkeypatch.chdir(tmp_path)
        assert check(data="export") == {"data": str(tmp_path / "export")}

    def test_they_are_read_from_the_tagged_cell_with_their_meaning(self, tmp_path: Path) -> None:
        listed = read_parameters(write_notebook(tmp_path / "small.ipynb"))
        assert list(listed) == ["data", "start", "end", "windows", "preset", "top_n"]
        assert (listed["top_n"].kind, listed["top_n"].default, listed["top_n"].meaning) == (int, 3, "rows to show")

    @pytest.mark.parametrize(
        "line", ["top_n = 3", "top_n: int = len('x')", "top_n: int = 'x'", "x: list = []", "f()", "("]
    )
    def test_a_line_that_is_no_typed_literal_is_refused(self, line: str) -> None:
        with pytest.raises(ReportError, match="parameters cell"):
            list_parameters(line)

    @pytest.mark.parametrize("texts", [["top_n"], ["top_n=1", "top_n=2"]])
    def test_on_a_command_line_each_is_one_name_and_value(self, texts: list[str]) -> None:
        with pytest.raises(SettingsError):
            split_assignments(texts)

    def test_a_file_that_is_no_notebook_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "x.ipynb").write_text("[]")
        with pytest.raises(ReportError, match="is not a notebook"):
            read_parameters(tmp_path / "x.ipynb")


class TestPage:
    def test_names_that_would_run_stand_in_it_as_text(self) -> None:
        page = page_of({CHART: DRAWN})
        assert lint_page(page) == []
        assert "<script>window" not in page
        assert "&lt;script&gt;window.ran" in page
        chart = json.loads(re.findall(r'class="chart-spec">(.*?)</script>', page)[0])
        assert chart == DRAWN

    def test_json_in_it_cannot_end_its_script(self) -> None:
        texts = [*HOSTILE_NAMES, "\u2029", "<!--"]
        assert not set("<>&\u2028\u2029") & set(dump_json(texts))
        assert json.loads(dump_json(texts)) == texts

    def test_its_policy_names_every_script_that_runs_and_no_other(self) -> None:
        page = page_of({CHART: DRAWN})
        assert page.count("'sha256-") == len(re.findall(r"<script>", page)) == 3
        assert page_of({"text/html": "<p>x</p>"}).count("'sha256-") == 1

    def test_vega_is_in_it_once_and_only_where_there_is_a_chart(self) -> None:
        assert page_of({CHART: DRAWN}, {CHART: DRAWN}).count(read_bundle()) == 1
        assert len(page_of({"text/html": "<p>x</p>"})) < 30_000

    def test_no_code_no_noise_and_no_hidden_cell_is_in_it(self) -> None:
        notebook = add_output(build_notebook("secret_code()"), {"text/plain": "hidden away"}, tags=("remove-cell",))
        cell = notebook.cells[-2]
        cell.outputs = [
            {"output_type": "stream", "name": "stdout", "text": "noise out"},
            {"output_type": "stream", "name": "stderr", "text": "noise err"},
            {"output_type": "error", "ename": "E", "evalue": "noise error", "traceback": ["noise trace"]},
            {"output_type": "display_data", "data": {"application/javascript": "noise()"}, "metadata": {}},
        ]
        page = export(notebook)[0]
        assert not re.search("noise|hidden away|secret_code", page)

    def test_under_a_chart_stand_its_description_and_its_data(self) -> None:
        page = page_of({CHART: DRAWN})
        assert "<figcaption>Revenue by campaign.</figcaption>" in page
        assert '<th scope="col">campaign</th><th scope="col">Revenue (USD)</th>' in page
        assert "more rows" not in page

    def test_long_data_are_cut_and_say_so(self) -> None:
        rows = [{"week": f"W{number}"} for number in range(1250)]
        page = page_of({CHART: DRAWN | {"data": {"values": rows}}})
        assert page.count("<td>W") == 200
        assert "1,050 more rows not shown here." in page

    def test_of_many_days_the_newest_are_listed_of_every_line(self) -> None:
        days = [str(date(2025, 1, 1) + timedelta(days=day)) for day in range(365)]
        rows = [{"campaign": name, "revenue": f"{day}T00:00:00"} for name in ("a", "b") for day in days]
        page = page_of({CHART: DRAWN | {"data": {"values": rows}}})
        assert "530 earlier rows not shown here." in page
        assert page.count(">2025-12-31<") == 2
        assert ">2025-09-22<" not in page

    def test_columns_that_only_a_condition_of_the_chart_reads_are_not_listed(self) -> None:
        rows = [{"campaign": "a", "revenue": 1, "is_dark": True, "place": 2}]
        encoding = DRAWN["encoding"] | {"order": {"field": "place"}}
        page = page_of({CHART: DRAWN | {"data": {"values": rows}, "encoding": encoding}})
        assert '<th scope="col">campaign</th>' in page
        assert "place</th>" not in page
        assert "dark</th>" not in page

    def test_its_contents_link_headings_of_cells_and_of_outputs(self) -> None:
        page = page_of({"text/markdown": "## Second & <b>third</b>\n\n## First\n\nOf a campaign."})
        links = re.findall(r'<li><a href="#([^"]+)">([^<]+)</a>', page)
        assert links == [
            ("first", "First"),
            ("second-third", "Second &amp; third"),
            ("first-2", "First"),
            ("parameters", "Parameters"),
            ("glossary", "Words used here"),
        ]
        assert all(page.count(f' id="{name}"') == 1 for name, _ in links)

    def test_its_parameters_are_a_table_with_the_values_of_the_run(self) -> None:
        notebook = build_notebook()
        notebook.metadata["papermill"] = {"parameters": {"top_n": 7, "data": "/home/jane/export"}}
        page = export(notebook)[0]
        assert "<td>top_n</td><td>7</td><td>rows to show</td>" in page
        assert "<td>end</td><td>(empty)</td><td>last day, empty: open</td>" in page
        assert "jane" not in page

    def test_facts_are_told_not_shown(self) -> None:
        facts = {"data_as_of": "2026-08-31", "banner": "Provisional <b>", "headline": "</script>"}
        notebook = add_output(build_notebook(), {FACTS: facts, "text/plain": "shown in JupyterLab"})
        page, told = export(notebook, seconds=1.5)
        assert told["facts"] == facts
        assert '<aside class="notice">Provisional &lt;b&gt;</aside>' in page
        assert "shown in JupyterLab" not in page

    def test_its_title_is_the_first_heading_else_the_notebooks_name(self) -> None:
        assert "<title>A small report</title>" in export(build_notebook())[0]
        untitled = export(build_notebook(title="No heading"))[0]
        assert "<title>small</title>" in untitled
        assert "<h1>small</h1>" in untitled

    def test_it_closes_with_the_words_that_it_uses_and_no_others(self) -> None:
        page = page_of({"text/markdown": "Two Touches & a machine\u00a0open; <i>e-mail</i>.<script>a flow</script>"})
        assert re.findall("<dt>([^<]+)</dt>", page) == ["Touch", "Machine open"]
        assert page.index('id="glossary"') > page.index('id="parameters"')
        assert "glossary" not in page_of({"text/markdown": "Nothing."}).partition("<main")[2]

    def test_a_metric_in_the_provenance_is_no_word_that_the_report_uses(self) -> None:
        table = '<div id="table-provenance"><table><tr><td>Bounced Email 136</td></tr></table></div>'
        page = page_of({"text/html": table}, {"text/markdown": "A touch."})
        assert re.findall("<dt>([^<]+)</dt>", page) == ["Touch"]

    def test_every_word_is_explained_once_in_a_sentence(self) -> None:
        words = read_words()
        assert len({word.name for word in words}) == len(words)
        assert [
            word.name for word in words if not word.meaning.endswith(".") or not word.is_in(word.name.lower())
        ] == []

    def test_half_a_surrogate_pair_does_not_stop_it(self) -> None:
        assert "?" in page_of({"text/markdown": "half \ud83d"})


class TestTables:
    def test_a_page_hands_them_over_and_shows_none_of_it(self) -> None:
        notebook = build_notebook()
        for csv in ("a\n1\n", "a\n2\n"):
            add_output(notebook, {"text/html": "<table></table>", TABLE: {"name": "Top messages", "csv": csv}})
        page, told = export(notebook)
        assert told["tables"] == {"top-messages": "a\n1\n", "top-messages-2": "a\n2\n"}
        assert "vnd.klavnb" not in page

    def test_they_are_written_for_spreadsheets_and_what_is_out_of_date_goes(self, tmp_path: Path) -> None:
        write_tables(tmp_path, "small", {"sums": "Größe\n1\n", "old": "a\n"})
        write_tables(tmp_path, "other", {"sums": "a\n"})
        (written,) = write_tables(tmp_path, "small", {"sums": "Größe\n2\n"})
        assert written.read_bytes() == "\ufeffGröße\n2\n".encode()
        assert pl.read_csv(written).columns == ["Größe"]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["other-sums.csv", "small-sums.csv", "tables.json"]

    def test_a_file_of_someone_else_is_never_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "small-sums.csv").write_text("mine")
        (tmp_path / "tables.json").write_text('{"../small-sums.csv": "small", "x": 1}')
        with pytest.raises(SettingsError, match=r"small-sums\.csv was not written by klavnb"):
            check_folder(tmp_path, ["small"])
        with pytest.raises(ReportError, match=r"small-sums\.csv was not written by klavnb"):
            write_tables(tmp_path, "small", {"new": "a\n", "sums": "a\n"})
        assert (tmp_path / "small-sums.csv").read_text() == "mine"
        assert not (tmp_path / "small-new.csv").exists()
        check_folder(tmp_path, ["other"])
        with pytest.raises(SettingsError, match="should be a folder"):
            check_folder(tmp_path / "small-sums.csv", ["small"])

    def test_a_person_in_one_is_found(self) -> None:
        assert lint_tables({"sums": "Message\njane@example.com\n"}) == [
            "table sums: an e-mail address (ja…@example.com)"
        ]


class TestLint:
    GOOD = page_of({"text/html": "<p>x</p>"})

    def add(self, text: str) -> list[str]:
        return lint_page(self.GOOD.replace("</main>", f"{text}</main>"))

    @pytest.mark.parametrize(
        "text",
        [
            '<a href="https://help.klaviyo.com/hc/en-us">docs</a>',
            '<a href="#main">up</a>',
            '<a href="segments.html">the other report</a>',
            '<img src="data:image/png;base64,AAAA+12345678901" alt="A bar">',
            "<p>@media, 10 @ 5, #tag@, version 3.11.4, 2.1.0, +12.50 USD, +1,234,567.00, 1e+21, 12:00:00+00:00</p>",
            "<p>300.1.1.1 and 1.2.3.4.5 and 2026-08-31 to 2026-09-30</p>",
        ],
    )
    def test_what_belongs_in_a_page_passes(self, text: str) -> None:
        assert self.add(text) == []

    @pytest.mark.parametrize(
        ("text", "finding"),
        [
            ('<img src="https://example.com/x.png" alt="x">', "foreign reference"),
            ('<script src="//example.com/x.js"></script>', "foreign reference"),
            ('<img srcset="x.png 2x" alt="x">', "foreign reference"),
            ('<form action="x"></form>', "foreign reference"),
            ('<a href="https://example.com/">x</a>', "foreign link"),
            ('<a href="https://help.klaviyo.com.example.com/">x</a>', "foreign link"),
            ('<a href="javascript:alert(1)">x</a>', "foreign link"),
            ('<a href=" JavaScript&#58;alert(1)">x</a>', "foreign link"),
            ('<a href="file:///etc/passwd">x</a>', "foreign link"),
            ('<svg><image href="x.png"/></svg>', "foreign link"),
            ('<link rel="stylesheet" href="x.css">', "foreign part"),
            ("<iframe></iframe>", "foreign part"),
            ('<meta http-equiv="refresh" content="0;url=x">', "commands the browser"),
            ("<style>p { background: url(https://example.com/x) }</style>", "address in a style"),
            ("<style>@import 'x.css';</style>", "address in a style"),
            ('<p style="background: url(//example.com)">x</p>', "address in a style"),
            ("<p onclick='x()'>x</p>", "program in an attribute"),
            ('<img src="data:image/png;base64,AA">', "image without alt"),
            ("<p>jane.doe+x@mail.example.co.uk</p>", "e-mail address"),
            ("<p>jane&#64;example.com</p>", "e-mail address"),
            ("<p>jane%40example.com</p>", "e-mail address"),
            (r'<script type="application/json">{"a":"jane\u0040example.com"}</script>', "e-mail address"),
            ("<p>+49 (30) 1234-5678</p>", "phone number"),
            ("<p>call +15551234567</p>", "phone number"),
            ("<p>from 192.168.10.1.</p>", "IP address"),
            (
                '<script type="application/json" class="chart-spec">{"mark":"bar"}</script>',
                "chart 1 has no description",
            ),
        ],
    )
    def test_what_does_not_is_found(self, text: str, finding: str) -> None:
        assert any(finding in found for found in self.add(text)), self.add(text)

    def test_a_page_without_a_policy_is_found(self) -> None:
        assert lint_page("<p>x</p>") == ["it has no Content-Security-Policy"]

    def test_a_finding_does_not_repeat_a_whole_address(self) -> None:
        assert "jane" not in repr(self.add("jane@example.com"))

    @pytest.mark.parametrize("text", ["a" * 1_000_000, "a@" * 300_000, "+1" * 300_000, "1." * 300_000, "a." * 300_000])
    def test_a_megabyte_of_nothing_takes_no_time(self, text: str) -> None:
        started = time.process_time()
        self.add(text)
        assert time.process_time() - started < 30  # what tries every way takes hours


class TestRun:
    def test_a_run_ends_in_a_page_and_a_result(self, tmp_path: Path) -> None:
        told: list[tuple[str, int, int]] = []
        code = "from IPython.display import Markdown\nMarkdown(f'Shows **{top_n}** rows of {data}')"
        table = (
            "import polars as pl\nfrom klavnb.tables.layout import tabulate\n"
            "tabulate(pl.DataFrame({'name': ['=1+1'], 'share': [0.125]}), name='shares').fmt_percent('share')"
        )
        notebook = write_notebook(tmp_path / "small.ipynb", "## Answer", code, table)
        result = run_report(
            notebook,
            parameters={"top_n": "5"},
            out=tmp_path / "out",
            tables=tmp_path / "tables",
            on_progress=lambda *step: told.append(step),
            keep_notebook=True,
        )
        page = result.path.read_text(encoding="utf-8")
        assert (result.name, result.title, result.status) == ("small", "A small report", "final")
        assert (result.parameters["top_n"], result.parameters["data"]) == (5, "sample")
        assert "Shows <strong>5</strong> rows of sample" in page
        assert told[-1] == ("small", 5, 5)
        assert [path.name for path in result.tables] == ["small-shares.csv"]
        assert result.tables[0].read_text(encoding="utf-8-sig") == "name,share\n'=1+1,0.125\n"
        assert "12.50%" in page
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["small.executed.ipynb", "small.html"]
        summary = read_summary(result.path)
        assert summary is not None
        assert summary["parameters"]["top_n"] == "5"

    @pytest.mark.parametrize(
        ("code", "reason"),
        [
            (
                "from klavnb.errors import SettingsError\nraise SettingsError('No such metric.', hint='Name it.')",
                'cell 4, under "Answer" (from klavnb.errors import SettingsError): No such metric.\n\nHint: Name it.',
            ),
            ("1 / 0", 'cell 4, under "Answer" (1 / 0): ZeroDivisionError: division by zero.'),
            ("import os\nos._exit(1)", 'cell 4, under "Answer" (import os): the process that ran it ended'),
            ("import time\ntime.sleep(60)", "(import time): it took longer than 2 seconds"),
            (
                f"{SETUP}\nimport altair as alt\nimport polars as pl\nalt.Chart(pl.DataFrame({{'x': [1]}})).mark_bar()",
                "The chart without a title has no description.",
            ),
            (
                "from IPython.display import Markdown\nMarkdown('jane@example.com')",
                "was not written: an e-mail address",
            ),
        ],
    )
    def test_a_failure_names_the_cell_and_the_reason_and_keeps_the_earlier_page(
        self, tmp_path: Path, code: str, reason: str
    ) -> None:
        notebook = write_notebook(tmp_path / "small.ipynb", "## Answer", code)
        (tmp_path / "small.html").write_text("earlier")
        with pytest.raises(ReportError, match=re.escape(reason)):
            run_report(notebook, parameters={"top_n": 5}, out=tmp_path, cell_timeout=2 if "sleep" in code else 60)
        assert (tmp_path / "small.html").read_text() == "earlier"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["small.html", "small.ipynb"]

    def test_a_folder_that_cannot_be_made_gets_a_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(ReportError, match="cannot be made"):
            run_report(write_notebook(tmp_path / "small.ipynb"), parameters={}, out=tmp_path / "file" / "out")

    def test_nothing_runs_when_a_parameter_is_wrong(self, tmp_path: Path) -> None:
        notebook = write_notebook(tmp_path / "small.ipynb", f"open({str(tmp_path / 'ran')!r}, 'w')")
        with pytest.raises(SettingsError, match="has no parameter"):
            run_report(notebook, parameters={"a=1;import os": "1"}, out=tmp_path)
        assert not (tmp_path / "ran").exists()


class TestSeveral:
    @pytest.fixture
    def notebooks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        good = write_notebook(tmp_path / "good.ipynb", "from IPython.display import Markdown\nMarkdown(str(top_n))")
        bad = write_notebook(tmp_path / "bad.ipynb", "raise ValueError('no data')")
        monkeypatch.setattr("klavnb.report.runner.find_notebooks", lambda: {"bad": bad, "good": good})
        return tmp_path / "out"

    def test_one_that_fails_does_not_stop_the_others_and_the_index_tells(self, notebooks: Path) -> None:
        bad, good = make_reports([], parameters={"top_n": "7"}, out=notebooks)
        assert (bad.status, good.status) == ("failed", "final")
        assert "ValueError: no data" in str(bad.error)
        index = (notebooks / "index.html").read_text(encoding="utf-8")
        assert '<a href="good.html">A small report</a>' in index
        assert '<a href="index.html">All reports of this folder</a></footer>' in good.path.read_text(encoding="utf-8")
        assert "top_n: 7" in index
        assert "<strong>failed</strong>: bad.ipynb, cell 3" in index
        assert lint_page(index) == []

    def test_notebooks_in_one_kernel_know_nothing_of_each_other(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        show = (
            "from IPython.display import Markdown\nMarkdown(f'knows: {[n for n in globals() if n == \"left_over\"]}')"
        )
        codes = {"a": "left_over = top_n", "b": show, "c": "1 / 0", "d": show}
        made = {name: write_notebook(tmp_path / f"{name}.ipynb", code) for name, code in codes.items()}
        monkeypatch.setattr("klavnb.report.runner.find_notebooks", lambda: made)
        monkeypatch.setattr("klavnb.report.runner.os.cpu_count", lambda: 1)
        results = make_reports([], parameters={}, out=tmp_path / "out")
        assert [result.status for result in results] == ["final", "final", "failed", "final"]
        for name in "bd":
            assert "knows: []" in (tmp_path / "out" / f"{name}.html").read_text(encoding="utf-8")

    @pytest.mark.parametrize(
        ("names", "parameters", "message"),
        [
            (["god"], {}, "There is no report called god.\n\nHint: Did you mean good?"),
            (["../good"], {}, "There is no report called ../good."),
            (["good"], {"topn": 1}, "good has no parameter 'topn'"),
            ([], {"topn": 1}, "None of these reports has a parameter 'topn'"),
        ],
    )
    def test_names_and_parameters_are_checked_first(
        self, notebooks: Path, names: list[str], parameters: dict[str, object], message: str
    ) -> None:
        with pytest.raises(SettingsError, match=re.escape(message)):
            make_reports(names, parameters=parameters, out=notebooks)
        assert not notebooks.exists()

    def test_a_foreign_page_or_index_is_never_replaced(self, notebooks: Path) -> None:
        notebooks.mkdir()
        (notebooks / "good.html").write_text("mine")
        with pytest.raises(SettingsError, match=r"good\.html was not made by klavnb"):
            make_reports(["good"], parameters={}, out=notebooks)
        assert [path.name for path in notebooks.iterdir()] == ["good.html"]

    def test_the_index_lists_pages_of_earlier_runs_too(self, tmp_path: Path) -> None:
        page, _ = export(add_output(build_notebook(), {FACTS: {"headline": "12 % <more>"}}), seconds=2.5)
        (tmp_path / "small.html").write_text(page, encoding="utf-8")
        (tmp_path / "other.html").write_text("<p>not a report</p>")
        index = write_index(tmp_path, failed={"small": "it <broke>", "other": "jane@example.com"}).read_text(
            encoding="utf-8"
        )
        assert "12 % &lt;more&gt;" in index
        assert "failed; the earlier report is kept</strong>: it &lt;broke&gt;" in index
        assert "not a report" not in index
        assert "jane" not in index
