"""Processes that live on after the command that started them, and how to end only those.

A pid alone says little: it may have gone to another process since. So a record holds when the
process began as well, and a process counts as ours only if both agree.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from classroom.errors import ClassroomError

_children = []  # kept, so that Python does not complain about processes that live on


def began(pid):
    """Return a text that tells this process from a later one with its pid; None if it is dead."""
    if Path("/proc/self/stat").exists():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()
        # Its first thread may be dead while others still hold its ports.
        dead = fields[0] in "ZX" and int(fields[17]) <= 1
        return None if dead else f"{boot} {fields[19]}"
    listed = subprocess.run(
        ["ps", "-p", str(pid), "-o", "stat=,lstart="], capture_output=True, text=True
    ).stdout.strip()
    return None if not listed or listed.startswith("Z") else listed.partition(" ")[2].strip()


def record(pid):
    """Return what to keep of a running process, as a dict for JSON."""
    return {"pid": pid, "began": began(pid)}


def is_ours(kept):
    """Whether the process of a kept record is still running, and no other has its pid."""
    whole = isinstance(kept, dict) and isinstance(kept.get("pid"), int) and kept.get("began")
    return bool(whole) and began(kept["pid"]) == kept["began"]


def listens(pid, port):
    """Whether it is this process that listens on a port of loopback, as Linux tells."""
    loopback = int.from_bytes(socket.inet_aton("127.0.0.1"), sys.byteorder)
    try:
        rows = [row.split() for row in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
        ours = {
            f"socket:[{row[9]}]"
            for row in rows
            if row[1] == f"{loopback:08X}:{port:04X}" and row[3] == "0A"  # it listens
        }
        return any(os.readlink(file) in ours for file in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # it has ended, or a file was closed meanwhile
        return False


def start(command, log, *, folder=None, sudo=()):
    """Start a process that outlives us, in a session of its own.

    Args:
        command: The program and its arguments.
        log: The file that gets its output, begun anew.
        folder: The folder it runs in.
        sudo: What to put before the command to run it as root, such as `("sudo",)`.

    Returns:
        Its record: a dict for JSON, with its pid and when it began.
    """
    log = Path(log)
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [str(part) for part in command]
    # An Engine looks for iptables and runc, which a plain `su` leaves out of the path.
    path = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"
    with open(log, "wb") as output:
        if sudo:
            # sudo may ask for a password, so it stays in our terminal; only its child leaves it.
            script = 'log=$1; shift; setsid "$@" </dev/null >>"$log" 2>&1 & echo $!'
            started = subprocess.run(
                [*sudo, "sh", "-c", script, "sh", str(log), *command],
                stdout=subprocess.PIPE,
                text=True,
                cwd=folder,
            )
            if started.returncode:
                raise ClassroomError(
                    f"`{' '.join([*sudo, *command])}` was tried and {sudo[0]} refused it; "
                    "run the command again as a user who may use sudo."
                )
            return record(int(started.stdout))
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=folder,
            env={**os.environ, "PATH": path},
        )
    _children.append(process)
    return record(process.pid)


def wait_until(answers, kept, *, seconds, what, log):
    """Wait until a process that we started does its work.

    Args:
        answers: Called again and again; true once the work is done.
        kept: The record of the process.
        seconds: How long to wait.
        what: What it is, for the message.
        log: Where its output goes, for the message.

    Raises:
        ClassroomError: It ended, or the time is over.
    """

    def is_over():
        done = answers()
        if not done and not is_ours(kept):
            raise ClassroomError(f"{what} was started and ended at once: {last_words(log)}")
        return done

    if not comes(is_over, seconds):
        raise ClassroomError(
            f"{what} was started and did not answer within {seconds} seconds: {last_words(log)}"
        )


def comes(state, seconds):
    """Wait for what nothing tells of, such as that a registry is ready or a container is gone.

    Args:
        state: Called again and again; true once it has come.
        seconds: How long to wait.

    Returns:
        Whether it has come in time.
    """
    deadline = time.monotonic() + seconds
    while not state():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def last_words(log, lines=3):
    """Return the end of a log as one line, with where the rest is."""
    try:
        text = Path(log).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        text = ""
    end = " | ".join(text.splitlines()[-lines:]) or "it wrote nothing"
    return f"{end} (log: {log})."


def stop(kept, *, seconds=15, prefix=()):
    """End the process of a kept record, if it is still the one that we started.

    Args:
        kept: What `record` returned.
        seconds: How long to wait for it to end.
        prefix: What to put before the command, such as `sudo`, for a process of another user.

    Returns:
        Whether there was one to end.

    Raises:
        ClassroomError: It is still running.
    """
    if not is_ours(kept):
        return False
    pid = kept["pid"]
    if prefix:
        # The shell's own kill: a bare Debian has no program of that name.
        subprocess.run([*prefix, "sh", "-c", f"kill -TERM {pid}"], check=False)
    else:
        os.kill(pid, signal.SIGTERM)
    if not comes(lambda: not is_ours(kept), seconds):
        raise ClassroomError(
            f"Process {pid} was asked to end and is still running after {seconds} seconds; "
            f"look at it with `ps -fp {pid}` and try again."
        )
    return True
