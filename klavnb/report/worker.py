"""A kernel that runs several notebooks, one after the other: to start one takes longer than many a notebook."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from klavnb.report.loading import Load

if TYPE_CHECKING:  # zmq, for a run only
    from klavnb.report.kernel import Kernel

__all__ = ["Worker"]

RESET: Final = "get_ipython().reset(new_session=False); __import__('gc').collect()"
"""Forgets every name that a notebook made, and every output that IPython kept; modules stay loaded."""

RESET_SECONDS: Final = 60


class Worker:
    """Keeps a kernel from one notebook to the next, within one thread; at the end it is stopped.

    Parameters
    ----------
    load
        The export that the notebooks read, as it is being loaded; None: each reads it by itself.
    """

    def __init__(self, load: Load | None = None) -> None:
        self.load = load
        self._held = ExitStack()
        self._kernel: Kernel | None = None

    def __enter__(self) -> Self:
        """Begin; no process is started yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the kernel, however the end came."""
        self.drop()

    def take(self) -> "Kernel":
        """Start a kernel without waiting for it, or take that of the notebook before, once it has forgotten it."""
        if self._kernel is not None and not self._kernel.forget(RESET, RESET_SECONDS):
            self.drop()
        if self._kernel is None:
            from klavnb.report.kernel import start_kernel  # noqa: PLC0415 - zmq, for a run only

            folder = tempfile.TemporaryDirectory(prefix="klavnb-", ignore_cleanup_errors=True)
            environment = None if self.load is None else self.load.environment
            self._kernel = self._held.enter_context(start_kernel(Path(self._held.enter_context(folder)), environment))
        return self._kernel

    def drop(self) -> None:
        """Stop the kernel, as after a failure; the next notebook starts another."""
        self._kernel = None
        self._held.close()
