"""The connection to the Docker Engine, and the one shape that every docker verb here has."""

from contextlib import contextmanager

from helpers._internal import command
from helpers._internal.connection import Sources, connect, known_logins, logins, sources, use

__all__ = ["Sources", "connect", "docker", "kernel", "known_logins", "logins", "sources", "use"]


@contextmanager
def docker(*words, prepared=()):
    """Show a docker command, and do in the block what it does.

    Args:
        words: The words after `docker`; `None` is left out.
        prepared: Command lines that only prepare for it; they stand folded above.

    Yields:
        docker-py's low-level client, a `docker.APIClient`.

    Raises:
        LessonError: In place of what docker-py, the Engine or the network raised.
    """
    with command.shown(command.line("docker", *words), prepared=prepared):
        yield connect().api


def kernel():
    """Return the release of the Linux kernel that the Engine, and so every container, runs on.

    Returns:
        A str, as `uname -r` prints it.

    Source: Engine API `GET /info`.
    """
    with docker("info", "--format", "{{.KernelVersion}}") as api:
        return api.info()["KernelVersion"]
