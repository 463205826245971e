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

const keys = { "data-lm-suppress-shortcuts": "" }; // arrows and letters are not JupyterLab's here

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
    const box = make("select", { ...keys, onchange: changed }, ...options);
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
      ...keys, type: "range", min: 0, max, "aria-label": `${label} ${name}`,
      oninput: (event) => { keep(event.target); write(); changed(); },
    });
    const low = end("at least", (it) => (it.value = Math.min(it.value, high.value)));
    const high = end("at most", (it) => (it.value = Math.max(it.value, low.value)));
    const rail = make("span", { className: "rail" }, low, high);
    const said = make("span", { className: "said" });
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
  const shown = column.shown[row];
  const className = /\S{31}/.test(shown) ? "broken" : ""; // a word that may break anywhere
  const title = column.full[row] ?? (shown.length > 80 ? shown : "");
  return make("span", { className, title }, shown);
}

// Text copied out of a cell that is shown in short is the whole text.
function copy(event) {
  const place = getSelection().getRangeAt(0).commonAncestorContainer;
  const short = (place.closest ? place : place.parentElement).closest("td [title]:not([title=''])");
  if (short?.textContent !== String(getSelection())) return;
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
      const choice = Object.hasOwn(choices, label) ? choices[label] : null; // "constructor"
      if (JSON.stringify(one.read()) !== JSON.stringify(choice)) one.show(choice);
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
