"""The classroom's mirror: Debian's docker-registry on loopback, filled with our images.

An Engine that has it among its registry mirrors pulls `busybox` from it as from Docker Hub.
Every user of the machine can reach it. So our images are put into its storage before it runs, and
it takes nothing in from anybody.
"""

import hashlib
import http.client
import json
import shutil
from pathlib import Path

from classroom import build, packages
from classroom.files import read_json, write_json, write_text


def command(state, port):
    """Return the command that serves the mirror, and write its configuration.

    Args:
        state: Our folder; the mirror's storage is `registry/` in it.
        port: The port on loopback.
    """
    state = Path(state)
    unpacked = packages.fetch(build.PACKAGES, state)
    written = state / "registry.yml"
    write_text(written, configuration(state, port))
    program = unpacked["docker-registry"].folder / "usr/bin/docker-registry"
    return [program, "serve", written]


def configuration(state, port):
    """Return the text of the mirror's configuration."""
    parts = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(storage(state))},
            "maintenance": {
                "readonly": {"enabled": True},
                "uploadpurging": {"enabled": False},  # there are no uploads
            },
        },
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    return json.dumps(parts, indent=2)  # JSON is YAML too


def storage(state):
    """Return the folder that holds the mirror's images."""
    return Path(state).resolve() / "registry"


def serves(port, state):
    """Whether a registry on a port of loopback has what `fill` put into the storage."""
    try:
        return all(head(port, name) == digest for name, digest in holds(state).items())
    except OSError:
        return False


def fill(state):
    """Build the images and put them into the storage, unless they are there already.

    Args:
        state: Our folder, with the packages.
    """
    unpacked = packages.fetch(build.PACKAGES, state)
    code = Path(build.__file__).read_bytes() + Path(__file__).read_bytes()
    stamp = {
        "packages": {name: package.version for name, package in unpacked.items()},
        "recipe": hashlib.sha256(code).hexdigest(),
    }
    home = storage(state)
    kept = read_json(home / "holds.json")
    if kept.get("stamp") == stamp and all(
        (home / name).is_file() and (home / name).stat().st_size == size
        for name, size in kept["files"].items()
    ):
        return
    images = build.images(unpacked, packages.architecture())
    fresh = home.with_name(f"{home.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    files = {name: data for image in images for name, data in _stored(image).items()}
    for name, data in files.items():
        (fresh / name).parent.mkdir(parents=True, exist_ok=True)
        (fresh / name).write_bytes(data)
    written = {
        "stamp": stamp,
        "images": {f"{one.repository}:{tag}": one.digest for one in images for tag in one.tags},
        "files": {name: len(data) for name, data in files.items()},
    }
    write_json(fresh / "holds.json", written)
    shutil.rmtree(home, ignore_errors=True)
    fresh.rename(home)


def _stored(image):
    """Return an image's files as a registry lays them out: a dict from path to bytes.

    Source: https://github.com/distribution/distribution/blob/v2.8.3/registry/storage/paths.go
    """
    root = "docker/registry/v2"
    repository = f"{root}/repositories/{image.repository}"
    revision = f"sha256/{image.digest.removeprefix('sha256:')}/link"
    links = {f"_manifests/revisions/{revision}": image.digest}
    for tag in image.tags:
        links[f"_manifests/tags/{tag}/current/link"] = image.digest
        links[f"_manifests/tags/{tag}/index/{revision}"] = image.digest
    for blob in image.blobs:
        links[f"_layers/sha256/{blob.removeprefix('sha256:')}/link"] = blob
    files = {f"{repository}/{name}": to.encode() for name, to in links.items()}
    for blob, data in {**image.blobs, image.digest: image.manifest}.items():
        code = blob.removeprefix("sha256:")
        files[f"{root}/blobs/sha256/{code[:2]}/{code}/data"] = data
    return files


def holds(state):
    """Return what `fill` put into the mirror, a dict from name to digest."""
    return read_json(storage(state) / "holds.json").get("images", {})


def for_lessons(state):
    """Return the names in the mirror that the lessons pull, as `library/busybox:latest`."""
    return [
        name for name in holds(state) if name.startswith("library/busybox:") or name.endswith(":2")
    ]


def head(port, name):
    """Return the digest of `repository:tag`, or None if the registry does not have it.

    Raises:
        OSError: Nothing answers on this port of loopback, or what answers speaks no HTTP.
    """
    repository, _, tag = name.rpartition(":")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    path = f"/v2/{repository}/manifests/{tag}"
    try:
        connection.request("HEAD", path, headers={"Accept": build.MANIFEST})
        return connection.getresponse().headers["Docker-Content-Digest"]
    except http.client.HTTPException as error:
        raise OSError(f"the answer is no HTTP: {error!r}") from error
    finally:
        connection.close()
