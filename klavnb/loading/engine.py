"""The whole way of a load: files → parts → slices, with what was counted on it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path

import polars as pl

from klavnb.cluster import Cluster
from klavnb.formats import DatabaseSource, find_files
from klavnb.formats.contract import RawExport, build
from klavnb.gathering import gather_groups, gather_messages, gather_totals, join_seen
from klavnb.knowledge import gather
from klavnb.loading.base import Base, keep_groups, to_raw_messages, to_raw_profiles
from klavnb.loading.finishing import finish, lighten
from klavnb.loading.intake import check_rejects, find_foreign, read_files
from klavnb.loading.known import ASIDE, Known
from klavnb.loading.options import LoadOptions
from klavnb.loading.parts import Part, lazy
from klavnb.loading.people import gather_profiles, settle_profile_ids
from klavnb.loading.pool import open_workers
from klavnb.loading.repeats import find_repeats
from klavnb.loading.slices import Slice
from klavnb.progress import NO_PROGRESS, Progress
from klavnb.schemas import CampaignTotal, GroupMember, Message, Reject
from klavnb.settings import Settings
from klavnb.tally import Tally, digest_rows, total

__all__ = ["Loaded", "load"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a load gives: frames, or the files in which they are, in their order, with what was counted of each."""

    events: tuple[tuple[pl.DataFrame | Path, Tally], ...]
    profiles: tuple[pl.DataFrame | Path, ...]
    messages: pl.DataFrame
    groups: pl.DataFrame
    totals: pl.DataFrame
    rejects: pl.LazyFrame
    tally: Tally
    count_profiles: int
    digests: tuple[str, ...]
    metric_names: Mapping[str, str]
    sources: tuple[str, ...]
    skipped: tuple[str, ...]


def load(
    paths: Sequence[Path | DatabaseSource],
    *,
    settings: Settings,
    options: LoadOptions,
    folder: Path | None = None,
    base: Base | None = None,
    cluster: Cluster | None = None,
    progress: Progress = NO_PROGRESS,
) -> Loaded:
    """Load an export.

    Parameters
    ----------
    paths
        Its files and folders, and databases.
    settings
        Say which metrics are about messages.
    options
        What happens to what cannot be used, and how many processes work.
    folder
        Where everything that grows with the export is written: `events/` and `profiles/` in their final form, and
        `aside/`, which is no longer needed once the rejects are written. None: all stays in memory.
    base
        The store that the export is added to; it needs a folder.
    cluster
        Whose workers do the work instead of processes of this one; it needs a folder, which they all reach.
    progress
        Is told how far it is.

    Raises
    ------
    ExportError
        When a path is missing or may not be read, a file given by name is no export, nothing at all could be
        read, or the options do not allow what was set aside.
    """
    found = find_files(paths, format=options.format, columns=settings.columns)
    aside = None if folder is None else folder / ASIDE
    for place in (aside, folder and folder / "events", folder and folder / "profiles"):
        if place is not None:
            place.mkdir()
    with open_workers(options.workers if folder is not None else 1, cluster) as pool:
        parts = read_files(found, pool, settings=settings, options=options, folder=aside, progress=progress)
        foreign = find_foreign(parts, found)
        files = [source.path.name for source, _ in found.files if source.name not in foreign]
        read = tuple(dict.fromkeys([*files, *(database.name for database in found.databases)]))
        check_rejects(paths, parts, read, [*found.skipped, *foreign], options)
        former = RawExport() if base is None else to_raw_messages(base)
        # the later record wins, and what Klaviyo's own pages wrote says less than its API
        by_weight = sorted(parts, key=lambda part: part.format != "campaign_csv")
        rest = RawExport.join([former, *(part.rest for part in by_weight)])
        records = None if base is None else to_raw_profiles(base)
        names = pl.concat([part.names for part in parts]).unique(keep="last", maintain_order=True)
        known = Known(
            parts=lighten(parts),
            knowledge=replace(
                gather(rest, names, settings=settings), profile_ids=settle_profile_ids(parts, former=records)
            ),
            roles=settings.roles,
        )
        repeats = find_repeats(known.parts)
        slices = finish(known, repeats, pool, base=base, folder=folder, progress=progress)
        people = gather_profiles(parts, known.knowledge.profile_ids, folder=folder, former=records)
    set_aside = [each.rejects for each in slices if each.rejects is not None]
    rejects = _join_rejects(parts, foreign, [*set_aside, people.rejects])
    if base is not None:
        rejects = pl.concat([base.rejects, rejects])
    messages, groups, totals = _gather(rest, slices, known.knowledge.profile_ids)
    if base is not None:
        groups, totals = keep_groups(base, groups), pl.concat([base.totals, totals]).unique(maintain_order=True)
    return Loaded(
        events=tuple((each.events, each.tally) for each in slices),
        profiles=people.profiles,
        messages=messages,
        groups=groups,
        totals=totals,
        rejects=rejects,
        tally=_add_up(slices, rejects, repeats, rest, base),
        count_profiles=people.count,
        digests=tuple(total([each]) for each in (people.digest, digest_rows(messages), digest_rows(groups))),
        metric_names={**({} if base is None else base.metric_names), **known.knowledge.metric_names},
        sources=read if base is None else tuple(dict.fromkeys([*base.sources, *read])),
        skipped=tuple(sorted([*found.skipped, *foreign])),
    )


def _gather(
    rest: RawExport, slices: Sequence[Slice], profile_ids: Mapping[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Gather messages, members of groups and totals; of what an export says nothing, there is nothing to do."""
    seen = [each.seen for each in slices if each.seen is not None and not each.seen.is_empty()]
    messages, groups, totals = build(Message), build(GroupMember), build(CampaignTotal)
    if seen or not (rest.messages.is_empty() and rest.campaigns.is_empty()):
        messages = gather_messages(rest, join_seen(seen))
    if not rest.group_members.is_empty():
        groups = gather_groups(rest, profile_ids)
    if not rest.campaign_totals.is_empty():
        totals = gather_totals(rest, messages)
    return messages, groups, totals


def _join_rejects(parts: Sequence[Part], foreign: Sequence[str], others: Iterable[pl.DataFrame | Path]) -> pl.LazyFrame:
    of_parts = [part.scan_rejects() for part in parts if part.rejects is not None]
    found = pl.concat([build(Reject).lazy(), *of_parts, *(lazy(frame) for frame in others)])
    return found.filter(~pl.col("file").is_in(list(foreign))) if foreign else found


def _add_up(
    slices: Sequence[Slice], rejects: pl.LazyFrame, repeats: pl.DataFrame, rest: RawExport, base: Base | None
) -> Tally:
    before = Tally() if base is None else base.tally
    counted = rejects.group_by("reason").agg(pl.len()).collect(engine="streaming")
    return reduce(
        add,
        (each.tally for each in slices),
        Tally(
            rejected=dict(counted.iter_rows()),
            count_differing=before.count_differing + repeats.filter(~pl.col("is_same")).height,
            ignored=dict(rest.ignored + Counter(before.ignored)),
            remarks=tuple(sorted({*rest.remarks, *before.remarks})),
        ),
    )
