"""Lesson 2, images: list, pull, push, save, load, export, import, and a look inside."""

import json
import os
import re
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import docker.errors
import docker.utils
import pandas as pd
import requests

from helpers import engine, tables, workspace
from helpers._internal import archives, command, distribution, errors
from helpers._internal.command import operands, shown
from helpers._internal.progress import Progress


@dataclass(frozen=True)
class Transfer:
    """What a pull or a push did.

    Attributes:
        reference: The image's name.
        digest: The digest of its manifest in the registry, `sha256:…`.
        layers: A DataFrame, a row a layer: layer (str, its short ID), status (str, in the
            Engine's words). Without rows where the Engine had nothing to do.
    """

    reference: str
    digest: str
    layers: pd.DataFrame

    def __repr__(self):
        return f"{self.reference} is {self.digest}"


def ls(*references, client=None):
    """List images, as `docker images` does.

    Args:
        references: Names or patterns, such as `busybox` or `ada/*`; all images if left out.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A DataFrame, a row a name: repository (str), tag (str), image_id (str, 12 digits),
        created (datetime64, UTC), size (int64, bytes); newest first.

    Raises:
        EngineNotRunning: No Engine answers.

    Source: Engine API `GET /images/json`.
    """
    filters = [word for ref in references for word in ("--filter", f"reference={ref}")]
    with shown(command.line("docker", "images", *filters)):
        return listed(client or engine.connect(), references)


def listed(client, references):
    """List images as `ls` does, without showing the command."""
    found = client.api.images(filters={"reference": list(references)} if references else None)
    rows = []
    for image in found:
        digests = [f"{one.partition('@')[0]}:<none>" for one in image.get("RepoDigests") or []]
        # Engines with containerd's image store list what was pulled by digest among the tags.
        tags = [one for one in image.get("RepoTags") or [] if "@" not in one]
        for name in tags or digests or ["<none>:<none>"]:
            repository, _, tag = name.rpartition(":")
            short = image["Id"].removeprefix("sha256:")[:12]
            rows.append((repository, tag, short, image["Created"], image["Size"]))
    rows.sort(key=lambda row: (-row[3], row[0], row[1]))  # newest first, then by name
    return tables.framed(
        rows, repository="str", tag="str", image_id="str", created="s", size="int64"
    )


def check_owned(reference, tried):
    """Refuse to touch a name of an image that lies outside this workspace.

    Args:
        reference: The image's name.
        tried: What would be done to it, most often a docker command.

    Raises:
        NameTaken: The name is not in the workspace's namespace.
    """
    if not workspace.owns_tag(reference):
        host, path = distribution.split(re.sub("^https?://", "", reference))
        own = f"{workspace.name()}/{path.rpartition('/')[2]}"
        raise errors.NameTaken(
            tried,
            f"{reference} lies outside your namespace, and the lessons change no name there",
            f"Write {host if workspace.owns_tag(host + own) else ''}{own}",
        )


def pull(reference, *, client=None):
    """Bring an image from its registry, as `docker pull` does.

    Where an image of yours has the name and other content, that stays as it is: the lessons then
    use the pulled one under a name in your own namespace. Where Docker Hub is out of reach, an
    image that is here already serves. The lines say so.

    Args:
        reference: The image's name, with a tag or a digest.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A `Transfer`.

    Raises:
        NoSuchImage: The registry has no such image.
        AccessDenied: The registry wants a login first.
        HubUnreachable: Docker Hub is out of reach, and the image is not here.
        RateLimited: The registry has had enough requests from here for now.

    Source: Engine API `POST /images/create`.
    """
    client = client or engine.connect()
    words = command.line("docker", "pull", reference)
    try:
        with errors.explained(words):
            way = _way(client, reference)
        words = way.line
        with patience(reference), shown(words):
            return pulled(reference, client=client, bars=True, way=way)
    except errors.HubUnreachable:
        with errors.explained(words):
            if missing(reference, client=client):
                raise
        return _stays(client, reference, "Docker Hub is out of reach")


@contextmanager
def patience(reference):
    """Say how long to wait, where the block pulls an image and its registry has had enough."""
    try:
        yield
    except errors.RateLimited as err:
        wait, cause = distribution.wait(reference), err.__cause__
        raise errors.explain(cause, err.tried, wait=wait) from cause


