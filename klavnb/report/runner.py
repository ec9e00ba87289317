"""Runs notebooks with checked parameters, each in its own kernel, and writes the page of each."""

import os
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Final, Literal

from klavnb.bundled import find_notebooks
from klavnb.errors import KlavnbError, ReportError, name_some
from klavnb.files import replace_file
from klavnb.report.execution import Progress, execute_notebook, export_page, load_exporter
from klavnb.report.index import write_index
from klavnb.report.lint import lint_page
from klavnb.report.loading import Load, load_beside
from klavnb.report.parameters import check_parameters, show_value
from klavnb.report.periods import Period, write_comparison
from klavnb.report.plan import Task, plan_reports
from klavnb.report.result import ReportResult
from klavnb.report.shell import read_summary
from klavnb.report.signature import read_parameters
from klavnb.report.tables import lint_tables, write_tables
from klavnb.report.worker import Worker

__all__ = ["make_reports", "run_report"]

KINDS: Final[Mapping[Literal["failed", "empty"], str]] = {"failed": "failed", "empty": "no orders"}
NO_ORDERS: Final = re.compile(r": No '[^\n]*' (?:in \S+ )?from \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d; found")
"""What a comparison of models says of a period without orders: nothing is wrong then."""


def make_reports(
    names: Sequence[str],
    *,
    parameters: Mapping[str, object],
    out: Path,
    tables: Path | None = None,
    periods: Sequence[Period] = (),
    label: str = "",
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
    tables
        The folder for the tables as CSV; None: they are not written.
    periods
        Make the reports that have a start and an end for each of these, in folders of their names, and a page in
        `out` that compares them.
    label
        The name of the account, where `out` is the folder of one of several.
    on_progress, keep_notebook, cell_timeout
        As in `run_report`; `on_progress` is called from several threads.

    Returns
    -------
    list
        One result per period and name, in their order. A notebook that failed has the status `failed` and its
        `error`; the others are written all the same.

    Raises
    ------
    SettingsError
        When a name or a parameter is not one, or a file would be replaced that klavnb did not write; nothing has
        run then.
    """
    tasks = plan_reports(find_notebooks(), names, parameters=parameters, periods=periods, out=out, tables=tables)

    def run(task: Task, worker: Worker) -> ReportResult:
        started = time.monotonic()
        try:
            result = run_report(
                task.notebook,
                parameters=task.given,
                out=task.out,
                tables=task.tables,
                worker=worker,
                on_progress=on_progress,
                keep_notebook=keep_notebook,
                cell_timeout=cell_timeout,
            )
        except KlavnbError as error:
            is_empty = bool(task.period) and NO_ORDERS.search(error.message) is not None
            result = ReportResult(
                name=task.name,
                path=task.out / f"{task.name}.html",
                title=task.name,
                parameters=task.given,
                seconds=time.monotonic() - started,
                status="no orders" if is_empty else "failed",
                error=error,
            )
        return replace(result, period=task.period)

    with load_beside(next((task.values for task in tasks if "data" in task.values), {})) as load:
        if len(tasks) == 1:  # in this thread, where Ctrl+C reaches it
            with Worker(load) as worker:
                results = [run(tasks[0], worker)]
        else:
            results = _share(tasks, run, load)
    _write_lists(results, out, periods, label)
    return results


def _share(tasks: Sequence[Task], run: Callable[[Task, Worker], ReportResult], load: Load | None) -> list[ReportResult]:
    """Run tasks in as many threads as there are cores, each with a kernel that goes from one to the next."""
    results: dict[int, ReportResult] = {}
    left = iter(enumerate(tasks))  # one step of it is one step of the interpreter: no two threads take the same
    is_ended = threading.Event()

    def work() -> None:
        with Worker(load) as worker:
            while not is_ended.is_set() and (taken := next(left, None)) is not None:
                results[taken[0]] = run(taken[1], worker)

    count = min(os.cpu_count() or 1, len(tasks))
    with ThreadPoolExecutor(max_workers=count) as threads:
        try:
            for ended in [threads.submit(work) for _ in range(count)]:
                ended.result()
        finally:
            is_ended.set()
    return [results[place] for place in range(len(tasks))]


def _write_lists(results: Sequence[ReportResult], out: Path, periods: Sequence[Period], label: str) -> None:
    """Write the index of every folder that got reports, the folders within before the one around them."""
    for period in periods:
        within = [result for result in results if result.period == period.name]
        write_index(out / period.name, **_find_reasons(within), kind="period", label=period.name)
    if periods:
        write_comparison(out, length=periods[0].length)
    whole = [result for result in results if not result.period]
    write_index(out, **_find_reasons(whole), kind="account" if label else "reports", label=label)


def _find_reasons(results: Sequence[ReportResult]) -> dict[Literal["failed", "empty"], dict[str, str]]:
    """Find why there is no new page, by name."""
    return {
        word: {result.name: str(result.error) for result in results if result.error and result.status == status}
        for word, status in KINDS.items()
    }


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
    started = time.monotonic()
    name = notebook.stem
    listed = read_parameters(notebook)
    checked = check_parameters(listed, parameters, where=name)
    values = {key: checked.get(key, parameter.default) for key, parameter in listed.items()}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(f"The folder {out} cannot be made: {error.strerror}.") from error
    with nullcontext(worker) if worker else Worker(load) as runs:
        try:
            executed = execute_notebook(notebook, checked, runs, on_progress=on_progress, cell_timeout=cell_timeout)
        except BaseException:
            runs.drop()
            raise
    load_exporter()

    shown = {key: show_value(key, value) for key, value in values.items()}
    path = out / f"{name}.html"
    page = {"parameters": shown, "seconds": round(time.monotonic() - started, 1), "earlier": read_summary(path)}
    text, resources = export_page(executed, {"metadata": {"name": name}, "klavnb": page})
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
        _write(out / f"{name}.executed.ipynb", import_module("nbformat").writes(executed))
    return ReportResult(
        name=name,
        path=path,
        title=made["title"],
        parameters=values,
        facts=made["facts"],
        seconds=time.monotonic() - started,
        status="provisional" if made["facts"].get("status") == "provisional" else "final",
        tables=files,
    )


def _write(path: Path, text: str) -> None:
    try:
        replace_file(path, lambda part: part.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror}.") from error
