"""The instructor's page of a room: who has done which exercise, and who raises a hand.

JupyterHub starts it as its service `room`. Learners' kernels send what `exercises/room.py` says;
their names come from JupyterHub. It is kept in memory, and goes with the hub.
"""

import asyncio
import contextlib
import json
import os
import secrets
import signal
from urllib.parse import urlsplit

from jupyterhub.services.auth import (
    HubAuth,
    HubAuthenticated,
    HubOAuthCallbackHandler,
    HubOAuthenticated,
)
from jupyterhub.utils import url_path_join
from tornado import iostream, template, web

from exercises import containers, images, registry
from exercises.exercise import exercises

LESSONS = {module.__name__.rpartition(".")[2]: {name: one.title for name, one in
                                                exercises(module).items()}
           for module in (registry, images, containers)}  # fmt: skip
LONGEST = 10_000  # bytes of a report
_BETWEEN = 0.2  # seconds at least from one picture to the next
_KEEP = 20  # seconds after which a silent stream says that it lives
_GRID = template.Template("""\
{% if not rows %}<p>Nobody is here yet. A learner appears with the first cells of a lesson.</p>
{% else %}<table><thead><tr><th scope="col" rowspan="2">Learner</th>
{% for lesson, titles in lessons.items() %}<th scope="colgroup" colspan="{{ len(titles) }}">
{{ lesson }}</th>{% end %}</tr><tr>
{% for titles in lessons.values() %}{% for title in titles.values() %}<th scope="col" class="title">
<span>{{ title }}</span></th>{% end %}{% end %}</tr></thead><tbody>
{% for name, hand, states in rows %}<tr><th scope="row">
{{ name }}{% if hand %} <b class="hand">hand up</b>{% end %}</th>
{% for state in states %}<td class="{{ state }}">
{% if state %}<span role="img" aria-label="{{ state }}">{{ "✓" if state == "done" else "…" }}</span>
{% end %}</td>{% end %}</tr>{% end %}</tbody><tfoot><tr><th scope="row">done by</th>
{% for count in counts %}<td>{{ count or "" }}</td>{% end %}</tr></tfoot></table>{% end %}""")
_PAGE = template.Template("""\
<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>The room</title>
<style nonce="{{ nonce }}">
:root { color-scheme: light dark; font: 18px/1.4 system-ui, sans-serif; }
table { border-collapse: collapse; } tbody tr:nth-child(odd) { background: #8881; }
th, td { padding: .15em .5em; text-align: center; border: 1px solid #8885; }
th[scope=row] { text-align: left; font-weight: normal; max-width: 12em; overflow-wrap: anywhere; }
.title { font-weight: normal; vertical-align: bottom; }
.title span { writing-mode: vertical-rl; rotate: 180deg; white-space: nowrap; font-size: .9em; }
thead { position: sticky; top: 0; background: Canvas; }
.hand { background: #fb0; color: #000; padding: 0 .4em; border-radius: .3em; }
.done { background: #2a83; font-weight: bold; }
</style>
<h1>The room</h1><p id="state" role="status">Learner by exercise; ✓ is done, … is begun.</p>
<main>{% raw grid %}</main>
<script nonce="{{ nonce }}">
const said = document.getElementById("state"), told = said.textContent;
const stream = new EventSource("events?_xsrf={{ url_escape(xsrf) }}");
stream.onmessage = event => {
  document.querySelector("main").innerHTML = JSON.parse(event.data); said.textContent = told;
};
const look = () => fetch("", { redirect: "manual" })
  .then(answer => answer.ok || answer.type === "opaqueredirect" ? location.reload() : wait(), wait);
const wait = () => setTimeout(look, 2000);
stream.onerror = () => {
  said.textContent = "The room does not answer. This is what it was.";
  if (stream.readyState === EventSource.CLOSED) wait();
};
</script></html>""")


