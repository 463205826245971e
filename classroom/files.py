"""Small JSON files that are written whole or not at all, and one lock for a clone."""

import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no fcntl; two commands at a time are not guarded there
    fcntl = None


def read_json(path):
    """Return the JSON value in a file, or an empty dict where there is no such file.

    A file that cannot be parsed counts as missing: all of them can be made anew.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}


def write_json(path, value):
    """Write a value as JSON; a reader sees the old file or the new one, never a half."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def write_text(path, text):
    """Write a text file; a reader sees the old file or the new one, never a half."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".new")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(name, 0o644)
    os.replace(name, path)


@contextmanager
def lock(state, waiting=lambda: None):
    """Hold the clone's lock, so that two commands at a time do not build the same thing.

    Args:
        state: The folder that is guarded.
        waiting: Called once if another command holds the lock.
    """
    state = Path(state)
    state.mkdir(parents=True, exist_ok=True)
    with open(state / "lock", "w") as file:
        if fcntl:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(file, fcntl.LOCK_EX)
        yield
