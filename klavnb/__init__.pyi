from . import charts, findings, rendering, report, sample, schemas, tables
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
from .caveats import count_channels, find_caveats
from .comparison import (
    ModelComparison,
    compare_credits,
    compare_models,
    estimate_difference,
    refuse_missing_metric,
    summarise_changes,
)
from .errors import ExportError, KlavnbError, ReportError, SettingsError, StoreError
from .schemas import Change, Conversion, Credit, Event, Message, Profile, Touch
from .sensitivity import sweep_windows, value_extra_days
from .settings import Settings
from .store import read_export, write_store
from .touches import count_interactions, find_conversions, find_touches

__all__ = [
    "MODELS",
    "Change",
    "Conversion",
    "Credit",
    "Event",
    "ExportError",
    "KlavnbError",
    "Message",
    "ModelComparison",
    "Profile",
    "ReportError",
    "Settings",
    "SettingsError",
    "StoreError",
    "Touch",
    "attribute",
    "bridge_models",
    "charts",
    "compare_credits",
    "compare_filters",
    "compare_messages",
    "compare_models",
    "compare_weeks",
    "count_channels",
    "count_interactions",
    "estimate_difference",
    "find_caveats",
    "find_conversions",
    "find_touches",
    "findings",
    "measure_gaps",
    "pick_journeys",
    "read_export",
    "refuse_missing_metric",
    "rendering",
    "report",
    "sample",
    "schemas",
    "split_value",
    "summarise_changes",
    "summarise_credits",
    "sweep_windows",
    "tables",
    "value_extra_days",
    "write_store",
]

__version__: str
