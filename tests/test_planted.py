"""The planted journeys of the sample: klavnb credits exactly what was planted, under both anchors and all models."""

from dataclasses import replace

import polars as pl
import pytest

from klavnb.attribution import attribute
from klavnb.bundled import find_sample
from klavnb.export import Export
from klavnb.sample.scenarios import MODELS
from klavnb.settings import Anchor, Settings
from klavnb.store import read_export
from klavnb.touches import find_conversions, find_touches

KEY = ["conversion_id", "touch_id", "credit"]


@pytest.fixture(scope="module")
def sample() -> Export:
    return read_export("sample")


@pytest.mark.parametrize("anchor", ["received", "touched"])
@pytest.mark.parametrize("model", MODELS)
def test_every_planted_answer_is_given(model: str, anchor: Anchor, sample: Export) -> None:
    settings = replace(Settings.preset("2022"), anchor=anchor)
    answers = pl.read_csv(find_sample().parent / "sample-answers.csv", infer_schema=False).filter(
        model=model, anchor=anchor
    )
    expected = answers.select("conversion_id", pl.col("touch_id").replace("", None), pl.col("credit").cast(pl.Float64))
    found = find_touches(sample.events, settings=settings), find_conversions(sample.events, settings=settings)
    credited = attribute(*found, model=model, settings=settings).collect()
    given = credited.filter(pl.col("conversion_id").is_in(answers["conversion_id"].to_list())).select(KEY)
    assert answers["scenario"].n_unique() >= 8

    def as_rows(frame: pl.DataFrame) -> list[tuple[str, str | None, float]]:
        return [(order, touch, round(credit, 3)) for order, touch, credit in frame.sort(KEY).iter_rows()]

    assert as_rows(given) == as_rows(expected)
