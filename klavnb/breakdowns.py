"""A comparison taken apart: by reason, message and week; the gaps behind it; single journeys.

Every sum is in the one currency of the comparison.
"""

from datetime import timedelta

import polars as pl

from klavnb.attribution import find_candidates, pair_latest
from klavnb.comparison import ModelComparison, compare_credits, credit_sides, summarise_changes
from klavnb.labels import tidy_names
from klavnb.schemas import REASONS, Touch
from klavnb.touches import find_anchor

__all__ = [
    "bridge_models",
    "compare_filters",
    "compare_messages",
    "compare_weeks",
    "measure_gaps",
    "name_messages",
    "pick_journeys",
    "split_value",
]

DIFFERENCE = pl.col("candidate_value") - pl.col("baseline_value")
MOST_TOUCHES = 50
"""Of a customer whose journey is shown; a test account may have thousands."""
EXACT = 6
"""Digits that a sum of money keeps: the last ones differ from run to run, and would decide the order of equal rows."""


def split_value(comparison: ModelComparison) -> pl.LazyFrame:
    """Split the revenue by what the two models say of each order.

    One row per part that holds an order: `part` is `both` (alike), `moved` (both, but to other touches or in other
    shares), `candidate_only`, `baseline_only`, or why the baseline credits it as little as the candidate (`no_click`,
    `last_channel_closed`, `windows_closed`, `no_touch`), in this order; `count_conversions` and `value`.
    """
    parts = ["both", "moved", "candidate_only", "baseline_only", *reversed(REASONS)]
    named = {"unchanged": "both", "moved": "moved", "gained": "candidate_only", "lost": "baseline_only"}
    part = pl.coalesce(
        pl.col("outcome").cast(pl.String).replace_strict(named, default=None), pl.col("baseline_reason").cast(pl.String)
    )
    return (
        comparison.changes.unique("conversion_id")
        .group_by(part=part.cast(pl.Enum(parts)))
        .agg(count_conversions=pl.len(), value=pl.col("value").sum())
        .sort("part")
    )


def bridge_models(comparison: ModelComparison) -> pl.LazyFrame:
    """Account for the difference between the two models.

    One row per credited channel, last channel and outcome (`gained`, `lost`, `moved`): `difference` in money and
    `count_conversions`. The differences add up to that of the models. A moved conversion counts once where
    it came from and once where it went.
    """
    return (
        comparison.changes.filter(pl.col("outcome").is_in(["gained", "lost", "moved"]))
        .group_by("channel", "last_channel", "outcome")
        .agg(difference=DIFFERENCE.sum().round(EXACT), count_conversions=pl.col("conversion_id").n_unique())
        .sort("difference", "channel", "last_channel", descending=[True, False, False])
    )


def compare_messages(comparison: ModelComparison) -> pl.LazyFrame:
    """Compare the models by the message that earned the credit.

    One row per message that either model credits, by falling difference: `label` (the campaign's name, or
    the flow's and its message's), `channel`, `message_type`, `baseline_value`, `candidate_value`, `difference`,
    `count_baseline`, `count_candidate` (credited conversions). A message that no file of the export names
    goes by its id.
    """
    return (
        comparison.changes.filter(pl.col("channel").is_not_null())
        .group_by("message_id", "channel")
        .agg(
            pl.col("message_type").first(),
            pl.col("baseline_value", "candidate_value").sum(),
            difference=DIFFERENCE.sum().round(EXACT),
            count_baseline=pl.col("conversion_id").filter(pl.col("baseline_credit") > 0).n_unique(),
            count_candidate=pl.col("conversion_id").filter(pl.col("candidate_credit") > 0).n_unique(),
        )
        .join(name_messages(comparison), on="message_id", how="left")
        .with_columns(pl.coalesce("label", tidy_names(pl.col("message_id")), pl.lit("Visits to the shop")))
        .sort(["difference", "candidate_value", "message_id"], descending=[True, True, False])
    )


