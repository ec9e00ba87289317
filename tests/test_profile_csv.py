"""CSV files of profiles: what is read from Klaviyo's own and from ours, and to whom it is put."""

import csv
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import polars as pl
import pytest
from builders import by_chance
from hypothesis import given

from klavnb.errors import ExportError
from klavnb.export import Export
from klavnb.formats import find_files, read_pieces, split_file
from klavnb.formats.contract import RawExport
from klavnb.formats.profile_cells import defuse, defuse_name, restore, restore_name, write_cells
from klavnb.formats.profile_merging import merge_profiles
from klavnb.settings import Settings
from klavnb.store import read_export

TINY = Path(__file__).parent.parent / "data" / "tiny"
EXPORTED = {
    "Email": "ann@example.com",
    "Klaviyo ID": "01ANN",
    "First Name": "Ann",
    "Last Name": "Sample",
    "Phone Number": "+15550100123",
    "City": "Vienna",
    "State / Region": "",
    "Country": "Austria",
    "Zip Code": "01234",
    "Latitude": "48.2",
    "Email Marketing Consent": "SUBSCRIBED",
    "Email Suppressions": "[]",
    "Historic Customer Lifetime Value": "120.5",
    "Profile Created On": "2025-03-01 10:00:00",
    "Last Active": "2026-08-01 09:00:00",
    "Favourite Size": "medium",
}
"""One row of an export as Klaviyo writes it."""


def write(path: Path, rows: Sequence[Mapping[str, str]], *, header: Sequence[str] | None = None) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, header or list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    return path


def read_raw(path: Path) -> RawExport:
    """What a file holds, in the format that it is recognised as."""
    ((source, name),) = find_files([path]).files
    return RawExport.join(list(read_pieces(name, split_file(source, name), settings=Settings())))


def read(path: Path) -> list[dict[str, Any]]:
    """The raw profiles of a file."""
    return read_raw(path).profiles.to_dicts()


def read_merged(path: Path) -> list[dict[str, Any]]:
    """The profiles of a file when no other file says who they are."""
    return merge_profiles(RawExport(), read_raw(path)).profiles.to_dicts()


def read_one(tmp_path: Path, **cells: str) -> dict[str, Any]:
    """The properties of a profile whose other cells these are, as JSON reads them."""
    (profile,) = read(write(tmp_path / "one.csv", [{"Email": "ann@example.com", **cells}]))
    properties: dict[str, Any] = json.loads(profile["properties"] or "{}")
    return properties


@cache
def read_tiny() -> Export:
    return read_export(TINY)


def sample_beside(tmp_path: Path, rows: Sequence[Mapping[str, str]]) -> Export:
    return read_export([TINY, write(tmp_path / "audience.csv", rows)])


# --- what a file says


def test_klaviyos_own_export_becomes_a_profile_with_its_fields_and_properties(tmp_path: Path) -> None:
    (profile,) = read(write(tmp_path / "segment.csv", [EXPORTED]))
    assert profile["profile_id"] == "01ANN"
    assert (profile["email"], profile["phone_number"], profile["first_name"]) == (
        "ann@example.com",
        "+15550100123",
        "Ann",
    )
    assert (profile["created_at"], profile["last_event_at"]) == ("2025-03-01 10:00:00", "2026-08-01 09:00:00")
    assert json.loads(profile["location"]) == {"city": "Vienna", "country": "Austria", "zip": "01234", "latitude": 48.2}
    assert json.loads(profile["predictions"]) == {"historic_clv": 120.5}
    assert json.loads(profile["consent"])["email"]["marketing"] == {"consent": "SUBSCRIBED", "suppression": []}
    properties = json.loads(profile["properties"])
    assert (properties["Favourite Size"], properties["Last Name"]) == ("medium", "Sample")
    assert "Email" not in properties


def test_a_suppression_and_states_with_blanks_are_read_and_unknown_words_are_not_known(tmp_path: Path) -> None:
    rows = [
        {
            "Email": "a@example.com",
            "Email Marketing Consent": "Never subscribed",
            "Email Suppressions": "['HARD_BOUNCE']",
        },
        {"Email": "b@example.com", "Email Marketing Consent": "perhaps", "Email Suppressions": ""},
    ]
    first, second = read(write(tmp_path / "list.csv", rows))
    marketing = json.loads(first["consent"])["email"]["marketing"]
    assert (marketing["consent"], len(marketing["suppression"])) == ("NEVER_SUBSCRIBED", 1)
    assert second["consent"] is None
    assert json.loads(second["properties"])["Email Marketing Consent"] == "perhaps"


