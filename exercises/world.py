"""What the conditions of an exercise look at. Nothing here changes anything."""

import hashlib
import re
from typing import NamedTuple

import docker.errors
import pandas as pd
import requests

from helpers import engine, workspace
from helpers._internal import (
    archives,
    command,
    containers,
    distribution,
    errors,
    images,
    own_registry,
    ports,
)


class Content(NamedTuple):
    """What makes an image the image that it is, wherever it lies.

    Attributes:
        created: When it was made, a pandas `Timestamp`.
        layers: The digests of its layers' files, a tuple of str.
        runs: Its ENTRYPOINT and CMD, a tuple of str.
    """

    created: pd.Timestamp
    layers: tuple
    runs: tuple

    @classmethod
    def of(cls, created, layers, config):
        """Make one from what the Engine, an archive or a registry says."""
        config = config or {}
        runs = (*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ()))
        known = created and not created.startswith("0001-")  # so some Engines write: unknown
        return cls(pd.Timestamp(created if known else 0), tuple(layers or ()), runs)

    @classmethod
    def read(cls, config):
        """Make one from a config as it lies in an archive or a registry."""
        layers = (config.get("rootfs") or {}).get("diff_ids")
        return cls.of(config.get("created"), layers, config.get("config"))


def _pull_line(reference):
    return images.pull_line(reference, images.pull_source(reference))


