"""What will be run: every report of every period, its parameters checked before anything runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from klavnb.errors import SettingsError, name_some
from klavnb.report.parameters import check_parameters, suggest
from klavnb.report.periods import Period
from klavnb.report.shell import is_ours
from klavnb.report.signature import Value, read_parameters
from klavnb.report.tables import check_folder

__all__ = ["Task", "plan_reports"]

BOUNDS = ("start", "end")
"""Parameters that make a notebook a report of a period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One report to be made.

    Parameters
    ----------
    notebook
        Its file.
    given
        Name → value of the parameters that are given, checked.
    values
        Name → value of all parameters.
    period
        The name of the period, or empty.
    out, tables
        The folders of the page and of the tables, None where those are not asked for.
    """

    notebook: Path
    given: Mapping[str, Value]
    values: Mapping[str, Value]
    period: str
    out: Path
    tables: Path | None

    @property
    def name(self) -> str:
        """The name of the report."""
        return self.notebook.stem


def plan_reports(
    known: Mapping[str, Path],
    names: Sequence[str],
    *,
    parameters: Mapping[str, object],
    periods: Sequence[Period],
    out: Path,
    tables: Path | None,
) -> list[Task]:
    """Plan reports: period by period, each notebook; or each notebook once where no period is given.

    Parameters
    ----------
    known
        Name → notebook.
    names
        Those to be run; none means every one, of those that have a start and an end where periods are given.
    parameters
        Name → value. Each must be listed by one of the notebooks, and goes to those that list it.

    Raises
    ------
    SettingsError
        When a name or a parameter is not one, or a page or table would replace a file that klavnb did not write.
    """
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SettingsError(f"There is no report called {name_some(unknown)}.", hint=suggest(unknown[0], list(known)))
    chosen = list(dict.fromkeys(names)) or list(known)
    listed = {name: read_parameters(known[name]) for name in chosen}
    if periods:
        timeless = [name for name in chosen if not set(BOUNDS) <= set(listed[name])]
        if timeless and names:
            raise SettingsError(
                f"{name_some(timeless)}: expected a report with a start and an end, which --period sets.",
                hint="Leave it out, or make it without --period.",
            )
        if set(BOUNDS) & set(parameters):
            raise SettingsError("--period sets start and end.", hint="Leave out -p start and -p end.")
        chosen = [name for name in chosen if name not in timeless]
    everywhere = {name: None for name in chosen for name in listed[name]}
    strangers = sorted(set(parameters) - set(everywhere))
    if strangers and len(chosen) > 1:
        hint = suggest(strangers[0], list(everywhere))
        raise SettingsError(f"None of these reports has a parameter {strangers[0]!r}.", hint=hint)

    tasks = []
    rounds: Sequence[Period | None] = periods or [None]
    for period in rounds:
        days = {"start": str(period.start), "end": str(period.end), "as_of": str(period.end)} if period else {}
        for name in chosen:
            own = {key: value for key, value in parameters.items() if len(chosen) == 1 or key in listed[name]}
            own |= {key: value for key, value in days.items() if key in listed[name]}
            given = check_parameters(listed[name], own, where=name)
            task = Task(
                notebook=known[name],
                given=given,
                values={key: given.get(key, parameter.default) for key, parameter in listed[name].items()},
                period=period.name if period else "",
                out=out / period.name if period else out,
                tables=tables / period.name if tables and period else tables,
            )
            tasks.append(task)
    _check_files(tasks, out)
    return tasks


def _check_files(tasks: Sequence[Task], out: Path) -> None:
    """Refuse to replace what klavnb did not write."""
    folders = dict.fromkeys([out, *(task.out for task in tasks)])
    pages = [*(task.out / f"{task.name}.html" for task in tasks), *(folder / "index.html" for folder in folders)]
    foreign = [page for page in pages if page.is_file() and not is_ours(page)]
    if foreign:
        raise SettingsError(
            f"{name_some(foreign)} was not made by klavnb, and would be overwritten.",
            hint="Choose another folder: --out.",
        )
    for task in tasks:
        if task.tables is not None:
            check_folder(task.tables, [task.name])
