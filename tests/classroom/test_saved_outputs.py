"""What `outputs` leaves of a widget in a saved notebook."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from classroom import commands

VIEW = {"application/vnd.jupyter.widget-view+json": {"model_id": "0", "version_major": 2}}


def test_nothing_of_a_widget_is_saved_but_its_picture(tmp_path):
    path = tmp_path / "lesson.ipynb"
    picture = {"text/html": "<table></table>", "text/plain": "a table"}
    outputs = [
        new_output("stream", text="words"), new_output("display_data", data=picture),
        new_output("display_data", data=VIEW), new_output("display_data", data=VIEW | picture),
    ]  # fmt: skip
    cells = [new_markdown_cell("prose"), new_code_cell("table", outputs=outputs)]
    nbformat.write(new_notebook(cells=cells), path)
    commands._drop_widgets(path)
    saved = nbformat.read(path, as_version=4).cells[1].outputs
    assert [output.output_type for output in saved] == ["stream", "display_data", "display_data"]
    assert [output.data for output in saved[1:]] == [picture, picture]
