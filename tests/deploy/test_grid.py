"""The instructor's page of a room: what it takes, what it shows, and to whom."""

import asyncio
import html
import importlib.util
import json
import threading
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aiohttp
import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from classroom.paths import ROOT
from tests.asynchronous import run_apart

TELL, TEACH = "access:services!service=room", "admin-ui"
SCOPES = {"ada": [TELL], "ben": [TELL], "eve": [], "instructor": [TELL, TEACH]}  # by name and token
DONE = {"lesson": "containers", "done": ["cafe"], "begun": ["notice"], "hand": False}


@pytest.fixture
def grid():
    spec = importlib.util.spec_from_file_location("grid", ROOT / "deploy" / "hub" / "grid.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def room(grid):
    return grid.Room()


class Hub(BaseHTTPRequestHandler):
    """Says who a token is of, as JupyterHub does."""

    def do_GET(self):
        name = self.headers["Authorization"].split()[1]
        self.send_response(200 if name in SCOPES else 403)
        self.end_headers()
        model = {"name": name, "kind": "user", "scopes": SCOPES.get(name)}
        self.wfile.write(json.dumps(model).encode())

    def log_message(self, *arguments):
        pass


@asynccontextmanager
async def served(grid, monkeypatch):
    """A session with the service, which asks a hub beside it."""
    socket, port = bind_unused_port()
    hub = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    given = {"API_URL": f"http://127.0.0.1:{hub.server_port}/hub/api", "API_TOKEN": "secret",
             "BASE_URL": "/", "SERVICE_NAME": "room", "SERVICE_PREFIX": "/services/room/",
             "CLIENT_ID": "service-room", "OAUTH_ACCESS_SCOPES": json.dumps([TELL])}  # fmt: skip
    for key, value in given.items():
        monkeypatch.setenv(f"JUPYTERHUB_{key}", value)
    grid.HubOAuthenticated.hub_auth_class.clear_instance()  # it asks the hub of the test before
    server = HTTPServer(grid.application("/services/room/"), max_body_size=grid.LONGEST)
    server.add_socket(socket)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}/services/room/") as session:
            yield session
    finally:
        server.stop()
        hub.shutdown()
        hub.server_close()


def token(name):
    return {"Authorization": f"token {name}"}


async def told(session, name, body):
    """Send a report; returns the status."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with session.post("report", data=data, headers=token(name)) as answer:
        return answer.status


def test_what_was_done_stays_and_what_is_begun_does_not(room):
    room.take("ada", DONE)
    room.take("ada", {**DONE, "done": [], "begun": []})
    assert room.reports["ada"]["containers"]["done"] == {"cafe"}
    assert 'aria-label="done"' in room.page() and 'aria-label="begun"' not in room.page()


def test_lessons_are_kept_apart_and_a_hand_is_up_until_the_last_is_down(room):
    room.take("ada", {**DONE, "hand": True})
    room.take("ada", {"lesson": "images", "done": [], "begun": [], "hand": False})
    assert "hand up" in room.page()
    room.take("ada", DONE)
    assert "hand up" not in room.page()


def test_raised_hands_come_first_then_names_and_below_stands_how_many(grid, room):
    for name in ("cid", "ada", "ben"):
        room.take(name, {**DONE, "hand": name == "ben"})
    page = room.page()
    assert page.index("ben <b") < page.index("ada</th>") < page.index("cid</th>")
    assert page.count("<td>3</td>") == 1
    for titles in grid.LESSONS.values():
        assert all(f"<span>{html.escape(title)}</span>" in page for title in titles.values())


def test_a_name_of_a_stranger_is_text(room):
    room.take("<img src=x onerror=alert(1)>", DONE)
    assert "&lt;img src=x" in room.page() and "<img" not in room.page()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", {}, {**DONE, "lesson": "cooking"}, {**DONE, "done": ["tea"]},
     {**DONE, "done": 5}, {**DONE, "done": [[]]}, {**DONE, "lesson": []}, {**DONE, "hand": "<b>"}],
    ids=str,
)  # fmt: skip
def test_what_is_no_report_is_refused_and_kept_nowhere(grid, monkeypatch, body):
    async def send():
        async with served(grid, monkeypatch) as session:
            assert await told(session, "ada", body) == 400
            async with session.get("", headers=token("instructor")) as answer:
                assert "Nobody is here yet" in await answer.text()

    run_apart(send())


def test_who_may_tell_and_who_may_look(grid, monkeypatch):
    async def look():
        async with served(grid, monkeypatch) as session:
            statuses = [await told(session, name, DONE) for name in ("ada", "eve", "nobody")]
            assert statuses == [204, 403, 403]
            assert await told(session, "ben", b" " * 20_000) in (400, 413)
            for path in ("", "events"):
                for name in ("ada", "eve"):
                    async with session.get(path, headers=token(name)) as answer:
                        assert answer.status == 403, (path, name)
                async with session.get(path, allow_redirects=False) as answer:
                    assert answer.status == 302
                    assert "/oauth2/authorize" in answer.headers["Location"]
            async with session.get("", headers=token("instructor")) as answer:
                assert answer.status == 200 and "ada" in await answer.text()
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]

    run_apart(look())


def test_an_open_page_follows_and_one_that_was_closed_is_forgotten(grid, monkeypatch):
    monkeypatch.setattr(grid, "_KEEP", 0.1)
    room = grid.Room()
    monkeypatch.setattr(grid, "Room", lambda: room)

    async def follow():
        async with served(grid, monkeypatch) as session:
            async with session.get("events", headers=token("instructor")) as answer:
                assert "Nobody" in json.loads((await answer.content.readline())[6:])
                assert await answer.content.readline() == b"\n"
                assert await answer.content.readline() == b":\n"  # nothing changes, and it lives
                await told(session, "ada", {**DONE, "hand": True})
                while not (line := await answer.content.readline()).startswith(b"data: "):
                    pass
                assert "hand up" in json.loads(line[6:]) and room._waiting
            async with asyncio.timeout(5):
                while room._waiting:
                    await asyncio.sleep(0.05)

    run_apart(follow())
