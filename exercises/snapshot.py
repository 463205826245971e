"""What the conditions of an exercise look at. Nothing here changes anything."""

import hashlib
import re
import time
from functools import cached_property, partial
from typing import NamedTuple

import pandas as pd
import requests

from helpers import workspace
from helpers._internal import (
    archives,
    command,
    connection,
    distribution,
    errors,
    images,
    ports,
    snapshot,
)

LOGIN = "docker login -u {me} --password-stdin {store} < {files}/registry-password"


class Content(NamedTuple):
    """What makes an image the image that it is, wherever it lies."""

    created: pd.Timestamp
    layers: tuple  # the digests of its layers' files
    runs: tuple  # its ENTRYPOINT and CMD

    @classmethod
    def read(cls, config):
        """Make one from what the Engine says of an image, or an archive or registry in a config."""
        image = {key.lower(): value for key, value in config.items()}
        created, files = image.get("created") or "0001-", image.get("rootfs") or {}
        settings = image.get("config") or {}
        return cls(
            pd.Timestamp(0 if created.startswith("0001-") else created),  # some write: unknown
            tuple(files.get("Layers") or files.get("diff_ids") or ()),
            (*(settings.get("Entrypoint") or ()), *(settings.get("Cmd") or ())),
        )


class Snapshot:
    """The Engine, your registry and your folder at one moment; each part is read at most once.

    Args:
        moment: The Engine at that moment, a `helpers._internal.snapshot.Snapshot`; now if left out.

    Attributes:
        me: The workspace's name.
        begun: When it was begun, in seconds of `time.monotonic`.
    """

    def __init__(self, moment=None):
        self._moment, self.me, self._kept = moment, workspace.name(), {}
        self.begun = time.monotonic()

    @cached_property
    def moment(self):
        """The Engine's own snapshot; connecting waits until something is asked."""
        return self._moment or snapshot.Snapshot(connection.connect().api)

    def once(self, key, look):
        """Return what a look gives, and look only the first time."""
        if key not in self._kept:
            self._kept[key] = look()
        return self._kept[key]

    def fill(self, text, *, shell=False):
        """Return a text with its places filled in; in a shell's lines each is to be one word."""
        known = {
            "me": lambda: self.me,  # the workspace's name
            "files": lambda: self.file("x").parent.as_posix(),  # its folder
            "label": lambda: command.line("--label", workspace.label()),  # marks what is yours
            "index": lambda: f"{at}/" if (at := connection.sources().index) else "",  # for a search
            "store": lambda: self.store.address if self.store else "127.0.0.1:PORT",
            "port": lambda: ports.free_port(8081),
            "glibc": lambda: images.pull_line("busybox:glibc", images.pull_source("busybox:glibc")),
            "login": lambda: self.fill(LOGIN, shell=True),
        }
        places = set(re.findall(r"\{(\w+)\}", text)) & set(known)
        found = {place: str(known[place]()) for place in places}
        for place in places - {"label", "glibc", "login"} if shell else ():
            found[place] = found[place] and command.line(found[place])
        for place, value in found.items():  # not `format`: a text may have braces of its own
            text = text.replace(f"{{{place}}}", value)
        return text

    # The Engine

    def container(self, name):
        """Inspect a container by its name in this workspace; `None` where there is none."""
        return self.moment.inspect(workspace.prefixed(name))

    def image(self, reference):
        """Return an image as the Engine lists it, a dict; `None` where there is none."""
        name = distribution.parse(reference).familiar
        for image in self.moment.images:
            if name in (image["RepoTags"] or []) or name in (image["RepoDigests"] or []):
                return image

    def tags(self, repository):
        """List the tags that a repository has here, as a list of str."""
        names = [name for image in self.moment.images for name in image["RepoTags"] or []]
        return sorted(name[len(repository) + 1 :] for name in names
                      if re.fullmatch(rf"{re.escape(repository)}:[\w.-]+", name))  # fmt: skip

    def content(self, reference):
        """Return what an image here is, as `Content`; `None` where there is none of this name."""
        if image := self.image(reference):
            inspected = partial(images.inspect, self.moment.api, image["Id"])
            return self.once(image["Id"], lambda: Content.read(inspected() or {}))

    # The folder `files`

    def file(self, name):
        """Return the path of a file in the folder."""
        return workspace.place(name)

    def archive(self, name):
        """Return the images in an archive of `docker save`, a dict of `Content` by name.

        The name is empty where it has none. It is `None` where the file is no such archive.
        """

        def read():
            found = {}
            try:
                with errors.translate_errors("read it"), archives.opened(self.file(name)) as packed:
                    for image in packed.images:
                        for layer in image.layers:
                            packed.open(layer).read(1)
                        content = Content.read(packed.json(image.config))
                        found |= dict.fromkeys(image.names or [""], content)
            except errors.InvalidArchive:
                return None
            return found

        return self.once(("archive", name), read)

    def digest(self, name):
        """Hash a file, as the Engine hashes the file system that it imports: `sha256:…`."""
        with self.file(name).open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"

    # Registries

    @property
    def store(self):
        """Your own registry, running or not; `None` where it was not made."""
        return self.moment.registry

    def ask(self, path, address=None, *, auth=None):
        """Ask your registry, or one at an address without a password; `None` if it has no such."""
        auth = None if address else auth or (self.store.user, self.store.password)
        try:
            return distribution.ask(address or self.store.address, path, auth=auth)
        except requests.HTTPError as err:
            if err.response.status_code == 404:
                return None
            raise

    def stored(self, repository, tag, address=None):
        """Return what a registry holds under a name: its digest, and a `Content` a platform.

        It is `None` where the registry has no such name.
        """

        def look():
            answer = self.ask(f"{repository}/manifests/{tag}", address)
            if answer is None:
                return None
            manifests = [answer.json()]
            if "manifests" in manifests[0]:
                parts = [part["digest"] for part in manifests[0]["manifests"]]
                found = [self.ask(f"{repository}/manifests/{part}", address) for part in parts]
                manifests = [manifest.json() for manifest in found if manifest]
            blobs = [part["config"]["digest"] for part in manifests if "config" in part]
            configs = [self.ask(f"{repository}/blobs/{blob}", address) for blob in blobs]
            contents = [Content.read(config.json()) for config in configs if config]
            return answer.headers["Docker-Content-Digest"], contents

        return self.once((repository, tag, address), look)

    def fetch(self, address):
        """Fetch an address without a password: HTTP status and text; `None` without an answer."""
        try:
            answer = distribution.get(f"http://{address}")
        except requests.HTTPError as err:
            answer = err.response
        except requests.RequestException:
            return None
        return answer.status_code, answer.text
