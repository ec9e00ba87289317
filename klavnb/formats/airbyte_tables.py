"""Tables that Airbyte's Klaviyo source fills, as Parquet or CSV: each row is a resource of the API.

The columns are those of the connector's streams: `id`, `type`, `attributes`, `relationships` and more, as structs
or as JSON text, with `_airbyte_raw_id` and others beside them; or the whole record is in `_airbyte_data`. The stream
is the file's name, or its folder's. Rows are written as the lines of such a stream, and these are read as JSON is.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import msgspec
import polars as pl

from klavnb.formats.contract import RawExport
from klavnb.formats.decoded import UNUSABLE
from klavnb.formats.json_cells import write_objects
from klavnb.formats.json_lines import NotUsualError, add_lines
from klavnb.formats.json_values import add_records, decode_value, describe
from klavnb.formats.records import Batch, to_export
from klavnb.formats.source import Piece, Source
from klavnb.formats.tables import Table, read_each, read_headers, read_tables, split_table
from klavnb.settings import Settings

__all__ = ["read", "recognises", "split"]

OWN: Final = "_airbyte_"
WHOLE: Final = "airbytedata"
TEXTS: Final = ("id", "type", "stream", "datetime", "updated", "created")
STREAM: Final = re.compile(
    "events|profiles|global_exclusions|metrics|campaign_messages|campaigns|flow_actions|flow_messages|flows|"
    "list_members|lists|segments"
)
NUMBERED: Final = ("events", "profiles", "rejects", "campaign_totals")
"""Frames whose rows have the number of a line."""


def recognises(source: Source, head: bytes) -> bool:
    """Tell whether a table has columns of Airbyte's own."""
    return any(header.lower().startswith(OWN) for header in read_headers(source, head))


def split(source: Source) -> list[Piece]:
    """Split a file into the pieces in which it is read."""
    return split_table(source)


def read(pieces: Sequence[Piece], *, settings: Settings) -> Iterator[RawExport]:  # noqa: ARG001 - one way for all
    """Read tables into raw frames, some rows at a time.

    Rows with more or fewer fields than the header are rejects, as are those that are no resource of Klaviyo's.
    """
    return read_each(pieces, _read_piece)


def _read_piece(piece: Piece) -> Iterator[RawExport]:
    stream = _find_stream(piece.source)
    for table, rejects, count in read_tables(piece):
        found = _number(_read_lines(table.file, _write_lines(table, stream)), table.lines)
        yield replace(found, rejects=pl.concat([rejects, found.rejects]), foreign=(), count_lines=count)


def _find_stream(source: Source) -> str:
    """Find the stream that a file is of; its name where it is none that is known."""
    folder = (source.member or str(source.path)).rpartition("/")[0].rpartition("/")[2].lower()
    found = STREAM.search(source.stem) or STREAM.search(folder)
    return found[0] if found else source.stem


def _write_lines(table: Table, stream: str) -> pl.Series:
    if WHOLE in table.rows.columns:
        records = table.rows[WHOLE]
    else:
        columns = {column: name for column, name in table.names.items() if not name.lower().startswith(OWN)}
        records = write_objects(table.rows, columns, always_text=TEXTS)
    text = pl.col("record").str.strip_chars().str.replace_all(r"[\r\n]+", " ")  # of JSON only what is between values
    record = pl.when(text.str.starts_with("{")).then(text).otherwise(pl.lit("null"))
    prefix = pl.lit(f'{{"stream":{msgspec.json.encode(stream).decode()},"data":')
    return records.to_frame("record").select(pl.concat_str(prefix, record, pl.lit("}"))).to_series()


def _read_lines(file: str, lines: pl.Series) -> RawExport:
    batch = Batch(file, is_foreign=False)
    found = batch.fork()
    try:
        add_lines(found, "\n".join(lines).encode(), 1)
        batch.absorb(found)
    except NotUsualError:
        found.discard()
        for number, line in enumerate(lines, start=1):
            _add_line(batch, line.encode(), number)
    return to_export([batch])


def _add_line(batch: Batch, line: bytes, number: int) -> None:
    try:
        records, _ = decode_value(line)
    except UNUSABLE as error:
        batch.reject(number, describe(error), line)
    else:
        add_records(batch, records, [number] * len(records))


def _number(found: RawExport, lines: pl.Series) -> RawExport:
    """Turn the ordinals of lines into those of the table's rows."""
    frames = {name: getattr(found, name) for name in NUMBERED}
    return replace(
        found,
        **{
            name: frame.with_columns(line=lines.gather(frame["line"] - 1))
            for name, frame in frames.items()
            if not frame.is_empty()
        },
    )
