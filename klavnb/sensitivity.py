"""How much hangs on the windows: both models under every pair of an e-mail and an SMS window."""

from collections.abc import Sequence
from datetime import timedelta

import dataframely as dy
import polars as pl

from klavnb.attribution import find_candidates, find_last_channel
from klavnb.latest import Profiles
from klavnb.schemas import Conversion, Touch
from klavnb.settings import Settings
from klavnb.touches import find_anchor

__all__ = ["find_set_windows", "sweep_windows", "value_extra_days"]

DAYS = frozenset(timedelta(days=days) for days in range(1, 8))

SWEPT = {"email.open": "email", "email.click": "email", "sms.click": "sms"}
"""The windows that a sweep varies; those of every other kind of touch stay as they are set."""


def sweep_windows(
    touches: dy.LazyFrame[Touch],
    conversions: dy.LazyFrame[Conversion],
    *,
    settings: Settings,
    email_windows: Sequence[timedelta] | None = None,
    sms_windows: Sequence[timedelta] | None = None,
) -> pl.LazyFrame:
    """Attribute under every pair of an e-mail and an SMS window at once, by both models.

    One row per currency, e-mail window and SMS window: `old_value`, `cooperative_value` (attributed revenue),
    `old_count`, `cooperative_count` (attributed conversions). The e-mail window is that of opens and clicks,
    the SMS window that of clicks; a kind that the settings switch off stays off, every other kind
    keeps its window.

    Parameters
    ----------
    touches, conversions
        As found under `settings`.
    settings
        Anchor and the windows that are not swept.
    email_windows, sms_windows
        Rising, without repeats; None: 1 to 7 days and the window as it is set.

    Notes
    -----
    One pass, not one run a cell: what a conversion needs is its gap, the shortest window that would
    reach it, by channel. A histogram over both gaps, summed from the far end, gives what each pair misses.
    """
    email_windows = sorted(DAYS | find_set_windows(settings, "email")) if email_windows is None else email_windows
    sms_windows = sorted(DAYS | find_set_windows(settings, "sms")) if sms_windows is None else sms_windows
    lookback = max(settings.longest_window, *email_windows, *sms_windows)
    swept = pl.concat_str("channel", "kind", separator=".").replace_strict(SWEPT, default=None)
    # numbers of those who convert, instead of the text of everybody's ids
    found, converted = pl.collect_all([touches, conversions])
    profiles = Profiles(converted["profile_id"])
    marked, numbered = profiles.number(found).with_columns(swept=swept).lazy(), profiles.number(converted).lazy()
    placed = find_last_channel(Touch.cast(marked), conversions).collect().lazy()
    is_last = pl.col("channel") == pl.col("last_channel")
    others = (
        find_candidates(Touch.cast(marked.filter(pl.col("swept").is_null())), placed, lookback=lookback)
        .filter(pl.col("converted_at") <= pl.col("closes_at"))
        .group_by("conversion_id")
        .agg(other_open=pl.lit(value=True).first(), last_open=is_last.any())
    )
    gaps = others
    for channel in ("email", "sms"):
        of_channel = _find_gaps(marked.filter(pl.col("swept") == channel), numbered, settings)
        gaps = gaps.join(of_channel.rename({"gap": f"{channel}_gap"}), on="conversion_id", how="full", coalesce=True)
    never_email, never_sms = len(email_windows), len(sms_windows)
    steps = placed.join(gaps, on="conversion_id", how="left").select(
        "currency",
        "value",
        "last_channel",
        pl.col("other_open", "last_open").fill_null(value=False),
        email=_find_step("email_gap", email_windows),
        sms=_find_step("sms_gap", sms_windows),
    )
    steps = steps.collect().lazy()  # both models take their own from it
    last = pl.col("last_channel")
    needed = [
        steps.select("currency", "value", model=pl.lit(model), email=email, sms=sms)
        for model, email, sms in (
            (
                "cooperative",
                pl.when("other_open").then(0).otherwise("email"),
                pl.when("other_open").then(0).otherwise("sms"),
            ),
            (
                "old",
                pl.when("last_open").then(0).when(last == "email").then("email").otherwise(never_email),
                pl.when("last_open").then(0).when(last == "sms").then("sms").otherwise(never_sms),
            ),
        )
    ]
    cell = ["model", "currency", "email", "sms"]
    grid = (
        conversions.select("currency")
        .unique()
        .join(pl.LazyFrame({"model": ["old", "cooperative"]}), how="cross")
        .join(pl.LazyFrame({"email": range(never_email + 1)}, schema={"email": pl.Int32}), how="cross")
        .join(pl.LazyFrame({"sms": range(never_sms + 1)}, schema={"sms": pl.Int32}), how="cross")
    )
    # what needs at least these steps: beyond step 0 lies everything, beyond the last what no window reaches
    beyond = (
        grid.join(
            pl.concat(needed).group_by(cell).agg(pl.col("value").sum(), count=pl.len().cast(pl.Int64)),
            on=cell,
            how="left",
            nulls_equal=True,
        )
        .with_columns(pl.col("value", "count").fill_null(0))
        .sort(cell)
        .with_columns(pl.col("value", "count").cum_sum(reverse=True).over("model", "currency", "email"))
        .with_columns(pl.col("value", "count").cum_sum(reverse=True).over("model", "currency", "sms"))
        .with_columns(
            attributed=pl.col("value").first().over("model", "currency") - pl.col("value"),
            attributed_count=pl.col("count").first().over("model", "currency") - pl.col("count"),
        )
    )
    is_old = pl.col("model") == "old"
    swept_values = (
        beyond.join(_name_steps("email", email_windows), on="email")
        .join(_name_steps("sms", sms_windows), on="sms")
        .group_by("currency", "email_window", "sms_window")
        .agg(
            old_value=pl.col("attributed").filter(is_old).first(),
            cooperative_value=pl.col("attributed").filter(~is_old).first(),
            old_count=pl.col("attributed_count").filter(is_old).first(),
            cooperative_count=pl.col("attributed_count").filter(~is_old).first(),
        )
        .sort("currency", "email_window", "sms_window")
    )
    return swept_values.collect().lazy()  # one pass for the sentence, the chart and the table that read it


