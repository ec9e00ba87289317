"""The commands about segments as a user types them: what they print, write and exit with."""

import csv
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from klavnb.cli import app, main
from klavnb.definitions import read_definitions
from klavnb.export import Export
from klavnb.recipes import backfill_properties
from klavnb.schemas import SegmentSize
from klavnb.segments import segment_members
from klavnb.store import read_export

TINY = Path(__file__).parent.parent / "data" / "tiny"
DAY = "2026-08-31"
SPAN = ("--start", DAY, "--end", DAY)
PERSONAL = re.compile(r"@|\+\d{7}")


def run(*arguments: object) -> int:
    """Run a command in this process and give its exit code."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def ordered(at_least: int) -> dict[str, Any]:
    condition = {
        "type": "profile-metric",
        "metric_id": "Placed Order",
        "measurement": "count",
        "measurement_filter": {"type": "numeric", "operator": "greater-than-or-equal", "value": at_least},
        "timeframe_filter": {"type": "date", "operator": "alltime"},
        "metric_filters": None,
    }
    return {"condition_groups": [{"conditions": [condition]}]}


def write_json(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_counts(printed: str) -> dict[str, str]:
    """The first two columns of the tables that were printed."""
    rows = (re.split(r"\s*[│┃]\s*", line.strip("│┃ ")) for line in printed.splitlines() if line.startswith(("│", "┃")))
    return {row[0].strip(): row[1].strip() for row in rows if len(row) > 1}


@pytest.fixture(scope="module")
def export() -> Export:
    return read_export(TINY)


@pytest.fixture
def one(tmp_path: Path) -> Path:
    return write_json(tmp_path / "Buyers.json", ordered(1))


@pytest.fixture
def several(tmp_path: Path) -> Path:
    current = {
        "type": "profile-property",
        "property": "properties['Customer Type']",
        "filter": {"type": "string", "operator": "equals", "value": "private"},
    }
    others = {"type": "klavnb-segment", "segment": "Buyers", "is_member": False}
    definitions = [
        {"name": "Buyers", "definition": ordered(1)},
        {"name": "=Twice", "definition": ordered(2)},
        {"name": "Others", "definition": {"condition_groups": [{"conditions": [others]}, {"conditions": [current]}]}},
    ]
    return write_json(tmp_path / "several.json", definitions)


def find_ids(export: Export, path: Path, name: str) -> list[str]:
    definitions = {each.name: each for each in read_definitions(path)}
    members = segment_members(export, definitions[name], as_of=DAY, definitions=list(definitions.values()))
    return members.select(pl.col("profile_id").sort()).collect().to_series().to_list()


# --- klavnb segment


def test_segment_prints_the_size_the_sentence_and_how_well_the_past_is_known(
    several: Path, export: Export, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("segment", TINY, "--definition", several, "--as-of", DAY) == 0
    printed = capsys.readouterr().out
    counts = read_counts(printed)
    for name in ("Buyers", "=Twice", "Others"):
        assert counts[name] == str(len(find_ids(export, several, name))) != "0"
    assert re.search(r"Others\s*│\s*\d+\s*│ current values only", printed)
    assert re.search(r"Buyers\s*│\s*\d+\s*│ exact", printed)
    assert "Buyers: Placed Order at least 1 time over all time." in printed


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_segment_writes_members_with_the_profile_id_first(
    one: Path, several: Path, export: Export, tmp_path: Path, ending: str
) -> None:
    def read(path: Path) -> pl.DataFrame:
        return pl.read_csv(path) if ending == "csv" else pl.read_parquet(path)

    assert run("segment", TINY, "--definition", one, "--as-of", DAY, "--members", tmp_path / f"one.{ending}") == 0
    alone = read(tmp_path / f"one.{ending}")
    assert alone.columns == ["profile_id", "entered_at"]
    assert alone["profile_id"].to_list() == find_ids(export, one, "Buyers")
    assert run("segment", TINY, "--definition", several, "--as-of", DAY, "--members", tmp_path / f"all.{ending}") == 0
    together = read(tmp_path / f"all.{ending}")
    assert together.columns == ["profile_id", "segment", "entered_at"]
    twice = "'=Twice" if ending == "csv" else "=Twice"
    assert together.filter(segment=twice)["profile_id"].to_list() == find_ids(export, several, "=Twice")


def test_segment_takes_one_of_several_that_may_refer_to_another(
    several: Path, export: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--segment", "Others", "--as-of", DAY, "--members", tmp_path / "m.csv")
    assert run("segment", TINY, "--definition", several, *arguments) == 0
    assert "Buyers" not in read_counts(capsys.readouterr().out)
    assert [row["profile_id"] for row in read_csv(tmp_path / "m.csv")] == find_ids(export, several, "Others")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_segment_writes_sizes_and_prints_first_last_smallest_and_largest(
    several: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    out = tmp_path / f"sizes.{ending}"
    span = ("--start", "2026-08-01", "--end", "2026-08-29", "--every", "1w")
    assert run("segment", TINY, "--definition", several, "--sizes", out, *span) == 0
    sizes = pl.read_csv(out) if ending == "csv" else pl.read_parquet(out)
    assert sizes.columns == ["segment", "day", *SegmentSize.column_names()[1:]]
    assert sizes.height == 3 * 5
    buyers = sizes.filter(segment="Buyers")["count_members"]
    printed = capsys.readouterr().out
    first, last, smallest, largest = (str(count) for count in (buyers[0], buyers[-1], buyers.min(), buyers.max()))
    assert re.search(rf"Buyers\s*│\s*{first} │\s*{last} │\s*{smallest} │\s*{largest} │ exact", printed)


def test_the_time_zone_says_when_a_day_ends(one: Path, tmp_path: Path) -> None:
    def measure(zone: str) -> str:
        span = ("--start", DAY, "--end", DAY, "--time-zone", zone)
        assert run("segment", TINY, "--definition", one, "--sizes", tmp_path / "sizes.csv", *span) == 0
        return read_csv(tmp_path / "sizes.csv")[0]["as_of"]

    assert measure("UTC") == "2026-08-31 23:59:59"
    assert measure("Europe/Vienna") == "2026-08-31 21:59:59"


# --- klavnb audience


def audience(definition: Path, out: Path, *options: object) -> int:
    return run("audience", TINY, "--definition", definition, "--as-of", DAY, "--out", out, *options)


def test_audience_writes_arms_and_a_manifest_and_prints_what_became_of_everyone(
    several: Path, export: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = (
        "--segment",
        "Buyers",
        "--consent",
        "email",
        "--split",
        "treatment=80,control=20",
        "--split-seed",
        "spring",
    )
    assert (
        audience(several, tmp_path / "out", *options, "--attributes", "first_name,Favourite Size,highest_order_value")
        == 0
    )
    printed = capsys.readouterr().out
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["count_members"] == len(find_ids(export, several, "Buyers"))
    assert manifest["count_members"] == manifest["count_kept"] + sum(manifest["left_out"].values())
    assert manifest["fingerprint"] == export.summary.fingerprint
    counts = read_counts(printed)
    assert counts["in the segment"] == str(manifest["count_members"])
    assert counts["written"] == str(manifest["count_kept"])
    for arm in ("treatment", "control"):
        rows = read_csv(tmp_path / "out" / f"Buyers-{arm}.csv")
        assert list(rows[0]) == ["Email", "First Name", "Favourite Size", "highest_order_value"]
        assert counts[arm] == str(len(rows)) == str(manifest["arms"][arm])
    assert "without updating the subscription status" in printed
    assert not PERSONAL.search(printed)
    assert not PERSONAL.search(json.dumps({**manifest, "definition": None}))


def test_audience_leaves_out_who_is_excluded(several: Path, export: Export, tmp_path: Path) -> None:
    excluded = write_json(tmp_path / "twice.json", {"name": "Twice", "definition": ordered(2)})
    assert audience(several, tmp_path / "out", "--segment", "Buyers", "--exclude", excluded) == 0
    kept = {row["Email"] for row in read_csv(tmp_path / "out" / "Buyers.csv")}
    emails = dict(export.profiles.select("profile_id", "email").collect().iter_rows())
    once = set(find_ids(export, several, "Buyers")) - set(find_ids(export, several, "=Twice"))
    assert kept == {emails[profile_id] for profile_id in once}
    assert kept


def test_audience_writes_phone_numbers_for_sms(one: Path, export: Export, tmp_path: Path) -> None:
    assert audience(one, tmp_path / "out", "--consent", "sms", "--attributes", "email") == 0
    rows = read_csv(tmp_path / "out" / "Buyers.csv")
    assert list(rows[0]) == ["Phone Number", "Email"]
    phones = dict(export.profiles.select("email", "phone_number").collect().iter_rows())
    assert {row["Phone Number"] for row in rows} == {phones[row["Email"]] for row in rows}


def test_audience_warns_where_nobody_is_asked_for_consent(
    one: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audience(one, tmp_path / "out") == 0
    assert "Nobody's consent was looked at" in capsys.readouterr().out


def test_audience_computes_the_windows_that_its_attributes_name(one: Path, export: Export, tmp_path: Path) -> None:
    names = ["ever_highest_order_value", "45_day_highest_order_value", "medium_order_date"]
    assert audience(one, tmp_path / "out", "--attributes", ",".join(names)) == 0
    computed = backfill_properties(export, as_of=DAY, windows=[45, None]).collect()
    expected = {
        row["email"]: [write(row[name]) for name in names] for row in computed.iter_rows(named=True) if row["email"]
    }
    rows = read_csv(tmp_path / "out" / "Buyers.csv")
    assert {row["Email"]: [row[name] for name in names] for row in rows} == expected


def write(value: object) -> str:
    """A value as Klaviyo's CSV has it, without the help of what is tested."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    return "" if value is None else f"{value:%Y-%m-%d %H:%M:%S}"


