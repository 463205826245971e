"""The contract: the line that a helper shows does the same, and gives the same rows.

For each public helper that shows a command there is a case here. It runs the helper, then puts
everything back to where it began, runs exactly the shown lines in a shell with a real docker
command, and compares. Listing commands get `--no-trunc --format '{{json .}}'` and no more.
"""

import ast
import hashlib
import inspect
import json
import os
import re
import shutil
import subprocess
import tarfile
import time
from datetime import datetime
from types import SimpleNamespace

import pandas as pd
import pytest

from helpers import containers, engine, images, registry, workspace
from helpers._internal import connection, errors, identity, own_registry

CASES = {}
SERVICE = "httpd -f -h /home"


def case(*names, once=False):
    """Enter a function as the case of these helpers.

    Args:
        names: The helpers' names, with their modules'.
        once: Try it with the first docker command of the path only: what is new in it, beside
            the helper's other cases, has nothing to do with that command.
    """

    def enter(function):
        function.once = once
        for name in names:
            CASES.setdefault(name, []).append(function)
        return function

    return enter


def helpers_that_show():
    """Find the public functions whose body calls `docker(` or `shown(`."""
    found = set()
    for module in (registry, images, containers, engine):
        functions = [
            node
            for node in ast.parse(inspect.getsource(module)).body
            if isinstance(node, ast.FunctionDef)
        ]
        for function in functions:
            called = {
                getattr(call.func, "id", getattr(call.func, "attr", None))
                for call in ast.walk(function)
                if isinstance(call, ast.Call)
            }
            if called & {"docker", "shown"} and not function.name.startswith("_"):
                found.add(f"{module.__name__.removeprefix('helpers.')}.{function.name}")
    return found - {"engine.docker"}


def test_there_is_a_case_for_every_helper_that_shows_a_command():
    there = helpers_that_show()
    assert len(there) >= 25
    assert set(CASES) == there


@pytest.fixture
def shell(world, shown, cli, tmp_path):
    """The world with a chosen docker command before all others on the path."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").symlink_to(cli)
    world.environment["PATH"] = f"{tmp_path / 'bin'}:{world.environment['PATH']}"
    world.shown = shown
    return world


def clients():
    """Find the docker commands on the path that the Engine takes: versions, and where each lies.

    Engine 29 answers no command older than 25.
    """
    found = {}
    for folder in os.environ["PATH"].split(os.pathsep):
        place = shutil.which("docker", path=folder)
        if place:
            asked = [place, "version", "--format", "{{.Client.Version}}"]
            done = subprocess.run(asked, capture_output=True, text=True)
            if done.returncode == 0:
                found.setdefault(done.stdout.strip(), place)
    return found


def pytest_generate_tests(metafunc):
    """Pair the cases, which are all known by then, with the docker commands."""
    if "function" in metafunc.fixturenames:
        rows = [
            pytest.param(function, place, id=f"{name}-{function.__name__}-{version}")
            for i, (version, place) in enumerate(clients().items())
            for name, functions in sorted(CASES.items())
            for function in functions
            if not (i and function.once)
        ]
        metafunc.parametrize(("function", "cli"), rows)


def test_the_shown_command_does_the_same(shell, function):
    function(shell)


def call(shell, helper, *arguments, **options):
    """Run a helper; gives its result and the lines that it showed."""
    shell.shown.clear()
    result = helper(*arguments, **options)
    lines = list(shell.shown)
    assert lines, "it showed nothing"
    return result, lines


def listed(shell, line, extra="--no-trunc --format '{{json .}}'"):
    """Run a listing command, and give its rows."""
    words = line.split(" ", 2)
    if words[1] == "image":
        words = [*words[:1], " ".join(line.split(" ")[1:3]), line.split(" ", 3)[3]]
    found = shell.sh(" ".join([*words[:2], extra, *words[2:]])).stdout
    return [json.loads(row) for row in found.splitlines()]


def human(size):
    """Write a number of bytes as docker does."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g}{unit}"
        size /= 1000


def when(text):
    """Read docker's `2026-05-07 20:33:45 +0000 UTC`."""
    return pd.Timestamp(datetime.strptime(text[:25], "%Y-%m-%d %H:%M:%S %z")).tz_convert("UTC")


LIMITS = ("NanoCpus", "Memory", "MemorySwap")


