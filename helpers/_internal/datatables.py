"""The rows below the filters: itables' table, and the picture in its place without a kernel."""

from pathlib import Path

import ipywidgets as widgets
from IPython.display import display
from itables import JavascriptFunction
from itables.widget import ITable

from helpers._internal import frames

# The outputs of a table, a panel and the live view are a picture and the widget. Where the widget
# lives, it takes the picture's place; in a notebook that is opened again without its kernel, the
# picture stays alone. On paper, no heading and no cell's code is a page's last.
# `:has` looks as deep as it must and no deeper: it is asked again at every change of the page.
_ALIVE = ":is(.lesson-table, .lesson-panel, .lesson-view):not(.jupyter-widgets-disconnected)"
_PICTURE = ".jp-OutputArea-child:has(> * > .lesson-picture)"
PICTURE = f"""<style>
{_PICTURE}:has(+ * > .lm-Panel > {_ALIVE}),
{_PICTURE} + :has(> .lm-Panel):not(:has(> .lm-Panel > {_ALIVE}))
{{ display: none; }}
@media print {{ :is(h1, h2, h3, h4), .jp-MarkdownCell, .jp-Cell-inputWrapper
{{ break-after: avoid; }} }}
</style>"""
WIDGET = "application/vnd.jupyter.widget-view+json"
_STYLE = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
# Python writes which rows are left in the table's caption, which nobody sees; DataTables looks
# there, and its sorting stays. And the controls get names, for who cannot see the headings.
_FILTER = JavascriptFunction("""function () {
  const table = this.api(), kept = this[0].createCaption();
  setTimeout(() => {
    const box = this[0].closest(".lesson-table");
    for (const input of box?.querySelectorAll("input, select") ?? []) input.ariaLabel = input.title;
    for (const handle of box?.querySelectorAll(".noUi-handle") ?? [])
      handle.ariaLabel = handle.closest(".widget-slider").querySelector("label").title +
        (handle.matches(".noUi-handle-lower") ? " at least" : " at most");
  });
  if (table.search.fixed("kept")) return;
  table.search.fixed("kept", (text, data, row) => kept.textContent[row] !== "0").draw();
  new MutationObserver(() => table.draw()).observe(kept, { childList: true });
}""")


def itable(columns, rows):
    """Return DataTables' table of all rows."""
    if not columns:
        return widgets.HTML()  # DataTables knows no table without columns
    settings = [{"targets": place, "type": "string",
                 "className": "dt-right" if frames.kind(column) == "number" else "dt-left"}
                for place, column in enumerate(columns.values())]  # fmt: skip
    layout = dict.fromkeys(["topStart", "topEnd", "bottomStart", "bottomEnd"])
    if rows > 10:
        layout["bottomEnd"] = {"paging": {"firstLast": False}}
    return ITable(
        frames.to_cells(columns), allow_html=True,  # to_cells escapes what stands in them
        columnDefs=settings, layout=layout, classes="row-border hover", style="width:100%",
        maxBytes=0, maxColumns=0, showIndex=False, autoWidth=False, css=_STYLE,
        text_in_header_can_be_selected=False,  # a click there sorts
        language={"zeroRecords": "no rows", "emptyTable": "no rows"},
        drawCallback=_FILTER,  # itables 2.9 loses an initComplete
    )  # fmt: skip


def show_picture(page, text):
    """Show HTML, with a text for where none is shown, in whose place the widget after it comes."""
    page = f'{PICTURE}<div class="lesson-picture">{page}</div>'
    display({"text/html": page, "text/plain": text}, raw=True)


def widget_data(widget):
    """Return the data of an output in which a notebook shows a widget, and nothing else."""
    return {WIDGET: {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}}
