"""The docker command that gives the same rows as the choices in a table's filters."""

import pandas as pd

from helpers._internal import command, frames


def with_command(frame, *words, asked=None, rest=(), filters=None):
    """Note on a frame the docker command that gives the same rows; return the frame.

    The command is `words`, the filters that were `asked` for (a dict), and the `rest`. `filters`
    says which filter of docker a column stands for: a flag for `name=true`, a choice for
    `name=value`, the lower bound of a range for `name=number`.
    """
    frame.attrs["docker"] = {
        "words": list(words), "asked": asked or {}, "rest": [str(word) for word in rest],
        "filters": filters or {}, "rows": _Rows(frame),
    }  # fmt: skip
    return frame


def noted(frame):
    """Return what `with_command` noted, or `None` where these are other rows by now."""
    note = frame.attrs.get("docker")
    return note if note and note["rows"].same(frame) else None


class _Rows:
    """The rows that a command gave; pandas hands the note on to frames with other rows."""

    def __init__(self, frame):
        self._frame = frame.copy(deep=False)

    def __deepcopy__(self, memo):
        return self  # pandas copies a frame's notes with each step

    def same(self, frame):
        """Return whether a frame has the same rows, in any order."""
        try:
            ours, others = (pd.util.hash_pandas_object(one, index=False) for one in
                            (self._frame, frame))  # fmt: skip
        except TypeError:
            return False
        return len(ours) == len(others) and ours.sum() == others.sum()


def command_for(note, choices):
    """Return the command line for the rows that are left, and what docker has no filter for."""
    asked, lacking = dict(note["asked"]), []
    for label, choice in choices.items():
        known, label = note["filters"].get(label), "text" if label == frames.SEARCH else label
        low, high = choice if isinstance(choice, list | tuple) else (choice, None)
        if low is not None and known:
            asked[known] = _docker_value(low)
        elif low is not None:
            lacking.append(label if high is None else f"{label} at least")
        if high is not None:
            lacking.append(f"{label} at most")
    if lacking:
        tool = command.line(*note["words"][:2])
        return "", f"{tool} has no filter for: {', '.join(lacking)}"
    options = [word for key in asked for word in ("--filter", f"{key}={asked[key]}")]
    return command.line(*note["words"], *options, *note["rest"]), ""


def _docker_value(value):
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)
