"""The commands about exports: read one into a store, and write one of an invented shop."""

import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from rich.table import Table

import klavnb as kn
from klavnb.cli.clusters import ClusterAddress, open_workers
from klavnb.cli.console import heard, said
from klavnb.cli.progress import WorkProgress

if TYPE_CHECKING:  # the store brings polars, which `klavnb --help` does not need
    from klavnb.summary import LoadSummary

__all__ = ["load", "sample"]


def load(
    exports: Annotated[tuple[str, ...], Parameter(negative=())],
    *,
    out: str,
    append: bool = False,
    settings: Path | None = None,
    format: str | None = None,  # noqa: A002 - the option's name on the command line
    schema: str = "klaviyo",
    on_error: Literal["quarantine", "stop"] = "quarantine",
    max_rejects: float = 0.05,
    workers: int | None = None,
    cluster: ClusterAddress = None,
) -> None:
    """Read an export of any size once into a store of typed Parquet files, and say what came of every row.

    Parameters
    ----------
    exports
        Folders or files, of one format or several, here or in an object store (s3://…); or the address of a
        PostgreSQL database, postgresql://….
    out
        The folder of the store, or its address, s3://…; a store that is there is replaced once the new one is whole.
    append
        Add to the store that is there instead: what comes again counts once, and the later word counts.
    settings
        A settings file in TOML, for the account's own metric names and the headers of its CSV of events ([columns]).
    format
        Read every file as this format, instead of recognising each by its content: airbyte_jsonl, airbyte_tables,
        campaign_csv, event_csv, events_api, fivetran, profile_csv or singer. A CSV of events with headers of its own
        is recognised by the settings' [columns].
    schema
        The schema of Fivetran's tables in a database.
    on_error
        Set records aside that cannot be used, with the reason, or stop at the first.
    max_rejects
        The share of records that may be set aside before the load stops; repeated events do not count.
    workers
        Processes that read; as many as there are cores unless given.
    """
    chosen = kn.Settings.from_options(file=settings or "")
    options = kn.LoadOptions(
        format=format,
        schema=schema,
        on_error=on_error,
        max_rejects=max_rejects,
        workers=workers or os.cpu_count() or 1,
    )
    workplace = nullcontext() if cluster is None else open_workers(cluster, workers)
    with workplace as opened, WorkProgress(heard) as progress:
        export = kn.load_store(
            exports, out, settings=chosen, options=options, append=append, cluster=opened, progress=progress.update
        )
    said.print(_tabulate_load(export.summary))
    period = export.summary.first_event_at, export.summary.last_event_at
    said.print("Period: " + " to ".join(f"{at:%Y-%m-%d}" for at in period if at) + " UTC")
    counts = kn.count_interactions(export.events, settings=chosen).collect(engine="streaming")
    said.print(
        f"Opens and clicks that name no message, so that they are no touches: {counts['count_messageless'].sum():,}"
    )
    for note in export.summary.notes:
        said.print(f"Note: {note}")
    said.print(out)


def sample(
    out: Path,
    *,
    profiles: int = 2000,
    days: int = 365,
    seed: int = 7,
    format: Literal["api", "fivetran"] = "api",  # noqa: A002 - the option's name on the command line
    answers: Path | None = None,
) -> None:
    """Write the export of an invented shop, as Klaviyo writes it, with journeys whose right answer is known.

    Parameters
    ----------
    out
        The folder for the export; a former sample in it is replaced.
    profiles
        How many customers; at least 20.
    days
        How many days of the shop's life, up to 2026-08-31; at least 30.
    seed
        The same seed gives the same files, byte for byte.
    format
        Pages of Klaviyo's Events API, or Fivetran's tables.
    answers
        The file for the answers of the planted journeys; OUT-answers.csv unless given.
    """
    with heard.status("Writing …"):
        kn.sample.write_sample(out, profiles=profiles, days=days, seed=seed, layout=format, answers=answers)
    said.print(str(out))


def _tabulate_load(summary: "LoadSummary") -> Table:
    """Rows in, kept and rejected by reason; period; metrics."""
    table = Table("Load", "Events")
    table.columns[1].justify = "right"
    table.add_row("rows in", f"{summary.rows_in:,}")
    table.add_row("kept", f"{summary.rows_kept:,}")
    for reason, count in summary.rejected.items():
        table.add_row(f"rejected: {reason}", f"{count:,}")
    if not summary.rejected:
        table.add_row("rejected", "0")
    table.add_section()
    for metric, count in summary.metrics.items():
        table.add_row(metric, f"{count:,}")
    return table
