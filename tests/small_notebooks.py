"""Small notebooks for the tests of the report, built here so that no test runner takes them for its own."""

from pathlib import Path
from typing import Any

import nbformat

__all__ = ["HOSTILE_NAMES", "SETUP", "add_output", "build_notebook", "write_hostile_notebook", "write_notebook"]

HOSTILE_NAMES = [
    "<script>window.ran = 1; alert(1)</script>",
    "<img src=x onerror=window.ran=1>",
    '"><svg onload=window.ran=1>',
    "[click](javascript:window.ran=1)",
    "</script><script>window.ran = 1</script>",
    "{{7*7}} ${7*7} {% raw %}",
    "line\u2028separator\u2029end",
    "# not a heading",
    "a | b `c` *d* _e_ $f$ <!-- g",
]

PARAMETERS = """\
data: str = "sample"  # the export, or sample
start: str = ""  # first day, empty: open
end: str = ""  # last day, empty: open
windows: str = ""  # windows that differ from the preset's
preset: str = "2022"  # Klaviyo's defaults of that year
top_n: int = 3  # rows to show
"""

SETUP = "from klavnb import escaping, rendering, theme\nrendering.enable()"

HOSTILE_DATA = f"""\
import altair as alt
import great_tables as gt
import polars as pl
from IPython.display import Markdown

names = {HOSTILE_NAMES!r}
frame = pl.DataFrame({{
    "campaign": names,
    "revenue": [120.5 + 10 * place for place in range(len(names))],
    "channel": (["email", "sms", "push"] * len(names))[: len(names)],
    "secret": ["person@example.com"] * len(names),
}})"""

BARS = """\
alt.Chart(frame).mark_bar().encode(
    x=alt.X("revenue:Q", title="Revenue (USD)"),
    y=alt.Y("campaign:N", title="Campaign", sort="-x"),
    color=alt.Color("channel:N", title="Channel", scale=alt.Scale(domain=list(theme.CHANNEL_COLOURS),
                    range=list(theme.CHANNEL_COLOURS.values()))),
    tooltip=["campaign", "revenue"],
).properties(title="Sale earns most", description="Bars: revenue of nine campaigns, in USD.")"""

POINTS = """\
brush = alt.selection_interval(encodings=["x"])
base = alt.Chart(frame).encode(x="revenue:Q", y="channel:N")
(base.mark_point(size=80, filled=True).encode(tooltip="campaign").add_params(brush)
 | base.mark_text(align="left", dx=6).encode(text="campaign").transform_filter(brush)
).properties(title="Two panels", description="Points: revenue by channel, with names beside it.")"""

FINDING = (
    'Markdown("## Best: " + escaping.escape_markdown(names[0]) + "\\n\\n"'
    ' + "\\n".join("- " + escaping.escape_markdown(name) for name in names))'
)

TABLE = (
    'gt.GT(frame.select("campaign", "revenue"), id="campaigns").tab_header("Campaigns")'
    '.fmt_currency("revenue", currency="USD")'
)

FACTS = """\
from IPython.display import display
display({
    "application/vnd.klavnb.facts+json": {
        "data_as_of": "2026-08-31", "headline": "Cooperative credits 12 % more.", "status": "provisional",
        "banner": "The last five days are provisional: " + names[0],
    },
    "text/plain": "facts",
}, raw=True)"""


def build_notebook(*codes: str, title: str = "# A small report\n\nWhat it asks.") -> nbformat.NotebookNode:
    """Build a notebook: title, parameters, then a cell per code; what starts with # and a space is Markdown."""
    tagged = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    cells = [nbformat.v4.new_markdown_cell(title), tagged]
    for code in codes:
        make = nbformat.v4.new_markdown_cell if code.startswith(("# ", "## ")) else nbformat.v4.new_code_cell
        cells.append(make(code))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return nbformat.v4.new_notebook(cells=cells)


def add_output(
    notebook: nbformat.NotebookNode, data: dict[str, Any], tags: tuple[str, ...] = ()
) -> nbformat.NotebookNode:
    """Add a cell that is executed already, with one output."""
    output = nbformat.v4.new_output("display_data", data)
    number = len(notebook.cells)
    cell = nbformat.v4.new_code_cell("x", outputs=[output], metadata={"tags": list(tags)}, id=f"cell-{number}")
    notebook.cells.append(cell)
    return notebook


def write_notebook(path: Path, *codes: str, title: str = "# A small report\n\nWhat it asks.") -> Path:
    """Write what `build_notebook` builds."""
    path.write_text(nbformat.writes(build_notebook(*codes, title=title)), encoding="utf-8")
    return path


def write_hostile_notebook(path: Path) -> Path:
    """Write a notebook with two charts, a table and findings whose every name tries to run something."""
    noise = "import sys, warnings\nprint('noise out')\nprint('noise err', file=sys.stderr)"
    return write_notebook(
        path,
        SETUP,
        HOSTILE_DATA,
        noise,
        "## Which campaigns earn",
        FINDING,
        BARS,
        "## Two panels",
        POINTS,
        "## All campaigns",
        TABLE,
        FACTS,
    )
