"""Who is in a list or segment: as it was exported, as its events tell, or as another definition says."""

from collections.abc import Mapping
from typing import Final

import polars as pl

from klavnb.definitions.conditions import GroupMembershipCondition
from klavnb.segments.account import Account, find_events, number_profiles
from klavnb.segments.combining import FAR, LONG_AGO, SPANS, TIME, clip, complement
from klavnb.segments.timeframes import place_events

__all__ = ["JOINING", "LEAVING", "NAMES", "find_group_spans"]

JOINING: Final = "Subscribed to List"
LEAVING: Final = "Unsubscribed from List"
NAMES: Final = ("List", "List ID", "List Id", "list_id", "$list_id", "$list")
"""Where the events of a list may name it, by its name or its id."""

STAYS: Final = {**SPANS, "joined_at": TIME}


def find_group_spans(
    condition: GroupMembershipCondition, account: Account, segments: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    """Find the spans in which a profile is in one of the groups, or, if so asked, in none of them.

    A stay begins when the export says that the profile joined, else with its events `Subscribed to List`, and ends
    with `Unsubscribed from List`. Who is in a group, and nobody knows since when, has always been. Of
    who joined by an event, but is not among the members that the export names, it is unknown when the stay ended: it
    is left out. A group may also be named as the export names it; ids come first. A time frame asks when the
    stay began; it is never true where that is unknown.

    Parameters
    ----------
    segments
        Group id → spans, of the groups that are segments with a definition of their own.
    """
    groups = dict.fromkeys(key for group in condition.group_ids for key in _find_ids(group, account, segments))
    stays = pl.concat([_list_stays(group, account, segments) for group in groups])
    if condition.timeframe is not None:
        joined = stays.filter(pl.col("joined_at").is_not_null()).rename(
            {"joined_at": "time", "start": "from", "end": "to"}
        )
        placed = place_events(joined, condition.timeframe, account)
        stays = placed.with_columns(
            start=pl.max_horizontal("start", "from"), end=pl.min_horizontal("end", "to"), joined_at="time"
        )
    members = clip(stays.select(list(SPANS)), account.profiles)
    return members if condition.is_member else complement(members, account.profiles)


def _find_ids(group: str, account: Account, segments: Mapping[str, pl.DataFrame]) -> list[str]:
    """The group itself where it is the id of one, else the ids of those that have it as their name, if any."""
    exported = account.export.groups
    if group in segments or not exported.filter(pl.col("group_id") == group).limit(1).collect().is_empty():
        return [group]
    named = exported.filter(pl.col("group_name") == group).select(pl.col("group_id").unique().sort())
    return named.collect().to_series().to_list() or [group]


def _list_stays(group: str, account: Account, segments: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    if group in segments:
        return segments[group].with_columns(joined_at="start").select(list(STAYS))
    exported = account.export.groups.filter(pl.col("group_id") == group)
    names = exported.select(pl.col("group_name").unique()).collect().to_series()
    members = number_profiles(account.within.narrow(exported).select("profile_id", "joined_at"), account).collect()
    told = _tell_stays({group, *names.drop_nulls()}, account)
    if names.len():
        is_member = pl.col("profile").is_in(members["profile"].implode())
        told = told.filter((pl.col("end") < FAR) | is_member)
    lasting = told.filter(pl.col("end") == FAR).select("profile", told_at="joined_at")
    joined_at = pl.coalesce("joined_at", "told_at")
    still = members.join(lasting, on="profile", how="left").select(
        "profile", start=joined_at.fill_null(LONG_AGO), end=pl.lit(FAR, TIME), joined_at=joined_at
    )
    return pl.concat([told, still])


def _tell_stays(names: set[str], account: Account) -> pl.DataFrame:
    """The stays that the events of a list tell: from an event of joining to the next of leaving."""
    named = pl.concat(_find_named(metric, names, account) for metric in (JOINING, LEAVING))
    told = (
        named.sort("profile", "time", pl.col("metric") == LEAVING)
        .with_columns(before=pl.col("metric").shift(1).over("profile"))
        .filter(pl.col("metric") != pl.col("before").fill_null(LEAVING))
        .with_columns(end=pl.when(pl.col("profile") == pl.col("profile").shift(-1)).then(pl.col("time").shift(-1)))
        .filter(pl.col("metric") == JOINING)
    )
    return told.select("profile", start="time", end=pl.col("end").fill_null(FAR), joined_at="time").filter(
        pl.col("start") < pl.col("end")
    )


def _find_named(metric: str, names: set[str], account: Account) -> pl.DataFrame:
    """The events of a metric that name one of some lists."""
    events = find_events(account, metric)
    naming = events.values.filter(pl.col("path").is_in(NAMES), pl.col("text").is_in(list(names)))
    return events.rows.join(naming, on="row", how="semi").select("profile", "time", metric=pl.lit(metric))
