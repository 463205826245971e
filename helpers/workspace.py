"""What belongs to this learner: a name, a label, free ports, one folder; and how to remove it."""

import contextlib
import os
import shutil
import sys
from functools import partial

import docker.errors
import pandas as pd
from IPython import get_ipython
from IPython.display import display

from helpers import tables
from helpers._internal import connection, errors, identity
from helpers._internal.identity import file, label, name, place, prefixed
from helpers._internal.readable import Text

__all__ = ["Text", "file", "label", "name", "place", "prefixed", "reset", "setup"]


def setup():
    """Connect to the Engine, go to the notebooks' folder, and say what the notebook works with.

    From then on a DataFrame that a cell ends in is shown as `tables.explore` shows it, or without
    filters where it has fewer than three rows.

    Returns:
        Your name, as `name()` gives it, a str.

    Raises:
        EngineUnavailable: No Engine answers, or this user may not talk to it.
    """
    os.chdir(identity.NOTEBOOK_DIR)
    with errors.translate_errors("connect to the Docker Engine"):
        connection.connect().ping()
    tables.show_frames(get_ipython())
    at, hub = connection.sources(), "Docker Hub"
    display(
        Text(
            f"The Docker Engine answers. You are {name()}.\n"
            f"Images come from {at.mirror or hub}, search results from {at.index or hub}."
        )
    )
    return name()


def reset():
    """Remove what this workspace made, and nothing else.

    Returns:
        A DataFrame, a row a thing removed: kind (str), name (str).

    Raises:
        EngineUnavailable: No Engine answers.

    Source: Engine API `DELETE /containers/{id}`, `/images/{name}`, `/networks/{id}`,
    `/volumes/{name}`.
    """
    removed = []
    with errors.translate_errors("reset the workspace"):
        for kind, shown, remove in _things(connection.connect().api):
            with _unless_gone_or_needed():
                remove()
                removed.append((kind, shown))
    folder = identity.NOTEBOOK_DIR / identity.FOLDER / name()
    if not folder.is_symlink():
        files = sorted(folder.glob("*"))
        shutil.rmtree(folder, ignore_errors=True)
        gone = [file for file in files if not os.path.lexists(file)]
        removed += [("file", (identity.FOLDER / name() / file.name).as_posix()) for file in gone]
    with contextlib.suppress(OSError):  # somebody else's are in it, or it is not there
        folder.parent.rmdir()
    return pd.DataFrame(removed, columns=["kind", "name"], dtype="str")


def _things(api):
    """Yield what the Engine has of this workspace: its kind, its name, a function to remove it."""
    own, images = {"label": label()}, api.images(all=True)
    labelled = {one["Id"]: (one["Labels"] or {}).get(identity.LABEL) == name() for one in images}
    for listed in api.containers(all=True, filters=own):
        with _unless_gone_or_needed():
            container = api.inspect_container(listed["Id"])
            if identity.owns(container, labelled):
                remove = partial(api.remove_container, listed["Id"], v=True, force=True)
                yield "container", container["Name"].lstrip("/"), remove
    for image in images:
        tags = [*(image["RepoTags"] or ()), *(image["RepoDigests"] or ())]
        for tag in filter(identity.owns_tag, tags):
            yield "image", tag, partial(api.remove_image, tag)
    for network in api.networks(filters=own):
        yield "network", network["Name"], partial(api.remove_network, network["Id"])
    for volume in api.volumes(filters=own)["Volumes"] or []:
        yield "volume", volume["Name"], partial(api.remove_volume, volume["Name"])


@contextlib.contextmanager
def _unless_gone_or_needed():
    """Go on where a thing is gone already (404), or something of someone else's needs it (409)."""
    try:
        yield
    except docker.errors.APIError as err:
        if err.status_code not in (404, 409):
            raise


if __name__ == "__main__" and sys.argv[1:] == ["reset"]:
    try:
        gone = reset()
    except errors.LessonError as err:
        sys.exit(str(err))
    for kind, what in gone.itertuples(index=False):
        print(f"removed {kind} {what}")
