"""Reports of one run load their export once: the store that stands for it, and when it does not."""

from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from small_notebooks import write_notebook

from klavnb.ahead import load_ahead
from klavnb.bundled import find_sample
from klavnb.export import Export, find_paths
from klavnb.handover import VARIABLE, find_handed_over
from klavnb.report.loading import load_beside
from klavnb.report.one import run_report
from klavnb.settings import Settings
from klavnb.store import read_export

TINY = find_sample().parent / "tiny"
SETTINGS = Settings()


@pytest.fixture(scope="module")
def handed_over(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("handover")
    load_ahead(str(TINY), "", "", str(folder))
    return folder


@pytest.fixture(scope="module")
def plain() -> Export:
    return read_export(TINY)


def is_from_a_store(export: Export) -> bool:
    return "PARQUET" in export.events.explain().upper()


def test_whoever_reads_the_export_then_reads_the_store_and_finds_the_same(
    handed_over: Path, plain: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(handed_over / "handover.json"))
    found = read_export(TINY, settings=SETTINGS)
    assert is_from_a_store(found)
    assert not is_from_a_store(plain)
    assert found.summary == plain.summary
    assert_frame_equal(found.events.collect(), plain.events.collect())
    assert_frame_equal(found.rejects.collect(), plain.rejects.collect())


def test_notes_are_about_the_settings_that_are_asked_for(handed_over: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.from_options(preset="2026")
    expected = read_export(TINY, settings=settings).summary
    monkeypatch.setenv(VARIABLE, str(handed_over / "handover.json"))
    assert read_export(TINY, settings=settings).summary == expected


@pytest.mark.parametrize(
    ("paths", "settings"),
    [
        (str(TINY.parent / "sample"), SETTINGS),
        ([str(TINY), str(TINY)], SETTINGS),
        (str(TINY), Settings.from_options(conversion_metric="Ordered Product")),
        (str(TINY), Settings(metrics={"Texted": "sms.click"})),
    ],
    ids=["another export", "more than it", "another conversion metric", "names of metrics"],
)
def test_the_store_stands_for_exactly_what_it_was_made_of(
    handed_over: Path, monkeypatch: pytest.MonkeyPatch, paths: str | list[str], settings: Settings
) -> None:
    monkeypatch.setenv(VARIABLE, str(handed_over / "handover.json"))
    assert find_handed_over(find_paths(str(TINY)), settings=SETTINGS) == handed_over / "store"
    assert find_handed_over(find_paths(paths), settings=settings) is None


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"paths": ["x"'])
def test_without_a_whole_handover_the_export_itself_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "handover.json").write_bytes(content)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "handover.json"))
    assert not is_from_a_store(read_export(TINY, settings=SETTINGS))


def test_what_cannot_be_loaded_is_not_handed_over(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text("{}\n", encoding="utf-8")
    load_ahead(str(tmp_path / "events.jsonl"), "", "", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["events.jsonl"]


def test_a_notebook_reads_what_was_loaded_beside_its_start(tmp_path: Path) -> None:
    code = (
        "import klavnb as kn\nfrom IPython.display import Markdown\n"
        "plan = kn.read_export(data).events.explain().upper()\n"
        "Markdown('It read ' + ('a store.' if 'PARQUET' in plan else 'the export.'))"
    )
    notebook = write_notebook(tmp_path / "small.ipynb", "## Answer", code)
    parameters = {"data": str(TINY)}
    with load_beside(parameters) as load:
        assert load is not None
        result = run_report(notebook, parameters=parameters, out=tmp_path, load=load)
        place = Path(load.environment[VARIABLE])
        assert place.is_file()
    assert not place.parent.exists()
    assert "It read a store." in result.path.read_text(encoding="utf-8")


def test_a_store_is_not_loaded_again(handed_over: Path) -> None:
    with load_beside({"data": str(handed_over / "store")}) as load:
        assert load is None
