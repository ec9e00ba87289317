"""Seeded chance: the same draws on every Python and every machine."""

import random
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["Dice"]

T = TypeVar("T")


class Dice:
    """Draws from one seed.

    Everything is made of `Random.random`, the one method whose sequence Python promises to keep, and of
    arithmetic that is exact everywhere: no logarithm, no `shuffle`, whose ways may change.

    Parameters
    ----------
    seed
        Words that name the stream: the same words give the same draws.

    Examples
    --------
    >>> Dice(7, "customer", 1).between(1, 6) == Dice(7, "customer", 1).between(1, 6)
    True
    """

    def __init__(self, *seed: object) -> None:
        self._random = random.Random(":".join(str(word) for word in seed)).random

    def share(self) -> float:
        """Return a number from 0 up to, not including, 1."""
        return self._random()

    def chance(self, probability: float) -> bool:
        """Say yes with this probability."""
        return self._random() < probability

    def between(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + int(self._random() * (high - low + 1))

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options, each as likely."""
        return options[int(self._random() * len(options))]

    def weigh(self, options: Sequence[tuple[int, T]]) -> T:
        """Return one of the options, each by its weight."""
        rest = self._random() * sum(weight for weight, _ in options)
        for weight, option in options:
            rest -= weight
            if rest < 0:
                return option
        return options[-1][1]

    def lag(self, spans: Sequence[tuple[int, int, int]]) -> int:
        """Return seconds: a span by its weight, then a moment in it; spans are (weight, low, high)."""
        low, high = self.weigh([(weight, (low, high)) for weight, low, high in spans])
        return self.between(low, high)
