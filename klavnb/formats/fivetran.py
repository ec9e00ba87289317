"""Fivetran's tables of a Klaviyo account as CSV or Parquet: event, metric, campaign, flow, person.

Columns are known whatever their spelling: `property_value`, `propertyvalue` and `PROPERTYVALUE` are
one. Fivetran strips Klaviyo's own names of `$`, blanks and capitals; those that are known get them back.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from klavnb.formats.contract import (
    LONGEST_RAW,
    RawCampaign,
    RawEvent,
    RawExport,
    RawFlow,
    RawMetric,
    RawProfile,
    build,
)
from klavnb.formats.event_cells import find_handoffs, find_recorded
from klavnb.formats.klaviyo_names import IDS, NAMES, PROPERTY_COLUMNS
from klavnb.formats.parquet_rows import to_texts
from klavnb.formats.source import Piece, Source
from klavnb.formats.tables import (
    Table,
    make_table,
    read_each,
    read_headers,
    read_tables,
    rebuild_json,
    split_table,
    squeeze,
)
from klavnb.schemas import Reject
from klavnb.settings import Settings

__all__ = ["read", "read_frame", "recognises", "split"]

TABLES: Final[Mapping[str, tuple[set[str], set[str]]]] = {
    "event": ({"id", "personid"}, {"type", "metricid"}),
    "person": ({"id", "email"}, {"lasteventdate", "customobject", "customemail", "customsource"}),
    "campaign": ({"id", "name"}, {"campaigntype", "sendtime", "emailtemplateid"}),
    "flow": ({"id", "name"}, {"triggertype", "customerfilter"}),
    "metric": ({"id", "name"}, {"integrationid", "integrationname", "integrationcategory"}),
}
"""Table → columns that it must have, and columns of which one proves it; a file's name proves it as well."""

PROPERTY: Final = "property"
CUSTOM: Final = "custom"
LOCATION: Final = ("address1", "address2", "city", "country", "latitude", "longitude", "region", "timezone", "zip")


def recognises(source: Source, head: bytes) -> bool:
    """Tell whether a file is one of the tables, by its columns, or by its name and fewer columns."""
    return _identify(source, {squeeze(name) for name in read_headers(source, head)}) is not None


def split(source: Source) -> list[Piece]:
    """Split a file into the pieces in which it is read."""
    return split_table(source)


def read(pieces: Sequence[Piece], *, settings: Settings) -> Iterator[RawExport]:  # noqa: ARG001 - one way for all
    """Read tables into raw frames, some rows at a time.

    Rows that Fivetran marks as deleted are rejects in the tables of events and people; so are rows of
    CSV with more or fewer fields than the header. A file that cannot be read at all is one reject.
    """
    return read_each(pieces, _read_piece)


def read_frame(name: str, table: str, frame: pl.DataFrame) -> RawExport:
    """Read rows of one of the tables that are a frame already, as from a database.

    Parameters
    ----------
    name
        What messages call where the rows are from.
    table
        `event`, `person`, `campaign`, `flow` or `metric`.
    frame
        Its rows, under Fivetran's names in any spelling, with columns of any types.

    Examples
    --------
    >>> frame = pl.DataFrame({"ID": [7], "NAME": ["Placed Order"], "_FIVETRAN_SYNCED": [None]})
    >>> read_frame("klaviyo.metric", "metric", frame).metrics.rows()
    [('7', 'Placed Order')]
    """
    return replace(READERS[table](make_table(name, to_texts(frame))), count_lines=frame.height)


def _read_piece(piece: Piece) -> Iterator[RawExport]:
    for table, rejects, count in read_tables(piece):
        found = READERS[_identify(piece.source, set(table.spelling)) or "event"](table)
        yield replace(found, rejects=pl.concat([rejects, found.rejects]), count_lines=count)


def _identify(source: Source, columns: set[str]) -> str | None:
    words = {word.removesuffix("s") for word in re.split(r"[^a-z]+", source.stem)}
    possible = (
        table
        for table, (needed, proofs) in TABLES.items()
        if needed <= columns and (proofs & columns or table in words)
    )
    return next(possible, None)


