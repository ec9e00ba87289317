"""Definitions → membership intervals → members, sizes, overlap, as of any moment."""

from klavnb.segments.calendar import UTC_CALENDAR, AsOf, Calendar, find_instant
from klavnb.segments.history import HISTORIES, describe_history
from klavnb.segments.membership import find_memberships, list_members, pick_members, segment_members
from klavnb.segments.overlaps import measure_overlap
from klavnb.segments.sizes import add_changes, count_slice, list_moments, segment_sizes
from klavnb.segments.slices import SegmentSlice, evaluate_slice, plan_slices

__all__ = [
    "HISTORIES",
    "UTC_CALENDAR",
    "AsOf",
    "Calendar",
    "SegmentSlice",
    "add_changes",
    "count_slice",
    "describe_history",
    "evaluate_slice",
    "find_instant",
    "find_memberships",
    "list_members",
    "list_moments",
    "measure_overlap",
    "pick_members",
    "plan_slices",
    "segment_members",
    "segment_sizes",
]
