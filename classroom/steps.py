"""What a command prints: one line a step, with the time that it took."""

import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace


def say(text):
    """Print a line now, whatever the terminal can show."""
    encoding = sys.stdout.encoding or "ascii"
    print(text.encode(encoding, "replace").decode(encoding), flush=True)


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
