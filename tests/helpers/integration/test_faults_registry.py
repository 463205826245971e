"""A registry, an index or Docker Hub is away, silent, overrun or talks rubbish.

The real Engine asks a server of the test's own. Docker Hub itself can't be made to fail here: of
it, docker-py is told the words that Engines have said, and the kernel's own questions meet a proxy.
"""

import json
import socket

import pytest

from helpers import containers, engine, images, registry
from helpers._internal import connection, distribution
from helpers._internal.errors import (
    AccessDenied,
    Conflict,
    InvalidResponse,
    NotFound,
    RateLimited,
    RegistryUnreachable,
    Timeout,
)
from tests.helpers.integration.faults import Relay, wrong

ROWS = {"results": [{"name": "x", "description": "d", "star_count": 3, "is_official": True}]}
ENOUGH = {"errors": [{"code": "TOOMANYREQUESTS", "message": "toomanyrequests: enough"}]}


def answering(server, answer, *paths):
    """Let a server give one answer to each of these paths."""
    server.answers = {(method, path): answer for path in paths for method in ("GET", "HEAD")}


@pytest.fixture
def index(world, serve, monkeypatch):
    """An index of the test's own, which the real Engine asks; `index.say` sets its answer."""
    server, at = serve(), connection.sources()
    now = connection.Sources(at.mirror, server.address)
    monkeypatch.setattr(connection, "sources", lambda: now)
    server.say = lambda answer: answering(server, answer, "/v1/_ping", "/v1/search")
    return server


RUBBISH = {
    "a page": b"<html>hello",
    "nothing": b"",
    "no object": [1, 2],
    "other types": {"results": [{"name": "x", "star_count": "many"}]},
    "cut short": b'{"results": [{"na',
    "not there": (404, b"no", {}),
}


@pytest.mark.parametrize("answer", RUBBISH.values(), ids=RUBBISH)
def test_an_index_that_talks_rubbish(index, answer):
    index.say(answer)
    wrong(
        InvalidResponse,
        lambda: registry.search("x"),
        "no registry and no index",
        "Check its address",
    )
    index.say(ROWS)
    assert registry.search("x").name.tolist() == ["x"]


def test_an_index_that_gives_five_thousand_rows(index):
    rows = [{"name": f"n{i}", "star_count": i % 977, "is_official": i % 2 == 1}
            for i in range(5000)]  # fmt: skip
    index.say({"results": rows})
    found = registry.search("n")
    assert len(found) == 5000 and found.stars.is_monotonic_decreasing
    assert found.official.sum() == 2500


@pytest.mark.parametrize("answer", [{}, {"results": None}, {"results": []}, None])
def test_an_index_that_leaves_the_rows_out(index, answer):
    index.say(answer)
    found = registry.search("x")
    assert len(found) == 0 and found.stars.dtype == "int64"


def test_an_index_that_leaves_fields_out(index):
    index.say({"results": [{"name": "a"}, {"star_count": 1}, {"is_official": True}]})
    found = registry.search("a")
    assert found.values.tolist() == [["", "", 1, False], ["", "", 0, True], ["a", "", 0, False]]


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "7"}])
def test_an_index_that_has_had_enough(index, headers):
    """How long to wait, the Engine does not pass on."""
    index.say((429, b"slow down", headers))
    wrong(RateLimited, lambda: registry.search("x"), "Wait some minutes")
    index.say(ROWS)
    assert len(registry.search("x")) == 1


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_index_with_an_error_of_its_own(index, status):
    index.say((status, b"oops", {}))
    wrong(RegistryUnreachable, lambda: registry.search("x"), "Check its address")
    index.say(ROWS)
    assert len(registry.search("x")) == 1


def test_an_index_that_is_away_then_silent_then_there(index, monkeypatch):
    index.say(ROWS)
    host, port = index.address.split(":")
    relay = Relay((host, int(port))).open()
    relay.close()
    monkeypatch.setattr(connection, "sources", lambda: connection.Sources(index=relay.address))
    monkeypatch.setattr(engine.connect().api, "timeout", 0.5)
    try:
        wrong(RegistryUnreachable, lambda: registry.search("x"))
        relay.open().after(0, "hold")
        wrong(Timeout, lambda: registry.search("x"), "Run it again")
        relay.pass_on()
        assert len(registry.search("x")) == 1
    finally:
        relay.close()


