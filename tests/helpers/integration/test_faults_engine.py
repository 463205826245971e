"""The Engine does not run, stops in mid-lesson, is not for this user, or is somewhere else.

The Engine is the real one, behind a relay that goes away and comes back: so nobody else's lesson
is disturbed.
"""

import hashlib
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile

import pytest

from helpers import containers, engine, images, registry, workspace
from helpers._internal import connection, errors
from helpers._internal.errors import EngineUnavailable, Timeout
from tests.helpers.integration.faults import ROOT, Relay, clear, engine_socket, wrong


@pytest.fixture
def relay(world, monkeypatch):
    """A relay in front of the Engine; a lesson that begins now goes through it."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        made = Relay(engine_socket(), f"{folder}/docker.sock")
        monkeypatch.setenv("DOCKER_HOST", made.address)
        engine.use(None)
        yield made
        made.close()
    engine.use(None)


SERVICE = "httpd -f -h /etc"


def lesson(me, store):
    """Give a call of each helper that talks to the Engine, in an order in which all work."""
    sent = f"{store}/{me}/sent:1"
    return {
        "workspace.setup": workspace.setup,
        "engine.kernel": engine.kernel,
        "registry.search": lambda: registry.search("busybox"),
        "registry.private": registry.private,
        "registry.start": registry.start,
        "registry.login": lambda: registry.login(store),
        "registry.tag": lambda: registry.tag("busybox", sent),
        "images.push": lambda: images.push(sent),
        "images.pull": lambda: images.pull("busybox"),
        "images.ls": images.ls,
        "images.inspect": lambda: images.inspect("busybox"),
        "images.history": lambda: images.history("busybox"),
        "images.shared": lambda: images.shared("busybox", sent),
        "images.save": lambda: images.save("busybox", "busybox.tar"),
        "images.load": lambda: images.load("busybox.tar"),
        "containers.run": lambda: containers.run("busybox", "echo ready", name="box"),
        "images.export": lambda: images.export("box", "rootfs.tar"),
        "images.import_": lambda: images.import_("rootfs.tar", f"{me}/flat:1"),
        "images.commit": lambda: images.commit("box", f"{me}/box:1"),
        "images.rm": lambda: images.rm(f"{me}/flat:1"),
        "containers.ps": containers.ps,
        "containers.inspect": lambda: containers.inspect("box"),
        "containers.wait": lambda: containers.wait("box"),
        "containers.events": lambda: containers.events("box"),
        "containers.logs": lambda: containers.logs("box"),
        "containers.ready": lambda: containers.ready("box", "ready"),
        "containers.cp": lambda: containers.cp("box", "/etc/passwd", "passwd"),
        "containers.rm": lambda: containers.rm("box"),
        "containers.run, a service": lambda: containers.run(
            "busybox", SERVICE, name="web", detach=True, publish="8930:80"
        ),
        "containers.curl": lambda: containers.curl("web", "/passwd"),
        "containers.exec_": lambda: containers.exec_("web", "true"),
        "containers.stats": lambda: containers.stats("web"),
        "containers.stop": lambda: containers.stop("web", grace=0),
        "containers.start": lambda: containers.start("web"),
        "containers.kill": lambda: containers.kill("web"),
    }


def test_the_lesson_calls_every_helper_that_talks_to_the_engine(store, world):
    talk = {
        f"{module.__name__.removeprefix('helpers.')}.{name}"
        for module in (containers, engine, images, registry)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        if re.search(r"\b(docker|connect|private)\(", inspect.getsource(function))
    } - {"engine.docker", "engine.connect"}
    called = {name.partition(",")[0] for name in lesson(world.me, store)}
    assert len(talk) >= 30
    assert called - talk == {"workspace.setup"} and talk <= called


def test_an_engine_that_does_not_run_and_is_then_started(world, store, relay):
    calls = lesson(world.me, store)
    for name in ("workspace.setup", "images.pull", "registry.private", "containers.run"):
        wrong(EngineUnavailable, calls[name], relay.address, "DOCKER_HOST", "Start that one")
    relay.open()
    for name in ("workspace.setup", "images.pull", "registry.private", "containers.run"):
        calls[name]()


@pytest.mark.alone
def test_an_engine_that_stops_in_mid_lesson_and_comes_back(world, store, relay):
    """The same kernel goes on, as nothing was restarted, and every helper works again."""
    relay.open()
    calls = lesson(world.me, store)
    for call in calls.values():
        call()
    containers.run("busybox", "true", name="box")
    images.import_("rootfs.tar", f"{world.me}/flat:1")
    before = (
        world.looks("busybox", f"{world.me}-box"),
        sorted(os.listdir(workspace.file("x").parent)),
    )
    relay.close()
    for call in calls.values():
        wrong(EngineUnavailable, call, "python3 -m classroom lab")
    assert before == (
        world.looks("busybox", f"{world.me}-box"),
        sorted(os.listdir(workspace.file("x").parent)),
    )
    relay.open()
    for call in calls.values():
        call()


def test_an_engine_that_dies_in_the_middle_of_a_file(world, relay):
    """There is no half file, an older one stays as it was, and the cell works afterwards."""
    relay.open()
    containers.run("busybox", "true", name="box")
    files = {"saved.tar": lambda: images.save("busybox", "saved.tar"),
             "rootfs.tar": lambda: images.export("box", "rootfs.tar"),
             "program": lambda: containers.cp("box", "/bin/busybox", "program")}  # fmt: skip
    for name, call in files.items():
        path = workspace.file(name)
        for there in (None, b"as it was"):
            if there:
                path.write_bytes(there)
            relay.after(500_000, "die")
            wrong(EngineUnavailable, call)
            assert relay.reached.is_set()
            assert [one.name for one in path.parent.glob(f"{name}*")] == [name] * bool(there)
            assert not there or path.read_bytes() == there
            relay.open()
        call()
        assert path.stat().st_size > 500_000


def test_an_engine_that_dies_while_it_takes_an_archive(world, relay):
    relay.open()
    images.save("busybox", "saved.tar")
    relay.after(500_000, "die")
    wrong(EngineUnavailable, lambda: images.load("saved.tar"))
    assert relay.reached.is_set()
    relay.open()
    assert "busybox" in images.load("saved.tar")


def test_an_engine_that_dies_while_a_container_is_waited_for(world, relay):
    """The container knows nothing of it, and goes on."""
    relay.open()
    containers.run("busybox", "sleep 60", name="job", detach=True)
    for words, call in (
        (b"/wait", lambda: containers.wait("job")),
        (b"/logs", lambda: containers.ready("job", "words")),
        (b"/start", lambda: containers.exec_("job", "sleep 60")),
        (b"/stats", lambda: containers.stats("job")),
        (b"/stop", lambda: containers.stop("job")),
        (b"/kill", lambda: containers.kill("job")),
    ):
        relay.after(words, "die")
        wrong(EngineUnavailable, call)
        assert relay.reached.is_set()
        relay.open()
        assert containers.inspect("job").state.tolist() == ["running"]
    assert containers.exec_("job", "echo hi") == "hi\n"
    assert containers.stop("job", grace=0).state.tolist() == ["exited"]


def test_an_engine_that_dies_under_a_container_in_the_foreground(world, relay):
    """It can't be removed without an Engine; the same cell makes room for itself."""
    relay.open()
    relay.after(b"/wait", "die")
    wrong(EngineUnavailable, lambda: containers.run("busybox", "sleep 60", name="box"))
    relay.open()
    assert containers.run("busybox", "echo done", name="box") == "done\n"
    assert world.mine() == [f"{world.me}-box"]


