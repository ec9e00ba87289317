"""How a profile CSV spells headers and cells, both ways: what Klaviyo imports, and no spreadsheet executes.

A text that a spreadsheet would take for a formula is written with an apostrophe before it, and read
without: whatever text it was, it comes back.
"""

import re
from collections.abc import Mapping
from typing import Final

import polars as pl

__all__ = [
    "HEADERS",
    "LOCATION_HEADERS",
    "PHONE",
    "defuse",
    "defuse_name",
    "restore",
    "restore_name",
    "write_cells",
    "write_number",
]

HEADERS: Final[Mapping[str, str]] = {
    "email": "Email",
    "phone_number": "Phone Number",
    "external_id": "External ID",
    "first_name": "First Name",
}
"""Column of a profile → its header, as Klaviyo's own exports spell it."""

LOCATION_HEADERS: Final[Mapping[str, str]] = {
    "address1": "Address",
    "address2": "Address 2",
    "city": "City",
    "region": "State / Region",
    "country": "Country",
    "zip": "Zip Code",
    "latitude": "Latitude",
    "longitude": "Longitude",
}
"""Part of a profile's location → its header."""

PHONE: Final = r"^\+[1-9]\d{6,14}$"
"""A phone number as Klaviyo takes it (E.164). A plus and digits compute nothing, so it needs no apostrophe."""

FORMULA: Final = r"^['\s]*[=+\-@\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}]|^'*[\t\r\n]"
"""What a spreadsheet may take for a formula, the wide signs of East Asian keyboards among it; and what hides one.

Text that has apostrophes before it already counts as well, or reading could not tell them from ours.
"""

NUMBER: Final = r"^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$"
"""A number stays one, its sign included: −5 computes nothing."""

TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S"
WHOLE_NUMBERS: Final = 2.0**53
PYTHON_FORMULA: Final = re.compile(re.sub(r"\\x\{(\w+)\}", r"\\u\1", FORMULA))


def defuse(text: pl.Expr) -> pl.Expr:
    """Put an apostrophe before what a spreadsheet might execute; numbers are left as they are.

    Examples
    --------
    >>> texts = pl.Series(["=1+1", "-5", "-5%", "Ann", "'=1", None])
    >>> pl.select(defuse(pl.lit(texts))).to_series().to_list()
    ["'=1+1", '-5', "'-5%", 'Ann', "''=1", None]
    """
    is_harmless = ~text.str.contains(FORMULA) | text.str.contains(NUMBER)
    return pl.when(is_harmless).then(text).otherwise(pl.concat_str(pl.lit("'"), text))


def restore(text: pl.Expr) -> pl.Expr:
    """Take away the apostrophe that `defuse` put before a text, and no other.

    Examples
    --------
    >>> texts = pl.Series(["'=1+1", "''=1", "'tis", "-5"])
    >>> pl.select(restore(pl.lit(texts))).to_series().to_list()
    ['=1+1', "'=1", "'tis", '-5']
    """
    bare = text.str.strip_prefix("'")
    is_ours = text.str.starts_with("'") & bare.str.contains(FORMULA)
    return pl.when(~is_ours).then(text).otherwise(bare)


def defuse_name(name: str) -> str:
    """Put an apostrophe before a header that a spreadsheet might execute.

    Examples
    --------
    >>> defuse_name("@home"), defuse_name("60_day_highest_order_value")
    ("'@home", '60_day_highest_order_value')
    """
    return f"'{name}" if PYTHON_FORMULA.search(name) else name


def restore_name(name: str) -> str:
    """Take away the apostrophe that `defuse_name` put before a header.

    Examples
    --------
    >>> restore_name("'@home"), restore_name("'tis")
    ('@home', "'tis")
    """
    bare = name.removeprefix("'")
    return bare if bare != name and PYTHON_FORMULA.search(bare) else name


def write_number(number: pl.Expr) -> pl.Expr:
    """Write numbers without signs of currency, separators, or a point where they are whole; what is not finite is null.

    Examples
    --------
    >>> numbers = pl.Series([1359.0, -12.5, float("nan"), 0.1])
    >>> pl.select(write_number(pl.lit(numbers))).to_series().to_list()
    ['1359', '-12.5', None, '0.1']
    """
    is_whole = (number == number.floor()) & (number.abs() < WHOLE_NUMBERS)
    return (
        pl.when(is_whole)
        .then(number.cast(pl.Int64, strict=False).cast(pl.String))
        .when(number.is_finite())
        .then(number.cast(pl.String))
    )


def write_cells(values: pl.DataFrame) -> pl.DataFrame:
    r"""Write typed columns as cells: text, under the same names; null is a blank cell.

    Text is defused, numbers are plain, truth values `True` and `False`, times `YYYY-MM-DD HH:MM:SS` in
    UTC (a date is its midnight), lists JSON arrays.

    Examples
    --------
    >>> values = pl.DataFrame({"a": ["=1"], "b": [True], "c": [["x", 'y"']], "d": [12.0]})
    >>> write_cells(values).row(0)
    ("'=1", 'True', '["x","y\\""]', '12')
    """
    return values.select(_write_column(name, dtype) for name, dtype in values.schema.items())


def _write_column(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype == pl.Boolean:
        return pl.when(column).then(pl.lit("True")).when(column.not_()).then(pl.lit("False")).alias(name)
    if dtype.is_float():
        return write_number(column).alias(name)
    if dtype in (pl.Date, pl.Datetime):
        return column.cast(pl.Datetime("us")).dt.strftime(TIME_FORMAT)
    if dtype == pl.List:
        array = pl.struct(column.alias("_")).struct.json_encode().str.slice(len('{"_":')).str.head(-1)
        return pl.when(column.is_not_null()).then(array).alias(name)
    return defuse(column.cast(pl.String))
