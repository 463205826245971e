"""What belongs to this learner: a name, a label, free ports, one folder; and how to remove it."""

import contextlib
import functools
import getpass
import hashlib
import os
import re
import shutil
import sys
from pathlib import Path

import docker.errors
import pandas as pd
from IPython.display import display

from helpers import engine
from helpers._internal import errors

LABEL = "lesson"  # the label's key; its value is the workspace's name
FOLDER = Path("files")  # beside the notebooks; in it, each workspace has a folder of its own
NOTEBOOK_DIR = Path(__file__).resolve().parent.parent / "notebooks"


@functools.cache
def name():
    """Name this workspace, so that learners on one Engine do not meet.

    Returns:
        The environment's `WORKSPACE`, else `learner-` with the JupyterHub user, the system's
        user or that user's number; in the letters that names of images allow.
    """
    if chosen := os.environ.get("WORKSPACE"):  # may be a name that this has given
        fits = re.fullmatch("(?=.{1,60}$)[a-z0-9]+([-_][a-z0-9]+)*", chosen)
        return chosen if fits else _slug(chosen)
    return f"learner-{_slug(os.environ.get('JUPYTERHUB_USER') or _system_user())}"


def _system_user():
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # the system has no name for it, as in many containers
        return str(os.getuid())


def _slug(text):
    """Write a text in the letters that names of images allow, another one for each text.

    A hash of the whole marks a short form that has lost something. No plain text has a `_`.
    """
    short = re.sub("[^a-z0-9]+", "-", text.lower())[:40].strip("-")
    if short == text:
        return short
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:6]
    return f"{short or 'name'}_{digest}"


def label():
    """Give the label that everything made here carries, as `key=value`."""
    return f"{LABEL}={name()}"


def prefixed(short):
    """Give a container's full name: `web` is `ada-web` in ada's workspace.

    Args:
        short: The name within this workspace, or a full name already.

    Returns:
        The name with the workspace's prefix, once.
    """
    return f"{name()}-{str(short).removeprefix(f'{name()}-')}"


def owns(container, labelled=None):
    """Return whether a container was made by this workspace.

    The label alone does not tell: an image may pass it on to containers that others run from it.
    So the name begins with the workspace's, or the label can't come from the image.

    Args:
        container: The container, as the Engine inspects it.
        labelled: For a container of another name: a dict by the ID of each image that is here,
            of whether that carries the label.

    Returns:
        A bool.
    """
    labels = container["Config"].get("Labels") or {}
    own_name = container["Name"].startswith(f"/{name()}-")
    return labels.get(LABEL) == name() and (
        own_name or (labelled or {}).get(container["Image"]) is False
    )


def check_container(api, full):
    """Refuse to touch a container that this workspace did not make.

    Args:
        api: A `docker.APIClient`.
        full: The container's full name.

    Returns:
        The container, as the Engine inspects it.

    Raises:
        NotFound: There is none of this name.
        NotOwned: Another made it.
    """
    container = api.inspect_container(full)
    if not owns(container):
        full = container["Name"].lstrip("/")
        raise errors.NotOwned(
            "",
            f"the container {full} was not made by this workspace, and the lessons touch no other",
            f"Choose another name; or, if it is yours, type docker rm -f {full} in a terminal",
        )
    return container


def owns_tag(reference):
    """Tell whether an image's name lies in this workspace's namespace, as `ada/hello:1` does.

    So does `127.0.0.1:5052/ada/hello:1`: the lessons' registries are all on this machine.
    """
    host = r"(?:docker\.io/|(?:127\.0\.0\.1|localhost):\d+/)?"
    return bool(re.match(f"{host}{re.escape(name())}/", reference))


def place(path):
    """Tell where a file of the workspace's folder lies.

    Args:
        path: A file name such as `busybox.tar`, or one that lies in the folder already.

    Returns:
        Its path as a `Path`, relative to the current folder.
    """
    return Path(os.path.relpath(NOTEBOOK_DIR / FOLDER / name() / Path(str(path)).name))


