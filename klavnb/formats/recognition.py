"""Which format a file is of: each is asked in turn, and none guesses."""

import codecs
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final

from klavnb.errors import ExportError, name_some
from klavnb.formats import (
    airbyte_jsonl,
    airbyte_tables,
    campaign_csv,
    event_csv,
    events_api,
    fivetran,
    profile_csv,
    singer,
)
from klavnb.formats.addresses import DatabaseSource
from klavnb.formats.contract import RawExport
from klavnb.formats.folders import list_sources
from klavnb.formats.parquet_rows import is_broken_parquet
from klavnb.formats.source import Piece, Source, UnreadableError
from klavnb.settings import Settings

__all__ = [
    "FORMATS",
    "FoundFiles",
    "describe_expected",
    "find_files",
    "read_pieces",
    "split_file",
]

FORMATS: Final[MappingProxyType[str, ModuleType]] = MappingProxyType(
    {
        "airbyte_jsonl": airbyte_jsonl,
        "singer": singer,
        "events_api": events_api,
        "airbyte_tables": airbyte_tables,
        "fivetran": fivetran,
        "campaign_csv": campaign_csv,
        "event_csv": event_csv,
        "profile_csv": profile_csv,
    }
)
"""Name → module, in the order in which they are asked whether a file is theirs: the more special first."""

EXPECTED: Final = (
    "Klaviyo's API, Airbyte's or Singer's records as JSON, Fivetran's or Airbyte's tables as CSV or Parquet, or "
    "Klaviyo's CSV of events, profiles or campaigns"
)
HINT: Final = (
    "Give the folder or the files of the export: Klaviyo API answers (.json, .jsonl), Airbyte's or Singer's lines, "
    "Fivetran's tables event, metric, campaign, flow and person (.csv, .parquet), Klaviyo's CSV files, those of "
    "profiles with the first column Email, Phone Number or Klaviyo ID; each also as .gz, .zst or .zip. Where a file is "
    "one of these and is not recognised, name its format with --format. Where a CSV of events has headers of its own, "
    'name them in the settings, as in [columns] profile_id = "Customer", occurred_at = "When".'
)


BY_ENDING: Final = MappingProxyType({".json": "events_api", ".csv": "fivetran", ".parquet": "fivetran"})
"""What rejects a file that cannot be unpacked, by the end of its name."""

NO_COLUMNS: Final[Mapping[str, str]] = MappingProxyType({})

EMPTY: Final = "an empty file"

SEPARATORS: Final[Mapping[str, str]] = MappingProxyType({";": "semicolons", "\t": "tabs", "|": "bars"})
"""Signs between the columns of tables that are no CSV as klavnb reads it → what they are called."""

NO_TABLE: Final = (b"{", b"[", b"<")
"""How JSON and pages of the web begin."""

SAVE_ANEW: Final = "save it anew as “CSV UTF-8 (comma delimited)”"

REJECTS_ANY: Final = "events_api"
"""What rejects a file that cannot be unpacked, of any other name."""


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The files of an export, before they are read.

    Parameters
    ----------
    files
        Each with the name of its format, in the order in which they are read.
    skipped
        Names of the files in a folder that are no export.
    asked
        Names of the files that were asked for by themselves: they must be exports.
    databases
        What is read from databases.
    """

    files: tuple[tuple[Source, str], ...]
    skipped: tuple[str, ...]
    asked: frozenset[str]
    databases: tuple[DatabaseSource, ...] = ()


def find_files(
    paths: Sequence[Path | DatabaseSource],
    *,
    format: str | None = None,  # noqa: A002 - the option's name
    columns: Mapping[str, str] = NO_COLUMNS,
) -> FoundFiles:
    """Find the files under some paths, and recognise their formats.

    A folder is searched to the bottom, by name; hidden files are not looked at, and what is no export
    is passed over and named. A file that was asked for by name must be one.

    Parameters
    ----------
    paths
        Files and folders, and databases.
    format
        The format of all files; None: each is recognised by its content.
    columns
        What the settings say which headers of a CSV of events hold; by these it is recognised too.

    Raises
    ------
    ExportError
        When a path is missing, a file or folder may not be read, a file given by name is no export, or
        there is no file of an export at all.
    """
    databases = tuple(path for path in paths if isinstance(path, DatabaseSource))
    places = [path for path in paths if isinstance(path, Path)]
    asked = {path.resolve() for path in places if path.is_file()}
    sources, skipped = list_sources(places)
    files: list[tuple[Source, str]] = []
    for source in sources:
        name, reason = (format, "") if format is not None else _recognise(source, columns)
        if name is not None:
            files.append((source, name))
        elif source.path.resolve() in asked and source.member is None:
            raise ExportError(f"{source.name}: expected {EXPECTED}, found {reason}.", hint=HINT)
        else:
            skipped.append(f"{source.name} (empty)" if reason == EMPTY else source.name)
    if not files and not databases:
        found = f"{name_some(skipped)}, of which none is one" if skipped else "no file"
        raise describe_expected(name_some([path.name or str(path) for path in paths]), found)
    names = frozenset(source.name for source, _ in files if source.member is None and source.path.resolve() in asked)
    return FoundFiles(tuple(files), tuple(skipped), names, databases)


def describe_expected(where: str, found: str) -> ExportError:
    """Say what an export looks like, and what was found instead."""
    return ExportError(f"{where}: expected {EXPECTED}, found {found}.", hint=HINT)


def split_file(source: Source, name: str) -> list[Piece]:
    """Split a file of a format into the pieces in which it is read."""
    pieces: list[Piece] = FORMATS[name].split(source)
    return pieces


def read_pieces(name: str, pieces: Sequence[Piece], *, settings: Settings) -> Iterator[RawExport]:
    """Read pieces of a format into raw frames, part by part, in their order."""
    parts: Iterator[RawExport] = FORMATS[name].read(pieces, settings=settings)
    return parts


def _recognise(source: Source, columns: Mapping[str, str]) -> tuple[str | None, str]:
    """Return the format's name, or why there is none."""
    try:
        head = source.read_head()
    except UnreadableError as error:
        return _find_rejecter(source), str(error)
    name = next((name for name, module in FORMATS.items() if module.recognises(source, head)), None)
    if name is None and event_csv.recognises_named(source, head, columns):
        name = "event_csv"
    if name is None and is_broken_parquet(source, head):
        name = BY_ENDING[".parquet"]
    if name is None and source.is_broken():
        name = _find_rejecter(source)
    if name is None and not head.strip():
        return None, EMPTY
    return name, _describe_head(head)


def _describe_head(head: bytes) -> str:
    """Say what a file that no format recognises looks like, and what to do where it is a table saved otherwise."""
    first = head.split(b"\n", 1)[0]
    found = f"a file that begins with {first[:24].decode(errors='replace')!r}"
    if first.lstrip().startswith(NO_TABLE):
        return found
    separator = max(SEPARATORS, key=lambda sign: first.count(sign.encode()))
    if first.count(separator.encode()) > first.count(b","):
        return f"{found}, whose columns are separated by {SEPARATORS[separator]}: {SAVE_ANEW}"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(first)  # the head may end within a sign
    except UnicodeDecodeError:
        return f"{found}, whose text is not UTF-8: {SAVE_ANEW}" if b"," in first else found
    return found


def _find_rejecter(source: Source) -> str | None:
    """Find the format whose part it is to reject a broken file; None where the file may be anything."""
    by_name = next((name for ending, name in BY_ENDING.items() if ending in source.base), None)
    return by_name or (REJECTS_ANY if source.is_broken() else None)
