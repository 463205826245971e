"""Show the command that a helper stands for, so that a learner can paste it in a terminal."""

import html
import re
import shlex
from contextlib import contextmanager
from contextvars import ContextVar

from IPython.display import display

from helpers import errors

STYLE = (
    "margin:0;padding:.3em .7em;border-left:3px solid #1d63ed;white-space:pre-wrap;"
    "word-break:normal;overflow-wrap:anywhere;background:rgba(29,99,237,.08)"
)
_quiet = ContextVar("quiet", default=False)


class Command:
    """One command line or several, as a person types them.

    Args:
        lines: The command lines, without a prompt.
    """

    def __init__(self, *lines):
        self.lines = lines

    def __repr__(self):
        return "\n".join(f"$ {line}" for line in self.lines)

    def _repr_html_(self):
        prompt = '<span style="user-select:none;opacity:.6">$ </span>'
        code = "\n".join(prompt + html.escape(line) for line in self.lines)
        return f'<pre style="{STYLE}">{code}</pre>'


def line(*words):
    """Join words to the line that a POSIX shell splits into the same words again.

    Args:
        words: The command and its arguments; `None` is left out.

    Returns:
        The command line as a str.
    """
    return " ".join(_quoted(str(word)) for word in words if word is not None)


def _quoted(word):
    """Quote a word for the shell, in the way that is easiest to read."""
    if "'" in word and not re.search(r'["$`\\!]', word):
        return f'"{word}"'
    return shlex.quote(word)


@contextmanager
def quietly():
    """Show nothing of what the helpers do in the block: neither commands nor bars."""
    before = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(before)


def is_quiet():
    """Tell whether nothing is to be shown."""
    return _quiet.get()


@contextmanager
def shown(*lines):
    """Show command lines, then run the block; what goes wrong in it is said in their words.

    Args:
        lines: The command lines that the block stands for.

    Raises:
        LessonError: In place of what docker-py, the Engine or the network raised.
    """
    if not _quiet.get():
        display(Command(*lines))
    with errors.explained(lines[-1]):
        yield
