"""How far a work is, for whoever shows it."""

from collections.abc import Callable
from typing import Final, TypeAlias

__all__ = ["NO_PROGRESS", "Progress"]

Progress: TypeAlias = Callable[[str, float, int], object]
"""Is told the step (`reading`, `finishing`), how much of it is done (0 to 1), and the events so far."""

NO_PROGRESS: Final[Progress] = lambda _step, _share, _events: None  # noqa: E731 - a function that does nothing
