"""CSV files of profiles: Klaviyo's own exports of profiles, lists and segments, and what klavnb writes for it.

The first column says who: an address or Klaviyo's id. Columns that Klaviyo knows are fields of the profile,
all others are its properties. Such a file does not say of when it is, and may have no ids: it completes the
profiles of the other files, and its properties are taken for the later word.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

import polars as pl

from klavnb.formats.contract import RawExport, RawProfile, build
from klavnb.formats.csv_rows import read_parts, split_header
from klavnb.formats.json_cells import write_objects
from klavnb.formats.profile_cells import HEADERS, LOCATION_HEADERS, restore, restore_name
from klavnb.formats.source import Piece, Source, UnreadableError, split_rows
from klavnb.formats.tables import read_each
from klavnb.settings import Settings

__all__ = ["read", "recognises", "split"]

FIRST_HEADERS: Final = frozenset({"Email", "Email Address", "Phone Number", "Klaviyo ID", "Profile ID"})
"""What proves such a file, spelled as Klaviyo does: a table with a column `email` may be anything."""

FIELDS: Final[Mapping[str, str]] = {
    "Klaviyo ID": "profile_id",
    "Profile ID": "profile_id",
    "Email Address": "email",
    **{header: field for field, header in HEADERS.items()},
    "Profile Created On": "created_at",
    "Last Active": "last_event_at",
}
PREDICTIONS: Final[Mapping[str, str]] = {
    "Historic Customer Lifetime Value": "historic_clv",
    "Predicted Customer Lifetime Value": "predicted_clv",
    "Total Customer Lifetime Value": "total_clv",
    "Historic Number Of Orders": "historic_number_of_orders",
    "Predicted Number Of Orders": "predicted_number_of_orders",
    "Average Order Value": "average_order_value",
    "Average Days Between Orders": "average_days_between_orders",
}
CONSENTS: Final[Mapping[str, str]] = {"Email Marketing Consent": "email", "SMS Marketing Consent": "sms"}
SUPPRESSIONS: Final = "Email Suppressions"
"""Header → what it is in a profile. Consent stays a property as well: its spelling may be one that is not known."""

STATES: Final = ("SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED")

NO_SUPPRESSION: Final = r"^[\[\]\s]*$"
ALWAYS_TEXT: Final = ("zip",)


def recognises(source: Source, head: bytes) -> bool:  # noqa: ARG001 - every format is asked in the same way
    """Tell whether a file is a CSV of profiles, by its first header."""
    with suppress(UnreadableError):
        return restore_name(next(iter(split_header(head)), "")) in FIRST_HEADERS
    return False


def split(source: Source) -> list[Piece]:
    """Split a file at ends of rows, so that several workers read it."""
    return split_rows(source)


def read(pieces: Sequence[Piece], *, settings: Settings) -> Iterator[RawExport]:  # noqa: ARG001 - one way for all
    """Read files into raw profiles, some rows at a time; one without an id in its file has none yet.

    Rows with more or fewer fields than the header are rejects, as is a file that cannot be read at all.
    """
    return read_each(pieces, _read_piece)


def _read_piece(piece: Piece) -> Iterator[RawExport]:
    for part in read_parts(piece):
        names = {name: restore_name(name) for name in part.rows.columns}
        if repeated := [name for name, restored in names.items() if restored != name and restored in names]:
            raise UnreadableError(f"a header that names {names[repeated[0]]!r} twice")
        restored = part.rows.select(restore(pl.all())).rename(names)
        yield RawExport(
            profiles=_build_profiles(piece.source.name, restored, part.lines),
            rejects=part.rejects,
            count_lines=part.count_lines,
        )


def _build_profiles(file: str, rows: pl.DataFrame, lines: pl.Series) -> pl.DataFrame:
    known = {*FIELDS, *LOCATION_HEADERS.values(), *PREDICTIONS}
    location = {header: part for part, header in LOCATION_HEADERS.items() if header in rows.columns}
    predictions = {header: name for header, name in PREDICTIONS.items() if header in rows.columns}
    fields = {field: _coalesce(rows, field) for field in dict.fromkeys(FIELDS.values())}
    return build(
        RawProfile,
        file=file,
        line=lines,
        **fields,
        location=write_objects(rows, location, always_text=ALWAYS_TEXT),
        predictions=write_objects(rows, predictions),
        consent=_write_consent(rows),
        properties=write_objects(rows, {name: name for name in rows.columns if name not in known}),
    )


def _coalesce(rows: pl.DataFrame, field: str) -> pl.Series:
    found = [_take(rows, header) for header, of in FIELDS.items() if of == field]
    return pl.select(pl.coalesce(found)).to_series()


def _take(rows: pl.DataFrame, header: str) -> pl.Series:
    if header in rows.columns:
        return rows[header]
    return pl.repeat(None, rows.height, dtype=pl.String, eager=True)


def _write_consent(rows: pl.DataFrame) -> pl.Series:
    """Write consent in the shape of Klaviyo's API; null where the file does not say."""
    states = {channel: _read_state(_take(rows, header)) for header, channel in CONSENTS.items()}
    is_suppressed = _take(rows, SUPPRESSIONS).str.contains(NO_SUPPRESSION).not_().fill_null(value=False)
    said = pl.DataFrame({**states, "suppression": is_suppressed})
    no_one = pl.lit([], dtype=pl.List(pl.Struct({"reason": pl.String})))
    suppression = pl.when("suppression").then(pl.concat_list(pl.struct(reason=pl.lit("SUPPRESSED")))).otherwise(no_one)
    channels = [
        pl.struct(
            marketing=pl.struct(
                pl.col(channel).alias("consent"), suppression=suppression if channel == "email" else no_one
            )
        ).alias(channel)
        for channel in states
    ]
    is_said = pl.any_horizontal("suppression", *(pl.col(channel).is_not_null() for channel in states))
    return said.select(pl.when(is_said).then(pl.struct(channels).struct.json_encode())).to_series()


def _read_state(texts: pl.Series) -> pl.Series:
    """Read a state; what is none of Klaviyo's words is not known."""
    state = texts.str.strip_chars().str.to_uppercase().str.replace_all(" ", "_", literal=True)
    return pl.select(pl.when(state.is_in(STATES)).then(state)).to_series()
