"""Profiles of CSV files, put to the profiles of all other files: who is who, and what it adds."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import msgspec
import polars as pl

from klavnb.formats.contract import RawExport, RawProfile

__all__ = ["merge_profiles"]

ID_DIGITS: Final = 16
PROFILE_COLUMNS: Final = tuple(RawProfile.column_names())
FIELDS: Final = tuple(name for name in PROFILE_COLUMNS if name not in ("file", "line", "profile_id", "properties"))

_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def merge_profiles(export: RawExport, listed: RawExport) -> RawExport:
    """Put the profiles of CSV files to those of an export.

    A row of a CSV is the profile that has its id; without an id, the one that has its e-mail address or,
    where it gives none, its phone number (of several, the one with the smallest id). Such a profile gets
    the row's properties, name by name, over its own, and the row's other fields where it has none. Who is not in
    the export is a profile of its own; where it has no id, that is made of its address: `email:` and 16
    hexadecimal digits of the SHA-256 of the address in lower case, or `phone:`, so that no report can show the
    address. Of several rows for one profile the later says more. A row without any of these keeps no id.

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


def _identify(rows: pl.DataFrame, records: pl.DataFrame) -> pl.Series:
    """Say which profile each row is of."""
    email, phone = _key("email"), _key("phone_number")
    numbered = rows.with_columns(email_key=email, phone_key=pl.when(email.is_null()).then(phone))
    for key, column in (("email_key", email), ("phone_key", phone)):
        known = (
            records.select("profile_id", column.alias(key)).drop_nulls().group_by(key).agg(pl.col("profile_id").min())
        )
        numbered = numbered.join(known, on=key, how="left", suffix=f"_by_{key}", maintain_order="left")
    made = [
        None if email_key is None and phone_key is None else _make_id(email_key, phone_key)
        for email_key, phone_key in numbered.select("email_key", "phone_key").iter_rows()
    ]
    return numbered.select(
        pl.coalesce(
            pl.col("profile_id").str.strip_chars().replace("", None),
            "profile_id_by_email_key",
            "profile_id_by_phone_key",
            pl.lit(pl.Series(made, dtype=pl.String)),
        )
    ).to_series()


def _key(name: str) -> pl.Expr:
    return pl.col(name).str.strip_chars().str.to_lowercase().replace("", None)


def _make_id(email: str | None, phone: str | None) -> str:
    kind, address = ("phone", phone or "") if email is None else ("email", email)
    return f"{kind}:{hashlib.sha256(address.encode()).hexdigest()[:ID_DIGITS]}"


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
