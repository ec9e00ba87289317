"""Measure attribution: whole processes, in turn, in one run, on the same events; identical answers are checked first.

`python bench/attribution.py 1 10` makes a shop of a million events, and one of ten, each as a store and as unsorted
Parquet (see `events.py`), and has each contestant of `rivals.py` credit the conversions by the old and the cooperative
model. Of the sizes after `--alone`, klavnb and the bare reading run alone, to see how it grows. The table
says for each goal whether it is reached, and goes to the screen and, with everything measured, into `--out`.
"""

import argparse
import json
import math
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Final

import polars as pl
from events import Shop
from goals import MIDDLE, Figures, Goal, describe_machine, judge
from lineup import ANCHORS, Contestant, is_alone, list_checked, list_contestants
from load import KLAVNB, measure
from rivals import ANSWER
from shop import write_shop

HERE = Path(__file__).parent
RIVALS = str(HERE / "rivals.py")
WORKS = str(HERE / "works.py")
CHECKED: Final = 100_000


def run(contestant: Contestant, folder: Path, out: Path) -> tuple[float, float, float]:
    """Run one contestant on the data of a folder."""
    source = str(folder / contestant.source)
    return measure([sys.executable, RIVALS, contestant.name, source, contestant.anchor, str(out)])


def name_answer(contestant: Contestant, folder: Path) -> Path:
    """Say where an answer is written."""
    return folder / f"{contestant.key.replace(' ', '-')}.parquet"


def read_answer(path: Path, models: Sequence[str]) -> pl.LazyFrame:
    """Scan what all answers have in common; an answer is a file, or a folder of them."""
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    rows = pl.scan_parquet(files, glob=False).with_columns(pl.col("model").cast(pl.String))
    return rows.filter(pl.col("model").is_in(models)).select(ANSWER)


def check_rows(folder: Path) -> int:
    """See that all give the same rows; return how many answers were compared."""
    listed = list(list_checked())
    first = {each.anchor: each for each in reversed(listed) if each.name == "klavnb"}
    with ThreadPoolExecutor(2) as threads:  # nothing is timed yet
        list(threads.map(lambda each: run(each, folder, name_answer(each, folder)), listed))
    for contestant in listed:
        found, expected = (
            read_answer(name_answer(each, folder), contestant.models).sort("model", "conversion_id").collect()
            for each in (contestant, first[contestant.anchor])
        )
        if not found.equals(expected):
            both = expected.join(found, on=["model", "conversion_id"], how="full", suffix="_found")
            differing = both.filter(~pl.col("touch_id").eq_missing(pl.col("touch_id_found")))
            sys.exit(f"{contestant.key} differs from klavnb in {differing.height} rows:\n{differing.head()}")
    return len(listed)


def digest(path: Path, models: Sequence[str]) -> list[tuple[object, ...]]:
    """Count and add up an answer, and hash its pairs in a way that does not depend on their order."""
    rows = read_answer(path, models)
    pair = pl.struct("conversion_id", "touch_id", "message_id").hash()
    return (
        rows.group_by("model")
        .agg(
            count_conversions=pl.len(),
            count_credited=pl.col("touch_id").count(),
            cents=(pl.col("value") * 100).round().cast(pl.Int64).filter(pl.col("touch_id").is_not_null()).sum(),
            pairs=pair.bitwise_xor(),
            pairs_added=(pair // (1 << 32)).sum(),
        )
        .sort("model")
        .collect(engine="streaming")
        .rows()
    )


def measure_size(events: int, folder: Path, rounds: int, *, alone: bool) -> dict[str, Figures]:
    """Make the data of a size, run the rounds on them, and see that the answers are the same again."""
    data = make_data(events, folder)
    listed = [each for each in list_contestants() if not alone or is_alone(each)]
    figures = {each.key: Figures() for each in listed}
    for number in range(rounds):
        for contestant in listed:
            held = figures[contestant.key]
            if held.failed:
                continue
            tell(f"{events / 1e6:g} M events, round {number + 1} of {rounds}: {contestant.key}")
            try:
                held.add(run(contestant, data, name_answer(contestant, data)))
            except SystemExit as error:  # the others go on, and the table says so
                held.failed = str(error).strip().splitlines()[-1]
    for anchor in ANCHORS:
        answered = [each for each in listed if each.models and each.anchor == anchor and not figures[each.key].failed]
        expected: dict[str, tuple[object, ...]] = {}
        for contestant in answered:
            for row in digest(name_answer(contestant, data), contestant.models):
                if expected.setdefault(str(row[0]), row) != row:
                    sys.exit(f"{contestant.key} differs at {events:,} events: {row}, {expected[str(row[0])]}.")
    for contestant in listed:
        remove(name_answer(contestant, data))
    return figures


def remove(answer: Path) -> None:
    """Remove an answer, be it a file or a folder."""
    if answer.is_dir():
        shutil.rmtree(answer)
    else:
        answer.unlink(missing_ok=True)


def make_data(events: int, folder: Path) -> Path:
    """Make the data of a size, unless they are there."""
    shop = Shop(events=events)
    data = folder / f"{events}-{shop.days}-{shop.seed}"
    if not (data / "made").exists():
        tell(f"making {events / 1e6:g} M events")
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True)
        (data / "made").write_text(str(write_shop(shop, data / "store", data / "unsorted")), encoding="utf-8")
    return data


