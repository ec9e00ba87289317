"""How a chart, and text from the data, leave a notebook: described, pruned, in klavnb's colours, unable to run.

The same output is drawn by JupyterLab's own viewer and by klavnb's page, both without a network.
"""

import hashlib
import html
import json
import re
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from klavnb.errors import ReportError

__all__ = ["CHANNEL_COLOURS", "CHART", "CONFIG", "LOSS_COLOUR", "enable", "escape_html", "escape_markdown", "render"]

# jsonschema tries this parser for a check that nobody here uses; building its grammar costs every process that
# imports altair, nbformat or papermill nearly a second, the kernels too. Absent, it is not tried.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None is how Python marks what is absent

CHART = "application/vnd.vegalite.v5+json"
"""The type of a chart's output. JupyterLab 4.6 knows no later one, and draws this one itself."""

CHANNEL_COLOURS: Mapping[str, str] = MappingProxyType(
    {"email": "#3b82d0", "sms": "#c2660c", "push": "#2a8f5b", "whatsapp": "#b0559f", "session": "#7d828a"}
)
"""Channel → its colour in every chart; each holds 3.8:1 or more on white and on the dark page."""

LOSS_COLOUR = "#d64545"
"""For what is lost or wrong: the one colour that is no channel's."""

INK = "currentColor"
ALTAIR_VIEW = {"continuousWidth": 300, "continuousHeight": 300}

CONFIG: Mapping[str, Any] = MappingProxyType(
    {
        "background": "transparent",
        "font": "system-ui, sans-serif",
        "view": {"stroke": None, "continuousWidth": 680, "continuousHeight": 260, "step": 24},
        "title": {
            "anchor": "start",
            "frame": "group",
            "color": INK,
            "fontSize": 15,
            "fontWeight": 600,
            "subtitleColor": INK,
            "subtitleFontSize": 12.5,
            "subtitlePadding": 6,
            "offset": 14,
        },
        "axis": {
            "labelColor": INK,
            "labelFontSize": 12,
            "labelLimit": 220,
            "maxExtent": 320,
            "titleColor": INK,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "grid": False,
            "gridColor": INK,
            "gridOpacity": 0.14,
            "domainColor": INK,
            "domainOpacity": 0.45,
            "tickColor": INK,
            "tickOpacity": 0.45,
        },
        "axisQuantitative": {"grid": True, "domain": False, "ticks": False},
        "legend": {
            "orient": "top",
            "labelColor": INK,
            "labelFontSize": 12,
            "labelLimit": 280,
            "titleColor": INK,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
        },
        "header": {"labelColor": INK, "labelFontSize": 12, "labelFontWeight": 600, "titleColor": INK},
        "mark": {"color": CHANNEL_COLOURS["email"]},
        "text": {"color": INK, "fontSize": 12},
        "rule": {"color": INK},
        "range": {"category": [*CHANNEL_COLOURS.values(), LOSS_COLOUR]},
        "selection": {"interval": {"mark": {"fill": INK, "fillOpacity": 0.1, "stroke": INK, "strokeOpacity": 0.5}}},
    }
)
"""What every chart looks like unless it says otherwise: ink follows the page (light, dark, print)."""

NAMING = frozenset({"density", "flatten", "fold", "groupby", "impute", "key", "loess", "lookup", "on", "pivot"})
NAMING |= {"field", "fields", "quantile", "regression", "row", "column", "layer", "repeat", "stack"}
"""Keys whose text, or list of texts, names columns."""

IN_EXPRESSION = re.compile(r"""\bdatum\s*(?:\.\s*(\w+)|\[\s*'((?:[^'\\]|\\.)*)'\s*\]|\[\s*"((?:[^"\\]|\\.)*)"\s*\])""")
COMPUTED_NAME = re.compile(r"""\bdatum\s*\[\s*[^'"\s]""")
PATH_END = re.compile(r"(?<!\\)[.\[]")


def enable() -> None:
    """Make altair draw every chart of this kernel through `render`, installed entry point or not.

    Examples
    --------
    >>> import altair as alt
    >>> enable()
    >>> alt.renderers.active
    'klavnb'
    """
    import altair as alt  # noqa: PLC0415 - half a second that only kernels need to spend

    alt.renderers.register("klavnb", render)
    alt.renderers.enable("klavnb")
    alt.theme.enable("none")


def render(spec: Mapping[str, Any], **_options: object) -> dict[str, Any]:
    """Make a notebook output of a chart, as altair asks a renderer to.

    Every dataset keeps only the columns that the chart names, so that no other column (an e-mail
    address) travels with it; klavnb's colours and fonts are filled in where the chart is silent.

    Parameters
    ----------
    spec
        The chart as Vega-Lite, as `Chart.to_dict()` gives it.

    Returns
    -------
    dict
        `CHART` → the chart; `text/plain` → its description. The same chart gives the same output.

    Raises
    ------
    ReportError
        When the chart has no description, loads its data from an address, carries it as text, or
        computes the name of a column.

    Examples
    --------
    >>> rows = [{"week": "2026-W01", "orders": 3, "email": "a@example.com"}]
    >>> encoding = {"x": {"field": "week"}, "y": {"field": "orders"}}
    >>> chart = {"description": "Orders by week.", "mark": "bar", "encoding": encoding, "data": {"values": rows}}
    >>> output = render(chart)
    >>> output["text/plain"]
    'Orders by week.'
    >>> output[CHART]["data"]
    {'values': [{'week': '2026-W01', 'orders': 3}]}
    """
    description = spec.get("description")
    if not isinstance(description, str) or not description.strip():
        raise ReportError(
            f"The chart {_name_chart(spec)} has no description.",
            hint="Say in one sentence what it shows, for who cannot see it: .properties(description=…).",
        )
    columns = frozenset(_find_columns(spec))
    datasets = {name: _prune_rows(rows, columns) for name, rows in spec.get("datasets", {}).items()}
    names = {name: _name_rows(rows) for name, rows in datasets.items()}
    chart: dict[str, Any] = {
        key: _prune(part, columns, names)
        for key, part in sorted(spec.items())
        if key not in ("$schema", "config", "datasets", "data")
    }
    if "data" in spec:
        chart["data"] = _prune_data(spec["data"], columns, names)
    if datasets:
        chart["datasets"] = {names[name]: rows for name, rows in datasets.items()}
    own = dict(spec.get("config", {}))
    if own.get("view") == ALTAIR_VIEW:
        del own["view"]
    chart["config"] = _merge(CONFIG, own)
    return {CHART: chart, "text/plain": description}


