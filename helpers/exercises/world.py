"""What the conditions of an exercise look at. Nothing here changes anything."""

from typing import NamedTuple

import docker.errors
import pandas as pd
import requests

from helpers import command, containers, distribution, engine, images, registry, workspace


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
        return cls(pd.Timestamp(created or 0), tuple(layers or ()), runs)


class World:
    """The Engine, your registry and your folder, as one check finds them; each is read once.

    Args:
        answer: What the learner answered, a tuple.
        client: A `docker.DockerClient`; the current Engine's if left out.

    Attributes:
        me: The workspace's name.
    """

    def __init__(self, answer=(), *, client=None):
        self.answer, self.me = answer, workspace.name()
        self._client, self._seen = client, {}

    @property
    def client(self):
        """The Engine's client; connecting waits until something is asked."""
        self._client = self._client or engine.connect()
        return self._client

    def _once(self, key, look):
        if key not in self._seen:
            self._seen[key] = look()
        return self._seen[key]

    def words(self, text="{store}{port}"):
        """Give the words that a task or a solution has places for.

        Args:
            text: The text that they go into; only what it needs is looked up.

        Returns:
            A dict of str: `me` (the workspace's name), `label` (the option that marks what is
            yours), `store` (your registry's address), `index` (where `docker search` asks, with
            a slash, or nothing), `port` (a free one), `glibc` (the line that pulls that tag).
        """
        at = engine.sources()
        known = {
            "me": self.me,
            "label": command.line("--label", workspace.label()),
            "index": f"{at.index}/" if at.index else "",
            "glibc": images.pull_line("busybox:glibc"),
        }
        if "{store}" in text:
            known["store"] = self.store.address if self.store else "127.0.0.1:PORT"
        if "{port}" in text:
            known["port"] = workspace.free_port(8081)
        return known

    # The Engine

    def full(self, name):
        """Give a container's full name."""
        return workspace.prefixed(name)

    def container(self, name):
        """Inspect a container by its exact name; `None` where there is none."""

        def look():
            try:
                found = self.client.api.inspect_container(name)
            except docker.errors.NotFound:
                return None
            return found if found["Name"] == f"/{name}" else None  # not by the start of an ID

        return self._once(("container", name), look)

    def image(self, reference):
        """Inspect an image; `None` where there is none of this name."""

        def look():
            try:
                return self.client.api.inspect_image(reference)
            except docker.errors.ImageNotFound:
                return None

        return self._once(("image", reference), look)

    def content(self, reference):
        """Tell what an image here is, as `Content`; `None` where there is none of this name."""
        one = self.image(reference)
        return one and Content.of(one["Created"], one["RootFS"].get("Layers"), one["Config"])

    def tags(self, repository):
        """List the tags that a repository has here, as a list of str."""
        found = self.client.api.images(filters={"reference": repository})
        names = [name for one in found for name in one["RepoTags"] or []]
        return sorted(name.removeprefix(f"{repository}:") for name in names)

    def inside(self, name, path):
        """Read a file in a container, as bytes; `None` where there is no such file."""
        with containers.opened(self.full(name), path, client=self.client) as file:
            return file and file.read()

    def logs(self, name):
        """Read what a container has printed, as a str."""
        return self.client.api.logs(self.full(name)).decode(errors="replace")

    def happened(self, name, since):
        """List what happened to containers of a name, as far as the Engine remembers.

        It keeps the last 256 events or so, of all containers together.

        Args:
            name: The containers' name in this workspace.
            since: From when on, a time as the Engine writes it.
        """
        now = pd.Timestamp(self.client.api.info()["SystemTime"]).timestamp()
        begin, end = f"{pd.Timestamp(since).timestamp():.9f}", f"{now:.9f}"
        found = self.client.api.events(begin, end, {"container": self.full(name)}, decode=True)
        names = [(one["Action"], one["Actor"]["Attributes"].get("name")) for one in found]
        return [action for action, whose in names if whose == self.full(name)]

    def search(self, term, **filters):
        """Search as `docker search --limit 100` does; gives the DataFrame."""
        index = engine.sources().index
        chosen = {key.replace("_", "-"): [str(value).lower()] for key, value in filters.items()}
        term = f"{index}/{term}" if index else term
        return self._once(
            ("search", term, str(filters)),
            lambda: registry.found(self.client, term, 100, chosen),
        )

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
            BadTar: It is not there, is cut short, or is no such archive.
        """
        path, found = self.file(name), {}
        with images.opened(path, f"read {path.as_posix()}") as packed:
            for image in images.read_json(packed, "manifest.json"):
                config = images.read_json(packed, image["Config"])
                one = Content.of(config["created"], config["rootfs"]["diff_ids"], config["config"])
                found |= dict.fromkeys(image.get("RepoTags") or [""], one)
        return found

    # Registries

    @property
    def store(self):
        """Your own registry, running or not; `None` where it was not made."""
        return self._once("store", lambda: registry.existing(client=self.client))

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
            Its digest, a str, and its `Content`; `None` where the registry has no such name.
        """
        answer = self.asked(f"{repository}/manifests/{tag}", address)
        if answer is None:
            return None
        manifest = answer.json()
        if "manifests" in manifest:  # several platforms, and what attests them
            first = next(one["digest"] for one in manifest["manifests"]
                         if one.get("platform", {}).get("os") != "unknown")  # fmt: skip
            manifest = self.asked(f"{repository}/manifests/{first}", address).json()
        config = self.asked(f"{repository}/blobs/{manifest['config']['digest']}", address).json()
        content = Content.of(config["created"], config["rootfs"]["diff_ids"], config["config"])
        return answer.headers["Docker-Content-Digest"], content

    def login(self):
        """Find who is logged in to your registry: user and password, or `None`."""
        found = engine.login(self.store.address)
        return (found["username"], found["password"]) if found else None

    def status(self, address):
        """Ask for an address without a password; gives the HTTP status, an int."""
        try:
            return distribution.get(address).status_code
        except requests.HTTPError as err:
            return err.response.status_code

    def page(self, address):
        """Fetch a page from loopback, as a str; `None` where nothing answers."""
        try:
            return distribution.get(f"http://{address}/").text
        except requests.RequestException:
            return None
