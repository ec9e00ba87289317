"""Tables of segments, of customers by what they spent, of the audience that would leave, and of their provenance."""

import polars as pl
from great_tables import GT

from klavnb.audiences import AudienceManifest
from klavnb.comparison import ModelComparison
from klavnb.errors import name_some
from klavnb.labels import tell_apart, tidy_names
from klavnb.privacy import mask
from klavnb.studies import SegmentStudy
from klavnb.tables.layout import add_unit, tabulate
from klavnb.tables.provenance import list_provenance
from klavnb.wording import LEFT_OUT_REASONS, RECIPE_REASONS, name_window
from klavnb.workaround import Workaround

__all__ = [
    "tabulate_audience",
    "tabulate_recipe",
    "tabulate_segment_provenance",
    "tabulate_segment_values",
    "tabulate_segments",
    "tabulate_sizes",
    "tabulate_spending",
]

HISTORIES = {
    "exact": "exact, as far as the export goes back",
    "approximate": "approximate",
    "current_only": "today’s values only",
}
NOT_SHOWN = "not shown"
NOBODY_YET = "–: nobody yet, or not known: the export may not go back as far as the segment looks."


def tabulate_segments(segments: pl.LazyFrame, *, least: int) -> GT:
    """List the segments: how large, and how well their past is known.

    Parameters
    ----------
    segments
        As `klavnb.describe_segments` gives it.
    least
        Smaller groups are not counted out.
    """
    is_shown = (pl.col("count_members") >= least) | (pl.col("count_members") == 0)
    rows = segments.select(
        tidy_names(pl.col("segment")),
        pl.when(is_shown).then("count_members").alias("count_members"),
        pl.when(is_shown).then("share").alias("share"),
        pl.col("history").replace_strict(HISTORIES),
    ).collect()
    return (
        tabulate(rows, name="segments")
        .cols_label(segment="Segment", count_members="Profiles", share="Of everyone", history="Its past is")
        .fmt_number("count_members", decimals=0)
        .fmt_percent("share", decimals=1, incl_space=True)
        .sub_missing("share", missing_text=NOT_SHOWN)
        .sub_missing("count_members", missing_text=f"fewer than {least}")
    )


def tabulate_sizes(moves: pl.LazyFrame, *, least: int) -> GT:
    """List the size of each segment at the end of each month: a row per month, a column per segment.

    Parameters
    ----------
    moves
        As `klavnb.count_moves` gives it. A month that is not over has its last day. Before a segment's first member
        it has a dash: whether there was none, or the export does not go back far enough, is not known.
    """
    counts = pl.col("count_members")
    sizes = (
        moves.sort("last_on", maintain_order=True)
        .with_columns(is_none=counts.cum_max().over("segment") == 0)
        .select(
            "segment",
            "last_on",
            "is_none",
            pl.when(~pl.col("is_none")).then(_hide(counts, least)).alias("count_members"),
        )
        .collect()
    )
    names = tell_apart(sizes["segment"].unique(maintain_order=True))
    # ids of their own: a name that somebody wrote is shown as text, and never is one
    ids = {name: f"segment-{place}" for place, name in enumerate(names)}
    rows = (
        sizes.with_columns(pl.col("segment").replace_strict(ids, return_dtype=pl.String))
        .pivot("segment", index="last_on", values="count_members", maintain_order=True)
        .sort("last_on")
    )
    count_none = dict(sizes.group_by("segment").agg(pl.col("is_none").sum()).iter_rows())
    table = (
        tabulate(rows.with_columns(pl.col("last_on").dt.strftime("%-d %b %Y")), name="sizes")
        .cols_label(cases={"last_on": "At the end of", **{ids[name]: label for name, label in names.items()}})
        .fmt_number(list(ids.values()), decimals=0)
    )
    for name, column in ids.items():  # a rule of great-tables is for rows, by their number
        first = count_none[name]
        table = table.sub_missing(column, list(range(first)), missing_text="–").sub_missing(
            column, list(range(first, rows.height)), missing_text=f"fewer than {least}"
        )
    is_open = any(count_none.values())
    return table.tab_source_note(NOBODY_YET) if is_open else table


def tabulate_spending(spending: pl.LazyFrame, *, currency: str | None, least: int) -> GT:
    """List by window and amount how many reach it with one order, and how many in total.

    Parameters
    ----------
    spending
        As `klavnb.compare_spending` gives it.
    """
    windows = spending.select(pl.col("window_days").unique(maintain_order=True)).collect()["window_days"].to_list()
    names = {days: name_window(days) for days in windows}
    counts = {"count_single": "value_single", "count_total": "value_total"}
    several = pl.col("count_total") - pl.col("count_both")
    rows = spending.select(
        pl.col("window_days").replace_strict(names, default=names.get(None, ""), return_dtype=pl.String),
        "threshold",
        *(_hide(pl.col(count), least).alias(count) for count in counts),
        _hide(several, least).alias("count_several"),
        *(
            pl.when((pl.col(count) >= least) | (pl.col(count) == 0)).then(value).alias(value)
            for count, value in counts.items()
        ),
    ).collect()
    return (
        tabulate(rows, name="spending")
        .tab_stub(groupname_col="window_days")
        .cols_label(
            threshold="Amount" + add_unit(currency),
            count_single="With one order",
            count_total="In total",
            count_several="Only with several",
            value_single="Spent by those with one" + add_unit(currency),
            value_total="Spent by all of them" + add_unit(currency),
        )
        .fmt_number("threshold", decimals=2, drop_trailing_zeros=True)
        .fmt_number([*counts, "count_several", *counts.values()], decimals=0)
        .sub_missing(list(counts.values()), missing_text=NOT_SHOWN)
        .sub_missing([*counts, "count_several"], missing_text=f"fewer than {least}")
    )