DENIED = """
import os, sys
from helpers import engine, images
from helpers._internal import errors
images.ls()
os.chmod(sys.argv[1], 0)
if os.getuid() == 0:
    os.setgroups([])
    os.setuid(65534)  # for root, every socket is open
for newly in (engine.connect().api.close, lambda: engine.use(None)):
    newly()  # a connection that is open already stays open
    try:
        images.ls()
    except errors.LessonError as err:
        print("!", type(err).__name__, err, flush=True)
input()
images.ls()
"""


def test_a_user_who_may_not_use_the_socket(relay):
    """Later in a lesson, and at its beginning; in a process of its own, which is not root."""
    relay.open()
    lesson = subprocess.Popen([sys.executable, "-c", DENIED, relay.listen], text=True, cwd=ROOT,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    try:
        said = []
        while len(said) < 2:
            line = lesson.stdout.readline()
            assert line, "it ended too early"
            said += [line] * line.startswith("!")
        for line in said:
            _, kind, text = line.rstrip().split(" ", 2)
            assert kind == EngineUnavailable.__name__
            clear(text, "usermod -aG docker $USER")
        os.chmod(relay.listen, 0o666)
        rest, _ = lesson.communicate("\n", timeout=20)
        assert lesson.returncode == 0 and "docker images" in rest
    finally:
        lesson.kill()
        lesson.communicate()


def test_a_context_that_names_a_machine_that_does_not_answer(world, monkeypatch, tmp_path):
    """Nobody there, then somebody who says nothing, then an Engine."""
    far = Relay(engine_socket()).open()
    far.close()
    name, meta = "far", tmp_path / "contexts" / "meta" / hashlib.sha256(b"far").hexdigest()
    meta.mkdir(parents=True)
    host = {"Host": f"tcp://{far.address}", "SkipTLSVerify": False}
    told = {"Name": name, "Metadata": {}, "Endpoints": {"docker": host}}
    (meta / "meta.json").write_text(json.dumps(told))
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": name}))
    for key in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(connection, "VERSION_TIMEOUT", 0.5)
    engine.use(None)
    try:
        advice = (far.address, "context far", "docker context use default")
        wrong(EngineUnavailable, workspace.setup, *advice)
        far.open().after(0, "hold")
        wrong(Timeout, workspace.setup, *advice)
        far.pass_on()
        workspace.setup()
        assert engine.kernel() == world.api.info()["KernelVersion"]
        assert engine.connect().api.timeout == connection.READ_TIMEOUT
        far.close()
        wrong(EngineUnavailable, images.ls)
    finally:
        far.close()
        engine.use(None)


def test_an_engine_that_falls_silent_in_mid_lesson(world, relay, monkeypatch):
    relay.open()
    images.ls()
    monkeypatch.setattr(engine.connect().api, "timeout", 0.5)
    relay.after(0, "hold")
    for call in (images.ls, containers.ps, lambda: images.pull("busybox")):
        wrong(errors.Timeout, call, "python3 -m classroom status")
    relay.pass_on()
    for call in (images.ls, containers.ps, lambda: images.pull("busybox")):
        call()
