"""A real JupyterLab and a real Chromium. What a test leaves when it fails is in test-results/."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbformat.sign import NotebookNotary
from playwright.sync_api import Error, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "test-results"
BROWSERS = ["chromium", "google-chrome", "google-chrome-stable"]  # else what Playwright finds
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
LOOPBACK = re.compile(r"(https?|wss?)://(127\.0\.0\.1|localhost|\[::1\])[:/]|(data|blob|about):")
# JupyterLab 4.6 takes its own splash screen off the page twice when it restores its tabs.
SPLASH = re.compile(r"'removeChild' on 'Node'.*\n +at \S*/static/lab/jlab_core\.\S*$")
# What is said to the console, where no learner reads it: by JupyterLab of its debugger, where a
# kernel is not ready yet or went; by ipywidgets of the first widget of a kernel that went.
DEBUGGER = re.compile("Could not restore the debugger state")
COMPLAINT = re.compile("widget model not found")
SETTINGS = {  # JupyterLab asks nobody for its news, and keeps every cell on the page
    "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
    "notebook-extension/tracker": '{"windowingMode": "none"}',
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab of the tests' own on loopback: its address, and the folder that it serves.

    It ends with the module: no other sees the settings that a module's tests change.
    """
    home = tmp_path_factory.mktemp("lab")
    for name, settings in SETTINGS.items():
        file = home / "settings/@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(settings)
    places = {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
              "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTER_CONFIG_DIR": "config",
              "IPYTHONDIR": "ipython"}  # fmt: skip
    own = {name: str(home / place) for name, place in places.items()}
    port = free_port()
    words = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
             f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=",
             "--expose-app-in-browser", f"--ServerApp.root_dir={home}"]  # fmt: skip
    log = home / "lab.log"
    with log.open("w") as file, subprocess.Popen(
        words, env=os.environ | own, stdout=file, stderr=file
    ) as one:
        wait_for_port(one, port)
        yield f"http://127.0.0.1:{port}", home
        try:
            one.terminate()
            one.wait(60)
        finally:
            one.kill()


def free_port():
    """Return the number of a port on loopback that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for_port(server, port):
    """Wait until a port answers, or its server has ended."""
    while server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(0.1)
    raise RuntimeError("JupyterLab has ended")


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, BROWSERS)), None)
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """A page, with what it printed and what it asked for."""

    def __init__(self, context):
        self.console, self.errors, self.asked = [], [], []
        context.route("**/*", self._pass_on)
        self.page = context.new_page()
        self.page.on("console", self._note)
        self.page.on("pageerror", self._fail)
        self.page.on("websocket", lambda socket: self.asked.append(socket.url))

    def _pass_on(self, route):
        """Ask in Chromium's place, which gives up a request when a container comes or goes."""
        self.asked.append(route.request.url)
        if not LOOPBACK.match(route.request.url):
            return route.abort()
        with contextlib.suppress(Error):  # the page was closed meanwhile
            route.fulfill(response=route.fetch())

    def _fail(self, error):
        text = error.stack or str(error)
        if not SPLASH.search(text):
            self.errors.append(text)

    def _note(self, message):
        self.console.append(f"{message.type}: {message.text}")
        if message.type == "error" and not DEBUGGER.search(message.text):
            self.errors.append(message.text)

    def check(self):
        errors, self.errors = self.errors, []
        assert not errors, errors
        strangers = [url for url in self.asked if not LOOPBACK.match(url)]
        assert not strangers, strangers

    def keep(self, name):
        """Keep a picture and the log."""
        RESULTS.mkdir(exist_ok=True)
        file = RESULTS / re.sub(r"\W+", "-", name)
        file.with_suffix(".log").write_text("\n".join(self.console + self.asked))
        with contextlib.suppress(Error):
            self.page.screenshot(path=file.with_suffix(".png"))


