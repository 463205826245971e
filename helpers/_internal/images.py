"""What the verbs of lesson 2 share: where an image comes from, and what a transfer says."""

import json
import re
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import docker.errors
import pandas as pd
import requests
from docker.utils import parse_repository_tag, version_gte

from helpers._internal import command, connection, distribution, errors, identity
from helpers._internal.frames import to_frame
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


def table(api, *references):
    """List images, as `images.ls` does."""
    rows = []
    for image in api.images(filters={"reference": list(references)} if references else None):
        digests = [f"{one.partition('@')[0]}:<none>" for one in image.get("RepoDigests") or []]
        # Engines with containerd's image store list what was pulled by digest among the tags.
        tags = [one for one in image.get("RepoTags") or [] if "@" not in one]
        for name in tags or digests or ["<none>:<none>"]:
            repository, _, tag = name.rpartition(":")
            short = image["Id"].removeprefix("sha256:")[:12]
            rows.append((repository, tag, short, image["Created"], image["Size"]))
    rows.sort(key=lambda row: (-row[3], row[0], row[1]))  # newest first, then by name
    return to_frame(rows, repository="str", tag="str", image_id="str", created="s", size="int64")


def search(api, term, limit, filters):
    """Search as `registry.search` does; the term stands behind the index's address, if any."""
    listed = {key: [value] for key, value in filters.items()}  # docker-py's search takes none
    asked = {"term": term, "limit": limit, "filters": json.dumps(listed)}
    hits = api._result(api._get(api._url("/images/search"), params=asked), json=True) or []
    rows = [
        (hit.get("name", ""), hit.get("description", ""), hit.get("star_count", 0),
         bool(hit.get("is_official"))) for hit in hits
    ]  # fmt: skip
    frame = to_frame(rows, name="str", description="str", stars="int64", official=bool)
    return frame.sort_values(["stars", "name"], ascending=[False, True], ignore_index=True)


def repository_tag(reference):
    """Return the two parts of a new image's name; its tag is `latest` if none is given."""
    repository, tag = parse_repository_tag(reference)
    return repository, tag or "latest"


def parts(api, reference):
    """Return what an image is made of, a dict, as `images.inspect` shows it."""
    image = api.inspect_image(reference)
    config = image.get("Config") or {}
    return {
        "id": image["Id"].removeprefix("sha256:")[:12],
        "layers": len(image["RootFS"].get("Layers") or []),
        "tags": sorted(image.get("RepoTags") or []),
        "history": len(api.history(reference)),
        "cmd": config.get("Cmd") or [],
        "env": config.get("Env") or [],
        "size": image["Size"],
    }


def inspect(api, reference):
    """Inspect an image; `None` where there is none."""
    with suppress(docker.errors.ImageNotFound):
        return api.inspect_image(reference)


def pull_source(reference):
    """Return the name to pull an image by: in the mirror, where the Engine was not given that."""
    name, at = distribution.parse(reference), connection.sources()
    if name.host != "docker.io" or not at.mirror or at.mirrored:
        return reference
    return f"{at.mirror}/{name.path}" + (f"@{name.digest}" if name.digest else f":{name.tag}")


def pull_line(reference, source):
    """Write the command line that pulls an image from there and gives it its name."""
    steps = [["pull", source]]
    if source != reference and "@" not in source:
        steps += [["tag", source, distribution.parse(reference).familiar], ["rmi", source]]
    return " && ".join(command.line("docker", *step) for step in steps)


def pull(api, reference):
    """Pull an image as `images.pull` does, without showing a command of its own."""
    name, source = distribution.parse(reference), pull_source(reference)
    _check_built_here(api, name)
    repository, tag = parse_repository_tag(source)
    auth = connection.credentials(source)
    stream = api.pull(repository, tag, stream=True, decode=True, auth_config=auth)
    done = transfer(source, detect_stall(stream, api.timeout))
    if source != reference and not name.digest:
        api.tag(source, *parse_repository_tag(name.familiar))
        api.remove_image(source)
    return replace(done, reference=name.familiar)


def _check_built_here(api, name):
    """Refuse to take a name from an image that no registry has; one that was pulled gives it up."""
    digests, at = _from_mirror(name), inspect(api, name.familiar)
    if at and not (_pulled(api, at) or at["Id"] in digests or identity.owns_tag(name.familiar)):
        raise errors.NotOwned(
            "", f"{name.familiar} is an image that was built here, and a pull would take its name",
            f"Give it another name first, docker tag {name.familiar} NAME, then docker rmi "
            f"{name.familiar}",
        )  # fmt: skip


