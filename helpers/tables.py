"""Tables to explore: a DataFrame in, a table with filters out.

Python filters, and DataTables (the JavaScript library that itables ships) sorts and pages.
Whatever stands in a frame is a stranger's text: it enters the page as text, never as HTML.
"""

import functools
import itertools
import json
import math
import re
from pathlib import Path

import anywidget
import itables.options
import numpy as np
import pandas as pd
import traitlets
from pandas.api import types

from helpers._internal import command
from helpers._internal.readable import age, short, size, visible

pd.set_option("display.html.use_mathjax", False)  # "$5 or $6" in a table is no formula

SEARCH = "search"  # the label of the box that searches all text
_FEW = 12  # a choice has at most this many values
_LONG = 500  # letters of a cell that are sent to the browser
_STEPS = 60  # stops of a slider, about
_SIZE = re.compile("(^|_)(size|bytes)$")  # the labels of columns in bytes


# Filtering: a frame and choices in, a frame out


def filtered(frame, choices):
    """Keep the rows that fit every choice.

    Args:
        frame: Any DataFrame.
        choices: A dict, from the label of a column to what is chosen there: `True` for a flag;
            a str that the value must equal; or `[low, high]` for numbers and times, both
            inclusive and `None` where there is no bound. The label `search` holds plain text
            that must stand in one of the text columns, in small or capital letters.

    Returns:
        A DataFrame with the rows that are left, in their order, with their index and types.
    """
    texts = searchable(columns(frame)) if SEARCH in choices else ()
    return frame[_kept(frame, columns(frame), texts, choices)]


def _kept(frame, named, texts, choices):
    """Tell for each row whether it fits, as an array of bool."""
    kept = np.ones(len(frame), dtype=bool)
    for label, choice in choices.items():
        if label == SEARCH:
            wanted = choice.casefold()
            kept &= np.fromiter((wanted in text for text in texts), bool, len(frame))
        else:
            kept &= _fits(named[label], choice)
    return kept


def _fits(column, choice):
    """Tell for each value of a column whether it fits what is chosen there."""
    if not isinstance(choice, list | tuple):
        fits = column == choice
    else:
        fits = column.notna()
        low, high = (_bound(column, bound) for bound in choice)
        if low is not None:
            fits &= column >= low
        if high is not None:
            fits &= column <= high
    return fits.fillna(False).to_numpy(dtype=bool)


def _bound(column, bound):
    return pd.Timestamp(bound) if isinstance(bound, str) else bound


def searchable(named):
    """Give what the search looks through: each row's texts as one, without capitals."""
    found = [_texts(column) for column in named.values() if _kind(column) == "text"]
    return ["\n".join(row).casefold() for row in zip(*found, strict=True)]


def columns(frame):
    """Give a frame's columns, and its index where it says something, each by a label of its own.

    Args:
        frame: Any DataFrame.

    Returns:
        A dict from str to Series. Of two columns with one name, the second is `name (2)`.
    """
    levels = [frame.index.get_level_values(level) for level in range(frame.index.nlevels)]
    series = [
        level.to_series(name="index" if level.name is None else level.name)
        for level in levels
        if level.name is not None or not types.is_integer_dtype(level)
    ]
    series += [frame.iloc[:, place] for place in range(frame.shape[1])]
    named = {SEARCH: None}
    for column in series:
        named[_free(_label(column.name), named)] = _plain(column)
    del named[SEARCH]
    return named


def _label(name):
    words = name if isinstance(name, tuple) else (name,)
    return visible(" ".join(str(word) for word in words if word is not None))[:60] or "(no name)"


def _free(label, taken):
    counted = (f"{label} ({count})" for count in itertools.count(2))
    return next(one for one in itertools.chain([label], counted) if one not in taken)


