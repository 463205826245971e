"""In a kernel, as a notebook has one: the registry dies, it is interrupted, and no password shows.

The Engine tries a broken transfer again for about a minute before it gives up. So the two kernels
whose registry dies begin here, and are asked last of all how it ended.
"""

import os
import secrets
from pathlib import Path

import pytest

from helpers._internal import identity
from tests.helpers.integration.faults import ROOT, digest


@pytest.fixture(scope="module")
def lesson(lessons):
    """A lesson to be interrupted."""
    return lessons("kernel")


@pytest.mark.parametrize("name", ["push", "pull"])
def test_a_registry_dies_in_the_middle(dying, name):
    assert dying[name].registry.reached.wait(30)


def interrupted(lesson, cell, relay, mark):
    """Interrupt a cell as soon as the relay has seen a mark; its sentence says so."""
    relay.after(mark, "hold")
    lesson.kernel.begin(cell)
    assert relay.reached.wait(20), "it never came so far"
    lesson.kernel.interrupt()
    said = lesson.kernel.sentence(seconds=10)
    relay.pass_on()
    assert said.startswith("LessonError: docker ")
    assert said.endswith(": it was interrupted. Run the cell again to do it whole.")


def test_a_push_is_interrupted(lesson):
    cell = f"images.push({lesson.image!r}).digest"
    interrupted(lesson, cell, lesson.registry, 2_000_000)
    assert "sha256:" in lesson.kernel.run(cell)


def test_a_pull_is_interrupted(world, lesson):
    cell = f"images.pull({lesson.image!r}).digest"
    sent = lesson.send()
    lesson.gone()
    interrupted(lesson, cell, lesson.registry, 2_000_000)
    assert digest(lesson.kernel.run(cell)) == sent
    assert world.image(lesson.image)


def test_a_save_is_interrupted(lesson):
    """There is no half file, and an older one is as it was."""
    cell, files = f"images.save({lesson.image!r}, 'big.tar')", lesson.kernel.folder / "files"
    files = files / lesson.kernel.me
    for there in ([], ["big.tar"]):
        interrupted(lesson, cell, lesson.engine, 2_000_000)
        assert [one.name for one in files.glob("big*")] == there
        assert all(one.read_bytes() == b"as it was" for one in files.glob("big*"))
        (files / "big.tar").write_bytes(b"as it was")
    lesson.kernel.run(cell)
    assert (files / "big.tar").stat().st_size > 4_000_000
    assert [one.name for one in files.glob("big*")] == ["big.tar"]


def running(world, lesson):
    """List the names of the lesson's containers, but its registry."""
    mine = {"label": f"{identity.LABEL}={lesson.kernel.me}"}
    found = [one["Names"][0].lstrip("/") for one in world.api.containers(all=True, filters=mine)]
    return [name.removeprefix(f"{lesson.kernel.me}-") for name in found
            if not name.endswith("-registry")]  # fmt: skip


@pytest.mark.parametrize("options", ["name='job'", "rm=True"])
def test_a_run_in_the_foreground_is_interrupted(world, lesson, options):
    """Its container does not stay."""
    lesson.engine.after(b"/wait", "tell")
    lesson.kernel.begin(f"containers.run('busybox', 'sleep 60', {options})")
    assert lesson.engine.reached.wait(20)
    lesson.kernel.interrupt()
    assert lesson.kernel.sentence(seconds=10).startswith("LessonError: docker run ")
    assert running(world, lesson) == []
    assert "done" in lesson.kernel.run(f"containers.run('busybox', 'echo done', {options})")
    lesson.kernel.run("_ = [containers.rm(one, force=True) for one in containers.ps(all=True).names"
                      " if 'registry' not in one]")  # fmt: skip


def test_a_wait_is_interrupted(world, lesson):
    """What was waited for goes on."""
    lesson.kernel.run("_ = containers.run('busybox', 'sleep 60', name='job', detach=True)")
    lesson.engine.after(b"/wait", "tell")
    lesson.kernel.begin("containers.wait('job')")
    assert lesson.engine.reached.wait(20)
    lesson.kernel.interrupt()
    assert lesson.kernel.sentence(seconds=10).startswith("LessonError: docker wait ")
    assert running(world, lesson) == ["job"]
    lesson.kernel.run("_ = containers.kill('job')")
    assert "137" in lesson.kernel.run("containers.wait('job')")
    lesson.kernel.run("_ = containers.rm('job')")


# Passwords

