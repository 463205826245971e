"""A table that was saved in JupyterLab, opened again: by its kernel, by another, and by none."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import (
    RESTART,
    RUN,
    SAVE,
    SHUT_DOWN,
    open_without_kernel,
    settle,
    wait_for_kernel,
    write_notebook,
)
from tests.browser.test_explore import HUNDRED, count


@pytest.fixture(scope="module")
def path(lab):
    """A notebook that shows a table."""
    write_notebook(lab[1] / "saved.ipynb", HUNDRED)
    return lab[1] / "saved.ipynb"


@pytest.fixture
def page(lab, path, own_page):
    """The notebook's page, opened anew."""
    own_page.page.goto(f"{lab[0]}/doc/tree/{path.name}")
    return own_page.page


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
    settle(page, RUN)
    page.get_by_role("checkbox", name="official").check()
    expect_the_living(page, "12 of 100 rows")
    settle(page, SAVE)
    page.reload()
    expect_the_living(page, "12 of 100 rows")
    page.get_by_role("button", name="Reset").click()
    count(page, "100 of 100 rows")


def test_it_is_a_picture_once_its_kernel_starts_anew(page):
    expect_the_living(page, "100 of 100 rows")
    settle(page, RESTART)
    expect_the_picture(page)
    settle(page, RUN)
    expect_the_living(page, "100 of 100 rows")
    settle(page, SAVE)
    settle(page, SHUT_DOWN)


def test_it_is_a_picture_for_the_next_day_s_kernel(page):
    wait_for_kernel(page)
    expect_the_picture(page)


@pytest.mark.parametrize("trusted", [True, False])
def test_it_is_a_picture_without_any_kernel(lab, path, page, trusted):
    open_without_kernel(page, lab[0], path, trusted=trusted)
    expect_the_picture(page)
