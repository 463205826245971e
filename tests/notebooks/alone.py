"""Cells in a process of their own, which is forked from one that has imported the packages.

It is as fresh as a kernel that has just started: nothing has run in it, nothing is connected.
"""

import builtins
import contextlib
import getpass
import io
import multiprocessing
import os

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([
    "exercises.containers", "exercises.images", "exercises.registry", "helpers.plots",
    "helpers.tables", "IPython.core.interactiveshell", "matplotlib.pyplot", "tests.notebooks.alone",
])  # fmt: skip
_LONGEST = 120  # seconds for all cells of a process
TYPED = "a word of mine"  # what a cell gets that asks for an input


def run_alone(sources, *, workspace):
    """Run cells one after another in a fresh process.

    Args:
        sources: The cells, a list of str.
        workspace: The name of the workspace that they work in.

    Returns:
        A pair for each cell: what it gives in the end, and the name of the error that it raises;
        without error that is `None`.
    """
    receiver, sender = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=_run, args=(sources, workspace, sender), daemon=True)
    process.start()
    sender.close()
    try:
        if not receiver.poll(_LONGEST):
            raise TimeoutError(f"still at work after {_LONGEST} s: {sources}")
        return receiver.recv()
    finally:
        process.kill()
        process.join()


def _run(sources, workspace, sender):
    os.environ |= {"WORKSPACE": workspace, "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    getpass.getpass = builtins.input = lambda *given, **options: TYPED
    sender.send(list(map(_shell(), sources)))


def _shell():
    """Return a function that runs a cell as a kernel does."""
    from IPython.core import displayhook, displaypub, interactiveshell
    from traitlets import Type
    from traitlets.config import Config

    class Hook(displayhook.DisplayHook):
        def write_output_prompt(self):
            """Leave `Out[1]: ` out."""

        def write_format_data(self, format_dict, md_dict=None):
            found.append(format_dict.get("text/html") or format_dict["text/plain"])

    class Publisher(displaypub.DisplayPublisher):
        def publish(self, data, **options):
            if "lesson-picture" in data.get("text/html", ""):
                found.append(data["text/html"])

    class Shell(interactiveshell.InteractiveShell):
        displayhook_class = Type(Hook)
        display_pub_class = Type(Publisher)

        def _showtraceback(self, etype, evalue, stb):
            found.append(str(evalue))
            errors.append(etype.__name__)

    found, errors = [], []
    shell = Shell.instance(config=Config({"HistoryManager": {"enabled": False}}))

    def run(source):
        found.clear()
        errors.clear()
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            shell.run_cell(source, store_history=False)
        given = [said.getvalue()] if said.getvalue() else []
        return "\n".join(given + found), errors[0] if errors else None

    return run
