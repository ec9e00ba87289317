"""How much segments have in common at a moment."""

import dataframely as dy
import polars as pl

from klavnb.schemas import Membership
from klavnb.segments.calendar import UTC_CALENDAR, AsOf, Calendar, find_instant

__all__ = ["measure_overlap"]


def measure_overlap(
    memberships: dy.LazyFrame[Membership], *, as_of: AsOf, calendar: Calendar = UTC_CALENDAR
) -> pl.LazyFrame:
    """Count who is in two segments at once, for every pair of segments.

    One row per ordered pair, each segment with itself too: `segment`, `other`, `count_both`, and `count_segment`
    (members of `segment`), so that `count_both / count_segment` is the share of a segment that is also in the other.
    In the order of the names. Segments without members at the moment are there with zeros, unless they never had any:
    then the memberships do not name them.

    Parameters
    ----------
    memberships
        As `find_memberships` gives them.
    as_of
        A moment, or a day, which means its end.
    calendar
        Whose days are meant.

    Examples
    --------
    >>> from klavnb.definitions import single_order_at_least
    >>> from klavnb.segments import find_memberships
    >>> from klavnb.store import read_export
    >>> stays = find_memberships(read_export("sample"), [single_order_at_least(value) for value in (50, 100)])
    >>> overlap = measure_overlap(stays, as_of="2026-08-31").collect()
    >>> overlap.height, overlap.filter(pl.col("segment") == pl.col("other"))["count_both"].min() > 0
    (4, True)
    """
    moment = find_instant(as_of, calendar)
    still_in = pl.col("left_at").is_null() | (pl.col("left_at") > moment)
    is_member = (pl.col("entered_at") <= moment) & still_in
    # looked at once: a large account's memberships are found anew each time
    there = memberships.select("segment", profile_id=pl.when(is_member).then("profile_id")).unique().collect().lazy()
    names = there.select("segment").unique()
    members = there.drop_nulls("profile_id")
    both = (
        members.join(members.rename({"segment": "other"}), on="profile_id")
        .group_by("segment", "other")
        .agg(count_both=pl.len())
    )
    sizes = members.group_by("segment").agg(count_segment=pl.len())
    return (
        names.join(names.rename({"segment": "other"}), how="cross")
        .join(both, on=["segment", "other"], how="left")
        .join(sizes, on="segment", how="left")
        .with_columns(pl.col("count_both", "count_segment").fill_null(0).cast(pl.Int64))
        .sort("segment", "other")
    )