class Room:
    """What the learners have said: by name, by lesson, a report."""

    def __init__(self):
        self.reports, self._waiting = {}, set()

    def take(self, name, report):
        """Keep a report; an exercise that was done stays done.

        Raises:
            ValueError: It is not one of our lessons and exercises.
        """
        lesson, hand = report["lesson"], report["hand"]
        done, begun = (frozenset(report[key]) for key in ("done", "begun"))
        if not done | begun <= LESSONS[lesson].keys() or not isinstance(hand, bool):
            raise ValueError("not of this course")
        before = self.reports.setdefault(name, {}).get(lesson, {"done": frozenset()})
        self.reports[name][lesson] = {"done": done | before["done"], "begun": begun, "hand": hand}
        for waiting in self._waiting:
            waiting.set()

    def page(self):
        """Return the grid as HTML: raised hands first, then by name."""
        rows = []
        for name, lessons in self.reports.items():
            states = [
                _state(lessons.get(lesson), one) for lesson in LESSONS for one in LESSONS[lesson]
            ]
            rows.append((name, any(report["hand"] for report in lessons.values()), states))
        rows.sort(key=lambda row: (not row[1], row[0]))
        counts = [column.count("done") for column in zip(*(row[2] for row in rows), strict=True)]
        return _GRID.generate(rows=rows, lessons=LESSONS, counts=counts).decode()

    async def pages(self):
        """Yield the grid now and after each change; None where nothing changes for a while."""
        changed = asyncio.Event()
        self._waiting.add(changed)
        try:
            yield self.page()
            while True:
                try:
                    await asyncio.wait_for(changed.wait(), _KEEP)
                except TimeoutError:
                    yield None
                    continue
                changed.clear()
                yield self.page()
                await asyncio.sleep(_BETWEEN)
        finally:
            self._waiting.discard(changed)


def _state(report, exercise):
    report = report or {"done": (), "begun": ()}
    return next((key for key in ("done", "begun") if exercise in report[key]), "")


class Handler(web.RequestHandler):
    """Learns who asks without keeping any other waiting."""

    async def prepare(self):
        await self.hub_auth.get_user(self, sync=False)


class Report(HubAuthenticated, Handler):
    """Takes what a learner's kernel says, by its token alone; who it is, JupyterHub says."""

    def initialize(self):
        self.hub_auth = self.settings["tokens"]

    @web.authenticated
    def post(self):
        try:
            self.settings["room"].take(self.current_user["name"], json.loads(self.request.body))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise web.HTTPError(400) from error
        self.set_status(204)


class Page(HubOAuthenticated, Handler):
    """The page, for whoever may open JupyterHub's own page of learners."""

    hub_scopes = {"admin-ui"}

    def set_default_headers(self):
        self.nonce = secrets.token_urlsafe()
        own = f"'nonce-{self.nonce}'"
        self.set_header(
            "Content-Security-Policy",
            f"default-src 'none'; script-src {own}; style-src {own}; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        )
        self.set_header("Cache-Control", "no-store")

    def write_error(self, status_code, **details):
        whose = "This page is the instructor's. Log out at /hub/logout, then log in as instructor."
        self.finish(whose if status_code == 403 else f"{status_code}: {self._reason}")

    @web.authenticated
    def get(self):
        self.write(
            _PAGE.generate(
                nonce=self.nonce, xsrf=self.xsrf_token, grid=self.settings["room"].page()
            )
        )


class Events(Page):
    """The same grid, again after each change, as server-sent events."""

    @web.authenticated
    async def get(self):
        self.set_header("Content-Type", "text/event-stream")
        with contextlib.suppress(iostream.StreamClosedError):  # the page was closed
            async with contextlib.aclosing(self.settings["room"].pages()) as pages:
                async for page in pages:
                    self.write(f"data: {json.dumps(page)}\n\n" if page else ":\n\n")
                    await self.flush()


def application(prefix):
    """Return the service as an application, below a prefix."""
    doors = {
        "": Page,
        "events": Events,
        "report": Report,
        "oauth_callback": HubOAuthCallbackHandler,
    }
    return web.Application(
        [(url_path_join(prefix, door), handler) for door, handler in doors.items()],
        room=Room(),
        tokens=HubAuth(cache_max_age=10),  # seconds
        cookie_secret=secrets.token_bytes(),
    )


async def main():
    """Listen where JupyterHub says, until it ends this."""
    address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    application(os.environ["JUPYTERHUB_SERVICE_PREFIX"]).listen(
        address.port, address.hostname, max_body_size=LONGEST, max_header_size=LONGEST,
        body_timeout=20, idle_connection_timeout=60,
    )  # fmt: skip
    await asyncio.Event().wait()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # so JupyterHub ends it, and it says nothing
    asyncio.run(main())
