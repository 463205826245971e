"""Small JSON files that are written whole or not at all, and one lock for a clone."""

import json
import os
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no fcntl; two commands at a time are not guarded there
    fcntl = None


def read_json(path):
    """Return the dict in a JSON file, or an empty one where there is no such file.

    A file that holds anything else counts as missing: all of them can be made anew.
    """
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


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


def close_to_others(state):
    """Take the right to write in a folder, and in all below it, from other users."""
    for folder, folders, names in os.walk(state):
        for path in [folder, *(os.path.join(folder, name) for name in (*folders, *names))]:
            with suppress(FileNotFoundError):  # as of a JupyterLab that is running
                mode = os.lstat(path).st_mode
                if mode & 0o022 and not stat.S_ISLNK(mode):
                    os.chmod(path, stat.S_IMODE(mode) & ~0o022)


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
