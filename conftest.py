"""Notebooks, and examples in docstrings, read the sample once between them: an export never changes."""

from functools import cache

import pytest
from filelock import FileLock

from klavnb import store
from klavnb.export import Export
from klavnb.report.loading import load_beside

SLOW = ("test_wheel", "test_every_format", "test_readme", "test_kill", "test_bad_input", "test_browser")
"""Files that take long: begun first, they do not keep one core busy when all others are done."""

read_export = store.read_export


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow files first."""
    places = {name: place for place, name in enumerate(SLOW)}
    items.sort(key=lambda item: places.get(item.path.stem, len(SLOW)))


@cache
def read_sample() -> Export:
    """Read it, the first time."""
    return read_export("sample")


def read_once(paths: object, **options: object) -> Export:
    """Read an export, the sample from memory."""
    if paths == "sample" and not options:
        return read_sample()
    return read_export(paths, **options)  # type: ignore[arg-type]  # handed on as it came


@pytest.fixture(scope="session", autouse=True)
def notebooks_read_the_sample_once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where all tests run, load the sample for the kernels of notebooks, as `klavnb report` does."""
    if not any(item.path.suffix == ".ipynb" for item in request.session.items):
        return
    own = tmp_path_factory.getbasetemp()
    folder = own.parent if hasattr(request.config, "workerinput") else own
    with FileLock(folder / "sample.lock"), load_beside({"data": "sample"}) as load:
        if load is not None:
            load.wait()


@pytest.fixture(autouse=True)
def doctests_read_the_sample_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand examples the sample that another has read."""
    if isinstance(request.node, pytest.DoctestItem):
        monkeypatch.setattr(store, "read_export", read_once)
