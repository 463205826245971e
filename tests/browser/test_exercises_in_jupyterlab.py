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


def test_by_method_from_the_check_to_done(seen):
    seen(SETUP)
    check = seen("exercises.toolbox.check()")
    expect(check).to_contain_text("A name of your own: not started yet")
    expect(check).to_contain_text("○ not yet: an image check-browser/toolbox:1 is there")
    hint = seen("!docker tag busybox check-browser/toolbox\nexercises.toolbox.hint()")
    expect(hint).to_contain_text("Without a tag, docker takes latest")
    seen('registry.tag("busybox", f"{me}/toolbox:1")')
    check = seen("exercises.toolbox.check()")
    expect(check).to_contain_text("A name of your own: done")
    expect(check).to_contain_text("✓ an image check-browser/toolbox:1 is there")


def test_a_solution_pasted_from_its_panel_is_what_it_shows(seen, page):
    seen(SETUP)
    panel = seen("exercises.release")
    panel.get_by_role("button", name="Solution").click()
    expect(panel.locator("pre")).to_have_count(2)
    [python, lines] = panel.locator("pre").all()
    assert "docker tag busybox:glibc check-browser/app:2.0" in lines.inner_text()
    copied = python.evaluate("one => { getSelection().selectAllChildren(one); "
                             "return getSelection().toString() }")  # fmt: skip
    seen(copied)
    expect(seen("exercises.release").get_by_role("status")).to_have_text("Done.")


def test_a_panel_shown_again_is_the_same_one(seen, page):
    seen(SETUP)
    for _ in range(3):
        panel = seen("exercises.toolbox.start_over()")
        expect(panel.get_by_role("status")).to_have_text("Not started yet.")
    counted = seen("from exercises import panel; from helpers._internal import events\n"
                   "exercises.toolbox in panel._shown, len(events._feed.listeners)")  # fmt: skip
    expect(counted).to_contain_text("(True, 1)")


def test_it_starts_over_by_keyboard_and_keeps_the_work_until_then(seen, page):
    seen(SETUP)
    seen("exercises.release.start_over()")
    seen("!docker tag busybox check-browser/app:stable-1; docker rmi check-browser/app:1.0")
    panel = seen("exercises.release")  # makes again what is gone
    expect(panel.get_by_role("status")).to_have_text("Not started yet.")
    seen("images.pull('busybox:glibc'); registry.tag('busybox:glibc', f'{me}/app:2.0')")
    panel = seen("exercises.release")
    expect(panel.get_by_role("status")).to_have_text("2 of 3 hold.")
    panel.get_by_role("button", name="Hint").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(panel.get_by_role("button", name="Start over")).to_be_focused()
    page.keyboard.press("Enter")
    expect(panel).to_contain_text("It is as at the start.")
    expect(panel.get_by_role("status")).to_have_text("Not started yet.")


def test_a_stranger_s_text_does_not_run(seen, page):
    seen(SETUP)
    panel = seen("exercises.crowd")
    panel.get_by_role("textbox", name="Number").fill(PAYLOAD)
    page.keyboard.press("Enter")
    expect(panel).to_contain_text(f"it is not {PAYLOAD}")
    assert page.evaluate("window.ran") is None
