"""The commands as a user types them: what they print, write and exit with."""

import csv
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from needs import needs_unix

from klavnb.bundled import find_sample
from klavnb.cli import app, commands, main
from klavnb.schemas import Credit

README = Path(__file__).parent.parent / "README.md"
TINY = find_sample().parent / "tiny"
COMMANDS = ("attribute", "audience", "backfill", "check", "load", "report", "sample", "segment")


def run(*arguments: str) -> int:
    """Run a command in this process and give its exit code."""
    try:
        main(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "store"
    main(["load", str(TINY), "--out", str(folder)])
    return folder


def test_every_command_is_told_of_in_the_readme_and_helps_itself(capsys: pytest.CaptureFixture[str]) -> None:
    named = [name for names in app for name in [names] if not name.startswith("-")]
    assert sorted(named) == sorted(COMMANDS)
    for command in COMMANDS:
        assert f"klavnb {command}" in README.read_text(encoding="utf-8")
        assert run(command, "--help") == 0
        assert f"klavnb {command}" in capsys.readouterr().out


def test_load_accounts_for_every_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("load", str(TINY), "--out", str(tmp_path / "store")) == 0
    printed = capsys.readouterr().out
    numbers = [
        int(text.replace(",", "")) for text in re.findall(r"(?:rows in|kept|rejected: [^│]+?)\s*│\s*([\d,]+)", printed)
    ]
    assert numbers[0] == sum(numbers[1:]) > 0
    assert "Placed Order" in printed
    assert "Period: " in printed


def test_attribute_writes_the_same_credits_from_a_store_and_from_the_raw_export(store: Path, tmp_path: Path) -> None:
    assert run("attribute", str(store), "--out", str(tmp_path / "a.parquet")) == 0
    assert run("attribute", str(TINY), "--out", str(tmp_path / "b.parquet")) == 0
    first, second = (Credit.validate(pl.read_parquet(tmp_path / name)) for name in ("a.parquet", "b.parquet"))
    assert first.equals(second)


def test_attribute_writes_csv_with_the_columns_of_the_contract(store: Path, tmp_path: Path) -> None:
    assert run("attribute", str(store), "--model", "old", "--out", str(tmp_path / "credits.csv")) == 0
    with (tmp_path / "credits.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == Credit.column_names()


def test_attribute_takes_windows_over_the_preset(store: Path, tmp_path: Path) -> None:
    def attributed(*options: str) -> float:
        assert run("attribute", str(store), *options, "--out", str(tmp_path / "credits.parquet")) == 0
        return pl.read_parquet(tmp_path / "credits.parquet")["attributed_value"].sum()

    usual = attributed()
    assert attributed("--preset", "2022") == usual
    assert attributed("--window", "email.open=1h", "--window", "email.click=1h") < usual
    assert (
        attributed(
            "--window", "email=none", "--window", "push=none", "--window", "sms=none", "--window", "email.open=30d"
        )
        > 0
    )
    assert attributed("--anchor", "touched") >= usual
    assert attributed("--exclude-machine-opens") < usual


def test_attribute_reads_all_of_it_from_a_settings_file(store: Path, tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text('anchor = "touched"\n[windows]\n"email.open" = "3d"\n', encoding="utf-8")
    for name, options in {
        "file": ["--settings", str(settings)],
        "options": ["--anchor", "touched", "--window", "email.open=3d"],
    }.items():
        assert run("attribute", str(store), *options, "--out", str(tmp_path / f"{name}.parquet")) == 0
    assert pl.read_parquet(tmp_path / "file.parquet").equals(pl.read_parquet(tmp_path / "options.parquet"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["attribute", "sample", "--window", "email.open=400d"], "90 days"),
        (["attribute", "sample", "--window", "email.opened=5d"], "email.opened"),
        (["attribute", "sample", "--model", "newest"], "newest"),
        (["attribute", "sample", "--out", "credits.xlsx"], ".parquet or .csv"),
        (["attribute", "sample", "--settings", "nowhere.toml"], "nowhere.toml"),
        (["report", "attributions"], "attributions"),
        (["report", "attribution", "-p", "topn=3"], "top_n"),
        (["report", "attribution", "-p", "top_n=many"], "top_n"),
        (["report", "attribution", "-p", "start=2026-02-30"], "start"),
        (["report", "attribution", "-p", "windows=email=400d"], "90 days"),
        (["report", "attribution", "-p", "a=1;open('x')=2"], "'a'"),
        (["report", "attribution", "--data", "no/such/folder"], "no/such/folder"),
        (["sample", "somewhere", "--profiles", "3"], "profiles"),
        (["nonsense"], "nonsense"),
    ],
)
def test_misuse_gets_a_sentence_and_exit_code_2_and_runs_nothing(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err.replace("\n", " ")
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_export_gets_a_sentence_and_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("nothing here", encoding="utf-8")
    assert run("attribute", str(tmp_path / "notes.txt")) == 1
    assert "notes.txt" in capsys.readouterr().err


def interrupt_imports(error: int) -> "subprocess.Popen[bytes]":
    """Begin a command that is told of Ctrl-C while it imports what it needs."""
    code = (
        "import builtins, os, signal, klavnb\n"
        "usual = builtins.__import__\n"
        "def interrupt(name, *rest):\n"
        "    if name == 'cyclopts':\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    return usual(name, *rest)\n"
        "builtins.__import__ = interrupt\n"
        "from klavnb.cli import main\n"
        "main(['check', 'sample'])\n"
    )
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=error)


@needs_unix
def test_ctrl_c_while_the_command_is_imported_ends_with_a_sentence() -> None:
    process = interrupt_imports(subprocess.PIPE)
    printed, said = process.communicate(timeout=60)
    assert (process.returncode, printed) == (130, b"")
    assert said == b"Stopped. What was there before is as it was.\n"


@needs_unix
def test_whoever_presses_ctrl_c_at_a_terminal_is_told_how_to_go_on() -> None:
    ours, theirs = os.openpty()
    process = interrupt_imports(theirs)
    os.close(theirs)
    process.communicate(timeout=60)
    said = os.read(ours, 10_000).decode().replace("\r\n", "\n")
    os.close(ours)
    assert process.returncode == 130
    assert said == (
        "Stopped. What was there before is as it was.\n\nHint: To go on, run the same command again; it begins anew.\n"
    )


def test_ctrl_c_in_the_midst_of_a_command_ends_with_the_same_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(commands, "run", press)
    assert run("check", "sample") == 130
    assert capsys.readouterr().err == "Stopped. What was there before is as it was.\n"
    assert signal.getsignal(signal.SIGINT) is before


def test_importing_klavnb_brings_neither_polars_nor_notebooks() -> None:
    heavy = "polars", "altair", "papermill", "nbconvert", "dataframely"
    code = f"import klavnb, klavnb.cli, sys; print([name for name in {heavy} if name in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
