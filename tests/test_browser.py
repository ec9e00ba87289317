"""The page in a real browser: it asks nobody, draws, answers the pointer, is legible, and runs nothing of the data."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import REPORTS, open_page, set_media, set_width
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait
from small_notebooks import HOSTILE_NAMES, add_output, build_notebook

from klavnb.rendering import CHART
from klavnb.report import lint_page
from klavnb.report.exporter import ReportExporter

HARMLESS = "because spec has discrete height"
"""Vega-Lite says so of every chart that is as wide as the page and as high as its bars need."""

READABLE = 4.5
READABLE_LARGE = 3.0

FIND_MARKS = """
return [...document.querySelectorAll("figure.chart")].map(figure => ({
  drawn: figure.dataset.drawn,
  label: figure.querySelector("[role='graphics-document']")?.getAttribute("aria-label") ?? "",
  marks: [...figure.querySelectorAll("svg.marks g[class*='role-mark'] :is(path, text, rect, line, image)")]
    .filter(mark => mark.getBBox().width + mark.getBBox().height > 0).length,
}))"""

FIND_POINTS = """
const host = document.querySelectorAll("figure.chart")[arguments[0]].querySelector(".canvas");
host.scrollIntoView({block: "center"});
const box = host.getBoundingClientRect();
return [...host.querySelectorAll("g[class*='role-mark'] :is(path, rect, line)")]
  .map(mark => mark.getBoundingClientRect()).map(mark => [mark.x + mark.width / 2, mark.y + mark.height / 2])
  .filter(([x, y]) => x > box.left && x < box.right && y > 0 && y < innerHeight).slice(0, 40)"""

FIND_TOOLTIP = """
const tip = document.querySelector("#vg-tooltip-element.visible");
return tip && {text: tip.innerText, html: tip.innerHTML}"""

FIND_CONTRAST = """
const parse = text => (text.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
  .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const blend = (ink, opacity, below) => below.map((v, i) => ink[i] * opacity + v * (1 - opacity));
const paper = node => {
  for (; node; node = node.parentElement) {
    const found = parse(getComputedStyle(node).backgroundColor);
    if ((found[3] ?? 1) > .5) return found.slice(0, 3);
  }
  return [255, 255, 255];
};
const shapes = new Map();  // what each chart draws, in its order: text may stand on a bar or a cell
const below = text => {
  const svg = text.ownerSVGElement, box = text.getBoundingClientRect();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  if (!shapes.has(svg)) {
    const drawn = "g[class*='role-mark'] :is(path:not(.background, .foreground), rect)";
    shapes.set(svg, [...svg.querySelectorAll(drawn)].map(shape => {
      const style = getComputedStyle(shape);
      return {shape, box: shape.getBoundingClientRect(), fill: parse(style.fill), none: style.fill === "none",
        opacity: Number(style.fillOpacity) * Number(style.opacity)};
    }));
  }
  return shapes.get(svg).filter(({shape, box, none}) => !none && box.left <= x && x <= box.right && box.top <= y
      && y <= box.bottom && shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING)
    .reduce((colour, {fill, opacity}) => blend(fill, opacity * (fill[3] ?? 1), colour), paper(svg));
};
const found = [];
for (const node of document.querySelectorAll("body *")) {
  const own = [...node.childNodes].filter(child => child.nodeType === 3 && child.textContent.trim());
  const box = node.getBoundingClientRect();
  if (!own.length || !box.width || node.closest("script, style, .skip, noscript")) continue;
  const style = getComputedStyle(node);
  if (style.visibility === "hidden" || style.display === "none" || style.opacity === "0") continue;
  const svg = node instanceof SVGElement;
  const under = svg ? below(node) : paper(node);
  const ink = blend(parse(svg ? style.fill : style.color), svg ? Number(style.fillOpacity) * style.opacity : 1, under);
  const [a, b] = [light(ink), light(under)];
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.5 && Number(style.fontWeight) >= 600);
  found.push([ratio, large, node.tagName, own[0].textContent]);
}
return found"""


@pytest.fixture(scope="session", params=REPORTS)
def page(request: pytest.FixtureRequest, every_page: dict[str, Path]) -> Path:
    return every_page[request.param]


@pytest.fixture
def opened(browser: Chrome, page: Path) -> Iterator[Chrome]:
    # a page that is open already stays so, as drawing it takes long: what a test changes of it, the next sets anew
    if browser.current_url != page.as_uri():
        open_page(browser, page)
    yield browser
    set_media(browser)
    set_width(browser)


def list_requests(browser: Chrome) -> list[str]:
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]  # type: ignore[no-untyped-call]  # selenium leaves it without
    return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]


def list_console(browser: Chrome) -> list[str]:
    entries = browser.get_log("browser")  # type: ignore[no-untyped-call]  # selenium leaves it without
    return [entry["message"] for entry in entries if HARMLESS not in entry["message"]]


def test_the_only_request_is_the_file_itself_and_the_console_is_silent(opened: Chrome, page: Path) -> None:
    assert list_requests(opened) == [page.as_uri()]
    console = list_console(opened)
    assert not console, console


def test_every_chart_drew_marks_and_says_what_it_shows(opened: Chrome) -> None:
    charts: list[dict[str, Any]] = opened.execute_script(FIND_MARKS)
    assert charts
    assert [chart for chart in charts if chart["drawn"] != "yes" or not chart["marks"] or not chart["label"]] == []


def test_a_tooltip_appears_as_text_where_the_pointer_rests(opened: Chrome) -> None:
    charts = range(opened.execute_script("return document.querySelectorAll('figure.chart').length"))
    assert any(find_tooltip(opened, chart) for chart in charts)


def find_tooltip(browser: Chrome, chart: int) -> dict[str, str] | None:
    for x, y in browser.execute_script(FIND_POINTS, chart):
        for near in (x - 1, x):
            browser.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": near, "y": y})
        tooltip: dict[str, str] | None = browser.execute_script(FIND_TOOLTIP)
        if tooltip:
            return tooltip
    return None


@pytest.mark.parametrize(
    ("media", "scheme"), [("screen", "light"), ("screen", "dark"), ("print", "light"), ("print", "dark")]
)
def test_every_text_is_legible(opened: Chrome, media: str, scheme: str) -> None:
    set_media(opened, media, scheme)
    texts: list[tuple[float, bool, str, str]] = opened.execute_script(FIND_CONTRAST)
    assert len(texts) > 20
    faint = [text for text in texts if text[0] < (READABLE_LARGE if text[1] else READABLE)]
    assert not faint, faint


def test_the_dark_page_is_dark_and_paper_stays_white(opened: Chrome) -> None:
    def find_paper(media: str) -> str:
        set_media(opened, media, "dark")
        colour: str = opened.execute_script("return getComputedStyle(document.documentElement).backgroundColor")
        return colour

    assert find_paper("screen") == "rgb(22, 24, 28)"
    assert find_paper("print") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("width", [768, 390])
def test_a_screen_that_becomes_narrow_does_not_scroll_sideways(opened: Chrome, width: int) -> None:
    set_width(opened, width)
    fits = "return document.documentElement.scrollWidth <= arguments[0]"
    WebDriverWait(opened, 5, poll_frequency=0.05).until(lambda chrome: chrome.execute_script(fits, width))


def test_charts_fit_on_paper_and_folded_data_stay_out(opened: Chrome) -> None:
    set_media(opened, "print")
    set_width(opened, 700)
    widths = opened.execute_script(
        "return [...document.querySelectorAll('svg.marks')].map(svg => svg.getBoundingClientRect().width)"
    )
    assert widths
    assert max(widths) <= 700
    cut = (
        "return [...document.querySelectorAll('main table, main pre')].map(part => part.getBoundingClientRect().right)"
    )
    assert max(opened.execute_script(cut)) <= 701
    assert not opened.execute_script("return [...document.querySelectorAll('details')].some(part => part.offsetHeight)")
    printed = base64.b64decode(opened.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert printed.startswith(b"%PDF")


def test_every_link_of_the_contents_leads_somewhere(opened: Chrome) -> None:
    lost = opened.execute_script(
        "return [...document.querySelectorAll('a[href^=\"#\"]')].map(link => link.getAttribute('href').slice(1))"
        '.filter(name => document.querySelectorAll(`[id="${CSS.escape(name)}"]`).length !== 1)'
    )
    assert lost == []


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with a table whose every column sorts in its own way."""
    rows = [
        ("Sale 10", "EUR 1,200", "12.5%", "2026-01-02", "2 days", "fewer than 5", "2026-Q2"),
        ("Sale 9", "EUR 80", "2%", "2025-12-31", "30 hours", "12", "2026-Q1"),
        ("apple", "−EUR 5", "–", "2026-01-10", "20 minutes", "1,000", "2025-Q4"),
    ]
    heads = ("name", "money", "share", "day", "span", "count", "quarter")
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    head = "".join(f'<th id="{name}">{name}</th>' for name in heads)
    html = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    kept = html.replace("money", "more than the row above").replace("<th id", "<th data-id")
    notebook = add_output(add_output(build_notebook("## Table"), {"text/html": html}), {"text/html": kept})
    path = tmp_path_factory.mktemp("table") / "table.html"
    path.write_text(ReportExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    return path


class TestTable:
    @pytest.mark.parametrize(
        ("column", "order"),
        [
            ("name", "210"),
            ("money", "012"),
            ("share", "012"),
            ("day", "201"),
            ("span", "012"),
            ("count", "210"),
            ("quarter", "210"),
        ],
    )
    def test_it_sorts_by_what_a_column_means(self, browser: Chrome, table: Path, column: str, order: str) -> None:
        def read() -> str:
            cells = "return [...document.querySelectorAll('tbody tr')].slice(0, 3).map(row => row.cells[0].textContent)"
            return "".join(str(["Sale 10", "Sale 9", "apple"].index(name)) for name in browser.execute_script(cells))

        open_page(browser, table)
        head = browser.find_element("id", column)
        button = head.find_element("tag name", "button")
        button.click()
        text = column in ("name", "quarter")
        assert (head.get_attribute("aria-sort"), read()) == ("ascending" if text else "descending", order)
        button.send_keys(Keys.ENTER)
        blank = "2" if column == "share" else ""
        turned = order.removesuffix(blank)[::-1] + blank
        assert (head.get_attribute("aria-sort"), read()) == ("descending" if text else "ascending", turned)
        button.send_keys(Keys.SPACE)
        assert (head.get_attribute("aria-sort"), read()) == (None, "012")

    def test_rows_that_refer_to_each_other_keep_their_order(self, browser: Chrome, table: Path) -> None:
        open_page(browser, table)
        buttons = "return [...document.querySelectorAll('.scroll table')].map(t => t.querySelectorAll('button').length)"
        assert browser.execute_script(buttons)[:2] == [7, 0]

    def test_on_paper_nothing_shows_that_it_can(self, browser: Chrome, table: Path) -> None:
        open_page(browser, table)
        set_media(browser, "print")
        sign = "return getComputedStyle(document.querySelector('button.sort'), '::after').content"
        assert browser.execute_script(sign) == "none"
        set_media(browser)
        assert browser.execute_script(sign) != "none"


class TestContents:
    CURRENT = "return [...document.querySelectorAll('.contents [aria-current]')].map(link => link.textContent)"

    @pytest.mark.parametrize("page", ["attribution"], indirect=True)
    def test_they_mark_the_section_that_is_read_and_stay_in_sight(self, opened: Chrome, page: Path) -> None:
        set_width(opened, 1280)
        open_page(opened, page)
        assert opened.execute_script(self.CURRENT) == []
        third = opened.find_elements("css selector", ".contents a")[2]
        third.click()
        WebDriverWait(opened, 5, poll_frequency=0.05).until(lambda chrome: chrome.execute_script(self.CURRENT))
        assert opened.execute_script(self.CURRENT) == [third.text]
        assert third.is_displayed()
        box = opened.execute_script("return document.querySelector('.contents').getBoundingClientRect().toJSON()")
        left = opened.execute_script("return document.querySelector('main h1').getBoundingClientRect().left")
        assert box["top"] >= 0
        assert box["right"] <= left

    @pytest.mark.parametrize("page", ["small"], indirect=True)
    def test_on_a_phone_they_are_folded(self, opened: Chrome, page: Path) -> None:
        set_width(opened, 390)
        open_page(opened, page)
        folded = "return document.querySelector('.contents details').open"
        assert opened.execute_script(folded) is False
        opened.find_element("css selector", ".contents summary").click()
        assert opened.execute_script(folded) is True


@pytest.mark.parametrize("page", ["small"], indirect=True)
def test_names_that_would_run_are_read_as_text(opened: Chrome) -> None:
    assert opened.execute_script("return window.ran") is None
    shown = opened.execute_script("return document.querySelector('main').innerText")
    plain = [name for name in HOSTILE_NAMES if "\u2028" not in name]
    assert [name for name in plain if shown.count(name) < 2] == []
    assert opened.execute_script("return document.querySelectorAll('main :is(img, script:not([type]))').length") == 0
    tooltip = find_tooltip(opened, 0)
    assert tooltip is not None
    assert any(name in tooltip["text"] for name in plain)
    assert "<script" not in tooltip["html"]


def test_text_that_nobody_escaped_runs_nothing_either_and_the_checks_refuse_it(browser: Chrome, tmp_path: Path) -> None:
    raw = [*HOSTILE_NAMES, '<a id="click" href="javascript:window.ran=1">click</a>', "<iframe srcdoc='<p>x'></iframe>"]
    notebook = build_notebook("## Raw")
    add_output(notebook, {"text/markdown": "\n\n".join(raw)})
    add_output(notebook, {"text/html": "\n".join(raw)})
    rows = [{"name": name} for name in raw]
    drawn = {"description": raw[0], "mark": "text", "encoding": {"text": {"field": "name"}}, "data": {"values": rows}}
    add_output(notebook, {CHART: drawn | {"usermeta": {"embedOptions": {"ast": False, "actions": True}}}})
    text, _ = ReportExporter().from_notebook_node(notebook)
    (tmp_path / "raw.html").write_text(text, encoding="utf-8")

    open_page(browser, tmp_path / "raw.html")
    browser.execute_script("document.querySelectorAll('#click').forEach(link => link.click())")
    assert browser.execute_script("return window.ran") is None
    assert browser.execute_script("return document.querySelectorAll('.vega-actions').length") == 0
    assert {address for address in list_requests(browser) if not address.startswith(("file:", "about:"))} == set()
    assert list_console(browser) != []
    assert lint_page(text) != []
