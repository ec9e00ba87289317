"""Klaviyo's Solution Recipe 11, replayed over history, held against the exact segments, and put right."""

from klavnb.recipes.backfill import backfill_properties
from klavnb.recipes.contracts import (
    OUTCOMES,
    SIZES,
    VARIANTS,
    WHYS,
    Order,
    RecipeCount,
    RecipeVerdict,
    StoredProperty,
    Variant,
)
from klavnb.recipes.counts import count_recipe, filter_verdicts
from klavnb.recipes.names import name_highest, name_item_dates
from klavnb.recipes.orders import find_orders
from klavnb.recipes.replay import COMPARISONS, Comparison, replay_recipe
from klavnb.recipes.stays import find_highest_stays, find_item_stays
from klavnb.recipes.verdicts import compare_recipe

__all__ = [
    "COMPARISONS",
    "OUTCOMES",
    "SIZES",
    "VARIANTS",
    "WHYS",
    "Comparison",
    "Order",
    "RecipeCount",
    "RecipeVerdict",
    "StoredProperty",
    "Variant",
    "backfill_properties",
    "compare_recipe",
    "count_recipe",
    "filter_verdicts",
    "find_highest_stays",
    "find_item_stays",
    "find_orders",
    "name_highest",
    "name_item_dates",
    "replay_recipe",
]
