"""Segments: how large, who comes and goes, how they overlap, what they are worth."""

from collections.abc import Mapping
from datetime import timedelta

import polars as pl

from klavnb.escaping import escape_markdown
from klavnb.findings.finding import Finding, say_money
from klavnb.growth import compare_sizes
from klavnb.labels import tidy_names
from klavnb.privacy import mask
from klavnb.studies import SegmentStudy
from klavnb.wording import format_count, format_share, say_number, say_people

__all__ = [
    "state_moves",
    "state_overlap",
    "state_segment_values",
    "state_segments",
    "state_sizes",
    "state_study",
]

A_YEAR = timedelta(days=365)


def state_study(study: SegmentStudy, *, data: str = "") -> Finding:
    """Say what is looked at: whom, when, in whose days.

    Parameters
    ----------
    data
        What the user named as the data; the sample is told to be invented.
    """
    parts = [
        f"**What is counted:** who was in each segment at the end of {study.as_of_on:%-d %B %Y}, and on every day from "
        f"{study.start_on:%-d %B %Y} to {study.end_on:%-d %B %Y}. Days are those of "
        f"{escape_markdown(study.calendar.time_zone)}"
        + (", as in Klaviyo." if study.calendar.time_zone == "UTC" else "; Klaviyo itself counts in UTC."),
        f"**Everyone:** {format_count(study.count_profiles, 'profile')} known by then.",
    ]
    if data == "sample":
        parts.insert(0, "**The data are invented:** this is the sample shop that comes with klavnb.")
    return Finding("\n\n".join(parts))


def state_segments(segments: pl.LazyFrame, *, study: SegmentStudy, least: int) -> Finding:
    """Say how large the segments are on the day, and what each asks.

    Parameters
    ----------
    segments
        As `klavnb.describe_segments` gives it.
    least
        The smallest group that is counted out.
    """
    rows = _tidy(segments).collect()
    largest = rows.sort("count_members", descending=True, maintain_order=True).row(0, named=True)
    name, count = escape_markdown(largest["segment"]), largest["count_members"]
    which = f"The largest of {rows.height:,} segments is “{name}”:" if rows.height > 1 else f"“{name}” has"
    if not count:
        heading = "Nobody is in any of the segments on the day"
    elif count < least:
        heading = f"No segment has {format_count(least, 'profile')} or more on the day"
    else:
        share = format_share(count, study.count_profiles)
        heading = f"{which} {format_count(count, 'profile')}, {share} of everyone"
    asked = "\n".join(
        f"- **{escape_markdown(row['segment'])}:** {say_people(row['count_members'], least=least, one='profile')}. "
        f"{escape_markdown(mask(row['sentence']))}"
        for row in rows.to_dicts()
    )
    return Finding(f"## {heading}\n\n{asked}")


def state_sizes(study: SegmentStudy, *, least: int) -> Finding:
    """Say which segment changed most, of those whose past sizes the export can tell.

    Parameters
    ----------
    least
        The smallest group that is counted out.
    """
    begins_at = study.export.summary.first_event_at
    ends = compare_sizes(study).pipe(_tidy).with_columns(change=pl.col("last") - pl.col("first")).collect()
    if ends.is_empty():
        heading, compared = _state_last(study, least=least), ""
    else:
        most = ends.sort(pl.col("change").abs(), descending=True, maintain_order=True).row(0, named=True)
        is_whole = most["count_days"] == (study.end_on - study.start_on).days
        span = "over the period" if is_whole else f"in the last {format_count(most['count_days'], 'day')}"
        way = "grew" if most["change"] > 0 else "shrank"
        first = say_people(most["first"], least=least, one="profile")
        of = (
            f"Of the {format_count(ends.height, 'segment')} that can be compared, "
            if 1 < ends.height < len(study.definitions)
            else ""
        )
        heading = (
            f"No segment grew or shrank by {format_count(least, 'profile')} or more {span}"
            if abs(most["change"]) < least
            else f"{of}“{escape_markdown(most['segment'])}” {way} most {span}: from {first} to "
            f"{say_number(most['last'], least=least)}"
        )
        names = [f"“{escape_markdown(name)}”" for name in ends["segment"].head(8)]
        compared = (
            f" Only {format_count(ends.height, 'segment')} of {len(study.definitions):,} can be compared with an earlier day, since the export "
            f"reaches back as far as {'it does' if ends.height == 1 else 'they do'}: {', '.join(names)}."
            if ends.height < len(study.definitions)
            else ""
        )
    early = (
        f" But the export begins on {begins_at:%-d %B %Y}, and what happened before is not known: a segment that looks "
        "further back than that begins too small here, and grows for this reason alone."
        if begins_at and begins_at.date() > study.start_on - A_YEAR
        else ""
    )
    return Finding(
        f"## {heading}\n\nEach line below is one segment, at the end of every day, on a scale of its own. It is computed from the "
        f"events of every customer, day by day, also for days before the segment was thought of.{early}{compared}"
    )


