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

from helpers import command

SEARCH = "search"  # the label of the box that searches all text
_FEW = 12  # a choice has at most this many values
_LONG = 500  # letters of a cell that are sent to the browser
_STEPS = 60  # stops of a slider, about
# Control characters (a terminal would obey them), marks that turn the writing direction, and
# halves of letters that no encoding can send.
_UNSAFE = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SIZE = re.compile("(^|_)(size|bytes)$")  # the labels of columns in bytes
_DIGEST = re.compile("((?:sha256:)?[0-9a-f]{12})[0-9a-f]{52}")


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
        values and words (the same, to read). Flags come right after the search.
    """
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
    short = all(0 < len(value) <= 30 and not _UNSAFE.search(value) for value in different)
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


def size(count):
    """Write a number of bytes in docker's decimal units, such as `1.98 MB`."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(count) < 999.5 or unit == "TB":
            return f"{count:.3g} {unit}"
        count /= 1000


def age(then, now):
    """Write how long ago a time was, in docker's words, such as `3 minutes ago`."""
    seconds = (now - then).total_seconds()
    minutes, hours = int(seconds / 60), int(seconds / 3600 + 0.5)
    if seconds < 1:
        return "Less than a second ago" if seconds >= -1 else f"{then:%Y-%m-%d %H:%M:%S}"
    if minutes == 1 or (minutes >= 60 and hours == 1):
        return "About a minute ago" if minutes == 1 else "About an hour ago"
    if minutes < 60:
        count, unit = (minutes, "minute") if minutes else (int(seconds), "second")
    else:
        steps = [(48, 1, "hour"), (24 * 14, 24, "day"), (24 * 60, 24 * 7, "week"),
                 (24 * 730, 24 * 30, "month"), (math.inf, 24 * 365, "year")]  # fmt: skip
        count, unit = next((hours // one, unit) for end, one, unit in steps if hours < end)
    return f"{count} {unit}{'s' if count != 1 else ''} ago"


def short(digest):
    """Cut a digest to the 12 digits that docker shows; any other text stays as it is."""
    return _DIGEST.fullmatch(digest)[1] if _DIGEST.fullmatch(digest) else digest


def visible(text):
    """Make characters visible that a terminal or a browser would obey."""
    return _UNSAFE.sub(lambda found: _picture(ord(found[0])), text)


def _picture(code):
    return chr(0x2400 + code) if code < 32 else "\N{REPLACEMENT CHARACTER}"


def _number(label, value):
    if _SIZE.search(label):
        return size(value)
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def _texts(column):
    """Give a column's values as a list of str, missing ones as an empty str."""
    missing = column.isna().tolist()
    return ["" if gone else str(value) for value, gone in zip(column, missing, strict=True)]


def _cells(label, column, now):
    """Give a column's cells as they are shown, and in full."""
    kind, full = _kind(column), _texts(column)
    if kind == "text":
        full = [visible(text) for text in full]
        return [short(text[:_LONG]) for text in full], [text[:_LONG] for text in full]
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


def made_by(frame, *words, asked=None, rest=(), filters=None):
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
        made: What `made_by` noted.
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


_SCRIPT = """
// Python filters; DataTables sorts and pages. Whatever comes from the frame enters the page
// by `append` or a property, which take it as text.

function make(tag, settings, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(settings)) {
    if (key in node) node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

function library(source) {
  const name = Symbol.for("lesson-tables");
  const address = () => URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  return (globalThis[name] ??= import(address()));
}

const filters = {
  search({ label, words }, changed) {
    const placeholder = `in ${words.join(", ")}`;
    const box = make("input", { type: "search", placeholder, oninput: changed });
    return {
      node: make("label", { className: "search" }, make("span", {}, label), box),
      read: () => box.value || null,
      show: (choice) => (box.value = choice ?? ""),
    };
  },
  flag({ label }, changed) {
    const box = make("input", { type: "checkbox", role: "switch", onchange: changed });
    return {
      node: make("label", { className: "flag" }, make("span", {}, label), box),
      read: () => box.checked || null,
      show: (choice) => (box.checked = choice ?? false),
    };
  },
  choice({ label, values, words }, changed) {
    const options = ["all", ...words].map((word) => make("option", {}, word));
    const box = make("select", { onchange: changed }, ...options);
    return {
      node: make("label", { className: "choice" }, make("span", {}, label), box),
      read: () => values[box.selectedIndex - 1] ?? null,
      show: (choice) => (box.selectedIndex = values.indexOf(choice) + 1),
    };
  },
  range({ label, values, words }, changed) {
    const max = values.length - 1;
    const read = () => [low, high].map((end) => +end.value);
    const write = () => {
      const [from, to] = read();
      low.style.zIndex = from > max / 2 ? 1 : 0;
      rail.style.setProperty("--from", from / max);
      rail.style.setProperty("--to", to / max);
      said.textContent = `${words[from]} – ${words[to]}`;
      low.setAttribute("aria-valuetext", words[from]);
      high.setAttribute("aria-valuetext", words[to]);
    };
    const end = (name, keep) => make("input", {
      type: "range", min: 0, max, "aria-label": `${label} ${name}`,
      oninput: (event) => { keep(event.target); write(); changed(); },
    });
    const low = end("at least", (it) => (it.value = Math.min(it.value, high.value)));
    const high = end("at most", (it) => (it.value = Math.max(it.value, low.value)));
    const rail = make("span", { className: "rail" }, low, high);
    const said = make("output", {});
    const name = make("span", {}, label, said);
    return {
      node: make("div", { className: "range", role: "group", "aria-label": label }, name, rail),
      read: () => {
        const [from, to] = read();
        return from || to < max ? [from ? values[from] : null, to < max ? values[to] : null] : null;
      },
      show: (choice) => {
        const [from, to] = choice ?? [null, null];
        low.value = from === null ? 0 : values.findLastIndex((value) => value <= from);
        high.value = to === null ? max : values.findIndex((value) => value >= to);
        write();
      },
    };
  },
};

function cell(column, row) {
  return make("span", row in column.full ? { title: column.full[row] } : {}, column.shown[row]);
}

// Text copied out of a cell that is shown in short is the whole text.
function copy(event) {
  const { anchorNode, focusNode } = getSelection();
  const short = anchorNode?.parentElement?.closest("td [title]");
  if (!short?.contains(focusNode)) return;
  event.clipboardData.setData("text/plain", short.title);
  event.preventDefault();
}

function grid(DataTable, columns, total, keep) {
  const heads = columns.map(({ label }) => make("th", { scope: "col" }, label));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)));
  const box = make("div", { className: "grid", oncopy: copy }, table);
  if (!columns.length) return { box, draw() {}, destroy() {} };
  const places = columns.map((column) => ({
    data: 0, searchable: false, type: "num", className: column.number ? "number" : "",
    render: (row, kind) => (kind === "display" ? cell(column, row) : column.ranks[row]),
  }));
  DataTable.ext.errMode = "throw";
  const made = new DataTable(table, {
    data: Array.from({ length: total }, (_, row) => [row]), columns: places, order: [],
    autoWidth: false, deferRender: true, pageLength: 10, language: { zeroRecords: "no rows" },
    layout: { topStart: null, topEnd: null, bottomStart: null,
              bottomEnd: total > 10 ? "paging" : null },
  });
  made.search.fixed("choices", (text, data, row) => keep()[row] === 1);
  return { box, draw: () => made.draw(), destroy: () => made.destroy() };
}

async function render({ model, el }) {
  const { default: DataTable } = await library(model.get("_library"));
  const { columns, total, filters: wanted } = JSON.parse(model.get("_content"));
  let kept = new Uint8Array();
  const controls = wanted.map((one) => [one.label, filters[one.kind](one, changed)]);
  const table = grid(DataTable, columns, total, () => kept);
  const count = make("p", { className: "count", role: "status" });
  const line = make("div", { className: "line" });
  const reset = make("button", { type: "button", onclick: () => choose({}) }, "Reset");
  const row = controls.length ? [...controls.map(([, one]) => one.node), reset] : [];
  const root = make("div", { className: "lesson-table" },
    make("div", { className: "filters", role: "group", "aria-label": "Filters" }, ...row),
    line, count, table.box);
  root.dataset.lmSuppressShortcuts = "true"; // keys here are not JupyterLab's

  function changed() {
    const read = controls.map(([label, one]) => [label, one.read()]);
    choose(Object.fromEntries(read.filter(([, choice]) => choice !== null)));
  }
  function choose(choices) {
    model.set("choices", choices);
    model.save_changes();
  }
  function show() {
    const choices = model.get("choices");
    for (const [label, one] of controls) {
      if (JSON.stringify(one.read()) !== JSON.stringify(choices[label] ?? null)) {
        one.show(choices[label]);
      }
    }
    wait();
  }
  function wait() {
    const same = JSON.stringify(model.get("_answer").to) === JSON.stringify(model.get("choices"));
    root.setAttribute("aria-busy", !same);
  }
  function answer() {
    const { kept: bits, command, lacking } = model.get("_answer");
    kept = new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength);
    const left = kept.reduce((sum, bit) => sum + bit, 0);
    count.replaceChildren(`${left} of ${total} ${total === 1 ? "row" : "rows"}`);
    const prompt = make("span", { className: "prompt" }, "$ ");
    line.replaceChildren(...(command ? [make("pre", {}, prompt, command)] : [lacking]));
    table.draw();
    wait();
  }
  for (const [, one] of controls) one.show();
  model.on("change:choices", show);
  model.on("change:_answer", answer);
  answer();
  show();
  el.append(root);
  return () => {
    model.off("change:choices", show);
    model.off("change:_answer", answer);
    table.destroy();
  };
}

export default { render };
"""

_STYLE = """
.lesson-table {
  --text: var(--jp-content-font-color1, CanvasText);
  --quiet: color-mix(in srgb, var(--text) 80%, transparent);
  --ground: var(--jp-layout-color1, Canvas);
  --edge: var(--jp-border-color1, #999);
  --soft: var(--jp-border-color2, #ccc);
  --mark: var(--jp-brand-color1, #1d63ed);
  color: var(--text);
  font: var(--jp-content-font-size1, 14px)/1.5 var(--jp-ui-font-family, sans-serif);
  max-width: 100%; padding: .3em .2em; box-sizing: border-box;
}
.lesson-table * { box-sizing: border-box; }
.lesson-table .filters { display: flex; flex-wrap: wrap; gap: .6em 1.6em; align-items: end; }
.lesson-table .filters > * { display: flex; flex-direction: column; margin: 0; gap: .15em; }
.lesson-table .filters span { color: var(--quiet); overflow-wrap: anywhere; }
.lesson-table .search { flex: 1 1 12em; max-width: 26em; }
.lesson-table input[type=search], .lesson-table select, .lesson-table button {
  font: inherit; color: var(--text); background: var(--ground); height: 2.1em; max-width: 100%;
  border: 1px solid var(--edge); border-radius: .3em; padding: 0 .6em; margin: 0;
}
.lesson-table input[type=search] { width: 100%; }
.lesson-table select { max-width: 14em; }
.lesson-table ::placeholder { color: var(--quiet); opacity: 1; }
.lesson-table button { cursor: pointer; }
.lesson-table button:hover { border-color: var(--mark); }
.lesson-table :focus-visible { outline: 2px solid var(--mark); outline-offset: 1px; }
.lesson-table .flag input {
  appearance: none; width: 2.6em; height: 1.4em; margin: .35em 0; border-radius: .7em;
  border: 2px solid var(--quiet); position: relative; cursor: pointer;
}
.lesson-table .flag input::before {
  content: ""; position: absolute; inset: .15em auto .15em .15em; aspect-ratio: 1;
  border-radius: 50%; background: var(--quiet);
}
.lesson-table .flag input:checked { background: var(--mark); border-color: var(--mark); }
.lesson-table .flag input:checked::before { inset: .15em .15em .15em auto; background: #fff; }
.lesson-table output { color: var(--text); font-variant-numeric: tabular-nums; margin-left: .7em; }
.lesson-table .rail { position: relative; width: 13em; height: 2.1em; }
.lesson-table .rail::before, .lesson-table .rail::after {
  content: ""; position: absolute; top: calc(50% - 2px); height: 4px; border-radius: 2px;
  left: 0; right: 0; background: var(--edge);
}
.lesson-table .rail::after {
  background: var(--mark);
  left: calc(.6em + var(--from) * (100% - 1.2em));
  right: calc(.6em + (1 - var(--to)) * (100% - 1.2em));
}
.lesson-table .rail input {
  appearance: none; position: absolute; inset: 0; width: 100%; height: 100%; margin: 0;
  background: none; pointer-events: none;
}
.lesson-table .rail input:focus-visible { outline: none; }
.lesson-table .rail input::-webkit-slider-thumb {
  appearance: none; pointer-events: auto; width: 1.2em; height: 1.2em; border-radius: 50%;
  background: var(--mark); border: 2px solid var(--ground); cursor: pointer;
}
.lesson-table .rail input::-moz-range-thumb {
  pointer-events: auto; width: 1.2em; height: 1.2em; border-radius: 50%;
  background: var(--mark); border: 2px solid var(--ground); cursor: pointer;
}
.lesson-table .rail input:focus-visible::-webkit-slider-thumb { outline: 2px solid var(--text); }
.lesson-table .rail input:focus-visible::-moz-range-thumb { outline: 2px solid var(--text); }
.lesson-table .line { margin-top: .7em; color: var(--quiet); overflow-wrap: anywhere; }
.lesson-table .line:empty { display: none; }
.lesson-table .line pre {
  margin: 0; padding: .3em .7em; border-left: 3px solid #1d63ed; background: rgba(29,99,237,.08);
  color: var(--text); white-space: pre-wrap; overflow-wrap: anywhere;
  font: 1em/1.5 var(--jp-code-font-family, monospace);
}
.lesson-table .prompt { user-select: none; opacity: .75; }
.lesson-table .count { margin: .7em 0 .3em; font-weight: 600; }
.lesson-table[aria-busy=true] .count::after {
  content: " · waiting for the kernel"; font-weight: 400; opacity: 0;
  animation: lesson-table-wait 0s .5s forwards;
}
@keyframes lesson-table-wait { to { opacity: 1; } }
.lesson-table .grid { overflow-x: auto; }
.lesson-table .grid table {
  width: 100%; border-collapse: collapse; border: 0; margin: 0; font-size: inherit;
}
.lesson-table .grid th, .lesson-table .grid td {
  text-align: left; vertical-align: top; padding: .4em .8em; border: 0; color: inherit;
  border-bottom: 1px solid var(--soft); max-width: 32em; white-space: normal; background: none;
}
.lesson-table .grid th { border-bottom: 2px solid var(--edge); font-weight: 600; cursor: pointer; }
.lesson-table .grid th > div { display: flex; }
.lesson-table .grid tbody tr:hover { background: var(--jp-layout-color2, rgba(128,128,128,.1)); }
.lesson-table .grid td > span {
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden;
  overflow-wrap: anywhere; min-width: 3em;
}
.lesson-table .grid .number { text-align: right; font-variant-numeric: tabular-nums; }
.lesson-table .grid td.number > span { white-space: nowrap; }
.lesson-table .dt-column-order::after { content: "↕"; opacity: .45; padding-left: .4em; }
.lesson-table th[aria-sort=ascending] .dt-column-order::after { content: "↑"; opacity: 1; }
.lesson-table th[aria-sort=descending] .dt-column-order::after { content: "↓"; opacity: 1; }
.lesson-table .dt-paging nav { display: flex; gap: .3em; justify-content: end; padding-top: .6em; }
.lesson-table .dt-paging button { min-width: 2.1em; border-color: transparent; }
.lesson-table .dt-paging button.current { border-color: var(--edge); font-weight: 600; }
.lesson-table .dt-paging button.disabled { opacity: .4; cursor: default; }
"""


class Table(anywidget.AnyWidget):
    """A table with filters above it, as `explore` makes one.

    Attributes:
        choices: What is chosen in the filters, as `filtered` takes it; `{}` is everything.
            Assign to it to choose from Python.
        frame: The DataFrame with the rows that are left.
    """

    _esm = _SCRIPT
    _css = _STYLE
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
        line, lacking = stands_for(self._made, choices) if self._made else ("", "")
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
