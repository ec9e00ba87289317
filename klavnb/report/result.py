"""What became of one report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from klavnb.errors import KlavnbError
from klavnb.report.signature import Value

__all__ = ["ReportResult"]

Status = Literal["final", "provisional", "failed", "no orders"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportResult:
    """What became of one report.

    Parameters
    ----------
    name
        The notebook's name without its ending.
    path
        The page. After a failure: where it would be, and an earlier one may still be.
    title
        The page's title.
    parameters
        Name → value, those of the notebook that were not given included.
    facts
        What the notebook says of itself: `data_as_of`, `headline`, `banner`, `status`.
    seconds
        From the start until the page was written.
    status
        `provisional` where the notebook says so, else `final`; or `failed`; or `no orders`, which is no failure of a
        period.
    error
        Why it failed, or that there are no orders.
    period
        The name of the period, where reports were made of several.
    tables
        The CSV files of its tables, where they were asked for.
    """

    name: str
    path: Path
    title: str
    parameters: Mapping[str, Value]
    facts: Mapping[str, Any] = field(default_factory=dict)
    seconds: float
    status: Status = "final"
    error: KlavnbError | None = None
    period: str = ""
    tables: Sequence[Path] = ()
