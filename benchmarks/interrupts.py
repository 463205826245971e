"""What the programs among the tests do when they are told to end."""

import contextlib
import signal


@contextlib.contextmanager
def undisturbed(*signals):
    """Let none of these signals come in between."""
    before = {one: signal.signal(one, signal.SIG_IGN) for one in signals}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
