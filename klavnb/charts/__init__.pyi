from .agreement import draw_agreement, draw_agreement_weeks
from .amounts import draw_bridge, draw_messages, draw_split
from .fit import draw_drift, draw_recorded_lags
from .journeys import draw_journeys
from .models import draw_dependence, draw_learned, draw_model_channels
from .performance import draw_earnings, draw_rates, draw_steps
from .quality import draw_days, draw_order_values, draw_receipts
from .recipe import draw_recipe, draw_recipe_reasons
from .segments import draw_moves, draw_overlap, draw_segment_values, draw_sizes
from .spending import draw_item_buyers, draw_spending
from .weeks import draw_weeks
from .windows import draw_gaps, draw_sweep

__all__ = [
    "draw_agreement",
    "draw_agreement_weeks",
    "draw_bridge",
    "draw_days",
    "draw_dependence",
    "draw_drift",
    "draw_earnings",
    "draw_gaps",
    "draw_item_buyers",
    "draw_journeys",
    "draw_learned",
    "draw_messages",
    "draw_model_channels",
    "draw_moves",
    "draw_order_values",
    "draw_overlap",
    "draw_rates",
    "draw_receipts",
    "draw_recipe",
    "draw_recipe_reasons",
    "draw_recorded_lags",
    "draw_segment_values",
    "draw_sizes",
    "draw_spending",
    "draw_split",
    "draw_steps",
    "draw_sweep",
    "draw_weeks",
]
