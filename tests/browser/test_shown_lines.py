"""The shown lines as a learner takes them: selected on the page, copied, pasted in a terminal."""

import contextlib
import re
import time

import nbformat
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from helpers._internal import command, datatables
from helpers._internal.frames import static_repr, to_frame
from tests.browser.conftest import settle
from tests.hostile import WORDS

LINES = [
    "docker ps -a",
    command.line("docker", "run", *("-e", "A=B") * 40, "busybox", "echo", "$A > /x & it's"),
    command.line("docker", "exec", "web", "sh", "-c", "echo a\necho b"),
    command.line("docker", "tag", *(one for one in WORDS if not one.endswith("\n"))),
]
PREPARED = ["docker rm -f web", "docker pull busybox"]
MONEY = "costs $5 or $6, or $$7$$, \\(x\\) or \\[y\\]"
SHOW = """
import pandas as pd
from IPython.display import display
from helpers import tables
from helpers._internal import command
display(command.Command(*{lines!r}))
with command.shown("docker run busybox", prepared={prepared!r}):
    pass
pd.DataFrame({{"text": [{money!r}], "${money}": [1]}})
"""
_BARE = """root => {  // as GitHub shows it
  for (const node of root.querySelectorAll("*")) {
    for (const { name } of [...node.attributes]) node.removeAttribute(name);
  }
}"""


def saved():
    """Give a notebook that somebody else has run: the lines, a table, and a table to explore."""
    shown = command.Command(*LINES)
    folded = command.Command("docker run busybox", prepared=PREPARED)
    made = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
    )
    frame = to_frame([(MONEY, 1)], text="str", **{MONEY: "int64"})
    for data in (
        {"text/html": shown._repr_html_(), "text/plain": repr(shown)},
        {"text/html": folded._repr_html_(), "text/plain": repr(folded)},
        {"text/html": frame._repr_html_(), "text/plain": repr(frame)},
        {"text/html": datatables.PICTURE + static_repr(frame)["text/html"]},
    ):
        output = nbformat.v4.new_output("display_data", data=data)
        made.cells.append(nbformat.v4.new_code_cell("1", execution_count=1, outputs=[output]))
    return made


@contextlib.contextmanager
def opened(lab, watched, name):
    """Open that notebook in JupyterLab, and do not run it: its outputs."""
    address, home = lab
    nbformat.write(saved(), home / name)
    page = watched.page.context.new_page()
    page.goto(f"{address}/doc/tree/{name}")
    page.get_by_text("(ipykernel) | Idle").wait_for(timeout=60_000)
    yield page.locator(".jp-OutputArea-output")
    page.close()


@pytest.fixture(scope="module")
def fresh(lab, watched):
    """The outputs as they are in a fresh clone."""
    with opened(lab, watched, "cloned.ipynb") as outputs:
        yield outputs


@pytest.fixture(scope="module")
def bare(lab, watched):
    """The same outputs where styles, classes and other attributes are taken away."""
    with opened(lab, watched, "bare.ipynb") as outputs:
        for place in (0, 1):
            outputs.nth(place).evaluate(_BARE)
        yield outputs


@pytest.fixture
def ran(page, run):
    """The same outputs, after the cell that makes them has run."""
    run(SHOW.format(lines=LINES, prepared=PREPARED, money=MONEY))
    return page.locator(".jp-OutputArea-output")


@pytest.fixture(scope="module")
def converted(lab, watched):
    """The same outputs as nbconvert writes them to a page of their own."""
    page, address = watched.page.context.new_page(), f"{lab[0]}/converted.html"
    html = HTMLExporter().from_notebook_node(saved())[0]
    page.route(re.compile(".*"), lambda route: route.fulfill(body=html, content_type="text/html")
               if route.request.url == address else route.abort())  # fmt: skip
    page.goto(address)
    yield page.locator(".jp-OutputArea-output")
    page.close()


def copied(page):
    page.evaluate("navigator.clipboard.writeText('nothing')")
    page.keyboard.press("Control+c")
    return page.evaluate("navigator.clipboard.readText()")


def line_at(outputs, place):
    outputs.page.bring_to_front()
    return outputs.first.locator("pre td:last-child").nth(place)


PAGES = ["fresh", "ran", "converted"]


@pytest.mark.parametrize("where", [*PAGES, "bare"])
@pytest.mark.parametrize("place", range(len(LINES)))
def test_three_clicks_take_the_line(request, where, place):
    outputs = request.getfixturevalue(where)
    line_at(outputs, place).click(click_count=3, position={"x": 40, "y": 6})
    assert copied(outputs.page).removesuffix("\n") == LINES[place]


