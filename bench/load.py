"""Measure loading: whole commands, in turn, in one run, on the same file; each gives the same events, checked first.

`python bench/load.py [GB]` writes API events as JSONL and a Fivetran event table as CSV, both of an invented shop,
and has each contestant make zstd Parquet of them: klavnb its store, with everything that belongs to it; DuckDB and an
orjson loop the columns that they are asked for, unsorted. Peak memory is that of all processes of a contestant.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
import polars as pl
import psutil

import klavnb as kn

ROUNDS = 3
HERE = Path(__file__).parent
KLAVNB = str(Path(sys.executable).parent / "klavnb")
CONTESTANTS = str(HERE / "contestants.py")
PAUSE = 0.05  # seconds between two looks at the memory


def write_sources(folder: Path, gigabytes: float) -> dict[str, Path]:
    """Write one shop many times over, with other ids, in the order of time; as JSONL and as a table."""
    kn.sample.write_sample(folder / "api", profiles=2000, days=365, seed=7, layout="api")
    resources, events = read_resources(folder / "api")
    size = sum(len(each) for each in map(msgspec.json.encode, events))
    copies = max(1, round(gigabytes * 1e9 / size))
    lines = folder / "events.jsonl"
    with lines.open("wb") as file:
        file.writelines(msgspec.json.encode(resource) + b"\n" for resource in resources)
        for event in events:
            file.writelines(copy_event(event, number) for number in range(copies))
    kn.sample.write_sample(folder / "fivetran", profiles=2000, days=365, seed=7, layout="fivetran")
    return {"lines": lines, "table": write_table(folder / "fivetran", folder / "tables", copies)}


def read_resources(folder: Path) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Read the pages of a sample: each other resource once, and the events."""
    others: dict[tuple[str, str], dict[str, object]] = {}
    events: list[dict[str, object]] = []
    for path in sorted(folder.glob("*.json.gz")):
        page = json.loads(subprocess.check_output(["gzip", "-dc", str(path)]))  # noqa: S607 - gzip is everywhere
        for resource in [*page.get("data", []), *page.get("included", [])]:
            if resource["type"] == "event":
                events.append(resource)
            elif resource["type"] != "profile":
                others[resource["type"], resource["id"]] = resource
    return list(others.values()), events


def copy_event(event: dict[str, object], number: int) -> bytes:
    """Write an event of the same shop with another customer."""
    profile = event["relationships"]["profile"]["data"]["id"]  # type: ignore[index]  # as the sample writes it
    text = msgspec.json.encode(event | {"id": f"{event['id']}{number:04d}"})
    return text.replace(profile.encode(), f"{profile}{number:04d}".encode()) + b"\n"


def write_table(source: Path, folder: Path, copies: int) -> Path:
    """Write Fivetran's event table many times over, and the small tables beside it."""
    folder.mkdir()
    for path in source.glob("*.csv*"):
        if path.name.startswith("event"):
            events = pl.read_csv(path, infer_schema=False)
        else:
            (folder / path.name).write_bytes(path.read_bytes())
    header = True
    with (folder / "event.csv").open("wb") as file:
        for number in range(copies):
            renamed = events.with_columns(pl.col("id", "person_id") + f"{number:04d}")
            renamed.write_csv(file, include_header=header)
            header = False
    return folder


def contestants(sources: dict[str, Path], folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """List what is measured: source, name and command."""
    lines, table = str(sources["lines"]), str(sources["table"])
    python = sys.executable
    yield "JSONL", "klavnb load", [KLAVNB, "load", lines, "--out", str(folder / "store")]
    yield "JSONL", "klavnb load, one process", [KLAVNB, "load", lines, "--out", str(folder / "one"), "--workers", "1"]
    for kind in ("same-columns", "raw-properties"):
        out = str(folder / f"{kind}.parquet")
        yield "JSONL", f"DuckDB read_json, {kind}", [python, CONTESTANTS, "duckdb-json", kind, lines, out]
    yield "JSONL", "orjson loop", [python, CONTESTANTS, "orjson", "", lines, str(folder / "orjson.parquet")]
    yield "CSV", "klavnb load", [KLAVNB, "load", table, "--out", str(folder / "table-store")]
    out = str(folder / "csv.parquet")
    yield "CSV", "DuckDB read_csv", [python, CONTESTANTS, "duckdb-csv", "", str(Path(table) / "event.csv"), out]


def measure(command: list[str]) -> tuple[float, float, float]:
    """Run a command; give wall seconds, processor seconds and the peak memory of all its processes in MB."""
    started = time.perf_counter()
    before = os.times()
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum_memory(process))
        time.sleep(PAUSE)
    wall, after = time.perf_counter() - started, os.times()
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{process.stderr.read().decode()}")
    used = (after.children_user + after.children_system) - (before.children_user + before.children_system)
    return wall, used, peak / 1e6


def sum_memory(process: psutil.Process) -> int:
    """Add up what the processes of a command hold."""
    try:
        return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)])
    except psutil.Error:  # one has just ended
        return 0


def check(folder: Path) -> None:
    """See that all have made the same of it, before it is said how fast."""
    store = kn.read_export(folder / "store")
    expected = store.events.select(pl.len(), pl.col("value").sum().round(2)).collect().row(0)
    for path in sorted(folder.glob("*.parquet")):
        found = pl.scan_parquet(path).select(pl.len(), pl.col("value").cast(pl.Float64).sum().round(2))
        if "value" in pl.read_parquet_schema(path) and found.collect().row(0) != expected:
            sys.exit(f"{path.name} differs from the store: {found.collect().row(0)}, expected {expected}.")


def main() -> None:
    """Write the sources, run the rounds, and print the table."""
    gigabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 0.25
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = write_sources(folder, gigabytes)
        sizes = {"JSONL": sources["lines"].stat().st_size, "CSV": (sources["table"] / "event.csv").stat().st_size}
        listed = list(contestants(sources, folder))
        rounds = [[measure(command) for _, _, command in listed] for _ in range(ROUNDS)]
        check(folder)
    print(
        f"Loading {sizes['JSONL'] / 1e6:,.0f} MB of JSONL, {sizes['CSV'] / 1e6:,.0f} MB of CSV into zstd Parquet. ",
        end="",
    )
    print(f"Medians of {ROUNDS} rounds, {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, ", end="")
    print(f"polars {version('polars')}, duckdb {version('duckdb')}, {os.cpu_count()} cores\n")
    print("| source | contestant | wall s | MB/s | processor s | peak MB | time of klavnb's |")
    print("|---|---|---|---|---|---|---|")
    walls = [statistics.median(each[at][0] for each in rounds) for at in range(len(listed))]
    first = {source: wall for (source, name, _), wall in zip(listed, walls, strict=True) if name == "klavnb load"}
    for at, (source, name, _) in enumerate(listed):
        processor, peak = (statistics.median(each[at][part] for each in rounds) for part in (1, 2))
        print(
            f"| {source} | {name} | {walls[at]:.2f} | {sizes[source] / walls[at] / 1e6:.0f} | {processor:.2f} "
            f"| {peak:.0f} | {walls[at] / first[source]:.2f} × |"
        )


if __name__ == "__main__":
    main()
