"""A slow transfer has the outputs of a quick one: nbval compares the one with the other."""

import subprocess
import sys

import nbformat
from nbclient import NotebookClient

from tests.big_images import PREPARE, TIDY
from tests.notebooks import ROOT, SANITIZE

SIZES = {"quick": [1], "slow": [20, 30]}  # of its layers, in MB
PICTURE = "unhandled iopub msg: update_display_data"  # what nbval prints for each picture of bars


def notebook(sizes, outputs=None):
    """A notebook that pushes an image with layers of such sizes, with these outputs."""
    made = nbformat.v4.new_notebook()
    sources = [f"{PREPARE}build(reference, *{sizes})", "images.push(reference)", TIDY]
    for place, source in enumerate(sources):
        cell = nbformat.v4.new_code_cell(source, execution_count=place + 1)
        cell.outputs = outputs if outputs and place == 1 else []
        made.cells.append(cell)
    return made


def nbval(path):
    """Run it under nbval as the test command does, and give what it says."""
    words = [sys.executable, "-m", "pytest", "-sq", "-c", ROOT / "pyproject.toml", "--nbval"]
    words += ["--nbval-sanitize-with", SANITIZE, "--rootdir", path.parent, path]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "3 passed" in done.stdout and done.returncode == 0, done.stdout
    return done.stdout


def test_a_slow_push_gives_what_a_quick_one_gives(tmp_path):
    made = notebook(SIZES["quick"])
    NotebookClient(made).execute()
    [shown, result] = outputs = made.cells[1].outputs
    assert (set(shown.data), set(result.data)) == ({"text/html", "text/plain"}, {"text/plain"})
    said = {}
    for name, sizes in SIZES.items():
        nbformat.write(notebook(sizes, outputs), tmp_path / f"{name}.ipynb")
        said[name] = nbval(tmp_path / f"{name}.ipynb")
    assert said["slow"].count(PICTURE) > 2 and PICTURE not in said["quick"]