def facts(container):
    """What matters of a container, as `docker inspect` gives it."""
    config, host = container["Config"], container["HostConfig"]
    return {
        **{key: config[key] for key in ("Image", "Cmd", "Labels", "Tty", "Entrypoint",
                                        "WorkingDir", "User", "OpenStdin")},
        "env": sorted(config["Env"]),
        "ports": host["PortBindings"] or {},
        "exposed": config.get("ExposedPorts") or {},
        "restart": host["RestartPolicy"]["Name"] or "no",
        "retries": host["RestartPolicy"]["MaximumRetryCount"],
        "init": bool(host.get("Init")),
        **{key: host[key] for key in (*LIMITS, "AutoRemove", "Privileged", "NetworkMode")},
        "name": container["Name"],
        "image": container["Image"],
        "state": container["State"]["Status"],
        "exit_code": container["State"]["ExitCode"],
    }  # fmt: skip


def built(shell, image):
    """What matters of an image that was made here."""
    config = image["Config"] or {}
    settings = ("Cmd", "Env", "Entrypoint", "WorkingDir", "User", "Volumes", "ExposedPorts")
    return {key: config.get(key) or None for key in (*settings, "Labels")} | {
        "layers": image["RootFS"].get("Layers"),
        "tags": image["RepoTags"],
        "size": shell.like(image["Size"]),
        "platform": (image["Os"], image["Architecture"]),
    }


def packed(path):
    """What a tar archive holds: of each member its kind, its target, and its content's digest."""
    with tarfile.open(path) as archive:
        return {
            one.name: (one.type, one.mode, one.linkname,
                       hashlib.sha256(archive.extractfile(one).read()).hexdigest()
                       if one.isreg() else None)
            for one in archive
        }  # fmt: skip


def in_files(name):
    return identity.NOTEBOOK_DIR / "files" / workspace.name() / name


def run_box(shell, words="touch /new", **options):
    containers.run("busybox", words, name="box", **options)
    return f"{shell.me}-box"


@case("containers.cp")
def copy_a_file_out_of_a_container_that_has_ended(shell):
    run_box(shell, "cp /proc/sys/kernel/random/uuid /new.txt")
    said, [line] = call(shell, containers.cp, "box", "/new.txt", "copy.txt")
    first = in_files("copy.txt").read_bytes()
    assert said == f"files/{shell.me}/copy.txt" and len(first) == 37
    in_files("copy.txt").unlink()
    shell.sh(line)
    assert in_files("copy.txt").read_bytes() == first


@case("containers.cp", once=True)
def copy_what_is_not_there(shell):
    run_box(shell, "mkdir /folder")
    workspace.file("copy.txt").write_text("of before")
    for path in ("/no/such", "/folder"):
        with pytest.raises(errors.LessonError, match=f"there is no file {path} in it"):
            containers.cp("box", path, "copy.txt")
    assert in_files("copy.txt").read_text() == "of before"


# images


@case("images.ls")
def all_and_some_images(shell):
    registry.tag("busybox", f"{shell.me}/one:1")
    registry.tag("busybox", f"{shell.me}/one:2")
    for references in ((f"{shell.me}/*",), ("busybox", f"{shell.me}/one:1"), ("nothing-here",)):
        check_images(shell, *call(shell, images.ls, *references))


@case("images.ls", once=True)
def images_whose_only_name_is_a_digest(shell):
    """As there are after a tag was pushed, and given to another image."""
    store = registry.private()
    registry.login(store)
    name = f"{store}/{shell.me}/moved:1"
    for content in ("one", "two"):
        run_box(shell, f"sh -c 'echo {content} > /new'")
        shell.sh(f"docker commit {shell.me}-box {name}")
        images.push(name)
    try:
        found, lines = call(shell, images.ls)
        check_images(shell, found[found.repository.str.contains(shell.me)], lines, only=shell.me)
    finally:
        registry.logout(store)
        for row in listed(shell, "docker images --digests "):
            if row["Repository"] == name.rpartition(":")[0]:
                shell.sh(f"docker rmi {row['Repository']}@{row['Digest']}", check=False)


def check_images(shell, found, lines, only=""):
    [line] = lines
    rows = [row for row in listed(shell, line + " ") if only in row["Repository"]]
    ours = [
        (one.repository, one.tag, f"sha256:{one.image_id}", human(one.size), one.created)
        for one in found.itertuples()
    ]
    theirs = [
        (row["Repository"], row["Tag"], row["ID"][:19], row["Size"], when(row["CreatedAt"]))
        for row in rows
    ]
    assert sorted(ours) == sorted(theirs)
    assert found.created.is_monotonic_decreasing


@case("images.pull")
def pull_from_the_mirror(shell):
    check_pull(shell, "busybox")


@case("images.pull", once=True)
def pull_by_digest(shell):
    check_pull(shell, f"busybox@{images.pull('busybox').digest}")


def check_pull(shell, name):
    done, [line] = call(shell, images.pull, name)
    said = shell.sh(line).stdout
    assert re.search("Digest: (sha256:.*)", said)[1] == done.digest
    assert shell.image(name)["RepoDigests"]


