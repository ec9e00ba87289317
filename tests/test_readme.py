"""The README: every command, every snippet and every name in it works as it stands there."""

import json
import re
import shlex
from pathlib import Path

import pytest

from klavnb.bundled import find_sample
from klavnb.cli import main
from klavnb.definitions import parse_definition, single_order_at_least
from klavnb.report import read_parameters
from klavnb.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TINY = find_sample().parent / "tiny"
SHORTER = {
    "start=2026-01-01": "start=2026-06-01",
    "--period quarter": "--period month",
    # all reports of this export at once are what the tests of the browser open
    "report --data path/to/export --out reports": "report data_quality --data path/to/export --out reports",
    # the quickest report, where it is not the report that matters
    "report attribution --data shop=": "report data_quality --data shop=",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[str]:
    lines = "\n".join(blocks("sh")).replace("\\\n", " ").splitlines()
    in_words = re.findall(r"`(klavnb sample [^`]+)`", README)
    return [line.removeprefix(".venv/bin/") for line in [*lines, *in_words] if "klavnb " in line]


def test_there_are_commands_to_check() -> None:
    assert len(commands()) >= 6
    assert len(blocks("python")) == len(blocks("toml")) == 1


def test_every_command_works_as_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "path" / "to").mkdir(parents=True)
    (tmp_path / "path" / "to" / "export").symlink_to(TINY)
    (tmp_path / "data").symlink_to(ROOT / "data")
    for command in commands():
        for told, shorter in SHORTER.items():
            command = command.replace(told, shorter)  # noqa: PLW2901 - the tiny export has four months
        main(shlex.split(command, comments=True)[1:])
    made = {"reports", "my-store", "credits.parquet", "OUT", "lapsed.csv", "sizes.csv", "my-audience", "backfill.csv"}
    assert made <= {path.name for path in tmp_path.iterdir()}


def test_every_make_verb_exists() -> None:
    verbs = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(re.findall(r"`?make ([a-z]+)", README)) <= set(verbs)


def test_the_python_snippet_runs() -> None:
    names: dict[str, object] = {}
    exec(blocks("python")[0], names)  # noqa: S102 - the README's own words
    assert "comparison" in names


def test_the_settings_file_is_one(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(blocks("toml")[0], encoding="utf-8")
    settings = Settings.read_toml(tmp_path / "settings.toml")
    assert settings.windows["email.open"].days == 3
    assert settings.metrics == {"Opened Web Push": "push.open"}


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_parameter_of_a_notebook_is_told_of_and_no_other(path: Path) -> None:
    (table,) = re.findall(rf"^\| parameter of `{path.stem}` \|.*\n\|.*\n((?:\|.*\n)+)", README, flags=re.MULTILINE)
    told = [
        name for row in re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    ]
    assert sorted(told) == sorted(read_parameters(path))


def test_the_definition_is_one() -> None:
    definition = parse_definition(json.loads(blocks("json")[0]))
    assert definition.name == "One order of 1,000"
    assert definition.root == single_order_at_least(1000, days=30).root


def test_every_file_it_points_to_is_there() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).is_file(), target
