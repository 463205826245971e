"""Which Engine is used, and what is said where none can be."""

import hashlib
import json
import os
import socket
import tempfile
import threading
import time
from pathlib import Path

import pytest

from classroom import docker_hub, engine, engine_api, mirror
from classroom.engine import Address
from classroom.errors import ClassroomError

VERSION = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + b'{"Version": "1.2.3"}'


@pytest.fixture
def black_hole():
    """An Engine that says its version and swallows every other question."""
    folder = tempfile.TemporaryDirectory(dir="/tmp")
    path = f"{folder.name}/docker.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    taken = []

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            taken.append(connection)
            if connection.recv(1000).startswith(b"GET /version"):
                connection.sendall(VERSION)

    threading.Thread(target=serve, daemon=True).start()
    yield f"unix://{path}"
    listener.close()
    for connection in taken:
        connection.close()
    folder.cleanup()


@pytest.fixture
def silence():
    """A socket that takes connections and never says a word."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{folder}/docker.sock")
            listener.listen()
            yield f"unix://{folder}/docker.sock"


def test_a_network_that_swallows_packets_costs_no_more_than_three_seconds(black_hole):
    client = engine.find(Address(black_hole, "DOCKER_HOST"))
    start = time.monotonic()
    assert client.reaches_docker_hub(docker_hub.SECONDS) is False
    assert time.monotonic() - start < 3


def test_docker_hub_is_in_reach_if_the_engine_says_so(monkeypatch):
    client = engine_api.Engine("unix:///nowhere")
    monkeypatch.setattr(client, "_ask", lambda *arguments: b"[]")
    assert client.reaches_docker_hub(1) is True


def test_a_silent_engine_that_was_named_is_an_error(silence):
    start = time.monotonic()
    with pytest.raises(ClassroomError, match="that DOCKER_HOST names") as caught:
        engine.find(Address(silence, "DOCKER_HOST"))
    assert time.monotonic() - start < 4
    assert silence in str(caught.value)


def test_a_silent_engine_at_the_usual_place_is_an_error(silence):
    with pytest.raises(ClassroomError, match="gave no answer within 3 seconds; restart it"):
        engine.find(Address(silence))


def test_no_engine_at_the_usual_place_is_none(tmp_path):
    assert engine.find(Address(f"unix://{tmp_path}/docker.sock")) is None


def test_a_named_engine_that_is_not_there_is_an_error():
    with pytest.raises(ClassroomError, match="tcp://127.0.0.1:9.*does not answer"):
        engine.find(Address("tcp://127.0.0.1:9", "DOCKER_HOST"))


def test_a_socket_that_may_not_be_used_names_the_group(monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(engine_api.Engine, "version", refuse)
    with pytest.raises(ClassroomError, match="sudo usermod -aG docker "):
        engine.find(Address("unix:///nowhere/docker.sock"))


def test_an_address_of_an_unknown_kind_is_an_error():
    with pytest.raises(ClassroomError, match="ssh://me@there begins with ssh:"):
        engine.find(Address("ssh://me@there", "DOCKER_HOST"))


def test_docker_host_goes_before_the_context(tmp_path):
    write_context(tmp_path, "class", "tcp://10.0.0.1:2375")
    named = {"DOCKER_HOST": "tcp://1.2.3.4:2375", "DOCKER_CONTEXT": "class"}
    assert engine.address(named, tmp_path) == Address("tcp://1.2.3.4:2375", "DOCKER_HOST")
    found = engine.address({"DOCKER_CONTEXT": "class"}, tmp_path)
    assert found == Address("tcp://10.0.0.1:2375", "the Docker context class")


def test_the_current_context_is_used(tmp_path):
    write_context(tmp_path, "class", "unix:///run/class.sock")
    (tmp_path / ".docker/config.json").write_text(json.dumps({"currentContext": "class"}))
    assert engine.address({}, tmp_path).host == "unix:///run/class.sock"
    default = engine.address({"DOCKER_CONTEXT": "default"}, tmp_path)
    assert default == Address("unix:///var/run/docker.sock")


def test_a_context_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ClassroomError, match="the Docker context lost says"):
        engine.address({"DOCKER_CONTEXT": "lost"}, tmp_path)


def write_context(home, name, host):
    folder = home / ".docker/contexts/meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    meta = {"Name": name, "Endpoints": {"docker": {"Host": host}}}
    (folder / "meta.json").write_text(json.dumps(meta))


def test_an_engine_without_the_mirror_gets_the_images(private_engine, own, own_state):
    """It keeps a name that it has, and no name of the mirror stays behind."""
    long = f"{own['mirror']}/library/busybox:glibc"
    private_engine.pull(long)
    private_engine.tag(long, "busybox:latest")  # the user's own idea of busybox:latest
    private_engine.untag(long)
    glibc = image_id(private_engine, "busybox:latest")

    told = docker_hub.open_(own_state, private_engine)

    assert told == {**own, "mirrored": False}
    assert docker_hub.sources(own_state) == told
    names = [name.removeprefix("library/") for name in mirror.for_lessons(own_state)]
    assert sorted(names) == sorted(tags(private_engine))
    assert image_id(private_engine, "busybox:latest") == glibc
    assert image_id(private_engine, "busybox:glibc") == glibc
    assert docker_hub.put_images(private_engine, own["mirror"], mirror.for_lessons(own_state)) == []

    with pytest.raises(ClassroomError, match="CLASSROOM=off where Docker Hub can be reached"):
        docker_hub.put_images(private_engine, "127.0.0.1:9", ["library/other:1"])


def image_id(client, name):
    return client._json("GET", f"/images/{name}/json")["Id"]


def tags(client):
    return [tag for image in client._json("GET", "/images/json") for tag in image["RepoTags"]]


def test_an_engine_that_cannot_run_says_why(private_place, tmp_path):
    private_place += ["--storage-driver", "no-such-driver"]
    with pytest.raises(
        ClassroomError, match="does not run: .*driver.* not (supported|available).*An Engine needs"
    ):
        engine.start(tmp_path)
    assert not engine.is_ours(tmp_path)


def test_a_pid_file_of_another_process_does_not_stop_an_engine(private_place):
    engine.PID_FILE.write_text(str(os.getpid()))
    engine._remove_stale_pid_file(engine.system.root_prefix("to test"))
    assert not engine.PID_FILE.exists()


def test_an_engine_that_another_clone_is_starting_is_waited_for(private_engine, tmp_path):
    """As two commands at the same time: one Engine runs, and it is not the second one's."""
    found = engine.start(tmp_path / "other")
    assert found.host == private_engine.host and found.version()
    assert not engine.is_ours(tmp_path / "other")


