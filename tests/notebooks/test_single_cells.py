"""Each code cell alone in a fresh process, twice; and without set-up."""

import configparser
import os
import re
import subprocess
import sys

import nbformat
import pytest
from jupyter_client import KernelManager

from tests.notebooks import NOTEBOOKS, ROOT, SANITIZE
from tests.notebooks.alone import run_alone

WORKSPACE = f"cells-{os.environ.get('WORKSPACE', 'learner')}"
RESET = "from helpers import workspace; workspace.reset()"
NOTHING = "# Solve it here"  # an empty place for the learner


def cells_of(path):
    """The code cells in their order, without the empty places."""
    every = nbformat.read(path, as_version=4).cells
    return [one for one in every if one.cell_type == "code" and NOTHING not in one.source]


CELLS = {
    f"{path.stem}-{one.id}": (path, one) for path in NOTEBOOKS for one in cells_of(path)[1:]
}  # without the set-up cells


class Kernel:
    """A kernel that has been started, and takes cells as soon as it is ready."""

    def __init__(self):
        self.manager = KernelManager(kernel_name="python3")
        env = os.environ | {"WORKSPACE": WORKSPACE}
        self.manager.start_kernel(cwd=ROOT / "notebooks", env=env, stderr=subprocess.DEVNULL)
        self.client = None

    def run(self, source):
        """Run a cell: what it gives in the end, and the name of the error that it raises."""
        if self.client is None:
            self.client = self.manager.blocking_client()
            self.client.start_channels()
            self.client.wait_for_ready(timeout=60)
        found, errors = [], []

        def take(message):
            content = message["content"]
            table = "lesson-picture" in content.get("data", {}).get("text/html", "")
            if message["msg_type"] == "execute_result" or table:
                found.append(content["data"].get("text/html") or content["data"]["text/plain"])
            elif message["msg_type"] == "stream":
                found.append(content["text"])
            elif message["msg_type"] == "error":
                found.append(content["evalue"])
                errors.append(content["ename"])

        def type_in(question):
            self.client.input("a word of mine")

        self.client.execute_interactive(
            source, output_hook=take, stdin_hook=type_in, timeout=120, allow_stdin=True
        )
        return clean("\n".join(found)), errors[0] if errors else None

    def end(self):
        if self.client:
            self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def _rules():
    config = configparser.RawConfigParser()
    config.read(SANITIZE)
    return [(re.compile(rule["regex"]), rule["replace"]) for name, rule in config.items()
            if name != "DEFAULT"]  # fmt: skip


RULES = _rules()


def clean(text):
    """Fold what may differ from run to run, as nbval does; and the ID that a widget has."""
    for pattern, instead in RULES:
        text = pattern.sub(instead, text)
    return text


def reset():
    """Remove all that the kernels' workspace has."""
    env = os.environ | {"WORKSPACE": WORKSPACE}
    words = [sys.executable, "-m", "helpers.workspace", "reset"]
    subprocess.run(words, cwd=ROOT, env=env, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def clean_workspace():
    """Begin and end with nothing of the workspace on the Engine."""
    reset()
    yield
    reset()


@pytest.fixture
def kernel(clean_workspace):
    """Return a function that gives a fresh kernel, and ends the one before."""
    given = []

    def take():
        while given:
            given.pop().end()
        given.append(Kernel())
        return given[0]

    yield take
    for one in given:
        one.end()


def expected(cell):
    """The name of the error that a cell is to raise; `None` for most."""
    errors = [one.ename for one in cell.outputs if one.output_type == "error"]
    return errors[0] if errors else None


@pytest.mark.parametrize("name", CELLS)
def test_alone_and_twice(clean_workspace, name):
    path, cell = CELLS[name]
    setup = cells_of(path)[0].source
    sources = [setup, cell.source, cell.source, RESET]
    begun, *twice, removed = run_alone(sources, workspace=WORKSPACE)
    assert begun[1] is removed[1] is None, (begun, removed)
    first, second = [(clean(said), error) for said, error in twice]
    assert first[1] == expected(cell), first
    assert first == second


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_without_the_first_cell(kernel, path):
    fresh = kernel()
    for cell in cells_of(path)[1:]:
        said, error = fresh.run(cell.source)
        if cell.source.startswith("from "):  # it brings along all that it needs
            assert error is None, said
            continue
        assert error == "LessonError", cell.source
        assert said.endswith(
            "it is not there yet. Run the notebook's first code cell, then this one."
        )
