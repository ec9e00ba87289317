"""The headings of a page: an id for each, and the table of contents made of them."""

import re
from collections.abc import Iterator, Mapping
from html import escape, unescape

__all__ = ["link_headings"]

HEADING = re.compile(r"<h([1-6])(?:\s[^>]*)?>(.*?)</h\1>", re.DOTALL)
TAG = re.compile(r"<[^>]*>")


def link_headings(text: str, *, closing: Mapping[str, str]) -> tuple[str, str, str]:
    """Give every heading an id, wherever it comes from: a cell, or text that a cell made.

    Parameters
    ----------
    closing
        Id → words of the sections that follow the text and have their ids already.

    Returns
    -------
    tuple
        The text with ids; the contents as HTML, empty without sections; the words of the first h1, or none.

    Examples
    --------
    >>> link_headings("<h1>Report</h1><h2>By week</h2>", closing={})[0]
    '<h1 id="report">Report</h1><h2 id="by-week">By week</h2>'
    """
    taken = {"main", "contents", *closing}
    found: list[tuple[str, str, str]] = []

    def link(heading: re.Match[str]) -> str:
        level, inner = heading.groups()
        words = unescape(TAG.sub("", inner)).strip()
        slug = re.sub(r"[\W_]+", "-", words.lower()).strip("-")[:60] or "section"
        name = next(name for name in _number(slug) if name not in taken)
        taken.add(name)
        found.append((level, name, words))
        return f'<h{level} id="{escape(name)}">{inner}</h{level}>'

    text = HEADING.sub(link, text)
    sections = [(name, words) for level, name, words in found if level == "2"]
    sections += closing.items()
    links = "".join(f'<li><a href="#{escape(name)}">{escape(words)}</a></li>' for name, words in sections)
    contents = (
        '<nav class="contents" aria-labelledby="contents"><details open>'
        '<summary><h2 id="contents">Contents</h2></summary>'
        f"<ol>{links}</ol></details></nav>"
    )
    title = next((words for level, _, words in found if level == "1"), "")
    return text, contents if links else "", title


def _number(slug: str) -> Iterator[str]:
    yield slug
    yield from (f"{slug}-{count}" for count in range(2, 10_000))
