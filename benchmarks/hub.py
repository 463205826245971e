"""Let learners log in at a room's hub at once and run all notebooks through it.

`python3 -m classroom bench --room 10` says how long a spawn takes, and how much memory and
processor time a learner takes among ten and alone. The hub is one of its own, and is closed after.
"""

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import time
import urllib.request
import uuid
from dataclasses import dataclass, field

import aiohttp
import docker
import yarl
from nbformat.v4 import output_from_msg

from benchmarks.load.cells import code_cells, difference
from classroom import files, room
from classroom.paths import ROOT
from tests.notebooks import NOTEBOOKS

HUB = "http://127.0.0.1:8000"
SPAWN, MEMORY, RATIO = 20, 450, 1.2  # what is to be reached: seconds, MiB, times
_SPAWNED = 180  # seconds at most
_CELL = 300
_BETWEEN = 2  # seconds from one look at memory to the next
_SHOWN = ("display_data", "execute_result", "stream", "error")


class Hub:
    """A room's hub of one's own, as `python3 -m classroom hub` starts it.

    Attributes:
        password: The learners'.
        instructor_password: That of `instructor`.
    """

    def __enter__(self):
        self.start()
        told = files.read_json(room.ROOM)
        self.password, self.instructor_password = told["password"], told["instructor_password"]
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait(60)
        room.close()

    def start(self):
        """Start it, and wait until it answers.

        Raises:
            RuntimeError: It ended, or another one answers at its address.
        """
        if _answers():
            raise RuntimeError(f"A hub was to be started, and one answers at {HUB} already.")
        self.process = subprocess.Popen([sys.executable, "-m", "classroom", "hub"], cwd=ROOT)
        while not _answers():
            if self.process.poll() is not None:
                raise RuntimeError(f"The hub has ended with {self.process.returncode}.")
            time.sleep(0.2)


