"""Two sets of credits side by side: what changed, by how much, how sure, and how much hangs on the windows."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches

import dataframely as dy
import numpy as np
import polars as pl

from klavnb.attribution import attribute, attribute_models
from klavnb.errors import SettingsError, name_some
from klavnb.export import Export
from klavnb.models import Model, check_model
from klavnb.schemas import CREDIT_TOLERANCE, OUTCOMES, REASONS, Change, Conversion, Credit, Message, Touch
from klavnb.settings import Settings
from klavnb.sides import Sides, check_sides, name_sides
from klavnb.touches import find_conversions, find_touches

__all__ = [
    "Interval",
    "ModelComparison",
    "compare_credits",
    "compare_models",
    "credit_sides",
    "estimate_difference",
    "refuse_missing_metric",
    "summarise_changes",
]

OF_CONVERSION = ["conversion_id", "profile_id", "converted_at", "currency", "value"]
OF_TOUCH = ["channel", "message_id", "message_type", "touched_at"]


DRAWS_AT_ONCE = 10_000_000
"""Numbers that the bootstrap holds at a time: 80 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with the interval that holds it with 95 % confidence, in the unit of the estimate."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelComparison:
    """Two models, or one under two settings, on the same conversions of one period and one currency.

    Parameters
    ----------
    changes
        The credits side by side.
    touches, candidate_touches
        All touches of the account, whatever their time, under the settings of each side.
    conversions
        The conversions of the period and currency.
    messages
        The names of campaigns and flows.
    settings, candidate_settings, baseline, candidate
        What was asked.
    currency
        The currency of every value; None where the export names none.
    other_currencies
        Conversions of the period left out for their currency: currency → number.
    first_on, last_on
        First and last day of the period, both included, UTC.
    data_from, data_to
        The times of the first and of the last event in the export.
    count_future
        Conversions left out because their clock was wrong: they lie in the future.
    as_of
        The same as `data_to`, unless that lies in the future, where a clock was wrong: then now.
    """

    changes: dy.LazyFrame[Change]
    touches: dy.LazyFrame[Touch]
    conversions: dy.LazyFrame[Conversion]
    messages: dy.LazyFrame[Message]
    settings: Settings
    baseline: Model
    candidate: Model
    candidate_settings: Settings
    candidate_touches: dy.LazyFrame[Touch]
    currency: str | None
    other_currencies: dict[str, int]
    first_on: date
    last_on: date
    data_from: datetime
    data_to: datetime
    count_future: int
    as_of: datetime

    @property
    def sides(self) -> Sides:
        """What the two sides are called in a sentence."""
        return name_sides(
            self.baseline, self.candidate, settings=self.settings, candidate_settings=self.candidate_settings
        )


