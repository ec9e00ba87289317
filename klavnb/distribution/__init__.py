"""A store's slices on the workers of a cluster: attribution by ranges of days, segments by ranges of profiles."""

from klavnb.distribution.credits import attribute_on
from klavnb.distribution.segments import find_members_on, segment_sizes_on

__all__ = ["attribute_on", "find_members_on", "segment_sizes_on"]
