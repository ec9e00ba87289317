"""How long before a conversion the touches lie that Klaviyo credited: where they stop, a window ends."""

from datetime import timedelta

import dataframely as dy
import polars as pl

from klavnb.agreement.study import AgreementStudy
from klavnb.channels import ANCHORED_ON_TOUCH
from klavnb.schemas import Touch

__all__ = ["count_lags", "find_cutoffs", "measure_recorded_lags"]


def measure_recorded_lags(study: AgreementStudy, touches: dy.LazyFrame[Touch]) -> pl.LazyFrame:
    """Measure how long before its conversion each touch was that Klaviyo credited, and its message's receipt.

    One row per conversion that can be compared and touch that Klaviyo credited with it: `channel`, `kind`,
    `from_touch`, `from_receipt` (of pushes and visits the same), `value` of the conversion. A touch after its
    conversion is absent.

    Parameters
    ----------
    touches
        As `find_wide_touches` finds them.
    """
    received = pl.when(pl.col("channel").is_in(ANCHORED_ON_TOUCH)).then("touched_at").otherwise("received_at")
    recorded = study.recorded.filter("is_known").select("conversion_id", touch_id="recorded_id")
    return (
        recorded.join(study.compared, on="conversion_id")
        .join(touches.drop("profile_id"), on="touch_id")
        .filter(pl.col("touched_at") <= pl.col("converted_at"))
        .sort("converted_at", "conversion_id", "touch_id")
        .select(
            "channel",
            "kind",
            "value",
            from_touch=pl.col("converted_at") - pl.col("touched_at"),
            from_receipt=pl.col("converted_at") - received,
        )
    )


def find_cutoffs(lags: pl.LazyFrame) -> pl.LazyFrame:
    """Say where the touches that Klaviyo credited stop, by kind.

    One row per channel and kind: `count_touches`, and of both lags the longest, `longest_from_receipt` and
    `longest_from_touch`, and how many lie in the last tenth below it, `count_last_from_receipt` and
    `count_last_from_touch`. A window that cuts off leaves many close below its end; without one the touches thin out.
    """
    longest = {name: pl.col(name).max() for name in ("from_receipt", "from_touch")}
    return (
        lags.group_by("channel", "kind")
        .agg(
            count_touches=pl.len(),
            **{f"longest_{name}": lag for name, lag in longest.items()},
            **{f"count_last_{name}": (pl.col(name) > lag * 0.9).sum() for name, lag in longest.items()},
        )
        .sort("channel", "kind", descending=[False, True])
    )


def count_lags(lags: pl.LazyFrame, *, bin_size: timedelta, longest: timedelta) -> pl.LazyFrame:
    """Count the touches by how long before the conversion they were, from either start.

    One row per channel, start (`receipt`, `touch`) and bin that holds a touch: `bin_from`, `bin_to` (included, as is
    the end of a window), `count_touches`. A lag of nothing is in the first bin; what is longer than `longest` in none.
    """
    each = lags.unpivot(
        ["from_receipt", "from_touch"], index="channel", variable_name="start", value_name="lag"
    ).filter(pl.col("lag") <= longest)
    last = (pl.col("lag").dt.total_microseconds() - 1) // (bin_size // timedelta(microseconds=1))
    bins = last.clip(lower_bound=0)
    return (
        each.group_by("channel", pl.col("start").str.strip_prefix("from_"), bin=bins)
        .agg(count_touches=pl.len())
        .select(
            "channel",
            "start",
            "count_touches",
            bin_from=pl.col("bin") * bin_size,
            bin_to=(pl.col("bin") + 1) * bin_size,
        )
        .sort("channel", "start", "bin_from")
    )
