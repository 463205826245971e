"""Measure the helpers side by side with the docker command; exit code 1 if a goal is missed."""

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import time

import docker.errors
import requests

from benchmarks import hub, measures, processes
from benchmarks.figures import table
from benchmarks.interrupts import undisturbed
from benchmarks.room import Room
from classroom.steps import say, step
from helpers import engine
from helpers._internal import errors

SMALL = measures.Sizes(
    containers=5, images=3, rows=100, layers=2, layer=2**20, quick=1, slow=1, imports=1,
    warm_up=0, notebooks=1, cells=2,
)  # fmt: skip
PARTS = {
    "The notebooks": measures.notebooks,
    "Import of the helpers": measures.imports,
    "A key in a filter": measures.keystrokes,
    "Tables and search": measures.tables,
    "Save, push, pull and load": measures.transfers,
}
_FAILURES = (
    errors.LessonError, docker.errors.DockerException, requests.RequestException, OSError,
    RuntimeError, TimeoutError, subprocess.TimeoutExpired,
)  # fmt: skip
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LEGEND = (
    "Each cell: the median, and in brackets the quartiles. The ratio is that of each turn, helpers"
    " by other side; of calls and memory the most counts."
)


def main(arguments=None):
    """Measure all, print the table, and remove what was made.

    Args:
        arguments: The words after the program's name; the process's own if left out.

    Returns:
        The exit code: 0 if all goals are reached, else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--small", action="store_true", help="tiny sizes: it shows that it runs")
    parser.add_argument("--room", type=int, help="instead: so many learners in a room at once")
    given = parser.parse_args(arguments)
    if given.room:
        return hub.main(given.room)
    sizes = SMALL if given.small else measures.Sizes()
    if not shutil.which("docker"):
        say("✗ The helpers were to be measured against the docker command, which is not on PATH.")
        return 1
    begun = time.monotonic()
    room = Room()
    try:
        room.clean()
        say(_setting())
        figures, failures = _measured(room, sizes)
    finally:
        with step("Removed what the bench made"), undisturbed(*_SIGNALS):
            room.clean()
    say("\n" + "\n".join([table(figures), *failures, _LEGEND]))
    say(f"All of it took {time.monotonic() - begun:.0f} s.")
    return int(bool(failures) or any(figure.over for figure in figures))


def _setting():
    """Say what is measured, and where."""
    server = engine.connect().api.version()
    command = processes.output("docker", "version", "--format", "{{.Client.Version}}").strip()
    return (
        f"docker command {command}, Engine {server['Version']}, {server['Os']}/{server['Arch']}, "
        f"Python {platform.python_version()}, {os.cpu_count()} processors, "
        f"load {os.getloadavg()[0]:.1f} at the start"
    )


def _measured(room, sizes):
    """Measure part by part; one that fails does not keep the others from it."""
    figures, failures = [], []
    for name, measure in PARTS.items():
        with step(name):
            try:
                figures += measure(room, sizes)
            except _FAILURES as err:
                failures.append(f"✗ {name}: not measured. {err}")
                room.clean()
    return figures, failures


def _end(number, frame):
    """End as an interrupt does: by an exception, so that all is removed first."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    for one in _SIGNALS:
        signal.signal(one, _end)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
