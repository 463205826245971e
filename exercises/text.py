"""Text of an exercise, in a terminal and as HTML."""

import html
import re

from helpers._internal import readable

_WORDS = [("`([^`]+)`", r"<code>\1</code>"), (r"\*\*([^*]+)\*\*", r"<strong>\1</strong>")]


def to_html(text):
    """Write a line as HTML: what stands between backticks is code, all else is text."""
    marked = html.escape(readable.visible(text).replace("\n", "\\n"), quote=False)
    for pattern, tags in _WORDS:
        marked = re.sub(pattern, tags, marked)
    return marked


def task_to_html(task):
    """Write a task as HTML: paragraphs, and points that begin with a dash."""
    blocks = []
    for block in task.split("\n\n"):
        points = [to_html(line.removeprefix("- ")) for line in block.split("\n")]
        listed = "".join(f"<li>{point}</li>" for point in points)
        blocks.append(f"<ul>{listed}</ul>" if block.startswith("- ") else f"<p>{points[0]}</p>")
    return "".join(blocks)


class Lines:
    """Short lines of text, below a title.

    Args:
        title: The first line.
        rows: The other lines.
    """

    def __init__(self, title, rows=()):
        self.title, *self.rows = (readable.visible(text).replace("\n", "\\n")
                                  for text in (title, *rows))  # fmt: skip

    def __repr__(self):
        return "\n".join([self.title, *self.rows])

    def _repr_html_(self):
        rows = "".join(f"<div>{to_html(row)}</div>" for row in self.rows)
        return f'<div style="line-height:1.6"><strong>{to_html(self.title)}</strong>{rows}</div>'
