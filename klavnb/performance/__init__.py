"""What became of messages: measured by campaign, flow, message, variation and channel, and compared.

The way of the data: `study_messages` counts the events and credits of a period once; `measure_messages` adds them up by
what is asked; the rest looks at these measures: how sure, how usual, how since the period before, step by step.
"""

from klavnb.performance.changes import CHANGES, compare_dates, compare_periods
from klavnb.performance.intervals import FEW_ORDERS, PER_RECIPIENT, RATES, add_median, find_wilson, list_rates
from klavnb.performance.listing import leave_out_small, measure_variations
from klavnb.performance.measures import LEVELS, measure_messages
from klavnb.performance.outcomes import MESSAGE_KINDS, OUTCOME_METRICS, find_known, find_message_roles, read_outcomes
from klavnb.performance.periods import Period, plan_period
from klavnb.performance.steps import STEP_PARTS, measure_steps
from klavnb.performance.study import MessageStudy, study_messages

__all__ = [
    "CHANGES",
    "FEW_ORDERS",
    "LEVELS",
    "MESSAGE_KINDS",
    "OUTCOME_METRICS",
    "PER_RECIPIENT",
    "RATES",
    "STEP_PARTS",
    "MessageStudy",
    "Period",
    "add_median",
    "compare_dates",
    "compare_periods",
    "find_known",
    "find_message_roles",
    "find_wilson",
    "leave_out_small",
    "list_rates",
    "measure_messages",
    "measure_steps",
    "measure_variations",
    "plan_period",
    "read_outcomes",
    "study_messages",
]