@pytest.fixture
def broken(world, store, serve):
    """A registry that gives the answers of `broken.answers`, until `broken.mend` puts it right.

    It has the image `broken.image`.
    """
    registry.login(store)
    registry.tag("busybox", f"{store}/{world.me}/x:1")
    images.push(f"{store}/{world.me}/x:1")
    server, relays = serve(), []
    server.path, server.image = f"{world.me}/x", f"{server.address}/{world.me}/x:1"
    own = {"serveraddress": server.address}
    connection.logins[server.address] = connection.logins[str(store)] | own
    where = ("127.0.0.1", server.server.server_port)

    def mend():
        server.close()
        host, port = str(store).split(":")
        relays.append(Relay((host, int(port)), where).open())

    server.mend = mend
    yield server
    for relay in relays:
        relay.close()


def manifests(broken):
    """Give the paths that are asked for the image, when all is well with the registry itself."""
    return f"/v2/{broken.path}/manifests/1", "/v2/_catalog", f"/v2/{broken.path}/tags/list"


def through(broken):
    """Give the calls that go to the registry: through the Engine, and from the kernel."""
    by_engine = {"pull": lambda: images.pull(broken.image),
                 "run": lambda: containers.run(broken.image, "true", rm=True)}  # fmt: skip
    by_kernel = {"tags": lambda: registry.tags(broken.image.rpartition(":")[0]),
                 "catalog": lambda: registry.catalog(broken.address)}  # fmt: skip
    return by_engine, by_kernel


def all_fail_until_mended(broken, kind, by_engine, by_kernel=None):
    """Expect some words of all calls; then mend the registry, and expect all to work.

    Args:
        broken: The registry.
        kind: The class of the errors.
        by_engine: Words in those of the calls that the Engine makes.
        by_kernel: Words in those of the calls that the kernel makes; the same if left out.
    """
    calls = [call for some in through(broken) for call in some.values()]
    for some, words in zip(through(broken), (by_engine, by_kernel or by_engine), strict=True):
        for call in some.values():
            wrong(kind, call, words)
    broken.mend()
    for call in calls:
        call()


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "7"}])
@pytest.mark.parametrize("body", [json.dumps(ENOUGH).encode(), b"<html>slow down"])
def test_a_registry_that_has_had_enough(broken, headers, body):
    answering(broken, (429, body, headers), *manifests(broken))
    broken.answers["GET", "/v2/"] = {}
    all_fail_until_mended(broken, RateLimited, "Wait some minutes")


@pytest.mark.parametrize("status", [500, 503])
def test_a_registry_with_an_error_of_its_own(broken, status):
    answering(broken, (status, b"oops", {}), *manifests(broken))
    broken.answers["GET", "/v2/"] = {}
    all_fail_until_mended(broken, RegistryUnreachable, "Check its address")


@pytest.mark.parametrize("answer", [b"<html>hello", {}, {"tags": 3, "repositories": 3}])
def test_a_registry_that_talks_rubbish(broken, answer):
    answering(broken, answer, *manifests(broken))
    broken.answers["GET", "/v2/"] = {}
    all_fail_until_mended(broken, InvalidResponse, "Check its address")


def test_a_registry_that_wants_to_know_who_asks_and_says_so_in_a_page(broken):
    answering(broken, (403, b"<html>members only", {}), *manifests(broken))
    broken.answers["GET", "/v2/"] = {}
    all_fail_until_mended(broken, AccessDenied, "registry.login")


