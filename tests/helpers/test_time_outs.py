"""Every call to the Engine ends, also where the Engine says nothing more."""

import contextlib
import socket
import struct
import threading
import time

import docker.errors
import pytest
import requests

from helpers import containers, engine, images, registry
from helpers._internal import connection, containers as inner, errors
from helpers._internal.images import detect_stall

LIMIT = 0.25
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
UPGRADED = (
    b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
    b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
)


def json_answer(text):
    return HEAD + f"Content-Length: {len(text)}\r\n\r\n".encode() + text.encode()


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Silent:
    """An Engine that says what it is told to say for a path, and then says nothing more."""

    def __init__(self):
        self.says, self.taken = {}, []
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.taken.append(connection)
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        asked = b""
        while True:
            try:
                asked += connection.recv(65536)
            except OSError:
                return
            if not asked:
                return
            while b"\r\n\r\n" in asked:
                head, _, asked = asked.partition(b"\r\n\r\n")
                path = head.split(b" ")[1].decode().partition("?")[0]
                path = path.removeprefix("/v1.41")
                if path in self.says:
                    connection.sendall(self.says[path])
                asked = b"" if b"POST" in head else asked

    def close(self):
        self.listener.close()
        for peer in self.taken:
            peer.close()


@pytest.fixture
def silent(shown, ada, monkeypatch):
    server = Silent()
    monkeypatch.setenv("CLASSROOM", "off")
    base = f"tcp://{server.address}"
    server.client = connection.Client(base_url=base, version="1.41", timeout=LIMIT)
    engine.use(server.client)
    owned = (
        '{"Id": "f0", "Name": "/ada-a", "Config": {"Labels": {"lesson": "ada"}, "Tty": false},'
        ' "HostConfig": {}}'
    )
    server.says["/containers/ada-a/json"] = json_answer(owned)
    server.says["/containers/ada-a/top"] = json_answer('{"Processes": [["sleep 60"]]}')
    yield server
    engine.use(None)
    server.close()


def within(seconds, call):
    """Call something that may never end, and fail where it does not; give what it raised."""
    outcome = []

    def work():
        try:
            outcome.append(call())
        except BaseException as err:
            outcome.append(err)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), f"it still goes on after {seconds} s"
    return outcome[0]


def slow(call):
    """Expect `Timeout`, neither at once nor late."""
    begun = time.monotonic()
    found = within(3, call)
    assert isinstance(found, errors.Timeout), repr(found)
    assert time.monotonic() - begun > LIMIT * 0.5


@pytest.mark.parametrize(
    "call",
    [
        images.ls,
        lambda: images.pull("busybox"),
        lambda: images.push("ada/x:1"),
        lambda: images.inspect("busybox"),
        lambda: images.rm("ada/x:1"),
        lambda: registry.search("busybox"),
        lambda: registry.tag("busybox", "ada/x:1"),
        lambda: registry.login("127.0.0.1:1", "ada", "x"),
        containers.ps,
        lambda: containers.inspect("b"),
        lambda: containers.start("a"),
        lambda: containers.rm("a"),
        lambda: containers.logs("a"),
        lambda: containers.exec_("a", "true"),
        engine.kernel,
    ],
)
def test_an_engine_that_never_answers(silent, call):
    slow(call)


def test_stop_waits_as_long_as_the_grace_and_then_no_longer(silent):
    begun = time.monotonic()
    found = within(15, lambda: pytest.raises(errors.Timeout, containers.stop, "a", grace=1))
    assert isinstance(found.value, errors.Timeout)
    assert 1 <= time.monotonic() - begun < 5


def test_kill_and_wait_have_a_limit(silent, monkeypatch):
    monkeypatch.setattr(inner, "RUN_TIMEOUT", LIMIT)
    silent.says["/containers/ada-a/kill"] = b"HTTP/1.1 204 No Content\r\n\r\n"
    slow(lambda: containers.wait("a"))
    slow(lambda: containers.kill("a", signal="HUP"))


def test_a_container_in_the_foreground_that_never_ends_is_removed(silent, monkeypatch):
    monkeypatch.setattr(inner, "RUN_TIMEOUT", LIMIT)
    silent.says["/containers/create"] = json_answer('{"Id": "f0"}')
    nothing = b"HTTP/1.1 204 No Content\r\n\r\n"
    silent.says["/containers/f0/start"] = silent.says["/containers/f0"] = nothing
    found = within(3, lambda: containers.run("busybox", "sleep 600", name="a"))
    assert isinstance(found, errors.Timeout), repr(found)
    assert "docker run --name ada-a" in str(found) and "was removed" in str(found)


def test_a_pull_that_goes_silent_in_the_middle(silent):
    silent.says["/images/create"] = CHUNKED + chunk(b'{"status": "Pulling"}\r\n')
    found = within(3, lambda: images.pull("busybox"))
    assert isinstance(found, errors.Timeout), repr(found)


def test_a_push_that_goes_silent_in_the_middle(silent):
    silent.says["/images/ada/x/push"] = CHUNKED + chunk(b'{"status": "Preparing"}\r\n')
    found = within(3, lambda: images.push("ada/x:1"))
    assert isinstance(found, errors.Timeout), repr(found)


