"""The bench itself runs, with tiny sizes, and leaves nothing, even when it is interrupted."""

import os
import subprocess
import sys

import pytest

from benchmarks import __main__ as bench, room
from benchmarks.archive import layers
from helpers import engine, workspace

ROWS = [
    "notebook 01-registry.ipynb", "the notebooks together", "import: ", "a key in the search above",
    "5 containers: the Engine's bare answer", "5 containers: docker ps -a",
    "3 images: docker images", "search: docker search 127.0.0.1:",
    "Engine calls of each",
    *(f"{one}: docker {one}" for one in ("pull", "push", "save", "load")),
    *(f"{one}: memory of the kernel" for one in ("pull", "push", "save", "load")),
]  # fmt: skip


@pytest.fixture
def own(monkeypatch):
    """A workspace of the tests' own, beside that of a bench."""
    monkeypatch.setenv("WORKSPACE", f"bench-{workspace.name()}")
    workspace.name.cache_clear()
    yield workspace.name()
    monkeypatch.undo()
    workspace.name.cache_clear()


def left(name):
    """List what of a workspace is in the Engine and in the notebooks' folder."""
    api = engine.connect().api
    found = api.containers(all=True, filters={"label": f"lesson={name}"})
    found += api.images(filters={"label": f"lesson={name}"})
    found += [one for image in api.images() for one in image["RepoTags"] or [] if name in one]
    return found + list(room.NOTEBOOKS.glob(f"files/{name}"))


def test_a_small_bench(own):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--small"], cwd=room.ROOT, text=True,
        env=os.environ | {"CLASSROOM": "on"}, capture_output=True, timeout=240,
    )  # fmt: skip
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    lines = done.stdout.splitlines()
    for row in ROWS:
        assert sum(line.startswith(row) for line in lines) == 1, f"{row}\n{done.stdout}"
    assert "not measured" not in done.stdout
    missed = any(line.startswith("✗") for line in lines)
    assert done.returncode == missed
    assert left(own) == []


def test_an_interrupted_bench_leaves_nothing(own, monkeypatch):
    def measure(here, sizes):
        here.make_containers(2)
        here.make_images(2)
        here.make_big_image(2, 10)
        here.empty_registry()
        workspace.file("half.tar").write_bytes(b"half")
        assert len(left(own)) >= 7
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "PARTS", {"LessonError": measure})
    with pytest.raises(KeyboardInterrupt):
        bench.main(["--small"])
    assert left(own) == []


def test_a_part_that_fails_does_not_keep_the_others_from_it(own, monkeypatch, capsys):
    def fails(here, sizes):
        raise RuntimeError("A cell failed.")

    figure = bench.measures.Figure("a figure", (1.0,), (), 2)
    monkeypatch.setattr(bench, "PARTS", {"One": fails, "Two": lambda here, sizes: [figure]})
    assert bench.main(["--small"]) == 1
    said = capsys.readouterr().out
    assert "✗ One: not measured. A cell failed." in said
    assert "a figure" in said


def test_no_two_layers_are_alike():
    assert len({bytes(one) for one in layers(3, 100)}) == 3