def file(path):
    """Place a file to write in the workspace's folder, as `place` does, and make the folder.

    Raises:
        LessonError: The folder can't be made, or a link leads out of it.
    """
    found = place(path)
    with errors.translate_errors(f"write {found.as_posix()}"):
        found.parent.mkdir(parents=True, exist_ok=True)
    for link in filter(Path.is_symlink, (found.parent, found)):
        raise errors.LessonError(
            f"write {found.as_posix()}",
            f"{link.as_posix()} is a link, and the lessons write only in their own folder",
            f"Remove the link, rm {link.as_posix()}, then run the cell again",
        )
    return found


def setup():
    """Connect to the Engine, go to the notebooks' folder, and say what the notebook works with.

    Raises:
        EngineUnavailable: No Engine answers, or this user may not talk to it.
    """
    os.chdir(NOTEBOOK_DIR)
    with errors.translate_errors("connect to the Docker Engine"):
        engine.connect().ping()
    at, hub = engine.sources(), "Docker Hub"
    display(
        Text(
            f"The Docker Engine answers. You are {name()}.\n"
            f"Images come from {at.mirror or hub}, search results from {at.index or hub}."
        )
    )


def reset():
    """Remove what this workspace made, and nothing else.

    Returns:
        A DataFrame, a row a thing removed: kind (str), name (str).

    Raises:
        EngineUnavailable: No Engine answers.

    Source: Engine API `DELETE /containers/{id}`, `/images/{name}`, `/networks/{id}`,
    `/volumes/{name}`.
    """
    api = engine.connect().api
    mine = {"label": label()}
    removed = []

    def remove(kind, shown, how, *which, **options):
        with _unless_gone_or_needed():
            how(*which, **options)
            removed.append((kind, shown))

    with errors.translate_errors("reset the workspace"):
        with_label = {image["Id"] for image in api.images(all=True, filters=mine)}
        labelled = {image["Id"]: image["Id"] in with_label for image in api.images(all=True)}
        for one in api.containers(all=True, filters=mine):
            with _unless_gone_or_needed():
                container = api.inspect_container(one["Id"])
                if owns(container, labelled):
                    shown = container["Name"].lstrip("/")
                    remove("container", shown, api.remove_container, one["Id"], v=True, force=True)
        for image in api.images(all=True):
            for reference in filter(owns_tag, image["RepoTags"] or []):
                remove("image", reference, api.remove_image, reference)
        for image in api.images():
            for reference in filter(owns_tag, image["RepoDigests"] or []):  # pulled by digest
                remove("image", reference, api.remove_image, reference)
        for network in api.networks(filters=mine):
            remove("network", network["Name"], api.remove_network, network["Id"])
        for volume in api.volumes(filters=mine)["Volumes"] or []:
            remove("volume", volume["Name"], api.remove_volume, volume["Name"])
    files = NOTEBOOK_DIR / FOLDER / name()
    if not files.is_symlink():
        there = sorted(files.glob("*"))
        shutil.rmtree(files, ignore_errors=True)
        gone = [path for path in there if not os.path.lexists(path)]
        removed += [("file", (FOLDER / name() / path.name).as_posix()) for path in gone]
    with contextlib.suppress(OSError):  # somebody else's are in it, or it is not there
        (NOTEBOOK_DIR / FOLDER).rmdir()
    return pd.DataFrame(removed, columns=["kind", "name"], dtype="str")


@contextlib.contextmanager
def _unless_gone_or_needed():
    """Go on where a thing is gone already (404), or something of someone else's needs it (409)."""
    try:
        yield
    except docker.errors.APIError as err:
        if err.status_code not in (404, 409):
            raise


class Text(str):
    """Text that a notebook shows as it is, without quotes."""

    def _repr_pretty_(self, printer, cycle):
        printer.text(self.rstrip("\n"))


if __name__ == "__main__" and sys.argv[1:] == ["reset"]:
    try:
        gone = reset()
    except errors.LessonError as err:
        sys.exit(str(err))
    for kind, what in gone.itertuples(index=False):
        print(f"removed {kind} {what}")
