"""Nothing that is not the workspace's is touched; what is its own is made once."""

import gc
import http.client
import io
import socket
import tarfile
import time

import pytest
from docker.utils import version_lt

from helpers import containers, engine, images, registry, workspace
from helpers._internal import connection, containers as inner, distribution, errors, identity


def test_a_container_of_another_is_left_as_it_is(world):
    """It bears a name of ours, and was made by somebody else."""
    other = f"{world.me}-taken"
    world.plant(other)
    before = world.looks(other)
    for call in (
        lambda: containers.run("busybox", "true", name="taken"),
        lambda: containers.run("busybox", "sleep 9", name="taken", detach=True),
        lambda: containers.stop("taken", grace=0),
        lambda: containers.kill("taken"),
        lambda: containers.rm("taken", force=True),
        lambda: containers.start("taken"),
        lambda: containers.exec_("taken", "touch /x"),
        lambda: containers.wait("taken"),
        lambda: images.export("taken", "x.tar"),
        lambda: images.commit("taken", f"{world.me}/x:1"),
    ):
        with pytest.raises(errors.NotOwned, match=other):
            call()
        assert world.looks(other) == before
    assert world.sh(f"docker diff {other}").stdout == ""


def test_the_container_of_a_neighbour_is_left_as_it_is(world):
    """It has our label's key and another value."""
    world.plant(f"{world.me}-next", options=f"-d --label lesson={world.me}x")
    before = world.looks(f"{world.me}-next")
    for call in (containers.kill, containers.rm, containers.stop):
        with pytest.raises(errors.NotOwned):
            call("next")
    assert world.looks(f"{world.me}-next") == before


def test_a_name_of_an_image_of_another_is_left_as_it_is(world):
    images.pull("registry:2")
    containers.run("busybox", "touch /x", name="box")
    images.export("box", "rootfs.tar")
    name = f"other-{world.me}/hello:1"
    world.sh(f"docker tag {images.ls('registry').image_id[0]} {name}")
    try:
        before = world.looks(name)
        for call in (
            lambda: registry.tag("busybox", name),
            lambda: images.rm(name),
            lambda: images.push(name),
            lambda: images.commit("box", name),
            lambda: images.import_("rootfs.tar", name),
        ):
            with pytest.raises(errors.NotOwned, match=name):
                call()
            assert world.looks(name) == before
    finally:
        world.sh(f"docker rmi {name}")


@pytest.mark.alone
def test_twice_is_the_same(world):
    def names():
        found = [name for image in world.api.images() for name in image["RepoTags"] or []]
        return sorted(name for name in found if identity.owns_tag(name) or ":<none>" in name)

    def row(frame):
        rows = frame[["repository", "tag", "size"]].values.tolist()
        return [[*names, world.like(size)] for *names, size in rows]

    for call in (
        lambda: containers.run("busybox", "echo hello", name="box"),
        lambda: images.export("box", "rootfs.tar"),
        lambda: images.save("busybox", "x.tar"),
        lambda: images.load("x.tar"),
        lambda: images.pull("busybox").digest,
        lambda: row(registry.tag("busybox", f"{world.me}/x:1")),
        lambda: row(images.commit("box", f"{world.me}/box:1")),
        lambda: row(images.import_("rootfs.tar", f"{world.me}/flat:1")),
    ):
        first, named, there = call(), names(), world.mine()
        assert call() == first
        assert names() == named
        assert world.mine() == there
    assert len(named) >= 3 and there == [f"{world.me}-box"]


REFUSED = {
    "memory": (errors.LessonError, {"memory": "1k"}),
    "cpus": (errors.LessonError, {"cpus": 10_000}),
    "port": (errors.InvalidInput, {"publish": "80"}),
    "no image": (errors.NotFound, {"image": "busybox:nowhere"}),
    "no image's name": (errors.LessonError, {"image": "Busy box"}),
}


