"""A registry of one's own on a real Engine: passwords, restarts, and what it keeps."""

import multiprocessing
import os
import shlex
import socket
from pathlib import Path

import pytest

from helpers import containers, engine, images, registry, workspace
from helpers._internal import connection, errors, own_registry, ports
from helpers._internal.containers import published


def send(store, me, name="kept:1"):
    registry.tag("busybox", f"{store}/{me}/{name}")
    return images.push(f"{store}/{me}/{name}")


def test_twice_is_the_same(world, store):
    before = world.looks(f"{world.me}-registry")
    assert registry.private() == store
    assert registry.start() == store
    assert world.looks(f"{world.me}-registry") == before


def test_it_listens_on_loopback_only(world, store):
    ports = world.container(f"{world.me}-registry")["HostConfig"]["PortBindings"]
    assert [one["HostIp"] for found in ports.values() for one in found] == ["127.0.0.1"]


def test_a_push_without_a_login_is_denied(world, store):
    registry.logout(store)
    with pytest.raises(errors.AccessDenied, match="registry.login"):
        send(store, world.me)


def test_a_catalog_without_a_login_is_denied(world, store):
    with pytest.raises(errors.AccessDenied):
        registry.catalog(store)


def test_a_wrong_password(world, store):
    for who in ({"password": "a guess"}, {"username": "nobody"}):
        with pytest.raises(errors.AccessDenied):
            registry.login(store, **who)
    assert connection.logins == {}
    with pytest.raises(errors.AccessDenied):
        send(store, world.me)


def test_a_wrong_password_keeps_the_good_login(world, store):
    registry.login(store)
    with pytest.raises(errors.AccessDenied):
        registry.login(store, password="a guess")
    send(store, world.me)


def test_login_push_pull_and_logout(world, store):
    assert registry.login(store) == "Login Succeeded"
    sent = send(store, world.me)
    name = f"{store}/{world.me}/kept:1"
    images.rm(name)
    assert images.pull(name).digest == sent.digest
    assert images.pull(f"{store}/{world.me}/kept@{sent.digest}").digest == sent.digest
    assert f"{world.me}/kept" in registry.catalog(store).repository.tolist()
    assert registry.tags(f"{store}/{world.me}/kept").digest.tolist() == [sent.digest]
    registry.logout(store)
    with pytest.raises(errors.AccessDenied):
        images.pull(name)


def test_a_second_push_sends_nothing_new(world, store):
    registry.login(store)
    first, second = send(store, world.me), send(store, world.me)
    assert first.digest == second.digest
    assert second.layers.status.unique().tolist() == ["Layer already exists"]


def test_an_image_that_the_registry_does_not_have(world, store):
    registry.login(store)
    with pytest.raises(errors.NotFound):
        images.pull(f"{store}/{world.me}/nothing:1")
    with pytest.raises(errors.NotFound):
        images.push(f"{store}/{world.me}/nothing:1")
    with pytest.raises(errors.NotFound):
        registry.tags(f"{store}/{world.me}/nothing")


def test_a_registry_that_is_not_there(world):
    port = ports.free_port(5900)
    registry.tag("busybox", f"127.0.0.1:{port}/{world.me}/x:1")
    for call in (
        lambda: registry.login(f"127.0.0.1:{port}", "a", "b"),
        lambda: images.push(f"127.0.0.1:{port}/{world.me}/x:1"),
        lambda: images.pull(f"127.0.0.1:{port}/{world.me}/x:1"),
        lambda: registry.catalog(f"127.0.0.1:{port}"),
    ):
        with pytest.raises(errors.RegistryUnreachable):
            call()


def file():
    return workspace.place("registry-password")


@pytest.fixture
def typed(world, store, shown):
    """Return a function that logs a terminal in by the line that `registry.login` shows."""

    def log_in():
        registry.login(store)
        assert shown[-1] == (
            f"docker login -u {world.me} --password-stdin {store}"
            f" < files/{world.me}/registry-password"
        )
        return world.sh(shown[-1]).stdout.strip()

    return log_in


