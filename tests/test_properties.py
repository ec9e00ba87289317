import json
from typing import Any

import polars as pl
import pytest
from builders import by_chance
from hypothesis import given
from hypothesis import strategies as st

from klavnb.properties import VALUE_KINDS, find_values

ORDER = {
    "$value": 1359,
    "$extra": {"lines": [{"title": "a"}, {"title": "b"}]},
    "a.b": "dotted",
    "items": [
        {"ProductName": "Brooklyn Bridge Canvas Print", "Size": "small", "Quantity": 2},
        {"ProductName": "Brooklyn Bridge Canvas Print", "Size": None},
        {"Size": "small", "Quantity": "3", "Colours": [{"name": "red"}, {"name": "blue"}], "Frame": {"Wood": "oak"}},
    ],
}


def find(document: object, *paths: str) -> list[tuple[Any, ...]]:
    found = find_values(pl.Series([json.dumps(document)]), paths)
    return found.select("path", "item", "text", "number").rows()


def one(value: object) -> dict[str, Any]:
    (row,) = find_values(pl.Series([json.dumps({"x": value})]), ["x"]).rows(named=True)
    return {name: row[name] for name in ("kind", "text", "number", "flag", "texts")}


def test_a_value_is_found_by_its_name_with_its_json_text() -> None:
    found = find_values(pl.Series(['{"$value": 20.50, "other": 1}']), ["$value"])
    assert found.rows(named=True) == [
        {
            "row": 0,
            "path": "$value",
            "item": 0,
            "kind": "number",
            "text": "20.50",
            "number": 20.5,
            "flag": None,
            "texts": None,
        }
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("large", ("text", "large", None, None, None)),
        ("", ("text", "", None, None, None)),
        ('say "ü\\n"\n', ("text", 'say "ü\\n"\n', None, None, None)),
        (3, ("number", "3", 3.0, None, None)),
        (-0.5, ("number", "-0.5", -0.5, None, None)),
        (True, ("boolean", "true", None, True, None)),
        (False, ("boolean", "false", None, False, None)),
        (["a", 1, True, None, {"b": "c"}], ("list", None, None, None, ["a", "1", "true", '{"b": "c"}'])),
        ([], ("list", None, None, None, [])),
        ({"a": 1}, ("object", None, None, None, None)),
    ],
)
def test_every_kind_of_value_is_told_apart(value: object, expected: tuple[object, ...]) -> None:
    assert tuple(one(value).values()) == expected


@pytest.mark.parametrize("text", ["1359", "12.50", "-3", " 7 ", "007"])
def test_a_text_that_is_plainly_a_number_is_a_number_too(text: str) -> None:
    assert one(text)["kind"] == "text"
    assert one(text)["text"] == text
    assert one(text)["number"] == float(text)


@pytest.mark.parametrize("text", ["", "+12005550103", "1,359", "1e5", "12.", "EUR 5", "1 2", "nan", "inf", "٣"])
def test_any_other_text_is_no_number(text: str) -> None:
    assert one(text)["number"] is None


@pytest.mark.parametrize(("text", "flag"), [("true", True), ("False", False), ("yes", None), ("1", None)])
def test_a_text_that_says_true_or_false_is_a_flag_too(text: str, flag: object) -> None:
    assert one(text)["flag"] is flag


def test_a_number_beyond_all_bounds_is_infinite_and_no_error() -> None:
    found = find_values(pl.Series(['{"x": 1e400, "y": 123456789012345678901234567890}']), ["x", "y"])
    assert found["number"].to_list() == [float("inf"), 123456789012345678901234567890.0]


def test_what_is_absent_or_null_has_no_row() -> None:
    assert find({"a": None}, "a", "b") == []


@pytest.mark.parametrize("text", [None, "", "[1]", "null", "3", '"x"', "{", '{"x": NaN}', '{"x": 1} 2'])
def test_what_is_no_json_object_has_no_row(text: str | None) -> None:
    assert find_values(pl.Series([text], dtype=pl.String), ["x"]).is_empty()


def test_a_top_level_name_is_taken_as_it_is_written() -> None:
    assert find(ORDER, "a.b", "$extra.lines", "items.Size") == [("a.b", 0, "dotted", None)]


