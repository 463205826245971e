"""A run that leaves something out turns red."""

import subprocess
import sys

from tests.notebooks import ROOT

TESTS = """
import pytest

def test_good():
    pass

@pytest.mark.skip
def test_left_out():
    pass
"""


def run(path, *words):
    command = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", *words, path]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_a_whole_run_leaves_nothing_out(tmp_path):
    path = tmp_path / "test_two.py"
    path.write_text(TESTS)
    assert run(path).returncode == 0
    done = run(path, "--whole")
    assert done.returncode == 1
    said = [line for line in done.stdout.splitlines() if line.startswith("LEFT OUT: ")]
    assert any(line.endswith("::test_left_out was skipped") for line in said), done.stdout
    for file in ("notebooks/01-registry.ipynb", "tests/test_harness.py"):
        assert any(line.startswith(f"LEFT OUT: {file}: 0 passed") for line in said), said
