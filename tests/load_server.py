"""Loads in processes of their own, at once: one process imports klavnb, and each load is a fork of it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from typing import IO


@dataclass(frozen=True)
class LoadProcess:
    """A load that was begun; it leads a group of its own, as a command at a terminal does."""

    pid: int
    server: "LoadServer"

    def is_running(self) -> bool:
        state = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        return state not in ("Z", "X")

    def kill(self) -> None:
        os.kill(self.pid, SIGKILL)

    def wait(self, *, timeout: float = 60) -> int:
        """Give the exit code, or the number of the signal that ended it, below 0."""
        until = time.monotonic() + timeout
        while self.is_running():
            assert time.monotonic() < until
            time.sleep(0.005)
        return self.server.ask(self.pid)


class LoadServer:
    """The process that all loads are forks of."""

    def __init__(self, requests: IO[str], answers: IO[str]) -> None:
        self._requests, self._answers = requests, answers

    def start(self, *arguments: str) -> LoadProcess:
        """Begin `klavnb load` with some arguments."""
        return LoadProcess(self.ask(["load", *arguments]), self)

    def ask(self, request: object) -> int:
        print(json.dumps(request), file=self._requests, flush=True)
        return int(self._answers.readline())


@contextmanager
def serve_loads() -> Iterator[LoadServer]:
    """Start the server, and end it."""
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield LoadServer(process.stdin, process.stdout)


def serve() -> None:
    """Answer arguments with the number of a process that runs them, and such a number with how the process ended."""
    # here, as the workers of a load import this module too
    from klavnb.cli import commands, exports, main, progress  # noqa: F401, PLC0415 - loaded before the fork
    from klavnb.filling import load_store  # noqa: F401, PLC0415 - as above

    for line in sys.stdin:
        request = json.loads(line)
        if isinstance(request, int):
            answer = os.waitstatus_to_exitcode(os.waitpid(request, 0)[1])
        elif not (answer := os.fork()):
            os.setsid()
            nowhere = os.open(os.devnull, os.O_RDWR)
            for number in range(3):
                os.dup2(nowhere, number)
            try:
                main(request)
            except SystemExit as stop:
                os._exit(int(stop.code or 0))
            os._exit(0)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
