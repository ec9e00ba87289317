"""Frames → tables for a reader."""

from klavnb.tables.attribution import tabulate_extra_days, tabulate_filters, tabulate_messages
from klavnb.tables.provenance import tabulate_provenance, tabulate_segment_provenance
from klavnb.tables.quality import tabulate_clocks, tabulate_flags, tabulate_metrics, tabulate_quality_provenance
from klavnb.tables.segments import (
    tabulate_audience,
    tabulate_recipe,
    tabulate_segment_values,
    tabulate_segments,
    tabulate_sizes,
    tabulate_spending,
)

__all__ = [
    "tabulate_audience",
    "tabulate_clocks",
    "tabulate_extra_days",
    "tabulate_filters",
    "tabulate_flags",
    "tabulate_messages",
    "tabulate_metrics",
    "tabulate_provenance",
    "tabulate_quality_provenance",
    "tabulate_recipe",
    "tabulate_segment_provenance",
    "tabulate_segment_values",
    "tabulate_segments",
    "tabulate_sizes",
    "tabulate_spending",
]
