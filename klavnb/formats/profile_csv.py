"""CSV files of profiles: Klaviyo's own exports of profiles, lists and segments, and what klavnb writes for it.

The first column says who: an address or Klaviyo's id. Columns that Klaviyo knows are fields of the profile,
all others are its properties. Such a file does not say of when it is, and may have no ids: it completes the
profiles of the other files, and its properties are taken for the later word.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from klavnb.formats.contract import RawExport, RawProfile, build
from klavnb.formats.profile_cells import HEADERS, LOCATION_HEADERS, restore, restore_name
from klavnb.formats.source import Source, UnreadableError
from klavnb.formats.tables import Table, read_csv, rebuild_json
from klavnb.schemas import Reject

__all__ = ["read", "recognises"]

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

LONGEST_HEADER: Final = 1 << 20
NO_SUPPRESSION: Final = r"^[\[\]\s]*$"
ALWAYS_TEXT: Final = ("zip",)


def recognises(source: Source, head: bytes) -> bool:  # noqa: ARG001 - every format is asked in the same way
    """Tell whether a file is a CSV of profiles, by its first header."""
    return next(iter(_read_header(head)), "") in FIRST_HEADERS


def read(sources: Sequence[Source]) -> RawExport:
    """Read files into raw profiles; one without an id in its file has none yet.

    Rows with more or fewer fields than the header are rejects, as is a file that cannot be read at all.
    """
    return RawExport.join([_read_file(source) for source in sources])


def _read_header(content: bytes) -> list[str]:
    """Read the names of the columns: polars leaves the quotes inside them doubled."""
    beginning = io.StringIO(content[:LONGEST_HEADER].decode(errors="replace"), newline="")
    return [restore_name(name) for name in next(csv.reader(beginning), [])]


def _read_file(source: Source) -> RawExport:
    try:
        content = source.read()
        header = _read_header(content)
        repeated = sorted({name for name in header if header.count(name) > 1})
        if repeated:
            raise UnreadableError(f"a header that names {repeated[0]!r} twice")  # noqa: TRY301 - one end for all faults
        rows, lines, rejects = read_csv(source, content)
        if rows.width != len(header):
            raise UnreadableError("a header that cannot be read")  # noqa: TRY301 - as above
    except (UnreadableError, pl.exceptions.PolarsError, csv.Error) as error:
        reason = str(error) if isinstance(error, UnreadableError) else "a damaged table"
        return RawExport(rejects=build(Reject, file=source.name, line=[None], reason=[reason], raw=[None]))
    rows.columns = header
    restored = rows.select(restore(pl.col(name)).replace("", None) for name in header)
    table = Table(source.name, restored, lines, {name: name for name in header})
    return RawExport(profiles=_build_profiles(table), rejects=rejects)


def _build_profiles(table: Table) -> pl.DataFrame:
    known = {*FIELDS, *LOCATION_HEADERS.values(), *PREDICTIONS}
    location = {header: part for part, header in LOCATION_HEADERS.items()}
    fields = {field: _coalesce(table, field) for field in dict.fromkeys(FIELDS.values())}
    return build(
        RawProfile,
        file=table.file,
        line=table.lines,
        **fields,
        location=rebuild_json(table, location, always_text=ALWAYS_TEXT),
        predictions=rebuild_json(table, PREDICTIONS),
        consent=_write_consent(table),
        properties=rebuild_json(table, {name: name for name in table.rows.columns if name not in known}),
    )


def _coalesce(table: Table, field: str) -> pl.Series:
    return pl.select(pl.coalesce(table.texts(header) for header, of in FIELDS.items() if of == field)).to_series()


def _write_consent(table: Table) -> pl.Series:
    """Write consent in the shape of Klaviyo's API; null where the file does not say."""
    states = {channel: _read_state(table.texts(header)) for header, channel in CONSENTS.items()}
    is_suppressed = table.texts(SUPPRESSIONS).str.contains(NO_SUPPRESSION).not_().fill_null(value=False)
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