@case("images.pull", once=True)
def pull_past_an_engine_that_does_not_know_the_mirror(shell):
    at = connection.sources()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "sources", lambda: connection.Sources(at.mirror, at.index, False))
        done, [line] = call(shell, images.pull, "busybox")
    before = built(shell, shell.image("busybox"))
    said = shell.sh(line).stdout
    assert re.search("Digest: (sha256:.*)", said)[1] == done.digest
    assert built(shell, shell.image("busybox")) == before


@case("images.pull")
def pull_from_a_registry_of_one_s_own(shell):
    with pushed(shell, "pulled") as (store, name, digest):
        layers = {}
        for who in ("helper", "shell"):
            images.rm(name)
            if who == "helper":
                done, [line] = call(shell, images.pull, name)
                assert done.digest == digest
                layers = dict(done.layers.values)
            else:
                said = shell.sh(line).stdout
                assert f"Digest: {digest}" in said
                ends = re.findall(r"^([0-9a-f]{12}): (.*)$", said, re.MULTILINE)
                assert {short: state for short, state in ends} == layers
        assert layers


class pushed:
    """A registry, logged in to by helper and shell, and an image in it."""

    def __init__(self, shell, repository):
        self.shell, self.name = shell, repository

    def __enter__(self):
        store = registry.private()
        _, [line] = call(self.shell, registry.login, store)
        self.shell.sh(line)
        self.store, name = store, f"{store}/{self.shell.me}/{self.name}:1"
        run_box(self.shell, "cp /proc/sys/kernel/random/uuid /new.txt")
        images.commit("box", name)
        return store, name, images.push(name).digest

    def __exit__(self, *error):
        self.shell.sh(f"docker logout {self.store}")
        connection.logins.pop(str(self.store), None)


@case("images.push")
def push_a_new_image_and_again(shell):
    with pushed(shell, "sent") as (store, name, _):
        for state in ("Pushed", "Layer already exists"):
            if state == "Pushed":  # other content for each of the two, so that both send a layer
                run_box(shell, "cp /proc/sys/kernel/random/uuid /new.txt")
                images.commit("box", name)
            done, [line] = call(shell, images.push, name)
            assert state in done.layers.status.tolist()
            said = shell.sh(line).stdout
            assert re.search("digest: (sha256:[0-9a-f]+) ", said)[1] == done.digest
            shorts = dict(re.findall(r"^([0-9a-f]{12}): (.*)$", said, re.MULTILINE))
            assert set(shorts) == set(done.layers.layer)
            assert set(shorts.values()) == {"Layer already exists"}


@case("images.save")
def save_an_image(shell):
    registry.tag("busybox", f"{shell.me}/one:1")
    path, [line] = call(shell, images.save, f"{shell.me}/one:1", "a.tar")
    first = packed(path)
    assert "manifest.json" in first
    in_files("a.tar").unlink()
    shell.sh(line)
    assert packed(path) == first


@case("images.export")
def export_a_container(shell):
    run_box(shell, "sh -c 'echo hello > /hello.txt'")
    path, [line] = call(shell, images.export, "box", "rootfs.tar")
    first = packed(path)
    assert "hello.txt" in first and "bin/sh" in first
    in_files("rootfs.tar").unlink()
    shell.sh(line)
    assert packed(path) == first


@case("images.load")
def load_an_archive(shell):
    run_box(shell)
    name = f"{shell.me}/box:1"
    images.commit("box", name)
    images.save(name, "a.tar")
    made = shell.image(name)["Id"]
    images.rm(name)
    said, [line] = call(shell, images.load, "a.tar")
    assert shell.image(name)["Id"] == made
    images.rm(name)
    assert shell.sh(line).stdout == said
    assert shell.image(name)["Id"] == made


@case("images.import_")
def import_a_file_system(shell):
    run_box(shell, "sh -c 'echo hello > /hello.txt'")
    images.export("box", "rootfs.tar")
    name = f"{shell.me}/flat:1"
    change = ['CMD ["sh", "-c", "echo it\'s $HOME"]', "ENV A=b", 'LABEL "x"="y z"', "EXPOSE 80"]
    found, [line] = call(shell, images.import_, "rootfs.tar", name, change=change)
    first = built(shell, shell.image(name))
    assert first["Cmd"] == ["sh", "-c", "echo it's $HOME"] and first["Labels"] == {"x": "y z"}
    images.rm(name)
    shell.sh(line)
    assert built(shell, shell.image(name)) == first
    [row] = listed(shell, f"docker images {name}")
    assert [row["Repository"], row["Tag"], row["Size"]] == [
        *found.loc[0, ["repository", "tag"]], human(found.loc[0, "size"])
    ]  # fmt: skip


