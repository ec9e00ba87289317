"""Runs a notebook with checked parameters and writes one HTML page of it that works without a network.

What is heavy (nbconvert, papermill, a kernel) loads when a report is made, not with the package.
"""

from klavnb.report.index import write_index
from klavnb.report.lint import lint_page
from klavnb.report.parameters import check_parameters, split_assignments
from klavnb.report.runner import ReportResult, make_reports, run_report
from klavnb.report.signature import Parameter, read_parameters

__all__ = [
    "Parameter",
    "ReportResult",
    "check_parameters",
    "lint_page",
    "make_reports",
    "read_parameters",
    "run_report",
    "split_assignments",
    "write_index",
]
