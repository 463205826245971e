"""Which Docker Engine the lessons use: the one that is there, else one that we start.

An Engine that was running already is never stopped or changed. One that we start is kept in
`engine.json`, so that `stop` ends that one and no other.
"""

import hashlib
import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from classroom import engine_api, processes, system
from classroom.errors import ClassroomError
from classroom.files import read_json, write_json
from classroom.steps import say

SOCKET = "/var/run/docker.sock"
PID_FILE = Path("/var/run/docker.pid")
CONFIGURATION = Path("/etc/docker/daemon.json")
GROUP = "docker"  # who is in it can do all that root can
NEEDS = (
    "An Engine needs root and a Linux kernel with control groups, namespaces and iptables, which "
    "an unprivileged container does not have; use another machine, or set DOCKER_HOST to an Engine "
    "that runs elsewhere."
)


@dataclass(frozen=True)
class Address:
    """Where an Engine is looked for, and who says so."""

    host: str
    said_by: str | None = None  # None for the usual socket
    certificates: str | None = None


def address(environment=None, home=None):
    """Return where the docker command would look for its Engine.

    Args:
        environment: The environment variables; the process's own if left out.
        home: The user's home folder; the process's own if left out.
    """
    environment = os.environ if environment is None else environment
    home = Path(home or system.home())
    named = environment.get("DOCKER_HOST")
    if named:
        return Address(named, None if named == f"unix://{SOCKET}" else "DOCKER_HOST")
    folder = Path(environment.get("DOCKER_CONFIG") or home / ".docker")
    name = environment.get("DOCKER_CONTEXT") or read_json(folder / "config.json").get(
        "currentContext"
    )
    if name and name != "default":
        key = hashlib.sha256(name.encode()).hexdigest()
        said_by = f"the Docker context {name}"
        meta = read_json(folder / "contexts" / "meta" / key / "meta.json")
        host = meta.get("Endpoints", {}).get("docker", {}).get("Host")
        if not host:
            raise ClassroomError(
                f"The Engine was looked for as {said_by} says, and {folder} knows no such context; "
                "choose another one with `docker context use`, or unset DOCKER_CONTEXT."
            )
        certificates = folder / "contexts" / "tls" / key / "docker"
        return Address(host, said_by, str(certificates) if certificates.is_dir() else None)
    if sys.platform == "win32":
        return Address("npipe:////./pipe/docker_engine")
    own = home / ".docker" / "run" / "docker.sock"
    if sys.platform == "darwin" and not Path(SOCKET).exists() and own.exists():
        return Address(f"unix://{own}")
    return Address(f"unix://{SOCKET}")


def find(place=None):
    """Return the client of the Engine that answers, or None where we may start one.

    Args:
        place: An `Address`; the docker command's if left out.

    Raises:
        ClassroomError: There is one and we may not use it, or the one that was named is not there.
    """
    place = place or address()
    try:
        client = engine_api.at(place.host, place.certificates)
    except ValueError as error:
        raise ClassroomError(
            f"The Engine was looked for as {place.said_by} says: {error}; set DOCKER_HOST to such "
            "an address, as unix:///var/run/docker.sock."
        ) from None
    try:
        client.version()
    except PermissionError:
        raise ClassroomError(
            f"The Docker Engine at {place.host} was asked for its version and this user may not "
            f"use it; {_how_to_be_let_in(place.host)}."
        ) from None
    except (OSError, engine_api.RefusedError) as error:
        if place.said_by:
            raise ClassroomError(
                f"The Docker Engine that {place.said_by} names, {place.host}, was asked for its "
                f"version and does not answer ({error}); start it, or name another one."
            ) from error
        if isinstance(error, TimeoutError):
            raise ClassroomError(
                f"The Docker Engine at {place.host} was asked for its version and gave no answer "
                f"within {engine_api.SECONDS} seconds; restart it and run the command again."
            ) from error
        return None
    return client


