"""What a stranger chose stands in a shown line, and a learner pastes that: nothing of his runs."""

import contextlib
import io
import itertools
import os
import shlex
import subprocess
import tarfile

import pandas as pd
import pytest

from exercises import images as lesson_2, registry as lesson_1
from exercises.exercise import exercises
from exercises.snapshot import Snapshot
from helpers import containers, images, registry, workspace
from helpers._internal import connection, equivalents, errors, identity
from tests.helpers.integration.test_shown_commands import helpers_that_show
from tests.hostile import PWNED, WORDS

# For each helper that shows a command, calls with a word in every place that takes a text. The
# first of them has the word in a place where Docker, or a tool, would take any word.
CALLS = {
    "engine.kernel": [],
    "registry.search": [lambda word: registry.search(word, limit=5)],
    "registry.tag": [
        lambda word: registry.tag("busybox", word),
        lambda word: registry.tag("busybox", f"{workspace.name()}/{word}"),
        lambda word: registry.tag("busybox", f"{word}.x/{workspace.name()}/y"),
        lambda word: registry.tag(word, f"{workspace.name()}/x"),
    ],
    "registry.tags": [registry.tags, lambda word: registry.tags(f"127.0.0.1:9/{word}")],
    "registry.private": [lambda word: registry.private(password=word)],
    "registry.start": [],
    "registry.login": [
        lambda word: registry.login("127.0.0.1:9", word, "secret"),
        lambda word: registry.login(word, "ada", "secret"),
    ],
    "registry.logout": [registry.logout],
    "registry.catalog": [registry.catalog],
    "registry.delete": [
        lambda word: registry.delete(f"127.0.0.1:9/x:{word}"),
        lambda word: registry.delete(f"{word}.x/y"),
    ],
    "registry.rate_limit": [],
    "images.ls": [images.ls],
    "images.pull": [images.pull, lambda word: images.pull(f"127.0.0.1:9/{word}")],
    "images.push": [images.push, lambda word: images.push(f"{word}.x/{workspace.name()}/y")],
    "images.save": [
        lambda word: images.save(word, "x.tar"),
        lambda word: images.save("busybox", word),
    ],
    "images.export": [
        lambda word: images.export("web", word),
        lambda word: images.export(word, "x.tar"),
    ],
    "images.load": [images.load],
    "images.import_": [
        lambda word: images.import_("x.tar", f"{workspace.name()}/x", change=word),
        lambda word: images.import_(word, f"{workspace.name()}/x"),
        lambda word: images.import_("x.tar", f"{word}.x/{workspace.name()}/y"),
    ],
    "images.commit": [
        lambda word: images.commit("web", f"{workspace.name()}/x", change=word),
        lambda word: images.commit(word, f"{workspace.name()}/x"),
        lambda word: images.commit("web", f"{word}.x/{workspace.name()}/y"),
    ],
    "images.contents": [images.contents],
    "images.read": [
        lambda word: images.read("x.tar", word),
        lambda word: images.read(word, "manifest.json"),
    ],
    "images.inspect": [images.inspect],
    "images.history": [images.history],
    "images.shared": [lambda word: images.shared("busybox", word)],
    "images.rm": [images.rm, lambda word: images.rm(f"{word}.x/{workspace.name()}/y")],
    "containers.run": [
        lambda word: containers.run("busybox", ["true", word]),
        lambda word: containers.run("busybox", env={"A": word}),
        lambda word: containers.run("busybox", env={word: "b"}),
        lambda word: containers.run("busybox", name=word),
        lambda word: containers.run("busybox", memory=word),
        lambda word: containers.run("busybox", restart=word),
        lambda word: containers.run("busybox", publish=word),
        containers.run,
    ],
    "containers.ps": [containers.ps],
    "containers.inspect": [containers.inspect],
    "containers.stop": [containers.stop],
    "containers.kill": [
        lambda word: containers.kill("web", signal=word or "KILL"),
        containers.kill,
    ],
    "containers.wait": [containers.wait],
    "containers.events": [containers.events],
    "containers.stats": [containers.stats],
    "containers.start": [containers.start],
    "containers.rm": [containers.rm],
    "containers.logs": [containers.logs],
    "containers.ready": [lambda word: containers.ready(word, "x")],
    "containers.exec_": [
        lambda word: containers.exec_("web", f"true {shlex.quote(word)}"),
        lambda word: containers.exec_(word, "true"),
    ],
    "containers.cp": [
        lambda word: containers.cp("web", f"/{word}", "x"),
        lambda word: containers.cp("web", "/etc/passwd", word),
        lambda word: containers.cp(word, "/etc/passwd", "x"),
    ],
    "containers.curl": [
        lambda word: containers.curl("web", f"/{word}"),
        lambda word: containers.curl(word),
    ],
}
HOSTILE = [
    f"x\x1b[201~\r{PWNED}\r\n{PWNED}\n'; {PWNED}; \"$({PWNED})`{PWNED}`", f"'; {PWNED}; '",
    f"--to-command={PWNED}",
]  # fmt: skip
ANY = [  # where any word goes to the tool as it is
    "images.read", "images.import_", "images.commit", "images.ls", "containers.run",
    "containers.kill", "containers.exec_", "containers.cp", "registry.search", "registry.login",
    "registry.logout", "containers.ps",
]  # fmt: skip
TOOL = '#!/bin/sh\nprintf \'%s\\0\' "${0##*/}" "$@" >> called\n'


