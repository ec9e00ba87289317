"""The wheel, installed into an empty environment, outside the checkout."""

import os
import shutil
import subprocess
import sys
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the commands of an environment that holds the wheel and what it asks for, nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("klavnb-*.whl")
    environment = folder / "env"
    venv.create(environment)
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python")]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True, capture_output=True)
    (site,) = environment.glob("lib/python*/site-packages")
    (asked,) = site.glob("klavnb-*.dist-info")
    for name in sorted(find_needed(Distribution.at(asked))):
        link_distribution(distribution(name), environment)
    return environment / "bin"


def find_needed(asking: Distribution) -> set[str]:
    """Find what a distribution asks for, and what that asks for, and so on; as the lock has it."""
    needed: dict[tuple[str, str], None] = {}
    waiting = [(asking, "")]
    while waiting:
        asks, extra = waiting.pop()
        for text in asks.requires or []:
            requirement = Requirement(text)
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
                continue
            for wanted in ("", *requirement.extras):
                if (requirement.name, wanted) not in needed:
                    needed[requirement.name, wanted] = None
                    waiting.append((distribution(requirement.name), wanted))
    return {name for name, _ in needed}


def link_distribution(found: Distribution, environment: Path) -> None:
    """Install what is installed here into another environment too: its files, at the same places."""
    for file in found.files or []:
        source = Path(os.path.normpath(found.locate_file(file)))
        place = source.relative_to(sys.prefix)
        if place.parts[0] == "bin" or not source.is_file():  # commands name their interpreter
            continue
        target = environment / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            continue
        try:
            os.link(source, target)
        except OSError:  # another file system
            shutil.copy2(source, target)


def test_the_wheel_makes_its_report_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [installed / "klavnb", "report", "attribution", "data_quality"],
        cwd=tmp_path,
        env=bare,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "reports" / "attribution.html").read_text(encoding="utf-8")
    assert "cooperative model credits EUR" in page
    assert (tmp_path / "reports" / "data_quality.html").is_file()
    assert (tmp_path / "reports" / "index.html").is_file()
    assert str(ROOT) not in page


def test_the_wheel_holds_every_notebook_the_tiny_sample_and_the_definitions(installed: Path) -> None:
    (package,) = installed.parent.glob("lib/python*/site-packages/klavnb")
    held = {path.name for path in package.rglob("*")}
    notebooks, tiny, segments = (ROOT / name for name in ("notebooks", "data/tiny", "data/segments"))
    for path in (*notebooks.glob("*.ipynb"), *tiny.iterdir(), *segments.glob("*.json")):
        assert path.name in held
