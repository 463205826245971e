"""A table that was saved in JupyterLab, opened again: by its kernel, by another, and by none."""

import re

import nbformat
import pytest
from nbformat.sign import NotebookNotary
from playwright.sync_api import expect

from tests.browser.conftest import Watched
from tests.browser.test_explore import HUNDRED, count

# What JupyterLab and ipywidgets say to the console, where no learner reads it, of a kernel that
# went: the first widget is not found, the debugger's state is not restored.
COMPLAINT = re.compile("widget model not found|Could not restore the debugger state")
RUN = "jupyterapp.commands.execute('notebook:run-all-cells')"
SAVE = "jupyterapp.commands.execute('docmanager:save')"
RESTART = "jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()"
SHUT_DOWN = "jupyterapp.shell.currentWidget.context.sessionContext.shutdown()"


@pytest.fixture(scope="module")
def path(lab):
    """A notebook that shows a table."""
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    cells = [nbformat.v4.new_code_cell(HUNDRED)]
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(made, lab[1] / "saved.ipynb")
    return lab[1] / "saved.ipynb"


@pytest.fixture
def page(lab, path, chromium, request):
    """The notebook's page, opened anew."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(20_000)
    context.grant_permissions(["local-network-access"])
    watched = request.node.watched = Watched(context)
    watched.page.goto(f"{lab[0]}/doc/tree/{path.name}")
    yield watched.page
    watched.errors = [error for error in watched.errors if not COMPLAINT.search(error)]
    watched.check()
    context.close()


def wait_for_kernel(page):
    page.get_by_text("(ipykernel) | Idle").wait_for(timeout=60_000)


def expect_the_living(page, text):
    page.get_by_role("status").filter(has_text=" of 100 rows").wait_for()
    count(page, text)
    expect(page.locator(".jp-Cell-outputArea").get_by_role("table")).to_have_count(1)


def expect_the_picture(page):
    """Look that the output is the table as it was saved, and nothing else."""
    output = page.locator(".jp-Cell-outputArea")
    expect(output.get_by_role("table")).to_have_count(1)
    expect(output.get_by_text("user99/busybox-99")).to_be_visible()
    page.wait_for_timeout(3000)  # ipywidgets looks for a widget for 2 seconds
    lines = output.inner_text().strip().splitlines()
    assert lines[0].split() == ["name", "description", "stars", "official"]
    assert lines[-1] == "100 rows × 4 columns"
    expect(output.get_by_role("table")).to_have_count(1)


def test_it_is_alive_again_as_long_as_its_kernel_runs(page):
    wait_for_kernel(page)
    page.evaluate(RUN)
    page.get_by_role("checkbox", name="official").check()
    expect_the_living(page, "12 of 100 rows")
    page.evaluate(SAVE)
    page.reload()
    expect_the_living(page, "12 of 100 rows")
    page.get_by_role("button", name="Reset").click()
    count(page, "100 of 100 rows")


def test_it_is_a_picture_once_its_kernel_starts_anew(page):
    expect_the_living(page, "100 of 100 rows")
    page.evaluate(RESTART)
    expect_the_picture(page)
    page.evaluate(RUN)
    expect_the_living(page, "100 of 100 rows")
    page.evaluate(SAVE)
    page.evaluate(SHUT_DOWN)


def test_it_is_a_picture_for_the_next_day_s_kernel(page):
    wait_for_kernel(page)
    expect_the_picture(page)


@pytest.mark.parametrize("trusted", [True, False])
def test_it_is_a_picture_without_any_kernel(lab, path, page, trusted):
    saved = nbformat.read(path, as_version=4)
    saved.metadata.kernelspec = {"name": "gone", "display_name": "Gone"}
    saved.metadata.language_info = {"name": f"gone-{trusted}"}  # so it is trusted by nobody yet
    if trusted:
        NotebookNotary().sign(saved)
    nbformat.write(saved, path.with_name(f"other-{trusted}.ipynb"))
    page.goto(f"{lab[0]}/doc/tree/other-{trusted}.ipynb")
    page.get_by_role("dialog").get_by_role("combobox").select_option("No Kernel")
    page.get_by_role("dialog").get_by_role("button", name="Select Kernel").click()
    expect_the_picture(page)
