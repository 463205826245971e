"""The Python environment of the lessons: `.venv`, with what the locks pin."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from classroom import system
from classroom.errors import ClassroomError
from classroom.files import read_json, write_json
from classroom.paths import ROOT

VENV = ROOT / ".venv"
LESSONS = ROOT / "requirements.txt"  # the lock of what a lesson needs, the project itself with it
TESTS = ROOT / "tests" / "requirements.txt"  # the lock of what the tests add
SLIDES = ROOT / "classroom" / "present.txt"  # the lock of what presenting adds
LEARNER = ROOT / "deploy" / "hub" / "learner.txt"  # the lock of what a room adds for a learner
HUB = ROOT / "deploy" / "hub" / "hub.txt"  # the lock of what the server of a room adds
UV = "uv==0.13.9"  # installs the locks in a tenth of pip's time, and makes no byte-code first
BROWSERS = ("chromium", "google-chrome", "google-chrome-stable")
# Prints what is installed. It fails if a file of it is gone; byte-code may go.
_LIST = """
import importlib.metadata, sysconfig
for package in importlib.metadata.distributions(path=[sysconfig.get_path("purelib")]):
    for file in package.files or ():
        assert file.suffix == ".pyc" or file.locate().exists(), file
    print(package.name, package.version)
"""


def program(name, venv=VENV):
    """Return the path of a program in the environment, such as `python`."""
    if sys.platform == "win32":
        return Path(venv) / "Scripts" / f"{name}.exe"
    return Path(venv) / "bin" / name


def is_ready(venv=VENV, locks=(LESSONS,)):
    """Whether the environment holds what the locks say, whole, for this Python."""
    return _digests(locks).items() <= _kept(venv).get("locks", {}).items()


def prepare(venv=VENV, locks=(LESSONS,), *, yes=False):
    """Make the environment, or put in order what is there.

    Args:
        venv: Its folder. A broken one is made anew.
        locks: The files with the pinned packages.
        yes: Install what is missing of Python itself without asking.

    Raises:
        ClassroomError: Python cannot make environments, or a package cannot be had.
    """
    venv = Path(venv)
    if is_ready(venv, locks):
        return
    kept = _kept(venv)
    if not kept:
        _create(venv, yes)
    whole = kept.get("locks", {})
    for lock, digest in _digests(locks).items():
        if whole.get(lock) != digest:
            _install(venv, lock)
    kept = {
        "python": sys.version.split()[0],
        "locks": whole | _digests(locks),
        "installed": sorted(_installed(venv)),
    }
    write_json(venv / "classroom.json", kept)


def _kept(venv):
    """Return what was installed when; an empty dict if some of it is gone, or Python changed.

    An environment that may not be written is as it was made: it is not looked through.
    """
    kept = read_json(Path(venv) / "classroom.json")
    same = kept.get("python") == sys.version.split()[0]
    fixed = bool(kept) and not os.access(venv, os.W_OK)
    return kept if same and (fixed or set(kept.get("installed", ())) <= _installed(venv)) else {}


def _digests(locks):
    return {str(lock): hashlib.sha256(Path(lock).read_bytes()).hexdigest() for lock in locks}


def _install(venv, lock):
    """Install what a lock names, with uv; where that fails, pip tries, and says what is wrong."""
    pip = ["pip", "install", "--quiet"]
    if not _python(venv, "-m", *pip, UV).returncode:
        uv = ["uv", "pip", "install", "--quiet", "--no-cache"]
        if not _python(venv, "-m", *uv, "--requirement", lock).returncode:
            return
    done = _python(venv, "-m", *pip, "--requirement", lock)
    if not done.returncode:
        return
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    reason = (errors or done.stderr.splitlines() or ["pip gave no reason"])[-1]
    full = "No space left on device" in done.stderr
    raise ClassroomError(
        f"The packages of {Path(lock).name} could not be installed into {Path(venv).name} "
        f"({reason.removeprefix('ERROR: ')}); "
        f"{'make room on the disk' if full else 'check the network'} and run the command again."
    )


def _installed(venv):
    """Return what is installed, as `name version`; an empty set if a file of it is gone."""
    try:
        listed = _python(venv, "-I", "-c", _LIST)  # -I: not what lies in the current folder
    except OSError:
        return set()
    return set() if listed.returncode else set(listed.stdout.splitlines())


def _python(venv, *arguments):
    """Run the environment's Python in the project's folder, which `-e .` of a lock names."""
    own = {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "VIRTUAL_ENV": str(venv)}
    return subprocess.run(
        [program("python", venv), *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **own},
    )


def prepare_curl(*, yes=False):
    """See to it that there is curl: the tests run the lines that the cells show.

    Args:
        yes: Install Debian's package without asking.

    Raises:
        ClassroomError: There is none, and it cannot be installed.
    """
    if shutil.which("curl"):
        return
    if not system.is_debian():
        raise ClassroomError(
            "The tests run the `curl` lines that the cells show, and there is no curl here; "
            "install it and run the command again."
        )
    system.install(["curl"], "curl, for the tests", yes=yes)


def prepare_browser(*, yes=False):
    """See to it that there is a browser for the tests: Debian's Chromium, or Playwright's.

    Args:
        yes: Install Debian's package without asking.

    Raises:
        ClassroomError: There is none, and none can be had.
    """
    playwright = [program("python"), "-m", "playwright"]
    starts = subprocess.run([*playwright, "--version"], capture_output=True).returncode == 0
    if system.is_debian() and not starts:
        system.install(["libatomic1"], "A library of Playwright's, for the tests", yes=yes)
    if any(shutil.which(name) for name in BROWSERS):
        return
    if system.has_chromium_package():
        system.install(["chromium", "fonts-liberation"], "Chromium, for the tests", yes=yes)
        return
    needs = ["--with-deps"] if system.is_debian() else []  # the libraries that a browser wants
    command = [*playwright, "install", *needs, "chromium"]
    got = subprocess.run(command, capture_output=True, text=True)
    if got.returncode:
        reason = (got.stderr.strip() or "no reason given").splitlines()[-1]
        raise ClassroomError(
            f"A browser for the tests was to be fetched with `playwright install chromium`, and "
            f"that failed ({reason}); install Google Chrome and run the command again."
        )


def _create(venv, yes):
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        if sys.base_prefix != "/usr" or not system.is_debian():
            raise ClassroomError(
                f"An environment was to be made with {sys.executable}, which comes without the "
                "modules venv and ensurepip; run the command with a complete Python 3.11 or later."
            )
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        system.install([f"python{version}-venv"], "Python's module venv", yes=yes)
    shutil.rmtree(venv, ignore_errors=True)
    python = getattr(sys, "_base_executable", None) or sys.executable  # not one inside a .venv
    made = subprocess.run([python, "-m", "venv", venv], capture_output=True, text=True)
    if made.returncode:
        reason = (made.stderr.strip() or made.stdout.strip() or "no reason given").splitlines()[-1]
        shutil.rmtree(venv, ignore_errors=True)
        raise ClassroomError(
            f"`{python} -m venv {venv}` failed ({reason}); see that the disk has room and that "
            "the folder may be written, and run the command again."
        )
