"""A long push as a person sees it: bars below the command while it runs, nothing of them later."""

import nbformat
import pytest
from playwright.sync_api import expect

from tests.big_images import PREPARE, TIDY
from tests.browser.conftest import RUN_CODE, SAVE, settle

_WATCH = """() => {  // each picture of the bars: when it came, and how far each bar is
  window.pictures = [];
  window.watcher = new MutationObserver(() => {
    const bars = [...document.querySelectorAll("progress")];
    if (bars.length) pictures.push([performance.now(), Object.fromEntries(
      bars.map(bar => [bar.getAttribute("aria-label"), bar.value]))]);
  });
  watcher.observe(document.querySelector(".jp-Notebook"), {subtree: true, childList: true});
}"""
_PUSH = """() => {
  const notebook = jupyterapp.shell.currentWidget.content;
  notebook.activeCellIndex = 1;
  notebook.activeCell.model.sharedModel.setSource("images.push(reference)");
  window.pushed = jupyterapp.commands.execute("notebook:run-cell");
}"""


@pytest.fixture(scope="module")
def workspace(watched):
    """The notebook, with a workspace of its own and an image of three layers to push."""
    yield
    settle(watched.page, RUN_CODE, TIDY)


@pytest.fixture(scope="module")
def saved(lab):
    """Return a function that gives the outputs of the second cell, as they are saved."""

    def read(page):
        settle(page, SAVE)
        return nbformat.read(lab[1] / "test_progress_bars.ipynb", as_version=4).cells[1].outputs

    return read


def test_bars_come_rise_and_go_and_nothing_of_them_is_saved(page, run, workspace, saved):
    run(PREPARE + "build(reference, 1)")
    page.evaluate(_PUSH)
    settle(page, "pushed")
    quick = saved(page)

    run("build(reference, 40, 50, 60)")
    page.evaluate(_WATCH)
    page.evaluate(_PUSH)
    bars = page.locator(".jp-OutputArea").get_by_role("progressbar")
    expect(bars).to_have_count(4)
    expect(page.get_by_text("0 of 3 done, ")).to_be_visible()
    during = saved(page)
    settle(page, "pushed")
    expect(bars).to_have_count(0)
    slow = saved(page)

    times, pictures = zip(*page.evaluate("pictures"), strict=True)
    assert len(pictures) > 3
    assert len(pictures) <= 10 * (times[-1] - times[0]) / 1000 + 2
    for name in pictures[-1]:
        values = [one[name] for one in pictures if name in one]
        assert values == sorted(values), name
    assert pictures[-1]["all"] > 0.5
    assert [set(one.get("data")) for one in slow] == [{"text/html", "text/plain"}, {"text/plain"}]
    assert slow[0] == quick[0] and len(during) == 1


def test_what_is_saved_shows_the_command_without_a_kernel(page, lab, saved, workspace):
    address, _ = lab
    saved(page)
    again = page.context.new_page()
    again.goto(f"{address}/doc/tree/test_progress_bars.ipynb")
    again.get_by_text("$").first.wait_for(timeout=60_000)
    outputs = again.locator(".jp-Cell").nth(1).locator(".jp-OutputArea-output")
    expect(outputs).to_have_count(2)
    expect(outputs.first).to_contain_text("docker push")
    expect(again.get_by_text("Error displaying widget")).to_have_count(0)
    again.close()