def test_cells_get_the_types_that_they_read_as(tmp_path: Path) -> None:
    assert read_one(
        tmp_path,
        Spent="1359.5",
        Debt="-5",
        Zero="007",
        Member="True",
        Guest="False",
        Sizes='["small","8"" × 10"""]'.replace('""', '\\"'),
        Ordered="2026-08-01 09:00:00",
        Blank="",
        Note='so "it", is\nthat',
    ) == {
        "Spent": 1359.5,
        "Debt": -5,
        "Zero": "007",
        "Member": True,
        "Guest": False,
        "Sizes": ["small", '8" × 10"'],
        "Ordered": "2026-08-01 09:00:00",
        "Note": 'so "it", is\nthat',
    }


def test_property_names_keep_their_case_and_signs(tmp_path: Path) -> None:
    cells = {"Order_Count": "1", "OrderCount": "2", "order count": "3", 'with "quotes", and\nlines': "4", "'@home": "5"}
    assert read_one(tmp_path, **cells) == {
        "Order_Count": 1,
        "OrderCount": 2,
        "order count": 3,
        'with "quotes", and\nlines': 4,
        "@home": 5,
    }


@pytest.mark.parametrize("first", ["Email", "Email Address", "Phone Number", "Klaviyo ID", "Profile ID"])
def test_a_file_is_recognised_by_its_first_header(tmp_path: Path, first: str) -> None:
    path = write(tmp_path / "anything.csv", [{first: "x", "Spent": "1"}])
    assert read_raw(path).profiles.height == 1


@pytest.mark.parametrize("header", ["email", "Name", "id"])
def test_another_first_header_is_no_profile_csv(tmp_path: Path, header: str) -> None:
    path = write(tmp_path / "anything.csv", [{header: "x", "Email": "ann@example.com"}])
    with pytest.raises(ExportError, match="first column Email"):
        find_files([path])


def test_fivetrans_people_stay_fivetrans(tmp_path: Path) -> None:
    path = write(tmp_path / "person.csv", [{"Email": "ann@example.com", "id": "p1", "custom_size": "small"}])
    (profile,) = read(path)
    assert (profile["profile_id"], json.loads(profile["properties"])) == ("p1", {"size": "small"})