@case("images.import_", once=True)
def import_without_a_tag(shell):
    run_box(shell)
    images.export("box", "rootfs.tar")
    _, [line] = call(shell, images.import_, "rootfs.tar", f"{shell.me}/flat")
    first = built(shell, shell.image(f"{shell.me}/flat:latest"))
    images.rm(f"{shell.me}/flat:latest")
    shell.sh(line)
    assert built(shell, shell.image(f"{shell.me}/flat:latest")) == first


@case("images.commit")
def commit_a_container(shell):
    run_box(shell, "sh -c 'echo hello > /hello.txt'", env={"A": "b c"})
    name = f"{shell.me}/hello:1"
    change = ['CMD ["cat", "/hello.txt"]', "ENV COURSE=docker", "EXPOSE 80"]
    _, [line] = call(shell, images.commit, "box", name, change=change)
    first = shell.image(name)
    assert built(shell, first)["Cmd"] == ["cat", "/hello.txt"]
    images.rm(name)
    shell.sh(line)
    second = shell.image(name)
    assert built(shell, second) == built(shell, first)
    for key in ("Parent", "Author", "Comment"):
        assert second.get(key) == first.get(key)


@case("images.contents", once=True)
def contents_of_an_archive(shell):
    images.save("busybox", "a.tar")
    found, [line] = call(shell, images.contents, "a.tar")
    assert set(found.file) <= set(shell.sh(line).stdout.splitlines())
    sizes = dict(zip(found.file, found["size"], strict=True))
    for name, size in sizes.items():
        length = shell.sh(f"tar -xOf files/{shell.me}/a.tar {name} | wc -c").stdout
        assert int(length) == size


@case("images.read", once=True)
def read_out_of_an_archive(shell):
    images.save("busybox", "a.tar")
    for member in ("manifest.json", images.read("a.tar", "manifest.json")[0]["Config"]):
        found, [line] = call(shell, images.read, "a.tar", member)
        assert json.loads(shell.sh(line).stdout) == found


@case("images.inspect")
def inspect_images(shell):
    run_box(shell)
    name = f"{shell.me}/hello:1"
    images.commit("box", name, change=['CMD ["ls"]', "ENV WHO=ada"])
    found, [line] = call(shell, images.inspect, "busybox", name)
    rows = json.loads(shell.sh(line).stdout)
    assert list(found.columns) == ["busybox", name]
    for column, row in zip(found, rows, strict=True):
        config, one = row["Config"], found[column]
        assert one["id"] == row["Id"].removeprefix("sha256:")[:12]
        assert one["layers"] == len(row["RootFS"]["Layers"])
        assert (one["cmd"], one["env"]) == (config["Cmd"], config["Env"])
        assert one["size"] == row["Size"]
        steps = shell.sh(f"docker history -q {column}").stdout.split()
        assert one["history"] == len(steps)


@case("images.shared")
def layers_that_images_share(shell):
    run_box(shell)
    name = f"{shell.me}/hello:1"
    images.commit("box", name)
    found, [line] = call(shell, images.shared, "busybox", name)
    layers = [row["RootFS"]["Layers"] for row in json.loads(shell.sh(line).stdout)]
    assert found.layer.tolist() == [one.removeprefix("sha256:")[:12] for one in layers[1]]
    assert found["busybox"].tolist() == [True] * len(layers[0]) + [False]
    assert found[name].tolist() == [True] * len(layers[1])


@case("images.history")
def history_of_an_image(shell):
    run_box(shell)
    images.commit("box", f"{shell.me}/hello:1", change='CMD ["a", "b"]')
    found, [line] = call(shell, images.history, f"{shell.me}/hello:1")
    rows = listed(shell, line, "--format '{{json .}}'")
    assert len(found) == len(rows) >= 2
    assert found.created_by.tolist() == [row["CreatedBy"] for row in rows]
    assert [human(size) for size in found["size"]] == [row["Size"] for row in rows]
    assert found.comment.tolist() == [row["Comment"] for row in rows]
    times = [pd.Timestamp(row["CreatedAt"]).tz_convert("UTC") for row in rows]
    assert found.created.tolist() == times


@case("images.rm")
def rm_one_of_two_names_and_the_last_one(shell):
    run_box(shell)
    for names in (("one:1", "two:1"), ("one:1",)):
        results = []
        for who in ("helper", "shell"):
            shell.sh(f"docker rmi -f {shell.me}/one:1 {shell.me}/two:1", check=False)
            shell.sh(f"docker commit {shell.me}-box {shell.me}/one:1")
            for name in names[1:]:
                shell.sh(f"docker tag {shell.me}/one:1 {shell.me}/{name}")
            if who == "helper":
                found, [line] = call(shell, images.rm, f"{shell.me}/one:1")
                results.append([f"{action}: {what}" for action, what in found.values])
            else:
                results.append(shell.sh(line).stdout.splitlines())
            assert shell.image(f"{shell.me}/one:1") is None
        plain = [[re.sub("sha256:.*", "sha256", row) for row in rows] for rows in results]
        gone = 0 if len(names) == 2 else 1 if shell.containerd else 2  # the image, and its layer
        assert plain[0] == plain[1] == [f"Untagged: {shell.me}/one:1", *["Deleted: sha256"] * gone]


