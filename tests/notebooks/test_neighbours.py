"""All lessons and exercises beside a neighbour's things, which are as before to the byte.

All in one workspace that is never cleaned: what is left of one cell meets the next.
"""

import contextlib
import io
import json
import os
import socket
import tarfile

import pytest

from exercises import containers as lesson_3, images as lesson_2, registry as lesson_1
from exercises.exercise import exercises
from helpers import engine
from tests.notebooks import NOTEBOOKS
from tests.notebooks.test_single_cells import WORKSPACE, Kernel, cells_of, expected, reset

LESSONS = dict(zip(NOTEBOOKS, (lesson_1, lesson_2, lesson_3), strict=True))
NAMES = ["web", "registry", "hello", "box", "job", "flaky", "cafe", "stall", "depot"]
IMAGES = ["hello:1", "toolbox:1"]
PORTS = [80, 5000, 5001, 8080, 8888]
MINE = {"neighbour": "check"}  # the label of what this test plants
KEPT = "check-neighbour-kept"  # where the names that it takes are kept meanwhile


class Neighbour:
    """Somebody with containers, images, a volume and a network of their own on the Engine."""

    def __init__(self, api):
        self.api = api
        self.containers, self.volume, self.network = [], None, None
        self.kept, self.made = {}, []

    def moves_in(self):
        base = self.api.inspect_image("busybox:latest")["Id"]
        for number, name in enumerate(NAMES):
            self._run(name, base, start=bool(number % 2))
        for name in IMAGES:
            self._take(name)
        self._run("in-use", "hello:1", start=False)
        self.volume = self.api.create_volume(f"{WORKSPACE}-web", labels=MINE)["Name"]
        self.network = self.api.create_network(f"{WORKSPACE}-net", labels=MINE)["Id"]

    def _run(self, name, image, *, start):
        with contextlib.suppress(Exception):  # there is one of this name: a neighbour's, too
            words = ["sleep", "3600"]
            made = self.api.create_container(image, words, name=name, labels=MINE)["Id"]
            self.containers.append(made)
            if start:
                self.api.start(made)

    def _take(self, name):
        """Give a name to an image in which nothing can run."""
        repository, tag = name.split(":")
        with contextlib.suppress(Exception):
            self.api.tag(name, f"{KEPT}/{repository}", tag)
            self.kept[name] = f"{KEPT}/{name}"
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.addfile(tarfile.TarInfo(f"useless-{repository}-{tag}"))
        self.api.import_image_from_data(packed.getvalue(), repository=repository, tag=tag)
        self.made.append(name)

    def looks(self):
        """Give all of it as the Engine inspects it."""
        return json.dumps(
            {
                "containers": [self.api.inspect_container(one) for one in self.containers],
                # Engine 29.2 and later tell in any order where an image came from
                "images": [self.api.inspect_image(one) | {"Identity": None} for one in self.made],
                "volume": self.api.inspect_volume(self.volume),
                "network": self.api.inspect_network(self.network),
            },
            indent=1,
        )

    def moves_out(self):
        for one in self.containers:
            self.api.remove_container(one, force=True)
        for name in self.made:
            self.api.remove_image(name, force=True)
        for name, kept in self.kept.items():
            self.api.tag(kept, *name.split(":"))
            self.api.remove_image(kept)
        if self.volume:
            self.api.remove_volume(self.volume)
        if self.network:
            self.api.remove_network(self.network)


@pytest.fixture
def neighbour():
    one = Neighbour(engine.connect().api)
    try:
        one.moves_in()
        yield one
    finally:
        one.moves_out()


@pytest.fixture
def busy_ports():
    with contextlib.ExitStack() as stack:
        for port in PORTS:
            listener = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):  # it is taken already, or wants root
                listener.bind(("127.0.0.1", port))
                listener.listen()
        yield


@pytest.fixture
def docker_config(tmp_path, monkeypatch):
    """The folder in which the docker command keeps its settings."""
    folder = tmp_path / "docker"
    folder.mkdir()
    (folder / "config.json").write_text('{"auths": {"example.org": {}}}')
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    return folder


def run_cells(kernel, cells):
    for cell in cells:
        given = kernel.run(cell.source)
        assert given[1] == expected(cell), (cell.source, given)


def run_lesson(path):
    """Run a notebook in reverse, then each exercise's solution in order."""
    setup, *cells = cells_of(path)
    kernel = Kernel()
    try:
        run_cells(kernel, [setup, *cells[::-1]])
        for name in exercises(LESSONS[path]):
            given = kernel.run(f"exec(exercises.{name}.solution().python)")
            assert given[1] is None, (name, given)
            assert kernel.run(f"bool(exercises.{name}.check())") == ("True", None), (
                name, kernel.run(f"exercises.{name}.check()"))  # fmt: skip
    finally:
        kernel.end()


def files(folder):
    return {one: one.read_bytes() for one in folder.rglob("*") if one.is_file()}


@pytest.mark.alone
def test_in_any_order_nothing_of_a_neighbour_s_is_touched(neighbour, busy_ports, docker_config):
    before, settings, surroundings = neighbour.looks(), files(docker_config), dict(os.environ)
    try:
        for path in reversed(NOTEBOOKS):
            run_lesson(path)
        assert neighbour.looks() == before
    finally:
        reset()
    assert neighbour.looks() == before
    assert files(docker_config) == settings
    assert dict(os.environ) == surroundings
