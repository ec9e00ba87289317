"""The committed notebooks: thin, in their order, and good for other parameters than their own."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import papermill
import pytest
from refresh_notebooks import COMPARED

from klavnb.bundled import find_notebooks, find_sample
from klavnb.report import run_report
from klavnb.report.worker import Worker

TINY = find_sample().parent / "tiny"
MOST_LINES = 8
NOTEBOOKS = sorted(find_notebooks().values())
FORBIDDEN = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.Lambda, ast.With)


def read_cells(path: Path) -> list[dict[str, object]]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_begins_with_its_question_and_its_parameters(path: Path) -> None:
    first, second, third = read_cells(path)[:3]
    assert "".join(first["source"]).startswith("# ")
    assert "**Question:**" in "".join(first["source"])
    assert second["metadata"]["tags"] == ["parameters"]
    assert "import klavnb as kn" in "".join(third["source"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_thin(path: Path) -> None:
    for cell in read_cells(path)[2:]:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            assert len(source.splitlines()) <= MOST_LINES, source
            tree = ast.parse(source)
            assert not [node for node in ast.walk(tree) if isinstance(node, FORBIDDEN)], source
            assert "print(" not in source
            assert "write" not in source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_only_what_is_compared_is_kept_of_a_run(path: Path) -> None:
    kept = {cell["id"] for cell in read_cells(path) if cell.get("outputs")}
    compared = {cell["id"] for cell in read_cells(path) if COMPARED in cell["metadata"].get("tags", [])}
    assert kept == compared != set()


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """A kernel for all reports here."""
    with Worker() as started:
        yield started


@pytest.mark.parametrize(
    "parameters",
    [
        {"preset": "2026", "anchor": "touched", "top_n": 3},
        {"windows": "sms=none,push=none", "start": "2026-06-01", "end": "2026-07-31"},
        {"windows": "email=90d", "exclude_machine_opens": "yes", "exclude_bot_clicks": "no", "currency": "EUR"},
    ],
    ids=str,
)
def test_the_report_is_made_with_other_parameters(
    parameters: dict[str, object], worker: Worker, tmp_path: Path
) -> None:
    given = {"data": str(TINY), **parameters}
    result = run_report(find_notebooks()["attribution"], parameters=given, out=tmp_path, worker=worker)
    page = result.path.read_text(encoding="utf-8")
    assert "Before you rely on this" in page
    assert "Where these numbers come from" in page


def test_plain_papermill_runs_a_notebook_too(tmp_path: Path) -> None:
    executed = papermill.execute_notebook(
        find_notebooks()["attribution"],
        tmp_path / "out.ipynb",
        parameters={"data": str(TINY), "top_n": 3},
        progress_bar=False,
    )
    headline = next(cell for cell in executed.cells if cell.id == "answer").outputs[0]["data"]["text/markdown"]
    assert headline.startswith("## ")
