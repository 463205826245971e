"""What learners leave in the Engine and in the notebooks' folder, and what must stay there."""

import contextlib
import os

from helpers import engine, images, workspace
from helpers._internal import command, identity
from helpers._internal.images import inspect
from tests.notebooks import ROOT

FILES = ROOT / "notebooks" / "files"
NEIGHBOUR = "load-0"  # whose name others begin with


class Room:
    """The Engine before and after the learners.

    Args:
        names: The names of the learners' workspaces.
    """

    def __init__(self, names):
        self._api, self._names, self._before = engine.connect().api, names, {}

    def open(self):
        """Remove what an earlier run may have left, let a neighbour in, and note what is there."""
        _reset(*self._names, NEIGHBOUR)
        self._plant()
        self._before = self._others()

    def close(self):
        """Remove what was made, the learners' things first.

        Returns:
            What `workspace.reset` has left of them, and what it should have left; a list of str.
        """
        _reset(*self._names)
        if found := [f"left over: {one}" for one in self._left()]:
            _reset(*self._names)  # after an interrupt, what the Engine was still making meanwhile
        now = self._others()
        found += [
            f"gone or changed: {one}" for one in self._before if now.get(one) != self._before[one]
        ]
        _reset(NEIGHBOUR)
        return found

    def _plant(self):
        """Make the neighbour's container, image and file, which all of them are to leave alone."""
        with command.quietly():
            images.pull("busybox")
            if not inspect(self._api, "registry:2"):
                images.pull("registry:2")
        with _as(NEIGHBOUR):
            labels = dict([workspace.label().split("=")])
            self._api.create_container("busybox", "true", name=f"{NEIGHBOUR}-web", labels=labels)
            self._api.tag("busybox", f"{NEIGHBOUR}/hello", "1")
            workspace.file("hello.txt").write_text("hello")

    def _left(self):
        for name in self._names:
            with _as(name):
                yield from self._things()

    def _things(self):
        """List what the workspace has that is its own."""
        mine, api = {"label": workspace.label()}, self._api
        yield from (
            f"container {one['Names'][0]}" for one in api.containers(all=True, filters=mine)
        )
        yield from (f"image {one}" for one in _names(api) if identity.owns_tag(one))
        yield from (f"image {one['Id']}" for one in api.images(filters=mine))
        yield from (f"network {one['Name']}" for one in api.networks(filters=mine))
        yield from (f"volume {one['Name']}" for one in api.volumes(filters=mine)["Volumes"] or [])
        if (FILES / workspace.name()).exists():
            yield f"files {workspace.name()}"

    def _others(self):
        """Tell what is no learner's: images by name, the neighbour's, and unlabelled containers.

        Who works at the same time in another workspace may remove what is there; that is not read.
        """
        found = {f"image {name}": image for name, image in _names(self._api).items()
                 if "/" not in name or name.startswith(f"{NEIGHBOUR}/")}  # fmt: skip
        for one in self._api.containers(all=True):
            if one["Labels"].get(identity.LABEL, NEIGHBOUR) == NEIGHBOUR:
                found[f"container {one['Names'][0]}"] = one["Id"]
        with contextlib.suppress(OSError):
            found["file of a neighbour"] = (FILES / NEIGHBOUR / "hello.txt").read_text()
        return found


def _reset(*names):
    """Remove what workspaces have."""
    for name in names:
        with _as(name):
            workspace.reset()


def _names(api):
    """Give the names of images, each with the ID of its image."""
    return {name: one["Id"] for one in api.images() for name in one["RepoTags"] or []}


@contextlib.contextmanager
def _as(name):
    """Work in another workspace."""
    before = os.environ.get("WORKSPACE")
    os.environ["WORKSPACE"] = name
    workspace.name.cache_clear()
    try:
        yield
    finally:
        os.environ.pop("WORKSPACE")
        os.environ |= {"WORKSPACE": before} if before is not None else {}
        workspace.name.cache_clear()
