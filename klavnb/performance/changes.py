"""One period beside the one before it; and one way of dating beside the other."""

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

from klavnb.performance.intervals import PER_RECIPIENT, list_rates
from klavnb.performance.measures import LEVELS, Level, measure_messages
from klavnb.performance.study import MessageStudy

__all__ = ["CHANGES", "compare_dates", "compare_periods"]

CHANGES: Mapping[str, str] = MappingProxyType(
    {
        "count_reached": "count",
        "human_open_rate": "share",
        "human_click_rate": "share",
        "bounce_rate": "share",
        "unsubscribe_rate": "share",
        "count_candidate": "count",
        "candidate_value": "money",
        PER_RECIPIENT: "money per one",
    }
)
"""What is compared with the period before → its unit."""


def compare_periods(study: MessageStudy, *, by: Level = "channel") -> pl.LazyFrame:
    """Compare the period with the one of the same length before it.

    One row per row of either period and measure that both know: the level's ids, `label`, `measure` (one of
    `CHANGES`), `current`, `previous`, `difference`, `change` (the difference as a part of the previous; null for rates
    and without a previous) and, for rates, `low` and `high`: between which the difference lies with 95 % confidence.
    Empty where the export does not go back to the first day of the period before; channels whose receipts begin
    later than that day are left out, as are visits.

    Notes
    -----
    Interval of a difference of two shares: Newcombe, "Interval estimation for the difference between independent
    proportions", 1998, method 10. A person who is in both periods makes it somewhat too wide.
    """
    keys = list(LEVELS[by])
    whole = [name for name, on in study.receipts_from.items() if on <= study.period.previous_first_on]
    is_whole = pl.col("channel").is_null() | pl.col("channel").cast(pl.String).is_in(whole)
    sides = []
    for part in ("current", "previous"):
        measures = measure_messages(study, by=by, part=part)
        rates = list_rates(measures).select(*keys, "measure", "low", "high")
        values = (
            measures.filter(is_whole, pl.lit(study.period.has_previous), pl.col("count_reached") > 0)
            .select(*keys, "label", pl.col(list(CHANGES)).cast(pl.Float64))
            .unpivot(list(CHANGES), index=[*keys, "label"], variable_name="measure", value_name="value")
            .filter(pl.col("value").is_not_null())
        )
        sides.append(values.join(rates, on=[*keys, "measure"], how="left", nulls_equal=True))
    current, previous = sides
    is_rate = pl.col("measure").replace_strict(dict(CHANGES)) == "share"
    difference = pl.col("value") - pl.col("value_before")
    below, above = (
        ((pl.col("value") - pl.col(near)).pow(2) + (pl.col(far) - pl.col("value_before")).pow(2)).sqrt()
        for near, far in (("low", "high_before"), ("high", "low_before"))
    )
    return (
        current.join(previous.drop("label"), on=[*keys, "measure"], how="inner", suffix="_before", nulls_equal=True)
        .select(
            *keys,
            "label",
            "measure",
            current="value",
            previous="value_before",
            difference=difference,
            change=pl.when(~is_rate & (pl.col("value_before") > 0)).then(difference / pl.col("value_before")),
            low=pl.when(is_rate).then(difference - below),
            high=pl.when(is_rate).then(difference + above),
        )
        .sort(*keys, pl.col("measure").replace_strict({name: place for place, name in enumerate(CHANGES)}))
    )


def compare_dates(study: MessageStudy) -> pl.LazyFrame:
    """Say what messages earned in the period, dated either way: the usual reason why two pages do not match.

    One row per way (`sent`: orders of messages that were sent in the period; `event`: orders of the period):
    `dated_by`, `count_baseline` and `count_candidate` (credited orders), `baseline_value`, `candidate_value`, and
    `candidate_error`, the standard error of the last, as a bootstrap over profiles would find it. Visits to the shop
    are left out.
    """
    of_profile = pl.col("candidate_value").sum().over("profile_id") * pl.col("candidate_value")
    rows = [
        study.credits.filter(study.period.find_part(pl.col(day)) == "current", pl.col("channel") != "session").select(
            *(
                pl.col("conversion_id").filter(pl.col(f"{side}_credit") > 0).n_unique().alias(f"count_{side}")
                for side in ("baseline", "candidate")
            ),
            pl.col("baseline_value", "candidate_value").sum(),
            candidate_error=of_profile.sum().sqrt(),
            dated_by=pl.lit(dated_by),
        )
        for dated_by, day in (("sent", "sent_on"), ("event", "converted_on"))
    ]
    return pl.concat(rows)
