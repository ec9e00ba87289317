"""Runs a notebook with checked parameters and writes one HTML page of it that works without a network.

What is heavy (nbconvert, papermill, a kernel) loads when a report is made, not with the package.
"""

from klavnb.report.accounts import make_account_reports, name_accounts
from klavnb.report.index import write_index
from klavnb.report.lint import lint_page
from klavnb.report.one import run_report
from klavnb.report.parameters import check_parameters, split_assignments
from klavnb.report.periods import Length, Period, list_periods
from klavnb.report.result import ReportResult
from klavnb.report.runner import make_reports
from klavnb.report.signature import Parameter, read_parameters

__all__ = [
    "Length",
    "Parameter",
    "Period",
    "ReportResult",
    "check_parameters",
    "lint_page",
    "list_periods",
    "make_account_reports",
    "make_reports",
    "name_accounts",
    "read_parameters",
    "run_report",
    "split_assignments",
    "write_index",
]
