"""The environment, the packages that are only unpacked, and the command line itself."""

import ast
import json
import subprocess
import sys
import time

import pytest

from classroom import commands, environment, packages, processes, system
from classroom.errors import ClassroomError
from classroom.paths import ROOT


def test_a_half_made_environment_is_made_anew(tmp_path):
    venv, requirements = tmp_path / ".venv", tmp_path / "requirements.txt"
    requirements.write_text("# nothing to install\n")
    python = environment.program("python", venv)
    python.parent.mkdir(parents=True)
    python.write_text("half a Python")
    python.chmod(0o755)
    assert not environment.is_ready(venv, requirements)

    environment.prepare(venv, requirements)
    assert environment.is_ready(venv, requirements)
    assert subprocess.run([python, "-c", "import pip"]).returncode == 0

    start = time.monotonic()
    environment.prepare(venv, requirements)
    assert time.monotonic() - start < 1

    requirements.write_text("no-such-package-for-sure==0 ; python_version < '3'\n")
    assert not environment.is_ready(venv, requirements)


def test_a_package_that_is_not_to_be_had_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "_runs", lambda venv, code: True)
    monkeypatch.setattr(environment, "program", lambda name, venv: sys.executable)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("no-such-package-for-sure==1.0\n")
    with pytest.raises(ClassroomError, match="no-such-package-for-sure==1.0"):
        environment.prepare(tmp_path / ".venv", requirements)
    assert not (tmp_path / ".venv").exists()


def test_a_sudo_that_refuses_is_asked_once(tmp_path, monkeypatch):
    sudo = tmp_path / "sudo"
    sudo.write_text("#!/bin/sh\necho asked >>$0.log\necho sudo: not you >&2\nexit 1\n")
    sudo.chmod(0o755)
    monkeypatch.setattr(system, "root_prefix", lambda purpose: (str(sudo),))
    with pytest.raises(ClassroomError, match=r"refused it \(not you\); .* who may use sudo"):
        system.install(["no-such-package"], "A thing", yes=True)
    assert (tmp_path / "sudo.log").read_text() == "asked\n"


def test_files_come_from_a_package_when_the_lists_are_empty(tmp_path, monkeypatch):
    """As a normal user on a fresh system: lists of our own, and nothing is installed."""
    configuration = tmp_path / "apt.conf"
    configuration.write_text('Dir::State::Lists "/nonexistent";\n')
    monkeypatch.setenv("APT_CONFIG", str(configuration))
    package = packages.fetch(["busybox-static"], tmp_path)["busybox-static"]
    program = next(package.folder.rglob("bin/busybox"))  # in /usr/bin since Debian 13
    assert program.stat().st_size > 1_000_000
    assert package.version[0].isdigit()


def test_files_come_from_the_system_when_nothing_can_be_downloaded(tmp_path, monkeypatch):
    no_archive(tmp_path, monkeypatch)
    package = packages.fetch(["base-files"], tmp_path)["base-files"]
    assert (package.folder / "usr/lib/os-release").read_bytes()


def test_a_package_that_is_nowhere_is_an_error(tmp_path, monkeypatch):
    no_archive(tmp_path, monkeypatch)
    with pytest.raises(ClassroomError, match="no-such-package could not be downloaded and is not"):
        packages.fetch(["no-such-package"], tmp_path)


def no_archive(folder, monkeypatch):
    configuration = folder / "apt.conf"
    configuration.write_text(
        'Dir::State::Lists "/nonexistent";\n'
        'Dir::Etc::SourceList "/dev/null";\nDir::Etc::SourceParts "/dev/null";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(configuration))


def test_half_a_download_is_removed(tmp_path):
    archive = tmp_path / "packages/broken_1_all.deb"
    archive.parent.mkdir()
    archive.write_bytes(b"half")
    with pytest.raises(ClassroomError, match="could not be unpacked and was removed"):
        packages.fetch(["broken"], tmp_path)
    assert not archive.exists()


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, **options
    )


def test_an_old_python_is_told_so_in_one_sentence():
    code = (
        "import runpy, sys; sys.version_info = (3, 8, 10, 'final', 0);"
        "runpy.run_module('classroom', run_name='__main__')"
    )
    result = run("-c", code)
    assert result.returncode == 1
    assert result.stderr.startswith("The lessons need Python 3.11 or later and this is Python 3.8;")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["__init__.py", "__main__.py"])
def test_an_old_python_can_read_what_tells_it_so(name):
    ast.parse((ROOT / "classroom" / name).read_text(), feature_version=(3, 4))


def test_without_a_command_all_are_listed():
    result = run("-m", "classroom")
    assert result.returncode == 0
    for name in ("lab", "test", "outputs", "bench", "reset", "stop", "status"):
        assert f"\n{name} " in result.stdout


