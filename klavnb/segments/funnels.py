"""Steps in their order: from the first step's event to the last step that it reaches.

The rule, where Klaviyo's documentation is silent:

- As of T, only events up to T are judged. So who has viewed and not ordered is in "viewed, then not ordered within
  3 days" from the view on, and leaves it with the order.
- A step comes strictly after the step before it: within one second nobody knows what was first.
- All steps that exist lie within the completion window of the first step's event, its end included; the time frame
  is asked of that event alone.
- A step that does not exist means: no such event strictly after the step before it, and before the step after it; at
  the end of a funnel, none up to the end of the completion window.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

import polars as pl

from klavnb.definitions.conditions import FunnelCondition, FunnelStep
from klavnb.errors import DefinitionError
from klavnb.segments.account import Account
from klavnb.segments.combining import FAR, TIME, unite
from klavnb.segments.metrics import find_filtered
from klavnb.segments.timeframes import place_events

__all__ = ["find_funnel_spans"]

KEY: Final = ["profile", "time"]
NEVER: Final = pl.lit(FAR, TIME)


@dataclass(frozen=True, slots=True)
class _Stage:
    """A step that exists, and what must not come between it and the next one, or the end."""

    step: FunnelStep
    barred: tuple[FunnelStep, ...]


def find_funnel_spans(condition: FunnelCondition, account: Account) -> pl.DataFrame:
    """Find the spans of the as-of moment in which some first step has been followed by the others, as said above.

    Raises
    ------
    DefinitionError
        When the first step is one that does not exist: then there is nothing to count from.
    """
    first, *further = _stage(condition.steps)
    reached = (
        _find_times(first.step, account)
        .with_columns(began="time", closes=_find_close(condition))
        .pipe(_bar, first, account)
    )
    for stage in further:
        reached = _advance(reached, stage, account)
    framed = place_events(
        reached.select("profile", "barred", "closes", reached="time", time="began"), condition.timeframe, account
    )
    ends = pl.when(pl.col("barred") <= pl.col("closes")).then("barred").otherwise(NEVER)
    return unite(
        framed.with_columns(start=pl.max_horizontal("start", "reached"), end=pl.min_horizontal("end", ends)),
    )


def _stage(steps: tuple[FunnelStep, ...]) -> list[_Stage]:
    if not steps or not steps[0].metric_exists:
        raise DefinitionError(
            "A funnel: expected a first step that exists, found none.",
            hint="Begin with what the profiles did; what they never did is a condition of its own (count equals 0).",
        )
    starts = [place for place, step in enumerate(steps) if step.metric_exists]
    ends = [*starts[1:], len(steps)]
    return [_Stage(steps[start], tuple(steps[start + 1 : end])) for start, end in zip(starts, ends, strict=True)]


def _find_close(condition: FunnelCondition) -> pl.Expr:
    """Until when a funnel that begins at `time` may be completed, included."""
    hours = condition.completion_window_hours
    return NEVER if hours is None else pl.col("time") + timedelta(hours=hours)


def _find_times(step: FunnelStep, account: Account) -> pl.DataFrame:
    """When the events of a step were, once per profile and time."""
    return find_filtered(step.metric, step.metric_filters, account).select(KEY).unique().sort(KEY)


def _bar(reached: pl.DataFrame, stage: _Stage, account: Account) -> pl.DataFrame:
    """Say of each moment reached when the first event follows that must not; `FAR` if none does."""
    if not stage.barred:
        return reached.with_columns(barred=NEVER)
    barring = pl.concat([_find_times(step, account) for step in stage.barred]).unique().sort(KEY)
    return _look_ahead(reached, barring, "barred")


def _look_ahead(moments: pl.DataFrame, times: pl.DataFrame, name: str) -> pl.DataFrame:
    """Add the first of a profile's times strictly after its moment; `FAR` where there is none."""
    found = _look(moments, times.select("profile", pl.col("time").alias(name), at="time"), "time", "forward")
    return found.with_columns(pl.col(name).fill_null(FAR))


def _look(
    moments: pl.DataFrame, times: pl.DataFrame, by: str, strategy: Literal["forward", "backward"]
) -> pl.DataFrame:
    """Join the first row strictly after a moment, or the last row up to and with it, of the same profile."""
    return moments.sort(by).join_asof(
        times.sort("at"),
        left_on=by,
        right_on="at",
        by="profile",
        strategy=strategy,
        allow_exact_matches=strategy == "backward",
        coalesce=True,
        check_sortedness=False,
    )


def _advance(reached: pl.DataFrame, stage: _Stage, account: Account) -> pl.DataFrame:
    """Go from the moments reached to those of the next step: one row per beginning and moment that may matter.

    Of the next step's events, the first one may matter; and, if something is barred after it, the first one after
    each event that is barred: between two such events, the earlier moment allows all that a later one does.
    """
    times = _bar(_find_times(stage.step, account), stage, account)
    until = pl.min_horizontal("barred", "closes")
    nexts = _look_ahead(reached.with_columns(until=until), times, "next").filter(pl.col("next") <= pl.col("until"))
    found = nexts.select("profile", "began", "closes", "until", time="next")
    if stage.barred:
        anew = times.filter(
            (pl.col("profile") != pl.col("profile").shift(1)) | (pl.col("barred") != pl.col("barred").shift(1))
        )
        found = pl.concat([found, _list_between(found, anew)])
    return (
        found.unique(["profile", "began", "time"])
        .join(times, on=KEY)
        .select("profile", "began", "closes", "time", "barred")
    )


def _list_between(found: pl.DataFrame, times: pl.DataFrame) -> pl.DataFrame:
    """List, for each row, the profile's times after its own and up to its `until`."""
    numbered = times.select("profile", at="time").with_row_index("place")
    ranged = (
        found.pipe(_look, numbered.rename({"place": "from"}), "time", "forward")
        .pipe(_look, numbered.rename({"place": "to"}), "until", "backward")
        .filter(pl.col("from") <= pl.col("to"))
        .with_columns(place=pl.int_ranges("from", pl.col("to") + 1, dtype=pl.UInt32))
        .explode("place")
    )
    return ranged.select("profile", "began", "closes", "until", time=numbered["at"].gather(ranged["place"]))
