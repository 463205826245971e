"""Debian packages as a source of files: downloaded and unpacked, never installed.

Installing would touch the user's system: `busybox-static` takes the place of `busybox`, and
`docker-registry` starts a service. So the files are unpacked into a folder of our own.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from classroom.errors import ClassroomError
from classroom.files import read_json, write_json
from classroom.system import is_root


@dataclass(frozen=True)
class Package:
    """An unpacked package: its files lie under `folder` as they would lie under `/`."""

    name: str
    version: str
    folder: Path

    def __str__(self):
        return f"{self.name} {self.version}"


def architecture():
    """Return the Debian name of this machine's architecture, such as `amd64`."""
    return _output(["dpkg", "--print-architecture"]).strip()


def fetch(names, state):
    """Get the files of packages without installing them.

    What was fetched before is used again. Downloads use the machine's own package sources and
    need no root.

    Args:
        names: The packages' names.
        state: Our folder; the files go to `packages/` in it.

    Returns:
        A dict from name to `Package`.

    Raises:
        ClassroomError: A package can neither be downloaded nor copied from this system.
    """
    home = Path(state) / "packages"
    missing = [name for name in names if not _known(home, name)]
    if missing:
        if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
            raise ClassroomError(
                f"The packages {', '.join(missing)} are needed for the stand-in for Docker Hub, "
                "and this system has no apt-get; use Debian or Ubuntu, or set CLASSROOM=off "
                "where Docker Hub can be reached."
            )
        home.mkdir(parents=True, exist_ok=True)
        trouble = _download(missing, home, Path(state).resolve() / "apt")
        for name in missing:
            _unpack(name, home) or _copy_installed(name, home) or _give_up(name, trouble)
    return {name: _known(home, name) for name in names}


def _known(home, name):
    kept = read_json(home / f"{name}.json")
    folder = home / name
    return Package(name, kept["version"], folder) if kept and folder.is_dir() else None


def _download(names, home, apt):
    """Download what is not there yet; returns apt's complaint, or an empty text."""
    wanted = [name for name in names if not _archive(name, home)]
    if not wanted:
        return ""
    sandbox = ["-o", "APT::Sandbox::User=root"] if is_root() else []
    download = ["apt-get", *sandbox, "--quiet", "download", *wanted]
    first = _run(download, home)
    if first.returncode == 0:
        return ""
    (apt / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (apt / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    lists = ["-o", f"Dir::State::lists={apt / 'lists'}", "-o", f"Dir::Cache={apt / 'cache'}"]
    update = _run(["apt-get", *sandbox, *lists, "--quiet", "update"], home)
    second = _run([*download[:1], *lists, *download[1:]], home)
    if second.returncode == 0:
        return ""
    # One package that is not to be had must not keep the others away.
    for name in wanted:
        _run(["apt-get", *lists, *sandbox, "--quiet", "download", name], home)
    return (second.stderr or update.stderr or first.stderr).strip()


def _archive(name, home):
    return next(iter(sorted(home.glob(f"{name}_*.deb"))), None)


def _unpack(name, home):
    archive = _archive(name, home)
    if not archive:
        return False
    folder, fresh = home / name, home / f"{name}.new"
    for old in (folder, fresh):
        shutil.rmtree(old, ignore_errors=True)
    unpacked = _run(["dpkg-deb", "--extract", archive.name, fresh.name], home)
    if unpacked.returncode:
        archive.unlink()  # half a download; the next try gets it anew
        raise ClassroomError(
            f"The package file {archive} could not be unpacked and was removed "
            f"({unpacked.stderr.strip()}); run the command again."
        )
    fresh.rename(folder)
    version = _output(["dpkg-deb", "--field", str(archive), "Version"]).strip()
    write_json(home / f"{name}.json", {"version": version, "from": archive.name})
    return True


def _copy_installed(name, home):
    listed = _run(["dpkg-query", "--listfiles", name], home)
    version = _run(["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Version}", name])
    if listed.returncode or not version.stdout.startswith("installed "):
        return False
    folder = home / name
    shutil.rmtree(folder, ignore_errors=True)
    for line in listed.stdout.splitlines():
        source = Path(line)
        target = folder / line.lstrip("/")
        if source.is_file() and os.access(source, os.R_OK):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    write_json(home / f"{name}.json", {"version": version.stdout.split()[1], "from": "this system"})
    return True


def _give_up(name, trouble):
    reason = trouble.splitlines()[-1] if trouble else "apt-get gave no reason"
    raise ClassroomError(
        f"The package {name} could not be downloaded and is not installed ({reason}); "
        "check the network and /etc/apt/sources.list, then run the command again."
    )


def _run(command, folder=None):
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)


def _output(command):
    result = _run(command)
    if result.returncode:
        raise ClassroomError(
            f"`{' '.join(command)}` failed ({result.stderr.strip()}); "
            "see that the package dpkg is whole on this system."
        )
    return result.stdout