@dataclass(frozen=True)
class _Way:
    """How an image comes here: what is pulled, and the name that it then gets, if another."""

    pulled: str
    name: str | None = None

    @property
    def line(self):
        words = [["pull", self.pulled]]
        if self.name:
            words += [["tag", self.pulled, self.name], ["rmi", self.pulled]]
        return " && ".join(command.line("docker", *some) for some in words)


def _way(client, reference):
    """Find how an image comes here, so that no name of the user's moves to another image."""
    name, at = distribution.parse(reference), engine.sources()
    if name.host != "docker.io":
        return _Way(reference)
    found = _in_mirror(name, at.mirror, f"docker pull {reference}") if at.mirror else None
    if name.digest:
        there = f"{at.mirror}/{name.path}@{name.digest}"
        return _Way(there if found and not at.mirrored else reference)
    taken = _taken(client, name, found)
    if found and (taken or not at.mirrored):
        there = f"{at.mirror}/{name.path}:{name.tag}"
        return _Way(there, _own_name(name) if taken else reference)
    if taken:
        return _Way(f"{name.familiar.removesuffix(f':{name.tag}')}@{taken}", _own_name(name))
    return _Way(reference)


def _in_mirror(name, mirror, tried):
    """Ask the classroom's mirror for an image's digest and ID; so Docker Hub is never asked."""
    try:
        answer = distribution.ask(mirror, f"{name.path}/manifests/{name.digest or name.tag}")
        return answer.headers["Docker-Content-Digest"], answer.json()["config"]["digest"]
    except (requests.RequestException, LookupError, TypeError) as err:
        answer = getattr(err, "response", None)
        if answer is None or "Docker-Distribution-Api-Version" not in answer.headers:
            raise errors.RegistryUnreachable(
                tried,
                f"the classroom's mirror does not answer at {mirror}",
                "Start it again: python3 -m classroom lab",
            ) from err
        if answer.status_code != 404:
            raise
        raise errors.NoSuchImage(
            tried,
            f"the classroom has no {name.familiar}, and with CLASSROOM=on nothing asks Docker Hub",
            f'See what it has, registry.catalog("{mirror}"), or begin the name with the address of '
            "your own registry",
        ) from err


def _taken(client, name, found):
    """Tell the registry's digest of an image where the Engine has another one by this name."""
    here = _inspected(client, name.familiar)
    if here is None:
        return None
    if found:
        # an image's ID is its config's digest or, in containerd's image store, its manifest's
        return None if here["Id"] in found else found[0]
    try:
        path = f"{name.path}/manifests/{name.tag}"
        answer = distribution.ask(distribution.HUB, path, method="HEAD")  # which is no pull
        digest = answer.headers["Docker-Content-Digest"]
    except (requests.RequestException, KeyError):
        return None  # the pull itself will tell what is wrong
    return None if any(one.endswith(digest) for one in here["RepoDigests"] or []) else digest


def _own_name(name):
    """Write the name that an image of Docker Hub gets where its own name is taken."""
    return f"{workspace.name()}/{name.path}:{name.tag}"


def chosen(reference, *, client):
    """Tell by which name an image is at hand: one of our own where its name is taken.

    Args:
        reference: The image's name.
        client: A `docker.DockerClient`.

    Returns:
        The name to use, a str: `reference`, or that under which `pull` has brought it.
    """
    name = distribution.parse(reference)
    if name.host != "docker.io" or name.digest or workspace.owns_tag(reference):
        return reference
    with errors.explained(f"look for the image {reference}"):
        return reference if missing(_own_name(name), client=client) else _own_name(name)


def provided(reference, *, client):
    """Bring an image that is missing or whose name is taken, and tell its name, as `chosen` does.

    Args:
        reference: The image's name.
        client: A `docker.DockerClient`.

    Returns:
        The name to use, a str.
    """
    name = chosen(reference, client=client)
    if name == reference and (way := _way(client, reference)).name == _own_name(
        distribution.parse(reference)
    ):
        pulled(reference, client=client, way=way)
    return chosen(reference, client=client)


