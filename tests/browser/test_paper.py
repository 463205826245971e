"""The saved lessons on paper, as nbconvert and a browser print them on A4."""

import pytest
from nbconvert import HTMLExporter

from tests.browser.conftest import watched_page
from tests.notebooks import NOTEBOOKS

_WIDTH = 718  # px between the margins of 1 cm
_CUT = """() => [...document.querySelectorAll(".jp-InputArea-editor pre, .jp-OutputArea-output *")]
  .filter(part => {
    const words = document.createRange();
    words.selectNodeContents(part);
    const box = part.closest(".jp-InputArea-editor, .jp-OutputArea-output");
    return words.getBoundingClientRect().right > box.getBoundingClientRect().right + 1;
  }).map(part => part.textContent)"""
_FACE = "part => getComputedStyle(part).fontFamily"
_SIDES = "cells => [...new Set(cells.map(cell => getComputedStyle(cell).textAlign))]"


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def paper(request, chromium):
    """A lesson's page, without what comes from afar."""
    html, _ = HTMLExporter().from_filename(request.param)
    with watched_page(chromium, seconds=20) as one:
        one.page.set_viewport_size({"width": _WIDTH, "height": 1000})
        one.page.emulate_media(media="print")
        one.page.set_content(html, wait_until="domcontentloaded")
        yield one.page


def test_nothing_is_cut_off(paper):
    assert paper.locator(".jp-InputArea-editor pre").count() > 20
    assert paper.evaluate(_CUT) == []


def test_commands_are_monospaced_and_words_stand_at_the_left(paper):
    lines = paper.locator("pre table td:last-child")
    assert lines.count() > 20
    assert "monospace" in lines.first.evaluate(_FACE)
    words = paper.locator("table.dataframe td:first-child")
    assert words.evaluate_all(_SIDES) == ["left"]


def test_no_heading_and_no_code_is_a_pages_last(paper):
    kept = paper.locator("h1, h2, h3, .jp-MarkdownCell, .jp-Cell-inputWrapper")
    breaks = kept.evaluate_all("all => all.map(part => getComputedStyle(part).breakAfter)")
    assert set(breaks) == {"avoid"}
