"""Names of attributes → columns of a file for Klaviyo: fields of a profile, its properties, and computed ones."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final

import msgspec
import polars as pl

from klavnb.audiences.addresses import tidy_email, tidy_phone
from klavnb.errors import SettingsError, name_some
from klavnb.formats.profile_cells import HEADERS, LOCATION_HEADERS, TIME_FORMAT, defuse, write_cells
from klavnb.privacy import mask
from klavnb.reading import parse_time

__all__ = ["check_attributes", "find_attributes"]

FIELDS: Final[Mapping[str, str]] = {**HEADERS, **LOCATION_HEADERS}
"""Field of a profile → header."""

IDENTIFIERS: Final = ("email", "phone_number")
"""Fields that no two rows of a file may share."""

CONSENT_NAMES: Final = frozenset(
    {
        "acceptsmarketing",
        "acceptsemailmarketing",
        "acceptssmsmarketing",
        "canreceiveemailmarketing",
        "canreceivesmsmarketing",
        "doubleoptin",
        "emailoptin",
        "emailsuppressions",
        "marketingoptin",
        "optin",
        "optout",
        "optedin",
        "optedout",
        "smsoptin",
        "subscribed",
        "subscriptions",
        "subscriptionstatus",
        "suppressed",
        "suppressions",
        "unsubscribed",
    }
)
"""Names of columns about consent that do not say so, squeezed."""

ISO_TIME: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d"

_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def check_attributes(names: Sequence[str]) -> None:
    """Refuse what no file may have: columns about consent, blank names, and names that come twice.

    A blank cell of a consent column means “never subscribed” to Klaviyo, so there is never one: neither
    `Email Marketing Consent`, `SMS Marketing Consent`, `Consent` and `$consent`, nor any other name with
    “consent” in it, nor the like of `Accepts Marketing`.

    Raises
    ------
    SettingsError
        When there is such a name.

    Examples
    --------
    >>> check_attributes(["first_name", "Favourite Size"])
    """
    consents = [name for name in names if "consent" in name.lower() or _squeeze(name) in CONSENT_NAMES]
    if consents:
        raise SettingsError(
            f"--attributes: {name_some(consents)} would write consent, which no file may: to Klaviyo, a blank "
            "cell of it means “never subscribed”.",
            hint="Leave it out; --consent chooses whom the file has.",
        )
    blank = [name for name in names if not name.strip()]
    if blank:
        raise SettingsError(
            "--attributes: expected names with commas between them, found a blank one.", hint="Leave it out."
        )
    headers = [_find_header(name) for name in names]
    repeated = [name for place, name in enumerate(names) if headers[place] in headers[:place]]
    if repeated:
        raise SettingsError(f"--attributes: {name_some(repeated)} would be a second column.", hint="Name each once.")


def find_attributes(
    profiles: pl.LazyFrame, names: Sequence[str], *, only: pl.Series, computed: pl.LazyFrame | None = None
) -> pl.DataFrame:
    """Find the attributes of some profiles, written as the cells of a file.

    One row per profile of `only`, in its order, and one column of text per attribute under its header, null
    where the profile has no such value. See `write_cells` for how values are written.

    A name is a field of a profile (first_name, city …, also spelled `First Name`), else a computed property,
    else a property of the profiles as Klaviyo has it, upper and lower case told apart. A property's times in
    ISO 8601 are written as Klaviyo's CSV has times, its lists as they are.

    Parameters
    ----------
    profiles
        All profiles of the account, as `Profile`.
    only
        The ids of the profiles that are asked for.
    computed
        One row per profile, `profile_id` and typed columns.

    Raises
    ------
    SettingsError
        When a name is refused, nothing has it, or its values are objects, for which a CSV has no place.

    Examples
    --------
    >>> from klavnb.store import read_export
    >>> profiles = read_export("sample").profiles
    >>> only = profiles.select(pl.col("profile_id").min()).collect().to_series()
    >>> find_attributes(profiles, ["first_name", "Planted"], only=only).columns
    ['First Name', 'Planted']
    """
    check_attributes(names)
    typed = pl.LazyFrame(schema={"profile_id": pl.String}) if computed is None else computed
    computable = [name for name in typed.collect_schema().names() if name != "profile_id"]
    asked = {name: _squeeze(name) for name in names}
    fields = [name for name in names if asked[name] in FIELD_OF]
    others = [name for name in names if asked[name] not in FIELD_OF]
    stored = [name for name in others if name not in computable]
    wanted = only.rename("profile_id").to_frame()
    rows = wanted.lazy().join(profiles, on="profile_id", how="left", maintain_order="left").collect()
    properties = _write_properties(rows["properties"], stored)
    _check_known(stored, properties, profiles, computable)
    reckoned = (
        wanted.lazy()
        .join(
            typed.select("profile_id", *(name for name in others if name in computable)),
            on="profile_id",
            how="left",
            validate="m:1",
            maintain_order="left",
        )
        .collect()
    )
    cells = pl.concat(
        [
            rows.select(_write_field(FIELD_OF[asked[name]]) for name in fields),
            write_cells(reckoned.drop("profile_id")),
            properties,
        ],
        how="horizontal",
    )
    return cells.select(_find_header(name) for name in names)


def _squeeze(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


FIELD_OF: Final[Mapping[str, str]] = {
    "emailaddress": "email",
    **{_squeeze(name): field for field, header in FIELDS.items() for name in (field, header)},
}
"""Name of a field, squeezed, as its column or its header has it → the field."""


def _find_header(name: str) -> str:
    field = FIELD_OF.get(_squeeze(name))
    return name if field is None else FIELDS[field]


def _write_field(field: str) -> pl.Expr:
    header = FIELDS[field]
    if field in IDENTIFIERS:
        tidied = tidy_email(pl.col(field)) if field == "email" else tidy_phone(pl.col(field))
        return pl.when(tidied.str.to_lowercase().is_first_distinct()).then(tidied).alias(header)
    text = pl.col("location").str.json_path_match(f"$.{field}") if field in LOCATION_HEADERS else pl.col(field)
    return defuse(text).alias(header)


def _write_properties(properties: pl.Series, names: Sequence[str]) -> pl.DataFrame:
    """One column of cells per name, in the order of the properties; what the properties do not have is null."""
    values = _read_values(properties, names)
    objects = [name for name in names if values[name].str.starts_with("{").any()]
    if objects:
        raise SettingsError(
            f"--attributes: {mask(name_some(objects))} is an object in some profiles; a CSV for Klaviyo has no place "
            "for one.",
            hint="Leave it out.",
        )
    return values.select(_write_json(name) for name in names)


def _read_values(properties: pl.Series, names: Sequence[str]) -> pl.DataFrame:
    """Read some members of raw JSON objects, each as its own JSON text: lists and long numbers stay as they are."""
    found: dict[str, list[bytes | None]] = {name: [] for name in names}
    for text in properties.to_list() if names else []:
        members = _read_members(text)
        for name, values in found.items():
            values.append(bytes(members[name]) if name in members else None)
    return pl.DataFrame([pl.Series(name, values, dtype=pl.Binary).cast(pl.String) for name, values in found.items()])


def _read_members(text: str | None) -> Mapping[str, msgspec.Raw]:
    """The members of an object; none where it is none."""
    try:
        return {} if text is None else _decode_members(text)
    except (msgspec.DecodeError, RecursionError):
        return {}


def _write_json(name: str) -> pl.Expr:
    """Write a JSON value as a cell."""
    value = pl.col(name)
    is_text = value.str.starts_with('"')
    text = pl.when(is_text).then(value).str.json_path_match("$").replace("", None)
    time = pl.when(text.str.contains(ISO_TIME)).then(parse_time(text)).dt.strftime(TIME_FORMAT)
    return (
        pl.when(is_text)
        .then(pl.coalesce(time, defuse(text)))
        .when(value.is_in(["true", "false"]))
        .then(value.str.to_titlecase())
        .when(value != "null")
        .then(value)
        .alias(name)
    )


def _check_known(
    names: Sequence[str], properties: pl.DataFrame, profiles: pl.LazyFrame, computable: Sequence[str]
) -> None:
    """Refuse names that nothing has: neither those asked for, nor any profile of the account."""
    doubtful = [name for name in names if properties[name].null_count() == properties.height]
    if not doubtful:
        return
    every = profiles.select("properties").collect().to_series()
    known = {name for text in every.drop_nulls() for name in _read_members(text)}
    for name in doubtful:
        if name not in known:
            kinds = {"Fields": list(FIELDS), "Computed": computable, "Properties of the profiles": sorted(known)}
            names_there = [there for several in kinds.values() for there in several]
            close = get_close_matches(name, names_there, n=1)
            listed = " ".join(f"{kind}: {mask(name_some(there))}." for kind, there in kinds.items() if there)
            raise SettingsError(
                f"--attributes: there is no {mask(name)!r}. {listed}",
                hint=f"Did you mean {mask(close[0])}?" if close else "Names of properties are told apart by case.",
            )