def pull_line(reference, *, client=None):
    """Write the command line that pulls an image as `pull` does.

    Args:
        reference: The image's name, with a tag or a digest.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        The line as a str.
    """
    with errors.explained(f"docker pull {reference}"):
        return _way(client or engine.connect(), reference).line


def pulled(reference, *, client, bars=False, way=None):
    """Pull an image as `pull` does, without a word, and with bars only where they are wanted."""
    way = way or _way(client, reference)
    passing = way.name and missing(way.pulled, client=client)
    repository, tag = docker.utils.parse_repository_tag(way.pulled)
    auth = engine.credentials(way.pulled)
    stream = client.api.pull(repository, tag, stream=True, decode=True, auth_config=auth)
    done = _transfer(way.pulled, _moving(stream, client.api.timeout), bars)
    if way.name:
        client.api.tag(way.pulled, *docker.utils.parse_repository_tag(way.name))
    if passing:
        client.api.remove_image(way.pulled)
    own = chosen(reference, client=client)
    if own not in (reference, way.name):  # the name is not taken any more
        client.api.remove_image(own)
    return replace(done, reference=distribution.parse(way.name or reference).familiar)


def missing(reference, *, client):
    """Tell whether the Engine does not have an image.

    Args:
        reference: The image's name.
        client: A `docker.DockerClient`.

    Returns:
        A bool.
    """
    return _inspected(client, reference) is None


def _inspected(client, reference):
    """Inspect an image; `None` where there is none."""
    try:
        return client.api.inspect_image(reference)
    except docker.errors.ImageNotFound:
        return None


def _stays(client, reference, why):
    """Go on with the image that is here, and say why."""
    line = command.line("docker", "image", "inspect", reference)
    with shown(f"{line}  # {why}; it stays as it is"):
        known = dict(one.split("@") for one in client.api.inspect_image(reference)["RepoDigests"])
    name = distribution.parse(reference).familiar
    digest = known.get(name.rpartition(":")[0], "without a digest, as it was made here")
    return Transfer(name, digest, _layers({}))


def push(reference, *, client=None):
    """Send an image to the registry that its name begins with, as `docker push` does.

    Args:
        reference: The image's name, in your own namespace.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A `Transfer`.

    Raises:
        AccessDenied: The registry wants a login first.
        NameTaken: The name is not in your namespace.
        NoSuchImage: There is no such image here.
        RegistryUnreachable: Nothing answers there.

    Source: Engine API `POST /images/{name}/push`.
    """
    words = command.line("docker", "push", *operands(reference))
    check_owned(reference, words)
    client = client or engine.connect()
    if engine.sources().mirror and distribution.parse(reference).host == "docker.io":
        raise errors.HubUnreachable(
            words,
            "a name without an address goes to Docker Hub, which the classroom never asks",
            f"Name it ADDRESS/{reference}, with the address of your own registry: registry.start()",
        )
    with shown(words):
        auth = engine.credentials(reference)
        stream = client.api.push(reference, stream=True, decode=True, auth_config=auth)
        return _transfer(reference, _moving(stream, client.api.timeout), bars=True)


def _events(stream):
    """Yield what one of the Engine's streams says, and raise the error that may stand in it."""
    for event in stream:
        if "errorDetail" in event:
            raise docker.errors.DockerException(event["errorDetail"]["message"])
        yield event


def _moving(stream, patience):
    """Pass a stream on, and give up where for so many seconds it says nothing new.

    Engines with containerd's image store say ten times a second that they wait.
    """
    said, since = {}, time.monotonic()
    for event in stream:
        news = event.get("status"), event.get("progressDetail")
        if said.get(event.get("id")) != news:
            said[event.get("id")], since = news, time.monotonic()
        elif time.monotonic() - since > patience:
            raise requests.ReadTimeout(f"nothing has moved for {patience} s")
        yield event


def _transfer(reference, stream, bars):
    """Read the stream of a pull or a push to its end."""
    digest, statuses = None, {}
    with Progress(bars) as progress:
        for event in _events(stream):
            status = event.get("status", "")
            if named := re.search("[Dd]igest: (sha256:[0-9a-f]{64})", status):
                digest = named[1]
            elif "Digest" in (event.get("aux") or {}):
                digest = event["aux"]["Digest"]
            elif re.fullmatch("[0-9a-f]{12}", event.get("id", "")):
                statuses[event["id"]] = status
                progress.take(event["id"], status, **(event.get("progressDetail") or {}))
    return Transfer(distribution.parse(reference).familiar, digest, _layers(statuses))