def _read_events(table: Table) -> RawExport:
    kept, rejects = _set_deleted_aside(table)
    columns = {column: kept.first(*(PROPERTY + name for name in names)) for column, names in PROPERTY_COLUMNS.items()}
    columns["variation"] = kept.first("variation", "propertyvariation")
    events = build(
        RawEvent,
        **columns,
        file=kept.file,
        line=kept.lines,
        event_id=kept.texts("id"),
        profile_id=kept.texts("personid"),
        metric_id=kept.texts("metricid"),
        metric_name=kept.texts("type"),
        occurred_at=kept.texts("datetime"),
        occurred_unix=kept.texts("timestamp"),
        handed_off_at=find_handoffs(kept.texts("propertyinternal")),
        campaign_id=kept.texts("campaignid"),
        flow_id=kept.texts("flowid"),
        flow_message_id=kept.texts("flowmessageid"),
        recorded_event_ids=find_recorded(kept.texts("propertyattribution")),
        properties=rebuild_json(kept, _name_properties(kept), always_text=IDS),
    )
    return RawExport(events=events, rejects=rejects)


def _read_people(table: Table) -> RawExport:
    kept, rejects = _set_deleted_aside(table)
    custom = {
        name: spelled.removeprefix(CUSTOM).removeprefix("_")
        for name, spelled in kept.spelling.items()
        if name.startswith(CUSTOM)
    }
    profiles = build(
        RawProfile,
        file=kept.file,
        line=kept.lines,
        profile_id=kept.texts("id"),
        email=kept.texts("email"),
        phone_number=kept.texts("phonenumber"),
        external_id=kept.texts("externalid"),
        first_name=kept.texts("firstname"),
        created_at=kept.texts("created"),
        updated_at=kept.texts("updated"),
        last_event_at=kept.texts("lasteventdate"),
        location=rebuild_json(kept, {name: name for name in LOCATION}, always_text=["zip"]),
        predictions=kept.texts("predictiveanalytics"),
        consent=kept.texts("subscriptions"),
        properties=rebuild_json(kept, custom),
    )
    return RawExport(profiles=profiles, rejects=rejects)


def _read_metrics(table: Table) -> RawExport:
    return RawExport(metrics=build(RawMetric, metric_id=table.texts("id"), name=table.texts("name")))


def _read_campaigns(table: Table) -> RawExport:
    return RawExport(
        campaigns=build(
            RawCampaign,
            campaign_id=table.texts("id"),
            name=table.texts("name"),
            subject=table.texts("subject"),
            channel=table.texts("channel"),
            sent_at=table.first("sendtime", "sentat"),
        ),
    )


def _read_flows(table: Table) -> RawExport:
    return RawExport(flows=build(RawFlow, flow_id=table.texts("id"), name=table.texts("name")))


READERS: Final[Mapping[str, Callable[[Table], RawExport]]] = {
    "event": _read_events,
    "person": _read_people,
    "campaign": _read_campaigns,
    "flow": _read_flows,
    "metric": _read_metrics,
}


def _set_deleted_aside(table: Table) -> tuple[Table, pl.DataFrame]:
    is_deleted = table.texts("fivetrandeleted").str.to_lowercase().is_in(["true", "1"]).fill_null(value=False)
    if not is_deleted.any():
        return table, build(Reject)
    deleted = table.filter(is_deleted)
    text = rebuild_json(deleted, deleted.spelling).str.head(LONGEST_RAW)
    rejects = build(
        Reject,
        file=table.file,
        line=deleted.lines,
        reason=["deleted at the source"] * deleted.rows.height,
        raw=text,
    )
    return table.filter(~is_deleted), rejects


def _name_properties(table: Table) -> dict[str, str]:
    """Column → the property's name: Klaviyo's own, else the column's."""
    return {
        column: NAMES.get(column.removeprefix(PROPERTY)) or spelled.removeprefix(PROPERTY).removeprefix("_")
        for column, spelled in table.spelling.items()
        if column.startswith(PROPERTY)
    }
