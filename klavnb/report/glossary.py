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
PART_END = re.compile(r"[\s-]")


class Word(NamedTuple):
    """A word of the glossary, what it means, and what counts as using it."""

    name: str
    meaning: str
    pattern: re.Pattern[str]
    stems: tuple[str, ...]

    def is_in(self, text: str) -> bool:
        """Tell whether a text in small letters uses the word: a look for its first part, then one for the whole."""
        return any(stem in text for stem in self.stems) and self.pattern.search(text) is not None


@cache
def read_words() -> tuple[Word, ...]:
    """Read the words that klavnb explains, in the order in which a page lists them."""
    words = tomllib.loads(read_page_file("glossary.toml"))["word"]
    return tuple(_read_word(word["name"], word["meaning"], word.get("forms", [])) for word in words)


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
    plain = unescape(TAG.sub(" ", PROVENANCE.sub(" ", SCRIPT.sub(" ", text)))).lower()
    used = [word for word in read_words() if word.is_in(plain)]
    entries = "".join(f"<dt>{escape(word.name)}</dt><dd>{escape(word.meaning)}</dd>" for word in used)
    return (
        f'<section class="glossary"><h2 id="glossary">Words used here</h2><dl>{entries}</dl></section>' if used else ""
    )


def _read_word(name: str, meaning: str, others: list[str]) -> Word:
    """Read a word; any of its forms is matched as a whole, whatever kind of space or hyphen is between its parts."""
    forms = [form.lower() for form in (name, *others)]
    parts = (re.sub(r"(?:\\ |\\-|-)+", r"[\\s-]+", re.escape(form)) for form in forms)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(parts)})s?(?!\w)")
    return Word(name, meaning, pattern, tuple({PART_END.split(form)[0] for form in forms}))
