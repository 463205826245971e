"""The live view as a learner sees it: JupyterLab, and the docker command typed elsewhere."""

import re
import statistics
import time

import pytest
from playwright.sync_api import expect

from helpers._internal import identity
from tests.browser.conftest import (
    RUN,
    SAVE,
    SHUT_DOWN,
    check_with_axe,
    open_without_kernel,
    set_theme,
    settle,
    wait_for_kernel,
    write_notebook,
)
from tests.helpers.integration.faults import Relay, engine_socket

STREAMS = "import threading; sum(one.name == 'events_read' for one in threading.enumerate())"
SECOND = 1000  # in which a change must be seen, in milliseconds
MEDIAN = 200  # the same for the median, from the Engine's event on
# Notes when the picture's text changes, by the browser's clock, which is the Engine's as well.
WATCH = """() => {
  const view = document.querySelector(".jupyterlab-sidecar .lesson-view");
  window.changed = [];
  new MutationObserver(() => window.changed.push([Date.now(), view.textContent]))
    .observe(view, { childList: true, subtree: true });
}"""


def show(me, more="", setup=""):
    """Return a cell that shows the view of the tests' own workspace."""
    return f"""
import os
from pathlib import Path
os.environ["WORKSPACE"] = {me!r}
{setup}
from helpers import live
from helpers._internal import identity
identity.NOTEBOOK_DIR = Path({str(identity.NOTEBOOK_DIR)!r})
live.show({more})
"""


def beside(page):
    return page.locator(".jupyterlab-sidecar .lesson-view")


def things(page, title):
    """Locate what stands under a title in the picture, and has not gone."""
    return beside(page).locator(f".heading:has-text('{title}') + ul > li:not(.gone)")


@pytest.fixture
def view(page, run, ask, world):
    """The view of the tests' own workspace, beside the notebook; it is closed afterwards."""
    run(show(world.me))
    beside(page).locator(".host").wait_for()
    yield beside(page)
    run("live.close(), live.close(all=True)")
    expect(page.locator(".jupyterlab-sidecar")).to_have_count(0)
    assert ask(STREAMS) == "0"


def test_run_stop_and_rm_typed_elsewhere_are_seen_within_a_second(page, view, world):
    full = f"{world.me}-web"
    expect(things(page, "Containers")).to_have_count(0)
    world.sh(
        f"docker run -d --label lesson={world.me} --name {full} -p 127.0.0.1::80 --init busybox"
        " httpd -f"
    )
    box = things(page, "Containers").filter(has_text=full)
    expect(box).to_contain_text("running since", timeout=SECOND)
    port = world.sh(f"docker port {full} 80").stdout.strip()
    expect(view.get_by_role("link", name=f"{port} → 80/tcp")).to_have_attribute(
        "href", f"http://{port}/"
    )
    expect(view.get_by_role("log").locator("li").first).to_have_text(
        re.compile(rf"^\d\d:\d\d:\d\ddocker run --name {full} … busybox → create, start$")
    )
    world.sh(f"docker stop {full}")
    expect(box).to_contain_text("exit code 143: SIGTERM ended it", timeout=SECOND)
    expect(view.get_by_role("log").locator("li").first).to_contain_text(f"docker stop {full} → ")
    expect(view.get_by_role("log").locator("li").first).to_contain_text("die, exit code 143")
    expect(view.locator(".box.new")).to_have_count(1)
    world.sh(f"docker rm {full}")
    expect(things(page, "Containers")).to_have_count(0, timeout=SECOND)
    expect(view.locator(".box.gone")).to_have_count(1)
    expect(view.get_by_role("log").locator("li").first).to_contain_text(f"docker rm {full} →")


def test_it_changes_while_a_cell_runs(page, view, run, world):
    page.evaluate(
        """() => { const notebook = jupyterapp.shell.currentWidget.content;
        notebook.activeCellIndex = 1;
        notebook.activeCell.model.sharedModel.setSource("import time; time.sleep(3)");
        jupyterapp.commands.execute("notebook:run-cell"); }"""
    )
    page.get_by_text("(ipykernel) | Busy").wait_for()
    world.sh(f"docker create --label lesson={world.me} --name {world.me}-box busybox true")
    expect(things(page, "Containers")).to_contain_text("created", timeout=SECOND)
    assert page.get_by_text("(ipykernel) | Busy").is_visible()
    page.get_by_text("(ipykernel) | Idle").wait_for()


