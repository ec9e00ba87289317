"""The process that runs a notebook: this interpreter, started before the parent has loaded what talks to it."""

import asyncio
import contextlib
import os
import queue
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop, run_sync

__all__ = ["KERNEL", "start_kernel"]

KERNEL = "python3"

FIRST = "--IPKernelApp.exec_lines=__import__('klavnb.rendering').rendering.load_ahead()"
"""What a kernel does before its first cell; without a name, so that the notebook sees none."""


class ThisInterpreter(KernelSpecManager):
    """Knows one kernel, the interpreter that runs klavnb, whatever is installed on the machine."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return the one kernel there is, under any name."""
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", FIRST]
        return KernelSpec(
            argv=argv, language="python", display_name=kernel_name, metadata={"supported_encryption": ["curve"]}
        )


class Kernel(AsyncKernelManager):
    """A kernel that remembers the clients it gave out, to close what papermill leaves open."""

    def client(self, **options: Any) -> Any:  # noqa: ANN401 - as the parent's
        """Return a new client."""
        client = super().client(**options)
        self.clients = [*getattr(self, "clients", []), client]
        return client

    def forget(self, code: str, seconds: int) -> bool:
        """Run code that makes it forget a notebook, and close the client of that; tell whether it did."""
        *_, client = self.clients

        async def ask() -> Any:  # noqa: ANN401 - a message of Jupyter's
            return await client.execute(code, silent=True, reply=True, timeout=seconds)

        try:
            reply = run_sync(ask)()
        except (RuntimeError, TimeoutError, queue.Empty):
            return False
        client.stop_channels()
        self.clients = []
        return bool(reply["content"]["status"] == "ok")


@contextlib.contextmanager
def start_kernel(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Kernel]:
    """Start a kernel in a folder without waiting for it; at the end it is stopped, however the end came.

    Parameters
    ----------
    folder
        Where the notebook runs: its relative paths and stray files belong there.
    environment
        The variables that it is started with; None: those of this process.
    """
    loop = ensure_event_loop()
    kernel = Kernel(kernel_name=KERNEL, kernel_spec_manager=ThisInterpreter(), transport_encryption="auto")
    run_sync(kernel.start_kernel)(cwd=str(folder), env=dict(os.environ if environment is None else environment))
    try:
        yield kernel
    finally:
        for client in getattr(kernel, "clients", []):
            client.stop_channels()
        # the manager looks only every tenth of a second whether a process that it killed has ended
        process = getattr(kernel.provisioner, "process", None)
        if process is not None:
            process.kill()
            process.wait()
        run_sync(kernel.shutdown_kernel)(now=True)
        if not loop.is_running():
            # jupyter keeps the loop for the life of the thread, and leaves it open when that ends
            loop.close()
            asyncio.set_event_loop(None)