# registry


@case("registry.search")
def search_the_index(shell):
    for options in ({}, {"official": True}, {"official": False, "stars": 10}, {"limit": 3}):
        found, [line] = call(shell, registry.search, "busybox", **options)
        rows = listed(shell, line)
        theirs = [
            (row["Name"], row["Description"], int(row["StarCount"]),
             row["IsOfficial"] in ("true", "[OK]")) for row in rows
        ]  # fmt: skip
        assert sorted(found.itertuples(index=False, name=None)) == sorted(theirs)
        assert found.stars.is_monotonic_decreasing
        assert len(found) > 0


@case("registry.tag")
def tag_an_image(shell):
    target = f"127.0.0.1:5/{shell.me}/one:1"
    found, [line] = call(shell, registry.tag, "busybox", target)
    assert set(found.repository) == {"busybox", f"127.0.0.1:5/{shell.me}/one"}
    first = shell.image(target)["Id"]
    images.rm(target)
    shell.sh(line)
    assert shell.image(target)["Id"] == first == shell.image("busybox")["Id"]


@case("registry.tags", once=True)
def tags_of_a_repository(shell):
    for limit in (10, 2):
        found, [line] = call(shell, registry.tags, "busybox", limit=limit)
        answer = json.loads(shell.sh(line.replace("curl", "curl -s", 1)).stdout)
        assert found.tag.unique().tolist() == sorted(answer["tags"])[:limit]


@case("registry.tags", once=True)
def tags_behind_a_password(shell):
    with pushed(shell, "tagged") as (store, name, digest):
        found, [line] = call(shell, registry.tags, name.rpartition(":")[0])
        said = shell.sh(line.replace("curl", "curl -s", 1), said=f"{store.password}\n").stdout
        assert found.tag.tolist() == json.loads(said)["tags"] == ["1"]
        assert found.digest.tolist() == [digest]


@case("registry.catalog", once=True)
def catalog_behind_a_password(shell):
    with pushed(shell, "listed") as (store, *_):
        found, [line] = call(shell, registry.catalog, store)
        said = shell.sh(line.replace("curl", "curl -s", 1), said=f"{store.password}\n").stdout
        assert found.repository.tolist() == sorted(json.loads(said)["repositories"])
        assert f"{shell.me}/listed" in found.repository.tolist()


@case("registry.delete", once=True)
def delete_what_the_registry_keeps(shell):
    with pushed(shell, "stays") as (store, name, digest):
        with pytest.raises(errors.AccessDenied, match="knows you, and lets nobody delete"):
            registry.delete(name)
        line = shell.shown[-1]
        said = shell.sh(line.replace("curl", "curl -s", 1), said=f"{store.password}\n").stdout
        assert json.loads(said)["errors"][0]["code"] == "UNSUPPORTED"
        assert registry.tags(name.rpartition(":")[0]).digest.tolist() == [digest]


@case("registry.rate_limit", once=True)
def rate_limit_of_the_mirror(shell):
    found, [line] = call(shell, registry.rate_limit)
    said = shell.sh(line.replace("curl", "curl -s", 1)).stdout
    assert said.splitlines()[0].split()[1] == "200"
    limits = dict(re.findall(r"(?im)^(ratelimit-\w+): *(\d+)", said))
    assert found.limit.isna()[0] == ("ratelimit-limit" not in {key.lower() for key in limits})


@case("registry.private")
def a_private_registry_from_nothing(shell):
    name = f"{shell.me}-registry"
    shell.sh(f"docker rm -f -v {name}")
    store, lines = call(shell, registry.private)
    first = facts(shell.container(name))
    assert own_registry.accepts_login(store)
    shell.sh(f"docker rm -f -v {name}")
    shell.sh("\n".join(lines))
    assert facts(shell.container(name)) == first
    awaited(lambda: own_registry.accepts_login(store))
    guess = SimpleNamespace(address=store.address, user=store.user, password="a guess")
    assert not own_registry.accepts_login(guess)


def awaited(found, seconds=5):
    """Wait until a port answers; nothing tells when."""
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.05)


@case("registry.start")
def start_a_registry_that_was_stopped(shell):
    store = registry.private()
    name = f"{shell.me}-registry"
    shell.sh(f"docker stop -t 0 {name}")
    again, lines = call(shell, registry.start)
    assert again == store
    first = facts(shell.container(name))
    shell.sh(f"docker stop -t 0 {name}")
    shell.sh("\n".join(lines))
    assert facts(shell.container(name)) == first
    awaited(lambda: own_registry.accepts_login(store))


