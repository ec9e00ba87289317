from .agreement import (
    tabulate_agreement,
    tabulate_agreement_channels,
    tabulate_agreement_messages,
    tabulate_agreement_provenance,
    tabulate_disagreements,
)
from .attribution import (
    tabulate_extra_days,
    tabulate_filters,
    tabulate_messages,
    tabulate_pair_provenance,
)
from .fit import tabulate_fits, tabulate_settings
from .models import (
    tabulate_campaign_values,
    tabulate_dependence,
    tabulate_flow_values,
    tabulate_learned,
    tabulate_model_glossary,
    tabulate_models,
    tabulate_ranks,
)
from .performance import (
    tabulate_channels,
    tabulate_deliveries,
    tabulate_earnings,
    tabulate_engagement,
    tabulate_opens,
)
from .performance_parts import (
    tabulate_message_changes,
    tabulate_message_provenance,
    tabulate_steps,
    tabulate_unusual,
)
from .provenance import tabulate_provenance
from .quality import tabulate_clocks, tabulate_flags, tabulate_metrics, tabulate_quality_provenance
from .segments import (
    tabulate_audience,
    tabulate_recipe,
    tabulate_segment_provenance,
    tabulate_segment_values,
    tabulate_segments,
    tabulate_sizes,
    tabulate_spending,
)
from .totals import tabulate_campaign_totals, tabulate_totals

__all__ = [
    "tabulate_agreement",
    "tabulate_agreement_channels",
    "tabulate_agreement_messages",
    "tabulate_agreement_provenance",
    "tabulate_audience",
    "tabulate_campaign_totals",
    "tabulate_campaign_values",
    "tabulate_channels",
    "tabulate_clocks",
    "tabulate_deliveries",
    "tabulate_dependence",
    "tabulate_disagreements",
    "tabulate_earnings",
    "tabulate_engagement",
    "tabulate_extra_days",
    "tabulate_filters",
    "tabulate_fits",
    "tabulate_flags",
    "tabulate_flow_values",
    "tabulate_learned",
    "tabulate_message_changes",
    "tabulate_message_provenance",
    "tabulate_messages",
    "tabulate_metrics",
    "tabulate_model_glossary",
    "tabulate_models",
    "tabulate_opens",
    "tabulate_pair_provenance",
    "tabulate_provenance",
    "tabulate_quality_provenance",
    "tabulate_ranks",
    "tabulate_recipe",
    "tabulate_segment_provenance",
    "tabulate_segment_values",
    "tabulate_segments",
    "tabulate_settings",
    "tabulate_sizes",
    "tabulate_spending",
    "tabulate_steps",
    "tabulate_totals",
    "tabulate_unusual",
]
