"""Loads the export of some reports once, in a process beside the kernels that will read it."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from klavnb.errors import KlavnbError
from klavnb.handover import VARIABLE
from klavnb.kept import find_kept_sample
from klavnb.settings import Settings

__all__ = ["Load", "load_beside"]

MANIFEST = "manifest.json"
"""A folder with it is most likely a store; if it is not, it is read all the same, only later."""

CODE = "import os, sys; from klavnb.ahead import load_ahead; load_ahead(*sys.argv[1:]); os._exit(0)"
"""The process leaves at once: what waits for it need not wait until everything that it loaded is taken apart."""


@dataclass(frozen=True, slots=True)
class Load:
    """A load that goes on beside the start of kernels.

    Parameters
    ----------
    environment
        What kernels are started with: where they find what was loaded.
    """

    process: "subprocess.Popen[bytes]"
    environment: Mapping[str, str]

    def wait(self) -> None:
        """Wait until it has ended, well or not: a notebook that finds no store reads the export itself."""
        self.process.wait()


@contextmanager
def load_beside(parameters: Mapping[str, object]) -> Iterator[Load | None]:
    """Begin to load an export; at the end the store is gone. None where there is nothing to load.

    That is so with a store, and with the sample, once it was loaded for another report.

    Parameters
    ----------
    parameters
        Those of the reports, checked: `data`, `settings_file` and `conversion_metric` are looked at.
    """
    data, settings_file, conversion_metric = (
        str(parameters.get(name, "")) for name in ("data", "settings_file", "conversion_metric")
    )
    if not data or (Path(data) / MANIFEST).is_file() or _is_kept(data, settings_file, conversion_metric):
        yield None
        return
    quiet = subprocess.DEVNULL
    with tempfile.TemporaryDirectory(prefix="klavnb-", ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-c", CODE, data, settings_file, conversion_metric, folder]
        with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet) as process:  # noqa: S603 - this Python
            try:
                yield Load(process, {**os.environ, VARIABLE: str(Path(folder) / "handover.json")})
            finally:
                process.kill()


def _is_kept(data: str, settings_file: str, conversion_metric: str) -> bool:
    try:
        settings = Settings.from_options(file=settings_file, conversion_metric=conversion_metric)
    except KlavnbError:  # what is wrong with them is for the notebook to say
        return False
    kept = find_kept_sample([data], settings=settings)
    return kept is not None and kept.is_whole()
