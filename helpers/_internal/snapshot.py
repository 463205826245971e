"""The Engine at one moment, for all who show it or judge it: read lazily, and at most once."""

import contextlib
from functools import cached_property

import docker.errors
import requests

from helpers._internal import distribution, errors, identity, own_registry


class Snapshot:
    """The Engine at one moment. Each part is read when it is first asked for, and kept.

    Args:
        api: A `docker.APIClient`.
        ended: The IDs of containers of which an event has just said that they ended.
    """

    def __init__(self, api, ended=()):
        self.api, self._ended, self._details = api, ended, {}

    @cached_property
    def containers(self):
        """All containers, as `GET /containers/json?all=1` gives them, a list of dict."""
        return self._list()

    def _list(self, **filters):
        listed = self.api.containers(all=True, filters=filters)
        running = {one["Id"] for one in listed if one["State"] == "running"}
        late = running.intersection(self._ended)
        for one in late:  # the Engine says `die` before its list knows; an inspect waits for that
            self._inspect(one)
        return self.api.containers(all=True, filters=filters) if late else listed

    @cached_property
    def images(self):
        """All images but intermediate ones, as `GET /images/json` gives them, a list of dict."""
        return self.api.images()

    @cached_property
    def own_containers(self):
        """The containers that this workspace made, a list of dict."""
        # Of hundreds that are others', the Engine makes its list of ours in a quarter of the time.
        known = self.__dict__.get("containers")
        listed = self._list(label=identity.label()) if known is None else known
        return [one for one in listed if self._owns(one)]

    def _owns(self, one):
        key, value = identity.LABEL, identity.name()
        if (one["Labels"] or {}).get(key) != value:
            return False
        as_inspected = {"Config": one, "Name": name(one, "/"), "Image": one["ImageID"]}
        if identity.owns(as_inspected):
            return True
        return identity.owns(as_inspected, self._labelled_images)

    @cached_property
    def _labelled_images(self):
        """Whether an image carries the label, by its ID."""
        key, value = identity.LABEL, identity.name()
        return {one["Id"]: (one["Labels"] or {}).get(key) == value for one in self.images}

    @cached_property
    def own_images(self):
        """The images with a name or the label of this workspace, and those of its containers."""
        used = {one["ImageID"] for one in self.own_containers}
        return [
            one
            for one in self.images
            if one["Id"] in used
            or self._labelled_images[one["Id"]]
            or any(map(identity.owns_tag, [*(one["RepoTags"] or ()), *(one["RepoDigests"] or ())]))
        ]

    def inspect(self, container):
        """Inspect a container.

        Args:
            container: Its ID, or its whole name.

        Returns:
            What the Engine says of it, a dict; `None` where the list has none, or it has gone.
        """
        for listed in ("own_containers", "containers"):
            for one in getattr(self, listed):
                if container in (one["Id"], name(one)):
                    return self._inspect(one["Id"])

    def _inspect(self, container):
        if container not in self._details:
            self._details[container] = None
            with contextlib.suppress(docker.errors.NotFound):
                self._details[container] = self.api.inspect_container(container)
        return self._details[container]

    @cached_property
    def registry(self):
        """This workspace's own `Registry`, whether it runs or not; `None` where there is none."""
        with contextlib.suppress(errors.NotOwned):
            return own_registry.find(self.api)

    @cached_property
    def registry_runs(self):
        """Whether the own registry's container runs."""
        full = identity.prefixed("registry")
        return any(one["State"] == "running" for one in self.own_containers if name(one) == full)

    @cached_property
    def repositories(self):
        """What the own registry holds: a dict from a repository to a list of its tags.

        It is `None` where no own registry runs, or it does not answer (yet).
        """
        with contextlib.suppress(errors.LessonError, requests.RequestException):
            if self.registry_runs and self.registry:
                return _repositories(self.registry)


def name(container, prefix=""):
    """Return the name of a container out of the Engine's list, without those of its links."""
    own = next((one for one in container["Names"] or () if one.count("/") == 1), "/")
    return prefix + own.lstrip("/")


def _repositories(store):
    who = {"auth": (store.user, store.password)}
    host = store.address
    with distribution.parse_guard(host):
        names = distribution.ask(host, "_catalog?n=1000", **who).json()["repositories"]
        tags = {one: distribution.ask(host, f"{one}/tags/list", **who).json() for one in names}
        return {one: sorted(tags[one]["tags"] or []) for one in sorted(names)}
