"""Folders that are either whole or not there: written beside, then swapped in."""

import glob
import os
import shutil
import time
from collections.abc import Collection
from pathlib import Path
from typing import Final

__all__ = ["remove_folder", "remove_stale", "swap_folder"]

ATTEMPTS: Final = 20
PAUSE: Final = 0.1  # seconds


def swap_folder(beside: Path, target: Path, former: Path) -> None:
    """Put the new folder in the place of the old one, or leave the old one where it was."""
    if not target.exists():
        beside.rename(target)
        return
    target.rename(former)
    try:
        beside.rename(target)
    except BaseException:  # an interrupt too: there must be a store at every moment that can be chosen
        former.rename(target)
        raise
    shutil.rmtree(former, ignore_errors=True)


def remove_stale(target: Path, *, known: Collection[str]) -> None:
    """Remove what writers of this folder left beside it when they were killed: folders of known files only."""
    for left in target.parent.glob(f".{glob.escape(target.name)}.new-*"):
        process = left.name.rpartition("-")[2]
        is_left = left.is_dir() and process.isdecimal() and not _is_alive(int(process))
        if is_left and {path.name for path in left.iterdir()} <= set(known):
            remove_folder(left)


def _is_alive(process: int) -> bool:
    if os.name != "posix":  # elsewhere the question would end the process
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def remove_folder(folder: Path) -> None:
    """Remove a folder, even where a write that was interrupted still ends in the background."""
    for _ in range(ATTEMPTS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(PAUSE)
