"""A notebook as a file: its cells, and a name for each that a reader of a message can find."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from klavnb.errors import ReportError

__all__ = ["Cell", "name_cell", "read_cells"]

LONGEST_LINE = 60


class Cell(NamedTuple):
    """A cell: `markdown` or `code`, what is written in it, and its tags."""

    kind: str
    source: str
    tags: tuple[str, ...] = ()


def read_cells(path: Path) -> list[Cell]:
    """Read the cells of a notebook in their order.

    Raises
    ------
    ReportError
        When the file cannot be read, or is no notebook of format 4.
    """
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return [
            Cell(cell["cell_type"], "".join(cell["source"]), tuple(cell.get("metadata", {}).get("tags", ())))
            for cell in cells
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReportError(f"{path} is not a notebook that klavnb can read: {error!r}.") from error


def name_cell(cells: Sequence[Cell], index: int) -> str:
    r"""Name a cell by its number as JupyterLab counts from the top, the heading above it and its first line.

    Examples
    --------
    >>> name_cell([Cell("markdown", "## By week"), Cell("code", "# weeks\nchart_weeks(credits)")], 1)
    'cell 2, under "By week" (chart_weeks(credits))'
    """
    heading = ""
    for cell in cells[:index]:
        lines = cell.source.splitlines() if cell.kind == "markdown" else ()
        heading = next((line.lstrip("# ") for line in reversed(lines) if line.startswith("#")), heading)
    below = [line.strip() for line in cells[index].source.splitlines()] if index < len(cells) else []
    first = next((line for line in below if line and not line.startswith("#")), "")
    whole = first.rstrip("([{")  # what stands in brackets begins on the next line
    shown = first if whole == first and len(first) <= LONGEST_LINE else f"{whole[:LONGEST_LINE]}…"
    return f"cell {index + 1}" + (f', under "{heading}"' if heading else "") + (f" ({shown})" if shown else "")
