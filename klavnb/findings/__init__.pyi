from .agreement import (
    collect_agreement_facts,
    state_agreement,
    state_agreement_messages,
    state_agreement_weeks,
    state_disagreements,
    state_totals,
)
from .amounts import advise, state_answer, state_bridge, state_messages, state_period, state_weeks
from .decisions import advise_choice, state_decision
from .figures import list_figures
from .finding import Facts, Finding
from .fit import advise_on_agreement, state_drift, state_fit, state_recorded_lags
from .learned import state_learned
from .models import (
    collect_choice_facts,
    state_campaign_choice,
    state_channel_choice,
    state_choice,
    state_dependence,
    state_flow_choice,
    state_ranks,
)
from .performance import state_campaigns, state_flow_messages, state_flows, state_performance
from .performance_parts import (
    state_deliveries,
    state_message_changes,
    state_message_dates,
    state_steps,
    state_unusual,
)
from .performance_trust import collect_message_facts, list_message_caveats, state_message_period
from .quality import collect_quality_facts, list_quality, state_quality, state_quality_part
from .segment_trust import collect_segment_facts, list_segment_caveats
from .segments import (
    state_moves,
    state_overlap,
    state_segment_values,
    state_segments,
    state_sizes,
    state_study,
)
from .spending import (
    state_audience,
    state_item_buyers,
    state_recipe,
    state_recipe_reasons,
    state_spending,
)
from .trust import collect_facts, list_caveats, state_filters
from .windows import state_gaps, state_journeys, state_sweep

__all__ = [
    "Facts",
    "Finding",
    "advise",
    "advise_choice",
    "advise_on_agreement",
    "collect_agreement_facts",
    "collect_choice_facts",
    "collect_facts",
    "collect_message_facts",
    "collect_quality_facts",
    "collect_segment_facts",
    "list_caveats",
    "list_figures",
    "list_message_caveats",
    "list_quality",
    "list_segment_caveats",
    "state_agreement",
    "state_agreement_messages",
    "state_agreement_weeks",
    "state_answer",
    "state_audience",
    "state_bridge",
    "state_campaign_choice",
    "state_campaigns",
    "state_channel_choice",
    "state_choice",
    "state_decision",
    "state_deliveries",
    "state_dependence",
    "state_disagreements",
    "state_drift",
    "state_filters",
    "state_fit",
    "state_flow_choice",
    "state_flow_messages",
    "state_flows",
    "state_gaps",
    "state_item_buyers",
    "state_journeys",
    "state_learned",
    "state_message_changes",
    "state_message_dates",
    "state_message_period",
    "state_messages",
    "state_moves",
    "state_overlap",
    "state_performance",
    "state_period",
    "state_quality",
    "state_quality_part",
    "state_ranks",
    "state_recipe",
    "state_recipe_reasons",
    "state_recorded_lags",
    "state_segment_values",
    "state_segments",
    "state_sizes",
    "state_spending",
    "state_steps",
    "state_study",
    "state_sweep",
    "state_totals",
    "state_unusual",
    "state_weeks",
]
