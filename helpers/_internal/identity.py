"""What belongs to this learner: a name, a label, a prefix, a namespace and a folder."""

import functools
import getpass
import hashlib
import os
import re
from pathlib import Path

from helpers._internal import errors

LABEL = "lesson"  # the label's key; its value is the workspace's name
FOLDER = Path("files")  # beside the notebooks; in it, each workspace has a folder of its own
NOTEBOOK_DIR = Path(__file__).resolve().parents[2] / "notebooks"


@functools.cache
def name():
    """Return the name of this workspace, by which learners on one Engine do not meet.

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
    """Return the label that everything made here carries, as `key=value`."""
    return f"{LABEL}={name()}"


def prefixed(short):
    """Return a container's full name: `web` is `ada-web` in ada's workspace, and so is that."""
    return f"{name()}-{str(short).removeprefix(f'{name()}-')}"


def owns(container, labelled=None):
    """Return whether a container, as the Engine inspects it, was made by this workspace.

    The label alone does not tell: an image may pass it on to containers that others run from it.
    So the name begins with the workspace's, or the label can't come from the image: for that,
    `labelled` says of each image that is here, by its ID, whether it carries the label.
    """
    labels = container["Config"].get("Labels") or {}
    own_name = container["Name"].startswith(f"/{name()}-")
    return labels.get(LABEL) == name() and (
        own_name or (labelled or {}).get(container["Image"]) is False
    )


def check_container(api, full):
    """Return what the Engine says of a container; refuse one that this workspace did not make."""
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
    """Return whether an image's name lies in this workspace's namespace, as `ada/hello:1` does.

    So does `127.0.0.1:5052/ada/hello:1`: the lessons' registries are all on this machine.
    """
    host = r"(?:docker\.io/|(?:127\.0\.0\.1|localhost):\d+/)?"
    return bool(re.match(f"{host}{re.escape(name())}/", reference))


def place(path):
    """Return where a file of the workspace's folder lies, by its name, from the current folder."""
    return Path(os.path.relpath(NOTEBOOK_DIR / FOLDER / name() / Path(str(path)).name))


def file(path):
    """Return where to write a file of the workspace's folder, and make the folder.

    Args:
        path: A file name such as `busybox.tar`, or one that lies in the folder already.

    Returns:
        Its path as a `Path`, relative to the current folder.

    Raises:
        LessonError: The folder can't be made, or a link leads out of it.
    """
    target = place(path)
    with errors.translate_errors(f"write {target.as_posix()}"):
        target.parent.mkdir(parents=True, exist_ok=True)
    for link in filter(Path.is_symlink, (target.parent, target)):
        raise errors.LessonError(
            f"write {target.as_posix()}",
            f"{link.as_posix()} is a link, and the lessons write only in their own folder",
            f"Remove the link, rm {link.as_posix()}, then run the cell again",
        )
    return target
