"""What klavnb keeps in the user's cache: parts that are made anew wherever they are missing or damaged.

Nothing of a shop's own export is among them: that stays where the user put it. The sample, which klavnb brings along,
is kept as it was loaded, so that only its first report reads the whole export.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from klavnb.bundled import PACKAGE, SAMPLE, find_sample
from klavnb.folders import remove_folder, swap_folder
from klavnb.settings import Settings

__all__ = ["KeptSample", "find_cache", "find_kept_sample"]

COUNT_KEPT: Final = 5
"""Samples of several versions or settings, the newest, that stay."""


def find_cache() -> Path | None:
    """Return klavnb's folder in the user's cache, which may be missing; None where there is no home for it.

    Examples
    --------
    >>> find_cache().name
    'klavnb'
    """
    named = [os.environ.get(name, "") for name in ("XDG_CACHE_HOME", "LOCALAPPDATA")]
    try:
        folder = next((Path(name) for name in named if Path(name).is_absolute()), Path("~/.cache").expanduser())
    except RuntimeError:  # nobody knows the home of this user
        return None
    return folder / "klavnb"


@dataclass(frozen=True, slots=True)
class KeptSample:
    """Where a store of the sample is kept, or shall be.

    Parameters
    ----------
    folder
        One of its own for each state of the sample, klavnb's code and the metrics of the settings.
    """

    folder: Path

    @property
    def store(self) -> Path:
        """The folder of the store."""
        return self.folder / "store"

    def is_whole(self) -> bool:
        """Tell whether it is there, as it was when it was kept: whoever cleans a cache may have taken a part of it."""
        try:
            return (self.folder / "digest").read_text(encoding="utf-8") == _digest(self.store)
        except (OSError, UnicodeDecodeError):
            return False

    def keep(self, load: Callable[[Path], object]) -> None:
        """Keep what is loaded into the folder of a store; all of it appears at once, and older ones go.

        Raises
        ------
        OSError
            When the cache cannot be written; and whatever the load raises.
        """
        made = KeptSample(self.folder.with_name(f"{self.folder.name}-{uuid4().hex}"))
        try:
            load(made.store)
            (made.folder / "digest").write_text(_digest(made.store), encoding="utf-8")
            if not self.is_whole():  # another process may have been quicker
                swap_folder(made.folder, self.folder, self.folder.with_name(f"{made.folder.name}-former"))
        finally:
            remove_folder(made.folder)
        kept = sorted(self.folder.parent.glob("sample-*"), key=_tell_age)
        for folder in kept[COUNT_KEPT:]:
            remove_folder(folder)


def find_kept_sample(paths: Sequence[object], *, settings: Settings) -> KeptSample | None:
    """Find where a store of the sample is kept; whether there is one yet is for the caller to see.

    Parameters
    ----------
    paths
        What is to be read.
    settings
        The settings to read it with: a store knows the metrics that it was loaded for.

    Returns
    -------
    KeptSample or None
        None where anything but the sample is to be read, or there is no cache.
    """
    cache = find_cache()
    if cache is None or len(paths) != 1 or not _is_sample(paths[0]):
        return None
    metrics = [settings.conversion_metric, *sorted(settings.metrics.items())]
    state = [metrics, *sorted(_list_files(PACKAGE, ending=".py")), *sorted(_list_files(find_sample()))]
    return KeptSample(cache / f"sample-{hashlib.sha256(repr(state).encode()).hexdigest()[:16]}")


def _is_sample(path: object) -> bool:
    return path == SAMPLE or (isinstance(path, str | Path) and Path(path).resolve() == find_sample().resolve())


def _list_files(folder: Path, *, ending: str = "") -> Iterator[tuple[str, int, int]]:
    for place, _, names in os.walk(folder):
        for name in names:
            if name.endswith(ending):
                with suppress(OSError):  # a link that leads nowhere is nobody's code
                    found = Path(place, name).stat()
                    yield f"{place}/{name}", found.st_size, found.st_mtime_ns


def _digest(store: Path) -> str:
    files = sorted(path for path in store.rglob("*") if path.is_file())
    held = hashlib.sha256()
    for path in files:
        held.update(f"{path.relative_to(store)}\n".encode())
        held.update(hashlib.sha256(path.read_bytes()).digest())
    return f"{len(files)} files {held.hexdigest()}"


def _tell_age(folder: Path) -> float:
    try:
        return -folder.stat().st_mtime
    except OSError:  # gone by now
        return 0.0
