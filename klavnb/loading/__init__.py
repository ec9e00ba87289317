"""Export files → typed frames, in bounded memory and on every core.

The way of the data: files are cut into pieces (`tasks`); each piece is read and typed by itself and laid aside as
parts in the order of time (`intake`, `parts`); when all is read, repeated events are found (`repeats`), and slices
of whole days are finished one by one (`finishing`, `slices`): named, matched with their receipts, sorted by time.
`base` is a store that they are added to. `engine` runs it.
"""

from klavnb.loading.base import Base, BaseFile
from klavnb.loading.engine import Loaded, load
from klavnb.loading.known import ASIDE
from klavnb.loading.options import LoadOptions
from klavnb.loading.slices import plan_slices, write_events

__all__ = [
    "ASIDE",
    "Base",
    "BaseFile",
    "LoadOptions",
    "Loaded",
    "load",
    "plan_slices",
    "write_events",
]