@case("registry.start", once=True)
def start_a_registry_where_there_is_none(shell):
    """It makes one, so its lines have to make one too."""
    name = f"{shell.me}-registry"
    shell.sh(f"docker rm -f -v {name}")
    store, lines = call(shell, registry.start)
    first = facts(shell.container(name))
    shell.sh(f"docker rm -f -v {name}")
    try:
        shell.sh("\n".join(lines))
        assert facts(shell.container(name)) == first
        awaited(lambda: own_registry.accepts_login(store))
    finally:
        registry.private()


@case("registry.start", once=True)
def start_with_a_password_that_another_kernel_has_changed(shell):
    """The running registry knows an old password; the lines have to bring the new one."""
    store = registry.private(password="the old one")
    in_files("registry-password").write_text("the new one")
    assert not own_registry.accepts_login(store)
    _, lines = call(shell, registry.start)
    assert own_registry.accepts_login(store) and len(lines) == 2
    users = in_files("htpasswd").read_bytes()
    registry.private(password="the old one")
    for name, content in {"htpasswd": users, "registry-password": b"the new one"}.items():
        in_files(name).write_bytes(content)
    assert not own_registry.accepts_login(store)
    shell.sh("\n".join(lines))
    awaited(lambda: own_registry.accepts_login(store))


@case("registry.login", "registry.logout")
def login_and_logout(shell):
    store = registry.private()
    name = f"{store}/{shell.me}/one:1"
    registry.tag("busybox", name)
    said, [line] = call(shell, registry.login, store)
    assert shell.sh(line).stdout.strip() == said.strip() == "Login Succeeded"
    assert images.push(name).digest in shell.sh(f"docker push {name}").stdout
    with pytest.raises(errors.AccessDenied):
        call(shell, registry.login, store, password="a guess")
    [typed] = shell.shown  # it asks for the password
    typed = typed.replace("docker login", "docker login --password-stdin", 1)
    refused = shell.sh(typed, said="a guess", check=False)
    assert refused.returncode != 0 and "401" in refused.stderr
    _, [line] = call(shell, registry.logout, store)
    assert str(store) not in connection.logins
    assert "Removing login credentials" in shell.sh(line).stdout
    assert shell.sh(f"docker push {name}", check=False).returncode != 0
    said, [line] = call(shell, registry.logout, store)
    assert "Not logged in" in said
    assert shell.sh(line, check=False).stderr + shell.sh(line, check=False).stdout


# containers


RUNS = {
    "foreground": ("sh -c 'echo hello; exit 3'", {"name": "box"}),
    "quotes": ("sh -c 'echo \"$A\" it\\''s'", {"name": "box", "env": {"A": "b 'c' \"d\" $e"}}),
    "image's own": (None, {"name": "box"}),
    "background": (SERVICE, {"name": "box", "detach": True, "publish": "8960:80"}),
    "everything": (
        "sleep 60",
        {"name": "box", "detach": True, "publish": "8970:80", "env": {"A": "", "B": "x=y"},
         "restart": "on-failure:3", "init": True},
    ),
    "always": ("sleep 60", {"name": "box", "detach": True, "restart": "unless-stopped"}),
    "limits": (
        "sleep 60",
        {"name": "box", "detach": True, "cpus": 0.5, "memory": "16m"},
    ),
    "goes away": ("sleep 60", {"name": "box", "detach": True, "rm": True}),
}  # fmt: skip


def of_run(key):
    @case("containers.run", once=key not in ("quotes", "everything", "limits"))
    def run_a_container(shell):
        words, options = RUNS[key]
        name = f"{shell.me}-box"
        result, [line] = call(shell, containers.run, "busybox", words, **options)
        first = facts(shell.container(name))
        shell.sh(f"docker rm -f {name}")
        done = shell.sh(line, check=False)
        assert facts(shell.container(name)) == first
        if options.get("detach"):
            assert done.returncode == 0
            assert done.stdout.strip() == shell.container(name)["Id"]
            assert result.names.tolist() == [name]
        else:
            assert (result, result.exit_code) == (done.stdout + done.stderr, done.returncode)

    run_a_container.__name__ = f"run_{key.replace(' ', '_')}"


for key in RUNS:
    of_run(key)


@case("containers.run", once=True)
def run_and_remove(shell):
    result, [line] = call(shell, containers.run, "busybox", "sh -c 'echo hi; exit 4'", rm=True)
    before = shell.mine()
    done = shell.sh(line, check=False)
    assert (result, result.exit_code) == (done.stdout, done.returncode) == ("hi\n", 4)
    assert shell.mine() == before == []


