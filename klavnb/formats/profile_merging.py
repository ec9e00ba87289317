"""Profiles of CSV files, put to the profiles of all other files: who is who, and what it adds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import msgspec
import polars as pl

from klavnb.formats.contract import RawExport, RawProfile
from klavnb.formats.profile_ids import make_profile_id

__all__ = ["make_profile_ids", "merge_made_ids", "merge_profiles"]

MADE: Final = "^[a-z_]+:[0-9a-f]{16}$"
KINDS: Final[Mapping[str, str]] = {"email": "email", "phone": "phone_number", "external": "external_id"}
"""What an id may be made of, best first → the column of it."""

PROFILE_COLUMNS: Final = tuple(RawProfile.column_names())
FIELDS: Final = tuple(name for name in PROFILE_COLUMNS if name not in ("file", "line", "profile_id", "properties"))

_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def merge_profiles(export: RawExport, listed: RawExport) -> RawExport:
    """Put the profiles of CSV files to those of an export.

    A row of a CSV is the profile that has its id; without an id, the one that has its e-mail address or,
    where it gives none, its phone number, or else the shop's own id (of several, the one with the smallest id).
    Such a profile gets the row's properties, name by name, over its own, and the row's other fields where it has
    none. Who is not in the export is a profile of its own; where it has no id, that is made as `make_profile_ids`
    does. Of several rows for one profile the later says more. A row without any of these keeps no id.

    Examples
    --------
    >>> from klavnb.formats.contract import build
    >>> known = build(RawProfile, file="a.json", profile_id=["p1"], email=["Ann@example.com"], properties=['{"a":1}'])
    >>> rows = build(RawProfile, file="b.csv", email=["ann@example.com"], properties=['{"b":2}'])
    >>> merge_profiles(RawExport(profiles=known), RawExport(profiles=rows)).profiles["properties"].to_list()
    ['{"a":1,"b":2}']
    """
    joined = RawExport.join([export, listed])
    if listed.profiles.is_empty():
        return joined
    records = export.profiles
    rows = listed.profiles.with_columns(profile_id=_identify(listed.profiles, records))
    nameless = rows.filter(pl.col("profile_id").is_null())
    folded = (
        rows.filter(pl.col("profile_id").is_not_null())
        .group_by("profile_id", maintain_order=True)
        .agg(
            pl.col("file", "line").first(),
            pl.col(*FIELDS).drop_nulls().last(),
            properties=pl.col("properties").drop_nulls(),
        )
    )
    folded = folded.with_columns(properties=_merge_objects(folded["properties"].to_list()))
    own = folded.join(records, on="profile_id", how="anti").select(PROFILE_COLUMNS)
    return replace(joined, profiles=pl.concat([_complete(records, folded), own, nameless]))


def make_profile_ids(people: pl.DataFrame) -> pl.Series:
    """Make an id of what each row says of who it is; null where it says nothing.

    It is made of the e-mail address, without one of the phone number, without either of the shop's own id, as
    `make_profile_id` does: no report can show the address, and the same address has the same id in each file.

    Parameters
    ----------
    people
        With the columns `email`, `phone_number` and `external_id`.

    Examples
    --------
    >>> from klavnb.formats.contract import build
    >>> people = build(RawProfile, file="a.csv", email=["Ann@example.com", None], external_id="7")
    >>> make_profile_ids(people).to_list()
    ['email:71d4f55f72fa128d', 'external:7902699be42c8a8e']
    """
    keys = people.select(_only_first())
    return keys.select(
        pl.coalesce(
            pl.col(kind).replace_strict(
                {key: make_profile_id(kind, key) for key in keys[kind].drop_nulls().unique()},
                default=None,
                return_dtype=pl.String,
            )
            for kind in KINDS
        )
    ).to_series()


def merge_made_ids(profiles: pl.DataFrame) -> dict[str, str]:
    """Find, for ids that were made, the id that another file gives a profile of the same address.

    Of several the smallest. Where no file does, an id made of a phone number, or of the shop's own, becomes the one
    made of the e-mail address that some row has beside it. Ids that stay as they are, are absent.

    Parameters
    ----------
    profiles
        One row per raw profile (`RawProfile`) of all files.

    Examples
    --------
    >>> from klavnb.formats.contract import build
    >>> addresses = ["ann@example.com", "ANN@example.com"]
    >>> ids = ["email:71d4f55f72fa128d", "01ANN"]
    >>> merge_made_ids(build(RawProfile, file="a.csv", profile_id=ids, email=addresses))
    {'email:71d4f55f72fa128d': '01ANN'}
    """
    keyed = profiles.select("profile_id", *(_key(kind) for kind in KINDS)).filter(pl.col("profile_id").is_not_null())
    is_made = pl.col("profile_id").str.contains(MADE)
    made = keyed.filter(is_made).unique()
    found = _find_owners(made, keyed.filter(~is_made))
    of_address = made.filter(pl.col("profile_id").str.starts_with("email:"))
    others = made.filter(~pl.col("profile_id").str.starts_with("email:"), ~pl.col("profile_id").is_in(list(found)))
    return found | {name: found.get(owner, owner) for name, owner in _find_owners(others, of_address).items()}


def _find_owners(made: pl.DataFrame, known: pl.DataFrame) -> dict[str, str]:
    """Find who has the addresses of the made ids; the best kind of address decides."""
    owners: dict[str, str] = {}
    for kind in reversed(tuple(KINDS)):
        of_key = known.filter(pl.col(kind).is_not_null()).group_by(kind).agg(owner=pl.col("profile_id").min())
        hits = made.join(of_key, on=kind).group_by("profile_id").agg(pl.col("owner").min())
        owners |= dict(hits.sort("profile_id").iter_rows())
    return owners


def _identify(rows: pl.DataFrame, records: pl.DataFrame) -> pl.Series:
    """Say which profile each row is of."""
    numbered = rows.with_columns(*_only_first())
    for kind in KINDS:
        known = records.select("profile_id", _key(kind)).drop_nulls().group_by(kind).agg(pl.col("profile_id").min())
        numbered = numbered.join(known, on=kind, how="left", suffix=f"_by_{kind}", maintain_order="left")
    return numbered.select(
        pl.coalesce(
            pl.col("profile_id").str.strip_chars().replace("", None),
            *(f"profile_id_by_{kind}" for kind in KINDS),
            make_profile_ids(rows),
        )
    ).to_series()


def _only_first() -> list[pl.Expr]:
    """Give the best kind of address that a row has, and nulls for the others."""
    seen = pl.lit(value=False)
    only = []
    for kind in KINDS:
        key = _key(kind)
        only.append(pl.when(~seen).then(key).alias(kind))
        seen = seen | key.is_not_null()
    return only


def _key(kind: str) -> pl.Expr:
    text = pl.col(KINDS[kind]).str.strip_chars().replace("", None)
    return (text if kind == "external" else text.str.to_lowercase()).alias(kind)


def _complete(records: pl.DataFrame, folded: pl.DataFrame) -> pl.DataFrame:
    """Give the records of an export what the rows add; each state of a profile gets it, whichever is the latest.

    A record without properties, as beside an event, gets some only where no record of the profile has any:
    else it would be taken for the whole.
    """
    added = {name: f"{name}_added" for name in (*FIELDS, "properties")}
    is_bare = pl.col("properties").is_null() & pl.col("properties").is_not_null().any().over("profile_id")
    completed = records.join(
        folded.select("profile_id", *(pl.col(name).alias(other) for name, other in added.items())),
        on="profile_id",
        how="left",
        maintain_order="left",
    ).with_columns(
        *(pl.coalesce(name, added[name]).alias(name) for name in FIELDS),
        pl.when(~is_bare).then(added["properties"]).alias(added["properties"]),
    )
    pairs = completed.select("properties", added["properties"]).iter_rows()
    return completed.with_columns(properties=_merge_objects(pairs)).select(PROFILE_COLUMNS)


def _merge_objects(several: Iterable[Sequence[str | None]]) -> pl.Series:
    """Make one JSON object of several, the later members over the earlier; null where there is none."""
    return pl.Series([_merge([text for text in texts if text]) for texts in several], dtype=pl.String)


def _merge(texts: Sequence[str]) -> str | None:
    """Merge objects; a text that is none is left out, unless there is nothing else."""
    if len(texts) <= 1:
        return next(iter(texts), None)
    members: dict[str, msgspec.Raw] = {}
    for text in texts:
        try:
            members |= _read_members(text)
        except (msgspec.DecodeError, RecursionError):
            continue
    return msgspec.json.encode(members).decode() if members else texts[-1]
