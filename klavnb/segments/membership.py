"""Definitions → who is in which segment from when to when, and who is in one at a moment."""

from collections.abc import Sequence
from datetime import datetime

import dataframely as dy
import polars as pl

from klavnb.definitions.conditions import Definition
from klavnb.export import Export
from klavnb.schemas import Membership, list_types
from klavnb.segments.calendar import UTC_CALENDAR, AsOf, Calendar, find_instant
from klavnb.segments.slices import check_slice, find_stays, plan_slices
from klavnb.streams import stream

__all__ = ["find_memberships", "list_members", "list_memberships", "pick_members", "segment_members"]


def find_memberships(
    data: Export, definitions: Sequence[Definition], *, calendar: Calendar = UTC_CALENDAR
) -> dy.LazyFrame[Membership]:
    """Find who is in each segment, from when to when: enough to know its members and size at any moment.

    One row per segment, profile and stay, by profile, then in the order of the definitions and of time. A stay is
    `[entered_at, left_at)`; `left_at` is null where nothing known ends it, and lies in the future where time alone
    will. Stays of a profile in a segment never touch. Profiles are known from their creation or, if that is
    earlier, their first event; if neither is known, from 1970 on: no stay begins before. A segment without members
    has no row.

    Parameters
    ----------
    data
        The export, all events of the metrics that are asked for included.
    definitions
        Segments to find; they may refer to each other by name, or by id as a group.
    calendar
        Whose days are counted; Klaviyo's are those of UTC.

    Raises
    ------
    DefinitionError
        When definitions share a name, refer to one that is not there or to each other in a circle, or ask
        what cannot be answered.

    Notes
    -----
    Anniversaries are listed for ten years beyond the last thing known of the account.

    A large account is evaluated when the result is collected or written, and each time anew, some profiles at a time
    (see `plan_slices`): `sink_parquet` never holds more than these. A small one is evaluated at once.

    Examples
    --------
    >>> from klavnb.definitions import single_order_at_least
    >>> from klavnb.store import read_export
    >>> stays = find_memberships(read_export("sample"), [single_order_at_least(100, days=30)]).collect()
    >>> bool((stays["left_at"] - stays["entered_at"]).min() > pl.Series([0]).cast(pl.Duration("us"))[0])
    True
    """
    return list_memberships(data, definitions, definitions, calendar=calendar)


def list_memberships(
    data: Export,
    asked: Sequence[Definition],
    definitions: Sequence[Definition],
    *,
    calendar: Calendar,
    until: datetime | None = None,
) -> dy.LazyFrame[Membership]:
    """Find who is in the segments asked for, which may refer to all definitions; yearly ones at least until then."""
    parts = plan_slices(data, asked, definitions=definitions, calendar=calendar, until=until)
    if len(parts) == 1:
        return Membership.cast(find_stays(data, parts[0]).lazy())
    check_slice(data, parts[0])
    found = stream(lambda _: (find_stays(data, part) for part in parts), list_types(Membership))
    return Membership.cast(found)


def segment_members(
    data: Export,
    definition: Definition,
    *,
    as_of: AsOf,
    definitions: Sequence[Definition] = (),
    calendar: Calendar = UTC_CALENDAR,
) -> pl.LazyFrame:
    """Find who is in a segment at a moment.

    One row per member, by profile: `segment`, `profile_id`, `entered_at` (when the present stay began).

    Parameters
    ----------
    data
        The export.
    definition
        The segment.
    as_of
        A moment, or a day, which means its end: all that happened on it counts.
    definitions
        Others that the segment refers to.
    calendar
        Whose days are counted.

    Raises
    ------
    DefinitionError
        As `find_memberships` does.
    SettingsError
        When `as_of` is no moment and no day.

    Examples
    --------
    >>> from klavnb.definitions import single_order_at_least
    >>> from klavnb.store import read_export
    >>> members = segment_members(read_export("sample"), single_order_at_least(100), as_of="2026-08-31")
    >>> members.collect().columns
    ['segment', 'profile_id', 'entered_at']
    """
    return list_members(data, [definition], as_of=as_of, definitions=definitions, calendar=calendar)


def list_members(
    data: Export,
    asked: Sequence[Definition],
    *,
    as_of: AsOf,
    definitions: Sequence[Definition] = (),
    calendar: Calendar = UTC_CALENDAR,
) -> pl.LazyFrame:
    """Find who is in each of several segments at a moment, in one look at the events that they share.

    One row per profile and segment that it is in, by profile, then in the order of the segments: as `segment_members`,
    whose other parameters and errors it has.
    """
    moment = find_instant(as_of, calendar)
    others = [each for each in definitions if each not in asked]
    return pick_members(list_memberships(data, asked, [*asked, *others], calendar=calendar, until=moment), moment)


def pick_members(stays: pl.LazyFrame, moment: datetime) -> pl.LazyFrame:
    """Pick the stays that last at a moment: `segment`, `profile_id`, `entered_at`."""
    still_in = pl.col("left_at").is_null() | (pl.col("left_at") > moment)
    return stays.filter(pl.col("entered_at") <= moment, still_in).select("segment", "profile_id", "entered_at")