def tabulate_recipe(workaround: Workaround, *, least: int) -> GT:
    """List by segment what the recipe as published finds and misses at the moment of the study, and why.

    Parameters
    ----------
    workaround
        As `klavnb.study_workaround` gives it. Reasons that nobody is missed for have no column.
    """
    counts = workaround.today.filter(pl.col("variant") == "as_published").collect()
    reasons = {
        f"count_{name}": f"… because {words}"
        for name, words in RECIPE_REASONS.items()
        if counts.select(pl.col(f"count_{name}").sum()).item()
    }
    shown = ["count_exact", "count_both", "count_missed", "count_wrongly_included", *reasons]
    places = {goal: place for place, goal in enumerate(workaround.labels)}
    rows = counts.sort(pl.col("goal").replace_strict(places, return_dtype=pl.Int64)).select(
        pl.col("goal").replace_strict({goal: mask(label) for goal, label in workaround.labels.items()}),
        *(_hide(pl.col(name), least).alias(name) for name in shown),
    )
    labels = {
        "goal": "Ordered in the window",
        "count_exact": "Exact",
        "count_both": "Found",
        "count_missed": "Missed",
        "count_wrongly_included": "Wrongly in",
        **reasons,
    }
    return (
        tabulate(rows, name="recipe")
        .cols_label(cases={**labels})
        .fmt_number(shown, decimals=0)
        .sub_missing(missing_text=f"fewer than {least}")
    )


def tabulate_segment_values(values: pl.LazyFrame, *, currency: str | None, least: int) -> GT:
    """List what the members of each segment ordered, and what either model credits of it.

    Parameters
    ----------
    values
        As `klavnb.value_segments` gives it.
    """
    money = ["value", "baseline_value", "candidate_value", "difference"]
    rows = values.select(
        tidy_names(pl.col("segment")).fill_null("Everyone"),
        _hide(pl.col("count_members"), least).alias("count_members"),
        _hide(pl.col("count_buyers"), least).alias("count_buyers"),
        *(
            pl.when((pl.col("count_buyers") >= least) | (pl.col("count_buyers") == 0)).then(name).alias(name)
            for name in money
        ),
    ).collect()
    return (
        tabulate(rows, name="segment-values")
        .cols_label(
            segment="Segment",
            count_members="Profiles",
            count_buyers="Buyers",
            value="Ordered" + add_unit(currency),
            baseline_value="Old model" + add_unit(currency),
            candidate_value="Cooperative model" + add_unit(currency),
            difference="Difference" + add_unit(currency),
        )
        .fmt_number(["count_members", "count_buyers", *money[:3]], decimals=0)
        .fmt_number("difference", decimals=0, force_sign=True)
        .sub_missing(money, missing_text=NOT_SHOWN)
        .sub_missing(["count_members", "count_buyers"], missing_text=f"fewer than {least}")
    )


def tabulate_audience(audience: AudienceManifest, *, least: int) -> GT:
    """List how a segment becomes an audience, step by step: counts only.

    Parameters
    ----------
    audience
        The manifest of one, as `klavnb.audiences.make_audience` makes it.
    """
    steps = [
        ("In the segment", audience.count_members),
        *((f"− {LEFT_OUT_REASONS[reason]}", count) for reason, count in audience.left_out.items() if count),
        ("In the audience", audience.count_kept),
        *((f"of these in the arm {mask(name)}", count) for name, count in (audience.arms or {}).items()),
    ]
    rows = pl.DataFrame(steps, schema={"step": pl.String, "count_profiles": pl.Int64}, orient="row")
    return (
        tabulate(rows.with_columns(_hide(pl.col("count_profiles"), least)), name="audience")
        .cols_label(step="", count_profiles="Profiles")
        .fmt_number("count_profiles", decimals=0)
        .sub_missing(missing_text=f"fewer than {least}")
    )


def _hide(count: pl.Expr, least: int) -> pl.Expr:
    """Leave out a number of people that is smaller than may be shown."""
    return pl.when((count >= least) | (count == 0)).then(count)


def tabulate_segment_provenance(study: SegmentStudy, *, comparison: ModelComparison) -> GT:
    """List where the numbers of a report on segments come from: data, rows, days, settings, versions."""
    return list_provenance(
        study.export,
        {
            "Segments": name_some([definition.name for definition in study.definitions]),
            "Days": f"{study.start_on} to {study.end_on}, looked at on {study.as_of_on}; {study.calendar.time_zone}",
            "Models": f"{comparison.baseline} against {comparison.candidate}",
            "Settings of the models": comparison.settings.describe(),
        },
    )
