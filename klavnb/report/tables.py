"""The tables of reports as CSV files, for spreadsheets, with a list of those that klavnb wrote."""

import json
import threading
from collections.abc import Collection, Mapping
from pathlib import Path

from klavnb.errors import ReportError, SettingsError, name_some
from klavnb.files import replace_file
from klavnb.report.lint import find_personal

__all__ = ["check_folder", "lint_tables", "write_tables"]

LIST = "tables.json"
"""Says of a folder which files klavnb wrote, and for which report: no other is ever replaced."""

BOM = "\ufeff"
"""Excel takes a file without it for one of another alphabet; LibreOffice, Google Sheets, polars and pandas skip it."""

WRITING = threading.Lock()
"""Held while the list is read and written anew: reports are made in several threads."""


def check_folder(folder: Path, reports: Collection[str]) -> None:
    """Refuse, before anything runs, a folder in which tables of these reports would replace files of someone else.

    Raises
    ------
    SettingsError
        When a file there is called like a table of one of the reports and klavnb did not write it, or it is no folder.
    """
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder} should be a folder, but it is a file.", hint="Choose another folder: --tables.")
    own = _read_list(folder)
    found = sorted(path for name in reports for path in folder.glob(f"{name}-*.csv") if path.name not in own)
    if found:
        raise SettingsError(
            f"{name_some(found)} was not written by klavnb, and might be overwritten.",
            hint="Choose another folder: --tables.",
        )


def lint_tables(tables: Mapping[str, str]) -> list[str]:
    r"""List what in the tables could name a person; findings do not repeat it in full.

    Examples
    --------
    >>> lint_tables({"messages": "Message,Revenue\nSpring sale,120\n"})
    []
    """
    return [f"table {name}: {finding}" for name, text in tables.items() for finding in find_personal(text)]


def write_tables(folder: Path, report: str, tables: Mapping[str, str]) -> list[Path]:
    """Write the tables of a report as `<report>-<table>.csv`, each whole or not at all.

    What an earlier run of the report wrote and this one does not is removed: it would be of other data.

    Parameters
    ----------
    tables
        Name → CSV.

    Raises
    ------
    ReportError
        When a file is there that klavnb did not write, or the folder cannot be written; the first before any is.
    """
    named = {f"{report}-{name}.csv": text for name, text in tables.items()}
    with WRITING:
        own = _read_list(folder)
        foreign = sorted(folder / name for name in named if name not in own and (folder / name).exists())
        if foreign:
            raise ReportError(
                f"{name_some(foreign)} was not written by klavnb, and would be overwritten.",
                hint="Choose another folder: --tables.",
            )
        stale = [name for name, made in own.items() if made == report and name not in named]
        listed = {name: made for name, made in own.items() if name not in stale} | dict.fromkeys(named, report)
        try:
            for name, text in named.items():
                _write(folder / name, BOM + text)
            for name in stale:
                (folder / name).unlink(missing_ok=True)
            _write(folder / LIST, json.dumps(dict(sorted(listed.items())), indent=2) + "\n")
        except OSError as error:
            raise ReportError(f"The folder {folder} cannot be written: {error.strerror}.") from error
    return [folder / name for name in named]


def _write(path: Path, text: str) -> None:
    # half a surrogate pair is text to JSON and to Python, but to no file
    replace_file(path, lambda part: part.write_bytes(text.encode("utf-8", "replace")))


def _read_list(folder: Path) -> dict[str, str]:
    """Read which files klavnb wrote: name → report; a name that leads elsewhere is none of them."""
    try:
        listed = json.loads((folder / LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    found = listed.items() if isinstance(listed, dict) else ()
    return {name: str(report) for name, report in found if name.endswith(".csv") and Path(name).name == name}
