"""Each notebook as a person runs it: opened in JupyterLab, Run All, and looked at."""

import re
import shutil

import nbformat
import pytest
from playwright.sync_api import expect

from helpers._internal.datatables import PICTURE
from tests.browser.conftest import ROOT, check_with_axe, set_theme, watched_page
from tests.notebooks import NOTEBOOKS, without_outputs

# As `apputils:incr-font-size` does it, step by step, for a whole lesson anew each time.
_LARGER = """steps => {
  for (const name of ["--jp-content-font-size1", "--jp-code-font-size"]) {
    const size = parseInt(getComputedStyle(document.body).getPropertyValue(name));
    document.documentElement.style.setProperty(name, `${size + steps}px`);
  }
}"""
_READY = """name => {
  const open = window.jupyterapp?.shell.currentWidget;
  return open?.context?.path.endsWith(name) &&
    open.sessionContext.session?.kernel?.status === "idle";
}"""
# JupyterLab gives an image no `alt`, whatever its metadata say: jupyter/enhancement-proposals#120.
PLOT = ".jp-RenderedImage > img"
SIZES = {"a laptop": (1280, 720, 0), "a projector": (1920, 1080, 6)}  # and steps of larger letters


@pytest.fixture(scope="module")
def lessons(lab):
    """The lessons, without their outputs, where JupyterLab serves them: its address."""
    address, home = lab
    shutil.copytree(ROOT / "images", home / "images")
    (home / "notebooks").mkdir()
    for path in NOTEBOOKS:
        nbformat.write(without_outputs(path), home / "notebooks" / path.name)
    return address


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def lesson(request, lessons, chromium):
    """A notebook after Run All: what watches its page, and the notebook as it is saved."""
    saved = nbformat.read(request.param, as_version=4)
    last = sum(cell.cell_type == "code" for cell in saved.cells)
    with watched_page(chromium, seconds=10) as one:
        # reset: JupyterLab would open the notebooks before this one again
        one.page.goto(f"{lessons}/lab/tree/notebooks/{request.param.name}?reset")
        one.page.wait_for_function(_READY, arg=request.param.name, timeout=60_000)
        one.page.get_by_role("menuitem", name="Run", exact=True).click()
        one.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        prompt = one.page.get_by_text(f"[{last}]:", exact=True).filter(visible=True)
        expect(prompt.first).to_be_visible(timeout=120_000)
        yield one, saved


@pytest.fixture
def page(lesson, request):
    request.node.watched = lesson[0]
    yield lesson[0].page
    lesson[0].check()


def sources(lesson):
    return [cell.source for cell in lesson[1].cells if cell.cell_type == "code"]


def ends(lesson, word):
    """Count the cells that end in showing what a call gives."""
    return sum(source.splitlines()[-1].startswith(word) for source in sources(lesson))


def test_only_the_taught_errors_are_red(lesson, page):
    errors = page.locator("[data-mime-type='application/vnd.jupyter.stderr'], .jp-mod-error")
    taught = [c for c in lesson[1].cells if "raises-exception" in c.metadata.get("tags", [])]
    red = page.get_by_text(re.compile(r"^(AccessDenied|InvalidArchive|LessonError|\w+): "))
    assert errors.count() <= len(taught)
    assert red.count() >= len(taught)
    assert page.get_by_text("Traceback").count() == 0


def test_every_table_is_there_with_its_rows(lesson, page):
    tables = page.locator(".lesson-table")
    outputs = [output for cell in lesson[1].cells for output in cell.get("outputs", [])]
    pictures = [one.data.get("text/html", "") for one in outputs if "data" in one]
    expect(tables).to_have_count(sum(one.startswith(f"{PICTURE}<table") for one in pictures))
    for count in page.get_by_role("status").filter(has_text="rows").all():
        assert re.match(r"\d+ of \d+ rows?", count.inner_text())


def test_every_picture_is_there(lesson, page):
    drawn = sum(cell.source.count("](../images/") for cell in lesson[1].cells)
    pictures = page.locator(".jp-Notebook img").filter(visible=True)
    expect(pictures).to_have_count(drawn + ends(lesson, "plots."))
    for picture in pictures.all():
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_cut_off(page, size):
    width, height, steps = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate(_LARGER, steps)
    page.wait_for_timeout(500)  # tables are laid out anew
    wide = page.evaluate("""() => [...document.querySelectorAll(
        '.jp-OutputArea-output, .jp-MarkdownOutput, .itables_anywidget, img')]
        .filter(one => one.scrollWidth > one.clientWidth + 1 && one.clientWidth)
        .map(one => one.className + ': ' + one.innerText.slice(0, 60))""")
    page.evaluate(_LARGER, -steps)
    assert wide == []


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_axe_finds_nothing_in_the_outputs(page, theme):
    set_theme(page, theme)
    expect(page.locator(f"body[data-jp-theme-name='JupyterLab {theme}']")).to_be_attached()
    page.wait_for_timeout(300)  # the theme's colours fade in
    check_with_axe(page, [".jp-OutputArea-output"], [PLOT])


def test_the_notebook_s_own_point(lesson, page):
    """What a person sees of what the lesson is about."""
    text = page.get_by_role("main").inner_text()
    points = {
        "The registry": ["Login Succeeded", "docker search", "learner/busybox"],
        "Images": ["Loaded image: ", 'CMD ["echo", "hi"]', "docker import"],
        "Containers": ["hello from web", "143", "137", "httpd -f -h /home"],
    }
    title = next(title for title in points if f". {title}" in lesson[1].cells[0].source)
    for point in points[title]:
        assert point.replace("learner", text.split("You are ")[1].split(".")[0]) in text


def test_the_search_of_the_lesson_filters_by_hand_as_docker_does(lesson, page):
    """What `--filter is-official=true --filter stars=3` does, with the keyboard; then reset."""
    if "search" not in "".join(sources(lesson)):
        return
    place = [cell.source for cell in lesson[1].cells].index('registry.search("busybox")')
    cell = page.locator(".jp-Cell").nth(place)
    count = cell.get_by_role("status")
    expect(count).to_have_text("6 of 6 rows")
    cell.get_by_role("textbox", name="search").fill("CURL")
    expect(count).to_have_text("1 of 6 rows")
    cell.get_by_role("button", name="Reset").click()
    cell.get_by_role("checkbox", name="official").press("Space")
    for _ in range(3):
        cell.get_by_role("slider", name="stars at least").press("ArrowRight")
    expect(count).to_have_text("1 of 6 rows")
    expect(cell).to_contain_text("--filter is-official=true --filter stars=3 127.0.0.1:")
    cell.get_by_role("button", name="Reset").press("Enter")
    expect(count).to_have_text("6 of 6 rows")
    cell.get_by_role("columnheader", name="stars").click()
    expect(cell.get_by_role("row").nth(1)).to_contain_text("0")
