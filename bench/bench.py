"""Measure whole commands, in turn, in one run: medians of wall time, processor time and peak memory.

Each round runs every contestant once, so that a machine whose speed drifts is as unfair to all. Times of one
machine say little; the ratio to the empty Python process of the same run says more. `make bench` prints the table.
"""

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

ROUNDS = 5
LIMITS = {"import klavnb": 0.3, "klavnb --help": 0.25, "klavnb report, store": 3.5, "klavnb report, sample": 3.5}
"""Seconds of wall time that a command may take on two cores, at most."""

HIDING = """
import sys

class Hidden:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "pyarrow":
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Hidden)
"""
"""What every Python process runs as it starts."""

KLAVNB = str(Path(sys.executable).parent / "klavnb")
ROOT = Path(__file__).parent.parent


def contestants(folder: str) -> dict[str, list[str]]:
    """Name → command; what a command needs, an earlier one has made."""
    store = f"{folder}/store"
    return {
        "python, empty": [sys.executable, "-c", "pass"],
        "import polars": [sys.executable, "-c", "import polars"],
        "import klavnb": [sys.executable, "-c", "import klavnb"],
        "klavnb --help": [KLAVNB, "--help"],
        "klavnb load, sample": [KLAVNB, "load", str(ROOT / "data" / "sample"), "--out", store],
        "klavnb attribute, store": [KLAVNB, "attribute", store, "--out", f"{folder}/credits.parquet"],
        "klavnb report, store": [KLAVNB, "report", "attribution", "--data", store, "--out", f"{folder}/store-reports"],
        "klavnb report, sample": [KLAVNB, "report", "attribution", "--out", f"{folder}/reports"],
        "klavnb report, all at once": [KLAVNB, "report", "--out", f"{folder}/all-reports"],
    }


def hide_rivals(folder: str) -> dict[str, str]:
    """Make an environment without pyarrow, which a user does not have: papermill imports it where it is installed."""
    (Path(folder) / "sitecustomize.py").write_text(HIDING, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": folder}


def measure(command: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Run a command; give wall seconds, processor seconds and the largest process's peak in MB."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed with exit code {process.returncode}; run it by hand to see why.")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Run the rounds after one that is not counted, and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        commands, hidden = contestants(folder), hide_rivals(folder)
        rounds = [{name: measure(command, hidden) for name, command in commands.items()} for _ in range(ROUNDS + 1)][1:]
    empty = statistics.median(figures["python, empty"][0] for figures in rounds)
    print(f"Medians of {ROUNDS} rounds, {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, ", end="")
    print(f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}\n")
    print("| command | wall s | min–max | processor s | peak MB | × empty process | goal | holds |")
    print("|---|---|---|---|---|---|---|---|")
    for name in commands:
        walls, processor, peaks = zip(*(figures[name] for figures in rounds), strict=True)
        wall = statistics.median(walls)
        print(
            f"| {name} | {wall:.2f} | {min(walls):.2f}–{max(walls):.2f} | {statistics.median(processor):.2f} "
            f"| {statistics.median(peaks):.0f} | {wall / empty:.0f} | {judge(name, wall)} |"
        )


def judge(name: str, wall: float) -> str:
    """Say what a command may take, and whether it does."""
    limit = LIMITS.get(name)
    return "| " if limit is None else f"< {limit:g} s | {'yes' if wall < limit else 'no'}"


if __name__ == "__main__":
    main()
