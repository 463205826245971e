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
        listed = self.api.containers(all=True)
        running = {one["Id"] for one in listed if one["State"] == "running"}
        late = running.intersection(self._ended)
        for one in late:  # the Engine says `die` before its list knows; an inspect waits for that
            self._inspect(one)
        return self.api.containers(all=True) if late else listed

    @cached_property
    def images(self):
        """All images but intermediate ones, as `GET /images/json` gives them, a list of dict."""
        return self.api.images()

    @cached_property
    def own_containers(self):
        """The containers that this workspace made, a list of dict."""
        key, value = identity.LABEL, identity.name()
        labelled = None

        def owns(one):
            nonlocal labelled
            if (one["Labels"] or {}).get(key) != value:
                return False
            if labelled is None:
                labelled = {
                    image["Id"]: (image["Labels"] or {}).get(key) == value for image in self.images
                }
            as_inspected = {"Config": one, "Name": name(one, "/"), "Image": one["ImageID"]}
            return identity.owns(as_inspected, labelled)

        return [one for one in self.containers if owns(one)]

    @cached_property
    def own_images(self):
        """The images with a name or the label of this workspace, and those of its containers."""
        used = {one["ImageID"] for one in self.own_containers}
        return [
            one
            for one in self.images
            if one["Id"] in used
            or (one["Labels"] or {}).get(identity.LABEL) == identity.name()
            or any(map(identity.owns_tag, [*(one["RepoTags"] or ()), *(one["RepoDigests"] or ())]))
        ]

    def inspect(self, container):
        """Inspect a container.

        Args:
            container: Its ID, or its whole name.

        Returns:
            What the Engine says of it, a dict; `None` where the list has none, or it has gone.
        """
        listed = (one["Id"] for one in self.containers if container in (one["Id"], name(one)))
        found = next(listed, None)
        return found and self._inspect(found)

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
    def repositories(self):
        """What the own registry holds: a dict from a repository to a list of its tags.

        It is `None` where no own registry runs, or it does not answer (yet).
        """
        full = identity.prefixed("registry")
        runs = any(one["State"] == "running" for one in self.containers if name(one) == full)
        with contextlib.suppress(errors.LessonError, requests.RequestException):
            if runs and self.registry:
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