@pytest.mark.parametrize(("kind", "options"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("detach", [True, False])
def test_a_run_that_is_refused_leaves_the_container_of_before(world, kind, options, detach):
    containers.run("busybox", "sleep 600", name="cafe", detach=True)
    before = world.looks(f"{world.me}-cafe")
    with pytest.raises(kind):
        containers.run(**{"image": "busybox"} | options, name="cafe", detach=detach)
    assert world.looks(f"{world.me}-cafe") == before
    containers.run("busybox", "sleep 600", name="cafe", detach=True)
    assert world.looks(f"{world.me}-cafe") != before and world.mine() == [f"{world.me}-cafe"]


def test_a_service_twice_is_the_same(world):
    def run():
        found = containers.run("busybox", "sleep 60", name="web", detach=True, publish="8940:80",
                               env={"A": "b c"}, restart="on-failure:3", init=True)  # fmt: skip
        return found.drop(columns=["created", "container_id", "status"]).values.tolist()

    assert run() == run()
    assert world.mine() == [f"{world.me}-web"]
    one = world.container(f"{world.me}-web")
    assert one["Config"]["Labels"] == {"lesson": world.me}
    assert "A=b c" in one["Config"]["Env"] and one["HostConfig"]["Init"] is True
    assert one["HostConfig"]["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}


def test_a_busy_port_is_replaced(world, shown):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        busy = listener.getsockname()[1]
        found = containers.run("busybox", "sleep 60", name="web", detach=True, publish=f"{busy}:80")
        host, _, rest = found.ports[0].partition(":")
        port = int(rest.partition("->")[0])
        assert host == "127.0.0.1" and busy < port < busy + 100
        assert f"-p 127.0.0.1:{port}:80" in shown[-1]


def test_exit_codes_and_output(world):
    done = containers.run("busybox", "sh -c 'echo out; echo err >&2; exit 7'", name="box")
    assert done.exit_code == 7 and sorted(done.split()) == ["err", "out"]
    assert containers.ps("box", all=True).exit_code.tolist() == [7]
    gone = containers.run("busybox", "sh -c 'exit 3'", rm=True)
    assert gone.exit_code == 3 and gone == ""
    assert world.mine() == [f"{world.me}-box"]


def test_what_can_t_start_is_said_and_does_not_stay(world):
    for detach in (False, True):
        with pytest.raises(errors.LessonError, match="no such command"):
            containers.run("busybox", "nope", rm=True, detach=detach)
        assert world.mine() == []


def test_a_container_that_goes_on_too_long_is_removed(world, monkeypatch):
    monkeypatch.setattr(inner, "RUN_TIMEOUT", 0.5)
    with pytest.raises(errors.Timeout):
        containers.run("busybox", "sleep 600", name="box")
    assert world.mine() == []


def test_a_command_in_a_container_has_a_limit(world, monkeypatch):
    containers.run("busybox", "sleep 60", name="job", detach=True)
    for _ in range(3):
        with monkeypatch.context() as patch:
            patch.setattr(engine.connect().api, "timeout", 0.5)
            with pytest.raises(errors.Timeout):
                containers.exec_("job", "sleep 60")  # it is silent
        with monkeypatch.context() as patch:
            patch.setattr(inner, "RUN_TIMEOUT", 0.5)
            with pytest.raises(errors.Timeout):
                containers.exec_("job", "yes")  # it goes on
    assert containers.exec_("job", "echo still here") == "still here\n"


def test_a_command_in_a_container_leaves_no_answer_open(world, monkeypatch):
    """Python 3.13 says of such a one, in red and in a later cell, that it could not be closed."""
    containers.run("busybox", "sleep 60", name="job", detach=True)
    before = open_answers()
    assert containers.exec_("job", "echo hi") == "hi\n"
    monkeypatch.setattr(engine.connect().api, "timeout", 0.5)
    with pytest.raises(errors.Timeout):
        containers.exec_("job", "sleep 60")
    assert [one for one in open_answers() if one not in before] == []


def open_answers():
    """Give the Engine's answers that nobody has closed."""
    answers = (one for one in gc.get_objects() if isinstance(one, http.client.HTTPResponse))
    return [one for one in answers if not one.isclosed()]


def test_what_is_not_there_or_in_the_wrong_state(world):
    for call in (containers.start, containers.stop, containers.rm, containers.logs,
                 containers.inspect, containers.wait, containers.kill, containers.events,
                 containers.curl):  # fmt: skip
        with pytest.raises(errors.NotFound):
            call("nobody")
    with pytest.raises(errors.NotFound):
        images.export("nobody", "x.tar")
    assert not (workspace.place("x.tar")).exists()
    for call in (images.inspect, images.history, lambda name: registry.tag(name, f"{world.me}/x"),
                 lambda name: images.save(name, "x.tar")):  # fmt: skip
        with pytest.raises(errors.NotFound):
            call(f"{world.me}/nothing:1")
    containers.run("busybox", "true", name="box")
    for call in (lambda: containers.kill("box"), lambda: containers.exec_("box", "true")):
        with pytest.raises(errors.Conflict):
            call()
    containers.run("busybox", "sleep 60", name="job", detach=True)
    with pytest.raises(errors.Conflict):
        containers.rm("job")


def test_ready_of_a_container_that_ends_without_the_words(world):
    containers.run("busybox", "echo something else", name="box")
    with pytest.raises(errors.Timeout):
        containers.ready("box", "ready")
    assert "something" in containers.ready("box", "some")


def test_stop_tells_whether_the_time_was_used(world):
    containers.run("busybox", "sleep 60", name="job", detach=True, init=True)
    done = containers.stop("job")
    assert done[["exit_code", "grace_used"]].values.tolist() == [[143, False]]
    containers.run("busybox", "sleep 60", name="job", detach=True)
    done = containers.stop("job", grace=1)  # sleep as process 1 takes no SIGTERM
    assert done[["exit_code", "grace_used"]].values.tolist() == [[137, True]]


def test_a_signal_waits_until_there_is_a_command_to_get_it(world):
    """What sets a container up is called `runc init`: here a command that ends so, for a second."""
    for end in (lambda: containers.stop("job", grace=0), lambda: containers.kill("job")):
        words = ["sh", "-c", "sleep 1; exec sleep 60", "runc init"]
        containers.run("busybox", words, name="job", detach=True)
        begun = time.monotonic()
        assert end().exit_code.tolist() == [137]
        assert time.monotonic() - begun > 0.8


def test_each_end_of_a_container_that_is_restarted_is_waited_for(world):
    containers.run("busybox", "sh -c 'exit 3'", name="flaky", detach=True, restart="on-failure:1")
    containers.wait("flaky")
    done = containers.wait("flaky")
    assert done[["state", "exit_code"]].values.tolist() == [["exited", 3]]
    happened = containers.events("flaky")
    assert happened.action.tolist() == ["create", *["start", "die"] * 2]
    assert happened.exit_code.dropna().tolist() == [3, 3]
    assert containers.inspect("flaky").restarts.tolist() == [1]


# Pulls in the classroom


@pytest.fixture
def asked(monkeypatch):
    """Every address that the helpers ask, and every image that they ask the Engine to pull."""
    addresses, pulls = [], []
    get, pull = distribution.get, engine.connect().api.pull

    def spied_get(address, **options):
        addresses.append(address)
        return get(address, **options)

    def spied_pull(repository, *arguments, **options):
        pulls.append(repository)
        return pull(repository, *arguments, **options)

    monkeypatch.setattr(distribution, "get", spied_get)
    monkeypatch.setattr(engine.connect().api, "pull", spied_pull)
    return addresses, pulls


@pytest.mark.parametrize(
    "name", ["alpine", "busybox:nope", "docker.io/ada/hello:1", "busybox@sha256:" + "0" * 64]
)
def test_what_the_mirror_does_not_have_is_never_asked_of_docker_hub(world, asked, name):
    addresses, pulls = asked
    mirror = connection.sources().mirror
    assert mirror, "these tests run with CLASSROOM=on"
    for call in (images.pull, lambda one: containers.run(one, "true", rm=True)):
        with pytest.raises(errors.NotFound, match="nothing asks Docker Hub"):
            call(name)
    assert pulls == []
    assert addresses and all(one.startswith(f"http://{mirror}/") for one in addresses)


@pytest.fixture
def rare(world):
    """The name of an image in the mirror that no lesson and no other test pulls."""
    name = f"busybox:{min(set(registry.tags('busybox').tag) - {'latest', 'glibc'})}"
    before = world.image(name)
    yield name
    world.sh(f"docker rmi -f {name}", check=False)
    if before:
        images.pull(name)


@pytest.fixture(params=[True, False], ids=["mirrored", "not mirrored"])
def mirrored(request, monkeypatch):
    """An Engine that was given the mirror, as far as that can be; then one that was not."""
    at = connection.sources()
    now = connection.Sources(at.mirror, at.index, at.mirrored and request.param)
    monkeypatch.setattr(connection, "sources", lambda: now)


@pytest.mark.usefixtures("mirrored")
def test_an_image_that_was_built_here_keeps_its_name(world, rare, asked):
    """Also where a pull would bring another of this name, by itself or for a run."""
    containers.run("busybox", "touch /mine", name="box")
    world.sh(f"docker commit {world.me}-box {rare}")
    mine, pulls = world.looks(rare), asked[1]
    if world.containerd and version_lt(world.api.api_version, "1.53"):  # it says of no image
        built = world.image(rare)["Id"]
        images.pull(rare)
        assert world.image(built)["RepoTags"] == []  # as docker pull does: it stays
        return world.sh(f"docker rm -f {world.me}-box; docker rmi {built}")
    for _ in range(2):
        with pytest.raises(errors.NotOwned, match=f"{rare} is an image that was built here"):
            images.pull(rare)
        assert world.looks(rare) == mine and pulls == []
    assert containers.run(rare, "ls /mine", rm=True).exit_code == 0  # as docker runs it
    world.sh(f"docker tag {rare} {world.me}/mine:1\ndocker rmi {rare}")  # as the sentence says
    assert images.pull(rare).reference == rare
    assert containers.run(rare, "ls /mine", rm=True).exit_code == 1
    assert world.image(f"{world.me}/mine:1")["Id"] in mine


@pytest.mark.usefixtures("mirrored")
def test_an_image_that_was_pulled_gives_up_its_name(world, rare):
    """As with docker itself: an older image of the name stays, and has lost it."""
    images.pull("registry:2")
    older = world.image("registry:2")
    world.sh(f"docker tag registry:2 {rare}")
    assert older["RepoDigests"]
    assert images.pull(rare).reference == rare
    assert world.image(rare)["Id"] != older["Id"]
    tags = world.image(older["Id"])["RepoTags"]
    assert "registry:2" in tags and rare not in tags


def test_an_engine_that_does_not_know_the_mirror(world, monkeypatch, shown):
    """The image comes from the mirror's own name, which does not stay."""
    at = connection.sources()
    now = connection.Sources(at.mirror, at.index, False)
    monkeypatch.setattr(connection, "sources", lambda: now)
    here = world.image("busybox")["Id"]
    done = images.pull("busybox")
    assert done.reference == "busybox:latest" and world.image("busybox")["Id"] == here
    assert world.image(f"{at.mirror}/library/busybox:latest") is None
    assert shown == [
        f"docker pull {at.mirror}/library/busybox:latest"
        f" && docker tag {at.mirror}/library/busybox:latest busybox:latest"
        f" && docker rmi {at.mirror}/library/busybox:latest"
    ]


@pytest.mark.parametrize("manifest", [b'{"name": "a web page"}', b'[{"Config": "gone"}]'])
def test_an_archive_that_the_engine_refuses(world, manifest):
    with tarfile.open(workspace.file("x.tar"), "w") as archive:
        member = tarfile.TarInfo("manifest.json")
        member.size = len(manifest)
        archive.addfile(member, io.BytesIO(manifest))
    with pytest.raises(errors.InvalidArchive):
        images.load("x.tar")


# Reset


@pytest.mark.alone
def test_reset_removes_exactly_ours(world):
    me, sh, other = world.me, world.sh, f"other-{world.me}"
    workspace.reset()  # what earlier tests have left in repositories has no name but a digest
    foreign = [f"{other}-box", f"{me}-unlabelled"]
    for name in foreign:
        world.plant(name)
    world.plant(f"{other}-near", options=f"-d --label lesson={me}x")
    names = [f"{other}/hello:1", f"{other}/{me}:1", f"x{me}/hello:1"]
    for name in names:
        sh(f"docker tag busybox {name}")
    sh(f"docker network create {other}-net; docker volume create {other}-vol")
    sh(f"docker network create --label lesson={me} {me}-net")
    sh(f"docker volume create --label lesson={me} {me}-vol")
    containers.run("busybox", "sleep 60", name="job", detach=True)
    containers.run("busybox", "touch /x", name="box")
    images.commit("box", f"{me}/hello:1")
    registry.tag("busybox", f"127.0.0.1:1/{me}/hello:1")
    images.save("busybox", "x.tar")
    world.sh("docker pull registry:2")
    theirs = [*foreign, f"{other}-near", f"{other}-net", f"{other}-vol"]
    kept = [*names, "busybox", "registry:2"]
    before, ids = world.looks(*theirs), [world.image(name)["Id"] for name in kept]
    images_before = {image["Id"] for image in world.api.images()}
    try:
        gone = workspace.reset()
        assert sorted(gone.kind.unique()) == ["container", "file", "image", "network", "volume"]
        assert {f"{me}-job", f"{me}-box", f"{me}/hello:1", f"127.0.0.1:1/{me}/hello:1",
                f"{me}-net", f"{me}-vol", f"files/{me}/x.tar"} <= set(gone.name)  # fmt: skip
        assert all(me in name or kind in ("image", "file") for kind, name in gone.values)
        assert world.looks(*theirs) == before
        assert [world.image(name)["Id"] for name in kept] == ids
        assert len(images_before - {image["Id"] for image in world.api.images()}) == 1
        for kind in ("container", "volume", "network"):
            found = sh(f"docker {kind} ls -q --filter label=lesson={me} {'-a' * (kind[0] == 'c')}")
            assert found.stdout == ""
        assert not [n for i in world.api.images() for n in i["RepoTags"] or []
                    if identity.owns_tag(n)]  # fmt: skip
        assert not (identity.NOTEBOOK_DIR / "files").exists()
        assert len(workspace.reset()) == 0
    finally:
        sh(f"docker rmi {' '.join(names)}")
        sh(f"docker network rm {other}-net; docker volume rm {other}-vol", check=False)
        sh(f"docker network rm {me}-net; docker volume rm {me}-vol", check=False)


def test_load_moves_no_name_of_another(world):
    containers.run("busybox", "touch /theirs", name="box")
    name = f"other-{world.me}/hello:1"
    world.sh(f"docker commit {world.me}-box {name}")
    try:
        images.save(name, "theirs.tar")
        images.load("theirs.tar")  # the same image: nothing moves
        world.sh(f"docker tag busybox {name}")
        before = world.looks(name)
        with pytest.raises(errors.NotOwned, match=name):
            images.load("theirs.tar")
        assert world.looks(name) == before
    finally:
        world.sh(f"docker rmi {name}")


def test_reset_removes_what_was_pulled_by_digest(world, store):
    registry.login(store)
    name = f"{store}/{world.me}/pinned"
    containers.run("busybox", "cp /proc/sys/kernel/random/uuid /new", name="box")
    images.commit("box", f"{name}:1")
    digest = images.push(f"{name}:1").digest
    images.rm(f"{name}:1")
    images.pull(f"{name}@{digest}")
    gone = workspace.reset()
    assert f"{name}@{digest}" in set(gone.name)
    assert world.image(f"{name}@{digest}") is None


def test_reset_goes_on_where_another_s_container_needs_an_image_of_ours(world):
    """As after `docker run ada/hello:1` in a terminal, without the label."""
    other = f"other-{world.me}"
    containers.run("busybox", "touch /x", name="box")
    images.commit("box", f"{world.me}/hello:1", change='LABEL "x"="y"')
    world.sh(f"docker volume create --label {workspace.label()} {world.me}-vol")
    images.save("busybox", "x.tar")
    world.sh(f"docker run --name {other} {world.me}/hello:1 true")
    world.planted.append(other)
    before = world.looks(other)
    try:
        workspace.reset()
        assert world.looks(other) == before
        assert world.sh(f"docker volume ls -q --filter label={workspace.label()}").stdout == ""
        assert not (identity.NOTEBOOK_DIR / "files").exists()
    finally:
        world.sh(f"docker volume rm {world.me}-vol", check=False)


@pytest.mark.parametrize("commit", ["images.commit", "docker commit"])
def test_reset_leaves_what_others_run_from_an_image_of_ours(world, commit):
    """The image may carry our label, and every container from it then does."""
    me, other, name = world.me, f"prod-{world.me}", f"{world.me}/hello:1"
    containers.run("busybox", "touch /x", name="box")
    if commit == "images.commit":
        images.commit("box", name)
        assert world.image(name)["Config"]["Labels"] == {"lesson": ""}
    else:
        world.sh(f"docker commit {me}-box {name}")
    nameless = world.sh(f"docker commit {me}-box").stdout.strip()
    world.planted.append(other)
    world.sh(f"docker run -d --name {other} -v /data {name} sleep 600")
    before, theirs = world.looks(other), f"ghcr.io/{me}/app:1 company:5000/{me}/app:1"
    for one in theirs.split():
        world.sh(f"docker tag busybox {one}")
        with pytest.raises(errors.NotOwned):
            images.push(one)
    containers.run("busybox", "true")  # ours, and without a name
    world.sh(f"docker run --label lesson={me} --name {me}-web {name} true")
    try:
        gone = workspace.reset()
        assert world.looks(other) == before
        assert (gone.kind == "container").sum() >= 3 and world.mine() in ([], [other])
        assert world.image(nameless) and all(map(world.image, theirs.split()))
    finally:
        world.sh(f"docker rm -fv {other}; docker rmi {nameless} {theirs}", check=False)
