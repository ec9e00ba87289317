"""What klavnb keeps in the user's cache: parts that are made anew wherever they are missing.

Nothing of a shop's own export is among them: that stays where the user put it. The sample, which klavnb brings along,
is kept as it was loaded, so that only its first report reads the whole export.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from klavnb.bundled import PACKAGE, SAMPLE, find_sample
from klavnb.folders import remove_folder
from klavnb.settings import Settings

__all__ = ["find_cache", "find_kept_sample", "remove_former_samples"]

COUNT_KEPT: Final = 5
"""Samples of several versions or settings, the newest, that stay."""


def find_cache() -> Path:
    """Return klavnb's folder in the user's cache, which may be missing.

    Examples
    --------
    >>> find_cache().name
    'klavnb'
    """
    folder = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or "~/.cache"
    return Path(folder).expanduser() / "klavnb"


def find_kept_sample(paths: Sequence[object], *, settings: Settings) -> Path | None:
    """Find the folder for the store that is made of the sample; whether there is one yet is for the caller to see.

    Parameters
    ----------
    paths
        What is to be read.
    settings
        The settings to read it with: a store knows the metrics that it was loaded for.

    Returns
    -------
    Path or None
        A folder of its own for each state of the sample, klavnb's code and the metrics of the settings; None where
        anything but the sample is to be read.
    """
    if len(paths) != 1 or not _is_sample(paths[0]):
        return None
    metrics = [settings.conversion_metric, *sorted(settings.metrics.items())]
    state = [metrics, *sorted(_list_files(PACKAGE, ending=".py")), *sorted(_list_files(find_sample()))]
    return find_cache() / f"sample-{hashlib.sha256(repr(state).encode()).hexdigest()[:16]}"


def _is_sample(path: object) -> bool:
    return path == SAMPLE or (isinstance(path, str | Path) and Path(path).resolve() == find_sample().resolve())


def _list_files(folder: Path, *, ending: str = "") -> Iterator[tuple[str, int, int]]:
    for place, _, names in os.walk(folder):
        for name in names:
            if name.endswith(ending):
                found = Path(place, name).stat()
                yield f"{place}/{name}", found.st_size, found.st_mtime_ns


def remove_former_samples() -> None:
    """Remove all samples that are kept but the newest."""
    kept = sorted(find_cache().glob("sample-*"), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in kept[COUNT_KEPT:]:
        remove_folder(folder)
