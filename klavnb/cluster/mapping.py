"""Tasks handed out to the workers of a cluster, and their results in order."""

import os
import pickle
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, cast
from uuid import uuid4

from klavnb.cluster.alike import describe_here, name_here, refuse_unlike
from klavnb.errors import KlavnbError

if TYPE_CHECKING:  # an extra, which takes a second to import
    from distributed import Client, Future, Worker

__all__ = ["Cluster"]

Argument = TypeVar("Argument")
Result = TypeVar("Result")

AHEAD: Final = 2
"""Tasks per thread of the workers that are handed out: results come in order, and those that wait take memory."""

MOMENT: Final = 0.2
"""Seconds after which whoever waits looks up: the system may tell another thread of Ctrl-C."""

LOOK: Final = 5.0
"""Seconds between two looks at whether there is any worker left."""

DIGITS: Final = 10**12
SHARED: Final = (
    "Every worker must reach files under the same path as this machine does: put the export and the store into a "
    "folder that all of them mount, with the right to write. What is elsewhere (s3://…) is kept in the folder that "
    "TMPDIR names meanwhile: name a shared one."
)


class Cluster:
    """The workers of a dask cluster.

    Parameters
    ----------
    client
        The connection to the scheduler.
    name
        What the cluster is called in messages.
    dashboard
        The address at which it shows its progress; None where it shows none.
    patience
        Seconds without any worker after which the work is given up.
    """

    def __init__(self, client: "Client", name: str, *, dashboard: str | None, patience: float) -> None:
        self.client = client
        self.name = name
        self.dashboard = dashboard
        self._patience = patience
        self._waiting: dict[str, Future[object]] = {}

    def count_threads(self) -> int:
        """Count what can work at once; 1 while nobody is there."""
        return max(1, sum(int(threads) for threads in self.client.nthreads().values()))

    def map(
        self, function: Callable[[Argument], Result], arguments: Iterable[Argument], *, label: str | None = None
    ) -> Iterator[Result]:
        """Yield the results of a function in the order of the arguments.

        A few tasks a worker are handed out at once. What a lost worker had is done again by another.

        Parameters
        ----------
        function
            One of a module, or a partial of one; it may run again for the same argument.
        arguments
            What it is called with, each once.
        label
            What tasks are called in the dashboard; the function's name unless given.

        Raises
        ------
        KlavnbError
            What the function raised; or when files cannot be reached there, the scheduler or all workers are gone, or
            the same task has ended several workers.
        """
        name = f"{label or _name(function)}-{uuid4().int % DIGITS}"
        tasks = ((f"{name}-{number:06d}", argument) for number, argument in enumerate(arguments))
        handed_out: deque[Future[Result]] = deque()
        try:
            ahead = AHEAD * self.count_threads()
            handed_out += [self._submit(key, function, argument) for key, argument in islice(tasks, ahead)]
            while handed_out:
                result = cast("Result", self._wait_for(handed_out[0]))
                self._waiting.pop(handed_out.popleft().key, None)
                handed_out += [self._submit(key, function, argument) for key, argument in islice(tasks, 1)]
                yield result
        finally:
            self._take_back([future.key for future in handed_out])

    def _submit(self, key: str, function: Callable[[Argument], Result], argument: Argument) -> "Future[Result]":
        # packed, so that dask neither searches an argument for its own collections nor makes another kind of it
        packed = pickle.dumps((function, argument))
        self._waiting[key] = self.client.submit(_work, packed, describe_here(), key=key, pure=False)
        return self._waiting[key]

    def _wait_for(self, future: "Future[object]") -> object:
        from distributed import CancelledError, KilledWorker  # noqa: PLC0415 - an extra, and slow to import

        is_done = threading.Event()
        future.add_done_callback(lambda _: is_done.set())
        looked = seen = time.monotonic()
        while not (is_done.wait(MOMENT) or future.done()):
            now = time.monotonic()
            if now - looked < LOOK:
                continue
            looked = now
            if self.client.nthreads():
                seen = now
            elif now - seen > self._patience:
                raise KlavnbError(
                    f"{self.name} has had no worker for {now - seen:.0f} seconds.",
                    hint="Start its workers again, then run the command again.",
                )
        try:
            return future.result()
        except KilledWorker as error:
            raise KlavnbError(
                f"{self.name}: {error.allowed_failures + 1} workers ended at the same task, most likely since memory "
                "ran out.",
                hint="Give workers more memory, or start fewer on each machine.",
            ) from error
        except (CancelledError, OSError) as error:
            raise KlavnbError(
                f"{self.name}: the connection to the scheduler is lost.",
                hint="See whether the scheduler runs, then run the command again.",
            ) from error

    def check_paths(self, paths: Sequence[Path], *, writable: Path | None = None) -> None:
        """Make sure that every worker reaches some paths.

        Parameters
        ----------
        paths
            Files and folders.
        writable
            A folder into which each worker must be able to write, and this process sees what it wrote.

        Raises
        ------
        KlavnbError
            When one does not, with what is missing.
        """
        mark = f".seen-{uuid4().hex}"
        for worker, missing in self.client.run(_find_missing, paths, writable, mark).items():
            left = list(missing)
            if writable is not None and not left and not (writable / f"{mark}-{_plain(worker)}").exists():
                left = [f"what is in {writable} here"]
            if left:
                raise KlavnbError(f"The worker {worker} of {self.name} cannot reach {left[0]}.", hint=SHARED)
        for seen in [] if writable is None else writable.glob(f"{mark}-*"):
            seen.unlink(missing_ok=True)

    def cancel(self) -> None:
        """Take back all that is handed out, and wait until no worker is still at it."""
        self._take_back(list(self._waiting))

    def _take_back(self, keys: Sequence[str]) -> None:
        futures = [future for key in keys if (future := self._waiting.pop(key, None)) is not None]
        if not futures or self.client.status != "running":
            return
        with suppress(OSError):  # the scheduler is gone: there is nobody to tell
            self.client.cancel(futures, force=True)
            until = time.monotonic() + self._patience
            time.sleep(MOMENT)  # the word takes a moment to get round
            while time.monotonic() < until and any(
                self.client.run(_is_at, frozenset(keys), on_error="ignore").values()
            ):
                time.sleep(MOMENT)


def _name(function: Callable[..., object]) -> str:
    named = function.func if isinstance(function, partial) else function
    return getattr(named, "__name__", "task").strip("_")


def _plain(worker: str) -> str:
    return "".join(sign if sign.isalnum() else "-" for sign in worker)


def _work(packed: bytes, expected: Mapping[str, str]) -> object:
    """Do a task, on a worker."""
    refuse_unlike(name_here(), describe_here(), expected)
    function, argument = pickle.loads(packed)  # noqa: S301 - whoever may hand out tasks here may run anything
    try:
        return function(argument)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise KlavnbError(
            f"A worker ({name_here()}) could not read or write: {where}{error.strerror or error}.", hint=SHARED
        ) from error


def _find_missing(paths: Sequence[Path], writable: Path | None, mark: str, dask_worker: "Worker") -> list[str]:
    """List what a worker does not reach, on that worker."""
    missing = [str(path) for path in paths if not os.access(path, os.R_OK)]
    if writable is not None and not missing:
        try:
            (writable / f"{mark}-{_plain(dask_worker.address)}").touch()
        except OSError as error:
            missing.append(f"{writable} ({error.strerror or error})")
    return missing


def _is_at(keys: frozenset[str], dask_worker: "Worker") -> bool:
    """Say whether a worker is at one of some tasks, on that worker."""
    return any(task.key in keys for task in dask_worker.state.executing)
