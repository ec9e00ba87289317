"""Whether a worker computes what this process would: versions, and polars' hashes."""

import os
import socket
import sys
from collections.abc import Mapping

import polars as pl

import klavnb
from klavnb.errors import KlavnbError, name_some

__all__ = ["describe_here", "name_here", "refuse_unlike"]


def describe_here() -> Mapping[str, str]:
    """Return what must be the same everywhere.

    Examples
    --------
    >>> sorted(describe_here())
    ['Python', 'klavnb', 'polars', "polars' hash of a text"]
    """
    return {
        "Python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "klavnb": klavnb.__version__,
        "polars": pl.__version__,
        # rows are spread over buckets by it, by several workers; builds of polars for other processors may differ
        "polars' hash of a text": str(pl.Series(["klavnb"]).hash().item()),
    }


def name_here() -> str:
    """Name this process for a message: machine and number."""
    return f"{socket.gethostname()}, process {os.getpid()}"


def refuse_unlike(worker: str, found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Refuse a worker that may compute something else.

    Parameters
    ----------
    worker
        What it is called in the message.
    found, expected
        What `describe_here` says there and in the process that hands out the work.

    Raises
    ------
    KlavnbError
        When they differ, with what does.

    Examples
    --------
    >>> refuse_unlike("tcp://10.0.0.2:4000", {"polars": "2.0.0"}, {"polars": "2.1.0"})
    Traceback (most recent call last):
    klavnb.errors.KlavnbError: The worker tcp://10.0.0.2:4000 has polars 2.0.0, expected 2.1.0 as here.
    <BLANKLINE>
    Hint: Install the same versions on every machine of the cluster, and start its workers again.
    """
    differing = [
        f"{name} {found.get(name, 'of no known version')}, expected {version} as here"
        for name, version in expected.items()
        if found.get(name) != version
    ]
    if differing:
        raise KlavnbError(
            f"The worker {worker} has {name_some(differing)}.",
            hint="Install the same versions on every machine of the cluster, and start its workers again.",
        )
