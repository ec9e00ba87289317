"""Segments → files for Klaviyo: who may be handed on, in which arm, with which attributes; counted to the last."""

from klavnb.audiences.addresses import Address
from klavnb.audiences.arms import Split, assign_arms
from klavnb.audiences.attributes import check_attributes, find_attributes
from klavnb.audiences.consent import CONSENT_STATES, Consent, judge_consent
from klavnb.audiences.making import Audience, make_audience, make_backfill
from klavnb.audiences.manifests import (
    ANY_NOTE,
    IMPORT_NOTE,
    NO_CONSENT_NOTE,
    AudienceManifest,
    ConditionHistory,
    Exclusion,
    ManifestFile,
)
from klavnb.audiences.picking import REASONS, AudienceMember, count_left_out, pick_audience
from klavnb.audiences.rendering import LARGEST_FILE, render_files
from klavnb.audiences.writing import check_folder, write_audience, write_profiles

__all__ = [
    "ANY_NOTE",
    "CONSENT_STATES",
    "IMPORT_NOTE",
    "LARGEST_FILE",
    "NO_CONSENT_NOTE",
    "REASONS",
    "Address",
    "Audience",
    "AudienceManifest",
    "AudienceMember",
    "ConditionHistory",
    "Consent",
    "Exclusion",
    "ManifestFile",
    "Split",
    "assign_arms",
    "check_attributes",
    "check_folder",
    "count_left_out",
    "find_attributes",
    "judge_consent",
    "make_audience",
    "make_backfill",
    "pick_audience",
    "render_files",
    "write_audience",
    "write_profiles",
]
