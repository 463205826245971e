"""The Engine's events and the `Snapshot` that goes with them, on a real Engine."""

import contextlib
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import docker
import pytest

from helpers import engine, registry, workspace
from helpers._internal import connection, events, identity
from helpers._internal.snapshot import Snapshot, name
from tests.helpers.integration.faults import Relay, engine_socket


class Listener:
    """Keeps what it is told; `wait` looks at it until something fits."""

    def __init__(self):
        self.calls = queue.Queue()
        self.unsubscribe = events.subscribe(self)

    def __call__(self, snapshot, happened):
        self.calls.put((snapshot, happened))

    def next(self, timeout=5):
        return self.calls.get(timeout=timeout)

    def wait(self, fits, timeout=5):
        """Return the first call that fits."""
        end = time.monotonic() + timeout
        while True:
            call = self.next(end - time.monotonic())
            if fits(*call):
                return call

    def silent(self, seconds=0.3):
        """Return whether nothing is told for a time."""
        time.sleep(seconds)
        return self.calls.empty()


@pytest.fixture
def listen():
    made = []

    def make():
        made.append(Listener())
        return made[-1]

    yield make
    for one in made:
        one.unsubscribe()
    assert wait_until(lambda: not threads())


@pytest.fixture
def relay(world, monkeypatch, tmp_path):
    """What stands before the Engine, and listens when it is opened."""
    made = Relay(engine_socket(), str(tmp_path / "docker.sock"))
    monkeypatch.setenv("DOCKER_HOST", made.address)
    engine.use(None)
    yield made
    made.close()
    engine.use(None)


def threads():
    return [one for one in threading.enumerate() if one.name.startswith("events_")]


def wait_until(holds, seconds=5):
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def actions(happened):
    return [one["Action"] for one in happened]


def states(snapshot):
    return {name(one): one["State"] for one in snapshot.containers}


def own(snapshot):
    """The names of the workspace's containers, but of the registry that tests share."""
    names = [name(container) for container in snapshot.own_containers]
    return [one for one in names if one != workspace.prefixed("registry")]


def test_each_listener_first_hears_what_is_there_then_what_changes(world, listen):
    one, other = listen(), listen()
    snapshot, happened = one.next()
    assert happened == [] and own(snapshot) == []
    other.wait(lambda snapshot, happened: happened == [])
    full = workspace.prefixed("web")
    world.sh(f"docker run -d --label {workspace.label()} --name {full} busybox sleep 60")

    def started(snapshot, happened):
        return "start" in actions(happened)

    snapshot, _ = one.wait(started)
    assert own(snapshot) == [full]
    assert other.wait(started)[0] is snapshot
    assert snapshot.inspect(full)["State"]["Running"]
    world.sh(f"docker rm -f {full}")
    snapshot, _ = one.wait(lambda snapshot, happened: "destroy" in actions(happened))
    assert own(snapshot) == [] and snapshot.inspect(full) is None


def test_a_stream_and_its_threads_are_there_only_while_one_listens(world, listen):
    assert not threads()
    one, other = listen(), listen()
    one.next(), other.next()
    assert len(threads()) == 2
    one.unsubscribe()
    assert len(threads()) == 2
    begin = time.monotonic()
    other.unsubscribe()
    assert wait_until(lambda: not threads()) and time.monotonic() - begin < 0.5
    other.unsubscribe()
    again = listen()
    assert again.next()[1] == []
    other.unsubscribe()  # of a stream that has ended; the new one goes on
    assert len(threads()) == 2


def test_a_listener_may_leave_while_it_is_told(world, listen):
    gone = []
    leave = events.subscribe(lambda *_: (gone.append(1), leave()))
    assert wait_until(lambda: gone and not threads())


def test_refresh_tells_all_once_more_without_an_event(world, listen):
    one = listen()
    one.next()
    assert one.silent()
    events.refresh()
    snapshot, happened = one.next()
    assert happened == [] and snapshot.images
    assert one.silent()


def test_refresh_without_a_listener_does_nothing():
    events.refresh()
    assert not threads()


def test_a_burst_of_events_makes_few_snapshots(world, listen):
    one = listen()
    one.next()
    names = [f"{world.me}/burst:{n}" for n in range(30)]
    with ThreadPoolExecutor(6) as pool:  # else a slow Engine makes no burst of them
        list(pool.map(lambda tag: world.api.tag("busybox", tag), names))
    seen, calls = [], 0
    while len(seen) < 30:
        seen += one.next()[1]
        calls += 1
    assert actions(seen) == ["tag"] * 30 and calls <= 15


