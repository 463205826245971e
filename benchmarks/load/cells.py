"""The notebooks' code cells, and the comparison of what they give, as nbval compares."""

import os
import re
from collections import defaultdict

import nbformat
from nbval.plugin import coalesce_streams, get_sanitize_patterns

from tests.notebooks import NOTEBOOKS, SANITIZE

SAVED_BY = "learner"  # the workspace in which the outputs were saved
_RULES = [(re.compile(rule), new) for rule, new in get_sanitize_patterns(SANITIZE.read_text())]
_RANDOM = {"application/vnd.jupyter.widget-view+json", "image/png"}  # nbval skips these, too
_LONGEST = 400  # characters of an output that a complaint quotes


def code_cells():
    """Read the notebooks.

    Returns:
        A list for each notebook, in order, of its code cells.
    """
    books = [nbformat.read(path, as_version=4).cells for path in NOTEBOOKS]
    return [[cell for cell in book if cell.cell_type == "code"] for book in books]


def difference(saved, given, name):
    """Compare a cell's outputs with the saved ones: results, errors and shown commands.

    Args:
        saved: The saved outputs.
        given: The new outputs.
        name: The workspace in which they were made.

    Returns:
        What differs, a str; empty where nothing does.
    """
    before, now = _texts(saved), _texts(given, name)
    for kind in sorted(before.keys() | now.keys()):
        if before[kind] != now[kind]:
            return f"{kind}: saved {_quoted(before[kind], now[kind])}"
    return ""


def _texts(outputs, name=SAVED_BY):
    """Give all that outputs show, by kind, without what may differ from run to run."""
    found = defaultdict(list)
    for output in coalesce_streams(outputs):
        parts = output.get("data")
        if output.output_type == "stream":
            parts = {output.name: output.text}
        if output.output_type == "error":
            parts = {"error": f"{output.ename}: {output.evalue}"}
        for kind in parts.keys() - _RANDOM:
            found[kind].append(_folded(parts[kind].replace(name, SAVED_BY)))
    return found


def _folded(text):
    for rule, new in _RULES:
        text = rule.sub(new, text)
    return text


def _quoted(before, now):
    """Quote the first output that differs, from where it does."""
    pairs = zip(before + [""], now + [""], strict=False)
    one, other = next((pair for pair in pairs if pair[0] != pair[1]), (str(before), str(now)))
    start = max(0, len(os.path.commonprefix([one, other])) - 80)
    return f"{one[start:][:_LONGEST]!r}, now {other[start:][:_LONGEST]!r}"
