"""Runs notebooks with checked parameters, each in its own kernel, and writes the page of each."""

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from klavnb.bundled import find_notebooks
from klavnb.errors import KlavnbError, ReportError, SettingsError, name_some
from klavnb.files import replace_file
from klavnb.report.execution import Progress, execute_notebook, load_exporter
from klavnb.report.index import is_ours, write_index
from klavnb.report.lint import lint_page
from klavnb.report.parameters import check_parameters, show_value, suggest
from klavnb.report.signature import Value, read_parameters

__all__ = ["ReportResult", "make_reports", "run_report"]

Status = Literal["final", "provisional", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportResult:
    """What became of one report.

    Parameters
    ----------
    name
        The notebook's name without its ending.
    path
        The page. After a failure: where it would be, and an earlier one may still be.
    title
        The page's title.
    parameters
        Name → value, those of the notebook that were not given included.
    facts
        What the notebook says of itself: `data_as_of`, `headline`, `banner`, `status`.
    seconds
        From the start until the page was written.
    status
        `provisional` where the notebook says so, else `final`; or `failed`.
    error
        Why it failed.
    """

    name: str
    path: Path
    title: str
    parameters: Mapping[str, Value]
    facts: Mapping[str, Any] = field(default_factory=dict)
    seconds: float
    status: Status = "final"
    error: KlavnbError | None = None


def make_reports(
    names: Sequence[str],
    *,
    parameters: Mapping[str, object],
    out: Path,
    on_progress: Progress | None = None,
    keep_notebook: bool = False,
    cell_timeout: int | None = None,
) -> list[ReportResult]:
    """Run some of klavnb's notebooks, several at once, then write `index.html` of the folder.

    Parameters
    ----------
    names
        Names of notebooks; none means every one.
    parameters
        Name → value. Each must be listed by one of the notebooks, and goes to those that list it.
    out
        The folder of the pages.
    on_progress, keep_notebook, cell_timeout
        As in `run_report`; `on_progress` is called from several threads.

    Returns
    -------
    list
        One result per name, in their order. A notebook that failed has the status `failed` and its
        `error`; the others are written all the same.

    Raises
    ------
    SettingsError
        When a name or a parameter is not one; nothing has run then.
    """
    known = find_notebooks()
    names = list(dict.fromkeys(names)) or list(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SettingsError(f"There is no report called {name_some(unknown)}.", hint=suggest(unknown[0], list(known)))
    listed = {name: read_parameters(known[name]) for name in names}
    everywhere = {name: parameter for parameters_of in listed.values() for name, parameter in parameters_of.items()}
    strangers = sorted(set(parameters) - set(everywhere))
    if strangers and len(names) > 1:
        hint = suggest(strangers[0], list(everywhere))
        raise SettingsError(f"None of these reports has a parameter {strangers[0]!r}.", hint=hint)
    given = {
        name: {key: value for key, value in parameters.items() if len(names) == 1 or key in listed[name]}
        for name in names
    }
    for name in names:
        check_parameters(listed[name], given[name], where=name)

    foreign = [page for name in (*names, "index") if (page := out / f"{name}.html").is_file() and not is_ours(page)]
    if foreign:
        raise SettingsError(
            f"{name_some(foreign)} was not made by klavnb, and would be overwritten.",
            hint="Choose another folder: --out.",
        )

    def run(name: str) -> ReportResult:
        started = time.monotonic()
        try:
            return run_report(
                known[name],
                parameters=given[name],
                out=out,
                on_progress=on_progress,
                keep_notebook=keep_notebook,
                cell_timeout=cell_timeout,
            )
        except KlavnbError as error:
            return ReportResult(
                name=name,
                path=out / f"{name}.html",
                title=name,
                parameters=check_parameters(listed[name], given[name], where=name),
                seconds=time.monotonic() - started,
                status="failed",
                error=error,
            )

    if len(names) == 1:  # in this thread, where Ctrl+C reaches it
        results = [run(names[0])]
    else:
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
            results = list(threads.map(run, names))
    write_index(out, failed={result.name: str(result.error) for result in results if result.error})
    return results


def run_report(
    notebook: Path,
    *,
    parameters: Mapping[str, object],
    out: Path,
    on_progress: Progress | None = None,
    keep_notebook: bool = False,
    cell_timeout: int | None = None,
) -> ReportResult:
    """Run one notebook and write its page, `<name>.html`; a failure leaves an earlier page as it was.

    Parameters
    ----------
    notebook
        The notebook's file.
    parameters
        Name → value; checked before anything runs. What is absent keeps the notebook's own value.
    out
        The folder of the page.
    on_progress
        Called with the name, the cells done and the number of cells.
    keep_notebook
        Write the executed notebook beside the page, as `<name>.executed.ipynb`. It holds all that was
        displayed, checked by nobody.
    cell_timeout
        Seconds that a cell may take; None for no limit.

    Raises
    ------
    SettingsError
        When a parameter is unknown, of another type or out of range.
    ReportError
        When a cell fails, the kernel dies, the page does not pass the checks of `lint_page`, or the
        folder cannot be written.
    """
    started = time.monotonic()
    name = notebook.stem
    listed = read_parameters(notebook)
    checked = check_parameters(listed, parameters, where=name)
    values = {key: checked.get(key, parameter.default) for key, parameter in listed.items()}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(f"The folder {out} cannot be made: {error.strerror}.") from error
    with tempfile.TemporaryDirectory(prefix="klavnb-", ignore_cleanup_errors=True) as folder:
        executed = execute_notebook(notebook, checked, Path(folder), on_progress=on_progress, cell_timeout=cell_timeout)
    load_exporter()

    shown = {key: show_value(key, value) for key, value in values.items()}
    page = {"parameters": shown, "seconds": round(time.monotonic() - started, 1)}
    exporter = import_module("klavnb.report.exporter").ReportExporter()
    text, resources = exporter.from_notebook_node(executed, {"metadata": {"name": name}, "klavnb": page})
    findings = lint_page(text)
    if findings:
        raise ReportError(
            f"The page of {name} was not written: {name_some(findings)}.",
            hint="Aggregate or leave out what names a person; hand text from the data through escape_markdown.",
        )
    path = out / f"{name}.html"
    _write(path, text)
    if keep_notebook:
        _write(out / f"{name}.executed.ipynb", import_module("nbformat").writes(executed))
    facts = resources["klavnb"]["facts"]
    return ReportResult(
        name=name,
        path=path,
        title=resources["klavnb"]["title"],
        parameters=values,
        facts=facts,
        seconds=time.monotonic() - started,
        status="provisional" if facts.get("status") == "provisional" else "final",
    )


def _write(path: Path, text: str) -> None:
    try:
        replace_file(path, lambda part: part.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror}.") from error