def compare_weeks(comparison: ModelComparison) -> pl.LazyFrame:
    """Compare the models by week of the conversion.

    One row per week from the first to the last with a conversion, `week_on` its Monday (UTC): `value` of all
    conversions, `baseline_value`, `candidate_value`, `difference`. The first and last week may be
    cut by the period.
    """
    by_week = (
        comparison.changes.group_by("conversion_id")
        .agg(pl.col("converted_at", "value").first(), pl.col("baseline_value", "candidate_value").sum())
        .group_by(week_on=pl.col("converted_at").dt.truncate("1w").dt.date())
        .agg(pl.col("value", "baseline_value", "candidate_value").sum())
    )
    weeks = by_week.select(
        week_on=pl.date_range(pl.col("week_on").min(), pl.col("week_on").max(), interval="1w", closed="both")
    )
    return (
        weeks.join(by_week, on="week_on", how="left")
        .fill_null(0.0)
        .with_columns(difference=DIFFERENCE.round(EXACT))
        .sort("week_on")
    )


def measure_gaps(comparison: ModelComparison, *, lookback: timedelta = timedelta(days=10)) -> pl.LazyFrame:
    """Measure how long before its conversions each channel was touched last.

    One row per conversion and channel that was touched in the `lookback` before it: `gap` from where the window
    of the last touch runs (its receipt, or the touch itself, by the settings), `lag` from the touch, `is_open`,
    `value`.
    A gap may be longer than the lookback, a lag not.
    """
    lag = pl.col("converted_at") - pl.col("touched_at")
    gaps = (
        pair_latest(comparison.touches, comparison.conversions)
        .filter(lag <= lookback)
        .select(
            "conversion_id",
            "channel",
            "value",
            gap=pl.col("converted_at") - find_anchor(comparison.settings),
            lag=lag,
            is_open=pl.col("converted_at") <= pl.col("closes_at"),
        )
    )
    return gaps.collect().lazy()  # what a sentence and a chart would each run again