def _state_last(study: SegmentStudy, *, least: int) -> str:
    """Say which segment is the largest at the end of the period, where no change can be told."""
    last = study.sizes.group_by("segment", maintain_order=True).agg(pl.col("count_members").last()).pipe(_tidy)
    row = last.collect().sort("count_members", descending=True, maintain_order=True).row(0, named=True)
    return (
        f"Sizes over time: “{escape_markdown(row['segment'])}” is the largest at the end, with "
        f"{format_count(row['count_members'], 'profile')}"
        if row["count_members"] >= least
        else f"No segment has {format_count(least, 'profile')} or more at the end of the period"
    )


def state_moves(moves: pl.LazyFrame, *, least: int) -> Finding:
    """Say which segment turns over fastest.

    Parameters
    ----------
    moves
        As `klavnb.count_moves` gives it.
    """
    rows = (
        moves.group_by("segment", maintain_order=True)
        .agg(pl.col("count_entered", "count_left").sum(), mean=pl.col("count_members").mean())
        .with_columns(turns=pl.col("count_left") / pl.col("mean"))
        .filter(pl.col("count_left") >= least)
        .pipe(_tidy)
        .collect()
    )
    if rows.is_empty():
        return Finding(f"## No segment was left {format_count(least, 'time')} or more over the period")
    most = rows.sort("turns", descending=True, maintain_order=True).row(0, named=True)
    entered = (
        f"{format_count(most['count_entered'], 'time')} someone entered"
        if most["count_entered"] >= least
        else "hardly anybody entered"
    )
    size = (
        f"Over the period it lost {most['turns']:.1f} times its average size, which was {most['mean']:,.0f} at the ends of months."
        if most["mean"] >= least
        else "At the ends of months it had hardly any members."
    )
    return Finding(
        f"## “{escape_markdown(most['segment'])}” turns over fastest: "
        f"{entered}, {format_count(most['count_left'], 'time')} someone left\n\n{size} Whoever comes back counts again. An audience made from "
        "such a segment is soon out of date: export it anew each time."
    )


