"""The commands. The only package that prints or exits; what is heavy loads with the command that needs it."""

import atexit
import gc
from collections.abc import Sequence

from cyclopts import App, CycloptsError

import klavnb as kn
from klavnb.cli.attribution import attribute
from klavnb.cli.console import FAILED, INTERRUPTED, MISUSED, stop
from klavnb.cli.exports import load, sample
from klavnb.cli.reports import report
from klavnb.errors import DefinitionError, KlavnbError, SettingsError

__all__ = ["app", "main"]

app = App(
    name="klavnb",
    help="What Klaviyo's cooperative attribution model credits that the old one dropped, and how large each segment "
    "is on any day, from your own export.",
    version=kn.__version__,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
app.command(report)
app.command(load)
app.command(attribute)
app.command("klavnb.cli.segments:segment", name="segment", help="Say how large segments are, on a day or over time.")
app.command(
    "klavnb.cli.audiences:audience", name="audience", help="Write the members of a segment as CSV files for Klaviyo."
)
app.command(
    "klavnb.cli.audiences:backfill", name="backfill", help="Write the right properties of Recipe 11 as CSV for Klaviyo."
)
app.command(sample)


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
        stop(f"{error}\n\nHint: klavnb --help lists the commands and their options.", MISUSED)
    except (DefinitionError, SettingsError) as error:
        stop(str(error), MISUSED)
    except KlavnbError as error:
        stop(str(error), FAILED)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        stop(f"{where}{error.strerror or error}.\n\nHint: What was there before is as it was.", FAILED)
    except Exception as error:
        # polars is not imported here; a damaged Parquet file shows only when its rows are read
        if not type(error).__module__.startswith("polars"):
            raise
        stop(f"The data could not be read: {error}.\n\nHint: Load the export again into a new store.", FAILED)
    except KeyboardInterrupt:
        stop("Stopped. What was there before is as it was.", INTERRUPTED)
