"""The picture of an Engine: what there is goes in, HTML comes out, a list for who hears it."""

import html
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from helpers._internal.exit_codes import ended_by
from helpers._internal.readable import clipped, short, size, visible
from helpers._internal.snapshot import name

MAX_BOXES = 40  # of images, and of containers; the rest is counted
_TONES = {"running": "green", "created": "blue", "paused": "blue", "exited": "orange"}
STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")


class Box(NamedTuple):
    """A thing in the picture.

    Attributes:
        tone: Its colour: blue, green, orange or grey.
        lines: Its lines, tuples of a class (name, mono, note or empty), a text, and a link.
    """

    tone: str
    lines: tuple


class Parts(NamedTuple):
    """What there is, as the picture shows it: dicts of `Box` by what makes a thing the same thing.

    Attributes:
        sources: Where images come from, a str.
        registry: The own registry's address, `None` where it does not run.
        more: How many images and containers are not shown, a tuple of two int.
    """

    images: dict
    containers: dict
    repositories: dict
    sources: str = "Docker Hub"
    registry: str | None = None
    more: tuple = (0, 0)


def image_box(image):
    """Return the `Box` of an image, as the Engine lists it; names of one ID stand together."""
    names = [one for one in image["RepoTags"] or () if one != "<none>:<none>"]
    names = names or [short(one.partition("@")[0]) + "@…" for one in image["RepoDigests"] or ()]
    number = short(image["Id"]).removeprefix("sha256:")
    names = [one for one in names if one != "<none>@…"] or ["<none>"]
    lines = [("name", one, None) for one in names]
    return Box("blue", (*lines, ("note", f"{size(image['Size'])} · {number}", None)))


def container_box(container, details):
    """Return the `Box` of a container, as the Engine lists it, and says in detail (or `None`)."""
    known = details or {"State": {}}
    state = known["State"]
    status = state.get("Status") or container["State"]
    lines = [("name", name(container), None)]
    ended = status in ("exited", "dead", "restarting")
    when = _clock(state.get("FinishedAt" if ended else "StartedAt"))
    since = " at " if ended else " since " if status == "running" else ", started at "
    lines.append(("", f"{status}{since}{when}" if when else status, None))
    if ended and "ExitCode" in state:
        code = state["ExitCode"]
        why = "out of memory" if state.get("OOMKilled") else ended_by(code)
        lines.append(("", f"exit code {code}: {why}", None))
    if state.get("Error"):
        lines.append(("note", clipped(state["Error"], 120), None))
    if count := known.get("RestartCount"):
        lines.append(("", f"restarted {count} time{'s' if count > 1 else ''}", None))
    lines.append(("note", f"from {short(container['Image'])}", None))
    ports = {(one.get("PublicPort"), one["PrivatePort"], one["Type"]): one.get("IP")
             for one in reversed(container["Ports"]) if one.get("PublicPort")}  # fmt: skip
    for (public, private, kind), ip in sorted(ports.items()):
        host = "127.0.0.1" if ip in (None, "", "0.0.0.0", "::") else ip
        host = f"[{host}]" if ":" in host else host
        link = f"http://{host}:{public}/" if kind == "tcp" else None
        lines.append(("mono", f"{host}:{public} → {private}/{kind}", link))
    return Box(_TONES.get(status, "grey" if status == "dead" else "orange"), tuple(lines))


def repository_box(repository, tags):
    """Return the `Box` of a repository in the own registry."""
    tags = ", ".join(tags) or "no tags"
    return Box("orange", (("mono", repository, None), ("note", tags, None)))


def _clock(text):
    """Write a time of the Engine's as a clock shows it here; empty where it says none."""
    if not text or text.startswith("0001-"):
        return ""
    then = datetime.fromisoformat(text).astimezone()
    today = then.date() == datetime.now().date()
    return f"{then:%H:%M:%S}" if today else f"{then:%d %b, %H:%M}"


def draw(parts, before=None):
    """Draw the picture.

    Args:
        parts: The `Parts`; `None` where no Engine answers.
        before: Those a moment ago: what is new or other is marked, what is gone is struck through.

    Returns:
        HTML, a str; `STYLE` is its style sheet.
    """
    answers, parts = parts is not None, parts or Parts({}, {}, {}, sources="")
    old = (before if answers else None) or Parts(None, None, None)
    hub = Box("orange", (("", parts.sources, None),))
    own = Box("orange", (("", "your own", None), ("mono", parts.registry, None)))
    registry = _list({"hub": hub}) if parts.sources else ""
    if parts.registry:
        held = _list(parts.repositories, old.repositories, kind="held")
        registry += f'<div class="heading box orange">{_lines(own)}</div>{held}'
    engine = "Docker Engine" if answers else "No Docker Engine answers"
    return f"""<div class="lesson-live">
<div class="sides">
<div><p class="title">Client</p><p class="box blue mono">docker CLI</p>
<p class="box blue">this notebook</p></div>
<div><p class="title">Registry</p>{registry}</div>
<p class="note">↓ Engine API</p><p class="note">↓ pull · push ↑</p></div>
<div class="host">
<p class="{"" if answers else "no "}engine bar">{engine}</p>
<div class="sides"><p class="note">↓ holds</p><p class="note">↓ runs</p>
<div class="part"><p class="heading title">Images</p>
{_list(parts.images, old.images, parts.more[0])}</div>
<div class="part"><p class="heading title">Containers</p>
{_list(parts.containers, old.containers, parts.more[1])}</div></div>
<p class="bar">Kernel: one, shared</p>
</div></div>"""


def _list(boxes, before=None, more=0, kind=""):
    """Write boxes as a list, those that are gone as well, and how many more there are."""
    gone = {key: box for key, box in (before or {}).items() if key not in boxes}
    items = [_item(box, "new" if before is not None and before.get(key) != box else "")
             for key, box in boxes.items()]  # fmt: skip
    items += [_item(box, "gone") for box in gone.values()]
    note = f'<p class="note">and {more} more</p>' if more else ""
    return f'<ul class="{kind}">{"".join(items)}</ul>{note}'


def _item(box, mark):
    hidden = ' aria-hidden="true"' if mark == "gone" else ""
    return f'<li class="box {box.tone} {mark}"{hidden}>{_lines(box, mark != "gone")}</li>'


def _lines(box, links=True):
    return "<br>\n".join(
        f'<a class="{kind}" href="{html.escape(link)}" target="_blank" rel="noopener">'
        f"{_text(text)}</a>" if link and links else f'<span class="{kind}">{_text(text)}</span>'
        for kind, text, link in box.lines
    )  # fmt: skip


def _text(text):
    """Write a text as HTML; a long name breaks behind a slash."""
    return html.escape(visible(clipped(text, 300))).replace("/", "/<wbr>")
