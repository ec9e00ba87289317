"""The commands and what ends them; what is heavy loads with the command that needs it."""

import atexit
import gc
from collections.abc import Sequence

from cyclopts import App, CycloptsError

import klavnb as kn
from klavnb.cli.console import FAILED, MISUSED, stop
from klavnb.errors import DefinitionError, KlavnbError, SettingsError

__all__ = ["app", "run"]

app = App(
    name="klavnb",
    help="What Klaviyo's cooperative attribution model credits that the old one dropped, and how large each segment "
    "is on any day, from your own export.",
    version=kn.__version__,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
COMMANDS = {
    "report": ("reports", "Make HTML reports and an index page of them; each opens anywhere, without a network."),
    "load": ("exports", "Read an export once into a store of typed Parquet files, and say what came of every row."),
    "attribute": ("attribution", "Credit every conversion of an export to the messages that earned it."),
    "segment": ("segments", "Say how large segments are, on a day or over time."),
    "check": ("check", "Say whether an export is good enough to believe, and what to do about what is not."),
    "audience": ("audiences", "Write the members of a segment as CSV files for Klaviyo."),
    "backfill": ("audiences", "Write the right properties of Recipe 11 as CSV for Klaviyo."),
    "sample": (
        "exports",
        "Write the export of an invented shop, as Klaviyo writes it, with journeys whose answer is known.",
    ),
}
"""Name → the module that has it, which loads with it, and what `klavnb --help` says."""

for name, (module, told) in COMMANDS.items():
    app.command(f"klavnb.cli.{module}:{name}", name=name, help=told)


def run(arguments: Sequence[str] | None) -> None:
    """Run a command; exit where it fails or is misused.

    Parameters
    ----------
    arguments
        Those of the process where there are none.
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
