"""What a room starts from, and what is said where it cannot be had."""

import json
import subprocess
import sys

import pytest
from jupyterhub.app import JupyterHub

from classroom import room
from classroom.errors import ClassroomError


@pytest.fixture
def docker(monkeypatch, tmp_path):
    """The docker commands that are run, with an Engine that has the image and the network."""
    said = {"images": "5e69", "network": '[{"IPAM": {"Config": [{"Gateway": "172.30.0.1"}]}}]'}
    ran = []

    def run(*words, check=True):
        ran.append(words)
        return said.get(words[0], "")

    monkeypatch.setattr(room, "FOLDER", tmp_path / "hub")
    monkeypatch.setattr(room, "ROOM", tmp_path / "hub" / "room.json")
    monkeypatch.setattr(room, "_docker", run)
    monkeypatch.setattr(room, "prepare_proxy", lambda folder: ["node", "proxy"])
    run.said, run.ran = said, ran
    return run


def test_the_passwords_are_made_once_and_only_their_owner_reads_them(docker):
    first, second = room.prepare("on"), room.prepare("on")
    assert first == second == json.loads(room.ROOM.read_text())
    assert len(first["password"]) >= 8 and len(first["instructor_password"]) >= 32
    assert room.FOLDER.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("sources", "env"), [("off", "REMOTEURL=https://"), ("on", "readonly")])
def test_the_mirror_asks_docker_hub_only_where_it_is_in_reach(docker, sources, env):
    assert room.prepare(sources)["mirror"] == "http://172.30.0.1:5050"
    [run] = [words for words in docker.ran if words[:2] == ("run", "--detach")]
    assert any(env in word for word in run)
    assert "REGISTRY_HTTP_ADDR=172.30.0.1:5050" in run


def test_without_the_image_it_says_how_to_build_it(docker):
    docker.said["images"] = ""
    with pytest.raises(ClassroomError, match="not built; run `python3 -m classroom image`"):
        room.prepare("on")


def test_elsewhere_than_on_linux_it_says_so(docker, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ClassroomError, match="its server must run Linux"):
        room.prepare("on")
    assert docker.ran == []


@pytest.mark.parametrize(
    ("rest", "said"),
    [([], "--ip=0.0.0.0 opens it"), (["--ip=0.0.0.0"], "in the clear"),
     (["--ip", "0.0.0.0", "--ssl-key=k", "--ssl-cert=c"], "")],
)  # fmt: skip
def test_it_says_what_a_room_that_others_reach_wants(capsys, rest, said):
    room.tell({"password": "first", "instructor_password": "second"}, rest)
    lines = capsys.readouterr().out.splitlines()
    assert "first" in lines[0] and "second" in lines[1]
    assert said in "".join(lines[2:]) and bool(lines[2:]) == bool(said)


def test_a_configuration_of_ones_own_takes_the_place_of_ours():
    assert str(room.CONFIGURATION) in map(str, room.command(["--ip=0.0.0.0"]))
    assert str(room.CONFIGURATION) not in map(str, room.command(["-f", "mine.py"]))
    assert str(room.CONFIGURATION) not in map(str, room.command(["--config=mine.py"]))


@pytest.mark.parametrize(
    ("rest", "address"),
    [([], "http://127.0.0.1:8000/"), (["--ip=0.0.0.0"], "http://0.0.0.0:8000/"),
     (["--ip=0.0.0.0", "--port=443", "--ssl-key=a", "--ssl-cert=b"], "https://0.0.0.0:443/")],
)  # fmt: skip
def test_it_listens_where_the_command_line_says(docker, rest, address):
    room.prepare("on")
    hub = JupyterHub()
    hub.parse_command_line(list(map(str, room.command(rest)[3:])))
    hub.load_config_file(hub.config_file)
    assert hub.bind_url == address


def test_the_end_ends_no_process_that_took_the_proxys_number(docker):
    room.prepare("on")
    other = subprocess.Popen(["sleep", "60"])
    try:
        (room.FOLDER / "jupyterhub-proxy.pid").write_text(str(other.pid))
        assert room.close() == []
        assert other.poll() is None and not (room.FOLDER / "jupyterhub-proxy.pid").exists()
    finally:
        other.kill()
        other.wait()


def test_the_end_ends_the_proxy(docker):
    room.prepare("on")
    program = room.FOLDER / "configurable-http-proxy"
    program.write_text("import time\nprint('up', flush=True)\ntime.sleep(60)\n")
    proxy = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE)
    try:
        proxy.stdout.readline()
        (room.FOLDER / "jupyterhub-proxy.pid").write_text(str(proxy.pid))
        assert room.close() == ["proxy"]
        assert proxy.wait(10) == -15
    finally:
        proxy.kill()
        proxy.wait()


def test_where_no_room_was_opened_nothing_is_asked(docker):
    assert room.close() == [] and docker.ran == []


def test_without_the_docker_command_it_says_what_was_tried(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(room.system, "find_program", lambda name: None)
    with pytest.raises(ClassroomError, match="`docker ps` was tried and failed .*No such file"):
        room._docker("ps")
    assert room._docker("ps", check=False) == ""
