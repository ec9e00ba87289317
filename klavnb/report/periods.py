"""Past periods of an export: which there are, and the page that compares their reports."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape, unescape
from pathlib import Path
from typing import Any, Final, Literal

from klavnb.errors import SettingsError
from klavnb.report.index import COMPARISONS, INDEX, list_reports
from klavnb.report.key_figures import KeyFigure, read_figures, write_change, write_small
from klavnb.report.shell import read_summary, write_shell, write_table

__all__ = ["LENGTHS", "Length", "Period", "list_periods", "write_comparison"]

Length = Literal["month", "quarter", "half-year"]

LENGTHS: Final[Mapping[str, int]] = {"month": 1, "quarter": 3, "half-year": 6}
"""Length → its months."""

NAMES: Final = {"month": r"\d{4}-\d\d", "quarter": r"\d{4}-Q[1-4]", "half-year": r"\d{4}-H[12]"}
CAVEATS: Final = (
    "<h2>Before you rely on this</h2><ul>"
    "<li><strong>Each period is counted by itself:</strong> an order belongs to the period of its day, UTC, and earns "
    "for messages of the period before where their windows were open.</li>"
    "<li><strong>A change is not yet an effect:</strong> seasons, prices and the number of customers change too, and "
    "small numbers swing by chance. Look at the number of orders first.</li>"
    "<li><strong>Only whole periods are here</strong>, from the export’s first day to its last. In the first of them, "
    "touches from before the export may be missing.</li>"
    "<li><strong>A dash</strong> stands for what is not known, and for groups of people too small to be shown."
    "</li></ul>"
)


@dataclass(frozen=True, slots=True)
class Period:
    """A whole month, quarter or half-year: its name, such as 2026-Q1, and its first and last day, both included."""

    length: Length
    name: str
    start: date
    end: date


def list_periods(first: date, last: date, *, length: Length) -> list[Period]:
    """List the whole periods between two days, the earliest first.

    Parameters
    ----------
    first, last
        The first and last day of the data, both included.

    Raises
    ------
    SettingsError
        When there is none.

    Examples
    --------
    >>> [period.name for period in list_periods(date(2025, 9, 2), date(2026, 6, 30), length="quarter")]
    ['2025-Q4', '2026-Q1', '2026-Q2']
    """
    found = [period for period in _walk(first.year, last.year, length) if first <= period.start and period.end <= last]
    if not found:
        raise SettingsError(
            f"The data reach from {first} to {last}: expected a whole {length} in them, found none.",
            hint="Choose a shorter period: --period month." if length != "month" else "Export more of the account.",
        )
    return found


def _walk(first_year: int, last_year: int, length: Length) -> Iterator[Period]:
    months = LENGTHS[length]
    for year in range(first_year, last_year + 1):
        for place in range(12 // months):
            start = date(year, place * months + 1, 1)
            after = date(year + (place + 1) * months // 12, (place + 1) * months % 12 + 1, 1)
            name = f"{year}-{start.month:02}" if length == "month" else f"{year}-{length[0].upper()}{place + 1}"
            yield Period(length, name, start, after - timedelta(days=1))


def write_comparison(out: Path, *, length: Length) -> Path:
    """Write the page that compares the periods of one length that have a folder in this one.

    One section per report with key figures: a row per period, each figure with its change since the period before.
    """
    folders = [path.parent for path in sorted(out.glob(f"*/{INDEX}")) if re.fullmatch(NAMES[length], path.parent.name)]
    told = {folder.name: read_summary(folder / INDEX, kind="list") or {} for folder in folders}
    reports = {folder.name: list_reports(folder) for folder in folders}
    names = sorted({name for found in reports.values() for name in found})
    sections = [_write_section(name, reports, told) for name in names]
    body = (
        f'<p><a href="{INDEX}">All reports</a></p>'
        f"<p>One row per {length}, each beside the one before it; the name of a {length} leads to its report.</p>"
        + "".join(sections)
        + CAVEATS
    )
    path = out / COMPARISONS[length]
    return write_shell(path, title=f"Reports by {length}", body=body, summary={"kind": "comparison", "label": length})


def _write_section(name: str, reports: Mapping[str, Mapping[str, Any]], told: Mapping[str, Mapping[str, Any]]) -> str:
    figures = {
        period: {figure.name: figure for figure in read_figures(found[name].get("facts", {}))}
        for period, found in reports.items()
        if name in found and not _find_reason(told[period], name)
    }
    columns = list(dict.fromkeys(figure for known in figures.values() for figure in known))
    rows, before = [], dict[str, KeyFigure]()
    for period in reports:
        now = figures.get(period)
        rows.append(_write_row(period, name, now, before, columns, reason=_find_reason(told[period], name)))
        before = now or {}
    title = next((str(found[name].get("title", name)) for found in reports.values() if name in found), name)
    known = [(period, found[columns[0]]) for period, found in figures.items() if columns and columns[0] in found]
    heading = f"<h2>{escape(_state(known) or title)}</h2>" + (f"<p>From “{escape(title)}”.</p>" if known else "")
    return heading + write_table(["Period", *columns], rows, label=title)


def _state(known: list[tuple[str, KeyFigure]]) -> str:
    """State how the leading figure went from the first period to the last."""
    if not known:
        return ""
    (first, then), (last, now) = known[0], known[-1]
    change = write_change(now, then)
    if first == last:
        return f"{now.name}: {now} in {last}"
    return f"{now.name}: {then} in {first}, {now} in {last}" + (f"; {change}" if change else "")


def _write_row(
    period: str,
    name: str,
    now: Mapping[str, KeyFigure] | None,
    before: Mapping[str, KeyFigure],
    columns: list[str],
    *,
    reason: tuple[str, str] | None,
) -> str:
    link = f'<a href="{period}/{escape(name)}.html">{period}</a>' if now is not None else period
    if reason is not None or now is None:
        word, why = reason or ("not made", "")
        said = f"{word}: {why}" if why and word != "no orders" else word
        cells = [f"<td>{escape(said)}</td>" if place == 0 else "<td>–</td>" for place in range(len(columns))]
    else:
        cells = [_write_cell(now.get(column), before.get(column)) for column in columns]
    return f'<tr><th scope="row" class="date">{link}</th>{"".join(cells)}</tr>'


def _write_cell(now: KeyFigure | None, before: KeyFigure | None) -> str:
    if now is None:
        return "<td>–</td>"
    change = write_change(now, before)
    small = f"<br>{write_small(change)}" if change else ""
    return f"<td>{escape(str(now))}{small}</td>"


def _find_reason(told: Mapping[str, Any], name: str) -> tuple[str, str] | None:
    """Find why a report of a period is not to be compared: what became of it, and why."""
    for word, key in (("failed", "failed"), ("no orders", "empty")):
        reasons = told.get(key)
        if isinstance(reasons, Mapping) and name in reasons:
            return word, unescape(str(reasons[name]))
    return None
