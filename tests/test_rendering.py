"""What leaves a notebook: charts with a description, only the columns they name, text that stays text."""

from typing import Any

import altair as alt
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from klavnb.errors import ReportError
from klavnb.escaping import escape_markdown
from klavnb.rendering import CHART, enable, render
from klavnb.theme import CHANNEL_COLOURS, LOSS_COLOUR

ROWS = [{"week": "W01", "orders": 3, "email": "a@example.com", "channel": "sms"}]
FRAME = pl.DataFrame(ROWS)


def chart(**parts: object) -> dict[str, Any]:
    base = {"description": "Orders by week.", "mark": "bar", "data": {"values": ROWS}}
    return base | {"encoding": {"x": {"field": "week"}}} | parts


def columns_left(spec: dict[str, Any]) -> list[str]:
    drawn = render(spec)[CHART]
    rows = drawn["data"]["values"] if "values" in drawn["data"] else drawn["datasets"][drawn["data"]["name"]]
    return list(rows[0])


def find_contrast(colour: str, paper: str) -> float:
    def luminance(code: str) -> float:
        channels = [int(code[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted([luminance(colour), luminance(paper)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("description", [None, "", "  ", {"signal": "x"}])
def test_a_chart_without_a_description_is_refused(description: object) -> None:
    with pytest.raises(ReportError, match="'Weeks' has no description"):
        render(chart(description=description, title="Weeks"))


def test_a_chart_is_a_type_that_jupyterlab_draws_and_names_no_address() -> None:
    output = render(chart(**{"$schema": "https://vega.github.io/schema/vega-lite/v6.1.0.json"}))
    assert list(output) == ["application/vnd.vegalite.v5+json", "text/plain"]
    assert "http" not in repr(output)


@pytest.mark.parametrize(
    ("part", "kept"),
    [
        ({}, ["week"]),
        ({"encoding": {"tooltip": [{"field": "week"}, {"field": "orders"}]}}, ["week", "orders"]),
        ({"transform": [{"calculate": "datum.orders * 2", "as": "double"}]}, ["week", "orders"]),
        ({"transform": [{"filter": "datum['orders'] > 1"}]}, ["week", "orders"]),
        ({"transform": [{"filter": 'datum["channel"] == "sms"'}]}, ["week", "channel"]),
        ({"transform": [{"filter": {"field": "channel", "equal": "sms"}}]}, ["week", "channel"]),
        ({"transform": [{"aggregate": [{"op": "sum", "field": "orders"}], "groupby": ["channel"]}]}, None),
        ({"transform": [{"fold": ["orders"]}]}, ["week", "orders"]),
        ({"transform": [{"pivot": "channel", "value": "orders"}]}, None),
        ({"params": [{"name": "p", "select": {"type": "point", "fields": ["channel"]}}]}, ["week", "channel"]),
        ({"encoding": {"y": {"field": "week", "sort": {"field": "orders", "op": "sum"}}}}, ["week", "orders"]),
        ({"encoding": {"x": {"condition": {"test": "datum.orders > 1", "field": "week"}}}}, ["week", "orders"]),
        ({"encoding": {"x": {"field": "orders", "title": "email", "sort": ["email"]}}}, ["orders"]),
        ({"encoding": {"row": {"field": "week"}, "x": {"field": "channel"}}}, ["week", "channel"]),
        ({"encoding": {"x": {"field": {"repeat": "layer"}}}, "repeat": {"layer": ["orders"]}}, ["orders"]),
    ],
)
def test_only_columns_that_the_chart_names_travel_with_it(part: dict[str, Any], kept: list[str] | None) -> None:
    assert columns_left(chart(**part)) == (kept or ["week", "orders", "channel"])


def test_layers_and_panels_keep_what_any_of_them_names() -> None:
    layered = alt.Chart(FRAME).mark_bar().encode(x="week") + alt.Chart(FRAME).mark_text().encode(text="orders:Q")
    beside = (layered | alt.Chart(FRAME).mark_point().encode(y="channel")).properties(description="Both.")
    output = render(beside.to_dict())[CHART]
    assert [list(rows[0]) for rows in output["datasets"].values()] == [["week", "orders", "channel"]]
    assert "example.com" not in repr(output)


def test_a_dotted_column_is_kept_under_its_escaped_name() -> None:
    rows = [{"email.open": 1, "email": "a@example.com"}]
    spec = chart(data={"values": rows}, encoding={"x": {"field": r"email\.open"}})
    assert columns_left(spec) == ["email.open"]


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"data": {"url": "https://example.com/rows.json"}}, "loads its data from an address"),
        ({"data": {"values": "week,orders\nW01,3"}}, "should be a list of rows"),
        ({"transform": [{"calculate": "datum[chosen]", "as": "y"}]}, "computes the name of a column"),
    ],
)
def test_what_cannot_be_pruned_is_refused(part: dict[str, Any], reason: str) -> None:
    with pytest.raises(ReportError, match=reason):
        render(chart(**part))


def test_the_same_chart_gives_the_same_output_whatever_the_dropped_columns_hold() -> None:
    def draw(secret: str) -> dict[str, Any]:
        frame = pl.DataFrame([{**ROWS[0], "email": secret}])
        return render(alt.Chart(frame).mark_bar().encode(x="week").properties(description="x").to_dict())

    assert draw("a@example.com") == draw("b@example.com")
    assert repr(draw("a")) == repr(draw("b"))


def test_sums_that_differ_in_their_last_digit_only_are_one() -> None:
    rows = [
        [{"week": "2026-W01", "orders": value, "on": 1_767_225_600_123} for value in values]
        for values in ((62441.68000000001, 0.1 + 0.2), (62441.68, 0.3))
    ]
    encoding = {"x": {"field": "on"}, "y": {"field": "orders"}}
    outputs = [render(chart(encoding=encoding, data={"values": each})) for each in rows]
    assert outputs[0] == outputs[1]
    shown = outputs[0][CHART]["data"]["values"]
    assert shown == [{"orders": 62441.68, "on": 1_767_225_600_123}, {"orders": 0.3, "on": 1_767_225_600_123}]


def test_colours_and_fonts_fill_in_where_the_chart_is_silent() -> None:
    config = render(chart(config={"axis": {"grid": True}}))[CHART]["config"]
    assert (config["axis"]["grid"], config["axis"]["labelColor"]) == (True, "currentColor")
    assert config["background"] == "transparent"


def test_altairs_own_size_gives_way_to_klavnbs() -> None:
    enable()
    config = render(alt.Chart(FRAME).mark_bar().encode(x="week").properties(description="x").to_dict())[CHART]["config"]
    assert config["view"]["continuousWidth"] == 680


@pytest.mark.parametrize("colour", [*CHANNEL_COLOURS.values(), LOSS_COLOUR])
@pytest.mark.parametrize("paper", ["#ffffff", "#16181c"])
def test_colours_hold_on_white_and_on_dark(colour: str, paper: str) -> None:
    assert find_contrast(colour, paper) >= 3.8


@given(st.text())
def test_no_sign_of_markdown_or_html_is_left_in_escaped_text(text: str) -> None:
    escaped = escape_markdown(text)
    left = escaped.replace("<span>&#36;</span>", "")
    assert not set("\n\r\u2028`*_[]<>#|~\\@$:/.-+=!") & set(left.replace("&#", ""))
