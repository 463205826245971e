"""The Engine beside the lesson: a picture of what there is, and the commands that change it."""

import contextlib
import html
import os
import re
import time
from pathlib import Path

import anywidget
import traitlets
from docker.errors import DockerException
from IPython import get_ipython
from IPython.display import display
from sidecar import Sidecar

from helpers import engine
from helpers._internal import datatables, events, identity, picture, sentences
from helpers._internal.errors import LessonError
from helpers._internal.snapshot import Snapshot

START_TRIES = 10  # how often a registry that has just been started is asked, twice a second
_BASE = re.compile(r"(?:127\.0\.0\.1:\d+/library/)?busybox[:@]")  # all lessons start from it
_SAVED = "<p>The Docker Engine, when this cell ran:</p>"
_views = {}  # by whether it shows everything


class View(anywidget.AnyWidget):
    """What `show` shows, as long as it is not closed.

    Attributes:
        picture: What there is, HTML.
        lines: The last commands, HTML.
    """

    _esm = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    _css = picture.STYLE + Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
    picture = traitlets.Unicode().tag(sync=True)
    lines = traitlets.Unicode().tag(sync=True)

    def __init__(self, everything):
        super().__init__()
        self._everything, self._log = everything, sentences.Log()
        self._parts, self._details, self._came = None, {}, set()
        self._images, self._gone = {}, {}  # by ID: an image's names, and those it lost of late
        self._store, self._tries, self._end = (None, {}), 0, lambda: None
        self.beside = None
        self.on_msg(lambda *message: self.close())

    def follow(self):
        """Show what there is, and follow it from now on."""
        try:
            parts = self._look(Snapshot(engine.connect().api), [])
        except (LessonError, DockerException, OSError):
            parts = None
        self._show(parts)
        self._end = events.subscribe(self._change)

    def close(self):
        """End the view; the last one of all ends the stream of events."""
        self._end()
        for key in [key for key, view in _views.items() if view is self]:
            del _views[key]
        if self.beside:
            self.beside.close()
        super().close()

    def _change(self, snapshot, happened):
        if snapshot is None:
            self._gone.clear()
            return self._show(None)
        mine = [event for event in happened if self._concerns(event)]
        if mine or not happened:
            before = self._images
            parts = self._look(snapshot, mine)
            held = {one for names in self._images.values() for one in names}
            for key, names in before.items():  # a name that another image has now has only moved
                self._gone.setdefault(key, []).extend(one for one in names if one not in held)
            told = [one for one in happened if one in mine or one["Action"] == "connect"]
            self._log.add(told, self._details, self._gone)
            self._show(parts)

    def _show(self, parts):
        if parts != self._parts or not self.picture:
            self.picture = picture.draw(parts, self._parts)
            self._parts = parts
        lines = "".join(map(_line, reversed(self._log.lines)))
        self.lines = f"<ol>{lines}</ol>" if lines else ""

    def _concerns(self, event):
        """Return whether an event is about what is shown: not about another workspace's things."""
        actor, known = event["Actor"]["ID"], event["Actor"]["Attributes"]
        if self._everything or event["Action"] in ("prune", "pull", "load", "import"):
            return True
        if known.get(identity.LABEL) == identity.name() or actor in self._details:
            return True
        names = [actor, known.get("name", "")]
        return event["Type"] == "image" and (
            actor in self._images or any(map(identity.owns_tag, names))
        )

    def _look(self, snapshot, happened):
        """Read what is to be shown, and no details again where nothing happened."""
        about = {event["Actor"]["ID"] for event in happened}
        self._came |= about if any(event["Type"] == "image" for event in happened) else set()
        containers = snapshot.containers if self._everything else snapshot.own_containers
        images, most = self._shown_images(snapshot), picture.MAX_BOXES
        shown = {one["Id"]: one for one in containers[:most]}
        kept = self._details if happened else {}
        self._details = {
            key: key not in about and kept.get(key) or snapshot.inspect(key) for key in shown
        }
        self._images = {one["Id"]: one["RepoTags"] or () for one in snapshot.images}
        self._read_registry(snapshot, happened)
        return picture.Parts(
            {one["Id"]: picture.image_box(one) for one in images[:most]},
            {key: picture.container_box(one, self._details[key]) for key, one in shown.items()},
            {key: picture.repository_box(key, tags) for key, tags in self._store[1].items()},
            _source(), self._store[0],
            (max(len(images) - most, 0), max(len(containers) - most, 0)),
        )  # fmt: skip

    def _shown_images(self, snapshot):
        """Return the images that are shown, without the names that are other workspaces'."""
        if self._everything:
            return snapshot.images
        own, shown = self._came.union(one["Id"] for one in snapshot.own_images), []
        for one in snapshot.images:
            tags = one["RepoTags"] or []
            known = [name for name in tags if _BASE.match(name) or name in self._came]
            if known or one["Id"] in own:
                names = [name for name in tags if name in known or identity.owns_tag(name)]
                shown.append(one | {"RepoTags": names or tags})
        return shown

    def _read_registry(self, snapshot, happened):
        """Ask the own registry what it holds, when that may be something else by now."""
        full, runs = identity.prefixed("registry"), snapshot.registry_runs
        if happened and runs == bool(self._store[0]) and not any(
            event["Action"] == "push" or event["Actor"]["Attributes"].get("name") == full
            for event in happened
        ):  # fmt: skip
            return
        held = snapshot.repositories
        self._store = (None, {}) if held is None else (str(snapshot.registry), held)
        self._tries = self._tries + 1 if runs and held is None else 0
        if 0 < self._tries < START_TRIES:  # no event tells when it begins to answer
            events.refresh(after=0.5)


def _source():
    """Say where images come from."""
    with contextlib.suppress(LessonError):
        if mirror := engine.sources().mirror:
            return f"{mirror}, in place of Docker Hub"
    return "Docker Hub"


def _line(line):
    """Write a line as HTML."""
    clock = time.strftime("%H:%M:%S", time.localtime(line.time))
    first, arrow, rest = (html.escape(part) for part in str(line).partition(" → "))
    return f"<li><time>{clock}</time><code>{first}</code>{arrow}{rest}</li>"


def show(*, all=False):
    """Show what is on the Engine, and what changes it, as it happens.

    In JupyterLab it stands beside the notebook, at the right, and elsewhere below the cell. Shown
    again, it takes the place of what it showed before.

    Args:
        all: Show everything on the Engine, not only what is this workspace's.

    Source: Engine API `GET /events`, `/containers/json`, `/images/json`.
    """
    if not hasattr(get_ipython(), "kernel"):
        return print("The Engine is shown in a notebook.")
    close(all=all)
    _views[all] = view = View(all)
    view.follow()
    page = f"{_SAVED}<style>{picture.STYLE}</style>{view.picture}"
    datatables.show_picture(page, "(Run the cell to see the Engine.)")
    widget = datatables.widget_data(view)
    display(widget, raw=True)
    in_vs_code = any(key.startswith("VSCODE_") for key in os.environ)
    if "JPY_SESSION_NAME" in os.environ and not in_vs_code:
        output = {"output_type": "display_data", "data": widget, "metadata": {}}
        view.beside = Sidecar(title="Docker Engine", outputs=(output,))


def close(*, all=False):
    """Close what `show` shows.

    Args:
        all: That of `show(all=True)`.
    """
    if view := _views.pop(all, None):
        view.close()