def test_gzip_a_byte_order_mark_and_other_line_ends_make_no_difference(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.csv", [EXPORTED])
    content = plain.read_bytes()
    (tmp_path / "other.csv.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + content.replace(b"\r\n", b"\n")))
    first, second = ({**row, "file": ""} for name in ("plain.csv", "other.csv.gz") for row in read(tmp_path / name))
    assert first == second


def test_rows_of_another_length_are_rejects_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("Email,Spent\na@example.com,1\nb@example.com\nc@example.com,3,4\n", encoding="utf-8")
    raw = read_raw(path)
    assert raw.profiles["email"].to_list() == ["a@example.com"]
    assert raw.rejects.select("line", "reason").rows() == [
        (3, "fewer fields than the header"),
        (4, "more fields than the header"),
    ]


def test_a_header_that_comes_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("Email,Spent,Spent\na@example.com,1,2\n", encoding="utf-8")
    assert read_raw(path).rejects["reason"].to_list() == ["broken file: list.csv: a header that names 'Spent' twice"]


def test_profiles_alone_are_no_export_and_the_refusal_says_how_many_there_are(tmp_path: Path) -> None:
    path = write(tmp_path / "list.csv", [{"Email": "a@example.com"}, {"Email": "b@example.com"}])
    with pytest.raises(ExportError, match=r"expected events, found none.*2 profiles"):
        read_export(path)


# --- who is who


def test_a_profile_without_an_id_gets_one_that_tells_no_address(tmp_path: Path) -> None:
    rows = [
        {"Email": "Ann@example.com", "Phone Number": "+15550100123", "Spent": "1"},
        {"Email": "ann@example.com", "Phone Number": "", "Spent": ""},
        {"Email": "", "Phone Number": "+15550100123", "Spent": "2"},
        {"Email": "", "Phone Number": "", "Spent": "3"},
    ]
    profiles = read_merged(write(tmp_path / "list.csv", rows))
    assert [profile["profile_id"] for profile in profiles] == ["email:71d4f55f72fa128d", "phone:71e19f521d9da9cc", None]


def test_properties_arrive_at_the_profile_with_the_address_over_its_own(tmp_path: Path) -> None:
    former = read_tiny().profiles.sort("profile_id").head(2).collect()
    first, second = former["email"].to_list()
    rows = [
        {"Email": first.upper(), "First Name": "Somebody", "Favourite Size": "giant", "highest_order_value": "1359"},
        {"Email": second, "First Name": "", "Favourite Size": "", "highest_order_value": "12.5"},
    ]
    export = sample_beside(tmp_path, rows)
    profiles = export.profiles.sort("profile_id").collect()
    assert profiles.height == read_tiny().profiles.collect().height
    kept = profiles.head(2)
    assert kept.drop("properties").equals(former.drop("properties"))
    before, after = ([json.loads(text) for text in frame["properties"]] for frame in (former, kept))
    assert after[0] == {**before[0], "Favourite Size": "giant", "highest_order_value": 1359}
    assert after[1] == {**before[1], "highest_order_value": 12.5}
    assert export.summary.rows_in == read_tiny().summary.rows_in


def test_a_klaviyo_id_counts_more_than_an_address(tmp_path: Path) -> None:
    first, second = read_tiny().profiles.sort("profile_id").head(2).collect().to_dicts()
    rows = [{"Klaviyo ID": second["profile_id"], "Email": first["email"], "Spent": "1"}]
    profiles = sample_beside(tmp_path, rows).profiles.sort("profile_id").head(2).collect()["properties"].to_list()
    assert ["Spent" in json.loads(text) for text in profiles] == [False, True]


def test_who_is_not_in_the_export_is_a_profile_more(tmp_path: Path) -> None:
    export = sample_beside(tmp_path, [{"Email": "new@example.com", "Spent": "1"}])
    added = export.profiles.filter(pl.col("email") == "new@example.com").collect()
    assert added["profile_id"].str.starts_with("email:").to_list() == [True]


def test_of_several_rows_for_one_profile_the_later_says_more(tmp_path: Path) -> None:
    address = read_tiny().profiles.sort("profile_id").head(1).collect()["email"].item()
    rows = [{"Email": address, "a": "1", "b": "1"}, {"Email": address, "a": "2", "b": ""}]
    profile = sample_beside(tmp_path, rows).profiles.sort("profile_id").head(1).collect()
    properties = json.loads(profile["properties"].item())
    assert (properties["a"], properties["b"]) == (2, 1)


def test_a_file_cannot_take_back_what_the_export_says_of_consent(tmp_path: Path) -> None:
    former = read_tiny().profiles.sort("profile_id").head(1).collect()
    rows = [{"Email": former["email"].item(), "Email Marketing Consent": "SUBSCRIBED"}]
    profile = sample_beside(tmp_path, rows).profiles.sort("profile_id").head(1).collect()
    assert profile["consent"].item() == former["consent"].item()


# --- formulas


RISKY = ["=1+1", "+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", " =1", "\uff1d1", "'=1", "''=1", "\n@"]


@pytest.mark.parametrize("text", RISKY)
def test_what_could_be_a_formula_gets_an_apostrophe(text: str) -> None:
    (written,) = write_cells(pl.DataFrame({"Note": [text]}))["Note"]
    assert written == defuse_name(text) == f"'{text}"


@pytest.mark.parametrize("text", ["Ann", "-5", "-12.50", "12 = 12", "a@example.com", "'tis", "1e5", ""])
def test_what_computes_nothing_stays_as_it_is(text: str) -> None:
    (written,) = write_cells(pl.DataFrame({"Note": [text]}))["Note"]
    assert written == text


@by_chance
@given(st.lists(st.one_of(st.text(), st.text("='+-@\t\r\n 1a\uff0b")), min_size=20, max_size=60))
def test_every_text_comes_back_as_it_was_and_none_is_left_that_could_be_a_formula(texts: list[str]) -> None:
    series = pl.Series(texts, dtype=pl.String)
    written = pl.select(defuse(pl.lit(series))).to_series()
    assert pl.select(restore(pl.lit(written))).to_series().to_list() == texts
    assert [restore_name(defuse_name(text)) for text in texts] == texts
    risky = written.str.contains(r"^[=+@\t\r\x{ff1d}\x{ff0b}]") | written.str.contains(r"^-.*[^\d.eE+-]")
    assert not risky.any()
