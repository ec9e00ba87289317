"""Processes that never hear of Ctrl-C: who asked for their work does, and ends them."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

__all__ = ["without_ctrl_c"]


@contextmanager
def without_ctrl_c() -> Iterator[None]:
    """Let processes and threads that start now never hear of Ctrl-C; here it only waits meanwhile."""
    if sys.platform == "win32":
        yield
        return
    # it lets the signal through again when it starts, so that it must have started before
    resource_tracker.ensure_running()
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    heard: list[int] = []
    handler = signal.getsignal(signal.SIGINT)
    # the system may tell another thread, and then Python tells the main one, which blocks it in vain
    is_handled = handler is not None and threading.current_thread() is threading.main_thread()
    if is_handled:
        signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))
    try:
        yield
    finally:
        if is_handled:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
        if heard:
            signal.raise_signal(signal.SIGINT)
