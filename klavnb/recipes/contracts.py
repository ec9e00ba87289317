"""What passes between the steps of the recipe: orders, stored properties, verdicts, counts."""

from typing import Final, Literal, TypeAlias, get_args

import dataframely as dy
import polars as pl

__all__ = [
    "OUTCOMES",
    "SIZES",
    "VARIANTS",
    "WHYS",
    "Order",
    "RecipeCount",
    "RecipeVerdict",
    "StoredProperty",
    "Variant",
]

UTC: Final = "UTC"

SIZES: Final = ("small", "medium", "large", "xlarge")
"""The sizes that the recipe's template names."""

Variant: TypeAlias = Literal["as_published", "mended"]

VARIANTS: Final[tuple[Variant, ...]] = get_args(Variant)

OUTCOMES: Final = ("both", "missed", "wrongly_included")
"""Whom the exact segment and the recipe's both have, whom only the exact one, whom only the recipe's."""

WHYS: Final = ("before_live", "stale_maximum", "rounding", "text_comparison", "blanked_date", "doubled_date")
"""Why the recipe misses a profile; where several apply, the first counts.

- `before_live`: every order that makes the profile a member is older than the flow.
- `stale_maximum`: a larger order that has left the window blocks them; mending the comparison would not help.
- `rounding`: the comparison takes two values for equal that differ by less than the rounding.
- `text_comparison`: compared as numbers, the rounded values would have given the right answer.
- `blanked_date`: the last order had no such item, and wrote an empty text over the date.
- `doubled_date`: the last order had two such items or more, and its dates are run together.
"""


class Order(dy.Schema):
    """One row per order that starts the flow; key `event_id`."""

    event_id = dy.String(primary_key=True, min_length=1)
    profile_id = dy.String(min_length=1)
    ordered_at = dy.Datetime(time_zone=UTC)
    value = dy.Float64(nullable=True)  # in the order's currency; null: the event has none
    item_values = dy.List(dy.String())  # of each item that has the property, as found, repeats included


class StoredProperty(dy.Schema):
    """One row per profile, property and text that it held for a time; never set before its first row.

    What was stored at a moment are the rows with `changed_at <= moment < replaced_at`.
    """

    profile_id = dy.String(primary_key=True)
    property = dy.String(primary_key=True)
    changed_at = dy.Datetime(primary_key=True, time_zone=UTC)
    replaced_at = dy.Datetime(nullable=True, time_zone=UTC)  # exclusive; null: still stored
    value = dy.String()  # as the flow wrote it; an empty text is stored as such

    @dy.rule()
    def replaced_after_changed(cls) -> pl.Expr:
        """What is replaced at once was never stored."""
        return cls.replaced_at.col.is_null() | (cls.replaced_at.col > cls.changed_at.col)


class RecipeVerdict(dy.Schema):
    """One row per variant, goal, profile and stretch of time in which the exact or the recipe's segment has it."""

    variant = dy.Enum(VARIANTS, primary_key=True)
    goal = dy.String(primary_key=True)
    profile_id = dy.String(primary_key=True)
    entered_at = dy.Datetime(primary_key=True, time_zone=UTC)  # the first instant of this verdict
    left_at = dy.Datetime(nullable=True, time_zone=UTC)  # the first instant of another; null: it holds still
    outcome = dy.Enum(OUTCOMES)
    reason = dy.Enum(WHYS, nullable=True)

    @dy.rule()
    def missed_for_a_reason(cls) -> pl.Expr:
        """Every profile that is missed has a reason, and no other has."""
        return (cls.outcome.col == "missed") == cls.reason.col.is_not_null()

    @dy.rule()
    def lasts_some_time(cls) -> pl.Expr:
        """A verdict ends after it began."""
        return cls.left_at.col.is_null() | (cls.left_at.col > cls.entered_at.col)


class RecipeCount(dy.Schema):
    """One row per moment, variant and goal: how many profiles each of the two segments has."""

    as_of = dy.Datetime(primary_key=True, time_zone=UTC)
    variant = dy.Enum(VARIANTS, primary_key=True)
    goal = dy.String(primary_key=True)
    count_exact = dy.Int64(min=0)
    count_recipe = dy.Int64(min=0)
    count_both = dy.Int64(min=0)
    count_missed = dy.Int64(min=0)
    count_wrongly_included = dy.Int64(min=0)
    recall = dy.Float64(nullable=True, min=0, max=1)  # both / exact; null where the exact segment is empty
    count_before_live = dy.Int64(min=0)  # the missed by their reason, which add up to count_missed
    count_stale_maximum = dy.Int64(min=0)
    count_rounding = dy.Int64(min=0)
    count_text_comparison = dy.Int64(min=0)
    count_blanked_date = dy.Int64(min=0)
    count_doubled_date = dy.Int64(min=0)

    @dy.rule()
    def reasons_add_up(cls) -> pl.Expr:
        """No one is missed without a reason, or for two."""
        return pl.sum_horizontal(f"count_{why}" for why in WHYS) == cls.count_missed.col
