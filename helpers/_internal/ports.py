"""Ports of this machine: which are free, and how a container gets one that others want, too."""

import contextlib
import re
import secrets
import socket

from helpers._internal import errors

_RANGE = 300  # where to look for a free one; thirty learners publish six each, from 8080 on


def parse_publish(publish):
    """Read two ports such as `8080:80`, as two int; zeros where nothing is to be published."""
    if not publish:
        return 0, 0
    match = re.fullmatch(r"(\d{1,5}):(\d{1,5})", str(publish))
    ports = [int(port) for port in match.groups()] if match else [0]
    if not all(0 < port < 65536 for port in ports):
        raise errors.InvalidInput(
            f"docker run -p {publish}",
            "two ports are wanted, yours and the container's, from 1 to 65535",
            'Write publish="8080:80"',
        )
    return ports


def free_port(wanted):
    """Return a port of 127.0.0.1, or the next one that nothing listens on."""
    with _held(wanted) as port:
        return port


def on_free_port(wanted, start, own=()):
    """Call `start` with a free port, and with another where somebody takes that one meanwhile.

    The port is `wanted`, 0 for none, or the next; those in `own` are as good as free.
    """
    if not wanted:
        return start(0)
    for spread in (0, 30, 60, 90):  # many who begin at one port are not to meet at the next
        with _held(wanted + secrets.randbelow(spread + 1), own) as port:
            try:
                return start(port)
            except errors.Conflict as err:
                if getattr(err.__cause__, "status_code", None) == 409:
                    raise  # the container's name is in the way, not the port
                busy = err
    raise busy


@contextlib.contextmanager
def _held(wanted, own=()):
    """Find a free port, and keep it from other learners in the block.

    Its UDP side is held, which the Engine does not need; so nobody else who looks here takes the
    port until something listens on it.
    """
    for port in range(wanted, min(wanted + _RANGE, 65536)) if wanted > 0 else ():
        with socket.socket(type=socket.SOCK_DGRAM) as hold:
            if _binds(hold, port) and (port in own or _is_free(port)):
                yield port
                return
    raise errors.Conflict(
        f"open a port from {wanted} on",
        f"none of the next {_RANGE} is free, or it is no port (1 to 65535)",
        "Name another port",
    )


def _is_free(port):
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False


def _binds(hold, port):
    with contextlib.suppress(OSError):
        hold.bind(("127.0.0.1", port))
        return True
    return False