def _layers(statuses):
    """List the layers, those last that the registry had: some Engines tell them in any order."""
    statuses = dict(sorted(statuses.items(), key=lambda one: one[1] == "Layer already exists"))
    return pd.DataFrame(statuses.items(), columns=["layer", "status"], dtype="str")


def save(reference, file, *, client=None):
    """Write an image with all its layers to a tar archive, as `docker save` does.

    Args:
        reference: The image's name.
        file: The archive's name; it lies in the folder `files`.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        The archive's path from the current folder, as `Text`.

    Raises:
        NoSuchImage: There is no such image here.
        NoSpace: The disk is full; there is no half file.

    Source: Engine API `GET /images/{name}/get`.
    """
    client, path = client or engine.connect(), workspace.file(file)
    reference = chosen(reference, client=client)
    with shown(command.line("docker", "save", "-o", path.as_posix(), reference)):
        expected = client.api.inspect_image(reference)["Size"]
        write(path, client.api.get_image(reference), expected)
    return workspace.Text(path.as_posix())


def export(container, file, *, client=None):
    """Write a container's root file system to a tar archive, as `docker export` does.

    Args:
        container: The container's name in this workspace.
        file: The archive's name; it lies in the folder `files`.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        The archive's path from the current folder, as `Text`.

    Raises:
        NoSuchContainer: There is no such container.
        NameTaken: The container is not of this workspace.
        NoSpace: The disk is full; there is no half file.

    Source: Engine API `GET /containers/{id}/export`.
    """
    client, path = client or engine.connect(), workspace.file(file)
    name = workspace.prefixed(container)
    words = command.line("docker", "export", "-o", path.as_posix(), name)
    with shown(words):
        workspace.check_container(client.api.inspect_container(name), words)
        write(path, client.api.export(name))
    return workspace.Text(path.as_posix())


