"""Work side by side in processes, which end with the one that started them."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import chain, islice
from multiprocessing import connection, get_context, parent_process
from typing import Final, Self, TypeAlias, TypeVar

from klavnb.cluster import Cluster
from klavnb.errors import ExportError
from klavnb.interrupts import without_ctrl_c

__all__ = ["Pool", "Workers", "open_workers"]

Argument = TypeVar("Argument")
Result = TypeVar("Result")

THREADS: Final = "POLARS_MAX_THREADS"
AHEAD: Final = 2
"""Tasks per worker that are handed out: results come in order, and those that wait take memory."""

MOMENT: Final = 0.2
"""Seconds after which whoever waits for a result looks up: the system may tell another thread of Ctrl-C."""


class Pool:
    """Some processes, or none: with one worker the work is done here.

    Use it as a context: processes end with it, whatever happens.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        """Start nothing yet."""
        return self

    def __exit__(self, *failure: object) -> None:
        """End all processes."""
        if self._executor is not None:
            processes = list((self._executor._processes or {}).values())  # noqa: SLF001 - there is no public way
            self._executor.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.kill()
                process.join()

    def map(self, function: Callable[[Argument], Result], arguments: Iterable[Argument]) -> Iterator[Result]:
        """Yield the results in the order of the arguments; a single one is worked on here, as no process need start.

        Raises
        ------
        ExportError
            When a process was ended from outside, as the system does when memory runs out.
        """
        left = iter(arguments)
        first = list(islice(left, 2))
        if self._workers == 1 or (self._executor is None and len(first) == 1):
            yield from map(function, chain(first, left))
            return
        left = chain(first, left)
        waiting: list[Future[Result]] = []
        try:
            waiting += [self._submit(function, argument) for argument in islice(left, AHEAD * self._workers)]
            while waiting:
                while wait(waiting[:1], timeout=MOMENT).not_done:
                    pass
                result = waiting.pop(0).result()
                waiting += [self._submit(function, argument) for argument in islice(left, 1)]
                yield result
        except BrokenProcessPool as error:
            raise ExportError(
                "A process of the load was ended from outside, most likely since memory ran out.",
                hint="Load again with --workers 1, which needs less of it.",
            ) from error

    def _submit(self, function: Callable[[Argument], Result], argument: Argument) -> "Future[Result]":
        if self._executor is None:
            self._executor = ProcessPoolExecutor(self._workers, mp_context=get_context("spawn"), initializer=_begin)
        with _one_thread_each(), without_ctrl_c():
            return self._executor.submit(function, argument)


Workers: TypeAlias = Pool | Cluster
"""Who does the work of a load: processes that are its own, or those of a cluster."""


@contextmanager
def open_workers(workers: int, cluster: Cluster | None) -> Iterator[Workers]:
    """Open processes, or take a cluster; in the end none of them is at work for us any more."""
    if cluster is None:
        with Pool(workers) as pool:
            yield pool
        return
    try:
        yield cluster
    finally:
        cluster.cancel()


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes that start now use one thread each for frames: the processes fill the cores."""
    former = os.environ.get(THREADS)
    os.environ[THREADS] = former or "1"
    try:
        yield
    finally:
        if former is None:
            del os.environ[THREADS]


def _begin() -> None:
    """Leave Ctrl-C to the process that asked for the work, and end when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
