"""What a command prints: one line a step, with the time that it took."""

import os
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace


def say(text):
    """Print a line now, whatever the terminal can show."""
    encoding = sys.stdout.encoding or "ascii"
    try:
        print(text.encode(encoding, "replace").decode(encoding), flush=True)
    except BrokenPipeError:  # as in `status | head -1`: nobody reads on
        drop_output()
        sys.exit(1)


def drop_output():
    """Have nothing more printed: what could not be must not be tried again at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def open_closed_streams():
    """Put /dev/null where there is no input or output, so that no file of ours gets its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(number, True)
            setattr(sys, name, open(number, mode))


@contextmanager
def step(text):
    """Time a step and print `✓ text (1.2 s)` once it is done.

    Yields:
        An object whose `text` may be changed while the step runs.
    """
    done = SimpleNamespace(text=text)
    start = time.monotonic()
    if sys.stdout.isatty():
        print(f"  {text} …", end="\r", flush=True)
    yield done
    say(f"✓ {done.text} ({time.monotonic() - start:.1f} s)".ljust(len(text) + 4))