def test_status_changes_nothing_and_says_what_is_in_use(client):
    result = run("-m", "classroom", "status")
    assert result.returncode == 0, result.stderr
    assert client.host in result.stdout
    assert "Stand-in     on: mirror 127.0.0.1:" in result.stdout


def test_a_wrong_word_is_refused():
    assert run("-m", "classroom", "stop", "it").returncode == 2
    assert run("-m", "classroom", "begin").returncode == 2


def test_an_error_is_one_sentence_and_no_traceback(monkeypatch, capsys):
    monkeypatch.setenv("CLASSROOM", "maybe")
    monkeypatch.chdir(ROOT)
    assert commands.main(["lab"]) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith("✗ CLASSROOM was read and says 'maybe'")
    assert len(shown.err.splitlines()) == 1


def test_what_follows_goes_to_jupyter_and_the_rest_is_set(monkeypatch):
    seen = {}
    monkeypatch.setattr(commands, "_prepare", lambda value, yes: "on")
    monkeypatch.setattr(commands, "_become", lambda command, more: seen.update(c=command, e=more))
    monkeypatch.chdir(ROOT)
    commands.main(["lab", "--no-browser", "--yes", "--port", "8899"])
    assert seen["c"][-3:] == ["--no-browser", "--port", "8899"]
    assert "--ServerApp.ip=127.0.0.1" in seen["c"]
    assert seen["e"]["CLASSROOM"] == "on"


def test_the_bench_has_a_workspace_of_its_own_and_asks_no_docker_hub(monkeypatch):
    seen = {}
    monkeypatch.setattr(commands, "_prepare", lambda value, yes: value)
    monkeypatch.setattr(commands, "_become", lambda command, more: seen.update(c=command, e=more))
    monkeypatch.setattr(commands.os, "chdir", lambda place: None)
    commands.main(["bench"])
    assert seen["c"][1:] == ["-m", "tests.bench"]
    assert seen["e"] == {"CLASSROOM": "on", "WORKSPACE": "bench"}


def test_a_dead_process_is_not_ours():
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert processes.began(ended.pid) is None


def test_jupyterlab_is_told_not_to_ask_about_news(tmp_path, monkeypatch):
    monkeypatch.setattr(commands, "STATE", tmp_path)
    commands._ask_for_no_news()
    (told,) = tmp_path.rglob("*.jupyterlab-settings")
    assert json.loads(told.read_text()) == {"fetchNews": "false", "checkForUpdates": False}
    told.write_text("{}")  # what a person has changed stays
    commands._ask_for_no_news()
    assert told.read_text() == "{}"


@pytest.mark.parametrize(
    ("prepare", "package"),
    [(environment.prepare_browser, "chromium"), (environment.prepare_curl, "curl")],
)
def test_what_the_tests_want_is_installed_only_where_it_is_missing(prepare, package, monkeypatch):
    installed = []
    monkeypatch.setattr(system, "install", lambda names, why, *, yes: installed.extend(names))
    monkeypatch.setattr(system, "has_chromium_package", lambda: True)
    monkeypatch.setattr(system, "is_debian", lambda: True)
    monkeypatch.setattr(environment.shutil, "which", lambda name: f"/usr/bin/{name}")
    prepare()
    assert installed == []
    monkeypatch.setattr(environment.shutil, "which", lambda name: None)
    prepare()
    assert package in installed


def test_a_library_is_installed_where_playwright_does_not_start_without_it(monkeypatch):
    installed = []
    monkeypatch.setattr(system, "install", lambda names, why, *, yes: installed.extend(names))
    monkeypatch.setattr(system, "is_debian", lambda: True)
    monkeypatch.setattr(environment.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(environment, "program", lambda name: "false")
    environment.prepare_browser()
    assert installed == ["libatomic1"]


def test_no_curl_and_no_way_to_install_it_is_one_sentence(monkeypatch):
    monkeypatch.setattr(environment.shutil, "which", lambda name: None)
    monkeypatch.setattr(system, "is_debian", lambda: False)
    with pytest.raises(ClassroomError, match="there is no curl here; install it"):
        environment.prepare_curl()


def test_a_browser_that_cannot_be_had_is_one_sentence(monkeypatch):
    monkeypatch.setattr(environment.shutil, "which", lambda name: None)
    monkeypatch.setattr(system, "has_chromium_package", lambda: False)
    monkeypatch.setattr(system, "is_debian", lambda: False)
    monkeypatch.setattr(environment, "program", lambda name: "false")
    with pytest.raises(ClassroomError, match="that failed .*; install Google Chrome"):
        environment.prepare_browser()
