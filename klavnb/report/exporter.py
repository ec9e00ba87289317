"""An executed notebook -> one HTML page that opens anywhere, asks no host for anything and runs nothing of the data."""

import copy
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from nbconvert.exporters.html import HTMLExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbformat import NotebookNode
from traitlets import default

import klavnb
from klavnb.errors import ReportError
from klavnb.rendering import CHART, FACTS, TABLE
from klavnb.report.bundle import read_bundle, read_page_file
from klavnb.report.contents import link_headings
from klavnb.report.figures import dump_json, write_figure
from klavnb.report.glossary import write_glossary
from klavnb.report.key_figures import find_previous
from klavnb.report.parameters import show_value
from klavnb.report.policy import write_policy
from klavnb.report.signature import list_parameters

__all__ = ["ReportExporter"]

SHOWN = (CHART, "text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain")
LIST = ' <a href="index.html">All reports of this folder</a>'
"""The index that lies beside the pages of one run."""

HIDDEN_TAGS = frozenset({"parameters", "injected-parameters", "remove-cell"})


class ReportExporter(HTMLExporter):
    """Writes a notebook as a report; for nbconvert, `--to klavnb`.

    The second value that `from_notebook_node` returns, the resources, holds under `klavnb` the page's
    `title`, the notebook's `facts`, the CSV of its `tables` by their names, and what it was given: a `seconds` set
    there goes into the page, `is_listed` links the index beside it, and `earlier`, what the page that it replaces said
    of itself, is compared with.
    """

    export_from_notebook = "klavnb report"

    @default("template_file")
    def _find_template(self) -> str:
        return "page.html.j2"

    @default("extra_template_paths")
    def _find_template_folder(self) -> list[str]:
        return [str(Path(__file__).parent)]

    @default("exclude_input")
    def _hide_input(self) -> bool:
        return True

    @default("exclude_input_prompt")
    def _hide_input_prompt(self) -> bool:
        return True

    @default("exclude_output_prompt")
    def _hide_output_prompt(self) -> bool:
        return True

    @default("exclude_anchor_links")
    def _hide_anchor_links(self) -> bool:
        return True

    @property
    def default_config(self) -> Any:  # noqa: ANN401 - as the parent's
        """Prefer klavnb's chart over everything, and never show an output that is a program."""
        config = super().default_config
        config.NbConvertBase.display_data_priority = list(SHOWN)
        return config

    def from_notebook_node(  # type: ignore[override]  # as HTMLExporter itself does
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **options: object
    ) -> tuple[str, dict[str, Any]]:
        """Write the page of an executed notebook.

        Raises
        ------
        ReportError
            When the notebook's facts are no mapping, or its parameters cell is not one.
        """
        notebook = _copy(nb)
        resources = dict(resources or {})
        name = str(resources.get("metadata", {}).get("name") or "report")
        parameters = _write_parameters(notebook, name)
        facts = _take_facts(notebook)
        tables = _take_tables(notebook)
        charts = _tidy(notebook)
        page = {
            **resources.get("klavnb", {}),
            "facts": facts,
            "tables": tables,
            "nonce": secrets.token_hex(16),
            "titled": bool(notebook.cells) and notebook.cells[0].source.lstrip().startswith("# "),
            "version": klavnb.__version__,
        }
        text, resources = self._fill_in(notebook, {**resources, "klavnb": page}, options)
        page = resources["klavnb"]  # the parent made a copy
        page["previous"] = find_previous(page.pop("earlier", None), facts=facts, parameters=page.get("parameters", {}))
        figures = [write_figure(chart, number) for number, chart in enumerate(charts, 1)]
        glossary = write_glossary(" ".join([text, *figures]))
        closing = {"parameters": "Parameters"} if parameters else {}
        closing |= {"glossary": "Words used here"} if glossary else {}
        text, contents, heading = link_headings(text, closing=closing)
        page["title"] = str(notebook.metadata.get("title") or heading or name)
        made_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        scripts = [read_page_file("reader.js"), *([read_bundle(), read_page_file("page.js")] if charts else [])]
        summary = {"facts": facts, "title": page["title"], "name": name, "made_at": made_at}
        summary |= {key: page[key] for key in ("seconds", "parameters", "previous") if page.get(key) is not None}
        parts = {
            "policy": write_policy(scripts),
            "title": f"<title>{escape(page['title'])}</title>",
            "style": f"<style>{read_page_file('page.css')}</style>",
            "notice": f'<aside class="notice">{escape(str(facts["banner"]))}</aside>' if facts.get("banner") else "",
            "heading": "" if heading else f"<h1>{escape(page['title'])}</h1>",
            "contents": contents,
            "parameters": parameters,
            "glossary": glossary,
            "footer": f"<footer>Made by klavnb {klavnb.__version__} on {made_at} (UTC) from the notebook "
            f"{escape(name)}. This page works without a network.{LIST if page.get('is_listed') else ''}</footer>",
            "scripts": f'<script type="application/json" id="klavnb-facts">{dump_json(summary)}</script>'
            + "".join(f"<script>{script}</script>" for script in scripts),
            **{f"figure-{number}": figure for number, figure in enumerate(figures, 1)},
        }
        marks = re.compile(f"<!--{page['nonce']}:([a-z0-9-]+)-->")
        text = marks.sub(lambda found: parts[found[1]], text)
        # half a surrogate pair is text to JSON and to Python, but to no file
        return text.encode("utf-8", "replace").decode("utf-8"), resources

    def _fill_in(
        self, notebook: NotebookNode, given: dict[str, Any], options: Mapping[str, object]
    ) -> tuple[str, dict[str, Any]]:
        """Fill in the template, as `HTMLExporter` does.

        That parses and writes the whole page once more, to give images an alt that says nothing; a report whose
        images have none is refused instead.
        """
        own: Any = self  # nbconvert's parts are not typed
        highlight: Any = Highlight2HTML
        choose: Any = WidgetsDataTypeFilter
        resources = self._init_resources(given)  # type: ignore[no-untyped-call]  # nbconvert leaves it without
        own.register_filter("highlight_code", highlight(parent=self))
        own.register_filter(
            "filter_data_type", choose(notebook_metadata=self._nb_metadata, parent=self, resources=resources)
        )
        text, resources = super(HTMLExporter, self).from_notebook_node(notebook, resources, **options)
        return text, resources


