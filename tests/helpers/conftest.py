"""What the tests of `helpers` share: recorded answers over the real docker-py, and shown lines."""

import docker
import pytest

from helpers import engine, workspace
from helpers._internal import connection, identity
from tests.helpers.fake_server import FakeServer


@pytest.fixture
def serve():
    """Return a maker of `FakeServer`s."""
    made = []

    def make():
        made.append(FakeServer())
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def fake_engine(serve, shown):
    """A `FakeServer` in the Engine's place; `fake_engine.client` is docker-py's client for it."""
    server = serve()
    server.client = docker.DockerClient(base_url=f"tcp://{server.address}", version="1.41")
    engine.use(server.client)
    yield server
    engine.use(None)
    server.client.close()


@pytest.fixture
def docker_hub(monkeypatch):
    """No classroom: images and search results come from Docker Hub."""
    monkeypatch.setenv("CLASSROOM", "off")


@pytest.fixture
def ada(monkeypatch):
    """The workspace is ada's, and nobody is logged in."""
    monkeypatch.setenv("WORKSPACE", "ada")
    workspace.name.cache_clear()
    monkeypatch.setattr(connection, "logins", {})
    yield "ada"
    workspace.name.cache_clear()


@pytest.fixture
def in_tmp(monkeypatch, tmp_path, ada):
    """The notebooks' folder is the test's own; its folder for ada's files is there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(identity, "NOTEBOOK_DIR", tmp_path)
    (tmp_path / "files" / ada).mkdir(parents=True)
    return tmp_path
