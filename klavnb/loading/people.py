"""Profiles of all parts: who is who, each in the latest state, in bounded memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from klavnb.formats.contract import RawExport, build
from klavnb.formats.profile_merging import MADE, merge_made_ids, merge_profiles
from klavnb.gathering import clean_profiles
from klavnb.loading.parts import Part, scan_profiles
from klavnb.schemas import Profile, Reject
from klavnb.tally import digest_rows

__all__ = ["People", "gather_profiles", "settle_profile_ids"]

ROWS: Final = 500_000
LISTED: Final = "profile_csv"
"""The format whose rows may have no ids, and complete the profiles of all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """The profiles of an export: frames sorted by id, or their files; how many; the digest; and the rejects."""

    profiles: tuple[pl.DataFrame | Path, ...]
    count: int
    digest: int
    rejects: pl.DataFrame


def settle_profile_ids(parts: Sequence[Part], *, former: pl.LazyFrame | None = None) -> dict[str, str]:
    """Find, for ids that were made of an address, the id that another file gives the profile of this address.

    Parameters
    ----------
    parts
        What was read.
    former
        Records from before. Ids that were made then stay, as the events of then go by them.
    """
    profiles = scan_profiles(parts)
    if not profiles.select(pl.col("profile_id").str.contains(MADE).any()).collect(engine="streaming").item():
        return {}
    known = profiles if former is None else pl.concat([former, profiles])
    people = known.select("profile_id", "email", "phone_number", "external_id").unique()
    found = merge_made_ids(people.collect(engine="streaming"))
    if former is None:
        return found
    kept = former.filter(pl.col("profile_id").is_in(list(found))).select("profile_id").collect(engine="streaming")
    return {made: own for made, own in found.items() if made not in set(kept["profile_id"])}


def gather_profiles(
    parts: Sequence[Part],
    profile_ids: Mapping[str, str],
    *,
    folder: Path | None,
    former: pl.LazyFrame | None = None,
) -> People:
    """Merge the records of each profile, some profiles at a time.

    Parameters
    ----------
    parts
        What was read.
    profile_ids
        Id that was made of an address → the profile's own.
    folder
        Where `profiles/` is; None: they stay in memory.
    former
        Records from before.
    """
    records = scan_profiles([part for part in parts if part.format != LISTED])
    if former is not None:
        records = pl.concat([former, records])
    listed = [part for part in parts if part.format == LISTED and part.profiles is not None]
    if profile_ids:
        records = records.with_columns(pl.col("profile_id").replace(dict(profile_ids)))
    if listed:  # any row may be of any profile: this takes all of them at once
        rows = RawExport(
            profiles=scan_profiles(listed).with_columns(pl.col("profile_id").replace(dict(profile_ids))).collect()
        )
        records = merge_profiles(RawExport(profiles=records.collect()), rows).profiles.lazy()
    groups = 1 + int(records.select(pl.len()).collect().item()) // ROWS
    held: list[pl.DataFrame | Path] = []
    rejects = [build(Reject)]
    count = digest = 0
    for number in range(groups):
        of_group = records.filter(pl.col("profile_id").hash() % groups == number) if groups > 1 else records
        raw = of_group.collect()
        ordered = build(Profile)
        if not raw.is_empty():
            profiles, nameless = clean_profiles(raw)
            ordered = profiles.sort("profile_id")
            rejects.append(Reject.cast(nameless))
        count, digest = count + ordered.height, digest + digest_rows(ordered)
        if folder is None:
            held.append(ordered)
        else:
            path = folder / "profiles" / f"{number:04d}.parquet"
            ordered.write_parquet(path, compression="zstd", compression_level=1)
            held.append(path)
    return People(profiles=tuple(held), count=count, digest=digest, rejects=pl.concat(rejects))
