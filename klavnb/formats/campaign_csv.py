"""The campaign CSV of Klaviyo's own pages: when campaigns were sent, and what Klaviyo counted for each.

Its headers, as files of 2024 to 2026 in public repositories have them: Campaign Name, Variant Name, Tags, Subject,
List, Send Time, Send Weekday, Total Recipients, Unique Placed Order, Placed Order Rate, Revenue, Unique Opens,
Open Rate, Total Opens, Unique Clicks, Click Rate, Total Clicks, Unsubscribes, Spam Complaints, Successful
Deliveries, Bounces, Campaign ID, Campaign Channel. Older files lack the id. Times have no zone: they are the account's.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import polars as pl

from klavnb.formats.contract import RawCampaign, RawCampaignTotal, RawExport, build
from klavnb.formats.json_cells import write_objects
from klavnb.formats.source import Piece, Source
from klavnb.formats.tables import Table, read_each, read_headers, read_tables, split_table
from klavnb.settings import Settings

__all__ = ["match_campaigns", "read", "recognises", "split"]

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "campaign_id": ("campaignid", "id"),
    "name": ("campaignname", "name"),
    "variation": ("variantname", "variationname", "variation"),
    "subject": ("subject", "subjectline"),
    "channel": ("campaignchannel", "sendchannel", "channel"),
    "sent_at": ("sendtime", "senttime", "senddate", "sentat"),
    "count_recipients": ("totalrecipients", "recipients"),
    "count_delivered": ("successfuldeliveries", "delivered", "deliveries"),
    "count_bounced": ("bounces", "bounced", "totalbounces"),
    "count_opens": ("totalopens", "opens"),
    "count_opened": ("uniqueopens",),
    "count_clicks": ("totalclicks", "clicks"),
    "count_clicked": ("uniqueclicks",),
    "count_unsubscribed": ("unsubscribes", "unsubscribed", "totalunsubscribes"),
    "count_marked_spam": ("spamcomplaints", "spam", "totalspamcomplaints"),
    "revenue": ("revenue", "conversionvalue", "totalrevenue"),
    "currency": ("currency", "currencycode"),
}
"""Column of a total → its headers in lower case, letters alone; the first counts."""

COUNTS: Final = tuple(name for name in FIELDS if name.startswith("count_"))
PROOFS: Final = ("count_recipients", "count_delivered", "count_opened", "count_clicked")
OF_PROFILES: Final = re.compile(r"unique (?!opens$|clicks$)(?P<metric>.+)", re.IGNORECASE)
OF_EVENTS: Final = re.compile(r"total (?P<metric>.+)", re.IGNORECASE)
SEVERAL: Final = r"^\[.*\]$"
"""How a subject says that variations have several, as in [MULTIPLE VARIATIONS]."""

THOUSANDS: Final = r"^-?\d{1,3}(?:,\d{3})+(?:\.\d+)?$"
WHOLE: Final = r"\.0+$"
MOST_HOURS: Final = 14
"""An account's zone is at most so far from UTC."""


def recognises(source: Source, head: bytes) -> bool:
    """Tell whether a file counts campaigns: it has their names, when they were sent, and to how many."""
    held = _find_columns(read_headers(source, head))
    return {"name", "sent_at"} <= held.keys() and any(proof in held for proof in PROOFS)


def split(source: Source) -> list[Piece]:
    """Split a file into the pieces in which it is read."""
    return split_table(source)


def read(pieces: Sequence[Piece], *, settings: Settings) -> Iterator[RawExport]:  # noqa: ARG001 - one way for all
    """Read campaigns, where they have an id, and what Klaviyo counted for each.

    Rows with more or fewer fields than the header are rejects, as is a file that cannot be read at all.
    """
    return read_each(pieces, _read_piece)


def _read_piece(piece: Piece) -> Iterator[RawExport]:
    for table, rejects, count in read_tables(piece):
        totals = _build_totals(table)
        yield RawExport(
            campaigns=_find_campaigns(totals),
            campaign_totals=totals,
            rejects=rejects,
            count_lines=count,
        )