def _plain(column):
    """Give a column the type that its values have."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    return column.infer_objects().reset_index(drop=True)


def _kind(column):
    """Tell what a column holds: flag, number, time or text."""
    if types.is_bool_dtype(column):
        return "flag"
    if types.is_numeric_dtype(column) and not types.is_complex_dtype(column):
        return "number"
    return "time" if types.is_datetime64_any_dtype(column) else "text"


# Filters made from the columns' types


def filters(named):
    """Choose a filter for each column where there is something to choose.

    Args:
        named: What `columns` gives.

    Returns:
        A list of dicts: kind (search, flag, choice or range), label, and for the last two kinds
        values and words (the same, to read). Flags come right after the search. A single row
        needs none.
    """
    if not named or len(next(iter(named.values()))) < 2:
        return []
    made = [one for label, column in named.items() if (one := _filter(label, column))]
    texts = [label for label, column in named.items() if _kind(column) == "text"]
    search = [{"kind": "search", "label": SEARCH, "words": texts}] if texts else []
    return search + sorted(made, key=lambda one: one["kind"] != "flag")


def _filter(label, column):
    kind, stops = _kind(column), _stops(column)
    if len(stops) < 2:
        return None
    if kind in ("flag", "text"):
        kind, words = ("choice" if kind == "text" else kind), stops
    elif kind == "time":
        words = [f"{stop:%Y-%m-%d %H:%M}" for stop in stops]
        kind, stops = "range", [stop.isoformat() for stop in stops]
    else:
        kind, words = "range", [_number(label, stop) for stop in stops]
    return {"kind": kind, "label": label, "values": stops, "words": words}


def _stops(column):
    """Give the values that one can choose from, in order; none where there is no choice."""
    kind = _kind(column)
    if kind == "text":
        return _few(column)
    different = column.dropna().drop_duplicates().sort_values()
    if kind == "number":
        different = different[np.isfinite(different.to_numpy(dtype=float))]
        return _round_stops(different.tolist())
    places = np.linspace(0, len(different) - 1, min(len(different), _STEPS)).round().astype(int)
    return different.iloc[places].tolist()


def _few(column):
    """Give a text column's values if they are few, short, and at least one comes twice."""
    known = column.dropna()
    if not all(isinstance(value, str) for value in known):
        return []
    different = sorted(set(known))
    short = all(0 < len(value) <= 30 and not visible(value) != value for value in different)
    return different if short and len(different) < len(known) and len(different) <= _FEW else []


def _round_stops(numbers):
    """Give round numbers from the smallest to the largest, close together where they are small."""
    if len(numbers) < 2:
        return []
    low, high = numbers[0], numbers[-1]
    whole = all(isinstance(number, int) for number in numbers)
    least = 1 if whole else next((number for number in numbers if number > 0), math.inf)
    if low >= 0 and high > _STEPS * max(low, least):
        tens = range(math.floor(math.log10(least)), math.floor(math.log10(high)) + 1)
        inner = [float(f"{digit}e{ten}") for ten in tens for digit in (1, 2, 3, 5, 7)]
    else:
        ten = math.floor(math.log10((high - low) / _STEPS)) + 1
        step = 10 ** max(ten, 0) if whole else float(f"1e{ten}")
        counts = range(math.ceil(low / step), math.ceil(high / step))
        inner = [float(f"{count * step:.12g}") for count in counts]
    inner = [int(number) if whole else number for number in inner if low < number < high]
    return [low, *inner, high]


# Readable: what a person sees; the data below stays exact


def _number(label, value):
    if _SIZE.search(label):
        return size(value)
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def _texts(column):
    """Give a column's values as a list of str, missing ones as an empty str."""
    missing = column.isna().tolist()
    values = column.tolist()
    return ["" if gone else str(value) for value, gone in zip(values, missing, strict=True)]


def _clipped(text):
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


def _cells(label, column, now):
    """Give a column's cells as they are shown, and in full."""
    kind, full = _kind(column), _texts(column)
    if kind == "text":
        full = [_clipped(visible(text)) for text in full]
        return [short(text) for text in full], full
    values = [value if text else None for value, text in zip(column, full, strict=True)]
    if kind == "flag":
        write = {True: "✓", False: "–"}.get
    elif kind == "time":
        now = now if column.dt.tz else now.tz_localize(None)
        write = functools.partial(age, now=now)
    else:
        write = functools.partial(_number, label)
    return ["" if value is None else write(value) for value in values], full


def _ranks(column, full):
    """Give each value's place among the column's sorted values; missing ones come last."""
    words = types.is_object_dtype(column) or types.is_string_dtype(column)
    keys = pd.Series([text.casefold() for text in full], dtype="str") if words else column
    places = pd.factorize(keys, sort=True)[0]
    return np.where(places < 0, len(places), places).tolist()


def _written(label, column):
    """Tell whether a column looks the same on each day, and other than its values."""
    return _kind(column) == "text" or (_kind(column) == "number" and _SIZE.search(label))


def readable(frame):
    """Give a frame whose sizes and digests are written to read, and whose texts do no harm.

    This is what a saved notebook shows. Its times are exact: ages would differ with each run.
    """
    shown = {
        label: _cells(label, column, None)[0] if _written(label, column) else column
        for label, column in columns(frame).items()
    }
    return pd.DataFrame(shown, index=range(len(frame)))


def _still(frame):
    """Write a frame as HTML and as plain text, for where no kernel is."""
    shown = readable(frame)
    settings = {"index": False, "max_rows": 20, "show_dimensions": len(frame) > 20}
    with pd.option_context("display.max_colwidth", 80):
        page = shown.to_html(**settings, border=0)  # which escapes what stands in it
        return {"text/html": page, "text/plain": shown.to_string(**settings, line_width=100)}


# The docker command that choices stand for


