"""Ids for events that an export gives none: made of what the event says, so that it is the same each time."""

import hashlib
from typing import Final

import polars as pl

__all__ = ["MADE", "make_event_ids"]

MADE: Final = "made:"
"""How an id that was made begins."""

DIGEST_BYTES: Final = 8
FIELD_END: Final = "\x1f"
SAID: Final = (
    "metric_id",
    "metric_name",
    "profile_id",
    "occurred_at",
    "occurred_unix",
    "value",
    "currency",
    "source_event_id",
    "properties",
)
"""What tells one event from another. The ids of stored events depend on this list and its order."""


def make_event_ids(frame: pl.DataFrame) -> pl.Series:
    """Return the ids of raw events, made where the export gives none.

    A made id is `made:` and 16 hexadecimal digits of the BLAKE2b of metric, profile, time and content, as the
    export spells them. The same row gets the same id whichever file it stands in, so that loading it twice keeps it
    once; and so do two rows that say the same in everything: they are taken for one event.

    Parameters
    ----------
    frame
        One row per raw event (`RawEvent`).

    Examples
    --------
    >>> from klavnb.formats.contract import RawEvent, build
    >>> events = build(RawEvent, file="a.csv", event_id=["e1", " ", None], profile_id="p1", metric_name="Placed Order")
    >>> make_event_ids(events).to_list()
    ['e1', 'made:535f29c8e7d7190b', 'made:535f29c8e7d7190b']
    """
    is_bare = frame.select(pl.col("event_id").str.strip_chars().fill_null("") == "").to_series()
    if not is_bare.any():
        return frame["event_id"]
    bare = frame.filter(is_bare).select(pl.concat_str(pl.col(SAID).fill_null(""), separator=FIELD_END)).to_series()
    made = pl.Series("made", [_digest(said) for said in bare], dtype=pl.String)
    place = is_bare.cum_sum().cast(pl.Int64) - 1  # of a row that has an id: any place will do
    return frame.select(pl.when(is_bare).then(made.gather(place)).otherwise("event_id").alias("event_id")).to_series()


def _digest(said: str) -> str:
    return MADE + hashlib.blake2b(said.encode(), digest_size=DIGEST_BYTES).hexdigest()
