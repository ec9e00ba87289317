"""What stands beside the files of an audience: how it was made, and what became of every member."""

from typing import Final

import msgspec

__all__ = [
    "ANY_NOTE",
    "IMPORT_NOTE",
    "NO_CONSENT_NOTE",
    "AudienceManifest",
    "ConditionHistory",
    "Exclusion",
    "ManifestFile",
]

IMPORT_NOTE: Final = (
    "In Klaviyo, import the files without updating the subscription status: they say nothing about consent."
)
ANY_NOTE: Final = (
    "The files have e-mail addresses, of who is subscribed to e-mail. Who is subscribed to SMS only is left out: "
    "--consent sms writes their phone numbers."
)
NO_CONSENT_NOTE: Final = (
    "Nobody's consent was looked at: the files may hold people who are suppressed or unsubscribed, or never agreed "
    "to anything. Make them with --consent to leave those out."
)


class ConditionHistory(msgspec.Struct, kw_only=True):
    """How exactly the past of one condition is known, and why."""

    condition: str
    history: str  # exact, approximate, current_only
    why: str


class Exclusion(msgspec.Struct, kw_only=True):
    """A segment whose members were left out."""

    name: str
    sentence: str
    definition: object
    count_members: int  # at that moment, members of the audience's segment or not


class ManifestFile(msgspec.Struct, kw_only=True):
    """One file beside the manifest."""

    name: str
    arm: str | None
    rows: int
    bytes: int


class AudienceManifest(msgspec.Struct, kw_only=True):
    """The manifest of an audience, as its JSON has it; no address of anyone stands in it.

    `count_members == count_kept + sum(left_out.values())`, and the rows of the files add up to `count_kept`.
    """

    klavnb_audience: int = 1
    klavnb: str
    segment: str
    sentence: str
    history: list[ConditionHistory]  # how exact the segment is on that day
    definition: object
    referred: list[object]  # the definitions that it refers to
    as_of: str
    time_zone: str
    fingerprint: str  # of the data
    address: str
    consent: str | None
    split: dict[str, str] | None  # arm → per cent
    split_seed: str | None
    attributes: list[str]
    exclusions: list[Exclusion]
    count_members: int
    left_out: dict[str, int]
    count_kept: int
    arms: dict[str, int] | None  # arm → who is in it
    files: list[ManifestFile]
    notes: list[str]
