"""The pages that browser tests open, made once for a whole run of the tests, and what they do to the browser."""

from pathlib import Path

from filelock import FileLock
from selenium.webdriver import Chrome
from selenium.webdriver.support.wait import WebDriverWait
from small_notebooks import add_output, build_notebook, write_hostile_notebook

from klavnb.bundled import find_notebooks, find_sample
from klavnb.rendering import FACTS
from klavnb.report import make_reports, run_report, write_index
from klavnb.report.exporter import ReportExporter
from klavnb.report.periods import write_comparison

__all__ = [
    "PAGES",
    "REPORTS",
    "WIDTHS",
    "build_pages",
    "open_page",
    "set_media",
    "set_width",
    "write_quarters",
    "write_small_report",
]

SECONDS = 20
REPORTS = ["small", *find_notebooks()]
LISTS = {"index": "index.html", "by-quarter": "account/by-quarter.html", "accounts": "account/index.html"}
PAGES = [*REPORTS, *LISTS]
WIDTHS = (390, 1280)
TINY = find_sample().parent / "tiny"


def build_pages(folder: Path) -> dict[str, Path]:
    """Make every page there is, or wait for another process that makes them: name → path."""
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            folder.mkdir()
            run_report(write_hostile_notebook(folder / "small.ipynb"), parameters={}, out=folder)
            write_quarters(folder / "account")
            # last, as it writes the index too; what failed is told by the test that opens it
            make_reports([], parameters={"data": str(TINY)}, out=folder)
    return {name: folder / f"{name}.html" for name in REPORTS} | {name: folder / path for name, path in LISTS.items()}


def write_quarters(folder: Path) -> None:
    """Write the folder of an account with two quarters and the page that compares them, without running anything."""
    for name, amount in (("2026-Q1", 1200.0), ("2026-Q2", 1500.0)):
        write_small_report(folder / name / "small.html", figures=[("Revenue", amount, "EUR"), ("Orders", None, "")])
        write_index(folder / name, kind="period", label=name, empty={"other": "no orders"})
    write_comparison(folder, length="quarter")
    write_index(folder, kind="account", label="<b>Prints</b> & Co")


def write_small_report(path: Path, *, figures: list[tuple[str, float | None, str]]) -> Path:
    """Write a page of a small report that says these figures of itself, without running it."""
    listed = [{"name": name, "value": value, "unit": unit} for name, value, unit in figures]
    told = {"data_as_of": "2026-08-31", "headline": "12 % more", "figures": listed}
    notebook = add_output(build_notebook(), {FACTS: told})
    text, _ = ReportExporter().from_notebook_node(notebook, {"metadata": {"name": path.stem}})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def open_page(browser: Chrome, page: Path) -> None:
    """Open a page and wait for its charts; what the browser noted before is forgotten."""
    for log in ("browser", "performance"):
        browser.get_log(log)  # type: ignore[no-untyped-call]  # selenium's own gap
    browser.get(page.as_uri())
    WebDriverWait(browser, SECONDS, poll_frequency=0.05).until(
        lambda chrome: (
            chrome.execute_script("return document.documentElement.dataset.charts") == "drawn"
            or not chrome.execute_script("return document.querySelector('figure.chart')")
        )
    )


def set_media(browser: Chrome, media: str = "", scheme: str = "") -> None:
    """Show the page on `screen` or in `print`, `light` or `dark`; as the browser would, without either."""
    features = [{"name": "prefers-color-scheme", "value": scheme}] if scheme else []
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})


def set_width(browser: Chrome, width: int | None = None, height: int = 844) -> None:
    """Make the window as wide as a screen of so many pixels; as it was, without a width."""
    if width is None:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        return
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