def test_a_path_through_a_list_says_which_item_each_value_is_of() -> None:
    assert find(ORDER, "items[*].Size", "items[*].Quantity") == [
        ("items[*].Size", 0, "small", None),
        ("items[*].Size", 2, "small", None),
        ("items[*].Quantity", 0, "2", 2.0),
        ("items[*].Quantity", 2, "3", 3.0),
    ]


def test_a_path_may_go_into_objects_of_items_and_lists_in_lists() -> None:
    assert find(ORDER, "items[*].Frame.Wood") == [("items[*].Frame.Wood", 2, "oak", None)]
    assert [row[1:3] for row in find(ORDER, "items[*].Colours[*].name")] == [(2, "red"), (2, "blue")]
    assert [row[1:3] for row in find(ORDER, "$extra.lines[*].title")] == [(0, "a"), (1, "b")]


def test_a_name_with_a_dot_comes_before_the_name_read_dot_by_dot() -> None:
    assert find({"l": [{"a.b": "1", "a": {"b": "2"}}, {"a": {"b": "3"}}]}, "l[*].a.b") == [
        ("l[*].a.b", 0, "1", 1.0),
        ("l[*].a.b", 1, "3", 3.0),
    ]


def test_a_path_that_ends_in_a_list_gives_the_items_themselves() -> None:
    found = find_values(pl.Series([json.dumps({"l": ["a", 2, None, {"b": 1}]})]), ["l[*]"])
    assert found.select("item", "kind", "text").rows() == [(0, "text", "a"), (1, "number", "2"), (3, "object", None)]


@pytest.mark.parametrize("name", ['say "x"', "back\\slash", "new\nline", "ü", "a b", "[0]", "__class__"])
def test_a_name_may_hold_any_sign(name: str) -> None:
    assert [row[2] for row in find({name: "x", "l": [{name: "y"}]}, name, f"l[*].{name}")] == ["x", "y"]


def test_a_path_through_what_is_no_list_finds_nothing() -> None:
    assert find({"l": {"a": 1}, "m": "x", "n": [1, "x", None]}, "l[*].a", "m[*]", "n[*].a", "o[*].a") == []


def test_rows_are_ordered_by_row_path_and_item_and_nulls_are_passed_over() -> None:
    texts = pl.Series(['{"b": 1, "a": 2}', None, "broken", '{"a": 3}'])
    assert find_values(texts, ["b", "a"]).select("row", "path", "text").rows() == [
        (0, "b", "1"),
        (0, "a", "2"),
        (3, "a", "3"),
    ]


def test_without_rows_or_paths_the_columns_are_there() -> None:
    empty = find_values(pl.Series([], dtype=pl.String), ["a"])
    assert empty.is_empty()
    assert (
        empty.schema == find_values(pl.Series(['{"a": 1}']), []).schema == find_values(pl.Series(["{}"]), ["a"]).schema
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


def name_kind(value: object) -> str:
    by_type = {str: "text", bool: "boolean", int: "number", list: "list", dict: "object"}
    return by_type[type(value)]


@by_chance
@given(st.lists(st.dictionaries(st.sampled_from("abc"), json_values, max_size=3), max_size=30))
def test_values_are_those_that_python_s_own_reader_finds(documents: list[dict[str, Any]]) -> None:
    expected = []
    for row, document in enumerate(documents):
        if document.get("a") is not None:
            expected.append((row, "a", 0, name_kind(document["a"])))
        items = document.get("b")
        for item, element in enumerate(items if isinstance(items, list) else []):
            if isinstance(element, dict) and element.get("c") is not None:
                expected.append((row, "b[*].c", item, name_kind(element["c"])))
    texts = pl.Series([json.dumps(document) for document in documents], dtype=pl.String)
    assert find_values(texts, ["a", "b[*].c"]).select("row", "path", "item", "kind").rows() == expected
    found = find_values(texts, ["a"]).filter(pl.col("kind") == "text")
    assert dict(found.select("row", "text").rows()) == {
        row: document["a"] for row, document in enumerate(documents) if isinstance(document.get("a"), str)
    }
    assert set(found["kind"]) <= set(VALUE_KINDS)
