"""What holds for all tests: two processes never meet, and what is to be tested was tested."""

import collections
import contextlib
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbval.plugin import IPyNbCell
from xdist.scheduler import LoadScopeScheduling

from tests.notebooks import NOTEBOOKS, ROOT

pytest_plugins = ["tests.real_engine"]

# What has one workspace, or goes on beside other tests, stays in one process, in this order.
TOGETHER = {
    "notebooks/": "the lessons' own workspace",
    "tests/notebooks/test_nbval_compares.py": "the lessons' own workspace",
    "tests/helpers/integration/test_faults": "faults",
    "tests/deploy/": "the course's image, which has one name",
}
# What takes long begins first, so that both processes end at about the same time.
ORDER = ["notebooks/", "tests/exercises/test_exercises.py", "tests/notebooks/", "tests/browser/",
         "tests/benchmarks/", "tests/helpers/integration/", "tests/classroom/", ""]  # fmt: skip


def pytest_addoption(parser):
    parser.addoption("--whole", action="store_true", help="fail if anything was left out")


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: no other test may run in the other process")
    if worker := getattr(config, "workerinput", None):
        own = os.environ.get("WORKSPACE", "learner")
        os.environ["WORKSPACE"] = f"{worker['workerid']}-{own}"
        config.pluginmanager.register(Turns(), "turns")
        config.add_cleanup(_reset)
    elif config.getoption("--whole"):
        config.pluginmanager.register(Whole(), "whole")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: ORDER.index(next(filter(item.nodeid.startswith, ORDER))))


def pytest_xdist_make_scheduler(config, log):
    config.option.loadscopereorder = False  # by the number of tests, which tells little of time
    return ByFile(config, log)


class ByFile(LoadScopeScheduling):
    """The tests of a file stay together, and so do the files in `TOGETHER`."""

    def _split_scope(self, nodeid):
        file = nodeid.split("::")[0]
        return next((one for start, one in TOGETHER.items() if file.startswith(start)), file)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    """Run the notebooks in the workspace by which their outputs were saved."""
    if not isinstance(item, IPyNbCell):
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKSPACE", "learner")
        return (yield)


class Turns:
    """Tests of two processes run at once, but for one that is marked `alone`.

    Who waits for all others holds the turnstile meanwhile, so that it gets its turn.
    """

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        alone = item.get_closest_marker("alone")
        with contextlib.ExitStack() as stack:
            with _locked(Path(__file__).with_name("__init__.py"), fcntl.LOCK_EX):
                how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
                stack.enter_context(_locked(Path(__file__), how))
            return (yield)


def _reset():
    """Remove what is left in the process's workspace; where there is no Engine, nothing is."""
    words = [sys.executable, "-m", "helpers.workspace", "reset"]
    subprocess.run(words, cwd=ROOT, capture_output=True, timeout=120)


@contextlib.contextmanager
def _locked(path, how):
    with path.open() as file:
        fcntl.flock(file, how)
        yield


class Whole:
    """Fails a run that has left something out: a skip, a test file, a cell of a notebook."""

    def __init__(self):
        self.passed, self.left_out = set(), []

    def pytest_runtest_logreport(self, report):
        if report.skipped:
            self.left_out.append(f"{report.nodeid} was skipped")
        elif report.when == "call" and report.passed:
            self.passed.add(report.nodeid)

    def _complaints(self):
        passed = collections.Counter(one.split("::")[0] for one in self.passed)
        wanted = {path: 1 for path in ROOT.glob("tests/**/test_*.py")}
        for path in NOTEBOOKS:
            cells = nbformat.read(path, as_version=4).cells
            wanted[path] = sum(one.cell_type == "code" for one in cells)
        files = {path.relative_to(ROOT).as_posix(): many for path, many in sorted(wanted.items())}
        return self.left_out + [
            f"{file}: {passed[file]} passed, and at least {many} must"
            for file, many in files.items() if passed[file] < many
        ]  # fmt: skip

    def pytest_sessionfinish(self, session):
        if self._complaints() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        for complaint in self._complaints():
            terminalreporter.write_line(f"LEFT OUT: {complaint}", red=True)
