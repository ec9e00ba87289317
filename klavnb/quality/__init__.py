"""Is an export good enough to believe? What is counted in it, and what that says of the numbers made from it."""

from klavnb.quality.checking import check_export, judge_survey
from klavnb.quality.checks import LEVELS, SIGNS, TITLES, UNJUDGED, Check, Level, Limits, checks_to_frame, find_worst
from klavnb.quality.days import ANY, fill_days, find_gaps, list_watched
from klavnb.quality.orders import SMALLEST, STEPS
from klavnb.quality.survey import Survey, survey_export

__all__ = [
    "ANY",
    "LEVELS",
    "SIGNS",
    "SMALLEST",
    "STEPS",
    "TITLES",
    "UNJUDGED",
    "Check",
    "Level",
    "Limits",
    "Survey",
    "check_export",
    "checks_to_frame",
    "fill_days",
    "find_gaps",
    "find_worst",
    "judge_survey",
    "list_watched",
    "survey_export",
]