def test_what_audience_writes_is_read_back_beside_the_export(one: Path, export: Export, tmp_path: Path) -> None:
    assert audience(one, tmp_path / "out", "--attributes", "ever_highest_order_value") == 0
    back = read_export([TINY, tmp_path / "out"])
    assert back.profiles.collect().height == export.profiles.collect().height
    expected = backfill_properties(export, as_of=DAY, windows=[None]).collect()
    stored = {
        row["profile_id"]: json.loads(row["properties"]).get("ever_highest_order_value")
        for row in back.profiles.collect().iter_rows(named=True)
    }
    assert {key: value for key, value in stored.items() if value is not None} == dict(
        expected.select("profile_id", "ever_highest_order_value").drop_nulls().iter_rows()
    )


# --- klavnb backfill


def test_backfill_writes_a_row_for_every_customer(
    export: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "properties.csv"
    assert (
        run("backfill", TINY, "--as-of", DAY, "--windows", "30,60,ever", "--item-property", "Size", "--out", out) == 0
    )
    printed = capsys.readouterr().out
    computed = (
        backfill_properties(export, as_of=DAY, windows=[30, 60, None]).collect().filter(pl.col("email").is_not_null())
    )
    rows = read_csv(out)
    assert list(rows[0]) == ["Email", *computed.columns[3:]]
    expected = {
        row["email"]: [write(row[name]) for name in computed.columns[3:]] for row in computed.iter_rows(named=True)
    }
    assert {row["Email"]: list(row.values())[1:] for row in rows} == expected
    assert read_counts(printed)["written"] == str(len(rows))
    assert "small_order_date" in printed
    assert not PERSONAL.search(printed)


# --- what the export does not know, and what is not overwritten


def test_unknown_metrics_days_and_items_are_told(one: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    misspelled = write_json(tmp_path / "m.json", json.loads(json.dumps(ordered(1)).replace("Placed", "Place")))
    assert run("segment", TINY, "--definition", misspelled, "--as-of", "2030-01-01") == 0
    printed = capsys.readouterr().out
    assert "Note: The export has no event of “Place Order”" in printed
    assert "did you mean Placed Order?" in printed
    assert "Note: The export ends on 2026-0" in printed
    assert audience(one, tmp_path / "out", "--exclude", misspelled) == 2
    assert "did you mean Placed Order?" in capsys.readouterr().err
    options = ("--as-of", "2001-01-01", "--item-property", "Colouring", "--out", tmp_path / "b.csv")
    assert run("backfill", TINY, *options) == 0
    printed = capsys.readouterr().out
    assert "No order has an item with “Colouring”." in printed
    assert "Note: The export begins on" in printed


def test_an_exclusion_is_counted_even_where_it_leaves_nobody_out(
    one: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    never = write_json(tmp_path / "never.json", ordered(10_000))
    assert audience(one, tmp_path / "out", "--exclude", never) == 0
    assert "Excluded: never, 0 members on that day." in capsys.readouterr().out


def test_segments_of_the_same_file_are_judged_by_what_they_ask(
    several: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("segment", TINY, "--definition", several, "--as-of", DAY) == 0
    assert "not at hand" not in capsys.readouterr().out


def test_the_day_of_a_size_is_the_calendars(one: Path, tmp_path: Path) -> None:
    out = tmp_path / "s.csv"
    assert run("segment", TINY, "--definition", one, "--sizes", out, *SPAN, "--time-zone", "America/Los_Angeles") == 0
    assert [(row["day"], row["as_of"]) for row in read_csv(out)] == [(DAY, "2026-09-01 06:59:59")]


@pytest.mark.parametrize(
    "command",
    [
        ["segment", "--definition", "one.json", "--as-of", DAY, "--members"],
        ["segment", "--definition", "one.json", *SPAN, "--sizes"],
        ["backfill", "--as-of", DAY, "--out"],
        ["attribute", "--out"],
    ],
)
def test_files_of_others_are_not_overwritten_and_ours_are(
    command: Sequence[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_json(tmp_path / "one.json", ordered(1))
    shutil.copytree(TINY, tmp_path / "export")
    inside = tmp_path / "export" / "mine.csv"
    outside = tmp_path / "mine.csv"
    for path, said in ((inside, "of the export"), (outside, "not such a file of klavnb's")):
        path.write_text("Email,Name\nann@example.com,Ann\n", encoding="utf-8")
        before = path.read_bytes()
        assert run(command[0], "export", *command[1:], path) == 2
        assert said in capsys.readouterr().err
        assert path.read_bytes() == before
        path.unlink()
    assert run(command[0], "export", *command[1:], outside) == 0
    assert run(command[0], "export", *command[1:], outside) == 0


# --- misuse


MISUSES: Sequence[tuple[Sequence[str], str]] = [
    (["segment", "sample", "--definition", "one.json"], "found neither"),
    (["segment", "sample", "--definition", "one.json", "--as-of", "yesterday"], "--as-of: expected a day"),
    (["segment", "sample", "--definition", "one.json", "--as-of", DAY, "--members", "m.xlsx"], ".parquet or .csv"),
    (["segment", "sample", "--definition", "one.json", "--as-of", DAY, "--sizes", "s.csv"], "one day"),
    (["segment", "sample", "--definition", "one.json", "--as-of", DAY, "--start", DAY], "belong to --sizes"),
    (["segment", "sample", "--definition", "one.json", "--sizes", "s.csv"], "--start and --end"),
    (
        ["segment", "sample", "--definition", "one.json", "--sizes", "s.csv", "--start", DAY, "--end", "2026-08-01"],
        "end",
    ),
    (
        ["segment", "sample", "--definition", "one.json", "--sizes", "s.csv", *SPAN, "--every", "often"],
        "often",
    ),
    (["segment", "sample", "--definition", "one.json", "--as-of", DAY, "--segment", "Nobody"], "'Nobody'"),
    (
        ["segment", "sample", "--definition", "one.json", "--as-of", DAY, "--time-zone", "Vienna"],
        "--time-zone: expected",
    ),
    (["segment", "sample", "--definition", "nowhere.json", "--as-of", DAY], "nowhere.json"),
    (["segment", "sample", "--definition", "wrong.json", "--as-of", DAY], "wrong.json"),
    (["audience", "sample", "--definition", "one.json", "--as-of", DAY], "--out"),
    (["audience", "sample", "--definition", "two.json", "--as-of", DAY, "--out", "o"], "--segment"),
    (["audience", "sample", "--definition", "one.json", "--as-of", DAY, "--out", "o", "--consent", "push"], "push"),
    (["audience", "sample", "--definition", "one.json", "--as-of", DAY, "--out", "o", "--split", "a=1"], "found 1"),
    (["audience", "sample", "--definition", "one.json", "--as-of", DAY, "--out", "o", "--split-seed", "x"], "--split"),
    (
        ["audience", "sample", "--definition", "one.json", "--as-of", DAY, "--out", "o", "--exclude", "no.json"],
        "no.json",
    ),
    (
        ["audience", "sample", "--definition", "one.json", "--as-of", DAY, "--out", "o", "--attributes", "Consent"],
        "Consent",
    ),
    (
        ["audience", "sample", "--definition", "one.json", "--as-of", DAY, "--out", "o", "--attributes", "first_nam"],
        "Did you mean first_name?",
    ),
    (["backfill", "sample", "--as-of", DAY, "--out", "p.parquet"], ".csv"),
    (["backfill", "sample", "--as-of", DAY, "--out", "p.csv", "--windows", "30,month"], "'month'"),
    (["backfill", "sample", "--as-of", DAY, "--out", "p.csv", "--windows", "30,30"], "30, 30"),
]


@pytest.mark.parametrize(("arguments", "said"), MISUSES)
def test_misuse_gets_a_sentence_and_exit_code_2_and_writes_nothing(
    arguments: Sequence[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_json(tmp_path / "one.json", ordered(1))
    write_json(tmp_path / "two.json", [{"name": name, "definition": ordered(1)} for name in ("A", "B")])
    write_json(tmp_path / "wrong.json", {"condition_groups": [{"conditions": [{"type": "nothing"}]}]})
    before = sorted(tmp_path.iterdir())
    assert run(*(str(TINY) if argument == "sample" else argument for argument in arguments)) == 2
    captured = capsys.readouterr()
    assert said in captured.err.replace("\n", " ")
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_of_someone_else_is_refused_before_anything_is_read(
    one: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine", encoding="utf-8")
    assert run("audience", "no/such/export", "--definition", one, "--as-of", DAY, "--out", tmp_path / "mine") == 1
    assert "notes.txt" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_the_list_of_commands_says_the_same_as_each_commands_own_help(capsys: pytest.CaptureFixture[str]) -> None:
    run("--help")
    listed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    told: Mapping[str, Any] = {name: app[name] for name in ("audience", "backfill", "segment")}
    for name, command in told.items():
        function = command.default_command
        first = function.__doc__.partition("\n")[0]
        assert f"{name} {first}" in listed