@pytest.mark.parametrize("where", PAGES)
@pytest.mark.parametrize("back", [False, True])
def test_a_drag_over_lines_takes_them_without_their_prompts(request, where, back):
    outputs = request.getfixturevalue(where)
    line_at(outputs, 1).scroll_into_view_if_needed()
    first, last = (line_at(outputs, place).bounding_box() for place in (0, 1))
    ends = [
        (first["x"] - 14, first["y"] + 6),
        (last["x"] + last["width"] - 2, last["y"] + last["height"] - 4),
    ]
    begin, end = reversed(ends) if back else ends
    mouse = outputs.page.mouse
    mouse.move(*begin)
    mouse.down()
    mouse.move(first["x"] + 300, last["y"] + 4)
    mouse.move(*end, steps=10)
    mouse.up()
    assert copied(outputs.page) == "\n".join(LINES[:2])


@pytest.mark.parametrize("where", [*PAGES, "bare"])
def test_the_prompt_is_seen(request, where):
    outputs = request.getfixturevalue(where)
    expect(outputs.first.get_by_text("$", exact=True).first).to_be_visible()


@pytest.mark.parametrize("where", [*PAGES, "bare"])
def test_the_prompt_stands_beside_its_line(request, where):
    outputs = request.getfixturevalue(where)
    line = line_at(outputs, 0)
    prompt = line.locator("xpath=preceding-sibling::td")
    beside, at = prompt.bounding_box(), line.bounding_box()
    assert abs(beside["y"] - at["y"]) < 2 and 10 < at["x"] - beside["x"] < 40


@pytest.mark.parametrize("where", [*PAGES, "bare"])
def test_what_prepares_is_folded_and_copies_as_clean(request, where):
    outputs = request.getfixturevalue(where)
    outputs.page.bring_to_front()
    folded = outputs.nth(1)
    title = folded.get_by_text("Prepared with 2 commands")
    lines = folded.locator("details td:last-child")
    expect(folded.get_by_text("docker run busybox")).to_be_visible()
    expect(lines).to_have_text(PREPARED)
    expect(lines.first).to_be_hidden()
    title.click()
    expect(lines.last).to_be_visible()
    lines.last.click(click_count=3, position={"x": 40, "y": 6})
    assert copied(outputs.page).removesuffix("\n") == PREPARED[1]
    title.click()
    expect(lines.first).to_be_hidden()


@pytest.mark.parametrize("where", PAGES)
def test_dollars_in_a_table_are_no_mathematics(request, where):
    outputs = request.getfixturevalue(where)
    table = outputs.get_by_role("table").last
    expect(table.get_by_role("cell").filter(has_text="costs").last).to_have_text(MONEY)
    assert outputs.page.locator("mjx-container, .MathJax, .MathJax_Preview").count() == 0
    # nbconvert's MathJax 2 comes from afar: what it passes over is told by this class alone
    for one in outputs.locator("table:not(pre table)").all():
        assert "tex2jax_ignore" in one.get_attribute("class")


_TERMINAL = """async () => {
  const terminal = await jupyterapp.commands.execute("terminal:create-new");
  await terminal.content.session.connectionStatus;
}"""


@pytest.mark.parametrize("brackets", ["on", "off"])
def test_a_line_that_is_pasted_in_jupyterlab_s_terminal_runs_nothing_but_itself(
    lab, watched, run, brackets
):
    """Copied from the page, pasted by the keyboard; and only then run, by Enter."""
    address, home = lab
    words = home / f"words-{brackets}"
    lines = [command.line("printf", r"%s\0", one) + f" > {words.name}" for one in WORDS]
    run(f"from helpers._internal import command\ncommand.Command(*{lines!r})")
    shown = watched.page.locator(".jp-OutputArea-output pre td:last-child")
    page = watched.page.context.new_page()
    page.goto(f"{address}/lab?reset")
    page.wait_for_function("window.jupyterapp?.commands.hasCommand('terminal:create-new')")
    settle(page, _TERMINAL)
    typed = page.locator(".xterm-helper-textarea")
    typed.focus()
    page.keyboard.type(f"cd {home}; bind 'set enable-bracketed-paste {brackets}'; touch ready\n")
    wait_for(home / "ready", b"")
    before = {one for one in home.rglob("*") if "PWNED" in one.name}
    for place, word in enumerate(WORDS):
        watched.page.bring_to_front()
        shown.nth(place).select_text()
        line = copied(watched.page)
        page.bring_to_front()
        page.evaluate("line => navigator.clipboard.writeText(line)", line.removesuffix("\n"))
        typed.focus()
        page.keyboard.press("Control+v")
        page.keyboard.press("Enter")
        wait_for(words, word.encode(errors="surrogateescape") + b"\0")
        words.unlink()
    (home / "ready").unlink()
    assert {one for one in home.rglob("*") if "PWNED" in one.name} == before == set()
    page.close()


def wait_for(file, content):
    end = time.monotonic() + 10
    while not (file.exists() and file.read_bytes() == content):
        assert time.monotonic() < end, content
        time.sleep(0.02)