def test_an_engine_that_says_again_and_again_that_it_waits():
    def said(*counts):
        for count in counts:
            yield {"id": "1b54043c41e4", "status": "Waiting", "progressDetail": {"current": count}}
            yield {"id": "872043bacb51", "status": "Waiting", "progressDetail": {}}
            time.sleep(0.01)

    assert len(list(detect_stall(said(*range(20)), 0.1))) == 40
    with pytest.raises(requests.ReadTimeout):
        list(detect_stall(said(*[7] * 20), 0.1))


def test_an_archive_that_goes_silent_in_the_middle_leaves_no_half_file(silent, in_tmp):
    silent.says["/images/busybox/get"] = CHUNKED + chunk(b"x" * 512)
    silent.says["/containers/ada-a/export"] = CHUNKED + chunk(b"x" * 512)
    for call in (
        lambda: images.save("busybox", "a.tar"),
        lambda: images.export("a", "a.tar"),
    ):
        found = within(3, call)
        assert isinstance(found, errors.Timeout), repr(found)
        assert list((in_tmp / "files/ada").iterdir()) == []


def test_logs_that_go_silent_in_the_middle(silent):
    """`ready` says that nothing printed for 60 s is `Timeout`; docker-py takes the time-out off."""
    said = struct.pack(">BxxxL", 1, 3) + b"hi\n"
    silent.says["/containers/ada-a/logs"] = CHUNKED + chunk(said)
    found = within(3, lambda: containers.ready("a", "never"))
    assert isinstance(found, errors.Timeout), repr(found)


def test_a_command_that_goes_on_and_says_nothing(silent, monkeypatch):
    """`exec_` of a command that never ends: docker-py polls its socket without a limit."""
    monkeypatch.setattr(inner, "RUN_TIMEOUT", LIMIT)
    silent.says["/containers/ada-a/exec"] = json_answer('{"Id": "e0"}')
    silent.says["/exec/e0/start"] = UPGRADED
    found = within(3, lambda: containers.exec_("a", "sleep 600"))
    assert isinstance(found, errors.Timeout), repr(found)


def test_an_own_limit_goes_before_the_client_s(silent):
    sent = silent.client.api._set_request_timeout({"timeout": 7})
    assert sent["timeout"] == (connection.CONNECT_TIMEOUT, 7)
    for unset in ({}, {"timeout": None}):
        sent = silent.client.api._set_request_timeout(unset)
        assert sent["timeout"] == (connection.CONNECT_TIMEOUT, LIMIT)


def sluggish(listener, pause):
    """Take a connection, read nothing of what is sent for a while, then all; and answer."""
    connection, _ = listener.accept()
    time.sleep(pause)
    connection.settimeout(0.5)
    with connection, contextlib.suppress(OSError):  # who has sent it may have given up
        with contextlib.suppress(TimeoutError):
            while connection.recv(2**20):
                pass
        connection.sendall(CHUNKED + chunk(b'{"stream": "Loaded image: x"}') + chunk(b""))


@pytest.mark.parametrize(("answer", "outcome"), [(9, None), (0.3, errors.Timeout)])
def test_an_engine_that_takes_an_archive_slowly(monkeypatch, answer, outcome):
    """As where thirty learners load: a piece may wait for longer than a connection may."""
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT", 0.1)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        threading.Thread(target=sluggish, args=(listener, 1), daemon=True).start()
        base = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        client = connection.Client(base_url=base, version="1.41", timeout=answer)
        pieces = (bytes(2**20) for _ in range(32))
        try:
            with errors.translate_errors("docker load"):
                found = list(client.api.load_image(pieces, quiet=True))
            assert (found, outcome) == ([{"stream": "Loaded image: x"}], None)
        except errors.LessonError as err:
            assert type(err) is outcome


def test_an_engine_that_takes_no_connection(monkeypatch):
    """The backlog is full: the connection itself has a limit too."""
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT", 0.3)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for one in fillers:
            one.setblocking(False)
            one.connect_ex(address)
        base = f"tcp://127.0.0.1:{address[1]}"
        client = connection.Client(base_url=base, version="1.41", timeout=9)
        begun = time.monotonic()
        with pytest.raises(errors.LessonError), errors.translate_errors("docker version"):
            client.api.version()
        assert time.monotonic() - begun < 3
        for one in fillers:
            one.close()


def test_connect_says_that_nothing_is_there(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    engine.use(None)
    with pytest.raises(errors.EngineUnavailable) as caught:
        engine.connect()
    assert isinstance(caught.value.__cause__, docker.errors.DockerException)


def test_connect_gives_up_on_a_silent_socket(monkeypatch, silent):
    monkeypatch.setenv("DOCKER_HOST", f"tcp://{silent.address}")
    monkeypatch.setattr(connection, "VERSION_TIMEOUT", LIMIT)
    engine.use(None)
    with pytest.raises((errors.Timeout, errors.EngineUnavailable)):
        engine.connect()
