"""Each lesson as it is presented: `python3 -m classroom present`, walked by the keys."""

import re
import subprocess
import sys

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ROOT, free_port, wait_for_port, watched_page
from tests.notebooks import NOTEBOOKS

_READY = """name => {
  const open = window.jupyterapp?.shell.currentWidget;
  return open?.context?.path.endsWith(name) && open.node.classList.contains("jp-Deck") &&
    open.sessionContext.session?.kernel?.status === "idle";
}"""
# The cells of the slide that is shown, and the one that has the focus.
_SLIDE = """begin => {
  const notebook = jupyterapp.shell.currentWidget.content;
  if (begin) {
    notebook.activeCellIndex = notebook.widgets.findIndex(cell => cell.model.id === begin);
  }
  const shown = notebook.widgets.filter(cell =>
    getComputedStyle(cell.node).visibility === "visible" && cell.node.offsetHeight);
  const boxes = shown.map(cell => cell.node.getBoundingClientRect());
  return {
    active: notebook.activeCell.model.id, code: notebook.activeCell.model.type === "code",
    focus: notebook.activeCell.node.contains(document.activeElement),
    cells: shown.map(cell => cell.model.id),
    text: shown.map(cell => cell.node.innerText).join("").trim(),
    output: Boolean(notebook.activeCell.outputArea?.node.offsetHeight),
    pictures: shown.flatMap(cell => [...cell.node.querySelectorAll("img")].map(
      image => image.getBoundingClientRect().height)),
    top: boxes.length && boxes[0].top,
    height: boxes.length && boxes.at(-1).bottom - boxes[0].top,
  };
}"""
_RAN = """() => {
  const { model } = jupyterapp.shell.currentWidget.content.activeCell;
  return model.executionCount !== null && model.executionState === "idle";
}"""
_STILL = """() => {
  const { height } = jupyterapp.shell.currentWidget.content.node.getBoundingClientRect();
  const now = performance.now(), last = window.lastHeight;
  if (!last || last.height !== height) window.lastHeight = { height, since: now };
  return last?.height === height && now - last.since > 100;
}"""


@pytest.fixture(scope="module")
def presented(tmp_path_factory):
    """The address of a JupyterLab that presents the lessons."""
    port = free_port()
    words = [sys.executable, "-m", "classroom", "present", "1", "--no-browser", f"--port={port}",
             "--ServerApp.port_retries=0", "--IdentityProvider.token=",
             "--expose-app-in-browser"]  # fmt: skip
    log = tmp_path_factory.mktemp("present") / "lab.log"
    with log.open("w") as file, subprocess.Popen(words, cwd=ROOT, stdout=file, stderr=file) as one:
        wait_for_port(one, port)
        yield f"http://127.0.0.1:{port}"
        one.terminate()


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def lesson(request, presented, chromium):
    """A lesson that is presented: what watches its page, and the notebook as it is saved."""
    with watched_page(chromium, seconds=30) as one:
        one.page.goto(f"{presented}/doc/tree/notebooks/{request.param.name}")
        one.page.wait_for_function(_READY, arg=request.param.name, timeout=60_000)
        before = request.param.read_bytes()
        yield one, nbformat.read(request.param, as_version=4)
    assert request.param.read_bytes() == before


@pytest.fixture
def page(lesson, request):
    request.node.watched = lesson[0]
    yield lesson[0].page
    lesson[0].check()


def slide(page, begin=None):
    """Return what is on the screen, or what is there once a cell is the active one."""
    return page.evaluate(_SLIDE, begin)


def walk(page, key, look=lambda page, seen: seen):
    """Press a key until nothing moves any more; return what was seen at each stop."""
    stops, seen = [], slide(page)
    while not stops or seen["active"] != stops[-1]["active"]:
        stops.append(look(page, seen))
        page.keyboard.press(key)
        seen = slide(page)
    return stops


def run_in_place(page, seen):
    """Run the cell that has the focus, if there is code in it, and look at the slide."""
    if not seen["code"]:
        return seen
    page.keyboard.press("Control+Enter")
    page.wait_for_function(_RAN)
    page.evaluate("jupyterapp.shell.collapseRight()")  # the live view, which takes a third
    page.wait_for_function(_STILL)
    ran = slide(page)
    assert (ran["active"], ran["cells"]) == (seen["active"], seen["cells"])
    assert ran["focus"], "the cell that ran has lost the focus"
    return ran


def test_the_keys_show_every_cell_from_the_first_to_the_last(lesson, page):
    """Space goes on, Ctrl+Enter runs in place; large letters, and nothing taller than the room."""
    stops = walk(page, "Space", run_in_place)
    shown = [cell.id for cell in lesson[1].cells if slide_type(cell) != "skip"]
    assert [stop["active"] for stop in stops] == shown
    check(stops, height=720, most=1.2)
    gave = {stop["active"] for stop in stops if stop["output"]}
    assert gave >= {cell.id for cell in lesson[1].cells if cell.get("outputs")}

    size = "getComputedStyle(document.querySelector('{}')).fontSize"
    assert page.evaluate(size.format(".cm-content")) == "20px"
    assert page.evaluate(size.format(".jp-RenderedMarkdown p")) == "22px"
    dimmed = "getComputedStyle(document.querySelector('#jp-right-stack')).opacity"
    assert page.evaluate(dimmed) == "1", "the live view is dimmed"

    back = [stop["active"] for stop in walk(page, "Shift+Space")]
    assert back == [name for name in reversed(shown) if name in back] and back[-1] == shown[0]
    page.set_viewport_size({"width": 1920, "height": 1080})
    first = {stop["cells"][0]: None for stop in stops}
    check([slide(page, begin=name) for name in first], height=1080, most=1)


def check(stops, *, height, most):
    """Nothing is blank, too tall or cut off: a slide's first cell begins on the screen."""
    slides = {}
    for stop in stops:
        assert stop["active"] in stop["cells"] and stop["text"], f"blank: {stop['active']}"
        if stop["active"] == stop["cells"][0]:
            assert stop["top"] >= 0, f"cut off: {stop['active']}"
        slides[stop["cells"][0]] = stop
    tall = {name: round(one["height"] / height, 2) for name, one in slides.items()}
    assert not {name: part for name, part in tall.items() if part > most}
    large = {name: max(one["pictures"], default=0) / height for name, one in slides.items()}
    assert not {name: part for name, part in large.items() if part > 0.621}


def slide_type(cell):
    return cell.metadata.get("slideshow", {}).get("slide_type")


def test_a_table_filters_on_its_slide(lesson, page):
    """The first table that has a search: typed letters reach it, and not the slides."""
    page.set_viewport_size({"width": 1280, "height": 720})
    place = page.evaluate("""() => {
      const notebook = jupyterapp.shell.currentWidget.content;
      return notebook.activeCellIndex = notebook.widgets.findIndex(
        cell => cell.node.querySelector(".lesson-table input[type=text]"));
    }""")
    cell = page.locator(".jp-Cell").nth(place)
    before = slide(page)
    count = cell.get_by_role("status")
    total = int(re.match(r"(\d+) of \1 row", count.inner_text())[1])
    search = cell.get_by_role("textbox", name="search")
    search.click()
    page.keyboard.type("no such ")
    expect(count).to_have_text(f"0 of {total} rows")
    assert slide(page)["cells"] == before["cells"]
    cell.get_by_role("button", name="Reset").click()
    expect(count).to_have_text(f"{total} of {total} rows")
    assert search.input_value() == ""
    assert slide(page)["cells"] == before["cells"]
