"""What the report of segments shows: its sentences word for word, its charts and tables, and what they never show."""

# ruff: noqa: E501, ISC004 - sentences read better unbroken

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from builders import ANNOUNCED, DAY, START, events, order
from segment_builders import asks, count, happened, person, utc
from study_builders import bought, loaded

import klavnb as kn
from klavnb.audiences import AudienceManifest
from klavnb.audiences.picking import REASONS
from klavnb.bundled import find_sample
from klavnb.definitions import ConsentCondition, DateFilter, Definition, PropertyCondition, TextFilter
from klavnb.errors import SettingsError
from klavnb.recipes import WHYS
from klavnb.rendering import CHART, FACTS, render
from klavnb.report import make_reports
from klavnb.schemas import list_types
from klavnb.studies import SegmentStudy, study_segments
from klavnb.wording import LEFT_OUT_REASONS, RECIPE_REASONS
from klavnb.workaround import Workaround

HOSTILE = "<script>alert(1)</script> *bold* [x](javascript:alert(1)) $a$ <b> | jane@example.com"
SHOWN = "<script>alert(1)</script> *bold* [x](javascript:alert(1)) $a$ <b> | [e-mail]"
"""The same as a reader sees it."""
TINY = find_sample().parent / "tiny"
BEGINS = utc("2026-01-05")


def tell(finding: kn.findings.Finding) -> str:
    """The text as a reader sees it, but for the marks of Markdown."""
    return html.unescape(finding.text)


def study(*definitions: Definition, rows: Sequence[Any] = (), **options: Any) -> SegmentStudy:  # noqa: ANN401 - as study_segments
    """A study of a hundred profiles, up to 10 March 2026."""
    events = rows or [bought(BEGINS), happened("2026-03-10", "Viewed Product", who="bob")]
    people = [person(f"p{number:02}", created_at=BEGINS) for number in range(98)]
    return study_segments(loaded(*events, profiles=people), definitions or [asks(count(), name="All")], **options)


def draw(chart: Any) -> dict[str, Any]:  # noqa: ANN401 - any chart of altair
    """A chart as it leaves the notebook."""
    return render(chart.to_dict())[CHART]