def _how_to_be_let_in(host):
    """Return the next step for a user who may not use the Engine at an address."""
    try:
        group = _groups().getgrgid(os.stat(host.removeprefix("unix://")).st_gid).gr_name
    except (OSError, KeyError):
        group = GROUP
    if group != GROUP:
        return (
            f"its socket is for {group} alone, so ask whoever started it to end it, or set "
            "DOCKER_HOST to an Engine that you may use"
        )
    return f"{_how_to_join()}, and run the command again"


def _how_to_join():
    name = system.user_name()
    if name is None:
        return "this user has no entry in /etc/passwd and can join no group: take one who has"
    joined = f"sudo usermod -aG {GROUP} {shlex.quote(name)}"
    return f"join its group with `{joined}` (who is in it can do all that root can), log out and in"


def start(state, *, mirror=None, yes=False):
    """Start an Engine on the usual socket; install one first on Debian and Ubuntu.

    The socket is for this user's own group. Where others are in that one, too, it is for the group
    `docker`.

    Args:
        state: Our folder.
        mirror: The registry mirror to give it, as `http://127.0.0.1:5050`, or None.
        yes: Install without asking.

    Returns:
        Its client.

    Raises:
        ClassroomError: No Engine can be started here.
    """
    if sys.platform in ("darwin", "win32"):
        raise ClassroomError(
            "A Docker Engine was looked for and none answers; start Docker Desktop, wait until it "
            "says that it is running, and run the command again."
        )
    program = system.find_program("dockerd") or _install(yes)
    root = system.root_prefix("to start a Docker Engine")
    client = engine_api.Engine(f"unix://{SOCKET}")
    if _another_starts(client, root):
        return client
    if _socket_group() == GROUP:
        _prepare_group(root)
    log = Path(state) / "logs" / "dockerd.log"
    process = processes.start([program, *_flags(mirror)], log, sudo=root)
    write_json(Path(state) / "engine.json", {"process": process})
    try:
        processes.wait_until(
            lambda: _answers(client), process, seconds=60, what="A Docker Engine", log=log
        )
    except ClassroomError:
        stop(state)
        if _another_starts(client, root):
            return client
        raise ClassroomError(
            f"A Docker Engine was started with {program} and does not run: {_cause(log)} "
            f"(log: {log}). {NEEDS}"
        ) from None
    return client


def is_ours(state):
    """Whether an Engine that we started is running."""
    return processes.is_ours(_kept(state))


def stop(state):
    """End the Engine that we started; returns whether there was one."""
    kept = _kept(state)
    root = ()
    if processes.is_ours(kept):
        root = system.root_prefix("to stop the Docker Engine that was started here")
    # Before it ends, an Engine gives its containers 10 seconds, and itself 15.
    ended = processes.stop(kept, seconds=25, prefix=root)
    (Path(state) / "engine.json").unlink(missing_ok=True)
    return ended


def _kept(state):
    return read_json(Path(state) / "engine.json").get("process")


def _answers(client):
    try:
        client.version()
    except (OSError, engine_api.RefusedError):
        return False
    return True


def _flags(mirror):
    """Return dockerd's flags; what its own configuration file says already cannot be a flag."""
    configured = read_json(CONFIGURATION)
    flags = []
    if mirror and "registry-mirrors" not in configured:
        flags += ["--registry-mirror", mirror]
    if group := _socket_group():
        flags += ["--group", group]
    return flags


def _groups():
    import grp  # not there on Windows

    return grp


def _socket_group():
    """Return the group that the socket is for, or None where the configuration file says it.

    It is this user's own group, if nobody else is in it. Users of a network's directory cannot all
    be listed, so that group must have the user's name as well.
    """
    import pwd  # not there on Windows

    if "group" in read_json(CONFIGURATION):
        return None
    try:
        user = pwd.getpwuid(os.geteuid())
        group = _groups().getgrgid(user.pw_gid)
    except KeyError:
        return GROUP
    others = {name for name in group.gr_mem if name != user.pw_name}
    others |= {
        other.pw_name
        for other in pwd.getpwall()
        if other.pw_gid == group.gr_gid and other.pw_uid != user.pw_uid
    }
    own = group.gr_name == user.pw_name and not others
    return group.gr_name if own and _is_in(group) else GROUP


