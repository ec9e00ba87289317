"""The sample is loaded once for all reports: what is kept of it, when that is used, and when it is not."""

import os
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from klavnb import kept
from klavnb.ahead import load_ahead
from klavnb.bundled import find_sample
from klavnb.export import Export, find_paths
from klavnb.handover import VARIABLE, find_handed_over
from klavnb.kept import find_cache, find_kept_sample, remove_former_samples
from klavnb.report.loading import load_beside
from klavnb.settings import Settings
from klavnb.store import read_export

TINY = find_sample().parent / "tiny"
SETTINGS = Settings()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and a sample that takes no time, as in a wheel."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("klavnb.kept.find_sample", lambda: TINY)
    monkeypatch.setattr("klavnb.export.find_sample", lambda: TINY)
    return tmp_path / "cache" / "klavnb"


def find_kept(path: object = "sample", settings: Settings = SETTINGS) -> Path:
    place = find_kept_sample([path], settings=settings)
    assert place is not None
    return place


def keep(tmp_path: Path, **options: str) -> None:
    load_ahead("sample", options.get("settings_file", ""), options.get("conversion_metric", ""), str(tmp_path))


def is_from_a_store(export: Export) -> bool:
    return "PARQUET" in export.events.explain().upper()


def test_what_a_report_loaded_of_the_sample_is_read_by_the_next(tmp_path: Path, cache: Path) -> None:
    before = read_export("sample")
    assert not is_from_a_store(before)
    assert not cache.exists()  # to read is not to keep
    keep(tmp_path)
    assert find_kept().parent == cache
    for path in ("sample", TINY):
        found = read_export(path)
        assert is_from_a_store(found)
        assert found.summary == before.summary
        assert_frame_equal(found.events.collect(), before.events.collect())
        assert_frame_equal(found.profiles.sort("profile_id").collect(), before.profiles.sort("profile_id").collect())
        assert_frame_equal(found.rejects.collect(), before.rejects.collect())


def test_a_report_loads_nothing_where_the_sample_is_kept(tmp_path: Path) -> None:
    with load_beside({"data": "sample"}) as load:
        assert load is not None
    keep(tmp_path)
    with load_beside({"data": "sample"}) as load:
        assert load is None
    with load_beside({"data": "sample", "conversion_metric": "Ordered Product"}) as load:
        assert load is not None


def test_an_export_of_ones_own_is_never_kept(tmp_path: Path, cache: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for file in TINY.iterdir():
        (own / file.name).write_bytes(file.read_bytes())
    load_ahead(str(own), "", "", str(tmp_path))
    assert not cache.exists()
    assert find_handed_over(find_paths(str(own)), settings=SETTINGS) is None
    for paths in ([own], ["sample", own], ["sample", "sample"], [], [str(own)]):
        assert find_kept_sample(paths, settings=SETTINGS) is None


def test_each_reading_has_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Settings.from_options(conversion_metric="Ordered Product")
    named = Settings(metrics={"Texted": "sms.click"})
    code, sample = tmp_path / "code", tmp_path / "sample"
    places = [find_kept(), find_kept(settings=other), find_kept(settings=named)]
    code.mkdir()
    (code / "loading.py").write_text("1", encoding="utf-8")
    monkeypatch.setattr(kept, "PACKAGE", code)
    places.append(find_kept())
    (code / "loading.py").write_text("12", encoding="utf-8")
    places.append(find_kept())
    sample.mkdir()
    (sample / "events.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr("klavnb.kept.find_sample", lambda: sample)
    places.append(find_kept())
    os.utime(sample / "events.json", (0, 0))
    places.append(find_kept())
    assert len(set(places)) == len(places)
    assert find_kept() == places[-1]


def test_windows_and_anchor_change_nothing_of_what_is_loaded() -> None:
    other = Settings.from_options(preset="2026", windows="email.open=2d", anchor="touched", exclude_bot_clicks=True)
    assert find_kept(settings=other) == find_kept()


def test_a_sample_that_is_kept_for_other_metrics_is_not_taken(tmp_path: Path) -> None:
    keep(tmp_path, conversion_metric="Ordered Product")
    assert not is_from_a_store(read_export("sample"))
    assert is_from_a_store(read_export("sample", settings=Settings.from_options(conversion_metric="Ordered Product")))


@pytest.mark.parametrize("part", ["manifest.json", "data-*/messages.parquet", "data-*/events/*.parquet"])
def test_where_a_part_was_cleaned_away_the_export_is_read(tmp_path: Path, part: str) -> None:
    expected = read_export("sample").summary
    keep(tmp_path)
    found = list(find_kept().glob(part))
    assert found
    for file in found:
        file.unlink()
    whole = read_export("sample")
    assert whole.summary == expected
    assert not is_from_a_store(whole)


def test_without_a_cache_the_sample_is_handed_over_like_any_export(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder", encoding="utf-8")
    keep(tmp_path)
    assert (tmp_path / "handover.json").is_file()
    assert not is_from_a_store(read_export("sample"))


def test_only_the_newest_samples_stay() -> None:
    folders = [find_cache() / f"sample-{number}" for number in range(7)]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}", encoding="utf-8")
        os.utime(folder, (number, number))
    vega = find_cache() / "vega.js"
    vega.write_text("", encoding="utf-8")
    remove_former_samples()
    assert sorted(find_cache().iterdir()) == [*folders[2:], vega]