def test_a_registry_that_is_away_then_silent_then_there(world, store, monkeypatch):
    registry.login(store)
    registry.tag("busybox", f"{store}/{world.me}/x:1")
    images.push(f"{store}/{world.me}/x:1")
    host, port = str(store).split(":")
    relay = Relay((host, int(port))).open()
    relay.close()
    name = f"{relay.address}/{world.me}/x"
    registry.tag("busybox", f"{name}:2")
    monkeypatch.setattr(engine.connect().api, "timeout", 0.5)
    monkeypatch.setattr(distribution, "_TIMEOUT", (0.5, 0.5))
    calls = [lambda: registry.login(relay.address, store.user, store.password),
             lambda: images.pull(f"{name}:1"), lambda: images.push(f"{name}:2"),
             lambda: registry.tags(name), lambda: registry.catalog(relay.address)]  # fmt: skip
    try:
        for call in calls:
            wrong(RegistryUnreachable, call, "Check its address")
        relay.open().after(0, "hold")
        for call in calls:
            wrong(Timeout, call, "Run it again")
        relay.pass_on()
        for call in calls:
            call()
    finally:
        connection.logins.pop(relay.address, None)
        relay.close()


def test_a_registry_that_is_unknown_to_dns(world):
    """No name ends in .invalid, by RFC 2606."""
    for call in (
        lambda: images.pull("registry.invalid/x/y:1"),
        lambda: registry.tags("registry.invalid/x/y"),
        lambda: registry.login("registry.invalid", "ada", "x"),
    ):
        wrong(RegistryUnreachable, call, "Check its address")


def test_an_image_that_is_not_there_and_then_is(world, store):
    registry.login(store)
    name = f"{store}/{world.me}/late:{world.api.info()['ContainersRunning']}-1"
    calls = [lambda: images.pull(name), lambda: containers.run(name, "true", rm=True),
             lambda: images.inspect(name)]  # fmt: skip
    for call in calls:
        wrong(NotFound, call, "Check its name and tag")
    registry.tag("busybox", name)
    images.push(name)
    images.rm(name)
    for call in calls:
        call()


def test_a_wrong_password_and_then_the_right_one(world, store):
    registry.login(store)
    registry.logout(store)
    wrong(AccessDenied, lambda: registry.login(store, password="a guess"), "Check both")
    wrong(AccessDenied, lambda: registry.catalog(store), "Log in first")
    assert registry.login(store) == "Login Succeeded"
    assert "repository" in registry.catalog(store)


def test_the_registry_s_other_address_wants_a_login_of_its_own(world, store):
    other = str(store).replace("127.0.0.1", "localhost")
    name = f"{other}/{world.me}/far:1"
    registry.login(store)
    registry.tag("busybox", name)
    try:
        wrong(AccessDenied, lambda: images.push(name), f"registry.login('{other}')")
        assert registry.login(other) == "Login Succeeded"
        images.push(name)
    finally:
        registry.logout(other)
        images.rm(name)


# Ports