def measure_works(events: int, folder: Path, rounds: int) -> dict[str, float]:
    """Measure what goes beyond two models: the grid of windows, segments, a whole report. Medians; NaN: it failed."""
    data = make_data(events, folder)
    found: dict[str, list[float]] = {"grid": [], "segments": [], "report": []}
    out, store, reports = str(data / "work.json"), str(data / "store"), data / "reports"
    for work in ("grid", "segments"):
        tell(f"{work}, in rounds of its own")
        if try_measuring([sys.executable, WORKS, work, store, out]) is not None:
            for name, seconds in json.loads(Path(out).read_text(encoding="utf-8")).items():
                found.setdefault(name, []).append(seconds)
    for number in range(rounds):
        tell(f"report, round {number + 1} of {rounds}")
        command = [KLAVNB, "report", "attribution", "--data", store, "--out", str(reports)]
        if (figures := try_measuring(command)) is not None:
            for name, figure in zip(("report", "report_processor", "report_peak_mb"), figures, strict=True):
                found.setdefault(name, []).append(figure)
    shutil.rmtree(reports, ignore_errors=True)
    return {name: statistics.median(seconds) if seconds else math.nan for name, seconds in found.items()}


def try_measuring(command: list[str]) -> tuple[float, float, float] | None:
    """Measure a command; say why it failed, and go on."""
    try:
        return measure(command)
    except SystemExit as error:
        tell(str(error))
        return None


def write_table(
    sizes: dict[int, dict[str, Figures]], goals: Sequence[Goal], *, rounds: int, report_rounds: int, checked: int
) -> Iterator[str]:
    """Write what was found as Markdown."""
    machine = describe_machine()
    yield f"Old and cooperative model, {machine['date']}: {machine['cores']} cores ({machine['processor']}), "
    yield f"{machine['memory_gb']} GB, Python {machine['python']}, "
    yield ", ".join(f"{name} {number}" for name, number in machine["versions"].items()) + ". "
    yield f"Medians of {rounds} rounds in which each ran once, in turn (the report: {report_rounds}); whole processes, "
    yield "peak memory of all of them. Each reads Parquet and writes Parquet. "
    yield f"{checked} answers were the same in every row at {CHECKED:,} events, "
    yield "and those of each size in count, sum and hash.\n\n"
    yield "| events | source | anchor | contestant | wall s | processor s | peak MB | : klavnb |\n"
    yield "|---|---|---|---|---|---|---|---|\n"
    titles = {each.key: each for each in list_contestants()}
    for events, figures in sorted(sizes.items()):
        for key, held in figures.items():
            each = titles[key]
            head = f"| {events / 1e6:g} M | {each.source} | {each.anchor} | {each.title} "
            if held.failed:
                yield f"{head}| failed: {held.failed[:80]} | | | |\n"
                continue
            ours = figures.get(f"klavnb {each.source} {each.anchor}", Figures()).seconds
            processor = statistics.median(held.processor)
            yield f"{head}| {held.seconds:.2f} | {processor:.2f} | {held.megabytes:.0f} "
            yield f"| {held.seconds / ours:.2f} × |\n"
    yield "\n| work | floor | goal | figure | holds |\n|---|---|---|---|---|\n"
    for goal in goals:
        yield (
            f"| {goal.work} | {goal.asked} {goal.floor:g} {goal.unit} | {goal.asked} {goal.goal:g} {goal.unit} "
            f"| {'' if math.isnan(goal.figure) else f'{goal.figure:.3g} {goal.unit}'} | {goal.holds} |\n"
        )


def round_figure(figure: float) -> float | None:
    """Say a figure as JSON can; what was not measured is null."""
    return None if math.isnan(figure) else round(figure, 4)


def tell(what: str) -> None:
    """Say what runs, where it does not get into the table."""
    print(f"… {what}", file=sys.stderr, flush=True)


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure attribution against others; sizes in millions of events.")
    parser.add_argument("sizes", nargs="*", type=float, default=[1.0, 10.0], help="sizes at which everyone runs")
    parser.add_argument("--alone", nargs="*", type=float, default=[], help="sizes at which klavnb runs alone")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--report-rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keep the data here; without it they are removed at the end")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "attribution", help="for .md and .json")
    return parser.parse_args()


def main() -> None:
    """Check, measure, and write the table."""
    asked = read_arguments()
    together, alone = ([round(size * 1e6) for size in sizes] for sizes in (asked.sizes, asked.alone))
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        tell(f"comparing the answers at {CHECKED:,} events")
        checked = check_rows(make_data(CHECKED, folder))
        sizes = {size: measure_size(size, folder, asked.rounds, alone=False) for size in together}
        sizes |= {size: measure_size(size, folder, asked.rounds, alone=True) for size in alone if size not in sizes}
        largest = max(size for size in sizes if size <= MIDDLE or size == min(sizes))
        works = measure_works(largest, folder, asked.report_rounds)
    goals = list(judge(sizes, works, largest))
    table = "".join(write_table(sizes, goals, rounds=asked.rounds, report_rounds=asked.report_rounds, checked=checked))
    print(table, end="")
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.with_suffix(".md").write_text(table, encoding="utf-8")
    found = {
        "machine": describe_machine(),
        "rounds": asked.rounds,
        "sizes": {str(size): {key: asdict(held) for key, held in each.items()} for size, each in sizes.items()},
        "works": {name: round_figure(figure) for name, figure in works.items()},
        "goals": [asdict(goal) | {"figure": round_figure(goal.figure), "holds": goal.holds} for goal in goals],
    }
    asked.out.with_suffix(".json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
