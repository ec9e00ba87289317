"""Frames → sentences. A report's headings and the words around its figures state numbers, so they are computed."""

from klavnb.findings.amounts import state_answer, state_bridge, state_messages, state_period, state_weeks
from klavnb.findings.finding import Facts, Finding
from klavnb.findings.trust import collect_facts, list_caveats, state_filters
from klavnb.findings.windows import state_gaps, state_journeys, state_sweep

__all__ = [
    "Facts",
    "Finding",
    "collect_facts",
    "list_caveats",
    "state_answer",
    "state_bridge",
    "state_filters",
    "state_gaps",
    "state_journeys",
    "state_messages",
    "state_period",
    "state_sweep",
    "state_weeks",
]
