"""What must hold for a notebook as it is saved. nbval re-runs it; these look at it."""

import re

import nbformat
import pytest

from tests.notebooks import NOTEBOOKS

HEADINGS = {
    "01-registry": ["Search", "Namespaces and tagging", "Authenticate"],
    "02-images": ["Import", "Export", "Pull", "Push"],
    "03-containers": ["Start", "Stop"],
}


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def tags(cell):
    return cell.metadata.get("tags", [])


def test_there_is_a_notebook_for_each_section_of_the_document():
    assert [path.stem for path in NOTEBOOKS] == list(HEADINGS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_has_the_headings_of_the_document_in_their_order(path):
    text = "\n".join(prose(nbformat.read(path, as_version=4)))
    found = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [one for one in found if one in HEADINGS[path.stem]] == HEADINGS[path.stem]
    assert found[-1] == "Remember"


def test_every_code_cell_ran_and_is_counted_in_order(notebook):
    counts = [cell.execution_count for cell in code(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_nearly_every_code_cell_is_compared(notebook):
    cells = [cell for cell in code(notebook) if not cell.source.startswith("# Solve it here")]
    unchecked = {"nbval-skip", "nbval-ignore-output"}
    compared = [cell for cell in cells if cell.outputs and not unchecked & set(tags(cell))]
    assert len(compared) >= 0.95 * len(cells)


def test_only_a_taught_error_is_saved(notebook):
    for cell in code(notebook):
        failed = any(output.output_type == "error" for output in cell.outputs)
        assert failed == ("raises-exception" in tags(cell)), cell.source
        assert all(output.get("name") != "stderr" for output in cell.outputs), cell.source


def test_no_saved_output_holds_a_path_of_a_machine(notebook):
    saved = str([cell.outputs for cell in code(notebook)])
    assert not re.search(r"/(?:home|Users)/\w+/|/(?:root|tmp|work)/\w", saved)


def test_the_first_code_cell_sets_up(notebook):
    assert [index for index, cell in enumerate(code(notebook)) if "setup" in tags(cell)] == [0]


def test_cells_are_short(notebook):
    for cell in code(notebook):
        assert len([line for line in cell.source.splitlines() if line.strip()]) <= 12, cell.source


def test_slides_begin_with_prose_and_a_code_cell_stands_on_that_of_its_prose(notebook):
    """No type at all puts a cell below the one before; `-` hides it in JupyterLab's slides."""
    assert notebook.cells[0].metadata.slideshow == {"slide_type": "slide"}
    for cell in notebook.cells:
        slideshow = cell.metadata.get("slideshow")
        kinds = [{"slide_type": kind} for kind in ("slide", "subslide")]
        assert slideshow in (kinds if cell.cell_type == "markdown" else [None, kinds[1]]), cell


def test_prose_leads_into_every_code_cell(notebook):
    for before, cell in zip(notebook.cells, notebook.cells[1:], strict=False):
        if cell.cell_type == "code" and not {"exercise"} & set(tags(cell)) & set(tags(before)):
            assert before.cell_type == "markdown", cell.source


def test_exercises_are_unsolved(notebook):
    """A panel, whose saved picture is title and task, and an empty cell; nothing is done yet."""
    cells = [cell for cell in code(notebook) if "exercise" in tags(cell)]
    panels, places = cells[0:-1:2], cells[1:-1:2]
    assert panels and len(panels) == len(places)
    assert {place.source for place in places} == {"# Solve it here, or in a terminal."}
    assert cells[-1].source == "progress(exercises)"
    titles = cells[-1].outputs[0]["data"]["text/plain"].splitlines()
    for panel, title in zip(panels, titles, strict=True):
        assert re.fullmatch(r"exercises\.\w+", panel.source)
        saved = panel.outputs[0]["data"]
        assert saved["text/plain"].startswith(f"{title}\n\n")
        assert title in saved["text/html"] and "not yet" not in saved["text/html"]


def test_pictures_and_links_lead_somewhere_and_pictures_have_alt_texts(notebook):
    for alt, target in re.findall(r"(!?\[[^\]]*\])\(([^)]+)\)", "\n".join(prose(notebook))):
        assert (NOTEBOOKS[0].parent / target).exists(), target
        assert not alt.startswith("!") or len(alt) > 40, target