def test_the_engine_is_told_of_the_mirror_unless_its_configuration_has_one(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "CONFIGURATION", tmp_path / "daemon.json")
    assert engine._flags("http://127.0.0.1:5050")[:2] == [
        "--registry-mirror",
        "http://127.0.0.1:5050",
    ]
    Path(tmp_path / "daemon.json").write_text('{"registry-mirrors": ["http://other"]}')
    assert "--registry-mirror" not in engine._flags("http://127.0.0.1:5050")


@pytest.mark.parametrize(
    ("set_to", "value"), [(None, "auto"), ("", "auto"), ("on", "on"), ("off", "off")]
)
def test_classroom_has_three_values(set_to, value):
    assert docker_hub.choice({} if set_to is None else {"CLASSROOM": set_to}) == value


def test_another_value_of_classroom_is_an_error():
    with pytest.raises(ClassroomError, match="'yes', which is neither of on, off, auto"):
        docker_hub.choice({"CLASSROOM": "yes"})


def test_off_leaves_no_stand_in(make_state, client):
    from classroom import stand_in

    state = make_state()
    docker_hub.open_(state, client)
    assert docker_hub.prepare(state, "off")[1] == "off"
    assert stand_in.addresses(state) == {} and docker_hub.sources(state) == {}


def test_the_lessons_are_told_where_the_stand_in_is(client):
    """The clone's own stand-in is up, as `python3 -m classroom test` leaves it."""
    from classroom.paths import STATE

    told = docker_hub.sources(STATE)
    assert set(told) == {"index", "mirror", "mirrored"}
    assert told["mirrored"] == (f"http://{told['mirror']}" in client.mirrors())
