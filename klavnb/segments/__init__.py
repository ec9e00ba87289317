"""Definitions → membership intervals → members, sizes, overlap, as of any moment."""

from klavnb.segments.calendar import UTC_CALENDAR, AsOf, Calendar, find_instant
from klavnb.segments.history import HISTORIES, describe_history
from klavnb.segments.membership import find_memberships, segment_members
from klavnb.segments.overlaps import measure_overlap
from klavnb.segments.sizes import segment_sizes

__all__ = [
    "HISTORIES",
    "UTC_CALENDAR",
    "AsOf",
    "Calendar",
    "describe_history",
    "find_instant",
    "find_memberships",
    "measure_overlap",
    "segment_members",
    "segment_sizes",
]