def escape_html(text: object) -> str:
    """Make text from the data safe inside HTML.

    Examples
    --------
    >>> escape_html("<b> & 'x'")
    '&lt;b&gt; &amp; &#x27;x&#x27;'
    """
    return html.escape(_clean(text))


def escape_markdown(text: object) -> str:
    r"""Make text from the data safe inside Markdown: it shows as it is written, in JupyterLab and in the page.

    Every sign that could mean something to Markdown, HTML or TeX becomes an entity; whitespace and
    control characters, line breaks among them, become one space each run.

    Examples
    --------
    >>> escape_markdown("[Sale](x) 20 %")
    '&#91;Sale&#93;&#40;x&#41; 20 &#37;'
    >>> escape_markdown("two\nlines | $5")
    'two lines &#124; <span>&#36;</span>5'
    """

    def escape(sign: str) -> str:
        if not sign.isascii() or sign.isalnum() or sign in " ,":
            return sign
        # MathJax looks for pairs of dollars in the text of one element, after entities are resolved
        return "<span>&#36;</span>" if sign == "$" else f"&#{ord(sign)};"

    return "".join(escape(sign) for sign in _clean(text))


def _clean(text: object) -> str:
    """Drop what cannot be seen but changes how the rest is read: control characters, turns of direction."""
    seen = re.sub(r"[\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]", "", str(text))
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", seen).strip()


def _name_chart(spec: Mapping[str, Any]) -> str:
    title = spec.get("title")
    text = title.get("text") if isinstance(title, Mapping) else title
    return repr(text) if text else "without a title"


def _find_columns(node: object, key: str = "", *, pivots: bool = False) -> set[str]:
    """Name every column that a part of a chart reads, and perhaps names of none."""
    if isinstance(node, str):
        if COMPUTED_NAME.search(node):
            raise ReportError(
                f"A chart computes the name of a column, in {node!r}, so klavnb cannot tell which columns it reads.",
                hint="Name the column: datum['revenue'].",
            )
        found = {re.sub(r"\\(.)", r"\1", "".join(match)) for match in IN_EXPRESSION.findall(node)}
        if key in NAMING or (pivots and key == "value"):
            found |= {re.sub(r"\\(.)", r"\1", name) for name in (node, PATH_END.split(node)[0])}
        return found
    if isinstance(node, Mapping):
        parts = ((part, name) for name, part in node.items() if name not in ("datasets", "values", "description"))
        return set().union(*(_find_columns(part, name, pivots="pivot" in node) for part, name in parts))
    if isinstance(node, list | tuple):
        return set().union(*(_find_columns(part, key) for part in node))
    return set()


def _prune(node: Any, columns: frozenset[str], names: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON in, JSON out
    """Rebuild a part of a chart with its data pruned; keys sorted, for the same bytes every time."""
    if isinstance(node, Mapping):
        return {
            key: _prune_data(part, columns, names) if key == "data" else _prune(part, columns, names)
            for key, part in sorted(node.items())
        }
    return [_prune(part, columns, names) for part in node] if isinstance(node, list | tuple) else node


def _prune_data(data: Any, columns: frozenset[str], names: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON in, JSON out
    if not isinstance(data, Mapping):
        return data
    if "url" in data:
        raise ReportError(
            "A chart loads its data from an address; a report works without a network.",
            hint="Hand the chart a frame instead.",
        )
    pruned = dict(data)
    if "values" in data:
        pruned["values"] = _prune_rows(data["values"], columns)
    if "name" in data:
        pruned["name"] = names.get(data["name"], data["name"])
    return pruned


def _prune_rows(rows: Any, columns: frozenset[str]) -> Any:  # noqa: ANN401 - JSON in, JSON out
    if not isinstance(rows, list):
        raise ReportError(
            f"A chart's data should be a list of rows, found {type(rows).__name__}.", hint="Hand the chart a frame."
        )
    return [
        {name: value for name, value in row.items() if name in columns} if isinstance(row, Mapping) else row
        for row in rows
    ]


def _name_rows(rows: object) -> str:
    """Name a dataset by what is left in it, in the manner of altair."""
    return "data-" + hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:32]


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, part in over.items():
        both = isinstance(part, Mapping) and isinstance(base.get(key), Mapping)
        merged[key] = _merge(base[key], part) if both else part
    return dict(sorted(merged.items()))
