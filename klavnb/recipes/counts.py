"""Verdicts → how many profiles the recipe has and misses: per moment, and at one moment by profile."""

from typing import Final

import dataframely as dy
import polars as pl

from klavnb.recipes.contracts import OUTCOMES, WHYS, RecipeCount, RecipeVerdict
from klavnb.segments.calendar import UTC_CALENDAR, AsOf, find_instant
from klavnb.segments.sizes import list_moments

__all__ = ["count_recipe", "filter_verdicts"]

CELL: Final = ["variant", "goal"]


def filter_verdicts(verdicts: dy.LazyFrame[RecipeVerdict], *, as_of: AsOf) -> dy.LazyFrame[RecipeVerdict]:
    """Keep the verdicts that hold at a moment: one row per variant, goal and profile that either segment has.

    Parameters
    ----------
    verdicts
        As `compare_recipe` finds them.
    as_of
        A moment; or a date, which means the end of that day, in UTC.

    Examples
    --------
    >>> from klavnb.recipes import compare_recipe
    >>> from klavnb.store import read_export
    >>> verdicts = compare_recipe(read_export("sample"), thresholds=[100])
    >>> filter_verdicts(verdicts, as_of="2026-06-30").collect().height <= verdicts.collect().height
    True
    """
    moment = find_instant(as_of)
    return RecipeVerdict.cast(
        verdicts.filter(
            pl.col("entered_at") <= moment,
            pl.col("left_at").is_null() | (pl.col("left_at") > moment),
        )
    )


def count_recipe(
    verdicts: dy.LazyFrame[RecipeVerdict],
    *,
    start: AsOf,
    end: AsOf,
    every: str = "1d",
) -> dy.LazyFrame[RecipeCount]:
    """Count whom the exact and the recipe's segments have, together and apart, at moments through time.

    One row per moment, variant and goal: members of both kinds, the missed by their reason, and `recall`,
    the share of the exact segment that the recipe has too. A goal that nobody ever met is absent.

    Parameters
    ----------
    verdicts
        As `compare_recipe` finds them.
    start, end
        The first moment, and the last at the latest: two days, of which each moment is the end of one in UTC,
        or two moments.
    every
        How far moments are apart: `1d`, `1w`, `1mo`, `1q`, `1y`, or, between moments, hours such as `6h`.

    Raises
    ------
    SettingsError
        When the end is before the start, one is a day and the other a moment, or `every` is no such step.

    Notes
    -----
    Each verdict adds one where it begins and takes it away where it ends: the cost grows with verdicts plus moments,
    not with their product.

    Examples
    --------
    >>> from klavnb.recipes import compare_recipe
    >>> from klavnb.store import read_export
    >>> verdicts = compare_recipe(read_export("sample"), thresholds=[100])
    >>> counts = count_recipe(verdicts, start="2026-06-01", end="2026-06-30").collect()
    >>> counts["as_of"].n_unique()
    30
    >>> counts["count_wrongly_included"].sum()
    0
    """
    moments = list_moments(start, end, every=every, calendar=UTC_CALENDAR)[1:]
    kinds = [*OUTCOMES, *WHYS]
    flags = [
        *((pl.col("outcome") == outcome).cast(pl.Int64).alias(outcome) for outcome in OUTCOMES),
        *((pl.col("reason") == why).fill_null(value=False).cast(pl.Int64).alias(why) for why in WHYS),
    ]
    flagged = verdicts.with_columns(flags)
    # a verdict counts from the first moment at or after its start, and no longer at the first at or after its end
    place = {name: _find_place(name, moments) for name in ("entered_at", "left_at")}
    edges = pl.concat(
        [
            flagged.select(*CELL, *kinds, place=place["entered_at"]),
            flagged.filter(pl.col("left_at").is_not_null()).select(
                *CELL, *(-pl.col(kind) for kind in kinds), place=place["left_at"]
            ),
        ]
    )
    changes = edges.group_by(*CELL, "place").agg(pl.col(kinds).sum())
    both, missed, wrongly = (pl.col(outcome) for outcome in OUTCOMES)
    return RecipeCount.cast(
        verdicts.select(CELL)
        .unique()
        .join(pl.LazyFrame({"as_of": moments}).with_row_index("place"), how="cross")
        .join(changes, on=[*CELL, "place"], how="left")
        .with_columns(pl.col(kinds).fill_null(0))
        .sort(*CELL, "place")
        .with_columns(pl.col(kinds).cum_sum().over(CELL))
        .select(
            "as_of",
            *CELL,
            pl.col(kinds).name.prefix("count_"),
            count_exact=both + missed,
            count_recipe=both + wrongly,
            recall=pl.when(both + missed > 0).then(both / (both + missed)),
        )
        .sort("as_of", *CELL)
    )


def _find_place(column: str, moments: pl.Series) -> pl.Expr:
    """The first moment that knows of a change, as its place; past the end: none does."""
    return pl.lit(moments.to_physical()).search_sorted(pl.col(column).to_physical(), side="left").cast(pl.UInt32)
