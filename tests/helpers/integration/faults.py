"""What makes a fault happen: a relay that dies, a kernel to interrupt; and what a fault says."""

import contextlib
import json
import os
import queue
import re
import socket
import tempfile
import threading
import time
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

from helpers import engine

ROOT = Path(__file__).resolve().parents[3]
RAW = (
    r"Error\b|Exception|Traceback|errno|See to that|Pool\(|http\.client|invalid char|json:"
    r"|<(?! files/)|>"  # a shown line reads the password from its file
)


def wrong(kind, call, *words):
    """Expect one clear sentence of a kind: in our words, not in those of Go or of Python.

    Args:
        kind: The class of the family.
        call: What raises it.
        words: What stands in the sentence, most often of the next step.

    Returns:
        The sentence.
    """
    with pytest.raises(kind) as caught:
        call()
    assert caught.type is kind
    return clear(str(caught.value), *words)


def clear(said, *words):
    """Check that a sentence is a clear one, and has some words; gives it back."""
    assert re.fullmatch(r"[^\n]+: [^\n]+\. [^\n]+\.", said), said
    assert not re.search(RAW, said), said
    for one in words:
        assert one in said
    return said


class Relay:
    """Passes bytes on, both ways, between whoever connects and a server.

    Args:
        server: Where the server listens: the path of a unix socket, or (host, port).
        listen: Where the relay listens, written the same; a port 0 becomes a free one.

    Attributes:
        reached: A `threading.Event`: the mark that `after` was given has been reached.
    """

    def __init__(self, server, listen=("127.0.0.1", 0)):
        self.server, self.listen = server, listen
        self.reached, self._go_on = threading.Event(), threading.Event()
        self._listener, self._open, self._turn = None, set(), threading.Lock()
        self.pass_on()

    @property
    def address(self):
        """Where it listens, as docker writes it: `unix://…`, or `host:port`."""
        if isinstance(self.listen, str):
            return f"unix://{self.listen}"
        return "{}:{}".format(*self.listen)

    def open(self):
        """Listen, at first and after `close`, and pass all on."""
        with self._turn:
            self.pass_on()
            self._listener = _socket(self.listen)
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(self.listen)
            self._listener.listen()
            self.listen = self._listener.getsockname()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def close(self):
        """Listen no more and end every connection, as a server that dies does."""
        with self._turn:
            listener, self._listener = self._listener, None
            if listener:
                _end(listener)
                if isinstance(self.listen, str):
                    os.unlink(self.listen)
            for connection in self._open:
                _end(connection)
            self._open.clear()
            self._go_on.set()

    def after(self, mark, then):
        """Do something as soon as so many bytes, or these words, have come from either side.

        Args:
            mark: How many bytes from now on, of all connections; or the words, as bytes.
            then: `die` closes the relay, `hold` passes nothing more on, `tell` sets `reached` only.
        """
        self.reached.clear()
        self._go_on.clear()
        self._left, self._words = (mark, None) if isinstance(mark, int) else (None, mark)
        self._then = then

    def pass_on(self):
        """Pass on whatever comes, and what was held."""
        self._left = self._words = self._then = None
        self._go_on.set()

    def _accept(self, listener):
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                near, _ = listener.accept()
                self._join(near)

    def _join(self, near):
        far = _socket(self.server)
        try:
            far.connect(self.server)
        except OSError:
            return _end(near)
        with self._turn:
            self._open |= {near, far}
        for pair in ((near, far), (far, near)):
            threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source, target):
        try:
            while piece := source.recv(65536):
                self._look_at(piece)
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            _end(source)
            _end(target)

    def _look_at(self, piece):
        if self._left is not None:
            self._left -= len(piece)
        if self._then and ((self._left or 0) <= 0 if self._words is None else self._words in piece):
            self.reached.set()
            if self._then == "die":
                self.close()
            if self._then == "hold":
                self._go_on.wait()


def _socket(address):
    return socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)


def _end(one):
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


SETUP = """
import os
from getpass import getpass
from pathlib import Path
from helpers import containers, engine, images, registry, workspace
from helpers._internal import connection, identity
identity.NOTEBOOK_DIR = Path({folder!r})
os.chdir(identity.NOTEBOOK_DIR)
"""


