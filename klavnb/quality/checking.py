"""All checks of an export, in the order in which a person reads them."""

from klavnb.export import Export
from klavnb.quality.checks import Check, Limits
from klavnb.quality.clock_checks import check_clocks
from klavnb.quality.message_checks import check_messages
from klavnb.quality.order_checks import check_orders
from klavnb.quality.period_checks import check_period
from klavnb.quality.record_checks import check_records
from klavnb.quality.survey import Survey, survey_export
from klavnb.segments.calendar import AsOf
from klavnb.settings import Settings

__all__ = ["check_export", "judge_survey"]


def check_export(
    data: Export, *, settings: Settings, as_of: AsOf | None = None, limits: Limits | None = None
) -> tuple[Check, ...]:
    """Check whether an export is good enough to believe.

    Every check comes, whether it found something or not, always in the same order:

    - period: `period`, `gaps` (days without any event), `metric_gaps` (days without one metric that attribution uses),
      `metric_edges` (a metric that begins late or ends early), `thin_end` (the last days are thinner than usual),
      `missing_events` (profiles' last events that are not there), `provisional`, `run_up`
    - messages: `metrics` (missing for attribution), `unknown_metrics`, `receipts`, `messageless`, `machine_opens`,
      `bot_clicks`, `recorded_attribution`, `message_names`
    - orders: `order_values`, `outliers`, `currencies`, `repeated_orders`
    - clocks: `future`, `stray` (long before all others, such as 1970), `midnight`, `same_second`
    - records: `repeated_events`, `rejects`, `busy_profile`, `profile_records`, `consent`, `groups`

    Parameters
    ----------
    settings
        Of the attribution that the export is meant for.
    as_of
        When the export was made, a moment or a day, which means its end; what is later lies in the future. By
        default now.
    limits
        From where on something is worth a look, or serious; what they are by default, `Limits` says.

    Examples
    --------
    >>> from klavnb.store import read_export
    >>> checks = check_export(read_export("sample"), settings=Settings())
    >>> [check.name for check in checks if check.level == "serious"]
    []
    """
    return judge_survey(survey_export(data, settings=settings, limits=limits, as_of=as_of))


def judge_survey(survey: Survey) -> tuple[Check, ...]:
    """Judge what was counted in an export: the checks of `check_export`."""
    parts = (check_period, check_messages, check_orders, check_clocks, check_records)
    return tuple(check for part in parts for check in part(survey))
