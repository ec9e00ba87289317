"""One model's credits beside what Klaviyo recorded, for one period and one currency."""

from dataclasses import dataclass

import dataframely as dy
import polars as pl

from klavnb.agreement.classes import NOT_COMPARED, classify_conversions
from klavnb.agreement.recorded import find_recorded
from klavnb.attribution import Model
from klavnb.comparison import ModelComparison, compare_models
from klavnb.export import Export
from klavnb.schemas import Agreement, Conversion
from klavnb.settings import Settings

__all__ = ["AgreementStudy", "study_agreement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementStudy:
    """What a model credits and what Klaviyo recorded, conversion by conversion.

    Parameters
    ----------
    agreements
        One row per conversion of the period.
    recorded
        As `find_recorded` gives it.
    comparison
        The model's credits with their settings, period, currency and names of messages. Its candidate is the
        model that is judged; its baseline is another, and not looked at.
    export
        Where all of it comes from.
    count_said, count_compared
        Conversions for which the export says what Klaviyo recorded, and those among them that can be compared.
    """

    agreements: dy.LazyFrame[Agreement]
    recorded: pl.LazyFrame
    comparison: ModelComparison
    export: Export
    count_said: int
    count_compared: int

    @property
    def settings(self) -> Settings:
        """The settings that the model was asked with."""
        return self.comparison.settings

    @property
    def compared(self) -> dy.LazyFrame[Conversion]:
        """The conversions that can be compared."""
        counted = self.agreements.filter(pl.col("agreement").is_in(NOT_COMPARED).not_())
        return Conversion.cast(self.comparison.conversions.join(counted, on="conversion_id", how="semi"))


def study_agreement(
    export: Export,
    *,
    settings: Settings,
    model: Model | str = "cooperative",
    start: str = "",
    end: str = "",
    currency: str = "",
) -> AgreementStudy:
    """Lay a model's credits beside the attribution that Klaviyo itself recorded.

    Parameters
    ----------
    export
        A loaded export or store. Where it records no attribution, every conversion is `unsaid`.
    settings
        Windows, anchor, filters, conversion metric.
    model
        The model that is judged.
    start, end, currency
        As for `compare_models`.

    Raises
    ------
    SettingsError
        When the period or the currency holds no conversion, or there is no such model.
    """
    comparison = compare_models(
        export,
        settings=settings,
        start=start,
        end=end,
        currency=currency,
        baseline="cooperative" if model == "old" else "old",
        candidate=model,
    )
    recorded = find_recorded(export.events, comparison.conversions, settings=settings).collect().lazy()
    agreements = classify_conversions(comparison.changes, recorded, as_of=comparison.as_of).collect()
    is_compared = pl.col("agreement").is_in(NOT_COMPARED).not_()
    count_said, count_compared = agreements.select(
        (pl.col("agreement") != "unsaid").sum().alias("said"), is_compared.sum().alias("compared")
    ).row(0)
    return AgreementStudy(
        agreements=Agreement.cast(agreements.lazy()),
        recorded=recorded,
        comparison=comparison,
        export=export,
        count_said=count_said,
        count_compared=count_compared,
    )
