"""What has happened to this workspace's containers, also where the Engine has forgotten it."""

import contextlib
import threading
from collections import deque

import docker.errors
import requests
import urllib3.exceptions

from helpers import workspace

_LOST = (docker.errors.DockerException, requests.RequestException, urllib3.exceptions.HTTPError,
         OSError, ValueError)  # fmt: skip
_kept = deque(maxlen=5000)
_reader = threading.Thread()  # one for each kernel, begun with its first container


def follow(client):
    """Write down what happens from now on: the Engine keeps 256 events of all its users together.

    Where nothing happens for so long that the connection ends, the next call begins anew.

    Args:
        client: A `docker.DockerClient`.
    """
    global _reader
    if not _reader.is_alive():
        _reader = threading.Thread(target=_read, args=(client.api,), daemon=True)
        _reader.start()


def _read(api):
    with contextlib.suppress(*_LOST):
        for event in api.events(1, filters={"label": workspace.label()}, decode=True):
            _kept.append(event)


def completed(events, container):
    """Add what was written down to what the Engine remembers of a container.

    Args:
        events: The Engine's events of the container, a list of dicts.
        container: The container's ID.

    Returns:
        All of them once, oldest first, a list of dicts.
    """
    every = [*(one for one in list(_kept) if one["Actor"]["ID"] == container), *events]
    once = {(one["timeNano"], one["Action"]): one for one in every}
    return [once[key] for key in sorted(once)]
