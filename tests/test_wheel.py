"""The wheel, installed into an empty environment, outside the checkout."""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

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
    locked = re.findall(r"^[\w.-]+==[^\s;]+(?: ; [^\\]+)?", (ROOT / "requirements.txt").read_text(), flags=re.MULTILINE)
    (folder / "constraints.txt").write_text("\n".join(locked))
    venv.create(folder / "env", with_pip=True)
    commands = folder / "env" / "bin"
    subprocess.run(
        [commands / "pip", "install", "--quiet", "--no-compile", "--constraint", folder / "constraints.txt", wheel],
        check=True,
        capture_output=True,
    )
    return commands


def test_the_wheel_makes_its_report_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [installed / "klavnb", "report"], cwd=tmp_path, env=bare, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "reports" / "attribution.html").read_text(encoding="utf-8")
    assert "cooperative model credits EUR" in page
    assert (tmp_path / "reports" / "segments.html").is_file()
    assert (tmp_path / "reports" / "index.html").is_file()
    assert str(ROOT) not in page
