"""Raw JSON properties → values: one row per value that is there, of events, profiles and nested items."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Final, TypeAlias

import msgspec
import polars as pl

__all__ = ["VALUE_KINDS", "find_values"]

VALUE_KINDS: Final = ("text", "number", "boolean", "list", "object")
EACH: Final = "[*]"
UNFIT: Final = re.compile(r'["\\\x00-\x1f]')
PLAIN_NUMBER: Final = r"^\s*-?\d+(?:\.\d+)?\s*$"

BY_FIRST: Final = {'"': "text", "t": "boolean", "f": "boolean", "[": "list", "{": "object"}
"""What a JSON value is, by the letter it begins with; else it is a number."""

Buffer: TypeAlias = bytes | msgspec.Raw

NOTHING: Final = msgspec.Raw()

_read_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_text = msgspec.json.Decoder(str).decode


def find_values(properties: pl.Series, paths: Sequence[str]) -> pl.DataFrame:
    """Find the values that stand at some paths of raw JSON objects.

    One row per value, ordered by row, path as given, and item: `row` (place in the series, from 0), `path`,
    `item` (place in the path's first list, from 0; 0 where the path goes through none), `kind` (text, number,
    boolean, list, object), `text` (of a number or boolean: its JSON text; null for a list or object),
    `number` (also of a text that is plainly one, such as "1359" or "12.50": webhooks store numbers so),
    `flag` (also of a text that says true or false), `texts` (the elements of a list, as text; nulls left out).

    Absent values, JSON nulls and what is no JSON object have no row; an empty text has one.

    Parameters
    ----------
    properties
        JSON texts of objects, null where there is none.
    paths
        A top-level name, taken as it is written, dots included; or a path through lists, such as
        `Items[*].Size`, each name taken as it is written, else dot by dot. `Items[*]` are the items themselves.

    Examples
    --------
    >>> bought = pl.Series(['{"$value": 20.50, "Items": [{"Size": "small"}, {"Size": null}, {"Size": "large"}]}'])
    >>> find_values(bought, ["$value", "Items[*].Size"]).select("path", "item", "text", "number").rows()
    [('$value', 0, '20.50', 20.5), ('Items[*].Size', 0, 'small', None), ('Items[*].Size', 2, 'large', None)]
    """
    asked = [(place, path.split(EACH)) for place, path in enumerate(paths)]
    reader = _Reader(asked)
    found = _Found()
    for row, written in enumerate(properties.cast(pl.Binary).to_list()):
        if written is not None:
            reader.read(written, found, row=row, item=None)
    return _to_frame(found, paths)


@dataclass(slots=True)
class _Found:
    """The values found so far, column by column, each still as JSON."""

    rows: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)

    def add(self, row: int, place: int, item: int, value: bytes) -> None:
        self.rows.append(row)
        self.places.append(place)
        self.items.append(item)
        self.values.append(value)


class _Reader:
    """Reads, of a JSON object, the members that some paths ask for, and no others.

    A path comes as its place among all paths, and its names, parted at the lists.
    """

    def __init__(self, asked: Sequence[tuple[int, Sequence[str]]]) -> None:
        self._values = [(place, names[0]) for place, names in asked if len(names) == 1]
        self._lists = [
            (head, [(place, rest) for place, (first, *rest) in asked if rest and first == head])
            for head in dict.fromkeys(names[0] for _, names in asked if len(names) > 1)
        ]
        needed = [name for _, names in asked for name in _spell(names[0])]
        self._fields = {name: f"field_{place}" for place, name in enumerate(dict.fromkeys(needed))}
        self._decode = _make_decoder(self._fields)
        self._inside = {
            head: _Reader([(place, [rest[0].removeprefix("."), *rest[1:]]) for place, rest in within if rest != [""]])
            for head, within in self._lists
        }

    def read(self, written: Buffer, found: _Found, *, row: int, item: int | None) -> None:
        """Add what an object holds of the paths; nothing where it is none, or no JSON at all."""
        try:
            members = self._decode(written)
        except msgspec.DecodeError:
            return
        for place, name in self._values:
            value = bytes(getattr(members, self._fields[name]))
            if not value and item is not None:
                value = self._descend(members, name)
            if value:
                found.add(row, place, item or 0, value)
        for head, within in self._lists:
            value = bytes(getattr(members, self._fields[head])) or self._descend(members, head)
            for number, element in enumerate(_read_list(value) if value[:1] == b"[" else []):
                at = number if item is None else item
                for place, rest in within:
                    if rest == [""]:
                        found.add(row, place, at, bytes(element))
                self._inside[head].read(element, found, row=row, item=at)

    def _descend(self, members: object, name: str) -> bytes:
        """A member's name read dot by dot, from the longest beginning that is there."""
        for spelled in _spell(name)[1:]:
            value = bytes(getattr(members, self._fields[spelled]))
            if value:
                return _descend(value, name[len(spelled) + 1 :])
        return b""


