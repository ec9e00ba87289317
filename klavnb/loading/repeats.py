"""Events that come again: by their ids, over all parts, in bounded memory."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from klavnb.cleaning import TYPED
from klavnb.loading.parts import Part, scan_events

__all__ = ["find_repeats"]

ROWS_AT_ONCE: Final = 3_000_000
CONTENT: Final = [name for name in TYPED if name not in ("file", "line", "row")]


def find_repeats(parts: Sequence[Part]) -> pl.DataFrame:
    """Find the rows that are not kept: an event id that comes again is kept once.

    It is the first one where all say the same, else the last one.

    Returns
    -------
    DataFrame
        One row per row that is dropped: `part`, `row`, `is_same` (all rows of the id say the same).
    """
    passes = 1 + sum(part.count_events for part in parts) // ROWS_AT_ONCE
    suspects = [_find_suspects(parts, number, passes) for number in range(passes)]
    found = pl.concat(suspects)
    if found.is_empty():
        return found.select("part", "row", is_same=pl.lit(value=True))
    content = pl.struct(pl.col(name) for name in CONTENT).hash()
    judged = (
        scan_events(parts)
        .join(found.lazy(), on=["part", "row"], how="semi")
        .select("part", "row", "event_id", content=content)
        .collect(engine="streaming")
        .sort("part", "row")
        .with_row_index("place")
        .filter(pl.col("event_id").is_duplicated())
        .with_columns(
            is_same=pl.col("content").n_unique().over("event_id") == 1,
            first=pl.col("place").min().over("event_id"),
            last=pl.col("place").max().over("event_id"),
        )
    )
    kept = pl.when("is_same").then("first").otherwise("last")
    return judged.filter(pl.col("place") != kept).select("part", "row", "is_same")


def _find_suspects(parts: Sequence[Part], number: int, passes: int) -> pl.DataFrame:
    """Find rows whose ids have the same hash; the hash is that of this process and is kept nowhere."""
    return (
        scan_events(parts, columns=["row", "event_id"])
        .select("part", "row", key=pl.col("event_id").hash())
        .filter(pl.col("key") % passes == number)
        .collect(engine="streaming")
        .filter(pl.col("key").is_duplicated())
        .select("part", "row")
    )
