"""How far a long piece of work is, on the terminal: a bar a step, events a second and the time left."""

import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

__all__ = ["WorkProgress"]

STEPS: Final = {"reading": "Reading", "finishing": "Writing", "attributing": "Attributing"}


class WorkProgress:
    """A bar for each step, which goes away at the end; nothing where there is no terminal."""

    def __init__(self, console: Console, first: str = "reading") -> None:
        self._first = first
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._begun: dict[str, tuple[TaskID, float]] = {}

    def __enter__(self) -> Self:
        """Show the first bar: a small file may be all there is."""
        self._bars.start()
        self.update(self._first, 0.0, 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bars away."""
        self._bars.stop()

    def update(self, step: str, share: float, events: int) -> None:
        """Say how much of a step is done, and how many events it has seen."""
        if step not in self._begun:
            bar = self._bars.add_task(STEPS.get(step, step), total=1.0, rate="")
            self._begun[step] = bar, time.monotonic()
        bar, begun = self._begun[step]
        seconds = time.monotonic() - begun
        rate = f"{events / seconds:,.0f} events/s" if events and seconds > 0 else ""
        self._bars.update(bar, completed=share, rate=rate)
