"""A registry of one's own on a real Engine: passwords, restarts, and what it keeps."""

import fcntl
import os
import shlex
from pathlib import Path

import pytest

from helpers import containers, engine, images, registry, workspace
from helpers._internal import errors


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
        with pytest.raises(errors.WrongPassword):
            registry.login(store, **who)
    assert engine.logins == {}
    with pytest.raises(errors.AccessDenied):
        send(store, world.me)


def test_a_wrong_password_keeps_the_good_login(world, store):
    registry.login(store)
    with pytest.raises(errors.WrongPassword):
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
    with pytest.raises(errors.NoSuchImage):
        images.pull(f"{store}/{world.me}/nothing:1")
    with pytest.raises(errors.NoSuchImage):
        images.push(f"{store}/{world.me}/nothing:1")
    with pytest.raises(errors.NoSuchImage):
        registry.tags(f"{store}/{world.me}/nothing")


def test_a_registry_that_is_not_there(world):
    port = workspace.free_port(5900)
    registry.tag("busybox", f"127.0.0.1:{port}/{world.me}/x:1")
    for call in (
        lambda: registry.login(f"127.0.0.1:{port}", "a", "b"),
        lambda: images.push(f"127.0.0.1:{port}/{world.me}/x:1"),
        lambda: images.pull(f"127.0.0.1:{port}/{world.me}/x:1"),
        lambda: registry.catalog(f"127.0.0.1:{port}"),
    ):
        with pytest.raises(errors.RegistryUnreachable):
            call()


def test_a_new_password_keeps_the_images(world, store):
    """As after a restart of the kernel, whose password is a new one."""
    registry.login(store)
    digest = send(store, world.me).digest
    container = world.container(f"{world.me}-registry")["Id"]
    again = registry.private(password="another one")
    assert again.address == store.address and again.password == "another one"
    assert world.container(f"{world.me}-registry")["Id"] == container
    with pytest.raises(errors.WrongPassword):
        registry.login(store)
    registry.login(again)
    assert registry.tags(f"{again}/{world.me}/kept").digest.tolist() == [digest]


def test_a_registry_that_was_stopped_keeps_the_images_and_its_port(world, store):
    registry.login(store)
    digest = send(store, world.me).digest
    for call in (registry.private, registry.start):
        world.sh(f"docker stop -t 0 {world.me}-registry")
        assert call() == store
        assert registry.tags(f"{store}/{world.me}/kept").digest.tolist() == [digest]


def test_start_goes_on_with_the_user_that_private_was_given(world, store):
    """`start` gives the registry "as `private` gives it", and locks nobody out."""
    bobs = registry.private(user="bob")
    try:
        assert registry.start() == bobs
        assert registry.login(bobs) == "Login Succeeded"
    finally:
        registry.private(user=store.user)


def test_other_kernels_wait_until_it_answers(world, store, monkeypatch):
    """A registry that starts and finds no file of users writes one of its own over it."""
    free, lets_in = [], registry.lets_in

    def look(one):
        with workspace.file("htpasswd").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                free.append(True)
            except BlockingIOError:
                free.append(False)
        return lets_in(one)

    containers.stop("registry")
    monkeypatch.setattr(registry, "lets_in", look)
    registry.start()
    assert free[0] is True and free[-1] is False


def test_a_container_of_another_that_has_the_name(world, store):
    name = f"{world.me}-registry"
    world.sh(f"docker rename {name} {name}-away")
    try:
        world.plant(name)
        before = world.looks(name)
        for call in (registry.private, registry.start):
            with pytest.raises(errors.NameTaken):
                call()
        assert world.looks(name) == before
    finally:
        world.sh(f"docker rm -f {name}")
        world.sh(f"docker rename {name}-away {name}")


def everything_written():
    """Yield the texts of the folder of the lessons and of the processes' command lines."""
    for path in Path.cwd().rglob("*"):
        if path.is_file():
            yield str(path), path.read_bytes()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield str(path), path.read_bytes()
        except OSError:
            pass  # it has ended


def test_the_password_is_nowhere(world, store, shown, capfd):
    secret = "Very-s3cret-words"
    found = registry.private(password=secret)
    try:
        registry.login(found)
        send(found, world.me)
        registry.catalog(found)
        with pytest.raises(errors.WrongPassword) as wrong:
            registry.login(found, password=f"{secret}-not")
        shapes = [repr(found), str(wrong.value), *shown, *capfd.readouterr()]
        shapes += wrong.value._render_traceback_()
        cause = wrong.value
        while cause := cause.__cause__:
            shapes.append(repr(cause) + str(cause))
        shapes += [world.looks(f"{world.me}-registry"), str(registry.cli_logins())]
        logs = world.sh(f"docker logs {world.me}-registry 2>&1").stdout
        assert len(logs) > 100
        copied = world.sh(f"docker cp {world.me}-registry:/htpasswd -").stdout
        assert f"{found.user}:$2" in copied
        for shape in [*shapes, logs, copied]:
            assert secret not in shape
        assert len(shown) >= 7
        written = list(everything_written())
        assert any("htpasswd" in name for name, _ in written) and len(written) > 5
        for name, content in written:
            assert secret.encode() not in content, name
        assert secret not in "".join(os.environ.values())
    finally:
        registry.private(password=store.password)


def test_the_shown_lines_are_words_of_a_shell(world, store, shown):
    registry.private()
    assert len(shown) == 3
    for line in shown:
        assert shlex.split(line)[0] == "docker"
    assert f"--label {workspace.label()}" in shown[0]
    assert containers.published(f"{world.me}-registry", 5000, client=engine.connect()) == str(store)
