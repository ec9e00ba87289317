"""What was measured, how it stands to the goals, and on what machine."""

import math
import operator
import os
import platform
import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

STORE: Final = "store received"
MIDDLE: Final = 10_000_000
LARGE: Final = 100_000_000
VERSIONS: Final = ("klavnb", "polars", "duckdb", "pandas", "pyarrow", "numpy")


@dataclass(slots=True, kw_only=True)
class Figures:
    """What was measured of one contestant: seconds of wall time, of the processors, and MB, one of each round."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)
    failed: str = ""

    def add(self, figures: tuple[float, float, float]) -> None:
        """Take in a round."""
        for held, found in zip((self.wall, self.processor, self.peak), figures, strict=True):
            held.append(found)

    @property
    def megabytes(self) -> float:
        """Median of the peaks."""
        return statistics.median(self.peak) if self.peak and not self.failed else math.nan

    @property
    def seconds(self) -> float:
        """Median of the wall times."""
        return statistics.median(self.wall) if self.wall and not self.failed else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One line of the table of goals: what was found, and how it stands to what is asked."""

    work: str
    asked: str
    unit: str
    floor: float
    goal: float
    figure: float

    @property
    def holds(self) -> str:
        """Whether the figure reaches the goal, the floor or neither."""
        if math.isnan(self.figure):
            return "not measured"
        reaches = operator.ge if self.asked == "≥" else operator.le
        if reaches(self.figure, self.goal):
            return "goal"
        return "floor" if reaches(self.figure, self.floor) else "no"


Sizes = Mapping[int, Mapping[str, Figures]]


def judge(sizes: Sizes, works: Mapping[str, float], largest: int) -> Iterator[Goal]:
    """Say how the figures stand to the goals; the works were measured at the size that is named last."""
    together = {size for size, figures in sizes.items() if f"pandas {STORE}" in figures}
    everyone = sorted(together | {MIDDLE, 5 * MIDDLE})  # what was not measured is named
    for events in everyone:
        yield from judge_against_others(sizes.get(events, {}), f"{events / 1e6:g} M")
    for events in everyone:
        yield from judge_against_itself(sizes.get(events, {}), f"{events / 1e6:g} M")
    middle, large = (look_up(sizes.get(size, {}), f"klavnb {STORE}") for size in (MIDDLE, LARGE))
    yield at_most("100 M: peak memory of klavnb", "MB", 1000, 700, large.megabytes)
    exponent = math.log(large.seconds / middle.seconds) / math.log(LARGE / MIDDLE)
    yield at_most("exponent of klavnb's time, 10 M → 100 M", "", 1.05, 1.05, exponent)
    of = f"{largest / 1e6:g} M"
    yield at_most(f"{of}: 120,000 pairs of windows, after the gaps", "s", 1, 0.1, works["grid"])
    yield at_most("sizes of three segments, 730 days : one day", "×", 3, 2, works["segments"])
    yield at_most(f"{of}: klavnb report attribution", "s", 25, 12, works["report"])


def look_up(figures: Mapping[str, Figures], key: str) -> Figures:
    """Look up a contestant; one that was not measured has no figure."""
    return figures.get(key, Figures())


def judge_against_others(figures: Mapping[str, Figures], of: str) -> Iterator[Goal]:
    """Compare one size: the others' time : klavnb's."""
    for source, floor, goal in (("store", 3, 4), ("unsorted", 2.2, 3)):
        ours = look_up(figures, f"klavnb {source} received").seconds
        rivals = {key: held.seconds for key, held in figures.items() if key.endswith(f"{source} received")}
        best = {key: seconds for key, seconds in rivals.items() if key.startswith("duckdb")}
        named = [seconds for key, seconds in best.items() if not key.startswith("duckdb-pairs")]
        work = f"{of}, {source}: DuckDB's best : klavnb"
        yield at_least(f"{work}, by the latest touch", "×", floor, goal, pick_best(named) / ours)
        yield at_least(f"{work}, by whatever way", "×", floor, goal, pick_best(best.values()) / ours)
    ours = look_up(figures, f"klavnb {STORE}").seconds
    session = look_up(figures, "session-cooperative store touched").seconds
    yield at_least(f"{of}, store: pandas : klavnb", "×", 4, 5, look_up(figures, f"pandas {STORE}").seconds / ours)
    yield at_least(f"{of}, store: session SQL, cooperative, touched : klavnb", "×", 8, 12, session / ours)


def judge_against_itself(figures: Mapping[str, Figures], of: str) -> Iterator[Goal]:
    """Compare one size: klavnb's time : that of less."""
    ours = look_up(figures, f"klavnb {STORE}").seconds
    bound, touched = (look_up(figures, key).seconds for key in (f"read-bound {STORE}", "klavnb store touched"))
    yield at_most(f"{of}, store: klavnb : reading alone", "×", 2.5, 1.6, ours / bound)
    yield at_most(f"{of}, store: klavnb, received : touched", "×", 1.5, 1.2, ours / touched)


def pick_best(seconds: Iterable[float]) -> float:
    """Pick the shortest time of those that came to an end."""
    return min((each for each in seconds if not math.isnan(each)), default=math.nan)


def at_least(work: str, unit: str, floor: float, goal: float, figure: float) -> Goal:
    """Say what must not be less."""
    return Goal(work=work, asked="≥", unit=unit, floor=floor, goal=goal, figure=figure)


def at_most(work: str, unit: str, floor: float, goal: float, figure: float) -> Goal:
    """Say what must not be more."""
    return Goal(work=work, asked="≤", unit=unit, floor=floor, goal=goal, figure=figure)


def describe_machine() -> dict[str, object]:
    """Say on what it was measured, and when."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": os.cpu_count(),
        "processor": models[0] if models else platform.machine(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in VERSIONS},
    }
