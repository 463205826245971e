"""Let one learner work through all notebooks, then many at once; exit code 1 if one sees wrong.

`python -m benchmarks.load 30` tells how much time, processor and memory a learner takes among
thirty, and how many times that of one alone it is.
"""

import argparse
import asyncio
import platform
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.interrupts import undisturbed
from benchmarks.load.cells import code_cells
from benchmarks.load.learner import Learner
from benchmarks.load.meter import Meter
from benchmarks.load.room import Room
from helpers import engine
from helpers._internal import errors

_LONGEST = 20 * 60  # seconds for those who work at once
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SAID = 20  # complaints that are shown
_COLUMNS = ("learners", "wall s", "cells", "kernel CPU s", "Engine CPU s", "machine CPU s", "MiB")
_LEGEND = (
    "CPU and memory: a learner's. Engine: dockerd, containerd, and the shims that were seen. "
    "Machine: all that ran on it, containers and other people's work as well. MiB: the most that "
    "the kernels had at one time."
)


@dataclass(frozen=True)
class Figures:
    """What so many learners took; all but the first two and the complaints are a learner's."""

    learners: int
    wall: float
    cells: float
    kernel: float
    engine: float | None
    machine: float
    memory: float
    wrong: list

    def row(self):
        """Give the figures in the order of the columns."""
        return [self.learners, self.wall, self.cells, self.kernel, self.engine, self.machine,
                self.memory]  # fmt: skip


def main(arguments=None):
    """Run one learner and many, print the table, and remove what they made.

    Args:
        arguments: The words after the program's name; the process's own if left out.

    Returns:
        The exit code: 0 if all outputs were right and nothing was left over, else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("learners", nargs="?", type=int, default=30, help="how many at once")
    count = parser.parse_args(arguments).learners
    print(_setting(), flush=True)
    figures, complaints = [], []
    for names in (["load-00"], [f"load-{number:02}" for number in range(1, count + 1)]):
        done, found = together(names)
        print(f"{len(names)} at once: {len(found)} complaints, {done.wall:.0f} s", flush=True)
        figures.append(done)
        complaints += found
    print(table(*figures), *(f"✗ {one}" for one in complaints[:_SAID]), _LEGEND, sep="\n")
    return int(bool(complaints))


def _setting():
    version = engine.connect().api.version()["Version"]
    return (
        f"Engine {version}, Python {platform.python_version()}, {psutil.cpu_count()} processors, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB, "
        f"load {psutil.getloadavg()[0]:.1f} at the start"
    )


def together(names):
    """Let learners work at once, in a room that is as it was afterwards.

    Returns:
        Their `Figures`, and what was wrong, a list of str.
    """
    room = Room(names)
    try:
        room.open()
        figures = asyncio.run(_run(names))
    finally:
        with undisturbed(*_SIGNALS):
            found = room.close()
    return figures, figures.wrong + found


async def _run(names):
    """Let all begin at the same time, and measure."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        learners = [Learner(name, Path(home, name)) for name in names]
        meter, begun, busy = Meter(learners), time.monotonic(), _busy()
        watch = asyncio.create_task(meter.watch())
        late = await _all(learners)
        watch.cancel()
        meter.look()
    wall, many = time.monotonic() - begun, len(names)
    wrong = [one for learner in learners for one in learner.wrong] + late
    return Figures(
        many, wall, sum(one.ran for one in learners) / many,
        sum(one.cpu for one in learners) / many,
        None if meter.engine is None else meter.engine / many,
        (_busy() - busy) / many, meter.memory / many / 2**20, wrong,
    )  # fmt: skip


async def _all(learners):
    """Wait until all have ended; after the longest time, end them and say so."""
    try:
        async with asyncio.timeout(_LONGEST), asyncio.TaskGroup() as group:
            for one in learners:
                group.create_task(one.learn())
    except TimeoutError:
        return [f"not all were done after {_LONGEST} s"]
    whole = sum(map(len, code_cells()))
    return [f"{one.name}: {one.ran} of {whole} cells ran" for one in learners if one.ran != whole]


def _busy():
    """Tell how many seconds the machine's processors have worked since it started."""
    spent = psutil.cpu_times()
    return sum(spent) - spent.idle - getattr(spent, "iowait", 0) - getattr(spent, "guest", 0)


def table(alone, many):
    """Write the figures of both, and the ratio."""
    ratio = [_ratio(one, other) for one, other in zip(many.row(), alone.row(), strict=True)]
    rows = [list(_COLUMNS), *([_written(one) for one in each.row()] for each in (alone, many))]
    rows.append(["ratio", *ratio[1:]])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return "\n".join(lines)


def _written(value):
    return "not readable" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _ratio(one, other):
    return f"{one / other:.2f}" if one and other else "-"


def _end(number, frame):
    """End as an interrupt does, which asyncio knows: so all is removed first."""
    signal.raise_signal(signal.SIGINT)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` has it ignored
    signal.signal(signal.SIGTERM, _end)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except errors.LessonError as err:
        sys.exit(str(err))