def _copy(nb: NotebookNode) -> NotebookNode:
    """Copy a notebook as deep as the exporter changes it: what outputs hold can be large, and is not changed."""
    notebook = copy.copy(nb)
    notebook.cells = [copy.copy(cell) for cell in nb.cells]
    for cell in notebook.cells:
        if "outputs" in cell:
            cell.outputs = [copy.copy(output) for output in cell.outputs]
            for output in cell.outputs:
                output.update({part: copy.copy(output[part]) for part in ("data", "metadata") if part in output})
    return notebook


def _take_facts(notebook: NotebookNode) -> dict[str, Any]:
    """Take the facts out of the outputs; of a name that comes twice the last value holds."""
    facts: dict[str, Any] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            found = output.get("data", {}).pop(FACTS, None)
            if found is None:
                continue
            if not isinstance(found, Mapping):
                raise ReportError(f"The facts of a notebook should be a mapping, found {type(found).__name__}.")
            output.data.clear()  # the text beside the facts is for JupyterLab
            facts |= found
    return facts


def _take_tables(notebook: NotebookNode) -> dict[str, str]:
    """Take the CSV of the tables that a page shows: name → CSV; a name that comes twice is numbered."""
    tables: dict[str, str] = {}
    for cell in notebook.cells:
        is_shown = not HIDDEN_TAGS.intersection(cell.metadata.get("tags", ()))
        for output in cell.get("outputs", []) if is_shown else []:
            found = output.get("data", {}).pop(TABLE, None)
            if found is not None:
                slug = re.sub(r"[^a-z0-9]+", "-", str(found["name"]).lower()).strip("-") or "table"
                names = (slug, *(f"{slug}-{count}" for count in range(2, len(tables) + 3)))
                tables[next(name for name in names if name not in tables)] = str(found["csv"])
    return tables


def _tidy(notebook: NotebookNode) -> list[Mapping[str, Any]]:
    """Leave only cells and outputs that a reader is to see; take the charts out, and leave their numbers."""
    charts: list[Mapping[str, Any]] = []
    kept = []
    for cell in notebook.cells:
        if HIDDEN_TAGS.intersection(cell.metadata.get("tags", ())):
            continue
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if any(kind in output.get("data", {}) for kind in SHOWN)]
            for output in cell.outputs:
                if CHART in output.data:
                    charts.append(output.data[CHART])
                    output.data[CHART] = {}
                    output.metadata["klavnb_figure"] = len(charts)
        if cell.get("outputs") or (cell.cell_type == "markdown" and cell.source.strip()):
            kept.append(cell)
    notebook.cells = kept
    return charts


def _write_parameters(notebook: NotebookNode, name: str) -> str:
    """Write the parameters as a table: the cell that declares them, with the values of this run."""
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    listed = list_parameters(tagged[0].source, where=name) if tagged else {}
    if not listed:
        return ""
    given = notebook.metadata.get("papermill", {}).get("parameters", {})
    values = {key: given.get(key, parameter.default) for key, parameter in listed.items()}
    rows = "".join(
        f"<tr><td>{escape(key)}</td><td>{escape(show_value(key, values[key]))}</td>"
        f"<td>{escape(parameter.meaning)}</td></tr>"
        for key, parameter in listed.items()
    )
    head = '<th scope="col">Name</th><th scope="col">Value</th><th scope="col">Meaning</th>'
    return (
        '<section><h2 id="parameters">Parameters</h2><div class="scroll" tabindex="0" role="group" '
        f'aria-label="Parameters"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></section>'
    )
