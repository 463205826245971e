"""A Jupyter kernel of its own, as a notebook has one: it runs cells, and answers keystrokes."""

import ast
import contextlib
import json
import subprocess
import time

from jupyter_client.manager import KernelManager

from benchmarks.room import NOTEBOOKS

_ANSWER = 120  # seconds until a cell has run
_SETUP = """
import json
from helpers import containers, engine, images, registry, tables, workspace
from benchmarks import cell
workspace.setup()
"""


class Kernel:
    """A kernel in which a notebook's first cell has run: the helpers are there and connected."""

    def __init__(self):
        self._manager = KernelManager()

    def __enter__(self):
        with contextlib.ExitStack() as undo:
            undo.callback(self._manager.shutdown_kernel, now=True)
            self._manager.start_kernel(
                cwd=str(NOTEBOOKS), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            self._client = self._manager.blocking_client()
            self._client.start_channels()
            undo.callback(self._client.stop_channels)
            self._client.wait_for_ready(timeout=_ANSWER)
            self._run(_SETUP)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *failure):
        self._undo.close()

    def value(self, expression):
        """Run a cell of one expression.

        Args:
            expression: Python, whose value JSON can hold.

        Returns:
            Its value.
        """
        told = self._run(f"told = json.dumps({expression})", told="told")
        return json.loads(ast.literal_eval(told["told"]["data"]["text/plain"]))

    def _run(self, code, **expressions):
        reply = self._client.execute_interactive(
            code,
            user_expressions=expressions,
            store_history=False,
            timeout=_ANSWER,
            output_hook=lambda message: None,
        )["content"]
        if reply["status"] != "ok":
            raise RuntimeError("\n".join(reply.get("traceback", [code])))
        return reply["user_expressions"]

    def type_in(self, box, text):
        """Type in a table's search as the browser does, and wait for the kernel's answer.

        Args:
            box: The `model_id` of the search.
            text: What stands in it.

        Returns:
            The seconds that it took, the message's way there and back with it.
        """
        state = {"method": "update", "state": {"value": text}, "buffer_paths": []}
        sent = self._client.session.msg("comm_msg", {"comm_id": box, "data": state})
        begun = time.perf_counter()
        self._client.shell_channel.send(sent)
        while not _answers(self._client.get_iopub_msg(timeout=_ANSWER), sent):
            pass
        return time.perf_counter() - begun


def _answers(message, sent):
    """Tell whether a message says that the kernel has done what was sent, and sent its answers."""
    if message["parent_header"].get("msg_id") != sent["header"]["msg_id"]:
        return False
    return message["content"].get("execution_state") == "idle"
