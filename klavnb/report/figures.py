"""A chart's output -> its figure in the page: where it is drawn, its description, its data as a folded table."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

__all__ = ["dump_json", "find_descriptions", "write_figure"]

MOST_ROWS = 200
DISCRETE = ("row", "column", "facet")
HIDDEN = ("order",)
"""Channels of a chart whose columns say nothing to a reader."""
TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")
IN_SCRIPT = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "&<>\u2028\u2029"})


def dump_json(value: object) -> str:
    r"""Write JSON that can stand inside a `<script>`, whatever its texts say.

    Examples
    --------
    >>> print(dump_json({"name": "</script>"}))
    {"name":"\u003c/script\u003e"}
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(IN_SCRIPT)


def write_figure(chart: Mapping[str, Any], number: int) -> str:
    """Write a chart as HTML: the script beside it draws it, its description and data are there without."""
    description = escape(str(chart.get("description", "")))
    tables = "".join(_write_table(rows, chart) for rows in _find_datasets(chart))
    data = f'<details class="data"><summary>Data of this chart</summary>{tables}</details>' if tables else ""
    fitted = "fitted" if _fits(chart) else "wide"
    return (
        f'<figure class="chart {fitted}" id="figure-{number}">'
        f'<div class="canvas" tabindex="0" role="group" aria-label="Chart {number}"></div>'
        f"<figcaption>{description}</figcaption>{data}"
        f'<script type="application/json" class="chart-spec">{dump_json(chart)}</script></figure>'
    )


def find_descriptions(page: str) -> list[str]:
    """List the description of every chart in a page, empty where there is none."""
    charts = re.findall(r'<script type="application/json" class="chart-spec">([^<]*)</script>', page)
    return [str(json.loads(chart).get("description", "")).strip() for chart in charts]


def _fits(chart: Mapping[str, Any]) -> bool:
    """Tell whether a chart can take the width of the page: it has one panel."""
    return ("mark" in chart or "layer" in chart) and not any(name in chart.get("encoding", {}) for name in DISCRETE)


def _find_datasets(node: object) -> Iterator[Sequence[Mapping[str, object]]]:
    """Find the rows of every dataset of a chart that has columns."""
    if isinstance(node, Mapping):
        for name, part in node.items():
            if name == "datasets":
                yield from (rows for rows in part.values() if _has_columns(rows))
            elif name == "data" and isinstance(part, Mapping):
                yield from ([part["values"]] if _has_columns(part.get("values")) else [])
            elif isinstance(part, Mapping | list):
                yield from _find_datasets(part)
    elif isinstance(node, list):
        for part in node:
            yield from _find_datasets(part)


def _has_columns(rows: object) -> bool:
    return isinstance(rows, list) and bool(rows) and isinstance(rows[0], Mapping) and bool(rows[0])


def _find_titles(node: object) -> dict[str, str]:
    """Map each column to what the chart calls it; the first name wins."""
    titles: dict[str, str] = {}
    if isinstance(node, Mapping):
        axis = node.get("axis")
        title = node.get("title") or (axis.get("title") if isinstance(axis, Mapping) else None)
        if isinstance(node.get("field"), str) and isinstance(title, str):
            titles[node["field"]] = title
        parts = [part for name, part in node.items() if name not in ("datasets", "data")]
    else:
        parts = node if isinstance(node, list) else []
    for part in parts:
        titles = _find_titles(part) | titles
    return titles


def _find_drawn(node: object, channel: str = "") -> set[str]:
    """Name the columns that a chart shows: not those that only its filters, conditions and stacking read."""
    if isinstance(node, list):
        return set().union(*(_find_drawn(part, channel) for part in node))
    if not isinstance(node, Mapping):
        return set()
    field = node.get("field")
    own = {field} if isinstance(field, str) and channel not in HIDDEN else set()
    parts = ((name, part) for name, part in node.items() if name not in ("datasets", "data", "transform", "sort"))
    return own.union(*(_find_drawn(part, name) for name, part in parts))


def _keep_newest(rows: Sequence[Mapping[str, object]]) -> tuple[Sequence[Mapping[str, object]], str]:
    """Cut rows that are too many: of those with a time the newest stay, of others the first."""
    more = len(rows) - MOST_ROWS
    if more <= 0:
        return rows, ""
    noun = "row" if more == 1 else "rows"
    time = next((name for name, value in rows[0].items() if TIME.fullmatch(str(value))), None)
    if time is None:
        return rows[:MOST_ROWS], f"<p>{more:,} more {noun} not shown here.</p>"
    newest = sorted(range(len(rows)), key=lambda place: str(rows[place].get(time)))[more:]
    return [rows[place] for place in sorted(newest)], f"<p>{more:,} earlier {noun} not shown here.</p>"


def _write_table(rows: Sequence[Mapping[str, object]], chart: Mapping[str, Any]) -> str:
    titles, drawn = _find_titles(chart), _find_drawn(chart)
    rows, note = _keep_newest(rows)
    named = dict.fromkeys(name for row in rows for name in row)
    columns = [name for name in named if name in drawn] or list(named)
    head = "".join(f'<th scope="col">{escape(titles.get(name, name.replace("_", " ")))}</th>' for name in columns)
    body = "".join("<tr>" + "".join(_write_value(row.get(name)) for name in columns) + "</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="Data"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{note}"
    )


def _write_value(value: object) -> str:
    match value:
        case None:
            return "<td>–</td>"
        case bool():
            return f"<td>{'yes' if value else 'no'}</td>"
        case int():
            return f'<td class="number">{value:,}</td>'
        case float():
            text = f"{value:,.2f}".removesuffix(".00") if abs(value) >= 1 or value == 0 else f"{value:.3g}"
            return f'<td class="number">{text}</td>'
    text = str(value)
    time = TIME.fullmatch(text)
    if time:
        text = time[1] if time[2] == "00:00" else f"{time[1]} {time[2]}"
    return f"<td>{escape(text)}</td>"
