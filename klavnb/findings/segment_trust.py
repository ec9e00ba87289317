"""What a reader must know before relying on a report of segments, and what the index says of it."""

from collections.abc import Mapping

import polars as pl

from klavnb.audiences.gaps import find_absent_metrics
from klavnb.caveats import PROVISIONAL, count_provisional
from klavnb.comparison import ModelComparison
from klavnb.errors import name_some
from klavnb.escaping import escape_markdown
from klavnb.findings.figures import list_figures
from klavnb.findings.finding import Facts, Finding
from klavnb.findings.trust import tell_age
from klavnb.labels import tidy_names
from klavnb.privacy import mask
from klavnb.studies import SegmentStudy
from klavnb.wording import format_count, say_number
from klavnb.workaround import Workaround

__all__ = ["collect_segment_facts", "list_segment_caveats"]

HISTORY_WORDS: Mapping[str, str] = {
    "exact": "exact, as far as the export goes back and has all events: an event keeps its time",
    "approximate": "approximate: of lists and consent not every change is known",
    "current_only": "today’s values: past values of what is asked are not in an export",
}


def list_segment_caveats(segments: pl.LazyFrame, *, study: SegmentStudy, least: int) -> Finding:
    """Say how far each segment’s past can be trusted, and what else could mislead.

    Parameters
    ----------
    segments
        As `klavnb.describe_segments` gives it.
    """
    rows = segments.with_columns(tidy_names(pl.col("segment"))).collect()
    kinds = [
        f"- **{', '.join(escape_markdown(name) for name in of_kind['segment'])}:** {text}."
        + "".join(f" {escape_markdown(why)}" for why in of_kind["why"].drop_nulls().unique(maintain_order=True))
        for history, text in HISTORY_WORDS.items()
        if not (of_kind := rows.filter(history=history)).is_empty()
    ]
    summary, absent = study.export.summary, find_absent_metrics(study.definitions, study.export)
    currencies = study.export.events.select(pl.col("currency").drop_nulls().unique().sort()).collect()["currency"]
    noted = [
        f"- **Not in the export:** {escape_markdown(mask(name_some(absent)))}. Segments that ask for it are computed as if it "
        "never happened."
        if absent
        else "",
        *(f"- **The export:** {escape_markdown(mask(note))}" for note in summary.notes),
    ]
    first = summary.first_event_at
    always = [
        f"- **Before {first:%-d %B %Y}** the export has no events: what someone did earlier is not known, so “ever” means since then, "
        "and early days of the period count too few."
        if first
        else "",
        "- **Several currencies:** the export has values in "
        f"{escape_markdown(name_some(currencies.to_list()))}. What was spent and credited is shown in one of them; the segments and the "
        "workaround compare and add values whatever their currency."
        if currencies.len() > 1
        else "",
        "- **Not Klaviyo’s own figures:** segments are computed from the exported events by Klaviyo’s published definitions. Windows of days "
        "begin at midnight, as Klaviyo’s do. Profiles merged or deleted since are as the export has them.",
        f"- **Small groups:** numbers of people below {least:,} are not shown, though some can be worked out from others that are."
        if least > 1
        else "",
        "- **A past size is not an audience:** it says who would have been in the segment, not who was sent anything.",
    ]
    return Finding(
        "## Before you rely on this\n\nHow well the past of each segment is known:\n\n"
        + "\n".join(filter(None, [*kinds, *noted, *always]))
    )


def collect_segment_facts(
    segments: pl.LazyFrame,
    workaround: Workaround,
    *,
    study: SegmentStudy,
    least: int,
    comparison: ModelComparison | None = None,
) -> Facts:
    """Collect what the index and the banner of a report say of it.

    Parameters
    ----------
    segments
        As `klavnb.describe_segments` gives it.
    workaround
        As `klavnb.study_workaround` gives it: whom it misses makes the headline.
    comparison
        What the report says of attributed revenue: provisional while Klaviyo may still revise some of it.
    """
    people = workaround.people.collect().row(0, named=True)
    missed, exact = people["count_missed"], people["count_exact"]
    size = segments.select(pl.len()).collect().item()
    rejected = sum(study.export.summary.rejected.values())
    provisional = 0 if comparison is None else count_provisional(comparison)
    notices = [
        f"Provisional: {format_count(provisional, 'order')} of the export’s last {PROVISIONAL.days} days, whose attributed revenue "
        "may still change; who is in a segment does not."
        if provisional
        else "",
        tell_age(study.as_of_on, what="The segments are those of"),
        f"{format_count(rejected, 'row')} of the export could not be used." if rejected else "",
    ]
    told = (
        f"the usual workaround misses {say_number(missed, least=least)} of {format_count(exact, 'customer')} "
        f"in the {format_count(len(workaround.labels), 'segment')} that it is made for"
        if exact >= least
        else "too few customers to judge the usual workaround"
    )
    return Facts(
        {
            "headline": f"{format_count(size, 'segment')}; {told}",
            "data_as_of": f"{study.as_of_on:%Y-%m-%d}",
            "status": "provisional" if provisional else "final",
            "banner": " ".join(notice for notice in notices if notice) or None,
            "period": f"{study.start_on} to {study.end_on}",
            "figures": list_figures(
                (mask(str(name)), members if members >= least or not members else None, "profiles")
                for name, members in segments.select("segment", "count_members").collect().iter_rows()
            ),
        }
    )
