"""Frames → charts. Each says its finding in the title and describes itself for who cannot see it."""

from klavnb.charts.amounts import draw_bridge, draw_messages, draw_split, draw_weeks
from klavnb.charts.journeys import draw_journeys
from klavnb.charts.windows import draw_gaps, draw_sweep
from klavnb.rendering import enable

__all__ = ["draw_bridge", "draw_gaps", "draw_journeys", "draw_messages", "draw_split", "draw_sweep", "draw_weeks"]

enable()
