"""Each exercise's panel on a page: what the docker CLI does, it says; and nothing is clicked."""

import contextlib
import getpass
import re
import shutil

import nbformat
import pytest
from playwright.sync_api import expect

from helpers._internal import connection, identity, ports
from tests.browser.conftest import RESTART, ROOT, RUN_CODE, SAVE, settle, wait_for_kernel
from tests.exercises.test_exercises import EVERY, READ, Learner
from tests.exercises.wrong_states import WRONG
from tests.notebooks import NOTEBOOKS, without_outputs

SETUP = """
import getpass, os, sys
from pathlib import Path
os.environ |= {environment!r}
sys.path.insert(0, {root!r})
from exercises import containers, images, progress, registry
from helpers import engine, workspace
from helpers._internal import identity
from tests.exercises.wrong_states import WRONG
identity.NOTEBOOK_DIR = Path({folder!r})
os.chdir(identity.NOTEBOOK_DIR)
"""


# What is in a file, or a login of the CLI, makes no event: the end of a cell looks for it.
SILENT = ["password", "gift", "backup", "result", "pinned", "greeter"]


RUN_PLACE = """async place => {
  const notebook = jupyterapp.shell.currentWidget.content;
  notebook.activeCellIndex = place;
  await jupyterapp.commands.execute("notebook:run-cell");
}"""


class Watcher:
    """Somebody who types in a terminal, and looks at the panel on the page."""

    def __init__(self, page, run, world, name):
        self.page, self.run, self.world, self.name = page, run, world, name
        self.learner = Learner(world, name)
        module = self.learner.lesson.__name__.rpartition(".")[2]
        self.exercise = f"{module}.{name}"
        self.panel = page.locator(".jp-Cell").first.locator(".lesson-exercise")

    def begins(self):
        """Show the panel of an exercise that nobody has touched."""
        for one in self.world.api.containers(all=True):
            if one["Names"][0].startswith(f"/{self.world.me}-"):
                self.world.api.remove_container(one["Id"], force=True, v=True)
        self.world.tidy()
        self.world.sh("rm -f $DOCKER_CONFIG/config.json")
        connection.logins.clear()
        self.run(f"one = {self.exercise}.start_over()\nengine.logins.clear()\none")
        self.says("Not started yet.")

    def says(self, state, **options):
        expect(self.panel.get_by_role("status")).to_have_text(state, **options)

    def finds(self, text):
        """Wait until a condition that does not hold yet says one of some words."""
        words = text.replace("`", "").split("|")
        self.page.wait_for_function(
            """words => [...document.querySelectorAll(".lesson-exercise .marks li")].some(row => {
                 const parts = ["i", "span", "small"].map(tag => row.querySelector(tag));
                 const said = parts.slice(1).map(part => part?.textContent ?? "").join(": ");
                 return parts[0] && words.some(word => said.includes(word));
               })""", arg=words, timeout=5000)  # fmt: skip

    def gets_the_hint(self, text):
        """Ask for a hint; a change, by the last event of a command, takes it off again."""
        for _ in range(3):
            self.panel.get_by_role("button", name="Hint").click()
            with contextlib.suppress(AssertionError):
                return expect(self.panel).to_contain_text(text, timeout=1500)
        raise AssertionError(self.panel.inner_text())

    def does(self, state):
        """Bring a wrong state about: type lines, fill boxes, or call what it needs in a cell."""
        act = WRONG[self.name][state][0]
        if isinstance(act, str):
            *lines, last = re.split(r"\n(?=ANSWER)", act)
            self.learner.types("\n".join(lines) or last) if "ANSWER" not in last or lines else None
            if last.startswith("ANSWER"):
                self.answers(*last.split()[1:])
        elif hasattr(act, "given") and not any(isinstance(one, list) for one in act.given):
            self.answers(*act.given)
        else:
            self.run_beside(f"WRONG[{self.name!r}][{state}][0]({self.exercise})")

    def run_beside(self, code):
        settle(self.page, RUN_CODE, code)

    def answers(self, *words):
        for box, word in zip(self.panel.get_by_role("textbox").all(), words, strict=False):
            box.fill(str(word))
            box.press("Enter")


@pytest.fixture
def watcher(page, run, world, monkeypatch):
    """Return a maker of watchers whose kernel works where this test does."""
    monkeypatch.setenv("DOCKER_CONFIG", world.environment["DOCKER_CONFIG"])
    monkeypatch.setattr(getpass, "getpass", lambda *prompt: "a word of mine")
    environment = {"WORKSPACE": world.me, "DOCKER_CONFIG": world.environment["DOCKER_CONFIG"]}
    folder = str(identity.NOTEBOOK_DIR)
    run(SETUP.format(environment=environment, root=str(ROOT), folder=folder))
    run("import docker; engine.connect(); from helpers import images as i; i.pull('busybox:glibc');"
        " i.pull('registry:2')")  # fmt: skip
    return lambda name: Watcher(page, run, world, name)