def pick_journeys(comparison: ModelComparison, *, count: int = 3) -> pl.LazyFrame:
    """Pick conversions that the models judge differently, each of another kind as far as there are, and their touches.

    Those that only the candidate credits; where there is none, those that only the baseline does; else those that both
    credit, but not alike. One row per touch from a day before the first credited one up to the conversion, the last 50
    of a customer and the credited ones: `customer` (a pseudonym, A to Z), `outcome`, `value`, `channel`, `kind`,
    `label` of the message, `baseline_credit`, `candidate_credit`, `is_credited` (by the candidate, or by the baseline
    where only it credits), and the times relative to the conversion, all spans: `touched`, `opened` (where its window
    starts) and `closes`, under the settings of that side; negative is before the conversion. Kinds are the pairs of
    credited and last channel; of each the conversion with the median value is taken.
    """
    rank = pl.col("outcome").cast(pl.String).replace_strict({"gained": 0, "lost": 1, "moved": 2}, default=None)
    told = comparison.changes.filter(rank == rank.min()).collect().lazy()
    by_conversion = (
        told.sort(["candidate_credit", "baseline_credit", "touched_at", "touch_id"], descending=True)
        .group_by("conversion_id", maintain_order=True)
        .agg(pl.col("channel", "last_channel", "value", "outcome").first())
    )
    kind = ["channel", "last_channel"]
    picked = (
        by_conversion.sort("value", "conversion_id")
        .with_columns(place=pl.int_range(pl.len()).over(kind) - (pl.len() // 2).over(kind), size=pl.len().over(kind))
        .sort(pl.col("place").abs(), "size", "conversion_id", descending=[False, True, False])
        .head(count)
        .with_row_index("customer")
        .select("conversion_id", "outcome", customer=pl.lit("ABCDEFGHIJKLMNOPQRSTUVWXYZ").str.slice("customer", 1))
    )
    only_baseline = told.select((pl.col("outcome") == "lost").any()).collect().item()
    touches, others = comparison.candidate_touches, comparison.touches
    settings = comparison.candidate_settings
    if only_baseline:
        touches, others, settings = others, touches, comparison.settings
    conversions = comparison.conversions.join(picked, on="conversion_id")
    # what only the other side counts as a touch is shown too: it may be what that side credits
    shown = pl.concat([of.join(conversions, on="profile_id", how="semi") for of in (touches, others)]).unique(
        "touch_id", keep="first", maintain_order=True
    )
    is_credited = pl.col("baseline_credit" if only_baseline else "candidate_credit") > 0
    counts = (pl.col("baseline_credit") > 0) | (pl.col("candidate_credit") > 0)
    first_at = pl.col("touched_at").filter(counts).min().over("customer")
    return (
        find_candidates(
            Touch.cast(shown),
            conversions,
            lookback=max(comparison.settings.longest_window, comparison.candidate_settings.longest_window),
        )
        .join(
            told.select("conversion_id", "touch_id", "baseline_credit", "candidate_credit"),
            on=["conversion_id", "touch_id"],
            how="left",
        )
        .with_columns(pl.col("baseline_credit", "candidate_credit").fill_null(0.0))
        .filter(pl.col("touched_at") >= first_at - timedelta(days=1))
        .filter(counts | (pl.col("touched_at").rank("ordinal", descending=True).over("customer") <= MOST_TOUCHES))
        .join(name_messages(comparison), on="message_id", how="left")
        .select(
            "customer",
            "outcome",
            "value",
            "channel",
            "kind",
            "baseline_credit",
            "candidate_credit",
            label=pl.coalesce("label", tidy_names(pl.col("message_id"))),
            is_credited=is_credited,
            touched=pl.col("touched_at") - pl.col("converted_at"),
            opened=find_anchor(settings) - pl.col("converted_at"),
            closes=pl.col("closes_at") - pl.col("converted_at"),
        )
        .sort("customer", "touched", "kind", "channel")
    )


def compare_filters(comparison: ModelComparison) -> pl.LazyFrame:
    """Say what the models would credit if machine opens or bot clicks were left out.

    One row per choice: `choice` (`as set`, `without machine opens`, `without bot clicks`, `without both`),
    `baseline_value`, `candidate_value`, `difference`. Opens and clicks of unknown origin stay.
    """
    human_open = pl.col("is_machine_open").not_().fill_null(value=True)
    human_click = pl.col("is_bot_click").not_().fill_null(value=True)
    choices = {
        "without machine opens": human_open,
        "without bot clicks": human_click,
        "without both": human_open & human_click,
    }
    as_set = summarise_changes(comparison.changes)
    results = [as_set.with_columns(choice=pl.lit("as set"))]
    for choice, kept in choices.items():
        is_dropped = [
            found.select(kept.not_().any()).collect().item()
            for found in (comparison.touches, comparison.candidate_touches)
        ]
        if not any(is_dropped):
            results.append(as_set.with_columns(choice=pl.lit(choice)))
            continue
        touches, candidate_touches = (
            Touch.cast(found.filter(kept)) for found in (comparison.touches, comparison.candidate_touches)
        )
        changes = compare_credits(
            *credit_sides(
                (touches, candidate_touches),
                comparison.conversions,
                models=(comparison.baseline, comparison.candidate),
                settings=(comparison.settings, comparison.candidate_settings),
            )
        )
        results.append(summarise_changes(changes).with_columns(choice=pl.lit(choice)))
    table = pl.concat(results).select("choice", "baseline_value", "candidate_value", "difference")
    return table.collect().lazy()  # what a sentence and a table would each run again


def name_messages(comparison: ModelComparison) -> pl.LazyFrame:
    """A reader's name for each message: `message_id`, `label`."""
    in_flow = pl.concat_str(pl.coalesce("flow_name", "flow_id"), pl.coalesce("name", "message_id"), separator=" › ")
    in_campaign = pl.coalesce("campaign_name", "name", "message_id")
    return comparison.messages.select(
        "message_id",
        label=tidy_names(pl.when(pl.col("message_type") == "flow").then(in_flow).otherwise(in_campaign)),
    )
