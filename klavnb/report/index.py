"""The page that lists the reports of a folder, read from what each page says of itself."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from html import escape, unescape
from pathlib import Path
from typing import Any, Literal, NamedTuple

from klavnb.report.key_figures import KeyFigure, read_figures, write_change, write_figures, write_small
from klavnb.report.lint import find_personal
from klavnb.report.shell import read_summary, write_shell, write_table

__all__ = ["INDEX", "Kind", "list_reports", "write_index"]

INDEX = "index.html"
OF_ACCOUNTS = ("Account", "Status", "Data as of")
COMPARISONS = {"quarter": "by-quarter.html", "month": "by-month.html", "half-year": "by-half-year.html"}
"""Length of a period → the page that compares periods of this length."""

MOST_FIGURES = 6

LEADING = "attribution"
"""The report whose key figures stand for an account, where it was made and has some."""

Kind = Literal["reports", "period", "account"]


def write_index(
    out: Path,
    *,
    failed: Mapping[str, str] | None = None,
    empty: Mapping[str, str] | None = None,
    kind: Kind = "reports",
    label: str = "",
) -> Path:
    """Write `index.html`: a section per report in the folder, those of earlier runs included, by name.

    Above them stand the accounts that have a folder of their own in it, and the pages that compare periods.

    Parameters
    ----------
    out
        The folder.
    failed
        Name → reason, for reports that could not be made this time; an earlier page stays linked.
    empty
        Name → reason, for reports of a period without orders, which is no failure.
    kind, label
        What the folder is: that of a period or of an account, and its name.
    """
    failed, empty = _hide_people(failed), _hide_people(empty)
    summaries = list_reports(out)
    names = sorted({*summaries, *failed, *empty})
    sections = [_write_report(name, summaries.get(name), failed.get(name), empty.get(name)) for name in names]
    compared = "".join(
        f'<li><a href="{page}">Compared by {length}</a></li>'
        for length, page in COMPARISONS.items()
        if read_summary(out / page, kind="list") is not None
    )
    body = (
        ('<p><a href="../index.html">All reports</a></p>' if kind != "reports" else "")
        + _write_accounts(out)
        + (f"<ul>{compared}</ul>" if compared else "")
        + "".join(sections)
        + f'<p class="more">The age of data is counted up to {_today():%-d %B %Y}, when this page was made. '
        "A dash stands for what is not known, and for groups of people too small to be shown.</p>"
    )
    summary = {"kind": kind, "label": label, "failed": failed, "empty": empty}
    return write_shell(out / INDEX, title=f"Reports: {label}" if label else "Reports", body=body, summary=summary)


def list_reports(folder: Path) -> dict[str, dict[str, Any]]:
    """List the reports in a folder by name, each with what it says of itself."""
    found = {path.stem: read_summary(path) for path in sorted(folder.glob("*.html"))}
    return {name: summary for name, summary in found.items() if summary is not None}


def _hide_people(reasons: Mapping[str, str] | None) -> dict[str, str]:
    """A message may quote the data; who made the reports has read it, and nobody else needs it."""
    return {
        name: "its message names a person" if any(find_personal(reason)) else reason
        for name, reason in (reasons or {}).items()
    }


def _today() -> date:
    return datetime.now(UTC).date()


def _say_age(facts: Mapping[str, Any]) -> str:
    """Write the day of the data and how old they are."""
    told = str(facts.get("data_as_of") or "")
    try:
        age = (_today() - date.fromisoformat(told)).days
    except ValueError:
        return escape(told)
    old = f", {age:,} {'day' if age == 1 else 'days'} old" if age > 0 else ""
    return f'<span class="date">{told}</span>{old}'


def _write_report(name: str, summary: Mapping[str, Any] | None, failed: str | None, empty: str | None) -> str:
    heading, finding, figures, told = escape(name), "", "", {}
    status = ""
    if summary is not None:
        facts = summary.get("facts", {})
        heading = f'<a href="{escape(name)}.html">{escape(str(summary.get("title", name)))}</a>'
        finding = f"<p>{escape(str(facts['headline']))}</p>" if facts.get("headline") else ""
        figures = write_figures(summary)
        status = escape(str(facts.get("status") or "final"))
        parameters = (f"{key}: {value}" for key, value in summary.get("parameters", {}).items() if value != "(empty)")
        made_at, seconds = str(summary.get("made_at", ""))[:16].replace("T", " "), summary.get("seconds", "")
        told = {
            "Period": escape(str(facts.get("period") or "")),
            "Data as of": _say_age(facts),
            "Made": escape(f"{made_at} UTC, in {seconds} s" if seconds else f"{made_at} UTC") if made_at else "",
            "Parameters": escape(", ".join(parameters)),
        }
    kept = "; the earlier report is kept" if summary is not None else ""
    for word, reason in (("failed", failed), ("no orders", empty)):
        if reason is not None:
            status = f"<strong>{word}{kept}</strong>: {escape(unescape(reason))}"
    told = {"Status": status, **told}
    items = "".join(f"<li>{word}: {text}</li>" for word, text in told.items() if text)
    return f'<section class="listed"><h2>{heading}</h2>{finding}{figures}<ul class="told">{items}</ul></section>'


def _write_accounts(out: Path) -> str:
    """Write a table of the accounts that have a folder in this one, and their key figures side by side."""
    accounts = {
        folder: told
        for folder in sorted(path.parent for path in out.glob(f"*/{INDEX}"))
        if (told := read_summary(folder / INDEX, kind="list")) and told.get("kind") == "account"
    }
    if not accounts:
        return ""
    latest = {folder: _find_latest(folder) for folder in accounts}
    names = list(dict.fromkeys(name for found in latest.values() for name in found.now))[:MOST_FIGURES]
    rows = [_write_account(folder, told, latest[folder], names) for folder, told in accounts.items()]
    return f"<h2>Accounts</h2>{write_table([*OF_ACCOUNTS, *names], rows, label='Accounts')}"


class Latest(NamedTuple):
    """The newest reports of an account: their period, if it has some; and key figures of now and before, by name."""

    period: str
    reports: Mapping[str, Mapping[str, Any]]
    now: Mapping[str, KeyFigure]
    before: Mapping[str, KeyFigure]


def _find_latest(folder: Path) -> Latest:
    """Find the newest reports of an account: those of all its data, or else those of its last period.

    Key figures are those of attribution, where it was made; else of the first report, by name, that has some.
    """
    reports = list_reports(folder)
    if reports:
        leading = reports.get(_find_leading(reports), {})
        return Latest("", reports, _name_figures(leading), _name_figures(leading, "previous"))
    made = [(path.parent.name, list_reports(path.parent)) for path in sorted(folder.glob(f"*/{INDEX}"))]
    named = [(name, found) for name, found in made if found]
    if not named:
        return Latest("", {}, {}, {})
    period, reports = named[-1]
    chosen = _find_leading(reports)
    before = named[-2][1].get(chosen, {}) if len(named) > 1 else {}
    return Latest(period, reports, _name_figures(reports.get(chosen, {})), _name_figures(before))


def _find_leading(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """Find the report whose key figures are shown; empty where none has any."""
    return next((name for name in (LEADING, *reports) if _name_figures(reports.get(name, {}))), "")


def _name_figures(summary: Mapping[str, Any], key: str = "facts") -> dict[str, KeyFigure]:
    return {figure.name: figure for figure in read_figures(summary.get(key) or {})}


def _write_account(folder: Path, told: Mapping[str, Any], latest: Latest, names: list[str]) -> str:
    counts = {"failed": len(told.get("failed") or ())}
    for summary in latest.reports.values():
        status = str(summary.get("facts", {}).get("status") or "final")
        counts[status] = counts.get(status, 0) + 1
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "no reports"
    oldest = min(
        (str(report.get("facts", {}).get("data_as_of") or "") for report in latest.reports.values()), default=""
    )
    cells = [
        f'<a href="{escape(folder.name)}/{INDEX}">{escape(str(told.get("label") or folder.name))}</a>',
        escape(f"{latest.period}: {said}" if latest.period else said),
        _say_age({"data_as_of": oldest}),
        *(_write_figure(latest.now.get(name), latest.before.get(name)) for name in names),
    ]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _write_figure(now: KeyFigure | None, before: KeyFigure | None) -> str:
    return "–" if now is None else f"{escape(str(now))} {write_small(write_change(now, before))}"
