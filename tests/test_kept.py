"""The sample is loaded once for all reports: what is kept of it, when that is used, and when it is not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from klavnb import kept
from klavnb.ahead import load_ahead
from klavnb.bundled import find_sample
from klavnb.export import Export, find_paths
from klavnb.handover import VARIABLE, find_handed_over
from klavnb.kept import KeptSample, find_cache, find_kept_sample
from klavnb.report import bundle
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


def find_kept(path: object = "sample", settings: Settings = SETTINGS) -> KeptSample:
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
    assert find_kept().folder.parent == cache
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


def damage(file: Path) -> None:
    """Change bytes in the middle, where no reader of a Parquet file's end sees it."""
    held = bytearray(file.read_bytes())
    middle = len(held) // 2
    held[middle : middle + 50] = bytes(byte ^ 255 for byte in held[middle : middle + 50])
    file.write_bytes(held)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("digest", Path.unlink),
        ("store/manifest.json", Path.unlink),
        ("store/manifest.json", damage),
        ("store/data-*/messages.parquet", Path.unlink),
        ("store/**/2*.parquet", damage),
    ],
)
def test_of_what_a_part_is_gone_or_damaged_nothing_is_read(
    tmp_path: Path, part: str, change: Callable[[Path], object]
) -> None:
    keep(tmp_path)
    found = list(find_kept().folder.glob(part))
    assert found
    for file in found:
        change(file)
    assert not find_kept().is_whole()


def test_what_is_damaged_is_read_from_the_export_and_kept_anew_by_the_next_report(tmp_path: Path) -> None:
    keep(tmp_path)
    damage(next(find_kept().folder.glob("store/**/2*.parquet")))
    whole = read_export("sample")
    assert not is_from_a_store(whole)
    with load_beside({"data": "sample"}) as load:
        assert load is not None
    keep(tmp_path)
    again = read_export("sample")
    assert is_from_a_store(again)
    assert_frame_equal(again.events.collect(), whole.events.collect())


def test_without_a_cache_the_sample_is_handed_over_like_any_export(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder", encoding="utf-8")
    keep(tmp_path)
    assert (tmp_path / "handover.json").is_file()
    assert not is_from_a_store(read_export("sample"))


def test_a_user_without_a_home_has_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> Path:
        if str(path).startswith("~"):
            raise RuntimeError("Could not determine home directory.")
        return path

    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # which the specification asks to ignore
    monkeypatch.setattr(Path, "expanduser", fail)
    assert find_cache() is None
    assert find_kept_sample(["sample"], settings=SETTINGS) is None
    assert not is_from_a_store(read_export("sample"))
    keep(tmp_path)
    assert (tmp_path / "handover.json").is_file()
    bundle.read_bundle.cache_clear()
    assert "vega" in bundle.read_bundle()


def test_a_link_that_leads_nowhere_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".#models.py").symlink_to("nobody@host.1:2")
    (tmp_path / "models.py").write_text("", encoding="utf-8")
    monkeypatch.setattr(kept, "PACKAGE", tmp_path)
    assert find_kept() == find_kept()


def test_a_load_that_fails_leaves_what_was_kept(tmp_path: Path, cache: Path) -> None:
    keep(tmp_path)

    def fail(store: Path) -> None:
        store.mkdir(parents=True)
        (store / "half").write_text("", encoding="utf-8")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        find_kept().keep(fail)
    assert list(cache.iterdir()) == [find_kept().folder]
    assert is_from_a_store(read_export("sample"))


def test_only_the_newest_samples_stay(cache: Path) -> None:
    folders = [cache / f"sample-{number}" for number in range(7)]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        os.utime(folder, (number, number))
    vega = cache / "vega.js"
    vega.write_text("", encoding="utf-8")
    KeptSample(cache / "sample-new").keep(lambda store: store.mkdir(parents=True))
    assert sorted(cache.iterdir()) == [*folders[3:], cache / "sample-new", vega]
