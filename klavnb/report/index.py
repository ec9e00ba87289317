"""The page that lists the reports of a folder, read from what each page says of itself."""

import json
import re
from collections.abc import Mapping
from html import escape, unescape
from pathlib import Path
from typing import Any

import klavnb
from klavnb.files import replace_file
from klavnb.report.bundle import read_page_file
from klavnb.report.lint import find_personal
from klavnb.report.policy import write_policy

__all__ = ["INDEX", "is_ours", "read_summary", "write_index"]

INDEX = "index.html"
SUMMARY = re.compile(r'<script type="application/json" id="klavnb-facts">([^<]*)</script>')
COLUMNS = ("Report", "Finding", "Data as of", "Status", "Made", "Seconds", "Parameters")


def write_index(out: Path, *, failed: Mapping[str, str] | None = None) -> Path:
    """Write `index.html`: one row per report in the folder, those of earlier runs included, by name.

    Parameters
    ----------
    out
        The folder.
    failed
        Name → reason, for reports that could not be made this time; an earlier page stays linked.
    """
    # a message may quote the data; who made the reports has read it, and nobody else needs it
    failed = {
        name: "its message names a person" if any(find_personal(reason)) else reason
        for name, reason in (failed or {}).items()
    }
    pages = {path.stem: read_summary(path) for path in sorted(out.glob("*.html")) if path.name != INDEX}
    summaries = {name: summary for name, summary in pages.items() if summary is not None}
    rows = "".join(_write_row(name, summaries.get(name), failed.get(name)) for name in sorted({*summaries, *failed}))
    head = "".join(f'<th scope="col">{column}</th>' for column in COLUMNS)
    page = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{write_policy([])}\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>Reports</title>\n'
        f'<style>{read_page_file("page.css")}</style>\n</head>\n<body>\n<main id="main">\n<h1>Reports</h1>\n'
        f'<div class="scroll" tabindex="0" role="group" aria-label="Reports"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{rows}</tbody></table></div>\n</main>\n"
        f"<footer>Made by klavnb {klavnb.__version__}. These pages work without a network.</footer>\n</body>\n</html>\n"
    )
    replace_file(out / INDEX, lambda part: part.write_text(page, encoding="utf-8"))
    return out / INDEX


def is_ours(page: Path) -> bool:
    """Tell whether a page was made by klavnb: its footer says so."""
    return "<footer>Made by klavnb " in page.read_text(encoding="utf-8", errors="replace")


def read_summary(page: Path) -> dict[str, Any] | None:
    """Read what a page says of itself: title, facts, parameters, seconds, made_at; None where it is no report."""
    found = SUMMARY.search(page.read_text(encoding="utf-8", errors="replace"))
    if found is None:
        return None
    try:
        summary = json.loads(found[1])
    except ValueError:
        return None
    return summary if isinstance(summary, dict) else None


def _write_row(name: str, summary: Mapping[str, Any] | None, reason: str | None) -> str:
    cells: list[object] = [escape(name), "", "", "", "", "", ""]
    if summary is not None:
        facts = summary.get("facts", {})
        parameters = (f"{key}: {value}" for key, value in summary.get("parameters", {}).items() if value != "(empty)")
        cells = [
            f'<a href="{escape(name)}.html">{escape(str(summary.get("title", name)))}</a>',
            escape(str(facts.get("headline") or "")),
            escape(str(facts.get("data_as_of") or "")),
            escape(str(facts.get("status") or "final")),
            escape(str(summary.get("made_at", ""))[:16].replace("T", " ")),
            escape(str(summary.get("seconds", ""))),
            escape(", ".join(parameters)),
        ]
    if reason is not None:
        kept = "; the earlier report is kept" if summary is not None else ""
        cells[3] = f"<strong>failed{kept}</strong>: {escape(unescape(reason))}"
    dates = {COLUMNS.index("Data as of"), COLUMNS.index("Made")}
    return (
        "<tr>"
        + "".join(
            f'<td class="date">{cell}</td>' if place in dates else f"<td>{cell}</td>"
            for place, cell in enumerate(cells)
        )
        + "</tr>"
    )
