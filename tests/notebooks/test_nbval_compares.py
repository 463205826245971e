"""nbval turns red when a saved output is not what the cell gives."""

import copy
import os
import subprocess
import sys

import nbformat

from tests.notebooks import NOTEBOOKS, ROOT, SANITIZE


def excerpt(tmp_path):
    """Cells of a notebook: the set-up, then three with a command and a table, and two errors."""
    whole = nbformat.read(NOTEBOOKS[1], as_version=4)
    setup, *cells = [cell for cell in whole.cells if cell.cell_type == "code"]
    [table] = [cell for cell in cells if cell.source.startswith('images.history("busybox")')]
    [error] = [cell for cell in cells if 'images.load("rootfs.tar")' in cell.source]
    whole.cells = [setup, *(copy.deepcopy(table) for _ in range(4)), error, copy.deepcopy(error)]
    for number, cell in enumerate(whole.cells):
        cell.id = f"cell-{number}"
    (tmp_path / "helpers").symlink_to(ROOT / "helpers")
    (tmp_path / "notebooks").mkdir()
    return whole, tmp_path / "notebooks" / "excerpt.ipynb"


def nbval(path):
    """Run it under nbval as the test command does, and give the names of the cells that fail."""
    command = [sys.executable, "-m", "pytest", "-q", "-c", ROOT / "pyproject.toml", "--nbval"]
    command += ["--nbval-sanitize-with", SANITIZE, "--rootdir", path.parent, "-rf", path]
    env = os.environ | {"WORKSPACE": "learner"}  # by whom the outputs were saved
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    print(done.stdout, done.stderr)
    assert "passed" in done.stdout
    return [line.split("::Cell ")[1].split()[0] for line in failed]


def change(cell, kind, before, after):
    """Change one saved output of a cell, in the representation of a kind."""
    for output in cell.outputs:
        if output.output_type == "error" and kind == "evalue":
            output.evalue = output.evalue.replace(before, after)
            return
        if before in output.get("data", {}).get(kind, ""):
            output.data[kind] = output.data[kind].replace(before, after)
            return
    raise AssertionError(f"no {kind} with {before}")


def test_a_changed_output_is_found_and_no_other(tmp_path):
    whole, path = excerpt(tmp_path)
    change(whole.cells[2], "text/plain", "CMD", "RUN")
    change(whole.cells[3], "text/html", ">CMD", ">RUN")
    change(whole.cells[4], "text/html", "docker history", "docker past")
    change(whole.cells[6], "evalue", "root file system", "cup of tea")
    nbformat.write(whole, path)
    assert nbval(path) == ["2", "3", "4", "6"]
