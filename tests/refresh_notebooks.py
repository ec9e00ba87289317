"""Execute the committed notebooks anew and keep the outputs that tests compare, no others.

Run it after a change of a notebook or of the sample: `make notebooks`.
"""

from pathlib import Path

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

import klavnb  # noqa: F401 - first, for a quick start of what follows

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
COMPARED = "nbval-check-output"


def refresh(path: Path) -> None:
    """Execute one notebook in place; only cells tagged `nbval-check-output` keep what they showed."""
    notebook = nbformat.read(path, as_version=4)
    quiet = Config({"KernelManager": {"transport_encryption": "auto"}})
    NotebookClient(notebook, kernel_name="python3", config=quiet).execute(cwd=str(path.parent))
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code" and COMPARED not in cell.metadata.get("tags", ()):
            cell.outputs, cell.execution_count = [], None
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for found in sorted(NOTEBOOKS.glob("*.ipynb")):
        refresh(found)
