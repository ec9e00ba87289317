"""Stored properties → who is in the segments built on them, and from when to when."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import dataframely as dy
import polars as pl

from klavnb.recipes.contracts import StoredProperty
from klavnb.recipes.names import name_highest, name_item_dates
from klavnb.recipes.replay import DATE_FORMAT

__all__ = ["find_highest_stays", "find_item_stays", "find_text_stays", "merge_stays"]

KEY: Final = ["goal", "profile_id"]
DATE: Final = pl.col("value").str.to_datetime(DATE_FORMAT, strict=False, time_zone="UTC")
"""The date in a stored text; null where it is none: an empty text, or two dates run together."""


def find_highest_stays(
    stored: dy.LazyFrame[StoredProperty], *, thresholds: Sequence[tuple[str, float]], days: int | None
) -> pl.LazyFrame:
    """Find who is in the segments “highest order value ≥ X, and its date in the last days”, as Klaviyo evaluates them.

    One row per goal, profile and stay: `goal`, `profile_id`, `entered_at`, `left_at` (exclusive; null: still
    in); stays of one profile never touch. The stored value is read as a number, the date must be one date
    in `[D0 − days, as of]`, where D0 is midnight UTC of the day; without days any date will do.

    Parameters
    ----------
    stored
        As replayed with the same days.
    thresholds
        Name of the goal, and the least value.
    days
        The window; None: ever.
    """
    value_name, date_name = name_highest(days)
    values = stored.filter(pl.col("property") == value_name).select(
        "profile_id", "changed_at", number=pl.col("value").cast(pl.Float64, strict=False)
    )
    goals = pl.LazyFrame(list(thresholds), schema={"goal": pl.String, "threshold": pl.Float64}, orient="row")
    # every write changes the date, so that the value is one as long as the date is
    both = (
        stored.filter(pl.col("property") == date_name)
        .sort("changed_at")
        .join_asof(values.sort("changed_at"), on="changed_at", by="profile_id", check_sortedness=False)
        .join(goals, how="cross")
        .filter(pl.col("number") >= pl.col("threshold"))
    )
    return merge_stays(_leave_window(both, days))


def find_item_stays(
    stored: dy.LazyFrame[StoredProperty], *, sizes: Sequence[tuple[str, str]], days: int | None
) -> pl.LazyFrame:
    """Find who is in the segments “this size's order date in the last days”, as Klaviyo evaluates them.

    One row per goal, profile and stay, as of `find_highest_stays`.

    Parameters
    ----------
    stored
        As replayed with these sizes.
    sizes
        Name of the goal, and the size.
    days
        The window; None: ever.
    """
    return merge_stays(_leave_window(_name_goals(stored, sizes), days))


def find_text_stays(stored: dy.LazyFrame[StoredProperty], *, sizes: Sequence[tuple[str, str]]) -> pl.LazyFrame:
    """Find when a size's property held something other than one date.

    One row per goal, profile and time: as of `find_highest_stays`, with `is_blank`: an empty text, or else
    several dates run together. Times before the property was first written are absent.
    """
    return (
        _name_goals(stored, sizes)
        .filter(DATE.is_null())
        .select(*KEY, entered_at="changed_at", left_at="replaced_at", is_blank=pl.col("value") == "")
    )


def merge_stays(stays: pl.LazyFrame, *columns: str) -> pl.LazyFrame:
    """Join the stays of one goal and profile that meet end to end, if they agree in the other columns.

    One row per stay that is left: `goal`, `profile_id`, the columns, `entered_at`, `left_at`. The stays
    that come in never overlap.
    """
    key = [*KEY, *columns]
    goes_on = pl.all_horizontal(
        *(pl.col(name).eq_missing(pl.col(name).shift()) for name in key),
        pl.col("entered_at") == pl.col("left_at").shift(),
    )
    # of each chain only its two ends are kept, and then the second one's end is given to the first
    return (
        stays.sort(*key, "entered_at")
        .with_columns(is_first=goes_on.fill_null(value=False).not_())
        .with_columns(is_last=pl.col("is_first").shift(-1, fill_value=True))
        .filter(pl.col("is_first") | pl.col("is_last"))
        .with_columns(left_at=pl.when("is_last").then("left_at").otherwise(pl.col("left_at").shift(-1)))
        .filter("is_first")
        .select(*key, "entered_at", "left_at")
    )


def _name_goals(stored: pl.LazyFrame, sizes: Sequence[tuple[str, str]]) -> pl.LazyFrame:
    names = name_item_dates([size for _, size in sizes])
    named = [(goal, names[size]) for goal, size in sizes]
    goals = pl.LazyFrame(named, schema={"goal": pl.String, "property": pl.String}, orient="row")
    return stored.join(goals, on="property")


def _leave_window(stored: pl.LazyFrame, days: int | None) -> pl.LazyFrame:
    """From the change to its replacement, or to the midnight at which the date falls out of the window."""
    dated = stored.with_columns(date=DATE).filter(pl.col("date").is_not_null())
    replaced = pl.col("replaced_at")
    left = replaced if days is None else pl.min_horizontal(replaced, _fall_out(days))
    return dated.select(*KEY, entered_at="changed_at", left_at=left)


def _fall_out(days: int) -> pl.Expr:
    return pl.col("date").dt.truncate("1d") + timedelta(days=days + 1)
