"""The command that credits conversions."""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.table import Table

import klavnb as kn
from klavnb.cli.clusters import ClusterAddress, check_store, open_parts, open_workers, to_file
from klavnb.cli.console import Data, check_ending, check_outside, check_target, heard, said
from klavnb.cli.progress import WorkProgress
from klavnb.files import replace_file

__all__ = ["attribute"]


def attribute(
    data: Data,
    *,
    model: str = "cooperative",
    preset: Literal["2022", "2024", "2026"] | None = None,
    windows: Annotated[tuple[str, ...], Parameter(name="--window", negative=())] = (),
    anchor: Literal["received", "touched"] | None = None,
    conversion: str = "",
    exclude_machine_opens: Annotated[bool | None, Parameter(negative=())] = None,
    exclude_bot_clicks: Annotated[bool | None, Parameter(negative=())] = None,
    net_of_refunds: Annotated[bool | None, Parameter(negative=())] = None,
    half_life: str = "",
    position_shares: str = "",
    settings: Path | None = None,
    out: str | None = None,
    cluster: ClusterAddress = None,
) -> None:
    """Credit every conversion of an export to the messages that earned it.

    Parameters
    ----------
    model
        `old` (Klaviyo until March 2022), `cooperative` (since; `last_touch` is the same), `first_touch`, `linear`,
        `time_decay`, `position_based`, or, of clicks alone, `first_click` and `last_click`.
    preset
        Klaviyo's default windows of 2022 (the default), of accounts made since October 2024, or of April 2026.
    windows
        A window that differs, such as email.open=5d, sms=12h or push.open=none; may repeat.
    anchor
        Where a window starts: at the message's receipt (the default) or at the touch.
    conversion
        The metric that is a conversion; "Placed Order" unless given.
    exclude_machine_opens
        Leave out opens known to be made by a machine.
    exclude_bot_clicks
        Leave out clicks known to be made by a bot; the presets 2024 and 2026 do.
    net_of_refunds
        Subtract refunds and cancels from the orders.
    half_life
        Of time_decay: the age at which a touch weighs half, such as 12h; 7d unless given.
    position_shares
        Of position_based: per cent to the first touch, to all between, and to the last; 40-20-40 unless given.
    settings
        A settings file in TOML: the settings above, the account's own metric names, messages to leave out.
        Options given beside it replace its part; a preset belongs into the file.
    out
        The file for the credits, .parquet or .csv: one row per conversion and credited touch. With --cluster also a
        folder, here or in an object store (s3://…), for the Parquet files that its workers write, in the order of time.
    """
    chosen = kn.Settings.from_options(
        file=settings or "",
        preset=preset or "",
        windows=windows,
        anchor=anchor or "",
        conversion_metric=conversion,
        exclude_machine_opens=exclude_machine_opens,
        exclude_bot_clicks=exclude_bot_clicks,
        net_of_refunds=net_of_refunds,
        half_life=half_life,
        position_shares=position_shares,
    )
    import polars as pl  # noqa: PLC0415 - `klavnb --help` does not need it

    asked = kn.check_model(model)
    file = to_file(out, cluster)
    check_ending(file, "Credits")
    check_outside(file, data)
    store = None if cluster is None else check_store(data)
    with heard.status("Reading …"):
        export = kn.read_export(data, settings=chosen)
        if kn.find_conversions(export.events, settings=chosen).limit(1).collect().is_empty():
            raise kn.refuse_missing_metric(export, settings=chosen)
    check_target(file, [kn.schemas.Credit.column_names()])
    with TemporaryDirectory(prefix="klavnb-") as folder, ExitStack() as opened:
        if cluster is not None and store is not None:
            parts = opened.enter_context(open_parts(out, cluster, option="--out"))
            workers = opened.enter_context(open_workers(cluster))
            with WorkProgress(heard, "attributing") as bar:
                held = kn.attribute_on(workers, store, parts, models=[asked], settings=chosen, progress=bar.update)
        else:
            # the credits of a large export need not fit into memory: they are written as they are found
            found = Path(folder) / "credits.parquet"
            with WorkProgress(heard, "attributing") as bar:
                credits_ = kn.scan_credits(export.events, models=[asked], settings=chosen, progress=bar.update)
                credits_.sink_parquet(found)
            held = kn.schemas.Credit.cast(pl.scan_parquet(found))
        summary = kn.summarise_credits(held).collect(engine="streaming")
        if file is not None:
            replace_file(file, held.sink_csv if file.suffix.lower() == ".csv" else held.sink_parquet)
    said.print(f"Model: {asked}. {chosen.describe()}")
    for row in summary.to_dicts():
        said.print(_tabulate_credits(row))
    for note in export.summary.notes:
        said.print(f"Note: {note}")
    if out is not None:
        said.print(out)


def _tabulate_credits(row: dict[str, Any]) -> Table:
    """One currency's credits, each reason on a line of its own."""
    table = Table("", "Conversions", f"Value, {row['currency'] or 'no currency'}")
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row("all", f"{row['count_conversions']:,}", f"{row['value']:,.2f}")
    table.add_row("attributed", f"{row['count_attributed']:,}", f"{row['attributed_value']:,.2f}")
    for reason in kn.schemas.REASONS:
        if row[reason]:
            table.add_row(f"not attributed: {reason}", f"{row[reason]:,}", "")
    return table
