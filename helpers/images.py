"""Lesson 2, images: list, pull, push, save, load, export, import, and a look inside.

Each verb raises `NotFound` where there is no such image or container, `NotOwned` where a name is
not yours to change, and `InvalidArchive` where a file is not there, not whole, or of another kind.
"""

import json

import pandas as pd

import helpers._internal.images as inner
from helpers._internal import archives, command, connection, distribution, errors, files, identity
from helpers._internal.command import operands, shown
from helpers._internal.connection import connect, credentials
from helpers._internal.frames import to_frame
from helpers._internal.identity import check_container, prefixed
from helpers._internal.names import check_own, push_hint, suggestions
from helpers._internal.progress import Progress
from helpers._internal.readable import Text
from helpers.engine import docker


def ls(*references):
    """List images, as `docker images` does.

    Args:
        references: Names or patterns, such as `busybox` or `ada/*`; all images if left out.

    Returns:
        A DataFrame, a row a name: repository (str), tag (str), image_id (str, 12 digits),
        created (datetime64, UTC), size (int64, bytes); newest first.

    Source: Engine API `GET /images/json`.
    """
    filters = [word for name in references for word in ("--filter", f"reference={name}")]
    with docker("images", *filters) as api:
        return inner.table(api, *references)


def pull(reference):
    """Bring an image from its registry, as `docker pull` does.

    Where Docker Hub is out of reach, an image that is here already serves, and the line says so.

    Args:
        reference: The image's name, with a tag or a digest.

    Returns:
        A `Transfer`: reference (str), digest (str, `sha256:…`), and layers, a DataFrame, a row a
        layer: layer (str, its short ID), status (str).

    Raises:
        RegistryUnreachable: Docker Hub is out of reach, and the image is not here.
        NotOwned: The name belongs to an image that was built here.

    Source: Engine API `POST /images/create`.
    """
    with errors.translate_errors(f"docker pull {reference}"):
        line = inner.pull_line(reference, inner.pull_source(reference))
    try:
        with suggestions(reference), shown(line):
            return inner.pull(connect().api, reference)
    except errors.RegistryUnreachable:
        hub = distribution.parse(reference).host == "docker.io" and not connection.sources().mirror
        if not (hub and (image := inner.inspect(connect().api, reference))):
            raise
    line = command.line("docker", "image", "inspect", reference)
    with shown(f"{line}  # Docker Hub is out of reach; it stays as it is"):
        name = distribution.parse(reference).familiar
        known = dict(one.split("@") for one in image["RepoDigests"])
        digest = known.get(name.rpartition(":")[0], "here; Docker Hub is out of reach")
        return inner.Transfer(name, digest, pd.DataFrame(columns=["layer", "status"], dtype="str"))


def push(reference):
    """Send an image to the registry that its name begins with, as `docker push` does.

    Args:
        reference: The image's name, in your own namespace.

    Returns:
        A `Transfer`, as `pull` gives it.

    Raises:
        AccessDenied: The registry wants a login first.

    Source: Engine API `POST /images/{name}/push`.
    """
    check_own("push", reference)
    if connection.sources().mirror and distribution.parse(reference).host == "docker.io":
        raise errors.RegistryUnreachable(
            f"docker push {reference}",
            "a name without an address goes to Docker Hub, which the classroom never asks",
            push_hint(reference),
        )
    with docker("push", *operands(reference)) as api:
        auth = credentials(reference)
        stream = api.push(reference, stream=True, decode=True, auth_config=auth)
        return inner.transfer(reference, inner.detect_stall(stream, api.timeout))


def save(reference, file):
    """Write an image with all its layers to a tar archive, as `docker save` does.

    Args:
        reference: The image's name.
        file: The archive's name; it lies in the folder `files`.

    Returns:
        The archive's path from the current folder, as `Text`.

    Source: Engine API `GET /images/{name}/get`.
    """
    path = identity.file(file)
    with docker("save", "-o", path.as_posix(), reference) as api:
        expected = api.inspect_image(reference)["Size"]
        files.write(path, api.get_image(reference), expected)
    return Text(path.as_posix())


def export(container, file):
    """Write a container's root file system to a tar archive, as `docker export` does.

    Args:
        container: The container's name in this workspace.
        file: The archive's name; it lies in the folder `files`.

    Returns:
        The archive's path from the current folder, as `Text`.

    Source: Engine API `GET /containers/{id}/export`.
    """
    path, name = identity.file(file), prefixed(container)
    with docker("export", "-o", path.as_posix(), name) as api:
        check_container(api, name)
        files.write(path, api.export(name))
    return Text(path.as_posix())


def load(file):
    """Bring back the images that a tar archive of `docker save` holds, as `docker load` does.

    Args:
        file: The archive's name; it lies in the folder `files`.

    Returns:
        What the Engine says that it loaded, as `Text`.

    Raises:
        InvalidArchive: The file is no archive of `docker save`.
        NotOwned: It would move a name that is not yours to another image.

    Source: Engine API `POST /images/load`.
    """
    path = identity.place(file)
    with docker("load", "-i", path.as_posix()) as api, archives.opened(path) as archive:
        inner.check_names(api, archive)
        with Progress() as progress:
            content = progress.track(archive.packed(), path.name, path.stat().st_size)
            said = list(inner.events(api.load_image(content, quiet=True)))
    return Text("".join(event.get("stream", "") for event in said))