@pytest.fixture
def listener():
    """A function that makes something else listen on a port."""
    made = []

    def listen(port):
        made.append(socket.socket())
        made[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made[-1].bind(("127.0.0.1", port))
        made[-1].listen()
        return made[-1]

    yield listen
    for one in made:
        one.close()


def test_a_port_that_something_else_has_when_a_container_starts(world, listener):
    """A port that is busy when the container is made is replaced; see test_whose_things.py."""
    found = containers.run("busybox", "sleep 60", name="web", detach=True, publish="8950:80")
    port = int(found.ports[0].partition("->")[0].rpartition(":")[2])
    containers.stop("web", grace=0)
    other = listener(port)
    wrong(Conflict, lambda: containers.start("web"), f"on port {port}.", "another port")
    assert world.mine() == [f"{world.me}-web"]
    other.close()
    world.give_back_network(f"{world.me}-web")
    assert containers.start("web").state.tolist() == ["running"]
    assert containers.ps("web").ports.tolist() == [f"127.0.0.1:{port}->80/tcp"]


def test_a_port_that_something_else_has_when_the_registry_starts(world, store, serve):
    """Its images are in it, so it is not made anew on another port."""
    before = world.container(f"{world.me}-registry")["Id"]
    world.sh(f"docker stop -t 0 {world.me}-registry")
    host, port = str(store).split(":")
    other = Relay((host, 1), (host, int(port))).open()
    try:
        wrong(Conflict, registry.start, f"port {port}", "containers.rm('registry')")
    finally:
        other.close()
    world.give_back_network(f"{world.me}-registry")
    assert registry.start() == store
    assert world.container(f"{world.me}-registry")["Id"] == before


# Docker Hub, in the words of Engines

PULL = 'Get "https://registry-1.docker.io/v2/": '
FIND = 'Get "https://index.docker.io/v1/search?q=busybox&n=25": '
OUT_OF_REACH = {
    "refused": "dial tcp 44.205.64.79:443: connect: connection refused",
    "unknown to DNS": "dial tcp: lookup registry-1.docker.io on 127.0.0.53:53: no such host",
    "silent": "net/http: request canceled while waiting for connection (Client.Timeout exceeded"
    " while awaiting headers)",
    "silent, to search": "dial tcp 44.205.64.79:443: i/o timeout",
}


@pytest.fixture
def at_hub(fake_engine, docker_hub):
    """A fake Engine in use, whose images come from Docker Hub."""
    engine.use(fake_engine.client)
    yield fake_engine
    engine.use(None)


def hub_says(at_hub, pull, find):
    """Let the fake Engine say what it could not do at Docker Hub."""
    at_hub.answers["POST", "/images/create"] = (500, {"message": pull}, {})
    at_hub.answers["GET", "/images/search"] = (500, {"message": find}, {})


def of_hub(at_hub):
    """Give the calls that go to Docker Hub through the Engine."""
    missing = (404, {"message": "No such image: busybox:latest"}, {})
    at_hub.answers["POST", "/containers/create"] = missing
    return (lambda: images.pull("busybox"), lambda: registry.search("busybox"),
            lambda: containers.run("busybox", "true"))  # fmt: skip


def works_again(at_hub):
    """Give Docker Hub back to the Engine, and do what did not work."""
    digest = "sha256:" + "5" * 64
    told = json.dumps({"status": f"Digest: {digest}"}).encode() + b"\r\n"
    at_hub.answers["POST", "/images/create"] = told
    at_hub.answers["GET", "/images/search"] = ROWS["results"]
    pull, search, _ = of_hub(at_hub)
    assert pull().digest == digest and len(search()) == 1


@pytest.mark.parametrize("said", OUT_OF_REACH.values(), ids=OUT_OF_REACH)
def test_docker_hub_is_out_of_reach(at_hub, said):
    hub_says(at_hub, PULL + said, FIND + said)
    for call in of_hub(at_hub):
        wrong(RegistryUnreachable, call, "CLASSROOM=on python3 -m classroom lab")
    works_again(at_hub)


@pytest.mark.parametrize("status", ["500 Internal Server Error", "503 Service Unavailable"])
def test_docker_hub_has_an_error_of_its_own(at_hub, status):
    where = "https://registry-1.docker.io/v2/library/busybox/manifests/latest"
    hub_says(at_hub, f"unexpected status from HEAD request to {where}: {status}",
             f"Unexpected status code {status[:3]}")  # fmt: skip
    for call in of_hub(at_hub):
        wrong(RegistryUnreachable, call, "CLASSROOM=on")
    works_again(at_hub)


def test_docker_hub_has_had_enough(at_hub):
    hub_says(at_hub, "toomanyrequests: You have reached your pull rate limit.",
             "Unexpected status code 429")  # fmt: skip
    for call in of_hub(at_hub):
        wrong(RateLimited, call, "Wait some minutes")
    works_again(at_hub)


# Docker Hub, asked by the kernel itself


@pytest.mark.parametrize(
    ("then", "kind"),
    [
        ("refused", RegistryUnreachable),
        ("silent", RegistryUnreachable),
        ("refuses", RegistryUnreachable),
    ],
)
def test_the_way_to_docker_hub_ends_at_a_proxy(world, docker_hub, serve, monkeypatch, then, kind):
    server = serve()
    host, port = server.address.split(":")
    proxy = Relay((host, int(port))).open()
    if then == "refused":
        proxy.close()
    if then == "silent":
        proxy.after(0, "hold")
    for key in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
    monkeypatch.setattr(distribution, "_TIMEOUT", (0.5, 0.5))
    try:
        for call in (lambda: registry.tags("busybox"), registry.rate_limit):
            wrong(kind, call)
    finally:
        proxy.close()