def test_each_part_of_a_snapshot_is_read_when_it_is_asked_for_and_once(fake_engine, shown):
    container = {"Id": "1f", "Names": ["/other/alias", "/web"], "State": "exited", "Labels": {}}
    fake_engine.answers["GET", "/containers/json"] = [container]
    fake_engine.answers["GET", "/images/json"] = []
    fake_engine.answers["GET", "/containers/1f/json"] = {"Id": "1f"}
    snapshot = Snapshot(fake_engine.client.api)
    assert fake_engine.asked == []
    for _ in range(2):
        assert snapshot.containers == [container] and snapshot.images == []
        assert snapshot.inspect("1f") == snapshot.inspect("web") == {"Id": "1f"}
        assert snapshot.inspect("we") is None
    assert len(fake_engine.asked) == 3


def test_a_container_that_has_ended_is_listed_so(world, listen):
    """The Engine says `die` before its own list knows."""
    one = listen()
    one.next()
    for count in range(20):
        full = workspace.prefixed(f"short-{count}")
        world.sh(f"docker run -d --label {workspace.label()} --name {full} busybox true")
        snapshot, _ = one.wait(lambda snapshot, happened: "die" in actions(happened))
        assert states(snapshot)[full] == "exited"


def test_a_listener_that_raises_stops_no_other(world, listen, caplog):
    def wrong(snapshot, happened):
        raise ValueError("a fault of its own")

    leave = events.subscribe(wrong)
    one = listen()
    one.next()
    world.api.tag("busybox", f"{world.me}/raises:1")
    assert one.wait(lambda snapshot, happened: actions(happened) == ["tag"])
    assert "a fault of its own" in caplog.text
    leave()


def test_another_client_is_followed_from_the_next_call_on(world, listen):
    one = listen()
    one.next()

    def heard(number):
        world.api.tag("busybox", f"{world.me}/other:{number}")
        with contextlib.suppress(queue.Empty):  # the stream has not moved to the client yet
            return one.wait(lambda snapshot, happened: happened, timeout=0.5)

    with contextlib.closing(docker.from_env()) as client:
        engine.use(client)
        events.refresh()
        one.wait(lambda snapshot, happened: snapshot.api is client.api)
        assert next(filter(None, map(heard, range(20))))[0].api is client.api
        engine.use(None)
        events.refresh()
        one.wait(lambda snapshot, happened: snapshot.api is not client.api)


def test_an_idle_stream_takes_no_call_and_no_time(world, listen, relay):
    relay.open()
    one = listen()
    one.next()[0].containers  # noqa: B018
    time.sleep(0.2)
    relay.after(1, "tell")
    before = time.process_time()
    assert one.silent(2) and not relay.reached.is_set()
    assert time.process_time() - before < 0.05


def test_an_engine_that_goes_and_comes_back_is_followed(world, listen, relay):
    one = listen()
    assert one.next() == (None, [])
    assert one.silent(1.5)  # it is tried again, and told once
    for count in range(2):
        relay.open()  # with a socket made anew
        snapshot, happened = one.next()
        assert happened == [] and snapshot.images
        world.api.tag("busybox", f"{world.me}/back:{count}")
        assert one.wait(lambda snapshot, happened: actions(happened) == ["tag"])
        relay.close()
        assert one.next() == (None, [])
        events.refresh()
        assert one.next() == (None, [])
        world.api.tag("busybox", f"{world.me}/meanwhile:{count}")


def test_whose_containers_and_images_are_the_workspaces(world):
    full, stranger = workspace.prefixed("web"), "stranger-of-all"
    world.sh(f"docker create --label {workspace.label()} --name {full} busybox true")
    world.plant(stranger, options=f"-d --label {identity.LABEL}=else")
    world.plant(workspace.prefixed("unlabelled"))
    world.plant("labelled-by-hand", options=f"-d --label {workspace.label()}")
    world.api.tag("busybox", f"{world.me}/mine:1")
    snapshot = Snapshot(engine.connect().api)
    own = set(map(name, snapshot.own_containers))
    assert own - {workspace.prefixed("registry")} == {"labelled-by-hand", full}  # it may run
    assert len(snapshot.containers) >= 4
    tags = [tag for one in snapshot.own_images for tag in one["RepoTags"]]
    assert f"{world.me}/mine:1" in tags and "busybox:latest" in tags


def test_the_own_registrys_repositories(store, world):
    name = f"{store}/{world.me}/hello"
    world.sh(f"docker tag busybox {name}:2 && docker tag busybox {name}:1")
    registry.login(store)
    for tag in ("1", "2"):
        list(world.api.push(name, tag, auth_config=connection.credentials(name), stream=True))
    snapshot = Snapshot(engine.connect().api)
    assert snapshot.registry == store
    assert snapshot.repositories[f"{world.me}/hello"] == ["1", "2"]
    world.sh(f"docker stop {world.me}-registry")
    stopped = Snapshot(engine.connect().api)
    assert stopped.repositories is None and stopped.registry == store
    world.sh(f"docker start {world.me}-registry")
