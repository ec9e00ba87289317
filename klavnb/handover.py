"""An export that is loaded once for several processes: where they find the store, and for which reading it stands.

Reports run in processes of their own. Whoever starts them loads the export meanwhile, and says so in a file that
the variable `KLAVNB_HANDOVER` names; `klavnb.read_export` then reads the store instead of the export.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from klavnb.files import replace_file
from klavnb.settings import Settings

__all__ = ["VARIABLE", "find_handed_over", "hand_over"]

VARIABLE: Final = "KLAVNB_HANDOVER"


class Handover(msgspec.Struct, frozen=True):
    """A store that stands for an export, as it is read for some metrics."""

    paths: list[str]
    metrics: dict[str, str]
    conversion_metric: str
    store: str


def hand_over(file: Path, paths: Sequence[object], *, settings: Settings, store: Path) -> None:
    """Say that a store, which is whole, was made of an export.

    Parameters
    ----------
    file
        Where it is said.
    paths
        What the export consists of.
    settings
        Those that it was loaded with.
    store
        The store.
    """
    said = msgspec.json.encode(_describe(paths, settings, store))
    replace_file(file, lambda part: part.write_bytes(said))


def _describe(paths: Sequence[object], settings: Settings, store: object) -> Handover:
    return Handover([str(path) for path in paths], dict(settings.metrics), settings.conversion_metric, str(store))


def find_handed_over(paths: Sequence[object], *, settings: Settings) -> Path | None:
    """Find the store that was made of exactly this export, for the metrics of these settings; None if there is none."""
    file = os.environ.get(VARIABLE)
    if not file:
        return None
    try:
        said = msgspec.json.decode(Path(file).read_bytes(), type=Handover)
    except (OSError, msgspec.DecodeError):  # the load failed, or has not ended: the export is still there
        return None
    return Path(said.store) if said == _describe(paths, settings, said.store) else None
