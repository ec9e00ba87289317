"""An export and a definition → an audience: its members, the cells of its files, and the account of both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import dataframely as dy
import polars as pl

import klavnb
from klavnb.audiences.addresses import Address
from klavnb.audiences.arms import Split
from klavnb.audiences.attributes import check_attributes, find_attributes
from klavnb.audiences.consent import Consent
from klavnb.audiences.gaps import note_absent_metrics, note_days, refuse_absent_metrics
from klavnb.audiences.manifests import (
    ANY_NOTE,
    IMPORT_NOTE,
    NO_CONSENT_NOTE,
    AudienceManifest,
    ConditionHistory,
    Exclusion,
)
from klavnb.audiences.picking import AudienceMember, count_left_out, pick_audience
from klavnb.definitions import (
    Definition,
    GroupMembershipCondition,
    SegmentCondition,
    describe_definition,
    find_conditions,
    to_document,
)
from klavnb.export import Export
from klavnb.formats.profile_cells import HEADERS
from klavnb.privacy import mask
from klavnb.segments import UTC_CALENDAR, AsOf, Calendar, describe_history, find_instant, segment_members

__all__ = ["Audience", "make_audience", "make_backfill"]

NOBODY: Final = pl.LazyFrame(schema={"profile_id": pl.String})


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """The members of a segment on a day, as they may be handed to Klaviyo.

    Parameters
    ----------
    members
        Everyone in the segment, kept or left out.
    cells
        One row per profile that is kept, in their order: the columns of the files as text, the address first.
        It holds personal data: it is for the files only.
    manifest
        What is said of it in numbers and settings; the files are named in it once they are written.
    """

    members: dy.DataFrame[AudienceMember]
    cells: pl.DataFrame
    manifest: AudienceManifest


def make_audience(
    data: Export,
    definition: Definition,
    *,
    as_of: AsOf,
    definitions: Sequence[Definition] = (),
    exclusions: Sequence[Sequence[Definition]] = (),
    consent: Consent | None = None,
    split: Split | None = None,
    attributes: Sequence[str] = (),
    computed: pl.LazyFrame | None = None,
    calendar: Calendar = UTC_CALENDAR,
) -> Audience:
    """Find who is in a segment on a day, who of them may be handed to Klaviyo, and with which attributes.

    Everyone in the segment is kept or left out for one reason, and counted.

    Parameters
    ----------
    as_of
        A moment; or a date, which means the end of that day. Addresses, consent and stored properties are those
        of the export, whatever the day.
    definitions
        Others that the definition refers to.
    exclusions
        Definitions whose members are left out: those of one file together, which may refer to each other.
    consent
        Keep who is subscribed to it. With `sms` the address is the phone number, else the e-mail address; so with
        `any` who is subscribed to SMS only is left out, and counted as such.
    split
        The arms; None: one audience.
    attributes
        Names of columns beside the address; see `find_attributes`.
    computed
        One row per profile, `profile_id` and typed columns, which are found by their names among the attributes.

    Raises
    ------
    SettingsError
        When an attribute is refused or unknown, or an exclusion asks for a metric that the export has no event of.
    """
    address: Address = "phone_number" if consent == "sms" else "email"
    check_attributes([address, *attributes])
    now = find_instant(as_of, calendar)
    for together in exclusions:
        for exclusion in together:
            refuse_absent_metrics(exclusion, data)
    referred = _find_referred(definition, definitions)
    found = segment_members(data, definition, as_of=now, definitions=definitions, calendar=calendar)
    excluded, described = _find_excluded(data, exclusions, now, calendar)
    members = pick_audience(found, data.profiles, address=address, excluded=excluded, consent=consent, split=split)
    manifest = AudienceManifest(
        klavnb=klavnb.__version__,
        segment=mask(definition.name),
        sentence=_describe(definition, data),
        history=_tell_history(definition, data, definitions),
        definition=_mask_all(to_document(definition)["definition"]),
        referred=[_mask_all(to_document(other)) for other in referred],
        as_of=now.isoformat(),
        time_zone=calendar.time_zone,
        fingerprint=data.summary.fingerprint,
        address=address,
        consent=consent,
        split=None if split is None else {arm: str(share) for arm, share in split.shares.items()},
        split_seed=None if split is None else mask(split.seed),
        attributes=[mask(name) for name in attributes],
        exclusions=described,
        count_members=members.height,
        left_out=count_left_out(members),
        count_kept=members["left_out"].null_count(),
        arms=None if split is None else _count_arms(members, split),
        files=[],
        notes=[
            IMPORT_NOTE,
            *([] if consent else [NO_CONSENT_NOTE]),
            *([ANY_NOTE] if consent == "any" else []),
            *note_absent_metrics([definition, *referred], data),
            *note_days([now], data, calendar),
            *(
                f"The excluded segment “{each.name}” has 0 members: it leaves nobody out."
                for each in described
                if not each.count_members
            ),
        ],
    )
    return Audience(members=members, cells=_write_rows(data, members, address, attributes, computed), manifest=manifest)


def make_backfill(data: Export, computed: pl.LazyFrame) -> tuple[pl.DataFrame, Mapping[str, int]]:
    """Find the rows of a file that sets computed properties on every customer who has an e-mail address.

    One row per profile of `computed` with an address that no other of them has, by profile id: `Email`, then
    the computed columns as text; and how many are left out, by reason. Nobody's consent is asked, as the file
    is to change properties, not to send anything.

    Examples
    --------
    >>> from klavnb.store import read_export
    >>> data = read_export("sample")
    >>> computed = data.profiles.select("profile_id", spent=pl.lit(12.5)).head(3)
    >>> rows, left_out = make_backfill(data, computed)
    >>> rows.columns, rows["spent"].to_list(), sum(left_out.values())
    (['Email', 'spent'], ['12.5', '12.5', '12.5'], 0)
    """
    identity = {"profile_id", *HEADERS}
    properties = computed.select(
        "profile_id", *(name for name in computed.collect_schema().names() if name not in identity)
    )
    members = pick_audience(computed, data.profiles)
    names = [name for name in properties.collect_schema().names() if name != "profile_id"]
    return _write_rows(data, members, "email", names, properties), count_left_out(members)


def _find_excluded(
    data: Export, exclusions: Sequence[Sequence[Definition]], now: datetime, calendar: Calendar
) -> tuple[pl.LazyFrame, list[Exclusion]]:
    found = [
        (definition, segment_members(data, definition, as_of=now, definitions=together, calendar=calendar).collect())
        for together in exclusions
        for definition in together
    ]
    described = [
        Exclusion(
            name=mask(definition.name),
            sentence=_describe(definition, data),
            definition=_mask_all(to_document(definition)["definition"]),
            count_members=members.height,
        )
        for definition, members in found
    ]
    return pl.concat([NOBODY, *(members.lazy().select("profile_id") for _, members in found)]), described


def _find_referred(definition: Definition, definitions: Sequence[Definition]) -> list[Definition]:
    """Find the segments that a definition names, and those that these name, in the order of the definitions."""
    found: set[str] = set()
    looked_at, to_look_at = set[str](), [definition]
    while to_look_at:
        each = to_look_at.pop()
        looked_at.add(each.name)
        conditions = find_conditions(each.root)
        found |= {condition.segment for condition in conditions if isinstance(condition, SegmentCondition)}
        groups = {
            group
            for condition in conditions
            if isinstance(condition, GroupMembershipCondition)
            for group in condition.group_ids
        }
        found |= {other.name for other in definitions if other.id in groups}
        to_look_at = [other for other in definitions if other.name in found - looked_at]
    return [other for other in definitions if other.name in found]


def _describe(definition: Definition, data: Export) -> str:
    return mask(describe_definition(definition, metric_names=data.summary.metric_names))


def _tell_history(definition: Definition, data: Export, definitions: Sequence[Definition]) -> list[ConditionHistory]:
    return [
        ConditionHistory(condition=mask(condition), history=history, why=why)
        for condition, history, why in describe_history(definition, data=data, definitions=definitions).iter_rows()
    ]


def _write_rows(
    data: Export,
    members: dy.DataFrame[AudienceMember],
    address: Address,
    attributes: Sequence[str],
    computed: pl.LazyFrame | None,
) -> pl.DataFrame:
    kept = members.filter(pl.col("left_out").is_null())
    columns = find_attributes(data.profiles, attributes, only=kept["profile_id"], computed=computed)
    return pl.concat([kept.select(pl.col("address").alias(HEADERS[address])), columns], how="horizontal")


def _count_arms(members: pl.DataFrame, split: Split) -> dict[str, int]:
    counts = dict(members["arm"].drop_nulls().value_counts().iter_rows())
    return {arm: counts.get(arm, 0) for arm in split.shares}


def _mask_all(document: object) -> object:
    """Mask what looks personal in every text of a document: a segment may ask for one person's address."""
    if isinstance(document, str):
        return mask(document)
    if isinstance(document, Mapping):
        return {name: _mask_all(value) for name, value in document.items()}
    return [_mask_all(value) for value in document] if isinstance(document, list) else document