def test_images_that_are_one_stand_together_and_the_registry_is_there(page, view, store, world):
    name = f"{store}/{world.me}/hello:1"
    world.sh(f"docker tag busybox {world.me}/hello:1; docker tag busybox {name}")
    short = re.compile(rf"(^|\s){world.me}/hello:1\s")
    together = things(page, "Images").filter(has_text=short)
    expect(together).to_contain_text("busybox:latest", timeout=SECOND)
    expect(together).to_contain_text(name, timeout=SECOND)
    expect(together).to_have_count(1)
    login = f"docker login -u {world.me} --password-stdin {store}"
    world.sh(f"cat files/{world.me}/registry-password | {login} && docker push {name}")
    held = things(page, store)
    expect(held).to_have_text([f"{world.me}/hello 1"], timeout=SECOND)
    expect(view.get_by_role("log").locator("li").first).to_contain_text(f"docker push {name}")
    world.sh(f"docker stop {world.me}-registry")
    expect(view.get_by_text("your own")).to_have_count(0, timeout=SECOND)
    world.sh(f"docker start {world.me}-registry")
    expect(held).to_have_count(1, timeout=6 * SECOND)
    world.sh(f"docker rmi {world.me}/hello:1")
    expect(together).to_have_count(0, timeout=SECOND)
    expect(view.get_by_role("log").locator("li").first).to_contain_text(
        f"docker rmi {world.me}/hello:1 → untag"
    )


def test_another_workspace_s_things_are_seen_only_with_all(page, view, run, world):
    world.plant("stranger-of-all", options=f"-d --label lesson={world.me}-not")
    world.sh(f"docker create --label lesson={world.me} --name {world.me}-box busybox true")
    expect(things(page, "Containers")).to_have_count(1, timeout=SECOND)
    expect(view.get_by_role("log").locator("li")).to_have_count(1)
    run("live.show(all=True)")
    both = page.locator(".jupyterlab-sidecar")
    expect(both).to_have_count(2)
    expect(both.last.locator("li").filter(has_text="stranger-of-all")).to_have_count(1)


def test_shown_again_it_takes_its_own_place_and_two_share_a_stream(page, view, run, ask):
    run("live.show()")
    expect(page.locator(".jupyterlab-sidecar")).to_have_count(1)
    expect(beside(page).locator(".host")).to_have_count(1)
    assert page.locator("#jp-right-stack").bounding_box()["width"] >= 430
    expect(page.locator(".jp-Cell .lesson-view .host")).to_be_hidden()
    run("live.show(all=True)")
    expect(page.locator(".jupyterlab-sidecar")).to_have_count(2)
    assert ask(STREAMS) == "1"
    expect(page.locator("body.lesson-beside")).to_have_count(1)
    run("live.close(all=True)")
    expect(page.locator(".jupyterlab-sidecar")).to_have_count(1)
    expect(page.locator("body.lesson-beside")).to_have_count(1)
    assert ask(STREAMS) == "1"


def test_closed_by_its_cross_it_ends_the_stream(page, view, ask):
    tab = page.locator(".jp-SideBar.jp-mod-right").get_by_role("tab", name="Docker Engine")
    assert ask(STREAMS) == "1"
    box = tab.locator(".lm-TabBar-tabCloseIcon").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".jupyterlab-sidecar")).to_have_count(0)
    expect(page.locator("body.lesson-beside")).to_have_count(0)
    assert ask(STREAMS) == "0"
    expect(page.get_by_text("The Docker Engine, when this cell ran:")).to_be_visible()


def test_below_the_cell_where_nothing_stands_beside(page, run, world):
    run(show(world.me, setup="os.environ['VSCODE_PID'] = '1'"))
    below = page.locator(".jp-Cell .lesson-view")
    expect(below.locator(".host")).to_be_visible()
    expect(page.locator(".jupyterlab-sidecar")).to_have_count(0)
    expect(page.get_by_text("The Docker Engine, when this cell ran:")).to_be_hidden()
    world.sh(f"docker create --label lesson={world.me} --name {world.me}-box busybox true")
    expect(below.locator("li").filter(has_text=f"{world.me}-box created")).to_have_count(
        1, timeout=SECOND
    )
    run("del os.environ['VSCODE_PID']\nlive.close()")


def test_it_says_while_no_engine_answers_and_follows_on(page, run, world, tmp_path):
    relay = Relay(engine_socket(), str(tmp_path / "docker.sock"))
    setup = f"os.environ['DOCKER_HOST'] = {relay.address!r}\nfrom helpers import engine"
    run(show(world.me, setup=f"{setup}\nengine.use(None)"))
    missing = beside(page).locator("p", has_text="No Docker Engine answers")
    expect(missing).to_have_count(1)
    for count in range(2):
        relay.open()
        expect(things(page, "Images")).not_to_have_count(0, timeout=3 * SECOND)
        world.sh(f"docker create --label lesson={world.me} --name {world.me}-{count} busybox true")
        expect(things(page, "Containers")).to_have_count(count + 1, timeout=SECOND)
        relay.close()
        expect(missing).to_have_count(1, timeout=SECOND)
    run("live.close()\ndel os.environ['DOCKER_HOST']\nengine.use(None)")


