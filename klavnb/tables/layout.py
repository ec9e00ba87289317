"""What the tables share."""

import polars as pl
from great_tables import GT

__all__ = ["add_unit", "tabulate"]


def tabulate(rows: pl.DataFrame, *, name: str) -> GT:
    """Make a table with a fixed id, so that the same rows give the same page; great-tables escapes the cells."""
    return GT(rows, id=f"table-{name}")


def add_unit(currency: str | None) -> str:
    """What a heading adds to a name of money."""
    return f", {currency}" if currency else ""
