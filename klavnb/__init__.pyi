from . import audiences, charts, definitions, findings, recipes, rendering, report, sample, schemas, segments, tables
from .attribution import MODELS, attribute, summarise_credits
from .breakdowns import (
    bridge_models,
    compare_filters,
    compare_messages,
    compare_weeks,
    measure_gaps,
    pick_journeys,
    split_value,
)
from .bundled import find_definitions
from .caveats import count_channels, find_caveats
from .comparison import (
    ModelComparison,
    compare_credits,
    compare_models,
    estimate_difference,
    refuse_missing_metric,
    summarise_changes,
)
from .definitions import (
    Definition,
    describe_definition,
    ordered_item,
    parse_definition,
    read_definitions,
    single_order_at_least,
    total_spent_at_least,
)
from .errors import DefinitionError, ExportError, KlavnbError, ReportError, SettingsError, StoreError
from .growth import compare_sizes
from .lists import read_list, read_numbers, read_windows
from .recipes import backfill_properties, compare_recipe, count_recipe, replay_recipe
from .schemas import (
    Change,
    Conversion,
    Credit,
    Event,
    GroupMember,
    Membership,
    Message,
    Profile,
    SegmentSize,
    Touch,
)
from .segments import Calendar, describe_history, find_memberships, measure_overlap, segment_members, segment_sizes
from .sensitivity import sweep_windows, value_extra_days
from .settings import Settings
from .spending import compare_spending, count_item_buyers, read_threshold
from .store import read_export, write_store
from .studies import (
    SegmentStudy,
    count_moves,
    describe_segments,
    pick_definition,
    study_segments,
    value_segments,
)
from .touches import count_interactions, find_conversions, find_touches
from .workaround import Workaround, study_workaround

__all__ = [
    "MODELS",
    "Calendar",
    "Change",
    "Conversion",
    "Credit",
    "Definition",
    "DefinitionError",
    "Event",
    "ExportError",
    "GroupMember",
    "KlavnbError",
    "Membership",
    "Message",
    "ModelComparison",
    "Profile",
    "ReportError",
    "SegmentSize",
    "SegmentStudy",
    "Settings",
    "SettingsError",
    "StoreError",
    "Touch",
    "Workaround",
    "attribute",
    "audiences",
    "backfill_properties",
    "bridge_models",
    "charts",
    "compare_credits",
    "compare_filters",
    "compare_messages",
    "compare_models",
    "compare_recipe",
    "compare_sizes",
    "compare_spending",
    "compare_weeks",
    "count_channels",
    "count_interactions",
    "count_item_buyers",
    "count_moves",
    "count_recipe",
    "definitions",
    "describe_definition",
    "describe_history",
    "describe_segments",
    "estimate_difference",
    "find_caveats",
    "find_conversions",
    "find_definitions",
    "find_memberships",
    "find_touches",
    "findings",
    "measure_gaps",
    "measure_overlap",
    "ordered_item",
    "parse_definition",
    "pick_definition",
    "pick_journeys",
    "read_definitions",
    "read_export",
    "read_list",
    "read_numbers",
    "read_threshold",
    "read_windows",
    "recipes",
    "refuse_missing_metric",
    "rendering",
    "replay_recipe",
    "report",
    "sample",
    "schemas",
    "segment_members",
    "segment_sizes",
    "segments",
    "single_order_at_least",
    "split_value",
    "study_segments",
    "study_workaround",
    "summarise_changes",
    "summarise_credits",
    "sweep_windows",
    "tables",
    "total_spent_at_least",
    "value_extra_days",
    "value_segments",
    "write_store",
]

__version__: str
