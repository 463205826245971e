"""What `containers.run` asks the Engine, and in which order."""

import socket

import pytest

from helpers import containers
from helpers._internal import errors
from tests.helpers.fake_server import Stream

NEW, OLD = "f" * 64, "0" * 64
CREATE, REMOVE = ("POST", "/containers/create"), ("DELETE", f"/containers/{OLD}")
LIST = ("GET", "/containers/json")
IN_USE = f'Conflict. The container name "/ada-web" is already in use by container "{OLD}".'
OWN = {"Id": OLD, "Name": "/ada-web", "Config": {"Labels": {"lesson": "ada"}}}
ROW = {"Names": ["/ada-web"], "Image": "busybox", "Command": "sleep 60", "State": "running",
       "Status": "Up", "Ports": [], "Created": 1, "Id": NEW}  # fmt: skip


class InTurn(dict):
    """Answers, of which a list gives one a request and its last for ever."""

    def get(self, key, default=None):
        answer = super().get(key, default)
        if type(answer) is list and key == CREATE:
            return answer.pop(0) if len(answer) > 1 else answer[0]
        return answer


@pytest.fixture
def engine(fake_engine, docker_hub, ada):
    """An Engine that creates and starts whatever it is asked to."""
    fake_engine.answers = InTurn()
    fake_engine.answers[CREATE] = (201, {"Id": NEW, "Warnings": []}, {})
    fake_engine.answers["POST", f"/containers/{NEW}/start"] = (204, b"", {})
    fake_engine.answers[REMOVE] = (204, b"", {})
    fake_engine.answers[LIST] = [ROW]
    return fake_engine


def calls(engine):
    return [one[:2] for one in engine.asked]


@pytest.fixture
def free():
    """The number of a port that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_a_fresh_name_takes_three_calls(engine):
    found = containers.run("busybox", "sleep 60", name="web", detach=True)
    assert found.names.tolist() == ["ada-web"]
    assert calls(engine) == [CREATE, ("POST", f"/containers/{NEW}/start"), LIST]


def test_a_fresh_name_with_a_port_takes_four(engine, free):
    containers.run("busybox", "sleep 60", name="web", detach=True, publish=f"{free}:80")
    assert len(engine.asked) <= 4


def test_the_workspace_s_own_container_makes_room(engine):
    engine.answers[CREATE] = [(409, {"message": IN_USE}, {}), engine.answers[CREATE]]
    engine.answers["GET", "/containers/ada-web/json"] = OWN
    containers.run("busybox", "sleep 60", name="web", detach=True)
    assert calls(engine)[:4] == [CREATE, ("GET", "/containers/ada-web/json"), REMOVE, CREATE]


@pytest.mark.parametrize("other", [{"Labels": {"lesson": "bob"}}, {"Labels": {}}, {"Labels": None}])
def test_a_container_that_is_not_the_workspace_s_stays(engine, other):
    engine.answers[CREATE] = (409, {"message": IN_USE}, {})
    engine.answers["GET", "/containers/ada-web/json"] = OWN | {"Config": other}
    with pytest.raises(errors.NotOwned, match="docker run .*was not made by this workspace"):
        containers.run("busybox", "sleep 60", name="web", detach=True)
    assert REMOVE not in calls(engine)


@pytest.mark.parametrize(
    "bad",
    [
        {"memory": "lots"}, {"cpus": "half"}, {"restart": "now"}, {"publish": "80"},
        {"env": ["A=1"]}, {"command": "echo 'x"}, {"command": 5}, {"image": "no such name"},
    ],
    ids=str,
)  # fmt: skip
def test_what_can_t_be_read_removes_nothing(engine, bad):
    engine.answers[CREATE] = (409, {"message": IN_USE}, {})
    engine.answers["GET", "/containers/ada-web/json"] = OWN
    if "image" in bad:  # which the Engine looks at before the name
        engine.answers[CREATE] = (400, {"message": "invalid reference format"}, {})
    with pytest.raises(errors.LessonError, match="docker run|read "):
        containers.run(**{"image": "busybox", "name": "web", "detach": True} | bad)
    assert REMOVE not in calls(engine)


def test_a_container_that_can_t_start_does_not_stay(engine):
    wrong = {"message": 'exec: "nope": executable file not found in $PATH: unknown'}
    engine.answers["POST", f"/containers/{NEW}/start"] = (400, wrong, {})
    engine.answers["DELETE", f"/containers/{NEW}"] = (204, b"", {})
    with pytest.raises(errors.LessonError, match="no such command"):
        containers.run("busybox", "nope", name="web", detach=True)
    assert calls(engine)[-1] == ("DELETE", f"/containers/{NEW}")


def test_a_port_that_the_old_container_has_is_the_new_one_s(engine, shown):
    """Else the cell would show another port each time that it is run again."""
    with socket.socket() as old:
        old.bind(("127.0.0.1", 0))
        old.listen()
        port = old.getsockname()[1]
        bound = [{"HostIp": "127.0.0.1", "HostPort": str(port)}]
        engine.answers["GET", "/containers/ada-web/json"] = OWN | {
            "NetworkSettings": {"Ports": {"80/tcp": bound}}
        }
        containers.run("busybox", "sleep 60", name="web", detach=True, publish=f"{port}:80")
        containers.run("busybox", "sleep 60", name="other", detach=True, publish=f"{port}:80")
    assert f"-p 127.0.0.1:{port}:80 " in shown[0]
    assert f"-p 127.0.0.1:{port}:80 " not in shown[1]


GONE = (404, {"message": "No such image: busybox:latest"}, {})


def test_an_image_that_is_not_here_is_pulled_once(engine):
    """By digest out of a mirror, an Engine does not know it by the name that was asked for."""
    engine.answers["POST", "/images/create"] = Stream({"status": "Pulling"})
    engine.answers[CREATE] = [GONE, (409, {"message": IN_USE}, {}), engine.answers[CREATE]]
    engine.answers["GET", "/containers/ada-web/json"] = OWN
    containers.run("busybox", "sleep 60", name="web", detach=True)
    assert calls(engine).count(CREATE) == 3
    engine.asked.clear()
    engine.answers[CREATE] = GONE
    with pytest.raises(errors.NotFound):
        containers.run("busybox", "sleep 60", name="web", detach=True)
    assert calls(engine).count(("POST", "/images/create")) == 1


@pytest.mark.parametrize("status", [404, 409])
def test_with_rm_an_engine_removes_itself_what_can_t_start(engine, status):
    wrong = {"message": 'exec: "nope": executable file not found in $PATH: unknown'}
    engine.answers["POST", f"/containers/{NEW}/start"] = (400, wrong, {})
    engine.answers["DELETE", f"/containers/{NEW}"] = (status, {"message": "No such container"}, {})
    with pytest.raises(errors.LessonError, match="no such command"):
        containers.run("busybox", "nope", name="web", detach=True, rm=True)