@pytest.mark.parametrize("name", EVERY)
def test_it_follows_what_the_cli_does(watcher, name):
    somebody = watcher(name)
    for state in (0, 1, len(WRONG[name]) - 1):
        act, finds, hint = WRONG[name][state]
        somebody.begins()
        somebody.does(state)
        if name in SILENT:
            somebody.run_beside("0")
        somebody.finds(finds)
        expect(somebody.panel.get_by_role("status")).not_to_have_text("Done.")
        somebody.gets_the_hint(hint.split("|")[0].replace("`", ""))
    somebody.begins()
    lines = somebody.learner.exercise.solution().lines
    if name == "password":
        somebody.learner.types("PASSWORD")
    said = somebody.learner._run(lines)
    if name in READ:
        somebody.answers(*READ[name](said))
    if name in SILENT:
        somebody.run_beside("0")
    somebody.says("Done.")


@pytest.fixture
def lesson(lab, own_page):
    """Lesson 3 in JupyterLab: its page, with the set-up cell and the panel of `cafe` run."""
    address, home = lab
    made = without_outputs(NOTEBOOKS[2])
    first = nbformat.v4.new_code_cell("import os\nos.environ['WORKSPACE'] = 'check-lesson'")
    made.cells.insert(0, first)
    shutil.copytree(ROOT / "images", home / "images", dirs_exist_ok=True)
    (home / "notebooks").mkdir(exist_ok=True)
    nbformat.write(made, home / "notebooks/lesson.ipynb")
    own_page.page.goto(f"{address}/doc/tree/notebooks/lesson.ipynb")
    wait_for_kernel(own_page.page)
    wanted = ["", "03-01", "03-progress-1", "ex-cafe-1"]
    places = [place for place, cell in enumerate(made.cells)
              if place == 0 or cell.id in wanted]  # fmt: skip
    for place in places:
        settle(own_page.page, RUN_PLACE, place)
    yield own_page
    settle(own_page.page, RUN_CODE, "from helpers import workspace; workspace.reset()")


def test_lesson_3_s_panel_follows_within_a_second(lesson, world):
    page = lesson.page
    panel = page.locator(".lesson-exercise")
    status = panel.get_by_role("status")
    line = page.locator(".jp-RenderedHTMLCommon, .widget-html").get_by_role("status").first
    expect(status).to_have_text("Not started yet.")
    expect(line).to_have_text("0 of 7 exercises are done")
    run = "docker run -d --name check-lesson-cafe --label lesson=check-lesson"
    run += f" -p 127.0.0.1:{ports.free_port(8100)}:80"
    soon = {"timeout": 1000}
    world.sh(f"{run} busybox httpd -f -h /home")
    expect(status).to_have_text("4 of 5 hold.", **soon)
    expect(panel).to_contain_text("its restart policy is no")
    world.sh("docker stop -t 0 check-lesson-cafe")
    expect(panel).to_contain_text("it ended with exit code 137: SIGKILL ended it", **soon)
    world.sh("docker rm check-lesson-cafe")
    expect(status).to_have_text("Not started yet.", **soon)
    world.sh(f"{run} --restart always busybox httpd -f -h /home")
    expect(status).to_have_text("Done.", **soon)
    expect(line).to_have_text("1 of 7 exercises are done", **soon)
    world.sh("docker rm -f check-lesson-cafe")
    expect(status).to_have_text("Done before; now 0 of 5 hold.", **soon)
    expect(line).to_have_text("1 of 7 exercises are done")


def test_a_title_in_the_progress_line_leads_to_its_heading(lesson):
    page = lesson.page
    heading = page.get_by_role("heading", name="Exercise: Open a shop")
    expect(heading).not_to_be_in_viewport()
    page.get_by_role("link", name="Open a shop").first.click()
    expect(heading).to_be_in_viewport()


def test_saved_it_shows_title_and_task_without_its_kernel(lesson):
    page = lesson.page
    expect(page.locator(".lesson-exercise")).to_be_visible()
    for picture in page.locator(".lesson-picture").all():
        expect(picture).to_be_hidden()
    settle(page, SAVE)
    settle(page, RESTART)
    page.wait_for_timeout(3000)  # ipywidgets looks for a widget for 2 seconds
    page.reload()
    page.get_by_text("(ipykernel) | Idle").wait_for(timeout=60_000)
    page.wait_for_timeout(3000)
    output = page.locator(".jp-Cell-outputArea").filter(has_text="A service that comes back")
    expect(output.get_by_text("A service that comes back").last).to_be_visible()
    expect(output.get_by_text("Have Docker start it again").last).to_be_visible()
    expect(page.get_by_text("model not found").locator("visible=true")).to_have_count(0)
    expect(output.get_by_role("button")).to_have_count(0)
