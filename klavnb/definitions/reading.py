"""Files and documents → definitions: one or many, as Klaviyo's API answers or as they are written by hand."""

from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Final

import msgspec

from klavnb.definitions.checking import Spot
from klavnb.definitions.conditions import Definition
from klavnb.definitions.parsing import parse_groups
from klavnb.definitions.references import check_names
from klavnb.errors import DefinitionError, name_some

__all__ = ["parse_definition", "read_definitions"]

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
SHAPES: Final = (
    'A definition is {"condition_groups": […]} or {"name": …, "definition": …}; many are a list of the second, '
    '{"segments": […]}, or an answer of GET /api/segments.'
)


def read_definitions(path: str | PathLike[str]) -> tuple[Definition, ...]:
    """Read the definitions of segments from a JSON file, or from every one in a folder.

    A file holds one definition, `{"condition_groups": …}` or `{"name": …, "definition": …}`; a list of named
    ones, bare or as `{"segments": […]}`; or an answer of Klaviyo's `GET /api/segments`, with one segment or many.
    A single one without a name has the file's, without its ending. A `note` beside the name is for the reader
    of the file. Segments may refer to others of the same file or folder.

    Parameters
    ----------
    path
        A JSON file, or a folder: then its `*.json` files in the order of their names.

    Returns
    -------
    tuple of Definition
        In the order of the files, and of their content.

    Raises
    ------
    DefinitionError
        When a file cannot be read, or a definition breaks the specification: the message names file, segment,
        group, condition and field, for the first five mistakes of a file. Also when names are not told apart,
        or a segment refers to one that is not there, or to itself by way of others.

    Notes
    -----
    Source: Klaviyo's OpenAPI specification, revision 2026-07-15, and older spellings of its fields. What is
    *ours* there: `klavnb-group`, `klavnb-segment`, `exclusions`, `measured`, and the measurements `max`, `min`,
    `average` and `last`.
    """
    source = Path(path)
    files = sorted(source.glob("*.json")) if source.is_dir() else [source]
    if not files:
        raise DefinitionError(f"The folder {source} holds no JSON file.", hint=SHAPES)
    definitions = tuple(definition for file in files for definition in _read_file(file))
    try:
        check_names(definitions)
    except DefinitionError as error:
        raise DefinitionError(f"{source.name}: {error.message}", hint=error.hint) from None
    return definitions


def parse_definition(document: Mapping[str, object], *, name: str = "segment") -> Definition:
    """Take one definition: `{"condition_groups": …}`, `{"name": …, "definition": …}`, or a segment of the API.

    Parameters
    ----------
    document
        The definition as Python has read it.
    name
        What it is called if it does not say so itself.

    Raises
    ------
    DefinitionError
        When it breaks the specification.

    Examples
    --------
    >>> region = {"type": "profile-region", "in_region": True, "region": "european_union"}
    >>> parse_definition({"condition_groups": [{"conditions": [region]}]}, name="Europe").root.parts[0].parts
    (RegionCondition(in_region=True, region='european_union'),)
    """
    return _parse_one(Spot(document, f'segment "{_clean(name)}"'), "", name)


def _read_file(file: Path) -> tuple[Definition, ...]:
    """All definitions of one file."""
    try:
        text = file.read_bytes().removeprefix(BYTE_ORDER_MARK)
        if not text.strip():
            raise DefinitionError(f"{file.name}: expected JSON, found an empty file.", hint=SHAPES)
        document = msgspec.json.decode(text)
    except OSError as error:
        raise DefinitionError(
            f"The definition {file} cannot be read: {error.strerror or error}.", hint="Check the path."
        ) from error
    except RecursionError:
        raise DefinitionError(
            f"{file.name}: its objects lie too deep in one another to be read.", hint=SHAPES
        ) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{file.name}: expected JSON, found something else ({error}).", hint=SHAPES) from error
    return _parse_many(Spot(document, file.name), file.stem)


def _parse_many(spot: Spot, stem: str) -> tuple[Definition, ...]:
    """The definitions of a document in any of its shapes."""
    document: object = spot.value
    if isinstance(document, Mapping):
        many = next((name for name in ("segments", "data") if isinstance(document.get(name), list)), None)
        if many is None:
            one = spot.get("data") if spot.has("data") else spot
            return (_parse_one(Spot(one.value, spot.where), spot.where, stem),)
        spot = spot.get(many)
    elif not isinstance(document, list):
        spot.refuse("an object or a list", hint=SHAPES)
    items = spot.value
    fallback = stem if isinstance(items, list) and len(items) == 1 else None
    return spot.each("segment", lambda item: _parse_one(item, spot.where, fallback))


def _parse_one(spot: Spot, file: str, fallback: str | None) -> Definition:
    """One definition, from where it stands under which name."""
    if not isinstance(spot.value, Mapping):
        spot.refuse("a definition", hint=SHAPES)
    holder = spot
    if spot.has("attributes"):
        spot.get("type").choose(("segment",))
        holder = Spot(spot.get("attributes").value, spot.where)
    elif "definition" in spot.value:
        spot.expect("definition", optional=("name", "id", "note"))
    elif "condition_groups" not in spot.value:
        spot.reject(f"expected a definition, found an object with {_name_fields(spot.value)}.", hint=SHAPES)
    identity = spot.get("id").text() if spot.has("id") else None
    if holder.has("name"):
        name = holder.get("name").text()
    elif (name_of := fallback or identity) is None:
        spot.get("name").refuse("a name", hint="Only the single definition of a file may do without.")
    else:
        name = name_of
    where = f'{file}, segment "{_clean(name)}"' if file else f'segment "{_clean(name)}"'
    definition = holder.get("definition").value if "condition_groups" not in spot.value else holder.value
    if not isinstance(definition, Mapping):
        Spot(definition, where, "definition").refuse("an object", hint=SHAPES)
    return Definition(name=name, root=parse_groups(Spot(definition, where)), id=identity)


def _name_fields(document: Iterable[object]) -> str:
    return name_some([_clean(str(name)) for name in document]) or "no fields"


def _clean(name: str) -> str:
    """A name without what would break a line of a message."""
    return "".join(sign if sign.isprintable() else " " for sign in name)