def test_there_are_calls_for_every_helper_that_shows_a_command():
    assert set(CALLS) == helpers_that_show()


@pytest.fixture
def web(world):
    """The container `web` with a port, an archive that holds hostile names, and tools to note."""
    containers.run("busybox", "httpd -f -h /home", name="web", detach=True, publish="8080:80")
    with tarfile.open(workspace.file("x.tar"), "w") as archive:
        for word in WORDS:
            member = tarfile.TarInfo(word)
            member.size = 2
            archive.addfile(member, io.BytesIO(b"{}"))
    return world


@pytest.fixture
def paste(tmp_path):
    """Return a function that runs a line with tools that note their words, and gives these."""
    tools, place = tmp_path / "tools", tmp_path / "place"
    tools.mkdir()
    place.mkdir()
    for name in ("docker", "curl", "tar"):
        (tools / name).write_text(TOOL)
        (tools / name).chmod(0o755)
    environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"}

    def run(line, shell):
        subprocess.run([shell, "-c", line], env=environment, cwd=place, capture_output=True)
        noted = (place / "called").read_bytes() if (place / "called").exists() else b""
        (place / "called").unlink(missing_ok=True)
        assert list(place.iterdir()) == [], f"{line!r} ran a stranger's command"
        return [os.fsdecode(one) for one in noted.split(b"\0")]

    return run


def lines_of(call, word, shown):
    """Give the lines that a call shows, whatever becomes of it then."""
    shown.clear()
    with contextlib.suppress(errors.LessonError):
        call(word)
    return list(shown)


@pytest.mark.parametrize("name", [name for name, calls in CALLS.items() if calls])
def test_a_shown_line_runs_nothing_of_a_stranger_s(web, name, paste, shown, monkeypatch):
    for word, (place, call) in itertools.product(HOSTILE, enumerate(CALLS[name])):
        lines = lines_of(call, word, shown)
        for line, shell in itertools.product(lines, ["bash", "dash"]):
            assert "\x1b" not in line and "\r" not in line
            words = paste(line, shell)
            assert words[0] in ("docker", "curl", "tar")
        if place == 0 and name in ANY:
            assert any(word in one for one in words), line


@pytest.mark.parametrize(
    "call",
    [
        CALLS["images.read"][0], CALLS["registry.search"][0], CALLS["registry.login"][1],
        CALLS["registry.logout"][0], CALLS["registry.tag"][3],
    ],
)  # fmt: skip
def test_a_name_that_begins_with_a_dash_is_no_option(web, call, paste, shown, monkeypatch):
    # else an address stands before it
    monkeypatch.setattr(connection, "sources", connection.Sources)
    words = paste(lines_of(call, "--config", shown)[-1], "dash")
    assert "--" in words[: next(i for i, one in enumerate(words) if one.startswith("--config"))]


@pytest.mark.parametrize(
    "call",
    [
        CALLS["registry.tag"][2], CALLS["images.push"][1], CALLS["images.import_"][2],
        CALLS["images.commit"][2], CALLS["images.rm"][1],
    ],
)  # fmt: skip
def test_a_new_name_that_begins_with_a_dash_is_refused_before_a_line_is_shown(web, call, shown):
    shown.clear()
    with pytest.raises(errors.NotOwned, match="your( own)? namespace"):
        call("--config")
    assert shown == []


def test_tar_itself_gives_the_file_of_any_name(web, shown):
    for word in WORDS:
        [line] = lines_of(lambda word: images.read("x.tar", word), word, shown)
        assert web.sh(line, check="\\" not in word).stdout in ("{}", ""), line
    assert [one.name for one in identity.NOTEBOOK_DIR.rglob("*PWNED*")] == []


def test_the_command_that_a_table_s_filters_stand_for(paste):
    for word in HOSTILE:
        made = equivalents.with_command(
            pd.DataFrame({"state": [word]}),
            "docker",
            "ps",
            rest=[word],
            filters={"state": "status"},
        )
        line, _ = equivalents.command_for(made.attrs["docker"], {"state": word})
        assert paste(line, "bash")[:5] == ["docker", "ps", "--filter", f"status={word}", word]


def test_a_solution_s_login_is_quoted(world, monkeypatch, paste, tmp_path):
    monkeypatch.setattr(Snapshot, "store", registry.Registry("127.0.0.1:9"))
    monkeypatch.setattr(identity, "NOTEBOOK_DIR", tmp_path / "my $(touch x); notebooks")
    monkeypatch.chdir(tmp_path / "place")
    workspace.file("registry-password").write_text("secret")
    lines = [line for lesson in (lesson_1, lesson_2) for one in exercises(lesson).values()
             for line in one.solution().lines if line.startswith("docker login")]  # fmt: skip
    assert len(lines) >= 5
    for line in lines:
        option = ["--password-stdin"] * ("--password-stdin" in line)  # else it asks
        words = ["docker", "login", "-u", world.me, *option, "127.0.0.1:9", ""]
        assert paste(line, "dash") == words


def test_a_solution_s_folder_is_quoted(world, monkeypatch, paste, tmp_path):
    monkeypatch.setattr(identity, "NOTEBOOK_DIR", tmp_path / "my $(touch x); notebooks")
    [line] = lesson_2.gift.solution().lines
    path = workspace.place("gift.tar").as_posix()
    assert "$(touch x)" in path
    assert paste(line, "dash")[:4] == ["docker", "load", "-i", path]
