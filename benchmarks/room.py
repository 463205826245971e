"""Where the bench works: a workspace of its own, and what it makes there."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import docker.errors
import requests

from benchmarks.archive import archive, layers
from helpers import engine, images, workspace
from helpers._internal import command, distribution, ports
from helpers._internal.images import inspect

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
_PORT = 5700  # the registry's, or the next free one


class Room:
    """What the bench makes in the Engine, with the label and in the namespace of its workspace.

    Whoever makes one calls `clean` first, for what an earlier bench may have left, and at the
    end, whatever happens in between.
    """

    def __init__(self):
        self.api = engine.connect().api
        self.mine = dict([workspace.label().split("=")])
        self.port = ports.free_port(_PORT)
        self.image = f"127.0.0.1:{self.port}/{workspace.name()}/ten-layers:1"

    def clean(self):
        """Remove all that was made, the files of the workspace with it."""
        workspace.reset()

    def make_containers(self, count):
        """Create containers that never run."""
        with command.quietly():
            images.pull("busybox")

        def make(number):
            name = workspace.prefixed(f"{number}")
            self.api.create_container("busybox", "true", name=name, labels=self.mine)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(make, range(count)))

    def make_images(self, count):
        """Make images that differ in their configuration only."""
        names = [f"{workspace.name()}/many:{number}" for number in range(count)]
        self._load(names, layers(1, 1))

    def make_big_image(self, count, size):
        """Make the image for the transfers, of `count` layers with `size` random bytes each."""
        self._load([self.image], layers(count, size))

    def _load(self, names, content):
        architecture = self.api.version()["Arch"]
        stream = archive(names, content, labels=self.mine, architecture=architecture)
        for event in self.api.load_image(stream, quiet=True):
            if "errorDetail" in event:
                raise RuntimeError(event["errorDetail"]["message"])

    def empty_registry(self):
        """Start a registry without a password and with nothing in it, in place of the last one."""
        name = workspace.prefixed("registry-plain")
        with command.quietly():
            if not inspect(self.api, "registry:2"):
                images.pull("registry:2")
        with suppress(docker.errors.NotFound):
            self.api.remove_container(name, force=True, v=True)
        host = self.api.create_host_config(port_bindings={5000: ("127.0.0.1", self.port)})
        self.api.create_container(
            "registry:2", name=name, ports=[5000], host_config=host, labels=self.mine
        )
        self.api.start(name)
        self._wait_for_registry()

    def _wait_for_registry(self):
        end = time.monotonic() + 30
        while True:
            try:
                return distribution.ask(f"127.0.0.1:{self.port}", "")
            except requests.RequestException:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)  # a registry does not tell when it is ready

    def remove_big_image(self):
        """Remove the image with its layers."""
        self.api.remove_image(self.image)
