"""Show the command that a helper stands for, so that a learner can paste it in a terminal.

Every shown line is made here, by `line`: a word may be a stranger's, out of an archive or an index.
"""

import html
import math
import re
import shlex
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from IPython import get_ipython
from IPython.display import display

from helpers._internal import errors, readable

STYLE = (
    "margin:0;padding:.3em .7em;border-left:3px solid #1d63ed;white-space:pre-wrap;"
    "word-break:normal;overflow-wrap:anywhere;background:rgba(29,99,237,.08);"
    "font-family:var(--jp-code-font-family,monospace)"
)
_TABLE = '<table role="presentation" style="margin:0;font:inherit">{}</table>'
_CELL = "padding:0;text-align:left;vertical-align:top;white-space:pre"  # not as JupyterLab's
_ROW = (
    f'<tr style="background:none"><td inert style="{_CELL};opacity:.6">$ </td>'
    f'<td style="{_CELL}-wrap"><div align="left">{{}}</div></td></tr>'
)
_PAGE = re.compile(r"(?<=^curl )http://127\.0\.0\.1:\d+/[\w./-]*$")  # what a browser opens, too
_LINK = r'<a href="\g<0>" target="_blank" style="color:inherit;text-decoration:underline">\g<0></a>'
_OBEYED = re.compile(f"[\\t\\n{readable.UNSAFE}]")
_SPECIAL = re.compile(rf"^-|['!\\]|{_OBEYED.pattern}")  # and what `printf` or a shell would
_IMPOSSIBLE = re.compile("[\0\ud800-\udc7f\udd00-\udfff]")  # the rest are bytes of a file's name
_quiet = ContextVar("quiet", default=False)
_current = ContextVar("current", default=None)
_folded = ContextVar("folded", default=None)


class Command:
    """Command lines, as a person types them, with the bars of a transfer below while it runs.

    Those that only prepare for them, `prepared`, stand folded above.
    """

    def __init__(self, *lines, prepared=()):
        self.lines, self.prepared, self._below, self._handle = lines, prepared, "", None

    def __repr__(self):
        return "\n".join(f"$ {line}" for line in (*self.prepared, *self.lines))

    def _repr_html_(self):
        count = len(self.prepared)
        title = f"Prepared with {count} command{'s' if count > 1 else ''}"
        folded = f"<details><summary>{title}</summary>{_pre(self.prepared)}</details>"
        lines = _pre(self.lines) if self.lines else ""
        return f"{folded if count else ''}{lines}{self._below}"

    def show(self):
        """Show it. In a notebook, what it shows can then be changed without a new output."""
        if _folded.get() is not None:
            return _folded.get().extend((*self.prepared, *self.lines))
        handle = display(self, display_id=True)
        self._handle = handle if hasattr(get_ipython(), "kernel") else None

    def put_below(self, content):
        """Show HTML below the lines, where they stand; an empty str takes it away again."""
        if self._handle:
            self._below = content
            self._handle.update(self)


def _pre(lines):
    # Nobody selects what is inert; JupyterLab leaves it in what others saved, and takes away
    # `user-select`. In a table each `$` stands beside its line where no style is left, as on
    # GitHub (whose tables are set flush right), and three clicks still take the line alone.
    rows = "".join(_ROW.format(_PAGE.sub(_LINK, html.escape(line))) for line in lines)
    return f'<pre style="{STYLE}">{_TABLE.format(rows)}</pre>'


def line(*words):
    """Join words to the line that a POSIX shell splits into them again; `None` is left out."""
    return " ".join(_quoted(str(word)) for word in words if word is not None)


def number(option, value, least, most=math.inf, *, sample, whole=True):
    """Return the number that was given for an option; refuse what is none, or out of range."""
    with suppress(TypeError, ValueError, OverflowError):
        count = float(value)
        if least <= count <= most and math.isfinite(count) and not (whole and count % 1):
            return int(count) if whole else count
    limits = f"from {least} to {most}" if math.isfinite(most) else f"from {least} on"
    problem = f"{option} takes a {'whole ' if whole else ''}number {limits}"
    hint = f"Write {option}={sample}"
    raise errors.InvalidInput(f"read {option}={value!r}", problem, hint)


def operands(*words):
    """Put `--` before words of which one begins with `-`, lest a tool takes it for an option."""
    return ("--", *words) if any(str(word).startswith("-") for word in words) else words


def _quoted(word):
    """Quote a word for the shell, in the way that is easiest to read.

    Quotes do not keep a terminal from its control characters: it reads them before the shell does,
    and an escape can end the paste. A line end in a name would leave the rest of it on a line of
    its own, to be run by who selects that. So both are written as `printf` turns them
    back in every shell; `$'…'` is only known to some.
    """
    if _IMPOSSIBLE.search(word):
        problem = f"no command can have the word {word!r}"
        raise errors.InvalidInput("write the command", problem, "Correct that word")
    text = word.rstrip("\n")  # `$(…)` drops line ends from the end
    if _OBEYED.search(text):
        text = _SPECIAL.sub(_octal, text.replace("%", "%%"))
        return f"\"$(printf '{text}'){word[len(word.rstrip(chr(10))) :]}\""
    if "'" in word and not re.search(r'["$`\\!]', word):
        return f'"{word}"'
    return shlex.quote(word)


def _octal(found):
    if found[0] in "\t\n":
        return r"\t" if found[0] == "\t" else r"\n"
    return "".join(f"\\{byte:03o}" for byte in found[0].encode(errors="surrogateescape"))


@contextmanager
def quietly():
    """Show nothing of what the helpers do in the block: neither commands nor bars."""
    before = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(before)


@contextmanager
def folded():
    """Show the commands of the block together and folded, as what only prepares."""
    before = _folded.set([])
    try:
        yield
    finally:
        lines = _folded.get()
        _folded.reset(before)
        if lines:
            Command(prepared=lines).show()


def current():
    """Return the `Command` that is shown, so that a transfer puts its bars there, or `None`."""
    return _current.get()


@contextmanager
def shown(*lines, prepared=()):
    """Show command lines, but not in `quietly`, then run the block.

    What goes wrong in it is said in the words of the last line.
    """
    before = _current.get()
    _current.set(None if _quiet.get() else Command(*lines, prepared=prepared))
    if current():
        current().show()
    try:
        with errors.translate_errors(lines[-1]):
            yield
    finally:
        _current.set(before)
