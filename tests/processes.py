"""Processes of a load that the tests start, and whether any of them is left; as Linux tells of them."""

import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process that is at work."""

    number: int
    parent: int
    group: int
    command: str


def list_processes() -> list[Process]:
    found: list[Process] = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            state, parent, group, *_ = (place / "stat").read_text().rpartition(")")[2].split()
            command = (place / "cmdline").read_text().replace("\0", " ")
            if state not in ("Z", "X"):
                found.append(Process(int(place.name), int(parent), int(group), command))
    return found


def find_workers(parent: int) -> list[int]:
    return [each.number for each in list_processes() if each.parent == parent and "spawn_main" in each.command]


def assert_nothing_runs(group: int) -> None:
    """Wait a moment for all processes of a group to end: those that are killed do so on their own."""
    until = time.monotonic() + 10
    while (left := [each for each in list_processes() if each.group == group]) and time.monotonic() < until:
        time.sleep(0.05)
    assert left == []
