"""A learner: the notebooks in order, each in a kernel of its own, all code cells compared."""

import asyncio
import contextlib
import os
import subprocess
from dataclasses import dataclass, field

import psutil
from jupyter_client import AsyncKernelManager
from nbformat.v4 import output_from_msg

from benchmarks.load.cells import code_cells, difference
from tests.notebooks import ROOT

_CELL = 300  # seconds for a cell: thirty wait for each other's containers on two cores
_SHOWN = ("display_data", "execute_result", "stream", "error")


@dataclass
class Learner:
    """One who works through all notebooks.

    Attributes:
        name: The workspace's name.
        home: A `Path`: where IPython keeps this learner's history.
        ran: How many cells have run.
        wrong: What was not as it is saved, a list of str.
        cpu: The seconds of processor time that the ended kernels have used.
        kernel: The `psutil.Process` of the kernel at work; `None` in between.
    """

    name: str
    home: object
    ran: int = 0
    wrong: list = field(default_factory=list)
    cpu: float = 0.0
    kernel: psutil.Process | None = None

    async def learn(self):
        """Run all cells of all notebooks; what goes wrong is noted, and ends only this learner."""
        cell = None
        try:
            for cells in code_cells():
                async with self._client() as client:
                    for cell in cells:
                        await self._run(client, cell)
        except (RuntimeError, TimeoutError) as err:  # those of jupyter_client
            self.wrong.append(f"{self.name}, {cell.id if cell else 'start'}: {err!r}")

    async def _run(self, client, cell):
        outputs = []

        def take(message):
            if message["msg_type"] in _SHOWN:
                outputs.append(output_from_msg(message))

        await client.execute_interactive(
            cell.source, output_hook=take, allow_stdin=False, stop_on_error=False, timeout=_CELL
        )
        self.ran += 1
        if found := difference(cell.outputs, outputs, self.name):
            self.wrong.append(f"{self.name}, cell {cell.id}: {found}")

    @contextlib.asynccontextmanager
    async def _client(self):
        """Start a kernel, and end it whatever happens."""
        manager = AsyncKernelManager()
        own = {"WORKSPACE": self.name, "CLASSROOM": "on", "IPYTHONDIR": str(self.home)}
        client = None
        try:
            await manager.start_kernel(
                cwd=str(ROOT / "notebooks"), env=os.environ | own, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
            self.kernel = psutil.Process(manager.provisioner.pid)
            client = manager.client()
            client.start_channels()
            await client.wait_for_ready(timeout=_CELL)
            yield client
        finally:
            self._note()
            if client:
                client.stop_channels()
            if manager.has_kernel:
                await asyncio.shield(manager.shutdown_kernel(now=True))

    def _note(self):
        """Add up the kernel's processor time as long as it is there."""
        kernel, self.kernel = self.kernel, None
        with contextlib.suppress(psutil.Error, AttributeError):
            used = kernel.cpu_times()
            self.cpu += used.user + used.system