class World:
    """The Engine, your registry and your folder, as one check finds them; each is read once.

    Args:
        answer: What the learner answered, a tuple.

    Attributes:
        me: The workspace's name.
    """

    def __init__(self, answer=()):
        self.answer, self.me = answer, workspace.name()
        self._seen = {}

    @property
    def api(self):
        """The Engine's client, a `docker.APIClient`; connecting waits until something is asked."""
        return engine.connect().api

    def once(self, key, look):
        """Give what a look has found, and look only the first time."""
        if key not in self._seen:
            self._seen[key] = look()
        return self._seen[key]

    def fill(self, text, *, shell=False):
        """Fill in the places of a task or a solution; only what it needs is looked up.

        Args:
            text: A str with places: `{me}` (the workspace's name), `{files}` (its folder),
                `{label}` (the option that marks what is yours), `{index}` (where `docker search`
                asks, with a slash, or nothing), `{store}` (your registry's address), `{port}` (a
                free one), `{glibc}` (the line that pulls that tag of busybox).
            shell: The text is command lines, where what is filled in is to be one word.

        Returns:
            The text as a str.
        """
        known = {
            "me": lambda: self.me,
            "files": lambda: workspace.place("x").parent.as_posix(),
            "label": lambda: command.line("--label", workspace.label()),
            "index": lambda: f"{at}/" if (at := engine.sources().index) else "",
            "store": lambda: self.store.address if self.store else "127.0.0.1:PORT",
            "port": lambda: ports.free_port(8081),
            "glibc": lambda: _pull_line("busybox:glibc"),
        }
        places = set(re.findall(r"\{(\w+)\}", text)) & set(known)
        found = {place: str(known[place]()) for place in places}
        for place in places - {"label", "glibc"} if shell else ():
            found[place] = found[place] and command.line(found[place])
        return text.format(**found)

    # The Engine

    def full(self, name):
        """Give a container's full name."""
        return workspace.prefixed(name)

    def container(self, name):
        """Inspect a container by its exact name; `None` where there is none."""

        def look():
            try:
                found = self.api.inspect_container(name)
            except docker.errors.NotFound:
                return None
            return found if found["Name"] == f"/{name}" else None  # not by the start of an ID

        return self.once(("container", name), look)

    def image(self, reference):
        """Inspect an image; `None` where there is none."""
        return self.once(("image", reference), lambda: images.inspect(self.api, reference))

    def content(self, reference):
        """Tell what an image here is, as `Content`; `None` where there is none of this name."""
        one = self.image(reference)
        layers = ((one or {}).get("RootFS") or {}).get("Layers")
        return one and Content.of(one.get("Created"), layers, one.get("Config"))

    def tags(self, repository):
        """List the tags that a repository has here, as a list of str."""
        tags = images.table(self.api, repository).tag
        return sorted(tags[tags != "<none>"])

    def inside(self, name, path):
        """Read a file in a container, as bytes; `None` where there is no such file."""
        with containers.open_file(self.api, self.full(name), path) as file:
            return file and file.read()

    def logs(self, name):
        """Read what a container has printed, as a str."""
        return self.api.logs(self.full(name)).decode(errors="replace")

    def happened(self, name, since):
        """List what happened to containers of a name, as far as the Engine remembers.

        It keeps the last 256 events or so, of all containers together.

        Args:
            name: The containers' name in this workspace.
            since: From when on, a time as the Engine writes it, or so many seconds ago.
        """
        now = pd.Timestamp(self.api.info()["SystemTime"]).timestamp()
        start = now - since if isinstance(since, int) else pd.Timestamp(since).timestamp()
        begin, end = f"{start:.9f}", f"{now:.9f}"
        found = self.api.events(begin, end, {"container": self.full(name)}, decode=True)
        names = [(one["Action"], one["Actor"]["Attributes"].get("name")) for one in found]
        return [action for action, whose in names if whose == self.full(name)]

    def search(self, term):
        """Search as `docker search --limit 100` does; gives the DataFrame."""
        index = engine.sources().index
        return images.search(self.api, f"{index}/{term}" if index else term, 100, {})

    # The folder `files`

    def file(self, name):
        """Give the path of a file in the folder."""
        return workspace.place(name)

    def archive(self, name):
        """Read the manifest of an archive of `docker save`.

        Returns:
            A dict of `Content` by the names (RepoTags) that the images in it have; the name is
            empty where it has none.

        Raises:
            InvalidArchive: It is not there, is cut short, or is no such archive.
        """
        path, found = self.file(name), {}
        with errors.translate_errors(f"read {path.as_posix()}"), archives.opened(path) as packed:
            for image in packed.images:
                for layer in image.layers:
                    packed.open(layer).read(1)
                one = Content.read(packed.json(image.config))
                found |= dict.fromkeys(image.names or [""], one)
        return found

    def digest(self, name):
        """Hash a file, as the Engine hashes the file system that it imports: `sha256:…`."""
        with self.file(name).open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"

    # Registries

    @property
    def store(self):
        """Your own registry, running or not; `None` where it was not made."""
        return self.once("store", lambda: own_registry.find(self.api))

    def asked(self, path, address=None, *, auth=None):
        """Ask a registry; gives the answer, or `None` where it has no such thing.

        Args:
            path: What to ask for, after `/v2/`.
            address: `host:port` of a registry without a password; your own if left out.
            auth: Another user and password for your own.
        """
        host = address or self.store.address
        auth = None if address else auth or (self.store.user, self.store.password)
        try:
            return distribution.ask(host, path, auth=auth)
        except requests.HTTPError as err:
            if err.response.status_code == 404:
                return None
            raise

    def stored(self, repository, tag, address=None):
        """Tell what a registry holds under a name.

        Returns:
            Its digest, a str, and the `Content` of each of its platforms, a list; `None` where
            the registry has no such name.
        """
        answer = self.asked(f"{repository}/manifests/{tag}", address)
        if answer is None:
            return None
        manifests = [answer.json()]
        if "manifests" in manifests[0]:
            parts = [one["digest"] for one in manifests[0]["manifests"]]
            found = [self.asked(f"{repository}/manifests/{part}", address) for part in parts]
            manifests = [one.json() for one in found if one]
        blobs = [one["config"]["digest"] for one in manifests if "config" in one]
        configs = [self.asked(f"{repository}/blobs/{blob}", address) for blob in blobs]
        contents = [Content.read(one.json()) for one in configs if one]
        return answer.headers["Docker-Content-Digest"], contents

    def logins(self, address=None):
        """Find who is logged in here and in a terminal: users and passwords.

        Args:
            address: `host:port` of a registry; your own if left out.
        """
        found = engine.known_logins(address or self.store.address)
        return [(one["username"], one["password"]) for one in found]

    def status(self, address):
        """Ask for an address without a password; gives the HTTP status, `None` without answer."""
        try:
            return distribution.get(address).status_code
        except requests.HTTPError as err:
            return err.response.status_code
        except requests.RequestException:
            return None

    def page(self, address):
        """Fetch a page from loopback, as a str; `None` where there is none."""
        try:
            return distribution.get(f"http://{address}/").text
        except requests.RequestException:
            return None
