"""Frames → sentences. A report's headings and the words around its figures state numbers, so they are computed."""

from klavnb.findings.amounts import state_answer, state_bridge, state_messages, state_period, state_weeks
from klavnb.findings.finding import Facts, Finding
from klavnb.findings.quality import collect_quality_facts, list_quality, state_quality, state_quality_part
from klavnb.findings.segment_trust import collect_segment_facts, list_segment_caveats
from klavnb.findings.segments import (
    state_moves,
    state_overlap,
    state_segment_values,
    state_segments,
    state_sizes,
    state_study,
)
from klavnb.findings.spending import (
    state_audience,
    state_item_buyers,
    state_recipe,
    state_recipe_reasons,
    state_spending,
)
from klavnb.findings.trust import collect_facts, list_caveats, state_filters
from klavnb.findings.windows import state_gaps, state_journeys, state_sweep

__all__ = [
    "Facts",
    "Finding",
    "collect_facts",
    "collect_quality_facts",
    "collect_segment_facts",
    "list_caveats",
    "list_quality",
    "list_segment_caveats",
    "state_answer",
    "state_audience",
    "state_bridge",
    "state_filters",
    "state_gaps",
    "state_item_buyers",
    "state_journeys",
    "state_messages",
    "state_moves",
    "state_overlap",
    "state_period",
    "state_quality",
    "state_quality_part",
    "state_recipe",
    "state_recipe_reasons",
    "state_segment_values",
    "state_segments",
    "state_sizes",
    "state_spending",
    "state_study",
    "state_sweep",
    "state_weeks",
]
