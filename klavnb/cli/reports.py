"""The command that makes the reports."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import klavnb as kn
from klavnb.cli.console import FAILED, heard, said, stop
from klavnb.errors import SettingsError

__all__ = ["report"]


def report(
    names: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    *,
    data: str | None = None,
    out: Path = Path("reports"),
    parameters: Annotated[tuple[str, ...], Parameter(name=["--parameter", "-p"], negative=())] = (),
    keep_notebook: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Make HTML reports and an index page of them; each opens anywhere, without a network.

    Parameters
    ----------
    names
        Which reports; all where none is named. There are: attribution, data_quality, segments.
    data
        An export (folder or file), a store, or `sample`, which it is unless given.
    out
        The folder for the pages.
    parameters
        A parameter of the notebook as name=value, such as start=2026-01-01; may repeat.
    keep_notebook
        Keep the executed notebook beside each page. It may hold what the page leaves out.
    """
    given = kn.report.split_assignments(parameters)
    if data and "data" in given:
        raise SettingsError("The data are given twice, by --data and by -p data.", hint="Leave one out.")
    given = {"data": data or "sample", **given}
    with heard.status("Starting …") as status:

        def show(name: str, done: int, of: int) -> None:
            status.update(f"{name}: cell {done} of {of} …")

        results = kn.report.make_reports(
            names, parameters=given, out=out, on_progress=show, keep_notebook=keep_notebook
        )
    failed = [result for result in results if result.error]
    for result in results:
        if result.error is None:
            said.print(f"{result.path}  ({result.seconds:.1f} s)")
    said.print(str(out / "index.html"))
    if failed:
        stop("\n\n".join(f"{result.name}: {result.error}" for result in failed), FAILED)