def _make_decoder(fields: Mapping[str, str]) -> Callable[[Buffer], object]:
    """How to read some members of an object into attributes, `NOTHING` where one is absent."""
    if any(UNFIT.search(name) for name in fields):  # a struct has no such fields

        def decode(written: Buffer) -> object:
            members = _read_object(written)
            return SimpleNamespace(**{field: members.get(name, NOTHING) for name, field in fields.items()})

        return decode
    shape = msgspec.defstruct(
        "Members",
        [(attribute, msgspec.Raw, NOTHING) for attribute in fields.values()],
        rename={attribute: name for name, attribute in fields.items()},
    )
    return msgspec.json.Decoder(shape).decode


def _spell(name: str) -> list[str]:
    """A name as it is written, then its beginnings up to each dot, the longest first."""
    return [name, *(name[:place] for place in range(len(name) - 1, 0, -1) if name[place] == ".")]


def _descend(written: bytes, name: str) -> bytes:
    """The member of an object by a name, as it is written or dot by dot."""
    if written[:1] != b"{":
        return b""
    members = _read_object(written)
    for spelled in _spell(name):
        if spelled in members:
            value = bytes(members[spelled])
            return value if spelled == name else _descend(value, name[len(spelled) + 1 :])
    return b""


def _to_frame(found: _Found, paths: Sequence[str]) -> pl.DataFrame:
    kind, text, written = pl.col("kind"), pl.col("text"), pl.col("written")
    is_number = (kind == "number") | ((kind == "text") & text.str.contains(PLAIN_NUMBER))
    lower = text.str.to_lowercase().str.strip_chars()
    values = (
        pl.DataFrame(
            {
                "row": pl.Series(found.rows, dtype=pl.UInt32),
                "place": pl.Series(found.places, dtype=pl.UInt32),
                "item": pl.Series(found.items, dtype=pl.UInt32),
                "written": pl.Series(found.values, dtype=pl.Binary).cast(pl.String),
            }
        )
        .filter(written != "null")
        .sort("row", "place", "item", maintain_order=True)
        .with_columns(
            kind=written.str.slice(0, 1).replace_strict(BY_FIRST, default="number").cast(pl.Enum(VALUE_KINDS))
        )
    )
    return values.with_columns(
        text=_read_texts(values),
        texts=_read_lists(values),
        path=pl.Series(list(paths), dtype=pl.String).gather(values["place"]),
    ).select(
        "row",
        "path",
        "item",
        "kind",
        "text",
        number=pl.when(is_number).then(text.str.strip_chars()).cast(pl.Float64, strict=False),
        flag=pl.when(kind.is_in(["text", "boolean"]))
        .then(lower)
        .replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean),
        texts="texts",
    )


def _read_texts(values: pl.DataFrame) -> pl.Series:
    """Scalars as text; a text without a backslash is what stands between its quotes, the others are read one by one."""
    kind, written = pl.col("kind"), pl.col("written")
    escaped = (kind == "text") & written.str.contains("\\", literal=True)
    read = [_read_text(value) for value in values.filter(escaped)["written"]]
    between = written.str.strip_prefix('"').str.strip_suffix('"')
    place = escaped.cast(pl.UInt32).cum_sum() - 1
    return values.select(
        pl.when(escaped)
        .then(pl.lit(pl.Series(read, dtype=pl.String)).gather(pl.when(escaped).then(place)))
        .when(kind == "text")
        .then(between)
        .when(kind.is_in(["number", "boolean"]))
        .then(written)
    ).to_series()


def _read_lists(values: pl.DataFrame) -> pl.Series:
    written = values.select(pl.when(pl.col("kind") == "list").then("written")).to_series()
    lists = [None if value is None else _name_elements(value) for value in written]
    return pl.Series(lists, dtype=pl.List(pl.String))


def _name_elements(written: str) -> list[str]:
    elements = (bytes(element) for element in _read_list(written))
    return [
        _read_text(element) if element[:1] == b'"' else element.decode() for element in elements if element != b"null"
    ]
