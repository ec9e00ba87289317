"""Runs one notebook in a kernel of its own through papermill; every way to fail becomes one sentence."""

import logging
import threading
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from klavnb.errors import KlavnbError, ReportError
from klavnb.report.loading import Load
from klavnb.report.notebook import Cell, name_cell
from klavnb.report.worker import Worker

__all__ = ["Progress", "execute_notebook", "export_page", "load_exporter"]

Progress = Callable[[str, int, int], None]
"""Called with a notebook's name, the cells done and the number of cells."""

LONGEST_REASON = 300
START_SECONDS = 120
MESSAGE_SECONDS = 60
LOADING = threading.Lock()
"""Held while heavy modules load: two threads that import modules in a circle could see half of one."""

EXPORTING = threading.Lock()


def load_exporter() -> None:
    """Load what writes a page, and Vega, and write one; meant for a thread beside a running notebook.

    A first page takes a second longer than the next: templates, selectors and checks are compiled for it.
    """
    with LOADING:
        _write_first_page()


@cache
def _write_first_page() -> None:
    from klavnb.report import bundle  # noqa: PLC0415 - for a run only, beside the kernel

    bundle.read_bundle()
    nbformat = import_module("nbformat").v4
    shown = nbformat.new_output("display_data", {"text/markdown": "## First", "text/html": "<p>First</p>"})
    cells = [nbformat.new_markdown_cell("# First"), nbformat.new_code_cell("first", outputs=[shown])]
    export_page(nbformat.new_notebook(cells=cells), {})


@cache
def _make_exporter() -> Any:  # noqa: ANN401 - naming the type would load it
    return import_module("klavnb.report.exporter").ReportExporter()


def export_page(notebook: Any, resources: dict[str, Any]) -> tuple[str, dict[str, Any]]:  # noqa: ANN401 - a NotebookNode
    """Write the page of an executed notebook, with the one exporter that all threads share.

    Each new one would compile its templates anew, which takes a quarter of a second.
    """
    with EXPORTING:
        text, told = _make_exporter().from_notebook_node(notebook, resources)
    return text, told


def execute_notebook(
    notebook: Path,
    parameters: Mapping[str, object],
    worker: Worker,
    *,
    on_progress: Progress | None = None,
    cell_timeout: int | None = None,
) -> Any:  # noqa: ANN401 - a NotebookNode; naming the type here would load nbformat
    """Run a notebook; return it executed.

    Parameters
    ----------
    notebook
        The file.
    parameters
        Checked values of parameters that the notebook lists: papermill writes the names into code.
    worker
        Whose kernel runs it; no cell runs before what is loaded beside it has ended. A kernel in which a notebook
        failed is stopped.
    on_progress
        Told of every code cell that is done.
    cell_timeout
        Seconds that a cell may take; None for no limit.

    Raises
    ------
    ReportError
        Naming the cell and the reason, when a cell raises, takes too long, or ends the kernel.
    """
    with LOADING:
        from klavnb.report.kernel import KERNEL  # noqa: PLC0415 - zmq, for a run only

    kernel = worker.take()
    with LOADING:  # the kernel's process starts meanwhile
        nbformat, papermill = import_module("nbformat"), import_module("papermill")
        from nbclient.exceptions import CellTimeoutError, DeadKernelError  # noqa: PLC0415 - for a run only

    # its warnings are about parameters, which are checked by now, and more strictly
    logging.getLogger("papermill").setLevel(logging.ERROR)
    wait_for_load = _prepare_exporter(worker.load)
    node = nbformat.read(notebook, as_version=4)
    node.cells = [cell for cell in node.cells if "injected-parameters" not in cell.metadata.get("tags", ())]
    cells = [Cell(cell.cell_type, cell.source, tuple(cell.metadata.get("tags", ()))) for cell in node.cells]
    tagged = [index for index, cell in enumerate(cells) if "parameters" in cell.tags]
    # papermill inserts the given values as a cell behind the tagged one, so later cells are one too far
    last_in_place = tagged[0] if tagged and parameters else len(cells)
    reached = 0

    def note_start(cell: object, cell_index: int) -> None:  # noqa: ARG001 - nbclient names both
        nonlocal reached
        wait_for_load()
        reached = cell_index - (cell_index > last_in_place)

    def note_end(cell: object, cell_index: int) -> None:  # noqa: ARG001 - nbclient names both
        if on_progress is not None:
            on_progress(notebook.stem, cell_index - (cell_index > last_in_place) + 1, len(cells))

    try:
        executed = papermill.execute_notebook(
            # handed over in memory: papermill formats a path with the parameters
            node,
            None,
            parameters=dict(parameters),
            kernel_name=KERNEL,
            language="python",
            progress_bar=False,
            start_timeout=START_SECONDS,
            execution_timeout=cell_timeout,
            autosave_cell_every=0,
            km=kernel,
            iopub_timeout=MESSAGE_SECONDS,
            on_cell_start=note_start,
            on_cell_complete=note_end,
        )
    except papermill.PapermillExecutionError as error:
        failed = error.cell_index - (error.cell_index > last_in_place)
        _refuse(notebook, cells, failed, error.ename, error.evalue)
    except CellTimeoutError:
        _refuse(notebook, cells, reached, "", f"it took longer than {cell_timeout} seconds")
    except DeadKernelError:
        _refuse(notebook, cells, reached, "", "the process that ran it ended, perhaps for want of memory")
    except RuntimeError as error:
        raise ReportError(f"{notebook.name}: no process to run it could be started: {error}") from error
    if on_progress is not None:
        on_progress(notebook.stem, len(cells), len(cells))
    return executed


def _prepare_exporter(load: Load | None) -> Callable[[], None]:
    """Load what writes a page beside the notebook's cells; return what they wait for: that the export is loaded.

    Until it is, the exporter stays out of its way: there is a core for the export, and one for the kernel.
    """
    exporter = threading.Thread(target=load_exporter, daemon=True)

    def wait() -> None:
        if exporter.ident is not None:
            return
        if load is not None:
            load.wait()
        exporter.start()

    if load is None:
        wait()
    return wait


def _refuse(notebook: Path, cells: list[Cell], index: int, name: str, reason: str) -> NoReturn:
    """Raise the failure of a cell; what klavnb itself raised in there is a sentence already."""
    where = f"{notebook.name}, {name_cell(cells, index)}"
    if name in {"KlavnbError", *(kind.__name__ for kind in KlavnbError.__subclasses__())}:
        message, _, hint = reason.partition("\n\nHint: ")
        raise ReportError(f"{where}: {message}", hint=hint or None)
    first = (reason.strip().splitlines() or [""])[0]
    cut = first if len(first) <= LONGEST_REASON else f"{first[:LONGEST_REASON]}…"
    raise ReportError(
        f"{where}: {name}{': ' if name and cut else ''}{cut}.",
        hint="Run the notebook in JupyterLab with the same parameters to see where it comes from.",
    )
