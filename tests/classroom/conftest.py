"""What the tests of `classroom` share: a stand-in and an Engine of their own.

They run beside the user's: other ports, another socket, another data folder.
"""

import http.client
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from classroom import build, engine, packages, stand_in, system
from classroom.paths import STATE


def get(address, path, method="GET"):
    """Ask an address; returns status, headers and body."""
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request(method, path, headers={"Accept": build.MANIFEST})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def get_json(address, path):
    """Ask an address; returns status and the parsed body."""
    status, _, body = get(address, path)
    return status, json.loads(body)


@pytest.fixture(scope="session")
def unpacked():
    """The unpacked packages, fetched once for the clone and all its tests."""
    return packages.fetch(build.PACKAGES, STATE)


@pytest.fixture
def make_state(tmp_path, unpacked):
    """Return a maker of fresh state folders that use the packages that are there."""
    made = []

    def make(name="state"):
        state = tmp_path / name
        state.mkdir()
        (state / "packages").symlink_to(STATE / "packages")
        made.append(state)
        return state

    yield make
    for state in made:
        stand_in.stop(state)


@pytest.fixture(scope="session")
def own_state(tmp_path_factory, unpacked):
    """The state folder of the tests' own stand-in, which is running."""
    state = tmp_path_factory.mktemp("stand-in")
    (state / "packages").symlink_to(STATE / "packages")
    stand_in.start(state)
    yield state
    stand_in.stop(state)


@pytest.fixture(scope="session")
def own(own_state):
    """Where the tests' own stand-in answers: mirror and index."""
    return stand_in.addresses(own_state)


@pytest.fixture
def client():
    """The user's Engine; it has to be there."""
    found = engine.find()
    assert found is not None, "no Docker Engine answers; run these by `python3 -m classroom test`"
    return found


# An Engine with `--bridge none` removes docker0, also that of another Engine. So the tests' Engine
# gets a bridge of its own, made and removed by the kernel's SIOCBRADDBR and SIOCBRDELBR.
BRIDGE = "import fcntl, socket, sys; fcntl.ioctl(socket.socket(), int(sys.argv[1]), sys.argv[2])"
ADD_BRIDGE, REMOVE_BRIDGE = 0x89A0, 0x89A1


@pytest.fixture
def private_place(monkeypatch):
    """Let `engine.start` work in a folder of the test, away from the usual socket and data."""
    folder = Path(tempfile.mkdtemp(prefix="dockerd-", dir="/tmp"))  # a socket's path must be short
    bridge = f"test{folder.name[-8:]}"
    root = [*system.root_prefix("to run an Engine for a test")]
    monkeypatch.setattr(engine, "SOCKET", str(folder / "docker.sock"))
    monkeypatch.setattr(engine, "PID_FILE", folder / "docker.pid")
    flags = [
        *engine._flags(None),  # the socket is to be this user's as well
        *("--host", f"unix://{folder}/docker.sock", "--pidfile", folder / "docker.pid"),
        *("--data-root", folder / "data", "--exec-root", folder / "exec"),
        *("--bridge", bridge, "--iptables=false", "--ip-masq=false", "--ip-forward=false"),
    ]
    monkeypatch.setattr(engine, "_flags", lambda mirror: flags)
    subprocess.run([*root, sys.executable, "-c", BRIDGE, str(ADD_BRIDGE), bridge], check=True)
    yield flags
    subprocess.run([*root, "sh", "-c", f"echo 0x1002 >/sys/class/net/{bridge}/flags"], check=True)
    subprocess.run([*root, sys.executable, "-c", BRIDGE, str(REMOVE_BRIDGE), bridge], check=True)
    # An Engine that could not start leaves its data folder mounted on itself.
    subprocess.run([*root, "umount", folder / "data"], capture_output=True)
    subprocess.run([*root, "rm", "-rf", folder], check=True)


@pytest.fixture
def private_engine(private_place, tmp_path):
    """A running Engine that does not know the mirror, started and stopped by our own code."""
    state = tmp_path / "engine-state"
    docker0 = Path("/sys/class/net/docker0").exists()
    yield engine.start(state)
    assert engine.is_ours(state)
    assert engine.stop(state)
    assert Path("/sys/class/net/docker0").exists() == docker0, "the user's network was touched"
