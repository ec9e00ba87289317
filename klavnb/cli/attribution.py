"""The command that credits conversions."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.table import Table

import klavnb as kn
from klavnb.cli.console import Data, check_ending, check_outside, check_target, heard, said
from klavnb.files import replace_file

__all__ = ["attribute"]


def attribute(
    data: Data,
    *,
    model: Literal["old", "cooperative", "linear"] = "cooperative",
    preset: Literal["2022", "2024", "2026"] | None = None,
    windows: Annotated[tuple[str, ...], Parameter(name="--window", negative=())] = (),
    anchor: Literal["received", "touched"] | None = None,
    conversion: str = "",
    exclude_machine_opens: Annotated[bool | None, Parameter(negative=())] = None,
    exclude_bot_clicks: Annotated[bool | None, Parameter(negative=())] = None,
    net_of_refunds: Annotated[bool | None, Parameter(negative=())] = None,
    settings: Path | None = None,
    out: Path | None = None,
) -> None:
    """Credit every conversion of an export to the messages that earned it.

    Parameters
    ----------
    model
        `old` (Klaviyo until March 2022), `cooperative` (since), or `linear`.
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
    settings
        A settings file in TOML: the settings above, the account's own metric names, messages to leave out.
        Options given beside it replace its part; a preset belongs into the file.
    out
        The file for the credits, .parquet or .csv: one row per conversion and credited touch.
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
    )
    check_ending(out, "Credits")
    check_outside(out, data)
    with heard.status("Reading …") as status:
        export = kn.read_export(data, settings=chosen)
        status.update("Attributing …")
        touches = kn.find_touches(export.events, settings=chosen)
        conversions = kn.find_conversions(export.events, settings=chosen)
        if conversions.limit(1).collect().is_empty():
            raise kn.refuse_missing_metric(export, settings=chosen)
        credits_ = kn.attribute(touches, conversions, model=model, settings=chosen).collect()
        if out is not None:
            check_target(out, [credits_.columns])
            replace_file(out, credits_.write_parquet if out.suffix.lower() == ".parquet" else credits_.write_csv)
    said.print(f"Model: {model}. {chosen.describe()}")
    for row in kn.summarise_credits(credits_.lazy()).collect().to_dicts():
        said.print(_tabulate_credits(row))
    for note in export.summary.notes:
        said.print(f"Note: {note}")
    if out is not None:
        said.print(str(out))


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
