"""The connection to the Docker Engine, and where images and search results come from."""

import functools
import json
import os
from dataclasses import dataclass
from pathlib import Path

import docker
import docker.auth

from helpers import errors
from helpers.command import shown

_CONNECT = 3  # seconds until a connection must stand
_ANSWER = 60  # seconds until the next byte of an answer must come
logins = {}  # host:port -> the user and password for it; gone when the kernel ends
_SOURCES = Path(__file__).resolve().parent.parent / ".classroom" / "sources.json"


class _Api(docker.APIClient):
    def _set_request_timeout(self, kwargs):
        """Give each call a time-out, also those (pull, wait) that docker-py gives none."""
        answer = kwargs.get("timeout") or self.timeout
        return kwargs | {"timeout": (_CONNECT, answer)}

    def _disable_socket_timeout(self, socket):
        """Keep the time-out on the streams of save, export and logs, too."""


class _Client(docker.DockerClient):
    def __init__(self, **settings):
        self.api = _Api(**settings)


@functools.cache
def connect():
    """Connect to the Engine that `DOCKER_HOST` or the current Docker context names.

    Returns:
        A `docker.DockerClient` in which every call ends: 3 s to connect, 60 s between two bytes.

    Raises:
        EngineNotRunning: No Engine answers there.
        SocketDenied: This user may not talk to it.

    Source: https://docs.docker.com/reference/api/engine/
    """
    with errors.explained("connect to the Docker Engine"):
        return _Client.from_env(timeout=_ANSWER)


def credentials(reference):
    """Find what to send along when an image is pulled or pushed.

    Args:
        reference: The image's name.

    Returns:
        A dict for `auth_config`: of a login in this kernel, else the CLI's, else empty.
    """
    return login(docker.auth.resolve_repository_name(reference)[0])


def login(host):
    """Find the login for a registry: this kernel's, else what the docker CLI keeps by now.

    Args:
        host: `host:port` of the registry.

    Returns:
        A dict with `username` and `password`; an empty one where nobody has logged in.
    """
    if host in logins:
        return logins[host]
    return docker.auth.resolve_authconfig(docker.auth.load_config(), host) or {}


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
        EngineNotRunning: `CLASSROOM=on`, and the classroom does not run.
    """
    wanted = os.environ.get("CLASSROOM", "auto")
    if wanted != "off" and _SOURCES.exists():
        return Sources(**json.loads(_SOURCES.read_text()))
    if wanted == "on":
        raise errors.EngineNotRunning(
            "CLASSROOM=on", "the classroom does not run", "Start it: python3 -m classroom lab"
        )
    return Sources()


def kernel(*, client=None):
    """Tell which Linux kernel the Engine, and so every container, runs on.

    Args:
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        The kernel's release as a str, as `uname -r` prints it.

    Source: Engine API `GET /info`.
    """
    client = client or connect()
    with shown("docker info --format '{{.KernelVersion}}'"):
        return client.api.info()["KernelVersion"]
