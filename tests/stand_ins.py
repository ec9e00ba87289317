"""What stands in for others: a cluster that costs nothing, and packages that are not there."""

import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

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


def hide_packages(monkeypatch: pytest.MonkeyPatch, *hidden: str) -> None:
    """Let nothing find some packages, as where an extra is not installed."""
    usual = builtins.__import__

    def lack(name: str, *rest: Any, **options: Any) -> Any:  # noqa: ANN401 - as the function that it stands for
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}")
        return usual(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", lack)