TOLD = """
import traceback
def told(call):
    try:
        call()
    except Exception as err:
        whole = traceback.TracebackException.from_exception(err, capture_locals=True)
        return "".join(whole.format())
"""


class Watch:
    """Looks for words in the command lines of all processes; `seen` are those where they stood."""

    def __init__(self, *words):
        self.words, self.seen, self.looked = [one.encode() for one in words], [], 0

    def look(self):
        """Look once."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = path.read_bytes()
            except OSError:
                continue  # it has ended
            self.looked += 1
            self.seen += [line for one in self.words if one in line]


def files_with(words, *folders):
    """List the files in some folders in which one of the words stands, and count all."""
    found, count = [], 0
    for path in (path for folder in folders for path in folder.rglob("*")):
        try:
            content = path.read_bytes() if path.is_file() else b""
        except OSError:
            continue  # somebody's that has ended
        count += path.is_file()
        found += [path for one in words if one.encode() in content]
    return found, count


def test_a_password_is_found_nowhere_but_in_its_file(world, lesson):
    """Typed where it is asked for; then a login, a push, and everything that can go wrong."""
    kernel, good, bad = lesson.kernel, secrets.token_urlsafe(12), secrets.token_urlsafe(12)
    watch, shown = Watch(good, bad), []
    image = lesson.image

    def run(cell, *typed, fails=False):
        kernel.secrets = list(typed)
        do = kernel.fails if fails else kernel.run
        shown.append(do(cell, meanwhile=watch.look))

    run("%xmode Verbose")
    run(TOLD)
    run("store = registry.private(password=getpass())", good)
    run("store")
    run("store.password")
    address = lesson.registry.address
    run(f"registry.login({address!r}, store.user, getpass())", good)
    run(f"images.push({image!r})")
    run(f"registry.tags({image.rpartition(':')[0]!r})")
    run(f"registry.login({address!r}, store.user, getpass())", bad, fails=True)
    run(f"print(told(lambda: registry.login({address!r}, store.user, getpass())))", bad)
    lesson.registry.close()
    calls = [f"images.push({image!r})", f"images.pull({image!r})", f"registry.catalog({address!r})",
             f"registry.login({address!r}, store.user, store.password)"]  # fmt: skip
    for call in calls:
        run(call, fails=True)
        run(f"print(told(lambda: {call}))")
    lesson.registry.open()
    lesson.engine.close()
    for call in calls + ["registry.private(password=getpass())"]:
        run(f"print(told(lambda: {call}))", *[good] * ("getpass" in call))
    lesson.engine.open()
    run(calls[0])
    run("registry.private(password=getpass())", f"{bad}\x7f", fails=True)
    run("print(told(lambda: registry.private(password=getpass())))", f"{bad}\x7f")
    run("import sys; print(sys.last_value.__cause__, connection.logins)")

    texts = "\n".join(shown)
    told = texts.count("Traceback (most recent call last)")
    assert told == 2 * len(calls) + 2  # `catalog` needs no Engine
    assert "AccessDenied" in texts and "EngineUnavailable" in texts and "auth" in texts
    container = f"{kernel.me}-registry"
    texts += world.looks(container, image) + world.sh(f"docker history --no-trunc {image}").stdout
    texts += world.sh(f"docker logs {container} 2>&1; docker diff {container}").stdout
    texts += world.sh(f"docker top {container}; docker cp {container}:/htpasswd -").stdout
    assert "/htpasswd" in texts and f"{lesson.user}:$2" in texts
    assert good not in texts and bad not in texts
    assert watch.looked > 100 and watch.seen == []
    found, count = files_with([good, bad], kernel.folder.parent, ROOT / ".classroom")
    assert [one.name for one in found] == ["registry-password"] and count > 3
    assert found[0].read_text() == good and found[0].stat().st_mode & 0o777 == 0o600
    assert not any(word in value for word in (good, bad) for value in os.environ.values())


# How it ended


@pytest.mark.parametrize("name", ["push", "pull"])
def test_a_registry_died_in_the_middle_and_came_back(world, ended, name):
    """One sentence when the Engine has given up; then the same cell does it whole."""
    one = ended[name]
    said = one.kernel.sentence()
    assert said.startswith("RegistryUnreachable: docker ") and "Check its address" in said
    assert bool(world.image(one.image)) == (name == "push")
    one.registry.open()
    there = digest(one.kernel.run(one.cell))
    assert there == getattr(one, "digest", there)
    assert world.image(one.image)["RepoDigests"] == [f"{one.image.rpartition(':')[0]}@{there}"]
    one.close()
