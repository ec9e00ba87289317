"""What each step of a load needs of the whole, handed to every process once."""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from klavnb.knowledge import Knowledge
from klavnb.loading.parts import Part

__all__ = ["ASIDE", "Known", "open_known", "share"]

ASIDE: Final = "aside"
"""The folder of what is laid aside between two steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What every step needs of the whole."""

    parts: tuple[Part, ...]
    knowledge: Knowledge
    roles: Mapping[str, str]


def share(known: Known, folder: Path | None) -> Known | Path:
    """Write it down for other processes; without a folder all stays in this one."""
    if folder is None:
        return known
    path = folder / ASIDE / "known.pickle"
    path.write_bytes(pickle.dumps(known))
    return path


def open_known(shared: Known | Path) -> Known:
    """Read what was shared."""
    return shared if isinstance(shared, Known) else _read_known(shared)


@lru_cache(maxsize=1)
def _read_known(path: Path) -> Known:
    known = pickle.loads(path.read_bytes())  # noqa: S301 - the process that asked for the work has just written it
    if not isinstance(known, Known):
        raise TypeError(path)
    return known
