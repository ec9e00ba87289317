"""Does a model's answer match what Klaviyo itself recorded: classes, the settings that fit, their change, totals."""

from klavnb.agreement.boxes import SEARCHED_MODELS, Rules
from klavnb.agreement.classes import AGREEING, NOT_COMPARED, classify_conversions
from klavnb.agreement.describing import write_parameters
from klavnb.agreement.drift import Drift, find_drift, measure_drift
from klavnb.agreement.evidence import Evidence, find_evidence, find_wide_touches
from klavnb.agreement.fitting import Fit, SettingsFit, fit_settings
from klavnb.agreement.lags import count_lags, find_cutoffs, measure_recorded_lags
from klavnb.agreement.parts import (
    count_agreement,
    count_agreement_channels,
    count_agreement_messages,
    count_agreement_weeks,
    estimate_agreement,
    pick_disagreements,
)
from klavnb.agreement.recorded import find_recorded
from klavnb.agreement.study import AgreementStudy, study_agreement
from klavnb.agreement.totals import MEASURES, compare_totals, count_mismatch_reasons
from klavnb.agreement.weighing import count_windows, weigh_rules

__all__ = [
    "AGREEING",
    "MEASURES",
    "NOT_COMPARED",
    "SEARCHED_MODELS",
    "AgreementStudy",
    "Drift",
    "Evidence",
    "Fit",
    "Rules",
    "SettingsFit",
    "classify_conversions",
    "compare_totals",
    "count_agreement",
    "count_agreement_channels",
    "count_agreement_messages",
    "count_agreement_weeks",
    "count_lags",
    "count_mismatch_reasons",
    "count_windows",
    "estimate_agreement",
    "find_cutoffs",
    "find_drift",
    "find_evidence",
    "find_recorded",
    "find_wide_touches",
    "fit_settings",
    "measure_drift",
    "measure_recorded_lags",
    "pick_disagreements",
    "study_agreement",
    "weigh_rules",
    "write_parameters",
]
