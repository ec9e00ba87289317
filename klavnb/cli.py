"""The commands. The only module that prints or exits; what is heavy loads inside the command that needs it."""

import atexit
import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console
from rich.table import Table

import klavnb as kn
from klavnb.errors import KlavnbError, SettingsError
from klavnb.files import replace_file

if TYPE_CHECKING:  # the store brings polars, which `klavnb --help` does not need
    from klavnb.store import LoadSummary

__all__ = ["app", "main"]

FAILED, MISUSED, INTERRUPTED = 1, 2, 130
"""Exit codes: the work failed; the command or a parameter is wrong and nothing ran; stopped by the user."""

app = App(
    name="klavnb",
    help="What Klaviyo's cooperative attribution model credits that the old one dropped, from your own export.",
    version=kn.__version__,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
said = Console(highlight=False, markup=False, soft_wrap=True)
heard = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
"""Results go to standard output, progress and errors to standard error."""

Data = Annotated[str, Parameter(help="An export (folder or file), a store, or `sample`.")]


@app.command
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
        Which reports; all where none is named. There is: attribution.
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
        _stop("\n\n".join(f"{result.name}: {result.error}" for result in failed), FAILED)


@app.command
def load(
    exports: Annotated[tuple[Path, ...], Parameter(negative=())],
    *,
    out: Path,
    settings: Path | None = None,
) -> None:
    """Read an export once into a store of typed Parquet files, and say what came of every row.

    Parameters
    ----------
    exports
        Folders or files: answers of Klaviyo's API as JSON, or Fivetran's tables as CSV or Parquet.
    out
        The folder of the store; a store that is there is replaced once the new one is whole.
    settings
        A settings file in TOML, for the account's own metric names.
    """
    chosen = kn.Settings.from_options(file=settings or "")
    with heard.status("Reading …"):
        export = kn.read_export(exports, settings=chosen)
        kn.write_store(export, out)
    said.print(_tabulate_load(export.summary))
    period = export.summary.first_event_at, export.summary.last_event_at
    said.print("Period: " + " to ".join(f"{at:%Y-%m-%d}" for at in period if at) + " UTC")
    counts = kn.count_interactions(export.events, settings=chosen).collect()
    said.print(
        f"Opens and clicks that name no message, so that they are no touches: {counts['count_messageless'].sum():,}"
    )
    for note in export.summary.notes:
        said.print(f"Note: {note}")
    said.print(str(out))


@app.command
def attribute(
    data: Data,
    *,
    model: Literal["old", "cooperative", "linear"] = "cooperative",
    preset: Literal["2022", "2024", "2026"] | None = None,
    windows: Annotated[tuple[str, ...], Parameter(name="--window", negative=())] = (),
    anchor: Literal["received", "touched"] | None = None,
    conversion: str = "",
    exclude_machine_opens: Annotated[bool | None, Parameter(negative=())] = None,
    exclude_bot_clicks: Annotated[bool | None, Parameter(negative=())] = None,
    net_of_refunds: Annotated[bool | None, Parameter(negative=())] = None,
    settings: Path | None = None,
    out: Path | None = None,
) -> None:
    """Credit every conversion of an export to the messages that earned it.

    Parameters
    ----------
    model
        `old` (Klaviyo until March 2022), `cooperative` (since), or `linear`.
    preset
        Klaviyo's default windows of 2022 (the default), of accounts made since October 2024, or of April 2026.
    windows
        A window that differs, such as email.open=5d, sms=12h or push.open=none; may repeat.
    anchor
        Where a window starts: at the message's receipt (the default) or at the touch.
    conversion
        The metric that is a conversion; "Placed Order" unless given.
    exclude_machine_opens
        Leave out opens known to be made by a machine.
    exclude_bot_clicks
        Leave out clicks known to be made by a bot; the presets 2024 and 2026 do.
    net_of_refunds
        Subtract refunds and cancels from the orders.
    settings
        A settings file in TOML: the settings above, the account's own metric names, messages to leave out.
        Options given beside it replace its part; a preset belongs into the file.
    out
        The file for the credits, .parquet or .csv: one row per conversion and credited touch.
    """
    chosen = kn.Settings.from_options(
        file=settings or "",
        preset=preset or "",
        windows=windows,
        anchor=anchor or "",
        conversion_metric=conversion,
        exclude_machine_opens=exclude_machine_opens,
        exclude_bot_clicks=exclude_bot_clicks,
        net_of_refunds=net_of_refunds,
    )
    if out is not None and out.suffix.lower() not in (".parquet", ".csv"):
        raise SettingsError(f"Credits are written as .parquet or .csv, found {str(out)!r}.", hint="Change the ending.")
    with heard.status("Reading …") as status:
        export = kn.read_export(data, settings=chosen)
        status.update("Attributing …")
        touches = kn.find_touches(export.events, settings=chosen)
        conversions = kn.find_conversions(export.events, settings=chosen)
        if conversions.limit(1).collect().is_empty():
            raise kn.refuse_missing_metric(export, settings=chosen)
        credits_ = kn.attribute(touches, conversions, model=model, settings=chosen).collect()
        if out is not None:
            replace_file(out, credits_.write_parquet if out.suffix.lower() == ".parquet" else credits_.write_csv)
    said.print(f"Model: {model}. {chosen.describe()}")
    for row in kn.summarise_credits(credits_.lazy()).collect().to_dicts():
        said.print(_tabulate_credits(row))
    for note in export.summary.notes:
        said.print(f"Note: {note}")
    if out is not None:
        said.print(str(out))


@app.command
def sample(
    out: Path,
    *,
    profiles: int = 2000,
    days: int = 365,
    seed: int = 7,
    format: Literal["api", "fivetran"] = "api",  # noqa: A002 - the option's name on the command line
    answers: Path | None = None,
) -> None:
    """Write the export of an invented shop, as Klaviyo writes it, with journeys whose right answer is known.

    Parameters
    ----------
    out
        The folder for the export; a former sample in it is replaced.
    profiles
        How many customers; at least 20.
    days
        How many days of the shop's life, up to 2026-08-31; at least 30.
    seed
        The same seed gives the same files, byte for byte.
    format
        Pages of Klaviyo's Events API, or Fivetran's tables.
    answers
        The file for the answers of the planted journeys; OUT-answers.csv unless given.
    """
    with heard.status("Writing …"):
        kn.sample.write_sample(out, profiles=profiles, days=days, seed=seed, layout=format, answers=answers)
    said.print(str(out))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 the work failed, 2 misused and nothing was run, 130 stopped.

    Parameters
    ----------
    arguments
        Those of the process unless given.
    """
    # all that was loaded would be searched for circles once more on the way out: a third of a second for nothing
    atexit.register(gc.freeze)
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        _stop(f"{error}\n\nHint: klavnb --help lists the commands and their options.", MISUSED)
    except SettingsError as error:
        _stop(str(error), MISUSED)
    except KlavnbError as error:
        _stop(str(error), FAILED)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _stop(f"{where}{error.strerror or error}.\n\nHint: What was there before is as it was.", FAILED)
    except Exception as error:
        # polars is not imported here; a damaged Parquet file shows only when its rows are read
        if not type(error).__module__.startswith("polars"):
            raise
        _stop(f"The data could not be read: {error}.\n\nHint: Load the export again into a new store.", FAILED)
    except KeyboardInterrupt:
        _stop("Stopped. What was there before is as it was.", INTERRUPTED)


def _stop(message: str, code: int) -> None:
    heard.print(message, style="red" if heard.is_terminal else None)
    sys.exit(code)


def _tabulate_credits(row: dict[str, Any]) -> Table:
    """One currency's credits, each reason on a line of its own."""
    table = Table("", "Conversions", f"Value, {row['currency'] or 'no currency'}")
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row("all", f"{row['count_conversions']:,}", f"{row['value']:,.2f}")
    table.add_row("attributed", f"{row['count_attributed']:,}", f"{row['attributed_value']:,.2f}")
    for reason in kn.schemas.REASONS:
        if row[reason]:
            table.add_row(f"not attributed: {reason}", f"{row[reason]:,}", "")
    return table


def _tabulate_load(summary: "LoadSummary") -> Table:
    """Rows in, kept and rejected by reason; period; metrics."""
    table = Table("Load", "Events")
    table.columns[1].justify = "right"
    table.add_row("rows in", f"{summary.rows_in:,}")
    table.add_row("kept", f"{summary.rows_kept:,}")
    for reason, count in summary.rejected.items():
        table.add_row(f"rejected: {reason}", f"{count:,}")
    if not summary.rejected:
        table.add_row("rejected", "0")
    table.add_section()
    for metric, count in summary.metrics.items():
        table.add_row(metric, f"{count:,}")
    return table