def _find_gaps(touches: pl.LazyFrame, conversions: pl.LazyFrame, settings: Settings) -> pl.LazyFrame:
    """Find the shortest window that would reach each conversion from any touch before it: `gap`."""
    # no touch up to now began later than the latest of their anchors
    latest = touches.sort("touched_at").select(
        "profile", "touched_at", anchor=find_anchor(settings).cum_max().over("profile")
    )
    return (
        conversions.sort("converted_at")
        .join_asof(latest, left_on="converted_at", right_on="touched_at", by="profile", check_sortedness=False)
        .drop_nulls("anchor")
        .select("conversion_id", gap=pl.col("converted_at") - pl.col("anchor"))
    )


def find_set_windows(settings: Settings, channel: str) -> set[timedelta]:
    """Find the windows that the settings give to the swept kinds of a channel: none, one, or several.

    Examples
    --------
    >>> find_set_windows(Settings.preset("2022"), "email")
    {datetime.timedelta(days=5)}
    """
    return {settings.windows[name] for name, of in SWEPT.items() if of == channel and name in settings.windows}


def value_extra_days(sweep: pl.LazyFrame, *, settings: Settings) -> pl.LazyFrame:
    """Say what each further step of one window brings while the other stays as it is set.

    One row per currency, channel and window of a sweep, by rising window: `old_value`, `cooperative_value`
    at that window, and `old_gain`, `cooperative_gain` over the window before it (null for the first).
    A channel that the settings switch off is absent, and so is one beside whose kinds the other channel's
    have windows of different length: then there is no one window to keep.
    """
    set_to = {channel: find_set_windows(settings, channel) for channel in ("email", "sms")}
    varied = []
    for channel, other in (("email", "sms"), ("sms", "email")):
        kept = pl.col(f"{other}_window")
        if set_to[channel] and len(set_to[other]) <= 1:
            varied.append(
                sweep.filter(kept == next(iter(set_to[other]), kept.min())).select(
                    "currency",
                    "old_value",
                    "cooperative_value",
                    channel=pl.lit(channel),
                    window=pl.col(f"{channel}_window"),
                )
            )
    empty = pl.LazyFrame(
        schema={
            "currency": pl.String,
            "old_value": pl.Float64,
            "cooperative_value": pl.Float64,
            "channel": pl.String,
            "window": pl.Duration("us"),
        }
    )
    return (
        pl.concat([empty, *varied])
        .sort("currency", "channel", "window")
        .with_columns(
            old_gain=pl.col("old_value").diff().over("currency", "channel"),
            cooperative_gain=pl.col("cooperative_value").diff().over("currency", "channel"),
        )
    )


def _find_step(gap: str, windows: Sequence[timedelta]) -> pl.Expr:
    """The first of the rising windows that reaches the gap, as its place from 0; past the end: none does."""
    reaches = pl.lit(pl.Series(windows, dtype=pl.Duration("us")).to_physical())
    place = reaches.search_sorted(pl.col(gap).dt.total_microseconds(), side="left").cast(pl.Int32)
    return pl.when(pl.col(gap).is_null()).then(len(windows)).otherwise(place)


def _name_steps(channel: str, windows: Sequence[timedelta]) -> pl.LazyFrame:
    """What a window misses lies beyond its own step: one row per window with the step after it."""
    return pl.LazyFrame(
        {channel: range(1, len(windows) + 1), f"{channel}_window": list(windows)},
        schema={channel: pl.Int32, f"{channel}_window": pl.Duration("us")},
    )
