"""A cluster is found or started, its workers are looked at, and what was started is ended."""

import logging
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from klavnb.cluster.alike import describe_here, refuse_unlike
from klavnb.cluster.mapping import Cluster
from klavnb.errors import KlavnbError, SettingsError
from klavnb.interrupts import without_ctrl_c

if TYPE_CHECKING:  # an extra, which takes a second to import
    from distributed import Client

__all__ = ["LOCAL", "open_cluster"]

LOCAL: Final = "local"
ADDRESS: Final = re.compile(r"(?:tcp|tls|ws|wss|ucx)://\S+")
THREADS: Final = "POLARS_MAX_THREADS"
NOT_INSTALLED: Final = "Install it, on every machine of the cluster: pip install 'klavnb[cluster]'."
MOMENT: Final = 5.0
"""Seconds that are waited for a scheduler beyond the time in which dask itself gives up."""

CONFIGURATION: Final = {
    # rows that a slice is about travel with it: dask's warning of large tasks helps nobody
    "distributed.admin.large-graph-warning-threshold": "1 GiB",
    # results are small: nothing is gained by writing them to the disk, and polars' memory is not dask's
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
}


@contextmanager
def open_cluster(address: str, *, workers: int | None = None, patience: float = 30.0) -> Iterator[Cluster]:
    """Open a cluster for a while.

    Processes that are started here end with it; a cluster that was there goes on.

    Parameters
    ----------
    address
        That of a dask scheduler, `tcp://scheduler:8786`, or `tls://…` with the certificates that dask's own
        configuration names; or `local`: processes of this machine. A script that asks for these needs the usual
        `if __name__ == "__main__":` around the call.
    workers
        Processes of `local`: one a core unless given. Another cluster has those that it has.
    patience
        Seconds to wait for the scheduler, then for a worker.

    Raises
    ------
    SettingsError
        When the address is none of these.
    KlavnbError
        When dask is not installed, no scheduler answers, there is no worker, or a worker has another version of
        Python, klavnb or polars.
    """
    if address != LOCAL and not ADDRESS.fullmatch(address):
        raise SettingsError(
            f"cluster: expected local or the address of a dask scheduler, found {address!r}.",
            hint="An address looks like tcp://scheduler:8786; the scheduler says its own when it starts.",
        )
    if workers is not None and (address != LOCAL or workers < 1):
        raise SettingsError(
            f"workers: expected at least 1, for the cluster local, found {workers} for {address}.", hint="Leave it out."
        )
    try:
        import dask  # noqa: PLC0415 - an extra, and slow to import
        from distributed.utils import silence_logging_cmgr  # noqa: PLC0415 - as above
    except ImportError as error:
        raise KlavnbError("A cluster needs dask, which is not installed.", hint=NOT_INSTALLED) from error
    with (
        dask.config.set(CONFIGURATION),
        silence_logging_cmgr(logging.CRITICAL),
        _start(workers) if address == LOCAL else _connect(address, patience) as client,
    ):
        name = "The cluster on this machine" if address == LOCAL else f"The cluster {address}"
        _check_workers(client, name, patience)
        shows = address != LOCAL or find_spec("bokeh") is not None  # which draws it, and is no part of the extra
        dashboard = client.dashboard_link if shows else None
        cluster = Cluster(client, name, dashboard=dashboard, patience=patience)
        try:
            yield cluster
        finally:
            cluster.cancel()


@contextmanager
def _start(workers: int | None) -> Iterator["Client"]:
    """Start processes of this machine, which share its cores and its memory."""
    from dask.system import CPU_COUNT  # noqa: PLC0415 - an extra, and slow to import
    from distributed import Client, LocalCluster  # noqa: PLC0415 - as above

    count = workers or CPU_COUNT
    threads = os.environ.get(THREADS) or str(max(1, CPU_COUNT // count))
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        with without_ctrl_c():
            started = LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                local_directory=folder,
                silence_logs=logging.CRITICAL,
                env={THREADS: threads},
            )
        with started, Client(started, set_as_default=False) as client:
            yield client


@contextmanager
def _connect(address: str, patience: float) -> Iterator["Client"]:
    from distributed import Client  # noqa: PLC0415 - an extra, and slow to import

    found: list[Client | Exception] = []

    def connect() -> None:
        try:
            found.append(Client(address, timeout=patience, set_as_default=False, name="klavnb"))
        except (OSError, TypeError, ValueError) as error:
            found.append(error)

    # whoever answers at another service's port, such as the dashboard's, makes dask wait for ever
    waiting = threading.Thread(target=connect, daemon=True)
    waiting.start()
    waiting.join(patience + MOMENT)
    client = found[0] if found else TimeoutError("nothing that speaks as a scheduler does")
    if isinstance(client, Exception):
        raise KlavnbError(
            f"No dask scheduler answers at {address}: {client}.",
            hint="See that `dask scheduler` runs there, at the address that it says when it starts (the dashboard has "
            "another port), and that this machine may connect to it.",
        ) from client
    with client:
        yield client


def _check_workers(client: "Client", name: str, patience: float) -> None:
    try:
        client.wait_for_workers(1, timeout=patience)
    except TimeoutError as error:
        raise KlavnbError(
            f"{name} has no workers.", hint="Start some: `dask worker ADDRESS` on each machine that shall work."
        ) from error
    for worker, found in client.run(describe_here, on_error="return").items():
        if isinstance(found, Exception):
            raise KlavnbError(f"The worker {worker} cannot run klavnb: {found}.", hint=NOT_INSTALLED) from found
        refuse_unlike(worker, found, describe_here())
