"""An exercise as a person meets it: the task, the check, a hint, the solution, and done."""

import pytest
from playwright.sync_api import expect

SETUP = """
import os
os.environ["WORKSPACE"] = "check-browser"
from helpers import images, registry, workspace
from exercises import registry as exercises
workspace.setup()
me = workspace.name()
images.pull("busybox")
"""
PAYLOAD = "<img src=x onerror='window.ran=1'>"


@pytest.fixture
def seen(page, run):
    """Return a function that runs code in the first cell, and gives what stands below it."""

    def look(code):
        run(code)
        return page.locator(".jp-Cell").first.locator(".jp-OutputArea-output").last

    yield look
    run("workspace.reset()")


def test_from_the_task_to_done(seen):
    seen(SETUP)
    task = seen("exercises.toolbox.begin()")
    expect(task.locator("strong").first).to_have_text("A name of your own")
    expect(task.locator("code").last).to_have_text("check-browser/toolbox:1")
    check = seen("exercises.toolbox.check()")
    expect(check).to_contain_text("A name of your own: not started yet")
    expect(check).to_contain_text("✗ there is no image check-browser/toolbox:1")
    hint = seen("!docker tag busybox check-browser/toolbox\nexercises.toolbox.hint()")
    expect(hint).to_contain_text("Without a tag, docker takes latest")
    solution = seen("exercises.toolbox.solution()")
    expect(solution).to_contain_text('registry.tag("busybox", f"{me}/toolbox:1")')
    expect(solution).to_contain_text("$ docker tag busybox check-browser/toolbox:1")
    seen('registry.tag("busybox", f"{me}/toolbox:1")')
    check = seen("exercises.toolbox.check()")
    expect(check).to_contain_text("A name of your own: done")
    expect(check).to_contain_text("✓ check-browser/toolbox:1 is there")


def test_a_solution_pasted_from_its_output_is_what_it_shows(seen, page):
    seen(SETUP)
    seen("exercises.release.begin()")
    [python, lines] = seen("exercises.release.solution()").locator("pre").all()
    assert "docker tag busybox:glibc check-browser/app:2.0" in lines.inner_text()
    copied = python.evaluate("one => { getSelection().selectAllChildren(one); "
                             "return getSelection().toString() }")  # fmt: skip
    seen(copied)
    expect(seen("exercises.release.check()")).to_contain_text("A new version comes out: done")


def test_a_stranger_s_text_does_not_run(seen, page):
    seen(SETUP)
    found = seen(f"exercises.popular.check({PAYLOAD!r})")
    expect(found).to_contain_text(f"does not find {PAYLOAD}")
    assert page.evaluate("window.ran") is None
