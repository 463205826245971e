"""Frames: columns with types, and how their values are searched, sorted, chosen from and read."""

import html
import itertools
import math
import re
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas.api import types

from helpers._internal.readable import age, short, size, visible

pd.set_option("display.html.use_mathjax", False)  # "$5 or $6" in a table is no formula
SEARCH = "search"  # the label of the filter that searches all text
MAX_CHOICES = 12  # values that a list of choices has at most
MAX_STEPS = 60  # stops of a slider, about
MAX_LENGTH = 500  # letters of a cell that are shown
_BRIEF = 10  # letters of a cell that stay on one line
_FITTING = "white-space:normal;overflow-wrap:anywhere"  # no table is wider than the page
_SIZE = re.compile("(^|_)(size|bytes)$")  # the labels of columns in bytes
_LONG = re.compile(r".{81}|\S{31}", re.DOTALL)  # a cell that takes several lines


def to_frame(rows, **dtypes):
    """Return a DataFrame of tuples; `s` and `ns` make times of what is counted so since 1970."""
    columns = list(zip(*rows, strict=True)) or [()] * len(dtypes)
    filled = zip(dtypes.items(), columns, strict=True)
    return pd.DataFrame({name: _series(values, dtype) for (name, dtype), values in filled})


def _series(values, dtype):
    if dtype in ("s", "ns"):
        return pd.to_datetime(pd.Series(values, dtype="int64"), unit=dtype, utc=True)
    return pd.Series(values, dtype=dtype)


def labelled(frame):
    """Return a frame's columns, and its index where it says something, each by a label of its own.

    Of two columns with one name, the second is `name (2)`.
    """
    levels = [frame.index.get_level_values(level) for level in range(frame.index.nlevels)]
    series = [
        level.to_series(name="index" if level.name is None else level.name)
        for level in levels
        if level.name is not None or not types.is_integer_dtype(level)
    ]
    columns = {}
    for column in [*series, *(frame.iloc[:, place] for place in range(frame.shape[1]))]:
        label = _label(column.name)
        counted = (f"{label} ({count})" for count in itertools.count(2))
        names = (name for name in itertools.chain([label], counted) if name not in columns)
        columns[next(name for name in names if name != SEARCH)] = _plain(column)
    return columns


def _label(name):
    words = name if isinstance(name, tuple) else (name,)
    return visible(" ".join(str(word) for word in words if word is not None))[:60] or "(no name)"


def _plain(column):
    """Return a column with the type that its values have."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    return column.infer_objects().reset_index(drop=True)


def kind(column):
    """Return what a column holds: flag, number, time or text."""
    if types.is_bool_dtype(column):
        return "flag"
    if types.is_numeric_dtype(column) and not types.is_complex_dtype(column):
        return "number"
    return "time" if types.is_datetime64_any_dtype(column) else "text"


def search_texts(columns):
    """Return what a search looks through: each row's texts as one, without capitals."""
    texts = [_texts(column) for column in columns.values() if kind(column) == "text"]
    return ["\n".join(row).casefold() for row in zip(*texts, strict=True)]


# Filters, made from the columns' types


class Filter(NamedTuple):
    """What can be chosen in one column: its kind (search, flag, choice or range) and values."""

    label: str
    kind: str
    values: list
    words: list  # the values, to read

    @property
    def takes(self):
        """What can be chosen, in words."""
        return {"search": "words to find", "flag": "True", "choice": f"one of {self.values}",
                "range": "[low, high], with None for no bound"}[self.kind]  # fmt: skip

    def accepts(self, choice):
        """Return whether a choice is of the form that this filter takes."""
        if self.kind == "search":
            return isinstance(choice, str)
        if self.kind != "range":
            return choice is True if self.kind == "flag" else choice in self.values
        numbers = isinstance(self.values[0], int | float)
        return isinstance(choice, list | tuple) and len(choice) == 2 and all(
            bound is None or isinstance(bound, int | float) == numbers for bound in choice)


def filters(columns):
    """Return a filter for each column where there is something to choose.

    Flags come right after the search. A single row needs no filter.
    """
    if not columns or len(next(iter(columns.values()))) < 2:
        return []
    made = [spec for label, column in columns.items() if (spec := _filter(label, column))]
    texts = [label for label, column in columns.items() if kind(column) == "text"]
    search = [Filter(SEARCH, "search", [], texts)] if texts else []
    return search + sorted(made, key=lambda spec: spec.kind != "flag")


def _filter(label, column):
    holds = kind(column)
    values = _few(column) if holds == "text" else slider_steps(column)
    if len(values) < 2:
        return None
    if holds in ("flag", "text"):
        return Filter(label, "choice" if holds == "text" else "flag", values, values)
    write = partial(_number, label) if holds == "number" else "{:%Y-%m-%d %H:%M}".format
    return Filter(label, "range", values, [write(value) for value in values])


def _few(column):
    """Return a text column's values if they are few, short, and at least one comes twice."""
    known = column.dropna()
    if not all(isinstance(value, str) for value in known):
        return []
    values = sorted(set(known))
    brief = all(0 < len(value) <= 30 and visible(value) == value for value in values)
    return values if brief and len(values) < len(known) and len(values) <= MAX_CHOICES else []


