"""The connection to the Docker Engine, and where images and search results come from."""

import contextlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from types import NoneType

from docker import APIClient, DockerClient, auth
from docker.context import ContextAPI
from docker.errors import DockerException

from helpers._internal import command, errors
from helpers._internal.command import shown

CONNECT_TIMEOUT = 3  # seconds until a connection must stand
VERSION_TIMEOUT = 10  # seconds until an Engine must say its version
READ_TIMEOUT = 60  # seconds until the next byte of an answer must come
DEFAULT_SOCKET = "unix:///var/run/docker.sock"
_client = None  # the one in use
logins = {}  # host:port -> the user and password for it; gone when the kernel ends
_SOURCES = Path(__file__).resolve().parent.parent / ".classroom" / "sources.json"


class Secret(str):
    """A password: a str that neither a notebook nor a traceback shows."""

    def __repr__(self):
        return "'…'"


class _Api(APIClient):
    def _set_request_timeout(self, kwargs):
        """Give each call a time-out, also those (pull, wait) that docker-py gives none.

        While something is sent, urllib3 counts the time to connect for each piece; of an archive
        an Engine at work may take none for longer than that.
        """
        answer = kwargs.get("timeout") or self.timeout
        archive = not isinstance(kwargs.get("data"), (str, bytes, NoneType))
        return kwargs | {"timeout": (answer if archive else CONNECT_TIMEOUT, answer)}

    def _disable_socket_timeout(self, socket):
        """Keep the time-out on the streams of save, export and logs, too."""


class _Client(DockerClient):
    def __init__(self, **settings):
        self.api = _Api(**settings)


@contextlib.contextmanager
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
    with shown(command.line("docker", *words), prepared=prepared):
        yield connect().api


def use(client):
    """Work with this client from now on.

    Args:
        client: A `docker.DockerClient`; `None` for that of the current Engine again.
    """
    global _client
    _client = client


def connect():
    """Connect to the Engine that `DOCKER_HOST` or the current Docker context names.

    Returns:
        A `docker.DockerClient` in which every call ends: 3 s to connect, 60 s between two bytes.

    Raises:
        EngineUnavailable: No Engine answers there, or this user may not talk to it.

    Source: https://docs.docker.com/reference/api/engine/
    """
    if _client is None:
        use(_connect())
    return _client


def _connect():
    try:
        with errors.translate_errors("connect to the Docker Engine"):
            client = _Client.from_env(timeout=min(VERSION_TIMEOUT, READ_TIMEOUT))
    except (errors.EngineUnavailable, errors.Timeout) as err:
        if not (named := _named()) or "PermissionError" in str(err.__cause__):
            raise
        wrong, todo = named
        raise type(err)(err.action, f"no Docker Engine answers at {wrong}", todo) from err.__cause__
    client.api.timeout = READ_TIMEOUT
    return client


def _named():
    """Tell where an Engine is looked for and what to do instead, if that is no usual place."""
    if host := os.environ.get("DOCKER_HOST"):
        todo = "Start that one, or restart the kernel without DOCKER_HOST"
        return None if host == DEFAULT_SOCKET else (f"{host}, which DOCKER_HOST names", todo)
    context = ContextAPI.get_current_context()
    if context is None or context.Name == "default":
        return None
    todo = "Start that one, or take this machine's: docker context use default"
    return f"{context.Host}, which the Docker context {context.Name} names", todo


def credentials(reference):
    """Find what to send along when an image is pulled or pushed.

    Args:
        reference: The image's name.

    Returns:
        A dict for `auth_config`: of a login in this kernel, else the CLI's, else empty.
    """
    host = auth.resolve_repository_name(reference)[0]
    return next(iter(known_logins(host)), {})


def known_logins(host):
    """Find the logins for a registry: this kernel's, then what the docker CLI keeps by now.

    Args:
        host: `host:port` of the registry.

    Returns:
        A list of dicts with `username` and `password`.
    """
    found = [logins.get(host)]
    with contextlib.suppress(DockerException, ValueError):  # as docker itself does
        found.append(auth.resolve_authconfig(auth.load_config(), host))
    small = [{key.lower(): value for key, value in (one or {}).items()} for one in found]
    return [
        one | {"password": Secret(one.get("password") or "")}
        for one in small
        if one.get("username")
    ]


@dataclass(frozen=True)
class Sources:
    """Where images and search results come from.

    Attributes:
        mirror: `host:port` of the classroom's registry, `None` for Docker Hub.
        index: `host:port` of the classroom's search index, `None` for Docker Hub.
        mirrored: Whether the Engine takes `docker pull busybox` from the mirror by itself.
    """

    mirror: str | None = None
    index: str | None = None
    mirrored: bool = False


def sources():
    """Tell where images and search results come from, as `CLASSROOM` says.

    Returns:
        `Sources`: the classroom's where `python3 -m classroom` has set one up, else Docker Hub.

    Raises:
        EngineUnavailable: `CLASSROOM=on`, and the classroom does not run; or what it has written
            makes no sense.
    """
    wanted = os.environ.get("CLASSROOM", "auto")
    if wanted != "off":
        with contextlib.suppress(FileNotFoundError):
            return _told()
    if wanted == "on":
        raise errors.EngineUnavailable(
            "CLASSROOM=on", "the classroom does not run", "Start it: python3 -m classroom lab"
        )
    return Sources()


def _told():
    with contextlib.suppress(PermissionError, IsADirectoryError, ValueError, TypeError,
                             RecursionError):  # fmt: skip
        told = Sources(**json.loads(_SOURCES.read_text(encoding="utf-8")))
        addresses = all(re.fullmatch(r"[\w.-]+:\d+", at) for at in (told.mirror, told.index))
        if addresses and isinstance(told.mirrored, bool):
            return told
    raise errors.EngineUnavailable(
        "look where images come from",
        ".classroom/sources.json does not say it",
        "Have it written anew: python3 -m classroom lab",
    )


def kernel():
    """Return the release of the Linux kernel that the Engine, and so every container, runs on.

    Returns:
        A str, as `uname -r` prints it.

    Source: Engine API `GET /info`.
    """
    with docker("info", "--format", "{{.KernelVersion}}") as api:
        return api.info()["KernelVersion"]
