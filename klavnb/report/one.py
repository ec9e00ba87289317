"""One report: a notebook is run with checked parameters, and its page written."""

import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from klavnb.errors import ReportError, name_some
from klavnb.files import replace_file
from klavnb.report.execution import Progress, execute_notebook, export_page, load_exporter
from klavnb.report.lint import lint_page
from klavnb.report.loading import Load
from klavnb.report.parameters import check_parameters, show_value
from klavnb.report.result import ReportResult
from klavnb.report.shell import read_summary
from klavnb.report.signature import Value, read_parameters
from klavnb.report.tables import lint_tables, write_tables
from klavnb.report.worker import Worker

__all__ = ["Run", "run_notebook", "run_report", "write_report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A notebook that was executed.

    Parameters
    ----------
    name
        Of the report.
    started
        When, on the clock of `time.monotonic`.
    values
        The values of all parameters of the notebook.
    executed
        The notebook with its outputs.
    """

    name: str
    started: float
    values: Mapping[str, Value]
    executed: Any


def run_report(
    notebook: Path,
    *,
    parameters: Mapping[str, object],
    out: Path,
    tables: Path | None = None,
    load: Load | None = None,
    worker: Worker | None = None,
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
    tables
        The folder for the tables of the page as CSV, `<name>-<table>.csv`; None: they are not written.
    load
        The export that the notebook reads, as it is being loaded; None: the notebook reads it by itself.
    worker
        Whose kernel runs it, with the load that it knows of; None: a kernel of its own.
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
    with nullcontext(worker) if worker else Worker(load) as runs:
        run = run_notebook(notebook, parameters, runs, on_progress=on_progress, cell_timeout=cell_timeout, out=out)
    return write_report(run, out=out, tables=tables, keep_notebook=keep_notebook)


def run_notebook(
    notebook: Path,
    parameters: Mapping[str, object],
    worker: Worker,
    *,
    out: Path,
    on_progress: Progress | None,
    cell_timeout: int | None,
) -> Run:
    """Run one notebook in a worker's kernel, and make the folder of its page; parameters and errors as of `run_report`.

    A kernel in which a notebook failed is stopped.
    """
    started = time.monotonic()
    listed = read_parameters(notebook)
    checked = check_parameters(listed, parameters, where=notebook.stem)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(f"The folder {out} cannot be made: {error.strerror}.") from error
    try:
        executed = execute_notebook(notebook, checked, worker, on_progress=on_progress, cell_timeout=cell_timeout)
    except BaseException:
        worker.drop()
        raise
    values = {key: checked.get(key, parameter.default) for key, parameter in listed.items()}
    return Run(name=notebook.stem, started=started, values=values, executed=executed)


def write_report(
    run: Run, *, out: Path, tables: Path | None, keep_notebook: bool, is_listed: bool = False
) -> ReportResult:
    """Check a run's page and write it, for which no kernel is needed; parameters and errors as of `run_report`.

    Parameters
    ----------
    is_listed
        An index is written beside the page, which the page may point to.
    """
    load_exporter()
    name, path = run.name, out / f"{run.name}.html"
    shown = {key: show_value(key, value) for key, value in run.values.items()}
    seconds = round(time.monotonic() - run.started, 1)
    page = {"parameters": shown, "seconds": seconds, "earlier": read_summary(path), "is_listed": is_listed}
    text, resources = export_page(run.executed, {"metadata": {"name": name}, "klavnb": page})
    made = resources["klavnb"]
    findings = [*lint_page(text), *(lint_tables(made["tables"]) if tables else ())]
    if findings:
        raise ReportError(
            f"The page of {name} was not written: {name_some(findings)}.",
            hint="Aggregate or leave out what names a person; hand text from the data through escape_markdown.",
        )
    files = write_tables(tables, name, made["tables"]) if tables else []
    _write(path, text)
    if keep_notebook:
        _write(out / f"{name}.executed.ipynb", import_module("nbformat").writes(run.executed))
    return ReportResult(
        name=name,
        path=path,
        title=made["title"],
        parameters=dict(run.values),
        facts=made["facts"],
        seconds=time.monotonic() - run.started,
        status="provisional" if made["facts"].get("status") == "provisional" else "final",
        tables=files,
    )


def _write(path: Path, text: str) -> None:
    try:
        replace_file(path, lambda part: part.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror}.") from error