@contextlib.contextmanager
def watched_page(chromium, *, seconds, permissions=()):
    """A page, as a `Watched`, on which what is looked for comes within so many seconds."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(seconds * 1000)
    context.grant_permissions(["local-network-access", *permissions])
    try:
        yield Watched(context)
    finally:
        context.close()


def write_notebook(path, *sources):
    """Write a notebook of code cells that have not run."""
    cells = list(map(nbformat.v4.new_code_cell, sources))
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(made, path)


def wait_for_kernel(page):
    page.get_by_text("(ipykernel) | Idle").wait_for(timeout=60_000)


def open_without_kernel(page, address, path, *, trusted):
    """Open what a notebook has saved as another person or on another day, without a kernel."""
    saved = nbformat.read(path, as_version=4)
    saved.metadata.kernelspec = {"name": "gone", "display_name": "Gone"}
    saved.metadata.language_info = {"name": f"gone-{trusted}"}  # so it is trusted by nobody yet
    if trusted:
        NotebookNotary().sign(saved)
    nbformat.write(saved, other := path.with_name(f"other-{path.stem}-{trusted}.ipynb"))
    page.goto(f"{address}/doc/tree/{other.name}")
    page.get_by_role("dialog").get_by_role("combobox").select_option("No Kernel")
    page.get_by_role("dialog").get_by_role("button", name="Select Kernel").click()


@pytest.fixture(scope="module")
def watched(lab, chromium, request):
    """A notebook of two empty cells, open in JupyterLab with a kernel, for a module's tests."""
    address, home = lab
    name = f"{request.module.__name__.rpartition('.')[2]}.ipynb"
    write_notebook(home / name, "", "")
    clipboard = ("clipboard-read", "clipboard-write")
    with watched_page(chromium, seconds=10, permissions=clipboard) as one:
        one.page.goto(f"{address}/doc/tree/{name}")
        wait_for_kernel(one.page)
        yield one


@pytest.fixture
def own_page(chromium, request):
    """A page of a test's own, on which a kernel may go, as a `Watched`."""
    with watched_page(chromium, seconds=20) as one:
        request.node.watched = one
        yield one
        one.errors = [error for error in one.errors if not COMPLAINT.search(error)]
        one.check()


@pytest.fixture
def page(watched, request):
    """The open notebook's page. Afterwards: no error in its console, no request to a stranger."""
    request.node.watched = watched
    yield watched.page
    watched.check()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and hasattr(item, "watched"):
        item.watched.keep(f"{item.name}-{report.when}")
    return report


# What a test has JupyterLab do, by `settle`.
RUN = "jupyterapp.commands.execute('notebook:run-all-cells')"
RUN_CODE = """code => jupyterapp.shell.currentWidget.context.sessionContext.session.kernel
  .requestExecute({code}).done"""
SAVE = "jupyterapp.commands.execute('docmanager:save')"
RESTART = "jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()"
SHUT_DOWN = "jupyterapp.shell.currentWidget.context.sessionContext.shutdown()"
_SET_THEME = "theme => jupyterapp.commands.execute('apputils:change-theme', { theme })"
_SETTLE = """([code, arg]) => {
  window.settled = null;
  window.settling = (async () => {
    const made = eval(`(${code})`);
    return typeof made === "function" ? made(arg) : made;
  })().then(
    value => { settled = { value }; },
    error => { settled = { error: `${error}` }; },
  );
}"""


def settle(page, code, arg=None):
    """Run JavaScript on a page until its promise settles, and return its value.

    `Page.evaluate` knows no limit of time, and Chromium may collect the promise that it waits for;
    this one is the page's.
    """
    page.evaluate(_SETTLE, [code, arg])
    end = page.wait_for_function("settled", timeout=120_000).json_value()
    assert "error" not in end, end["error"]
    return end.get("value")


def set_theme(page, name):
    """Change JupyterLab's theme: `Light` or `Dark`."""
    settle(page, _SET_THEME, f"JupyterLab {name}")


_RUN = """async ([place, code]) => {
  const notebook = jupyterapp.shell.currentWidget.content;
  notebook.activeCellIndex = place;
  notebook.activeCell.model.sharedModel.setSource(code);
  await jupyterapp.commands.execute("notebook:run-cell");
}"""


@pytest.fixture
def run(page):
    """Return a function that puts code in the first cell, runs it, and waits for its end."""
    return lambda code: settle(page, _RUN, [0, code])


@pytest.fixture
def ask(page):
    """Return a function that runs code in the second cell, and gives what stands below it."""

    def answer(code):
        settle(page, _RUN, [1, code])
        return page.locator(".jp-Cell").nth(1).locator(".jp-OutputArea-output").inner_text()

    return answer


def check_with_axe(page, include, exclude=()):
    """Have axe-core look at parts of a page, their contrast as well.

    Args:
        page: The page, in JupyterLab.
        include: Selectors of what it looks at.
        exclude: Selectors of what it leaves out of that.
    """
    # JupyterLab's body is 0 px high, for axe a sign that nobody sees what is in it.
    page.add_style_tag(content="body { height: 100vh; }")
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)  # it covers all after a new theme
    page.wait_for_timeout(1000)  # until it has faded, and the theme's colours are there
    where = {"include": include, "exclude": list(exclude)}
    found = Axe().run(page, context=where, options={}).response
    wrong = [(one["id"], node["html"], node["failureSummary"])
             for one in found["violations"] for node in one["nodes"]]  # fmt: skip
    assert wrong == []
    [contrast] = [one for one in found["passes"] if one["id"] == "color-contrast"]
    assert len(contrast["nodes"]) >= 8
