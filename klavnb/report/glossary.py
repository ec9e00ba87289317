"""The words at the end of a page: what each means, of those that stand in it."""

import re
import tomllib
from functools import cache
from html import escape, unescape
from typing import NamedTuple

from klavnb.report.bundle import read_page_file

__all__ = ["Word", "read_words", "write_glossary"]

SCRIPT = re.compile(r"<(script|style)\b.*?</\1>", re.DOTALL)
PROVENANCE = re.compile(r'<div\b[^>]*\bid="table-provenance".*?</table>', re.DOTALL)
"""Lists the names of all metrics, such as Bounced Email: the report itself may speak of none."""
TAG = re.compile(r"<[^>]*>")


class Word(NamedTuple):
    """A word of the glossary, what it means, and what counts as using it."""

    name: str
    meaning: str
    pattern: re.Pattern[str]


@cache
def read_words() -> tuple[Word, ...]:
    """Read the words that klavnb explains, in the order in which a page lists them."""
    words = tomllib.loads(read_page_file("glossary.toml"))["word"]
    return tuple(Word(word["name"], word["meaning"], _match([word["name"], *word.get("forms", [])])) for word in words)


def write_glossary(text: str) -> str:
    """Write the section that closes a page, of the words that its text uses; empty where it uses none.

    Parameters
    ----------
    text
        The page so far, as HTML.

    Examples
    --------
    >>> print(write_glossary("<p>Both flows earn.</p>"))  # doctest: +ELLIPSIS
    <section class="glossary"><h2 id="glossary">...</h2><dl><dt>Flow</dt><dd>A series of ...</dd></dl></section>
    """
    plain = unescape(TAG.sub(" ", PROVENANCE.sub(" ", SCRIPT.sub(" ", text))))
    used = [word for word in read_words() if word.pattern.search(plain)]
    entries = "".join(f"<dt>{escape(word.name)}</dt><dd>{escape(word.meaning)}</dd>" for word in used)
    return (
        f'<section class="glossary"><h2 id="glossary">Words used here</h2><dl>{entries}</dl></section>' if used else ""
    )


def _match(forms: list[str]) -> re.Pattern[str]:
    """Match any of the forms as a whole word; whatever kind of space or hyphen stands between their parts."""
    parts = (re.sub(r"(?:\\ |\\-|-)+", r"[\\s-]+", re.escape(form)) for form in forms)
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})s?(?!\w)", re.IGNORECASE)