def match_campaigns(totals: pl.DataFrame, campaigns: pl.DataFrame) -> pl.DataFrame:
    """Give totals without a campaign's id the one of the campaign of the same name that was sent about then.

    The account's zone is not known, so the times of the two may be up to 14 hours apart; where more than one
    campaign of the name was sent within them, the id stays null.

    Parameters
    ----------
    totals, campaigns
        Typed: both with `campaign_id`, `name` and `sent_at`; the campaigns one row each.

    Examples
    --------
    >>> from datetime import datetime
    >>> totals = pl.DataFrame({"campaign_id": [None], "name": ["May"], "sent_at": [datetime(2026, 5, 1, 12)]})
    >>> known = pl.DataFrame({"campaign_id": ["c1"], "name": ["May"], "sent_at": [datetime(2026, 5, 1, 10)]})
    >>> match_campaigns(totals.cast({"campaign_id": pl.String}), known)["campaign_id"].to_list()
    ['c1']
    """
    if campaigns.is_empty() or not totals["campaign_id"].has_nulls():
        return totals
    apart = (pl.col("sent_at") - pl.col("sent_at_right")).abs()
    numbered = totals.with_row_index("row")
    found = (
        numbered.filter(pl.col("campaign_id").is_null())
        .join(campaigns.select("name", "sent_at", found="campaign_id").drop_nulls(), on="name")
        .filter(apart <= pl.duration(hours=MOST_HOURS))
        .group_by("row")
        .agg(pl.col("found").unique())
        .filter(pl.col("found").list.len() == 1)
        .select("row", pl.col("found").list.first())
    )
    joined = numbered.join(found, on="row", how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("campaign_id", "found").alias("campaign_id")).select(totals.columns)


def _find_columns(headers: Sequence[str]) -> dict[str, str]:
    spelled = {re.sub(r"[^a-z]", "", header.lower()): header for header in reversed(headers)}
    found = {
        name: next((spelled[guess] for guess in guesses if guess in spelled), None) for name, guesses in FIELDS.items()
    }
    return {name: header for name, header in found.items() if header is not None}


def _find_conversions(headers: Sequence[str]) -> tuple[str | None, dict[str, str]]:
    """Find the metric that the file counts conversions of, and the columns that do."""
    by_profile = {found["metric"].strip(): header for header in headers if (found := OF_PROFILES.fullmatch(header))}
    by_event = {found["metric"].strip(): header for header in headers if (found := OF_EVENTS.fullmatch(header))}
    metric = next((name for name in by_profile if f"{name} Rate" in headers), next(iter(by_profile), None))
    if metric is None:
        return None, {}
    counted = {"count_converted": by_profile[metric]}
    return metric, counted | ({"count_conversions": by_event[metric]} if metric in by_event else {})


def _build_totals(table: Table) -> pl.DataFrame:
    headers = list(table.names.values())
    metric, conversions = _find_conversions([header for header in headers if header.strip()])
    held = conversions | _find_columns([header for header in headers if header not in conversions.values()])
    if metric is not None and "revenue" not in held and (worth := f"Total {metric} Value") in headers:
        held["revenue"] = worth
    column_of = {header: column for column, header in table.names.items()}
    texts = {name: table.rows[column_of[header]] for name, header in held.items()}
    rest = {column_of[header]: header for header in headers if header not in held.values()}
    return build(
        RawCampaignTotal,
        file=table.file,
        line=table.lines,
        **texts
        | ({} if metric is None else {"conversion_metric": pl.Series([metric]).new_from_index(0, table.rows.height)}),
        properties=write_objects(table.rows, rest),
    ).with_columns(
        *(_read_number(name).str.replace(WHOLE, "").alias(name) for name in (*COUNTS, *conversions)),
        _read_number("revenue"),
        pl.col("channel").str.strip_chars().str.to_lowercase().str.replace_all(" ", "_", literal=True),
    )


def _read_number(name: str) -> pl.Expr:
    """Take off signs of money and of thousands; what is no number then is left as it is."""
    bare = pl.col(name).str.replace_all(r"[\s\p{Sc}]", "")
    return pl.when(bare.str.contains(THOUSANDS)).then(bare.str.replace_all(",", "", literal=True)).otherwise(bare)


def _find_campaigns(totals: pl.DataFrame) -> pl.DataFrame:
    """One row per campaign with an id; the subject where all its variations have the same."""
    subject = pl.col("subject").filter(~pl.col("subject").str.contains(SEVERAL)).drop_nulls()
    named = totals.filter(pl.col("campaign_id").is_not_null())
    once = named.group_by("campaign_id", maintain_order=True).agg(
        pl.col("name").first(),
        pl.when(subject.n_unique() == 1).then(subject.first()).alias("subject"),
        pl.col("channel", "sent_at").first(),
    )
    return once.select(RawCampaign.column_names())