def write(path, chunks, expected=0):
    """Write a stream to a file that is there whole or not at all, also where two write it at once.

    Args:
        path: The file's `Path`.
        chunks: The stream, an iterator of bytes.
        expected: How many bytes it will have, about, if that is known.
    """
    handle, part = tempfile.mkstemp(prefix=f".{path.name[:99]}.", dir=path.parent)
    try:
        with open(handle, "wb") as file, Progress() as progress:
            for chunk in chunks:
                file.write(chunk)
                progress.take(path.name, "Saving", file.tell(), expected)
        os.replace(part, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(part)


def load(file, *, client=None):
    """Bring back the images that a tar archive of `docker save` holds, as `docker load` does.

    Args:
        file: The archive's name; it lies in the folder `files`.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        What the Engine says that it loaded, as `Text`.

    Raises:
        BadTar: The file is not there, is cut short, or is no archive of `docker save`.
        NameTaken: It would move a name that is not yours to another image.

    Source: Engine API `POST /images/load`.
    """
    client, path = client or engine.connect(), workspace.place(file)
    words = command.line("docker", "load", "-i", path.as_posix())
    with shown(words), archives.opened(path, words) as archive, Progress() as progress:
        _check_names(client, archive, words)
        content = progress.passing(archive.packed(), path.name, path.stat().st_size)
        said = _events(client.api.load_image(content, quiet=True))
        return workspace.Text("".join(event.get("stream", "") for event in said))


def _check_names(client, archive, tried):
    """Refuse an archive that would give a name outside our namespace to another image."""
    for name, (configs, manifests) in archive.names().items():
        with suppress(errors.NoSuchImage):  # what is no name moves to no image
            familiar = distribution.parse(name).familiar
            here = None if workspace.owns_tag(familiar) else _inspected(client, familiar)
            if here and {here["Id"]} != (manifests if _has_containerd(client) else configs):
                wrong = f"it holds another image by the name {name}, which is not yours to move"
                todo = f"Give yours another name first, or type {tried} in a terminal"
                raise errors.NameTaken(tried, wrong, todo)


def _has_containerd(client):
    """Tell whether the Engine keeps images in containerd's store, by the digest of a manifest."""
    return "containerd.snapshotter" in str(client.api.info()["DriverStatus"])


def import_(file, reference, *, change=(), client=None):
    """Make an image of one layer from a root file system, as `docker import` does.

    Args:
        file: The name of a tar archive; it lies in the folder `files`.
        reference: The new image's name, in your own namespace.
        change: Instructions of a Dockerfile that set what a file system can't hold, such as
            `CMD ["sh"]`; one str or several.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A DataFrame like that of `ls`, with the new image.

    Raises:
        BadTar: The file is not there, or is cut short.
        NameTaken: The name is not in your namespace.

    Source: Engine API `POST /images/create` (`fromSrc=-`).
    """
    client, path = client or engine.connect(), workspace.place(file)
    changes = [change] if isinstance(change, str) else list(change)
    options = [word for one in changes for word in ("-c", one)]
    words = command.line("docker", "import", *options, *operands(path.as_posix(), reference))
    check_owned(reference, words)
    with shown(words):
        with archives.opened(path, words):
            pass
        repository, tag = docker.utils.parse_repository_tag(reference)
        with _replacing(client, reference):
            said = client.api.import_image(
                str(path), repository, tag or "latest", changes=changes or None
            )
        list(_events(map(json.loads, said.splitlines())))
        return listed(client, [reference])


@contextmanager
def _replacing(client, reference):
    """Remove the image that has lost its only name, one of ours, to the one made in the block."""
    old = _inspected(client, reference)
    yield
    new = _inspected(client, reference)
    if old and old["RepoTags"] == [reference] and new and new["Id"] != old["Id"]:
        with suppress(docker.errors.APIError):  # a container may still need it
            client.api.remove_image(old["Id"])


def commit(container, reference, *, change=(), client=None):
    """Make an image from a container and what it changed, as `docker commit` does.

    The workspace's label stays with the container: whatever runs from the image is not its own.

    Args:
        container: The container's name in this workspace.
        reference: The new image's name, in your own namespace.
        change: Instructions of a Dockerfile, such as `CMD ["sh"]`; one str or several.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A DataFrame like that of `ls`, with the new image.

    Raises:
        NoSuchContainer: There is no such container.
        NameTaken: The name is not in your namespace, or the container is not of this workspace.

    Source: Engine API `POST /commit`.
    """
    client, name = client or engine.connect(), workspace.prefixed(container)
    changes = [*([change] if isinstance(change, str) else change), f"LABEL {workspace.LABEL}="]
    options = [word for one in changes for word in ("-c", one)]
    words = command.line("docker", "commit", *options, *operands(name, reference))
    check_owned(reference, words)
    with shown(words):
        workspace.check_container(client.api.inspect_container(name), words)
        repository, tag = docker.utils.parse_repository_tag(reference)
        with _replacing(client, reference):
            client.api.commit(name, repository, tag or "latest", changes=changes)
        return listed(client, [reference])


def contents(file):
    """Look into a tar archive of `docker save`: which file in it plays which part.

    Args:
        file: The archive's name; it lies in the folder `files`.

    Returns:
        A DataFrame, a row a file: part (str: manifest, config, or layer with its number),
        file (str, its path in the archive), size (int64, bytes).

    Raises:
        BadTar: The file is not there, is cut short, or is no archive of `docker save`.

    Source: https://github.com/moby/docker-image-spec (the archive's `manifest.json`)
    """
    path = workspace.place(file)
    words = command.line("tar", "-tf", path.as_posix())
    with shown(words), archives.opened(path, words) as archive:
        parts = [("manifest", "manifest.json")]
        for image in archive.images:
            parts.append(("config", image.config))
            parts += [(f"layer {i}", layer) for i, layer in enumerate(image.layers, 1)]
        rows = [(*part, archive.size(part[1])) for part in parts]
    return tables.framed(rows, part="str", file="str", size="int64")


def read(file, member):
    """Read a JSON file out of a tar archive of `docker save`.

    Args:
        file: The archive's name; it lies in the folder `files`.
        member: The JSON file's path in the archive, such as `manifest.json`.

    Returns:
        What it says, as Python's lists and dicts.

    Raises:
        BadTar: The archive is not whole, or has no such file.

    Source: https://github.com/opencontainers/image-spec/blob/main/config.md
    """
    path = workspace.place(file)
    words = command.line("tar", "-xOf", path.as_posix(), *operands(member))
    with shown(words), archives.opened(path, words) as archive:
        return archive.json(member)


def inspect(*references, client=None):
    """Look at what images are made of, side by side, as `docker image inspect` tells.

    Args:
        references: The images' names.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A DataFrame of objects, a column an image, with the rows (its index, `field`): id (str),
        layers (int), tags (list of str), history (int, entries), cmd, env, ports, volumes (lists
        of str), size (int, bytes).

    Raises:
        NoSuchImage: There is no such image here.

    Source: Engine API `GET /images/{name}/json` and `GET /images/{name}/history`.
    """
    client = client or engine.connect()
    api, columns = client.api, {}
    names = {one: chosen(one, client=client) for one in references}
    with shown(command.line("docker", "image", "inspect", *names.values())):
        for reference, name in names.items():
            image = api.inspect_image(name)
            config = image.get("Config") or {}
            columns[reference] = {
                "id": image["Id"].removeprefix("sha256:")[:12],
                "layers": len(image["RootFS"].get("Layers") or []),
                "tags": sorted(image.get("RepoTags") or []),
                "history": len(api.history(name)),
                "cmd": config.get("Cmd") or [],
                "env": config.get("Env") or [],
                "ports": sorted(config.get("ExposedPorts") or {}),
                "volumes": sorted(config.get("Volumes") or {}),
                "size": image["Size"],
            }
    return pd.DataFrame(columns, dtype=object).rename_axis("field")


def history(reference, *, client=None):
    """List the steps that made an image, as `docker history` does.

    Args:
        reference: The image's name.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A DataFrame, a row a step, newest first: created (datetime64, UTC), created_by (str),
        size (int64, bytes that the step added), comment (str).

    Raises:
        NoSuchImage: There is no such image here.

    Source: Engine API `GET /images/{name}/history`.
    """
    client = client or engine.connect()
    reference = chosen(reference, client=client)
    with shown(command.line("docker", "history", "--no-trunc", reference)):
        steps = client.api.history(reference)
    rows = [(step["Created"], step["CreatedBy"], step["Size"], step["Comment"]) for step in steps]
    return tables.framed(rows, created="s", created_by="str", size="int64", comment="str")


def shared(*references, client=None):
    """Find the layers that images have in common.

    Args:
        references: The images' names, two or more.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A DataFrame, a row a layer, the lowest first: layer (str, 12 digits of the hash of its
        files), and for each image a column of bool: whether it has that layer.

    Raises:
        NoSuchImage: There is no such image here.

    Source: Engine API `GET /images/{name}/json` (`RootFS.Layers`).
    """
    client = client or engine.connect()
    names = {one: chosen(one, client=client) for one in references}
    with shown(command.line("docker", "image", "inspect", *names.values())):
        found = {
            one: client.api.inspect_image(name)["RootFS"].get("Layers") or []
            for one, name in names.items()
        }
    every = list(dict.fromkeys(layer for layers in found.values() for layer in layers))
    frame = pd.DataFrame(
        {"layer": [one.removeprefix("sha256:")[:12] for one in every]}, dtype="str"
    )
    return frame.assign(
        **{name: [one in layers for one in every] for name, layers in found.items()}
    )


def rm(reference, *, client=None):
    """Take a name off an image, and delete the image with its last name, as `docker rmi` does.

    Args:
        reference: The name, in your own namespace.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Returns:
        A DataFrame, a row a step: action (str: Untagged or Deleted), what (str).

    Raises:
        NameTaken: The name is not in your namespace.
        NoSuchImage: There is no such image here.

    Source: Engine API `DELETE /images/{name}`.
    """
    words = command.line("docker", "rmi", *operands(reference))
    check_owned(reference, words)
    with shown(words):
        steps = (client or engine.connect()).api.remove_image(reference)
    rows = [(action, what) for step in steps for action, what in step.items()]
    return pd.DataFrame(rows, columns=["action", "what"], dtype="str")
