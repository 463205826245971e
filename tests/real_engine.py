"""Fixtures over a real Engine: a workspace of the tests' own, and the docker command."""

import contextlib
import json
import os
import shutil
import subprocess
from types import SimpleNamespace

import docker.errors
import pytest

from helpers import engine, images, registry, workspace
from helpers._internal import command, connection, identity
from tests.helpers.integration.faults import Lesson


@pytest.fixture(scope="session")
def me(tmp_path_factory):
    """The name of a workspace of the tests' own, beside the user's; nothing of it stays."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKSPACE", f"check-{workspace.name()}")
        workspace.name.cache_clear()
        place = tmp_path_factory.mktemp("notebooks")
        patch.setattr(identity, "NOTEBOOK_DIR", place)
        patch.chdir(place)
        patch.setattr(connection, "logins", {})
        patch.setattr(command, "display", lambda one, **_: None)
        workspace.reset()
        yield workspace.name()
        workspace.reset()
    workspace.name.cache_clear()


@pytest.fixture
def world(me, busybox, monkeypatch, tmp_path):
    """A clean workspace: no container, name of an image or file of it; `world` helps to look."""
    monkeypatch.setattr(connection, "logins", {})
    (tmp_path / "docker").mkdir()
    environment = os.environ | {"DOCKER_CONFIG": str(tmp_path / "docker"), "TZ": "UTC"}
    made = World(me, environment)
    yield made
    made.tidy()


class World:
    """The workspace as the docker command sees it."""

    def __init__(self, me, environment):
        self.me, self.environment = me, environment
        self.api = engine.connect().api
        self.containerd = "containerd.snapshotter" in str(self.api.info()["DriverStatus"])
        self.planted = []

    def sh(self, line, *, said="", check=True):
        """Run a line in a shell without a terminal, in the notebooks' folder."""
        done = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, env=self.environment,
            input=said, start_new_session=True, timeout=60,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done

    def container(self, name):
        """Inspect a container; `None` where there is none."""
        with contextlib.suppress(docker.errors.NotFound):
            return self.api.inspect_container(name)

    def image(self, name):
        """Inspect an image; `None` where there is none."""
        with contextlib.suppress(docker.errors.NotFound):
            return self.api.inspect_image(name)

    def give_back_network(self, name):
        """Connect a container that could not start, which has no network on Engine 29 and later.

        Source: https://github.com/moby/moby/issues/51758
        """
        if not self.container(name)["NetworkSettings"]["Networks"]:
            self.sh(f"docker network connect bridge {name}")

    def like(self, size):
        """Give what an image's size equals when it is made again, in bytes."""
        # containerd's image store counts the config, whose two times end before their last zeros.
        return pytest.approx(size, abs=18) if self.containerd else size

    def looks(self, *names):
        """Give `docker inspect` of things to the byte, but where an image came from.

        Engine 29.2 and later tell that in any order.
        """
        found = json.loads(self.sh(f"docker inspect {' '.join(names)}").stdout)
        return json.dumps([one | {"Identity": None} for one in found])

    def ours(self):
        """List the workspace's containers as (id, name), but the registry."""
        found = self.api.containers(all=True, filters={"label": workspace.label()})
        rows = [(one["Id"], one["Names"][0].lstrip("/")) for one in found]
        return [row for row in rows if row[1] != f"{self.me}-registry"]

    def mine(self):
        """List the names of the workspace's containers, but the registry."""
        return sorted(name for _, name in self.ours())

    def plant(self, name, *, words="sleep 600", options="-d"):
        """Run a container that is not the workspace's."""
        self.sh(f"docker run {options} --name {name} busybox {words}", check=False)
        self.planted.append(name)
        assert self.container(name)

    def tidy(self):
        """Remove what the workspace made, but the registry, and what was planted."""
        for name in [*self.planted, *(short for short, _ in self.ours())]:
            with contextlib.suppress(docker.errors.APIError):
                self.api.remove_container(name, force=True, v=True)
        for image in self.api.images():
            for name in filter(identity.owns_tag, image["RepoTags"] or []):
                with contextlib.suppress(docker.errors.ImageNotFound):  # gone with another name
                    self.api.remove_image(name, force=True)
        for image in self.api.images(filters={"dangling": True, "label": workspace.label()}):
            with contextlib.suppress(docker.errors.APIError):
                self.api.remove_image(image["Id"])
        shutil.rmtree(identity.NOTEBOOK_DIR / "files", ignore_errors=True)


@pytest.fixture
def store(world):
    """The workspace's own registry, which runs; its repositories stay from test to test."""
    found = registry.private()
    yield found
    connection.logins.pop(str(found), None)


@pytest.fixture
def shown(monkeypatch):
    """The command lines that helpers show, one str each, in order."""
    lines = []
    monkeypatch.setattr(command, "display", lambda one, **_: lines.extend(one.lines))
    return lines


@pytest.fixture(scope="session")
def busybox():
    """The image that the tests start from, as a lesson's set-up cell brings it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "display", lambda one, **_: None)
        images.pull("busybox")
    return SimpleNamespace(name="busybox")


@pytest.fixture(scope="session")
def lessons(me, tmp_path_factory):
    """A maker of `faults.Lesson`s."""
    made = []

    def make(name):
        made.append(Lesson(f"{me}-{name}", tmp_path_factory.mktemp(name) / "notebooks"))
        made[-1].make()
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="session")
def dying(lessons):
    """Two lessons, `push` and `pull`, whose registry dies in the middle of that."""
    both = {name: lessons(name) for name in ("push", "pull")}
    both["pull"].send()
    both["pull"].gone()
    for name, one in both.items():
        one.cell = f"images.{name}({one.image!r}).digest"
        one.registry.after(2_000_000, "die")
        one.kernel.begin(one.cell)
    return both


@pytest.fixture
def ended(dying):
    """The same two lessons; what asks for this is done last of all, for it waits for their end."""
    return dying