def compare_models(
    export: Export,
    *,
    settings: Settings,
    start: str = "",
    end: str = "",
    currency: str = "",
    baseline: Model | str = "",
    candidate: Model | str = "",
    candidate_settings: Settings | None = None,
) -> ModelComparison:
    """Attribute the conversions of a period by two models, or under two settings, and lay the credits side by side.

    Parameters
    ----------
    export
        A loaded export or store.
    settings
        Windows, anchor, filters, conversion metric.
    start, end
        First and last day of the period, both included, UTC, as YYYY-MM-DD; empty: as far as the
        export goes, but not into the future. Touches before the start count.
    currency
        The currency to report; empty: the one with the most conversions. Values are never converted.
    baseline, candidate
        The models, by their names in `MODELS`; empty: the old one, and the cooperative one.
    candidate_settings
        The settings under which the candidate is run; None: those of the baseline. They must count the same orders.

    Raises
    ------
    SettingsError
        When the period or the currency holds no conversion, saying what there is instead; when there is no such
        model; when both sides are the same, or do not count the same orders.

    Examples
    --------
    What a shorter window would change:

    >>> from klavnb.store import read_export
    >>> usual = Settings.preset("2022")
    >>> shorter = usual.with_options(windows="email=3d")
    >>> both = {"baseline": "cooperative", "candidate": "cooperative"}
    >>> comparison = compare_models(read_export("sample"), settings=usual, candidate_settings=shorter, **both)
    >>> comparison.sides.candidate
    'cooperative model with e-mail 3 days'
    >>> summarise_changes(comparison.changes).collect()["difference"].item() < 0
    True
    """
    before, after = check_model(baseline or "old"), check_model(candidate or "cooperative")
    theirs = candidate_settings or settings
    check_sides(before, after, settings=settings, candidate_settings=theirs)
    touches = find_touches(export.events, settings=settings).collect().lazy()
    candidate_touches = touches if theirs == settings else find_touches(export.events, settings=theirs).collect().lazy()
    found = find_conversions(export.events, settings=settings).collect()
    if found.is_empty():
        raise refuse_missing_metric(export, settings=settings)
    now = datetime.now(UTC)
    times: list[datetime] = found["converted_at"].sort().to_list()
    past = [at for at in times if at <= now] or times
    data_to = export.summary.last_event_at or times[-1]
    first_on, last_on = (
        date.fromisoformat(given) if given else at.date() for given, at in ((start, past[0]), (end, past[-1]))
    )
    if first_on > last_on:
        raise SettingsError(
            f"The period would begin on {first_on} and end on {last_on}: the {settings.conversion_metric!r} events of "
            f"the export lie between {times[0]:%Y-%m-%d} and {times[-1]:%Y-%m-%d}.",
            hint="Change start or end.",
        )
    period = found.filter(pl.col("converted_at").dt.date().is_between(first_on, last_on))
    counted = period.group_by("currency").len().sort(["len", "currency"], descending=[True, False])
    sizes: dict[str | None, int] = dict(counted.iter_rows())
    chosen = currency or next(iter(sizes), None)
    if chosen not in sizes:
        held = name_some([f"{count} in {name or 'no currency'}" for name, count in sizes.items()]) or "none"
        raise SettingsError(
            f"No {settings.conversion_metric!r} {f'in {currency} ' if currency else ''}"
            f"from {first_on} to {last_on}; found {held}. All of the export's lie "
            f"between {times[0]:%Y-%m-%d} and {times[-1]:%Y-%m-%d}.",
            hint="Change start, end or currency.",
        )
    conversions = Conversion.cast(period.filter(pl.col("currency").eq_missing(pl.lit(chosen, dtype=pl.String))).lazy())
    credited = credit_sides(
        (touches, candidate_touches), conversions, models=(before, after), settings=(settings, theirs)
    )
    return ModelComparison(
        changes=compare_credits(*credited).collect().lazy(),
        touches=touches,
        candidate_touches=candidate_touches,
        conversions=conversions,
        messages=export.messages,
        settings=settings,
        candidate_settings=theirs,
        baseline=before,
        candidate=after,
        currency=chosen,
        other_currencies={name or "no currency": count for name, count in sizes.items() if name != chosen},
        first_on=first_on,
        last_on=last_on,
        data_from=export.summary.first_event_at or times[0],
        data_to=data_to,
        as_of=min(data_to, now),
        count_future=0 if end else len(times) - len(past),
    )


def credit_sides(
    touches: tuple[dy.LazyFrame[Touch], dy.LazyFrame[Touch]],
    conversions: dy.LazyFrame[Conversion],
    *,
    models: tuple[Model, Model],
    settings: tuple[Settings, Settings],
) -> list[dy.LazyFrame[Credit]]:
    """Credit the same conversions by two models or settings, the baseline's and the candidate's.

    Parameters
    ----------
    touches
        Those under the settings of each side; under the same settings those of the first, which both share.
    conversions
        As of `attribute`.
    models, settings
        Of each side.
    """
    if settings[0] == settings[1]:  # then both models share one pass
        both = attribute_models(touches[0], conversions, models=models, settings=settings[0]).collect().lazy()
        return [Credit.cast(both.filter(pl.col("model") == model)) for model in models]
    sides = zip(touches, models, settings, strict=True)
    return [attribute(found, conversions, model=model, settings=chosen) for found, model, chosen in sides]


