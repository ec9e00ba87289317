"""What the commands share: where they print, what they exit with, and how they name the data."""

import re
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Final, NoReturn

from cyclopts import Parameter
from rich.console import Console

from klavnb.errors import SettingsError
from klavnb.privacy import mask

__all__ = [
    "FAILED",
    "MISUSED",
    "Data",
    "check_ending",
    "check_outside",
    "check_target",
    "heard",
    "said",
    "stop",
    "tidy",
]

FAILED, MISUSED = 1, 2
"""Exit codes: the work failed; the command or a parameter is wrong and nothing ran."""

said = Console(highlight=False, markup=False, soft_wrap=True)
heard = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
"""Results go to standard output, progress and errors to standard error."""

Data = Annotated[str, Parameter(help="An export (folder or file), a store, or `sample`.")]

TABLES: Final = (".parquet", ".csv")
CONTROL_SIGNS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")


def stop(message: str, code: int) -> NoReturn:
    """Say why it ends, and exit."""
    heard.print(message, style="red" if heard.is_terminal else None)
    sys.exit(code)


def tidy(text: str) -> str:
    """Make text from the data or a file of definitions fit for a terminal: one line, and no one's address in it."""
    return CONTROL_SIGNS.sub(" ", mask(text))


def check_ending(path: Path | None, what: str) -> None:
    """Refuse a file of another kind than those that can be written, before anything runs."""
    if path is not None and path.suffix.lower() not in TABLES:
        raise SettingsError(f"{what} are written as .parquet or .csv, found {str(path)!r}.", hint="Change the ending.")


def check_outside(path: Path | None, data: str) -> None:
    """Refuse, before anything runs, to replace a file of the export itself."""
    if path is None or not path.exists():
        return
    target, source = path.resolve(), Path(data).expanduser().resolve()
    if source.exists() and (target == source or source in target.parents):
        raise SettingsError(
            f"{path} is a file of the export, which is never overwritten.", hint="Choose another name or folder."
        )


def check_target(path: Path | None, columns: Collection[Sequence[str]]) -> None:
    """Refuse to replace a table that has other columns than those that would be written.

    Parameters
    ----------
    columns
        The lists of columns that a file of klavnb's may have.
    """
    if path is None or not path.is_file():
        return
    import polars as pl  # noqa: PLC0415 - `klavnb --help` does not need it

    try:
        if path.suffix.lower() == ".parquet":
            found = list(pl.scan_parquet(path, glob=False).collect_schema())
        else:
            found = pl.read_csv(path, n_rows=0, infer_schema=False).columns
    except (pl.exceptions.PolarsError, OSError):
        found = []
    if found not in [list(each) for each in columns]:
        raise SettingsError(f"{path} is there already and is not such a file of klavnb's.", hint="Choose another name.")
