"""The command that makes the reports."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import klavnb as kn
from klavnb.cli.console import FAILED, heard, said, stop
from klavnb.errors import SettingsError
from klavnb.report import Length, Period, ReportResult

__all__ = ["report"]


def report(
    names: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    *,
    data: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    out: Path = Path("reports"),
    tables: Path | None = None,
    period: Length | None = None,
    parameters: Annotated[tuple[str, ...], Parameter(name=["--parameter", "-p"], negative=())] = (),
    keep_notebook: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Make HTML reports and an index page of them; each opens anywhere, without a network.

    Parameters
    ----------
    names
        Which reports; all where none is named. There are: agreement, attribution, data_quality, messages, models,
        segments.
    data
        An export (folder or file), a store, or `sample`, which it is unless given. Several accounts: repeat it, each
        as label=data or by its own name; each gets a folder, and the index compares them.
    out
        The folder for the pages.
    tables
        A folder for every table of the reports as CSV, such as attribution-messages.csv, for spreadsheets.
    period
        Make the reports that have a start and an end for each past whole month, quarter or half-year of the data, and
        a page that compares them.
    parameters
        A parameter of the notebook as name=value, such as start=2026-01-01; may repeat.
    keep_notebook
        Keep the executed notebook beside each page. It may hold what the page leaves out.
    """
    given = kn.report.split_assignments(parameters)
    if data and "data" in given:
        raise SettingsError("The data are given twice, by --data and by -p data.", hint="Leave one out.")
    accounts = kn.report.name_accounts(data or (given.pop("data", "sample"),))
    with heard.status("Starting …") as status:

        def show(name: str, done: int, of: int) -> None:
            status.update(f"{name}: cell {done} of {of} …")

        results, broken = kn.report.make_account_reports(
            accounts,
            names,
            parameters=given,
            out=out,
            tables=tables,
            find_periods=None if period is None else partial(find_periods, length=period),
            on_progress=show,
            keep_notebook=keep_notebook,
        )
    said.print("\n".join([*(line for result in results if (line := tell(result))), str(out / "index.html")]))
    failed = [f"{tell_name(result)}: {result.error}" for result in results if result.status == "failed"]
    failed += [f"{label}: {error}" for label, error in broken.items()]
    if failed:
        stop("\n\n".join(failed), FAILED)


def tell(result: ReportResult) -> str:
    """Say where a report is; nothing of one that failed."""
    if result.error is None:
        return f"{result.path}  ({result.seconds:.1f} s)"
    return f"{tell_name(result)}: no orders in {result.period}" if result.status == "no orders" else ""


def tell_name(result: ReportResult) -> str:
    """Name a report within its period."""
    return f"{result.period} {result.name}".strip()


def find_periods(data: str, length: Length) -> list[Period]:
    """Find the whole periods of an export.

    Single events long before all others do not count, nor do those of the future.
    """
    import polars as pl  # noqa: PLC0415 - `klavnb --help` does not need it

    from klavnb.quality.checks import Limits  # noqa: PLC0415 - as above
    from klavnb.quality.days import find_period  # noqa: PLC0415 - as above

    if "://" in data:  # refused by name, without the address: it may hold a password
        return []
    days = kn.read_export(data).events.group_by(pl.col("occurred_at").dt.date().alias("on"))
    by_day = days.agg(pl.len().alias("count_events")).collect()
    first, last, _ = find_period(by_day, limits=Limits(), last_on=datetime.now(UTC).date())
    return kn.report.list_periods(first, last, length=length)
