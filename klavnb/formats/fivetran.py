"""Fivetran's tables of a Klaviyo account as CSV or Parquet: event, metric, campaign, flow, person.

Columns are known whatever their spelling: `property_value`, `propertyvalue` and `PROPERTYVALUE` are
one. Fivetran strips Klaviyo's own names of `$`, blanks and capitals; those that are known get them back.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
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
    to_lists,
)
from klavnb.formats.decoded import dig, list_recorded_events, to_text
from klavnb.formats.source import Source, UnreadableError
from klavnb.formats.tables import Table, read_columns, read_table, rebuild_json
from klavnb.schemas import Reject

__all__ = ["read", "recognises"]

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
IDS: Final = ("$event_id", "$message", "$flow", "$variation", "Transmission ID", "OrderId", "ProductID", "SKU")

OWN_NAMES: Final = (
    "$_cohort$message_send_cohort",
    "$_cohort$variation_send_cohort",
    "$attribution",
    "$currency_code",
    "$event_id",
    "$extra",
    "$flow",
    "$internal",
    "$message",
    "$value",
    "$value_currency",
    "$variation",
    "Bot Click",
    "Bounce Type",
    "Brand",
    "Brands",
    "Campaign Name",
    "Categories",
    "Client Canonical",
    "Client Name",
    "Client OS",
    "Client OS Family",
    "Client Type",
    "Collections",
    "Discount Codes",
    "Email Domain",
    "From Number",
    "Item Count",
    "ItemNames",
    "ItemPrice",
    "Items",
    "List",
    "Message Body",
    "Message Format",
    "Message Interaction",
    "Message Name",
    "Message Type",
    "Name",
    "OrderId",
    "Price",
    "ProductID",
    "ProductName",
    "Quantity",
    "Reason",
    "SKU",
    "Shipping Rate",
    "Size",
    "Source Name",
    "Subject",
    "Title",
    "To Number",
    "Total Discounts",
    "Transmission ID",
    "URL",
    "machine_open",
)
NAMES: Final[Mapping[str, str]] = {re.sub(r"[^a-z]", "", name.lower()): name for name in OWN_NAMES}
"""A property's name as squeezed by a column → as Klaviyo writes it."""


def recognises(source: Source, head: bytes) -> bool:
    """Tell whether a file is one of the tables, by its columns, or by its name and fewer columns."""
    return _identify(source, read_columns(source, head)) is not None


def read(sources: Sequence[Source]) -> RawExport:
    """Read tables into raw frames.

    Rows that Fivetran marks as deleted are rejects in the tables of events and people; so are rows of
    CSV with more or fewer fields than the header. A file that cannot be read at all is one reject.
    """
    return RawExport.join([_read_file(source) for source in sources])


def _identify(source: Source, columns: set[str]) -> str | None:
    words = {word.removesuffix("s") for word in re.split(r"[^a-z]+", source.stem)}
    possible = (
        table
        for table, (needed, proofs) in TABLES.items()
        if needed <= columns and (proofs & columns or table in words)
    )
    return next(possible, None)


def _read_file(source: Source) -> RawExport:
    try:
        table, rejects = read_table(source)
    except UnreadableError as error:
        return RawExport(rejects=build(Reject, file=source.name, line=[None], reason=[str(error)], raw=[None]))
    read_rows = READERS[_identify(source, set(table.spelling)) or "event"]
    return RawExport.join([RawExport(rejects=rejects), read_rows(table)])


def _read_events(table: Table) -> RawExport:
    kept, rejects = _set_deleted_aside(table)
    attributions = kept.texts("propertyattribution")
    events = build(
        RawEvent,
        file=kept.file,
        line=kept.lines,
        event_id=kept.texts("id"),
        profile_id=kept.texts("personid"),
        metric_id=kept.texts("metricid"),
        metric_name=kept.texts("type"),
        occurred_at=kept.texts("datetime"),
        occurred_unix=kept.texts("timestamp"),
        value=kept.texts("propertyvalue"),
        currency=_first(kept, "propertycurrencycode", "propertyvaluecurrency"),
        source_event_id=kept.texts("propertyeventid"),
        order_id=kept.texts("propertyorderid"),
        message=kept.texts("propertymessage"),
        flow=kept.texts("propertyflow"),
        variation=_first(kept, "variation", "propertyvariation"),
        transmission_id=kept.texts("propertytransmissionid"),
        send_cohort=kept.texts("propertycohortmessagesendcohort"),
        handed_off_at=[to_text(dig(_decode(text), "Handoff Time")) for text in kept.texts("propertyinternal")],
        machine_open=kept.texts("propertymachineopen"),
        bot_click=kept.texts("propertybotclick"),
        campaign_name=kept.texts("propertycampaignname"),
        subject=kept.texts("propertysubject"),
        campaign_id=kept.texts("campaignid"),
        flow_id=kept.texts("flowid"),
        flow_message_id=kept.texts("flowmessageid"),
        recorded_event_ids=to_lists(
            None if text is None else list_recorded_events(_decode(text)) for text in attributions
        ),
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
            sent_at=_first(table, "sendtime", "sentat"),
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


def _first(table: Table, *names: str) -> pl.Series:
    return pl.select(pl.coalesce(table.texts(name).replace("", None) for name in names)).to_series()


def _decode(text: str | None) -> object:
    """Decode JSON inside a cell; what is none is null, as an empty cell is."""
    try:
        decoded: object = msgspec.json.decode(text) if text else None
    except (msgspec.DecodeError, RecursionError):
        return None
    return decoded