def refuse_missing_metric(export: Export, *, settings: Settings) -> SettingsError:
    """Make the error for an export without an event of the conversion metric: it says what there is instead."""
    metrics = list(export.summary.metrics)
    close = get_close_matches(settings.conversion_metric, metrics, n=1)
    held = name_some(list(dict.fromkeys([*close, *metrics])))
    return SettingsError(
        f"The export holds no {settings.conversion_metric!r} event; it holds {held}.",
        hint=(f"Did you mean {close[0]!r}? " if close else "")
        + "Name the conversion metric: -p conversion_metric=… for a report, --conversion for attribute.",
    )


def compare_credits(baseline: dy.LazyFrame[Credit], candidate: dy.LazyFrame[Credit]) -> dy.LazyFrame[Change]:
    """Lay two models' (or two settings') credits of the same conversions side by side.

    One row per conversion and touch that either credits; a conversion that neither credits is one row
    without a touch. Sums of `baseline_value` and `candidate_value` are the two attributed revenues,
    whatever they are grouped by.

    Parameters
    ----------
    baseline, candidate
        Credits of the same conversions, one model each.

    Examples
    --------
    >>> from klavnb.attribution import attribute
    >>> from klavnb.store import read_export
    >>> from klavnb.touches import find_conversions, find_touches
    >>> events, settings = read_export("sample").events, Settings()
    >>> found = find_touches(events, settings=settings), find_conversions(events, settings=settings)
    >>> old = attribute(*found, model="old", settings=settings)
    >>> new = attribute(*found, model="cooperative", settings=settings)
    >>> compare_credits(old, new).collect()["outcome"].unique().sort().to_list()
    ['unattributed', 'unchanged', 'gained']
    """
    sides = [
        credited.select(
            *OF_CONVERSION,
            "touch_id",
            *OF_TOUCH,
            "last_channel",
            baseline_credit=pl.col("credit") if side == "baseline" else pl.lit(0.0),
            candidate_credit=pl.col("credit") if side == "candidate" else pl.lit(0.0),
            baseline_reason=pl.col("reason") if side == "baseline" else pl.lit(None, dtype=pl.Enum(REASONS)),
        )
        for side, credited in (("baseline", baseline), ("candidate", candidate))
    ]
    by_baseline = pl.col("baseline_credit").sum().over("conversion_id") > 0
    by_candidate = pl.col("candidate_credit").sum().over("conversion_id") > 0
    # shares that are equal but for the last digit of their sum are the same
    apart = (pl.col("baseline_credit") - pl.col("candidate_credit")).abs()
    same = (apart < CREDIT_TOLERANCE).all().over("conversion_id")
    outcome = (
        pl.when(by_baseline & by_candidate & same)
        .then(pl.lit("unchanged"))
        .when(by_baseline & by_candidate)
        .then(pl.lit("moved"))
        .when(by_candidate)
        .then(pl.lit("gained"))
        .when(by_baseline)
        .then(pl.lit("lost"))
        .otherwise(pl.lit("unattributed"))
    )
    return Change.cast(
        pl.concat(sides)
        .group_by("conversion_id", "touch_id")
        .agg(
            pl.col(*OF_CONVERSION[1:], *OF_TOUCH, "last_channel").first(),
            pl.col("baseline_credit", "candidate_credit").sum(),
            pl.col("baseline_reason").drop_nulls().first(),
        )
        .with_columns(
            outcome=outcome.cast(pl.Enum(OUTCOMES)),
            baseline_reason=pl.col("baseline_reason").drop_nulls().first().over("conversion_id"),
        )
        .filter(pl.col("touch_id").is_not_null() | (pl.col("outcome") == "unattributed"))
        .with_columns(
            baseline_value=pl.col("value") * pl.col("baseline_credit"),
            candidate_value=pl.col("value") * pl.col("candidate_credit"),
        )
        .sort("converted_at", "conversion_id", "touched_at", "touch_id")
    )


