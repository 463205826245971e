"""The connection to the Docker Engine, logins, and where images and search results come from."""

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import NoneType

from docker import APIClient, DockerClient, auth
from docker.context import ContextAPI
from docker.errors import DockerException

from helpers._internal import errors

CONNECT_TIMEOUT = 3  # seconds until a connection must stand
VERSION_TIMEOUT = 10  # seconds until an Engine must say its version
READ_TIMEOUT = 60  # seconds until the next byte of an answer must come
DEFAULT_SOCKET = "unix:///var/run/docker.sock"
SOURCES = Path(__file__).resolve().parents[2] / ".classroom" / "sources.json"
logins = {}  # host:port -> the user and password for it; gone when the kernel ends
_client = None  # the one in use


class Secret(str):
    """A password: a str that neither a notebook nor a traceback shows."""

    def __repr__(self):
        return "'…'"


def secret(password):
    """Return a text as a `Secret`, anything else as it is; the caller keeps no other name of it."""
    return Secret(password) if isinstance(password, str) else password


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


class Client(DockerClient):
    """docker-py's client, in which every call ends."""

    def __init__(self, **settings):
        self.api = _Api(**settings)


def use(client):
    """Work with this `docker.DockerClient` from now on; `None` is the current Engine's again."""
    global _client
    _client = client


def connect():
    """Connect to the Engine that `DOCKER_HOST` or the current Docker context names, as `Client`."""
    if _client is None:
        use(_connect())
    return _client


def _connect():
    try:
        with errors.translate_errors("connect to the Docker Engine"):
            client = Client.from_env(timeout=min(VERSION_TIMEOUT, READ_TIMEOUT))
    except (errors.EngineUnavailable, errors.Timeout) as err:
        place, hint = _unusual_place()
        if not place or "PermissionError" in str(err.__cause__):
            raise
        problem = f"no Docker Engine answers at {place}"
        raise type(err)(err.action, problem, hint) from err.__cause__
    client.api.timeout = READ_TIMEOUT
    return client


def _unusual_place():
    """Return where an Engine is looked for, and a hint; empty where that is the usual place."""
    if host := os.environ.get("DOCKER_HOST"):
        hint = "Start that one, or restart the kernel without DOCKER_HOST"
        return "" if host == DEFAULT_SOCKET else f"{host}, which DOCKER_HOST names", hint
    context = ContextAPI.get_current_context()
    if context is None or context.Name == "default":
        return "", ""
    hint = "Start that one, or take this machine's: docker context use default"
    return f"{context.Host}, which the Docker context {context.Name} names", hint


def credentials(reference):
    """Return the `auth_config` for an image: of a login in this kernel, else the CLI's, else {}."""
    return next(iter(known_logins(auth.resolve_repository_name(reference)[0])), {})


def known_logins(host):
    """List the logins for a registry, as dicts: this kernel's, then what the CLI keeps by now."""
    kept = [logins.get(host)]
    with suppress(DockerException, ValueError):  # as docker itself does
        kept.append(auth.resolve_authconfig(auth.load_config(), host))
    small = [{key.lower(): value for key, value in (login or {}).items()} for login in kept]
    return [
        login | {"password": Secret(login.get("password") or "")}
        for login in small
        if login.get("username")
    ]


@dataclass(frozen=True)
class Sources:
    """Where images and search results come from: `host:port`, or `None` for Docker Hub."""

    mirror: str | None = None
    index: str | None = None
    mirrored: bool = False  # whether the Engine itself takes `docker pull busybox` from the mirror


def sources():
    """Return where images come from: what `python3 -m classroom` has set up, or Docker Hub."""
    wanted = os.environ.get("CLASSROOM", "auto")
    if wanted != "off" and SOURCES.exists():
        return _read_sources()
    if wanted == "on":
        raise errors.EngineUnavailable(
            "CLASSROOM=on", "the classroom does not run", "Start it: python3 -m classroom lab"
        )
    return Sources()


def _read_sources():
    with suppress(OSError, ValueError, TypeError, RecursionError):
        read = Sources(**json.loads(SOURCES.read_text(encoding="utf-8")))
        addresses = all(re.fullmatch(r"[\w.-]+:\d+", at) for at in (read.mirror, read.index))
        if addresses and isinstance(read.mirrored, bool):
            return read
    raise errors.EngineUnavailable(
        "look where images come from",
        ".classroom/sources.json does not say it",
        "Have it written anew: python3 -m classroom lab",
    )
