"""What a kernel runs in the bench: a helper's call, timed and watched; and a table to type in."""

import re
import time
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from helpers import engine, tables
from helpers._internal.command import quietly


def timed(call):
    """Run a call and watch it.

    Args:
        call: A function without arguments.

    Returns:
        A dict: seconds; computed (seconds of the kernel's own processor time); calls (of the
        Engine) and waited (seconds for the heads and whole bodies of their answers, but for
        those of streams); memory (bytes that the kernel's peak rose by).
    """
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _peak()
    with quietly(), _watched() as waits:
        begun, busy = time.perf_counter(), time.process_time()
        call()
        seconds, computed = time.perf_counter() - begun, time.process_time() - busy
    return {
        "seconds": seconds, "computed": computed, "calls": len(waits), "waited": sum(waits),
        "memory": _peak() - before,
    }  # fmt: skip


def _peak():
    """Tell the most memory that this process has had, in bytes. Linux only, as the stand-in is."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024


@contextmanager
def _watched():
    """Note how long the Engine takes for each call."""
    api, waits = engine.connect().api, []

    def send(*words, **settings):
        begun = time.perf_counter()
        try:
            return type(api).send(api, *words, **settings)
        finally:
            waits.append(time.perf_counter() - begun)

    api.send = send
    try:
        yield waits
    finally:
        del api.send


def big_table(rows):
    """Make a table with filters, as wide as a search's with the sizes and times of images.

    Args:
        rows: How many rows.

    Returns:
        A `tables.Table`.
    """
    numbers = range(rows)
    return tables.explore(pd.DataFrame({
        "name": [f"user{n}/repository-{n}" for n in numbers],
        "description": [f"Words about number {n}, für alle" for n in numbers],
        "stars": numbers, "size": [7_000 * n for n in numbers],
        "digest": [f"sha256:{n:064x}" for n in numbers],
        "official": [n % 10 == 0 for n in numbers],
        "created": pd.Timestamp("2026-01-01", tz="UTC") - pd.to_timedelta(numbers, unit="min"),
    }))  # fmt: skip