def state_overlap(overlap: pl.LazyFrame, *, least: int) -> Finding:
    """Say which two segments share most of their members.

    Parameters
    ----------
    overlap
        As `klavnb.measure_overlap` gives it.
    """
    rows = (
        overlap.filter(pl.col("segment") != pl.col("other"), pl.col("count_both") >= least)
        .with_columns(
            tidy_names(pl.col("segment")),
            tidy_names(pl.col("other")),
            share=pl.col("count_both") / pl.col("count_segment"),
        )
        .sort("share", "count_both", descending=True, maintain_order=True)
        .collect()
    )
    if rows.is_empty():
        return Finding(f"## No two segments share {format_count(least, 'profile')} or more")
    # a segment inside another is one by its definition, mostly; what the share is of the others is news
    partly = rows.filter(pl.col("share") < 1)
    most = (rows if partly.is_empty() else partly).row(0, named=True)
    how_many = (
        f"All {most['count_both']:,}"
        if partly.is_empty()
        else f"{most['count_both']:,} of the {most['count_segment']:,}"
    )
    whole = [
        f"“{escape_markdown(row['segment'])}” lies wholly in “{escape_markdown(row['other'])}”."
        for row in rows.filter(share=1).to_dicts()
    ]
    segment, other = (escape_markdown(most[name]) for name in ("segment", "other"))
    parts = [
        "Whoever is in both gets the messages to both, unless one audience leaves the other out.",
        "In the field below, each row says which part of its segment is in the column’s segment too.",
        *whole[:5],
    ]
    return Finding(f"## {how_many} in “{segment}” are also in “{other}”\n\n{' '.join(parts)}")


def state_segment_values(values: pl.LazyFrame, *, currency: str | None, least: int) -> Finding:
    """Say which segment’s revenue the two models judge most differently.

    Parameters
    ----------
    values
        As `klavnb.value_segments` gives it.
    """
    rows = _tidy(values).collect()
    everyone = rows.row(0, named=True)
    shown = rows.filter(pl.col("segment").is_not_null(), pl.col("count_buyers") >= least)
    whole = (
        f"All orders of the period come to {say_money(everyone['value'], currency)}; the cooperative model credits "
        f"{_say_change(everyone, currency)}, {format_share(abs(everyone['difference']), everyone['value'])}."
        if everyone["count_buyers"] >= least
        else f"Nobody, or fewer than {least:,}, ordered in the period."
    )
    if shown.is_empty():
        return Finding(f"## No segment has {format_count(least, 'buyer')} or more in the period\n\n{whole}")
    best = shown.sort(pl.col("difference").abs(), descending=True, maintain_order=True).row(0, named=True)
    part = format_share(abs(best["difference"]), best["value"])
    name, way = escape_markdown(best["segment"]), "gains" if best["difference"] > 0 else "loses"
    heading, share = (
        (
            f"“{name}” {way} most under the cooperative model: {say_money(abs(best['difference']), currency)}, {part} of what it "
            "ordered",
            f"“{name}” ordered for {say_money(best['value'], currency)}, from {format_count(best['count_buyers'], 'buyer')}; the "
            f"cooperative model credits {_say_change(best, currency)}. {_say_other(shown, best)}",
        )
        if round(best["difference"])
        else (f"Both models credit the same in every segment of {format_count(least, 'buyer')} or more", "")
    )
    return Finding(
        f"## {heading}\n\n{share}{whole} A customer counts with all orders of the period, in every segment that he or she is in on the "
        "day, and may be in several: the bars do not add up to the total."
    )


def _say_other(shown: pl.DataFrame, best: Mapping[str, float]) -> str:
    """Say which segment gains or loses most as a part of what it ordered, where that is another one."""
    signed = pl.col("difference") / pl.col("value") * (1 if best["difference"] > 0 else -1)
    row = shown.filter(pl.col("value") > 0).sort(signed, descending=True, maintain_order=True).head(1)
    if row.is_empty() or row["segment"][0] == best["segment"]:
        return ""
    part, way = format_share(abs(row["difference"][0]), row["value"][0]), "gains" if best["difference"] > 0 else "loses"
    return f"As a share of what it ordered, “{escape_markdown(row['segment'][0])}” {way} most: {part}. "


def _say_change(row: Mapping[str, float], currency: str | None) -> str:
    """Say how much more the cooperative model credits, or how much less."""
    way = "more" if row["difference"] >= 0 else "less"
    return f"{say_money(abs(row['difference']), currency)} {way} of it than the old one"


def _tidy(frame: pl.LazyFrame) -> pl.LazyFrame:
    return frame.with_columns(tidy_names(pl.col("segment")))
