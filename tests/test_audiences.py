"""Audiences for Klaviyo: who is handed on, in which arm, with which attributes, and how the files are written."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import dataframely as dy
import hypothesis.strategies as st
import msgspec
import polars as pl
import pytest
from builders import Row, by_chance, events, lazy, order
from hypothesis import given

from klavnb.audiences import (
    ANY_NOTE,
    IMPORT_NOTE,
    NO_CONSENT_NOTE,
    Audience,
    AudienceManifest,
    Consent,
    Split,
    assign_arms,
    check_attributes,
    count_left_out,
    find_attributes,
    make_audience,
    make_backfill,
    pick_audience,
    render_files,
    write_audience,
    write_profiles,
)
from klavnb.definitions import Definition, parse_definition, single_order_at_least, total_spent_at_least
from klavnb.errors import KlavnbError, SettingsError
from klavnb.export import Export
from klavnb.formats import find_files, read_pieces, split_file
from klavnb.formats.contract import RawExport
from klavnb.formats.profile_cells import write_cells
from klavnb.privacy import PERSONAL, mask
from klavnb.schemas import Profile
from klavnb.segments import segment_members
from klavnb.settings import Settings
from klavnb.store import read_export

TINY = Path(__file__).parent.parent / "data" / "tiny"
SPRING = Split.parse("treatment=80,control=20", seed="spring")
ORDERED = single_order_at_least(1, days=30)


def marketing(channel: str, consent: str, **said: object) -> dict[str, object]:
    return {channel: {"marketing": {"consent": consent, **said}}}


def profile(name: str, /, *, consent: Mapping[str, object] | None = None, **columns: object) -> Row:
    """One profile; `properties` and `consent` as Python, an address from its name unless given."""
    properties, location = (columns.pop(name, None) for name in ("properties", "location"))
    texts = {
        key: None if value is None else json.dumps(value)
        for key, value in (("consent", consent), ("properties", properties), ("location", location))
    }
    return {
        **dict.fromkeys(Profile.column_names()),
        "profile_id": name,
        "email": f"{name}@example.com",
        **texts,
        **columns,
    }


def profiles(*rows: Row) -> dy.LazyFrame[Profile]:
    return lazy(Profile, rows)


def pick(*rows: Row, members: Sequence[str] | None = None, **options: object) -> dict[str, str | None]:
    """Who is left out and why, of all profiles or of the members named."""
    ids = [row["profile_id"] for row in rows] if members is None else list(members)
    picked = pick_audience(pl.LazyFrame({"profile_id": ids}), profiles(*rows), **options)
    return dict(picked.select("profile_id", "left_out").iter_rows())


def cells(*rows: Row, names: Sequence[str], computed: pl.LazyFrame | None = None) -> list[tuple[str | None, ...]]:
    ids = pl.Series([row["profile_id"] for row in rows])
    return find_attributes(profiles(*rows), names, only=ids, computed=computed).rows()


@cache
def read_tiny() -> Export:
    return read_export(TINY)


def account(*rows: Row) -> Export:
    """An account of profiles who all ordered on the first day."""
    export = read_tiny()
    ordered = [order(profile_id=row["profile_id"], event_id=f"order {row['profile_id']}") for row in rows]
    period = replace(
        export.summary,
        first_event_at=datetime(2022, 3, 1, tzinfo=UTC),
        last_event_at=datetime(2022, 3, 2, tzinfo=UTC),
    )
    return replace(export, events=events(*ordered), profiles=profiles(*rows), summary=period)


def make(*rows: Row, **options: object) -> Audience:
    return make_audience(account(*rows), ORDERED, as_of=date(2022, 3, 2), **options)


def parse(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


# --- addresses


@pytest.mark.parametrize(
    "email",
    [
        "ann@example.com",
        " Ann+news@mail.example.com",
        "anña@exämple.de",
        "o'hara@example.com",
        "a@b.co",
        "1@example.com",
    ],
)
def test_what_looks_like_an_address_is_one(email: str) -> None:
    assert pick(profile("p", email=email)) == {"p": None}


@pytest.mark.parametrize(
    "email",
    [
        None,
        "",
        "ann",
        "ann@localhost",
        "ann@@example.com",
        "an n@example.com",
        "ann@example.com, bob@example.com",
        "<ann@example.com>",
        "ann@.com",
        "=1+1@example.com",
        "+ann@example.com",
        "-ann@example.com",
        "@example.com",
        "'ann@example.com",
        "a" * 243 + "@example.com",
    ],
)
def test_what_does_not_or_could_be_a_formula_is_none(email: str | None) -> None:
    assert pick(profile("p", email=email)) == {"p": "no_address"}


@pytest.mark.parametrize(
    ("phone", "written"),
    [
        ("+15550100123", "+15550100123"),
        ("+1 (555) 010-0123", "+15550100123"),
        ("0555 0100123", None),
        ("+0555", None),
        ("=+15550100123", None),
    ],
)
def test_a_phone_number_is_written_in_e164_without_an_apostrophe_or_not_at_all(phone: str, written: str | None) -> None:
    rows = [profile("p", phone_number=phone)]
    picked = pick_audience(pl.LazyFrame({"profile_id": ["p"]}), profiles(*rows), address="phone_number")
    assert picked["address"].to_list() == [written]
    assert cells(*rows, names=["phone_number"]) == [(written,)]


def test_a_member_whom_no_profile_describes_has_no_address() -> None:
    assert pick(profile("p"), members=["p", "stranger"]) == {"p": None, "stranger": "no_address"}


def test_of_members_who_share_an_address_the_smallest_id_stays() -> None:
    rows = [profile("b", email="Ann@example.com"), profile("a", email="ann@example.com "), profile("c")]
    assert pick(*rows) == {"a": None, "b": "repeated_address", "c": None}
    assert pick(*rows, members=["b"]) == {"b": None}


# --- consent


SUBSCRIBED = marketing("email", "SUBSCRIBED", can_receive_email_marketing=True, suppression=[], list_suppressions=[])


@pytest.mark.parametrize(
    ("consent", "reason"),
    [
        (SUBSCRIBED, None),
        (marketing("email", "SUBSCRIBED"), None),
        (marketing("email", "SUBSCRIBED", list_suppressions=[{"reason": "USER_SUPPRESSED"}]), None),
        (marketing("email", "SUBSCRIBED", suppression=[{"reason": "HARD_BOUNCE"}]), "suppressed"),
        (marketing("email", "SUBSCRIBED", can_receive_email_marketing=False), "suppressed"),
        (marketing("email", "NEVER_SUBSCRIBED", suppression=[{"reason": "HARD_BOUNCE"}]), "suppressed"),
        (marketing("email", "UNSUBSCRIBED", suppression=[{"reason": "UNSUBSCRIBE"}]), "unsubscribed"),
        (marketing("email", "NEVER_SUBSCRIBED", can_receive_email_marketing=True), "never_subscribed"),
        (marketing("sms", "SUBSCRIBED"), "unknown_consent"),
        (marketing("email", "PERHAPS"), "unknown_consent"),
        ({}, "unknown_consent"),
        (None, "unknown_consent"),
    ],
)
def test_only_who_is_subscribed_to_email_stays(consent: Mapping[str, object] | None, reason: str | None) -> None:
    assert pick(profile("p", consent=consent), consent="email") == {"p": reason}
    assert pick(profile("p", consent=consent)) == {"p": None}


@pytest.mark.parametrize(
    ("email", "sms", "reason"),
    [
        ("UNSUBSCRIBED", "SUBSCRIBED", "sms_only"),
        ("SUBSCRIBED", "NEVER_SUBSCRIBED", None),
        ("UNSUBSCRIBED", "NEVER_SUBSCRIBED", "unsubscribed"),
        ("NEVER_SUBSCRIBED", "NEVER_SUBSCRIBED", "never_subscribed"),
    ],
)
def test_consent_to_any_writes_no_email_address_of_who_is_subscribed_to_sms_only(
    email: str, sms: str, reason: str | None
) -> None:
    consent = marketing("email", email) | marketing("sms", sms, can_receive_sms_marketing=sms == "SUBSCRIBED")
    assert pick(profile("p", consent=consent), consent="any") == {"p": reason}


def test_an_address_that_another_profile_unsubscribed_stays_out() -> None:
    rows = [
        profile("a", email="ann@example.com", consent=SUBSCRIBED),
        profile("b", email="Ann@example.com", consent=marketing("email", "UNSUBSCRIBED")),
        profile("c", consent=SUBSCRIBED),
    ]
    assert pick(*rows, members=["a", "c"], consent="email") == {"a": "unsubscribed", "c": None}


def test_an_address_that_another_profile_unsubscribed_gets_no_email_whatever_that_one_said_of_sms() -> None:
    texted = marketing("email", "UNSUBSCRIBED") | marketing("sms", "SUBSCRIBED")
    rows = [
        profile("a", email="ann@example.com", consent=SUBSCRIBED),
        profile("b", email="Ann@example.com", consent=texted),
    ]
    assert pick(*rows, consent="any") == {"a": "unsubscribed", "b": "sms_only"}


# --- exclusions, and the sum of it all


def test_the_excluded_are_left_out_and_so_is_who_shares_their_address() -> None:
    rows = [profile("a", email="ann@example.com"), profile("b", email="ANN@example.com"), profile("c")]
    excluded = pl.LazyFrame({"profile_id": ["b", "unknown"]})
    assert pick(*rows, excluded=excluded) == {"a": "excluded", "b": "excluded", "c": None}


def test_the_first_reason_counts() -> None:
    rows = [profile("a", email=None, consent=marketing("email", "UNSUBSCRIBED"))]
    assert pick(*rows, consent="email") == {"a": "no_address"}
    assert pick(*rows, consent="email", excluded=pl.LazyFrame({"profile_id": ["a"]})) == {"a": "excluded"}


some_profiles = st.lists(
    st.builds(
        lambda number, address, consent: profile(f"p{number}", email=address, consent=consent),
        st.integers(0, 99),
        st.sampled_from(["a@example.com", "A@example.com", "b@example.com", "c@example.com", "nobody", None]),
        st.sampled_from([SUBSCRIBED, marketing("email", "UNSUBSCRIBED"), None]),
    ),
    unique_by=lambda row: row["profile_id"],
    max_size=12,
)


@by_chance
@given(some_profiles, st.sets(st.integers(0, 99)), st.sampled_from(["email", "sms", "any", None]))
def test_everyone_who_comes_in_is_kept_or_left_out(
    rows: list[Row], excluded: set[int], consent: Consent | None
) -> None:
    audience = pick_audience(
        pl.LazyFrame({"profile_id": [row["profile_id"] for row in rows]}, schema={"profile_id": pl.String}),
        profiles(*rows),
        excluded=pl.LazyFrame(
            {"profile_id": [f"p{number}" for number in sorted(excluded)]}, schema={"profile_id": pl.String}
        ),
        consent=consent,
        split=SPRING,
    )
    kept = audience.filter(pl.col("left_out").is_null())
    assert audience.height == len(rows) == kept.height + sum(count_left_out(audience).values())
    assert kept["address"].str.to_lowercase().is_unique().all()
    assert kept["arm"].is_in(["treatment", "control"]).all()


# --- arms


def arms(text: str, *, seed: str = "spring", people: int = 20_000) -> pl.Series:
    return assign_arms(pl.Series([f"p{number}" for number in range(people)]), Split.parse(text, seed=seed))


def place(profile_id: str, seed: str) -> Decimal:
    """The place of a profile on the line from 0 to 1, as the documentation has it."""
    key = hashlib.sha256(seed.encode()).digest()
    return Decimal(int.from_bytes(hashlib.blake2b(profile_id.encode(), digest_size=8, key=key).digest())) / 2**64


def test_arms_lie_side_by_side_in_the_order_of_their_names() -> None:
    found = arms("treatment=70,control=20,both=10", people=500)
    places = [place(f"p{number}", "spring") for number in range(500)]
    expected = ["both" if at < Decimal("0.1") else "control" if at < Decimal("0.3") else "treatment" for at in places]
    assert found.to_list() == expected


def test_arms_never_change_from_one_version_to_the_next() -> None:
    ids = pl.Series(["01H0000000000000000000001", "p7", "größe", ""])
    assert assign_arms(ids, Split.parse("a=25,b=25,c=25,d=25", seed="2026")).to_list() == ["a", "c", "c", "d"]


def test_the_order_in_which_arms_are_typed_does_not_matter() -> None:
    assert arms("treatment=80,control=20").equals(arms("control=20, treatment=80 %"))


def test_shares_are_met_and_another_seed_shuffles_anew() -> None:
    first, second = arms("treatment=80,control=20"), arms("treatment=80,control=20", seed="autumn")
    assert (first == "control").mean() == pytest.approx(0.2, abs=0.01)
    assert (first != second).mean() == pytest.approx(2 * 0.8 * 0.2, abs=0.015)


def test_when_shares_change_only_those_between_the_borders_move() -> None:
    before, after = arms("treatment=80,control=20"), arms("treatment=70,control=30")
    moved = before != after
    assert moved.mean() == pytest.approx(0.1, abs=0.01)
    assert set(before.filter(moved)) == {"treatment"}


def test_an_arm_does_not_depend_on_who_else_is_there() -> None:
    assert arms("a=50,b=50", people=20_000).head(10).equals(arms("a=50,b=50", people=10))


def test_one_arm_may_have_all_and_shares_may_have_decimals() -> None:
    assert set(arms("all=100", people=50)) == {"all"}
    assert (arms("a=33.3,b=66.7") == "a").mean() == pytest.approx(0.333, abs=0.01)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("treatment=80", "add up to 100, found 80"),
        ("treatment=80,control=30", "add up to 100, found 110"),
        ("treatment=100,control=0", "above 0"),
        ("treatment=x,control=20", "found 'x'"),
        ("treatment=nan,control=20", "found 'nan'"),
        ("treatment,control=20", "found 'treatment'"),
        ("a b=80,control=20", "found 'a b=80'"),
        ("../up=80,control=20", "found '../up=80'"),
        ("a=50,A=50", "comes twice"),
        ("", "found ''"),
    ],
)
def test_a_split_that_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        Split.parse(text, seed="")
    assert said in refusal.value.message


# --- attributes


def test_fields_properties_and_computed_values_become_cells_under_klaviyos_headers() -> None:
    ann = profile(
        "ann",
        first_name="Ann",
        location={"city": "Vienna", "zip": "01234"},
        properties={
            "Size": "medium",
            "Spent": 12.50,
            "Member": True,
            "Tags": ["a,b", 'c"d'],
            "Since": "2026-08-31T10:00:00+02:00",
        },
    )
    bob = profile("bob")
    computed = pl.LazyFrame(
        {
            "profile_id": ["ann"],
            "highest_order_value": [1359.0],
            "highest_order_date": [datetime(2026, 8, 1, 9, 30, 5, 999999, tzinfo=UTC)],
        }
    )
    names = [
        "Size",
        "highest_order_date",
        "first_name",
        "Spent",
        "Member",
        "highest_order_value",
        "Tags",
        "zip",
        "Since",
    ]
    found = find_attributes(profiles(ann, bob), names, only=pl.Series(["bob", "ann"]), computed=computed)
    assert found.columns == [
        "Size",
        "highest_order_date",
        "First Name",
        "Spent",
        "Member",
        "highest_order_value",
        "Tags",
        "Zip Code",
        "Since",
    ]
    assert found.rows() == [
        (None,) * 9,
        (
            "medium",
            "2026-08-01 09:30:05",
            "Ann",
            "12.5",
            "True",
            "1359",
            '["a,b", "c\\"d"]',
            "01234",
            "2026-08-31 08:00:00",
        ),
    ]


def test_each_profile_gets_its_own_values_in_whatever_order_they_are_asked_for() -> None:
    ids = [f"p{(number * 7919) % 1009}" for number in range(1000)]
    rows = [profile(name, first_name=name, properties={"Name": name}) for name in reversed(ids)]
    computed = pl.LazyFrame({"profile_id": sorted(ids), "computed_name": sorted(ids)})
    found = find_attributes(
        profiles(*rows), ["computed_name", "first_name", "Name"], only=pl.Series(ids), computed=computed
    )
    assert found.rows() == [(name, name, name) for name in ids]


def test_a_computed_value_counts_more_than_what_is_stored_under_its_name() -> None:
    computed = pl.LazyFrame({"profile_id": ["p"], "highest_order_value": [1359.0]})
    stored = profile("p", properties={"highest_order_value": "900"})
    assert cells(stored, names=["highest_order_value"], computed=computed) == [("1359",)]
    assert cells(stored, names=["highest_order_value"]) == [("900",)]


def test_two_rows_never_share_a_second_address() -> None:
    rows = [profile("a", phone_number="+15550100123"), profile("b", phone_number="+1 555 0100123")]
    assert cells(*rows, names=["phone_number"]) == [("+15550100123",), (None,)]


@pytest.mark.parametrize(
    "name",
    [
        "Consent",
        "$consent",
        "Email Marketing Consent",
        "SMS Marketing Consent",
        "email_consent_timestamp",
        "Accepts Marketing",
        "Subscribed",
        "Email Suppressions",
    ],
)
def test_no_file_has_a_column_about_consent(name: str) -> None:
    with pytest.raises(SettingsError, match="consent"):
        check_attributes(["first_name", name])
    with pytest.raises(SettingsError, match="consent"):
        make(profile("p", properties={name: "yes"}), attributes=[name])


def test_an_unknown_attribute_is_refused_with_what_there_is_and_what_is_close() -> None:
    with pytest.raises(SettingsError) as refusal:
        cells(profile("p", properties={"Favourite Size": "medium"}), names=["favourite size"])
    assert "Properties of the profiles: Favourite Size." in refusal.value.message
    assert refusal.value.hint == "Did you mean Favourite Size?"


def test_an_attribute_that_only_others_have_is_a_blank_column() -> None:
    rows = [profile("a"), profile("b", properties={"Size": "medium"})]
    assert find_attributes(profiles(*rows), ["Size"], only=pl.Series(["a"])).rows() == [(None,)]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["first_name", "First Name"], "First Name would be a second column"),
        (["first_name", ""], "a blank one"),
        (["Nested"], "Nested is an object"),
        (["Items[*].Size"], "there is no 'Items[*].Size'"),
    ],
)
def test_what_cannot_be_a_column_is_refused(names: list[str], said: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        cells(profile("p", properties={"Nested": {"a": 1}, "Items": [{"Size": "s"}]}), names=names)
    assert said in refusal.value.message


def test_the_address_is_the_first_column_and_cannot_be_asked_for_again() -> None:
    with pytest.raises(SettingsError, match="email would be a second column"):
        make(profile("p"), attributes=["email"])


# --- files


def test_types_are_written_as_klaviyo_reads_them() -> None:
    values = pl.DataFrame(
        {
            "number": [1359.0, -5.25, 1e-7, float("inf")],
            "count": [1, -2, 3_000_000, None],
            "flag": [True, False, None, None],
            "time": [datetime(2026, 8, 31, 23, 59, 59, 999999, tzinfo=UTC), None, None, None],
            "day": [date(2026, 8, 31), None, None, None],
            "list": [["a", "b"], [], ['say "so"'], None],
            "text": ["plain", "=1+1", "", None],
        },
    )
    assert write_cells(values).rows() == [
        ("1359", "1", "True", "2026-08-31 23:59:59", "2026-08-31 00:00:00", '["a","b"]', "plain"),
        ("-5.25", "-2", "False", None, None, "[]", "'=1+1"),
        ("1e-7", "3000000", None, None, None, '["say \\"so\\""]', ""),
        (None, None, None, None, None, None, None),
    ]


def test_quotes_commas_and_line_breaks_stand_in_quotes_in_cells_and_headers() -> None:
    rows = pl.DataFrame({"Email": ["a@example.com"], 'so "it", is\nthat': ['a "b", c\r\nd'], "=Sum": ["1"]})
    ((count, content),) = render_files(rows)
    assert count == 1
    assert parse(content) == [["Email", 'so "it", is\nthat', "'=Sum"], ["a@example.com", 'a "b", c\r\nd', "1"]]


def test_files_are_split_below_the_limit_and_each_has_the_header() -> None:
    rows = pl.DataFrame({"Email": [f"{number}@example.com" for number in range(100)], "Note": ["ä" * 20] * 100})
    parts = list(render_files(rows, largest=1000))
    assert len(parts) > 1
    assert all(len(content) < 1000 for _, content in parts)
    assert all(parse(content)[0] == ["Email", "Note"] for _, content in parts)
    assert [row[0] for _, content in parts for row in parse(content)[1:]] == rows["Email"].to_list()
    assert [count for count, _ in parts] == [len(parse(content)) - 1 for _, content in parts]
    # no file could have taken the first row of the next
    assert all(
        len(parts[at][1]) + len(parts[at + 1][1].splitlines(keepends=True)[1]) >= 1000 for at in range(len(parts) - 1)
    )


def test_a_row_that_no_file_can_hold_is_refused() -> None:
    rows = pl.DataFrame({"Email": ["a@example.com"], "Note": ["x" * 100]})
    with pytest.raises(KlavnbError, match="Row 1"):
        list(render_files(rows, largest=100))


def test_nobody_makes_a_file_of_the_header() -> None:
    assert list(render_files(pl.DataFrame(schema={"Email": pl.String}))) == [(0, b"Email\n")]


NAMES = [
    "Ann",
    "=HYPERLINK(1)",
    "+Ann",
    "-Ann",
    "@ann",
    "O'Hara",
    'Ann "Annie"',
    "Ann, Bob",
    "two\nlines",
    "'=1",
    "Ärä",
]


def test_an_audience_survives_the_way_through_our_own_reader(tmp_path: Path) -> None:
    rows = [
        profile(
            f"p{number:02}",
            first_name=name,
            phone_number=f"+1555010012{number % 10}" if number < 10 else None,
            location={"city": name, "zip": f"0{number}"},
            properties={
                "Spent": number - 5.5,
                "Count": number - 5,
                "Member": number % 2 == 0,
                "Tags": [name, str(number)],
                "Numbers": [1, 2.5],
                "Note": name,
                '=Odd, "name"': name,
                "Ordered": "2026-08-31 10:00:00",
            },
        )
        for number, name in enumerate(NAMES)
    ]
    properties = ["Spent", "Count", "Member", "Tags", "Numbers", "Note", '=Odd, "name"', "Ordered"]
    made = make(*rows, attributes=["first_name", "phone_number", "city", "zip", *properties])
    manifest = write_audience(made, tmp_path / "audience", largest=900)
    assert len(manifest.files) > 1
    files = find_files([tmp_path / "audience"]).files
    pieces = [(name, split_file(source, name)) for source, name in files if name == "profile_csv"]
    raw = RawExport.join([part for name, each in pieces for part in read_pieces(name, each, settings=Settings())])
    assert raw.rejects.is_empty()
    back = {row["email"]: row for row in raw.profiles.to_dicts()}
    assert len(back) == len(rows)
    for row in rows:
        read = back[row["email"]]
        assert (read["first_name"], read["phone_number"]) == (row["first_name"], row["phone_number"])
        assert json.loads(read["location"]) == json.loads(row["location"])
        assert json.loads(read["properties"]) == json.loads(row["properties"])


# --- the folder and its manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def test_each_arm_is_a_file_and_the_manifest_accounts_for_everyone(tmp_path: Path) -> None:
    rows = [profile(f"p{number}", consent=SUBSCRIBED) for number in range(40)] + [profile("nobody", email=None)]
    definition = replace(ORDERED, name="Großes / Los: 1")
    made = make_audience(
        account(*rows),
        definition,
        as_of=date(2022, 3, 2),
        consent="email",
        split=SPRING,
        exclusions=[[total_spent_at_least(500)]],
    )
    write_audience(made, tmp_path / "out")
    manifest = read_manifest(tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "Großes-Los-1-control.csv",
        "Großes-Los-1-treatment.csv",
        "manifest.json",
    ]
    assert manifest["count_members"] == 41 == manifest["count_kept"] + sum(manifest["left_out"].values())
    assert manifest["left_out"]["no_address"] == 1
    assert sum(manifest["arms"].values()) == manifest["count_kept"] == sum(file["rows"] for file in manifest["files"])
    assert {file["arm"]: file["rows"] for file in manifest["files"]} == manifest["arms"]
    for file in manifest["files"]:
        content = (tmp_path / "out" / file["name"]).read_bytes()
        assert (len(content), len(parse(content)) - 1) == (file["bytes"], file["rows"])
    assert (manifest["split"], manifest["split_seed"]) == ({"treatment": "80", "control": "20"}, "spring")
    assert manifest["as_of"] == "2022-03-02T23:59:59.999999+00:00"
    assert manifest["notes"] == [
        IMPORT_NOTE,
        "The excluded segment “Orders of at least 500 in total, ever” has 0 members: it leaves nobody out.",
    ]
    assert parse_definition(manifest["definition"], name="again").root == definition.root
    assert [each["count_members"] for each in manifest["exclusions"]] == [0]


def test_the_next_export_puts_a_person_into_the_same_arm(tmp_path: Path) -> None:
    def find_arms(people: int, folder: str) -> dict[str, str]:
        made = make(*(profile(f"p{number}") for number in range(people)), split=SPRING)
        manifest = write_audience(made, tmp_path / folder)
        return {
            row[0]: str(file.arm)
            for file in manifest.files
            for row in parse((tmp_path / folder / file.name).read_bytes())[1:]
        }

    first, second = find_arms(30, "first"), find_arms(50, "second")
    assert {address: second[address] for address in first} == first


def test_an_exclusion_by_a_metric_without_events_is_refused() -> None:
    with pytest.raises(SettingsError, match="did you mean Placed Order"):
        make(profile("p"), exclusions=[[single_order_at_least(1, metric="Place Order")]])


def test_the_manifest_names_metrics_without_events_and_days_outside_the_export() -> None:
    asked = single_order_at_least(1, metric="Place Order")
    notes = make_audience(account(profile("p")), asked, as_of="2022-03-03", consent="any").manifest.notes
    assert notes[1:] == [
        ANY_NOTE,
        "The export has no event of “Place Order”, so it counts as never happened; did you mean Placed Order?",
        "The export ends on 2022-03-02; what came after is not known.",
    ]
    early = make_audience(account(profile("p")), ORDERED, as_of="2022-02-28", consent="email").manifest.notes
    assert early[1:] == ["The export begins on 2022-03-01; what came before is not known."]


def test_a_list_may_be_named_as_the_export_names_it() -> None:
    def count(key: str) -> int:
        condition = {"type": "profile-group-membership", "is_member": True, "group_ids": [key]}
        definition = parse_definition({"condition_groups": [{"conditions": [condition]}]})
        return segment_members(read_tiny(), definition, as_of="2026-08-31").select(pl.len()).collect().item()

    key, name = read_tiny().groups.select("group_id", "group_name").drop_nulls().limit(1).collect().row(0)
    assert count(name) == count(key) > 0
    assert count("No such list") == 0


def test_without_consent_asked_the_manifest_warns() -> None:
    assert make(profile("p")).manifest.notes == [IMPORT_NOTE, NO_CONSENT_NOTE]


def test_no_address_stands_in_the_manifest_even_where_the_definition_has_one(tmp_path: Path) -> None:
    document = {
        "condition_groups": [
            {
                "conditions": [
                    {
                        "type": "profile-property",
                        "property": "email",
                        "filter": {"type": "string", "operator": "equals", "value": "ann@example.com"},
                    }
                ]
            }
        ]
    }
    definition = parse_definition(document, name="for ann@example.com")
    made = make_audience(
        account(profile("ann")), definition, as_of="2022-03-02", exclusions=[[definition]], split=SPRING
    )
    manifest = write_audience(made, tmp_path / "out")
    text = (tmp_path / "out" / "manifest.json").read_text(encoding="utf-8")
    assert mask(text) == text
    assert "[e-mail]" in text
    assert list(PERSONAL) == ["[e-mail]", "[phone]", "[address]"]
    assert [file.name for file in manifest.files] == ["for-e-mail-treatment.csv", "for-e-mail-control.csv"]


def test_the_manifest_has_the_segments_that_the_definition_refers_to_and_no_others() -> None:
    def about(name: str, segment: str) -> Definition:
        condition = {"type": "klavnb-segment", "segment": segment, "is_member": True}
        return parse_definition({"condition_groups": [{"conditions": [condition]}]}, name=name)

    first, second = replace(ORDERED, name="first"), about("second", "first")
    third, other = about("third", "second"), replace(ORDERED, name="other")
    together = [first, second, third, other]
    manifest = make_audience(account(profile("p")), third, as_of="2022-03-02", definitions=together).manifest
    assert [document["name"] for document in manifest.referred if isinstance(document, dict)] == ["first", "second"]
    assert manifest.count_kept == 1


def test_a_folder_that_holds_anything_else_is_not_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_audience(make(profile("p")), folder)
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(KlavnbError, match=r"notes\.txt"):
        write_audience(make(profile("q")), folder)
    assert (folder / "notes.txt").read_text(encoding="utf-8") == "mine"
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(KlavnbError, match="a file"):
        write_audience(make(profile("p")), tmp_path / "file")


def test_an_earlier_audience_is_replaced_whole(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_audience(make(*(profile(f"p{number}") for number in range(9)), split=SPRING), folder)
    manifest = write_audience(make(profile("p")), folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [*(file.name for file in manifest.files), "manifest.json"]
    )
    assert list(tmp_path.iterdir()) == [folder]


def test_when_writing_fails_the_earlier_audience_is_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_audience(make(profile("p")), folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(KlavnbError, match="Row 1"):
        write_audience(make(profile("q")), folder, largest=10)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert list(tmp_path.iterdir()) == [folder]


# --- the file of computed properties


def test_a_backfill_has_a_row_for_every_customer_with_an_address(tmp_path: Path) -> None:
    data = account(profile("a"), profile("b", email=None), profile("c"))
    computed = pl.LazyFrame(
        {
            "profile_id": ["a", "b", "c"],
            "email": ["stale@example.com"] * 3,
            "phone_number": [None] * 3,
            "highest_order_value": [1359.0, 2.0, None],
        }
    )
    rows, left_out = make_backfill(data, computed)
    assert rows.rows() == [("a@example.com", "1359"), ("c@example.com", None)]
    assert rows.columns == ["Email", "highest_order_value"]
    assert left_out["no_address"] == sum(left_out.values()) == 1
    files = write_profiles(rows, tmp_path / "properties.csv", largest=60)
    assert [(file.name, file.rows) for file in files] == [("properties-1.csv", 1), ("properties-2.csv", 1)]


def test_the_manifest_reads_back_as_its_contract(tmp_path: Path) -> None:
    manifest = write_audience(make(profile("p")), tmp_path / "out")
    assert msgspec.json.decode((tmp_path / "out" / "manifest.json").read_bytes(), type=AudienceManifest) == manifest
