"""The classroom's mirror: Debian's docker-registry on loopback, filled with our images.

An Engine that has it among its registry mirrors pulls `busybox` from it as from Docker Hub.
"""

import hashlib
import http.client
import json
from pathlib import Path

from classroom import build, packages
from classroom.errors import ClassroomError
from classroom.files import read_json, write_json, write_text


def command(state, port):
    """Return the command that serves the mirror, and write its configuration.

    Args:
        state: Our folder; the mirror's storage is `registry/` in it.
        port: The port on loopback.
    """
    state = Path(state)
    unpacked = packages.fetch(build.PACKAGES, state)
    configuration = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(storage(state))}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    written = state / "registry.yml"
    write_text(written, json.dumps(configuration, indent=2))  # JSON is YAML too
    program = unpacked["docker-registry"].folder / "usr/bin/docker-registry"
    return [program, "serve", written]


def storage(state):
    """Return the folder that holds what was pushed to the mirror."""
    return Path(state).resolve() / "registry"


def answers(port):
    """Whether a registry answers on a port of loopback."""
    try:
        return _ask(port, "GET", "/v2/")[0] == 200
    except OSError:
        return False


def fill(port, state):
    """Build the images and push them, unless the mirror has them already.

    Args:
        port: Where the mirror answers.
        state: Our folder, with the packages.

    Returns:
        What the mirror holds: a dict from `library/busybox:latest` to the manifest's digest.
    """
    unpacked = packages.fetch(build.PACKAGES, state)
    stamp = {
        "packages": {name: package.version for name, package in unpacked.items()},
        "recipe": hashlib.sha256(Path(build.__file__).read_bytes()).hexdigest(),
    }
    kept_in = storage(state) / "holds.json"
    kept = read_json(kept_in)
    if kept.get("stamp") == stamp and all(
        head(port, name) == digest for name, digest in kept["images"].items()
    ):
        return kept["images"]
    holds = {}
    for image in build.images(unpacked, packages.architecture()):
        push(port, image)
        holds.update({f"{image.repository}:{tag}": image.digest for tag in image.tags})
    write_json(kept_in, {"stamp": stamp, "images": holds})
    return holds


def holds(state):
    """Return what `fill` put into the mirror, a dict from name to digest."""
    return read_json(storage(state) / "holds.json").get("images", {})


def for_lessons(state):
    """Return the names in the mirror that the lessons pull, as `library/busybox:latest`."""
    return [
        name for name in holds(state) if name.startswith("library/busybox:") or name.endswith(":2")
    ]


def push(port, image):
    """Push an image to the registry on a port of loopback, under all its tags."""
    base = f"/v2/{image.repository}"
    for digest, blob in image.blobs.items():
        if _ask(port, "HEAD", f"{base}/blobs/{digest}")[0] == 200:
            continue
        status, headers, _ = _expect(202, port, "POST", f"{base}/blobs/uploads/")
        where = headers["Location"]
        where += ("&" if "?" in where else "?") + f"digest={digest}"
        _expect(201, port, "PUT", where, blob, "application/octet-stream")
    for tag in image.tags:
        _expect(201, port, "PUT", f"{base}/manifests/{tag}", image.manifest, build.MANIFEST)


def head(port, name):
    """Return the digest of `repository:tag`, or None if the registry does not have it."""
    repository, _, tag = name.rpartition(":")
    status, headers, _ = _ask(port, "HEAD", f"/v2/{repository}/manifests/{tag}")
    return headers["Docker-Content-Digest"] if status == 200 else None


def _ask(port, method, path, body=None, kind=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Accept": build.MANIFEST}
    if kind:
        headers["Content-Type"] = kind
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    except http.client.HTTPException as error:
        raise OSError(f"the answer is no HTTP: {error!r}") from error
    finally:
        connection.close()


def _expect(wanted, port, method, path, *rest):
    status, headers, body = _ask(port, method, path, *rest)
    if status != wanted:
        raise ClassroomError(
            f"The mirror on 127.0.0.1:{port} was asked {method} {path} and answered {status} "
            f"({body.decode(errors='replace').strip()}); see .classroom/logs/mirror.log."
        )
    return status, headers, body
