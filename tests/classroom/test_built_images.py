"""The images: the same from the same packages, served by the mirror, and run by the Engine."""

import io
import json
import os
import shutil
import tarfile
import time
import uuid

import bcrypt
import docker
import pytest
import requests

from classroom import build, mirror, packages
from classroom.errors import ClassroomError
from tests.classroom.conftest import get


@pytest.fixture(scope="module")
def images(unpacked):
    return build.images(unpacked, packages.architecture())


def test_the_same_packages_give_the_same_images(images, unpacked, tmp_path):
    moved = {}
    for name, package in unpacked.items():  # elsewhere, for another user, unpacked at another time
        shutil.copytree(package.folder, tmp_path / name, symlinks=True)
        moved[name] = packages.Package(name, package.version, tmp_path / name)
    os.umask(os.umask(0o077))
    again = build.images(moved, packages.architecture())
    assert [image.digest for image in again] == [image.digest for image in images]


def test_the_id_does_not_depend_on_the_compression(images, unpacked):
    fast = build.images(unpacked, packages.architecture(), level=1)
    assert [image.id for image in fast] == [image.id for image in images]
    assert [image.digest for image in fast] != [image.digest for image in images]


def test_an_entry_belongs_to_root_and_links_follow_their_file(images):
    manifest = json.loads(images[0].manifest)
    layer = images[0].blobs[manifest["layers"][0]["digest"]]
    entries = tarfile.open(fileobj=io.BytesIO(layer)).getmembers()
    assert {(entry.uid, entry.gid) for entry in entries} == {(0, 0)}
    modes = {entry.name: entry.mode for entry in entries}
    assert (modes["tmp"], modes["root"]) == (0o1777, 0o700)
    links = [entry for entry in entries if entry.islnk()]
    assert len(links) > 100 and {entry.linkname for entry in links} == {"bin/busybox"}
    names = [entry.name for entry in entries]
    assert names.index("bin/busybox") < names.index("bin/sh")


def test_the_config_tells_where_the_image_comes_from(images, unpacked):
    config = json.loads(images[0].config)
    assert config["config"]["Cmd"] == ["sh"]
    assert [step["created_by"] for step in config["history"]] == [
        f"{unpacked['busybox-static']} /",
        'CMD ["sh"]',
    ]
    assert config["history"][1]["empty_layer"] is True


def test_two_images_share_the_layer_of_the_c_library(images):
    glibc, registry = (json.loads(image.manifest)["layers"] for image in images[1:])
    assert glibc[0] == registry[0]


def test_an_unknown_architecture_is_named():
    with pytest.raises(ClassroomError, match="m68k"):
        build.image("x", ["1"], [build.Layer("x", 0)], runs={"Cmd": ["x"]}, platform="m68k")


def test_latest_and_the_version_share_a_digest_and_glibc_has_another(own, unpacked):
    def digest(tag):
        status, headers, _ = get(own["mirror"], f"/v2/library/busybox/manifests/{tag}", "HEAD")
        assert status == 200
        return headers["Docker-Content-Digest"]

    version = build.upstream(unpacked["busybox-static"].version)
    assert digest("latest") == digest(version) != digest("glibc")


def test_a_filled_mirror_is_not_filled_again(own, own_state, monkeypatch):
    def built_again(*arguments):
        raise AssertionError("the images were built again")

    monkeypatch.setattr(build, "images", built_again)
    mirror.fill(own_state)
    assert mirror.serves(int(own["mirror"].partition(":")[2]), own_state)


def test_a_mirror_that_lost_an_image_is_filled_again(make_state):
    from classroom import stand_in

    state = make_state()
    stand_in.start(state)
    stand_in.stop(state)
    shutil.rmtree(mirror.storage(state) / "docker/registry/v2/repositories/library/registry")
    port = int(stand_in.start(state)["mirror"].partition(":")[2])
    assert mirror.head(port, "library/registry:2")


def test_the_engine_runs_the_images(client, own):
    engine = docker.DockerClient(base_url=client.host)
    for tag, word in (("latest", "static"), ("glibc", "dynamic")):
        name = f"{own['mirror']}/library/busybox:{tag}"
        engine.images.pull(name)
        try:
            output = engine.containers.run(
                name, ["sh", "-c", f"echo {word} $(whoami)"], network_mode="none", remove=True
            )
        finally:
            engine.images.remove(name, force=False, noprune=True)
        assert output.decode().split() == [word, "root"]


def test_the_registry_image_asks_for_a_password(client, own):
    engine = docker.DockerClient(base_url=client.host)
    image = f"{own['mirror']}/library/registry:2"
    engine.images.pull(image)
    container = engine.containers.create(
        image,
        name=f"test-registry-{uuid.uuid4().hex[:8]}",
        ports={"5000/tcp": ("127.0.0.1", None)},
        environment={
            "REGISTRY_AUTH": "htpasswd",
            "REGISTRY_AUTH_HTPASSWD_REALM": "test",
            "REGISTRY_AUTH_HTPASSWD_PATH": "/auth/htpasswd",
        },
    )
    try:
        secret = uuid.uuid4().hex
        line = b"learner:" + bcrypt.hashpw(secret.encode(), bcrypt.gensalt(4)) + b"\n"
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            entry = tarfile.TarInfo("auth/htpasswd")
            entry.size = len(line)
            archive.addfile(entry, io.BytesIO(line))
        assert container.put_archive("/", packed.getvalue())
        container.start()
        container.reload()
        port = container.ports["5000/tcp"][0]["HostPort"]
        url = f"http://127.0.0.1:{port}/v2/"
        assert first_answer(url).status_code == 401
        assert requests.get(url, auth=("learner", secret), timeout=5).status_code == 200
        assert requests.get(url, auth=("learner", "wrong"), timeout=5).status_code == 401
    finally:
        container.remove(force=True, v=True)
        engine.images.remove(image, noprune=True)


def first_answer(url):
    deadline = time.monotonic() + 10
    while True:
        try:
            return requests.get(url, timeout=5)
        except requests.ConnectionError:
            assert time.monotonic() < deadline, "the registry in the container does not answer"
            time.sleep(0.05)