def _answers():
    try:
        with urllib.request.urlopen(f"{HUB}/hub/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


@dataclass
class Visitor:
    """A learner who comes by HTTP alone.

    Attributes:
        name: The name that they log in by.
        spawn: Seconds from the wish to a server that answers.
        idle: MiB of the container before the first kernel, without the cache of files.
        most: MiB of the container at work, the most that was seen, without that cache.
        cpu: Seconds of processor time of the container, Engine and all.
        ran: How many cells have run.
        wrong: What was not as it is saved, a list of str.
    """

    name: str
    spawn: float = 0.0
    idle: float = 0.0
    most: float = 0.0
    cpu: float = 0.0
    ran: int = 0
    wrong: list = field(default_factory=list)

    def __post_init__(self):
        self._http, self._docker = None, docker.from_env().api
        self.container = f"{room.NAME}-{self.name.replace('-', '-2d')}"

    async def __aenter__(self):
        self._http = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            connector=aiohttp.TCPConnector(force_close=True),  # the proxy closes idle ones
        )
        return self

    async def __aexit__(self, *error):
        await self._http.close()

    async def log_in(self, password):
        """Come in by the form, as a browser does, and take a token for all that follows."""
        form = {"username": self.name, "password": password, "_xsrf": await self._xsrf("login")}
        async with self._http.post(f"{HUB}/hub/login", data=form, allow_redirects=False) as answer:
            if answer.status != 302:
                raise RuntimeError(f"{self.name} was not let in: {answer.status}")
        headers = {"X-XSRFToken": await self._xsrf("token")}
        url = f"{HUB}/hub/api/users/{self.name}/tokens"
        async with self._http.post(url, json={"expires_in": 3600}, headers=headers) as answer:
            answer.raise_for_status()
            token = (await answer.json())["token"]
        self._http.headers["Authorization"] = f"token {token}"

    async def _xsrf(self, page):
        """Open a page of the hub; returns the cookie that a form must send back."""
        await self._http.get(f"{HUB}/hub/{page}")
        return self._http.cookie_jar.filter_cookies(yarl.URL(f"{HUB}/hub/"))["_xsrf"].value

    def browser(self):
        """Return a session that has the cookies alone, as a browser has."""
        return aiohttp.ClientSession(cookie_jar=self._http.cookie_jar)

    def get(self, path):
        """Ask the hub, or a server behind it; returns what `async with` takes."""
        return self._http.get(f"{HUB}{path}")

    async def start(self, **options):
        """Have the server started, with what its form would say, and wait until it answers."""
        begun, url = time.monotonic(), f"{HUB}/hub/api/users/{self.name}/server"
        async with asyncio.timeout(_SPAWNED):
            async with self._http.post(url, json=options) as answer:
                answer.raise_for_status()
            async with self._http.get(f"{url}/progress") as events:
                async for line in events.content:
                    told = json.loads(line[5:]) if line.startswith(b"data:") else {}
                    if told.get("failed"):
                        raise RuntimeError(f"{self.name} got no server: {told['message']}")
                    if told.get("ready"):
                        break
        self.spawn = time.monotonic() - begun
        self.idle, _ = await asyncio.to_thread(self.measure)  # the others' clocks go on

    async def learn(self):
        """Run all cells of all notebooks, each notebook in a kernel of its own, and compare."""
        for path, cells in zip(NOTEBOOKS, code_cells(), strict=True):
            async with self.kernel(f"notebooks/{path.name}") as run:
                for cell in cells:
                    found = difference(cell.outputs, await run(cell.source), self.name)
                    self.wrong += [f"{self.name}, cell {cell.id}: {found}"] if found else []
                    self.ran += 1

    @contextlib.asynccontextmanager
    async def kernel(self, path):
        """Start a notebook's kernel; yields a function that runs code and gives its outputs."""
        api = f"{HUB}/user/{self.name}/api"
        session = {"path": path, "type": "notebook", "name": "", "kernel": {"name": "python3"}}
        async with self._http.post(f"{api}/sessions", json=session) as answer:
            answer.raise_for_status()
            session = await answer.json()
        url = f"{api}/kernels/{session['kernel']['id']}/channels"
        try:
            async with await self._connect(url) as socket:
                yield lambda code: self._run(socket, code)
        finally:
            await self._http.delete(f"{api}/sessions/{session['id']}")

    async def _connect(self, url):
        """Connect to a kernel; again where the server hangs up meanwhile, as JupyterLab does."""
        async with asyncio.timeout(_SPAWNED):
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    return await self._http.ws_connect(url, max_msg_size=0)
                await asyncio.sleep(1)

    async def _run(self, socket, code):
        """Run code in a kernel; returns its outputs."""
        asked, outputs, left = uuid.uuid4().hex, [], {"execute_reply", "idle"}
        header = {"msg_id": asked, "msg_type": "execute_request", "username": self.name,
                  "session": asked, "date": "", "version": "5.3"}  # fmt: skip
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {},
                   "allow_stdin": False, "stop_on_error": False}  # fmt: skip
        await socket.send_json(
            {
                "header": header,
                "parent_header": {},
                "metadata": {},
                "content": content,
                "channel": "shell",
                "buffers": [],
            }
        )
        async with asyncio.timeout(_CELL):
            while left:
                message = await socket.receive_json()
                if message["parent_header"].get("msg_id") != asked:
                    continue
                left -= {message["msg_type"], message["content"].get("execution_state")}
                if message["msg_type"] in _SHOWN:
                    outputs.append(output_from_msg(message))
        return outputs

    def measure(self):
        """Look at the container; returns its memory in MiB and its processor time in s."""
        seen = self._docker.stats(self.container, stream=False, one_shot=True)
        memory = seen["memory_stats"]
        parts = memory["stats"]  # with control groups of version 1, those of its children apart
        kind = "total_{}" if "total_active_file" in parts else "{}"
        cache = sum(parts[kind.format(name)] for name in ("active_file", "inactive_file"))
        used = (memory["usage"] - cache) / 2**20
        self.most = max(self.most, used)
        self.cpu = seen["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
        return used, self.cpu

    async def leave(self):
        """Have the server stopped, and remove the volumes."""
        await self._http.delete(f"{HUB}/hub/api/users/{self.name}/server")
        async with asyncio.timeout(_SPAWNED):
            while self._docker.containers(all=True, filters={"name": f"^/{self.container}$"}):
                await asyncio.sleep(0.2)
        for volume in ("notebooks", "engine"):
            self._docker.remove_volume(f"{self.container}-{volume}")


async def together(names, password):
    """Let learners come, work and go at once.

    Returns:
        A list of `Visitor`s.
    """
    visitors = [Visitor(name) for name in names]
    async with contextlib.AsyncExitStack() as stack:
        for one in visitors:
            await stack.enter_async_context(one)
        await asyncio.gather(*(one.log_in(password) for one in visitors))
        try:
            await asyncio.gather(*(one.start() for one in visitors))
            watch = asyncio.create_task(_watch(visitors))
            await asyncio.gather(*(one.learn() for one in visitors))
            watch.cancel()
        finally:
            await asyncio.gather(*(one.leave() for one in visitors))
    return visitors


async def _watch(visitors):
    """Look at what they use until cancelled."""
    while True:
        for one in visitors:
            await asyncio.to_thread(one.measure)
        await asyncio.sleep(_BETWEEN)


def main(many):
    """Measure one learner, then many; print the figures.

    Args:
        many: How many learners come at once.

    Returns:
        The exit code: 0 if all outputs were right and all goals are reached.
    """
    with Hub() as hub:
        [alone] = asyncio.run(together(["room-00"], hub.password))
        names = [f"room-{number:02}" for number in range(1, many + 1)]
        visitors = asyncio.run(together(names, hub.password))
    wrong = [*alone.wrong, *(line for one in visitors for line in one.wrong)]
    spawns = sorted(one.spawn for one in visitors)
    late = spawns[max(0, -(-len(spawns) * 95 // 100) - 1)]
    most = max(one.most for one in visitors)
    ratio = statistics.median(one.cpu for one in visitors) / alone.cpu
    print(
        f"spawn              {statistics.median(spawns):.1f} s median, {late:.1f} s at 95 % "
        f"(goal {SPAWN}); one alone {alone.spawn:.1f} s\n"
        f"memory idle        {statistics.median(one.idle for one in visitors):.0f} MiB a learner\n"
        f"memory at work     {most:.0f} MiB at most (goal {MEMORY}); one alone {alone.most:.0f}\n"
        f"processor time     {statistics.median(one.cpu for one in visitors):.0f} s a learner; "
        f"one alone {alone.cpu:.0f} s: {ratio:.2f} times that (goal {RATIO})",
        *(f"✗ {line}" for line in wrong[:20]), sep="\n",
    )  # fmt: skip
    return int(bool(wrong) or late > SPAWN or most > MEMORY or ratio > RATIO)
