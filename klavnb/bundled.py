"""The files that travel with klavnb: its notebooks and the sample export.

In a checkout they are the repository's own; in an installed wheel they lie inside the package.
"""

from pathlib import Path
from typing import Final

__all__ = ["SAMPLE", "find_definitions", "find_notebooks", "find_sample"]

PACKAGE = Path(__file__).parent
CHECKOUT = PACKAGE.parent

SAMPLE: Final = "sample"
"""What the sample export is called wherever an export is asked for."""


def find_notebooks() -> dict[str, Path]:
    """Return the notebooks that can be made into reports: name → path, by name.

    Examples
    --------
    >>> "attribution" in find_notebooks()
    True
    """
    folder = PACKAGE / "_notebooks"
    if not folder.is_dir():
        folder = CHECKOUT / "notebooks"
    return {path.stem: path for path in sorted(folder.glob("*.ipynb"))}


def find_sample() -> Path:
    """Return the folder of the sample export: the year of a small shop, or a tiny one in a wheel.

    Examples
    --------
    >>> find_sample().is_dir()
    True
    """
    packed = PACKAGE / "_data" / "tiny"
    return packed if packed.is_dir() else CHECKOUT / "data" / "sample"


def find_definitions() -> Path:
    """Return the folder of the segment definitions that shops often use, one JSON file each.

    Examples
    --------
    >>> "repeat-buyers.json" in {path.name for path in find_definitions().iterdir()}
    True
    """
    packed = PACKAGE / "_data" / "segments"
    return packed if packed.is_dir() else CHECKOUT / "data" / "segments"