@case("containers.ps")
def list_containers(shell):
    shell.sh(f"docker rm -f -v {shell.me}-registry")
    containers.run("busybox", SERVICE, name="web", detach=True, publish="8980:80")
    containers.run("busybox", "sh -c 'exit 3'", name="box")
    shell.sh(f"docker create --name {shell.me}-made --label {workspace.label()} --expose 9 busybox")
    for options in ({}, {"all": True}, {"name": "box", "all": True}, {"name": "box"},
                    {"name": "nobody", "all": True}):  # fmt: skip
        found, [line] = call(shell, containers.ps, **options)
        rows = listed(shell, f"{line} ")
        assert len(found) == len(rows)
        for one, row in zip(found.itertuples(), rows, strict=True):
            assert (one.names, one.image, one.state, one.ports) == (
                row["Names"], row["Image"], row["State"], row["Ports"]
            )  # fmt: skip
            assert f'"{one.command}"' == row["Command"]
            assert row["ID"].startswith(one.container_id)
            assert one.created == when(row["CreatedAt"])
            words = [re.sub(r"Less than a|\d+|About a?n?", "", text).split()[:1] for text in
                     (one.status, row["Status"])]  # fmt: skip
            assert words[0] == words[1]
            code = re.search(r"Exited \((\d+)\)", row["Status"])
            assert pd.isna(one.exit_code) if not code else one.exit_code == int(code[1])


@case("containers.ps", once=True)
def list_the_containers_of_all(shell):
    shell.plant(f"other-{shell.me}")
    found, [line] = call(shell, containers.ps, mine=False)
    rows = {row["Names"]: row for row in listed(shell, f"{line} ")}
    theirs = rows[f"other-{shell.me}"]
    one = found.set_index("names").loc[f"other-{shell.me}"]
    assert theirs["ID"].startswith(one.container_id) and theirs["State"] == one.state


@case("containers.inspect")
def inspect_containers(shell):
    containers.run("busybox", "sh -c 'exit 3'", name="a", restart="on-failure:1", detach=True)
    containers.wait("a")
    containers.wait("a")
    containers.run("busybox", "sleep 60", name="b", init=True, detach=True)
    found, [line] = call(shell, containers.inspect, "a", "b")
    theirs = [
        (one["Name"].lstrip("/"), one["State"]["Status"], one["State"]["ExitCode"],
         one["RestartCount"], one["State"]["OOMKilled"], bool(one["HostConfig"].get("Init")),
         one["HostConfig"]["RestartPolicy"]["Name"])
        for one in json.loads(shell.sh(line).stdout)
    ]  # fmt: skip
    assert list(found.itertuples(index=False, name=None)) == theirs
    assert theirs[0][3] == 1 and theirs[1][5]


def of_ending(name, helper, words, options, made, once=False):
    @case(name, once=once)
    def end_a_container(shell):
        results = []
        for who in ("helper", "shell"):
            full = run_box(shell, words, detach=True, **made)
            if "ready" in words:
                containers.ready("box", "ready")
            if who == "helper":
                found, [line] = call(shell, helper, "box", **options)
                results.append(facts(shell.container(full)))
                assert found[["state", "exit_code"]].values.tolist() == [
                    [results[0]["state"], results[0]["exit_code"]]
                ]
            else:
                said = shell.sh(line).stdout.strip()
                code = shell.sh(f"docker wait {full}").stdout.strip()
                results.append(facts(shell.container(full)))
                assert said == (code if name == "containers.wait" else full)
        assert results[0] == results[1]

    end_a_container.__name__ = f"end_{len(CASES[name])}"


TRAP = """sh -c "trap 'echo saved; exit 5' TERM; echo ready; sleep 60 & wait" """
of_ending("containers.stop", containers.stop, "sleep 60", {}, {"init": True})
of_ending("containers.stop", containers.stop, TRAP, {}, {}, once=True)
of_ending("containers.stop", containers.stop, "sleep 60", {"grace": 0}, {}, once=True)
of_ending("containers.kill", containers.kill, "sleep 60", {}, {})
of_ending(
    "containers.kill", containers.kill, "sleep 60", {"signal": "TERM"}, {"init": True}, once=True
)
of_ending("containers.wait", containers.wait, "sh -c 'exit 6'", {}, {})


@case("containers.wait", once=True)
def wait_for_one_end_of_two(shell):
    made = {"detach": True, "restart": "on-failure:1"}
    full = run_box(shell, "sh -c 'sleep .5; exit 6'", **made)
    found, [line] = call(shell, containers.wait, "box")
    assert found.exit_code.tolist() == [6] and shell.container(full)["State"]["Running"]
    run_box(shell, "sh -c 'sleep .5; exit 6'", **made)
    assert shell.sh(line).stdout == "6\n" and shell.container(full)["State"]["Running"]


