"""The frame of a page that lists or compares reports, and what such a page says of itself."""

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import klavnb
from klavnb.files import replace_file
from klavnb.report.bundle import read_page_file
from klavnb.report.figures import dump_json
from klavnb.report.policy import write_policy

__all__ = ["is_ours", "read_summary", "write_shell", "write_table"]

FACTS = re.compile(r'<script type="application/json" id="klavnb-(facts|list)">([^<]*)</script>')


def write_shell(path: Path, *, title: str, body: str, summary: Mapping[str, Any]) -> Path:
    """Write a page of klavnb's, whole or not at all.

    Parameters
    ----------
    title
        As text.
    body
        As HTML, what comes from the data in it escaped.
    summary
        What the page says of itself, for the page of the folder above.
    """
    script = read_page_file("reader.js")
    page = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{write_policy([script])}\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{read_page_file('page.css')}</style>\n</head>\n<body>\n"
        f'<main id="main">\n<h1>{escape(title)}</h1>\n{body}\n</main>\n'
        f"<footer>Made by klavnb {klavnb.__version__}. These pages work without a network.</footer>\n"
        f'<script type="application/json" id="klavnb-list">{dump_json(summary)}</script><script>{script}</script>\n'
        "</body>\n</html>\n"
    )
    replace_file(path, lambda part: part.write_text(page, encoding="utf-8"))
    return path


def write_table(columns: Sequence[str], rows: Sequence[str], *, label: str) -> str:
    """Write a table that scrolls in its own box; columns as text, rows as HTML."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(label)}"><table>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{''.join(rows)}</tbody></table></div>"
    )


def is_ours(page: Path) -> bool:
    """Tell whether a page was made by klavnb: its footer says so."""
    return "<footer>Made by klavnb " in page.read_text(encoding="utf-8", errors="replace")


def read_summary(page: Path, *, kind: str = "facts") -> dict[str, Any] | None:
    """Read what a page says of itself; None where it is not such a page, or not there.

    Parameters
    ----------
    kind
        `facts`: a report (title, name, facts, parameters, seconds, made_at, previous); `list`: a page of reports.
    """
    try:
        text = page.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = next((content for name, content in FACTS.findall(text) if name == kind), None)
    try:
        summary = json.loads(found or "null")
    except ValueError:
        return None
    return summary if isinstance(summary, dict) else None