def _pulled(api, image):
    """Return whether a registry has an image; also where an Engine can't tell (28 to 29.1)."""
    known = image["RepoDigests"]
    if known and known[0].endswith(image["Id"]) and version_gte(api.api_version, "1.53"):
        known = image.get("Identity")  # containerd's image store gives each image a digest
    return known


def _from_mirror(name):
    """Ask the classroom's mirror for an image's digest and ID; so Docker Hub is never asked."""
    mirror = connection.sources().mirror
    if name.host != "docker.io" or not mirror:
        return ()
    try:
        answer = distribution.ask(mirror, f"{name.path}/manifests/{name.digest or name.tag}")
        return answer.headers["Docker-Content-Digest"], answer.json()["config"]["digest"]
    except (requests.RequestException, LookupError, TypeError) as err:
        answer = getattr(err, "response", None)
        if answer is None or "Docker-Distribution-Api-Version" not in answer.headers:
            problem = f"the classroom's mirror does not answer at {mirror}"
            hint = "Start it again: python3 -m classroom lab"
            raise errors.RegistryUnreachable("", problem, hint) from err
        if answer.status_code != 404:
            raise
        raise errors.NotFound(
            "",
            f"the classroom has no {name.familiar}, and with CLASSROOM=on nothing asks Docker Hub",
            f'See what it has, registry.catalog("{mirror}"), or begin the name with the address of '
            "your own registry",
        ) from err


def detect_stall(stream, seconds):
    """Pass a stream on, and give up where for so many seconds it says nothing new.

    Engines with containerd's image store say ten times a second that they wait.
    """
    said, since = {}, time.monotonic()
    for event in stream:
        news = event.get("status"), event.get("progressDetail")
        if said.get(event.get("id")) != news:
            said[event.get("id")], since = news, time.monotonic()
        elif time.monotonic() - since > seconds:
            raise requests.ReadTimeout(f"nothing has moved for {seconds} s")
        yield event


def events(stream):
    """Yield what one of the Engine's streams says, and raise the error that may stand in it."""
    for event in stream:
        if "errorDetail" in event:
            raise docker.errors.DockerException(event["errorDetail"]["message"])
        yield event


def transfer(reference, stream):
    """Read the stream of a pull or a push to its end; gives a `Transfer`."""
    digest, statuses = None, {}
    with Progress() as progress:
        for event in events(stream):
            status = event.get("status", "")
            if named := re.search("[Dd]igest: (sha256:[0-9a-f]{64})", status):
                digest = named[1]
            elif "Digest" in (event.get("aux") or {}):
                digest = event["aux"]["Digest"]
            elif re.fullmatch("[0-9a-f]{12}", event.get("id", "")):
                statuses[event["id"]] = status
                progress.update(event["id"], status, **(event.get("progressDetail") or {}))
    # those last that the registry had: some Engines tell them in any order
    rows = sorted(statuses.items(), key=lambda row: row[1] == "Layer already exists")
    layers = pd.DataFrame(rows, columns=["layer", "status"], dtype="str")
    return Transfer(distribution.parse(reference).familiar, digest, layers)


@contextmanager
def replacing(api, reference):
    """Remove the image that has lost its only name, one of ours, to the one made in the block."""
    old = inspect(api, reference)
    yield
    new = inspect(api, reference)
    if old and old["RepoTags"] == [reference] and new and new["Id"] != old["Id"]:
        with suppress(docker.errors.APIError):  # a container may still need it
            api.remove_image(old["Id"])


def check_names(api, archive):
    """Refuse an archive that would give a name outside our namespace to another image."""
    store, named = int("containerd.snapshotter" in str(api.info()["DriverStatus"])), {}
    for name, where, digest in archive.names():
        digests = named.setdefault(distribution.parse(name).familiar, set())
        if where == store:
            digests.add(digest)
    for name, digests in named.items():
        here = None if identity.owns_tag(name) else inspect(api, name)
        if here and {here["Id"]} != digests:
            raise errors.NotOwned(
                "", f"it holds another image by the name {name}, which is not yours to move",
                "Give yours another name first, or type this command in a terminal",
            )  # fmt: skip


def instructions(change, *more):
    """Return instructions of a Dockerfile, of a str or several, and docker's options for them."""
    with errors.translate_errors(f"read change={change!r}"):
        changes = [*([change] if isinstance(change, str) else change), *more]
    return changes, [word for line in changes for word in ("-c", line)]
