"""Columns of text written back into one JSON object per row."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

import msgspec
import polars as pl

__all__ = ["spread", "write_objects"]

PLAIN: Final = r"^(?:(?i:true|false)|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$"
"""A truth value, in any case, or a number as JSON spells it: 007 and +5 are text."""

LAST_DIGIT: Final = "9~"
"""Sorts behind all numbers and before all words."""

SPECIAL: Final = r'["\\\x00-\x1f]'
ESCAPES: Final[Mapping[str, str]] = {"\\": "\\\\", '"': '\\"'} | {chr(code): f"\\u{code:04x}" for code in range(0x20)}

JSON: Final = msgspec.json.Decoder(msgspec.Raw)


def write_objects(rows: pl.DataFrame, names: Mapping[str, str], *, always_text: Iterable[str] = ()) -> pl.Series:
    r"""Write columns of text into one JSON object per row, without what is null; null where all is.

    A cell that reads as a number, a truth value, a list or an object is written as such, all else as
    text: the cells of a table do not say which they were.

    Parameters
    ----------
    rows
        The columns; each that is named must be there.
    names
        Column → name in the object, in the order of its members.
    always_text
        Names in the object whose cells are text even where they read as something else, such as ids.

    Examples
    --------
    >>> rows = pl.DataFrame({"a": ["1", "007", None], "b": ["TRUE", "[1, 2]", None], "c": ['"x"', "[1,", None]})
    >>> write_objects(rows, {"a": "a", "b": "b", "c": "c"}).to_list()
    ['{"a":1,"b":true,"c":"\\"x\\""}', '{"a":"007","b":[1, 2],"c":"[1,"}', None]
    """
    if not names:
        return pl.repeat(None, rows.height, dtype=pl.String, eager=True)
    members = {column: f"{msgspec.json.encode(name).decode()}:" for column, name in names.items()}
    texts = [members[column] for column, name in names.items() if name in set(always_text)]
    every = pl.DataFrame({"row": pl.int_range(rows.height, dtype=pl.UInt32, eager=True)})
    cells = (
        rows.lazy()
        .select(every["row"], *(pl.col(column).alias(member) for column, member in members.items()))
        .unpivot(index="row", variable_name="member", value_name="text")
        .filter(pl.col("text").is_not_null())  # a table of events has few cells that say something
        .with_columns(pl.col("text").cast(pl.String), is_plain=pl.col("text").cast(pl.String).str.contains(PLAIN))
        .collect()
    )
    if texts:
        cells = cells.with_columns(pl.col("is_plain") & ~pl.col("member").is_in(texts))
    text, is_value = _tidy(cells["text"], cells["is_plain"], cells["member"].is_in(texts))
    quote = pl.when(is_value).then(pl.lit("")).otherwise(pl.lit('"'))
    objects = (
        cells.lazy()
        .select("row", member=pl.concat_str("member", quote, text, quote))
        .sort("row", maintain_order=True)  # of one row the members stay in the order of the columns
        .group_by("row", maintain_order=True)
        .agg("member")
        .select("row", text=pl.concat_str(pl.lit("{"), pl.col("member").list.join(","), pl.lit("}")))
        .collect()
    )
    return every.join(objects, on="row", how="left", maintain_order="left")["text"]


def _tidy(text: pl.Series, is_plain: pl.Series, is_text: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Make cells ready to be written, and tell which are JSON already; each rule looks only at those that need it."""
    may_hold = (text.str.starts_with("{") | text.str.starts_with("[")) & ~is_text
    are_json = _are_json(text.filter(may_hold))
    is_value = is_plain | (may_hold if are_json.all() else spread(are_json, may_hold, of=may_hold))
    is_word = is_plain & (text > LAST_DIGIT)
    words = text.filter(is_word)
    lowered = words.str.to_lowercase()
    if not lowered.equals(words):
        text = spread(lowered, is_word, of=text)
    others = text.filter(~is_value)
    is_special = others.str.contains(SPECIAL)
    if is_special.any():
        escaped = spread(others.filter(is_special).str.replace_many(dict(ESCAPES)), is_special, of=others)
        text = spread(escaped, ~is_value, of=text)
    return text, is_value


def spread(values: pl.Series, places: pl.Series, *, of: pl.Series | None = None) -> pl.Series:
    """Put values into the places of a column, in order; elsewhere is what the column has, or null.

    Examples
    --------
    >>> spread(pl.Series(["x", "y"]), pl.Series([True, False, True])).to_list()
    ['x', None, 'y']
    """
    if values.is_empty():
        return values.extend_constant(None, len(places)) if of is None else of
    ordinal = (places.cum_sum().cast(pl.Int64) - 1).clip(0)
    return pl.select(pl.when(places).then(values.gather(ordinal)).otherwise(of)).to_series()


def _are_json(cells: pl.Series) -> pl.Series:
    """Tell of cells that begin like a list or an object whether they are JSON: all at once, else one by one."""
    is_lines = (cells.str.ends_with("}") | cells.str.ends_with("]")) & ~cells.str.contains("\n", literal=True)
    if is_lines.all():  # no value goes on where a line ends so and the next begins so, and none begins inside a line
        with suppress(msgspec.DecodeError, RecursionError):
            if len(JSON.decode_lines("\n".join(cells))) == len(cells):
                return pl.repeat(value=True, n=len(cells), eager=True)
    return pl.Series([_is_json(cell) for cell in cells], dtype=pl.Boolean)


def _is_json(cell: str) -> bool:
    try:
        JSON.decode(cell)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