def with_command(frame, *words, asked=None, rest=(), filters=None):
    """Note on a frame which docker command gives the same rows.

    Args:
        frame: What the command's helper returns.
        words: The command, such as `"docker", "search"`.
        asked: The filters that it was run with: a dict from a filter's name to its value.
        rest: The words after the filters.
        filters: Which filter of docker a column stands for, a dict: a flag for `name=true`, a
            choice for `name=value`, the lower bound of a range for `name=number`.

    Returns:
        The same frame.
    """
    frame.attrs["docker"] = {
        "words": list(words), "asked": asked or {}, "rest": [str(word) for word in rest],
        "filters": filters or {}, "rows": _fingerprint(frame),
    }  # fmt: skip
    return frame


def _fingerprint(frame):
    """Sum up the rows' values, in any order: pandas hands the note on to frames with other rows."""
    try:
        return int(pd.util.hash_pandas_object(frame, index=False).sum())
    except TypeError:
        return None


def stands_for(made, choices):
    """Write the docker command that gives just the rows that are left, or why there is none.

    Args:
        made: What `with_command` noted.
        choices: As for `filtered`.

    Returns:
        Two str, one of them empty: the command line, and what docker has no filter for.
    """
    found, lacking = dict(made["asked"]), []
    for label, choice in choices.items():
        known, label = made["filters"].get(label), "text" if label == SEARCH else label
        low, high = choice if isinstance(choice, list | tuple) else (choice, None)
        if low is not None and known:
            found[known] = _docker_value(low)
        elif low is not None:
            lacking.append(label if high is None else f"{label} at least")
        if high is not None:
            lacking.append(f"{label} at most")
    if lacking:
        tool = command.line(*made["words"][:2])
        return "", f"{tool} has no filter for: {', '.join(lacking)}"
    options = [word for key in found for word in ("--filter", f"{key}={found[key]}")]
    return command.line(*made["words"], *options, *made["rest"]), ""


def _docker_value(value):
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)


# The widget


@functools.cache
def _library():
    """Read DataTables, as itables ships it."""
    return Path(itables.options.dt_bundle).read_text(encoding="utf-8")


class Table(anywidget.AnyWidget):
    """A table with filters above it, as `explore` makes one.

    Attributes:
        choices: What is chosen in the filters, as `filtered` takes it; `{}` is everything.
            Assign to it to choose from Python.
        frame: The DataFrame with the rows that are left.
    """

    _esm = Path(__file__).with_name("tables.js")
    _css = Path(__file__).with_name("tables.css")
    _library = traitlets.Unicode().tag(sync=True)
    _content = traitlets.Unicode().tag(sync=True)
    _answer = traitlets.Dict().tag(sync=True)
    choices = traitlets.Dict().tag(sync=True)

    def __init__(self, frame):
        self._whole, self._columns = frame.copy(), columns(frame)
        self._texts = searchable(self._columns)
        made = frame.attrs.get("docker")
        same = made and made["rows"] is not None and made["rows"] == _fingerprint(frame)
        self._made = made if same else None
        content = _content(frame, self._columns, pd.Timestamp.now("UTC"))
        super().__init__(_library=_library(), _content=content, _answer=self._answered({}))

    @property
    def frame(self):
        return self._whole[_kept(self._whole, self._columns, self._texts, self.choices)]

    @traitlets.validate("choices")
    def _known(self, proposal):
        if unknown := set(proposal["value"]) - {SEARCH, *self._columns}:
            raise ValueError(f"no column {min(unknown)}; there are {', '.join(self._columns)}")
        return proposal["value"]

    @traitlets.observe("choices")
    def _choose(self, change):
        self._answer = self._answered(change["new"])

    def _answered(self, choices):
        kept = _kept(self._whole, self._columns, self._texts, choices)
        line, lacking = stands_for(self._made, choices) if self._made and choices else ("", "")
        return {"to": choices, "kept": kept.tobytes(), "command": line, "lacking": lacking}

    def __repr__(self):
        return _still(self.frame)["text/plain"]

    def _repr_mimebundle_(self, **kwargs):
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return data | _still(self.frame), metadata


def _content(frame, named, now):
    """Write all that the browser needs to know of a frame, once, as JSON."""
    sent = []
    for label, column in named.items():
        shown, full = _cells(label, column, now)
        longer = {row: full[row] for row in range(len(full)) if full[row] != shown[row]}
        number, ranks = _kind(column) == "number", _ranks(column, full)
        told = {"label": label, "number": number, "shown": shown, "full": longer, "ranks": ranks}
        sent.append(told)
    return json.dumps({"columns": sent, "total": len(frame), "filters": filters(named)})


def explore(frame):
    """Show a DataFrame as a table with filters: a search, sliders, switches and choices.

    Args:
        frame: Any DataFrame.

    Returns:
        A `Table`. Its `frame` is the DataFrame with the rows that are left.
    """
    return Table(frame)
