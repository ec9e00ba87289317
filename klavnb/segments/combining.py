"""Spans of time, per profile: united, counted over each other, complemented.

A frame of spans has one row per profile and span, `[start, end)`: `profile` (its number), `start`, `end`.
What every function here returns is disjoint per profile, without two spans that touch, in order.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import polars as pl

__all__ = [
    "FAR",
    "LONG_AGO",
    "SPANS",
    "clip",
    "complement",
    "find_spans",
    "intersect",
    "no_spans",
    "note_changes",
    "subtract",
    "unite",
]

LONG_AGO: Final = datetime(1, 1, 1, tzinfo=UTC)
"""The start of what has always held; clipped to the universe before anyone sees it."""
FAR: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""The end of what does not end."""
TIME: Final = pl.Datetime("us", "UTC")
SPANS: Final[dict[str, pl.DataType | type[pl.DataType]]] = {"profile": pl.UInt32, "start": TIME, "end": TIME}

PROFILE, START, END = pl.col("profile"), pl.col("start"), pl.col("end")
DEEPER: Final = pl.lit(1, pl.Int32)
IS_SOME: Final = pl.col("start") < pl.col("end")
IS_FIRST: Final = (pl.col("profile") != pl.col("profile").shift(1)).fill_null(value=True)
"""Whether a row is its profile's first, in a frame sorted by profile."""


def no_spans() -> pl.DataFrame:
    """Return a frame without spans."""
    return pl.DataFrame(schema=SPANS)


def _sort(rows: pl.DataFrame, time: str) -> pl.DataFrame:
    """Sort by profile and a time: one after the other, which takes half as long as both together."""
    return rows.sort(time).sort("profile", maintain_order=True)


def unite(spans: pl.DataFrame) -> pl.DataFrame:
    """Join spans, of whatever overlap and order, to the times at which at least one holds; empty ones are dropped."""
    ordered = _sort(spans.select(list(SPANS)).filter(IS_SOME), "start")
    if ordered.select((END.shift(1).gt(END) & ~IS_FIRST).any()).item():
        ordered = ordered.with_columns(END.cum_max().over("profile"))
    opens = ordered.select(IS_FIRST | END.shift(1).lt(START).fill_null(value=True)).to_series()
    closes = opens.shift(-1, fill_value=True)
    return ordered.filter(opens).select("profile", "start").with_columns(end=ordered.filter(closes)["end"])


def note_changes(spans: pl.DataFrame, amounts: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """List what each span brings when it starts and takes away when it ends: `profile`, `time` and the amounts."""
    starts = spans.lazy().filter(IS_SOME).select("profile", time="start", **amounts)
    ends = (
        spans.lazy()
        .filter(IS_SOME, pl.col("end") < FAR)
        .select("profile", time="end", **{name: amount * -1 for name, amount in amounts.items()})
    )
    return pl.concat([starts, ends]).collect()


def find_spans(changes: pl.DataFrame, holds: pl.Expr) -> pl.DataFrame:
    """Find the spans in which a condition on the amounts so far holds; it does not before a profile's first change.

    Parameters
    ----------
    changes
        One row per change, in any order: `profile`, `time`, and by how much each amount changes.
    holds
        The condition, over the names of the amounts. Amounts are whole numbers, so that their sums are exact.
    """
    amounts = [name for name in changes.columns if name not in {"profile", "time"}]
    is_last_of_time = (PROFILE.shift(-1) != PROFILE) | (pl.col("time") != pl.col("time").shift(-1))
    total = [pl.col(name).cum_sum() for name in amounts]
    before = [
        pl.when(IS_FIRST).then(pl.col(name).cum_sum() - pl.col(name)).forward_fill().alias(name) for name in amounts
    ]
    flips = (
        _sort(changes, "time")
        .lazy()
        .select("profile", "time", *(sum_ - base for sum_, base in zip(total, before, strict=True)))
        .filter(is_last_of_time.fill_null(value=True))
        .select("profile", "time", holds=holds.fill_null(value=False))
        .filter(pl.col("holds") != pl.when(IS_FIRST).then(statement=False).otherwise(pl.col("holds").shift(1)))
        .with_columns(end=pl.when(PROFILE.shift(-1) == PROFILE).then(pl.col("time").shift(-1)))
        .filter("holds")
    )
    return flips.select("profile", start="time", end=END.fill_null(FAR)).collect()


def intersect(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Find the times at which all parts hold; each part is disjoint per profile."""
    smallest = min(parts, key=lambda part: part.height)
    shared = smallest.select("profile").unique()
    for part in parts:
        shared = shared.join(part, on="profile", how="semi")
    within = [part.join(shared, on="profile", how="semi") for part in parts]
    changes = note_changes(pl.concat(within), {"depth": DEEPER})
    return find_spans(changes, pl.col("depth") == len(parts))


def subtract(spans: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Find the times at which the spans hold and the others do not; each is disjoint per profile."""
    within = others.join(spans.select("profile").unique(), on="profile", how="semi")
    changes = [note_changes(spans, {"depth": DEEPER}), note_changes(within, {"depth": -DEEPER})]
    return find_spans(pl.concat(changes), pl.col("depth") == 1)


def complement(spans: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
    """Find the times at which a profile is in the universe, and not in the spans, which lie within it in order."""
    known = universe.lazy().select("profile", "since")
    is_last = (PROFILE.shift(-1) != PROFILE).fill_null(value=True)
    follows = spans.lazy().join(known, on="profile", how="left", maintain_order="left")
    gaps = [
        known.join(spans.lazy(), on="profile", how="anti").select("profile", start="since", end=pl.lit(FAR, TIME)),
        follows.select("profile", start=pl.when(IS_FIRST).then("since").otherwise(END.shift(1)), end="start"),
        spans.lazy().filter(is_last).select("profile", start="end", end=pl.lit(FAR, TIME)),
    ]
    return pl.concat(gaps).filter(IS_SOME).sort("profile", "start").collect()


def clip(spans: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
    """Leave out of spans, of whatever overlap, what lies before a profile's entry into the universe; unite the rest."""
    since = spans.lazy().join(universe.lazy().select("profile", "since"), on="profile")
    return unite(since.with_columns(start=pl.max_horizontal("start", "since")).collect())
