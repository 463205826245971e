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
from itables import JavascriptFunction
from itables.widget import ITable

from helpers._internal import command
from helpers._internal.frames import (
    SEARCH,
    filters,
    kind,
    labelled,
    search_texts,
    static_repr,
    to_cells,
)

WIDGET = "application/vnd.jupyter.widget-view+json"
# A table's outputs are a picture and the widget. Where the widget lives, it takes the picture's
# place; in a notebook that is opened again without its kernel, the picture stays alone.
_PICTURE = """<style>
.jp-OutputArea-child:has(.lesson-picture):has(+ * .lesson-table:not(.jupyter-widgets-disconnected)),
.jp-OutputArea-child:has(.lesson-picture) +
  :has(> .lm-Panel):not(:has(.lesson-table:not(.jupyter-widgets-disconnected)))
{ display: none; }
</style>"""
_STYLE = """
.lesson-table { --jp-widgets-font-size: 1em; font-size: var(--jp-content-font-size1); }
.lesson-table .widget-box { overflow: visible; }
.lesson-table .filters { flex-flow: row wrap; gap: .4em 2em; align-items: end; }
.lesson-table .filters b { font-variant-numeric: tabular-nums; margin-left: .4em; }
.lesson-table input[type=checkbox] { width: 1.4em; height: 1.4em; margin: .3em 0; }
.lesson-table .noUi-handle { background: var(--jp-brand-color1); border: 0; }
.lesson-table .noUi-handle:focus-visible { outline: 2px solid; outline-offset: 1px; }
.lesson-table [role=status] { font-weight: 600; margin-top: .4em; }
.lesson-table .itables_anywidget { overflow-x: auto; }
.lesson-table .dt-layout-row { margin: .3em 0; }
.lesson-table :is(.itables_anywidget, .dt-container, table.dataTable) { background: none; }
.lesson-table table.dataTable > * > tr > * { vertical-align: top; max-width: 32em; }
.lesson-table .dt-right { white-space: nowrap; font-variant-numeric: tabular-nums; }
.lesson-table caption { display: none; }
.lesson-table .dt-container .dt-paging .dt-paging-button.disabled
  { color: inherit !important; opacity: .4; }
.lesson-table td s { font-size: 0; }
.lesson-table .long { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3;
                      overflow: hidden; overflow-wrap: anywhere; min-width: 8em; }
"""
# Python writes which rows are left in the table's caption, which nobody sees; DataTables looks
# there, and its sorting stays. And the controls get names, for who cannot see the headings.
_FILTER = JavascriptFunction("""function () {
  const table = this.api(), kept = this[0].createCaption();
  if (table.search.fixed("kept")) return;
  table.search.fixed("kept", (text, data, row) => kept.textContent[row] !== "0").draw();
  new MutationObserver(() => table.draw()).observe(kept, { childList: true });
  setTimeout(() => {
    for (const input of document.querySelectorAll(".lesson-table :is(input, select)"))
      input.ariaLabel = input.title;
    for (const handle of document.querySelectorAll(".lesson-table .noUi-handle"))
      handle.ariaLabel = handle.closest(".widget-slider").querySelector("label").title +
        (handle.matches(".noUi-handle-lower") ? " at least" : " at most");
  });
}""")


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


def command_for(noted, choices):
    """Return the docker command that gives just the rows that are left, or why there is none.

    Args:
        noted: What `with_command` noted.
        choices: As `Table.choices`.

    Returns:
        Two str, one of them empty: the command line, and what docker has no filter for.
    """
    asked, lacking = dict(noted["asked"]), []
    for label, choice in choices.items():
        known, label = noted["filters"].get(label), "text" if label == SEARCH else label
        low, high = choice if isinstance(choice, list | tuple) else (choice, None)
        if low is not None and known:
            asked[known] = _docker_value(low)
        elif low is not None:
            lacking.append(label if high is None else f"{label} at least")
        if high is not None:
            lacking.append(f"{label} at most")
    if lacking:
        tool = command.line(*noted["words"][:2])
        return "", f"{tool} has no filter for: {', '.join(lacking)}"
    options = [word for key in asked for word in ("--filter", f"{key}={asked[key]}")]
    return command.line(*noted["words"], *options, *noted["rest"]), ""


