"""Runs several notebooks at once, and lists their pages."""

import os
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from klavnb.bundled import find_notebooks
from klavnb.errors import KlavnbError
from klavnb.report.execution import Progress
from klavnb.report.index import write_index
from klavnb.report.loading import Load, load_beside
from klavnb.report.notebook import read_cells
from klavnb.report.one import run_notebook, write_report
from klavnb.report.periods import Period, write_comparison
from klavnb.report.plan import Task, plan_reports
from klavnb.report.result import ReportResult
from klavnb.report.worker import Worker

__all__ = ["make_reports"]

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

    def execute(task: Task, worker: Worker) -> Callable[[], ReportResult]:
        """Run a notebook; return what writes its page."""
        started = time.monotonic()
        try:
            run = run_notebook(
                task.notebook, task.given, worker, out=task.out, on_progress=on_progress, cell_timeout=cell_timeout
            )
        except KlavnbError as error:
            failed = _describe_failure(task, error, time.monotonic() - started)
            return lambda: failed

        def write() -> ReportResult:
            try:
                result = write_report(
                    run, out=task.out, tables=task.tables, keep_notebook=keep_notebook, is_listed=True
                )
            except KlavnbError as error:
                return _describe_failure(task, error, time.monotonic() - started)
            return replace(result, period=task.period)

        return write

    with load_beside(next((task.values for task in tasks if "data" in task.values), {})) as load:
        if len(tasks) == 1:  # in this thread, where Ctrl+C reaches it
            with Worker(load) as worker:
                results = [execute(tasks[0], worker)()]
        else:
            results = _share(tasks, execute, load)
    _write_lists(results, out, periods, label)
    return results


def _share(
    tasks: Sequence[Task], execute: Callable[[Task, Worker], Callable[[], ReportResult]], load: Load | None
) -> list[ReportResult]:
    """Run tasks in as many threads as there are cores, each with a kernel that goes from one to the next.

    Notebooks with many cells come first, so that no long one is left for the end; while a page is written, its kernel
    runs the next notebook.
    """
    written: dict[int, Future[ReportResult]] = {}
    order = sorted(range(len(tasks)), key=lambda place: -len(read_cells(tasks[place].notebook)))
    left = iter(order)  # one step of it is one step of the interpreter: no two threads take the same
    is_ended = threading.Event()

    def work() -> None:
        with Worker(load) as worker:
            while not is_ended.is_set() and (place := next(left, None)) is not None:
                written[place] = writer.submit(execute(tasks[place], worker))

    count = min(os.cpu_count() or 1, len(tasks))
    with ThreadPoolExecutor(max_workers=1) as writer, ThreadPoolExecutor(max_workers=count) as threads:
        try:
            for ended in [threads.submit(work) for _ in range(count)]:
                ended.result()
        finally:
            is_ended.set()
    return [written[place].result() for place in range(len(tasks))]


def _describe_failure(task: Task, error: KlavnbError, seconds: float) -> ReportResult:
    is_empty = bool(task.period) and NO_ORDERS.search(error.message) is not None
    return ReportResult(
        name=task.name,
        path=task.out / f"{task.name}.html",
        title=task.name,
        parameters=task.given,
        seconds=seconds,
        status="no orders" if is_empty else "failed",
        error=error,
        period=task.period,
    )


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
