"""What some tests need of the machine: programs, a system, the rights of nobody; and what becomes of them without."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

NOBODY = 65534
SHARED = Path(__file__).parents[2] / "shared" / "fixtures"

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared fixtures may be tested in place only")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="asks for processes or files as only Linux has them")
needs_unix = pytest.mark.skipif(sys.platform == "win32", reason="signals, links and users are those of Unix")


def skip_or_fail(variable: str, reason: str) -> NoReturn:
    """Skip what needs a program that is missing; fail where the variable says that it must be there."""
    if os.environ.get(variable) == "1":
        pytest.fail(f"{variable} is set, but {reason}")
    pytest.skip(reason)


@contextmanager
def act_as_nobody() -> Iterator[None]:
    """Give up the rights of root, who may read and write anything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
