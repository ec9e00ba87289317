"""Frames → charts. Each says its finding in the title and describes itself for who cannot see it."""

from klavnb.charts.amounts import draw_bridge, draw_messages, draw_split, draw_weeks
from klavnb.charts.journeys import draw_journeys
from klavnb.charts.quality import draw_days, draw_order_values, draw_receipts
from klavnb.charts.recipe import draw_recipe, draw_recipe_reasons
from klavnb.charts.segments import draw_moves, draw_overlap, draw_segment_values, draw_sizes
from klavnb.charts.spending import draw_item_buyers, draw_spending
from klavnb.charts.windows import draw_gaps, draw_sweep
from klavnb.rendering import enable

__all__ = [
    "draw_bridge",
    "draw_days",
    "draw_gaps",
    "draw_item_buyers",
    "draw_journeys",
    "draw_messages",
    "draw_moves",
    "draw_order_values",
    "draw_overlap",
    "draw_receipts",
    "draw_recipe",
    "draw_recipe_reasons",
    "draw_segment_values",
    "draw_sizes",
    "draw_spending",
    "draw_split",
    "draw_sweep",
    "draw_weeks",
]

enable()
