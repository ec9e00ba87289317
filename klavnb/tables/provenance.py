"""Where the numbers of a report come from."""

import platform
from collections.abc import Mapping
from importlib.metadata import version

import polars as pl
from great_tables import GT

from klavnb.comparison import ModelComparison
from klavnb.errors import name_some
from klavnb.export import Export
from klavnb.privacy import mask
from klavnb.tables.layout import tabulate

__all__ = ["list_provenance", "tabulate_provenance"]

LIBRARIES = ("klavnb", "polars", "altair", "great-tables", "papermill", "nbconvert")


def tabulate_provenance(export: Export, *, comparison: ModelComparison) -> GT:
    """List where the numbers of a comparison come from: data, rows, settings, versions."""
    return list_provenance(
        export,
        {
            "Models": f"{comparison.baseline} against {comparison.candidate}",
            "Settings": comparison.settings.describe(),
        },
    )


def list_provenance(export: Export, own: Mapping[str, str]) -> GT:
    """List where the numbers of a report come from: data and load, then its own rows (name → words), then versions."""
    summary = export.summary
    first, last = (f"{at:%Y-%m-%d %H:%M}" if at else "–" for at in (summary.first_event_at, summary.last_event_at))
    rows = {
        "Data": name_some(summary.sources),
        "Fingerprint": summary.fingerprint,
        "Events": f"{summary.rows_in:,} in = {summary.rows_kept:,} kept + {sum(summary.rejected.values()):,} rejected",
        "Rejected": "; ".join(f"{reason}: {count:,}" for reason, count in summary.rejected.items()) or "none",
        "Period of the data": f"{first} to {last} UTC",
        "Metrics": ", ".join(f"{name} {count:,}" for name, count in summary.metrics.items()),
        **own,
        "Notes of the load": " ".join(summary.notes) or "none",
        "Versions": f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    }
    frame = pl.DataFrame({"what": list(rows), "value": [mask(text) for text in rows.values()]})
    return tabulate(frame, name="provenance").cols_label(what="", value="")
