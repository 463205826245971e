"""Floors for a whole run: a harness that tests nothing turns red."""

import pytest
from nbval.plugin import IPyNbCell

pytest_plugins = ["tests.real_engine"]
FLOORS = {"notebook cells": 130, "tests": 950}


def pytest_addoption(parser):
    parser.addoption("--whole", action="store_true", help="fail below the floors, or if any skips")


def pytest_configure(config):
    config.pluginmanager.register(_Floors(config), "floors")


class _Floors:
    def __init__(self, config):
        self.whole = config.getoption("--whole")
        self.passed = dict.fromkeys(FLOORS, 0)
        self.skipped = 0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        kind = "notebook cells" if isinstance(item, IPyNbCell) else "tests"
        self.passed[kind] += report.when == "call" and report.passed
        self.skipped += report.skipped
        return report

    def _complaints(self):
        if not self.whole:
            return []
        low = [f"{self.passed[k]} {k} passed, at least {n} must" for k, n in FLOORS.items()
               if self.passed[k] < n]  # fmt: skip
        return low + ([f"{self.skipped} were skipped, none may be"] if self.skipped else [])

    def pytest_sessionfinish(self, session):
        if self._complaints() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        for complaint in self._complaints():
            terminalreporter.write_line(f"FLOOR: {complaint}", red=True)