def _is_in(group):
    return group.gr_gid in {os.getegid(), *os.getgroups()}


def _prepare_group(root):
    """See to it that there is the group `docker`, and that this user is in it or is root."""
    try:
        group = _groups().getgrnam(GROUP)
    except KeyError:
        command = [*root, system.find_program("groupadd") or "groupadd", "--system", GROUP]
        made = subprocess.run(command, capture_output=True, text=True)
        if made.returncode:
            reason = (made.stderr.strip() or "it gave no reason").splitlines()[-1]
            raise ClassroomError(
                f"`{' '.join(command)}` was to make the group for a Docker Engine's socket, and "
                f"failed ({reason}); make it yourself and run the command again."
            ) from None
        group = _groups().getgrnam(GROUP)
    if not system.is_root() and not _is_in(group):
        raise ClassroomError(
            "A Docker Engine was to be started, and its socket would be for the group "
            f"{GROUP}, since your own group is not yours alone; {_how_to_join()}, or use sudo, and "
            "run the command again."
        )
    say(
        f"The Docker Engine's socket is for the group {GROUP}, since your own group is not yours "
        "alone; who is in it can do all that root can."
    )


def _install(yes):
    if not system.is_debian():
        raise ClassroomError(
            "A Docker Engine was looked for and none answers, and none is installed; install one "
            "(https://docs.docker.com/engine/install/), start it, and run the command again."
        )
    system.install(
        ["docker.io", "ca-certificates", "iptables", "curl"],  # cells show curl lines, too
        "A Docker Engine",
        yes=yes,
        optional=["docker-cli"],
    )
    _stop_service()
    program = system.find_program("dockerd")
    if not program:
        raise ClassroomError(
            "The package docker.io was installed and there is no dockerd; "
            "see what `dpkg --listfiles docker.io` says."
        )
    return program


def _stop_service():
    """Stop the service that the package we have just installed started; it has no containers."""
    root = system.root_prefix("to stop the service docker, which was just installed")
    if Path("/run/systemd/system").is_dir():
        subprocess.run(
            [*root, "systemctl", "stop", "docker.socket", "docker.service"],
            capture_output=True,
        )
    elif Path("/etc/init.d/docker").exists():
        subprocess.run([*root, "/etc/init.d/docker", "stop"], capture_output=True)


def _another_starts(client, root, seconds=15):
    """Whether somebody else is starting an Engine, such as a second clone; waits until it answers.

    dockerd refuses to start beside a pid file. That of an Engine which is gone is removed.
    """
    pid = _remove_stale_pid_file(root)
    if pid is None:
        return False
    if not processes.comes(lambda: _answers(client), seconds):
        raise ClassroomError(
            f"A Docker Engine is running as process {pid} and does not answer at {SOCKET}; "
            "stop it, or set DOCKER_HOST to where it answers, and run the command again."
        )
    return True


def _remove_stale_pid_file(root):
    """Remove the pid file of an Engine that is gone; returns the pid of one that is not."""
    try:
        pid = int(PID_FILE.read_text())
    except (OSError, ValueError):
        return None
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        name = None
    if name == "dockerd" and processes.began(pid):
        return pid
    subprocess.run([*root, "rm", "-f", str(PID_FILE)], check=False)
    return None


def _cause(log):
    """Return dockerd's own reason: its last line that names an error, without time and level."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "level=" not in line or "level=fatal" in line]
    line = (errors or lines or ["it wrote nothing"])[-1]
    _, found, message = line.partition("msg=")
    return json.loads(message) if found and message.endswith('"') else line