def summarise_changes(changes: dy.LazyFrame[Change]) -> pl.LazyFrame:
    """Add up a comparison.

    One row per currency: `count_conversions` and `value` of all conversions; `baseline_value`,
    `candidate_value` and `difference` of those attributed; `count_baseline`, `count_candidate`
    attributed conversions; `count_gained`, `count_moved`, `count_lost` conversions; `gained_value`, `lost_value` of
    these, `moved_value` that both credit, but to another message; `count_profiles` that converted and
    `count_profiles_changed` of these.
    """
    by_message = changes.group_by("conversion_id", "profile_id", "currency", "message_id", "channel").agg(
        pl.col("value", "outcome").first(), pl.col("baseline_value", "candidate_value").sum()
    )
    conversions = by_message.group_by("conversion_id", "profile_id", "currency").agg(
        pl.col("value", "outcome").first(),
        pl.col("baseline_value", "candidate_value").sum(),
        moved=(pl.col("candidate_value") - pl.col("baseline_value")).clip(lower_bound=0).sum(),
    )
    outcome = pl.col("outcome")
    summary = (
        conversions.group_by("currency")
        .agg(
            pl.col("value", "baseline_value", "candidate_value").sum(),
            count_conversions=pl.len(),
            count_profiles=pl.col("profile_id").n_unique(),
            count_profiles_changed=pl.col("profile_id").filter(outcome.is_in(["gained", "moved", "lost"])).n_unique(),
            count_baseline=outcome.is_in(["unchanged", "moved", "lost"]).sum(),
            count_candidate=outcome.is_in(["unchanged", "moved", "gained"]).sum(),
            **{f"count_{name}": (outcome == name).sum() for name in ("gained", "moved", "lost")},
            gained_value=pl.col("value").filter(outcome == "gained").sum(),
            lost_value=pl.col("value").filter(outcome == "lost").sum(),
            moved_value=pl.col("moved").filter(outcome == "moved").sum(),
        )
        .with_columns(difference=pl.col("candidate_value") - pl.col("baseline_value"))
        .sort("currency")
    )
    return summary.collect().lazy()  # what several sentences would each run again


def estimate_difference(changes: dy.LazyFrame[Change], *, resamples: int = 2000, seed: int = 1) -> Interval:
    """Estimate how far the difference of two models would swing among customers like these.

    A Poisson bootstrap over profiles (each profile is drawn a Poisson(1) number of times), percentiles
    2.5 and 97.5, in money of the one currency that the changes must be in.

    Notes
    -----
    A profile without a difference adds nothing however often it is drawn, so only the others are drawn.
    Source: Chamandy et al., "Estimating uncertainty for massive data streams", Google, 2012.

    Raises
    ------
    ValueError
        When the changes hold several currencies.
    """
    by_profile = (
        changes.group_by("profile_id")
        .agg(
            difference=(pl.col("candidate_value") - pl.col("baseline_value")).sum(),
            currencies=pl.col("currency").unique(),
        )
        .sort("profile_id")
        .collect()
    )
    if by_profile["currencies"].explode(empty_as_null=True).n_unique() > 1:
        msg = "changes in several currencies cannot be added up: filter one currency first"
        raise ValueError(msg)
    differences = by_profile.filter(pl.col("difference") != 0)["difference"].to_numpy()
    generator = np.random.default_rng(seed)
    at_once = max(1, DRAWS_AT_ONCE // max(1, len(differences)))
    draws = np.concatenate(
        [
            generator.poisson(1.0, size=(min(at_once, resamples - first), len(differences))) @ differences
            for first in range(0, resamples, at_once)
        ]
    )
    low, high = np.percentile(draws, [2.5, 97.5])
    return Interval(estimate=float(differences.sum()), low=float(low), high=float(high))
