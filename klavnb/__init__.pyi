from . import (
    agreement,
    audiences,
    charts,
    definitions,
    findings,
    performance,
    quality,
    recipes,
    rendering,
    report,
    sample,
    schemas,
    segments,
    tables,
)
from .attribution import attribute, attribute_models, summarise_credits
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
from .choices import (
    ModelStudy,
    measure_dependence,
    study_models,
    value_campaigns,
    value_channels,
    value_flows,
    value_messages,
    value_models,
)
from .cluster import open_cluster
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
from .distribution import attribute_on, find_members_on, segment_sizes_on
from .errors import DefinitionError, ExportError, KlavnbError, ReportError, SettingsError, StoreError
from .filling import load_store, write_store
from .growth import compare_sizes
from .learned import learn_channels
from .lists import read_list, read_numbers, read_windows
from .loading import LoadOptions
from .models import MODELS, check_model
from .paths import find_paths
from .performance import MessageStudy, measure_messages, study_messages
from .quality import check_export, checks_to_frame, judge_survey, survey_export
from .recipes import backfill_properties, compare_recipe, count_recipe, replay_recipe
from .schemas import (
    Change,
    Conversion,
    Credit,
    Event,
    GroupMember,
    Membership,
    Message,
    MessageMeasure,
    Profile,
    SegmentSize,
    Touch,
)
from .segments import Calendar, describe_history, find_memberships, measure_overlap, segment_members, segment_sizes
from .sensitivity import sweep_windows, value_extra_days
from .settings import Settings
from .slicing import scan_credits
from .spending import compare_spending, count_item_buyers, read_threshold
from .store import read_export
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
    "LoadOptions",
    "Membership",
    "Message",
    "MessageMeasure",
    "MessageStudy",
    "ModelComparison",
    "ModelStudy",
    "Profile",
    "ReportError",
    "SegmentSize",
    "SegmentStudy",
    "Settings",
    "SettingsError",
    "StoreError",
    "Touch",
    "Workaround",
    "agreement",
    "attribute",
    "attribute_models",
    "attribute_on",
    "audiences",
    "backfill_properties",
    "bridge_models",
    "charts",
    "check_export",
    "check_model",
    "checks_to_frame",
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
    "find_members_on",
    "find_memberships",
    "find_paths",
    "find_touches",
    "findings",
    "judge_survey",
    "learn_channels",
    "load_store",
    "measure_dependence",
    "measure_gaps",
    "measure_messages",
    "measure_overlap",
    "open_cluster",
    "ordered_item",
    "parse_definition",
    "performance",
    "pick_definition",
    "pick_journeys",
    "quality",
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
    "scan_credits",
    "schemas",
    "segment_members",
    "segment_sizes",
    "segment_sizes_on",
    "segments",
    "single_order_at_least",
    "split_value",
    "study_messages",
    "study_models",
    "study_segments",
    "study_workaround",
    "summarise_changes",
    "summarise_credits",
    "survey_export",
    "sweep_windows",
    "tables",
    "total_spent_at_least",
    "value_campaigns",
    "value_channels",
    "value_extra_days",
    "value_flows",
    "value_messages",
    "value_models",
    "value_segments",
    "write_store",
]

__version__: str