def slider_steps(column):
    """Return the values of a column that a slider stops at, in order."""
    values = column.dropna().drop_duplicates().sort_values()
    if kind(column) == "number":
        return _round_steps(values[np.isfinite(values.to_numpy(dtype=float))].tolist())
    places = np.linspace(0, len(values) - 1, min(len(values), MAX_STEPS)).round().astype(int)
    return values.iloc[places].tolist()


def _round_steps(numbers):
    """Return round numbers from the smallest to the largest, closer where they are small."""
    if len(numbers) < 2:
        return []
    low, high = numbers[0], numbers[-1]
    whole = all(isinstance(number, int) for number in numbers)
    least = 1 if whole else next((number for number in numbers if number > 0), math.inf)
    if low >= 0 and high > MAX_STEPS * max(low, least):
        tens = range(math.floor(math.log10(least)), math.floor(math.log10(high)) + 1)
        inner = [float(f"{digit}e{ten}") for ten in tens for digit in (1, 2, 3, 5, 7)]
    else:
        ten = math.floor(math.log10((high - low) / MAX_STEPS)) + 1
        step = 10 ** max(ten, 0) if whole else float(f"1e{ten}")
        counts = range(math.ceil(low / step), math.ceil(high / step))
        inner = [float(f"{count * step:.12g}") for count in counts]
    inner = [int(number) if whole else number for number in inner if low < number < high]
    return [low, *inner, high]


# What a person reads; the data below stays exact


def _number(label, value):
    if _SIZE.search(label):
        return size(value)
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def _texts(column):
    """Return a column's values as a list of str, missing ones as an empty str."""
    missing = column.isna().tolist()
    pairs = zip(column.tolist(), missing, strict=True)
    return ["" if is_missing else str(value) for value, is_missing in pairs]


def _words(label, column, now):
    """Return a column's values as a person reads them."""
    holds, texts = kind(column), _texts(column)
    if holds == "text":
        return [visible(text) for text in texts]
    if holds == "flag":
        write = {True: "✓", False: "–"}.get
    elif holds == "time":
        write = partial(age, now=now if column.dt.tz else now.tz_localize(None))
    else:
        write = partial(_number, label)
    pairs = zip(column.tolist(), texts, strict=True)
    return [write(value) if text else "" for value, text in pairs]


def to_cells(columns):
    """Return the frame that a page shows, as HTML. A stranger's text is escaped here.

    Each cell begins with a comment that holds its rank, so that to sort the cells as text is to
    sort the exact values.
    """
    now = pd.Timestamp.now("UTC")
    shown = {}
    for label, column in columns.items():
        pairs = zip(_ranks(column), _words(label, column, now), strict=True)
        shown[html.escape(label)] = [f"<!--{rank:09}-->{_cell(text)}" for rank, text in pairs]
    return pd.DataFrame(shown)


def _cell(text):
    """Write one value as HTML: a digest is shown in short, and copied whole."""
    cut = short(text)
    if cut != text:
        return f'<span title="{text}">{cut}<s>{text[len(cut):]}</s></span>'
    clipped = html.escape(_clip(text))
    if not _LONG.search(text):
        return clipped
    return f'<span class="long" title="{clipped}">{clipped}</span>'


def _clip(text):
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}…"


def _ranks(column):
    """Return each value's place among the column's sorted values; missing ones come last."""
    words = types.is_object_dtype(column) or types.is_string_dtype(column)
    keys = column
    if words:
        keys = pd.Series([text.casefold() for text in map(visible, _texts(column))], dtype="str")
    places = pd.factorize(keys, sort=True)[0]
    return np.where(places < 0, len(places), places).tolist()


def static_repr(frame):
    """Write a frame as HTML and as plain text, for where no kernel is.

    Its times are exact, since ages would differ with each run.
    """
    columns = labelled(frame)
    texts = {label: _static(label, column) for label, column in columns.items()}
    styles = itertools.cycle(_style(kind(columns[label]), label, texts[label]) for label in texts)
    shown = pd.DataFrame(texts, index=range(len(frame)))
    settings = {"index": False, "max_rows": 20, "show_dimensions": len(frame) > 20}
    with pd.option_context("display.max_colwidth", 80):
        page = shown.to_html(**settings, border=0, classes="lesson-picture")  # it escapes all
        page = re.sub("<(t[dh])>", lambda at: f'<{at[1]} style="{next(styles)}">', page)
        return {
            "text/html": page.replace("<table ", f'<table style="{_FITTING}" ', 1),
            "text/plain": shown.to_string(**settings, line_width=100),
        }


def _style(holds, label, texts):
    """Return how a column's cells stand on a page: no number and no short word is broken."""
    side = "right" if holds == "number" else "left"
    brief = holds in ("number", "flag")
    if holds == "text":
        brief = max(map(len, (label, *texts))) <= _BRIEF
    return f"text-align:{side}" + (";white-space:nowrap" if brief else "")


def _static(label, column):
    if kind(column) == "text":
        return [short(_clip(text)) for text in _words(label, column, None)]
    is_size = kind(column) == "number" and _SIZE.search(label)
    return _words(label, column, None) if is_size else column
