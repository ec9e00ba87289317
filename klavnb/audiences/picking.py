"""Members of a segment → an audience: who is written for Klaviyo, who is left out and why, who is in which arm."""

from typing import Final

import dataframely as dy
import polars as pl

from klavnb.audiences.addresses import Address, find_addresses
from klavnb.audiences.arms import Split, assign_arms
from klavnb.audiences.consent import CONSENT_STATES, Consent, judge_consent
from klavnb.schemas import Profile

__all__ = ["REASONS", "AudienceMember", "count_left_out", "pick_audience"]

REASONS: Final = (
    "excluded",
    "no_address",
    *(state for state in CONSENT_STATES if state != "subscribed"),
    "repeated_address",
)
"""Why a member is left out; where several hold, the first counts."""

BLOCKING: Final = ("suppressed", "unsubscribed")


class AudienceMember(dy.Schema):
    """One row per member of the segment: either kept, with an address, or left out for a reason."""

    profile_id = dy.String(primary_key=True)
    address = dy.String(nullable=True)  # as it is written into the file
    left_out = dy.Enum(REASONS, nullable=True)
    arm = dy.String(nullable=True)  # null: left out, or nothing was split

    @dy.rule()
    def kept_or_left_out(cls) -> pl.Expr:
        """Who is kept has an address; who is left out is in no arm."""
        return pl.when(cls.left_out.col.is_null()).then(cls.address.col.is_not_null()).otherwise(cls.arm.col.is_null())


def pick_audience(
    members: pl.LazyFrame,
    profiles: dy.LazyFrame[Profile],
    *,
    address: Address = "email",
    excluded: pl.LazyFrame | None = None,
    consent: Consent | None = None,
    split: Split | None = None,
) -> dy.DataFrame[AudienceMember]:
    """Say of each member of a segment whether it is in the audience, and in which arm, or why not.

    One row per member, by profile id: everyone who comes in is kept or left out.

    Parameters
    ----------
    members
        One row per member, at least with `profile_id`.
    profiles
        All profiles of the account; a member without one has no address.
    address
        What makes the first column; see `find_addresses` for what looks like one. Of members who share an
        address, in whatever spelling, the smallest profile id stays.
    excluded
        Who is left out, at least with `profile_id`; so is whoever has the address of one of them.
    consent
        Keep only who is subscribed; `any` writes e-mail addresses, so who is subscribed to SMS only is left out
        under a reason of its own. An address that is suppressed or unsubscribed under any profile of the
        account stays out. None: nobody is asked.
    split
        The arms; None: one audience.

    Examples
    --------
    >>> from klavnb.store import read_export
    >>> profiles = read_export("sample").profiles
    >>> audience = pick_audience(profiles.select("profile_id"), profiles, consent="email")
    >>> count_left_out(audience)["never_subscribed"], audience["left_out"].null_count()
    (373, 1534)
    """
    addresses = find_addresses(profiles, address)
    reasons = [
        pl.when(pl.col("is_excluded").or_(pl.col("is_excluded_address"))).then(pl.lit("excluded")),
        pl.when(pl.col("address").is_null()).then(pl.lit("no_address")),
    ]
    flagged = _flag_excluded(members.select("profile_id").unique(), addresses, excluded)
    if consent is not None:
        concerned = addresses.join(flagged, on="address_key", how="semi")
        flagged = flagged.join(_judge_addresses(profiles, concerned, consent), on="profile_id", how="left")
        reasons.append(pl.when(pl.col("state") != "subscribed").then("state"))
    reasoned = flagged.with_columns(left_out=pl.coalesce(reasons))
    first = pl.col("profile_id").min().over("address_key", pl.col("left_out").is_null())
    is_repeated = pl.col("left_out").is_null() & (pl.col("profile_id") != first)
    picked = (
        reasoned.with_columns(
            pl.when(is_repeated).then(pl.lit("repeated_address")).otherwise("left_out").alias("left_out")
        )
        .select("profile_id", "address", "left_out", arm=pl.lit(None, dtype=pl.String))
        .sort("profile_id")
        .collect()
    )
    if split is not None:
        kept = picked.filter(pl.col("left_out").is_null()).select("profile_id")
        arms = kept.with_columns(assign_arms(kept["profile_id"], split))
        picked = picked.drop("arm").join(arms, on="profile_id", how="left", maintain_order="left")
    return AudienceMember.validate(picked, cast=True)


def _flag_excluded(members: pl.LazyFrame, addresses: pl.LazyFrame, excluded: pl.LazyFrame | None) -> pl.LazyFrame:
    nobody = pl.LazyFrame(schema={"profile_id": pl.String})
    out = (nobody if excluded is None else excluded).select("profile_id").unique()
    out_addresses = addresses.join(out, on="profile_id", how="semi").select("address_key").unique()
    return (
        members.join(addresses, on="profile_id", how="left")
        .join(out.with_columns(is_excluded=True), on="profile_id", how="left")
        .join(out_addresses.with_columns(is_excluded_address=True), on="address_key", how="left")
        .with_columns(pl.col("is_excluded", "is_excluded_address").fill_null(value=False))
    )


def _judge_addresses(profiles: pl.LazyFrame, addresses: pl.LazyFrame, consent: Consent) -> pl.LazyFrame:
    """One row per profile with an address: its state, or the worse one of another profile with this address."""
    told = addresses.join(profiles.select("profile_id", "consent"), on="profile_id")
    channel: Consent = "email" if consent == "any" else consent
    is_sms_only = judge_consent(consent) == "sms_only"
    judged = told.with_columns(state=judge_consent(channel), is_sms_only=is_sms_only)
    blocked = [pl.when((pl.col("state") == word).any().over("address_key")).then(pl.lit(word)) for word in BLOCKING]
    sms_only = pl.when("is_sms_only").then(pl.lit("sms_only"))
    return judged.select("profile_id", state=pl.coalesce(sms_only, *blocked, "state"))


def count_left_out(audience: dy.DataFrame[AudienceMember]) -> dict[str, int]:
    """Count who is left out, by every reason there is, in the order in which they are asked.

    Examples
    --------
    >>> count_left_out(AudienceMember.create_empty())["no_address"]
    0
    """
    counts = dict(audience["left_out"].drop_nulls().cast(pl.String).value_counts().iter_rows())
    return {reason: counts.get(reason, 0) for reason in REASONS}
