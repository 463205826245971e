"""What other users of the machine can do to the stand-in, and with the Engine's socket."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys

import pytest

from classroom import build, files, mirror, processes, stand_in, system
from classroom.errors import ClassroomError
from classroom.paths import ROOT
from tests.classroom.conftest import get

SHARED_MACHINE = ROOT / "tests" / "classroom" / "shared_machine.py"

WRITES = {
    "a manifest over one that is there": ("PUT", "/v2/library/busybox/manifests/latest"),
    "a new name": ("PUT", "/v2/library/other/manifests/1"),
    "a layer": ("POST", "/v2/library/busybox/blobs/uploads/"),
    "a layer of another repository": (
        "POST",
        "/v2/library/busybox/blobs/uploads/?from=library/registry&mount={digest}",
    ),
    "the end of a manifest": ("DELETE", "/v2/library/busybox/manifests/{digest}"),
    "the end of a layer": ("DELETE", "/v2/library/busybox/blobs/{digest}"),
}


def write(address, method, path, body):
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request(method, path, body, {"Content-Type": build.MANIFEST})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(("method", "path"), WRITES.values(), ids=WRITES)
def test_nobody_can_write_into_the_mirror(own, own_state, method, path):
    before = mirror.holds(own_state)
    manifest = get(own["mirror"], "/v2/library/busybox/manifests/glibc")[2]
    path = path.format(digest=before["library/busybox:latest"])
    assert write(own["mirror"], method, path, manifest) == 405
    port = int(own["mirror"].partition(":")[2])
    assert {name: mirror.head(port, name) for name in before} == before


def test_a_push_to_the_mirror_is_refused_and_a_pull_is_not(client, own):
    docker = shutil.which("docker")
    name = f"{own['mirror']}/library/busybox:latest"
    client.pull(f"{own['mirror']}/library/busybox:glibc")
    client.tag(f"{own['mirror']}/library/busybox:glibc", name)
    try:
        pushed = subprocess.run(
            [docker, "--host", client.host, "push", name], capture_output=True, text=True
        )
        assert pushed.returncode == 1 and "405" in pushed.stderr
    finally:
        client.untag(name)
        client.untag(f"{own['mirror']}/library/busybox:glibc")


def test_what_somebody_put_into_a_mirror_of_before_is_not_served(make_state):
    """The mirror took in what anyone sent, once; its storage may hold anything."""
    state = make_state()
    stand_in.start(state)
    stand_in.stop(state)
    storage = mirror.storage(state)
    holds = files.read_json(storage / "holds.json")
    files.write_json(storage / "holds.json", {"stamp": {}, "images": holds["images"]})
    tags = storage / "docker/registry/v2/repositories/library/busybox/_manifests/tags"
    (tags / "latest/current/link").write_text(holds["images"]["library/busybox:glibc"])
    shutil.copytree(storage / "docker/registry/v2/repositories/library/busybox",
                    storage / "docker/registry/v2/repositories/library/evil")  # fmt: skip
    port = int(stand_in.start(state)["mirror"].partition(":")[2])
    assert mirror.head(port, "library/busybox:latest") == holds["images"]["library/busybox:latest"]
    assert mirror.head(port, "library/evil:latest") is None


@pytest.mark.parametrize("part", ["mirror", "index"])
def test_another_program_that_takes_the_port_first_is_not_taken_for_ours(
    make_state, monkeypatch, own, part
):
    """It gets the port between our look and our start, and answers as ours would."""
    state = make_state()
    copy = relay(own[part])
    port = copy.stdout.readline().strip()
    monkeypatch.setattr(stand_in, "is_free", lambda port: True)
    monkeypatch.setitem(stand_in.DEFAULTS, part, int(port))
    other = {"mirror": "index", "index": "mirror"}[part]
    monkeypatch.setitem(stand_in.DEFAULTS, other, free_port())
    try:
        assert get(f"127.0.0.1:{port}", "/v2/" if part == "mirror" else "/v1/_ping")[0] == 200
        with pytest.raises(ClassroomError, match=f"The {part} on port {port} was started and"):
            stand_in.start(state)
        assert copy.poll() is None
    finally:
        copy.kill()
        copy.communicate()


RELAY = """
import http.client, http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        one = http.client.HTTPConnection(sys.argv[1])
        one.request(self.command, self.path, headers={"Accept": self.headers["Accept"] or "*/*"})
        answer = one.getresponse()
        self.send_response(answer.status)
        for key, value in answer.headers.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(answer.read())
    do_HEAD = do_GET
    def log_message(self, *arguments): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def relay(address):
    """Start a program that answers as another address does."""
    return subprocess.Popen(
        [sys.executable, "-c", RELAY, address], stdout=subprocess.PIPE, text=True
    )


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_who_listens_is_told_by_the_kernel(own, own_state):
    kept = files.read_json(own_state / "stand-in.json")
    for part in kept.values():
        assert processes.listens(part["process"]["pid"], part["port"])
        assert not processes.listens(os.getpid(), part["port"])
        assert not processes.listens(part["process"]["pid"], part["port"] + 7)


