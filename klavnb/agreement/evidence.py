"""The touches before each conversion, with how long a window each would need: what every setting is judged by.

Windows enter an attribution only as thresholds on the gap between where a window starts and the conversion. So one
pass over the touches is enough: it keeps, for each, the first window of a grid that reaches the conversion.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl

from klavnb.agreement.study import AgreementStudy
from klavnb.attribution import ORDER, find_candidates
from klavnb.channels import ANCHORED_ON_TOUCH
from klavnb.metrics import RENAMED_METRICS
from klavnb.schemas import Conversion, Touch
from klavnb.settings import Settings
from klavnb.touches import find_touches
from klavnb.windows import LONGEST_WINDOW, PRESETS

__all__ = ["SEARCHED", "Evidence", "find_evidence", "find_wide_touches"]

SEARCHED = (
    "email.open",
    "email.click",
    "sms.open",
    "sms.click",
    "sms.delivery",
    "push.open",
    "whatsapp.open",
    "whatsapp.click",
    "session.session",
)
"""The kinds of touch whose windows are searched, and those of the settings. A received e-mail or push never earns."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GRID = (12 * HOUR, DAY, 2 * DAY, 3 * DAY, 5 * DAY, 7 * DAY, 10 * DAY, 14 * DAY, 30 * DAY)
"""The windows that are tried, with those of the settings and of the presets."""

LONG = (60 * DAY, LONGEST_WINDOW)
"""Tried as well where Klaviyo recorded a touch from more than 30 days before its conversion."""

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Conversions and the touches before them, as columns of numbers.

    Parameters
    ----------
    kinds
        The kinds of touch found before a conversion; a touch's kind is its place here.
    grid
        The windows that are tried, rising. A step is the place of a window in the grid from 1; 0 is: no window.
    days
        Per conversion: its day, counted from the first.
    first_on
        The first day.
    count_recorded
        Per conversion: how many touches Klaviyo credited.
    conversion, kind
        Per pair of a conversion and a touch, in the order of the touches: the places of both.
    steps
        Anchor → per pair: the first step whose window is long enough; one more than there are where none is.
    is_machine, is_bot
        Per pair: an open known to be a machine's, a click known to be a bot's.
    is_recorded
        Per pair: Klaviyo credited this touch.
    """

    kinds: tuple[str, ...]
    grid: tuple[timedelta, ...]
    days: Numbers
    first_on: date
    count_recorded: Numbers
    conversion: Numbers
    kind: Numbers
    steps: dict[str, Numbers]
    is_machine: Flags
    is_bot: Flags
    is_recorded: Flags

    @property
    def count_conversions(self) -> int:
        """How many conversions are judged."""
        return len(self.count_recorded)


def find_wide_touches(study: AgreementStudy) -> dy.LazyFrame[Touch]:
    """Find every interaction that could earn under some settings: all kinds, nothing filtered.

    One row per touch; `closes_at` is of no use. Messages that the settings exclude stay out.
    """
    kinds = {*SEARCHED, *study.settings.windows}
    conversion = study.settings.conversion_metric
    earns = study.settings.roles.get(
        RENAMED_METRICS.get(conversion, conversion)
    )  # a metric that is the conversion can be no touch
    wide = replace(
        study.settings,
        windows={kind: LONGEST_WINDOW for kind in sorted(kinds) if kind != earns},
        exclude_machine_opens=False,
        exclude_bot_clicks=False,
    )
    return find_touches(study.export.events, settings=wide)


def find_evidence(study: AgreementStudy, touches: dy.LazyFrame[Touch]) -> Evidence:
    """Pair the conversions that can be compared with the touches before them, in one pass.

    Parameters
    ----------
    touches
        As `find_wide_touches` finds them.
    """
    conversions = study.compared.sort("converted_at", "conversion_id").with_row_index("place").collect()
    recorded = study.recorded.filter(pl.col("recorded_id").is_not_null()).select(
        "conversion_id", touch_id="recorded_id", is_recorded=pl.lit(value=True)
    )
    counts = recorded.group_by("conversion_id").agg(count_recorded=pl.len())
    grid = _lay_grid(study.settings, recorded, touches, conversions)
    held = sorted({*SEARCHED, *study.settings.windows})
    name = pl.concat_str("channel", "kind", separator=".")
    # sorted once: the row of a pair is then its rank among the touches of its conversion
    pairs = (
        find_candidates(touches, Conversion.cast(conversions.lazy()), lookback=grid[-1])
        .join(conversions.lazy().select("conversion_id", "place"), on="conversion_id")
        .join(recorded, on=["conversion_id", "touch_id"], how="left")
        .sort("place", *ORDER)
        .select(
            "place",
            name.cast(pl.Enum(held)).alias("name"),
            *(_find_step(anchor, grid).alias(anchor) for anchor in ("received", "touched")),
            pl.col("is_machine_open", "is_bot_click", "is_recorded").fill_null(value=False),
        )
        .collect()
    )
    kinds = tuple(pairs["name"].unique().sort().to_list())
    days = conversions["converted_at"].dt.date()
    first_on = days.min()
    return Evidence(
        kinds=kinds,
        grid=grid,
        days=(days.cast(pl.Int64) - days.cast(pl.Int64).min()).to_numpy(),
        first_on=first_on if isinstance(first_on, date) else date.min,
        count_recorded=conversions.lazy()
        .join(counts, on="conversion_id", how="left", maintain_order="left")
        .select(pl.col("count_recorded").fill_null(0).cast(pl.Int64))
        .collect()["count_recorded"]
        .to_numpy(),
        conversion=pairs["place"].cast(pl.Int64).to_numpy(),
        kind=pairs["name"].cast(pl.String).cast(pl.Enum(kinds)).to_physical().cast(pl.Int64).to_numpy(),
        steps={anchor: pairs[anchor].to_numpy() for anchor in ("received", "touched")},
        is_machine=pairs["is_machine_open"].to_numpy(),
        is_bot=pairs["is_bot_click"].to_numpy(),
        is_recorded=pairs["is_recorded"].to_numpy(),
    )


def _lay_grid(
    settings: Settings, recorded: pl.LazyFrame, touches: dy.LazyFrame[Touch], conversions: pl.DataFrame
) -> tuple[timedelta, ...]:
    """The windows to try: reaching as far as what Klaviyo recorded."""
    lag = (
        recorded.join(touches.select("touch_id", "touched_at"), on="touch_id")
        .join(conversions.lazy(), on="conversion_id")
        .select((pl.col("converted_at") - pl.col("touched_at")).max())
        .collect()
        .item()
    )
    of_presets = {window for windows in PRESETS.values() for window in windows.values()}
    grid = {*GRID, *of_presets, *settings.windows.values()}
    return tuple(sorted(grid | set(LONG) if lag is not None and lag > max(grid) else grid))


def _find_step(anchor: str, grid: tuple[timedelta, ...]) -> pl.Expr:
    """The first step whose window reaches from the anchor of the touch to the conversion."""
    start = pl.col("touched_at")
    if anchor == "received":
        start = pl.when(pl.col("channel").is_in(ANCHORED_ON_TOUCH)).then("touched_at").otherwise("received_at")
    reaches = pl.lit(pl.Series(grid, dtype=pl.Duration("us")).to_physical())
    gap = (pl.col("converted_at") - start).dt.total_microseconds()
    return reaches.search_sorted(gap, side="left").cast(pl.Int64) + 1
