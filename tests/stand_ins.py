"""What stands in for others where they would cost too much."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")


class Twice:
    """A cluster of this process alone, which does every task twice: so may a cluster that loses workers."""

    def count_threads(self) -> int:
        return 3

    def check_paths(self, paths: Sequence[Path], *, writable: Path | None) -> None:
        assert all(path.is_dir() for path in paths)
        assert writable is None or writable.is_dir()

    def map(
        self, function: Callable[[Argument], Result], arguments: Iterable[Argument], *, label: str
    ) -> Iterator[Result]:
        assert label
        for argument in list(arguments):
            function(argument)
            yield function(argument)
