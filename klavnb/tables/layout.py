"""What the tables share."""

from collections import Counter
from typing import Any, Final

import polars as pl
from great_tables import GT

from klavnb.formats.profile_cells import TIME_FORMAT, defuse, defuse_name
from klavnb.rendering import TABLE

__all__ = ["Table", "add_unit", "tabulate"]

DIGITS: Final = 12
"""Of a number in a CSV: what a sum of floats has beyond them is noise."""


class Table(GT):
    """A table that carries its cells as CSV beside its HTML; `klavnb report --tables` writes them."""

    def _repr_mimebundle_(self, **_options: object) -> dict[str, Any]:
        name = str(self._options.table_id.value).removeprefix("table-")
        html: str = self._repr_html_()  # type: ignore[no-untyped-call]  # great-tables leaves it without
        return {"text/html": html, TABLE: {"name": name, "csv": write_cells(self)}}


def tabulate(rows: pl.DataFrame, *, name: str) -> Table:
    """Make a table with a fixed id, so that the same rows give the same page; great-tables escapes the cells.

    Parameters
    ----------
    name
        Of the table within its report: lower case, words joined by hyphens. A CSV of it is called after it.
    """
    return Table(rows, id=f"table-{name}")


def write_cells(table: GT) -> str:
    """Write the columns that a table shows as CSV, a row per row: numbers as they are, not as they are formatted.

    The header has the table's own headings; where one is empty or comes twice, the column's name stands with it.
    A share is a fraction of 1, a day YYYY-MM-DD, a time YYYY-MM-DD HH:MM:SS; what is not shown is an empty cell. A
    text that a spreadsheet might take for a formula has an apostrophe before it.

    Examples
    --------
    >>> rows = pl.DataFrame({"label": ["=1+1", None], "value": [1460.5, -3.0], "secret": [1, 2]})
    >>> table = tabulate(rows, name="sums").cols_label(label="Message", value="Revenue, EUR").cols_hide("secret")
    >>> print(write_cells(table.fmt_number("value", decimals=0)))
    Message,"Revenue, EUR"
    '=1+1,1460.5
    ,-3.0
    <BLANKLINE>
    """
    shown = [column for column in table._boxhead if column.visible]  # noqa: SLF001 - its headings are nowhere else
    labels = {column.var: str(column.column_label).strip() for column in shown}
    count = Counter(labels.values())
    heads = {
        name: label if label and count[label] == 1 else f"{label} ({name})".strip() if label else name
        for name, label in labels.items()
    }
    rows = pl.DataFrame(table._tbl_data)  # noqa: SLF001 - its rows are nowhere else
    cells = rows.select(_write(name, rows.schema[name]).alias(defuse_name(heads[name])) for name in labels)
    return cells.write_csv(datetime_format=TIME_FORMAT)


def _write(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if kind.is_float():
        return column.round_sig_figs(DIGITS)
    if isinstance(kind, pl.Duration):
        return column.dt.total_microseconds() / 86_400_000_000  # days
    if isinstance(kind, pl.List):
        return defuse(column.cast(pl.List(pl.String)).list.join("; "))
    return column if kind.is_numeric() or kind.is_temporal() or kind == pl.Boolean else defuse(column.cast(pl.String))


def add_unit(currency: str | None) -> str:
    """What a heading adds to a name of money."""
    return f", {currency}" if currency else ""
