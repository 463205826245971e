"""The picture of an Engine: what there is goes in, SVG and a list for screen readers come out."""

import html
import re
from datetime import datetime
from typing import NamedTuple

from helpers._internal.exit_codes import ended_by
from helpers._internal.readable import clipped, short, size, visible
from helpers._internal.snapshot import name

MAX_BOXES = 40  # of images, and of containers; the rest is counted
_WIDTH = 440
_LINE = 17  # the height of a line of text
_LETTERS = {"name": 7.9, "mono": 7.3, "note": 6.1}  # the widths of letters; of all other text
_LETTER = 6.3
_TONES = {"running": "green", "created": "blue", "paused": "blue", "exited": "orange"}
STYLE = """
.lesson-live { --ink: var(--jp-ui-font-color1, #1f2a37); --card: var(--jp-layout-color1, #fafbfc);
  --note: color-mix(in srgb, var(--ink) 75%, var(--card)); --edge: #8996a5; --fill: 10%;
  --blue: #1553c7; --orange: #a84600; --green: #1f6b42; --grey: #5d6b7a; }
:is([data-jp-theme-light="false"], .vscode-dark) .lesson-live { --fill: 20%;
  --blue: #8db4ff; --orange: #ffb27d; --green: #7ed3a1; --grey: #a9b6c4; }
.lesson-live svg { display: block; width: 100%; max-width: 560px; height: auto; }
.lesson-live text
  { font: 13px 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif; fill: var(--ink); }
.lesson-live .title { font-size: 15px; font-weight: bold; }
.lesson-live .name, .lesson-live .mono
  { font: 12px Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace; }
.lesson-live .name { font-size: 13px; font-weight: bold; }
.lesson-live .note { fill: var(--note); font-size: 12px; }
.lesson-live .mid { text-anchor: middle; }
.lesson-live .bar text { fill: #fff; }
.lesson-live .arrow { fill: none; stroke: var(--note); stroke-width: 1.5; marker-end: url(#tip); }
.lesson-live .tip { fill: var(--note); }
.lesson-live .frame { fill: var(--card); stroke: var(--edge); }
.lesson-live .host { fill: color-mix(in srgb, var(--edge) 16%, var(--card)); stroke: var(--edge); }
.lesson-live .box rect { stroke: var(--tone); stroke-width: 1.5;
  fill: color-mix(in srgb, var(--tone) var(--fill), var(--card)); }
.lesson-live a text { fill: var(--blue); text-decoration: underline; }
.lesson-live .new rect { stroke-width: 3.5; animation: lesson-live-new 3s ease-out; }
.lesson-live .gone { opacity: .55; }
.lesson-live .gone rect { stroke-dasharray: 5 4; }
.lesson-live .gone text { text-decoration: line-through; }
@keyframes lesson-live-new
  { from { fill: color-mix(in srgb, var(--tone) 70%, var(--card)); stroke-width: 7; } }
@media (prefers-reduced-motion: reduce) { .lesson-live .new rect { animation: none; } }
"""
_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path class="tip" d="M0 0L8 4L0 8Z"/></marker></defs>'
)


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


def listing(parts):
    """Write the picture as a list, for a screen reader and the keyboard; `None` is no Engine."""
    if parts is None:
        return "<p>No Docker Engine answers.</p>"
    titles = {"Images": parts.images, "Containers": parts.containers}
    if parts.registry:
        titles[f"Registry {parts.registry}"] = parts.repositories
    return "".join(
        f'<p class="heading">{html.escape(title)}: {len(boxes)}</p>'
        f"<ul>{''.join(map(_item, boxes.values()))}</ul>"
        for title, boxes in titles.items()
    )


def _item(box):
    words = [f'<a href="{html.escape(link)}" target="_blank" rel="noopener">{_text(text)}</a>'
             if link else _text(text) for _, text, link in box.lines]  # fmt: skip
    return f"<li>{', '.join(words)}</li>"


def _text(text):
    return html.escape(visible(clipped(text, 300)))


