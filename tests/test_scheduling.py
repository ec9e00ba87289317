"""The recipes of docs/scheduling.md and docs/scaling.md: what they tell a reader to type is what the commands take."""

import ast
import re
from pathlib import Path

import yaml

from klavnb.cli import app

DOCS = Path(__file__).parent.parent / "docs"


def read_blocks(kind: str, page: str = "scheduling.md") -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def find_commands() -> list[str]:
    (workflow,) = (yaml.safe_load(text) for text in read_blocks("yaml"))
    steps = [step.get("run", "") for step in workflow["jobs"]["reports"]["steps"]]
    written = "\n".join([*steps, *read_blocks("sh"), *read_blocks("python")])
    return re.findall(r"klavnb ((?:load|report) [^\n\"]*)", written)


def test_every_command_is_one_that_klavnb_takes() -> None:
    commands = find_commands()
    assert len(commands) >= 8
    for command in commands:
        app.parse_args(re.sub(r"\{\w+\}", "shop", command), print_error=False, exit_on_error=False)


def test_every_command_on_scaling_is_one_that_klavnb_takes() -> None:
    (block,) = read_blocks("sh", "scaling.md")
    commands = re.findall(r"^klavnb (.*)$", block, re.MULTILINE)
    assert {command.split()[0] for command in commands} == {"load", "attribute", "segment"}
    for command in commands:
        assert "--cluster tcp://" in command
        app.parse_args(command, print_error=False, exit_on_error=False)


def test_the_task_file_is_python() -> None:
    (code,) = read_blocks("python")
    ast.parse(code)
