"""The Python environment of the lessons: `.venv`, with what requirements.txt pins."""

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
REQUIREMENTS = ROOT / "requirements.txt"
BROWSERS = ("chromium", "google-chrome", "google-chrome-stable")


def program(name, venv=VENV):
    """Return the path of a program in the environment, such as `python`."""
    if sys.platform == "win32":
        return Path(venv) / "Scripts" / f"{name}.exe"
    return Path(venv) / "bin" / name


def is_ready(venv=VENV, requirements=REQUIREMENTS):
    """Whether the environment holds what the requirements say, for this Python."""
    return read_json(Path(venv) / "classroom.json") == _stamp(requirements) and _runs(
        venv, "import sys"
    )


def prepare(venv=VENV, requirements=REQUIREMENTS, *, yes=False):
    """Make the environment, or put in order what is there.

    Args:
        venv: Its folder. A broken one is made anew.
        requirements: The file with the pinned packages.
        yes: Install what is missing of Python itself without asking.

    Raises:
        ClassroomError: Python cannot make environments, or a package cannot be had.
    """
    venv = Path(venv)
    if is_ready(venv, requirements):
        return _set_up_kernels(venv)
    if not _runs(venv, f"import pip, sys; assert sys.version_info[:2] == {sys.version_info[:2]}"):
        _create(venv, yes)
    pip = [program("python", venv), "-m", "pip", "--disable-pip-version-check", "install"]
    installed = subprocess.run(
        [*pip, "--quiet", "--requirement", requirements],
        capture_output=True,
        text=True,
        env={**os.environ, "PIP_USER": "0"},
    )
    if installed.returncode:
        errors = [line for line in installed.stderr.splitlines() if line.startswith("ERROR")]
        reason = (errors or installed.stderr.splitlines() or ["pip gave no reason"])[-1]
        raise ClassroomError(
            f"The packages of {Path(requirements).name} could not be installed into {venv.name} "
            f"({reason.removeprefix('ERROR: ')}); check the network and run the command again."
        )
    write_json(venv / "classroom.json", _stamp(requirements))
    _set_up_kernels(venv)


def _set_up_kernels(venv):
    """Let the environment's kernels say which cell to run first (helpers/first_cell.py)."""
    file = venv / "etc" / "ipython" / "ipython_kernel_config.py"
    text = (
        f"import sys\n\nsys.path.append({str(ROOT)!r})\n"
        'get_config().InteractiveShellApp.extensions = ["helpers.first_cell"]\n'
    )
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


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


def _stamp(requirements):
    pinned = Path(requirements).read_bytes()
    return {"python": sys.version.split()[0], "requirements": hashlib.sha256(pinned).hexdigest()}


def _runs(venv, code):
    try:
        return not subprocess.run(
            [program("python", venv), "-c", code], capture_output=True, timeout=60
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


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
