"""Tables to explore: a DataFrame in, a table with filters out.

ipywidgets shows the filters, and itables (DataTables) the rows. Python decides which rows are left.
"""

import html
from bisect import bisect_left, bisect_right
from functools import partial

import ipywidgets as widgets
import numpy as np
import pandas as pd
import traitlets
from IPython.display import display

from helpers._internal import command, datatables, equivalents, frames

FILTERED = 3  # rows from which on a DataFrame is shown with filters


def mask(frame, columns, texts, choices):
    """Return for each row whether it fits every choice, an array of bool.

    A frame's columns stand by their labels, and texts are what words are searched in, a str a row.
    """
    fits = np.ones(len(frame), dtype=bool)
    for label, choice in choices.items():
        if label == frames.SEARCH:
            for word in choice.casefold().split():
                fits &= np.fromiter((word in text for text in texts), bool, len(frame))
        else:
            fits &= _fits(columns[label], choice).fillna(False).to_numpy(dtype=bool)
    return fits


def _fits(column, choice):
    if not isinstance(choice, list | tuple):
        return column == choice
    low, high = choice
    fits = column.notna()
    if low is not None:
        fits &= column >= low
    return fits if high is None else fits & (column <= high)


class Table(widgets.VBox):
    """A table with filters above it, as `explore` makes one.

    Attributes:
        choices: What is chosen in the filters; `{}` is everything. Assign to it to choose from
            Python. A dict, from a column's label to `True` for a flag; a str that the value must
            equal; or `[low, high]` for numbers and times, both inclusive and `None` where there
            is no bound. The label `search` holds words that must all stand in the text columns,
            in small or capital letters.
        frame: The DataFrame with the rows that are left.
    """

    choices = traitlets.Dict()

    def __init__(self, frame):
        self._whole, self._columns = frame.copy(), frames.labelled(frame)
        self._texts = frames.search_texts(self._columns)
        self._fits, self._following = np.ones(len(frame), dtype=bool), False
        self._note = equivalents.noted(frame)
        self._filters = {spec.label: spec for spec in frames.filters(self._columns)}
        self._controls = {label: _control(spec) for label, spec in self._filters.items()}
        self._headings = {label: widgets.HTML() for label in self._filters}
        self._command, self._count = widgets.HTML(), widgets.HTML()
        self._grid = datatables.itable(self._columns, len(frame))
        for label, control in self._controls.items():
            control.observe(partial(self._take, label), "value")
        super().__init__([self._row(), self._command, self._count, self._grid])
        self.add_class("lesson-table")
        self._show()

    def _row(self):
        reset = widgets.Button(description="Reset", layout={"width": "auto"})
        reset.on_click(lambda button: self.set_trait("choices", {}))
        pairs = zip(self._headings.values(), self._controls.values(), strict=True)
        boxes = [widgets.VBox(pair) for pair in pairs]
        return widgets.Box([*boxes, reset] if boxes else []).add_class("filters")

    @property
    def frame(self):
        return self._whole[self._fits]

    @traitlets.validate("choices")
    def _check(self, proposal):
        for label, choice in proposal["value"].items():
            if label not in self._filters:
                known = ", ".join(self._filters) or "none"
                raise ValueError(f"there is no filter {label}; there are: {known}")
            if not self._filters[label].accepts(choice):
                raise ValueError(f"{label} takes {self._filters[label].takes}, not {choice!r}")
        self._fits = mask(self._whole, self._columns, self._texts, proposal["value"])
        return proposal["value"]

    def _take(self, label, change):
        """Take over what is chosen in a control."""
        if not self._following:
            choices = self.choices | {label: _chosen(change.owner)}
            order = (label for label in self._filters if choices.get(label) is not None)
            self.choices = {label: choices[label] for label in order}

    @traitlets.observe("choices")
    def _show(self, change=None):
        """Show the rows that are left, and what is chosen."""
        self._following = True
        for label, control in self._controls.items():
            _choose(control, self.choices.get(label))
            self._headings[label].value = _heading(label, control)
        self._following = False
        line, lacking = "", ""
        if self._note and self.choices:
            line, lacking = equivalents.command_for(self._note, self.choices)
        self._command.value = command.Command(line)._repr_html_() if line else html.escape(lacking)
        self._grid.caption = (self._fits + ord("0")).astype("uint8").tobytes().decode()
        words = f"{self._fits.sum()} of {len(self._fits)} row{'s' if len(self._fits) != 1 else ''}"
        self._count.value = f'<div role="status">{words}</div>'

    def __repr__(self):
        return frames.static_repr(self.frame)["text/plain"]

    def _ipython_display_(self):
        picture = frames.static_repr(self.frame)
        display(picture | {"text/html": datatables.PICTURE + picture["text/html"]}, raw=True)
        display(datatables.widget_data(self), raw=True)


def _control(spec):
    """Return the widget for a filter. Its description stays empty: Jupyter would set `$` in it."""
    pairs = list(zip(spec.words, spec.values, strict=False))
    match spec.kind:
        case "search":
            return widgets.Text(placeholder=f"in {', '.join(spec.words)}", tooltip=spec.label)
        case "flag":
            return widgets.Checkbox(indent=False, tooltip=spec.label, layout={"width": "auto"})
        case "choice":
            return widgets.Dropdown(options=[("all", ""), *pairs], tooltip=spec.label)
    return widgets.SelectionRangeSlider(
        options=pairs, index=(0, len(pairs) - 1), readout=False, tooltip=spec.label
    )


def _chosen(control):
    """Return what is chosen in a control; None is everything."""
    if not isinstance(control, widgets.SelectionRangeSlider):
        return control.value or None
    bounds = [
        control.value[0] if control.index[0] > 0 else None,
        control.value[1] if control.index[1] < len(control.options) - 1 else None,
    ]
    return None if bounds == [None, None] else bounds


def _choose(control, choice):
    """Set a control to a choice; None is everything."""
    if not isinstance(control, widgets.SelectionRangeSlider):
        control.value = choice or (False if isinstance(control, widgets.Checkbox) else "")
        return
    steps = [step for _, step in control.options]
    bounds = [pd.Timestamp(bound) if isinstance(bound, str) else bound for bound in choice or ()]
    low, high = bounds or (None, None)
    first = 0 if low is None else max(bisect_right(steps, low) - 1, 0)
    last = len(steps) - 1 if high is None else min(bisect_left(steps, high), len(steps) - 1)
    control.index = first, last


def _heading(label, control):
    if not isinstance(control, widgets.SelectionRangeSlider):
        return html.escape(label)
    low, high = (control.options[place][0] for place in control.index)
    return f"{html.escape(label)} <b>{low} – {high}</b>"


def explore(frame):
    """Show a DataFrame as a table with filters: a search, sliders, flags and choices.

    Args:
        frame: Any DataFrame.

    Returns:
        A `Table`. Its `frame` is the DataFrame with the rows that are left.
    """
    return Table(frame)


def _display(frame):
    """Show a DataFrame that a cell ends in: with filters, or as it is where it has few rows."""
    if len(frame) >= FILTERED:
        display(explore(frame))
    else:
        display(frames.static_repr(frame), raw=True)


def show_frames(shell):
    """Have an IPython shell show DataFrames as tables with filters.

    Args:
        shell: The shell, such as `get_ipython()` gives; `None` where there is none.
    """
    if shell:
        shell.display_formatter.ipython_display_formatter.for_type(pd.DataFrame, _display)