@case("containers.start")
def start_a_container(shell):
    full = run_box(shell, "sh -c 'echo once more; exec sleep 60'", detach=True)
    results = []
    for who in ("helper", "shell"):
        shell.sh(f"docker stop -t 0 {full}")
        if who == "helper":
            found, [line] = call(shell, containers.start, "box")
            assert found.state.tolist() == ["running"]
        else:
            assert shell.sh(line).stdout.strip() == full
        results.append(facts(shell.container(full)))
    assert results[0] == results[1]


@case("containers.rm")
def remove_a_container(shell):
    for words, options in (("true", {}), ("sleep 60", {"force": True})):
        for who in ("helper", "shell"):
            full = run_box(shell, words, detach=True)
            if not options:
                containers.wait("box")
            if who == "helper":
                found, [line] = call(shell, containers.rm, "box", **options)
                assert full not in found.names.tolist()
            else:
                assert shell.sh(line).stdout.strip() == full
            assert shell.container(full) is None


@case("containers.logs")
def logs_of_a_container(shell):
    run_box(shell, "sh -c 'echo one; sleep .2; echo two >&2; sleep .2; printf ü'")
    found, [line] = call(shell, containers.logs, "box")
    assert shell.sh(f"{line} 2>&1").stdout == found == "one\ntwo\nü"


@case("containers.ready")
def logs_until_the_end(shell):
    run_box(shell, "sh -c 'echo one; echo ready'", detach=True)
    found, [line] = call(shell, containers.ready, "box", "ready")
    assert shell.sh(f"{line} 2>&1").stdout == found == "one\nready\n"


@case("containers.stats", once=True)
def measure_a_container(shell):
    full = run_box(shell, "sleep 60", detach=True)
    found, [line] = call(shell, containers.stats, "box")
    [row] = listed(shell, line)
    assert row["Name"] == full
    used, limit = (in_bytes(text) for text in row["MemUsage"].split(" / "))
    assert limit == pytest.approx(found.memory_limit[0], rel=0.01)
    assert used == pytest.approx(found.memory[0], rel=0.5)  # two moments of one process
    assert 0 <= found.cpu_percent[0] <= found.cpu_limit[0]
    assert float(row["CPUPerc"].rstrip("%")) <= found.cpu_limit[0]


def in_bytes(text):
    """Read docker's `484KiB`."""
    number, unit = re.fullmatch(r"([\d.]+)([KMG]?i?)B", text).groups()
    return float(number) * 1024 ** " KMG".index(unit[:1] or " ")


@case("containers.exec_")
def exec_in_a_container(shell):
    run_box(shell, "sleep 60", detach=True)
    for words in ("cat /etc/passwd", "sh -c 'echo \"a  b\" $HOME; echo c >&2; exit 3'", "ls /nope"):
        found, [line] = call(shell, containers.exec_, "box", words)
        done = shell.sh(f"{line} 2>&1", check=False)
        assert sorted(found.splitlines()) == sorted(done.stdout.splitlines())
        assert found.exit_code == done.returncode


@case("containers.events")
def events_of_a_container(shell):
    containers.run("busybox", "sh -c 'exit 3'", name="a", restart="on-failure:1", detach=True)
    containers.wait("a")
    found, [line] = call(shell, containers.events, "a")
    last = found.time.max().timestamp()
    awaited(lambda: int(time.time()) > int(last))  # for docker `--until 0s` is the last full second
    rows = listed(shell, line, "--format '{{json .}}'")
    assert found.action.tolist() == [row["Action"] for row in rows]
    assert found.action.tolist() == ["create", "start", "die", "start", "die"]
    assert found.time.astype("int64").tolist() == [row["timeNano"] for row in rows]
    codes = [row["Actor"]["Attributes"].get("exitCode") for row in rows]
    ours = [None if pd.isna(code) else str(code) for code in found.exit_code]
    assert ours == codes


@case("containers.curl", once=True)
def fetch_a_page(shell):
    page = "sh -c 'echo a page > /home/index.html; echo more > /home/x; exec httpd -f -h /home'"
    containers.run("busybox", page, name="web", detach=True, publish="8990:80")
    for path in ("/", "/x", "/index.html?a=b&c"):
        found, [line] = call(shell, containers.curl, "web", path)
        assert shell.sh(line.replace("curl", "curl -s", 1)).stdout == found != ""


@case("engine.kernel")
def kernel_of_the_engine(shell):
    found, [line] = call(shell, engine.kernel)
    assert shell.sh(line).stdout.strip() == found


def test_there_are_docker_commands_to_try():
    assert clients() and all(clients())