class Kernel:
    """A kernel as a notebook has one, with a workspace of its own.

    Args:
        me: The workspace's name.
        folder: The `Path` that it takes for the notebooks' folder.
        environment: More of its environment variables.
    """

    def __init__(self, me, folder, **environment):
        folder.mkdir()
        self.me, self.folder, self.secrets = me, folder, []
        own = {"WORKSPACE": me, "IPYTHONDIR": str(folder / "ipython")} | environment
        self.manager, self.client = start_new_kernel(env=os.environ | own, cwd=str(ROOT))
        self.run(SETUP.format(folder=str(folder)))

    def begin(self, code):
        """Send a cell off."""
        self.message = self.client.execute(code, allow_stdin=True)

    def end(self, *, seconds=90, meanwhile=lambda: None):
        """Wait for the cell's end.

        Args:
            seconds: How long it may take.
            meanwhile: Called again and again until then.

        Returns:
            All that it showed, a str; what it raised is in it as a notebook shows it.
        """
        shown, until = [], time.monotonic() + seconds
        while time.monotonic() < until:
            meanwhile()
            with contextlib.suppress(queue.Empty):
                self.client.get_stdin_msg(timeout=0)
                self.client.input(self.secrets.pop(0))
            with contextlib.suppress(queue.Empty):
                one = self.client.get_iopub_msg(timeout=0.05)
                if one["parent_header"].get("msg_id") != self.message:
                    continue
                if one["content"].get("execution_state") == "idle":
                    return "\n".join(shown)
                shown += _texts(one)
        raise TimeoutError(f"the cell still goes on: {shown}")

    def run(self, code, **options):
        """Run a cell, and give what it showed; it may raise nothing."""
        self.begin(code)
        shown = self.end(**options)
        assert "\x1b[31m" not in shown and "\x1b[1m" not in shown, shown
        return shown

    def fails(self, code, **options):
        """Run a cell that raises, and give the sentence that a notebook shows for it."""
        self.begin(code)
        return self.sentence(**options)

    def sentence(self, **options):
        """Wait for the end of a cell that raises, and give its one clear sentence."""
        shown = self.end(**options)
        _, bold, said = shown.rpartition("\x1b[1m")
        assert bold, shown
        kind, _, said = said.partition("\x1b[0m: ")
        return f"{kind}: {clear(' '.join(said.split()))}"

    def interrupt(self):
        """Interrupt the cell, as the button does."""
        self.manager.interrupt_kernel()

    def close(self):
        """Remove what the workspace made, and end the kernel."""
        try:
            self.interrupt()
            self.run("_ = workspace.reset()")
        finally:
            self.client.stop_channels()
            self.manager.shutdown_kernel(now=True)


def _texts(message):
    """Give all texts that a message from a kernel brings to a notebook, but the cell itself."""
    content = message["content"]
    if message["msg_type"] == "execute_input":
        return []
    if message["msg_type"] == "error":
        return ["\n".join(content["traceback"])]
    return [str(text) for text in [*content.get("data", {}).values(), content.get("text", "")]]


def digest(shown):
    """Read the digest that a cell showed last."""
    return next(line for line in shown.splitlines()[::-1] if "sha256:" in line).strip("'")


def engine_socket():
    """Tell the path of the real Engine's socket."""
    return engine.connect().api._custom_adapter.socket_path


class Lesson:
    """A kernel with an image of 4 MB, and a relay each before the Engine and before a registry.

    Args:
        me: The workspace's name.
        folder: The `Path` of a folder that is not there yet.
    """

    def __init__(self, me, folder):
        self.closed, self.place = False, tempfile.TemporaryDirectory()
        self.engine = Relay(engine_socket(), f"{self.place.name}/docker.sock").open()
        environment = {"DOCKER_HOST": self.engine.address, "DOCKER_CONFIG": self.place.name}
        self.kernel = Kernel(me, folder, **environment)
        shown = self.kernel.run("store = registry.private(); print([str(store), store.user])")
        self.store, self.user = json.loads(shown.splitlines()[-1].replace("'", '"'))
        host, port = self.store.split(":")
        self.registry = Relay((host, int(port))).open()
        self.image = f"{self.registry.address}/{me}/big:1"

    def make(self):
        """Log in, and make the image."""
        self.kernel.run(
            f"registry.login({self.registry.address!r}, store.user, store.password)\n"
            "words = 'dd if=/dev/urandom of=/big bs=1M count=4'\n"
            "_ = containers.run('busybox', words, name='big')\n"
            f"_ = images.commit('big', {self.image!r})\ncontainers.rm('big')"
        )

    def send(self):
        """Push the image, and give its digest."""
        self.digest = digest(self.kernel.run(f"images.push({self.image!r}).digest"))
        return self.digest

    def gone(self):
        """Remove the image here."""
        self.kernel.run(f"images.rm({self.image!r})")

    def close(self):
        """Put everything right, and remove all of it; the second time there is nothing to do."""
        if self.closed:
            return
        self.closed = True
        self.engine.pass_on()
        self.registry.close()
        try:
            self.kernel.close()
        finally:
            self.engine.close()
            self.place.cleanup()