def import_(file, reference, *, change=()):
    """Make an image of one layer from a root file system, as `docker import` does.

    Args:
        file: The name of a tar archive; it lies in the folder `files`.
        reference: The new image's name, in your own namespace.
        change: Instructions of a Dockerfile that set what a file system can't hold, such as
            `CMD ["sh"]`; one str or several.

    Returns:
        A DataFrame like that of `ls`, with the new image.

    Source: Engine API `POST /images/create` (`fromSrc=-`).
    """
    check_own("import", reference)
    path, (changes, options) = identity.place(file), inner.instructions(change)
    with docker("import", *options, *operands(path.as_posix(), reference)) as api:
        archives.check_whole(path)
        name = inner.repository_tag(reference)
        with inner.replacing(api, reference):
            said = api.import_image(str(path), *name, changes=changes or None)
        list(inner.events(map(json.loads, said.splitlines())))
        return inner.table(api, reference)


def commit(container, reference, *, change=()):
    """Make an image from a container and what it changed, as `docker commit` does.

    The workspace's label stays with the container: whatever runs from the image is not its own.

    Args:
        container: The container's name in this workspace.
        reference: The new image's name, in your own namespace.
        change: Instructions of a Dockerfile, such as `CMD ["sh"]`; one str or several.

    Returns:
        A DataFrame like that of `ls`, with the new image.

    Source: Engine API `POST /commit`.
    """
    check_own("commit", reference)
    name = prefixed(container)
    changes, options = inner.instructions(change, f"LABEL {identity.LABEL}=")
    with docker("commit", *options, *operands(name, reference)) as api:
        check_container(api, name)
        with inner.replacing(api, reference):
            api.commit(name, *inner.repository_tag(reference), changes=changes)
        return inner.table(api, reference)


def contents(file):
    """Look into a tar archive of `docker save`: which file in it plays which part.

    Args:
        file: The archive's name; it lies in the folder `files`.

    Returns:
        A DataFrame, a row a file: part (str: manifest, config, or layer with its number),
        file (str, its path in the archive), size (int64, bytes).

    Source: https://github.com/moby/docker-image-spec (the archive's `manifest.json`)
    """
    path = identity.place(file)
    with shown(command.line("tar", "-tf", path.as_posix())), archives.opened(path) as archive:
        rows = [(part, file, archive.size(file)) for part, file in archive.parts()]
    return to_frame(rows, part="str", file="str", size="int64")


def read(file, member):
    """Read a JSON file out of a tar archive of `docker save`.

    Args:
        file: The archive's name; it lies in the folder `files`.
        member: The JSON file's path in the archive, such as `manifest.json`.

    Returns:
        What it says, as Python's lists and dicts.

    Source: https://github.com/opencontainers/image-spec/blob/main/config.md
    """
    path = identity.place(file)
    line = command.line("tar", "-xOf", path.as_posix(), *operands(member))
    with shown(line), archives.opened(path) as archive:
        return archive.json(member)


def inspect(*references):
    """Return what images are made of, side by side, as `docker image inspect` shows it.

    Args:
        references: The images' names.

    Returns:
        A DataFrame of objects, a column an image, with the rows (its index, `field`): id (str),
        layers (int), tags (list of str), history (int, entries), cmd, env (lists of str), size
        (int, bytes).

    Source: Engine API `GET /images/{name}/json` and `GET /images/{name}/history`.
    """
    with docker("image", "inspect", *references) as api:
        columns = {name: inner.parts(api, name) for name in references}
    return pd.DataFrame(columns, dtype=object).rename_axis("field")


def history(reference):
    """List the steps that made an image, as `docker history` does.

    Args:
        reference: The image's name.

    Returns:
        A DataFrame, a row a step, newest first: created (datetime64, UTC), created_by (str),
        size (int64, bytes that the step added), comment (str).

    Source: Engine API `GET /images/{name}/history`.
    """
    with docker("history", "--no-trunc", reference) as api:
        steps = api.history(reference)
    rows = [(step["Created"], step["CreatedBy"], step["Size"], step["Comment"]) for step in steps]
    return to_frame(rows, created="s", created_by="str", size="int64", comment="str")


def shared(*references):
    """Find the layers that images have in common.

    Args:
        references: The images' names, two or more.

    Returns:
        A DataFrame, a row a layer, the lowest first: layer (str, 12 digits of the hash of its
        files), and for each image a column of bool: whether it has that layer.

    Source: Engine API `GET /images/{name}/json` (`RootFS.Layers`).
    """
    with docker("image", "inspect", *references) as api:
        layers = {name: api.inspect_image(name)["RootFS"].get("Layers") or []
                  for name in references}  # fmt: skip
    every = list(dict.fromkeys(layer for found in layers.values() for layer in found))
    short = [layer.removeprefix("sha256:")[:12] for layer in every]
    has = {name: [layer in found for layer in every] for name, found in layers.items()}
    return pd.DataFrame({"layer": short}, dtype="str").assign(**has)


def rm(reference):
    """Take a name off an image, and delete the image with its last name, as `docker rmi` does.

    Args:
        reference: The name, in your own namespace.

    Returns:
        A DataFrame, a row a step: action (str: Untagged or Deleted), what (str).

    Source: Engine API `DELETE /images/{name}`.
    """
    check_own("rmi", reference)
    with docker("rmi", *operands(reference)) as api:
        steps = api.remove_image(reference)
    rows = [(action, what) for step in steps for action, what in step.items()]
    return pd.DataFrame(rows, columns=["action", "what"], dtype="str")