def _docker_value(value):
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)


def mask(frame, columns, texts, choices):
    """Return for each row whether it fits every choice, as an array of bool.

    Args:
        frame: Any DataFrame.
        columns: Its columns by their labels.
        texts: Each row's text, in which words are searched.
        choices: As `Table.choices`.
    """
    fits = np.ones(len(frame), dtype=bool)
    for label, choice in choices.items():
        if label == SEARCH:
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
        self._whole, self._columns = frame.copy(), labelled(frame)
        self._texts, self._fits = search_texts(self._columns), np.ones(len(frame), dtype=bool)
        noted = frame.attrs.get("docker", {"rows": None})
        same = noted["rows"] is not None and noted["rows"] == _fingerprint(frame)
        self._noted = noted if same else None
        self._filters = {one.label: one for one in filters(self._columns)}
        self._controls = {label: _control(one) for label, one in self._filters.items()}
        self._headings = {label: widgets.HTML() for label in self._filters}
        self._command, self._count, self._following = widgets.HTML(), widgets.HTML(), False
        self._grid = _itable(self._columns, len(frame)) if self._columns else widgets.HTML()
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
        row = widgets.Box([*boxes, reset] if boxes else [])
        row.add_class("filters")
        return row

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
        if self._noted and self.choices:
            line, lacking = command_for(self._noted, self.choices)
        self._grid.caption = (self._fits + ord("0")).astype("uint8").tobytes().decode()
        self._command.value = command.Command(line)._repr_html_() if line else html.escape(lacking)
        total = f"{len(self._fits)} row{'s' if len(self._fits) != 1 else ''}"
        self._count.value = f'<div role="status">{self._fits.sum()} of {total}</div>'

    def __repr__(self):
        return static_repr(self.frame)["text/plain"]

    def _ipython_display_(self):
        picture = static_repr(self.frame)
        display(picture | {"text/html": _PICTURE + picture["text/html"]}, raw=True)
        display({WIDGET: self._repr_mimebundle_()[WIDGET]}, raw=True)


def _control(one):
    match one.kind:
        case "search":
            return widgets.Text(placeholder=f"in {', '.join(one.words)}", tooltip=one.label)
        case "flag":
            return widgets.Checkbox(indent=False, tooltip=one.label, layout={"width": "auto"})
        case "choice":
            pairs = zip(one.words, one.values, strict=True)
            return widgets.Dropdown(options=[("all", ""), *pairs], tooltip=one.label)
    ends, pairs = (0, len(one.values) - 1), zip(one.words, one.values, strict=True)
    return widgets.SelectionRangeSlider(
        options=list(pairs), index=ends, readout=False, tooltip=one.label)


def _chosen(control):
    """Return what is chosen in a control; None is everything."""
    if not isinstance(control, widgets.SelectionRangeSlider):
        return control.value or None
    bounds = [control.value[0] if control.index[0] > 0 else None,
              control.value[1] if control.index[1] < len(control.options) - 1 else None]
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


def _itable(columns, rows):
    """Return DataTables' table of all rows."""
    settings = [{"targets": place, "type": "string",
                 "className": "dt-right" if kind(column) == "number" else "dt-left"}
                for place, column in enumerate(columns.values())]  # fmt: skip
    layout = dict.fromkeys(["topStart", "topEnd", "bottomStart", "bottomEnd"])
    if rows > 10:
        layout["bottomEnd"] = {"paging": {"firstLast": False}}
    return ITable(
        to_cells(columns), allow_html=True, maxBytes=0, maxColumns=0, showIndex=False, css=_STYLE,
        columnDefs=settings, layout=layout, classes="row-border hover", autoWidth=False,
        style="width:100%",
        text_in_header_can_be_selected=False,
        language={"zeroRecords": "no rows", "emptyTable": "no rows"},
        drawCallback=_FILTER,
    )


def explore(frame):
    """Show a DataFrame as a table with filters: a search, sliders, flags and choices.

    Args:
        frame: Any DataFrame.

    Returns:
        A `Table`. Its `frame` is the DataFrame with the rows that are left.
    """
    return Table(frame)