def list_rows(chart: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All rows of all data sets of a chart."""
    return [row for rows in chart["datasets"].values() for row in rows]


# The period


def test_the_report_says_who_is_looked_at_and_when() -> None:
    made = study(start="2026-02-01")
    assert tell(kn.findings.state_study(made)) == (
        "**What is counted:** who was in each segment at the end of 10 March 2026, and on every day from 1 February 2026 "
        "to 10 March 2026. Days are those of UTC, as in Klaviyo.\n\n**Everyone:** 100 profiles known by then."
    )


def test_the_report_says_that_the_sample_is_invented_and_whose_days_are_meant() -> None:
    vienna = study(start="2026-02-01", calendar=kn.Calendar("Europe/Vienna"))
    assert tell(kn.findings.state_study(vienna, data="sample")) == (
        "**The data are invented:** this is the sample shop that comes with klavnb.\n\n"
        "**What is counted:** who was in each segment at the end of 10 March 2026, and on every day from 1 February 2026 "
        "to 10 March 2026. Days are those of Europe/Vienna; Klaviyo itself counts in UTC.\n\n"
        "**Everyone:** 100 profiles known by then."
    )


# Sizes on the day


def described(**members: int) -> pl.LazyFrame:
    """As `describe_segments` gives it, of 100 profiles."""
    return describe({name.replace("_", " "): (size, "exact", None) for name, size in members.items()})


def describe(segments: Mapping[str, tuple[int, str, str | None]]) -> pl.LazyFrame:
    return pl.LazyFrame(
        [
            {
                "segment": name,
                "sentence": f"What {name} asks.",
                "count_members": size,
                "share": size / 100,
                "history": history,
                "why": why,
            }
            for name, (size, history, why) in segments.items()
        ],
        schema_overrides={"why": pl.String},
    )


@pytest.mark.parametrize(
    ("members", "heading"),
    [
        ({"Few": 3, "Many": 40, "None": 0}, "The largest of 3 segments is “Many”: 40 profiles, 40.0 % of everyone"),
        ({"Many": 40}, "“Many” has 40 profiles, 40.0 % of everyone"),
        ({"Few": 4, "None": 0}, "No segment has 5 profiles or more on the day"),
        ({"Few": 4}, "No segment has 5 profiles or more on the day"),
        ({"None": 0, "Nobody": 0}, "Nobody is in any of the segments on the day"),
    ],
    ids=["some", "one", "small ones", "a small one", "empty ones"],
)
def test_the_largest_segment_is_named_first(members: dict[str, int], heading: str) -> None:
    told = tell(kn.findings.state_segments(described(**members), study=study(), least=5))
    assert told.startswith(f"## {heading}\n\n- **")


def test_every_segment_is_told_with_what_it_asks() -> None:
    told = tell(kn.findings.state_segments(described(Few=3, Many=40, Empty=0), study=study(), least=5))
    assert told.split("\n\n")[1] == (
        "- **Few:** fewer than 5 profiles. What Few asks.\n"
        "- **Many:** 40 profiles. What Many asks.\n"
        "- **Empty:** no profiles. What Empty asks."
    )


def test_the_table_of_segments_leaves_small_ones_open() -> None:
    segments = describe(
        {"Few": (3, "approximate", "Why."), "Many": (40, "exact", None), "Empty": (0, "current_only", "")}
    )
    assert read_table(kn.tables.tabulate_segments(segments, least=5)) == [
        ["Segment", "Profiles", "Of everyone", "Its past is"],
        ["Few", "fewer than 5", "not shown", "approximate"],
        ["Many", "40", "40.0 %", "exact, as far as the export goes back"],
        ["Empty", "0", "0.0 %", "today’s values only"],
    ]


def read_table(table: Any) -> list[list[str]]:  # noqa: ANN401 - a GT, whose module has no public name for it
    """The rows of a table as its page shows them."""
    (frame,) = [part for part in [table.as_raw_html()] if "<table" in part]
    rows = [part.split("</tr>")[0] for part in frame.split("<tr")[1:]]
    cells = [[cell.split("</t")[0].split(">", 1)[1] for cell in split_cells(row)] for row in rows]
    return [[html.unescape(cell).strip() for cell in row] for row in cells]


def split_cells(row: str) -> list[str]:
    return row.replace("<th", "<td").split("<td")[1:]


# Sizes over time


def with_sizes(made: SegmentStudy, **sizes: Sequence[int]) -> SegmentStudy:
    """The same study with these sizes, one a day, of segments that look back 10 days; on the day before, all were empty."""
    recent = count(timeframe=DateFilter(operator="in-the-last", unit="day", quantity=10))
    rows = [
        {
            "segment": name,
            "as_of": made.as_of - timedelta(days=len(counts) - 1 - place),
            "count_members": count,
            "count_entered": max(count - before, 0),
            "count_left": max(before - count, 0),
        }
        for name, counts in sizes.items()
        for place, (before, count) in enumerate(zip((0, *counts), counts, strict=False))
    ]
    frame = pl.LazyFrame(rows, schema_overrides={"as_of": pl.Datetime("us", "UTC")})
    definitions = tuple(asks(recent, name=name) for name in sizes)
    return replace(made, sizes=kn.SegmentSize.cast(frame), definitions=definitions)


LINES = (
    "Each line below is one segment, at the end of every day, on a scale of its own. It is computed from the events of every "
    "customer, day by day, also for days before the segment was thought of."
)
EARLY = (
    " But the export begins on 5 January 2026, and what happened before is not known: a segment that looks further back than "
    "that begins too small here, and grows for this reason alone."
)


@pytest.mark.parametrize(
    ("sizes", "heading"),
    [
        ({"A": [10, 30], "B": [50, 20]}, "“B” shrank most over the period: from 50 profiles to 20"),
        ({"A": [0, 9, 30], "B": [50, 60]}, "“A” grew most over the period: from no profiles to 30"),
        ({"A": [3, 9]}, "“A” grew most over the period: from fewer than 5 profiles to 9"),
        ({"A": [9, 4]}, "“A” shrank most over the period: from 9 profiles to fewer than 5"),
        ({"A": [9, 0]}, "“A” shrank most over the period: from 9 profiles to none"),
        ({"A": [9, 90, 13]}, "No segment grew or shrank by 5 profiles or more over the period"),
    ],
    ids=str,
)
def test_the_segment_that_changed_most_is_named(sizes: dict[str, list[int]], heading: str) -> None:
    made = with_sizes(study(start="2026-02-01"), **sizes)
    assert tell(kn.findings.state_sizes(made, least=5)) == f"## {heading}\n\n{LINES}{EARLY}"


def test_a_segment_that_looks_back_further_than_the_export_makes_no_headline_of_growth() -> None:
    made = with_sizes(study(start="2026-02-01"), A=[10, 20], B=[10, 90])
    ever = asks(count(), name="B")
    mixed = replace(made, definitions=(made.definitions[0], ever))
    assert tell(kn.findings.state_sizes(mixed, least=5)) == (
        f"## “A” grew most over the period: from 10 profiles to 20\n\n{LINES}{EARLY} Only 1 segment of 2 can be compared with an "
        "earlier day, since the export reaches back as far as it does: “A”."
    )
    assert draw(kn.charts.draw_sizes(mixed.sizes, least=5, changes=kn.compare_sizes(mixed)))["title"] == (
        "“A”: 10 profiles 37 days before the last, 20 on the last"
    )
    none = replace(made, definitions=(asks(count(), name="A"), ever))
    heading = "Sizes over time: “B” is the largest at the end, with 90 profiles"
    assert tell(kn.findings.state_sizes(none, least=5)) == f"## {heading}\n\n{LINES}{EARLY}"
    assert draw(kn.charts.draw_sizes(none.sizes, least=5, changes=kn.compare_sizes(none)))["title"] == (
        "“B”: 90 profiles on the last day"
    )


@pytest.mark.parametrize(
    ("quantity", "unit", "days"),
    [(10, "day", 90), (19, "week", None), (36, "hour", 90), (89, "day", 90), (90, "day", None)],
    ids=str,
)
def test_of_an_export_that_begins_with_the_period_the_last_90_days_are_compared(
    quantity: int,
    unit: Any,  # noqa: ANN401 - a unit
    days: int | None,
) -> None:
    """The export begins on 13 September 2025, 89 days before 11 December, which is 90 before the last day."""
    frame = DateFilter(operator="in-the-last", unit=unit, quantity=quantity)
    made = study(asks(count(timeframe=frame), name="A"), rows=[bought("2025-09-12 23:00:00"), bought("2026-03-10")])
    compared = kn.compare_sizes(made).collect()
    assert compared["count_days"].to_list() == ([] if days is None else [days])


def test_the_sizes_at_the_ends_of_months_are_listed() -> None:
    rows = [bought(f"2026-01-{day:02}", who=f"p{day}") for day in range(5, 13)]
    made = study(
        asks(count(), name="All"),
        asks(count(value=2), name="Of a@example.com"),
        rows=[*rows, bought("2026-02-02", who="p5"), bought("2026-03-10", who="new")],
    )
    assert read_table(kn.tables.tabulate_sizes(kn.count_moves(made), least=5))[:-1] == [
        ["At the end of", "All", "Of [e-mail]"],
        ["31 Jan 2026", "8", "–"],
        ["28 Feb 2026", "8", "fewer than 5"],
        ["10 Mar 2026", "9", "fewer than 5"],
    ]


def test_where_the_export_begins_a_year_before_the_period_nothing_is_said_of_it() -> None:
    long = study(rows=[bought("2025-01-01"), bought("2026-03-10")], start="2026-01-01")
    assert tell(kn.findings.state_sizes(with_sizes(long, A=[9, 19]), least=5)).endswith(LINES)
    short = study(rows=[bought("2025-01-01"), bought("2026-03-10")], start="2025-12-31")
    assert "the export begins on 1 January 2025" in tell(kn.findings.state_sizes(with_sizes(short, A=[9, 19]), least=5))


def test_the_line_of_a_size_breaks_where_it_is_small() -> None:
    sizes = with_sizes(study(), A=[10, 3, 30], B=[4, 0, 1]).sizes
    drawn = draw(kn.charts.draw_sizes(sizes, least=5))
    assert drawn["title"] == "“A”: 30 profiles on the last day"
    assert drawn["description"] == (
        "The size of each segment at the end of each day, each on its own scale. On the last day: “A”: 30 profiles. "
        "Days with fewer than 5 profiles are not drawn."
    )
    assert [row["count_members"] for row in list_rows(drawn)] == [10, None, 30]
    assert len(drawn["vconcat"]) == 1


def test_where_every_size_is_small_there_is_no_chart() -> None:
    assert kn.charts.draw_sizes(with_sizes(study(), A=[4, 3], B=[0, 0]).sizes, least=5) is None


def test_segments_whose_names_look_the_same_once_masked_keep_lines_of_their_own() -> None:
    made = with_sizes(study(start="2026-02-01"), **{"Of ann@example.com": [10, 30], "Of bob@example.com": [50, 20]})
    drawn = draw(kn.charts.draw_sizes(made.sizes, least=5))
    assert [panel["title"] for panel in drawn["vconcat"]] == ["Of [e-mail]", "Of [e-mail] (2)"]
    assert len(list_rows(drawn)) == 4
    assert tell(kn.findings.state_sizes(made, least=5)).startswith(
        "## “Of [e-mail]” shrank most over the period: from 50 profiles to 20"
    )
    assert tell(kn.findings.state_moves(kn.count_moves(made), least=5)).startswith(
        "## “Of [e-mail]” turns over fastest: 50 times someone entered, 30 times someone left"
    )


# Who comes and goes


def moved(**segments: Sequence[tuple[int, int, int]]) -> pl.LazyFrame:
    """As `count_moves` gives it: entered, left, members at the end, by month."""
    return pl.LazyFrame(
        [
            {
                "segment": name,
                "month_on": date(2026, 1 + place, 1),
                "count_entered": entered,
                "count_left": left,
                "count_members": members,
            }
            for name, months in segments.items()
            for place, (entered, left, members) in enumerate(months)
        ]
    )


AGAIN = "Whoever comes back counts again. An audience made from such a segment is soon out of date: export it anew each time."


@pytest.mark.parametrize(
    ("moves", "told"),
    [
        (
            {"Slow": [(90, 10, 80), (0, 10, 70)], "Fast": [(10, 2, 8), (20, 16, 12)]},
            "“Fast” turns over fastest: 30 times someone entered, 18 times someone left\n\nOver the period it lost 1.8 times "
            "its average size, which was 10 at the ends of months.",
        ),
        (
            {"Gone": [(9, 9, 0), (6, 5, 1)]},
            "“Gone” turns over fastest: 15 times someone entered, 14 times someone left\n\nAt the ends of months it had "
            "hardly any members.",
        ),
        (
            {"Emptied": [(4, 6, 30), (0, 3, 27)]},
            "“Emptied” turns over fastest: hardly anybody entered, 9 times someone left\n\nOver the period it lost 0.3 times "
            "its average size, which was 28 at the ends of months.",
        ),
        (
            {"All left": [(7, 7, 0), (9, 9, 0)]},
            "“All left” turns over fastest: 16 times someone entered, 16 times someone left\n\nAt the ends of months it had "
            "hardly any members.",
        ),
    ],
    ids=["two", "small at the ends", "few entered", "empty at the ends"],
)
def test_the_segment_that_turns_over_fastest_is_named(moves: dict[str, Any], told: str) -> None:
    assert tell(kn.findings.state_moves(moved(**moves), least=5)) == f"## {told} {AGAIN}"


def test_where_hardly_anybody_left_it_is_said() -> None:
    told = tell(kn.findings.state_moves(moved(A=[(90, 2, 80), (9, 2, 87)], B=[(0, 0, 0)]), least=5))
    assert told == "## No segment was left 5 times or more over the period"


def test_months_with_few_moves_are_not_drawn_but_counted_in_the_sum() -> None:
    drawn = draw(kn.charts.draw_moves(moved(A=[(90, 2, 88), (4, 6, 86)], B=[(3, 0, 3)]), least=5))
    assert drawn["title"] == "Most moves: 94 times someone entered “A”"
    assert drawn["description"] == (
        "Bars by month: up, how many entered a segment; down, how many left it. A: 94 entered; A: 8 left. Months with fewer "
        "than 5 are not drawn."
    )
    assert [(row["way"], row["change"]) for row in list_rows(drawn)] == [("entered", 90), ("left", -6)]


def test_where_all_moves_are_few_there_is_no_chart() -> None:
    assert kn.charts.draw_moves(moved(A=[(4, 2, 2), (0, 0, 2)]), least=5) is None


# Overlap


def overlapping(*pairs: tuple[str, str, int, int]) -> pl.LazyFrame:
    """As `measure_overlap` gives it: segment, other, in both, in the segment."""
    schema = {"segment": pl.String, "other": pl.String, "count_both": pl.Int64, "count_segment": pl.Int64}
    return pl.LazyFrame(pairs, schema=schema, orient="row")


BOTH = (
    "Whoever is in both gets the messages to both, unless one audience leaves the other out. In the field below, each row says "
    "which part of its segment is in the column’s segment too."
)
ITSELF = ("A", "A", 40, 40)


def test_the_two_segments_that_share_most_are_named_and_those_inside_others_beside_them() -> None:
    pairs = [ITSELF, ("A", "B", 30, 40), ("B", "A", 30, 90), ("C", "B", 7, 7), ("B", "C", 7, 90), ("C", "A", 4, 7)]
    assert tell(kn.findings.state_overlap(overlapping(*pairs), least=5)) == (
        f"## 30 of the 40 in “A” are also in “B”\n\n{BOTH} “C” lies wholly in “B”."
    )


def test_where_segments_lie_wholly_in_others_only_that_is_the_finding() -> None:
    told = tell(kn.findings.state_overlap(overlapping(ITSELF, ("C", "A", 7, 7), ("A", "C", 4, 40)), least=5))
    assert told == f"## All 7 in “C” are also in “A”\n\n{BOTH} “C” lies wholly in “A”."


def test_where_hardly_anybody_is_in_two_segments_it_is_said() -> None:
    few = overlapping(ITSELF, ("A", "B", 4, 40), ("B", "A", 4, 4))
    assert tell(kn.findings.state_overlap(few, least=5)) == "## No two segments share 5 profiles or more"
    assert tell(kn.findings.state_overlap(few, least=1)).startswith("## 4 of the 40 in “A” are also in “B”")
    assert kn.charts.draw_overlap(few, least=5) is None


def test_the_field_of_overlaps_leaves_small_ones_empty() -> None:
    drawn = draw(kn.charts.draw_overlap(overlapping(ITSELF, ("A", "B", 30, 40), ("B", "A", 4, 90)), least=5))
    assert drawn["title"] == "75 % of “A” is also in “B”"
    assert drawn["description"] == (
        "Squares: the part of the row's segment that is also in the column's. 75 % of A is in B."
    )
    assert [(row["segment"], row["other"], row["share"]) for row in list_rows(drawn)] == [("A", "B", 0.75)]


# Revenue


def valued(*rows: tuple[str | None, int, int, float, float, float]) -> pl.LazyFrame:
    """As `value_segments` gives it: segment, members, buyers, ordered, credited by the old and by the cooperative model."""
    names = ["segment", "count_members", "count_buyers", "value", "baseline_value", "candidate_value"]
    schema = {name: pl.Int64 if name.startswith("count") else pl.Float64 for name in names} | {"segment": pl.String}
    frame = pl.LazyFrame(rows, schema=schema, orient="row")
    return frame.with_columns(difference=pl.col("candidate_value") - pl.col("baseline_value"))


EVERYONE = (None, 100, 60, 5000.0, 1000.0, 1500.0)
ALL_ORDERS = "All orders of the period come to EUR 5,000; the cooperative model credits EUR 500 more of it than the old one, 10.0 %."
SEVERAL = (
    " A customer counts with all orders of the period, in every segment that he or she is in on the day, and may be in several: "
    "the bars do not add up to the total."
)


@pytest.mark.parametrize(
    ("row", "told", "title"),
    [
        (
            ("A", 20, 10, 1000.0, 200.0, 250.0),
            "“A” gains most under the cooperative model: EUR 50, 5.0 % of what it ordered\n\n“A” ordered for EUR 1,000, from 10 buyers; the cooperative model credits EUR 50 more of it than the old one. ",
            "“A”: EUR 50 more credited, 5.0 % of what it ordered",
        ),
        (
            ("A", 20, 10, 1000.0, 250.0, 200.0),
            "“A” loses most under the cooperative model: EUR 50, 5.0 % of what it ordered\n\n“A” ordered for EUR 1,000, from 10 buyers; the cooperative model credits EUR 50 less of it than the old one. ",
            "“A”: EUR 50 less credited, 5.0 % of what it ordered",
        ),
        (
            ("A", 20, 10, 1000.0, 250.0, 250.3),
            "Both models credit the same in every segment of 5 buyers or more\n\n",
            "Both models credit the same in every segment of 5 buyers or more",
        ),
    ],
    ids=["more", "less", "the same"],
)
def test_the_segment_that_the_models_judge_most_differently_is_named(row: Any, told: str, title: str) -> None:  # noqa: ANN401 - a row of `valued`
    values = valued(EVERYONE, ("Small", 20, 4, 900.0, 0.0, 900.0), row, ("Poor", 9, 9, 90.0, 0.0, 0.0))
    finding = kn.findings.state_segment_values(values, currency="EUR", least=5)
    assert tell(finding) == f"## {told}{ALL_ORDERS}{SEVERAL}"
    drawn = draw(kn.charts.draw_segment_values(values, currency="EUR", least=5))
    assert drawn["title"] == title
    assert {row["segment"] for row in list_rows(drawn)} == {"A", "Poor"}


def test_where_another_segment_gains_most_as_a_share_it_is_named_too() -> None:
    values = valued(
        EVERYONE, ("A", 20, 10, 1000.0, 200.0, 250.0), ("B", 9, 9, 90.0, 0.0, 9.0), ("C", 9, 9, 0.0, 0.0, 0.0)
    )
    told = tell(kn.findings.state_segment_values(values, currency="EUR", least=5))
    assert told.startswith("## “A” gains most under the cooperative model: EUR 50, 5.0 % of what it ordered\n")
    assert "As a share of what it ordered, “B” gains most: 10.0 %." in told


def test_where_hardly_anybody_ordered_no_revenue_is_shown() -> None:
    few = valued((None, 100, 4, 500.0, 1.0, 2.0), ("A", 20, 4, 500.0, 1.0, 2.0))
    assert tell(kn.findings.state_segment_values(few, currency="EUR", least=5)) == (
        "## No segment has 5 buyers or more in the period\n\nNobody, or fewer than 5, ordered in the period."
    )
    assert kn.charts.draw_segment_values(few, currency="EUR", least=5) is None
    some = valued(EVERYONE, ("A", 20, 4, 500.0, 1.0, 2.0))
    assert tell(kn.findings.state_segment_values(some, currency="EUR", least=5)) == (
        f"## No segment has 5 buyers or more in the period\n\n{ALL_ORDERS}"
    )


def test_the_parts_of_a_bar_are_all_that_was_ordered() -> None:
    drawn = draw(
        kn.charts.draw_segment_values(valued(EVERYONE, ("A", 20, 10, 1000.0, 200.0, 250.0)), currency=None, least=5)
    )
    assert {row["part"]: row["revenue"] for row in list_rows(drawn)} == {
        "Credited by the old model": 200.0,
        "Added by the cooperative model": 50.0,
        "Credited by neither": 750.0,
    }
    assert drawn["description"] == (
        "Bars of revenue by segment. A: 1,000 from 10 buyers, 200 credited by the old model, 250 by the cooperative."
    )


def test_the_table_of_revenue_leaves_small_groups_open() -> None:
    values = valued(
        EVERYONE, ("A", 20, 4, 900.0, 0.0, 900.0), ("B", 3, 0, 0.0, 0.0, 0.0), ("C", 9, 9, 90.0, 20.0, 10.0)
    )
    assert read_table(kn.tables.tabulate_segment_values(values, currency="EUR", least=5)) == [
        [
            "Segment",
            "Profiles",
            "Buyers",
            "Ordered, EUR",
            "Old model, EUR",
            "Cooperative model, EUR",
            "Difference, EUR",
        ],
        ["Everyone", "100", "60", "5,000", "1,000", "1,500", "+500"],
        ["A", "20", "fewer than 5", *["not shown"] * 4],
        ["B", "fewer than 5", "0", "0", "0", "0", "0"],
        ["C", "9", "9", "90", "20", "10", "−10"],
    ]


# One large order or many small ones


def spent(*rows: tuple[int | None, float, int, int, int]) -> pl.LazyFrame:
    """As `compare_spending` gives it: window, threshold, by one order, in total, in both; each spent 10 times its number."""
    names = ["window_days", "threshold", "count_single", "count_total", "count_both"]
    schema = dict.fromkeys(names, pl.Int64) | {"threshold": pl.Float64}
    return pl.LazyFrame(rows, schema=schema, orient="row").with_columns(
        value_single=pl.col("count_single") * 10.0, value_total=pl.col("count_total") * 10.0
    )


def explain(amount: str, tenth: str, window: str) -> str:
    return (
        f"A segment in Klaviyo can ask for the *sum* of all orders, not for one order: ten orders of {tenth} come to {amount} "
        f"just as one order of {amount} does. Here a large order is one of EUR {amount} or more, {window}. A segment may ask "
        "for another amount and other days."
    )


SINCE = "since 5 January 2026"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            (None, 200.0, 30, 80, 30),
            f"50 of the 80 customers who spent EUR 200 or more {SINCE} did so only with several orders\n\n{explain('200', '20', SINCE)} By total spent the "
            "segment has 80 customers, who spent EUR 800 since 5 January 2026, where the export begins; by one order it has 30 customers, who spent EUR 300. So "
            "62.5 % of a segment by total spent are other customers than those with one large order.",
        ),
        (
            (30, 12.5, 4, 80, 4),
            f"76 of the 80 customers who spent EUR 12.5 or more in the last 30 days did so only with several orders\n\n{explain('12.5', '1.25', 'in the last 30 days')} By total "
            "spent the segment has 80 customers, who spent EUR 800 in the last 30 days; by one order it has fewer than 5 customers. So "
            "95.0 % of a segment by total spent are other customers than those with one large order.",
        ),
        (
            (1, 200.0, 78, 80, 78),
            f"Fewer than 5 of the 80 customers who spent EUR 200 or more in the last day needed several orders for it\n\n{explain('200', '20', 'in the last day')} "
            "By total spent the segment has 80 customers, who spent EUR 800 in the last day; by one order it has 78 customers, who "
            "spent EUR 780.",
        ),
        (
            (None, 200.0, 80, 80, 80),
            f"None of the 80 customers who spent EUR 200 or more {SINCE} needed several orders for it\n\n{explain('200', '20', SINCE)} By total spent "
            "the segment has 80 customers, who spent EUR 800 since 5 January 2026, where the export begins; by one order it has 80 customers, who spent EUR 800.",
        ),
        (
            (None, 200.0, 1, 4, 1),
            f"Fewer than 5 customers spent EUR 200 or more {SINCE}, in one order or in several\n\n{explain('200', '20', SINCE)}",
        ),
        (
            (None, 2000.0, 0, 0, 0),
            f"Nobody spent EUR 2,000 or more {SINCE}, in one order or in several\n\n{explain('2,000', '200', SINCE)}",
        ),
    ],
    ids=["many", "few by one order", "few by several", "none by several", "few", "nobody"],
)
def test_it_is_told_how_many_needed_several_orders(row: tuple[int | None, float, int, int, int], told: str) -> None:
    days, threshold, *_ = row
    frame = spent((90, 1.0, 9, 99, 9), row)
    finding = kn.findings.state_spending(
        frame, threshold=threshold, days=days, currency="EUR", least=5, first_event_at=BEGINS
    )
    assert tell(finding) == f"## {told}"


def test_segments_that_ask_for_an_amount_of_one_order_are_named_with_it() -> None:
    sentence = "Placed Order at least 1 time where $value is at least 300."
    segments = pl.LazyFrame({"segment": ["Large", "Any"], "sentence": [sentence, "Placed Order at least 1 time."]})
    finding = kn.findings.state_spending(
        spent((30, 200.0, 9, 9, 9)), threshold=200.0, days=30, currency="EUR", least=5, segments=segments
    )
    assert "other days; “Large” asks: Placed Order at least 1 time where" in tell(finding)
    assert "is at least 300. By total" in tell(finding)
    assert "“Any”" not in tell(finding)


def test_small_groups_of_spenders_are_not_drawn() -> None:
    frame = spent((30, 200.0, 30, 34, 30), (30, 1000.5, 4, 20, 4), (None, 200.0, 3, 4, 3), (1, 1e6, 6, 6, 6))
    drawn = draw(kn.charts.draw_spending(frame, currency="EUR", least=5))
    assert drawn["title"] == "16 reach EUR 1,000.5 only with several orders (last 30 days)"
    assert drawn["description"] == (
        "Bars of customers by amount: dark, who reached it with one order; light, who needed several. Most needed several: "
        "last 30 days, 1,000.5 or more: 16. Groups of fewer than 5 are not drawn."
    )
    rows = [(row["window"], row["amount"], row["part"], row["count_profiles"]) for row in list_rows(drawn)]
    assert rows == [
        ("last 30 days", "200 or more", "with one order", 30),
        ("last 30 days", "1,000.5 or more", "only with several together", 16),
        ("last day", "1,000,000 or more", "with one order", 6),
    ]


def test_the_chart_of_spending_does_not_say_nobody_where_they_are_few() -> None:
    frame = spent((30, 200.0, 30, 34, 30))
    title = draw(kn.charts.draw_spending(frame, currency=None, least=5))["title"]
    assert title == "No amount is reached by 5 customers or more only with several orders"
    assert kn.charts.draw_spending(spent((30, 200.0, 4, 4, 4)), currency=None, least=5) is None


def test_the_table_of_spending_leaves_small_groups_open() -> None:
    frame = spent((30, 200.0, 30, 34, 30), (None, 1000.5, 4, 20, 4), (None, 5000.0, 0, 0, 0))
    assert read_table(kn.tables.tabulate_spending(frame, currency="EUR", least=5))[1:] == [
        ["last 30 days"],
        ["200", "30", "34", "fewer than 5", "300", "340"],
        ["ever"],
        ["1,000.5", "fewer than 5", "20", "16", "not shown", "200"],
        ["5,000", "0", "0", "0", "0", "0"],
    ]


# Items


def ordered(*rows: tuple[int | None, str, int]) -> pl.LazyFrame:
    """As `count_item_buyers` gives it: window, value, customers."""
    schema = {"window_days": pl.Int64, "item_value": pl.String, "count_profiles": pl.Int64}
    return pl.LazyFrame(rows, schema=schema, orient="row")


LISTS = (
    "Klaviyo keeps the items of an order as a list, and its segments cannot look into a list of items. Here each item is looked "
    "at; whoever ordered items of two values counts in both."
)


@pytest.mark.parametrize(
    ("rows", "heading"),
    [
        (
            [(30, "small", 7), (30, "large", 9), (None, "small", 99)],
            "Size “large”: 9 customers ordered it in the last 30 days",
        ),
        ([(None, "small", 9)], "Size “small”: 9 customers ordered it"),
        (
            [(30, "small", 4), (None, "small", 9)],
            "Fewer than 5 customers ordered an item of any one Size in the last 30 days",
        ),
        ([(1, "a", 0), (1, "b", 0)], "Nobody ordered an item with Size of the 2 values looked at in the last day"),
    ],
    ids=["a window", "ever", "few", "nobody"],
)
def test_the_item_that_most_customers_ordered_is_named(rows: list[Any], heading: str) -> None:
    told = tell(kn.findings.state_item_buyers(ordered(*rows), item_property="Size", least=5))
    assert told == f"## {heading}\n\n{LISTS}"


def test_without_such_items_there_is_nothing_to_draw() -> None:
    told = tell(kn.findings.state_item_buyers(ordered(), item_property="Size", least=5))
    assert told == "## No order of the export has an item with Size"
    assert kn.charts.draw_item_buyers(ordered(), item_property="Size", least=5) is None
    assert kn.charts.draw_item_buyers(ordered((30, "small", 4)), item_property="Size", least=5) is None


@pytest.mark.parametrize(
    ("days", "title"),
    [(None, "Size “b” has the most customers: 9"), (7, "Size “b” has the most customers in the last 7 days: 9")],
)
def test_items_of_few_customers_are_not_drawn(days: int | None, title: str) -> None:
    drawn = draw(kn.charts.draw_item_buyers(ordered((days, "a", 4), (days, "b", 9)), item_property="Size", least=5))
    assert drawn["title"] == title
    assert [row["item_value"] for row in list_rows(drawn)] == ["b"]


# The workaround


def replayed(
    counts: Mapping[str, tuple[int, Mapping[str, int]]],
    *,
    people: tuple[int, int] | None = None,
    period: Mapping[str, tuple[int, int]] | None = None,
    days: int | None = 30,
    wrongly: int = 0,
) -> Workaround:
    """As `study_workaround` gives it: per segment its exact size and the missed by reason; so on every day of a period.

    `people` are those of all segments, and the missed among them; `period` says of a segment how many are exact and found
    on each day, else they are as on the day.
    """
    none = dict.fromkeys(WHYS, 0)

    def count_one(
        goal: str, sizes: tuple[int, int], missed: Mapping[str, int], *, variant: str, day: datetime
    ) -> dict[str, object]:
        exact, both = sizes
        return {
            "as_of": day,
            "variant": variant,
            "goal": goal,
            "count_exact": exact,
            "count_recipe": both + wrongly,
            "count_both": both,
            "count_missed": exact - both,
            "count_wrongly_included": wrongly,
            "recall": both / exact if exact else None,
            **{f"count_{why}": number for why, number in {**none, **missed}.items()},
        }

    end = utc("2026-03-10 23:59:59.999999")
    today = [
        count_one(goal, (exact, exact - sum(missed.values())), missed, variant="as_published", day=end)
        for goal, (exact, missed) in counts.items()
    ]
    of_period = {goal: (row["count_exact"], row["count_both"]) for goal, row in zip(counts, today, strict=True)}
    days_of = [
        count_one(
            goal,
            (exact, found if variant == "as_published" else exact),
            {},
            variant=variant,
            day=end - timedelta(days=ago),
        )
        for goal, (exact, found) in {**of_period, **(period or {})}.items()
        for variant in ("as_published", "mended")
        for ago in (1, 0)
    ]
    schema = list_types(kn.recipes.RecipeCount)
    missed_by_all = {why: sum(missed.get(why, 0) for _, missed in counts.values()) for why in WHYS}
    exact_people, missed_people = people or (
        sum(exact for exact, _ in counts.values()),
        sum(missed_by_all.values()),
    )
    return Workaround(
        goal=next(iter(counts), "goal"),
        labels={goal: f"order {goal}" for goal in (counts or ["goal"])},
        days=days,
        today=pl.LazyFrame(today, schema=schema, strict=False),
        counts=pl.LazyFrame(days_of, schema=schema, strict=False),
        people=pl.LazyFrame(
            {
                "count_exact": [exact_people],
                "count_missed": [missed_people],
                **{f"count_{why}": [number] for why, number in missed_by_all.items()},
            }
        ),
    )


RECIPE = (
    "Klaviyo published a way around its missing conditions (“Solution Recipe 11”): a flow that, at each order, writes the highest "
    "order and its date, and a date for each size, to the profile through a webhook; segments then ask these properties. It was "
    "run here again over all past orders, exactly as published, for these segments, in the last 30 days: "
)
RIGHTLY = "Everyone whom it does include belongs there: it errs by missing people only."


def test_the_workaround_is_told_with_whom_it_misses_on_the_day_and_over_the_period() -> None:
    workaround = replayed(
        {"A": (20, {"text_comparison": 8}), "B": (30, {"doubled_date": 3}), "C": (4, {}), "D": (7, {})},
        people=(45, 10),
        period={"A": (40, 30), "C": (4, 1)},
    )
    assert tell(kn.findings.state_recipe(workaround, least=5)) == (
        f"## The usual workaround misses 10 of 45 customers, 22.2 %\n\n{RECIPE}order A, order B, order C or order D.\n\n"
        "On the day these segments hold 45 different customers; whoever is missed in one of them or more counts once above, and "
        "in each of them here:\n\n"
        "- **order A:** 8 of 20 customers missed; over the whole period, day by day, 75.0 % of its members are found\n"
        "- **order B:** fewer than 5 of 30 customers missed; over the whole period, day by day, 90.0 % of its members are found\n"
        "- **order C:** fewer than 5 customers in it\n"
        "- **order D:** none of 7 customers missed; over the whole period, day by day, 100.0 % of its members are found\n\n"
        f"{RIGHTLY} With its comparison mended (numbers compared as numbers) it finds, over the whole period, 100.0 % of those with a "
        "large order."
    )


def test_the_day_on_which_the_flow_went_live_and_whose_days_it_counts_are_told() -> None:
    workaround = replace(replayed({"A": (20, {"before_live": 8})}), live_on=date(2026, 3, 9), time_zone="Europe/Vienna")
    told = tell(kn.findings.state_recipe(workaround, least=5))
    assert "run here again over the orders since 9 March 2026, the day its flow went live, exactly" in told
    assert (
        "order A. The workaround counts days in UTC, as Klaviyo does, not in those of Europe/Vienna: its numbers"
        in told
    )
    assert "8 of 20 customers missed; from 9 March 2026 on, day by day, 60.0 % of its members are found" in told
    assert "over the whole period" not in told
    title = draw(kn.charts.draw_recipe(workaround, least=5))["title"]
    assert title == "Large orders: from 9 March 2026 on the recipe finds 60.0 % of the members"


def test_a_share_of_few_people_is_not_told() -> None:
    told = tell(kn.findings.state_recipe(replayed({"A": (20, {"rounding": 3})}), least=5))
    assert told.startswith("## The usual workaround misses fewer than 5 of 20 customers\n\n")
    nobody = tell(kn.findings.state_recipe(replayed({"A": (20, {})}), least=5))
    assert nobody.startswith("## The usual workaround misses none of 20 customers\n\n")


def test_whom_the_workaround_includes_wrongly_is_told() -> None:
    told = tell(kn.findings.state_recipe(replayed({"A": (20, {})}, wrongly=6), least=5))
    assert "It also includes 6 customers who do not belong." in told
    assert RIGHTLY not in told


@pytest.mark.parametrize(("exact", "who"), [(0, "no customers"), (4, "fewer than 5 customers")])
def test_of_few_people_the_workaround_cannot_be_judged(exact: int, who: str) -> None:
    workaround = replayed({"A": (exact, {})}, days=None)
    assert tell(kn.findings.state_recipe(workaround, least=5)) == (
        f"## The usual workaround cannot be judged: {who} are in its segments on the day\n\n"
        f"{RECIPE.replace('in the last 30 days', 'over all time')}order A."
    )
    assert kn.charts.draw_recipe(workaround, least=5) is None


def test_a_workaround_without_anyone_is_told_and_drawn_as_nothing() -> None:
    nobody = replayed({})
    assert "cannot be judged: no customers" in tell(kn.findings.state_recipe(nobody, least=5))
    assert tell(kn.findings.state_recipe_reasons(nobody, least=5)) == "## The workaround misses nobody on the day"
    assert kn.charts.draw_recipe(nobody, least=5) is None
    assert kn.charts.draw_recipe_reasons(nobody, least=5) is None
    assert len(read_table(kn.tables.tabulate_recipe(nobody, least=5))) == 1


@pytest.mark.parametrize(
    ("missed", "people", "heading", "title"),
    [
        (
            {"text_comparison": 8, "rounding": 3},
            (20, 10),
            "Most are missed because amounts are compared as text: 8 of 10",
            "8 are missed because amounts are compared as text",
        ),
        (
            {"text_comparison": 4, "rounding": 3},
            (20, 7),
            "No one reason explains 5 customers or more",
            "No one reason explains 5 customers or more",
        ),
        (
            {"rounding": 3},
            (20, 3),
            "Fewer than 5 customers are missed on the day",
            "No one reason explains 5 customers or more",
        ),
    ],
    ids=["one reason", "small reasons", "few missed"],
)
def test_the_reason_for_most_is_named(
    missed: dict[str, int], people: tuple[int, int], heading: str, title: str
) -> None:
    workaround = replayed({"A": (20, missed)}, people=people)
    assert tell(kn.findings.state_recipe_reasons(workaround, least=5)).startswith(f"## {heading}\n\n- **Because ")
    assert draw(kn.charts.draw_recipe_reasons(workaround, least=5))["title"] == title


def test_every_reason_is_explained_and_no_other() -> None:
    workaround = replayed({"A": (40, {why: 5 + place for place, why in enumerate(WHYS[:3])} | {"blanked_date": 1})})
    assert tell(kn.findings.state_recipe_reasons(workaround, least=5)) == (
        "## Missed most often because the amounts are equal once rounded: 7 of 19\n\n"
        "- **Because they ordered before the flow went live:** 5 customers. Orders from before the flow was switched on are not "
        "known to it.\n"
        "- **Because an older, larger order is still stored:** 6 customers. One stored maximum cannot stand for a sliding window: "
        "a large order that is too old keeps smaller, newer ones from being written.\n"
        "- **Because the amounts are equal once rounded:** 7 customers. Values are rounded to whole units before they are "
        "compared, so a slightly larger order counts as equal.\n"
        "- **Because a later order without such an item wiped the date:** fewer than 5 customers. Each order writes the date of every size: an empty "
        "text where it has no such item. A later order without that size wipes the date.\n\n"
        "Whoever is missed in two segments for two reasons counts for both."
    )


def test_reasons_are_drawn_by_segment_small_ones_not() -> None:
    workaround = replayed({"A": (20, {"text_comparison": 8, "rounding": 4}), "B": (4, {}), "C": (9, {})})
    drawn = draw(kn.charts.draw_recipe_reasons(workaround, least=5))
    rows = {(row["goal"], row["part"], row["count_profiles"]) for row in list_rows(drawn)}
    assert rows == {
        ("order A", "found by the recipe", 8),
        ("order C", "found by the recipe", 9),
        ("order A", "amounts are compared as text", 8),
    }
    assert drawn["description"] == (
        "Bars of customers by segment: found by the recipe, and missed by reason. order A, amounts are compared as text: 8. "
        "Groups of fewer than 5 are not drawn, so a bar may end before the size of its segment."
    )


def test_the_lines_of_the_workaround_break_where_they_are_small() -> None:
    drawn = draw(kn.charts.draw_recipe(replayed({"A": (20, {"rounding": 16})}), least=5))
    assert drawn["title"] == "Large orders: over the period the recipe finds 20.0 % of the members"
    assert drawn["description"] == (
        "Lines over time of the segment “order A”: its exact size, what the recipe as published has, and with the comparison "
        "mended. Found over the period: 20.0 % and 100.0 %."
    )
    by_line: dict[str, list[int | None]] = {}
    for row in list_rows(drawn):
        by_line.setdefault(row["line"], []).append(row["count_members"])
    assert by_line == {
        "exact": [20, 20],
        "recipe as published": [None, None],
        "recipe, comparison mended": [20, 20],
    }


def test_the_table_of_the_workaround_keeps_the_order_and_leaves_small_groups_open() -> None:
    workaround = replayed({"Z": (20, {"rounding": 6, "blanked_date": 3}), "A": (4, {})})
    assert read_table(kn.tables.tabulate_recipe(workaround, least=5)) == [
        [
            "Ordered in the window",
            "Exact",
            "Found",
            "Missed",
            "Wrongly in",
            "… because the amounts are equal once rounded",
            "… because a later order without such an item wiped the date",
        ],
        ["order Z", "20", "11", "9", "0", "6", "fewer than 5"],
        ["order A", "fewer than 5", "fewer than 5", "0", "0", "0", "0"],
    ]


# The audience


def planned(members: int, left_out: Mapping[str, int], **options: object) -> AudienceManifest:
    """As `make_audience` gives it, as far as it is shown."""
    kept = members - sum(left_out.values())
    plain = {
        "klavnb": "0",
        "segment": "Repeat buyers",
        "sentence": "",
        "history": [],
        "definition": {},
        "referred": [],
        "as_of": "",
        "time_zone": "UTC",
        "fingerprint": "",
        "address": "email",
        "consent": "email",
        "split": None,
        "split_seed": None,
        "attributes": [],
        "exclusions": [],
        "count_members": members,
        "left_out": left_out,
        "count_kept": kept,
        "arms": None,
        "files": [],
        "notes": [],
    }
    return msgspec.convert({**plain, **options}, AudienceManifest)


ONLY_NUMBERS = "Only numbers are shown here; `klavnb audience` writes the files for Klaviyo."
ARMS = " The arms are made from each profile’s id, so that a person stays in the same arm the next time."


@pytest.mark.parametrize(
    ("audience", "told"),
    [
        (
            planned(47, {"no_address": 0, "suppressed": 7, "unsubscribed": 3}, arms={"treatment": 30, "control": 7}),
            "37 of the 47 profiles in “Repeat buyers” could be handed to Klaviyo\n\nAn audience needs an e-mail address and consent "
            f"to e-mail, as of the export. Left out: suppressed: 7 profiles; unsubscribed: fewer than 5 profiles. {ONLY_NUMBERS}"
            f"{ARMS}",
        ),
        (
            planned(47, {"no_address": 47}, consent="sms", address="phone_number"),
            "None of the 47 profiles in “Repeat buyers” could be handed to Klaviyo\n\nAn audience needs a phone number and consent to "
            f"SMS, as of the export. Left out: no usable address: 47 profiles. {ONLY_NUMBERS}",
        ),
        (
            planned(47, {"never_subscribed": 45}, consent="any"),
            "Fewer than 5 of the 47 profiles in “Repeat buyers” could be handed to Klaviyo\n\nAn audience needs an e-mail address and "
            f"consent to e-mail or SMS, as of the export. Left out: never subscribed: 45 profiles. {ONLY_NUMBERS}",
        ),
        (
            planned(47, {}, consent=None),
            "47 of the 47 profiles in “Repeat buyers” could be handed to Klaviyo\n\nAn audience needs an e-mail address. Nobody’s "
            f"consent was looked at: some of them may not be mailed. Nobody has to be left out. {ONLY_NUMBERS}",
        ),
        (
            planned(4, {"excluded": 1}),
            "“Repeat buyers” has fewer than 5 profiles\n\nAn audience needs an e-mail address and consent to e-mail, as of the export. "
            f"Left out: in an excluded segment: fewer than 5 profiles. {ONLY_NUMBERS}",
        ),
        (planned(0, {}), "Nobody is in “Repeat buyers” on the day, so there is no audience to hand on"),
    ],
    ids=["some", "none", "few kept", "no consent asked", "few members", "nobody"],
)
def test_it_is_told_how_many_could_be_handed_on_and_why_not_the_others(audience: AudienceManifest, told: str) -> None:
    assert tell(kn.findings.state_audience(audience, least=5, asked="Repeat buyers")) == f"## {told}"


def test_where_no_segment_is_asked_for_it_is_said_that_the_first_was_taken() -> None:
    told = tell(kn.findings.state_audience(planned(47, {}), least=5))
    assert "\n\nThis segment is the first of the definitions; name another with the parameter `audience`. An" in told


def test_the_table_of_the_audience_goes_step_by_step() -> None:
    audience = planned(47, {"no_address": 0, "suppressed": 7, "unsubscribed": 3}, arms={"treatment": 33, "control": 4})
    assert read_table(kn.tables.tabulate_audience(audience, least=5))[1:] == [
        ["In the segment", "47"],
        ["− suppressed", "7"],
        ["− unsubscribed", "fewer than 5"],
        ["In the audience", "37"],
        ["of these in the arm treatment", "33"],
        ["of these in the arm control", "fewer than 5"],
    ]


def test_the_words_for_reasons_are_those_of_every_reason() -> None:
    assert tuple(REASONS) == tuple(LEFT_OUT_REASONS)
    assert tuple(WHYS) == tuple(RECIPE_REASONS)


# What to know before relying on it


def test_every_segment_is_told_with_how_well_its_past_is_known() -> None:
    segments = describe(
        {
            "A": (1, "exact", None),
            "B": (1, "current_only", "Why B."),
            "C": (1, "approximate", "Why C."),
            "D": (1, "exact", None),
        }
    )
    assert tell(kn.findings.list_segment_caveats(segments, study=study(), least=5)) == (
        "## Before you rely on this\n\nHow well the past of each segment is known:\n\n"
        "- **A, D:** exact, as far as the export goes back and has all events: an event keeps its time.\n"
        "- **C:** approximate: of lists and consent not every change is known. Why C.\n"
        "- **B:** today’s values: past values of what is asked are not in an export. Why B.\n"
        "- **Before 5 January 2026** the export has no events: what someone did earlier is not known, so “ever” means since then, "
        "and early days of the period count too few.\n"
        "- **Not Klaviyo’s own figures:** segments are computed from the exported events by Klaviyo’s published definitions. Windows "
        "of days begin at midnight, as Klaviyo’s do. Profiles merged or deleted since are as the export has them.\n"
        "- **Small groups:** numbers of people below 5 are not shown, though some can be worked out from others that are.\n"
        "- **A past size is not an audience:** it says who would have been in the segment, not who was sent anything."
    )


def test_what_the_export_lacks_and_mixes_is_told() -> None:
    rows = [bought(BEGINS), bought("2026-03-10", currency="USD"), bought("2026-03-10", currency=None)]
    made = study(asks(count(metric="Clicked SMS"), name="Texted"), rows=rows)
    noted = replace(made.export, summary=replace(made.export.summary, notes=("There are no lists of a@example.com.",)))
    told = tell(kn.findings.list_segment_caveats(described(A=1), study=replace(made, export=noted), least=1))
    assert (
        "- **Not in the export:** Clicked SMS. Segments that ask for it are computed as if it never happened.\n"
        "- **The export:** There are no lists of [e-mail].\n"
    ) in told
    assert (
        "- **Several currencies:** the export has values in EUR, USD. What was spent and credited is shown in one of them; the "
        "segments and the workaround compare and add values whatever their currency.\n"
    ) in told
    assert "Small groups" not in told


@pytest.mark.parametrize(
    ("workaround", "headline"),
    [
        (
            replayed({"A": (20, {"rounding": 6})}),
            "2 segments; the usual workaround misses 6 of 20 customers in the 1 segment that it is made for",
        ),
        (
            replayed({"A": (20, {"rounding": 3})}),
            "2 segments; the usual workaround misses fewer than 5 of 20 customers in the 1 segment that it is made for",
        ),
        (replayed({"A": (4, {})}), "2 segments; too few customers to judge the usual workaround"),
    ],
    ids=["some", "few missed", "few"],
)
def test_the_facts_of_the_index_name_whom_the_workaround_misses(workaround: Workaround, headline: str) -> None:
    facts = kn.findings.collect_segment_facts(described(A=1, B=2), workaround, study=study(), least=5)
    told = facts._repr_mimebundle_()[FACTS]
    assert (told["headline"], told["data_as_of"], told["status"]) == (headline, "2026-03-10", "final")


def test_attributed_revenue_that_may_change_makes_the_report_provisional_beside_segments_that_do_not() -> None:
    recent = events(order(day=0, order_id="o1"), order(day=9, order_id="o2"))
    summary = replace(study().export.summary, last_event_at=START + 9 * DAY)
    compared = kn.compare_models(replace(study().export, events=recent, summary=summary), settings=kn.Settings())
    workaround = replayed({"A": (4, {})})
    facts = kn.findings.collect_segment_facts(described(A=1), workaround, study=study(), least=5, comparison=compared)
    assert facts.values["status"] == "provisional"
    assert str(facts.values["banner"]).startswith("Provisional: 1 order of the export’s last 5 days, ")


def test_the_banner_says_how_old_the_data_are_and_what_could_not_be_used() -> None:
    made = study()
    rejected = replace(made.export, summary=replace(made.export.summary, rejected={"no time": 2}))
    workaround = replayed({"A": (4, {})})

    def find_banner(of: SegmentStudy) -> str | None:
        return kn.findings.collect_segment_facts(described(A=1), workaround, study=of, least=5).values["banner"]

    age = (datetime.now(UTC).date() - made.as_of_on).days
    old = (
        f"The segments are those of {age} days before this report was made: a newer export would give current figures."
    )
    assert find_banner(made) == old
    assert find_banner(replace(made, export=rejected)) == f"{old} 2 rows of the export could not be used."
    assert find_banner(replace(made, as_of_on=datetime.now(UTC).date())) is None


# Names that mean harm, and people who are not to be found


def show_all(names: Sequence[str]) -> dict[str, Any]:
    """Everything that shows a name: segments, items, labels, of these names, each with enough people in it."""
    sizes = {name: (20 + place, "approximate", f"Why {name}.") for place, name in enumerate(names)}
    segments, made = describe(sizes), with_sizes(study(), **{name: [20, 90] for name in names})
    made = replace(made, definitions=tuple(asks(count(metric=name), name=name) for name in names))
    moves = moved(**{name: [(90, 20, 70)] for name in names})
    pairs = overlapping(*((one, other, 20, 30) for one in names for other in names))
    values = valued(EVERYONE, *((name, 20, 10, 900.0, 1.0, 90.0) for name in names))
    spending = spent((30, 200.0, 30, 80, 30))
    buyers = ordered(*((30, name, 20 + place) for place, name in enumerate(names)))
    workaround = replayed({"A": (40, {"rounding": 8})})
    workaround = replace(workaround, labels={"A": f"Size “{names[0]}”"})
    audience, currency = planned(47, {}, segment=names[0], arms={names[0]: 40, "b": 7}), "<b>"
    options: dict[str, Any] = {"least": 5}
    return {
        "segments": kn.findings.state_segments(segments, study=made, **options),
        "sizes": kn.findings.state_sizes(made, **options),
        "moves": kn.findings.state_moves(moves, **options),
        "overlap": kn.findings.state_overlap(pairs, **options),
        "values": kn.findings.state_segment_values(values, currency=currency, **options),
        "spending": kn.findings.state_spending(spending, threshold=200.0, days=30, currency=currency, **options),
        "items": kn.findings.state_item_buyers(buyers, item_property=names[0], **options),
        "recipe": kn.findings.state_recipe(workaround, **options),
        "audience": kn.findings.state_audience(audience, **options),
        "caveats": kn.findings.list_segment_caveats(segments, study=made, **options),
        "sizes chart": kn.charts.draw_sizes(made.sizes, **options),
        "moves chart": kn.charts.draw_moves(moves, **options),
        "overlap chart": kn.charts.draw_overlap(pairs, **options),
        "values chart": kn.charts.draw_segment_values(values, currency=currency, **options),
        "spending chart": kn.charts.draw_spending(spending, currency=currency, **options),
        "items chart": kn.charts.draw_item_buyers(buyers, item_property=names[0], **options),
        "recipe chart": kn.charts.draw_recipe(workaround, **options),
        "reasons chart": kn.charts.draw_recipe_reasons(workaround, **options),
        "segments table": kn.tables.tabulate_segments(segments, **options),
        "values table": kn.tables.tabulate_segment_values(values, currency=currency, **options),
        "spending table": kn.tables.tabulate_spending(spending, currency=currency, **options),
        "recipe table": kn.tables.tabulate_recipe(workaround, **options),
        "audience table": kn.tables.tabulate_audience(audience, **options),
        "provenance table": kn.tables.tabulate_segment_provenance(
            made, comparison=kn.compare_models(made.export, settings=ANNOUNCED)
        ),
    }


HARMFUL = show_all([HOSTILE, f"{HOSTILE} 2"])
NAMELESS = {"spending", "spending chart", "spending table"}


@pytest.mark.parametrize("name", [name for name in HARMFUL if not name.endswith(("chart", "table"))])
def test_a_sentence_shows_a_harmful_name_as_text(name: str) -> None:
    text = HARMFUL[name].text
    assert [part for part in ("<script", "<b>", "*bold*", "](", "example.com") if part in text] == []
    assert name in NAMELESS or SHOWN in html.unescape(text).replace("<span>$</span>", "$")


@pytest.mark.parametrize("name", [name for name in HARMFUL if name.endswith("table")])
def test_a_table_shows_a_harmful_name_as_text(name: str) -> None:
    page = HARMFUL[name].as_raw_html()
    assert "<script" not in page
    assert "<b>" not in page
    assert "example.com" not in page
    assert name in NAMELESS or SHOWN in html.unescape(page)


@pytest.mark.parametrize("name", [name for name in HARMFUL if name.endswith("chart")])
def test_a_chart_is_titled_described_and_without_addresses(name: str) -> None:
    drawn = draw(HARMFUL[name])
    assert drawn["title"].strip()
    assert drawn["description"].strip()
    assert "example.com" not in str(drawn)
    assert "profile_id" not in str(drawn)


def test_an_empty_account_gives_a_whole_report() -> None:
    """Nobody is in any segment, nobody ordered in time, and every part of the report says so."""
    rows = [bought("2026-01-05"), happened("2026-03-10", "Viewed Product", who="bob")]
    email = PropertyCondition(property="email", filter=TextFilter(operator="equals", values=("x",)))
    agreed = ConsentCondition(channel="sms", can_receive_marketing=True, subscription="subscribed")
    made = study(asks(email, name="A"), asks(agreed, name="B"), rows=rows, start="2026-01-01")
    data, currency = made.export, "EUR"
    comparison = kn.compare_models(data, settings=ANNOUNCED)
    options = {"windows": [30], "as_of": made.as_of}
    buyers = kn.count_item_buyers(data, **options)
    workaround = kn.study_workaround(made, threshold=1000, days=30, item_values=["small"])
    segments, moves = kn.describe_segments(made), kn.count_moves(made)
    overlap, values = kn.measure_overlap(made.memberships, as_of=made.as_of), kn.value_segments(made, comparison)
    spending = kn.compare_spending(data, thresholds=[1000.0], currency=currency, **options)
    plan = kn.audiences.make_audience(data, made.definitions[0], as_of=made.as_of).manifest
    headings = {
        kn.findings.state_segments(segments, study=made, least=5): "Nobody is in any of the segments on the day",
        kn.findings.state_sizes(made, least=5): "No segment has 5 profiles or more at the end of the period",
        kn.findings.state_moves(moves, least=5): "No segment was left 5 times or more over the period",
        kn.findings.state_overlap(overlap, least=5): "No two segments share 5 profiles or more",
        kn.findings.state_segment_values(
            values, currency=currency, least=5
        ): "No segment has 5 buyers or more in the period",
        kn.findings.state_spending(
            spending, threshold=1000.0, days=30, currency=currency, least=5
        ): "Nobody spent EUR 1,000 or more in the last 30 days, in one order or in several",
        kn.findings.state_item_buyers(
            buyers, item_property="Size", least=5
        ): "No order of the export has an item with Size",
        kn.findings.state_recipe(
            workaround, least=5
        ): "The usual workaround cannot be judged: no customers are in its segments on the day",
        kn.findings.state_recipe_reasons(workaround, least=5): "The workaround misses nobody on the day",
        kn.findings.state_audience(plan, least=5): "Nobody is in “A” on the day, so there is no audience to hand on",
    }
    for finding, heading in headings.items():
        assert tell(finding).splitlines()[0] == f"## {heading}"
    charts = [
        kn.charts.draw_sizes(made.sizes, least=5),
        kn.charts.draw_moves(moves, least=5),
        kn.charts.draw_overlap(overlap, least=5),
        kn.charts.draw_segment_values(values, currency=currency, least=5),
        kn.charts.draw_spending(spending, currency=currency, least=5),
        kn.charts.draw_item_buyers(buyers, item_property="Size", least=5),
        kn.charts.draw_recipe(workaround, least=5),
        kn.charts.draw_recipe_reasons(workaround, least=5),
    ]
    assert charts == [None] * len(charts)
    tables = [
        kn.tables.tabulate_segments(segments, least=5),
        kn.tables.tabulate_spending(spending, currency=currency, least=5),
        kn.tables.tabulate_recipe(workaround, least=5),
        kn.tables.tabulate_segment_values(values, currency=currency, least=5),
        kn.tables.tabulate_audience(plan, least=5),
    ]
    assert all("<table" in table.as_raw_html() for table in tables)


# The whole report


def ask_list(key: str) -> dict[str, object]:
    """A definition as Klaviyo has it, of two groups: who is subscribed to e-mail, and in a list."""
    agreed = {"channel": "email", "can_receive_marketing": True, "consent_status": {"subscription": "subscribed"}}
    conditions: list[dict[str, object]] = [
        {"type": "profile-marketing-consent", "consent": agreed},
        {"type": "profile-group-membership", "is_member": True, "group_ids": [key]},
    ]
    groups = [{"conditions": [condition]} for condition in conditions]
    return {"name": "On <b>the list</b> of a@example.com", "definition": {"condition_groups": groups}}


def test_the_report_is_made_with_definitions_and_choices_of_one_s_own(tmp_path: Path) -> None:
    """Six parameters that change what is asked, and definitions whose past is not in the events."""
    in_city = {
        "type": "profile-property",
        "property": "location['city']",
        "filter": {"type": "existence", "operator": "is-set"},
    }
    placed = {"name": "Placed", "definition": {"condition_groups": [{"conditions": [in_city]}]}}
    (key,) = kn.read_export(TINY).groups.select(pl.col("group_id").unique()).collect().to_series()
    definitions = tmp_path / "own.json"
    definitions.write_bytes(msgspec.json.encode([ask_list(key), placed]))
    parameters = {
        "data": str(TINY),
        "definitions_file": str(definitions),
        "order_windows": "ever",
        "split": "",
        "consent": "",
        "time_zone": "Europe/Vienna",
        "recipe_live_from": "2026-07-01",
        "item_values": "medium,large",
        "min_group": 1,
    }
    (result,) = make_reports(["segments"], parameters=parameters, out=tmp_path / "out")
    assert result.error is None
    page = result.path.read_text(encoding="utf-8")
    text = html.unescape(page)
    assert "<b>the list</b>" not in page
    for sentence in (
        "Days are those of Europe/Vienna; Klaviyo itself counts in UTC.",
        "approximate: of lists and consent not every change is known.",
        "today’s values: past values of what is asked are not in an export.",
        "they ordered before the flow went live",
        "Nobody’s consent was looked at",
        "On <b>the list</b> of [e-mail]",
        "order of 200 or more, Size “medium” or Size “large”",
        "The workaround counts days in UTC",
        "over the orders since 1 July 2026",
    ):
        assert sentence in text, sentence
    assert "fewer than" not in text.split("Where these numbers come from")[0].replace("Days with fewer than 1", "")
    assert "The arms are made" not in text


@pytest.mark.parametrize(
    ("parameter", "value", "told"),
    [
        ("order_windows", "a month", "expected different numbers of days, or ever, between commas; found 'a month'"),
        ("amounts", "100, many", "expected numbers above 0 between commas, found '100, many'"),
        ("threshold", "-1", "expected numbers above 0 between commas, found '-1'"),
        ("threshold", "100, 200", "expected one amount, found '100, 200'"),
        ("split", "a=80,b=30", "expected names with shares in per cent that add up to 100, found 'a=80,b=30'"),
        ("split", "a=50,A=50", "expected names with shares in per cent that add up to 100, found 'a=50,A=50'"),
        ("split", "a", "expected names with shares in per cent that add up to 100, found 'a'"),
        ("time_zone", "Wien", "expected the name of a time zone, found 'Wien'"),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_runs(
    parameter: str, value: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=rf"^segments: {parameter}: {re.escape(told)}") as refused:
        make_reports(["segments"], parameters={"data": str(TINY), parameter: value}, out=tmp_path)
    assert refused.value.hint