def test_words_of_strangers_stay_words(page, view, ask, world):
    full = f"{world.me}-strange"
    words = "<img src=x onerror='window.ran=1'></text></svg><script>window.ran=1</script>$x$&lt;"
    world.sh(
        f"docker run -d --label lesson={world.me} --label 'a={words}' --name {full} busybox "
        "sleep 60"
    )
    world.api.exec_start(world.api.exec_create(full, ["echo", words, "\x1b[31m\u202e"])["Id"])
    line = view.get_by_role("log").locator("li").first
    expect(line).to_contain_text(words, timeout=SECOND)
    expect(line).to_contain_text(r"\x1b[31m\u202e")
    world.api.create_container("busybox", [words], labels={"lesson": world.me}, name=f"{full}-2")
    with pytest.raises(Exception, match="no such file|not found"):
        world.api.start(f"{full}-2")
    failed = things(page, "Containers").filter(has_text=f"{full}-2")
    expect(failed).to_contain_text("ran=1</script>$x$&lt;: no such file")
    assert page.evaluate("window.ran") is None


def test_by_keyboard_and_without_motion(page, view, world):
    page.emulate_media(reduced_motion="reduce")
    full = f"{world.me}-web"
    world.sh(
        f"docker run -d --label lesson={world.me} --name {full} -p 127.0.0.1::80 busybox httpd -f"
    )
    link = view.get_by_role("link", name="→ 80/tcp")
    expect(link).to_have_count(1, timeout=SECOND)
    link.focus()
    expect(link).to_be_in_viewport()
    assert link.bounding_box()["height"] > 5
    view.get_by_role("link").last.focus()
    page.keyboard.press("Tab")
    expect(view.get_by_role("log")).to_be_focused()
    mark = view.locator(".box.new").first
    animation = "node => getComputedStyle(node).animationName"
    assert mark.evaluate(animation) == "none"
    page.emulate_media(reduced_motion="no-preference")
    assert mark.evaluate(animation) == "lesson-live-new"


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_text_stands_out_in_both_themes(page, view, world, theme):
    world.sh(f"docker create --label lesson={world.me} --name {world.me}-box busybox true")
    set_theme(page, theme)
    dark = str(theme != "Dark").lower()
    page.locator(f"body[data-jp-theme-light={dark}]").wait_for(state="attached")
    expect(view.locator(".box.new")).to_have_count(1)
    try:
        check_with_axe(page, [".jupyterlab-sidecar .lesson-view"])
    finally:
        set_theme(page, "Light")


def _latencies(page, world, count):
    page.evaluate(WATCH)
    full = f"{world.me}-clock"
    world.sh(f"docker create --label lesson={world.me} --name {full} busybox true")
    for number in range(count):
        world.api.rename(full, full := f"{world.me}-clock-{number}")
        page.wait_for_timeout(150)
    page.wait_for_timeout(1000)
    seen = page.evaluate("window.changed")
    since = time.time() - 120
    happened = world.sh(
        f"docker events --since {since:.0f} --until 0s --filter event=rename "
        "--format '{{.TimeNano}} {{.Actor.Attributes.name}}'"
    )
    made = dict(reversed(line.split()) for line in happened.stdout.splitlines())
    waits = []
    for number in range(count):
        name = f"{world.me}-clock-{number}"
        first = min(when for when, text in seen if re.search(rf"{name}(?!\d)", text))
        waits.append(first - int(made[name]) / 1e6)
    return waits


@pytest.mark.alone
@pytest.mark.parametrize("others", [0, 500])
def test_from_event_to_picture(page, view, world, others, record_property):
    made = [
        world.api.create_container("busybox", "true", labels={"lesson": "others"})["Id"]
        for _ in range(others)
    ]
    try:
        waits = _latencies(page, world, 50)
    finally:
        for one in made:
            world.api.remove_container(one)
    record_property("waits", waits)
    print(f"{others}: median {statistics.median(waits):.0f} ms, most {max(waits):.0f} ms")
    assert statistics.median(waits) < MEDIAN


@pytest.mark.parametrize("trusted", [True, False])
def test_saved_it_is_a_picture(lab, own_page, world, trusted):
    """Opened again without its kernel, on another day, by who made it or by another."""
    page, path = own_page.page, lab[1] / f"live-{trusted}.ipynb"
    write_notebook(path, show(world.me))
    page.goto(f"{lab[0]}/doc/tree/{path.name}")
    wait_for_kernel(page)
    settle(page, RUN)
    beside(page).locator(".host").wait_for()
    settle(page, SAVE)
    settle(page, SHUT_DOWN)
    open_without_kernel(page, lab[0], path, trusted=trusted)
    output = page.locator(".jp-Cell-outputArea")
    expect(output.locator(".host")).to_be_visible()
    page.wait_for_timeout(3000)  # ipywidgets looks for a widget for 2 seconds
    said = re.sub(r"\s+", " ", output.inner_text()).strip()
    assert said.startswith("The Docker Engine, when this cell ran: Client docker CLI")
    assert said.endswith("Kernel: one, shared") and "rror" not in said