def test_other_users_can_write_nothing_of_ours(make_state, tmp_path):
    """Also where the umask lets them, and in what was made before."""
    state = make_state()
    (state / "jupyter").mkdir(mode=0o777)
    (state / "jupyter").chmod(0o777)
    (state / "sources.json").write_text("{}")
    (state / "sources.json").chmod(0o666)
    code = (
        "import sys; from pathlib import Path; from classroom import commands, stand_in\n"
        "commands.STATE = state = Path(sys.argv[1])\n"
        "def status(rest, yes):\n"
        "    'Start the stand-in.'\n"
        "    with commands._lock(): stand_in.start(state)\n"
        "commands.COMMANDS['status'] = status\n"
        "sys.exit(commands.main(['status']))"
    )
    subprocess.run(
        ["sh", "-c", 'umask 0; exec "$@"', "sh", sys.executable, "-c", code, str(state)],
        check=True,
        cwd=ROOT,
    )
    assert stand_in.addresses(state)
    mine = [path for path in state.rglob("*") if not path.is_symlink()]
    assert len(mine) > 30
    assert [path for path in [state, *mine] if path.stat().st_mode & 0o022] == []


def started_by(user, place):
    """Start a real Engine as a user of a shared machine; returns what each user got."""
    root = system.root_prefix("to try what other users can do")
    flags = [str(flag) for flag in place]
    if "--group" in flags:  # that of whoever runs the tests
        at = flags.index("--group")
        del flags[at : at + 2]
    ran = subprocess.run(
        [*root, "env", f"PYTHONPATH={ROOT}", "unshare", "--mount", "--propagation", "private",
         sys.executable, SHARED_MACHINE, user, *flags],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1]), ran.stdout


def who_gets_in(result):
    return {user for user, got in result.items() if got == "True"}


def test_an_engine_s_socket_is_for_a_group_of_one_s_own(private_place):
    result, said = started_by("ada", private_place)
    assert result["group"] == result["socket"] == "ada"
    assert result["started"].count(".") == 2 and "root can" not in said
    assert who_gets_in(result) == {"ada"}
    for user in ("bob", "dora", "nobody-known"):
        assert "its socket is for ada alone" in result[user]


def test_an_engine_s_socket_is_not_for_the_classmates(private_place):
    """Dora's own group is that of all students; she is in the group docker."""
    result, said = started_by("dora", private_place)
    assert result["group"] == result["socket"] == "docker"
    assert said.splitlines()[0] == (
        "The Docker Engine's socket is for the group docker, since your own group is not yours "
        "alone; who is in it can do all that root can."
    )
    assert who_gets_in(result) == {"dora"}
    assert "sudo usermod -aG docker bob` (who is in it can do all that root can)" in result["bob"]
    assert "no entry in /etc/passwd" in result["nobody-known"]


@pytest.mark.parametrize("user", ["bob", "eve", "fred", "hugo"])
def test_who_has_no_group_of_one_s_own_is_told_to_join_docker_s(private_place, user):
    result, _ = started_by(user, private_place)
    assert result["group"] == "docker"
    assert f"sudo usermod -aG docker {user}`" in result["started"]
    assert result["started"].startswith("ClassroomError: A Docker Engine was to be started, and")
    assert "socket" not in result and who_gets_in(result) == set()


def test_the_group_docker_is_made_where_there_is_none(private_place):
    result, _ = started_by("bob-without-docker", private_place)
    assert result["group"] == "docker" and "docker" in result["groups"]
    assert "sudo usermod -aG docker bob`" in result["started"]