def test_the_shown_line_logs_a_terminal_in(world, store, typed):
    name = f"{store}/{world.me}/typed:1"
    assert world.sh(f"docker tag busybox {name}\ndocker push {name}", check=False).returncode == 1
    assert typed() == "Login Succeeded"
    connection.logins.clear()
    world.sh(f"docker push {name}\ndocker rmi {name}\ndocker pull {name}")
    world.sh(f"docker logout {store}")
    assert world.sh(f"docker pull {name}", check=False).returncode == 1


def test_a_login_in_a_terminal_holds_for_a_cell(world, store, typed, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", world.environment["DOCKER_CONFIG"])
    typed()
    connection.logins.clear()
    assert send(store, world.me).digest


def test_only_you_can_read_the_files(world):
    world.sh(f"docker rm -f -v {world.me}-registry")
    before = os.umask(0)
    try:
        registry.private()
        registry.private(password="another one")
    finally:
        os.umask(before)
    kept = sorted(file().parent.iterdir())
    assert [one.name for one in kept] == ["htpasswd", "registry-password"]
    assert [one.stat().st_mode & 0o777 for one in kept] == [0o600, 0o600]
    assert file().read_bytes() == b"another one"


@pytest.mark.parametrize(
    "password", ["tür", "Пароль 🐳", "a:b $HOME `'\"\\!", "x" * 72, "ä" * 36, "#"]
)
def test_a_password_of_one_s_own(world, store, typed, password):
    registry.login(store)
    digest = send(store, world.me).digest
    before = world.container(f"{world.me}-registry")["Id"]
    assert registry.private(password=password) == store
    assert store.password == password and file().read_text("utf-8") == password
    assert world.container(f"{world.me}-registry")["Id"] == before
    with pytest.raises(errors.AccessDenied):  # the old one, which this kernel still has
        registry.catalog(store)
    assert typed() == "Login Succeeded"
    assert registry.tags(f"{store}/{world.me}/kept").digest.tolist() == [digest]
    assert send(store, world.me).digest == digest
    world.sh(f"docker push {store}/{world.me}/kept:1")
    with pytest.raises(errors.AccessDenied):
        registry.login(store, password=f"-{password[1:]}")
    world.sh(f"docker stop -t 0 {world.me}-registry")
    assert registry.start() == store and store.password == password
    assert registry.login(store, password=password) == "Login Succeeded"


REFUSED = ["", "x" * 73, "ä" * 37, "a\nb", "a\n", "a\0b", "\ud800", " a", "a ", 5, b"a"]


@pytest.mark.parametrize("password", REFUSED, ids=ascii)
def test_a_password_that_is_refused(world, store, shown, password):
    container = world.looks(f"{world.me}-registry")
    files = {one: one.read_bytes() for one in file().parent.iterdir()}
    shown.clear()
    with pytest.raises(errors.InvalidInput, match="1 to 72 bytes"):
        registry.private(password=password)
    assert shown == []
    assert world.looks(f"{world.me}-registry") == container
    assert {one: one.read_bytes() for one in file().parent.iterdir()} == files
    assert registry.login(store) == "Login Succeeded"


def test_a_refused_password_makes_no_registry(world):
    world.sh(f"docker rm -f -v {world.me}-registry")
    with pytest.raises(errors.InvalidInput):
        registry.private(password="")
    assert world.container(f"{world.me}-registry") is None and not file().parent.exists()


def test_the_file_is_changed_by_hand(world, store, typed):
    """An editor ends the line; `docker login` takes that off, too."""
    world.sh(f"echo mine > {file()}")
    with pytest.raises(errors.AccessDenied, match="registry.start"):
        registry.login(store)
    assert registry.start() == store and store.password == "mine"
    assert typed() == "Login Succeeded"
    world.sh(f": > {file()}")
    for call in (registry.start, registry.private, lambda: registry.login(store)):
        with pytest.raises(errors.InvalidInput, match=f"read {file()}"):
            call()
    assert registry.private(password="mine again") == store
    assert typed() == "Login Succeeded"


def test_the_file_is_removed_by_hand(world, store, typed):
    old = store.password
    file().unlink()
    with pytest.raises(errors.AccessDenied, match=r"gone.*registry\.start\(\)"):
        registry.login(store)
    assert not file().exists()
    assert registry.start() == store and store.password != old
    assert typed() == "Login Succeeded"


def make_room(world, store):
    """What asks for the registry, each after a login."""
    name = f"{store}/{world.me}/kept:1"
    return [lambda: registry.login(store), lambda: images.push(name), lambda: images.pull(name),
            lambda: registry.catalog(store), lambda: registry.tags(name),
            lambda: containers.run(f"{store}/{world.me}/none", rm=True)]  # fmt: skip


@pytest.mark.parametrize("line", ["docker rm -f -v {}", "docker stop -t 0 {}"])
def test_a_registry_that_was_removed_or_stopped_by_hand(world, store, typed, line):
    """Every error says what to do, and that is enough: neither address nor login are others."""
    typed()
    send(store, world.me)
    world.sh(line.format(f"{world.me}-registry"))
    for call in make_room(world, store):
        with pytest.raises(errors.RegistryUnreachable, match=r"registry\.start\(\)"):
            call()
    assert registry.start() == store
    send(store, world.me)
    for call in make_room(world, store)[:-1]:
        call()
    name = f"{store}/{world.me}/kept:1"
    world.sh(f"docker push {name}\ndocker rmi {name}\ndocker pull {name}")


def test_made_anew_it_has_the_port_that_it_had(world):
    """Also where the usual one is free by then."""
    world.sh(f"docker rm -f -v {world.me}-registry")
    with socket.socket(type=socket.SOCK_DGRAM) as usual, pytest.MonkeyPatch.context() as patch:
        patch.setattr(own_registry, "last_port", taken := ports.free_port(5052))
        usual.bind(("127.0.0.1", taken))  # as somebody else holds it who looks for a port
        store = registry.private()
        assert store.address != f"127.0.0.1:{taken}"
        usual.close()
        world.sh(f"docker rm -f -v {world.me}-registry")
        assert registry.start() == store


def begin(barrier, said, rounds):
    """Make the registry and log in as a kernel does, at the very moment when others do, too."""
    engine.use(None)
    for number in range(rounds):
        barrier.wait(timeout=60)
        try:
            store = registry.private()
            registry.login(store)
            said.put((number, store.address, str(store.password)))
        except errors.LessonError as err:
            said.put((number, str(err), ""))
        barrier.wait(timeout=60)


def test_kernels_that_begin_at_once_make_one_registry(world):
    at_once, rounds = 3, 8
    fork = multiprocessing.get_context("fork")
    barrier, said = fork.Barrier(at_once + 1), fork.Queue()
    kernels = [fork.Process(target=begin, args=(barrier, said, rounds)) for _ in range(at_once)]
    for one in kernels:
        one.start()
    for number in range(rounds):
        if number % 3 == 2:
            world.sh(f"docker stop -t 0 {world.me}-registry")
        else:
            world.sh(f"docker rm -f -v {world.me}-registry; rm -rf files")
        barrier.wait(timeout=60)
        barrier.wait(timeout=60)
        told = {said.get(timeout=30) for _ in range(at_once)}
        assert told == {(number, registry.start().address, file().read_text())}
    for one in kernels:
        one.join(timeout=30)
    assert [one.exitcode for one in kernels] == [0] * at_once


def test_a_registry_that_was_stopped_keeps_the_images_and_its_port(world, store):
    registry.login(store)
    digest = send(store, world.me).digest
    for call in (registry.private, registry.start):
        world.sh(f"docker stop -t 0 {world.me}-registry")
        assert call() == store
        assert registry.tags(f"{store}/{world.me}/kept").digest.tolist() == [digest]


def test_another_registry_where_it_was_is_not_taken_for_it(world, store):
    world.sh(f"docker stop -t 0 {world.me}-registry")
    world.sh(f"docker run -d --name {world.me}-other -p {store}:5000 registry:2")
    world.planted.append(f"{world.me}-other")
    with pytest.raises(errors.Conflict, match=f"port {store.address[10:]}"):
        registry.start()
    world.sh(f"docker rm -f -v {world.me}-other")
    world.give_back_network(f"{world.me}-registry")
    assert registry.start() == store
    assert registry.login(store) == "Login Succeeded"


def test_a_registry_that_began_without_its_list_of_users(world, store, shown):
    """It makes a list of its own; so it is where another kernel's comes at a bad moment."""
    world.sh(f"docker rm -f -v {world.me}-registry")
    shown.clear()
    registry.private()
    create, _, start = shown
    world.sh(f"docker rm -f -v {world.me}-registry\n{create}\n{start}")
    assert registry.start() == store
    assert registry.login(store) == "Login Succeeded"
    assert f"{world.me}:$2" in world.sh(f"docker cp {world.me}-registry:/htpasswd -").stdout


def test_a_container_of_another_that_has_the_name(world, store):
    name = f"{world.me}-registry"
    world.sh(f"docker rename {name} {name}-away")
    try:
        world.plant(name)
        before = world.looks(name)
        for call in (registry.private, registry.start):
            with pytest.raises(errors.NotOwned):
                call()
        assert world.looks(name) == before
    finally:
        world.sh(f"docker rm -f {name}")
        world.sh(f"docker rename {name}-away {name}")


def everything_written():
    """Yield the bytes of the folder of the lessons, and of the processes' arguments and settings.

    But the one file where the password lies.
    """
    for path in Path.cwd().rglob("*"):
        if path.is_file() and path.name != "registry-password":
            yield str(path), path.read_bytes()
    for path in [*Path("/proc").glob("[0-9]*/cmdline"), *Path("/proc").glob("[0-9]*/environ")]:
        try:
            yield str(path), path.read_bytes()
        except OSError:
            pass  # it has ended


def test_the_password_is_nowhere_else(world, store, typed, shown, capfd):
    secret = store.password
    typed()
    send(store, world.me)
    registry.catalog(store)
    with pytest.raises(errors.AccessDenied) as wrong:
        registry.login(store, password=f"{secret}-not")
    shapes = [repr(store), repr(store.password), str(wrong.value), *shown, *capfd.readouterr()]
    shapes += wrong.value._render_traceback_()
    cause = wrong.value
    while cause := cause.__cause__:
        shapes.append(repr(cause) + str(cause))
    name, image = f"{world.me}-registry", f"{store}/{world.me}/kept:1"
    shapes += [world.looks(name), world.looks(image), str(registry.cli_logins())]
    shapes += [world.sh(f"docker {words}").stdout for words in (
        f"history --no-trunc {image}", f"top {name}", f"diff {name}")]  # fmt: skip
    logs = world.sh(f"docker logs {name} 2>&1").stdout
    copied = world.sh(f"docker cp {name}:/htpasswd -").stdout
    assert len(logs) > 100 and f"{world.me}:$2" in copied
    for shape in [*shapes, logs, copied]:
        assert secret not in shape
    assert len(shown) == 5
    written = list(everything_written())
    assert any("htpasswd" in name for name, _ in written) and len(written) > 5
    for name, content in written:
        assert secret.encode() not in content, name
    assert secret.encode() in file().read_bytes()


def test_the_shown_lines_are_words_of_a_shell(world, store, shown):
    registry.private()
    assert len(shown) == 3
    for line in shown:
        assert shlex.split(line)[0] == "docker"
    assert f"--label {workspace.label()}" in shown[0]
    assert published(world.api, f"{world.me}-registry", 5000) == str(store)
