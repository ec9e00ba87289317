"""Every page under axe-core: on a phone and on a screen, light and dark, no fault but the one that is known."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from pages import PAGES, WIDTHS, open_page, set_media, set_width
from selenium.webdriver import Chrome
from selenium.webdriver.support.wait import WebDriverWait

GRAVE = ("serious", "critical")
KNOWN = ('class="foreground"', 'class="background"', "graphics-symbol")
"""What the marks of Vega that catch the pointer consist of: a brush's rectangles are images without a name."""

SMALL = frozenset({"small", "index", "by-quarter", "accounts"})
"""Pages on which axe looks at contrast too, light and dark: it needs a minute for a long one.

`test_browser` measures the contrast of every text of the others, in charts too.
"""

RUN = """
const [contrast, done] = arguments;
const rules = {"color-contrast": {enabled: contrast}};
axe.run(document, {resultTypes: ["violations"], rules}).then(found => done(found.violations), error => done([{
  id: String(error), impact: "critical", nodes: []}]));"""


@cache
def read_axe() -> str:
    return files("selenium_axe_python").joinpath("axe-core", "axe.min.js").read_text(encoding="utf-8")


def find_faults(browser: Chrome, *, contrast: bool) -> list[tuple[str, str]]:
    """Rule and element of every grave fault that is not known."""
    faults: list[dict[str, Any]] = browser.execute_async_script(RUN, contrast)
    return [
        (fault["id"], node["html"][:200])
        for fault in faults
        if fault["impact"] in GRAVE
        for node in fault["nodes"] or [{"html": ""}]
        if not (fault["id"] in ("svg-img-alt", "role-img-alt") and any(sign in node["html"] for sign in KNOWN))
    ]


@pytest.fixture(autouse=True)
def as_before(browser: Chrome) -> Iterator[None]:
    yield
    set_media(browser)
    set_width(browser)


@pytest.mark.parametrize("name", PAGES)
def test_no_grave_fault_is_found_and_nothing_scrolls_sideways(
    browser: Chrome, every_page: dict[str, Path], name: str
) -> None:
    narrow, wide = WIDTHS
    set_width(browser, narrow)
    open_page(browser, every_page[name])
    browser.execute_script(read_axe())
    check(browser, narrow, contrast=name in SMALL)
    set_width(browser, wide)
    unfolded = "return [...document.querySelectorAll('.contents details')].every(part => part.open)"
    WebDriverWait(browser, 5, poll_frequency=0.05).until(lambda chrome: chrome.execute_script(unfolded))
    check(browser, wide, contrast=name in SMALL)


def check(browser: Chrome, width: int, *, contrast: bool) -> None:
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert find_faults(browser, contrast=contrast) == []
    if contrast:
        set_media(browser, "screen", "dark")
        assert find_faults(browser, contrast=True) == []
        set_media(browser)