def draw(parts, before=None):
    """Draw the picture.

    Args:
        parts: The `Parts`; `None` where no Engine answers.
        before: Those a moment ago: what is new or other is marked, what is gone is struck through.

    Returns:
        SVG, a str.
    """
    answers = parts is not None
    parts, canvas = parts or Parts({}, {}, {}, sources=""), _Canvas(answers and before)
    canvas.text(14, 27, "title", "Client")
    canvas.rect("box blue", 14, 36, 130, 28), canvas.text(79, 55, "mono mid", "docker CLI")
    canvas.rect("box blue", 14, 70, 130, 28), canvas.text(79, 89, "mid", "this notebook")
    canvas.text(180, 27, "title", "Registry")
    end = 36
    if parts.sources:
        hub = Box("orange", (("", parts.sources, None),))
        end = canvas.box("", hub, 180, end, _WIDTH - 194) + 6
    if parts.registry:
        own = Box("orange", (("", "your own", None), ("mono", parts.registry, None)))
        end = canvas.box("", own, 180, end, _WIDTH - 194) + 6
        end = canvas.boxes(parts.repositories, "repositories", 192, end, _WIDTH - 206)
    top, host = max(end, 104) + 44, canvas.mark()
    canvas.arrow(79, 98, 79, top + 16), canvas.text(86, top - 14, "note", "Engine API")
    canvas.arrow(300, max(end - 6, 64), 300, top + 16), canvas.text(270, top - 14, "note", "pull")
    canvas.arrow(330, top + 16, 330, max(end - 6, 64)), canvas.text(337, top - 14, "note", "push")
    canvas.bar(14, top + 16, _WIDTH - 28, 34, "#1553c7" if answers else "#b3261e",
               "Docker Engine" if answers else "No Docker Engine answers")  # fmt: skip
    left, right, y = 14, 196, top + 74
    canvas.arrow(102, top + 50, 102, y), canvas.text(109, top + 66, "note", "holds")
    canvas.arrow(311, top + 50, 311, y), canvas.text(318, top + 66, "note", "runs")
    frame = canvas.mark()
    canvas.text(left + 10, y + 21, "title", "Images"), canvas.text(right + 10, y + 21, "title",
                                                                     "Containers")  # fmt: skip
    ends = [
        canvas.more(canvas.boxes(boxes, part, x + 8, y + 30, width - 16), x + 10, count)
        for boxes, part, x, width, count in (
            (parts.images, "images", left, 176, parts.more[0]),
            (parts.containers, "containers", right, _WIDTH - right - 14, parts.more[1]),
        )
    ]
    bottom = max(*ends, y + 64) + 4
    canvas.rect("frame", left, y, 176, bottom - y, at=frame)
    canvas.rect("frame", right, y, _WIDTH - right - 14, bottom - y, at=frame)
    canvas.bar(14, bottom + 8, _WIDTH - 28, 28, "#3b4856", "Kernel: one, shared")
    canvas.rect("host", 5, top, _WIDTH - 10, bottom + 46 - top, at=host)
    return canvas.svg(bottom + 52)


class _Canvas:
    def __init__(self, before):
        self.pieces, self.before = [], before

    def mark(self):
        """Remember a place in the drawing, below all that comes after it."""
        return len(self.pieces)

    def put(self, piece, at=None):
        self.pieces.insert(len(self.pieces) if at is None else at, piece)

    def text(self, x, y, kind, text, link=None):
        text = f'<text x="{x:g}" y="{y:g}" class="{kind}">{_text(text)}</text>'
        if link:
            text = f'<a href="{html.escape(link)}" target="_blank" tabindex="-1">{text}</a>'
        self.put(text)

    def rect(self, kind, x, y, width, height, at=None):
        tone = f"--tone:var(--{kind.split()[1]})" if kind.startswith("box ") else ""
        self.put(
            f'<g class="{kind}" style="{tone}"><rect x="{x}" y="{y}" width="{width}" '
            f'height="{height:g}" rx="6" class="{kind.split()[0]}"/></g>', at
        )  # fmt: skip

    def bar(self, x, y, width, height, colour, text):
        size = f'width="{width}" height="{height}"'
        self.put(f'<g class="bar"><rect x="{x}" y="{y}" {size} rx="5" fill="{colour}"/>')
        self.text(x + width / 2, y + height / 2 + 5, "title mid", text)
        self.put("</g>")

    def arrow(self, x, y, to_x, to_y):
        self.put(f'<path class="arrow" d="M{x} {y}L{to_x} {to_y}"/>')

    def boxes(self, boxes, part, x, y, width):
        """Draw boxes below one another, those that are gone as well; return where they end."""
        before = getattr(self.before, part, {}) if self.before else None
        gone = {key: box for key, box in (before or {}).items() if key not in boxes}
        for key, box in (boxes | gone).items():
            new = before is not None and before.get(key) != box
            y = self.box("gone" if key in gone else "new" if new else "", box, x, y, width) + 6
        return y

    def box(self, mark, box, x, y, width):
        """Draw a box; return where it ends."""
        top, at, lines = y, self.mark(), []
        for kind, text, link in box.lines:
            most = int((width - 16) / _LETTERS.get(kind, _LETTER))
            lines += [(kind, piece, link) for piece in wrap(visible(clipped(text, 300)), most)]
        for kind, piece, link in lines:
            y += _LINE
            self.text(x + 8, y, kind, piece, link)
        self.rect(f"box {box.tone} {mark.replace('gone', '')}", x, top, width, y + 8 - top, at)
        if mark == "gone":
            self.pieces[at + 1 :] = ['<g class="gone">', *self.pieces[at + 1 :], "</g>"]
        return y + 8

    def more(self, y, x, count):
        """Write how many more there are; return where it ends."""
        if count:
            self.text(x, y + 12, "note", f"and {count} more")
        return y + 18 * bool(count)

    def svg(self, height):
        size = f'width="{_WIDTH}" height="{height:g}" viewBox="0 0 {_WIDTH} {height:g}"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="lesson-live" {size} '
            f'aria-hidden="true"><style>{STYLE}</style>{_TIP}<rect x="1" y="1" rx="10" '
            f'width="{_WIDTH - 2}" height="{height - 2:g}" class="frame"/>'
            f"{''.join(self.pieces)}</svg>"
        )


def wrap(text, most):
    """Break a text into lines of so many letters at most, behind a mark or a space if it can."""
    lines = []
    while len(text) > most:
        ends = [found.end() for found in re.finditer(r"[/:@\s,._-]", text[:most])]
        end = max((one for one in ends if one > most // 3), default=most)
        lines.append(text[:end].rstrip())
        text = text[end:]
    return [*lines, text]
