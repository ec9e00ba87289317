"""Audiences → a folder of CSV files and their manifest, whole or not there; and rows → one CSV by its name."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from klavnb.audiences.making import Audience
from klavnb.audiences.manifests import AudienceManifest, ManifestFile
from klavnb.audiences.rendering import LARGEST_FILE, render_files
from klavnb.errors import KlavnbError, name_some
from klavnb.files import replace_file
from klavnb.folders import remove_folder, remove_stale, swap_folder

__all__ = ["MANIFEST", "check_folder", "write_audience", "write_profiles"]

MANIFEST: Final = "manifest.json"
LONGEST_NAME: Final = 80


def check_folder(folder: str | Path) -> None:
    """Refuse a folder that holds anything but an audience that klavnb wrote: what is there would be lost.

    Raises
    ------
    KlavnbError
        When it does, or it is a file.
    """
    target = Path(folder).expanduser().resolve()
    if not target.exists():
        return
    foreign = sorted(set(_list_names(target)) - set(_list_own(target))) if target.is_dir() else ["a file"]
    if foreign:
        raise KlavnbError(
            f"{target}: expected an audience, an empty folder or none, found something else: {name_some(foreign)}.",
            hint="Choose another folder: nothing that klavnb did not write is overwritten.",
        )


def write_audience(audience: Audience, folder: str | Path, *, largest: int = LARGEST_FILE) -> AudienceManifest:
    """Write an audience into a folder: CSV files by arm, and a manifest.

    The files are named after the segment and the arm, `NAME-treatment.csv`, and numbered where an arm needs
    several: `NAME-treatment-1.csv`. Everything is written beside the folder and swapped in at the end.

    Parameters
    ----------
    audience
        As made.
    folder
        An earlier audience in it is replaced.
    largest
        What no file may reach, in bytes.

    Returns
    -------
    AudienceManifest
        With the files; their rows add up to who is kept.

    Raises
    ------
    KlavnbError
        When the folder holds anything but an audience, or it cannot be written.
    """
    target = Path(folder).expanduser().resolve()
    check_folder(target)
    beside = target.with_name(f".{target.name}.new-{os.getpid()}")
    former = target.with_name(f".{target.name}.former-{os.getpid()}")
    arms = _name_arms(audience)
    try:
        try:
            remove_stale(target, known={MANIFEST, *_list_own(target), *(f"{stem}.csv" for _, stem in arms)})
            beside.mkdir(parents=True)
            files = [
                _write_file(beside / name, arm, rows, content)
                for arm, stem in arms
                for name, rows, content in _name_files(_filter_arm(audience, arm), stem, largest)
            ]
            manifest = msgspec.structs.replace(audience.manifest, files=files)
            (beside / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2))
            swap_folder(beside, target, former)
        finally:
            remove_folder(beside)
    except OSError as error:
        raise KlavnbError(
            f"The audience {target} could not be written: {error.strerror or error}.",
            hint="Make room, or choose another folder. What was there before is untouched.",
        ) from error
    return manifest


def write_profiles(rows: pl.DataFrame, path: Path, *, largest: int = LARGEST_FILE) -> list[ManifestFile]:
    """Write rows of cells as a CSV under its name; where one would be too large, several, `NAME-1.csv` and on.

    Raises
    ------
    KlavnbError
        When a file cannot be written.
    """
    return [
        _replace_file(path.with_name(name), count, content)
        for name, count, content in _name_files(rows, path.stem, largest)
    ]


def _name_files(cells: pl.DataFrame, stem: str, largest: int) -> Iterator[tuple[str, int, bytes]]:
    parts = list(render_files(cells, largest=largest))
    for number, (rows, content) in enumerate(parts, start=1):
        yield f"{stem}-{number}.csv" if len(parts) > 1 else f"{stem}.csv", rows, content


def _name_arms(audience: Audience) -> list[tuple[str | None, str]]:
    plain = re.sub(r"[^\w-]+", "-", audience.manifest.segment).strip("-_")[:LONGEST_NAME] or "audience"
    arms = audience.manifest.arms
    return [(None, plain)] if arms is None else [(arm, f"{plain}-{arm}") for arm in arms]


def _filter_arm(audience: Audience, arm: str | None) -> pl.DataFrame:
    kept = audience.members.filter(pl.col("left_out").is_null())
    return audience.cells if arm is None else audience.cells.filter(kept["arm"] == arm)


def _write_file(path: Path, arm: str | None, rows: int, content: bytes) -> ManifestFile:
    path.write_bytes(content)
    return ManifestFile(name=path.name, arm=arm, rows=rows, bytes=len(content))


def _replace_file(path: Path, rows: int, content: bytes) -> ManifestFile:
    replace_file(path, lambda part: part.write_bytes(content))
    return ManifestFile(name=path.name, arm=None, rows=rows, bytes=len(content))


def _list_names(folder: Path) -> Sequence[str]:
    return [entry.name for entry in folder.iterdir()]


def _list_own(folder: Path) -> Sequence[str]:
    """The files that the folder's manifest, if it is an audience's, says were written with it."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=AudienceManifest)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return []
    return [MANIFEST, *(file.name for file in manifest.files if (folder / file.name).is_file())]
