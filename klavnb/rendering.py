"""How a chart leaves a notebook: described, and with the columns that it shows, no others.

The same output is drawn by JupyterLab's own viewer and by klavnb's page, both without a network.
"""

import hashlib
import json
import re
import threading
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from klavnb.errors import ReportError
from klavnb.theme import CONFIG

__all__ = ["CHART", "FACTS", "TABLE", "enable", "load_ahead", "render"]

CHART = "application/vnd.vegalite.v5+json"
"""The type of a chart's output. JupyterLab 4.6 knows no later one, and draws this one itself."""

FACTS = "application/vnd.klavnb.facts+json"
"""The type of an output that a page does not show but its index and its banner use."""

TABLE = "application/vnd.klavnb.table+json"
"""The type of a table's cells as CSV, beside the table itself: a page does not show it, `--tables` writes it."""

ALTAIR_VIEW = {"continuousWidth": 300, "continuousHeight": 300}
"""What altair writes of its own accord where a chart has no size: not a choice of the chart's."""

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
    # its limit of 5,000 rows protects notebooks from whole tables; our charts hold sums
    alt.data_transformers.disable_max_rows()


def load_ahead() -> None:
    """Begin to load what every report needs, in a thread beside the first cells of a kernel.

    polars works without the interpreter, which has time meanwhile for the half second that altair takes.
    """
    threading.Thread(target=_load, args=("klavnb.store", "altair", "great_tables"), daemon=True).start()


def _load(*modules: str) -> None:
    for name in modules:
        import_module(name)
    _trust_charts()
    _draw_first()


def _draw_first() -> None:
    """Draw a chart and a table that nobody sees: the first ones take a third of a second longer than the next."""
    import altair as alt  # noqa: PLC0415 - loaded just before
    import polars as pl  # noqa: PLC0415 - as above
    from great_tables import GT  # noqa: PLC0415 - as above

    rows = pl.DataFrame({"name": ["first"], "value": [1.0]})
    bars = alt.Chart(rows).mark_bar().encode(x=alt.X("value:Q"), y=alt.Y("name:N"))
    alt.layer(bars, bars.mark_text()).to_dict(validate=False)
    GT(rows).fmt_number("value").as_raw_html()


def _trust_charts() -> None:
    """Spare the charts of a report altair's checks against its schema: they are klavnb's own, and tests make them.

    The checks take a third of a second of a report. Charts of a notebook that a person runs keep them.
    """
    import altair as alt  # noqa: PLC0415 - loaded just before
    from altair.utils import schemapi  # noqa: PLC0415 - as above
    from IPython.core.getipython import get_ipython  # noqa: PLC0415 - for kernels only

    def display(chart: alt.TopLevelMixin, **_options: object) -> dict[str, Any]:
        return render(chart.to_dict(validate=False, context={"pre_transform": False}))

    schemapi.DEBUG_MODE = False
    shell = get_ipython()
    if shell is not None and shell.display_formatter is not None:
        shell.display_formatter.mimebundle_formatter.for_type(alt.TopLevelMixin, display)


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
        {name: _round(value) for name, value in row.items() if name in columns} if isinstance(row, Mapping) else row
        for row in rows
    ]


def _round(value: object) -> object:
    """Leave out the last digit of a number: sums differ in it from run to run, by the order of their parts."""
    return float(f"{value:.15g}") if isinstance(value, float) else value


def _name_rows(rows: object) -> str:
    """Name a dataset by what is left in it, in the manner of altair."""
    return "data-" + hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:32]


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, part in over.items():
        both = isinstance(part, Mapping) and isinstance(base.get(key), Mapping)
        merged[key] = _merge(base[key], part) if both else part
    return dict(sorted(merged.items()))
