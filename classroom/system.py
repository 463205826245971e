"""What this machine is, and how to install a Debian package on it when nothing else helps."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from classroom.errors import ClassroomError
from classroom.steps import say


def is_root():
    """Whether we run as root."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def user_name():
    """Return this user's name, or None where the system knows none."""
    try:
        import pwd  # not there on Windows

        return pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):
        return None


def home():
    """Return this user's home folder, or `/nonexistent` where the system knows none."""
    try:
        return Path.home()
    except (RuntimeError, KeyError):
        return Path("/nonexistent")


def is_debian():
    """Whether this is Debian, Ubuntu or a child of theirs, with apt-get."""
    return bool({"debian", "ubuntu"} & set(_family())) and shutil.which("apt-get") is not None


def has_chromium_package():
    """Whether Chromium is a package here: Debian's is; Ubuntu's only points at another store."""
    return is_debian() and "ubuntu" not in _family()


def _family():
    """Return the names of this distribution and of those that it stems from."""
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            lines = dict(line.rstrip("\n").partition("=")[::2] for line in file)
    except OSError:
        return []
    return f"{lines.get('ID', '')} {lines.get('ID_LIKE', '')}".replace('"', "").split()


def root_prefix(purpose):
    """Return what to put before a command that needs root: nothing, or `sudo`.

    Args:
        purpose: What root is needed for, as `to install docker.io`.

    Raises:
        ClassroomError: We are not root and there is no sudo.
    """
    if is_root():
        return ()
    if shutil.which("sudo"):
        return ("sudo",)
    raise ClassroomError(
        f"Root is needed {purpose}, and there is no sudo here; "
        "run the command as root, or ask who looks after this machine."
    )


def find_program(name):
    """Return the path of a program, looked for in the system folders as well, or None."""
    path = os.environ.get("PATH", os.defpath)
    return shutil.which(name, path=f"{path}:/usr/local/sbin:/usr/sbin:/sbin")


def install(names, why, *, yes, optional=()):
    """Install Debian packages with apt-get; say so first, and ask first at a terminal.

    Args:
        names: The packages.
        why: What they are for, as `a Docker Engine`.
        yes: Do not ask.
        optional: Packages to install too where the distribution has them.

    Raises:
        ClassroomError: The user said no, or apt-get failed.
    """
    listed = " ".join(names)
    root = root_prefix(f"to install {listed}")
    say(f"{why} is missing here: installing {listed} with apt-get.")
    if not yes and sys.stdin.isatty() and input("Go on? [Y/n] ").strip().lower() in ("n", "no"):
        raise ClassroomError(
            f"{why} is needed and was not installed, as you said; install it yourself "
            f"(`apt-get install {listed}`), or run the command again."
        )
    if not all(_is_known(name) for name in names):
        _apt(root, "update")
    command = ["install", "--yes", "--no-install-recommends", *names]
    command += [name for name in optional if _is_known(name)]
    if _apt(root, *command).returncode:
        _apt(root, "update")  # the lists may name files that the archive no longer has
        result = _apt(root, *command)
        if result.returncode:
            reason = (result.stderr.strip() or "it gave no reason").splitlines()[-1]
            raise ClassroomError(
                f"`apt-get {' '.join(command)}` failed ({reason}); "
                "run it by hand to see all of it, then run the command again."
            )


def _is_known(name):
    policy = subprocess.run(
        ["apt-cache", "policy", name],
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
    ).stdout
    return "Candidate:" in policy and "Candidate: (none)" not in policy


def _apt(root, *arguments):
    result = subprocess.run(
        [*root, "env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "apt-get", "-q", *arguments],
        stdin=None if root else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if root and result.returncode == 1:  # sudo's own code; apt-get fails with 100
        reason = (result.stderr.strip() or "it gave no reason").splitlines()[-1]
        raise ClassroomError(
            f"Root is needed for `apt-get {' '.join(arguments)}` and {root[0]} refused it "
            f"({reason.removeprefix('sudo: ')}); run the command as a user who may use sudo, or "
            "ask who looks after this machine."
        )
    return result
