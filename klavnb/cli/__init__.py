"""The commands. The only package that prints or exits.

Here is only what a process needs before anything heavy is imported: from the first moment on, Ctrl-C ends it with a
sentence instead of a traceback.
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from klavnb.cli.commands import app

__all__ = ["app", "main"]

INTERRUPTED = 130
"""Exit code: stopped by the user."""

STOPPED = "Stopped. What was there before is as it was."
NEXT = "Hint: To go on, run the same command again; it begins anew."


def __getattr__(name: str) -> object:
    """Import the commands where somebody asks for them by `app`."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from klavnb.cli import commands  # noqa: PLC0415 - heavy, see above

    return commands.app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 the work failed, 2 misused and nothing was run, 130 stopped.

    Parameters
    ----------
    arguments
        Those of the process unless given.
    """
    try:
        _import_commands()
        from klavnb.cli.commands import run  # noqa: PLC0415 - it is imported by now

        run(arguments)
    except KeyboardInterrupt:
        sys.stderr.write(_say_stopped())
        sys.exit(INTERRUPTED)


def _import_commands() -> None:
    """Import what every command needs; whoever presses Ctrl-C meanwhile stops nothing, as nothing has begun."""
    is_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    try:
        # an interruption amid an import may come out as another error, or as text of the import's own
        former = signal.signal(signal.SIGINT, _leave) if is_usual else None
    except ValueError:  # another thread than the main one, which never hears of it
        former = None
    from klavnb.cli import commands  # noqa: F401, PLC0415 - heavy, see above

    if former is not None:
        signal.signal(signal.SIGINT, former)


def _leave(_number: int, _frame: object) -> None:
    os.write(2, _say_stopped().encode())
    os._exit(INTERRUPTED)


def _say_stopped() -> str:
    """Say it in a line; whoever sits at the terminal is told how to go on, a log is not."""
    return f"{STOPPED}\n\n{NEXT}\n" if sys.stderr.isatty() else f"{STOPPED}\n"
