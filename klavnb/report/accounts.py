"""Accounts: which data belong to which, what the folder of each is called, and the reports of all."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from klavnb.errors import KlavnbError, SettingsError
from klavnb.report.execution import Progress
from klavnb.report.index import INDEX, write_index
from klavnb.report.periods import Period
from klavnb.report.result import ReportResult
from klavnb.report.runner import make_reports
from klavnb.report.shell import is_ours

__all__ = ["make_account_reports", "name_accounts"]

LABEL: Final = re.compile(r"\w(?:[\w .&-]{0,62}[\w&-])?")
RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
"""What Windows takes for a device."""

RULE: Final = (
    "Letters, digits, spaces and . & - _ may be in a label, 64 at most; it begins and ends with none of the signs."
)


def name_accounts(texts: Sequence[str]) -> dict[str, str]:
    """Give each of several data a label, which is the name of its folder too: label → data, in their order.

    A text is `label=data`, or data alone, whose last part then is the label. A single text without a label is no
    account of several: its label is empty.

    Raises
    ------
    SettingsError
        When a label cannot be the name of a folder on every system, or two are the same but for their case.

    Examples
    --------
    >>> name_accounts(["Prints & Co=exports/2026", "exports/frames.zip"])
    {'Prints & Co': 'exports/2026', 'frames': 'exports/frames.zip'}
    >>> name_accounts(["exports/2026"])
    {'': 'exports/2026'}
    """
    split = [_split(text) for text in texts]
    if len(split) == 1 and split[0][0] is None:
        return {"": texts[0]}
    named: dict[str, str] = {}
    for label, data in split:
        name = re.sub(r"[^\w .&-]+", "-", Path(data).stem).strip(" .-") if label is None else label
        if not LABEL.fullmatch(name) or RESERVED.fullmatch(name):
            raise SettingsError(
                f"The data {data!r} need a label that can be the name of a folder, found {name!r}.",
                hint=f"Write --data label={data}. {RULE}",
            )
        if name.lower() in {other.lower() for other in named}:
            raise SettingsError(
                f"Two accounts would be called {name!r}.", hint=f"Give each its own label: --data other-label={data}."
            )
        named[name] = data
    return named


def _split(text: str) -> tuple[str | None, str]:
    """Split `label=data`; a path that is there is never split, though an = is in it."""
    label, equals, data = text.partition("=")
    is_labelled = (
        bool(equals) and bool(data) and not re.search(r"[/\\]", label) and not Path(text).expanduser().exists()
    )
    return (label.strip(), data) if is_labelled else (None, text)


def make_account_reports(
    accounts: Mapping[str, str],
    names: Sequence[str],
    *,
    parameters: Mapping[str, object],
    out: Path,
    tables: Path | None = None,
    find_periods: Callable[[str], Sequence[Period]] | None = None,
    on_progress: Progress | None = None,
    keep_notebook: bool = False,
) -> tuple[list[ReportResult], dict[str, KlavnbError]]:
    """Make the reports of accounts, one account after the other, and the index over them.

    Parameters
    ----------
    accounts
        Label → data, as `name_accounts` gives them; the folder of each is called by its label.
    names, parameters, out, tables, on_progress, keep_notebook
        As for `make_reports`, for every account alike.
    find_periods
        Finds the periods of an account's data; None: reports are made of all of it.

    Returns
    -------
    tuple
        The results of all; and label → error of the accounts of which nothing was made.

    Raises
    ------
    SettingsError
        When the index would replace a file that klavnb did not write.
    KlavnbError
        When of no account anything was made: the error of the first.
    """
    index = out / INDEX
    if index.is_file() and not is_ours(index):
        raise SettingsError(
            f"{index} was not made by klavnb, and would be overwritten.", hint="Choose another folder: --out."
        )
    results: list[ReportResult] = []
    broken: dict[str, KlavnbError] = {}
    for label, data in accounts.items():
        try:
            results += make_reports(
                names,
                parameters={"data": data, **parameters},
                out=out / label,
                tables=tables / label if tables else None,
                periods=find_periods(data) if find_periods else (),
                label=label,
                on_progress=on_progress,
                keep_notebook=keep_notebook,
            )
        except KlavnbError as error:  # another account's data may be sound
            broken[label] = error
    if broken and not results:
        raise next(iter(broken.values()))
    if "" not in accounts:
        write_index(out, failed={label: str(error) for label, error in broken.items()})
    return results, broken
