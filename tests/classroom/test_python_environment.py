"""The environment, the packages that are only unpacked, and the command line itself."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
import zipfile

import pytest

from classroom import commands, environment, packages, processes, system
from classroom.errors import ClassroomError
from classroom.paths import ROOT


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An environment, and its lock, that names one small package."""
    folder = tmp_path_factory.mktemp("made")
    lock = lock_of(folder, wheel(folder, "small", ""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        environment.prepare(folder / ".venv", [lock])
    return folder / ".venv", lock


@pytest.fixture
def lock(made, monkeypatch):
    """The lock of the environment; there is no index to ask."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    content = made[1].read_text()
    yield made[1]
    made[1].write_text(content)


@pytest.fixture
def venv(made, tmp_path):
    """An environment of the test's own that holds what the lock says."""
    return shutil.copytree(made[0], tmp_path / ".venv", symlinks=True)


def wheel(folder, name, content):
    """Make a package of one file."""
    file, info = folder / f"{name}-1.0-py3-none-any.whl", f"{name}-1.0.dist-info"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(f"{name}/__init__.py", content)
        packed.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        packed.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        rows = (f"{name}/__init__.py", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD")
        packed.writestr(f"{info}/RECORD", "".join(f"{row},,\n" for row in rows))
    return file


def lock_of(folder, wheel):
    file = folder / "requirements.txt"
    file.write_text(f"{wheel.as_uri()}\n")
    return file


def imports(venv, name):
    command = [environment.program("python", venv), "-c", f"import {name}"]
    return subprocess.run(command, capture_output=True).returncode == 0


def test_a_half_made_environment_is_made_anew(tmp_path, lock):
    venv = tmp_path / ".venv"
    python = environment.program("python", venv)
    python.parent.mkdir(parents=True)
    python.write_text("half a Python")
    python.chmod(0o755)
    assert not environment.is_ready(venv, [lock])
    environment.prepare(venv, [lock])
    assert environment.is_ready(venv, [lock])
    assert imports(venv, "small")


def test_what_is_there_stays(venv, lock):
    """A lock that changes or is added, and what a person has added, leave the rest as it was."""
    site = next(venv.glob("lib/python*/site-packages"))
    (site / "mine.py").touch()
    (site / "mine-1.0.dist-info").mkdir()
    (site / "mine-1.0.dist-info/METADATA").write_text("Name: mine\nVersion: 1.0\n")
    project = lock.with_name("project")  # its files come and go: it is no package that is whole
    (project / "mine.egg-info").mkdir(parents=True)
    (project / "mine.egg-info/PKG-INFO").write_text("Name: project\nVersion: 1.0\n")
    (project / "mine.egg-info/SOURCES.txt").write_text("moved.py\n")
    (site / "project.pth").write_text(f"{project}\n")
    assert environment.is_ready(venv, [lock])
    start = time.monotonic()
    environment.prepare(venv, [lock])
    assert time.monotonic() - start < 1

    lock.write_text("no-such-package-for-sure==0 ; python_version < '3'\n")
    more = lock.with_name("more.txt")
    more.write_text("# nothing to install\n")
    for locks in ([lock], [lock, more]):
        assert not environment.is_ready(venv, locks)
        environment.prepare(venv, locks)
        assert environment.is_ready(venv, locks)
    assert environment.is_ready(venv, [lock])
    assert imports(venv, "small") and imports(venv, "mine")


@pytest.mark.parametrize("gone", ["small/__init__.py", "small-*.dist-info"])
def test_an_environment_that_lacks_something_is_not_ready(venv, lock, gone):
    [found] = venv.glob(f"lib/python*/site-packages/{gone}")
    shutil.rmtree(found) if found.is_dir() else found.unlink()
    assert not environment.is_ready(venv, [lock])


def test_an_environment_that_lacks_something_is_made_anew(venv, lock):
    shutil.rmtree(next(venv.glob("lib/python*/site-packages/small")))
    environment.prepare(venv, [lock])
    assert environment.is_ready(venv, [lock]) and imports(venv, "small")


def test_an_environment_that_may_not_be_written_is_not_looked_through(venv, lock, monkeypatch):
    monkeypatch.setattr(environment, "_installed", None)  # a call would fail
    monkeypatch.setattr(environment.os, "access", lambda path, mode: False)
    assert environment.is_ready(venv, [lock])
    lock.write_text("another")
    assert not environment.is_ready(venv, [lock])
    shutil.rmtree(venv)
    monkeypatch.undo()
    assert not environment.is_ready(venv, [lock])


def test_a_package_that_is_not_to_be_had_is_named(venv, lock):
    lock.write_text("no-such-package-for-sure==1.0\n")
    with pytest.raises(ClassroomError, match="no-such-package-for-sure==1.0.*check the network"):
        environment.prepare(venv, [lock])
    assert not environment.is_ready(venv, [lock])


def test_a_second_lock_asks_for_no_package_of_the_first(venv, lock, tmp_path):
    """As `present` adds slides in a room without a network."""
    environment.prepare(venv, [lock])
    (lock.parent / "small-1.0-py3-none-any.whl").rename(tmp_path / "elsewhere.whl")
    more = tmp_path / "more.txt"
    more.write_text(f"{wheel(tmp_path, 'more', '').as_uri()}\n")
    try:
        environment.prepare(venv, [lock, more])
    finally:
        (tmp_path / "elsewhere.whl").rename(lock.parent / "small-1.0-py3-none-any.whl")
    assert imports(venv, "small") and imports(venv, "more")


def test_a_full_disk_is_called_so(tmp_path):
    """In a mount namespace of its own: `.venv` lies on a disk that holds pip, and little more."""
    lock = lock_of(tmp_path, wheel(tmp_path, "large", "#" * 60_000_000))
    disk = tmp_path / "disk"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size=40m tmpfs {disk} && cd {ROOT} && exec {sys.executable} -c "
        "'import sys; from classroom import environment, errors\n"
        "try: environment.prepare(sys.argv[1], [sys.argv[2]])\n"
        f"except errors.ClassroomError as error: print(error)' {disk}/.venv {lock}"
    )
    root = [*system.root_prefix("to mount a small disk"), "env", "PIP_NO_INDEX=1"]
    done = subprocess.run(
        [*root, "unshare", "--mount", "sh", "-c", script], capture_output=True, text=True
    )
    assert re.fullmatch(
        r"The packages of requirements.txt could not be installed into .venv "
        r"\(.*No space left on device.*\); make room on the disk and run the command again.\n",
        done.stdout,
    ), done


def test_the_project_is_importable_from_any_folder(tmp_path):
    """As a notebook in VS Code or nbclient does, whose folder may be any."""
    code = "import classroom, exercises, helpers.images, helpers.tables"
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path)
    assert done.returncode == 0


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
    for name in ("lab", "present", "test", "outputs", "bench", "reset", "stop", "status"):
        assert f"\n{name} " in result.stdout


def test_status_changes_nothing_and_says_what_is_in_use(client):
    result = run("-m", "classroom", "status")
    assert result.returncode == 0, result.stderr
    assert client.host in result.stdout
    assert "Stand-in     on: mirror 127.0.0.1:" in result.stdout


CLOSED = {
    "output closed": ">&-",
    "errors closed": "2>&-",
    "input and output closed": "<&- >&-",
    "all closed": "<&- >&- 2>&-",
    "a full disk": ">/dev/full",
    "a full disk for errors, too": ">/dev/full 2>/dev/full",
}


@pytest.mark.parametrize("command", ["", "--help", "status"])
@pytest.mark.parametrize("closed", CLOSED.values(), ids=CLOSED)
def test_a_command_whose_output_goes_nowhere_ends_without_a_traceback(client, command, closed):
    line = f'exec "$0" -m classroom {command} {closed}'
    ran = subprocess.run(["bash", "-c", line, sys.executable], cwd=ROOT, capture_output=True)
    assert ran.returncode == ("full" in closed)
    assert not re.search(rb"Traceback|Exception ignored|Bad file", ran.stderr)
    assert len(ran.stderr.splitlines()) <= 1


@pytest.mark.parametrize("command", ["", "--help", "status"])
def test_a_reader_that_has_gone_ends_a_command_without_a_word(client, command):
    line = f'exec "$0" -m classroom {command} | true; exit ${{PIPESTATUS[0]}}'
    ran = subprocess.run(["bash", "-c", line, sys.executable], cwd=ROOT, capture_output=True)
    assert ran.returncode in (0, 1) and ran.stderr == b""


def test_a_reset_that_nobody_reads_of_is_whole(client):
    """What it removes is told when all is gone; a reader that went is no reason to stop."""
    docker, name = shutil.which("docker"), f"reset-{uuid.uuid4().hex[:8]}"
    for one in ("a", "b"):
        subprocess.run(
            [docker, "--host", client.host, "create", "--name", f"{name}-{one}",
             "--label", f"lesson={name}", "busybox"], check=True, capture_output=True,
        )  # fmt: skip
    line = 'exec "$0" -m classroom reset | head -1'
    ran = subprocess.run(
        ["bash", "-c", line, sys.executable],
        cwd=ROOT,
        capture_output=True,
        env={**os.environ, "WORKSPACE": name},
    )
    assert ran.stderr == b""
    left = [docker, "--host", client.host, "ps", "--all", "--quiet", "--filter", f"name={name}"]
    assert subprocess.run(left, capture_output=True).stdout == b""


def test_a_closed_output_is_not_taken_for_a_file_of_ours(tmp_path):
    """The first file that a process opens gets the number of what is closed."""
    code = (
        "import subprocess, sys; from pathlib import Path; from classroom import commands\n"
        "commands.STATE = Path(sys.argv[1])\n"
        "def status(rest, yes):\n"
        "    'Run a program.'\n"
        "    with commands._lock(): subprocess.run(['echo', 'spoilt'])\n"
        "commands.COMMANDS['status'] = status\n"
        "sys.exit(commands.main(['status']))"
    )
    line = 'exec "$0" -c "$1" "$2" >&-'
    command = ["bash", "-c", line, sys.executable, code, str(tmp_path)]
    assert subprocess.run(command, cwd=ROOT).returncode == 0
    assert (tmp_path / "lock").read_text() == ""


@pytest.mark.parametrize("command", ["status", "stop", "reset", "lab"])
def test_a_user_without_an_entry_and_a_home_gets_a_sentence(command):
    code = (
        "import os, pwd, sys; from classroom import commands\n"
        "os.setgroups([]); os.setresgid(*[60999] * 3); os.setresuid(*[60999] * 3)\n"
        f"sys.exit(commands.main([{command!r}]))"
    )
    root = system.root_prefix("to become another user")
    ran = subprocess.run(
        [*root, "env", "-i", f"PATH={os.environ['PATH']}", sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1 and "Traceback" not in ran.stderr
    assert ran.stderr.startswith("✗ ") and len(ran.stderr.splitlines()) == 1


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
    monkeypatch.setattr(commands, "_prepare", lambda value, yes, locks: value)
    monkeypatch.setattr(commands, "_become", lambda command, more: seen.update(c=command, e=more))
    monkeypatch.setattr(commands.os, "chdir", lambda place: None)
    commands.main(["bench"])
    assert seen["c"][1:] == ["-m", "benchmarks"]
    assert seen["e"] == {"CLASSROOM": "on", "WORKSPACE": "bench"}


def test_a_dead_process_is_not_ours():
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert processes.began(ended.pid) is None


def test_jupyterlab_is_told_not_to_ask_about_news(tmp_path, monkeypatch):
    monkeypatch.setattr(commands, "STATE", tmp_path)
    monkeypatch.setattr(commands, "_prepare", lambda value, yes: "on")
    monkeypatch.setattr(commands, "_become", lambda words, more: None)
    commands.lab([], yes=False)
    (told,) = tmp_path.rglob("*.jupyterlab-settings")
    assert json.loads(told.read_text()) == {"fetchNews": "false", "checkForUpdates": False}
    told.write_text("{}")  # what a person has changed stays
    commands.lab([], yes=False)
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
