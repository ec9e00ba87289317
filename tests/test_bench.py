"""The bench's events are what a load would make of them, and klavnb credits them as plain Python does.

The bench itself holds the other engines to klavnb's answer, at 100,000 events and at every size that it measures.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import oracle
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import klavnb as kn
from klavnb.receipts import add_receipts
from klavnb.schemas import Event
from klavnb.settings import Anchor, Settings

BENCH = Path(__file__).parent.parent / "bench"
EVENTS = 6_000
ANSWER = ("model", "conversion_id", "touch_id", "message_id", "value")
TEST_ACCOUNT = 0.01


@pytest.fixture(scope="module")
def scripts() -> Iterator[Mapping[str, ModuleType]]:
    """Those of its modules that do not measure, by the names under which its scripts know them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        yield {name: import_module(name) for name in ("events", "shop", "rivals")}
        for name in ("events", "shop", "rivals", "queries"):
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def shop(scripts: Mapping[str, ModuleType], tmp_path_factory: pytest.TempPathFactory) -> Path:
    make, write_shop = scripts["events"].Shop, scripts["shop"].write_shop
    folder = tmp_path_factory.mktemp("shop")
    write_shop(make(events=EVENTS, days=60), folder / "store", folder / "unsorted")
    return folder


@pytest.fixture(scope="module")
def made(shop: Path) -> pl.DataFrame:
    return kn.read_export(shop / "store").events.collect()


@pytest.fixture(scope="module")
def expected(made: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    """What the oracle says of each profile that ordered, under each anchor."""
    of_profile: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    ordered = made.filter((pl.col("metric") == "Placed Order").any().over("profile_id"))
    for row in ordered.drop("properties").iter_rows(named=True):
        of_profile[row["profile_id"]].append(row)
    anchored = {anchor: replace(Settings(), anchor=anchor) for anchor in get_args(Anchor)}
    return {anchor: answer_plainly(list(of_profile.values()), settings) for anchor, settings in anchored.items()}


def answer_plainly(histories: Sequence[Sequence[Mapping[str, Any]]], settings: Settings) -> pl.DataFrame:
    rows = []
    for history in histories:
        touches, conversions = oracle.find_touches(history, settings), oracle.find_conversions(history, settings)
        for model in ("old", "cooperative"):
            rows += [{name: row[name] for name in ANSWER} for row in oracle.attribute(touches, conversions, model)]
    return pl.DataFrame(rows, schema_overrides={"touch_id": pl.String, "message_id": pl.String})


def test_the_store_of_the_bench_holds_the_contract_and_each_touch_has_the_receipt_that_a_load_finds(
    made: pl.DataFrame,
) -> None:
    Event.validate(made)
    assert made.equals(made.sort("occurred_at", "event_id"))
    matched = add_receipts(made.lazy(), roles=Settings().roles).collect()
    assert_frame_equal(matched.select("receipt_at"), made.select("receipt_at"))


def test_the_unsorted_events_of_the_bench_are_those_of_its_store(
    scripts: Mapping[str, ModuleType], shop: Path, made: pl.DataFrame
) -> None:
    unsorted = pl.read_parquet(shop / "unsorted")
    assert not unsorted["occurred_at"].is_sorted()
    assert_frame_equal(unsorted.sort("event_id"), made.select(scripts["shop"].NEEDED).sort("event_id"))


def test_the_events_of_the_bench_have_a_heavy_profile_ties_and_late_touches(made: pl.DataFrame) -> None:
    settings = Settings()
    touches = kn.find_touches(made.lazy(), settings=settings).sort("profile_id", "touched_at", "touch_id").collect()
    share = made["profile_id"].value_counts(sort=True)["count"][0] / made.height
    tied = touches.select(pl.len().over("profile_id", "touched_at") > 1).to_series().sum()
    closing = pl.col("closes_at").diff().over("profile_id", "channel") < pl.duration(seconds=0)
    assert share > TEST_ACCOUNT / 2
    assert tied > 20
    assert touches.select(closing.sum()).item() > 20


def test_the_same_seed_makes_the_same_shop(
    scripts: Mapping[str, ModuleType], tmp_path: Path, made: pl.DataFrame
) -> None:
    make, write_shop = scripts["events"].Shop, scripts["shop"].write_shop
    shop = make(events=EVENTS, days=60)
    write_shop(shop, tmp_path / "store", tmp_path / "unsorted")
    write_shop(replace(shop, seed=6), tmp_path / "other", tmp_path / "other-unsorted")
    assert kn.read_export(tmp_path / "store").events.collect().equals(made)
    assert not kn.read_export(tmp_path / "other").events.collect().equals(made)


@pytest.mark.parametrize("source", ["store", "unsorted"])
def test_klavnb_credits_the_events_of_the_bench_as_plain_python_does(
    scripts: Mapping[str, ModuleType], shop: Path, expected: Mapping[str, pl.DataFrame], source: str
) -> None:
    for anchor, credited in expected.items():
        out = shop / f"{source}-{anchor}.parquet"
        scripts["rivals"].credit_with_klavnb(shop / source, anchor, out)
        found = pl.read_parquet(out).select(pl.col("model").cast(pl.String), *ANSWER[1:])
        assert 0 < credited["touch_id"].null_count() < credited.height
        assert_frame_equal(found, credited, check_row_order=False)
