"""Two learners at once, as `python -m benchmarks.load` does it for thirty: all outputs right."""

import copy
import dataclasses
import signal
import subprocess
import sys
import time

import pytest

from benchmarks.load import __main__ as load
from benchmarks.load.cells import code_cells, difference
from benchmarks.load.room import FILES
from helpers import engine
from helpers._internal import identity
from tests.notebooks import ROOT


@pytest.fixture(autouse=True)
def in_the_notebooks_folder(monkeypatch):
    """Learners work in the folder of the lessons, wherever other tests of this process work."""
    monkeypatch.setattr(identity, "NOTEBOOK_DIR", FILES.parent)


def begin(*arguments):
    """Start the load test in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load", *arguments], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def ended(process, *, seconds):
    """Wait for its end, and give what it said; it is told to end when nobody waits any more."""
    try:
        return process.communicate(timeout=seconds)[0]
    finally:
        process.terminate()
        process.wait(60)


def left():
    """List what of the learners is on the Engine or in the folder."""
    labels = [one["Labels"] for one in engine.connect().api.containers(all=True)]
    found = [one["lesson"] for one in labels if one.get("lesson", "").startswith("load-")]
    return found + list(FILES.glob("load-*"))


def test_two_at_once():
    figures, complaints = load.together(["load-01", "load-02"])
    assert complaints == []
    assert figures.cells == sum(map(len, code_cells()))
    rows = load.table(dataclasses.replace(figures, learners=1, wall=1), figures).splitlines()
    assert [row.split()[0] for row in rows] == ["learners", "1", "2", "ratio"]
    assert rows[3].split()[1:3] == [f"{figures.wall:.2f}", "1.00"]  # of wall time and of cells
    assert left() == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(how):
    process = begin("2")
    while "load-00" not in left():  # a learner is at work
        assert process.poll() is None
        time.sleep(0.2)
    process.send_signal(how)
    said = ended(process, seconds=120)
    assert process.returncode == 130, said
    assert left() == []


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [("text/plain", "curl", "wget"), ("text/html", "curl", "wget"), ("gone", "", "")],
)
def test_an_output_that_differs_is_found(kind, before, after):
    [cell] = [one for one in code_cells()[0] if one.source == 'registry.tags("busybox")']
    given = copy.deepcopy(cell.outputs)
    assert difference(cell.outputs, given, "load-01") == ""
    if kind == "gone":
        given.pop()
    else:
        given[0].data[kind] = given[0].data[kind].replace(before, after)
    assert difference(cell.outputs, given, "load-01")


def test_another_error_is_found_and_the_name_is_folded():
    [cell] = [one for one in code_cells()[1] if 'images.load("rootfs.tar")' in one.source]
    given = copy.deepcopy(cell.outputs)
    for one in given:
        for kind, text in one.get("data", {}).items():
            one.data[kind] = text.replace("learner", "load-01")
    given[-1].evalue = given[-1].evalue.replace("learner", "load-01")
    assert difference(cell.outputs, given, "load-01") == ""
    assert difference(cell.outputs, given, "load-02")
    given[-1].ename = "LessonError"
    assert difference(cell.outputs, given, "load-01")
