"""Export formats: files → raw frames of text (`contract`), one module per format, recognised by content.

To add a format, write a module with `recognises(source, head)` and `read(sources)`, and name it in
`FORMATS`; nothing else knows which formats there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final

from klavnb.errors import ExportError, name_some
from klavnb.formats import events_api, fivetran, profile_csv
from klavnb.formats.contract import RawExport
from klavnb.formats.folders import MANIFEST, MARK, STORE_FILES, is_store, list_foreign, list_sources
from klavnb.formats.profile_merging import merge_profiles
from klavnb.formats.source import Source, UnreadableError

__all__ = ["FORMATS", "MANIFEST", "MARK", "STORE_FILES", "RawFiles", "is_store", "list_foreign", "read_files"]

FORMATS: Final = MappingProxyType({"events_api": events_api, "fivetran": fivetran, "profile_csv": profile_csv})
"""Name → module, in the order in which they are asked whether a file is theirs."""

EXPECTED: Final = (
    "response pages, resources or lines of Klaviyo's API as JSON, Fivetran's tables as CSV or Parquet, or Klaviyo's "
    "CSV of profiles"
)
HINT: Final = (
    "Give the folder or the files of the export: Klaviyo API answers (.json, .jsonl, also .gz), Fivetran's tables "
    "event, metric, campaign, flow and person (.csv, .parquet), or profiles (.csv) whose first column is Email, "
    "Phone Number or Klaviyo ID."
)


@dataclass(frozen=True, slots=True)
class RawFiles:
    """What some files hold.

    Parameters
    ----------
    raw
        The frames, in the order of the files.
    sources
        Base names of the files that were read.
    skipped
        Names of the files in a folder that are no export, with the reason.
    """

    raw: RawExport
    sources: tuple[str, ...]
    skipped: tuple[str, ...]


def read_files(paths: Sequence[Path]) -> RawFiles:
    """Read files and folders of any format into raw frames.

    A folder is searched to the bottom, by name; hidden files are not looked at, and what is no export
    is passed over and named. A file that was asked for by name must be one.

    Raises
    ------
    ExportError
        When a path is missing, a file or folder may not be read, a file given by name is no export, or
        nothing at all could be read.
    """
    asked = {path.resolve() for path in paths if path.is_file()}
    sources, skipped = list_sources(paths)
    by_format: dict[str, list[Source]] = {}
    for source in sources:
        name, reason = _recognise(source)
        if name is not None:
            by_format.setdefault(name, []).append(source)
        elif source.path.resolve() in asked:
            raise ExportError(f"{source.name}: expected {EXPECTED}, found {reason}.", hint=HINT)
        else:
            skipped.append(source.name)
    modules: dict[str, ModuleType] = dict(FORMATS)
    parts: dict[str, RawExport] = {name: modules[name].read(found) for name, found in by_format.items()}
    listed = parts.pop("profile_csv", RawExport())
    raw = merge_profiles(RawExport.join(list(parts.values())), listed)
    foreign_asked = [s.name for s in sources if s.name in raw.foreign and s.path.resolve() in asked]
    if foreign_asked:
        raise ExportError(f"{name_some(foreign_asked)}: expected {EXPECTED}, found JSON of another kind.", hint=HINT)
    skipped += raw.foreign
    read = tuple(source.path.name for found in by_format.values() for source in found if source.name not in raw.foreign)
    _check_something(paths, raw, read, skipped)
    return RawFiles(raw, tuple(sorted(read)), tuple(sorted(skipped)))


def _recognise(source: Source) -> tuple[str | None, str]:
    """Return the format's name, or why there is none."""
    try:
        head = source.read_head()
    except UnreadableError as error:
        # a broken archive by the name of an export is its format's to reject
        named = ".json" in source.path.name or ".csv" in source.path.name
        return ("events_api" if ".json" in source.path.name else "fivetran") if named else None, str(error)
    if not head:
        return None, "an empty file"
    name = next((name for name, module in FORMATS.items() if module.recognises(source, head)), None)
    start = head[:24].decode(errors="replace").split("\n")[0]
    return name, f"a file that begins with {start!r}"


def _check_something(paths: Sequence[Path], raw: RawExport, read: Sequence[str], skipped: Sequence[str]) -> None:
    where = name_some([path.name or str(path) for path in paths])
    if not read:
        found = f"{name_some(skipped)}, of which none is one" if skipped else "no file"
        raise ExportError(f"{where}: expected {EXPECTED}, found {found}.", hint=HINT)
    if raw.rejects.height and all(held.is_empty() for name, held in raw.frames().items() if name != "rejects"):
        first = raw.rejects.row(0, named=True)
        place = first["file"] if first["line"] is None else f"{first['file']}, line {first['line']}"
        raise ExportError(f"{place}: expected {EXPECTED}, found {first['reason']}.", hint=HINT)
