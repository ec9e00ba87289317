"""What a segment asks, typed: filters, conditions, groups. Read from JSON elsewhere, evaluated elsewhere.

Names follow Klaviyo's segment definition (revision 2026-07-15). What Klaviyo does not have is marked
*ours*: groups inside groups, exclusions, segments as conditions, paths into nested items, and the
measurements other than count and sum.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias

__all__ = [
    "BooleanFilter",
    "Condition",
    "ConsentCondition",
    "ConsentFilter",
    "DateFilter",
    "Definition",
    "ExistenceFilter",
    "Filter",
    "FunnelCondition",
    "FunnelStep",
    "Group",
    "GroupMembershipCondition",
    "ListFilter",
    "MetricCondition",
    "NumericFilter",
    "PermissionCondition",
    "PredictionCondition",
    "PropertyCondition",
    "PropertyFilter",
    "RegionCondition",
    "SegmentCondition",
    "TextFilter",
]

NumericOperator: TypeAlias = Literal[
    "equals",
    "not-equals",
    "greater-than",
    "greater-than-or-equal",
    "less-than",
    "less-than-or-equal",
]
TextOperator: TypeAlias = Literal[
    "equals",
    "not-equals",
    "contains",
    "not-contains",
    "starts-with",
    "not-starts-with",
    "ends-with",
    "not-ends-with",
    "regex",
    "nregex",
    "in",
    "not-in",
    "phone-country-code-in",
    "phone-country-code-not-in",
]
ListOperator: TypeAlias = Literal[
    "contains",
    "not-contains",
    "contains-any",
    "contains-all",
    "not-contains-any",
    "not-contains-all",
    "contains-substring",
    "not-contains-substring",
    "length-equals",
    "length-greater-than",
    "length-greater-than-or-equal",
    "length-less-than",
    "length-less-than-or-equal",
]
DateOperator: TypeAlias = Literal[
    "before",
    "after",
    "between-static",
    "in-the-last",
    "at-least",
    "in-the-next",
    "between",
    "anniversary",
    "anniversary-month",
    "anniversary-last",
    "anniversary-next",
    "calendar-month",
    "alltime",
]
Unit: TypeAlias = Literal["hour", "day", "week"]
Measurement: TypeAlias = Literal["count", "sum", "max", "min", "average", "last"]
Channel: TypeAlias = Literal["email", "sms", "push"]
Subscription: TypeAlias = Literal["any", "subscribed", "unsubscribed", "never_subscribed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericFilter:
    """Compare a number; never true of a value that is unset."""

    operator: NumericOperator
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFilter:
    """Compare a text, case-sensitively; never true of a value that is unset, its `not-` forms included.

    `values` has one element but for `in`, `not-in` and the two of country codes.
    """

    operator: TextOperator
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFilter:
    """Compare a list; `values` of a `length-…` operator is one whole number."""

    operator: ListOperator
    values: tuple[str | int | float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BooleanFilter:
    """Compare a truth value."""

    value: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistenceFilter:
    """Ask whether a value is set; null, absent and empty text are not."""

    is_set: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DateFilter:
    """Compare a time with a date, or with the day on which the segment is looked at.

    Parameters
    ----------
    unit, quantity
        Of `in-the-last`, `at-least`, `in-the-next` and the two relative anniversaries.
    nearest, farthest
        Of `between`: how many units ago, the smaller number first.
    start_on, end_on
        Of `between-static`, both days included; `before` and `after` have `start_on`.
    month
        Of `calendar-month`: 1 to 12.
    """

    operator: DateOperator
    unit: Unit = "day"
    quantity: int = 0
    nearest: int = 0
    farthest: int = 0
    start_on: date | None = None
    end_on: date | None = None
    month: int | None = None


Filter: TypeAlias = NumericFilter | TextFilter | ListFilter | BooleanFilter | ExistenceFilter | DateFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyFilter:
    """A filter on one property of an event.

    `path` is a top-level name such as `$value` or `ProductName`, taken as it is written, dots included;
    or, *ours*, a path through lists of items such as `Items[*].Size`: there some item must match, and all
    filters of one condition whose paths begin with the same list ask about the same item.
    """

    path: str
    filter: Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCondition:
    """Profiles whose events of a metric, filtered, in a time frame, measure up (`profile-metric`).

    Parameters
    ----------
    metric
        A metric's id, or its name.
    measurement
        `max`, `min`, `average` and `last` are *ours*, and never true of a profile without such an event.
    measured
        Path of the number that is measured; `$value` unless given. Not looked at by `count`.
    """

    metric: str
    measurement: Measurement
    measurement_filter: NumericFilter
    timeframe: DateFilter
    metric_filters: tuple[PropertyFilter, ...] = ()
    measured: str = "$value"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelStep:
    """One step of a funnel: an event that is there, or one that is not."""

    metric: str
    metric_exists: bool
    metric_filters: tuple[PropertyFilter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelCondition:
    """Profiles who went through steps in their order (`profile-metric-funnel`).

    `completion_window_hours` is how long after the first step the last one may come; None: any time.
    """

    timeframe: DateFilter
    steps: tuple[FunnelStep, ...]
    completion_window_hours: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyCondition:
    """Profiles by a property (`profile-property`): `email`, `location['city']`, `properties['Size']`."""

    property: str
    filter: Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMembershipCondition:
    """Profiles in any of some lists or segments, or in none of them (`profile-group-membership`)."""

    is_member: bool
    group_ids: tuple[str, ...]
    timeframe: DateFilter | None = None  # when they joined


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentFilter:
    """A detail of a consent: `field` as Klaviyo names it (is_double_opt_in, status_date, method …).

    `method` is the way itself, `detail` the field of it that `filter` asks about, where it does.
    """

    field: str
    filter: Filter | None = None
    method: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentCondition:
    """Profiles by what they agreed to (`profile-marketing-consent`)."""

    channel: Channel
    can_receive_marketing: bool
    subscription: Subscription
    filters: tuple[ConsentFilter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionCondition:
    """Profiles by whether WhatsApp may reach them (`profile-permissions`)."""

    channel: Literal["whatsapp_marketing", "whatsapp_transactional"]
    reachable_status: str
    filters: tuple[ConsentFilter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionCondition:
    """Profiles who are, or are not, in the European Union or the United States (`profile-region`)."""

    in_region: bool
    region: Literal["european_union", "united_states"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionCondition:
    """Profiles by one of Klaviyo's figures about them (`profile-predictive-analytics`).

    `predicted_channel` and `measurement` belong to `channel_affinity` only.
    """

    dimension: str
    filter: Filter
    measurement: Literal["priority", "rank"] | None = None
    predicted_channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentCondition:
    """Profiles who are, or are not, in another segment of the same definitions; *ours*."""

    segment: str
    is_member: bool = True


Condition: TypeAlias = (
    MetricCondition
    | FunnelCondition
    | PropertyCondition
    | GroupMembershipCondition
    | ConsentCondition
    | PermissionCondition
    | RegionCondition
    | PredictionCondition
    | SegmentCondition
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Conditions and groups of which all, any or none hold; `none`, and groups in groups, are *ours*."""

    match: Literal["all", "any", "none"]
    parts: tuple["Condition | Group", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A segment: its name, and the group of conditions that makes a profile a member.

    Parameters
    ----------
    root
        As Klaviyo has it: `all` of groups, each `any` of its conditions; exclusions are a group `none`.
    id
        Klaviyo's own id of the segment, where the definition came with one.
    """

    name: str
    root: Group
    id: str | None = field(default=None)
